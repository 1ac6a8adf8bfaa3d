/* room: audit. The checkpoints written while a segment was current: "audit-N.notes", one note at a time. */
#pragma once

#include "audit/note.h"

typedef struct notes notes_t;

/**
 * What is appended from now on is not read: every record a note here covers is in its segment
 * already.
 *
 * @retval P11KMS_E_NOT_FOUND  There is no such file. P11KMS_E_AUDIT
 */
MUST_USE p11kms_err notes_open(int folder, uint64_t number, notes_t **ret);
void notes_close(notes_t *notes); /* NULL is fine */
DEFINE_CLEANUP(notes_t *, notes, notes_close);

const char *notes_name(const notes_t *notes); /* "audit-0000000001.notes" */
/** Which note notes_read() gave last, from 1. */
uint64_t notes_count(const notes_t *notes);

/**
 * @param[out] ret  Good until the next call.
 * @retval P11KMS_E_NOT_FOUND  There is no other; notes_torn() tells of a piece behind the last.
 * @retval P11KMS_E_SYNTAX     What stands there is no note.
 * @retval P11KMS_E_AUDIT      The file cannot be read.
 */
MUST_USE p11kms_err notes_read(notes_t *notes, note_t *ret);
size_t notes_torn(const notes_t *notes);

/** A file with one note: "checkpoint", or one that an auditor kept. @p into is what @p ret views. */
MUST_USE p11kms_err note_from_file(int folder, const char *path, buf_t *into, note_t *ret);
