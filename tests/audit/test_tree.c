/* The transparency log as it is written, and what a start makes of one. */
#include "tests/testing.h"

#include <errno.h>

#include "tests/audit/tree_log.h"

static int setup(void **state)
{
    tree_log *log = calloc(1, sizeof(*log));

    fake_disk_reset();
    fake_disk_skip_syncs();
    fake_signer_reset();
    log->folder = strdup(scratch_folder());
    *state = log;
    return 0;
}

static int teardown(void **state)
{
    tree_log *log = *state;

    fake_signer_release();
    fake_disk_release_sync();
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

static void remove_file(const tree_log *log, const char *name)
{
    assert_int_equal(unlink(scratch_path(log->folder, name)), 0);
}

static void remove_tiles(const tree_log *log)
{
    char command[512];

    snprintf(command, sizeof(command), "rm -r %s/tile", log->folder);
    assert_int_equal(system(command), 0);
}

static void overwrite(const tree_log *log, const char *name, int64_t at, const char *text)
{
    int fd;

    assert_int_equal(chmod(scratch_path(log->folder, name), 0640), 0);
    fd = open(scratch_path(log->folder, name), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
    close(fd);
}

static void assert_refused(tree_log *log, const char *part)
{
    assert_err(tree_try_open(log), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, part);
    assert_null(log->audit);
}

/* ---- writing ---- */

static void test_a_closed_log_is_covered_to_its_last_record(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 37);
    tree_close_whole(log);
    assert_int_equal(tree_verify(log).segments, 1);
    assert_int_equal(file_size(log->folder, "tile/0/000.p/37"), 37 * 32);
}

static void test_many_segments_and_tiles_verify(void **state)
{
    tree_log *log = *state;
    verify_report report;

    tree_open(log);
    tree_add(log, 1234);
    tree_close_whole(log);
    report = tree_verify(log);
    assert_true(report.segments > 10);
    assert_int_equal(report.without_notes, 0);
    assert_int_equal(file_size(log->folder, "tile/0/003"), 8192);
    assert_int_equal(file_size(log->folder, "tile/1/000.p/4"), 4 * 32);
}

static void test_a_log_without_a_signer_has_records_alone(void **state)
{
    tree_log *log = *state;

    assert_ok(tree_try_open(log));
    tree_add(log, 300);
    tree_close(log);
    assert_int_equal(file_size(log->folder, "checkpoint"), -1);
    assert_int_equal(file_size(log->folder, "tile"), -1);
}

static void test_records_are_covered_when_enough_of_them_wait(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 1);
    tree_await_covered(log, 0); /* the first at once: there was nothing for long */
    tree_add(log, 9);
    usleep(50000);
    assert_int_equal(audit_get_stats(log->audit).unsigned_records, 9);
    tree_add(log, 1);
    tree_await_covered(log, 9);
    assert_true(audit_get_stats(log->audit).checkpoints >= 2);
}

static void test_records_are_covered_when_time_has_passed(void **state)
{
    tree_log *log = *state;
    audit_options options = tree_options(log);

    options.checkpoint_seconds = 1;
    assert_ok(audit_open(&options, &log->audit));
    assert_ok(audit_sign_with(log->audit, fake_signer()));
    tree_add(log, 1);
    tree_await_covered(log, 0);
    tree_add(log, 5);
    tree_await_covered(log, 0);
}

static void test_nothing_is_signed_while_there_is_nothing_new(void **state)
{
    tree_log *log = *state;
    audit_options options = tree_options(log);
    unsigned calls;

    options.checkpoint_seconds = 1;
    assert_ok(audit_open(&options, &log->audit));
    assert_ok(audit_sign_with(log->audit, fake_signer()));
    tree_add(log, 1);
    tree_await_covered(log, 0);
    calls = fake_signer_calls();
    usleep(1300000);
    assert_int_equal(fake_signer_calls(), calls);
}

static void test_failed_groups_are_not_in_the_tree(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 5);
    fake_disk_room(3, ENOSPC);
    assert_err(tree_try_add(log, 1), P11KMS_E_AUDIT);
    fake_disk_room(-1, 0);
    tree_add(log, 5);
    fake_disk_fail_sync(1, EIO);
    assert_err(tree_try_add(log, 1), P11KMS_E_AUDIT);
    tree_add(log, 5);
    tree_close_whole(log);
}

static void test_a_tail_that_could_not_be_cut_is_cut_at_the_next_start(void **state)
{
    tree_log *log = *state;
    uint64_t there;

    tree_open(log);
    tree_add(log, 5);
    fake_disk_fail_sync(1, EIO);
    fake_disk_fail_truncate(1, EIO);
    there = log->next;
    assert_err(tree_try_add(log, 1), P11KMS_E_AUDIT); /* whole lines stay, which nobody was told of */
    tree_add(log, 5);
    tree_close(log);
    assert_int_not_equal(tree_verify(log).verdict, VERIFY_WHOLE);
    tree_open(log);
    tree_close_whole(log);
    assert_true(file_size(log->folder, "torn-0001") > 0);
    assert_int_equal(there, 5);
}

static void test_tiles_that_cannot_be_written_hold_back_checkpoints_and_no_record(void **state)
{
    tree_log *log = *state;

    write_file(log->folder, "tile", SLICE_LIT("in the way"));
    tree_open(log);
    tree_add(log, 600);
    tree_await(log, tree_failures, 1);
    assert_true(audit_healthy(log->audit));
    assert_int_equal(file_size(log->folder, "checkpoint"), -1);
    remove_file(log, "tile");
    tree_await_covered(log, 10);
    tree_close_whole(log);
}

/* ---- a signer that is slow, fails or lies ---- */

static void test_a_signer_that_hangs_delays_no_record(void **state)
{
    tree_log *log = *state;
    int64_t start;

    tree_open(log);
    fake_signer_hold();
    tree_add(log, 1);
    fake_signer_await_held();
    start = clock_mono_us();
    tree_add(log, 200); /* over two ends of segments */
    assert_true(clock_mono_us() - start < 4000000);
    assert_true(audit_healthy(log->audit));
    assert_true(audit_get_stats(log->audit).unsigned_records >= 200);
    fake_signer_release();
    tree_close_whole(log);
}

static void test_a_signer_that_fails_is_tried_again_and_counted(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    fake_signer_fail(1);
    tree_add(log, 150);
    tree_await(log, tree_failures, 1);
    assert_true(audit_healthy(log->audit));
    tree_add(log, 150);
    tree_await_covered(log, 9);
    tree_close_whole(log);
}

static void test_a_signature_that_does_not_verify_is_never_published(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 20);
    tree_await_covered(log, 9);
    fake_signer_lie(true);
    tree_add(log, 20);
    tree_await(log, tree_failures, 1);
    fake_signer_lie(false);
    tree_close_whole(log);
}

static void test_without_checkpoints_for_long_a_start_makes_them_up(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 30);
    tree_await_covered(log, 9);
    fake_signer_fail(1000);
    tree_add(log, 500); /* several segments without */
    tree_close(log);
    fake_signer_reset();
    tree_open(log);
    tree_add(log, 3);
    tree_close_whole(log);
    assert_int_equal(tree_verify(log).without_notes, 0);
}

/* ---- starts ---- */

static void test_a_log_goes_on_where_it_stopped(void **state)
{
    static const unsigned counts[] = { 1, 254, 1, 1, 255, 300, 0, 7, 95, 105 };
    tree_log *log = *state;

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        tree_open(log);
        tree_add(log, counts[i]);
        tree_close_whole(log);
    }
}

static void test_a_crash_at_any_record_is_made_good(void **state)
{
    tree_log *log = *state;

    for (unsigned i = 0; i < 40; i++) {
        tree_crash(log, 1 + 7 * i % 61, i * 50);
    }
    tree_open(log);
    tree_close_whole(log);
}

static void test_a_torn_note_and_a_torn_record_are_cut(void **state)
{
    tree_log *log = *state;
    int fd;

    tree_open(log);
    tree_add(log, 20);
    tree_close(log);
    fd = open(scratch_path(log->folder, NOTES(1)), O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, FAKE_ORIGIN "\n21\n", 23), 23);
    close(fd);
    fd = open(scratch_path(log->folder, SEGMENT(1)), O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "{\"half", 6), 6);
    close(fd);
    tree_open(log);
    tree_add(log, 20);
    tree_close_whole(log);
}

static void test_tiles_are_made_again(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 700);
    tree_close(log);
    remove_tiles(log);
    tree_open(log);
    tree_add(log, 1);
    tree_close_whole(log);

    write_file(log->folder, "tile/0/001", SLICE_LIT("torn"));
    remove_file(log, "tile/0/000");
    remove_file(log, "checkpoint");
    remove_tiles(log);
    tree_open(log);
    tree_close_whole(log);
}

/* A segment's notes are begun when its tiles are on disk: what is full before that is synced with them. */
static void await_notes(const tree_log *log, const char *name)
{
    int64_t deadline = clock_mono_us() + INT64_C(60000000);

    while (file_size(log->folder, name) <= 0) {
        assert_true(clock_mono_us() < deadline);
        usleep(1000);
    }
}

static void add_until_there_is(tree_log *log, const char *segment, const char *notes)
{
    while (file_size(log->folder, segment) <= 0) {
        tree_add(log, 1);
    }
    await_notes(log, notes);
}

static uint64_t lines_of(const tree_log *log, const char *name)
{
    uint64_t lines = 0;

    for (const char *at = file_text(log->folder, name); *at != '\0'; at++) {
        lines += *at == '\n';
    }
    return lines;
}

/** The first tile becomes full within segment 3, so that it is not synced. @return the first record of that segment */
static uint64_t fill_a_tile_that_is_not_synced(tree_log *log)
{
    add_until_there_is(log, SEGMENT(3), NOTES(3));
    uint64_t begins = log->next - 1;
    assert_in_range(begins, 1, TILE_WIDTH - 1);
    tree_add(log, TILE_WIDTH + 1 - (unsigned)log->next);
    return begins;
}

static void test_tiles_that_a_power_cut_took_are_made_again_from_the_newest_segment(void **state)
{
    static const uint8_t zeros[TILE_WIDTH * SHA256_LEN];
    tree_log *log = *state;

    tree_open(log);
    fill_a_tile_that_is_not_synced(log);
    tree_close(log);
    assert_int_equal(file_size(log->folder, "tile/0/000"), sizeof(zeros));
    write_file(log->folder, "tile/0/000", SLICE(zeros, sizeof(zeros)));
    remove_file(log, SEGMENT(1)); /* not from the beginning: that is away */
    remove_file(log, SEGMENT(2));
    tree_open(log);
    tree_close(log);
    assert_int_equal(tree_verify(log).verdict, VERIFY_WHOLE);
}

/* What was killed left tiles to the kernel; a partial one goes when the full one is known to be on disk. */
static void test_tiles_that_a_killed_service_left_are_synced_by_the_next(void **state)
{
    tree_log *log = *state;
    char partial[TILE_PATH];
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        tree_open(log);
        fill_a_tile_that_is_not_synced(log);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    log->next = TILE_WIDTH + 1;
    uint64_t begins = lines_of(log, SEGMENT(1)) + lines_of(log, SEGMENT(2));
    tile_path(0, 0, (unsigned)begins, partial);
    assert_int_equal(file_size(log->folder, partial), begins * SHA256_LEN);

    tree_open(log);
    add_until_there_is(log, SEGMENT(4), NOTES(4));
    assert_int_equal(file_size(log->folder, "tile/0/000"), TILE_WIDTH * SHA256_LEN);
    assert_int_equal(file_size(log->folder, partial), -1);
    tree_close_whole(log);
}

static void test_a_log_from_before_gets_its_tree(void **state)
{
    tree_log *log = *state;

    assert_ok(tree_try_open(log));
    tree_add(log, 500);
    tree_close(log);
    tree_open(log);
    tree_add(log, 1);
    tree_close_whole(log);
    assert_int_equal(tree_verify(log).without_notes, 0);
}

static void test_a_log_from_before_whose_beginning_is_gone_begins_where_it_is(void **state)
{
    tree_log *log = *state;
    verify_report report;

    assert_ok(tree_try_open(log));
    tree_add(log, 500);
    tree_close(log);
    remove_file(log, SEGMENT(1));
    remove_file(log, SEGMENT(2));
    tree_open(log);
    tree_add(log, 1);
    tree_close(log);
    report = tree_verify(log);
    assert_string_equal(report.reason, "");
    assert_int_equal(report.first, 0);
    assert_true(report.covered == report.records && report.records < log->next);
    tree_open(log);
    tree_close(log);
    assert_int_equal(tree_verify(log).verdict, VERIFY_WHOLE);
}

static void test_old_segments_may_go_with_or_without_their_notes(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 700);
    tree_close(log);
    remove_file(log, SEGMENT(1));
    remove_file(log, SEGMENT(2));
    remove_file(log, NOTES(1));
    tree_open(log);
    tree_add(log, 1);
    tree_close(log);
    assert_int_equal(tree_verify(log).verdict, VERIFY_WHOLE);
    assert_int_equal(tree_verify(log).records, log->next);
}

static void test_a_start_reads_no_more_than_the_newest_segment(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 1500);
    tree_close(log);
    for (int i = 1; i < 10; i++) { /* unreadable as records: a start that read them would refuse */
        char name[32];

        snprintf(name, sizeof(name), "audit-%010d.jsonl", i);
        assert_int_equal(chmod(scratch_path(log->folder, name), 0640), 0);
        write_file(log->folder, name, SLICE_LIT("other\n"));
        assert_int_equal(chmod(scratch_path(log->folder, name), 0440), 0);
    }
    tree_open(log);
    tree_add(log, 10);
    tree_close(log);
}

static void test_a_clock_set_back_breaks_nothing(void **state)
{
    tree_log *log = *state;
    audit_options options = tree_options(log);

    options.segment_day = true;
    for (int i = 0; i < 3; i++) {
        const struct timespec later[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };

        assert_ok(audit_open(&options, &log->audit));
        assert_ok(audit_sign_with(log->audit, fake_signer()));
        tree_add(log, 5);
        tree_close_whole(log);
        assert_int_equal(utimensat(AT_FDCWD, scratch_path(log->folder, SEGMENT(1)), later, 0), 0);
    }
    assert_string_equal(file_text(log->folder, SEGMENT(2)), "absent"); /* yesterday is not a later day */
}

static void test_a_segment_is_closed_with_its_day_and_read_only(void **state)
{
    tree_log *log = *state;
    const struct timespec before[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    audit_options options = tree_options(log);
    struct stat st;

    options.segment_day = true;
    tree_open(log);
    tree_add(log, 5);
    tree_close(log);
    assert_int_equal(utimensat(AT_FDCWD, scratch_path(log->folder, SEGMENT(1)), before, 0), 0);
    assert_ok(audit_open(&options, &log->audit));
    assert_ok(audit_sign_with(log->audit, fake_signer()));
    tree_add(log, 5);
    tree_close_whole(log);
    assert_int_equal(stat(scratch_path(log->folder, SEGMENT(1)), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0440);
    assert_int_equal(stat(scratch_path(log->folder, SEGMENT(2)), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

/* ---- starts that are refused ---- */

static void test_a_changed_record_is_named(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 50);
    tree_close(log);
    overwrite(log, SEGMENT(1), file_size(log->folder, SEGMENT(1)) / 50 * 12 + 20, "X");
    assert_refused(log, "line 13 of " SEGMENT(1));
    assert_detail_names(P11KMS_E_AUDIT, "p11kms audit resume --because");
}

static void test_records_that_are_lost_are_counted(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 50);
    tree_close(log);
    assert_int_equal(
        truncate(scratch_path(log->folder, SEGMENT(1)), file_size(log->folder, SEGMENT(1)) / 50 * 40), 0);
    assert_refused(log, "tells of 50 records, and the segments end with 40");
}

static void test_a_lost_newest_segment_is_refused(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 150);
    tree_close(log);
    remove_file(log, SEGMENT(2));
    assert_refused(log, SEGMENT(2) " is missing");
    remove_file(log, NOTES(2)); /* and of its notes */
    assert_refused(log, "notes were lost");
}

static void test_the_segment_closed_last_is_not_one_that_may_be_moved_away(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    while (file_size(log->folder, SEGMENT(2)) < SEGMENT_BYTES) {
        tree_add(log, 1);
    }
    tree_close(log);
    assert_true(file_size(log->folder, NOTES(3)) > 0);
    remove_file(log, SEGMENT(2));
    assert_refused(log, SEGMENT(2) " is missing");
    remove_file(log,
                NOTES(2)); /* with its notes it looks like all before it; but its number is not used again */
    tree_open(log);
    tree_add(log, 1);
    tree_close(log);
    assert_int_equal(file_size(log->folder, SEGMENT(2)), -1);
    assert_true(file_size(log->folder, SEGMENT(3)) > 0);
}

static void test_other_checkpoints_are_refused(void **state)
{
    tree_log *log = *state;
    char text[1024];
    int64_t size;

    tree_open(log);
    tree_add(log, 50);
    tree_close(log);
    size = file_size(log->folder, "checkpoint");
    assert_in_range(size, 100, sizeof(text) - 1);
    memcpy(text, file_text(log->folder, "checkpoint"), (size_t)size);
    text[strlen(FAKE_ORIGIN) + 5] = text[strlen(FAKE_ORIGIN) + 5] == 'A' ? 'B' : 'A'; /* of its root */
    write_file(log->folder, "checkpoint", SLICE(text, (size_t)size));
    assert_refused(log, "different roots");
    write_file(log->folder, "checkpoint", SLICE_LIT("no note"));
    assert_refused(log, "checkpoint is damaged");
}

static void test_tiles_that_disagree_are_refused_with_the_command_that_mends_it(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 600);
    tree_close(log);
    overwrite(log, "tile/0/000", 100,
              "XXXX"); /* far from the newest segment: the tree there is not looked at */
    tree_open(log);
    tree_close(log);
    assert_int_equal(tree_verify(log).verdict, VERIFY_TILES);
    overwrite(log, "tile/1/000.p/2", 10, "XXXX");
    assert_refused(log, "rm -r tile");
    remove_tiles(log);
    tree_open(log);
    tree_close_whole(log);
}

static void test_tiles_cannot_be_made_again_without_the_segments(void **state)
{
    tree_log *log = *state;

    tree_open(log);
    tree_add(log, 300);
    tree_close(log);
    remove_file(log, SEGMENT(1));
    remove_file(log, NOTES(1));
    remove_tiles(log);
    assert_refused(log, "segments before 2 are not here");
}

/* ---- what was signed last, remembered outside the folder ---- */

static struct {
    uint64_t size;
    uint8_t root[SHA256_LEN];
} remembered;

static void remember(void *arg, uint64_t size, const uint8_t root[SHA256_LEN])
{
    (void)arg;
    remembered.size = size;
    memcpy(remembered.root, root, sizeof(remembered.root));
}

static p11kms_err open_remembering(tree_log *log)
{
    audit_signer signer = *fake_signer();

    signer.remember = remember;
    signer.signed_size = remembered.size;
    memcpy(signer.signed_root, remembered.root, sizeof(signer.signed_root));
    TRY(tree_try_open(log));
    p11kms_err err = audit_sign_with(log->audit, &signer);
    if (err != P11KMS_OK) {
        char why[512];

        snprintf(why, sizeof(why), "%s", p11kms_err_detail(err));
        tree_close(log);
        return p11kms_fail(err, "%s", why);
    }
    return P11KMS_OK;
}

static void write_remembered(tree_log *log, unsigned n)
{
    remembered.size = 0;
    for (int starts = 0; starts < 3; starts++) { /* whole ones are not refused */
        assert_ok(open_remembering(log));
        tree_add(log, n);
        tree_close(log);
        assert_int_equal(remembered.size, log->next);
    }
}

static void remove_tree(const tree_log *log)
{
    char command[300];

    snprintf(command, sizeof(command), "cd '%s' && rm -rf tile checkpoint *.notes", log->folder);
    assert_int_equal(system(command), 0);
}

static void resume_stopped(tree_log *log, const char *found)
{
    audit_options options = tree_options(log);
    _cleanup_buf_ buf_t line = { 0 };

    options.resume = true;
    assert_ok(audit_open(&options, &log->audit));
    buf_put_str(&line, "{\"eventName\":\"AuditResumed\",\"serviceEventDetails\":");
    audit_resume_details(log->audit, "it was me", "uid 0", &line);
    buf_put_char(&line, '}');
    assert_non_null(strstr(buf_str(&line), found));
    assert_ok(audit_append_resumed(log->audit, buf_slice(&line)));
    tree_close(log);
}

static void assert_refused_until_decided(tree_log *log)
{
    assert_err(open_remembering(log), P11KMS_E_AUDIT);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_AUDIT), "does not go on from"));
    assert_err(open_remembering(log), P11KMS_E_AUDIT);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_AUDIT), "stopped until you decide"));
    resume_stopped(log, "does not go on from");
    for (int starts = 0; starts < 2; starts++) {
        assert_ok(open_remembering(log));
        assert_ok(audit_append(log->audit, SLICE_LIT("{\"more\":1}")));
        tree_close(log);
    }
}

static void append_line(const tree_log *log, const char *name, const char *line, int n)
{
    int fd = open(scratch_path(log->folder, name), O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_true(fd >= 0);
    while (n-- > 0) {
        assert_int_equal(write(fd, line, strlen(line)), strlen(line));
    }
    close(fd);
}

static void forge_line(const tree_log *log)
{
    char text[SEGMENT_BYTES * 2];

    snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, file_text(log->folder, SEGMENT(1)));
    memcpy(strstr(text, "some"), "fake", 4);
    assert_int_equal(chmod(scratch_path(log->folder, SEGMENT(1)), 0640), 0);
    write_file(log->folder, SEGMENT(1), SLICE_STR(text));
}

static void test_a_rewritten_log_without_its_checkpoints_is_not_signed(void **state)
{
    tree_log *log = *state;

    write_remembered(log, 20);
    forge_line(log);
    remove_tree(log);
    assert_refused_until_decided(log);
}

static void test_an_older_copy_with_forged_records_behind_it_is_not_signed(void **state)
{
    tree_log *log = *state;
    char command[400];

    write_remembered(log, 10);
    snprintf(command, sizeof(command), "cp -a '%s' '%s.older'", log->folder, log->folder);
    assert_int_equal(system(command), 0);
    assert_ok(open_remembering(log));
    tree_add(log, 40);
    tree_close(log);
    snprintf(command, sizeof(command), "rm -rf '%s' && mv '%s.older' '%s'", log->folder, log->folder, log->folder);
    assert_int_equal(system(command), 0);
    append_line(log, SEGMENT(1), "{\"fake\":1}\n", 60);
    assert_refused_until_decided(log);
}

/*
 * A decision can be written by whoever has the disk. Here it makes an older copy the log: the service has to take
 * it, and bears witness to what it had signed, under its next signature.
 */
static void test_a_forged_decision_that_makes_an_older_copy_the_log_is_found_out(void **state)
{
    tree_log *log = *state;
    char command[400];
    verify_report report;

    write_remembered(log, 10);
    snprintf(command, sizeof(command), "cp -a '%s' '%s.older'", log->folder, log->folder);
    assert_int_equal(system(command), 0);
    assert_ok(open_remembering(log));
    tree_add(log, 40);
    tree_close(log);
    snprintf(command, sizeof(command), "rm -rf '%s' && mv '%s.older' '%s'", log->folder, log->folder, log->folder);
    assert_int_equal(system(command), 0);
    write_file(log->folder, "stopped", SLICE_LIT("forged\n30\n")); /* as the command does it, where no service runs */
    resume_stopped(log, "forged");
    for (int starts = 0; starts < 2; starts++) {
        assert_ok(open_remembering(log));
        assert_ok(audit_append(log->audit, SLICE_LIT("{\"more\":1}")));
        tree_close(log);
    }
    report = tree_verify(log);
    assert_int_equal(report.verdict, VERIFY_RECORDS);
    assert_non_null(strstr(report.reason, "70 had been, when the log was gone on with from 30"));
    assert_int_equal(report.covered, report.records);
    assert_int_equal(report.n_resumed, 1);
    assert_true(report.resumed[0].at_start && report.resumed[0].lost);
    assert_int_equal(report.resumed[0].signed_size, 70);
    assert_int_equal(report.resumed[0].index, 30);
    assert_string_equal(report.resumed[0].because, "it was me");
}

/* A true checkpoint beside the decision does not cover it. */
static void test_a_forged_decision_with_a_checkpoint_beside_it_is_told_as_one_taken_at_a_start(void **state)
{
    tree_log *log = *state;
    _cleanup_buf_ buf_t notes = { 0 };

    write_remembered(log, 10);
    write_file(log->folder, "stopped", SLICE_LIT("forged\n30\n"));
    resume_stopped(log, "forged");
    buf_printf(&notes, "%s\n", file_text(log->folder, "checkpoint"));
    write_file(log->folder, NOTES(2), buf_slice(&notes));
    assert_ok(open_remembering(log));
    tree_close(log);
    verify_report report = tree_verify(log);
    assert_int_equal(report.verdict, VERIFY_WHOLE);
    assert_int_equal(report.n_resumed, 1);
    assert_true(report.resumed[0].at_start);
    assert_false(report.resumed[0].lost);
    assert_int_equal(report.resumed[0].signed_size, 30);
}

static void test_a_log_that_lost_its_checkpoints_alone_is_signed_again(void **state)
{
    tree_log *log = *state;

    write_remembered(log, 20);
    remove_tree(log);
    assert_ok(open_remembering(log));
    tree_add(log, 5);
    tree_close_whole(log);
}

static void test_a_log_whose_folder_was_moved_away_begins_anew(void **state)
{
    tree_log *log = *state;
    char command[300];

    write_remembered(log, 20);
    snprintf(command, sizeof(command), "rm -rf '%s'", log->folder);
    assert_int_equal(system(command), 0);
    log->next = 0;
    assert_ok(open_remembering(log));
    tree_add(log, 5);
    tree_close_whole(log);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_a_closed_log_is_covered_to_its_last_record),
        PROMISE(test_many_segments_and_tiles_verify),
        PROMISE(test_a_log_without_a_signer_has_records_alone),
        PROMISE(test_records_are_covered_when_enough_of_them_wait),
        PROMISE(test_records_are_covered_when_time_has_passed),
        PROMISE(test_nothing_is_signed_while_there_is_nothing_new),
        PROMISE(test_failed_groups_are_not_in_the_tree),
        PROMISE(test_a_tail_that_could_not_be_cut_is_cut_at_the_next_start),
        PROMISE(test_tiles_that_cannot_be_written_hold_back_checkpoints_and_no_record),
        PROMISE(test_a_signer_that_hangs_delays_no_record),
        PROMISE(test_a_signer_that_fails_is_tried_again_and_counted),
        PROMISE(test_a_signature_that_does_not_verify_is_never_published),
        PROMISE(test_without_checkpoints_for_long_a_start_makes_them_up),
        PROMISE(test_a_log_goes_on_where_it_stopped),
        PROMISE(test_a_crash_at_any_record_is_made_good),
        PROMISE(test_a_torn_note_and_a_torn_record_are_cut),
        PROMISE(test_tiles_are_made_again),
        PROMISE(test_tiles_that_a_power_cut_took_are_made_again_from_the_newest_segment),
        PROMISE(test_tiles_that_a_killed_service_left_are_synced_by_the_next),
        PROMISE(test_a_log_from_before_gets_its_tree),
        PROMISE(test_a_log_from_before_whose_beginning_is_gone_begins_where_it_is),
        PROMISE(test_old_segments_may_go_with_or_without_their_notes),
        PROMISE(test_a_start_reads_no_more_than_the_newest_segment),
        PROMISE(test_a_clock_set_back_breaks_nothing),
        PROMISE(test_a_segment_is_closed_with_its_day_and_read_only),
        PROMISE(test_a_changed_record_is_named),
        PROMISE(test_records_that_are_lost_are_counted),
        PROMISE(test_a_lost_newest_segment_is_refused),
        PROMISE(test_the_segment_closed_last_is_not_one_that_may_be_moved_away),
        PROMISE(test_a_rewritten_log_without_its_checkpoints_is_not_signed),
        PROMISE(test_an_older_copy_with_forged_records_behind_it_is_not_signed),
        PROMISE(test_a_forged_decision_that_makes_an_older_copy_the_log_is_found_out),
        PROMISE(test_a_forged_decision_with_a_checkpoint_beside_it_is_told_as_one_taken_at_a_start),
        PROMISE(test_a_log_that_lost_its_checkpoints_alone_is_signed_again),
        PROMISE(test_a_log_whose_folder_was_moved_away_begins_anew),
        PROMISE(test_other_checkpoints_are_refused),
        PROMISE(test_tiles_that_disagree_are_refused_with_the_command_that_mends_it),
        PROMISE(test_tiles_cannot_be_made_again_without_the_segments),
    };

    return cmocka_run_group_tests(tests, prepare, NULL);
}
