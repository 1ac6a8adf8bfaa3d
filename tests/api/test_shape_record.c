/* What of a request and an answer reaches an audit record. */
#include "tests/testing.h"

#include <stdio.h>

#include "tests/api/sample.h"

static const shape_operation *operation_of(const char *name)
{
    const shape_operation *found = shape_find_operation(shape_kms_operations, SLICE_STR(name));

    assert_non_null(found);
    return found;
}

static void expect_record(const char *operation, const char *body, const char *expected)
{
    _cleanup_buf_ buf_t record = { 0 };
    _cleanup_json_ json_t *value = NULL;
    jw_t w = jw_on(&record);

    assert_ok(json_parse(SLICE_STR(body), &value));
    shape_record(operation_of(operation)->input, value, &w);
    assert_buf_text(&record, expected);
}

static void test_names_are_those_of_cloudtrail(void **state)
{
    (void)state;
    expect_record(
        "GenerateDataKey",
        "{\"KeyId\":\"alias/app\",\"KeySpec\":\"AES_256\",\"EncryptionContext\":{\"Project\":\"Alpha\"}}",
        "{\"encryptionContext\":{\"Project\":\"Alpha\"},\"keyId\":\"alias/app\",\"keySpec\":\"AES_256\"}");
    expect_record("TagResource", "{\"KeyId\":\"k\",\"Tags\":[{\"TagKey\":\"a\",\"TagValue\":\"b\"}]}",
                  "{\"keyId\":\"k\",\"tags\":[{\"tagKey\":\"a\",\"tagValue\":\"b\"}]}");
    expect_record("ScheduleKeyDeletion", "{\"KeyId\":\"k\",\"PendingWindowInDays\":7}",
                  "{\"keyId\":\"k\",\"pendingWindowInDays\":7}");
    expect_record("Encrypt", "{\"KeyId\":\"k\",\"DryRun\":true}", "{\"dryRun\":true,\"keyId\":\"k\"}");
}

static void test_dates_are_written_as_cloudtrail_writes_them(void **state)
{
    (void)state;
    expect_record("ImportKeyMaterial", "{\"ValidTo\":1767323045.9}",
                  "{\"validTo\":\"Jan 2, 2026, 3:04:05 AM\"}");
    expect_record("ImportKeyMaterial", "{\"ValidTo\":0}", "{\"validTo\":\"Jan 1, 1970, 12:00:00 AM\"}");
    expect_record("ImportKeyMaterial", "{\"ValidTo\":1709208000}",
                  "{\"validTo\":\"Feb 29, 2024, 12:00:00 PM\"}");
    expect_record("ImportKeyMaterial", "{\"ValidTo\":253402300799}",
                  "{\"validTo\":\"Dec 31, 9999, 11:59:59 PM\"}");
}

static void test_nothing_left_is_null(void **state)
{
    (void)state;
    expect_record("ListKeys", "{}", "null");
    expect_record("ListKeys", "{\"Limit\":null}", "null");
    expect_record("ListKeys", "[]", "null");
    expect_record("ListKeys", "null", "null");
    expect_record("Encrypt", "{\"Plaintext\":\"AA==\"}", "null");
    expect_record("Decrypt", "{\"Recipient\":{\"AttestationDocument\":\"AA==\"}}", "null");
    expect_record("Decrypt", "{\"GrantTokens\":[\"t\"]}", "null");
}

static void test_unknown_and_mistyped_members_are_left_out(void **state)
{
    (void)state;
    expect_record("Encrypt", "{\"KeyId\":\"k\",\"plaintext\":\"secret\",\"Other\":{\"a\":\"secret\"}}",
                  "{\"keyId\":\"k\"}");
    expect_record("Encrypt",
                  "{\"KeyId\":[\"secret\"],\"DryRun\":\"secret\",\"EncryptionContext\":\"secret\"}", "null");
    expect_record("Encrypt", "{\"EncryptionContext\":{\"a\":1,\"b\":\"c\",\"d\":{\"secret\":1}}}",
                  "{\"encryptionContext\":{\"b\":\"c\"}}");
    expect_record("GenerateRandom", "{\"NumberOfBytes\":1.5}", "null");
}

static void test_long_strings_are_cut_between_code_points(void **state)
{
    _cleanup_buf_ buf_t body = { 0 };
    _cleanup_buf_ buf_t expected = { 0 };

    (void)state;
    buf_put_str(&body, "{\"KeyId\":\"");
    buf_put_str(&expected, "{\"keyId\":\"");
    for (int i = 0; i < 1023; i++) {
        buf_put_char(&body, 'a');
        buf_put_char(&expected, 'a');
    }
    buf_put_str(&body, "\xc3\xa9z\"}");
    buf_put_str(&expected, "\"}");
    expect_record("DescribeKey", buf_str(&body), buf_str(&expected));
}

static void test_a_record_past_the_limit_is_left_out(void **state)
{
    _cleanup_buf_ buf_t body = { 0 };

    (void)state;
    buf_put_str(&body, "{\"KeyId\":\"k\",\"EncryptionContext\":{");
    for (int i = 0; i < 10000; i++) {
        buf_printf(&body, "%s\"key%d\":\"value\"", i > 0 ? "," : "", i);
    }
    buf_put_str(&body, "}}");
    expect_record("Encrypt", buf_str(&body), "null");
}

/* ---- nothing secret comes out ---- */

#define MARKER "MARKERMARKER" /* which is base64 as well */

/* By name, whatever the tables say of them. */
static const char *const secret_members[] = {
    "AttestationDocument",
    "CiphertextBlob",
    "CiphertextForRecipient",
    "EncryptedKeyMaterial",
    "GrantToken",
    "ImportToken",
    "KeyStorePassword",
    "Mac",
    "Message",
    "Plaintext",
    "PrivateKeyCiphertextBlob",
    "PrivateKeyPlaintext",
    "PublicKey",
    "RawSecretAccessKey",
    "SecretAccessKey",
    "SharedSecret",
    "Signature",
};

static const char *marker_for(const shape_member *member)
{
    for (size_t i = 0; i < COUNT_OF(secret_members); i++) {
        if (strcmp(member->name, secret_members[i]) == 0) {
            return MARKER;
        }
    }
    return member->shape->kind == SHAPE_BLOB || member->shape->sensitive ? MARKER : NULL;
}

static size_t count_markers(const shape_t *shape)
{
    size_t count = 0;

    if (shape->kind != SHAPE_STRUCTURE) {
        return shape->element != NULL ? count_markers(shape->element) : 0;
    }
    for (const shape_member *member = shape->members; member->name != NULL; member++) {
        count += marker_for(member) != NULL ? 1 : count_markers(member->shape);
    }
    return count;
}

static size_t expect_no_marker(const shape_t *shape)
{
    const sample_t sample = { .kind = SAMPLE_VALID, .all_members = true, .text_for = marker_for };
    _cleanup_json_ json_t *body = sample_parse(shape, &sample);
    _cleanup_buf_ buf_t record = { 0 };
    jw_t w = jw_on(&record);

    shape_record(shape, body, &w);
    if (strstr(buf_str(&record), "MARKER") != NULL) {
        fail_msg("%s records %s", shape->name, buf_str(&record));
    }
    return count_markers(shape);
}

static size_t expect_no_markers(const shape_operation *operations)
{
    size_t markers = 0;

    for (const shape_operation *operation = operations; operation->name != NULL; operation++) {
        markers += operation->input != NULL ? expect_no_marker(operation->input) : 0;
        markers += operation->output != NULL ? expect_no_marker(operation->output) : 0;
    }
    return markers;
}

static void test_no_secret_member_of_any_operation_is_recorded(void **state)
{
    (void)state;
    /* the search did meet secrets */
    assert_in_range(expect_no_markers(shape_kms_operations), 30, 1000);
    assert_in_range(expect_no_markers(shape_p11kms_operations), 1, 1000);
}

/* ---- the same by the shapes alone, so that no table can be made that shows what it should not ---- */

#define SECRET_NUMBER 867530931337
#define PLAIN "plain"

/* A value for all of a shape; what is secret of it, or stands in what is, is marked. @return how much was */
static size_t fill(jw_t *w, const shape_t *shape, bool secret)
{
    size_t marked = 0;

    secret = secret || shape->sensitive || shape->kind == SHAPE_BLOB;
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        jw_object(w);
        for (const shape_member *member = shape->members; member->name != NULL; member++) {
            jw_key(w, member->name);
            marked += fill(w, member->shape, secret);
        }
        jw_key(w, "Plaintext2"); /* which nobody knows */
        jw_string(w, MARKER);
        jw_end(w);
        return marked;
    case SHAPE_LIST:
        jw_array(w);
        marked += fill(w, shape->element, secret);
        marked += fill(w, shape->element, secret);
        jw_end(w);
        return marked;
    case SHAPE_MAP:
        jw_object(w);
        jw_key(w, secret || shape->key->sensitive ? MARKER : PLAIN);
        marked += fill(w, shape->element, secret);
        jw_end(w);
        return marked + shape->key->sensitive;
    case SHAPE_INTEGER:
    case SHAPE_TIMESTAMP:
        jw_int(w, secret ? SECRET_NUMBER : 1);
        return secret;
    case SHAPE_BOOLEAN:
        jw_bool(w, true);
        return 0;
    case SHAPE_STRING:
    case SHAPE_BLOB:
        jw_string(w, secret ? MARKER : PLAIN);
        return secret;
    }
    return 0;
}

static size_t expect_plain_alone(const shape_t *shape)
{
    _cleanup_buf_ buf_t body = { 0 };
    _cleanup_buf_ buf_t record = { 0 };
    _cleanup_json_ json_t *value = NULL;
    jw_t in = jw_on(&body);
    jw_t out = jw_on(&record);
    size_t marked = fill(&in, shape, false);

    assert_ok(json_parse(buf_slice(&body), &value));
    shape_record(shape, value, &out);
    if (strstr(buf_str(&record), "MARKER") != NULL || strstr(buf_str(&record), "867530931337") != NULL) {
        fail_msg("%s records %s", shape->name, buf_str(&record));
    }
    return marked;
}

static void test_what_is_bytes_or_sensitive_by_its_shape_is_never_recorded(void **state)
{
    static const shape_operation *const tables[] = { shape_kms_operations, shape_sts_operations,
                                                     shape_p11kms_operations };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        size_t marked = 0;

        for (const shape_operation *operation = tables[i]; operation->name != NULL; operation++) {
            marked += operation->input != NULL ? expect_plain_alone(operation->input) : 0;
            marked += operation->output != NULL ? expect_plain_alone(operation->output) : 0;
        }
        assert_in_range(marked, 3, 1000);
    }
}

static const shape_t secret_text = { .name = "S", .kind = SHAPE_STRING, .sensitive = true, .min = -1, .max = -1 };
static const shape_t secret_number = { .name = "N", .kind = SHAPE_INTEGER, .sensitive = true, .min = -1, .max = -1 };
static const shape_t bytes = { .name = "B", .kind = SHAPE_BLOB, .min = -1, .max = -1 };
static const shape_t plain_text = { .name = "T", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_member plain_members[] = { { "T", &plain_text, false }, { NULL, NULL, false } };

/* Kinds that no operation has yet. */
static void test_a_secret_is_hidden_in_every_kind_of_shape(void **state)
{
    const shape_t shapes[] = {
        { .name = "number", .kind = SHAPE_STRUCTURE,
          .members = (const shape_member[]){ { "N", &secret_number, false }, { NULL, NULL, false } } },
        { .name = "list of bytes", .kind = SHAPE_LIST, .element = &bytes },
        { .name = "map to bytes", .kind = SHAPE_MAP, .key = &plain_text, .element = &bytes },
        { .name = "map by secrets", .kind = SHAPE_MAP, .key = &secret_text, .element = &plain_text },
        { .name = "sensitive structure", .kind = SHAPE_STRUCTURE, .sensitive = true, .members = plain_members },
        { .name = "sensitive list", .kind = SHAPE_LIST, .sensitive = true, .element = &plain_text },
        { .name = "sensitive map", .kind = SHAPE_MAP, .sensitive = true, .key = &plain_text, .element = &plain_text },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        assert_in_range(expect_plain_alone(&shapes[i]), 1, 10);
    }
}

/* Grant tokens stand in lists as well: a sample element of one is "a". */
static void test_no_grant_token_is_recorded(void **state)
{
    const sample_t sample = { .kind = SAMPLE_VALID, .all_members = true };

    (void)state;
    for (const shape_operation *operation = shape_kms_operations; operation->name != NULL; operation++) {
        _cleanup_buf_ buf_t record = { 0 };
        _cleanup_json_ json_t *body = NULL;
        jw_t w = jw_on(&record);

        if (operation->input != NULL) {
            body = sample_parse(operation->input, &sample);
            shape_record(operation->input, body, &w);
            assert_null(strstr(buf_str(&record), "grantToken"));
        }
    }
    expect_record("CreateGrant", "{\"KeyId\":\"k\",\"GrantTokens\":[\"t\"],\"Name\":\"n\"}",
                  "{\"keyId\":\"k\",\"name\":\"n\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_those_of_cloudtrail),
        cmocka_unit_test(test_dates_are_written_as_cloudtrail_writes_them),
        cmocka_unit_test(test_nothing_left_is_null),
        cmocka_unit_test(test_unknown_and_mistyped_members_are_left_out),
        cmocka_unit_test(test_long_strings_are_cut_between_code_points),
        cmocka_unit_test(test_a_record_past_the_limit_is_left_out),
        cmocka_unit_test(test_no_secret_member_of_any_operation_is_recorded),
        cmocka_unit_test(test_what_is_bytes_or_sensitive_by_its_shape_is_never_recorded),
        cmocka_unit_test(test_a_secret_is_hidden_in_every_kind_of_shape),
        cmocka_unit_test(test_no_grant_token_is_recorded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
