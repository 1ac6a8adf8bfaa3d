/* The other end: blocking sockets, plain or TLS, and no HTTP that a test did not write itself. */
#pragma once

#include <openssl/ssl.h>

#include "util/bytes.h"

typedef struct {
    int fd;
    SSL *tls;
    buf_t in; /* what was read past the last answer */
} client_t;

/** Connected to 127.0.0.1, reads give up after 3 s. */
void client_connect(client_t *client, unsigned port);
void client_connect_unix(client_t *client, const char *path);
void client_close(client_t *client);

/** TLS on top. False when the handshake fails. */
bool client_tls(client_t *client, SSL_CTX *context);

bool client_send(client_t *client, slice_t bytes);
bool client_send_text(client_t *client, const char *text);
/**
 * One answer as text: head, empty line, body. False when the connection ended,
 * or nothing came in time, before it was whole. @p ret is cleared first.
 */
bool client_answer(client_t *client, buf_t *ret);
/** Everything until the server closes. False when it does not within 3 s. */
bool client_until_end(client_t *client, buf_t *ret);
/** The number in an answer's status line, 0 for none. */
int client_status(const buf_t *answer);
/** What follows the empty line. */
const char *client_body(const buf_t *answer);
