/* Key pairs made in software and given away: GenerateDataKeyPair. Not for KMS keys, which stay on a token. */
#pragma once

#include "crypto/crypto.h"

typedef enum {
    KEYPAIR_RSA_2048,
    KEYPAIR_RSA_3072,
    KEYPAIR_RSA_4096,
    KEYPAIR_P256,
    KEYPAIR_P384,
    KEYPAIR_P521,
    KEYPAIR_SECP256K1,
    KEYPAIR_ED25519,
    KEYPAIR_SM2,
    KEYPAIR_TYPES
} keypair_type;

#define KEYPAIR_PRIVATE_MAX 3072 /* bytes: RSA_4096 has about 2375 */

/** Does the libcrypto in use make such keys? Some are built, or run in FIPS mode, without SM2 or secp256k1. */
bool keypair_is_offered(keypair_type type);

/**
 * Takes long: a curve's 0.1 to 2 ms, RSA_4096 some hundred ms and at times seconds. Not for a loop.
 *
 * @param[out] ret_private  PKCS#8 PrivateKeyInfo, DER.
 * @param[out] ret_public   SubjectPublicKeyInfo, DER; caller frees.
 * @retval P11KMS_E_UNSUPPORTED  Not offered.
 * @retval P11KMS_E_CRYPTO
 */
MUST_USE p11kms_err keypair_make(keypair_type type, secret_t **ret_private, buf_t *ret_public);
