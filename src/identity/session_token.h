/*
 * Session tokens: what they say, and their sealed form. Private to the room.
 *
 *     version 1 | salt 16 | AES-256-GCM(key and IV of the salt, AAD = version | salt, content) | tag 16
 *
 * in base64. Key and IV are HKDF-Expand(sealing key, label | salt): each token has its own, so that
 * no number of tokens wears a key out. Content, every length and number big-endian, a text being its
 * length in 2 bytes and itself:
 *
 *     kind 1 | access key id 20 | issued 8 | expires 8 | texts: principal ARN, session name, source identity,
 *     federated, policy | number of tags 1 | each: transitive 1, texts: key, value
 */
#pragma once

#include "identity/session.h"

#define TOKEN_SALT 16
#define SESSION_KEY_ID 20 /* "ASIA" and 16 characters */
#define SESSION_SECRET 40 /* characters of base64 */
#define SESSION_CONTENT_MAX (SESSION_TOKEN_MAX / 4 * 3 - 1 - TOKEN_SALT - AEAD_TAG)

/** From the service's session key: one seals tokens, one makes secret access keys. */
typedef struct {
    secret_t *keys;
} session_keys;

MUST_USE p11kms_err session_keys_derive(slice_t session_key, session_keys *ret);
void session_keys_clear(session_keys *keys);

typedef struct {
    slice_t key;
    slice_t value;
    bool transitive;
} session_tag;

/** Absent texts are empty. */
typedef struct {
    bool of_user; /* else of a role */
    slice_t access_key_id;
    slice_t principal; /* ARN of the role or user */
    slice_t session_name;
    slice_t source_identity;
    slice_t federated;
    slice_t policy;
    session_tag tags[SESSION_TAGS_MAX];
    size_t n_tags;
    int64_t issued_ms;
    int64_t expires_ms;
} session_content;

/** Append the content's bytes. @retval P11KMS_E_LIMIT  More than SESSION_CONTENT_MAX. */
MUST_USE p11kms_err session_content_write(const session_content *content, buf_t *out);
/** Views into @p bytes. @retval P11KMS_E_SYNTAX  Not what session_content_write() makes. */
MUST_USE p11kms_err session_content_read(slice_t bytes, session_content *ret);

/** Append the token's text. @retval P11KMS_E_LIMIT */
MUST_USE p11kms_err session_token_seal(const session_keys *keys, const uint8_t salt[TOKEN_SALT],
                                       const session_content *content, buf_t *text);
/**
 * @param plain     Holds what @p ret points into.
 * @retval P11KMS_E_CIPHERTEXT  Not a token of these keys, or not as it was made.
 */
MUST_USE p11kms_err session_token_open(const session_keys *keys, slice_t text, uint8_t salt[TOKEN_SALT],
                                       buf_t *plain, session_content *ret);

/** The secret access key that goes with a token. */
MUST_USE p11kms_err session_secret(const session_keys *keys, const uint8_t salt[TOKEN_SALT],
                                   slice_t access_key_id, uint8_t out[SESSION_SECRET]);
