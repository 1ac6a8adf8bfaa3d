#include "cli/line.h"

#include <string.h>

static bool is_word(const char *text, const char *word, size_t len)
{
    return strlen(text) == len && strncmp(text, word, len) == 0;
}

static size_t words_taken(const char *name, const char *const *words, size_t n)
{
    size_t taken = 0;

    while (*name) {
        size_t len = strcspn(name, " ");
        if (taken == n || !is_word(words[taken], name, len)) {
            return 0;
        }
        taken++;
        name += len + strspn(name + len, " ");
    }
    return taken;
}

const cli_command *cli_find(const char *const *words, size_t n, size_t *ret_words)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        *ret_words = words_taken(cli_commands[i]->name, words, n);
        if (*ret_words > 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

static const cli_option *find_long(const cli_command *command, const char *name, size_t len)
{
    for (size_t i = 0; command->options[i]; i++) {
        if (is_word(command->options[i]->name, name, len)) {
            return command->options[i];
        }
    }
    return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter)
{
    for (size_t i = 0; command->options[i]; i++) {
        if (letter != '\0' && command->options[i]->letter == letter) {
            return command->options[i];
        }
    }
    return NULL;
}

/* "--name", "--name=value" or "-n"; *ret_value points behind the "=" where there is one. */
static const cli_option *find_option(const cli_command *command, const char *word, const char **ret_value)
{
    *ret_value = NULL;
    if (word[1] != '-') {
        return word[2] == '\0' ? find_letter(command, word[1]) : NULL;
    }
    size_t len = strcspn(word + 2, "=");
    *ret_value = word[2 + len] == '=' ? word + 2 + len + 1 : NULL;
    return find_long(command, word + 2, len);
}

static p11kms_err take_option(cli_line *line, const char *const *words, size_t n, size_t *at)
{
    const char *word = words[*at];
    const char *value;
    const cli_option *option = find_option(line->command, word, &value);

    if (!option) {
        FAIL(P11KMS_E_SYNTAX, "there is no option '%s'", word);
    }
    if (option->value && !value) {
        if (*at + 1 == n) {
            FAIL(P11KMS_E_SYNTAX, "--%s needs a %s", option->name, option->value);
        }
        value = words[++*at];
    } else if (!option->value && value) {
        FAIL(P11KMS_E_SYNTAX, "--%s takes no value", option->name);
    }
    line->given[line->n_given].option = option;
    line->given[line->n_given++].value = value;
    return P11KMS_OK;
}

/* "-" is standard input, "-2h" an offset. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && (word[1] < '0' || word[1] > '9');
}

static p11kms_err check_args(const cli_line *line)
{
    const cli_command *command = line->command;

    if (line->n_args < command->min_args) {
        FAIL(P11KMS_E_SYNTAX, "'%s' needs %s", command->name, command->args);
    }
    if (line->n_args > command->max_args) {
        FAIL(P11KMS_E_SYNTAX, "'%s' is one word too many", line->args[command->max_args]);
    }
    return P11KMS_OK;
}

p11kms_err cli_parse(const cli_command *command, const char *const *words, size_t n, cli_line *ret)
{
    cli_line line = { .command = command };
    bool options_end = false;

    if (n > CLI_GIVEN_MAX) {
        FAIL(P11KMS_E_SYNTAX, "the line is too long");
    }
    for (size_t i = 0; i < n; i++) {
        if (options_end || !is_option(words[i])) {
            line.args[line.n_args++] = words[i];
        } else if (strcmp(words[i], "--") == 0) {
            options_end = true;
        } else if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) {
            line.help = true;
        } else {
            TRY(take_option(&line, words, n, &i));
        }
    }
    if (!line.help) {
        TRY(check_args(&line));
    }
    *ret = line;
    return P11KMS_OK;
}

bool cli_has(const cli_line *line, const cli_option *option)
{
    for (size_t i = 0; i < line->n_given; i++) {
        if (line->given[i].option == option) {
            return true;
        }
    }
    return false;
}

const char *cli_value(const cli_line *line, const cli_option *option)
{
    const char *value = NULL;

    for (size_t i = 0; i < line->n_given; i++) {
        if (line->given[i].option == option) {
            value = line->given[i].value;
        }
    }
    return value;
}

size_t cli_values(const cli_line *line, const cli_option *option, const char **out, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < line->n_given && n < max; i++) {
        if (line->given[i].option == option) {
            out[n++] = line->given[i].value;
        }
    }
    return n;
}
