/* Key policies. A key has one, called "default". */
#include "api/api_internal.h"

#include <string.h>

static p11kms_err check_policy_name(const op_t *op)
{
    slice_t name = in_string(op, "PolicyName");

    if (name.len && !slice_eq_str(name, "default")) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "No such policy exists");
    }
    return P11KMS_OK;
}

static p11kms_err get_policy(op_t *op, request_t *request)
{
    TRY(check_policy_name(op));
    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ));
    jw_t w = answer_begin(op);
    jw_key(&w, "Policy");
    jw_string(&w, request->key->policy_json);
    jw_key(&w, "PolicyName");
    jw_string(&w, "default");
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_key_policy(op_t *op)
{
    answer_settle(op, get_policy(op, request_begin(op)));
}

static p11kms_err list_policies(op_t *op)
{
    page_t page;

    request_begin(op);
    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ));
    TRY(page_begin(op, "ListKeyPolicies", 100, 1000, &page));
    jw_t w = answer_begin(op);
    jw_key(&w, "PolicyNames");
    jw_array(&w);
    jw_string(&w, "default");
    jw_end(&w);
    page_end(op, &w, &page, false, "");
    jw_end(&w);
    return P11KMS_OK;
}

void api_list_key_policies(op_t *op)
{
    answer_settle(op, list_policies(op));
}

/*
 * A policy its own author cannot change again locks everyone out but an operator
 * with the store in hand (Developer Guide, "Default key policy": the safety check).
 */
static p11kms_err check_lockout(op_t *op, const kms_key_t *key, policy_t *policy)
{
    const op_resource_t resource = { .arn = key->arn, .account = key->account, .type = "AWS::KMS::Key" };
    request_t *request = op->act;

    request->asked = key;
    bool may = op_would_allow(op, "kms:PutKeyPolicy", &resource, policy, true, kms_conditions, op);
    request->asked = NULL;
    if (!may) {
        FAIL(P11KMS_E_POLICY_MALFORMED,
             "The new key policy will not allow you to update the key policy in the future.");
    }
    return P11KMS_OK;
}

p11kms_err check_new_policy(op_t *op, const kms_key_t *key, policy_t *policy)
{
    policy_named stranger;

    if (!identity_knows_all(op->identity, policy, &stranger)) {
        FAIL(P11KMS_E_POLICY_MALFORMED, "Policy contains a statement with one or more invalid principals.");
    }
    return in_bool(op, "BypassPolicyLockoutSafetyCheck", false) ? P11KMS_OK : check_lockout(op, key, policy);
}

static p11kms_err write_policy(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_READ, &key));
    TRY(kms_key_set_policy(key, in_string(op, "Policy")));
    return kms_change_put(change, STEAL(key));
}

static p11kms_err put_policy(op_t *op, request_t *request)
{
    _cleanup_(policy) policy_t *policy = NULL;
    slice_t text = in_string(op, "Policy");

    TRY(check_policy_name(op));
    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ));
    if (text.len > KMS_POLICY_MAX) {
        FAIL(P11KMS_E_LIMIT, "The key policy is longer than %d bytes", KMS_POLICY_MAX);
    }
    TRY(policy_compile(text, POLICY_RESOURCE, "the new key policy", &policy));
    return check_new_policy(op, request->key, policy);
}

void api_put_key_policy(op_t *op)
{
    change_or_fail(op, put_policy(op, request_begin(op)), write_policy, op_settle);
}
