/* Copies that leave, wait, and are dropped; never in the way of a record. */
#define _GNU_SOURCE /* memmem */
#include "tests/testing.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "audit/audit.h"
#include "audit/copies.h"
#include "tests/audit/files.h"
#include "util/clock.h"

static const char *folder;
static const char *path;

static int prepare(void **state)
{
    (void)state;
    folder = scratch_folder();
    path = scratch_path(folder, "socket");
    return 0;
}

static int receiver(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const struct timeval timeout = { .tv_sec = 5 };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    strcpy(address.sun_path, path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
    return fd;
}

static copies_t *start(copy_kind kind)
{
    const copy_target target = { kind, path };
    copies_t *copies;

    assert_ok(copies_start(&target, 1, &copies));
    return copies;
}

static copy_stats stats_of(copies_t *copies)
{
    copy_stats stats[COPIES_MAX];

    assert_int_equal(copies_get_stats(copies, stats), 1);
    return stats[0];
}

static void wait_for(copies_t *copies, uint64_t done)
{
    int64_t deadline = clock_mono_us() + 5000000;
    const struct timespec pause = { .tv_nsec = 1000000 };

    while (stats_of(copies).sent + stats_of(copies).dropped < done && clock_mono_us() < deadline) {
        nanosleep(&pause, NULL);
    }
    assert_int_equal(stats_of(copies).sent + stats_of(copies).dropped, done);
}

static void expect(int fd, const char *part)
{
    static char got[65536];
    ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

    assert_true(n > 0);
    got[n] = '\0';
    if (memmem(got, (size_t)n, part, strlen(part)) == NULL) {
        fail_msg("'%s' is not in what came", part);
    }
}

static void test_every_record_that_is_on_disk_is_copied(void **state)
{
    int fd = receiver();
    copies_t *copies = start(COPY_SYSLOG);
    const audit_options options = { .dir = folder, .copies = copies };
    audit_t *audit;

    (void)state;
    assert_ok(audit_open(&options, &audit));
    assert_ok(audit_append(audit, SLICE_LIT("{\"eventName\":\"One\"}")));
    assert_ok(audit_append(audit, SLICE_LIT("{\"eventName\":\"Two\"}")));
    expect(fd, " One - {\"eventName\":\"One\"}");
    expect(fd, " Two - {\"eventName\":\"Two\"}");
    audit_close(audit);
    wait_for(copies, 2);
    assert_int_equal(stats_of(copies).dropped, 0);
    copies_stop(copies);
    close(fd);
}

static void test_a_receiver_that_is_away_for_a_moment_gets_what_it_missed(void **state)
{
    copies_t *copies = start(COPY_JOURNALD);
    const struct timespec moment = { .tv_nsec = 300000000 };

    (void)state;
    copies_offer(copies, SLICE_LIT("{\"eventID\":\"1\"}\n{\"eventID\":\"2\"}\n"));
    nanosleep(&moment, NULL);
    assert_string_not_equal(stats_of(copies).problem, "");
    int fd = receiver();
    expect(fd, "{\"eventID\":\"1\"}");
    expect(fd, "{\"eventID\":\"2\"}");
    wait_for(copies, 2);
    assert_int_equal(stats_of(copies).dropped, 0);
    assert_string_equal(stats_of(copies).problem, "");

    close(fd); /* the journal is restarted */
    copies_offer(copies, SLICE_LIT("{\"eventID\":\"3\"}\n"));
    nanosleep(&moment, NULL);
    fd = receiver();
    expect(fd, "{\"eventID\":\"3\"}");
    copies_stop(copies);
    close(fd);
}

/* The queue of a datagram socket is short: the receiver reads nothing. */
static void test_a_receiver_that_hangs_delays_nobody_and_costs_what_does_not_fit(void **state)
{
    enum { LINES = 100000, LINE = 100 };
    static char line[LINE + 1];
    int fd = receiver();
    copies_t *copies = start(COPY_SYSLOG);
    int64_t began = clock_mono_us();

    (void)state;
    memset(line, 'x', LINE - 1);
    line[LINE - 1] = '\n';
    for (int i = 0; i < LINES; i++) {
        copies_offer(copies, SLICE(line, LINE));
    }
    assert_true(clock_mono_us() - began < 2000000);
    copy_stats stats = stats_of(copies);
    assert_in_range(stats.waiting, COPIES_WAITING_MAX / 2, COPIES_WAITING_MAX);
    assert_in_range(stats.dropped, LINES - COPIES_WAITING_MAX / LINE - 1000, LINES);
    began = clock_mono_us();
    copies_stop(copies);
    assert_true(clock_mono_us() - began < 3000000);
    close(fd);
}

static void test_what_fits_of_a_group_is_kept_and_the_rest_is_counted(void **state)
{
    enum { LINE = 64 << 10, LINES = 80 };
    _cleanup_buf_ buf_t group = { 0 };
    copies_t *copies = start(COPY_SYSLOG); /* nobody is there */

    (void)state;
    for (int i = 0; i < LINES; i++) {
        uint8_t *room = buf_reserve(&group, LINE);
        memset(room, 'x', LINE - 1);
        room[LINE - 1] = '\n';
        group.len += LINE;
    }
    copies_offer(copies, buf_slice(&group));
    assert_int_equal(stats_of(copies).dropped, LINES - COPIES_WAITING_MAX / LINE);
    assert_int_equal(stats_of(copies).waiting, COPIES_WAITING_MAX);
    copies_stop(copies);
}

static void test_a_record_past_a_datagram_reaches_the_journal_as_a_sealed_file(void **state)
{
    _cleanup_buf_ buf_t line = { 0 };
    char control[CMSG_SPACE(sizeof(int))];
    uint8_t payload[64];
    struct iovec iov = { payload, sizeof(payload) };
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    int receiving = receiver();
    int file;
    copies_t *copies = start(COPY_JOURNALD);

    (void)state;
    buf_put_str(&line, "{\"eventID\":\"big\",\"x\":\"");
    memset(buf_reserve(&line, AUDIT_RECORD_MAX), 'y', AUDIT_RECORD_MAX);
    line.len = AUDIT_RECORD_MAX - 2;
    buf_put_str(&line, "\"}\n");
    copies_offer(copies, buf_slice(&line));
    assert_int_equal(recvmsg(receiving, &message, 0), 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_type, SCM_RIGHTS);
    memcpy(&file, CMSG_DATA(header), sizeof(file));
    static char got[2 * AUDIT_RECORD_MAX];
    ssize_t n = pread(file, got, sizeof(got), 0);
    assert_in_range(n, AUDIT_RECORD_MAX, sizeof(got));
    assert_non_null(memmem(got, (size_t)n, line.data, line.len - 1));
    assert_int_equal(write(file, "x", 1), -1);
    assert_int_equal(errno, EPERM);
    close(file);
    copies_stop(copies);
    close(receiving);
}

static void test_no_copies_are_none(void **state)
{
    copy_stats stats[COPIES_MAX];

    (void)state;
    copies_offer(NULL, SLICE_LIT("{}\n"));
    assert_int_equal(copies_get_stats(NULL, stats), 0);
    copies_stop(NULL);
}

static void test_a_path_too_long_for_a_socket_is_refused(void **state)
{
    char long_path[200];
    const copy_target target = { COPY_SYSLOG, long_path };
    copies_t *copies;

    (void)state;
    memset(long_path, 'p', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_err(copies_start(&target, 1, &copies), P11KMS_E_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_record_that_is_on_disk_is_copied, prepare),
        cmocka_unit_test_setup(test_a_receiver_that_is_away_for_a_moment_gets_what_it_missed, prepare),
        cmocka_unit_test_setup(test_a_receiver_that_hangs_delays_nobody_and_costs_what_does_not_fit, prepare),
        cmocka_unit_test_setup(test_what_fits_of_a_group_is_kept_and_the_rest_is_counted, prepare),
        cmocka_unit_test_setup(test_a_record_past_a_datagram_reaches_the_journal_as_a_sealed_file, prepare),
        cmocka_unit_test_setup(test_no_copies_are_none, prepare),
        cmocka_unit_test_setup(test_a_path_too_long_for_a_socket_is_refused, prepare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
