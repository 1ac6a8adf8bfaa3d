/* The calls of token.h over a driver, and with it the fake that other rooms test with. */
#include "tests/testing.h"

#include "crypto/crypto.h"
#include "tests/fakes/fake_token.h"
#include "tests/token/pairs_suite.h"

static const uint8_t key_a[TOKEN_KEY_ID] = "key-a-----------";
static const uint8_t key_b[TOKEN_KEY_ID] = "key-b-----------";

struct fixture {
    fake_token_t *fake;
    token_t *token;
    token_op_t op;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    assert_int_equal(crypto_init(), P11KMS_OK);
    f->fake = fake_token_new();
    f->token = fake_token_open(f->fake, "test");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    token_op_wipe(&f->op);
    token_close(f->token);
    fake_token_free(f->fake);
    free(f);
    return 0;
}

static p11kms_err run(struct fixture *f, token_op_kind kind, const uint8_t *key, slice_t in)
{
    f->op.kind = kind;
    f->op.in = in;
    if (key != NULL) {
        memcpy(f->op.key_id, key, TOKEN_KEY_ID);
    }
    return token_call(f->token, &f->op);
}

static void test_a_generated_key_answers_the_same_prf_every_time(void **state)
{
    struct fixture *f = *state;
    uint8_t first[TOKEN_PRF_LEN];

    assert_int_equal(run(f, TOKEN_OP_GENERATE, key_a, SLICE_LIT("label")), P11KMS_OK);
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("in")), P11KMS_OK);
    assert_int_equal(f->op.out_used, TOKEN_PRF_LEN);
    memcpy(first, f->op.out, sizeof(first));
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("in")), P11KMS_OK);
    assert_memory_equal(first, f->op.out, sizeof(first));
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("other")), P11KMS_OK);
    assert_memory_not_equal(first, f->op.out, sizeof(first));
    assert_string_equal(fake_token_label(f->fake, key_a), "label");
}

static void test_a_key_that_is_not_there_is_told(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, TOKEN_OP_PRF, key_b, SLICE_LIT("in")), P11KMS_E_TOKEN_NO_KEY);
    assert_int_equal(f->op.out_used, 0);
}

static void test_a_second_key_of_one_id_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, TOKEN_OP_GENERATE, key_a, SLICE_LIT("")), P11KMS_OK);
    assert_int_equal(run(f, TOKEN_OP_GENERATE, key_a, SLICE_LIT("")), P11KMS_E_EXISTS);
    assert_int_equal(fake_token_keys(f->fake), 1);
}

static void test_destroying_twice_succeeds_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, TOKEN_OP_GENERATE, key_a, SLICE_LIT("")), P11KMS_OK);
    assert_int_equal(run(f, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")), P11KMS_OK);
    assert_int_equal(run(f, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")), P11KMS_OK);
    assert_false(fake_token_has_key(f->fake, key_a));
}

static void test_listing_names_every_key(void **state)
{
    struct fixture *f = *state;

    fake_token_add_key(f->fake, key_a);
    fake_token_add_key(f->fake, key_b);
    assert_int_equal(run(f, TOKEN_OP_LIST, NULL, SLICE_LIT("")), P11KMS_OK);
    assert_int_equal(f->op.out_list.len, 2 * TOKEN_KEY_ID);
    assert_memory_equal(f->op.out_list.data, key_a, TOKEN_KEY_ID);
    assert_memory_equal(f->op.out_list.data + TOKEN_KEY_ID, key_b, TOKEN_KEY_ID);
}

static void test_what_is_out_of_range_never_reaches_the_driver(void **state)
{
    static const uint8_t big[TOKEN_IN_MAX + 1];
    struct fixture *f = *state;

    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE(big, sizeof(big))), P11KMS_E_RANGE);
    assert_int_equal(run(f, TOKEN_OP_GENERATE, key_a, SLICE(big, TOKEN_LABEL_MAX + 1)), P11KMS_E_RANGE);
    f->op.out_len = 0;
    assert_int_equal(run(f, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")), P11KMS_E_RANGE);
    f->op.out_len = TOKEN_RANDOM_MAX + 1;
    assert_int_equal(run(f, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")), P11KMS_E_RANGE);
    assert_int_equal(run(f, TOKEN_OP_COUNT, NULL, SLICE_LIT("")), P11KMS_E_RANGE);
    for (int kind = 0; kind < TOKEN_OP_COUNT; kind++) {
        assert_int_equal(fake_token_ops(f->fake, kind), 0);
    }
}

static void test_a_fault_on_purpose_happens_as_often_as_asked(void **state)
{
    struct fixture *f = *state;

    fake_token_add_key(f->fake, key_a);
    fake_token_fail(f->fake, TOKEN_OP_PRF, P11KMS_E_TOKEN, 5, 2);
    assert_int_equal(run(f, TOKEN_OP_PING, NULL, SLICE_LIT("")), P11KMS_OK);
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("")), P11KMS_E_TOKEN);
    assert_int_equal(f->op.ckr, 5);
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("")), P11KMS_E_TOKEN);
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("")), P11KMS_OK);
    assert_int_equal(f->op.ckr, 0);
}

static void test_a_lost_token_says_so_and_comes_back(void **state)
{
    struct fixture *f = *state;
    char why[64];

    fake_token_set_state(f->fake, TOKEN_LOST);
    assert_int_equal(token_get_state(f->token), TOKEN_LOST);
    assert_int_equal(run(f, TOKEN_OP_PING, NULL, SLICE_LIT("")), P11KMS_E_TOKEN_LOST);
    token_problem(f->token, why, sizeof(why));
    assert_string_equal(why, "lost");
    fake_token_set_state(f->fake, TOKEN_READY);
    assert_int_equal(run(f, TOKEN_OP_PING, NULL, SLICE_LIT("")), P11KMS_OK);
    token_problem(f->token, why, sizeof(why));
    assert_string_equal(why, "");
}

static void count_run(completion_t *self)
{
    token_op_t *op = (token_op_t *)self;

    op->out_len++; /* PING does not use it */
}

static void test_held_operations_complete_when_released_or_closed(void **state)
{
    struct fixture *f = *state;
    token_op_t ops[3] = { 0 };
    mailbox_t *box = NULL;

    assert_int_equal(mailbox_new(NULL, NULL, &box), P11KMS_OK);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].kind = TOKEN_OP_PING;
        ops[i].mailbox = box;
        ops[i].done.run = count_run;
    }
    fake_token_hold(f->fake);
    token_submit(f->token, &ops[0]);
    token_submit(f->token, &ops[1]);
    assert_int_equal(mailbox_drain(box), 0);
    assert_int_equal(fake_token_release(f->fake), 2);
    assert_int_equal(mailbox_drain(box), 2);
    assert_int_equal(ops[0].err, P11KMS_OK);

    fake_token_hold(f->fake);
    token_submit(f->token, &ops[2]);
    token_close(f->token);
    assert_int_equal(mailbox_drain(box), 1);
    assert_int_equal(ops[2].err, P11KMS_E_SHUTDOWN);
    assert_int_equal(ops[2].out_len, 1);
    mailbox_free(box);
    f->token = fake_token_open(f->fake, "again");
}

static void test_wiping_leaves_no_result(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zero[TOKEN_PRF_LEN];

    fake_token_add_key(f->fake, key_a);
    assert_int_equal(run(f, TOKEN_OP_PRF, key_a, SLICE_LIT("")), P11KMS_OK);
    assert_memory_not_equal(f->op.out, zero, sizeof(zero));
    token_op_wipe(&f->op);
    assert_memory_equal(f->op.out, zero, sizeof(zero));
}

static void test_a_name_too_long_is_refused(void **state)
{
    static const token_driver none;
    char name[TOKEN_NAME_MAX + 2];
    token_t *token = NULL;
    (void)state;

    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(token_open_driver(name, &none, NULL, &token), P11KMS_E_RANGE);
    assert_int_equal(token_open_driver("", &none, NULL, &token), P11KMS_E_RANGE);
    assert_null(token);
}

static void test_the_fake_signs_decrypts_agrees_and_imports(void **state)
{
    struct fixture *f = *state;

    suite_every_type_signs(f->token);
    suite_oaep_opens_and_nothing_else_does(f->token);
    suite_agreement_is_mutual(f->token);
    suite_hmac_keys_answer(f->token);
    suite_imports_are_the_same_keys(f->token);
    suite_imports_refuse_what_they_must(f->token);
    suite_keys_do_one_thing(f->token);
    assert_int_equal(fake_token_keys(f->fake), 0);
}

static void test_the_fake_does_only_what_its_info_promises(void **state)
{
    struct fixture *f = *state;

    fake_token_info(f->fake)->key_types &= ~(1u << TOKEN_KEY_ED25519);
    f->op.type = TOKEN_KEY_ED25519;
    assert_err(run(f, TOKEN_OP_GENERATE, key_a, SLICE_LIT("")), P11KMS_E_UNSUPPORTED);
    f->op.mechanism = TOKEN_MECH_EDDSA_PH;
    assert_err(run(f, TOKEN_OP_SIGN, key_a, SLICE_LIT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")),
               P11KMS_E_UNSUPPORTED);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_a_generated_key_answers_the_same_prf_every_time),
        PROMISE(test_a_key_that_is_not_there_is_told),
        PROMISE(test_a_second_key_of_one_id_is_refused),
        PROMISE(test_destroying_twice_succeeds_and_leaves_nothing),
        PROMISE(test_listing_names_every_key),
        PROMISE(test_what_is_out_of_range_never_reaches_the_driver),
        PROMISE(test_a_fault_on_purpose_happens_as_often_as_asked),
        PROMISE(test_a_lost_token_says_so_and_comes_back),
        PROMISE(test_held_operations_complete_when_released_or_closed),
        PROMISE(test_wiping_leaves_no_result),
        PROMISE(test_the_fake_signs_decrypts_agrees_and_imports),
        PROMISE(test_the_fake_does_only_what_its_info_promises),
        cmocka_unit_test(test_a_name_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
