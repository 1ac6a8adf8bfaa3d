#include "tests/testing.h"

#include <stdio.h>

#include "cli/help.h"

static char *text;
static size_t text_len;

static FILE *begin(void)
{
    text = NULL;
    return open_memstream(&text, &text_len);
}

static bool ends_a_sentence(const char *about)
{
    return about && about[0] && about[strlen(about) - 1] == '.';
}

static void test_every_row_says_what_it_is_for(void **state)
{
    (void)state;
    for (size_t c = 0; cli_commands[c]; c++) {
        const cli_command *command = cli_commands[c];
        assert_non_null(command->run);
        assert_true(ends_a_sentence(command->about));
        assert_true(!command->more || ends_a_sentence(command->more));
        assert_true(command->min_args <= command->max_args);
        assert_int_equal(command->max_args > 0, command->args[0] != '\0');
        for (size_t i = 0; command->options[i]; i++) {
            assert_true(ends_a_sentence(command->options[i]->about));
        }
    }
}

static void test_no_name_or_letter_is_given_twice(void **state)
{
    (void)state;
    for (size_t c = 0; cli_commands[c]; c++) {
        for (size_t d = 0; d < c; d++) {
            assert_string_not_equal(cli_commands[c]->name, cli_commands[d]->name);
        }
        const cli_option *const *options = cli_commands[c]->options;
        for (size_t i = 0; options[i]; i++) {
            for (size_t j = 0; j < i; j++) {
                assert_string_not_equal(options[i]->name, options[j]->name);
                assert_true(!options[i]->letter || options[i]->letter != options[j]->letter);
            }
        }
    }
}

static void assert_tells_all(const char *what, bool options)
{
    for (size_t c = 0; cli_commands[c]; c++) {
        if (!strstr(text, cli_commands[c]->name)) {
            fail_msg("%s does not tell '%s'", what, cli_commands[c]->name);
        }
        for (size_t i = 0; options && cli_commands[c]->options[i]; i++) {
            if (!strstr(text, cli_commands[c]->options[i]->name)) {
                fail_msg("%s does not tell '--%s'", what, cli_commands[c]->options[i]->name);
            }
        }
    }
    free(text);
}

static void test_help_completion_and_manual_tell_every_command(void **state)
{
    FILE *out = begin();

    (void)state;
    cli_help(out);
    fclose(out);
    assert_tells_all("--help", false);
    out = begin();
    assert_true(cli_completion(out, "bash"));
    fclose(out);
    assert_tells_all("bash", true);
    out = begin();
    assert_true(cli_completion(out, "zsh"));
    fclose(out);
    assert_tells_all("zsh", true);
    out = begin();
    cli_manual(out);
    fclose(out);
    assert_tells_all("the manual", true);
}

static void test_other_shells_have_no_completion(void **state)
{
    FILE *out = begin();

    (void)state;
    assert_false(cli_completion(out, "fish"));
    fclose(out);
    assert_int_equal(text_len, 0);
    free(text);
}

static void test_a_commands_help_names_its_options(void **state)
{
    FILE *out = begin();

    (void)state;
    cli_help_command(out, cli_commands[0]);
    fclose(out);
    assert_non_null(strstr(text, "--pin-source SOURCE"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_says_what_it_is_for),
        cmocka_unit_test(test_no_name_or_letter_is_given_twice),
        cmocka_unit_test(test_help_completion_and_manual_tell_every_command),
        cmocka_unit_test(test_other_shells_have_no_completion),
        cmocka_unit_test(test_a_commands_help_names_its_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
