#include "api/shape_value.h"

#include "util/encode.h"

/* Integers above this have gaps in a double. */
#define DOUBLE_EXACT_MAX 9007199254740992.0

/* The end of the year 9999. */
#define EPOCH_SECONDS_MAX 253402300799.0

static const char *const kind_names[] = {
    [SHAPE_STRING] = "String",
    [SHAPE_INTEGER] = "Integer",
    [SHAPE_BOOLEAN] = "Boolean",
    [SHAPE_TIMESTAMP] = "Date",
};

static const char *token_name(const json_t *value)
{
    switch (json_kind_of(value)) {
    case JSON_BOOL:
        return json_bool(value) ? "TRUE_VALUE" : "FALSE_VALUE";
    case JSON_INT:
        return "NUMBER_VALUE";
    case JSON_DOUBLE:
        return "DECIMAL_VALUE";
    default:
        return "STRING_VALUE";
    }
}

/* What AWS's parser says of a value that @p shape does not take. */
static const char *wrong_kind(const shape_t *shape, const json_t *value, arena_t *arena)
{
    switch (json_kind_of(value)) {
    case JSON_OBJECT:
        return "Start of structure or map found where not expected";
    case JSON_ARRAY:
        return "Start of list found where not expected";
    default:
        break;
    }
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
    case SHAPE_LIST:
    case SHAPE_MAP:
        return "Unexpected field type";
    case SHAPE_BLOB:
        return "only base-64-encoded strings are convertible to bytes";
    default:
        return arena_printf(arena, "%s cannot be converted to %s", token_name(value),
                            kind_names[shape->kind]);
    }
}

/* As strict as base64_decode(), so that what passes here decodes later. */
static const char *base64_problem(slice_t text, arena_t *arena)
{
    size_t padding = 0;
    int last = 0;

    if (text.len % 4 != 0) {
        return arena_printf(arena, "Base64 encoded length is expected a multiple of 4 bytes but found: %zu",
                            text.len);
    }
    while (padding < 2 && padding < text.len && text.data[text.len - 1 - padding] == '=') {
        padding++;
    }
    for (size_t i = 0; i < text.len - padding; i++) {
        last = base64_value(text.data[i]);
        if (last < 0) {
            return "Invalid Base64 character detected";
        }
    }
    if ((last & ((1 << 2 * padding) - 1)) != 0) {
        return "Invalid last non-pad Base64 character detected";
    }
    return NULL;
}

static bool is_whole(double number)
{
    return number >= -DOUBLE_EXACT_MAX && number <= DOUBLE_EXACT_MAX && (double)(int64_t)number == number;
}

static bool is_date(double seconds)
{
    return seconds >= 0 && seconds <= EPOCH_SECONDS_MAX;
}

bool shape_takes(const shape_t *shape, const json_t *value)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
    case SHAPE_MAP:
        return json_kind_of(value) == JSON_OBJECT;
    case SHAPE_LIST:
        return json_kind_of(value) == JSON_ARRAY;
    case SHAPE_STRING:
    case SHAPE_BLOB:
        return json_kind_of(value) == JSON_STRING;
    case SHAPE_BOOLEAN:
        return json_kind_of(value) == JSON_BOOL;
    case SHAPE_INTEGER:
        return json_kind_of(value) == JSON_INT ||
               (json_kind_of(value) == JSON_DOUBLE && is_whole(json_double(value)));
    case SHAPE_TIMESTAMP:
        return (json_kind_of(value) == JSON_INT || json_kind_of(value) == JSON_DOUBLE) &&
               is_date(json_double(value));
    }
    return false;
}

const char *shape_type_problem(const shape_t *shape, const json_t *value, arena_t *arena)
{
    if (!shape_takes(shape, value)) {
        return wrong_kind(shape, value, arena);
    }
    return shape->kind == SHAPE_BLOB ? base64_problem(json_string(value), arena) : NULL;
}

slice_t shape_cut(slice_t text, size_t max)
{
    size_t len = text.len < max ? text.len : max;

    while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return SLICE(text.data, len);
}

char shape_first_letter(const char *name)
{
    return (char)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name);
}
