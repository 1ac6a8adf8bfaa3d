#include "tests/testing.h"

#include <stdio.h>

#include "util/map.h"

static map_t *fresh(void)
{
    map_t *map = NULL;

    assert_ok(map_new(&map));
    return map;
}

/* Aumasson and Bernstein's reference vectors: key 00..0f, message 00, 01, 02, ... */
static void test_siphash_known_answers(void **state)
{
    static const uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
    static const struct {
        size_t len;
        uint64_t hash;
    } known[] = {
        { 0, UINT64_C(0x726fdb47dd0e0e31) },
        { 1, UINT64_C(0x74f839c593dc67fd) },
        { 8, UINT64_C(0x93f5f5799a932462) },
        { 15, UINT64_C(0xa129ca6149be45e5) },
    };
    uint8_t message[15];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        assert_true(map_siphash(key, SLICE(message, known[i].len)) == known[i].hash);
    }
}

static void test_an_empty_map_has_nothing(void **state)
{
    map_t *map = fresh();
    size_t pos = 0;
    slice_t key;
    void *value;

    (void)state;
    assert_int_equal(map_size(map), 0);
    assert_null(map_get(map, SLICE_LIT("a")));
    assert_null(map_remove(map, SLICE_LIT("a")));
    assert_false(map_next(map, &pos, &key, &value));
    map_free(map, NULL);
    map_free(NULL, NULL);
}

static void test_the_map_keeps_its_own_copy_of_the_key(void **state)
{
    map_t *map = fresh();
    char key[] = "alias/x";
    int value;

    (void)state;
    assert_ok(map_put(map, SLICE_STR(key), &value, NULL));
    memset(key, '-', strlen(key));
    assert_ptr_equal(map_get(map, SLICE_LIT("alias/x")), &value);
    map_free(map, NULL);
}

static void test_keys_are_bytes_of_any_value_and_length(void **state)
{
    map_t *map = fresh();
    int a, b, c;

    (void)state;
    assert_ok(map_put(map, SLICE_LIT("x\0y"), &a, NULL));
    assert_ok(map_put(map, SLICE_LIT("x"), &b, NULL));
    assert_ok(map_put(map, (slice_t){ 0 }, &c, NULL));
    assert_ptr_equal(map_get(map, SLICE_LIT("x\0y")), &a);
    assert_ptr_equal(map_get(map, SLICE_LIT("x")), &b);
    assert_ptr_equal(map_get(map, SLICE_LIT("")), &c);
    assert_null(map_get(map, SLICE_LIT("x\0")));
    map_free(map, NULL);
}

static void test_putting_again_hands_back_the_old_value(void **state)
{
    map_t *map = fresh();
    int first, second;
    void *old = &second;

    (void)state;
    assert_ok(map_put(map, SLICE_LIT("k"), &first, &old));
    assert_null(old);
    assert_ok(map_put(map, SLICE_LIT("k"), &second, &old));
    assert_ptr_equal(old, &first);
    assert_ptr_equal(map_get(map, SLICE_LIT("k")), &second);
    assert_int_equal(map_size(map), 1);
    map_free(map, NULL);
}

static void count_freed(void *value)
{
    ++*(int *)value;
}

static void test_freeing_frees_each_value_once(void **state)
{
    map_t *map = fresh();
    int freed[3] = { 0 };

    (void)state;
    assert_ok(map_put(map, SLICE_LIT("a"), &freed[0], NULL));
    assert_ok(map_put(map, SLICE_LIT("b"), &freed[1], NULL));
    assert_ok(map_put(map, SLICE_LIT("c"), &freed[2], NULL));
    assert_ptr_equal(map_remove(map, SLICE_LIT("b")), &freed[1]);
    map_free(map, count_freed);
    assert_int_equal(freed[0], 1);
    assert_int_equal(freed[1], 0);
    assert_int_equal(freed[2], 1);
}

#define KEYS 400

static slice_t numbered(unsigned n, char text[16])
{
    snprintf(text, 16, "key-%u", n);
    return SLICE_STR(text);
}

/* An array as oracle, through growth and runs of removals. */
static void test_a_long_mix_of_changes_agrees_with_an_array(void **state)
{
    map_t *map = fresh();
    bool in[KEYS] = { false };
    uint8_t values[KEYS];
    size_t size = 0;
    uint32_t random = 1;
    char text[16];

    (void)state;
    for (unsigned step = 0; step < 40000; step++) {
        unsigned n;

        random = random * 1664525u + 1013904223u;
        n = (random >> 8) % KEYS;
        if ((random >> 24) % 2 == 0) {
            assert_ok(map_put(map, numbered(n, text), &values[n], NULL));
            size += !in[n];
            in[n] = true;
        } else {
            assert_ptr_equal(map_remove(map, numbered(n, text)), in[n] ? &values[n] : NULL);
            size -= in[n];
            in[n] = false;
        }
        assert_int_equal(map_size(map), size);
    }
    for (unsigned n = 0; n < KEYS; n++) {
        assert_ptr_equal(map_get(map, numbered(n, text)), in[n] ? &values[n] : NULL);
    }
    map_free(map, NULL);
}

static void test_iteration_meets_each_entry_once(void **state)
{
    map_t *map = fresh();
    uint8_t met[100] = { 0 };
    char text[16];
    size_t pos = 0;
    slice_t key;
    void *value;

    (void)state;
    for (unsigned n = 0; n < COUNT_OF(met); n++) {
        assert_ok(map_put(map, numbered(n, text), &met[n], NULL));
    }
    while (map_next(map, &pos, &key, &value)) {
        assert_slice_equal(key, numbered((unsigned)((uint8_t *)value - met), text));
        ++*(uint8_t *)value;
    }
    for (unsigned n = 0; n < COUNT_OF(met); n++) {
        assert_int_equal(met[n], 1);
    }
    map_free(map, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_known_answers),
        cmocka_unit_test(test_an_empty_map_has_nothing),
        cmocka_unit_test(test_the_map_keeps_its_own_copy_of_the_key),
        cmocka_unit_test(test_keys_are_bytes_of_any_value_and_length),
        cmocka_unit_test(test_putting_again_hands_back_the_old_value),
        cmocka_unit_test(test_freeing_frees_each_value_once),
        cmocka_unit_test(test_a_long_mix_of_changes_agrees_with_an_array),
        cmocka_unit_test(test_iteration_meets_each_entry_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
