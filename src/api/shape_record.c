#include "api/shape_value.h"

#include <stdio.h>
#include <time.h>

#define STRING_MAX 1024
#define NAME_SIZE 128 /* of a member, with the NUL; the longest in a model has some 50 */

/* Whatever an operation: bytes, and what the model calls sensitive, stand in no record. */
static bool is_secret(const shape_t *shape)
{
    return shape->sensitive || shape->kind == SHAPE_BLOB;
}

/* Something of it may stand in a record. */
static bool shows(const shape_t *shape, const json_t *value)
{
    if (value == NULL || is_secret(shape) || !shape_takes(shape, value)) {
        return false;
    }
    if (shape->kind == SHAPE_STRUCTURE) {
        const shape_member *member = shape->members;

        while (member->name != NULL && !shows(member->shape, json_get(value, member->name))) {
            member++;
        }
        return member->name != NULL;
    }
    return (shape->element == NULL || !is_secret(shape->element)) && (shape->key == NULL || !is_secret(shape->key));
}

static void write_value(const shape_t *shape, const json_t *value, jw_t *w);

static void write_structure(const shape_t *shape, const json_t *value, jw_t *w)
{
    char name[NAME_SIZE];

    jw_object(w);
    for (const shape_member *member = shape->members; member->name != NULL; member++) {
        const json_t *inside = json_get(value, member->name);

        if (shows(member->shape, inside)) {
            snprintf(name, sizeof(name), "%c%s", shape_first_letter(member->name), member->name + 1);
            jw_key(w, name);
            write_value(member->shape, inside, w);
        }
    }
    jw_end(w);
}

static void write_list(const shape_t *shape, const json_t *value, jw_t *w)
{
    jw_array(w);
    for (size_t i = 0; i < json_length(value); i++) {
        if (shows(shape->element, json_at(value, i))) {
            write_value(shape->element, json_at(value, i), w);
        }
    }
    jw_end(w);
}

typedef struct {
    const shape_t *shape;
    jw_t *w;
} map_walk_t;

static p11kms_err write_entry(void *arg, slice_t name, json_t *value)
{
    const map_walk_t *walk = arg;

    if (shows(walk->shape->element, value)) {
        jw_key_slice(walk->w, name); /* whole: cut ones might be equal */
        write_value(walk->shape->element, value, walk->w);
    }
    return P11KMS_OK;
}

static void write_map(const shape_t *shape, const json_t *value, jw_t *w)
{
    map_walk_t walk = { .shape = shape, .w = w };

    jw_object(w);
    if (json_each(value, write_entry, &walk) != P11KMS_OK) {
        abort(); /* write_entry() does not fail */
    }
    jw_end(w);
}

/* "Jan 2, 2026, 3:04:05 AM", in UTC */
static void write_date(time_t seconds, jw_t *w)
{
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm;
    char text[48];

    gmtime_r(&seconds, &tm);
    snprintf(text, sizeof(text), "%s %d, %d, %d:%02d:%02d %s", months[tm.tm_mon], tm.tm_mday,
             tm.tm_year + 1900, (tm.tm_hour + 11) % 12 + 1, tm.tm_min, tm.tm_sec,
             tm.tm_hour < 12 ? "AM" : "PM");
    jw_string(w, text);
}

/* Only what shows(). */
static void write_value(const shape_t *shape, const json_t *value, jw_t *w)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        write_structure(shape, value, w);
        break;
    case SHAPE_LIST:
        write_list(shape, value, w);
        break;
    case SHAPE_MAP:
        write_map(shape, value, w);
        break;
    case SHAPE_STRING:
        jw_string_slice(w, shape_cut(json_string(value), STRING_MAX));
        break;
    case SHAPE_INTEGER:
        jw_int(w, json_int(value));
        break;
    case SHAPE_BOOLEAN:
        jw_bool(w, json_bool(value));
        break;
    case SHAPE_TIMESTAMP:
        write_date((time_t)json_double(value), w);
        break;
    case SHAPE_BLOB:
        abort(); /* shows() never says yes */
    }
}

void shape_record(const shape_t *shape, const json_t *body, jw_t *w)
{
    _cleanup_buf_ buf_t text = { 0 };
    jw_t inner = jw_on(&text);

    if (shape != NULL && shows(shape, body)) {
        write_value(shape, body, &inner);
    }
    if (text.len == 0 || text.len > SHAPE_RECORD_MAX || buf_failed(&text)) {
        jw_null(w);
    } else {
        jw_raw(w, buf_slice(&text));
    }
}
