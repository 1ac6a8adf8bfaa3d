#include "http/refusal.h"

#define BAD(text)                                                                                            \
    {                                                                                                        \
        400, "SerializationException", text                                                                  \
    }

static const refusal_row rows[REFUSAL_COUNT] = {
    [REFUSAL_NONE] = { 500, "InternalServerError", "no reason" },
    [REFUSAL_LINE_END] = BAD("a line does not end in CR LF"),
    [REFUSAL_REQUEST_LINE] = BAD("the request line is malformed"),
    [REFUSAL_METHOD] = BAD("the method is malformed"),
    [REFUSAL_TARGET] = BAD("the request target is not in origin form"),
    [REFUSAL_VERSION] = { 505, "SerializationException", "the HTTP version is not 1.1 or 1.0" },
    [REFUSAL_HEADER] = BAD("a header line is malformed"),
    [REFUSAL_FOLDED] = BAD("a header line is folded"),
    [REFUSAL_HOST] = BAD("there must be one valid Host header"),
    [REFUSAL_LENGTH] = BAD("the Content-Length is malformed or repeated"),
    [REFUSAL_TRANSFER_ENCODING] = { 411, "SerializationException",
                                    "Transfer-Encoding is not accepted: send a Content-Length" },
    [REFUSAL_UPGRADE] = BAD("Upgrade is not accepted"),
    [REFUSAL_EXPECT] = { 417, "SerializationException", "the expectation is not known" },
    [REFUSAL_HEAD_TOO_LARGE] = { 431, "RequestHeaderSectionTooLargeException",
                                 "the request head is too large" },
    [REFUSAL_TOO_MANY_HEADERS] = { 431, "RequestHeaderSectionTooLargeException",
                                   "there are too many headers" },
    [REFUSAL_BODY_TOO_LARGE] = { 413, "RequestEntityTooLargeException", "the request body is too large" },
    [REFUSAL_TIMEOUT] = { 408, "RequestTimeoutException", "the request did not arrive in time" },
    [REFUSAL_BUSY] = { 503, "ServiceUnavailableException", "too many large requests are being received" },
    [REFUSAL_PARSER] = BAD("the request is malformed"),
};

const refusal_row *refusal_get(refusal which)
{
    return &rows[which < REFUSAL_COUNT ? which : REFUSAL_NONE];
}
