#include "crypto/context.h"

#include <openssl/err.h>
#include <pthread.h>

static const char *const hash_names[CRYPTO_HASHES] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
static EVP_MD *hashes[CRYPTO_HASHES];
static EVP_CIPHER *aes_256_gcm;

static pthread_key_t context_key;
static _Thread_local crypto_context *context;

static void context_free(void *arg)
{
    crypto_context *ended = arg;

    context = NULL;
    EVP_MD_CTX_free(ended->md);
    EVP_CIPHER_CTX_free(ended->seal);
    EVP_CIPHER_CTX_free(ended->open);
    free(ended);
}

static bool context_fill(crypto_context *ctx)
{
    static const uint8_t zeros[AEAD_KEY];

    ctx->md = EVP_MD_CTX_new();
    ctx->seal = EVP_CIPHER_CTX_new();
    ctx->open = EVP_CIPHER_CTX_new();
    return ctx->md != NULL && ctx->seal != NULL && ctx->open != NULL &&
           EVP_DigestInit_ex2(ctx->md, hashes[CRYPTO_SHA256], NULL) == 1 &&
           EVP_EncryptInit_ex2(ctx->seal, aes_256_gcm, zeros, zeros, NULL) == 1 &&
           EVP_DecryptInit_ex2(ctx->open, aes_256_gcm, zeros, zeros, NULL) == 1 &&
           pthread_setspecific(context_key, ctx) == 0;
}

crypto_context *crypto_context_get(void)
{
    if (context == NULL) {
        crypto_context *fresh = calloc(1, sizeof(*fresh));

        if (fresh != NULL && !context_fill(fresh)) {
            context_free(fresh);
            fresh = NULL;
        }
        context = fresh;
    }
    return context;
}

p11kms_err crypto_failed(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    char reason[256] = "no reason given";

    if (code != 0) {
        ERR_error_string_n(code, reason, sizeof(reason));
    }
    ERR_clear_error();
    return p11kms_fail(P11KMS_E_CRYPTO, "%s: %s", what, reason);
}

static bool fetch_hashes(void)
{
    bool all = true;

    for (size_t i = 0; i < CRYPTO_HASHES; i++) {
        hashes[i] = EVP_MD_fetch(NULL, hash_names[i], NULL);
        all = all && hashes[i] != NULL;
    }
    return all;
}

const EVP_MD *crypto_md(crypto_hash hash)
{
    return hashes[hash];
}

p11kms_err crypto_init(void)
{
    if (aes_256_gcm != NULL) {
        return P11KMS_OK;
    }
    if (pthread_key_create(&context_key, context_free) != 0) {
        FAIL(P11KMS_E_CRYPTO, "no thread-specific data is left");
    }
    aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!fetch_hashes() || aes_256_gcm == NULL || crypto_context_get() == NULL) {
        return crypto_failed("libcrypto lacks SHA-1, SHA-2 or AES-256-GCM");
    }
    return P11KMS_OK;
}
