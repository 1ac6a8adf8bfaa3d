#include "api/query.h"

#include <stdio.h>
#include <string.h>

#include "util/encode.h"

#define NAME_MAX_LEN 256

/* ---- the form ---- */

static p11kms_err decode(slice_t text, arena_t *arena, slice_t *ret)
{
    uint8_t *plain = arena_alloc(arena, text.len + 1);
    buf_t decoded = { 0 };

    for (size_t i = 0; i < text.len; i++) {
        plain[i] = text.data[i] == '+' ? ' ' : text.data[i];
    }
    p11kms_err err = percent_decode(&decoded, SLICE(plain, text.len));
    if (err == P11KMS_OK && !utf8_valid(buf_slice(&decoded))) {
        err = P11KMS_E_SYNTAX;
    }
    if (err == P11KMS_OK) {
        *ret = arena_dup(arena, buf_slice(&decoded));
    }
    buf_free(&decoded);
    return err == P11KMS_OK ? P11KMS_OK : p11kms_fail(P11KMS_E_WIRE_SERIALIZATION, "A parameter is malformed");
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(((const query_pair *)a)->name, ((const query_pair *)b)->name);
}

static p11kms_err check_unique(const query_t *query)
{
    for (size_t i = 1; i < query->n; i++) {
        if (slice_eq(query->pairs[i].name, query->pairs[i - 1].name)) {
            FAIL(P11KMS_E_WIRE_SERIALIZATION, "A parameter is given twice");
        }
    }
    return P11KMS_OK;
}

p11kms_err query_parse(slice_t form, arena_t *arena, query_t *ret)
{
    ret->n = 0;
    ret->pairs = arena_alloc(arena, QUERY_PAIRS_MAX * sizeof(*ret->pairs));
    while (form.len) {
        slice_t value = slice_part(&form, '&');

        if (value.len == 0) {
            continue;
        }
        if (ret->n == QUERY_PAIRS_MAX) {
            FAIL(P11KMS_E_WIRE_SERIALIZATION, "There are more than %d parameters", QUERY_PAIRS_MAX);
        }
        slice_t name = slice_part(&value, '=');
        query_pair *pair = &ret->pairs[ret->n++];
        TRY(decode(name, arena, &pair->name));
        TRY(decode(value, arena, &pair->value));
    }
    if (ret->n > 1) {
        qsort(ret->pairs, ret->n, sizeof(*ret->pairs), by_name);
    }
    return check_unique(ret);
}

static const query_pair *find(const query_t *query, slice_t name)
{
    const query_pair wanted = { .name = name };

    return query->n ? bsearch(&wanted, query->pairs, query->n, sizeof(*query->pairs), by_name) : NULL;
}

slice_t query_get(const query_t *query, const char *name)
{
    const query_pair *pair = find(query, SLICE_STR(name));

    return pair ? pair->value : SLICE(NULL, 0);
}

/* ---- form to JSON ---- */

typedef struct {
    const query_t *query;
    jw_t w;
    char name[NAME_MAX_LEN]; /* of the value at hand: "Tags.member.1.Key" */
    size_t len;
} converting_t;

static bool push(converting_t *c, const char *part)
{
    size_t part_len = strlen(part);
    size_t dot = c->len ? 1 : 0;

    if (c->len + dot + part_len >= sizeof(c->name)) {
        return false;
    }
    if (dot) {
        c->name[c->len++] = '.';
    }
    memcpy(c->name + c->len, part, part_len);
    c->len += part_len;
    return true;
}

/* Something is called as the value at hand, or begins with its name and a dot. */
static bool present(const converting_t *c)
{
    slice_t name = SLICE(c->name, c->len);

    for (size_t i = 0; i < c->query->n; i++) {
        slice_t at = c->query->pairs[i].name;
        bool begins = at.len >= name.len && memcmp(at.data, name.data, name.len) == 0;
        if (begins && (at.len == name.len || at.data[name.len] == '.')) {
            return true;
        }
    }
    return false;
}

static void convert(converting_t *c, const shape_t *shape);

static void convert_structure(converting_t *c, const shape_t *shape)
{
    size_t len = c->len;

    jw_object(&c->w);
    for (const shape_member *member = shape->members; member->name; member++) {
        if (push(c, member->name) && present(c)) {
            jw_key(&c->w, member->name);
            convert(c, member->shape);
        }
        c->len = len;
    }
    jw_end(&c->w);
}

static void convert_list(converting_t *c, const shape_t *shape)
{
    size_t len = c->len;
    bool more = true;

    jw_array(&c->w);
    for (unsigned i = 1; more && i <= QUERY_PAIRS_MAX; i++) {
        char number[16];

        snprintf(number, sizeof(number), "%u", i);
        more = push(c, "member") && push(c, number) && present(c);
        if (more) {
            convert(c, shape->element);
        }
        c->len = len;
    }
    jw_end(&c->w);
}

static bool is_number(slice_t text)
{
    size_t i = text.len > 1 && text.data[0] == '-';
    bool digits = text.len > i && text.len <= 18 && (text.data[i] != '0' || text.len == i + 1);

    for (; i < text.len; i++) {
        digits = digits && text.data[i] >= '0' && text.data[i] <= '9';
    }
    return digits;
}

static void convert_scalar(converting_t *c, const shape_t *shape)
{
    const query_pair *pair = find(c->query, SLICE(c->name, c->len));
    slice_t value = pair ? pair->value : SLICE("", 0);
    bool raw = (shape->kind == SHAPE_INTEGER && is_number(value)) ||
               (shape->kind == SHAPE_BOOLEAN && (slice_eq_str(value, "true") || slice_eq_str(value, "false")));

    if (raw) {
        jw_raw(&c->w, value);
    } else {
        jw_string_slice(&c->w, value);
    }
}

static void convert(converting_t *c, const shape_t *shape)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        convert_structure(c, shape);
        break;
    case SHAPE_LIST:
        convert_list(c, shape);
        break;
    default:
        convert_scalar(c, shape);
        break;
    }
}

void query_to_json(const query_t *query, const shape_t *shape, buf_t *json)
{
    converting_t c = { .query = query, .w = jw_on(json) };

    convert(&c, shape);
}
