#include "policy/pattern.h"

#include <time.h>

#include "tests/policy/kit.h"

typedef struct {
    const char *pattern;
    const char *text;
    bool matches;
} glob_row;

static const glob_row globs[] = {
    { "", "", true },
    { "", "a", false },
    { "a", "", false },
    { "*", "", true },
    { "*", "anything: at/all", true },
    { "?", "", false },
    { "?", "a", true },
    { "?", "ab", false },
    { "a*", "a", true },
    { "a*", "b", false },
    { "*a", "ba", true },
    { "*a", "ab", false },
    { "a*b", "ab", true },
    { "a*b", "a*b", true },
    { "a*b", "acb", true },
    { "a*b", "acbc", false },
    { "a*b*c", "a1b2b3c", true },
    { "a*b*c", "a1c2b3", false },
    { "**", "", true },
    { "***a***", "xay", true },
    { "a?c", "abc", true },
    { "a?c", "ac", false },
    { "?*", "", false },
    { "*?", "x", true },
    { "*?*?", "x", false },
    { "*?*?", "xy", true },
    { "ab*ab*ab", "abab", false },
    { "ab*ab*ab", "ababab", true },
    { "*ab", "aab", true },
    { "*aab", "aaab", true },
    { "A*", "a", false },
    { "[ab]*", "a", false },
    { "\\*", "\\x", true },
    { "a\\?", "a?", false },
    /* "?" is a character, not a byte */
    { "?", "\xc3\xa9", true },
    { "??", "\xc3\xa9", false },
    { "*??c",
      "\xc3\xa9"
      "c",
      false },
    { "*?\xc3\xa9", "x\xc3\xa9", true },
};

static void test_stars_and_question_marks_match_as_policies_use_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(globs); i++) {
        if (policy_glob(SLICE_STR(globs[i].pattern), SLICE_STR(globs[i].text)) != globs[i].matches) {
            fail_msg("'%s' against '%s'", globs[i].pattern, globs[i].text);
        }
    }
}

static void test_an_empty_view_without_memory_is_an_empty_text(void **state)
{
    (void)state;
    assert_true(policy_glob(SLICE_LIT("*"), (slice_t){ 0 }));
    assert_true(policy_glob((slice_t){ 0 }, (slice_t){ 0 }));
    assert_false(policy_glob(SLICE_LIT("a"), (slice_t){ 0 }));
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Tried in every combination this would take longer than the universe. */
static void test_many_stars_do_not_cost_exponential_time(void **state)
{
    char pattern[201];
    char text[2001];
    double began = seconds();
    (void)state;

    for (size_t i = 0; i < 200; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(text, 'a', 2000);
    text[2000] = '\0';
    assert_false(policy_glob(SLICE_STR(pattern), SLICE_STR(text)));
    text[1999] = 'b';
    assert_true(policy_glob(SLICE_STR(pattern), SLICE_STR(text)));
    assert_true(seconds() - began < 1);
}

typedef struct {
    match_mode mode;
    const char *pattern;
    const char *text;
    bool matches;
} pattern_row;

#define ARN "arn:aws:kms:eu-west-1:111122223333:key/1"

static const pattern_row patterns[] = {
    { MATCH_RESOURCE, "*", ARN, true },
    { MATCH_RESOURCE, "*", "*", true },
    { MATCH_RESOURCE, ARN, ARN, true },
    { MATCH_RESOURCE, ARN, ARN "2", false },
    { MATCH_RESOURCE, ARN, "*", false },
    { MATCH_RESOURCE, "arn:aws:kms:*:*:key/*", ARN, true },
    { MATCH_RESOURCE, "arn:aws:kms:*:111122223333:key/*", ARN, true },
    { MATCH_RESOURCE, "arn:aws:kms:*:444455556666:key/*", ARN, false },
    { MATCH_RESOURCE, "arn:aws:kms:eu-*:111122223333:alias/*", ARN, false },
    { MATCH_RESOURCE, "arn:aws:kms:eu-west-?:111122223333:key/?", ARN, true },
    { MATCH_RESOURCE, "ARN:aws:kms:eu-west-1:111122223333:key/1", ARN, false },
    { MATCH_RESOURCE, "arn:aws:kms:eu-west-1:111122223333:KEY/*", ARN, false },
    /* a star that ends a part runs on */
    { MATCH_RESOURCE, "arn:aws:kms:*", ARN, true },
    { MATCH_RESOURCE, "arn:*", ARN, true },
    { MATCH_RESOURCE, "arn:aws:k*", ARN, true },
    { MATCH_RESOURCE, "arn:aws:s3:*", ARN, false },
    { MATCH_RESOURCE, "arn:aws:kms:*:key/1", ARN, true },
    { MATCH_RESOURCE, "arn:aws:kms:eu*:key/1", ARN, true },
    { MATCH_RESOURCE, "arn:aws:kms:us*:key/1", ARN, false },
    { MATCH_RESOURCE, "arn:*:key/1", ARN, true },
    { MATCH_RESOURCE, "arn:*:kms:*:key/1", ARN, true },
    { MATCH_RESOURCE, "arn:*:111122223333:key/*", ARN, true },
    { MATCH_RESOURCE, "arn:*:key/2", ARN, false },
    { MATCH_RESOURCE, "arn:*:1111*", ARN, true },
    /* one that does not end a part stays in it, and so does a question mark */
    { MATCH_RESOURCE, "arn:aws:kms:e*1:111122223333:key/1", ARN, true },
    { MATCH_RESOURCE, "arn:aws:kms:e*3:key/1", ARN, false },
    { MATCH_RESOURCE, "arn:aws:*s:eu-west-1:111122223333:key/1", ARN, true },
    { MATCH_RESOURCE, "arn:aws:kms?eu-west-1:111122223333:key/1", ARN, false },
    { MATCH_RESOURCE, "arn:aws:k?s:111122223333:key/1", ARN, false },
    { MATCH_RESOURCE, "arn:aws:k?s", ARN, false },
    /* the resource part is one part, colons and all */
    { MATCH_RESOURCE, "arn:aws:logs:eu-west-1:1:a*z", "arn:aws:logs:eu-west-1:1:a:b:z", true },
    { MATCH_RESOURCE, "arn:aws:logs:eu-west-1:1:a?z", "arn:aws:logs:eu-west-1:1:a:z", true },
    { MATCH_RESOURCE, "arn:aws:logs:*:*:z", "arn:aws:logs:eu-west-1:1:a:b:z", true },
    { MATCH_RESOURCE, "arn:aws:secretsmanager:*:1:secret:db-??????",
      "arn:aws:secretsmanager:r:1:secret:db-Ab12Cd", true },
    { MATCH_RESOURCE, "arn:aws:secretsmanager:*:1:secret:db-??????",
      "arn:aws:secretsmanager:r:1:secret:db2-Ab12Cd", false },
    /* from the IAM User Guide */
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test/3/object.jpg", true },
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1///test///object.jpg", true },
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b//test/object.jpg", true },
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/test/", true },
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1-test/object.jpg", false },
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/test/object.jpg", false },
    { MATCH_RESOURCE, "arn:aws:s3:::b/*/test/*", "arn:aws:s3:::b/1/2/test.jpg", false },
    /* condition operators take the parts one by one, and no star runs on */
    { MATCH_ARN, ARN, ARN, true },
    { MATCH_ARN, "arn:aws:kms:*:*:key/*", ARN, true },
    { MATCH_ARN, "arn:*:*:*:*:*", ARN, true },
    { MATCH_ARN, "*:*:*:*:*:*", ARN, true },
    { MATCH_ARN, "arn:aws:kms:*:*:alias/*", ARN, false },
    { MATCH_ARN, "arn:aws:kms:*:*:*:*", ARN, false },
    { MATCH_ARN, "arn:aws:kms:eu-west-1:111122223333:key/*", "arn:aws:kms:eu-west-1:111122223333:key/a:b",
      true },
    { MATCH_ARN, "arn:aws:kms:*:*:key/*", "not an arn", false },
    { MATCH_ARN, "arn:aws:kms:eu-west-1:1*1", ARN, false },
    { MATCH_ARN, "arn:aws:kms:r:*:1", "arn:aws:kms:r:1:a:1", false },
    { MATCH_ARN, "arn:aws:kms:*:*:key/*", "arn:aws:kms:eu-west-1:key/1", false },
    { MATCH_ARN, "arn:aws:s:*:111122223333:finance/*",
      "arn:aws:s:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", false },
    { MATCH_TEXT, "arn:aws:s:*:111122223333:finance/*",
      "arn:aws:s:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", true },
    { MATCH_FOLDED, "Straw*", "sTRAW*", true },
    { MATCH_FOLDED, "straw", "strawberry", false },
    { MATCH_FOLDED, "stra", "strb", false },
};

static bool matches(const pattern_row *row, match_work *work)
{
    _cleanup_(arena) arena_t *arena = arena_new(1024);
    space_t space = { .arena = arena };
    policy_request request = { 0 };
    pattern_t pattern;

    assert_ok(pattern_compile(SLICE_STR(row->pattern),
                              (pattern_syntax){ .wildcards = row->mode != MATCH_FOLDED }, &space, &pattern));
    return pattern_matches(&pattern, row->mode, SLICE_STR(row->text), &request, work);
}

static void test_arns_match_part_by_part_as_aws_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        match_work work = { .steps_left = MATCH_STEPS_MAX };

        if (matches(&patterns[i], &work) != patterns[i].matches) {
            fail_msg("'%s' against '%s'", patterns[i].pattern, patterns[i].text);
        }
        assert_false(work.failed);
    }
}

/* A long run behind a star against a long text costs the product of their lengths. */
static void test_work_without_end_fails_instead(void **state)
{
    char pattern[4100];
    char text[9000];
    pattern_row row = { MATCH_TEXT, pattern, text, false };
    match_work work = { .steps_left = MATCH_STEPS_MAX };
    double began = seconds();
    (void)state;

    memset(pattern, 'a', sizeof(pattern));
    pattern[0] = '*';
    pattern[sizeof(pattern) - 2] = 'b';
    pattern[sizeof(pattern) - 1] = '\0';
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_false(matches(&row, &work));
    assert_true(work.failed);
    assert_true(seconds() - began < 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stars_and_question_marks_match_as_policies_use_them),
        cmocka_unit_test(test_an_empty_view_without_memory_is_an_empty_text),
        cmocka_unit_test(test_many_stars_do_not_cost_exponential_time),
        cmocka_unit_test(test_arns_match_part_by_part_as_aws_documents),
        cmocka_unit_test(test_work_without_end_fails_instead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
