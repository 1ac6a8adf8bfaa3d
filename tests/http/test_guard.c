#include "tests/testing.h"

#include <stdio.h>

#include "http/http.h"
#include "http/parse.h"

/* Head and verdict as one step: what a connection does with bytes that came all at once. */
static refusal judge(slice_t bytes, guard_head *ret)
{
    size_t seen = 0, length = 0;
    refusal verdict = guard_find_end(bytes, &seen, &length);

    *ret = (guard_head){ 0 };
    if (verdict == REFUSAL_NONE && length > 0) {
        verdict = guard_check(SLICE(bytes.data, length), ret);
    }
    return verdict;
}

#define HEAD(lines) "POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n"

typedef struct {
    refusal verdict;
    const char *head;
} row;

static const row rows[] = {
    /* the request line */
    { REFUSAL_NONE, "POST / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_NONE, "POST /a/b%20c?x=1&y=(2) HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "\r\nPOST / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "POST /\r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "POST / HTTP/1.1 \r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "POST / FTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "POST / http/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "POST  / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_METHOD, " POST / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_METHOD, "PO(ST / HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "POST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "POST /a#b HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "POST /\x01 HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "POST /\t HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_TARGET, "POST /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n" },
    { REFUSAL_VERSION, "POST / HTTP/2.0\r\nHost: a\r\n\r\n" },
    { REFUSAL_VERSION, "POST / HTTP/1.2\r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "POST / HTTP/1.10\r\nHost: a\r\n\r\n" },
    { REFUSAL_REQUEST_LINE, "POST / HTTP/01.1\r\nHost: a\r\n\r\n" },
    /* line ends */
    { REFUSAL_LINE_END, "POST / HTTP/1.1\nHost: a\n\n" },
    { REFUSAL_LINE_END, "POST / HTTP/1.1\r\nHost: a\n\r\n" },
    { REFUSAL_LINE_END, "POST / HTTP/1.1\r\nHost: a\r\n\n" },
    { REFUSAL_HEADER, HEAD("X: a\rY: b\r\n") },
    { REFUSAL_HEADER, HEAD("X: a\r\r\n") },
    { REFUSAL_REQUEST_LINE, "POST / HTTP/1.1\r\r\nHost: a\r\n\r\n" },
    /* header lines */
    { REFUSAL_NONE, HEAD("X: \xc3\xa9\ta\r\n") },
    { REFUSAL_NONE, HEAD("X:\r\n") },
    { REFUSAL_HEADER, HEAD("X : a\r\n") },
    { REFUSAL_HEADER, HEAD("X\t: a\r\n") },
    { REFUSAL_HEADER, HEAD("X Y: a\r\n") },
    { REFUSAL_HEADER, HEAD(": a\r\n") },
    { REFUSAL_HEADER, HEAD("novalue\r\n") },
    { REFUSAL_HEADER, HEAD("X: a\x01\r\n") },
    { REFUSAL_HEADER, HEAD("X: a\x7f\r\n") },
    { REFUSAL_HEADER, HEAD("X\xc3\xa9: a\r\n") },
    { REFUSAL_HEADER, HEAD("X(: a\r\n") },
    { REFUSAL_FOLDED, HEAD("X: a\r\n b\r\n") },
    { REFUSAL_FOLDED, HEAD("X: a\r\n\tb\r\n") },
    { REFUSAL_FOLDED, "POST / HTTP/1.1\r\n Host: a\r\n\r\n" },
    { REFUSAL_UPGRADE, HEAD("Upgrade: h2c\r\n") },
    { REFUSAL_NONE, HEAD("Expect: 100-Continue\r\n") },
    { REFUSAL_EXPECT, HEAD("Expect: 200-ok\r\n") },
    { REFUSAL_EXPECT, HEAD("Expect: 100-continue, x\r\n") },
    /* Host */
    { REFUSAL_HOST, "POST / HTTP/1.1\r\n\r\n" },
    { REFUSAL_NONE, "POST / HTTP/1.0\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n" },
    { REFUSAL_HOST, HEAD("Host: a\r\n") },
    { REFUSAL_HOST, HEAD("host: b\r\n") },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost:\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: a b\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: a,b\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: a/b\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: u@a\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: a:8x\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: a:1:2\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: :80\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: [::1\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: []\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: [::1]8\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: [xyz]\r\n\r\n" },
    { REFUSAL_HOST, "POST / HTTP/1.1\r\nHost: a[::1]\r\n\r\n" },
    { REFUSAL_NONE, "POST / HTTP/1.1\r\nHost: [::1]\r\n\r\n" },
    { REFUSAL_NONE, "POST / HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n" },
    { REFUSAL_NONE, "POST / HTTP/1.1\r\nHost: kms.eu-west-1.example:8443 \r\n\r\n" },
    { REFUSAL_NONE, "POST / HTTP/1.1\r\nHost: a:\r\n\r\n" },
    /* Content-Length and Transfer-Encoding */
    { REFUSAL_NONE, HEAD("Content-Length: 0\r\n") },
    { REFUSAL_NONE, HEAD("Content-Length:10\r\n") },
    { REFUSAL_NONE, HEAD("Content-Length: 1048576\r\n") },
    { REFUSAL_BODY_TOO_LARGE, HEAD("Content-Length: 1048577\r\n") },
    { REFUSAL_BODY_TOO_LARGE, HEAD("Content-Length: 18446744073709551617\r\n") },
    { REFUSAL_BODY_TOO_LARGE, HEAD("Content-Length: 99999999999999999999999999999999999999999\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length:\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: -1\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: +5\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 05\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 0x5\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 5 5\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 5, 5\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 5.0\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: five\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 5\r\nContent-Length: 5\r\n") },
    { REFUSAL_LENGTH, HEAD("Content-Length: 5\r\ncontent-length: 6\r\n") },
    { REFUSAL_TRANSFER_ENCODING, HEAD("Transfer-Encoding: chunked\r\n") },
    { REFUSAL_TRANSFER_ENCODING, HEAD("transfer-encoding: identity\r\n") },
    { REFUSAL_TRANSFER_ENCODING, HEAD("Transfer-Encoding:\r\n") },
    { REFUSAL_TRANSFER_ENCODING, HEAD("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") },
    { REFUSAL_TRANSFER_ENCODING, HEAD("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n") },
};

static void test_every_head_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        guard_head head;
        refusal verdict = judge(SLICE_STR(rows[i].head), &head);

        if (verdict != rows[i].verdict) {
            fail_msg("row %zu: verdict %d, expected %d: %s", i, verdict, rows[i].verdict, rows[i].head);
        }
    }
}

static void test_no_control_character_passes_anywhere(void **state)
{
    static const char *const around[][2] = {
        { "POST", " / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { "POST /", " HTTP/1.1\r\nHost: a\r\n\r\n" },
        { "POST / HTTP/1.1", "\r\nHost: a\r\n\r\n" },
        { "POST / HTTP/1.1\r\nX", ": a\r\nHost: a\r\n\r\n" },
        { "POST / HTTP/1.1\r\nX: a", "b\r\nHost: a\r\n\r\n" },
        { "POST / HTTP/1.1\r\nHost: a", "b\r\n\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(around); i++) {
        for (int c = 0; c < 0x20; c++) {
            _cleanup_buf_ buf_t bytes = { 0 };
            guard_head head;

            buf_put_str(&bytes, around[i][0]);
            buf_put_char(&bytes, (char)c);
            buf_put_str(&bytes, around[i][1]);
            if (c == '\t' && i == 4) {
                assert_int_equal(judge(buf_slice(&bytes), &head), REFUSAL_NONE);
            } else {
                assert_int_not_equal(judge(buf_slice(&bytes), &head), REFUSAL_NONE);
            }
        }
    }
}

/* Character by character against the sets as RFC 9110 and RFC 3986 write them. */
static void test_character_classes_are_those_of_the_rfcs(void **state)
{
    static const char token[] = "!#$%&'*+-.^_`|~";
    static const char target[] = "-._~!$&'()*+,;=:@/?%";

    (void)state;
    for (int c = 0x21; c < 0x100; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        char bytes[128];
        guard_head head;

        if (c == ':') {
            continue; /* ends the name */
        }
        snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: a\r\nX%cY: v\r\n\r\n", c);
        assert_int_equal(judge(SLICE_STR(bytes), &head) == REFUSAL_NONE, alnum || strchr(token, c) != NULL);
        snprintf(bytes, sizeof(bytes), "GET /%c HTTP/1.1\r\nHost: a\r\n\r\n", c);
        assert_int_equal(judge(SLICE_STR(bytes), &head) == REFUSAL_NONE, alnum || strchr(target, c) != NULL);
    }
}

static void test_head_may_arrive_byte_by_byte(void **state)
{
    static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nrest";
    size_t seen = 0, length = 0;

    (void)state;
    for (size_t n = 1; n < sizeof(text) - 5; n++) {
        assert_int_equal(guard_find_end(SLICE(text, n), &seen, &length), REFUSAL_NONE);
        assert_int_equal(length, 0);
    }
    assert_int_equal(guard_find_end(SLICE(text, sizeof(text) - 1), &seen, &length), REFUSAL_NONE);
    assert_int_equal(length, sizeof(text) - 5);
}

static void put_filler(buf_t *buf, size_t total, size_t per_line)
{
    buf_put_str(buf, "POST / HTTP/1.1\r\nHost: a\r\n");
    while (buf->len + 2 < total) {
        size_t left = total - 2 - buf->len;
        size_t line = left < per_line + 20 ? left : per_line;

        buf_put_str(buf, "X: ");
        for (size_t i = 0; i < line - 5; i++) {
            buf_put_char(buf, 'v');
        }
        buf_put_str(buf, "\r\n");
    }
    buf_put_str(buf, "\r\n");
}

static void test_head_of_exactly_the_limit_passes_and_one_more_byte_does_not(void **state)
{
    guard_head head;

    (void)state;
    for (size_t over = 0; over < 2; over++) {
        _cleanup_buf_ buf_t bytes = { 0 };

        put_filler(&bytes, HTTP_HEAD_MAX + over, 1000);
        assert_int_equal(bytes.len, HTTP_HEAD_MAX + over);
        assert_int_equal(judge(buf_slice(&bytes), &head), over == 0 ? REFUSAL_NONE : REFUSAL_HEAD_TOO_LARGE);
    }
}

static void test_one_endless_line_is_refused_at_the_limit(void **state)
{
    _cleanup_buf_ buf_t bytes = { 0 };
    guard_head head;

    (void)state;
    for (size_t i = 0; i < HTTP_HEAD_MAX; i++) {
        buf_put_char(&bytes, 'a');
    }
    assert_int_equal(judge(SLICE(bytes.data, HTTP_HEAD_MAX - 1), &head), REFUSAL_NONE);
    assert_int_equal(judge(buf_slice(&bytes), &head), REFUSAL_HEAD_TOO_LARGE);
}

static void test_one_header_too_many_is_refused(void **state)
{
    guard_head head;

    (void)state;
    for (unsigned n = MESSAGE_HEADERS_MAX; n <= MESSAGE_HEADERS_MAX + 1; n++) {
        _cleanup_buf_ buf_t bytes = { 0 };

        buf_put_str(&bytes, "POST / HTTP/1.1\r\nHost: a\r\n");
        for (unsigned i = 1; i < n; i++) {
            buf_put_str(&bytes, "X: y\r\n");
        }
        buf_put_str(&bytes, "\r\n");
        assert_int_equal(judge(buf_slice(&bytes), &head),
                         n == MESSAGE_HEADERS_MAX ? REFUSAL_NONE : REFUSAL_TOO_MANY_HEADERS);
    }
}

static void test_what_decides_the_connection_is_read(void **state)
{
    guard_head head;

    (void)state;
    assert_int_equal(judge(SLICE_LIT(HEAD("Content-Length: 123\r\nExpect: 100-continue\r\n")), &head),
                     REFUSAL_NONE);
    assert_int_equal(head.content_length, 123);
    assert_int_equal(head.n_headers, 3);
    assert_true(head.continues);
    assert_false(head.close);
    assert_false(head.is_head);
    assert_int_equal(judge(SLICE_LIT(HEAD("Connection: TE, Close , x\r\n")), &head), REFUSAL_NONE);
    assert_true(head.close);
    assert_int_equal(judge(SLICE_LIT(HEAD("Connection: keep-alive, closed\r\n")), &head), REFUSAL_NONE);
    assert_false(head.close);
    assert_int_equal(judge(SLICE_LIT("HEAD / HTTP/1.0\r\n\r\n"), &head), REFUSAL_NONE);
    assert_true(head.close);
    assert_true(head.is_head);
    assert_true(head.http_1_0);
}

/* ---- behind the guard ---- */

static refusal parse(char *text, message_t *message)
{
    guard_head head;
    refusal verdict = judge(SLICE_STR(text), &head);

    assert_int_equal(verdict, REFUSAL_NONE);
    assert_int_equal(head.length + head.content_length, strlen(text));
    return parse_request((uint8_t *)text, &head, message);
}

static void test_message_is_views_into_the_request(void **state)
{
    char text[] =
        "POST /a/b?c=d&e HTTP/1.1\r\nHOST: Example\r\nX-Amz-Target:\t TrentService.Encrypt \t\r\nEmpty:\r\n"
        "Content-Length: 5\r\n\r\nhello";
    message_t message;

    (void)state;
    assert_int_equal(parse(text, &message), REFUSAL_NONE);
    assert_slice_text(message.method, "POST");
    assert_slice_text(message.path, "/a/b");
    assert_slice_text(message.query, "c=d&e");
    assert_slice_text(message.body, "hello");
    assert_int_equal(message.n_headers, 4);
    assert_slice_text(message.headers[0].name, "host");
    assert_slice_text(message.headers[0].value, "Example");
    assert_slice_text(message_header(&message, "x-amz-target"), "TrentService.Encrypt");
    assert_slice_text(message_header(&message, "empty"), "");
    assert_non_null(message_header(&message, "empty").data);
    assert_null(message_header(&message, "absent").data);
    assert_ptr_equal(message.body.data, text + strlen(text) - 5);
}

static void test_message_without_query_and_body_has_empty_views(void **state)
{
    char text[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    message_t message;

    (void)state;
    assert_int_equal(parse(text, &message), REFUSAL_NONE);
    assert_slice_text(message.path, "/healthz");
    assert_null(message.query.data);
    assert_int_equal(message.body.len, 0);
}

static void test_message_with_the_most_headers_is_whole(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    message_t message;
    char name[16];

    (void)state;
    buf_put_str(&text, "POST / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 1; i < MESSAGE_HEADERS_MAX; i++) {
        buf_printf(&text, "H%d: v%d\r\n", i, i);
    }
    buf_put_str(&text, "\r\n");
    assert_int_equal(parse((char *)text.data, &message), REFUSAL_NONE);
    assert_int_equal(message.n_headers, MESSAGE_HEADERS_MAX);
    for (int i = 1; i < MESSAGE_HEADERS_MAX; i++) {
        snprintf(name, sizeof(name), "v%d", i);
        assert_slice_text(message.headers[i].value, name);
    }
}

static void test_method_unknown_to_the_parser_is_refused(void **state)
{
    char text[] = "FROBNICATE / HTTP/1.1\r\nHost: a\r\n\r\n";
    message_t message;

    (void)state;
    assert_int_equal(parse(text, &message), REFUSAL_PARSER);
}

static void test_body_is_never_read_as_a_head(void **state)
{
    char text[] =
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n..";
    message_t message;

    (void)state;

    assert_int_equal(parse(text, &message), REFUSAL_NONE);
    assert_slice_text(message.path, "/");
    assert_int_equal(message.body.len, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_head_gets_its_verdict),
        cmocka_unit_test(test_no_control_character_passes_anywhere),
        cmocka_unit_test(test_character_classes_are_those_of_the_rfcs),
        cmocka_unit_test(test_head_may_arrive_byte_by_byte),
        cmocka_unit_test(test_head_of_exactly_the_limit_passes_and_one_more_byte_does_not),
        cmocka_unit_test(test_one_endless_line_is_refused_at_the_limit),
        cmocka_unit_test(test_one_header_too_many_is_refused),
        cmocka_unit_test(test_what_decides_the_connection_is_read),
        cmocka_unit_test(test_message_is_views_into_the_request),
        cmocka_unit_test(test_message_without_query_and_body_has_empty_views),
        cmocka_unit_test(test_message_with_the_most_headers_is_whole),
        cmocka_unit_test(test_method_unknown_to_the_parser_is_refused),
        cmocka_unit_test(test_body_is_never_read_as_a_head),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
