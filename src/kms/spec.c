#include "kms/spec.h"

#include <string.h>

#define CRYPT (1u << KMS_USAGE_ENCRYPT_DECRYPT)
#define SIGN (1u << KMS_USAGE_SIGN_VERIFY)
#define MAC (1u << KMS_USAGE_GENERATE_VERIFY_MAC)
#define AGREE (1u << KMS_USAGE_KEY_AGREEMENT)

const kms_spec kms_symmetric_default = { "SYMMETRIC_DEFAULT", KMS_FAMILY_SYMMETRIC, CRYPT, TOKEN_KEY_PRF, 256 };

static const kms_spec specs[] = {
    { "RSA_2048", KMS_FAMILY_RSA, CRYPT | SIGN, TOKEN_KEY_RSA_2048, 2048 },
    { "RSA_3072", KMS_FAMILY_RSA, CRYPT | SIGN, TOKEN_KEY_RSA_3072, 3072 },
    { "RSA_4096", KMS_FAMILY_RSA, CRYPT | SIGN, TOKEN_KEY_RSA_4096, 4096 },
    { "ECC_NIST_P256", KMS_FAMILY_ECC, SIGN | AGREE, TOKEN_KEY_P256, 256 },
    { "ECC_NIST_P384", KMS_FAMILY_ECC, SIGN | AGREE, TOKEN_KEY_P384, 384 },
    { "ECC_NIST_P521", KMS_FAMILY_ECC, SIGN | AGREE, TOKEN_KEY_P521, 521 },
    { "ECC_SECG_P256K1", KMS_FAMILY_ECC, SIGN, TOKEN_KEY_SECP256K1, 256 },
    { "ECC_NIST_EDWARDS25519", KMS_FAMILY_EDWARDS, SIGN, TOKEN_KEY_ED25519, 256 },
    { "HMAC_224", KMS_FAMILY_HMAC, MAC, TOKEN_KEY_HMAC_224, 224 },
    { "HMAC_256", KMS_FAMILY_HMAC, MAC, TOKEN_KEY_HMAC_256, 256 },
    { "HMAC_384", KMS_FAMILY_HMAC, MAC, TOKEN_KEY_HMAC_384, 384 },
    { "HMAC_512", KMS_FAMILY_HMAC, MAC, TOKEN_KEY_HMAC_512, 512 },
    { "SM2", KMS_FAMILY_SM2, CRYPT | SIGN | AGREE, TOKEN_KEY_COUNT, 256 },
    { "ML_DSA_44", KMS_FAMILY_ML_DSA, SIGN, TOKEN_KEY_COUNT, 44 },
    { "ML_DSA_65", KMS_FAMILY_ML_DSA, SIGN, TOKEN_KEY_COUNT, 65 },
    { "ML_DSA_87", KMS_FAMILY_ML_DSA, SIGN, TOKEN_KEY_COUNT, 87 },
};

#define RSA_CRYPT KMS_USAGE_ENCRYPT_DECRYPT, KMS_FAMILY_RSA, 0
#define RSA_SIGN KMS_USAGE_SIGN_VERIFY, KMS_FAMILY_RSA, 0
#define ECC_SIGN KMS_USAGE_SIGN_VERIFY, KMS_FAMILY_ECC
#define ED_SIGN KMS_USAGE_SIGN_VERIFY, KMS_FAMILY_EDWARDS, 0
#define HMAC KMS_USAGE_GENERATE_VERIFY_MAC, KMS_FAMILY_HMAC

static const kms_algorithm algorithms[] = {
    { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, KMS_FAMILY_SYMMETRIC, 0, TOKEN_MECH_NONE, 0 },
    { "RSAES_OAEP_SHA_1", RSA_CRYPT, TOKEN_MECH_OAEP_SHA1, 160 },
    { "RSAES_OAEP_SHA_256", RSA_CRYPT, TOKEN_MECH_OAEP_SHA256, 256 },
    { "RSASSA_PKCS1_V1_5_SHA_256", RSA_SIGN, TOKEN_MECH_PKCS1_SHA256, 256 },
    { "RSASSA_PKCS1_V1_5_SHA_384", RSA_SIGN, TOKEN_MECH_PKCS1_SHA384, 384 },
    { "RSASSA_PKCS1_V1_5_SHA_512", RSA_SIGN, TOKEN_MECH_PKCS1_SHA512, 512 },
    { "RSASSA_PSS_SHA_256", RSA_SIGN, TOKEN_MECH_PSS_SHA256, 256 },
    { "RSASSA_PSS_SHA_384", RSA_SIGN, TOKEN_MECH_PSS_SHA384, 384 },
    { "RSASSA_PSS_SHA_512", RSA_SIGN, TOKEN_MECH_PSS_SHA512, 512 },
    { "ECDSA_SHA_256", ECC_SIGN, 256, TOKEN_MECH_ECDSA, 256 },
    { "ECDSA_SHA_384", ECC_SIGN, 384, TOKEN_MECH_ECDSA, 384 },
    { "ECDSA_SHA_512", ECC_SIGN, 521, TOKEN_MECH_ECDSA, 512 },
    { "ED25519_SHA_512", ED_SIGN, TOKEN_MECH_EDDSA, 512 },
    { "ED25519_PH_SHA_512", ED_SIGN, TOKEN_MECH_EDDSA_PH, 512 },
    { "HMAC_SHA_224", HMAC, 224, TOKEN_MECH_HMAC_SHA224, 224 },
    { "HMAC_SHA_256", HMAC, 256, TOKEN_MECH_HMAC_SHA256, 256 },
    { "HMAC_SHA_384", HMAC, 384, TOKEN_MECH_HMAC_SHA384, 384 },
    { "HMAC_SHA_512", HMAC, 512, TOKEN_MECH_HMAC_SHA512, 512 },
    { "ECDH", KMS_USAGE_KEY_AGREEMENT, KMS_FAMILY_ECC, 0, TOKEN_MECH_NONE, 0 },
};

static const char *const usage_names[KMS_USAGE_COUNT] = {
    [KMS_USAGE_ENCRYPT_DECRYPT] = "ENCRYPT_DECRYPT",
    [KMS_USAGE_SIGN_VERIFY] = "SIGN_VERIFY",
    [KMS_USAGE_GENERATE_VERIFY_MAC] = "GENERATE_VERIFY_MAC",
    [KMS_USAGE_KEY_AGREEMENT] = "KEY_AGREEMENT",
};

static const char *const origin_names[KMS_ORIGIN_COUNT] = {
    [KMS_ORIGIN_AWS_KMS] = "AWS_KMS",
    [KMS_ORIGIN_EXTERNAL] = "EXTERNAL",
    [KMS_ORIGIN_AWS_CLOUDHSM] = "AWS_CLOUDHSM",
    [KMS_ORIGIN_EXTERNAL_KEY_STORE] = "EXTERNAL_KEY_STORE",
};

static bool named(const char *const *names, int n, slice_t name, int *ret)
{
    for (int i = 0; i < n; i++) {
        if (slice_eq_str(name, names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

const kms_spec *kms_spec_named(slice_t name)
{
    if (slice_eq_str(name, kms_symmetric_default.name)) {
        return &kms_symmetric_default;
    }
    for (size_t i = 0; i < COUNT_OF(specs); i++) {
        if (slice_eq_str(name, specs[i].name)) {
            return &specs[i];
        }
    }
    return NULL;
}

const char *kms_usage_name(kms_usage usage)
{
    return usage_names[usage];
}

bool kms_usage_named(slice_t name, kms_usage *ret)
{
    int found;

    if (!named(usage_names, KMS_USAGE_COUNT, name, &found)) {
        return false;
    }
    *ret = (kms_usage)found;
    return true;
}

const char *kms_origin_name(kms_origin origin)
{
    return origin_names[origin];
}

bool kms_origin_named(slice_t name, kms_origin *ret)
{
    int found;

    if (!named(origin_names, KMS_ORIGIN_COUNT, name, &found)) {
        return false;
    }
    *ret = (kms_origin)found;
    return true;
}

bool kms_spec_is_pair(const kms_spec *spec)
{
    return spec->family != KMS_FAMILY_SYMMETRIC && spec->family != KMS_FAMILY_HMAC;
}

token_key_use kms_usage_on_token(kms_usage usage)
{
    static const token_key_use uses[KMS_USAGE_COUNT] = {
        [KMS_USAGE_ENCRYPT_DECRYPT] = TOKEN_USE_DECRYPT,
        [KMS_USAGE_SIGN_VERIFY] = TOKEN_USE_SIGN,
        [KMS_USAGE_GENERATE_VERIFY_MAC] = TOKEN_USE_SIGN,
        [KMS_USAGE_KEY_AGREEMENT] = TOKEN_USE_AGREE,
    };

    return uses[usage];
}

static bool goes_with(const kms_algorithm *algorithm, const kms_spec *spec, kms_usage usage)
{
    return algorithm->usage == usage && algorithm->family == spec->family && (spec->usages & (1u << usage)) &&
           (algorithm->bits == 0 || algorithm->bits == spec->bits);
}

const kms_algorithm *kms_algorithm_of(const kms_spec *spec, kms_usage usage, size_t i)
{
    for (size_t k = 0; k < COUNT_OF(algorithms); k++) {
        if (goes_with(&algorithms[k], spec, usage) && i-- == 0) {
            return &algorithms[k];
        }
    }
    return NULL;
}

const kms_algorithm *kms_algorithm_named(const kms_spec *spec, kms_usage usage, slice_t name)
{
    for (size_t k = 0; k < COUNT_OF(algorithms); k++) {
        if (goes_with(&algorithms[k], spec, usage) && slice_eq_str(name, algorithms[k].name)) {
            return &algorithms[k];
        }
    }
    return NULL;
}

bool kms_algorithm_on_token(const kms_algorithm *algorithm, const token_info *info)
{
    if (algorithm->family == KMS_FAMILY_SYMMETRIC) {
        return info->can_prf;
    }
    if (algorithm->usage == KMS_USAGE_KEY_AGREEMENT) {
        return info->can_agree;
    }
    return algorithm->mechanism != TOKEN_MECH_NONE && TOKEN_CAN(info->mechanisms, algorithm->mechanism);
}

static bool has_an_algorithm(const kms_spec *spec, kms_usage usage, const token_info *info)
{
    const kms_algorithm *algorithm;

    for (size_t i = 0; (algorithm = kms_algorithm_of(spec, usage, i)) != NULL; i++) {
        if (kms_algorithm_on_token(algorithm, info)) {
            return true;
        }
    }
    return false;
}

p11kms_err kms_spec_on_token(const kms_spec *spec, kms_usage usage, token_t *token)
{
    const token_info info = token_get_info(token);
    bool makes = spec->type == TOKEN_KEY_PRF ? info.can_generate
                                             : spec->type < TOKEN_KEY_COUNT && TOKEN_CAN(info.key_types, spec->type);

    if (spec->type == TOKEN_KEY_COUNT) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED,
             "KeySpec %s is not supported: PKCS#11 tokens that p11kms knows have no such keys.", spec->name);
    }
    if (!makes) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "KeySpec %s is not supported: the token '%s' cannot make such keys.",
             spec->name, token_name(token));
    }
    return kms_spec_used_on_token(spec, usage, token);
}

p11kms_err kms_spec_used_on_token(const kms_spec *spec, kms_usage usage, token_t *token)
{
    const token_info info = token_get_info(token);

    if (!has_an_algorithm(spec, usage, &info)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED,
             "KeyUsage %s of KeySpec %s is not supported: the token '%s' has none of its algorithms.",
             kms_usage_name(usage), spec->name, token_name(token));
    }
    return P11KMS_OK;
}
