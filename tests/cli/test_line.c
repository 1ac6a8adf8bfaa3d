#include "tests/testing.h"

#include "cli/line.h"

static const cli_option with_value = { "file", 'f', "FILE", "A file." };
static const cli_option flag = { "flag", '\0', NULL, "A flag." };
static const cli_option *const options[] = { &with_value, &flag, NULL };
static const cli_command command = {
    .name = "do this", .args = "A [B]", .min_args = 1, .max_args = 2, .options = options,
};

static cli_line line;

/* A word for each of @p words, NULL at the end. */
static p11kms_err parse(const char *const *words)
{
    size_t n = 0;

    while (words[n]) {
        n++;
    }
    line = (cli_line){ 0 };
    return cli_parse(&command, words, n, &line);
}

#define PARSE(...) parse((const char *const[]){ __VA_ARGS__, NULL })

static void test_values_come_in_every_usual_form(void **state)
{
    (void)state;
    assert_ok(PARSE("--file", "x", "a"));
    assert_string_equal(cli_value(&line, &with_value), "x");
    assert_ok(PARSE("--file=x=y", "a"));
    assert_string_equal(cli_value(&line, &with_value), "x=y");
    assert_ok(PARSE("-f", "x", "a"));
    assert_string_equal(cli_value(&line, &with_value), "x");
    assert_ok(PARSE("--file=", "a"));
    assert_string_equal(cli_value(&line, &with_value), "");
}

static void test_options_may_stand_behind_arguments(void **state)
{
    (void)state;
    assert_ok(PARSE("a", "--flag", "b"));
    assert_int_equal(line.n_args, 2);
    assert_string_equal(line.args[1], "b");
    assert_true(cli_has(&line, &flag));
    assert_false(cli_has(&line, &with_value));
    assert_null(cli_value(&line, &with_value));
}

static void test_the_last_of_several_counts_and_all_are_kept(void **state)
{
    const char *values[2];

    (void)state;
    assert_ok(PARSE("-f", "1", "a", "-f", "2", "-f", "3"));
    assert_string_equal(cli_value(&line, &with_value), "3");
    assert_int_equal(cli_values(&line, &with_value, values, 2), 2);
    assert_string_equal(values[1], "2");
}

static void test_words_that_only_look_like_options_are_arguments(void **state)
{
    (void)state;
    assert_ok(PARSE("-", "-2h"));
    assert_string_equal(line.args[0], "-");
    assert_string_equal(line.args[1], "-2h");
    assert_ok(PARSE("--", "--flag", "-f"));
    assert_string_equal(line.args[0], "--flag");
    assert_false(cli_has(&line, &flag));
}

static void test_a_line_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_err(PARSE("a", "--nothing"), P11KMS_E_SYNTAX);
    assert_err(PARSE("a", "--fil", "x"), P11KMS_E_SYNTAX);
    assert_err(PARSE("a", "-x"), P11KMS_E_SYNTAX);
    assert_err(PARSE("a", "-fx"), P11KMS_E_SYNTAX);
    assert_err(PARSE("a", "--file"), P11KMS_E_SYNTAX);
    assert_err(PARSE("a", "--flag=yes"), P11KMS_E_SYNTAX);
    assert_err(PARSE("--flag"), P11KMS_E_SYNTAX);
    assert_err(PARSE("a", "b", "c"), P11KMS_E_SYNTAX);
}

static void test_help_needs_no_arguments(void **state)
{
    (void)state;
    assert_ok(PARSE("--help"));
    assert_true(line.help);
}

static void test_too_many_words_are_refused(void **state)
{
    const char *words[CLI_GIVEN_MAX + 2] = { NULL };

    (void)state;
    for (size_t i = 0; i <= CLI_GIVEN_MAX; i++) {
        words[i] = "--flag";
    }
    assert_err(parse(words), P11KMS_E_SYNTAX);
}

static void assert_found(const char *first, const char *second, const char *name, size_t taken)
{
    const char *const words[] = { first, second };
    size_t n;
    const cli_command *found = cli_find(words, second ? 2 : 1, &n);

    if (!name) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found->name, name);
    assert_int_equal(n, taken);
}

static void test_commands_are_found_by_whole_words(void **state)
{
    (void)state;
    assert_found("init", NULL, "init", 1);
    assert_found("init", "--help", "init", 1);
    assert_found("identity", "add-key", "identity add-key", 2);
    assert_found("identity", NULL, NULL, 0);
    assert_found("identity", "add", NULL, 0);
    assert_found("ini", NULL, NULL, 0);
    assert_found("initialise", NULL, NULL, 0);
    assert_found("", NULL, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_in_every_usual_form),
        cmocka_unit_test(test_options_may_stand_behind_arguments),
        cmocka_unit_test(test_the_last_of_several_counts_and_all_are_kept),
        cmocka_unit_test(test_words_that_only_look_like_options_are_arguments),
        cmocka_unit_test(test_a_line_that_makes_no_sense_is_refused),
        cmocka_unit_test(test_help_needs_no_arguments),
        cmocka_unit_test(test_too_many_words_are_refused),
        cmocka_unit_test(test_commands_are_found_by_whole_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
