#include "http/wire.h"

#include <errno.h>
#include <sys/socket.h>

#include "http/tls.h"

static wire_result failed(wire_result when_full)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? when_full : WIRE_FAILED;
}

wire_result wire_read(wire_t *wire, void *into, size_t size, size_t *ret_len)
{
    ssize_t n;

    if (wire->tls != NULL) {
        return tls_read(wire->tls, into, size, ret_len);
    }
    n = recv(wire->fd, into, size, 0);
    if (n < 0) {
        return failed(WIRE_WANTS_READ);
    }
    *ret_len = (size_t)n;
    return n == 0 ? WIRE_END : WIRE_OK;
}

wire_result wire_write(wire_t *wire, slice_t bytes, size_t *ret_len)
{
    ssize_t n;

    if (wire->tls != NULL) {
        return tls_write(wire->tls, bytes, ret_len);
    }
    n = send(wire->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
    if (n < 0) {
        return failed(WIRE_WANTS_WRITE);
    }
    *ret_len = (size_t)n;
    return WIRE_OK;
}

bool wire_has_pending(const wire_t *wire)
{
    return wire->tls != NULL && tls_has_pending(wire->tls);
}

void wire_end(wire_t *wire)
{
    if (wire->tls != NULL) {
        tls_free(STEAL(wire->tls));
    }
    shutdown(wire->fd, SHUT_WR);
}

void wire_close(wire_t *wire)
{
    if (wire->tls != NULL) {
        tls_free(STEAL(wire->tls));
    }
    close(wire->fd);
    wire->fd = -1;
}
