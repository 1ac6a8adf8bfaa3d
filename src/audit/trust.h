/* room: audit. Whose signatures count: the log's own keys, and its witnesses'. */
#pragma once

#include "audit/note.h"

#define TRUST_KEYS_MAX 32

typedef struct trust trust_t;

MUST_USE p11kms_err trust_new(trust_t **ret);
void trust_free(trust_t *trust); /* NULL is fine */
DEFINE_CLEANUP(trust_t *, trust, trust_free);

/**
 * A key: vkey text (surrounding white space is dropped), or an SPKI in PEM or DER, which stands for the key of
 * whatever name a note's origin is.
 *
 * @retval P11KMS_E_SYNTAX, P11KMS_E_UNSUPPORTED, P11KMS_E_CRYPTO, P11KMS_E_LIMIT (more than TRUST_KEYS_MAX),
 *         P11KMS_E_EXISTS (the same key again)
 */
MUST_USE p11kms_err trust_add(trust_t *trust, slice_t key);
size_t trust_count(const trust_t *trust);

/**
 * Whether these can stand for as many witnesses: keys of cosigners, no two of them the same one under two names.
 *
 * @retval P11KMS_E_UNSUPPORTED, P11KMS_E_EXISTS
 */
MUST_USE p11kms_err trust_check_witnesses(const trust_t *trust);

/**
 * Whether a key of a log signed: one whose name is the note's origin (tlog-checkpoint asks that they match).
 * NOTE_FORGED where any such key has a line that does not verify.
 */
note_verdict trust_log(trust_t *trust, const note_t *note);
/**
 * How many of these keys cosigned; each counts once.
 *
 * @param[out] ret_time    The earliest of their times; 0 where there is none.
 * @param[out] ret_forged  Some line of a key among these does not verify: the note is to be rejected.
 */
size_t trust_witnesses(trust_t *trust, const note_t *note, uint64_t *ret_time, bool *ret_forged);
