/* Which key specs, usages and algorithms go together ("Key spec reference" in the Developer Guide), and on which tokens. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "kms/key.h"
#include "tests/fakes/fake_token.h"

static const struct {
    const char *spec;
    const char *usage;
    const char *algorithms; /* NULL: the usage is not for this spec */
} combinations[] = {
    { "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT " },
    { "SYMMETRIC_DEFAULT", "SIGN_VERIFY", NULL },
    { "RSA_2048", "ENCRYPT_DECRYPT", "RSAES_OAEP_SHA_1 RSAES_OAEP_SHA_256 " },
    { "RSA_3072", "SIGN_VERIFY",
      "RSASSA_PKCS1_V1_5_SHA_256 RSASSA_PKCS1_V1_5_SHA_384 RSASSA_PKCS1_V1_5_SHA_512 "
      "RSASSA_PSS_SHA_256 RSASSA_PSS_SHA_384 RSASSA_PSS_SHA_512 " },
    { "RSA_4096", "KEY_AGREEMENT", NULL },
    { "RSA_4096", "GENERATE_VERIFY_MAC", NULL },
    { "ECC_NIST_P256", "SIGN_VERIFY", "ECDSA_SHA_256 " },
    { "ECC_NIST_P384", "SIGN_VERIFY", "ECDSA_SHA_384 " },
    { "ECC_NIST_P521", "SIGN_VERIFY", "ECDSA_SHA_512 " },
    { "ECC_NIST_P521", "KEY_AGREEMENT", "ECDH " },
    { "ECC_SECG_P256K1", "SIGN_VERIFY", "ECDSA_SHA_256 " },
    { "ECC_SECG_P256K1", "KEY_AGREEMENT", NULL },
    { "ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "ED25519_SHA_512 ED25519_PH_SHA_512 " },
    { "ECC_NIST_EDWARDS25519", "KEY_AGREEMENT", NULL },
    { "HMAC_224", "GENERATE_VERIFY_MAC", "HMAC_SHA_224 " },
    { "HMAC_512", "GENERATE_VERIFY_MAC", "HMAC_SHA_512 " },
    { "HMAC_512", "ENCRYPT_DECRYPT", NULL },
};

static void test_every_usage_has_the_algorithms_aws_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(combinations); i++) {
        const kms_spec *spec = kms_spec_named(SLICE_STR(combinations[i].spec));
        const kms_algorithm *algorithm;
        char names[256] = "";
        kms_usage usage;

        assert_non_null(spec);
        assert_true(kms_usage_named(SLICE_STR(combinations[i].usage), &usage));
        assert_int_equal((spec->usages >> usage) & 1, combinations[i].algorithms != NULL);
        for (size_t k = 0; (algorithm = kms_algorithm_of(spec, usage, k)) != NULL; k++) {
            strcat(strcat(names, algorithm->name), " ");
            assert_ptr_equal(kms_algorithm_named(spec, usage, SLICE_STR(algorithm->name)), algorithm);
        }
        assert_string_equal(names, combinations[i].algorithms ? combinations[i].algorithms : "");
    }
}

static void test_what_no_table_names_is_not_there(void **state)
{
    const kms_spec *rsa = kms_spec_named(SLICE_LIT("RSA_2048"));
    kms_usage usage;
    kms_origin origin;
    (void)state;

    assert_null(kms_spec_named(SLICE_LIT("RSA_1024")));
    assert_null(kms_spec_named(SLICE_LIT("RSA_20480")));
    assert_null(kms_spec_named(SLICE_LIT("")));
    assert_false(kms_usage_named(SLICE_LIT("sign_verify"), &usage));
    assert_false(kms_origin_named(SLICE_LIT("AWS"), &origin));
    assert_null(kms_algorithm_named(rsa, KMS_USAGE_SIGN_VERIFY, SLICE_LIT("ECDSA_SHA_256")));
    assert_null(kms_algorithm_named(rsa, KMS_USAGE_ENCRYPT_DECRYPT, SLICE_LIT("RSASSA_PSS_SHA_256")));
}

static void test_a_key_no_token_can_hold_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *spec;
        kms_usage usage;
        const char *reason;
    } refused[] = {
        { "ML_DSA_44", KMS_USAGE_SIGN_VERIFY, "KeySpec ML_DSA_44 is not supported: PKCS#11 tokens that p11kms knows have no such keys." },
        { "SM2", KMS_USAGE_SIGN_VERIFY, "KeySpec SM2 is not supported: PKCS#11 tokens that p11kms knows have no such keys." },
        { "RSA_4096", KMS_USAGE_SIGN_VERIFY, "KeySpec RSA_4096 is not supported: the token 'main' cannot make such keys." },
        { "ECC_NIST_P256", KMS_USAGE_KEY_AGREEMENT,
          "KeyUsage KEY_AGREEMENT of KeySpec ECC_NIST_P256 is not supported: the token 'main' has none of its algorithms." },
    };
    fake_token_t *fake = fake_token_new();
    token_info *info = fake_token_info(fake);
    (void)state;

    info->key_types = 1u << TOKEN_KEY_P256;
    info->mechanisms = 1u << TOKEN_MECH_ECDSA;
    info->can_agree = false;
    token_t *token = fake_token_open(fake, "main");
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        assert_err(kms_spec_on_token(kms_spec_named(SLICE_STR(refused[i].spec)), refused[i].usage, token),
                   P11KMS_E_OPERATION_UNSUPPORTED);
        assert_string_equal(p11kms_err_detail(P11KMS_E_OPERATION_UNSUPPORTED), refused[i].reason);
    }
    assert_ok(kms_spec_on_token(kms_spec_named(SLICE_LIT("ECC_NIST_P256")), KMS_USAGE_SIGN_VERIFY, token));
    token_close(token);
    fake_token_free(fake);
}

static void test_a_token_that_makes_no_keys_may_use_those_that_are_there(void **state)
{
    const kms_spec *spec = kms_spec_named(SLICE_LIT("SYMMETRIC_DEFAULT"));
    fake_token_t *fake = fake_token_new();
    token_info *info = fake_token_info(fake);
    (void)state;

    info->can_generate = false;
    token_t *token = fake_token_open(fake, "tpm");
    assert_err(kms_spec_on_token(spec, KMS_USAGE_ENCRYPT_DECRYPT, token), P11KMS_E_OPERATION_UNSUPPORTED);
    assert_ok(kms_spec_used_on_token(spec, KMS_USAGE_ENCRYPT_DECRYPT, token));
    token_close(token);
    info->can_prf = false;
    token = fake_token_open(fake, "card");
    assert_err(kms_spec_used_on_token(spec, KMS_USAGE_ENCRYPT_DECRYPT, token), P11KMS_E_OPERATION_UNSUPPORTED);
    token_close(token);
    fake_token_free(fake);
}

static void test_a_multi_region_key_is_named_so(void **state)
{
    static const uint8_t id[KMS_ID] = { 0x12, 0xab };
    _cleanup_(kms_key) kms_key_t *key = NULL;
    _cleanup_(kms_key) kms_key_t *copy = NULL;
    (void)state;

    assert_ok(kms_key_new(id, "123456789012", "eu-west-1", &key));
    kms_key_set_multi_region(key, true);
    assert_ok(kms_key_copy(key, &copy));
    assert_string_equal(copy->id_text, "mrk-12ab0000000000000000000000000000");
    assert_string_equal(copy->arn, "arn:aws:kms:eu-west-1:123456789012:key/mrk-12ab0000000000000000000000000000");
}

static void test_a_copy_has_materials_of_its_own(void **state)
{
    static const uint8_t id[KMS_ID] = { 1 };
    static const uint8_t material_id[KMS_ID] = { 2 };
    _cleanup_(kms_key) kms_key_t *key = NULL;
    _cleanup_(kms_key) kms_key_t *copy = NULL;
    (void)state;

    assert_ok(kms_key_new(id, "123456789012", "eu-west-1", &key));
    assert_null(kms_key_current(key));
    assert_ok(kms_key_add_material(key, material_id, 1, KMS_CAUSE_CREATE, 0));
    assert_ok(kms_material_describe(kms_key_edit_material(key, material_id), SLICE_LIT("vault 7")));
    assert_ok(kms_key_set_public_key(key, SLICE_LIT("spki")));
    assert_ok(kms_key_copy(key, &copy));
    assert_ok(kms_material_describe(kms_key_edit_material(copy, material_id), SLICE("", 0)));
    assert_ok(kms_key_set_public_key(copy, SLICE("", 0)));
    assert_string_equal(kms_key_material(key, material_id)->description, "vault 7");
    assert_int_equal(key->public_key_len, 4);
    assert_null(copy->public_key);
}

static int set_up(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_usage_has_the_algorithms_aws_lists),
        cmocka_unit_test(test_what_no_table_names_is_not_there),
        cmocka_unit_test(test_a_key_no_token_can_hold_is_refused_with_the_reason),
        cmocka_unit_test(test_a_token_that_makes_no_keys_may_use_those_that_are_there),
        cmocka_unit_test(test_a_multi_region_key_is_named_so),
        cmocka_unit_test(test_a_copy_has_materials_of_its_own),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
