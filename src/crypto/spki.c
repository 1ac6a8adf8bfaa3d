#include "config.h" /* memmem() */

#include "crypto/spki.h"

#include "crypto/der.h"
#include "crypto/ecdsa.h"
#include "util/encode.h"

#define ED25519_BYTES 32
#define P256_BYTES 32
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----\n"
#define PEM_END "\n-----END PUBLIC KEY-----"

/* RFC 8410 section 4: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING of 32 bytes } */
static const uint8_t ed25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
/* RFC 5480: SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING of 65 bytes: 04 || x || y } */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04 };

_Static_assert(sizeof(ed25519_head) + ED25519_BYTES == SPKI_ED25519_LEN, "RFC 8410");
_Static_assert(sizeof(p256_head) + 2 * P256_BYTES == SPKI_P256_LEN, "RFC 5480");

static bool begins(slice_t der, const uint8_t *head, size_t len)
{
    return der.len > len && memcmp(der.data, head, len) == 0;
}

slice_t spki_ed25519_bytes(slice_t der)
{
    if (der.len != SPKI_ED25519_LEN || !begins(der, ed25519_head, sizeof(ed25519_head))) {
        return SLICE(NULL, 0);
    }
    return SLICE(der.data + sizeof(ed25519_head), ED25519_BYTES);
}

void spki_of_ed25519(const uint8_t key[32], uint8_t out[SPKI_ED25519_LEN])
{
    memcpy(out, ed25519_head, sizeof(ed25519_head));
    memcpy(out + sizeof(ed25519_head), key, ED25519_BYTES);
}

p11kms_err spki_read(slice_t der, pubkey_t **ret)
{
    slice_t ed25519 = spki_ed25519_bytes(der);

    if (ed25519.len > 0) {
        return pubkey_ed25519(ed25519, ret);
    }
    if (der.len == SPKI_P256_LEN && begins(der, p256_head, sizeof(p256_head))) {
        const uint8_t *x = der.data + sizeof(p256_head);
        return pubkey_p256(SLICE(x, P256_BYTES), SLICE(x + P256_BYTES, P256_BYTES), ret);
    }
    FAIL(P11KMS_E_UNSUPPORTED, "the public key is neither Ed25519 nor an uncompressed P-256 point in DER");
}

static slice_t find(slice_t text, const char *what)
{
    const uint8_t *at = text.len > 0 ? memmem(text.data, text.len, what, strlen(what)) : NULL;

    return at ? SLICE(at, text.len - (size_t)(at - text.data)) : SLICE(NULL, 0);
}

static p11kms_err from_pem(slice_t begin, buf_t *out)
{
    _cleanup_buf_ buf_t base64 = { 0 };
    slice_t body = SLICE(begin.data + sizeof(PEM_BEGIN) - 1, begin.len - (sizeof(PEM_BEGIN) - 1));
    slice_t end = find(body, PEM_END);

    if (end.len == 0) {
        FAIL(P11KMS_E_SYNTAX, "the PEM block has no end");
    }
    for (const uint8_t *c = body.data; c < end.data; c++) {
        if (*c != '\n') {
            buf_put_u8(&base64, *c);
        }
    }
    ENSURE(!buf_failed(&base64), P11KMS_E_NOMEM);
    return base64_decode(out, buf_slice(&base64));
}

p11kms_err spki_from_file(slice_t text, buf_t *out)
{
    slice_t begin = find(text, PEM_BEGIN);

    if (begin.len > 0) {
        return from_pem(begin, out);
    }
    if (text.len == 0 || text.data[0] != DER_SEQUENCE) {
        FAIL(P11KMS_E_SYNTAX, "this is no public key in PEM (BEGIN PUBLIC KEY) or DER");
    }
    buf_put_slice(out, text);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

p11kms_err ecdsa_p256_from_der(slice_t der, uint8_t out[ECDSA_P256_RAW])
{
    if (ecdsa_to_raw(der, P256_BYTES, out) != P11KMS_OK) {
        FAIL(P11KMS_E_SYNTAX, "the signature is not two numbers in DER");
    }
    return P11KMS_OK;
}

size_t ecdsa_p256_to_der(const uint8_t raw[ECDSA_P256_RAW], uint8_t out[ECDSA_P256_DER_MAX])
{
    uint8_t der[ECDSA_DER_MAX];
    size_t len = 0;

    if (ecdsa_to_der(SLICE(raw, ECDSA_P256_RAW), der, &len) == P11KMS_OK) { /* always: it has the right length */
        memcpy(out, der, len);
    }
    return len;
}
