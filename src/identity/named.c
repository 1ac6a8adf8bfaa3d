/* Whom policies name: of accounts that are declared, who is not declared is nobody. */
#include "identity/builder.h"

#include <stdio.h>

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

typedef struct {
    const identity_t *identity;
    buf_t *problems;
    unsigned n_problems;
} checking_t;

static p11kms_err check_policy(checking_t *checking, const conf_key *key)
{
    _cleanup_(policy) policy_t *policy = NULL;
    p11kms_err err = policy_compile(SLICE_STR(key->policy->json), POLICY_RESOURCE, "", &policy);
    policy_named stranger;
    char path[64];

    if (err == P11KMS_E_POLICY_MALFORMED) {
        const char *detail = p11kms_err_detail(err);
        PROBLEM(checking, conf_policy_place(key->policy, detail), "key '%s': %s", key->alias, detail);
        return P11KMS_OK;
    }
    TRY(err);
    if (!identity_knows_all(checking->identity, policy, &stranger)) {
        snprintf(path, sizeof(path), "Statement[%zu].%s", stranger.statement,
                 stranger.spared ? "NotPrincipal" : "Principal");
        PROBLEM(checking, conf_policy_place(key->policy, path), "key '%s': %s: %.*s is not declared", key->alias,
                path, (int)stranger.arn.len, (const char *)stranger.arn.data);
    }
    return P11KMS_OK;
}

p11kms_err identity_check_keys(const identity_t *identity, const conf_declared_t *declared, buf_t *problems)
{
    checking_t checking = { .identity = identity, .problems = problems };

    for (size_t i = 0; i < declared->n_keys; i++) {
        if (declared->keys[i].policy != NULL) {
            TRY(check_policy(&checking, &declared->keys[i]));
        }
    }
    if (checking.n_problems > 0) {
        FAIL(P11KMS_E_CONFIG, "%u problem%s in the declared keys", checking.n_problems,
             checking.n_problems == 1 ? "" : "s");
    }
    return P11KMS_OK;
}
