#include "audit/merkle.h"

void merkle_leaf(slice_t line, merkle_hash *ret)
{
    const slice_t parts[] = { SLICE_LIT("\x00"), line };

    crypto_sha256_parts(parts, COUNT_OF(parts), ret->bytes);
}

void merkle_node(const merkle_hash *left, const merkle_hash *right, merkle_hash *ret)
{
    uint8_t joined[1 + 2 * SHA256_LEN] = { 1 };

    memcpy(joined + 1, left, SHA256_LEN);
    memcpy(joined + 1 + SHA256_LEN, right, SHA256_LEN);
    crypto_sha256(SLICE(joined, sizeof(joined)), ret->bytes);
}

bool merkle_eq(const merkle_hash *a, const merkle_hash *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

void merkle_grow(merkle_edge *edge, const merkle_hash *leaf)
{
    merkle_hash hash = *leaf;
    unsigned level = 0;

    for (; (edge->size >> level & 1) != 0; level++) {
        merkle_node(&edge->peak[level], &hash, &hash);
    }
    edge->peak[level] = hash;
    edge->size++;
}

void merkle_root(const merkle_edge *edge, merkle_hash *ret)
{
    merkle_hash root;
    bool any = false;

    for (unsigned level = 0; level < MERKLE_LEVELS; level++) {
        if ((edge->size >> level & 1) == 0) {
            continue;
        }
        if (any) {
            merkle_node(&edge->peak[level], &root, &root);
        } else {
            root = edge->peak[level];
        }
        any = true;
    }
    if (!any) {
        crypto_sha256(SLICE(NULL, 0), root.bytes);
    }
    *ret = root;
}

void merkle_tile_hash(const merkle_tile *tile, unsigned first, unsigned height, merkle_hash *ret)
{
    merkle_hash row[TILE_WIDTH];
    unsigned count = 1u << height;

    memcpy(row, tile->entry + first, count * sizeof(*row));
    for (; count > 1; count /= 2) {
        for (unsigned i = 0; i < count / 2; i++) {
            merkle_node(&row[2 * i], &row[2 * i + 1], &row[i]);
        }
    }
    *ret = row[0];
}

void merkle_init(merkle_tree *tree)
{
    memset(tree, 0, sizeof(*tree));
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        tree->tile[level].level = (uint8_t)level;
    }
}

/** @return  Whether it is full now. */
static bool put_entry(merkle_tile *tile, const merkle_hash *hash)
{
    if (tile->width == TILE_WIDTH) {
        tile->width = 0;
        tile->index++;
    }
    tile->entry[tile->width++] = *hash;
    return tile->width == TILE_WIDTH;
}

unsigned merkle_append(merkle_tree *tree, const merkle_hash *leaf)
{
    merkle_edge *edge = &tree->edge;
    merkle_hash hash = *leaf;
    unsigned full = put_entry(&tree->tile[0], &hash) ? 1 : 0;
    unsigned level = 0;

    for (; (edge->size >> level & 1) != 0; level++) {
        merkle_node(&edge->peak[level], &hash, &hash);
        if ((level + 1) % TILE_HEIGHT == 0) {
            full += put_entry(&tree->tile[(level + 1) / TILE_HEIGHT], &hash) ? 1 : 0;
        }
    }
    edge->peak[level] = hash;
    edge->size++;
    return full;
}

void merkle_tile_at(uint64_t size, unsigned level, uint64_t *ret_index, unsigned *ret_width)
{
    uint64_t entries = size >> (level * TILE_HEIGHT);

    *ret_index = entries / TILE_WIDTH;
    *ret_width = (unsigned)(entries % TILE_WIDTH);
    if (*ret_width == 0 && entries > 0) {
        --*ret_index;
        *ret_width = TILE_WIDTH;
    }
}

/** The peaks that the tile's entries are: the binary digits of their number, the largest leftmost. */
static void set_peaks(merkle_edge *edge, const merkle_tile *tile)
{
    unsigned first = 0;

    for (unsigned height = TILE_HEIGHT; height-- > 0;) {
        if ((tile->width >> height & 1) != 0) {
            merkle_tile_hash(tile, first, height, &edge->peak[tile->level * TILE_HEIGHT + height]);
            first += 1u << height;
        }
    }
}

void merkle_rewind(merkle_tree *tree, uint64_t size)
{
    tree->edge.size = size;
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        merkle_tile *tile = &tree->tile[level];

        tile->level = (uint8_t)level;
        merkle_tile_at(size, level, &tile->index, &tile->width);
        set_peaks(&tree->edge, tile);
    }
}
