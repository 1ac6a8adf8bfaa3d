/* The kms: condition keys, and the tags, of one request ("Condition keys for AWS KMS"). */
#include "api/api_internal.h"

#include <string.h>
#include <strings.h>

typedef struct {
    op_t *op;
    request_t *request;
    slice_t rest; /* of a key that takes a name */
} asking_t;

typedef bool (*condition_fn)(const asking_t *at, policy_values *ret);

static slice_t *values_of(const asking_t *at, size_t n, policy_values *ret)
{
    slice_t *values = arena_alloc(at->op->arena, (n ? n : 1) * sizeof(*values));

    *ret = (policy_values){ .values = values, .n = n };
    return values;
}

static bool one(const asking_t *at, slice_t value, policy_values *ret)
{
    *values_of(at, 1, ret) = value;
    return true;
}

static bool literal(const asking_t *at, const char *value, policy_values *ret)
{
    return one(at, SLICE_STR(value), ret);
}

static bool is_asked(const asking_t *at, const char *operation)
{
    return strcmp(at->op->row->name, operation) == 0;
}

/* What @p operation says, or what is taken when it says nothing. */
static bool number_or(const asking_t *at, const char *operation, const char *member, int absent, policy_values *ret)
{
    return is_asked(at, operation) &&
           literal(at, arena_printf(at->op->arena, "%lld", (long long)in_int(at->op, member, absent)), ret);
}

static bool caller_account(const asking_t *at, policy_values *ret)
{
    return literal(at, at->op->account, ret);
}

/* AWS: what stands behind a condition key's colon or slash is equal in any case. */
static bool is_meant(const asking_t *at, slice_t name)
{
    return name.len == at->rest.len &&
           strncasecmp((const char *)name.data, (const char *)at->rest.data, name.len) == 0;
}

/* Of names that differ in case alone all are meant: then no Allow holds, and a Deny that one of them meets. */
static bool context_value(const asking_t *at, policy_values *ret)
{
    slice_t *values = values_of(at, at->request->n_context, ret);

    ret->n = 0;
    for (size_t i = 0; i < at->request->n_context; i++) {
        if (is_meant(at, at->request->context[i].name)) {
            values[ret->n++] = at->request->context[i].value;
        }
    }
    return ret->n > 0;
}

static bool context_keys(const asking_t *at, policy_values *ret)
{
    slice_t *values = values_of(at, at->request->n_context, ret);

    for (size_t i = 0; i < at->request->n_context; i++) {
        values[i] = at->request->context[i].name;
    }
    ret->multi = true;
    return at->request->n_context > 0;
}

/* Of the key asked for, or of the one to be made. */
static bool key_spec(const asking_t *at, policy_values *ret)
{
    const kms_key_t *key = at->request->asked;
    const kms_create *making = at->request->making;

    return (key || making) && literal(at, (key ? key->spec : making->spec)->name, ret);
}

static bool key_usage(const asking_t *at, policy_values *ret)
{
    const kms_key_t *key = at->request->asked;
    const kms_create *making = at->request->making;

    return (key || making) && literal(at, kms_usage_name(key ? key->usage : making->usage), ret);
}

static bool key_origin(const asking_t *at, policy_values *ret)
{
    const kms_key_t *key = at->request->asked;
    const kms_create *making = at->request->making;

    return (key || making) && literal(at, kms_origin_name(key ? key->origin : making->origin), ret);
}

static bool multi_region(const asking_t *at, policy_values *ret)
{
    const kms_key_t *key = at->request->asked;
    const kms_create *making = at->request->making;

    return literal(at, (key && key->multi_region) || (making && making->multi_region) ? "true" : "false", ret);
}

static bool is_one_of(const asking_t *at, const char *const *operations, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(at->op->row->name, operations[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What the request says, or what is taken when it says nothing. */
static bool said_or(const asking_t *at, const char *member, const char *absent, policy_values *ret)
{
    slice_t said = in_string(at->op, member);

    return said.len ? one(at, said, ret) : literal(at, absent, ret);
}

static bool said(const asking_t *at, const char *member, policy_values *ret)
{
    slice_t text = in_string(at->op, member);

    return text.len > 0 && one(at, text, ret);
}

static bool encryption_algorithm(const asking_t *at, policy_values *ret)
{
    static const char *const says_it[] = { "Encrypt", "Decrypt" };
    static const char *const symmetric[] = { "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
                                             "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext" };

    if (is_asked(at, "ReEncrypt")) {
        return said_or(at, at->request->to ? "DestinationEncryptionAlgorithm" : "SourceEncryptionAlgorithm",
                       "SYMMETRIC_DEFAULT", ret);
    }
    if (is_one_of(at, says_it, COUNT_OF(says_it))) {
        return said_or(at, "EncryptionAlgorithm", "SYMMETRIC_DEFAULT", ret);
    }
    return is_one_of(at, symmetric, COUNT_OF(symmetric)) && literal(at, "SYMMETRIC_DEFAULT", ret);
}

static bool signing_algorithm(const asking_t *at, policy_values *ret)
{
    return said(at, "SigningAlgorithm", ret);
}

static bool message_type(const asking_t *at, policy_values *ret)
{
    static const char *const has_it[] = { "Sign", "Verify" };

    return is_one_of(at, has_it, COUNT_OF(has_it)) && said_or(at, "MessageType", "RAW", ret);
}

static bool mac_algorithm(const asking_t *at, policy_values *ret)
{
    return said(at, "MacAlgorithm", ret);
}

static bool key_agreement_algorithm(const asking_t *at, policy_values *ret)
{
    return said(at, "KeyAgreementAlgorithm", ret);
}

static bool data_key_pair_spec(const asking_t *at, policy_values *ret)
{
    return said(at, "KeyPairSpec", ret);
}

/* A request with an attestation document is refused; no other has one to ask about. */
static bool recipient_attestation(const asking_t *at, policy_values *ret)
{
    (void)at;
    (void)ret;
    return false;
}

static bool request_alias(const asking_t *at, policy_values *ret)
{
    return at->request->alias && literal(at, at->request->alias, ret);
}

static bool resource_aliases(const asking_t *at, policy_values *ret)
{
    kms_alias_t *aliases[KMS_ALIASES_PER_KEY_MAX];
    const kms_key_t *key = at->request->asked;

    if (!key) {
        return false;
    }
    size_t n = catalog_list_aliases(kms_catalog(at->request->kms), key->account, key->region, "", key->id, aliases,
                                    KMS_ALIASES_PER_KEY_MAX);
    slice_t *values = values_of(at, n, ret);
    for (size_t i = 0; i < n; i++) {
        values[i] = SLICE_STR(arena_strdup(at->op->arena, aliases[i]->name));
        kms_alias_unref(aliases[i]);
    }
    ret->multi = true;
    return n > 0;
}

static bool same_key(const asking_t *at, policy_values *ret)
{
    return is_asked(at, "ReEncrypt") &&
           literal(at, at->request->same_key ? "true" : "false", ret);
}

static bool window_days(const asking_t *at, policy_values *ret)
{
    return number_or(at, "ScheduleKeyDeletion", "PendingWindowInDays", KMS_WINDOW_MAX, ret);
}

static bool rotation_days(const asking_t *at, policy_values *ret)
{
    return number_or(at, "EnableKeyRotation", "RotationPeriodInDays", KMS_ROTATION_DAYS_DEFAULT, ret);
}

static bool text(const asking_t *at, const char *name, policy_values *ret)
{
    return in_has(at->op, name) && one(at, in_string(at->op, name), ret);
}

static bool wrapping_algorithm(const asking_t *at, policy_values *ret)
{
    return text(at, "WrappingAlgorithm", ret);
}

static bool wrapping_key_spec(const asking_t *at, policy_values *ret)
{
    return text(at, "WrappingKeySpec", ret);
}

static bool expiration_model(const asking_t *at, policy_values *ret)
{
    return is_asked(at, "ImportKeyMaterial") && said_or(at, "ExpirationModel", "KEY_MATERIAL_EXPIRES", ret);
}

/* In seconds, as dates of policies are compared. */
static bool valid_to(const asking_t *at, policy_values *ret)
{
    return in_has(at->op, "ValidTo") &&
           literal(at, arena_printf(at->op->arena, "%lld", (long long)(in_time(at->op, "ValidTo") / 1000)), ret);
}

static bool replica_region(const asking_t *at, policy_values *ret)
{
    return text(at, "ReplicaRegion", ret);
}

static bool primary_region(const asking_t *at, policy_values *ret)
{
    return text(at, "PrimaryRegion", ret);
}

static bool bypass_lockout(const asking_t *at, policy_values *ret)
{
    return literal(at, in_bool(at->op, "BypassPolicyLockoutSafetyCheck", false) ? "true" : "false", ret);
}

static bool resource_tag(const asking_t *at, policy_values *ret)
{
    const kms_key_t *key = at->request->asked;
    size_t n = key ? key->n_tags : 0;
    slice_t *values = values_of(at, n, ret);

    ret->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_meant(at, SLICE_STR(key->tags[i].name))) {
            values[ret->n++] = SLICE_STR(key->tags[i].value);
        }
    }
    return ret->n > 0;
}

static bool request_tag(const asking_t *at, policy_values *ret)
{
    const json_t *tags = json_get(at->op->input, "Tags");
    slice_t *values = values_of(at, json_length(tags), ret);

    ret->n = 0;
    for (size_t i = 0; i < json_length(tags); i++) {
        if (is_meant(at, json_string(json_get(json_at(tags, i), "TagKey")))) {
            values[ret->n++] = json_string(json_get(json_at(tags, i), "TagValue"));
        }
    }
    return ret->n > 0;
}

static bool tag_keys(const asking_t *at, policy_values *ret)
{
    const json_t *tags = json_get(at->op->input, "Tags");
    const json_t *list = tags ? tags : json_get(at->op->input, "TagKeys");
    size_t n = json_length(list);
    slice_t *values = values_of(at, n, ret);

    for (size_t i = 0; i < n; i++) {
        json_t *item = json_at(list, i);
        values[i] = json_string(tags ? json_get(item, "TagKey") : item);
    }
    ret->multi = true;
    return n > 0;
}

/* ---- of grants ---- */

/* Of the grant to be made. */
static bool grant_member(const asking_t *at, const char *name, policy_values *ret)
{
    return is_asked(at, "CreateGrant") && in_has(at->op, name) && one(at, in_string(at->op, name), ret);
}

static bool grantee_principal(const asking_t *at, policy_values *ret)
{
    return grant_member(at, "GranteePrincipal", ret);
}

static bool retiring_principal(const asking_t *at, policy_values *ret)
{
    return grant_member(at, "RetiringPrincipal", ret);
}

static bool grant_operations(const asking_t *at, policy_values *ret)
{
    const json_t *list = is_asked(at, "CreateGrant") ? json_get(at->op->input, "Operations") : NULL;
    size_t n = json_length(list);
    slice_t *values = values_of(at, n, ret);

    for (size_t i = 0; i < n; i++) {
        values[i] = json_string(json_at(list, i));
    }
    ret->multi = true;
    return n > 0;
}

/* A grant with both constraints is at least as narrow as one with this. */
static bool grant_constraint(const asking_t *at, policy_values *ret)
{
    static const char *const types[] = { "EncryptionContextEquals", "EncryptionContextSubset" };
    const json_t *constraints = is_asked(at, "CreateGrant") ? json_get(at->op->input, "Constraints") : NULL;

    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const json_t *constraint = json_get(constraints, types[i]);

        /* A subset of no pairs is in every context: it constrains nothing. */
        if (constraint && (i == 0 || json_length(constraint) > 0)) {
            return literal(at, types[i], ret);
        }
    }
    return false;
}

/* No service asks for a caller here. */
static bool grant_for_resource(const asking_t *at, policy_values *ret)
{
    return (is_asked(at, "CreateGrant") || is_asked(at, "ListGrants") || is_asked(at, "RevokeGrant")) &&
           literal(at, "false", ret);
}

static const struct {
    policy_key key;
    condition_fn get;
} conditions[] = {
    { { "kms:CallerAccount", .of = KEY_OF_CALLER }, caller_account },
    { { "kms:EncryptionContext:" }, context_value },
    { { "kms:EncryptionContextKeys", .multi = true }, context_keys },
    { { "kms:EncryptionAlgorithm", .of = KEY_OF_RESOURCE }, encryption_algorithm },
    { { "kms:SigningAlgorithm" }, signing_algorithm },
    { { "kms:MessageType" }, message_type },
    { { "kms:MacAlgorithm" }, mac_algorithm },
    { { "kms:KeyAgreementAlgorithm" }, key_agreement_algorithm },
    { { "kms:DataKeyPairSpec" }, data_key_pair_spec },
    { { "kms:RecipientAttestation:" }, recipient_attestation },
    { { "kms:KeySpec", .of = KEY_OF_RESOURCE }, key_spec },
    { { "kms:CustomerMasterKeySpec", .of = KEY_OF_RESOURCE }, key_spec },
    { { "kms:KeyUsage", .of = KEY_OF_RESOURCE }, key_usage },
    { { "kms:CustomerMasterKeyUsage", .of = KEY_OF_RESOURCE }, key_usage },
    { { "kms:KeyOrigin", .of = KEY_OF_RESOURCE }, key_origin },
    { { "kms:MultiRegion", .of = KEY_OF_RESOURCE }, multi_region },
    { { "kms:RequestAlias" }, request_alias },
    { { "kms:ResourceAliases", .of = KEY_OF_RESOURCE, .multi = true }, resource_aliases },
    { { "kms:ReEncryptOnSameKey" }, same_key },
    { { "kms:GrantConstraintType" }, grant_constraint },
    { { "kms:GrantIsForAWSResource" }, grant_for_resource },
    { { "kms:GrantOperations", .multi = true }, grant_operations },
    { { "kms:GranteePrincipal" }, grantee_principal },
    { { "kms:RetiringPrincipal" }, retiring_principal },
    { { "kms:ScheduleKeyDeletionPendingWindowInDays" }, window_days },
    { { "kms:RotationPeriodInDays" }, rotation_days },
    { { "kms:WrappingAlgorithm" }, wrapping_algorithm },
    { { "kms:WrappingKeySpec" }, wrapping_key_spec },
    { { "kms:ExpirationModel" }, expiration_model },
    { { "kms:ValidTo" }, valid_to },
    { { "kms:ReplicaRegion" }, replica_region },
    { { "kms:PrimaryRegion" }, primary_region },
    { { "kms:BypassPolicyLockoutSafetyCheck" }, bypass_lockout },
    { { "aws:ResourceTag/", .of = KEY_OF_RESOURCE }, resource_tag },
    { { "aws:RequestTag/" }, request_tag },
    { { "aws:TagKeys", .multi = true }, tag_keys },
};

bool kms_conditions(void *arg, slice_t key, slice_t as_written, policy_values *ret)
{
    op_t *op = arg;
    asking_t at = { .op = op, .request = op->act };
    size_t rest;

    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        if (policy_key_is(&conditions[i].key, key, &rest)) {
            at.rest = SLICE(as_written.data + rest, as_written.len - rest);
            return conditions[i].get(&at, ret);
        }
    }
    return false;
}

const policy_key *kms_condition_key(size_t i)
{
    return i < COUNT_OF(conditions) ? &conditions[i].key : NULL;
}
