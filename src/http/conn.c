#include "http/conn.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "http/parse.h"
#include "http/tls.h"
#include "util/encode.h"

#define READ_FIRST 4095 /* buf_t adds a NUL: 4 KB hold nearly every request whole */
#define DRAIN_MAX (HTTP_HEAD_MAX + HTTP_BODY_MAX)

static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- a connection's ends ---- */

static void poll_for(conn_t *conn, int events)
{
    if (conn->events == events) {
        return;
    }
    conn->events = events;
    if (events == 0) {
        uv_poll_stop(&conn->poll);
    } else if (uv_poll_start(&conn->poll, events, on_poll) != 0) {
        conn_close(conn);
    }
}

static bool set_up(conn_t *conn, int fd, const struct sockaddr_storage *address)
{
    const listener_t *listener = conn->listener;
    int on = 1;

    conn->wire.fd = fd;
    peer_describe(&conn->peer, fd, address);
    if (conn->peer.kind == PEER_TCP) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    if (listener->tls != NULL) {
        conn->wire.tls = tls_new(listener->tls, fd);
    }
    return (listener->tls == NULL || conn->wire.tls != NULL) &&
           uv_poll_init_socket(conn->http->loop, &conn->poll, fd) == 0;
}

void conn_open(listener_t *listener, int fd, const struct sockaddr_storage *address)
{
    conn_t *conn = calloc(1, sizeof(*conn));

    if (conn == NULL) {
        close(fd);
        return;
    }
    conn->http = listener->http;
    conn->listener = listener;
    conn->poll.data = conn;
    conn->state = CONN_CLOSED;
    if (!set_up(conn, fd, address)) {
        wire_close(&conn->wire);
        free(conn);
        return;
    }
    conn->http->handles++;
    conn->http->stats.accepted++;
    conn->http->stats.open++;
    listener->open++;
    http_enter(conn, conn->wire.tls != NULL ? CONN_HANDSHAKE : CONN_IDLE);
    poll_for(conn, UV_READABLE);
}

void conn_maybe_free(conn_t *conn)
{
    if (conn->handle_closed && conn->exchange == NULL) {
        free(conn);
    }
}

static void on_closed(uv_handle_t *handle)
{
    conn_t *conn = handle->data;
    http_t *http = conn->http;

    conn->handle_closed = true;
    conn_maybe_free(conn);
    http_handle_closed(http);
}

static void release(conn_t *conn)
{
    if (conn->exchange != NULL) {
        exchange_give(conn->http, STEAL(conn->exchange));
    }
}

void conn_close(conn_t *conn)
{
    bool handler_has_it = conn->state == CONN_BUSY;

    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (!handler_has_it) {
        release(conn);
    }
    http_enter(conn, CONN_CLOSED);
    conn->http->stats.open--;
    conn->listener->open--;
    uv_close((uv_handle_t *)&conn->poll, on_closed);
    wire_close(&conn->wire);
}

/* A close with bytes unread becomes a reset, and a reset may overtake the answer: read on for a while. */
static void linger(conn_t *conn)
{
    release(conn);
    wire_end(&conn->wire);
    http_enter(conn, CONN_LINGER);
    poll_for(conn, UV_READABLE);
}

static void on_drain(conn_t *conn, int events)
{
    char scratch[16384];
    ssize_t n = recv(conn->wire.fd, scratch, sizeof(scratch), 0);

    (void)events;
    conn->drained += n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || conn->drained > DRAIN_MAX) {
        conn_close(conn);
    }
}

/* ---- sending ---- */

/** What stands in the exchange's out; false where the socket is full (or the connection lost). */
static bool flush(conn_t *conn)
{
    http_exchange_t *exchange = conn->exchange;
    wire_result result = WIRE_OK;
    size_t n = 0;

    while (result == WIRE_OK && exchange->sent < exchange->out.len) {
        slice_t rest = SLICE(exchange->out.data + exchange->sent, exchange->out.len - exchange->sent);

        result = wire_write(&conn->wire, rest, &n);
        exchange->sent += result == WIRE_OK ? n : 0;
    }
    if (result == WIRE_FAILED || result == WIRE_END) {
        conn_close(conn);
    }
    return result == WIRE_OK;
}

static void answered(conn_t *conn)
{
    if (conn->closing) {
        linger(conn);
        return;
    }
    exchange_next(conn->exchange);
    if (conn->exchange->in.len == 0) {
        release(conn);
    }
    http_enter(conn, CONN_IDLE);
    poll_for(conn, UV_READABLE);
}

void conn_send(conn_t *conn)
{
    http_enter(conn, CONN_ANSWERING);
    if (buf_failed(&conn->exchange->out)) {
        conn_close(conn);
    } else if (flush(conn)) {
        answered(conn);
    } else if (conn->state != CONN_CLOSED) {
        poll_for(conn, UV_WRITABLE);
    }
}

static void on_sendable(conn_t *conn, int events)
{
    (void)events;
    if (flush(conn)) {
        answered(conn);
        conn_continue(conn);
    }
}

static void refuse(conn_t *conn, refusal why)
{
    const refusal_row *row = refusal_get(why);
    const listener_t *listener = conn->listener;
    uint8_t uuid[16];
    char request_id[UUID_TEXT];

    uuid_random(uuid);
    uuid_format(uuid, request_id);
    conn->http->stats.bad_requests++;
    conn->closing = true;
    answer_refusal(conn->exchange, why, request_id);
    if (listener->refused != NULL) {
        listener->refused(listener->arg, &conn->peer, request_id, row->status, row->reason);
    }
    conn_send(conn);
}

/* ---- receiving ---- */

static bool is_reading(const conn_t *conn)
{
    return conn->state == CONN_IDLE || conn->state == CONN_HEAD || conn->state == CONN_BODY;
}

/** Of all that is promised no more than a budget; who has dawdled with a large body gives way. */
static bool make_room_for_body(http_t *http, size_t length)
{
    conn_t *conn = http->lists[CONN_BODY].first;

    while (http->large_bodies + length > LARGE_BODIES_MAX && conn != NULL &&
           uv_now(http->loop) - conn->since >= PATIENCE_MS) {
        conn_t *next = conn->next;

        if (conn->exchange->counted > 0) {
            conn_close(conn);
        }
        conn = next;
    }
    return http->large_bodies + length <= LARGE_BODIES_MAX;
}

/** Look for the head in what has arrived, once; exchange->head.length tells whether it is there. */
static refusal take_head(http_exchange_t *exchange)
{
    size_t length = 0;
    refusal verdict = guard_find_end(buf_slice(&exchange->in), &exchange->seen, &length);

    if (verdict != REFUSAL_NONE || length == 0) {
        return verdict;
    }
    verdict = guard_check(SLICE(exchange->in.data, length), &exchange->head);
    if (verdict == REFUSAL_NONE && exchange->head.content_length > BODY_SMALL) {
        http_t *http = exchange->conn->http;

        if (!make_room_for_body(http, exchange->head.content_length)) {
            return REFUSAL_BUSY;
        }
        exchange->counted = exchange->head.content_length;
        http->large_bodies += exchange->counted;
    }
    return verdict;
}

static void await_body(conn_t *conn)
{
    http_exchange_t *exchange = conn->exchange;

    if (conn->state == CONN_BODY) {
        return;
    }
    http_enter(conn, CONN_BODY);
    poll_for(conn, UV_READABLE);
    if (exchange->head.continues && !exchange->head.http_1_0 && exchange->in.len == exchange->head.length) {
        buf_put_str(&exchange->out, "HTTP/1.1 100 Continue\r\n\r\n");
        if (!flush(conn) && conn->state != CONN_CLOSED) {
            poll_for(conn, UV_READABLE | UV_WRITABLE);
        }
    }
}

static void hand_over(conn_t *conn)
{
    http_exchange_t *exchange = conn->exchange;
    refusal verdict = parse_request(exchange->in.data, &exchange->head, &exchange->message);

    if (verdict != REFUSAL_NONE) {
        refuse(conn, verdict);
        return;
    }
    exchange->message.peer = &conn->peer;
    http_enter(conn, CONN_BUSY);
    conn->http->stats.requests++;
    conn->http->exchanges++;
    conn->listener->handler(conn->listener->arg, exchange, &exchange->message);
}

/** One request out of what has arrived. True when it has been answered and another may follow. */
static bool serve_one(conn_t *conn)
{
    http_exchange_t *exchange = conn->exchange;

    if (exchange->head.length == 0) {
        refusal verdict = take_head(exchange);

        if (verdict != REFUSAL_NONE) {
            refuse(conn, verdict);
            return false;
        }
    }
    if (exchange->head.length == 0) {
        http_enter(conn, CONN_HEAD);
        return false;
    }
    if (exchange->in.len - exchange->head.length < exchange->head.content_length) {
        await_body(conn);
        return false;
    }
    hand_over(conn);
    return conn->state == CONN_IDLE;
}

static void serve(conn_t *conn)
{
    conn->serving = true;
    while (is_reading(conn) && conn->exchange != NULL && conn->exchange->in.len > 0 && serve_one(conn)) {
    }
    conn->serving = false;
}

/** No more than the request needs once its end is known: what follows it can wait in the socket. */
static size_t wanted(const http_exchange_t *exchange)
{
    size_t missing = exchange->head.length + exchange->head.content_length - exchange->in.len;

    return exchange->head.length > 0 ? missing : READ_FIRST;
}

#define READ_STEP 65536 /* a body's buffer grows as it arrives, not as it is promised */

/** True when something came. */
static bool read_some(conn_t *conn)
{
    http_exchange_t *exchange = conn->exchange;
    wire_result result = WIRE_FAILED;
    uint8_t *into;
    size_t size, n = 0;

    if (exchange == NULL) {
        exchange = conn->exchange = exchange_take(conn->http, conn);
    }
    if (exchange != NULL) {
        size = wanted(exchange);
        size = size < READ_STEP ? size : READ_STEP;
        into = buf_reserve(&exchange->in, size);
        result = into != NULL ? wire_read(&conn->wire, into, size, &n) : WIRE_FAILED;
    }
    if (result == WIRE_OK) {
        exchange->in.len += n;
        return true;
    }
    if (result == WIRE_FAILED || result == WIRE_END) {
        conn_close(conn);
        return false;
    }
    if (exchange->in.len == 0) {
        release(conn);
    }
    if (result == WIRE_WANTS_WRITE) {
        poll_for(conn, UV_READABLE | UV_WRITABLE);
    }
    return false;
}

void conn_continue(conn_t *conn)
{
    serve(conn);
    while (is_reading(conn) && wire_has_pending(&conn->wire) && read_some(conn)) {
        serve(conn);
    }
}

static void on_readable(conn_t *conn, int events)
{
    if ((events & UV_WRITABLE) != 0) {
        if (conn->exchange != NULL && !flush(conn)) {
            return;
        }
        poll_for(conn, UV_READABLE);
    }
    if (read_some(conn)) {
        conn_continue(conn);
    }
}

/* ---- the other states ---- */

static void on_handshake(conn_t *conn, int events)
{
    const listener_t *listener = conn->listener;
    wire_result result = tls_handshake(conn->wire.tls);

    (void)events;
    if (result == WIRE_OK) {
        conn->http->stats.handshakes++;
        tls_describe(conn->wire.tls, &conn->peer);
        http_enter(conn, CONN_IDLE);
        poll_for(conn, UV_READABLE);
        conn_continue(conn);
    } else if (result == WIRE_WANTS_READ || result == WIRE_WANTS_WRITE) {
        poll_for(conn, result == WIRE_WANTS_READ ? UV_READABLE : UV_WRITABLE);
    } else {
        conn->http->stats.handshakes_failed++;
        if (listener->refused != NULL) {
            listener->refused(listener->arg, &conn->peer, NULL, 0, tls_problem(conn->wire.tls));
        }
        conn_close(conn);
    }
}

/* Leave what comes in the socket until this request is answered. */
static void on_busy(conn_t *conn, int events)
{
    (void)events;
    poll_for(conn, 0);
}

static void refuse_late(conn_t *conn)
{
    refuse(conn, REFUSAL_TIMEOUT);
}

static const struct {
    void (*on_ready)(conn_t *conn, int events);
    void (*on_deadline)(conn_t *conn);
} states[CONN_STATES] = {
    [CONN_HANDSHAKE] = { on_handshake, conn_close }, [CONN_IDLE] = { on_readable, conn_close },
    [CONN_HEAD] = { on_readable, refuse_late },      [CONN_BODY] = { on_readable, refuse_late },
    [CONN_BUSY] = { on_busy, conn_close },           [CONN_ANSWERING] = { on_sendable, conn_close },
    [CONN_LINGER] = { on_drain, conn_close },
};

void conn_deadline(conn_t *conn)
{
    states[conn->state].on_deadline(conn);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    conn_t *conn = poll->data;

    if (status < 0) {
        conn_close(conn);
    } else {
        states[conn->state].on_ready(conn, events);
    }
}
