#include "config.h"

#include "client/answer.h"

#include <strings.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The length of the head with its empty line; 0 where that has not arrived. */
static size_t head_length(slice_t bytes)
{
    const uint8_t *end = memmem(bytes.data, bytes.len, "\r\n\r\n", 4);

    return end ? (size_t)(end - bytes.data) + 4 : 0;
}

/* "HTTP/1.1 200 ...": whatever stands behind the status is for humans. */
static p11kms_err parse_status(slice_t line, int *ret)
{
    const uint8_t *c = line.data;

    if (line.len < 12 || memcmp(c, "HTTP/1.", 7) != 0 || !is_digit(c[7]) || c[8] != ' ' || !is_digit(c[9]) ||
        !is_digit(c[10]) || !is_digit(c[11]) || (line.len > 12 && c[12] != ' ')) {
        FAIL(P11KMS_E_SYNTAX, "the answer is not HTTP");
    }
    *ret = (c[9] - '0') * 100 + (c[10] - '0') * 10 + (c[11] - '0');
    return P11KMS_OK;
}

static p11kms_err parse_length(slice_t value, size_t *ret)
{
    size_t len = 0;

    if (value.len == 0) {
        FAIL(P11KMS_E_SYNTAX, "the answer's Content-Length is empty");
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.data[i])) {
            FAIL(P11KMS_E_SYNTAX, "the answer's Content-Length is no number");
        }
        len = len * 10 + (size_t)(value.data[i] - '0');
        if (len > CLIENT_BODY_MAX) {
            FAIL(P11KMS_E_RANGE, "the answer is longer than %u bytes", CLIENT_BODY_MAX);
        }
    }
    *ret = len;
    return P11KMS_OK;
}

static bool is_named(slice_t line, const char *name)
{
    size_t len = strlen(name);

    return line.len > len && line.data[len] == ':' && strncasecmp((const char *)line.data, name, len) == 0;
}

static slice_t value_of(slice_t line)
{
    (void)slice_part(&line, ':');
    return slice_trim(line);
}

static p11kms_err parse_header(slice_t line, answer_head *head, bool *has_length)
{
    if (is_named(line, "transfer-encoding")) {
        FAIL(P11KMS_E_SYNTAX, "the answer comes in chunks, which this client does not read");
    }
    if (is_named(line, "content-length")) {
        size_t before = head->content_len;
        TRY(parse_length(value_of(line), &head->content_len));
        if (*has_length && before != head->content_len) {
            FAIL(P11KMS_E_SYNTAX, "the answer tells two lengths");
        }
        *has_length = true;
    }
    return P11KMS_OK;
}

/* The next line, without its end; *head moves behind it. */
static slice_t next_line(slice_t *head)
{
    const uint8_t *end = memmem(head->data, head->len, "\r\n", 2);
    slice_t line = SLICE(head->data, (size_t)(end - head->data));

    *head = SLICE(end + 2, head->len - line.len - 2);
    return line;
}

p11kms_err answer_parse_head(slice_t bytes, answer_head *ret)
{
    answer_head head = { .head_len = bytes.len > 0 ? head_length(bytes) : 0 };
    slice_t rest = SLICE(bytes.data, head.head_len);
    bool has_length = false;

    if (head.head_len > CLIENT_HEAD_MAX || (head.head_len == 0 && bytes.len > CLIENT_HEAD_MAX)) {
        FAIL(P11KMS_E_RANGE, "the head of the answer is longer than %d bytes", CLIENT_HEAD_MAX);
    }
    if (head.head_len > 0) {
        TRY(parse_status(next_line(&rest), &head.status));
        while (rest.len > 2) {
            TRY(parse_header(next_line(&rest), &head, &has_length));
        }
        if (!has_length) {
            FAIL(P11KMS_E_SYNTAX, "the answer does not tell its length");
        }
    }
    *ret = head;
    return P11KMS_OK;
}
