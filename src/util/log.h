/*
 * The operational log: standard error, one line a message, journald priorities
 * where standard error is the journal. The audit log is another room.
 *
 *     p11kmsd[812]: error: token: slot 'prod-a': login refused (CKR_PIN_LOCKED) req=7f3a
 *
 * Text from outside is escaped here. Repeats of one call site are rate-limited
 * (20 a second, then a count). Never pass a secret: there is no formatter for one.
 */
#pragma once

#include "util/cleanup.h"

typedef enum { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG } log_level;

/** @p program is kept by reference. Messages above @p level are dropped. */
void log_open(const char *program, log_level level);
void log_set_level(log_level level);
/** @retval false when @p text is none of error, warning, notice, info, debug. */
bool log_level_parse(const char *text, log_level *ret);
/** "req=ID" on every message of this thread until cleared with NULL; kept by reference. */
void log_set_request(const char *request_id);

typedef struct {
    const char *room;
    int64_t window_start_us;
    unsigned in_window;
    unsigned suppressed;
} log_site;

void log_message(log_site *site, log_level level, const char *fmt, ...) PRINTF(3, 4);

/* Each source file that logs defines LOG_ROOM before including this header. */
#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        static log_site site_ = { .room = LOG_ROOM };                                              \
        log_message(&site_, (level), __VA_ARGS__);                                                 \
    } while (0)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(...) LOG_AT(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
