/* What the threads of this room share. */
#pragma once

#include <pthread.h>

#include "util/cleanup.h"

/**
 * Signals are for the daemon's own threads. (A blocked SIGXFSZ also turns a file
 * size limit into an error of write.)
 *
 * @return 0, or an errno value
 */
int thread_start(pthread_t *thread, void *(*run)(void *), void *arg);
/** For thread_wait_until(). */
void thread_cond_init(pthread_cond_t *cond);
/** Until it is signalled or clock_mono_us() has come to @p mono_us. */
void thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t mono_us);
