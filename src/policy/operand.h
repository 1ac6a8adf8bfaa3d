/* The families of condition operators: what they read from a policy and how they compare it. */
#pragma once

#include "policy/compile.h"

typedef enum {
    COMPARE_EQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL
} comparison;

/** Which member of operand_t a family fills, as far as others than it look at them. */
typedef enum { OPERAND_OTHER, OPERAND_PATTERN, OPERAND_NUMBER, OPERAND_DATE } operand_form;

typedef struct {
    operand_form form;
    p11kms_err (*compile)(compiler_t *compiler, const json_t *value, operand_t *ret);
    /** NULL for Null, which compares nothing. */
    bool (*test)(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value);
} operand_family;

struct operator_row {
    const char *name;
    const operand_family *family;
    comparison how;
    bool negated;
};

extern const operand_family operand_text;        /* StringEquals */
extern const operand_family operand_text_folded; /* StringEqualsIgnoreCase */
extern const operand_family operand_glob;        /* StringLike */
extern const operand_family operand_number;
extern const operand_family operand_date;
extern const operand_family operand_bool;
extern const operand_family operand_bytes;
extern const operand_family operand_address;
extern const operand_family operand_arn;
extern const operand_family operand_null;
