/*
 * RSA paddings (RFC 8017) for tokens that do only the bare private operation: made before it, or
 * taken off after it. MGF1 is always of the same hash, the label of OAEP is empty.
 */
#pragma once

#include "crypto/crypto.h"

#define RSA_MODULUS_MAX 512
#define RSA_DIGEST_INFO_MAX 83

/** DigestInfo, 9.2: what CKM_RSA_PKCS pads. SHA-256, 384 and 512. @return its length */
size_t rsa_digest_info(crypto_hash hash, slice_t digest, uint8_t out[RSA_DIGEST_INFO_MAX]);
/**
 * EMSA-PSS, 9.1.1, for a modulus of 8 * @p k bits; the salt is as long as the digest.
 *
 * @param[out] out  @p k bytes. @retval P11KMS_E_CRYPTO  No random bytes.
 */
MUST_USE p11kms_err rsa_pss_encode(crypto_hash hash, slice_t digest, uint8_t *out, size_t k);
/**
 * EME-OAEP, 7.1.2 step 3. Which way a padding is wrong changes neither the time this takes nor the
 * memory it touches, so that nobody learns plaintexts from it (Manger, CRYPTO 2001).
 *
 * @param em   @p k bytes, what the private operation gave; destroyed.
 * @param k    At most RSA_MODULUS_MAX, and at least 2 digests and 2 bytes.
 * @param[out] out  Room for k - 2 * digest - 2 bytes, which are all written, also on failure.
 * @retval P11KMS_E_CIPHERTEXT
 */
MUST_USE p11kms_err rsa_oaep_decode(crypto_hash hash, uint8_t *em, size_t k, uint8_t *out, size_t *ret_len);
