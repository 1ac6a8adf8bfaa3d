#include "tests/testing.h"

#include <pthread.h>
#include <sys/wait.h>

#include "util/encode.h"
#include "util/map.h"

static const uint8_t example[16] = { 0xf8, 0x1d, 0x4f, 0xae, 0x7d, 0xec, 0x11, 0xd0,
                                     0xa7, 0x65, 0x00, 0xa0, 0xc9, 0x1e, 0x6b, 0xf6 };

static void test_the_text_is_lower_case_with_dashes(void **state)
{
    char text[UUID_TEXT];

    (void)state;
    uuid_format(example, text);
    assert_string_equal(text, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
}

static void test_the_text_reads_back_in_either_case(void **state)
{
    uint8_t uuid[16];

    (void)state;
    assert_ok(uuid_parse(SLICE_LIT("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), uuid));
    assert_memory_equal(uuid, example, 16);
    assert_ok(uuid_parse(SLICE_LIT("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"), uuid));
    assert_memory_equal(uuid, example, 16);
}

static void test_other_forms_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf60",
        "f81d4fae7dec11d0a76500a0c91e6bf6",
        "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
        "f81d4fae-7dec-11d0-a765_00a0c91e6bf6",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bg6",
        "f81d4fa-e7dec-11d0-a765-00a0c91e6bf6",
        " 81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    };
    uint8_t uuid[16];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_err(uuid_parse(SLICE_STR(bad[i]), uuid), P11KMS_E_SYNTAX);
    }
}

static void test_random_ones_are_version_4_and_all_different(void **state)
{
    map_t *seen = NULL;

    (void)state;
    assert_ok(map_new(&seen));
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t uuid[16];
        void *old = NULL;

        uuid_random(uuid);
        assert_int_equal(uuid[6] >> 4, 4);
        assert_int_equal(uuid[8] >> 6, 2);
        assert_ok(map_put(seen, SLICE(uuid, 16), uuid, &old));
        assert_null(old);
    }
    map_free(seen, NULL);
}

static void test_a_forked_child_does_not_repeat_the_parent(void **state)
{
    uint8_t parent[16], child[16];
    int status, pipe_fds[2];
    pid_t pid;

    (void)state;
    uuid_random(parent); /* the block is fetched */
    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0) {
        uuid_random(child);
        _exit(write(pipe_fds[1], child, 16) == 16 ? 0 : 1);
    }
    uuid_random(parent);
    assert_int_equal(read(pipe_fds[0], child, 16), 16);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_memory_not_equal(parent, child, 16);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void *make_one(void *out)
{
    uuid_random(out);
    return NULL;
}

static void test_threads_draw_different_ones(void **state)
{
    uint8_t made[8][16];
    pthread_t threads[8];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_one, made[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(made[i], made[j], 16);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_text_is_lower_case_with_dashes),
        cmocka_unit_test(test_the_text_reads_back_in_either_case),
        cmocka_unit_test(test_other_forms_are_refused),
        cmocka_unit_test(test_random_ones_are_version_4_and_all_different),
        cmocka_unit_test(test_a_forked_child_does_not_repeat_the_parent),
        cmocka_unit_test(test_threads_draw_different_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
