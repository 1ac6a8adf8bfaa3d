/* Keys that are no symmetric ones, through their handlers over a token in memory: what is answered and what is refused. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "api/api_internal.h"
#include "core/core.h"
#include "crypto/keypair.h"
#include "tests/fakes/house.h"

/* ---- asking ---- */

static house_t house;
static struct api api;
static const principal_t admin = {
    .kind = PRINCIPAL_USER,
    .account = HOUSE_ACCOUNT,
    .arn = "arn:aws:iam::" HOUSE_ACCOUNT ":user/admin",
    .name = "admin",
    .principal_id = "AIDAAAAAAAAAAAAAAAAAA",
    .administrator = true,
};

static p11kms_err last_err;
static char last_detail[512];
static json_t *last_answer; /* NULL after a refusal */

static void note_end(op_t *op)
{
    last_err = op->err;
    snprintf(last_detail, sizeof(last_detail), "%s", op->err_detail ? op->err_detail : "");
    if (op->err == P11KMS_OK) {
        assert_ok(json_parse(buf_slice(&op->out), &last_answer));
    }
}

static p11kms_err ask(const char *operation, const buf_t *input)
{
    op_t *op = op_new_internal(house.core, NULL, "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);

    json_free(STEAL(last_answer));
    op->service_event = operation;
    op->finished = note_end;
    op->row = operations_named("kms", SLICE_STR(operation));
    op->auth.principal = &admin;
    assert_ok(json_parse(buf_slice(input), &op->input));
    op->row->start(op);
    house_run(&house);
    return last_err;
}

/* {"KeyId":KEY and what begin..., more say: names and texts in turn, ended by NULL */
static buf_t input_of(const kms_key_t *key, const char *name, ...)
{
    buf_t out = { 0 };
    jw_t w = jw_on(&out);
    va_list list;

    jw_object(&w);
    if (key) {
        answer_text(&w, "KeyId", key->arn);
    }
    va_start(list, name);
    for (; name; name = va_arg(list, const char *)) {
        const char *text = va_arg(list, const char *);
        jw_key(&w, name);
        if (strcmp(text, "true") == 0) {
            jw_bool(&w, true);
        } else {
            jw_string(&w, text);
        }
    }
    va_end(list);
    jw_end(&w);
    assert_false(buf_failed(&out));
    return out;
}

#define ASK(operation, key, ...)                                                                                    \
    (__extension__({                                                                                                \
        _cleanup_buf_ buf_t input_ = input_of((key), __VA_ARGS__, NULL);                                            \
        ask((operation), &input_);                                                                                  \
    }))
#define ASK_KEY(operation, key)                                                                                     \
    (__extension__({                                                                                                \
        _cleanup_buf_ buf_t input_ = input_of((key), NULL);                                                         \
        ask((operation), &input_);                                                                                  \
    }))

static void assert_refused(p11kms_err err, p11kms_err expected, const char *sentence)
{
    assert_err(err, expected);
    assert_string_equal(last_detail, sentence);
}

/* The text of a member, good until the test ends. */
static const char *text_of(const char *member)
{
    static char texts[8][8192];
    static unsigned next;
    slice_t text = json_string(json_get(last_answer, member));
    char *out = texts[next++ % COUNT_OF(texts)];

    assert_true(text.len > 0 && text.len < sizeof(texts[0]));
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return out;
}

static const char *base64_of(slice_t bytes)
{
    static char texts[4][8192];
    static unsigned next;
    _cleanup_buf_ buf_t text = { 0 };
    char *out = texts[next++ % COUNT_OF(texts)];

    base64_encode(&text, bytes);
    snprintf(out, sizeof(texts[0]), "%s", buf_str(&text));
    return out;
}

static const char *bytes_of_length(size_t len)
{
    static const uint8_t zeros[4096];

    return base64_of(SLICE(zeros, len));
}

static buf_t decoded(const char *member)
{
    buf_t out = { 0 };

    assert_ok(base64_decode(&out, json_string(json_get(last_answer, member))));
    return out;
}

static kms_key_t *key_of(const char *spec, kms_usage usage)
{
    kms_key_t *key = house_make_key_of(&house, spec, usage);

    assert_non_null(key);
    return key;
}

static const char *sentence(const char *fmt, ...) PRINTF(1, 2);
static const char *sentence(const char *fmt, ...)
{
    static char text[512];
    va_list list;

    va_start(list, fmt);
    vsnprintf(text, sizeof(text), fmt, list);
    va_end(list);
    return text;
}

static int setup(void **state)
{
    (void)state;
    house_open(&house);
    api = (struct api){ .core = house.core, .kms = house.kms };
    house.core->services = &api;
    return operations_init() == P11KMS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_free(STEAL(last_answer));
    house_close(&house);
    fake_token_free(house.fake);
    return 0;
}

/* ---- signatures ---- */

static const struct {
    const char *spec;
    const char *algorithm;
    size_t digest; /* bytes; 0: messages alone */
} signing[] = {
    { "RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", 32 }, { "RSA_2048", "RSASSA_PKCS1_V1_5_SHA_384", 48 },
    { "RSA_2048", "RSASSA_PKCS1_V1_5_SHA_512", 64 }, { "RSA_2048", "RSASSA_PSS_SHA_256", 32 },
    { "RSA_2048", "RSASSA_PSS_SHA_384", 48 },        { "RSA_2048", "RSASSA_PSS_SHA_512", 64 },
    { "ECC_NIST_P256", "ECDSA_SHA_256", 32 },        { "ECC_NIST_P384", "ECDSA_SHA_384", 48 },
    { "ECC_NIST_P521", "ECDSA_SHA_512", 64 },        { "ECC_SECG_P256K1", "ECDSA_SHA_256", 32 },
    { "ECC_NIST_EDWARDS25519", "ED25519_SHA_512", 0 },
};

static crypto_hash hash_of(size_t digest)
{
    return digest == 32 ? CRYPTO_SHA256 : digest == 48 ? CRYPTO_SHA384 : CRYPTO_SHA512;
}

static void check_signing(const kms_key_t *key, const char *algorithm, size_t digest_len)
{
    const char *message = base64_of(SLICE_LIT("a message"));
    uint8_t digest[CRYPTO_DIGEST_MAX];

    assert_ok(ASK("Sign", key, "Message", message, "SigningAlgorithm", algorithm));
    assert_string_equal(text_of("KeyId"), key->arn);
    assert_string_equal(text_of("SigningAlgorithm"), algorithm);
    const char *signature = text_of("Signature");
    assert_ok(ASK("Verify", key, "Message", message, "SigningAlgorithm", algorithm, "Signature", signature));
    assert_true(json_bool(json_get(last_answer, "SignatureValid")));
    assert_refused(ASK("Verify", key, "Message", base64_of(SLICE_LIT("another")), "SigningAlgorithm", algorithm,
                       "Signature", signature),
                   P11KMS_E_SIGNATURE_INVALID, "the signature is invalid");
    if (!digest_len) {
        return;
    }
    crypto_digest(hash_of(digest_len), SLICE_LIT("a message"), digest);
    const char *as_digest = base64_of(SLICE(digest, digest_len));
    assert_ok(ASK("Verify", key, "Message", as_digest, "MessageType", "DIGEST", "SigningAlgorithm", algorithm,
                  "Signature", signature));
    assert_ok(ASK("Sign", key, "Message", as_digest, "MessageType", "DIGEST", "SigningAlgorithm", algorithm));
    signature = text_of("Signature");
    assert_ok(ASK("Verify", key, "Message", message, "MessageType", "RAW", "SigningAlgorithm", algorithm, "Signature",
                  signature));
}

static void test_what_is_signed_verifies_as_message_and_as_digest(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(signing); i++) {
        if (!key || strcmp(key->spec->name, signing[i].spec) != 0) {
            kms_key_unref(key);
            key = key_of(signing[i].spec, KMS_USAGE_SIGN_VERIFY);
        }
        check_signing(key, signing[i].algorithm, signing[i].digest);
    }
}

static void test_a_digest_has_the_length_of_its_algorithm(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("ECC_NIST_P384", KMS_USAGE_SIGN_VERIFY);
    static const size_t lens[] = { 1, 32, 47, 49, 64 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        assert_refused(ASK("Sign", key, "Message", bytes_of_length(lens[i]), "MessageType", "DIGEST",
                           "SigningAlgorithm", "ECDSA_SHA_384"),
                       P11KMS_E_VALIDATION, "Digest is invalid length for algorithm ECDSA_SHA_384.");
        assert_refused(ASK("Verify", key, "Message", bytes_of_length(lens[i]), "MessageType", "DIGEST",
                           "SigningAlgorithm", "ECDSA_SHA_384", "Signature", "AAAA"),
                       P11KMS_E_VALIDATION, "Digest is invalid length for algorithm ECDSA_SHA_384.");
    }
    assert_int_equal(fake_token_ops(house.fake, TOKEN_OP_SIGN), 0);
}

static void test_a_message_type_that_does_not_fit_is_refused(void **state)
{
    _cleanup_(kms_key) kms_key_t *edwards = key_of("ECC_NIST_EDWARDS25519", KMS_USAGE_SIGN_VERIFY);
    _cleanup_(kms_key) kms_key_t *p256 = key_of("ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY);
    const struct {
        const kms_key_t *key;
        const char *type;
        const char *algorithm;
    } wrong[] = {
        { edwards, "DIGEST", "ED25519_SHA_512" },
        { edwards, "RAW", "ED25519_PH_SHA_512" },
    };
    const kms_key_t *keys[] = { edwards, p256 };
    const char *const algorithms[] = { "ED25519_SHA_512", "ECDSA_SHA_256" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_refused(ASK("Sign", wrong[i].key, "Message", bytes_of_length(64), "MessageType", wrong[i].type,
                           "SigningAlgorithm", wrong[i].algorithm),
                       P11KMS_E_VALIDATION,
                       sentence("Message type %s is incompatible with algorithm %s.", wrong[i].type,
                                wrong[i].algorithm));
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        assert_refused(ASK("Sign", keys[i], "Message", bytes_of_length(64), "MessageType", "EXTERNAL_MU",
                           "SigningAlgorithm", algorithms[i]),
                       P11KMS_E_VALIDATION,
                       sentence("Message type EXTERNAL_MU is incompatible with key spec %s.", keys[i]->spec->name));
    }
}

static void test_what_neither_token_nor_libcrypto_does_is_said_to_be_so(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("ECC_NIST_EDWARDS25519", KMS_USAGE_SIGN_VERIFY);

    (void)state;
    assert_refused(ASK("Sign", key, "Message", bytes_of_length(64), "MessageType", "DIGEST", "SigningAlgorithm",
                       "ED25519_PH_SHA_512"),
                   P11KMS_E_KEY_USAGE,
                   "Algorithm ED25519_PH_SHA_512 is not supported: the token 'main' does not do it.");
    assert_refused(ASK("Verify", key, "Message", bytes_of_length(64), "MessageType", "DIGEST", "SigningAlgorithm",
                       "ED25519_PH_SHA_512", "Signature", "AAAA"),
                   P11KMS_E_KEY_USAGE,
                   "Algorithm ED25519_PH_SHA_512 is not supported by Verify: the libcrypto in use has no Ed25519ph.");
}

static void test_another_keys_signature_verifies_nothing(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY);
    _cleanup_(kms_key) kms_key_t *other = key_of("ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY);

    (void)state;
    assert_ok(ASK("Sign", key, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256"));
    assert_err(ASK("Verify", other, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256", "Signature",
                   text_of("Signature")),
               P11KMS_E_SIGNATURE_INVALID);
}

/* ---- usage ---- */

static void test_a_key_does_what_it_is_for_and_nothing_else(void **state)
{
    static const struct {
        const char *operation;
        kms_usage usage;
    } uses[] = {
        { "Sign", KMS_USAGE_SIGN_VERIFY },
        { "Verify", KMS_USAGE_SIGN_VERIFY },
        { "GenerateMac", KMS_USAGE_GENERATE_VERIFY_MAC },
        { "VerifyMac", KMS_USAGE_GENERATE_VERIFY_MAC },
        { "DeriveSharedSecret", KMS_USAGE_KEY_AGREEMENT },
        { "Encrypt", KMS_USAGE_ENCRYPT_DECRYPT },
        { "GenerateDataKeyPair", KMS_USAGE_ENCRYPT_DECRYPT },
        { "GenerateDataKeyPairWithoutPlaintext", KMS_USAGE_ENCRYPT_DECRYPT },
    };
    kms_key_t *keys[KMS_USAGE_COUNT] = {
        [KMS_USAGE_ENCRYPT_DECRYPT] = house_make_key(&house),
        [KMS_USAGE_SIGN_VERIFY] = key_of("ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY),
        [KMS_USAGE_GENERATE_VERIFY_MAC] = key_of("HMAC_256", KMS_USAGE_GENERATE_VERIFY_MAC),
        [KMS_USAGE_KEY_AGREEMENT] = key_of("ECC_NIST_P256", KMS_USAGE_KEY_AGREEMENT),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        for (size_t u = 0; u < KMS_USAGE_COUNT; u++) {
            if ((kms_usage)u != uses[i].usage) {
                assert_refused(ASK(uses[i].operation, keys[u], "Message", "AAAA", "Plaintext", "AAAA", "KeyPairSpec",
                                   "SM2"),
                               P11KMS_E_KEY_USAGE,
                               sentence("%s key usage is %s which is not valid for %s.", keys[u]->arn,
                                        kms_usage_name((kms_usage)u), uses[i].operation));
            }
        }
    }
    for (size_t u = 0; u < KMS_USAGE_COUNT; u++) {
        kms_key_unref(keys[u]);
    }
}

static void test_an_algorithm_of_other_keys_is_refused(void **state)
{
    static const struct {
        const char *spec;
        kms_usage usage;
        const char *operation;
        const char *member;
        const char *algorithm;
    } wrong[] = {
        { "RSA_2048", KMS_USAGE_SIGN_VERIFY, "Sign", "SigningAlgorithm", "ECDSA_SHA_256" },
        { "ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY, "Verify", "SigningAlgorithm", "ECDSA_SHA_384" },
        { "ECC_SECG_P256K1", KMS_USAGE_SIGN_VERIFY, "Sign", "SigningAlgorithm", "SM2DSA" },
        { "HMAC_224", KMS_USAGE_GENERATE_VERIFY_MAC, "GenerateMac", "MacAlgorithm", "HMAC_SHA_256" },
        { "HMAC_512", KMS_USAGE_GENERATE_VERIFY_MAC, "VerifyMac", "MacAlgorithm", "HMAC_SHA_224" },
        { "RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT, "Encrypt", "EncryptionAlgorithm", "SM2PKE" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        _cleanup_(kms_key) kms_key_t *key = key_of(wrong[i].spec, wrong[i].usage);

        assert_refused(ASK(wrong[i].operation, key, "Message", "AAAA", "Plaintext", "AAAA", "CiphertextBlob", "AAAA",
                           wrong[i].member, wrong[i].algorithm),
                       P11KMS_E_KEY_USAGE,
                       sentence("Algorithm %s is incompatible with key spec %s.", wrong[i].algorithm, wrong[i].spec));
    }
}

static void test_what_is_not_said_is_symmetric(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);

    (void)state;
    assert_refused(ASK("Encrypt", key, "Plaintext", "AAAA"), P11KMS_E_KEY_USAGE,
                   "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.");
    assert_err(ASK("Decrypt", key, "CiphertextBlob", bytes_of_length(256)), P11KMS_E_CIPHERTEXT);
    assert_err(ASK("Decrypt", key, "CiphertextBlob", bytes_of_length(256), "EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
               P11KMS_E_CIPHERTEXT);
}

/* ---- MACs ---- */

static void test_a_mac_verifies_whole_and_under_its_key(void **state)
{
    static const struct {
        const char *spec;
        const char *algorithm;
        size_t len;
    } macs[] = {
        { "HMAC_224", "HMAC_SHA_224", 28 },
        { "HMAC_256", "HMAC_SHA_256", 32 },
        { "HMAC_384", "HMAC_SHA_384", 48 },
        { "HMAC_512", "HMAC_SHA_512", 64 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(macs); i++) {
        _cleanup_(kms_key) kms_key_t *key = key_of(macs[i].spec, KMS_USAGE_GENERATE_VERIFY_MAC);
        _cleanup_(kms_key) kms_key_t *other = key_of(macs[i].spec, KMS_USAGE_GENERATE_VERIFY_MAC);

        assert_ok(ASK("GenerateMac", key, "Message", "AAAA", "MacAlgorithm", macs[i].algorithm));
        _cleanup_buf_ buf_t mac = decoded("Mac");
        assert_int_equal(mac.len, macs[i].len);
        assert_ok(ASK("VerifyMac", key, "Message", "AAAA", "MacAlgorithm", macs[i].algorithm, "Mac",
                      base64_of(buf_slice(&mac))));
        assert_true(json_bool(json_get(last_answer, "MacValid")));
        const char *whole = base64_of(buf_slice(&mac));
        const char *cut = base64_of(SLICE(mac.data, mac.len - 1));
        assert_err(ASK("VerifyMac", other, "Message", "AAAA", "MacAlgorithm", macs[i].algorithm, "Mac", whole),
                   P11KMS_E_MAC_INVALID);
        assert_err(ASK("VerifyMac", key, "Message", "AAAB", "MacAlgorithm", macs[i].algorithm, "Mac", whole),
                   P11KMS_E_MAC_INVALID);
        assert_err(ASK("VerifyMac", key, "Message", "AAAA", "MacAlgorithm", macs[i].algorithm, "Mac", cut),
                   P11KMS_E_MAC_INVALID);
        mac.data[0] ^= 1;
        assert_err(ASK("VerifyMac", key, "Message", "AAAA", "MacAlgorithm", macs[i].algorithm, "Mac",
                       base64_of(buf_slice(&mac))),
                   P11KMS_E_MAC_INVALID);
    }
}

/* ---- RSA messages ---- */

static void test_rsa_messages_come_back_at_their_longest(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    static const struct {
        const char *algorithm;
        size_t max;
    } oaep[] = { { "RSAES_OAEP_SHA_1", 214 }, { "RSAES_OAEP_SHA_256", 190 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(oaep); i++) {
        const char *plain = bytes_of_length(oaep[i].max);

        assert_ok(ASK("Encrypt", key, "Plaintext", plain, "EncryptionAlgorithm", oaep[i].algorithm));
        assert_string_equal(text_of("EncryptionAlgorithm"), oaep[i].algorithm);
        const char *sealed = text_of("CiphertextBlob");
        assert_ok(ASK("Decrypt", key, "CiphertextBlob", sealed, "EncryptionAlgorithm", oaep[i].algorithm));
        assert_string_equal(text_of("Plaintext"), plain);
        assert_string_equal(text_of("EncryptionAlgorithm"), oaep[i].algorithm);
        assert_null(json_get(last_answer, "KeyMaterialId"));
        assert_err(ASK("Decrypt", key, "CiphertextBlob", sealed, "EncryptionAlgorithm", oaep[1 - i].algorithm),
                   P11KMS_E_CIPHERTEXT);
        assert_refused(ASK("Encrypt", key, "Plaintext", bytes_of_length(oaep[i].max + 1), "EncryptionAlgorithm",
                           oaep[i].algorithm),
                       P11KMS_E_VALIDATION,
                       sentence("Algorithm %s and key spec RSA_2048 cannot encrypt data larger than %zu bytes.",
                                oaep[i].algorithm, oaep[i].max));
    }
}

static void test_rsa_ciphertexts_need_their_key_and_their_length(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    _cleanup_(kms_key) kms_key_t *other = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    static const size_t lens[] = { 1, 255, 257, 512 };

    (void)state;
    assert_ok(ASK("Encrypt", key, "Plaintext", "AAAA", "EncryptionAlgorithm", "RSAES_OAEP_SHA_256"));
    const char *sealed = text_of("CiphertextBlob");
    assert_refused(ASK("Decrypt", NULL, "CiphertextBlob", sealed, "EncryptionAlgorithm", "RSAES_OAEP_SHA_256"),
                   P11KMS_E_VALIDATION, "KeyId must not be null");
    assert_err(ASK("Decrypt", NULL, "CiphertextBlob", sealed, "DryRun", "true"), P11KMS_E_CIPHERTEXT);
    assert_err(ASK("Decrypt", other, "CiphertextBlob", sealed, "EncryptionAlgorithm", "RSAES_OAEP_SHA_256"),
               P11KMS_E_CIPHERTEXT);
    uint64_t asked = fake_token_ops(house.fake, TOKEN_OP_DECRYPT);
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        assert_err(ASK("Decrypt", key, "CiphertextBlob", bytes_of_length(lens[i]), "EncryptionAlgorithm",
                       "RSAES_OAEP_SHA_256"),
                   P11KMS_E_CIPHERTEXT);
    }
    assert_int_equal(fake_token_ops(house.fake, TOKEN_OP_DECRYPT), asked);
}

static void test_re_encrypt_goes_between_rsa_and_symmetric_keys(void **state)
{
    _cleanup_(kms_key) kms_key_t *rsa = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    _cleanup_(kms_key) kms_key_t *symmetric = house_make_key(&house);

    (void)state;
    assert_ok(ASK("Encrypt", symmetric, "Plaintext", "c2VjcmV0"));
    assert_ok(ASK("ReEncrypt", NULL, "CiphertextBlob", text_of("CiphertextBlob"), "DestinationKeyId", rsa->arn,
                  "DestinationEncryptionAlgorithm", "RSAES_OAEP_SHA_1"));
    assert_string_equal(text_of("DestinationEncryptionAlgorithm"), "RSAES_OAEP_SHA_1");
    assert_string_equal(text_of("SourceEncryptionAlgorithm"), "SYMMETRIC_DEFAULT");
    assert_non_null(json_get(last_answer, "SourceKeyMaterialId"));
    assert_null(json_get(last_answer, "DestinationKeyMaterialId"));
    assert_ok(ASK("ReEncrypt", NULL, "CiphertextBlob", text_of("CiphertextBlob"), "SourceKeyId", rsa->arn,
                  "SourceEncryptionAlgorithm", "RSAES_OAEP_SHA_1", "DestinationKeyId", rsa->arn,
                  "DestinationEncryptionAlgorithm", "RSAES_OAEP_SHA_256"));
    assert_ok(ASK("ReEncrypt", NULL, "CiphertextBlob", text_of("CiphertextBlob"), "SourceKeyId", rsa->arn,
                  "SourceEncryptionAlgorithm", "RSAES_OAEP_SHA_256", "DestinationKeyId", symmetric->arn));
    assert_null(json_get(last_answer, "SourceKeyMaterialId"));
    assert_non_null(json_get(last_answer, "DestinationKeyMaterialId"));
    assert_ok(ASK("Decrypt", NULL, "CiphertextBlob", text_of("CiphertextBlob")));
    assert_string_equal(text_of("Plaintext"), "c2VjcmV0");
}

static void test_what_is_too_long_for_the_destination_is_not_re_encrypted(void **state)
{
    _cleanup_(kms_key) kms_key_t *rsa = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    _cleanup_(kms_key) kms_key_t *symmetric = house_make_key(&house);

    (void)state;
    assert_ok(ASK("Encrypt", symmetric, "Plaintext", bytes_of_length(191)));
    assert_refused(ASK("ReEncrypt", NULL, "CiphertextBlob", text_of("CiphertextBlob"), "DestinationKeyId", rsa->arn,
                       "DestinationEncryptionAlgorithm", "RSAES_OAEP_SHA_256"),
                   P11KMS_E_VALIDATION,
                   "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes.");
}

/* ---- public keys, shared secrets ---- */

static void test_a_public_key_is_told_with_what_it_is_for(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("ECC_NIST_P384", KMS_USAGE_KEY_AGREEMENT);
    _cleanup_(kms_key) kms_key_t *symmetric = house_make_key(&house);
    _cleanup_(asym) asym_t *parsed = NULL;

    (void)state;
    assert_ok(ASK_KEY("GetPublicKey", key));
    _cleanup_buf_ buf_t der = decoded("PublicKey");
    assert_ok(asym_parse(buf_slice(&der), &parsed));
    assert_int_equal(asym_get_type(parsed), ASYM_P384);
    assert_string_equal(text_of("KeyUsage"), "KEY_AGREEMENT");
    assert_slice_text(json_string(json_at(json_get(last_answer, "KeyAgreementAlgorithms"), 0)), "ECDH");
    assert_refused(ASK_KEY("GetPublicKey", symmetric), P11KMS_E_OPERATION_UNSUPPORTED,
                   sentence("%s key spec is SYMMETRIC_DEFAULT which is not valid for GetPublicKey.", symmetric->arn));
}

static void test_two_keys_agree_on_one_secret(void **state)
{
    static const struct {
        const char *spec;
        size_t len;
    } curves[] = { { "ECC_NIST_P256", 32 }, { "ECC_NIST_P384", 48 }, { "ECC_NIST_P521", 66 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        _cleanup_(kms_key) kms_key_t *one = key_of(curves[i].spec, KMS_USAGE_KEY_AGREEMENT);
        _cleanup_(kms_key) kms_key_t *other = key_of(curves[i].spec, KMS_USAGE_KEY_AGREEMENT);

        assert_ok(ASK("DeriveSharedSecret", one, "KeyAgreementAlgorithm", "ECDH", "PublicKey",
                      base64_of(SLICE(other->public_key, other->public_key_len))));
        assert_string_equal(text_of("KeyOrigin"), "AWS_KMS");
        const char *secret = text_of("SharedSecret");
        _cleanup_buf_ buf_t bytes = decoded("SharedSecret");
        assert_int_equal(bytes.len, curves[i].len);
        assert_ok(ASK("DeriveSharedSecret", other, "KeyAgreementAlgorithm", "ECDH", "PublicKey",
                      base64_of(SLICE(one->public_key, one->public_key_len))));
        assert_string_equal(text_of("SharedSecret"), secret);
    }
}

static void test_only_points_of_the_own_curve_reach_the_token(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("ECC_NIST_P256", KMS_USAGE_KEY_AGREEMENT);
    _cleanup_(kms_key) kms_key_t *p384 = key_of("ECC_NIST_P384", KMS_USAGE_KEY_AGREEMENT);
    _cleanup_(kms_key) kms_key_t *k1 = key_of("ECC_SECG_P256K1", KMS_USAGE_SIGN_VERIFY);
    _cleanup_buf_ buf_t beside = { 0 };
    const kms_key_t *others[] = { p384, k1 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_refused(ASK("DeriveSharedSecret", key, "KeyAgreementAlgorithm", "ECDH", "PublicKey",
                           base64_of(SLICE(others[i]->public_key, others[i]->public_key_len))),
                       P11KMS_E_VALIDATION, "PublicKey is not of key spec ECC_NIST_P256, which the KMS key has.");
    }
    buf_put(&beside, key->public_key, key->public_key_len);
    beside.data[beside.len - 1] ^= 1;
    assert_refused(ASK("DeriveSharedSecret", key, "KeyAgreementAlgorithm", "ECDH", "PublicKey",
                       base64_of(buf_slice(&beside))),
                   P11KMS_E_VALIDATION,
                   "PublicKey is not a DER-encoded SubjectPublicKeyInfo of a supported key.");
    assert_int_equal(fake_token_ops(house.fake, TOKEN_OP_AGREE), 0);
}

/* ---- data key pairs ---- */

static const char *const pair_specs[] = { "RSA_2048",        "ECC_NIST_P256",         "ECC_NIST_P384", "ECC_NIST_P521",
                                          "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "SM2" };

static void test_the_private_half_of_a_data_key_pair_comes_back_by_decrypt(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = house_make_key(&house);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pair_specs); i++) {
        p11kms_err err = ASK("GenerateDataKeyPair", key, "KeyPairSpec", pair_specs[i]);

        if (strcmp(pair_specs[i], "SM2") == 0 && !keypair_is_offered(KEYPAIR_SM2)) {
            assert_refused(err, P11KMS_E_OPERATION_UNSUPPORTED,
                           "KeyPairSpec SM2 is not supported: the libcrypto in use makes no such keys.");
            continue;
        }
        assert_ok(err);
        assert_string_equal(text_of("KeyId"), key->arn);
        assert_string_equal(text_of("KeyPairSpec"), pair_specs[i]);
        assert_string_equal(text_of("KeyMaterialId"), kms_key_current(key)->id_text);
        assert_non_null(json_get(last_answer, "PublicKey"));
        const char *private_key = text_of("PrivateKeyPlaintext");
        assert_ok(ASK("Decrypt", NULL, "CiphertextBlob", text_of("PrivateKeyCiphertextBlob")));
        assert_string_equal(text_of("Plaintext"), private_key);
    }
}

static void test_without_plaintext_there_is_none(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = house_make_key(&house);

    (void)state;
    assert_ok(ASK("GenerateDataKeyPairWithoutPlaintext", key, "KeyPairSpec", "ECC_NIST_P256"));
    assert_null(json_get(last_answer, "PrivateKeyPlaintext"));
    assert_non_null(json_get(last_answer, "PublicKey"));
    assert_ok(ASK("Decrypt", NULL, "CiphertextBlob", text_of("PrivateKeyCiphertextBlob")));
}

/* ---- frames of all of them ---- */

static void test_a_dry_run_never_succeeds_and_asks_no_token(void **state)
{
    _cleanup_(kms_key) kms_key_t *p256 = key_of("ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY);
    _cleanup_(kms_key) kms_key_t *agree = key_of("ECC_NIST_P256", KMS_USAGE_KEY_AGREEMENT);
    _cleanup_(kms_key) kms_key_t *hmac = key_of("HMAC_256", KMS_USAGE_GENERATE_VERIFY_MAC);
    _cleanup_(kms_key) kms_key_t *rsa = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    _cleanup_(kms_key) kms_key_t *symmetric = house_make_key(&house);

    (void)state;
    assert_ok(ASK("Sign", p256, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256"));
    const char *signature = text_of("Signature");
    assert_ok(ASK("GenerateMac", hmac, "Message", "AAAA", "MacAlgorithm", "HMAC_SHA_256"));
    const char *mac = text_of("Mac");
    uint64_t signed_before = fake_token_ops(house.fake, TOKEN_OP_SIGN);

    assert_err(ASK("Sign", p256, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256", "DryRun", "true"),
               P11KMS_E_DRY_RUN);
    assert_err(ASK("Verify", p256, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256", "Signature", signature,
                   "DryRun", "true"),
               P11KMS_E_DRY_RUN);
    assert_err(ASK("Verify", p256, "Message", "AAAB", "SigningAlgorithm", "ECDSA_SHA_256", "Signature", signature,
                   "DryRun", "true"),
               P11KMS_E_SIGNATURE_INVALID);
    assert_err(ASK("GenerateMac", hmac, "Message", "AAAA", "MacAlgorithm", "HMAC_SHA_256", "DryRun", "true"),
               P11KMS_E_DRY_RUN);
    assert_err(ASK("DeriveSharedSecret", agree, "KeyAgreementAlgorithm", "ECDH", "PublicKey",
                   base64_of(SLICE(agree->public_key, agree->public_key_len)), "DryRun", "true"),
               P11KMS_E_DRY_RUN);
    assert_err(ASK("GenerateDataKeyPair", symmetric, "KeyPairSpec", "RSA_2048", "DryRun", "true"), P11KMS_E_DRY_RUN);
    assert_err(ASK("Encrypt", rsa, "Plaintext", "AAAA", "EncryptionAlgorithm", "RSAES_OAEP_SHA_1", "DryRun", "true"),
               P11KMS_E_DRY_RUN);
    assert_int_equal(fake_token_ops(house.fake, TOKEN_OP_SIGN), signed_before);
    assert_int_equal(fake_token_ops(house.fake, TOKEN_OP_AGREE), 0);
    /* These have to look first. */
    assert_err(ASK("VerifyMac", hmac, "Message", "AAAA", "MacAlgorithm", "HMAC_SHA_256", "Mac", mac, "DryRun", "true"),
               P11KMS_E_DRY_RUN);
    assert_err(ASK("VerifyMac", hmac, "Message", "AAAB", "MacAlgorithm", "HMAC_SHA_256", "Mac", mac, "DryRun", "true"),
               P11KMS_E_MAC_INVALID);
}

static void disable(kms_key_t *key)
{
    key->stored = KMS_STATE_DISABLED;
}

static void test_a_disabled_key_signs_and_verifies_nothing(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY);

    (void)state;
    house_edit(&house, key, disable);
    assert_refused(ASK("Sign", key, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256"), P11KMS_E_KEY_DISABLED,
                   sentence("%s is disabled.", key->arn));
    assert_err(ASK("Verify", key, "Message", "AAAA", "SigningAlgorithm", "ECDSA_SHA_256", "Signature", "AAAA"),
               P11KMS_E_KEY_DISABLED);
    assert_ok(ASK_KEY("GetPublicKey", key)); /* everyone may have it already */
}

static void test_a_token_that_fails_makes_the_key_unavailable_or_says_nothing_of_itself(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = key_of("RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT);
    static const struct {
        p11kms_err token;
        p11kms_err answer;
    } outcomes[] = {
        { P11KMS_E_TOKEN_LOST, P11KMS_E_KEY_UNAVAILABLE }, { P11KMS_E_TIMEOUT, P11KMS_E_KEY_UNAVAILABLE },
        { P11KMS_E_BUSY, P11KMS_E_KEY_UNAVAILABLE },       { P11KMS_E_TOKEN_NO_KEY, P11KMS_E_KEY_UNAVAILABLE },
        { P11KMS_E_TOKEN, P11KMS_E_TOKEN },                { P11KMS_E_CIPHERTEXT, P11KMS_E_CIPHERTEXT },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        fake_token_fail(house.fake, TOKEN_OP_DECRYPT, outcomes[i].token, 5, 1);
        assert_err(ASK("Decrypt", key, "CiphertextBlob", bytes_of_length(256), "EncryptionAlgorithm",
                       "RSAES_OAEP_SHA_1"),
                   outcomes[i].answer);
    }
}

int main(void)
{
#define WITH_HOUSE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_HOUSE(test_what_is_signed_verifies_as_message_and_as_digest),
        WITH_HOUSE(test_a_digest_has_the_length_of_its_algorithm),
        WITH_HOUSE(test_a_message_type_that_does_not_fit_is_refused),
        WITH_HOUSE(test_what_neither_token_nor_libcrypto_does_is_said_to_be_so),
        WITH_HOUSE(test_another_keys_signature_verifies_nothing),
        WITH_HOUSE(test_a_key_does_what_it_is_for_and_nothing_else),
        WITH_HOUSE(test_an_algorithm_of_other_keys_is_refused),
        WITH_HOUSE(test_what_is_not_said_is_symmetric),
        WITH_HOUSE(test_a_mac_verifies_whole_and_under_its_key),
        WITH_HOUSE(test_rsa_messages_come_back_at_their_longest),
        WITH_HOUSE(test_rsa_ciphertexts_need_their_key_and_their_length),
        WITH_HOUSE(test_re_encrypt_goes_between_rsa_and_symmetric_keys),
        WITH_HOUSE(test_what_is_too_long_for_the_destination_is_not_re_encrypted),
        WITH_HOUSE(test_a_public_key_is_told_with_what_it_is_for),
        WITH_HOUSE(test_two_keys_agree_on_one_secret),
        WITH_HOUSE(test_only_points_of_the_own_curve_reach_the_token),
        WITH_HOUSE(test_the_private_half_of_a_data_key_pair_comes_back_by_decrypt),
        WITH_HOUSE(test_without_plaintext_there_is_none),
        WITH_HOUSE(test_a_dry_run_never_succeeds_and_asks_no_token),
        WITH_HOUSE(test_a_disabled_key_signs_and_verifies_nothing),
        WITH_HOUSE(test_a_token_that_fails_makes_the_key_unavailable_or_says_nothing_of_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
