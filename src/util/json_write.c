#include <inttypes.h>

#include "util/encode.h"
#include "util/json_c.h"

#define LEVELS_MAX 63 /* bits of has_items and is_array */

static uint64_t level_bit(const jw_t *w)
{
    return UINT64_C(1) << w->depth;
}

/* Before each value and key: the comma, unless it is the first or follows its key. */
static void begin_item(jw_t *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if ((w->has_items & level_bit(w)) != 0) {
        buf_put_char(w->out, ',');
    }
    w->has_items |= level_bit(w);
}

jw_t jw_on(buf_t *out)
{
    return (jw_t){ .out = out };
}

static void open_level(jw_t *w, char bracket, bool is_array)
{
    begin_item(w);
    if (w->depth == LEVELS_MAX) {
        w->out->failed = true;
        return;
    }
    buf_put_char(w->out, bracket);
    w->depth++;
    w->has_items &= ~level_bit(w);
    w->is_array = is_array ? w->is_array | level_bit(w) : w->is_array & ~level_bit(w);
}

void jw_object(jw_t *w)
{
    open_level(w, '{', false);
}

void jw_array(jw_t *w)
{
    open_level(w, '[', true);
}

void jw_end(jw_t *w)
{
    if (w->depth == 0) {
        w->out->failed = true;
        return;
    }
    buf_put_char(w->out, (w->is_array & level_bit(w)) != 0 ? ']' : '}');
    w->depth--;
}

static bool plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define STRIDE 8 /* of a length known beforehand compilers make vector instructions */

static bool plain_stride(const uint8_t *text)
{
    uint8_t special = 0;

    for (size_t i = 0; i < STRIDE; i++) {
        special |= (uint8_t)(text[i] < 0x20) | (uint8_t)(text[i] >= 0x7f) | (uint8_t)(text[i] == '"') |
                   (uint8_t)(text[i] == '\\');
    }
    return special == 0;
}

static size_t plain_run(slice_t text)
{
    size_t run = 0;

    while (text.len - run >= STRIDE && plain_stride(text.data + run)) {
        run += STRIDE;
    }
    while (run < text.len && plain(text.data[run])) {
        run++;
    }
    return run;
}

static void put_escape(buf_t *out, unsigned code)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_forms[128] = {
        ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    };

    if (code < sizeof(short_forms) && short_forms[code] != '\0') {
        buf_put(out, (char[]){ '\\', short_forms[code] }, 2);
    } else {
        buf_put(out,
                (char[]){ '\\', 'u', hex[code >> 12 & 0xf], hex[code >> 8 & 0xf], hex[code >> 4 & 0xf],
                          hex[code & 0xf] },
                6);
    }
}

/*
 * Controls above ASCII (U+0080 to U+009F) and the line ends JavaScript knows, U+2028 and
 * U+2029; 0 for what may stand as it is.
 */
static unsigned special_code_point(const uint8_t *at)
{
    if (at[0] == 0xc2 && at[1] < 0xa0) {
        return at[1];
    }
    if (at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9)) {
        return 0x2000u + (at[2] & 0x3fu);
    }
    return 0;
}

/* One character that is not plain, at the front of @p text; how long it is. */
static size_t put_special(buf_t *out, slice_t text)
{
    size_t len = utf8_sequence(text);
    unsigned code;

    if (len == 0) {
        buf_put(out, "\xef\xbf\xbd", 3); /* U+FFFD */
        return 1;
    }
    code = len == 1 ? text.data[0] : special_code_point(text.data);
    if (len == 1 || code != 0) {
        put_escape(out, code);
    } else {
        buf_put(out, text.data, len);
    }
    return len;
}

static void put_quoted(buf_t *out, slice_t text)
{
    buf_put_char(out, '"');
    while (text.len > 0) {
        size_t run = plain_run(text);

        buf_put(out, text.data, run);
        if (run < text.len) {
            run += put_special(out, SLICE(text.data + run, text.len - run));
        }
        text = SLICE(text.data + run, text.len - run);
    }
    buf_put_char(out, '"');
}

void jw_key_slice(jw_t *w, slice_t name)
{
    begin_item(w);
    put_quoted(w->out, name);
    buf_put_char(w->out, ':');
    w->after_key = true;
}

void jw_key(jw_t *w, const char *name)
{
    jw_key_slice(w, SLICE_STR(name));
}

void jw_string_slice(jw_t *w, slice_t value)
{
    begin_item(w);
    put_quoted(w->out, value);
}

void jw_string(jw_t *w, const char *value)
{
    if (value == NULL) {
        jw_null(w);
    } else {
        jw_string_slice(w, SLICE_STR(value));
    }
}

void jw_base64(jw_t *w, slice_t bytes)
{
    begin_item(w);
    buf_put_char(w->out, '"');
    base64_encode(w->out, bytes);
    buf_put_char(w->out, '"');
}

void jw_hex(jw_t *w, slice_t bytes)
{
    begin_item(w);
    buf_put_char(w->out, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        char two[3];

        hex_encode(bytes.data + i, 1, two);
        buf_put(w->out, two, 2);
    }
    buf_put_char(w->out, '"');
}

void jw_int(jw_t *w, int64_t value)
{
    begin_item(w);
    buf_printf(w->out, "%" PRId64, value);
}

void jw_bool(jw_t *w, bool value)
{
    begin_item(w);
    buf_put_str(w->out, value ? "true" : "false");
}

void jw_null(jw_t *w)
{
    begin_item(w);
    buf_put_str(w->out, "null");
}

void jw_epoch(jw_t *w, int64_t ms)
{
    uint64_t size = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;

    begin_item(w);
    buf_printf(w->out, "%s%" PRIu64, ms < 0 ? "-" : "", size / 1000);
    if (size % 1000 != 0) {
        buf_printf(w->out, ".%03u", (unsigned)(size % 1000));
    }
}

void jw_raw(jw_t *w, slice_t json)
{
    begin_item(w);
    buf_put_slice(w->out, json);
}

static p11kms_err write_member(void *arg, slice_t name, json_t *value)
{
    jw_key_slice(arg, name);
    jw_value(arg, value);
    return P11KMS_OK;
}

/* The tokener keeps a double's own text beside it. */
static void write_double(jw_t *w, const json_t *v)
{
    jw_raw(w, SLICE_STR((const char *)json_object_get_userdata((json_t *)(uintptr_t)v)));
}

static void write_integer(jw_t *w, const json_t *v)
{
    if (json_object_get_int64(v) == INT64_MAX) {
        begin_item(w);
        buf_printf(w->out, "%" PRIu64, json_object_get_uint64(v));
    } else {
        jw_int(w, json_object_get_int64(v));
    }
}

void jw_value(jw_t *w, const json_t *v)
{
    switch (json_kind_of(v)) {
    case JSON_NULL:
        jw_null(w);
        break;
    case JSON_BOOL:
        jw_bool(w, json_bool(v));
        break;
    case JSON_INT:
        write_integer(w, v);
        break;
    case JSON_DOUBLE:
        write_double(w, v);
        break;
    case JSON_STRING:
        jw_string_slice(w, json_string(v));
        break;
    case JSON_ARRAY:
        jw_array(w);
        for (size_t i = 0; i < json_length(v); i++) {
            jw_value(w, json_at(v, i));
        }
        jw_end(w);
        break;
    case JSON_OBJECT:
        jw_object(w);
        if (json_each(v, write_member, w) != P11KMS_OK) {
            w->out->failed = true;
        }
        jw_end(w);
        break;
    }
}
