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

/**
 * Load the JWKS of file providers and start the thread that fetches those given by URL
 * (at once, every refresh, and when an unknown key id is met, at most once in 30 s an issuer).
 * A key set that could not be refreshed within its provider's max-age is not used any more.
 */
MUST_USE p11kms_err oidc_open(const conf_declared_t *declared, buf_t *problems, oidc_t **ret);
void oidc_close(oidc_t *oidc);

typedef struct {
    const char *account;  /* that declares the provider */
    const char *issuer;   /* without "https://", as AWS's condition keys and provider ARNs have it */
    const char *provider_arn; /* arn:aws:iam::ACCOUNT:oidc-provider/ISSUER */
    const char *subject;
    const char *audience; /* the one that matched the provider's audiences */
    const json_t *claims; /* all of them; borrowed until the arena goes: conditions ISSUER:NAME */
} oidc_identity;

/**
 * Verify a token for @p account's providers.
 *
 * @param now_ms  clock_wall_ms(); exp, nbf and iat are checked with 60 s of leeway for nbf and iat.
 * @retval P11KMS_E_WEB_TOKEN       InvalidIdentityToken: malformed, bad signature, unknown issuer or key, wrong audience.
 * @retval P11KMS_E_WEB_EXPIRED      ExpiredTokenException.
 * @retval P11KMS_E_WEB_PROVIDER    IDPCommunicationError: its keys could not be fetched, or are too old.
 */
MUST_USE p11kms_err oidc_verify(oidc_t *oidc, slice_t account, slice_t token, int64_t now_ms, arena_t *arena,
                                oidc_identity *ret);
