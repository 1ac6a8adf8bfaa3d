/* identity_authenticate of any request: parsing, canonical form, verification; and what is signed verifies.
 */
#include "crypto/crypto.h"
#include "tests/fuzz/fuzz.h"
#include "tests/identity/request.h"

#define NOW_MS INT64_C(1440938160000) /* 20150830T123600Z, the time of AWS's vectors */
#define ACCOUNT "123456789012"

static identity_t *build(void)
{
    const conf_user user = { .name = "fuzz", .path = "/" };
    const conf_account account = { .id = ACCOUNT, .users = &user, .n_users = 1 };
    const conf_peer_rule peer = { .is_unix = true,
                                  .uid = "7",
                                  .principal = "arn:aws:iam::" ACCOUNT ":user/fuzz" };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1, .peers = &peer, .n_peers = 1 };
    const identity_key key = { .id = "AKIDEXAMPLE",
                               .account = ACCOUNT,
                               .user = "fuzz",
                               .secret = SLICE_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                               .active = true };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    HOLDS(crypto_init() == P11KMS_OK);
    HOLDS(identity_build(&declared, &key, 1, &problems, &identity) == P11KMS_OK);
    return identity;
}

static bool is_refusal(p11kms_err err)
{
    return err == P11KMS_E_AUTH_MISSING || err == P11KMS_E_AUTH_INCOMPLETE ||
           err == P11KMS_E_AUTH_UNKNOWN_KEY || err == P11KMS_E_AUTH_SIGNATURE;
}

static void check_any(identity_t *identity, const message_t *message, const char *service)
{
    const identity_check check = { .now_ms = NOW_MS, .skew_seconds = 300, .service = service };
    identity_auth auth;
    p11kms_err err = identity_authenticate(identity, message, &check, &auth);

    HOLDS(err == P11KMS_OK || is_refusal(err));
    HOLDS((auth.principal != NULL) == (err == P11KMS_OK));
    HOLDS(strlen(auth.access_key_id) < sizeof(auth.access_key_id) && auth.method != NULL);
    HOLDS(p11kms_err_detail(err)[0] != '\0');
}

/** The request again with its own signature, unless it brings headers that belong to one. */
static void check_signed(identity_t *identity, message_t *message)
{
    const sigv4_credentials credentials = { .access_key_id = "AKIDEXAMPLE",
                                            .secret = SLICE_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                                            .region = "us-east-1",
                                            .service = "kms" };
    const identity_check check = { .now_ms = NOW_MS, .skew_seconds = 300 };
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    _cleanup_buf_ buf_t lines = { 0 };
    identity_auth auth;
    message_t added;

    message->peer = NULL;
    for (size_t i = 0; i < message->n_headers; i++) {
        slice_t name = message->headers[i].name;

        if (name.len == 0 || memchr(name.data, ';', name.len) != NULL ||
            memchr(name.data, ',', name.len) != NULL || memchr(name.data, ' ', name.len) != NULL ||
            memchr(name.data, '\t', name.len) != NULL || slice_has_prefix(name, "x-amz-") ||
            slice_eq_str(name, "authorization") || slice_eq_str(name, "date")) {
            return;
        }
    }
    buf_put_str(&lines, "\n");
    if (sigv4_sign(&credentials, message->method, message->path, message->query, message->headers,
                   message->n_headers, message->body, NOW_MS, &lines) != P11KMS_OK) {
        return;
    }
    request_read(arena, buf_slice(&lines), &added);
    if (message->n_headers + added.n_headers > MESSAGE_HEADERS_MAX) {
        return;
    }
    for (size_t i = 0; i < added.n_headers; i++) {
        added.headers[i].value.len--; /* the carriage return */
        message->headers[message->n_headers++] = added.headers[i];
    }
    p11kms_err err = identity_authenticate(identity, message, &check, &auth);
    /* A query that brings a signature of its own makes two. */
    HOLDS(err == P11KMS_OK || strstr(p11kms_err_detail(err), "Only one auth mechanism") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static identity_t *identity;
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    const peer_t peer = { .kind = PEER_UNIX, .uid = len % 2 == 0 ? 7 : 8 };
    message_t message;

    if (identity == NULL) {
        identity = build();
    }
    request_read(arena, SLICE(data, len), &message);
    message.peer = &peer;
    check_any(identity, &message, "service");
    check_any(identity, &message, NULL);
    check_signed(identity, &message);
    return 0;
}
