/*
 * Secret memory: PINs, plaintext keys, secret access keys.
 *
 * Locked, left out of core dumps, wiped in forked children and on free,
 * compared in constant time. There is no way to format one. Thread-safe.
 */
#pragma once

#include "util/bytes.h"

typedef struct secret secret_t;

#define SECRET_MAX (1u << 20)

/**
 * @param len  1..SECRET_MAX bytes, zeroed.
 * @retval P11KMS_E_RANGE, P11KMS_E_NOMEM
 * Where the lock limit is reached the memory is still excluded from dumps and
 * wiped; secret_unlocked() counts such pages.
 */
MUST_USE p11kms_err secret_new(size_t len, secret_t **ret);
MUST_USE p11kms_err secret_copy(const void *data, size_t len, secret_t **ret);
void secret_free(secret_t *secret); /* wipes; NULL is fine */

uint8_t *secret_data(secret_t *secret);
size_t secret_len(const secret_t *secret);
slice_t secret_slice(const secret_t *secret);
/** Shorten to @p len bytes, wiping what is cut. */
void secret_truncate(secret_t *secret, size_t len);

/** Constant time for equal lengths. */
bool secret_eq(slice_t a, slice_t b);
/** A memset that is not optimised away. */
void secret_wipe(void *data, size_t len);
/** Pages that could not be locked so far. */
size_t secret_unlocked(void);

DEFINE_CLEANUP(secret_t *, secret, secret_free);
#define _cleanup_secret_ _cleanup_(secret)
