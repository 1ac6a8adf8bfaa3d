/* room: cli. What the command table says of itself. */
#pragma once

#include <stdio.h>

#include "cli/command.h"

void cli_help(FILE *out);
void cli_help_command(FILE *out, const cli_command *command);
/** A completion script for "bash" or "zsh". @return false: for no other shell. */
bool cli_completion(FILE *out, const char *shell);
/** The COMMANDS section of p11kms(1), in mdoc. */
void cli_manual(FILE *out);
/** A paragraph in mdoc, a sentence a line. */
void manual_text(FILE *out, const char *text);
