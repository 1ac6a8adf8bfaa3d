/* What a wrong body is told, word for word. */
#include "tests/testing.h"

#include <stdio.h>

#include "api/shape.h"
#include "util/encode.h"

#define ARENA_SIZE 4096
#define KEY_SPECS                                                                                            \
    "RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, "           \
    "SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2"

static int setup(void **state)
{
    *state = arena_new(ARENA_SIZE);
    return *state == NULL;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static const shape_t *input_of(const char *operation)
{
    const shape_operation *found = shape_find_operation(shape_kms_operations, SLICE_STR(operation));

    assert_non_null(found);
    return found->input;
}

static void test_bounds_may_be_negative(void **state)
{
    static const shape_t offset = { .name = "Offset", .kind = SHAPE_INTEGER, .min = -5, .max = 5 };
    static const shape_member members[] = { { "Offset", &offset, false }, { NULL, NULL, false } };
    static const shape_t input = {
        .name = "Input", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members
    };
    _cleanup_json_ json_t *within = NULL;
    _cleanup_json_ json_t *below = NULL;

    assert_ok(json_parse(SLICE_LIT("{\"Offset\":-5}"), &within));
    assert_ok(shape_check(&input, within, *state));
    assert_ok(json_parse(SLICE_LIT("{\"Offset\":-6}"), &below));
    assert_err(shape_check(&input, below, *state), P11KMS_E_VALIDATION);
    assert_string_equal(p11kms_err_detail(P11KMS_E_VALIDATION),
                        "1 validation error detected: Value '-6' at 'offset' failed to satisfy constraint: "
                        "Member must have value greater than or equal to -5");
}

static p11kms_err check(arena_t *arena, const char *operation, const char *text)
{
    _cleanup_json_ json_t *body = NULL;
    p11kms_err err;

    assert_ok(json_parse(SLICE_STR(text), &body));
    err = shape_check(input_of(operation), body, arena);
    arena_reset(arena);
    return err;
}

struct refusal {
    const char *operation;
    const char *body;
    const char *message;
};

static void expect_messages(arena_t *arena, const struct refusal *refusals, size_t n, p11kms_err err)
{
    for (size_t i = 0; i < n; i++) {
        assert_err(check(arena, refusals[i].operation, refusals[i].body), err);
        assert_string_equal(p11kms_err_detail(err), refusals[i].message);
    }
}

static void test_each_constraint_is_told_in_the_words_of_aws(void **state)
{
    static const struct refusal refusals[] = {
        { "DescribeKey", "{}",
          "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: "
          "Member must not be null" },
        { "DescribeKey", "{\"KeyId\":null}",
          "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: "
          "Member must not be null" },
        { "DescribeKey", "{\"KeyId\":\"\"}",
          "1 validation error detected: Value '' at 'keyId' failed to satisfy constraint: "
          "Member must have length greater than or equal to 1" },
        { "GenerateRandom", "{\"NumberOfBytes\":1025}",
          "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: "
          "Member must have value less than or equal to 1024" },
        { "GenerateRandom", "{\"NumberOfBytes\":0}",
          "1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: "
          "Member must have value greater than or equal to 1" },
        { "GenerateDataKey", "{\"KeyId\":\"x\",\"KeySpec\":\"AES_512\"}",
          "1 validation error detected: Value 'AES_512' at 'keySpec' failed to satisfy constraint: "
          "Member must satisfy enum value set: [AES_256, AES_128]" },
        { "CreateAlias", "{\"AliasName\":\"alias/a!\",\"TargetKeyId\":\"x\"}",
          "1 validation error detected: Value 'alias/a!' at 'aliasName' failed to satisfy constraint: "
          "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$" },
        { "Encrypt", "{\"KeyId\":\"x\",\"Plaintext\":\"\"}",
          "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
          "Member must have length greater than or equal to 1" },
        { "CreateKey", "{\"CustomerMasterKeySpec\":\"AES\"}",
          "1 validation error detected: Value 'AES' at 'customerMasterKeySpec' failed to satisfy constraint: "
          "Member must satisfy enum value set: [" KEY_SPECS "]" },
        { "ListGrants", "{\"KeyId\":\"k\",\"Limit\":9223372036854775807}",
          "1 validation error detected: Value '9223372036854775807' at 'limit' failed to satisfy constraint: "
          "Member must have value less than or equal to 1000" },
    };

    expect_messages(*state, refusals, COUNT_OF(refusals), P11KMS_E_VALIDATION);
}

/* Names and texts are kept as C strings, which would silently lose what follows. */
static void test_a_nul_in_a_text_is_refused(void **state)
{
    static const struct refusal refusals[] = {
        { "UpdateKeyDescription", "{\"KeyId\":\"k\",\"Description\":\"a\\u0000b\"}",
          "1 validation error detected: Value 'a?b' at 'description' failed to satisfy constraint: "
          "Member must not contain the character U+0000" },
        { "UntagResource", "{\"KeyId\":\"k\",\"TagKeys\":[\"a\\u0000\"]}",
          "1 validation error detected: Value '[a?]' at 'tagKeys' failed to satisfy constraint: "
          "Member must satisfy constraint: [Member must have length less than or equal to 128, "
          "Member must have length greater than or equal to 1, Member must not contain the character U+0000]" },
        { "Encrypt", "{\"KeyId\":\"k\",\"Plaintext\":\"AA==\",\"EncryptionContext\":{\"a\":\"\\u0000\"}}",
          "1 validation error detected: Value at 'encryptionContext' failed to satisfy constraint: "
          "Map value must satisfy constraint: [Member must not contain the character U+0000]" },
    };

    expect_messages(*state, refusals, COUNT_OF(refusals), P11KMS_E_VALIDATION);
}

static void test_several_errors_are_told_together_and_in_the_models_order(void **state)
{
    static const struct refusal refusals[] = {
        { "CreateAlias", "{}",
          "2 validation errors detected: Value null at 'aliasName' failed to satisfy constraint: "
          "Member must not be null; Value null at 'targetKeyId' failed to satisfy constraint: "
          "Member must not be null" },
        { "GetKeyPolicy", "{\"PolicyName\":\"\",\"KeyId\":\"k\"}",
          "2 validation errors detected: Value '' at 'policyName' failed to satisfy constraint: "
          "Member must satisfy regular expression pattern: [\\w]+; Value '' at 'policyName' failed to "
          "satisfy constraint: Member must have length greater than or equal to 1" },
    };

    expect_messages(*state, refusals, COUNT_OF(refusals), P11KMS_E_VALIDATION);
}

static void test_members_of_lists_and_structures_are_told_by_their_path(void **state)
{
    static const struct refusal refusals[] = {
        { "TagResource",
          "{\"KeyId\":\"k\",\"Tags\":[{\"TagKey\":\"\",\"TagValue\":\"v\"},{\"TagKey\":\"k\"}]}",
          "2 validation errors detected: Value '' at 'tags.1.member.tagKey' failed to satisfy constraint: "
          "Member must have length greater than or equal to 1; Value null at 'tags.2.member.tagValue' failed "
          "to satisfy constraint: Member must not be null" },
        { "TagResource", "{\"KeyId\":\"k\",\"Tags\":[null]}",
          "1 validation error detected: Value null at 'tags.1.member' failed to satisfy constraint: "
          "Member must not be null" },
        { "Decrypt", "{\"CiphertextBlob\":\"AA==\",\"Recipient\":{\"KeyEncryptionAlgorithm\":\"ROT13\"}}",
          "1 validation error detected: Value 'ROT13' at 'recipient.keyEncryptionAlgorithm' failed to "
          "satisfy constraint: Member must satisfy enum value set: [RSAES_OAEP_SHA_256]" },
        { "UntagResource", "{\"KeyId\":\"k\",\"TagKeys\":[\"a\",\"\"]}",
          "1 validation error detected: Value '[a, ]' at 'tagKeys' failed to satisfy constraint: "
          "Member must satisfy constraint: [Member must have length less than or equal to 128, "
          "Member must have length greater than or equal to 1]" },
        { "UntagResource", "{\"KeyId\":\"k\",\"TagKeys\":[null]}",
          "1 validation error detected: Value '[null]' at 'tagKeys' failed to satisfy constraint: "
          "Member must satisfy constraint: [Member must have length less than or equal to 128, "
          "Member must have length greater than or equal to 1, Member must not be null]" },
        { "Encrypt", "{\"KeyId\":\"k\",\"Plaintext\":\"AA==\",\"EncryptionContext\":{\"a\":null}}",
          "1 validation error detected: Value at 'encryptionContext' failed to satisfy constraint: "
          "Map value must satisfy constraint: [Member must not be null]" },
    };

    expect_messages(*state, refusals, COUNT_OF(refusals), P11KMS_E_VALIDATION);
}

static void test_other_types_are_told_before_any_constraint(void **state)
{
    static const struct refusal refusals[] = {
        { "DescribeKey", "{\"KeyId\":7}", "NUMBER_VALUE cannot be converted to String" },
        { "DescribeKey", "{\"KeyId\":true}", "TRUE_VALUE cannot be converted to String" },
        { "DescribeKey", "{\"KeyId\":{}}", "Start of structure or map found where not expected" },
        { "DescribeKey", "{\"KeyId\":[\"k\"]}", "Start of list found where not expected" },
        { "DescribeKey", "[]", "Start of list found where not expected" },
        { "DescribeKey", "\"KeyId\"", "Unexpected field type" },
        { "DescribeKey", "{\"GrantTokens\":\"t\"}", "Unexpected field type" },
        { "DescribeKey", "{\"GrantTokens\":[1]}", "NUMBER_VALUE cannot be converted to String" },
        { "GenerateRandom", "{\"NumberOfBytes\":\"32\"}", "STRING_VALUE cannot be converted to Integer" },
        { "GenerateRandom", "{\"NumberOfBytes\":32.5}", "DECIMAL_VALUE cannot be converted to Integer" },
        { "GenerateRandom", "{\"NumberOfBytes\":1e300}", "DECIMAL_VALUE cannot be converted to Integer" },
        { "GenerateRandom", "{\"NumberOfBytes\":false}", "FALSE_VALUE cannot be converted to Integer" },
        { "Encrypt", "{\"DryRun\":\"true\"}", "STRING_VALUE cannot be converted to Boolean" },
        { "Encrypt", "{\"DryRun\":1}", "NUMBER_VALUE cannot be converted to Boolean" },
        { "Encrypt", "{\"EncryptionContext\":{\"a\":1}}", "NUMBER_VALUE cannot be converted to String" },
        { "Encrypt", "{\"EncryptionContext\":[]}", "Start of list found where not expected" },
        { "Encrypt", "{\"Plaintext\":1}", "only base-64-encoded strings are convertible to bytes" },
        { "Encrypt", "{\"Plaintext\":\"23456\"}",
          "Base64 encoded length is expected a multiple of 4 bytes but found: 5" },
        { "Encrypt", "{\"Plaintext\":\"+/+=\"}", "Invalid last non-pad Base64 character detected" },
        { "Encrypt", "{\"Plaintext\":\"AB==\"}", "Invalid last non-pad Base64 character detected" },
        { "Encrypt", "{\"Plaintext\":\"A===\"}", "Invalid Base64 character detected" },
        { "Encrypt", "{\"Plaintext\":\"AA-_\"}", "Invalid Base64 character detected" },
        { "Encrypt", "{\"Plaintext\":\"AA\\nA\"}", "Invalid Base64 character detected" },
        { "ImportKeyMaterial", "{\"ValidTo\":\"tomorrow\"}", "STRING_VALUE cannot be converted to Date" },
        { "ImportKeyMaterial", "{\"ValidTo\":253402300800}", "NUMBER_VALUE cannot be converted to Date" },
        { "ImportKeyMaterial", "{\"ValidTo\":-1}", "NUMBER_VALUE cannot be converted to Date" },
    };

    expect_messages(*state, refusals, COUNT_OF(refusals), P11KMS_E_WIRE_SERIALIZATION);
}

static void test_what_base64_takes_here_decodes_later(void **state)
{
    static const char *const texts[] = { "AA==", "AAA=", "AAAA", "+/+/", "AB==",
                                         "AAB=", "A===", "====", "AA=A" };

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        _cleanup_buf_ buf_t bytes = { 0 };
        char body[64];
        bool decodes = base64_decode(&bytes, SLICE_STR(texts[i])) == P11KMS_OK;

        snprintf(body, sizeof(body), "{\"KeyId\":\"k\",\"Plaintext\":\"%s\"}", texts[i]);
        assert_err(check(*state, "Encrypt", body), decodes ? P11KMS_OK : P11KMS_E_WIRE_SERIALIZATION);
    }
}

static void test_good_bodies_are_taken(void **state)
{
    static const struct refusal good[] = {
        { "ListKeys", "{}", NULL },
        { "ListKeys", "{\"Limit\":null,\"Marker\":null}", NULL },
        { "ListKeys", "{\"Limit\":1e2}", NULL },
        { "ListKeys", "{\"limit\":0,\"Unknown\":{\"deep\":[[[]]]}}", NULL },
        { "GenerateDataKey",
          "{\"KeyId\":\"alias/app\",\"KeySpec\":\"AES_256\",\"EncryptionContext\":{\"\":\"\",\"a\":\"b\"}}",
          NULL },
        { "ImportKeyMaterial",
          "{\"KeyId\":\"k\",\"ImportToken\":\"AA==\",\"EncryptedKeyMaterial\":\"AA==\",\"ValidTo\":"
          "1767323045.123}",
          NULL },
    };

    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_ok(check(*state, good[i].operation, good[i].body));
    }
}

static void test_nothing_sent_is_an_empty_structure(void **state)
{
    assert_ok(shape_check(input_of("ListKeys"), NULL, *state));
    assert_err(shape_check(input_of("DescribeKey"), NULL, *state), P11KMS_E_VALIDATION);
    assert_ok(shape_check(NULL, NULL, *state));
}

static void test_lengths_are_counted_in_code_points(void **state)
{
    _cleanup_buf_ buf_t body = { 0 };

    for (int extra = 0; extra < 2; extra++) {
        buf_clear(&body);
        buf_put_str(&body, "{\"KeyId\":\"k\",\"Tags\":[{\"TagValue\":\"\",\"TagKey\":\"");
        for (int i = 0; i < 128 + extra; i++) {
            buf_put_str(&body, i % 2 == 0 ? "\xc3\xa9" : "\xf0\x9f\x94\x91");
        }
        buf_put_str(&body, "\"}]}");
        assert_err(check(*state, "TagResource", buf_str(&body)),
                   extra == 0 ? P11KMS_OK : P11KMS_E_VALIDATION);
    }
}

static void test_secret_values_are_never_told(void **state)
{
    static const char body[] = "{\"CustomKeyStoreName\":\"n\",\"KeyStorePassword\":\"hunter\","
                               "\"XksProxyAuthenticationCredential\":{\"AccessKeyId\":\"HUNTER\","
                               "\"RawSecretAccessKey\":\"hunter\"}}";

    assert_err(check(*state, "CreateCustomKeyStore", body), P11KMS_E_VALIDATION);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_VALIDATION), "Value at 'keyStorePassword' failed"));
    assert_null(strstr(p11kms_err_detail(P11KMS_E_VALIDATION), "hunter"));
    assert_null(strstr(p11kms_err_detail(P11KMS_E_VALIDATION), "HUNTER"));

    assert_err(check(*state, "DescribeKey", "{\"KeyId\":\"k\",\"GrantTokens\":[\"hunter\",\"\"]}"),
               P11KMS_E_VALIDATION);
    assert_null(strstr(p11kms_err_detail(P11KMS_E_VALIDATION), "hunter"));
}

static void test_long_values_are_cut_between_code_points(void **state)
{
    _cleanup_buf_ buf_t body = { 0 };

    buf_put_str(&body, "{\"KeyId\":\"x");
    for (int i = 0; i < 1200; i++) {
        buf_put_str(&body, "\xc3\xa9");
    }
    buf_put_str(&body, "\\u0000yz");
    for (int i = 0; i < 1200; i++) {
        buf_put_str(&body, "\xc3\xa9");
    }
    buf_put_str(&body, "\"}");
    assert_err(check(*state, "DescribeKey", buf_str(&body)), P11KMS_E_VALIDATION);
    assert_true(utf8_valid(SLICE_STR(p11kms_err_detail(P11KMS_E_VALIDATION))));
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_VALIDATION),
                           "' at 'keyId' failed to satisfy constraint: "
                           "Member must have length less than or equal"));
    assert_true(strlen(p11kms_err_detail(P11KMS_E_VALIDATION)) < 450);
}

static void test_a_nul_in_a_value_does_not_end_the_message(void **state)
{
    assert_err(check(*state, "CreateAlias", "{\"AliasName\":\"a\\u0000b\",\"TargetKeyId\":\"x\"}"),
               P11KMS_E_VALIDATION);
    assert_string_equal(
        p11kms_err_detail(P11KMS_E_VALIDATION),
        "1 validation error detected: Value 'a?b' at 'aliasName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$");
}

static void test_at_most_32_errors_are_told(void **state)
{
    _cleanup_buf_ buf_t body = { 0 };

    buf_put_str(&body, "{\"KeyId\":\"k\",\"Tags\":[");
    for (int i = 0; i < 500; i++) {
        buf_put_str(&body, i == 0 ? "{}" : ",{}");
    }
    buf_put_str(&body, "]}");
    assert_err(check(*state, "TagResource", buf_str(&body)), P11KMS_E_VALIDATION);
    assert_ptr_equal(
        strstr(p11kms_err_detail(P11KMS_E_VALIDATION), "32 validation errors detected: Value null at"),
        p11kms_err_detail(P11KMS_E_VALIDATION));
}

static void expect_response(arena_t *arena, const char *operation, const char *text, bool good)
{
    const shape_operation *found = shape_find_operation(shape_kms_operations, SLICE_STR(operation));
    _cleanup_json_ json_t *body = NULL;

    assert_ok(json_parse(SLICE_STR(text), &body));
    assert_err(shape_check_response(found->output, body, arena), good ? P11KMS_OK : P11KMS_E_VALIDATION);
}

static void test_of_a_body_the_members_of_its_operation_are_kept(void **state)
{
    _cleanup_json_ json_t *body = NULL;

    (void)state;
    assert_ok(json_parse(SLICE_LIT("{\"Tags\":[],\"KeyId\":\"k\",\"keyId\":\"x\",\"TagKeys\":[\"a\"]}"), &body));
    shape_keep_known(input_of("UntagResource"), body);
    assert_int_equal(json_length(body), 2);
    assert_non_null(json_get(body, "KeyId"));
    assert_non_null(json_get(body, "TagKeys"));
    shape_keep_known(NULL, body);
    assert_int_equal(json_length(body), 0);
}

static void test_an_answer_has_no_unknown_missing_null_or_mistyped_member(void **state)
{
    expect_response(*state, "Encrypt", "{\"CiphertextBlob\":\"AA==\",\"KeyId\":\"k\"}", true);
    expect_response(*state, "Encrypt", "{\"CiphertextBlob\":\"AA\",\"KeyId\":\"k\"}", false);
    expect_response(*state, "Encrypt", "{\"Ciphertext\":\"AA==\"}", false);
    expect_response(*state, "Encrypt", "{\"KeyId\":null}", false);
    expect_response(*state, "DescribeKey", "{\"KeyMetadata\":{\"KeyId\":\"k\",\"Enabled\":true}}", true);
    expect_response(*state, "DescribeKey", "{\"KeyMetadata\":{\"Enabled\":true}}", false);
    expect_response(*state, "DescribeKey", "{\"KeyMetadata\":{\"KeyId\":\"k\",\"Enabled\":\"yes\"}}", false);
    expect_response(*state, "ListAliases", "{\"Aliases\":[{\"AliasName\":\"alias/a\"}],\"Truncated\":false}",
                    true);
    expect_response(*state, "ListAliases", "{\"Aliases\":[{\"Alias\":\"alias/a\"}],\"Truncated\":false}",
                    false);
    expect_response(*state, "CreateAlias", "{}", true);
    expect_response(*state, "CreateAlias", "{\"AliasName\":\"alias/a\"}", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_constraint_is_told_in_the_words_of_aws),
        cmocka_unit_test(test_a_nul_in_a_text_is_refused),
        cmocka_unit_test(test_several_errors_are_told_together_and_in_the_models_order),
        cmocka_unit_test(test_members_of_lists_and_structures_are_told_by_their_path),
        cmocka_unit_test(test_other_types_are_told_before_any_constraint),
        cmocka_unit_test(test_what_base64_takes_here_decodes_later),
        cmocka_unit_test(test_good_bodies_are_taken),
        cmocka_unit_test(test_nothing_sent_is_an_empty_structure),
        cmocka_unit_test(test_bounds_may_be_negative),
        cmocka_unit_test(test_lengths_are_counted_in_code_points),
        cmocka_unit_test(test_secret_values_are_never_told),
        cmocka_unit_test(test_long_values_are_cut_between_code_points),
        cmocka_unit_test(test_a_nul_in_a_value_does_not_end_the_message),
        cmocka_unit_test(test_at_most_32_errors_are_told),
        cmocka_unit_test(test_of_a_body_the_members_of_its_operation_are_kept),
        cmocka_unit_test(test_an_answer_has_no_unknown_missing_null_or_mistyped_member),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
