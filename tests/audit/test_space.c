/* How much is left on the log's disk. */
#include "tests/testing.h"

#include <time.h>

#include "audit/writer.h"
#include "tests/audit/files.h"
#include "tests/fakes/fake_disk.h"
#include "util/clock.h"

#define MIB (1L << 20)

static audit_t *audit;

static void open_with(uint64_t reserve, long free_bytes)
{
    const audit_options options = { .dir = scratch_folder(), .reserve = reserve };

    fake_disk_reset();
    fake_disk_free(free_bytes);
    assert_ok(audit_open_on(&options, &fake_disk_io, &audit));
}

static void assert_low_soon(bool low)
{
    const struct timespec pause = { .tv_nsec = 20000000 };
    int64_t until = clock_mono_us() + 5000000;

    while (audit_get_space(audit).low != low && clock_mono_us() < until) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(audit_get_space(audit).low, low);
}

static void test_the_reserve_is_what_was_asked_for(void **state)
{
    (void)state;
    open_with(64 * MIB, 65 * MIB);
    audit_space space = audit_get_space(audit);
    assert_false(space.low);
    assert_int_equal(space.free_bytes, 65 * MIB);
    assert_int_equal(space.reserve_bytes, 64 * MIB);
    audit_close(audit);
    open_with(64 * MIB, 63 * MIB);
    assert_true(audit_get_space(audit).low);
    audit_close(audit);
}

static void test_of_a_small_disk_it_is_a_twentieth(void **state)
{
    (void)state;
    open_with(1000 * MIB, FAKE_DISK_SIZE / 20);
    assert_int_equal(audit_get_space(audit).reserve_bytes, FAKE_DISK_SIZE / 20);
    assert_false(audit_get_space(audit).low);
    audit_close(audit);
    open_with(1000 * MIB, FAKE_DISK_SIZE / 20 - 1);
    assert_true(audit_get_space(audit).low);
    audit_close(audit);
}

static void test_without_a_reserve_it_is_never_low(void **state)
{
    (void)state;
    open_with(0, 0);
    assert_false(audit_get_space(audit).low);
    audit_close(audit);
}

static void test_a_change_is_seen_within_seconds_by_who_asks(void **state)
{
    (void)state;
    open_with(64 * MIB, 65 * MIB);
    fake_disk_free(1 * MIB);
    assert_low_soon(true);
    fake_disk_free(65 * MIB);
    assert_low_soon(false);
    assert_ok(audit_append(audit, SLICE_LIT("{}"))); /* low or not, what is asked for is written */
    audit_close(audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reserve_is_what_was_asked_for),
        cmocka_unit_test(test_of_a_small_disk_it_is_a_twentieth),
        cmocka_unit_test(test_without_a_reserve_it_is_never_low),
        cmocka_unit_test(test_a_change_is_seen_within_seconds_by_who_asks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
