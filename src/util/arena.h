/*
 * Memory that lives as long as one request. Allocation never needs a free of
 * its own; arena_reset() wipes and keeps the first block for the next request.
 * Not thread-safe: a request is in one thread's hands at a time.
 */
#pragma once

#include "util/bytes.h"

typedef struct arena arena_t;

/** @p first_block bytes are kept over arena_reset(). NULL when memory is out. */
arena_t *arena_new(size_t first_block);
void arena_free(arena_t *arena);
void arena_reset(arena_t *arena);

/** Zeroed, aligned for any type. Never NULL: aborts when memory is out (requests are bounded). */
void *arena_alloc(arena_t *arena, size_t size) __attribute__((returns_nonnull));
char *arena_strndup(arena_t *arena, const char *str, size_t len);
char *arena_strdup(arena_t *arena, const char *str);
char *arena_printf(arena_t *arena, const char *fmt, ...) PRINTF(2, 3);
slice_t arena_dup(arena_t *arena, slice_t s);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

DEFINE_CLEANUP(arena_t *, arena, arena_free);
