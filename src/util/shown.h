/* Text from outside, made safe to be seen. */
#pragma once

#include "util/bytes.h"

/**
 * Append @p text so that a terminal only prints it: control characters (C0, DEL, C1), line and paragraph
 * separators, and what turns or hides text (bidirectional controls, zero-width characters, the byte order
 * mark) become JSON's \uXXXX; a byte that is no UTF-8 becomes \ufffd. JSON stays the same JSON.
 */
void shown_put(buf_t *out, slice_t text);
/** Whether anything of it would be seen: not white space, nor what shown_put() escapes, alone. */
bool shown_any(slice_t text);
