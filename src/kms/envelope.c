#include "kms/envelope.h"

#include <string.h>

#include "crypto/crypto.h"

static const char prf_label[17] = "p11kms/v1/message";

p11kms_err envelope_parse(slice_t blob, envelope_t *ret)
{
    if (blob.len < ENVELOPE_OVERHEAD || blob.len > ENVELOPE_OVERHEAD + ENVELOPE_PLAIN_MAX ||
        blob.data[0] != ENVELOPE_VERSION || blob.data[1] != ENVELOPE_SCHEME_PRF) {
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    const uint8_t *at = blob.data + 2;

    ret->scheme = blob.data[1];
    memcpy(ret->key_id, at, KMS_ID);
    memcpy(ret->material_id, at + KMS_ID, KMS_ID);
    at += 2 * KMS_ID;
    memcpy(ret->nonce, at, ENVELOPE_NONCE);
    memcpy(ret->iv, at + ENVELOPE_NONCE, ENVELOPE_IV);
    ret->header = SLICE(blob.data, ENVELOPE_HEADER);
    ret->commitment = SLICE(blob.data + ENVELOPE_HEADER, ENVELOPE_COMMITMENT);
    size_t before = ENVELOPE_HEADER + ENVELOPE_COMMITMENT;
    ret->sealed = SLICE(blob.data + before, blob.len - before);
    return P11KMS_OK;
}

static uint8_t *put_u32(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 24);
    at[1] = (uint8_t)(v >> 16);
    at[2] = (uint8_t)(v >> 8);
    at[3] = (uint8_t)v;
    return at + 4;
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t len)
{
    if (len) {
        memcpy(at, data, len);
    }
    return at + len;
}

/* NIST SP 800-108r1, 4.1: one block suffices, since L is the PRF's own length. */
void envelope_prf_input(const uint8_t key_id[KMS_ID], const uint8_t nonce[ENVELOPE_NONCE],
                        uint8_t out[ENVELOPE_PRF_INPUT])
{
    uint8_t *at = put_u32(out, 1);

    at = put_bytes(at, prf_label, sizeof(prf_label));
    *at++ = 0;
    at = put_bytes(at, key_id, KMS_ID);
    at = put_bytes(at, nonce, ENVELOPE_NONCE);
    put_u32(at, TOKEN_PRF_LEN * 8);
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(((const context_pair *)a)->name, ((const context_pair *)b)->name);
}

p11kms_err context_canonical(context_pair *pairs, size_t n, arena_t *arena, slice_t *ret)
{
    size_t size = 0;

    for (size_t i = 0; i < n; i++) {
        size += 8 + pairs[i].name.len + pairs[i].value.len;
        if (size > ENVELOPE_CONTEXT_MAX) {
            FAIL(P11KMS_E_VALIDATION, "The encryption context is longer than %d bytes", ENVELOPE_CONTEXT_MAX);
        }
    }
    if (n > 1) {
        qsort(pairs, n, sizeof(*pairs), by_name);
    }
    uint8_t *start = arena_alloc(arena, size ? size : 1);
    uint8_t *at = start;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && slice_eq(pairs[i].name, pairs[i - 1].name)) {
            FAIL(P11KMS_E_VALIDATION, "The encryption context names a key twice");
        }
        at = put_u32(at, (uint32_t)pairs[i].name.len);
        at = put_bytes(at, pairs[i].name.data, pairs[i].name.len);
        at = put_u32(at, (uint32_t)pairs[i].value.len);
        at = put_bytes(at, pairs[i].value.data, pairs[i].value.len);
    }
    *ret = SLICE(start, size);
    return P11KMS_OK;
}

typedef struct {
    uint8_t message[AEAD_KEY];
    uint8_t commitment[ENVELOPE_COMMITMENT];
} envelope_keys;

static void derive(const uint8_t k0[TOKEN_PRF_LEN], envelope_keys *keys)
{
    crypto_hkdf_expand(k0, SLICE_LIT("aead"), keys->message, sizeof(keys->message));
    crypto_hkdf_expand(k0, SLICE_LIT("commit"), keys->commitment, sizeof(keys->commitment));
}

#define AAD_MAX (ENVELOPE_HEADER + ENVELOPE_CONTEXT_MAX)

static size_t make_aad(slice_t header, slice_t context, uint8_t out[AAD_MAX])
{
    uint8_t *at = put_bytes(out, header.data, header.len);

    at = put_bytes(at, context.data, context.len);
    return (size_t)(at - out);
}

p11kms_err envelope_seal(const uint8_t key_id[KMS_ID], const uint8_t material_id[KMS_ID],
                         const uint8_t nonce[ENVELOPE_NONCE], const uint8_t k0[TOKEN_PRF_LEN], slice_t context,
                         slice_t plain, buf_t *blob)
{
    NOT_ZEROED uint8_t aad[AAD_MAX];
    envelope_keys keys;

    ENSURE(plain.len <= ENVELOPE_PLAIN_MAX && context.len <= ENVELOPE_CONTEXT_MAX, P11KMS_E_RANGE);
    uint8_t *start = buf_reserve(blob, ENVELOPE_OVERHEAD + plain.len);
    ENSURE(start, P11KMS_E_NOMEM);
    uint8_t *at = start;
    *at++ = ENVELOPE_VERSION;
    *at++ = ENVELOPE_SCHEME_PRF;
    at = put_bytes(at, key_id, KMS_ID);
    at = put_bytes(at, material_id, KMS_ID);
    at = put_bytes(at, nonce, ENVELOPE_NONCE);
    uint8_t *iv = at;
    TRY(crypto_random(iv, ENVELOPE_IV));
    at += ENVELOPE_IV;

    derive(k0, &keys);
    at = put_bytes(at, keys.commitment, ENVELOPE_COMMITMENT);
    size_t aad_len = make_aad(SLICE(start, ENVELOPE_HEADER), context, aad);
    p11kms_err err = crypto_aead_seal(keys.message, iv, SLICE(aad, aad_len), plain, at);
    secret_wipe(&keys, sizeof(keys));
    TRY(err);
    blob->len += ENVELOPE_OVERHEAD + plain.len;
    return P11KMS_OK;
}

p11kms_err envelope_open(const envelope_t *envelope, const uint8_t k0[TOKEN_PRF_LEN], slice_t context,
                         uint8_t *plain, size_t *ret_len)
{
    NOT_ZEROED uint8_t aad[AAD_MAX];
    envelope_keys keys;
    size_t len = envelope->sealed.len - AEAD_TAG;

    ENSURE(context.len <= ENVELOPE_CONTEXT_MAX, P11KMS_E_CIPHERTEXT);
    derive(k0, &keys);
    bool committed = secret_eq(envelope->commitment, SLICE(keys.commitment, sizeof(keys.commitment)));
    size_t aad_len = make_aad(envelope->header, context, aad);
    p11kms_err err = crypto_aead_open(keys.message, envelope->iv, SLICE(aad, aad_len), envelope->sealed, plain);
    secret_wipe(&keys, sizeof(keys));
    if (err != P11KMS_OK || !committed) {
        secret_wipe(plain, len);
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    *ret_len = len;
    return P11KMS_OK;
}
