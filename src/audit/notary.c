#include "audit/notary.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "audit/segment.h"
#include "audit/thread.h"
#include "util/clock.h"

#define LOG_ROOM "audit"
#include "util/log.h"

#define RETRY_FIRST_US INT64_C(250000)
#define RETRY_MAX_US INT64_C(60000000)
#define STOP_WAIT_US INT64_C(3000000)
#define COSIGNED_MAX (8 * (size_t)NOTE_MAX) /* waiting to be kept */

/** A partial tile as it was written last. */
typedef struct {
    uint64_t index;
    unsigned width;
} partial_t;

struct notary {
    int folder;
    log_tree_t *tree;
    guard_t *guard;
    notary_limits limits;
    pthread_t thread;

    /* the thread's alone, once it runs */
    ledger_file file;
    uint64_t in_file; /* the size of the last checkpoint in it; UINT64_MAX: it is empty */
    buf_t last;       /* the newest note */
    uint64_t last_size;
    merkle_hash last_root;
    buf_t ended; /* tree_span each: segments whose last checkpoint is owed */
    partial_t partials[TILE_LEVELS];
    tree_snapshot snapshot;
    int64_t retry_us; /* the pause after a failure; 0: the last one succeeded */

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t wake;
    pthread_cond_t gone;
    audit_signer signer;
    note_key_t *key; /* NULL: nothing is signed */
    int64_t next_at; /* on clock_mono_us(): for the next by time */
    uint64_t first;  /* of the segments that checkpoints are made for, since the log was resumed */
    bool paused;
    bool finishing;
    bool finished;
    bool stopping;
    bool ended_thread;
    uint64_t signed_size;
    int64_t signed_at; /* on clock_mono_us(); 0: never */
    uint64_t made;
    uint64_t failures;
    void (*tell)(void *arg, slice_t note);
    void *tell_arg;
    buf_t cosigned; /* notes, each behind its length */

    atomic_uint_least64_t wake_at; /* the size of the tree that is worth a look */
};

/* ---- signing ---- */

static void keep_last(notary_t *notary, const buf_t *note, uint64_t size, const merkle_hash *root)
{
    buf_clear(&notary->last);
    buf_put_slice(&notary->last, buf_slice(note));
    notary->last_size = size;
    notary->last_root = *root;
}

static bool is_last(const notary_t *notary, uint64_t size, const merkle_hash *root)
{
    return notary->last.len > 0 && notary->last_size == size && merkle_eq(&notary->last_root, root);
}

/* What the signer gives is not believed: a note that does not verify would bear witness against us for good.
 */
static p11kms_err check_signature(const notary_t *notary, const buf_t *note)
{
    note_t parsed;

    TRY(note_parse(buf_slice(note), &parsed));
    if (note_check(&parsed, notary->key, NULL) != NOTE_SIGNED) {
        FAIL(P11KMS_E_CRYPTO, "the signature of a checkpoint does not verify");
    }
    return P11KMS_OK;
}

static p11kms_err sign(notary_t *notary, uint64_t size, const merkle_hash *root, buf_t *note)
{
    _cleanup_buf_ buf_t signature = { 0 };

    if (is_last(notary, size, root)) {
        buf_put_slice(note, buf_slice(&notary->last));
        return P11KMS_OK;
    }
    note_put_text(note, note_key_name(notary->key), size, root->bytes);
    ENSURE(!buf_failed(note), P11KMS_E_NOMEM);
    TRY(notary->signer.sign(notary->signer.arg, buf_slice(note), &signature));
    buf_put_char(note, '\n');
    note_put_signature(note, notary->key, buf_slice(&signature));
    ENSURE(!buf_failed(note), P11KMS_E_NOMEM);
    TRY(check_signature(notary, note));
    if (notary->signer.remember) {
        notary->signer.remember(notary->signer.arg, size, root->bytes);
    }
    return P11KMS_OK;
}

/* ---- notes ---- */

static void expect_notes(notary_t *notary)
{
    char name[SEGMENT_NAME];
    struct stat st;

    segment_notes_name(notary->file.number, name);
    if (fstatat(notary->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        guard_expect_notes(notary->guard, notary->file.number, &st, &notary->file.chain);
    }
}

static p11kms_err append_note(notary_t *notary, const buf_t *note, uint64_t size)
{
    guard_growing(notary->guard, GUARD_NOTES, note->len + 1);
    p11kms_err err = ledger_append(&notary->file, buf_slice(note));
    if (err != P11KMS_OK) {
        guard_forget(notary->guard, GUARD_NOTES); /* until one succeeds */
        return err;
    }
    expect_notes(notary);
    notary->in_file = size;
    return P11KMS_OK;
}

static p11kms_err put_checkpoint(notary_t *notary, uint64_t size, const merkle_hash *root)
{
    _cleanup_buf_ buf_t note = { 0 };

    TRY(sign(notary, size, root, &note));
    TRY(append_note(notary, &note, size));
    keep_last(notary, &note, size, root);
    return P11KMS_OK;
}

/** The notes of segment @p number, which begin with the checkpoint before it; the very first have none before
 * them. */
static p11kms_err begin_notes(notary_t *notary, uint64_t number, uint64_t start, const merkle_hash *root)
{
    _cleanup_ledger_ ledger_t there = { 0 };
    p11kms_err err;

    if (notary->file.number == number) {
        return P11KMS_OK;
    }
    guard_forget(notary->guard, GUARD_NOTES);
    err = ledger_load(notary->folder, number, &there);
    if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
        return err;
    }
    TRY(ledger_open(&notary->file, number, err == P11KMS_OK ? &there : NULL));
    notary->in_file = there.count > 0 ? there.notes[there.count - 1].size : UINT64_MAX;
    expect_notes(notary);
    if (there.count > 0 || number == 1) {
        return P11KMS_OK;
    }
    _cleanup_buf_ buf_t note = { 0 };
    err = sign(notary, start, root, &note);
    if (err == P11KMS_OK) {
        err = append_note(notary, &note, start);
    }
    if (err != P11KMS_OK) {
        notary->file.number = 0; /* begun again next time */
    }
    return err;
}

static bool lacks(const notary_t *notary, uint64_t size)
{
    return notary->in_file == UINT64_MAX || notary->in_file < size;
}

/* ---- tiles ---- */

/** The partial tiles of @p size leaves, from a tree that may have grown since; those that are full now exist.
 */
static p11kms_err write_partials(notary_t *notary, uint64_t size, bool sync)
{
    merkle_tile *copy = NULL;
    p11kms_err err = P11KMS_OK;

    copy = malloc(sizeof(*copy));
    ENSURE(copy != NULL, P11KMS_E_NOMEM);
    for (unsigned level = 0; level < TILE_LEVELS && err == P11KMS_OK; level++) {
        const merkle_tile *tile = &notary->snapshot.tree.tile[level];
        partial_t *written = &notary->partials[level];
        uint64_t index;
        unsigned width;

        merkle_tile_at(size, level, &index, &width);
        if (width == 0 || width == TILE_WIDTH || tile->index != index ||
            (!sync && written->index == index && written->width == width)) {
            continue;
        }
        *copy = *tile;
        copy->width = width;
        err = tile_write(notary->folder, copy);
        if (err == P11KMS_OK && sync) {
            err = tile_sync(notary->folder, level, index, width);
        }
        *written = (partial_t){ .index = index, .width = err == P11KMS_OK ? width : 0 };
    }
    free(copy);
    return err;
}

/* Kept beside the newest: those with which the current segment begins. They are on disk for certain. */
static void drop_partials(const notary_t *notary)
{
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        const partial_t *written = &notary->partials[level];
        uint64_t index;
        unsigned width;

        if (written->width == 0) {
            continue;
        }
        merkle_tile_at(notary->snapshot.current.start, level, &index, &width);
        tile_drop_partial(notary->folder, level, written->index, written->width,
                          index == written->index ? width : 0);
    }
}

/* ---- checkpoints ---- */

static p11kms_err close_segment(notary_t *notary, const tree_span *span)
{
    TRY(begin_notes(notary, span->number, span->start, &span->start_root));
    if (lacks(notary, span->end)) {
        TRY(put_checkpoint(notary, span->end, &span->end_root));
    }
    TRY(write_partials(notary, span->end, true));
    TRY(log_tree_sync(notary->tree));
    return begin_notes(notary, span->number + 1, span->end, &span->end_root);
}

static p11kms_err close_segments(notary_t *notary, uint64_t first)
{
    while (notary->ended.len > 0) {
        tree_span span;

        memcpy(&span, notary->ended.data, sizeof(span));
        if (span.number >= first) {
            TRY(close_segment(notary, &span));
        }
        buf_consume(&notary->ended, sizeof(span));
    }
    return P11KMS_OK;
}

static p11kms_err make_checkpoint(notary_t *notary, uint64_t first)
{
    const tree_span *current = &notary->snapshot.current;

    TRY(log_tree_snapshot(notary->tree, &notary->snapshot, &notary->ended));
    TRY(close_segments(notary, first));
    if (current->number != 0 && current->number >= first) {
        TRY(begin_notes(notary, current->number, current->start, &current->start_root));
        if (lacks(notary, current->end)) {
            TRY(put_checkpoint(notary, current->end, &current->end_root));
        }
    }
    if (notary->last.len == 0) {
        return P11KMS_OK; /* nothing was ever recorded */
    }
    TRY(write_partials(notary, notary->last_size, false));
    TRY(checkpoint_replace(notary->folder, buf_slice(&notary->last)));
    drop_partials(notary);
    return P11KMS_OK;
}

/* ---- cosignatures ---- */

/** A copy of a note that is in a file already; the newest one takes its place in `checkpoint` too. */
static p11kms_err keep_cosigned(notary_t *notary, slice_t whole)
{
    _cleanup_buf_ buf_t note = { 0 };
    merkle_hash root;
    note_t parsed;

    TRY(note_parse(whole, &parsed));
    if (notary->file.number == 0 || note_check(&parsed, notary->key, NULL) != NOTE_SIGNED) {
        return P11KMS_OK;
    }
    buf_put_slice(&note, whole);
    ENSURE(!buf_failed(&note), P11KMS_E_NOMEM);
    memcpy(root.bytes, parsed.root, sizeof(root.bytes));
    TRY(append_note(notary, &note, notary->in_file));
    if (!is_last(notary, parsed.size, &root)) {
        return P11KMS_OK;
    }
    keep_last(notary, &note, parsed.size, &root);
    return checkpoint_replace(notary->folder, whole);
}

/** Under the lock; which is given up meanwhile. */
static void take_cosigned(notary_t *notary)
{
    _cleanup_buf_ buf_t taken = STEAL(notary->cosigned);

    pthread_mutex_unlock(&notary->lock);
    for (reader_t reader = reader_over(buf_slice(&taken)); reader.rest.len > 0;) {
        slice_t note = reader_take(&reader, reader_u32(&reader));
        p11kms_err err = keep_cosigned(notary, note);
        if (err != P11KMS_OK) {
            log_warning("cosignatures of a checkpoint of the audit log are not kept: %s", p11kms_err_detail(err));
        }
    }
    pthread_mutex_lock(&notary->lock);
}

void notary_cosigned(notary_t *notary, slice_t note)
{
    pthread_mutex_lock(&notary->lock);
    if (notary->key != NULL && !notary->paused && !notary->stopping && notary->cosigned.len + note.len < COSIGNED_MAX) {
        buf_put_u32(&notary->cosigned, (uint32_t)note.len);
        buf_put_slice(&notary->cosigned, note);
        pthread_cond_signal(&notary->wake);
    }
    pthread_mutex_unlock(&notary->lock);
}

void notary_tell(notary_t *notary, void (*made)(void *arg, slice_t note), void *arg)
{
    pthread_mutex_lock(&notary->lock);
    notary->tell = made;
    notary->tell_arg = arg;
    pthread_mutex_unlock(&notary->lock);
}

/* ---- when ---- */

/** Under the lock. */
static bool is_due(const notary_t *notary, int64_t now)
{
    uint64_t size = log_tree_size(notary->tree);

    if (notary->key == NULL || notary->paused || !log_tree_begun(notary->tree)) {
        return false;
    }
    if (notary->finishing) {
        return !notary->finished;
    }
    if (now < notary->next_at && notary->retry_us != 0) {
        return false;
    }
    if (log_tree_has_ended(notary->tree) || notary->ended.len > 0 ||
        size - notary->signed_size >= notary->limits.records) {
        return true;
    }
    return size > notary->signed_size && now >= notary->next_at;
}

/** Under the lock. */
static void set_wake(notary_t *notary)
{
    bool waits = log_tree_size(notary->tree) > notary->signed_size;

    atomic_store(&notary->wake_at, notary->signed_size + (waits ? notary->limits.records : 1));
}

/** Under the lock; which is given up meanwhile. */
static void work(notary_t *notary)
{
    uint64_t made = notary->last_size;
    uint64_t first = notary->first;
    bool last = notary->finishing;
    p11kms_err err;

    pthread_mutex_unlock(&notary->lock);
    err = make_checkpoint(notary, first);
    if (err != P11KMS_OK) {
        log_warning("no checkpoint of the audit log can be made, it is tried again: %s",
                    p11kms_err_detail(err));
    }
    pthread_mutex_lock(&notary->lock);

    if (err == P11KMS_OK && notary->tell != NULL && notary->last_size != made) {
        notary->tell(notary->tell_arg, buf_slice(&notary->last));
    }
    notary->made += notary->last_size != made;
    notary->signed_size = notary->last_size;
    if (err != P11KMS_OK) {
        notary->failures++;
        notary->retry_us = notary->retry_us == 0 ? RETRY_FIRST_US : 2 * notary->retry_us;
        notary->retry_us = notary->retry_us > RETRY_MAX_US ? RETRY_MAX_US : notary->retry_us;
        notary->next_at = clock_mono_us() + notary->retry_us;
    } else {
        if (notary->retry_us != 0) {
            log_notice("checkpoints of the audit log are made again");
        }
        notary->retry_us = 0;
        notary->signed_at = clock_mono_us();
        notary->next_at = notary->signed_at + (int64_t)notary->limits.seconds * 1000000;
    }
    if (last) {
        notary->finished = true;
        pthread_cond_broadcast(&notary->gone);
    }
}

static void *make_checkpoints(void *arg)
{
    notary_t *notary = arg;

    pthread_mutex_lock(&notary->lock);
    while (!notary->stopping || notary->cosigned.len > 0) {
        int64_t now = clock_mono_us();
        bool waits;

        if (notary->cosigned.len > 0) {
            take_cosigned(notary);
            continue;
        }
        if (is_due(notary, now)) {
            work(notary);
            continue;
        }
        set_wake(notary); /* before the last look at the tree: it may just have grown */
        waits = notary->key != NULL && !notary->paused && !notary->finishing &&
                log_tree_begun(notary->tree) &&
                (log_tree_size(notary->tree) > notary->signed_size || notary->ended.len > 0 ||
                 log_tree_has_ended(notary->tree));
        if (is_due(notary, now)) {
            continue;
        }
        if (waits) {
            thread_wait_until(&notary->wake, &notary->lock, notary->next_at);
        } else {
            pthread_cond_wait(&notary->wake, &notary->lock);
        }
    }
    notary->ended_thread = true;
    pthread_cond_broadcast(&notary->gone);
    pthread_mutex_unlock(&notary->lock);
    return NULL;
}

void notary_look(notary_t *notary)
{
    if (log_tree_size(notary->tree) >= atomic_load(&notary->wake_at) || log_tree_has_ended(notary->tree)) {
        pthread_mutex_lock(&notary->lock);
        pthread_cond_signal(&notary->wake);
        pthread_mutex_unlock(&notary->lock);
    }
}

/* ---- start and stop ---- */

static void notary_free(notary_t *notary)
{
    note_key_free(notary->key);
    buf_free(&notary->last);
    buf_free(&notary->ended);
    buf_free(&notary->cosigned);
    pthread_cond_destroy(&notary->gone);
    pthread_cond_destroy(&notary->wake);
    pthread_mutex_destroy(&notary->lock);
    free(notary);
}

/* Its age is what the file's time says. */
static int64_t made_at(int folder)
{
    struct stat st;

    if (fstatat(folder, "checkpoint", &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return clock_mono_us();
    }
    int64_t age_us = clock_wall_ms() * 1000 - (int64_t)st.st_mtim.tv_sec * 1000000;
    return clock_mono_us() - (age_us > 0 ? age_us : 0);
}

static p11kms_err take_over(notary_t *notary, const notary_history *history)
{
    if (history->last == NULL) {
        return P11KMS_OK;
    }
    buf_put_slice(&notary->last, history->last->whole);
    ENSURE(!buf_failed(&notary->last), P11KMS_E_NOMEM);
    notary->last_size = notary->signed_size = history->last->size;
    notary->last_root = history->last->root;
    notary->signed_at = made_at(notary->folder);
    if (history->notes != NULL) {
        notary->in_file = history->last->size;
        TRY(ledger_open(&notary->file, history->number, history->notes));
        expect_notes(notary);
    }
    return P11KMS_OK;
}

p11kms_err notary_start(int folder, log_tree_t *tree, guard_t *guard, const notary_history *history,
                        notary_limits limits, notary_t **ret)
{
    notary_t *notary = calloc(1, sizeof(*notary));
    p11kms_err err;

    ENSURE(notary != NULL, P11KMS_E_NOMEM);
    notary->folder = folder;
    notary->tree = tree;
    notary->guard = guard;
    notary->limits = limits;
    notary->in_file = UINT64_MAX;
    notary->file = (ledger_file){ .folder = folder, .append_flag = limits.append_flag };
    pthread_mutex_init(&notary->lock, NULL);
    thread_cond_init(&notary->wake);
    thread_cond_init(&notary->gone);
    err = take_over(notary, history);
    if (err == P11KMS_OK && thread_start(&notary->thread, make_checkpoints, notary) != 0) {
        err = p11kms_fail(P11KMS_E_NOMEM, "audit: no thread can be started");
    }
    if (err != P11KMS_OK) {
        notary_free(notary);
        return err;
    }
    *ret = notary;
    return P11KMS_OK;
}

/* For auditors, beside the log: which key to ask for. */
static p11kms_err write_key(const notary_t *notary, const note_key_t *key)
{
    _cleanup_buf_ buf_t vkey = { 0 };

    note_key_vkey(key, &vkey);
    buf_put_char(&vkey, '\n');
    ENSURE(!buf_failed(&vkey), P11KMS_E_NOMEM);
    return replace_file(notary->folder, "key", buf_slice(&vkey));
}

p11kms_err notary_sign_with(notary_t *notary, const audit_signer *signer)
{
    note_key_t *key = NULL;

    TRY(note_key_new(SLICE_STR(signer->origin), signer->spki, &key));
    p11kms_err err = write_key(notary, key);
    if (err != P11KMS_OK) {
        note_key_free(key);
        return err;
    }
    pthread_mutex_lock(&notary->lock);
    notary->signer = *signer;
    notary->signer.origin = NULL; /* the key's name */
    notary->key = key;
    pthread_cond_signal(&notary->wake);
    pthread_mutex_unlock(&notary->lock);
    return P11KMS_OK;
}

void notary_finish(notary_t *notary, unsigned wait_ms)
{
    int64_t deadline = clock_mono_us() + (int64_t)wait_ms * 1000;

    pthread_mutex_lock(&notary->lock);
    if (!notary->finishing) {
        notary->finishing = true;
        notary->finished = notary->key == NULL || notary->paused || !log_tree_begun(notary->tree);
        pthread_cond_signal(&notary->wake);
    }
    while (!notary->finished && clock_mono_us() < deadline) {
        thread_wait_until(&notary->gone, &notary->lock, deadline);
    }
    notary->finished = true; /* the signer may go */
    pthread_mutex_unlock(&notary->lock);
}

void notary_pause(notary_t *notary)
{
    pthread_mutex_lock(&notary->lock);
    notary->paused = true;
    pthread_mutex_unlock(&notary->lock);
}

void notary_resume(notary_t *notary, uint64_t number)
{
    pthread_mutex_lock(&notary->lock);
    notary->paused = false;
    notary->first = number;
    pthread_cond_signal(&notary->wake);
    pthread_mutex_unlock(&notary->lock);
}

bool notary_stop(notary_t *notary)
{
    int64_t deadline = clock_mono_us() + STOP_WAIT_US;
    bool ended;

    pthread_mutex_lock(&notary->lock);
    notary->stopping = true;
    pthread_cond_signal(&notary->wake);
    while (!notary->ended_thread && clock_mono_us() < deadline) {
        thread_wait_until(&notary->gone, &notary->lock, deadline);
    }
    ended = notary->ended_thread;
    pthread_mutex_unlock(&notary->lock);
    if (!ended) {
        pthread_detach(notary->thread);
        return false;
    }
    pthread_join(notary->thread, NULL);
    notary_free(notary);
    return true;
}

void notary_count(notary_t *notary, audit_stats *ret)
{
    uint64_t size = log_tree_size(notary->tree);

    pthread_mutex_lock(&notary->lock);
    ret->checkpoints = notary->made;
    ret->checkpoint_failures = notary->failures;
    ret->tree_size = size;
    ret->unsigned_records = size - notary->signed_size;
    ret->checkpoint_age_us = notary->signed_at != 0 ? clock_mono_us() - notary->signed_at : -1;
    pthread_mutex_unlock(&notary->lock);
}
