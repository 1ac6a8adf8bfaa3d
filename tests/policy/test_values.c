#include "policy/values.h"

#include "tests/policy/kit.h"

typedef struct {
    const char *text;
    double value;
} number_row;

static const number_row numbers[] = {
    { "0", 0 },      { "7", 7 },           { "-12", -12 },
    { "007", 7 },    { "3.25", 3.25 },     { "-0.1", -0.1 },
    { "1.10", 1.1 }, { "2560", 2560 },     { "123456789012345678", 123456789012345678.0 },
    { "-0", 0 },     { "0.000001", 1e-6 }, { "1700000000", 1700000000 },
};

static const char *const not_numbers[] = {
    "",    "-",    "+1",  "1.",    ".5",
    "1e3", "0x10", " 1",  "1 ",    "1,5",
    "--1", "NaN",  "inf", "1.2.3", "1234567890123456789",
};

static void test_numbers_are_decimal_and_short(void **state)
{
    double value;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        assert_true(value_number(SLICE_STR(numbers[i].text), &value));
        assert_true(value == numbers[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(not_numbers); i++) {
        if (value_number(SLICE_STR(not_numbers[i]), &value)) {
            fail_msg("'%s' was taken for a number", not_numbers[i]);
        }
    }
}

typedef struct {
    const char *text;
    int64_t ms;
} date_row;

static const date_row dates[] = {
    { "1970-01-01T00:00:00Z", 0 },
    { "1969-12-31T23:59:59Z", -1000 },
    { "2026-01-02T03:04:05Z", 1767323045000 },
    { "2026-01-02T03:04Z", 1767323040000 },
    { "2026-01-02T03:04:05.5Z", 1767323045500 },
    { "2026-01-02T03:04:05.678901Z", 1767323045678 },
    { "2026-01-02T04:04:05+01:00", 1767323045000 },
    { "2026-01-01T21:34:05-05:30", 1767323045000 },
    { "2026-01-02", 1767312000000 },
    { "2026-01", 1767225600000 },
    { "2024-02-29", 1709164800000 },
    { "2000-02-29", 951782400000 },
    { "0", 0 },
    { "1767323045", 1767323045000 },
    { "99999", 99999000 },
};

static const char *const not_dates[] = {
    "",
    "2026",
    "yesterday",
    "2026-13",
    "2026-00",
    "2026-02-30",
    "2025-02-29",
    "1900-02-29",
    "2026-1-2",
    "2026-01-02T",
    "2026-01-02T03",
    "2026-01-02T03:04",
    "2026-01-02T03:04:05",
    "2026-01-02T24:00Z",
    "2026-01-02T03:60Z",
    "2026-01-02T03:04:60Z",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05+0100",
    "2026-01-02T03:04:05Z ",
    "2026-01-02 03:04:05Z",
    "20260102T030405Z",
    "-1",
    "1e9",
    "1767323045.5",
    "1234567890123",
    "2026-01-02*",
};

static void test_dates_are_w3c_iso_8601_or_epoch_seconds(void **state)
{
    int64_t ms;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(dates); i++) {
        if (!value_date(SLICE_STR(dates[i].text), &ms) || ms != dates[i].ms) {
            fail_msg("'%s'", dates[i].text);
        }
    }
    for (size_t i = 0; i < COUNT_OF(not_dates); i++) {
        if (value_date(SLICE_STR(not_dates[i]), &ms)) {
            fail_msg("'%s' was taken for a date", not_dates[i]);
        }
    }
}

typedef struct {
    const char *range;
    const char *address;
    bool inside;
} range_row;

static const range_row ranges[] = {
    { "203.0.113.0/24", "203.0.113.0", true },
    { "203.0.113.0/24", "203.0.113.255", true },
    { "203.0.113.0/24", "203.0.114.0", false },
    { "203.0.113.77/24", "203.0.113.1", true }, /* bits of the host are no matter */
    { "203.0.113.0/25", "203.0.113.127", true },
    { "203.0.113.0/25", "203.0.113.128", false },
    { "203.0.113.7", "203.0.113.7", true },
    { "203.0.113.7", "203.0.113.8", false },
    { "203.0.113.7/32", "203.0.113.7", true },
    { "0.0.0.0/0", "198.51.100.1", true },
    { "0.0.0.0/0", "2001:db8::1", false },
    { "::/0", "2001:db8::1", true },
    { "::/0", "198.51.100.1", false },
    { "2001:DB8:1234:5678::/64", "2001:db8:1234:5678::1", true },
    { "2001:db8:1234:5678::/64", "2001:db8:1234:5679::1", false },
    { "2001:db8::1", "2001:db8:0:0:0:0:0:1", true },
    { "2001:db8::/29", "2001:dbf:ffff::", true },
    { "2001:db8::/29", "2001:dc0::", false },
    /* an IPv4 peer of an IPv6 socket is an IPv4 peer */
    { "203.0.113.0/24", "::ffff:203.0.113.9", true },
    { "::ffff:203.0.113.0/120", "203.0.113.9", true },
    { "::ffff:0:0/96", "203.0.113.9", true },
};

static const char *const not_ranges[] = {
    "",
    "*",
    "203.0.113",
    "203.0.113.0/33",
    "203.0.113.0/",
    "203.0.113.0/024",
    "203.0.113.0/-1",
    "203.0.113.0/+8",
    "203.0.113.0/ 8",
    "203.0.113.256",
    "203.0.113.0/24/8",
    "2001:db8::/129",
    "2001:db8::g",
    "fe80::1%eth0",
    "203.0.113.0-203.0.113.9",
    "2001:db8:1:2:3:4:5:6:7",
    "localhost",
    "/24",
    "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111",
};

static void test_networks_hold_their_addresses_and_no_others(void **state)
{
    address_range range;
    uint8_t address[16];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        assert_true(value_range(SLICE_STR(ranges[i].range), &range));
        assert_true(value_address(SLICE_STR(ranges[i].address), address));
        if (value_in_range(&range, address) != ranges[i].inside) {
            fail_msg("%s and %s", ranges[i].range, ranges[i].address);
        }
    }
    for (size_t i = 0; i < COUNT_OF(not_ranges); i++) {
        if (value_range(SLICE_STR(not_ranges[i]), &range)) {
            fail_msg("'%s' was taken for a network", not_ranges[i]);
        }
    }
    assert_false(value_address(SLICE_LIT("203.0.113.0/24"), address));
    assert_false(value_address(SLICE_LIT("203.0.113.1\0"), address));
    assert_false(value_address(SLICE_LIT("unix"), address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_decimal_and_short),
        cmocka_unit_test(test_dates_are_w3c_iso_8601_or_epoch_seconds),
        cmocka_unit_test(test_networks_hold_their_addresses_and_no_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
