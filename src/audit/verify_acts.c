/*
 * What the service's own records say of the log. A decision to go on (AuditResumed) can be written by whoever has the
 * disk: the tree that it names must be the one before it, and what a start has recorded behind it (AuditContinued)
 * tells whether anything that had been signed is gone. And what stands under no checkpoint must not be more, nor
 * older, than a service leaves that makes them as it has recorded.
 */
#include <stdio.h>

#include "audit/source.h"
#include "audit/verify_inside.h"

/* The longest and the most that can be configured: for logs that do not tell. */
#define SECONDS_MAX 86400
#define RECORDS_MAX 1000000
/* Until a checkpoint that is due is made, on a slow disk or with a token that is away for a moment. */
#define GRACE_SECONDS 60

/* ---- decisions ---- */

static verify_resumed *last_of_segment(verifying *v)
{
    verify_report *r = &v->report;

    if (r->n_resumed == 0 || r->n_resumed > VERIFY_RESUMED_MAX) {
        return NULL;
    }
    verify_resumed *last = &r->resumed[r->n_resumed - 1];
    return last->segment == v->segment ? last : NULL;
}

/* A log that had no tree yet says so: it tells of nothing. */
static bool knows_no_tree(const act_t *act)
{
    static const merkle_edge none;
    merkle_hash root;

    merkle_root(&none, &root);
    return act->size == 0 && merkle_eq(&root, &act->root);
}

static bool fits(const verifying *v, const act_t *act)
{
    merkle_hash root;

    if (v->line != 1 || !act->placed) {
        return false;
    }
    merkle_root(&v->tree.edge, &root);
    return knows_no_tree(act) || (act->size == v->tree.edge.size && merkle_eq(&root, &act->root));
}

/** @param at  Where it stands; the rest of it is made here. */
static void tell(verifying *v, const act_t *act, verify_resumed at)
{
    verify_report *r = &v->report;

    if (r->n_resumed < VERIFY_RESUMED_MAX) {
        at.size = act->size;
        snprintf(at.event_id, sizeof(at.event_id), "%s", act->event_id);
        snprintf(at.because, sizeof(at.because), "%s", act->because);
        snprintf(at.by, sizeof(at.by), "%s", act->by);
        r->resumed[r->n_resumed] = at;
    }
    r->n_resumed++;
}

static void tell_first(verifying *v, uint64_t number)
{
    _cleanup_(source) source_t *source = NULL;
    slice_t line;
    act_t act;

    if (source_open(v->folder, number, &source) == P11KMS_OK && source_line(source, &line) == P11KMS_OK &&
        act_read(line, &act) && act.kind == ACT_RESUMED) {
        tell(v, &act, (verify_resumed){ .segment = number, .line = 1 });
    }
}

void verify_tell_rest(verifying *v)
{
    _cleanup_free_ uint64_t *numbers = NULL;
    size_t count = 0;

    (void)(source_list(v->folder, &numbers, &count) == P11KMS_OK);
    for (size_t i = 0; i < count; i++) {
        bool was_read = numbers[i] < v->segment || (numbers[i] == v->segment && v->line > 0);
        if (!was_read && numbers[i] >= v->options->from) {
            tell_first(v, numbers[i]);
        }
    }
}

static p11kms_err take_resumed(verifying *v, const act_t *act)
{
    verify_report *r = &v->report;

    tell(v, act, (verify_resumed){ .segment = v->segment, .line = v->line, .index = v->tree.edge.size, .checked = true });
    if (fits(v, act)) {
        return P11KMS_OK;
    }
    r->named = true;
    r->index = v->tree.edge.size;
    r->segment = v->segment;
    r->line = v->line;
    snprintf(r->event_id, sizeof(r->event_id), "%s", act->event_id);
    return verify_found(v, VERIFY_RECORDS, "record %llu, AuditResumed, is not one that the service writes: it does not begin "
                                           "a segment, or the tree before it is another than it says",
                        (unsigned long long)v->tree.edge.size);
}

static void take_continued(verifying *v, const act_t *act)
{
    verify_resumed *of = last_of_segment(v);
    bool known_loss = v->options->from > 0 && v->report.segments == 0; /* what lies before is not asked for */

    if (of) {
        of->at_start = true;
        of->signed_size = act->signed_size;
        of->lost = !act->kept;
    }
    if (!act->kept && !known_loss && !v->loss.there) {
        v->loss = (loss_t){ .there = true, .segment = v->segment, .line = v->line, .index = v->tree.edge.size,
                            .size = act->size, .signed_size = act->signed_size };
        snprintf(v->loss.event_id, sizeof(v->loss.event_id), "%s", act->event_id);
    }
}

p11kms_err verify_check_loss(verifying *v)
{
    const loss_t *loss = &v->loss;
    verify_report *r = &v->report;

    if (!loss->there) {
        return P11KMS_OK;
    }
    r->segment = loss->segment;
    r->line = loss->line;
    r->index = loss->index;
    r->good = loss->size;
    r->bad = loss->signed_size;
    snprintf(r->event_id, sizeof(r->event_id), "%s", loss->event_id);
    return verify_found(v, VERIFY_RECORDS, "records that were signed are gone, or are others: %llu had been, when the log was "
                                           "gone on with from %llu, as a start has recorded (AuditContinued)",
                        (unsigned long long)loss->signed_size, (unsigned long long)loss->size);
}

/* ---- what is under no checkpoint ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint64_t limit(uint64_t told, uint64_t most)
{
    return told > 0 && told < most ? told : most;
}

/*
 * A run is what one process wrote: a checkpoint is due at its first record, or when enough are without one. A start
 * makes one at once of what it finds without: of several runs that left none, the times count together.
 */
static void begin_run(verifying *v, int64_t since)
{
    tail_t *tail = &v->tail;

    if (tail->run > 0) {
        tail->spent += tail->last - tail->since;
    }
    tail->run = 0;
    tail->since = tail->last = since;
}

static void take_uncovered(verifying *v, slice_t line, act_kind kind)
{
    tail_t *tail = &v->tail;
    bool begins = kind == ACT_START || kind == ACT_WRITABLE || kind == ACT_RESUMED || kind == ACT_CONTINUED;
    int64_t time;

    if (!act_time(line, &time)) {
        tail->timeless++;
        return;
    }
    if (tail->overdue) {
        return;
    }
    if (tail->run == 0 || begins) {
        begin_run(v, later(time, begins ? time : v->covered_time));
    }
    tail->run++;
    tail->last = later(tail->last, time);
    if (tail->run == limit(v->told.records, RECORDS_MAX)) {
        tail->full_at = time;
    }
    bool full = tail->run > limit(v->told.records, RECORDS_MAX);
    int64_t due = tail->since - tail->spent + (int64_t)limit(v->told.seconds, SECONDS_MAX);
    if (full) {
        due = tail->full_at < due ? tail->full_at : due;
    }
    if (time > due + GRACE_SECONDS) {
        tail->overdue = true;
        tail->overdue_at = v->tree.edge.size;
    }
}

p11kms_err verify_check_uncovered(verifying *v)
{
    const verify_report *r = &v->report;
    uint64_t uncovered = v->tree.edge.size - r->covered;

    if (v->options->uncovered_max) {
        if (uncovered <= *v->options->uncovered_max) {
            return P11KMS_OK;
        }
        return verify_found(v, VERIFY_CHECKPOINT, "%llu records are under no checkpoint", (unsigned long long)uncovered);
    }
    /* A segment's end has a checkpoint, perhaps a moment later. */
    if (v->told.seconds == 0 && r->covered < v->begins[1]) {
        return verify_found(v, VERIFY_CHECKPOINT, "records from %llu on are under no checkpoint, and more than one segment "
                                                  "has ended since", (unsigned long long)r->covered);
    }
    if (v->tail.overdue) {
        return verify_found(v, VERIFY_CHECKPOINT, "records from %llu on are under no checkpoint, and before record %llu one was "
                                                  "due for a minute: checkpoints were taken away, or could not be made "
                                                  "(--uncovered %llu takes that)",
                            (unsigned long long)r->covered, (unsigned long long)v->tail.overdue_at,
                            (unsigned long long)uncovered);
    }
    if (v->told.seconds > 0 && v->tail.timeless > 0) {
        return verify_found(v, VERIFY_CHECKPOINT, "records from %llu on are under no checkpoint, and %llu of them have no time, "
                                                  "which the service writes in all", (unsigned long long)r->covered,
                            (unsigned long long)v->tail.timeless);
    }
    return P11KMS_OK;
}

void verify_covered(verifying *v)
{
    int64_t time;

    if (v->current.len > 0 && act_time(v->current, &time)) {
        v->covered_time = time;
    }
    v->told = v->told_last;
    v->tail = (tail_t){ .run = 0 };
}

/* ---- both ---- */

p11kms_err verify_read_act(verifying *v, slice_t line)
{
    act_t act = { .kind = ACT_NONE };

    if ((v->line == 1 || act_looks_own(line)) && act_read(line, &act)) {
        if (act.kind == ACT_RESUMED) {
            TRY(take_resumed(v, &act));
        } else if (act.kind == ACT_CONTINUED) {
            take_continued(v, &act);
        } else if (act.kind == ACT_START) {
            v->told_last = (told_t){ .records = act.records, .seconds = act.seconds };
        }
    }
    if (v->stop == UINT64_MAX) { /* nothing that was read so far covers it */
        take_uncovered(v, line, act.kind);
    }
    return P11KMS_OK;
}
