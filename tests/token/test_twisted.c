/* The host against a module whose private keys are not what they should be: twist_module.c over SoftHSM. */
#include "tests/token/fixture.h"
#include "tests/token/pairs_suite.h"
#include "util/clock.h"

static const uint8_t key_a[TOKEN_KEY_ID] = "key-a-----------";
static const uint8_t key_b[TOKEN_KEY_ID] = "key-b-----------";
static const uint8_t digest[64];

static void open_with(struct fixture *f, const char *faults)
{
    static char module[4200];
    const char *built = getenv("P11KMS_BUILDDIR");

    snprintf(module, sizeof(module), "%s/tests/token/.libs/twist_module.so", built != NULL ? built : ".");
    setenv("TWIST_MODULE", softhsm_module(), 1);
    setenv("TWIST_FAULTS", faults, 1);
    f->options.module = module;
    reopen(f);
}

static struct fixture *begin_with(void **state, const char *faults)
{
    struct fixture *f = begin(state);

    open_with(f, faults);
    return f;
}

static p11kms_err generate(struct fixture *f, const uint8_t *key, token_key_type type, token_key_use use)
{
    f->op.type = type;
    f->op.use = use;
    return call(f->token, &f->op, TOKEN_OP_GENERATE, key, SLICE_LIT("twisted"));
}

static p11kms_err sign(struct fixture *f, const uint8_t *key, token_mechanism mechanism, size_t len)
{
    f->op.mechanism = mechanism;
    return call(f->token, &f->op, TOKEN_OP_SIGN, key, SLICE(digest, len));
}

static void nothing_is_left(struct fixture *f)
{
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_list.len, 0);
}

#define PAIRS (~((1u << TOKEN_KEY_RSA_2048) - 1))

static void test_no_pairs_are_made_where_templates_are_ignored(void **state)
{
    struct fixture *f = begin_with(state, "extractable");

    assert_int_equal(token_get_info(f->token).key_types & PAIRS, 0);
    assert_err(generate(f, key_a, TOKEN_KEY_P256, TOKEN_USE_SIGN), P11KMS_E_UNSUPPORTED);
}

static void test_a_pair_that_is_not_as_asked_on_the_token_is_destroyed(void **state)
{
    static const char *const faults[] = { "extractable-on-token", "every-use", "no-copy,extractable-on-token" };
    struct fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        f = begin_with(state, faults[i]);
        assert_err(generate(f, key_a, TOKEN_KEY_P256, TOKEN_USE_SIGN), P11KMS_E_TOKEN);
        nothing_is_left(f);
    }
}

static void test_a_key_found_extractable_is_not_used(void **state)
{
    struct fixture *f = begin_with(state, "");

    assert_ok(generate(f, key_a, TOKEN_KEY_P256, TOKEN_USE_SIGN));
    assert_ok(sign(f, key_a, TOKEN_MECH_ECDSA, 32));
    open_with(f, "extractable-on-token");
    assert_int_equal(token_get_info(f->token).keys, 1);
    assert_err(sign(f, key_a, TOKEN_MECH_ECDSA, 32), P11KMS_E_TOKEN);
    assert_err(call(f->token, &f->op, TOKEN_OP_PUBLIC, key_a, SLICE_LIT("")), P11KMS_E_TOKEN);
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    nothing_is_left(f);
}

static void test_mechanisms_are_believed_by_what_they_do_not_by_their_list(void **state)
{
    struct fixture *f = begin_with(state, "list-lies,short-ecdsa,wrong-eddsa");
    token_info info = token_get_info(f->token);

    assert_false(TOKEN_CAN(info.mechanisms, TOKEN_MECH_ECDSA) || TOKEN_CAN(info.mechanisms, TOKEN_MECH_EDDSA));
    assert_int_equal(info.key_types & (PAIRS << 3), 0); /* no curve is left */
    assert_false(info.can_agree);
    assert_err(generate(f, key_a, TOKEN_KEY_ED25519, TOKEN_USE_SIGN), P11KMS_E_UNSUPPORTED);
    assert_true(TOKEN_CAN(info.key_types, TOKEN_KEY_RSA_2048));
}

static void test_paddings_the_module_lacks_or_mistakes_are_made_here(void **state)
{
    static const char *const faults[] = { "no-pss,oaep-wrong", "pss-is-pkcs1,oaep-takes-anything" };

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct fixture *f = begin_with(state, faults[i]);
        token_info info = token_get_info(f->token);

        assert_true(TOKEN_CAN(info.mechanisms, TOKEN_MECH_PSS_SHA256) && TOKEN_CAN(info.mechanisms, TOKEN_MECH_OAEP_SHA1));
        suite_oaep_opens_and_nothing_else_does(f->token);
        suite_every_type_signs(f->token);
    }
}

static void test_bare_rsa_that_loses_zeros_is_not_built_upon(void **state)
{
    struct fixture *f = begin_with(state, "strips-zeros");
    token_info info = token_get_info(f->token);

    assert_true(TOKEN_CAN(info.mechanisms, TOKEN_MECH_OAEP_SHA1)); /* SoftHSM's own */
    assert_false(TOKEN_CAN(info.mechanisms, TOKEN_MECH_OAEP_SHA256));
    f->op.mechanism = TOKEN_MECH_OAEP_SHA256;
    assert_err(call(f->token, &f->op, TOKEN_OP_DECRYPT, key_a, SLICE(digest, 64)), P11KMS_E_UNSUPPORTED);
}

static void test_a_public_key_of_another_is_noticed(void **state)
{
    struct fixture *f = begin_with(state, "");

    assert_ok(generate(f, key_a, TOKEN_KEY_RSA_2048, TOKEN_USE_SIGN));
    open_with(f, "other-modulus");
    assert_int_equal(token_get_info(f->token).key_types & (1u << TOKEN_KEY_RSA_2048), 0);
    assert_err(call(f->token, &f->op, TOKEN_OP_PUBLIC, key_a, SLICE_LIT("")), P11KMS_E_UNSUPPORTED);
}

static void test_pairs_are_made_on_the_token_where_none_can_be_copied(void **state)
{
    static const char *const faults[] = { "no-copy", "no-copy,both-halves" };
    suite_lasting lasting;

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct fixture *f = begin_with(state, faults[i]);

        suite_make_lasting(f->token, &lasting);
        open_with(f, faults[i]);
        suite_check_lasting(f->token, &lasting);
        nothing_is_left(f);
    }
}

static void test_what_a_module_gives_for_derived_is_not_destroyed_if_it_is_a_key(void **state)
{
    struct fixture *f = begin_with(state, "");

    assert_ok(generate(f, key_a, TOKEN_KEY_P256, TOKEN_USE_AGREE));
    assert_ok(generate(f, key_b, TOKEN_KEY_P256, TOKEN_USE_AGREE));
    open_with(f, "derived-is-the-key");
    assert_false(token_get_info(f->token).can_agree);
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_list.len, 2 * TOKEN_KEY_ID);
}

static void test_what_is_unwrapped_on_the_token_is_as_asked_or_made_again(void **state)
{
    static const char *const faults[] = { "tells-length", "tells-length,unwraps-extractable", "no-unwrap" };

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct fixture *f = begin_with(state, faults[i]);

        suite_secret_imports_by_sha1(f->token);
        nothing_is_left(f);
    }
}

/* ---- isolation ---- */

typedef struct {
    counted_op counted;
    int64_t took_us;
} timed_op;

static void test_slow_private_keys_hold_up_no_prf(void **state)
{
    static timed_op rsa[8];
    struct fixture *f = begin_with(state, "");
    mailbox_t *box = NULL;
    unsigned done = 0;
    int64_t began_us;

    assert_ok(generate(f, key_a, TOKEN_KEY_RSA_2048, TOKEN_USE_SIGN));
    assert_ok(generate(f, key_b, TOKEN_KEY_PRF, TOKEN_USE_SIGN));
    open_with(f, "slow-rsa");
    assert_ok(mailbox_new(NULL, NULL, &box));
    for (size_t i = 0; i < COUNT_OF(rsa); i++) {
        rsa[i] = (timed_op){ 0 };
        rsa[i].counted.op.kind = TOKEN_OP_SIGN;
        rsa[i].counted.op.mechanism = TOKEN_MECH_PKCS1_SHA256;
        rsa[i].counted.op.in = SLICE(digest, 32);
        memcpy(rsa[i].counted.op.key_id, key_a, TOKEN_KEY_ID);
        counted_submit(f->token, &rsa[i].counted, box, &done);
    }
    began_us = clock_mono_us();
    for (int i = 0; i < 20; i++) {
        assert_ok(call(f->token, &f->op, TOKEN_OP_PRF, key_b, SLICE_LIT("message"))); /* in one frame with them at first */
    }
    assert_true(clock_mono_us() - began_us < 100000); /* one RSA operation takes 150 ms */
    assert_int_equal(done, 0);
    wait_for(box, &done, COUNT_OF(rsa));
    for (size_t i = 0; i < COUNT_OF(rsa); i++) {
        assert_ok(rsa[i].counted.op.err);
    }
    mailbox_free(box);
}

static void test_a_slow_key_generation_holds_up_no_prf(void **state)
{
    static counted_op making;
    struct fixture *f = begin_with(state, "");
    mailbox_t *box = NULL;
    unsigned done = 0;
    int64_t began_us;

    assert_ok(generate(f, key_b, TOKEN_KEY_PRF, TOKEN_USE_SIGN));
    open_with(f, "slow-generate");
    assert_ok(mailbox_new(NULL, NULL, &box));
    making = (counted_op){ .op = { .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_P256 } };
    memcpy(making.op.key_id, key_a, TOKEN_KEY_ID);
    counted_submit(f->token, &making, box, &done);
    token_flush(f->token);
    usleep(100000); /* it is at it now, for 1.5 seconds */
    began_us = clock_mono_us();
    for (int i = 0; i < 20; i++) { /* the first of a key wants a session copy, too */
        assert_ok(call(f->token, &f->op, TOKEN_OP_PRF, key_b, SLICE_LIT("message")));
    }
    assert_true(clock_mono_us() - began_us < 1000000);
    assert_int_equal(done, 0);
    wait_for(box, &done, 1);
    assert_ok(making.op.err);
    mailbox_free(box);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, softhsm_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_no_pairs_are_made_where_templates_are_ignored),
        PROMISE(test_a_pair_that_is_not_as_asked_on_the_token_is_destroyed),
        PROMISE(test_a_key_found_extractable_is_not_used),
        PROMISE(test_mechanisms_are_believed_by_what_they_do_not_by_their_list),
        PROMISE(test_paddings_the_module_lacks_or_mistakes_are_made_here),
        PROMISE(test_bare_rsa_that_loses_zeros_is_not_built_upon),
        PROMISE(test_a_public_key_of_another_is_noticed),
        PROMISE(test_pairs_are_made_on_the_token_where_none_can_be_copied),
        PROMISE(test_what_a_module_gives_for_derived_is_not_destroyed_if_it_is_a_key),
        PROMISE(test_what_is_unwrapped_on_the_token_is_as_asked_or_made_again),
        PROMISE(test_slow_private_keys_hold_up_no_prf),
        PROMISE(test_a_slow_key_generation_holds_up_no_prf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
