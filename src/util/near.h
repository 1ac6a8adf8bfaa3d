/* Names that are nearly another: for "did you mean". */
#pragma once

#include "util/bytes.h"

/**
 * The edits (insert, drop, replace, swap neighbours) from @p a to @p b; at least @p limit when there are as
 * many, or when either is longer than 64 bytes.
 */
unsigned edit_distance(slice_t a, slice_t b, unsigned limit);
