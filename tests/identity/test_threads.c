/* Verifications at once in several threads; mostly for --with-sanitizer=thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/identity/people.h"

#define THREADS 4
#define ROUNDS 300

typedef struct {
    identity_t *identity;
    unsigned number;
    atomic_uint *wrong;
} worker_t;

/** One of many regions, so that threads meet in the cache, in its hits and in its evictions. */
static void *work(void *arg)
{
    const worker_t *worker = arg;
    const identity_check check = { .now_ms = at_time(NOW), .skew_seconds = 300, .service = "kms" };

    for (unsigned i = 0; i < ROUNDS; i++) {
        sigv4_credentials credentials = credentials_of(APP_KEY);
        _cleanup_(arena) arena_t *arena = arena_new(4096);
        _cleanup_buf_ buf_t text = { 0 };
        identity_t *held = identity_ref(worker->identity);
        char region[32];
        identity_auth auth;
        message_t message;

        snprintf(region, sizeof(region), "r-%u", (i * (worker->number + 1)) % 37);
        credentials.region = region;
        put_signed_request(&text, &credentials);
        if (i % 5 == 4) {
            edit(&text, "alias/app", "alias/apq");
        }
        request_read(arena, buf_slice(&text), &message);
        p11kms_err err = identity_authenticate(held, &message, &check, &auth);
        if (err != (i % 5 == 4 ? P11KMS_E_AUTH_SIGNATURE : P11KMS_OK)) {
            atomic_fetch_add(worker->wrong, 1);
        }
        identity_unref(held);
    }
    return NULL;
}

static void test_verifications_in_many_threads_agree(void **state)
{
    identity_t *identity = build_people();
    pthread_t threads[THREADS];
    worker_t workers[THREADS];
    atomic_uint wrong = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){ identity, i, &wrong };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    identity_unref(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verifications_in_many_threads_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
