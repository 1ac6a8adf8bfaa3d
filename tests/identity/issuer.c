#include "tests/identity/issuer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "util/encode.h"

struct issuer {
    EVP_PKEY *keys[ISSUER_KINDS];
};

static const struct {
    const char *alg;
    const char *kid;
} kinds[ISSUER_KINDS] = {
    [ISSUER_RS256] = { "RS256", "rsa" },
    [ISSUER_ES256] = { "ES256", "ec" },
    [ISSUER_EDDSA] = { "EdDSA", "ed" },
};

static void must(int ok)
{
    if (!ok) {
        abort();
    }
}

issuer_t *issuer_new(void)
{
    issuer_t *issuer = calloc(1, sizeof(*issuer));

    must(issuer != NULL);
    issuer->keys[ISSUER_RS256] = EVP_RSA_gen(2048);
    issuer->keys[ISSUER_ES256] = EVP_EC_gen("P-256");
    issuer->keys[ISSUER_EDDSA] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (size_t i = 0; i < ISSUER_KINDS; i++) {
        must(issuer->keys[i] != NULL);
    }
    return issuer;
}

void issuer_free(issuer_t *issuer)
{
    for (size_t i = 0; i < ISSUER_KINDS; i++) {
        EVP_PKEY_free(issuer->keys[i]);
    }
    free(issuer);
}

static void put_url(buf_t *out, slice_t bytes)
{
    buf_t text = { 0 };

    base64_encode(&text, bytes);
    for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
        char c = (char)text.data[i];
        buf_put_char(out, c == '+' ? '-' : c == '/' ? '_' : c);
    }
    buf_free(&text);
}

static void put_number(buf_t *out, const char *name, EVP_PKEY *key, const char *param, size_t len)
{
    BIGNUM *n = NULL;
    uint8_t bytes[512];

    must(EVP_PKEY_get_bn_param(key, param, &n));
    size_t size = len ? len : (size_t)BN_num_bytes(n);
    must(BN_bn2binpad(n, bytes, (int)size) > 0);
    buf_printf(out, ",\"%s\":\"", name);
    put_url(out, SLICE(bytes, size));
    buf_put_char(out, '"');
    BN_free(n);
}

void issuer_jwks(issuer_t *issuer, buf_t *out)
{
    uint8_t raw[32];
    size_t len = sizeof(raw);

    buf_put_str(out, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"rsa\",\"use\":\"sig\",\"alg\":\"RS256\"");
    put_number(out, "n", issuer->keys[ISSUER_RS256], OSSL_PKEY_PARAM_RSA_N, 0);
    put_number(out, "e", issuer->keys[ISSUER_RS256], OSSL_PKEY_PARAM_RSA_E, 0);
    buf_put_str(out, "},{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"ec\"");
    put_number(out, "x", issuer->keys[ISSUER_ES256], OSSL_PKEY_PARAM_EC_PUB_X, 32);
    put_number(out, "y", issuer->keys[ISSUER_ES256], OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    must(EVP_PKEY_get_raw_public_key(issuer->keys[ISSUER_EDDSA], raw, &len));
    buf_put_str(out, "},{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"ed\",\"x\":\"");
    put_url(out, SLICE(raw, len));
    buf_put_str(out, "\"},{\"kty\":\"oct\",\"kid\":\"shared\",\"k\":\"c2VjcmV0\"}]}");
}

static size_t sign(EVP_PKEY *key, bool digest, slice_t message, uint8_t *out, size_t size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    must(ctx && EVP_DigestSignInit_ex(ctx, NULL, digest ? "SHA256" : NULL, NULL, NULL, key, NULL) == 1 &&
         EVP_DigestSign(ctx, out, &size, message.data, message.len) == 1);
    EVP_MD_CTX_free(ctx);
    return size;
}

static size_t der_to_raw(const uint8_t *der, size_t len, uint8_t out[64])
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

    must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32);
    ECDSA_SIG_free(sig);
    return 64;
}

static size_t make_signature(issuer_t *issuer, issuer_kind kind, const slice_t *secret, slice_t message,
                             uint8_t out[512])
{
    uint8_t der[128];

    if (secret) {
        crypto_hmac_sha256(*secret, message, out);
        return SHA256_LEN;
    }
    switch (kind) {
    case ISSUER_RS256:
        return sign(issuer->keys[kind], true, message, out, 512);
    case ISSUER_ES256:
        return der_to_raw(der, sign(issuer->keys[kind], true, message, der, sizeof(der)), out);
    case ISSUER_EDDSA:
        return sign(issuer->keys[kind], false, message, out, 512);
    default:
        out[0] = 'x';
        return 1;
    }
}

void issuer_token_raw(issuer_t *issuer, issuer_kind kind, const slice_t *hmac_secret, const char *header,
                      const char *claims, buf_t *out)
{
    uint8_t signature[512];

    put_url(out, SLICE_STR(header));
    buf_put_char(out, '.');
    put_url(out, SLICE_STR(claims));
    size_t len = make_signature(issuer, kind, hmac_secret, buf_slice(out), signature);
    buf_put_char(out, '.');
    put_url(out, SLICE(signature, len));
}

void issuer_token(issuer_t *issuer, issuer_kind kind, const char *claims, buf_t *out)
{
    char header[128];

    snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}", kinds[kind].alg,
             kinds[kind].kid);
    issuer_token_raw(issuer, kind, NULL, header, claims, out);
}

void issuer_rsa_pem(issuer_t *issuer, buf_t *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    must(bio && PEM_write_bio_PUBKEY(bio, issuer->keys[ISSUER_RS256]));
    long len = BIO_get_mem_data(bio, &text);
    buf_put(out, text, (size_t)len);
    BIO_free(bio);
}
