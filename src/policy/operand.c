#include "policy/operand.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/encode.h"

/*
 * A value as text. The grammar lets numbers and booleans stand without quotes; how a number
 * with a fraction is written as text is not said anywhere, so those are for Numeric operators alone.
 */
static p11kms_err scalar_text(compiler_t *compiler, const json_t *value, slice_t *ret)
{
    char number[24];

    switch (json_kind_of(value)) {
    case JSON_STRING:
        *ret = json_string(value);
        return P11KMS_OK;
    case JSON_BOOL:
        *ret = json_bool(value) ? SLICE_LIT("true") : SLICE_LIT("false");
        return P11KMS_OK;
    case JSON_INT:
        snprintf(number, sizeof(number), "%" PRId64, json_int(value));
        *ret = space_copy(compiler->space, SLICE_STR(number));
        return P11KMS_OK;
    default:
        REFUSE(compiler, "must be a string, an integer or a boolean");
    }
}

static bool test_pattern(evaluation_t *evaluation, const operand_t *operand, match_mode mode, slice_t value)
{
    return pattern_matches(&operand->pattern, mode, value, evaluation->request, &evaluation->work);
}

/* ---- String ---- */

static p11kms_err compile_text(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text;

    TRY(scalar_text(compiler, value, &text));
    return compile_pattern(compiler, text, (pattern_syntax){ .variables = compiler->variables },
                           &ret->pattern);
}

static p11kms_err compile_glob(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text;

    TRY(scalar_text(compiler, value, &text));
    return compile_pattern(compiler, text,
                           (pattern_syntax){ .wildcards = true, .variables = compiler->variables },
                           &ret->pattern);
}

static bool test_text(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    (void)how;
    return test_pattern(evaluation, operand, MATCH_TEXT, value);
}

static bool test_folded(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    (void)how;
    return test_pattern(evaluation, operand, MATCH_FOLDED, value);
}

const operand_family operand_text = { OPERAND_PATTERN, compile_text, test_text };
const operand_family operand_text_folded = { OPERAND_PATTERN, compile_text, test_folded };
const operand_family operand_glob = { OPERAND_PATTERN, compile_glob, test_text };

/* ---- Arn ---- */

static size_t count_colons(slice_t text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += text.data[i] == ':';
    }
    return n;
}

/* A pattern without six parts can match no ARN. With a variable only the request can tell. */
static p11kms_err compile_arn(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text = json_string(value);

    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    TRY(compile_pattern(compiler, text,
                        (pattern_syntax){ .wildcards = true, .variables = compiler->variables },
                        &ret->pattern));
    if (ret->pattern.shape != PATTERN_VARIABLE && count_colons(text) < 5) {
        REFUSE(compiler, "\"%.*s\" is not an ARN of six parts", SHOWN(text));
    }
    return P11KMS_OK;
}

static bool test_arn(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    (void)how;
    return test_pattern(evaluation, operand, MATCH_ARN, value);
}

const operand_family operand_arn = { OPERAND_PATTERN, compile_arn, test_arn };

/* ---- Numeric and Date ---- */

/* @p order is below, at or above zero as the request's value is to the policy's. */
static bool order_is(int order, comparison how)
{
    switch (how) {
    case COMPARE_EQUAL:
        return order == 0;
    case COMPARE_LESS:
        return order < 0;
    case COMPARE_LESS_EQUAL:
        return order <= 0;
    case COMPARE_GREATER:
        return order > 0;
    case COMPARE_GREATER_EQUAL:
        return order >= 0;
    }
    return false;
}

static p11kms_err compile_number(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text = json_string(value);

    switch (json_kind_of(value)) {
    case JSON_INT:
    case JSON_DOUBLE:
        ret->number = json_double(value);
        return P11KMS_OK;
    case JSON_STRING:
        if (!value_number(text, &ret->number)) {
            REFUSE(compiler, "\"%.*s\" is not a number", SHOWN(text));
        }
        return P11KMS_OK;
    default:
        REFUSE(compiler, "must be a number");
    }
}

static bool test_number(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    double number;

    (void)evaluation;
    return value_number(value, &number) &&
           order_is((number > operand->number) - (number < operand->number), how);
}

static p11kms_err compile_date(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text;

    TRY(scalar_text(compiler, value, &text));
    if (!value_date(text, &ret->date_ms)) {
        REFUSE(compiler, "\"%.*s\" is not a date: write 2026-01-02T03:04:05Z or epoch seconds", SHOWN(text));
    }
    return P11KMS_OK;
}

static bool test_date(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    int64_t ms;

    (void)evaluation;
    return value_date(value, &ms) && order_is((ms > operand->date_ms) - (ms < operand->date_ms), how);
}

const operand_family operand_number = { OPERAND_NUMBER, compile_number, test_number };
const operand_family operand_date = { OPERAND_DATE, compile_date, test_date };

/* ---- Bool and Null ---- */

static bool text_is(slice_t text, const char *lower)
{
    if (text.len != strlen(lower)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (ascii_lower(text.data[i]) != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

static bool is_boolean(slice_t text)
{
    return text_is(text, "true") || text_is(text, "false");
}

static p11kms_err compile_bool(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text;

    TRY(scalar_text(compiler, value, &text));
    TRY(compile_pattern(compiler, text, (pattern_syntax){ .variables = compiler->variables }, &ret->pattern));
    if (ret->pattern.shape != PATTERN_VARIABLE && !is_boolean(text)) {
        REFUSE(compiler, "must be \"true\" or \"false\"");
    }
    return P11KMS_OK;
}

static bool test_bool(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    (void)how;
    return is_boolean(value) && test_pattern(evaluation, operand, MATCH_FOLDED, value);
}

static p11kms_err compile_null(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text;

    TRY(scalar_text(compiler, value, &text));
    if (!is_boolean(text)) {
        REFUSE(compiler, "must be \"true\" or \"false\"");
    }
    ret->flag = text_is(text, "true");
    return P11KMS_OK;
}

const operand_family operand_bool = { OPERAND_PATTERN, compile_bool, test_bool };
const operand_family operand_null = { OPERAND_OTHER, compile_null, NULL };

/* ---- Binary ---- */

static p11kms_err compile_bytes(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    if (base64_decode(&bytes, json_string(value)) != P11KMS_OK) {
        REFUSE(compiler, "is not base64");
    }
    if (buf_failed(&bytes)) {
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    ret->bytes = space_copy(compiler->space, buf_slice(&bytes));
    return P11KMS_OK;
}

static bool test_bytes(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    (void)evaluation;
    (void)how;
    return slice_eq(operand->bytes, value);
}

const operand_family operand_bytes = { OPERAND_OTHER, compile_bytes, test_bytes };

/* ---- IpAddress ---- */

static p11kms_err compile_address(compiler_t *compiler, const json_t *value, operand_t *ret)
{
    slice_t text = json_string(value);

    if (json_kind_of(value) != JSON_STRING) {
        REFUSE(compiler, "must be a string");
    }
    if (!value_range(text, &ret->range)) {
        REFUSE(compiler, "\"%.*s\" is not an IP address or a network in CIDR form", SHOWN(text));
    }
    return P11KMS_OK;
}

static bool test_address(evaluation_t *evaluation, const operand_t *operand, comparison how, slice_t value)
{
    uint8_t address[16];

    (void)evaluation;
    (void)how;
    return value_address(value, address) && value_in_range(&operand->range, address);
}

const operand_family operand_address = { OPERAND_OTHER, compile_address, test_address };
