/* The store on a full disk, on a damaged one, beside another writer, and killed. */
#include "tests/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/store.h"
#include "tests/fakes/scratch.h"

static p11kms_err count_record(void *arg, const char *event_id, slice_t record)
{
    unsigned *count = arg;

    (void)event_id;
    (void)record;
    ++*count;
    return P11KMS_OK;
}

static unsigned count_records(store_t *store)
{
    unsigned count = 0;

    assert_ok(store_outbox_each(store, count_record, &count));
    return count;
}

/** The rows of one change: both or none. */
static p11kms_err write_change(store_t *store, uint32_t number, slice_t padding)
{
    char id[16];
    p11kms_err err;

    snprintf(id, sizeof(id), "%u", number);
    TRY(store_begin(store));
    err = store_outbox_put(store, id, padding);
    if (err == P11KMS_OK) {
        err = store_meta_put(store, "last", SLICE(&number, sizeof(number)));
    }
    if (err != P11KMS_OK) {
        store_rollback(store);
        return err;
    }
    return store_commit(store);
}

static uint32_t last_change(store_t *store)
{
    _cleanup_buf_ buf_t value = { 0 };
    uint32_t number;

    assert_ok(store_meta_get(store, "last", &value));
    assert_int_equal(value.len, sizeof(number));
    memcpy(&number, value.data, sizeof(number));
    return number;
}

/* ---- killed ---- */

static void change_until_killed(const char *path, uint32_t first, int to)
{
    store_t *store = NULL;

    if (store_open(path, &store) != P11KMS_OK) {
        _exit(1);
    }
    for (uint32_t i = first;; i++) {
        if (write_change(store, i, SLICE_LIT("a record")) != P11KMS_OK ||
            write(to, &i, sizeof(i)) != sizeof(i)) {
            _exit(2);
        }
    }
}

static uint32_t acknowledged_before_kill(const char *path, uint32_t first, uint32_t after)
{
    uint32_t last = 0;
    uint32_t next;
    int ends[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        change_until_killed(path, first, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &next, sizeof(next)) == sizeof(next)) {
        last = next;
        if (next == first + after) {
            kill(child, SIGKILL);
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(last >= first + after);
    return last;
}

static void test_after_kill_9_every_acknowledged_change_is_there_and_whole(void **state)
{
    const char *path = scratch_path(scratch_folder(), "store.db");
    uint32_t first = 1;
    (void)state;

    for (uint32_t round = 0; round < 5; round++) {
        uint32_t acknowledged = acknowledged_before_kill(path, first, 20 + 37 * round);
        store_t *store = NULL;

        assert_ok(store_open(path, &store));
        assert_true(last_change(store) >= acknowledged);
        assert_int_equal(count_records(store), last_change(store));
        first = last_change(store) + 1;
        store_close(store);
    }
}

/* ---- full ---- */

static void test_a_full_disk_refuses_writes_and_keeps_every_committed_one(void **state)
{
    const char *folder = scratch_small_disk(1024 * 1024);
    _cleanup_(store) store_t *store = NULL;
    uint8_t padding[10000];
    uint32_t refused = 1;
    (void)state;

    if (folder == NULL) {
        skip();
    }
    memset(padding, 'p', sizeof(padding));
    assert_ok(store_open(scratch_path(folder, "store.db"), &store));
    assert_ok(write_change(store, refused++, SLICE(padding, sizeof(padding))));
    scratch_fill_disk(scratch_path(folder, "filler"));
    while (refused < 1000 && write_change(store, refused, SLICE(padding, sizeof(padding))) == P11KMS_OK) {
        refused++;
    }
    assert_in_range(refused, 2, 999);
    assert_err(write_change(store, refused, SLICE(padding, sizeof(padding))), P11KMS_E_STORE);
    assert_err(store_backup(store, scratch_path(folder, "copy.db")), P11KMS_E_STORE);
    assert_int_equal(access(scratch_path(folder, "copy.db"), F_OK), -1);
    assert_int_equal(last_change(store), refused - 1);
    assert_int_equal(count_records(store), refused - 1);

    assert_int_equal(unlink(scratch_path(folder, "filler")), 0);
    assert_ok(store_check(store));
    assert_ok(write_change(store, refused, SLICE(padding, sizeof(padding))));
    assert_int_equal(count_records(store), refused);
}

static void test_writes_after_the_database_gave_a_transaction_up_are_refused(void **state)
{
    const char *folder = scratch_small_disk(1024 * 1024);
    _cleanup_(store) store_t *store = NULL;
    uint8_t padding[200000];
    p11kms_err err = P11KMS_OK;
    char id[16];
    (void)state;

    if (folder == NULL) {
        skip();
    }
    memset(padding, 'p', sizeof(padding));
    assert_ok(store_open(scratch_path(folder, "store.db"), &store));
    assert_ok(store_begin(store));
    for (unsigned i = 0; i < 200 && err == P11KMS_OK;
         i++) { /* more than its cache holds, so it spills to disk */
        snprintf(id, sizeof(id), "%u", i);
        err = store_outbox_put(store, id, SLICE(padding, sizeof(padding)));
    }
    assert_err(err, P11KMS_E_STORE);
    assert_err(store_meta_put(store, "stray", SLICE_LIT("1")), P11KMS_E_STORE);
    assert_err(store_commit(store), P11KMS_E_STORE);
    assert_int_equal(count_records(store), 0);
    assert_ok(store_meta_put(store, "after", SLICE_LIT("1")));
}

/* ---- damaged ---- */

static void fill(const char *path)
{
    _cleanup_(store) store_t *store = NULL;

    assert_ok(store_open(path, &store));
    for (uint32_t i = 1; i <= 60; i++) {
        assert_ok(write_change(store, i, SLICE_LIT("a record that takes some room in its page")));
    }
}

/** Whatever happens to the file: an error, or rows that were there. */
static void open_and_read(const char *path)
{
    _cleanup_(store) store_t *store = NULL;
    p11kms_err err = store_open(path, &store);
    unsigned count = 0;

    if (err == P11KMS_OK) {
        err = store_outbox_each(store, count_record, &count);
        assert_true(count <= 60);
    }
    assert_true(err == P11KMS_OK || err == P11KMS_E_STORE || err == P11KMS_E_STORE_NEWER);
}

static void copy_file(const char *from, const char *to, uint8_t *content, size_t size)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);

    assert_int_equal(read(fd, content, size), size);
    close(fd);
    fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, content, size), size);
    close(fd);
}

static void test_a_damaged_file_never_does_worse_than_an_error(void **state)
{
    const char *folder = scratch_folder();
    const char *path = scratch_path(folder, "store.db");
    const char *copy = scratch_path(folder, "copy.db");
    _cleanup_free_ uint8_t *content = NULL;
    uint32_t random = 12345;
    struct stat st;
    size_t size;
    (void)state;

    fill(path);
    assert_int_equal(stat(path, &st), 0);
    size = (size_t)st.st_size;
    content = malloc(size);
    copy_file(path, copy, content, size);
    for (int round = 0; round < 150; round++) {
        int fd = open(copy, O_WRONLY | O_CLOEXEC);
        uint8_t bad[16];
        size_t at;

        random = random * 1664525 + 1013904223;
        at = (random >> 8) % (size - sizeof(bad));
        memset(bad, (int)(random & 0xff), sizeof(bad));
        assert_int_equal(pwrite(fd, content, size, 0), size);
        assert_int_equal(pwrite(fd, bad, 1 + (random >> 28), (off_t)at), 1 + (random >> 28));
        close(fd);
        open_and_read(copy);
    }
}

static void test_a_damaged_page_is_noticed_when_the_store_is_opened(void **state)
{
    const char *path = scratch_path(scratch_folder(), "store.db");
    uint8_t garbage[4096];
    store_t *store = NULL;
    struct stat st;
    int fd;
    (void)state;

    fill(path);
    assert_int_equal(stat(path, &st), 0);
    memset(garbage, 0xee, sizeof(garbage));
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), st.st_size - 4096), 4096);
    close(fd);
    assert_err(store_open(path, &store), P11KMS_E_STORE);
    assert_err(store_open_readonly(path, &store), P11KMS_E_STORE);
    assert_null(store);
}

static void test_a_file_cut_short_is_refused(void **state)
{
    const char *path = scratch_path(scratch_folder(), "store.db");
    store_t *store = NULL;
    struct stat st;
    (void)state;

    fill(path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size / 2 / 4096 * 4096), 0);
    assert_err(store_open(path, &store), P11KMS_E_STORE);
    assert_int_equal(truncate(path, 5000), 0);
    assert_err(store_open(path, &store), P11KMS_E_STORE);
    assert_int_equal(truncate(path, 60), 0);
    assert_err(store_open(path, &store), P11KMS_E_STORE);
    assert_null(store);
}

/* ---- not alone ---- */

/** Reads first, so that only a transaction which excludes other writers from its start gets this right. */
static p11kms_err add_one(store_t *store, useconds_t pause)
{
    _cleanup_buf_ buf_t value = { 0 };
    uint8_t next;

    TRY(store_begin(store));
    TRY(store_meta_get(store, "count", &value));
    next = (uint8_t)(value.data[0] + 1);
    usleep(pause);
    TRY(store_meta_put(store, "count", SLICE(&next, 1)));
    return store_commit(store);
}

static void test_two_writers_wait_for_each_other(void **state)
{
    const char *path = scratch_path(scratch_folder(), "store.db");
    _cleanup_(store) store_t *store = NULL;
    _cleanup_buf_ buf_t value = { 0 };
    pid_t child;
    int status;
    (void)state;

    assert_ok(store_open(path, &store));
    assert_ok(store_meta_put(store, "count", SLICE_LIT("\0")));
    store_close(STEAL(store));
    child = fork();
    assert_ok(store_open(path, &store));
    for (int i = 0; i < 10; i++) {
        p11kms_err err = add_one(store, 5000);

        if (child == 0 && err != P11KMS_OK) {
            _exit(1);
        }
        assert_ok(err);
    }
    if (child == 0) {
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_ok(store_meta_get(store, "count", &value));
    assert_int_equal(value.data[0], 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_kill_9_every_acknowledged_change_is_there_and_whole),
        cmocka_unit_test(test_a_full_disk_refuses_writes_and_keeps_every_committed_one),
        cmocka_unit_test(test_writes_after_the_database_gave_a_transaction_up_are_refused),
        cmocka_unit_test(test_a_damaged_file_never_does_worse_than_an_error),
        cmocka_unit_test(test_a_damaged_page_is_noticed_when_the_store_is_opened),
        cmocka_unit_test(test_a_file_cut_short_is_refused),
        cmocka_unit_test(test_two_writers_wait_for_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
