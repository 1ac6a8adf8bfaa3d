#include "tests/testing.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/keypair.h"
#include "crypto/asym.h"

static const struct {
    keypair_type type;
    asym_type public_type;
} types[] = {
    { KEYPAIR_RSA_2048, ASYM_RSA_2048 },   { KEYPAIR_P256, ASYM_P256 },           { KEYPAIR_P384, ASYM_P384 },
    { KEYPAIR_P521, ASYM_P521 },           { KEYPAIR_SECP256K1, ASYM_SECP256K1 }, { KEYPAIR_ED25519, ASYM_ED25519 },
    { KEYPAIR_SM2, ASYM_TYPES /* none */ },
};

/* The private key as OpenSSL reads it back: PKCS#8 and nothing else would do. */
static EVP_PKEY *read_back(const secret_t *private_key)
{
    slice_t der = secret_slice(private_key);
    const uint8_t *at = der.data;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);
    EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;

    PKCS8_PRIV_KEY_INFO_free(info);
    assert_non_null(pkey);
    assert_ptr_equal(at, der.data + der.len);
    return pkey;
}

static void check_pair(const secret_t *private_key, slice_t public_key)
{
    EVP_PKEY *pkey = read_back(private_key);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);

    assert_int_equal(EVP_PKEY_pairwise_check(ctx), 1);
    assert_slice_equal(SLICE(der, (size_t)len), public_key);
    OPENSSL_free(der);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

static void test_both_halves_belong_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        _cleanup_secret_ secret_t *private_key = NULL;
        _cleanup_buf_ buf_t public_key = { 0 };
        _cleanup_(asym) asym_t *parsed = NULL;

        if (!keypair_is_offered(types[i].type)) {
            assert_err(keypair_make(types[i].type, &private_key, &public_key), P11KMS_E_UNSUPPORTED);
            continue;
        }
        assert_ok(keypair_make(types[i].type, &private_key, &public_key));
        check_pair(private_key, buf_slice(&public_key));
        if (types[i].public_type != ASYM_TYPES) {
            assert_ok(asym_parse(buf_slice(&public_key), &parsed));
            assert_int_equal(asym_get_type(parsed), types[i].public_type);
        }
    }
}

static void test_the_curves_of_kms_keys_are_always_offered(void **state)
{
    (void)state;
    for (keypair_type type = KEYPAIR_RSA_2048; type <= KEYPAIR_ED25519; type++) {
        assert_true(keypair_is_offered(type));
    }
}

static void test_no_two_pairs_are_the_same(void **state)
{
    _cleanup_secret_ secret_t *one = NULL;
    _cleanup_secret_ secret_t *other = NULL;
    _cleanup_buf_ buf_t public_one = { 0 };
    _cleanup_buf_ buf_t public_other = { 0 };

    (void)state;
    assert_ok(keypair_make(KEYPAIR_ED25519, &one, &public_one));
    assert_ok(keypair_make(KEYPAIR_ED25519, &other, &public_other));
    assert_false(secret_eq(secret_slice(one), secret_slice(other)));
    assert_false(slice_eq(buf_slice(&public_one), buf_slice(&public_other)));
}

static int init(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_halves_belong_together),
        cmocka_unit_test(test_the_curves_of_kms_keys_are_always_offered),
        cmocka_unit_test(test_no_two_pairs_are_the_same),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
