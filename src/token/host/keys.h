/*
 * Our keys on the token: found once and kept by CKA_ID, never searched for per request.
 * Whoever calls with "alone" in the comment holds host->objects for writing.
 */
#pragma once

#include "token/host/template.h"

#define KEYS_COPIES_MAX 1024 /* a session object costs the module memory */

/** Search the token; alone. Keys that are still there keep their copies. */
MUST_USE result_t keys_find_all(host_t *host, CK_SESSION_HANDLE session);
/** Search for one again, whose handle went stale; alone. @retval P11KMS_E_TOKEN_NO_KEY */
MUST_USE result_t keys_find_again(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id);
/** NULL when there is none. Shared or alone. */
host_key *keys_get(const host_t *host, const uint8_t *id);
/** An object with this CKA_ID is on the token, ours or not; alone. */
MUST_USE result_t keys_id_taken(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, bool *ret_taken);
/** Remember a key just made; alone. @retval P11KMS_E_TOKEN_LOST  Its handle is another key's. */
MUST_USE result_t keys_add(host_t *host, const uint8_t *id, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE object);
/** A secret key just made on the token becomes one of ours, or is destroyed where it is not as asked; alone. */
MUST_USE result_t keys_settle_secret(host_t *host, CK_SESSION_HANDLE session, const template_key *key,
                                     CK_OBJECT_HANDLE object);
/** Neither ambiguous nor unsafe. */
bool keys_usable(const host_key *key);
/** The handle is one in use: of a key, a copy, a public half, or the known answer's key. Shared or alone. */
bool keys_handle_taken(const host_t *host, CK_OBJECT_HANDLE handle);
/** Destroy an object just made, unless its handle is one in use: the module would destroy another's. Alone. */
CK_RV keys_discard(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
/** Destroy every object of ours with this id, public ones too, and the copy; alone. */
MUST_USE result_t keys_destroy(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id);
/** The same after a failure, which may have left something; alone. */
void keys_remove_leftovers(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id);
/** Append every CKA_ID; alone. */
void keys_list(const host_t *host, buf_t *out);

/** The key wants a session copy and none was tried. */
bool keys_wants_copy(const host_t *host, const host_key *key);
/**
 * Make the session copy where the module can; alone. It is used only if it is a session object,
 * as secret as its original, and answers the same. Failing is not an error: the key itself serves.
 */
void keys_copy(host_t *host, CK_SESSION_HANDLE session, host_key *key);
void keys_drop_copy(host_t *host, host_key *key);
/** The handle to use. */
CK_OBJECT_HANDLE keys_handle(const host_key *key);
