/* Clients that are slow, silent, too many, or still there when the server stops. */
#include "tests/testing.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/http/client.h"
#include "tests/http/server.h"
#include "util/clock.h"

#define HOST "Host: localhost\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"
#define SHORT_MS 150
#define LATE_MS (SHORT_MS + 1500) /* far less than the other limits, and enough for a busy machine */

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

static int64_t now_ms(void)
{
    return clock_mono_us() / 1000;
}

/** Send @p bytes one by one, 10 ms apart, until the server answers. The answer is in @p ret. */
static void drip_until_answered(const char *bytes, buf_t *ret)
{
    char peeked;

    for (const char *at = bytes; *at != '\0'; at++) {
        (void)client_send(&client, SLICE(at, 1));
        usleep(10000);
        if (recv(client.fd, &peeked, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
            assert_true(client_until_end(&client, ret));
            return;
        }
    }
    fail_msg("everything was sent and the server still waits");
}

static const char filler[] =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

static void test_client_that_drips_its_head_is_cut_at_the_deadline(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    int64_t began = now_ms(), took;

    (void)state;
    server.limits.header_timeout_ms = SHORT_MS;
    start();
    drip_until_answered(filler, &answer);
    took = now_ms() - began;
    assert_int_equal(client_status(&answer), 408);
    assert_true(took >= SHORT_MS && took < LATE_MS);
    assert_int_equal(atomic_load(&server.handled), 0);
    assert_int_equal(atomic_load(&server.last_status), 408);
}

static void test_client_that_drips_its_body_is_cut_at_the_deadline(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    int64_t began = now_ms();

    (void)state;
    server.limits.body_timeout_ms = SHORT_MS;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n"));
    drip_until_answered(filler, &answer);
    assert_true(now_ms() - began < LATE_MS);
    assert_int_equal(client_status(&answer), 408);
    assert_int_equal(atomic_load(&server.handled), 0);
}

static void test_silent_connection_is_closed_without_a_word(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.limits.idle_timeout_ms = SHORT_MS;
    start();
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(answer.len, 0);
    assert_int_equal(atomic_load(&server.refused), 0);
}

static void test_idle_time_begins_anew_with_every_request(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.limits.idle_timeout_ms = 400;
    start();
    for (int i = 0; i < 4; i++) {
        usleep(150000);
        assert_true(client_send_text(&client, GET));
        assert_true(client_answer(&client, &answer));
    }
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(answer.len, 0);
}

static void test_client_that_never_reads_is_cut_at_the_deadline(void **state)
{
    (void)state;
    server.limits.answer_timeout_ms = SHORT_MS;
    server.big = 32u << 20;
    start();
    assert_true(client_send_text(&client, GET));
    server_wait_handled(&server, 1);
    server_wait_open(&server, 0);
}

static void test_slow_handler_is_not_the_clients_fault(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.limits = (http_limits){ .connections_max = 4,
                                   .header_timeout_ms = 50,
                                   .body_timeout_ms = 50,
                                   .idle_timeout_ms = 50,
                                   .answer_timeout_ms = 50 };
    server.keep = true;
    start();
    assert_true(client_send_text(&client, GET));
    server_wait_handled(&server, 1);
    usleep(200000);
    server_answer_kept(&server);
    assert_true(client_answer(&client, &answer));
    assert_int_equal(client_status(&answer), 200);
}

static void test_client_that_sends_for_ever_after_a_refusal_is_cut(void **state)
{
    static uint8_t block[65536];
    size_t sent = 0;

    (void)state;
    start();
    assert_true(client_send_text(&client, "NONSENSE\r\n\r\n"));
    while (sent < (64u << 20) && client_send(&client, SLICE(block, sizeof(block)))) {
        sent += sizeof(block);
    }
    assert_true(sent < (64u << 20));
    server_wait_open(&server, 0);
}

/* The head was read and its body is awaited. */
static void expect_continue(const client_t *from)
{
    char got[26] = { 0 };

    assert_int_equal(recv(from->fd, got, 25, MSG_WAITALL), 25);
    assert_string_equal(got, "HTTP/1.1 100 Continue\r\n\r\n");
}

/* ---- too many ---- */

static void test_oldest_idle_connection_makes_room_for_a_new_one(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    client_t others[3];

    (void)state;
    server.limits.connections_max = 3;
    start();
    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        client_connect(&others[i], server.port);
        assert_true(client_send_text(&others[i], GET));
        assert_true(client_answer(&others[i], &answer));
    }
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(answer.len, 0);
    assert_int_equal(server_stats(&server).open, 3);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_true(client_send_text(&others[i], GET));
        assert_true(client_answer(&others[i], &answer));
        client_close(&others[i]);
    }
}

static void test_connection_is_refused_when_none_is_idle(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    client_t second, third;

    (void)state;
    server.limits.connections_max = 2;
    server.keep = true;
    start();
    client_connect(&second, server.port);
    assert_true(client_send_text(&client, GET));
    assert_true(client_send_text(&second, "GET / HT"));
    server_wait_handled(&server, 1);
    server_wait_open(&server, 2);
    client_connect(&third, server.port);
    assert_true(client_until_end(&third, &answer));
    assert_int_equal(server_stats(&server).refused_connections, 1);
    server.keep = false;
    assert_true(client_send_text(&second, "TP/1.1\r\n" HOST "\r\n"));
    assert_true(client_answer(&second, &answer)); /* those inside are not disturbed */
    client_close(&second);
    client_close(&third);
}

/* Who only connects, or drips, must not keep out those who ask. */
static void test_client_that_keeps_us_waiting_makes_room_before_one_that_is_idle(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    client_t dripping, late;

    (void)state;
    server.limits.connections_max = 2;
    start();
    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
    client_connect(&dripping, server.port);
    assert_true(client_send_text(&dripping, "GET / HT"));
    server_wait_open(&server, 2);
    usleep(1100000);
    client_connect(&late, server.port);
    assert_true(client_send_text(&late, GET));
    assert_true(client_answer(&late, &answer));
    assert_true(client_until_end(&dripping, &answer));
    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
    client_close(&dripping);
    client_close(&late);
}

/* Operators, programs of this machine and whoever asks for its health do not compete with the network. */
static void test_a_full_listener_leaves_the_others_alone(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    client_t other;

    (void)state;
    server.limits.connections_max = 1;
    server.keep = true;
    server.second = (conf_listen){ .kind = LISTEN_HTTP, .host = "127.0.0.1" };
    start();
    assert_true(client_send_text(&client, GET));
    server_wait_handled(&server, 1);
    server.keep = false;
    client_connect(&other, server.second_port);
    assert_true(client_send_text(&other, GET));
    assert_true(client_answer(&other, &answer));
    client_close(&other);
    server_answer_kept(&server);
    assert_true(client_answer(&client, &answer));
}

static void test_running_out_of_descriptors_refuses_and_goes_on(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    struct rlimit before, none_left;
    client_t late;
    int lowest_free;

    (void)state;
    start();
    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
    getrlimit(RLIMIT_NOFILE, &before);
    none_left = before;
    lowest_free = dup(0); /* the next client's: then none is left */
    none_left.rlim_cur = (rlim_t)lowest_free + 1;
    close(lowest_free);
    setrlimit(RLIMIT_NOFILE, &none_left);
    client_connect(&late, server.port);
    assert_true(client_until_end(&late, &answer));
    assert_int_equal(answer.len, 0);
    client_close(&late);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(server_stats(&server).refused_connections, 1);
    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
}

#define FILL 64 /* bodies of the largest size exhaust the budget */

static void test_large_body_that_dawdles_gives_way(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    client_t large[FILL];

    (void)state;
    server_start(&server);
    for (size_t i = 0; i < FILL; i++) {
        client_connect(&large[i], server.port);
        assert_true(client_send_text(&large[i], "POST / HTTP/1.1\r\n" HOST
                                                "Expect: 100-continue\r\nContent-Length: 1048576\r\n\r\n"));
        expect_continue(&large[i]);
    }
    usleep(1100000);
    client_connect(&client, server.port);
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 1048576\r\n\r\n"));
    expect_continue(&client);
    assert_true(client_until_end(&large[0], &answer)); /* the oldest, and no other */
    server_wait_open(&server, FILL);
    for (size_t i = 0; i < FILL; i++) {
        client_close(&large[i]);
    }
}

static void test_large_bodies_share_a_budget_that_small_ones_do_not_need(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    client_t large[FILL];

    (void)state;
    server_start(&server);
    for (size_t i = 0; i < FILL; i++) {
        client_connect(&large[i], server.port);
        assert_true(client_send_text(&large[i], "POST / HTTP/1.1\r\n" HOST
                                                "Expect: 100-continue\r\nContent-Length: 1048576\r\n\r\n"));
        expect_continue(&large[i]);
    }
    client_connect(&client, server.port);
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n"));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 503);
    client_close(&client);
    client_connect(&client, server.port);
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi"));
    assert_true(client_answer(&client, &answer));
    assert_int_equal(client_status(&answer), 200);
    for (size_t i = 0; i < FILL; i++) {
        client_close(&large[i]);
    }
    server_wait_open(&server, 1);
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 1048576\r\n\r\n"));
    expect_continue(&client);
}

/* ---- stopping ---- */

static void wait_stopped(int64_t within_ms)
{
    int64_t end = now_ms() + within_ms;

    while (!atomic_load(&server.stopped) && now_ms() < end) {
        usleep(1000);
    }
    assert_true(atomic_load(&server.stopped));
}

static void test_stop_closes_idle_connections_and_accepts_no_more(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    start();
    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
    assert_int_equal(getpeername(client.fd, (struct sockaddr *)&address, &len), 0);
    server_begin_stop(&server, 5000);
    assert_true(client_until_end(&client, &answer));
    wait_stopped(2000);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, len), -1);
    close(fd);
}

static void test_stop_finishes_what_is_in_flight(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.keep = true;
    start();
    assert_true(client_send_text(&client, GET));
    server_wait_handled(&server, 1);
    server_begin_stop(&server, 5000);
    assert_false(atomic_load(&server.stopped));
    server_answer_kept(&server);
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 200);
    assert_non_null(strstr(buf_str(&answer), "\r\nConnection: close\r\n"));
    client_close(&client);
    wait_stopped(2000);
}

static void test_stop_lets_a_request_that_has_begun_arrive(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    start();
    assert_true(client_send_text(&client, "POST / HTTP/1.1\r\n" HOST
                                          "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    expect_continue(&client);
    server_begin_stop(&server, 5000);
    assert_true(client_send_text(&client, "hi"));
    assert_true(client_until_end(&client, &answer));
    assert_string_equal(client_body(&answer), "POST / hi");
    client_close(&client);
    wait_stopped(2000);
}

static void test_stop_cuts_what_is_in_flight_at_its_deadline(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.keep = true;
    start();
    assert_true(client_send_text(&client, GET));
    server_wait_handled(&server, 1);
    server_begin_stop(&server, SHORT_MS);
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(answer.len, 0);
    wait_stopped(LATE_MS);
    server_answer_kept(&server); /* late, and harmless */
}

static void test_stop_without_any_connection_ends_at_once(void **state)
{
    (void)state;
    server_start(&server);
    server_begin_stop(&server, 60000);
    wait_stopped(1000);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, prepare, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_client_that_drips_its_head_is_cut_at_the_deadline),
        TEST(test_client_that_drips_its_body_is_cut_at_the_deadline),
        TEST(test_silent_connection_is_closed_without_a_word),
        TEST(test_idle_time_begins_anew_with_every_request),
        TEST(test_client_that_never_reads_is_cut_at_the_deadline),
        TEST(test_slow_handler_is_not_the_clients_fault),
        TEST(test_client_that_sends_for_ever_after_a_refusal_is_cut),
        TEST(test_oldest_idle_connection_makes_room_for_a_new_one),
        TEST(test_connection_is_refused_when_none_is_idle),
        TEST(test_client_that_keeps_us_waiting_makes_room_before_one_that_is_idle),
        TEST(test_a_full_listener_leaves_the_others_alone),
        TEST(test_running_out_of_descriptors_refuses_and_goes_on),
        TEST(test_large_bodies_share_a_budget_that_small_ones_do_not_need),
        TEST(test_large_body_that_dawdles_gives_way),
        TEST(test_stop_closes_idle_connections_and_accepts_no_more),
        TEST(test_stop_finishes_what_is_in_flight),
        TEST(test_stop_lets_a_request_that_has_begun_arrive),
        TEST(test_stop_cuts_what_is_in_flight_at_its_deadline),
        TEST(test_stop_without_any_connection_ends_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
