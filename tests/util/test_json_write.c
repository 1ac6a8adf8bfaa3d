#include "tests/testing.h"

#include "util/json.h"

static void test_commas_are_the_emitters_business(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    jw_object(&w);
    jw_key(&w, "a");
    jw_array(&w);
    jw_int(&w, 1);
    jw_array(&w);
    jw_end(&w);
    jw_object(&w);
    jw_end(&w);
    jw_string(&w, "x");
    jw_end(&w);
    jw_key(&w, "b");
    jw_object(&w);
    jw_key(&w, "c");
    jw_null(&w);
    jw_end(&w);
    jw_key_slice(&w, SLICE_LIT("d"));
    jw_bool(&w, true);
    jw_key(&w, "e");
    jw_raw(&w, SLICE_LIT("{\"raw\":1}"));
    jw_end(&w);
    assert_buf_text(&out, "{\"a\":[1,[],{},\"x\"],\"b\":{\"c\":null},\"d\":true,\"e\":{\"raw\":1}}");
    assert_false(buf_failed(&out));
}

static void assert_written(slice_t value, const char *expected)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    jw_string_slice(&w, value);
    assert_buf_text(&out, expected);
}

static void test_quotes_backslashes_and_controls_are_escaped(void **state)
{
    (void)state;
    assert_written(SLICE_LIT("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    assert_written(SLICE_LIT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    assert_written(SLICE_LIT("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"");
    assert_written(SLICE_LIT("\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0"), "\"\\u0080\\u0085\\u009f\xc2\xa0\"");
    assert_written(SLICE_LIT("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"), "\"\\u2028\\u2029\xe2\x80\xaa\"");
    assert_written((slice_t){ 0 }, "\"\"");
}

static void test_good_utf8_stays_and_bad_is_replaced(void **state)
{
    (void)state;
    assert_written(SLICE_LIT("\xc3\xa9\xf0\x9f\x94\x91"), "\"\xc3\xa9\xf0\x9f\x94\x91\"");
    assert_written(SLICE_LIT("a\xff"
                             "b"),
                   "\"a\xef\xbf\xbd"
                   "b\"");
    assert_written(SLICE_LIT("\xc3"), "\"\xef\xbf\xbd\"");
    assert_written(SLICE_LIT("\xc0\x8a"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void test_no_byte_writes_a_raw_control_and_all_read_back(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 128; code++) {
        _cleanup_buf_ buf_t out = { 0 };
        _cleanup_json_ json_t *doc = NULL;
        char c = (char)code;
        jw_t w = jw_on(&out);

        jw_string_slice(&w, SLICE(&c, 1));
        for (size_t i = 0; i < out.len; i++) {
            assert_in_range(out.data[i], 0x20, 0x7e);
        }
        assert_ok(json_parse(buf_slice(&out), &doc));
        assert_slice_equal(json_string(doc), SLICE(&c, 1));
    }
}

static void test_a_byte_is_escaped_wherever_it_stands(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        for (size_t at = 0; at < 20; at++) {
            _cleanup_buf_ buf_t alone = { 0 }, within = { 0 };
            char text[21] = "aaaaaaaaaaaaaaaaaaaa";
            jw_t alone_w = jw_on(&alone), within_w = jw_on(&within);

            text[at] = (char)code;
            jw_string_slice(&alone_w, SLICE(text + at, 1));
            jw_string_slice(&within_w, SLICE(text, 20));
            assert_int_equal(within.len, alone.len + 19);
            assert_memory_equal(within.data + 1 + at, alone.data + 1, alone.len - 2);
            assert_int_equal(strspn(buf_str(&within) + 1, "a"), at + (code == 'a' ? 20 - at : 0));
        }
    }
}

static void test_names_are_escaped_too(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    jw_object(&w);
    jw_key(&w, "a\"\n");
    jw_int(&w, 1);
    jw_end(&w);
    assert_buf_text(&out, "{\"a\\\"\\n\":1}");
}

static void test_bytes_are_written_as_base64_or_hex(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    jw_array(&w);
    jw_base64(&w, SLICE_LIT("foob"));
    jw_base64(&w, (slice_t){ 0 });
    jw_hex(&w, SLICE_LIT("\x0a\xff"));
    jw_string(&w, NULL);
    jw_end(&w);
    assert_buf_text(&out, "[\"Zm9vYg==\",\"\",\"0aff\",null]");
}

static void test_numbers_reach_their_limits(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    jw_array(&w);
    jw_int(&w, INT64_MIN);
    jw_int(&w, INT64_MAX);
    jw_end(&w);
    assert_buf_text(&out, "[-9223372036854775808,9223372036854775807]");
}

static void test_epoch_has_decimals_only_when_needed(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    jw_array(&w);
    jw_epoch(&w, INT64_C(1767323045000));
    jw_epoch(&w, INT64_C(1767323045006));
    jw_epoch(&w, 500);
    jw_epoch(&w, 0);
    jw_epoch(&w, -1500);
    jw_epoch(&w, INT64_MIN);
    jw_end(&w);
    assert_buf_text(&out, "[1767323045,1767323045.006,0.500,0,-1.500,-9223372036854775.808]");
}

static void test_a_parsed_value_is_written_as_it_was(void **state)
{
    static const char text[] =
        "{\"z\":[1,-2.50,1e5,0.1,9223372036854775808,9223372036854775807,-9223372036854775808],"
        "\"a\":{\"t\":true,\"f\":false,\"n\":null,\"e\":{},\"l\":[]},\"s\":\"\\\"\\u0000\xc3\xa9\"}";
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    assert_ok(json_parse(SLICE_STR(text), &doc));
    jw_value(&w, doc);
    assert_buf_text(&out, text);
}

static void test_nesting_past_the_bits_fails_the_buffer(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    for (unsigned i = 0; i < 63; i++) {
        jw_array(&w);
    }
    assert_false(buf_failed(&out));
    jw_array(&w);
    assert_true(buf_failed(&out));
}

static void test_one_end_too_many_fails_the_buffer(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    (void)state;
    jw_object(&w);
    jw_end(&w);
    assert_false(buf_failed(&out));
    jw_end(&w);
    assert_true(buf_failed(&out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commas_are_the_emitters_business),
        cmocka_unit_test(test_quotes_backslashes_and_controls_are_escaped),
        cmocka_unit_test(test_good_utf8_stays_and_bad_is_replaced),
        cmocka_unit_test(test_no_byte_writes_a_raw_control_and_all_read_back),
        cmocka_unit_test(test_a_byte_is_escaped_wherever_it_stands),
        cmocka_unit_test(test_names_are_escaped_too),
        cmocka_unit_test(test_bytes_are_written_as_base64_or_hex),
        cmocka_unit_test(test_numbers_reach_their_limits),
        cmocka_unit_test(test_epoch_has_decimals_only_when_needed),
        cmocka_unit_test(test_a_parsed_value_is_written_as_it_was),
        cmocka_unit_test(test_nesting_past_the_bits_fails_the_buffer),
        cmocka_unit_test(test_one_end_too_many_fails_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
