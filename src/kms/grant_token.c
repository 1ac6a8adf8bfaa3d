#include "kms/grant_token.h"

#include <string.h>

#include "crypto/crypto.h"
#include "kms/kms_internal.h"
#include "kms/service_key.h"

#define LABEL "p11kms/v1/grant-token"

/* version 1 | random 8 | key id 16 | grant id 32 | account 12 | region | MAC 32 */
#define VERSION 1
#define NONCE 8
#define HEAD (1 + NONCE + KMS_ID + KMS_GRANT_ID + 12)
#define TOKEN_TEXT_MAX 256 /* more than any region's makes */

p11kms_err kms_open_grant_tokens(store_t *store, void *arg)
{
    kms_t *kms = arg;

    (void)store;
    return kms_service_derive(kms, LABEL, &kms->grant_token_key);
}

static void authenticate(const kms_t *kms, slice_t text, uint8_t mac[SHA256_LEN])
{
    crypto_hmac_sha256(secret_slice(kms->grant_token_key), text, mac);
}

p11kms_err kms_grant_token_make(const kms_t *kms, const kms_grant_t *grant, arena_t *arena, const char **ret)
{
    _cleanup_buf_ buf_t token = { 0 };
    _cleanup_buf_ buf_t text = { 0 };
    uint8_t nonce[NONCE], mac[SHA256_LEN];

    ENSURE(kms->grant_token_key, P11KMS_E_INTERNAL);
    TRY(crypto_random(nonce, sizeof(nonce)));
    buf_put_u8(&token, VERSION);
    buf_put(&token, nonce, sizeof(nonce));
    buf_put(&token, grant->key_id, KMS_ID);
    buf_put(&token, grant->id, KMS_GRANT_ID);
    buf_put_str(&token, grant->account);
    buf_put_str(&token, grant->region);
    ENSURE(!buf_failed(&token), P11KMS_E_NOMEM);
    authenticate(kms, buf_slice(&token), mac);
    buf_put(&token, mac, sizeof(mac));
    base64_encode(&text, buf_slice(&token));
    ENSURE(!buf_failed(&token) && !buf_failed(&text), P11KMS_E_NOMEM);
    *ret = arena_strdup(arena, buf_str(&text));
    return P11KMS_OK;
}

static bool is_ours(const kms_t *kms, slice_t token)
{
    uint8_t mac[SHA256_LEN];

    if (token.len <= HEAD + sizeof(mac) || token.data[0] != VERSION) {
        return false;
    }
    size_t len = token.len - sizeof(mac);
    authenticate(kms, SLICE(token.data, len), mac);
    return secret_eq(SLICE(mac, sizeof(mac)), SLICE(token.data + len, sizeof(mac)));
}

static p11kms_err refuse(void)
{
    FAIL(P11KMS_E_GRANT_TOKEN, "The grant token is not valid.");
}

static p11kms_err read_token(slice_t token, kms_grant_name *ret)
{
    reader_t r = reader_over(SLICE(token.data + 1 + NONCE, token.len - 1 - NONCE - SHA256_LEN));

    memset(ret, 0, sizeof(*ret));
    memcpy(ret->key_id, reader_take(&r, KMS_ID).data, KMS_ID);
    memcpy(ret->id, reader_take(&r, KMS_GRANT_ID).data, KMS_GRANT_ID);
    memcpy(ret->account, reader_take(&r, 12).data, 12);
    if (r.rest.len >= sizeof(ret->region)) {
        return refuse();
    }
    memcpy(ret->region, r.rest.data, r.rest.len);
    return P11KMS_OK;
}

p11kms_err kms_grant_token_open(const kms_t *kms, slice_t text, kms_grant_name *ret)
{
    _cleanup_buf_ buf_t token = { 0 };

    ENSURE(kms->grant_token_key, P11KMS_E_INTERNAL);
    if (text.len > TOKEN_TEXT_MAX || base64_decode(&token, text) != P11KMS_OK || !is_ours(kms, buf_slice(&token))) {
        return refuse();
    }
    return read_token(buf_slice(&token), ret);
}
