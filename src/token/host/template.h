/* What a key of ours must be: the attributes asked for, and read back. */
#pragma once

#include "crypto/pkcs8.h"
#include "token/host/host.h"
#include "token/kinds.h"

/* Variants: with CKA_MODIFIABLE false, or without what a module may refuse or copies suffer from. */
enum { TEMPLATE_FULL, TEMPLATE_PLAIN };

/** A key to be made: a token object with @p id and the label TOKEN_LABEL_PREFIX + @p label, or a session object. */
typedef struct {
    token_key_type type;
    uint8_t uses;      /* of a pair: bit 1 << token_key_use; one, but for the self-test's */
    const uint8_t *id; /* NULL: a session object, labelled @p label */
    slice_t label;
} template_key;

/** C_GenerateKey of a generic secret, for signing alone. */
CK_RV template_generate(const host_t *host, CK_SESSION_HANDLE session, unsigned variant, const template_key *key,
                        CK_OBJECT_HANDLE *ret);
/**
 * Set host->template_variant to the fullest that the module takes for a session key, which is
 * left in @p ret. @return the CK_RV of the last try
 */
CK_RV template_choose(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret);
/**
 * C_GenerateKeyPair. The public key is a token object, of the same id and label, only if @p public_on_token;
 * its caller destroys it otherwise.
 */
CK_RV template_generate_pair(const host_t *host, CK_SESSION_HANDLE session, unsigned variant, const template_key *key,
                             bool public_on_token, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private);
/** C_CopyObject of a private session key to the token; with CKA_PUBLIC_KEY_INFO @p spki where the module takes it. */
CK_RV template_copy_to_token(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE from,
                             const template_key *key, slice_t spki, CK_OBJECT_HANDLE *ret);
/** C_CreateObject of the public key of a pair, as a token object: what a private key of this module does not tell. */
CK_RV template_create_public(const host_t *host, CK_SESSION_HANDLE session, const template_key *key, slice_t spki,
                             CK_OBJECT_HANDLE *ret);
/** C_CreateObject of a secret of the type's size. */
CK_RV template_create_secret(const host_t *host, CK_SESSION_HANDLE session, const template_key *key, slice_t secret,
                             CK_OBJECT_HANDLE *ret);
/** C_UnwrapKey of a secret. */
CK_RV template_unwrap_secret(const host_t *host, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                             CK_OBJECT_HANDLE unwrapping, slice_t wrapped, const template_key *key,
                             CK_OBJECT_HANDLE *ret);
/** C_CreateObject of a private key. */
CK_RV template_create_private(const host_t *host, CK_SESSION_HANDLE session, const template_key *key,
                              const pkcs8_numbers *numbers, slice_t spki, CK_OBJECT_HANDLE *ret);
/**
 * Read the attributes back: private, sensitive, not extractable, of the type's size, for its use alone,
 * and a token object exactly if it has an id. @return NULL, or the name of the first attribute that is not so
 */
const char *template_mismatch(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                              const template_key *key);
/** CKA_SENSITIVE is true and CKA_EXTRACTABLE false. */
bool template_stays_inside(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
/** CKA_VALUE_LEN, or 0. */
CK_ULONG template_secret_len(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
/** The curve of a CKA_EC_PARAMS, in whichever form. TOKEN_KEY_COUNT: none of ours. */
token_key_type template_curve_of(slice_t ec_params);
/** Errors that pass, or that another template may pass: modules answer with anything to what they do not know. */
bool template_worth_another_try(CK_RV rv);
