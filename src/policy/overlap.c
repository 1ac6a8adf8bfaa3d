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

#define ARN_COLONS 5

/* The wildcards behind the fifth colon of a Resource take colons. */
static bool takes_colons(slice_t narrow)
{
    slice_t part;

    for (int i = 0; i < ARN_COLONS; i++) {
        if (!slice_cut(&narrow, ':', &part)) {
            return false;
        }
    }
    return slice_has(narrow, GLOB_STAR) || slice_has(narrow, GLOB_ONE);
}

/*
 * Where a part of what such a pattern matches ends cannot be seen, and a star that runs on could stop anywhere: part
 * must cover part, and of the wide one's stars only its last takes whatever follows.
 */
static bool covers_in_parts(slice_t wide, slice_t narrow, match_work *work)
{
    slice_t narrow_part;

    for (int i = 0; i < ARN_COLONS; i++) {
        slice_t part = wide;
        bool goes_on = slice_cut(&wide, ':', &part);

        if (!slice_cut(&narrow, ':', &narrow_part) || !glob_text(part, narrow_part, work)) {
            return false;
        }
        if (!goes_on) {
            return part.len > 0 && part.data[part.len - 1] == GLOB_STAR;
        }
    }
    return glob_text(wide, narrow, work);
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
    if (wide->shape == PATTERN_GLOB && mode == MATCH_RESOURCE && takes_colons(buf_slice(&text))) {
        return covers_in_parts(buf_slice(&wide_text), buf_slice(&text), &work) && !work.failed;
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
