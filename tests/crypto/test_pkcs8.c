/* Private keys from outside: taken apart only if they are whole, and SPKIs written from their parts. */
#include "tests/testing.h"

#include <time.h>
#include <unistd.h>

#include "crypto/keypair.h"
#include "crypto/pkcs8.h"
#include "crypto/spki_write.h"

static int setup(void **state)
{
    (void)state;
    return crypto_init();
}

static const struct {
    keypair_type made;
    asym_type type;
} types[] = {
    { KEYPAIR_RSA_2048, ASYM_RSA_2048 },   { KEYPAIR_P256, ASYM_P256 },       { KEYPAIR_P384, ASYM_P384 },
    { KEYPAIR_P521, ASYM_P521 },           { KEYPAIR_SECP256K1, ASYM_SECP256K1 }, { KEYPAIR_ED25519, ASYM_ED25519 },
};

static const pkcs8_numbers *numbers_of(const secret_t *secret)
{
    return (const pkcs8_numbers *)(const void *)secret_slice(secret).data;
}

static slice_t number(const pkcs8_numbers *numbers, pkcs8_which which)
{
    return SLICE(numbers->data[which], numbers->len[which]);
}

static void test_a_key_is_read_with_its_own_public_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        _cleanup_secret_ secret_t *der = NULL;
        _cleanup_secret_ secret_t *numbers = NULL;
        _cleanup_buf_ buf_t made = { 0 }, read = { 0 }, written = { 0 };

        assert_ok(keypair_make(types[i].made, &der, &made));
        assert_ok(pkcs8_read(secret_slice(der), types[i].type, &numbers, &read));
        assert_slice_equal(buf_slice(&made), buf_slice(&read));
        if (types[i].type == ASYM_RSA_2048) {
            assert_ok(spki_write_rsa(number(numbers_of(numbers), PKCS8_N), number(numbers_of(numbers), PKCS8_E), &written));
            assert_slice_equal(spki_modulus(buf_slice(&written)), number(numbers_of(numbers), PKCS8_N));
        } else {
            assert_ok(spki_write_point(types[i].type, spki_point(types[i].type, buf_slice(&made)), &written));
        }
        assert_slice_equal(buf_slice(&made), buf_slice(&written));
    }
}

static void refuse(slice_t der, asym_type type)
{
    _cleanup_secret_ secret_t *numbers = NULL;
    _cleanup_buf_ buf_t spki = { 0 };

    assert_err(pkcs8_read(der, type, &numbers, &spki), P11KMS_E_SYNTAX);
    assert_null(numbers);
}

static void test_another_type_or_length_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        _cleanup_secret_ secret_t *der = NULL;
        _cleanup_buf_ buf_t spki = { 0 }, longer = { 0 };

        assert_ok(keypair_make(types[i].made, &der, &spki));
        refuse(secret_slice(der), types[(i + 1) % COUNT_OF(types)].type);
        refuse(secret_slice(der), ASYM_RSA_4096);
        refuse(SLICE(secret_data(der), secret_len(der) - 1), types[i].type);
        buf_put_slice(&longer, secret_slice(der));
        buf_put_u8(&longer, 0);
        refuse(buf_slice(&longer), types[i].type);
    }
    refuse(SLICE_LIT(""), ASYM_P256);
    refuse(SLICE_LIT("no key at all"), ASYM_P256);
}

/* Somewhere in its last numbers: the coefficient of RSA, the public point of a curve. */
static void test_a_key_that_is_not_consistent_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        _cleanup_secret_ secret_t *der = NULL;
        _cleanup_buf_ buf_t spki = { 0 };

        assert_ok(keypair_make(types[i].made, &der, &spki));
        secret_data(der)[secret_len(der) - 5] ^= 4;
        refuse(secret_slice(der), types[i].type);
    }
}

static void put_element(buf_t *out, uint8_t tag, slice_t contents)
{
    buf_put_u8(out, tag);
    buf_put_u8(out, 0x82);
    buf_put_u16(out, (uint16_t)contents.len);
    buf_put_slice(out, contents);
}

/* A PrivateKeyInfo, RFC 5208. */
static void put_info(buf_t *out, slice_t algorithm, uint8_t tag, slice_t parts)
{
    _cleanup_buf_ buf_t key = { 0 }, info = { 0 };

    put_element(&key, tag, parts);
    buf_put_slice(&info, SLICE_LIT("\x02\x01\x00"));
    put_element(&info, 0x30, algorithm);
    put_element(&info, 0x04, buf_slice(&key));
    put_element(out, 0x30, buf_slice(&info));
}

static void put_rsa(buf_t *out, slice_t n, slice_t p, slice_t q)
{
    const slice_t numbers[] = { SLICE_LIT("\x00"), n, SLICE_LIT("\x03"), SLICE_LIT("\x03"), p, q,
                                SLICE_LIT("\x03"), SLICE_LIT("\x03"), SLICE_LIT("\x03") };
    _cleanup_buf_ buf_t parts = { 0 };

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        put_element(&parts, 0x02, numbers[i]);
    }
    put_info(out, SLICE_LIT("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00"), 0x30, buf_slice(&parts));
}

/* Whether the Mersenne numbers with 4423 and 21701 bits are prime takes seconds, and minutes: they are. */
static void test_a_key_whose_primes_are_too_long_is_refused_at_once(void **state)
{
    static const size_t bits[] = { 4423, 21701 };
    uint8_t n[257] = { 0 }, prime[21701 / 8 + 1];
    (void)state;

    memset(n + 1, 0x99, 256);
    memset(prime, 0xff, sizeof(prime));
    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        size_t len = bits[i] / 8 + 1;
        _cleanup_buf_ buf_t as_p = { 0 }, as_q = { 0 };

        prime[0] = (uint8_t)((1 << bits[i] % 8) - 1);
        put_rsa(&as_p, SLICE(n, sizeof(n)), SLICE(prime, len), SLICE_LIT("\x03"));
        put_rsa(&as_q, SLICE(n, sizeof(n)), SLICE_LIT("\x03"), SLICE(prime, len));
        alarm(2);
        refuse(buf_slice(&as_p), ASYM_RSA_2048);
        refuse(buf_slice(&as_q), ASYM_RSA_2048);
        alarm(0);
    }
}

/* g^x mod p of a DSA key (RFC 3279 2.3.2) whose numbers have 16,000 bits: a second and more to compute. */
static void put_dsa(buf_t *out)
{
    _cleanup_buf_ buf_t numbers = { 0 }, algorithm = { 0 };
    uint8_t p[2000], q[20];

    memset(p, 0x7f, sizeof(p));
    memset(q, 0x7f, sizeof(q));
    put_element(&numbers, 0x02, SLICE(p, sizeof(p)));
    put_element(&numbers, 0x02, SLICE(q, sizeof(q)));
    put_element(&numbers, 0x02, SLICE_LIT("\x5a"));
    buf_put_slice(&algorithm, SLICE_LIT("\x06\x07\x2a\x86\x48\xce\x38\x04\x01"));
    put_element(&algorithm, 0x30, buf_slice(&numbers));
    put_info(out, buf_slice(&algorithm), 0x02, SLICE(p, sizeof(p)));
}

/* Processor time: a machine under load has less of it, not more. */
static int64_t cpu_ms(void)
{
    struct timespec now;

    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void test_a_key_of_an_algorithm_that_is_not_ours_is_not_even_computed(void **state)
{
    _cleanup_buf_ buf_t der = { 0 };
    int64_t began = cpu_ms();
    (void)state;

    put_dsa(&der);
    assert_true(der.len <= PKCS8_DER_MAX);
    for (int i = 0; i < 10; i++) {
        refuse(buf_slice(&der), ASYM_RSA_2048);
    }
    assert_true(cpu_ms() - began < 2000);
}

static void test_no_spki_is_written_of_what_is_no_key(void **state)
{
    uint8_t nines[512];
    static const uint8_t point[65] = { 4, 1, 2, 3 };
    _cleanup_buf_ buf_t out = { 0 };
    (void)state;

    memset(nines, 0x99, sizeof(nines));
    assert_err(spki_write_point(ASYM_P256, SLICE(point, 65), &out), P11KMS_E_SYNTAX); /* not on the curve */
    assert_err(spki_write_point(ASYM_P256, SLICE(point, 64), &out), P11KMS_E_SYNTAX);
    assert_err(spki_write_point(ASYM_ED25519, SLICE(point, 33), &out), P11KMS_E_SYNTAX);
    assert_err(spki_write_rsa(SLICE(nines, 255), SLICE_LIT("\x01\x00\x01"), &out), P11KMS_E_SYNTAX); /* 2040 bits */
    assert_err(spki_write_rsa(SLICE(nines, 256), SLICE_LIT("\x02"), &out), P11KMS_E_SYNTAX);
    assert_err(spki_write_rsa(SLICE(nines, 0), SLICE_LIT(""), &out), P11KMS_E_SYNTAX);
    assert_int_equal(out.len, 0);
}

static void test_two_keys_agree(void **state)
{
    _cleanup_secret_ secret_t *a = NULL, *b = NULL, *other = NULL;
    _cleanup_buf_ buf_t a_spki = { 0 }, b_spki = { 0 }, other_spki = { 0 };
    uint8_t one[PKCS8_SHARED_MAX], two[PKCS8_SHARED_MAX];
    size_t one_len, two_len;
    (void)state;

    assert_ok(keypair_make(KEYPAIR_P384, &a, &a_spki));
    assert_ok(keypair_make(KEYPAIR_P384, &b, &b_spki));
    assert_ok(keypair_make(KEYPAIR_P256, &other, &other_spki));
    assert_ok(pkcs8_agree(secret_slice(a), buf_slice(&b_spki), one, &one_len));
    assert_ok(pkcs8_agree(secret_slice(b), buf_slice(&a_spki), two, &two_len));
    assert_slice_equal(SLICE(one, one_len), SLICE(two, two_len));
    assert_int_equal(one_len, 48);
    assert_int_not_equal(pkcs8_agree(secret_slice(a), buf_slice(&other_spki), one, &one_len), P11KMS_OK);
}

/*
 * RFC 5649 has vectors for 192-bit keys alone; this one is by libcrypto and Python's cryptography alike:
 * keywrap.aes_key_wrap_with_padding(bytes(range(32)), b"twenty bytes of data")
 */
static const uint8_t wrapped[] = {
    0xbf, 0x29, 0x29, 0x44, 0x8e, 0x58, 0x44, 0xbe, 0x58, 0x32, 0xb2, 0x56, 0x68, 0xa8, 0x62, 0x61,
    0xd2, 0xfa, 0x5c, 0x92, 0xab, 0xbb, 0x95, 0xb6, 0x1d, 0x4a, 0x25, 0xf4, 0xf6, 0x61, 0x77, 0x2c,
};

static void test_key_wrap_with_padding_unwraps_and_refuses(void **state)
{
    uint8_t kek[KWP_KEY], changed[sizeof(wrapped)], out[sizeof(wrapped)];
    size_t len = 0;
    (void)state;

    for (size_t i = 0; i < KWP_KEY; i++) {
        kek[i] = (uint8_t)i;
    }
    assert_ok(kwp_unwrap(kek, SLICE(wrapped, sizeof(wrapped)), out, &len));
    assert_slice_text(SLICE(out, len), "twenty bytes of data");
    for (size_t i = 0; i < sizeof(wrapped); i++) {
        memcpy(changed, wrapped, sizeof(wrapped));
        changed[i] ^= 1;
        assert_err(kwp_unwrap(kek, SLICE(changed, sizeof(changed)), out, &len), P11KMS_E_CIPHERTEXT);
        assert_err(kwp_unwrap(kek, SLICE(wrapped, i), out, &len), P11KMS_E_CIPHERTEXT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_is_read_with_its_own_public_key),
        cmocka_unit_test(test_another_type_or_length_is_refused),
        cmocka_unit_test(test_a_key_that_is_not_consistent_is_refused),
        cmocka_unit_test(test_a_key_whose_primes_are_too_long_is_refused_at_once),
        cmocka_unit_test(test_a_key_of_an_algorithm_that_is_not_ours_is_not_even_computed),
        cmocka_unit_test(test_no_spki_is_written_of_what_is_no_key),
        cmocka_unit_test(test_two_keys_agree),
        cmocka_unit_test(test_key_wrap_with_padding_unwraps_and_refuses),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
