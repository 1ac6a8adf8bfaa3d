/*
 * Public keys and ECDSA signatures in DER. asym_parse(): what it takes is a key to OpenSSL, too, and the only
 * way to write that key; a key of one of its curves that OpenSSL writes so it takes. spki_read() knows two of
 * them, and says the same. ecdsa_to_raw(): likewise. spki_from_file(): what stands in PEM comes out.
 */
#include "tests/fuzz/fuzz.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/asym.h"
#include "crypto/ecdsa.h"
#include "crypto/spki.h"
#include "crypto/spki_write.h"

/* OpenSSL's reading of just these bytes, which it would write so itself; else NULL. */
static EVP_PKEY *read_by_openssl(slice_t der)
{
    const uint8_t *at = der.data;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
    uint8_t *again = NULL;
    int len = pkey ? i2d_PUBKEY(pkey, &again) : 0;
    bool same = len > 0 && slice_eq(SLICE(again, (size_t)len), der);

    OPENSSL_free(again);
    if (!same) {
        EVP_PKEY_free(pkey);
    }
    ERR_clear_error();
    return same ? pkey : NULL;
}

static bool is_of_our_curves(const EVP_PKEY *pkey, slice_t der)
{
    static const char *const groups[] = { "prime256v1", "secp384r1", "secp521r1", "secp256k1" };
    static const size_t lens[] = { 91, 120, 158, 88 }; /* with an uncompressed point */
    char group[32];
    size_t len;

    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        return true;
    }
    for (size_t i = 0; EVP_PKEY_get_group_name(pkey, group, sizeof(group), &len) == 1 && i < COUNT_OF(groups);
         i++) {
        if (strcmp(group, groups[i]) == 0 && der.len == lens[i]) {
            return true;
        }
    }
    return false;
}

static void check_numbers(const asym_t *key, slice_t der)
{
    asym_type type = asym_get_type(key);
    _cleanup_buf_ buf_t again = { 0 };

    if (asym_is_rsa(key)) {
        HOLDS(spki_modulus(der).len == 256 + 128 * (size_t)(type - ASYM_RSA_2048));
    } else {
        HOLDS(spki_write_point(type, spki_point(type, der), &again) == P11KMS_OK &&
              slice_eq(buf_slice(&again), der));
    }
}

static void fuzz_key(slice_t der)
{
    EVP_PKEY *pkey = read_by_openssl(der);
    asym_t *key = NULL;
    pubkey_t *small = NULL;
    bool taken = asym_parse(der, &key) == P11KMS_OK;
    bool two = taken && (asym_get_type(key) == ASYM_P256 || asym_get_type(key) == ASYM_ED25519);

    HOLDS((spki_read(der, &small) == P11KMS_OK) == two);
    HOLDS(taken ? pkey != NULL : pkey == NULL || !is_of_our_curves(pkey, der));
    if (taken) {
        check_numbers(key, der);
        HOLDS(!asym_verify_message(key, der, der));
    }
    pubkey_free(small);
    asym_free(key);
    EVP_PKEY_free(pkey);
}

/* Whether OpenSSL reads it, would write it so, and both numbers have room. */
static bool is_signature(slice_t der)
{
    const uint8_t *at = der.data;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    uint8_t *again = NULL;
    int len = signature ? i2d_ECDSA_SIG(signature, &again) : 0;
    bool same = len > 0 && slice_eq(SLICE(again, (size_t)len), der) &&
                BN_num_bytes(ECDSA_SIG_get0_r(signature)) <= ECDSA_NUMBER_MAX &&
                BN_num_bytes(ECDSA_SIG_get0_s(signature)) <= ECDSA_NUMBER_MAX;

    OPENSSL_free(again);
    ECDSA_SIG_free(signature);
    ERR_clear_error();
    return same;
}

static void fuzz_signature(slice_t der)
{
    uint8_t raw[ECDSA_RAW_MAX], small[ECDSA_P256_RAW];
    uint8_t again[ECDSA_DER_MAX];
    size_t len;
    bool taken = ecdsa_to_raw(der, ECDSA_NUMBER_MAX, raw) == P11KMS_OK;

    HOLDS(taken == is_signature(der));
    if (taken) {
        HOLDS(ecdsa_to_der(SLICE(raw, sizeof(raw)), again, &len) == P11KMS_OK);
        HOLDS(slice_eq(SLICE(again, len), der));
    }
    if (ecdsa_p256_from_der(der, small) == P11KMS_OK) {
        uint8_t der_again[ECDSA_P256_DER_MAX];

        HOLDS(taken && slice_eq(SLICE(der_again, ecdsa_p256_to_der(small, der_again)), der));
    }
}

static void fuzz_pem(slice_t bytes)
{
    _cleanup_buf_ buf_t out = { 0 }, back = { 0 };
    BIO *text = BIO_new(BIO_s_mem());
    char *pem;

    if (spki_from_file(bytes, &out) == P11KMS_OK && out.len == bytes.len) {
        HOLDS(slice_eq(buf_slice(&out), bytes)); /* DER already, unless PEM is as long as what it says */
    }
    HOLDS(bytes.len == 0 || PEM_write_bio(text, "PUBLIC KEY", "", bytes.data, (long)bytes.len) > 0);
    long len = BIO_get_mem_data(text, &pem);
    HOLDS(bytes.len == 0 ||
          (spki_from_file(SLICE(pem, (size_t)len), &back) == P11KMS_OK && slice_eq(buf_slice(&back), bytes)));
    BIO_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    HOLDS(crypto_init() == P11KMS_OK);
    fuzz_key(SLICE(data, len));
    fuzz_signature(SLICE(data, len));
    fuzz_pem(SLICE(data, len));
    return 0;
}
