#include "tests/testing.h"

#include <stdio.h>
#include <time.h>

#include "util/clock.h"
#include "util/encode.h"

static void test_known_dates_are_formatted(void **state)
{
    char iso[TIME_TEXT];
    char http[TIME_HTTP_TEXT];

    (void)state;
    time_format_iso(INT64_C(1767323045000), iso);
    assert_string_equal(iso, "2026-01-02T03:04:05Z");
    time_format_iso(0, iso);
    assert_string_equal(iso, "1970-01-01T00:00:00Z");
    time_format_iso(999, iso);
    assert_string_equal(iso, "1970-01-01T00:00:00Z");
    time_format_http(INT64_C(784111777000), http); /* RFC 9110 section 5.6.7 */
    assert_string_equal(http, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void test_times_before_1970_go_back(void **state)
{
    char iso[TIME_TEXT];

    (void)state;
    time_format_iso(-1, iso);
    assert_string_equal(iso, "1969-12-31T23:59:59Z");
}

static void test_times_no_text_can_say_are_held_at_the_ends(void **state)
{
    char iso[TIME_TEXT];
    char http[TIME_HTTP_TEXT];

    (void)state;
    time_format_iso(INT64_MAX, iso);
    assert_string_equal(iso, "9999-12-31T23:59:59Z");
    time_format_iso(INT64_MIN, iso);
    assert_string_equal(iso, "0000-01-01T00:00:00Z");
    time_format_http(INT64_MAX, http);
    assert_string_equal(http, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/* The C library as oracle, a step that meets every month, leap years and centuries. */
static void test_four_centuries_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t s = INT64_C(-7000000000); s < INT64_C(7000000000); s += 4567891) {
        char iso[TIME_TEXT], http[TIME_HTTP_TEXT], amz[32], expected[64];
        time_t t = (time_t)s;
        struct tm tm;
        int64_t back = 0;

        gmtime_r(&t, &tm);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
        time_format_iso(s * 1000 + 500, iso);
        assert_string_equal(iso, expected);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        time_format_http(s * 1000, http);
        assert_string_equal(http, expected);
        strftime(amz, sizeof(amz), "%Y%m%dT%H%M%SZ", &tm);
        assert_ok(time_parse_amz(SLICE_STR(amz), &back));
        assert_true(back == s * 1000);
    }
}

static void test_days_count_from_the_epoch_to_either_end(void **state)
{
    (void)state;
    assert_int_equal(days_since_epoch(1970, 1, 1), 0);
    assert_int_equal(days_since_epoch(2000, 3, 1), 11017);
    assert_int_equal(days_since_epoch(0, 1, 1), -719528);
    assert_int_equal(days_since_epoch(0, 3, 1), -719468);
    assert_int_equal(days_since_epoch(9999, 12, 31), 2932896);
}

static void test_leap_days_exist_in_leap_years_only(void **state)
{
    int64_t ms = 0;

    (void)state;
    assert_ok(time_parse_amz(SLICE_LIT("20240229T000000Z"), &ms));
    assert_ok(time_parse_amz(SLICE_LIT("20000229T000000Z"), &ms));
    assert_err(time_parse_amz(SLICE_LIT("20230229T000000Z"), &ms), P11KMS_E_SYNTAX);
    assert_err(time_parse_amz(SLICE_LIT("19000229T000000Z"), &ms), P11KMS_E_SYNTAX);
}

static void test_malformed_dates_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "20260102T030405",
        "20260102T030405ZZ",
        "20260102 030405Z",
        "20260102t030405Z",
        "20260102T030405z",
        "2026-01-02T03:04",
        "20261302T030405Z",
        "20260002T030405Z",
        "20260100T030405Z",
        "20260132T030405Z",
        "20260431T030405Z",
        "20260102T240405Z",
        "20260102T036005Z",
        "20260102T030460Z",
        "2026010-T030405Z",
        " 0260102T030405Z",
        "2026+102T030405Z",
    };
    int64_t ms = 42;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(time_parse_amz(SLICE_STR(bad[i]), &ms), P11KMS_E_SYNTAX);
    }
    assert_int_equal(ms, 42);
}

static void test_service_time_is_wall_time_and_the_offset(void **state)
{
    (void)state;
    clock_set_service_offset_ms(400 * CLOCK_DAY_MS);
    assert_true(clock_service_offset_ms() == 400 * CLOCK_DAY_MS);
    assert_in_range(clock_service_ms() - clock_wall_ms(), 400 * CLOCK_DAY_MS - 1000,
                    400 * CLOCK_DAY_MS + 1000);
    clock_set_service_offset_ms(0);
    assert_in_range(clock_wall_ms() / 1000, time(NULL) - 1, time(NULL) + 1);
}

static void test_monotonic_time_does_not_go_back(void **state)
{
    int64_t before = clock_mono_us();

    (void)state;
    usleep(2000);
    assert_in_range(clock_mono_us() - before, 2000, 2000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_dates_are_formatted),
        cmocka_unit_test(test_times_before_1970_go_back),
        cmocka_unit_test(test_times_no_text_can_say_are_held_at_the_ends),
        cmocka_unit_test(test_four_centuries_agree_with_the_c_library),
        cmocka_unit_test(test_days_count_from_the_epoch_to_either_end),
        cmocka_unit_test(test_leap_days_exist_in_leap_years_only),
        cmocka_unit_test(test_malformed_dates_are_refused),
        cmocka_unit_test(test_service_time_is_wall_time_and_the_offset),
        cmocka_unit_test(test_monotonic_time_does_not_go_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
