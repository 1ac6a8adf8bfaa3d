/*
 * policy_compile of any JSON as every kind of document; policy_decide of what compiles, on fixed requests; what
 * explanations say against what was decided; and lint.
 */
#include "policy/lint.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

#define ACCOUNT "111122223333"
#define OTHER "444455556666"

/* SLICE_LIT for initialisers of statics */
#define TEXT(lit)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                              \
    }

static const slice_t one_text[] = { TEXT("alice") };
static const slice_t one_number[] = { TEXT("10") };
static const slice_t one_arn[] = { TEXT("arn:aws:iam::111122223333:user/alice") };
static const slice_t one_address[] = { TEXT("203.0.113.9") };
static const slice_t one_date[] = { TEXT("2026-01-02T03:04:05Z") };
static const slice_t one_true[] = { TEXT("true") };
static const slice_t one_odd[] = { TEXT("\xff*?${aws:a}") };
static const slice_t one_empty[] = { TEXT("") };
static const slice_t two_texts[] = { TEXT("red"), TEXT("blue") };

static const policy_values values[] = {
    { one_text, 1, false }, { one_number, 1, false }, { one_arn, 1, false }, { one_address, 1, false },
    { one_date, 1, false }, { one_true, 1, false },   { one_odd, 1, false }, { one_empty, 1, false },
    { two_texts, 2, true }, { NULL, 0, true },        { NULL, 0, false },
};

/* Any key has some value or none, the same each time it is asked for. */
static bool look_up(void *arg, slice_t key, slice_t key_as_written, policy_values *ret)
{
    size_t sum = *(const size_t *)arg;

    HOLDS(key.len == key_as_written.len && key.len > 0);
    for (size_t i = 0; i < key.len; i++) {
        sum += key.data[i];
    }
    *ret = values[sum % COUNT_OF(values)];
    return sum % 7 != 0;
}

static size_t salts[] = { 0, 5 };

static const policy_caller callers[] = {
    { CALLER_USER, TEXT(ACCOUNT), TEXT("arn:aws:iam::111122223333:user/alice"), { 0 }, { 0 } },
    { CALLER_ROLE_SESSION,
      TEXT(ACCOUNT),
      TEXT("arn:aws:sts::111122223333:assumed-role/app/web-1"),
      TEXT("arn:aws:iam::111122223333:role/app"),
      { 0 } },
    { CALLER_ROOT, TEXT(ACCOUNT), TEXT("arn:aws:iam::111122223333:root"), { 0 }, { 0 } },
    { CALLER_SERVICE, { 0 }, TEXT("secretsmanager.amazonaws.com"), { 0 }, { 0 } },
    { CALLER_FEDERATED, { 0 }, TEXT("repo:app"), { 0 }, TEXT("accounts.google.com") },
};

static policy_request request_of(size_t i)
{
    return (policy_request){ .caller = callers[i % COUNT_OF(callers)],
                             .action = i % 3 == 0 ? SLICE_LIT("sts:AssumeRole") : SLICE_LIT("kms:Decrypt"),
                             .resource = i % 4 == 3
                                             ? SLICE_LIT("*")
                                             : SLICE_LIT("arn:aws:kms:eu-west-1:111122223333:key/1234abcd"),
                             .resource_account = i % 2 == 0 ? SLICE_LIT(ACCOUNT) : SLICE_LIT(OTHER),
                             .lookup = i % 5 == 4 ? NULL : look_up,
                             .lookup_arg = &salts[i % 2] };
}

#define REQUESTS 30

static void check_decision(const policy_decision *decision, const policy_t *policy)
{
    HOLDS(decision->policy == NULL || decision->policy == policy);
    HOLDS(decision->policy == NULL || decision->statement < policy_statements(policy));
    HOLDS(decision->kind != DECISION_EXPLICIT_DENY || decision->policy == policy);
}

static policy_decision decide(const policy_request *request, policy_t *policy, policy_kind kind, bool trusted,
                              bool resource_decides)
{
    policy_set set = { .trusted = trusted, .resource_decides = resource_decides };
    policy_decision decision;

    if (kind == POLICY_RESOURCE || kind == POLICY_TRUST) {
        set.resource = policy;
    } else if (kind == POLICY_BOUNDARY) {
        set.boundary = policy;
    } else if (kind == POLICY_SESSION) {
        set.session = &policy;
        set.n_session = 1;
    } else {
        set.identity = &policy;
        set.n_identity = 1;
    }
    decision = policy_decide(request, &set);
    check_decision(&decision, policy);
    return decision;
}

/* A document says what its statements say one by one. */
static void check_examined(const policy_request *request, const policy_t *policy, decision_kind said)
{
    bool denies = false, allows = false;

    for (size_t i = 0; i < policy_statements(policy); i++) {
        policy_statement_view view;

        policy_examine(policy, i, request, false, &view);
        denies = denies || (view.deny && view.misses == 0);
        allows = allows || (!view.deny && view.misses == 0);
        for (size_t k = 0; k < view.n_conditions; k++) {
            policy_condition_view condition;

            policy_examine_condition(policy, i, k, request, &condition);
            HOLDS(condition.key.len > 0 && condition.op[0] != '\0');
            HOLDS(condition.holds || (view.misses & (MISSES_CONDITION | MISSES_INERT)) != 0);
        }
    }
    HOLDS(denies == (said == DECISION_EXPLICIT_DENY));
    HOLDS(allows || said != DECISION_ALLOW);
}

static void check_turn(void *arg, const policy_change *changes, size_t n)
{
    HOLDS(n > 0 && n <= POLICY_TURN_MAX && (changes[0].policy == NULL || changes[0].policy == arg));
}

static void check_request(const policy_request *request, policy_t *policy, policy_kind kind)
{
    policy_decision alone = policy_decide_one(policy, request);
    policy_decision again = policy_decide_one(policy, request);
    policy_decision plain = decide(request, policy, kind, false, false);
    policy_decision trusted = decide(request, policy, kind, true, false);
    policy_decision strict = decide(request, policy, kind, false, true);

    check_decision(&alone, policy);
    check_examined(request, policy, alone.kind);
    HOLDS(alone.kind == again.kind && alone.policy == again.policy && alone.statement == again.statement);
    HOLDS((alone.kind == DECISION_EXPLICIT_DENY) == (plain.kind == DECISION_EXPLICIT_DENY));
    HOLDS((alone.kind == DECISION_EXPLICIT_DENY) == (trusted.kind == DECISION_EXPLICIT_DENY));
    HOLDS(plain.kind != DECISION_ALLOW || alone.kind == DECISION_ALLOW);
    HOLDS(plain.kind != DECISION_ALLOW || trusted.kind == DECISION_ALLOW);
    HOLDS(strict.kind != DECISION_ALLOW || plain.kind == DECISION_ALLOW);
}

static void check_finding(void *arg, const policy_finding *finding)
{
    HOLDS(utf8_valid(SLICE_STR(finding->path)) && utf8_valid(SLICE_STR(finding->text)) && finding->rule[0] != '\0');
    ++*(size_t *)arg;
}

static void check_lint(slice_t json, policy_kind kind)
{
    static const policy_resource_kind kinds[] = { { "none", "*" }, { "keys", "arn:*:kms:*:*:key/*" } };
    static const policy_action actions[] = { { "kms:Decrypt", 2 }, { "kms:PutKeyPolicy", 2 }, { "sts:AssumeRole", 3 } };
    static const policy_key keys[] = { { "aws:SourceIp" }, { "aws:CurrentTime", .now = true }, { "aws:ResourceTag/" } };
    const policy_vocabulary known = { actions, COUNT_OF(actions), kinds, COUNT_OF(kinds), keys, COUNT_OF(keys) };
    size_t told = 0, findings;
    const policy_lint_spec spec = { .known = &known, .now_ms = 1, .attached = "arn:aws:kms:eu-west-1:" ACCOUNT ":key/1",
                                    .account = ACCOUNT, .keeper = kind == POLICY_RESOURCE ? "kms:PutKeyPolicy" : NULL,
                                    .tell = check_finding, .arg = &told };

    HOLDS(policy_lint(json, kind, &spec, &findings) == P11KMS_OK && findings == told);
}

static void check_turns(policy_t *policy, policy_kind kind)
{
    const policy_turns_spec spec = { .tell = check_turn, .arg = policy };
    policy_request request = request_of(0);
    bool resource = kind == POLICY_RESOURCE || kind == POLICY_TRUST;
    const policy_set set = { .identity = &policy, .n_identity = !resource, .resource = resource ? policy : NULL };

    HOLDS(policy_turns(&request, &set, &spec) <= 16);
}

static void check_kind(slice_t json, policy_kind kind)
{
    _cleanup_(policy) policy_t *policy = NULL;
    p11kms_err err = policy_compile(json, kind, "fuzz", &policy);

    if (err != P11KMS_OK) {
        slice_t detail = SLICE_STR(p11kms_err_detail(err));

        HOLDS(err == P11KMS_E_POLICY_MALFORMED && policy == NULL);
        HOLDS(detail.len > 0 && detail.len < 600 && utf8_valid(detail));
        return;
    }
    HOLDS(policy_statements(policy) > 0);
    for (size_t i = 0; i < policy_statements(policy); i++) {
        HOLDS(utf8_valid(SLICE_STR(policy_sid(policy, i))));
    }
    for (size_t i = 0; i < REQUESTS; i++) {
        policy_request request = request_of(i);

        check_request(&request, policy, kind);
    }
    check_turns(policy, kind);
    check_lint(json, kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    for (policy_kind kind = POLICY_IDENTITY; kind <= POLICY_SESSION; kind++) {
        check_kind(SLICE(data, len), kind);
    }
    return 0;
}
