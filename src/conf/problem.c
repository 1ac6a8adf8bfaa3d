#include "conf/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "conf/conf.h"

#define MESSAGE_MAX 1024
#define NAME_MAX_COMPARED 64

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

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned edit_distance(slice_t a, slice_t b, unsigned limit)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];

    if (a.len > NAME_MAX_COMPARED || b.len > NAME_MAX_COMPARED) {
        return limit;
    }
    for (unsigned j = 0; j <= b.len; j++) {
        above[j] = j;
    }
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *spare = before;

        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned replace = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);

            row[j] = least(replace, 1 + least(above[j], row[j - 1]));
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1]) {
                row[j] = least(row[j], before[j - 2] + 1);
            }
        }
        before = above;
        above = row;
        row = spare;
    }
    return least(above[b.len], limit);
}
