/* What the fake token's keys do: libcrypto's real thing behind each. */
#pragma once

#include "token/kinds.h"

typedef struct evp_pkey_st EVP_PKEY;

typedef struct {
    uint8_t id[TOKEN_KEY_ID];
    char label[TOKEN_LABEL_MAX + 1];
    token_key_type type;
    token_key_use use;
    uint8_t material[64]; /* of a secret */
    EVP_PKEY *pkey;       /* of a pair */
} fake_key;

void fake_key_free(fake_key *key);
/** A pair's private key. @retval P11KMS_E_CRYPTO */
p11kms_err fake_key_generate(fake_key *key);
/** As above, but the first of a type for ever. */
p11kms_err fake_key_regenerate(fake_key *key);
/** Each writes at most TOKEN_RANDOM_MAX bytes to @p out. The key's type and use fit. */
p11kms_err fake_key_public(const fake_key *key, uint8_t *out, size_t *ret_len);
p11kms_err fake_key_sign(const fake_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t *ret_len);
p11kms_err fake_key_decrypt(const fake_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t *ret_len);
p11kms_err fake_key_agree(const fake_key *key, slice_t spki, uint8_t *out, size_t *ret_len);
/** Unwrap with @p unwrapping into @p key, whose type is set. */
p11kms_err fake_key_import(const fake_key *unwrapping, token_mechanism mechanism, slice_t wrapped, fake_key *key);
