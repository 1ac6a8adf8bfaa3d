#include "util/encode.h"

#include <stdio.h>

#include "util/clock.h"

/* The range that four-digit years can say: 0000-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z. */
#define MS_MIN INT64_C(-62167219200000)
#define MS_MAX INT64_C(253402300799999)

#define DAYS_400_YEARS 146097
#define DAYS_0000_TO_1970 719528

typedef struct {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
    unsigned weekday; /* from Sunday = 0 */
} civil_t;

static bool leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

unsigned month_days(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && leap(year));
}

/* Days from 0000-01-01 to the first of @p year. */
static unsigned days_before_year(unsigned year)
{
    return year == 0 ? 0 : 365 * year + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1;
}

int64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    unsigned days = days_before_year(year) + day - 1;

    for (unsigned before = 1; before < month; before++) {
        days += month_days(year, before);
    }
    return (int64_t)days - DAYS_0000_TO_1970;
}

/* gmtime_r() takes a lock and knows leap seconds of the time zone files; this does neither. */
static civil_t civil_from_ms(int64_t ms)
{
    civil_t c = { .month = 1 };
    int64_t clamped = ms < MS_MIN ? MS_MIN : ms > MS_MAX ? MS_MAX : ms;
    uint64_t since_0000 = (uint64_t)(clamped - MS_MIN);
    unsigned day = (unsigned)(since_0000 / CLOCK_DAY_MS);
    unsigned second = (unsigned)(since_0000 % CLOCK_DAY_MS / 1000);

    c.hour = second / 3600;
    c.minute = second / 60 % 60;
    c.second = second % 60;
    c.weekday = (day + 6) % 7; /* 0000-01-01 was a Saturday */
    c.year = (unsigned)((uint64_t)day * 400 / DAYS_400_YEARS);
    while (days_before_year(c.year) > day) {
        c.year--;
    }
    while (days_before_year(c.year + 1) <= day) {
        c.year++;
    }
    day -= days_before_year(c.year);
    while (day >= month_days(c.year, c.month)) {
        day -= month_days(c.year, c.month++);
    }
    c.day = day + 1;
    return c;
}

static char *put_digits(char *at, unsigned value, size_t len, char behind)
{
    for (size_t i = len; i-- > 0; value /= 10) {
        at[i] = (char)('0' + value % 10);
    }
    at[len] = behind;
    return at + len + 1;
}

/* Once a request: snprintf() takes ten times as long. */
void time_format_iso(int64_t ms, char out[TIME_TEXT])
{
    civil_t c = civil_from_ms(ms);
    char *at = put_digits(out, c.year, 4, '-');

    at = put_digits(at, c.month, 2, '-');
    at = put_digits(at, c.day, 2, 'T');
    at = put_digits(at, c.hour, 2, ':');
    at = put_digits(at, c.minute, 2, ':');
    at = put_digits(at, c.second, 2, 'Z');
    *at = '\0';
}

void time_format_http(int64_t ms, char out[TIME_HTTP_TEXT])
{
    static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    civil_t c = civil_from_ms(ms);

    snprintf(out, TIME_HTTP_TEXT, "%s, %02u %s %04u %02u:%02u:%02u GMT", weekdays[c.weekday], c.day,
             months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

/* @p len digits at @p at; false where there is another character. */
static bool digits(const uint8_t *at, size_t len, unsigned *ret)
{
    unsigned value = 0;

    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        value = value * 10 + (at[i] - '0');
    }
    *ret = value;
    return true;
}

static bool in_range(const civil_t *c)
{
    return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= month_days(c->year, c->month) &&
           c->hour < 24 && c->minute < 60 && c->second < 60;
}

p11kms_err time_parse_amz(slice_t text, int64_t *ret_ms)
{
    const uint8_t *at = text.data;
    civil_t c = { 0 };

    ENSURE(text.len == 16 && at[8] == 'T' && at[15] == 'Z', P11KMS_E_SYNTAX);
    ENSURE(digits(at, 4, &c.year) && digits(at + 4, 2, &c.month) && digits(at + 6, 2, &c.day) &&
               digits(at + 9, 2, &c.hour) && digits(at + 11, 2, &c.minute) && digits(at + 13, 2, &c.second),
           P11KMS_E_SYNTAX);
    ENSURE(in_range(&c), P11KMS_E_SYNTAX);
    *ret_ms = days_since_epoch(c.year, c.month, c.day) * CLOCK_DAY_MS +
              ((int64_t)c.hour * 3600 + c.minute * 60 + c.second) * 1000;
    return P11KMS_OK;
}
