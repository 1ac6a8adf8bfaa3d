/* Completion scripts from the table, for bash and zsh. */
#include "cli/help.h"

#include <string.h>

/* What is completed with names of files, by the word that --help shows. */
static bool is_file(const char *value)
{
    static const char *const files[] = { "FILE", "PATH", "DIR", "[FILE]...", "[DIR] [NAME=VALUE]..." };

    for (size_t i = 0; value && i < COUNT_OF(files); i++) {
        if (strcmp(value, files[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* An option that several commands take is named at the first of them. */
static bool is_first(size_t command, const cli_option *option)
{
    for (size_t c = 0; c < command; c++) {
        for (size_t i = 0; cli_commands[c]->options[i]; i++) {
            if (strcmp(cli_commands[c]->options[i]->name, option->name) == 0) {
                return false;
            }
        }
    }
    return true;
}

/* ---- bash ---- */

/* "--config|-c|--socket)" of every option whose value is, or is not, a file */
static void bash_values(FILE *out, bool files, const char *act)
{
    bool any = false;

    fputs("    ", out);
    for (size_t c = 0; cli_commands[c]; c++) {
        for (size_t i = 0; cli_commands[c]->options[i]; i++) {
            const cli_option *option = cli_commands[c]->options[i];
            if (option->value && is_file(option->value) == files && is_first(c, option)) {
                fprintf(out, "%s--%s", any ? "|" : "", option->name);
                if (option->letter) {
                    fprintf(out, "|-%c", option->letter);
                }
                any = true;
            }
        }
    }
    fprintf(out, ")\n        %s\n        return\n        ;;\n", act);
}

static void bash_command(FILE *out, const cli_command *command)
{
    fprintf(out, "    \"%s \"*)\n        words='", command->name);
    for (size_t i = 0; command->options[i]; i++) {
        fprintf(out, "--%s ", command->options[i]->name);
    }
    fputs("--help'\n", out);
    if (is_file(command->args)) {
        fputs("        files=-f\n", out);
    }
    fputs("        ;;\n", out);
}

/* The second words behind @p first, once for each first word of two. */
static void bash_second_words(FILE *out, size_t at)
{
    const char *name = cli_commands[at]->name;
    size_t first = strcspn(name, " ");
    bool seen = at > 0 && strncmp(cli_commands[at - 1]->name, name, first + 1) == 0;

    if (name[first] == '\0' || seen) {
        return;
    }
    fprintf(out, "    \"%.*s \"*)\n        words='", (int)first, name);
    for (size_t i = at; cli_commands[i] && strncmp(cli_commands[i]->name, name, first + 1) == 0; i++) {
        fprintf(out, "%s%s", i > at ? " " : "", cli_commands[i]->name + first + 1);
    }
    fputs("'\n        ;;\n", out);
}

/* Every first word once: those of one first word stand together in the table. */
static void first_words(FILE *out)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name;
        size_t len = strcspn(name, " ");
        if (i == 0 || strncmp(cli_commands[i - 1]->name, name, len) != 0 ||
            strcspn(cli_commands[i - 1]->name, " ") != len) {
            fprintf(out, "%.*s ", (int)len, name);
        }
    }
}

static void bash(FILE *out)
{
    fputs("# bash completion for p11kms, made by: p11kms completion bash\n"
          "_p11kms()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' files=''\n"
          "    case $prev in\n",
          out);
    bash_values(out, true, "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")");
    bash_values(out, false, "COMPREPLY=()");
    fputs("    esac\n    case \"${COMP_WORDS[*]:1:COMP_CWORD-1} \" in\n", out);
    for (size_t i = 0; cli_commands[i]; i++) {
        bash_command(out, cli_commands[i]);
    }
    for (size_t i = 0; cli_commands[i]; i++) {
        bash_second_words(out, i);
    }
    fputs("    \" \")\n        words='", out);
    first_words(out);
    fputs("--help --version'\n        ;;\n    esac\n"
          "    # shellcheck disable=SC2086\n"
          "    mapfile -t COMPREPLY < <(compgen $files -W \"$words\" -- \"$cur\")\n"
          "}\n"
          "complete -o filenames -F _p11kms p11kms\n",
          out);
}

/* ---- zsh ---- */

/* Quotes and brackets mean something to _arguments. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
        } else {
            fprintf(out, "%s%c", strchr("[]:\\", *text) ? "\\" : "", *text);
        }
    }
}

static void zsh_command(FILE *out, const cli_command *command)
{
    bool two = strchr(command->name, ' ') != NULL;

    fprintf(out, "    ('%s'%s)\n        (( skip = %d ))\n        specs=(\n", command->name, two ? "" : "\\ *",
            two ? 2 : 1);
    for (size_t i = 0; command->options[i]; i++) {
        const cli_option *option = command->options[i];
        fprintf(out, "            '*--%s%s[", option->name, option->value ? "=" : "");
        zsh_text(out, option->about);
        fputs("]", out);
        if (option->value) {
            fprintf(out, ":%s:%s", option->value, is_file(option->value) ? "_files" : "");
        }
        fputs("'\n", out);
    }
    if (command->max_args > 0) {
        fputs("            '*:", out);
        zsh_text(out, command->args);
        fprintf(out, ":%s'\n", is_file(command->args) ? "_files" : "");
    }
    fputs("        )\n        ;;\n", out);
}

static void zsh(FILE *out)
{
    fputs("#compdef p11kms\n# made by: p11kms completion zsh\n"
          "_p11kms() {\n"
          "    local -a specs\n"
          "    local -i skip=0\n"
          "    case \"${words[2]} ${words[3]}\" in\n",
          out);
    for (size_t i = 0; cli_commands[i]; i++) {
        zsh_command(out, cli_commands[i]);
    }
    fputs("    esac\n"
          "    if (( skip == 0 || CURRENT <= skip + 1 )); then\n"
          "        if (( CURRENT == 2 )); then\n"
          "            compadd -- ",
          out);
    first_words(out);
    fputs("\n        else\n            case ${words[2]} in\n", out);
    for (size_t i = 0; cli_commands[i]; i++) {
        const char *name = cli_commands[i]->name;
        size_t first = strcspn(name, " ");
        if (name[first]) {
            fprintf(out, "            (%.*s) compadd -- %s ;|\n", (int)first, name, name + first + 1);
        }
    }
    fputs("            esac\n        fi\n        return\n    fi\n"
          "    shift $skip words\n"
          "    (( CURRENT -= skip ))\n"
          "    _arguments -s $specs\n"
          "}\n"
          "_p11kms \"$@\"\n",
          out);
}

bool cli_completion(FILE *out, const char *shell)
{
    static const struct {
        const char *shell;
        void (*write)(FILE *out);
    } shells[] = { { "bash", bash }, { "zsh", zsh } };

    for (size_t i = 0; i < COUNT_OF(shells); i++) {
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].write(out);
            return true;
        }
    }
    return false;
}
