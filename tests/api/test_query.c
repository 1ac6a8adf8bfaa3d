/* The query protocol: forms in, XML out, and nothing that a form can break. */
#include "tests/testing.h"

#include <string.h>

#include "api/query.h"

static const shape_t *input_of(const char *operation)
{
    return shape_find_operation(shape_sts_operations, SLICE_STR(operation))->input;
}

typedef struct {
    arena_t *arena;
    buf_t out;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    f->arena = arena_new(4096);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    buf_free(&f->out);
    arena_free(f->arena);
    free(f);
    return 0;
}

static const char *to_json(fixture *f, const char *operation, const char *form)
{
    query_t query;

    buf_clear(&f->out);
    assert_ok(query_parse(SLICE_STR(form), f->arena, &query));
    query_to_json(&query, input_of(operation), &f->out);
    return buf_str(&f->out);
}

static void test_parameters_become_members(void **state)
{
    fixture *f = *state;

    assert_string_equal(to_json(f, "AssumeRole",
                                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa+b"
                                "&RoleSessionName=me&DurationSeconds=900&Unknown=1"),
                        "{\"DurationSeconds\":900,\"RoleArn\":\"arn:aws:iam::1:role/a b\",\"RoleSessionName\":\"me\"}");
}

static void test_lists_are_numbered_members(void **state)
{
    fixture *f = *state;

    assert_string_equal(to_json(f, "AssumeRole",
                                "Tags.member.2.Key=b&Tags.member.1.Key=a&Tags.member.1.Value=1"
                                "&TransitiveTagKeys.member.1=a"),
                        "{\"Tags\":[{\"Key\":\"a\",\"Value\":\"1\"},{\"Key\":\"b\"}],"
                        "\"TransitiveTagKeys\":[\"a\"]}");
}

static void test_a_gap_ends_a_list(void **state)
{
    fixture *f = *state;

    assert_string_equal(to_json(f, "AssumeRole", "TransitiveTagKeys.member.1=a&TransitiveTagKeys.member.3=c"),
                        "{\"TransitiveTagKeys\":[\"a\"]}");
}

static void test_what_is_no_number_is_left_for_the_shape_to_refuse(void **state)
{
    static const char *const texts[] = { "x", "1e3", "01", "-", "+5", "1.5", "9999999999999999999", "" };
    fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        _cleanup_json_ json_t *body = NULL;
        const char *form = arena_printf(f->arena, "DurationSeconds=%s", texts[i]);
        to_json(f, "GetSessionToken", form);
        assert_ok(json_parse(buf_slice(&f->out), &body));
        assert_int_not_equal(shape_check(input_of("GetSessionToken"), body, f->arena), P11KMS_OK);
    }
}

static void test_damaged_forms_are_refused(void **state)
{
    static const char *const forms[] = { "A=%", "A=%4", "A=%zz", "A=%ff", "A=1&A=2", "%41=1&A=2" };
    fixture *f = *state;
    query_t query;

    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        assert_err(query_parse(SLICE_STR(forms[i]), f->arena, &query), P11KMS_E_WIRE_SERIALIZATION);
    }
}

static void test_too_many_parameters_are_refused(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t form = { 0 };
    query_t query;

    for (unsigned i = 0; i < QUERY_PAIRS_MAX; i++) {
        buf_printf(&form, "p%u=1&", i);
    }
    assert_ok(query_parse(buf_slice(&form), f->arena, &query));
    assert_int_equal(query.n, QUERY_PAIRS_MAX);
    buf_put_str(&form, "one=more");
    assert_err(query_parse(buf_slice(&form), f->arena, &query), P11KMS_E_WIRE_SERIALIZATION);
}

static void test_quotes_in_a_value_stay_in_the_value(void **state)
{
    fixture *f = *state;

    assert_string_equal(to_json(f, "AssumeRole", "RoleArn=%22%2C%22Policy%22%3A%22x%0A"),
                        "{\"RoleArn\":\"\\\",\\\"Policy\\\":\\\"x\\n\"}");
}

static void test_an_answer_is_xml_with_its_request_id(void **state)
{
    fixture *f = *state;
    _cleanup_json_ json_t *body = NULL;
    const shape_operation *operation = shape_find_operation(shape_sts_operations, SLICE_LIT("GetSessionToken"));

    assert_ok(json_parse(SLICE_LIT("{\"Credentials\":{\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"a<b\","
                                   "\"SessionToken\":\"t&\",\"Expiration\":1800000000}}"),
                         &body));
    query_answer("GetSessionToken", operation->output, body, "id-1", &f->out);
    assert_buf_text(&f->out,
                    "<GetSessionTokenResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                    "<GetSessionTokenResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>"
                    "<Expiration>2027-01-15T08:00:00Z</Expiration><SecretAccessKey>a&lt;b</SecretAccessKey>"
                    "<SessionToken>t&amp;</SessionToken></Credentials></GetSessionTokenResult>"
                    "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetSessionTokenResponse>");
}

static void test_a_fault_is_xml_and_says_whose_it_is(void **state)
{
    fixture *f = *state;

    query_fault("AccessDenied", "not <you>\x01", 403, "id-2", &f->out);
    assert_buf_text(&f->out, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
                             "<Type>Sender</Type><Code>AccessDenied</Code><Message>not &lt;you&gt;\xef\xbf\xbd</Message>"
                             "</Error><RequestId>id-2</RequestId></ErrorResponse>");
    buf_clear(&f->out);
    query_fault("AccessDenied", "\xc3\xa9 \xff \xed\xa0\x80 \xef\xbf\xbf \xe2\x82", 403, "id-2", &f->out);
    assert_non_null(strstr(buf_str(&f->out), "<Message>\xc3\xa9 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd "
                                             "\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd</Message>"));
    buf_clear(&f->out);
    query_fault("InternalFailure", NULL, 500, "id-3", &f->out);
    assert_non_null(strstr(buf_str(&f->out), "<Type>Receiver</Type>"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_parameters_become_members),
        TEST(test_lists_are_numbered_members),
        TEST(test_a_gap_ends_a_list),
        TEST(test_what_is_no_number_is_left_for_the_shape_to_refuse),
        TEST(test_damaged_forms_are_refused),
        TEST(test_too_many_parameters_are_refused),
        TEST(test_quotes_in_a_value_stay_in_the_value),
        TEST(test_an_answer_is_xml_with_its_request_id),
        TEST(test_a_fault_is_xml_and_says_whose_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
