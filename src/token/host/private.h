/*
 * What private keys and HMAC keys do. How a mechanism is carried out on this token is in host->ways,
 * found by the self-test: by the module alone, or by its bare RSA with the padding done here.
 */
#pragma once

#include "crypto/asym.h"
#include "token/host/template.h"

#define PRIVATE_OUT_MAX 512 /* the longest modulus */

/** A key to work with: its handle in a session of the caller's, and what it is. */
typedef struct {
    const host_t *host;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    token_key_type type;
} private_key;

/** The type among those of the crypto room; only of a pair. */
asym_type private_asym_type(token_key_type type);
/** The hash that a mechanism names. */
crypto_hash private_hash(token_mechanism mechanism);

/** @p in as TOKEN_OP_SIGN has it. CKR_OK means a signature of the right length. */
CK_RV private_sign(const private_key *key, token_mechanism mechanism, slice_t in, uint8_t out[PRIVATE_OUT_MAX],
                   size_t *ret_len);
/**
 * @p in is as long as the modulus and smaller.
 * @retval P11KMS_E_CIPHERTEXT  The padding, taken off here, is wrong.
 * @retval P11KMS_E_TOKEN       See private_means_invalid().
 */
MUST_USE result_t private_decrypt(const private_key *key, token_mechanism mechanism, slice_t in,
                                  uint8_t out[PRIVATE_OUT_MAX], size_t *ret_len);
/** What is wrapped for the key becomes a secret on the token by C_UnwrapKey; its caller reads back what came of it. */
CK_RV private_unwrap(const private_key *key, token_mechanism mechanism, slice_t wrapped, const template_key *secret,
                     CK_OBJECT_HANDLE *ret);
/** The module takes this padding off itself, and has errors of this kind for one that is wrong. */
bool private_means_invalid(const host_t *host, token_mechanism mechanism, CK_RV rv);
/** ECDH with @p point, 4 | x | y of the key's curve: the x coordinate. */
CK_RV private_agree(const private_key *key, slice_t point, uint8_t out[PRIVATE_OUT_MAX], size_t *ret_len);
/** A signature of the public key's: what the token gave is right. */
bool private_verify(token_mechanism mechanism, slice_t spki, slice_t in, slice_t signature);
