#include "tests/testing.h"

#include "client/answer.h"

static answer_head parsed(const char *text)
{
    answer_head head = { .status = -1 };

    assert_ok(answer_parse_head(SLICE_STR(text), &head));
    return head;
}

static void assert_refused(const char *text, p11kms_err expected)
{
    answer_head head = { .status = -1 };

    assert_err(answer_parse_head(SLICE_STR(text), &head), expected);
    assert_int_equal(head.status, -1);
}

static void test_status_and_length_are_read(void **state)
{
    answer_head head = parsed("HTTP/1.1 404 Not Found\r\nDate: today\r\ncontent-LENGTH: \t12 \r\n\r\nbody");

    (void)state;
    assert_int_equal(head.status, 404);
    assert_int_equal(head.content_len, 12);
    assert_int_equal(head.head_len, strlen("HTTP/1.1 404 Not Found\r\nDate: today\r\ncontent-LENGTH: \t12 \r\n\r\n"));
}

static void test_a_status_needs_no_reason(void **state)
{
    (void)state;
    assert_int_equal(parsed("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").status, 200);
    assert_int_equal(parsed("HTTP/1.0 200 \r\nContent-Length: 0\r\n\r\n").status, 200);
}

static void test_every_cut_of_a_head_is_waited_on(void **state)
{
    const char *whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";

    (void)state;
    for (size_t len = 0; len < strlen(whole); len++) {
        answer_head head;
        assert_ok(answer_parse_head(SLICE(whole, len), &head));
        assert_int_equal(head.head_len, 0);
    }
    assert_int_equal(parsed(whole).head_len, strlen(whole));
}

static void test_what_is_not_http_is_refused(void **state)
{
    (void)state;
    assert_refused("SSH-2.0-OpenSSH\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("\r\n\r\n", P11KMS_E_SYNTAX);
}

static void test_an_answer_without_a_clear_length_is_refused(void **state)
{
    (void)state;
    assert_refused("HTTP/1.1 200 OK\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", P11KMS_E_SYNTAX);
    assert_refused("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", P11KMS_E_SYNTAX);
}

static void test_lengths_are_bounded(void **state)
{
    char head[CLIENT_HEAD_MAX + 2];

    (void)state;
    assert_int_equal(parsed("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n").content_len, CLIENT_BODY_MAX);
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n", P11KMS_E_RANGE);
    assert_refused("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", P11KMS_E_RANGE);
    memset(head, 'x', sizeof(head));
    head[CLIENT_HEAD_MAX + 1] = '\0';
    assert_refused(head, P11KMS_E_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_and_length_are_read),
        cmocka_unit_test(test_a_status_needs_no_reason),
        cmocka_unit_test(test_every_cut_of_a_head_is_waited_on),
        cmocka_unit_test(test_what_is_not_http_is_refused),
        cmocka_unit_test(test_an_answer_without_a_clear_length_is_refused),
        cmocka_unit_test(test_lengths_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
