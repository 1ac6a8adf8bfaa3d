#include "conf/listen.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/un.h>

#include "conf/schema.h"

#define HOST_MAX 255 /* RFC 1035, section 2.3.4 */
#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define UNIX_MODE 0666

static const struct {
    const char *prefix;
    listen_kind kind;
    unsigned port;
} schemes[] = {
    { "https://", LISTEN_HTTPS, 443 },
    { "http://", LISTEN_HTTP, 80 },
    { "unix:", LISTEN_UNIX, 0 },
};

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static bool is_host(const char *host, bool bracketed)
{
    uint8_t address[16];
    size_t len = strlen(host);

    if (bracketed) {
        return inet_pton(AF_INET6, host, address) == 1;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_name_character(host[i])) {
            return false;
        }
    }
    return len > 0 && len <= HOST_MAX;
}

static bool is_loopback(const char *host)
{
    uint8_t v4[4], v6[16];
    static const uint8_t v6_loopback[16] = { [15] = 1 };

    if (inet_pton(AF_INET, host, v4) == 1) {
        return v4[0] == 127;
    }
    if (inet_pton(AF_INET6, host, v6) == 1) {
        return memcmp(v6, v6_loopback, sizeof(v6)) == 0;
    }
    return strcmp(host, "localhost") == 0;
}

/** "host", "host:port", "[v6]:port", in place; one slash may follow. */
static p11kms_err parse_authority(char *text, conf_listen *listen)
{
    bool bracketed = text[0] == '[';
    char *host = text + bracketed;
    size_t len = strlen(text);
    uint64_t port = listen->port;
    char *end;

    if (len > 0 && text[len - 1] == '/') {
        text[len - 1] = '\0';
    }
    end = bracketed ? strchr(host, ']') : host + strcspn(host, ":");
    if (end == NULL) {
        FAIL(P11KMS_E_CONFIG, "a ] is missing after the address");
    }
    char *rest = end + bracketed;
    if (*rest == ':') {
        if (!parse_number(SLICE_STR(rest + 1), &port) || port > UINT16_MAX) {
            FAIL(P11KMS_E_CONFIG, "the port must be a number from 0 to 65535");
        }
    } else if (*rest != '\0') {
        FAIL(P11KMS_E_CONFIG, "after the address only :port may stand");
    }
    *end = '\0';
    if (!is_host(host, bracketed)) {
        FAIL(P11KMS_E_CONFIG, "the address must be a name, an IPv4 address or [an IPv6 address]");
    }
    listen->host = host;
    listen->port = (unsigned)port;
    return P11KMS_OK;
}

static p11kms_err parse_unix(char *text, conf_listen *listen)
{
    size_t len = strlen(text);

    if (len == 0 || len > UNIX_PATH_MAX) {
        FAIL(P11KMS_E_CONFIG, "the path of a Unix socket has 1 to %zu bytes", UNIX_PATH_MAX);
    }
    listen->path = text;
    listen->mode = UNIX_MODE;
    return P11KMS_OK;
}

static p11kms_err parse_after_scheme(char *text, bool plain_http, conf_listen *listen)
{
    if (listen->kind == LISTEN_UNIX) {
        return parse_unix(text, listen);
    }
    TRY(parse_authority(text, listen));
    if (listen->kind == LISTEN_HTTP && !plain_http) {
        FAIL(P11KMS_E_CONFIG, "http:// is for --dev alone: use https:// or unix:");
    }
    if (listen->kind == LISTEN_HTTP && !is_loopback(listen->host)) {
        FAIL(P11KMS_E_CONFIG, "http:// is taken on loopback addresses alone");
    }
    return P11KMS_OK;
}

p11kms_err listen_parse(slice_t url, bool plain_http, char *storage, conf_listen *ret)
{
    if (url.len > 0) {
        memcpy(storage, url.data, url.len);
    }
    storage[url.len] = '\0';
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        conf_listen listen = { .kind = schemes[i].kind, .port = schemes[i].port };

        if (slice_has_prefix(url, schemes[i].prefix)) {
            TRY(parse_after_scheme(storage + strlen(schemes[i].prefix), plain_http, &listen));
            *ret = listen;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_CONFIG, "must be https://host:port or unix:/path");
}

p11kms_err conf_parse_listen(const char *url, bool dev, conf_listen *ret, char **ret_storage)
{
    _cleanup_free_ char *storage = malloc(strlen(url) + 1);

    ENSURE(storage != NULL, P11KMS_E_NOMEM);
    TRY(listen_parse(SLICE_STR(url), dev, storage, ret));
    *ret_storage = STEAL(storage);
    return P11KMS_OK;
}
