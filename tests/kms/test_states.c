/* AWS's key-state table, row by row, as the Developer Guide prints it ("Key states of AWS KMS keys"). */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "kms/states.h"
#include "tests/fakes/fake_token.h"
#include "crypto/crypto.h"

/* Outcomes by the guide's numbers: 0 works, 1 disabled, 3 pending deletion, 4 not pending deletion,
 * 5 pending import, 6 origin EXTERNAL, 11 unavailable, 14 creating, 15 updating. */
static const struct {
    kms_doing doing;
    int outcome[KMS_STATE_COUNT]; /* Enabled, Disabled, PendingDeletion, PendingReplicaDeletion, PendingImport, Unavailable, Creating, Updating */
} table[] = {
    { KMS_DOES_CRYPTO, { 0, 1, 3, 3, 5, 11, 14, 0 } },
    { KMS_DOES_GRANT, { 0, 1, 3, 3, 5, 0, 14, 0 } },
    { KMS_DOES_ENABLE, { 0, 0, 3, 3, 5, 0, 14, 15 } },
    { KMS_DOES_SET_ROTATION, { 0, 1, 3, 3, 6, 0, 14, 0 } },
    { KMS_DOES_GET_ROTATION, { 0, 0, 0, 0, 6, 0, 0, 0 } },
    { KMS_DOES_EDIT, { 0, 0, 3, 3, 0, 0, 0, 0 } },
    { KMS_DOES_SCHEDULE, { 0, 0, 3, 3, 0, 0, 0, 15 } },
    { KMS_DOES_CANCEL, { 4, 4, 0, 0, 4, 4, 4, 4 } },
    { KMS_DOES_GET_PARAMETERS, { 0, 0, 3, 3, 0, 11, 14, 15 } },
    { KMS_DOES_IMPORT, { 0, 0, 3, 3, 0, 11, 14, 0 } },
    { KMS_DOES_DELETE_IMPORT, { 0, 0, 0, 0, 0, 11, 14, 15 } },
    { KMS_DOES_REPLICATE, { 0, 1, 3, 3, 5, 11, 14, 15 } },
    { KMS_DOES_MOVE_PRIMARY, { 0, 1, 3, 3, 5, 11, 14, 0 } },
    { KMS_DOES_READ, { 0, 0, 0, 0, 0, 0, 0, 0 } },
};

static const struct {
    int number;
    p11kms_err err;
    const char *sentence;
} outcomes[] = {
    { 1, P11KMS_E_KEY_DISABLED, "is disabled." },
    { 3, P11KMS_E_KEY_STATE, "is pending deletion." },
    { 4, P11KMS_E_KEY_STATE, "is not pending deletion." },
    { 5, P11KMS_E_KEY_STATE, "is pending import." },
    { 6, P11KMS_E_OPERATION_UNSUPPORTED, "origin is EXTERNAL which is not valid for this operation." },
    { 11, P11KMS_E_KEY_STATE, "is unavailable." },
    { 14, P11KMS_E_KEY_STATE, "is creating." },
    { 15, P11KMS_E_KEY_STATE, "is updating." },
};

static kms_key_t *a_key(void)
{
    static const uint8_t id[KMS_ID] = { 1 };
    kms_key_t *key;

    assert_ok(kms_key_new(id, "123456789012", "eu-central-1", &key));
    return key;
}

static void check_outcome(const kms_key_t *key, kms_doing doing, int number)
{
    p11kms_err err = kms_state_check(key, doing);

    if (number == 0) {
        assert_ok(err);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        if (outcomes[i].number == number) {
            char expected[256];
            snprintf(expected, sizeof(expected), "%s %s", key->arn, outcomes[i].sentence);
            assert_err(err, outcomes[i].err);
            assert_string_equal(p11kms_err_detail(err), expected);
            return;
        }
    }
    fail();
}

static void test_every_operation_meets_every_state_as_aws_says(void **state)
{
    fake_token_t *fake;
    token_t *token;
    (void)state;

    assert_ok(crypto_init());
    fake = fake_token_new();
    token = fake_token_open(fake, "main");
    _cleanup_(kms_key) kms_key_t *key = a_key();
    key->token = token;
    for (size_t row = 0; row < COUNT_OF(table); row++) {
        for (size_t s = 0; s < KMS_STATE_COUNT; s++) {
            key->stored = (kms_state)s;
            check_outcome(key, table[row].doing, table[row].outcome[s]);
        }
    }
    token_close(token);
    fake_token_free(fake);
}

static void test_a_key_without_its_token_is_unavailable_only_where_it_was_enabled(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = a_key();
    (void)state;

    key->stored = KMS_STATE_ENABLED;
    assert_int_equal(kms_key_state(key), KMS_STATE_UNAVAILABLE);
    key->stored = KMS_STATE_PENDING_DELETION;
    assert_int_equal(kms_key_state(key), KMS_STATE_PENDING_DELETION);
}

static void test_state_names_read_back(void **state)
{
    (void)state;
    for (size_t s = 0; s < KMS_STATE_COUNT; s++) {
        kms_state parsed;
        assert_ok(kms_state_parse(kms_state_name((kms_state)s), &parsed));
        assert_int_equal(parsed, s);
    }
    kms_state parsed;
    assert_err(kms_state_parse("enabled", &parsed), P11KMS_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operation_meets_every_state_as_aws_says),
        cmocka_unit_test(test_a_key_without_its_token_is_unavailable_only_where_it_was_enabled),
        cmocka_unit_test(test_state_names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
