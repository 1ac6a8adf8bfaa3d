#include "identity/identity.h"

#include "crypto/crypto.h"
#include "util/encode.h"

#define ID_DIGITS 16
#define SECRET_BYTES 30 /* 40 characters of base64 */

p11kms_err identity_make_key(char ret_id[21], secret_t **ret_secret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    _cleanup_buf_ buf_t text = { 0 };
    uint8_t random[ID_DIGITS + SECRET_BYTES];

    TRY(crypto_random_secret(random, sizeof(random)));
    base64_encode(&text, SLICE(random + ID_DIGITS, SECRET_BYTES));
    secret_wipe(random + ID_DIGITS, SECRET_BYTES);
    ENSURE(!buf_failed(&text), P11KMS_E_NOMEM);
    TRY(secret_copy(text.data, text.len, ret_secret));

    memcpy(ret_id, "AKIA", 4);
    for (size_t i = 0; i < ID_DIGITS; i++) {
        ret_id[4 + i] = digits[random[i] & 31];
    }
    ret_id[4 + ID_DIGITS] = '\0';
    return P11KMS_OK;
}
