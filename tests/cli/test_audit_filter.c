#include "tests/testing.h"

#include "cli/audit_filter.h"

static const char record[] =
    "{\"userIdentity\":{\"arn\":\"arn:aws:iam::123456789012:user/app\",\"userName\":\"app\",\"accessKeyId\":\"APPKEY\"},"
    "\"eventSource\":\"kms.amazonaws.com\",\"eventName\":\"ReEncrypt\",\"recipientAccountId\":\"123456789012\","
    "\"resources\":[{\"ARN\":\"arn:aws:kms:us-east-1:123456789012:key/one\"},"
    "{\"ARN\":\"arn:aws:kms:us-east-1:123456789012:key/two\"}]}";
static const char refusal[] = "{\"userIdentity\":{},\"eventName\":\"ListKeys\",\"errorCode\":\"AccessDenied\"}";

static bool wants(const char *line, const char *first, const char *second)
{
    audit_filter_t filter = { 0 };
    _cleanup_glance_ glance_t glance = { 0 };

    assert_ok(audit_filter_add(&filter, first));
    if (second) {
        assert_ok(audit_filter_add(&filter, second));
    }
    assert_ok(glance_read(SLICE_STR(line), &glance));
    return audit_filter_wants(&filter, &glance);
}

static void test_a_value_is_the_whole_or_its_last_part(void **state)
{
    (void)state;
    assert_true(wants(record, "principal=arn:aws:iam::123456789012:user/app", NULL));
    assert_true(wants(record, "principal=app", NULL));
    assert_true(wants(record, "principal=APPKEY", NULL));
    assert_false(wants(record, "principal=ap", NULL));
    assert_false(wants(record, "principal=pp", NULL));
    assert_true(wants(record, "account=123456789012", NULL));
    assert_false(wants(record, "account=12345678901", NULL));
}

static void test_an_action_may_name_its_service(void **state)
{
    (void)state;
    assert_true(wants(record, "action=ReEncrypt", NULL));
    assert_true(wants(record, "action=kms:ReEncrypt", NULL));
    assert_true(wants(record, "action=kms:*", NULL));
    assert_true(wants(record, "action=*:Re*", NULL));
    assert_false(wants(record, "action=sts:ReEncrypt", NULL));
    assert_false(wants(record, "action=Encrypt", NULL));
}

static void test_any_of_its_resources_is_the_key(void **state)
{
    (void)state;
    assert_true(wants(record, "key=one", NULL));
    assert_true(wants(record, "key=two", NULL));
    assert_true(wants(record, "key=*:key/t*", NULL));
    assert_false(wants(record, "key=three", NULL));
    assert_false(wants(refusal, "key=*", NULL));
}

static void test_no_value_is_for_what_is_not_there(void **state)
{
    (void)state;
    assert_true(wants(record, "error=", NULL));
    assert_false(wants(record, "error=*", NULL));
    assert_false(wants(refusal, "error=", NULL));
    assert_true(wants(refusal, "error=*", NULL));
    assert_true(wants(refusal, "principal=", NULL));
    assert_true(wants(refusal, "key=", NULL));
    assert_false(wants(record, "key=", NULL));
}

static void test_one_of_a_name_and_all_of_the_names_must_fit(void **state)
{
    (void)state;
    assert_true(wants(record, "action=Decrypt", "action=ReEncrypt"));
    assert_false(wants(record, "action=ReEncrypt", "error=*"));
    assert_true(wants(record, "action=ReEncrypt", "error="));
}

static void test_what_is_no_filter_is_refused(void **state)
{
    static const char *const bad[] = { "", "=", "principal", "principals=a", "Principal=a", "actio=b" };
    audit_filter_t filter = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(audit_filter_is(bad[i]));
        assert_err(audit_filter_add(&filter, bad[i]), P11KMS_E_SYNTAX);
    }
    for (size_t i = 0; i < AUDIT_FILTERS_MAX; i++) {
        assert_ok(audit_filter_add(&filter, "key=a"));
    }
    assert_err(audit_filter_add(&filter, "key=a"), P11KMS_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_is_the_whole_or_its_last_part),
        cmocka_unit_test(test_an_action_may_name_its_service),
        cmocka_unit_test(test_any_of_its_resources_is_the_key),
        cmocka_unit_test(test_no_value_is_for_what_is_not_there),
        cmocka_unit_test(test_one_of_a_name_and_all_of_the_names_must_fit),
        cmocka_unit_test(test_what_is_no_filter_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
