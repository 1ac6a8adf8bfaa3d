/* p11kms audit key, audit resume: which key signs, and the decision to go on after tampering. */
#include "cli/ask.h"
#include "cli/audit_log.h"
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "audit/acts.h"
#include "audit/audit.h"
#include "crypto/crypto.h"
#include "util/shown.h"

#define KEY_MAX 1024
#define BECAUSE_MAX 1024

/* ---- key ---- */

static p11kms_err print_key(const cli_line *line)
{
    _cleanup_free_ char *folder = NULL;
    _cleanup_free_ char *path = NULL;
    _cleanup_buf_ buf_t text = { 0 };

    TRY(cli_log_folder(line, 0, &folder));
    path = malloc(strlen(folder) + sizeof("/key"));
    ENSURE(path, P11KMS_E_NOMEM);
    sprintf(path, "%s/key", folder);
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        FAIL(P11KMS_E_NOT_FOUND, "%s is not there: no service with checkpoints has written this log", path);
    }
    TRY(cli_read_file(path, KEY_MAX, &text));
    fputs(buf_str(&text), stdout);
    return P11KMS_OK;
}

static int key(const cli_line *line)
{
    p11kms_err err = print_key(line);

    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

static const cli_option *const key_options[] = { &cli_option_config, NULL };

const cli_command cli_audit_key = {
    .name = "audit key",
    .args = "[DIR]",
    .max_args = 1,
    .options = key_options,
    .about = "Print the public key that signs the audit log's checkpoints, for verifiers.",
    .more = "The line is what --key of the other audit commands takes, a C2SP signed-note verifier key. Whoever verifies the log "
            "asks for it once, from somebody they trust, and keeps it: a key that is read beside the log proves nothing.",
    .run = key,
};

/* ---- resume ---- */

static const cli_option option_because = { "because", '\0', "TEXT", "Why; it is recorded." };

static p11kms_err ask_service(const cli_line *line, const char *because)
{
    _cleanup_json_ json_t *answer = NULL;
    _cleanup_buf_ buf_t body = { 0 };
    jw_t w = jw_on(&body);

    jw_object(&w);
    jw_key(&w, "Because");
    jw_string(&w, because);
    jw_end(&w);
    ENSURE(!buf_failed(&body), P11KMS_E_NOMEM);
    return cli_ask(line, "P11KMS.ResumeAudit", buf_slice(&body), &answer);
}

/* What is made must be the service's. */
static p11kms_err become_owner(const char *folder)
{
    struct stat st;

    if (stat(folder, &st) != 0) {
        FAIL(P11KMS_E_NOT_FOUND, "%s: %s", folder, strerror(errno));
    }
    if (geteuid() == 0 && (setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0)) {
        FAIL(P11KMS_E_IO, "cannot become the owner of %s: %s", folder, strerror(errno));
    }
    return P11KMS_OK;
}

/* As the service's own acts are recorded: docs/audit-records.md. */
static p11kms_err put_record(const audit_t *audit, const conf_t *conf, const char *because, buf_t *line)
{
    _cleanup_buf_ buf_t details = { 0 };
    char by[32];

    snprintf(by, sizeof(by), "uid %u", (unsigned)getuid());
    audit_resume_details(audit, because, by, &details);
    act_put("AuditResumed", conf->region, buf_slice(&details), line);
    ENSURE(!buf_failed(&details) && !buf_failed(line), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/* The service does not run, as a start was refused: the record goes into the log from here. */
static p11kms_err resume_here(const conf_t *conf, const char *because)
{
    const audit_options options = { .dir = conf->audit_dir, .append_flag = conf->audit_append_flag, .resume = true };
    _cleanup_(audit) audit_t *audit = NULL;
    _cleanup_buf_ buf_t line = { 0 };

    TRY(crypto_init());
    TRY(become_owner(conf->audit_dir));
    TRY(audit_open(&options, &audit));
    TRY(put_record(audit, conf, because, &line));
    return audit_append_resumed(audit, buf_slice(&line));
}

static p11kms_err resume_audit(const cli_line *line)
{
    _cleanup_(conf) conf_t *conf = NULL;
    const char *because = cli_value(line, &option_because);
    audit_look look;

    if (!because || strlen(because) > BECAUSE_MAX || !shown_any(SLICE_STR(because))) {
        FAIL(P11KMS_E_SYNTAX, "--because says why, in 1 to %u bytes that are more than blanks", BECAUSE_MAX);
    }
    TRY(cli_load_config(line, &conf));
    TRY(audit_inspect(conf->audit_dir, &look));
    return look.in_use ? ask_service(line, because) : resume_here(conf, because);
}

static int resume(const cli_line *line)
{
    p11kms_err err = resume_audit(line);

    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

static const cli_option *const resume_options[] = { &option_because, &cli_option_config, &cli_option_socket, NULL };

const cli_command cli_audit_resume = {
    .name = "audit resume",
    .args = "",
    .options = resume_options,
    .about = "Go on after the audit log was tampered with, or cannot be brought back.",
    .more = "Requests are refused when files of the log are removed, cut, replaced or edited while it is written, and a start "
            "is refused when the log is not what its checkpoints say. First look into it: what is in the folder is evidence, and "
            "a copy of what is lost may be brought back. Then this begins a new segment, whose first record, "
            "AuditResumed, has the reason given here, what was found, and the tree that is gone on from. "
            "It asks the running service, as p11kms:ResumeAudit; where none runs it writes the record itself. "
            "What is lost stays lost: verification goes on telling of it.",
    .run = resume,
};
