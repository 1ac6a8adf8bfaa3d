/* Patterns beside patterns: does one cover the other, do they meet? */
#include "policy/pattern.h"

void pattern_flatten(const pattern_t *pattern, buf_t *out)
{
    for (size_t i = 0; i < pattern->n_pieces; i++) {
        if (pattern->pieces[i].as_written.data == NULL) {
            buf_put_slice(out, pattern->pieces[i].text);
        } else {
            buf_put_char(out, (char)GLOB_STAR);
        }
    }
    if (pattern->shape != PATTERN_VARIABLE) {
        buf_put_slice(out, pattern->text);
    }
    if (pattern->shape == PATTERN_ALL || pattern->shape == PATTERN_PREFIX) {
        buf_put_char(out, (char)GLOB_STAR);
    }
}

static bool same_pieces(const pattern_t *a, const pattern_t *b)
{
    if (a->n_pieces != b->n_pieces) {
        return false;
    }
    for (size_t i = 0; i < a->n_pieces; i++) {
        const pattern_piece *left = &a->pieces[i];
        const pattern_piece *right = &b->pieces[i];

        if ((left->as_written.data == NULL) != (right->as_written.data == NULL) ||
            (left->default_text.data == NULL) != (right->default_text.data == NULL) ||
            !slice_eq(left->text, right->text) || !slice_eq(left->default_text, right->default_text)) {
            return false;
        }
    }
    return true;
}

/*
 * The narrow pattern is matched as a text: its wildcards are bytes that only a star takes. But "?" would take
 * a star for one character, so that where both have those only the same text is covered.
 */
bool pattern_covers(const pattern_t *wide, const pattern_t *narrow, match_mode mode)
{
    _cleanup_buf_ buf_t wide_text = { 0 };
    _cleanup_buf_ buf_t text = { 0 };
    match_work work = { .steps_left = MATCH_STEPS_MAX };

    if (wide->shape == PATTERN_ALL) {
        return true;
    }
    if (wide->shape == PATTERN_VARIABLE) {
        return narrow->shape == PATTERN_VARIABLE && same_pieces(wide, narrow);
    }
    pattern_flatten(wide, &wide_text);
    pattern_flatten(narrow, &text);
    if (buf_failed(&wide_text) || buf_failed(&text)) {
        return false;
    }
    if (slice_has(buf_slice(&wide_text), GLOB_ONE) && slice_has(buf_slice(&text), GLOB_STAR)) {
        return slice_eq(buf_slice(&wide_text), buf_slice(&text));
    }
    return pattern_matches(wide, mode, buf_slice(&text), NULL, &work) && !work.failed;
}

#define MEETING_MAX 128 /* of the second pattern: those of lint's own tables */

static bool alike(uint8_t a, uint8_t b)
{
    return a == b || a == GLOB_ONE || b == GLOB_ONE;
}

/*
 * From the ends backwards: row[j] says whether what is left of a meets b from j on. A star of either takes
 * what the other has, wildcards included.
 */
static bool texts_meet(slice_t a, slice_t b, bool b_in_parts)
{
    bool rows[2][MEETING_MAX + 1] = { 0 };
    bool *below = rows[0], *row = rows[1];

    for (size_t i = a.len + 1; i-- > 0;) {
        bool *spare = below;

        for (size_t j = b.len + 1; j-- > 0;) {
            bool star_a = i < a.len && a.data[i] == GLOB_STAR;
            bool star_b = j < b.len && b.data[j] == GLOB_STAR;
            bool b_takes = i < a.len && !(b_in_parts && a.data[i] == ':');

            row[j] = (i == a.len && j == b.len) || (star_a && (below[j] || (j < b.len && row[j + 1]))) ||
                     (star_b && (row[j + 1] || (b_takes && below[j]))) ||
                     (i < a.len && j < b.len && alike(a.data[i], b.data[j]) && below[j + 1]);
        }
        below = row;
        row = spare;
    }
    return below[0];
}

bool pattern_meets(const pattern_t *a, slice_t b, bool b_in_parts)
{
    _cleanup_buf_ buf_t text = { 0 };

    pattern_flatten(a, &text);
    return buf_failed(&text) || b.len > MEETING_MAX || texts_meet(buf_slice(&text), b, b_in_parts);
}
