#include "tests/testing.h"

#include <openssl/rand.h>
#include <sys/wait.h>

#include "crypto/crypto.h"

/* In place of the library's: once the machine is copied its state is, too, and the same comes again and again. */
static bool machine_is_copied;

static int give(int (*library)(OSSL_LIB_CTX *context, unsigned char *out, size_t len, unsigned strength),
                unsigned char *out, int len)
{
    if (!machine_is_copied) {
        return library(NULL, out, (size_t)len, 0);
    }
    memset(out, 0x5a, (size_t)len);
    return 1;
}

int RAND_bytes(unsigned char *out, int len)
{
    return give(RAND_bytes_ex, out, len);
}

int RAND_priv_bytes(unsigned char *out, int len)
{
    return give(RAND_priv_bytes_ex, out, len);
}

#define KIB 1024

typedef p11kms_err (*generator)(void *out, size_t len);

static const generator generators[] = { crypto_random, crypto_random_secret };

static void test_two_draws_differ(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(generators); i++) {
        uint8_t a[32], b[32];

        assert_ok(generators[i](a, sizeof(a)));
        assert_ok(generators[i](b, sizeof(b)));
        assert_memory_not_equal(a, b, sizeof(a));
    }
}

static void test_every_byte_asked_for_is_drawn_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(generators); i++) {
        uint8_t seen[101] = { 0 }, out[101];

        for (unsigned draw = 0; draw < 40; draw++) {
            memset(out, 0, sizeof(out));
            assert_ok(generators[i](out, 100));
            for (size_t at = 0; at < sizeof(out); at++) {
                seen[at] |= out[at];
            }
        }
        for (size_t at = 0; at < 100; at++) {
            assert_int_not_equal(seen[at], 0);
        }
        assert_int_equal(seen[100], 0);
    }
}

static void test_no_bytes_and_many_bytes_are_served(void **state)
{
    static uint8_t many[1 << 20];
    uint8_t one = 0x5a;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(generators); i++) {
        assert_ok(generators[i](&one, 0));
        assert_int_equal(one, 0x5a);
        assert_ok(generators[i](many, sizeof(many)));
        assert_memory_not_equal(many, many + sizeof(many) / 2, sizeof(many) / 2);
    }
}

static void test_a_length_past_the_library_is_refused(void **state)
{
    uint8_t out[1];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(generators); i++) {
        assert_err(generators[i](out, SIZE_MAX), P11KMS_E_CRYPTO);
        assert_err(generators[i](out, (size_t)UINT32_MAX + 2), P11KMS_E_CRYPTO); /* 1, as an int */
    }
}

static void test_stirring_leaves_the_generator_working(void **state)
{
    uint8_t a[32], b[32];

    (void)state;
    crypto_random_stir((slice_t){ 0 });
    crypto_random_stir(SLICE_LIT("bytes of the token"));
    assert_ok(crypto_random(a, sizeof(a)));
    crypto_random_stir(SLICE_LIT("bytes of the token"));
    assert_ok(crypto_random(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void test_a_forked_child_does_not_repeat_the_parent(void **state)
{
    uint8_t parent[32], child[32];
    int status, pipe_fds[2];
    pid_t pid;

    (void)state;
    assert_ok(crypto_random_secret(parent, sizeof(parent)));
    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0) {
        bool drawn = crypto_random_secret(child, sizeof(child)) == P11KMS_OK;

        _exit(drawn && write(pipe_fds[1], child, sizeof(child)) == sizeof(child) ? 0 : 1);
    }
    assert_ok(crypto_random_secret(parent, sizeof(parent)));
    assert_int_equal(read(pipe_fds[0], child, sizeof(child)), sizeof(child));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_memory_not_equal(parent, child, sizeof(parent));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void test_a_copied_machine_does_not_repeat_the_other(void **state)
{
    uint8_t here[KIB], there[KIB];

    (void)state;
    machine_is_copied = true;
    for (size_t i = 0; i < COUNT_OF(generators); i++) {
        memset(here, 0, sizeof(here));
        memset(there, 0, sizeof(there));
        assert_ok(generators[i](here, sizeof(here)));
        assert_ok(generators[i](there, sizeof(there)));
        for (size_t at = 0; at < sizeof(here); at += 16) {
            assert_memory_not_equal(here + at, there + at, 16);
        }
    }
    machine_is_copied = false;
}

static int init(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_draws_differ),
        cmocka_unit_test(test_every_byte_asked_for_is_drawn_and_no_other),
        cmocka_unit_test(test_no_bytes_and_many_bytes_are_served),
        cmocka_unit_test(test_a_length_past_the_library_is_refused),
        cmocka_unit_test(test_stirring_leaves_the_generator_working),
        cmocka_unit_test(test_a_forked_child_does_not_repeat_the_parent),
        cmocka_unit_test(test_a_copied_machine_does_not_repeat_the_other),
    };

    return cmocka_run_group_tests(tests, init, NULL);
}
