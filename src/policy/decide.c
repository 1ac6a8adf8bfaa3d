/*
 * Decisions. IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or
 * deny access" and "Cross-account policy evaluation logic"; KMS Developer Guide, "Key policies".
 */
#include "policy/document.h"

/* What one document says. */
typedef struct {
    const statement_t *deny;
    const statement_t *allow;
    naming names; /* how closely the Allow names the caller */
} verdict;

static bool some_pattern(evaluation_t *evaluation, const pattern_t *patterns, size_t n, match_mode mode,
                         slice_t text)
{
    for (size_t i = 0; i < n; i++) {
        if (pattern_matches(&patterns[i], mode, text, evaluation->request, &evaluation->work)) {
            return true;
        }
    }
    return false;
}

/* A statement without actions, or without resources, takes none: it is inert. */
static bool takes_action(evaluation_t *evaluation, const statement_t *statement)
{
    return some_pattern(evaluation, statement->actions, statement->n_actions, MATCH_TEXT,
                        evaluation->action) != statement->not_action;
}

static bool takes_resource(evaluation_t *evaluation, policy_kind kind, const statement_t *statement)
{
    return kind == POLICY_TRUST ||
           some_pattern(evaluation, statement->resources, statement->n_resources, MATCH_RESOURCE,
                        evaluation->request->resource) != statement->not_resource;
}

static bool is_supposed(const supposed_t *supposed, const statement_t *statement, naming *ret)
{
    for (size_t i = 0; i < supposed->n_statements; i++) {
        if (supposed->statements[i].statement == statement) {
            *ret = supposed->statements[i].names;
            return true;
        }
    }
    return false;
}

static naming names_caller(const evaluation_t *evaluation, const policy_t *policy, const statement_t *statement)
{
    return policy_kind_has_principal(policy->kind)
               ? principals_naming(statement, &evaluation->request->caller, evaluation->has_boundary)
               : NAMES_CALLER;
}

/* How closely @p statement names the caller where it applies to the request, else NAMES_NOBODY. */
static naming applies(evaluation_t *evaluation, const policy_t *policy, const statement_t *statement)
{
    naming names;

    if (evaluation->supposed != NULL && is_supposed(evaluation->supposed, statement, &names)) {
        return names;
    }
    if (!takes_action(evaluation, statement)) {
        return NAMES_NOBODY;
    }
    names = names_caller(evaluation, policy, statement);
    if (names == NAMES_NOBODY || !takes_resource(evaluation, policy->kind, statement) ||
        !conditions_hold(evaluation, statement)) {
        return NAMES_NOBODY;
    }
    return names;
}

static bool is_inert(policy_kind kind, const statement_t *statement)
{
    return statement->n_actions == 0 || (statement->n_resources == 0 && kind != POLICY_TRUST);
}

unsigned statement_misses(evaluation_t *evaluation, const policy_t *policy, const statement_t *statement,
                          naming *ret_names)
{
    *ret_names = names_caller(evaluation, policy, statement);
    if (is_inert(policy->kind, statement)) {
        return MISSES_INERT;
    }
    return (takes_action(evaluation, statement) ? 0 : MISSES_ACTION) |
           (*ret_names != NAMES_NOBODY ? 0 : MISSES_PRINCIPAL) |
           (takes_resource(evaluation, policy->kind, statement) ? 0 : MISSES_RESOURCE) |
           (conditions_hold(evaluation, statement) ? 0 : MISSES_CONDITION);
}

/* The first Deny, else the closest Allow. */
static verdict judge(evaluation_t *evaluation, const policy_t *policy)
{
    verdict said = { 0 };

    for (size_t i = 0; policy != NULL && i < policy->n_statements; i++) {
        const statement_t *statement = &policy->statements[i];
        naming names;

        if (!statement->deny && said.names == NAMES_CALLER) {
            continue; /* nothing names closer */
        }
        names = applies(evaluation, policy, statement);
        if (statement->deny && names != NAMES_NOBODY) {
            said.deny = statement;
            return said;
        }
        if (!statement->deny && names > said.names) {
            said.allow = statement;
            said.names = names;
        }
    }
    return said;
}

static policy_decision decision_of(decision_kind kind, decision_basis basis, const policy_t *policy,
                                   const statement_t *statement)
{
    policy_decision decision = { .kind = kind, .basis = basis };

    if (statement != NULL) {
        decision.policy = policy;
        decision.statement = (size_t)(statement - policy->statements);
    }
    return decision;
}

/* The policies of one kind taken together: one Deny denies, one Allow is enough. */
typedef struct {
    decision_basis basis;
    const policy_t *policy; /* where the statement stands */
    const statement_t *deny;
    const statement_t *allow;
    naming names;
    bool allows; /* also without a statement, where there is nothing to limit */
} side;

static side judge_side(evaluation_t *evaluation, decision_basis basis, policy_t *const *policies, size_t n)
{
    side taken = { .basis = basis };

    for (size_t i = 0; i < n && taken.deny == NULL; i++) {
        verdict said = judge(evaluation, policies[i]);

        if (said.deny != NULL || (said.allow != NULL && taken.allow == NULL)) {
            taken.policy = policies[i];
            taken.deny = said.deny;
            taken.allow = said.allow;
            taken.names = said.names;
        }
    }
    taken.allows = taken.allow != NULL;
    return taken;
}

/* What a boundary and session policies do where there are none: they limit nothing. */
static side judge_limit(evaluation_t *evaluation, decision_basis basis, policy_t *const *policies, size_t n)
{
    side taken = judge_side(evaluation, basis, policies, n);

    taken.allows = taken.allows || n == 0;
    return taken;
}

typedef struct {
    side identity;
    side boundary;
    side session;
    side resource;
} sides;

static policy_decision denied_by(const side *which)
{
    return decision_of(DECISION_EXPLICIT_DENY, which->basis, which->policy, which->deny);
}

static policy_decision lacking(const side *which)
{
    return decision_of(DECISION_IMPLICIT_DENY, which->basis, NULL, NULL);
}

static policy_decision allowed_by(const side *which)
{
    return decision_of(DECISION_ALLOW, which->basis, which->policy, which->allow);
}

/* The first of the caller's own sides that does not allow, or NULL. */
static const side *caller_lacks(const sides *all)
{
    if (!all->identity.allows) {
        return &all->identity;
    }
    if (!all->boundary.allows) {
        return &all->boundary;
    }
    return all->session.allows ? NULL : &all->session;
}

static bool is_same_account(const policy_request *request)
{
    return request->resource_account.len == 0 || slice_eq(request->resource_account, request->caller.account);
}

/* A grant is an Allow of the resource side. A session that was made narrow stays so, named itself or not. */
static void add_grant(side *resource, const policy_caller *caller, naming names)
{
    if (caller->kind == CALLER_ROLE_SESSION && names == NAMES_CALLER) {
        names = NAMES_ROLE;
    }

    if (names > resource->names) {
        *resource = (side){ .basis = BASIS_GRANT, .names = names, .allows = true };
    }
}

/* Both accounts must allow; how closely the resource side names the caller is no matter. */
static policy_decision decide_across(const sides *all)
{
    const side *lack = caller_lacks(all);

    if (!all->resource.allows) {
        return lacking(&all->resource);
    }
    return lack != NULL ? lacking(lack) : allowed_by(&all->resource);
}

/*
 * "If a resource-based policy grants permission directly to the IAM user or the session principal
 * that is making the request, then an implicit deny in an identity-based policy, a permissions
 * boundary, or a session policy does not impact the final decision"; permissions of "an IAM role
 * ARN are limited by an implicit deny in a permissions boundary or session policy".
 */
static policy_decision decide_within(const sides *all, bool resource_decides)
{
    const side *lack = caller_lacks(all);

    if (all->resource.names == NAMES_CALLER) {
        return allowed_by(&all->resource);
    }
    if (all->resource.names == NAMES_ROLE) {
        if (all->boundary.allows && all->session.allows) {
            return allowed_by(&all->resource);
        }
        return lacking(all->boundary.allows ? &all->session : &all->boundary);
    }
    if (resource_decides && all->resource.names != NAMES_ACCOUNT) {
        return lacking(&all->resource);
    }
    return lack != NULL ? lacking(lack) : allowed_by(&all->identity);
}

static const side *denying(const sides *all)
{
    const side *const order[] = { &all->identity, &all->boundary, &all->session, &all->resource };

    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if (order[i]->deny != NULL) {
            return order[i];
        }
    }
    return NULL;
}

static policy_decision decide(const policy_request *request, const policy_set *set, sides *all)
{
    const side *deny = denying(all);

    if (deny != NULL) {
        return denied_by(deny);
    }
    add_grant(&all->resource, &request->caller, set->granted);
    if (!caller_has_account(&request->caller)) {
        return all->resource.names == NAMES_CALLER ? allowed_by(&all->resource) : lacking(&all->resource);
    }
    return is_same_account(request) ? decide_within(all, set->resource_decides) : decide_across(all);
}

/* An action of no operation, or a decision that cost too much: nothing is allowed. */
static policy_decision fail_closed(const evaluation_t *evaluation, policy_decision decision)
{
    if (evaluation->work.failed && decision.kind == DECISION_ALLOW) {
        return decision_of(DECISION_IMPLICIT_DENY, BASIS_NONE, NULL, NULL);
    }
    return decision;
}

void evaluation_begin(evaluation_t *evaluation, const policy_request *request, bool has_boundary)
{
    size_t len = request->action.len;

    evaluation->request = request;
    evaluation->supposed = NULL;
    evaluation->has_boundary = has_boundary;
    evaluation->work = (match_work){ .steps_left = MATCH_STEPS_MAX, .failed = len > ACTION_MAX };
    len = len > ACTION_MAX ? 0 : len;
    for (size_t i = 0; i < len; i++) {
        evaluation->action_text[i] = ascii_lower(request->action.data[i]);
    }
    evaluation->action = SLICE(evaluation->action_text, len);
}

static void suppose(const supposed_t *supposed, sides *all)
{
    all->identity.allows = all->identity.allows || supposed->identity_allows;
    all->boundary.allows = all->boundary.allows || supposed->boundary_allows;
    all->session.allows = all->session.allows || supposed->session_allows;
    if (supposed->resource_names > all->resource.names) {
        all->resource.names = supposed->resource_names;
        all->resource.allows = true;
    }
}

static sides judge_all(evaluation_t *evaluation, const policy_set *set)
{
    sides all;

    all.identity = judge_side(evaluation, BASIS_IDENTITY, set->identity, set->n_identity);
    all.identity.allows = all.identity.allows || set->trusted;
    all.boundary = judge_limit(evaluation, BASIS_BOUNDARY, &set->boundary, set->boundary != NULL);
    all.session = judge_limit(evaluation, BASIS_SESSION, set->session, set->n_session);
    all.resource = judge_side(evaluation, BASIS_RESOURCE, &set->resource, set->resource != NULL);
    return all;
}

policy_decision decide_supposing(const policy_request *request, const policy_set *set, const supposed_t *supposed)
{
    evaluation_t evaluation;

    evaluation_begin(&evaluation, request, set->boundary != NULL);
    evaluation.supposed = supposed;
    sides all = judge_all(&evaluation, set);
    if (supposed != NULL) {
        suppose(supposed, &all);
    }
    return fail_closed(&evaluation, decide(request, set, &all));
}

policy_decision policy_decide(const policy_request *request, const policy_set *set)
{
    return decide_supposing(request, set, NULL);
}

bool policy_denies(const policy_request *request, const policy_set *set)
{
    evaluation_t evaluation;

    evaluation_begin(&evaluation, request, set->boundary != NULL);
    const sides all = judge_all(&evaluation, set);
    return denying(&all) != NULL || evaluation.work.failed;
}

policy_decision policy_decide_one(const policy_t *policy, const policy_request *request)
{
    static const decision_basis bases[] = {
        [POLICY_IDENTITY] = BASIS_IDENTITY, [POLICY_RESOURCE] = BASIS_RESOURCE,
        [POLICY_TRUST] = BASIS_RESOURCE,    [POLICY_BOUNDARY] = BASIS_BOUNDARY,
        [POLICY_SESSION] = BASIS_SESSION,
    };
    evaluation_t evaluation;
    verdict said;
    side taken;

    evaluation_begin(&evaluation, request, false);
    said = judge(&evaluation, policy);
    taken = (side){ .basis = bases[policy->kind], .policy = policy, .deny = said.deny, .allow = said.allow };
    if (said.deny != NULL) {
        return denied_by(&taken);
    }
    return fail_closed(&evaluation, said.allow != NULL ? allowed_by(&taken) : lacking(&taken));
}
