/* Every statement of the store, and the shape of every row. */
#pragma once

#include <stddef.h>

#include "store/store.h"

typedef enum {
    COLUMN_TEXT,     /* const char * */
    COLUMN_BYTES,    /* slice_t */
    COLUMN_ID,       /* uint8_t[STORE_ID] */
    COLUMN_INT64,    /* int64_t */
    COLUMN_INT,      /* int */
    COLUMN_UNSIGNED, /* unsigned */
    COLUMN_BOOL,     /* bool */
} column_type;

typedef struct {
    const char *name;
    column_type type;
    size_t offset; /* of the member in the row's struct */
    int64_t min;   /* of the length in bytes, or of the number */
    int64_t max;
} column_t;

/** Columns in three parts: those an update changes, the row's key, those that stay. */
typedef struct {
    const char *table;
    const column_t *columns;
    unsigned changing;
    unsigned key;
    unsigned fixed;
} shape_t;

typedef enum {
    BINDS_NOTHING,
    BINDS_ALL,    /* changing, key, fixed */
    BINDS_CHANGE, /* changing, key */
    BINDS_KEY,
} binds_t;

/** A SELECT yields all columns of the shape, in its order. */
typedef struct {
    const char *sql;
    const shape_t *shape;
    binds_t binds;
} statement_t;

typedef enum {
    META_GET,
    META_PUT,
    KEY_INSERT,
    KEY_UPDATE,
    KEY_DELETE,
    KEY_ALL,
    MATERIAL_INSERT,
    MATERIAL_UPDATE,
    MATERIAL_DELETE,
    MATERIAL_ALL,
    CUSTOM_INSERT,
    CUSTOM_UPDATE,
    CUSTOM_DELETE,
    CUSTOM_ALL,
    INTENT_PUT,
    INTENT_DELETE,
    INTENT_ALL,
    WRAPPING_INSERT,
    WRAPPING_DELETE,
    WRAPPING_ALL,
    ALIAS_INSERT,
    ALIAS_UPDATE,
    ALIAS_DELETE,
    ALIAS_ALL,
    TAG_PUT,
    TAG_DELETE,
    TAG_ALL,
    GRANT_INSERT,
    GRANT_DELETE,
    GRANT_ALL,
    KEY_USAGE_PUT,
    KEY_USAGE_GET,
    ACCESS_KEY_INSERT,
    ACCESS_KEY_SET_ACTIVE,
    ACCESS_KEY_USED,
    ACCESS_KEY_DELETE,
    ACCESS_KEY_ALL,
    REVOCATION_PUT,
    REVOCATION_ALL,
    OUTBOX_PUT,
    OUTBOX_DELETE,
    OUTBOX_ALL,
    STATEMENT_COUNT
} statement_id;

extern const statement_t statements[STATEMENT_COUNT];

/* Rows that store.h hands over as arguments. */
typedef struct {
    const char *name;
    slice_t value;
} meta_row;

typedef struct {
    const char *event_id;
    slice_t record;
} outbox_row;
