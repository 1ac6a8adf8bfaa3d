#include "tests/identity/people.h"

static void test_a_signature_is_the_one_aws_computes(void **state)
{
    /* IAM User Guide's example key; the value was computed by botocore 1.29.27. */
    const sigv4_credentials credentials = credentials_of("AKIDEXAMPLE");
    const header_t headers[] = {
        { SLICE_LIT("x-amz-target"), SLICE_LIT("TrentService.ListKeys") },
        { SLICE_LIT("host"), SLICE_LIT("kms.eu-central-1.amazonaws.com") },
        { SLICE_LIT("content-type"), SLICE_LIT("application/x-amz-json-1.1") },
    };
    _cleanup_buf_ buf_t lines = { 0 };

    (void)state;
    assert_ok(crypto_init());
    assert_ok(sigv4_sign(&credentials, SLICE_LIT("POST"), SLICE_LIT("/"), SLICE_LIT(""), headers,
                         COUNT_OF(headers), SLICE_LIT("{}"), at_time(NOW), &lines));
    assert_buf_text(
        &lines,
        "X-Amz-Date: 20260102T030405Z\r\n"
        "X-Amz-Content-Sha256: 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-central-1/kms/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target, "
        "Signature=97b247f97738d4034cf5680b778b3af61a7e236efd9547c175212bca6cce797c\r\n");
}

static void test_what_is_signed_verifies(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        const char *query;
    } rows[] = {
        { "GET", "/", "" },
        { "POST", "", "" },
        { "POST", "/a/../b%20c//d/", "z=1&a=%2f&a=1&&b" },
        { "DELETE", "/\xc3\xbc", "q=a+b%2b" },
    };
    _cleanup_(identity) identity_t *identity = build_people();
    const sigv4_credentials credentials = credentials_of(APP_KEY);
    const identity_check check = { .now_ms = at_time(NOW), .skew_seconds = 300 };
    const header_t headers[] = {
        { SLICE_LIT("host"), SLICE_LIT("h") },
        { SLICE_LIT("x-b"), SLICE_LIT(" two  words\t") },
        { SLICE_LIT("x-b"), SLICE_LIT("") },
        { SLICE_LIT("a"), SLICE_LIT("1") },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        _cleanup_(arena) arena_t *arena = arena_new(4096);
        _cleanup_buf_ buf_t lines = { 0 };
        slice_t body = SLICE_STR(rows[i].path);
        message_t message, added;
        identity_auth auth;

        buf_put_str(&lines, "\n");
        assert_ok(sigv4_sign(&credentials, SLICE_STR(rows[i].method), SLICE_STR(rows[i].path),
                             SLICE_STR(rows[i].query), headers, COUNT_OF(headers), body, at_time(NOW),
                             &lines));
        request_read(arena, buf_slice(&lines), &added); /* values end in \r, which is trimmed below */
        message = (message_t){ .method = SLICE_STR(rows[i].method),
                               .path = SLICE_STR(rows[i].path),
                               .query = SLICE_STR(rows[i].query),
                               .body = body };
        memcpy(message.headers, headers, sizeof(headers));
        message.n_headers = COUNT_OF(headers);
        for (size_t k = 0; k < added.n_headers; k++) {
            added.headers[k].value.len--;
            message.headers[message.n_headers++] = added.headers[k];
        }
        assert_int_equal(added.n_headers, 3);
        assert_ok(identity_authenticate(identity, &message, &check, &auth));
    }
}

/** Signed rightly, yet the header says another hash than the body's. */
static void test_a_body_hash_that_is_told_must_be_the_bodys(void **state)
{
    static const char *const told[] = { "UNSIGNED-PAYLOAD",
                                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                        "" };
    _cleanup_(identity) identity_t *identity = build_people();
    const sigv4_credentials credentials = credentials_of(APP_KEY);
    const identity_check check = { .now_ms = at_time(NOW), .skew_seconds = 300 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        const header_t headers[] = { { SLICE_LIT("host"), SLICE_LIT("h") },
                                     { SLICE_LIT("x-amz-content-sha256"), SLICE_STR(told[i]) } };
        message_t message = { .method = SLICE_LIT("POST"), .path = SLICE_LIT("/"), .body = SLICE_LIT("{}") };
        _cleanup_(arena) arena_t *arena = arena_new(4096);
        _cleanup_buf_ buf_t lines = { 0 };
        identity_auth auth;
        message_t added;

        buf_put_str(&lines, "\n");
        assert_ok(sigv4_sign(&credentials, message.method, message.path, message.query, headers,
                             COUNT_OF(headers), message.body, at_time(NOW), &lines));
        request_read(arena, buf_slice(&lines), &added);
        memcpy(message.headers, headers, sizeof(headers));
        message.n_headers = COUNT_OF(headers);
        for (size_t k = 0; k < added.n_headers; k++) {
            added.headers[k].value.len--;
            message.headers[message.n_headers++] = added.headers[k];
        }
        assert_err(identity_authenticate(identity, &message, &check, &auth), P11KMS_E_AUTH_SIGNATURE);
    }
}

static void test_a_request_without_host_or_with_too_many_headers_is_not_signed(void **state)
{
    const sigv4_credentials credentials = credentials_of(APP_KEY);
    header_t headers[MESSAGE_HEADERS_MAX];
    _cleanup_buf_ buf_t lines = { 0 };

    (void)state;
    assert_ok(crypto_init());
    for (size_t i = 0; i < MESSAGE_HEADERS_MAX; i++) {
        headers[i] = (header_t){ SLICE_LIT("x"), SLICE_LIT("y") };
    }
    assert_err(sigv4_sign(&credentials, SLICE_LIT("GET"), SLICE_LIT("/"), SLICE_LIT(""), headers, 1,
                          SLICE_LIT(""), 0, &lines),
               P11KMS_E_RANGE);
    headers[0].name = SLICE_LIT("host");
    assert_err(sigv4_sign(&credentials, SLICE_LIT("GET"), SLICE_LIT("/"), SLICE_LIT(""), headers,
                          MESSAGE_HEADERS_MAX - 1, SLICE_LIT(""), 0, &lines),
               P11KMS_E_RANGE);
    assert_int_equal(lines.len, 0);
    assert_ok(sigv4_sign(&credentials, SLICE_LIT("GET"), SLICE_LIT("/"), SLICE_LIT(""), headers,
                         MESSAGE_HEADERS_MAX - 2, SLICE_LIT(""), 0, &lines));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signature_is_the_one_aws_computes),
        cmocka_unit_test(test_what_is_signed_verifies),
        cmocka_unit_test(test_a_body_hash_that_is_told_must_be_the_bodys),
        cmocka_unit_test(test_a_request_without_host_or_with_too_many_headers_is_not_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
