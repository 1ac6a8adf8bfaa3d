/*
 * Who is asking: principals, access keys, SigV4, mutual TLS and Unix peers.
 *
 * An identity_t is an immutable snapshot built from declarations and access
 * keys; a change builds another and the daemon swaps it. Reference-counted,
 * thread-safe. Secret access keys stand in it in secret memory only.
 */
#pragma once

#include "conf/conf.h"
#include "policy/policy.h"
#include "util/message.h"
#include "util/secret.h"

typedef enum {
    PRINCIPAL_USER,         /* signs with an access key, or is a user's GetSessionToken session */
    PRINCIPAL_ROLE,         /* a role itself: assumed, never a caller */
    PRINCIPAL_ROLE_SESSION, /* who assumed a role */
    PRINCIPAL_FEDERATED,    /* a web identity on its way to a role: arn is its provider's, name its subject */
    PRINCIPAL_SERVICE
} principal_kind;

/** Lives as long as the identity_t it came from; hold a reference to that. */
typedef struct {
    principal_kind kind;
    const char *account;
    const char *arn;          /* arn:aws:iam::ACCOUNT:user/NAME; :role/NAME; arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
    const char *name;         /* of the user or role, without its path */
    const char *principal_id; /* "AIDA" or "AROA" + 17 characters derived from the ARN, stable; sessions: "AROA...:SESSION" */
    bool administrator;
    policy_t *const *policies; /* its own as declared, then those of its groups as it names them; or its role's */
    size_t n_policies;
    policy_t *boundary; /* permissions boundary, or NULL */
    const conf_tag *tags; /* sessions: the role's, overlaid by the session's */
    size_t n_tags;
    /* roles */
    policy_t *trust;
    unsigned max_session_s;
    /* sessions, of roles and of users; issued_ms is 0 for everyone else */
    const char *role_arn;     /* NULL for sessions of users */
    const char *session_name; /* NULL for sessions of users */
    policy_t *const *session_policies;
    size_t n_session_policies;
    const char *source_identity;  /* NULL: none */
    const char *federated;        /* issuer of a web identity, without "https://"; or NULL */
    const char *const *transitive; /* tag keys that go on when roles are chained; ends with NULL */
    int64_t issued_ms;
    int64_t expires_ms;
} principal_t;

typedef struct identity identity_t;

/** An access key as the builder hands it in: from the store, already unsealed, or fixed (--dev). */
typedef struct {
    const char *id;
    const char *account;
    const char *user;
    slice_t secret; /* copied into secret memory */
    bool active;
} identity_key;

/**
 * @param declared  Copied from; need not outlive the call.
 * @param keys      Keys of users that are not declared are kept out; one that is declared
 *                  inactive is inactive. Of two with one id the later counts.
 * @param[out] problems  Messages with their place: a malformed policy document, an unknown user or group name.
 * @retval P11KMS_E_CONFIG
 */
MUST_USE p11kms_err identity_build(const conf_declared_t *declared, const identity_key *keys, size_t n_keys,
                                   buf_t *problems, identity_t **ret);

/** The sessions of a role that were issued until @p until_ms count no more. */
typedef struct {
    const char *role_arn;
    int64_t until_ms;
} identity_revocation;

#define IDENTITY_SESSION_KEY 32

/** All that a snapshot is made of. */
typedef struct {
    const conf_declared_t *declared;
    const identity_key *keys;
    size_t n_keys;
    const identity_revocation *revocations; /* of roles that are not declared: no matter */
    size_t n_revocations;
    slice_t session_key; /* IDENTITY_SESSION_KEY secret bytes, copied; empty: no session is issued or known */
} identity_sources;

/** identity_build() with sessions. */
MUST_USE p11kms_err identity_build_from(const identity_sources *sources, buf_t *problems, identity_t **ret);
identity_t *identity_ref(identity_t *identity);
void identity_unref(identity_t *identity);
DEFINE_CLEANUP(identity_t *, identity, identity_unref);

size_t identity_count(const identity_t *identity);
/** By ARN; NULL when unknown. */
const principal_t *identity_find(const identity_t *identity, slice_t arn);
/** By account and name, whatever the user's path; NULL when unknown. */
const principal_t *identity_find_user(const identity_t *identity, slice_t account, slice_t name);
const principal_t *identity_find_role(const identity_t *identity, slice_t account, slice_t name);
/** The account an access key or a session's belongs to, active or not; NULL when the key or account is unknown. */
const char *identity_access_key_account(const identity_t *identity, slice_t id);
/** The user that the access key @p id, active or not, is of; NULL when unknown. */
const principal_t *identity_find_key_user(const identity_t *identity, slice_t id);
/** The access key @p id, if there is one, is refused from now on, until another snapshot says otherwise. Thread-safe. */
void identity_end_key(identity_t *identity, slice_t id);
/** Sessions of the role that were issued until @p until_ms are refused from now on. Thread-safe. */
void identity_revoke_sessions(identity_t *identity, slice_t role_arn, int64_t until_ms);
/** Users and roles in the order they are declared; NULL behind the last. */
const principal_t *identity_at(const identity_t *identity, size_t i);
/** The account is declared. */
bool identity_has_account(const identity_t *identity, slice_t account);
/**
 * Is @p arn a principal's that may exist? Users and roles (of sessions, too) of accounts that are declared must be;
 * of other accounts, and of accounts themselves, any will do.
 */
bool identity_knows(const identity_t *identity, slice_t arn);
/** May all whom a policy names exist? Federated users may. @param[out] ret_stranger  One who may not; into the policy. */
bool identity_knows_all(const identity_t *identity, const policy_t *policy, policy_named *ret_stranger);
/** The policies of declared keys: they compile, and whom they name may exist. @retval P11KMS_E_CONFIG  @p problems tells */
MUST_USE p11kms_err identity_check_keys(const identity_t *identity, const conf_declared_t *declared, buf_t *problems);

typedef struct identity_session identity_session;

/** What authentication established. Views into the message or the identity. */
typedef struct {
    const principal_t *principal; /* NULL when refused */
    identity_session *session;    /* holds the principal of a session; until identity_auth_clear() */
    char access_key_id[129];      /* also when refused, for the audit record; "" when there was none */
    char region[33];              /* from the credential scope; "" when unsigned */
    char service[33];
    const char *method;           /* "SigV4", "UnixPeer", "Certificate"; "" when there was nothing to judge */
} identity_auth;

typedef struct {
    int64_t now_ms;        /* clock_wall_ms() */
    unsigned skew_seconds; /* at most 300 */
    /** The services answered here, for the scope check: the one the request's target belongs to. */
    const char *service;   /* "kms"; NULL: any of kms, secretsmanager, ssm, sts, p11kms */
    int64_t service_ms;    /* clock_service_ms(), by which sessions expire; 0: as now_ms */
} identity_check;

/**
 * Verify who sent @p message. A request that carries a signature is judged by it alone;
 * one without is mapped by its transport (Unix peer, client certificate).
 *
 * A request with X-Amz-Security-Token is that of its session: identity/session.h. A peer that is
 * mapped to a role gets a session of it for this request.
 *
 * Header form ("Authorization: AWS4-HMAC-SHA256 ...") and query form (X-Amz-Algorithm=...),
 * payload hash verified against the body. Constant-time comparison; unknown keys cost what
 * known ones cost. Source: AWS "Signature Version 4 signing process"; codes: docs/identity.md.
 *
 * @retval P11KMS_E_AUTH_MISSING, _INCOMPLETE, _UNKNOWN_KEY, _SIGNATURE, _EXPIRED
 *         with AWS's sentence as detail. @p ret->access_key_id is filled in all cases.
 */
MUST_USE p11kms_err identity_authenticate(identity_t *identity, const message_t *message, const identity_check *check,
                                          identity_auth *ret);
/** The principal of a session may end with this; without a session there is nothing to do. */
void identity_auth_clear(identity_auth *auth);

/** A new access key: id "AKIA" + 16 of [A-Z2-7], secret 40 of base64's alphabet. */
MUST_USE p11kms_err identity_make_key(char ret_id[21], secret_t **ret_secret);

/* ---- the signing side: for the command line, the load generator and tests ---- */

typedef struct {
    const char *access_key_id;
    slice_t secret;
    const char *region;
    const char *service;
    const char *session_token; /* of temporary credentials; else NULL */
} sigv4_credentials;

/**
 * Append "Authorization", "X-Amz-Date", "X-Amz-Content-Sha256" and, with a session token,
 * "X-Amz-Security-Token" header lines ("Name: value\r\n") for a request whose other headers are @p headers (lower-case names, host among them), all of them signed.
 */
MUST_USE p11kms_err sigv4_sign(const sigv4_credentials *credentials, slice_t method, slice_t path, slice_t query,
                               const header_t *headers, size_t n_headers, slice_t body, int64_t now_ms,
                               buf_t *out);
