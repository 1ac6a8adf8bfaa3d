/* Objects on the token, searched for; whoever calls holds host->objects for writing. */
#pragma once

#include "token/host/host.h"

#define SEARCH_ANY_CLASS ((CK_OBJECT_CLASS)-1)

typedef struct {
    CK_OBJECT_HANDLE *handles; /* free() */
    size_t n;
} search_found;

/** What an object of ours says of itself. */
typedef struct {
    CK_OBJECT_CLASS class;
    uint8_t id[TOKEN_KEY_ID];
} search_ours;

/** Append token objects of @p class, with @p id where it is not NULL. */
CK_RV search_objects(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, CK_OBJECT_CLASS class,
                     search_found *found);
/**
 * Ours by its class, its label and the length of its CKA_ID. An object that has other attributes than
 * ours have is not ours; one that cannot be read, which is an error, may be.
 */
CK_RV search_is_ours(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, search_ours *ret,
                     bool *ret_ours);
/** Append the objects of ours with this id: all of them, or an error. */
CK_RV search_id(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, CK_OBJECT_CLASS class, search_found *found);
