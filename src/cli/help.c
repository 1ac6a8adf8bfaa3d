#include "cli/help.h"

#define COLUMN 31

static void put_padded(FILE *out, const char *left, const char *right)
{
    fprintf(out, "  %-*s %s\n", COLUMN, left, right);
}

void cli_help(FILE *out)
{
    fputs("p11kms COMMAND [OPTION]... [ARGUMENT]...\n\n", out);
    for (size_t i = 0; cli_commands[i]; i++) {
        char left[128];
        snprintf(left, sizeof(left), "%s %s", cli_commands[i]->name, cli_commands[i]->args);
        put_padded(out, left, cli_commands[i]->about);
    }
    fputs("\np11kms COMMAND --help tells a command's options; p11kms(1) tells everything.\n", out);
}

void cli_help_command(FILE *out, const cli_command *command)
{
    bool has_options = command->options[0] != NULL;

    fprintf(out, "p11kms %s%s%s%s\n\n%s\n", command->name, has_options ? " [OPTION]..." : "",
            command->args[0] ? " " : "", command->args, command->about);
    for (size_t i = 0; command->options[i]; i++) {
        const cli_option *option = command->options[i];
        char left[128];
        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", option->letter ? '-' : ' ',
                 option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
                 option->value ? " " : "", option->value ? option->value : "");
        fprintf(out, "%s", i == 0 ? "\n" : "");
        put_padded(out, left, option->about);
    }
}
