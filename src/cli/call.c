/* p11kms call: any operation, for those the installed aws does not know yet. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "identity/identity.h"
#include "util/clock.h"

#include <stdio.h>
#include <string.h>

#define BODY_MAX (1u << 20)

static const cli_option option_url = { "url", '\0', "URL", "The service's endpoint, where $AWS_ENDPOINT_URL does not tell it." };
static const cli_option option_region = { "region", '\0', "REGION", "The region to sign for; $AWS_REGION or $AWS_DEFAULT_REGION, else us-east-1." };

/* ---- what is asked ---- */

static const struct {
    const char *service;
    const char *prefix;
} targets[] = {
    { "kms", "TrentService" },
    { "secretsmanager", "secretsmanager" },
    { "ssm", "AmazonSSM" },
    { "p11kms", "P11KMS" },
};

static bool is_name(const char *text)
{
    return text[0] && strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text);
}

static p11kms_err make_target(const char *service, const char *operation, char out[128])
{
    if (!is_name(operation) || strlen(operation) > 64) {
        FAIL(P11KMS_E_SYNTAX, "'%s' is not the name of an operation, as RotateKeyOnDemand", operation);
    }
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        if (strcmp(service, targets[i].service) == 0) {
            snprintf(out, 128, "%s.%s", targets[i].prefix, operation);
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_SYNTAX, "'%s' is none of kms, secretsmanager, ssm and p11kms", service);
}

static p11kms_err read_input(buf_t *body)
{
    while (body->len <= BODY_MAX) {
        uint8_t *into = buf_reserve(body, 4096);
        ENSURE(into, P11KMS_E_NOMEM);
        size_t n = fread(into, 1, 4096, stdin);
        if (n == 0) {
            break;
        }
        body->len += n;
    }
    if (ferror(stdin)) {
        FAIL(P11KMS_E_IO, "standard input cannot be read");
    }
    if (body->len > BODY_MAX) {
        FAIL(P11KMS_E_RANGE, "a request is at most %u bytes", BODY_MAX);
    }
    return P11KMS_OK;
}

static p11kms_err read_body(const cli_line *line, buf_t *body)
{
    const char *given = line->n_args > 2 ? line->args[2] : "{}";

    if (strcmp(given, "-") == 0) {
        return read_input(body);
    }
    buf_put_str(body, given);
    ENSURE(!buf_failed(body), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/* ---- signed, to a URL ---- */

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static const char *region_of(const cli_line *line)
{
    const char *given = cli_value(line, &option_region);
    const char *named = environment("AWS_REGION");
    const char *by_default = environment("AWS_DEFAULT_REGION");

    return given ? given : named ? named : by_default ? by_default : "us-east-1";
}

static p11kms_err sign(const cli_line *line, const client_target *to, const char *target, slice_t body, buf_t *headers)
{
    const char *id = environment("AWS_ACCESS_KEY_ID");
    const char *secret = environment("AWS_SECRET_ACCESS_KEY");
    const char *token = environment("AWS_SESSION_TOKEN");
    char host[CLIENT_HOST_MAX];

    if (!id || !secret) {
        FAIL(P11KMS_E_CONFIG, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; without them use --socket");
    }
    TRY(client_host(to, host));
    const sigv4_credentials credentials = {
        .access_key_id = id,
        .secret = SLICE_STR(secret),
        .session_token = token,
        .region = region_of(line),
        .service = line->args[0],
    };
    const header_t signed_headers[] = {
        { SLICE_LIT("content-type"), SLICE_LIT("application/x-amz-json-1.1") },
        { SLICE_LIT("host"), SLICE_STR(host) },
        { SLICE_LIT("x-amz-target"), SLICE_STR(target) },
    };
    return sigv4_sign(&credentials, SLICE_LIT("POST"), SLICE_LIT("/"), SLICE_LIT(""), signed_headers,
                      COUNT_OF(signed_headers), body, clock_wall_ms(), headers);
}

/* A socket where one is named, else a URL where one is known, else the configured socket. */
static p11kms_err find_service(const cli_line *line, client_target *ret, char **ret_socket)
{
    const char *url = cli_value(line, &option_url);
    bool socket = cli_has(line, &cli_option_socket) || cli_has(line, &cli_option_config);

    if (!url && !socket) {
        url = environment("AWS_ENDPOINT_URL");
    }
    if (url) {
        *ret = (client_target){ .url = url, .ca_file = environment("AWS_CA_BUNDLE") };
        return P11KMS_OK;
    }
    TRY(cli_socket(line, ret_socket));
    *ret = (client_target){ .socket = *ret_socket };
    return P11KMS_OK;
}

static p11kms_err call(const cli_line *line, client_answer *ret)
{
    _cleanup_free_ char *socket = NULL;
    _cleanup_buf_ buf_t body = { 0 };
    _cleanup_buf_ buf_t headers = { 0 };
    client_target to;
    char target[128];

    TRY(make_target(line->args[0], line->args[1], target));
    TRY(read_body(line, &body));
    TRY(find_service(line, &to, &socket));
    cli_put_headers(&headers, target);
    if (to.url) {
        TRY(sign(line, &to, target, buf_slice(&body), &headers));
    }
    ENSURE(!buf_failed(&headers), P11KMS_E_NOMEM);
    const client_request request = {
        .method = "POST", .path = "/", .headers = buf_slice(&headers), .body = buf_slice(&body),
    };
    return client_call(&to, &request, ret);
}

static int call_operation(const cli_line *line)
{
    client_answer answer = { 0 };
    p11kms_err err = call(line, &answer);

    if (err == P11KMS_OK) {
        err = cli_judge(&answer);
    }
    if (err == P11KMS_OK && answer.body.len > 0) {
        fwrite(answer.body.data, 1, answer.body.len, stdout);
        putchar('\n');
    }
    buf_free(&answer.body);
    return err == P11KMS_OK ? EXIT_SUCCESS : cli_fail(err);
}

static const cli_option *const call_options[] = {
    &option_url, &option_region, &cli_option_socket, &cli_option_config, NULL,
};

const cli_command cli_call = {
    .name = "call",
    .args = "SERVICE OPERATION [JSON]",
    .min_args = 2,
    .max_args = 3,
    .options = call_options,
    .about = "Call any operation, also one that the installed aws does not know.",
    .more = "As in: p11kms call kms RotateKeyOnDemand '{\"KeyId\": \"1234abcd-12ab-34cd-56ef-1234567890ab\"}'. SERVICE is kms, secretsmanager, ssm or p11kms. JSON is {} unless given; - reads it from standard input, "
            "where no other user of the machine sees it. The answer goes to standard output as it came. "
            "With --socket or --config the caller is who the kernel says; otherwise, where --url or $AWS_ENDPOINT_URL "
            "tells an endpoint, the request is signed with $AWS_ACCESS_KEY_ID, $AWS_SECRET_ACCESS_KEY and "
            "$AWS_SESSION_TOKEN, and $AWS_CA_BUNDLE names the roots that are trusted.",
    .run = call_operation,
};
