/*
 * Temporary credentials, without state: the session token is sealed under a key
 * derived on the service's token, and carries who, what and until when. Any node that
 * can derive the key can check it. The secret access key is derived from the
 * access key id under a second key, so that the token need not carry it.
 */
#pragma once

#include "identity/identity.h"
#include "util/arena.h"

/* docs/identity.md, and the STS model. */
#define SESSION_CHAINED_MAX_S 3600 /* a role assumed by a role's session */
#define SESSION_TAGS_MAX 50
#define SESSION_TOKEN_MAX 8192 /* as text; also bounds policy and tags together: PackedPolicyTooLarge past it */

/** What a session is to be. Borrowed for the call. */
typedef struct {
    const principal_t *of;       /* the role, or the user for GetSessionToken */
    const char *session_name;    /* NULL for a user's */
    const char *source_identity; /* or NULL */
    const char *federated;       /* issuer of a web identity, without "https://"; or NULL */
    slice_t policy;              /* session policy, JSON; empty: none */
    const conf_tag *tags;
    size_t n_tags;
    const char *const *transitive; /* keys among the tags; ends with NULL; may be NULL */
    int64_t issued_ms; /* by the clock that identity_check.service_ms is of */
    int64_t expires_ms;
} session_spec;

typedef struct {
    char access_key_id[21]; /* "ASIA" + 16, which name the account as AWS's do: session_key_account() */
    secret_t *secret;
    buf_t token; /* text */
} session_credentials;

void session_credentials_clear(session_credentials *credentials);

/**
 * @retval P11KMS_E_LIMIT  The token would be longer than SESSION_TOKEN_MAX, or there are more than SESSION_TAGS_MAX
 *         tags. The detail is AWS's sentence; how much of the room a token takes is token.len of SESSION_TOKEN_MAX.
 * @retval P11KMS_E_POLICY_MALFORMED  The session policy.
 * @retval P11KMS_E_RANGE  A role's session without a name, a user's with one, or one that ends before it begins.
 */
MUST_USE p11kms_err session_issue(const identity_t *identity, const session_spec *spec, session_credentials *ret);

/** Who a session of @p role called @p name is, as policies see it; texts in the arena, and @p name. */
void session_of_role(arena_t *arena, const principal_t *role, const char *name, principal_t *ret);

/** The account an access key id of session_issue() was made for. False: not of that form. */
bool session_key_account(slice_t access_key_id, char ret_account[13]);

/*
 * The other side is identity_authenticate(): a request with X-Amz-Security-Token is that of its session.
 * Refused there: a token that does not open, of another access key id, expired, of a principal no longer
 * declared, of a role whose sessions were revoked after it was issued (P11KMS_E_AUTH_UNKNOWN_KEY or
 * _EXPIRED with AWS's sentences).
 */
