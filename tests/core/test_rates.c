/* How often each principal may call. */
#include "tests/testing.h"

#include <stdio.h>

#include "core/rates.h"
#include "crypto/crypto.h"

#define SECOND INT64_C(1000000)
#define START (100 * SECOND)
#define APP SLICE_LIT("arn:aws:iam::123456789012:user/app")
#define OTHER SLICE_LIT("arn:aws:iam::123456789012:user/other")

enum { ALL, SLOW, UNLIMITED, LIMITS };

static rates_t *make(unsigned all, unsigned slow)
{
    const unsigned per_second[LIMITS] = { [ALL] = all, [SLOW] = slow };
    rates_t *rates = NULL;

    assert_ok(crypto_init());
    assert_ok(rates_new(per_second, LIMITS, &rates));
    return rates;
}

/* How many of @p n calls at @p now_us are let through. */
static unsigned taken(rates_t *rates, slice_t who, size_t limit, unsigned n, int64_t now_us)
{
    unsigned some = 0;

    while (n-- > 0) {
        some += rates_take(rates, who, limit, now_us);
    }
    return some;
}

static void test_a_second_worth_of_calls_passes_at_once_and_no_more(void **state)
{
    static const unsigned numbers[] = { 1, 2, 3, 7, 1000, 99999 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        rates_t *rates = make(numbers[i], 0);

        assert_int_equal(taken(rates, APP, ALL, numbers[i] + 5, START), numbers[i]);
        assert_int_equal(rates_refused(rates, ALL), 5);
        rates_free(rates);
    }
}

static void test_what_was_used_comes_back_with_time(void **state)
{
    rates_t *rates = make(10, 0);

    (void)state;
    assert_int_equal(taken(rates, APP, ALL, 20, START), 10);
    assert_int_equal(taken(rates, APP, ALL, 20, START + SECOND / 10), 1);
    assert_int_equal(taken(rates, APP, ALL, 20, START + SECOND / 10 + SECOND / 20), 0);
    assert_int_equal(taken(rates, APP, ALL, 20, START + SECOND / 2), 4);
    assert_int_equal(taken(rates, APP, ALL, 20, START + 100 * SECOND), 10); /* never more than a second's worth */
    rates_free(rates);
}

static void test_over_ten_seconds_the_rate_holds_however_often_one_asks(void **state)
{
    rates_t *rates = make(50, 0);
    unsigned some = 0;

    (void)state;
    for (int64_t at = 0; at < 10 * SECOND; at += 1000) {
        some += rates_take(rates, APP, ALL, START + at);
    }
    assert_in_range(some, 500, 550); /* and the second's worth at the start */
    rates_free(rates);
}

static void test_one_principal_does_not_use_up_another(void **state)
{
    rates_t *rates = make(3, 0);

    (void)state;
    assert_int_equal(taken(rates, APP, ALL, 10, START), 3);
    assert_int_equal(taken(rates, OTHER, ALL, 10, START), 3);
    rates_free(rates);
}

static void test_limits_count_apart(void **state)
{
    rates_t *rates = make(5, 2);

    (void)state;
    assert_int_equal(taken(rates, APP, SLOW, 10, START), 2);
    assert_int_equal(taken(rates, APP, ALL, 10, START), 5);
    assert_int_equal(taken(rates, APP, UNLIMITED, 1000, START), 1000);
    assert_int_equal(taken(rates, APP, LIMITS, 1000, START), 1000); /* there is no such limit */
    assert_int_equal(rates_refused(rates, SLOW), 8);
    assert_int_equal(rates_refused(rates, UNLIMITED), 0);
    rates_free(rates);
}

static void test_without_a_limit_there_is_no_table_and_everyone_passes(void **state)
{
    rates_t *rates = make(0, 0);

    (void)state;
    assert_null(rates);
    assert_true(rates_take(rates, APP, ALL, START));
    assert_int_equal(rates_refused(rates, ALL), 0);
    rates_free(rates);
}

static slice_t nth(char name[64], unsigned i)
{
    return SLICE(name, (size_t)snprintf(name, 64, "arn:aws:iam::123456789012:user/%u", i));
}

static void test_the_table_is_bounded_and_forgets_whom_it_saw_longest_ago(void **state)
{
    rates_t *rates = make(1, 0);
    char name[64];

    (void)state;
    for (unsigned i = 0; i < RATES_PRINCIPALS; i++) {
        assert_int_equal(taken(rates, nth(name, i), ALL, 2, START), 1);
    }
    assert_false(rates_take(rates, nth(name, 0), ALL, START)); /* known yet, and now the newest */
    assert_true(rates_take(rates, APP, ALL, START));           /* takes the place of 1 */
    assert_false(rates_take(rates, nth(name, 0), ALL, START));
    assert_false(rates_take(rates, nth(name, 2), ALL, START));
    assert_true(rates_take(rates, nth(name, 1), ALL, START));
    rates_free(rates);
}

static void test_many_principals_come_and_go(void **state)
{
    rates_t *rates = make(2, 3);
    char name[64];

    (void)state;
    for (unsigned i = 0; i < 20 * RATES_PRINCIPALS; i++) {
        slice_t who = nth(name, i * 2654435761u % (3 * RATES_PRINCIPALS));

        (void)rates_take(rates, who, i % 2, START + i);
    }
    assert_int_equal(taken(rates, APP, SLOW, 9, START), 3);
    rates_free(rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_worth_of_calls_passes_at_once_and_no_more),
        cmocka_unit_test(test_what_was_used_comes_back_with_time),
        cmocka_unit_test(test_over_ten_seconds_the_rate_holds_however_often_one_asks),
        cmocka_unit_test(test_one_principal_does_not_use_up_another),
        cmocka_unit_test(test_limits_count_apart),
        cmocka_unit_test(test_without_a_limit_there_is_no_table_and_everyone_passes),
        cmocka_unit_test(test_the_table_is_bounded_and_forgets_whom_it_saw_longest_ago),
        cmocka_unit_test(test_many_principals_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
