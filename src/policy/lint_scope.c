/* How far statements reach: every resource, everyone, everything but; nothing at all; or the past. */
#include "policy/lint_inside.h"

/* ---- Resource ---- */

/* A condition over the resource names it as well as Resource would. */
static bool is_narrowed(const lint_t *lint)
{
    for (size_t i = 0; i < lint->statement->n_conditions; i++) {
        const policy_key *known = lint_key(lint, lint->statement->conditions[i].key);

        if (known != NULL && known->of == KEY_OF_RESOURCE) {
            return true;
        }
    }
    return false;
}

/* Kinds of resources that statements can name, of those that its actions are about. */
static unsigned nameable(const lint_t *lint)
{
    const policy_vocabulary *known = lint->spec->known;
    unsigned about = 0;

    for (size_t i = 0; i < lint->statement->n_actions; i++) {
        about |= lint_about(lint, &lint->statement->actions[i]);
    }
    for (size_t i = 0; i < known->n_kinds; i++) {
        if (strcmp(known->kinds[i].pattern, "*") == 0) {
            about &= ~(1u << i);
        }
    }
    return about;
}

static void put_kinds(const lint_t *lint, unsigned about, const char *joint, buf_t *out)
{
    for (size_t i = 0; i < lint->spec->known->n_kinds; i++) {
        if ((about >> i & 1) != 0) {
            buf_printf(out, "%s%s", out->len > 0 ? joint : "", lint->spec->known->kinds[i].name);
        }
    }
}

void lint_resources(lint_t *lint)
{
    const statement_t *statement = lint->statement;
    unsigned about = statement->not_action ? ~0u : nameable(lint);
    _cleanup_buf_ buf_t kinds = { 0 };

    if (lint->policy->kind != POLICY_IDENTITY || statement->deny || statement->not_resource || about == 0 ||
        is_narrowed(lint)) {
        return;
    }
    put_kinds(lint, about == ~0u ? 0 : about, " and ", &kinds);
    for (size_t i = 0; i < statement->n_resources; i++) {
        if (statement->resources[i].shape == PATTERN_ALL) {
            lint_tell(lint, "any-resource", lint_element_path(lint, "Resource", i),
                      "\"*\" takes in all %s: name those that are meant",
                      kinds.len > 0 ? buf_str(&kinds) : "there is");
        }
    }
}

/* ---- Principal ---- */

static bool names_anyone(const statement_t *statement)
{
    for (size_t i = 0; i < statement->n_principals; i++) {
        if (statement->principals[i].kind == PRINCIPAL_ENTRY_ANYONE) {
            return true;
        }
    }
    return false;
}

/* "*", "*:*", "kms:*" and NotAction. */
static bool takes_a_whole_service(const statement_t *statement)
{
    for (size_t i = 0; i < statement->n_actions; i++) {
        const pattern_t *pattern = &statement->actions[i];
        slice_t text = pattern->text;

        if (pattern->shape == PATTERN_ALL ||
            (pattern->shape == PATTERN_PREFIX && text.data[text.len - 1] == ':') ||
            (pattern->shape == PATTERN_GLOB && text.data[0] == GLOB_STAR)) {
            return true;
        }
    }
    return statement->not_action;
}

static void check_everyone(lint_t *lint)
{
    const statement_t *statement = lint->statement;
    bool conditional = statement->n_conditions > 0;

    if (takes_a_whole_service(statement)) {
        lint_tell(lint, "everything-to-everyone", lint_element_path(lint, "Principal", 0),
                  "everyone may do everything, also change this policy%s",
                  conditional ? ", where the condition holds" : "");
    } else if (!conditional) {
        lint_tell(lint, "everyone", lint_element_path(lint, "Principal", 0),
                  "\"*\" is everyone, of every account: name who is meant, or add a condition");
    }
}

static void check_principals_exist(lint_t *lint)
{
    const statement_t *statement = lint->statement;
    const char *element = statement->not_principal ? "NotPrincipal" : "Principal";

    for (size_t i = 0; i < statement->n_principals; i++) {
        const principal_entry_t *entry = &statement->principals[i];

        if ((entry->kind == PRINCIPAL_ENTRY_SELF || entry->kind == PRINCIPAL_ENTRY_ROLE) &&
            !lint->spec->has_principal(lint->spec->arg, entry->text)) {
            lint_tell(lint, "unknown-principal", lint_element_path(lint, element, i), "%.*s is not declared",
                      (int)entry->text.len, (const char *)entry->text.data);
        }
    }
}

void lint_principals(lint_t *lint)
{
    if (!lint->statement->deny && names_anyone(lint->statement)) {
        check_everyone(lint);
    }
    if (lint->spec->has_principal != NULL) {
        check_principals_exist(lint);
    }
}

/* ---- everything but ---- */

void lint_complements(lint_t *lint)
{
    if (!lint->statement->deny && lint->statement->not_action) {
        lint_tell(lint, "not-action-allow", lint_element_path(lint, "NotAction", 0),
                  "allows every action but these, also those that are yet to come");
    }
    if (!lint->statement->deny && lint->statement->not_resource) {
        lint_tell(lint, "not-resource-allow", lint_element_path(lint, "NotResource", 0),
                  "allows every resource but these, also those that are yet to come");
    }
}

/* ---- actions that cannot apply ---- */

/* A kind's own wildcards, compiled. */
static slice_t compiled(const char *pattern, uint8_t out[ACTION_MAX])
{
    size_t len = 0;

    for (; pattern[len] != '\0' && len < ACTION_MAX; len++) {
        out[len] = pattern[len] == '*' ? GLOB_STAR : (uint8_t)pattern[len];
    }
    return SLICE(out, len);
}

/* Requests without a resource ask for "*": a star alone matches that. */
static slice_t asked_for(const policy_resource_kind *kind, uint8_t out[ACTION_MAX])
{
    return strcmp(kind->pattern, "*") == 0 ? SLICE_LIT("*") : compiled(kind->pattern, out);
}

static bool some_meets(const pattern_t *patterns, size_t n, slice_t text)
{
    for (size_t i = 0; i < n; i++) {
        if (pattern_meets(&patterns[i], text, true)) {
            return true;
        }
    }
    return false;
}

/* Can requests for a resource of this kind come before the document? */
static bool kind_comes(const lint_t *lint, const policy_resource_kind *kind)
{
    uint8_t asked[ACTION_MAX], where[ACTION_MAX];
    const pattern_t attached = { .shape = PATTERN_GLOB,
                                 .text = compiled(lint->spec->attached ? lint->spec->attached : "*", where) };

    return pattern_meets(&attached, asked_for(kind, asked), true);
}

/* Does the statement take resources of this kind in? */
static bool kind_fits(const lint_t *lint, const policy_resource_kind *kind)
{
    const statement_t *statement = lint->statement;
    uint8_t text[ACTION_MAX];

    return lint->policy->kind == POLICY_TRUST || statement->not_resource ||
           some_meets(statement->resources, statement->n_resources, asked_for(kind, text));
}

/* What a resource policy says of other resources is never asked for. */
static bool names_attached(const lint_t *lint)
{
    const statement_t *statement = lint->statement;
    uint8_t text[ACTION_MAX];

    return lint->policy->kind != POLICY_RESOURCE || lint->spec->attached == NULL || statement->not_resource ||
           some_meets(statement->resources, statement->n_resources, compiled(lint->spec->attached, text));
}

typedef bool (*kind_test)(const lint_t *lint, const policy_resource_kind *kind);

/* The kinds of @p about that pass. */
static unsigned kinds_that(const lint_t *lint, kind_test test, unsigned about)
{
    unsigned passed = 0;

    for (size_t i = 0; i < lint->spec->known->n_kinds; i++) {
        unsigned bit = 1u << i;

        passed |= (about & bit) != 0 && test(lint, &lint->spec->known->kinds[i]) ? bit : 0;
    }
    return passed;
}

static void check_fit(lint_t *lint, size_t i, unsigned about)
{
    unsigned come = kinds_that(lint, kind_comes, about);
    _cleanup_buf_ buf_t kinds = { 0 };

    if (come != 0 && kinds_that(lint, kind_fits, come) != 0) {
        return;
    }
    put_kinds(lint, about, " or ", &kinds);
    lint_tell(lint, "never-applies", lint_element_path(lint, "Action", i), "%.*s is about %s: %s",
              SHOWN(lint_written(lint, "Action", i)), buf_str(&kinds),
              come == 0 ? "this policy has no say in it" : "no Resource of this statement takes that in");
}

void lint_applies(lint_t *lint)
{
    const statement_t *statement = lint->statement;

    if (statement->not_action || (statement->n_resources == 0 && lint->policy->kind != POLICY_TRUST)) {
        return;
    }
    if (!names_attached(lint)) {
        lint_tell(
            lint, "never-applies", lint_element_path(lint, "Resource", 0),
            "this policy is asked for its own resource alone, and no Resource of this statement is that");
        return;
    }
    for (size_t i = 0; i < statement->n_actions; i++) {
        unsigned about = lint_about(lint, &statement->actions[i]);

        if (about != 0) {
            check_fit(lint, i, about);
        }
    }
}

/* ---- dates ---- */

static bool is_over(const condition_t *condition, const operand_t *operand, int64_t now_ms)
{
    switch (condition->op->family->form) {
    case OPERAND_DATE:
        return operand->date_ms < now_ms;
    case OPERAND_NUMBER:
        return operand->number * 1000 < (double)now_ms;
    default:
        return false;
    }
}

/* Once every date is past, what is later or different holds for ever, and the rest never again. */
static void check_date(lint_t *lint, size_t i)
{
    const condition_t *condition = &lint->statement->conditions[i];
    bool later = condition->op->how == COMPARE_GREATER || condition->op->how == COMPARE_GREATER_EQUAL;

    for (size_t k = 0; k < condition->n_operands; k++) {
        if (!is_over(condition, &condition->operands[k], lint->spec->now_ms)) {
            return;
        }
    }
    lint_tell(lint, "date-past", lint_condition_path(lint, i), "the date is past: this condition %s",
              later || condition->op->negated ? "holds from now on" : "never holds again");
}

void lint_dates(lint_t *lint)
{
    for (size_t i = 0; i < lint->statement->n_conditions; i++) {
        const policy_key *known = lint_key(lint, lint->statement->conditions[i].key);

        if (known != NULL && known->now) {
            check_date(lint, i);
        }
    }
}
