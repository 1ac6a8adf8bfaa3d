#include "token/front_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "util/clock.h"

#define OP_DEADLINE_MS 5000
#define SLOW_DEADLINE_MS 60000
#define START_DEADLINE_MS 60000
#define QUEUE_MAX 4096

void front_posts_send(front_posts *posts)
{
    for (size_t i = 0; i < posts->n; i++) {
        mailbox_post(posts->groups[i].mailbox, posts->groups[i].first, posts->groups[i].last);
    }
    posts->n = 0;
}

void front_posts_add(front_posts *posts, token_op_t *op)
{
    completion_t *done = &op->done;
    size_t i = 0;

    while (i < posts->n && posts->groups[i].mailbox != op->mailbox) {
        i++;
    }
    if (i == FRONT_GROUPS) {
        front_posts_send(posts);
        i = 0;
    }
    done->next = NULL;
    if (i == posts->n) {
        posts->groups[posts->n++].mailbox = op->mailbox;
        posts->groups[i].first = done;
    } else {
        posts->groups[i].last->next = done;
    }
    posts->groups[i].last = done;
}

static void wake_supervisor(front_t *front)
{
    uint64_t one = 1;

    /* Full means that it is awake already. */
    (void)!write(front->wake_fd, &one, sizeof(one));
}

/* ---- operations ---- */

static p11kms_err cannot_take(const front_t *front)
{
    if (front->closing) {
        return P11KMS_E_SHUTDOWN;
    }
    return front->state == TOKEN_READY ? P11KMS_OK : P11KMS_E_TOKEN_LOST;
}

static void seal_frame(front_t *front)
{
    if (front->frame_ops > 0) {
        protocol_end(&front->out, front->frame_begun);
        front->frame_ops = 0;
        front->out_sealed = front->out.len;
        front->stats.frames++;
    }
}

static void append_op(front_t *front, const token_op_t *op)
{
    kinds_bounds bounds = kinds_of_op(op);
    protocol_op item = {
        .id = op->id,
        .kind = (uint8_t)bounds.kind,
        .key_id = op->key_id,
        .unwrap_id = op->unwrap_id,
        .type = (uint8_t)bounds.type,
        .use = (uint8_t)bounds.use,
        .mechanism = (uint8_t)bounds.mechanism,
        .out_len = (uint16_t)bounds.out_len,
        .in = SLICE(op->in.data, bounds.in_len),
    };

    if (front->frame_ops == 0) {
        front->frame_begun = protocol_begin(&front->out, MSG_OPS);
    }
    protocol_put_op(&front->out, &item);
    front->frame_ops++;
    if (front->frame_ops == PROTOCOL_OPS_MAX) {
        seal_frame(front);
    }
}

#define OP_OVERHEAD 64 /* of an operation and a frame in the protocol, rounded up */

static p11kms_err take_op(front_t *front, token_op_t *op)
{
    TRY(cannot_take(front));
    if (buf_reserve(&front->out, op->in.len + OP_OVERHEAD) == NULL) {
        front->out.failed = false; /* what is in it is whole */
        return P11KMS_E_NOMEM;
    }
    ENSURE(inflight_add(&front->inflight, op, op->started_us), P11KMS_E_BUSY);
    append_op(front, op);
    return P11KMS_OK;
}

static void front_submit(void *self, token_op_t *op)
{
    front_t *front = self;
    bool wake = false;
    p11kms_err err;

    pthread_mutex_lock(&front->lock);
    front->stats.ops[op->kind]++;
    err = take_op(front, op);
    if (err == P11KMS_OK) {
        wake = front->idle;
        front->idle = false;
    } else {
        front->stats.failures++;
    }
    pthread_mutex_unlock(&front->lock);

    if (wake) {
        wake_supervisor(front);
    }
    if (err != P11KMS_OK) {
        op->err = err;
        mailbox_post(op->mailbox, &op->done, &op->done);
    }
}

bool front_write(front_t *front)
{
    size_t sent = 0;

    while (sent < front->out_sealed && front->process.pid != 0) {
        ssize_t n = send(front->process.fd, front->out.data + sent, front->out_sealed - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            break; /* full, or the host is gone, which the supervisor sees */
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    if (sent > 0) {
        buf_consume(&front->out, sent);
        front->out_sealed -= sent;
        front->frame_begun -= front->frame_ops > 0 ? sent : 0;
    }
    return front->out_sealed > 0;
}

static void front_flush(void *self)
{
    front_t *front = self;
    bool more;

    pthread_mutex_lock(&front->lock);
    seal_frame(front);
    more = front_write(front);
    pthread_mutex_unlock(&front->lock);
    if (more) {
        wake_supervisor(front); /* it waits until the socket takes more */
    }
}

/* ---- what it is ---- */

static token_state front_state(void *self)
{
    front_t *front = self;
    token_state state;

    pthread_mutex_lock(&front->lock);
    state = front->state;
    pthread_mutex_unlock(&front->lock);
    return state;
}

static token_info front_info(void *self)
{
    front_t *front = self;
    token_info info;

    pthread_mutex_lock(&front->lock);
    info = front->info;
    pthread_mutex_unlock(&front->lock);
    return info;
}

void front_problem(front_t *front, char *out, size_t size)
{
    pthread_mutex_lock(&front->lock);
    snprintf(out, size, "%s", front->problem);
    pthread_mutex_unlock(&front->lock);
}

token_stats front_get_stats(front_t *front)
{
    token_stats stats;

    pthread_mutex_lock(&front->lock);
    stats = front->stats;
    stats.waiting = front->inflight.count;
    pthread_mutex_unlock(&front->lock);
    return stats;
}

int front_host_pid(front_t *front)
{
    int pid;

    pthread_mutex_lock(&front->lock);
    pid = (int)front->process.pid;
    pthread_mutex_unlock(&front->lock);
    return pid;
}

void front_retry_login(front_t *front)
{
    pthread_mutex_lock(&front->lock);
    front->retry = front->state != TOKEN_READY;
    pthread_mutex_unlock(&front->lock);
    wake_supervisor(front);
}

/* ---- open and close ---- */

static void free_front(front_t *front)
{
    const char *strings[] = { front->options.name,       front->options.uri,       front->options.module,
                              front->options.init_args,  front->options.pin_source, front->options.host_path };

    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        free((void *)(uintptr_t)strings[i]);
    }
    if (front->wake_fd >= 0) {
        close(front->wake_fd);
    }
    inflight_free(&front->inflight);
    buf_free(&front->out);
    buf_free(&front->in);
    pthread_cond_destroy(&front->changed);
    pthread_mutex_destroy(&front->lock);
    free(front);
}

static p11kms_err keep_string(const char *name, const char *from, const char **ret)
{
    if (from == NULL || strlen(from) > PROTOCOL_STRING_MAX) {
        FAIL(P11KMS_E_CONFIG, "%s is %s", name, from == NULL ? "missing" : "too long");
    }
    *ret = strdup(from);
    ENSURE(*ret != NULL, P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err keep_options(const token_options *from, token_options *to)
{
    to->dev = from->dev;
    to->session_copies = from->session_copies;
    to->sessions = from->sessions == 0 ? 1 : from->sessions;
    to->op_deadline_ms = from->op_deadline_ms == 0 ? OP_DEADLINE_MS : from->op_deadline_ms;
    to->slow_deadline_ms = from->slow_deadline_ms == 0 ? SLOW_DEADLINE_MS : from->slow_deadline_ms;
    to->start_deadline_ms = from->start_deadline_ms == 0 ? START_DEADLINE_MS : from->start_deadline_ms;
    to->queue_max = from->queue_max == 0 ? QUEUE_MAX : from->queue_max;
    if (to->sessions > TOKEN_SESSIONS_MAX) {
        FAIL(P11KMS_E_CONFIG, "sessions must be 1 to %d", TOKEN_SESSIONS_MAX);
    }
    TRY(keep_string("name", from->name, &to->name));
    TRY(keep_string("uri", from->uri, &to->uri));
    TRY(keep_string("module", from->module, &to->module));
    TRY(keep_string("init-args", from->init_args == NULL ? "" : from->init_args, &to->init_args));
    TRY(keep_string("pin-source", from->pin_source, &to->pin_source));
    return keep_string("host path", from->host_path, &to->host_path);
}

static p11kms_err prepare(const token_options *options, front_t *front)
{
    TRY(keep_options(options, &front->options));
    front->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (front->wake_fd < 0) {
        FAIL(P11KMS_E_IO, "eventfd: %s", strerror(errno));
    }
    if (inflight_init(&front->inflight, front->options.queue_max, (int64_t)front->options.op_deadline_ms * 1000,
                      (int64_t)front->options.slow_deadline_ms * 1000) != P11KMS_OK) {
        FAIL(P11KMS_E_CONFIG, "the queue of a token must be 1 to 65536 long");
    }
    return P11KMS_OK;
}

/* Signals are the daemon's business: the supervisor blocks them all. */
static p11kms_err start_thread(front_t *front)
{
    sigset_t all, before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&front->thread, NULL, front_supervise, front);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        FAIL(P11KMS_E_NOMEM, "no thread for the token: %s", strerror(failed));
    }
    return P11KMS_OK;
}

static void front_close(void *self)
{
    front_t *front = self;

    pthread_mutex_lock(&front->lock);
    front->closing = true;
    pthread_mutex_unlock(&front->lock);
    wake_supervisor(front);
    pthread_join(front->thread, NULL);
    free_front(front);
}

static p11kms_err wait_for_start(front_t *front)
{
    char problem[FRONT_PROBLEM_MAX];
    p11kms_err err = P11KMS_OK;

    pthread_mutex_lock(&front->lock);
    while (front->state != TOKEN_READY && front->failures == 0) {
        pthread_cond_wait(&front->changed, &front->lock);
    }
    if (front->failures > 0) {
        err = front->problem_err;
        snprintf(problem, sizeof(problem), "%s", front->problem);
    }
    pthread_mutex_unlock(&front->lock);
    return err == P11KMS_OK ? err : p11kms_fail(err, "%s", problem);
}

p11kms_err front_open(const token_options *options, bool keep_trying, front_t **ret)
{
    front_t *front = calloc(1, sizeof(*front));
    p11kms_err err;

    ENSURE(front != NULL, P11KMS_E_NOMEM);
    pthread_mutex_init(&front->lock, NULL);
    pthread_cond_init(&front->changed, NULL);
    front->wake_fd = -1;
    front->process = PROCESS_NONE;
    err = prepare(options, front);
    if (err == P11KMS_OK) {
        err = start_thread(front);
    }
    if (err != P11KMS_OK) {
        free_front(front);
        return err;
    }
    err = wait_for_start(front);
    if (err != P11KMS_OK && !keep_trying) {
        front_close(front);
        return err;
    }
    *ret = front;
    return err;
}

const token_driver front_driver = {
    .submit = front_submit,
    .flush = front_flush,
    .close = front_close,
    .state = front_state,
    .info = front_info,
};
