/* Statements that never come to bear: inert ones, and those that another one of their document covers. */
#include "policy/lint_inside.h"

#include <stdio.h>

/* Whatever @p narrow matches one of @p wide does. */
static bool all_covered(const pattern_t *narrow, size_t n_narrow, const pattern_t *wide, size_t n_wide,
                        match_mode mode)
{
    for (size_t i = 0; i < n_narrow; i++) {
        bool covered = false;

        for (size_t k = 0; k < n_wide && !covered; k++) {
            covered = pattern_covers(&wide[k], &narrow[i], mode);
        }
        if (!covered) {
            return false;
        }
    }
    return true;
}

static bool some_meet(const pattern_t *a, size_t n_a, const pattern_t *b, size_t n_b)
{
    for (size_t k = 0; k < n_b; k++) {
        _cleanup_buf_ buf_t text = { 0 };

        pattern_flatten(&b[k], &text);
        for (size_t i = 0; i < n_a; i++) {
            if (pattern_meets(&a[i], buf_slice(&text), false)) {
                return true;
            }
        }
    }
    return false;
}

/* Actions or resources, with whether they are those of a Not... element. */
typedef struct {
    const pattern_t *patterns;
    size_t n;
    bool not ;
} scope;

static scope actions_of(const statement_t *statement)
{
    return (scope){ statement->actions, statement->n_actions, statement->not_action };
}

static scope resources_of(const statement_t *statement)
{
    return (scope){ statement->resources, statement->n_resources, statement->not_resource };
}

static bool has_all(scope of)
{
    for (size_t i = 0; i < of.n; i++) {
        if (of.patterns[i].shape == PATTERN_ALL) {
            return true;
        }
    }
    return false;
}

static bool scope_covers(scope wide, scope narrow, match_mode mode)
{
    if (!wide.not &&!narrow.not ) {
        return all_covered(narrow.patterns, narrow.n, wide.patterns, wide.n, mode);
    }
    if (wide.not &&narrow.not ) {
        return all_covered(wide.patterns, wide.n, narrow.patterns, narrow.n, mode);
    }
    return wide.not ? !some_meet(wide.patterns, wide.n, narrow.patterns, narrow.n) : has_all(wide);
}

/* Is @p arn of this account: "arn:aws:iam::ACCOUNT:..." */
static bool is_of_account(slice_t arn, slice_t account)
{
    unsigned colons = 0;

    for (size_t i = 0; i < arn.len; i++) {
        colons += arn.data[i] == ':';
        if (colons == 4) {
            return arn.len - i - 1 > account.len && slice_eq(SLICE(arn.data + i + 1, account.len), account) &&
                   arn.data[i + 1 + account.len] == ':';
        }
    }
    return false;
}

/* An Allow that names an account is not one that names its users: it leaves the answer to their policies. */
static bool entry_covers(const principal_entry_t *wide, const principal_entry_t *narrow, bool deny)
{
    if (wide->kind == PRINCIPAL_ENTRY_ANYONE) {
        return true;
    }
    if (wide->kind == narrow->kind && slice_eq(wide->text, narrow->text)) {
        return true;
    }
    return deny && wide->kind == PRINCIPAL_ENTRY_ACCOUNT &&
           (narrow->kind == PRINCIPAL_ENTRY_SELF || narrow->kind == PRINCIPAL_ENTRY_ROLE) &&
           is_of_account(narrow->text, wide->text);
}

static bool entry_covered(const principal_entry_t *narrow, const statement_t *wide)
{
    for (size_t i = 0; i < wide->n_principals; i++) {
        if (entry_covers(&wide->principals[i], narrow, wide->deny)) {
            return true;
        }
    }
    return false;
}

static bool principals_covered(policy_kind kind, const statement_t *wide, const statement_t *narrow)
{
    static const principal_entry_t anyone = { .kind = PRINCIPAL_ENTRY_ANYONE };

    if (!policy_kind_has_principal(kind)) {
        return true;
    }
    if (wide->not_principal || narrow->not_principal) {
        return !wide->not_principal && entry_covered(&anyone, wide);
    }
    for (size_t i = 0; i < narrow->n_principals; i++) {
        if (!entry_covered(&narrow->principals[i], wide)) {
            return false;
        }
    }
    return true;
}

/* The wide one has no condition, or both have the very same. */
static bool conditions_covered(const lint_t *lint, size_t wide, size_t narrow)
{
    _cleanup_buf_ buf_t wide_text = { 0 };
    _cleanup_buf_ buf_t narrow_text = { 0 };
    jw_t w = jw_on(&wide_text);
    jw_t n = jw_on(&narrow_text);

    if (lint->policy->statements[wide].n_conditions == 0) {
        return true;
    }
    if (lint->policy->statements[wide].deny != lint->policy->statements[narrow].deny) {
        return false;
    }
    jw_value(&w, json_get(policy_source_statement(lint->document, wide), "Condition"));
    jw_value(&n, json_get(policy_source_statement(lint->document, narrow), "Condition"));
    return !buf_failed(&wide_text) && slice_eq(buf_slice(&wide_text), buf_slice(&narrow_text));
}

static bool is_inert(const lint_t *lint, const statement_t *statement)
{
    return statement->n_actions == 0 || (statement->n_resources == 0 && lint->policy->kind != POLICY_TRUST);
}

static bool covers(const lint_t *lint, size_t wide, size_t narrow)
{
    const statement_t *w = &lint->policy->statements[wide];
    const statement_t *n = &lint->policy->statements[narrow];

    return !is_inert(lint, w) && scope_covers(actions_of(w), actions_of(n), MATCH_TEXT) &&
           (lint->policy->kind == POLICY_TRUST ||
            scope_covers(resources_of(w), resources_of(n), MATCH_RESOURCE)) &&
           principals_covered(lint->policy->kind, w, n) && conditions_covered(lint, wide, narrow);
}

static const char *quoted_sid(const statement_t *statement, char *out, size_t size)
{
    out[0] = '\0';
    if (statement->sid[0] != '\0') {
        snprintf(out, size, " \"%.*s\"", SHOWN(SLICE_STR(statement->sid)));
    }
    return out;
}

static void tell_covered(lint_t *lint, size_t by)
{
    const statement_t *wide = &lint->policy->statements[by];
    char sid[80];

    if (wide->deny && !lint->statement->deny) {
        lint_tell(lint, "unreachable", lint_path(lint), "Statement[%zu]%s denies all that this allows", by,
                  quoted_sid(wide, sid, sizeof(sid)));
    } else {
        lint_tell(lint, "unreachable", lint_path(lint), "Statement[%zu]%s already %s all of this", by,
                  quoted_sid(wide, sid, sizeof(sid)), wide->deny ? "denies" : "allows");
    }
}

void lint_reach(lint_t *lint)
{
    const statement_t *statements = lint->policy->statements;

    if (is_inert(lint, lint->statement)) {
        lint_tell(lint, "unreachable", lint_path(lint), "without %s this statement never applies",
                  lint->statement->n_actions == 0 ? "Action" : "Resource");
        return;
    }
    for (size_t i = 0; i < lint->policy->n_statements; i++) {
        bool same_effect = statements[i].deny == lint->statement->deny;

        /* Of two that say the same the later one is told. */
        if (i != lint->at && (same_effect || statements[i].deny) && covers(lint, i, lint->at) &&
            !(same_effect && i > lint->at && covers(lint, lint->at, i))) {
            tell_covered(lint, i);
            return;
        }
    }
}
