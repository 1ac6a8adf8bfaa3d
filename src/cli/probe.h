/* room: cli. A first look at a token, in a process of its own. */
#pragma once

#include "conf/conf.h"
#include "token/token.h"

/**
 * Find the token, log in once, test it, and leave.
 *
 * @param user  As whom: some modules make files that the service must be able to read. NULL: as we are.
 * @param[out] found  A sentence about it, appended.
 * @retval as token_open() and probe_serves()
 */
MUST_USE p11kms_err probe_token(const conf_token *conf, const char *user, buf_t *found);
/** Whether it can be the default token: P11KMS_E_UNSUPPORTED when it cannot do what keys need. */
MUST_USE p11kms_err probe_serves(const token_info *info);
/** The look alone, in this process, and the token stays open. */
MUST_USE p11kms_err probe_open(const conf_token *conf, token_t **ret, buf_t *found);
