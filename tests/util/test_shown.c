#include "tests/testing.h"

#include <stdio.h>

#include "util/shown.h"

static void assert_shown(slice_t text, const char *expected)
{
    _cleanup_buf_ buf_t out = { 0 };

    shown_put(&out, text);
    assert_buf_text(&out, expected);
}

static void test_what_only_prints_stays(void **state)
{
    (void)state;
    assert_shown(SLICE_LIT(""), "");
    assert_shown(SLICE_LIT("arn:aws:iam::1:user/Zoë \"\\ 鍵 \xf0\x9f\x94\x91"),
                 "arn:aws:iam::1:user/Zoë \"\\ 鍵 \xf0\x9f\x94\x91");
}

static void test_controls_are_escaped(void **state)
{
    (void)state;
    assert_shown(SLICE_LIT("a\x1b[31mb\nc\rd\te\x7f\0f"), "a\\u001b[31mb\\u000ac\\u000dd\\u0009e\\u007f\\u0000f");
    assert_shown(SLICE_LIT("\xc2\x9b"), "\\u009b"); /* CSI in one character */
}

static void test_what_turns_hides_or_breaks_text_is_escaped(void **state)
{
    (void)state;
    assert_shown(SLICE_LIT("\xe2\x80\xae"), "\\u202e"); /* right-to-left override */
    assert_shown(SLICE_LIT("\xe2\x81\xa6"), "\\u2066");
    assert_shown(SLICE_LIT("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
    assert_shown(SLICE_LIT("\xe2\x80\x8b\xef\xbb\xbf"), "\\u200b\\ufeff");
}

static void test_bytes_that_are_no_text_are_replaced_one_by_one(void **state)
{
    (void)state;
    assert_shown(SLICE_LIT("\x9b\xff"), "\\ufffd\\ufffd");
    assert_shown(SLICE_LIT("\xed\xa0\x80"), "\\ufffd\\ufffd\\ufffd"); /* a surrogate */
    assert_shown(SLICE_LIT("\xe2\x80"), "\\ufffd\\ufffd");
}

/* Every control of ECMA-48, each in front of text that must not be swallowed. */
static void test_no_control_character_comes_through(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0xa0; c++) {
        _cleanup_buf_ buf_t out = { 0 };
        uint8_t text[3] = { (uint8_t)c, 'x' };
        size_t len = 2;

        if (c >= 0x20 && c < 0x7f) {
            continue;
        }
        if (c >= 0x80) {
            text[0] = 0xc2;
            text[1] = (uint8_t)c;
            text[2] = 'x';
            len = 3;
        }
        shown_put(&out, SLICE(text, len));
        assert_int_equal(out.len, 7);
        assert_int_equal(out.data[6], 'x');
    }
}

static void test_what_is_blank_has_nothing_to_be_seen(void **state)
{
    static const char *const blanks[] = { "", "   ", "\t\r\n", "\x1b\x07\x7f", "\xc2\xa0\xe3\x80\x80", "\xe2\x80\x8b\xef\xbb\xbf",
                                          "\xe2\xa0\x80 \xe3\x85\xa4", "\xff\xfe" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(blanks); i++) {
        assert_false(shown_any(SLICE_STR(blanks[i])));
    }
    assert_true(shown_any(SLICE_LIT("   x")));
    assert_true(shown_any(SLICE_LIT("\x1b.")));
    assert_true(shown_any(SLICE_LIT("鍵")));
    assert_true(shown_any(SLICE_LIT("\xf0\x9f\x94\x91")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_only_prints_stays),
        cmocka_unit_test(test_controls_are_escaped),
        cmocka_unit_test(test_what_turns_hides_or_breaks_text_is_escaped),
        cmocka_unit_test(test_bytes_that_are_no_text_are_replaced_one_by_one),
        cmocka_unit_test(test_no_control_character_comes_through),
        cmocka_unit_test(test_what_is_blank_has_nothing_to_be_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
