/*
 * Where checkpoints are kept: "audit-NNNNNNNNNN.notes", one after another, each
 * followed by an empty line, appended and synced; and the newest alone in
 * "checkpoint". Both are text from outside when they are read.
 */
#pragma once

#include "audit/merkle.h"
#include "audit/note.h"

typedef struct {
    slice_t whole; /* of ledger_t.text */
    uint64_t size;
    merkle_hash root;
} noted_t;

/**
 * A file's notes, in their order. Copies that came back from witnesses after the next checkpoint are passed over,
 * so that sizes never fall.
 */
typedef struct {
    buf_t text;
    noted_t *notes;
    size_t count;
    merkle_hash chain; /* over all of them: ledger_chain() */
    size_t whole; /* bytes up to the end of the last whole note: a crash may have left a torn one behind it */
} ledger_t;

/** @retval P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT (cannot be read, or is damaged: detail says which and where) */
MUST_USE p11kms_err ledger_load(int folder, uint64_t number, ledger_t *ret);
void ledger_free(ledger_t *notes);
#define _cleanup_ledger_ __attribute__((cleanup(ledger_free)))

/** A file of notes that grows. Zero to begin with, but for folder and append_flag. */
typedef struct {
    int folder;
    bool append_flag;
    uint64_t number;   /* of the segment; 0: none yet */
    uint64_t size;     /* bytes */
    merkle_hash chain; /* over what it holds: ledger_chain() */
} ledger_file;

/** Carry on with @p number, cutting a torn note off; made where it is not there. @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err ledger_open(ledger_file *file, uint64_t number, const ledger_t *there);
/** A hash that each note changes: SHA-256 of the one before (zeros at first) and the note. @retval as
 * ledger_load() */
MUST_USE p11kms_err ledger_chain(int folder, uint64_t number, merkle_hash *ret);
/** Durable, or not there. @retval P11KMS_E_AUDIT  Also when the file is not as we left it. */
MUST_USE p11kms_err ledger_append(ledger_file *file, slice_t note);

/** @param[out] ret_text  What ret points into. @retval P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT */
MUST_USE p11kms_err checkpoint_read(int folder, buf_t *ret_text, noted_t *ret);
/** Whole or not at all, and durable. @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err checkpoint_replace(int folder, slice_t note);
/** As above, any small file. */
MUST_USE p11kms_err replace_file(int folder, const char *name, slice_t content);
