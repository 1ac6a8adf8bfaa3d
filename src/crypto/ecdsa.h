/* The two forms of an ECDSA signature: r || s, as PKCS#11 and JOSE have it, and DER, as everyone else (RFC 3279 2.2.3). */
#pragma once

#include "util/bytes.h"

#define ECDSA_NUMBER_MAX 66 /* P-521 */
#define ECDSA_RAW_MAX (2 * ECDSA_NUMBER_MAX)
#define ECDSA_DER_MAX (3 + 2 * (3 + ECDSA_NUMBER_MAX))

/** @p raw  r || s, each half of it. @retval P11KMS_E_SYNTAX  Empty, odd, or longer than ECDSA_RAW_MAX. */
MUST_USE p11kms_err ecdsa_to_der(slice_t raw, uint8_t out[ECDSA_DER_MAX], size_t *ret_len);
/**
 * @param number_len  Bytes of the curve's order; @p out has twice as many.
 * @retval P11KMS_E_SYNTAX  Not DER, or a number that is negative or longer than that.
 */
MUST_USE p11kms_err ecdsa_to_raw(slice_t der, size_t number_len, uint8_t *out);
