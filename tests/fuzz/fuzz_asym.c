/* asym_parse: what it takes is a key to OpenSSL, too, and the only way to write that key. ecdsa_to_raw: likewise. */
#include "tests/fuzz/fuzz.h"

#include <openssl/x509.h>

#include "crypto/ecdsa.h"
#include "crypto/asym.h"

static void fuzz_key(slice_t der)
{
    asym_t *key = NULL;

    if (asym_parse(der, &key) == P11KMS_OK) {
        const uint8_t *at = der.data;
        EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
        uint8_t *again = NULL;
        int len = i2d_PUBKEY(pkey, &again);

        HOLDS(pkey && at == der.data + der.len);
        HOLDS(len > 0 && slice_eq(SLICE(again, (size_t)len), der));
        HOLDS(!asym_verify_message(key, der, der));
        OPENSSL_free(again);
        EVP_PKEY_free(pkey);
        asym_free(key);
    }
}

static void fuzz_signature(slice_t der)
{
    uint8_t raw[ECDSA_RAW_MAX];
    uint8_t again[ECDSA_DER_MAX];
    size_t len;

    if (ecdsa_to_raw(der, ECDSA_NUMBER_MAX, raw) == P11KMS_OK) {
        HOLDS(ecdsa_to_der(SLICE(raw, sizeof(raw)), again, &len) == P11KMS_OK);
        HOLDS(slice_eq(SLICE(again, len), der));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    HOLDS(crypto_init() == P11KMS_OK);
    fuzz_key(SLICE(data, len));
    fuzz_signature(SLICE(data, len));
    return 0;
}
