/*
 * Public keys of asymmetric KMS keys, as SubjectPublicKeyInfo in DER (RFC 5280 4.1): what is done with
 * them on the host. Which algorithm is asked of a key is for the caller to have checked: an
 * algorithm of another type of key verifies nothing and encrypts nothing.
 */
#pragma once

#include "crypto/crypto.h"

typedef struct asym asym_t;

typedef enum {
    ASYM_RSA_2048,
    ASYM_RSA_3072,
    ASYM_RSA_4096,
    ASYM_P256,
    ASYM_P384,
    ASYM_P521,
    ASYM_SECP256K1,
    ASYM_ED25519,
    ASYM_TYPES
} asym_type;

#define ASYM_MAX 576 /* bytes of DER: RSA_4096 with the longest exponent */

/**
 * Strict: just these types, DER alone, a named curve and an uncompressed point that is on it, a modulus
 * of just so many bits, nothing after it. One key has one encoding here.
 *
 * @retval P11KMS_E_SYNTAX  Anything else.
 */
MUST_USE p11kms_err asym_parse(slice_t der, asym_t **ret);
void asym_free(asym_t *key); /* NULL is fine */
DEFINE_CLEANUP(asym_t *, asym, asym_free);

asym_type asym_get_type(const asym_t *key);
bool asym_is_rsa(const asym_t *key);

typedef enum {
    ASYM_PKCS1, /* RSASSA-PKCS1-v1_5, RFC 8017 8.2 */
    ASYM_PSS,   /* RSASSA-PSS, RFC 8017 8.1: MGF1 of the same hash, and a salt as long as its digest */
    ASYM_ECDSA, /* FIPS 186-5 6.4; signatures in DER */
} asym_scheme;

/** False for anything but a good signature of @p digest, which is one of @p hash. Thread-safe, as all of these. */
bool asym_verify(const asym_t *key, asym_scheme scheme, crypto_hash hash, slice_t digest, slice_t signature);
/** Ed25519 (RFC 8032 5.1, pure). */
bool asym_verify_message(const asym_t *key, slice_t message, slice_t signature);

/** The longest plaintext: RFC 8017 7.1.1. 0 for what is no RSA key. */
size_t asym_oaep_max(const asym_t *key, crypto_hash hash);
/**
 * RSAES-OAEP, MGF1 of the same hash, no label.
 *
 * @param[out] ret  As long as the modulus.
 * @retval P11KMS_E_RANGE  Longer than asym_oaep_max().
 */
MUST_USE p11kms_err asym_oaep_encrypt(const asym_t *key, crypto_hash hash, slice_t plain, buf_t *ret);
