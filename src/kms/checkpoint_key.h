/*
 * The key that signs checkpoints of the audit log: made at the first start on the
 * default token, known to the store as "checkpoint-key". Ed25519, or P-256 where the
 * token has no Ed25519.
 */
#pragma once

#include "crypto/spki.h"
#include "kms/kms.h"

typedef struct {
    uint8_t id[KMS_ID]; /* CKA_ID */
    token_key_type type; /* TOKEN_KEY_ED25519, TOKEN_KEY_P256 */
    uint8_t spki[SPKI_MAX];
    size_t spki_len;
    char token_name[TOKEN_NAME_MAX];
    token_t *token; /* NULL from the store alone */
} kms_checkpoint_key;

/**
 * Find or make it; start-up, through core_store_job(). Needs the default token ready.
 *
 * @retval P11KMS_E_UNSUPPORTED  The token makes neither kind.
 * @retval P11KMS_E_CONFIG       It lives on a token that is not configured.
 */
MUST_USE p11kms_err kms_open_checkpoint_key(store_t *store, kms_t *kms, kms_checkpoint_key *ret);
/** From the store alone; for tools. @retval P11KMS_E_NOT_FOUND  There is none yet. */
MUST_USE p11kms_err kms_find_checkpoint_key(store_t *store, kms_checkpoint_key *ret);
/** The tree signed last, in a transaction of its own. */
MUST_USE p11kms_err kms_remember_checkpoint(store_t *store, uint64_t size, const uint8_t root[SHA256_LEN]);
/** What was remembered; size 0: nothing. @retval P11KMS_E_STORE */
MUST_USE p11kms_err kms_last_checkpoint(store_t *store, uint64_t *ret_size, uint8_t ret_root[SHA256_LEN]);
/** The form of audit_signer.sign; @p key is a kms_checkpoint_key. Blocks on the token. */
p11kms_err kms_sign_checkpoint(void *key, slice_t text, buf_t *signature);
