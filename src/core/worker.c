/*
 * The worker: the one thread that touches the store once the service runs.
 *
 * A change, its audit record and the removal of earlier, confirmed records go in
 * one transaction, so no crash leaves a change without its record.
 */
#include "core/core.h"

#include <stdio.h>
#include <string.h>

#define LOG_ROOM "core"
#include "util/log.h"

#define CONFIRM_IDLE_MS 1000
#define CONFIRM_BATCH 256

struct worker {
    core_t *core;
    store_t *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    pthread_cond_t ran;
    op_t *first, *last;
    unsigned waiting;
    event_list_t *confirmed; /* in the log: their outbox rows may go */
    unsigned n_confirmed;
    event_list_t *owed; /* committed, but the log refused their records */
    bool paying;        /* some of them are on their way */
    pthread_mutex_t asking; /* who asks for a job; taken before `lock` */
    p11kms_err (*job)(store_t *, void *);
    void *job_arg;
    p11kms_err job_err;
    char job_detail[512];
    bool job_done;
    bool stopping;
    bool store_failed; /* atomic: read by others */
};

static event_list_t *take_confirmed(worker_t *w)
{
    pthread_mutex_lock(&w->lock);
    event_list_t *list = w->confirmed;
    w->confirmed = NULL;
    w->n_confirmed = 0;
    pthread_mutex_unlock(&w->lock);
    return list;
}

static void give_back_confirmed(worker_t *w, event_list_t *list)
{
    pthread_mutex_lock(&w->lock);
    while (list) {
        event_list_t *c = list;
        list = c->next;
        c->next = w->confirmed;
        w->confirmed = c;
        w->n_confirmed++;
    }
    pthread_mutex_unlock(&w->lock);
}

static void free_events(event_list_t *list)
{
    while (list) {
        event_list_t *c = list;
        list = c->next;
        free(c);
    }
}

static p11kms_err delete_confirmed(store_t *store, const event_list_t *list)
{
    for (; list; list = list->next) {
        TRY(store_outbox_delete(store, list->event_id));
    }
    return P11KMS_OK;
}

/* Everything of one change that is inside its transaction. */
static p11kms_err change_body(worker_t *w, op_t *op, const event_list_t *confirmed)
{
    TRY(op->change(op, w->store));
    if (!op->preparing) {
        record_write(op, &op->record.line);
        ENSURE(!buf_failed(&op->record.line), P11KMS_E_NOMEM);
        TRY(store_outbox_put(w->store, op->event_id, buf_slice(&op->record.line)));
    }
    TRY(delete_confirmed(w->store, confirmed));
    return store_commit(w->store);
}

/* A change that could not be recorded is not begun: only the outbox would know of it. */
static p11kms_err may_begin(worker_t *w)
{
    if (!audit_healthy(w->core->audit)) {
        FAIL(P11KMS_E_AUDIT, "the audit log cannot be written");
    }
    return store_begin(w->store);
}

static void note_store(worker_t *w, p11kms_err err)
{
    __atomic_store_n(&w->store_failed, err == P11KMS_E_STORE, __ATOMIC_RELAXED);
}

bool worker_healthy(worker_t *w)
{
    return !__atomic_load_n(&w->store_failed, __ATOMIC_RELAXED);
}

/* A store that failed is tried without waiting for a request to try it. */
static void probe_store(worker_t *w)
{
    if (!worker_healthy(w)) {
        note_store(w, store_check(w->store));
    }
}

static void run_change(worker_t *w, op_t *op)
{
    event_list_t *confirmed = take_confirmed(w);
    p11kms_err err = may_begin(w);

    if (err == P11KMS_OK) {
        err = change_body(w, op, confirmed);
        if (err != P11KMS_OK) {
            op->err_detail = arena_strdup(op->arena, p11kms_err_detail(err));
            store_rollback(w->store);
        }
    } else {
        op->err_detail = arena_strdup(op->arena, p11kms_err_detail(err));
    }
    op->err = err;
    note_store(w, err);
    if (err == P11KMS_OK) {
        op->changed = op->changed || !op->preparing;
        free_events(confirmed);
        if (op->on_commit) {
            op->on_commit(op);
        }
    } else {
        if (!op->changed) {
            buf_clear(&op->record.line);
            buf_clear(&op->out);
        }
        give_back_confirmed(w, confirmed);
        if (op->on_abort) {
            op->on_abort(op);
        }
    }
}

/* The end of a transaction whose statements ended with @p err. */
static p11kms_err end_transaction(store_t *store, p11kms_err err)
{
    if (err == P11KMS_OK) {
        err = store_commit(store);
    }
    if (err != P11KMS_OK) {
        store_rollback(store);
    }
    return err;
}

/* With nothing else to do, confirmed records leave the outbox in a transaction of their own. */
static void tidy_outbox(worker_t *w)
{
    event_list_t *confirmed = take_confirmed(w);

    if (!confirmed) {
        return;
    }
    p11kms_err err = store_begin(w->store);
    if (err == P11KMS_OK) {
        err = end_transaction(w->store, delete_confirmed(w->store, confirmed));
    }
    if (err == P11KMS_OK) {
        free_events(confirmed);
    } else {
        log_warning("the outbox keeps confirmed records for now: %s", p11kms_err_detail(err));
        give_back_confirmed(w, confirmed);
    }
}

static bool any_uses_due(const worker_t *w, int64_t mono_us)
{
    return uses_due(w->core->uses, mono_us) || uses_due(w->core->key_uses, mono_us);
}

/* Last uses of keys: a courtesy to the administrator, so a store that fails costs no more than them. */
static void keep(worker_t *w, uses_t *uses, bool stop)
{
    if (!uses_due(uses, stop ? INT64_MAX : clock_mono_us())) {
        return;
    }
    p11kms_err err = store_begin(w->store);
    if (err == P11KMS_OK) {
        err = end_transaction(w->store, uses_store(uses, w->store));
    }
    if (err != P11KMS_OK) {
        log_warning("last uses of keys are not stored for now: %s", p11kms_err_detail(err));
    }
}

static void keep_uses(worker_t *w, bool stop)
{
    keep(w, w->core->uses, stop);
    keep(w, w->core->key_uses, stop);
}

static void run_job(worker_t *w)
{
    p11kms_err err = w->job(w->store, w->job_arg);

    pthread_mutex_lock(&w->lock);
    w->job_err = err;
    snprintf(w->job_detail, sizeof(w->job_detail), "%s", p11kms_err_detail(err));
    w->job = NULL;
    w->job_done = true;
    pthread_cond_broadcast(&w->ran);
    pthread_mutex_unlock(&w->lock);
}

/* What the log refused it gets once it takes records again. */
static void pay_owed(worker_t *w)
{
    if (!audit_healthy(w->core->audit)) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    event_list_t *owed = w->owed;
    w->owed = NULL;
    w->paying = owed != NULL;
    pthread_mutex_unlock(&w->lock);
    if (!owed) {
        return;
    }
    p11kms_err err = outbox_replay(w->core->audit, w->store, owed);
    if (err == P11KMS_OK) {
        free_events(owed);
        owed = NULL;
    } else {
        log_warning("records of changes are still owed to the audit log: %s", p11kms_err_detail(err));
    }
    pthread_mutex_lock(&w->lock);
    event_list_t **last = &w->owed;
    while (*last) {
        last = &(*last)->next;
    }
    *last = owed;
    w->paying = false;
    pthread_mutex_unlock(&w->lock);
}

/* Waits for work; returns with the lock held. */
static void await_work(worker_t *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->job && !w->stopping && w->n_confirmed < CONFIRM_BATCH) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += CONFIRM_IDLE_MS / 1000;
        bool idle = pthread_cond_timedwait(&w->more, &w->lock, &until) != 0;
        if (idle && (w->confirmed || w->owed || w->store_failed || any_uses_due(w, clock_mono_us()))) {
            break;
        }
    }
}

bool worker_owes(worker_t *w)
{
    pthread_mutex_lock(&w->lock);
    bool owes = w->owed != NULL || w->paying;
    pthread_mutex_unlock(&w->lock);
    return owes;
}

static void *worker_main(void *arg)
{
    worker_t *w = arg;

    for (;;) {
        await_work(w);
        op_t *op = w->first;
        if (op) {
            w->first = op->link;
            if (!w->first) {
                w->last = NULL;
            }
            w->waiting--;
        }
        bool job = w->job != NULL;
        bool stop = w->stopping && !op && !job;
        pthread_mutex_unlock(&w->lock);

        if (op) {
            run_change(w, op);
            mailbox_post(w->core->mailbox, &op->work_done, &op->work_done);
            pay_owed(w); /* not only when idle: under load that may be long */
            keep_uses(w, false);
        } else if (job) {
            run_job(w);
        } else {
            tidy_outbox(w);
            pay_owed(w);
            probe_store(w);
            keep_uses(w, stop);
            if (stop) {
                return NULL;
            }
        }
    }
}

p11kms_err worker_start(core_t *core, store_t *store, worker_t **ret)
{
    worker_t *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;

    ENSURE(w, P11KMS_E_NOMEM);
    w->core = core;
    w->store = store;
    pthread_mutex_init(&w->asking, NULL);
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->more, &attr);
    pthread_cond_init(&w->ran, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
        free(w);
        FAIL(P11KMS_E_NOMEM, "cannot start the worker thread");
    }
    *ret = w;
    return P11KMS_OK;
}

void worker_stop(worker_t *w)
{
    if (!w) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    store_close(w->store);
    free_events(w->confirmed);
    free_events(w->owed);
    pthread_cond_destroy(&w->more);
    pthread_cond_destroy(&w->ran);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->asking);
    free(w);
}

void worker_submit(worker_t *w, op_t *op)
{
    op->link = NULL;
    pthread_mutex_lock(&w->lock);
    if (w->last) {
        w->last->link = op;
    } else {
        w->first = op;
    }
    w->last = op;
    w->waiting++;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

/* Without memory for the note the row simply stays: start-up compares it with the log. */
static event_list_t *note(const char *event_id)
{
    event_list_t *e = malloc(sizeof(*e));

    if (e) {
        memcpy(e->event_id, event_id, UUID_TEXT);
    }
    return e;
}

void worker_confirm(worker_t *w, const char *event_id)
{
    event_list_t *e = note(event_id);

    if (!e) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    e->next = w->confirmed;
    w->confirmed = e;
    if (++w->n_confirmed >= CONFIRM_BATCH) {
        pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
}

void worker_owe(worker_t *w, const char *event_id)
{
    event_list_t *e = note(event_id);

    if (!e) {
        return;
    }
    pthread_mutex_lock(&w->lock);
    e->next = w->owed;
    w->owed = e;
    pthread_mutex_unlock(&w->lock);
}

p11kms_err worker_run(worker_t *w, p11kms_err (*job)(store_t *, void *), void *arg)
{
    char why[sizeof(w->job_detail)];

    pthread_mutex_lock(&w->asking);
    pthread_mutex_lock(&w->lock);
    w->job = job;
    w->job_arg = arg;
    w->job_done = false;
    pthread_cond_signal(&w->more);
    while (!w->job_done) {
        pthread_cond_wait(&w->ran, &w->lock);
    }
    p11kms_err err = w->job_err;
    snprintf(why, sizeof(why), "%s", w->job_detail);
    pthread_mutex_unlock(&w->lock);
    pthread_mutex_unlock(&w->asking);
    return err == P11KMS_OK ? P11KMS_OK : p11kms_fail(err, "%s", why);
}

unsigned worker_waiting(worker_t *w)
{
    pthread_mutex_lock(&w->lock);
    unsigned n = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return n;
}
