#include <fcntl.h>
#include <signal.h>

#include "http/conn.h"
#include "http/tls.h"

static void on_timer(uv_timer_t *timer);

/* ---- deadlines ---- */

static void arm(http_t *http, uint64_t at)
{
    uint64_t now = uv_now(http->loop);

    if (http->armed == 0 || at < http->armed) {
        http->armed = at;
        uv_timer_start(&http->timer, on_timer, at > now ? at - now : 0, 0);
    }
}

static void list_remove(conn_list *list, conn_t *conn)
{
    *(conn->prev != NULL ? &conn->prev->next : &list->first) = conn->next;
    *(conn->next != NULL ? &conn->next->prev : &list->last) = conn->prev;
    conn->prev = conn->next = NULL;
}

static void list_append(conn_list *list, conn_t *conn)
{
    conn->prev = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = conn;
    list->last = conn;
}

void http_enter(conn_t *conn, conn_state state)
{
    http_t *http = conn->http;

    if (conn->state == state) {
        return;
    }
    if (conn->state != CONN_CLOSED) {
        list_remove(&http->lists[conn->state], conn);
    }
    conn->state = state;
    if (state == CONN_CLOSED) {
        return;
    }
    list_append(&http->lists[state], conn);
    conn->since = uv_now(http->loop);
    if (http->timeout_ms[state] != 0) {
        conn->deadline = conn->since + http->timeout_ms[state];
        arm(http, conn->deadline);
    }
}

static void close_all(http_t *http)
{
    for (int state = 0; state < CONN_CLOSED; state++) {
        while (http->lists[state].first != NULL) {
            conn_close(http->lists[state].first);
        }
    }
}

/* Events of this pass come after timers, so what arrived in time has had its turn in the pass before. */
static void on_timer(uv_timer_t *timer)
{
    http_t *http = timer->data;
    uint64_t now = uv_now(http->loop);

    http->armed = 0;
    if (http->stopping && now >= http->stop_at) {
        close_all(http);
        return;
    }
    for (int state = 0; state < CONN_CLOSED; state++) {
        conn_list *list = &http->lists[state];

        if (http->timeout_ms[state] == 0) {
            continue;
        }
        while (list->first != NULL && list->first->deadline <= now) {
            conn_deadline(list->first);
        }
        if (list->first != NULL) {
            arm(http, list->first->deadline);
        }
    }
    if (http->stopping) {
        arm(http, http->stop_at);
    }
}

/* ---- life ---- */

p11kms_err http_new(struct uv_loop_s *loop, const http_limits *limits, http_t **ret)
{
    http_t *http = calloc(1, sizeof(*http));

    ENSURE(http != NULL, P11KMS_E_NOMEM);
    http->loop = loop;
    http->limits = *limits;
    http->timeout_ms[CONN_HANDSHAKE] = limits->header_timeout_ms;
    http->timeout_ms[CONN_IDLE] = limits->idle_timeout_ms;
    http->timeout_ms[CONN_HEAD] = limits->header_timeout_ms;
    http->timeout_ms[CONN_BODY] = limits->body_timeout_ms;
    http->timeout_ms[CONN_ANSWERING] = limits->answer_timeout_ms;
    http->timeout_ms[CONN_LINGER] = LINGER_MS;
    http->date_second = -1;
    http->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write() */
    uv_timer_init(loop, &http->timer);
    http->timer.data = http;
    http->handles = 1;
    *ret = http;
    return P11KMS_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    http_handle_closed(handle->data);
}

void http_maybe_free(http_t *http)
{
    listener_t *listener = http->listeners;

    if (!http->freed || http->handles > 0 || http->exchanges > 0) {
        return;
    }
    while (listener != NULL) {
        listener_t *next = listener->next;

        listener_free(listener);
        listener = next;
    }
    while (http->spares != NULL) {
        http_exchange_t *spare = http->spares;

        http->spares = spare->next;
        exchange_free(spare);
    }
    close(http->reserve_fd);
    free(http);
}

/** When only the timer is left there is nothing to wait for. */
static void end_timer(http_t *http)
{
    if (http->handles == 1 && http->stopping && !uv_is_closing((uv_handle_t *)&http->timer)) {
        uv_close((uv_handle_t *)&http->timer, on_timer_closed);
    }
}

void http_handle_closed(http_t *http)
{
    bool was_freed = http->freed; /* else done() is the one to do it, and http may be gone then */

    http->handles--;
    end_timer(http);
    if (http->handles == 0 && http->done != NULL) {
        void (*done)(void *arg) = STEAL(http->done);

        done(http->done_arg);
    }
    if (was_freed) {
        http_maybe_free(http);
    }
}

void http_stop(http_t *http, unsigned timeout_ms, void (*done)(void *arg), void *arg)
{
    static const conn_state at_once[] = { CONN_HANDSHAKE, CONN_IDLE };

    http->done = done;
    http->done_arg = arg;
    http->stopping = true;
    http->stop_at = uv_now(http->loop) + timeout_ms;
    for (listener_t *listener = http->listeners; listener != NULL; listener = listener->next) {
        listener_close(listener);
    }
    for (size_t i = 0; i < COUNT_OF(at_once); i++) {
        while (http->lists[at_once[i]].first != NULL) {
            conn_close(http->lists[at_once[i]].first);
        }
    }
    arm(http, http->stop_at);
    end_timer(http);
}

void http_free(http_t *http)
{
    http->freed = true;
    if (!http->stopping) {
        http_stop(http, 0, NULL, NULL);
    }
    http_maybe_free(http);
}

p11kms_err http_reload_certificates(http_t *http)
{
    size_t n = 0, loaded = 0;
    _cleanup_free_ struct ssl_ctx_st **contexts = NULL;
    p11kms_err err = P11KMS_OK;

    for (listener_t *listener = http->listeners; listener != NULL; listener = listener->next) {
        n++;
    }
    contexts = calloc(n + 1, sizeof(*contexts));
    ENSURE(contexts != NULL, P11KMS_E_NOMEM);
    for (listener_t *l = http->listeners; l != NULL && err == P11KMS_OK; l = l->next, loaded++) {
        err = l->tls != NULL ? listener_load_tls(l, &contexts[loaded]) : P11KMS_OK;
    }
    /* All or none: what is not put in place is freed below. */
    loaded = 0;
    for (listener_t *l = http->listeners; l != NULL; l = l->next, loaded++) {
        if (err == P11KMS_OK && l->tls != NULL) {
            struct ssl_ctx_st *old = l->tls;

            l->tls = contexts[loaded];
            contexts[loaded] = old;
        }
        tls_context_free(contexts[loaded]);
    }
    return err;
}

http_stats http_get_stats(const http_t *http)
{
    return http->stats;
}
