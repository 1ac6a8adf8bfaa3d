/*
 * room: audit. A segment read from its beginning, line by line, in constant memory: plain, or
 * compressed in place as "audit-N.jsonl.zst" or "audit-N.jsonl.gz". What another
 * process appends meanwhile is read too.
 */
#pragma once

#include "util/bytes.h"

typedef struct source source_t;

/** The numbers of the segments in @p folder, compressed ones too, rising, each once. Caller frees. */
MUST_USE p11kms_err source_list(int folder, uint64_t **ret, size_t *ret_count);
/** Their length as files, together. */
uint64_t source_bytes(int folder, const uint64_t *numbers, size_t count);

/** In how many forms (plain, .zst, .gz) a segment is there. */
unsigned source_forms(int folder, uint64_t number);
/**
 * Do all of them hold the same?
 *
 * @param[out] ret_line  On P11KMS_E_CONFLICT the first line, from 1, in which one is another.
 * @retval P11KMS_E_CONFLICT  They do not, or one cannot be read: detail says which. P11KMS_E_NOT_FOUND, P11KMS_E_NOMEM
 */
MUST_USE p11kms_err source_compare(int folder, uint64_t number, uint64_t *ret_line);

/** The plain file where there are several. @retval P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT */
MUST_USE p11kms_err source_open(int folder, uint64_t number, source_t **ret);
void source_close(source_t *source); /* NULL is fine */
DEFINE_CLEANUP(source_t *, source, source_close);

const char *source_name(const source_t *source); /* "audit-0000000001.jsonl.zst" */
/** How much of the file was read so far. */
uint64_t source_position(const source_t *source);

/**
 * The next line without its newline; good until the next call.
 *
 * @retval P11KMS_E_NOT_FOUND  There is none; source_torn() tells of a piece without a newline behind the last.
 * @retval P11KMS_E_AUDIT      The file cannot be read or decompressed.
 * @retval P11KMS_E_SYNTAX     The line is longer than AUDIT_RECORD_MAX; nothing more is read.
 */
MUST_USE p11kms_err source_line(source_t *source, slice_t *ret);
/** Bytes behind the last newline, once the end was reached. */
size_t source_torn(const source_t *source);
