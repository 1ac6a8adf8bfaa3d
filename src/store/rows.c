#include "store/rows.h"

#include "util/encode.h"

#define KEY_SHOWN 64 /* bytes of a key column in a message */

static bool sound_text(slice_t text)
{
    return memchr(text.data, '\0', text.len) == NULL && utf8_valid(text);
}

/** NULL when @p value is what @p column holds, else what is wrong with it. */
static const char *fault_of(const column_t *column, const db_value *value)
{
    int64_t measure;

    switch (column->type) {
    case COLUMN_TEXT:
        if (value->kind != DB_TEXT || value->bytes.data == NULL) {
            return "is not text";
        }
        measure = (int64_t)value->bytes.len;
        break;
    case COLUMN_BYTES:
    case COLUMN_ID:
        if (value->kind != DB_BLOB) {
            return "is not bytes";
        }
        measure = (int64_t)value->bytes.len;
        break;
    default:
        if (value->kind != DB_INTEGER) {
            return "is not a number";
        }
        measure = value->integer;
        break;
    }
    if (measure < column->min || measure > column->max) {
        return "is out of bounds";
    }
    if (column->type == COLUMN_TEXT && !sound_text(value->bytes)) {
        return "is not valid UTF-8";
    }
    return NULL;
}

static db_value member_value(const column_t *column, const void *row)
{
    const void *member = (const char *)row + column->offset;
    const char *text;

    switch (column->type) {
    case COLUMN_TEXT:
        text = *(const char *const *)member;
        return (db_value){ .kind = DB_TEXT, .bytes = SLICE(text, text != NULL ? strlen(text) : 0) };
    case COLUMN_BYTES:
        return (db_value){ .kind = DB_BLOB, .bytes = *(const slice_t *)member };
    case COLUMN_ID:
        return (db_value){ .kind = DB_BLOB, .bytes = SLICE(member, STORE_ID) };
    case COLUMN_INT64:
        return (db_value){ .kind = DB_INTEGER, .integer = *(const int64_t *)member };
    case COLUMN_INT:
        return (db_value){ .kind = DB_INTEGER, .integer = *(const int *)member };
    case COLUMN_UNSIGNED:
        return (db_value){ .kind = DB_INTEGER, .integer = *(const unsigned *)member };
    case COLUMN_BOOL:
        return (db_value){ .kind = DB_INTEGER, .integer = *(const bool *)member };
    }
    return (db_value){ .kind = DB_OTHER };
}

/** @p value has passed fault_of(). */
static void set_member(const column_t *column, const db_value *value, void *row)
{
    void *member = (char *)row + column->offset;

    switch (column->type) {
    case COLUMN_TEXT: /* the driver ends text with a NUL */
        *(const char **)member = (const char *)value->bytes.data;
        break;
    case COLUMN_BYTES:
        *(slice_t *)member = value->bytes;
        break;
    case COLUMN_ID:
        memcpy(member, value->bytes.data, STORE_ID);
        break;
    case COLUMN_INT64:
        *(int64_t *)member = value->integer;
        break;
    case COLUMN_INT:
        *(int *)member = (int)value->integer;
        break;
    case COLUMN_UNSIGNED:
        *(unsigned *)member = (unsigned)value->integer;
        break;
    case COLUMN_BOOL:
        *(bool *)member = value->integer != 0;
        break;
    }
}

static void bound_columns(const statement_t *statement, unsigned *first, unsigned *end)
{
    const shape_t *shape = statement->shape;
    unsigned key_end = shape->changing + shape->key;

    *first = statement->binds == BINDS_KEY ? shape->changing : 0;
    *end = statement->binds == BINDS_ALL ? key_end + shape->fixed : key_end;
    if (statement->binds == BINDS_NOTHING) {
        *end = 0;
    }
}

p11kms_err row_bind(const driver_t *driver, query_t *query, const statement_t *statement, const void *row)
{
    unsigned first;
    unsigned end;

    bound_columns(statement, &first, &end);
    for (unsigned i = first; i < end; i++) {
        const column_t *column = &statement->shape->columns[i];
        db_value value = member_value(column, row);
        const char *fault = fault_of(column, &value);

        if (fault != NULL) {
            FAIL(P11KMS_E_RANGE, "store: %s.%s %s", statement->shape->table, column->name, fault);
        }
        TRY(driver->bind(query, i - first, value));
    }
    return P11KMS_OK;
}

static void show_key_column(buf_t *out, const column_t *column, const db_value *value)
{
    size_t shown = value->bytes.len < KEY_SHOWN ? value->bytes.len : KEY_SHOWN;

    buf_printf(out, " %s=", column->name);
    if (value->kind == DB_INTEGER) {
        buf_printf(out, "%lld", (long long)value->integer);
    } else if (value->kind == DB_BLOB) {
        for (size_t i = 0; i < shown; i++) {
            buf_printf(out, "%02x", value->bytes.data[i]);
        }
    } else {
        for (size_t i = 0; i < shown; i++) {
            uint8_t c = value->bytes.data[i];

            buf_put_char(out, c >= 0x20 && c < 0x7f ? (char)c : '?');
        }
    }
}

static p11kms_err fail_damaged(const driver_t *driver, query_t *query, const shape_t *shape,
                               const column_t *column, const char *fault)
{
    _cleanup_buf_ buf_t key = { 0 };

    for (unsigned i = shape->changing; i < shape->changing + shape->key; i++) {
        db_value value = driver->column(query, i);

        show_key_column(&key, &shape->columns[i], &value);
    }
    FAIL(P11KMS_E_STORE, "store: damaged row in %s:%s: column %s %s; restore a backup", shape->table,
         buf_str(&key), column->name, fault);
}

p11kms_err row_read(const driver_t *driver, query_t *query, const shape_t *shape, void *row)
{
    for (unsigned i = 0; i < shape->changing + shape->key + shape->fixed; i++) {
        const column_t *column = &shape->columns[i];
        db_value value = driver->column(query, i);
        const char *fault = fault_of(column, &value);

        if (fault != NULL) {
            return fail_damaged(driver, query, shape, column, fault);
        }
        set_member(column, &value, row);
    }
    return P11KMS_OK;
}
