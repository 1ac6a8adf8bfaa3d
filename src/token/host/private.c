#include "token/host/private.h"

#include "crypto/ecdsa.h"
#include "crypto/rsa_padding.h"
#include "token/host/keys.h"
#include "util/secret.h"

_Static_assert(PRIVATE_OUT_MAX == RSA_MODULUS_MAX, "the longest modulus");

asym_type private_asym_type(token_key_type type)
{
    static const asym_type types[TOKEN_KEY_COUNT] = {
        [TOKEN_KEY_RSA_2048] = ASYM_RSA_2048, [TOKEN_KEY_RSA_3072] = ASYM_RSA_3072,
        [TOKEN_KEY_RSA_4096] = ASYM_RSA_4096, [TOKEN_KEY_P256] = ASYM_P256,
        [TOKEN_KEY_P384] = ASYM_P384,         [TOKEN_KEY_P521] = ASYM_P521,
        [TOKEN_KEY_SECP256K1] = ASYM_SECP256K1, [TOKEN_KEY_ED25519] = ASYM_ED25519,
    };

    return types[type];
}

crypto_hash private_hash(token_mechanism mechanism)
{
    static const crypto_hash hashes[] = { CRYPTO_SHA1, CRYPTO_SHA224, CRYPTO_SHA256, CRYPTO_SHA384 };
    unsigned len = kinds_of_mechanism(mechanism)->hash;

    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        if (crypto_hash_len(hashes[i]) == len) {
            return hashes[i];
        }
    }
    return CRYPTO_SHA512;
}

/* ---- how the module calls it ---- */

static const CK_MECHANISM_TYPE hash_mechanisms[CRYPTO_HASHES] = {
    [CRYPTO_SHA1] = CKM_SHA_1,    [CRYPTO_SHA224] = CKM_SHA224, [CRYPTO_SHA256] = CKM_SHA256,
    [CRYPTO_SHA384] = CKM_SHA384, [CRYPTO_SHA512] = CKM_SHA512,
};
static const CK_MECHANISM_TYPE hmac_mechanisms[CRYPTO_HASHES] = {
    [CRYPTO_SHA224] = CKM_SHA224_HMAC, [CRYPTO_SHA256] = CKM_SHA256_HMAC,
    [CRYPTO_SHA384] = CKM_SHA384_HMAC, [CRYPTO_SHA512] = CKM_SHA512_HMAC,
};
static const CK_RSA_PKCS_MGF_TYPE mgfs[CRYPTO_HASHES] = {
    [CRYPTO_SHA1] = CKG_MGF1_SHA1,     [CRYPTO_SHA224] = CKG_MGF1_SHA224, [CRYPTO_SHA256] = CKG_MGF1_SHA256,
    [CRYPTO_SHA384] = CKG_MGF1_SHA384, [CRYPTO_SHA512] = CKG_MGF1_SHA512,
};

static bool is_pkcs1(token_mechanism mechanism)
{
    return mechanism >= TOKEN_MECH_PKCS1_SHA256 && mechanism <= TOKEN_MECH_PKCS1_SHA512;
}

static bool is_pss(token_mechanism mechanism)
{
    return mechanism >= TOKEN_MECH_PSS_SHA256 && mechanism <= TOKEN_MECH_PSS_SHA512;
}

static CK_MECHANISM_TYPE sign_mechanism(token_mechanism mechanism)
{
    switch (kinds_of_mechanism(mechanism)->family) {
    case FAMILY_SECRET:
        return hmac_mechanisms[private_hash(mechanism)];
    case FAMILY_EC:
        return CKM_ECDSA;
    case FAMILY_ED:
        return CKM_EDDSA;
    case FAMILY_RSA:
        break;
    }
    return is_pss(mechanism) ? CKM_RSA_PKCS_PSS : CKM_RSA_PKCS;
}

/* ---- signing ---- */

static CK_RV sign_once(const private_key *key, CK_MECHANISM *mechanism, slice_t in, uint8_t *out, size_t wanted)
{
    static uint8_t nothing;
    CK_BYTE_PTR data = in.len > 0 ? (CK_BYTE_PTR)(uintptr_t)in.data : &nothing;
    CK_ULONG len = PRIVATE_OUT_MAX;
    CK_RV rv = key->host->module->C_SignInit(key->session, mechanism, key->object);

    if (rv == CKR_OK) {
        rv = key->host->module->C_Sign(key->session, data, in.len, out, &len);
    }
    return rv == CKR_OK && len != wanted ? CKR_FUNCTION_FAILED : rv;
}

static CK_RV sign_raw(const private_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t k)
{
    CK_MECHANISM bare = { .mechanism = CKM_RSA_X_509 };
    uint8_t encoded[RSA_MODULUS_MAX];

    if (rsa_pss_encode(private_hash(mechanism), in, encoded, k) != P11KMS_OK) {
        return CKR_FUNCTION_FAILED;
    }
    return sign_once(key, &bare, SLICE(encoded, k), out, k);
}

static CK_RV sign_native(const private_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t wanted)
{
    crypto_hash hash = private_hash(mechanism);
    CK_RSA_PKCS_PSS_PARAMS pss = { hash_mechanisms[hash], mgfs[hash], crypto_hash_len(hash) };
    CK_MECHANISM native = { .mechanism = sign_mechanism(mechanism) };
    uint8_t info[RSA_DIGEST_INFO_MAX];

    if (is_pss(mechanism)) {
        native.pParameter = &pss;
        native.ulParameterLen = sizeof(pss);
    } else if (is_pkcs1(mechanism)) {
        in = SLICE(info, rsa_digest_info(hash, in, info));
    } else if (mechanism == TOKEN_MECH_ECDSA && in.len > wanted / 2) {
        in.len = wanted / 2; /* FIPS 186-5 6.4.1: the leftmost bits; not every module does it itself */
    }
    return sign_once(key, &native, in, out, wanted);
}

CK_RV private_sign(const private_key *key, token_mechanism mechanism, slice_t in, uint8_t out[PRIVATE_OUT_MAX],
                   size_t *ret_len)
{
    const kinds_type *row = kinds_of_type(key->type);
    size_t wanted = row->family == FAMILY_EC || row->family == FAMILY_ED ? 2 * row->size : row->size;

    if (row->family == FAMILY_SECRET) {
        wanted = kinds_of_mechanism(mechanism)->hash;
    }
    *ret_len = wanted;
    if (key->host->ways[mechanism] == WAY_RAW) {
        return sign_raw(key, mechanism, in, out, wanted);
    }
    return sign_native(key, mechanism, in, out, wanted);
}

bool private_verify(token_mechanism mechanism, slice_t spki, slice_t in, slice_t signature)
{
    _cleanup_(asym) asym_t *public = NULL;
    uint8_t der[ECDSA_DER_MAX];
    size_t der_len;

    if (asym_parse(spki, &public) != P11KMS_OK) {
        return false;
    }
    if (mechanism == TOKEN_MECH_EDDSA) {
        return asym_verify_message(public, in, signature);
    }
    if (mechanism != TOKEN_MECH_ECDSA) {
        return asym_verify(public, is_pss(mechanism) ? ASYM_PSS : ASYM_PKCS1, private_hash(mechanism), in, signature);
    }
    return ecdsa_to_der(signature, der, &der_len) == P11KMS_OK &&
           asym_verify(public, ASYM_ECDSA, CRYPTO_SHA256, in, SLICE(der, der_len));
}

/* ---- decrypting ---- */

static CK_RV decrypt_once(const private_key *key, CK_MECHANISM *mechanism, slice_t in, uint8_t out[PRIVATE_OUT_MAX],
                          size_t *ret_len)
{
    CK_ULONG len = PRIVATE_OUT_MAX;
    CK_RV rv = key->host->module->C_DecryptInit(key->session, mechanism, key->object);

    if (rv == CKR_OK) {
        rv = key->host->module->C_Decrypt(key->session, (CK_BYTE_PTR)(uintptr_t)in.data, in.len, out, &len);
    }
    *ret_len = len;
    return rv == CKR_OK && len > PRIVATE_OUT_MAX ? CKR_FUNCTION_FAILED : rv;
}

static result_t token_result(CK_RV rv)
{
    return (result_t){ rv == CKR_OK ? P11KMS_OK : P11KMS_E_TOKEN, rv };
}

/* Nothing here may depend on what was decrypted, but in rsa_oaep_decode(), which sees to it. */
static result_t decrypt_raw(const private_key *key, token_mechanism mechanism, slice_t in, uint8_t out[PRIVATE_OUT_MAX],
                            size_t *ret_len)
{
    CK_MECHANISM bare = { .mechanism = CKM_RSA_X_509 };
    uint8_t encoded[PRIVATE_OUT_MAX];
    size_t len;
    CK_RV rv = decrypt_once(key, &bare, in, encoded, &len);

    if (rv != CKR_OK || len != in.len) { /* the self-test has seen that the module keeps leading zeros */
        return token_result(rv != CKR_OK ? rv : CKR_FUNCTION_FAILED);
    }
    return (result_t){ rsa_oaep_decode(private_hash(mechanism), encoded, len, out, ret_len), CKR_OK };
}

result_t private_decrypt(const private_key *key, token_mechanism mechanism, slice_t in, uint8_t out[PRIVATE_OUT_MAX],
                         size_t *ret_len)
{
    crypto_hash hash = private_hash(mechanism);
    CK_RSA_PKCS_OAEP_PARAMS oaep = { hash_mechanisms[hash], mgfs[hash], CKZ_DATA_SPECIFIED, NULL, 0 };
    CK_MECHANISM native = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };

    if (key->host->ways[mechanism] == WAY_RAW) {
        return decrypt_raw(key, mechanism, in, out, ret_len);
    }
    return token_result(decrypt_once(key, &native, in, out, ret_len));
}

CK_RV private_unwrap(const private_key *key, token_mechanism mechanism, slice_t wrapped, const template_key *secret,
                     CK_OBJECT_HANDLE *ret)
{
    crypto_hash hash = private_hash(mechanism);
    CK_RSA_PKCS_OAEP_PARAMS oaep = { hash_mechanisms[hash], mgfs[hash], CKZ_DATA_SPECIFIED, NULL, 0 };
    CK_MECHANISM native = { CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep) };

    return template_unwrap_secret(key->host, key->session, &native, key->object, wrapped, secret, ret);
}

bool private_means_invalid(const host_t *host, token_mechanism mechanism, CK_RV rv)
{
    static const CK_RV errors[] = {
        CKR_ENCRYPTED_DATA_INVALID, CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_DATA_INVALID, CKR_DATA_LEN_RANGE,
        CKR_GENERAL_ERROR,          CKR_FUNCTION_FAILED,          CKR_DEVICE_ERROR,
    };

    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (rv == errors[i]) {
            return host->ways[mechanism] == WAY_NATIVE;
        }
    }
    return false;
}

/* ---- agreeing ---- */

static CK_RV derive(const private_key *key, slice_t point, CK_OBJECT_HANDLE *ret)
{
    static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    static CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG size = kinds_of_type(key->type)->size;
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &class, sizeof(class) },   { CKA_KEY_TYPE, &type, sizeof(type) },
        { CKA_TOKEN, &no, sizeof(no) },         { CKA_SENSITIVE, &no, sizeof(no) },
        { CKA_EXTRACTABLE, &yes, sizeof(yes) }, { CKA_VALUE_LEN, &size, sizeof(size) },
    };
    CK_ECDH1_DERIVE_PARAMS parameters = { CKD_NULL, 0, NULL, point.len, (CK_BYTE_PTR)(uintptr_t)point.data };
    CK_MECHANISM mechanism = { CKM_ECDH1_DERIVE, &parameters, sizeof(parameters) };

    return key->host->module->C_DeriveKey(key->session, &mechanism, key->object, template, COUNT_OF(template), ret);
}

CK_RV private_agree(const private_key *key, slice_t point, uint8_t out[PRIVATE_OUT_MAX], size_t *ret_len)
{
    CK_OBJECT_HANDLE secret = CK_INVALID_HANDLE;
    CK_ATTRIBUTE value = { CKA_VALUE, out, PRIVATE_OUT_MAX };
    CK_RV rv = derive(key, point, &secret);
    CK_RV destroyed;

    if (rv != CKR_OK) {
        return rv;
    }
    if (keys_handle_taken(key->host, secret)) {
        return CKR_OBJECT_HANDLE_INVALID; /* to destroy it would destroy another */
    }
    rv = key->host->module->C_GetAttributeValue(key->session, secret, &value, 1);
    destroyed = key->host->module->C_DestroyObject(key->session, secret);
    if (rv != CKR_OK || destroyed != CKR_OK) {
        return rv != CKR_OK ? rv : destroyed;
    }
    *ret_len = kinds_of_type(key->type)->size;
    return value.ulValueLen == *ret_len ? CKR_OK : CKR_FUNCTION_FAILED;
}
