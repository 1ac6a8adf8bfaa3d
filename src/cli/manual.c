/* The COMMANDS section of p11kms(1), from the table. */
#include "cli/help.h"

#include <string.h>

/* A dot or quote at the start of a line is a request, a backslash an escape. */
void manual_text(FILE *out, const char *text)
{
    bool line_start = true;

    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        if (*text == '\\') {
            fputs("\\e", out);
        } else {
            fputc(*text, out);
        }
        /* a new sentence begins a new line */
        line_start = *text == '.' && text[1] == ' ';
        if (line_start) {
            fputc('\n', out);
            text++;
        }
    }
    fputc('\n', out);
}

/* "SERVICE OPERATION [JSON]", "[FILE]...": a line each */
static void put_args(FILE *out, const char *args)
{
    while (*args) {
        size_t len = strcspn(args, " ");
        bool optional = args[0] == '[';
        size_t name = strcspn(args + optional, "] .");
        bool repeated = len > 3 && strncmp(args + len - 3, "...", 3) == 0;
        fprintf(out, ".%sAr %.*s%s\n", optional ? "Op " : "", (int)name, args + optional, repeated ? " ..." : "");
        args += len + strspn(args + len, " ");
    }
}

static void put_option(FILE *out, const cli_option *option)
{
    fputs(".It ", out);
    if (option->letter) {
        fprintf(out, "Fl %c , ", option->letter);
    }
    fprintf(out, "Fl -%s", option->name);
    if (option->value) {
        fprintf(out, " Ar %s", option->value);
    }
    fputc('\n', out);
    manual_text(out, option->about);
}

static void put_command(FILE *out, const cli_command *command)
{
    fprintf(out, ".Ss p11kms %s\n.Nm p11kms Cm %s\n", command->name, command->name);
    if (command->options[0]) {
        fputs(".Op Ar option ...\n", out);
    }
    put_args(out, command->args);
    fputs(".Pp\n", out);
    manual_text(out, command->about);
    if (command->more) {
        manual_text(out, command->more);
    }
    if (command->options[0]) {
        fputs(".Bl -tag -width Ds\n", out);
        for (size_t i = 0; command->options[i]; i++) {
            put_option(out, command->options[i]);
        }
        fputs(".El\n", out);
    }
}

void cli_manual(FILE *out)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        put_command(out, cli_commands[i]);
    }
}
