/* Which PIN sources are believed, and which are refused before a try is wasted on the token. */
#define _GNU_SOURCE /* posix_openpt, ptsname */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "tests/fakes/scratch.h"
#include "tests/testing.h"
#include "token/host/pin.h"

static const char *pin_file(const char *content, size_t len, mode_t mode)
{
    const char *path = scratch_path(scratch_folder(), "pin");
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static p11kms_err read_file(const char *path, bool dev, secret_t **ret)
{
    char source[4200];

    snprintf(source, sizeof(source), "file:%s", path);
    return pin_read(source, "token", dev, ret);
}

static void assert_pin(const char *content, size_t len, const char *expected)
{
    _cleanup_secret_ secret_t *pin = NULL;

    assert_ok(read_file(pin_file(content, len, 0400), false, &pin));
    assert_slice_text(secret_slice(pin), expected);
}

static void test_a_newline_at_the_end_is_not_part_of_the_pin(void **state)
{
    (void)state;
    assert_pin("1234\n", 5, "1234");
    assert_pin("1234", 4, "1234");
    assert_pin(" 12 34 \n", 8, " 12 34 ");
}

static void assert_refused(const char *content, size_t len, const char *why)
{
    _cleanup_secret_ secret_t *pin = NULL;

    assert_err(read_file(pin_file(content, len, 0400), false, &pin), P11KMS_E_CONFIG);
    assert_string_equal(p11kms_err_detail(P11KMS_E_CONFIG), why);
    assert_null(pin);
}

static void test_what_cannot_be_a_pin_is_refused(void **state)
{
    static char longest[PIN_MAX + 3];
    (void)state;

    memset(longest, '1', sizeof(longest));
    assert_refused("", 0, "the PIN source is empty");
    assert_refused("\n", 1, "the PIN source is empty");
    assert_refused("12\n34\n", 6, "the PIN source holds more than one line");
    assert_refused("1234\n\n", 6, "the PIN source holds more than one line");
    assert_refused("12\00034", 5, "the PIN source holds more than one line");
    assert_refused(longest, PIN_MAX + 1, "the PIN source is too long for a PIN");
    assert_refused(longest, PIN_MAX + 3, "the PIN source is too long for a PIN");
    longest[PIN_MAX] = '\n';
    {
        _cleanup_secret_ secret_t *pin = NULL;

        assert_ok(read_file(pin_file(longest, PIN_MAX + 1, 0400), false, &pin));
        assert_int_equal(secret_len(pin), PIN_MAX);
    }
}

static void test_a_file_open_to_others_is_refused_unless_dev(void **state)
{
    static const mode_t modes[] = { 0440, 0404, 0420, 0402, 0410, 0644 };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        const char *path = pin_file("1234", 4, modes[i]);
        secret_t *pin = NULL;

        assert_err(read_file(path, false, &pin), P11KMS_E_CONFIG);
        assert_non_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "open to others"));
        assert_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "1234"));
        assert_ok(read_file(path, true, &pin));
        secret_free(pin);
    }
}

static void test_a_file_of_another_user_is_refused(void **state)
{
    const char *path = pin_file("1234", 4, 0400);
    secret_t *pin = NULL;
    (void)state;

    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chown(path, 12345, 0), 0);
    assert_err(read_file(path, false, &pin), P11KMS_E_CONFIG);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "belongs to user 12345"));
}

static void test_only_files_and_fifos_are_read(void **state)
{
    secret_t *pin = NULL;
    (void)state;

    assert_err(read_file(scratch_folder(), false, &pin), P11KMS_E_CONFIG);
    assert_err(read_file("/dev/zero", true, &pin), P11KMS_E_CONFIG);
    assert_err(read_file("/nonexistent", false, &pin), P11KMS_E_CONFIG);
    assert_err(pin_read("file:relative", "token", false, &pin), P11KMS_E_CONFIG);
    assert_err(pin_read("1234", "token", false, &pin), P11KMS_E_CONFIG);
    assert_err(pin_read("", "token", false, &pin), P11KMS_E_CONFIG);
    assert_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "1234"));
}

static void test_a_fifo_gives_its_pin_in_pieces(void **state)
{
    _cleanup_secret_ secret_t *pin = NULL;
    const char *path = scratch_path(scratch_folder(), "fifo");
    pid_t child;
    (void)state;

    assert_int_equal(mkfifo(path, 0600), 0);
    child = fork();
    if (child == 0) {
        int fd = open(path, O_WRONLY);

        _exit(write(fd, "12", 2) == 2 && usleep(20000) == 0 && write(fd, "34\n", 3) == 3 ? 0 : 1);
    }
    assert_ok(read_file(path, false, &pin));
    assert_slice_text(secret_slice(pin), "1234");
    waitpid(child, NULL, 0);
}

static void test_a_credential_is_read_from_systemds_folder_alone(void **state)
{
    static const char *const names[] = { "", ".", "..", "../pin", "a/b", ".hidden" };
    _cleanup_secret_ secret_t *pin = NULL;
    char folder[4096], source[64];
    (void)state;

    snprintf(folder, sizeof(folder), "%s", pin_file("1234\n", 5, 0440)); /* as systemd makes it, with an ACL */
    *strrchr(folder, '/') = '\0';
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_err(pin_read("credential:pin", "token", false, &pin), P11KMS_E_CONFIG);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_ok(pin_read("credential:pin", "token", false, &pin));
    assert_slice_text(secret_slice(pin), "1234");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        secret_t *none = NULL;

        snprintf(source, sizeof(source), "credential:%s", names[i]);
        assert_err(pin_read(source, "token", false, &none), P11KMS_E_CONFIG);
        assert_null(none);
    }
}

/* In a child with a terminal of its own: 0 when the PIN was asked for and read, 3 when it was refused. */
static int prompt_on(const char *terminal)
{
    _cleanup_secret_ secret_t *pin = NULL;
    int tty;

    if (setsid() < 0 || (tty = open(terminal, O_RDWR)) < 0 || ioctl(tty, TIOCSCTTY, 0) < 0) {
        return 2;
    }
    if (pin_read("prompt", "token 'a'", false, &pin) != P11KMS_OK) {
        return 3;
    }
    return slice_eq_str(secret_slice(pin), "1234") ? 0 : 4;
}

/* Answer the prompt; @return the child's exit status. What the terminal showed goes to @p seen. */
static int answer_prompt(int master, const char *answer, char *seen, size_t size)
{
    pid_t child = fork();
    size_t len = 0;
    int status;

    if (child == 0) {
        _exit(prompt_on(ptsname(master)));
    }
    fcntl(master, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 2000 && strstr(seen, ": ") == NULL; i++) { /* echo is off before the question */
        ssize_t n = read(master, seen + len, size - 1 - len);

        len += n > 0 ? (size_t)n : 0;
        usleep(1000);
    }
    assert_int_equal(write(master, answer, strlen(answer)), strlen(answer));
    assert_int_equal(waitpid(child, &status, 0), child);
    for (ssize_t n = 1; n > 0 && len + 1 < size; len += n > 0 ? (size_t)n : 0) {
        n = read(master, seen + len, size - 1 - len);
    }
    return WEXITSTATUS(status);
}

static int new_terminal(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        skip();
    }
    return master;
}

static bool echoes(int slave)
{
    struct termios settings;

    assert_int_equal(tcgetattr(slave, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
}

static void test_a_prompt_asks_on_the_terminal_without_echo(void **state)
{
    _cleanup_fd_ int master = new_terminal();
    _cleanup_fd_ int slave = open(ptsname(master), O_RDWR | O_NOCTTY); /* keeps the settings */
    char seen[256] = "";
    (void)state;

    assert_int_equal(answer_prompt(master, "1234\n", seen, sizeof(seen)), 0);
    assert_int_equal(strncmp(seen, "PIN for token 'a': ", 19), 0);
    assert_null(strstr(seen, "1234"));
    assert_true(echoes(slave));
}

static void test_an_interrupted_prompt_gives_the_echo_back(void **state)
{
    _cleanup_fd_ int master = new_terminal();
    _cleanup_fd_ int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    char seen[256] = "";
    (void)state;

    assert_int_equal(answer_prompt(master, "12\003", seen, sizeof(seen)), 3);
    assert_true(echoes(slave));
}

static void test_without_a_terminal_a_prompt_is_refused(void **state)
{
    int status;
    pid_t child = fork();
    (void)state;

    if (child == 0) {
        secret_t *pin = NULL;

        setsid();
        _exit(pin_read("prompt", "token", false, &pin) == P11KMS_E_CONFIG ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_newline_at_the_end_is_not_part_of_the_pin),
        cmocka_unit_test(test_what_cannot_be_a_pin_is_refused),
        cmocka_unit_test(test_a_file_open_to_others_is_refused_unless_dev),
        cmocka_unit_test(test_a_file_of_another_user_is_refused),
        cmocka_unit_test(test_only_files_and_fifos_are_read),
        cmocka_unit_test(test_a_fifo_gives_its_pin_in_pieces),
        cmocka_unit_test(test_a_credential_is_read_from_systemds_folder_alone),
        cmocka_unit_test(test_a_prompt_asks_on_the_terminal_without_echo),
        cmocka_unit_test(test_an_interrupted_prompt_gives_the_echo_back),
        cmocka_unit_test(test_without_a_terminal_a_prompt_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
