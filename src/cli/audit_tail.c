/* p11kms audit tail: the last records of the log, and those that come. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/follow.h"
#include "cli/audit_filter.h"
#include "cli/commands.h"
#include "cli/service_conf.h"
#include "util/shown.h"

#define LAST_DEFAULT 10
#define LOOK_EVERY_MS 200
#define UNREADABLE_SHOWN 200 /* bytes */

static const cli_option option_follow = { "follow", 'f', NULL, "Go on with the records that come, until interrupted." };
static const cli_option option_lines = { "lines", 'n', "N", "Begin with the last N that are wanted, 10 unless given; all for the whole log." };
static const cli_option option_filter = { "filter", '\0', "NAME=VALUE", "Only records that fit; more NAME=VALUE may follow." };
static const cli_option option_json = { "json", '\0', NULL, "The lines as they are in the log." };

typedef struct {
    audit_filter_t filter;
    bool json;
    bool terminal;
} tail_t;

/* What is no record shall be seen whatever is asked for: the service does not write such lines. */
static bool is_wanted(void *arg, slice_t line)
{
    const tail_t *tail = arg;
    _cleanup_glance_ glance_t glance = { 0 };

    return tail->filter.n == 0 || glance_read(line, &glance) != P11KMS_OK ||
           audit_filter_wants(&tail->filter, &glance);
}

static void put_unreadable(slice_t line, buf_t *out)
{
    buf_put_str(out, "-  unreadable: ");
    shown_put(out, SLICE(line.data, line.len < UNREADABLE_SHOWN ? line.len : UNREADABLE_SHOWN));
}

static void put_line(const tail_t *tail, slice_t line, buf_t *out)
{
    _cleanup_glance_ glance_t glance = { 0 };

    if (tail->json && !tail->terminal) {
        buf_put_slice(out, line);
    } else if (tail->json) {
        shown_put(out, line);
    } else if (glance_read(line, &glance) == P11KMS_OK) {
        glance_put(&glance, out);
    } else {
        put_unreadable(line, out);
    }
    buf_put_char(out, '\n');
}

static p11kms_err show(tail_t *tail, slice_t line)
{
    _cleanup_buf_ buf_t out = { 0 };

    if (!is_wanted(tail, line)) {
        return P11KMS_OK;
    }
    put_line(tail, line, &out);
    ENSURE(!buf_failed(&out), P11KMS_E_NOMEM);
    fwrite(out.data, 1, out.len, stdout);
    return P11KMS_OK;
}

/** Everything there is now. */
static p11kms_err show_all(tail_t *tail, follow_t *follow)
{
    slice_t line;
    p11kms_err err;

    while (!ferror(stdout) && (err = follow_next(follow, &line)) == P11KMS_OK) {
        TRY(show(tail, line));
    }
    return ferror(stdout) || err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

static p11kms_err go_on(tail_t *tail, follow_t *follow)
{
    const struct timespec pause = { .tv_nsec = LOOK_EVERY_MS * 1000000L };

    while (fflush(stdout) == 0 && !ferror(stdout)) {
        p11kms_err err = show_all(tail, follow);

        if (err == P11KMS_E_NOMEM) {
            return err;
        }
        if (err != P11KMS_OK) {
            (void)cli_fail(err); /* told, and watched on: what comes behind it is there to be seen */
        }
        nanosleep(&pause, NULL);
    }
    return P11KMS_OK;
}

static p11kms_err start_at(tail_t *tail, follow_t *follow, const char *lines)
{
    char *end;

    if (lines && strcmp(lines, "all") == 0) {
        return P11KMS_OK;
    }
    errno = 0;
    unsigned long long n = lines ? strtoull(lines, &end, 10) : LAST_DEFAULT;
    if (lines && (lines[0] < '0' || lines[0] > '9' || *end != '\0' || errno != 0)) {
        FAIL(P11KMS_E_SYNTAX, "-n takes a number, or all");
    }
    return follow_last(follow, n, is_wanted, tail);
}

/* Filters stand behind --filter, and further ones behind those; what is left is the folder. */
static p11kms_err read_line(const cli_line *line, tail_t *tail, const char **ret_dir)
{
    const char *given[CLI_GIVEN_MAX];
    size_t n = cli_values(line, &option_filter, given, COUNT_OF(given));

    for (size_t i = 0; i < n; i++) {
        TRY(audit_filter_add(&tail->filter, given[i]));
    }
    *ret_dir = NULL;
    for (size_t i = 0; i < line->n_args; i++) {
        if (n > 0 && audit_filter_is(line->args[i])) {
            TRY(audit_filter_add(&tail->filter, line->args[i]));
        } else if (*ret_dir) {
            FAIL(P11KMS_E_SYNTAX, "'%s' is one word too many", line->args[i]);
        } else {
            *ret_dir = line->args[i];
        }
    }
    return P11KMS_OK;
}

static p11kms_err tail_log(const cli_line *line)
{
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_(follow) follow_t *follow = NULL;
    tail_t tail = { .json = cli_has(line, &option_json), .terminal = isatty(STDOUT_FILENO) };
    const char *dir;

    TRY(read_line(line, &tail, &dir));
    if (!dir) {
        TRY(cli_load_config(line, &conf));
        dir = conf->audit_dir;
    }
    TRY(follow_open(dir, &follow));
    TRY(start_at(&tail, follow, cli_value(line, &option_lines)));
    TRY(show_all(&tail, follow));
    return cli_has(line, &option_follow) ? go_on(&tail, follow) : P11KMS_OK;
}

static int run_tail(const cli_line *line)
{
    p11kms_err err = tail_log(line);

    if (err == P11KMS_OK) {
        return EXIT_SUCCESS;
    }
    (void)cli_fail(err);
    return err == P11KMS_E_SYNTAX ? CLI_USAGE : CLI_FAILED;
}

static const cli_option *const tail_options[] = { &cli_option_config, &option_follow, &option_lines, &option_filter,
                                                  &option_json, NULL };

const cli_command cli_audit_tail = {
    .name = "audit tail",
    .args = "[DIR] [NAME=VALUE]...",
    .max_args = AUDIT_FILTERS_MAX,
    .options = tail_options,
    .about = "Show the last records of the audit log in DIR, or where the configuration says it is.",
    .more = "A line a record: time, principal, action, resource, ok or the error's code, and the request's id. "
            "Control characters and what else could play with a terminal are shown as \\uXXXX. "
            "Filters are principal, action, error, key and account: --filter principal=app action=kms:Decrypt error=*. "
            "A value is the whole or what stands behind the last / or : of it, and may hold * and ?; without a value "
            "(error=) it is for records that have none. Of filters of one name one must fit, and of each name one. "
            "A line that is no record is always shown. Compressed segments (.zst, .gz) are read as well; those that were moved away are not.",
    .run = run_tail,
};
