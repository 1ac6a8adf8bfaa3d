#include "tests/testing.h"

static void test_slices_compare_by_length_and_content(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE_LIT("abc"), SLICE_LIT("abc")));
    assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("abd")));
    assert_false(slice_eq(SLICE_LIT("abc"), SLICE_LIT("ab")));
    assert_true(slice_eq((slice_t){ 0 }, SLICE_LIT("")));
    assert_true(slice_eq_str(SLICE_LIT("a"), "a"));
    assert_false(slice_eq_str(SLICE_LIT("a\0b"), "a"));
}

static void test_a_prefix_is_not_longer_than_the_slice(void **state)
{
    (void)state;
    assert_true(slice_has_prefix(SLICE_LIT("alias/x"), "alias/"));
    assert_true(slice_has_prefix((slice_t){ 0 }, ""));
    assert_false(slice_has_prefix(SLICE_LIT("ali"), "alias/"));
    assert_false(slice_has_prefix(SLICE_LIT("Alias/x"), "alias/"));
}

static void test_order_is_of_unsigned_bytes_the_shorter_first(void **state)
{
    (void)state;
    assert_true(slice_cmp(SLICE_LIT("a"), SLICE_LIT("b")) < 0);
    assert_true(slice_cmp(SLICE_LIT("\xff"), SLICE_LIT("a")) > 0);
    assert_true(slice_cmp(SLICE_LIT("a"), SLICE_LIT("aa")) < 0);
    assert_true(slice_cmp(SLICE_LIT("aa"), SLICE_LIT("a")) > 0);
    assert_int_equal(slice_cmp((slice_t){ 0 }, SLICE_LIT("")), 0);
}

static void test_a_cut_takes_what_stands_before_the_byte(void **state)
{
    slice_t rest = SLICE_LIT("a::b"), part = SLICE_LIT("untouched");

    (void)state;
    assert_true(slice_cut(&rest, ':', &part));
    assert_slice_text(part, "a");
    assert_true(slice_cut(&rest, ':', &part));
    assert_slice_text(part, "");
    assert_false(slice_cut(&rest, ':', &part));
    assert_slice_text(part, "");
    assert_slice_text(rest, "b");
    rest = SLICE_LIT("x\xff");
    assert_true(slice_cut(&rest, 0xff, &part));
    assert_slice_text(part, "x");
    assert_int_equal(rest.len, 0);
    assert_false(slice_cut(&rest, 0xff, &part));
}

/* Who reads parameters tells an empty one from one that is not there by its pointer. */
static void test_the_last_part_is_all_that_is_left(void **state)
{
    const char *text = "k=v=";
    slice_t rest = SLICE_STR(text);

    (void)state;
    assert_slice_text(slice_part(&rest, '='), "k");
    assert_slice_text(slice_part(&rest, ','), "v=");
    assert_int_equal(rest.len, 0);
    assert_ptr_equal(rest.data, text + 4);
    assert_int_equal(slice_part(&rest, '=').len, 0);
}

static void test_a_byte_is_found_anywhere_in_a_slice(void **state)
{
    (void)state;
    assert_true(slice_has(SLICE_LIT("ab"), 'b'));
    assert_true(slice_has(SLICE_LIT("a\0"), '\0'));
    assert_false(slice_has(SLICE_LIT("ab"), 'c'));
    assert_false(slice_has((slice_t){ 0 }, '\0'));
}

static void test_trimming_takes_outer_spaces_and_tabs_alone(void **state)
{
    (void)state;
    assert_slice_text(slice_trim(SLICE_LIT(" \t a \t b\t ")), "a \t b");
    assert_slice_text(slice_trim(SLICE_LIT("\r\na\v")), "\r\na\v");
    assert_int_equal(slice_trim(SLICE_LIT(" \t")).len, 0);
    assert_int_equal(slice_trim((slice_t){ 0 }).len, 0);
}

static void test_an_empty_buffer_reads_as_an_empty_string(void **state)
{
    buf_t buf = { 0 };

    (void)state;
    assert_buf_text(&buf, "");
    assert_int_equal(buf_slice(&buf).len, 0);
    buf_put(&buf, NULL, 0);
    buf_put_slice(&buf, (slice_t){ 0 });
    assert_buf_text(&buf, "");
    buf_free(&buf);
    buf_free(&buf); /* twice is harmless */
}

static void test_what_is_put_is_there_and_ends_in_nul(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    buf_put_str(&buf, "a");
    buf_put_char(&buf, 'b');
    buf_put(&buf, "cd", 2);
    buf_put_slice(&buf, SLICE_LIT("ef"));
    buf_printf(&buf, "-%d-%s", 7, "g");
    assert_buf_text(&buf, "abcdef-7-g");
    assert_int_equal(buf.data[buf.len], '\0');
    assert_false(buf_failed(&buf));
}

static void test_numbers_are_big_endian(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    buf_put_u8(&buf, 0x01);
    buf_put_u16(&buf, 0x0203);
    buf_put_u32(&buf, 0x04050607);
    buf_put_u64(&buf, UINT64_C(0x08090a0b0c0d0e0f));
    assert_slice_equal(buf_slice(&buf),
                       SLICE_LIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"));
}

static void test_growing_keeps_every_byte(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        buf_put_u8(&buf, (uint8_t)(i * 7));
    }
    assert_int_equal(buf.len, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        if (buf.data[i] != (uint8_t)(i * 7)) {
            fail_msg("byte %u changed", i);
        }
    }
}

static void test_formatted_text_of_any_length_is_whole_and_ends_in_nul(void **state)
{
    char text[1025];

    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t before = 0; before < 300; before += 13) {
        for (size_t len = 0; len < sizeof(text); len++) {
            _cleanup_buf_ buf_t buf = { 0 };

            buf_put(&buf, text, before);
            buf_printf(&buf, "%.*s", (int)len, text);
            assert_false(buf_failed(&buf));
            assert_int_equal(buf.len, before + len);
            assert_int_equal(strlen(buf_str(&buf)), buf.len);
        }
    }
}

static void test_reserved_memory_becomes_text_when_len_is_moved(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };
    uint8_t *at = buf_reserve(&buf, 100);

    (void)state;
    assert_non_null(at);
    memset(at, 'x', 100);
    buf.len += 3;
    assert_buf_text(&buf, "xxx");
}

static void test_an_impossible_size_fails_and_stays_failed(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    buf_put_str(&buf, "kept");
    assert_null(buf_reserve(&buf, SIZE_MAX - 2));
    assert_true(buf_failed(&buf));
    buf_put_str(&buf, " not added");
    assert_buf_text(&buf, "kept");
    assert_null(buf_reserve(&buf, 1));
    assert_null(buf_reserve(&(buf_t){ 0 }, SIZE_MAX));
}

static void test_clearing_wipes_and_makes_the_buffer_good_again(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    buf_put_str(&buf, "secret");
    buf.failed = true;
    buf_clear(&buf);
    assert_false(buf_failed(&buf));
    assert_memory_equal(buf.data, "\0\0\0\0\0\0", 6);
    buf_put_str(&buf, "x");
    assert_buf_text(&buf, "x");
    buf_clear(&(buf_t){ 0 });
}

static void test_consuming_moves_the_rest_down_and_wipes_behind_it(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    buf_put_str(&buf, "GET /one");
    buf_consume(&buf, 0);
    buf_consume(&buf, 4);
    assert_buf_text(&buf, "/one");
    assert_memory_equal(buf.data + 4, "\0\0\0\0", 4);
    buf_consume(&buf, 4);
    assert_buf_text(&buf, "");
}

static void test_a_reader_yields_what_was_put(void **state)
{
    reader_t r = reader_over(SLICE_LIT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0fxyz"));

    (void)state;
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_true(reader_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_false(reader_done(&r));
    assert_slice_text(reader_take(&r, 3), "xyz");
    assert_slice_text(reader_take(&r, 0), "");
    assert_true(reader_done(&r));
}

static void test_after_a_short_read_nothing_more_is_read(void **state)
{
    reader_t r = reader_over(SLICE_LIT("\x01\x02\x03"));

    (void)state;
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.fails);
    assert_int_equal(reader_u8(&r), 0); /* though there are three bytes */
    assert_null(reader_take(&r, 1).data);
    assert_false(reader_done(&r));
}

static void test_a_length_past_the_end_is_refused(void **state)
{
    reader_t r = reader_over(SLICE_LIT("ab"));

    (void)state;
    assert_int_equal(reader_take(&r, SIZE_MAX).len, 0);
    assert_true(r.fails);
    r = reader_over((slice_t){ 0 });
    assert_true(reader_done(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_false(reader_done(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_compare_by_length_and_content),
        cmocka_unit_test(test_a_prefix_is_not_longer_than_the_slice),
        cmocka_unit_test(test_order_is_of_unsigned_bytes_the_shorter_first),
        cmocka_unit_test(test_a_cut_takes_what_stands_before_the_byte),
        cmocka_unit_test(test_the_last_part_is_all_that_is_left),
        cmocka_unit_test(test_a_byte_is_found_anywhere_in_a_slice),
        cmocka_unit_test(test_trimming_takes_outer_spaces_and_tabs_alone),
        cmocka_unit_test(test_an_empty_buffer_reads_as_an_empty_string),
        cmocka_unit_test(test_what_is_put_is_there_and_ends_in_nul),
        cmocka_unit_test(test_numbers_are_big_endian),
        cmocka_unit_test(test_growing_keeps_every_byte),
        cmocka_unit_test(test_formatted_text_of_any_length_is_whole_and_ends_in_nul),
        cmocka_unit_test(test_reserved_memory_becomes_text_when_len_is_moved),
        cmocka_unit_test(test_an_impossible_size_fails_and_stays_failed),
        cmocka_unit_test(test_clearing_wipes_and_makes_the_buffer_good_again),
        cmocka_unit_test(test_consuming_moves_the_rest_down_and_wipes_behind_it),
        cmocka_unit_test(test_a_reader_yields_what_was_put),
        cmocka_unit_test(test_after_a_short_read_nothing_more_is_read),
        cmocka_unit_test(test_a_length_past_the_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
