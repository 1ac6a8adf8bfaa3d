#include "conf/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/conf.h"

#define MESSAGE_MAX 1024

__attribute__((format(printf, 3, 0))) static void put_line(buf_t *out, conf_place place, const char *fmt,
                                                           va_list args)
{
    char message[MESSAGE_MAX];

    vsnprintf(message, sizeof(message), fmt, args);
    buf_printf(out, "%s:%u:%u: %s\n", place.file, place.line, place.column, message);
}

void problem_put(problems_t *problems, const char *file, unsigned line, unsigned column, const char *fmt, ...)
{
    va_list args;

    if (problems->n++ >= CONF_PROBLEMS_MAX) {
        return;
    }
    va_start(args, fmt);
    put_line(problems->out, (conf_place){ file, line, column }, fmt, args);
    va_end(args);
}

void conf_problem(buf_t *problems, conf_place place, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line(problems, place, fmt, args);
    va_end(args);
}

p11kms_err problems_result(const problems_t *problems)
{
    if (problems->n == 0) {
        return P11KMS_OK;
    }
    FAIL(P11KMS_E_CONFIG, "%u problem%s in the configuration", problems->n, problems->n == 1 ? "" : "s");
}

const char *quoted(slice_t text, char out[QUOTED_SIZE])
{
    size_t keep = text.len <= QUOTED_SIZE - 8 ? text.len : QUOTED_SIZE - 8;
    size_t at = 0;

    while (keep < text.len && keep > 0 && (text.data[keep] & 0xc0) == 0x80) {
        keep--; /* not through the middle of a character */
    }
    out[at++] = '\'';
    for (size_t i = 0; i < keep; i++) {
        bool control = text.data[i] < 0x20 || text.data[i] == 0x7f;

        out[at++] = control ? '?' : (char)text.data[i];
    }
    memcpy(out + at, keep < text.len ? "...'" : "'", keep < text.len ? 5 : 2);
    return out;
}
