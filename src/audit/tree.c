#include "audit/tree.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "audit/lines.h"
#include "audit/proof.h"

#define LOG_ROOM "audit"
#include "util/log.h"

#define WAITING_MAX 4096u /* full tiles that could not be written: a million records, 32 MiB */

typedef struct waiting {
    struct waiting *next;
    merkle_tile tile;
} waiting_t;

typedef struct {
    uint8_t level;
    uint64_t index;
} tile_name;

struct log_tree {
    pthread_mutex_t lock; /* over all below but the atomics */
    int folder;
    atomic_bool begun;
    bool checks;
    bool lost; /* a tile was given up: the next start makes it */
    merkle_tree now;
    tree_span span;     /* the segment that is written; number 0: none */
    merkle_edge start;  /* where it, or the one before it, began */
    uint64_t newest;    /* that one's number */
    buf_t ended;        /* tree_span each */
    buf_t unsynced;     /* tile_name each */
    waiting_t *waiting; /* tiles to be written, oldest first */
    waiting_t **last;
    unsigned n_waiting;
    atomic_uint_least64_t size;
    atomic_bool has_ended;
};

p11kms_err log_tree_new(int folder, log_tree_t **ret)
{
    log_tree_t *tree = calloc(1, sizeof(*tree));

    ENSURE(tree != NULL, P11KMS_E_NOMEM);
    pthread_mutex_init(&tree->lock, NULL);
    tree->folder = folder;
    tree->last = &tree->waiting;
    merkle_init(&tree->now);
    *ret = tree;
    return P11KMS_OK;
}

void log_tree_free(log_tree_t *tree)
{
    while (tree != NULL && tree->waiting != NULL) {
        waiting_t *first = tree->waiting;
        tree->waiting = first->next;
        free(first);
    }
    if (tree != NULL) {
        buf_free(&tree->ended);
        buf_free(&tree->unsynced);
        pthread_mutex_destroy(&tree->lock);
        free(tree);
    }
}

void log_tree_begin(log_tree_t *tree, const merkle_tree *from)
{
    pthread_mutex_lock(&tree->lock);
    tree->now = *from;
    tree->begun = true;
    tree->span = (tree_span){ 0 };
    buf_clear(&tree->ended);
    buf_clear(&tree->unsynced);
    atomic_store(&tree->has_ended, false);
    atomic_store(&tree->size, from->edge.size);
    pthread_mutex_unlock(&tree->lock);
}

bool log_tree_begun(const log_tree_t *tree)
{
    return tree->begun;
}

uint64_t log_tree_size(const log_tree_t *tree)
{
    return atomic_load(&tree->size);
}

bool log_tree_has_ended(const log_tree_t *tree)
{
    return atomic_load(&tree->has_ended);
}

void log_tree_check_tiles(log_tree_t *tree, bool checks)
{
    tree->checks = checks;
}

uint64_t log_tree_root(log_tree_t *tree, merkle_hash *ret)
{
    uint64_t size;

    pthread_mutex_lock(&tree->lock);
    merkle_root(&tree->now.edge, ret);
    size = tree->now.edge.size;
    pthread_mutex_unlock(&tree->lock);
    return size;
}

/* ---- full tiles ---- */

static void note_unsynced(log_tree_t *tree, const merkle_tile *tile)
{
    const tile_name name = { .level = tile->level, .index = tile->index };

    buf_put(&tree->unsynced, &name, sizeof(name));
}

static bool write_now(log_tree_t *tree, const merkle_tile *tile)
{
    if (tile_write(tree->folder, tile) != P11KMS_OK) {
        return false;
    }
    note_unsynced(tree, tile);
    return true;
}

static void write_waiting(log_tree_t *tree)
{
    while (tree->waiting != NULL && write_now(tree, &tree->waiting->tile)) {
        waiting_t *first = tree->waiting;

        tree->waiting = first->next;
        tree->n_waiting--;
        free(first);
    }
    if (tree->waiting == NULL) {
        tree->last = &tree->waiting;
    }
}

static void keep_waiting(log_tree_t *tree, const merkle_tile *tile)
{
    waiting_t *more = tree->n_waiting < WAITING_MAX ? malloc(sizeof(*more)) : NULL;

    if (more == NULL) {
        tree->lost = true;
        return;
    }
    more->next = NULL;
    more->tile = *tile;
    *tree->last = more;
    tree->last = &more->next;
    tree->n_waiting++;
}

static void put_tile(log_tree_t *tree, const merkle_tile *tile)
{
    write_waiting(tree);
    if (tree->waiting != NULL || !write_now(tree, tile)) {
        keep_waiting(tree, tile);
    }
}

/* What a power cut may leave of a file that was not synced: nothing, a part, or zeros. */
static bool is_torn(const merkle_tile *tile)
{
    static const merkle_hash zero;

    for (unsigned i = 0; i < TILE_WIDTH; i++) {
        if (merkle_eq(&tile->entry[i], &zero)) {
            return true;
        }
    }
    return false;
}

static p11kms_err check_tile(log_tree_t *tree, const merkle_tile *tile)
{
    merkle_tile there;
    char path[TILE_PATH];

    if (tile_read(tree->folder, tile->level, tile->index, TILE_WIDTH, &there) != P11KMS_OK ||
        is_torn(&there)) {
        if (!write_now(tree, tile)) {
            return P11KMS_E_AUDIT;
        }
    } else if (memcmp(there.entry, tile->entry, sizeof(tile->entry)) != 0) {
        tile_path(tile->level, tile->index, TILE_WIDTH, path);
        FAIL(P11KMS_E_AUDIT,
             "audit: %s does not have the hashes of the records, which agree with the checkpoints: "
             "remove it (rm %s, in the log's folder), and it is made again",
             path, path);
    } else {
        note_unsynced(tree, tile); /* who wrote it may have been killed before the segment's end */
    }
    return P11KMS_OK;
}

/* ---- leaves ---- */

/** Under the lock, or alone. */
static p11kms_err add_leaf(log_tree_t *tree, const merkle_hash *leaf)
{
    unsigned full = merkle_append(&tree->now, leaf);

    for (unsigned level = 0; level < full; level++) {
        if (tree->checks) {
            TRY(check_tile(tree, &tree->now.tile[level]));
        } else {
            put_tile(tree, &tree->now.tile[level]);
        }
    }
    return P11KMS_OK;
}

p11kms_err log_tree_add_leaf(log_tree_t *tree, const merkle_hash *leaf)
{
    TRY(add_leaf(tree, leaf));
    atomic_store(&tree->size, tree->now.edge.size);
    return P11KMS_OK;
}

/** Under the lock. */
static void end_span(log_tree_t *tree)
{
    if (tree->span.number == 0) {
        return;
    }
    tree->span.end = tree->now.edge.size;
    merkle_root(&tree->now.edge, &tree->span.end_root);
    buf_put(&tree->ended, &tree->span, sizeof(tree->span));
    tree->lost = tree->lost || buf_failed(&tree->ended);
    tree->span = (tree_span){ 0 };
    atomic_store(&tree->has_ended, true);
}

/** Under the lock. */
static void begin_span(log_tree_t *tree, uint64_t number)
{
    if (tree->span.number == number) {
        return;
    }
    end_span(tree);
    tree->start = tree->now.edge;
    tree->newest = number;
    tree->span = (tree_span){ .number = number, .start = tree->start.size };
    merkle_root(&tree->start, &tree->span.start_root);
}

void log_tree_segment(log_tree_t *tree, uint64_t number)
{
    pthread_mutex_lock(&tree->lock);
    begin_span(tree, number);
    pthread_mutex_unlock(&tree->lock);
}

void log_tree_add(log_tree_t *tree, uint64_t number, slice_t lines)
{
    slice_t line;

    if (!tree->begun) {
        return;
    }
    pthread_mutex_lock(&tree->lock);
    begin_span(tree, number);
    while (slice_cut(&lines, '\n', &line)) {
        merkle_hash leaf;

        merkle_leaf(line, &leaf);
        (void)add_leaf(tree, &leaf); /* checks no tiles: it cannot fail */
    }
    atomic_store(&tree->size, tree->now.edge.size);
    pthread_mutex_unlock(&tree->lock);
}

void log_tree_end_segment(log_tree_t *tree)
{
    pthread_mutex_lock(&tree->lock);
    if (tree->begun) {
        end_span(tree);
    }
    pthread_mutex_unlock(&tree->lock);
}

/* ---- for checkpoints ---- */

p11kms_err log_tree_snapshot(log_tree_t *tree, tree_snapshot *ret, buf_t *ended)
{
    p11kms_err err = P11KMS_OK;

    pthread_mutex_lock(&tree->lock);
    write_waiting(tree);
    if (tree->lost) {
        err = p11kms_fail(P11KMS_E_AUDIT,
                          "audit: tiles were given up, since they could not be written for long: "
                          "the next start makes them");
    } else if (tree->waiting != NULL) {
        err = tile_write(tree->folder, &tree->waiting->tile); /* once more, for its words */
    }
    if (err == P11KMS_OK) {
        ret->current = tree->span;
        ret->tree = tree->now;
        buf_put_slice(ended, buf_slice(&tree->ended));
        buf_clear(&tree->ended);
        atomic_store(&tree->has_ended, false);
    }
    pthread_mutex_unlock(&tree->lock);
    TRY(err);
    ret->current.end = ret->tree.edge.size;
    merkle_root(&ret->tree.edge, &ret->current.end_root);
    ENSURE(!buf_failed(ended), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err sync_full(const log_tree_t *tree, const tile_name *name)
{
    TRY(tile_sync(tree->folder, name->level, name->index, TILE_WIDTH));
    tile_drop_partial(tree->folder, name->level, name->index, 0, 0); /* not before: they were synced */
    return P11KMS_OK;
}

p11kms_err log_tree_sync(log_tree_t *tree)
{
    _cleanup_buf_ buf_t names = { 0 };
    p11kms_err err = P11KMS_OK;
    const tile_name *name;
    size_t i = 0;
    size_t n;

    pthread_mutex_lock(&tree->lock);
    names = STEAL(tree->unsynced);
    pthread_mutex_unlock(&tree->lock);
    name = (const tile_name *)(const void *)names.data;
    n = names.len / sizeof(*name);
    while (i < n && err == P11KMS_OK) {
        err = sync_full(tree, &name[i++]);
    }
    if (i < n) { /* one that fails does not succeed by asking again; those behind it are still owed */
        pthread_mutex_lock(&tree->lock);
        buf_put(&tree->unsynced, &name[i], (n - i) * sizeof(*name));
        pthread_mutex_unlock(&tree->lock);
    }
    return err;
}

static p11kms_err store_tile(const log_tree_t *tree, const merkle_tile *tile)
{
    if (tile->width == 0 || tile->width == TILE_WIDTH) {
        return P11KMS_OK;
    }
    TRY(tile_write(tree->folder, tile));
    return tile_sync(tree->folder, tile->level, tile->index, tile->width);
}

p11kms_err log_tree_store(log_tree_t *tree)
{
    p11kms_err err = P11KMS_OK;

    pthread_mutex_lock(&tree->lock);
    for (unsigned level = 0; level < TILE_LEVELS && err == P11KMS_OK; level++) {
        err = store_tile(tree, &tree->now.tile[level]);
    }
    pthread_mutex_unlock(&tree->lock);
    return err == P11KMS_OK ? log_tree_sync(tree) : err;
}

/* ---- an earlier tree ---- */

typedef struct {
    const merkle_tree *now;
    tile_reader disk;
} grown_t;

/* What is not in the tiles at hand is in full ones. */
static p11kms_err subtree_of(void *arg, unsigned level, uint64_t index, merkle_hash *ret)
{
    grown_t *grown = arg;
    unsigned height = level % TILE_HEIGHT;
    uint64_t first = index << height;
    const merkle_tile *tile = &grown->now->tile[level / TILE_HEIGHT];

    if (first / TILE_WIDTH == tile->index && first % TILE_WIDTH + (1u << height) <= tile->width) {
        merkle_tile_hash(tile, (unsigned)(first % TILE_WIDTH), height, ret);
        return P11KMS_OK;
    }
    return tiles_hash(&grown->disk, level, index, ret);
}

/** Under the lock. */
static p11kms_err goes_on(log_tree_t *tree, uint64_t size, const merkle_hash *root)
{
    grown_t grown = { .now = &tree->now, .disk = { .folder = tree->folder, .size = tree->now.edge.size } };
    merkle_hash now;
    proof_t proof;

    ENSURE(size <= grown.disk.size, P11KMS_E_CONFLICT);
    TRY(proof_consistency(subtree_of, &grown, size, grown.disk.size, &proof));
    merkle_root(&tree->now.edge, &now);
    ENSURE(proof_check_consistency(&proof, size, grown.disk.size, root, &now), P11KMS_E_CONFLICT);
    return P11KMS_OK;
}

p11kms_err log_tree_goes_on(log_tree_t *tree, uint64_t size, const merkle_hash *root)
{
    pthread_mutex_lock(&tree->lock);
    p11kms_err err = goes_on(tree, size, root);
    pthread_mutex_unlock(&tree->lock);
    return err;
}

/* ---- the current segment, read again ---- */

typedef struct {
    merkle_edge edge;
    uint64_t until;
} reread_t;

static p11kms_err reread_line(void *arg, slice_t line)
{
    reread_t *reread = arg;
    merkle_hash leaf;

    if (reread->edge.size == reread->until) {
        return P11KMS_E_NOT_FOUND; /* enough */
    }
    merkle_leaf(line, &leaf);
    merkle_grow(&reread->edge, &leaf);
    return P11KMS_OK;
}

bool log_tree_holds(log_tree_t *tree, uint64_t number, int fd)
{
    merkle_hash want;
    merkle_hash have;
    reread_t reread;
    bool known;
    bool newest;

    pthread_mutex_lock(&tree->lock);
    known = tree->begun;
    newest = tree->newest == number;
    reread = (reread_t){ .edge = tree->start, .until = tree->now.edge.size };
    merkle_root(&tree->now.edge, &want);
    pthread_mutex_unlock(&tree->lock);
    if (!known || !newest) {
        return true;
    }
    p11kms_err err = lines_each(fd, 0, reread_line, &reread, NULL);
    merkle_root(&reread.edge, &have);
    return (err == P11KMS_OK || err == P11KMS_E_NOT_FOUND) && reread.edge.size == reread.until &&
           merkle_eq(&want, &have);
}
