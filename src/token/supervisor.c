/*
 * One thread a token: starts the host, reads what it says, watches deadlines,
 * ends it and starts it again.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "token/ckr.h"
#include "token/front_impl.h"
#include "util/clock.h"

#define LOG_ROOM "token"
#include "util/log.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_LONGEST_MS 30000
#define HEALTHY_US INT64_C(1000000) /* a host that served so long has made good for those before it */
#define CLOSE_GRACE_MS 1000          /* for C_Finalize, when the daemon stops */
#define EXIT_GRACE_MS 200            /* for one that said it is going */
#define LINGER_MS 1000
#define READ_SIZE 65536
#define READS_MAX 16
#define PROMPT_EXTRA_MS 130000 /* for a human to answer the host's prompt, which the host itself bounds */
#define UNKNOWN_LOGINS_MAX 2 /* a module that dies in C_Login may still have counted a try */

/* ---- ending ---- */

static void end_with(front_t *front, p11kms_err err, int grace_ms, const char *fmt, ...) PRINTF(4, 5);

static void end_with(front_t *front, p11kms_err err, int grace_ms, const char *fmt, ...)
{
    va_list args;

    if (front->ending.err != P11KMS_OK) {
        return; /* the first reason is the cause */
    }
    front->ending.err = err;
    front->ending.grace_ms = grace_ms;
    va_start(args, fmt);
    vsnprintf(front->ending.text, sizeof(front->ending.text), fmt, args);
    va_end(args);
}

static void end_for_nonsense(front_t *front, const char *what)
{
    end_with(front, P11KMS_E_TOKEN_LOST, 0, "the token host sent %s", what);
}

static void fail_op(front_t *front, front_posts *posts, token_op_t *op, p11kms_err err)
{
    op->err = err;
    front->stats.failures++;
    front_posts_add(posts, op);
}

/* A chain by link: each is its caller's again once it is posted. */
static void fail_chain(front_t *front, front_posts *posts, token_op_t *op, p11kms_err err)
{
    while (op != NULL) {
        token_op_t *next = op->link;

        fail_op(front, posts, op, err);
        op = next;
    }
}

/* ---- what the host says; each yields what was wrong with it, or NULL ---- */

static bool reply_fits(const inflight_slot *slot, const protocol_reply *reply)
{
    if (reply->err != P11KMS_OK) {
        return true; /* the decoder saw to it that nothing comes with an error */
    }
    return reply->out.len <= PROTOCOL_LIST_MAX * TOKEN_KEY_ID && kinds_reply_fits(&slot->bounds, reply->out.len);
}

static void give_result(token_op_t *op, const protocol_reply *reply)
{
    op->err = reply->err;
    op->ckr = reply->ckr;
    if (reply->err != P11KMS_OK) {
        return;
    }
    if (op->kind == TOKEN_OP_LIST) {
        buf_clear(&op->out_list);
        buf_put_slice(&op->out_list, reply->out);
        op->err = buf_failed(&op->out_list) ? P11KMS_E_NOMEM : P11KMS_OK;
        return;
    }
    if (reply->out.len > 0) {
        memcpy(op->out, reply->out.data, reply->out.len);
    }
    op->out_used = reply->out.len;
}

static const char *take_reply(front_t *front, const protocol_reply *reply, int64_t now_us)
{
    inflight_slot *slot = inflight_find(&front->inflight, reply->id);
    token_op_t *op;

    if (slot == NULL) {
        return "a reply to nothing";
    }
    if (!reply_fits(slot, reply)) {
        return "a reply of the wrong length";
    }
    op = slot->op;
    inflight_remove(&front->inflight, slot, now_us);
    if (op != NULL) {
        give_result(op, reply);
        front->stats.failures += op->err != P11KMS_OK;
        front_posts_add(&front->posts, op);
    }
    return NULL;
}

static const char *on_replies(front_t *front, slice_t body)
{
    reader_t reader = reader_over(body);
    int64_t now_us = clock_mono_us();
    const char *wrong = NULL;
    protocol_reply reply;

    pthread_mutex_lock(&front->lock);
    while (wrong == NULL && protocol_get_reply(&reader, &reply)) {
        wrong = take_reply(front, &reply, now_us);
    }
    pthread_mutex_unlock(&front->lock);
    if (wrong == NULL && !reader_done(&reader)) {
        wrong = "replies that cannot be read";
    }
    return wrong;
}

static const char *on_exclusive(front_t *front, slice_t body)
{
    inflight_slot *slot;
    uint64_t id;
    bool fits = false;

    if (!protocol_get_exclusive(body, &id)) {
        return "a notice that cannot be read";
    }
    pthread_mutex_lock(&front->lock);
    slot = inflight_find(&front->inflight, id);
    fits = slot != NULL && inflight_set_exclusive(&front->inflight, slot);
    pthread_mutex_unlock(&front->lock);
    return fits ? NULL : "a notice about nothing";
}

static const char *on_login(front_t *front, slice_t body)
{
    front->logging_in = true;
    return body.len == 0 ? NULL : "a notice that cannot be read";
}

static void know_login(front_t *front)
{
    front->logging_in = false;
    front->unknown_logins = 0;
}

static const char *on_logged_in(front_t *front, slice_t body)
{
    know_login(front);
    return body.len == 0 ? NULL : "a notice that cannot be read";
}

static const char *on_ready(front_t *front, slice_t body)
{
    bool again = front->ready_since_us != 0;
    token_info info;

    if (!protocol_get_info(body, &info)) {
        return "an introduction that cannot be read";
    }
    know_login(front);
    front->ready_since_us = clock_mono_us();
    pthread_mutex_lock(&front->lock);
    front->info = info;
    front->state = TOKEN_READY;
    front->problem[0] = '\0';
    pthread_cond_broadcast(&front->changed);
    pthread_mutex_unlock(&front->lock);
    log_notice("token '%s': %s ('%s', %s, %u keys)", front->options.name, again ? "ready again" : "ready", info.label,
               info.library, info.keys);
    return NULL;
}

static const char *on_failed(front_t *front, slice_t body)
{
    protocol_failed failed;

    if (!protocol_get_failed(body, &failed)) {
        return "a farewell that cannot be read";
    }
    front->refused = failed.err == P11KMS_E_TOKEN_PIN && front->logging_in;
    /* An error of C_Login that can mean anything may be that of a counted try. */
    front->logging_in = front->logging_in && failed.err == P11KMS_E_TOKEN_LOST &&
                        ckr_classify(failed.ckr) == CKR_CLASS_DOUBT;
    end_with(front, failed.err, EXIT_GRACE_MS, "%s", failed.text);
    return NULL;
}

static const struct {
    const char *(*take)(front_t *front, slice_t body);
    bool starting; /* may come before MSG_READY */
    bool serving;  /* may come after it */
} messages[] = {
    [MSG_LOGIN] = { on_login, .starting = true },
    [MSG_LOGGED_IN] = { on_logged_in, .starting = true },
    [MSG_READY] = { on_ready, .starting = true },
    [MSG_FAILED] = { on_failed, .starting = true, .serving = true },
    [MSG_REPLIES] = { on_replies, .serving = true },
    [MSG_EXCLUSIVE] = { on_exclusive, .serving = true },
};

static void take_frame(front_t *front, const protocol_frame *frame)
{
    bool serving = front->state == TOKEN_READY; /* only this thread changes it */
    const char *wrong;

    if (frame->type >= COUNT_OF(messages) || messages[frame->type].take == NULL ||
        !(serving ? messages[frame->type].serving : messages[frame->type].starting)) {
        end_for_nonsense(front, "a message out of place");
        return;
    }
    wrong = messages[frame->type].take(front, frame->body);
    if (wrong != NULL) {
        end_for_nonsense(front, wrong);
    }
}

/* The completions of all frames read at once go out together. */
static void take_frames(front_t *front)
{
    slice_t rest = buf_slice(&front->in);
    protocol_state state = FRAME_WHOLE;
    protocol_frame frame;

    while (front->ending.err == P11KMS_OK && (state = protocol_next(rest, &frame)) == FRAME_WHOLE) {
        take_frame(front, &frame);
        rest = SLICE(rest.data + frame.size, rest.len - frame.size);
    }
    if (state == FRAME_BAD) {
        end_for_nonsense(front, "a frame of impossible length");
    }
    front_posts_send(&front->posts);
    buf_consume(&front->in, front->in.len - rest.len); /* wipes: PRF results were in it */
}

/** @return true when there may be more. */
static bool read_some(front_t *front)
{
    uint8_t *at = buf_reserve(&front->in, READ_SIZE);
    ssize_t n;

    if (at == NULL) {
        front->in.failed = false;
        end_with(front, P11KMS_E_TOKEN_LOST, 0, "out of memory");
        return false;
    }
    n = recv(front->process.fd, at, READ_SIZE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n <= 0) { /* an error is ECONNRESET: it ended before it read everything */
        end_with(front, P11KMS_E_TOKEN_LOST, EXIT_GRACE_MS, "%s", "");
        return false;
    }
    front->in.len += (size_t)n;
    take_frames(front);
    return n == READ_SIZE;
}

/* Not without end: a host that never stops talking must meet its deadlines. */
static void read_much(front_t *front)
{
    for (int i = 0; i < READS_MAX && front->ending.err == P11KMS_OK && read_some(front); i++) {
        /* on to the next */
    }
}

/* ---- deadlines ---- */

static void check_deadlines(front_t *front)
{
    int64_t now_us = clock_mono_us();
    front_posts posts = { .n = 0 };
    bool hangs;

    if (front->state != TOKEN_READY) {
        if (now_us >= front->start_deadline_us) {
            end_with(front, P11KMS_E_TOKEN_LOST, 0, "the token host was not ready within %u ms and was ended",
                     front->options.start_deadline_ms);
        }
        return;
    }
    pthread_mutex_lock(&front->lock);
    hangs = inflight_hangs(&front->inflight, now_us);
    if (!hangs) {
        fail_chain(front, &posts, inflight_give_up(&front->inflight, now_us), P11KMS_E_TIMEOUT);
    }
    pthread_mutex_unlock(&front->lock);
    front_posts_send(&posts);
    if (hangs) {
        end_with(front, P11KMS_E_TOKEN_LOST, 0, "the token did not answer in time: the token host was ended");
    }
}

static int until_ms(int64_t when_us)
{
    int64_t left_us = when_us - clock_mono_us();

    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

/*
 * A submit wakes this thread only when it sleeps for good, which it does after some time
 * without work. Otherwise it sleeps no longer than the shortest deadline, so that no
 * operation submitted meanwhile ends before it has looked.
 */
static int poll_timeout(front_t *front, bool lingered)
{
    const token_options *options = &front->options;
    unsigned shortest_ms =
        options->op_deadline_ms < options->slow_deadline_ms ? options->op_deadline_ms : options->slow_deadline_ms;
    int64_t longest_us = clock_mono_us() + (int64_t)shortest_ms * 1000;
    int64_t next_us;

    if (front->state != TOKEN_READY) {
        return until_ms(front->start_deadline_us);
    }
    pthread_mutex_lock(&front->lock);
    next_us = inflight_next_us(&front->inflight);
    front->idle = next_us == INT64_MAX && lingered;
    pthread_mutex_unlock(&front->lock);
    if (next_us == INT64_MAX) {
        return lingered ? -1 : (int)(shortest_ms < LINGER_MS ? shortest_ms : LINGER_MS);
    }
    return until_ms(next_us < longest_us ? next_us : longest_us);
}

/* ---- one host's life ---- */

static void clear_wake(front_t *front)
{
    uint64_t count;

    (void)!read(front->wake_fd, &count, sizeof(count));
}

static bool wants_to_write(front_t *front)
{
    bool more;

    pthread_mutex_lock(&front->lock);
    more = front_write(front);
    pthread_mutex_unlock(&front->lock);
    return more;
}

static void check_closing(front_t *front)
{
    bool closing;

    pthread_mutex_lock(&front->lock);
    closing = front->closing;
    pthread_mutex_unlock(&front->lock);
    if (closing) {
        end_with(front, P11KMS_E_SHUTDOWN, CLOSE_GRACE_MS, "the service is stopping");
    }
}

static void talk(front_t *front)
{
    bool lingered = false;

    while (front->ending.err == P11KMS_OK) {
        struct pollfd fds[] = {
            { .fd = front->process.fd, .events = POLLIN },
            { .fd = front->wake_fd, .events = POLLIN },
            { .fd = front->process.pidfd, .events = POLLIN },
        };
        int ready;

        fds[0].events = (short)(POLLIN | (wants_to_write(front) ? POLLOUT : 0));
        ready = poll(fds, COUNT_OF(fds), poll_timeout(front, lingered));
        lingered = ready == 0;
        if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            read_much(front);
        }
        if (fds[1].revents) {
            clear_wake(front);
            check_closing(front);
        }
        if (fds[2].revents) {
            end_with(front, P11KMS_E_TOKEN_LOST, 0, "%s", ""); /* one of its children may hold the socket open */
        }
        check_deadlines(front);
    }
}

static protocol_login login_manner(const front_t *front)
{
    if (front->ordered) {
        return LOGIN_ORDERED;
    }
    return front->unknown_logins > 0 ? LOGIN_CAREFUL : LOGIN_PLAIN;
}

static p11kms_err start_host(front_t *front)
{
    const token_options *options = &front->options;
    protocol_start start = {
        .name = options->name,
        .uri = options->uri,
        .module = options->module,
        .init_args = options->init_args,
        .pin_source = options->pin_source,
        .dev = options->dev,
        .session_copies = options->session_copies,
        .sessions = (uint8_t)options->sessions,
        .login = (uint8_t)login_manner(front),
    };
    bool prompts = strcmp(options->pin_source, "prompt") == 0;
    int64_t limit_ms = (int64_t)options->start_deadline_ms + (prompts ? PROMPT_EXTRA_MS : 0);
    process_t process;

    front->tried = pin_mark_of(options->pin_source);
    front->refused = false;
    front->start_deadline_us = clock_mono_us() + limit_ms * 1000;
    TRY(process_start(options->host_path, options->name, !prompts, &process));
    pthread_mutex_lock(&front->lock);
    front->process = process;
    front->stats.restarts += front->failures > 0;
    protocol_put_start(&front->out, &start);
    front->out_sealed = front->out.len;
    pthread_mutex_unlock(&front->lock);
    return P11KMS_OK;
}

/* No more is taken from now on, and what was is answered before the host is waited for. */
static void leave_ready(front_t *front)
{
    p11kms_err err = front->ending.err == P11KMS_E_SHUTDOWN ? P11KMS_E_SHUTDOWN : P11KMS_E_TOKEN_LOST;
    front_posts posts = { .n = 0 };

    pthread_mutex_lock(&front->lock);
    if (front->state == TOKEN_READY) {
        front->state = TOKEN_LOST;
        snprintf(front->problem, sizeof(front->problem), "%s",
                 front->ending.text[0] != '\0' ? front->ending.text : "the token host is gone"); /* for now */
    }
    fail_chain(front, &posts, inflight_take_all(&front->inflight), err);
    buf_clear(&front->out);
    front->out_sealed = 0;
    front->frame_ops = 0;
    pthread_mutex_unlock(&front->lock);
    front_posts_send(&posts);
}

static void reap_host(front_t *front)
{
    char how[PROCESS_ENDING_MAX] = "";
    process_t process;

    pthread_mutex_lock(&front->lock);
    process = front->process;
    front->process = PROCESS_NONE;
    pthread_mutex_unlock(&front->lock);
    if (process.pid != 0) {
        process_end(&process, front->ending.grace_ms, how);
    }
    if (front->ending.text[0] == '\0') {
        snprintf(front->ending.text, sizeof(front->ending.text), "the token host %s", how);
    }
    buf_clear(&front->in);
}

static void judge_login(front_t *front)
{
    if (!front->logging_in || front->ending.err == P11KMS_E_SHUTDOWN) {
        return;
    }
    front->logging_in = false;
    front->unknown_logins++;
    if (front->unknown_logins >= UNKNOWN_LOGINS_MAX) {
        front->ending.err = P11KMS_E_TOKEN_PIN;
        snprintf(front->ending.text, sizeof(front->ending.text),
                 "logging in had no known outcome %u times in a row; each time may have counted as a wrong PIN, so it "
                 "is not tried again unless ordered",
                 front->unknown_logins);
    }
}

static void tell_ending(front_t *front)
{
    bool refused = front->ending.err == P11KMS_E_TOKEN_PIN;

    pthread_mutex_lock(&front->lock);
    front->state = refused ? TOKEN_PIN_REFUSED : TOKEN_LOST;
    front->problem_err = front->ending.err;
    snprintf(front->problem, sizeof(front->problem), "%s", front->ending.text);
    front->failures++;
    front->retry = false; /* an order given meanwhile was about this start */
    pthread_cond_broadcast(&front->changed);
    pthread_mutex_unlock(&front->lock);
    if (front->ending.err != P11KMS_E_SHUTDOWN) {
        log_error("token '%s': %s", front->options.name, front->ending.text);
    }
}

static void run_host(front_t *front)
{
    bool was_ready;
    p11kms_err err;

    front->ending = (front_ending){ .err = P11KMS_OK };
    err = start_host(front);
    if (err == P11KMS_OK) {
        talk(front);
    } else {
        end_with(front, err, 0, "%s", p11kms_err_detail(err));
    }
    was_ready = front->state == TOKEN_READY;
    if (was_ready && clock_mono_us() - front->ready_since_us >= HEALTHY_US) {
        front->pause_ms = 0;
    }
    leave_ready(front);
    reap_host(front);
    judge_login(front);
    tell_ending(front);
}

/* ---- between two hosts ---- */

typedef enum { REST_OVER, REST_ON, REST_CLOSING } rest_state;

/*
 * A reload is an order, and comes for other reasons too, by scripts even: what the token has refused, or
 * may have, is not sent again, and the last try is taken only for a PIN source that has changed.
 */
static bool may_follow_order(front_t *front)
{
    pin_mark now = pin_mark_of(front->options.pin_source);
    bool same = pin_mark_same(&front->tried, &now);

    if (same && (front->refused || front->unknown_logins >= UNKNOWN_LOGINS_MAX)) {
        log_error("token '%s': not logged in again: the PIN source has not changed since", front->options.name);
        return false;
    }
    front->ordered = !same;
    return true;
}

static bool take_order(front_t *front)
{
    bool order = front->retry;

    front->retry = false;
    return order && may_follow_order(front);
}

static rest_state look_up(front_t *front, int64_t until_us)
{
    rest_state state = REST_ON;

    pthread_mutex_lock(&front->lock);
    front->ordered = false;
    if (front->closing) {
        state = REST_CLOSING;
    } else if (take_order(front)) {
        front->state = TOKEN_STARTING;
        state = REST_OVER;
    } else if (front->state != TOKEN_PIN_REFUSED && clock_mono_us() >= until_us) {
        state = REST_OVER;
    }
    pthread_mutex_unlock(&front->lock);
    return state;
}

/** @return true when the next host is to be started. */
static bool rest(front_t *front)
{
    struct pollfd wake = { .fd = front->wake_fd, .events = POLLIN };
    int64_t until_us;
    rest_state state;

    front->pause_ms = front->pause_ms == 0 ? PAUSE_FIRST_MS : front->pause_ms * 2;
    if (front->pause_ms > PAUSE_LONGEST_MS) {
        front->pause_ms = PAUSE_LONGEST_MS;
    }
    until_us = clock_mono_us() + (int64_t)front->pause_ms * 1000;
    while ((state = look_up(front, until_us)) == REST_ON) {
        (void)poll(&wake, 1, front->state == TOKEN_PIN_REFUSED ? -1 : until_ms(until_us));
        clear_wake(front);
    }
    return state == REST_OVER;
}

void *front_supervise(void *arg)
{
    front_t *front = arg;

    do {
        run_host(front);
    } while (rest(front));
    return NULL;
}
