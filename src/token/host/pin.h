/* Where the PIN comes from. It is read just before the login and wiped right after. */
#pragma once

#include "util/secret.h"

#define PIN_MAX 256
#define PIN_PROMPT_MS 120000 /* for an answer; the front's PROMPT_EXTRA_MS allows for it */

/**
 * @param source  "file:/path" (a regular file or a FIFO; owned by root or by us, no access for
 *                group and others, unless @p dev), "credential:NAME" (in $CREDENTIALS_DIRECTORY,
 *                which systemd guards), "prompt" (on the terminal, without echo).
 * @param what    What the prompt asks for.
 * One newline at the end is left out. What is empty, longer than PIN_MAX or has a further line
 * is refused: it is not a PIN, and trying it could lock the token.
 *
 * @retval P11KMS_E_CONFIG  Detail says what is wrong with the source, and never quotes its content.
 * @retval P11KMS_E_NOMEM
 */
MUST_USE p11kms_err pin_read(const char *source, const char *what, bool dev, secret_t **ret);
