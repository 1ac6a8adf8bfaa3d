/* Finding in the JSON of a document what was compiled from it: as it is written, for messages. */
#include "policy/lint.h"

/* Elements that hold several values may hold one without its array. */
static const json_t *element_of(const json_t *value, size_t i)
{
    return json_kind_of(value) == JSON_ARRAY ? json_at(value, i) : value;
}

const json_t *policy_source_statement(const json_t *document, size_t i)
{
    return element_of(json_get(document, "Statement"), i);
}

typedef struct {
    size_t left; /* conditions before the one that is looked for */
    bool found;
    slice_t op;
    slice_t key;
    const json_t *values;
} condition_search;

static p11kms_err meet_key(void *arg, slice_t name, json_t *value)
{
    condition_search *at = arg;

    if (!at->found && at->left-- == 0) {
        at->found = true;
        at->key = name;
        at->values = value;
    }
    return P11KMS_OK;
}

static p11kms_err meet_operator(void *arg, slice_t name, json_t *value)
{
    condition_search *at = arg;

    if (at->found) {
        return P11KMS_OK;
    }
    at->op = name;
    return json_each(value, meet_key, at);
}

void policy_source_condition(const json_t *statement, size_t i, slice_t *ret_op, slice_t *ret_key,
                             const json_t **ret_values)
{
    condition_search at = { .left = i };

    (void)!json_each(json_get(statement, "Condition"), meet_operator, &at);
    *ret_op = at.op;
    *ret_key = at.key;
    *ret_values = at.values;
}
