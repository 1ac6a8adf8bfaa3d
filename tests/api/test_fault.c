/* How our errors look from outside. */
#include "tests/testing.h"

#include "api/fault.h"
#include "api/shape.h"

static void expect_body(p11kms_err err, const char *detail, const char *service, const char *expected)
{
    _cleanup_buf_ buf_t body = { 0 };

    fault_write(err, detail, service, &body);
    assert_buf_text(&body, expected);
}

static void test_every_error_has_one_row_of_its_own(void **state)
{
    (void)state;
    for (int err = P11KMS_OK + 1; err < P11KMS_ERR_COUNT; err++) {
        const fault_t *fault = fault_of((p11kms_err)err, "kms");

        assert_err(fault->err, (p11kms_err)err);
        assert_non_null(fault->code);
        assert_non_null(fault->record_code);
        assert_true(fault->status >= 400 && fault->status < 600);
        assert_true((fault->says == FAULT_FIXED) == (fault->message != NULL));
    }
}

static void test_what_is_no_error_of_ours_is_an_internal_one(void **state)
{
    (void)state;
    assert_err(fault_of(P11KMS_OK, "kms")->err, P11KMS_E_INTERNAL);
    assert_err(fault_of(P11KMS_ERR_COUNT, "kms")->err, P11KMS_E_INTERNAL);
    assert_err(fault_of((p11kms_err)-1, "kms")->err, P11KMS_E_INTERNAL);
}

static void test_the_status_says_whose_fault_it_is(void **state)
{
    static const struct {
        p11kms_err err;
        int status;
        const char *code;
    } rows[] = {
        { P11KMS_E_INTERNAL, 500, "KMSInternalException" },
        { P11KMS_E_AUDIT, 500, "KMSInternalException" },
        { P11KMS_E_STORE, 500, "KMSInternalException" },
        { P11KMS_E_TIMEOUT, 500, "DependencyTimeoutException" },
        { P11KMS_E_TOKEN_LOST, 500, "KeyUnavailableException" },
        { P11KMS_E_KEY_UNAVAILABLE, 500, "KeyUnavailableException" },
        { P11KMS_E_SHUTDOWN, 503, "ServiceUnavailable" },
        { P11KMS_E_WIRE_TOO_LARGE, 413, "RequestEntityTooLargeException" },
        { P11KMS_E_BUSY, 400, "ThrottlingException" },
        { P11KMS_E_THROTTLED, 400, "ThrottlingException" },
        { P11KMS_E_KEY_NOT_FOUND, 400, "NotFoundException" },
        { P11KMS_E_DENIED, 400, "AccessDeniedException" },
        { P11KMS_E_DRY_RUN, 400, "DryRunOperationException" },
        { P11KMS_E_VALIDATION, 400, "ValidationException" },
        { P11KMS_E_WIRE_SERIALIZATION, 400, "SerializationException" },
        { P11KMS_E_AUTH_MISSING, 400, "MissingAuthenticationTokenException" },
        { P11KMS_E_AUTH_INCOMPLETE, 400, "IncompleteSignatureException" },
        { P11KMS_E_AUTH_UNKNOWN_KEY, 400, "UnrecognizedClientException" },
        { P11KMS_E_AUTH_SIGNATURE, 400, "InvalidSignatureException" },
        { P11KMS_E_AUTH_EXPIRED, 400, "ExpiredTokenException" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(fault_of(rows[i].err, "kms")->code, rows[i].code);
        assert_int_equal(fault_of(rows[i].err, "kms")->status, rows[i].status);
    }
}

static void test_a_server_error_never_tells_its_detail(void **state)
{
    (void)state;
    for (int err = P11KMS_OK + 1; err < P11KMS_ERR_COUNT; err++) {
        _cleanup_buf_ buf_t body = { 0 };

        fault_write((p11kms_err)err, "MARKER", "kms", &body);
        if (fault_of((p11kms_err)err, "kms")->status >= 500) {
            assert_null(strstr(buf_str(&body), "MARKER"));
        }
    }
}

static void test_a_denial_is_recorded_by_its_shorter_name(void **state)
{
    (void)state;
    assert_string_equal(fault_of(P11KMS_E_DENIED, "kms")->record_code, "AccessDenied");
    assert_string_equal(fault_of(P11KMS_E_KEY_NOT_FOUND, "kms")->record_code, "NotFoundException");
}

static void test_bodies_carry_the_type_and_the_message_of_the_service(void **state)
{
    (void)state;
    expect_body(P11KMS_E_KEY_NOT_FOUND, "Invalid keyId 'fake'", "kms",
                "{\"__type\":\"NotFoundException\",\"message\":\"Invalid keyId 'fake'\"}");
    expect_body(P11KMS_E_DENIED, "User: x is \"not\" authorized", "secretsmanager",
                "{\"__type\":\"AccessDeniedException\",\"Message\":\"User: x is \\\"not\\\" authorized\"}");
    expect_body(P11KMS_E_DRY_RUN, "ours", "kms",
                "{\"__type\":\"DryRunOperationException\",\"message\":"
                "\"The request would have succeeded, but the DryRun option is set.\"}");
}

static void test_some_faults_have_no_message(void **state)
{
    (void)state;
    expect_body(P11KMS_E_CIPHERTEXT, "the tag does not match", "kms",
                "{\"__type\":\"InvalidCiphertextException\"}");
    expect_body(P11KMS_E_OPERATION_UNSUPPORTED, "", "kms", "{\"__type\":\"UnsupportedOperationException\"}");
    expect_body(P11KMS_E_OPERATION_UNSUPPORTED, NULL, "kms",
                "{\"__type\":\"UnsupportedOperationException\"}");
}

/* Codes every service has, two of STS, and one that Reload alone answers; the model names the others. */
static bool is_common(const char *code)
{
    static const char *const common[] = {
        "AccessDeniedException",        "ExpiredTokenException",
        "IDPCommunicationError",        "IncompleteSignatureException",
        "InvalidConfigurationException", "InvalidIdentityToken",
        "InvalidSignatureException",    "MissingAuthenticationTokenException",
        "NotAuthorizedException",       "RequestEntityTooLargeException",
        "SerializationException",       "ServiceUnavailable",
        "ThrottlingException",          "UnknownOperationException",
        "UnrecognizedClientException",  "ValidationException",
    };

    for (size_t i = 0; i < COUNT_OF(common); i++) {
        if (strcmp(code, common[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_in_model(const char *code)
{
    for (const shape_operation *operation = shape_kms_operations; operation->name != NULL; operation++) {
        for (const char *const *error = operation->errors; *error != NULL; error++) {
            if (strcmp(code, *error) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void test_every_code_is_one_a_client_of_aws_knows(void **state)
{
    (void)state;
    for (int err = P11KMS_OK + 1; err < P11KMS_ERR_COUNT; err++) {
        const char *code = fault_of((p11kms_err)err, "kms")->code;

        if (!is_common(code) && !is_in_model(code)) {
            fail_msg("%s is answered as %s", p11kms_err_name((p11kms_err)err), code);
        }
    }
}

/* STS has words and statuses for what everyone answers (docs/identity.md). */
static void test_sts_says_it_in_its_own_words(void **state)
{
    static const struct {
        p11kms_err err;
        const char *code;
        int status;
    } rows[] = {
        { P11KMS_E_AUTH_MISSING, "MissingAuthenticationToken", 403 },
        { P11KMS_E_AUTH_INCOMPLETE, "IncompleteSignature", 400 },
        { P11KMS_E_AUTH_UNKNOWN_KEY, "InvalidClientTokenId", 403 },
        { P11KMS_E_AUTH_SIGNATURE, "SignatureDoesNotMatch", 403 },
        { P11KMS_E_AUTH_EXPIRED, "ExpiredToken", 403 },
        { P11KMS_E_DENIED, "AccessDenied", 403 },
        { P11KMS_E_VALIDATION, "ValidationError", 400 },
        { P11KMS_E_POLICY_MALFORMED, "MalformedPolicyDocument", 400 },
        { P11KMS_E_LIMIT, "PackedPolicyTooLarge", 400 },
        { P11KMS_E_WEB_TOKEN, "InvalidIdentityToken", 400 },
        { P11KMS_E_WEB_EXPIRED, "ExpiredTokenException", 400 },
        { P11KMS_E_WEB_PROVIDER, "IDPCommunicationError", 400 },
        { P11KMS_E_AUDIT, "InternalFailure", 500 },
        { P11KMS_E_TOKEN_LOST, "ServiceUnavailable", 503 },
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const fault_t *fault = fault_of(rows[i].err, "sts");
        assert_string_equal(fault->code, rows[i].code);
        assert_int_equal(fault->status, rows[i].status);
        assert_int_equal(fault->err, rows[i].err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_one_row_of_its_own),
        cmocka_unit_test(test_sts_says_it_in_its_own_words),
        cmocka_unit_test(test_what_is_no_error_of_ours_is_an_internal_one),
        cmocka_unit_test(test_the_status_says_whose_fault_it_is),
        cmocka_unit_test(test_a_server_error_never_tells_its_detail),
        cmocka_unit_test(test_a_denial_is_recorded_by_its_shorter_name),
        cmocka_unit_test(test_bodies_carry_the_type_and_the_message_of_the_service),
        cmocka_unit_test(test_some_faults_have_no_message),
        cmocka_unit_test(test_every_code_is_one_a_client_of_aws_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
