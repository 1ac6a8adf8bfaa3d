/*
 * room: http. TLS sessions; the one place in this room that includes openssl.
 *
 * TLS 1.2 and 1.3, no renegotiation, resumption by tickets, ALPN http/1.1.
 * Buffers are given back while a session is idle and wiped (they held plaintext).
 */
#pragma once

#include "http/wire.h"
#include "util/message.h"

struct ssl_ctx_st; /* openssl's SSL_CTX */
struct ssl_st;     /* openssl's SSL */

/**
 * A server's context.
 *
 * @param client_ca  PEM bundle: clients are asked for a certificate, may have none, and one they show is
 *                   verified against it. NULL: they are not asked.
 * @retval P11KMS_E_CONFIG  A file is unreadable, no PEM, or encrypted, or key and certificate are strangers.
 */
MUST_USE p11kms_err tls_context_new(const char *certificate, const char *key, const char *client_ca,
                                    struct ssl_ctx_st **ret);
void tls_context_free(struct ssl_ctx_st *context);

/** A session over @p fd, which stays the caller's. NULL when memory is out. */
struct ssl_st *tls_new(struct ssl_ctx_st *context, int fd);
/** Says goodbye first where the session is whole. */
void tls_free(struct ssl_st *tls);

wire_result tls_handshake(struct ssl_st *tls);
/** Why its handshake failed just now. Static text. */
const char *tls_problem(const struct ssl_st *tls);
wire_result tls_read(struct ssl_st *tls, void *into, size_t size, size_t *ret_len);
wire_result tls_write(struct ssl_st *tls, slice_t bytes, size_t *ret_len);
bool tls_has_pending(const struct ssl_st *tls);

/** Fill in version, cipher and the client's certificate. */
void tls_describe(struct ssl_st *tls, peer_t *ret);
