/*
 * A disk that hangs, fills up or lies, and a process that is killed: who asked is
 * told within the bound, nothing that was acknowledged is missing, and service
 * comes back when the disk does.
 */
#include "tests/testing.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "audit/writer.h"
#include "tests/audit/files.h"
#include "tests/fakes/fake_disk.h"
#include "util/clock.h"

#define ONE "audit-0000000001.jsonl"
#define TWO "audit-0000000002.jsonl"
#define BOUND_MS 100
#define PROMPT_MS 1500 /* the bound, and what a busy machine adds */
#define QUEUE_MAX 8

typedef struct {
    const char *folder;
    audit_t *audit;
    mailbox_t *mailbox;
    unsigned refused; /* completions by their error */
    unsigned accepted;
} fixture;

static fixture *current; /* completions carry no argument */

static void open_log(fixture *f, const segment_io *io, unsigned bound_ms, unsigned queue_max)
{
    const audit_options options = { .dir = f->folder, .bound_ms = bound_ms, .queue_max = queue_max };

    assert_ok(audit_open_on(&options, io, &f->audit));
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    fake_disk_reset();
    f->folder = scratch_folder();
    assert_ok(mailbox_new(NULL, NULL, &f->mailbox));
    open_log(f, &fake_disk_io, BOUND_MS, QUEUE_MAX);
    *state = current = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    fake_disk_release_sync();
    audit_close(f->audit);
    mailbox_free(f->mailbox);
    free(f);
    return 0;
}

static void count_and_free(completion_t *done)
{
    audit_record_t *record = (audit_record_t *)done;

    if (record->err == P11KMS_OK) {
        current->accepted++;
    } else {
        current->refused++;
    }
    buf_free(&record->line);
    free(record);
}

static void submit(fixture *f, slice_t line)
{
    audit_record_t *record = calloc(1, sizeof(*record));

    record->done.run = count_and_free;
    record->mailbox = f->mailbox;
    buf_put_slice(&record->line, line);
    audit_submit(f->audit, record);
}

static void await(fixture *f, unsigned count)
{
    while (f->accepted + f->refused < count) {
        assert_true(mailbox_wait(f->mailbox, 10000) > 0);
    }
}

static void assert_problem_names(fixture *f, const char *part)
{
    char problem[512];

    assert_false(audit_healthy(f->audit));
    audit_problem(f->audit, problem, sizeof(problem));
    if (strstr(problem, part) == NULL) {
        fail_msg("'%s' does not name '%s'", problem, part);
    }
}

static void assert_well(fixture *f)
{
    char problem[512] = "not asked";

    assert_true(audit_healthy(f->audit));
    audit_problem(f->audit, problem, sizeof(problem));
    assert_string_equal(problem, "");
}

/* ---- the disk hangs ---- */

static void test_records_come_back_within_the_bound_while_the_disk_hangs(void **state)
{
    fixture *f = *state;
    int64_t start = clock_mono_us();

    fake_disk_hold_sync();
    submit(f, SLICE_LIT("in flight"));
    fake_disk_await_held();
    submit(f, SLICE_LIT("waiting"));
    submit(f, SLICE_LIT("waiting too"));
    await(f, 3);
    assert_int_equal(f->refused, 3);
    assert_in_range((clock_mono_us() - start) / 1000, BOUND_MS, PROMPT_MS);
    assert_problem_names(f, "not answered");
    assert_int_equal(audit_get_stats(f->audit).failures, 3);
    assert_int_equal(audit_get_stats(f->audit).waiting, 0);
}

static void test_later_records_are_refused_too_until_the_disk_answers_again(void **state)
{
    fixture *f = *state;
    int64_t start;

    fake_disk_hold_sync();
    submit(f, SLICE_LIT("a"));
    fake_disk_await_held();
    await(f, 1);
    start = clock_mono_us();
    assert_err(audit_append(f->audit, SLICE_LIT("b")), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, "not answered");
    assert_in_range((clock_mono_us() - start) / 1000, BOUND_MS, PROMPT_MS);

    fake_disk_release_sync();
    assert_ok(audit_append(f->audit, SLICE_LIT("c")));
    assert_well(f);
    /* "a" had been handed to the disk; "b" was given up before that */
    assert_string_equal(file_text(f->folder, ONE), "a\nc\n");
}

static void test_a_record_submitted_later_gets_its_own_full_time(void **state)
{
    fixture *f = *state;

    audit_close(STEAL(f->audit));
    open_log(f, &fake_disk_io, 1000, 0);
    fake_disk_hold_sync();
    submit(f, SLICE_LIT("early"));
    fake_disk_await_held();
    usleep(700000);
    submit(f, SLICE_LIT("late"));
    await(f, 1);
    assert_int_equal(f->refused, 1);
    fake_disk_release_sync();
    await(f, 2);
    assert_int_equal(f->accepted, 1);
    assert_string_equal(file_text(f->folder, ONE), "early\nlate\n");
}

static void test_a_full_queue_refuses_at_once(void **state)
{
    fixture *f = *state;
    int64_t start;

    fake_disk_hold_sync();
    submit(f, SLICE_LIT("in flight"));
    fake_disk_await_held();
    start = clock_mono_us();
    for (int i = 0; i < QUEUE_MAX + 3; i++) {
        submit(f, SLICE_LIT("x"));
    }
    mailbox_drain(f->mailbox);
    if ((clock_mono_us() - start) / 1000 < BOUND_MS) { /* else the machine slept, and more have come back */
        assert_int_equal(f->refused, 3);
        assert_problem_names(f, "too many");
    }
    await(f, QUEUE_MAX + 4);
    assert_int_equal(f->accepted, 0);
}

static void test_the_bytes_that_wait_are_bounded_as_well(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t line = { 0 };

    memset(buf_reserve(&line, AUDIT_RECORD_MAX), 'x', AUDIT_RECORD_MAX);
    line.len = AUDIT_RECORD_MAX;
    audit_close(STEAL(f->audit));
    open_log(f, &fake_disk_io, 20000, 0);
    fake_disk_hold_sync();
    submit(f, SLICE_LIT("in flight"));
    fake_disk_await_held();
    for (int i = 0; i < 70; i++) {
        submit(f, buf_slice(&line));
    }
    mailbox_drain(f->mailbox);
    assert_in_range(f->refused, 6, 10); /* about 16 MiB of the 17.5 were taken */
    fake_disk_release_sync();
    await(f, 71);
    assert_int_equal(f->accepted + f->refused, 71);
    assert_in_range(f->refused, 6, 10);
}

static void test_closing_does_not_wait_for_a_disk_that_hangs(void **state)
{
    fixture *f = *state;
    const audit_options options = { .dir = f->folder };
    int64_t start;
    p11kms_err err;

    fake_disk_hold_sync();
    submit(f, SLICE_LIT("a"));
    fake_disk_await_held();
    start = clock_mono_us();
    audit_close(STEAL(f->audit));
    assert_true((clock_mono_us() - start) / 1000 < 1000 + PROMPT_MS);
    assert_int_equal(mailbox_drain(f->mailbox), 1);
    assert_int_equal(f->refused, 1);
    assert_err(audit_open(&options, &f->audit), P11KMS_E_AUDIT); /* the old writer is still in there */

    fake_disk_release_sync();
    do { /* and lets go when the disk does */
        usleep(1000);
        err = audit_open(&options, &f->audit);
    } while (err != P11KMS_OK && clock_mono_us() - start < 10000000);
    assert_ok(err);
}

/* ---- the disk fails ---- */

static void test_a_full_disk_refuses_and_service_comes_back_with_room(void **state)
{
    fixture *f = *state;

    assert_ok(audit_append(f->audit, SLICE_LIT("a")));
    fake_disk_room(3, ENOSPC);
    for (int i = 0; i < 3; i++) {
        assert_err(audit_append(f->audit, SLICE_LIT("bcdef")), P11KMS_E_AUDIT);
        assert_detail_names(P11KMS_E_AUDIT, "No space left");
    }
    assert_problem_names(f, ONE);
    assert_string_equal(file_text(f->folder, ONE), "a\n");
    fake_disk_room(-1, 0);
    assert_ok(audit_append(f->audit, SLICE_LIT("g")));
    assert_well(f);
    assert_string_equal(file_text(f->folder, ONE), "a\ng\n");
}

static void test_a_failed_sync_fails_its_group_alone(void **state)
{
    fixture *f = *state;

    assert_ok(audit_append(f->audit, SLICE_LIT("a")));
    fake_disk_fail_sync(1, EIO);
    assert_err(audit_append(f->audit, SLICE_LIT("b")), P11KMS_E_AUDIT);
    assert_problem_names(f, "sync");
    assert_ok(audit_append(f->audit, SLICE_LIT("c")));
    assert_well(f);
    assert_string_equal(file_text(f->folder, ONE), "a\n");
    assert_string_equal(file_text(f->folder, TWO), "c\n");
}

static void test_a_sync_that_fails_after_a_hang_comes_back_as_well(void **state)
{
    fixture *f = *state;

    fake_disk_hold_sync();
    fake_disk_fail_sync(1, EIO);
    submit(f, SLICE_LIT("a"));
    fake_disk_await_held();
    await(f, 1);
    fake_disk_release_sync();
    assert_ok(audit_append(f->audit, SLICE_LIT("b")));
    assert_well(f);
    assert_string_equal(file_text(f->folder, ONE), "b\n"); /* nothing of the first was kept */
}

static void test_a_file_size_limit_is_an_error_not_the_end(void **state)
{
    fixture *f = *state;
    struct rlimit old;
    struct rlimit small = { .rlim_cur = 4 };

    assert_ok(audit_append(f->audit, SLICE_LIT("a")));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    p11kms_err err = audit_append(f->audit, SLICE_LIT("bcdefg"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_err(err, P11KMS_E_AUDIT);
    assert_ok(audit_append(f->audit, SLICE_LIT("h")));
    assert_string_equal(file_text(f->folder, ONE), "a\nh\n");
}

/* ---- real disks, real crashes ---- */

static void test_a_disk_that_is_really_full(void **state)
{
    const char *folder = scratch_small_disk(256 * 1024);
    fixture f = { .folder = folder };
    unsigned written = 0;
    char line[1001];
    (void)state;

    if (folder == NULL) {
        skip();
    }
    memset(line, 'x', 1000);
    line[1000] = '\0';
    open_log(&f, &segment_io_system, BOUND_MS, 0);
    assert_ok(audit_append(f.audit, SLICE_STR(line)));
    scratch_fill_disk(scratch_path(folder, "filler"));
    for (written = 1; written < 100; written++) { /* what is left of its last page */
        if (audit_append(f.audit, SLICE_STR(line)) != P11KMS_OK) {
            break;
        }
    }
    assert_in_range(written, 1, 5);
    assert_problem_names(&f, "No space left");
    assert_int_equal(file_size(folder, ONE), 1001 * written);
    assert_err(audit_append(f.audit, SLICE_STR(line)), P11KMS_E_AUDIT);

    assert_int_equal(unlink(scratch_path(folder, "filler")), 0);
    assert_ok(audit_append(f.audit, SLICE_STR(line)));
    assert_well(&f);
    assert_int_equal(file_size(folder, ONE), 1001 * (written + 1));
    audit_close(f.audit);
}

/** Appends numbered lines, and tells each number through the pipe when it is in the log. */
static void append_until_killed(const char *folder, int round, int to)
{
    const audit_options options = { .dir = folder, .segment_bytes = 20000 };
    audit_t *audit = NULL;
    char line[64];

    if (audit_open(&options, &audit) != P11KMS_OK) {
        _exit(1);
    }
    for (uint32_t i = 0;; i++) {
        int len = snprintf(line, sizeof(line), "{\"eventID\":\"%d-%u\"}", round, i);

        if (audit_append(audit, SLICE(line, len)) != P11KMS_OK || write(to, &i, sizeof(i)) != sizeof(i)) {
            _exit(2);
        }
    }
}

static uint32_t acknowledged_before_kill(const char *folder, int round, unsigned after)
{
    uint32_t last = UINT32_MAX;
    uint32_t next;
    int ends[2];
    int status;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[0]);
        append_until_killed(folder, round, ends[1]);
    }
    close(ends[1]);
    while (read(ends[0], &next, sizeof(next)) == sizeof(next)) {
        last = next;
        if (next == after) {
            kill(child, SIGKILL);
        }
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_in_range(last, after, UINT32_MAX - 1);
    return last;
}

static void test_after_kill_9_every_acknowledged_record_is_in_the_log(void **state)
{
    const char *folder = scratch_folder();
    const audit_options options = { .dir = folder };
    (void)state;

    for (int round = 0; round < 5; round++) {
        uint32_t last = acknowledged_before_kill(folder, round, (unsigned)(40 + 97 * round));
        audit_t *audit = NULL;

        assert_ok(audit_open(&options, &audit));
        for (uint32_t i = 0; i <= last; i += last / 20 + 1) {
            char id[32];
            bool found = false;

            snprintf(id, sizeof(id), "%d-%u", round, i + last / 20 + 1 > last ? last : i);
            assert_ok(audit_contains(audit, id, UINT64_MAX, &found));
            if (!found) {
                fail_msg("record %s was acknowledged and is not there", id);
            }
        }
        audit_close(audit);
    }
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_disk_that_is_really_full), /* before any thread: it makes a mount namespace */
        cmocka_unit_test(test_after_kill_9_every_acknowledged_record_is_in_the_log),
        PROMISE(test_records_come_back_within_the_bound_while_the_disk_hangs),
        PROMISE(test_later_records_are_refused_too_until_the_disk_answers_again),
        PROMISE(test_a_record_submitted_later_gets_its_own_full_time),
        PROMISE(test_a_full_queue_refuses_at_once),
        PROMISE(test_the_bytes_that_wait_are_bounded_as_well),
        PROMISE(test_closing_does_not_wait_for_a_disk_that_hangs),
        PROMISE(test_a_full_disk_refuses_and_service_comes_back_with_room),
        PROMISE(test_a_failed_sync_fails_its_group_alone),
        PROMISE(test_a_sync_that_fails_after_a_hang_comes_back_as_well),
        PROMISE(test_a_file_size_limit_is_an_error_not_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
