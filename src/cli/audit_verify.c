/* p11kms audit verify: is the log what was logged? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/verify.h"
#include "cli/audit_log.h"
#include "cli/commands.h"
#include "util/clock.h"
#include "util/encode.h"
#include "util/json.h"
#include "util/shown.h"

#define BAR 30

static const cli_option option_since = { "since", 's', "CHECKPOINT", "A checkpoint that was kept: the log must go on from it." };
static const cli_option option_unwitnessed = { "unwitnessed", '\0', "N",
                                               "Fail when more than N records under a checkpoint are not under one that "
                                               "the witnesses cosigned." };
static const cli_option option_uncovered = { "uncovered", '\0', "N",
                                             "Fail when more than N records are behind the newest checkpoint, and take N; unless given, "
                                             "as many are taken as a service leaves that makes checkpoints as it has recorded." };
static const cli_option option_from = { "from", '\0', "SEGMENT", "Begin with this segment, as if those before it were away." };
static const cli_option option_json = { "json", '\0', NULL, "The result as JSON." };

/* The exit status of each verdict, its name in JSON, and what a person sees first. */
static const struct {
    const char *name;
    int status;
    const char *heading;
} verdicts[] = {
    [VERIFY_WHOLE] = { "whole", EXIT_SUCCESS, "" },
    [VERIFY_RECORDS] = { "records", 3, "NOT AS LOGGED: " },
    [VERIFY_CHECKPOINT] = { "checkpoint", 4, "NOT PROVEN: " },
    [VERIFY_SINCE] = { "since", 5, "NOT AS LOGGED: " },
    [VERIFY_WITNESSES] = { "witnesses", 6, "NOT WITNESSED: " },
    [VERIFY_TILES] = { "tiles", 7, "TILES: " },
};

static void show_progress(void *arg, uint64_t done, uint64_t of)
{
    int64_t us = clock_mono_us() - *(const int64_t *)arg;
    unsigned filled = of > 0 ? (unsigned)(done * BAR / of) : 0;
    double rate = us > 0 ? (double)done / (double)us : 0; /* bytes a microsecond: MB a second */

    fprintf(stderr, "\r[%-*.*s] %3u%%  %.0f MB/s ", BAR, (int)filled, "##############################",
            of > 0 ? (unsigned)(done * 100 / of) : 0, rate);
}

static void put_root(const verify_report *r, buf_t *out)
{
    base64_encode(out, SLICE(r->root.bytes, sizeof(r->root.bytes)));
}

static void put_resumed_json(const verify_report *r, jw_t *w)
{
    jw_key(w, "resumed");
    jw_int(w, (int64_t)r->n_resumed);
    jw_key(w, "resumptions");
    jw_array(w);
    for (size_t i = 0; i < r->n_resumed && i < VERIFY_RESUMED_MAX; i++) {
        const verify_resumed *resumed = &r->resumed[i];
        jw_object(w);
        jw_key(w, "segment");
        jw_int(w, (int64_t)resumed->segment);
        jw_key(w, "line");
        jw_int(w, (int64_t)resumed->line);
        jw_key(w, "record");
        jw_int(w, (int64_t)resumed->index);
        jw_key(w, "eventID");
        jw_string(w, resumed->event_id);
        jw_key(w, "because");
        jw_string(w, resumed->because);
        jw_key(w, "by");
        jw_string(w, resumed->by);
        jw_key(w, "treeSize");
        jw_int(w, (int64_t)resumed->size);
        jw_key(w, "covered");
        jw_bool(w, resumed->checked && resumed->index < r->covered);
        jw_key(w, "atStart");
        jw_bool(w, resumed->at_start);
        jw_key(w, "signedBefore");
        jw_int(w, (int64_t)resumed->signed_size);
        jw_key(w, "lost");
        jw_bool(w, resumed->lost);
        jw_end(w);
    }
    jw_end(w);
}

static void put_json(const verify_report *r, buf_t *out)
{
    _cleanup_buf_ buf_t root = { 0 };
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = { { "first", r->first },
                    { "records", r->records },
                    { "covered", r->covered },
                    { "checkpoints", r->checkpoints },
                    { "segments", r->segments },
                    { "witnessed", r->witnessed },
                    { "witnessedTime", r->witnessed_time },
                    { "withoutNotes", r->without_notes },
                    { "withoutTiles", r->without_tiles },
                    { "inForms", r->in_forms },
                    { "torn", r->torn } };
    bool located = r->verdict == VERIFY_RECORDS || r->verdict == VERIFY_SINCE;
    jw_t w = jw_on(out);

    put_root(r, &root);
    jw_object(&w);
    jw_key(&w, "verdict");
    jw_string(&w, verdicts[r->verdict].name);
    jw_key(&w, "reason");
    jw_string(&w, r->reason);
    jw_key(&w, "origin");
    jw_string(&w, r->origin);
    jw_key(&w, "root");
    jw_string(&w, buf_str(&root));
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        jw_key(&w, numbers[i].name);
        jw_int(&w, (int64_t)numbers[i].value);
    }
    put_resumed_json(r, &w);
    if (located) {
        jw_key(&w, "bad");
        jw_object(&w);
        jw_key(&w, "named");
        jw_bool(&w, r->named);
        jw_key(&w, "segment");
        jw_int(&w, (int64_t)r->segment);
        jw_key(&w, "line");
        jw_int(&w, (int64_t)r->line);
        jw_key(&w, "record");
        jw_int(&w, (int64_t)r->index);
        jw_key(&w, "eventID");
        jw_string(&w, r->event_id);
        jw_key(&w, "after");
        jw_int(&w, (int64_t)r->good);
        jw_key(&w, "before");
        jw_int(&w, (int64_t)r->bad);
        jw_end(&w);
    }
    jw_end(&w);
    buf_put_char(out, '\n');
}

static void put_where(const verify_report *r, buf_t *out)
{
    if (r->segment == 0) {
        return;
    }
    buf_printf(out, "  %s: segment %" PRIu64 ", line %" PRIu64 "%s%s\n", r->named ? "first bad record" : "begins at",
               r->segment, r->line, r->event_id[0] ? ", event " : "", r->event_id);
    buf_printf(out, "  good: everything before record %" PRIu64 "%s\n", r->good,
               r->good > 0 ? ", by its checkpoint" : "");
}

static void put_time(uint64_t seconds, buf_t *out)
{
    char text[TIME_TEXT];

    time_format_iso((int64_t)(seconds < INT64_MAX / 1000 ? seconds : 0) * 1000, text);
    buf_put_str(out, text);
}

static void put_whole(const verify_report *r, const verify_options *o, buf_t *out)
{
    shown_put(out, SLICE_STR(r->origin));
    buf_printf(out, ": %" PRIu64 " records in %" PRIu64 " segments are as they were logged, by %" PRIu64 " checkpoints\n",
               r->covered - r->first, r->segments, r->checkpoints);
    buf_printf(out, "  root of %" PRIu64 ": ", r->covered);
    put_root(r, out);
    buf_put_char(out, '\n');
    if (o->quorum > 0) {
        buf_printf(out, "  %" PRIu64 " of them under a checkpoint that %zu witnesses cosigned, at ", r->witnessed,
                   o->quorum);
        put_time(r->witnessed_time, out);
        buf_put_char(out, '\n');
    }
}

static void put_remark(bool there, uint64_t n, const char *what, buf_t *out)
{
    if (there) {
        buf_printf(out, "  %" PRIu64 " %s\n", n, what);
    }
}

/* Whatever the verdict is: who goes on after a stop shall be seen. */
static void put_resumed(const verify_report *r, buf_t *out)
{
    for (size_t i = 0; i < r->n_resumed && i < VERIFY_RESUMED_MAX; i++) {
        const verify_resumed *resumed = &r->resumed[i];
        buf_printf(out, "  GONE ON AFTER A STOP: segment %" PRIu64 ", line %" PRIu64 ", event ", resumed->segment, resumed->line);
        shown_put(out, SLICE_STR(resumed->event_id));
        buf_put_str(out, ", by ");
        shown_put(out, SLICE_STR(resumed->by));
        buf_put_str(out, ", because: ");
        shown_put(out, SLICE_STR(resumed->because));
        buf_put_str(out, !resumed->checked               ? " (not checked: it stands behind what is bad)\n"
                         : resumed->index >= r->covered ? " (under no checkpoint)\n"
                                                        : "\n");
        if (resumed->at_start) {
            buf_printf(out, "    decided while no service ran, on %" PRIu64 " records; %" PRIu64 " were signed before%s\n", resumed->size,
                       resumed->signed_size, resumed->lost ? ", NOT ALL OF WHICH WERE THERE" : ", and all of those were there");
        }
    }
    put_remark(r->n_resumed > VERIFY_RESUMED_MAX, r->n_resumed - VERIFY_RESUMED_MAX, "more such decisions", out);
}

static void put_text(const verify_report *r, const verify_options *o, buf_t *out)
{
    if (r->verdict == VERIFY_WHOLE) {
        put_whole(r, o, out);
        put_remark(r->first > 0, r->first, "records before them are not here: their hashes are, and fit", out);
        put_remark(r->records > r->covered, r->records - r->covered, "records behind them are under no checkpoint yet", out);
    } else {
        buf_put_str(out, verdicts[r->verdict].heading);
        shown_put(out, SLICE_STR(r->reason));
        buf_put_char(out, '\n');
        put_where(r, out);
    }
    put_resumed(r, out);
    put_remark(r->in_forms > 0, r->in_forms, "segments are there plain and compressed", out);
    put_remark(r->without_notes > 0, r->without_notes, "segments have no .notes of their own", out);
    put_remark(r->without_tiles > 0, r->without_tiles, "tiles are not here: a bad record could not be named exactly", out);
    put_remark(r->torn > 0, r->torn, "bytes without a newline at a segment's end are no record", out);
    if (!o->keys) {
        buf_put_str(out, "  NO SIGNATURE WAS CHECKED: --key gives the key\n");
    }
}

static p11kms_err verify(const cli_line *line, int *ret_status)
{
    _cleanup_(trust) trust_t *keys = NULL;
    _cleanup_(trust) trust_t *witnesses = NULL;
    _cleanup_free_ char *dir = NULL;
    _cleanup_buf_ buf_t out = { 0 };
    int64_t began = clock_mono_us();
    verify_options o = { .since = cli_value(line, &option_since), .unwitnessed_max = UINT64_MAX, .arg = &began };
    const char *unwitnessed = cli_value(line, &option_unwitnessed);
    const char *uncovered = cli_value(line, &option_uncovered);
    const char *from = cli_value(line, &option_from);
    verify_report report;
    uint64_t uncovered_max;

    TRY(cli_trust(line, &cli_option_key, &keys));
    TRY(cli_quorum(line, &witnesses, &o.quorum));
    if (unwitnessed) {
        TRY(cli_number(unwitnessed, "--unwitnessed", &o.unwitnessed_max));
    }
    if (uncovered) {
        TRY(cli_number(uncovered, "--uncovered", &uncovered_max));
        o.uncovered_max = &uncovered_max;
    }
    if (from) {
        TRY(cli_number(from, "--from", &o.from));
    }
    TRY(cli_log_folder(line, 0, &dir));
    o.dir = dir;
    o.keys = keys;
    o.witnesses = witnesses;
    o.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
    p11kms_err err = verify_log(&o, &report);
    if (o.progress) {
        fputs("\r\033[K", stderr);
    }
    TRY(err);
    if (cli_has(line, &option_json)) {
        put_json(&report, &out);
    } else {
        put_text(&report, &o, &out);
    }
    ENSURE(!buf_failed(&out), P11KMS_E_NOMEM);
    fputs(buf_str(&out), stdout);
    *ret_status = verdicts[report.verdict].status;
    return P11KMS_OK;
}

static int run_verify(const cli_line *line)
{
    int status = CLI_FAILED;
    p11kms_err err = verify(line, &status);

    if (err == P11KMS_OK) {
        return status;
    }
    (void)cli_fail(err);
    return CLI_FAILED;
}

static const cli_option *const verify_options_taken[] = { &cli_option_config, &cli_option_key, &option_since, &option_from, &cli_option_witness,
                                                          &cli_option_witnesses, &option_unwitnessed, &option_uncovered, &option_json, NULL };

const cli_command cli_audit_verify = {
    .name = "audit verify",
    .args = "[DIR]",
    .max_args = 1,
    .options = verify_options_taken,
    .about = "Check that the audit log in DIR, or where the configuration says it is, is what was logged.",
    .more = "Every record is hashed, the tree is built anew, and its root at every checkpoint must be the one that is "
            "signed there; with --since also that at the checkpoint kept. The log may be in use, segments may be "
            "compressed (.zst, .gz), and the oldest may be away. --key and --witness may be given several times. "
            "Without --key the log is only held against its own checkpoints, whoever signed them. "
            "Exit status: 0 it is whole, 1 it could not be checked, 3 records were changed, removed or added, "
            "4 a checkpoint is not signed by a key that was given, there is none, or more is under none than a service leaves, 5 the log does not go on from the "
            "checkpoint kept, 6 not enough witnesses, 7 records and checkpoints are whole but the tiles, from which "
            "proofs are made, are not true.",
    .run = run_verify,
};
