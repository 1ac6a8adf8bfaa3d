#include "policy/pattern.h"

#include "policy/variable.h"

/* Text between variables: wildcards become bytes that UTF-8 does not use. */
static slice_t compile_text(slice_t text, pattern_syntax syntax, space_t *space)
{
    slice_t copy = space_copy(space, text);
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;

    for (size_t i = 0; i < copy.len; i++) {
        if (syntax.wildcards && bytes[i] == '*') {
            bytes[i] = GLOB_STAR;
        } else if (syntax.wildcards && bytes[i] == '?') {
            bytes[i] = GLOB_ONE;
        } else if (syntax.lower_case) {
            bytes[i] = ascii_lower(bytes[i]);
        }
    }
    return copy;
}

static void classify(slice_t text, pattern_t *ret)
{
    slice_t before_last = SLICE(text.data, text.len > 0 ? text.len - 1 : 0);

    ret->text = text;
    ret->shape = PATTERN_GLOB;
    if (!slice_has(text, GLOB_STAR) && !slice_has(text, GLOB_ONE)) {
        ret->shape = PATTERN_LITERAL;
    } else if (text.data[text.len - 1] == GLOB_STAR && !slice_has(before_last, GLOB_STAR) &&
               !slice_has(before_last, GLOB_ONE)) {
        ret->shape = before_last.len == 0 ? PATTERN_ALL : PATTERN_PREFIX;
        ret->text = before_last;
    }
}

/* "${*}" and its like are text; they come as variables whose value is known. */
static void place_piece(const variable_token *token, pattern_syntax syntax, space_t *space,
                        pattern_piece *ret)
{
    switch (token->kind) {
    case VARIABLE_TOKEN_TEXT:
        ret->text = compile_text(token->text, syntax, space);
        break;
    case VARIABLE_TOKEN_CHARACTER:
        ret->text = space_copy(space, token->text);
        break;
    case VARIABLE_TOKEN_KEY:
        ret->as_written = space_copy(space, token->text);
        ret->text = compile_text(token->text, (pattern_syntax){ .lower_case = true }, space);
        if (token->default_text.data != NULL) {
            ret->default_text = space_copy(space, token->default_text);
        }
        break;
    }
}

static p11kms_err count_pieces(slice_t text, size_t *ret_pieces)
{
    size_t pieces = 0;
    size_t keys = 0;
    size_t constant = 0;
    variable_token token;

    while (text.len > 0) {
        TRY(variable_next(&text, &token));
        pieces++;
        keys += token.kind == VARIABLE_TOKEN_KEY;
        constant += token.kind == VARIABLE_TOKEN_KEY ? 0 : token.text.len;
    }
    if (keys > PATTERN_VARIABLES_MAX) {
        FAIL(P11KMS_E_SYNTAX, "more than %d policy variables", PATTERN_VARIABLES_MAX);
    }
    if (constant > PATTERN_EXPANDED_MAX / 2) {
        FAIL(P11KMS_E_SYNTAX, "more than %d bytes around policy variables", PATTERN_EXPANDED_MAX / 2);
    }
    *ret_pieces = pieces;
    return P11KMS_OK;
}

static p11kms_err compile_pieces(slice_t text, pattern_syntax syntax, space_t *space, pattern_t *ret)
{
    size_t n = 0;
    size_t used = 0;
    pattern_piece *pieces;
    variable_token token;

    TRY(count_pieces(text, &n));
    pieces = SPACE_ARRAY(space, pattern_piece, n);
    while (text.len > 0) {
        TRY(variable_next(&text, &token));
        place_piece(&token, syntax, space, &pieces[used++]);
    }
    *ret = (pattern_t){ .shape = PATTERN_VARIABLE, .pieces = pieces, .n_pieces = n };
    return P11KMS_OK;
}

p11kms_err pattern_compile(slice_t text, pattern_syntax syntax, space_t *space, pattern_t *ret)
{
    if (syntax.variables && variable_starts_in(text)) {
        return compile_pieces(text, syntax, space, ret);
    }
    *ret = (pattern_t){ 0 };
    classify(compile_text(text, syntax, space), ret);
    return P11KMS_OK;
}

typedef enum { EXPANDED, NO_VALUE } expansion;

/*
 * A variable's value is text to the last byte. Bytes that mean wildcards can only come in values
 * that are not UTF-8 (a User-Agent, say); with those, and with values that do not fit, the decision fails.
 */
static bool append_value(slice_t value, uint8_t *buffer, size_t *used, match_work *work)
{
    if (value.len > PATTERN_EXPANDED_MAX - *used || slice_has(value, GLOB_STAR) || slice_has(value, GLOB_ONE)) {
        work->failed = true;
        return false;
    }
    if (value.len > 0) {
        memcpy(buffer + *used, value.data, value.len);
    }
    *used += value.len;
    return true;
}

static bool append_text(slice_t text, uint8_t *buffer, size_t *used, match_work *work)
{
    if (text.len > PATTERN_EXPANDED_MAX - *used) {
        work->failed = true;
        return false;
    }
    memcpy(buffer + *used, text.data, text.len);
    *used += text.len;
    return true;
}

static expansion expand(const pattern_t *pattern, const policy_request *request, uint8_t *buffer,
                        size_t *ret_len, match_work *work)
{
    size_t used = 0;

    for (size_t i = 0; i < pattern->n_pieces; i++) {
        const pattern_piece *piece = &pattern->pieces[i];
        slice_t value;

        if (piece->as_written.data == NULL) {
            if (!append_text(piece->text, buffer, &used, work)) {
                return NO_VALUE;
            }
        } else if (!match_spend(work, MATCH_VARIABLE_STEPS) || !variable_value(piece, request, &value) ||
                   !append_value(value, buffer, &used, work)) {
            return NO_VALUE;
        }
    }
    *ret_len = used;
    return EXPANDED;
}

static bool equal_folded(slice_t a, slice_t b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

static bool compare(slice_t pattern, match_mode mode, slice_t text, match_work *work)
{
    switch (mode) {
    case MATCH_TEXT:
        return glob_text(pattern, text, work);
    case MATCH_FOLDED:
        return equal_folded(pattern, text);
    case MATCH_ARN:
        return glob_arn(pattern, text, work);
    case MATCH_RESOURCE:
        return glob_resource(pattern, text, work);
    }
    return false;
}

bool pattern_matches(const pattern_t *pattern, match_mode mode, slice_t text, const policy_request *request,
                     match_work *work)
{
    switch (pattern->shape) {
    case PATTERN_ALL:
        return true;
    case PATTERN_LITERAL:
        return mode == MATCH_FOLDED ? equal_folded(pattern->text, text) : slice_eq(pattern->text, text);
    case PATTERN_PREFIX:
        return text.len >= pattern->text.len && memcmp(pattern->text.data, text.data, pattern->text.len) == 0;
    case PATTERN_GLOB:
        return compare(pattern->text, mode, text, work);
    case PATTERN_VARIABLE: {
        uint8_t expanded[PATTERN_EXPANDED_MAX];
        size_t len;

        return expand(pattern, request, expanded, &len, work) == EXPANDED &&
               compare(SLICE(expanded, len), mode, text, work);
    }
    }
    return false;
}
