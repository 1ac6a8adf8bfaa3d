/* Policy variables: ${key}, ${key, 'default'}, ${*}, ${?}, ${$}. */
#pragma once

#include "policy/pattern.h"

typedef enum { VARIABLE_TOKEN_TEXT, VARIABLE_TOKEN_CHARACTER, VARIABLE_TOKEN_KEY } variable_token_kind;

typedef struct {
    variable_token_kind kind;
    slice_t text;         /* the text, the character ("*"), or the key */
    slice_t default_text; /* of a key; data is NULL where there is none */
} variable_token;

/** "${" stands somewhere in @p text. */
bool variable_starts_in(slice_t text);

/**
 * Take the next token off @p text, which is not empty.
 * @retval P11KMS_E_SYNTAX  The detail says what is wrong with the variable.
 */
MUST_USE p11kms_err variable_next(slice_t *text, variable_token *ret);

/** What the request says for @p piece, or its default; false when there is neither. */
bool variable_value(const pattern_piece *piece, const policy_request *request, slice_t *ret);
