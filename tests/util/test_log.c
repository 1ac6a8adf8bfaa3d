#include "tests/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define LOG_ROOM "token"
#include "util/log.h"

static char captured[256 * 1024];
static int real_stderr;
static FILE *target;

static void capture(void)
{
    target = tmpfile();
    assert_non_null(target);
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(target), STDERR_FILENO) >= 0);
}

static const char *release(void)
{
    size_t len;

    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    rewind(target);
    len = fread(captured, 1, sizeof(captured) - 1, target);
    captured[len] = '\0';
    fclose(target);
    return captured;
}

static unsigned lines(const char *text)
{
    unsigned count = 0;

    for (; *text != '\0'; text++) {
        count += *text == '\n';
    }
    return count;
}

static int open_plain(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    log_open("p11kmsd", LOG_LEVEL_INFO);
    log_set_request(NULL);
    return 0;
}

static void test_a_line_names_program_level_room_and_message(void **state)
{
    char expected[128];

    (void)state;
    snprintf(expected, sizeof(expected), "p11kmsd[%ld]: error: token: slot 'prod-a': refused\n",
             (long)getpid());
    capture();
    log_error("slot '%s': refused", "prod-a");
    assert_string_equal(release(), expected);
}

static void test_messages_past_the_level_are_dropped(void **state)
{
    (void)state;
    capture();
    log_debug("not this");
    log_info("this");
    log_set_level(LOG_LEVEL_ERROR);
    log_warning("not this");
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("and this");
    assert_int_equal(lines(release()), 2);
    assert_null(strstr(captured, "not this"));
}

static void test_text_from_outside_cannot_forge_a_line(void **state)
{
    (void)state;
    capture();
    log_notice("alias '%s'", "x\np11kmsd[1]: error: \x1b[31m\x7f\xc3\xa9\\n\r\t");
    assert_int_equal(lines(release()), 1);
    assert_non_null(
        strstr(captured, "alias 'x\\np11kmsd[1]: error: \\x1b[31m\\x7f\\xc3\\xa9\\\\n\\x0d\\x09'\n"));
}

static void test_the_request_is_on_each_message_until_cleared(void **state)
{
    (void)state;
    capture();
    log_set_request("7f3a\n");
    log_info("one");
    log_set_request(NULL);
    log_info("two");
    assert_non_null(strstr(release(), "one req=7f3a\\n\n"));
    assert_non_null(strstr(captured, "two\n"));
}

static void test_a_long_message_is_cut_and_stays_one_line(void **state)
{
    static char text[10000];

    (void)state;
    memset(text, '\x01', sizeof(text) - 1);
    capture();
    log_info("%s", text);
    release();
    assert_int_equal(lines(captured), 1);
    assert_in_range(strlen(captured), 8000, 9000);
}

static void log_from_one_site(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        log_error("again");
    }
}

static void test_repeats_of_a_site_are_counted_not_written(void **state)
{
    (void)state;
    capture();
    log_from_one_site(500);
    log_error("another site");
    assert_int_equal(lines(release()), 21);
    assert_non_null(strstr(captured, "another site"));
    usleep(1050000);
    capture();
    log_from_one_site(1);
    assert_non_null(strstr(release(), "again (480 more like this were left out)\n"));
}

static void test_in_the_journal_a_line_begins_with_its_priority(void **state)
{
    struct stat st;
    char stream[64];

    (void)state;
    capture();
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("p11kmsd", LOG_LEVEL_DEBUG);
    log_error("e");
    log_debug("d");
    assert_string_equal(release(), "<3>error: token: e\n<7>debug: token: d\n");
}

static void test_a_journal_elsewhere_is_not_standard_error(void **state)
{
    struct stat st;
    char other_inode[64];
    const char *const streams[] = { "1:1", "", "x", "1", other_inode };

    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(other_inode, sizeof(other_inode), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        setenv("JOURNAL_STREAM", streams[i], 1);
        log_open("p11kmsd", LOG_LEVEL_INFO);
        capture();
        log_info("plain");
        assert_int_equal(strncmp(release(), "p11kmsd[", 8), 0);
    }
}

static void test_levels_are_read_by_name(void **state)
{
    log_level level = LOG_LEVEL_ERROR;

    (void)state;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_false(log_level_parse("Debug", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void test_errno_survives(void **state)
{
    (void)state;
    capture();
    errno = ENOSPC;
    log_error("full");
    assert_int_equal(errno, ENOSPC);
    release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_line_names_program_level_room_and_message, open_plain),
        cmocka_unit_test_setup(test_messages_past_the_level_are_dropped, open_plain),
        cmocka_unit_test_setup(test_text_from_outside_cannot_forge_a_line, open_plain),
        cmocka_unit_test_setup(test_the_request_is_on_each_message_until_cleared, open_plain),
        cmocka_unit_test_setup(test_a_long_message_is_cut_and_stays_one_line, open_plain),
        cmocka_unit_test_setup(test_repeats_of_a_site_are_counted_not_written, open_plain),
        cmocka_unit_test_setup(test_in_the_journal_a_line_begins_with_its_priority, open_plain),
        cmocka_unit_test_setup(test_a_journal_elsewhere_is_not_standard_error, open_plain),
        cmocka_unit_test_setup(test_levels_are_read_by_name, open_plain),
        cmocka_unit_test_setup(test_errno_survives, open_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
