/* Any JSON, as the body of every operation: json_parse(), shape_check(), shape_record(). */
#include "api/shape.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

/* Whatever passes can be read by a handler without another look. */
static void expect_usable(const shape_t *shape, const json_t *value);

static p11kms_err expect_entry(void *arg, slice_t name, json_t *value)
{
    const shape_t *shape = arg;

    (void)name;
    expect_usable(shape->element, value);
    return P11KMS_OK;
}

static void expect_usable(const shape_t *shape, const json_t *value)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    HOLDS(value != NULL);
    if (shape->kind == SHAPE_STRUCTURE) {
        for (const shape_member *member = shape->members; member->name != NULL; member++) {
            if (member->required || json_get(value, member->name) != NULL) {
                expect_usable(member->shape, json_get(value, member->name));
            }
        }
    } else if (shape->kind == SHAPE_LIST) {
        for (size_t i = 0; i < json_length(value); i++) {
            expect_usable(shape->element, json_at(value, i));
        }
    } else if (shape->kind == SHAPE_MAP) {
        HOLDS(json_each(value, expect_entry, (void *)(uintptr_t)shape) == P11KMS_OK);
    } else if (shape->kind == SHAPE_BLOB) {
        HOLDS(base64_decode(&bytes, json_string(value)) == P11KMS_OK);
    } else if (shape->kind == SHAPE_STRING) {
        HOLDS(json_kind_of(value) == JSON_STRING);
    }
}

static void expect_told(p11kms_err err)
{
    const char *detail = p11kms_err_detail(err);

    HOLDS(err == P11KMS_E_VALIDATION || err == P11KMS_E_WIRE_SERIALIZATION);
    HOLDS(err != P11KMS_E_VALIDATION || (detail[0] >= '1' && detail[0] <= '9'));
    HOLDS(*detail != '\0');
    HOLDS(utf8_valid(SLICE_STR(detail)));
}

static void expect_record(const shape_t *shape, const json_t *body)
{
    _cleanup_buf_ buf_t record = { 0 };
    _cleanup_json_ json_t *again = NULL;
    jw_t w = jw_on(&record);

    shape_record(shape, body, &w);
    HOLDS(record.len <= SHAPE_RECORD_MAX);
    HOLDS(json_parse(buf_slice(&record), &again) == P11KMS_OK);
}

static void try_operations(const shape_operation *operations, const json_t *body, arena_t *arena)
{
    for (const shape_operation *operation = operations; operation->name != NULL; operation++) {
        p11kms_err err = shape_check(operation->input, body, arena);

        if (err != P11KMS_OK) {
            expect_told(err);
        } else if (operation->input != NULL && body != NULL) {
            expect_usable(operation->input, body);
        }
        expect_record(operation->input, body);
        arena_reset(arena);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static arena_t *arena;
    _cleanup_json_ json_t *body = NULL;

    if (arena == NULL) {
        arena = arena_new(4096);
    }
    if (json_parse(SLICE(data, size), &body) != P11KMS_OK) {
        return 0;
    }
    try_operations(shape_kms_operations, body, arena);
    try_operations(shape_p11kms_operations, body, arena);
    return 0;
}
