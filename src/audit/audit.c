/* The log as other rooms see it: defaults, what a line may be, appending with a wait. */
#include "audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "audit/notes.h"
#include "audit/recover.h"
#include "audit/resumed.h"
#include "audit/search.h"
#include "audit/space.h"
#include "audit/writer.h"
#include "util/encode.h"
#include "util/json.h"

#define LOG_ROOM "audit"
#include "util/log.h"

#define DEFAULT_SEGMENT_BYTES (UINT64_C(64) << 20)
#define DEFAULT_BOUND_MS 2000
#define DEFAULT_QUEUE_MAX 16384
#define DEFAULT_CHECKPOINT_RECORDS 1000
#define DEFAULT_CHECKPOINT_SECONDS 10
#define STOP_WAIT_MS 2000
#define EVENT_ID_MAX 64

struct audit {
    writer_t *writer;
    space_t *space;
    writer_company company;
    witnesses_t *witnesses; /* NULL: there are none */
    int folder; /* for reading beside the writer, and for its company */
    char found[GUARD_REASON_MAX];
};

/* ---- opening ---- */

/** What a start finds of the tree, and how the notary goes on. */
typedef struct {
    history_t history;
    buf_t text;     /* what `checkpoint` points into */
    noted_t checkpoint;
    notary_history goes_on;
} found_t;

static void found_free(found_t *found)
{
    history_free(&found->history);
    buf_free(&found->text);
}

/** The log is what its checkpoints say, and nobody stopped it. */
static p11kms_err recover_tree(audit_t *audit, uint64_t limit, found_t *found)
{
    p11kms_err err = history_read(audit->folder, &found->history);

    if (err == P11KMS_E_NOT_FOUND) {
        return P11KMS_OK; /* there are none: a tree is begun with the first signer */
    }
    TRY(err);
    TRY(history_replay(audit->folder, &found->history, limit, audit->company.tree));
    found->goes_on.last = history_newest(&found->history);
    if (found->history.resumed == found->history.count) {
        found->goes_on.notes = &found->history.notes;
        found->goes_on.number = found->history.entries[found->history.base].number;
    }
    return P11KMS_OK;
}

/** An operator goes on without what is lost: with what the newest checkpoint that can be read says. */
static p11kms_err trust_tree(audit_t *audit, found_t *found)
{
    history_free(&found->history);
    if (history_read(audit->folder, &found->history) == P11KMS_OK) {
        found->goes_on.last = history_newest(&found->history);
    } else {
        TRY(checkpoint_read(audit->folder, &found->text, &found->checkpoint));
        found->goes_on.last = &found->checkpoint;
    }
    found->goes_on.notes = NULL;
    return history_trust(audit->folder, found->goes_on.last, audit->company.tree);
}

static p11kms_err resume_tree(audit_t *audit, uint64_t limit, found_t *found)
{
    p11kms_err err = recover_tree(audit, limit, found);

    if (err == P11KMS_OK) {
        found->goes_on.notes = NULL; /* a new segment's are begun */
        return P11KMS_OK;
    }
    if (audit->found[0] == '\0') {
        snprintf(audit->found, sizeof(audit->found), "%s", p11kms_err_detail(err));
    }
    return trust_tree(audit, found);
}

static p11kms_err find_tree(audit_t *audit, const audit_options *options, found_t *found)
{
    uint64_t size = UINT64_MAX;
    p11kms_err err = stopped_read(audit->folder, audit->found, &size);

    if (err == P11KMS_OK && !options->resume) {
        FAIL(P11KMS_E_AUDIT, "%s; the log is stopped until you decide: p11kms audit resume --because \"...\"",
             audit->found);
    }
    if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
        return err;
    }
    if (!options->resume) {
        return recover_tree(audit, UINT64_MAX, found);
    }
    TRY(resume_tree(audit, size, found));
    if (audit->found[0] == '\0') {
        FAIL(P11KMS_E_CONFLICT, "audit: the log is not stopped, and all that its checkpoints say is there");
    }
    return P11KMS_OK;
}

static void tampered(void *arg, const char *reason)
{
    audit_t *audit = arg;

    const char *what = strncmp(reason, "audit: ", 7) == 0 ? reason + 7 : reason; /* the log says it itself */

    log_error("%s: nothing is answered until you decide: p11kms audit resume --because \"...\"", what);
    notary_pause(audit->company.notary);
    writer_halt(audit->writer, reason);
}

static void expect_files(audit_t *audit, const segments_t *segments)
{
    struct stat st;

    if (fstat(segments->lock, &st) == 0) {
        guard_expect(audit->company.guard, GUARD_LOCK, 0, &st);
    }
    if (segments_stat(segments, &st)) {
        guard_expect(audit->company.guard, GUARD_SEGMENT, segments->number, &st);
    }
}

static p11kms_err start_company(audit_t *audit, const audit_options *options, const segments_t *segments)
{
    const notary_limits limits = {
        .records = options->checkpoint_records != 0 ? options->checkpoint_records : DEFAULT_CHECKPOINT_RECORDS,
        .seconds = options->checkpoint_seconds != 0 ? options->checkpoint_seconds : DEFAULT_CHECKPOINT_SECONDS,
        .append_flag = segments->append_flag,
    };
    found_t found = { 0 };
    p11kms_err err;

    TRY(log_tree_new(audit->folder, &audit->company.tree));
    err = find_tree(audit, options, &found);
    if (err == P11KMS_OK) {
        err = guard_start(audit->folder, options->dir, audit->company.tree, tampered, audit, &audit->company.guard);
    }
    if (err == P11KMS_OK) {
        expect_files(audit, segments);
        err = notary_start(audit->folder, audit->company.tree, audit->company.guard, &found.goes_on, limits,
                           &audit->company.notary);
    }
    found_free(&found);
    return err;
}

/** @return false when one of them hangs in the file system: it is left to itself, with what it looks at. */
static bool stop_company(audit_t *audit)
{
    bool stopped = true;

    if (audit->company.notary != NULL) {
        stopped = notary_stop(audit->company.notary);
    }
    if (audit->company.guard != NULL) {
        stopped = guard_stop(audit->company.guard, STOP_WAIT_MS) && stopped;
    }
    if (stopped) {
        log_tree_free(audit->company.tree);
        cleanup_fd(&audit->folder);
    }
    return stopped;
}

/* What hangs in the file system still looks at it. */
static void free_audit(void *arg)
{
    audit_t *audit = arg;

    if (stop_company(audit)) {
        free(audit);
    }
}

static p11kms_err open_audit(const audit_options *options, const segment_io *io, audit_t *audit)
{
    const writer_limits limits = {
        .bound_ms = options->bound_ms != 0 ? options->bound_ms : DEFAULT_BOUND_MS,
        .queue_max = options->queue_max != 0 ? options->queue_max : DEFAULT_QUEUE_MAX,
        .copies = options->copies,
    };
    uint64_t segment_bytes = options->segment_bytes != 0 ? options->segment_bytes : DEFAULT_SEGMENT_BYTES;
    segments_t segments;
    p11kms_err err = P11KMS_OK;

    TRY(segments_open(options->dir, segment_bytes, io, &segments));
    segments.by_day = options->segment_day;
    segments.append_flag = options->append_flag;
    segments_protect(&segments);
    audit->folder = fcntl(segments.folder, F_DUPFD_CLOEXEC, 0);
    if (audit->folder < 0) {
        err = p11kms_fail(P11KMS_E_AUDIT, "audit: %s", strerror(errno));
    }
    if (err == P11KMS_OK) {
        err = start_company(audit, options, &segments);
    }
    if (err == P11KMS_OK) {
        err = space_start(segments.folder, io, options->reserve, &audit->space);
    }
    if (err == P11KMS_OK) {
        err = writer_start(&segments, limits, &audit->company, &audit->writer);
    }
    if (err != P11KMS_OK) {
        space_stop(audit->space);
        segments_close(&segments);
        return err;
    }
    guard_resume(audit->company.guard);
    return P11KMS_OK;
}

p11kms_err audit_open_on(const audit_options *options, const segment_io *io, audit_t **ret)
{
    audit_t *audit = calloc(1, sizeof(*audit));
    p11kms_err err;

    ENSURE(audit != NULL, P11KMS_E_NOMEM);
    audit->folder = -1;
    audit->company.left = free_audit;
    audit->company.arg = audit;
    err = open_audit(options, io, audit);
    if (err != P11KMS_OK) {
        char why[1024];

        snprintf(why, sizeof(why), "%s", p11kms_err_detail(err));
        free_audit(audit);
        return p11kms_fail(err, "%s", why);
    }
    if (options->resume) {
        writer_halt(audit->writer, audit->found);
    }
    *ret = audit;
    return P11KMS_OK;
}

p11kms_err audit_open(const audit_options *options, audit_t **ret)
{
    return audit_open_on(options, &segment_io_system, ret);
}

static void leave_witnesses(audit_t *audit, unsigned wait_ms)
{
    notary_tell(audit->company.notary, NULL, NULL);
    (void)witnesses_stop(STEAL(audit->witnesses), wait_ms);
}

void audit_close(audit_t *audit)
{
    if (audit == NULL) {
        return;
    }
    bool gone = writer_stop(audit->writer);

    space_stop(audit->space);
    leave_witnesses(audit, 0);
    if (gone) {
        notary_finish(audit->company.notary, STOP_WAIT_MS);
        free_audit(audit);
    }
}

/* ---- checkpoints ---- */

/** A decision with which the newest segment begins, and no checkpoint covers it yet. */
typedef struct {
    bool any; /* there are segments at all */
    bool decided;
    uint64_t segment;
    act_t act;
} decision_t;

/* Whoever can write the decision can write notes beside it, and copies of older checkpoints. */
static bool is_covered(const audit_t *audit, uint64_t segment, const act_t *act, const note_key_t *key)
{
    _cleanup_ledger_ ledger_t notes = { 0 };
    note_t note;

    if (ledger_load(audit->folder, segment, &notes) != P11KMS_OK || notes.count == 0) {
        return false;
    }
    const noted_t *newest = &notes.notes[notes.count - 1];
    return newest->size > act->size && note_parse(newest->whole, &note) == P11KMS_OK &&
           note_check(&note, key, NULL) == NOTE_SIGNED;
}

static p11kms_err find_decision(const audit_t *audit, const audit_signer *signer, decision_t *ret)
{
    _cleanup_free_ segment_entry *entries = NULL;
    _cleanup_(note_key) note_key_t *key = NULL;
    size_t count;

    TRY(note_key_new(SLICE_STR(signer->origin), signer->spki, &key));
    TRY(segment_scan(audit->folder, &entries, &count));
    *ret = (decision_t){ .any = count > 0 };
    if (count > 0 && resumed_begins(audit->folder, &entries[count - 1], &ret->act)) {
        ret->segment = entries[count - 1].number;
        ret->decided = !is_covered(audit, ret->segment, &ret->act, key);
    }
    return P11KMS_OK;
}

static p11kms_err refuse_other_log(audit_t *audit, const audit_signer *signer)
{
    char why[GUARD_REASON_MAX];

    snprintf(why, sizeof(why),
             "audit: the log does not go on from the %llu records that were signed last: it was rewritten, or put back to an "
             "older copy",
             (unsigned long long)signer->signed_size);
    (void)(stopped_write(audit->folder, why, UINT64_MAX) == P11KMS_OK); /* so that resuming is asked for, and records why */
    FAIL(P11KMS_E_AUDIT, "%s" AUDIT_RESUME_HINT, why);
}

/* @retval P11KMS_E_CONFLICT  It does not. P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT: a tile that tells is missing or damaged. */
static p11kms_err goes_on(const audit_t *audit, const audit_signer *signer)
{
    merkle_hash root;

    memcpy(root.bytes, signer->signed_root, sizeof(root.bytes));
    return log_tree_goes_on(audit->company.tree, signer->signed_size, &root);
}

/*
 * Who has the disk can take all checkpoints away, or the newest, and write what he likes: without this the next
 * start would sign it.
 */
static p11kms_err check_signed(audit_t *audit, const audit_signer *signer, const decision_t *decision)
{
    if (signer->signed_size == 0 || decision->decided) {
        return P11KMS_OK;
    }
    if (!decision->any) {
        log_warning("a new log is begun: the one that was signed last, of %llu records, is not in its folder",
                    (unsigned long long)signer->signed_size);
        return P11KMS_OK;
    }
    p11kms_err err = goes_on(audit, signer);
    if (err == P11KMS_E_NOT_FOUND) {
        char why[256];

        snprintf(why, sizeof(why), "%s", p11kms_err_detail(err));
        FAIL(P11KMS_E_AUDIT, "%s: remove the folder tile, and it is made again from the segments, or bring it back from a "
                             "copy", why);
    }
    return err == P11KMS_E_CONFLICT ? refuse_other_log(audit, signer) : err;
}

static void put_hash(jw_t *w, const char *name, const uint8_t hash[SHA256_LEN])
{
    _cleanup_buf_ buf_t text = { 0 };

    base64_encode(&text, SLICE(hash, SHA256_LEN));
    jw_key(w, name);
    jw_string(w, buf_str(&text));
}

static void put_number(jw_t *w, const char *name, uint64_t number)
{
    jw_key(w, name);
    jw_int(w, (int64_t)number);
}

static void put_continued(const decision_t *decision, const audit_signer *signer, bool kept, buf_t *out)
{
    jw_t w = jw_on(out);

    jw_object(&w);
    put_number(&w, "segment", decision->segment);
    jw_key(&w, "decision");
    jw_string(&w, decision->act.event_id);
    put_number(&w, "treeSize", decision->act.size);
    put_hash(&w, "rootHash", decision->act.root.bytes);
    put_number(&w, "signedSize", signer->signed_size);
    put_hash(&w, "signedRootHash", signer->signed_root);
    jw_key(&w, "kept");
    jw_bool(&w, kept);
    jw_end(&w);
}

/* What was signed last stands in the store, where the decision came to be written nobody knows. */
static p11kms_err record_continued(audit_t *audit, const audit_signer *signer, const decision_t *decision)
{
    bool kept = signer->signed_size == 0 || goes_on(audit, signer) == P11KMS_OK;
    _cleanup_buf_ buf_t details = { 0 };
    _cleanup_buf_ buf_t line = { 0 };

    if (!kept) {
        log_warning("the log goes on, as was decided, without all of the %llu records that were signed last; the record "
                    "AuditContinued says so", (unsigned long long)signer->signed_size);
    }
    put_continued(decision, signer, kept, &details);
    act_put("AuditContinued", signer->region ? signer->region : "", buf_slice(&details), &line);
    ENSURE(!buf_failed(&details) && !buf_failed(&line), P11KMS_E_NOMEM);
    return audit_append(audit, buf_slice(&line));
}

static p11kms_err prepare_tree(audit_t *audit, const audit_signer *signer, decision_t *ret)
{
    segments_t *segments = writer_hold(audit->writer);
    p11kms_err err = P11KMS_OK;

    if (!log_tree_begun(audit->company.tree)) {
        err = history_begin(audit->folder, audit->company.tree);
        if (err == P11KMS_OK && segments->fd < 0) {
            log_tree_end_segment(audit->company.tree);
        }
    }
    if (err == P11KMS_OK) {
        err = find_decision(audit, signer, ret);
    }
    if (err == P11KMS_OK) {
        err = check_signed(audit, signer, ret);
    }
    writer_release(audit->writer);
    return err;
}

p11kms_err audit_sign_with(audit_t *audit, const audit_signer *signer)
{
    decision_t decision;

    TRY(prepare_tree(audit, signer, &decision));
    if (decision.decided) {
        TRY(record_continued(audit, signer, &decision));
        writer_hold(audit->writer); /* until it is in the tree: no checkpoint covers the decision without it */
        writer_release(audit->writer);
    }
    return notary_sign_with(audit->company.notary, signer);
}

/* ---- witnesses ---- */

static void offer(void *arg, slice_t note)
{
    witnesses_offer(arg, note);
}

static void keep_cosigned(void *arg, slice_t note)
{
    notary_cosigned(arg, note);
}

p11kms_err audit_witness_with(audit_t *audit, const witness_at *at, size_t n, witness_post post)
{
    const witness_calls calls = { .post = post, .cosigned = keep_cosigned, .arg = audit->company.notary };
    _cleanup_buf_ buf_t text = { 0 };
    note_t newest;

    TRY(witnesses_start(audit->folder, at, n, &calls, &audit->witnesses));
    notary_tell(audit->company.notary, offer, audit->witnesses);
    if (note_from_file(audit->folder, "checkpoint", &text, &newest) == P11KMS_OK) {
        witnesses_offer(audit->witnesses, newest.whole); /* of the last run: they may not have seen it */
    }
    return P11KMS_OK;
}

size_t audit_get_witnesses(const audit_t *audit, witness_stats ret[WITNESSES_MAX])
{
    return audit->witnesses != NULL ? witnesses_get_stats(audit->witnesses, ret) : 0;
}

void audit_finish(audit_t *audit, unsigned wait_ms)
{
    writer_settle(audit->writer, wait_ms); /* what was answered is in the tree then */
    notary_finish(audit->company.notary, wait_ms);
    leave_witnesses(audit, wait_ms);
}

bool audit_stopped(const audit_t *audit)
{
    return writer_halted(audit->writer);
}

void audit_resume_details(const audit_t *audit, const char *because, const char *by, buf_t *out)
{
    _cleanup_buf_ buf_t root64 = { 0 };
    char found[GUARD_REASON_MAX];
    merkle_hash root;
    uint64_t size = log_tree_root(audit->company.tree, &root);
    jw_t w = jw_on(out);

    audit_problem(audit, found, sizeof(found));
    base64_encode(&root64, SLICE(root.bytes, sizeof(root.bytes)));
    jw_object(&w);
    jw_key(&w, "because");
    jw_string(&w, because);
    jw_key(&w, "by");
    jw_string(&w, by);
    jw_key(&w, "found");
    jw_string(&w, found);
    jw_key(&w, "treeSize");
    jw_int(&w, (int64_t)size);
    jw_key(&w, "rootHash");
    jw_string(&w, buf_str(&root64));
    jw_end(&w);
}

/* ---- records ---- */

/* The emitter escapes all of these: whatever comes here with one was not made by it. */
static bool has_control(const uint8_t *text, size_t len)
{
    uint8_t found = 0;

    for (size_t i = 0; i < len; i++) {
        found |= (uint8_t)(text[i] < 0x20) | (uint8_t)(text[i] == 0x7f);
    }
    return found != 0;
}

#define STRIDE 64 /* of a length known beforehand compilers make vector instructions */

static bool is_one_line(slice_t line)
{
    bool control = false;
    size_t done = 0;

    if (line.len == 0 || line.len > AUDIT_RECORD_MAX) {
        return false;
    }
    for (; line.len - done >= STRIDE; done += STRIDE) {
        control |= has_control(line.data + done, STRIDE);
    }
    return !control && !has_control(line.data + done, line.len - done);
}

void audit_submit(audit_t *audit, audit_record_t *record)
{
    if (buf_failed(&record->line) || !is_one_line(buf_slice(&record->line))) {
        writer_refuse(audit->writer, record);
    } else {
        writer_submit(audit->writer, record);
    }
}

static void release_mailbox(mailbox_t **mailbox)
{
    mailbox_free(*mailbox);
}

static void ignore(completion_t *done)
{
    (void)done; /* mailbox_wait() returns: that is enough */
}

static p11kms_err append_and_wait(audit_t *audit, slice_t line, bool resumes, mailbox_t *mailbox)
{
    _cleanup_buf_ buf_t copy = { 0 };
    audit_record_t record = { .done = { .run = ignore }, .mailbox = mailbox, .resumes = resumes };
    char problem[512];

    buf_put_slice(&copy, line);
    ENSURE(!buf_failed(&copy), P11KMS_E_NOMEM);
    record.line = copy;
    audit_submit(audit, &record);
    while (mailbox_wait(mailbox, -1) == 0) {
    }
    if (record.err != P11KMS_OK) {
        audit_problem(audit, problem, sizeof(problem));
        FAIL(record.err, "%s", problem[0] != '\0' ? problem : "audit: the record was not accepted");
    }
    return P11KMS_OK;
}

static p11kms_err append_line(audit_t *audit, slice_t line, bool resumes)
{
    __attribute__((cleanup(release_mailbox))) mailbox_t *mailbox = NULL;

    if (!is_one_line(line)) {
        FAIL(P11KMS_E_AUDIT, "audit: a record is one line of 1 to %u bytes without control characters",
             AUDIT_RECORD_MAX);
    }
    TRY(mailbox_new(NULL, NULL, &mailbox));
    return append_and_wait(audit, line, resumes, mailbox);
}

p11kms_err audit_append(audit_t *audit, slice_t line)
{
    return append_line(audit, line, false);
}

p11kms_err audit_append_resumed(audit_t *audit, slice_t line)
{
    return append_line(audit, line, true);
}

bool audit_healthy(const audit_t *audit)
{
    return writer_healthy(audit->writer);
}

void audit_problem(const audit_t *audit, char *out, size_t size)
{
    writer_problem(audit->writer, out, size);
}

audit_stats audit_get_stats(const audit_t *audit)
{
    audit_stats stats = writer_stats(audit->writer);

    notary_count(audit->company.notary, &stats);
    return stats;
}

audit_space audit_get_space(const audit_t *audit)
{
    return space_seen(audit->space);
}

p11kms_err audit_contains(audit_t *audit, const char *event_id, uint64_t max_bytes, bool *ret)
{
    char needle[EVENT_ID_MAX + 16];

    ENSURE(event_id[0] != '\0' && strlen(event_id) <= EVENT_ID_MAX, P11KMS_E_RANGE);
    snprintf(needle, sizeof(needle), "\"eventID\":\"%s\"", event_id);
    return search_newest(audit->folder, SLICE_STR(needle), max_bytes, ret);
}
