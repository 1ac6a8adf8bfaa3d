/*
 * The models' regular expressions as tables: a deterministic automaton over classes of
 * code points, made by tools/make-shapes. Matching reads a string once, whatever is in it.
 */
#pragma once

#include "util/bytes.h"

/** Code points that no part of the expression tells apart have the same class. */
typedef struct {
    uint32_t first, last;
    uint8_t class;
} pattern_range;

typedef struct {
    const char *text;            /* the expression as the model has it, for messages */
    const pattern_range *ranges; /* sorted; a code point in none of them matches nothing */
    size_t n_ranges;
    const uint8_t *next; /* [state * n_classes + class]; nothing leads out of state 0 */
    uint8_t n_classes;
    uint8_t start;
    uint8_t first_end; /* states from here on are a match */
} pattern_t;

/** @p text, valid UTF-8, matches as a whole. */
bool shape_pattern_matches(const pattern_t *pattern, slice_t text);
