/*
 * Condition. IAM User Guide, "Condition operators" and "Single-valued vs. multivalued context keys":
 * operators and keys are joined by AND, the values of a key by OR (by NOR where the operator is negated).
 */
#include "policy/operand.h"

static const operator_row_t operators[] = {
    { "StringEquals", &operand_text, COMPARE_EQUAL, false },
    { "StringNotEquals", &operand_text, COMPARE_EQUAL, true },
    { "StringEqualsIgnoreCase", &operand_text_folded, COMPARE_EQUAL, false },
    { "StringNotEqualsIgnoreCase", &operand_text_folded, COMPARE_EQUAL, true },
    { "StringLike", &operand_glob, COMPARE_EQUAL, false },
    { "StringNotLike", &operand_glob, COMPARE_EQUAL, true },
    { "NumericEquals", &operand_number, COMPARE_EQUAL, false },
    { "NumericNotEquals", &operand_number, COMPARE_EQUAL, true },
    { "NumericLessThan", &operand_number, COMPARE_LESS, false },
    { "NumericLessThanEquals", &operand_number, COMPARE_LESS_EQUAL, false },
    { "NumericGreaterThan", &operand_number, COMPARE_GREATER, false },
    { "NumericGreaterThanEquals", &operand_number, COMPARE_GREATER_EQUAL, false },
    { "DateEquals", &operand_date, COMPARE_EQUAL, false },
    { "DateNotEquals", &operand_date, COMPARE_EQUAL, true },
    { "DateLessThan", &operand_date, COMPARE_LESS, false },
    { "DateLessThanEquals", &operand_date, COMPARE_LESS_EQUAL, false },
    { "DateGreaterThan", &operand_date, COMPARE_GREATER, false },
    { "DateGreaterThanEquals", &operand_date, COMPARE_GREATER_EQUAL, false },
    { "Bool", &operand_bool, COMPARE_EQUAL, false },
    { "BinaryEquals", &operand_bytes, COMPARE_EQUAL, false },
    { "IpAddress", &operand_address, COMPARE_EQUAL, false },
    { "NotIpAddress", &operand_address, COMPARE_EQUAL, true },
    { "ArnEquals", &operand_arn, COMPARE_EQUAL, false },
    { "ArnNotEquals", &operand_arn, COMPARE_EQUAL, true },
    { "ArnLike", &operand_arn, COMPARE_EQUAL, false },
    { "ArnNotLike", &operand_arn, COMPARE_EQUAL, true },
    { "Null", &operand_null, COMPARE_EQUAL, false },
};

/* ---- compiling ---- */

static bool same_name(slice_t a, const char *b, size_t len)
{
    if (a.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower((uint8_t)b[i])) {
            return false;
        }
    }
    return true;
}

static bool take_prefix(slice_t *name, const char *prefix)
{
    size_t len = strlen(prefix);

    if (name->len < len || !same_name(SLICE(name->data, len), prefix, len)) {
        return false;
    }
    *name = SLICE(name->data + len, name->len - len);
    return true;
}

static bool take_suffix(slice_t *name, const char *suffix)
{
    size_t len = strlen(suffix);

    if (name->len < len || !same_name(SLICE(name->data + name->len - len, len), suffix, len)) {
        return false;
    }
    name->len -= len;
    return true;
}

/* "ForAnyValue:StringLikeIfExists", in any case. */
static p11kms_err parse_operator(compiler_t *compiler, slice_t name, condition_t *ret)
{
    slice_t base = name;

    if (take_prefix(&base, "ForAllValues:")) {
        ret->set = SET_ALL_VALUES;
    } else if (take_prefix(&base, "ForAnyValue:")) {
        ret->set = SET_ANY_VALUE;
    }
    ret->if_exists = take_suffix(&base, "IfExists");
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (same_name(base, operators[i].name, strlen(operators[i].name))) {
            ret->op = &operators[i];
        }
    }
    if (ret->op == NULL) {
        REFUSE(compiler, "not a condition operator");
    }
    if (ret->op->family->test == NULL && (ret->if_exists || ret->set != SET_NONE)) {
        REFUSE(compiler, "Null stands alone, without a set operator or IfExists");
    }
    return P11KMS_OK;
}

static p11kms_err set_key(compiler_t *compiler, slice_t name, condition_t *ret)
{
    const uint8_t *colon = name.len > 0 ? memchr(name.data, ':', name.len) : NULL;
    uint8_t *lower;

    if (colon == NULL || colon == name.data || colon + 1 == name.data + name.len) {
        REFUSE(compiler, "a condition key is of the form service:key");
    }
    ret->key_as_written = space_copy(compiler->space, name);
    ret->key = space_copy(compiler->space, name);
    lower = (uint8_t *)(uintptr_t)ret->key.data;
    for (size_t i = 0; i < ret->key.len; i++) {
        lower[i] = ascii_lower(lower[i]);
    }
    return P11KMS_OK;
}

typedef struct {
    compiler_t *compiler;
    condition_t *conditions;
    size_t used;
    size_t block;       /* where the current operator's conditions begin */
    condition_t shared; /* what all of them have of it */
} block_reader;

/* Names of keys are equal in any case: two that differ in case alone leave open which is meant. */
static p11kms_err check_twin(const block_reader *reader, const condition_t *condition)
{
    for (size_t i = reader->block; i < reader->used; i++) {
        if (slice_eq(reader->conditions[i].key, condition->key)) {
            REFUSE(reader->compiler, "stands twice, in different case");
        }
    }
    return P11KMS_OK;
}

typedef struct {
    const operand_family *family;
    operand_t *operands;
    size_t used;
} operand_reader;

static p11kms_err read_operand(compiler_t *compiler, const json_t *value, void *arg)
{
    operand_reader *reader = arg;

    return reader->family->compile(compiler, value, &reader->operands[reader->used++]);
}

static p11kms_err read_operands(compiler_t *compiler, const json_t *value, condition_t *ret)
{
    operand_reader reader = { .family = ret->op->family };

    reader.operands = SPACE_ARRAY(compiler->space, operand_t, list_length(value));
    TRY(list_each(compiler, value, read_operand, &reader));
    ret->operands = reader.operands;
    ret->n_operands = reader.used;
    return P11KMS_OK;
}

static p11kms_err read_key(void *arg, slice_t name, json_t *value)
{
    block_reader *reader = arg;
    compiler_t *compiler = reader->compiler;
    condition_t condition = reader->shared;
    size_t mark = compiler_enter(compiler, ".%.*s", SHOWN(name));

    TRY(set_key(compiler, name, &condition));
    TRY(check_twin(reader, &condition));
    TRY(read_operands(compiler, value, &condition));
    reader->conditions[reader->used++] = condition;
    compiler_leave(compiler, mark);
    return P11KMS_OK;
}

static p11kms_err read_operator(void *arg, slice_t name, json_t *value)
{
    block_reader *reader = arg;
    compiler_t *compiler = reader->compiler;
    size_t mark = compiler_enter(compiler, ".%.*s", SHOWN(name));

    reader->shared = (condition_t){ 0 };
    reader->block = reader->used;
    TRY(parse_operator(compiler, name, &reader->shared));
    if (json_kind_of(value) != JSON_OBJECT) {
        REFUSE(compiler, "must be an object");
    }
    TRY(json_each(value, read_key, reader));
    compiler_leave(compiler, mark);
    return P11KMS_OK;
}

static p11kms_err count_keys(void *arg, slice_t name, json_t *value)
{
    (void)name;
    *(size_t *)arg += json_length(value);
    return P11KMS_OK;
}

p11kms_err compile_condition(compiler_t *compiler, const json_t *value, statement_t *ret)
{
    block_reader reader = { .compiler = compiler };
    size_t n = 0;

    if (json_kind_of(value) != JSON_OBJECT) {
        REFUSE(compiler, "must be an object");
    }
    TRY(json_each(value, count_keys, &n));
    reader.conditions = SPACE_ARRAY(compiler->space, condition_t, n);
    TRY(json_each(value, read_operator, &reader));
    ret->conditions = reader.conditions;
    ret->n_conditions = reader.used;
    return P11KMS_OK;
}

/* ---- evaluating ---- */

static bool value_meets(evaluation_t *evaluation, const condition_t *condition, slice_t value)
{
    if (!match_spend(&evaluation->work, condition->n_operands)) {
        return false;
    }
    for (size_t i = 0; i < condition->n_operands; i++) {
        if (condition->op->family->test(evaluation, &condition->operands[i], condition->op->how, value)) {
            return !condition->op->negated;
        }
    }
    return condition->op->negated;
}

static bool every_value_meets(evaluation_t *evaluation, const condition_t *condition,
                              const policy_values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        if (!value_meets(evaluation, condition, values->values[i])) {
            return false;
        }
    }
    return true;
}

static bool some_value_meets(evaluation_t *evaluation, const condition_t *condition,
                             const policy_values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        if (value_meets(evaluation, condition, values->values[i])) {
            return true;
        }
    }
    return false;
}

/* A multi-valued key whose values are all empty is null: "a null dataset, such as an empty string". */
static bool has_value(const policy_values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        if (!values->multi || values->values[i].len > 0) {
            return true;
        }
    }
    return false;
}

static bool look_up(const policy_request *request, const condition_t *condition, policy_values *ret)
{
    return request->lookup != NULL &&
           request->lookup(request->lookup_arg, condition->key, condition->key_as_written, ret) &&
           has_value(ret);
}

static bool holds_without_value(const condition_t *condition)
{
    if (condition->if_exists || condition->set == SET_ALL_VALUES) {
        return true;
    }
    return condition->set == SET_NONE && condition->op->negated;
}

static bool null_holds(const condition_t *condition, bool is_null)
{
    for (size_t i = 0; i < condition->n_operands; i++) {
        if (condition->operands[i].flag == is_null) {
            return true;
        }
    }
    return false;
}

/*
 * "Multivalued context keys require a condition set operator": without one an Allow never
 * holds. A Deny does when one of the values meets it, which is what its author wants.
 */
static bool holds_without_set(evaluation_t *evaluation, const condition_t *condition,
                              const policy_values *values, bool deny)
{
    if (!values->multi && values->n == 1) {
        return value_meets(evaluation, condition, values->values[0]);
    }
    return deny && some_value_meets(evaluation, condition, values);
}

bool condition_holds(evaluation_t *evaluation, const condition_t *condition, bool deny)
{
    policy_values values = { 0 };
    bool present = look_up(evaluation->request, condition, &values);

    if (condition->op->family->test == NULL) {
        return null_holds(condition, !present);
    }
    if (!present) {
        return holds_without_value(condition);
    }
    switch (condition->set) {
    case SET_NONE:
        return holds_without_set(evaluation, condition, &values, deny);
    case SET_ALL_VALUES:
        return every_value_meets(evaluation, condition, &values);
    case SET_ANY_VALUE:
        return some_value_meets(evaluation, condition, &values);
    }
    return false;
}

bool conditions_hold(evaluation_t *evaluation, const statement_t *statement)
{
    for (size_t i = 0; i < statement->n_conditions; i++) {
        if (!condition_holds(evaluation, &statement->conditions[i], statement->deny)) {
            return false;
        }
    }
    return true;
}

void condition_operator(const condition_t *condition, buf_t *out)
{
    static const char *const sets[] = { [SET_NONE] = "", [SET_ALL_VALUES] = "ForAllValues:",
                                        [SET_ANY_VALUE] = "ForAnyValue:" };

    buf_printf(out, "%s%s%s", sets[condition->set], condition->op->name, condition->if_exists ? "IfExists" : "");
}
