/* What the figures of p11kms-bench rest on: its histogram, its URLs, and where it finds a server's CPU time.
 */
#include "tests/testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/cpu.h"
#include "tests/bench/load.h"
#include "util/clock.h"

static void test_quantiles_are_never_too_low_and_at_most_a_64th_too_high(void **state)
{
    static histogram_t histogram;

    (void)state;
    for (uint64_t us = 1; us < UINT64_C(2000000000); us += 1 + us / 7) {
        histogram = (histogram_t){ 0 };
        histogram_add(&histogram, us);
        assert_in_range(histogram_quantile(&histogram, 0.5), us, us + us / 64);
    }
}

static void test_quantiles_divide_what_was_added(void **state)
{
    static histogram_t histogram;

    (void)state;
    assert_int_equal(histogram_quantile(&histogram, 0.99), 0);
    for (uint64_t us = 1; us <= 100; us++) {
        histogram_add(&histogram, us);
    }
    assert_int_equal(histogram_quantile(&histogram, 0), 1);
    assert_int_equal(histogram_quantile(&histogram, 0.5), 51);
    assert_int_equal(histogram_quantile(&histogram, 0.99), 100);
    assert_int_equal(histogram_quantile(&histogram, 1), 100);
}

static void test_latency_past_the_last_bucket_is_still_counted(void **state)
{
    static histogram_t histogram;

    (void)state;
    histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.total, 1);
    assert_true(histogram_quantile(&histogram, 1) > UINT64_C(60) * 60 * 1000000);
}

static void test_urls_are_taken_apart(void **state)
{
    static const struct {
        const char *url, *host, *authority;
        unsigned port;
        bool tls;
    } rows[] = {
        { "https://127.0.0.1:8443", "127.0.0.1", "127.0.0.1:8443", 8443, true },
        { "https://kms.example/", "kms.example", "kms.example", 443, true },
        { "http://localhost:80/x?y", "localhost", "localhost:80", 80, false },
        { "https://[::1]:8443", "::1", "[::1]:8443", 8443, true },
        { "https://[::1]", "::1", "[::1]", 443, true },
        { "unix:/run/p11kms/socket", "/run/p11kms/socket", "localhost", 0, false },
    };
    load_target target;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_ok(load_parse_url(rows[i].url, &target));
        assert_string_equal(target.host, rows[i].host);
        assert_string_equal(target.authority, rows[i].authority);
        assert_int_equal(target.port, rows[i].port);
        assert_int_equal(target.tls, rows[i].tls);
    }
}

static void test_what_is_no_url_is_refused(void **state)
{
    static const char *const wrong[] = { "",
                                         "localhost:8443",
                                         "ftp://a",
                                         "https://",
                                         "https://:8443",
                                         "https://a:0",
                                         "https://a:65536",
                                         "https://[]:1" };
    load_target target;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_err(load_parse_url(wrong[i], &target), P11KMS_E_SYNTAX);
    }
}

static void test_listener_is_found_by_its_port(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(cpu_find_listener(ntohs(address.sin_port), NULL), 0); /* bound is not listening */
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(cpu_find_listener(ntohs(address.sin_port), NULL), getpid());
    close(fd);
}

static void test_cpu_time_of_a_process_grows_as_it_works(void **state)
{
    int64_t before = cpu_used_us(getpid()), end = clock_mono_us() + 3000000;

    (void)state;
    assert_true(before >= 0);
    while (cpu_used_us(getpid()) == before && clock_mono_us() < end) {
    }
    assert_true(cpu_used_us(getpid()) > before);
    assert_int_equal(cpu_used_us(0), -1);
    assert_true(cpu_resident_kb(getpid()) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_are_never_too_low_and_at_most_a_64th_too_high),
        cmocka_unit_test(test_quantiles_divide_what_was_added),
        cmocka_unit_test(test_latency_past_the_last_bucket_is_still_counted),
        cmocka_unit_test(test_urls_are_taken_apart),
        cmocka_unit_test(test_what_is_no_url_is_refused),
        cmocka_unit_test(test_listener_is_found_by_its_port),
        cmocka_unit_test(test_cpu_time_of_a_process_grows_as_it_works),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
