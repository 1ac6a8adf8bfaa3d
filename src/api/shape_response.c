#include "api/shape_value.h"

typedef struct {
    const shape_t *shape;
    const char *name; /* of the value, for the message */
    arena_t *arena;
} walk_t;

static p11kms_err check(const shape_t *shape, const char *name, const json_t *value, arena_t *arena);

static p11kms_err check_member(void *arg, slice_t name, json_t *value)
{
    const walk_t *walk = arg;

    for (const shape_member *member = walk->shape->members; member->name != NULL; member++) {
        if (slice_eq_str(name, member->name)) {
            return check(member->shape, member->name, value, walk->arena);
        }
    }
    FAIL(P11KMS_E_VALIDATION, "%s has no member %.*s", walk->shape->name, (int)name.len, name.data);
}

static p11kms_err check_structure(const walk_t *walk, const json_t *value)
{
    for (const shape_member *member = walk->shape->members; member->name != NULL; member++) {
        if (member->required && json_get(value, member->name) == NULL) {
            FAIL(P11KMS_E_VALIDATION, "%s lacks %s", walk->shape->name, member->name);
        }
    }
    return json_each(value, check_member, (void *)(uintptr_t)walk);
}

static p11kms_err check_entry(void *arg, slice_t name, json_t *value)
{
    const walk_t *walk = arg;

    (void)name;
    return check(walk->shape->element, walk->name, value, walk->arena);
}

static p11kms_err check(const shape_t *shape, const char *name, const json_t *value, arena_t *arena)
{
    walk_t walk = { .shape = shape, .name = name, .arena = arena };
    const char *problem = value != NULL ? shape_type_problem(shape, value, arena) : "null is left out";

    if (problem != NULL) {
        FAIL(P11KMS_E_VALIDATION, "%s: %s", name, problem);
    }
    if (shape->kind == SHAPE_STRUCTURE) {
        return check_structure(&walk, value);
    }
    if (shape->kind == SHAPE_MAP) {
        return json_each(value, check_entry, &walk);
    }
    for (size_t i = 0; shape->kind == SHAPE_LIST && i < json_length(value); i++) {
        TRY(check(shape->element, name, json_at(value, i), arena));
    }
    return P11KMS_OK;
}

p11kms_err shape_check_response(const shape_t *shape, const json_t *body, arena_t *arena)
{
    if (shape == NULL) {
        if (json_length(body) > 0) {
            FAIL(P11KMS_E_VALIDATION, "an operation without output answers something");
        }
        return P11KMS_OK;
    }
    return check(shape, shape->name, body, arena);
}
