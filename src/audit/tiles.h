/*
 * Tiles as files, C2SP tlog-tiles: "tile/L/NNN" and, partial, "tile/L/NNN.p/W" in the log's
 * folder. What is read is checked for its length alone: whether it is true, the
 * root over it says.
 */
#pragma once

#include "audit/merkle.h"

#define TILE_PATH 64
/** "tile/0/x001/x234/067", with ".p/W" where @p width is less than TILE_WIDTH. */
void tile_path(unsigned level, uint64_t index, unsigned width, char out[TILE_PATH]);

/**
 * The first @p width entries of a tile: from that very partial tile, the full one, or a partial one that is
 * wider.
 *
 * @param[out] ret  Its width is @p width.
 * @retval P11KMS_E_NOT_FOUND  There is none; P11KMS_E_AUDIT: it cannot be read, or is not of a tile's length.
 */
MUST_USE p11kms_err tile_read(int folder, unsigned level, uint64_t index, unsigned width, merkle_tile *ret);
/** Replaces what is there; not synced. @retval P11KMS_E_AUDIT */
MUST_USE p11kms_err tile_write(int folder, const merkle_tile *tile);
/** The file and the folder that names it are on disk. */
MUST_USE p11kms_err tile_sync(int folder, unsigned level, uint64_t index, unsigned width);
/** Remove the partial tiles of @p index, but for those of the widths to keep (0 and 0: all). Failure is no
 * harm. */
void tile_drop_partial(int folder, unsigned level, uint64_t index, unsigned keep, unsigned keep_too);

/** The tree of @p size leaves, as the tiles have it. @retval P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT */
MUST_USE p11kms_err tiles_load(int folder, uint64_t size, merkle_tree *ret);

/** Hashes of subtrees, with the tile read last kept. Zero but for folder and size to begin with. */
typedef struct {
    int folder;
    uint64_t size; /* of the tree: the tiles are there for so many leaves */
    merkle_tile kept;
} tile_reader;
/**
 * The root over leaves index * 2^level to (index + 1) * 2^level - 1, all within the tree.
 * @p reader is a tile_reader; the type suits a proof's callback.
 */
MUST_USE p11kms_err tiles_hash(void *reader, unsigned level, uint64_t index, merkle_hash *ret);
