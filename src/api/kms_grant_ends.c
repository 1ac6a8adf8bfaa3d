/* RevokeGrant, which policies permit, and RetireGrant, which the grant does. */
#include "api/api_internal.h"

#include <string.h>

p11kms_err in_grant_id(const op_t *op, uint8_t ret[KMS_GRANT_ID])
{
    slice_t text = in_string(op, "GrantId");

    if (text.len != 2 * KMS_GRANT_ID || hex_decode(text, ret) != P11KMS_OK) {
        FAIL(P11KMS_E_GRANT_ID, "GrantId is not valid");
    }
    return P11KMS_OK;
}

static void look_up(request_t *request, const uint8_t id[KMS_GRANT_ID])
{
    const kms_key_t *key = request->key;

    request->grant = grants_get(kms_grants(request->kms), (grants_key){ key->region, key->id }, id);
}

static p11kms_err check_found(const request_t *request, const uint8_t id[KMS_GRANT_ID])
{
    char text[KMS_GRANT_TEXT];

    if (!request->grant) {
        hex_encode(id, KMS_GRANT_ID, text);
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Grant ID %s is not found", text);
    }
    return P11KMS_OK;
}

/* ---- RevokeGrant ---- */

static p11kms_err remove_revoked(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_READ, &key));
    return kms_change_remove_grant(change, request->grant);
}

static p11kms_err revoke_grant(op_t *op, request_t *request)
{
    uint8_t id[KMS_GRANT_ID];

    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ));
    TRY(in_grant_id(op, id));
    look_up(request, id);
    TRY(check_found(request, id));
    return in_dry_run(op);
}

void api_revoke_grant(op_t *op)
{
    change_or_fail(op, revoke_grant(op, request_begin(op)), remove_revoked, op_settle);
}

/* ---- RetireGrant ---- */

static naming closer(naming a, naming b)
{
    return a > b ? a : b;
}

/*
 * "A grant can be retired by an optional retiring principal specified in the grant. The grantee principal can also
 * retire the grant, but only if they are also a retiring principal or the grant includes the RetireGrant operation.
 * As a backup, the AWS account in which the grant was created can retire the grant." An account, that of the key
 * too, delegates it by kms:RetireGrant in identity policies (Developer Guide, "Retiring and revoking grants").
 */
static naming names_as_retiring(const op_t *op, const kms_key_t *key, const kms_grant_t *grant)
{
    bool of_account = strcmp(op->account, key->account) == 0 ||
                      (grant && strcmp(op->account, grant->issuing_account) == 0);
    naming names = of_account ? NAMES_ACCOUNT : NAMES_NOBODY;

    if (!grant) {
        return names;
    }
    names = closer(names, request_names(op, grant->retiring));
    return grant->operations & GRANT_RETIRE_GRANT ? closer(names, request_names(op, grant->grantee)) : names;
}

static bool is_denied(op_t *op, const op_resource_t *resource, policy_t *policy)
{
    op_question_t question;

    op_question(op, op->row->action, resource, policy, true, kms_conditions, op, &question);
    return policy_denies(&question.request, &question.set);
}

/*
 * "The kms:RetireGrant permission is not effective in a key policy", but for a Deny. The grant speaks to principals
 * of other accounts as to those of its own: they need no permission for what it lets them do.
 */
policy_t *request_retire_policy(op_t *op, const kms_key_t *key)
{
    const op_resource_t resource = { .arn = key->arn };

    return is_denied(op, &resource, key->policy) ? key->policy : NULL;
}

/* Whoever may not is told so in the same words, whatever grant there is: none, or one that names others. */
static p11kms_err refuse(const op_t *op, const char *key_arn)
{
    FAIL(P11KMS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %s", op->auth.principal->arn,
         op->row->action, key_arn);
}

/* A grant that is not there could be retired by those who may retire any of the key. */
static p11kms_err may_retire(op_t *op, const kms_key_t *key, bool again)
{
    const op_resource_t resource = { .arn = key->arn };
    request_t *request = op->act;

    request->retires = names_as_retiring(op, key, request->grant);
    request->asked = key;
    policy_t *policy = request_retire_policy(op, key);
    bool may = again ? op_would_allow(op, op->row->action, &resource, policy, true, kms_conditions, op)
                     : op_authorize(op, &resource, policy, true, kms_conditions, op) == P11KMS_OK;
    request->asked = NULL;
    return may ? P11KMS_OK : refuse(op, key->arn);
}

/* Grants of a key are looked through so many at a time. */
#define PAGE 64

/* The one of a page that names the caller closest; takes the references. */
static void take_closest(const op_t *op, const kms_key_t *key, kms_grant_t **page, size_t n, kms_grant_t **closest,
                         naming *names)
{
    for (size_t i = 0; i < n; i++) {
        naming so = names_as_retiring(op, key, page[i]);

        if (so > *names) {
            *names = so;
            kms_grant_unref(*closest);
            *closest = kms_grant_ref(page[i]);
        }
        kms_grant_unref(page[i]);
    }
}

kms_grant_t *request_retirable(const op_t *op, const kms_key_t *key, naming *ret)
{
    const request_t *request = op->act;
    kms_grant_t *closest = NULL, *page[PAGE];
    uint8_t after[KMS_GRANT_ID];
    size_t n = PAGE;

    *ret = names_as_retiring(op, key, NULL);
    for (bool first = true; n == PAGE; first = false) {
        n = grants_list(kms_grants(request->kms), (grants_key){ key->region, key->id }, SLICE(NULL, 0),
                        first ? NULL : after, page, PAGE);
        if (n) {
            memcpy(after, page[n - 1]->id, KMS_GRANT_ID);
        }
        take_closest(op, key, page, n, &closest, ret);
    }
    return closest;
}

static p11kms_err remove_retired(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, request->key, &key));
    TRY(may_retire(op, key, true));
    return kms_change_remove_grant(change, request->grant);
}

static p11kms_err key_of_token(op_t *op, uint8_t ret_id[KMS_GRANT_ID])
{
    request_t *request = op->act;
    kms_grant_name name;

    TRY(kms_grant_token_open(request->kms, in_string(op, "GrantToken"), &name));
    if (strcmp(name.region, op->region) != 0) {
        FAIL(P11KMS_E_GRANT_TOKEN, "The grant token is of another Region, %s.", name.region);
    }
    request->key = catalog_key(kms_catalog(request->kms), name.region, name.key_id);
    if (!request->key) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "The key of the grant does not exist");
    }
    memcpy(ret_id, name.id, KMS_GRANT_ID);
    return P11KMS_OK;
}

/* Whether another account has the key is not found out by asking. */
static p11kms_err key_by_name(op_t *op, uint8_t ret_id[KMS_GRANT_ID])
{
    request_t *request = op->act;
    slice_t name = in_string(op, "KeyId");

    TRY(in_grant_id(op, ret_id));
    p11kms_err err = kms_resolve(request->kms, op->account, op->region, name, KMS_NAME_KEY, op->arena, &request->key);
    return err == P11KMS_E_KEY_NOT_FOUND && request_foreign_account(op, name)
               ? refuse(op, arena_strndup(op->arena, (const char *)name.data, name.len))
               : err;
}

/* By token, or by key and id. */
static p11kms_err which_grant(op_t *op, uint8_t ret_id[KMS_GRANT_ID])
{
    bool by_token = in_has(op, "GrantToken");
    bool by_name = in_has(op, "KeyId") || in_has(op, "GrantId");

    if (by_token == by_name || in_has(op, "KeyId") != in_has(op, "GrantId")) {
        FAIL(P11KMS_E_VALIDATION, "Specify either the grant token, or the key ID and the grant ID.");
    }
    return by_token ? key_of_token(op, ret_id) : key_by_name(op, ret_id);
}

static void note_resource(op_t *op, const kms_key_t *key)
{
    op->resources[op->n_resources++] = (op_resource_t){
        .arn = arena_strdup(op->arena, key->arn),
        .account = arena_strdup(op->arena, key->account),
        .type = "AWS::KMS::Key",
        .key_id = arena_dup(op->arena, SLICE(key->id, KMS_ID)).data,
    };
}

static p11kms_err retire_grant(op_t *op, request_t *request)
{
    uint8_t id[KMS_GRANT_ID];

    TRY(which_grant(op, id));
    note_resource(op, request->key);
    look_up(request, id);
    if (request->grant) {
        op->further_name = "grantId";
        op->further_value = arena_strdup(op->arena, request->grant->id_text);
    }
    TRY(may_retire(op, request->key, false));
    TRY(check_found(request, id));
    return in_dry_run(op);
}

void api_retire_grant(op_t *op)
{
    change_or_fail(op, retire_grant(op, request_begin(op)), remove_retired, op_settle);
}
