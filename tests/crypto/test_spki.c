#include "tests/testing.h"

#include "crypto/spki.h"
#include "util/encode.h"

static int prepare(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

static void from_hex(buf_t *out, const char *text)
{
    size_t len = strlen(text) / 2;

    assert_ok(hex_decode(SLICE_STR(text), buf_reserve(out, len)));
    out->len += len;
}

/* RFC 8410 section 10.1 */
#define RFC8410_PEM                                                                                                    \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                     \
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"                                                   \
    "-----END PUBLIC KEY-----\n"

static void test_an_ed25519_key_is_read_from_pem_and_der_alike(void **state)
{
    _cleanup_(pubkey) pubkey_t *key = NULL;
    _cleanup_buf_ buf_t from_pem = { 0 };
    _cleanup_buf_ buf_t from_der = { 0 };
    uint8_t again[SPKI_ED25519_LEN];

    (void)state;
    assert_ok(spki_from_file(SLICE_LIT(RFC8410_PEM), &from_pem));
    assert_ok(spki_from_file(buf_slice(&from_pem), &from_der));
    assert_slice_equal(buf_slice(&from_der), buf_slice(&from_pem));
    assert_ok(spki_read(buf_slice(&from_pem), &key));
    assert_int_equal(pubkey_get_kind(key), PUBKEY_EDDSA);
    spki_of_ed25519(spki_ed25519_bytes(buf_slice(&from_pem)).data, again);
    assert_slice_equal(SLICE(again, sizeof(again)), buf_slice(&from_pem));
}

/* RFC 6979 appendix A.2.5: the key, and its signature of "sample" with SHA-256 */
#define P256_SPKI                                                                                                      \
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"                                                           \
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"                                                 \
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define P256_RAW                                                                                                       \
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"                                                 \
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
#define P256_DER                                                                                                       \
    "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"                                       \
    "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"

static void test_a_p256_key_is_read_and_verifies_what_its_owner_signed(void **state)
{
    _cleanup_(pubkey) pubkey_t *key = NULL;
    _cleanup_buf_ buf_t spki = { 0 };
    _cleanup_buf_ buf_t der = { 0 };
    uint8_t raw[ECDSA_P256_RAW];

    (void)state;
    from_hex(&spki, P256_SPKI);
    from_hex(&der, P256_DER);
    assert_ok(spki_read(buf_slice(&spki), &key));
    assert_ok(ecdsa_p256_from_der(buf_slice(&der), raw));
    assert_true(pubkey_verify(key, SLICE_LIT("sample"), SLICE(raw, sizeof(raw))));
    assert_false(pubkey_verify(key, SLICE_LIT("simple"), SLICE(raw, sizeof(raw))));
}

static void test_other_keys_and_other_encodings_of_these_are_refused(void **state)
{
    _cleanup_buf_ buf_t good = { 0 };
    pubkey_t *key = NULL;

    (void)state;
    from_hex(&good, P256_SPKI);
    for (size_t len = 0; len < good.len; len++) {
        assert_err(spki_read(SLICE(good.data, len), &key), P11KMS_E_UNSUPPORTED);
    }
    good.data[26] = 2; /* a compressed point */
    assert_err(spki_read(buf_slice(&good), &key), P11KMS_E_UNSUPPORTED);
    good.data[26] = 4;
    good.data[90] ^= 1;
    assert_err(spki_read(buf_slice(&good), &key), P11KMS_E_CRYPTO); /* not on the curve */
}

static void test_files_that_hold_no_public_key_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "hello",
        "-----BEGIN PUBLIC KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCow",
        "-----BEGIN PUBLIC KEY-----\nMC!wBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PRIVATE KEY-----\n",
    };
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_err(spki_from_file(SLICE_STR(wrong[i]), &out), P11KMS_E_SYNTAX);
    }
}

static void test_signatures_go_into_der_and_back_whatever_their_leading_bytes(void **state)
{
    uint8_t raw[ECDSA_P256_RAW], back[ECDSA_P256_RAW], der[ECDSA_P256_DER_MAX];
    _cleanup_buf_ buf_t expected = { 0 };

    (void)state;
    from_hex(&expected, P256_DER);
    assert_ok(hex_decode(SLICE_LIT(P256_RAW), raw));
    assert_slice_equal(SLICE(der, ecdsa_p256_to_der(raw, der)), buf_slice(&expected));
    for (size_t zeros = 0; zeros <= 32; zeros++) {
        for (unsigned first = 0; first < 256; first += 0x7f) {
            memset(raw, 0x5a, sizeof(raw));
            memset(raw, 0, zeros);
            memset(raw + 32, 0, zeros);
            raw[zeros % 32] = (uint8_t)first;
            size_t len = ecdsa_p256_to_der(raw, der);
            assert_ok(ecdsa_p256_from_der(SLICE(der, len), back));
            assert_memory_equal(back, raw, sizeof(raw));
        }
    }
}

static void test_a_signature_has_one_encoding(void **state)
{
    static const char *const wrong[] = {
        "",
        "30",
        "3006020101",
        "300602010102010100", /* something behind it */
        "300702010102010100", /* something within it */
        "3106020101020101", /* a set */
        "300702020001020101", /* a zero too many */
        "3006020181020101", /* negative */
        "30050200020101",
        "308106020101020101", /* a long form of the length */
        "3006030101020101",
    };
    uint8_t out[ECDSA_P256_RAW];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        _cleanup_buf_ buf_t der = { 0 };
        from_hex(&der, wrong[i]);
        assert_err(ecdsa_p256_from_der(buf_slice(&der), out), P11KMS_E_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ed25519_key_is_read_from_pem_and_der_alike),
        cmocka_unit_test(test_a_p256_key_is_read_and_verifies_what_its_owner_signed),
        cmocka_unit_test(test_other_keys_and_other_encodings_of_these_are_refused),
        cmocka_unit_test(test_files_that_hold_no_public_key_are_refused),
        cmocka_unit_test(test_signatures_go_into_der_and_back_whatever_their_leading_bytes),
        cmocka_unit_test(test_a_signature_has_one_encoding),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
