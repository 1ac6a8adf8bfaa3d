/* Questions that nobody sent are put as requests put them; and what is known of requests is what the tables
 * say. */
#include "api/api.h"

#include <stdio.h>

#include "crypto/crypto.h"
#include "tests/testing.h"

#define ACCOUNT "111122223333"
#define OTHER "444455556666"
#define ALICE "arn:aws:iam::" ACCOUNT ":user/alice"

typedef struct {
    arena_t *arena;
    kms_t *kms;
    kms_key_t *key;
    policy_vocabulary known;
    conf_tag tag;
    principal_t alice;
    op_question_t question;
} fixture_t;

static const uint8_t key_id[KMS_ID] = { 1, 2, 3 };

static int setup(void **state)
{
    fixture_t *f = calloc(1, sizeof(*f));
    kms_alias_t *alias = NULL;

    assert_non_null(f);
    f->arena = arena_new(4096);
    assert_ok(kms_new(NULL, "t", &f->kms));
    assert_ok(kms_key_new(key_id, ACCOUNT, "eu-west-1", &f->key));
    assert_ok(kms_key_set_policy(f->key, SLICE_STR(kms_default_policy(f->arena, ACCOUNT))));
    assert_ok(kms_key_set_tag(f->key, SLICE_LIT("stage"), SLICE_LIT("test")));
    assert_ok(catalog_put_key(kms_catalog(f->kms), kms_key_ref(f->key)));
    assert_ok(kms_alias_new(ACCOUNT, "eu-west-1", "alias/app", key_id, &alias));
    assert_ok(catalog_put_alias(kms_catalog(f->kms), alias));
    f->tag = (conf_tag){ "team", "blue" };
    f->alice = (principal_t){ .kind = PRINCIPAL_USER,
                              .account = ACCOUNT,
                              .arn = ALICE,
                              .name = "alice",
                              .principal_id = "AIDAALICE",
                              .administrator = true,
                              .tags = &f->tag,
                              .n_tags = 1 };
    api_vocabulary(f->arena, &f->known);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *f = *state;

    kms_key_unref(f->key);
    kms_free(f->kms);
    arena_free(f->arena);
    free(f);
    return 0;
}

static api_rehearsal of_key(fixture_t *f, const char *action)
{
    return (api_rehearsal){ .principal = &f->alice,
                            .action = action,
                            .region = "eu-west-1",
                            .source_ip = "192.0.2.7",
                            .key = f->key,
                            .kms = f->kms,
                            .name = SLICE_LIT("alias/app") };
}

/* The value of a key, "a,b" where there are several, or "-". */
static const char *value_of(fixture_t *f, const char *key)
{
    slice_t name = SLICE_STR(key);
    uint8_t lower[128];
    policy_values values = { 0 };
    buf_t out = { 0 };

    for (size_t i = 0; i < name.len; i++) {
        lower[i] = (uint8_t)(key[i] >= 'A' && key[i] <= 'Z' ? key[i] + 32 : key[i]);
    }
    if (!f->question.request.lookup(f->question.request.lookup_arg, SLICE(lower, name.len), name, &values)) {
        return "-";
    }
    for (size_t i = 0; i < values.n; i++) {
        buf_put_str(&out, i > 0 ? "," : "");
        buf_put_slice(&out, values.values[i]);
    }
    const char *text = arena_strdup(f->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static void test_a_rehearsed_request_carries_the_keys_of_a_real_one(void **state)
{
    static const context_pair context[] = { { { (const uint8_t *)"app", 3 }, { (const uint8_t *)"db", 2 } } };
    static const struct {
        const char *key;
        const char *value;
    } expected[] = {
        { "aws:PrincipalArn", ALICE },
        { "aws:username", "alice" },
        { "aws:PrincipalTag/team", "blue" },
        { "aws:PrincipalTag/stage", "-" },
        { "aws:SourceIp", "192.0.2.7" },
        { "aws:SecureTransport", "true" },
        { "aws:UserAgent", "-" },
        { "aws:RequestedRegion", "eu-west-1" },
        { "aws:ResourceAccount", ACCOUNT },
        { "aws:ResourceTag/stage", "test" },
        { "kms:CallerAccount", ACCOUNT },
        { "kms:RequestAlias", "alias/app" },
        { "kms:ResourceAliases", "alias/app" },
        { "kms:KeySpec", "SYMMETRIC_DEFAULT" },
        { "kms:EncryptionContext:app", "db" },
        { "kms:EncryptionContextKeys", "app" },
        { "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT" },
        { "kms:ReEncryptOnSameKey", "-" },
        { "sts:ExternalId", "-" },
    };
    fixture_t *f = *state;
    api_rehearsal rehearsal = of_key(f, "kms:Decrypt");

    rehearsal.context = context;
    rehearsal.n_context = 1;
    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        print_message("%s\n", expected[i].key);
        assert_string_equal(value_of(f, expected[i].key), expected[i].value);
    }
}

static void test_the_key_s_policy_and_the_caller_s_decide(void **state)
{
    fixture_t *f = *state;
    api_rehearsal rehearsal = of_key(f, "kms:Decrypt");

    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    assert_ptr_equal(f->question.set.resource, f->key->policy);
    assert_true(f->question.set.resource_decides);
    assert_int_equal(policy_decide(&f->question.request, &f->question.set).kind, DECISION_ALLOW);
    f->alice.administrator = false;
    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    assert_int_equal(policy_decide(&f->question.request, &f->question.set).kind, DECISION_IMPLICIT_DENY);
}

static void test_a_key_asked_for_by_its_id_has_no_request_alias(void **state)
{
    fixture_t *f = *state;
    api_rehearsal rehearsal = of_key(f, "kms:Decrypt");

    rehearsal.name = SLICE_STR(f->key->id_text);
    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    assert_string_equal(value_of(f, "kms:RequestAlias"), "-");
}

static void test_actions_of_other_names_belong_to_their_operation(void **state)
{
    fixture_t *f = *state;
    api_rehearsal rehearsal = of_key(f, "kms:ReEncryptFrom");

    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    assert_string_equal(f->question.op->row->name, "ReEncrypt");
    assert_string_equal(value_of(f, "kms:ReEncryptOnSameKey"), "false");
    assert_slice_text(f->question.request.action, "kms:ReEncryptFrom");
}

static const char *granted(fixture_t *f, const char *action)
{
    api_rehearsal rehearsal = of_key(f, action);

    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    return arena_printf(f->arena, "%d %s", (int)f->question.set.granted, f->question.grant ? f->question.grant : "-");
}

static void test_grants_take_part_and_are_told(void **state)
{
    static const uint8_t id[KMS_GRANT_ID] = { 0xab };
    fixture_t *f = *state;
    kms_grant_spec spec = { .id = id,
                            .account = ACCOUNT,
                            .region = "eu-west-1",
                            .key_id = key_id,
                            .issuing_account = ACCOUNT,
                            .grantee = SLICE_LIT(ALICE),
                            .operations = GRANT_RE_ENCRYPT_FROM | GRANT_CREATE_GRANT };
    kms_grant_t *grant;

    assert_ok(crypto_init());
    assert_string_equal(granted(f, "kms:ReEncryptFrom"), "0 -");
    assert_ok(kms_grant_new(&spec, f->arena, &grant));
    const char *by_name = arena_printf(f->arena, "%d %s", (int)NAMES_CALLER, grant->id_text);
    assert_ok(grants_put(kms_grants(f->kms), grant));
    assert_string_equal(granted(f, "kms:ReEncryptFrom"), by_name);
    assert_string_equal(granted(f, "kms:CreateGrant"), by_name);
    assert_string_equal(granted(f, "kms:ReEncryptTo"), "0 -");
    assert_string_equal(granted(f, "kms:PutKeyPolicy"), "0 -");
    f->alice.kind = PRINCIPAL_ROLE_SESSION;
    f->alice.arn = "arn:aws:sts::" ACCOUNT ":assumed-role/alice/s";
    assert_string_equal(granted(f, "kms:ReEncryptFrom"), "0 -");
    f->alice.role_arn = ALICE;
    assert_string_equal(granted(f, "kms:ReEncryptFrom"),
                        arena_printf(f->arena, "%d %s", (int)NAMES_ROLE, by_name + 2));
    f->alice.kind = PRINCIPAL_FEDERATED;
    assert_string_equal(granted(f, "kms:ReEncryptFrom"), "0 -");
}

static void test_a_key_of_another_account_is_refused_where_requests_are(void **state)
{
    fixture_t *f = *state;
    api_rehearsal rehearsal = of_key(f, "kms:PutKeyPolicy");

    f->alice.account = OTHER;
    assert_err(api_rehearse(&rehearsal, f->arena, &f->question), P11KMS_E_DENIED);
    rehearsal.action = "kms:Decrypt";
    assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
    assert_slice_text(f->question.request.resource_account, ACCOUNT);
}

static void test_an_action_that_is_not_there_is_refused(void **state)
{
    static const char *const wrong[] = { "kms:ReEncrypt", "kms:decrypt", "s3:GetObject", "Decrypt", "" };
    fixture_t *f = *state;

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        api_rehearsal rehearsal = of_key(f, wrong[i]);

        assert_err(api_rehearse(&rehearsal, f->arena, &f->question), P11KMS_E_NOT_FOUND);
    }
}

static const policy_action *known_action(const fixture_t *f, const char *name)
{
    for (size_t i = 0; i < f->known.n_actions; i++) {
        if (strcmp(f->known.actions[i].name, name) == 0) {
            return &f->known.actions[i];
        }
    }
    return NULL;
}

static void test_every_operation_s_action_is_known_and_can_be_asked(void **state)
{
    fixture_t *f = *state;

    for (const op_row_t *row = api_operations(); row->name; row++) {
        print_message("%s\n", row->action);
        assert_true(known_action(f, row->action) != NULL || strcmp(row->action, "kms:ReEncrypt") == 0);
    }
    for (size_t i = 0; i < f->known.n_actions; i++) {
        api_rehearsal rehearsal = of_key(f, f->known.actions[i].name);

        assert_ok(api_rehearse(&rehearsal, f->arena, &f->question));
        assert_true(f->known.actions[i].about != 0);
        assert_true(f->known.actions[i].about < 1u << f->known.n_kinds);
    }
}

static const char *kinds_of(fixture_t *f, const char *action)
{
    const policy_action *known = known_action(f, action);
    const char *text = "";

    assert_non_null(known);
    for (size_t i = 0; i < f->known.n_kinds; i++) {
        if ((known->about >> i & 1) != 0) {
            text = arena_printf(f->arena, "%s%s%s", text, text[0] ? ", " : "", f->known.kinds[i].name);
        }
    }
    return text;
}

static void test_what_an_action_is_about_is_known(void **state)
{
    fixture_t *f = *state;

    assert_string_equal(kinds_of(f, "kms:Decrypt"), "KMS keys");
    assert_string_equal(kinds_of(f, "kms:ReEncryptTo"), "KMS keys");
    assert_string_equal(kinds_of(f, "kms:ListKeys"), "no single resource (\"*\")");
    assert_string_equal(kinds_of(f, "kms:CreateAlias"), "KMS keys, KMS aliases");
    assert_string_equal(kinds_of(f, "sts:AssumeRole"), "roles");
    assert_string_equal(kinds_of(f, "p11kms:CreateAccessKey"), "users");
    assert_string_equal(kinds_of(f, "p11kms:Reload"), "no single resource (\"*\")");
}

static void test_keys_of_the_frame_and_of_both_services_are_known(void **state)
{
    static const char *const names[] = { "aws:PrincipalArn", "aws:PrincipalTag/",
                                         "kms:EncryptionContext:", "aws:ResourceTag/", "sts:ExternalId" };
    const fixture_t *f = *state;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t k = 0;

        while (k < f->known.n_keys && strcmp(f->known.keys[k].name, names[i]) != 0) {
            k++;
        }
        assert_true(k < f->known.n_keys);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_rehearsed_request_carries_the_keys_of_a_real_one),
        TEST(test_the_key_s_policy_and_the_caller_s_decide),
        TEST(test_a_key_asked_for_by_its_id_has_no_request_alias),
        TEST(test_actions_of_other_names_belong_to_their_operation),
        TEST(test_grants_take_part_and_are_told),
        TEST(test_a_key_of_another_account_is_refused_where_requests_are),
        TEST(test_an_action_that_is_not_there_is_refused),
        TEST(test_every_operation_s_action_is_known_and_can_be_asked),
        TEST(test_what_an_action_is_about_is_known),
        TEST(test_keys_of_the_frame_and_of_both_services_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
