#include "util/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct mailbox {
    void (*wake)(void *arg);
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    completion_t *first;
    completion_t *last;
};

static int cond_init_monotonic(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr);

    if (failed) {
        return failed;
    }
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (!failed) {
        failed = pthread_cond_init(cond, &attr);
    }
    pthread_condattr_destroy(&attr);
    return failed;
}

p11kms_err mailbox_new(void (*wake)(void *arg), void *arg, mailbox_t **ret)
{
    mailbox_t *box = calloc(1, sizeof(*box));

    ENSURE(box != NULL, P11KMS_E_NOMEM);
    box->wake = wake;
    box->arg = arg;
    if (cond_init_monotonic(&box->arrived) != 0) {
        free(box);
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    pthread_mutex_init(&box->lock, NULL);
    *ret = box;
    return P11KMS_OK;
}

void mailbox_free(mailbox_t *box)
{
    if (box == NULL) {
        return;
    }
    pthread_mutex_destroy(&box->lock);
    pthread_cond_destroy(&box->arrived);
    free(box);
}

void mailbox_post(mailbox_t *box, completion_t *first, completion_t *last)
{
    void (*wake)(void *arg);
    void *arg;
    bool was_empty;

    last->next = NULL;
    pthread_mutex_lock(&box->lock);
    was_empty = box->first == NULL;
    if (was_empty) {
        box->first = first;
    } else {
        box->last->next = first;
    }
    box->last = last;
    if (was_empty) {
        pthread_cond_signal(&box->arrived);
    }
    wake = box->wake;
    arg = box->arg;
    pthread_mutex_unlock(&box->lock);

    /*
     * Not under the lock: the thread this wakes would run into it. And without the
     * mailbox: one that mailbox_wait() watches may be freed as soon as it has this.
     */
    if (was_empty && wake != NULL) {
        wake(arg);
    }
}

static size_t run_all(completion_t *next)
{
    size_t count = 0;

    while (next != NULL) {
        completion_t *completion = next;

        next = completion->next; /* run() may free it or post it again */
        completion->next = NULL;
        completion->run(completion);
        count++;
    }
    return count;
}

static completion_t *take_locked(mailbox_t *box)
{
    completion_t *first = box->first;

    box->first = NULL;
    box->last = NULL;
    return first;
}

size_t mailbox_drain(mailbox_t *box)
{
    completion_t *first;

    pthread_mutex_lock(&box->lock);
    first = take_locked(box);
    pthread_mutex_unlock(&box->lock);
    return run_all(first);
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec when;

    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_sec += timeout_ms / 1000;
    when.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    return when;
}

size_t mailbox_wait(mailbox_t *box, int timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    completion_t *first;
    int failed = 0;

    pthread_mutex_lock(&box->lock);
    while (box->first == NULL && failed == 0) {
        failed = timeout_ms < 0 ? pthread_cond_wait(&box->arrived, &box->lock)
                                : pthread_cond_timedwait(&box->arrived, &box->lock, &deadline);
    }
    first = take_locked(box);
    pthread_mutex_unlock(&box->lock);
    return run_all(first);
}
