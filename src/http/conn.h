/*
 * room: http. The inside of the room: a connection, its exchange, the http_t.
 *
 * A connection is always in one state, and stands in that state's list. Each
 * state has one time limit, so every list is ordered by deadline and one timer
 * looks at the heads of the lists alone.
 */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "http/guard.h"
#include "http/http.h"
#include "http/wire.h"
#include "util/encode.h"

typedef struct conn conn_t;
typedef struct listener listener_t;

typedef enum {
    CONN_HANDSHAKE,
    CONN_IDLE, /* between requests; holds no buffer */
    CONN_HEAD,
    CONN_BODY,
    CONN_BUSY,      /* the handler has the request */
    CONN_ANSWERING, /* the socket is full */
    CONN_LINGER,    /* answered for the last time; what still comes is thrown away */
    CONN_CLOSED,    /* waits for its handle, or for the handler's answer */
    CONN_STATES
} conn_state;

struct http_exchange {
    http_exchange_t *next; /* spare */
    conn_t *conn;
    buf_t in;        /* the request, and what follows it */
    size_t seen;     /* guard_find_end() */
    guard_head head; /* length 0: not found yet */
    size_t counted;  /* of http_t's large_bodies */
    buf_t out;
    size_t sent;
    message_t message;
};

struct conn {
    uv_poll_t poll;
    http_t *http;
    listener_t *listener;
    wire_t wire;
    int events; /* polled for */
    conn_state state;
    uint64_t since; /* when it came into its state, on uv_now()'s clock */
    uint64_t deadline;
    conn_t *prev, *next;
    http_exchange_t *exchange; /* NULL while idle */
    size_t drained;
    bool serving; /* serve() is on the stack */
    bool closing; /* after this answer */
    bool handle_closed;
    peer_t peer;
};

typedef struct {
    conn_t *first, *last;
} conn_list;

struct listener {
    uv_poll_t poll;
    listener_t *next;
    http_t *http;
    int fd;
    unsigned open; /* connections */
    listen_kind kind;
    struct ssl_ctx_st *tls; /* NULL: plain */
    char *certificate, *key, *client_ca, *path;
    dev_t dev; /* of the Unix socket, so that only our own is removed */
    ino_t ino;
    http_handler handler;
    http_refused refused;
    void *arg;
};

struct http {
    uv_loop_t *loop;
    http_limits limits;
    uv_timer_t timer;
    uint64_t armed;                   /* when the timer fires; 0: not armed */
    uint64_t timeout_ms[CONN_STATES]; /* 0: none */
    conn_list lists[CONN_STATES];
    listener_t *listeners;
    http_exchange_t *spares;
    unsigned n_spares;
    size_t large_bodies; /* bytes promised by requests with bodies past BODY_SMALL */
    int reserve_fd;      /* given up for a moment to refuse a connection when descriptors run out */
    http_stats stats;
    unsigned handles;   /* libuv handles not yet closed */
    unsigned exchanges; /* handed to a handler and not answered */
    char date[TIME_HTTP_TEXT];
    int64_t date_second;
    uint64_t stop_at;
    bool stopping, freed;
    void (*done)(void *arg);
    void *done_arg;
};

#define BODY_SMALL HTTP_HEAD_MAX
#define LARGE_BODIES_MAX (64u << 20) /* of all requests being received at once */
#define LINGER_MS 2000
#define PATIENCE_MS 1000 /* with a client that has begun something, when there is no room */
#define SPARES_MAX 64

/* conn.c */
/** Takes @p fd. @p address as accept() gave it. */
void conn_open(listener_t *listener, int fd, const struct sockaddr_storage *address);
void conn_close(conn_t *conn);
/** Serve what has arrived; call after an answer was given outside a handler. */
void conn_continue(conn_t *conn);
/** The answer stands in exchange->out: send it. */
void conn_send(conn_t *conn);
void conn_deadline(conn_t *conn);
void conn_maybe_free(conn_t *conn);

/* peer.c */
void peer_describe(peer_t *peer, int fd, const struct sockaddr_storage *address);

/* exchange.c */
http_exchange_t *exchange_take(http_t *http, conn_t *conn); /* NULL: memory is out */
void exchange_give(http_t *http, http_exchange_t *exchange);
/** Forget the request that was answered, keep what followed it. */
void exchange_next(http_exchange_t *exchange);
void exchange_free(http_exchange_t *exchange);

/* answer.c */
/** The whole answer to a request no handler sees. */
void answer_refusal(http_exchange_t *exchange, refusal why, const char *request_id);

/* http.c */
/** Into @p state's list, with that state's deadline; staying in a state keeps the deadline. */
void http_enter(conn_t *conn, conn_state state);
void http_handle_closed(http_t *http);
void http_maybe_free(http_t *http);

/* listen.c */
void listener_close(listener_t *listener);
void listener_free(listener_t *listener);
MUST_USE p11kms_err listener_load_tls(const listener_t *listener, struct ssl_ctx_st **ret);
