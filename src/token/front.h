/*
 * The host behind a token_t: private to the room. One supervisor thread a token
 * starts and ends the host, reads its replies, and watches deadlines.
 */
#pragma once

#include "token/token.h"

typedef struct front front_t;

extern const token_driver front_driver; /* self is a front_t */

/** As token_open(): *ret is set on success, and also on failure where @p keep_trying. */
MUST_USE p11kms_err front_open(const token_options *options, bool keep_trying, front_t **ret);
void front_problem(front_t *front, char *out, size_t size);
void front_retry_login(front_t *front);
token_stats front_get_stats(front_t *front);
int front_host_pid(front_t *front);
