/* The one module: load, initialise, find the token, sessions, login. */
#pragma once

#include "token/host/host.h"

/** Fail with a sentence that names the call and the CKR_ error; host_rv() remembers the latter. */
#define FAIL_RV(err, rv, what) return module_fail((err), (rv), (what))
p11kms_err module_fail(p11kms_err err, CK_RV rv, const char *what);
/** The CK_RV of this thread's last FAIL_RV. */
CK_RV module_last_rv(void);

/**
 * Load and initialise, find the one token of the URI, open the anchor session.
 * @retval P11KMS_E_CONFIG  Not loadable, or the URI matches none or several.
 * @retval P11KMS_E_TOKEN_LOST
 */
MUST_USE p11kms_err module_open(host_t *host);
/** Whether the token may be tried: not where it says that it may be the last try, unless ordered. */
MUST_USE p11kms_err module_check_tries(const host_t *host);
/**
 * C_Login, once.
 * @retval P11KMS_E_TOKEN_PIN, P11KMS_E_TOKEN_LOST
 */
MUST_USE p11kms_err module_login(host_t *host, slice_t pin);
/** Whether C_Login is needed at all. */
bool module_needs_login(const host_t *host);

CK_RV module_open_session(const host_t *host, CK_SESSION_HANDLE *ret);
/** The anchor session is there and logged in. */
bool module_logged_in(const host_t *host);
/** Ends the module's work; nobody may be inside it. */
void module_close(host_t *host);
