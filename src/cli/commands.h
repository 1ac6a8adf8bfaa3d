/* room: cli. Every command, for the table. */
#pragma once

#include "cli/command.h"

extern const cli_command cli_audit_check_proof;       /* audit_prove.c */
extern const cli_command cli_audit_consistency;
extern const cli_command cli_audit_prove;
extern const cli_command cli_audit_key;               /* audit_resume.c */
extern const cli_command cli_audit_resume;
extern const cli_command cli_audit_tail;              /* audit_tail.c */
extern const cli_command cli_audit_verify;            /* audit_verify.c */
extern const cli_command cli_backup;                  /* backup.c */
extern const cli_command cli_call;                    /* call.c */
extern const cli_command cli_credentials;             /* credentials.c */
extern const cli_command cli_doctor;                  /* doctor.c */
extern const cli_command cli_identity_activate_key;   /* identity.c */
extern const cli_command cli_identity_add_key;
extern const cli_command cli_identity_deactivate_key;
extern const cli_command cli_identity_delete_key;
extern const cli_command cli_identity_list_keys;
extern const cli_command cli_identity_revoke_sessions;
extern const cli_command cli_init;                    /* init.c */
extern const cli_command cli_plan;                    /* plan.c */
extern const cli_command cli_policy_explain;          /* policy_explain.c */
extern const cli_command cli_policy_lint;             /* policy_lint.c */
extern const cli_command cli_policy_who_can;          /* policy_who.c */
extern const cli_command cli_clock;                   /* service.c */
extern const cli_command cli_reload;
extern const cli_command cli_status;
