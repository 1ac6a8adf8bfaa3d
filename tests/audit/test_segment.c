/* Appending: durable or not at all, whatever the disk does. */
#include "tests/testing.h"

#include <errno.h>

#include "audit/recover.h"
#include "tests/audit/files.h"
#include "tests/fakes/fake_disk.h"

#define ONE "audit-0000000001.jsonl"
#define TWO "audit-0000000002.jsonl"
#define THREE "audit-0000000003.jsonl"
#define LIMIT 10

typedef struct {
    const char *folder;
    segments_t segments;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    fake_disk_reset();
    f->folder = scratch_folder();
    assert_ok(segments_open(f->folder, LIMIT, &fake_disk_io, &f->segments));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    segments_close(&f->segments);
    free(f);
    return 0;
}

static void append(fixture *f, const char *lines)
{
    assert_ok(segments_append(&f->segments, SLICE_STR(lines)));
}

static void append_fails(fixture *f, const char *lines, const char *part)
{
    assert_err(segments_append(&f->segments, SLICE_STR(lines)), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, part);
}

static void test_a_group_is_one_write_and_one_sync(void **state)
{
    fixture *f = *state;

    append(f, "a\nb\nc\n");
    assert_int_equal(fake_disk_writes(), 1);
    assert_int_equal(fake_disk_syncs(), 1);
    assert_string_equal(file_text(f->folder, ONE), "a\nb\nc\n");
}

static void test_a_segment_is_its_owners_and_readable_by_the_group(void **state)
{
    fixture *f = *state;
    mode_t old = umask(077);
    struct stat st;

    append(f, "a\n");
    umask(old);
    assert_int_equal(stat(scratch_path(f->folder, ONE), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_a_segment_past_its_length_is_closed_and_the_next_begun(void **state)
{
    fixture *f = *state;

    append(f, "12345678\n");
    append(f, "0\n");
    append(f, "next\n");
    assert_string_equal(file_text(f->folder, ONE), "12345678\n0\n");
    assert_string_equal(file_text(f->folder, TWO), "next\n");
}

static void test_a_group_is_never_split_between_segments(void **state)
{
    fixture *f = *state;

    append(f, "a\n");
    append(f, "123456789\n123456789\n");
    assert_string_equal(file_text(f->folder, ONE), "a\n123456789\n123456789\n");
    assert_string_equal(file_text(f->folder, TWO), "absent");
}

static void test_short_writes_are_carried_on(void **state)
{
    fixture *f = *state;

    fake_disk_short_writes(2);
    append(f, "abcdefg\n");
    assert_string_equal(file_text(f->folder, ONE), "abcdefg\n");
    assert_int_equal(fake_disk_writes(), 4);
    assert_int_equal(fake_disk_syncs(), 1);
}

static void test_what_a_full_disk_took_of_a_group_is_cut_off_again(void **state)
{
    fixture *f = *state;

    append(f, "a\n");
    fake_disk_room(3, ENOSPC);
    append_fails(f, "bcdef\n", "No space left");
    assert_string_equal(file_text(f->folder, ONE), "a\n");
    fake_disk_room(-1, 0);
    append(f, "g\n");
    assert_string_equal(file_text(f->folder, ONE), "a\ng\n");
}

static void test_a_tail_that_cannot_be_cut_off_is_left_behind_in_its_segment(void **state)
{
    fixture *f = *state;

    append(f, "a\n");
    fake_disk_room(3, EIO);
    fake_disk_fail_truncate(2, EIO);
    append_fails(f, "bcdef\n", ONE);
    fake_disk_room(-1, 0);
    append(f, "g\n");
    assert_string_equal(file_text(f->folder, ONE), "a\nbcd");
    assert_string_equal(file_text(f->folder, TWO), "g\n");

    /* and the next start cuts it */
    segments_close(&f->segments);
    assert_ok(segments_open(f->folder, LIMIT, &fake_disk_io, &f->segments));
    assert_string_equal(file_text(f->folder, ONE), "a\n");
    assert_string_equal(file_text(f->folder, "torn-0001"), "bcd");
}

static void test_after_a_failed_sync_a_new_segment_is_begun(void **state)
{
    fixture *f = *state;

    append(f, "a\n");
    fake_disk_fail_sync(1, EIO);
    append_fails(f, "b\n", "sync");
    append(f, "c\n");
    assert_string_equal(file_text(f->folder, ONE), "a\n");
    assert_string_equal(file_text(f->folder, TWO), "c\n");
}

static void test_syncs_that_go_on_failing_do_not_fill_the_folder(void **state)
{
    fixture *f = *state;

    append(f, "a\n");
    fake_disk_fail_sync(20, EIO);
    for (int i = 0; i < 20; i++) {
        append_fails(f, "b\n", "sync");
    }
    append(f, "c\n");
    assert_string_equal(file_text(f->folder, TWO), "c\n");
    assert_int_equal(count_files(f->folder), 3); /* with the lock */
}

static void test_a_segment_that_somebody_else_made_is_never_written_to(void **state)
{
    fixture *f = *state;

    append(f, "123456789\n");
    write_file(f->folder, TWO, SLICE_LIT("not ours\n"));
    append_fails(f, "b\n", TWO);
    append_fails(f, "b\n", TWO);
    assert_string_equal(file_text(f->folder, TWO), "not ours\n");
    assert_int_equal(unlink(scratch_path(f->folder, TWO)), 0);
    append(f, "b\n");
    assert_string_equal(file_text(f->folder, TWO), "b\n");
}

static void test_appends_go_to_the_end_wherever_that_is(void **state)
{
    fixture *f = *state;
    int fd;

    append(f, "a\n");
    fd = open(scratch_path(f->folder, ONE), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "x\n", 2), 2);
    close(fd);
    append(f, "b\n");
    assert_string_equal(file_text(f->folder, ONE), "a\nx\nb\n");
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_a_group_is_one_write_and_one_sync),
        PROMISE(test_a_segment_is_its_owners_and_readable_by_the_group),
        PROMISE(test_a_segment_past_its_length_is_closed_and_the_next_begun),
        PROMISE(test_a_group_is_never_split_between_segments),
        PROMISE(test_short_writes_are_carried_on),
        PROMISE(test_what_a_full_disk_took_of_a_group_is_cut_off_again),
        PROMISE(test_a_tail_that_cannot_be_cut_off_is_left_behind_in_its_segment),
        PROMISE(test_after_a_failed_sync_a_new_segment_is_begun),
        PROMISE(test_syncs_that_go_on_failing_do_not_fill_the_folder),
        PROMISE(test_a_segment_that_somebody_else_made_is_never_written_to),
        PROMISE(test_appends_go_to_the_end_wherever_that_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
