/* Markers: opaque, bound to their listing, and nobody else's. */
#include "tests/testing.h"

#include "api/page.h"
#include "crypto/crypto.h"

static const uint8_t key_a[32] = "a key of the store: 32 bytes...";
static const uint8_t key_b[32] = "another key of another store...";

static int setup(void **state)
{
    if (crypto_init() != P11KMS_OK) {
        return 1;
    }
    page_set_key(key_a);
    *state = arena_new(4096);
    return *state == NULL;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static p11kms_err open_text(arena_t *arena, const char *listing, const char *marker)
{
    const char *last = NULL;
    p11kms_err err = page_open(arena, listing, SLICE_STR(marker), &last);

    assert_true((err == P11KMS_OK) == (last != NULL));
    return err;
}

static void test_a_marker_gives_back_the_last_name(void **state)
{
    static const char *const names[] = { "alias/app", "x", "", "1234abcd-12ab-34cd-56ef-1234567890ab" };
    const char *last;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *marker = page_marker(*state, "ListKeys", names[i]);

        assert_ok(page_open(*state, "ListKeys", SLICE_STR(marker), &last));
        assert_string_equal(last, names[i]);
    }
}

static void test_the_longest_name_fits_the_models_marker(void **state)
{
    char name[257];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_true(strlen(page_marker(*state, "ListAliases", name)) <= 1024);
}

static void test_no_marker_is_the_first_page(void **state)
{
    const char *last;

    assert_ok(page_open(*state, "ListKeys", (slice_t){ 0 }, &last));
    assert_string_equal(last, "");
}

static void test_a_marker_of_another_listing_is_refused(void **state)
{
    const char *marker = page_marker(*state, "ListAliases:key-1", "alias/app");

    assert_ok(open_text(*state, "ListAliases:key-1", marker));
    assert_err(open_text(*state, "ListAliases:key-2", marker), P11KMS_E_MARKER);
    assert_err(open_text(*state, "ListAliases", marker), P11KMS_E_MARKER);
    assert_err(open_text(*state, "ListAliases:key-1alias", marker), P11KMS_E_MARKER);
}

static void test_a_marker_of_another_store_is_refused(void **state)
{
    const char *marker;

    page_set_key(key_b);
    marker = page_marker(*state, "ListKeys", "k");
    page_set_key(key_a);
    assert_err(open_text(*state, "ListKeys", marker), P11KMS_E_MARKER);
}

static void test_a_marker_changed_anywhere_is_refused(void **state)
{
    const char *marker = page_marker(*state, "ListKeys", "key");
    size_t len = strlen(marker);

    for (size_t i = 0; i < len; i++) {
        char *changed = arena_strdup(*state, marker);

        changed[i] = changed[i] == '0' ? '1' : '0';
        assert_err(open_text(*state, "ListKeys", changed), P11KMS_E_MARKER);
    }
    for (size_t cut = 1; cut < len; cut++) {
        assert_err(open_text(*state, "ListKeys", arena_strndup(*state, marker, cut)), P11KMS_E_MARKER);
    }
    assert_err(open_text(*state, "ListKeys", arena_printf(*state, "%s00", marker)), P11KMS_E_MARKER);
}

static void test_what_was_never_a_marker_is_refused(void **state)
{
    static const char *const texts[] = { "0", "zz", "nonsense",
                                         "AAAAAAAAAAAAAAAAAAAAAAAA==", "0100000000000000000000000000000000" };
    char *long_text = arena_alloc(*state, 10001);

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_err(open_text(*state, "ListKeys", texts[i]), P11KMS_E_MARKER);
    }
    memset(long_text, '0', 10000);
    assert_err(open_text(*state, "ListKeys", long_text), P11KMS_E_MARKER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_marker_gives_back_the_last_name),
        cmocka_unit_test(test_the_longest_name_fits_the_models_marker),
        cmocka_unit_test(test_no_marker_is_the_first_page),
        cmocka_unit_test(test_a_marker_of_another_listing_is_refused),
        cmocka_unit_test(test_a_marker_of_another_store_is_refused),
        cmocka_unit_test(test_a_marker_changed_anywhere_is_refused),
        cmocka_unit_test(test_what_was_never_a_marker_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
