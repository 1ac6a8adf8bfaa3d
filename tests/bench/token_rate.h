/* The raw rate of the token operation behind a message: one PRF under a key of the token, nothing around it.
 */
#pragma once

#include <sys/types.h>

#include "util/err.h"

/**
 * Measure with a token host of our own beside the server's, on the token the server's configuration names.
 *
 * @param server     The daemon: where its configuration and its token host's program and environment are
 * found.
 * @param config     p11kmsd.yaml; NULL: as the daemon's command line names it.
 * @param in_flight  Operations at once.
 * @retval P11KMS_E_CONFIG       No configuration, no token host, or the token cannot be opened.
 * @retval P11KMS_E_TOKEN_NO_KEY The token holds no key yet.
 */
MUST_USE p11kms_err token_rate_measure(pid_t server, const char *config, unsigned in_flight, double seconds,
                                       double *ret_per_second);
