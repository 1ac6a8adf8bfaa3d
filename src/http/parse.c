#include "http/parse.h"

#include <llhttp.h>

typedef struct {
    message_t *message;
    slice_t target;
    bool complete;
} parsing;

/* A span may come in several calls; they follow each other in memory, since the request is in one piece. */
static void extend(slice_t *span, const char *at, size_t len)
{
    *span = span->data == NULL ? SLICE(at, len) : SLICE(span->data, span->len + len);
}

static int on_method(llhttp_t *parser, const char *at, size_t len)
{
    extend(&((parsing *)parser->data)->message->method, at, len);
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    extend(&((parsing *)parser->data)->target, at, len);
    return 0;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    message_t *message = ((parsing *)parser->data)->message;

    if (message->n_headers == MESSAGE_HEADERS_MAX) {
        return -1;
    }
    extend(&message->headers[message->n_headers].name, at, len);
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    message_t *message = ((parsing *)parser->data)->message;

    if (message->n_headers == MESSAGE_HEADERS_MAX) {
        return -1;
    }
    extend(&message->headers[message->n_headers].value, at, len);
    return 0;
}

static int on_header_value_complete(llhttp_t *parser)
{
    message_t *message = ((parsing *)parser->data)->message;

    if (++message->n_headers < MESSAGE_HEADERS_MAX) {
        message->headers[message->n_headers] = (header_t){ 0 };
    }
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    extend(&((parsing *)parser->data)->message->body, at, len);
    return 0;
}

static int on_message_complete(llhttp_t *parser)
{
    ((parsing *)parser->data)->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void tidy_header(uint8_t *request, header_t *header)
{
    uint8_t *name = request + (header->name.data - request);
    slice_t *value = &header->value;

    for (size_t i = 0; i < header->name.len; i++) {
        name[i] = (uint8_t)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    }
    if (value->data == NULL) {
        *value = SLICE(name + header->name.len, 0); /* present, though empty: data != NULL */
    }
    *value = slice_trim(*value);
}

static void split_target(slice_t target, message_t *message)
{
    const uint8_t *mark = memchr(target.data, '?', target.len);
    size_t path_len = mark != NULL ? (size_t)(mark - target.data) : target.len;

    message->path = SLICE(target.data, path_len);
    message->query = mark != NULL ? SLICE(mark + 1, target.len - path_len - 1) : SLICE(NULL, 0);
}

refusal parse_request(uint8_t *request, const guard_head *head, message_t *ret)
{
    size_t total = head->length + head->content_length;
    parsing state = { .message = ret };
    llhttp_t parser;
    llhttp_errno_t result;

    ret->method = ret->path = ret->query = ret->body = SLICE(NULL, 0);
    ret->n_headers = 0;
    ret->headers[0] = (header_t){ 0 };
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &state;
    result = llhttp_execute(&parser, (const char *)request, total);
    if (result != HPE_PAUSED || !state.complete || parser.upgrade != 0 ||
        llhttp_get_error_pos(&parser) != (const char *)request + total) {
        return REFUSAL_PARSER;
    }
    if (ret->n_headers != head->n_headers || ret->body.len != head->content_length || state.target.len == 0) {
        return REFUSAL_PARSER;
    }
    split_target(state.target, ret);
    for (size_t i = 0; i < ret->n_headers; i++) {
        tidy_header(request, &ret->headers[i]);
    }
    return REFUSAL_NONE;
}
