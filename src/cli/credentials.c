/* p11kms credentials: temporary credentials for SDKs, by who the kernel or a certificate says we are. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "util/encode.h"

#include <stdio.h>
#include <string.h>

static const cli_option option_url = {
    "url", '\0', "URL", "Ask this endpoint with a client certificate, instead of the Unix socket."
};
static const cli_option option_certificate = { "cert", '\0', "FILE",
                                               "The client certificate, PEM, its chain behind it." };
static const cli_option option_key = { "key", '\0', "FILE",
                                       "Its private key, PEM; in the certificate's file unless given." };
static const cli_option option_duration = { "duration", '\0', "SECONDS",
                                            "How long they last; 3600 unless given." };

static p11kms_err put_request(const cli_line *line, buf_t *body)
{
    const char *duration = cli_value(line, &option_duration);

    if (duration &&
        (!duration[0] || strlen(duration) > 6 || strspn(duration, "0123456789") != strlen(duration))) {
        FAIL(P11KMS_E_SYNTAX, "--duration takes a number of seconds");
    }
    if (duration) {
        buf_printf(body, "{\"DurationSeconds\":%lu}", strtoul(duration, NULL, 10));
    } else {
        buf_put_str(body, "{}");
    }
    ENSURE(!buf_failed(body), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err ask(const cli_line *line, json_t **ret)
{
    const char *bundle = getenv("AWS_CA_BUNDLE");
    const client_target over_tls = {
        .url = cli_value(line, &option_url),
        .ca_file = bundle && bundle[0] ? bundle : NULL,
        .certificate_file = cli_value(line, &option_certificate),
        .key_file = cli_value(line, &option_key),
    };
    _cleanup_buf_ buf_t body = { 0 };

    TRY(put_request(line, &body));
    if ((over_tls.url == NULL) != (over_tls.certificate_file == NULL)) {
        FAIL(P11KMS_E_SYNTAX, "--url and --cert go together");
    }
    if (over_tls.url) {
        return cli_ask_at(&over_tls, "P11KMS.GetCredentials", buf_slice(&body), ret);
    }
    return cli_ask(line, "P11KMS.GetCredentials", buf_slice(&body), ret);
}

/* AWS SDKs and Tools Reference Guide, "Process credential provider" */
static p11kms_err put_credentials(const json_t *credentials, buf_t *out)
{
    static const char *const texts[] = { "AccessKeyId", "SecretAccessKey", "SessionToken" };
    char expiration[TIME_TEXT];
    jw_t w = jw_on(out);

    time_format_iso((int64_t)(json_double(json_get(credentials, "Expiration")) * 1000), expiration);
    jw_object(&w);
    jw_key(&w, "Version");
    jw_int(&w, 1);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        jw_key(&w, texts[i]);
        jw_value(&w, json_get(credentials, texts[i]));
    }
    jw_key(&w, "Expiration");
    jw_string(&w, expiration);
    jw_end(&w);
    buf_put_char(out, '\n');
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static int credentials(const cli_line *line)
{
    _cleanup_json_ json_t *answer = NULL;
    _cleanup_buf_ buf_t out = { 0 };
    p11kms_err err = ask(line, &answer);

    if (err == P11KMS_OK) {
        err = put_credentials(json_get(answer, "Credentials"), &out);
    }
    if (err != P11KMS_OK) {
        return cli_fail(err);
    }
    fwrite(out.data, 1, out.len, stdout);
    return EXIT_SUCCESS;
}

static const cli_option *const credentials_options[] = {
    &option_duration,
    &cli_option_socket,
    &cli_option_config,
    &option_url,
    &option_certificate,
    &option_key,
    NULL,
};

const cli_command cli_credentials = {
    .name = "credentials",
    .args = "",
    .options = credentials_options,
    .about = "Print temporary credentials for an SDK's credential_process.",
    .more = "In ~/.aws/config: credential_process = p11kms credentials. The caller is who the kernel says at "
            "the service's Unix socket or, with --url and --cert, whose certificate it shows; identities.d "
            "maps it to a user or to a role (peers). The SDK runs the command again before the credentials "
            "expire, so nothing is stored. $AWS_CA_BUNDLE names the roots that are trusted with --url.",
    .run = credentials,
};
