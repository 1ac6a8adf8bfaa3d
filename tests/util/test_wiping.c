/*
 * No memory of a buffer, an arena or a document goes back to the allocator with a
 * secret in it. This program's own free() and realloc(), which json-c calls too,
 * look before they let go.
 */
#include "config.h"

#include "tests/testing.h"

#include <malloc.h>
#include <stdio.h>

#include "util/arena.h"
#include "util/encode.h"
#include "util/json.h"

#define MARK "SECRETSECRETSECRET"
#define OVERRIDES __attribute__((visibility("default")))

void __libc_free(void *ptr);

static unsigned frees;
static unsigned frees_with_mark;

#ifndef WITH_SANITIZER
OVERRIDES void free(void *ptr)
{
    if (ptr != NULL) {
        frees++;
        frees_with_mark += memmem(ptr, malloc_usable_size(ptr), MARK, sizeof(MARK) - 1) != NULL;
        __libc_free(ptr);
    }
}

OVERRIDES void *realloc(void *ptr, size_t size)
{
    void *moved = malloc(size);

    if (moved != NULL && ptr != NULL) {
        size_t old = malloc_usable_size(ptr);

        memcpy(moved, ptr, old < size ? old : size);
        free(ptr);
    }
    return moved;
}
#endif

static int forget(void **state)
{
    (void)state;
    frees = 0;
    frees_with_mark = 0;
    return 0;
}

static void assert_clean(void)
{
    assert_true(frees > 0);
    assert_int_equal(frees_with_mark, 0);
}

static void test_the_watch_sees_what_is_not_wiped(void **state)
{
    char *volatile copy = strdup(MARK); /* volatile, or the compiler leaves both calls out */

    (void)state;
    free(copy);
    assert_int_equal(frees_with_mark, 1);
}

static void test_a_freed_buffer_is_wiped(void **state)
{
    buf_t buf = { 0 };

    (void)state;
    buf_put_str(&buf, MARK);
    buf_free(&buf);
    assert_clean();
}

static void test_a_grown_buffer_leaves_no_copy(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        buf_put_str(&buf, MARK);
    }
    assert_clean();
}

static void test_reserved_bytes_that_were_never_counted_are_wiped(void **state)
{
    buf_t buf = { 0 };

    (void)state;
    memcpy(buf_reserve(&buf, 100), MARK, sizeof(MARK));
    buf_free(&buf);
    assert_clean();
}

static void test_a_refused_decoding_leaves_nothing(void **state)
{
    _cleanup_buf_ buf_t buf = { 0 };

    (void)state;
    /* the mark, then a digit that is none */
    assert_err(base64_decode(&buf, SLICE_LIT("U0VDUkVUU0VDUkVUU0VDUkVU!AAA")), P11KMS_E_SYNTAX);
    assert_null(memmem(buf.data, buf.cap, MARK, sizeof(MARK) - 1));
    assert_err(percent_decode(&buf, SLICE_LIT(MARK "%zz")), P11KMS_E_SYNTAX);
    assert_null(memmem(buf.data, buf.cap, MARK, sizeof(MARK) - 1));
    assert_int_equal(buf.len, 0);
}

static void test_a_reset_arena_frees_wiped_blocks(void **state)
{
    arena_t *arena = arena_new(64);

    (void)state;
    arena_strdup(arena, MARK);
    for (unsigned i = 0; i < 1000; i++) {
        arena_printf(arena, "%s %u", MARK, i);
    }
    arena_reset(arena);
    assert_clean();
    arena_strdup(arena, MARK);
    arena_free(arena);
    assert_clean();
}

static void parse_and_free(slice_t text)
{
    json_t *doc = NULL;

    assert_ok(json_parse(text, &doc));
    assert_clean();
    json_free(doc);
    assert_clean();
}

static void test_a_document_leaves_nothing(void **state)
{
    static const char *const texts[] = {
        "\"" MARK "\"",
        "{\"a\":{\"b\":\"" MARK "\"}}",
        "[1,[\"" MARK "\"]]",
        "{\"a\":[{\"b\":\"\\n" MARK MARK MARK "\"}],\"c\":\"" MARK "\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        parse_and_free(SLICE_STR(texts[i]));
    }
}

static bool none(const void *arg, slice_t name)
{
    (void)arg;
    (void)name;
    return false;
}

static void test_members_that_are_not_kept_leave_nothing(void **state)
{
    json_t *doc = NULL;

    (void)state;
    assert_ok(json_parse(SLICE_LIT("{\"a\":{\"b\":[\"" MARK "\"]},\"c\":\"" MARK "\"}"), &doc));
    json_keep(doc, none, NULL);
    assert_int_equal(frees_with_mark, 0);
    json_free(doc);
}

/* The tokener's buffer must grow for this one, and is not kept. */
static void test_a_large_document_leaves_nothing(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };

    (void)state;
    buf_put_str(&text, "[\"");
    for (unsigned i = 0; i < 20000; i++) {
        buf_put_str(&text, MARK "\\n"); /* an escape ends what json-c copies at once */
    }
    buf_put_str(&text, "\"]");
    parse_and_free(buf_slice(&text));
}

static void test_a_refused_document_leaves_nothing(void **state)
{
    json_t *doc = NULL;

    (void)state;
    assert_err(json_parse(SLICE_LIT("{\"a\":\"" MARK "\",}"), &doc), P11KMS_E_SYNTAX);
    assert_int_equal(frees_with_mark, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_watch_sees_what_is_not_wiped, forget),
        cmocka_unit_test_setup(test_a_freed_buffer_is_wiped, forget),
        cmocka_unit_test_setup(test_a_grown_buffer_leaves_no_copy, forget),
        cmocka_unit_test_setup(test_reserved_bytes_that_were_never_counted_are_wiped, forget),
        cmocka_unit_test_setup(test_a_refused_decoding_leaves_nothing, forget),
        cmocka_unit_test_setup(test_a_reset_arena_frees_wiped_blocks, forget),
        cmocka_unit_test_setup(test_a_document_leaves_nothing, forget),
        cmocka_unit_test_setup(test_members_that_are_not_kept_leave_nothing, forget),
        cmocka_unit_test_setup(test_a_large_document_leaves_nothing, forget),
        cmocka_unit_test_setup(test_a_refused_document_leaves_nothing, forget),
    };

#ifdef WITH_SANITIZER
    puts("1..0 # SKIP the sanitizer has the allocator");
    return tests[0].test_func == NULL;
#else
    return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
