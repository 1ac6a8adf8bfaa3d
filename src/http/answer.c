#include <stdio.h>

#include "http/conn.h"
#include "util/clock.h"

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    { 200, "OK" },
    { 400, "Bad Request" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 411, "Length Required" },
    { 413, "Content Too Large" },
    { 417, "Expectation Failed" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

/* RFC 9112 section 4: a phrase may be empty. */
static const char *phrase_of(int status)
{
    for (size_t i = 0; i < COUNT_OF(phrases); i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return "";
}

static const char *date_now(http_t *http)
{
    int64_t now = clock_wall_ms();

    if (now / 1000 != http->date_second) {
        http->date_second = now / 1000;
        time_format_http(now, http->date);
    }
    return http->date;
}

static void compose(http_exchange_t *exchange, int status, slice_t headers, slice_t body, bool close)
{
    buf_t *out = &exchange->out;

    buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Length: %zu\r\n", status, phrase_of(status),
               date_now(exchange->conn->http), body.len);
    buf_put_slice(out, headers);
    buf_put_str(out, close ? "Connection: close\r\n\r\n" : "\r\n");
    if (!exchange->head.is_head) {
        buf_put_slice(out, body);
    }
}

void answer_refusal(http_exchange_t *exchange, refusal why, const char *request_id)
{
    const refusal_row *row = refusal_get(why);
    char headers[256], body[256];

    snprintf(headers, sizeof(headers),
             "x-amzn-RequestId: %s\r\nX-Amzn-ErrorType: %s\r\nContent-Type: application/x-amz-json-1.1\r\n",
             request_id, row->type);
    snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"message\":\"%s\"}", row->type, row->reason);
    compose(exchange, row->status, SLICE_STR(headers), SLICE_STR(body), true);
}

/* The client has gone: there is nobody to answer. */
static void drop(http_exchange_t *exchange)
{
    conn_t *conn = exchange->conn;
    http_t *http = conn->http;

    conn->exchange = NULL;
    exchange_give(http, exchange);
    conn_maybe_free(conn);
    http_maybe_free(http);
}

void http_answer(http_exchange_t *exchange, int status, slice_t headers, buf_t *body)
{
    _cleanup_buf_ buf_t taken = STEAL(*body);
    conn_t *conn = exchange->conn;

    conn->http->exchanges--;
    if (conn->state != CONN_BUSY) {
        drop(exchange);
        return;
    }
    conn->closing = exchange->head.close || conn->http->stopping;
    compose(exchange, status, headers, buf_slice(&taken), conn->closing);
    conn_send(conn);
    if (!conn->serving) {
        conn_continue(conn);
    }
}
