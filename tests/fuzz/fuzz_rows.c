/*
 * Stored rows are input like any other: whatever a database yields is refused, or fits its column's bounds
 * and is bound again as it was.
 *
 * Input: which statement (1 byte), then columns: their kind (1 byte), length (1 byte), and bytes.
 */
#include <stdio.h>

#include "store/rows.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

#define COLUMNS_MAX 32

struct query {
    db_value values[COLUMNS_MAX];
    buf_t texts[COLUMNS_MAX]; /* NUL-terminated, as a driver's texts are */
    size_t bound;
};

static db_value get_column(query_t *query, unsigned position)
{
    HOLDS(position < COLUMNS_MAX);
    return query->values[position];
}

/* What was read is what is written. */
static p11kms_err bind_column(query_t *query, unsigned position, db_value value)
{
    const db_value *read = &query->values[position];

    HOLDS(position < COLUMNS_MAX && value.kind == read->kind);
    HOLDS(value.kind == DB_INTEGER ? value.integer == read->integer : slice_eq(value.bytes, read->bytes));
    query->bound++;
    return P11KMS_OK;
}

static const driver_t driver = { .column = get_column, .bind = bind_column };

static void take_value(reader_t *r, query_t *query, unsigned position)
{
    db_value *value = &query->values[position];
    uint8_t kind = reader_u8(r);
    size_t len = reader_u8(r);
    slice_t bytes = reader_take(r, len < r->rest.len ? len : r->rest.len);
    reader_t number = reader_over(bytes);

    value->kind = (db_kind)(kind % 4);
    if (kind & 0x80) { /* long ones */
        for (int i = 0; i < 16 * (kind & 0x70); i++) {
            buf_put_slice(&query->texts[position], bytes);
        }
    }
    buf_put_slice(&query->texts[position], bytes);
    value->bytes = len == 0 && (kind & 0x40)
                       ? SLICE(NULL, 0)
                       : SLICE(buf_str(&query->texts[position]), query->texts[position].len);
    for (size_t i = 0; i < bytes.len && i < 8; i++) {
        value->integer = (int64_t)((uint64_t)value->integer << 8 | reader_u8(&number));
    }
    value->integer = bytes.len % 2 ? -value->integer : value->integer;
}

static void check_bounds(const statement_t *statement, const query_t *query)
{
    const shape_t *shape = statement->shape;

    for (unsigned i = 0; i < shape->changing + shape->key + shape->fixed; i++) {
        const column_t *column = &shape->columns[i];
        const db_value *value = &query->values[i];
        int64_t measure = value->kind == DB_INTEGER ? value->integer : (int64_t)value->bytes.len;

        HOLDS(measure >= column->min && measure <= column->max);
        HOLDS(column->type != COLUMN_TEXT ||
              (utf8_valid(value->bytes) && strlen((const char *)value->bytes.data) == value->bytes.len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    reader_t r = reader_over(SLICE(data, len));
    const statement_t *statement = &statements[reader_u8(&r) % STATEMENT_COUNT];
    _Alignas(16) uint8_t row[4096] = { 0 };
    query_t query = { .bound = 0 };

    if (statement->shape == NULL) {
        return 0;
    }
    unsigned columns = statement->shape->changing + statement->shape->key + statement->shape->fixed;
    HOLDS(columns <= COLUMNS_MAX);
    for (unsigned i = 0; i < columns; i++) {
        take_value(&r, &query, i);
    }
    p11kms_err err = row_read(&driver, &query, statement->shape, row);
    if (err == P11KMS_OK) {
        const statement_t all = { .sql = statement->sql, .shape = statement->shape, .binds = BINDS_ALL };

        check_bounds(statement, &query);
        HOLDS(row_bind(&driver, &query, &all, row) == P11KMS_OK && query.bound == columns);
    } else {
        HOLDS(err == P11KMS_E_STORE && utf8_valid(SLICE_STR(p11kms_err_detail(err))));
    }
    for (unsigned i = 0; i < columns; i++) {
        buf_free(&query.texts[i]);
    }
    return 0;
}
