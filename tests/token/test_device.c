/*
 * The promises of token.h on a module of your own: an HSM, a TPM, a card, openCryptoki. It runs
 * when P11KMS_TEST_MODULE, P11KMS_TEST_URI and P11KMS_TEST_PIN_FILE say which, makes keys with
 * random ids and destroys them again. P11KMS_TEST_INIT_ARGS and P11KMS_TEST_SESSIONS are optional.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "tests/fakes/softhsm.h"
#include "tests/token/calls.h"

static token_t *token;
static token_info info;
static token_op_t op;
static uint8_t key[TOKEN_KEY_ID];

static int setup(void **state)
{
    static char pin_source[4200];
    const char *sessions = getenv("P11KMS_TEST_SESSIONS");
    token_options options = softhsm_options("device");
    (void)state;

    options.uri = getenv("P11KMS_TEST_URI");
    options.module = getenv("P11KMS_TEST_MODULE");
    options.init_args = getenv("P11KMS_TEST_INIT_ARGS");
    options.pin_source = pin_source;
    options.sessions = sessions != NULL ? (unsigned)atoi(sessions) : 1;
    options.dev = true;
    if (options.uri == NULL || options.module == NULL || getenv("P11KMS_TEST_PIN_FILE") == NULL) {
        return 0;
    }
    snprintf(pin_source, sizeof(pin_source), "file:%s", getenv("P11KMS_TEST_PIN_FILE"));
    if (token_open(&options, false, &token) != P11KMS_OK) {
        print_error("token_open: %s\n", p11kms_err_detail(P11KMS_E_TOKEN_LOST));
        return 1;
    }
    info = token_get_info(token);
    print_message("# '%s' of %s, %s: prf %d, generate %d, gcm %d, random %d, session copy %d, %u keys\n", info.label,
                  info.manufacturer, info.library, info.can_prf, info.can_generate, info.can_gcm, info.can_random,
                  info.can_session_copy, info.keys);
    return getrandom(key, sizeof(key), 0) == (ssize_t)sizeof(key) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    if (token != NULL && info.can_generate) {
        (void)!call(token, &op, TOKEN_OP_DESTROY, key, SLICE_LIT(""));
    }
    token_close(token);
    token_op_wipe(&op);
    return 0;
}

static void need(bool capability)
{
    if (token == NULL || !capability) {
        skip();
    }
}

static void prf(uint8_t out[TOKEN_PRF_LEN])
{
    assert_ok(call(token, &op, TOKEN_OP_PRF, key, SLICE_LIT("a message")));
    memcpy(out, op.out, TOKEN_PRF_LEN);
}

static void test_it_answers_pings(void **state)
{
    (void)state;
    need(true);
    assert_ok(call(token, &op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
}

static void test_it_gives_random_bytes(void **state)
{
    (void)state;
    need(info.can_random);
    op.out_len = TOKEN_RANDOM_MAX;
    assert_ok(call(token, &op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")));
}

static void test_it_makes_a_key_once(void **state)
{
    (void)state;
    need(info.can_generate);
    assert_ok(call(token, &op, TOKEN_OP_GENERATE, key, SLICE_LIT("device test")));
    assert_err(call(token, &op, TOKEN_OP_GENERATE, key, SLICE_LIT("device test")), P11KMS_E_EXISTS);
}

static void test_the_key_answers_the_same_after_the_host_was_killed(void **state)
{
    uint8_t first[TOKEN_PRF_LEN], second[TOKEN_PRF_LEN], later[TOKEN_PRF_LEN];
    (void)state;

    need(info.can_generate && info.can_prf);
    prf(first);
    prf(second);
    assert_memory_equal(first, second, sizeof(first));
    kill(token_host_pid(token), SIGKILL);
    for (int i = 0; i < 3000 && (token_get_stats(token).restarts == 0 || token_get_state(token) != TOKEN_READY); i++) {
        usleep(10000);
    }
    prf(later);
    assert_memory_equal(first, later, sizeof(first));
}

static void *make_prfs(void *failed)
{
    token_op_t mine = { .kind = TOKEN_OP_PRF, .in = SLICE_LIT("a message") };

    memcpy(mine.key_id, key, sizeof(key));
    for (int i = 0; i < 100; i++) {
        *(unsigned *)failed += token_call(token, &mine) != P11KMS_OK;
    }
    return NULL;
}

static void test_keys_come_and_go_beside_a_load(void **state)
{
    uint8_t other[TOKEN_KEY_ID];
    unsigned failed[3] = { 0 };
    pthread_t threads[3];
    (void)state;

    need(info.can_generate && info.can_prf);
    assert_int_equal(getrandom(other, sizeof(other), 0), sizeof(other));
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_prfs, &failed[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        assert_ok(call(token, &op, TOKEN_OP_GENERATE, other, SLICE_LIT("device test")));
        assert_ok(call(token, &op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
        assert_ok(call(token, &op, TOKEN_OP_DESTROY, other, SLICE_LIT("")));
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failed[i], 0);
    }
}

static void test_a_destroyed_key_is_gone(void **state)
{
    (void)state;
    need(info.can_generate && info.can_prf);
    assert_ok(call(token, &op, TOKEN_OP_DESTROY, key, SLICE_LIT("")));
    assert_err(call(token, &op, TOKEN_OP_PRF, key, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_answers_pings),
        cmocka_unit_test(test_it_gives_random_bytes),
        cmocka_unit_test(test_it_makes_a_key_once),
        cmocka_unit_test(test_the_key_answers_the_same_after_the_host_was_killed),
        cmocka_unit_test(test_keys_come_and_go_beside_a_load),
        cmocka_unit_test(test_a_destroyed_key_is_gone),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
