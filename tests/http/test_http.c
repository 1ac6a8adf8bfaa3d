/* Sound requests over plain HTTP and Unix sockets: order, reuse, large bodies, answers that come later. */
#include "tests/testing.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fakes/scratch.h"
#include "tests/http/client.h"
#include "tests/http/server.h"

#define HOST "Host: localhost\r\n"

static server_t server;
static client_t client;

static int prepare(void **state)
{
    (void)state;
    server_init(&server);
    client = (client_t){ .fd = -1 };
    return 0;
}

static int finish(void **state)
{
    (void)state;
    client_close(&client);
    server_end(&server);
    return 0;
}

static void start(void)
{
    server_start(&server);
    client_connect(&client, server.port);
}

static void expect_body(const char *body)
{
    _cleanup_buf_ buf_t answer = { 0 };

    assert_true(client_answer(&client, &answer));
    assert_int_equal(client_status(&answer), 200);
    assert_string_equal(client_body(&answer), body);
}

static void test_connection_serves_one_request_after_another(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 20; i++) {
        assert_true(client_send_text(&client, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"));
        expect_body("POST /x hello");
    }
    assert_int_equal(server_stats(&server).accepted, 1);
    assert_int_equal(server_stats(&server).requests, 20);
}

static void test_answer_has_the_heads_it_must_have(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.answer_headers = SLICE_LIT("x-amzn-RequestId: 1\r\nContent-Type: application/x-amz-json-1.1\r\n");
    start();
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    assert_true(client_answer(&client, &answer));
    assert_int_equal(strncmp(buf_str(&answer), "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(buf_str(&answer), " GMT\r\n"));
    assert_non_null(strstr(buf_str(&answer), "\r\nContent-Length: 6\r\n"));
    assert_non_null(strstr(buf_str(&answer), "\r\nx-amzn-RequestId: 1\r\n"));
    assert_null(strstr(buf_str(&answer), "Connection:"));
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    _cleanup_buf_ buf_t requests = { 0 };
    char body[32];

    (void)state;
    start();
    for (int i = 0; i < 300; i++) {
        buf_printf(&requests, "POST /%d HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\n%03d", i, i);
    }
    assert_true(client_send(&client, buf_slice(&requests)));
    for (int i = 0; i < 300; i++) {
        snprintf(body, sizeof(body), "POST /%d %03d", i, i);
        expect_body(body);
    }
}

static void test_pipelined_requests_wait_for_an_answer_that_comes_later(void **state)
{
    (void)state;
    server.keep = true;
    start();
    assert_true(client_send_text(&client, "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n"));
    server_wait_handled(&server, 1);
    assert_true(client_send_text(&client, "GET /3 HTTP/1.1\r\n" HOST "\r\n"));
    for (unsigned i = 1; i <= 3; i++) {
        char body[16];

        server_wait_handled(&server, i);
        assert_int_equal(atomic_load(&server.handled), i); /* one at a time */
        server_answer_kept(&server);
        snprintf(body, sizeof(body), "GET /%u ", i);
        expect_body(body);
    }
}

static void test_request_may_arrive_byte_by_byte(void **state)
{
    static const char text[] = "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc";

    (void)state;
    start();
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        assert_true(client_send(&client, SLICE(text + i, 1)));
    }
    expect_body("POST /slow abc");
}

static void send_large(size_t len)
{
    _cleanup_buf_ buf_t request = { 0 };

    buf_printf(&request, "POST / HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n", len);
    memset(buf_reserve(&request, len), 'z', len);
    request.len += len;
    assert_true(client_send(&client, buf_slice(&request)));
}

static void test_largest_body_arrives_whole(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    start();
    send_large(HTTP_BODY_MAX);
    assert_true(client_answer(&client, &answer));
    assert_int_equal(strlen(client_body(&answer)), strlen("POST / ") + HTTP_BODY_MAX);
    assert_int_equal(strspn(client_body(&answer) + 7, "z"), HTTP_BODY_MAX);
}

static void test_large_answer_is_continued_when_the_client_reads_late(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.big = 8u << 20;
    start();
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n" HOST "\r\n"));
    server_wait_handled(&server, 1);
    for (int i = 0; i < 2; i++) {
        assert_true(client_answer(&client, &answer));
        assert_int_equal(strspn(client_body(&answer), "x"), 8u << 20);
    }
}

static void test_continue_is_said_before_a_body_that_waits_for_it(void **state)
{
    static const char expected[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char got[sizeof(expected)] = { 0 };

    (void)state;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    assert_int_equal(recv(client.fd, got, sizeof(got) - 1, MSG_WAITALL), sizeof(got) - 1);
    assert_string_equal(got, expected);
    assert_true(client_send_text(&client, "hi"));
    expect_body("POST / hi");
}

static void test_continue_is_not_said_when_the_body_is_there_already(void **state)
{
    (void)state;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"));
    expect_body("POST / hi");
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n"));
    expect_body("POST / ");
}

static void test_continue_is_not_said_when_the_body_has_begun(void **state)
{
    (void)state;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nh"));
    usleep(50000);
    assert_true(client_send_text(&client, "i"));
    expect_body("POST / hi");
}

static void test_refusal_comes_instead_of_continue(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 413);
}

static void test_head_request_is_answered_without_a_body(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    start();
    assert_true(client_send_text(&client, "HEAD /h HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"));
    assert_true(client_until_end(&client, &answer));
    assert_non_null(strstr(buf_str(&answer), "Content-Length: 8\r\n"));
    assert_string_equal(client_body(&answer), "");
}

static void test_close_is_honoured_and_announced(void **state)
{
    static const char *const requests[] = { "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
                                            "GET / HTTP/1.0\r\n\r\n" };

    (void)state;
    server_start(&server);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        _cleanup_buf_ buf_t answer = { 0 };

        client_connect(&client, server.port);
        assert_true(client_send_text(&client, requests[i]));
        assert_true(client_until_end(&client, &answer));
        assert_int_equal(client_status(&answer), 200);
        assert_non_null(strstr(buf_str(&answer), "\r\nConnection: close\r\n"));
        client_close(&client);
    }
    server_wait_open(&server, 0);
}

static void test_half_closed_client_still_gets_its_answer(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.keep = true;
    start();
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    shutdown(client.fd, SHUT_WR);
    server_wait_handled(&server, 1);
    server_answer_kept(&server);
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 200);
}

static void test_exchange_outlives_the_client(void **state)
{
    struct linger reset = { .l_onoff = 1 };

    (void)state;
    server.keep = true;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"));
    server_wait_handled(&server, 1);
    setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    client_close(&client);
    server_wait_open(&server, 0);
    assert_slice_text(server_kept_body(&server), "hello");
    server_answer_kept(&server);
}

static void test_answer_to_a_client_that_left_is_dropped(void **state)
{
    (void)state;
    server.keep = true;
    server.big = 4u << 20;
    start();
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    server_wait_handled(&server, 1);
    client_close(&client);
    server_answer_kept(&server);
    server_wait_open(&server, 0);
}

static void test_many_connections_are_served_side_by_side(void **state)
{
    client_t clients[100];

    (void)state;
    server_start(&server);
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_connect(&clients[i], server.port);
        assert_true(client_send_text(&clients[i], "GET /a HTTP/1.1\r\n" HOST "\r\n"));
    }
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        _cleanup_buf_ buf_t answer = { 0 };

        assert_true(client_answer(&clients[i], &answer));
        assert_string_equal(client_body(&answer), "GET /a ");
        client_close(&clients[i]);
    }
}

static void test_peer_of_a_tcp_connection_is_its_address(void **state)
{
    (void)state;
    start();
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    expect_body("GET / ");
    assert_int_equal(server.peer.kind, PEER_TCP);
    assert_string_equal(server.peer.address, "127.0.0.1");
    assert_false(server.peer.tls);
    assert_false(server.peer.has_certificate);
}

static void test_address_mapped_into_ipv6_is_written_as_ipv4(void **state)
{
    (void)state;
    server.listen.host = "::";
    start();
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    expect_body("GET / ");
    assert_string_equal(server.peer.address, "127.0.0.1");
}

/* ---- Unix sockets ---- */

static const char *unix_path(void)
{
    return scratch_path(scratch_folder(), "socket");
}

static void test_peer_of_a_unix_connection_is_its_process(void **state)
{
    struct stat st;

    (void)state;
    server.listen = (conf_listen){ .kind = LISTEN_UNIX, .path = unix_path(), .mode = 0640 };
    server_start(&server);
    assert_int_equal(stat(server.listen.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    client_connect_unix(&client, server.listen.path);
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    expect_body("GET / ");
    assert_int_equal(server.peer.kind, PEER_UNIX);
    assert_string_equal(server.peer.address, "unix");
    assert_int_equal(server.peer.pid, getpid());
    assert_int_equal(server.peer.uid, getuid());
    assert_int_equal(server.peer.gid, getgid());
}

/** What a process leaves behind that binds @p path and dies; or, with @p lives, one that is still there. */
static int make_socket(const char *path, bool lives)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (lives) {
        assert_int_equal(listen(fd, 1), 0);
        return fd;
    }
    close(fd);
    return -1;
}

static void test_left_over_socket_is_replaced(void **state)
{
    (void)state;
    server.listen = (conf_listen){ .kind = LISTEN_UNIX, .path = unix_path(), .mode = 0666 };
    make_socket(server.listen.path, false);
    server_start(&server);
    client_connect_unix(&client, server.listen.path);
    assert_true(client_send_text(&client, "GET / HTTP/1.1\r\n" HOST "\r\n"));
    expect_body("GET / ");
}

static void test_socket_of_a_live_process_is_left_alone(void **state)
{
    struct stat st;
    int fd;

    (void)state;
    server.listen = (conf_listen){ .kind = LISTEN_UNIX, .path = unix_path(), .mode = 0666 };
    fd = make_socket(server.listen.path, true);
    assert_err(server_try(&server), P11KMS_E_IO);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_IO), "another process"));
    assert_int_equal(stat(server.listen.path, &st), 0);
    close(fd);
}

static void test_file_that_is_no_socket_is_left_alone(void **state)
{
    struct stat st;

    (void)state;
    server.listen = (conf_listen){ .kind = LISTEN_UNIX, .path = unix_path(), .mode = 0666 };
    fclose(fopen(server.listen.path, "w"));
    assert_err(server_try(&server), P11KMS_E_IO);
    assert_int_equal(stat(server.listen.path, &st), 0);
}

static void test_socket_is_removed_at_the_end_unless_it_is_anothers(void **state)
{
    (void)state;
    for (int another = 0; another < 2; another++) {
        server_init(&server);
        server.listen = (conf_listen){ .kind = LISTEN_UNIX, .path = unix_path(), .mode = 0666 };
        server_start(&server);
        if (another) {
            unlink(server.listen.path);
            close(make_socket(server.listen.path, true));
        }
        server_end(&server);
        assert_int_equal(access(server.listen.path, F_OK), another ? 0 : -1);
    }
}

static void test_address_in_use_is_an_error(void **state)
{
    server_t second;

    (void)state;
    server_start(&server);
    server_init(&second);
    second.listen.port = server.port;
    assert_err(server_try(&second), P11KMS_E_IO);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, prepare, finish)
#define UNSTARTED(test) cmocka_unit_test_setup(test, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(test_connection_serves_one_request_after_another),
        PLAIN(test_answer_has_the_heads_it_must_have),
        PLAIN(test_pipelined_requests_are_answered_in_order),
        PLAIN(test_pipelined_requests_wait_for_an_answer_that_comes_later),
        PLAIN(test_request_may_arrive_byte_by_byte),
        PLAIN(test_largest_body_arrives_whole),
        PLAIN(test_large_answer_is_continued_when_the_client_reads_late),
        PLAIN(test_continue_is_said_before_a_body_that_waits_for_it),
        PLAIN(test_continue_is_not_said_when_the_body_is_there_already),
        PLAIN(test_continue_is_not_said_when_the_body_has_begun),
        PLAIN(test_refusal_comes_instead_of_continue),
        PLAIN(test_head_request_is_answered_without_a_body),
        PLAIN(test_close_is_honoured_and_announced),
        PLAIN(test_half_closed_client_still_gets_its_answer),
        PLAIN(test_exchange_outlives_the_client),
        PLAIN(test_answer_to_a_client_that_left_is_dropped),
        PLAIN(test_many_connections_are_served_side_by_side),
        PLAIN(test_peer_of_a_tcp_connection_is_its_address),
        PLAIN(test_address_mapped_into_ipv6_is_written_as_ipv4),
        PLAIN(test_peer_of_a_unix_connection_is_its_process),
        PLAIN(test_left_over_socket_is_replaced),
        UNSTARTED(test_socket_of_a_live_process_is_left_alone),
        UNSTARTED(test_file_that_is_no_socket_is_left_alone),
        UNSTARTED(test_socket_is_removed_at_the_end_unless_it_is_anothers),
        PLAIN(test_address_in_use_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
