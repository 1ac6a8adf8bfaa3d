/* The tables made of the model's regular expressions. */
#include "tests/testing.h"

#include "api/shape.h"

static const pattern_t *find_in(const shape_t *shape, const char *text)
{
    const pattern_t *found = NULL;

    if (shape == NULL) {
        return NULL;
    }
    if (shape->pattern != NULL && strcmp(shape->pattern->text, text) == 0) {
        return shape->pattern;
    }
    if (shape->kind != SHAPE_STRUCTURE) {
        return find_in(shape->element, text);
    }
    for (const shape_member *member = shape->members; member->name != NULL && found == NULL; member++) {
        found = find_in(member->shape, text);
    }
    return found;
}

static const pattern_t *find(const char *text)
{
    for (const shape_operation *operation = shape_kms_operations; operation->name != NULL; operation++) {
        const pattern_t *found = find_in(operation->input, text);

        if (found != NULL) {
            return found;
        }
    }
    fail_msg("no shape has the pattern %s", text);
    return NULL;
}

static void expect(const char *pattern, const char *const *texts, size_t n, bool matches)
{
    const pattern_t *table = find(pattern);

    for (size_t i = 0; i < n; i++) {
        if (shape_pattern_matches(table, SLICE_STR(texts[i])) != matches) {
            fail_msg("%s %s %s", pattern, matches ? "should match" : "should not match", texts[i]);
        }
    }
}

#define MATCHES(pattern, ...)                                                                                \
    expect(pattern, (const char *const[]){ __VA_ARGS__ }, COUNT_OF(((const char *const[]){ __VA_ARGS__ })),  \
           true)
#define REFUSES(pattern, ...)                                                                                \
    expect(pattern, (const char *const[]){ __VA_ARGS__ }, COUNT_OF(((const char *const[]){ __VA_ARGS__ })),  \
           false)

static void test_the_whole_string_must_match(void **state)
{
    (void)state;
    MATCHES("[\\w]+", "default", "a", "_", "Z9");
    REFUSES("[\\w]+", "", "a b", " a", "a ", "a\n", "a-b", "\xc3\xa9");
    MATCHES("[0-9]{12}", "123456789012");
    REFUSES("[0-9]{12}", "12345678901", "1234567890123", "12345678901a", "");
}

static void test_sets_reach_as_far_as_latin_1_and_no_further(void **state)
{
    (void)state;
    MATCHES("[\\u0020-\\u00FF]*", "", " ", "~", "\x7f", "\xc2\x80", "\xc3\xbf");
    REFUSES("[\\u0020-\\u00FF]*", "\t", "\xc4\x80", "\xe2\x82\xac", "\xf0\x9f\x94\x91", "a\x1f");
    MATCHES("[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", "{\n\t\"a\": 1\r\n}");
    REFUSES("[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", "", "\x0b", "\xc4\x80");
}

static void test_a_hyphen_at_the_edge_of_a_set_is_itself(void **state)
{
    (void)state;
    MATCHES("^[a-zA-Z0-9:/_-]+$", "alias/a-b_c:d", "-");
    REFUSES("^[a-zA-Z0-9:/_-]+$", "alias/a.b", "alias/a b", "");
    MATCHES("^[a-zA-Z0-9-_.]+$", "a-b_c.d", "-");
    REFUSES("^[a-zA-Z0-9-_.]+$", "a/b", "a:b", "a<b");
    MATCHES("^[a-zA-Z0-9:/_\\s.-]+$", "a b\tc.d-e", "\x0b");
    REFUSES("^[a-zA-Z0-9:/_\\s.-]+$", "", "a,b");
    MATCHES("^[\\w+=,.@:/-]+$", "arn:aws:iam::123456789012:user/a@b.c");
    REFUSES("^[\\w+=,.@:/-]+$", "a b", "a*b");
}

static void test_counts_groups_and_alternatives_hold(void **state)
{
    (void)state;
    MATCHES("^([a-z]+-){2,3}\\d+$", "us-east-1", "us-gov-west-1", "a-b-00");
    REFUSES("^([a-z]+-){2,3}\\d+$", "us-1", "us-east-", "a-b-c-d-1", "us-east-1a", "-east-1", "US-EAST-1");
    MATCHES("cluster-[2-7a-zA-Z]{11,16}", "cluster-abcdefghijk", "cluster-abcdefghijklmnop");
    REFUSES("cluster-[2-7a-zA-Z]{11,16}", "cluster-abcdefghij", "cluster-abcdefghijklmnopq",
            "cluster-abcdefghij1", "xcluster-abcdefghijk");
    MATCHES("^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$", "/kms/xks/v1", "/kms/xks/v12",
            "/a/kms/xks/v1", "/a/kms/xks/v1/kms/xks/v2");
    REFUSES("^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$", "/kms/xks/v", "/kms/xks/v123",
            "//kms/xks/v1x", "kms/xks/v1", "/kms/xks/v1/", "");
    MATCHES("^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$",
            "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b", "eu.amazonaws.vpce.eu-central-1.vpce-svc-x");
    REFUSES("^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$",
            "comXamazonaws.vpce.us-east-1.vpce-svc-0a1b", "com.amazonaws.vpce.us-east-1.vpce-svc-",
            "org.amazonaws.vpce.us-east-1.vpce-svc-0");
    MATCHES("^https://[a-zA-Z0-9.-]+$", "https://a.b-c");
    REFUSES("^https://[a-zA-Z0-9.-]+$", "http://a.b", "https://", "https://a/b", "https:||a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_string_must_match),
        cmocka_unit_test(test_sets_reach_as_far_as_latin_1_and_no_further),
        cmocka_unit_test(test_a_hyphen_at_the_edge_of_a_set_is_itself),
        cmocka_unit_test(test_counts_groups_and_alternatives_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
