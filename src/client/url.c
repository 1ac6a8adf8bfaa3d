#include "client/url.h"

#include <stdio.h>

static const struct {
    const char *prefix;
    bool tls;
    const char *port;
} schemes[] = {
    { "https://", true, "443" },
    { "http://", false, "80" },
};

/* What stands in names and addresses, and nothing that could end a header line. */
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
#define V6_CHARACTERS "0123456789abcdefABCDEF:.%"

/* Where the host ends within "HOST[:PORT]" or "[ADDRESS][:PORT]". NULL: malformed. */
static const char *host_end(const char *authority, bool *ret_brackets)
{
    *ret_brackets = authority[0] == '[';
    if (!*ret_brackets) {
        return authority + strspn(authority, HOST_CHARACTERS);
    }
    const char *end = authority + 1 + strspn(authority + 1, V6_CHARACTERS);
    return *end == ']' ? end : NULL;
}

static bool take_port(const char *text, char port[6])
{
    size_t digits = strspn(text, "0123456789");

    if (text[digits] != '\0' || digits == 0 || digits > 5 || strtoul(text, NULL, 10) > 65535) {
        return false;
    }
    memcpy(port, text, digits + 1);
    return true;
}

static bool take_authority(const char *text, const char *default_port, client_url *url)
{
    bool brackets;
    const char *end = host_end(text, &brackets);
    const char *begin = text + brackets;
    size_t len = end ? (size_t)(end - begin) : 0;

    if (len == 0 || len >= sizeof(url->host)) {
        return false;
    }
    memcpy(url->host, begin, len);
    end += brackets;
    snprintf(url->port, sizeof(url->port), "%s", default_port);
    if (*end == ':' && !take_port(end + 1, url->port)) {
        return false;
    }
    bool usual = strcmp(url->port, default_port) == 0;
    snprintf(url->authority, sizeof(url->authority), "%s%s%s%s%s", brackets ? "[" : "", url->host,
             brackets ? "]" : "", usual ? "" : ":", usual ? "" : url->port);
    return *end == ':' || *end == '\0';
}

p11kms_err client_url_parse(const char *text, client_url *ret)
{
    client_url url = { 0 };
    char authority[CLIENT_HOST_MAX];

    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t prefix = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, prefix) != 0) {
            continue;
        }
        size_t len = strlen(text + prefix);
        len -= len > 0 && text[prefix + len - 1] == '/';
        url.tls = schemes[i].tls;
        if (len < sizeof(authority)) {
            memcpy(authority, text + prefix, len);
            authority[len] = '\0';
            if (take_authority(authority, schemes[i].port, &url)) {
                *ret = url;
                return P11KMS_OK;
            }
        }
    }
    FAIL(P11KMS_E_CONFIG, "'%s' is not a URL as https://HOST or https://HOST:PORT", text);
}
