/* Compiling: what the files that read a part of a document share. */
#pragma once

#include "policy/document.h"
#include "util/json.h"

#define PLACE_MAX 256

typedef struct {
    space_t *space;
    policy_kind kind;
    bool variables;        /* Version 2012-10-17 */
    char place[PLACE_MAX]; /* "Statement[2].Condition.StringLike" */
    size_t place_len;
} compiler_t;

/** P11KMS_E_POLICY_MALFORMED with the place before the sentence. */
p11kms_err compiler_refuse(const compiler_t *compiler, const char *fmt, ...) PRINTF(2, 3);
#define REFUSE(compiler, ...) return compiler_refuse((compiler), __VA_ARGS__)

/** Append to the place; hand what it yields to compiler_leave() once done there. */
size_t compiler_enter(compiler_t *compiler, const char *fmt, ...) PRINTF(2, 3);
void compiler_leave(compiler_t *compiler, size_t mark);

/** Elements that hold several values may hold one without its array. */
size_t list_length(const json_t *value);
typedef p11kms_err (*each_value)(compiler_t *compiler, const json_t *value, void *arg);
/** Call @p each for the one value, or for each of an array, "[i]" entered. An empty array is refused. */
MUST_USE p11kms_err list_each(compiler_t *compiler, const json_t *value, each_value each, void *arg);

/** As pattern_compile(), with the place in the message. */
MUST_USE p11kms_err compile_pattern(compiler_t *compiler, slice_t text, pattern_syntax syntax,
                                    pattern_t *ret);

/** @p ret is zeroed. */
MUST_USE p11kms_err compile_statement(compiler_t *compiler, const json_t *value, statement_t *ret);
MUST_USE p11kms_err compile_principal(compiler_t *compiler, const json_t *value, statement_t *ret);
MUST_USE p11kms_err compile_condition(compiler_t *compiler, const json_t *value, statement_t *ret);
