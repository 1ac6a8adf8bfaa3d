#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

const cli_option cli_option_socket = { "socket", '\0', "PATH", "The service's Unix socket, where $P11KMS_SOCKET and the configuration do not tell it." };

static p11kms_err socket_of(const conf_t *conf, char **ret)
{
    for (size_t i = 0; i < conf->n_listen; i++) {
        if (conf->listen[i].kind == LISTEN_UNIX) {
            *ret = strdup(conf->listen[i].path);
            return *ret ? P11KMS_OK : P11KMS_E_NOMEM;
        }
    }
    FAIL(P11KMS_E_CONFIG, "%s has no unix: listener; add one, or name a socket with --socket", conf->file);
}

static p11kms_err configured_socket(const cli_line *line, char **ret)
{
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    const char *file = cli_config_file(line);
    /* whether the service would take the file is not the question here: --dev's is good too */
    p11kms_err err = conf_load(file, true, &problems, &conf);

    if (err != P11KMS_OK) {
        FAIL(P11KMS_E_CONFIG, "%s does not tell the service's socket (%s); name it with --socket", file,
             err == P11KMS_E_CONFIG ? "see p11kmsd --check" : p11kms_err_detail(err));
    }
    return socket_of(conf, ret);
}

p11kms_err cli_socket(const cli_line *line, char **ret)
{
    const char *given = cli_value(line, &cli_option_socket);

    if (!given && !cli_has(line, &cli_option_config)) {
        given = getenv("P11KMS_SOCKET");
    }
    if (given && given[0]) {
        *ret = strdup(given);
        ENSURE(*ret, P11KMS_E_NOMEM);
        return P11KMS_OK;
    }
    return configured_socket(line, ret);
}

void cli_put_headers(buf_t *headers, const char *target)
{
    buf_printf(headers, "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: %s\r\n", target);
}

/* AWS's form of a fault: "ns#Code", or with what stands behind a colon cut off. */
static slice_t fault_code(const json_t *fault)
{
    slice_t type = json_string(json_get(fault, "__type"));
    const uint8_t *hash = type.len ? memchr(type.data, '#', type.len) : NULL;

    if (hash) {
        type = SLICE(hash + 1, type.len - (size_t)(hash + 1 - type.data));
    }
    const uint8_t *colon = type.len ? memchr(type.data, ':', type.len) : NULL;
    return colon ? SLICE(type.data, (size_t)(colon - type.data)) : type;
}

p11kms_err cli_judge(const client_answer *answer)
{
    _cleanup_json_ json_t *fault = NULL;

    if (answer->status == 200) {
        return P11KMS_OK;
    }
    if (json_parse(buf_slice(&answer->body), &fault) != P11KMS_OK || fault_code(fault).len == 0) {
        FAIL(P11KMS_E_DENIED, "the service answered with HTTP status %d", answer->status);
    }
    slice_t code = fault_code(fault);
    slice_t message = json_string(json_get(fault, "message"));
    if (message.len == 0) {
        message = json_string(json_get(fault, "Message"));
    }
    FAIL(P11KMS_E_DENIED, "%.*s%s%.*s", (int)code.len, (const char *)code.data, message.len ? ": " : "",
         (int)message.len, message.len ? (const char *)message.data : "");
}

p11kms_err cli_ask_at(const client_target *to, const char *target, slice_t body, json_t **ret)
{
    _cleanup_buf_ buf_t headers = { 0 };
    client_answer answer = { 0 };

    cli_put_headers(&headers, target);
    ENSURE(!buf_failed(&headers), P11KMS_E_NOMEM);
    const client_request request = { .method = "POST", .path = "/", .headers = buf_slice(&headers), .body = body };
    TRY(client_call(to, &request, &answer));
    p11kms_err err = cli_judge(&answer);
    *ret = NULL;
    if (err == P11KMS_OK && answer.body.len > 0) {
        err = json_parse(buf_slice(&answer.body), ret);
    }
    buf_free(&answer.body);
    return err;
}

p11kms_err cli_ask(const cli_line *line, const char *target, slice_t body, json_t **ret)
{
    _cleanup_free_ char *path = NULL;

    TRY(cli_socket(line, &path));
    return cli_ask_at(&(client_target){ .socket = path }, target, body, ret);
}
