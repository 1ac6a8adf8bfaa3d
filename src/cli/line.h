/* room: cli. A command line taken apart by its command's row. */
#pragma once

#include "cli/command.h"

#define CLI_GIVEN_MAX 64

struct cli_line {
    const cli_command *command;
    struct {
        const cli_option *option;
        const char *value; /* NULL: a flag */
    } given[CLI_GIVEN_MAX];
    size_t n_given;
    const char *args[CLI_GIVEN_MAX];
    size_t n_args;
    bool help;
};

/** The command that @p words begin with; *ret_words is how many it took. NULL: none. */
const cli_command *cli_find(const char *const *words, size_t n, size_t *ret_words);
/**
 * @param words  What stands behind the command's name.
 * @retval P11KMS_E_SYNTAX  Detail says what is wrong.
 */
MUST_USE p11kms_err cli_parse(const cli_command *command, const char *const *words, size_t n, cli_line *ret);

bool cli_has(const cli_line *line, const cli_option *option);
/** The last one given, or NULL. */
const char *cli_value(const cli_line *line, const cli_option *option);
/** Each one given, in order; at most @p max. @return how many */
size_t cli_values(const cli_line *line, const cli_option *option, const char **out, size_t max);
