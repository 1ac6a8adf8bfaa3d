#include "identity/claim.h"

#include <stdio.h>

#include "util/encode.h"

#define SHOWN_MAX 64 /* bytes of a client's text in a message */

static int shown(slice_t text)
{
    return (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX);
}

claim_form claim_find(const message_t *message, const sigv4_scratch *scratch)
{
    bool query = sigv4_parameter_find(scratch, "X-Amz-Algorithm") != NULL ||
                 sigv4_parameter_find(scratch, "X-Amz-Credential") != NULL ||
                 sigv4_parameter_find(scratch, "X-Amz-Signature") != NULL;
    bool header = message_header_count(message, "authorization") > 0;

    return (header ? CLAIM_HEADER : CLAIM_NONE) | (query ? CLAIM_QUERY : CLAIM_NONE);
}

static void find_access_key_id(sigv4_claim *claim)
{
    slice_t rest = claim->credential;

    claim->access_key_id = slice_part(&rest, '/');
}

/** The sentences about all that is missing, as one message. */
static p11kms_err missing(buf_t *sentences, const char *end)
{
    FAIL(P11KMS_E_AUTH_INCOMPLETE, "%s%s", buf_str(sentences), end);
}

/* ---- the header form ---- */

static p11kms_err read_header_parameter(slice_t text, sigv4_claim *claim)
{
    const struct {
        const char *name;
        slice_t *value;
    } known[] = {
        { "Credential", &claim->credential },
        { "SignedHeaders", &claim->signed_headers },
        { "Signature", &claim->signature },
    };
    slice_t value = text;
    slice_t name = slice_part(&value, '=');

    if (name.len == text.len) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE,
             "'%.*s' not a valid key=value pair (missing equal-sign) in Authorization header.", shown(text),
             text.data);
    }
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (!slice_eq_str(name, known[i].name)) {
            continue;
        }
        if (known[i].value->data != NULL) {
            FAIL(P11KMS_E_AUTH_INCOMPLETE, "Authorization header has more than one '%s' parameter.",
                 known[i].name);
        }
        *known[i].value = value;
    }
    return P11KMS_OK;
}

/** RFC 9110, section 5.6.7, the preferred form alone; as "20150830T123600Z". False: something else. */
static bool read_http_date(slice_t text, char out[SIGV4_TIME_TEXT])
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char same[TIME_HTTP_TEXT];
    char month_text[4];
    unsigned day, year, hour, minute, second;
    char copy[TIME_HTTP_TEXT];
    int64_t ms;

    if (text.len != TIME_HTTP_TEXT - 1) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy + 5, "%2u %3s %4u %2u:%2u:%2u GMT", &day, month_text, &year, &hour, &minute, &second) !=
        6) {
        return false;
    }
    const char *month = strstr(months, month_text);
    if (month == NULL) {
        return false;
    }
    snprintf(out, SIGV4_TIME_TEXT, "%04u%02u%02uT%02u%02u%02uZ", year % 10000,
             (unsigned)(month - months) / 3 % 12 + 1, day % 100, hour % 100, minute % 100, second % 100);
    if (time_parse_amz(SLICE_STR(out), &ms) != P11KMS_OK) {
        return false;
    }
    time_format_http(ms, same); /* weekday and every character as they must be */
    return memcmp(same, copy, sizeof(same)) == 0;
}

/** X-Amz-Date, else Date. */
static p11kms_err read_header_date(const message_t *message, sigv4_claim *claim)
{
    claim->timestamp = message_header(message, "x-amz-date");
    if (message_header_count(message, "x-amz-date") > 1 || message_header_count(message, "date") > 1) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "The request has more than one 'X-Amz-Date' or 'Date' header.");
    }
    if (claim->timestamp.data == NULL) {
        claim->timestamp = message_header(message, "date");
        if (read_http_date(claim->timestamp, claim->timestamp_text)) {
            claim->timestamp = SLICE_STR(claim->timestamp_text);
        }
    }
    return P11KMS_OK;
}

p11kms_err claim_read_header(const message_t *message, sigv4_claim *claim)
{
    _cleanup_buf_ buf_t sentences = { 0 };
    slice_t rest = slice_trim(message_header(message, "authorization"));

    if (message_header_count(message, "authorization") > 1) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "The request has more than one Authorization header.");
    }
    slice_t algorithm = slice_part(&rest, ' ');
    if (!slice_eq_str(algorithm, SIGV4_ALGORITHM)) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "Unsupported AWS 'algorithm': '%.*s'.", shown(algorithm),
             algorithm.data);
    }
    while (rest.len > 0) {
        slice_t part = slice_trim(slice_part(&rest, ','));

        if (part.len > 0) {
            TRY(read_header_parameter(part, claim));
        }
    }
    find_access_key_id(claim);
    TRY(read_header_date(message, claim));
    claim->token = message_header(message, "x-amz-security-token");
    if (message_header_count(message, "x-amz-security-token") > 1) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "The request has more than one 'X-Amz-Security-Token' header.");
    }

    const struct {
        slice_t value;
        const char *sentence;
    } needed[] = {
        { claim->credential, "Authorization header requires 'Credential' parameter. " },
        { claim->signature, "Authorization header requires 'Signature' parameter. " },
        { claim->signed_headers, "Authorization header requires 'SignedHeaders' parameter. " },
        { claim->timestamp,
          "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " },
    };
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (needed[i].value.data == NULL) {
            buf_put_str(&sentences, needed[i].sentence);
        }
    }
    return sentences.len > 0 ? missing(&sentences, "Authorization=" SIGV4_ALGORITHM) : P11KMS_OK;
}

/* ---- the query form ---- */

static p11kms_err decode_parameter(sigv4_scratch *scratch, const char *name, slice_t *ret)
{
    const sigv4_parameter *parameter = sigv4_parameter_find(scratch, name);
    size_t start = scratch->decoded.len;

    if (parameter == NULL) {
        return P11KMS_OK;
    }
    /* Parameters are sorted, so that a second one is the next. */
    if (parameter + 1 < scratch->parameters + scratch->n_parameters &&
        slice_eq(parameter[1].name, parameter->name)) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "The query-string has more than one '%s' parameter.", name);
    }
    TRY(percent_decode(&scratch->decoded, parameter->value));
    *ret = SLICE(scratch->decoded.data + start, scratch->decoded.len - start);
    return P11KMS_OK;
}

/* AWS, "Authenticating requests: using query parameters": 1 second to 7 days */
#define EXPIRES_MAX 604800

static p11kms_err read_expires(slice_t text, int64_t *ret)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < text.len && seconds <= EXPIRES_MAX; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';

        seconds = digit ? seconds * 10 + (text.data[i] - '0') : INT64_MAX;
    }
    if (text.len == 0 || seconds < 1 || seconds > EXPIRES_MAX) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "X-Amz-Expires must be a number of seconds from 1 to %d.",
             EXPIRES_MAX);
    }
    *ret = seconds;
    return P11KMS_OK;
}

p11kms_err claim_read_query(sigv4_scratch *scratch, sigv4_claim *claim)
{
    _cleanup_buf_ buf_t sentences = { 0 };
    slice_t algorithm = { 0 }, expires = { 0 };
    const struct {
        const char *name;
        slice_t *value;
        bool needed;
    } known[] = {
        { "X-Amz-Credential", &claim->credential, true },
        { "X-Amz-Signature", &claim->signature, true },
        { "X-Amz-SignedHeaders", &claim->signed_headers, true },
        { "X-Amz-Date", &claim->timestamp, true },
        { "X-Amz-Expires", &expires, true },
        { "X-Amz-Algorithm", &algorithm, true },
        { "X-Amz-Security-Token", &claim->token, false },
    };

    ENSURE(buf_reserve(&scratch->decoded, scratch->query.len) != NULL,
           P11KMS_E_NOMEM); /* so that it never moves */
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        TRY(decode_parameter(scratch, known[i].name, known[i].value));
        if (known[i].needed && known[i].value->data == NULL) {
            buf_printf(&sentences, "AWS query-string parameters must include '%s'. ", known[i].name);
        }
    }
    find_access_key_id(claim);
    if (sentences.len > 0) {
        return missing(&sentences, "Re-examine the query-string parameters.");
    }
    if (!slice_eq_str(algorithm, SIGV4_ALGORITHM)) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "Unsupported AWS 'algorithm': '%.*s'.", shown(algorithm),
             algorithm.data);
    }
    return read_expires(expires, &claim->expires_s);
}

/* ---- what both forms have ---- */

p11kms_err claim_read_time(sigv4_claim *claim)
{
    if (time_parse_amz(claim->timestamp, &claim->time_ms) != P11KMS_OK) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE,
             "Date must be in ISO-8601 'basic format'. Got '%.*s'. See http://en.wikipedia.org/wiki/ISO_8601",
             shown(claim->timestamp), claim->timestamp.data);
    }
    return P11KMS_OK;
}

p11kms_err claim_read_credential(sigv4_claim *claim)
{
    slice_t *const parts[] = { &claim->access_key_id, &claim->date, &claim->region, &claim->service,
                               &claim->terminator };
    slice_t rest = claim->credential;
    size_t slashes = 0;

    for (size_t i = 0; i < claim->credential.len; i++) {
        slashes += claim->credential.data[i] == '/';
    }
    if (slashes != COUNT_OF(parts) - 1) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE,
             "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
             "got '%.*s'",
             shown(claim->credential), claim->credential.data);
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        *parts[i] = slice_part(&rest, '/');
    }
    return P11KMS_OK;
}
