/* Private keys, HMAC and import over SoftHSM. */
#include "tests/token/fixture.h"
#include "tests/token/pairs_suite.h"

static void test_the_self_test_finds_what_softhsm_can(void **state)
{
    struct fixture *f = begin_open(state);
    token_info info = token_get_info(f->token);

    assert_int_equal(info.key_types, (1u << TOKEN_KEY_COUNT) - 1);
    assert_int_equal(info.mechanisms,
                     ((1u << TOKEN_MECH_COUNT) - 1) & ~(1u << TOKEN_MECH_NONE) & ~(1u << TOKEN_MECH_EDDSA_PH));
    assert_true(info.can_agree && info.can_import);
}

#define SUITE(name)                            \
    static void test_##name(void **state)      \
    {                                          \
        struct fixture *f = begin_open(state); \
                                               \
        suite_##name(f->token);                \
    }

SUITE(every_type_signs)
SUITE(longer_rsa_signs)
SUITE(oaep_opens_and_nothing_else_does)
SUITE(agreement_is_mutual)
SUITE(hmac_keys_answer)
SUITE(imports_are_the_same_keys)
SUITE(imports_refuse_what_they_must)
SUITE(keys_do_one_thing)

static void test_keys_are_found_again_with_their_public_halves(void **state)
{
    struct fixture *f = begin_open(state);
    suite_lasting lasting;

    suite_make_lasting(f->token, &lasting);
    reopen(f);
    assert_int_equal(lasting.n, SUITE_LASTING);
    suite_check_lasting(f->token, &lasting);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, softhsm_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_the_self_test_finds_what_softhsm_can),
        PROMISE(test_every_type_signs),
        PROMISE(test_longer_rsa_signs),
        PROMISE(test_oaep_opens_and_nothing_else_does),
        PROMISE(test_agreement_is_mutual),
        PROMISE(test_hmac_keys_answer),
        PROMISE(test_imports_are_the_same_keys),
        PROMISE(test_imports_refuse_what_they_must),
        PROMISE(test_keys_do_one_thing),
        PROMISE(test_keys_are_found_again_with_their_public_halves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
