/* What a key of ours must be: the attributes asked for, and read back. */
#pragma once

#include "token/host/host.h"

#define TEMPLATE_PLAIN 2 /* a variant: without any attribute that a module may refuse */

/**
 * C_GenerateKey of a 32-byte generic secret: a token object with CKA_ID @p id and the label
 * TOKEN_LABEL_PREFIX + @p label, or, with @p id NULL, a session object labelled @p label.
 * Attributes that not every module takes follow host->template_variant.
 */
CK_RV template_generate(const host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, slice_t label,
                        CK_OBJECT_HANDLE *ret);
/** Find the fullest variant that the module takes, with a session key. @return the CK_RV of the last try */
CK_RV template_choose(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret);
/**
 * Read the attributes back: private, sensitive, not extractable, for signing alone, and a token
 * object exactly if @p on_token. @return NULL, or the name of the first attribute that is not so
 */
const char *template_mismatch(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool on_token);
