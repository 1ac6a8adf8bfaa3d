/*
 * The operation table: every operation of AWS KMS by name, what policy action
 * it needs, how it is recorded, and what carries it out. A row without a start
 * is known to AWS and not to this version; it is refused in those words.
 */
#include "api/api_internal.h"
#include "api/rates.h"

#include <string.h>

#define KMS_ROW(op, is_read, is_shared, what, fn)                                                               \
    {                                                                                                            \
        .name = #op, .service = "kms", .event_source = "kms.amazonaws.com", .action = "kms:" #op,               \
        .read_only = (is_read), .cross_account = (is_shared), .about = (what), .start = (fn)                    \
    }
#define KMS(op, is_read, fn) KMS_ROW(op, is_read, false, ABOUT_KEY, fn)
/* Those that AWS lets callers of another account use ("Allowing users in other accounts to use a KMS key"). */
#define KMS_SHARED(op, is_read, fn) KMS_ROW(op, is_read, true, ABOUT_KEY, fn)
/* Both the alias and its key are asked for. */
#define KMS_ALIAS(op, is_read, fn) KMS_ROW(op, is_read, false, ABOUT_ALIAS | ABOUT_KEY, fn)
#define KMS_ALL(op, is_read, fn) KMS_ROW(op, is_read, false, ABOUT_ALL, fn)
/* CreateKey asks for kms:TagResource before there is a key. */
#define KMS_TAG(op, is_read, fn) KMS_ROW(op, is_read, false, ABOUT_KEY | ABOUT_ALL, fn)
/* Policies are asked for two actions of other names. */
#define KMS_IN_TWO(op, is_read, fn) KMS_ROW(op, is_read, true, 0, fn)

#define OURS_ROW(op, is_read, what, fn)                                                                         \
    {                                                                                                            \
        .name = #op, .service = "p11kms", .event_source = "p11kms", .action = "p11kms:" #op,                    \
        .read_only = (is_read), .about = (what), .start = (fn)                                                  \
    }
#define OURS(op, is_read, fn) OURS_ROW(op, is_read, ABOUT_USER, fn)
#define OURS_ROLE(op, is_read, fn) OURS_ROW(op, is_read, ABOUT_ROLE, fn)
#define OURS_ALL(op, is_read, fn) OURS_ROW(op, is_read, ABOUT_ALL, fn)

/* What STS answers is recorded although nothing is changed: which access key went to whom. */
#define STS_ROW(op, what, fn)                                                                                   \
    {                                                                                                            \
        .name = #op, .service = "sts", .event_source = "sts.amazonaws.com", .action = "sts:" #op,               \
        .read_only = true, .records_response = true, .about = (what), .start = (fn)                             \
    }
#define STS(op, fn) STS_ROW(op, ABOUT_ALL, fn)
#define STS_ROLE(op, fn) STS_ROW(op, ABOUT_ROLE, fn)

/* CloudTrail calls cryptographic operations read-only (docs/audit-records.md). In name order within a service. */
static op_row_t operations[] = {
    KMS(CancelKeyDeletion, false, api_cancel_key_deletion),
    KMS_ALL(ConnectCustomKeyStore, false, api_connect_custom_key_store),
    KMS_ALIAS(CreateAlias, false, api_create_alias),
    KMS_ALL(CreateCustomKeyStore, false, api_create_custom_key_store),
    KMS_SHARED(CreateGrant, false, api_create_grant),
    KMS_ALL(CreateKey, false, api_create_key),
    KMS_SHARED(Decrypt, true, api_decrypt),
    KMS_ALIAS(DeleteAlias, false, api_delete_alias),
    KMS_ALL(DeleteCustomKeyStore, false, api_delete_custom_key_store),
    KMS(DeleteImportedKeyMaterial, false, api_delete_imported_key_material),
    KMS_SHARED(DeriveSharedSecret, true, api_derive_shared_secret),
    KMS_ALL(DescribeCustomKeyStores, true, api_describe_custom_key_stores),
    KMS_SHARED(DescribeKey, true, api_describe_key),
    KMS(DisableKey, false, api_disable_key),
    KMS(DisableKeyRotation, false, api_disable_key_rotation),
    KMS_ALL(DisconnectCustomKeyStore, false, api_disconnect_custom_key_store),
    KMS(EnableKey, false, api_enable_key),
    KMS(EnableKeyRotation, false, api_enable_key_rotation),
    KMS_SHARED(Encrypt, true, api_encrypt),
    KMS_SHARED(GenerateDataKey, true, api_generate_data_key),
    KMS_SHARED(GenerateDataKeyPair, true, api_generate_data_key_pair),
    KMS_SHARED(GenerateDataKeyPairWithoutPlaintext, true, api_generate_data_key_pair_without_plaintext),
    KMS_SHARED(GenerateDataKeyWithoutPlaintext, true, api_generate_data_key_without_plaintext),
    KMS_SHARED(GenerateMac, true, api_generate_mac),
    KMS_ALL(GenerateRandom, true, api_generate_random),
    KMS(GetKeyLastUsage, true, api_get_key_last_usage),
    KMS(GetKeyPolicy, true, api_get_key_policy),
    KMS_SHARED(GetKeyRotationStatus, true, api_get_key_rotation_status),
    KMS(GetParametersForImport, true, api_get_parameters_for_import),
    KMS_SHARED(GetPublicKey, true, api_get_public_key),
    KMS(ImportKeyMaterial, false, api_import_key_material),
    KMS_ALL(ListAliases, true, api_list_aliases),
    KMS_SHARED(ListGrants, true, api_list_grants),
    KMS(ListKeyPolicies, true, api_list_key_policies),
    KMS(ListKeyRotations, true, api_list_key_rotations),
    KMS_ALL(ListKeys, true, api_list_keys),
    KMS(ListResourceTags, true, api_list_resource_tags),
    KMS_ALL(ListRetirableGrants, true, api_list_retirable_grants),
    KMS(PutKeyPolicy, false, api_put_key_policy),
    KMS_IN_TWO(ReEncrypt, true, api_re_encrypt),
    KMS(ReplicateKey, false, api_replicate_key),
    KMS_SHARED(RetireGrant, false, api_retire_grant),
    KMS_SHARED(RevokeGrant, false, api_revoke_grant),
    KMS(RotateKeyOnDemand, false, api_rotate_key_on_demand),
    KMS(ScheduleKeyDeletion, false, api_schedule_key_deletion),
    KMS_SHARED(Sign, true, api_sign),
    KMS_TAG(TagResource, false, api_tag_resource),
    KMS(UntagResource, false, api_untag_resource),
    KMS_ALIAS(UpdateAlias, false, api_update_alias),
    KMS_ALL(UpdateCustomKeyStore, false, api_update_custom_key_store),
    KMS(UpdateKeyDescription, false, api_update_key_description),
    KMS(UpdatePrimaryRegion, false, api_update_primary_region),
    KMS_SHARED(Verify, true, api_verify),
    KMS_SHARED(VerifyMac, true, api_verify_mac),
    OURS(CreateAccessKey, false, api_create_access_key),
    OURS(DeleteAccessKey, false, api_delete_access_key),
    OURS_ALL(GetCredentials, false, api_get_credentials),
    OURS(ListAccessKeys, true, api_list_access_keys),
    OURS_ALL(Reload, false, api_reload),
    OURS_ALL(ResumeAudit, false, api_resume_audit),
    OURS_ROLE(RevokeSessions, false, api_revoke_sessions),
    OURS_ALL(SetClock, false, api_set_clock),
    OURS(UpdateAccessKey, false, api_update_access_key),
    STS_ROLE(AssumeRole, api_assume_role),
    STS_ROLE(AssumeRoleWithSAML, NULL),
    STS_ROLE(AssumeRoleWithWebIdentity, api_assume_role_with_web_identity),
    STS(AssumeRoot, NULL),
    STS(DecodeAuthorizationMessage, NULL),
    STS(GetAccessKeyInfo, api_get_access_key_info),
    STS(GetCallerIdentity, api_get_caller_identity),
    STS(GetDelegatedAccessToken, NULL),
    STS(GetFederationToken, NULL),
    STS(GetSessionToken, api_get_session_token),
    STS(GetWebIdentityToken, NULL),
    { .name = NULL },
};

const op_row_t *api_operations(void)
{
    return operations;
}

static const struct {
    const char *service;
    const char *target; /* before the operation's name in X-Amz-Target; NULL: the query protocol */
    const shape_operation *shapes;
} services[] = {
    { "kms", "TrentService.", shape_kms_operations },
    { "p11kms", "P11KMS.", shape_p11kms_operations },
    { "sts", NULL, shape_sts_operations },
};

static p11kms_err join_shapes(op_row_t *row)
{
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        const shape_operation *found =
            strcmp(row->service, services[i].service) == 0
                ? shape_find_operation(services[i].shapes, SLICE_STR(row->name))
                : NULL;
        if (found) {
            row->input = found->input;
            row->output = found->output;
            row->errors = found->errors;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_INTERNAL, "operation %s has no shapes", row->name);
}

static const shape_t *member_shape(const shape_t *structure, const char *name)
{
    const shape_member *member = structure->members;

    while (strcmp(member->name, name) != 0) {
        member++;
    }
    return member->shape;
}

/* The operations that GetKeyLastUsage can answer with. */
static bool uses_keys(const op_row_t *row)
{
    const shape_operation *tells = shape_find_operation(shape_kms_operations, SLICE_LIT("GetKeyLastUsage"));
    const char *const *name = member_shape(member_shape(tells->output, "KeyLastUsage"), "Operation")->enums;

    while (*name && strcmp(*name, row->name) != 0) {
        name++;
    }
    return *name && strcmp(row->service, "kms") == 0;
}

p11kms_err operations_init(void)
{
    for (op_row_t *row = operations; row->name; row++) {
        TRY(join_shapes(row));
        row->rate = rates_kind(row);
        row->uses_keys = uses_keys(row);
    }
    return P11KMS_OK;
}

const op_row_t *operations_named(const char *service, slice_t name)
{
    for (const op_row_t *row = operations; row->name; row++) {
        if (strcmp(row->service, service) == 0 && slice_eq_str(name, row->name)) {
            return row;
        }
    }
    return NULL;
}

const op_row_t *operations_find(slice_t target, const char **ret_service)
{
    *ret_service = NULL;
    for (size_t i = 0; i < COUNT_OF(services); i++) {
        if (services[i].target && slice_has_prefix(target, services[i].target)) {
            size_t len = strlen(services[i].target);

            *ret_service = services[i].service;
            return operations_named(services[i].service, SLICE(target.data + len, target.len - len));
        }
    }
    return NULL;
}
