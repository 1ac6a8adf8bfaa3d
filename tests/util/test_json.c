#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>

#include "util/json.h"

static json_t *parsed(const char *text)
{
    json_t *doc = NULL;

    assert_ok(json_parse(SLICE_STR(text), &doc));
    return doc;
}

static void assert_refused(slice_t text)
{
    json_t *untouched = (json_t *)(uintptr_t)&text;
    json_t *doc = untouched;
    p11kms_err err = json_parse(text, &doc);

    if (err != P11KMS_E_SYNTAX) {
        fail_msg("%.*s: %s", (int)text.len, (const char *)text.data, p11kms_err_name(err));
    }
    assert_ptr_equal(doc, untouched);
    assert_non_null(strstr(p11kms_err_detail(err), "JSON"));
}

static void assert_all_refused(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_refused(SLICE_STR(texts[i]));
    }
}

static void test_every_kind_is_read(void **state)
{
    _cleanup_json_ json_t *doc = parsed(
        " {\"n\":null,\"b\":true,\"i\":-12,\"d\":1.5,\"s\":\"x\",\"a\":[1,2,3],\"o\":{\"k\":0}}\r\n\t ");

    (void)state;
    assert_int_equal(json_kind_of(doc), JSON_OBJECT);
    assert_int_equal(json_length(doc), 7);
    assert_null(json_get(doc, "n"));
    assert_int_equal(json_kind_of(json_get(doc, "n")), JSON_NULL);
    assert_true(json_bool(json_get(doc, "b")));
    assert_int_equal(json_int(json_get(doc, "i")), -12);
    assert_true(json_double(json_get(doc, "d")) == 1.5);
    assert_slice_text(json_string(json_get(doc, "s")), "x");
    assert_int_equal(json_length(json_get(doc, "a")), 3);
    assert_int_equal(json_int(json_at(json_get(doc, "a"), 2)), 3);
    assert_null(json_at(json_get(doc, "a"), 3));
    assert_int_equal(json_kind_of(json_get(doc, "o")), JSON_OBJECT);
}

static void test_a_bare_value_is_a_document(void **state)
{
    static const struct {
        const char *text;
        json_kind kind;
    } bare[] = {
        { "null", JSON_NULL },  { " true", JSON_BOOL },  { "false ", JSON_BOOL }, { "0", JSON_INT },
        { "-1 ", JSON_INT },    { "1e3", JSON_DOUBLE },  { "\"\"", JSON_STRING }, { "[]", JSON_ARRAY },
        { "{ }", JSON_OBJECT }, { "-0.0", JSON_DOUBLE }, { "1E-2", JSON_DOUBLE }, { "[ ]", JSON_ARRAY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bare); i++) {
        _cleanup_json_ json_t *doc = parsed(bare[i].text);

        assert_int_equal(json_kind_of(doc), bare[i].kind);
    }
}

static void test_asking_the_wrong_kind_yields_nothing(void **state)
{
    _cleanup_json_ json_t *text = parsed("\"12\"");
    _cleanup_json_ json_t *number = parsed("12");

    (void)state;
    assert_int_equal(json_int(text), 0);
    assert_true(json_double(text) == 0);
    assert_false(json_bool(text));
    assert_null(json_get(text, "a"));
    assert_null(json_at(text, 0));
    assert_int_equal(json_length(text), 0);
    assert_int_equal(json_string(number).len, 0);
    assert_false(json_bool(number));
    assert_int_equal(json_kind_of(NULL), JSON_NULL);
    assert_null(json_get(NULL, "a"));
    assert_int_equal(json_length(NULL), 0);
    json_free(NULL);
}

static void test_escapes_become_characters(void **state)
{
    _cleanup_json_ json_t *doc = parsed("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\udd11\"");

    (void)state;
    assert_slice_text(json_string(doc), "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91");
}

static void test_a_nul_in_a_string_does_not_end_it(void **state)
{
    _cleanup_json_ json_t *doc = parsed("\"a\\u0000b\"");

    (void)state;
    assert_slice_equal(json_string(doc), SLICE_LIT("a\0b"));
    assert_int_equal(json_string(doc).data[3], '\0');
}

static void test_a_nul_in_a_name_is_refused(void **state)
{
    (void)state;
    assert_refused(SLICE_LIT("{\"KeyId\\u0000x\":1}"));
    assert_refused(SLICE_LIT("{\"a\":{\"\\u0000\":1}}"));
}

static void test_a_name_that_stands_twice_is_refused(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
        "[{\"x\":{\"a\":1,\"a\":{\"b\":1,\"c\":2}}}]",
        "{\"a\":{\"b\":1,\"c\":2},\"a\":{\"b\":1}}",
        "{\"\":1,\"\":2}",
        "{\"a\":null,\"a\":null}",
    };

    (void)state;
    assert_all_refused(texts, COUNT_OF(texts));
}

static void test_one_name_in_several_objects_is_fine(void **state)
{
    _cleanup_json_ json_t *doc = parsed("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}");

    (void)state;
    assert_int_equal(json_length(doc), 2);
}

static void test_lone_surrogates_are_refused(void **state)
{
    static const char *const texts[] = {
        "\"\\ud800\"",        "\"\\udfff\"",        "\"\\ud800x\"",       "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"", "{\"\\ud800\":1}",
        "\"\\ud83d\\udd1\"",  "\"\\uDBFF\\uE000\"", "\"\\udc00\\udc00\"",
    };

    (void)state;
    assert_all_refused(texts, COUNT_OF(texts));
}

static void test_bad_utf8_is_refused(void **state)
{
    static const char *const texts[] = {
        "\"\xff\"",     "\"\xc0\x80\"",         "\"\xed\xa0\x80\"", "\"\xe2\x82\"",
        "{\"\x80\":1}", "\"\xf4\x90\x80\x80\"", "\xef\xbb\xbf{}",
    };

    (void)state;
    assert_all_refused(texts, COUNT_OF(texts));
}

static void test_what_is_almost_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\"a",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "['a']",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "[1}",
        "{\"a\":1]",
        "{\"a\" 1}",
        "{1:2}",
        "{\"a\":1 \"b\":2}",
        "nul",
        "NULL",
        "True",
        "nan",
        "NaN",
        "Infinity",
        "-Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "00",
        "--1",
        "1-1",
        "truefalse",
        "{} {}",
        "{}x",
        "1 2",
        "[]//c",
        "/*c*/1",
        "[1/**/]",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\\"",
        "\"a\nb\"",
        "\"\x01\"",
        "\"\t\"",
        "\v1",
        "1\f",
        "\"\\'\"",
        "[1,,2]",
        "{\"a\"::1}",
        "[\"a\":1]",
        "99999999999999999999",
        "-123456789012345678901",
        ":",
        ",",
    };

    (void)state;
    assert_all_refused(texts, COUNT_OF(texts));
    assert_refused(SLICE_LIT("{}\0"));
    assert_refused(SLICE_LIT("\0{}"));
    assert_refused(SLICE_LIT("\"a\0b\""));
    assert_refused(SLICE_LIT("1\0"));
    assert_refused((slice_t){ 0 });
}

static void test_a_refusal_names_the_offset(void **state)
{
    json_t *doc = NULL;

    (void)state;
    assert_err(json_parse(SLICE_LIT("{\"a\":1,}"), &doc), P11KMS_E_SYNTAX);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_SYNTAX), "offset 7"));
}

static void nested(buf_t *out, unsigned depth, const char *open, const char *close)
{
    buf_clear(out);
    for (unsigned i = 0; i < depth; i++) {
        buf_put_str(out, open);
    }
    buf_put_str(out, "1");
    for (unsigned i = 0; i < depth; i++) {
        buf_put_str(out, close);
    }
}

static void test_nesting_has_a_bound(void **state)
{
    static const char *const brackets[][2] = { { "[", "]" }, { "{\"a\":", "}" } };
    _cleanup_buf_ buf_t text = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(brackets); i++) {
        _cleanup_json_ json_t *doc = NULL;

        nested(&text, JSON_DEPTH_MAX, brackets[i][0], brackets[i][1]);
        assert_ok(json_parse(buf_slice(&text), &doc));
        nested(&text, JSON_DEPTH_MAX + 1, brackets[i][0], brackets[i][1]);
        assert_refused(buf_slice(&text));
        nested(&text, 100000, brackets[i][0], brackets[i][1]);
        assert_refused(buf_slice(&text));
    }
}

/* Of 1 MiB of empty objects a tree of 280 MiB would be made. */
static void test_values_have_a_bound(void **state)
{
    static const char *const values[] = { "{}", "[]", "1", "\"\"", "null" };
    _cleanup_buf_ buf_t text = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        _cleanup_json_ json_t *doc = NULL;

        buf_clear(&text);
        buf_put_str(&text, "{\"a\":[");
        for (unsigned n = 2; n < JSON_VALUES_MAX; n++) { /* the object and the array are two */
            buf_put_str(&text, values[i]);
            buf_put_char(&text, n + 1 < JSON_VALUES_MAX ? ',' : ']');
        }
        buf_put_char(&text, '}');
        assert_ok(json_parse(buf_slice(&text), &doc));
        text.len -= 2;
        buf_put_str(&text, ",0]}");
        assert_refused(buf_slice(&text));
    }
}

static void test_length_has_a_bound(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    size_t bound = 16u << 20;
    json_t *doc = NULL;

    (void)state;
    memset(buf_reserve(&text, bound + 1), ' ', bound + 1);
    text.data[0] = '1';
    assert_ok(json_parse(SLICE(text.data, bound), &doc));
    json_free(doc);
    assert_refused(SLICE(text.data, bound + 1));
}

static void test_a_document_may_follow_a_refused_one(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        _cleanup_json_ json_t *doc = NULL;

        assert_refused(SLICE_LIT("{\"a\":[\"unfinished"));
        assert_refused(SLICE_LIT("{\"a\":1,\"a\":2}"));
        doc = parsed("{\"a\":[\"finished\"]}");
        assert_slice_text(json_string(json_at(json_get(doc, "a"), 0)), "finished");
    }
}

static void test_integers_keep_their_value_or_stop_at_the_end(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } numbers[] = {
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
        { "9223372036854775808", INT64_MAX },
        { "-9223372036854775809", INT64_MIN },
        { "1.9", 1 },
        { "-1.9", -1 },
        { "1e300", INT64_MAX },
        { "-1e300", INT64_MIN },
        { "1e999", INT64_MAX },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        _cleanup_json_ json_t *doc = parsed(numbers[i].text);

        assert_true(json_int(doc) == numbers[i].value);
    }
}

static p11kms_err gather(void *arg, slice_t name, json_t *value)
{
    buf_put_slice(arg, name);
    buf_printf(arg, "%d", (int)json_int(value));
    return json_int(value) == 9 ? P11KMS_E_LIMIT : P11KMS_OK;
}

static void test_members_come_in_document_order(void **state)
{
    _cleanup_json_ json_t *doc = parsed("{\"z\":1,\"a\":2,\"m\":3,\"n\":null}");
    _cleanup_buf_ buf_t seen = { 0 };

    (void)state;
    assert_ok(json_each(doc, gather, &seen));
    assert_buf_text(&seen, "z1a2m3n0");
    assert_ok(json_each(json_get(doc, "z"), gather, &seen));
}

static void test_each_stops_at_the_first_error(void **state)
{
    _cleanup_json_ json_t *doc = parsed("{\"a\":1,\"b\":9,\"c\":3}");
    _cleanup_buf_ buf_t seen = { 0 };

    (void)state;
    assert_err(json_each(doc, gather, &seen), P11KMS_E_LIMIT);
    assert_buf_text(&seen, "a1b9");
}

static bool is_short(const void *arg, slice_t name)
{
    return name.len <= *(const size_t *)arg;
}

static void test_what_is_not_kept_is_gone_and_the_rest_is_in_order(void **state)
{
    _cleanup_json_ json_t *doc = parsed("{\"long\":{\"x\":[\"y\"]},\"a\":1,\"longer\":null,\"b\":2,\"last\":\"z\"}");
    _cleanup_json_ json_t *list = parsed("[1]");
    _cleanup_buf_ buf_t seen = { 0 };
    size_t len = 1;

    (void)state;
    json_keep(doc, is_short, &len);
    assert_int_equal(json_length(doc), 2);
    assert_ok(json_each(doc, gather, &seen));
    assert_buf_text(&seen, "a1b2");
    len = 0;
    json_keep(doc, is_short, &len);
    assert_int_equal(json_length(doc), 0);
    json_keep(list, is_short, &len);
    json_keep(NULL, is_short, &len);
    assert_int_equal(json_length(list), 1);
}

static void *parse_many(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 500; i++) {
        json_t *doc = NULL;
        char text[64];

        snprintf(text, sizeof(text), "{\"n\":%u,\"s\":\"%u\"}", i, i);
        if (json_parse(SLICE_STR(text), &doc) != P11KMS_OK || json_int(json_get(doc, "n")) != i) {
            return (void *)1;
        }
        json_free(doc);
    }
    return NULL;
}

static void test_threads_parse_side_by_side(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, parse_many, NULL), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *failed = NULL;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_read),
        cmocka_unit_test(test_a_bare_value_is_a_document),
        cmocka_unit_test(test_asking_the_wrong_kind_yields_nothing),
        cmocka_unit_test(test_escapes_become_characters),
        cmocka_unit_test(test_a_nul_in_a_string_does_not_end_it),
        cmocka_unit_test(test_a_nul_in_a_name_is_refused),
        cmocka_unit_test(test_a_name_that_stands_twice_is_refused),
        cmocka_unit_test(test_one_name_in_several_objects_is_fine),
        cmocka_unit_test(test_lone_surrogates_are_refused),
        cmocka_unit_test(test_bad_utf8_is_refused),
        cmocka_unit_test(test_what_is_almost_json_is_refused),
        cmocka_unit_test(test_a_refusal_names_the_offset),
        cmocka_unit_test(test_nesting_has_a_bound),
        cmocka_unit_test(test_values_have_a_bound),
        cmocka_unit_test(test_length_has_a_bound),
        cmocka_unit_test(test_a_document_may_follow_a_refused_one),
        cmocka_unit_test(test_integers_keep_their_value_or_stop_at_the_end),
        cmocka_unit_test(test_members_come_in_document_order),
        cmocka_unit_test(test_each_stops_at_the_first_error),
        cmocka_unit_test(test_what_is_not_kept_is_gone_and_the_rest_is_in_order),
        cmocka_unit_test(test_threads_parse_side_by_side),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
