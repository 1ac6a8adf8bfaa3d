#include "core/helpers.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

/* A key pair of RSA_4096 takes half a second: who would wait longer than a client does is told to come again. */
static const unsigned lane_most[OP_LANES] = { [OP_LANE_QUICK] = 1024, [OP_LANE_SLOW] = 32 };
/* Where processors are few, the loop goes before key pairs. */
static const int lane_nice[OP_LANES] = { [OP_LANE_SLOW] = 10 };

typedef struct {
    helpers_t *all;
    op_lane name;
    pthread_t thread;
    bool started;
    pthread_cond_t more;
    op_t *first, *last;
    unsigned waiting;
} lane_t;

struct helpers {
    mailbox_t *mailbox;
    pthread_mutex_t lock;
    lane_t lanes[OP_LANES];
    bool stopping;
};

static op_t *take_op(lane_t *lane)
{
    helpers_t *h = lane->all;

    pthread_mutex_lock(&h->lock);
    while (!lane->first && !h->stopping) {
        pthread_cond_wait(&lane->more, &h->lock);
    }
    op_t *op = lane->first;
    if (op) {
        lane->first = op->link;
        lane->waiting--;
    }
    pthread_mutex_unlock(&h->lock);
    return op;
}

static void *lane_main(void *arg)
{
    lane_t *lane = arg;
    op_t *op;

    if (lane_nice[lane->name]) {
        setpriority(PRIO_PROCESS, 0, lane_nice[lane->name]); /* Linux: this thread's. As good as it goes */
    }
    while ((op = take_op(lane)) != NULL) {
        op->err = op->work(op);
        op->err_detail = op->err == P11KMS_OK ? NULL : arena_strdup(op->arena, p11kms_err_detail(op->err));
        mailbox_post(lane->all->mailbox, &op->work_done, &op->work_done);
    }
    return NULL;
}

p11kms_err helpers_start(mailbox_t *mailbox, helpers_t **ret)
{
    helpers_t *h = calloc(1, sizeof(*h));

    ENSURE(h, P11KMS_E_NOMEM);
    h->mailbox = mailbox;
    pthread_mutex_init(&h->lock, NULL);
    for (size_t i = 0; i < OP_LANES; i++) {
        h->lanes[i].all = h;
        h->lanes[i].name = (op_lane)i;
        pthread_cond_init(&h->lanes[i].more, NULL);
    }
    for (size_t i = 0; i < OP_LANES; i++) {
        h->lanes[i].started = pthread_create(&h->lanes[i].thread, NULL, lane_main, &h->lanes[i]) == 0;
        if (!h->lanes[i].started) {
            helpers_stop(h);
            FAIL(P11KMS_E_NOMEM, "cannot start a helper thread");
        }
    }
    *ret = h;
    return P11KMS_OK;
}

void helpers_stop(helpers_t *h)
{
    if (!h) {
        return;
    }
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    for (size_t i = 0; i < OP_LANES; i++) {
        pthread_cond_signal(&h->lanes[i].more);
    }
    pthread_mutex_unlock(&h->lock);
    for (size_t i = 0; i < OP_LANES; i++) {
        if (h->lanes[i].started) {
            pthread_join(h->lanes[i].thread, NULL);
        }
        pthread_cond_destroy(&h->lanes[i].more);
    }
    pthread_mutex_destroy(&h->lock);
    free(h);
}

static bool enqueue(lane_t *lane, op_t *op)
{
    if (lane->waiting >= lane_most[lane->name]) {
        return false;
    }
    op->link = NULL;
    if (lane->first) {
        lane->last->link = op;
    } else {
        lane->first = op;
    }
    lane->last = op;
    lane->waiting++;
    pthread_cond_signal(&lane->more);
    return true;
}

p11kms_err helpers_submit(helpers_t *h, op_lane lane, op_t *op)
{
    pthread_mutex_lock(&h->lock);
    bool taken = enqueue(&h->lanes[lane], op);
    pthread_mutex_unlock(&h->lock);
    ENSURE(taken, P11KMS_E_BUSY);
    return P11KMS_OK;
}

unsigned helpers_waiting(helpers_t *h, op_lane lane)
{
    pthread_mutex_lock(&h->lock);
    unsigned n = h->lanes[lane].waiting;
    pthread_mutex_unlock(&h->lock);
    return n;
}
