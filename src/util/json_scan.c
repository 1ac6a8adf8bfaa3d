#include "util/json_scan.h"

#include "util/encode.h"
#include "util/json.h"

typedef struct {
    slice_t text;
    size_t at;
    size_t values;
    json_shape shape;
} scan_t;

static p11kms_err scan_value(scan_t *s, unsigned depth);

static p11kms_err refuse(const scan_t *s, const char *why)
{
    return p11kms_fail(P11KMS_E_SYNTAX, "JSON: %s at offset %zu", why, s->at);
}

/* The byte at hand; 0, which is valid nowhere, at the end. */
static uint8_t peek(const scan_t *s)
{
    return s->at < s->text.len ? s->text.data[s->at] : 0;
}

static bool skip(scan_t *s, char c)
{
    if (peek(s) != (uint8_t)c) {
        return false;
    }
    s->at++;
    return true;
}

static void skip_space(scan_t *s)
{
    while (skip(s, ' ') || skip(s, '\t') || skip(s, '\n') || skip(s, '\r')) {
    }
}

static slice_t rest(const scan_t *s)
{
    return SLICE(s->text.data + s->at, s->text.len - s->at);
}

static void note_length(scan_t *s, size_t start)
{
    if (s->at - start > s->shape.longest) {
        s->shape.longest = s->at - start;
    }
}

/* "uXXXX", whose backslash was read. */
static p11kms_err scan_unit(scan_t *s, unsigned *ret)
{
    uint8_t unit[2];

    if (!skip(s, 'u') || rest(s).len < 4 || hex_decode(SLICE(rest(s).data, 4), unit) != P11KMS_OK) {
        return refuse(s, "bad escape");
    }
    s->at += 4;
    *ret = (unsigned)unit[0] << 8 | unit[1];
    return P11KMS_OK;
}

/* A code point; two units where the first is a high surrogate. */
static p11kms_err scan_code_point(scan_t *s, unsigned *ret)
{
    unsigned low = 0;

    TRY(scan_unit(s, ret));
    if (*ret < 0xd800 || *ret > 0xdfff) {
        return P11KMS_OK;
    }
    if (*ret > 0xdbff || !skip(s, '\\')) {
        return refuse(s, "lone surrogate");
    }
    TRY(scan_unit(s, &low));
    return low >= 0xdc00 && low <= 0xdfff ? P11KMS_OK : refuse(s, "lone surrogate");
}

static p11kms_err scan_escape(scan_t *s, bool *has_nul)
{
    unsigned code = 1;

    if (peek(s) == 'u') {
        TRY(scan_code_point(s, &code));
        *has_nul |= code == 0;
        return P11KMS_OK;
    }
    if (peek(s) == 0 || strchr("\"\\/bfnrt", peek(s)) == NULL) {
        return refuse(s, "bad escape");
    }
    s->at++;
    return P11KMS_OK;
}

/* @p has_nul is set where the string's value has a NUL in it. */
static p11kms_err scan_string(scan_t *s, bool *has_nul)
{
    size_t start = s->at;

    if (!skip(s, '"')) {
        return refuse(s, "a string is missing");
    }
    while (!skip(s, '"')) {
        uint8_t c = peek(s);

        if (c == '\\') {
            s->at++;
            TRY(scan_escape(s, has_nul));
        } else if (c >= 0x20 && c < 0x80) {
            s->at++;
        } else {
            size_t len = c < 0x20 ? 0 : utf8_sequence(rest(s));

            if (len == 0) {
                return refuse(s, c < 0x20 ? "unfinished string or control character" : "invalid UTF-8");
            }
            s->at += len;
        }
    }
    note_length(s, start);
    return P11KMS_OK;
}

static size_t skip_digits(scan_t *s)
{
    size_t start = s->at;

    while (peek(s) >= '0' && peek(s) <= '9') {
        s->at++;
    }
    return s->at - start;
}

/* json-c keeps integers up to 2^64 - 1, which has 20 digits; past 19 it may have to bend one. */
#define INTEGER_DIGITS_MAX 19

static p11kms_err scan_number(scan_t *s)
{
    size_t start = s->at;
    size_t whole;
    bool integer = true;

    skip(s, '-');
    whole = skip(s, '0') ? 1 : skip_digits(s);
    if (whole == 0) {
        return refuse(s, "a value is missing");
    }
    if (skip(s, '.')) {
        integer = false;
        if (skip_digits(s) == 0) {
            return refuse(s, "bad number");
        }
    }
    if (skip(s, 'e') || skip(s, 'E')) {
        integer = false;
        if (!skip(s, '+')) {
            skip(s, '-');
        }
        if (skip_digits(s) == 0) {
            return refuse(s, "bad number");
        }
    }
    if (integer && whole > INTEGER_DIGITS_MAX) {
        return refuse(s, "integer too large");
    }
    note_length(s, start);
    return P11KMS_OK;
}

static p11kms_err scan_literal(scan_t *s, const char *word)
{
    if (!slice_has_prefix(rest(s), word)) {
        return refuse(s, "a value is missing");
    }
    s->at += strlen(word);
    return P11KMS_OK;
}

static p11kms_err scan_member(scan_t *s, unsigned depth)
{
    bool has_nul = false;

    skip_space(s);
    TRY(scan_string(s, &has_nul));
    if (has_nul) {
        return refuse(s, "NUL in a name");
    }
    skip_space(s);
    if (!skip(s, ':')) {
        return refuse(s, "':' is missing");
    }
    s->shape.members++;
    return scan_value(s, depth);
}

/* What stands between the brackets of an array or object: @p each, with commas between. */
static p11kms_err scan_items(scan_t *s, unsigned depth, char closing, p11kms_err (*each)(scan_t *, unsigned))
{
    s->at++;
    if (depth == JSON_DEPTH_MAX) {
        return refuse(s, "nested too deeply");
    }
    skip_space(s);
    if (skip(s, closing)) {
        return P11KMS_OK;
    }
    do {
        TRY(each(s, depth + 1));
    } while (skip(s, ','));
    return skip(s, closing) ? P11KMS_OK : refuse(s, "',' or a closing bracket is missing");
}

static p11kms_err scan_bare_value(scan_t *s, unsigned depth)
{
    bool has_nul = false;

    switch (peek(s)) {
    case '{':
        return scan_items(s, depth, '}', scan_member);
    case '[':
        return scan_items(s, depth, ']', scan_value);
    case '"':
        return scan_string(s, &has_nul);
    case 't':
        return scan_literal(s, "true");
    case 'f':
        return scan_literal(s, "false");
    case 'n':
        return scan_literal(s, "null");
    default:
        return scan_number(s);
    }
}

static p11kms_err scan_value(scan_t *s, unsigned depth)
{
    skip_space(s);
    if (++s->values > JSON_VALUES_MAX) {
        return refuse(s, "too many values");
    }
    TRY(scan_bare_value(s, depth));
    skip_space(s);
    return P11KMS_OK;
}

p11kms_err json_scan(slice_t text, json_shape *ret)
{
    scan_t s = { .text = text };

    TRY(scan_value(&s, 0));
    if (s.at != text.len) {
        return refuse(&s, "something follows the value");
    }
    *ret = s.shape;
    return P11KMS_OK;
}
