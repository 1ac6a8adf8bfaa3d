#include "client/client.h"

#include <stdio.h>

#include "client/answer.h"
#include "client/stream.h"

#define READ_SIZE 16384

static p11kms_err where(const client_target *target, client_url *ret)
{
    if (target->socket) {
        *ret = (client_url){ .authority = "localhost" };
        return P11KMS_OK;
    }
    if (!target->url) {
        FAIL(P11KMS_E_CONFIG, "neither a socket nor a URL is given");
    }
    return client_url_parse(target->url, ret);
}

p11kms_err client_host(const client_target *target, char ret[CLIENT_HOST_MAX])
{
    client_url url;

    TRY(where(target, &url));
    memcpy(ret, url.authority, sizeof(url.authority));
    return P11KMS_OK;
}

static p11kms_err send_request(stream_t *stream, const client_url *url, const client_request *request)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    buf_printf(&bytes, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\nConnection: close\r\n", request->method,
               request->path, url->authority, request->body.len);
    buf_put_slice(&bytes, request->headers);
    buf_put_str(&bytes, "\r\n");
    buf_put_slice(&bytes, request->body);
    ENSURE(!buf_failed(&bytes), P11KMS_E_NOMEM);
    return stream_write(stream, buf_slice(&bytes));
}

static p11kms_err read_more(stream_t *stream, buf_t *bytes)
{
    size_t len = 0;
    uint8_t *into = buf_reserve(bytes, READ_SIZE);

    ENSURE(into, P11KMS_E_NOMEM);
    TRY(stream_read(stream, into, READ_SIZE, &len));
    if (len == 0) {
        FAIL(P11KMS_E_IO, "the connection was closed before the answer was whole");
    }
    bytes->len += len;
    return P11KMS_OK;
}

static p11kms_err read_answer(stream_t *stream, client_answer *ret)
{
    _cleanup_buf_ buf_t bytes = { 0 };
    answer_head head = { 0 };

    while (head.head_len == 0) {
        TRY(read_more(stream, &bytes));
        TRY(answer_parse_head(buf_slice(&bytes), &head));
    }
    while (bytes.len < head.head_len + head.content_len) {
        TRY(read_more(stream, &bytes));
    }
    if (bytes.len > head.head_len + head.content_len) {
        FAIL(P11KMS_E_SYNTAX, "the answer is longer than it says");
    }
    buf_consume(&bytes, head.head_len);
    ret->status = head.status;
    ret->body = STEAL(bytes);
    return P11KMS_OK;
}

p11kms_err client_call(const client_target *target, const client_request *request, client_answer *ret)
{
    _cleanup_(stream) stream_t *stream = NULL;
    client_url url;

    TRY(where(target, &url));
    TRY(stream_open(target, &url, &stream));
    TRY(send_request(stream, &url, request));
    return read_answer(stream, ret);
}
