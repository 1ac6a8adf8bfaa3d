#include "crypto/pkey.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

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

slice_t pkey_without_zeros(slice_t number)
{
    while (number.len && number.data[0] == 0) {
        number = SLICE(number.data + 1, number.len - 1);
    }
    return number;
}

bool pkey_exponent_is_good(slice_t e)
{
    return e.len >= 1 && e.len <= RSA_E_MAX_BYTES && (e.data[e.len - 1] & 1) == 1 && (e.len > 1 || e.data[0] >= 3);
}

EVP_PKEY *pkey_rsa(slice_t n, slice_t e)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n.data, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.data, (int)e.len, NULL);
    EVP_PKEY *pkey = NULL;

    if (build && modulus && exponent && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent)) {
        pkey = from_params("RSA", build);
    }
    BN_free(modulus);
    BN_free(exponent);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

EVP_PKEY *pkey_point(const char *group, slice_t point)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    if (build && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len)) {
        pkey = from_params("EC", build);
    }
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

EVP_PKEY *pkey_ed25519(slice_t x)
{
    return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.data, x.len);
}
