/*
 * The Merkle tree over the records, RFC 6962 section 2.1 (RFC 9162 the same): hashes, the
 * right edge that grows, and the tiles of C2SP tlog-tiles that it fills. Pure: the
 * files are tiles.h.
 */
#pragma once

#include "crypto/crypto.h"

typedef struct {
    uint8_t bytes[SHA256_LEN];
} merkle_hash;

/** SHA-256(0x00 || line); the line without its newline. */
void merkle_leaf(slice_t line, merkle_hash *ret);
/** SHA-256(0x01 || left || right). */
void merkle_node(const merkle_hash *left, const merkle_hash *right, merkle_hash *ret);
bool merkle_eq(const merkle_hash *a, const merkle_hash *b);

/**
 * The right edge: the roots of the perfect subtrees that a tree of @p size leaves
 * is made of. peak[l] is meant where bit l of size is set: 2^l leaves, the
 * larger ones to the left of it.
 */
#define MERKLE_LEVELS 64
typedef struct {
    uint64_t size;
    merkle_hash peak[MERKLE_LEVELS];
} merkle_edge;

/** One leaf more, where tiles do not matter. */
void merkle_grow(merkle_edge *edge, const merkle_hash *leaf);
/** The root of all leaves; of none, SHA-256(""). */
void merkle_root(const merkle_edge *edge, merkle_hash *ret);

/** C2SP tlog-tiles, height 8. Entry i of tile n at level l is the subtree of 2^(8 l) leaves numbered 256 n +
 * i. */
#define TILE_HEIGHT 8
#define TILE_WIDTH 256u
#define TILE_LEVELS (MERKLE_LEVELS / TILE_HEIGHT)
typedef struct {
    uint8_t level;
    uint64_t index;
    unsigned width; /* entries: 1..255 a partial tile, TILE_WIDTH a full one; 0: nothing yet */
    merkle_hash entry[TILE_WIDTH];
} merkle_tile;

/** The root over entries first..first + 2^height - 1 of @p tile, which it has; first is a multiple of
 * 2^height. */
void merkle_tile_hash(const merkle_tile *tile, unsigned first, unsigned height, merkle_hash *ret);

/** A tree that grows: the edge, and the rightmost tile of each level. 66 KiB. */
typedef struct {
    merkle_edge edge;
    merkle_tile tile[TILE_LEVELS];
} merkle_tree;

/** The tree without leaves. */
void merkle_init(merkle_tree *tree);
/**
 * One leaf more; two node hashes at most on average.
 *
 * @return  How many tiles this made full: tile[0] to tile[n - 1], which stay as they are until the next
 * append.
 */
unsigned merkle_append(merkle_tree *tree, const merkle_hash *leaf);
/**
 * Make @p tree what it was with @p size leaves: tile[l] holds what it had then, if not more
 * (see merkle_tile_at()), and the rest is computed. Every tile with entries at that size must be given.
 */
void merkle_rewind(merkle_tree *tree, uint64_t size);
/** Which tile of @p level is the rightmost in a tree of @p size leaves, and its width: 0 when the level is
 * empty. */
void merkle_tile_at(uint64_t size, unsigned level, uint64_t *ret_index, unsigned *ret_width);
