#include "cli/commands.h"

#include <stddef.h>
#include <stdio.h>

#include "cli/help.h"
#include "cli/line.h"

static int print_completion(const cli_line *line)
{
    if (cli_completion(stdout, line->args[0])) {
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "p11kms: there is completion for bash and zsh\n");
    return CLI_USAGE;
}

static const cli_option *const no_options[] = { NULL };

static const cli_command completion_command = {
    .name = "completion",
    .args = "SHELL",
    .min_args = 1,
    .max_args = 1,
    .options = no_options,
    .about = "Print a completion script for bash or zsh.",
    .run = print_completion,
};

const cli_command *const cli_commands[] = {
    &cli_init,
    &cli_doctor,
    &cli_plan,
    &cli_policy_explain,
    &cli_policy_who_can,
    &cli_policy_lint,
    &cli_identity_add_key,
    &cli_identity_list_keys,
    &cli_identity_activate_key,
    &cli_identity_deactivate_key,
    &cli_identity_delete_key,
    &cli_identity_revoke_sessions,
    &cli_credentials,
    &cli_reload,
    &cli_status,
    &cli_call,
    &cli_audit_tail,
    &cli_audit_verify,
    &cli_audit_prove,
    &cli_audit_check_proof,
    &cli_audit_consistency,
    &cli_audit_key,
    &cli_audit_resume,
    &cli_backup,
    &cli_clock,
    &completion_command,
    NULL,
};
