/* Problems of a configuration, as lines "FILE:LINE:COLUMN: path: what is wrong". Private to the room. */
#pragma once

#include "util/bytes.h"

typedef struct {
    buf_t *out;
    unsigned n; /* past CONF_PROBLEMS_MAX they are counted alone */
} problems_t;

void problem_put(problems_t *problems, const char *file, unsigned line, unsigned column, const char *fmt, ...)
    PRINTF(5, 6);
/** P11KMS_OK without problems, else P11KMS_E_CONFIG with the number of them as detail. */
MUST_USE p11kms_err problems_result(const problems_t *problems);

#define QUOTED_SIZE 72
/** Text from a file for a message: in quotes, cut after 64 bytes, controls as '?'. */
const char *quoted(slice_t text, char out[QUOTED_SIZE]);
