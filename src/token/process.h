/* The host as a child process with a socket between: private to the room. */
#pragma once

#include <sys/types.h>

#include "util/err.h"

typedef struct {
    pid_t pid; /* 0: none */
    int fd;    /* our end of the socketpair, non-blocking */
    int pidfd; /* readable when it has ended; -1 where the kernel has none */
} process_t;

#define PROCESS_NONE ((process_t){ .fd = -1, .pidfd = -1 })
#define PROCESS_ENDING_MAX 64

/**
 * Run @p path with @p name as its argument. It finds the other end of a socketpair on
 * PROTOCOL_FD, /dev/null as standard input, our standard error as output and error, every
 * signal at its default and nothing else open.
 *
 * @param own_group  In a process group of its own, so that a terminal's ^C passes it by. One that
 *                   prompts must stay in ours until it has read the answer.
 * @retval P11KMS_E_CONFIG  The program cannot be run.
 * @retval P11KMS_E_IO, P11KMS_E_NOMEM
 */
MUST_USE p11kms_err process_start(const char *path, const char *name, bool own_group, process_t *ret);

/**
 * Close the socket, wait @p grace_ms for it to end by itself, kill it and what it started in its
 * group, reap it.
 * @param how  What became of it: "exited with status 1", "was ended by signal 11".
 */
void process_end(process_t *process, int grace_ms, char how[PROCESS_ENDING_MAX]);
