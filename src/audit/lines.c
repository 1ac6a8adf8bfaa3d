#include "audit/lines.h"

#include <errno.h>

#include "audit/audit.h"

#define PIECE (2 * (size_t)AUDIT_RECORD_MAX)

static ssize_t read_some(int fd, uint8_t *out, size_t len, uint64_t at)
{
    ssize_t n;

    do {
        n = pread(fd, out, len, (off_t)at);
    } while (n < 0 && errno == EINTR);
    return n;
}

p11kms_err lines_each(int fd, uint64_t at, p11kms_err (*each)(void *arg, slice_t line), void *arg,
                      uint64_t *ret_end)
{
    _cleanup_free_ uint8_t *piece = malloc(PIECE);
    p11kms_err err = P11KMS_OK;
    size_t have = 0;

    ENSURE(piece != NULL, P11KMS_E_NOMEM);
    for (;;) {
        ssize_t n = read_some(fd, piece + have, PIECE - have, at + have);
        slice_t rest;
        slice_t line;

        if (n < 0 || (n == 0 && have == PIECE)) {
            FAIL(P11KMS_E_AUDIT, "audit: a segment cannot be read: %s",
                 n < 0 ? strerror(errno) : "a line is longer than a record may be");
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
        rest = SLICE(piece, have);
        while (err == P11KMS_OK && slice_cut(&rest, '\n', &line)) {
            err = each(arg, line);
            at += err == P11KMS_OK ? line.len + 1 : 0;
        }
        if (err != P11KMS_OK) {
            break;
        }
        memmove(piece, rest.data, rest.len);
        have = rest.len;
    }
    if (ret_end != NULL) {
        *ret_end = at;
    }
    return err;
}
