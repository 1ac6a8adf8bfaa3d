/*
 * The service's own key: what p11kms keeps in its store under a token key
 * rather than in clear (secret access keys). One material, made at the first
 * start on the default token, known to the store as "service-key".
 */
#pragma once

#include "kms/kms.h"

/** Find or make it. Needs the default token ready; start-up, through core_store_job(). */
p11kms_err kms_open_service_key(store_t *store, void *kms);
/** Which object on which token it is, from the store alone; for tools. @retval P11KMS_E_NOT_FOUND  There is none yet. */
MUST_USE p11kms_err kms_find_service_key(store_t *store, uint8_t ret_material[KMS_ID], char ret_token[TOKEN_NAME_MAX]);
/** Borrowed; not in any account's catalog. */
const kms_key_t *kms_service_key(const kms_t *kms);

/** Open what was sealed under it (start-up). @p name is the context: what the blob is of. */
MUST_USE p11kms_err kms_service_open(const kms_t *kms, const char *name, slice_t blob, secret_t **ret);
/** The same context, for kms_seal(). In the arena. */
MUST_USE p11kms_err kms_service_context(const char *name, arena_t *arena, slice_t *ret);

/**
 * A key for a purpose of the service's own ("p11kms/v1/session"): the same on every machine that has the service key.
 * Blocks on the token: start-up, through core_store_job().
 *
 * @param[out] ret  TOKEN_PRF_LEN bytes.
 */
MUST_USE p11kms_err kms_service_derive(const kms_t *kms, const char *label, secret_t **ret);
