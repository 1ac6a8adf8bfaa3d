/* Where the daemon listens, as a URL says it. Private to the room. */
#pragma once

#include "conf/conf.h"

/**
 * @param plain_http  http:// is taken, on loopback addresses.
 * @param storage     url.len + 1 bytes that @p ret points into afterwards.
 * @retval P11KMS_E_CONFIG  Detail says what is wrong with it.
 */
MUST_USE p11kms_err listen_parse(slice_t url, bool plain_http, char *storage, conf_listen *ret);
