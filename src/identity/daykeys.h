/*
 * Signing keys, derived once for an access key, day, region and service. Bounded;
 * the least recently used of a set goes first. Thread-safe. Private to the room.
 */
#pragma once

#include "identity/sigv4.h"

typedef struct daykeys daykeys_t;

MUST_USE p11kms_err daykeys_new(daykeys_t **ret);
void daykeys_free(daykeys_t *daykeys);
DEFINE_CLEANUP(daykeys_t *, daykeys, daykeys_free);

/** As sigv4_signing_key(). Names longer than the bounds of sigv4.h are not kept. */
void daykeys_get(daykeys_t *daykeys, slice_t access_key_id, slice_t secret, slice_t date, slice_t region,
                 slice_t service, uint8_t out[SHA256_LEN]);
