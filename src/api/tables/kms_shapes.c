/*
 * Made by tools/make-shapes from the kms model of botocore 1.43.11
 * (API version 2014-11-01). Do not edit: change the tool or the model and run it again.
 */
#include "api/shape.h"

static const shape_t shape_KeyIdType = { .name = "KeyIdType", .kind = SHAPE_STRING, .min = 1, .max = 2048 };
static const shape_member members_CancelKeyDeletionRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_CancelKeyDeletionRequest = {
    .name = "CancelKeyDeletionRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CancelKeyDeletionRequest,
};
static const shape_member members_CancelKeyDeletionResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CancelKeyDeletionResponse = {
    .name = "CancelKeyDeletionResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CancelKeyDeletionResponse,
};
static const char *const errors_1[] = {
    "NotFoundException", "InvalidArnException", "DependencyTimeoutException", "KMSInternalException",
    "KMSInvalidStateException", NULL,
};
static const shape_t shape_CustomKeyStoreIdType = {
    .name = "CustomKeyStoreIdType", .kind = SHAPE_STRING, .min = 1, .max = 64,
};
static const shape_member members_ConnectCustomKeyStoreRequest[] = {
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_ConnectCustomKeyStoreRequest = {
    .name = "ConnectCustomKeyStoreRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ConnectCustomKeyStoreRequest,
};
static const shape_member members_ConnectCustomKeyStoreResponse[] = {
    { NULL, NULL, false },
};
static const shape_t shape_ConnectCustomKeyStoreResponse = {
    .name = "ConnectCustomKeyStoreResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ConnectCustomKeyStoreResponse,
};
static const char *const errors_2[] = {
    "CloudHsmClusterNotActiveException", "CustomKeyStoreInvalidStateException",
    "CustomKeyStoreNotFoundException", "KMSInternalException",
    "CloudHsmClusterInvalidConfigurationException", NULL,
};
static const pattern_range pattern_1_ranges[] = {
    { 0x2d, 0x2d, 0 }, { 0x2f, 0x3a, 0 }, { 0x41, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_1_next[] = { 0, 2, 2 };
static const pattern_t pattern_1 = {
    .text = "^[a-zA-Z0-9:/_-]+$", .ranges = pattern_1_ranges, .n_ranges = 5, .next = pattern_1_next,
    .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_AliasNameType = {
    .name = "AliasNameType", .kind = SHAPE_STRING, .min = 1, .max = 256, .pattern = &pattern_1,
};
static const shape_member members_CreateAliasRequest[] = {
    { "AliasName", &shape_AliasNameType, true },
    { "TargetKeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_CreateAliasRequest = {
    .name = "CreateAliasRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateAliasRequest,
};
static const char *const errors_3[] = {
    "DependencyTimeoutException", "AlreadyExistsException", "NotFoundException", "InvalidAliasNameException",
    "KMSInternalException", "LimitExceededException", "KMSInvalidStateException", NULL,
};
static const pattern_range pattern_2_ranges[] = {
    { 0x2d, 0x2d, 0 }, { 0x32, 0x37, 1 }, { 0x41, 0x5a, 1 }, { 0x61, 0x62, 1 }, { 0x63, 0x63, 2 },
    { 0x64, 0x64, 1 }, { 0x65, 0x65, 3 }, { 0x66, 0x6b, 1 }, { 0x6c, 0x6c, 4 }, { 0x6d, 0x71, 1 },
    { 0x72, 0x72, 5 }, { 0x73, 0x73, 6 }, { 0x74, 0x74, 7 }, { 0x75, 0x75, 8 }, { 0x76, 0x7a, 1 },
};
static const uint8_t pattern_2_next[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0,
    0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 10, 10, 10, 10, 10, 10, 10, 0, 11, 11, 11, 11, 11, 11, 11, 11, 0,
    12, 12, 12, 12, 12, 12, 12, 12, 0, 13, 13, 13, 13, 13, 13, 13, 13, 0, 14, 14, 14, 14, 14, 14, 14, 14, 0,
    15, 15, 15, 15, 15, 15, 15, 15, 0, 16, 16, 16, 16, 16, 16, 16, 16, 0, 17, 17, 17, 17, 17, 17, 17, 17, 0,
    18, 18, 18, 18, 18, 18, 18, 18, 0, 19, 19, 19, 19, 19, 19, 19, 19, 0, 20, 20, 20, 20, 20, 20, 20, 20, 0,
    21, 21, 21, 21, 21, 21, 21, 21, 0, 22, 22, 22, 22, 22, 22, 22, 22, 0, 23, 23, 23, 23, 23, 23, 23, 23, 0,
    24, 24, 24, 24, 24, 24, 24, 24, 0, 25, 25, 25, 25, 25, 25, 25, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};
static const pattern_t pattern_2 = {
    .text = "cluster-[2-7a-zA-Z]{11,16}", .ranges = pattern_2_ranges, .n_ranges = 15, .next = pattern_2_next,
    .n_classes = 9, .start = 1, .first_end = 20,
};
static const shape_t shape_CloudHsmClusterIdType = {
    .name = "CloudHsmClusterIdType", .kind = SHAPE_STRING, .min = 19, .max = 24, .pattern = &pattern_2,
};
static const shape_t shape_CustomKeyStoreNameType = {
    .name = "CustomKeyStoreNameType", .kind = SHAPE_STRING, .min = 1, .max = 256,
};
static const char *const enum_CustomKeyStoreType[] = { "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE", NULL };
static const shape_t shape_CustomKeyStoreType = {
    .name = "CustomKeyStoreType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_CustomKeyStoreType,
};
static const shape_t shape_KeyStorePasswordType = {
    .name = "KeyStorePasswordType", .kind = SHAPE_STRING, .min = 7, .max = 32, .sensitive = true,
};
static const shape_t shape_TrustAnchorCertificateType = {
    .name = "TrustAnchorCertificateType", .kind = SHAPE_STRING, .min = 1, .max = 5000,
};
static const pattern_range pattern_3_ranges[] = { { 0x32, 0x37, 0 }, { 0x41, 0x5a, 0 } };
static const uint8_t pattern_3_next[] = { 0, 2, 2 };
static const pattern_t pattern_3 = {
    .text = "^[A-Z2-7]+$", .ranges = pattern_3_ranges, .n_ranges = 2, .next = pattern_3_next, .n_classes = 1,
    .start = 1, .first_end = 2,
};
static const shape_t shape_XksProxyAuthenticationAccessKeyIdType = {
    .name = "XksProxyAuthenticationAccessKeyIdType", .kind = SHAPE_STRING, .min = 20, .max = 30,
    .sensitive = true, .pattern = &pattern_3,
};
static const pattern_range pattern_4_ranges[] = {
    { 0x2b, 0x2b, 0 }, { 0x2f, 0x39, 0 }, { 0x3d, 0x3d, 0 }, { 0x41, 0x5a, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_4_next[] = { 0, 2, 2 };
static const pattern_t pattern_4 = {
    .text = "^[a-zA-Z0-9\\/+=]+$", .ranges = pattern_4_ranges, .n_ranges = 5, .next = pattern_4_next,
    .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_XksProxyAuthenticationRawSecretAccessKeyType = {
    .name = "XksProxyAuthenticationRawSecretAccessKeyType", .kind = SHAPE_STRING, .min = 43, .max = 64,
    .sensitive = true, .pattern = &pattern_4,
};
static const shape_member members_XksProxyAuthenticationCredentialType[] = {
    { "AccessKeyId", &shape_XksProxyAuthenticationAccessKeyIdType, true },
    { "RawSecretAccessKey", &shape_XksProxyAuthenticationRawSecretAccessKeyType, true },
    { NULL, NULL, false },
};
static const shape_t shape_XksProxyAuthenticationCredentialType = {
    .name = "XksProxyAuthenticationCredentialType", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_XksProxyAuthenticationCredentialType,
};
static const char *const enum_XksProxyConnectivityType[] = {
    "PUBLIC_ENDPOINT", "VPC_ENDPOINT_SERVICE", NULL,
};
static const shape_t shape_XksProxyConnectivityType = {
    .name = "XksProxyConnectivityType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_XksProxyConnectivityType,
};
static const pattern_range pattern_5_ranges[] = {
    { 0x2d, 0x2e, 0 }, { 0x2f, 0x2f, 1 }, { 0x30, 0x39, 0 }, { 0x3a, 0x3a, 2 }, { 0x41, 0x5a, 0 },
    { 0x61, 0x67, 0 }, { 0x68, 0x68, 3 }, { 0x69, 0x6f, 0 }, { 0x70, 0x70, 4 }, { 0x71, 0x72, 0 },
    { 0x73, 0x73, 5 }, { 0x74, 0x74, 6 }, { 0x75, 0x7a, 0 },
};
static const uint8_t pattern_5_next[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 5, 0, 0,
    0, 0, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 10, 0, 0, 10, 10, 10,
    10, 10, 0, 0, 10, 10, 10, 10,
};
static const pattern_t pattern_5 = {
    .text = "^https://[a-zA-Z0-9.-]+$", .ranges = pattern_5_ranges, .n_ranges = 13, .next = pattern_5_next,
    .n_classes = 7, .start = 1, .first_end = 10,
};
static const shape_t shape_XksProxyUriEndpointType = {
    .name = "XksProxyUriEndpointType", .kind = SHAPE_STRING, .min = 10, .max = 128, .pattern = &pattern_5,
};
static const pattern_range pattern_6_ranges[] = {
    { 0x2d, 0x2d, 0 }, { 0x2f, 0x2f, 1 }, { 0x30, 0x39, 2 }, { 0x41, 0x5a, 0 }, { 0x5f, 0x5f, 0 },
    { 0x61, 0x6a, 0 }, { 0x6b, 0x6b, 3 }, { 0x6c, 0x6c, 0 }, { 0x6d, 0x6d, 4 }, { 0x6e, 0x72, 0 },
    { 0x73, 0x73, 5 }, { 0x74, 0x75, 0 }, { 0x76, 0x76, 6 }, { 0x77, 0x77, 0 }, { 0x78, 0x78, 7 },
    { 0x79, 0x7a, 0 },
};
static const uint8_t pattern_6_next[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 3, 3, 3, 4, 3, 3, 3, 3, 3, 5, 3, 3, 3, 3, 3, 3, 3, 5, 3,
    3, 6, 3, 3, 3, 3, 5, 3, 4, 3, 3, 3, 3, 3, 5, 3, 3, 3, 7, 3, 3, 3, 8, 3, 3, 3, 3, 3, 3, 3, 5, 3, 4, 3, 3,
    3, 9, 3, 5, 3, 10, 3, 3, 3, 3, 3, 5, 3, 3, 3, 11, 3, 3, 3, 12, 3, 3, 3, 3, 3, 3, 3, 5, 3, 4, 3, 3, 13, 3,
    3, 5, 14, 3, 3, 3, 3, 3, 3, 5, 15, 3, 3, 3, 3, 3, 3, 5, 3, 3, 3, 3, 3, 3,
};
static const pattern_t pattern_6 = {
    .text = "^(/[a-zA-Z0-9\\/_-]+/kms/xks/v\\d{1,2})$|^(/kms/xks/v\\d{1,2})$", .ranges = pattern_6_ranges,
    .n_ranges = 16, .next = pattern_6_next, .n_classes = 8, .start = 1, .first_end = 14,
};
static const shape_t shape_XksProxyUriPathType = {
    .name = "XksProxyUriPathType", .kind = SHAPE_STRING, .min = 10, .max = 128, .pattern = &pattern_6,
};
static const pattern_range pattern_7_ranges[] = {
    { 0x2d, 0x2d, 0 }, { 0x2e, 0x2e, 1 }, { 0x30, 0x39, 2 }, { 0x61, 0x61, 3 }, { 0x62, 0x62, 4 },
    { 0x63, 0x63, 5 }, { 0x64, 0x64, 4 }, { 0x65, 0x65, 6 }, { 0x66, 0x6c, 4 }, { 0x6d, 0x6d, 7 },
    { 0x6e, 0x6e, 8 }, { 0x6f, 0x6f, 9 }, { 0x70, 0x70, 10 }, { 0x71, 0x72, 4 }, { 0x73, 0x73, 11 },
    { 0x74, 0x74, 4 }, { 0x75, 0x75, 12 }, { 0x76, 0x76, 13 }, { 0x77, 0x77, 14 }, { 0x78, 0x79, 4 },
    { 0x7a, 0x7a, 15 },
};
static const uint8_t pattern_7_next[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, 0, 0, 16,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 22, 22, 22, 22, 22,
    22, 22, 22, 22, 22, 22, 22, 22, 23, 0, 0, 22, 22, 22, 22, 22, 22, 22, 22, 22, 22, 22, 22, 22, 0, 0, 0,
    24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 25, 0, 0, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24, 24,
    24, 24, 0, 0, 26, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 0, 28, 26, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 29, 0, 0, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 27, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 30, 0, 0, 0, 0, 26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 31,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 33, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 35, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 37, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 38,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39,
    39, 0, 0, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39,
};
static const pattern_t pattern_7 = {
    .text = "^(com|eu)\\.amazonaws\\.vpce\\.([a-z]+-){2,3}\\d+\\.vpce-svc-[0-9a-z]+$",
    .ranges = pattern_7_ranges, .n_ranges = 21, .next = pattern_7_next, .n_classes = 16, .start = 1,
    .first_end = 39,
};
static const shape_t shape_XksProxyVpcEndpointServiceNameType = {
    .name = "XksProxyVpcEndpointServiceNameType", .kind = SHAPE_STRING, .min = 20, .max = 64,
    .pattern = &pattern_7,
};
static const pattern_range pattern_8_ranges[] = { { 0x30, 0x39, 0 } };
static const uint8_t pattern_8_next[] = { 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0 };
static const pattern_t pattern_8 = {
    .text = "[0-9]{12}", .ranges = pattern_8_ranges, .n_ranges = 1, .next = pattern_8_next, .n_classes = 1,
    .start = 1, .first_end = 13,
};
static const shape_t shape_AccountIdType = {
    .name = "AccountIdType", .kind = SHAPE_STRING, .min = 12, .max = 12, .pattern = &pattern_8,
};
static const shape_member members_CreateCustomKeyStoreRequest[] = {
    { "CloudHsmClusterId", &shape_CloudHsmClusterIdType, false },
    { "CustomKeyStoreName", &shape_CustomKeyStoreNameType, true },
    { "CustomKeyStoreType", &shape_CustomKeyStoreType, false },
    { "KeyStorePassword", &shape_KeyStorePasswordType, false },
    { "TrustAnchorCertificate", &shape_TrustAnchorCertificateType, false },
    { "XksProxyAuthenticationCredential", &shape_XksProxyAuthenticationCredentialType, false },
    { "XksProxyConnectivity", &shape_XksProxyConnectivityType, false },
    { "XksProxyUriEndpoint", &shape_XksProxyUriEndpointType, false },
    { "XksProxyUriPath", &shape_XksProxyUriPathType, false },
    { "XksProxyVpcEndpointServiceName", &shape_XksProxyVpcEndpointServiceNameType, false },
    { "XksProxyVpcEndpointServiceOwner", &shape_AccountIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CreateCustomKeyStoreRequest = {
    .name = "CreateCustomKeyStoreRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateCustomKeyStoreRequest,
};
static const shape_member members_CreateCustomKeyStoreResponse[] = {
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CreateCustomKeyStoreResponse = {
    .name = "CreateCustomKeyStoreResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateCustomKeyStoreResponse,
};
static const char *const errors_4[] = {
    "CloudHsmClusterInUseException", "CustomKeyStoreNameInUseException", "CloudHsmClusterNotFoundException",
    "KMSInternalException", "CloudHsmClusterNotActiveException", "IncorrectTrustAnchorException",
    "CloudHsmClusterInvalidConfigurationException", "LimitExceededException", "XksProxyUriInUseException",
    "XksProxyUriEndpointInUseException", "XksProxyUriUnreachableException",
    "XksProxyIncorrectAuthenticationCredentialException", "XksProxyVpcEndpointServiceInUseException",
    "XksProxyVpcEndpointServiceNotFoundException", "XksProxyVpcEndpointServiceInvalidConfigurationException",
    "XksProxyInvalidResponseException", "XksProxyInvalidConfigurationException", NULL,
};
static const shape_t shape_EncryptionContextKey = {
    .name = "EncryptionContextKey", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_t shape_EncryptionContextValue = {
    .name = "EncryptionContextValue", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_t shape_EncryptionContextType = {
    .name = "EncryptionContextType", .kind = SHAPE_MAP, .min = -1, .max = -1,
    .key = &shape_EncryptionContextKey, .element = &shape_EncryptionContextValue,
};
static const shape_member members_GrantConstraints[] = {
    { "EncryptionContextEquals", &shape_EncryptionContextType, false },
    { "EncryptionContextSubset", &shape_EncryptionContextType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GrantConstraints = {
    .name = "GrantConstraints", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GrantConstraints,
};
static const shape_t shape_NullableBooleanType = {
    .name = "NullableBooleanType", .kind = SHAPE_BOOLEAN, .min = -1, .max = -1,
};
static const shape_t shape_GrantTokenType = {
    .name = "GrantTokenType", .kind = SHAPE_STRING, .min = 1, .max = 8192, .sensitive = true,
};
static const shape_t shape_GrantTokenList = {
    .name = "GrantTokenList", .kind = SHAPE_LIST, .min = 0, .max = 10, .element = &shape_GrantTokenType,
};
static const pattern_range pattern_9_ranges[] = {
    { 0x2b, 0x3a, 0 }, { 0x3d, 0x3d, 0 }, { 0x40, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_9_next[] = { 0, 2, 2 };
static const pattern_t pattern_9 = {
    .text = "^[\\w+=,.@:/-]+$", .ranges = pattern_9_ranges, .n_ranges = 5, .next = pattern_9_next,
    .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_PrincipalIdType = {
    .name = "PrincipalIdType", .kind = SHAPE_STRING, .min = 1, .max = 256, .pattern = &pattern_9,
};
static const shape_t shape_GrantNameType = {
    .name = "GrantNameType", .kind = SHAPE_STRING, .min = 1, .max = 256, .pattern = &pattern_1,
};
static const char *const enum_GrantOperation[] = {
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom",
    "ReEncryptTo", "Sign", "Verify", "GetPublicKey", "CreateGrant", "RetireGrant", "DescribeKey",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac",
    "DeriveSharedSecret", NULL,
};
static const shape_t shape_GrantOperation = {
    .name = "GrantOperation", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_GrantOperation,
};
static const shape_t shape_GrantOperationList = {
    .name = "GrantOperationList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_GrantOperation,
};
static const shape_member members_CreateGrantRequest[] = {
    { "Constraints", &shape_GrantConstraints, false },
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "GranteePrincipal", &shape_PrincipalIdType, true },
    { "KeyId", &shape_KeyIdType, true },
    { "Name", &shape_GrantNameType, false },
    { "Operations", &shape_GrantOperationList, true },
    { "RetiringPrincipal", &shape_PrincipalIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CreateGrantRequest = {
    .name = "CreateGrantRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateGrantRequest,
};
static const shape_t shape_GrantIdType = {
    .name = "GrantIdType", .kind = SHAPE_STRING, .min = 1, .max = 128,
};
static const shape_member members_CreateGrantResponse[] = {
    { "GrantId", &shape_GrantIdType, false },
    { "GrantToken", &shape_GrantTokenType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CreateGrantResponse = {
    .name = "CreateGrantResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateGrantResponse,
};
static const char *const errors_5[] = {
    "NotFoundException", "DisabledException", "DependencyTimeoutException", "InvalidArnException",
    "KMSInternalException", "InvalidGrantTokenException", "LimitExceededException",
    "KMSInvalidStateException", "DryRunOperationException", NULL,
};
static const shape_t shape_BooleanType = {
    .name = "BooleanType", .kind = SHAPE_BOOLEAN, .min = -1, .max = -1,
};
static const char *const enum_CustomerMasterKeySpec[] = {
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", NULL,
};
static const shape_t shape_CustomerMasterKeySpec = {
    .name = "CustomerMasterKeySpec", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_CustomerMasterKeySpec,
};
static const shape_t shape_DescriptionType = {
    .name = "DescriptionType", .kind = SHAPE_STRING, .min = 0, .max = 8192,
};
static const char *const enum_KeySpec[] = {
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2", "ML_DSA_44", "ML_DSA_65",
    "ML_DSA_87", "ECC_NIST_EDWARDS25519", NULL,
};
static const shape_t shape_KeySpec = {
    .name = "KeySpec", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_KeySpec,
};
static const char *const enum_KeyUsageType[] = {
    "SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", NULL,
};
static const shape_t shape_KeyUsageType = {
    .name = "KeyUsageType", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_KeyUsageType,
};
static const char *const enum_OriginType[] = {
    "AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE", NULL,
};
static const shape_t shape_OriginType = {
    .name = "OriginType", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_OriginType,
};
static const pattern_range pattern_10_ranges[] = { { 0x9, 0xa, 0 }, { 0xd, 0xd, 0 }, { 0x20, 0xff, 0 } };
static const uint8_t pattern_10_next[] = { 0, 2, 2 };
static const pattern_t pattern_10 = {
    .text = "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+", .ranges = pattern_10_ranges, .n_ranges = 3,
    .next = pattern_10_next, .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_PolicyType = {
    .name = "PolicyType", .kind = SHAPE_STRING, .min = 1, .max = 131072, .pattern = &pattern_10,
};
static const shape_t shape_TagKeyType = { .name = "TagKeyType", .kind = SHAPE_STRING, .min = 1, .max = 128 };
static const shape_t shape_TagValueType = {
    .name = "TagValueType", .kind = SHAPE_STRING, .min = 0, .max = 256,
};
static const shape_member members_Tag[] = {
    { "TagKey", &shape_TagKeyType, true },
    { "TagValue", &shape_TagValueType, true },
    { NULL, NULL, false },
};
static const shape_t shape_Tag = {
    .name = "Tag", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_Tag,
};
static const shape_t shape_TagList = {
    .name = "TagList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_Tag,
};
static const pattern_range pattern_11_ranges[] = {
    { 0x2d, 0x2e, 0 }, { 0x30, 0x39, 0 }, { 0x41, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_11_next[] = { 0, 2, 2 };
static const pattern_t pattern_11 = {
    .text = "^[a-zA-Z0-9-_.]+$", .ranges = pattern_11_ranges, .n_ranges = 5, .next = pattern_11_next,
    .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_XksKeyIdType = {
    .name = "XksKeyIdType", .kind = SHAPE_STRING, .min = 1, .max = 128, .pattern = &pattern_11,
};
static const shape_member members_CreateKeyRequest[] = {
    { "BypassPolicyLockoutSafetyCheck", &shape_BooleanType, false },
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, false },
    { "CustomerMasterKeySpec", &shape_CustomerMasterKeySpec, false },
    { "Description", &shape_DescriptionType, false },
    { "KeySpec", &shape_KeySpec, false },
    { "KeyUsage", &shape_KeyUsageType, false },
    { "MultiRegion", &shape_NullableBooleanType, false },
    { "Origin", &shape_OriginType, false },
    { "Policy", &shape_PolicyType, false },
    { "Tags", &shape_TagList, false },
    { "XksKeyId", &shape_XksKeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CreateKeyRequest = {
    .name = "CreateKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateKeyRequest,
};
static const shape_t shape_AWSAccountIdType = {
    .name = "AWSAccountIdType", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_t shape_ArnType = { .name = "ArnType", .kind = SHAPE_STRING, .min = 20, .max = 2048 };
static const shape_t shape_DateType = { .name = "DateType", .kind = SHAPE_TIMESTAMP, .min = -1, .max = -1 };
static const pattern_range pattern_12_ranges[] = { { 0x30, 0x39, 0 }, { 0x61, 0x66, 0 } };
static const uint8_t pattern_12_next[] = { 0, 2, 2 };
static const pattern_t pattern_12 = {
    .text = "^[a-f0-9]+$", .ranges = pattern_12_ranges, .n_ranges = 2, .next = pattern_12_next,
    .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_BackingKeyIdType = {
    .name = "BackingKeyIdType", .kind = SHAPE_STRING, .min = 64, .max = 64, .pattern = &pattern_12,
};
static const char *const enum_EncryptionAlgorithmSpec[] = {
    "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE", NULL,
};
static const shape_t shape_EncryptionAlgorithmSpec = {
    .name = "EncryptionAlgorithmSpec", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_EncryptionAlgorithmSpec,
};
static const shape_t shape_EncryptionAlgorithmSpecList = {
    .name = "EncryptionAlgorithmSpecList", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_EncryptionAlgorithmSpec,
};
static const char *const enum_ExpirationModelType[] = {
    "KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE", NULL,
};
static const shape_t shape_ExpirationModelType = {
    .name = "ExpirationModelType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_ExpirationModelType,
};
static const char *const enum_KeyAgreementAlgorithmSpec[] = { "ECDH", NULL };
static const shape_t shape_KeyAgreementAlgorithmSpec = {
    .name = "KeyAgreementAlgorithmSpec", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_KeyAgreementAlgorithmSpec,
};
static const shape_t shape_KeyAgreementAlgorithmSpecList = {
    .name = "KeyAgreementAlgorithmSpecList", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_KeyAgreementAlgorithmSpec,
};
static const char *const enum_KeyManagerType[] = { "AWS", "CUSTOMER", NULL };
static const shape_t shape_KeyManagerType = {
    .name = "KeyManagerType", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_KeyManagerType,
};
static const char *const enum_KeyState[] = {
    "Creating", "Enabled", "Disabled", "PendingDeletion", "PendingImport", "PendingReplicaDeletion",
    "Unavailable", "Updating", NULL,
};
static const shape_t shape_KeyState = {
    .name = "KeyState", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_KeyState,
};
static const char *const enum_MacAlgorithmSpec[] = {
    "HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512", NULL,
};
static const shape_t shape_MacAlgorithmSpec = {
    .name = "MacAlgorithmSpec", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_MacAlgorithmSpec,
};
static const shape_t shape_MacAlgorithmSpecList = {
    .name = "MacAlgorithmSpecList", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_MacAlgorithmSpec,
};
static const char *const enum_MultiRegionKeyType[] = { "PRIMARY", "REPLICA", NULL };
static const shape_t shape_MultiRegionKeyType = {
    .name = "MultiRegionKeyType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_MultiRegionKeyType,
};
static const pattern_range pattern_13_ranges[] = { { 0x2d, 0x2d, 0 }, { 0x30, 0x39, 1 }, { 0x61, 0x7a, 2 } };
static const uint8_t pattern_13_next[] = {
    0, 0, 0, 0, 0, 2, 3, 0, 2, 0, 0, 4, 5, 0, 4, 0, 8, 6, 7, 0, 6, 0, 8, 0, 0, 8, 0,
};
static const pattern_t pattern_13 = {
    .text = "^([a-z]+-){2,3}\\d+$", .ranges = pattern_13_ranges, .n_ranges = 3, .next = pattern_13_next,
    .n_classes = 3, .start = 1, .first_end = 8,
};
static const shape_t shape_RegionType = {
    .name = "RegionType", .kind = SHAPE_STRING, .min = 1, .max = 32, .pattern = &pattern_13,
};
static const shape_member members_MultiRegionKey[] = {
    { "Arn", &shape_ArnType, false },
    { "Region", &shape_RegionType, false },
    { NULL, NULL, false },
};
static const shape_t shape_MultiRegionKey = {
    .name = "MultiRegionKey", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_MultiRegionKey,
};
static const shape_t shape_MultiRegionKeyList = {
    .name = "MultiRegionKeyList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_MultiRegionKey,
};
static const shape_member members_MultiRegionConfiguration[] = {
    { "MultiRegionKeyType", &shape_MultiRegionKeyType, false },
    { "PrimaryKey", &shape_MultiRegionKey, false },
    { "ReplicaKeys", &shape_MultiRegionKeyList, false },
    { NULL, NULL, false },
};
static const shape_t shape_MultiRegionConfiguration = {
    .name = "MultiRegionConfiguration", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_MultiRegionConfiguration,
};
static const shape_t shape_PendingWindowInDaysType = {
    .name = "PendingWindowInDaysType", .kind = SHAPE_INTEGER, .min = 1, .max = 365,
};
static const char *const enum_SigningAlgorithmSpec[] = {
    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384",
    "ECDSA_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512", NULL,
};
static const shape_t shape_SigningAlgorithmSpec = {
    .name = "SigningAlgorithmSpec", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_SigningAlgorithmSpec,
};
static const shape_t shape_SigningAlgorithmSpecList = {
    .name = "SigningAlgorithmSpecList", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_SigningAlgorithmSpec,
};
static const shape_member members_XksKeyConfigurationType[] = {
    { "Id", &shape_XksKeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_XksKeyConfigurationType = {
    .name = "XksKeyConfigurationType", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_XksKeyConfigurationType,
};
static const shape_member members_KeyMetadata[] = {
    { "AWSAccountId", &shape_AWSAccountIdType, false },
    { "Arn", &shape_ArnType, false },
    { "CloudHsmClusterId", &shape_CloudHsmClusterIdType, false },
    { "CreationDate", &shape_DateType, false },
    { "CurrentKeyMaterialId", &shape_BackingKeyIdType, false },
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, false },
    { "CustomerMasterKeySpec", &shape_CustomerMasterKeySpec, false },
    { "DeletionDate", &shape_DateType, false },
    { "Description", &shape_DescriptionType, false },
    { "Enabled", &shape_BooleanType, false },
    { "EncryptionAlgorithms", &shape_EncryptionAlgorithmSpecList, false },
    { "ExpirationModel", &shape_ExpirationModelType, false },
    { "KeyAgreementAlgorithms", &shape_KeyAgreementAlgorithmSpecList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "KeyManager", &shape_KeyManagerType, false },
    { "KeySpec", &shape_KeySpec, false },
    { "KeyState", &shape_KeyState, false },
    { "KeyUsage", &shape_KeyUsageType, false },
    { "MacAlgorithms", &shape_MacAlgorithmSpecList, false },
    { "MultiRegion", &shape_NullableBooleanType, false },
    { "MultiRegionConfiguration", &shape_MultiRegionConfiguration, false },
    { "Origin", &shape_OriginType, false },
    { "PendingDeletionWindowInDays", &shape_PendingWindowInDaysType, false },
    { "SigningAlgorithms", &shape_SigningAlgorithmSpecList, false },
    { "ValidTo", &shape_DateType, false },
    { "XksKeyConfiguration", &shape_XksKeyConfigurationType, false },
    { NULL, NULL, false },
};
static const shape_t shape_KeyMetadata = {
    .name = "KeyMetadata", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_KeyMetadata,
};
static const shape_member members_CreateKeyResponse[] = {
    { "KeyMetadata", &shape_KeyMetadata, false },
    { NULL, NULL, false },
};
static const shape_t shape_CreateKeyResponse = {
    .name = "CreateKeyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CreateKeyResponse,
};
static const char *const errors_6[] = {
    "MalformedPolicyDocumentException", "DependencyTimeoutException", "InvalidArnException",
    "UnsupportedOperationException", "KMSInternalException", "LimitExceededException", "TagException",
    "CustomKeyStoreNotFoundException", "CustomKeyStoreInvalidStateException",
    "CloudHsmClusterInvalidConfigurationException", "XksKeyInvalidConfigurationException",
    "XksKeyAlreadyInUseException", "XksKeyNotFoundException", NULL,
};
static const shape_t shape_CiphertextType = {
    .name = "CiphertextType", .kind = SHAPE_BLOB, .min = 1, .max = 6144,
};
static const char *const enum_DryRunModifierType[] = { "IGNORE_CIPHERTEXT", NULL };
static const shape_t shape_DryRunModifierType = {
    .name = "DryRunModifierType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_DryRunModifierType,
};
static const shape_t shape_DryRunModifierList = {
    .name = "DryRunModifierList", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_DryRunModifierType,
};
static const shape_t shape_AttestationDocumentType = {
    .name = "AttestationDocumentType", .kind = SHAPE_BLOB, .min = 1, .max = 262144,
};
static const char *const enum_KeyEncryptionMechanism[] = { "RSAES_OAEP_SHA_256", NULL };
static const shape_t shape_KeyEncryptionMechanism = {
    .name = "KeyEncryptionMechanism", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_KeyEncryptionMechanism,
};
static const shape_member members_RecipientInfo[] = {
    { "AttestationDocument", &shape_AttestationDocumentType, false },
    { "KeyEncryptionAlgorithm", &shape_KeyEncryptionMechanism, false },
    { NULL, NULL, false },
};
static const shape_t shape_RecipientInfo = {
    .name = "RecipientInfo", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_RecipientInfo,
};
static const shape_member members_DecryptRequest[] = {
    { "CiphertextBlob", &shape_CiphertextType, false },
    { "DryRun", &shape_NullableBooleanType, false },
    { "DryRunModifiers", &shape_DryRunModifierList, false },
    { "EncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "EncryptionContext", &shape_EncryptionContextType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, false },
    { "Recipient", &shape_RecipientInfo, false },
    { NULL, NULL, false },
};
static const shape_t shape_DecryptRequest = {
    .name = "DecryptRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DecryptRequest,
};
static const shape_t shape_PlaintextType = {
    .name = "PlaintextType", .kind = SHAPE_BLOB, .min = 1, .max = 4096, .sensitive = true,
};
static const shape_member members_DecryptResponse[] = {
    { "CiphertextForRecipient", &shape_CiphertextType, false },
    { "EncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { "Plaintext", &shape_PlaintextType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DecryptResponse = {
    .name = "DecryptResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DecryptResponse,
};
static const char *const errors_7[] = {
    "NotFoundException", "DisabledException", "InvalidCiphertextException", "KeyUnavailableException",
    "IncorrectKeyException", "InvalidKeyUsageException", "DependencyTimeoutException",
    "InvalidGrantTokenException", "KMSInternalException", "KMSInvalidStateException",
    "DryRunOperationException", NULL,
};
static const shape_member members_DeleteAliasRequest[] = {
    { "AliasName", &shape_AliasNameType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DeleteAliasRequest = {
    .name = "DeleteAliasRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeleteAliasRequest,
};
static const char *const errors_8[] = {
    "DependencyTimeoutException", "NotFoundException", "KMSInternalException", "KMSInvalidStateException",
    NULL,
};
static const shape_member members_DeleteCustomKeyStoreRequest[] = {
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DeleteCustomKeyStoreRequest = {
    .name = "DeleteCustomKeyStoreRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeleteCustomKeyStoreRequest,
};
static const shape_member members_DeleteCustomKeyStoreResponse[] = {
    { NULL, NULL, false },
};
static const shape_t shape_DeleteCustomKeyStoreResponse = {
    .name = "DeleteCustomKeyStoreResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeleteCustomKeyStoreResponse,
};
static const char *const errors_9[] = {
    "CustomKeyStoreHasCMKsException", "CustomKeyStoreInvalidStateException",
    "CustomKeyStoreNotFoundException", "KMSInternalException", NULL,
};
static const shape_member members_DeleteImportedKeyMaterialRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DeleteImportedKeyMaterialRequest = {
    .name = "DeleteImportedKeyMaterialRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeleteImportedKeyMaterialRequest,
};
static const shape_t shape_BackingKeyIdResponseType = {
    .name = "BackingKeyIdResponseType", .kind = SHAPE_STRING, .min = 0, .max = 64, .pattern = &pattern_12,
};
static const shape_member members_DeleteImportedKeyMaterialResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdResponseType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DeleteImportedKeyMaterialResponse = {
    .name = "DeleteImportedKeyMaterialResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeleteImportedKeyMaterialResponse,
};
static const char *const errors_10[] = {
    "InvalidArnException", "UnsupportedOperationException", "DependencyTimeoutException",
    "NotFoundException", "KMSInternalException", "KMSInvalidStateException", NULL,
};
static const shape_t shape_PublicKeyType = {
    .name = "PublicKeyType", .kind = SHAPE_BLOB, .min = 1, .max = 8192,
};
static const shape_member members_DeriveSharedSecretRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyAgreementAlgorithm", &shape_KeyAgreementAlgorithmSpec, true },
    { "KeyId", &shape_KeyIdType, true },
    { "PublicKey", &shape_PublicKeyType, true },
    { "Recipient", &shape_RecipientInfo, false },
    { NULL, NULL, false },
};
static const shape_t shape_DeriveSharedSecretRequest = {
    .name = "DeriveSharedSecretRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeriveSharedSecretRequest,
};
static const shape_member members_DeriveSharedSecretResponse[] = {
    { "CiphertextForRecipient", &shape_CiphertextType, false },
    { "KeyAgreementAlgorithm", &shape_KeyAgreementAlgorithmSpec, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyOrigin", &shape_OriginType, false },
    { "SharedSecret", &shape_PlaintextType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DeriveSharedSecretResponse = {
    .name = "DeriveSharedSecretResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DeriveSharedSecretResponse,
};
static const char *const errors_11[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "DependencyTimeoutException",
    "InvalidGrantTokenException", "InvalidKeyUsageException", "KMSInternalException",
    "KMSInvalidStateException", "DryRunOperationException", NULL,
};
static const shape_t shape_LimitType = { .name = "LimitType", .kind = SHAPE_INTEGER, .min = 1, .max = 1000 };
static const pattern_range pattern_14_ranges[] = { { 0x20, 0xff, 0 } };
static const uint8_t pattern_14_next[] = { 0, 1 };
static const pattern_t pattern_14 = {
    .text = "[\\u0020-\\u00FF]*", .ranges = pattern_14_ranges, .n_ranges = 1, .next = pattern_14_next,
    .n_classes = 1, .start = 1, .first_end = 1,
};
static const shape_t shape_MarkerType = {
    .name = "MarkerType", .kind = SHAPE_STRING, .min = 1, .max = 1024, .pattern = &pattern_14,
};
static const shape_member members_DescribeCustomKeyStoresRequest[] = {
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, false },
    { "CustomKeyStoreName", &shape_CustomKeyStoreNameType, false },
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DescribeCustomKeyStoresRequest = {
    .name = "DescribeCustomKeyStoresRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DescribeCustomKeyStoresRequest,
};
static const char *const enum_ConnectionErrorCodeType[] = {
    "INVALID_CREDENTIALS", "CLUSTER_NOT_FOUND", "NETWORK_ERRORS", "INTERNAL_ERROR",
    "INSUFFICIENT_CLOUDHSM_HSMS", "USER_LOCKED_OUT", "USER_NOT_FOUND", "USER_LOGGED_IN", "SUBNET_NOT_FOUND",
    "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET", "XKS_PROXY_ACCESS_DENIED", "XKS_PROXY_NOT_REACHABLE",
    "XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND", "XKS_PROXY_INVALID_RESPONSE", "XKS_PROXY_INVALID_CONFIGURATION",
    "XKS_VPC_ENDPOINT_SERVICE_INVALID_CONFIGURATION", "XKS_PROXY_TIMED_OUT",
    "XKS_PROXY_INVALID_TLS_CONFIGURATION", NULL,
};
static const shape_t shape_ConnectionErrorCodeType = {
    .name = "ConnectionErrorCodeType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_ConnectionErrorCodeType,
};
static const char *const enum_ConnectionStateType[] = {
    "CONNECTED", "CONNECTING", "FAILED", "DISCONNECTED", "DISCONNECTING", NULL,
};
static const shape_t shape_ConnectionStateType = {
    .name = "ConnectionStateType", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_ConnectionStateType,
};
static const shape_member members_XksProxyConfigurationType[] = {
    { "AccessKeyId", &shape_XksProxyAuthenticationAccessKeyIdType, false },
    { "Connectivity", &shape_XksProxyConnectivityType, false },
    { "UriEndpoint", &shape_XksProxyUriEndpointType, false },
    { "UriPath", &shape_XksProxyUriPathType, false },
    { "VpcEndpointServiceName", &shape_XksProxyVpcEndpointServiceNameType, false },
    { "VpcEndpointServiceOwner", &shape_AccountIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_XksProxyConfigurationType = {
    .name = "XksProxyConfigurationType", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_XksProxyConfigurationType,
};
static const shape_member members_CustomKeyStoresListEntry[] = {
    { "CloudHsmClusterId", &shape_CloudHsmClusterIdType, false },
    { "ConnectionErrorCode", &shape_ConnectionErrorCodeType, false },
    { "ConnectionState", &shape_ConnectionStateType, false },
    { "CreationDate", &shape_DateType, false },
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, false },
    { "CustomKeyStoreName", &shape_CustomKeyStoreNameType, false },
    { "CustomKeyStoreType", &shape_CustomKeyStoreType, false },
    { "TrustAnchorCertificate", &shape_TrustAnchorCertificateType, false },
    { "XksProxyConfiguration", &shape_XksProxyConfigurationType, false },
    { NULL, NULL, false },
};
static const shape_t shape_CustomKeyStoresListEntry = {
    .name = "CustomKeyStoresListEntry", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_CustomKeyStoresListEntry,
};
static const shape_t shape_CustomKeyStoresList = {
    .name = "CustomKeyStoresList", .kind = SHAPE_LIST, .min = -1, .max = -1,
    .element = &shape_CustomKeyStoresListEntry,
};
static const shape_member members_DescribeCustomKeyStoresResponse[] = {
    { "CustomKeyStores", &shape_CustomKeyStoresList, false },
    { "NextMarker", &shape_MarkerType, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_DescribeCustomKeyStoresResponse = {
    .name = "DescribeCustomKeyStoresResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DescribeCustomKeyStoresResponse,
};
static const char *const errors_12[] = {
    "CustomKeyStoreNotFoundException", "InvalidMarkerException", "KMSInternalException", NULL,
};
static const shape_member members_DescribeKeyRequest[] = {
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DescribeKeyRequest = {
    .name = "DescribeKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DescribeKeyRequest,
};
static const shape_member members_DescribeKeyResponse[] = {
    { "KeyMetadata", &shape_KeyMetadata, false },
    { NULL, NULL, false },
};
static const shape_t shape_DescribeKeyResponse = {
    .name = "DescribeKeyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DescribeKeyResponse,
};
static const char *const errors_13[] = {
    "NotFoundException", "InvalidArnException", "DependencyTimeoutException", "KMSInternalException", NULL,
};
static const shape_member members_DisableKeyRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DisableKeyRequest = {
    .name = "DisableKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DisableKeyRequest,
};
static const shape_member members_DisableKeyRotationRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DisableKeyRotationRequest = {
    .name = "DisableKeyRotationRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DisableKeyRotationRequest,
};
static const char *const errors_14[] = {
    "NotFoundException", "DisabledException", "InvalidArnException", "DependencyTimeoutException",
    "KMSInternalException", "KMSInvalidStateException", "UnsupportedOperationException", NULL,
};
static const shape_member members_DisconnectCustomKeyStoreRequest[] = {
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_DisconnectCustomKeyStoreRequest = {
    .name = "DisconnectCustomKeyStoreRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DisconnectCustomKeyStoreRequest,
};
static const shape_member members_DisconnectCustomKeyStoreResponse[] = {
    { NULL, NULL, false },
};
static const shape_t shape_DisconnectCustomKeyStoreResponse = {
    .name = "DisconnectCustomKeyStoreResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_DisconnectCustomKeyStoreResponse,
};
static const char *const errors_15[] = {
    "CustomKeyStoreInvalidStateException", "CustomKeyStoreNotFoundException", "KMSInternalException", NULL,
};
static const shape_member members_EnableKeyRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_EnableKeyRequest = {
    .name = "EnableKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_EnableKeyRequest,
};
static const char *const errors_16[] = {
    "NotFoundException", "InvalidArnException", "DependencyTimeoutException", "KMSInternalException",
    "LimitExceededException", "KMSInvalidStateException", NULL,
};
static const shape_t shape_RotationPeriodInDaysType = {
    .name = "RotationPeriodInDaysType", .kind = SHAPE_INTEGER, .min = 90, .max = 2560,
};
static const shape_member members_EnableKeyRotationRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "RotationPeriodInDays", &shape_RotationPeriodInDaysType, false },
    { NULL, NULL, false },
};
static const shape_t shape_EnableKeyRotationRequest = {
    .name = "EnableKeyRotationRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_EnableKeyRotationRequest,
};
static const shape_member members_EncryptRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "EncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "EncryptionContext", &shape_EncryptionContextType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Plaintext", &shape_PlaintextType, true },
    { NULL, NULL, false },
};
static const shape_t shape_EncryptRequest = {
    .name = "EncryptRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_EncryptRequest,
};
static const shape_member members_EncryptResponse[] = {
    { "CiphertextBlob", &shape_CiphertextType, false },
    { "EncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "KeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_EncryptResponse = {
    .name = "EncryptResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_EncryptResponse,
};
static const char *const errors_17[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "DependencyTimeoutException",
    "InvalidKeyUsageException", "InvalidGrantTokenException", "KMSInternalException",
    "KMSInvalidStateException", "DryRunOperationException", NULL,
};
static const char *const enum_DataKeySpec[] = { "AES_256", "AES_128", NULL };
static const shape_t shape_DataKeySpec = {
    .name = "DataKeySpec", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_DataKeySpec,
};
static const shape_t shape_NumberOfBytesType = {
    .name = "NumberOfBytesType", .kind = SHAPE_INTEGER, .min = 1, .max = 1024,
};
static const shape_member members_GenerateDataKeyRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "EncryptionContext", &shape_EncryptionContextType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "KeySpec", &shape_DataKeySpec, false },
    { "NumberOfBytes", &shape_NumberOfBytesType, false },
    { "Recipient", &shape_RecipientInfo, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyRequest = {
    .name = "GenerateDataKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyRequest,
};
static const shape_member members_GenerateDataKeyResponse[] = {
    { "CiphertextBlob", &shape_CiphertextType, false },
    { "CiphertextForRecipient", &shape_CiphertextType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { "Plaintext", &shape_PlaintextType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyResponse = {
    .name = "GenerateDataKeyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyResponse,
};
static const char *const enum_DataKeyPairSpec[] = {
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
    "SM2", "ECC_NIST_EDWARDS25519", NULL,
};
static const shape_t shape_DataKeyPairSpec = {
    .name = "DataKeyPairSpec", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_DataKeyPairSpec,
};
static const shape_member members_GenerateDataKeyPairRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "EncryptionContext", &shape_EncryptionContextType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "KeyPairSpec", &shape_DataKeyPairSpec, true },
    { "Recipient", &shape_RecipientInfo, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyPairRequest = {
    .name = "GenerateDataKeyPairRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyPairRequest,
};
static const shape_member members_GenerateDataKeyPairResponse[] = {
    { "CiphertextForRecipient", &shape_CiphertextType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { "KeyPairSpec", &shape_DataKeyPairSpec, false },
    { "PrivateKeyCiphertextBlob", &shape_CiphertextType, false },
    { "PrivateKeyPlaintext", &shape_PlaintextType, false },
    { "PublicKey", &shape_PublicKeyType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyPairResponse = {
    .name = "GenerateDataKeyPairResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyPairResponse,
};
static const char *const errors_18[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "DependencyTimeoutException",
    "InvalidKeyUsageException", "InvalidGrantTokenException", "KMSInternalException",
    "KMSInvalidStateException", "UnsupportedOperationException", "DryRunOperationException", NULL,
};
static const shape_member members_GenerateDataKeyPairWithoutPlaintextRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "EncryptionContext", &shape_EncryptionContextType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "KeyPairSpec", &shape_DataKeyPairSpec, true },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyPairWithoutPlaintextRequest = {
    .name = "GenerateDataKeyPairWithoutPlaintextRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyPairWithoutPlaintextRequest,
};
static const shape_member members_GenerateDataKeyPairWithoutPlaintextResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { "KeyPairSpec", &shape_DataKeyPairSpec, false },
    { "PrivateKeyCiphertextBlob", &shape_CiphertextType, false },
    { "PublicKey", &shape_PublicKeyType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyPairWithoutPlaintextResponse = {
    .name = "GenerateDataKeyPairWithoutPlaintextResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyPairWithoutPlaintextResponse,
};
static const shape_member members_GenerateDataKeyWithoutPlaintextRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "EncryptionContext", &shape_EncryptionContextType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "KeySpec", &shape_DataKeySpec, false },
    { "NumberOfBytes", &shape_NumberOfBytesType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyWithoutPlaintextRequest = {
    .name = "GenerateDataKeyWithoutPlaintextRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyWithoutPlaintextRequest,
};
static const shape_member members_GenerateDataKeyWithoutPlaintextResponse[] = {
    { "CiphertextBlob", &shape_CiphertextType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateDataKeyWithoutPlaintextResponse = {
    .name = "GenerateDataKeyWithoutPlaintextResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateDataKeyWithoutPlaintextResponse,
};
static const shape_member members_GenerateMacRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "MacAlgorithm", &shape_MacAlgorithmSpec, true },
    { "Message", &shape_PlaintextType, true },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateMacRequest = {
    .name = "GenerateMacRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateMacRequest,
};
static const shape_member members_GenerateMacResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "Mac", &shape_CiphertextType, false },
    { "MacAlgorithm", &shape_MacAlgorithmSpec, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateMacResponse = {
    .name = "GenerateMacResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateMacResponse,
};
static const char *const errors_19[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "InvalidKeyUsageException",
    "InvalidGrantTokenException", "KMSInternalException", "KMSInvalidStateException",
    "DryRunOperationException", NULL,
};
static const shape_member members_GenerateRandomRequest[] = {
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, false },
    { "NumberOfBytes", &shape_NumberOfBytesType, false },
    { "Recipient", &shape_RecipientInfo, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateRandomRequest = {
    .name = "GenerateRandomRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateRandomRequest,
};
static const shape_member members_GenerateRandomResponse[] = {
    { "CiphertextForRecipient", &shape_CiphertextType, false },
    { "Plaintext", &shape_PlaintextType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GenerateRandomResponse = {
    .name = "GenerateRandomResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GenerateRandomResponse,
};
static const char *const errors_20[] = {
    "DependencyTimeoutException", "KMSInternalException", "UnsupportedOperationException",
    "CustomKeyStoreNotFoundException", "CustomKeyStoreInvalidStateException", NULL,
};
static const shape_member members_GetKeyLastUsageRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_GetKeyLastUsageRequest = {
    .name = "GetKeyLastUsageRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetKeyLastUsageRequest,
};
static const shape_t shape_CloudTrailEventIdType = {
    .name = "CloudTrailEventIdType", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const shape_t shape_KmsRequestIdType = {
    .name = "KmsRequestIdType", .kind = SHAPE_STRING, .min = -1, .max = -1,
};
static const char *const enum_KeyLastUsageTrackingOperation[] = {
    "Decrypt", "DeriveSharedSecret", "Encrypt", "GenerateDataKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext", "GenerateMac", "ReEncrypt",
    "Sign", "Verify", "VerifyMac", NULL,
};
static const shape_t shape_KeyLastUsageTrackingOperation = {
    .name = "KeyLastUsageTrackingOperation", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_KeyLastUsageTrackingOperation,
};
static const shape_member members_KeyLastUsageData[] = {
    { "CloudTrailEventId", &shape_CloudTrailEventIdType, false },
    { "KmsRequestId", &shape_KmsRequestIdType, false },
    { "Operation", &shape_KeyLastUsageTrackingOperation, false },
    { "Timestamp", &shape_DateType, false },
    { NULL, NULL, false },
};
static const shape_t shape_KeyLastUsageData = {
    .name = "KeyLastUsageData", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_KeyLastUsageData,
};
static const shape_member members_GetKeyLastUsageResponse[] = {
    { "KeyCreationDate", &shape_DateType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyLastUsage", &shape_KeyLastUsageData, false },
    { "TrackingStartDate", &shape_DateType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetKeyLastUsageResponse = {
    .name = "GetKeyLastUsageResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetKeyLastUsageResponse,
};
static const pattern_range pattern_15_ranges[] = {
    { 0x30, 0x39, 0 }, { 0x41, 0x5a, 0 }, { 0x5f, 0x5f, 0 }, { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_15_next[] = { 0, 2, 2 };
static const pattern_t pattern_15 = {
    .text = "[\\w]+", .ranges = pattern_15_ranges, .n_ranges = 4, .next = pattern_15_next, .n_classes = 1,
    .start = 1, .first_end = 2,
};
static const shape_t shape_PolicyNameType = {
    .name = "PolicyNameType", .kind = SHAPE_STRING, .min = 1, .max = 128, .pattern = &pattern_15,
};
static const shape_member members_GetKeyPolicyRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "PolicyName", &shape_PolicyNameType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetKeyPolicyRequest = {
    .name = "GetKeyPolicyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetKeyPolicyRequest,
};
static const shape_member members_GetKeyPolicyResponse[] = {
    { "Policy", &shape_PolicyType, false },
    { "PolicyName", &shape_PolicyNameType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetKeyPolicyResponse = {
    .name = "GetKeyPolicyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetKeyPolicyResponse,
};
static const shape_member members_GetKeyRotationStatusRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_GetKeyRotationStatusRequest = {
    .name = "GetKeyRotationStatusRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetKeyRotationStatusRequest,
};
static const shape_member members_GetKeyRotationStatusResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "KeyRotationEnabled", &shape_BooleanType, false },
    { "NextRotationDate", &shape_DateType, false },
    { "OnDemandRotationStartDate", &shape_DateType, false },
    { "RotationPeriodInDays", &shape_RotationPeriodInDaysType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetKeyRotationStatusResponse = {
    .name = "GetKeyRotationStatusResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetKeyRotationStatusResponse,
};
static const char *const errors_21[] = {
    "NotFoundException", "InvalidArnException", "DependencyTimeoutException", "KMSInternalException",
    "KMSInvalidStateException", "UnsupportedOperationException", NULL,
};
static const char *const enum_AlgorithmSpec[] = {
    "RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256", "SM2PKE", NULL,
};
static const shape_t shape_AlgorithmSpec = {
    .name = "AlgorithmSpec", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_AlgorithmSpec,
};
static const char *const enum_WrappingKeySpec[] = { "RSA_2048", "RSA_3072", "RSA_4096", "SM2", NULL };
static const shape_t shape_WrappingKeySpec = {
    .name = "WrappingKeySpec", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_WrappingKeySpec,
};
static const shape_member members_GetParametersForImportRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "WrappingAlgorithm", &shape_AlgorithmSpec, true },
    { "WrappingKeySpec", &shape_WrappingKeySpec, true },
    { NULL, NULL, false },
};
static const shape_t shape_GetParametersForImportRequest = {
    .name = "GetParametersForImportRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetParametersForImportRequest,
};
static const shape_member members_GetParametersForImportResponse[] = {
    { "ImportToken", &shape_CiphertextType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "ParametersValidTo", &shape_DateType, false },
    { "PublicKey", &shape_PlaintextType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetParametersForImportResponse = {
    .name = "GetParametersForImportResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetParametersForImportResponse,
};
static const shape_member members_GetPublicKeyRequest[] = {
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_GetPublicKeyRequest = {
    .name = "GetPublicKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetPublicKeyRequest,
};
static const shape_member members_GetPublicKeyResponse[] = {
    { "CustomerMasterKeySpec", &shape_CustomerMasterKeySpec, false },
    { "EncryptionAlgorithms", &shape_EncryptionAlgorithmSpecList, false },
    { "KeyAgreementAlgorithms", &shape_KeyAgreementAlgorithmSpecList, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeySpec", &shape_KeySpec, false },
    { "KeyUsage", &shape_KeyUsageType, false },
    { "PublicKey", &shape_PublicKeyType, false },
    { "SigningAlgorithms", &shape_SigningAlgorithmSpecList, false },
    { NULL, NULL, false },
};
static const shape_t shape_GetPublicKeyResponse = {
    .name = "GetPublicKeyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GetPublicKeyResponse,
};
static const char *const errors_22[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "DependencyTimeoutException",
    "UnsupportedOperationException", "InvalidArnException", "InvalidGrantTokenException",
    "InvalidKeyUsageException", "KMSInternalException", "KMSInvalidStateException", NULL,
};
static const char *const enum_ImportType[] = { "NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL", NULL };
static const shape_t shape_ImportType = {
    .name = "ImportType", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_ImportType,
};
static const pattern_range pattern_16_ranges[] = {
    { 0x9, 0xd, 0 }, { 0x20, 0x20, 0 }, { 0x2d, 0x3a, 0 }, { 0x41, 0x5a, 0 }, { 0x5f, 0x5f, 0 },
    { 0x61, 0x7a, 0 },
};
static const uint8_t pattern_16_next[] = { 0, 2, 2 };
static const pattern_t pattern_16 = {
    .text = "^[a-zA-Z0-9:/_\\s.-]+$", .ranges = pattern_16_ranges, .n_ranges = 6, .next = pattern_16_next,
    .n_classes = 1, .start = 1, .first_end = 2,
};
static const shape_t shape_KeyMaterialDescriptionType = {
    .name = "KeyMaterialDescriptionType", .kind = SHAPE_STRING, .min = 0, .max = 256, .pattern = &pattern_16,
};
static const shape_member members_ImportKeyMaterialRequest[] = {
    { "EncryptedKeyMaterial", &shape_CiphertextType, true },
    { "ExpirationModel", &shape_ExpirationModelType, false },
    { "ImportToken", &shape_CiphertextType, true },
    { "ImportType", &shape_ImportType, false },
    { "KeyId", &shape_KeyIdType, true },
    { "KeyMaterialDescription", &shape_KeyMaterialDescriptionType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { "ValidTo", &shape_DateType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ImportKeyMaterialRequest = {
    .name = "ImportKeyMaterialRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ImportKeyMaterialRequest,
};
static const shape_member members_ImportKeyMaterialResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ImportKeyMaterialResponse = {
    .name = "ImportKeyMaterialResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ImportKeyMaterialResponse,
};
static const char *const errors_23[] = {
    "InvalidArnException", "UnsupportedOperationException", "DependencyTimeoutException",
    "NotFoundException", "KMSInternalException", "KMSInvalidStateException", "InvalidCiphertextException",
    "IncorrectKeyMaterialException", "ExpiredImportTokenException", "InvalidImportTokenException", NULL,
};
static const shape_member members_ListAliasesRequest[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListAliasesRequest = {
    .name = "ListAliasesRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListAliasesRequest,
};
static const shape_member members_AliasListEntry[] = {
    { "AliasArn", &shape_ArnType, false },
    { "AliasName", &shape_AliasNameType, false },
    { "CreationDate", &shape_DateType, false },
    { "LastUpdatedDate", &shape_DateType, false },
    { "TargetKeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_AliasListEntry = {
    .name = "AliasListEntry", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_AliasListEntry,
};
static const shape_t shape_AliasList = {
    .name = "AliasList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_AliasListEntry,
};
static const shape_member members_ListAliasesResponse[] = {
    { "Aliases", &shape_AliasList, false },
    { "NextMarker", &shape_MarkerType, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListAliasesResponse = {
    .name = "ListAliasesResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListAliasesResponse,
};
static const char *const errors_24[] = {
    "DependencyTimeoutException", "InvalidMarkerException", "KMSInternalException", "InvalidArnException",
    "NotFoundException", NULL,
};
static const shape_member members_ListGrantsRequest[] = {
    { "GrantId", &shape_GrantIdType, false },
    { "GranteePrincipal", &shape_PrincipalIdType, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListGrantsRequest = {
    .name = "ListGrantsRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListGrantsRequest,
};
static const shape_member members_GrantListEntry[] = {
    { "Constraints", &shape_GrantConstraints, false },
    { "CreationDate", &shape_DateType, false },
    { "GrantId", &shape_GrantIdType, false },
    { "GranteePrincipal", &shape_PrincipalIdType, false },
    { "IssuingAccount", &shape_PrincipalIdType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "Name", &shape_GrantNameType, false },
    { "Operations", &shape_GrantOperationList, false },
    { "RetiringPrincipal", &shape_PrincipalIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_GrantListEntry = {
    .name = "GrantListEntry", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_GrantListEntry,
};
static const shape_t shape_GrantList = {
    .name = "GrantList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_GrantListEntry,
};
static const shape_member members_ListGrantsResponse[] = {
    { "Grants", &shape_GrantList, false },
    { "NextMarker", &shape_MarkerType, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListGrantsResponse = {
    .name = "ListGrantsResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListGrantsResponse,
};
static const char *const errors_25[] = {
    "NotFoundException", "DependencyTimeoutException", "InvalidMarkerException", "InvalidGrantIdException",
    "InvalidArnException", "KMSInternalException", "KMSInvalidStateException", NULL,
};
static const shape_member members_ListKeyPoliciesRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListKeyPoliciesRequest = {
    .name = "ListKeyPoliciesRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListKeyPoliciesRequest,
};
static const shape_t shape_PolicyNameList = {
    .name = "PolicyNameList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_PolicyNameType,
};
static const shape_member members_ListKeyPoliciesResponse[] = {
    { "NextMarker", &shape_MarkerType, false },
    { "PolicyNames", &shape_PolicyNameList, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListKeyPoliciesResponse = {
    .name = "ListKeyPoliciesResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListKeyPoliciesResponse,
};
static const char *const enum_IncludeKeyMaterial[] = { "ALL_KEY_MATERIAL", "ROTATIONS_ONLY", NULL };
static const shape_t shape_IncludeKeyMaterial = {
    .name = "IncludeKeyMaterial", .kind = SHAPE_STRING, .min = -1, .max = -1,
    .enums = enum_IncludeKeyMaterial,
};
static const shape_member members_ListKeyRotationsRequest[] = {
    { "IncludeKeyMaterial", &shape_IncludeKeyMaterial, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListKeyRotationsRequest = {
    .name = "ListKeyRotationsRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListKeyRotationsRequest,
};
static const char *const enum_ImportState[] = { "IMPORTED", "PENDING_IMPORT", NULL };
static const shape_t shape_ImportState = {
    .name = "ImportState", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_ImportState,
};
static const char *const enum_KeyMaterialState[] = {
    "NON_CURRENT", "CURRENT", "PENDING_ROTATION", "PENDING_MULTI_REGION_IMPORT_AND_ROTATION", NULL,
};
static const shape_t shape_KeyMaterialState = {
    .name = "KeyMaterialState", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_KeyMaterialState,
};
static const char *const enum_RotationType[] = { "AUTOMATIC", "ON_DEMAND", NULL };
static const shape_t shape_RotationType = {
    .name = "RotationType", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_RotationType,
};
static const shape_member members_RotationsListEntry[] = {
    { "ExpirationModel", &shape_ExpirationModelType, false },
    { "ImportState", &shape_ImportState, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyMaterialDescription", &shape_KeyMaterialDescriptionType, false },
    { "KeyMaterialId", &shape_BackingKeyIdType, false },
    { "KeyMaterialState", &shape_KeyMaterialState, false },
    { "RotationDate", &shape_DateType, false },
    { "RotationType", &shape_RotationType, false },
    { "ValidTo", &shape_DateType, false },
    { NULL, NULL, false },
};
static const shape_t shape_RotationsListEntry = {
    .name = "RotationsListEntry", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_RotationsListEntry,
};
static const shape_t shape_RotationsList = {
    .name = "RotationsList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_RotationsListEntry,
};
static const shape_member members_ListKeyRotationsResponse[] = {
    { "NextMarker", &shape_MarkerType, false },
    { "Rotations", &shape_RotationsList, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListKeyRotationsResponse = {
    .name = "ListKeyRotationsResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListKeyRotationsResponse,
};
static const char *const errors_26[] = {
    "NotFoundException", "InvalidArnException", "InvalidMarkerException", "KMSInternalException",
    "KMSInvalidStateException", "UnsupportedOperationException", NULL,
};
static const shape_member members_ListKeysRequest[] = {
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListKeysRequest = {
    .name = "ListKeysRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListKeysRequest,
};
static const shape_member members_KeyListEntry[] = {
    { "KeyArn", &shape_ArnType, false },
    { "KeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_KeyListEntry = {
    .name = "KeyListEntry", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_KeyListEntry,
};
static const shape_t shape_KeyList = {
    .name = "KeyList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_KeyListEntry,
};
static const shape_member members_ListKeysResponse[] = {
    { "Keys", &shape_KeyList, false },
    { "NextMarker", &shape_MarkerType, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListKeysResponse = {
    .name = "ListKeysResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListKeysResponse,
};
static const char *const errors_27[] = {
    "DependencyTimeoutException", "KMSInternalException", "InvalidMarkerException", NULL,
};
static const shape_member members_ListResourceTagsRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListResourceTagsRequest = {
    .name = "ListResourceTagsRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListResourceTagsRequest,
};
static const shape_member members_ListResourceTagsResponse[] = {
    { "NextMarker", &shape_MarkerType, false },
    { "Tags", &shape_TagList, false },
    { "Truncated", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ListResourceTagsResponse = {
    .name = "ListResourceTagsResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListResourceTagsResponse,
};
static const char *const errors_28[] = {
    "KMSInternalException", "NotFoundException", "InvalidArnException", "InvalidMarkerException", NULL,
};
static const shape_member members_ListRetirableGrantsRequest[] = {
    { "Limit", &shape_LimitType, false },
    { "Marker", &shape_MarkerType, false },
    { "RetiringPrincipal", &shape_PrincipalIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_ListRetirableGrantsRequest = {
    .name = "ListRetirableGrantsRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ListRetirableGrantsRequest,
};
static const char *const errors_29[] = {
    "DependencyTimeoutException", "InvalidMarkerException", "InvalidArnException", "NotFoundException",
    "KMSInternalException", NULL,
};
static const shape_member members_PutKeyPolicyRequest[] = {
    { "BypassPolicyLockoutSafetyCheck", &shape_BooleanType, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Policy", &shape_PolicyType, true },
    { "PolicyName", &shape_PolicyNameType, false },
    { NULL, NULL, false },
};
static const shape_t shape_PutKeyPolicyRequest = {
    .name = "PutKeyPolicyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_PutKeyPolicyRequest,
};
static const char *const errors_30[] = {
    "NotFoundException", "InvalidArnException", "MalformedPolicyDocumentException",
    "DependencyTimeoutException", "UnsupportedOperationException", "KMSInternalException",
    "LimitExceededException", "KMSInvalidStateException", NULL,
};
static const shape_member members_ReEncryptRequest[] = {
    { "CiphertextBlob", &shape_CiphertextType, false },
    { "DestinationEncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "DestinationEncryptionContext", &shape_EncryptionContextType, false },
    { "DestinationKeyId", &shape_KeyIdType, true },
    { "DryRun", &shape_NullableBooleanType, false },
    { "DryRunModifiers", &shape_DryRunModifierList, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "SourceEncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "SourceEncryptionContext", &shape_EncryptionContextType, false },
    { "SourceKeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ReEncryptRequest = {
    .name = "ReEncryptRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ReEncryptRequest,
};
static const shape_member members_ReEncryptResponse[] = {
    { "CiphertextBlob", &shape_CiphertextType, false },
    { "DestinationEncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "DestinationKeyMaterialId", &shape_BackingKeyIdType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "SourceEncryptionAlgorithm", &shape_EncryptionAlgorithmSpec, false },
    { "SourceKeyId", &shape_KeyIdType, false },
    { "SourceKeyMaterialId", &shape_BackingKeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ReEncryptResponse = {
    .name = "ReEncryptResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ReEncryptResponse,
};
static const char *const errors_31[] = {
    "NotFoundException", "DisabledException", "InvalidCiphertextException", "KeyUnavailableException",
    "IncorrectKeyException", "DependencyTimeoutException", "InvalidKeyUsageException",
    "InvalidGrantTokenException", "KMSInternalException", "KMSInvalidStateException",
    "DryRunOperationException", NULL,
};
static const shape_member members_ReplicateKeyRequest[] = {
    { "BypassPolicyLockoutSafetyCheck", &shape_BooleanType, false },
    { "Description", &shape_DescriptionType, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Policy", &shape_PolicyType, false },
    { "ReplicaRegion", &shape_RegionType, true },
    { "Tags", &shape_TagList, false },
    { NULL, NULL, false },
};
static const shape_t shape_ReplicateKeyRequest = {
    .name = "ReplicateKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ReplicateKeyRequest,
};
static const shape_member members_ReplicateKeyResponse[] = {
    { "ReplicaKeyMetadata", &shape_KeyMetadata, false },
    { "ReplicaPolicy", &shape_PolicyType, false },
    { "ReplicaTags", &shape_TagList, false },
    { NULL, NULL, false },
};
static const shape_t shape_ReplicateKeyResponse = {
    .name = "ReplicateKeyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ReplicateKeyResponse,
};
static const char *const errors_32[] = {
    "AlreadyExistsException", "DisabledException", "InvalidArnException", "KMSInvalidStateException",
    "KMSInternalException", "LimitExceededException", "MalformedPolicyDocumentException",
    "NotFoundException", "TagException", "UnsupportedOperationException", NULL,
};
static const shape_member members_RetireGrantRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantId", &shape_GrantIdType, false },
    { "GrantToken", &shape_GrantTokenType, false },
    { "KeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_RetireGrantRequest = {
    .name = "RetireGrantRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_RetireGrantRequest,
};
static const char *const errors_33[] = {
    "InvalidArnException", "InvalidGrantTokenException", "InvalidGrantIdException", "NotFoundException",
    "DependencyTimeoutException", "KMSInternalException", "KMSInvalidStateException",
    "DryRunOperationException", NULL,
};
static const shape_member members_RevokeGrantRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantId", &shape_GrantIdType, true },
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_RevokeGrantRequest = {
    .name = "RevokeGrantRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_RevokeGrantRequest,
};
static const char *const errors_34[] = {
    "NotFoundException", "DependencyTimeoutException", "InvalidArnException", "InvalidGrantIdException",
    "KMSInternalException", "KMSInvalidStateException", "DryRunOperationException", NULL,
};
static const shape_member members_RotateKeyOnDemandRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_RotateKeyOnDemandRequest = {
    .name = "RotateKeyOnDemandRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_RotateKeyOnDemandRequest,
};
static const shape_member members_RotateKeyOnDemandResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_RotateKeyOnDemandResponse = {
    .name = "RotateKeyOnDemandResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_RotateKeyOnDemandResponse,
};
static const char *const errors_35[] = {
    "NotFoundException", "DisabledException", "InvalidArnException", "DependencyTimeoutException",
    "KMSInternalException", "KMSInvalidStateException", "UnsupportedOperationException",
    "LimitExceededException", "ConflictException", NULL,
};
static const shape_member members_ScheduleKeyDeletionRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "PendingWindowInDays", &shape_PendingWindowInDaysType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ScheduleKeyDeletionRequest = {
    .name = "ScheduleKeyDeletionRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ScheduleKeyDeletionRequest,
};
static const shape_member members_ScheduleKeyDeletionResponse[] = {
    { "DeletionDate", &shape_DateType, false },
    { "KeyId", &shape_KeyIdType, false },
    { "KeyState", &shape_KeyState, false },
    { "PendingWindowInDays", &shape_PendingWindowInDaysType, false },
    { NULL, NULL, false },
};
static const shape_t shape_ScheduleKeyDeletionResponse = {
    .name = "ScheduleKeyDeletionResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_ScheduleKeyDeletionResponse,
};
static const char *const enum_MessageType[] = { "RAW", "DIGEST", "EXTERNAL_MU", NULL };
static const shape_t shape_MessageType = {
    .name = "MessageType", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = enum_MessageType,
};
static const shape_member members_SignRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Message", &shape_PlaintextType, true },
    { "MessageType", &shape_MessageType, false },
    { "SigningAlgorithm", &shape_SigningAlgorithmSpec, true },
    { NULL, NULL, false },
};
static const shape_t shape_SignRequest = {
    .name = "SignRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_SignRequest,
};
static const shape_member members_SignResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "Signature", &shape_CiphertextType, false },
    { "SigningAlgorithm", &shape_SigningAlgorithmSpec, false },
    { NULL, NULL, false },
};
static const shape_t shape_SignResponse = {
    .name = "SignResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_SignResponse,
};
static const shape_member members_TagResourceRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "Tags", &shape_TagList, true },
    { NULL, NULL, false },
};
static const shape_t shape_TagResourceRequest = {
    .name = "TagResourceRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_TagResourceRequest,
};
static const char *const errors_36[] = {
    "KMSInternalException", "NotFoundException", "InvalidArnException", "KMSInvalidStateException",
    "LimitExceededException", "TagException", NULL,
};
static const shape_t shape_TagKeyList = {
    .name = "TagKeyList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_TagKeyType,
};
static const shape_member members_UntagResourceRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "TagKeys", &shape_TagKeyList, true },
    { NULL, NULL, false },
};
static const shape_t shape_UntagResourceRequest = {
    .name = "UntagResourceRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_UntagResourceRequest,
};
static const char *const errors_37[] = {
    "KMSInternalException", "NotFoundException", "InvalidArnException", "KMSInvalidStateException",
    "TagException", NULL,
};
static const shape_member members_UpdateAliasRequest[] = {
    { "AliasName", &shape_AliasNameType, true },
    { "TargetKeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_UpdateAliasRequest = {
    .name = "UpdateAliasRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_UpdateAliasRequest,
};
static const char *const errors_38[] = {
    "DependencyTimeoutException", "NotFoundException", "KMSInternalException", "LimitExceededException",
    "KMSInvalidStateException", NULL,
};
static const shape_member members_UpdateCustomKeyStoreRequest[] = {
    { "CloudHsmClusterId", &shape_CloudHsmClusterIdType, false },
    { "CustomKeyStoreId", &shape_CustomKeyStoreIdType, true },
    { "KeyStorePassword", &shape_KeyStorePasswordType, false },
    { "NewCustomKeyStoreName", &shape_CustomKeyStoreNameType, false },
    { "XksProxyAuthenticationCredential", &shape_XksProxyAuthenticationCredentialType, false },
    { "XksProxyConnectivity", &shape_XksProxyConnectivityType, false },
    { "XksProxyUriEndpoint", &shape_XksProxyUriEndpointType, false },
    { "XksProxyUriPath", &shape_XksProxyUriPathType, false },
    { "XksProxyVpcEndpointServiceName", &shape_XksProxyVpcEndpointServiceNameType, false },
    { "XksProxyVpcEndpointServiceOwner", &shape_AccountIdType, false },
    { NULL, NULL, false },
};
static const shape_t shape_UpdateCustomKeyStoreRequest = {
    .name = "UpdateCustomKeyStoreRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_UpdateCustomKeyStoreRequest,
};
static const shape_member members_UpdateCustomKeyStoreResponse[] = {
    { NULL, NULL, false },
};
static const shape_t shape_UpdateCustomKeyStoreResponse = {
    .name = "UpdateCustomKeyStoreResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_UpdateCustomKeyStoreResponse,
};
static const char *const errors_39[] = {
    "CustomKeyStoreNotFoundException", "CustomKeyStoreNameInUseException",
    "CloudHsmClusterNotFoundException", "CloudHsmClusterNotRelatedException",
    "CustomKeyStoreInvalidStateException", "KMSInternalException", "CloudHsmClusterNotActiveException",
    "CloudHsmClusterInvalidConfigurationException", "XksProxyUriInUseException",
    "XksProxyUriEndpointInUseException", "XksProxyUriUnreachableException",
    "XksProxyIncorrectAuthenticationCredentialException", "XksProxyVpcEndpointServiceInUseException",
    "XksProxyVpcEndpointServiceNotFoundException", "XksProxyVpcEndpointServiceInvalidConfigurationException",
    "XksProxyInvalidResponseException", "XksProxyInvalidConfigurationException", NULL,
};
static const shape_member members_UpdateKeyDescriptionRequest[] = {
    { "Description", &shape_DescriptionType, true },
    { "KeyId", &shape_KeyIdType, true },
    { NULL, NULL, false },
};
static const shape_t shape_UpdateKeyDescriptionRequest = {
    .name = "UpdateKeyDescriptionRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_UpdateKeyDescriptionRequest,
};
static const shape_member members_UpdatePrimaryRegionRequest[] = {
    { "KeyId", &shape_KeyIdType, true },
    { "PrimaryRegion", &shape_RegionType, true },
    { NULL, NULL, false },
};
static const shape_t shape_UpdatePrimaryRegionRequest = {
    .name = "UpdatePrimaryRegionRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_UpdatePrimaryRegionRequest,
};
static const char *const errors_40[] = {
    "DisabledException", "InvalidArnException", "KMSInvalidStateException", "KMSInternalException",
    "NotFoundException", "UnsupportedOperationException", NULL,
};
static const shape_member members_VerifyRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Message", &shape_PlaintextType, true },
    { "MessageType", &shape_MessageType, false },
    { "Signature", &shape_CiphertextType, true },
    { "SigningAlgorithm", &shape_SigningAlgorithmSpec, true },
    { NULL, NULL, false },
};
static const shape_t shape_VerifyRequest = {
    .name = "VerifyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = members_VerifyRequest,
};
static const shape_member members_VerifyResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "SignatureValid", &shape_BooleanType, false },
    { "SigningAlgorithm", &shape_SigningAlgorithmSpec, false },
    { NULL, NULL, false },
};
static const shape_t shape_VerifyResponse = {
    .name = "VerifyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_VerifyResponse,
};
static const char *const errors_41[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "DependencyTimeoutException",
    "InvalidKeyUsageException", "InvalidGrantTokenException", "KMSInternalException",
    "KMSInvalidStateException", "KMSInvalidSignatureException", "DryRunOperationException", NULL,
};
static const shape_member members_VerifyMacRequest[] = {
    { "DryRun", &shape_NullableBooleanType, false },
    { "GrantTokens", &shape_GrantTokenList, false },
    { "KeyId", &shape_KeyIdType, true },
    { "Mac", &shape_CiphertextType, true },
    { "MacAlgorithm", &shape_MacAlgorithmSpec, true },
    { "Message", &shape_PlaintextType, true },
    { NULL, NULL, false },
};
static const shape_t shape_VerifyMacRequest = {
    .name = "VerifyMacRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_VerifyMacRequest,
};
static const shape_member members_VerifyMacResponse[] = {
    { "KeyId", &shape_KeyIdType, false },
    { "MacAlgorithm", &shape_MacAlgorithmSpec, false },
    { "MacValid", &shape_BooleanType, false },
    { NULL, NULL, false },
};
static const shape_t shape_VerifyMacResponse = {
    .name = "VerifyMacResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = members_VerifyMacResponse,
};
static const char *const errors_42[] = {
    "NotFoundException", "DisabledException", "KeyUnavailableException", "InvalidKeyUsageException",
    "InvalidGrantTokenException", "KMSInternalException", "KMSInvalidMacException",
    "KMSInvalidStateException", "DryRunOperationException", NULL,
};
const shape_operation shape_kms_operations[] = {
    { "CancelKeyDeletion", &shape_CancelKeyDeletionRequest, &shape_CancelKeyDeletionResponse, errors_1 },
    { "ConnectCustomKeyStore", &shape_ConnectCustomKeyStoreRequest,
      &shape_ConnectCustomKeyStoreResponse, errors_2 },
    { "CreateAlias", &shape_CreateAliasRequest, NULL, errors_3 },
    { "CreateCustomKeyStore", &shape_CreateCustomKeyStoreRequest,
      &shape_CreateCustomKeyStoreResponse, errors_4 },
    { "CreateGrant", &shape_CreateGrantRequest, &shape_CreateGrantResponse, errors_5 },
    { "CreateKey", &shape_CreateKeyRequest, &shape_CreateKeyResponse, errors_6 },
    { "Decrypt", &shape_DecryptRequest, &shape_DecryptResponse, errors_7 },
    { "DeleteAlias", &shape_DeleteAliasRequest, NULL, errors_8 },
    { "DeleteCustomKeyStore", &shape_DeleteCustomKeyStoreRequest,
      &shape_DeleteCustomKeyStoreResponse, errors_9 },
    { "DeleteImportedKeyMaterial", &shape_DeleteImportedKeyMaterialRequest,
      &shape_DeleteImportedKeyMaterialResponse, errors_10 },
    { "DeriveSharedSecret", &shape_DeriveSharedSecretRequest, &shape_DeriveSharedSecretResponse, errors_11 },
    { "DescribeCustomKeyStores", &shape_DescribeCustomKeyStoresRequest,
      &shape_DescribeCustomKeyStoresResponse, errors_12 },
    { "DescribeKey", &shape_DescribeKeyRequest, &shape_DescribeKeyResponse, errors_13 },
    { "DisableKey", &shape_DisableKeyRequest, NULL, errors_1 },
    { "DisableKeyRotation", &shape_DisableKeyRotationRequest, NULL, errors_14 },
    { "DisconnectCustomKeyStore", &shape_DisconnectCustomKeyStoreRequest,
      &shape_DisconnectCustomKeyStoreResponse, errors_15 },
    { "EnableKey", &shape_EnableKeyRequest, NULL, errors_16 },
    { "EnableKeyRotation", &shape_EnableKeyRotationRequest, NULL, errors_14 },
    { "Encrypt", &shape_EncryptRequest, &shape_EncryptResponse, errors_17 },
    { "GenerateDataKey", &shape_GenerateDataKeyRequest, &shape_GenerateDataKeyResponse, errors_17 },
    { "GenerateDataKeyPair", &shape_GenerateDataKeyPairRequest,
      &shape_GenerateDataKeyPairResponse, errors_18 },
    { "GenerateDataKeyPairWithoutPlaintext", &shape_GenerateDataKeyPairWithoutPlaintextRequest,
      &shape_GenerateDataKeyPairWithoutPlaintextResponse, errors_18 },
    { "GenerateDataKeyWithoutPlaintext", &shape_GenerateDataKeyWithoutPlaintextRequest,
      &shape_GenerateDataKeyWithoutPlaintextResponse, errors_17 },
    { "GenerateMac", &shape_GenerateMacRequest, &shape_GenerateMacResponse, errors_19 },
    { "GenerateRandom", &shape_GenerateRandomRequest, &shape_GenerateRandomResponse, errors_20 },
    { "GetKeyLastUsage", &shape_GetKeyLastUsageRequest, &shape_GetKeyLastUsageResponse, errors_13 },
    { "GetKeyPolicy", &shape_GetKeyPolicyRequest, &shape_GetKeyPolicyResponse, errors_1 },
    { "GetKeyRotationStatus", &shape_GetKeyRotationStatusRequest,
      &shape_GetKeyRotationStatusResponse, errors_21 },
    { "GetParametersForImport", &shape_GetParametersForImportRequest,
      &shape_GetParametersForImportResponse, errors_10 },
    { "GetPublicKey", &shape_GetPublicKeyRequest, &shape_GetPublicKeyResponse, errors_22 },
    { "ImportKeyMaterial", &shape_ImportKeyMaterialRequest, &shape_ImportKeyMaterialResponse, errors_23 },
    { "ListAliases", &shape_ListAliasesRequest, &shape_ListAliasesResponse, errors_24 },
    { "ListGrants", &shape_ListGrantsRequest, &shape_ListGrantsResponse, errors_25 },
    { "ListKeyPolicies", &shape_ListKeyPoliciesRequest, &shape_ListKeyPoliciesResponse, errors_1 },
    { "ListKeyRotations", &shape_ListKeyRotationsRequest, &shape_ListKeyRotationsResponse, errors_26 },
    { "ListKeys", &shape_ListKeysRequest, &shape_ListKeysResponse, errors_27 },
    { "ListResourceTags", &shape_ListResourceTagsRequest, &shape_ListResourceTagsResponse, errors_28 },
    { "ListRetirableGrants", &shape_ListRetirableGrantsRequest, &shape_ListGrantsResponse, errors_29 },
    { "PutKeyPolicy", &shape_PutKeyPolicyRequest, NULL, errors_30 },
    { "ReEncrypt", &shape_ReEncryptRequest, &shape_ReEncryptResponse, errors_31 },
    { "ReplicateKey", &shape_ReplicateKeyRequest, &shape_ReplicateKeyResponse, errors_32 },
    { "RetireGrant", &shape_RetireGrantRequest, NULL, errors_33 },
    { "RevokeGrant", &shape_RevokeGrantRequest, NULL, errors_34 },
    { "RotateKeyOnDemand", &shape_RotateKeyOnDemandRequest, &shape_RotateKeyOnDemandResponse, errors_35 },
    { "ScheduleKeyDeletion", &shape_ScheduleKeyDeletionRequest,
      &shape_ScheduleKeyDeletionResponse, errors_1 },
    { "Sign", &shape_SignRequest, &shape_SignResponse, errors_17 },
    { "TagResource", &shape_TagResourceRequest, NULL, errors_36 },
    { "UntagResource", &shape_UntagResourceRequest, NULL, errors_37 },
    { "UpdateAlias", &shape_UpdateAliasRequest, NULL, errors_38 },
    { "UpdateCustomKeyStore", &shape_UpdateCustomKeyStoreRequest,
      &shape_UpdateCustomKeyStoreResponse, errors_39 },
    { "UpdateKeyDescription", &shape_UpdateKeyDescriptionRequest, NULL, errors_1 },
    { "UpdatePrimaryRegion", &shape_UpdatePrimaryRegionRequest, NULL, errors_40 },
    { "Verify", &shape_VerifyRequest, &shape_VerifyResponse, errors_41 },
    { "VerifyMac", &shape_VerifyMacRequest, &shape_VerifyMacResponse, errors_42 },
    { NULL, NULL, NULL, NULL },
};
