/* guard_find_end(), guard_check() and parse_request(): whatever passes can be read in one way only. */
#include <stdio.h>

#include "http/http.h"
#include "http/parse.h"
#include "tests/fuzz/fuzz.h"

static bool inside(slice_t part, slice_t whole)
{
    return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static bool has(slice_t text, char c)
{
    return text.len > 0 && memchr(text.data, c, text.len) != NULL;
}

static void check_header(const header_t *header, slice_t head)
{
    HOLDS(header->name.len > 0 && inside(header->name, head) && inside(header->value, head));
    HOLDS(header->value.data != NULL);
    for (const char *c = "\r\n :ABCXYZ"; *c != '\0'; c++) {
        HOLDS(!has(header->name, *c));
    }
    HOLDS(!has(header->value, '\r') && !has(header->value, '\n') && !has(header->value, '\0'));
    HOLDS(!has(header->name, '\0'));
}

static void check_message(const message_t *message, const guard_head *head, slice_t request)
{
    slice_t length = message_header(message, "content-length");
    char expected[24];

    HOLDS(message->n_headers == head->n_headers && message->n_headers <= MESSAGE_HEADERS_MAX);
    for (size_t i = 0; i < message->n_headers; i++) {
        check_header(&message->headers[i], SLICE(request.data, head->length));
    }
    HOLDS(message_header_count(message, "host") == 1 ||
          (head->http_1_0 && message_header_count(message, "host") == 0));
    HOLDS(message_header_count(message, "transfer-encoding") == 0 &&
          message_header_count(message, "upgrade") == 0);
    HOLDS(message_header_count(message, "content-length") <= 1);
    snprintf(expected, sizeof(expected), "%zu", head->content_length);
    HOLDS(length.data != NULL ? slice_eq_str(length, expected) : head->content_length == 0);
    HOLDS(message->path.len > 0 && message->path.data[0] == '/' && inside(message->path, request));
    HOLDS(!has(message->path, ' ') && !has(message->path, '?') && inside(message->query, request));
    HOLDS(slice_eq(message->body, SLICE(request.data + head->length, head->content_length)));
}

/* The end is found where it is however the bytes were cut. */
static size_t find_end(slice_t bytes)
{
    size_t whole = 0, seen = 0, pieces = 0, seen_in_pieces = 0;
    refusal verdict = guard_find_end(bytes, &seen, &whole), in_pieces = REFUSAL_NONE;

    for (size_t n = 1; n <= bytes.len && in_pieces == REFUSAL_NONE && pieces == 0; n += 1 + bytes.len / 64) {
        in_pieces = guard_find_end(SLICE(bytes.data, n), &seen_in_pieces, &pieces);
    }
    HOLDS(pieces == 0 || pieces == whole);
    HOLDS(in_pieces == REFUSAL_NONE || in_pieces == verdict);
    HOLDS(whole <= HTTP_HEAD_MAX && whole <= bytes.len);
    return verdict == REFUSAL_NONE ? whole : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    _cleanup_buf_ buf_t request = { 0 };
    size_t length = find_end(SLICE(data, len));
    guard_head head;
    message_t message;

    if (length == 0 || guard_check(SLICE(data, length), &head) != REFUSAL_NONE) {
        return 0;
    }
    HOLDS(head.length == length && head.content_length <= HTTP_BODY_MAX);
    if (head.content_length > len - length) {
        return 0;
    }
    buf_put(&request, data, length + head.content_length);
    if (parse_request(request.data, &head, &message) == REFUSAL_NONE) {
        check_message(&message, &head, buf_slice(&request));
    }
    return 0;
}
