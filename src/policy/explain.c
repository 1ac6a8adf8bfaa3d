/* What each statement lacks to apply, and what would turn a decision. */
#include <stdio.h>

#include "policy/document.h"

void policy_examine(const policy_t *policy, size_t statement, const policy_request *request,
                    bool has_boundary, policy_statement_view *ret)
{
    const statement_t *examined = &policy->statements[statement];
    evaluation_t evaluation;

    evaluation_begin(&evaluation, request, has_boundary);
    *ret = (policy_statement_view){ .sid = examined->sid,
                                    .deny = examined->deny,
                                    .n_conditions = examined->n_conditions };
    ret->misses = statement_misses(&evaluation, policy, examined, &ret->names);
}

void policy_examine_condition(const policy_t *policy, size_t statement, size_t i,
                              const policy_request *request, policy_condition_view *ret)
{
    const condition_t *condition = &policy->statements[statement].conditions[i];
    _cleanup_buf_ buf_t op = { 0 };
    evaluation_t evaluation;

    evaluation_begin(&evaluation, request, false);
    *ret = (policy_condition_view){ .key = condition->key_as_written };
    condition_operator(condition, &op);
    snprintf(ret->op, sizeof(ret->op), "%s", buf_str(&op));
    ret->holds = condition_holds(&evaluation, condition, policy->statements[statement].deny);
    if (request->lookup != NULL &&
        !request->lookup(request->lookup_arg, condition->key, condition->key_as_written, &ret->values)) {
        ret->values = (policy_values){ 0 };
    }
}

/* ---- what would turn a decision ---- */

#define MOVES_MAX 20 /* tried in all sets of up to POLICY_TURN_MAX: 1,350 decisions */
#define TURNS_MAX 16

typedef struct {
    policy_change change;
    const statement_t *statement; /* CHANGE_STATEMENT */
    naming names;                 /* likewise: how closely it names the caller then */
} move;

typedef struct {
    const policy_request *request;
    const policy_set *set;
    const policy_turns_spec *spec;
    bool allowed; /* the decision that is to be turned */
    move moves[MOVES_MAX];
    size_t n_moves;
    uint32_t turns[TURNS_MAX]; /* found: a bit a move */
    size_t n_turns;
} search;

static void add_move(search *at, move added)
{
    if (at->n_moves < MOVES_MAX) {
        at->moves[at->n_moves++] = added;
    }
}

static void add_kind(search *at, bool useful, policy_change_kind kind)
{
    if (useful) {
        add_move(at, (move){ .change.kind = kind });
    }
}

/* Could the conditions that hold (or do not) come out otherwise? All of those that do not would have to. */
static bool conditions_may_vary(const search *at, evaluation_t *evaluation, const statement_t *statement,
                                bool hold)
{
    bool some = false;

    if (at->spec->may_vary == NULL) {
        return true;
    }
    for (size_t i = 0; i < statement->n_conditions; i++) {
        const condition_t *condition = &statement->conditions[i];
        bool varies = at->spec->may_vary(at->spec->arg, condition->key_as_written);

        if (!hold && !varies && !condition_holds(evaluation, condition, statement->deny)) {
            return false;
        }
        some = some || varies;
    }
    return some;
}

/*
 * A statement is a move where it speaks against the other answer and applies, or would speak for it and only
 * its conditions keep it from that.
 */
static void consider(search *at, evaluation_t *evaluation, const policy_t *policy,
                     const statement_t *statement)
{
    bool speaks_for_it = statement->deny == at->allowed;
    naming names;
    unsigned misses = statement_misses(evaluation, policy, statement, &names);

    if (misses != (speaks_for_it ? MISSES_CONDITION : 0) ||
        !conditions_may_vary(at, evaluation, statement, misses == 0)) {
        return;
    }
    add_move(at, (move){ .change = { .kind = CHANGE_STATEMENT,
                                     .policy = policy,
                                     .statement = (size_t)(statement - policy->statements),
                                     .applies = speaks_for_it },
                         .statement = statement,
                         .names = speaks_for_it ? names : NAMES_NOBODY });
}

static void consider_all(search *at, bool deny, policy_t *const *policies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; policies[i] != NULL && k < policies[i]->n_statements; k++) {
            evaluation_t evaluation;

            if (policies[i]->statements[k].deny == deny) {
                evaluation_begin(&evaluation, at->request, at->set->boundary != NULL);
                consider(at, &evaluation, policies[i], &policies[i]->statements[k]);
            }
        }
    }
}

static void consider_documents(search *at, bool deny)
{
    consider_all(at, deny, &at->set->resource, 1);
    consider_all(at, deny, at->set->identity, at->set->n_identity);
    consider_all(at, deny, &at->set->boundary, 1);
    consider_all(at, deny, at->set->session, at->set->n_session);
}

/* The statements first: what is written is nearer than what might be. */
static void gather_moves(search *at)
{
    const policy_set *set = at->set;
    bool has_account = caller_has_account(&at->request->caller);

    consider_documents(at, true);
    consider_documents(at, false);
    if (at->spec->may_vary != NULL) {
        return;
    }
    if (at->allowed) {
        add_kind(at, set->trusted, CHANGE_TRUST);
        add_kind(at, set->granted != NAMES_NOBODY, CHANGE_GRANT);
        return;
    }
    add_kind(at, has_account, CHANGE_IDENTITY);
    add_kind(at, set->boundary != NULL, CHANGE_BOUNDARY);
    add_kind(at, set->n_session > 0, CHANGE_SESSION);
    add_kind(at, set->resource != NULL && has_account, CHANGE_DELEGATE);
    add_kind(at, set->resource != NULL, CHANGE_RESOURCE);
}

static void suppose_move(const search *at, const move *made, policy_set *set, supposed_t *supposed)
{
    naming named = at->request->caller.kind == CALLER_ROLE_SESSION ? NAMES_ROLE : NAMES_CALLER;

    switch (made->change.kind) {
    case CHANGE_STATEMENT:
        supposed->statements[supposed->n_statements].statement = made->statement;
        supposed->statements[supposed->n_statements++].names = made->names;
        break;
    case CHANGE_IDENTITY:
        supposed->identity_allows = true;
        break;
    case CHANGE_BOUNDARY:
        supposed->boundary_allows = true;
        break;
    case CHANGE_SESSION:
        supposed->session_allows = true;
        break;
    case CHANGE_RESOURCE:
        supposed->resource_names = named;
        break;
    case CHANGE_DELEGATE:
        supposed->resource_names =
            supposed->resource_names > NAMES_ACCOUNT ? supposed->resource_names : NAMES_ACCOUNT;
        break;
    case CHANGE_TRUST:
        set->trusted = false;
        break;
    case CHANGE_GRANT:
        set->granted = NAMES_NOBODY;
        break;
    }
}

static bool turns(const search *at, uint32_t chosen)
{
    policy_set set = *at->set;
    supposed_t supposed = { 0 };

    for (size_t i = 0; i < at->n_moves; i++) {
        if ((chosen >> i & 1) != 0) {
            suppose_move(at, &at->moves[i], &set, &supposed);
        }
    }
    return (decide_supposing(at->request, &set, &supposed).kind == DECISION_ALLOW) != at->allowed;
}

static bool holds_a_turn(const search *at, uint32_t chosen)
{
    for (size_t i = 0; i < at->n_turns; i++) {
        if ((chosen & at->turns[i]) == at->turns[i]) {
            return true;
        }
    }
    return false;
}

static void try_set(search *at, uint32_t chosen)
{
    policy_change changes[POLICY_TURN_MAX];
    size_t n = 0;

    if (at->n_turns == TURNS_MAX || holds_a_turn(at, chosen) || !turns(at, chosen)) {
        return;
    }
    at->turns[at->n_turns++] = chosen;
    for (size_t i = 0; i < at->n_moves; i++) {
        if ((chosen >> i & 1) != 0) {
            changes[n++] = at->moves[i].change;
        }
    }
    at->spec->tell(at->spec->arg, changes, n);
}

/* Every set of @p left more moves, from the move @p first on. */
static void try_sets(search *at, uint32_t chosen, size_t first, unsigned left)
{
    if (left == 0) {
        try_set(at, chosen);
        return;
    }
    for (size_t i = first; i < at->n_moves; i++) {
        try_sets(at, chosen | (uint32_t)1 << i, i + 1, left - 1);
    }
}

size_t policy_turns(const policy_request *request, const policy_set *set, const policy_turns_spec *spec)
{
    search at = { .request = request, .set = set, .spec = spec };

    at.allowed = policy_decide(request, set).kind == DECISION_ALLOW;
    gather_moves(&at);
    for (unsigned size = 1; size <= POLICY_TURN_MAX; size++) {
        try_sets(&at, 0, 0, size);
    }
    return at.n_turns;
}
