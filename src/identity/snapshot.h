/* The inside of an identity_t. Private to the room. */
#pragma once

#include <stdatomic.h>

#include "identity/daykeys.h"
#include "identity/session_state.h"
#include "util/arena.h"
#include "util/map.h"

typedef struct {
    const principal_t *principal;
    secret_t *secret; /* "AWS4" and the secret access key: what signing keys are derived from */
    atomic_bool active; /* the one thing that may change: identity_end_key() */
} access_key_t;

/** A peer rule with its names looked up. */
typedef struct {
    bool is_unix;
    bool has_uid;
    bool has_gid;
    uint32_t uid;
    uint32_t gid;
    const char *subject; /* NULL: any, as san and sha256 */
    const char *san;
    const char *sha256;
    const principal_t *principal; /* a user, or a role that the peer gets a session of */
    const char *session_name;     /* of a role's session; NULL: told by the peer */
} peer_rule_t;

struct identity {
    atomic_uint references;
    arena_t *arena; /* everything below but maps, secrets and policies */
    principal_t *principals;
    size_t n_principals;
    atomic_llong *revoked_ms; /* for each principal: sessions issued until then are refused */
    map_t *by_arn;            /* principal_t */
    map_t *accounts;          /* the ids that are declared, by themselves */
    map_t *keys;              /* access_key_t */
    peer_rule_t *peers;
    size_t n_peers;
    daykeys_t *daykeys;
    access_key_t unknown; /* what a signature under an unknown key is compared with */
    session_keys session_keys; /* none: no session is known */
    session_cache *sessions;
};

/**
 * The session of a token; a reference.
 *
 * @retval P11KMS_E_AUTH_UNKNOWN_KEY  Not a token of ours, of another access key id, of a principal that is not
 *                                    declared, or revoked.
 * @retval P11KMS_E_AUTH_EXPIRED
 */
MUST_USE p11kms_err session_find(identity_t *identity, slice_t access_key_id, slice_t token, int64_t now_ms,
                                 identity_session **ret);

#define PEER_SESSION_NAME_MAX 64 /* sts.json: roleSessionNameType */

/** What a peer's session of a role is called where its rule does not say: "uid-1000", or the certificate's CN. */
void peers_session_name(const peer_t *peer, char out[PEER_SESSION_NAME_MAX + 1]);
/** The first rule that matches, or NULL. */
const peer_rule_t *peers_match(const identity_t *identity, const peer_t *peer);
/**
 * Look up the names in @p rule.
 *
 * @retval P11KMS_E_NOT_FOUND  Detail says which name.
 */
MUST_USE p11kms_err peers_resolve(const conf_peer_rule *rule, peer_rule_t *ret);
