#include "api/shape_value.h"

#include <inttypes.h>

#include "util/encode.h"

#define TOLD_MAX 32 /* errors */
#define SHOWN_VALUE_MAX 256

/* What p11kms_fail() keeps, without the count of errors in front. */
#define MESSAGE_MAX 980

/* Where in the body: a chain from the value up to the body itself. */
typedef struct place place_t;
struct place {
    const place_t *up;  /* NULL: the body itself */
    const char *member; /* of a structure, */
    slice_t key;        /* or of a map, */
    size_t index;       /* or of a list, from 1 */
};

typedef struct {
    arena_t *arena;
    unsigned found;
    const char *text;
} report_t;

/* ---- the constraints of one value ---- */

enum {
    BREAKS_MAX = 1 << 0,
    BREAKS_MIN = 1 << 1,
    BREAKS_PATTERN = 1 << 2,
    BREAKS_ENUM = 1 << 3,
    BREAKS_NULL = 1 << 4,
    BREAKS_NUL = 1 << 5,
};

static bool in_enum(const char *const *enums, slice_t text)
{
    for (; *enums != NULL; enums++) {
        if (slice_eq_str(text, *enums)) {
            return true;
        }
    }
    return false;
}

static unsigned broken_bounds(const shape_t *shape, int64_t size)
{
    return (shape->max != -1 && size > shape->max ? BREAKS_MAX : 0u) |
           (shape->min != -1 && size < shape->min ? BREAKS_MIN : 0u);
}

static unsigned broken_text(const shape_t *shape, slice_t text)
{
    bool bounded = shape->min >= 0 || shape->max >= 0;
    unsigned breaks = (bounded ? broken_bounds(shape, (int64_t)utf8_length(text)) : 0u) |
                      (shape->pattern != NULL && !shape_pattern_matches(shape->pattern, text) ? BREAKS_PATTERN : 0u) |
                      (shape->enums != NULL && !in_enum(shape->enums, text) ? BREAKS_ENUM : 0u);

    /* Texts are kept as C strings, which end there. */
    if (breaks == 0 && slice_has(text, '\0')) {
        return BREAKS_NUL;
    }
    return breaks;
}

/* Of the right type already. */
static unsigned broken(const shape_t *shape, const json_t *value)
{
    if (value == NULL) {
        return BREAKS_NULL;
    }
    switch (shape->kind) {
    case SHAPE_STRING:
        return broken_text(shape, json_string(value));
    case SHAPE_BLOB:
        return broken_bounds(shape, (int64_t)base64_decoded_len(json_string(value)));
    case SHAPE_INTEGER:
        return broken_bounds(shape, json_int(value));
    default:
        return broken_bounds(shape, (int64_t)json_length(value));
    }
}

static const char *enum_text(const shape_t *shape, arena_t *arena)
{
    const char *text = arena_printf(arena, "Member must satisfy enum value set: [%s", shape->enums[0]);

    for (const char *const *next = shape->enums + 1; *next != NULL; next++) {
        text = arena_printf(arena, "%s, %s", text, *next);
    }
    return arena_printf(arena, "%s]", text);
}

static const char *constraint_text(const shape_t *shape, unsigned constraint, arena_t *arena)
{
    const char *what = shape->kind == SHAPE_INTEGER ? "value" : "length";

    switch (constraint) {
    case BREAKS_MAX:
        return arena_printf(arena, "Member must have %s less than or equal to %" PRId64, what, shape->max);
    case BREAKS_MIN:
        return arena_printf(arena, "Member must have %s greater than or equal to %" PRId64, what, shape->min);
    case BREAKS_PATTERN:
        return arena_printf(arena, "Member must satisfy regular expression pattern: %s",
                            shape->pattern->text);
    case BREAKS_ENUM:
        return enum_text(shape, arena);
    case BREAKS_NUL:
        return "Member must not contain the character U+0000";
    default:
        return "Member must not be null";
    }
}

/* The constraints a shape has at all; what AWS lists when an element of a list or map breaks one of them. */
static unsigned constraints_of(const shape_t *shape)
{
    return (shape->max != -1 ? BREAKS_MAX : 0u) | (shape->min != -1 ? BREAKS_MIN : 0u) |
           (shape->pattern != NULL ? BREAKS_PATTERN : 0u) | (shape->enums != NULL ? BREAKS_ENUM : 0u);
}

static const char *all_constraints(const shape_t *shape, unsigned breaks, arena_t *arena)
{
    unsigned listed = constraints_of(shape) | (breaks & (BREAKS_NULL | BREAKS_NUL));
    const char *text = "";

    for (unsigned constraint = BREAKS_MAX; constraint <= BREAKS_NUL; constraint <<= 1) {
        if ((listed & constraint) != 0) {
            text = arena_printf(arena, "%s%s%s", text, *text != '\0' ? ", " : "",
                                constraint_text(shape, constraint, arena));
        }
    }
    return text;
}

/* ---- the message ---- */

/* A NUL would end the message. */
static const char *shown_string(slice_t text, arena_t *arena)
{
    slice_t cut = shape_cut(text, SHOWN_VALUE_MAX);
    char *shown = arena_strndup(arena, (const char *)cut.data, cut.len);

    for (size_t i = 0; i < cut.len; i++) {
        shown[i] = shown[i] == '\0' ? '?' : shown[i];
    }
    return shown;
}

/* "tags.1.member.tagKey", "map.KEY.member" */
static const char *path_text(const place_t *place, arena_t *arena)
{
    const char *above = place->up != NULL ? path_text(place->up, arena) : "";
    const char *dot = *above != '\0' ? "." : "";

    if (place->up == NULL) {
        return "";
    }
    if (place->index > 0) {
        return arena_printf(arena, "%s%s%zu.member", above, dot, place->index);
    }
    if (place->member == NULL) {
        return arena_printf(arena, "%s%s%s.member", above, dot, shown_string(place->key, arena));
    }
    return arena_printf(arena, "%s%s%c%s", above, dot, shape_first_letter(place->member), place->member + 1);
}

/* "[a, b]", as Java writes a list */
static const char *shown_list(const json_t *list, arena_t *arena)
{
    const char *text = "";

    for (size_t i = 0; i < json_length(list) && strlen(text) < SHOWN_VALUE_MAX; i++) {
        const json_t *element = json_at(list, i);

        text = arena_printf(arena, "%s%s%s", text, i > 0 ? ", " : "",
                            element != NULL ? shown_string(json_string(element), arena) : "null");
    }
    return arena_printf(arena, "[%s]", shown_string(SLICE_STR(text), arena));
}

static bool hidden(const shape_t *shape)
{
    return shape->sensitive || shape->kind == SHAPE_BLOB || shape->kind == SHAPE_STRUCTURE ||
           shape->kind == SHAPE_MAP || (shape->kind == SHAPE_LIST && hidden(shape->element));
}

/* " null", " 'V'", or nothing for what is not to be repeated. */
static const char *shown_value(const shape_t *shape, const json_t *value, arena_t *arena)
{
    if (value == NULL) {
        return " null";
    }
    if (hidden(shape)) {
        return "";
    }
    switch (shape->kind) {
    case SHAPE_STRING:
        return arena_printf(arena, " '%s'", shown_string(json_string(value), arena));
    case SHAPE_LIST:
        return arena_printf(arena, " '%s'", shown_list(value, arena));
    default:
        return arena_printf(arena, " '%" PRId64 "'", json_int(value));
    }
}

static void complain(report_t *report, const shape_t *shape, const json_t *value, const place_t *place,
                     const char *constraint)
{
    const char *sentence;

    if (report->found == TOLD_MAX) {
        return;
    }
    sentence = arena_printf(report->arena, "%sValue%s at '%s' failed to satisfy constraint: %s",
                            report->found > 0 ? "; " : "", shown_value(shape, value, report->arena),
                            path_text(place, report->arena), constraint);
    if (report->found == 0 || strlen(report->text) + strlen(sentence) <= MESSAGE_MAX) {
        report->text = arena_printf(report->arena, "%s%s", report->text, sentence);
    }
    report->found++;
}

/* Each constraint that a member breaks is an error of its own. */
static void complain_each(report_t *report, const shape_t *shape, const json_t *value, const place_t *place,
                          unsigned breaks)
{
    static const unsigned order[] = { BREAKS_NULL, BREAKS_PATTERN, BREAKS_ENUM, BREAKS_MAX, BREAKS_MIN, BREAKS_NUL };

    for (size_t i = 0; i < COUNT_OF(order); i++) {
        if ((breaks & order[i]) != 0) {
            complain(report, shape, value, place, constraint_text(shape, order[i], report->arena));
        }
    }
}

/* Of scalar elements AWS says in one sentence about the whole what every one of them must be. */
static void complain_of_elements(report_t *report, const shape_t *shape, const json_t *value,
                                 const place_t *place, const char *which, const shape_t *element,
                                 unsigned breaks)
{
    if (breaks != 0) {
        complain(report, shape, value, place,
                 arena_printf(report->arena, "%s must satisfy constraint: [%s]", which,
                              all_constraints(element, breaks, report->arena)));
    }
}

/* ---- the walk ---- */

static p11kms_err check_value(report_t *report, const shape_t *shape, const json_t *value,
                              const place_t *place);

static bool is_scalar(const shape_t *shape)
{
    return shape->kind != SHAPE_STRUCTURE && shape->kind != SHAPE_LIST && shape->kind != SHAPE_MAP;
}

static p11kms_err check_type(report_t *report, const shape_t *shape, const json_t *value)
{
    const char *problem = value != NULL ? shape_type_problem(shape, value, report->arena) : NULL;

    if (problem != NULL) {
        FAIL(P11KMS_E_WIRE_SERIALIZATION, "%s", problem);
    }
    return P11KMS_OK;
}

static p11kms_err check_members(report_t *report, const shape_t *shape, const json_t *value,
                                const place_t *place)
{
    for (const shape_member *member = shape->members; member->name != NULL; member++) {
        const json_t *inside = json_get(value, member->name);
        place_t at = { .up = place, .member = member->name };

        if (inside != NULL || member->required) {
            TRY(check_value(report, member->shape, inside, &at));
        }
    }
    return P11KMS_OK;
}

static p11kms_err check_list(report_t *report, const shape_t *shape, const json_t *value,
                             const place_t *place)
{
    unsigned breaks = 0;

    for (size_t i = 0; i < json_length(value); i++) {
        const json_t *inside = json_at(value, i);
        place_t at = { .up = place, .index = i + 1 };

        if (is_scalar(shape->element)) {
            TRY(check_type(report, shape->element, inside));
            breaks |= broken(shape->element, inside);
        } else {
            TRY(check_value(report, shape->element, inside, &at));
        }
    }
    complain_of_elements(report, shape, value, place, "Member", shape->element, breaks);
    return P11KMS_OK;
}

typedef struct {
    report_t *report;
    const shape_t *shape;
    const place_t *place;
    unsigned key_breaks, value_breaks;
} map_walk_t;

static p11kms_err check_entry(void *arg, slice_t name, json_t *value)
{
    map_walk_t *walk = arg;
    place_t at = { .up = walk->place, .key = name };

    walk->key_breaks |= broken_text(walk->shape->key, name);
    if (!is_scalar(walk->shape->element)) {
        return check_value(walk->report, walk->shape->element, value, &at);
    }
    TRY(check_type(walk->report, walk->shape->element, value));
    walk->value_breaks |= broken(walk->shape->element, value);
    return P11KMS_OK;
}

static p11kms_err check_map(report_t *report, const shape_t *shape, const json_t *value, const place_t *place)
{
    map_walk_t walk = { .report = report, .shape = shape, .place = place };

    TRY(json_each(value, check_entry, &walk));
    complain_of_elements(report, shape, value, place, "Map keys", shape->key, walk.key_breaks);
    complain_of_elements(report, shape, value, place, "Map value", shape->element, walk.value_breaks);
    return P11KMS_OK;
}

static p11kms_err check_value(report_t *report, const shape_t *shape, const json_t *value,
                              const place_t *place)
{
    TRY(check_type(report, shape, value));
    complain_each(report, shape, value, place, broken(shape, value));
    if (value == NULL) {
        return P11KMS_OK;
    }
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        return check_members(report, shape, value, place);
    case SHAPE_LIST:
        return check_list(report, shape, value, place);
    case SHAPE_MAP:
        return check_map(report, shape, value, place);
    default:
        return P11KMS_OK;
    }
}

p11kms_err shape_check(const shape_t *shape, const json_t *body, arena_t *arena)
{
    report_t report = { .arena = arena, .text = "" };
    place_t top = { 0 };

    if (shape == NULL) {
        return P11KMS_OK;
    }
    TRY(check_type(&report, shape, body));
    TRY(check_members(&report, shape, body, &top));
    if (report.found > 0) {
        FAIL(P11KMS_E_VALIDATION, "%u validation error%s detected: %s", report.found,
             report.found == 1 ? "" : "s", report.text);
    }
    return P11KMS_OK;
}

static bool is_known(const void *arg, slice_t name)
{
    const shape_t *shape = arg;

    for (const shape_member *member = shape ? shape->members : NULL; member && member->name != NULL; member++) {
        if (slice_eq_str(name, member->name)) {
            return true;
        }
    }
    return false;
}

void shape_keep_known(const shape_t *shape, json_t *body)
{
    json_keep(body, is_known, shape);
}
