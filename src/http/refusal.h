/* room: http. What is wrong with a request that no handler sees, and how it is answered. */
#pragma once

#include "util/cleanup.h"

typedef enum {
    REFUSAL_NONE = 0,
    REFUSAL_LINE_END,
    REFUSAL_REQUEST_LINE,
    REFUSAL_METHOD,
    REFUSAL_TARGET,
    REFUSAL_VERSION,
    REFUSAL_HEADER,
    REFUSAL_FOLDED,
    REFUSAL_HOST,
    REFUSAL_LENGTH,
    REFUSAL_TRANSFER_ENCODING,
    REFUSAL_UPGRADE,
    REFUSAL_EXPECT,
    REFUSAL_HEAD_TOO_LARGE,
    REFUSAL_TOO_MANY_HEADERS,
    REFUSAL_BODY_TOO_LARGE,
    REFUSAL_TIMEOUT,
    REFUSAL_BUSY,
    REFUSAL_PARSER,
    REFUSAL_COUNT
} refusal;

typedef struct {
    int status;
    const char *type;   /* the __type of the answer's body, as AWS names errors */
    const char *reason; /* for the client and the log; never text from outside */
} refusal_row;

const refusal_row *refusal_get(refusal which);
