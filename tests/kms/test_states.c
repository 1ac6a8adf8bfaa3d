/* AWS's key-state table, row by row: key_states.tsv, by which tests/e2e/test_states.py asks a daemon, too. */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/states.h"
#include "tests/fakes/fake_token.h"
#include "crypto/crypto.h"

static const char *const doings[KMS_DOES_COUNT] = {
    [KMS_DOES_CRYPTO] = "CRYPTO",
    [KMS_DOES_GET_PUBLIC_KEY] = "GET_PUBLIC_KEY",
    [KMS_DOES_GRANT] = "GRANT",
    [KMS_DOES_ENABLE] = "ENABLE",
    [KMS_DOES_SET_ROTATION] = "SET_ROTATION",
    [KMS_DOES_ROTATE] = "ROTATE",
    [KMS_DOES_GET_ROTATION] = "GET_ROTATION",
    [KMS_DOES_EDIT] = "EDIT",
    [KMS_DOES_SCHEDULE] = "SCHEDULE",
    [KMS_DOES_CANCEL] = "CANCEL",
    [KMS_DOES_GET_PARAMETERS] = "GET_PARAMETERS",
    [KMS_DOES_IMPORT] = "IMPORT",
    [KMS_DOES_DELETE_IMPORT] = "DELETE_IMPORT",
    [KMS_DOES_REPLICATE] = "REPLICATE",
    [KMS_DOES_MOVE_PRIMARY] = "MOVE_PRIMARY",
    [KMS_DOES_READ] = "READ",
};

/* Those that are for imported keys alone; the others are seen with a key that is not. */
static bool is_for_imports(kms_doing doing)
{
    return doing == KMS_DOES_GET_PARAMETERS || doing == KMS_DOES_IMPORT || doing == KMS_DOES_DELETE_IMPORT;
}

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
    { 16, P11KMS_E_KEY_STATE, "is pending replica deletion." },
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

static kms_doing doing_named(const char *name)
{
    for (size_t i = 0; i < KMS_DOES_COUNT; i++) {
        if (strcmp(doings[i], name) == 0) {
            return (kms_doing)i;
        }
    }
    fail_msg("%s is nothing that one does", name);
    return KMS_DOES_COUNT;
}

/* The words of one row of key_states.tsv; false behind the last. */
static bool next_row(FILE *file, char line[256], char *words[2 + KMS_STATE_COUNT])
{
    do {
        if (!fgets(line, 256, file)) {
            return false;
        }
    } while (line[0] == '#');
    char *rest = line;
    for (size_t i = 0; i < 2 + KMS_STATE_COUNT; i++) {
        words[i] = strsep(&rest, "\t\n");
        assert_non_null(words[i]);
    }
    return true;
}

static void test_every_operation_meets_every_state_as_aws_says(void **state)
{
    char path[512], line[256];
    char *words[2 + KMS_STATE_COUNT];
    bool seen[KMS_DOES_COUNT] = { false };
    (void)state;

    assert_ok(crypto_init());
    fake_token_t *fake = fake_token_new();
    _cleanup_(kms_key) kms_key_t *key = a_key();
    key->token = fake_token_open(fake, "main");
    assert_ok(kms_key_add_material(key, key->id, 1, KMS_CAUSE_CREATE, 1));
    key->current = 0;
    snprintf(path, sizeof(path), "%s/tests/kms/key_states.tsv", getenv("P11KMS_SRCDIR"));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(next_row(file, line, words)); /* the headings: the states, in their order */
    for (size_t s = 0; s < KMS_STATE_COUNT; s++) {
        assert_string_equal(words[2 + s], kms_state_name((kms_state)s));
    }
    while (next_row(file, line, words)) {
        kms_doing doing = doing_named(words[1]);

        seen[doing] = true;
        key->origin = is_for_imports(doing) ? KMS_ORIGIN_EXTERNAL : KMS_ORIGIN_AWS_KMS;
        for (size_t s = 0; s < KMS_STATE_COUNT; s++) {
            key->stored = (kms_state)s;
            check_outcome(key, doing, strcmp(words[2 + s], "ok") == 0 ? 0 : atoi(words[2 + s]));
        }
    }
    fclose(file);
    for (size_t i = 0; i < KMS_DOES_COUNT; i++) {
        assert_true(seen[i]);
    }
    token_close(key->token);
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

static void check_origin_refused(kms_origin origin, kms_doing doing)
{
    _cleanup_(kms_key) kms_key_t *key = a_key();
    char expected[256];

    key->origin = origin;
    key->stored = KMS_STATE_DISABLED;
    snprintf(expected, sizeof(expected), "%s origin is %s which is not valid for this operation.", key->arn,
             kms_origin_name(origin));
    assert_err(kms_state_check(key, doing), P11KMS_E_OPERATION_UNSUPPORTED);
    assert_string_equal(p11kms_err_detail(P11KMS_E_OPERATION_UNSUPPORTED), expected);
}

static void test_what_goes_with_one_origin_is_refused_for_others_in_aws_words(void **state)
{
    (void)state;
    check_origin_refused(KMS_ORIGIN_AWS_KMS, KMS_DOES_GET_PARAMETERS);
    check_origin_refused(KMS_ORIGIN_AWS_KMS, KMS_DOES_IMPORT);
    check_origin_refused(KMS_ORIGIN_AWS_KMS, KMS_DOES_DELETE_IMPORT);
    check_origin_refused(KMS_ORIGIN_EXTERNAL, KMS_DOES_SET_ROTATION);
    check_origin_refused(KMS_ORIGIN_AWS_CLOUDHSM, KMS_DOES_GET_ROTATION);
}

static void test_a_key_that_lacks_imported_material_waits_for_it_enabled_or_not(void **state)
{
    _cleanup_(kms_key) kms_key_t *key = a_key();
    (void)state;

    key->origin = KMS_ORIGIN_EXTERNAL;
    for (int s = KMS_STATE_ENABLED; s <= KMS_STATE_DISABLED; s++) {
        key->stored = (kms_state)s;
        assert_int_equal(kms_key_state(key), KMS_STATE_PENDING_IMPORT);
    }
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
        cmocka_unit_test(test_what_goes_with_one_origin_is_refused_for_others_in_aws_words),
        cmocka_unit_test(test_a_key_that_lacks_imported_material_waits_for_it_enabled_or_not),
        cmocka_unit_test(test_state_names_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
