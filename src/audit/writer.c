#include "audit/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "audit/acts.h"
#include "audit/thread.h"
#include "util/clock.h"

#define LINES_MAX (16u << 20)   /* bytes waiting: 64 records of the largest size */
#define LINES_KEPT (256u << 10) /* a buffer grown past this by a burst is given back */
#define STOP_GRACE_US INT64_C(1000000)
#define PROBLEM_MAX 512

/** Records in the order of submission, which is the order of their deadlines. */
typedef struct {
    audit_record_t *first;
    audit_record_t *last;
    unsigned count;
} queue_t;

struct writer {
    segments_t segments; /* the writer thread's alone, as are the bytes in `group` */
    buf_t group;
    pthread_mutex_t appending; /* over `segments` and what goes from them into the tree */
    const writer_company *company;
    writer_limits limits;
    pthread_t thread;
    pthread_t watchdog;
    atomic_bool healthy;
    atomic_bool halted;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    pthread_cond_t timer;
    pthread_cond_t gone;
    queue_t waiting;  /* their lines are in `lines` */
    queue_t inflight; /* their lines are in `group` */
    buf_t lines;
    bool writer_sleeps;
    bool watchdog_sleeps;
    bool stopping;
    bool writer_gone;
    bool abandoned; /* writer_stop() could not wait: the writer thread frees all this */
    char problem[PROBLEM_MAX];
    audit_stats stats;
};

static void queue_put(queue_t *queue, audit_record_t *record)
{
    record->link = NULL;
    if (queue->last != NULL) {
        queue->last->link = record;
    } else {
        queue->first = record;
    }
    queue->last = record;
    queue->count++;
}

static audit_record_t *queue_take(queue_t *queue)
{
    audit_record_t *record = queue->first;

    queue->first = record->link;
    if (queue->first == NULL) {
        queue->last = NULL;
    }
    queue->count--;
    return record;
}

/*
 * Give records back, one post a mailbox however many there are. Their owners may
 * free them from the moment of the post. Not under the lock: a mailbox wakes a loop.
 */
static void give_back(queue_t done, p11kms_err err)
{
    while (done.first != NULL) {
        mailbox_t *mailbox = done.first->mailbox;
        completion_t *first = NULL;
        completion_t *last = NULL;
        queue_t others = { 0 };

        while (done.first != NULL) {
            audit_record_t *record = queue_take(&done);

            if (record->mailbox != mailbox) {
                queue_put(&others, record);
                continue;
            }
            record->err = err;
            if (last != NULL) {
                last->next = &record->done;
            } else {
                first = &record->done;
            }
            last = &record->done;
        }
        mailbox_post(mailbox, first, last);
        done = others;
    }
}

/** Under the lock. Why the log was halted stays what it says. */
static void note_problem(writer_t *writer, const char *problem)
{
    if (atomic_load(&writer->halted)) {
        return;
    }
    snprintf(writer->problem, sizeof(writer->problem), "%s", problem);
    atomic_store(&writer->healthy, problem[0] == '\0');
}

static void note_failures(writer_t *writer, const char *problem, unsigned count)
{
    note_problem(writer, problem);
    writer->stats.failures += count;
}

/* ---- submitting ---- */

static bool copy_line(writer_t *writer, slice_t line)
{
    if (writer->lines.len + line.len + 1 > LINES_MAX) {
        return false;
    }
    if (buf_reserve(&writer->lines, line.len + 1) == NULL) {
        writer->lines.failed = false; /* what it holds is whole; this record alone is refused */
        return false;
    }
    buf_put_slice(&writer->lines, line);
    buf_put_char(&writer->lines, '\n');
    return true;
}

static bool enqueue(writer_t *writer, audit_record_t *record)
{
    bool halted = atomic_load(&writer->halted);

    /* A decision is the first record of a segment, about the tree as it is: nothing may be on its way before it. */
    if (writer->stopping || halted != record->resumes ||
        (record->resumes && writer->waiting.count + writer->inflight.count > 0)) {
        writer->stats.failures++;
        return false;
    }
    if (writer->waiting.count >= writer->limits.queue_max || !copy_line(writer, buf_slice(&record->line))) {
        note_failures(writer, "audit: too many records wait for the disk", 1);
        return false;
    }
    record->submitted_us = clock_mono_us();
    queue_put(&writer->waiting, record);
    if (writer->writer_sleeps) {
        writer->writer_sleeps = false;
        pthread_cond_signal(&writer->work);
    }
    if (writer->watchdog_sleeps) {
        writer->watchdog_sleeps = false;
        pthread_cond_signal(&writer->timer);
    }
    return true;
}

static void give_back_one(audit_record_t *record)
{
    queue_t one = { 0 };

    queue_put(&one, record);
    give_back(one, P11KMS_E_AUDIT);
}

void writer_submit(writer_t *writer, audit_record_t *record)
{
    bool queued;

    pthread_mutex_lock(&writer->lock);
    queued = enqueue(writer, record);
    pthread_mutex_unlock(&writer->lock);
    if (!queued) {
        give_back_one(record);
    }
}

void writer_refuse(writer_t *writer, audit_record_t *record)
{
    pthread_mutex_lock(&writer->lock);
    writer->stats.failures++;
    pthread_mutex_unlock(&writer->lock);
    give_back_one(record);
}

/* ---- halting, and going on ---- */

void writer_halt(writer_t *writer, const char *reason)
{
    queue_t waiting;

    pthread_mutex_lock(&writer->lock);
    note_problem(writer, reason);
    atomic_store(&writer->halted, true);
    waiting = STEAL(writer->waiting);
    buf_clear(&writer->lines);
    writer->stats.failures += waiting.count;
    pthread_mutex_unlock(&writer->lock);
    give_back(waiting, P11KMS_E_AUDIT);
}

bool writer_halted(const writer_t *writer)
{
    return atomic_load(&writer->halted);
}

segments_t *writer_hold(writer_t *writer)
{
    pthread_mutex_lock(&writer->appending);
    return &writer->segments;
}

void writer_settle(writer_t *writer, unsigned wait_ms)
{
    int64_t until = clock_mono_us() + (int64_t)wait_ms * 1000;
    const struct timespec moment = { .tv_nsec = 5000000 };
    int held = pthread_mutex_trylock(&writer->appending);

    while (held != 0 && clock_mono_us() < until) {
        nanosleep(&moment, NULL);
        held = pthread_mutex_trylock(&writer->appending);
    }
    if (held == 0) {
        pthread_mutex_unlock(&writer->appending);
    }
}

void writer_release(writer_t *writer)
{
    pthread_mutex_unlock(&writer->appending);
}

/** The number after everything numbered: notes may be left of what was removed. */
static p11kms_err begin_anew(segments_t *segments)
{
    _cleanup_free_ segment_entry *entries = NULL;
    size_t count;

    segments_leave(segments);
    TRY(segment_scan(segments->folder, &entries, &count));
    if (count > 0 && entries[count - 1].number > segments->number) {
        segments->number = entries[count - 1].number;
    }
    return P11KMS_OK;
}

/* The folder and its lock must be those we have: what is begun in another would be nobody's. */
static p11kms_err check_place(const segments_t *segments)
{
    struct stat open_lock;
    struct stat named_lock;

    if (fstat(segments->lock, &open_lock) != 0 ||
        fstatat(segments->folder, "lock", &named_lock, AT_SYMLINK_NOFOLLOW) != 0 ||
        open_lock.st_ino != named_lock.st_ino || open_lock.st_dev != named_lock.st_dev) {
        FAIL(P11KMS_E_AUDIT, "audit: the log's folder, or the lock in it, is not the one that was opened: stop the "
                             "service, then run p11kms audit resume, then start it");
    }
    return P11KMS_OK;
}

/* What a disk that hung took after all came between: verifiers would ask who wrote such a decision. */
static p11kms_err check_decision(writer_t *writer)
{
    slice_t rest = buf_slice(&writer->group);
    slice_t line;
    act_t act;

    if (!log_tree_begun(writer->company->tree)) {
        return P11KMS_OK;
    }
    if (!slice_cut(&rest, '\n', &line) || !act_read(line, &act) || !act.placed ||
        act.size != log_tree_size(writer->company->tree)) {
        FAIL(P11KMS_E_AUDIT, "audit: this decision is not about the tree as it is now: decide again");
    }
    return P11KMS_OK;
}

static p11kms_err append_resumed(writer_t *writer)
{
    segments_t *segments = &writer->segments;

    TRY(check_decision(writer));
    TRY(check_place(segments));
    TRY(begin_anew(segments));
    if (log_tree_begun(writer->company->tree)) {
        TRY(log_tree_store(writer->company->tree));
    }
    TRY(segments_append(segments, buf_slice(&writer->group)));
    return guard_unmark(writer->company->guard);
}

static void expect_segment(writer_t *writer, bool appended)
{
    const segments_t *segments = &writer->segments;
    struct stat st;

    if ((appended || segments->fd >= 0) && segments_stat(segments, &st)) {
        st.st_size = (off_t)segments->durable; /* what is behind that is not ours */
        guard_expect(writer->company->guard, GUARD_SEGMENT, segments->number, &st);
    } else {
        guard_forget(writer->company->guard, GUARD_SEGMENT);
    }
}

static p11kms_err resume(writer_t *writer)
{
    p11kms_err err = append_resumed(writer);

    if (err != P11KMS_OK) {
        return err;
    }
    pthread_mutex_lock(&writer->lock);
    atomic_store(&writer->halted, false);
    note_problem(writer, "");
    pthread_mutex_unlock(&writer->lock);
    expect_segment(writer, true);
    guard_forget(writer->company->guard, GUARD_NOTES);
    guard_resume(writer->company->guard);
    notary_resume(writer->company->notary, writer->segments.number);
    return P11KMS_OK;
}

/* ---- the writer ---- */

/** Under the lock. Everything that waits becomes the group; false when there is nothing left to do. */
static bool next_group(writer_t *writer)
{
    buf_t emptied = writer->group;

    while (writer->waiting.count == 0 && !writer->stopping) {
        writer->writer_sleeps = true;
        pthread_cond_wait(&writer->work, &writer->lock);
        writer->writer_sleeps = false;
    }
    if (writer->waiting.count == 0) {
        return false;
    }
    writer->inflight = STEAL(writer->waiting);
    writer->group = writer->lines;
    writer->lines = emptied;
    return true;
}

/** Under the lock. What the watchdog has not given back yet. */
static queue_t end_group(writer_t *writer, p11kms_err err, int64_t took_us)
{
    queue_t done = STEAL(writer->inflight);

    writer->stats.commit_us_total += (uint64_t)took_us;
    if (err != P11KMS_OK) {
        note_failures(writer, p11kms_err_detail(err), done.count);
        return done;
    }
    note_problem(writer, "");
    writer->stats.commits++;
    writer->stats.records += done.count;
    writer->stats.bytes += writer->group.len;
    return done;
}

static void empty_group(writer_t *writer)
{
    if (writer->group.cap > LINES_KEPT) {
        buf_free(&writer->group);
    } else {
        buf_clear(&writer->group);
    }
}

/* Under the lock: who abandons the writer may have ended the copies. */
static void offer_copies(writer_t *writer)
{
    pthread_mutex_lock(&writer->lock);
    if (!writer->abandoned) {
        copies_offer(writer->limits.copies, buf_slice(&writer->group));
    }
    pthread_mutex_unlock(&writer->lock);
}

static void free_writer(writer_t *writer)
{
    buf_free(&writer->group);
    buf_free(&writer->lines);
    pthread_cond_destroy(&writer->gone);
    pthread_cond_destroy(&writer->timer);
    pthread_cond_destroy(&writer->work);
    pthread_mutex_destroy(&writer->lock);
    pthread_mutex_destroy(&writer->appending);
    free(writer);
}

/** Is the file that is open the one we left? */
static p11kms_err check_segment(writer_t *writer)
{
    struct stat st;

    if (writer->segments.fd < 0) {
        return P11KMS_OK;
    }
    if (fstat(writer->segments.fd, &st) != 0) {
        FAIL(P11KMS_E_AUDIT, "audit: the current segment: %s", strerror(errno));
    }
    if (!guard_compare(writer->company->guard, GUARD_SEGMENT, &st)) {
        FAIL(P11KMS_E_AUDIT, "audit: the current segment was tampered with");
    }
    return P11KMS_OK;
}

static p11kms_err append_group(writer_t *writer, bool resumes)
{
    p11kms_err err;

    if (atomic_load(&writer->halted)) {
        if (!resumes) {
            FAIL(P11KMS_E_AUDIT, "audit: the log is stopped");
        }
        return resume(writer);
    }
    TRY(check_segment(writer));
    guard_growing(writer->company->guard, GUARD_SEGMENT, writer->group.len);
    err = segments_append(&writer->segments, buf_slice(&writer->group));
    expect_segment(writer, err == P11KMS_OK);
    return err;
}

/* After the answers: nobody waits for a hash. */
static void grow_tree(writer_t *writer, p11kms_err err)
{
    if (err == P11KMS_OK) {
        log_tree_add(writer->company->tree, writer->segments.number, buf_slice(&writer->group));
        if (writer->segments.touched) {
            guard_suspect(writer->company->guard, GUARD_SEGMENT);
        }
    }
    if (writer->segments.fd < 0) {
        log_tree_end_segment(writer->company->tree);
    }
    notary_look(writer->company->notary);
}

static void *write_groups(void *arg)
{
    writer_t *writer = arg;
    bool abandoned;

    pthread_mutex_lock(&writer->lock);
    while (next_group(writer)) {
        bool resumes = writer->inflight.first->resumes;
        queue_t done;
        p11kms_err err;
        int64_t start;

        pthread_mutex_unlock(&writer->lock);
        pthread_mutex_lock(&writer->appending);
        start = clock_mono_us();
        err = append_group(writer, resumes);
        pthread_mutex_lock(&writer->lock);

        done = end_group(writer, err, clock_mono_us() - start);
        pthread_mutex_unlock(&writer->lock);
        give_back(done, err);
        if (err == P11KMS_OK && writer->limits.copies != NULL) {
            offer_copies(writer);
        }
        grow_tree(writer, err);
        pthread_mutex_unlock(&writer->appending);
        empty_group(writer);
        pthread_mutex_lock(&writer->lock);
    }
    writer->writer_gone = true;
    abandoned = writer->abandoned;
    pthread_cond_signal(&writer->gone);
    pthread_mutex_unlock(&writer->lock);
    if (abandoned) {
        const writer_company *company = writer->company;

        segments_close(&writer->segments);
        free_writer(writer);
        company->left(company->arg);
    }
    return NULL;
}

/* ---- the watchdog ---- */

static int64_t deadline_of(const writer_t *writer, const audit_record_t *record)
{
    return record->submitted_us + (int64_t)writer->limits.bound_ms * 1000;
}

/** Under the lock. A record that still waits takes its line with it: it will not be written. */
static queue_t take_expired(writer_t *writer, int64_t now)
{
    queue_t expired = { 0 };
    size_t dropped = 0;

    while (writer->inflight.count > 0 && deadline_of(writer, writer->inflight.first) <= now) {
        queue_put(&expired, queue_take(&writer->inflight));
    }
    while (writer->waiting.count > 0 && deadline_of(writer, writer->waiting.first) <= now) {
        dropped += writer->waiting.first->line.len + 1;
        queue_put(&expired, queue_take(&writer->waiting));
    }
    buf_consume(&writer->lines, dropped);
    return expired;
}

static void expire(writer_t *writer, int64_t now)
{
    queue_t expired = take_expired(writer, now);
    char problem[96];

    snprintf(problem, sizeof(problem), "audit: the disk has not answered for %u ms", writer->limits.bound_ms);
    note_failures(writer, problem, expired.count);
    pthread_mutex_unlock(&writer->lock);
    give_back(expired, P11KMS_E_AUDIT);
    pthread_mutex_lock(&writer->lock);
}

/*
 * Sleeps until the oldest record's deadline, then looks again: a younger one's is
 * never before it. Under load that is one wake-up per bound_ms; idle, none.
 */
static void *watch_deadlines(void *arg)
{
    writer_t *writer = arg;

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        const audit_record_t *oldest =
            writer->inflight.count > 0 ? writer->inflight.first : writer->waiting.first;
        int64_t now = clock_mono_us();

        if (oldest != NULL && deadline_of(writer, oldest) <= now) {
            expire(writer, now);
        } else if (oldest != NULL) {
            thread_wait_until(&writer->timer, &writer->lock, deadline_of(writer, oldest));
        } else if (writer->stopping) {
            break;
        } else {
            writer->watchdog_sleeps = true;
            pthread_cond_wait(&writer->timer, &writer->lock);
            writer->watchdog_sleeps = false;
        }
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* ---- start and stop ---- */

static writer_t *new_writer(writer_limits limits, const writer_company *company)
{
    writer_t *writer = calloc(1, sizeof(*writer));

    if (writer == NULL) {
        return NULL;
    }
    writer->limits = limits;
    writer->company = company;
    atomic_init(&writer->healthy, true);
    pthread_mutex_init(&writer->appending, NULL);
    pthread_mutex_init(&writer->lock, NULL);
    thread_cond_init(&writer->work);
    thread_cond_init(&writer->timer);
    thread_cond_init(&writer->gone);
    return writer;
}

static void ask_to_stop(writer_t *writer)
{
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_cond_signal(&writer->timer);
}

p11kms_err writer_start(segments_t *segments, writer_limits limits, const writer_company *company, writer_t **ret)
{
    writer_t *writer = new_writer(limits, company);
    int failed;

    ENSURE(writer != NULL, P11KMS_E_NOMEM);
    failed = thread_start(&writer->watchdog, watch_deadlines, writer);
    if (failed == 0) {
        writer->segments = *segments;
        failed = thread_start(&writer->thread, write_groups, writer);
        if (failed != 0) {
            pthread_mutex_lock(&writer->lock);
            ask_to_stop(writer);
            pthread_mutex_unlock(&writer->lock);
            pthread_join(writer->watchdog, NULL);
        }
    }
    if (failed != 0) {
        free_writer(writer);
        FAIL(P11KMS_E_NOMEM, "audit: no thread can be started: %s", strerror(failed));
    }
    *ret = writer;
    return P11KMS_OK;
}

/** Wait for the writer thread, but not for a disk that hangs. */
static bool wait_for_writer(writer_t *writer)
{
    int64_t deadline = clock_mono_us() + (int64_t)writer->limits.bound_ms * 1000 + STOP_GRACE_US;
    bool gone;

    pthread_mutex_lock(&writer->lock);
    ask_to_stop(writer);
    while (!writer->writer_gone && clock_mono_us() < deadline) {
        thread_wait_until(&writer->gone, &writer->lock, deadline);
    }
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->watchdog, NULL); /* by now every record has been given back */

    pthread_mutex_lock(&writer->lock);
    gone = writer->writer_gone;
    writer->abandoned = !gone;
    pthread_mutex_unlock(&writer->lock);
    return gone;
}

bool writer_stop(writer_t *writer)
{
    pthread_t thread = writer->thread;

    if (!wait_for_writer(writer)) {
        pthread_detach(thread);
        return false;
    }
    pthread_join(thread, NULL);
    segments_close(&writer->segments);
    free_writer(writer);
    return true;
}

/* ---- looking at it ---- */

bool writer_healthy(const writer_t *writer)
{
    return atomic_load(&writer->healthy);
}

void writer_problem(writer_t *writer, char *out, size_t size)
{
    pthread_mutex_lock(&writer->lock);
    snprintf(out, size, "%s", writer->problem);
    pthread_mutex_unlock(&writer->lock);
}

audit_stats writer_stats(writer_t *writer)
{
    audit_stats stats;

    pthread_mutex_lock(&writer->lock);
    stats = writer->stats;
    stats.waiting = writer->waiting.count + writer->inflight.count;
    pthread_mutex_unlock(&writer->lock);
    return stats;
}
