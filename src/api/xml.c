/* The way out of the query protocol: JSON answers as XML. */
#include "api/query.h"

#include <string.h>

#include "util/encode.h"

#define STS_NAMESPACE "https://sts.amazonaws.com/doc/2011-06-15/"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD: for what XML 1.0 has no way to write */

/* One character at the front of @p text that is not ASCII; a message may quote what is no UTF-8. How long it is. */
static size_t put_wide(buf_t *out, slice_t text)
{
    size_t len = utf8_sequence(text);
    bool no_character = slice_has_prefix(text, "\xef\xbf\xbe") || slice_has_prefix(text, "\xef\xbf\xbf");

    buf_put_slice(out, len == 0 || no_character ? SLICE_LIT(REPLACEMENT) : SLICE(text.data, len));
    return len == 0 ? 1 : len;
}

static void put_text(buf_t *out, slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];

        if (text.data[i] >= 0x80) {
            i += put_wide(out, SLICE(text.data + i, text.len - i)) - 1;
        } else if (c == '<') {
            buf_put_str(out, "&lt;");
        } else if (c == '>') {
            buf_put_str(out, "&gt;");
        } else if (c == '&') {
            buf_put_str(out, "&amp;");
        } else if (c == '"') {
            buf_put_str(out, "&quot;");
        } else if ((text.data[i] < 0x20 && c != '\t' && c != '\n') || text.data[i] == 0x7f) {
            buf_put_str(out, REPLACEMENT);
        } else {
            buf_put_char(out, c);
        }
    }
}

static void open_tag(buf_t *out, const char *name)
{
    buf_printf(out, "<%s>", name);
}

static void close_tag(buf_t *out, const char *name)
{
    buf_printf(out, "</%s>", name);
}

static void put_time(buf_t *out, const json_t *value)
{
    char when[TIME_TEXT];

    time_format_iso((int64_t)(json_double(value) * 1000), when);
    buf_put_str(out, when);
}

static void put_value(buf_t *out, const shape_t *shape, const json_t *value);

static void put_structure(buf_t *out, const shape_t *shape, const json_t *value)
{
    for (const shape_member *member = shape->members; member->name; member++) {
        const json_t *at = json_get(value, member->name);
        if (at) {
            open_tag(out, member->name);
            put_value(out, member->shape, at);
            close_tag(out, member->name);
        }
    }
}

static void put_list(buf_t *out, const shape_t *shape, const json_t *value)
{
    for (size_t i = 0; i < json_length(value); i++) {
        open_tag(out, "member");
        put_value(out, shape->element, json_at(value, i));
        close_tag(out, "member");
    }
}

static void put_value(buf_t *out, const shape_t *shape, const json_t *value)
{
    switch (shape->kind) {
    case SHAPE_STRUCTURE:
        put_structure(out, shape, value);
        break;
    case SHAPE_LIST:
        put_list(out, shape, value);
        break;
    case SHAPE_INTEGER:
        buf_printf(out, "%lld", (long long)json_int(value));
        break;
    case SHAPE_BOOLEAN:
        buf_put_str(out, json_bool(value) ? "true" : "false");
        break;
    case SHAPE_TIMESTAMP:
        put_time(out, value);
        break;
    default:
        put_text(out, json_string(value));
        break;
    }
}

void query_answer(const char *operation, const shape_t *shape, const json_t *body, const char *request_id, buf_t *out)
{
    buf_printf(out, "<%sResponse xmlns=\"" STS_NAMESPACE "\">", operation);
    if (shape) {
        buf_printf(out, "<%sResult>", operation);
        put_value(out, shape, body);
        buf_printf(out, "</%sResult>", operation);
    }
    buf_printf(out, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", request_id,
               operation);
}

void query_fault(const char *code, const char *message, int status, const char *request_id, buf_t *out)
{
    buf_printf(out, "<ErrorResponse xmlns=\"" STS_NAMESPACE "\"><Error><Type>%s</Type><Code>%s</Code><Message>",
               status < 500 ? "Sender" : "Receiver", code);
    put_text(out, SLICE_STR(message ? message : ""));
    buf_printf(out, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", request_id);
}
