#include "tests/testing.h"

#include <pthread.h>

#include "crypto/crypto.h"
#include "util/encode.h"

static buf_t unhex(const char *text)
{
    buf_t out = { 0 };
    size_t len = strlen(text) / 2;

    assert_ok(hex_decode(SLICE_STR(text), buf_reserve(&out, len)));
    out.len = len;
    return out;
}

/* McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test cases 13 to 16 */
static const struct known {
    const char *key, *iv, *aad, *plain, *sealed;
} known[] = {
    { "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
      "530f8afbc74536b9a963b4f1c4cb738b" },
    { "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
      "00000000000000000000000000000000",
      "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
    { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
      "b094dac5d93471bdec1a502270e3cc6c" },
    { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static void check_known(const struct known *k)
{
    _cleanup_buf_ buf_t key = unhex(k->key);
    _cleanup_buf_ buf_t iv = unhex(k->iv);
    _cleanup_buf_ buf_t aad = unhex(k->aad);
    _cleanup_buf_ buf_t plain = unhex(k->plain);
    _cleanup_buf_ buf_t sealed = unhex(k->sealed);
    uint8_t out[128];

    assert_ok(crypto_aead_seal(key.data, iv.data, buf_slice(&aad), buf_slice(&plain), out));
    assert_slice_equal(SLICE(out, plain.len + AEAD_TAG), buf_slice(&sealed));
    assert_ok(crypto_aead_open(key.data, iv.data, buf_slice(&aad), buf_slice(&sealed), out));
    assert_slice_equal(SLICE(out, plain.len), buf_slice(&plain));
}

static void test_known_answers_either_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        check_known(&known[i]);
    }
}

static const uint8_t key[AEAD_KEY] = { 1, 2, 3 };
static const uint8_t iv[AEAD_IV] = { 4, 5, 6 };
#define PLAIN "a data key of thirty-two bytes.."
#define PLAIN_LEN (sizeof(PLAIN) - 1)

static void assert_not_opened(const uint8_t *with_key, const uint8_t *with_iv, slice_t aad, slice_t sealed)
{
    uint8_t out[64];

    memset(out, 0x5a, sizeof(out));
    assert_err(crypto_aead_open(with_key, with_iv, aad, sealed, out), P11KMS_E_CIPHERTEXT);
    for (size_t i = 0; sealed.len >= AEAD_TAG && i < sealed.len - AEAD_TAG; i++) {
        assert_int_equal(out[i], 0); /* wiped, not left decrypted */
    }
    assert_int_equal(out[sizeof(out) - 1], 0x5a);
}

static void test_one_changed_bit_anywhere_is_refused_and_wiped(void **state)
{
    uint8_t sealed[PLAIN_LEN + AEAD_TAG];

    (void)state;
    assert_ok(crypto_aead_seal(key, iv, SLICE_LIT("aad"), SLICE_LIT(PLAIN), sealed));
    for (size_t bit = 0; bit < sizeof(sealed) * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_not_opened(key, iv, SLICE_LIT("aad"), SLICE(sealed, sizeof(sealed)));
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void test_another_key_iv_or_aad_is_refused(void **state)
{
    const uint8_t other_key[AEAD_KEY] = { 1, 2, 4 };
    const uint8_t other_iv[AEAD_IV] = { 4, 5, 7 };
    uint8_t sealed[PLAIN_LEN + AEAD_TAG];
    slice_t all = SLICE(sealed, sizeof(sealed));

    (void)state;
    assert_ok(crypto_aead_seal(key, iv, SLICE_LIT("aad"), SLICE_LIT(PLAIN), sealed));
    assert_not_opened(other_key, iv, SLICE_LIT("aad"), all);
    assert_not_opened(key, other_iv, SLICE_LIT("aad"), all);
    assert_not_opened(key, iv, SLICE_LIT("aae"), all);
    assert_not_opened(key, iv, SLICE_LIT("aad2"), all);
    assert_not_opened(key, iv, (slice_t){ 0 }, all);
}

static void test_every_truncation_is_refused(void **state)
{
    uint8_t sealed[PLAIN_LEN + AEAD_TAG];

    (void)state;
    assert_ok(crypto_aead_seal(key, iv, SLICE_LIT("aad"), SLICE_LIT(PLAIN), sealed));
    for (size_t len = 0; len < sizeof(sealed); len++) {
        assert_not_opened(key, iv, SLICE_LIT("aad"), SLICE(sealed, len));
    }
    assert_not_opened(key, iv, SLICE_LIT("aad"), (slice_t){ 0 });
}

static void test_a_refusal_does_not_spoil_the_next_call(void **state)
{
    uint8_t sealed[PLAIN_LEN + AEAD_TAG];
    uint8_t out[PLAIN_LEN];

    (void)state;
    assert_ok(crypto_aead_seal(key, iv, SLICE_LIT("aad"), SLICE_LIT(PLAIN), sealed));
    assert_not_opened(key, iv, SLICE_LIT("x"), SLICE(sealed, sizeof(sealed)));
    assert_ok(crypto_aead_open(key, iv, SLICE_LIT("aad"), SLICE(sealed, sizeof(sealed)), out));
    assert_memory_equal(out, PLAIN, PLAIN_LEN);
}

static void *seal_and_open(void *arg)
{
    uint8_t own_key[AEAD_KEY] = { *(uint8_t *)arg };

    for (unsigned i = 0; i < 2000; i++) {
        uint8_t sealed[PLAIN_LEN + AEAD_TAG];
        uint8_t out[PLAIN_LEN];

        if (crypto_aead_seal(own_key, iv, SLICE_LIT("aad"), SLICE_LIT(PLAIN), sealed) != P11KMS_OK ||
            crypto_aead_open(own_key, iv, SLICE_LIT("aad"), SLICE(sealed, sizeof(sealed)), out) !=
                P11KMS_OK ||
            memcmp(out, PLAIN, PLAIN_LEN) != 0) {
            return arg;
        }
    }
    return NULL;
}

static void test_threads_seal_side_by_side(void **state)
{
    static uint8_t marks[4] = { 1, 2, 3, 4 };
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, seal_and_open, &marks[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *failed = NULL;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static int init(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers_either_way),
        cmocka_unit_test(test_one_changed_bit_anywhere_is_refused_and_wiped),
        cmocka_unit_test(test_another_key_iv_or_aad_is_refused),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_a_refusal_does_not_spoil_the_next_call),
        cmocka_unit_test(test_threads_seal_side_by_side),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
