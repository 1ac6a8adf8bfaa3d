#include <pthread.h>

#include "identity/sigv4.h"
#include "util/encode.h"

/* ---- scratch ---- */

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool scratch_usable;

static void scratch_free(void *value)
{
    sigv4_scratch *scratch = value;

    buf_free(&scratch->text);
    buf_free(&scratch->query);
    buf_free(&scratch->decoded);
    free(scratch);
}

static void scratch_prepare(void)
{
    scratch_usable = pthread_key_create(&scratch_key, scratch_free) == 0;
}

sigv4_scratch *sigv4_scratch_get(void)
{
    sigv4_scratch *scratch;

    pthread_once(&scratch_once, scratch_prepare);
    if (!scratch_usable) {
        return NULL;
    }
    scratch = pthread_getspecific(scratch_key);
    if (scratch == NULL) {
        scratch = calloc(1, sizeof(*scratch));
        if (scratch == NULL || pthread_setspecific(scratch_key, scratch) != 0) {
            free(scratch);
            return NULL;
        }
    }
    return scratch;
}

/** A buffer that failed once is made anew: memory may be there the next time. */
static void wipe_buffer(buf_t *buf)
{
    if (buf_failed(buf)) {
        buf_free(buf);
        *buf = (buf_t){ 0 };
    } else {
        buf_clear(buf);
    }
}

void sigv4_scratch_wipe(sigv4_scratch *scratch)
{
    wipe_buffer(&scratch->text);
    wipe_buffer(&scratch->query);
    wipe_buffer(&scratch->decoded);
    scratch->n_parameters = 0;
    scratch->n_signed_names = 0;
}

/* ---- query ---- */

/** One name or value, encoded as canonical requests have it; room was made for it. */
static p11kms_err encode_element(buf_t *out, slice_t element, slice_t *ret)
{
    size_t start = out->len;

    for (size_t i = 0; i < element.len; i++) {
        uint8_t c = element.data[i];

        if (c == '%') {
            if (element.len - i < 3) {
                FAIL(P11KMS_E_AUTH_INCOMPLETE, "Incomplete trailing escape %% sequence");
            }
            int escaped = hex_byte(element.data + i + 1);
            if (escaped < 0) {
                FAIL(P11KMS_E_AUTH_INCOMPLETE, "Illegal hex character in escape %% pattern");
            }
            c = (uint8_t)escaped;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        percent_encode(out, SLICE(&c, 1), false);
    }
    *ret = SLICE(out->data + start, out->len - start);
    return P11KMS_OK;
}

static int compare_parameters(const sigv4_parameter *a, const sigv4_parameter *b)
{
    int order = slice_cmp(a->name, b->name);

    return order != 0 ? order : slice_cmp(a->value, b->value);
}

static p11kms_err add_parameter(sigv4_scratch *scratch, slice_t text)
{
    slice_t value = text;
    slice_t name = slice_part(&value, '=');
    sigv4_parameter parameter;
    size_t at = scratch->n_parameters;

    if (at == SIGV4_PARAMETERS_MAX) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "More than %d query-string parameters", SIGV4_PARAMETERS_MAX);
    }
    TRY(encode_element(&scratch->query, name, &parameter.name));
    TRY(encode_element(&scratch->query, value, &parameter.value));
    while (at > 0 && compare_parameters(&parameter, &scratch->parameters[at - 1]) < 0) {
        scratch->parameters[at] = scratch->parameters[at - 1];
        at--;
    }
    scratch->parameters[at] = parameter;
    scratch->n_parameters++;
    return P11KMS_OK;
}

p11kms_err sigv4_read_query(sigv4_scratch *scratch, slice_t query)
{
    if (query.len > SIGV4_TARGET_MAX) {
        FAIL(P11KMS_E_AUTH_INCOMPLETE, "The query-string is longer than %d bytes", SIGV4_TARGET_MAX);
    }
    /* The parameters point into it, so it must not move while it grows. */
    ENSURE(buf_reserve(&scratch->query, 3 * query.len) != NULL, P11KMS_E_NOMEM);
    while (query.len > 0) {
        slice_t parameter = slice_part(&query, '&');

        if (parameter.len > 0) {
            TRY(add_parameter(scratch, parameter));
        }
    }
    return P11KMS_OK;
}

const sigv4_parameter *sigv4_parameter_find(const sigv4_scratch *scratch, const char *name)
{
    for (size_t i = 0; i < scratch->n_parameters; i++) {
        if (slice_eq_str(scratch->parameters[i].name, name)) {
            return &scratch->parameters[i];
        }
    }
    return NULL;
}

/* ---- signed header names ---- */

p11kms_err sigv4_read_signed_names(sigv4_scratch *scratch, slice_t list)
{
    for (size_t start = 0; start <= list.len;) {
        const uint8_t *end = start < list.len ? memchr(list.data + start, ';', list.len - start) : NULL;
        size_t len = end != NULL ? (size_t)(end - list.data) - start : list.len - start;
        slice_t name = SLICE(list.data + start, len);
        size_t at = scratch->n_signed_names;
        int order = -1;

        if (at == MESSAGE_HEADERS_MAX) {
            FAIL(P11KMS_E_AUTH_SIGNATURE, SIGV4_MISMATCH);
        }
        while (at > 0 && (order = slice_cmp(name, scratch->signed_names[at - 1])) < 0) {
            scratch->signed_names[at] = scratch->signed_names[at - 1];
            at--;
        }
        if (order == 0) {
            FAIL(P11KMS_E_AUTH_SIGNATURE, SIGV4_MISMATCH);
        }
        scratch->signed_names[at] = name;
        scratch->n_signed_names++;
        start += len + 1;
    }
    return P11KMS_OK;
}

bool sigv4_is_signed(const sigv4_scratch *scratch, slice_t name)
{
    for (size_t i = 0; i < scratch->n_signed_names; i++) {
        if (slice_eq(scratch->signed_names[i], name)) {
            return true;
        }
    }
    return false;
}

/* ---- the canonical request ---- */

/** Dot segments and repeated slashes go, and every segment is encoded once more than the client encoded it. */
static void put_path(buf_t *out, slice_t path)
{
    size_t start = out->len;

    for (slice_t rest = path; rest.len > 0;) {
        slice_t segment = slice_part(&rest, '/');

        if (segment.len == 0 || slice_eq_str(segment, ".")) {
            continue;
        }
        if (slice_eq_str(segment, "..")) {
            while (out->len > start && out->data[--out->len] != '/') {
            }
            continue;
        }
        buf_put_char(out, '/');
        percent_encode(out, segment, false);
    }
    if (out->len == start || path.data[path.len - 1] == '/') {
        buf_put_char(out, '/');
    }
}

static void put_query(buf_t *out, const sigv4_scratch *scratch)
{
    bool first = true;

    for (size_t i = 0; i < scratch->n_parameters; i++) {
        const sigv4_parameter *parameter = &scratch->parameters[i];

        if (slice_eq_str(parameter->name, "X-Amz-Signature")) {
            continue;
        }
        buf_put(out, "&", first ? 0 : 1);
        buf_put_slice(out, parameter->name);
        buf_put_char(out, '=');
        buf_put_slice(out, parameter->value);
        first = false;
    }
}

static bool has_white_space(slice_t text)
{
    return slice_has(text, ' ') || slice_has(text, '\t');
}

/** Outer white space goes, inner runs of it become one space. */
static void put_header_value(buf_t *out, slice_t value)
{
    if (!has_white_space(value)) {
        buf_put_slice(out, value);
        return;
    }
    uint8_t *at = buf_reserve(out, value.len);
    bool space = false, any = false;

    if (at == NULL) {
        return;
    }
    uint8_t *start = at;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];

        if (c == ' ' || c == '\t') {
            space = any;
            continue;
        }
        if (space) {
            *at++ = ' ';
        }
        *at++ = c;
        space = false;
        any = true;
    }
    out->len += (size_t)(at - start);
}

/** All headers of one name in one line, in the order they came. */
static bool put_header(buf_t *out, const sigv4_request *request, slice_t name)
{
    bool found = false;

    for (size_t i = 0; i < request->n_headers; i++) {
        if (!slice_eq(request->headers[i].name, name)) {
            continue;
        }
        if (found) {
            buf_put_char(out, ',');
        } else {
            buf_put_slice(out, name);
            buf_put_char(out, ':');
        }
        put_header_value(out, request->headers[i].value);
        found = true;
    }
    buf_put_char(out, '\n');
    return found;
}

static p11kms_err put_request(sigv4_scratch *scratch, const sigv4_request *request, const char *payload_hex)
{
    buf_t *out = &scratch->text;

    buf_put_slice(out, request->method);
    buf_put_char(out, '\n');
    put_path(out, request->path);
    buf_put_char(out, '\n');
    put_query(out, scratch);
    buf_put_char(out, '\n');
    for (size_t i = 0; i < scratch->n_signed_names; i++) {
        if (!put_header(out, request, scratch->signed_names[i])) {
            FAIL(P11KMS_E_AUTH_SIGNATURE, SIGV4_MISMATCH);
        }
    }
    buf_put_char(out, '\n');
    for (size_t i = 0; i < scratch->n_signed_names; i++) {
        buf_put(out, ";", i > 0 ? 1 : 0);
        buf_put_slice(out, scratch->signed_names[i]);
    }
    buf_put_char(out, '\n');
    buf_put(out, payload_hex, SIGV4_HEX_LEN);
    return P11KMS_OK;
}

p11kms_err sigv4_string_to_sign(sigv4_scratch *scratch, const sigv4_request *request, const char *payload_hex)
{
    buf_t *out = &scratch->text;
    uint8_t digest[SHA256_LEN];
    char hex[SIGV4_HEX_LEN + 1];

    if (request->path.len > SIGV4_TARGET_MAX) {
        FAIL(P11KMS_E_AUTH_SIGNATURE, SIGV4_MISMATCH);
    }
    TRY(put_request(scratch, request, payload_hex));
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    crypto_sha256(buf_slice(out), digest);
    hex_encode(digest, sizeof(digest), hex);

    buf_clear(out);
    buf_put_str(out, SIGV4_ALGORITHM "\n");
    buf_put_slice(out, request->timestamp);
    buf_put_char(out, '\n');
    buf_put(out, request->timestamp.data, SIGV4_DATE_LEN);
    buf_put_char(out, '/');
    buf_put_slice(out, request->region);
    buf_put_char(out, '/');
    buf_put_slice(out, request->service);
    buf_put_str(out, "/" SIGV4_TERMINATOR "\n");
    buf_put(out, hex, SIGV4_HEX_LEN);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

void sigv4_signing_key(slice_t secret, slice_t date, slice_t region, slice_t service, uint8_t out[SHA256_LEN])
{
    uint8_t day[SHA256_LEN], place[SHA256_LEN];

    crypto_hmac_sha256(secret, date, day);
    crypto_hmac_sha256(SLICE(day, SHA256_LEN), region, place);
    crypto_hmac_sha256(SLICE(place, SHA256_LEN), service, day);
    crypto_hmac_sha256(SLICE(day, SHA256_LEN), SLICE_LIT(SIGV4_TERMINATOR), out);
    secret_wipe(day, sizeof(day));
    secret_wipe(place, sizeof(place));
}

void sigv4_time(int64_t ms, char out[SIGV4_TIME_TEXT])
{
    char iso[TIME_TEXT];
    size_t at = 0;

    time_format_iso(ms, iso);
    for (const char *c = iso; *c != '\0'; c++) {
        if (*c != '-' && *c != ':') {
            out[at++] = *c;
        }
    }
    out[at] = '\0';
}
