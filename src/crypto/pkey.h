/* Public keys from their numbers; only for src/crypto/. Each is NULL on failure, with the reason in OpenSSL's queue. */
#pragma once

#include <openssl/evp.h>

#include "util/bytes.h"

#define RSA_E_MAX_BYTES 8

slice_t pkey_without_zeros(slice_t number);
/** Odd, from 3 on, and no longer than RSA_E_MAX_BYTES; without leading zeros. */
bool pkey_exponent_is_good(slice_t e);

EVP_PKEY *pkey_rsa(slice_t n, slice_t e);
/** @p point  4 | x | y; NULL where it is not on the curve. */
EVP_PKEY *pkey_point(const char *group, slice_t point);
EVP_PKEY *pkey_ed25519(slice_t x);
