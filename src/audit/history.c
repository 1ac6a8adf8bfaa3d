#define _GNU_SOURCE
#include "audit/history.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "audit/lines.h"
#include "audit/recover.h"
#include "audit/resumed.h"

/* ---- what the folder tells ---- */

/* What can be read of segments that an operator has decided to go on without counts, and what cannot does
 * not. */
static p11kms_err find_base(int folder, history_t *history)
{
    for (size_t i = history->count; i-- > 0;) {
        segment_entry *entry = &history->entries[i];

        if (!entry->notes) {
            act_t act;
            if (history->resumed == history->count && resumed_begins(folder, entry, &act) && act.placed) {
                history->resumed = i;
                history->stood = (noted_t){ .size = act.size, .root = act.root };
            }
            continue;
        }
        p11kms_err err = ledger_load(folder, entry->number, &history->notes);
        if (err != P11KMS_OK && history->resumed == history->count) {
            return err;
        }
        if (history->notes.count > 0) {
            history->base = i;
            return P11KMS_OK;
        }
        ledger_free(&history->notes); /* made, and then the crash: as if it were not there */
        entry->notes = false;
    }
    /* Where there never was a tree, the decision does not begin one. */
    return history->stood.size > 0 ? P11KMS_OK : p11kms_fail_plain(P11KMS_E_NOT_FOUND);
}

/* It is written after the notes: never newer than they are. */
static p11kms_err check_checkpoint(int folder, const history_t *history)
{
    _cleanup_buf_ buf_t text = { 0 };
    const noted_t *newest = history_newest(history);
    noted_t checkpoint;
    p11kms_err err = checkpoint_read(folder, &text, &checkpoint);

    if (err == P11KMS_E_NOT_FOUND || history->resumed < history->count) {
        return P11KMS_OK; /* a copy of the newest note; made again with the next */
    }
    TRY(err);
    if (newest == NULL || checkpoint.size > newest->size) {
        FAIL(P11KMS_E_AUDIT,
             "audit: the file checkpoint tells of %" PRIu64 " records, the newest .notes of %" PRIu64
             ": notes were lost" AUDIT_RESUME_HINT,
             checkpoint.size, newest != NULL ? newest->size : 0);
    }
    if (checkpoint.size == newest->size && !merkle_eq(&checkpoint.root, &newest->root)) {
        FAIL(P11KMS_E_AUDIT,
             "audit: the file checkpoint and the newest .notes tell of %" PRIu64
             " records with different roots: one of them was changed" AUDIT_RESUME_HINT,
             newest->size);
    }
    return P11KMS_OK;
}

static p11kms_err read_all(int folder, history_t *history)
{
    TRY(segment_scan(folder, &history->entries, &history->count));
    history->resumed = history->count;
    p11kms_err err = find_base(folder, history);
    if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
        return err;
    }
    TRY(check_checkpoint(folder, history));
    return err;
}

p11kms_err history_read(int folder, history_t *ret)
{
    history_t history = { 0 };
    p11kms_err err = read_all(folder, &history);

    if (err != P11KMS_OK) {
        history_free(&history);
        return err;
    }
    *ret = history;
    return P11KMS_OK;
}

void history_free(history_t *history)
{
    free(history->entries);
    ledger_free(&history->notes);
    *history = (history_t){ 0 };
}

const noted_t *history_newest(const history_t *history)
{
    return history->notes.count > 0 ? &history->notes.notes[history->notes.count - 1] : NULL;
}

/* The first segment of all begins with nothing before it; every other's notes with the checkpoint before it.
 */
static uint64_t first_leaf(uint64_t number, const ledger_t *notes)
{
    return number == 1 ? 0 : notes->notes[0].size;
}

/* ---- one segment ---- */

typedef struct {
    int folder;
    log_tree_t *tree;
    uint64_t number;
    uint64_t line;         /* the last one added, from 1 */
    uint64_t limit;        /* leaves */
    uint64_t end;          /* the leaf that the next segment begins with; UINT64_MAX: not known */
    const ledger_t *notes; /* NULL: none */
    size_t next;           /* of notes, to be held against the tree */
    uint64_t agreed;       /* the line of the last checkpoint that agreed */
} replay_t;

/** The first line whose hash is not the one that the tiles have; 0: none, or there are no tiles. */
typedef struct {
    tile_reader tiles;
    uint64_t leaf;
    uint64_t line;
    uint64_t found;
} difference_t;

static p11kms_err compare_line(void *arg, slice_t line)
{
    difference_t *difference = arg;
    merkle_hash have;
    merkle_hash want;

    difference->line++;
    merkle_leaf(line, &have);
    TRY(tiles_hash(&difference->tiles, 0, difference->leaf++, &want));
    if (!merkle_eq(&have, &want)) {
        difference->found = difference->line;
        return P11KMS_E_NOT_FOUND;
    }
    return P11KMS_OK;
}

static uint64_t find_difference(const replay_t *replay, uint64_t first, uint64_t size)
{
    difference_t *difference = calloc(1, sizeof(*difference));
    _cleanup_fd_ int fd = -1;
    struct stat st;
    uint64_t found = 0;

    if (difference != NULL &&
        recover_open_segment(replay->folder, replay->number, O_RDONLY, &fd, &st) == P11KMS_OK) {
        difference->tiles.folder = replay->folder;
        difference->tiles.size = size;
        difference->leaf = first;
        (void)(lines_each(fd, 0, compare_line, difference, NULL) == P11KMS_OK);
        found = difference->found;
    }
    free(difference);
    return found;
}

static p11kms_err fail_changed(const replay_t *replay, const noted_t *note)
{
    uint64_t line = find_difference(replay, note->size - replay->line, note->size);
    char name[SEGMENT_NAME];

    segment_name(replay->number, name);
    if (line != 0) {
        FAIL(P11KMS_E_AUDIT,
             "audit: line %" PRIu64 " of %s was changed, or one before it removed" AUDIT_RESUME_HINT, line,
             name);
    }
    FAIL(P11KMS_E_AUDIT,
         "audit: lines %" PRIu64 " to %" PRIu64 " of %s are not those of its checkpoint of %" PRIu64
         " records" AUDIT_RESUME_HINT,
         replay->agreed + 1, replay->line, name, note->size);
}

/** Every checkpoint of this size must have this root. */
static p11kms_err check_notes(replay_t *replay)
{
    uint64_t size = log_tree_size(replay->tree);
    merkle_hash root;
    bool made = false;

    while (replay->notes != NULL && replay->next < replay->notes->count &&
           replay->notes->notes[replay->next].size <= size) {
        const noted_t *note = &replay->notes->notes[replay->next++];

        if (note->size < size) {
            continue; /* before this segment: its head, checked where the tree began */
        }
        if (!made) {
            log_tree_root(replay->tree, &root);
            made = true;
        }
        if (!merkle_eq(&root, &note->root)) {
            return fail_changed(replay, note);
        }
        replay->agreed = replay->line;
    }
    return P11KMS_OK;
}

static p11kms_err replay_line(void *arg, slice_t line)
{
    replay_t *replay = arg;
    uint64_t size = log_tree_size(replay->tree);
    merkle_hash leaf;

    if (size == replay->limit || size == replay->end) {
        return P11KMS_E_NOT_FOUND; /* enough */
    }
    merkle_leaf(line, &leaf);
    replay->line++;
    TRY(log_tree_add_leaf(replay->tree, &leaf));
    return check_notes(replay);
}

/** More than the next segment's checkpoint allows: what a failure left there, or what somebody wrote. */
static p11kms_err check_rest(const replay_t *replay, const struct stat *st, uint64_t end)
{
    char name[SEGMENT_NAME];

    if (end == (uint64_t)st->st_size || log_tree_size(replay->tree) == replay->limit) {
        return P11KMS_OK;
    }
    if ((st->st_mode & 0222) != 0) {
        return recover_cut_tail(replay->folder, replay->number,
                                end); /* it was left, and could not be cut then */
    }
    segment_name(replay->number, name);
    FAIL(P11KMS_E_AUDIT,
         "audit: %s goes on behind byte %" PRIu64 ", where it was closed: somebody added to it; "
         "cut it there (truncate -s %" PRIu64 " %s)",
         name, end, end, name);
}

static p11kms_err replay_segment(replay_t *replay)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;
    uint64_t end;
    char name[SEGMENT_NAME];

    TRY(recover_open_segment(replay->folder, replay->number, O_RDONLY, &fd, &st));
    log_tree_segment(replay->tree, replay->number);
    TRY(check_notes(replay));
    p11kms_err err = lines_each(fd, 0, replay_line, replay, &end);
    if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
        return err;
    }
    if (replay->end != UINT64_MAX) {
        if (log_tree_size(replay->tree) < replay->end && log_tree_size(replay->tree) < replay->limit) {
            segment_name(replay->number, name);
            FAIL(P11KMS_E_AUDIT,
                 "audit: %s ends after %" PRIu64 " lines, and had %" PRIu64 " more" AUDIT_RESUME_HINT, name,
                 replay->line, replay->end - log_tree_size(replay->tree));
        }
        TRY(check_rest(replay, &st, end));
    }
    return P11KMS_OK;
}

/* ---- all of them ---- */

/** The leaf that the segment behind entry @p i begins with, by its notes. */
static p11kms_err find_end(int folder, const history_t *history, size_t i, uint64_t *ret)
{
    _cleanup_ledger_ ledger_t notes = { 0 };

    *ret = UINT64_MAX;
    if (i + 1 < history->count && history->entries[i + 1].notes) {
        TRY(ledger_load(folder, history->entries[i + 1].number, &notes));
        *ret = notes.count > 0 ? notes.notes[0].size : UINT64_MAX;
    }
    return P11KMS_OK;
}

static p11kms_err replay_entry(int folder, const history_t *history, size_t i, replay_t *replay)
{
    const segment_entry *entry = &history->entries[i];
    _cleanup_ledger_ ledger_t notes = { 0 };

    if (entry->notes) {
        TRY(ledger_load(folder, entry->number, &notes));
    }
    replay->number = entry->number;
    replay->line = replay->agreed = replay->next = 0;
    replay->notes = entry->notes ? &notes : NULL;
    TRY(find_end(folder, history, i, &replay->end));
    return replay_segment(replay);
}

/** Notes that a segment was closed with, where the next has not begun: nothing but the copy of that
 * checkpoint. */
static bool is_head_alone(const history_t *history, size_t i)
{
    const segment_entry *entry = &history->entries[i];

    return i + 1 == history->count && !entry->plain && !entry->packed &&
           (!entry->notes || (history->base == i && history->notes.count == 1 && entry->number != 1));
}

static p11kms_err fail_missing(const segment_entry *entry)
{
    char name[SEGMENT_NAME];

    segment_name(entry->number, name);
    if (entry->packed) {
        FAIL(P11KMS_E_AUDIT, "audit: %s is needed at this start, and is compressed: unpack it", name);
    }
    FAIL(P11KMS_E_AUDIT, "audit: %s is missing, and its checkpoints are there" AUDIT_RESUME_HINT, name);
}

/* What is not the newest was closed, perhaps by a version that left it writable. */
static void close_entry(int folder, const segment_entry *entry)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;

    if (recover_open_segment(folder, entry->number, O_RDONLY, &fd, &st) == P11KMS_OK &&
        (st.st_mode & 0222) != 0) {
        segment_seal(fd);
    }
}

static p11kms_err replay_from(int folder, const history_t *history, size_t from, uint64_t limit,
                              log_tree_t *tree)
{
    replay_t replay = { .folder = folder, .tree = tree, .limit = limit };

    for (size_t i = from; i < history->count && !is_head_alone(history, i); i++) {
        if (!history->entries[i].plain) {
            return fail_missing(&history->entries[i]);
        }
        TRY(replay_entry(folder, history, i, &replay));
        if (i + 1 < history->count) {
            close_entry(folder, &history->entries[i]);
        }
    }
    return P11KMS_OK;
}

/* ---- what a failed sync left in a segment that could not be cut then ---- */

static p11kms_err count_line(void *arg, slice_t line)
{
    uint64_t *left = arg;

    (void)line;
    if (*left == 0) {
        return P11KMS_E_NOT_FOUND;
    }
    --*left;
    return P11KMS_OK;
}

static p11kms_err mend_left(int folder, const history_t *history, size_t i)
{
    const segment_entry *entry = &history->entries[i];
    _cleanup_ledger_ ledger_t notes = { 0 };
    _cleanup_fd_ int fd = -1;
    struct stat st;
    uint64_t end;
    uint64_t line_end;

    TRY(recover_open_segment(folder, entry->number, O_RDONLY, &fd, &st));
    if ((st.st_mode & 0222) == 0) {
        return P11KMS_OK;
    }
    TRY(ledger_load(folder, entry->number, &notes));
    TRY(find_end(folder, history, i, &end));
    if (end == UINT64_MAX || notes.count == 0 || first_leaf(entry->number, &notes) > end) {
        return P11KMS_OK;
    }
    uint64_t left = end - first_leaf(entry->number, &notes);
    p11kms_err err = lines_each(fd, 0, count_line, &left, &line_end);
    if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
        return err;
    }
    if (line_end < (uint64_t)st.st_size) {
        TRY(recover_cut_tail(folder, entry->number, line_end));
    }
    close_entry(folder, entry);
    return P11KMS_OK;
}

static p11kms_err mend_all_left(int folder, const history_t *history)
{
    for (size_t i = 0; i < history->base; i++) {
        if (history->entries[i].plain && history->entries[i].notes) {
            TRY(mend_left(folder, history, i));
        }
    }
    return P11KMS_OK;
}

/** The tree of @p note by the tiles. @retval P11KMS_E_NOT_FOUND  They do not have it. */
static p11kms_err load_tiles(int folder, const noted_t *note, merkle_tree *ret)
{
    merkle_hash root;
    p11kms_err err = tiles_load(folder, note->size, ret);

    if (err == P11KMS_E_AUDIT) {
        return p11kms_fail_plain(
            P11KMS_E_NOT_FOUND); /* damaged is as good as missing: they can be made again */
    }
    TRY(err);
    merkle_root(&ret->edge, &root);
    if (!merkle_eq(&root, &note->root)) {
        FAIL(P11KMS_E_AUDIT,
             "audit: the tiles do not have the root of the checkpoint of %" PRIu64
             " records: remove them (rm -r tile, in the log's folder), and they are made again from the "
             "segments",
             note->size);
    }
    return P11KMS_OK;
}

/** Is entry @p i where the tree begins? */
static bool is_first(int folder, const history_t *history, size_t i)
{
    ledger_t notes = { 0 };
    bool first = history->entries[i].number == 1;

    if (!first && history->entries[i].notes &&
        ledger_load(folder, history->entries[i].number, &notes) == P11KMS_OK) {
        first = notes.count > 0 && notes.notes[0].size == 0;
    }
    ledger_free(&notes);
    return first;
}

static p11kms_err replay_all(int folder, const history_t *history, uint64_t limit, merkle_tree *scratch,
                             log_tree_t *tree)
{
    char why[256];

    snprintf(why, sizeof(why), "%s", p11kms_err_detail(P11KMS_E_NOT_FOUND));
    if (!is_first(folder, history, 0)) {
        FAIL(P11KMS_E_AUDIT,
             "audit: %s, and cannot be made again, since segments before %" PRIu64
             " are not here: bring them (or the folder tile) back from a copy",
             why[0] != '\0' ? why : "a tile is damaged", history->entries[0].number);
    }
    merkle_init(scratch);
    log_tree_begin(tree, scratch);
    return replay_from(folder, history, 0, limit, tree);
}

static p11kms_err check_whole(const history_t *history, uint64_t limit, const log_tree_t *tree)
{
    const noted_t *newest = history_newest(history);
    uint64_t size = log_tree_size(tree);

    if (newest != NULL && size < newest->size && size < limit) {
        FAIL(P11KMS_E_AUDIT,
             "audit: the newest checkpoint tells of %" PRIu64
             " records, and the segments end with %" PRIu64 AUDIT_RESUME_HINT,
             newest->size, size);
    }
    return P11KMS_OK;
}

/** The segment closed last, whose notes are here: never one of those that are moved away. */
static p11kms_err check_closed(const segment_entry *closed, uint64_t next)
{
    if (closed->number + 1 == next && !closed->plain && !closed->packed) {
        return fail_missing(closed);
    }
    return P11KMS_OK;
}

static p11kms_err replay_known(int folder, const history_t *history, uint64_t limit, merkle_tree *scratch,
                               log_tree_t *tree)
{
    const segment_entry *base = &history->entries[history->base];
    const noted_t *at = &history->notes.notes[0]; /* where the base segment begins */
    size_t from = history->base;
    p11kms_err err = P11KMS_OK;

    merkle_init(scratch);
    if (history->base > 0 && is_head_alone(history, history->base)) {
        TRY(check_closed(base - 1, base->number));
    }
    if (base->packed && !base->plain) {
        at = history_newest(history); /* closed, and compressed at once: its own checkpoint covers it */
        from++;
    }
    if (from > history->base || first_leaf(base->number, &history->notes) > 0) {
        err = load_tiles(folder, at, scratch);
    }
    if (err == P11KMS_E_NOT_FOUND) {
        return replay_all(folder, history, limit, scratch, tree);
    }
    TRY(err);
    log_tree_begin(tree, scratch);
    return replay_from(folder, history, from, limit, tree);
}

/** From where a log was resumed while nobody could sign, or else from the newest segment with checkpoints. */
static p11kms_err replay_newest(int folder, const history_t *history, uint64_t limit, merkle_tree *scratch,
                                log_tree_t *tree)
{
    if (history->resumed == history->count) {
        TRY(mend_all_left(folder, history));
        return replay_known(folder, history, limit, scratch, tree);
    }
    p11kms_err err = load_tiles(folder, &history->stood, scratch);
    if (err == P11KMS_E_NOT_FOUND) {
        FAIL(P11KMS_E_AUDIT,
             "audit: the tiles do not have the %" PRIu64 " records with which the log was resumed",
             history->stood.size);
    }
    TRY(err);
    log_tree_begin(tree, scratch);
    return replay_from(folder, history, history->resumed, limit, tree);
}

p11kms_err history_replay(int folder, const history_t *history, uint64_t limit, log_tree_t *tree)
{
    _cleanup_free_ merkle_tree *scratch = malloc(sizeof(*scratch));

    ENSURE(scratch != NULL, P11KMS_E_NOMEM);
    log_tree_check_tiles(tree, true);
    p11kms_err err = replay_newest(folder, history, limit, scratch, tree);
    log_tree_check_tiles(tree, false);
    TRY(err);
    return check_whole(history, limit, tree);
}

p11kms_err history_trust(int folder, const noted_t *note, log_tree_t *tree)
{
    _cleanup_free_ merkle_tree *scratch = malloc(sizeof(*scratch));

    ENSURE(scratch != NULL, P11KMS_E_NOMEM);
    p11kms_err err = load_tiles(folder, note, scratch);
    if (err == P11KMS_E_NOT_FOUND) {
        FAIL(P11KMS_E_AUDIT,
             "audit: neither segments nor tiles have the %" PRIu64 " records of the newest checkpoint: "
             "move the folder away, and begin a new log",
             note->size);
    }
    TRY(err);
    log_tree_begin(tree, scratch);
    return P11KMS_OK;
}

p11kms_err history_begin(int folder, log_tree_t *tree)
{
    _cleanup_free_ merkle_tree *scratch = malloc(sizeof(*scratch));
    _cleanup_history_ history_t history = { 0 };
    size_t from = 0;

    ENSURE(scratch != NULL, P11KMS_E_NOMEM);
    TRY(segment_scan(folder, &history.entries, &history.count));
    for (size_t i = 0; i < history.count; i++) {
        history.entries[i].notes = false;
        from = history.entries[i].plain ? from : i + 1; /* those compressed before are older than the tree */
    }
    merkle_init(scratch);
    log_tree_begin(tree, scratch);
    log_tree_check_tiles(tree, true);
    p11kms_err err = replay_from(folder, &history, from, UINT64_MAX, tree);
    log_tree_check_tiles(tree, false);
    return err;
}
