#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/clock.h"

#define MESSAGE_MAX 2048                     /* what is kept of a message */
#define LINE_MAX_LEN (4 * MESSAGE_MAX + 512) /* an escaped byte takes four */

#define SITE_WINDOW_US 1000000
#define SITE_BURST 20

static const struct {
    const char *name;
    int priority; /* sd-daemon(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = { "error", 3 },   [LOG_LEVEL_WARNING] = { "warning", 4 },
    [LOG_LEVEL_NOTICE] = { "notice", 5 }, [LOG_LEVEL_INFO] = { "info", 6 },
    [LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static const char *program_name = "p11kms";
static bool to_journal;
static atomic_int max_level = LOG_LEVEL_INFO;
static pthread_mutex_t site_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local const char *request;

/* systemd.exec(5): $JOURNAL_STREAM is "device:inode" of the stream that is the journal. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    uintmax_t device, inode;

    return stream != NULL && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && device == st.st_dev && inode == st.st_ino;
}

void log_open(const char *program, log_level level)
{
    program_name = program;
    to_journal = stderr_is_journal();
    log_set_level(level);
}

void log_set_level(log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

bool log_level_parse(const char *text, log_level *ret)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *ret = (log_level)i;
            return true;
        }
    }
    return false;
}

void log_set_request(const char *request_id)
{
    request = request_id;
}

/* Whether this message may pass; @p ret_missed is how many before it did not. */
static bool site_admit(log_site *site, unsigned *ret_missed)
{
    int64_t now = clock_mono_us();
    bool admitted;

    pthread_mutex_lock(&site_lock);
    if (site->window_start_us == 0 || now - site->window_start_us >= SITE_WINDOW_US) {
        site->window_start_us = now;
        site->in_window = 0;
    }
    admitted = site->in_window < SITE_BURST;
    if (admitted) {
        site->in_window++;
        *ret_missed = site->suppressed;
        site->suppressed = 0;
    } else {
        site->suppressed++;
    }
    pthread_mutex_unlock(&site_lock);
    return admitted;
}

/* A line being made; what does not fit is left out. */
typedef struct {
    char text[LINE_MAX_LEN];
    size_t len;
} line_t;

static void line_add(line_t *line, const char *text, size_t len)
{
    if (len < sizeof(line->text) - line->len) { /* one byte stays for the newline */
        memcpy(line->text + line->len, text, len);
        line->len += len;
    }
}

static PRINTF(2, 3) void line_printf(line_t *line, const char *fmt, ...)
{
    char text[128];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (len > 0) {
        line_add(line, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
    }
}

/* Only printable ASCII goes through as it is: neither a forged line nor a terminal's escape. */
static void line_escape(line_t *line, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '\\') {
            line_add(line, "\\\\", 2);
        } else if (c == '\n') {
            line_add(line, "\\n", 2);
        } else if (c >= 0x20 && c < 0x7f) {
            line_add(line, text, 1);
        } else {
            line_printf(line, "\\x%02x", c);
        }
    }
}

static void line_write(line_t *line)
{
    size_t done = 0;

    line->text[line->len++] = '\n';
    while (done < line->len) {
        ssize_t written = write(STDERR_FILENO, line->text + done, line->len - done);

        if (written < 0 && errno != EINTR) {
            return; /* nobody is left to be told */
        }
        done += written > 0 ? (size_t)written : 0;
    }
}

void log_message(log_site *site, log_level level, const char *fmt, ...)
{
    int saved_errno = errno;
    char message[MESSAGE_MAX];
    unsigned missed = 0;
    line_t line;
    va_list args;

    if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed) || !site_admit(site, &missed)) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);

    line.len = 0;
    if (to_journal) {
        line_printf(&line, "<%d>", levels[level].priority);
    } else {
        line_printf(&line, "%s[%ld]: ", program_name, (long)getpid());
    }
    line_printf(&line, "%s: %s: ", levels[level].name, site->room);
    line_escape(&line, message);
    if (missed > 0) {
        line_printf(&line, " (%u more like this were left out)", missed);
    }
    if (request != NULL) {
        line_add(&line, " req=", 5);
        line_escape(&line, request);
    }
    line_write(&line);
    errno = saved_errno;
}
