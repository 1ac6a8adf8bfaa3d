#include "crypto/spki_write.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/der.h"
#include "crypto/pkey.h"

static const struct {
    const char *group; /* NULL: Ed25519 */
    size_t point_len;
} curves[ASYM_TYPES] = {
    [ASYM_P256] = { "P-256", 65 },          [ASYM_P384] = { "P-384", 97 },    [ASYM_P521] = { "P-521", 133 },
    [ASYM_SECP256K1] = { "secp256k1", 65 }, [ASYM_ED25519] = { .point_len = 32 },
};

static p11kms_err write_checked(EVP_PKEY *pkey, buf_t *ret)
{
    _cleanup_(asym) asym_t *parsed = NULL;
    uint8_t *at = buf_reserve(ret, ASYM_MAX);
    int len = pkey != NULL ? i2d_PUBKEY(pkey, NULL) : 0;

    ENSURE(at != NULL, P11KMS_E_NOMEM);
    if (len > 0 && len <= ASYM_MAX) {
        len = i2d_PUBKEY(pkey, &at);
    }
    ERR_clear_error();
    if (len <= 0 || len > ASYM_MAX) {
        FAIL(P11KMS_E_SYNTAX, "no public key");
    }
    TRY(asym_parse(SLICE(ret->data + ret->len, (size_t)len), &parsed));
    ret->len += (size_t)len;
    return P11KMS_OK;
}

p11kms_err spki_write_rsa(slice_t n, slice_t e, buf_t *ret)
{
    EVP_PKEY *pkey = NULL;
    p11kms_err err;

    n = pkey_without_zeros(n);
    e = pkey_without_zeros(e);
    if (n.len > 0 && n.len <= ASYM_MAX && pkey_exponent_is_good(e)) {
        pkey = pkey_rsa(n, e);
    }
    err = write_checked(pkey, ret);
    EVP_PKEY_free(pkey);
    return err;
}

p11kms_err spki_write_point(asym_type type, slice_t point, buf_t *ret)
{
    EVP_PKEY *pkey = NULL;
    p11kms_err err;

    if (point.len == curves[type].point_len) {
        pkey = curves[type].group != NULL ? pkey_point(curves[type].group, point) : pkey_ed25519(point);
    }
    err = write_checked(pkey, ret);
    EVP_PKEY_free(pkey);
    return err;
}

slice_t spki_point(asym_type type, slice_t spki)
{
    size_t len = curves[type].point_len;

    return SLICE(spki.data + spki.len - len, len);
}

slice_t spki_modulus(slice_t spki)
{
    reader_t all = reader_over(spki);
    reader_t parts = reader_over(der_take(&all, DER_SEQUENCE));
    reader_t bits, numbers;

    (void)der_take(&parts, DER_SEQUENCE);
    bits = reader_over(der_take(&parts, DER_BIT_STRING));
    (void)reader_u8(&bits);
    numbers = reader_over(der_take(&bits, DER_SEQUENCE));
    return der_take_number(&numbers);
}
