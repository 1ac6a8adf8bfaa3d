#include "config.h"

#include "util/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/secret.h"

#define ALIGNMENT _Alignof(max_align_t)
#define BLOCK_MIN 1024

/*
 * Memory past used is always zero: blocks begin zeroed and a reset wipes what
 * was used, so neither allocating nor resetting touches more than was asked for.
 */
typedef struct block block_t;
struct block {
    block_t *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) uint8_t data[];
};

struct arena {
    block_t *first;   /* kept over resets */
    block_t *current; /* the head of the list of further blocks, or first */
};

static size_t round_up(size_t size)
{
    if (size > SIZE_MAX / 2) {
        abort(); /* no bounded request asks for this */
    }
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static block_t *block_new(size_t size, block_t *next)
{
    block_t *block = calloc(1, sizeof(*block) + size);

    if (block != NULL) {
        block->size = size;
        block->next = next;
    }
    return block;
}

static void block_wipe(block_t *block)
{
    secret_wipe(block->data, block->used);
    block->used = 0;
}

static void drop_further(arena_t *arena)
{
    while (arena->current != arena->first) {
        block_t *block = arena->current;

        arena->current = block->next;
        block_wipe(block);
        free(block);
    }
}

arena_t *arena_new(size_t first_block)
{
    arena_t *arena = calloc(1, sizeof(*arena));

    if (arena == NULL) {
        return NULL;
    }
    arena->first = block_new(round_up(first_block), NULL);
    if (arena->first == NULL) {
        free(arena);
        return NULL;
    }
    arena->current = arena->first;
    return arena;
}

void arena_free(arena_t *arena)
{
    if (arena == NULL) {
        return;
    }
    arena_reset(arena);
    free(arena->first);
    free(arena);
}

void arena_reset(arena_t *arena)
{
    drop_further(arena);
    block_wipe(arena->first);
}

static size_t block_size_for(const arena_t *arena, size_t need)
{
#ifdef WITH_SANITIZER
    /* A block for each allocation, so that the sanitizer sees overruns and use after a reset. */
    (void)arena;
    return need;
#else
    size_t usual = arena->first->size < BLOCK_MIN ? BLOCK_MIN : arena->first->size;

    return need > usual ? need : usual;
#endif
}

static bool fits(const block_t *block, size_t need)
{
#ifdef WITH_SANITIZER
    return block->used == 0 && block->size == need;
#else
    return need <= block->size - block->used;
#endif
}

void *arena_alloc(arena_t *arena, size_t size)
{
    size_t need = round_up(size == 0 ? 1 : size);
    block_t *block = arena->current;
    void *at;

    if (!fits(block, need)) {
        block = block_new(block_size_for(arena, need), block);
        if (block == NULL) {
            abort();
        }
        arena->current = block;
    }
    at = block->data + block->used;
    block->used += need;
    return at;
}

char *arena_strndup(arena_t *arena, const char *str, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (len > 0) {
        memcpy(copy, str, len);
    }
    return copy;
}

char *arena_strdup(arena_t *arena, const char *str)
{
    return arena_strndup(arena, str, strlen(str));
}

char *arena_printf(arena_t *arena, const char *fmt, ...)
{
    va_list args;
    int len;
    char *text;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        abort();
    }
    text = arena_alloc(arena, (size_t)len + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

slice_t arena_dup(arena_t *arena, slice_t s)
{
    return SLICE(arena_strndup(arena, (const char *)s.data, s.len), s.len);
}
