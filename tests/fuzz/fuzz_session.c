/* Session tokens: any text is refused, any content is refused or stands for itself, as a token and as a
 * principal. */
#include "crypto/crypto.h"
#include "identity/session_state.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t salt[TOKEN_SALT] = "0123456789abcde";

static session_keys make_keys(void)
{
    session_keys keys = { 0 };

    HOLDS(crypto_init() == P11KMS_OK);
    HOLDS(session_keys_derive(SLICE_LIT("0123456789abcdef0123456789abcdef"), &keys) == P11KMS_OK);
    return keys;
}

static void check_principal(const session_content *content)
{
    static const conf_tag tag = { "team", "blue" };
    static const principal_t role = { .kind = PRINCIPAL_ROLE,
                                      .account = "123456789012",
                                      .arn = "arn:aws:iam::123456789012:role/r",
                                      .name = "r",
                                      .principal_id = "AROA",
                                      .tags = &tag,
                                      .n_tags = 1 };
    identity_session *session = NULL;
    p11kms_err err = session_make(&role, content, &session);

    HOLDS(err == P11KMS_OK || err == P11KMS_E_POLICY_MALFORMED);
    if (err == P11KMS_OK) {
        HOLDS(session->principal.n_tags >= content->n_tags &&
              session->principal.n_tags <= content->n_tags + 1);
        HOLDS(session->principal.n_session_policies == (content->policy.len > 0));
        session_unref(session);
    }
}

static void check_content(const session_keys *keys, slice_t bytes)
{
    _cleanup_buf_ buf_t again = { 0 }, text = { 0 }, plain = { 0 };
    uint8_t opened_salt[TOKEN_SALT];
    session_content content = { 0 }, opened = { 0 };

    if (session_content_read(bytes, &content) != P11KMS_OK) {
        return;
    }
    HOLDS(session_content_write(&content, &again) == P11KMS_OK);
    HOLDS(slice_eq(buf_slice(&again), bytes));
    HOLDS(session_token_seal(keys, salt, &content, &text) == P11KMS_OK);
    HOLDS(text.len <= SESSION_TOKEN_MAX);
    HOLDS(session_token_open(keys, buf_slice(&text), opened_salt, &plain, &opened) == P11KMS_OK);
    HOLDS(memcmp(opened_salt, salt, TOKEN_SALT) == 0);
    HOLDS(slice_eq(buf_slice(&plain), bytes));
    check_principal(&content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static session_keys keys;
    _cleanup_buf_ buf_t plain = { 0 };
    uint8_t token_salt[TOKEN_SALT];
    session_content content = { 0 };
    char account[13];

    if (keys.keys == NULL) {
        keys = make_keys();
    }
    HOLDS(session_token_open(&keys, SLICE(data, len), token_salt, &plain, &content) != P11KMS_OK);
    check_content(&keys, SLICE(data, len));
    if (session_key_account(SLICE(data, len), account)) {
        HOLDS(strlen(account) == 12);
    }
    return 0;
}
