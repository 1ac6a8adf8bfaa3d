/*
 * Grant tokens: what CreateGrant answers with a grant, and calls may name it by. Grants
 * count as soon as they are made, so that a token only has to be one of ours.
 */
#pragma once

#include "kms/kms.h"

/** The key that tokens are authenticated with; start-up, through core_store_job(), after kms_open_service_key(). */
p11kms_err kms_open_grant_tokens(store_t *store, void *kms);

/** A fresh token of a grant, base64, in the arena. Secret: whoever has it may name the grant by it. */
MUST_USE p11kms_err kms_grant_token_make(const kms_t *kms, const kms_grant_t *grant, arena_t *arena, const char **ret);

/** Which grant a token is of; there may be none by now. */
typedef struct {
    char account[13];
    char region[33];
    uint8_t key_id[KMS_ID];
    uint8_t id[KMS_GRANT_ID];
} kms_grant_name;

/** @retval P11KMS_E_GRANT_TOKEN  Not made here, or changed since. */
MUST_USE p11kms_err kms_grant_token_open(const kms_t *kms, slice_t token, kms_grant_name *ret);
