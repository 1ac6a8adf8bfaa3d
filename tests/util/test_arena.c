#include "tests/testing.h"

#include "util/arena.h"

static void test_memory_is_zeroed_and_aligned(void **state)
{
    _cleanup_(arena) arena_t *arena = arena_new(256);

    (void)state;
    for (size_t size = 0; size < 600; size++) {
        uint8_t *at = arena_alloc(arena, size);

        assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(at[i], 0);
        }
        memset(at, 0xff, size);
    }
}

static void test_memory_is_zero_again_after_a_reset(void **state)
{
    _cleanup_(arena) arena_t *arena = arena_new(256);

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t n = 0; n < 50; n++) {
            uint8_t *at = arena_alloc(arena, 40);

            for (size_t i = 0; i < 40; i++) {
                assert_int_equal(at[i], 0);
            }
            memset(at, 0xee, 40);
        }
        arena_reset(arena);
    }
}

static void test_allocations_do_not_overlap(void **state)
{
    _cleanup_(arena) arena_t *arena = arena_new(128);
    uint8_t *at[200];

    (void)state;
    for (size_t n = 0; n < COUNT_OF(at); n++) {
        at[n] = arena_alloc(arena, n + 1);
        memset(at[n], (int)n, n + 1);
    }
    for (size_t n = 0; n < COUNT_OF(at); n++) {
        for (size_t i = 0; i <= n; i++) {
            assert_int_equal(at[n][i], n);
        }
    }
}

static void test_one_larger_than_a_block_is_served(void **state)
{
    _cleanup_(arena) arena_t *arena = arena_new(64);
    uint8_t *large = arena_alloc(arena, 1 << 20);
    uint8_t *after = arena_alloc(arena, 8);

    (void)state;
    memset(large, 1, 1 << 20);
    assert_int_equal(after[0], 0);
}

static void test_copies_end_in_nul(void **state)
{
    _cleanup_(arena) arena_t *arena = arena_new(64);
    slice_t dup;

    (void)state;
    assert_string_equal(arena_strdup(arena, "abc"), "abc");
    assert_string_equal(arena_strdup(arena, ""), "");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    dup = arena_dup(arena, SLICE_LIT("a\0b"));
    assert_slice_equal(dup, SLICE_LIT("a\0b"));
    assert_int_equal(dup.data[3], '\0');
    assert_int_equal(arena_dup(arena, (slice_t){ 0 }).len, 0);
}

static void test_printing_makes_room_for_any_length(void **state)
{
    _cleanup_(arena) arena_t *arena = arena_new(64);
    const char *text = arena_printf(arena, "%0*d|%s", 5000, 7, "end");

    (void)state;
    assert_int_equal(strlen(text), 5004);
    assert_string_equal(text + 4999, "7|end");
    assert_string_equal(arena_printf(arena, "%s", ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_memory_is_zero_again_after_a_reset),
        cmocka_unit_test(test_allocations_do_not_overlap),
        cmocka_unit_test(test_one_larger_than_a_block_is_served),
        cmocka_unit_test(test_copies_end_in_nul),
        cmocka_unit_test(test_printing_makes_room_for_any_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
