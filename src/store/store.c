/* Opening, transactions, and the statements of an open store. */
#include "store/store.h"

#include "store/migrations.h"
#include "store/rows.h"
#include "store/session.h"
#include "util/clock.h"

#define CHECK_NAME "store.checked" /* meta: when store_check() last wrote */

typedef struct {
    query_t *query; /* NULL until first used */
    bool taken;     /* rows are being read from it */
} prepared_t;

struct store {
    const driver_t *driver;
    db_t *db;
    bool in_transaction;
    prepared_t prepared[STATEMENT_COUNT];
};

unsigned store_schema_version(void)
{
    return migrations.count;
}

p11kms_err store_open_with(const char *path, db_mode mode, const migrations_t *list, store_t **ret)
{
    _cleanup_(store) store_t *store = calloc(1, sizeof(*store));

    ENSURE(store != NULL, P11KMS_E_NOMEM);
    store->driver = &driver_sqlite;
    TRY(store->driver->open(path, mode, &store->db));
    if (mode == DB_WRITE) {
        TRY(migrations_run(store->driver, store->db, list));
    } else {
        TRY(migrations_check(store->driver, store->db, list));
    }
    *ret = STEAL(store);
    return P11KMS_OK;
}

p11kms_err store_open(const char *path, store_t **ret)
{
    return store_open_with(path, DB_WRITE, &migrations, ret);
}

p11kms_err store_open_readonly(const char *path, store_t **ret)
{
    return store_open_with(path, DB_READ, &migrations, ret);
}

void store_close(store_t *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        if (store->prepared[i].query != NULL) {
            store->driver->finalize(store->prepared[i].query);
        }
    }
    if (store->db != NULL) {
        store->driver->close(store->db); /* an open transaction is rolled back */
    }
    free(store);
}

p11kms_err store_begin(store_t *store)
{
    if (store->in_transaction) {
        FAIL(P11KMS_E_INTERNAL, "store: transactions do not nest");
    }
    TRY(store->driver->begin(store->db));
    store->in_transaction = true;
    return P11KMS_OK;
}

/*
 * The database gives a transaction up by itself on some failures (disk full, I/O
 * error). What the caller still writes then must not be committed on its own.
 */
static p11kms_err ensure_not_given_up(const store_t *store)
{
    if (store->in_transaction && !store->driver->in_transaction(store->db)) {
        FAIL(P11KMS_E_STORE, "store: the transaction was rolled back after a failure");
    }
    return P11KMS_OK;
}

p11kms_err store_commit(store_t *store)
{
    p11kms_err err;

    if (!store->in_transaction) {
        FAIL(P11KMS_E_INTERNAL, "store: commit without a transaction");
    }
    err = ensure_not_given_up(store);
    if (err == P11KMS_OK) {
        err = store->driver->commit(store->db);
    }
    store->in_transaction = false;
    return err;
}

void store_rollback(store_t *store)
{
    store->driver->rollback(store->db);
    store->in_transaction = false;
}

p11kms_err store_backup(store_t *store, const char *to_path)
{
    if (store->in_transaction) {
        FAIL(P11KMS_E_INTERNAL, "store: no backup within a transaction");
    }
    return store->driver->backup(store->db, to_path);
}

/* BEGIN and COMMIT alone write nothing, and so would not notice a full disk. */
p11kms_err store_check(store_t *store)
{
    int64_t now = clock_wall_ms();
    p11kms_err err;

    TRY(store_begin(store));
    err = store_meta_put(store, CHECK_NAME, SLICE(&now, sizeof(now)));
    if (err != P11KMS_OK) {
        store_rollback(store);
        return err;
    }
    return store_commit(store);
}

static p11kms_err take(store_t *store, statement_id id)
{
    prepared_t *prepared = &store->prepared[id];

    if (prepared->taken) {
        FAIL(P11KMS_E_INTERNAL, "store: a callback reads the rows it is called from");
    }
    if (prepared->query == NULL) {
        TRY(store->driver->prepare(store->db, statements[id].sql, &prepared->query));
    }
    prepared->taken = true;
    return P11KMS_OK;
}

void session_end(store_t *store, statement_id id)
{
    store->driver->reset(store->prepared[id].query);
    store->prepared[id].taken = false;
}

p11kms_err session_select(store_t *store, statement_id id, const void *bound)
{
    p11kms_err err;

    TRY(take(store, id));
    err = row_bind(store->driver, store->prepared[id].query, &statements[id], bound);
    if (err != P11KMS_OK) {
        session_end(store, id);
    }
    return err;
}

p11kms_err session_next(store_t *store, statement_id id, void *row, bool *ret_row)
{
    query_t *query = store->prepared[id].query;

    TRY(store->driver->step(query, ret_row));
    return *ret_row ? row_read(store->driver, query, statements[id].shape, row) : P11KMS_OK;
}

static p11kms_err run_write(store_t *store, statement_id id, const void *row, uint64_t *ret_changed)
{
    query_t *query = store->prepared[id].query;
    bool more;

    TRY(row_bind(store->driver, query, &statements[id], row));
    TRY(store->driver->step(query, &more));
    if (ret_changed != NULL) {
        *ret_changed = store->driver->changed(query);
    }
    return P11KMS_OK;
}

p11kms_err session_write(store_t *store, statement_id id, const void *row, uint64_t *ret_changed)
{
    p11kms_err err;

    TRY(ensure_not_given_up(store));
    TRY(take(store, id));
    err = run_write(store, id, row, ret_changed);
    session_end(store, id);
    return err;
}

p11kms_err session_change(store_t *store, statement_id id, const void *row)
{
    uint64_t changed;

    TRY(session_write(store, id, row, &changed));
    if (changed == 0) {
        FAIL(P11KMS_E_NOT_FOUND, "store: no such row in %s", statements[id].shape->table);
    }
    return P11KMS_OK;
}
