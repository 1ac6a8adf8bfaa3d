/*
 * libcrypto behind small calls. Algorithms are fetched once, contexts are kept
 * one a thread; every function is thread-safe. Only this room and http/tls
 * include openssl headers.
 */
#pragma once

#include "util/secret.h"

#define SHA256_LEN 32

/** Fetch algorithms; once, before any other call. @retval P11KMS_E_CRYPTO */
MUST_USE p11kms_err crypto_init(void);

/** The DRBG's bytes and the kernel's, XORed. @retval P11KMS_E_CRYPTO  One of them failed: refuse the request. */
MUST_USE p11kms_err crypto_random(void *out, size_t len);
/** The same from a generator of its own that has no public output: for keys. */
MUST_USE p11kms_err crypto_random_secret(void *out, size_t len);
/** Stir bytes (from the token) into the DRBG, beside the kernel's. Credits no entropy. */
void crypto_random_stir(slice_t bytes);

void crypto_sha256(slice_t data, uint8_t out[SHA256_LEN]);
/** Over several parts, as if joined. */
void crypto_sha256_parts(const slice_t *parts, size_t n, uint8_t out[SHA256_LEN]);
void crypto_hmac_sha256(slice_t key, slice_t data, uint8_t out[SHA256_LEN]);

typedef enum {
    CRYPTO_SHA1, /* inside OAEP alone */
    CRYPTO_SHA224,
    CRYPTO_SHA256,
    CRYPTO_SHA384,
    CRYPTO_SHA512,
    CRYPTO_HASHES
} crypto_hash;

#define CRYPTO_DIGEST_MAX 64

/** Bytes of a digest. */
size_t crypto_hash_len(crypto_hash hash);
/** @p out gets crypto_hash_len() bytes. */
void crypto_digest(crypto_hash hash, slice_t data, uint8_t *out);
/** HMAC, RFC 2104. */
void crypto_hmac(crypto_hash hash, slice_t key, slice_t data, uint8_t *out);

/** RFC 5869 section 2.3, one block or more. @p len 1..8160. */
void crypto_hkdf_expand(const uint8_t prk[SHA256_LEN], slice_t info, uint8_t *out, size_t len);

#define AEAD_KEY 32
#define AEAD_IV 12
#define AEAD_TAG 16

/** AES-256-GCM. @p out has plain.len + AEAD_TAG bytes: ciphertext, then tag. @retval P11KMS_E_CRYPTO */
MUST_USE p11kms_err crypto_aead_seal(const uint8_t key[AEAD_KEY], const uint8_t iv[AEAD_IV], slice_t aad,
                                     slice_t plain, uint8_t *out);
/**
 * @p out has sealed.len - AEAD_TAG bytes and is wiped again when the tag is wrong.
 * @retval P11KMS_E_CIPHERTEXT  Shorter than a tag, or the tag does not match.
 */
MUST_USE p11kms_err crypto_aead_open(const uint8_t key[AEAD_KEY], const uint8_t iv[AEAD_IV], slice_t aad,
                                     slice_t sealed, uint8_t *out);

/**
 * A self-signed certificate for a server, P-256, PEM.
 *
 * @param names  Host names and IP addresses for subjectAltName; the first is the CN.
 * @param[out] ret_cert_pem, ret_key_pem  Caller frees with buf_free() (which wipes).
 * @retval P11KMS_E_RANGE  No name, one that is neither host name nor address, or days not in 1..36500.
 */
MUST_USE p11kms_err crypto_make_certificate(const char *const *names, size_t n_names, int days, buf_t *ret_cert_pem,
                                            buf_t *ret_key_pem);

/** Not-after of the first certificate in a PEM file, ms since the epoch. @retval P11KMS_E_IO, P11KMS_E_SYNTAX */
MUST_USE p11kms_err crypto_certificate_expiry(const char *path, int64_t *ret_ms);
