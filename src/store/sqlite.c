/* The SQLite driver: the only file that knows SQLite. */
#include "store/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x5031314b /* "P11K" */
#define BUSY_TIMEOUT_MS 5000
#define VALUE_MAX (8 << 20) /* a damaged record may claim up to 2 GiB; nothing we store is near this */

struct db {
    sqlite3 *handle;
    char *path;
};

struct query {
    db_t *db;
    sqlite3_stmt *stmt;
};

static p11kms_err fail(const db_t *db, int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
        return p11kms_fail(P11KMS_E_EXISTS, "%s", sqlite3_errmsg(db->handle));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return p11kms_fail(P11KMS_E_NOT_FOUND, "the row it belongs to does not exist");
    default:
        break;
    }
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return p11kms_fail(P11KMS_E_STORE, "%s is locked by another process", db->path);
    case SQLITE_NOTADB:
        return p11kms_fail(P11KMS_E_STORE, "%s is not a database; restore a backup", db->path);
    case SQLITE_CORRUPT:
        return p11kms_fail(P11KMS_E_STORE, "%s is damaged (%s); restore a backup", db->path,
                           sqlite3_errmsg(db->handle));
    default:
        return p11kms_fail(P11KMS_E_STORE, "%s: %s (SQLite code %d)", db->path, sqlite3_errmsg(db->handle),
                           code);
    }
}

static p11kms_err sqlite_script(db_t *db, const char *sql)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? P11KMS_OK : fail(db, code);
}

static void sqlite_finalize(query_t *query)
{
    sqlite3_finalize(query->stmt);
    free(query);
}

DEFINE_CLEANUP(query_t *, query, sqlite_finalize);

static p11kms_err sqlite_prepare(db_t *db, const char *sql, query_t **ret)
{
    _cleanup_(query) query_t *query = calloc(1, sizeof(*query));
    int code;

    ENSURE(query != NULL, P11KMS_E_NOMEM);
    query->db = db;
    code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt, NULL);
    if (code != SQLITE_OK) {
        return fail(db, code);
    }
    *ret = STEAL(query);
    return P11KMS_OK;
}

static p11kms_err sqlite_step(query_t *query, bool *ret_row)
{
    int code = sqlite3_step(query->stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return fail(query->db, code);
    }
    *ret_row = code == SQLITE_ROW;
    return P11KMS_OK;
}

static p11kms_err sqlite_bind(query_t *query, unsigned position, db_value value)
{
    int at = (int)position + 1;
    int code = SQLITE_MISMATCH;

    switch (value.kind) {
    case DB_INTEGER:
        code = sqlite3_bind_int64(query->stmt, at, value.integer);
        break;
    case DB_TEXT:
        code = sqlite3_bind_text64(query->stmt, at, (const char *)value.bytes.data, value.bytes.len,
                                   SQLITE_STATIC, SQLITE_UTF8);
        break;
    case DB_BLOB: /* a NULL pointer would bind NULL */
        code = sqlite3_bind_blob64(query->stmt, at, value.bytes.len > 0 ? (const void *)value.bytes.data : "",
                                   value.bytes.len, SQLITE_STATIC);
        break;
    case DB_OTHER:
        break;
    }
    return code == SQLITE_OK ? P11KMS_OK : fail(query->db, code);
}

static db_value sqlite_column(query_t *query, unsigned position)
{
    int at = (int)position;
    const void *data;

    switch (sqlite3_column_type(query->stmt, at)) {
    case SQLITE_INTEGER:
        return (db_value){ .kind = DB_INTEGER, .integer = sqlite3_column_int64(query->stmt, at) };
    case SQLITE_TEXT:
        data = sqlite3_column_text(query->stmt, at);
        if (data == NULL) {
            break;
        }
        return (db_value){ .kind = DB_TEXT,
                           .bytes = SLICE(data, (size_t)sqlite3_column_bytes(query->stmt, at)) };
    case SQLITE_BLOB:
        data = sqlite3_column_blob(query->stmt, at);
        return (db_value){ .kind = DB_BLOB,
                           .bytes = SLICE(data, (size_t)sqlite3_column_bytes(query->stmt, at)) };
    default:
        break;
    }
    return (db_value){ .kind = DB_OTHER };
}

static uint64_t sqlite_changed(const query_t *query)
{
    return (uint64_t)sqlite3_changes64(query->db->handle);
}

static void sqlite_reset(query_t *query)
{
    sqlite3_reset(query->stmt);
    sqlite3_clear_bindings(query->stmt);
}

/** The first column of the first row, as a number. */
static p11kms_err ask_number(db_t *db, const char *sql, int64_t *ret)
{
    _cleanup_(query) query_t *query = NULL;
    bool row = false;

    TRY(sqlite_prepare(db, sql, &query));
    TRY(sqlite_step(query, &row));
    *ret = row ? sqlite3_column_int64(query->stmt, 0) : 0;
    return P11KMS_OK;
}

/** The first column of the first row must read @p expected. */
static p11kms_err expect_text(db_t *db, const char *sql, const char *expected)
{
    _cleanup_(query) query_t *query = NULL;
    bool row = false;
    db_value value = { .kind = DB_OTHER };

    TRY(sqlite_prepare(db, sql, &query));
    TRY(sqlite_step(query, &row));
    if (row) {
        value = sqlite_column(query, 0);
    }
    if (value.kind != DB_TEXT || !slice_eq_str(value.bytes, expected)) {
        FAIL(P11KMS_E_STORE, "%s: %s: %.*s", db->path, sql, (int)value.bytes.len,
             value.bytes.len > 0 ? (const char *)value.bytes.data : "");
    }
    return P11KMS_OK;
}

static p11kms_err sqlite_version(db_t *db, unsigned *ret)
{
    int64_t version;

    TRY(ask_number(db, "PRAGMA user_version", &version));
    if (version < 0 || version > INT_MAX) {
        FAIL(P11KMS_E_STORE, "%s: schema version %lld makes no sense; restore a backup", db->path,
             (long long)version);
    }
    *ret = (unsigned)version;
    return P11KMS_OK;
}

static p11kms_err sqlite_set_version(db_t *db, unsigned version)
{
    char sql[96];

    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %u", APPLICATION_ID,
             version);
    return sqlite_script(db, sql);
}

static bool sqlite_in_transaction(const db_t *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

static p11kms_err sqlite_begin(db_t *db)
{
    return sqlite_script(db, "BEGIN IMMEDIATE");
}

static void sqlite_rollback(db_t *db)
{
    if (sqlite_in_transaction(db)) {
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static p11kms_err sqlite_commit(db_t *db)
{
    p11kms_err err = sqlite_script(db, "COMMIT");

    sqlite_rollback(db);
    return err;
}

/*
 * SQLite would make the file with mode 0644; its -wal and -shm take the mode of
 * the file they belong to. O_EXCL also keeps us from ever closing a descriptor of
 * a database that is open here: that would drop its POSIX locks.
 */
static p11kms_err make_private_file(const char *path)
{
    _cleanup_fd_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd >= 0) {
        return P11KMS_OK;
    }
    if (errno == EEXIST) {
        return p11kms_fail(P11KMS_E_EXISTS, "%s exists", path);
    }
    FAIL(P11KMS_E_STORE, "%s: %s", path, strerror(errno));
}

static p11kms_err sync_path(const char *path, int flags)
{
    _cleanup_fd_ int fd = open(path, flags | O_CLOEXEC);

    if (fd < 0 || fsync(fd) != 0) {
        FAIL(P11KMS_E_STORE, "%s: cannot be synced: %s", path, strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err sync_folder_of(const char *path)
{
    _cleanup_free_ char *copy = strdup(path);

    ENSURE(copy != NULL, P11KMS_E_NOMEM);
    return sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
}

static p11kms_err find_or_make_file(const char *path, db_mode mode)
{
    p11kms_err err;
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno != ENOENT) {
            FAIL(P11KMS_E_STORE, "%s: %s", path, strerror(errno));
        }
        if (mode == DB_READ) {
            FAIL(P11KMS_E_NOT_FOUND, "%s does not exist", path);
        }
        err = make_private_file(path);
        if (err != P11KMS_E_EXISTS) { /* else another process was quicker: all the same */
            TRY(err);
            return sync_folder_of(path);
        }
        if (stat(path, &st) != 0) {
            FAIL(P11KMS_E_STORE, "%s: %s", path, strerror(errno));
        }
    }
    if (!S_ISREG(st.st_mode)) {
        FAIL(P11KMS_E_STORE, "%s is not a file", path);
    }
    if (mode == DB_WRITE && (st.st_mode & 077) != 0 && chmod(path, 0600) != 0) {
        FAIL(P11KMS_E_STORE, "%s is open to others and cannot be closed to them: %s", path, strerror(errno));
    }
    return P11KMS_OK;
}

/** Ours, or new and empty. */
static p11kms_err check_owner(db_t *db)
{
    int64_t application;
    int64_t objects;

    TRY(ask_number(db, "PRAGMA application_id", &application));
    if (application == APPLICATION_ID) {
        return P11KMS_OK;
    }
    TRY(ask_number(db, "SELECT count(*) FROM sqlite_schema", &objects));
    if (application != 0 || objects != 0) {
        FAIL(P11KMS_E_STORE, "%s is a database of another program", db->path);
    }
    return P11KMS_OK;
}

static p11kms_err set_up(db_t *db, db_mode mode)
{
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    sqlite3_limit(db->handle, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_limit(db->handle, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);

    TRY(sqlite_script(db, "PRAGMA trusted_schema = OFF;"
                          "PRAGMA cell_size_check = ON;"
                          "PRAGMA temp_store = MEMORY;"
                          "PRAGMA foreign_keys = ON;"
                          "PRAGMA secure_delete = ON;"
                          "PRAGMA synchronous = FULL;"));
    TRY(check_owner(db)); /* before anything is written to it */
    TRY(expect_text(db, "PRAGMA quick_check(1)", "ok"));
    if (mode == DB_WRITE) {
        TRY(expect_text(db, "PRAGMA journal_mode = WAL", "wal"));
    }
    return P11KMS_OK;
}

static void sqlite_close_db(db_t *db)
{
    sqlite3_close(db->handle);
    free(db->path);
    free(db);
}

DEFINE_CLEANUP(db_t *, db, sqlite_close_db);

/** The connection alone; @p path exists. NOMUTEX: one thread at a time is the store's contract. */
static p11kms_err connect_to(const char *path, db_mode mode, db_t **ret)
{
    int flags = mode == DB_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    _cleanup_(db) db_t *db = calloc(1, sizeof(*db));
    int code;

    ENSURE(db != NULL, P11KMS_E_NOMEM);
    db->path = strdup(path);
    ENSURE(db->path != NULL, P11KMS_E_NOMEM);
    code = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        ENSURE(db->handle != NULL, P11KMS_E_NOMEM);
        return fail(db, code);
    }
    *ret = STEAL(db);
    return P11KMS_OK;
}

static p11kms_err sqlite_open_db(const char *path, db_mode mode, db_t **ret)
{
    _cleanup_(db) db_t *db = NULL;

    TRY(find_or_make_file(path, mode));
    TRY(connect_to(path, mode, &db));
    TRY(set_up(db, mode));
    *ret = STEAL(db);
    return P11KMS_OK;
}

/*
 * One step for the whole: in WAL mode the snapshot it holds keeps no writer
 * waiting, and it need not begin again when somebody writes.
 */
static p11kms_err copy_pages(db_t *from, db_t *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    int code;

    if (backup == NULL) {
        return fail(to, sqlite3_extended_errcode(to->handle));
    }
    code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? P11KMS_OK : fail(to, code);
}

static p11kms_err fill_copy(db_t *db, const char *to_path)
{
    {
        _cleanup_(db) db_t *to = NULL;

        TRY(connect_to(to_path, DB_WRITE, &to));
        /* Nobody uses a half copy, so no journal; one fsync at the end. */
        TRY(sqlite_script(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"));
        TRY(copy_pages(db, to));
    }
    TRY(sync_path(to_path, O_RDWR));
    return sync_folder_of(to_path);
}

static p11kms_err sqlite_backup_db(db_t *db, const char *to_path)
{
    p11kms_err err;

    TRY(make_private_file(to_path));
    err = fill_copy(db, to_path);
    if (err != P11KMS_OK) {
        unlink(to_path);
    }
    return err;
}

const driver_t driver_sqlite = {
    .open = sqlite_open_db,
    .close = sqlite_close_db,
    .version = sqlite_version,
    .set_version = sqlite_set_version,
    .script = sqlite_script,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .in_transaction = sqlite_in_transaction,
    .backup = sqlite_backup_db,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .column = sqlite_column,
    .changed = sqlite_changed,
    .reset = sqlite_reset,
};
