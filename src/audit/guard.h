/*
 * Watches the files that are being written: whether they are still there, the same
 * ones, and as we left them. And the mark "stopped", which keeps a log that was
 * tampered with stopped until an operator has decided.
 */
#pragma once

#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/tree.h"

#define GUARD_REASON_MAX AUDIT_REASON

typedef struct guard guard_t;

typedef enum { GUARD_SEGMENT, GUARD_NOTES, GUARD_LOCK, GUARD_FILES } guard_file;

/**
 * Nothing is looked at before guard_resume().
 *
 * @param folder    Borrowed, of the path @p dir.
 * @param tree      Borrowed: what a segment whose times have changed is held against.
 * @param tampered  Told once, on a thread of ours or that of guard_compare(). The mark follows, where it can
 * be written.
 */
MUST_USE p11kms_err guard_start(int folder, const char *dir, log_tree_t *tree,
                                void (*tampered)(void *arg, const char *reason), void *arg, guard_t **ret);
/** @return false when the thread hangs in the file system; it and the guard are left then. */
bool guard_stop(guard_t *guard, unsigned wait_ms);

/** A file, that of segment @p number (GUARD_LOCK: 0), is as @p st says from now on. */
void guard_expect(guard_t *guard, guard_file file, uint64_t number, const struct stat *st);
/** The same of notes, which hold what @p chain says: ledger_chain(). */
void guard_expect_notes(guard_t *guard, uint64_t number, const struct stat *st, const merkle_hash *chain);
/** Up to @p more bytes are about to be appended to it. */
void guard_growing(guard_t *guard, guard_file file, uint64_t more);
/** Somebody may have written to it, whatever its times say now: its content decides. */
void guard_suspect(guard_t *guard, guard_file file);
/** It is not watched until it is expected again. */
void guard_forget(guard_t *guard, guard_file file);
/** Before writing: is the file that is open what is expected? Reports what is not; changed times are looked
 * into later. */
bool guard_compare(guard_t *guard, guard_file file, const struct stat *st);
/** Somebody else has found out. */
void guard_report(guard_t *guard, const char *reason);
/** An operator has decided: the mark goes, once it is there. @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err guard_unmark(guard_t *guard);
/** The files are watched, from now on or again. */
void guard_resume(guard_t *guard);

/** @param[out] ret_size  Leaves that the tree had. @retval P11KMS_E_NOT_FOUND  Not stopped. */
MUST_USE p11kms_err stopped_read(int folder, char reason[GUARD_REASON_MAX], uint64_t *ret_size);
MUST_USE p11kms_err stopped_write(int folder, const char *reason, uint64_t size);
MUST_USE p11kms_err stopped_clear(int folder);
