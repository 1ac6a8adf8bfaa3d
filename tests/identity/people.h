/* Two users with access keys, and requests they sign. */
#pragma once

#include "crypto/crypto.h"
#include "identity/identity.h"
#include "tests/identity/request.h"
#include "tests/testing.h"
#include "util/encode.h"

#define ACCOUNT "123456789012"
#define APP_ARN "arn:aws:iam::" ACCOUNT ":user/app"
#define APP_KEY "AKIDAPP"
#define OFF_KEY "AKIDOFF"
#define APP_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define NOW "20260102T030405Z"

static inline int64_t at_time(const char *text)
{
    int64_t ms = 0;

    assert_ok(time_parse_amz(SLICE_STR(text), &ms));
    return ms;
}

static inline identity_t *build_people(void)
{
    const conf_user users[] = { { .name = "app", .path = "/" }, { .name = "admin", .path = "/" } };
    const conf_account account = { .id = ACCOUNT, .users = users, .n_users = 2 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    const identity_key keys[] = {
        { .id = APP_KEY, .account = ACCOUNT, .user = "app", .secret = SLICE_LIT(APP_SECRET), .active = true },
        { .id = OFF_KEY,
          .account = ACCOUNT,
          .user = "app",
          .secret = SLICE_LIT(APP_SECRET),
          .active = false },
    };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    assert_ok(crypto_init());
    assert_ok(identity_build(&declared, keys, COUNT_OF(keys), &problems, &identity));
    return identity;
}

static inline sigv4_credentials credentials_of(const char *access_key_id)
{
    return (sigv4_credentials){ .access_key_id = access_key_id,
                                .secret = SLICE_LIT(APP_SECRET),
                                .region = "eu-central-1",
                                .service = "kms" };
}

/** A typical request as text, signed; without carriage returns. */
static inline void put_request_signed_at(buf_t *out, const sigv4_credentials *credentials, int64_t now_ms)
{
    const header_t headers[] = {
        { SLICE_LIT("host"), SLICE_LIT("kms.example:8443") },
        { SLICE_LIT("content-type"), SLICE_LIT("application/x-amz-json-1.1") },
        { SLICE_LIT("x-amz-target"), SLICE_LIT("TrentService.GenerateDataKey") },
    };
    static const char body[] = "{\"KeyId\":\"alias/app\"}";
    _cleanup_buf_ buf_t lines = { 0 };

    buf_put_str(out, "POST /\n");
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        buf_put_slice(out, headers[i].name);
        buf_put_str(out, ": ");
        buf_put_slice(out, headers[i].value);
        buf_put_char(out, '\n');
    }
    assert_ok(sigv4_sign(credentials, SLICE_LIT("POST"), SLICE_LIT("/"), SLICE_LIT(""), headers,
                         COUNT_OF(headers), SLICE_STR(body), now_ms, &lines));
    for (size_t i = 0; i < lines.len; i++) {
        if (lines.data[i] != '\r') {
            buf_put_u8(out, lines.data[i]);
        }
    }
    buf_printf(out, "\n%s", body);
}

static inline void put_signed_request(buf_t *out, const sigv4_credentials *credentials)
{
    put_request_signed_at(out, credentials, at_time(NOW));
}

/** Replace the first @p from by @p to. It must be there. */
static inline void edit(buf_t *text, const char *from, const char *to)
{
    _cleanup_buf_ buf_t edited = { 0 };
    const char *at = strstr(buf_str(text), from);

    if (at == NULL) {
        fail_msg("'%s' is not in the request", from);
        return;
    }
    buf_put(&edited, text->data, (size_t)(at - buf_str(text)));
    buf_put_str(&edited, to);
    buf_put_str(&edited, at + strlen(from));
    buf_clear(text);
    buf_put_slice(text, buf_slice(&edited));
}

static inline p11kms_err authenticate_text(identity_t *identity, const buf_t *text, int64_t now_ms,
                                           identity_auth *ret)
{
    const identity_check check = { .now_ms = now_ms, .skew_seconds = 300, .service = "kms" };
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    message_t message;

    request_read(arena, buf_slice(text), &message);
    return identity_authenticate(identity, &message, &check, ret);
}
