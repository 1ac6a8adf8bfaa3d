/* Key sets of identity providers (RFC 7517), and the parts of tokens (RFC 7515). Pure. */
#pragma once

#include "crypto/pubkey.h"
#include "util/arena.h"
#include "util/json.h"

typedef struct {
    char kid[128]; /* "" where the set names none */
    pubkey_t *key;
} jwks_key;

typedef struct {
    jwks_key *keys;
    size_t n;
} jwks_t;

void jwks_free(jwks_t *set);

/**
 * The keys that can check signatures: RSA, P-256 and Ed25519, "use" absent or "sig", "alg" absent or the
 * one we bind the key to. Others are passed over; a symmetric key is never taken.
 *
 * @retval P11KMS_E_SYNTAX  Not a key set, a key that is damaged, or none that can be used.
 */
MUST_USE p11kms_err jwks_parse(slice_t text, jwks_t *ret);
/** Of two keys with one id, or without one, the first that checks; NULL when none has it. */
const jwks_key *jwks_find(const jwks_t *set, slice_t kid, pubkey_kind kind);

typedef struct {
    slice_t signed_part; /* header "." payload, as sent */
    slice_t kid;         /* into header */
    pubkey_kind kind;    /* from "alg" */
    slice_t signature;   /* decoded, in the arena */
    json_t *header;
    json_t *claims;
} jwt_t;

void jwt_free(jwt_t *jwt);

/**
 * Take a compact JWS apart; nothing is verified yet. "alg" must be RS256, ES256 or EdDSA; "crit" is refused.
 * @retval P11KMS_E_SYNTAX
 */
MUST_USE p11kms_err jwt_parse(slice_t token, arena_t *arena, jwt_t *ret);
