/* Single JSON values against shapes; for the files that do the work of shape.h alone. */
#pragma once

#include "api/shape.h"

/**
 * @p value is of the JSON type that @p shape asks for; integers have no fraction, dates are
 * between 1970 and 9999. What is inside it, or inside a string, is not looked at.
 */
bool shape_takes(const shape_t *shape, const json_t *value);

/** NULL when @p value is taken and, for a blob, is canonical base64; else the sentence of AWS's parser. */
const char *shape_type_problem(const shape_t *shape, const json_t *value, arena_t *arena);

/** The first @p max bytes at most, no code point cut in two. */
slice_t shape_cut(slice_t text, size_t max);

/** The first letter of a member's name as paths and records have it ("KeyId" is "keyId"). */
char shape_first_letter(const char *name);
