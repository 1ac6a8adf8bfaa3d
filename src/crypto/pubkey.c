#include "crypto/pubkey.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "crypto/context.h"

#define P256_BYTES 32
#define RSA_E_MAX_BYTES 8

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

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

static slice_t without_zeros(slice_t number)
{
    while (number.len && number.data[0] == 0) {
        number = SLICE(number.data + 1, number.len - 1);
    }
    return number;
}

p11kms_err pubkey_rsa(slice_t n, slice_t e, pubkey_t **ret)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    n = without_zeros(n);
    e = without_zeros(e);
    if (n.len * 8 < PUBKEY_RSA_MIN_BITS || n.len * 8 > PUBKEY_RSA_MAX_BITS || e.len == 0 ||
        e.len > RSA_E_MAX_BYTES || (e.data[e.len - 1] & 1) == 0 || (e.len == 1 && e.data[0] < 3)) {
        OSSL_PARAM_BLD_free(build);
        FAIL(P11KMS_E_RANGE, "an RSA key must have %d to %d bits and an odd exponent from 3 on", PUBKEY_RSA_MIN_BITS,
             PUBKEY_RSA_MAX_BITS);
    }
    BIGNUM *modulus = BN_bin2bn(n.data, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.data, (int)e.len, NULL);
    if (build && modulus && exponent && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent)) {
        pkey = from_params("RSA", build);
    }
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(build);
    return wrap(PUBKEY_RS256, pkey, ret);
}

/* OpenSSL's check that the point is on the curve comes with the import. */
p11kms_err pubkey_p256(slice_t x, slice_t y, pubkey_t **ret)
{
    uint8_t point[1 + 2 * P256_BYTES] = { 4 /* uncompressed, SEC 1 2.3.3 */ };
    EVP_PKEY *pkey = NULL;

    ENSURE(x.len == P256_BYTES && y.len == P256_BYTES, P11KMS_E_RANGE);
    memcpy(point + 1, x.data, P256_BYTES);
    memcpy(point + 1 + P256_BYTES, y.data, P256_BYTES);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point))) {
        pkey = from_params("EC", build);
    }
    OSSL_PARAM_BLD_free(build);
    return wrap(PUBKEY_ES256, pkey, ret);
}

p11kms_err pubkey_ed25519(slice_t x, pubkey_t **ret)
{
    ENSURE(x.len == 32, P11KMS_E_RANGE);
    return wrap(PUBKEY_EDDSA, EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.data, x.len), ret);
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
    uint8_t *der = NULL;
    bool good = false;

    if (signature.len != 2 * P256_BYTES) {
        return false;
    }
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, P256_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + P256_BYTES, P256_BYTES, NULL);
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        int len = i2d_ECDSA_SIG(sig, &der);
        good = len > 0 && verify(key, "SHA256", message, der, (size_t)len);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    OPENSSL_free(der);
    return good;
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
