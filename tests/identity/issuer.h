/*
 * An identity provider in memory: keys of each kind, their key set, and tokens with any
 * header and claims, signed as said or wrongly.
 */
#pragma once

#include "util/bytes.h"

typedef enum { ISSUER_RS256, ISSUER_ES256, ISSUER_EDDSA, ISSUER_KINDS } issuer_kind;

typedef struct issuer issuer_t;

issuer_t *issuer_new(void); /* fresh keys; ids "rsa", "ec", "ed" */
void issuer_free(issuer_t *issuer);

/** {"keys":[...]} of all kinds. */
void issuer_jwks(issuer_t *issuer, buf_t *out);
/** Header with the kind's "alg" and key id, @p claims as JSON text. */
void issuer_token(issuer_t *issuer, issuer_kind kind, const char *claims, buf_t *out);
/** Any header; signed by the key of @p kind, or with @p hmac_secret, or (kind ISSUER_KINDS, no secret) with "x". */
void issuer_token_raw(issuer_t *issuer, issuer_kind kind, const slice_t *hmac_secret, const char *header,
                      const char *claims, buf_t *out);
/** The RSA public key in PEM: what a confused verifier would use as an HMAC secret. */
void issuer_rsa_pem(issuer_t *issuer, buf_t *out);
