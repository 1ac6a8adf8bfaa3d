/*
 * The command table: dispatch, --help, completion and the manual are all made
 * from it. A command is a row with what may stand on its line; a file of this
 * room defines it, src/cli/commands.c lists it.
 */
#pragma once

#include "util/err.h"

#define CLI_FAILED 1    /* what was asked could not be done */
#define CLI_DIFFERENT 2 /* plan: what is declared differs from what is */
#define CLI_USAGE 64    /* the line makes no sense: EX_USAGE of sysexits.h */

typedef struct {
    const char *name;  /* without dashes */
    char letter;       /* '\0': none */
    const char *value; /* "FILE"; NULL: a flag */
    const char *about; /* a sentence */
} cli_option;

typedef struct cli_line cli_line;

typedef struct {
    const char *name; /* one word or two */
    const char *args; /* "USER", "SERVICE OPERATION [JSON]"; "" when there are none */
    unsigned min_args;
    unsigned max_args;
    const cli_option *const *options; /* NULL-terminated */
    const char *about;                /* a sentence for --help */
    const char *more;                 /* a paragraph for the manual */
    int (*run)(const cli_line *line); /* @return exit status */
} cli_command;

/** NULL-terminated, in the order --help tells them. */
extern const cli_command *const cli_commands[];

/* Options that several commands take. */
extern const cli_option cli_option_config;
extern const cli_option cli_option_socket;
extern const cli_option cli_option_json;
