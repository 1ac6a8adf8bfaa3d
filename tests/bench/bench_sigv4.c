/*
 * What a verification of a typical KMS request costs: POST of 300 bytes with 10
 * headers, 5 of them signed, as boto3 sends it; and what refusing or signing one costs.
 *
 *     bench_sigv4 [ROUNDS]
 */
#include <stdio.h>

#include "crypto/crypto.h"
#include "identity/identity.h"
#include "util/clock.h"

#define ACCOUNT "123456789012"
#define NOW_MS INT64_C(1767323045000)
#define BODY_LEN 300

static const sigv4_credentials credentials = {
    .access_key_id = "AKIAIOSFODNN7EXAMPLE",
    .secret = { (const uint8_t *)"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40 },
    .region = "eu-central-1",
    .service = "kms"
};

static identity_t *build(void)
{
    const conf_user user = { .name = "app", .path = "/" };
    const conf_account account = { .id = ACCOUNT, .users = &user, .n_users = 1 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    const identity_key key = { .id = credentials.access_key_id,
                               .account = ACCOUNT,
                               .user = "app",
                               .secret = credentials.secret,
                               .active = true };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    if (crypto_init() != P11KMS_OK || identity_build(&declared, &key, 1, &problems, &identity) != P11KMS_OK) {
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

static void make_request(message_t *message, buf_t *lines, char body[BODY_LEN])
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
    if (sigv4_sign(&credentials, message->method, message->path, message->query, message->headers,
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
    }
    report(what, started, rounds);
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

    make_request(&message, &lines, body);
    printf("%u rounds, %zu headers, %d bytes of body\n", rounds, message.n_headers, BODY_LEN);
    time_verifications(identity, &message, "verify", P11KMS_OK, rounds);
    body[0] = 'y';
    time_verifications(identity, &message, "refuse a changed body", P11KMS_E_AUTH_SIGNATURE, rounds);
    time_signing(&message, rounds);
    return 0;
}
