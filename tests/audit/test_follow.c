/* Reading a log that grows. */
#include "tests/testing.h"

#include "audit/audit.h"
#include "audit/follow.h"
#include "tests/audit/files.h"

#define ONE "audit-0000000001.jsonl"
#define TWO "audit-0000000002.jsonl"

static const char *folder;

static int prepare(void **state)
{
    (void)state;
    folder = scratch_folder();
    return 0;
}

static void append(const char *name, const char *text)
{
    int fd = open(scratch_path(folder, name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void expect(follow_t *follow, const char *line)
{
    slice_t got;

    assert_ok(follow_next(follow, &got));
    assert_slice_text(got, line);
}

static void expect_nothing_yet(follow_t *follow)
{
    slice_t got;

    assert_err(follow_next(follow, &got), P11KMS_E_NOT_FOUND);
}

static follow_t *begin(void)
{
    follow_t *follow;

    assert_ok(follow_open(folder, &follow));
    return follow;
}

static bool is_any(void *arg, slice_t line)
{
    (void)arg;
    (void)line;
    return true;
}

static bool has_an_x(void *arg, slice_t line)
{
    ++*(unsigned *)arg;
    return memchr(line.data, 'x', line.len) != NULL;
}

static void test_records_come_in_order_over_segments(void **state)
{
    (void)state;
    append(ONE, "a\nb\n");
    append(TWO, "c\n");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    expect(follow, "b");
    expect(follow, "c");
    expect_nothing_yet(follow);
    append(TWO, "d\n");
    expect(follow, "d");
    append("audit-0000000003.jsonl", "e\n");
    expect(follow, "e");
    expect_nothing_yet(follow);
}

static void test_a_log_that_is_not_begun_is_waited_for(void **state)
{
    follow_t *none;

    (void)state;
    _cleanup_(follow) follow_t *follow = begin();
    expect_nothing_yet(follow);
    append(ONE, "a\n");
    expect(follow, "a");
    assert_err(follow_open("/nonexistent/audit", &none), P11KMS_E_NOT_FOUND);
}

static void test_a_line_is_given_out_whole_or_not(void **state)
{
    (void)state;
    append(ONE, "a\nhal");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    expect_nothing_yet(follow);
    append(ONE, "f\n");
    expect(follow, "half");
}

static void test_what_is_torn_before_the_next_segment_is_left_out(void **state)
{
    (void)state;
    append(ONE, "a\ntorn");
    append(TWO, "b\n");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    expect(follow, "b");
}

static void test_what_is_written_just_before_the_next_segment_is_not_missed(void **state)
{
    (void)state;
    append(ONE, "a\n");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    expect_nothing_yet(follow);
    append(ONE, "b\n");
    append(TWO, "c\n");
    expect(follow, "b");
    expect(follow, "c");
}

static void test_a_missing_segment_does_not_stop_it(void **state)
{
    (void)state;
    append(ONE, "a\n");
    append("audit-0000000007.jsonl", "b\n");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    expect(follow, "b");
}

static void test_a_file_that_became_shorter_is_told_once(void **state)
{
    slice_t got;

    (void)state;
    append(ONE, "a\nb\n");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    expect(follow, "b");
    assert_int_equal(truncate(scratch_path(folder, ONE), 2), 0);
    p11kms_err err = follow_next(follow, &got);
    assert_err(err, P11KMS_E_AUDIT);
    assert_detail_names(err, ONE);
    expect_nothing_yet(follow);
    append(ONE, "c\n");
    expect(follow, "c");
}

static void test_the_last_ones_are_found_from_the_end(void **state)
{
    (void)state;
    append(ONE, "a\nb\nc\n");
    append(TWO, "d\ntorn");
    _cleanup_(follow) follow_t *follow = begin();
    assert_ok(follow_last(follow, 2, is_any, NULL));
    expect(follow, "c");
    expect(follow, "d");
    expect_nothing_yet(follow);
    assert_ok(follow_last(follow, 1, is_any, NULL));
    expect(follow, "d");
    assert_ok(follow_last(follow, 4, is_any, NULL));
    expect(follow, "a");
    assert_ok(follow_last(follow, 5, is_any, NULL));
    expect(follow, "a");
}

static void test_none_of_the_last_is_what_comes(void **state)
{
    (void)state;
    append(ONE, "a\n");
    _cleanup_(follow) follow_t *follow = begin();
    assert_ok(follow_last(follow, 0, is_any, NULL));
    expect_nothing_yet(follow);
    append(ONE, "b\n");
    expect(follow, "b");
}

static void test_the_last_wanted_are_found_and_no_more_is_looked_at(void **state)
{
    _cleanup_buf_ buf_t others = { 0 };
    unsigned looked = 0;

    (void)state;
    append(ONE, "x1\nx2\n");
    for (int i = 0; i < 100; i++) {
        buf_put_str(&others, "other\n");
    }
    append(TWO, buf_str(&others));
    append(TWO, "x3\n");
    _cleanup_(follow) follow_t *follow = begin();
    assert_ok(follow_last(follow, 2, has_an_x, &looked));
    expect(follow, "x2");
    assert_int_equal(looked, 102);
}

/* Lines longer than a chunk, at every place of it. */
static void test_long_lines_are_read_both_ways(void **state)
{
    static char long_line[AUDIT_RECORD_MAX + 2];
    slice_t got;

    (void)state;
    memset(long_line, 'x', AUDIT_RECORD_MAX);
    strcpy(long_line + AUDIT_RECORD_MAX, "\n");
    for (int i = 0; i < 3; i++) {
        append(ONE, "short\n");
        append(ONE, long_line);
    }
    _cleanup_(follow) follow_t *follow = begin();
    for (int i = 0; i < 3; i++) {
        expect(follow, "short");
        assert_ok(follow_next(follow, &got));
        assert_int_equal(got.len, AUDIT_RECORD_MAX);
    }
    expect_nothing_yet(follow);
    assert_ok(follow_last(follow, 3, is_any, NULL));
    assert_ok(follow_next(follow, &got));
    assert_int_equal(got.len, AUDIT_RECORD_MAX);
    expect(follow, "short");
}

static void test_a_line_without_end_takes_no_more_memory_and_is_told_by_its_beginning(void **state)
{
    static char endless[3 * AUDIT_RECORD_MAX + 1];
    slice_t got;

    (void)state;
    memset(endless, 'y', sizeof(endless) - 1);
    append(ONE, endless);
    append(ONE, "\na\n");
    _cleanup_(follow) follow_t *follow = begin();
    assert_ok(follow_next(follow, &got));
    assert_int_equal(got.len, AUDIT_RECORD_MAX);
    expect(follow, "a");
    assert_ok(follow_last(follow, 1, is_any, NULL));
    expect(follow, "a");
    assert_ok(follow_last(follow, 2, is_any, NULL));
}

/* ---- compressed segments ---- */

static void run(const char *command)
{
    char line[512];

    snprintf(line, sizeof(line), "cd '%s' && %s", folder, command);
    assert_int_equal(system(line), 0);
}

static void test_compressed_segments_are_read_in_order(void **state)
{
    (void)state;
    append(ONE, "a\nb\ntorn");
    append(TWO, "c\n");
    append("audit-0000000003.jsonl", "d\ne\n");
    append("audit-0000000004.jsonl", "f\n");
    run("gzip " ONE " && zstd -q --rm " TWO " && gzip -k audit-0000000003.jsonl"); /* the last is there twice: read once */
    _cleanup_(follow) follow_t *follow = begin();
    static const char *const lines[] = { "a", "b", "c", "d", "e", "f" };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        expect(follow, lines[i]);
    }
    expect_nothing_yet(follow);
    append("audit-0000000004.jsonl", "g\n");
    expect(follow, "g");
}

static void test_the_last_ones_are_found_in_compressed_segments_too(void **state)
{
    unsigned looked = 0;

    (void)state;
    append(ONE, "x1\no\nx2\no\n");
    append(TWO, "o\nx3\no\n");
    append("audit-0000000003.jsonl", "o\n");
    run("gzip " ONE " && zstd -q --rm " TWO);
    _cleanup_(follow) follow_t *follow = begin();
    assert_ok(follow_last(follow, 2, has_an_x, &looked));
    static const char *const lines[] = { "x2", "o", "o", "x3", "o", "o" };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        expect(follow, lines[i]);
    }
    expect_nothing_yet(follow);
    assert_ok(follow_last(follow, 1, has_an_x, &looked));
    expect(follow, "x3");
    assert_ok(follow_last(follow, 3, has_an_x, &looked));
    expect(follow, "x1");
    assert_ok(follow_last(follow, 9, has_an_x, &looked));
    expect(follow, "x1");
}

static void test_what_is_compressed_while_it_is_followed_is_neither_missed_nor_repeated(void **state)
{
    (void)state;
    append(ONE, "a\nb\n");
    _cleanup_(follow) follow_t *follow = begin();
    expect(follow, "a");
    append(TWO, "c\n");
    append("audit-0000000003.jsonl", "d\n");
    run("gzip " ONE " " TWO);
    expect(follow, "b");
    expect(follow, "c");
    expect(follow, "d");
    expect_nothing_yet(follow);
    append("audit-0000000004.jsonl", "e\n");
    run("gzip audit-0000000003.jsonl audit-0000000004.jsonl");
    expect(follow, "e");
    expect_nothing_yet(follow);
    assert_ok(follow_last(follow, 0, is_any, NULL)); /* behind a newest one that is compressed */
    expect_nothing_yet(follow);
    append("audit-0000000005.jsonl", "f\n");
    expect(follow, "f");
}

static void test_a_damaged_compressed_segment_is_told_once_and_what_follows_is_read(void **state)
{
    slice_t got;

    (void)state;
    append(ONE ".gz", "no gzip");
    append(TWO, "b\n");
    _cleanup_(follow) follow_t *follow = begin();
    p11kms_err err = follow_next(follow, &got);
    assert_err(err, P11KMS_E_AUDIT);
    assert_detail_names(err, ONE ".gz");
    expect(follow, "b");
    expect_nothing_yet(follow);
}

static void test_a_line_too_long_in_a_compressed_segment_is_an_error_not_its_end(void **state)
{
    slice_t got;

    (void)state;
    run("head -c 300000 /dev/zero | tr '\\0' y >" ONE " && echo >>" ONE " && gzip " ONE);
    append(TWO, "b\n");
    _cleanup_(follow) follow_t *follow = begin();
    assert_err(follow_next(follow, &got), P11KMS_E_AUDIT);
    expect(follow, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_records_come_in_order_over_segments, prepare),
        cmocka_unit_test_setup(test_a_log_that_is_not_begun_is_waited_for, prepare),
        cmocka_unit_test_setup(test_a_line_is_given_out_whole_or_not, prepare),
        cmocka_unit_test_setup(test_what_is_torn_before_the_next_segment_is_left_out, prepare),
        cmocka_unit_test_setup(test_what_is_written_just_before_the_next_segment_is_not_missed, prepare),
        cmocka_unit_test_setup(test_a_missing_segment_does_not_stop_it, prepare),
        cmocka_unit_test_setup(test_a_file_that_became_shorter_is_told_once, prepare),
        cmocka_unit_test_setup(test_the_last_ones_are_found_from_the_end, prepare),
        cmocka_unit_test_setup(test_none_of_the_last_is_what_comes, prepare),
        cmocka_unit_test_setup(test_the_last_wanted_are_found_and_no_more_is_looked_at, prepare),
        cmocka_unit_test_setup(test_long_lines_are_read_both_ways, prepare),
        cmocka_unit_test_setup(test_compressed_segments_are_read_in_order, prepare),
        cmocka_unit_test_setup(test_the_last_ones_are_found_in_compressed_segments_too, prepare),
        cmocka_unit_test_setup(test_what_is_compressed_while_it_is_followed_is_neither_missed_nor_repeated, prepare),
        cmocka_unit_test_setup(test_a_damaged_compressed_segment_is_told_once_and_what_follows_is_read, prepare),
        cmocka_unit_test_setup(test_a_line_too_long_in_a_compressed_segment_is_an_error_not_its_end, prepare),
        cmocka_unit_test_setup(test_a_line_without_end_takes_no_more_memory_and_is_told_by_its_beginning, prepare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
