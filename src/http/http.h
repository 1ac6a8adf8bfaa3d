/*
 * Connections: accept, TLS, HTTP/1.1, deadlines, limits, and handing answers
 * back. Knows no service: a whole request goes to the handler, which answers
 * later through the exchange.
 *
 * One http_t runs on one libuv loop; all calls are made on its thread.
 */
#pragma once

#include "conf/conf.h"
#include "util/arena.h"
#include "util/message.h"

struct uv_loop_s;
typedef struct http http_t;
typedef struct http_exchange http_exchange_t;

#define HTTP_HEAD_MAX 16384
#define HTTP_BODY_MAX (1u << 20)

typedef struct {
    unsigned connections_max; /* of each listener; past it one that keeps it waiting or is idle makes room, or
                                 the new one is closed */
    unsigned header_timeout_ms; /* first byte to end of head, and the TLS handshake */
    unsigned body_timeout_ms;
    unsigned idle_timeout_ms;   /* between requests */
    unsigned answer_timeout_ms; /* writing the answer to a slow reader */
} http_limits;

/**
 * A whole request arrived. @p exchange stays valid until answered, also when the
 * client has gone. @p message and everything in it is valid until then too.
 */
typedef void (*http_handler)(void *arg, http_exchange_t *exchange, const message_t *message);

/**
 * Refusals before a handler is reached (400, 408, 413, 431...), for the log. @p request_id is the one
 * answered; NULL, with status 0, for a TLS handshake that failed. @p reason is never text from outside.
 */
typedef void (*http_refused)(void *arg, const peer_t *peer, const char *request_id, int status,
                             const char *reason);

/** The process ignores SIGPIPE from then on. */
MUST_USE p11kms_err http_new(struct uv_loop_s *loop, const http_limits *limits, http_t **ret);
/**
 * Best in http_stop()'s done(). Without a stop before it, everything open is cut; the loop must run on until
 * the handles are closed. Exchanges that are still out stay valid until they are answered.
 */
void http_free(http_t *http);

/**
 * Listen; each listener has its own handler, so that health and metrics stand apart.
 * A Unix socket left by a dead process is replaced, a live one is an error.
 * The certificate is loaded here.
 *
 * @param[out] ret_port  The port bound, for port 0; may be NULL.
 * @retval P11KMS_E_IO, P11KMS_E_CONFIG (certificate or key unusable)
 */
MUST_USE p11kms_err http_listen(http_t *http, const conf_listen *listen, http_handler handler,
                                http_refused refused, void *arg, unsigned *ret_port);
/** Load the certificate files of all listeners again. On failure the old ones stay. */
MUST_USE p11kms_err http_reload_certificates(http_t *http);

/**
 * Answer. Takes @p body's bytes (STEAL: the buffer is empty afterwards) and wipes them once sent.
 *
 * @param headers  More header lines, each "Name: value\r\n"; Content-Length, Date and Connection are added.
 */
void http_answer(http_exchange_t *exchange, int status, slice_t headers, buf_t *body);

/** Once: close idle connections, finish what is in flight for at most @p timeout_ms, then call @p done. */
void http_stop(http_t *http, unsigned timeout_ms, void (*done)(void *arg), void *arg);

typedef struct {
    uint64_t accepted;
    uint64_t refused_connections;
    uint64_t requests;
    uint64_t bad_requests;
    uint64_t handshakes;
    uint64_t handshakes_failed;
    unsigned open;
} http_stats;
http_stats http_get_stats(const http_t *http);
