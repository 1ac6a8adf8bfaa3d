/* HMAC-SHA-256 on the token, and the key whose answer is known. */
#pragma once

#include "token/host/host.h"

/** One attempt, nothing else: C_SignInit and C_Sign. CKR_OK means exactly TOKEN_PRF_LEN bytes. */
CK_RV prf_once(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, slice_t in,
               uint8_t out[TOKEN_PRF_LEN]);
/** The known answer comes out. True as well where the token allows no such test. Under host->objects, shared. */
bool prf_known_answer(const host_t *host, CK_SESSION_HANDLE session);
/**
 * Import or generate the key of the known answer, in the anchor session. @return true when the
 * token's HMAC-SHA-256 is right; host->known is left empty where neither is allowed.
 */
bool prf_make_known(host_t *host, CK_SESSION_HANDLE session);
/** The key answers one input always the same, and another input with something else. */
bool prf_is_function(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, uint8_t out[TOKEN_PRF_LEN]);
/** Where no key can be brought, this one of ours serves for the known answer, if it is a function. */
bool prf_know_ours(host_t *host, CK_SESSION_HANDLE session, const host_key *key);
