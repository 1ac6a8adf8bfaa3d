/* What a start finds in the folder, and makes of it. */
#include "tests/testing.h"

#include "audit/recover.h"
#include "tests/audit/files.h"

#define ONE "audit-0000000001.jsonl"
#define TWO "audit-0000000002.jsonl"
#define THREE "audit-0000000003.jsonl"

static segments_t open_folder(const char *folder)
{
    segments_t segments;

    assert_ok(segments_open(folder, 1000, &segment_io_system, &segments));
    return segments;
}

static void open_and_close(const char *folder)
{
    segments_t segments = open_folder(folder);

    segments_close(&segments);
}

static void assert_refused(const char *folder, const char *part)
{
    segments_t segments;

    assert_err(segments_open(folder, 1000, &segment_io_system, &segments), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, part);
}

static void test_a_new_folder_is_readable_by_its_group_alone(void **state)
{
    const char *folder = scratch_path(scratch_folder(), "audit");
    mode_t old = umask(022);
    struct stat st;
    (void)state;

    open_and_close(folder);
    umask(old);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(count_files(folder), 1); /* the lock; the first segment comes with the first record */
}

static void test_a_folder_that_cannot_be_made_is_told(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    write_file(folder, "file", SLICE_LIT(""));
    assert_refused(scratch_path(folder, "file"), "file");
    assert_refused(scratch_path(folder, "no/such"), "no/such");
}

static void test_a_second_writer_is_refused_until_the_first_is_gone(void **state)
{
    const char *folder = scratch_folder();
    segments_t first = open_folder(folder);
    (void)state;

    assert_refused(folder, "another process");
    segments_close(&first);
    open_and_close(folder);
}

static void test_a_start_carries_on_with_the_last_segment(void **state)
{
    const char *folder = scratch_folder();
    segments_t segments;
    (void)state;

    write_file(folder, ONE, SLICE_LIT("old\n"));
    write_file(folder, TWO, SLICE_LIT("a\n"));
    segments = open_folder(folder);
    assert_ok(segments_append(&segments, SLICE_LIT("b\n")));
    segments_close(&segments);
    assert_string_equal(file_text(folder, TWO), "a\nb\n");
    assert_string_equal(file_text(folder, ONE), "old\n");
}

static void test_a_last_segment_that_is_full_stays_as_it_is(void **state)
{
    const char *folder = scratch_folder();
    char full[1001];
    segments_t segments;
    (void)state;

    memset(full, 'x', sizeof(full));
    full[1000] = '\n';
    write_file(folder, ONE, SLICE(full, sizeof(full)));
    segments = open_folder(folder);
    assert_ok(segments_append(&segments, SLICE_LIT("b\n")));
    segments_close(&segments);
    assert_int_equal(file_size(folder, ONE), 1001);
    assert_string_equal(file_text(folder, TWO), "b\n");
}

static void test_a_torn_last_line_is_cut_off_and_kept(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    write_file(folder, ONE, SLICE_LIT("whole\nalso whole\n{\"half"));
    open_and_close(folder);
    assert_string_equal(file_text(folder, ONE), "whole\nalso whole\n");
    assert_string_equal(file_text(folder, "torn-0001"), "{\"half");
}

static void test_a_torn_tail_of_many_chunks_is_cut_at_the_last_newline(void **state)
{
    const char *folder = scratch_folder();
    _cleanup_buf_ buf_t content = { 0 };
    (void)state;

    buf_put_str(&content, "whole\n");
    memset(buf_reserve(&content, 200000), 0, 200000); /* as a power cut may leave it */
    content.len += 200000;
    write_file(folder, ONE, buf_slice(&content));
    open_and_close(folder);
    assert_string_equal(file_text(folder, ONE), "whole\n");
    assert_int_equal(file_size(folder, "torn-0001"), 200000);
}

static void test_a_segment_that_is_one_torn_line_becomes_empty(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    write_file(folder, ONE, SLICE_LIT("x"));
    open_and_close(folder);
    assert_string_equal(file_text(folder, ONE), "");
    assert_string_equal(file_text(folder, "torn-0001"), "x");
}

static void test_torn_tails_never_replace_each_other(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    for (int i = 0; i < 3; i++) {
        write_file(folder, ONE, SLICE(&"abc"[i], 1));
        open_and_close(folder);
    }
    assert_string_equal(file_text(folder, "torn-0001"), "a");
    assert_string_equal(file_text(folder, "torn-0002"), "b");
    assert_string_equal(file_text(folder, "torn-0003"), "c");
}

static void test_a_torn_tail_left_in_an_earlier_segment_is_cut_too(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    write_file(folder, ONE, SLICE_LIT("a\nhal"));
    write_file(folder, TWO, SLICE_LIT("b\n"));
    open_and_close(folder);
    assert_string_equal(file_text(folder, ONE), "a\n");
    assert_string_equal(file_text(folder, "torn-0001"), "hal");
    assert_string_equal(file_text(folder, TWO), "b\n");
}

static void test_a_clients_words_do_not_make_up_for_a_missing_segment(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    write_file(folder, ONE, SLICE_LIT("a\n"));
    write_file(folder, "audit-0000000004.jsonl",
               SLICE_LIT("{\"eventName\":\"Encrypt\",\"requestParameters\":{\"encryptionContext\":"
                         "{\"eventName\":\"AuditResumed\"}}}\n"));
    assert_refused(folder, "segments 2 to 3 are missing");
}

static void test_a_missing_segment_in_the_middle_is_refused(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    write_file(folder, ONE, SLICE_LIT("a\n"));
    write_file(folder, "audit-0000000004.jsonl", SLICE_LIT("d\nhalf"));
    assert_refused(folder, "segments 2 to 3 are missing");
    assert_string_equal(file_text(folder, "audit-0000000004.jsonl"), "d\nhalf"); /* nothing was changed */
}

static void test_old_segments_may_have_been_moved_away(void **state)
{
    const char *folder = scratch_folder();
    segments_t segments;
    (void)state;

    write_file(folder, TWO, SLICE_LIT("b\n"));
    write_file(folder, THREE, SLICE_LIT("c\n"));
    segments = open_folder(folder);
    assert_ok(segments_append(&segments, SLICE_LIT("d\n")));
    segments_close(&segments);
    assert_string_equal(file_text(folder, THREE), "c\nd\n");
}

static void test_other_files_in_the_folder_are_nobodys_segments(void **state)
{
    static const char *const names[] = { "audit-1.jsonl",
                                         "audit-0000000007.jsonl.bz2",
                                         "audit-00000000007.jsonl",
                                         "xaudit-0000000007.jsonl",
                                         "audit-000000000x.jsonl",
                                         "audit-0000000000.jsonl",
                                         "notes" };
    const char *folder = scratch_folder();
    segments_t segments;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        write_file(folder, names[i], SLICE_LIT("half"));
    }
    segments = open_folder(folder);
    assert_ok(segments_append(&segments, SLICE_LIT("a\n")));
    segments_close(&segments);
    assert_string_equal(file_text(folder, ONE), "a\n");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(file_text(folder, names[i]), "half");
    }
}

static void test_a_segment_that_is_a_link_is_refused(void **state)
{
    const char *folder = scratch_folder();
    const char *elsewhere = scratch_folder();
    (void)state;

    write_file(elsewhere, "target", SLICE_LIT("a\nhalf"));
    assert_int_equal(symlink(scratch_path(elsewhere, "target"), scratch_path(folder, ONE)), 0);
    assert_refused(folder, ONE);
    assert_string_equal(file_text(elsewhere, "target"), "a\nhalf");
}

static void test_a_segment_that_is_a_pipe_is_refused_without_waiting(void **state)
{
    const char *folder = scratch_folder();
    (void)state;

    assert_int_equal(mkfifo(scratch_path(folder, ONE), 0600), 0);
    assert_refused(folder, ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_folder_is_readable_by_its_group_alone),
        cmocka_unit_test(test_a_folder_that_cannot_be_made_is_told),
        cmocka_unit_test(test_a_second_writer_is_refused_until_the_first_is_gone),
        cmocka_unit_test(test_a_start_carries_on_with_the_last_segment),
        cmocka_unit_test(test_a_last_segment_that_is_full_stays_as_it_is),
        cmocka_unit_test(test_a_torn_last_line_is_cut_off_and_kept),
        cmocka_unit_test(test_a_torn_tail_of_many_chunks_is_cut_at_the_last_newline),
        cmocka_unit_test(test_a_segment_that_is_one_torn_line_becomes_empty),
        cmocka_unit_test(test_torn_tails_never_replace_each_other),
        cmocka_unit_test(test_a_torn_tail_left_in_an_earlier_segment_is_cut_too),
        cmocka_unit_test(test_a_missing_segment_in_the_middle_is_refused),
        cmocka_unit_test(test_a_clients_words_do_not_make_up_for_a_missing_segment),
        cmocka_unit_test(test_old_segments_may_have_been_moved_away),
        cmocka_unit_test(test_other_files_in_the_folder_are_nobodys_segments),
        cmocka_unit_test(test_a_segment_that_is_a_link_is_refused),
        cmocka_unit_test(test_a_segment_that_is_a_pipe_is_refused_without_waiting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
