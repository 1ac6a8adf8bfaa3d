/* String-keyed hash map of borrowed pointers. SipHash keyed per process, so names from outside cannot collide on purpose. */
#pragma once

#include "util/bytes.h"

typedef struct map map_t;

MUST_USE p11kms_err map_new(map_t **ret);
/** @p free_value may be NULL. */
void map_free(map_t *map, void (*free_value)(void *));
size_t map_size(const map_t *map);
void *map_get(const map_t *map, slice_t key); /* NULL when absent */
/** Keeps its own copy of @p key; yields the value that stood there before, or NULL, through @p ret_old (may be NULL). */
MUST_USE p11kms_err map_put(map_t *map, slice_t key, void *value, void **ret_old);
/** The value removed, or NULL. */
void *map_remove(map_t *map, slice_t key);

/** SipHash-2-4, the map's own hash; here for its known answers. */
uint64_t map_siphash(const uint64_t key[2], slice_t data);

/** The same under the key of this process: nobody outside can tell what it will be. */
uint64_t map_hash(slice_t data);

/** Iteration in no order; do not change the map meanwhile. Start with *pos = 0. */
bool map_next(const map_t *map, size_t *pos, slice_t *ret_key, void **ret_value);
