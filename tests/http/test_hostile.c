/*
 * Requests made to be read differently by two programs. Each one must be
 * answered with an error or a closed connection, and what follows it must never
 * be handled: that would be the smuggled request.
 */
#include "tests/testing.h"

#include "tests/http/client.h"
#include "tests/http/server.h"

#define NEXT "POST /smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
#define POST "POST /first HTTP/1.1\r\nHost: a\r\n"
#define ROW(what, status, handled, bytes)                                                                    \
    {                                                                                                        \
        what, status, handled, bytes, sizeof(bytes) - 1                                                      \
    }

static const struct {
    const char *what;
    int status;       /* of the last answer; 0: none */
    unsigned handled; /* requests that were fine, before the hostile one */
    const char *bytes;
    size_t len;
} rows[] = {
    /* two lengths */
    ROW("CL.TE", 411, 0, POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE.CL", 411, 0,
        POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" NEXT "\r\n0\r\n\r\n"),
    ROW("TE.TE, the second obfuscated", 411, 0,
        POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE xchunked", 411, 0, POST "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE with a tab", 411, 0, POST "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE with space before the colon", 400, 0,
        POST "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE with a vertical tab", 400, 0,
        POST "Transfer-Encoding:\x0b"
             "chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE behind a bare LF", 400, 0,
        POST "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE behind a bare CR", 400, 0,
        POST "X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE folded", 411, 0, POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("TE upper case", 411, 0, POST "TRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n" NEXT),
    ROW("CL.CL, different", 400, 0, POST "Content-Length: 0\r\nContent-Length: 50\r\n\r\n" NEXT),
    ROW("CL.CL, same", 400, 0, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" NEXT),
    ROW("CL list", 400, 0, POST "Content-Length: 5, 5\r\n\r\nhello" NEXT),
    ROW("CL folded", 400, 0, POST "Content-Length: 5\r\n 0\r\n\r\n" NEXT),
    ROW("CL 0 GET.0 with a length later", 400, 0,
        "GET /first HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n" NEXT),
    /* odd numbers */
    ROW("CL negative", 400, 0, POST "Content-Length: -1\r\n\r\n" NEXT),
    ROW("CL plus", 400, 0, POST "Content-Length: +5\r\n\r\nhello" NEXT),
    ROW("CL with a space inside", 400, 0, POST "Content-Length: 5 0\r\n\r\nhello" NEXT),
    ROW("CL hexadecimal", 400, 0, POST "Content-Length: 0x5\r\n\r\nhello" NEXT),
    ROW("CL octal", 400, 0, POST "Content-Length: 010\r\n\r\nhello678" NEXT),
    ROW("CL empty", 400, 0, POST "Content-Length: \r\n\r\n" NEXT),
    ROW("CL of 2^64", 413, 0, POST "Content-Length: 18446744073709551616\r\n\r\n" NEXT),
    ROW("CL of 2^64 and 5", 413, 0, POST "Content-Length: 18446744073709551621\r\n\r\nhello" NEXT),
    ROW("CL past the limit", 413, 0, POST "Content-Length: 1048577\r\n\r\n" NEXT),
    ROW("CL with a NUL", 400, 0, POST "Content-Length: 5\0\r\n\r\nhello" NEXT),
    ROW("CL with a digit of another script", 400, 0, POST "Content-Length: \xd9\xa5\r\n\r\nhello" NEXT),
    /* chunks, sound and not */
    ROW("chunked", 411, 0, POST "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" NEXT),
    ROW("chunk size past 64 bits", 411, 0,
        POST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" NEXT),
    ROW("chunk size negative", 411, 0, POST "Transfer-Encoding: chunked\r\n\r\n-1\r\n" NEXT),
    ROW("chunk extension with LF", 411, 0,
        POST "Transfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n" NEXT),
    ROW("gzip, chunked", 411, 0, POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT),
    /* line ends and control characters */
    ROW("bare LF everywhere", 400, 0, "POST /first HTTP/1.1\nHost: a\n\n" NEXT),
    ROW("bare LF ends the head", 400, 0, POST "\n" NEXT),
    ROW("CR CR LF", 400, 0, "POST /first HTTP/1.1\r\nHost: a\r\r\n\r\n" NEXT),
    ROW("NUL in the target", 400, 0, "POST /first\0 HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("NUL in a name", 400, 0, POST "X\0Y: z\r\n\r\n" NEXT),
    ROW("NUL in a value", 400, 0, POST "X: y\0z\r\n\r\n" NEXT),
    ROW("LF in a value", 400, 0, POST "X: y\nContent-Length: 50\r\n\r\n" NEXT),
    ROW("obs-fold", 400, 0, POST "X: y\r\n z\r\n\r\n" NEXT),
    ROW("obs-fold before the first header", 400, 0, "POST /first HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n" NEXT),
    ROW("DEL in a value", 400, 0, POST "X: \x7f\r\n\r\n" NEXT),
    ROW("name with a space", 400, 0, POST "Content Length: 50\r\n\r\n" NEXT),
    ROW("name with a trailing tab", 400, 0, POST "Content-Length\t: 50\r\n\r\n" NEXT),
    ROW("name empty", 400, 0, POST ": y\r\n\r\n" NEXT),
    ROW("no colon", 400, 0, POST "Content-Length 50\r\n\r\n" NEXT),
    ROW("empty line first", 400, 0, "\r\n" POST "\r\n" NEXT),
    /* the request line */
    ROW("HTTP/0.9", 400, 0, "GET /first\r\n\r\n" NEXT),
    ROW("HTTP/2 preface", 400, 0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" NEXT),
    ROW("HTTP/3.0", 505, 0, "GET /first HTTP/3.0\r\nHost: a\r\n\r\n" NEXT),
    ROW("lower-case version", 400, 0, "GET /first http/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("two spaces", 400, 0, "GET  /first HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("tab for a space", 400, 0, "GET\t/first\tHTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("absolute form", 400, 0, "GET http://b/first HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("authority form", 400, 0, "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("asterisk form", 400, 0, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("target with a space", 400, 0, "GET /fir st HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("target with a request in it", 400, 0, "GET /first HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("method of another protocol", 400, 0, "DESCRIBE /first RTSP/1.0\r\nHost: a\r\n\r\n" NEXT),
    ROW("method unknown", 400, 0, "SMUGGLE /first HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    ROW("CONNECT in origin form", 400, 0, "CONNECT /first HTTP/1.1\r\nHost: a\r\n\r\n" NEXT),
    /* Host, Upgrade, Expect */
    ROW("no Host", 400, 0, "GET /first HTTP/1.1\r\n\r\n" NEXT),
    ROW("two Hosts", 400, 0, POST "Host: b\r\n\r\n" NEXT),
    ROW("Host empty", 400, 0, "GET /first HTTP/1.1\r\nHost: \r\n\r\n" NEXT),
    ROW("Host with user information", 400, 0, "GET /first HTTP/1.1\r\nHost: b@a\r\n\r\n" NEXT),
    ROW("Upgrade to HTTP/2", 400, 0, POST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" NEXT),
    ROW("Upgrade to a socket", 400, 0, POST "Upgrade: websocket\r\n\r\n" NEXT),
    ROW("Expect something else", 417, 0, POST "Expect: 103-early\r\nContent-Length: 2\r\n\r\nhi" NEXT),
    /* other protocols, and garbage behind a sound request */
    ROW("TLS to a plain port", 400, 0, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n\r\n" NEXT),
    ROW("garbage behind a request", 400, 1, POST "Content-Length: 2\r\n\r\nhi\0\0\0\r\n\r\n" NEXT),
    ROW("a body longer than its length", 400, 1, POST "Content-Length: 2\r\n\r\nhi there\r\n\r\n" NEXT),
    ROW("CR LF behind a body", 400, 1, POST "Content-Length: 2\r\n\r\nhi\r\n" NEXT),
    ROW("hostile request behind two sound ones", 411, 2,
        POST "\r\n" POST "\r\n" POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT),
    ROW("a request behind Connection: close", 200, 1, POST "Connection: close\r\n\r\n" NEXT),
    ROW("a request behind HTTP/1.0", 200, 1, "GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" NEXT),
};

static server_t server;

static int start(void **state)
{
    (void)state;
    server_init(&server);
    server_start(&server);
    return 0;
}

static int end(void **state)
{
    (void)state;
    server_end(&server);
    return 0;
}

static int last_status(buf_t *all, unsigned *ret_answers)
{
    int status = 0;

    *ret_answers = 0;
    for (const char *at = buf_str(all); (at = strstr(at, "HTTP/1.1 ")) != NULL; at += 9) {
        status = (int)strtol(at + 9, NULL, 10);
        ++*ret_answers;
    }
    return status;
}

/* @p step: how many bytes go in one write; 0: all. */
static void run_row(size_t i, size_t step)
{
    _cleanup_buf_ buf_t all = { 0 };
    unsigned before = atomic_load(&server.handled), answers = 0;
    slice_t rest = SLICE(rows[i].bytes, rows[i].len);
    client_t client;
    int status;

    client_connect(&client, server.port);
    while (rest.len > 0) {
        size_t n = step == 0 || step > rest.len ? rest.len : step;

        /* the server may have closed in the middle: that is as good as an answer */
        if (!client_send(&client, SLICE(rest.data, n))) {
            break;
        }
        rest = SLICE(rest.data + n, rest.len - n);
    }
    if (!client_until_end(&client, &all)) {
        fail_msg("%s: the connection stays open", rows[i].what);
    }
    status = last_status(&all, &answers);
    if (status != rows[i].status) {
        fail_msg("%s: status %d, expected %d", rows[i].what, status, rows[i].status);
    }
    if (atomic_load(&server.handled) - before != rows[i].handled ||
        strcmp(server.last_path, "/smuggled") == 0) {
        fail_msg("%s: %u requests were handled, the last %s", rows[i].what,
                 atomic_load(&server.handled) - before, server.last_path);
    }
    assert_int_equal(answers, rows[i].handled + (rows[i].status == 200 ? 0 : 1));
    client_close(&client);
}

static void test_no_hostile_request_smuggles_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        run_row(i, 0);
    }
}

static void test_no_hostile_request_smuggles_another_when_it_comes_in_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        run_row(i, 7);
    }
}

static void test_head_past_the_limit_is_refused(void **state)
{
    _cleanup_buf_ buf_t request = { 0 }, answer = { 0 };
    client_t client;

    (void)state;
    buf_put_str(&request, POST);
    while (request.len < HTTP_HEAD_MAX * 2) {
        buf_put_str(&request, "X-Filler: ffffffffffffffffffffffffffffffffffffffffff\r\n");
    }
    client_connect(&client, server.port);
    assert_true(client_send(&client, buf_slice(&request)));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 431);
    client_close(&client);
}

static void test_too_many_headers_are_refused(void **state)
{
    _cleanup_buf_ buf_t request = { 0 }, answer = { 0 };
    client_t client;

    (void)state;
    buf_put_str(&request, POST);
    for (int i = 0; i < MESSAGE_HEADERS_MAX; i++) {
        buf_put_str(&request, "X: y\r\n");
    }
    buf_put_str(&request, "\r\n" NEXT);
    client_connect(&client, server.port);
    assert_true(client_send(&client, buf_slice(&request)));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 431);
    client_close(&client);
}

static void test_refusal_reads_like_an_answer_of_the_service(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    unsigned refused = atomic_load(&server.refused);
    client_t client;

    (void)state;
    client_connect(&client, server.port);
    assert_true(client_send_text(&client, POST "Content-Length: 1048577\r\n\r\n"));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 413);
    assert_non_null(strstr(buf_str(&answer), "\r\nConnection: close\r\n"));
    assert_non_null(strstr(buf_str(&answer), "\r\nDate: "));
    assert_non_null(strstr(buf_str(&answer), "\r\nx-amzn-RequestId: "));
    assert_non_null(strstr(buf_str(&answer), "\r\nX-Amzn-ErrorType: RequestEntityTooLargeException\r\n"));
    assert_string_equal(
        client_body(&answer),
        "{\"__type\":\"RequestEntityTooLargeException\",\"message\":\"the request body is too large\"}");
    assert_int_equal(atomic_load(&server.refused), refused + 1);
    assert_int_equal(atomic_load(&server.last_status), 413);
    assert_string_equal(server.last_reason, "the request body is too large");
    client_close(&client);
}

static void test_refusal_is_read_whole_by_a_client_that_is_still_sending(void **state)
{
    _cleanup_buf_ buf_t body = { 0 }, answer = { 0 };
    client_t client;

    (void)state;
    memset(buf_reserve(&body, 600000), 'b', 600000);
    body.len = 600000;
    client_connect(&client, server.port);
    assert_true(client_send_text(&client, POST "Content-Length: 2000000\r\n\r\n"));
    assert_true(client_send(&client, buf_slice(&body)));
    assert_true(client_answer(&client, &answer));
    assert_int_equal(client_status(&answer), 413);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_hostile_request_smuggles_another),
        cmocka_unit_test(test_no_hostile_request_smuggles_another_when_it_comes_in_pieces),
        cmocka_unit_test(test_head_past_the_limit_is_refused),
        cmocka_unit_test(test_too_many_headers_are_refused),
        cmocka_unit_test(test_refusal_reads_like_an_answer_of_the_service),
        cmocka_unit_test(test_refusal_is_read_whole_by_a_client_that_is_still_sending),
    };

    return cmocka_run_group_tests(tests, start, end);
}
