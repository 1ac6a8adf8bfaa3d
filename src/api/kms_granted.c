/* What grants say of a request: the decision's part of them. */
#include "api/api_internal.h"

#include <string.h>

#define NAMES_MAX 3

/* What a grant may call the caller, and how closely that names it. */
typedef struct {
    const char *arn;
    naming names;
} called_t;

/* A session of a user is its user; one of a role is itself, its role, and of its account. */
static size_t called(const op_t *op, called_t out[NAMES_MAX])
{
    const principal_t *who = op->auth.principal;
    size_t n = 0;

    if (who->kind != PRINCIPAL_USER && who->kind != PRINCIPAL_ROLE_SESSION) {
        return 0;
    }
    out[n++] = (called_t){ who->arn, NAMES_CALLER };
    if (who->role_arn) {
        out[n++] = (called_t){ who->role_arn, NAMES_ROLE };
    }
    out[n++] = (called_t){ arena_printf(op->arena, "arn:aws:iam::%s:root", who->account), NAMES_ACCOUNT };
    return n;
}

naming request_names(const op_t *op, slice_t principal)
{
    called_t names[NAMES_MAX];
    size_t n = called(op, names);

    for (size_t i = 0; i < n; i++) {
        if (slice_eq_str(principal, names[i].arn)) {
            return names[i].names;
        }
    }
    return NAMES_NOBODY;
}

/* What a grant must be to allow the request. */
static bool needs(const op_t *op, const char *action, kms_grant_need *ret)
{
    const request_t *request = op->act;
    unsigned operation = slice_has_prefix(SLICE_STR(action), "kms:") ? kms_grant_op_named(SLICE_STR(action + 4)) : 0;

    *ret = (kms_grant_need){ .operations = operation };
    if (operation == GRANT_CREATE_GRANT && request->child) {
        *ret = *request->child;
        return true;
    }
    if (operation & (GRANT_CREATE_GRANT | GRANT_DESCRIBE_KEY | GRANT_RETIRE_GRANT)) {
        ret->ignores_constraints = true;
        return true;
    }
    /* A context that could not be used would have been refused before. */
    return operation &&
           kms_grant_context_of(request->context, request->n_context, op->arena, &ret->context) == P11KMS_OK;
}

kms_grant_t *request_grant(const op_t *op, const char *action, naming *ret)
{
    const request_t *request = op->act;
    const kms_key_t *key = request->asked;
    kms_grant_t *found = NULL;
    called_t names[NAMES_MAX];
    kms_grant_need need;

    *ret = NAMES_NOBODY;
    if (!key || !needs(op, action, &need)) {
        return NULL;
    }
    size_t n = called(op, names);
    for (size_t i = 0; !found && i < n; i++) {
        found = grants_find(kms_grants(request->kms), (grants_key){ key->region, key->id }, SLICE_STR(names[i].arn), &need);
        *ret = found ? names[i].names : NAMES_NOBODY;
    }
    return found;
}

/* RetireGrant is about one grant, which its handler has looked at. */
naming request_granted(const op_t *op, const char *action)
{
    const request_t *request = op->act;
    naming names;

    if (strcmp(action, "kms:RetireGrant") == 0) {
        return request->retires;
    }
    kms_grant_unref(request_grant(op, action, &names));
    return names;
}
