/* room: http. Bytes over a non-blocking socket, plain or through TLS. */
#pragma once

#include "util/bytes.h"

typedef enum { WIRE_OK, WIRE_END, WIRE_WANTS_READ, WIRE_WANTS_WRITE, WIRE_FAILED } wire_result;

typedef struct {
    int fd;
    struct ssl_st *tls; /* NULL: plain */
} wire_t;

wire_result wire_read(wire_t *wire, void *into, size_t size, size_t *ret_len);
wire_result wire_write(wire_t *wire, slice_t bytes, size_t *ret_len);
/** Bytes wait inside the TLS session, so that the socket may never become readable for them. */
bool wire_has_pending(const wire_t *wire);
/** Say that nothing more will be sent. */
void wire_end(wire_t *wire);
void wire_close(wire_t *wire);
