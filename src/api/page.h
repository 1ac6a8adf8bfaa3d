/*
 * Pagination. A marker is opaque to clients: version, the listing it belongs to, and the
 * last name given out, authenticated with a key of this process's own store so that
 * a marker from elsewhere is InvalidMarkerException.
 */
#pragma once

#include "util/arena.h"

/** The key markers are authenticated with; from the store, so that they outlive a restart. */
void page_set_key(const uint8_t key[32]);

/** @param listing  "ListKeys", with what else it depends on ("ListAliases:KEYID"). Arena text. */
const char *page_marker(arena_t *arena, const char *listing, const char *last);

/** @param marker  May be empty: the first page, *ret_last is "". @retval P11KMS_E_MARKER */
MUST_USE p11kms_err page_open(arena_t *arena, const char *listing, slice_t marker, const char **ret_last);
