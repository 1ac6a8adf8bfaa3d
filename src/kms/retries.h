/*
 * Acts that failed are tried again after a pause that doubles, and after those that never failed: what
 * always fails costs ever less, and holds nobody up. One entry for each that failed last. The loop's.
 */
#pragma once

#include "util/bytes.h"

#define RETRIES_FIRST_MS (60 * 1000)
#define RETRIES_LONGEST_MS (60 * 60 * 1000)

typedef struct retries retries_t;

MUST_USE p11kms_err retries_new(retries_t **ret);
void retries_free(retries_t *retries);
/** @param now  Service time. @retval P11KMS_E_NOMEM  Nobody will wait. */
MUST_USE p11kms_err retries_failed(retries_t *retries, slice_t name, int64_t now);
void retries_succeeded(retries_t *retries, slice_t name);
/** @param[out] ret_turn  The least is to go first; 0: it did not fail. @return whether its pause is over */
bool retries_may(const retries_t *retries, slice_t name, int64_t now, int64_t *ret_turn);
/** Drop some that nobody tried again for long: there is nothing left to try. */
void retries_tidy(retries_t *retries, int64_t now);
