#include "crypto/pkcs8.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/context.h"

DEFINE_CLEANUP(EVP_PKEY *, pkey, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_PKEY_CTX *, pkey_ctx, EVP_PKEY_CTX_free);
DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, pkcs8, PKCS8_PRIV_KEY_INFO_free); /* wipes */
DEFINE_CLEANUP(BIGNUM *, number, BN_clear_free);
DEFINE_CLEANUP(EVP_CIPHER *, cipher, EVP_CIPHER_free);
DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_ctx, EVP_CIPHER_CTX_free);

static const struct {
    const char *parameter;
    pkcs8_which number;
} rsa_numbers[] = {
    { OSSL_PKEY_PARAM_RSA_N, PKCS8_N },          { OSSL_PKEY_PARAM_RSA_E, PKCS8_E },
    { OSSL_PKEY_PARAM_RSA_D, PKCS8_D },          { OSSL_PKEY_PARAM_RSA_FACTOR1, PKCS8_P },
    { OSSL_PKEY_PARAM_RSA_FACTOR2, PKCS8_Q },    { OSSL_PKEY_PARAM_RSA_EXPONENT1, PKCS8_DP },
    { OSSL_PKEY_PARAM_RSA_EXPONENT2, PKCS8_DQ }, { OSSL_PKEY_PARAM_RSA_COEFFICIENT1, PKCS8_QI },
};

static const size_t order_len[ASYM_TYPES] = {
    [ASYM_P256] = 32, [ASYM_P384] = 48, [ASYM_P521] = 66, [ASYM_SECP256K1] = 32,
};

/* @p len bytes, or as many as it has with 0. */
static bool take_number(const EVP_PKEY *pkey, const char *parameter, size_t len, pkcs8_numbers *numbers,
                        pkcs8_which which)
{
    _cleanup_(number) BIGNUM *number = NULL;

    if (EVP_PKEY_get_bn_param(pkey, parameter, &number) != 1) {
        return false;
    }
    numbers->len[which] = len > 0 ? len : (size_t)BN_num_bytes(number);
    return numbers->len[which] > 0 && numbers->len[which] <= PKCS8_NUMBER_MAX &&
           BN_bn2binpad(number, numbers->data[which], (int)numbers->len[which]) >= 0;
}

/* Each prime of half the modulus' length (FIPS 186-5 A.1.3): to test a longer one takes minutes. */
static bool take_rsa(const EVP_PKEY *pkey, pkcs8_numbers *numbers)
{
    _cleanup_(number) BIGNUM *third = NULL;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) == 1) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(rsa_numbers); i++) {
        if (!take_number(pkey, rsa_numbers[i].parameter, 0, numbers, rsa_numbers[i].number)) {
            return false;
        }
    }
    return 2 * numbers->len[PKCS8_P] == numbers->len[PKCS8_N] && 2 * numbers->len[PKCS8_Q] == numbers->len[PKCS8_N];
}

static bool take_numbers(const EVP_PKEY *pkey, asym_type type, pkcs8_numbers *numbers)
{
    if (type == ASYM_ED25519) {
        numbers->len[PKCS8_D] = PKCS8_NUMBER_MAX;
        return EVP_PKEY_get_raw_private_key(pkey, numbers->data[PKCS8_D], &numbers->len[PKCS8_D]) == 1;
    }
    if (order_len[type] > 0) {
        return take_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, order_len[type], numbers, PKCS8_D);
    }
    return take_rsa(pkey, numbers);
}

/* The SPKI is read again by asym_parse(), which knows one encoding of one type, and so tells type and size. */
static bool public_is_of(const EVP_PKEY *pkey, asym_type type, buf_t *ret_spki)
{
    _cleanup_(asym) asym_t *parsed = NULL;
    uint8_t *at = buf_reserve(ret_spki, ASYM_MAX);
    int len = i2d_PUBKEY(pkey, NULL);

    if (at == NULL || len <= 0 || len > ASYM_MAX || i2d_PUBKEY(pkey, &at) != len ||
        asym_parse(SLICE(ret_spki->data + ret_spki->len, (size_t)len), &parsed) != P11KMS_OK ||
        asym_get_type(parsed) != type) {
        return false;
    }
    ret_spki->len += (size_t)len;
    return true;
}

static bool is_consistent(EVP_PKEY *pkey, asym_type type)
{
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    /* Ed25519's public key is always computed. */
    return type == ASYM_ED25519 || (ctx != NULL && EVP_PKEY_check(ctx) == 1);
}

/* What ASYM_TYPES are. Of others, as DSA, libcrypto computes the public key as it reads, for seconds. */
static bool is_known(const PKCS8_PRIV_KEY_INFO *info)
{
    const ASN1_OBJECT *algorithm = NULL;
    int kind = PKCS8_pkey_get0(&algorithm, NULL, NULL, NULL, info) == 1 ? OBJ_obj2nid(algorithm) : NID_undef;

    return kind == NID_rsaEncryption || kind == NID_X9_62_id_ecPublicKey || kind == NID_ED25519;
}

static EVP_PKEY *parse(slice_t der)
{
    const uint8_t *at = der.data;
    _cleanup_(pkcs8) PKCS8_PRIV_KEY_INFO *info = NULL;

    if (der.len == 0 || der.len > PKCS8_DER_MAX) {
        return NULL;
    }
    info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    return info != NULL && at == der.data + der.len && is_known(info) ? EVP_PKCS82PKEY(info) : NULL;
}

p11kms_err pkcs8_read(slice_t der, asym_type type, secret_t **ret_numbers, buf_t *ret_spki)
{
    _cleanup_(pkey) EVP_PKEY *pkey = parse(der);
    _cleanup_secret_ secret_t *numbers = NULL;
    bool good;

    TRY(secret_new(sizeof(pkcs8_numbers), &numbers));
    /* The others bound what it costs to find it consistent. */
    good = pkey != NULL && public_is_of(pkey, type, ret_spki) &&
           take_numbers(pkey, type, (pkcs8_numbers *)(void *)secret_data(numbers)) && is_consistent(pkey, type);
    ERR_clear_error();
    if (!good) {
        FAIL(P11KMS_E_SYNTAX, "not the private key of that type in PKCS#8");
    }
    *ret_numbers = STEAL(numbers);
    return P11KMS_OK;
}

p11kms_err pkcs8_agree(slice_t der, slice_t spki, uint8_t out[PKCS8_SHARED_MAX], size_t *ret_len)
{
    const uint8_t *at = spki.data;
    _cleanup_(pkey) EVP_PKEY *own = parse(der);
    _cleanup_(pkey) EVP_PKEY *peer = d2i_PUBKEY(NULL, &at, (long)spki.len);
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = own != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL) : NULL;

    *ret_len = PKCS8_SHARED_MAX;
    if (ctx == NULL || peer == NULL || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, peer) != 1 ||
        EVP_PKEY_derive(ctx, out, ret_len) != 1) {
        return crypto_failed("ECDH");
    }
    return P11KMS_OK;
}

/* libcrypto wants room for as much as came in. */
static bool unwrap(EVP_CIPHER_CTX *ctx, EVP_CIPHER *cipher, const uint8_t *key, slice_t wrapped, uint8_t *out, int *len)
{
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    return EVP_DecryptInit_ex2(ctx, cipher, key, NULL, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, out, len, wrapped.data, (int)wrapped.len) == 1 && *len > 0;
}

p11kms_err kwp_unwrap(const uint8_t key[KWP_KEY], slice_t wrapped, uint8_t *out, size_t *ret_len)
{
    _cleanup_(cipher) EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    _cleanup_(cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;

    ENSURE(wrapped.len >= 16 && wrapped.len <= PKCS8_DER_MAX + 8, P11KMS_E_CIPHERTEXT);
    if (cipher == NULL || ctx == NULL) {
        return crypto_failed("AES key wrap");
    }
    if (!unwrap(ctx, cipher, key, wrapped, out, &len)) {
        ERR_clear_error();
        secret_wipe(out, wrapped.len);
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    *ret_len = (size_t)len;
    return P11KMS_OK;
}
