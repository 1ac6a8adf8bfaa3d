#include "tests/fakes/fake_keys.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "util/secret.h"

#define AES_KEY 32

DEFINE_CLEANUP(EVP_PKEY_CTX *, pkey_ctx, EVP_PKEY_CTX_free);
DEFINE_CLEANUP(EVP_PKEY *, pkey, EVP_PKEY_free);
DEFINE_CLEANUP(EVP_MD_CTX *, md_ctx, EVP_MD_CTX_free);
DEFINE_CLEANUP(EVP_CIPHER_CTX *, cipher_ctx, EVP_CIPHER_CTX_free);
DEFINE_CLEANUP(EVP_CIPHER *, cipher, EVP_CIPHER_free);
DEFINE_CLEANUP(ECDSA_SIG *, ecdsa, ECDSA_SIG_free);
DEFINE_CLEANUP(PKCS8_PRIV_KEY_INFO *, pkcs8, PKCS8_PRIV_KEY_INFO_free);

static const char *const groups[TOKEN_KEY_COUNT] = {
    [TOKEN_KEY_P256] = "prime256v1",
    [TOKEN_KEY_P384] = "secp384r1",
    [TOKEN_KEY_P521] = "secp521r1",
    [TOKEN_KEY_SECP256K1] = "secp256k1",
};

static const EVP_MD *md_of(token_mechanism mechanism)
{
    switch (kinds_of_mechanism(mechanism)->hash) {
    case 20:
        return EVP_sha1();
    case 28:
        return EVP_sha224();
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    default:
        return EVP_sha512();
    }
}

static p11kms_err crypto_or_ok(bool good, p11kms_err err)
{
    ERR_clear_error();
    return good ? P11KMS_OK : err;
}

void fake_key_free(fake_key *key)
{
    EVP_PKEY_free(key->pkey);
    secret_wipe(key, sizeof(*key));
}

p11kms_err fake_key_generate(fake_key *key)
{
    const kinds_type *row = kinds_of_type(key->type);

    if (row->family == FAMILY_RSA) {
        key->pkey = EVP_RSA_gen(8 * row->size);
    } else if (row->family == FAMILY_EC) {
        key->pkey = EVP_EC_gen(groups[key->type]);
    } else {
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    }
    return crypto_or_ok(key->pkey != NULL, P11KMS_E_CRYPTO);
}

p11kms_err fake_key_regenerate(fake_key *key)
{
    static EVP_PKEY *made[TOKEN_KEY_COUNT];

    if (made[key->type] == NULL) {
        TRY(fake_key_generate(key));
        made[key->type] = key->pkey;
    }
    key->pkey = made[key->type];
    return crypto_or_ok(EVP_PKEY_up_ref(key->pkey) == 1, P11KMS_E_CRYPTO);
}

p11kms_err fake_key_public(const fake_key *key, uint8_t *out, size_t *ret_len)
{
    int len = i2d_PUBKEY(key->pkey, &out);

    *ret_len = len > 0 ? (size_t)len : 0;
    return crypto_or_ok(len > 0, P11KMS_E_CRYPTO);
}

/* ---- signing ---- */

static p11kms_err sign_hmac(const fake_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t *ret_len)
{
    bool good = EVP_Q_mac(NULL, "HMAC", NULL, EVP_MD_get0_name(md_of(mechanism)), NULL, key->material,
                          kinds_of_type(key->type)->size, in.len > 0 ? in.data : (const uint8_t *)"", in.len, out,
                          TOKEN_RANDOM_MAX, ret_len) != NULL;

    return crypto_or_ok(good, P11KMS_E_CRYPTO);
}

static bool set_rsa_padding(EVP_PKEY_CTX *ctx, token_mechanism mechanism)
{
    const EVP_MD *md = md_of(mechanism);

    if (EVP_PKEY_CTX_set_signature_md(ctx, md) != 1) {
        return false;
    }
    if (mechanism < TOKEN_MECH_PSS_SHA256) {
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    }
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1;
}

static bool sign_digest(const fake_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t *ret_len)
{
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);

    *ret_len = TOKEN_RANDOM_MAX;
    return ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
           (mechanism == TOKEN_MECH_ECDSA || set_rsa_padding(ctx, mechanism)) &&
           EVP_PKEY_sign(ctx, out, ret_len, in.data, in.len) == 1;
}

static bool unpack_ecdsa(const fake_key *key, uint8_t *out, size_t *len)
{
    const uint8_t *at = out;
    _cleanup_(ecdsa) ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    int size = (int)kinds_of_type(key->type)->size;

    *len = 2 * (size_t)size;
    return signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, size) == size &&
           BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + size, size) == size;
}

static p11kms_err sign_eddsa(const fake_key *key, slice_t in, uint8_t *out, size_t *ret_len)
{
    _cleanup_(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    *ret_len = TOKEN_RANDOM_MAX;
    return crypto_or_ok(ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key->pkey) == 1 &&
                            EVP_DigestSign(ctx, out, ret_len, in.data, in.len) == 1,
                        P11KMS_E_CRYPTO);
}

p11kms_err fake_key_sign(const fake_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t *ret_len)
{
    bool good;

    switch (kinds_of_mechanism(mechanism)->family) {
    case FAMILY_SECRET:
        return sign_hmac(key, mechanism, in, out, ret_len);
    case FAMILY_ED: /* libcrypto 3.0 has no Ed25519ph */
        return mechanism == TOKEN_MECH_EDDSA ? sign_eddsa(key, in, out, ret_len) : P11KMS_E_UNSUPPORTED;
    default:
        good = sign_digest(key, mechanism, in, out, ret_len) &&
               (mechanism != TOKEN_MECH_ECDSA || unpack_ecdsa(key, out, ret_len));
        return crypto_or_ok(good, P11KMS_E_CRYPTO);
    }
}

/* ---- decrypting and agreeing ---- */

p11kms_err fake_key_decrypt(const fake_key *key, token_mechanism mechanism, slice_t in, uint8_t *out, size_t *ret_len)
{
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    const EVP_MD *md = md_of(mechanism);

    *ret_len = TOKEN_RANDOM_MAX;
    return crypto_or_ok(ctx != NULL && in.len == (size_t)EVP_PKEY_get_size(key->pkey) &&
                            EVP_PKEY_decrypt_init(ctx) == 1 &&
                            EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
                            EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
                            EVP_PKEY_decrypt(ctx, out, ret_len, in.data, in.len) == 1,
                        P11KMS_E_CIPHERTEXT);
}

p11kms_err fake_key_agree(const fake_key *key, slice_t spki, uint8_t *out, size_t *ret_len)
{
    const uint8_t *at = spki.data;
    _cleanup_(pkey) EVP_PKEY *peer = d2i_PUBKEY(NULL, &at, (long)spki.len);
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);

    *ret_len = TOKEN_RANDOM_MAX;
    return crypto_or_ok(peer != NULL && at == spki.data + spki.len && ctx != NULL &&
                            EVP_PKEY_parameters_eq(key->pkey, peer) == 1 && EVP_PKEY_derive_init(ctx) == 1 &&
                            EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, ret_len) == 1,
                        P11KMS_E_SYNTAX);
}

/* ---- importing ---- */

static bool unwrap_aes(const uint8_t *aes_key, slice_t wrapped, uint8_t *out, size_t *ret_len)
{
    _cleanup_(cipher) EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    _cleanup_(cipher_ctx) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0;

    if (cipher == NULL || ctx == NULL) {
        return false;
    }
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_DecryptInit_ex2(ctx, cipher, aes_key, NULL, NULL) != 1 ||
        EVP_DecryptUpdate(ctx, out, &len, wrapped.data, (int)wrapped.len) != 1 || len <= 0) {
        return false;
    }
    *ret_len = (size_t)len;
    return true;
}

static bool unwrap(const fake_key *unwrapping, token_mechanism mechanism, slice_t wrapped, uint8_t *out, size_t *ret_len)
{
    bool two_steps = mechanism == TOKEN_MECH_RSA_AES_WRAP_SHA1 || mechanism == TOKEN_MECH_RSA_AES_WRAP_SHA256;
    size_t rsa = (size_t)EVP_PKEY_get_size(unwrapping->pkey);
    uint8_t aes_key[TOKEN_RANDOM_MAX];
    size_t len;

    if (!two_steps) {
        return fake_key_decrypt(unwrapping, mechanism, wrapped, out, ret_len) == P11KMS_OK;
    }
    return wrapped.len > rsa &&
           fake_key_decrypt(unwrapping, mechanism, SLICE(wrapped.data, rsa), aes_key, &len) == P11KMS_OK &&
           len == AES_KEY && unwrap_aes(aes_key, SLICE(wrapped.data + rsa, wrapped.len - rsa), out, ret_len);
}

static bool pair_is_of(EVP_PKEY *pkey, token_key_type type)
{
    const kinds_type *row = kinds_of_type(type);
    _cleanup_(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    char group[32] = "";

    if (ctx == NULL) {
        return false;
    }
    switch (row->family) {
    case FAMILY_RSA:
        return EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) == (int)(8 * row->size) && EVP_PKEY_check(ctx) == 1;
    case FAMILY_EC:
        return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
               OBJ_txt2nid(group) == OBJ_txt2nid(groups[type]) && EVP_PKEY_check(ctx) == 1;
    default:
        return EVP_PKEY_is_a(pkey, "ED25519");
    }
}

static p11kms_err take_pair(slice_t der, fake_key *key)
{
    const uint8_t *at = der.data;
    _cleanup_(pkcs8) PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);

    if (info != NULL && at == der.data + der.len) {
        key->pkey = EVP_PKCS82PKEY(info);
    }
    return crypto_or_ok(key->pkey != NULL && pair_is_of(key->pkey, key->type), P11KMS_E_SYNTAX);
}

p11kms_err fake_key_import(const fake_key *unwrapping, token_mechanism mechanism, slice_t wrapped, fake_key *key)
{
    uint8_t material[TOKEN_IN_MAX];
    p11kms_err err = P11KMS_OK;
    size_t len = 0;

    if (!unwrap(unwrapping, mechanism, wrapped, material, &len)) {
        err = P11KMS_E_CIPHERTEXT;
    } else if (kinds_is_pair(key->type)) {
        err = take_pair(SLICE(material, len), key);
    } else if (len != kinds_of_type(key->type)->size) {
        err = P11KMS_E_SYNTAX;
    } else {
        memcpy(key->material, material, len);
    }
    secret_wipe(material, sizeof(material));
    return crypto_or_ok(err == P11KMS_OK, err);
}
