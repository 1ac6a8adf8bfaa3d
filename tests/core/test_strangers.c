/* Refusals that get a record, and those that are summed up. */
#include "tests/testing.h"

#include <stdio.h>

#include "core/strangers.h"

#define SECOND INT64_C(1000000)

static strangers_t *strangers;

static int start(unsigned per_peer, unsigned in_all)
{
    const strangers_limits limits = { .per_peer = per_peer, .in_all = in_all, .every_ms = 60000 };

    assert_ok(strangers_new(&limits, &strangers));
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return start(5, 12);
}

static int teardown(void **state)
{
    (void)state;
    strangers_free(strangers);
    return 0;
}

static peer_t at(const char *address)
{
    peer_t peer = { .kind = PEER_TCP };

    snprintf(peer.address, sizeof(peer.address), "%s", address);
    return peer;
}

static unsigned recorded(peer_t peer, unsigned times, int64_t now_us)
{
    unsigned count = 0;

    for (unsigned i = 0; i < times; i++) {
        count += strangers_judge(strangers, &peer, false, now_us) == STRANGER_RECORDED;
    }
    return count;
}

static void assert_summary(const char *expected)
{
    _cleanup_buf_ buf_t text = { 0 };
    jw_t w = jw_on(&text);
    strangers_tally_t *tally = strangers_take(strangers);

    strangers_write(tally, &w);
    free(tally);
    const char *counts = strstr(buf_str(&text), "\"tooMany\"");
    assert_non_null(strstr(buf_str(&text), "{\"from\":\"20"));
    assert_non_null(strstr(buf_str(&text), "Z\",\"until\":\"20"));
    assert_non_null(counts);
    assert_string_equal(counts, expected);
    assert_false(strangers_counted(strangers));
}

static void test_a_peer_gets_so_many_records_a_second(void **state)
{
    (void)state;
    assert_int_equal(recorded(at("192.0.2.1"), 100, SECOND), 5);
    assert_int_equal(recorded(at("192.0.2.2"), 3, SECOND), 3);
    assert_int_equal(recorded(at("192.0.2.1"), 100, 2 * SECOND), 5);
    assert_int_equal(strangers_unrecorded(strangers, STRANGER_THROTTLED), 190);
    assert_summary("\"tooMany\":190,\"noRoom\":0,\"http\":{},\"handshakes\":0,"
                   "\"peers\":[{\"peer\":\"192.0.2.1\",\"count\":190}]}");
}

static void test_many_peers_share_what_there_is_for_all(void **state)
{
    unsigned count = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        char address[32];

        snprintf(address, sizeof(address), "198.51.100.%d", i);
        count += recorded(at(address), 1, SECOND);
    }
    assert_int_equal(count, 12);
}

static void test_a_network_of_ipv6_is_one_peer(void **state)
{
    (void)state;
    assert_int_equal(recorded(at("2001:db8::1"), 3, SECOND), 3);
    assert_int_equal(recorded(at("2001:db8::ffff:1"), 3, SECOND), 2);
    assert_int_equal(recorded(at("2001:db8:0:1::1"), 3, SECOND), 3);
    assert_summary("\"tooMany\":1,\"noRoom\":0,\"http\":{},\"handshakes\":0,"
                   "\"peers\":[{\"peer\":\"2001:db8::/64\",\"count\":1}]}");
}

static void test_a_local_user_is_one_peer(void **state)
{
    const peer_t one = { .kind = PEER_UNIX, .address = "unix", .uid = 1000 };
    const peer_t other = { .kind = PEER_UNIX, .address = "unix", .uid = 1001 };

    (void)state;
    assert_int_equal(recorded(one, 6, SECOND), 5);
    assert_int_equal(recorded(other, 5, SECOND), 5);
    assert_summary("\"tooMany\":1,\"noRoom\":0,\"http\":{},\"handshakes\":0,"
                   "\"peers\":[{\"peer\":\"uid 1000\",\"count\":1}]}");
}

static void test_without_limits_all_are_recorded(void **state)
{
    (void)state;
    strangers_free(strangers);
    start(0, 0);
    assert_int_equal(recorded(at("192.0.2.1"), 10000, SECOND), 10000);
    assert_false(strangers_counted(strangers));
}

static void test_while_the_disk_is_nearly_full_none_is_recorded(void **state)
{
    const peer_t peer = at("192.0.2.1");

    (void)state;
    assert_int_equal(strangers_judge(strangers, &peer, true, SECOND), STRANGER_NO_ROOM);
    assert_int_equal(strangers_judge(strangers, &peer, true, SECOND), STRANGER_NO_ROOM);
    assert_false(strangers_due(strangers, true, 2 * SECOND));
    assert_true(strangers_due(strangers, false, 2 * SECOND)); /* there is room again */
    assert_true(strangers_due(strangers, true, 61 * SECOND)); /* one record fits */
    assert_summary("\"tooMany\":0,\"noRoom\":2,\"http\":{},\"handshakes\":0,"
                   "\"peers\":[{\"peer\":\"192.0.2.1\",\"count\":2}]}");
}

static void test_what_http_refused_is_summed_up_once_a_minute(void **state)
{
    const peer_t peer = at("192.0.2.1");

    (void)state;
    assert_false(strangers_due(strangers, false, SECOND));
    strangers_count(strangers, &peer, 400, SECOND);
    strangers_count(strangers, &peer, 431, 2 * SECOND);
    strangers_count(strangers, &peer, 400, 3 * SECOND);
    strangers_count(strangers, &peer, 0, 4 * SECOND);
    assert_false(strangers_due(strangers, false, 60 * SECOND));
    assert_true(strangers_due(strangers, false, 61 * SECOND));
    assert_summary("\"tooMany\":0,\"noRoom\":0,\"http\":{\"400\":2,\"431\":1},\"handshakes\":1,"
                   "\"peers\":[{\"peer\":\"192.0.2.1\",\"count\":4}]}");
    assert_false(strangers_due(strangers, false, 200 * SECOND));
}

/* However many peers there are: the table is small, and who floods is in it. */
static void test_who_comes_most_is_told_among_thousands(void **state)
{
    const peer_t flooder = at("203.0.113.9");
    _cleanup_buf_ buf_t text = { 0 };
    jw_t w = jw_on(&text);

    (void)state;
    for (int i = 0; i < 5000; i++) {
        char address[32];

        snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
        const peer_t peer = at(address);
        strangers_count(strangers, &peer, 400, SECOND);
        strangers_count(strangers, &flooder, 400, SECOND);
    }
    strangers_tally_t *tally = strangers_take(strangers);
    strangers_write(tally, &w);
    free(tally);
    assert_non_null(strstr(buf_str(&text), "{\"peer\":\"203.0.113.9\",\"count\":5000}"));
    assert_true(text.len < 2048);
}

static void test_a_summary_that_could_not_be_recorded_is_told_with_the_next(void **state)
{
    const peer_t peer = at("192.0.2.1");

    (void)state;
    strangers_count(strangers, &peer, 400, SECOND);
    strangers_tally_t *tally = strangers_take(strangers);
    strangers_count(strangers, &peer, 400, 2 * SECOND);
    strangers_count(strangers, &peer, 413, 2 * SECOND);
    strangers_give_back(strangers, tally);
    assert_true(strangers_due(strangers, false, 61 * SECOND));
    assert_summary("\"tooMany\":0,\"noRoom\":0,\"http\":{\"400\":2,\"413\":1},\"handshakes\":0,"
                   "\"peers\":[{\"peer\":\"192.0.2.1\",\"count\":3}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_peer_gets_so_many_records_a_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_peers_share_what_there_is_for_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_network_of_ipv6_is_one_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_local_user_is_one_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_limits_all_are_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_while_the_disk_is_nearly_full_none_is_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_http_refused_is_summed_up_once_a_minute, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_comes_most_is_told_among_thousands, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_summary_that_could_not_be_recorded_is_told_with_the_next, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
