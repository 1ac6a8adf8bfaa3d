/* room: client. The head of an HTTP/1.1 answer, from bytes that nobody vouches for. Pure. */
#pragma once

#include "client/client.h"

typedef struct {
    int status;
    size_t head_len;    /* with the empty line */
    size_t content_len; /* at most CLIENT_BODY_MAX */
} answer_head;

/**
 * Judge what has arrived so far.
 *
 * @param[out] ret  head_len is 0 while the head is not whole.
 * @retval P11KMS_E_SYNTAX, P11KMS_E_RANGE
 */
MUST_USE p11kms_err answer_parse_head(slice_t bytes, answer_head *ret);
