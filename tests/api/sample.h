/* Bodies made from the shape tables themselves: valid ones, and ones wrong in one place. */
#pragma once

#include "api/shape.h"

typedef enum {
    SAMPLE_VALID,
    SAMPLE_SIZED, /* `size` long, or of that value */
    SAMPLE_NOT_IN_ENUM,
    SAMPLE_WRONG_TYPE,
    SAMPLE_MISSING, /* the member is left out */
    SAMPLE_NULL,    /* the member is null */
} sample_kind;

typedef struct {
    sample_kind kind;
    const shape_t *target;      /* which shape is not plainly valid; */
    const shape_member *member; /* or which member, for MISSING and NULL */
    int64_t size;
    bool all_members; /* else the required ones and the way to the target */
    /** What to write for a member instead of a sample, or NULL; may be NULL itself. */
    const char *(*text_for)(const shape_member *member);
} sample_t;

/** Text of @p len code points that the pattern of @p shape, if any, takes; NULL when none does. Free it. */
char *sample_text(const shape_t *shape, size_t len);

/** One JSON value for @p shape. */
void sample_write(jw_t *w, const shape_t *shape, const sample_t *sample);

/** The above, parsed. */
json_t *sample_parse(const shape_t *shape, const sample_t *sample);

/** @p shape is, or contains, @p target. */
bool sample_contains(const shape_t *shape, const shape_t *target);
