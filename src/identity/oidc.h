/*
 * Web identities: OIDC tokens (JWT) of configured issuers, checked against their
 * JWKS. RS256, ES256 and EdDSA alone; keys are bound to their algorithm, so that an RSA
 * key is never an HMAC secret and "none" is never an algorithm.
 */
#pragma once

#include "conf/conf.h"
#include "util/arena.h"
#include "util/json.h"

typedef struct oidc oidc_t;

#define OIDC_TOKEN_MAX 20000 /* the STS model's clientTokenType */
#define OIDC_JWKS_MAX (512u << 10)
#define OIDC_KEYS_MAX 64 /* of one issuer */
#define OIDC_LEEWAY_S 60 /* for nbf and iat */
#define OIDC_UNKNOWN_KEY_S 30 /* an unknown key id asks for a fetch at most so often */

/** GET @p url, blocking, bounded in time and size; from a thread of this room. */
typedef p11kms_err (*oidc_fetch)(void *arg, const char *url, const char *ca, buf_t *ret_body);

/**
 * Load the key sets of file providers and start the thread that fetches those given by URL
 * (at once, every refresh, and when an unknown key id is met).
 * A key set older than its provider's max-age is not used any more.
 *
 * @param declared  Copied from.
 * @param fetch     NULL: providers by URL have no keys (tools that only check).
 * @retval P11KMS_E_CONFIG  A key set file is unusable; @p problems has its place.
 */
MUST_USE p11kms_err oidc_open(const conf_declared_t *declared, oidc_fetch fetch, void *arg, buf_t *problems,
                              oidc_t **ret);
void oidc_close(oidc_t *oidc); /* NULL is fine */
DEFINE_CLEANUP(oidc_t *, oidc, oidc_close);

typedef struct {
    const char *account;      /* that declares the provider */
    const char *issuer;       /* without "https://", as AWS's condition keys and provider ARNs have it */
    const char *provider_arn; /* arn:aws:iam::ACCOUNT:oidc-provider/ISSUER */
    const char *subject;
    const char *audience; /* the one of the token's that the provider accepts */
    json_t *claims;       /* all of them; json_free() with the operation */
} oidc_identity;

/**
 * Verify a token for @p account's providers. Thread-safe.
 *
 * @param now_ms  clock_wall_ms().
 * @param[out] ret  Texts in the arena.
 * @retval P11KMS_E_WEB_TOKEN     InvalidIdentityToken: malformed, bad signature, unknown issuer or key, wrong audience.
 * @retval P11KMS_E_WEB_EXPIRED   ExpiredTokenException.
 * @retval P11KMS_E_WEB_PROVIDER  IDPCommunicationError: its keys could not be fetched, or are too old.
 */
MUST_USE p11kms_err oidc_verify(oidc_t *oidc, slice_t account, slice_t token, int64_t now_ms, arena_t *arena,
                                oidc_identity *ret);
