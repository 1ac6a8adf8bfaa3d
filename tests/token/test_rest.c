/* What private keys leave to the others, and the others to them. Time is numbers here. */
#include "tests/testing.h"

#include "token/host/rest.h"

#define RSA_US 600
#define DAY_US (INT64_C(86400) * 1000000)

/** Operations one after the other for a day beside @p quick_per_second; the share of the time that is work. */
static double share_of_work(unsigned quick_per_second, int64_t took_us)
{
    rest_t rest = { 0 };
    int64_t now = 0, worked = 0;

    for (unsigned i = 0; i < 100000 && now < DAY_US; i++) {
        now += took_us;
        worked += took_us;
        now += rest_after(&rest, (unsigned)(now * quick_per_second / 1000000), took_us);
    }
    return (double)worked / (double)now;
}

static void test_with_nothing_else_to_do_there_is_no_rest(void **state)
{
    rest_t rest = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rest_after(&rest, 0, RSA_US), 0);
    }
}

static void test_beside_a_full_load_half_of_the_time_is_left_to_it(void **state)
{
    (void)state;
    assert_true(share_of_work(30000, RSA_US) < 0.501);
    assert_true(share_of_work(30000, 140) < 0.501);
    assert_true(share_of_work(30000, 10000) < 0.501);
}

static void test_beside_any_load_half_of_the_time_is_work(void **state)
{
    static const int64_t took[] = { 1, 140, RSA_US, 10000, 1000000 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(took); i++) {
        rest_t rest = { 0 };

        for (unsigned n = 1; n < 1000; n++) {
            assert_in_range(rest_after(&rest, n * 1000000, took[i]), 0, took[i]);
        }
    }
}

static void test_beside_a_light_load_hardly_anything_is_left(void **state)
{
    (void)state;
    assert_true(share_of_work(200, RSA_US) > 0.97);
    assert_true(share_of_work(2000, RSA_US) > 0.79);
}

static void test_no_rest_is_long_however_long_the_operation_took(void **state)
{
    rest_t rest = { 0 };

    (void)state;
    assert_in_range(rest_after(&rest, 1000000, 4000000), 1, 20000);
}

static void test_a_load_that_is_over_is_soon_forgotten(void **state)
{
    rest_t rest = { 0 };
    int64_t rested = 0;

    (void)state;
    (void)rest_after(&rest, 4000000000u, 1);
    for (int i = 0; i < 1000; i++) {
        rested += rest_after(&rest, 4000000000u, RSA_US);
    }
    assert_in_range(rested, 0, 20000);
    assert_int_equal(rest_after(&rest, 4000000000u, RSA_US), 0);
}

static void test_the_count_of_quick_operations_may_wrap(void **state)
{
    rest_t rest = { .seen = UINT32_MAX };

    (void)state;
    assert_int_equal(rest_after(&rest, 1, RSA_US), 200);
    assert_int_equal(rest_after(&rest, 1, RSA_US), 0);
}

static void test_a_clock_that_stands_still_means_no_rest(void **state)
{
    rest_t rest = { 0 };

    (void)state;
    assert_int_equal(rest_after(&rest, 1000, 0), 0);
    assert_int_equal(rest_after(&rest, 1000, -5), 0);
}

static void test_with_processors_enough_nobody_steps_back(void **state)
{
    (void)state;
    assert_true(rest_wanted(1, 1));
    assert_true(rest_wanted(2, 1));
    assert_true(rest_wanted(4, 1));
    assert_false(rest_wanted(5, 1));
    assert_true(rest_wanted(8, 8));
    assert_false(rest_wanted(12, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_nothing_else_to_do_there_is_no_rest),
        cmocka_unit_test(test_beside_a_full_load_half_of_the_time_is_left_to_it),
        cmocka_unit_test(test_beside_any_load_half_of_the_time_is_work),
        cmocka_unit_test(test_beside_a_light_load_hardly_anything_is_left),
        cmocka_unit_test(test_no_rest_is_long_however_long_the_operation_took),
        cmocka_unit_test(test_a_load_that_is_over_is_soon_forgotten),
        cmocka_unit_test(test_the_count_of_quick_operations_may_wrap),
        cmocka_unit_test(test_a_clock_that_stands_still_means_no_rest),
        cmocka_unit_test(test_with_processors_enough_nobody_steps_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
