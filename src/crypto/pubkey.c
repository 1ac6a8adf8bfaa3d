#include "crypto/pubkey.h"

#include <openssl/err.h>

#include "crypto/context.h"
#include "crypto/ecdsa.h"
#include "crypto/pkey.h"

#define P256_BYTES 32

struct pubkey {
    pubkey_kind kind;
    EVP_PKEY *pkey;
};

static p11kms_err wrap(pubkey_kind kind, EVP_PKEY *pkey, pubkey_t **ret)
{
    pubkey_t *key = pkey ? calloc(1, sizeof(*key)) : NULL;

    if (!key) {
        EVP_PKEY_free(pkey);
        return crypto_failed("a public key");
    }
    key->kind = kind;
    key->pkey = pkey;
    *ret = key;
    return P11KMS_OK;
}

p11kms_err pubkey_rsa(slice_t n, slice_t e, pubkey_t **ret)
{
    n = pkey_without_zeros(n);
    e = pkey_without_zeros(e);
    if (n.len * 8 < PUBKEY_RSA_MIN_BITS || n.len * 8 > PUBKEY_RSA_MAX_BITS || !pkey_exponent_is_good(e)) {
        FAIL(P11KMS_E_RANGE, "an RSA key must have %d to %d bits and an odd exponent from 3 on", PUBKEY_RSA_MIN_BITS,
             PUBKEY_RSA_MAX_BITS);
    }
    return wrap(PUBKEY_RS256, pkey_rsa(n, e), ret);
}

p11kms_err pubkey_p256(slice_t x, slice_t y, pubkey_t **ret)
{
    uint8_t point[1 + 2 * P256_BYTES] = { 4 /* uncompressed, SEC 1 2.3.3 */ };

    ENSURE(x.len == P256_BYTES && y.len == P256_BYTES, P11KMS_E_RANGE);
    memcpy(point + 1, x.data, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, y.data, P256_BYTES);
    return wrap(PUBKEY_ES256, pkey_point("P-256", SLICE(point, sizeof(point))), ret);
}

p11kms_err pubkey_ed25519(slice_t x, pubkey_t **ret)
{
    ENSURE(x.len == 32, P11KMS_E_RANGE);
    return wrap(PUBKEY_EDDSA, pkey_ed25519(x), ret);
}

void pubkey_free(pubkey_t *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

pubkey_kind pubkey_get_kind(const pubkey_t *key)
{
    return key->kind;
}

static bool verify(const pubkey_t *key, const char *digest, slice_t message, const uint8_t *signature, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key->pkey, NULL) == 1 &&
                EVP_DigestVerify(ctx, signature, len, message.data, message.len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

/* JOSE writes r || s; OpenSSL wants them in DER. */
static bool verify_p256(const pubkey_t *key, slice_t message, slice_t signature)
{
    uint8_t der[ECDSA_DER_MAX];
    size_t len;

    return signature.len == 2 * P256_BYTES && ecdsa_to_der(signature, der, &len) == P11KMS_OK &&
           verify(key, "SHA256", message, der, len);
}

bool pubkey_verify(const pubkey_t *key, slice_t message, slice_t signature)
{
    switch (key->kind) {
    case PUBKEY_RS256:
        return verify(key, "SHA256", message, signature.data, signature.len);
    case PUBKEY_ES256:
        return verify_p256(key, message, signature);
    case PUBKEY_EDDSA:
        return verify(key, NULL, message, signature.data, signature.len);
    }
    return false;
}
