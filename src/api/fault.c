#include "api/fault.h"

#include "util/json.h"

/* Rows of the table: { error, code, code in records, status, which message, the fixed one }. */
#define SAYS_DETAIL(err, code, status)                                                                       \
    [P11KMS_E_##err] = { P11KMS_E_##err, code, code, status, FAULT_DETAIL, NULL }
#define SAYS_NOTHING(err, code, status)                                                                      \
    [P11KMS_E_##err] = { P11KMS_E_##err, code, code, status, FAULT_NONE, NULL }
#define SAYS(err, code, status, text)                                                                        \
    [P11KMS_E_##err] = { P11KMS_E_##err, code, code, status, FAULT_FIXED, text }

/* What went wrong in here stays in here. */
#define INTERNAL(err)                                                                                        \
    SAYS(err, "KMSInternalException", 500,                                                                   \
         "The request was rejected because an internal exception occurred. The request can be retried.")
#define UNAVAILABLE(err)                                                                                     \
    SAYS(err, "KeyUnavailableException", 500,                                                                \
         "The request was rejected because the specified KMS key was not available. You can retry the "      \
         "request.")
#define THROTTLED(err)                                                                                       \
    SAYS(err, "ThrottlingException", 400,                                                                    \
         "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.")

static const fault_t faults[P11KMS_ERR_COUNT] = {
    INTERNAL(NOMEM),
    INTERNAL(INTERNAL),
    INTERNAL(IO),
    SAYS(TIMEOUT, "DependencyTimeoutException", 500,
         "The system timed out while trying to fulfill the request. You can retry the request."),
    THROTTLED(BUSY),
    SAYS(SHUTDOWN, "ServiceUnavailable", 503,
         "The request has failed due to a temporary failure of the server."),
    SAYS_DETAIL(CONFIG, "InvalidConfigurationException", 400), /* p11kms:Reload, to an operator */
    INTERNAL(CRYPTO),
    INTERNAL(STORE),
    INTERNAL(STORE_NEWER),
    INTERNAL(AUDIT),
    SAYS(AUDIT_ROOM, "ServiceUnavailable", 503,
         "The request has failed due to a temporary failure of the server."),

    /* A room's own word for a value: whoever knows what it means to the caller says that instead. */
    INTERNAL(RANGE),
    INTERNAL(SYNTAX),
    SAYS_DETAIL(NOT_FOUND, "NotFoundException", 400), /* users and access keys */
    INTERNAL(EXISTS),
    INTERNAL(UNSUPPORTED),

    INTERNAL(TOKEN),
    UNAVAILABLE(TOKEN_LOST),
    UNAVAILABLE(TOKEN_PIN),
    UNAVAILABLE(TOKEN_NO_KEY),

    SAYS(AUTH_MISSING, "MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
    SAYS_DETAIL(AUTH_INCOMPLETE, "IncompleteSignatureException", 400),
    SAYS(AUTH_UNKNOWN_KEY, "UnrecognizedClientException", 400,
         "The security token included in the request is invalid."),
    SAYS_DETAIL(AUTH_SIGNATURE, "InvalidSignatureException", 400),
    SAYS(AUTH_EXPIRED, "ExpiredTokenException", 400, "The security token included in the request is expired"),
    SAYS_DETAIL(WEB_TOKEN, "InvalidIdentityToken", 400),
    SAYS_DETAIL(WEB_EXPIRED, "ExpiredTokenException", 400),
    SAYS_DETAIL(WEB_PROVIDER, "IDPCommunicationError", 400),
    [P11KMS_E_DENIED] = { P11KMS_E_DENIED, "AccessDeniedException", "AccessDenied", 400, FAULT_DETAIL, NULL },

    SAYS_DETAIL(WIRE_SERIALIZATION, "SerializationException", 400),
    SAYS_DETAIL(WIRE_UNKNOWN_OPERATION, "UnknownOperationException", 400),
    SAYS(WIRE_TOO_LARGE, "RequestEntityTooLargeException", 413,
         "The request is larger than the service takes."),
    SAYS_DETAIL(VALIDATION, "ValidationException", 400),
    SAYS(DRY_RUN, "DryRunOperationException", 400,
         "The request would have succeeded, but the DryRun option is set."),
    THROTTLED(THROTTLED),

    SAYS_DETAIL(KEY_NOT_FOUND, "NotFoundException", 400),
    SAYS_DETAIL(KEY_DISABLED, "DisabledException", 400),
    SAYS_DETAIL(KEY_STATE, "KMSInvalidStateException", 400),
    SAYS_DETAIL(KEY_USAGE, "InvalidKeyUsageException", 400),
    UNAVAILABLE(KEY_UNAVAILABLE),
    SAYS(KEY_INCORRECT, "IncorrectKeyException", 400,
         "The key ID in the request does not identify a CMK that can perform this operation."),
    SAYS_NOTHING(CIPHERTEXT, "InvalidCiphertextException", 400),
    SAYS_NOTHING(SIGNATURE_INVALID, "KMSInvalidSignatureException", 400),
    SAYS_NOTHING(MAC_INVALID, "KMSInvalidMacException", 400),
    SAYS_DETAIL(ALIAS_EXISTS, "AlreadyExistsException", 400),
    SAYS_DETAIL(ALIAS_NAME, "InvalidAliasNameException", 400),
    SAYS(ALIAS_RESERVED, "NotAuthorizedException", 400, "Aliases that begin with alias/aws/ are reserved."),
    SAYS_DETAIL(ARN, "InvalidArnException", 400),
    SAYS(MARKER, "InvalidMarkerException", 400,
         "The request was rejected because the marker that specifies where pagination should next begin is "
         "not valid."),
    SAYS_DETAIL(LIMIT, "LimitExceededException", 400),
    SAYS_DETAIL(TAG, "TagException", 400),
    SAYS_DETAIL(POLICY_MALFORMED, "MalformedPolicyDocumentException", 400),
    SAYS_DETAIL(OPERATION_UNSUPPORTED, "UnsupportedOperationException", 400),
    SAYS_NOTHING(NO_ROTATION, "UnsupportedOperationException", 400),
    SAYS_DETAIL(GRANT_TOKEN, "InvalidGrantTokenException", 400),
    SAYS_DETAIL(GRANT_ID, "InvalidGrantIdException", 400),
    SAYS_DETAIL(CUSTOM_NOT_FOUND, "CustomKeyStoreNotFoundException", 400),
    SAYS_DETAIL(CUSTOM_NAME, "CustomKeyStoreNameInUseException", 400),
    SAYS_DETAIL(CUSTOM_STATE, "CustomKeyStoreInvalidStateException", 400),
    SAYS_DETAIL(CUSTOM_HAS_KEYS, "CustomKeyStoreHasCMKsException", 400),
    SAYS_DETAIL(CLUSTER_NOT_FOUND, "CloudHsmClusterNotFoundException", 400),
    SAYS_DETAIL(CLUSTER_IN_USE, "CloudHsmClusterInUseException", 400),
    SAYS_DETAIL(CLUSTER_NOT_RELATED, "CloudHsmClusterNotRelatedException", 400),
    SAYS_DETAIL(XKS_URI_UNREACHABLE, "XksProxyUriUnreachableException", 400),
    SAYS_DETAIL(XKS_URI_IN_USE, "XksProxyUriInUseException", 400),
    SAYS_DETAIL(XKS_KEY_NOT_FOUND, "XksKeyNotFoundException", 400),
    SAYS_DETAIL(XKS_KEY_IN_USE, "XksKeyAlreadyInUseException", 400),
    SAYS_DETAIL(XKS_KEY_INVALID, "XksKeyInvalidConfigurationException", 400),
    SAYS_DETAIL(CONFLICT, "ConflictException", 400),
    SAYS_DETAIL(KEY_MATERIAL, "IncorrectKeyMaterialException", 400),
    SAYS_DETAIL(IMPORT_TOKEN, "InvalidImportTokenException", 400),
    SAYS_DETAIL(IMPORT_EXPIRED, "ExpiredImportTokenException", 400),
};

/* Where STS, whose protocol is another, says it otherwise ("Common Errors" of its API reference; docs/identity.md). */
#define STS_FAILURE(err) SAYS(err, "InternalFailure", 500, "The request processing has failed because of an unknown error.")
#define STS_UNAVAILABLE(err)                                                                                 \
    SAYS(err, "ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server.")
static const fault_t sts_faults[P11KMS_ERR_COUNT] = {
    STS_FAILURE(NOMEM),
    STS_FAILURE(INTERNAL),
    STS_FAILURE(IO),
    STS_FAILURE(CRYPTO),
    STS_FAILURE(STORE),
    STS_FAILURE(STORE_NEWER),
    STS_FAILURE(AUDIT),
    STS_FAILURE(RANGE),
    STS_FAILURE(SYNTAX),
    STS_FAILURE(EXISTS),
    STS_FAILURE(UNSUPPORTED),
    STS_FAILURE(TOKEN),
    STS_UNAVAILABLE(TIMEOUT),
    STS_UNAVAILABLE(TOKEN_LOST),
    STS_UNAVAILABLE(TOKEN_PIN),
    STS_UNAVAILABLE(TOKEN_NO_KEY),
    SAYS(BUSY, "Throttling", 400, "Rate exceeded"),
    SAYS(THROTTLED, "Throttling", 400, "Rate exceeded"),
    SAYS(AUTH_MISSING, "MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    SAYS_DETAIL(AUTH_INCOMPLETE, "IncompleteSignature", 400),
    SAYS(AUTH_UNKNOWN_KEY, "InvalidClientTokenId", 403, "The security token included in the request is invalid."),
    SAYS_DETAIL(AUTH_SIGNATURE, "SignatureDoesNotMatch", 403),
    SAYS(AUTH_EXPIRED, "ExpiredToken", 403, "The security token included in the request is expired"),
    [P11KMS_E_DENIED] = { P11KMS_E_DENIED, "AccessDenied", "AccessDenied", 403, FAULT_DETAIL, NULL },
    SAYS_DETAIL(WIRE_SERIALIZATION, "MalformedInput", 400),
    SAYS_DETAIL(WIRE_UNKNOWN_OPERATION, "InvalidAction", 400),
    SAYS_DETAIL(OPERATION_UNSUPPORTED, "InvalidAction", 400),
    SAYS_DETAIL(VALIDATION, "ValidationError", 400),
    SAYS_DETAIL(POLICY_MALFORMED, "MalformedPolicyDocument", 400),
    SAYS_DETAIL(LIMIT, "PackedPolicyTooLarge", 400),
};

const fault_t *fault_of(p11kms_err err, const char *service)
{
    bool known = err > P11KMS_OK && err < P11KMS_ERR_COUNT && faults[err].code != NULL;
    p11kms_err shown = known ? err : P11KMS_E_INTERNAL;

    if (strcmp(service, "sts") == 0 && sts_faults[shown].code != NULL) {
        return &sts_faults[shown];
    }
    return &faults[shown];
}

const char *fault_message(const fault_t *fault, const char *detail)
{
    switch (fault->says) {
    case FAULT_DETAIL:
        return detail != NULL && *detail != '\0' ? detail : NULL;
    case FAULT_FIXED:
        return fault->message;
    default:
        return NULL;
    }
}

void fault_write(p11kms_err err, const char *detail, const char *service, buf_t *body)
{
    const fault_t *fault = fault_of(err, service);
    const char *message = fault_message(fault, detail);
    jw_t w = jw_on(body);

    jw_object(&w);
    jw_key(&w, "__type");
    jw_string(&w, fault->code);
    if (message != NULL) {
        jw_key(&w, strcmp(service, "secretsmanager") == 0 ? "Message" : "message");
        jw_string(&w, message);
    }
    jw_end(&w);
}
