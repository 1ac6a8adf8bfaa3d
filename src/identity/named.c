/* Whom policies name: of accounts that are declared, who is not declared is nobody. */
#include "identity/builder.h"

/* "arn:aws:iam::ACCOUNT:user/NAME" -> "user/NAME" */
static slice_t resource_of(slice_t arn)
{
    slice_t part;

    for (int i = 0; i < 5 && slice_cut(&arn, ':', &part); i++) {
    }
    return arn;
}

/* "assumed-role/ROLE/SESSION": who has the session is settled when it begins. */
static bool is_of_role(const identity_t *identity, slice_t account, slice_t resource)
{
    slice_t kind, role;

    return slice_cut(&resource, '/', &kind) && slice_eq_str(kind, "assumed-role") &&
           slice_cut(&resource, '/', &role) && identity_find_role(identity, account, role) != NULL;
}

bool identity_knows(const identity_t *identity, slice_t arn)
{
    slice_t account;

    if (!policy_is_principal(arn, &account)) {
        return false;
    }
    slice_t resource = resource_of(arn);
    return slice_eq_str(resource, "root") || !identity_has_account(identity, account) ||
           identity_find(identity, arn) != NULL || is_of_role(identity, account, resource);
}

static bool knows(void *identity, slice_t arn)
{
    /* Nobody is federated here, and nobody keeps a list of them with AWS. */
    return slice_has_prefix(resource_of(arn), "federated-user/") || identity_knows(identity, arn);
}

bool identity_knows_all(const identity_t *identity, const policy_t *policy, policy_named *ret_stranger)
{
    return !policy_find_stranger(policy, knows, (void *)(uintptr_t)identity, ret_stranger);
}

/* ---- the policies of declared keys ---- */

static p11kms_err check_policy(builder_t *builder, const conf_key *key)
{
    _cleanup_(policy) policy_t *policy = NULL;
    p11kms_err err = policy_compile(SLICE_STR(key->policy->json), POLICY_RESOURCE, "", &policy);
    policy_named stranger;

    if (err == P11KMS_E_POLICY_MALFORMED) {
        const char *detail = p11kms_err_detail(err);
        PROBLEM(builder, conf_policy_place(key->policy, detail), "key '%s': %s", key->alias, detail);
        return P11KMS_OK;
    }
    TRY(err);
    if (!identity_knows_all(builder->identity, policy, &stranger)) {
        const char *path = arena_printf(builder->identity->arena, "Statement[%zu].%s", stranger.statement,
                                        stranger.spared ? "NotPrincipal" : "Principal");
        PROBLEM(builder, conf_policy_place(key->policy, path), "key '%s': %s: %.*s is not declared", key->alias,
                path, (int)stranger.arn.len, (const char *)stranger.arn.data);
    }
    return P11KMS_OK;
}

p11kms_err builder_check_key_policies(builder_t *builder, const conf_declared_t *declared)
{
    for (size_t i = 0; i < declared->n_keys; i++) {
        if (declared->keys[i].policy != NULL) {
            TRY(check_policy(builder, &declared->keys[i]));
        }
    }
    return P11KMS_OK;
}
