/* The token host's defences, each against a module that does what some real one does: mock_module.c. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "tests/fakes/scratch.h"
#include "tests/token/calls.h"
#include "util/clock.h"

#define DEADLINE_MS 500

static const uint8_t key_a[TOKEN_KEY_ID] = "key-a-----------";
static const uint8_t key_b[TOKEN_KEY_ID] = "key-b-----------";

struct fixture {
    token_options options;
    token_t *token;
    token_op_t op;
    const char *folder;
    char module[4200], host[4200], pin[4200];
};

static void set_pin(struct fixture *f, const char *pin)
{
    FILE *file = fopen(f->pin + strlen("file:"), "w");

    assert_non_null(file);
    fputs(pin, file);
    fclose(file);
}

static int setup(void **state)
{
    static struct fixture f;
    const char *built = getenv("P11KMS_BUILDDIR");

    built = built != NULL ? built : ".";
    f = (struct fixture){ .folder = scratch_folder() };
    setenv("MOCK_DIR", f.folder, 1);
    unsetenv("MOCK_FAULTS");
    snprintf(f.module, sizeof(f.module), "%s/tests/token/.libs/mock_module.so", built);
    snprintf(f.host, sizeof(f.host), "%s/src/p11kms-token", built);
    snprintf(f.pin, sizeof(f.pin), "file:%s/pin", f.folder);
    set_pin(&f, "1234");
    f.options = (token_options){
        .name = "mock",
        .uri = "pkcs11:token=mock",
        .module = f.module,
        .pin_source = f.pin,
        .host_path = f.host,
        .dev = true,
        .session_copies = true,
        .op_deadline_ms = DEADLINE_MS,
        .slow_deadline_ms = 2000,
        .start_deadline_ms = 2000,
    };
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    token_close(f->token);
    token_op_wipe(&f->op);
    return 0;
}

static p11kms_err try_open(struct fixture *f, const char *faults)
{
    setenv("MOCK_FAULTS", faults, 1);
    return token_open(&f->options, false, &f->token);
}

static struct fixture *open_with(void **state, const char *faults)
{
    struct fixture *f = *state;

    if (try_open(f, faults) != P11KMS_OK) {
        fail_msg("token_open: %s", p11kms_err_detail(P11KMS_E_TOKEN_LOST));
    }
    return f;
}

static p11kms_err generate(struct fixture *f, const uint8_t *key)
{
    return call(f->token, &f->op, TOKEN_OP_GENERATE, key, SLICE_LIT("label"));
}

static p11kms_err prf(struct fixture *f, const char *in)
{
    return call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_STR(in));
}

static struct fixture *open_with_key(void **state, const char *faults)
{
    struct fixture *f = open_with(state, faults);

    assert_ok(generate(f, key_a));
    return f;
}

static unsigned count_in(const struct fixture *f, const char *name)
{
    FILE *file = fopen(scratch_path(f->folder, name), "r");
    unsigned n = 0;

    if (file != NULL) {
        assert_int_equal(fscanf(file, "%u", &n), 1);
        fclose(file);
    }
    return n;
}

static size_t listed(struct fixture *f)
{
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    return f->op.out_list.len / TOKEN_KEY_ID;
}

static void wait_ready(struct fixture *f)
{
    for (int i = 0; i < 500 && token_get_state(f->token) != TOKEN_READY; i++) {
        usleep(10000);
    }
    assert_int_equal(token_get_state(f->token), TOKEN_READY);
}

static void test_without_faults_it_serves(void **state)
{
    struct fixture *f = open_with_key(state, "");
    token_info info = token_get_info(f->token);

    assert_true(info.can_prf && info.can_generate && info.can_gcm && info.can_random && info.can_session_copy);
    assert_ok(prf(f, "a"));
    assert_ok(prf(f, "a"));
    assert_int_equal(listed(f), 1);
    assert_int_equal(count_in(f, "attempts"), 1);
}

/* ---- starting ---- */

static void test_a_module_that_hangs_or_crashes_at_start_costs_one_start(void **state)
{
    struct fixture *f = *state;

    f->options.start_deadline_ms = 300;
    assert_err(try_open(f, "hang-initialize"), P11KMS_E_TOKEN_LOST);
    assert_err(try_open(f, "hang-login"), P11KMS_E_TOKEN_LOST);
    f->options.start_deadline_ms = 2000;
    assert_err(try_open(f, "crash-initialize"), P11KMS_E_TOKEN_LOST);
    assert_err(try_open(f, "fail-initialize"), P11KMS_E_TOKEN_LOST);
    assert_string_equal(p11kms_err_detail(P11KMS_E_TOKEN_LOST), "C_Initialize: CKR_DEVICE_ERROR");
    assert_err(try_open(f, "fail-login"), P11KMS_E_TOKEN_LOST);
    assert_err(try_open(f, "fail-find"), P11KMS_E_TOKEN_LOST);
    assert_ok(try_open(f, ""));
}

static void test_a_module_that_hangs_at_the_end_does_not_hang_the_daemon(void **state)
{
    struct fixture *f = open_with(state, "hang-finalize");
    int64_t before_us = clock_mono_us();
    int pid = token_host_pid(f->token);

    token_close(f->token);
    f->token = NULL;
    assert_in_range((clock_mono_us() - before_us) / 1000, 0, 3000);
    assert_int_equal(kill(pid, 0), -1);
}

/* ---- the PIN ---- */

static void test_a_wrong_pin_is_tried_once(void **state)
{
    struct fixture *f = *state;

    set_pin(f, "9999");
    setenv("MOCK_FAULTS", "", 1);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_PIN);
    usleep(400000);
    assert_int_equal(count_in(f, "attempts"), 1);
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
}

static void test_orders_do_not_repeat_a_refused_pin(void **state)
{
    struct fixture *f = *state;

    set_pin(f, "9999");
    setenv("MOCK_FAULTS", "", 1);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_PIN);
    for (int i = 0; i < 5; i++) {
        token_retry_login(f->token);
        usleep(60000);
    }
    assert_int_equal(count_in(f, "attempts"), 1);
    set_pin(f, "1234");
    token_retry_login(f->token);
    wait_ready(f);
}

static void assert_attempts_end_at(struct fixture *f, unsigned n)
{
    for (int i = 0; i < 300 && token_get_state(f->token) != TOKEN_PIN_REFUSED; i++) {
        usleep(10000);
    }
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
    token_retry_login(f->token);
    usleep(300000);
    assert_int_equal(count_in(f, "attempts"), n);
}

static void test_a_login_that_errs_without_a_clear_word_is_not_repeated_for_ever(void **state)
{
    struct fixture *f = *state;

    setenv("MOCK_FAULTS", "fail-login", 1);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_LOST);
    assert_attempts_end_at(f, 2);
}

static void test_what_fails_after_the_login_does_not_count_as_one(void **state)
{
    struct fixture *f = *state;

    setenv("MOCK_FAULTS", "fail-find", 1);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_LOST);
    usleep(1200000);
    assert_int_equal(token_get_state(f->token), TOKEN_LOST);
    assert_in_range(count_in(f, "attempts"), 3, 10);
}

static void test_restarts_of_the_daemon_do_not_use_up_the_last_try(void **state)
{
    struct fixture *f = *state;

    set_pin(f, "9999");
    for (int i = 0; i < 4; i++) {
        assert_err(try_open(f, ""), P11KMS_E_TOKEN_PIN);
    }
    assert_int_equal(count_in(f, "attempts"), 2); /* the third would lock it */
    assert_int_equal(count_in(f, "wrong-pins"), 2);
}

static void test_the_last_try_is_taken_when_ordered(void **state)
{
    struct fixture *f = *state;

    set_pin(f, "9999");
    assert_err(try_open(f, ""), P11KMS_E_TOKEN_PIN);
    assert_err(try_open(f, ""), P11KMS_E_TOKEN_PIN);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_PIN);
    token_retry_login(f->token);
    usleep(300000);
    assert_int_equal(count_in(f, "attempts"), 2); /* not while the source is what it was */
    set_pin(f, "1234");
    token_retry_login(f->token);
    wait_ready(f);
    assert_int_equal(count_in(f, "attempts"), 3);
}

static void set_count(const struct fixture *f, const char *name, unsigned n)
{
    FILE *file = fopen(scratch_path(f->folder, name), "w");

    assert_non_null(file);
    fprintf(file, "%u", n);
    fclose(file);
}

static void test_a_locked_pin_is_not_tried(void **state)
{
    struct fixture *f = *state;

    set_count(f, "wrong-pins", 3);
    assert_err(try_open(f, ""), P11KMS_E_TOKEN_PIN);
    assert_string_equal(p11kms_err_detail(P11KMS_E_TOKEN_PIN), "not logged in: CKR_PIN_LOCKED");
    assert_int_equal(count_in(f, "attempts"), 0);
}

static void test_an_expired_pin_waits_for_the_operator(void **state)
{
    struct fixture *f = *state;

    setenv("MOCK_FAULTS", "pin-expired", 1);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_PIN);
    usleep(300000);
    assert_int_equal(count_in(f, "attempts"), 1);
}

static void test_a_module_that_crashes_on_a_wrong_pin_gets_it_once(void **state)
{
    struct fixture *f = *state;

    set_pin(f, "9999");
    setenv("MOCK_FAULTS", "crash-on-wrong-pin", 1);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_LOST);
    for (int i = 0; i < 200 && token_get_state(f->token) != TOKEN_PIN_REFUSED; i++) {
        usleep(10000);
    }
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
    assert_int_equal(count_in(f, "attempts"), 1); /* the token counts it, so the careful try asks no more */
}

/* ---- losing and finding again ---- */

static void assert_lost_and_back(struct fixture *f, const char *order)
{
    assert_err(prf(f, order), P11KMS_E_TOKEN_LOST);
    wait_ready(f);
    assert_ok(prf(f, "a"));
    assert_int_equal(token_get_stats(f->token).restarts, 1);
}

static void test_a_module_that_hangs_is_left_and_its_keys_found_again(void **state)
{
    struct fixture *f = open_with_key(state, "");
    int64_t before_us = clock_mono_us();

    assert_lost_and_back(f, "hang");
    assert_in_range((clock_mono_us() - before_us) / 1000, DEADLINE_MS, DEADLINE_MS + 2000);
    assert_int_equal(count_in(f, "attempts"), 2);
}

static void test_a_module_that_crashes_takes_nothing_with_it(void **state)
{
    assert_lost_and_back(open_with_key(state, ""), "crash");
}

static void test_a_device_that_is_gone_is_looked_for_again(void **state)
{
    assert_lost_and_back(open_with_key(state, ""), "remove");
}

static void test_a_login_that_is_gone_is_made_again(void **state)
{
    assert_lost_and_back(open_with_key(state, ""), "log-out");
}

static void test_a_token_that_fails_the_known_answer_is_lost(void **state)
{
    struct fixture *f = open_with_key(state, "");

    assert_lost_and_back(f, "break");
}

static void assert_served(struct fixture *f, const char *order)
{
    uint8_t expected[TOKEN_PRF_LEN];
    (void)expected;

    assert_ok(prf(f, order));
    assert_ok(prf(f, "a"));
    assert_int_equal(token_get_stats(f->token).restarts, 0);
}

static void test_a_passing_general_error_is_not_even_seen(void **state)
{
    assert_served(open_with_key(state, ""), "general-error-once");
}

static void test_a_lost_session_is_replaced(void **state)
{
    assert_served(open_with_key(state, ""), "session-lost-once");
}

static void test_a_stale_handle_is_found_again(void **state)
{
    struct fixture *f = open_with_key(state, "no-copy");

    assert_served(f, "renumber-once");
}

static void test_an_error_of_one_operation_is_its_own(void **state)
{
    struct fixture *f = open_with_key(state, "");

    assert_err(prf(f, "general-error"), P11KMS_E_TOKEN);
    assert_string_equal(token_ckr_name(f->op.ckr), "CKR_GENERAL_ERROR");
    assert_err(prf(f, "refuse"), P11KMS_E_TOKEN);
    assert_string_equal(token_ckr_name(f->op.ckr), "CKR_KEY_FUNCTION_NOT_PERMITTED");
    assert_err(prf(f, "vendor"), P11KMS_E_TOKEN);
    assert_string_equal(token_ckr_name(f->op.ckr), "CKR_0x8000002a");
    assert_ok(prf(f, "a"));
    assert_int_equal(token_get_stats(f->token).restarts, 0);
}

/* ---- what the token can ---- */

static void test_a_wrong_hmac_is_not_used(void **state)
{
    static const char *const faults[] = { "wrong-hmac", "random-hmac", "short-hmac", "no-import,random-hmac" };

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct fixture *f = open_with(state, faults[i]);

        assert_false(token_get_info(f->token).can_prf);
        assert_ok(generate(f, key_a));
        assert_err(prf(f, "a"), P11KMS_E_UNSUPPORTED);
        assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
        token_close(f->token);
        f->token = NULL;
    }
}

static void test_a_token_that_imports_nothing_is_tested_all_the_same(void **state)
{
    struct fixture *f = open_with_key(state, "no-import");

    assert_true(token_get_info(f->token).can_prf);
    assert_err(prf(f, "general-error"), P11KMS_E_TOKEN);
    assert_lost_and_back(f, "break");
}

/* OpenSC takes secret keys as objects of its own, which its cards cannot use. */
static void test_a_token_that_does_nothing_with_a_key_it_took_is_tested_with_another(void **state)
{
    struct fixture *f = open_with_key(state, "import-useless");

    assert_true(token_get_info(f->token).can_prf);
    assert_err(prf(f, "general-error"), P11KMS_E_TOKEN);
    assert_lost_and_back(f, "break");
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    token_close(f->token);
    f = open_with(state, "import-useless,no-generate");
    assert_false(token_get_info(f->token).can_prf);
    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
}

static void test_a_token_that_takes_no_keys_is_tested_with_one_of_ours(void **state)
{
    struct fixture *f = open_with_key(state, "");

    token_close(f->token);
    f = open_with(state, "no-import,no-generate");
    assert_err(prf(f, "general-error"), P11KMS_E_TOKEN);
    assert_lost_and_back(f, "break");
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
}

static void test_what_the_token_cannot_is_said_and_refused(void **state)
{
    struct fixture *f = open_with(state, "no-generate,no-gcm,no-random,no-copy");
    token_info info = token_get_info(f->token);

    assert_true(info.can_prf);
    assert_false(info.can_generate || info.can_gcm || info.can_random || info.can_session_copy);
    assert_err(generate(f, key_a), P11KMS_E_UNSUPPORTED);
    f->op.out_len = 8;
    assert_err(call(f->token, &f->op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")), P11KMS_E_UNSUPPORTED);
}

static void test_gcm_that_takes_tampered_text_does_not_count(void **state)
{
    struct fixture *f = open_with(state, "gcm-takes-anything");

    assert_false(token_get_info(f->token).can_gcm);
}

static void test_random_bytes_that_repeat_do_not_count(void **state)
{
    struct fixture *f = open_with(state, "constant-random");

    assert_false(token_get_info(f->token).can_random);
}

/* ---- keys ---- */

static void test_a_token_that_ignores_the_template_makes_no_keys(void **state)
{
    static const char *const faults[] = { "ignore-sensitive", "ignore-extractable", "ignore-private", "ignore-uses" };

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct fixture *f = open_with(state, faults[i]);

        assert_false(token_get_info(f->token).can_generate);
        assert_err(generate(f, key_a), P11KMS_E_UNSUPPORTED);
        token_close(f->token);
        f->token = NULL;
    }
}

static void test_a_key_that_is_not_as_asked_is_destroyed(void **state)
{
    struct fixture *f = open_with(state, "disobey-on-token");

    assert_err(generate(f, key_a), P11KMS_E_TOKEN);
    assert_string_equal(token_ckr_name(f->op.ckr), "CKR_TEMPLATE_INCONSISTENT");
    assert_int_equal(listed(f), 0);
    assert_err(prf(f, "a"), P11KMS_E_TOKEN_NO_KEY);
}

static void test_passing_errors_of_generation_leave_one_key(void **state)
{
    struct fixture *f = open_with_key(state, "generate-errs");

    assert_int_equal(listed(f), 1);
    assert_ok(prf(f, "a"));
}

static void test_lasting_errors_of_generation_leave_none(void **state)
{
    struct fixture *f = open_with(state, "generate-never");

    assert_err(generate(f, key_a), P11KMS_E_TOKEN);
    assert_int_equal(listed(f), 0);
}

static void test_two_keys_of_one_handle_are_never_used(void **state)
{
    struct fixture *f = open_with_key(state, "same-handle");

    assert_err(generate(f, key_b), P11KMS_E_TOKEN_LOST);
    wait_ready(f); /* numbered anew */
    assert_ok(prf(f, "a"));
}

static void test_a_new_key_with_the_handle_of_a_copy_is_never_used(void **state)
{
    struct fixture *f = open_with_key(state, "handle-of-copy");

    assert_ok(prf(f, "a"));
    assert_err(generate(f, key_b), P11KMS_E_TOKEN_LOST);
    wait_ready(f);
    assert_ok(prf(f, "a"));
}

static void test_a_copy_with_the_handle_of_a_key_costs_no_key(void **state)
{
    struct fixture *f = open_with_key(state, "no-copy");

    assert_ok(generate(f, key_b));
    token_close(f->token);
    f = open_with(state, "copy-handle-of-key");
    assert_ok(prf(f, "a"));
    assert_int_equal(listed(f), 2);
}

static void test_a_key_that_cannot_be_read_is_not_called_destroyed(void **state)
{
    struct fixture *f = open_with_key(state, "");

    set_count(f, "unreadable", 1);
    assert_err(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")), P11KMS_E_TOKEN);
    assert_int_equal(listed(f), 1); /* and is not forgotten */
    set_count(f, "unreadable", 0);
    assert_int_equal(listed(f), 1);
    assert_ok(prf(f, "a"));
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    assert_int_equal(listed(f), 0);
    assert_err(prf(f, "a"), P11KMS_E_TOKEN_NO_KEY);
}

static void test_a_copy_is_used_only_if_it_is_like_its_key(void **state)
{
    static const char *const faults[] = { "copy-stays-on-token", "copy-extractable", "copy-differs" };
    uint8_t expected[TOKEN_PRF_LEN];

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct fixture *f = open_with(state, "no-copy");

        if (i == 0) {
            assert_ok(generate(f, key_a));
        }
        assert_ok(prf(f, "a"));
        memcpy(expected, f->op.out, sizeof(expected));
        token_close(f->token);
        f = open_with(state, faults[i]);
        assert_false(token_get_info(f->token).can_session_copy);
        assert_ok(prf(f, "a"));
        assert_ok(prf(f, "a"));
        assert_memory_equal(f->op.out, expected, sizeof(expected));
        assert_int_equal(listed(f), 1);
        token_close(f->token);
        f->token = NULL;
    }
}

/* ---- exclusion ---- */

#define THREADS 3

struct load {
    token_t *token;
    unsigned failed;
};

static void *run_load(void *arg)
{
    struct load *load = arg;
    token_op_t op = { .kind = TOKEN_OP_PRF, .in = SLICE_LIT("a") };

    memcpy(op.key_id, key_a, TOKEN_KEY_ID);
    for (int i = 0; i < 200; i++) {
        load->failed += token_call(load->token, &op) != P11KMS_OK;
    }
    return NULL;
}

/* The module aborts where a call of one kind meets one of the other. */
static void test_object_management_has_the_module_alone(void **state)
{
    struct fixture *f = *state;
    struct load loads[THREADS];
    pthread_t threads[THREADS];

    f->options.sessions = THREADS;
    open_with_key(state, "");
    for (size_t i = 0; i < THREADS; i++) {
        loads[i] = (struct load){ .token = f->token };
        assert_int_equal(pthread_create(&threads[i], NULL, run_load, &loads[i]), 0);
    }
    for (int i = 0; i < 10; i++) {
        assert_ok(generate(f, key_b));
        assert_int_equal(listed(f), 2);
        assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_b, SLICE_LIT("")));
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].failed, 0);
    }
    assert_int_equal(token_get_stats(f->token).restarts, 0);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_without_faults_it_serves),
        PROMISE(test_a_module_that_hangs_or_crashes_at_start_costs_one_start),
        PROMISE(test_a_module_that_hangs_at_the_end_does_not_hang_the_daemon),
        PROMISE(test_a_wrong_pin_is_tried_once),
        PROMISE(test_orders_do_not_repeat_a_refused_pin),
        PROMISE(test_a_login_that_errs_without_a_clear_word_is_not_repeated_for_ever),
        PROMISE(test_what_fails_after_the_login_does_not_count_as_one),
        PROMISE(test_restarts_of_the_daemon_do_not_use_up_the_last_try),
        PROMISE(test_the_last_try_is_taken_when_ordered),
        PROMISE(test_a_locked_pin_is_not_tried),
        PROMISE(test_an_expired_pin_waits_for_the_operator),
        PROMISE(test_a_module_that_crashes_on_a_wrong_pin_gets_it_once),
        PROMISE(test_a_module_that_hangs_is_left_and_its_keys_found_again),
        PROMISE(test_a_module_that_crashes_takes_nothing_with_it),
        PROMISE(test_a_device_that_is_gone_is_looked_for_again),
        PROMISE(test_a_login_that_is_gone_is_made_again),
        PROMISE(test_a_token_that_fails_the_known_answer_is_lost),
        PROMISE(test_a_passing_general_error_is_not_even_seen),
        PROMISE(test_a_lost_session_is_replaced),
        PROMISE(test_a_stale_handle_is_found_again),
        PROMISE(test_an_error_of_one_operation_is_its_own),
        PROMISE(test_a_wrong_hmac_is_not_used),
        PROMISE(test_a_token_that_imports_nothing_is_tested_all_the_same),
        PROMISE(test_a_token_that_does_nothing_with_a_key_it_took_is_tested_with_another),
        PROMISE(test_a_token_that_takes_no_keys_is_tested_with_one_of_ours),
        PROMISE(test_what_the_token_cannot_is_said_and_refused),
        PROMISE(test_gcm_that_takes_tampered_text_does_not_count),
        PROMISE(test_random_bytes_that_repeat_do_not_count),
        PROMISE(test_a_token_that_ignores_the_template_makes_no_keys),
        PROMISE(test_a_key_that_is_not_as_asked_is_destroyed),
        PROMISE(test_passing_errors_of_generation_leave_one_key),
        PROMISE(test_lasting_errors_of_generation_leave_none),
        PROMISE(test_two_keys_of_one_handle_are_never_used),
        PROMISE(test_a_new_key_with_the_handle_of_a_copy_is_never_used),
        PROMISE(test_a_copy_with_the_handle_of_a_key_costs_no_key),
        PROMISE(test_a_key_that_cannot_be_read_is_not_called_destroyed),
        PROMISE(test_a_copy_is_used_only_if_it_is_like_its_key),
        PROMISE(test_object_management_has_the_module_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
