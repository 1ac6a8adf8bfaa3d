#include "token/host/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>

#define PIN_PATH_MAX 4096

/* Reads to the end, at most the whole secret: a FIFO gives its bytes in pieces. */
static p11kms_err read_secret(int fd, secret_t *into, size_t *ret_len)
{
    size_t len = 0;
    ssize_t n;

    do {
        n = read(fd, secret_data(into) + len, secret_len(into) - len);
        if (n < 0 && errno != EINTR) {
            FAIL(P11KMS_E_CONFIG, "the PIN cannot be read: %s", strerror(errno));
        }
        len += n > 0 ? (size_t)n : 0;
    } while (n != 0 && len < secret_len(into));
    *ret_len = len;
    return P11KMS_OK;
}

static p11kms_err check_pin(secret_t *pin, size_t len)
{
    const uint8_t *data = secret_data(pin);

    if (len > 0 && data[len - 1] == '\n') {
        len--;
    }
    if (len == 0 || len > PIN_MAX) {
        FAIL(P11KMS_E_CONFIG, "the PIN source is %s", len == 0 ? "empty" : "too long for a PIN");
    }
    if (memchr(data, '\n', len) != NULL || memchr(data, '\0', len) != NULL) {
        FAIL(P11KMS_E_CONFIG, "the PIN source holds more than one line");
    }
    secret_truncate(pin, len);
    return P11KMS_OK;
}

static p11kms_err pin_from_fd(int fd, secret_t **ret)
{
    _cleanup_secret_ secret_t *pin = NULL;
    size_t len;

    TRY(secret_new(PIN_MAX + 2, &pin)); /* room for the newline, and to see that there is more */
    TRY(read_secret(fd, pin, &len));
    TRY(check_pin(pin, len));
    *ret = STEAL(pin);
    return P11KMS_OK;
}

static p11kms_err check_kind(const struct stat *st, const char *path)
{
    if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode)) {
        FAIL(P11KMS_E_CONFIG, "pin-source '%s' is neither a file nor a FIFO", path);
    }
    return P11KMS_OK;
}

static p11kms_err check_guarded(const struct stat *st, const char *path)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        FAIL(P11KMS_E_CONFIG, "pin-source '%s' belongs to user %u", path, (unsigned)st->st_uid);
    }
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        FAIL(P11KMS_E_CONFIG, "pin-source '%s' is open to others than its owner (mode %04o): chmod 0400 it", path,
             (unsigned)(st->st_mode & 07777));
    }
    return P11KMS_OK;
}

/* What is checked is what was opened, so that nothing can change between. */
static p11kms_err pin_from_path(const char *path, bool check_owner, secret_t **ret)
{
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL(P11KMS_E_CONFIG, "pin-source '%s': %s", path, strerror(errno));
    }
    TRY(check_kind(&st, path));
    if (check_owner) {
        TRY(check_guarded(&st, path));
    }
    return pin_from_fd(fd, ret);
}

static p11kms_err pin_from_credential(const char *name, secret_t **ret)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char path[PIN_PATH_MAX];

    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        FAIL(P11KMS_E_CONFIG, "'%s' cannot be the name of a credential", name);
    }
    if (directory == NULL || directory[0] != '/') {
        FAIL(P11KMS_E_CONFIG, "pin-source 'credential:%s': CREDENTIALS_DIRECTORY is not set", name);
    }
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path)) {
        FAIL(P11KMS_E_CONFIG, "the path of credential '%s' is too long", name);
    }
    return pin_from_path(path, false, ret);
}

/* ---- on a terminal ---- */

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static const int interrupting[] = { SIGINT, SIGTERM, SIGHUP };

/* So that ^C ends the question, and the terminal gets its echo back. */
static void catch_signals(struct sigaction before[])
{
    struct sigaction note = { .sa_handler = note_signal };

    interrupted = 0;
    for (size_t i = 0; i < COUNT_OF(interrupting); i++) {
        (void)sigaction(interrupting[i], &note, &before[i]);
    }
}

static void restore_signals(const struct sigaction before[])
{
    for (size_t i = 0; i < COUNT_OF(interrupting); i++) {
        (void)sigaction(interrupting[i], &before[i], NULL);
    }
}

/* A terminal gives one line. */
static p11kms_err read_line(int tty, secret_t *into, size_t *ret_len)
{
    struct pollfd answer = { .fd = tty, .events = POLLIN };
    int ready = poll(&answer, 1, PIN_PROMPT_MS);
    ssize_t n = ready > 0 ? read(tty, secret_data(into), secret_len(into)) : -1;

    if (n < 0) {
        FAIL(P11KMS_E_CONFIG, "no PIN came from the terminal: %s",
             interrupted ? "interrupted" : (ready == 0 ? "nobody answered" : strerror(errno)));
    }
    *ret_len = (size_t)n;
    return P11KMS_OK;
}

static p11kms_err ask(int tty, const char *what, const struct termios *before, secret_t *into, size_t *ret_len)
{
    struct sigaction actions[COUNT_OF(interrupting)];
    struct termios silent = *before;
    p11kms_err err;

    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    silent.c_lflag |= ICANON | ISIG;
    catch_signals(actions);
    if (tcsetattr(tty, TCSAFLUSH, &silent) == 0) {
        dprintf(tty, "PIN for %s: ", what);
        err = read_line(tty, into, ret_len);
        (void)tcsetattr(tty, TCSAFLUSH, before);
        dprintf(tty, "\n");
    } else {
        err = p11kms_fail(P11KMS_E_CONFIG, "the terminal's echo cannot be turned off: %s", strerror(errno));
    }
    restore_signals(actions);
    return err;
}

static p11kms_err pin_from_terminal(const char *what, secret_t **ret)
{
    _cleanup_fd_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    _cleanup_secret_ secret_t *pin = NULL;
    struct termios before;
    size_t len;

    if (tty < 0 || tcgetattr(tty, &before) != 0) {
        FAIL(P11KMS_E_CONFIG, "there is no terminal to ask for the PIN: %s", strerror(errno));
    }
    TRY(secret_new(PIN_MAX + 2, &pin));
    TRY(ask(tty, what, &before, pin, &len));
    TRY(check_pin(pin, len));
    *ret = STEAL(pin);
    return P11KMS_OK;
}

/* ---- which ---- */

static const char *after(const char *source, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(source, prefix, len) == 0 ? source + len : NULL;
}

p11kms_err pin_read(const char *source, const char *what, bool dev, secret_t **ret)
{
    const char *path = after(source, "file:");
    const char *name = after(source, "credential:");

    if (path != NULL && path[0] == '/') {
        return pin_from_path(path, !dev, ret);
    }
    if (name != NULL) {
        return pin_from_credential(name, ret);
    }
    if (strcmp(source, "prompt") == 0) {
        return pin_from_terminal(what, ret);
    }
    FAIL(P11KMS_E_CONFIG, "pin-source must be file:/absolute/path, credential:NAME or prompt");
}
