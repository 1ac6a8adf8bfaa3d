/* Private keys that come from outside, as PKCS#8 in DER: read, checked, and taken apart for a token. */
#pragma once

#include "crypto/asym.h"

#define PKCS8_NUMBER_MAX 512
#define PKCS8_DER_MAX 4096
#define PKCS8_SHARED_MAX 66

typedef enum {
    PKCS8_D, /* the private exponent; of a curve the scalar, as long as the order; of Ed25519 the 32-byte seed */
    PKCS8_N, /* from here RSA alone; big-endian, without leading zeros */
    PKCS8_E,
    PKCS8_P,
    PKCS8_Q,
    PKCS8_DP,
    PKCS8_DQ,
    PKCS8_QI,
    PKCS8_NUMBERS
} pkcs8_which;

typedef struct {
    size_t len[PKCS8_NUMBERS];
    uint8_t data[PKCS8_NUMBERS][PKCS8_NUMBER_MAX];
} pkcs8_numbers;

/**
 * Strict: one key of just this type and nothing after it, two primes of half the length, consistent, with the public key
 * that is its own.
 *
 * @param[out] ret_numbers  Holds a pkcs8_numbers.
 * @param[out] ret_spki     Appended to.
 * @retval P11KMS_E_SYNTAX  Anything else.
 */
MUST_USE p11kms_err pkcs8_read(slice_t der, asym_type type, secret_t **ret_numbers, buf_t *ret_spki);
/** ECDH of a private key with a public one of its curve: the x coordinate. @retval P11KMS_E_CRYPTO */
MUST_USE p11kms_err pkcs8_agree(slice_t der, slice_t spki, uint8_t out[PKCS8_SHARED_MAX], size_t *ret_len);

#define KWP_KEY 32
/**
 * RFC 5649 under AES-256. @p out has wrapped.len bytes of room and is wiped again on failure.
 * @retval P11KMS_E_CIPHERTEXT
 */
MUST_USE p11kms_err kwp_unwrap(const uint8_t key[KWP_KEY], slice_t wrapped, uint8_t *out, size_t *ret_len);
