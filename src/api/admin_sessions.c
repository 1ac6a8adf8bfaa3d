/*
 * Our own operations about sessions: temporary credentials for whoever is known by its
 * transport or its key, for credential_process; and the end of a role's sessions.
 */
#include "api/api_internal.h"

#include <string.h>

#include "identity/session.h"
#include "util/clock.h"

#define DURATION_DEFAULT_S 3600

/* ---- GetCredentials ---- */

/* Whoever came with temporary credentials gets no others: they would never end. */
static p11kms_err credentials_of(op_t *op, session_spec *spec)
{
    const principal_t *caller = op->auth.principal;
    bool role = caller->kind == PRINCIPAL_ROLE_SESSION;
    int64_t seconds = in_int(op, "DurationSeconds", DURATION_DEFAULT_S);

    if (caller->issued_ms && op->auth.access_key_id[0]) {
        FAIL(P11KMS_E_DENIED, "Cannot call GetCredentials with session credentials");
    }
    spec->of = role ? identity_find(op->identity, SLICE_STR(caller->role_arn)) : caller;
    if (role && seconds > spec->of->max_session_s) {
        FAIL(P11KMS_E_VALIDATION,
             "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    spec->session_name = caller->session_name;
    spec->issued_ms = clock_service_ms();
    spec->expires_ms = spec->issued_ms + seconds * 1000;
    return P11KMS_OK;
}

static void answer_own(op_t *op, const session_spec *spec, const session_credentials *made)
{
    jw_t w = answer_begin(op);

    jw_key(&w, "Arn");
    jw_string(&w, op->auth.principal->arn);
    answer_credentials(&w, spec, made);
    jw_end(&w);
}

static p11kms_err get_credentials(op_t *op)
{
    session_credentials made = { 0 };
    session_spec spec = { 0 };

    TRY(credentials_of(op, &spec));
    TRY(session_issue(op->identity, &spec, &made));
    op_authorize_everyone(op); /* as sts:GetSessionToken: they give no more than the caller has */
    answer_own(op, &spec, &made);
    session_credentials_clear(&made);
    return P11KMS_OK;
}

void api_get_credentials(op_t *op)
{
    answer_settle(op, get_credentials(op));
}

/* ---- RevokeSessions ---- */

typedef struct {
    const principal_t *role;
    int64_t until_ms;
} revoking_t;

static p11kms_err put_revocation(op_t *op, store_t *store)
{
    revoking_t *revoking = op->act;

    revoking->until_ms = clock_service_ms();
    const store_revocation row = {
        .account = op->account,
        .role = revoking->role->arn,
        .until = revoking->until_ms,
    };
    TRY(store_revocation_put(store, &row));
    jw_t w = answer_begin(op);
    jw_key(&w, "RevokedUntil");
    jw_epoch(&w, revoking->until_ms);
    jw_key(&w, "RoleArn");
    jw_string(&w, revoking->role->arn);
    jw_end(&w);
    return P11KMS_OK;
}

static void revoked(op_t *op)
{
    const revoking_t *revoking = op->act;
    const api_t *api = op_services(op);

    if (op->err == P11KMS_OK) {
        api->options.sessions_revoked(api->options.arg, revoking->role->arn, revoking->until_ms);
    }
    op_settle(op);
}

static p11kms_err find_role(op_t *op, revoking_t *revoking)
{
    const char *name = in_text(op, "RoleName");

    revoking->role = identity_find_role(op->identity, SLICE_STR(op->account), SLICE_STR(name));
    const op_resource_t role = {
        .arn = revoking->role ? revoking->role->arn
                              : arena_printf(op->arena, "arn:aws:iam::%s:role/%s", op->account, name),
        .account = op->account,
        .type = "AWS::IAM::Role",
    };
    TRY(op_authorize(op, &role, NULL, false, NULL, NULL));
    if (!revoking->role) {
        FAIL(P11KMS_E_NOT_FOUND, "The role with name %s cannot be found.", name);
    }
    return P11KMS_OK;
}

void api_revoke_sessions(op_t *op)
{
    op->act = ARENA_NEW(op->arena, revoking_t);
    change_or_fail(op, find_role(op, op->act), put_revocation, revoked);
}
