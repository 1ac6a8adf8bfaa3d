/* Records as the journal and syslog take them. */
#define _GNU_SOURCE /* memmem */
#include "tests/testing.h"

#include <stdio.h>

#include "audit/audit.h"
#include "audit/copy_form.h"

#define RECORD                                                                                                      \
    "{\"userIdentity\":{\"arn\":\"arn:aws:iam::1:user/app\"},\"eventTime\":\"2026-11-22T05:55:59Z\","                \
    "\"eventSource\":\"kms.amazonaws.com\",\"eventName\":\"Decrypt\",\"errorCode\":\"AccessDenied\","                 \
    "\"requestID\":\"r-1\",\"eventID\":\"e-1\",\"resources\":[{\"ARN\":\"arn:aws:kms:eu:1:key/k\"}]}"

/** The value of a field of journald's protocol, or an empty one; fails where the message is malformed. */
static slice_t field(slice_t message, const char *name)
{
    slice_t found = { 0 };

    while (message.len > 0) {
        const uint8_t *newline = memchr(message.data, '\n', message.len);
        assert_non_null(newline);
        size_t name_len = (size_t)(newline - message.data);
        uint64_t len = 0;

        assert_true(message.len >= name_len + 10);
        for (unsigned i = 0; i < 8; i++) {
            len |= (uint64_t)newline[1 + i] << (8 * i);
        }
        assert_true(message.len >= name_len + 10 + len);
        assert_int_equal(newline[9 + len], '\n');
        if (slice_eq_str(SLICE(message.data, name_len), name)) {
            found = SLICE(newline + 9, (size_t)len);
        }
        message = SLICE(newline + 10 + len, message.len - name_len - 10 - (size_t)len);
    }
    return found;
}

static void test_the_journal_gets_what_can_be_searched_by(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    copy_form_journald(SLICE_STR(RECORD), &out);
    slice_t message = buf_slice(&out);
    assert_slice_text(field(message, "MESSAGE"),
                      "2026-11-22T05:55:59Z  1:user/app  kms:Decrypt  eu:1:key/k  AccessDenied  r-1");
    assert_slice_text(field(message, "MESSAGE_ID"), COPY_MESSAGE_ID);
    assert_slice_text(field(message, "PRIORITY"), "5");
    assert_slice_text(field(message, "SYSLOG_IDENTIFIER"), "p11kmsd");
    assert_slice_text(field(message, "P11KMS_EVENT_ID"), "e-1");
    assert_slice_text(field(message, "P11KMS_REQUEST_ID"), "r-1");
    assert_slice_text(field(message, "P11KMS_EVENT_NAME"), "Decrypt");
    assert_slice_text(field(message, "P11KMS_PRINCIPAL"), "arn:aws:iam::1:user/app");
    assert_slice_text(field(message, "P11KMS_RESOURCE"), "arn:aws:kms:eu:1:key/k");
    assert_slice_text(field(message, "P11KMS_ERROR_CODE"), "AccessDenied");
    assert_slice_text(field(message, "P11KMS_RECORD"), RECORD);
}

/* A newline in a value would begin a field of the sender's choice in the other form of the protocol. */
static void test_a_client_cannot_forge_a_field(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    copy_form_journald(SLICE_LIT("{\"requestID\":\"a\\nPRIORITY=0\\n\\u0000\\u001b\"}"), &out);
    assert_slice_text(field(buf_slice(&out), "PRIORITY"), "6");
    assert_slice_equal(field(buf_slice(&out), "P11KMS_REQUEST_ID"), SLICE_LIT("a\nPRIORITY=0\n\0\x1b"));
    assert_slice_text(field(buf_slice(&out), "MESSAGE"), "-  -  -:-  -  ok  a\\u000aPRIORITY=0\\u000a\\u0000\\u001b");
}

static void assert_begins(const buf_t *text, const char *start)
{
    if (strncmp(buf_str(text), start, strlen(start)) != 0) {
        fail_msg("'%.120s' does not begin with '%s'", buf_str(text), start);
    }
}

static void test_syslog_gets_the_header_of_rfc_5424_and_the_line(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    char expected[512];

    (void)state;
    copy_form_syslog(SLICE_STR(RECORD), "kms1", &out);
    snprintf(expected, sizeof(expected), "<85>1 2026-11-22T05:55:59Z kms1 p11kmsd %ld Decrypt - " RECORD, (long)getpid());
    assert_buf_text(&out, expected);
}

static void test_a_header_of_syslog_has_no_other_words(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    char expected[64];

    (void)state;
    copy_form_syslog(SLICE_LIT("{\"eventTime\":\"a b\\n\",\"eventName\":\"\\u00e9 \\t\"}"), "", &out);
    snprintf(expected, sizeof(expected), "<86>1 ab - p11kmsd %ld - - {", (long)getpid());
    assert_begins(&out, expected);
}

static void long_record(buf_t *line, size_t len)
{
    buf_put_str(line, "{\"eventID\":\"e-1\",\"x\":\"");
    while (line->len < len) {
        buf_put_str(line, "\xc3\xa9");
    }
    buf_put_str(line, "\"}");
}

static void test_a_long_record_is_cut_for_syslog_and_says_so(void **state)
{
    static const char mark[] = " bytes, eventID e-1)";

    (void)state;
    for (size_t len = 7000; len < 9000; len += 37) {
        _cleanup_buf_ buf_t line = { 0 };
        _cleanup_buf_ buf_t out = { 0 };

        long_record(&line, len);
        copy_form_syslog(buf_slice(&line), "kms1", &out);
        assert_true(out.len <= COPY_SYSLOG_MAX);
        bool whole = memmem(out.data, out.len, line.data, line.len) != NULL;
        bool marked = out.len > sizeof(mark) && strcmp(buf_str(&out) + out.len - strlen(mark), mark) == 0;
        assert_int_equal(whole, !marked);
        const char *cut = strstr(buf_str(&out), "...");
        if (marked) { /* between characters */
            assert_int_equal((unsigned char)cut[-1], 0xa9);
        }
    }
}

static void test_a_long_line_that_is_no_utf8_loses_no_more_than_it_must(void **state)
{
    _cleanup_buf_ buf_t line = { 0 };
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    while (line.len < COPY_SYSLOG_MAX + 500) {
        buf_put_u8(&line, 0xa9);
    }
    copy_form_syslog(buf_slice(&line), "kms1", &out);
    assert_in_range(out.len, COPY_SYSLOG_MAX - 3, COPY_SYSLOG_MAX);
}

static void test_the_journal_gets_the_longest_record_whole(void **state)
{
    _cleanup_buf_ buf_t line = { 0 };
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    long_record(&line, AUDIT_RECORD_MAX - 4);
    copy_form_journald(buf_slice(&line), &out);
    assert_slice_equal(field(buf_slice(&out), "P11KMS_RECORD"), buf_slice(&line));
}

static void test_a_line_that_is_no_record_is_passed_on(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    copy_form_journald(SLICE_LIT("{broken"), &out);
    assert_slice_text(field(buf_slice(&out), "MESSAGE"), "{broken");
    buf_clear(&out);
    copy_form_syslog(SLICE_LIT("{broken"), "h", &out);
    assert_begins(&out, "<86>1 - h p11kmsd ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_journal_gets_what_can_be_searched_by),
        cmocka_unit_test(test_a_client_cannot_forge_a_field),
        cmocka_unit_test(test_syslog_gets_the_header_of_rfc_5424_and_the_line),
        cmocka_unit_test(test_a_header_of_syslog_has_no_other_words),
        cmocka_unit_test(test_a_long_record_is_cut_for_syslog_and_says_so),
        cmocka_unit_test(test_a_long_line_that_is_no_utf8_loses_no_more_than_it_must),
        cmocka_unit_test(test_the_journal_gets_the_longest_record_whole),
        cmocka_unit_test(test_a_line_that_is_no_record_is_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
