#include "policy/variable.h"

static size_t find_start(slice_t text)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] == '$' && text.data[i + 1] == '{') {
            return i;
        }
    }
    return text.len;
}

bool variable_starts_in(slice_t text)
{
    return find_start(text) < text.len;
}

static slice_t take(slice_t *text, size_t len)
{
    slice_t taken = SLICE(text->data, len);

    *text = SLICE(text->data + len, text->len - len);
    return taken;
}

/* The characters that ${*}, ${?} and ${$} stand for. */
static bool is_character(slice_t inside)
{
    return inside.len == 1 && strchr("*?$", inside.data[0]) != NULL && inside.data[0] != '\0';
}

static bool has_space(slice_t key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.data[i] <= ' ') {
            return true;
        }
    }
    return false;
}

static p11kms_err check_key(slice_t key)
{
    const uint8_t *colon = key.len > 0 ? memchr(key.data, ':', key.len) : NULL;

    if (key.len == 0) {
        FAIL(P11KMS_E_SYNTAX, "a policy variable is empty");
    }
    if (has_space(key)) {
        FAIL(P11KMS_E_SYNTAX, "a space stands in the policy variable \"%.*s\"", SHOWN(key));
    }
    if (colon == NULL || colon == key.data || colon + 1 == key.data + key.len) {
        FAIL(P11KMS_E_SYNTAX, "the policy variable \"%.*s\" is not of the form service:key", SHOWN(key));
    }
    return P11KMS_OK;
}

/* Everything between the key and the brace: ", 'default'". A default ends at the quote before the brace. */
static p11kms_err take_default(slice_t *text, slice_t *ret_default)
{
    size_t end = 0;

    take(text, 1); /* the comma */
    while (text->len > 0 && text->data[0] == ' ') {
        take(text, 1);
    }
    if (text->len > 0 && text->data[0] == '\'') {
        take(text, 1);
        while (end < text->len && text->data[end] != '\'') {
            end++;
        }
        if (end + 1 < text->len && text->data[end + 1] == '}') {
            *ret_default = take(text, end);
            take(text, 1);
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_SYNTAX, "the default of a policy variable stands in single quotes: ${key, 'default'}");
}

static size_t key_length(slice_t text)
{
    size_t len = 0;

    while (len < text.len && text.data[len] != '}' && text.data[len] != ',') {
        len++;
    }
    return len;
}

static p11kms_err take_variable(slice_t *text, variable_token *ret)
{
    slice_t rest = *text;

    take(&rest, 2);
    *ret = (variable_token){ .kind = VARIABLE_TOKEN_KEY };
    ret->text = take(&rest, key_length(rest));
    if (rest.len > 0 && rest.data[0] == ',') {
        TRY(take_default(&rest, &ret->default_text));
    }
    if (rest.len == 0) {
        FAIL(P11KMS_E_SYNTAX, "a policy variable has no closing brace");
    }
    take(&rest, 1);
    if (is_character(ret->text) && ret->default_text.data == NULL) {
        ret->kind = VARIABLE_TOKEN_CHARACTER;
    } else {
        TRY(check_key(ret->text));
    }
    *text = rest;
    return P11KMS_OK;
}

p11kms_err variable_next(slice_t *text, variable_token *ret)
{
    size_t start = find_start(*text);

    if (start == 0) {
        return take_variable(text, ret);
    }
    *ret = (variable_token){ .kind = VARIABLE_TOKEN_TEXT, .text = take(text, start) };
    return P11KMS_OK;
}

/*
 * IAM User Guide, "IAM policy elements: Variables and tags": a key without a value is null, and a
 * multi-valued key cannot be used as a variable.
 */
bool variable_value(const pattern_piece *piece, const policy_request *request, slice_t *ret)
{
    policy_values found = { 0 };

    if (request->lookup != NULL &&
        request->lookup(request->lookup_arg, piece->text, piece->as_written, &found) && !found.multi &&
        found.n == 1 && found.values[0].len > 0) {
        *ret = found.values[0];
        return true;
    }
    *ret = piece->default_text;
    return piece->default_text.data != NULL;
}
