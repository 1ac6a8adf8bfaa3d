/*
 * Requests for tests, as text: "POST /path?query\nName: value\n...\n\nbody". Read as
 * src/http reads them (names in lower case, values trimmed), without its strictness.
 */
#pragma once

#include "identity/identity.h"
#include "util/arena.h"

static inline slice_t request_trim(slice_t text)
{
    while (text.len > 0 && (*text.data == ' ' || *text.data == '\t')) {
        text = SLICE(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/** The next line; @p rest moves behind it. */
static inline slice_t request_line(slice_t *rest)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    slice_t line = SLICE(rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len);
    size_t step = line.len + (end != NULL);

    *rest = SLICE(rest->data + step, rest->len - step);
    return line;
}

static inline slice_t request_until(slice_t *rest, char separator)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    slice_t part = SLICE(rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len);
    size_t step = part.len + (end != NULL);

    *rest = SLICE(rest->data + step, rest->len - step);
    return part;
}

/** Everything in @p ret lives in @p arena. Headers past MESSAGE_HEADERS_MAX are left out. */
static inline void request_read(arena_t *arena, slice_t text, message_t *ret)
{
    slice_t rest = arena_dup(arena, text);
    slice_t target = request_line(&rest);
    message_t message = { 0 };

    message.method = request_until(&target, ' ');
    message.path = request_until(&target, '?');
    message.query = target;
    for (slice_t line = request_line(&rest); line.len > 0; line = request_line(&rest)) {
        header_t header;

        header.name = request_until(&line, ':');
        for (size_t i = 0; i < header.name.len; i++) {
            uint8_t *c = (uint8_t *)(uintptr_t)&header.name.data[i];

            *c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
        }
        header.value = request_trim(line);
        if (message.n_headers < MESSAGE_HEADERS_MAX) {
            message.headers[message.n_headers++] = header;
        }
    }
    message.body = rest;
    *ret = message;
}
