/* What is shown of a record. */
#include "tests/testing.h"

#include "audit/glance.h"

static void assert_line(const char *record, const char *expected)
{
    _cleanup_glance_ glance_t glance = { 0 };
    _cleanup_buf_ buf_t out = { 0 };

    assert_ok(glance_read(SLICE_STR(record), &glance));
    glance_put(&glance, &out);
    assert_buf_text(&out, expected);
}

static void test_a_request_is_told_in_six_words(void **state)
{
    (void)state;
    assert_line("{\"userIdentity\":{\"arn\":\"arn:aws:iam::123456789012:user/app\",\"userName\":\"app\"},"
                "\"eventTime\":\"2026-11-22T05:55:59Z\",\"eventSource\":\"kms.amazonaws.com\",\"eventName\":\"Decrypt\","
                "\"errorCode\":\"AccessDenied\",\"requestID\":\"r-1\",\"resources\":[{\"ARN\":"
                "\"arn:aws:kms:us-east-1:123456789012:key/k\"}]}",
                "2026-11-22T05:55:59Z  123456789012:user/app  kms:Decrypt  us-east-1:123456789012:key/k  "
                "AccessDenied  r-1");
}

static void test_the_daemons_own_acts_and_strangers_are_told_apart(void **state)
{
    (void)state;
    assert_line("{\"userIdentity\":{\"type\":\"AWSService\",\"invokedBy\":\"p11kms\"},\"eventSource\":\"p11kms\","
                "\"eventName\":\"StartService\"}",
                "-  p11kms  p11kms:StartService  -  ok  -");
    assert_line("{\"userIdentity\":{\"type\":\"Unknown\",\"accessKeyId\":\"FOO\"}}", "-  unknown(FOO)  -:-  -  ok  -");
    assert_line("{}", "-  -  -:-  -  ok  -");
}

static void test_a_web_identity_is_its_provider_and_its_name(void **state)
{
    (void)state;
    assert_line("{\"userIdentity\":{\"identityProvider\":\"arn:aws:iam::1:oidc-provider/ci.example\","
                "\"userName\":\"repo:a\"}}",
                "-  1:oidc-provider/ci.example/repo:a  -:-  -  ok  -");
}

static void test_members_of_other_types_are_not_there(void **state)
{
    (void)state;
    assert_line("{\"eventName\":[1],\"resources\":{\"ARN\":1},\"userIdentity\":\"x\",\"errorCode\":7}",
                "-  -  -:-  -  ok  -");
}

static void test_nothing_reaches_a_terminal_raw(void **state)
{
    (void)state;
    assert_line("{\"eventName\":\"\\u001b[2J\",\"errorCode\":\"\\u009b0m\",\"requestID\":\"\\u202e\","
                "\"eventTime\":\"\\u0007\",\"eventSource\":\"\\r\",\"resources\":[{\"ARN\":\"\\n\"}],"
                "\"userIdentity\":{\"accessKeyId\":\"\\b\"}}",
                "\\u0007  unknown(\\u0008)  \\u000d:\\u001b[2J  \\u000a  \\u009b0m  \\u202e");
}

static void test_what_is_no_record_is_refused(void **state)
{
    static const char *const lines[] = { "", "[]", "null", "{\"a\":1", "{} {}" };
    glance_t glance;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        assert_err(glance_read(SLICE_STR(lines[i]), &glance), P11KMS_E_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_told_in_six_words),
        cmocka_unit_test(test_the_daemons_own_acts_and_strangers_are_told_apart),
        cmocka_unit_test(test_a_web_identity_is_its_provider_and_its_name),
        cmocka_unit_test(test_members_of_other_types_are_not_there),
        cmocka_unit_test(test_nothing_reaches_a_terminal_raw),
        cmocka_unit_test(test_what_is_no_record_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
