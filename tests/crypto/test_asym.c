#include "tests/testing.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/ecdsa.h"
#include "crypto/asym.h"
#include "util/encode.h"

static buf_t hex(const char *text)
{
    buf_t out = { 0 };
    size_t len = strlen(text) / 2;

    assert_ok(hex_decode(SLICE_STR(text), buf_reserve(&out, len)));
    out.len = len;
    return out;
}

static asym_t *key_of(const char *der_hex)
{
    _cleanup_buf_ buf_t der = hex(der_hex);
    asym_t *key = NULL;

    assert_ok(asym_parse(buf_slice(&der), &key));
    return key;
}

/* RFC 6979 A.2.5 to A.2.7, message "sample"; secp256k1's of private key 1 and "Satoshi Nakamoto" is in many libraries. */
static const struct {
    asym_type type;
    crypto_hash hash;
    const char *message;
    const char *key;
    const char *raw;
    const char *order;
} curves[] = {
    { ASYM_P256, CRYPTO_SHA256, "sample",
      "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e"
      "60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
      "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
      "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
      "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551" },
    { ASYM_P384, CRYPTO_SHA384, "sample",
      "3076301006072a8648ce3d020106052b8104002203620004ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c"
      "64def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0"
      "d4fe7344fd2533264720",
      "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
      "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
      "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973" },
    { ASYM_P521, CRYPTO_SHA512, "sample",
      "30819b301006072a8648ce3d020106052b81040023038186000401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db"
      "4e5bcd371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e64584139"
      "c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
      "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc9"
      "1f9b15bf05ec36e377fa"
      "00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc"
      "43997f1ee0e44da4a67a",
      "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c4"
      "7aebb6fb71e91386409" },
    { ASYM_SECP256K1, CRYPTO_SHA256, "Satoshi Nakamoto",
      "3056301006072a8648ce3d020106052b8104000a0342000479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f817"
      "98483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
      "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
      "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5",
      "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141" },
};

/* Wycheproof, rsa_signature_2048_sha256 and rsa_pss_2048_sha256_mgf1_32 share this key. */
#define RSA_KEY                                                                                                 \
    "30820122300d06092a864886f70d01010105000382010f003082010a0282010100a2b451a07d0aa5f96e455671513550514a8a5b462ebef7" \
    "17094fa1fee82224e637f9746d3f7cafd31878d80325b6ef5a1700f65903b469429e89d6eac8845097b5ab393189db92512ed8a7711a12" \
    "53facd20f79c15e8247f3d3e42e46e48c98e254a2fe9765313a03eff8f17e1a029397a1fa26a8dce26f490ed81299615d9814c22da6104" \
    "28e09c7d9658594266f5c021d0fceca08d945a12be82de4d1ece6b4c03145b5d3495d4ed5411eb878daf05fd7afc3e09ada0f1126422f5" \
    "90975a1969816f48698bcbba1b4d9cae79d460d8f9f85e7975005d9bc22c4e5ac0f7c1a45d12569a62807d3b9a02e5a530e773066f453d" \
    "1f5b4c2e9cf7820283f742b9d50203010001"

static const struct {
    asym_scheme scheme;
    const char *message;
    const char *signature;
    bool good;
} rsa_signatures[] = {
    { ASYM_PKCS1, "4d657373616765",
      "513a5abde16b5e0ecb8659d3ca0845800adf75cfc4437d42fa34e7aafbbe35fc5984d3560cba938f9a622e932bb6162b7fbb6cd8c1cf8815"
      "f28c495995ac18cdbe8fabfdce29c17aa021df192ac02d080d7c5eda6bd4c99154178a9d5e1cf3ff4177106315f4e6d74c991b601069acd6"
      "0b55b3bb4dbf6316c35096a487d6756181d3394944f1c742a2f4d608ce4f6abbfb72347ad7d342ae15dd6d1049fbd0ff55f4d7c43ab805f8"
      "1ff1fbe9256b5c78c2de6beb787f4b6d66d290a3d4c4857368aea5f7ebaa1296020c8f9e3670441a08038bb810e853a654e44316a4e52428"
      "745123ce2714020d00e55a9eb82f7fb41c73d852a82b003670246c6ca2045fc8",
      true },
    { ASYM_PKCS1, "313233343030", /* no NULL in the digest's AlgorithmIdentifier */
      "095dad1fd82bcd36652a381b7f4dd656bd89b40aa58b56da4f6aa8247874b935e65d2b86752d537df7103884d39dd9ad3d65f87404526b09"
      "094c5615c6249979b0dc58d2199ae8696a5b76b4bb03eaf08c2ab6aec686c6b1b289c9b44f648bd30cb1ac6a64a73d68e59cd05e7aa1b780"
      "f4bfd7b83dfe3b884ec11821a93dc5bbb47a00eea4557b6b96b5656276001f1f295ddbbbc511a99b9a665b9c2674c8af0d812286d0be3ce7"
      "4817ba2cad283757de35dfb149f2835f60cb03ff155524a57f78b148feceb84cd20b0ae22e3e48f433fbd9bfd60be8afec93165ee0310be9"
      "61d3695f309d031320c830aa6ba08b5a51d943797097c57630be391bd23736cc",
      false },
    { ASYM_PKCS1, "313233343030", /* a length in the long form */
      "8a0e82d4f334aca72a718b6f8f643f69c6048d619d5eba71263a5d2d3ac7a7af133b780c7595ca2c982c006e861948f543cd0210c758691f"
      "9626842c25de2843ea314ca8eff285d47e0cffa54180af416004017034962a80a5959c3d3f1bfc154a4824462a93c014f6dfe920824f414a"
      "6e30e0e5944d480b99949ec7bf64c4a7461575933b17d7d6b0178b5192392ace3ed8469e8ac1dacae51ad5d3ad73dcb213e056d04596e64d"
      "8c0703def3110c7cecc93ba8ac8059f0f3d66b89d8712c62b41d407e4b4a104f4569558b0290c213cad6d0653898b9df8f4a453ab07d13bf"
      "b7598d505abbd0c4987e4f1ac66e1a523e113e370ab7cf990f0cc63f50f4f0a4",
      false },
    { ASYM_PSS, "4d657373616765",
      "599724adc1bae31e84eb6e1399cd90cd67f48b432c63719b600402384aaea9b21ee864cdcf259029180877c847a223912b0647f066a59a65"
      "df6c2d3a6675b1450f0b05185cee486bfac56cfded182babcefe60568a6954f026cb2f59002a2f755e9bce49793f280d89822c9bd3a06a7a"
      "d2209c3d6cab7c1f74c8bbf4bf374e7ae8a539fccb83a78cff96a4f538adeba0869659d0e9647d98f96cb55d9cb7e58440c4c9d85b8e9dc6"
      "02e909e29e45f2b82ded44f40e9ceb1292da20063967e3a116f4aeb202863cea523f215b8ec7fc4f6a22cd8652ed661e33803f3fa1be966f"
      "a8754cc7b0fa894cee0f045efba14c4f4a1d7cb837cea69e30522526b8a5878f",
      true },
    { ASYM_PKCS1, "4d657373616765", /* the same, taken for another scheme's */
      "599724adc1bae31e84eb6e1399cd90cd67f48b432c63719b600402384aaea9b21ee864cdcf259029180877c847a223912b0647f066a59a65"
      "df6c2d3a6675b1450f0b05185cee486bfac56cfded182babcefe60568a6954f026cb2f59002a2f755e9bce49793f280d89822c9bd3a06a7a"
      "d2209c3d6cab7c1f74c8bbf4bf374e7ae8a539fccb83a78cff96a4f538adeba0869659d0e9647d98f96cb55d9cb7e58440c4c9d85b8e9dc6"
      "02e909e29e45f2b82ded44f40e9ceb1292da20063967e3a116f4aeb202863cea523f215b8ec7fc4f6a22cd8652ed661e33803f3fa1be966f"
      "a8754cc7b0fa894cee0f045efba14c4f4a1d7cb837cea69e30522526b8a5878f",
      false },
};

/* RFC 8032 7.1, test 3 */
#define ED25519_KEY "302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
#define ED25519_SIGNATURE                                                                          \
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"                             \
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"

/* ---- signatures ---- */

static bool verifies(size_t i, slice_t raw, crypto_hash hash)
{
    _cleanup_(asym) asym_t *key = key_of(curves[i].key);
    uint8_t digest[CRYPTO_DIGEST_MAX];
    uint8_t der[ECDSA_DER_MAX];
    size_t len = 0;

    assert_int_equal(asym_get_type(key), curves[i].type);
    crypto_digest(hash, SLICE_STR(curves[i].message), digest);
    assert_ok(ecdsa_to_der(raw, der, &len));
    return asym_verify(key, ASYM_ECDSA, hash, SLICE(digest, crypto_hash_len(hash)), SLICE(der, len));
}

static void test_ecdsa_known_answers_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        _cleanup_buf_ buf_t raw = hex(curves[i].raw);

        assert_true(verifies(i, buf_slice(&raw), curves[i].hash));
        assert_false(verifies(i, buf_slice(&raw), curves[i].hash == CRYPTO_SHA512 ? CRYPTO_SHA256 : CRYPTO_SHA512));
    }
}

/* CVE-2022-21449 was zeros that verified; Wycheproof has each of these. */
static void test_ecdsa_numbers_outside_the_order_verify_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        _cleanup_buf_ buf_t order = hex(curves[i].order);
        size_t half = strlen(curves[i].raw) / 4;

        assert_int_equal(order.len, half);
        for (unsigned pattern = 0; pattern < 9; pattern++) {
            _cleanup_buf_ buf_t raw = hex(curves[i].raw);
            const unsigned of[2] = { pattern % 3, pattern / 3 }; /* as it is, zero, the order */

            for (size_t h = 0; h < 2; h++) {
                uint8_t *number = raw.data + h * half;
                if (of[h] == 1) {
                    memset(number, 0, half);
                } else if (of[h] == 2) {
                    memcpy(number, order.data, half);
                }
            }
            assert_int_equal(verifies(i, buf_slice(&raw), curves[i].hash), pattern == 0);
        }
    }
}

static bool der_verifies(slice_t der)
{
    _cleanup_(asym) asym_t *key = key_of(curves[0].key);
    uint8_t digest[SHA256_LEN];

    crypto_sha256(SLICE_STR(curves[0].message), digest);
    return asym_verify(key, ASYM_ECDSA, CRYPTO_SHA256, SLICE(digest, sizeof(digest)), der);
}

static void test_an_ecdsa_signature_has_one_encoding(void **state)
{
#define NUMBER_R "00efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define NUMBER_S "00f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    static const char *const others[] = {
        "30814602" "21" NUMBER_R "0221" NUMBER_S,       /* long length */
        "30470221" NUMBER_R "0221" NUMBER_S "00",       /* something more */
        "30460221" NUMBER_R "0221" NUMBER_S "00",
        "3047022200" NUMBER_R "0221" NUMBER_S,          /* a zero too many */
        "30450221" NUMBER_R "0220" "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8", /* negative */
        "30800221" NUMBER_R "0221" NUMBER_S "0000",     /* indefinite */
        "31460221" NUMBER_R "0221" NUMBER_S,
        "3046",
        "",
    };
    _cleanup_buf_ buf_t good = hex("30460221" NUMBER_R "0221" NUMBER_S);
    uint8_t raw[64];

    (void)state;
    assert_true(der_verifies(buf_slice(&good)));
    assert_ok(ecdsa_to_raw(buf_slice(&good), 32, raw));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        _cleanup_buf_ buf_t other = hex(others[i]);

        assert_false(der_verifies(buf_slice(&other)));
        assert_err(ecdsa_to_raw(buf_slice(&other), 32, raw), P11KMS_E_SYNTAX);
    }
    assert_false(der_verifies(SLICE(raw, sizeof(raw)))); /* the good one as r || s */
    for (size_t len = 0; len < good.len; len++) {
        assert_err(ecdsa_to_raw(SLICE(good.data, len), 32, raw), P11KMS_E_SYNTAX);
    }
}

static void test_both_forms_of_ecdsa_signatures_say_the_same(void **state)
{
    static const struct {
        const char *raw;
        const char *der;
    } same[] = {
        { "0001", "3006020100020101" },
        { "7f80", "300702017f02020080" },
        { "00000001ff000000", "300a020101020500ff000000" },
        { "00000000000000000000000000000080", "300702010002020080" },
    };
    uint8_t der[ECDSA_DER_MAX];
    uint8_t raw[ECDSA_RAW_MAX];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        _cleanup_buf_ buf_t from = hex(same[i].raw);
        _cleanup_buf_ buf_t expected = hex(same[i].der);

        assert_ok(ecdsa_to_der(buf_slice(&from), der, &len));
        assert_slice_equal(SLICE(der, len), buf_slice(&expected));
        assert_ok(ecdsa_to_raw(SLICE(der, len), from.len / 2, raw));
        assert_slice_equal(SLICE(raw, from.len), buf_slice(&from));
    }
    memset(raw, 0xff, sizeof(raw)); /* the longest */
    assert_ok(ecdsa_to_der(SLICE(raw, sizeof(raw)), der, &len));
    assert_int_equal(len, ECDSA_DER_MAX);
    assert_ok(ecdsa_to_raw(SLICE(der, len), ECDSA_NUMBER_MAX, raw));
    assert_err(ecdsa_to_raw(SLICE(der, len), ECDSA_NUMBER_MAX - 1, raw), P11KMS_E_SYNTAX);
    assert_err(ecdsa_to_raw(SLICE(der, len), ECDSA_NUMBER_MAX + 1, raw), P11KMS_E_SYNTAX);
    assert_err(ecdsa_to_der(SLICE(raw, 0), der, &len), P11KMS_E_SYNTAX);
    assert_err(ecdsa_to_der(SLICE(raw, 63), der, &len), P11KMS_E_SYNTAX);
    assert_err(ecdsa_to_der(SLICE(raw, ECDSA_RAW_MAX + 2), der, &len), P11KMS_E_SYNTAX);
}

static void test_rsa_signatures_verify_under_their_scheme_alone(void **state)
{
    _cleanup_(asym) asym_t *key = key_of(RSA_KEY);

    (void)state;
    assert_int_equal(asym_get_type(key), ASYM_RSA_2048);
    for (size_t i = 0; i < COUNT_OF(rsa_signatures); i++) {
        _cleanup_buf_ buf_t message = hex(rsa_signatures[i].message);
        _cleanup_buf_ buf_t signature = hex(rsa_signatures[i].signature);
        uint8_t digest[CRYPTO_DIGEST_MAX];
        slice_t sha256 = SLICE(digest, SHA256_LEN);
        asym_scheme scheme = rsa_signatures[i].scheme;

        crypto_sha256(buf_slice(&message), digest);
        assert_int_equal(asym_verify(key, scheme, CRYPTO_SHA256, sha256, buf_slice(&signature)), rsa_signatures[i].good);
        assert_false(asym_verify(key, ASYM_ECDSA, CRYPTO_SHA256, sha256, buf_slice(&signature)));
        assert_false(asym_verify(key, scheme, CRYPTO_SHA384, sha256, buf_slice(&signature)));
        assert_false(asym_verify(key, scheme, CRYPTO_SHA256, SLICE(digest, 31), buf_slice(&signature)));
        assert_false(asym_verify(key, scheme, CRYPTO_SHA256, sha256, SLICE(signature.data, signature.len - 1)));
        assert_false(asym_verify_message(key, buf_slice(&message), buf_slice(&signature)));
        crypto_digest(CRYPTO_SHA512, buf_slice(&message), digest);
        assert_false(asym_verify(key, scheme, CRYPTO_SHA512, SLICE(digest, 64), buf_slice(&signature)));
    }
}

static void test_ed25519_known_answers_verify(void **state)
{
    _cleanup_(asym) asym_t *key = key_of(ED25519_KEY);
    _cleanup_buf_ buf_t signature = hex(ED25519_SIGNATURE);
    uint8_t digest[CRYPTO_DIGEST_MAX] = { 0 };

    (void)state;
    assert_int_equal(asym_get_type(key), ASYM_ED25519);
    assert_true(asym_verify_message(key, SLICE_LIT("\xaf\x82"), buf_slice(&signature)));
    assert_false(asym_verify_message(key, SLICE_LIT("\xaf\x83"), buf_slice(&signature)));
    assert_false(asym_verify_message(key, SLICE_LIT("\xaf\x82"), SLICE(signature.data, 63)));
    assert_false(asym_verify(key, ASYM_ECDSA, CRYPTO_SHA512, SLICE(digest, 64), buf_slice(&signature)));
    signature.data[63] ^= 0x10; /* S + a multiple of the order is no second signature */
    assert_false(asym_verify_message(key, SLICE_LIT("\xaf\x82"), buf_slice(&signature)));
}

static void test_a_curves_key_encrypts_nothing(void **state)
{
    _cleanup_(asym) asym_t *key = key_of(curves[0].key);
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    assert_int_equal(asym_oaep_max(key, CRYPTO_SHA1), 0);
    assert_err(asym_oaep_encrypt(key, CRYPTO_SHA1, SLICE_LIT("x"), &out), P11KMS_E_RANGE);
}

/* ---- encryption: the other side is OpenSSL ---- */

static EVP_PKEY *rsa_pair(unsigned bits, asym_t **ret)
{
    EVP_PKEY *pkey = EVP_RSA_gen(bits);
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);

    assert_ok(asym_parse(SLICE(der, (size_t)len), ret));
    OPENSSL_free(der);
    return pkey;
}

static bool decrypts(EVP_PKEY *pkey, const EVP_MD *md, slice_t sealed, slice_t expected)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    uint8_t out[512];
    size_t len = sizeof(out);

    assert_int_equal(EVP_PKEY_decrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md), 1);
    bool good = EVP_PKEY_decrypt(ctx, out, &len, sealed.data, sealed.len) == 1 && slice_eq(SLICE(out, len), expected);
    EVP_PKEY_CTX_free(ctx);
    return good;
}

static void test_oaep_takes_what_fits_and_no_byte_more(void **state)
{
    static const uint8_t plain[512] = { 1, 2, 3 };
    asym_t *key = NULL;
    EVP_PKEY *pkey = rsa_pair(2048, &key);
    const struct {
        crypto_hash hash;
        const EVP_MD *md;
        size_t max;
    } hashes[] = { { CRYPTO_SHA1, EVP_sha1(), 214 }, { CRYPTO_SHA256, EVP_sha256(), 190 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        const size_t lens[] = { 0, 1, hashes[i].max };

        assert_int_equal(asym_oaep_max(key, hashes[i].hash), hashes[i].max);
        for (size_t l = 0; l < COUNT_OF(lens); l++) {
            _cleanup_buf_ buf_t sealed = { 0 };

            assert_ok(asym_oaep_encrypt(key, hashes[i].hash, SLICE(plain, lens[l]), &sealed));
            assert_int_equal(sealed.len, 256);
            assert_true(decrypts(pkey, hashes[i].md, buf_slice(&sealed), SLICE(plain, lens[l])));
            assert_false(decrypts(pkey, hashes[1 - i].md, buf_slice(&sealed), SLICE(plain, lens[l])));
        }
        _cleanup_buf_ buf_t none = { 0 };
        assert_err(asym_oaep_encrypt(key, hashes[i].hash, SLICE(plain, hashes[i].max + 1), &none), P11KMS_E_RANGE);
        assert_int_equal(none.len, 0);
    }
    asym_free(key);
    EVP_PKEY_free(pkey);
}

/* ---- keys ---- */

static p11kms_err parse(slice_t der)
{
    _cleanup_(asym) asym_t *key = NULL;

    return asym_parse(der, &key);
}

static void test_every_length_but_the_whole_is_refused(void **state)
{
    static const char *const keys[] = { RSA_KEY, ED25519_KEY };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys) + COUNT_OF(curves); i++) {
        _cleanup_buf_ buf_t der = hex(i < COUNT_OF(keys) ? keys[i] : curves[i - COUNT_OF(keys)].key);

        for (size_t len = 0; len < der.len; len++) {
            assert_err(parse(SLICE(der.data, len)), P11KMS_E_SYNTAX);
        }
        buf_put_u8(&der, 0);
        assert_err(parse(buf_slice(&der)), P11KMS_E_SYNTAX);
    }
}

/* What a changed byte makes is refused, or is another key of the type: then OpenSSL reads it, and says it back. */
static void test_what_is_taken_is_what_openssl_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i <= COUNT_OF(curves); i++) {
        _cleanup_buf_ buf_t der = hex(i < COUNT_OF(curves) ? curves[i].key : RSA_KEY);

        for (size_t at = 0; at < der.len; at++) {
            der.data[at] ^= 0x01;
            if (parse(buf_slice(&der)) == P11KMS_OK) {
                const uint8_t *in = der.data;
                uint8_t *out = NULL;
                EVP_PKEY *pkey = d2i_PUBKEY(NULL, &in, (long)der.len);
                int len = i2d_PUBKEY(pkey, &out);

                assert_slice_equal(SLICE(out, (size_t)len), buf_slice(&der));
                OPENSSL_free(out);
                EVP_PKEY_free(pkey);
            }
            der.data[at] ^= 0x01;
        }
    }
}

static void test_other_encodings_and_keys_are_refused(void **state)
{
    static const struct {
        const char *what;
        const char *der;
    } others[] = {
        { "a compressed point",
          "3039301306072a8648ce3d020106082a8648ce3d0301070322000360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e"
          "60f29fb6" },
        { "a hybrid point",
          "3059301306072a8648ce3d020106082a8648ce3d0301070342000760fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e"
          "60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299" },
        { "the point at infinity", "3019301306072a8648ce3d020106082a8648ce3d03010703020000" },
        { "a point beside the curve",
          "3059301306072a8648ce3d020106082a8648ce3d0301070342000460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e"
          "60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d446229a" },
        { "a coordinate that is not reduced", /* P-256's x 5, and the prime added */
          "3059301306072a8648ce3d020106082a8648ce3d03010703420004ffffffff00000001000000000000000000000001000000000000000000000004"
          "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc" },
        { "P-224",
          "304e301006072a8648ce3d020106052b81040021033a0004b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21bd376388"
          "b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34" },
        { "unused bits", "302a300506032b6570032101fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025" },
        { "X25519", "302a300506032b656e032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025" },
        { "Ed25519 with parameters",
          "302c300706032b65700500032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025" },
        { "a length in the long form",
          "30812a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025" },
        { "an element more",
          "302c300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb9115489080250500" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        _cleanup_buf_ buf_t der = hex(others[i].der);

        assert_err(parse(buf_slice(&der)), P11KMS_E_SYNTAX);
    }
}

/* n of @p len bytes after its sign octet, e as said; lengths as DER wants them. */
static p11kms_err parse_rsa(size_t len, uint8_t first, uint8_t last, const char *e)
{
    _cleanup_buf_ buf_t numbers = { 0 };
    _cleanup_buf_ buf_t der = { 0 };
    _cleanup_buf_ buf_t exponent = hex(e);

    buf_put(&numbers, "\x02\x82", 2);
    buf_put_u16(&numbers, (uint16_t)(len + 1));
    buf_put_u8(&numbers, 0);
    size_t at = numbers.len;
    for (size_t i = 0; i < len; i++) {
        buf_put_u8(&numbers, 0xa5);
    }
    numbers.data[at] = first;
    numbers.data[at + len - 1] = last;
    buf_put_slice(&numbers, buf_slice(&exponent));
    buf_put(&der, "\x30\x82", 2);
    buf_put_u16(&der, (uint16_t)(numbers.len + 24));
    buf_put_slice(&der, SLICE_LIT("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82"));
    buf_put_u16(&der, (uint16_t)(numbers.len + 5));
    buf_put(&der, "\x00\x30\x82", 3);
    buf_put_u16(&der, (uint16_t)numbers.len);
    buf_put_slice(&der, buf_slice(&numbers));
    return parse(buf_slice(&der));
}

static void test_rsa_keys_have_just_so_many_bits_and_an_odd_exponent(void **state)
{
    (void)state;
    assert_ok(parse_rsa(256, 0x80, 0x01, "0203010001"));
    assert_ok(parse_rsa(384, 0xff, 0x01, "0203010001"));
    assert_ok(parse_rsa(512, 0x80, 0x01, "020103"));
    assert_ok(parse_rsa(512, 0x80, 0x01, "02087fffffffffffffff"));
    assert_err(parse_rsa(256, 0x7f, 0x01, "0203010001"), P11KMS_E_SYNTAX); /* a zero too many before it */
    assert_err(parse_rsa(256, 0x80, 0x02, "0203010001"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(255, 0x80, 0x01, "0203010001"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(128, 0x80, 0x01, "0203010001"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(1024, 0x80, 0x01, "0203010001"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "020101"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "020100"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "020104"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "020181"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "02020003"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "0209010000000000000001"), P11KMS_E_SYNTAX);
    assert_err(parse_rsa(256, 0x80, 0x01, "02030100010500"), P11KMS_E_SYNTAX);
}

static int init(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecdsa_known_answers_verify),
        cmocka_unit_test(test_ecdsa_numbers_outside_the_order_verify_nothing),
        cmocka_unit_test(test_an_ecdsa_signature_has_one_encoding),
        cmocka_unit_test(test_both_forms_of_ecdsa_signatures_say_the_same),
        cmocka_unit_test(test_rsa_signatures_verify_under_their_scheme_alone),
        cmocka_unit_test(test_ed25519_known_answers_verify),
        cmocka_unit_test(test_a_curves_key_encrypts_nothing),
        cmocka_unit_test(test_oaep_takes_what_fits_and_no_byte_more),
        cmocka_unit_test(test_every_length_but_the_whole_is_refused),
        cmocka_unit_test(test_what_is_taken_is_what_openssl_writes),
        cmocka_unit_test(test_other_encodings_and_keys_are_refused),
        cmocka_unit_test(test_rsa_keys_have_just_so_many_bits_and_an_odd_exponent),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
