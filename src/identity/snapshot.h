/* The inside of an identity_t. Private to the room. */
#pragma once

#include <stdatomic.h>

#include "identity/daykeys.h"
#include "identity/identity.h"
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
    const principal_t *principal;
} peer_rule_t;

struct identity {
    atomic_uint references;
    arena_t *arena; /* everything below but maps, secrets and policies */
    principal_t *principals;
    size_t n_principals;
    map_t *by_arn;   /* principal_t */
    map_t *accounts; /* the ids that are declared; the values mean nothing */
    map_t *keys;     /* access_key_t */
    peer_rule_t *peers;
    size_t n_peers;
    daykeys_t *daykeys;
    access_key_t unknown; /* what a signature under an unknown key is compared with */
};

/** The first rule that matches, or NULL. */
const peer_rule_t *peers_match(const identity_t *identity, const peer_t *peer);
/**
 * Look up the names in @p rule.
 *
 * @retval P11KMS_E_NOT_FOUND  Detail says which name.
 */
MUST_USE p11kms_err peers_resolve(const conf_peer_rule *rule, peer_rule_t *ret);
