/* Files that are tampered with while the log is written: noticed within a second, and what an operator can do
 * then. */
#include "tests/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/audit/tree_log.h"
#include "audit/guard.h"
#include "util/encode.h"
#include "util/json.h"

#define NOTICED_US 1000000
#define QUIET_US 500000 /* two looks */

static char before[SEGMENT_BYTES]; /* what was in the first segment */
static atomic_int refused; /* so often no segment and no notes can be opened to be read */

/* In place of the C library's: a process that is short of descriptors for a moment. */
__attribute__((visibility("default"))) int openat(int folder, const char *name, int flags, ...)
{
    va_list more;

    if (strncmp(name, "audit-", 6) == 0 && (flags & O_ACCMODE) == O_RDONLY && atomic_load(&refused) > 0) {
        atomic_fetch_sub(&refused, 1);
        errno = EMFILE;
        return -1;
    }
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return (int)syscall(SYS_openat, folder, name, flags, mode);
}

static int setup(void **state)
{
    tree_log *log = calloc(1, sizeof(*log));

    fake_disk_reset();
    fake_disk_skip_syncs();
    fake_signer_reset();
    log->folder = scratch_path(scratch_folder(), "audit");
    log->folder = strdup(log->folder);
    tree_open(log);
    tree_add(log, 15);
    snprintf(before, sizeof(before), "%.*s", SEGMENT_BYTES - 1, file_text(log->folder, SEGMENT(1)));
    *state = log;
    return 0;
}

static int teardown(void **state)
{
    tree_log *log = *state;

    audit_close(log->audit);
    free((char *)(uintptr_t)log->folder);
    free(log);
    return 0;
}

static int prepare(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

static const char *problem_of(const tree_log *log)
{
    static char problem[512];

    audit_problem(log->audit, problem, sizeof(problem));
    return problem;
}

static void assert_noticed(tree_log *log, const char *part)
{
    int64_t start = clock_mono_us();

    while (!audit_stopped(log->audit) && clock_mono_us() - start < NOTICED_US) {
        usleep(5000);
    }
    assert_true(audit_stopped(log->audit));
    assert_false(audit_healthy(log->audit));
    if (strstr(problem_of(log), part) == NULL) {
        fail_msg("'%s' does not name '%s'", problem_of(log), part);
    }
    assert_err(tree_try_add(log, 1), P11KMS_E_AUDIT);
    assert_err(tree_try_add(log, 1), P11KMS_E_AUDIT);
}

static void assert_not_noticed(tree_log *log)
{
    usleep(QUIET_US);
    assert_false(audit_stopped(log->audit));
    tree_add(log, 1);
}

static void append_to(const tree_log *log, const char *name, const char *text)
{
    int fd = open(scratch_path(log->folder, name), O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void put_line(const tree_log *log, buf_t *line)
{
    buf_put_str(line, "{\"eventName\":\"AuditResumed\",\"serviceEventDetails\":");
    audit_resume_details(log->audit, "it was \"me\"", "uid 0", line);
    buf_put_char(line, '}');
}

static p11kms_err resume(tree_log *log)
{
    _cleanup_buf_ buf_t line = { 0 };

    put_line(log, &line);
    p11kms_err err = audit_append_resumed(log->audit, buf_slice(&line));
    log->next += err == P11KMS_OK;
    return err;
}

/** An auditor sees what was done, until the segment is brought back: the log goes on behind what it was. */
static void assert_seen_until_brought_back(tree_log *log)
{
    const verify_verdict seen = tree_verify(log).verdict;

    /* A checkpoint of just the true records may not have been written in time: then the next one is out of place. */
    assert_true(seen == VERIFY_RECORDS || seen == VERIFY_CHECKPOINT);
    unlink(scratch_path(log->folder, SEGMENT(1)));
    write_file(log->folder, SEGMENT(1), SLICE_STR(before));
    assert_tree_whole(log);
}

/** The decision, records, and a start, all of which go on. */
static void assert_resumes(tree_log *log, const char *segment)
{
    assert_ok(resume(log));
    assert_false(audit_stopped(log->audit));
    assert_true(audit_healthy(log->audit));
    tree_add(log, 20);
    tree_await_covered(log, 10);
    tree_close(log);
    assert_non_null(strstr(file_text(log->folder, segment), "AuditResumed"));
    assert_string_equal(file_text(log->folder, "stopped"), "absent");
    tree_open(log);
    tree_add(log, 5);
    tree_close(log);
}

/* ---- what is noticed ---- */

static void test_a_removed_segment_is_noticed(void **state)
{
    tree_log *log = *state;

    assert_int_equal(unlink(scratch_path(log->folder, SEGMENT(1))), 0);
    assert_noticed(log, SEGMENT(1) " was removed");
    assert_resumes(log, SEGMENT(2));
    write_file(log->folder, SEGMENT(1), SLICE_STR(before)); /* without it, it looks like one moved away */
    assert_tree_whole(log);
}

static void test_a_cut_segment_is_noticed(void **state)
{
    tree_log *log = *state;

    assert_int_equal(truncate(scratch_path(log->folder, SEGMENT(1)), 10), 0);
    assert_noticed(log, SEGMENT(1) " was cut");
    assert_ok(resume(log));
    assert_not_noticed(log); /* a decision once made holds */
    assert_int_equal(unlink(scratch_path(log->folder, SEGMENT(2))), 0);
    assert_noticed(log, SEGMENT(2) " was removed"); /* and what is done afterwards is seen */
}

static void test_a_cut_segment_is_left_behind(void **state)
{
    tree_log *log = *state;

    assert_int_equal(truncate(scratch_path(log->folder, SEGMENT(1)), 10), 0);
    assert_noticed(log, SEGMENT(1) " was cut");
    assert_resumes(log, SEGMENT(2));
    assert_seen_until_brought_back(log);
}

static void test_a_replaced_segment_is_noticed(void **state)
{
    tree_log *log = *state;
    char other[256];

    snprintf(other, sizeof(other), "%s", scratch_path(log->folder, "other"));
    write_file(log->folder, "other", SLICE_STR(file_text(log->folder, SEGMENT(1))));
    assert_int_equal(rename(other, scratch_path(log->folder, SEGMENT(1))), 0);
    assert_noticed(log, SEGMENT(1) " was re"); /* moved or replaced */
    assert_resumes(log, SEGMENT(2));
    assert_tree_whole(log); /* by what was in it already */
}

static void test_records_of_others_are_noticed_and_are_not_in_the_tree(void **state)
{
    tree_log *log = *state;

    append_to(log, SEGMENT(1), "{\"eventID\":\"forged\"}\n");
    assert_noticed(log, SEGMENT(1) " was written to by somebody else");
    assert_resumes(log, SEGMENT(2));
    assert_seen_until_brought_back(log);
}

static void test_an_edit_that_keeps_the_length_is_noticed(void **state)
{
    tree_log *log = *state;
    const struct timespec same[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 } };
    int fd = open(scratch_path(log->folder, SEGMENT(1)), O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, "9", 1, 14), 1);
    assert_int_equal(futimens(fd, same), 0); /* as one would who knows */
    close(fd);
    assert_noticed(log, SEGMENT(1) " was edited");
    assert_resumes(log, SEGMENT(2));
    assert_seen_until_brought_back(log);
}

/* ---- while the daemon itself writes ---- */

static void *add_one(void *arg)
{
    (void)(tree_try_add(arg, 1) == P11KMS_OK);
    return NULL;
}

/** Calls @p tamper between the write of a record and the end of its sync. */
static void tamper_while_it_syncs(tree_log *log, void (*tamper)(const tree_log *log))
{
    pthread_t thread;

    tree_await_covered(log, 10);
    fake_disk_hold_sync();
    assert_int_equal(pthread_create(&thread, NULL, add_one, log), 0);
    fake_disk_await_held();
    usleep(20000); /* file times are some milliseconds coarse */
    tamper(log);
    fake_disk_release_sync();
    pthread_join(thread, NULL);
}

static void edit_first_line(const tree_log *log)
{
    int fd = open(scratch_path(log->folder, SEGMENT(1)), O_WRONLY | O_CLOEXEC);

    assert_int_equal(pwrite(fd, "9", 1, 14), 1);
    close(fd);
}

static void test_an_edit_while_a_record_is_synced_is_noticed(void **state)
{
    tree_log *log = *state;

    tamper_while_it_syncs(log, edit_first_line);
    assert_noticed(log, SEGMENT(1) " was edited");
}

static void append_forged(const tree_log *log)
{
    append_to(log, SEGMENT(1), "{\"eventID\":\"forged\"}\n");
}

static void test_a_line_of_others_while_a_record_is_synced_is_noticed(void **state)
{
    tree_log *log = *state;

    tamper_while_it_syncs(log, append_forged);
    assert_noticed(log, SEGMENT(1) " was written to by somebody else");
}

static void test_tampered_notes_are_noticed(void **state)
{
    static const struct {
        const char *said;
        bool cut, removed;
        const char *appended;
    } ways[] = {
        { "was cut", true, false, NULL },
        { "was removed", false, true, NULL },
        { "was written to by somebody else", false, false, "x" },
    };
    tree_log *log = *state;
    char notes[SEGMENT_NAME];
    uint64_t segment = 1;

    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        const char *path;

        tree_await_covered(log, 10);
        segment_notes_name(segment++, notes);
        path = scratch_path(log->folder, notes);
        if (ways[i].appended != NULL) {
            append_to(log, notes, ways[i].appended);
        } else {
            assert_int_equal(ways[i].cut ? truncate(path, 30) : unlink(path), 0);
        }
        assert_noticed(log, ways[i].said);
        assert_ok(resume(log));
        tree_add(log, 20);
    }
    tree_close(log);
    tree_open(log);
    tree_close(log);
}

static void test_edited_notes_are_noticed(void **state)
{
    tree_log *log = *state;
    int fd;

    tree_await_covered(log, 10);
    fd = open(scratch_path(log->folder, NOTES(1)), O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "q", 1, 3), 1);
    close(fd);
    assert_noticed(log, NOTES(1) " was edited");
}

static void test_a_lock_that_is_gone_is_noticed_and_wants_a_restart(void **state)
{
    tree_log *log = *state;

    assert_int_equal(unlink(scratch_path(log->folder, "lock")), 0);
    assert_noticed(log, "lock was removed");
    assert_err(resume(log), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, "lock was removed");
}

static void test_a_folder_that_was_moved_is_noticed(void **state)
{
    tree_log *log = *state;
    char away[256];

    snprintf(away, sizeof(away), "%s.away", log->folder);
    assert_int_equal(rename(log->folder, away), 0);
    assert_noticed(log, "audit was removed");
    assert_int_equal(rename(away, log->folder), 0);
    assert_resumes(log, SEGMENT(2));
}

static void test_the_closed_segment_is_watched_until_the_next_begins(void **state)
{
    tree_log *log = *state;

    while (file_size(log->folder, SEGMENT(1)) < SEGMENT_BYTES) {
        tree_add(log, 1);
    }
    assert_int_equal(unlink(scratch_path(log->folder, SEGMENT(1))), 0);
    assert_noticed(log, SEGMENT(1) " was removed");
}

/* ---- and what is not tampering ---- */

static void test_links_modes_and_owners_are_nobodys_tampering(void **state)
{
    tree_log *log = *state;
    char link_name[256];

    tree_await_covered(log, 10);
    usleep(50000);
    snprintf(link_name, sizeof(link_name), "%s", scratch_path(log->folder, "backup"));
    assert_int_equal(link(scratch_path(log->folder, SEGMENT(1)), link_name), 0);
    assert_int_equal(chmod(scratch_path(log->folder, SEGMENT(1)), 0644), 0);
    assert_int_equal(chmod(scratch_path(log->folder, NOTES(1)), 0644), 0);
    assert_int_equal(chmod(scratch_path(log->folder, "lock"), 0644), 0);
    assert_not_noticed(log);
}

static void test_a_log_under_load_raises_no_alarm(void **state)
{
    tree_log *log = *state;

    for (int i = 0; i < 8; i++) {
        tree_add(log, 500);
        usleep(100000);
    }
    assert_false(audit_stopped(log->audit));
    tree_close_whole(log);
}

/* ---- stopped is stopped ---- */

static void test_a_stopped_log_stays_so_over_starts(void **state)
{
    tree_log *log = *state;
    audit_look look;

    append_to(log, SEGMENT(1), "x\n");
    assert_noticed(log, "somebody else");
    tree_close(log);
    assert_ok(audit_inspect(log->folder, &look));
    assert_non_null(strstr(look.stopped, SEGMENT(1) " was written to by somebody else"));
    assert_err(tree_try_open(log), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, SEGMENT(1) " was written to by somebody else");
    assert_detail_names(P11KMS_E_AUDIT, "p11kms audit resume --because");
}

static void resume_offline(tree_log *log, const char *found)
{
    audit_options options = tree_options(log);

    options.resume = true;
    if (audit_open(&options, &log->audit) != P11KMS_OK) {
        fail_msg("%s", p11kms_err_detail(P11KMS_E_AUDIT));
    }
    assert_non_null(strstr(problem_of(log), found));
    assert_err(tree_try_add(log, 1), P11KMS_E_AUDIT);
    log->next = audit_get_stats(log->audit).tree_size; /* what is lost is not counted */
    assert_ok(resume(log));
    tree_close(log);
}

static void assert_goes_on(tree_log *log, const char *segment)
{
    assert_non_null(strstr(file_text(log->folder, segment), "AuditResumed"));
    log->next++; /* AuditContinued, of the first start behind the decision */
    for (int i = 0; i < 2; i++) {
        tree_open(log);
        tree_add(log, 20);
        tree_close(log);
    }
    assert_non_null(strstr(file_text(log->folder, segment), "\"eventName\":\"AuditContinued\""));
}

static void test_a_stopped_log_is_resumed_offline(void **state)
{
    tree_log *log = *state;

    append_to(log, SEGMENT(1), "x\n");
    assert_noticed(log, "somebody else");
    tree_close(log);
    resume_offline(log, "somebody else");
    assert_goes_on(log, SEGMENT(2));
    assert_seen_until_brought_back(log);
}

static void test_a_log_whose_newest_segment_is_lost_is_resumed_offline(void **state)
{
    tree_log *log = *state;
    audit_look look;

    tree_close(log);
    assert_int_equal(unlink(scratch_path(log->folder, SEGMENT(1))), 0);
    assert_err(tree_try_open(log), P11KMS_E_AUDIT);
    resume_offline(log, SEGMENT(1) " is missing");
    assert_goes_on(log, SEGMENT(2));
    assert_ok(audit_inspect(log->folder, &look));
    assert_int_equal(look.records, log->next);
    assert_string_equal(look.stopped, "");
    write_file(log->folder, SEGMENT(1), SLICE_STR(before));
    assert_tree_whole(log);
}

static void test_a_log_whose_notes_are_lost_or_damaged_is_resumed_offline(void **state)
{
    tree_log *log = *state;

    tree_close(log);
    assert_int_equal(truncate(scratch_path(log->folder, NOTES(1)), 30), 0);
    resume_offline(log, "notes were lost");
    write_file(log->folder, NOTES(1), SLICE_LIT("a\n\nb\n\n"));
    assert_goes_on(log, SEGMENT(2));
    assert_int_equal(unlink(scratch_path(log->folder, NOTES(1))), 0);
    assert_tree_whole(log);
}

/* Clients may use up the descriptors there are: that is no reason to stop, nor to forget the doubt. */
static void test_a_file_that_cannot_be_opened_to_be_looked_into_is_not_edited_until_it_can(void **state)
{
    tree_log *log = *state;
    struct rlimit few, before_it;
    int fd = open(scratch_path(log->folder, SEGMENT(1)), O_WRONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before_it), 0);
    few = (struct rlimit){ .rlim_cur = 3, .rlim_max = before_it.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(pwrite(fd, "X", 1, 20), 1);
    usleep(QUIET_US);
    bool stopped = audit_stopped(log->audit);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before_it), 0);
    close(fd);
    assert_false(stopped);
    assert_noticed(log, SEGMENT(1) " was edited");
}

/* Where others let descriptors go in between, the next call has one: that tells nothing of the file either. */
static void test_a_file_that_could_not_be_opened_once_is_not_edited(void **state)
{
    static const char *const names[] = { SEGMENT(1), NOTES(1) };
    tree_log *log = *state;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *path = scratch_path(log->folder, names[i]);
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        refused = 1;
        assert_int_equal(chmod(path, st.st_mode & 07777), 0); /* its times change, and it is looked into */
        while (refused > 0) {
            usleep(5000);
        }
        assert_not_noticed(log);
    }
}

static void test_a_decision_is_one_and_about_the_tree_as_it_is(void **state)
{
    tree_log *log = *state;
    _cleanup_buf_ buf_t line = { 0 };
    _cleanup_buf_ buf_t stale = { 0 };

    put_line(log, &line);
    assert_err(audit_append_resumed(log->audit, buf_slice(&line)), P11KMS_E_AUDIT); /* nothing is stopped */
    append_to(log, SEGMENT(1), "x\n");
    assert_noticed(log, "somebody else");
    buf_put_str(&stale, "{\"eventName\":\"AuditResumed\",\"serviceEventDetails\":{\"treeSize\":1,\"rootHash\":"
                        "\"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\"}}");
    assert_err(audit_append_resumed(log->audit, buf_slice(&stale)), P11KMS_E_AUDIT);
    assert_true(audit_stopped(log->audit));
    assert_int_equal(file_size(log->folder, SEGMENT(2)), -1);
    assert_ok(resume(log));
    assert_err(resume(log), P11KMS_E_AUDIT); /* it is gone on already */
    tree_add(log, 1);
}

static void test_a_log_that_is_well_is_not_resumed(void **state)
{
    tree_log *log = *state;
    audit_options options = tree_options(log);

    tree_close(log);
    options.resume = true;
    assert_err(audit_open(&options, &log->audit), P11KMS_E_CONFLICT);
    tree_open(log);
    tree_close_whole(log);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_a_removed_segment_is_noticed),
        PROMISE(test_a_cut_segment_is_noticed),
        PROMISE(test_a_cut_segment_is_left_behind),
        PROMISE(test_a_replaced_segment_is_noticed),
        PROMISE(test_records_of_others_are_noticed_and_are_not_in_the_tree),
        PROMISE(test_an_edit_that_keeps_the_length_is_noticed),
        PROMISE(test_an_edit_while_a_record_is_synced_is_noticed),
        PROMISE(test_a_line_of_others_while_a_record_is_synced_is_noticed),
        PROMISE(test_tampered_notes_are_noticed),
        PROMISE(test_edited_notes_are_noticed),
        PROMISE(test_a_lock_that_is_gone_is_noticed_and_wants_a_restart),
        PROMISE(test_a_folder_that_was_moved_is_noticed),
        PROMISE(test_the_closed_segment_is_watched_until_the_next_begins),
        PROMISE(test_links_modes_and_owners_are_nobodys_tampering),
        PROMISE(test_a_log_under_load_raises_no_alarm),
        PROMISE(test_a_stopped_log_stays_so_over_starts),
        PROMISE(test_a_stopped_log_is_resumed_offline),
        PROMISE(test_a_log_whose_newest_segment_is_lost_is_resumed_offline),
        PROMISE(test_a_log_whose_notes_are_lost_or_damaged_is_resumed_offline),
        PROMISE(test_a_file_that_cannot_be_opened_to_be_looked_into_is_not_edited_until_it_can),
        PROMISE(test_a_file_that_could_not_be_opened_once_is_not_edited),
        PROMISE(test_a_decision_is_one_and_about_the_tree_as_it_is),
        PROMISE(test_a_log_that_is_well_is_not_resumed),
    };

    return cmocka_run_group_tests(tests, prepare, NULL);
}
