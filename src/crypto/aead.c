#include <limits.h>
#include <openssl/err.h>

#include "crypto/context.h"

static const uint8_t zeros[AEAD_KEY];

/* Not knowing the caller's key any more is part of the job: failing to is a failure. */
static bool forget_key(EVP_CIPHER_CTX *ctx)
{
    return EVP_CipherInit_ex2(ctx, NULL, zeros, zeros, -1, NULL) == 1;
}

static bool update(EVP_CIPHER_CTX *ctx, uint8_t *out, slice_t in)
{
    int written;

    return in.len == 0 || EVP_CipherUpdate(ctx, out, &written, in.data, (int)in.len) == 1;
}

static bool fits(slice_t s)
{
    return s.len <= INT_MAX;
}

static bool seal(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *iv, slice_t aad, slice_t plain,
                 uint8_t *out)
{
    int written;

    return EVP_EncryptInit_ex2(ctx, NULL, key, iv, NULL) == 1 && update(ctx, NULL, aad) &&
           update(ctx, out, plain) && EVP_EncryptFinal_ex(ctx, out + plain.len, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, out + plain.len) == 1;
}

p11kms_err crypto_aead_seal(const uint8_t key[AEAD_KEY], const uint8_t iv[AEAD_IV], slice_t aad,
                            slice_t plain, uint8_t *out)
{
    crypto_context *ctx = crypto_context_get();
    bool sealed;

    ENSURE(ctx != NULL, P11KMS_E_NOMEM);
    ENSURE(fits(aad) && fits(plain), P11KMS_E_CRYPTO);
    sealed = seal(ctx->seal, key, iv, aad, plain, out);
    return forget_key(ctx->seal) && sealed ? P11KMS_OK : crypto_failed("AES-256-GCM");
}

static bool open_keyed(EVP_CIPHER_CTX *ctx, slice_t aad, slice_t cipher, const uint8_t *tag, uint8_t *out)
{
    uint8_t expected[AEAD_TAG]; /* the call takes it as not const */
    int written;

    memcpy(expected, tag, AEAD_TAG);
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, expected) == 1 &&
           update(ctx, NULL, aad) && update(ctx, out, cipher) &&
           EVP_DecryptFinal_ex(ctx, out + cipher.len, &written) == 1;
}

p11kms_err crypto_aead_open(const uint8_t key[AEAD_KEY], const uint8_t iv[AEAD_IV], slice_t aad,
                            slice_t sealed, uint8_t *out)
{
    crypto_context *ctx = crypto_context_get();
    slice_t cipher;
    bool opened;

    ENSURE(ctx != NULL, P11KMS_E_NOMEM);
    ENSURE(sealed.len >= AEAD_TAG, P11KMS_E_CIPHERTEXT);
    ENSURE(fits(aad) && fits(sealed), P11KMS_E_CIPHERTEXT);
    cipher = SLICE(sealed.data, sealed.len - AEAD_TAG);
    if (EVP_DecryptInit_ex2(ctx->open, NULL, key, iv, NULL) != 1) {
        return crypto_failed("AES-256-GCM");
    }
    opened = open_keyed(ctx->open, aad, cipher, sealed.data + cipher.len, out);
    if (!forget_key(ctx->open) || !opened) {
        secret_wipe(out, cipher.len);
        ERR_clear_error();
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    return P11KMS_OK;
}
