#include "tests/testing.h"

#include "util/encode.h"

static void test_hex_is_lower_case_and_reads_either(void **state)
{
    uint8_t bytes[4];
    char text[9];

    (void)state;
    hex_encode((const uint8_t *)"\x00\x9a\xbc\xff", 4, text);
    assert_string_equal(text, "009abcff");
    assert_ok(hex_decode(SLICE_LIT("009aBCFf"), bytes));
    assert_memory_equal(bytes, "\x00\x9a\xbc\xff", 4);
    assert_ok(hex_decode((slice_t){ 0 }, bytes));
}

static void test_bad_hex_is_refused(void **state)
{
    static const char *const bad[] = { "0", "abc", "0g", "g0", " 0", "0x", "-1", "0/", "0:", "0@", "0`" };
    uint8_t bytes[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(hex_decode(SLICE_STR(bad[i]), bytes), P11KMS_E_SYNTAX);
    }
}

/* RFC 4648 section 10 */
static const char *const base64_pairs[][2] = {
    { "", "" },
    { "f", "Zg==" },
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xbf", "+/+/" },
};

static void test_base64_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(base64_pairs); i++) {
        _cleanup_buf_ buf_t text = { 0 };
        _cleanup_buf_ buf_t data = { 0 };

        base64_encode(&text, SLICE_STR(base64_pairs[i][0]));
        assert_buf_text(&text, base64_pairs[i][1]);
        assert_int_equal(base64_decoded_len(buf_slice(&text)), strlen(base64_pairs[i][0]));
        assert_ok(base64_decode(&data, buf_slice(&text)));
        assert_buf_text(&data, base64_pairs[i][0]);
    }
}

static void test_base64_round_trips_every_length_and_appends(void **state)
{
    uint8_t bytes[200];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 151 + 3);
    }
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        _cleanup_buf_ buf_t text = { 0 };
        _cleanup_buf_ buf_t data = { 0 };

        base64_encode(&text, SLICE(bytes, len));
        buf_put_str(&data, "before");
        assert_ok(base64_decode(&data, buf_slice(&text)));
        assert_int_equal(data.len, 6 + len);
        assert_memory_equal(data.data + 6, bytes, len);
    }
}

static void test_base64_that_is_not_canonical_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z",
        "Zg",
        "Zg=",
        "Zm9",
        "Zm9vY",
        "====",
        "=AAA",
        "A===",
        "AA=A",
        "Zg==Zg==",
        "Zm8=Zm8=",
        "Zm9v\n",
        " Zm9v",
        "Zm9v====",
        "Zm\n9",
        "Zm-_",
        "Zm9\xc3",
        "Zh==" /* bits left over */,
        "Zm9=" /* the same */,
        "Zm8==",
        "Zg===",
        "Zm9v=",
    };
    _cleanup_buf_ buf_t data = { 0 };

    (void)state;
    buf_put_str(&data, "kept");
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(base64_decode(&data, SLICE_STR(bad[i])), P11KMS_E_SYNTAX);
        assert_buf_text(&data, "kept");
    }
    assert_err(base64_decode(&data, SLICE_LIT("Zm9\0")), P11KMS_E_SYNTAX);
}

static void test_base64_length_is_told_before_decoding(void **state)
{
    (void)state;
    assert_int_equal(base64_decoded_len(SLICE_LIT("")), 0);
    assert_int_equal(base64_decoded_len(SLICE_LIT("AAAA")), 3);
    assert_int_equal(base64_decoded_len(SLICE_LIT("AAA=")), 2);
    assert_int_equal(base64_decoded_len(SLICE_LIT("AA==")), 1);
    assert_true(base64_decoded_len(SLICE_LIT("AAA")) == SIZE_MAX);
    assert_true(base64_decoded_len(SLICE_LIT("AAAAA")) == SIZE_MAX);
}

static void test_percent_encoding_leaves_the_unreserved_only(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    percent_encode(&out, SLICE_LIT("AZaz09-._~ /+%\xc3\xa9\n"), false);
    assert_buf_text(&out, "AZaz09-._~%20%2F%2B%25%C3%A9%0A");
    buf_clear(&out);
    percent_encode(&out, SLICE_LIT("/a b/"), true);
    assert_buf_text(&out, "/a%20b/");
}

static void test_percent_decoding_reads_every_byte_back(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_buf_ buf_t data = { 0 };
    uint8_t bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    percent_encode(&text, SLICE(bytes, sizeof(bytes)), false);
    assert_ok(percent_decode(&data, buf_slice(&text)));
    assert_slice_equal(buf_slice(&data), SLICE(bytes, sizeof(bytes)));
    buf_clear(&data);
    assert_ok(percent_decode(&data, SLICE_LIT("a+b%2f%2F")));
    assert_buf_text(&data, "a+b//");
}

static void test_bad_escapes_are_refused(void **state)
{
    static const char *const bad[] = { "%", "%a", "abc%", "abc%4", "%zz", "%4g", "%%41", "%-1" };
    _cleanup_buf_ buf_t data = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(percent_decode(&data, SLICE_STR(bad[i])), P11KMS_E_SYNTAX);
        assert_int_equal(data.len, 0);
    }
}

static void test_utf8_of_every_length_is_valid(void **state)
{
    static const char *const good[] = {
        "",
        "plain ascii that is longer than eight",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "12345678\xc3\xa9_12345678\xf0\x9f\x94\x91",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(utf8_valid(SLICE_STR(good[i])));
    }
    assert_true(utf8_valid(SLICE_LIT("a\0b")));
}

static void test_utf8_that_rfc_3629_forbids_is_refused(void **state)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x9f\xbf",
        "\xe0\xa0",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf",
        "\xf0\x90\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xe1\x80\xc0",
        "\xf1\x80\x80\x41",
        "12345678\x80",
        "1234567\xc3",
        "\xc3\xa9\xa9",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(utf8_valid(SLICE_STR(bad[i])));
    }
}

static void test_length_counts_code_points(void **state)
{
    (void)state;
    assert_int_equal(utf8_length(SLICE_LIT("")), 0);
    assert_int_equal(utf8_length(SLICE_LIT("abc")), 3);
    assert_int_equal(utf8_length(SLICE_LIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex_is_lower_case_and_reads_either),
        cmocka_unit_test(test_bad_hex_is_refused),
        cmocka_unit_test(test_base64_known_answers),
        cmocka_unit_test(test_base64_round_trips_every_length_and_appends),
        cmocka_unit_test(test_base64_that_is_not_canonical_is_refused),
        cmocka_unit_test(test_base64_length_is_told_before_decoding),
        cmocka_unit_test(test_percent_encoding_leaves_the_unreserved_only),
        cmocka_unit_test(test_percent_decoding_reads_every_byte_back),
        cmocka_unit_test(test_bad_escapes_are_refused),
        cmocka_unit_test(test_utf8_of_every_length_is_valid),
        cmocka_unit_test(test_utf8_that_rfc_3629_forbids_is_refused),
        cmocka_unit_test(test_length_counts_code_points),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
