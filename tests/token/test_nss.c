/* The front, the host and NSS's softokn: another module, with init args and other habits. */
#include <signal.h>

#include "tests/fakes/nss.h"
#include "tests/token/fixture.h"
#include "tests/token/pairs_suite.h"

static const uint8_t key_a[TOKEN_KEY_ID] = "key-a-----------";
static const uint8_t key_b[TOKEN_KEY_ID] = "key-b-----------";

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){ 0 };
    if (nss_module() != NULL) {
        f.options = softhsm_options("nss"); /* the host program and the like */
        f.options.uri = "pkcs11:token=NSS%20Certificate%20DB";
        f.options.module = nss_module();
        f.options.init_args = nss_new();
        f.options.pin_source = softhsm_pin_source(NSS_PIN);
    }
    *state = &f;
    return crypto_init();
}

static void prf_of(struct fixture *f, const uint8_t *key, uint8_t out[TOKEN_PRF_LEN])
{
    assert_ok(call(f->token, &f->op, TOKEN_OP_PRF, key, SLICE_LIT("a message")));
    memcpy(out, f->op.out, TOKEN_PRF_LEN);
}

static void test_the_self_test_finds_what_nss_can(void **state)
{
    struct fixture *f = begin_open(state);
    token_info info = token_get_info(f->token);

    assert_string_equal(info.label, NSS_TOKEN);
    assert_true(info.can_prf && info.can_generate && info.can_gcm && info.can_random && info.can_session_copy);
}

static void test_a_key_answers_the_same_as_object_as_copy_and_after_a_restart(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t by_object[TOKEN_PRF_LEN], by_copy[TOKEN_PRF_LEN], later[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    prf_of(f, key_a, by_object);
    prf_of(f, key_a, by_copy);
    assert_memory_equal(by_object, by_copy, TOKEN_PRF_LEN);
    kill(token_host_pid(f->token), SIGKILL);
    while (token_get_stats(f->token).restarts == 0 || token_get_state(f->token) != TOKEN_READY) {
        usleep(10000);
    }
    assert_int_equal(token_get_info(f->token).keys, 1);
    prf_of(f, key_a, later);
    assert_memory_equal(by_object, later, TOKEN_PRF_LEN);
}

/* NSS itself would replace the first key without a word. */
static void test_a_second_key_of_one_id_is_refused(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t before[TOKEN_PRF_LEN], after[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    prf_of(f, key_a, before);
    assert_err(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("b")), P11KMS_E_EXISTS);
    prf_of(f, key_a, after);
    assert_memory_equal(before, after, TOKEN_PRF_LEN);
}

static void test_keys_are_listed_and_destroyed(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t out[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_b, SLICE_LIT("b")));
    prf_of(f, key_a, out);
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    assert_err(call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_slice_equal(buf_slice(&f->op.out_list), SLICE(key_b, TOKEN_KEY_ID));
}

static void test_a_wrong_pin_is_refused(void **state)
{
    struct fixture *f = begin(state);

    f->options.pin_source = softhsm_pin_source("wrong-pin-1");
    assert_err(token_open(&f->options, false, &f->token), P11KMS_E_TOKEN_PIN);
    f->options.init_args = "configdir='sql:/nonexistent' flags=readOnly";
    assert_int_not_equal(token_open(&f->options, false, &f->token), P11KMS_OK);
}

static void test_pings_and_random_bytes_work(void **state)
{
    struct fixture *f = begin_open(state);

    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
    f->op.out_len = 100;
    assert_ok(call(f->token, &f->op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_used, 100);
}

/* NSS has neither secp256k1 nor Ed25519. */
static void test_the_self_test_finds_what_private_keys_of_nss_can(void **state)
{
    struct fixture *f = begin_open(state);
    token_info info = token_get_info(f->token);

    assert_int_equal(info.key_types,
                     ((1u << TOKEN_KEY_COUNT) - 1) & ~(1u << TOKEN_KEY_SECP256K1) & ~(1u << TOKEN_KEY_ED25519));
    assert_true(TOKEN_CAN(info.mechanisms, TOKEN_MECH_PSS_SHA512) && TOKEN_CAN(info.mechanisms, TOKEN_MECH_OAEP_SHA256) &&
                TOKEN_CAN(info.mechanisms, TOKEN_MECH_ECDSA) && !TOKEN_CAN(info.mechanisms, TOKEN_MECH_EDDSA));
    assert_true(info.can_agree && info.can_import);
}

static void test_private_keys_do_what_they_must(void **state)
{
    struct fixture *f = begin_open(state);

    suite_every_type_signs(f->token);
    suite_oaep_opens_and_nothing_else_does(f->token);
    suite_agreement_is_mutual(f->token);
    suite_hmac_keys_answer(f->token);
    suite_keys_do_one_thing(f->token);
}

static void test_imports_are_as_good(void **state)
{
    struct fixture *f = begin_open(state);

    suite_imports_are_the_same_keys(f->token);
    suite_imports_refuse_what_they_must(f->token);
}

/* NSS's private keys of curves tell no public key: it stands beside them. */
static void test_private_keys_are_found_again_with_their_public_halves(void **state)
{
    struct fixture *f = begin_open(state);
    suite_lasting lasting;

    suite_make_lasting(f->token, &lasting);
    reopen(f);
    suite_check_lasting(f->token, &lasting);
    assert_int_equal(token_get_info(f->token).keys, 5);
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_list.len, 0);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_the_self_test_finds_what_nss_can),
        PROMISE(test_a_key_answers_the_same_as_object_as_copy_and_after_a_restart),
        PROMISE(test_a_second_key_of_one_id_is_refused),
        PROMISE(test_keys_are_listed_and_destroyed),
        PROMISE(test_a_wrong_pin_is_refused),
        PROMISE(test_pings_and_random_bytes_work),
        PROMISE(test_the_self_test_finds_what_private_keys_of_nss_can),
        PROMISE(test_private_keys_do_what_they_must),
        PROMISE(test_imports_are_as_good),
        PROMISE(test_private_keys_are_found_again_with_their_public_halves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
