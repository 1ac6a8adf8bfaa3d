/*
 * A line of the log as tail, filters, journald and syslog take it: what is shown is safe on a terminal, what
 * is sent has the form of its protocol, and a filter says of it what the record says.
 *
 * Input: a filter, a newline, and the line.
 */
#include "audit/copy_form.h"
#include "cli/audit_filter.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

static void check_shown(slice_t text)
{
    HOLDS(utf8_valid(text));
    for (size_t i = 0; i < text.len; i++) {
        HOLDS(text.data[i] >= 0x20 && text.data[i] != 0x7f);
        HOLDS(text.data[i] != 0xc2 || text.data[i + 1] >= 0xa0); /* C1 */
    }
}

static uint64_t take_le64(slice_t *rest)
{
    uint64_t value = 0;

    HOLDS(rest->len >= 8);
    for (size_t i = 0; i < 8; i++) {
        value |= (uint64_t)rest->data[i] << (8 * i);
    }
    *rest = SLICE(rest->data + 8, rest->len - 8);
    return value;
}

/* Read as journald does: a name, its length, the value; and the last one is the line. */
static void check_journald(slice_t line)
{
    _cleanup_buf_ buf_t out = { 0 };
    slice_t value = { 0 };
    size_t fields = 0;

    copy_form_journald(line, &out);
    for (slice_t rest = buf_slice(&out); rest.len > 0; fields++) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);

        HOLDS(end != NULL && end > rest.data &&
              (*rest.data == 'M' || *rest.data == 'P' || *rest.data == 'S'));
        rest = SLICE(end + 1, rest.len - (size_t)(end + 1 - rest.data));
        size_t len = (size_t)take_le64(&rest);
        HOLDS(len > 0 && len < rest.len && rest.data[len] == '\n');
        value = SLICE(rest.data, len);
        rest = SLICE(rest.data + len + 1, rest.len - len - 1);
    }
    HOLDS(fields >= 4 && (line.len == 0 || slice_eq(value, line)));
}

/* The header has seven words of printable ASCII; the line follows, or the front of it with a mark. */
static void check_syslog(slice_t line)
{
    _cleanup_buf_ buf_t out = { 0 };
    size_t at = 0;

    copy_form_syslog(line, "host with \x01 odd bytes \xff", &out);
    HOLDS(out.len <= COPY_SYSLOG_MAX);
    for (int words = 0; words < 7; at++) {
        HOLDS(at < out.len && out.data[at] >= 0x20 && out.data[at] < 0x7f);
        words += out.data[at] == ' ';
    }
    slice_t message = SLICE(out.data + at, out.len - at);
    HOLDS(slice_eq(message, line) || (out.len > COPY_SYSLOG_MAX - 8 && message.data[message.len - 1] == ')'));
}

static void check_filter(const char *text, const glance_t *glance)
{
    audit_filter_t filter = { .n = 0 };
    bool known = audit_filter_is(text);

    HOLDS(audit_filter_wants(&filter, glance));
    HOLDS((audit_filter_add(&filter, text) == P11KMS_OK) == known);
    if (!known) {
        return;
    }
    bool wanted = audit_filter_wants(&filter, glance);
    HOLDS(audit_filter_add(&filter, text) == P11KMS_OK && audit_filter_wants(&filter, glance) == wanted);
    /* a second value of a name can only add */
    HOLDS(audit_filter_add(&filter, "error=*") == P11KMS_OK);
    HOLDS(!audit_filter_wants(&filter, glance) || wanted || slice_has_prefix(SLICE_STR(text), "error="));
}

static void check_line(const char *filter, slice_t line)
{
    _cleanup_glance_ glance_t glance = { 0 };
    _cleanup_buf_ buf_t shown = { 0 };

    if (glance_read(line, &glance) != P11KMS_OK) {
        HOLDS(glance.doc == NULL);
        return;
    }
    glance_put(&glance, &shown);
    check_shown(buf_slice(&shown));
    check_filter(filter, &glance);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *newline = len > 0 ? memchr(data, '\n', len) : NULL;
    size_t front = newline ? (size_t)(newline - data) : 0;
    _cleanup_buf_ buf_t filter = { 0 };
    slice_t line = newline ? SLICE(newline + 1, len - front - 1) : SLICE(data, len);

    buf_put(&filter, data, front < 200 ? front : 0);
    check_line(buf_str(&filter), line);
    check_journald(line);
    check_syslog(line);
    return 0;
}
