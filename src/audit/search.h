/* Looking for a record in the segments, newest bytes first. */
#pragma once

#include "util/bytes.h"

/**
 * Whether the newest @p max_bytes of all segments hold @p needle, which has no newline.
 *
 * @retval P11KMS_E_AUDIT  A segment cannot be read.
 */
MUST_USE p11kms_err search_newest(int folder, slice_t needle, uint64_t max_bytes, bool *ret);
