/* What is wrong, in words: as near to the record as the tiles allow. */
#include <stdarg.h>
#include <stdio.h>

#include "audit/verify_inside.h"

p11kms_err verify_found(verifying *v, verify_verdict verdict, const char *fmt, ...)
{
    va_list args;

    v->found = true;
    v->report.verdict = verdict;
    va_start(args, fmt);
    vsnprintf(v->report.reason, sizeof(v->report.reason), fmt, args);
    va_end(args);
    return P11KMS_E_CONFLICT;
}

/* Tiles whose root is the signed one are as good as signed. */
static bool tiles_are_signed(verifying *v, const note_t *note)
{
    merkle_tree tree;
    merkle_hash root;

    if (tiles_load(v->folder, note->size, &tree) != P11KMS_OK) {
        return false;
    }
    merkle_root(&tree.edge, &root);
    return memcmp(root.bytes, note->root, sizeof(note->root)) == 0;
}

/* The leaf hashes within a level-0 tile are only as true as its node in the tile above. */
static bool leaves_are_signed(verifying *v, const note_t *note, uint64_t index)
{
    tile_reader reader = { .folder = v->folder, .size = note->size };
    merkle_tile leaves;
    merkle_hash node, made;
    uint64_t first = index / TILE_WIDTH * TILE_WIDTH;

    if (first + TILE_WIDTH > note->size) {
        return true; /* the rightmost tile: the root was made of it */
    }
    if (tile_read(v->folder, 0, index / TILE_WIDTH, TILE_WIDTH, &leaves) != P11KMS_OK ||
        tiles_hash(&reader, TILE_HEIGHT, index / TILE_WIDTH, &node) != P11KMS_OK) {
        return false;
    }
    merkle_tile_hash(&leaves, 0, TILE_HEIGHT, &made);
    return merkle_eq(&made, &node);
}

static const char *what_happened(const difference_t *d)
{
    bool tile_moved_up = d->has_next_tile && merkle_eq(&d->leaf, &d->next_tile);
    bool leaf_moved_down = d->has_next_leaf && merkle_eq(&d->next_leaf, &d->tile);

    if (tile_moved_up && leaf_moved_down) {
        return "it and the next one changed places";
    }
    if (tile_moved_up) {
        return "that one was removed before it";
    }
    return leaf_moved_down ? "it was put in" : "it was changed";
}

static void name(verifying *v, uint64_t index, uint64_t segment, uint64_t line, const char *event_id)
{
    v->report.named = true;
    v->report.index = index;
    v->report.segment = segment;
    v->report.line = line;
    snprintf(v->report.event_id, sizeof(v->report.event_id), "%s", event_id);
}

static void name_where_good_ends(verifying *v)
{
    v->report.segment = v->good_segment;
    v->report.line = v->good_line;
    v->report.index = v->report.good;
}

p11kms_err verify_found_records(verifying *v, verify_verdict verdict, const note_t *note, const char *name_of_note)
{
    const difference_t *d = &v->difference;
    uint64_t size = v->tree.edge.size;

    v->report.bad = note->size;
    bool knowing = tiles_are_signed(v, note);
    if (knowing && d->seen && d->index < note->size && leaves_are_signed(v, note, d->index)) {
        name(v, d->index, d->segment, d->line, d->event_id);
        return verify_found(v, verdict, "record %llu is not the one that was logged: %s", (unsigned long long)d->index,
                            what_happened(d));
    }
    if (knowing && !d->seen && size < note->size && size <= v->tiles_size && v->report.without_tiles == 0) {
        name(v, size, v->segment, v->line + 1, "");
        return verify_found(v, verdict, "record %llu and what followed it is gone: %s covers %llu records",
                            (unsigned long long)size, name_of_note, (unsigned long long)note->size);
    }
    name_where_good_ends(v);
    if (size < note->size) {
        return verify_found(v, verdict, "records are gone: %s covers %llu, %llu are there", name_of_note,
                            (unsigned long long)note->size, (unsigned long long)size);
    }
    return verify_found(v, verdict, "records %llu to %llu are not those that were logged: the root under %s is another",
                        (unsigned long long)v->report.good, (unsigned long long)note->size - 1, name_of_note);
}
