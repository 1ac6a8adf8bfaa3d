/*
 * room: http. The strict head guard: it stands before the parser and lets
 * through only heads that every HTTP implementation reads alike, so that no
 * proxy in front and no parser behind can disagree about where a request ends
 * (RFC 9112, section 11.2). Pure: bytes in, a verdict out.
 */
#pragma once

#include "http/refusal.h"
#include "util/bytes.h"

typedef struct {
    size_t length;         /* with the empty line */
    size_t content_length; /* 0 where none is said */
    unsigned n_headers;
    bool http_1_0;
    bool close;     /* the client wants the connection closed after the answer */
    bool continues; /* Expect: 100-continue */
    bool is_head;   /* the method is HEAD: an answer without its body */
} guard_head;

/**
 * Look for the end of the head in what has arrived so far.
 *
 * @param seen        Start of the first line not looked at yet; 0 at first. Kept by the caller between calls.
 * @param[out] ret_length  The head's length when found, else 0.
 * @return REFUSAL_NONE, REFUSAL_LINE_END, REFUSAL_REQUEST_LINE (an empty first line), REFUSAL_HEAD_TOO_LARGE
 */
MUST_USE refusal guard_find_end(slice_t bytes, size_t *seen, size_t *ret_length);

/** Judge a whole head, as guard_find_end() measured it. */
MUST_USE refusal guard_check(slice_t head, guard_head *ret);
