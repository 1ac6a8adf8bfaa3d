/*
 * room: audit. Proofs that leave the log: one record's, as a c2sp.org/tlog-proof whose extra data is the
 * record itself, and that of two checkpoints, as the body of a tlog-witness request:
 *
 *     c2sp.org/tlog-proof@v1          old 500
 *     extra BASE64(record)            BASE64(hash) ...
 *     index 341
 *     BASE64(hash) ...                CHECKPOINT
 *
 *     CHECKPOINT
 */
#pragma once

#include "audit/note.h"
#include "audit/proof.h"

#define PROVE_TEXT_MAX ((size_t)512 * 1024) /* a record in base64, hashes and a checkpoint */

/**
 * The proof of the record with @p event_id under the newest checkpoint of the log in @p dir, appended. It was
 * checked. The log may be in use.
 *
 * @retval P11KMS_E_NOT_FOUND  No such folder, record or checkpoint; P11KMS_E_BUSY: the record is not under a
 *         checkpoint yet; P11KMS_E_CONFLICT: the log is not as it was logged, or its tiles are not true;
 *         P11KMS_E_AUDIT, P11KMS_E_SYNTAX (@p event_id is none)
 */
MUST_USE p11kms_err prove_record(const char *dir, slice_t event_id, buf_t *out);
/**
 * The proof that @p later goes on from @p earlier, from the tiles in @p dir, appended. It was checked.
 *
 * @retval P11KMS_E_RANGE     @p earlier is the larger one.
 * @retval P11KMS_E_CONFLICT  There is none; P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT: tiles are not there.
 */
MUST_USE p11kms_err prove_consistency(const char *dir, const note_t *earlier, const note_t *later, buf_t *out);

/** A record's proof taken apart. */
typedef struct {
    buf_t record; /* "" where the proof has no extra data */
    uint64_t index;
    proof_t proof;
    note_t note; /* views into the text */
} proven_t;

/** @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err proven_read(slice_t text, proven_t *ret);
void proven_free(proven_t *proven);
#define _cleanup_proven_ __attribute__((cleanup(proven_free)))
/** The record is what the checkpoint's tree has there. Whether the checkpoint counts, its signature says. */
bool proven_holds(const proven_t *proven);

/** The proof of two checkpoints taken apart. @retval P11KMS_E_SYNTAX */
typedef struct {
    uint64_t old;
    proof_t proof;
    note_t note;
} linked_t;
MUST_USE p11kms_err linked_read(slice_t text, linked_t *ret);
/** The later checkpoint within goes on from @p earlier. */
bool linked_holds(const linked_t *linked, const note_t *earlier);
/** A proof as this text, appended. */
void linked_put(uint64_t old, const proof_t *proof, slice_t note, buf_t *out);
