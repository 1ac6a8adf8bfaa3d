#include "util/near.h"

#include "tests/testing.h"

static void test_distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(edit_distance(SLICE_LIT("pin-sorce"), SLICE_LIT("pin-source"), 9), 1);
    assert_int_equal(edit_distance(SLICE_LIT("regoin"), SLICE_LIT("region"), 9), 1);
    assert_int_equal(edit_distance(SLICE_LIT("kitten"), SLICE_LIT("sitting"), 9), 3);
    assert_int_equal(edit_distance(SLICE_LIT(""), SLICE_LIT("abc"), 9), 3);
}

static void test_distance_stops_at_its_limit(void **state)
{
    (void)state;
    assert_int_equal(edit_distance(SLICE_LIT("abc"), SLICE_LIT("xyz"), 2), 2);
}

static void test_a_name_too_long_is_near_nothing(void **state)
{
    char name[65];

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_int_equal(edit_distance(SLICE(name, 64), SLICE(name, 64), 5), 0);
    assert_int_equal(edit_distance(SLICE(name, 65), SLICE(name, 65), 5), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_counts_edits),
        cmocka_unit_test(test_distance_stops_at_its_limit),
        cmocka_unit_test(test_a_name_too_long_is_near_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
