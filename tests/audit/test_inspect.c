#include "tests/testing.h"

#include "audit/audit.h"
#include "tests/audit/files.h"

static const char *folder;

static int prepare(void **state)
{
    (void)state;
    folder = scratch_folder();
    return 0;
}

static audit_look look(void)
{
    audit_look seen;

    assert_ok(audit_inspect(folder, &seen));
    return seen;
}

static void test_a_log_in_use_is_told_and_left_alone(void **state)
{
    const audit_options options = { .dir = folder };
    audit_t *audit;

    (void)state;
    assert_ok(audit_open(&options, &audit));
    assert_ok(audit_append(audit, SLICE_LIT("{\"a\":1}")));
    audit_look seen = look();
    assert_true(seen.in_use);
    assert_false(seen.torn);
    assert_int_equal(seen.first, 1);
    assert_int_equal(seen.last, 1);
    assert_int_equal(seen.bytes, 8);
    assert_ok(audit_append(audit, SLICE_LIT("{\"b\":2}")));
    audit_close(audit);
    seen = look();
    assert_false(seen.in_use);
    assert_int_equal(seen.bytes, 16);
}

static void test_a_torn_end_is_told(void **state)
{
    (void)state;
    write_file(folder, "audit-0000000001.jsonl", SLICE_LIT("{}\n"));
    write_file(folder, "audit-0000000002.jsonl", SLICE_LIT("{}\n{\"half"));
    audit_look seen = look();
    assert_true(seen.torn);
    assert_int_equal(seen.missing, 0);
    assert_int_equal(file_size(folder, "audit-0000000002.jsonl"), 9);
}

static void test_the_first_missing_segment_is_told(void **state)
{
    (void)state;
    write_file(folder, "audit-0000000003.jsonl", SLICE_LIT("{}\n"));
    write_file(folder, "audit-0000000004.jsonl", SLICE_LIT("{}\n"));
    write_file(folder, "audit-0000000007.jsonl", SLICE_LIT("{}\n"));
    audit_look seen = look();
    assert_int_equal(seen.missing, 5);
    assert_int_equal(seen.first, 3);
    assert_int_equal(seen.last, 7);
}

static void test_an_empty_folder_and_none_at_all_are_told_apart(void **state)
{
    audit_look seen = look();

    (void)state;
    assert_int_equal(seen.first, 0);
    assert_int_equal(seen.last, 0);
    assert_int_equal(count_files(folder), 0);
    assert_err(audit_inspect("/nonexistent/audit", &seen), P11KMS_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_log_in_use_is_told_and_left_alone, prepare),
        cmocka_unit_test_setup(test_a_torn_end_is_told, prepare),
        cmocka_unit_test_setup(test_the_first_missing_segment_is_told, prepare),
        cmocka_unit_test_setup(test_an_empty_folder_and_none_at_all_are_told_apart, prepare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
