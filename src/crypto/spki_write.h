/* SubjectPublicKeyInfo from a token's attributes. Only what asym_parse() takes comes out. */
#pragma once

#include "crypto/asym.h"

/** Big-endian numbers. @retval P11KMS_E_SYNTAX  No key of a known type. */
MUST_USE p11kms_err spki_write_rsa(slice_t n, slice_t e, buf_t *ret);
/** @p point  4 | x | y, or the 32 bytes of Ed25519. @retval P11KMS_E_SYNTAX  No point of that curve. */
MUST_USE p11kms_err spki_write_point(asym_type type, slice_t point, buf_t *ret);
/** The bytes within a SPKI that asym_parse() took: 4 | x | y of a curve. */
slice_t spki_point(asym_type type, slice_t spki);
/** The modulus within a SPKI of RSA that asym_parse() took. */
slice_t spki_modulus(slice_t spki);
