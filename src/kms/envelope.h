/*
 * The ciphertext format, byte by byte: docs/ciphertext-format.md.
 *
 *     version 1 | scheme 1 | key id 16 | material id 16 | N 16 | IV 12 | commitment 32 | ciphertext | tag 16
 *
 * Pure functions; the token's part (K0) is handed in.
 */
#pragma once

#include "kms/key.h"
#include "util/arena.h"

#define ENVELOPE_VERSION 1
#define ENVELOPE_SCHEME_PRF 1 /* SP 800-108 counter mode over HMAC-SHA-256 on the token */

#define ENVELOPE_NONCE 16
#define ENVELOPE_IV 12
#define ENVELOPE_COMMITMENT 32
#define ENVELOPE_HEADER (2 + 2 * KMS_ID + ENVELOPE_NONCE + ENVELOPE_IV)
#define ENVELOPE_OVERHEAD (ENVELOPE_HEADER + ENVELOPE_COMMITMENT + 16)
#define ENVELOPE_PLAIN_MAX 4096
#define ENVELOPE_CONTEXT_MAX 8192 /* bytes of canonical context; AWS's bound on the pairs is of this size */
#define ENVELOPE_PRF_INPUT (4 + 17 + 1 + KMS_ID + ENVELOPE_NONCE + 4)

typedef struct {
    uint8_t scheme;
    uint8_t key_id[KMS_ID];
    uint8_t material_id[KMS_ID];
    uint8_t nonce[ENVELOPE_NONCE];
    uint8_t iv[ENVELOPE_IV];
    slice_t header;     /* views into the blob */
    slice_t commitment;
    slice_t sealed;     /* ciphertext and tag */
} envelope_t;

/** A blob's parts. @retval P11KMS_E_CIPHERTEXT  Too short, too long, unknown version or scheme. */
MUST_USE p11kms_err envelope_parse(slice_t blob, envelope_t *ret);

/** What the token computes HMAC-SHA-256 over: [1]32 | "p11kms/v1/message" | 0 | key id | N | [256]32. */
void envelope_prf_input(const uint8_t key_id[KMS_ID], const uint8_t nonce[ENVELOPE_NONCE],
                        uint8_t out[ENVELOPE_PRF_INPUT]);

/** One name and value of an encryption context. */
typedef struct {
    slice_t name;
    slice_t value;
} context_pair;

/**
 * The canonical form used as associated data: pairs in byte order of their names,
 * each as length32 name length32 value; nothing at all for an empty context.
 *
 * @param pairs  Sorted in place.
 * @retval P11KMS_E_VALIDATION  A name twice, or longer than ENVELOPE_CONTEXT_MAX together.
 */
MUST_USE p11kms_err context_canonical(context_pair *pairs, size_t n, arena_t *arena, slice_t *ret);

/** Seal @p plain. @p nonce is the one @p k0 was made with. Appends to @p blob. */
MUST_USE p11kms_err envelope_seal(const uint8_t key_id[KMS_ID], const uint8_t material_id[KMS_ID],
                                  const uint8_t nonce[ENVELOPE_NONCE], const uint8_t k0[TOKEN_PRF_LEN],
                                  slice_t context, slice_t plain, buf_t *blob);

/**
 * @param plain  ENVELOPE_PLAIN_MAX bytes of room; wiped again on failure.
 * @retval P11KMS_E_CIPHERTEXT  The commitment or the tag does not fit; both are checked always, so that they cost the same.
 */
MUST_USE p11kms_err envelope_open(const envelope_t *envelope, const uint8_t k0[TOKEN_PRF_LEN], slice_t context,
                                  uint8_t *plain, size_t *ret_len);
