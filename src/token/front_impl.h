/* What front.c (the callers' threads) and supervisor.c (the token's own thread) share. */
#pragma once

#include <pthread.h>

#include "token/front.h"
#include "token/inflight.h"
#include "token/pin_mark.h"
#include "token/process.h"
#include "token/protocol.h"

#define FRONT_PROBLEM_MAX 512

/* Why the host is to be ended; err is P11KMS_OK while it is not. */
typedef struct {
    p11kms_err err;
    int grace_ms;
    char text[FRONT_PROBLEM_MAX];
} front_ending;

/* Completions on their way: one post a mailbox. */
#define FRONT_GROUPS 8
typedef struct {
    struct {
        mailbox_t *mailbox;
        completion_t *first;
        completion_t *last;
    } groups[FRONT_GROUPS];
    size_t n;
} front_posts;

struct front {
    token_options options; /* strings are ours */
    pthread_t thread;
    int wake_fd; /* an eventfd: the supervisor has something to look at */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    token_state state;
    token_info info;
    p11kms_err problem_err;
    char problem[FRONT_PROBLEM_MAX];
    unsigned failures; /* starts that failed and hosts that ended */
    bool closing;
    bool retry;
    bool idle; /* the supervisor sleeps without a time limit: the next submit wakes it */
    process_t process;
    inflight_t inflight;
    buf_t out;         /* frames for the host */
    size_t out_sealed; /* of them whole, ready to go */
    size_t frame_begun;
    unsigned frame_ops; /* in the frame that is still open at the end of out; 0: none is */
    token_stats stats;

    /* the supervisor's own */
    front_ending ending;
    buf_t in;
    front_posts posts;
    int64_t start_deadline_us;
    int64_t ready_since_us;
    unsigned pause_ms;
    bool logging_in;         /* the host has begun C_Login and not told its end */
    unsigned unknown_logins; /* hosts in a row that ended in that state */
    bool ordered;            /* this start was ordered by token_retry_login() */
    pin_mark tried;          /* the PIN source of the last start */
    bool refused;            /* the token has refused what was in it */
};

void front_posts_add(front_posts *posts, token_op_t *op);
void front_posts_send(front_posts *posts);

/** Write what is whole and fits; under the lock. @return true when some is left */
bool front_write(front_t *front);
void *front_supervise(void *front); /* a thread's main */
