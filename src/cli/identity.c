/* p11kms identity ...: access keys, which the service makes and keeps. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "util/encode.h"

#include <stdio.h>

static const cli_option *const where_options[] = { &cli_option_config, &cli_option_socket, NULL };

/* {"UserName":...} or {"AccessKeyId":...[,"Status":...]} */
static void put_request(buf_t *body, const char *name, const char *value, const char *status)
{
    jw_t w = jw_on(body);

    jw_object(&w);
    if (value) {
        jw_key(&w, name);
        jw_string(&w, value);
    }
    if (status) {
        jw_key(&w, "Status");
        jw_string(&w, status);
    }
    jw_end(&w);
}

static p11kms_err ask(const cli_line *line, const char *target, const char *name, const char *status, json_t **ret)
{
    _cleanup_buf_ buf_t body = { 0 };

    put_request(&body, name, line->n_args ? line->args[0] : NULL, status);
    ENSURE(!buf_failed(&body), P11KMS_E_NOMEM);
    return cli_ask(line, target, buf_slice(&body), ret);
}

static void print_text(const json_t *of, const char *name)
{
    slice_t text = json_string(json_get(of, name));

    fwrite(text.data, 1, text.len, stdout);
}

/* ---- add-key ---- */

static int add_key(const cli_line *line)
{
    _cleanup_json_ json_t *answer = NULL;
    p11kms_err err = ask(line, "P11KMS.CreateAccessKey", "UserName", NULL, &answer);

    if (err != P11KMS_OK) {
        return cli_fail(err);
    }
    const json_t *key = json_get(answer, "AccessKey");
    fputs("AWS_ACCESS_KEY_ID=", stdout);
    print_text(key, "AccessKeyId");
    fputs("\nAWS_SECRET_ACCESS_KEY=", stdout);
    print_text(key, "SecretAccessKey");
    putchar('\n');
    return EXIT_SUCCESS;
}

const cli_command cli_identity_add_key = {
    .name = "identity add-key",
    .args = "USER",
    .min_args = 1,
    .max_args = 1,
    .options = where_options,
    .about = "Make an access key for a declared user; its secret is shown this once.",
    .more = "Two lines go to standard output, AWS_ACCESS_KEY_ID=ID and AWS_SECRET_ACCESS_KEY=SECRET. "
            "The service seals the secret under a key on the token before it is stored; nobody can have it shown again.",
    .run = add_key,
};

/* ---- list-keys ---- */

static void format_date(const json_t *of, const char *name, char out[TIME_TEXT])
{
    time_format_iso((int64_t)(json_double(json_get(of, name)) * 1000), out);
}

static void print_last_use(const json_t *key)
{
    char used[TIME_TEXT];

    if (!json_get(key, "LastUsedDate")) {
        fputs("  never used", stdout);
        return;
    }
    format_date(key, "LastUsedDate", used);
    printf("  used %s for ", used);
    print_text(key, "LastUsedService");
    fputs(" in ", stdout);
    print_text(key, "LastUsedRegion");
}

static void print_key(const json_t *key)
{
    char created[TIME_TEXT];

    format_date(key, "CreateDate", created);
    print_text(key, "AccessKeyId");
    fputs("  ", stdout);
    printf("%-8.*s", (int)json_string(json_get(key, "Status")).len,
           (const char *)json_string(json_get(key, "Status")).data);
    printf("  %s  ", created);
    print_text(key, "UserName");
    print_last_use(key);
    putchar('\n');
}

static int list_keys(const cli_line *line)
{
    _cleanup_json_ json_t *answer = NULL;
    p11kms_err err = ask(line, "P11KMS.ListAccessKeys", "UserName", NULL, &answer);

    if (err != P11KMS_OK) {
        return cli_fail(err);
    }
    const json_t *keys = json_get(answer, "AccessKeyMetadata");
    for (size_t i = 0; i < json_length(keys); i++) {
        print_key(json_at(keys, i));
    }
    return EXIT_SUCCESS;
}

const cli_command cli_identity_list_keys = {
    .name = "identity list-keys",
    .args = "[USER]",
    .max_args = 1,
    .options = where_options,
    .about = "List a user's access keys, the caller's own unless USER is given.",
    .more = "A line each: id, Active or Inactive, when it was made, user, when it was last used, for what service and "
            "where. To rotate a key: add-key, give the new one to whoever uses the old, wait until list-keys says that the "
            "old one is not used any more, deactivate-key, and after a while delete-key.",
    .run = list_keys,
};

/* ---- activate-key, deactivate-key, delete-key ---- */

static int change_key(const cli_line *line, const char *target, const char *status)
{
    _cleanup_json_ json_t *answer = NULL;
    p11kms_err err = ask(line, target, "AccessKeyId", status, &answer);

    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

static int activate_key(const cli_line *line)
{
    return change_key(line, "P11KMS.UpdateAccessKey", "Active");
}

static int deactivate_key(const cli_line *line)
{
    return change_key(line, "P11KMS.UpdateAccessKey", "Inactive");
}

static int delete_key(const cli_line *line)
{
    return change_key(line, "P11KMS.DeleteAccessKey", NULL);
}

const cli_command cli_identity_activate_key = {
    .name = "identity activate-key",
    .args = "ID",
    .min_args = 1,
    .max_args = 1,
    .options = where_options,
    .about = "Let an access key be used again.",
    .run = activate_key,
};

const cli_command cli_identity_deactivate_key = {
    .name = "identity deactivate-key",
    .args = "ID",
    .min_args = 1,
    .max_args = 1,
    .options = where_options,
    .about = "Refuse an access key from now on; it can be let in again.",
    .run = deactivate_key,
};

const cli_command cli_identity_delete_key = {
    .name = "identity delete-key",
    .args = "ID",
    .min_args = 1,
    .max_args = 1,
    .options = where_options,
    .about = "Delete an access key for good.",
    .run = delete_key,
};

/* ---- revoke-sessions ---- */

static int revoke_sessions(const cli_line *line)
{
    _cleanup_json_ json_t *answer = NULL;
    char until[TIME_TEXT];
    p11kms_err err = ask(line, "P11KMS.RevokeSessions", "RoleName", NULL, &answer);

    if (err != P11KMS_OK) {
        return cli_fail(err);
    }
    format_date(answer, "RevokedUntil", until);
    fputs("sessions of ", stdout);
    print_text(answer, "RoleArn");
    printf(" issued until %s are refused\n", until);
    return EXIT_SUCCESS;
}

const cli_command cli_identity_revoke_sessions = {
    .name = "identity revoke-sessions",
    .args = "ROLE",
    .min_args = 1,
    .max_args = 1,
    .options = where_options,
    .about = "Refuse all temporary credentials of a role that were issued until now.",
    .more = "At once, and after a restart too. Who may assume the role gets new ones; peers that are mapped to it are "
            "sessions of their own for each request, so take them out of identities.d as well.",
    .run = revoke_sessions,
};
