/* Verifications at once in several threads; mostly for --with-sanitizer=thread. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/identity/roles.h"

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

/* ---- sessions ---- */

#define SHARED 8

typedef struct {
    identity_t *identity;
    const session_credentials
        *shared; /* SHARED of them, the last one of a role whose sessions are revoked meanwhile */
    unsigned number;
    atomic_uint *wrong;
} session_worker;

static void ask_in_turn(const session_worker *worker, const session_credentials *issued, bool may_fail)
{
    const sigv4_credentials signer = signer_of(issued);
    identity_t *held = identity_ref(worker->identity);
    identity_auth auth;
    p11kms_err err = ask_as(held, &signer, 0, &auth);

    if (err == P11KMS_OK) {
        atomic_fetch_add(worker->wrong, auth.principal->issued_ms != at_time(NOW));
    } else if (!may_fail || err != P11KMS_E_AUTH_UNKNOWN_KEY) {
        atomic_fetch_add(worker->wrong, 1);
    }
    identity_auth_clear(&auth);
    identity_unref(held);
}

/** Sessions that all threads share, and each one's own, which push others out of what is kept. */
static void *use_sessions(void *arg)
{
    const session_worker *worker = arg;
    const session_spec spec = spec_of(worker->identity);

    for (unsigned i = 0; i < ROUNDS; i++) {
        unsigned which = (i * (worker->number + 1)) % SHARED;
        session_credentials own = { 0 };

        ask_in_turn(worker, &worker->shared[which], which == SHARED - 1);
        if (session_issue(worker->identity, &spec, &own) != P11KMS_OK) {
            atomic_fetch_add(worker->wrong, 1);
            continue;
        }
        ask_in_turn(worker, &own, false);
        session_credentials_clear(&own);
        if (i == ROUNDS / 2) {
            identity_revoke_sessions(worker->identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/app"),
                                     at_time(NOW) + worker->number);
        }
    }
    return NULL;
}

static void test_sessions_in_many_threads_agree(void **state)
{
    identity_t *identity = build_roles();
    session_credentials shared[SHARED];
    pthread_t threads[THREADS];
    session_worker workers[THREADS];
    atomic_uint wrong = 0;

    (void)state;
    for (unsigned i = 0; i < SHARED; i++) {
        session_spec spec = spec_of(identity);

        if (i == SHARED - 1) {
            spec.of = identity_find(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/app"));
        }
        assert_ok(session_issue(identity, &spec, &shared[i]));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (session_worker){ identity, shared, i, &wrong };
        assert_int_equal(pthread_create(&threads[i], NULL, use_sessions, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    for (unsigned i = 0; i < SHARED; i++) {
        session_credentials_clear(&shared[i]);
    }
    identity_unref(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verifications_in_many_threads_agree),
        cmocka_unit_test(test_sessions_in_many_threads_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
