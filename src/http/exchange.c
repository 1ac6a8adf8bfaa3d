#include "http/conn.h"

/* A spare keeps buffers of ordinary size and gives back those a large request made. */
#define KEEP_CAP (2 * HTTP_HEAD_MAX)

http_exchange_t *exchange_take(http_t *http, conn_t *conn)
{
    http_exchange_t *exchange = http->spares;

    if (exchange != NULL) {
        http->spares = exchange->next;
        http->n_spares--;
    } else {
        exchange = calloc(1, sizeof(*exchange));
    }
    if (exchange != NULL) {
        exchange->conn = conn;
    }
    return exchange;
}

static void tidy(buf_t *buf)
{
    if (buf->cap > KEEP_CAP || buf->failed) {
        buf_free(buf);
    } else {
        buf_clear(buf);
    }
}

static void forget_request(http_exchange_t *exchange)
{
    exchange->conn->http->large_bodies -= exchange->counted;
    exchange->counted = 0;
    exchange->seen = 0;
    exchange->sent = 0;
    exchange->head = (guard_head){ 0 };
    exchange->message.n_headers = 0;
    tidy(&exchange->out);
}

void exchange_next(http_exchange_t *exchange)
{
    size_t used = exchange->head.length + exchange->head.content_length;

    buf_consume(&exchange->in, used);
    forget_request(exchange);
}

void exchange_give(http_t *http, http_exchange_t *exchange)
{
    forget_request(exchange);
    tidy(&exchange->in);
    exchange->conn = NULL;
    if (http->n_spares == SPARES_MAX) {
        exchange_free(exchange);
        return;
    }
    exchange->next = http->spares;
    http->spares = exchange;
    http->n_spares++;
}

void exchange_free(http_exchange_t *exchange)
{
    buf_free(&exchange->in);
    buf_free(&exchange->out);
    free(exchange);
}
