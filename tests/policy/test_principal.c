/* Whom a statement means: every kind of principal against every kind of caller. */
#include <stdio.h>

#include "tests/policy/kit.h"

#define OIDC "arn:aws:iam::111122223333:oidc-provider/ci.example"

/* the callers, a column each */
enum { ALICE, SESSION, ROOT, BOB, SERVICE, FEDERATED, FEDERATED_USER, CALLERS };

static policy_caller caller_of(int which)
{
    static const slice_t account = { (const uint8_t *)KIT_ACCOUNT, 12 };

    switch (which) {
    case ALICE:
        return kit_alice();
    case SESSION:
        return kit_session();
    case ROOT:
        return kit_root();
    case BOB:
        return (policy_caller){ .kind = CALLER_USER,
                                .account = SLICE_LIT(KIT_OTHER),
                                .arn = SLICE_LIT("arn:aws:iam::444455556666:user/bob") };
    case SERVICE:
        return (policy_caller){ .kind = CALLER_SERVICE,
                                .account = account,
                                .arn = SLICE_LIT("secretsmanager.amazonaws.com") };
    case FEDERATED:
        return (policy_caller){ .kind = CALLER_FEDERATED,
                                .account = account,
                                .arn = SLICE_LIT("sub:1"),
                                .federated = SLICE_LIT(OIDC) };
    default:
        return (policy_caller){ .kind = CALLER_FEDERATED,
                                .account = account,
                                .arn = SLICE_LIT("arn:aws:sts::111122223333:federated-user/carol") };
    }
}

typedef struct {
    const char *principal;
    const char *named; /* a digit a caller */
} principal_row;

static const principal_row principals[] = {
    /*                                                                 A  S  R  B  Sv F  Fu */
    { "'*'", "1111111" },
    { "{'AWS':'*'}", "1111111" },
    { "{'AWS':['444455556666','*']}", "1111111" },
    { "{'AWS':'111122223333'}", "1110001" },
    { "{'AWS':'arn:aws:iam::111122223333:root'}", "1110001" },
    { "{'AWS':'444455556666'}", "0001000" },
    { "{'AWS':'arn:aws:iam::111122223333:user/alice'}", "1000000" },
    { "{'AWS':'arn:aws:iam::111122223333:user/Alice'}", "0000000" },
    { "{'AWS':'arn:aws:iam::444455556666:user/alice'}", "0000000" },
    { "{'AWS':'arn:aws:iam::444455556666:user/bob'}", "0001000" },
    { "{'AWS':'arn:aws:iam::111122223333:role/app'}", "0100000" },
    { "{'AWS':'arn:aws:iam::111122223333:role/ap'}", "0000000" },
    { "{'AWS':'arn:aws:iam::111122223333:role/path/app'}", "0000000" },
    { "{'AWS':'arn:aws:sts::111122223333:assumed-role/app/web-1'}", "0100000" },
    { "{'AWS':'arn:aws:sts::111122223333:assumed-role/app/web-2'}", "0000000" },
    { "{'AWS':'arn:aws:sts::111122223333:federated-user/carol'}", "0000001" },
    { "{'Service':'secretsmanager.amazonaws.com'}", "0000100" },
    { "{'Service':['ssm.amazonaws.com','secretsmanager.amazonaws.com']}", "0000100" },
    { "{'Service':'ssm.amazonaws.com'}", "0000000" },
    { "{'Federated':'" OIDC "'}", "0000010" },
    { "{'Federated':'accounts.google.com'}", "0000000" },
    { "{'AWS':'111122223333','Service':'secretsmanager.amazonaws.com','Federated':'" OIDC "'}", "1110111" },
};

static void check_row(const principal_row *row, const char *effect, const char *expected)
{
    char text[1024];

    snprintf(text, sizeof(text), "'Effect':'%s','Action':'sts:*','Principal':%s", effect, row->principal);
    _cleanup_(policy) policy_t *policy = kit_statement(POLICY_TRUST, text);
    for (int i = 0; i < CALLERS; i++) {
        policy_request request = kit_request(caller_of(i));

        request.action = SLICE_LIT("sts:AssumeRole");
        if (strcmp(kit_says(policy, &request), row->named[i] == '1' ? expected : "none") != 0) {
            fail_msg("%s %s, caller %d", effect, row->principal, i);
        }
    }
}

static void test_a_principal_names_its_callers_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(principals); i++) {
        check_row(&principals[i], "Allow", "allow");
        check_row(&principals[i], "Deny", "deny");
    }
}

/* NotPrincipal: a 1 is denied. Every level of a caller must be listed to spare it. */
static const principal_row not_principals[] = {
    /*                                                                 A  S  R  B  Sv F  Fu */
    { "{'AWS':'111122223333'}", "1101111" },
    { "{'AWS':'arn:aws:iam::111122223333:user/alice'}", "1111111" },
    { "{'AWS':['arn:aws:iam::111122223333:user/alice','111122223333']}", "0101111" },
    { "{'AWS':['arn:aws:iam::111122223333:user/alice','arn:aws:iam::444455556666:root']}", "1111111" },
    { "{'AWS':['arn:aws:iam::444455556666:user/bob','arn:aws:iam::444455556666:root']}", "1110111" },
    { "{'AWS':['arn:aws:iam::111122223333:role/app','111122223333']}", "1101111" },
    { "{'AWS':['arn:aws:sts::111122223333:assumed-role/app/web-1','111122223333']}", "1101111" },
    { "{'AWS':['arn:aws:sts::111122223333:assumed-role/app/web-1','arn:aws:iam::111122223333:role/app']}",
      "1111111" },
    { "{'AWS':['arn:aws:sts::111122223333:assumed-role/app/web-1','arn:aws:iam::111122223333:role/"
      "app','111122223333']}",
      "1001111" },
    { "{'AWS':['arn:aws:sts::111122223333:federated-user/carol','111122223333']}", "1101110" },
    { "{'Service':'secretsmanager.amazonaws.com'}", "1111011" },
    { "{'Service':'ssm.amazonaws.com'}", "1111111" },
};

static void test_not_principal_spares_only_callers_listed_with_role_and_account(void **state)
{
    char text[1024];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(not_principals); i++) {
        snprintf(text, sizeof(text), "'Effect':'Deny','Action':'*','Resource':'*','NotPrincipal':%s",
                 not_principals[i].principal);
        _cleanup_(policy) policy_t *policy = kit_statement(POLICY_RESOURCE, text);
        for (int j = 0; j < CALLERS; j++) {
            policy_request request = kit_request(caller_of(j));

            if (strcmp(kit_says(policy, &request), not_principals[i].named[j] == '1' ? "deny" : "none") !=
                0) {
                fail_msg("%s, caller %d", not_principals[i].principal, j);
            }
        }
    }
}

/*
 * "The NotPrincipal element with a Deny effect will always deny any IAM principal that has a permissions
 * boundary".
 */
static void test_not_principal_denies_whoever_has_a_boundary(void **state)
{
    _cleanup_(policy) policy_t *key =
        kit_policy(POLICY_RESOURCE, "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'" KIT_ALICE
                                    "'},'Action':'*','Resource':'*'},"
                                    "{'Effect':'Deny','NotPrincipal':{'AWS':['" KIT_ALICE
                                    "','111122223333']},'Action':'*','Resource':'*'}]}");
    _cleanup_(policy) policy_t *boundary =
        kit_statement(POLICY_BOUNDARY, "'Effect':'Allow','Action':'*','Resource':'*'");
    policy_request request = kit_request(kit_alice());
    policy_set set = { .resource = key, .resource_decides = true };
    (void)state;

    assert_int_equal(policy_decide(&request, &set).kind, DECISION_ALLOW);
    set.boundary = boundary;
    assert_int_equal(policy_decide(&request, &set).kind, DECISION_EXPLICIT_DENY);
    assert_int_equal(policy_decide(&request, &set).basis, BASIS_RESOURCE);
}

/* ---- the other elements ---- */

static const struct {
    const char *action;
    const char *request;
    bool matches;
} actions[] = {
    { "'kms:Decrypt'", "kms:Decrypt", true },
    { "'KMS:DECRYPT'", "kms:Decrypt", true },
    { "'kms:decrypt'", "KMS:Decrypt", true },
    { "'kms:Decrypt'", "kms:DecryptX", false },
    { "'kms:*'", "kms:Decrypt", true },
    { "'kms:*'", "secretsmanager:GetSecretValue", false },
    { "'kms:De*t'", "kms:Decrypt", true },
    { "'kms:De?rypt'", "kms:Decrypt", true },
    { "'kms:GenerateDataKey*'", "kms:GenerateDataKeyPairWithoutPlaintext", true },
    { "'kms:GenerateDataKey?*'", "kms:GenerateDataKey", false },
    { "'*'", "anything:AtAll", true },
    { "'*:*'", "anything:AtAll", true },
    { "['kms:Encrypt','kms:Decrypt']", "kms:Decrypt", true },
    { "['kms:Encrypt','kms:Sign']", "kms:Decrypt", false },
};

static void test_actions_match_in_any_case_and_not_action_is_the_rest(void **state)
{
    char text[512];
    (void)state;

    for (size_t i = 0; i < 2 * COUNT_OF(actions); i++) {
        bool negated = i % 2 == 1;
        policy_request request = kit_request(kit_alice());

        snprintf(text, sizeof(text), "'Effect':'Allow','%s':%s,'Resource':'*'",
                 negated ? "NotAction" : "Action", actions[i / 2].action);
        _cleanup_(policy) policy_t *policy = kit_statement(POLICY_IDENTITY, text);
        request.action = SLICE_STR(actions[i / 2].request);
        if (strcmp(kit_says(policy, &request), actions[i / 2].matches != negated ? "allow" : "none") != 0) {
            fail_msg("%s for %s", text, actions[i / 2].request);
        }
    }
}

static void test_an_action_of_no_operation_is_not_allowed(void **state)
{
    char action[200];
    policy_request request = kit_request(kit_alice());
    _cleanup_(policy) policy_t *policy =
        kit_statement(POLICY_IDENTITY, "'Effect':'Allow','Action':'*','Resource':'*'");
    (void)state;

    memset(action, 'a', sizeof(action));
    request.action = SLICE(action, 128);
    assert_string_equal(kit_says(policy, &request), "allow");
    request.action = SLICE(action, 129);
    assert_string_equal(kit_says(policy, &request), "none");
}

static const struct {
    const char *elements;
    const char *says;
} resources[] = {
    { "'Resource':'*'", "allow" },
    { "'Resource':'" KIT_KEY "'", "allow" },
    { "'Resource':'arn:aws:kms:*:*:key/*'", "allow" },
    { "'Resource':['arn:aws:kms:*:*:alias/*','arn:aws:kms:eu-west-1:111122223333:key/1234*']", "allow" },
    { "'Resource':'arn:aws:kms:us-east-1:111122223333:key/*'", "none" },
    { "'NotResource':'arn:aws:kms:us-east-1:111122223333:key/*'", "allow" },
    { "'NotResource':'arn:aws:kms:*:*:key/*'", "none" },
    { "'NotResource':['arn:aws:s3:::*','" KIT_KEY "']", "none" },
    { "'NotResource':'*'", "none" },
};

static void test_resources_match_and_not_resource_is_the_rest(void **state)
{
    char text[512];
    policy_request request = kit_request(kit_alice());
    (void)state;

    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        snprintf(text, sizeof(text), "'Effect':'Allow','Action':'*',%s", resources[i].elements);
        _cleanup_(policy) policy_t *policy = kit_statement(POLICY_IDENTITY, text);
        assert_string_equal(kit_says(policy, &request), resources[i].says);
    }
}

/* KMS accepts statements of a key policy without Action or Resource; they do nothing. */
static void test_incomplete_statements_of_a_resource_policy_are_inert(void **state)
{
    static const char *const inert[] = {
        "'Principal':'*'",
        "'Principal':'*','Action':'*'",
        "'Principal':'*','Resource':'*'",
        "'Principal':'*','NotAction':'s3:*'",
        "'Principal':'*','NotResource':'arn:aws:s3:::*'",
    };
    policy_request request = kit_request(kit_alice());
    char text[512];
    (void)state;

    for (size_t i = 0; i < 2 * COUNT_OF(inert); i++) {
        snprintf(text, sizeof(text), "'Effect':'%s',%s", i % 2 == 0 ? "Allow" : "Deny", inert[i / 2]);
        _cleanup_(policy) policy_t *policy = kit_statement(POLICY_RESOURCE, text);
        assert_string_equal(kit_says(policy, &request), "none");
    }
}

static void test_a_deny_wins_wherever_it_stands(void **state)
{
    static const char *const documents[] = {
        "{'Statement':[{'Sid':'a','Effect':'Allow','Action':'*','Resource':'*'},"
        "{'Sid':'b','Effect':'Deny','Action':'kms:D*','Resource':'*'}]}",
        "{'Statement':[{'Sid':'b','Effect':'Deny','Action':'kms:D*','Resource':'*'},"
        "{'Sid':'a','Effect':'Allow','Action':'*','Resource':'*'}]}",
    };
    policy_request request = kit_request(kit_alice());
    (void)state;

    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        _cleanup_(policy) policy_t *policy = kit_policy(POLICY_IDENTITY, documents[i]);
        policy_decision decision = policy_decide_one(policy, &request);

        assert_int_equal(decision.kind, DECISION_EXPLICIT_DENY);
        assert_ptr_equal(decision.policy, policy);
        assert_string_equal(policy_sid(policy, decision.statement), "b");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_principal_names_its_callers_and_no_others),
        cmocka_unit_test(test_not_principal_spares_only_callers_listed_with_role_and_account),
        cmocka_unit_test(test_not_principal_denies_whoever_has_a_boundary),
        cmocka_unit_test(test_actions_match_in_any_case_and_not_action_is_the_rest),
        cmocka_unit_test(test_an_action_of_no_operation_is_not_allowed),
        cmocka_unit_test(test_resources_match_and_not_resource_is_the_rest),
        cmocka_unit_test(test_incomplete_statements_of_a_resource_policy_are_inert),
        cmocka_unit_test(test_a_deny_wins_wherever_it_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
