#include "identity/session_token.h"

#include "crypto/crypto.h"
#include "util/encode.h"

#define TOKEN_VERSION 1
#define TOKEN_HEADER (1 + TOKEN_SALT)
#define KIND_ROLE 1
#define KIND_USER 2
#define SECRET_BYTES (SESSION_SECRET / 4 * 3)

/* ---- keys ---- */

static const uint8_t *sealing_key(const session_keys *keys)
{
    return secret_slice(keys->keys).data;
}

static slice_t secrets_key(const session_keys *keys)
{
    return SLICE(secret_slice(keys->keys).data + SHA256_LEN, SHA256_LEN);
}

p11kms_err session_keys_derive(slice_t session_key, session_keys *ret)
{
    ENSURE(session_key.len == SHA256_LEN, P11KMS_E_RANGE);
    TRY(secret_new(2 * SHA256_LEN, &ret->keys));
    uint8_t *keys = secret_data(ret->keys);
    crypto_hkdf_expand(session_key.data, SLICE_LIT("session token"), keys, SHA256_LEN);
    crypto_hkdf_expand(session_key.data, SLICE_LIT("secret access key"), keys + SHA256_LEN, SHA256_LEN);
    return P11KMS_OK;
}

void session_keys_clear(session_keys *keys)
{
    secret_free(keys->keys);
    keys->keys = NULL;
}

p11kms_err session_secret(const session_keys *keys, const uint8_t salt[TOKEN_SALT], slice_t access_key_id,
                          uint8_t out[SESSION_SECRET])
{
    uint8_t named[TOKEN_SALT + SESSION_KEY_ID];
    uint8_t digest[SHA256_LEN];
    _cleanup_buf_ buf_t text = { 0 };

    ENSURE(access_key_id.len == SESSION_KEY_ID, P11KMS_E_RANGE);
    memcpy(named, salt, TOKEN_SALT);
    memcpy(named + TOKEN_SALT, access_key_id.data, SESSION_KEY_ID);
    crypto_hmac_sha256(secrets_key(keys), SLICE(named, sizeof(named)), digest);
    base64_encode(&text, SLICE(digest, SECRET_BYTES));
    secret_wipe(digest, sizeof(digest));
    ENSURE(!buf_failed(&text), P11KMS_E_NOMEM);
    memcpy(out, text.data, SESSION_SECRET);
    return P11KMS_OK;
}

/* ---- content ---- */

static void put_text(buf_t *out, slice_t text)
{
    buf_put_u16(out, (uint16_t)text.len);
    buf_put_slice(out, text);
}

/* Before any length is written in 16 bits. */
static size_t content_len(const session_content *content)
{
    const slice_t texts[] = { content->principal, content->session_name, content->source_identity,
                              content->federated, content->policy };
    size_t len = 1 + SESSION_KEY_ID + 8 + 8 + 1;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        len += 2 + texts[i].len;
    }
    for (size_t i = 0; i < content->n_tags; i++) {
        len += 1 + 2 + content->tags[i].key.len + 2 + content->tags[i].value.len;
    }
    return len;
}

p11kms_err session_content_write(const session_content *content, buf_t *out)
{
    if (content_len(content) > SESSION_CONTENT_MAX) {
        FAIL(P11KMS_E_LIMIT, "Packed policy consumes %zu%% of allotted space, please use smaller policy.",
             content_len(content) * 100 / SESSION_CONTENT_MAX);
    }
    ENSURE(content->access_key_id.len == SESSION_KEY_ID && content->n_tags <= SESSION_TAGS_MAX,
           P11KMS_E_RANGE);
    buf_put_u8(out, content->of_user ? KIND_USER : KIND_ROLE);
    buf_put_slice(out, content->access_key_id);
    buf_put_u64(out, (uint64_t)content->issued_ms);
    buf_put_u64(out, (uint64_t)content->expires_ms);
    put_text(out, content->principal);
    put_text(out, content->session_name);
    put_text(out, content->source_identity);
    put_text(out, content->federated);
    put_text(out, content->policy);
    buf_put_u8(out, (uint8_t)content->n_tags);
    for (size_t i = 0; i < content->n_tags; i++) {
        buf_put_u8(out, content->tags[i].transitive);
        put_text(out, content->tags[i].key);
        put_text(out, content->tags[i].value);
    }
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/** A text without NUL: it becomes a C string. */
static slice_t take_text(reader_t *reader)
{
    slice_t text = reader_take(reader, reader_u16(reader));

    if (slice_has(text, '\0')) {
        reader->fails = true;
    }
    return text;
}

static void take_tags(reader_t *reader, session_content *content)
{
    size_t n = reader_u8(reader);

    if (n > SESSION_TAGS_MAX) {
        reader->fails = true;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t transitive = reader_u8(reader);

        reader->fails = reader->fails || transitive > 1;
        content->tags[i].transitive = transitive == 1;
        content->tags[i].key = take_text(reader);
        content->tags[i].value = take_text(reader);
    }
    content->n_tags = n;
}

p11kms_err session_content_read(slice_t bytes, session_content *ret)
{
    reader_t reader = reader_over(bytes);
    uint8_t kind = reader_u8(&reader);

    ret->of_user = kind == KIND_USER;
    ret->access_key_id = reader_take(&reader, SESSION_KEY_ID);
    ret->issued_ms = (int64_t)reader_u64(&reader);
    ret->expires_ms = (int64_t)reader_u64(&reader);
    ret->principal = take_text(&reader);
    ret->session_name = take_text(&reader);
    ret->source_identity = take_text(&reader);
    ret->federated = take_text(&reader);
    ret->policy = take_text(&reader);
    take_tags(&reader, ret);
    bool known = kind == KIND_ROLE || kind == KIND_USER;
    /* A role's session has a name, a user's has none. */
    bool named = ret->session_name.len > 0;
    ENSURE(reader_done(&reader) && known && named != ret->of_user && bytes.len <= SESSION_CONTENT_MAX,
           P11KMS_E_SYNTAX);
    return P11KMS_OK;
}

/* ---- sealing ---- */

typedef struct {
    uint8_t key[AEAD_KEY];
    uint8_t iv[AEAD_IV];
} token_keys;

static void derive(const session_keys *keys, const uint8_t *salt, token_keys *ret)
{
    static const char label[] = "p11kms session token v1 ";
    uint8_t info[sizeof(label) - 1 + TOKEN_SALT];
    uint8_t derived[AEAD_KEY + AEAD_IV];

    memcpy(info, label, sizeof(label) - 1);
    memcpy(info + sizeof(label) - 1, salt, TOKEN_SALT);
    crypto_hkdf_expand(sealing_key(keys), SLICE(info, sizeof(info)), derived, sizeof(derived));
    memcpy(ret->key, derived, AEAD_KEY);
    memcpy(ret->iv, derived + AEAD_KEY, AEAD_IV);
    secret_wipe(derived, sizeof(derived));
}

static p11kms_err seal(const session_keys *keys, slice_t content, buf_t *token)
{
    uint8_t *out = buf_reserve(token, content.len + AEAD_TAG);
    token_keys once;

    ENSURE(out != NULL, P11KMS_E_NOMEM);
    derive(keys, token->data + 1, &once);
    p11kms_err err = crypto_aead_seal(once.key, once.iv, SLICE(token->data, TOKEN_HEADER), content, out);
    secret_wipe(&once, sizeof(once));
    TRY(err);
    token->len += content.len + AEAD_TAG;
    return P11KMS_OK;
}

p11kms_err session_token_seal(const session_keys *keys, const uint8_t salt[TOKEN_SALT],
                              const session_content *content, buf_t *text)
{
    _cleanup_buf_ buf_t plain = { 0 };
    _cleanup_buf_ buf_t token = { 0 };

    TRY(session_content_write(content, &plain));
    buf_put_u8(&token, TOKEN_VERSION);
    buf_put(&token, salt, TOKEN_SALT);
    ENSURE(!buf_failed(&token), P11KMS_E_NOMEM);
    TRY(seal(keys, buf_slice(&plain), &token));
    base64_encode(text, buf_slice(&token));
    ENSURE(!buf_failed(text), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err open_sealed(const session_keys *keys, slice_t token, buf_t *plain)
{
    slice_t sealed = SLICE(token.data + TOKEN_HEADER, token.len - TOKEN_HEADER);
    uint8_t *out = buf_reserve(plain, sealed.len);
    token_keys once;

    ENSURE(out != NULL, P11KMS_E_NOMEM);
    derive(keys, token.data + 1, &once);
    p11kms_err err = crypto_aead_open(once.key, once.iv, SLICE(token.data, TOKEN_HEADER), sealed, out);
    secret_wipe(&once, sizeof(once));
    TRY(err);
    plain->len += sealed.len - AEAD_TAG;
    return P11KMS_OK;
}

p11kms_err session_token_open(const session_keys *keys, slice_t text, uint8_t salt[TOKEN_SALT], buf_t *plain,
                              session_content *ret)
{
    _cleanup_buf_ buf_t token = { 0 };

    ENSURE(text.len <= SESSION_TOKEN_MAX && base64_decode(&token, text) == P11KMS_OK, P11KMS_E_CIPHERTEXT);
    ENSURE(token.len >= TOKEN_HEADER + AEAD_TAG && token.data[0] == TOKEN_VERSION, P11KMS_E_CIPHERTEXT);
    TRY(open_sealed(keys, buf_slice(&token), plain));
    ENSURE(session_content_read(buf_slice(plain), ret) == P11KMS_OK, P11KMS_E_CIPHERTEXT);
    memcpy(salt, token.data + 1, TOKEN_SALT);
    return P11KMS_OK;
}
