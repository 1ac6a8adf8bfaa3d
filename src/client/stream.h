/* room: client. A connection with a deadline, in clear or over TLS. */
#pragma once

#include "client/url.h"

typedef struct stream stream_t;

/**
 * @param url  Where to when target->socket is NULL.
 * @retval P11KMS_E_IO, P11KMS_E_TIMEOUT, P11KMS_E_CONFIG (file of roots)
 */
MUST_USE p11kms_err stream_open(const client_target *target, const client_url *url, stream_t **ret);
void stream_close(stream_t *stream);
DEFINE_CLEANUP(stream_t *, stream, stream_close);

MUST_USE p11kms_err stream_write(stream_t *stream, slice_t bytes);
/** @param[out] ret_len  1..size, or 0 at the end. */
MUST_USE p11kms_err stream_read(stream_t *stream, void *into, size_t size, size_t *ret_len);
