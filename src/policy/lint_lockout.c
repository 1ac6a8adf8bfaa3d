/*
 * Who may still change the policy? Statements are examined as requests are, but for conditions, of which the
 * best is hoped: an Allow under one counts, a Deny does not.
 */
#include "policy/lint_inside.h"

#include <stdio.h>

#define ARN_MAX 2048

/* The account of an ARN: behind its fourth colon. */
static slice_t account_of(slice_t arn)
{
    unsigned colons = 0;
    size_t start = 0;

    for (size_t i = 0; i < arn.len; i++) {
        if (arn.data[i] != ':') {
            continue;
        }
        colons++;
        if (colons == 4) {
            start = i + 1;
        } else if (colons == 5) {
            return SLICE(arn.data + start, i - start);
        }
    }
    return SLICE(NULL, 0);
}

/* Whom a principal of a policy stands for; false: nobody who could change it. */
static bool caller_of(const lint_t *lint, const principal_entry_t *entry, char arn[ARN_MAX],
                      policy_caller *ret)
{
    slice_t account = lint->spec->account != NULL ? SLICE_STR(lint->spec->account) : SLICE(NULL, 0);

    switch (entry->kind) {
    case PRINCIPAL_ENTRY_ANYONE:
        break;
    case PRINCIPAL_ENTRY_ACCOUNT:
        account = entry->text;
        break;
    case PRINCIPAL_ENTRY_SELF:
    case PRINCIPAL_ENTRY_ROLE:
        *ret =
            (policy_caller){ .kind = entry->kind == PRINCIPAL_ENTRY_ROLE ? CALLER_ROLE_SESSION : CALLER_USER,
                             .account = account_of(entry->text),
                             .arn = entry->text,
                             .role_arn = entry->kind == PRINCIPAL_ENTRY_ROLE ? entry->text : SLICE(NULL, 0) };
        return lint->spec->has_principal == NULL || lint->spec->has_principal(lint->spec->arg, entry->text);
    case PRINCIPAL_ENTRY_SERVICE:
    case PRINCIPAL_ENTRY_FEDERATED:
        return false;
    }
    snprintf(arn, ARN_MAX, "arn:aws:iam::%.*s:root", (int)account.len, (const char *)account.data);
    *ret = (policy_caller){ .kind = CALLER_ROOT, .account = account, .arn = SLICE_STR(arn) };
    return true;
}

/* Policies of keys are changed by their own account alone. */
static bool is_of_owner(const lint_t *lint, const policy_caller *caller)
{
    return lint->spec->account == NULL || slice_eq_str(caller->account, lint->spec->account);
}

/* Where it is attached is not known to the letter, so whether Resource names it is not either. */
static unsigned forgiven(const lint_t *lint)
{
    return MISSES_CONDITION | (strchr(lint->spec->attached, '*') != NULL ? MISSES_RESOURCE : 0);
}

static unsigned misses_of(const lint_t *lint, const policy_request *request, const statement_t *statement)
{
    evaluation_t evaluation;
    naming names;

    evaluation_begin(&evaluation, request, false);
    return statement_misses(&evaluation, lint->policy, statement, &names);
}

/* The first Deny that no condition holds back, or NULL. */
static const statement_t *denies(const lint_t *lint, const policy_request *request)
{
    for (size_t i = 0; i < lint->policy->n_statements; i++) {
        const statement_t *statement = &lint->policy->statements[i];

        if (statement->deny && statement->n_conditions == 0 && misses_of(lint, request, statement) == 0) {
            return statement;
        }
    }
    return NULL;
}

typedef struct {
    bool held;               /* somebody may */
    const statement_t *deny; /* that took it from those who might have */
} keepers;

static void count_keepers(const lint_t *lint, const statement_t *statement, keepers *all)
{
    for (size_t i = 0; i < statement->n_principals && !all->held; i++) {
        char arn[ARN_MAX];
        policy_request request = { .action = SLICE_STR(lint->spec->keeper),
                                   .resource = SLICE_STR(lint->spec->attached) };
        const statement_t *deny;

        if (!caller_of(lint, &statement->principals[i], arn, &request.caller) ||
            !is_of_owner(lint, &request.caller) ||
            (misses_of(lint, &request, statement) & ~forgiven(lint)) != 0) {
            continue;
        }
        deny = denies(lint, &request);
        all->held = deny == NULL;
        all->deny = deny;
    }
}

void lint_lockout(lint_t *lint)
{
    keepers all = { 0 };

    for (size_t i = 0; i < lint->policy->n_statements && !all.held; i++) {
        if (!lint->policy->statements[i].deny) {
            count_keepers(lint, &lint->policy->statements[i], &all);
        }
    }
    if (all.held) {
        return;
    }
    if (all.deny != NULL) {
        lint->at = (size_t)(all.deny - lint->policy->statements);
        lint_tell(lint, "lock-out", lint_path(lint),
                  "denies %s to everyone who is allowed it: nobody can change this policy",
                  lint->spec->keeper);
    } else {
        lint_tell(
            lint, "lock-out", "",
            "nobody can change this policy: it allows %s neither to its account nor to a user or role of it",
            lint->spec->keeper);
    }
}
