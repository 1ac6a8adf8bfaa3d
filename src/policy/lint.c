/* Lint: the walk over a document, and what its rules share. */
#include "policy/lint_inside.h"

#include <stdarg.h>
#include <stdio.h>

#define SENTENCE_MAX 512

void lint_tell(lint_t *lint, const char *rule, const char *path, const char *fmt, ...)
{
    char text[SENTENCE_MAX];
    policy_finding finding = { .rule = rule, .path = path, .text = text };
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    lint->n_findings++;
    lint->spec->tell(lint->spec->arg, &finding);
}

const char *lint_path(lint_t *lint)
{
    snprintf(lint->path, sizeof(lint->path), "Statement[%zu]", lint->at);
    return lint->path;
}

const char *lint_element_path(lint_t *lint, const char *element, size_t i)
{
    if (json_kind_of(json_get(lint->source, element)) == JSON_ARRAY) {
        snprintf(lint->path, sizeof(lint->path), "Statement[%zu].%s[%zu]", lint->at, element, i);
    } else {
        snprintf(lint->path, sizeof(lint->path), "Statement[%zu].%s", lint->at, element);
    }
    return lint->path;
}

slice_t lint_written(const lint_t *lint, const char *element, size_t i)
{
    const json_t *value = json_get(lint->source, element);

    return json_string(json_kind_of(value) == JSON_ARRAY ? json_at(value, i) : value);
}

const char *lint_condition_path(lint_t *lint, size_t i)
{
    const json_t *values;
    slice_t op;
    slice_t key;

    policy_source_condition(lint->source, i, &op, &key, &values);
    snprintf(lint->path, sizeof(lint->path), "Statement[%zu].Condition.%.*s.%.*s", lint->at, SHOWN(op),
             SHOWN(key));
    return lint->path;
}

static slice_t lowered(const char *name, uint8_t out[ACTION_MAX])
{
    size_t len = 0;

    for (; name[len] != '\0' && len < ACTION_MAX; len++) {
        out[len] = ascii_lower((uint8_t)name[len]);
    }
    return SLICE(out, len);
}

unsigned lint_about(const lint_t *lint, const pattern_t *pattern)
{
    const policy_vocabulary *known = lint->spec->known;
    unsigned about = 0;

    for (size_t i = 0; i < known->n_actions; i++) {
        match_work work = { .steps_left = MATCH_STEPS_MAX };
        uint8_t text[ACTION_MAX];

        if (pattern_matches(pattern, MATCH_TEXT, lowered(known->actions[i].name, text), NULL, &work)) {
            about |= known->actions[i].about;
        }
    }
    return about;
}

const policy_key *lint_key(const lint_t *lint, slice_t key)
{
    size_t rest;

    return policy_find_key(lint->spec->known, key, &rest);
}

static void (*const statement_rules[])(lint_t *lint) = {
    lint_actions,    lint_applies, lint_complements, lint_resources, lint_principals,
    lint_conditions, lint_dates,   lint_variables,   lint_reach,
};

static void walk(lint_t *lint)
{
    for (lint->at = 0; lint->at < lint->policy->n_statements; lint->at++) {
        lint->statement = &lint->policy->statements[lint->at];
        lint->source = policy_source_statement(lint->document, lint->at);
        for (size_t i = 0; i < COUNT_OF(statement_rules); i++) {
            statement_rules[i](lint);
        }
    }
    if (lint->spec->keeper != NULL) {
        lint_lockout(lint);
    }
}

p11kms_err policy_lint(slice_t json, policy_kind kind, const policy_lint_spec *spec, size_t *ret_findings)
{
    _cleanup_(policy) policy_t *policy = NULL;
    _cleanup_json_ json_t *document = NULL;
    lint_t lint = { .spec = spec };

    TRY(policy_compile(json, kind, "", &policy));
    TRY(json_parse(json, &document));
    lint.policy = policy;
    lint.document = document;
    walk(&lint);
    *ret_findings = lint.n_findings;
    return P11KMS_OK;
}
