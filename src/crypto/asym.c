#include "crypto/asym.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/context.h"
#include "crypto/der.h"
#include "crypto/pkey.h"

struct asym {
    asym_type type;
    EVP_PKEY *pkey;
};

/* An AlgorithmIdentifier's contents, and what such a key is. */
typedef struct {
    slice_t algorithm;
    const char *group; /* NULL: Ed25519 */
    size_t key_len;    /* of the point, with its first octet */
} curve_type;

#define EC_OID "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"                    /* id-ecPublicKey, RFC 5480 2.1.1 */
#define RSA_ALGORITHM "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00" /* rsaEncryption, NULL, RFC 3279 2.3.1 */
#define UNCOMPRESSED 4                                                       /* SEC 1 2.3.3 */

static const curve_type curves[ASYM_TYPES] = {
    [ASYM_P256] = { { (const uint8_t *)EC_OID "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 19 }, "P-256", 65 },
    [ASYM_P384] = { { (const uint8_t *)EC_OID "\x06\x05\x2b\x81\x04\x00\x22", 16 }, "P-384", 97 },
    [ASYM_P521] = { { (const uint8_t *)EC_OID "\x06\x05\x2b\x81\x04\x00\x23", 16 }, "P-521", 133 },
    [ASYM_SECP256K1] = { { (const uint8_t *)EC_OID "\x06\x05\x2b\x81\x04\x00\x0a", 16 }, "secp256k1", 65 },
    [ASYM_ED25519] = { { (const uint8_t *)"\x06\x03\x2b\x65\x70", 5 }, NULL, 32 }, /* RFC 8410 */
};

static const struct {
    asym_type type;
    size_t modulus_len;
} moduli[] = { { ASYM_RSA_2048, 256 }, { ASYM_RSA_3072, 384 }, { ASYM_RSA_4096, 512 } };

static EVP_PKEY *read_rsa(slice_t bits, asym_type *ret_type)
{
    reader_t all = reader_over(bits);
    reader_t numbers = reader_over(der_take(&all, DER_SEQUENCE));
    slice_t n = der_take_number(&numbers);
    slice_t e = der_take_number(&numbers);

    if (!reader_done(&all) || !reader_done(&numbers) || !pkey_exponent_is_good(e)) {
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(moduli); i++) {
        if (n.len == moduli[i].modulus_len && (n.data[0] & 0x80) && (n.data[n.len - 1] & 1)) {
            *ret_type = moduli[i].type;
            return pkey_rsa(n, e);
        }
    }
    return NULL;
}

/* The import checks that a point is on its curve; of the group's order it is then, too, as these have no cofactor. */
static EVP_PKEY *read_curve(slice_t algorithm, slice_t bits, asym_type *ret_type)
{
    for (size_t i = 0; i < ASYM_TYPES; i++) {
        const curve_type *curve = &curves[i];

        if (curve->key_len && slice_eq(algorithm, curve->algorithm)) {
            *ret_type = (asym_type)i;
            if (bits.len != curve->key_len || (curve->group && bits.data[0] != UNCOMPRESSED)) {
                return NULL;
            }
            return curve->group ? pkey_point(curve->group, bits) : pkey_ed25519(bits);
        }
    }
    return NULL;
}

static EVP_PKEY *read_key(slice_t der, asym_type *ret_type)
{
    reader_t all = reader_over(der);
    reader_t parts = reader_over(der_take(&all, DER_SEQUENCE));
    slice_t algorithm = der_take(&parts, DER_SEQUENCE);
    reader_t bits = reader_over(der_take(&parts, DER_BIT_STRING));
    uint8_t unused_bits = reader_u8(&bits);

    if (!reader_done(&all) || !reader_done(&parts) || bits.fails || unused_bits != 0) {
        return NULL;
    }
    return slice_eq(algorithm, SLICE_LIT(RSA_ALGORITHM)) ? read_rsa(bits.rest, ret_type)
                                                         : read_curve(algorithm, bits.rest, ret_type);
}

p11kms_err asym_parse(slice_t der, asym_t **ret)
{
    asym_type type = ASYM_TYPES;
    EVP_PKEY *pkey = der.len <= ASYM_MAX ? read_key(der, &type) : NULL;

    ERR_clear_error();
    if (!pkey) {
        FAIL(P11KMS_E_SYNTAX, "not the SubjectPublicKeyInfo of a key of a known type");
    }
    asym_t *key = calloc(1, sizeof(*key));
    if (!key) {
        EVP_PKEY_free(pkey);
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    key->type = type;
    key->pkey = pkey;
    *ret = key;
    return P11KMS_OK;
}

void asym_free(asym_t *key)
{
    if (key) {
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

asym_type asym_get_type(const asym_t *key)
{
    return key->type;
}

bool asym_is_rsa(const asym_t *key)
{
    return key->type <= ASYM_RSA_4096;
}

/* ---- signatures ---- */

static bool set_scheme(EVP_PKEY_CTX *ctx, asym_scheme scheme, const EVP_MD *md)
{
    if (EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, md) != 1) {
        return false;
    }
    switch (scheme) {
    case ASYM_ECDSA:
        return true;
    case ASYM_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    case ASYM_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    return false;
}

bool asym_verify(const asym_t *key, asym_scheme scheme, crypto_hash hash, slice_t digest, slice_t signature)
{
    if (asym_is_rsa(key) != (scheme != ASYM_ECDSA) || key->type == ASYM_ED25519 ||
        digest.len != crypto_hash_len(hash)) {
        return false;
    }
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    bool good = ctx && set_scheme(ctx, scheme, crypto_md(hash)) &&
                EVP_PKEY_verify(ctx, signature.data, signature.len, digest.data, digest.len) == 1;

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

bool asym_verify_message(const asym_t *key, slice_t message, slice_t signature)
{
    if (key->type != ASYM_ED25519) {
        return false;
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
                EVP_DigestVerify(ctx, signature.data, signature.len, message.data, message.len) == 1;

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

/* ---- encryption ---- */

size_t asym_oaep_max(const asym_t *key, crypto_hash hash)
{
    return asym_is_rsa(key) ? (size_t)EVP_PKEY_get_size(key->pkey) - 2 * crypto_hash_len(hash) - 2 : 0;
}

static bool oaep(EVP_PKEY_CTX *ctx, const EVP_MD *md, slice_t plain, uint8_t *out, size_t *len)
{
    return EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
           EVP_PKEY_encrypt(ctx, out, len, plain.data, plain.len) == 1;
}

p11kms_err asym_oaep_encrypt(const asym_t *key, crypto_hash hash, slice_t plain, buf_t *ret)
{
    size_t len = (size_t)EVP_PKEY_get_size(key->pkey);

    ENSURE(asym_is_rsa(key) && plain.len <= asym_oaep_max(key, hash), P11KMS_E_RANGE);
    uint8_t *out = buf_reserve(ret, len);
    ENSURE(out != NULL, P11KMS_E_NOMEM);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    bool done = ctx && oaep(ctx, crypto_md(hash), plain, out, &len);

    EVP_PKEY_CTX_free(ctx);
    if (!done) {
        return crypto_failed("RSA-OAEP");
    }
    ret->len += len;
    return P11KMS_OK;
}
