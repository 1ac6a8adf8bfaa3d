#include <limits.h>
#include <openssl/rand.h>

#include "crypto/context.h"

p11kms_err crypto_random(void *out, size_t len)
{
    ENSURE(len <= INT_MAX, P11KMS_E_CRYPTO);
    return RAND_bytes(out, (int)len) == 1 ? P11KMS_OK : crypto_failed("the random generator");
}

p11kms_err crypto_random_secret(void *out, size_t len)
{
    ENSURE(len <= INT_MAX, P11KMS_E_CRYPTO);
    return RAND_priv_bytes(out, (int)len) == 1 ? P11KMS_OK : crypto_failed("the random generator");
}

/* Reseeds the root generator from the kernel with these bytes mixed in; the threads' follow it. */
void crypto_random_stir(slice_t bytes)
{
    if (bytes.len > 0 && bytes.len <= INT_MAX) {
        RAND_add(bytes.data, (int)bytes.len, 0);
    }
}
