#include <limits.h>
#include <openssl/rand.h>
#include <sys/random.h>

#include "crypto/context.h"

#define KERNEL_AT_ONCE 256 /* getrandom(2): so many come whole, whatever signals do */

/*
 * The library's state is in memory, and a machine that is cloned or set back to a snapshot has it twice: nonces and
 * keys would come again. The kernel's generator learns of that and begins anew.
 */
static p11kms_err add_kernels(uint8_t *out, size_t len)
{
    uint8_t fresh[KERNEL_AT_ONCE];
    bool drawn = true;

    for (size_t done = 0; done < len && drawn;) {
        size_t n = len - done < sizeof(fresh) ? len - done : sizeof(fresh);

        drawn = getrandom(fresh, n, 0) == (ssize_t)n;
        for (size_t i = 0; i < n; i++) {
            out[done++] ^= fresh[i];
        }
    }
    secret_wipe(fresh, sizeof(fresh));
    return drawn ? P11KMS_OK : p11kms_fail(P11KMS_E_CRYPTO, "the kernel gives no random bytes");
}

static p11kms_err draw(int (*library)(unsigned char *out, int len), void *out, size_t len)
{
    ENSURE(len <= INT_MAX, P11KMS_E_CRYPTO);
    return library(out, (int)len) == 1 ? add_kernels(out, len) : crypto_failed("the random generator");
}

p11kms_err crypto_random(void *out, size_t len)
{
    return draw(RAND_bytes, out, len);
}

p11kms_err crypto_random_secret(void *out, size_t len)
{
    return draw(RAND_priv_bytes, out, len);
}

/* Reseeds the root generator from the kernel with these bytes mixed in; the threads' follow it. */
void crypto_random_stir(slice_t bytes)
{
    if (bytes.len > 0 && bytes.len <= INT_MAX) {
        RAND_add(bytes.data, (int)bytes.len, 0);
    }
}
