/* room: client. "https://HOST[:PORT][/]" taken apart. */
#pragma once

#include "client/client.h"

typedef struct {
    bool tls;
    char host[CLIENT_HOST_MAX - 8]; /* without the brackets of an IPv6 address */
    char port[6];
    char authority[CLIENT_HOST_MAX]; /* as the Host header has it: the port where it is not the scheme's own */
} client_url;

/** @retval P11KMS_E_CONFIG */
MUST_USE p11kms_err client_url_parse(const char *text, client_url *ret);
