/* The tiles beside the records. Which of the two is wrong where they differ, the next checkpoint says. */
#include "config.h" /* memmem() */

#include <stdio.h>

#include "audit/verify_inside.h"

static void tile_is_bad(verifying *v, unsigned level, uint64_t index, unsigned width, const char *how)
{
    char path[TILE_PATH];

    if (v->bad_tile[0] == '\0') {
        tile_path(level, index, width, path);
        snprintf(v->bad_tile, sizeof(v->bad_tile), "%s %s", path, how);
    }
}

static bool load(verifying *v, unsigned level, uint64_t index, unsigned width, merkle_tile *ret)
{
    p11kms_err err = tile_read(v->folder, level, index, width, ret);

    if (err == P11KMS_E_AUDIT) {
        tile_is_bad(v, level, index, width, "cannot be read");
    }
    return err == P11KMS_OK;
}

static void load_leaves(verifying *v, uint64_t index)
{
    uint64_t first = index * TILE_WIDTH;
    uint64_t left = v->tiles_size > first ? v->tiles_size - first : 0;
    unsigned width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;

    v->tile_index = index;
    if (width == 0 || !load(v, 0, index, width, &v->tile)) {
        v->tile.width = 0;
        v->report.without_tiles += width > 0;
    }
}

static void remember_event_id(slice_t line, char out[VERIFY_EVENT_ID])
{
    static const char name[] = "\"eventID\":\"";
    const uint8_t *at = line.len > 0 ? memmem(line.data, line.len, name, sizeof(name) - 1) : NULL;
    size_t n = 0;

    if (at) {
        slice_t rest = SLICE(at + sizeof(name) - 1, line.len - (size_t)(at + sizeof(name) - 1 - line.data));
        while (n < rest.len && n < VERIFY_EVENT_ID - 1 && strchr("0123456789abcdef-", rest.data[n]) && rest.data[n]) {
            out[n] = (char)rest.data[n];
            n++;
        }
    }
    out[n] = '\0';
}

static void remember(verifying *v, slice_t line, const merkle_hash *leaf, unsigned entry)
{
    difference_t *d = &v->difference;

    *d = (difference_t){ .seen = true, .index = v->tree.edge.size, .segment = v->segment, .line = v->line,
                         .leaf = *leaf, .tile = v->tile.entry[entry] };
    d->has_next_tile = entry + 1 < v->tile.width;
    if (d->has_next_tile) {
        d->next_tile = v->tile.entry[entry + 1];
    }
    remember_event_id(line, d->event_id);
}

void verify_compare_leaf(verifying *v, slice_t line, const merkle_hash *leaf)
{
    uint64_t index = v->tree.edge.size;
    unsigned entry = (unsigned)(index % TILE_WIDTH);

    if (index / TILE_WIDTH != v->tile_index) {
        load_leaves(v, index / TILE_WIDTH);
    }
    if (!v->difference.seen && entry < v->tile.width && !merkle_eq(leaf, &v->tile.entry[entry])) {
        remember(v, line, leaf, entry);
    } else if (v->difference.seen && v->difference.index + 1 == index) {
        v->difference.next_leaf = *leaf;
        v->difference.has_next_leaf = true;
    }
}

static void compare(verifying *v, const merkle_tile *made)
{
    merkle_tile there;

    if (made->width > 0 && load(v, made->level, made->index, made->width, &there) &&
        memcmp(there.entry, made->entry, made->width * sizeof(made->entry[0])) != 0) {
        tile_is_bad(v, made->level, made->index, made->width, "is not true");
    }
}

void verify_compare_full(verifying *v, unsigned n)
{
    for (unsigned level = 1; level < n; level++) {
        compare(v, &v->tree.tile[level]);
    }
}

void verify_compare_partial(verifying *v)
{
    for (unsigned level = 1; level < TILE_LEVELS; level++) {
        uint64_t index;
        unsigned width;
        merkle_tile_at(v->tree.edge.size, level, &index, &width);
        if (width > 0 && width < TILE_WIDTH) {
            compare(v, &v->tree.tile[level]);
        }
    }
}

void verify_settle_difference(verifying *v)
{
    difference_t *d = &v->difference;

    if (d->seen) {
        tile_is_bad(v, 0, d->index / TILE_WIDTH, TILE_WIDTH, "is not true");
        d->seen = false;
    }
}
