#include "tests/testing.h"

#include <pthread.h>

#include "crypto/crypto.h"
#include "util/encode.h"

static void assert_digest(const uint8_t digest[SHA256_LEN], const char *expected)
{
    char text[2 * SHA256_LEN + 1];

    hex_encode(digest, SHA256_LEN, text);
    assert_string_equal(text, expected);
}

static void repeat(buf_t *out, uint8_t byte, size_t times)
{
    while (times-- > 0) {
        buf_put_u8(out, byte);
    }
}

static void from_hex(buf_t *out, const char *text)
{
    size_t len = strlen(text) / 2;

    assert_ok(hex_decode(SLICE_STR(text), buf_reserve(out, len)));
    out->len += len;
}

/* FIPS 180-4's examples */
static void test_sha256_known_answers(void **state)
{
    _cleanup_buf_ buf_t million = { 0 };
    uint8_t digest[SHA256_LEN];

    (void)state;
    crypto_sha256((slice_t){ 0 }, digest);
    assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha256(SLICE_LIT("abc"), digest);
    assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256(SLICE_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), digest);
    assert_digest(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    repeat(&million, 'a', 1000000);
    crypto_sha256(buf_slice(&million), digest);
    assert_digest(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_parts_hash_as_if_joined(void **state)
{
    const slice_t parts[] = { SLICE_LIT("a"), SLICE_LIT(""), { 0 }, SLICE_LIT("bc") };
    uint8_t digest[SHA256_LEN];

    (void)state;
    crypto_sha256_parts(parts, COUNT_OF(parts), digest);
    assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256_parts(NULL, 0, digest);
    assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void check_hmac(uint8_t key_byte, size_t key_len, slice_t data, const char *expected)
{
    _cleanup_buf_ buf_t key = { 0 };
    uint8_t mac[SHA256_LEN];

    repeat(&key, key_byte, key_len);
    crypto_hmac_sha256(buf_slice(&key), data, mac);
    assert_digest(mac, expected);
}

/* RFC 4231 section 4, all cases but the truncated one */
static void test_hmac_known_answers(void **state)
{
    _cleanup_buf_ buf_t dd = { 0 };
    _cleanup_buf_ buf_t cd = { 0 };
    _cleanup_buf_ buf_t key = { 0 };
    uint8_t mac[SHA256_LEN];

    (void)state;
    check_hmac(0x0b, 20, SLICE_LIT("Hi There"),
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypto_hmac_sha256(SLICE_LIT("Jefe"), SLICE_LIT("what do ya want for nothing?"), mac);
    assert_digest(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    repeat(&dd, 0xdd, 50);
    check_hmac(0xaa, 20, buf_slice(&dd), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    from_hex(&key, "0102030405060708090a0b0c0d0e0f10111213141516171819");
    repeat(&cd, 0xcd, 50);
    crypto_hmac_sha256(buf_slice(&key), buf_slice(&cd), mac);
    assert_digest(mac, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    check_hmac(0xaa, 131, SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First"),
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    check_hmac(
        0xaa, 131,
        SLICE_LIT("This is a test using a larger than block-size key and a larger than block-size data. "
                  "The key needs to be hashed before being used by the HMAC algorithm."),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* FIPS 180-4's "abc", and RFC 4231's cases 2 and 6 (RFC 2202's for SHA-1) */
static void test_every_hash_knows_its_answers(void **state)
{
    static const struct {
        crypto_hash hash;
        const char *abc;
        const char *jefe;
        const char *long_key;
    } known[] = {
        { CRYPTO_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
          "90d0dace1c1bdc957339307803160335bde6df2b" },
        { CRYPTO_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
          "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
          "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e" },
        { CRYPTO_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
        { CRYPTO_SHA384,
          "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
          "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
          "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952" },
        { CRYPTO_SHA512,
          "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
          "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
          "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
          "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
          "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" },
    };
    _cleanup_buf_ buf_t long_key = { 0 };

    (void)state;
    repeat(&long_key, 0xaa, 131);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        uint8_t out[CRYPTO_DIGEST_MAX];
        char text[2 * CRYPTO_DIGEST_MAX + 1];
        size_t len = crypto_hash_len(known[i].hash);

        assert_int_equal(strlen(known[i].abc), 2 * len);
        crypto_digest(known[i].hash, SLICE_LIT("abc"), out);
        hex_encode(out, len, text);
        assert_string_equal(text, known[i].abc);
        crypto_hmac(known[i].hash, SLICE_LIT("Jefe"), SLICE_LIT("what do ya want for nothing?"), out);
        hex_encode(out, len, text);
        assert_string_equal(text, known[i].jefe);
        crypto_hmac(known[i].hash, buf_slice(&long_key),
                    SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
        hex_encode(out, len, text);
        assert_string_equal(text, known[i].long_key);
    }
}

/* Around the block size; computed with Python's hmac module */
static void test_hmac_keys_at_the_edges(void **state)
{
    (void)state;
    check_hmac(0, 0, (slice_t){ 0 }, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    check_hmac('k', 63, SLICE_LIT("data"),
               "ac606b54f050fbdd53bb5848b99dd0bb6f1222bd375ea2aaf66f1af02fcf73e7");
    check_hmac('k', 64, SLICE_LIT("data"),
               "93244b031118b8060c6619e5900fcf916faefb2d8d020fecb22ae0f62275db08");
    check_hmac('k', 65, SLICE_LIT("data"),
               "a79b53d0bf1cb4bb00c301979e6e60ef792a435cafabd76ab9e8989bbdef2dff");
}

static void check_hkdf(const char *prk_hex, const char *info_hex, const char *okm_hex)
{
    _cleanup_buf_ buf_t prk = { 0 };
    _cleanup_buf_ buf_t info = { 0 };
    _cleanup_buf_ buf_t okm = { 0 };
    uint8_t out[100];

    from_hex(&prk, prk_hex);
    from_hex(&info, info_hex);
    from_hex(&okm, okm_hex);
    for (size_t len = 1; len <= okm.len; len++) { /* each shorter output is a prefix */
        memset(out, 0x5a, sizeof(out));
        crypto_hkdf_expand(prk.data, buf_slice(&info), out, len);
        assert_slice_equal(SLICE(out, len), SLICE(okm.data, len));
        assert_int_equal(out[len], 0x5a);
    }
}

/* RFC 5869 appendix A, cases 1 to 3 */
static void test_hkdf_known_answers(void **state)
{
    (void)state;
    check_hkdf("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", "f0f1f2f3f4f5f6f7f8f9",
               "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    check_hkdf(
        "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf"
        "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
        "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
    check_hkdf("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04", "",
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

static void test_hkdf_reaches_its_longest_output(void **state)
{
    static uint8_t out[8160]; /* the digest of it computed with Python's hmac module */
    uint8_t prk[SHA256_LEN] = { 1 };
    uint8_t digest[SHA256_LEN];

    (void)state;
    crypto_hkdf_expand(prk, SLICE_LIT("info"), out, sizeof(out));
    crypto_sha256(SLICE(out, sizeof(out)), digest);
    assert_digest(digest, "d9cfdfe3a3a27b703108f9af4a4c979517e5a3c7e0f216c4ae3c6463c005726e");
}

static void *hash_many(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 2000; i++) {
        uint8_t mac[SHA256_LEN];

        crypto_hmac_sha256(SLICE_LIT("Jefe"), SLICE_LIT("what do ya want for nothing?"), mac);
        if (mac[0] != 0x5b || mac[31] != 0x43) {
            return (void *)1;
        }
    }
    return NULL;
}

static void test_threads_hash_side_by_side(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_many, NULL), 0);
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
    return crypto_init() == P11KMS_OK && crypto_init() == P11KMS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_known_answers),
        cmocka_unit_test(test_parts_hash_as_if_joined),
        cmocka_unit_test(test_hmac_known_answers),
        cmocka_unit_test(test_every_hash_knows_its_answers),
        cmocka_unit_test(test_hmac_keys_at_the_edges),
        cmocka_unit_test(test_hkdf_known_answers),
        cmocka_unit_test(test_hkdf_reaches_its_longest_output),
        cmocka_unit_test(test_threads_hash_side_by_side),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
