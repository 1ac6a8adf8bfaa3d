/*
 * SubjectPublicKeyInfo of the two kinds that sign checkpoints, and ECDSA signatures in and out of DER.
 * Both kinds have one canonical encoding of fixed length (RFC 8410 section 4; RFC 5480 with a named
 * curve and an uncompressed point), so that reading is comparing and nothing else is taken.
 */
#pragma once

#include "crypto/pubkey.h"

#define SPKI_ED25519_LEN 44
#define SPKI_P256_LEN 91
#define SPKI_MAX SPKI_P256_LEN

/** @retval P11KMS_E_UNSUPPORTED (neither Ed25519 nor P-256), P11KMS_E_CRYPTO (not a point of the curve) */
MUST_USE p11kms_err spki_read(slice_t der, pubkey_t **ret);
/** The SPKI of an Ed25519 key of 32 bytes. */
void spki_of_ed25519(const uint8_t key[32], uint8_t out[SPKI_ED25519_LEN]);
/** The 32 bytes within an SPKI, or an empty view where it is not Ed25519's. */
slice_t spki_ed25519_bytes(slice_t der);
/**
 * The DER within a file that is PEM (its first block, which must be a PUBLIC KEY) or DER already.
 * @param[out] out  Appended to. @retval P11KMS_E_SYNTAX
 */
MUST_USE p11kms_err spki_from_file(slice_t text, buf_t *out);

#define ECDSA_P256_RAW 64     /* r || s, as tokens and JOSE have it */
#define ECDSA_P256_DER_MAX 72 /* SEQUENCE of two INTEGERs of at most 33 bytes */

/** @retval P11KMS_E_SYNTAX  Not the one DER encoding of two numbers of up to 32 bytes. */
MUST_USE p11kms_err ecdsa_p256_from_der(slice_t der, uint8_t out[ECDSA_P256_RAW]);
/** @return its length */
size_t ecdsa_p256_to_der(const uint8_t raw[ECDSA_P256_RAW], uint8_t out[ECDSA_P256_DER_MAX]);
