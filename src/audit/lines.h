/* Lines of whole segments, in bounded pieces. */
#pragma once

#include "util/bytes.h"

/**
 * Every whole line of the file from byte @p at on, in order, until @p each returns something else than OK.
 *
 * @param[out] ret_end  Where the line after the last one given begins; may be NULL.
 * @retval P11KMS_E_AUDIT  It cannot be read, or a line is longer than a record may be; else what each()
 * returned.
 */
MUST_USE p11kms_err lines_each(int fd, uint64_t at, p11kms_err (*each)(void *arg, slice_t line), void *arg,
                               uint64_t *ret_end);
