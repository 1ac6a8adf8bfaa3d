/*
 * What a verification of a typical KMS request costs: POST of 300 bytes with 10
 * headers, 5 of them signed, as boto3 sends it; the same under a session of a role, whose
 * token is one header more; and what refusing, signing and issuing costs.
 *
 *     bench_sigv4 [ROUNDS]
 */
#include <stdio.h>

#include "crypto/crypto.h"
#include "identity/session.h"
#include "util/clock.h"

#define ACCOUNT "123456789012"
#define NOW_MS INT64_C(1767323045000)
#define ALLOW_ALL                                                                                            \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"kms:*\",\"Resource\":\"*"  \
    "\"}}"
#define TRUST_ALL                                                                                            \
    "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\","         \
    "\"Principal\":\"*\"}}"
#define BODY_LEN 300

static const sigv4_credentials credentials = {
    .access_key_id = "AKIAIOSFODNN7EXAMPLE",
    .secret = { (const uint8_t *)"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40 },
    .region = "eu-central-1",
    .service = "kms"
};

static identity_t *build(void)
{
    const conf_policy trust = { .name = "trust", .json = TRUST_ALL },
                      policy = { .name = "all", .json = ALLOW_ALL };
    const conf_user user = { .name = "app", .path = "/" };
    const conf_role role = { .name = "deploy",
                             .path = "/",
                             .trust = &trust,
                             .policies = &policy,
                             .n_policies = 1,
                             .max_session_s = 3600 };
    const conf_account account = {
        .id = ACCOUNT, .users = &user, .n_users = 1, .roles = &role, .n_roles = 1
    };
    const conf_peer_rule peer = { .is_unix = true,
                                  .uid = "7",
                                  .principal = "arn:aws:iam::" ACCOUNT ":role/deploy" };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1, .peers = &peer, .n_peers = 1 };
    const identity_key key = { .id = credentials.access_key_id,
                               .account = ACCOUNT,
                               .user = "app",
                               .secret = credentials.secret,
                               .active = true };
    const identity_sources sources = { .declared = &declared,
                                       .keys = &key,
                                       .n_keys = 1,
                                       .session_key = SLICE_LIT("0123456789abcdef0123456789abcdef") };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    if (crypto_init() != P11KMS_OK || identity_build_from(&sources, &problems, &identity) != P11KMS_OK) {
        fprintf(stderr, "bench_sigv4: %s\n", buf_str(&problems));
        exit(1);
    }
    return identity;
}

/** The lines that sigv4_sign() gave, as headers; their text is the buffer's. */
static void add_lines(message_t *message, const buf_t *lines)
{
    char *at = (char *)lines->data;

    while (*at != '\0') {
        char *colon = strchr(at, ':');
        char *end = strstr(at, "\r\n");

        for (char *c = at; c < colon; c++) {
            *c |= *c >= 'A' && *c <= 'Z' ? 0x20 : 0;
        }
        message->headers[message->n_headers++] =
            (header_t){ SLICE(at, colon - at), SLICE(colon + 2, end - colon - 2) };
        at = end + 2;
    }
}

static void make_request(const sigv4_credentials *signer, message_t *message, buf_t *lines,
                         char body[BODY_LEN])
{
    const header_t signed_headers[] = {
        { SLICE_LIT("host"), SLICE_LIT("kms.example.org:8443") },
        { SLICE_LIT("content-type"), SLICE_LIT("application/x-amz-json-1.1") },
        { SLICE_LIT("x-amz-target"), SLICE_LIT("TrentService.GenerateDataKey") },
    };
    const header_t others[] = {
        { SLICE_LIT("accept-encoding"), SLICE_LIT("identity") },
        { SLICE_LIT("user-agent"),
          SLICE_LIT("Boto3/1.26.27 Python/3.11.2 Linux/6.1.0-13-amd64 Botocore/1.29.27") },
        { SLICE_LIT("content-length"), SLICE_LIT("300") },
        { SLICE_LIT("amz-sdk-invocation-id"), SLICE_LIT("8d2a4f1c-6a3e-4a68-9d6b-0f5b7e1f0a11") },
    };

    memset(body, 'x', BODY_LEN);
    *message =
        (message_t){ .method = SLICE_LIT("POST"), .path = SLICE_LIT("/"), .body = SLICE(body, BODY_LEN) };
    memcpy(message->headers, signed_headers, sizeof(signed_headers));
    message->n_headers = COUNT_OF(signed_headers);
    if (sigv4_sign(signer, message->method, message->path, message->query, message->headers,
                   message->n_headers, message->body, NOW_MS, lines) != P11KMS_OK) {
        exit(1);
    }
    add_lines(message, lines);
    memcpy(message->headers + message->n_headers, others, sizeof(others));
    message->n_headers += COUNT_OF(others);
}

static void report(const char *what, int64_t started_us, unsigned rounds)
{
    printf("%-40s %8.3f us\n", what, (double)(clock_mono_us() - started_us) / rounds);
}

static void time_verifications(identity_t *identity, const message_t *message, const char *what,
                               p11kms_err expected, unsigned rounds)
{
    const identity_check check = { .now_ms = NOW_MS, .skew_seconds = 300, .service = "kms" };
    int64_t started = clock_mono_us();

    for (unsigned i = 0; i < rounds; i++) {
        identity_auth auth;

        if (identity_authenticate(identity, message, &check, &auth) != expected) {
            exit(1);
        }
        identity_auth_clear(&auth);
    }
    report(what, started, rounds);
}

static session_spec spec_of(const identity_t *identity)
{
    return (session_spec){ .of = identity_find(identity, SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/deploy")),
                           .session_name = "build-7",
                           .policy = SLICE_LIT(ALLOW_ALL),
                           .issued_ms = NOW_MS,
                           .expires_ms = NOW_MS + 3600000 };
}

static void issue(const identity_t *identity, session_credentials *issued)
{
    const session_spec spec = spec_of(identity);

    if (session_issue(identity, &spec, issued) != P11KMS_OK) {
        exit(1);
    }
}

static void time_issuing(const identity_t *identity, unsigned rounds)
{
    int64_t started = clock_mono_us();

    for (unsigned i = 0; i < rounds; i++) {
        session_credentials issued;

        issue(identity, &issued);
        session_credentials_clear(&issued);
    }
    report("issue a session", started, rounds);
}

static void time_session(identity_t *identity, unsigned rounds)
{
    session_credentials issued;
    _cleanup_buf_ buf_t lines = { 0 };
    char body[BODY_LEN];
    message_t message;

    issue(identity, &issued);
    const sigv4_credentials signer = { .access_key_id = issued.access_key_id,
                                       .secret = secret_slice(issued.secret),
                                       .session_token = buf_str(&issued.token),
                                       .region = credentials.region,
                                       .service = credentials.service };
    make_request(&signer, &message, &lines, body);
    printf("a token of %zu characters\n", issued.token.len);
    time_verifications(identity, &message, "verify under a session", P11KMS_OK, rounds);
    session_credentials_clear(&issued);
}

/** Each a session that was not met before. */
static void time_first_requests(identity_t *identity, unsigned rounds)
{
    const identity_check check = { .now_ms = NOW_MS, .skew_seconds = 300, .service = "kms" };
    int64_t spent_us = 0;

    for (unsigned i = 0; i < rounds; i++) {
        session_credentials issued;
        _cleanup_buf_ buf_t lines = { 0 };
        char body[BODY_LEN];
        message_t message;
        identity_auth auth;

        issue(identity, &issued);
        const sigv4_credentials signer = { .access_key_id = issued.access_key_id,
                                           .secret = secret_slice(issued.secret),
                                           .session_token = buf_str(&issued.token),
                                           .region = credentials.region,
                                           .service = credentials.service };
        make_request(&signer, &message, &lines, body);
        int64_t started = clock_mono_us();
        if (identity_authenticate(identity, &message, &check, &auth) != P11KMS_OK) {
            exit(1);
        }
        spent_us += clock_mono_us() - started;
        identity_auth_clear(&auth);
        session_credentials_clear(&issued);
    }
    report("verify a session's first request", clock_mono_us() - spent_us, rounds);
}

static void time_peer(identity_t *identity, unsigned rounds)
{
    const peer_t peer = { .kind = PEER_UNIX, .uid = 7 };
    const message_t message = { .method = SLICE_LIT("POST"), .path = SLICE_LIT("/"), .peer = &peer };

    time_verifications(identity, &message, "map a Unix peer to its role", P11KMS_OK, rounds);
}

static void time_signing(const message_t *message, unsigned rounds)
{
    _cleanup_buf_ buf_t lines = { 0 };
    int64_t started = clock_mono_us();

    for (unsigned i = 0; i < rounds; i++) {
        buf_clear(&lines);
        if (sigv4_sign(&credentials, message->method, message->path, message->query, message->headers, 3,
                       message->body, NOW_MS, &lines) != P11KMS_OK) {
            exit(1);
        }
    }
    report("sign", started, rounds);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 200000;
    _cleanup_(identity) identity_t *identity = build();
    _cleanup_buf_ buf_t lines = { 0 };
    char body[BODY_LEN];
    message_t message;

    make_request(&credentials, &message, &lines, body);
    printf("%u rounds, %zu headers, %d bytes of body\n", rounds, message.n_headers, BODY_LEN);
    time_verifications(identity, &message, "verify", P11KMS_OK, rounds);
    body[0] = 'y';
    time_verifications(identity, &message, "refuse a changed body", P11KMS_E_AUTH_SIGNATURE, rounds);
    time_signing(&message, rounds);
    time_session(identity, rounds);
    time_first_requests(identity, rounds / 20);
    time_issuing(identity, rounds / 20);
    time_peer(identity, rounds);
    return 0;
}
