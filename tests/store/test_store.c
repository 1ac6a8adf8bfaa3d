/* Opening, migrating, transactions, copies. */
#include "tests/testing.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/migrations.h"
#include "store/store.h"
#include "tests/fakes/scratch.h"

static const char *new_path(void)
{
    return scratch_path(scratch_folder(), "store.db");
}

static store_t *open_new(const char *path)
{
    store_t *store = NULL;

    assert_ok(store_open(path, &store));
    return store;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void assert_detail_names(p11kms_err err, const char *part)
{
    if (strstr(p11kms_err_detail(err), part) == NULL) {
        fail_msg("'%s' does not name '%s'", p11kms_err_detail(err), part);
    }
}

static void assert_value(store_t *store, const char *name, const char *text)
{
    _cleanup_buf_ buf_t value = { 0 };

    assert_ok(store_meta_get(store, name, &value));
    assert_buf_text(&value, text);
}

static void assert_no_value(store_t *store, const char *name)
{
    _cleanup_buf_ buf_t value = { 0 };

    assert_err(store_meta_get(store, name, &value), P11KMS_E_NOT_FOUND);
}

/* ---- opening ---- */

static void test_rows_are_there_after_closing_and_opening_again(void **state)
{
    const char *path = new_path();
    (void)state;

    {
        _cleanup_(store) store_t *store = open_new(path);

        assert_ok(store_meta_put(store, "a", SLICE_LIT("1")));
    }
    _cleanup_(store) store_t *again = open_new(path);
    assert_value(again, "a", "1");
}

static void test_the_files_are_the_owners_alone(void **state)
{
    const char *path = new_path();
    mode_t old = umask(0);
    char wal[4200];
    struct stat st;
    (void)state;

    _cleanup_(store) store_t *store = open_new(path);
    umask(old);
    assert_ok(store_meta_put(store, "a", SLICE_LIT("1")));
    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_a_file_others_could_read_is_closed_to_them(void **state)
{
    const char *path = new_path();
    struct stat st;
    (void)state;

    store_close(open_new(path));
    assert_int_equal(chmod(path, 0644), 0);
    store_close(open_new(path));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_the_journal_is_a_write_ahead_log(void **state)
{
    const char *path = new_path();
    _cleanup_(store) store_t *store = NULL;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    (void)state;

    store = open_new(path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(stmt, 0), "wal");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void test_readonly_finds_no_store_and_makes_none(void **state)
{
    const char *path = new_path();
    store_t *store = NULL;
    (void)state;

    assert_err(store_open_readonly(path, &store), P11KMS_E_NOT_FOUND);
    assert_null(store);
    assert_int_equal(access(path, F_OK), -1);
}

static void test_readonly_reads_and_cannot_write(void **state)
{
    const char *path = new_path();
    _cleanup_(store) store_t *writer = open_new(path);
    _cleanup_(store) store_t *reader = NULL;
    (void)state;

    assert_ok(store_meta_put(writer, "a", SLICE_LIT("1")));
    assert_ok(store_open_readonly(path, &reader));
    assert_value(reader, "a", "1");
    assert_err(store_meta_put(reader, "a", SLICE_LIT("2")), P11KMS_E_STORE);
    assert_err(store_check(reader), P11KMS_E_STORE);
    assert_value(writer, "a", "1");
}

static void test_what_is_no_store_is_refused_and_left_alone(void **state)
{
    const char *folder = scratch_folder();
    const char *text = scratch_path(folder, "text");
    const char *foreign = scratch_path(folder, "foreign.db");
    const char *marked = scratch_path(folder, "marked.db");
    store_t *store = NULL;
    FILE *file = fopen(text, "w");
    struct stat before;
    struct stat after;
    (void)state;

    for (int i = 0; i < 200; i++) {
        fputs("this is not a database\n", file);
    }
    fclose(file);
    assert_err(store_open(text, &store), P11KMS_E_STORE);
    assert_detail_names(P11KMS_E_STORE, "not a database");

    run_sql(foreign, "CREATE TABLE t (x)");
    assert_int_equal(stat(foreign, &before), 0);
    assert_err(store_open(foreign, &store), P11KMS_E_STORE);
    assert_detail_names(P11KMS_E_STORE, "another program");
    assert_int_equal(stat(foreign, &after), 0);
    assert_int_equal(before.st_size, after.st_size);

    run_sql(marked, "PRAGMA application_id = 1");
    assert_err(store_open(marked, &store), P11KMS_E_STORE);
    assert_err(store_open(folder, &store), P11KMS_E_STORE);
    assert_err(store_open(scratch_path(folder, "no/such/folder"), &store), P11KMS_E_STORE);
    assert_null(store);
}

static void test_an_empty_file_left_by_a_crash_becomes_a_store(void **state)
{
    const char *path = new_path();
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    (void)state;

    close(fd);
    _cleanup_(store) store_t *store = open_new(path);
    assert_ok(store_check(store));
}

/* ---- versions ---- */

static void test_a_newer_store_is_refused_naming_both_versions(void **state)
{
    const char *path = new_path();
    char sql[64];
    char part[64];
    store_t *store = NULL;
    (void)state;

    store_close(open_new(path));
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %u", store_schema_version() + 7);
    run_sql(path, sql);
    assert_err(store_open(path, &store), P11KMS_E_STORE_NEWER);
    snprintf(part, sizeof(part), "schema version %u", store_schema_version() + 7);
    assert_detail_names(P11KMS_E_STORE_NEWER, part);
    snprintf(part, sizeof(part), "up to %u", store_schema_version());
    assert_detail_names(P11KMS_E_STORE_NEWER, part);
    assert_err(store_open_readonly(path, &store), P11KMS_E_STORE_NEWER);
    assert_null(store);
}

static const char *const two_steps[] = {
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL);"
    "INSERT INTO meta (name, value) VALUES ('from', x'31');",
    "INSERT INTO meta (name, value) VALUES ('second', x'32'); UPDATE meta SET value = x'33' WHERE name = "
    "'from';",
};
static const char *const bad_second_step[] = {
    "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL);"
    "INSERT INTO meta (name, value) VALUES ('from', x'31');",
    "DELETE FROM meta; INSERT INTO no_such_table VALUES (1);",
};

static void test_a_store_of_version_one_is_brought_to_version_two_once(void **state)
{
    const migrations_t one = { two_steps, 1 };
    const migrations_t both = { two_steps, 2 };
    const char *path = new_path();
    (void)state;

    for (int round = 0; round < 3; round++) {
        store_t *store = NULL;

        assert_ok(store_open_with(path, DB_WRITE, round == 0 ? &one : &both, &store));
        assert_value(store, "from", round == 0 ? "1" : "3");
        if (round > 0) {
            assert_value(store, "second", "2");
        }
        store_close(store);
    }
}

static p11kms_err check_unused_key(void *arg, const store_access_key *row)
{
    assert_string_equal(row->id, "AKIAEXAMPLE");
    assert_true(row->active);
    assert_true(row->last_used == 0);
    assert_string_equal(row->last_service, "");
    ++*(int *)arg;
    return P11KMS_OK;
}

static void test_access_keys_of_version_one_come_along(void **state)
{
    const migrations_t first = { migrations.steps, 1 };
    const store_access_key key = { .id = "AKIAEXAMPLE",
                                   .account = "123456789012",
                                   .user = "alice",
                                   .sealed = SLICE_LIT("blob"),
                                   .active = true };
    const char *path = new_path();
    store_t *store = NULL;
    int n = 0;
    (void)state;

    assert_ok(store_open_with(path, DB_WRITE, &first, &store));
    assert_ok(store_access_key_insert(store, &key));
    store_close(store);
    store = open_new(path);
    assert_ok(store_access_key_each(store, check_unused_key, &n));
    assert_int_equal(n, 1);
    store_close(store);
}

static void test_readonly_does_not_migrate(void **state)
{
    const migrations_t one = { two_steps, 1 };
    const migrations_t both = { two_steps, 2 };
    const char *path = new_path();
    store_t *store = NULL;
    (void)state;

    assert_ok(store_open_with(path, DB_WRITE, &one, &store));
    store_close(store);
    store = NULL;
    assert_err(store_open_with(path, DB_READ, &both, &store), P11KMS_E_STORE);
    assert_detail_names(P11KMS_E_STORE, "version 1");
    assert_ok(store_open_with(path, DB_READ, &one, &store));
    assert_value(store, "from", "1");
    store_close(store);
}

static void test_a_step_that_fails_leaves_the_version_before_it(void **state)
{
    const migrations_t one = { two_steps, 1 };
    const migrations_t broken = { bad_second_step, 2 };
    const char *path = new_path();
    store_t *store = NULL;
    (void)state;

    assert_err(store_open_with(path, DB_WRITE, &broken, &store), P11KMS_E_STORE);
    assert_null(store);
    assert_ok(store_open_with(path, DB_WRITE, &one, &store));
    assert_value(store, "from", "1");
    store_close(store);
}

/* ---- transactions ---- */

static void test_a_transaction_is_seen_by_others_whole_or_not_at_all(void **state)
{
    const char *path = new_path();
    _cleanup_(store) store_t *writer = open_new(path);
    _cleanup_(store) store_t *reader = NULL;
    (void)state;

    assert_ok(store_open_readonly(path, &reader));
    assert_ok(store_begin(writer));
    assert_ok(store_meta_put(writer, "a", SLICE_LIT("1")));
    assert_ok(store_meta_put(writer, "b", SLICE_LIT("2")));
    assert_no_value(reader, "a"); /* and the reader is not kept waiting */
    assert_ok(store_commit(writer));
    assert_value(reader, "a", "1");
    assert_value(reader, "b", "2");
}

static void test_a_rollback_leaves_nothing(void **state)
{
    _cleanup_(store) store_t *store = open_new(new_path());
    (void)state;

    assert_ok(store_begin(store));
    assert_ok(store_meta_put(store, "a", SLICE_LIT("1")));
    store_rollback(store);
    assert_no_value(store, "a");
    assert_ok(store_meta_put(store, "a", SLICE_LIT("2")));
    assert_value(store, "a", "2");
}

static void test_transactions_do_not_nest(void **state)
{
    _cleanup_(store) store_t *store = open_new(new_path());
    (void)state;

    assert_err(store_commit(store), P11KMS_E_INTERNAL);
    assert_ok(store_begin(store));
    assert_err(store_begin(store), P11KMS_E_INTERNAL);
    assert_err(store_check(store), P11KMS_E_INTERNAL);
    assert_err(store_backup(store, new_path()), P11KMS_E_INTERNAL);
    assert_ok(store_commit(store));
    assert_ok(store_check(store));
}

static void test_a_refused_row_does_not_end_the_transaction(void **state)
{
    _cleanup_(store) store_t *store = open_new(new_path());
    (void)state;

    assert_ok(store_begin(store));
    assert_ok(store_outbox_put(store, "a", SLICE_LIT("1")));
    assert_err(store_outbox_put(store, "a", SLICE_LIT("1")), P11KMS_E_EXISTS);
    assert_ok(store_meta_put(store, "b", SLICE_LIT("2")));
    assert_ok(store_commit(store));
    assert_value(store, "b", "2");
}

/* ---- copies ---- */

static void test_a_backup_is_a_whole_store_in_one_file(void **state)
{
    const char *folder = scratch_folder();
    const char *path = scratch_path(folder, "store.db");
    const char *copy = scratch_path(folder, "copy.db");
    _cleanup_(store) store_t *store = open_new(path);
    _cleanup_(store) store_t *restored = NULL;
    struct stat st;
    (void)state;

    assert_ok(store_meta_put(store, "a", SLICE_LIT("1")));
    assert_ok(store_backup(store, copy));
    assert_ok(store_meta_put(store, "a", SLICE_LIT("2")));
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(access(scratch_path(folder, "copy.db-wal"), F_OK), -1);
    assert_ok(store_open(copy, &restored));
    assert_value(restored, "a", "1");
    assert_value(store, "a", "2");
}

static void test_a_backup_neither_waits_for_a_writer_nor_sees_its_half(void **state)
{
    const char *folder = scratch_folder();
    const char *path = scratch_path(folder, "store.db");
    const char *copy = scratch_path(folder, "copy.db");
    _cleanup_(store) store_t *writer = open_new(path);
    _cleanup_(store) store_t *tool = NULL;
    _cleanup_(store) store_t *restored = NULL;
    (void)state;

    assert_ok(store_open_readonly(path, &tool));
    assert_ok(store_begin(writer));
    assert_ok(store_meta_put(writer, "a", SLICE_LIT("1")));
    assert_ok(store_backup(tool, copy));
    assert_ok(store_commit(writer));
    assert_ok(store_open_readonly(copy, &restored));
    assert_no_value(restored, "a");
}

static void test_a_backup_overwrites_nothing(void **state)
{
    const char *folder = scratch_folder();
    const char *path = scratch_path(folder, "store.db");
    _cleanup_(store) store_t *store = open_new(path);
    (void)state;

    assert_err(store_backup(store, path), P11KMS_E_EXISTS);
    assert_err(store_backup(store, scratch_path(folder, "no/such/folder")), P11KMS_E_STORE);
    assert_ok(store_check(store));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_there_after_closing_and_opening_again),
        cmocka_unit_test(test_the_files_are_the_owners_alone),
        cmocka_unit_test(test_a_file_others_could_read_is_closed_to_them),
        cmocka_unit_test(test_the_journal_is_a_write_ahead_log),
        cmocka_unit_test(test_readonly_finds_no_store_and_makes_none),
        cmocka_unit_test(test_readonly_reads_and_cannot_write),
        cmocka_unit_test(test_what_is_no_store_is_refused_and_left_alone),
        cmocka_unit_test(test_an_empty_file_left_by_a_crash_becomes_a_store),
        cmocka_unit_test(test_a_newer_store_is_refused_naming_both_versions),
        cmocka_unit_test(test_a_store_of_version_one_is_brought_to_version_two_once),
        cmocka_unit_test(test_access_keys_of_version_one_come_along),
        cmocka_unit_test(test_readonly_does_not_migrate),
        cmocka_unit_test(test_a_step_that_fails_leaves_the_version_before_it),
        cmocka_unit_test(test_a_transaction_is_seen_by_others_whole_or_not_at_all),
        cmocka_unit_test(test_a_rollback_leaves_nothing),
        cmocka_unit_test(test_transactions_do_not_nest),
        cmocka_unit_test(test_a_refused_row_does_not_end_the_transaction),
        cmocka_unit_test(test_a_backup_is_a_whole_store_in_one_file),
        cmocka_unit_test(test_a_backup_neither_waits_for_a_writer_nor_sees_its_half),
        cmocka_unit_test(test_a_backup_overwrites_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
