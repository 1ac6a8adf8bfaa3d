#include "config.h"

#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "util/secret.h"

#ifdef WITH_SANITIZER
#define LOCKS false /* the sanitizers turn mlock() into nothing */
#else
#define LOCKS true
#endif

#define SMALL 32
#define LARGE 100000

static secret_t *fresh(size_t len)
{
    secret_t *secret = NULL;

    assert_ok(secret_new(len, &secret));
    return secret;
}

static bool all_zero(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

static void test_every_length_is_zeroed_whole_and_its_own(void **state)
{
    secret_t *before = fresh(SMALL);

    (void)state;
    memset(secret_data(before), 0x55, SMALL);
    for (size_t len = 1; len <= SECRET_MAX; len = len < 5000 ? len + 7 : len * 2) {
        secret_t *secret = fresh(len);

        assert_int_equal(secret_len(secret), len);
        assert_true(all_zero(secret_data(secret), len));
        memset(secret_data(secret), 0xaa, len);
        secret_free(secret);
    }
    for (size_t i = 0; i < SMALL; i++) {
        assert_int_equal(secret_data(before)[i], 0x55);
    }
    secret_free(before);
}

static void test_lengths_out_of_range_are_refused(void **state)
{
    secret_t *secret = NULL;

    (void)state;
    assert_err(secret_new(0, &secret), P11KMS_E_RANGE);
    assert_err(secret_new(SECRET_MAX + 1, &secret), P11KMS_E_RANGE);
    assert_err(secret_copy("", 0, &secret), P11KMS_E_RANGE);
    assert_null(secret);
}

static void test_a_copy_holds_the_bytes(void **state)
{
    secret_t *secret = NULL;

    (void)state;
    assert_ok(secret_copy("pin\0more", 8, &secret));
    assert_slice_equal(secret_slice(secret), SLICE_LIT("pin\0more"));
    secret_free(secret);
    secret_free(NULL);
}

/* The block is handed out again: what a freed secret left would show. */
static void test_a_freed_secret_is_wiped(void **state)
{
    secret_t *first = fresh(SMALL);
    uint8_t *at = secret_data(first);

    (void)state;
    memset(at, 0xaa, SMALL);
    secret_free(first);
    assert_true(all_zero(at, SMALL)); /* slabs stay mapped */
}

static void test_truncating_wipes_what_is_cut(void **state)
{
    secret_t *secret = fresh(SMALL);

    (void)state;
    memset(secret_data(secret), 0xaa, SMALL);
    secret_truncate(secret, 10);
    assert_int_equal(secret_len(secret), 10);
    assert_int_equal(secret_data(secret)[9], 0xaa);
    assert_true(all_zero(secret_data(secret) + 10, SMALL - 10));
    secret_truncate(secret, 20); /* never longer */
    assert_int_equal(secret_len(secret), 10);
    secret_free(secret);
}

static void test_equality_is_of_length_and_bytes(void **state)
{
    (void)state;
    assert_true(secret_eq(SLICE_LIT("same"), SLICE_LIT("same")));
    assert_true(secret_eq((slice_t){ 0 }, SLICE_LIT("")));
    assert_false(secret_eq(SLICE_LIT("same"), SLICE_LIT("samf")));
    assert_false(secret_eq(SLICE_LIT("\x80"), SLICE_LIT("\x00")));
    assert_false(secret_eq(SLICE_LIT("same"), SLICE_LIT("sam")));
}

/* What the kernel says of the mapping that holds @p at (proc_pid_smaps(5)). */
static void mapping_flags(const void *at, char flags[256])
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    char line[512];
    bool inside = false;

    assert_non_null(maps);
    flags[0] = '\0';
    while (fgets(line, sizeof(line), maps) != NULL) {
        uintptr_t from, to;

        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
            inside = (uintptr_t)at >= from && (uintptr_t)at < to;
        } else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            snprintf(flags, 256, "%.255s", line);
        }
    }
    fclose(maps);
}

static void test_the_memory_is_left_out_of_dumps_and_locked(void **state)
{
    static const size_t lengths[] = { SMALL, LARGE };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        secret_t *secret = fresh(lengths[i]);
        char flags[256];

        mapping_flags(secret_data(secret), flags);
        if (flags[0] != '\0') { /* not where smaps has no flags, as under gVisor */
            assert_non_null(strstr(flags, " dd"));
            assert_non_null(strstr(flags, " wf"));
            assert_true(!LOCKS || strstr(flags, " lo") != NULL || secret_unlocked() > 0);
        }
        secret_free(secret);
    }
}

static void test_a_forked_child_finds_nothing_and_may_free_it(void **state)
{
    secret_t *small = fresh(SMALL);
    secret_t *large = fresh(LARGE);
    int status = -1;
    pid_t pid;

    (void)state;
    memset(secret_data(small), 0xaa, SMALL);
    memset(secret_data(large), 0xaa, LARGE);
    pid = fork();
    if (pid == 0) {
        bool clean = secret_len(small) == 0 && all_zero(secret_data(small), SMALL) &&
                     secret_len(large) == 0 && all_zero(secret_data(large), LARGE);
        secret_t *own = NULL;

        secret_free(small);
        secret_free(large);
        clean = clean && secret_copy("its own", 7, &own) == P11KMS_OK && secret_len(own) == 7;
        _exit(clean ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(secret_data(small)[0], 0xaa);
    secret_free(small);
    secret_free(large);
}

/* In a child, as the limit can be lowered but not raised again. */
static void test_past_the_lock_limit_secrets_still_work_and_are_counted(void **state)
{
    int status = -1;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        struct rlimit none = { 0, 0 };
        size_t before = secret_unlocked();
        secret_t *secret = NULL;

        /* root may lock all it likes */
        if (!LOCKS || setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (getuid() == 0 && setuid(65534) != 0)) {
            _exit(77);
        }
        _exit(secret_new(LARGE, &secret) == P11KMS_OK && secret_unlocked() > before ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(status, 0);
}

static void *churn(void *arg)
{
    uint8_t mark = *(uint8_t *)arg;
    secret_t *held[16] = { NULL };

    for (unsigned i = 0; i < 4000; i++) {
        secret_t **slot = &held[i % COUNT_OF(held)];

        if (*slot != NULL) {
            for (size_t at = 0; at < secret_len(*slot); at++) {
                if (secret_data(*slot)[at] != mark) {
                    return arg;
                }
            }
            secret_free(STEAL(*slot));
        }
        if (secret_new(1 + i % 3000, slot) != P11KMS_OK || !all_zero(secret_data(*slot), secret_len(*slot))) {
            return arg;
        }
        memset(secret_data(*slot), mark, secret_len(*slot));
    }
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        secret_free(held[i]);
    }
    return NULL;
}

static void test_threads_do_not_share_a_block(void **state)
{
    static uint8_t marks[4] = { 1, 2, 3, 4 };
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &marks[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *failed = NULL;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_is_zeroed_whole_and_its_own),
        cmocka_unit_test(test_lengths_out_of_range_are_refused),
        cmocka_unit_test(test_a_copy_holds_the_bytes),
        cmocka_unit_test(test_a_freed_secret_is_wiped),
        cmocka_unit_test(test_truncating_wipes_what_is_cut),
        cmocka_unit_test(test_equality_is_of_length_and_bytes),
        cmocka_unit_test(test_the_memory_is_left_out_of_dumps_and_locked),
        cmocka_unit_test(test_a_forked_child_finds_nothing_and_may_free_it),
        cmocka_unit_test(test_past_the_lock_limit_secrets_still_work_and_are_counted),
        cmocka_unit_test(test_threads_do_not_share_a_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
