#include "policy/space.h"

#define ALIGNMENT _Alignof(max_align_t)

void *space_take(space_t *space, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *taken;

    if (space->arena != NULL) {
        taken = arena_alloc(space->arena, rounded > 0 ? rounded : ALIGNMENT);
    } else {
        if (rounded > space->size - space->used) {
            abort(); /* the two runs differ: memory would be written past its end */
        }
        taken = space->block + space->used;
    }
    space->used += rounded;
    return taken;
}

slice_t space_copy(space_t *space, slice_t text)
{
    uint8_t *copy = space_take(space, text.len + 1);

    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    return SLICE(copy, text.len);
}
