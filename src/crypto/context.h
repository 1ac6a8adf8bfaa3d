/* What this room keeps: algorithms, fetched once, and a thread's contexts. Only for src/crypto/. */
#pragma once

#include <openssl/evp.h>

#include "crypto/crypto.h"

/**
 * Between calls md is freshly initialised for SHA-256 and the ciphers are keyed with
 * zeros, so that nothing of the last caller's keys or data stays in them.
 */
typedef struct {
    EVP_MD_CTX *md;
    EVP_CIPHER_CTX *seal;
    EVP_CIPHER_CTX *open;
} crypto_context;

/** This thread's, made at its first use and freed when it ends. NULL when memory is out. */
crypto_context *crypto_context_get(void);

/**
 * Empty OpenSSL's error queue (TLS reads it after each of its calls) and return CRYPTO; the
 * detail is @p what and OpenSSL's last reason.
 */
MUST_USE p11kms_err crypto_failed(const char *what);

/** As fetched by crypto_init(). */
const EVP_MD *crypto_md(crypto_hash hash);
