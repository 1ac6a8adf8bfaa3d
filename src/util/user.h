/* Which user this process is. */
#pragma once

#include "util/err.h"

/**
 * Become the user @p name with its groups, for good. Before any thread is started.
 *
 * @retval P11KMS_E_CONFIG  There is no such user, or this process may not become it.
 */
MUST_USE p11kms_err user_become(const char *name);
