/*
 * Sessions as they are while requests run under them: a principal of its own, and those
 * that were opened lately. Private to the room.
 */
#pragma once

#include <stdatomic.h>

#include "identity/session_token.h"
#include "util/arena.h"

/** Immutable but for its references; valid as long as the snapshot it was made in. */
struct identity_session {
    atomic_uint references;
    arena_t *arena;        /* itself, and all below but policy and secret */
    const principal_t *of; /* the role or user */
    principal_t principal;
    policy_t *policy; /* the session's own; NULL: none */
    /* of one that came with a token */
    slice_t access_key_id;
    slice_t token;
    uint8_t salt[TOKEN_SALT];
    secret_t *secret; /* "AWS4" and the secret access key */
};

/**
 * A session of @p of, which outlives it. One reference. Texts are copied.
 *
 * @retval P11KMS_E_POLICY_MALFORMED  The session policy.
 */
MUST_USE p11kms_err session_make(const principal_t *of, const session_content *content,
                                 identity_session **ret);
identity_session *session_ref(identity_session *session);
void session_unref(identity_session *session); /* NULL is fine */
DEFINE_CLEANUP(identity_session *, session, session_unref);

/** Sessions opened lately. Bounded; the least recently used of a set goes first. Thread-safe. */
typedef struct session_cache session_cache;

MUST_USE p11kms_err session_cache_new(session_cache **ret);
void session_cache_free(session_cache *cache);
/** A reference to the session of this id and this very token, or NULL. */
identity_session *session_cache_get(session_cache *cache, slice_t access_key_id, slice_t token);
/** Takes a reference of its own. */
void session_cache_put(session_cache *cache, identity_session *session);

/** "ASIA" and 16 characters. */
MUST_USE p11kms_err session_id_make(const char *account, char ret_id[SESSION_KEY_ID + 1]);
