/* Public keys of others and their signatures: what web identities are checked with. */
#pragma once

#include "crypto/crypto.h"

typedef struct pubkey pubkey_t;

/** One algorithm a key: which it is bound to is decided by whoever made it, never by a message. */
typedef enum {
    PUBKEY_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256, RFC 7518 3.3 */
    PUBKEY_ES256, /* ECDSA P-256 with SHA-256; signatures are r || s, 64 bytes (RFC 7518 3.4) */
    PUBKEY_EDDSA, /* Ed25519, RFC 8037 */
} pubkey_kind;

#define PUBKEY_RSA_MIN_BITS 2048
#define PUBKEY_RSA_MAX_BITS 8192

/** Big-endian numbers. @retval P11KMS_E_RANGE (bits out of bounds), P11KMS_E_CRYPTO */
MUST_USE p11kms_err pubkey_rsa(slice_t n, slice_t e, pubkey_t **ret);
/** The affine coordinates, 32 bytes each. @retval P11KMS_E_CRYPTO  Not a point of the curve. */
MUST_USE p11kms_err pubkey_p256(slice_t x, slice_t y, pubkey_t **ret);
/** 32 bytes. */
MUST_USE p11kms_err pubkey_ed25519(slice_t x, pubkey_t **ret);
void pubkey_free(pubkey_t *key); /* NULL is fine */
DEFINE_CLEANUP(pubkey_t *, pubkey, pubkey_free);

pubkey_kind pubkey_get_kind(const pubkey_t *key);
/** False for anything but a good signature of @p message. Thread-safe. */
bool pubkey_verify(const pubkey_t *key, slice_t message, slice_t signature);
