/*
 * What the store asks of a database, so that a second one can serve beneath the
 * same statements. Parameters are `?`, counted from 0 here; values are integers,
 * text and bytes; the SQL of the statement table and the migrations is standard
 * (a driver may map the type names TEXT, BLOB, INTEGER).
 */
#pragma once

#include "util/bytes.h"

typedef struct db db_t;
typedef struct query query_t;

typedef enum { DB_INTEGER, DB_TEXT, DB_BLOB, DB_OTHER } db_kind;

/** Bytes of a column are valid until the query's next step or reset. */
typedef struct {
    db_kind kind;
    int64_t integer;
    slice_t bytes;
} db_value;

typedef enum { DB_WRITE, DB_READ } db_mode;

typedef struct {
    /**
     * DB_WRITE makes the database where there is none. Checks that it is sound and ours.
     * @retval P11KMS_E_NOT_FOUND  DB_READ, and there is none.
     * @retval P11KMS_E_STORE      Damaged, somebody else's, locked, not accessible.
     */
    p11kms_err (*open)(const char *path, db_mode mode, db_t **ret);
    void (*close)(db_t *db); /* after its queries */

    /** The schema's version; 0 in a new database. */
    p11kms_err (*version)(db_t *db, unsigned *ret);
    /** Within the caller's transaction. Marks the database as ours. */
    p11kms_err (*set_version)(db_t *db, unsigned version);
    /** Several statements that take and yield nothing. */
    p11kms_err (*script)(db_t *db, const char *sql);

    /** Takes the right to write at once, waiting a bounded time for another writer. */
    p11kms_err (*begin)(db_t *db);
    /** On disk when it returns OK; nothing happened and no transaction is open when it does not. */
    p11kms_err (*commit)(db_t *db);
    void (*rollback)(db_t *db);
    /** false also after the database gave a transaction up by itself. */
    bool (*in_transaction)(const db_t *db);

    /** A copy of the whole into a new file. @retval P11KMS_E_EXISTS */
    p11kms_err (*backup)(db_t *db, const char *to_path);

    p11kms_err (*prepare)(db_t *db, const char *sql, query_t **ret);
    void (*finalize)(query_t *query);
    /** Bytes are borrowed until reset. */
    p11kms_err (*bind)(query_t *query, unsigned position, db_value value);
    /**
     * @param[out] ret_row  A row is there to be read; false at the end.
     * @retval P11KMS_E_EXISTS     A unique value is taken.
     * @retval P11KMS_E_NOT_FOUND  A referenced row is missing.
     * @retval P11KMS_E_STORE, P11KMS_E_NOMEM
     */
    p11kms_err (*step)(query_t *query, bool *ret_row);
    db_value (*column)(query_t *query, unsigned position);
    /** Rows the last finished INSERT, UPDATE or DELETE touched. */
    uint64_t (*changed)(const query_t *query);
    /** Ready for new values; forgets the old ones. */
    void (*reset)(query_t *query);
} driver_t;

extern const driver_t driver_sqlite;
