/* Names that nothing here knows: actions, condition keys, variables; with the nearest that is known. */
#include "policy/lint_inside.h"

#include <stdio.h>

#include "policy/variable.h"
#include "util/near.h"

#define NEAR_ENOUGH 5 /* edits: beyond, a suggestion misleads */

static size_t fold(slice_t text, uint8_t *out, size_t max)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len && len < max; i++) {
        if (text.data[i] != '*' && text.data[i] != '?') {
            out[len++] = ascii_lower(text.data[i]);
        }
    }
    return len;
}

/* Edits between two names in either case, wildcards apart; NEAR_ENOUGH when there are as many, or half the
 * name. */
static unsigned distance(slice_t a, slice_t b)
{
    uint8_t left[POLICY_NAME_SHOWN], right[POLICY_NAME_SHOWN];
    slice_t x = SLICE(left, fold(a, left, sizeof(left)));
    slice_t y = SLICE(right, fold(b, right, sizeof(right)));
    unsigned edits = edit_distance(x, y, NEAR_ENOUGH);

    return edits * 2 >= y.len ? NEAR_ENOUGH : edits;
}

/* ---- actions ---- */

const char *policy_nearest_action(const policy_vocabulary *known, slice_t name)
{
    const char *nearest = NULL;
    unsigned best = NEAR_ENOUGH;

    for (size_t i = 0; i < known->n_actions; i++) {
        unsigned edits = distance(name, SLICE_STR(known->actions[i].name));

        if (edits < best) {
            best = edits;
            nearest = known->actions[i].name;
        }
    }
    return nearest;
}

/* Another service's actions are no mistake, but nothing here answers to them. */
static bool is_service_known(const lint_t *lint, slice_t written)
{
    const policy_vocabulary *known = lint->spec->known;

    for (size_t i = 0; i < known->n_actions; i++) {
        const char *name = known->actions[i].name;
        size_t len = strcspn(name, ":") + 1;

        if (written.len >= len) {
            uint8_t folded[POLICY_NAME_SHOWN];
            slice_t start = SLICE(folded, fold(SLICE(written.data, len), folded, sizeof(folded)));

            if (slice_eq(start, SLICE(name, len))) {
                return true;
            }
        }
    }
    return false;
}

void lint_actions(lint_t *lint)
{
    const char *element = lint->statement->not_action ? "NotAction" : "Action";

    for (size_t i = 0; i < lint->statement->n_actions; i++) {
        slice_t written = lint_written(lint, element, i);
        const char *nearest;

        if (lint_about(lint, &lint->statement->actions[i]) != 0) {
            continue;
        }
        nearest = policy_nearest_action(lint->spec->known, written);
        if (nearest != NULL) {
            lint_tell(lint, "unknown-action", lint_element_path(lint, element, i),
                      "there is no action %.*s; did you mean %s?", SHOWN(written), nearest);
        } else if (is_service_known(lint, written)) {
            lint_tell(lint, "unknown-action", lint_element_path(lint, element, i), "there is no action %.*s",
                      SHOWN(written));
        } else {
            lint_tell(lint, "unknown-action", lint_element_path(lint, element, i),
                      "there is no action %.*s: no service here goes by that name", SHOWN(written));
        }
    }
}

/* ---- condition keys ---- */

/* What of @p key stands for the name itself, where it goes on behind a '/' or the second colon. */
static slice_t stem(slice_t key)
{
    const uint8_t *slash = memchr(key.data, '/', key.len);
    const uint8_t *colon = memchr(key.data, ':', key.len);
    const uint8_t *second =
        colon == NULL ? NULL : memchr(colon + 1, ':', key.len - (size_t)(colon + 1 - key.data));
    const uint8_t *end = slash != NULL ? slash : second;

    return end == NULL ? key : SLICE(key.data, (size_t)(end + 1 - key.data));
}

const policy_key *policy_find_key(const policy_vocabulary *known, slice_t key, size_t *ret_rest)
{
    for (size_t i = 0; i < known->n_keys; i++) {
        if (policy_key_is(&known->keys[i], key, ret_rest)) {
            return &known->keys[i];
        }
    }
    return NULL;
}

static bool goes_on(slice_t name)
{
    return name.data[name.len - 1] == '/' || name.data[name.len - 1] == ':';
}

static const char *nearest_name(const policy_vocabulary *known, slice_t key)
{
    const char *nearest = NULL;
    unsigned best = NEAR_ENOUGH;

    for (size_t i = 0; i < known->n_keys; i++) {
        slice_t name = SLICE_STR(known->keys[i].name);
        unsigned edits = distance(goes_on(name) ? stem(key) : key, name);

        if (edits < best) {
            best = edits;
            nearest = known->keys[i].name;
        }
    }
    return nearest;
}

bool policy_nearest_key(const policy_vocabulary *known, slice_t key, char out[POLICY_NAME_SHOWN])
{
    const char *nearest = nearest_name(known, key);
    slice_t start = stem(key);
    slice_t rest = SLICE(key.data + start.len, key.len - start.len);

    if (nearest == NULL) {
        return false;
    }
    if (!goes_on(SLICE_STR(nearest))) {
        snprintf(out, POLICY_NAME_SHOWN, "%s", nearest);
    } else if (rest.len == 0) {
        snprintf(out, POLICY_NAME_SHOWN, "%sNAME", nearest);
    } else {
        snprintf(out, POLICY_NAME_SHOWN, "%s%.*s", nearest, SHOWN(rest));
    }
    return true;
}

/* "; did you mean aws:PrincipalTag/team?" */
static const char *suggestion(const lint_t *lint, slice_t key, char out[POLICY_NAME_SHOWN + 32])
{
    char name[POLICY_NAME_SHOWN];

    out[0] = '\0';
    if (policy_nearest_key(lint->spec->known, key, name)) {
        snprintf(out, POLICY_NAME_SHOWN + 32, "; did you mean %s?", name);
    }
    return out;
}

/* Without a value a condition comes out the same each time: which way, its own evaluation says. */
static bool always_holds(const lint_t *lint, const condition_t *condition)
{
    const policy_request nothing = { 0 };
    evaluation_t evaluation;

    evaluation_begin(&evaluation, &nothing, false);
    return condition_holds(&evaluation, condition, lint->statement->deny);
}

void lint_conditions(lint_t *lint)
{
    char suggested[POLICY_NAME_SHOWN + 32];

    for (size_t i = 0; i < lint->statement->n_conditions; i++) {
        const condition_t *condition = &lint->statement->conditions[i];

        if (lint_key(lint, condition->key) == NULL) {
            lint_tell(lint, "unknown-key", lint_condition_path(lint, i),
                      "no request here carries %.*s, so this condition %s holds%s",
                      SHOWN(condition->key_as_written), always_holds(lint, condition) ? "always" : "never",
                      suggestion(lint, condition->key_as_written, suggested));
        }
    }
}

/* ---- variables ---- */

static void check_variable(lint_t *lint, const char *path, const pattern_piece *piece)
{
    const policy_key *known = lint_key(lint, piece->text);
    char suggested[POLICY_NAME_SHOWN + 32];

    if (known == NULL) {
        lint_tell(lint, "unknown-variable", path, "no request here carries ${%.*s}, so %s%s",
                  SHOWN(piece->as_written),
                  piece->default_text.data != NULL ? "its default always stands" : "this matches nothing",
                  suggestion(lint, piece->as_written, suggested));
    } else if (known->multi) {
        lint_tell(lint, "unknown-variable", path, "%s has many values and is nothing as a variable",
                  known->name);
    }
}

/* Before Version 2012-10-17 "${" is text. */
static void check_pattern(lint_t *lint, const char *path, const pattern_t *pattern)
{
    for (size_t i = 0; i < pattern->n_pieces; i++) {
        if (pattern->pieces[i].as_written.data != NULL) {
            check_variable(lint, path, &pattern->pieces[i]);
        }
    }
    if (pattern->shape != PATTERN_VARIABLE && variable_starts_in(pattern->text)) {
        lint_tell(lint, "variable-is-text", path,
                  "\"${\" is text here: variables need \"Version\": \"2012-10-17\"");
    }
}

void lint_variables(lint_t *lint)
{
    const statement_t *statement = lint->statement;

    for (size_t i = 0; i < statement->n_resources; i++) {
        check_pattern(lint, lint_element_path(lint, statement->not_resource ? "NotResource" : "Resource", i),
                      &statement->resources[i]);
    }
    for (size_t i = 0; i < statement->n_conditions; i++) {
        const condition_t *condition = &statement->conditions[i];

        for (size_t k = 0; condition->op->family->form == OPERAND_PATTERN && k < condition->n_operands; k++) {
            check_pattern(lint, lint_condition_path(lint, i), &condition->operands[k].pattern);
        }
    }
}
