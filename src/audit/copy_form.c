#include "audit/copy_form.h"

#include <stdio.h>

#include "audit/glance.h"
#include "util/encode.h"

/* syslog(3) */
#define FACILITY_AUTHPRIV 10
#define SEVERITY_NOTICE 5 /* refused */
#define SEVERITY_INFO 6

#define PROGRAM "p11kmsd"
#define UTF8_MORE_MAX 3 /* bytes of a character behind its first: RFC 3629 */

static int severity_of(const glance_t *glance)
{
    return glance->error.len > 0 ? SEVERITY_NOTICE : SEVERITY_INFO;
}

/* ---- journald ---- */

/* The form for any bytes: the name, the length as 64 bits little-endian, the value. */
static void put_field(buf_t *out, const char *name, slice_t value)
{
    if (value.len == 0) {
        return;
    }
    buf_put_str(out, name);
    buf_put_char(out, '\n');
    for (unsigned shift = 0; shift < 64; shift += 8) {
        buf_put_u8(out, (uint8_t)((uint64_t)value.len >> shift));
    }
    buf_put_slice(out, value);
    buf_put_char(out, '\n');
}

void copy_form_journald(slice_t line, buf_t *out)
{
    _cleanup_glance_ glance_t glance = { 0 };
    _cleanup_buf_ buf_t message = { 0 };

    if (glance_read(line, &glance) == P11KMS_OK) {
        glance_put(&glance, &message);
    }
    const struct {
        const char *name;
        slice_t value;
    } fields[] = {
        { "MESSAGE", message.len ? buf_slice(&message) : line },
        { "MESSAGE_ID", SLICE_LIT(COPY_MESSAGE_ID) },
        { "PRIORITY", severity_of(&glance) == SEVERITY_INFO ? SLICE_LIT("6") : SLICE_LIT("5") },
        { "SYSLOG_FACILITY", SLICE_LIT("10") },
        { "SYSLOG_IDENTIFIER", SLICE_LIT(PROGRAM) },
        { "P11KMS_EVENT_ID", glance.event_id },
        { "P11KMS_REQUEST_ID", glance.request_id },
        { "P11KMS_EVENT_TIME", glance.time },
        { "P11KMS_EVENT_SOURCE", glance.source },
        { "P11KMS_EVENT_NAME", glance.event },
        { "P11KMS_PRINCIPAL", glance.principal },
        { "P11KMS_ACCESS_KEY", glance.access_key },
        { "P11KMS_ACCOUNT", glance.account },
        { "P11KMS_RESOURCE", glance.resource },
        { "P11KMS_ERROR_CODE", glance.error },
        { "P11KMS_RECORD", line },
    };
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        put_field(out, fields[i].name, fields[i].value);
    }
}

/* ---- syslog ---- */

/* A word of the header: printable ASCII without spaces, "-" for none. */
static void put_word(buf_t *out, slice_t word, size_t max)
{
    size_t put = 0;

    for (size_t i = 0; i < word.len && put < max; i++) {
        if (word.data[i] > 0x20 && word.data[i] < 0x7f) {
            buf_put_u8(out, word.data[i]);
            put++;
        }
    }
    buf_put_str(out, put ? " " : "- ");
}

static bool goes_on(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/** At most @p max bytes, whole characters; of what is no UTF-8, just so many. */
static slice_t cut(slice_t text, size_t max)
{
    if (text.len > max) {
        size_t at = max;

        while (at > 0 && max - at < UTF8_MORE_MAX && goes_on(text.data[at])) {
            at--;
        }
        text.len = goes_on(text.data[at]) ? max : at;
    }
    return text;
}

static void put_message(buf_t *out, slice_t line, slice_t event_id)
{
    _cleanup_buf_ buf_t mark = { 0 };
    size_t room = COPY_SYSLOG_MAX - out->len;

    if (line.len > room) {
        buf_printf(&mark, "... (cut: %zu bytes, eventID ", line.len);
        buf_put_slice(&mark, cut(event_id, UUID_TEXT));
        buf_put_char(&mark, ')');
        room -= mark.len;
    }
    buf_put_slice(out, cut(line, room));
    buf_put_slice(out, buf_slice(&mark));
}

void copy_form_syslog(slice_t line, const char *host, buf_t *out)
{
    _cleanup_glance_ glance_t glance = { 0 };

    (void)!glance_read(line, &glance); /* then it has no words */
    buf_printf(out, "<%d>1 ", FACILITY_AUTHPRIV * 8 + severity_of(&glance));
    put_word(out, glance.time, TIME_TEXT);
    put_word(out, SLICE_STR(host), 255); /* the lengths of RFC 5424 section 6 */
    put_word(out, SLICE_LIT(PROGRAM), 48);
    buf_printf(out, "%ld ", (long)getpid());
    put_word(out, glance.event, 32);
    buf_put_str(out, "- ");
    put_message(out, line, glance.event_id);
}
