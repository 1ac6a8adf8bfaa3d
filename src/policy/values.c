#include "policy/values.h"

#include <arpa/inet.h>

#include "util/clock.h"
#include "util/encode.h"

#define DIGITS_MAX 18

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool take_char(slice_t *text, char c)
{
    if (text->len == 0 || text->data[0] != (uint8_t)c) {
        return false;
    }
    *text = SLICE(text->data + 1, text->len - 1);
    return true;
}

/* Digits as they come, at most @p max; the number taken. */
static size_t take_digits(slice_t *text, size_t max, int64_t *value)
{
    size_t n = 0;

    while (n < max && n < text->len && is_digit(text->data[n])) {
        *value = *value * 10 + (text->data[n] - '0');
        n++;
    }
    *text = SLICE(text->data + n, text->len - n);
    return n;
}

/* ---- numbers ---- */

static double power_of_ten(size_t exponent)
{
    double power = 1;

    while (exponent-- > 0) {
        power *= 10; /* exact up to 10^22 */
    }
    return power;
}

bool value_number(slice_t text, double *ret)
{
    bool negative = take_char(&text, '-');
    int64_t digits = 0;
    size_t whole = take_digits(&text, DIGITS_MAX, &digits);
    size_t fraction = 0;

    if (whole == 0) {
        return false;
    }
    if (take_char(&text, '.')) {
        fraction = take_digits(&text, DIGITS_MAX - whole, &digits);
        if (fraction == 0) {
            return false;
        }
    }
    if (text.len > 0) {
        return false;
    }
    *ret = (negative ? -1 : 1) * ((double)digits / power_of_ten(fraction));
    return true;
}

/* ---- dates ---- */

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)

static bool take_two(slice_t *text, int64_t max, int64_t *ret)
{
    *ret = 0;
    return take_digits(text, 2, ret) == 2 && *ret <= max;
}

/* ".5": thousandths; finer digits are read and dropped */
static bool take_fraction(slice_t *text, int64_t *ms)
{
    int64_t value = 0;
    size_t n = take_digits(text, 3, &value);
    int64_t finer = 0;

    if (n == 0) {
        return false;
    }
    for (; n < 3; n++) {
        value *= 10;
    }
    take_digits(text, 6, &finer);
    *ms += value;
    return true;
}

/* "Z", "+01:00", "-0530" is not one of them */
static bool take_zone(slice_t *text, int64_t *ms)
{
    int64_t hours;
    int64_t minutes;
    int sign = take_char(text, '-') ? -1 : 1;

    if (sign > 0 && take_char(text, 'Z')) {
        return true;
    }
    if (sign > 0 && !take_char(text, '+')) {
        return false;
    }
    if (!take_two(text, 23, &hours) || !take_char(text, ':') || !take_two(text, 59, &minutes)) {
        return false;
    }
    *ms -= sign * (hours * HOUR_MS + minutes * MINUTE_MS);
    return true;
}

/* "T03:04Z", "T03:04:05+01:00", "T03:04:05.678Z" */
static bool take_time(slice_t *text, int64_t *ms)
{
    int64_t hours;
    int64_t minutes;
    int64_t seconds = 0;

    if (!take_two(text, 23, &hours) || !take_char(text, ':') || !take_two(text, 59, &minutes)) {
        return false;
    }
    if (take_char(text, ':')) {
        if (!take_two(text, 59, &seconds) || (take_char(text, '.') && !take_fraction(text, ms))) {
            return false;
        }
    }
    *ms += hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS;
    return take_zone(text, ms);
}

static bool iso_date(slice_t text, int64_t *ret_ms)
{
    int64_t year = 0;
    int64_t month;
    int64_t day = 1;
    int64_t ms = 0;

    if (take_digits(&text, 4, &year) != 4 || !take_char(&text, '-') || !take_two(&text, 12, &month) ||
        month == 0) {
        return false;
    }
    if (take_char(&text, '-')) {
        if (!take_two(&text, month_days((unsigned)year, (unsigned)month), &day) || day == 0) {
            return false;
        }
        if (take_char(&text, 'T') && !take_time(&text, &ms)) {
            return false;
        }
    }
    if (text.len > 0) {
        return false;
    }
    *ret_ms = ms + days_since_epoch((unsigned)year, (unsigned)month, (unsigned)day) * CLOCK_DAY_MS;
    return true;
}

bool value_date(slice_t text, int64_t *ret_ms)
{
    slice_t rest = text;
    int64_t seconds = 0;
    size_t n = take_digits(&rest, 12, &seconds);

    if (n > 0 && n != 4 && rest.len == 0) {
        *ret_ms = seconds * SECOND_MS;
        return true;
    }
    return iso_date(text, ret_ms);
}

/* ---- addresses ---- */

#define MAPPED_BITS 96 /* ::ffff:0:0/96 */

static bool is_mapped(const uint8_t address[16])
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

static bool parse_address(slice_t text, uint8_t ret[16], bool *ret_v4)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t v4[4];

    if (text.len >= sizeof(copy) || text.len == 0 || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *ret_v4 = inet_pton(AF_INET, copy, v4) == 1;
    if (*ret_v4) {
        memset(ret, 0, 10);
        memset(ret + 10, 0xff, 2);
        memcpy(ret + 12, v4, sizeof(v4));
        return true;
    }
    return inet_pton(AF_INET6, copy, ret) == 1;
}

bool value_address(slice_t text, uint8_t ret[16])
{
    bool v4;

    return parse_address(text, ret, &v4);
}

/* "/24" without a sign, a space or a leading zero */
static bool parse_bits(slice_t text, int64_t max, int64_t *ret)
{
    slice_t rest = text;

    *ret = 0;
    return take_digits(&rest, 3, ret) > 0 && rest.len == 0 && *ret <= max &&
           (text.data[0] != '0' || text.len == 1);
}

bool value_range(slice_t text, address_range *ret)
{
    const uint8_t *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
    slice_t address = slash != NULL ? SLICE(text.data, (size_t)(slash - text.data)) : text;
    int64_t bits;
    bool v4;

    if (!parse_address(address, ret->address, &v4)) {
        return false;
    }
    bits = v4 ? 32 : 128;
    if (slash != NULL && !parse_bits(SLICE(slash + 1, text.len - address.len - 1), bits, &bits)) {
        return false;
    }
    ret->bits = (uint8_t)(v4 ? bits + MAPPED_BITS : bits);
    return true;
}

/* A network of one family holds no address of the other: ::/0 is no IPv4 network. */
bool value_in_range(const address_range *range, const uint8_t address[16])
{
    size_t bytes = range->bits / 8;
    unsigned rest = range->bits % 8;

    if (is_mapped(address) != (range->bits >= MAPPED_BITS && is_mapped(range->address))) {
        return false;
    }
    return memcmp(range->address, address, bytes) == 0 &&
           (rest == 0 || ((range->address[bytes] ^ address[bytes]) >> (8 - rest)) == 0);
}
