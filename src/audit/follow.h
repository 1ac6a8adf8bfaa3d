/*
 * room: audit. Records of a log, in order, while another process may be writing
 * it, also those of segments that were compressed in place. A bounded piece of it
 * is in memory at any time; nothing is changed.
 */
#pragma once

#include "util/bytes.h"

typedef struct follow follow_t;

/** Stands before the first record. @retval P11KMS_E_NOT_FOUND (there is no such folder), P11KMS_E_AUDIT */
MUST_USE p11kms_err follow_open(const char *dir, follow_t **ret);
void follow_close(follow_t *follow);
DEFINE_CLEANUP(follow_t *, follow, follow_close);

/**
 * Stand before the last @p n records that @p wanted says yes to, or the first record where there are fewer;
 * behind the last record for 0. Read from the end; a compressed segment twice, from its beginning.
 */
MUST_USE p11kms_err follow_last(follow_t *follow, uint64_t n, bool (*wanted)(void *arg, slice_t line), void *arg);

/**
 * The next record, without its newline; good until the next call. A line that is longer than a record may be
 * comes as its first AUDIT_RECORD_MAX bytes; of a compressed segment it is an error.
 *
 * @retval P11KMS_E_NOT_FOUND  There is none yet: ask again later.
 * @retval P11KMS_E_AUDIT      A file cannot be read or decompressed, or is shorter than it was; the next call goes on behind that.
 */
MUST_USE p11kms_err follow_next(follow_t *follow, slice_t *ret);
