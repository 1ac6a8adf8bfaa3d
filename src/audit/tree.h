/*
 * The log's Merkle tree while the log is written: each durable record a leaf, tiles
 * written as they become full, and what checkpoints are made of. The writer adds;
 * the notary looks. Nothing here is synced a record.
 */
#pragma once

#include "audit/tiles.h"

typedef struct log_tree log_tree_t;

/** A segment as the tree knows it: leaves start to end - 1. */
typedef struct {
    uint64_t number;
    uint64_t start;
    uint64_t end;
    merkle_hash start_root; /* of the tree of `start` leaves */
    merkle_hash end_root;
} tree_span;

/** @param folder  Borrowed. Empty, and not begun. */
MUST_USE p11kms_err log_tree_new(int folder, log_tree_t **ret);
void log_tree_free(log_tree_t *tree);
DEFINE_CLEANUP(log_tree_t *, log_tree, log_tree_free);

/** From now on records are added. @p from is copied. */
void log_tree_begin(log_tree_t *tree, const merkle_tree *from);
bool log_tree_begun(const log_tree_t *tree);

/** The next records are those of segment @p number; the one before it has ended. */
void log_tree_segment(log_tree_t *tree, uint64_t number);
/** Add whole lines, which are durable in segment @p number; they may begin it. Without effect before the
 * beginning. */
void log_tree_add(log_tree_t *tree, uint64_t number, slice_t lines);
/** The segment has ended: its last checkpoint is due. */
void log_tree_end_segment(log_tree_t *tree);
/** The leaves so far. */
uint64_t log_tree_size(const log_tree_t *tree);

/** What a checkpoint is made of. 66 KiB. */
typedef struct {
    tree_span current; /* number 0: no segment is open */
    merkle_tree tree;
} tree_snapshot;
/**
 * Full tiles are on disk up to there.
 *
 * @param[out] ended  Appended: tree_span of each segment that has ended since the last call, in order.
 * @retval P11KMS_E_AUDIT  They are not, or some were given up; nothing is taken.
 */
MUST_USE p11kms_err log_tree_snapshot(log_tree_t *tree, tree_snapshot *ret, buf_t *ended);
/** Make the full tiles that were written since the last call durable; their partial ones go. @retval
 * P11KMS_E_AUDIT */
MUST_USE p11kms_err log_tree_sync(log_tree_t *tree);
/** Write the tiles that are partial now: a start goes on from here. @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err log_tree_store(log_tree_t *tree);
/** Segments that have ended and were not taken yet. */
bool log_tree_has_ended(const log_tree_t *tree);

/* ---- start-up ---- */

/** While @p checks, a full tile that is there is compared with what it must be, and not written again. */
void log_tree_check_tiles(log_tree_t *tree, bool checks);
/** One leaf; as log_tree_add(). @retval P11KMS_E_AUDIT  A tile is there and differs. */
MUST_USE p11kms_err log_tree_add_leaf(log_tree_t *tree, const merkle_hash *leaf);
/** @return The leaves that it is the root of. */
uint64_t log_tree_root(log_tree_t *tree, merkle_hash *ret);

/**
 * Does the tree begin with that of @p size leaves and @p root?
 *
 * @retval P11KMS_E_CONFLICT  It does not. P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT: a tile that tells is missing or damaged.
 */
MUST_USE p11kms_err log_tree_goes_on(log_tree_t *tree, uint64_t size, const merkle_hash *root);

/**
 * Does the file @p fd hold the records of segment @p number, the newest, as the tree knows them? Records that
 * are added meanwhile are left out; true where it is not the newest any more, or there is no tree to tell.
 *
 * @retval false  It does not, or it cannot be read.
 */
bool log_tree_holds(log_tree_t *tree, uint64_t number, int fd);
