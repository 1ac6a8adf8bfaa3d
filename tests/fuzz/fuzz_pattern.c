/*
 * Wildcards: glob_text(), glob_arn() and glob_resource() say what a plain reading of their rules says, which
 * tries everything; and where one pattern is said to cover another, no text is matched by the narrow one
 * alone.
 *
 * Input: lines: a wide pattern, a narrow one, a text.
 */
#include "policy/pattern.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

#define TEXT_MAX 48

/* Where each character after the first begins; continuation bytes belong to the one before. */
static size_t next_character(slice_t text, size_t at)
{
    do {
        at++;
    } while (at < text.len && (text.data[at] & 0xc0) == 0x80);
    return at;
}

static slice_t from(slice_t text, size_t at)
{
    return SLICE(text.data + at, text.len - at);
}

/* How the rest of a pattern may match: row[t] for the text from t on, from the pattern's end backwards. */
static bool tries_all(slice_t pattern, slice_t text)
{
    bool rows[2][TEXT_MAX + 2] = { 0 };
    bool *below = rows[0], *row = rows[1];

    below[text.len] = true;
    for (size_t p = pattern.len; p-- > 0;) {
        uint8_t c = pattern.data[p];

        for (size_t t = text.len + 1; t-- > 0;) {
            if (c == GLOB_STAR) {
                row[t] = below[t] || (t < text.len && row[t + 1]);
            } else if (c == GLOB_ONE) {
                row[t] = t < text.len && below[next_character(text, t)];
            } else {
                row[t] = t < text.len && text.data[t] == c && below[t + 1];
            }
        }
        bool *spare = below;
        below = row;
        row = spare;
    }
    return below[0];
}

/* What comes behind a part that has matched up to the colon, or the end, at @p t. */
static bool tries_parts(slice_t pattern, slice_t text, unsigned parts, bool run_on);

static bool tries_rest(const uint8_t *colon, slice_t pattern, slice_t text, size_t t, unsigned parts,
                       bool run_on)
{
    if (colon == NULL) {
        return t == text.len;
    }
    return t < text.len && tries_parts(from(pattern, (size_t)(colon + 1 - pattern.data)), from(text, t + 1),
                                       parts + 1, run_on);
}

/* Part by part up to the fifth colon; @p run_on: the star that ends a part, and no other, may take colons,
 * too. */
static bool tries_parts(slice_t pattern, slice_t text, unsigned parts, bool run_on)
{
    const uint8_t *colon = parts < 5 && pattern.len ? memchr(pattern.data, ':', pattern.len) : NULL;
    slice_t part = colon ? SLICE(pattern.data, (size_t)(colon - pattern.data)) : pattern;
    bool runs = run_on && part.len > 0 && part.data[part.len - 1] == GLOB_STAR;
    bool first = true;

    if (parts == 5) {
        return tries_all(pattern, text);
    }
    for (size_t t = 0; (colon || run_on) && t <= text.len; t++) {
        if (t < text.len && text.data[t] != ':') {
            continue;
        }
        if (first && !tries_all(part, SLICE(text.data, t))) {
            return false;
        }
        if (tries_rest(colon, pattern, text, t, parts, run_on)) {
            return true;
        }
        first = false;
        if (!runs) {
            return false;
        }
    }
    return false;
}

static void check_matches(slice_t pattern, slice_t text)
{
    match_work work = { .steps_left = MATCH_STEPS_MAX };

    HOLDS(glob_text(pattern, text, &work) == tries_all(pattern, text));
    HOLDS(glob_arn(pattern, text, &work) == tries_parts(pattern, text, 0, false));
    HOLDS(glob_resource(pattern, text, &work) == tries_parts(pattern, text, 0, true));
    HOLDS(!work.failed);
}

static void check_covers(const pattern_t *wide, const pattern_t *narrow, slice_t text)
{
    for (match_mode mode = MATCH_TEXT; mode <= MATCH_RESOURCE; mode++) {
        match_work work = { .steps_left = MATCH_STEPS_MAX };

        if (mode != MATCH_FOLDED && pattern_covers(wide, narrow, mode) &&
            pattern_matches(narrow, mode, text, NULL, &work)) {
            HOLDS(pattern_matches(wide, mode, text, NULL, &work));
        }
    }
}

static bool is_ascii(slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* A text that both match shows that they meet; of "?" and longer characters lint knows nothing. */
static void check_meets(const pattern_t *a, const pattern_t *b, slice_t text)
{
    _cleanup_buf_ buf_t b_text = { 0 };
    match_work work = { .steps_left = MATCH_STEPS_MAX };

    pattern_flatten(b, &b_text);
    if (is_ascii(text) && pattern_matches(a, MATCH_TEXT, text, NULL, &work) &&
        pattern_matches(b, MATCH_TEXT, text, NULL, &work)) {
        HOLDS(pattern_meets(a, buf_slice(&b_text), false));
    }
}

/* The narrow pattern's stars taken for something each: a text that it matches, mostly. */
static void fill_in(slice_t pattern, slice_t with, buf_t *out)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (pattern.data[i] == '*') {
            buf_put(out, with.data, with.len ? i % (with.len + 1) : 0);
        } else {
            buf_put_u8(out, pattern.data[i] == '?' ? 'q' : pattern.data[i]);
        }
    }
}

static slice_t take_line(slice_t *rest)
{
    const uint8_t *newline = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    slice_t line = SLICE(rest->data, newline ? (size_t)(newline - rest->data) : rest->len);

    *rest = newline ? from(*rest, line.len + 1) : SLICE(NULL, 0);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const pattern_syntax syntax = { .wildcards = true };
    _cleanup_(arena) arena_t *arena = arena_new(1024);
    _cleanup_buf_ buf_t filled = { 0 };
    space_t space = { .arena = arena };
    slice_t rest = SLICE(data, len);
    slice_t wide_text = take_line(&rest), narrow_text = take_line(&rest), text = take_line(&rest);
    pattern_t wide, narrow;

    if (wide_text.len > TEXT_MAX || narrow_text.len > TEXT_MAX || text.len > TEXT_MAX ||
        !utf8_valid(wide_text) || !utf8_valid(narrow_text) || !utf8_valid(text)) {
        return 0;
    }
    fill_in(narrow_text, text, &filled);
    HOLDS(pattern_compile(wide_text, syntax, &space, &wide) == P11KMS_OK);
    HOLDS(pattern_compile(narrow_text, syntax, &space, &narrow) == P11KMS_OK);
    for (int i = 0; i < 2; i++) {
        slice_t at = i == 0 ? text : buf_slice(&filled);
        _cleanup_buf_ buf_t compiled = { 0 };

        if (at.len > TEXT_MAX || !utf8_valid(at)) {
            continue;
        }
        pattern_flatten(&wide, &compiled);
        check_matches(buf_slice(&compiled), at);
        check_covers(&wide, &narrow, at);
        check_meets(&wide, &narrow, at);
    }
    return 0;
}
