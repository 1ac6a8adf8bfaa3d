#include "crypto/keypair.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/context.h"

DEFINE_CLEANUP(EVP_PKEY *, pkey, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_PKEY_CTX *, pkey_ctx, EVP_PKEY_CTX_free);
DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, pkcs8, PKCS8_PRIV_KEY_INFO_free); /* wipes */

static const struct {
    const char *algorithm;
    const char *group;
    int bits;
} types[KEYPAIR_TYPES] = {
    [KEYPAIR_RSA_2048] = { "RSA", .bits = 2048 },
    [KEYPAIR_RSA_3072] = { "RSA", .bits = 3072 },
    [KEYPAIR_RSA_4096] = { "RSA", .bits = 4096 },
    [KEYPAIR_P256] = { "EC", .group = "P-256" },
    [KEYPAIR_P384] = { "EC", .group = "P-384" },
    [KEYPAIR_P521] = { "EC", .group = "P-521" },
    [KEYPAIR_SECP256K1] = { "EC", .group = "secp256k1" },
    [KEYPAIR_ED25519] = { "ED25519" },
    [KEYPAIR_SM2] = { "SM2", .group = "SM2" },
};

/* Ready to make one; NULL where libcrypto lacks the algorithm or the curve. */
static EVP_PKEY_CTX *prepare(keypair_type type)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, types[type].algorithm, NULL);

    if (ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
        (!types[type].bits || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, types[type].bits) == 1) &&
        (!types[type].group || EVP_PKEY_CTX_set_group_name(ctx, types[type].group) == 1)) {
        return ctx;
    }
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return NULL;
}

bool keypair_is_offered(keypair_type type)
{
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = prepare(type);

    return ctx != NULL;
}

/* Straight into secret memory. */
static p11kms_err write_private(const EVP_PKEY *pkey, secret_t **ret)
{
    _cleanup_(pkcs8) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    _cleanup_secret_ secret_t *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;

    if (len <= 0 || len > KEYPAIR_PRIVATE_MAX) {
        return crypto_failed("PKCS#8");
    }
    TRY(secret_new((size_t)len, &der));
    uint8_t *at = secret_data(der);
    if (i2d_PKCS8_PRIV_KEY_INFO(info, &at) != len) {
        return crypto_failed("PKCS#8");
    }
    *ret = STEAL(der);
    return P11KMS_OK;
}

static p11kms_err write_public(const EVP_PKEY *pkey, buf_t *ret)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);

    if (len <= 0) {
        return crypto_failed("SubjectPublicKeyInfo");
    }
    buf_put(ret, der, (size_t)len);
    OPENSSL_free(der);
    ENSURE(!buf_failed(ret), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

p11kms_err keypair_make(keypair_type type, secret_t **ret_private, buf_t *ret_public)
{
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = prepare(type);
    _cleanup_(pkey) EVP_PKEY *pkey = NULL;
    _cleanup_secret_ secret_t *private_key = NULL;
    _cleanup_buf_ buf_t public_key = { 0 };

    ENSURE(ctx != NULL, P11KMS_E_UNSUPPORTED);
    if (EVP_PKEY_generate(ctx, &pkey) != 1) {
        return crypto_failed("a key pair");
    }
    TRY(write_private(pkey, &private_key));
    TRY(write_public(pkey, &public_key));
    *ret_private = STEAL(private_key);
    *ret_public = STEAL(public_key);
    return P11KMS_OK;
}
