/*
 * STS's query protocol: any form is refused, or becomes JSON that is checked as a body is; and any answer
 * becomes XML that is well formed and says no more than its texts.
 *
 * Input: which operation (1 byte), then the form; and the same bytes as a text within an answer and a fault.
 */
#include "api/query.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

/* ---- forms ---- */

static void check_pairs(const query_t *query)
{
    HOLDS(query->n <= QUERY_PAIRS_MAX);
    for (size_t i = 0; i < query->n; i++) {
        HOLDS(utf8_valid(query->pairs[i].name) && utf8_valid(query->pairs[i].value));
        HOLDS(i == 0 || slice_cmp(query->pairs[i - 1].name, query->pairs[i].name) < 0);
    }
}

/* Written as a form again and read: the same pairs. */
static void check_again(const query_t *query, arena_t *arena)
{
    _cleanup_buf_ buf_t form = { 0 };
    query_t again;

    for (size_t i = 0; i < query->n; i++) {
        buf_put_char(&form, '&');
        percent_encode(&form, query->pairs[i].name, false);
        buf_put_char(&form, '=');
        percent_encode(&form, query->pairs[i].value, false);
    }
    HOLDS(query_parse(buf_slice(&form), arena, &again) == P11KMS_OK && again.n == query->n);
    for (size_t i = 0; i < query->n; i++) {
        HOLDS(slice_eq(again.pairs[i].name, query->pairs[i].name));
        HOLDS(slice_eq(again.pairs[i].value, query->pairs[i].value));
    }
}

/* What a string member says is what the form's parameter of that name says. */
static void check_members(const query_t *query, const shape_t *shape, const json_t *body)
{
    for (const shape_member *member = shape->members; member->name; member++) {
        slice_t value = query_get(query, member->name);

        if (value.data != NULL && member->shape->kind == SHAPE_STRING) {
            HOLDS(slice_eq(json_string(json_get(body, member->name)), value));
        }
    }
}

static void check_form(slice_t form, const shape_operation *operation, arena_t *arena)
{
    _cleanup_buf_ buf_t json = { 0 };
    _cleanup_json_ json_t *body = NULL;
    query_t query;

    if (query_parse(form, arena, &query) != P11KMS_OK) {
        return;
    }
    check_pairs(&query);
    check_again(&query, arena);
    if (operation->input == NULL) {
        return;
    }
    query_to_json(&query, operation->input, &json);
    p11kms_err err = json_parse(buf_slice(&json), &body);
    HOLDS(err == P11KMS_OK);
    check_members(&query, operation->input, body);
    err = shape_check(operation->input, body, arena);
    HOLDS(err == P11KMS_OK || err == P11KMS_E_VALIDATION || err == P11KMS_E_WIRE_SERIALIZATION);
}

/* ---- XML ---- */

static bool is_entity(slice_t at)
{
    return slice_has_prefix(at, "&lt;") || slice_has_prefix(at, "&gt;") || slice_has_prefix(at, "&amp;") ||
           slice_has_prefix(at, "&quot;");
}

/* Tags close in order, "&" begins one of four entities, and all is characters that XML 1.0 has. */
static void check_xml(slice_t xml)
{
    slice_t open[16];
    size_t depth = 0;

    HOLDS(utf8_valid(xml) && xml.len > 0 && xml.data[0] == '<');
    for (size_t i = 0; i < xml.len; i++) {
        slice_t at = SLICE(xml.data + i, xml.len - i);

        HOLDS(xml.data[i] >= 0x20 || xml.data[i] == '\t' || xml.data[i] == '\n');
        HOLDS(!slice_has_prefix(at, "\xef\xbf\xbe") && !slice_has_prefix(at, "\xef\xbf\xbf"));
        HOLDS(xml.data[i] != '&' || is_entity(at));
        if (xml.data[i] != '<') {
            continue;
        }
        const uint8_t *end = memchr(at.data, '>', at.len);
        HOLDS(end != NULL);
        if (at.data[1] == '/') {
            HOLDS(depth > 0 && slice_eq(open[--depth], SLICE(at.data + 2, (size_t)(end - at.data) - 2)));
        } else {
            const uint8_t *space = memchr(at.data, ' ', (size_t)(end - at.data));

            HOLDS(depth < COUNT_OF(open));
            open[depth++] = SLICE(at.data + 1, (size_t)((space ? space : end) - at.data) - 1);
        }
    }
    HOLDS(depth == 0);
}

static const shape_t text_shape = { .name = "Text", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_t texts_shape = {
    .name = "Texts", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &text_shape
};
static const shape_member members[] = { { "Text", &text_shape, false },
                                        { "Texts", &texts_shape, false },
                                        { NULL, NULL, false } };
static const shape_t answer_shape = { .name = "Answer", .kind = SHAPE_STRUCTURE, .members = members };

static void check_answers(slice_t bytes)
{
    _cleanup_buf_ buf_t json = { 0 }, message = { 0 }, xml = { 0 };
    _cleanup_json_ json_t *body = NULL;
    jw_t w = jw_on(&json);

    jw_object(&w);
    jw_key(&w, "Text");
    jw_string_slice(&w, bytes);
    jw_key(&w, "Texts");
    jw_array(&w);
    jw_string_slice(&w, bytes);
    jw_end(&w);
    jw_end(&w);
    HOLDS(json_parse(buf_slice(&json), &body) == P11KMS_OK);
    query_answer("Fuzz", &answer_shape, body, "id", &xml);
    check_xml(buf_slice(&xml));
    buf_clear(&xml);
    buf_put_slice(&message, bytes);
    query_fault("Code", buf_str(&message), 400, "id", &xml);
    check_xml(buf_slice(&xml));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static arena_t *arena;
    size_t n = 0;

    if (arena == NULL) {
        arena = arena_new(65536);
    }
    if (len == 0) {
        return 0;
    }
    while (shape_sts_operations[n].name != NULL) {
        n++;
    }
    check_form(SLICE(data + 1, len - 1), &shape_sts_operations[data[0] % n], arena);
    arena_reset(arena);
    check_answers(SLICE(data + 1, len - 1));
    return 0;
}
