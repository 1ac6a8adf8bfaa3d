/*
 * The decision table: IAM User Guide, "How AWS enforcement code logic evaluates requests", with its table of
 * "Resource-based policies and implicit denies in other policy types", "Cross-account policy evaluation
 * logic", and KMS Developer Guide, "Key policies".
 */
#include <pthread.h>
#include <stdio.h>

#include "tests/policy/kit.h"

#define OTHER_KEY "arn:aws:kms:eu-west-1:444455556666:key/1"

/* ---- documents ---- */

/* Allows or denies all of KMS; "Other": allows something else. */
static policy_t *says(policy_kind kind, const char *effect)
{
    char text[256];

    if (strcmp(effect, "Other") == 0) {
        snprintf(text, sizeof(text), "'Effect':'Allow','Action':'s3:*','Resource':'*'");
    } else {
        snprintf(text, sizeof(text), "'Sid':'%s','Effect':'%s','Action':'kms:*','Resource':'*'", effect,
                 effect);
    }
    return kit_statement(kind, text);
}

static policy_t *key_policy(const char *effect, const char *principal)
{
    char text[512];

    snprintf(text, sizeof(text), "'Sid':'key','Effect':'%s','Principal':%s,'Action':'kms:*','Resource':'*'",
             effect, principal);
    return kit_statement(POLICY_RESOURCE, text);
}

/*
 * "A" allow, else the side that lacks an Allow: I identity, B boundary, S session, R resource; G a grant
 * allowed.
 */
static char letter(policy_decision decision)
{
    static const char lacking[] = { [BASIS_NONE] = '0',     [BASIS_IDENTITY] = 'I', [BASIS_RESOURCE] = 'R',
                                    [BASIS_BOUNDARY] = 'B', [BASIS_SESSION] = 'S',  [BASIS_GRANT] = 'g' };

    if (decision.kind == DECISION_EXPLICIT_DENY) {
        return 'X';
    }
    if (decision.kind == DECISION_IMPLICIT_DENY) {
        return lacking[decision.basis];
    }
    return decision.basis == BASIS_GRANT ? 'G' : 'A';
}

/* ---- the table ---- */

#define NOBODY NULL
#define ACCOUNT_P "{'AWS':'111122223333'}"
#define ROLE_P "{'AWS':'" KIT_ROLE "'}"
#define ALICE_P "{'AWS':'" KIT_ALICE "'}"
#define SESSION_P "{'AWS':'" KIT_SESSION "'}"
#define ANYONE_P "'*'"

typedef struct {
    char caller;           /* u user, s role session, r root */
    bool across;           /* the resource is another account's */
    bool resource_decides; /* KMS's rule */
    naming granted;
    const char *principal; /* whom the resource policy allows */
    /*
     * A letter for each of eight: identity, boundary and session policies that
     * do not allow (0) or do (1): 000 001 010 011 100 101 110 111.
     */
    const char *expected;
} decision_row;

/* clang-format off */
static const decision_row rows[] = {
    /* a key of the caller's account */
    { 'u', false, true, NAMES_NOBODY, NOBODY,    "RRRRRRRR" },
    { 'u', false, true, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 'u', false, true, NAMES_NOBODY, ROLE_P,    "RRRRRRRR" },
    { 'u', false, true, NAMES_NOBODY, ALICE_P,   "AAAAAAAA" },
    { 'u', false, true, NAMES_NOBODY, ANYONE_P,  "AAAAAAAA" },
    { 's', false, true, NAMES_NOBODY, NOBODY,    "RRRRRRRR" },
    { 's', false, true, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 's', false, true, NAMES_NOBODY, ROLE_P,    "BBSABBSA" },
    { 's', false, true, NAMES_NOBODY, ALICE_P,   "RRRRRRRR" },
    { 's', false, true, NAMES_NOBODY, SESSION_P, "AAAAAAAA" },
    { 's', false, true, NAMES_NOBODY, ANYONE_P,  "AAAAAAAA" },
    { 'r', false, true, NAMES_NOBODY, NOBODY,    "RRRRRRRR" },
    { 'r', false, true, NAMES_NOBODY, ACCOUNT_P, "AAAAAAAA" },
    /* another resource of the caller's account: either side is enough */
    { 'u', false, false, NAMES_NOBODY, NOBODY,    "IIIIBBSA" },
    { 'u', false, false, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 'u', false, false, NAMES_NOBODY, ALICE_P,   "AAAAAAAA" },
    { 'u', false, false, NAMES_NOBODY, ANYONE_P,  "AAAAAAAA" },
    { 's', false, false, NAMES_NOBODY, NOBODY,    "IIIIBBSA" },
    { 's', false, false, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 's', false, false, NAMES_NOBODY, ROLE_P,    "BBSABBSA" },
    { 's', false, false, NAMES_NOBODY, SESSION_P, "AAAAAAAA" },
    { 's', false, false, NAMES_NOBODY, ANYONE_P,  "AAAAAAAA" },
    /* another account's: both sides */
    { 'u', true, true, NAMES_NOBODY, NOBODY,    "RRRRRRRR" },
    { 'u', true, true, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 'u', true, true, NAMES_NOBODY, ALICE_P,   "IIIIBBSA" },
    { 'u', true, true, NAMES_NOBODY, ANYONE_P,  "IIIIBBSA" },
    { 'u', true, true, NAMES_NOBODY, ROLE_P,    "RRRRRRRR" },
    { 's', true, true, NAMES_NOBODY, NOBODY,    "RRRRRRRR" },
    { 's', true, true, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 's', true, true, NAMES_NOBODY, ROLE_P,    "IIIIBBSA" },
    { 's', true, true, NAMES_NOBODY, SESSION_P, "IIIIBBSA" },
    { 's', true, true, NAMES_NOBODY, ANYONE_P,  "IIIIBBSA" },
    { 'u', true, false, NAMES_NOBODY, NOBODY,    "RRRRRRRR" },
    { 'u', true, false, NAMES_NOBODY, ACCOUNT_P, "IIIIBBSA" },
    { 'u', true, false, NAMES_NOBODY, ALICE_P,   "IIIIBBSA" },
    { 's', true, false, NAMES_NOBODY, ROLE_P,    "IIIIBBSA" },
    { 's', true, false, NAMES_NOBODY, SESSION_P, "IIIIBBSA" },
    { 'r', true, true, NAMES_NOBODY, ACCOUNT_P,  "IIIIBBSA" },
    /* a grant is an Allow of the resource side, which a session has through its role */
    { 'u', false, true, NAMES_CALLER, NOBODY,    "GGGGGGGG" },
    { 'u', false, true, NAMES_CALLER, ACCOUNT_P, "GGGGGGGG" },
    { 'u', false, true, NAMES_CALLER, ALICE_P,   "AAAAAAAA" },
    { 's', false, true, NAMES_CALLER, NOBODY,    "BBSGBBSG" },
    { 's', false, true, NAMES_CALLER, ACCOUNT_P, "BBSGBBSG" },
    { 's', false, true, NAMES_CALLER, SESSION_P, "AAAAAAAA" },
    { 's', false, true, NAMES_ROLE, NOBODY,      "BBSGBBSG" },
    { 'u', true, true, NAMES_CALLER, NOBODY,     "IIIIBBSG" },
    { 's', true, true, NAMES_CALLER, NOBODY,     "IIIIBBSG" },
    /* one to the account leaves it to identity policies */
    { 'u', false, true, NAMES_ACCOUNT, NOBODY,   "IIIIBBSA" },
    { 's', false, true, NAMES_ACCOUNT, NOBODY,   "IIIIBBSA" },
    { 'u', false, true, NAMES_ACCOUNT, ALICE_P,  "AAAAAAAA" },
    { 'u', true, true, NAMES_ACCOUNT, NOBODY,    "IIIIBBSG" },
};
/* clang-format on */

static policy_request request_of(const decision_row *row)
{
    policy_request request = kit_request(row->caller == 'u'   ? kit_alice()
                                         : row->caller == 's' ? kit_session()
                                                              : kit_root());

    if (row->across) {
        request.resource = SLICE_LIT(OTHER_KEY);
        request.resource_account = SLICE_LIT(KIT_OTHER);
    }
    return request;
}

static size_t check_decisions(const decision_row *row, policy_t *const silent[3], policy_t *const allows[3])
{
    _cleanup_(policy) policy_t *resource = row->principal != NULL
                                               ? key_policy("Allow", row->principal)
                                               : key_policy("Allow", "{'AWS':'999999999999'}");
    policy_request request = request_of(row);

    for (unsigned i = 0; i < 8; i++) {
        policy_t *identity = (i & 4) != 0 ? allows[0] : silent[0];
        policy_t *session = (i & 1) != 0 ? allows[2] : silent[2];
        policy_set set = { .identity = &identity,
                           .n_identity = 1,
                           .boundary = (i & 2) != 0 ? allows[1] : silent[1],
                           .session = &session,
                           .n_session = 1,
                           .resource = resource,
                           .resource_decides = row->resource_decides,
                           .granted = row->granted };
        char got = letter(policy_decide(&request, &set));

        if (got != row->expected[i]) {
            fail_msg("%c across %d decides %d granted %d, %s, case %u: %c and not %c", row->caller,
                     row->across, row->resource_decides, row->granted, row->principal, i, got,
                     row->expected[i]);
        }
    }
    return 8;
}

static void test_decisions_are_those_of_awss_tables(void **state)
{
    policy_t *silent[] = { says(POLICY_IDENTITY, "Other"), says(POLICY_BOUNDARY, "Other"),
                           says(POLICY_SESSION, "Other") };
    policy_t *allows[] = { says(POLICY_IDENTITY, "Allow"), says(POLICY_BOUNDARY, "Allow"),
                           says(POLICY_SESSION, "Allow") };
    size_t n = 0;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        n += check_decisions(&rows[i], silent, allows);
    }
    assert_int_equal(n, 8 * COUNT_OF(rows));
    for (size_t i = 0; i < 3; i++) {
        policy_unref(silent[i]);
        policy_unref(allows[i]);
    }
}

/* ---- denies ---- */

typedef struct {
    const char *place; /* which of the four denies */
    decision_basis basis;
    const char *words;
} deny_row;

static const deny_row denies[] = {
    { "identity", BASIS_IDENTITY, " with an explicit deny in an identity-based policy" },
    { "boundary", BASIS_BOUNDARY, " with an explicit deny in a permissions boundary" },
    { "session", BASIS_SESSION, " with an explicit deny in a session policy" },
    { "resource", BASIS_RESOURCE, " with an explicit deny in a resource-based policy" },
};

/* Everything else allows: identity, boundary, session, the resource to the caller itself, a grant, trust. */
static void check_deny(const deny_row *deny, const decision_row *row, const char *principal)
{
    _cleanup_(policy) policy_t *allow_identity = says(POLICY_IDENTITY, "Allow");
    _cleanup_(policy) policy_t *deny_identity = says(POLICY_IDENTITY, "Deny");
    _cleanup_(policy) policy_t *boundary =
        says(POLICY_BOUNDARY, strcmp(deny->place, "boundary") == 0 ? "Deny" : "Allow");
    _cleanup_(policy) policy_t *allow_session = says(POLICY_SESSION, "Allow");
    _cleanup_(policy) policy_t *deny_session = says(POLICY_SESSION, "Deny");
    _cleanup_(policy) policy_t *resource =
        key_policy(strcmp(deny->place, "resource") == 0 ? "Deny" : "Allow", principal);
    _cleanup_buf_ buf_t words = { 0 };
    policy_t *identities[] = { allow_identity, deny_identity };
    policy_t *sessions[] = { allow_session, deny_session };
    policy_request request = request_of(row);
    policy_set set = { .identity = identities,
                       .n_identity = strcmp(deny->place, "identity") == 0 ? 2 : 1,
                       .boundary = boundary,
                       .session = sessions,
                       .n_session = strcmp(deny->place, "session") == 0 ? 2 : 1,
                       .resource = resource,
                       .resource_decides = row->resource_decides,
                       .granted = NAMES_CALLER,
                       .trusted = true };
    policy_decision decision = policy_decide(&request, &set);

    assert_int_equal(decision.kind, DECISION_EXPLICIT_DENY);
    assert_int_equal(decision.basis, deny->basis);
    assert_non_null(decision.policy);
    assert_int_equal(decision.statement, 0);
    policy_denial_words(&decision, request.action, &words);
    assert_buf_text(&words, deny->words);
}

static void test_an_explicit_deny_of_any_policy_wins(void **state)
{
    static const char *const principals[] = { ANYONE_P, ACCOUNT_P,
                                              "{'AWS':['" KIT_ALICE "','" KIT_SESSION "']}",
                                              "{'AWS':['" KIT_ALICE "','" KIT_ROLE "']}" };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(denies); i++) {
        for (size_t j = 0; j < 8 * COUNT_OF(principals); j++) {
            decision_row row = { .caller = (j & 1) != 0 ? 'u' : 's',
                                 .across = (j & 2) != 0,
                                 .resource_decides = (j & 4) != 0 };

            check_deny(&denies[i], &row, principals[j / 8]);
        }
    }
}

/* KMS: "IAM policies ... can be used to deny access even when the key policy does not delegate". */
static void test_an_identity_deny_counts_where_the_key_policy_names_the_user(void **state)
{
    _cleanup_(policy) policy_t *key = key_policy("Allow", ALICE_P);
    _cleanup_(policy) policy_t *identity = says(POLICY_IDENTITY, "Deny");
    policy_request request = kit_request(kit_alice());
    policy_set set = { .identity = &identity, .n_identity = 1, .resource = key, .resource_decides = true };
    (void)state;

    assert_int_equal(letter(policy_decide(&request, &set)), 'X');
}

/* ---- what is not in the table ---- */

static void test_trust_stands_for_an_identity_policy_that_allows_all(void **state)
{
    _cleanup_(policy) policy_t *delegates = key_policy("Allow", ACCOUNT_P);
    _cleanup_(policy) policy_t *closed = key_policy("Allow", "{'AWS':'" KIT_OTHER "'}");
    _cleanup_(policy) policy_t *narrow = says(POLICY_SESSION, "Other");
    _cleanup_(policy) policy_t *boundary = says(POLICY_BOUNDARY, "Other");
    policy_request request = kit_request(kit_alice());
    policy_set set = { .resource = delegates, .resource_decides = true, .trusted = true };
    policy_decision decision = policy_decide(&request, &set);
    (void)state;

    assert_int_equal(letter(decision), 'A');
    assert_int_equal(decision.basis, BASIS_IDENTITY);
    assert_null(decision.policy);

    set.boundary = boundary;
    assert_int_equal(letter(policy_decide(&request, &set)), 'B');
    set.boundary = NULL;
    set.session = &narrow;
    set.n_session = 1;
    assert_int_equal(letter(policy_decide(&request, &set)), 'S');
    set.n_session = 0;

    set.resource = closed;
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
    set.resource = NULL;
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
    set.resource_decides = false;
    assert_int_equal(letter(policy_decide(&request, &set)), 'A');
}

static void test_nothing_allows_nothing(void **state)
{
    policy_request request = kit_request(kit_alice());
    policy_set set = { 0 };
    policy_decision decision = policy_decide(&request, &set);
    (void)state;

    assert_int_equal(letter(decision), 'I');
    assert_null(decision.policy);
    request.resource_account = (slice_t){ 0 };
    assert_int_equal(letter(policy_decide(&request, &set)), 'I');
    request.resource_account = SLICE_LIT(KIT_OTHER);
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
}

static void test_one_allow_among_the_policies_of_a_kind_is_enough(void **state)
{
    policy_t *policies[] = { says(POLICY_IDENTITY, "Other"), says(POLICY_IDENTITY, "Allow"),
                             says(POLICY_IDENTITY, "Allow") };
    policy_request request = kit_request(kit_alice());
    policy_set set = { .identity = policies, .n_identity = 3, .session = policies, .n_session = 3 };
    policy_decision decision = policy_decide(&request, &set);
    (void)state;

    assert_int_equal(letter(decision), 'A');
    assert_ptr_equal(decision.policy, policies[1]);
    for (size_t i = 0; i < 3; i++) {
        policy_unref(policies[i]);
    }
}

static void test_a_deny_among_the_policies_of_a_kind_wins_in_any_order(void **state)
{
    policy_t *policies[] = { says(POLICY_IDENTITY, "Allow"), says(POLICY_IDENTITY, "Deny"),
                             says(POLICY_IDENTITY, "Allow") };
    policy_request request = kit_request(kit_alice());
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        policy_set set = { .identity = policies + i, .n_identity = 2 };
        policy_decision decision = policy_decide(&request, &set);

        assert_int_equal(letter(decision), 'X');
        assert_ptr_equal(decision.policy, policies[1]);
    }
    for (size_t i = 0; i < 3; i++) {
        policy_unref(policies[i]);
    }
}

/* A service has no identity side, and no account that would be another's. */
static void test_services_need_the_resource_policy_alone(void **state)
{
    static const struct {
        const char *principal;
        char expected;
    } cases[] = {
        { "{'Service':'secretsmanager.amazonaws.com'}", 'A' },
        { "{'Service':'ssm.amazonaws.com'}", 'R' },
        { "{'AWS':'111122223333'}", 'R' },
        { "'*'", 'A' },
    };
    policy_caller service = { .kind = CALLER_SERVICE,
                              .account = SLICE_LIT(KIT_OTHER),
                              .arn = SLICE_LIT("secretsmanager.amazonaws.com") };
    policy_request request = kit_request(service);
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        _cleanup_(policy) policy_t *key = key_policy("Allow", cases[i].principal);
        policy_set set = { .resource = key, .resource_decides = true };

        assert_int_equal(letter(policy_decide(&request, &set)), cases[i].expected);
        set.granted = NAMES_CALLER;
        assert_true(letter(policy_decide(&request, &set)) != 'R');
    }
}

static void test_a_role_is_assumed_as_its_trust_policy_says(void **state)
{
    _cleanup_(policy) policy_t *trust = kit_policy(
        POLICY_TRUST,
        "{'Version':'2012-10-17','Statement':["
        "{'Effect':'Allow','Principal':{'AWS':['" KIT_ALICE "','444455556666']},'Action':'sts:AssumeRole'},"
        "{'Effect':'Allow','Principal':{'Federated':'ci.example'},'Action':'sts:AssumeRoleWithWebIdentity',"
        "'Condition':{'StringEquals':{'ci.example:sub':'repo:app','ci.example:aud':'p11kms'}}}]}");
    static const kit_key keys[] = { { "ci.example:sub", { "repo:app" }, false },
                                    { "ci.example:aud", { "p11kms" }, false },
                                    { 0 } };
    policy_caller bob = { .kind = CALLER_USER,
                          .account = SLICE_LIT(KIT_OTHER),
                          .arn = SLICE_LIT("arn:aws:iam::444455556666:user/bob") };
    policy_caller ci = { .kind = CALLER_FEDERATED,
                         .arn = SLICE_LIT("repo:app"),
                         .federated = SLICE_LIT("ci.example") };
    policy_request request = kit_request(kit_alice());
    policy_set set = { .resource = trust, .resource_decides = true };
    (void)state;

    request.action = SLICE_LIT("sts:AssumeRole");
    request.resource = SLICE_LIT(KIT_ROLE);
    assert_int_equal(letter(policy_decide(&request, &set)), 'A');
    request.caller = bob;
    assert_int_equal(letter(policy_decide(&request, &set)), 'I');
    set.trusted = true;
    assert_int_equal(letter(policy_decide(&request, &set)), 'A');
    set.trusted = false;

    request.caller = ci;
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
    request.action = SLICE_LIT("sts:AssumeRoleWithWebIdentity");
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
    request.lookup = kit_lookup;
    request.lookup_arg = (void *)(uintptr_t)keys;
    assert_int_equal(letter(policy_decide(&request, &set)), 'A');
    request.caller.federated = SLICE_LIT("other.example");
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
}

/* The closest Allow decides, wherever it stands. */
static void test_the_allow_that_names_the_caller_closest_counts(void **state)
{
    _cleanup_(policy) policy_t *key = kit_policy(
        POLICY_RESOURCE,
        "{'Statement':["
        "{'Sid':'account','Effect':'Allow','Principal':" ACCOUNT_P ",'Action':'*','Resource':'*'},"
        "{'Sid':'role','Effect':'Allow','Principal':" ROLE_P ",'Action':'kms:D*','Resource':'*'},"
        "{'Sid':'session','Effect':'Allow','Principal':" SESSION_P ",'Action':'kms:Dec*','Resource':'*'},"
        "{'Sid':'again','Effect':'Allow','Principal':" SESSION_P ",'Action':'kms:Decrypt','Resource':'*'}]}");
    static const struct {
        const char *action;
        const char *sid;
    } cases[] = { { "kms:Decrypt", "session" }, { "kms:DescribeKey", "role" }, { "kms:Encrypt", NULL } };
    policy_request request = kit_request(kit_session());
    policy_set set = { .resource = key, .resource_decides = true };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        policy_decision decision;

        request.action = SLICE_STR(cases[i].action);
        decision = policy_decide(&request, &set);
        assert_int_equal(letter(decision), cases[i].sid != NULL ? 'A' : 'I');
        if (cases[i].sid != NULL) {
            assert_ptr_equal(decision.policy, key);
            assert_string_equal(policy_sid(key, decision.statement), cases[i].sid);
        }
    }
}

/* Whom a Deny would stop must not get by through making it dear to find. */
static void test_a_deny_that_costs_too_much_to_find_is_one(void **state)
{
    _cleanup_(policy) policy_t *dear = kit_statement(
        POLICY_RESOURCE, "'Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringLike':"
                         "{'aws:UserAgent':['*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0','*evil*']}}");
    static char agent[100 * 1024];
    const kit_key keys[] = { { "aws:UserAgent", { agent }, false }, { NULL } };
    policy_request request = kit_request_with(keys);
    const policy_set set = { .resource = dear, .resource_decides = true };
    (void)state;

    strcpy(agent, "good");
    assert_false(policy_denies(&request, &set));
    strcpy(agent, "evil");
    assert_true(policy_denies(&request, &set));
    memset(agent, 'a', sizeof(agent) - 5);
    strcpy(agent + sizeof(agent) - 5, "evil");
    assert_int_equal(letter(policy_decide(&request, &set)), 'R');
    assert_true(policy_denies(&request, &set));
}

static void *hold_and_decide(void *arg)
{
    policy_t *key = arg;
    policy_request request = kit_request(kit_alice());

    for (int i = 0; i < 2000; i++) {
        policy_t *held = policy_ref(key);
        policy_set set = { .resource = held, .resource_decides = true };

        if (policy_decide(&request, &set).kind != DECISION_ALLOW) {
            return key;
        }
        policy_unref(held);
    }
    return NULL;
}

static void test_threads_share_a_document(void **state)
{
    policy_t *key = key_policy("Allow", ALICE_P);
    pthread_t threads[4];
    void *failed = NULL;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_decide, key), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    policy_unref(key);
}

static void test_refusals_are_worded_as_aws_words_them(void **state)
{
    static const struct {
        decision_kind kind;
        decision_basis basis;
        const char *words;
    } cases[] = {
        { DECISION_IMPLICIT_DENY, BASIS_IDENTITY,
          " because no identity-based policy allows the kms:Decrypt action" },
        { DECISION_IMPLICIT_DENY, BASIS_RESOURCE,
          " because no resource-based policy allows the kms:Decrypt action" },
        { DECISION_IMPLICIT_DENY, BASIS_BOUNDARY,
          " because no permissions boundary allows the kms:Decrypt action" },
        { DECISION_IMPLICIT_DENY, BASIS_SESSION, " because no session policy allows the kms:Decrypt action" },
        { DECISION_IMPLICIT_DENY, BASIS_NONE, "" },
        { DECISION_ALLOW, BASIS_IDENTITY, "" },
        { DECISION_ALLOW, BASIS_GRANT, "" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        _cleanup_buf_ buf_t words = { 0 };
        policy_decision decision = { .kind = cases[i].kind, .basis = cases[i].basis };

        policy_denial_words(&decision, SLICE_LIT("kms:Decrypt"), &words);
        assert_buf_text(&words, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decisions_are_those_of_awss_tables),
        cmocka_unit_test(test_an_explicit_deny_of_any_policy_wins),
        cmocka_unit_test(test_an_identity_deny_counts_where_the_key_policy_names_the_user),
        cmocka_unit_test(test_trust_stands_for_an_identity_policy_that_allows_all),
        cmocka_unit_test(test_nothing_allows_nothing),
        cmocka_unit_test(test_one_allow_among_the_policies_of_a_kind_is_enough),
        cmocka_unit_test(test_a_deny_among_the_policies_of_a_kind_wins_in_any_order),
        cmocka_unit_test(test_services_need_the_resource_policy_alone),
        cmocka_unit_test(test_a_role_is_assumed_as_its_trust_policy_says),
        cmocka_unit_test(test_the_allow_that_names_the_caller_closest_counts),
        cmocka_unit_test(test_a_deny_that_costs_too_much_to_find_is_one),
        cmocka_unit_test(test_threads_share_a_document),
        cmocka_unit_test(test_refusals_are_worded_as_aws_words_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
