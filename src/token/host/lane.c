#include "config.h" /* sched_getaffinity() */

#include "token/host/lane.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "token/host/channel.h"
#include "token/host/operations.h"
#include "token/host/rest.h"
#include "token/host/worker.h"
#include "token/inflight.h"
#include "util/clock.h"
#include "util/secret.h"

#define BATCH_MAX 16
/* On a slow token what is done is told before its whole batch is. */
#define REPLY_AFTER_US 20000

typedef struct queued queued_t;
struct queued {
    queued_t *next;
    protocol_op op;
    uint8_t key_id[TOKEN_KEY_ID];
    uint8_t unwrap_id[TOKEN_KEY_ID];
    uint8_t in[];
};

struct lane {
    pthread_mutex_t lock;
    pthread_cond_t arrived;
    queued_t *first;
    queued_t *last;
    size_t queued;
    unsigned busy;
    unsigned threads;
    bool steps_back;
    bool rests;
    worker_t workers[TOKEN_SESSIONS_MAX];
    struct lane_thread {
        lane_t *lane;
        worker_t *worker;
    } mains[TOKEN_SESSIONS_MAX];
};

/* ---- replies ---- */

void lane_send(replies_t *replies)
{
    if (replies->n > 0) {
        protocol_end(&replies->frame, replies->begun);
        channel_write(&replies->frame);
        replies->n = 0;
    }
}

static void add_reply(replies_t *replies, uint64_t id, result_t result, slice_t out)
{
    protocol_reply reply = { .id = id, .err = result.err, .ckr = result.rv, .out = out };
    int64_t now_us = clock_mono_us();

    if (replies->n == 0) {
        replies->begun = protocol_begin(&replies->frame, MSG_REPLIES);
        replies->since_us = now_us;
    }
    protocol_put_reply(&replies->frame, &reply);
    replies->n++;
    if (now_us - replies->since_us > REPLY_AFTER_US || replies->n == PROTOCOL_OPS_MAX) {
        lane_send(replies);
    }
}

void lane_run(worker_t *worker, const protocol_op *op, replies_t *replies)
{
    _cleanup_buf_ buf_t out = { 0 };
    result_t result;

    if (channel_over()) {
        return;
    }
    result = operations_run(worker, op, &out);
    if (buf_failed(&out)) {
        result = (result_t){ P11KMS_E_NOMEM, CKR_HOST_MEMORY };
    }
    if (result.err == P11KMS_E_TOKEN_LOST) {
        lane_send(replies);
        channel_fail(result.err, result.rv, p11kms_err_detail(result.err));
    }
    add_reply(replies, op->id, result, result.err == P11KMS_OK ? buf_slice(&out) : (slice_t){ 0 });
    if (inflight_lane_of(op->kind, op->mechanism) == LANE_CRYPTO) {
        __atomic_add_fetch(&worker->host->quick, 1, __ATOMIC_RELAXED);
    }
    if (operations_alone(op->kind)) {
        lane_send(replies); /* the front must know that this one is over before the next has the token alone */
    }
}

/* ---- the queue ---- */

void lane_push(lane_t *lane, const protocol_op *op)
{
    queued_t *item = malloc(sizeof(*item) + op->in.len);

    if (item == NULL) {
        channel_fail(P11KMS_E_TOKEN_LOST, CKR_HOST_MEMORY, "the token host is out of memory");
    }
    item->next = NULL;
    item->op = *op;
    memcpy(item->key_id, op->key_id, TOKEN_KEY_ID);
    item->op.key_id = item->key_id;
    if (op->unwrap_id != NULL) {
        memcpy(item->unwrap_id, op->unwrap_id, TOKEN_KEY_ID);
        item->op.unwrap_id = item->unwrap_id;
    }
    if (op->in.len > 0) {
        memcpy(item->in, op->in.data, op->in.len);
    }
    item->op.in = SLICE(item->in, op->in.len);

    pthread_mutex_lock(&lane->lock);
    *(lane->first == NULL ? &lane->first : &lane->last->next) = item;
    lane->last = item;
    lane->queued++;
    pthread_cond_signal(&lane->arrived);
    pthread_mutex_unlock(&lane->lock);
}

/* A fair share of what is queued, in order. */
static queued_t *take_share(lane_t *lane)
{
    queued_t *first, *last;
    size_t share;

    pthread_mutex_lock(&lane->lock);
    while (lane->queued == 0) {
        pthread_cond_wait(&lane->arrived, &lane->lock);
    }
    share = (lane->queued + lane->threads - 1) / lane->threads;
    share = share < BATCH_MAX ? share : BATCH_MAX;
    lane->queued -= share;
    lane->busy++;
    first = last = lane->first;
    while (--share > 0) {
        last = last->next;
    }
    lane->first = last->next;
    last->next = NULL;
    pthread_mutex_unlock(&lane->lock);
    return first;
}

/* What is done is told first. */
static void rest_a_while(const struct lane_thread *self, rest_t *rest, int64_t began_us, replies_t *replies)
{
    unsigned quick = __atomic_load_n(&self->worker->host->quick, __ATOMIC_RELAXED);
    int64_t pause_us = rest_after(rest, quick, clock_mono_us() - began_us);
    struct timespec pause = { .tv_sec = pause_us / 1000000, .tv_nsec = pause_us % 1000000 * 1000 };

    if (pause_us > 0) {
        lane_send(replies);
        (void)nanosleep(&pause, NULL);
    }
}

static void *lane_main(void *arg)
{
    const struct lane_thread *self = arg;
    replies_t replies = { .n = 0 };
    rest_t rest = { 0 };

    if (self->lane->steps_back) {
        worker_step_back();
    }
    for (;;) {
        queued_t *item = take_share(self->lane);

        while (item != NULL) {
            queued_t *next = item->next;
            int64_t began_us = clock_mono_us();

            lane_run(self->worker, &item->op, &replies);
            secret_wipe(item->in, item->op.in.len); /* what is to be signed may be a secret */
            free(item);
            item = next;
            if (self->lane->rests) {
                rest_a_while(self, &rest, began_us, &replies);
            }
        }
        lane_send(&replies);
        pthread_mutex_lock(&self->lane->lock);
        self->lane->busy--;
        pthread_mutex_unlock(&self->lane->lock);
    }
    return NULL;
}

bool lane_idle(lane_t *lane)
{
    bool idle;

    pthread_mutex_lock(&lane->lock);
    idle = lane->queued == 0 && lane->busy == 0;
    pthread_mutex_unlock(&lane->lock);
    return idle;
}

static p11kms_err start_thread(lane_t *lane, host_t *host, unsigned i)
{
    pthread_t thread;

    TRY(worker_open(&lane->workers[i], host).err);
    lane->mains[i] = (struct lane_thread){ lane, &lane->workers[i] };
    ENSURE(pthread_create(&thread, NULL, lane_main, &lane->mains[i]) == 0, P11KMS_E_NOMEM);
    pthread_detach(thread); /* it lives as long as the process */
    return P11KMS_OK;
}

static unsigned processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

p11kms_err lane_start(host_t *host, unsigned threads, bool steps_back, lane_t **ret)
{
    lane_t *lane = calloc(1, sizeof(*lane));

    ENSURE(lane != NULL, P11KMS_E_NOMEM);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->arrived, NULL);
    lane->threads = threads;
    lane->steps_back = steps_back;
    lane->rests = steps_back && rest_wanted(processors(), threads);
    *ret = lane; /* never freed: its threads use it */
    for (unsigned i = 0; i < threads; i++) {
        TRY(start_thread(lane, host, i));
    }
    return P11KMS_OK;
}
