/*
 * Where a document is compiled into. A first run measures, in an arena; a
 * second run of the same code fills one block of just that size.
 */
#pragma once

#include "util/arena.h"

typedef struct {
    arena_t *arena; /* measuring, else NULL */
    uint8_t *block;
    size_t used;
    size_t size; /* of the block */
} space_t;

/** Zeroed, aligned for any type; never NULL. */
void *space_take(space_t *space, size_t size) __attribute__((returns_nonnull));
/** A copy with a NUL behind it. */
slice_t space_copy(space_t *space, slice_t text);

#define SPACE_ARRAY(space, type, n) ((type *)space_take((space), (n) * sizeof(type)))
