/* The shapes of our own operations, written by hand in the form tools/make-shapes gives AWS's. */
#include "api/shape.h"

static const shape_t shape_user_name = { .name = "UserName", .kind = SHAPE_STRING, .min = 1, .max = 64 };
static const shape_t shape_access_key_id = { .name = "AccessKeyId", .kind = SHAPE_STRING, .min = 3, .max = 128 };
static const shape_t shape_secret = {
    .name = "SecretAccessKey", .kind = SHAPE_STRING, .sensitive = true, .min = -1, .max = -1,
};
static const shape_t shape_date = { .name = "Date", .kind = SHAPE_TIMESTAMP, .min = -1, .max = -1 };
static const char *const statuses[] = { "Active", "Inactive", NULL };
static const shape_t shape_status = { .name = "Status", .kind = SHAPE_STRING, .min = -1, .max = -1, .enums = statuses };
/* A century either way. */
static const shape_t shape_offset = {
    .name = "OffsetSeconds", .kind = SHAPE_INTEGER, .min = -3155760000, .max = 3155760000,
};

static const shape_member user_members[] = { { "UserName", &shape_user_name, false }, { NULL, NULL, false } };
static const shape_t shape_user_request = {
    .name = "UserRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = user_members,
};

static const shape_member made_members[] = {
    { "AccessKeyId", &shape_access_key_id, true }, { "CreateDate", &shape_date, false },
    { "SecretAccessKey", &shape_secret, true },    { "Status", &shape_status, true },
    { "UserName", &shape_user_name, true },        { NULL, NULL, false },
};
static const shape_t shape_made = {
    .name = "AccessKey", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = made_members,
};
static const shape_member create_members[] = { { "AccessKey", &shape_made, true }, { NULL, NULL, false } };
static const shape_t shape_create_response = {
    .name = "CreateAccessKeyResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = create_members,
};

static const shape_t shape_word = { .name = "Word", .kind = SHAPE_STRING, .min = -1, .max = -1 };
static const shape_member listed_members[] = {
    { "AccessKeyId", &shape_access_key_id, true },
    { "CreateDate", &shape_date, false },
    { "LastUsedDate", &shape_date, false },
    { "LastUsedRegion", &shape_word, false },
    { "LastUsedService", &shape_word, false },
    { "Status", &shape_status, true },
    { "UserName", &shape_user_name, true },
    { NULL, NULL, false },
};
static const shape_t shape_listed = {
    .name = "AccessKeyMetadata", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = listed_members,
};
static const shape_t shape_list = {
    .name = "AccessKeyList", .kind = SHAPE_LIST, .min = -1, .max = -1, .element = &shape_listed,
};
static const shape_member list_members[] = { { "AccessKeyMetadata", &shape_list, true }, { NULL, NULL, false } };
static const shape_t shape_list_response = {
    .name = "ListAccessKeysResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = list_members,
};

static const shape_member key_members[] = { { "AccessKeyId", &shape_access_key_id, true }, { NULL, NULL, false } };
static const shape_t shape_key_request = {
    .name = "AccessKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = key_members,
};
static const shape_member update_members[] = {
    { "AccessKeyId", &shape_access_key_id, true },
    { "Status", &shape_status, true },
    { NULL, NULL, false },
};
static const shape_t shape_update_request = {
    .name = "UpdateAccessKeyRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = update_members,
};
static const shape_member clock_members[] = { { "OffsetSeconds", &shape_offset, true }, { NULL, NULL, false } };
static const shape_t shape_clock_request = {
    .name = "SetClockRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = clock_members,
};

/* ---- sessions ---- */

static const shape_t shape_duration = {
    .name = "DurationSeconds", .kind = SHAPE_INTEGER, .min = 900, .max = 129600, /* as sts:GetSessionToken */
};
static const shape_member get_credentials_members[] = { { "DurationSeconds", &shape_duration, false },
                                                        { NULL, NULL, false } };
static const shape_t shape_get_credentials_request = {
    .name = "GetCredentialsRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = get_credentials_members,
};
static const shape_member credentials_members[] = {
    { "AccessKeyId", &shape_access_key_id, true },
    { "Expiration", &shape_date, true },
    { "SecretAccessKey", &shape_secret, true },
    { "SessionToken", &shape_secret, true },
    { NULL, NULL, false },
};
static const shape_t shape_credentials = {
    .name = "Credentials", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = credentials_members,
};
static const shape_member got_credentials_members[] = {
    { "Arn", &shape_word, true },
    { "Credentials", &shape_credentials, true },
    { NULL, NULL, false },
};
static const shape_t shape_get_credentials_response = {
    .name = "GetCredentialsResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1,
    .members = got_credentials_members,
};

static const shape_t shape_role_name = { .name = "RoleName", .kind = SHAPE_STRING, .min = 1, .max = 64 };
static const shape_member revoke_members[] = { { "RoleName", &shape_role_name, true }, { NULL, NULL, false } };
static const shape_t shape_revoke_request = {
    .name = "RevokeSessionsRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = revoke_members,
};
static const shape_member revoked_members[] = {
    { "RevokedUntil", &shape_date, true }, { "RoleArn", &shape_word, true }, { NULL, NULL, false },
};
static const shape_t shape_revoke_response = {
    .name = "RevokeSessionsResponse", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = revoked_members,
};

static const shape_t shape_because = { .name = "Because", .kind = SHAPE_STRING, .min = 1, .max = 1024 };
static const shape_member resume_members[] = { { "Because", &shape_because, true }, { NULL, NULL, false } };
static const shape_t shape_resume_request = {
    .name = "ResumeAuditRequest", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = resume_members,
};

static const shape_member no_members[] = { { NULL, NULL, false } };
static const shape_t shape_nothing = {
    .name = "Nothing", .kind = SHAPE_STRUCTURE, .min = -1, .max = -1, .members = no_members,
};

static const char *const no_errors[] = { NULL };

const shape_operation shape_p11kms_operations[] = {
    { "CreateAccessKey", &shape_user_request, &shape_create_response, no_errors },
    { "DeleteAccessKey", &shape_key_request, NULL, no_errors },
    { "GetCredentials", &shape_get_credentials_request, &shape_get_credentials_response, no_errors },
    { "ListAccessKeys", &shape_user_request, &shape_list_response, no_errors },
    { "Reload", &shape_nothing, NULL, no_errors },
    { "ResumeAudit", &shape_resume_request, NULL, no_errors },
    { "RevokeSessions", &shape_revoke_request, &shape_revoke_response, no_errors },
    { "SetClock", &shape_clock_request, NULL, no_errors },
    { "UpdateAccessKey", &shape_update_request, NULL, no_errors },
    { NULL, NULL, NULL, NULL },
};
