#include "http/guard.h"

#include <strings.h>

#include "http/http.h"

enum { TOKEN = 1, TARGET = 2, HOST = 4, VALUE = 8 };

/*
 * RFC 9110 tchar; RFC 3986 path and query characters; reg-name, IP literal and
 * port; header values. A byte that is not named is in no class.
 */
#define ALNUM (TOKEN | TARGET | HOST | VALUE)
#define TEN(a, b, c, d, e, f, g, h, i, j)                                                                    \
    [a] = ALNUM, [b] = ALNUM, [c] = ALNUM, [d] = ALNUM, [e] = ALNUM, [f] = ALNUM, [g] = ALNUM, [h] = ALNUM,  \
    [i] = ALNUM, [j] = ALNUM
#define THREE(a, b, c) [a] = ALNUM, [b] = ALNUM, [c] = ALNUM

static const uint8_t classes[128] = {
    TEN('0', '1', '2', '3', '4', '5', '6', '7', '8', '9'),
    TEN('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'),
    TEN('k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't'),
    THREE('u', 'v', 'w'),
    THREE('x', 'y', 'z'),
    TEN('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J'),
    TEN('K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T'),
    THREE('U', 'V', 'W'),
    THREE('X', 'Y', 'Z'),
    ['-'] = TOKEN | TARGET | HOST | VALUE,
    ['.'] = TOKEN | TARGET | HOST | VALUE,
    ['_'] = TOKEN | TARGET | HOST | VALUE,
    ['!'] = TOKEN | TARGET | VALUE,
    ['$'] = TOKEN | TARGET | VALUE,
    ['%'] = TOKEN | TARGET | VALUE,
    ['&'] = TOKEN | TARGET | VALUE,
    ['\''] = TOKEN | TARGET | VALUE,
    ['*'] = TOKEN | TARGET | VALUE,
    ['+'] = TOKEN | TARGET | VALUE,
    ['~'] = TOKEN | TARGET | VALUE,
    ['#'] = TOKEN | VALUE,
    ['^'] = TOKEN | VALUE,
    ['`'] = TOKEN | VALUE,
    ['|'] = TOKEN | VALUE,
    [':'] = TARGET | HOST | VALUE,
    ['['] = HOST | VALUE,
    [']'] = HOST | VALUE,
    ['('] = TARGET | VALUE,
    [')'] = TARGET | VALUE,
    [','] = TARGET | VALUE,
    [';'] = TARGET | VALUE,
    ['='] = TARGET | VALUE,
    ['@'] = TARGET | VALUE,
    ['/'] = TARGET | VALUE,
    ['?'] = TARGET | VALUE,
    ['"'] = VALUE,
    ['<'] = VALUE,
    ['>'] = VALUE,
    ['\\'] = VALUE,
    ['{'] = VALUE,
    ['}'] = VALUE,
    [' '] = VALUE,
    ['\t'] = VALUE,
};

#define HOST_MAX 261 /* RFC 1035's 255 and a port */

/* Past ASCII only values go: signed headers may carry UTF-8. */
static bool is_class(uint8_t c, uint8_t class)
{
    return c < 128 ? (classes[c] & class) != 0 : class == VALUE;
}

static bool all_of(slice_t text, uint8_t class)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_class(text.data[i], class)) {
            return false;
        }
    }
    return true;
}

static bool same_name(slice_t a, const char *b)
{
    return a.len == strlen(b) && strncasecmp((const char *)a.data, b, a.len) == 0;
}

refusal guard_find_end(slice_t bytes, size_t *seen, size_t *ret_length)
{
    slice_t line, rest = SLICE(bytes.data + *seen, bytes.len - *seen);

    *ret_length = 0;
    while (slice_cut(&rest, '\n', &line)) {
        size_t start = (size_t)(line.data - bytes.data);
        size_t end = start + line.len + 1;

        /* First, so that the verdict is the same however the bytes were cut. */
        if (end > HTTP_HEAD_MAX) {
            return REFUSAL_HEAD_TOO_LARGE;
        }
        if (line.len == 0 || line.data[line.len - 1] != '\r') {
            return REFUSAL_LINE_END;
        }
        *seen = end;
        if (line.len == 1) {
            *ret_length = end;
            return start == 0 ? REFUSAL_REQUEST_LINE : REFUSAL_NONE;
        }
    }
    return bytes.len >= HTTP_HEAD_MAX ? REFUSAL_HEAD_TOO_LARGE : REFUSAL_NONE;
}

/* ---- the headers that decide where a request ends, or what becomes of the connection ---- */

typedef struct {
    guard_head *head;
    bool has_host;
    bool has_length;
} checking;

static bool all_digits(slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/** "[2001:db8::1]", as far as the brackets go: identity and policy never look inside. */
static bool split_literal(slice_t value, slice_t *ret_port)
{
    slice_t name;

    *ret_port = value;
    if (!slice_cut(ret_port, ']', &name) || name.len < 3) {
        return false;
    }
    for (size_t i = 1; i < name.len; i++) {
        if (strchr("0123456789abcdefABCDEF:.", name.data[i]) == NULL) {
            return false;
        }
    }
    return ret_port->len == 0 || ret_port->data[0] == ':';
}

static bool split_name(slice_t value, slice_t *ret_port)
{
    slice_t name, rest = value;

    if (!slice_cut(&rest, ':', &name)) {
        name = value;
    }
    *ret_port = SLICE(name.data + name.len, value.len - name.len);
    return name.len > 0 && !slice_has(name, '[') && !slice_has(name, ']');
}

static refusal check_host(checking *state, slice_t value)
{
    slice_t port;
    bool seen = state->has_host;

    state->has_host = true;
    if (seen || value.len == 0 || value.len > HOST_MAX || !all_of(value, HOST)) {
        return REFUSAL_HOST;
    }
    if (value.data[0] == '[' ? !split_literal(value, &port) : !split_name(value, &port)) {
        return REFUSAL_HOST;
    }
    return port.len == 0 || all_digits(SLICE(port.data + 1, port.len - 1)) ? REFUSAL_NONE : REFUSAL_HOST;
}

/* Digits only, no leading zero: "010" and "+10" are read differently by different programs. */
static refusal check_content_length(checking *state, slice_t value)
{
    size_t length = 0;
    bool seen = state->has_length;

    state->has_length = true;
    if (seen || value.len == 0 || !all_digits(value) || (value.len > 1 && value.data[0] == '0')) {
        return REFUSAL_LENGTH;
    }
    for (size_t i = 0; i < value.len && length <= HTTP_BODY_MAX; i++) {
        length = length * 10 + (size_t)(value.data[i] - '0');
    }
    state->head->content_length = length;
    return REFUSAL_NONE;
}

static refusal check_transfer_encoding(checking *state, slice_t value)
{
    (void)state;
    (void)value;
    return REFUSAL_TRANSFER_ENCODING;
}

static refusal check_upgrade(checking *state, slice_t value)
{
    (void)state;
    (void)value;
    return REFUSAL_UPGRADE;
}

static refusal check_expect(checking *state, slice_t value)
{
    state->head->continues = true;
    return same_name(value, "100-continue") ? REFUSAL_NONE : REFUSAL_EXPECT;
}

static refusal check_connection(checking *state, slice_t value)
{
    slice_t option;

    while (slice_cut(&value, ',', &option)) {
        state->head->close |= same_name(slice_trim(option), "close");
    }
    state->head->close |= same_name(slice_trim(value), "close");
    return REFUSAL_NONE;
}

static const struct {
    const char *name;
    refusal (*check)(checking *state, slice_t value);
} watched[] = {
    { "host", check_host },
    { "content-length", check_content_length },
    { "transfer-encoding", check_transfer_encoding },
    { "upgrade", check_upgrade },
    { "expect", check_expect },
    { "connection", check_connection },
};

static refusal check_header(checking *state, slice_t line)
{
    slice_t name;

    if (line.data[0] == ' ' || line.data[0] == '\t') {
        return REFUSAL_FOLDED;
    }
    if (!slice_cut(&line, ':', &name) || name.len == 0 || !all_of(name, TOKEN) || !all_of(line, VALUE)) {
        return REFUSAL_HEADER;
    }
    if (++state->head->n_headers > MESSAGE_HEADERS_MAX) {
        return REFUSAL_TOO_MANY_HEADERS;
    }
    for (size_t i = 0; i < COUNT_OF(watched); i++) {
        if (same_name(name, watched[i].name)) {
            return watched[i].check(state, slice_trim(line));
        }
    }
    return REFUSAL_NONE;
}

/** HTTP/x.y, whatever x and y. */
static bool is_version(slice_t text)
{
    return text.len == 8 && slice_has_prefix(text, "HTTP/") && all_digits(SLICE(text.data + 5, 1)) &&
           text.data[6] == '.' && all_digits(SLICE(text.data + 7, 1));
}

static refusal check_request_line(guard_head *head, slice_t line)
{
    slice_t method, target;

    if (!slice_cut(&line, ' ', &method) || !slice_cut(&line, ' ', &target)) {
        return REFUSAL_REQUEST_LINE;
    }
    if (method.len == 0 || !all_of(method, TOKEN)) {
        return REFUSAL_METHOD;
    }
    /* What follows a CONNECT is no HTTP, whatever its target looks like. */
    if (target.len == 0 || target.data[0] != '/' || !all_of(target, TARGET) ||
        slice_eq_str(method, "CONNECT")) {
        return REFUSAL_TARGET;
    }
    head->is_head = slice_eq_str(method, "HEAD");
    head->http_1_0 = slice_eq_str(line, "HTTP/1.0");
    head->close = head->http_1_0;
    if (head->http_1_0 || slice_eq_str(line, "HTTP/1.1")) {
        return REFUSAL_NONE;
    }
    return is_version(line) ? REFUSAL_VERSION : REFUSAL_REQUEST_LINE;
}

refusal guard_check(slice_t head, guard_head *ret)
{
    checking state = { .head = ret };
    slice_t line = { 0 };
    refusal verdict;

    *ret = (guard_head){ .length = head.len };
    if (!slice_cut(&head, '\n', &line) || line.len == 0) {
        return REFUSAL_REQUEST_LINE;
    }
    verdict = check_request_line(ret, SLICE(line.data, line.len - 1));
    while (verdict == REFUSAL_NONE && slice_cut(&head, '\n', &line) && line.len > 1) {
        verdict = check_header(&state, SLICE(line.data, line.len - 1));
    }
    if (verdict != REFUSAL_NONE) {
        return verdict;
    }
    if (!state.has_host && !ret->http_1_0) {
        return REFUSAL_HOST;
    }
    return ret->content_length > HTTP_BODY_MAX ? REFUSAL_BODY_TOO_LARGE : REFUSAL_NONE;
}
