#include "cli/policy_words.h"

#include <stdio.h>

#include "policy/lint.h"

/* What the documents of a question are called. */
static const char *resource_policy(const ask_question *question)
{
    return question->resource->role ? "trust policy" : "key policy";
}

/* ---- places ---- */

void words_place(const case_policy *of, const char *path, buf_t *out)
{
    conf_place place = case_place(of, path);

    if (place.file) {
        buf_printf(out, "%s:%u:%u", place.file, place.line, place.column);
    }
}

static void put_quoted(slice_t text, buf_t *out)
{
    jw_t w = jw_on(out);

    jw_string_slice(&w, text);
}

void words_statement(const policy_t *policy, size_t i, buf_t *out)
{
    const char *sid = policy_sid(policy, i);

    buf_printf(out, "Statement[%zu]", i);
    if (sid[0]) {
        buf_put_char(out, ' ');
        put_quoted(SLICE_STR(sid), out);
    }
}

/* With its document and place: "... of policy ops of user app (FILE:LINE:COLUMN)". */
static void whole_statement(const policy_case *all, const policy_t *policy, size_t i, buf_t *out)
{
    const case_policy *of = case_policy_of(all, policy);
    char path[32];

    words_statement(policy, i, out);
    buf_printf(out, " of %s", of->title);
    if (of->declared) {
        snprintf(path, sizeof(path), "Statement[%zu]", i);
        buf_put_str(out, " (");
        words_place(of, path, out);
        buf_put_char(out, ')');
    }
}

/* ---- the decision ---- */

static const conf_user *declared_user(const policy_case *all, const principal_t *principal)
{
    for (size_t i = 0; i < all->declared->n_accounts; i++) {
        const conf_account *account = &all->declared->accounts[i];

        for (size_t k = 0; k < account->n_users && strcmp(account->id, principal->account) == 0; k++) {
            if (strcmp(account->users[k].name, principal->name) == 0) {
                return &account->users[k];
            }
        }
    }
    return NULL;
}

static void put_administrator(const ask_question *question, buf_t *out)
{
    const principal_t *principal = question->principal;
    const conf_user *user = declared_user(question->ask->all, principal);

    buf_put_str(out, "it is an administrator");
    if (user) {
        buf_printf(out, " (%s:%u:%u)", user->place.file, user->place.line, user->place.column);
    }
}

/* Whether identity policies have a say once the resource's leaves it to them. */
static bool may_be_left(const ask_question *question)
{
    const policy_request *request = &question->request;

    return request->caller.kind != CALLER_FEDERATED &&
           (request->resource_account.len == 0 ||
            slice_eq(request->resource_account, request->caller.account));
}

static void put_lack(const ask_question *question, buf_t *out)
{
    switch (question->decision.basis) {
    case BASIS_IDENTITY:
        buf_put_str(out, "no policy of its own or of its groups allows it");
        break;
    case BASIS_RESOURCE:
        buf_printf(out, "the %s does not allow it%s", resource_policy(question),
                   may_be_left(question) ? ", nor leave it to the policies of its account" : "");
        break;
    case BASIS_BOUNDARY:
        buf_put_str(out, "its permissions boundary does not allow it");
        break;
    case BASIS_SESSION:
        buf_put_str(out, "its session policy does not allow it");
        break;
    default:
        buf_put_str(out, "nothing allows it");
        break;
    }
}

void words_reason(const ask_question *question, buf_t *out)
{
    const policy_decision *decision = &question->decision;

    if (question->refusal) {
        buf_put_str(out, question->refusal);
    } else if (decision->policy) {
        whole_statement(question->ask->all, decision->policy, decision->statement, out);
        buf_put_str(out, decision->kind == DECISION_ALLOW ? " allows it" : " denies it");
    } else if (decision->basis == BASIS_GRANT) {
        buf_printf(out, "the grant %s allows it", question->put.grant);
    } else if (decision->kind == DECISION_ALLOW) {
        put_administrator(question, out);
    } else {
        put_lack(question, out);
    }
}

/* ---- statements ---- */

void words_misses(unsigned misses, buf_t *out)
{
    static const struct {
        unsigned bit;
        const char *text;
    } words[] = {
        { MISSES_INERT, "it has no Action or no Resource" },
        { MISSES_ACTION, "other actions" },
        { MISSES_PRINCIPAL, "other principals" },
        { MISSES_RESOURCE, "other resources" },
        { MISSES_CONDITION, "its condition does not hold" },
    };
    bool some = false;

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (misses & words[i].bit) {
            buf_printf(out, "%s%s", some ? ", " : "", words[i].text);
            some = true;
        }
    }
}

static void put_values(const policy_values *values, buf_t *out)
{
    for (size_t i = 0; i < values->n; i++) {
        buf_put_str(out, i > 0 ? ", " : "");
        put_quoted(values->values[i], out);
    }
}

static void put_wanted(const json_t *values, buf_t *out)
{
    jw_t w = jw_on(out);

    jw_value(&w, values);
}

void words_condition(const json_t *statement, size_t i, const policy_condition_view *view, buf_t *out)
{
    const json_t *values;
    slice_t op, key;

    policy_source_condition(statement, i, &op, &key, &values);
    buf_printf(out, "%s %.*s ", view->op, (int)view->key.len, (const char *)view->key.data);
    put_wanted(values, out);
    if (view->values.n == 0) {
        buf_put_str(out, ", and the request has none");
    } else {
        buf_put_str(out, ", and the request has ");
        put_values(&view->values, out);
    }
}

/* ---- changes ---- */

static void put_unmet(const ask_question *question, const policy_change *change, buf_t *out)
{
    case_policy *of = case_policy_of(question->ask->all, change->policy);
    const json_t *statement = policy_source_statement(case_document(of), change->statement);
    policy_statement_view view;
    bool some = false;

    policy_examine(change->policy, change->statement, &question->request, question->put.set.boundary != NULL,
                   &view);
    for (size_t i = 0; i < view.n_conditions; i++) {
        policy_condition_view condition;

        policy_examine_condition(change->policy, change->statement, i, &question->request, &condition);
        if (!condition.holds) {
            buf_put_str(out, some ? "; " : ": ");
            words_condition(statement, i, &condition, out);
            some = true;
        }
    }
}

static void put_statement_change(const ask_question *question, const policy_change *change, buf_t *out)
{
    policy_statement_view view;

    policy_examine(change->policy, change->statement, &question->request, question->put.set.boundary != NULL,
                   &view);
    if (change->applies) {
        buf_put_str(out, "the condition of ");
        whole_statement(question->ask->all, change->policy, change->statement, out);
        buf_put_str(out, " held");
        put_unmet(question, change, out);
        return;
    }
    whole_statement(question->ask->all, change->policy, change->statement, out);
    buf_printf(out, " did not %s it%s", view.deny ? "deny" : "allow",
               view.n_conditions ? ", as when its condition does not hold" : "");
}

/* Whom a key policy would name: a role rather than one session of it. */
static const char *nameable(const principal_t *principal)
{
    return principal->role_arn ? principal->role_arn : principal->arn;
}

void words_change(const ask_question *question, const policy_change *change, buf_t *out)
{
    const principal_t *principal = question->principal;
    const char *document = resource_policy(question);
    const char *action = question->ask->action->name;

    switch (change->kind) {
    case CHANGE_STATEMENT:
        put_statement_change(question, change, out);
        break;
    case CHANGE_IDENTITY:
        buf_printf(out, "a policy of %s%s allowed %s on %.*s", nameable(principal),
                   principal->kind == PRINCIPAL_USER ? " or of a group it is in" : "", action,
                   (int)question->request.resource.len, (const char *)question->request.resource.data);
        break;
    case CHANGE_BOUNDARY:
        buf_printf(out, "the permissions boundary of %s allowed %s", nameable(principal), action);
        break;
    case CHANGE_SESSION:
        buf_printf(out, "the session policy allowed %s", action);
        break;
    case CHANGE_RESOURCE:
        buf_printf(out, "the %s allowed %s to %s", document, action, nameable(principal));
        break;
    case CHANGE_DELEGATE:
        buf_printf(out, "the %s left %s to the policies of account %s (allowed it to arn:aws:iam::%s:root)",
                   document, action, principal->account, principal->account);
        break;
    case CHANGE_TRUST:
        buf_printf(out, "%s were no administrator", principal->arn);
        break;
    case CHANGE_GRANT:
        buf_printf(out, "the grant %s were revoked, and no other allowed it", question->put.grant);
        break;
    }
}
