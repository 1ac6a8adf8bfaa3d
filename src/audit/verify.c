#include "audit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "audit/proof.h"
#include "audit/source.h"
#include "audit/verify_inside.h"

#define PROGRESS_EVERY ((uint64_t)8 << 20)

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void set_stop(verifying *v)
{
    v->stop = v->pending ? v->note.size : UINT64_MAX;
    for (size_t i = 0; i < COUNT_OF(v->anchors); i++) {
        if (v->anchors[i].name && !v->anchors[i].reached) {
            v->stop = smaller(v->stop, v->anchors[i].note.size);
        }
    }
}

static void keep_root(verifying *v, uint64_t size, const merkle_hash *root)
{
    size_t at = v->n_roots++ % ROOTS_KEPT;

    v->roots[at].size = size;
    v->roots[at].root = *root;
}

/* The root as recomputed when the tree had @p size leaves. */
static bool root_at(const verifying *v, uint64_t size, merkle_hash *ret)
{
    if (size == v->tree.edge.size) {
        merkle_root(&v->tree.edge, ret);
        return true;
    }
    for (size_t i = 0; i < v->n_roots && i < ROOTS_KEPT; i++) {
        if (v->roots[i].size == size) {
            *ret = v->roots[i].root;
            return true;
        }
    }
    return false;
}

static p11kms_err check_signature(verifying *v, verify_verdict verdict, const note_t *note, const char *name)
{
    note_verdict signature = v->options->keys ? trust_log(v->options->keys, note) : NOTE_SIGNED;

    if (signature == NOTE_FORGED) {
        return verify_found(v, verdict, "%s, of %llu records: its signature is not good", name,
                            (unsigned long long)note->size);
    }
    if (signature == NOTE_UNSIGNED) {
        return verify_found(v, verdict, "%s, of %llu records: no key that was given signed it", name,
                            (unsigned long long)note->size);
    }
    return P11KMS_OK;
}

static p11kms_err count_witnesses(verifying *v, const note_t *note, const char *name)
{
    uint64_t time;
    bool forged;

    if (!v->options->witnesses) {
        return P11KMS_OK;
    }
    size_t count = trust_witnesses(v->options->witnesses, note, &time, &forged);
    if (forged) {
        return verify_found(v, VERIFY_CHECKPOINT, "%s, of %llu records: a witness's signature is not good", name,
                            (unsigned long long)note->size);
    }
    if (count >= v->options->quorum && note->size >= v->report.witnessed) {
        v->report.witnessed = note->size;
        v->report.witnessed_time = time;
    }
    return P11KMS_OK;
}

static void is_good(verifying *v, const note_t *note, const merkle_hash *root)
{
    verify_report *r = &v->report;

    r->checkpoints++;
    if (note->size != v->tree.edge.size) {
        return; /* a copy of one that was taken already */
    }
    verify_settle_difference(v);
    verify_covered(v);
    keep_root(v, note->size, root);
    r->good = r->covered = note->size;
    r->root = *root;
    v->good_segment = v->segment;
    v->good_line = v->line + 1;
    snprintf(r->origin, sizeof(r->origin), "%.*s", (int)smaller(note->origin.len, NOTE_NAME_MAX), note->origin.data);
}

/** @param verdict  When the root is another; of a bad signature: VERIFY_SINCE stays, else it is VERIFY_CHECKPOINT. */
static p11kms_err check_note(verifying *v, verify_verdict verdict, const note_t *note, const char *name)
{
    merkle_hash root;

    TRY(check_signature(v, verdict == VERIFY_SINCE ? VERIFY_SINCE : VERIFY_CHECKPOINT, note, name));
    if (!root_at(v, note->size, &root)) {
        return verify_found(v, VERIFY_CHECKPOINT, "%s covers %llu records and stands behind one that covers more", name,
                            (unsigned long long)note->size);
    }
    if (memcmp(root.bytes, note->root, sizeof(root.bytes)) != 0) {
        return verify_found_records(v, verdict, note, name);
    }
    TRY(count_witnesses(v, note, name));
    is_good(v, note, &root);
    return P11KMS_OK;
}

static const char *note_name(const verifying *v, char out[80])
{
    snprintf(out, 80, "checkpoint %llu of %s", (unsigned long long)notes_count(v->notes), notes_name(v->notes));
    return out;
}

static p11kms_err next_note(verifying *v)
{
    char name[80];
    p11kms_err err = v->notes ? notes_read(v->notes, &v->note) : P11KMS_E_NOT_FOUND;

    v->pending = err == P11KMS_OK;
    if (err == P11KMS_E_SYNTAX) {
        return verify_found(v, VERIFY_CHECKPOINT, "%s: %s", note_name(v, name), p11kms_err_detail(err));
    }
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

static p11kms_err check_anchor(verifying *v, anchor_t *anchor)
{
    anchor->reached = true;
    TRY(check_note(v, anchor->is_since ? VERIFY_SINCE : VERIFY_RECORDS, &anchor->note, anchor->name));
    if (!anchor->is_since) {
        verify_compare_partial(v);
    }
    return P11KMS_OK;
}

/* Everything that speaks of a tree of this size, or of one before. */
static p11kms_err look_at_checkpoints(verifying *v)
{
    char name[80];

    for (size_t i = 0; i < COUNT_OF(v->anchors); i++) {
        anchor_t *anchor = &v->anchors[i];
        if (anchor->name && !anchor->reached && anchor->note.size == v->tree.edge.size) {
            TRY(check_anchor(v, anchor));
        }
    }
    while (v->pending && v->note.size <= v->tree.edge.size) {
        TRY(check_note(v, VERIFY_RECORDS, &v->note, note_name(v, name)));
        TRY(next_note(v));
    }
    set_stop(v);
    return P11KMS_OK;
}

static p11kms_err take(verifying *v, slice_t line)
{
    merkle_hash leaf;

    v->line++;
    merkle_leaf(line, &leaf);
    verify_compare_leaf(v, line, &leaf);
    TRY(verify_read_act(v, line));
    v->current = line;
    unsigned full = merkle_append(&v->tree, &leaf);
    if (full > 1) {
        verify_compare_full(v, full);
    }
    return v->tree.edge.size >= v->stop ? look_at_checkpoints(v) : P11KMS_OK;
}

static void tell_progress(const verifying *v, uint64_t done, uint64_t of, uint64_t *told)
{
    if (v->options->progress && done - *told >= PROGRESS_EVERY) {
        v->options->progress(v->options->arg, smaller(done, of), of);
        *told = done;
    }
}

typedef struct {
    uint64_t bytes; /* of all segments */
    uint64_t done;  /* of those before this one */
    uint64_t told;
} progress_t;

static p11kms_err take_lines(verifying *v, source_t *source, progress_t *progress)
{
    slice_t line;
    p11kms_err err;

    while ((err = source_line(source, &line)) == P11KMS_OK) {
        TRY(take(v, line));
        tell_progress(v, progress->done + source_position(source), progress->bytes, &progress->told);
    }
    if (err == P11KMS_E_SYNTAX) {
        v->report.named = true;
        v->report.index = v->tree.edge.size;
        v->report.segment = v->segment;
        v->report.line = v->line + 1;
        return verify_found(v, VERIFY_RECORDS, "%s", p11kms_err_detail(err));
    }
    progress->done += source_position(source);
    v->report.torn += source_torn(source);
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

/* Other programs may read another form than we did. */
static p11kms_err check_forms(verifying *v, uint64_t number)
{
    uint64_t line = 0;

    if (source_forms(v->folder, number) < 2) {
        return P11KMS_OK;
    }
    p11kms_err err = source_compare(v->folder, number, &line);
    if (err == P11KMS_E_CONFLICT) {
        char why[VERIFY_REASON];
        snprintf(why, sizeof(why), "%s", p11kms_err_detail(err));
        v->report.segment = number;
        v->report.line = line;
        v->report.index = v->begins[0] + line - 1;
        return verify_found(v, VERIFY_RECORDS, "%s", why);
    }
    v->report.in_forms += err == P11KMS_OK;
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err; /* one went away meanwhile: compressed */
}

static p11kms_err take_segment(verifying *v, uint64_t number, bool newest, progress_t *progress)
{
    _cleanup_(notes) notes_t *notes = NULL;
    _cleanup_(source) source_t *source = NULL;
    char name[80];

    p11kms_err err = notes_open(v->folder, number, &notes); /* before the records: see notes.h */
    if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
        return err;
    }
    v->report.without_notes += err == P11KMS_E_NOT_FOUND;
    err = source_open(v->folder, number, &source);
    if (err == P11KMS_E_NOT_FOUND) {
        FAIL(P11KMS_E_AUDIT, "segment %llu went away meanwhile", (unsigned long long)number);
    }
    TRY(err);
    v->notes = notes;
    v->segment = number;
    v->line = 0;
    v->current = SLICE(NULL, 0);
    v->begins[1] = v->begins[0];
    v->begins[0] = v->tree.edge.size;
    TRY(next_note(v));
    TRY(look_at_checkpoints(v));
    TRY(take_lines(v, source, progress));
    if (v->pending) {
        TRY(check_signature(v, VERIFY_CHECKPOINT, &v->note, note_name(v, name)));
        return verify_found_records(v, VERIFY_RECORDS, &v->note, note_name(v, name));
    }
    if (notes && notes_torn(notes) > 0 && !newest) {
        return verify_found(v, VERIFY_CHECKPOINT, "%s ends within a checkpoint", notes_name(notes));
    }
    v->notes = NULL;
    v->report.segments++;
    return check_forms(v, number);
}

/* What was moved away is known by its tiles, and these by the checkpoint they are the tree of. */
static p11kms_err begin_behind(verifying *v, uint64_t number)
{
    _cleanup_(notes) notes_t *notes = NULL;
    merkle_hash root;
    char name[80];
    note_t head;

    p11kms_err err = notes_open(v->folder, number, &notes);
    if (err == P11KMS_OK) {
        err = notes_read(notes, &head);
    }
    if (err == P11KMS_E_NOT_FOUND || err == P11KMS_E_SYNTAX) {
        return verify_found(v, VERIFY_CHECKPOINT,
                            "audit-%010llu.notes does not begin with the checkpoint before the segment, which says what "
                            "number its first record has",
                            (unsigned long long)number);
    }
    TRY(err);
    v->notes = notes;
    TRY(check_signature(v, VERIFY_CHECKPOINT, &head, note_name(v, name)));
    v->notes = NULL;
    err = tiles_load(v->folder, head.size, &v->tree);
    if (err != P11KMS_OK) {
        return verify_found(v, VERIFY_TILES, "records before %llu are not here, and neither are the tiles of them: %s",
                            (unsigned long long)head.size, p11kms_err_detail(err));
    }
    merkle_root(&v->tree.edge, &root);
    if (memcmp(root.bytes, head.root, sizeof(head.root)) != 0) {
        return verify_found(v, VERIFY_TILES, "records before %llu are not here, and the tiles of them are not true",
                            (unsigned long long)head.size);
    }
    v->report.first = v->report.good = head.size;
    return P11KMS_OK;
}

/* A checkpoint of records that were moved away: the tiles link it to the one the segments begin with. */
static p11kms_err check_before(verifying *v, anchor_t *anchor)
{
    tile_reader reader = { .folder = v->folder, .size = v->tree.edge.size };
    merkle_hash old, root;
    proof_t proof;

    if (!anchor->is_since) {
        return verify_found(v, VERIFY_CHECKPOINT, "%s covers %llu records, the segments begin behind that", anchor->name,
                            (unsigned long long)anchor->note.size);
    }
    anchor->reached = true;
    TRY(check_signature(v, VERIFY_SINCE, &anchor->note, anchor->name));
    memcpy(old.bytes, anchor->note.root, sizeof(old.bytes));
    merkle_root(&v->tree.edge, &root);
    if (proof_consistency(tiles_hash, &reader, anchor->note.size, v->tree.edge.size, &proof) != P11KMS_OK ||
        !proof_check_consistency(&proof, anchor->note.size, v->tree.edge.size, &old, &root)) {
        return verify_found(v, VERIFY_SINCE, "the log does not go on from %s, of %llu records, as far as the tiles say",
                            anchor->name, (unsigned long long)anchor->note.size);
    }
    return P11KMS_OK;
}

static p11kms_err begin(verifying *v, uint64_t number)
{
    merkle_init(&v->tree);
    if (number > 1) {
        TRY(begin_behind(v, number));
    }
    v->good_segment = number;
    v->good_line = 1;
    for (size_t i = 0; i < COUNT_OF(v->anchors); i++) {
        if (v->anchors[i].name && v->anchors[i].note.size < v->tree.edge.size) {
            TRY(check_before(v, &v->anchors[i]));
        }
    }
    return P11KMS_OK;
}

static p11kms_err take_all(verifying *v)
{
    _cleanup_free_ uint64_t *numbers = NULL;
    size_t count, first = 0;

    TRY(source_list(v->folder, &numbers, &count));
    while (first < count && numbers[first] < v->options->from) {
        first++;
    }
    progress_t progress = { .bytes = source_bytes(v->folder, numbers + first, count - first) };
    TRY(begin(v, first < count ? numbers[first] : 1));
    for (size_t i = first; i < count; i++) {
        if (i > first && numbers[i] != numbers[i - 1] + 1) {
            return verify_found(v, VERIFY_RECORDS, "segment %llu is missing", (unsigned long long)numbers[i - 1] + 1);
        }
        TRY(take_segment(v, numbers[i], i + 1 == count, &progress));
    }
    return P11KMS_OK;
}

static p11kms_err check_end(verifying *v)
{
    const verify_options *o = v->options;
    verify_report *r = &v->report;

    for (size_t i = 0; i < COUNT_OF(v->anchors); i++) {
        anchor_t *anchor = &v->anchors[i];
        if (anchor->name && !anchor->reached) {
            verify_verdict verdict = anchor->is_since ? VERIFY_SINCE : VERIFY_RECORDS;
            TRY(check_signature(v, anchor->is_since ? VERIFY_SINCE : VERIFY_CHECKPOINT, &anchor->note, anchor->name));
            return verify_found_records(v, verdict, &anchor->note, anchor->name);
        }
    }
    if (r->checkpoints == 0) {
        return verify_found(v, VERIFY_CHECKPOINT, "there is no checkpoint: nothing is proven");
    }
    TRY(verify_check_loss(v));
    TRY(verify_check_uncovered(v));
    if (o->quorum > 0 && (r->witnessed == 0 || r->covered - r->witnessed > o->unwitnessed_max)) {
        return verify_found(v, VERIFY_WITNESSES, "%llu of %llu records are under a checkpoint that %zu witnesses cosigned",
                            (unsigned long long)r->witnessed, (unsigned long long)r->covered, o->quorum);
    }
    if (v->bad_tile[0] != '\0') {
        return verify_found(v, VERIFY_TILES, "%s", v->bad_tile);
    }
    return P11KMS_OK;
}

static p11kms_err open_anchor(verifying *v, size_t i, int folder, const char *path, bool is_since)
{
    anchor_t *anchor = &v->anchors[i];
    p11kms_err err = note_from_file(folder, path, &anchor->text, &anchor->note);

    anchor->is_since = is_since;
    anchor->name = err == P11KMS_OK ? path : NULL;
    return err;
}

/* Read before the segments are listed, so that all it covers is in them. */
static p11kms_err open_anchors(verifying *v)
{
    if (v->options->since) {
        TRY(open_anchor(v, 0, AT_FDCWD, v->options->since, true));
    }
    p11kms_err err = open_anchor(v, 1, v->folder, "checkpoint", false);
    if (err == P11KMS_E_SYNTAX) {
        return verify_found(v, VERIFY_CHECKPOINT, "checkpoint: %s", p11kms_err_detail(err));
    }
    v->tiles_size = err == P11KMS_OK ? v->anchors[1].note.size : UINT64_MAX; /* then the full ones count */
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

static p11kms_err verify(verifying *v)
{
    TRY(open_anchors(v));
    TRY(take_all(v));
    return check_end(v);
}

p11kms_err verify_log(const verify_options *options, verify_report *ret)
{
    verifying *v = calloc(1, sizeof(*v));
    p11kms_err err;

    ENSURE(v, P11KMS_E_NOMEM);
    v->options = options;
    v->tile_index = UINT64_MAX;
    v->folder = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (v->folder < 0) {
        err = p11kms_fail(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "%s cannot be opened: %s", options->dir,
                          strerror(errno));
    } else {
        err = verify(v);
    }
    v->report.records = v->tree.edge.size;
    if (v->found) {
        verify_tell_rest(v);
    }
    if (err == P11KMS_OK || v->found) {
        *ret = v->report;
        err = P11KMS_OK;
    }
    cleanup_fd(&v->folder);
    for (size_t i = 0; i < COUNT_OF(v->anchors); i++) {
        buf_free(&v->anchors[i].text);
    }
    free(v);
    return err;
}
