/* room: audit. Compressed bytes made plain, a piece at a time: gzip and zstd. */
#pragma once

#include "util/bytes.h"

typedef struct inflate inflate_t;

typedef enum { INFLATE_GZIP, INFLATE_ZSTD } inflate_kind;

/** @retval P11KMS_E_NOMEM */
MUST_USE p11kms_err inflate_new(inflate_kind kind, inflate_t **ret);
void inflate_free(inflate_t *inflate); /* NULL is fine */
DEFINE_CLEANUP(inflate_t *, inflate, inflate_free);

/**
 * Takes from the front of @p in and fills @p out as far as both go.
 *
 * @retval P11KMS_E_SYNTAX  The bytes are not of this kind, are damaged, or want a window above 128 MiB.
 */
MUST_USE p11kms_err inflate_some(inflate_t *inflate, slice_t *in, uint8_t *out, size_t len, size_t *ret_len);
/** Everything begun was ended: the file may end here. */
bool inflate_complete(const inflate_t *inflate);
