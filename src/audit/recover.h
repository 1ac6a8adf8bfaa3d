/* Start-up: the folder, its lock, gaps in the numbering, and what a crash left behind. */
#pragma once

#include "audit/segment.h"

/**
 * @param limit  A segment's length, as in segments_t.
 * @param[out] ret  Ready for segments_append(); segments_close() also gives the lock back.
 * @retval P11KMS_E_AUDIT  As audit_open().
 */
MUST_USE p11kms_err segments_open(const char *dir, uint64_t limit, const segment_io *io, segments_t *ret);

/** A segment of @p folder to read. @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err recover_open_segment(int folder, uint64_t number, int flags, int *ret,
                                         struct stat *ret_stat);
/** Move what stands behind @p line_end to a new "torn-NNNN". @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err recover_cut_tail(int folder, uint64_t number, uint64_t line_end);
