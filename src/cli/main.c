/* p11kms: see p11kms(1). */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/line.h"
#include "crypto/crypto.h"

#define LOG_ROOM "cli"
#include "util/log.h"

static int wrong(const char *why, const char *command)
{
    fprintf(stderr, "p11kms: %s\nsee: p11kms %s%s--help\n", why, command, command[0] ? " " : "");
    return CLI_USAGE;
}

static int run(const char *const *words, size_t n)
{
    size_t taken;
    const cli_command *command = cli_find(words, n, &taken);
    cli_line line;

    if (!command) {
        char why[256];
        snprintf(why, sizeof(why), "there is no command '%s'", words[0]);
        return wrong(why, "");
    }
    p11kms_err err = cli_parse(command, words + taken, n - taken, &line);
    if (err != P11KMS_OK) {
        return wrong(p11kms_err_detail(err), command->name);
    }
    if (line.help) {
        cli_help_command(stdout, command);
        return EXIT_SUCCESS;
    }
    err = crypto_init();
    if (err != P11KMS_OK) {
        fprintf(stderr, "p11kms: %s\n", p11kms_err_detail(err));
        return CLI_FAILED;
    }
    return command->run(&line);
}

static bool is_one_of(const char *word, const char *one, const char *other)
{
    return strcmp(word, one) == 0 || strcmp(word, other) == 0;
}

int main(int argc, char **argv)
{
    log_open("p11kms", LOG_LEVEL_ERROR);
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        cli_help(stderr);
        return CLI_USAGE;
    }
    if (is_one_of(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0) {
        cli_help(stdout);
        return EXIT_SUCCESS;
    }
    if (is_one_of(argv[1], "--version", "-V")) {
        puts("p11kms " PACKAGE_VERSION);
        return EXIT_SUCCESS;
    }
    int status = run((const char *const *)(argv + 1), (size_t)(argc - 1));
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("p11kms: standard output cannot be written\n", stderr);
        return status ? status : CLI_FAILED;
    }
    return status;
}
