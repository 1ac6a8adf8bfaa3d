/*
 * Private keys and wrapped material from outside. What pkcs8_read() takes OpenSSL takes, its numbers are the
 * key's own and its SPKI has one reading; kwp_unwrap() undoes what OpenSSL wraps, and nothing else;
 * rsa_oaep_decode() says what OpenSSL says.
 *
 * Input: what it is for (1 byte: the type of key, or a hash and a padding), then the bytes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the paddings alone have no newer calls */
#include "tests/fuzz/fuzz.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/pkcs8.h"
#include "crypto/rsa_padding.h"

enum { FOR_KWP = ASYM_TYPES, FOR_OAEP, FOR_COUNT };

/* ---- private keys ---- */

static EVP_PKEY *parse_by_openssl(slice_t der)
{
    const uint8_t *at = der.data;
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)der.len);

    HOLDS(pkey != NULL && at == der.data + der.len);
    return pkey;
}

static bool number_is(const EVP_PKEY *pkey, const char *parameter, const pkcs8_numbers *numbers,
                      pkcs8_which which)
{
    BIGNUM *wanted = NULL;
    BIGNUM *found = BN_bin2bn(numbers->data[which], (int)numbers->len[which], NULL);
    bool same = found && EVP_PKEY_get_bn_param(pkey, parameter, &wanted) == 1 && BN_cmp(wanted, found) == 0;

    BN_free(wanted);
    BN_free(found);
    return same;
}

static void check_numbers(const EVP_PKEY *pkey, asym_type type, const pkcs8_numbers *numbers)
{
    uint8_t seed[32];
    size_t len = sizeof(seed);

    if (type == ASYM_ED25519) {
        HOLDS(EVP_PKEY_get_raw_private_key(pkey, seed, &len) == 1 && len == sizeof(seed));
        HOLDS(numbers->len[PKCS8_D] == len && memcmp(numbers->data[PKCS8_D], seed, len) == 0);
    } else if (type >= ASYM_P256) {
        HOLDS(number_is(pkey, OSSL_PKEY_PARAM_PRIV_KEY, numbers, PKCS8_D));
    } else {
        HOLDS(number_is(pkey, OSSL_PKEY_PARAM_RSA_D, numbers, PKCS8_D));
        HOLDS(number_is(pkey, OSSL_PKEY_PARAM_RSA_N, numbers, PKCS8_N));
        HOLDS(number_is(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, numbers, PKCS8_P));
        HOLDS(number_is(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers, PKCS8_QI));
    }
}

static void check_public(const EVP_PKEY *pkey, asym_type type, slice_t spki)
{
    asym_t *key = NULL;
    uint8_t *again = NULL;
    int len = i2d_PUBKEY(pkey, &again);

    HOLDS(asym_parse(spki, &key) == P11KMS_OK && asym_get_type(key) == type);
    HOLDS(len > 0 && slice_eq(SLICE(again, (size_t)len), spki));
    OPENSSL_free(again);
    asym_free(key);
}

static void check_agreement(slice_t der, slice_t spki)
{
    uint8_t shared[PKCS8_SHARED_MAX];
    size_t len = 0;

    HOLDS(pkcs8_agree(der, spki, shared, &len) == P11KMS_OK && len >= 32 && len <= sizeof(shared));
}

static void check_key(slice_t der, asym_type type)
{
    _cleanup_secret_ secret_t *numbers = NULL;
    _cleanup_buf_ buf_t spki = { 0 };

    if (pkcs8_read(der, type, &numbers, &spki) != P11KMS_OK) {
        HOLDS(numbers == NULL);
        return;
    }
    EVP_PKEY *pkey = parse_by_openssl(der);
    check_numbers(pkey, type, (const pkcs8_numbers *)(const void *)secret_data(numbers));
    check_public(pkey, type, buf_slice(&spki));
    if (type >= ASYM_P256 && type <= ASYM_P521) {
        check_agreement(der, buf_slice(&spki));
    }
    EVP_PKEY_free(pkey);
}

/* ---- RFC 5649 ---- */

static const uint8_t kwp_key[KWP_KEY] = { 1, 2, 3 };

static void wrap(slice_t plain, buf_t *ret)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *out = buf_reserve(ret, plain.len + 16);
    int len = 0;

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    HOLDS(EVP_EncryptInit_ex2(ctx, cipher, kwp_key, NULL, NULL) == 1);
    HOLDS(EVP_EncryptUpdate(ctx, out, &len, plain.data, (int)plain.len) == 1);
    ret->len = (size_t)len;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void check_wrapped(slice_t wrapped)
{
    _cleanup_buf_ buf_t plain = { 0 }, again = { 0 };
    uint8_t *out = buf_reserve(&plain, wrapped.len + 1);

    if (kwp_unwrap(kwp_key, wrapped, out, &plain.len) == P11KMS_OK) {
        HOLDS(plain.len > 0 && plain.len <= wrapped.len - 8);
        wrap(buf_slice(&plain), &again);
        HOLDS(slice_eq(buf_slice(&again), wrapped));
    }
}

static void check_kwp(slice_t bytes)
{
    _cleanup_buf_ buf_t wrapped = { 0 };
    uint8_t out[PKCS8_DER_MAX + 16];
    size_t len = 0;

    check_wrapped(bytes);
    if (bytes.len == 0 || bytes.len > PKCS8_DER_MAX) {
        return;
    }
    wrap(bytes, &wrapped);
    HOLDS(kwp_unwrap(kwp_key, buf_slice(&wrapped), out, &len) == P11KMS_OK);
    HOLDS(slice_eq(SLICE(out, len), bytes));
    wrapped.data[bytes.data[0] % wrapped.len] ^= (uint8_t)(bytes.data[bytes.len - 1] | 1);
    HOLDS(kwp_unwrap(kwp_key, buf_slice(&wrapped), out, &len) == P11KMS_E_CIPHERTEXT);
}

/* ---- OAEP ---- */

static void xor_mask(const EVP_MD *md, const uint8_t *seed, size_t seed_len, uint8_t *data, size_t len)
{
    uint8_t mask[RSA_MODULUS_MAX];

    HOLDS(PKCS1_MGF1(mask, (long)len, seed, (long)seed_len, md) == 0);
    for (size_t i = 0; i < len; i++) {
        data[i] ^= mask[i];
    }
}

/* The bytes are what stands below the masks, so that a good padding can be found. */
static void check_oaep(slice_t bytes)
{
    const bool sha1 = bytes.len > 0 && (bytes.data[0] & 1);
    const crypto_hash hash = sha1 ? CRYPTO_SHA1 : CRYPTO_SHA256;
    const EVP_MD *md = sha1 ? EVP_sha1() : EVP_sha256();
    const size_t h = crypto_hash_len(hash), k = 256, db_len = k - h - 1;
    uint8_t em[256] = { 0 }, before[256], out[256], expected[256], empty[CRYPTO_DIGEST_MAX];
    size_t len = 0;

    crypto_digest(hash, SLICE("", 0), empty);
    memcpy(em + 1 + h, empty, h);
    for (size_t i = 1; i < bytes.len && i < k; i++) {
        em[k - i] ^= bytes.data[i];
    }
    xor_mask(md, em + 1, h, em + 1 + h, db_len);
    xor_mask(md, em + 1 + h, db_len, em + 1, h);
    memcpy(before, em, k);
    int wanted = RSA_padding_check_PKCS1_OAEP_mgf1(expected, (int)k, before, (int)k, (int)k, NULL, 0, md, md);
    p11kms_err err = rsa_oaep_decode(hash, em, k, out, &len);

    ERR_clear_error();
    HOLDS(err == (wanted >= 0 ? P11KMS_OK : P11KMS_E_CIPHERTEXT));
    HOLDS(err != P11KMS_OK || (len == (size_t)wanted && memcmp(out, expected, len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    HOLDS(crypto_init() == P11KMS_OK);
    if (len == 0) {
        return 0;
    }
    slice_t rest = SLICE(data + 1, len - 1);
    unsigned what = data[0] % FOR_COUNT;

    if (what == FOR_KWP) {
        check_kwp(rest);
    } else if (what == FOR_OAEP) {
        check_oaep(rest);
    } else {
        check_key(rest, (asym_type)what);
    }
    return 0;
}
