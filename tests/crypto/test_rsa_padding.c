/* OAEP taken off and PSS and DigestInfo put on: against libcrypto's own, and whatever is wrong is one error. */
#include "tests/testing.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/rsa_padding.h"

#define K 256

static EVP_PKEY *key;

static int setup(void **state)
{
    (void)state;
    key = EVP_RSA_gen(8 * K);
    return key == NULL || crypto_init() != P11KMS_OK;
}

static int teardown(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    return 0;
}

/* The bare operation, as a token has it. */
static void raw(int (*init)(EVP_PKEY_CTX *), int (*run)(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t),
                const uint8_t *in, uint8_t *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = K;

    assert_int_equal(init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    assert_int_equal(run(ctx, out, &len, in, K), 1);
    assert_int_equal(len, K);
    EVP_PKEY_CTX_free(ctx);
}

static void seal(const EVP_MD *md, slice_t plain, uint8_t em[K])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t sealed[K];
    size_t len = K;

    assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md), 1);
    assert_int_equal(EVP_PKEY_encrypt(ctx, sealed, &len, plain.data, plain.len), 1);
    EVP_PKEY_CTX_free(ctx);
    raw(EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, sealed, em);
}

static const struct {
    crypto_hash hash;
    const EVP_MD *(*md)(void);
} hashes[] = { { CRYPTO_SHA1, EVP_sha1 }, { CRYPTO_SHA256, EVP_sha256 } };

static void test_what_libcrypto_seals_opens_at_every_length(void **state)
{
    uint8_t em[K], out[K], plain[K];
    size_t got;
    (void)state;

    for (size_t i = 0; i < K; i++) {
        plain[i] = (uint8_t)(i % 3); /* zeros and ones, which are separators elsewhere */
    }
    for (size_t h = 0; h < COUNT_OF(hashes); h++) {
        size_t max = K - 2 * crypto_hash_len(hashes[h].hash) - 2;

        for (size_t len = 0; len <= max; len += len < 4 || max - len < 4 ? 1 : 7) {
            seal(hashes[h].md(), SLICE(plain, len), em);
            assert_ok(rsa_oaep_decode(hashes[h].hash, em, K, out, &got));
            assert_slice_equal(SLICE(out, got), SLICE(plain, len));
        }
    }
}

static void test_a_bit_changed_anywhere_is_refused_and_yields_nothing(void **state)
{
    static const uint8_t zeros[K];
    uint8_t em[K], changed[K], out[K];
    size_t max = K - 2 * 32 - 2, got;
    (void)state;

    seal(EVP_sha256(), SLICE_LIT("secret"), em);
    for (size_t bit = 0; bit < 8 * K; bit += 5) {
        memcpy(changed, em, K);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(out, 0xff, sizeof(out));
        assert_err(rsa_oaep_decode(CRYPTO_SHA256, changed, K, out, &got), P11KMS_E_CIPHERTEXT);
        assert_memory_equal(out, zeros, max);
        assert_int_equal(got, 0);
        assert_memory_equal(changed, zeros, K);
    }
}

/* B.2.1 of RFC 8017 for SHA-256. */
static void mask(slice_t seed, uint8_t *out, size_t len)
{
    uint8_t input[K + 4], block[32];

    memcpy(input, seed.data, seed.len);
    memset(input + seed.len, 0, 4);
    for (size_t i = 0; i < len; i++) {
        input[seed.len + 3] = (uint8_t)(i / 32);
        if (i % 32 == 0) {
            crypto_digest(CRYPTO_SHA256, SLICE(input, seed.len + 4), block);
        }
        out[i] ^= block[i % 32];
    }
}

/* Each way by which RFC 8017 7.1.2 step 3.g fails. */
static void judge_made(uint8_t first, uint8_t label, int separator_at, uint8_t separator, uint8_t before,
                       p11kms_err expected)
{
    static const uint8_t empty[] = { 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                     0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                     0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55 };
    uint8_t em[K] = { 0 }, out[K], *seed = em + 1, *db = em + 33;
    size_t got;

    memcpy(db, empty, 32);
    db[0] ^= label;
    if (separator_at > 0) {
        db[separator_at] = separator;
        db[separator_at - 1] ^= before;
    }
    mask(SLICE(seed, 32), db, K - 33);
    mask(SLICE(db, K - 33), seed, 32);
    em[0] = first;
    assert_err(rsa_oaep_decode(CRYPTO_SHA256, em, K, out, &got), expected);
}

static void test_every_way_of_being_wrong_is_one_error(void **state)
{
    (void)state;
    judge_made(0, 0, 40, 1, 0, P11KMS_OK);
    judge_made(0, 0, K - 34, 1, 0, P11KMS_OK); /* an empty message */
    judge_made(1, 0, 40, 1, 0, P11KMS_E_CIPHERTEXT);
    judge_made(0x80, 0, 40, 1, 0, P11KMS_E_CIPHERTEXT);
    judge_made(0, 1, 40, 1, 0, P11KMS_E_CIPHERTEXT);
    judge_made(0, 0, 40, 2, 0, P11KMS_E_CIPHERTEXT);
    judge_made(0, 0, 40, 1, 2, P11KMS_E_CIPHERTEXT);
    judge_made(0, 0, 0, 0, 0, P11KMS_E_CIPHERTEXT); /* no separator at all */
}

static void check_signature(crypto_hash hash, const EVP_MD *md, int padding, const uint8_t *em)
{
    static const uint8_t digest[64] = "digest";
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    uint8_t signature[K];

    raw(EVP_PKEY_sign_init, EVP_PKEY_sign, em, signature);
    assert_int_equal(EVP_PKEY_verify_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
    if (padding == RSA_PKCS1_PSS_PADDING) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_PKEY_verify(ctx, signature, K, digest, crypto_hash_len(hash)), 1);
    EVP_PKEY_CTX_free(ctx);
}

static void test_signature_paddings_verify(void **state)
{
    static const struct {
        crypto_hash hash;
        const EVP_MD *(*md)(void);
    } sha2[] = { { CRYPTO_SHA256, EVP_sha256 }, { CRYPTO_SHA384, EVP_sha384 }, { CRYPTO_SHA512, EVP_sha512 } };
    static const uint8_t digest[64] = "digest";
    uint8_t em[K], info[RSA_DIGEST_INFO_MAX];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(sha2); i++) {
        slice_t in = SLICE(digest, crypto_hash_len(sha2[i].hash));
        size_t len = rsa_digest_info(sha2[i].hash, in, info);

        assert_ok(rsa_pss_encode(sha2[i].hash, in, em, K));
        check_signature(sha2[i].hash, sha2[i].md(), RSA_PKCS1_PSS_PADDING, em);
        memset(em, 0xff, K); /* EMSA-PKCS1-v1_5, as the token pads */
        em[0] = 0;
        em[1] = 1;
        em[K - len - 1] = 0;
        memcpy(em + K - len, info, len);
        check_signature(sha2[i].hash, sha2[i].md(), RSA_PKCS1_PADDING, em);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_libcrypto_seals_opens_at_every_length),
        cmocka_unit_test(test_a_bit_changed_anywhere_is_refused_and_yields_nothing),
        cmocka_unit_test(test_every_way_of_being_wrong_is_one_error),
        cmocka_unit_test(test_signature_paddings_verify),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
