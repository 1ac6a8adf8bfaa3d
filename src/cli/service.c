/* p11kms reload, clock, status: small questions to the running service. */
#include "config.h" /* asprintf() */

#include "cli/ask.h"
#include "cli/commands.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const cli_option *const where_options[] = { &cli_option_config, &cli_option_socket, NULL };

/* ---- reload ---- */

static int reload(const cli_line *line)
{
    _cleanup_json_ json_t *answer = NULL;
    p11kms_err err = cli_ask(line, "P11KMS.Reload", SLICE_LIT("{}"), &answer);

    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

const cli_command cli_reload = {
    .name = "reload",
    .args = "",
    .options = where_options,
    .about = "Have the service read its configuration again.",
    .more = "The same as SIGHUP, with the verdict as exit status: what is wrong is told, and then nothing changes. "
            "Identities, peers, declared keys, certificates and the log level are taken over; a token whose PIN was "
            "refused is logged into once more when the PIN source has changed. Listeners, tokens, store and audit need a restart.",
    .run = reload,
};

/* ---- clock ---- */

static const struct {
    char unit;
    long seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

/* "+366d", "-2h", "90m", "0" */
static p11kms_err parse_offset(const char *text, long *ret_seconds)
{
    char *end;
    long number = strtol(text, &end, 10);
    long unit = 0;

    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (end[0] == units[i].unit && end[1] == '\0') {
            unit = units[i].seconds;
        }
    }
    if (number == 0 && end != text && *end == '\0') {
        unit = 1;
    }
    if (end == text || unit == 0 || number > INT_MAX || number < INT_MIN) {
        FAIL(P11KMS_E_SYNTAX, "'%s' is not an offset, as +366d, -2h, 90m, 10s or 0", text);
    }
    *ret_seconds = number * unit;
    return P11KMS_OK;
}

static p11kms_err set_clock(const cli_line *line)
{
    _cleanup_json_ json_t *answer = NULL;
    char body[64];
    long seconds;

    TRY(parse_offset(line->args[0], &seconds));
    snprintf(body, sizeof(body), "{\"OffsetSeconds\":%ld}", seconds);
    return cli_ask(line, "P11KMS.SetClock", SLICE_STR(body), &answer);
}

static int set_service_clock(const cli_line *line)
{
    p11kms_err err = set_clock(line);

    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

const cli_command cli_clock = {
    .name = "clock",
    .args = "OFFSET",
    .min_args = 1,
    .max_args = 1,
    .options = where_options,
    .about = "Move the time that keys live by, as +366d or 0; in p11kmsd --dev alone.",
    .more = "OFFSET is +366d, -2h, 90m, 10s, or 0 for the true time, and counts from the machine's clock, not from the last offset. "
            "Rotation and deletion follow it at once; signatures and audit records keep the machine's time.",
    .run = set_service_clock,
};

/* ---- status ---- */

/* Where the monitor is: $P11KMS_MONITOR_URL, else as the configuration says. *ret_storage is freed by the caller. */
static p11kms_err find_monitor(const cli_line *line, client_target *ret, char **ret_storage)
{
    _cleanup_(conf) conf_t *conf = NULL;
    const char *named = cli_has(line, &cli_option_config) ? NULL : getenv("P11KMS_MONITOR_URL");

    if (named && named[0]) {
        *ret = (client_target){ .url = named };
        return P11KMS_OK;
    }
    TRY(cli_load_config(line, &conf));
    const conf_listen *monitor = conf->monitor;
    if (!monitor) {
        FAIL(P11KMS_E_CONFIG, "%s names no monitor listener, which answers this question", conf->file);
    }
    if (monitor->kind == LISTEN_UNIX) {
        *ret_storage = strdup(monitor->path);
        *ret = (client_target){ .socket = *ret_storage };
    } else {
        bool v6 = strchr(monitor->host, ':') != NULL;
        if (asprintf(ret_storage, "%s://%s%s%s:%u", monitor->kind == LISTEN_HTTPS ? "https" : "http", v6 ? "[" : "",
                     monitor->host, v6 ? "]" : "", monitor->port) < 0) {
            *ret_storage = NULL;
        }
        *ret = (client_target){ .url = *ret_storage, .ca_file = getenv("AWS_CA_BUNDLE") };
    }
    ENSURE(*ret_storage, P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static int status(const cli_line *line)
{
    _cleanup_free_ char *storage = NULL;
    const client_request request = { .method = "GET", .path = "/readyz" };
    client_target target;
    client_answer answer = { 0 };
    p11kms_err err = find_monitor(line, &target, &storage);

    if (err == P11KMS_OK) {
        err = client_call(&target, &request, &answer);
    }
    if (err != P11KMS_OK) {
        return cli_fail(err);
    }
    fputs(buf_str(&answer.body), stdout);
    int result = answer.status == 200 ? EXIT_SUCCESS : CLI_FAILED;
    buf_free(&answer.body);
    return result;
}

static const cli_option *const status_options[] = { &cli_option_config, NULL };

const cli_command cli_status = {
    .name = "status",
    .args = "",
    .options = status_options,
    .about = "Ask the monitor listener whether the service is ready, and what it lacks.",
    .more = "\"ready\" and exit status 0, or why not and 1.",
    .run = status,
};
