/* What a key of ours must be: the attributes asked for, and read back. */
#pragma once

#include "token/host/host.h"

/* Variants: with CKA_MODIFIABLE false, or without what a module may refuse or copies suffer from. */
enum { TEMPLATE_FULL, TEMPLATE_PLAIN };

/**
 * C_GenerateKey of a 32-byte generic secret: a token object with CKA_ID @p id and the label
 * TOKEN_LABEL_PREFIX + @p label, or, with @p id NULL, a session object labelled @p label.
 */
CK_RV template_generate(const host_t *host, CK_SESSION_HANDLE session, unsigned variant, const uint8_t *id,
                        slice_t label, CK_OBJECT_HANDLE *ret);
/**
 * Set host->template_variant to the fullest that the module takes for a session key, which is
 * left in @p ret. @return the CK_RV of the last try
 */
CK_RV template_choose(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret);
/**
 * Read the attributes back: private, sensitive, not extractable, for signing alone, and a token
 * object exactly if @p on_token. @return NULL, or the name of the first attribute that is not so
 */
const char *template_mismatch(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool on_token);
