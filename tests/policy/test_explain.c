/*
 * What explanations are made of: what each statement lacks, and what would turn a decision. The rows say a
 * decision and every way to turn it: "id[1]+" a statement would apply, "key[0]-" no longer, I, B, S, R an
 * identity policy, the boundary, the session policy or the key policy would allow it, D the key policy would
 * leave it to identity policies, T the caller would be no administrator, G there would be no grant.
 */
#include <stdio.h>

#include "tests/policy/kit.h"

#define ALLOW(what) "'Effect':'Allow','Action':'" what "','Resource':'*'"
#define DENY(what) "'Effect':'Deny','Action':'" what "','Resource':'*'"
#define AND_IF(condition) ",'Condition':{" condition "}"
#define TO(principal) ",'Principal':{'AWS':'" principal "'}"
#define RED "'StringEquals':{'kms:EncryptionContext:app':'red'}"
#define HOME "'IpAddress':{'aws:SourceIp':'10.0.0.0/8'}"

static policy_t *document(policy_kind kind, const char *name, const char *statements)
{
    char text[4096];
    policy_t *policy = NULL;

    if (statements == NULL) {
        return NULL;
    }
    snprintf(text, sizeof(text), "{'Version':'2012-10-17','Statement':[%s]}", statements);
    p11kms_err err = policy_compile(SLICE_STR(kit_json(text)), kind, name, &policy);
    if (err != P11KMS_OK) {
        fail_msg("%s in %s", p11kms_err_detail(err), text);
    }
    return policy;
}

/* ---- what would turn a decision ---- */

static void write_change(const policy_change *change, buf_t *out)
{
    static const char *const letters[] = {
        [CHANGE_IDENTITY] = "I", [CHANGE_BOUNDARY] = "B", [CHANGE_SESSION] = "S", [CHANGE_RESOURCE] = "R",
        [CHANGE_DELEGATE] = "D", [CHANGE_TRUST] = "T",    [CHANGE_GRANT] = "G"
    };

    if (change->kind == CHANGE_STATEMENT) {
        buf_printf(out, "%s[%zu]%c", policy_name(change->policy), change->statement,
                   change->applies ? '+' : '-');
    } else {
        buf_put_str(out, letters[change->kind]);
    }
}

static void write_turn(void *arg, const policy_change *changes, size_t n)
{
    buf_t *out = arg;

    buf_put_str(out, out->len > 0 ? " | " : "");
    for (size_t i = 0; i < n; i++) {
        buf_put_str(out, i > 0 ? "&" : "");
        write_change(&changes[i], out);
    }
}

static bool not_of_caller(void *arg, slice_t key)
{
    (void)arg;
    return !slice_has_prefix(key, "aws:Principal");
}

typedef struct {
    const char *name;
    char caller; /* u user, s role session, r root */
    bool across;
    bool trusted;
    bool granted;
    const char *key; /* statements of the key policy, and so on */
    const char *identity;
    const char *boundary;
    const char *session;
    const char *decision;
    const char *turns;
    const char *circumstances; /* those of conditions alone */
} turn_row;

static const turn_row rows[] = {
    { "nothing allows it", 'u', .decision = "none", .turns = "I", .circumstances = "" },
    { "an identity policy allows it", 'u', .identity = "{" ALLOW("kms:*") "}", .decision = "allow",
      .turns = "id[0]-", .circumstances = "" },
    { "the key policy delegates", 'u', .key = "{" ALLOW("kms:*") TO("111122223333") "}",
      .identity = "{" ALLOW("kms:*") "}", .decision = "allow", .turns = "key[0]- | id[0]-",
      .circumstances = "" },
    { "the key policy delegates to nobody who may", 'u', .key = "{" ALLOW("kms:*") TO("111122223333") "}",
      .decision = "none", .turns = "I | R", .circumstances = "" },
    { "the key policy is silent", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ROLE) "}",
      .identity = "{" ALLOW("kms:*") "}", .decision = "none", .turns = "D | R", .circumstances = "" },
    { "neither side says a thing", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ROLE) "}", .decision = "none",
      .turns = "R | I&D", .circumstances = "" },
    { "two statements of a key policy", 'u',
      .key = "{" ALLOW("kms:*") TO(KIT_ALICE) "},{" ALLOW("kms:Decrypt") TO(KIT_ALICE) "}",
      .decision = "allow", .turns = "key[0]-&key[1]-", .circumstances = "" },
    { "a condition that does not hold", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ALICE) AND_IF(HOME) "}",
      .decision = "none", .turns = "key[0]+ | R | I&D", .circumstances = "key[0]+" },
    { "a condition over the caller", 'u',
      .key = "{" ALLOW("kms:*") TO(KIT_ALICE) AND_IF("'StringEquals':{'aws:PrincipalTag/team':'x'}") "}",
      .decision = "none", .turns = "key[0]+ | R | I&D", .circumstances = "" },
    { "a condition that holds", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ALICE) AND_IF(RED) "}",
      .decision = "allow", .turns = "key[0]-", .circumstances = "key[0]-" },
    { "a deny", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ALICE) "},{" DENY("kms:Decrypt") TO("*") "}",
      .decision = "deny", .turns = "key[1]-", .circumstances = "" },
    { "a deny under a condition", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ALICE) "}",
      .identity = "{" DENY("kms:*") AND_IF(RED) "}", .decision = "deny", .turns = "id[0]-",
      .circumstances = "id[0]-" },
    { "a deny and nothing that allows", 'u', .identity = "{" DENY("kms:*") "}", .decision = "deny",
      .turns = "id[0]-&I", .circumstances = "" },
    { "two denies", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ALICE) "},{" DENY("kms:Decrypt") TO("*") "}",
      .identity = "{" DENY("kms:*") "}", .decision = "deny", .turns = "key[1]-&id[0]-", .circumstances = "" },
    { "a deny that waits for its condition", 'u',
      .identity = "{" ALLOW("kms:*") "},{" DENY("kms:*") AND_IF(HOME) "}",
      .key = "{" ALLOW("*") TO(KIT_ACCOUNT) "}", .decision = "allow", .turns = "id[1]+ | key[0]- | id[0]-",
      .circumstances = "id[1]+" },
    { "a boundary", 'u', .key = "{" ALLOW("kms:*") TO(KIT_ACCOUNT) "}", .identity = "{" ALLOW("kms:*") "}",
      .boundary = "{" ALLOW("s3:*") "}", .decision = "none", .turns = "B | R", .circumstances = "" },
    { "a role is limited by its boundary also where the key names it", 's',
      .key = "{" ALLOW("kms:*") TO(KIT_ROLE) "}", .boundary = "{" ALLOW("s3:*") "}", .decision = "none",
      .turns = "B", .circumstances = "" },
    { "a session policy", 's', .key = "{" ALLOW("kms:*") TO(KIT_ROLE) "}",
      .session = "{" ALLOW("kms:Encrypt") "}", .decision = "none", .turns = "S", .circumstances = "" },
    { "an administrator", 'u', .trusted = true, .key = "{" ALLOW("kms:*") TO(KIT_ACCOUNT) "}",
      .decision = "allow", .turns = "key[0]- | T", .circumstances = "" },
    { "a grant", 'u', .granted = true, .key = "{" ALLOW("kms:*") TO(KIT_ROLE) "}", .decision = "allow",
      .turns = "G", .circumstances = "" },
    { "across accounts both must", 'u', .across = true, .key = "{" ALLOW("kms:*") TO(KIT_ROLE) "}",
      .decision = "none", .turns = "I&D | I&R", .circumstances = "" },
    { "four statements are one too many", 'u',
      .key = "{" ALLOW("kms:*") TO(KIT_ALICE) "},{" ALLOW("kms:D*") TO(KIT_ALICE) "},{" ALLOW("kms:De*")
          TO(KIT_ALICE) "},{" ALLOW("kms:Decrypt") TO(KIT_ALICE) "}",
      .decision = "allow", .turns = "", .circumstances = "" },
};

static const char *word_of(decision_kind kind)
{
    static const char *const words[] = {
        [DECISION_ALLOW] = "allow", [DECISION_IMPLICIT_DENY] = "none", [DECISION_EXPLICIT_DENY] = "deny"
    };
    return words[kind];
}

static void check_row(const turn_row *row)
{
    static const kit_key keys[] = { { "kms:EncryptionContext:app", { "red" } }, { NULL } };
    policy_t *key = document(POLICY_RESOURCE, "key", row->key);
    policy_t *identity = document(POLICY_IDENTITY, "id", row->identity);
    policy_t *boundary = document(POLICY_BOUNDARY, "bound", row->boundary);
    policy_t *session = document(POLICY_SESSION, "session", row->session);
    policy_request request = kit_request_with(keys);
    const policy_set set = { .identity = &identity,
                             .n_identity = identity != NULL,
                             .boundary = boundary,
                             .session = &session,
                             .n_session = session != NULL,
                             .resource = key,
                             .resource_decides = key != NULL,
                             .trusted = row->trusted,
                             .granted = row->granted ? NAMES_CALLER : NAMES_NOBODY };
    _cleanup_buf_ buf_t all = { 0 };
    _cleanup_buf_ buf_t circumstances = { 0 };
    const policy_turns_spec every = { .tell = write_turn, .arg = &all };
    const policy_turns_spec some = { .tell = write_turn, .may_vary = not_of_caller, .arg = &circumstances };

    request.caller = row->caller == 's' ? kit_session() : row->caller == 'r' ? kit_root() : kit_alice();
    request.resource_account = row->across ? SLICE_LIT(KIT_OTHER) : SLICE_LIT(KIT_ACCOUNT);
    print_message("%s\n", row->name);
    assert_string_equal(word_of(policy_decide(&request, &set).kind), row->decision);
    policy_turns(&request, &set, &every);
    policy_turns(&request, &set, &some);
    assert_buf_text(&all, row->turns);
    assert_buf_text(&circumstances, row->circumstances);
    policy_unref(key);
    policy_unref(identity);
    policy_unref(boundary);
    policy_unref(session);
}

static void test_every_way_to_turn_a_decision_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i]);
    }
}

/* ---- what a statement lacks ---- */

static void test_a_statement_is_told_every_part_that_misses(void **state)
{
    static const struct {
        const char *elements;
        unsigned misses;
    } statements[] = {
        { "'Effect':'Allow','Action':'kms:Decrypt','Resource':'*'" TO(KIT_ALICE), 0 },
        { "'Effect':'Allow','Action':'kms:Encrypt','Resource':'*'" TO(KIT_ALICE), MISSES_ACTION },
        { "'Effect':'Allow','NotAction':'kms:D*','Resource':'*'" TO(KIT_ALICE), MISSES_ACTION },
        { "'Effect':'Allow','Action':'kms:Decrypt','Resource':'*'" TO(KIT_ROLE), MISSES_PRINCIPAL },
        { "'Effect':'Allow','Action':'kms:Decrypt','Resource':'arn:aws:kms:*:*:alias/a'" TO("*"),
          MISSES_RESOURCE },
        { "'Effect':'Allow','Action':'kms:Decrypt','Resource':'*'" TO("*") AND_IF(RED), MISSES_CONDITION },
        { "'Effect':'Deny','Action':'kms:Encrypt','Resource':'arn:aws:kms:*:*:alias/a'" TO(KIT_ROLE)
              AND_IF(RED),
          MISSES_ACTION | MISSES_PRINCIPAL | MISSES_RESOURCE | MISSES_CONDITION },
        { "'Effect':'Allow','Resource':'*'" TO("*"), MISSES_INERT },
        { "'Effect':'Allow','Action':'*'" TO("*"), MISSES_INERT },
        { "'Effect':'Deny','Action':'*','Resource':'*','NotPrincipal':{'AWS':'111122223333'}", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        _cleanup_(policy) policy_t *policy = kit_statement(POLICY_RESOURCE, statements[i].elements);
        const policy_request request = kit_request(kit_alice());
        policy_statement_view view;

        policy_examine(policy, 0, &request, false, &view);
        print_message("%s\n", statements[i].elements);
        assert_int_equal(view.misses, statements[i].misses);
        assert_int_equal(view.deny, statements[i].elements[strlen("'Effect':'")] == 'D');
    }
}

static void test_how_a_statement_names_the_caller_is_told(void **state)
{
    static const struct {
        const char *principal;
        naming names;
    } statements[] = {
        { KIT_ROLE, NAMES_ROLE }, { KIT_SESSION, NAMES_CALLER }, { KIT_ACCOUNT, NAMES_ACCOUNT },
        { "*", NAMES_CALLER },    { KIT_OTHER, NAMES_NOBODY },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        char elements[256];
        const policy_request request = kit_request(kit_session());
        policy_statement_view view;

        snprintf(elements, sizeof(elements), ALLOW("*") TO("%s"), statements[i].principal);
        _cleanup_(policy) policy_t *policy = kit_statement(POLICY_RESOURCE, elements);
        policy_examine(policy, 0, &request, false, &view);
        assert_int_equal(view.names, statements[i].names);
    }
}

static void test_conditions_are_told_one_by_one_with_what_the_request_says(void **state)
{
    static const kit_key keys[] = { { "kms:EncryptionContext:app", { "blue" } },
                                    { "aws:TagKeys", { "a", "b" }, true },
                                    { NULL } };
    _cleanup_(policy) policy_t *policy = kit_statement(
        POLICY_IDENTITY, DENY("*") AND_IF(RED ",'ForAnyValue:stringlikeifexists':{'aws:tagkeys':['b','c']},"
                                              "'Null':{'aws:SourceIp':true}"));
    const policy_request request = kit_request_with(keys);
    policy_condition_view view;

    (void)state;
    policy_examine_condition(policy, 0, 0, &request, &view);
    assert_string_equal(view.op, "StringEquals");
    assert_slice_text(view.key, "kms:EncryptionContext:app");
    assert_false(view.holds);
    assert_int_equal(view.values.n, 1);
    assert_slice_text(view.values.values[0], "blue");
    policy_examine_condition(policy, 0, 1, &request, &view);
    assert_string_equal(view.op, "ForAnyValue:StringLikeIfExists");
    assert_slice_text(view.key, "aws:tagkeys");
    assert_true(view.holds);
    assert_int_equal(view.values.n, 2);
    policy_examine_condition(policy, 0, 2, &request, &view);
    assert_string_equal(view.op, "Null");
    assert_true(view.holds);
    assert_int_equal(view.values.n, 0);
}

static void test_a_boundary_is_looked_at_by_not_principal(void **state)
{
    _cleanup_(policy) policy_t *policy = kit_statement(
        POLICY_RESOURCE, DENY("*") ",'NotPrincipal':{'AWS':['" KIT_ALICE "','" KIT_ACCOUNT "']}");
    const policy_request request = kit_request(kit_alice());
    policy_statement_view view;

    (void)state;
    policy_examine(policy, 0, &request, false, &view);
    assert_int_equal(view.misses, MISSES_PRINCIPAL);
    policy_examine(policy, 0, &request, true, &view);
    assert_int_equal(view.misses, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_to_turn_a_decision_is_told),
        cmocka_unit_test(test_a_statement_is_told_every_part_that_misses),
        cmocka_unit_test(test_how_a_statement_names_the_caller_is_told),
        cmocka_unit_test(test_conditions_are_told_one_by_one_with_what_the_request_says),
        cmocka_unit_test(test_a_boundary_is_looked_at_by_not_principal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
