#include <pthread.h>

#include "crypto/crypto.h"
#include "identity/session_state.h"
#include "util/map.h"

#define WAYS 4
#define SETS 256 /* 1024 sessions: 1 KiB each with a token of the usual length, 10 KiB at most */
#define LOCKS 16

typedef struct {
    uint64_t used; /* by its set's count */
    identity_session *session;
} entry_t;

struct session_cache {
    pthread_mutex_t locks[LOCKS];
    uint64_t hash_key[2];
    uint64_t counts[SETS];
    entry_t entries[SETS][WAYS];
};

p11kms_err session_cache_new(session_cache **ret)
{
    session_cache *cache = calloc(1, sizeof(*cache));

    ENSURE(cache != NULL, P11KMS_E_NOMEM);
    p11kms_err err = crypto_random(cache->hash_key, sizeof(cache->hash_key));
    if (err != P11KMS_OK) {
        free(cache);
        return err;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&cache->locks[i], NULL);
    }
    *ret = cache;
    return P11KMS_OK;
}

void session_cache_free(session_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t set = 0; set < SETS; set++) {
        for (size_t way = 0; way < WAYS; way++) {
            session_unref(cache->entries[set][way].session);
        }
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&cache->locks[i]);
    }
    free(cache);
}

static size_t set_of(const session_cache *cache, slice_t access_key_id)
{
    return map_siphash(cache->hash_key, access_key_id) % SETS;
}

static bool is_of(const identity_session *session, slice_t access_key_id, slice_t token)
{
    return session != NULL && slice_eq(session->access_key_id, access_key_id) &&
           slice_eq(session->token, token);
}

identity_session *session_cache_get(session_cache *cache, slice_t access_key_id, slice_t token)
{
    size_t set = set_of(cache, access_key_id);
    pthread_mutex_t *lock = &cache->locks[set % LOCKS];
    identity_session *found = NULL;

    pthread_mutex_lock(lock);
    for (size_t way = 0; way < WAYS && found == NULL; way++) {
        entry_t *entry = &cache->entries[set][way];

        if (is_of(entry->session, access_key_id, token)) {
            entry->used = ++cache->counts[set];
            found = session_ref(entry->session);
        }
    }
    pthread_mutex_unlock(lock);
    return found;
}

/** Where the session goes: where it stands already, else in place of the one longest unused. */
static entry_t *place_for(session_cache *cache, size_t set, const identity_session *session)
{
    entry_t *oldest = &cache->entries[set][0];

    for (size_t way = 0; way < WAYS; way++) {
        entry_t *entry = &cache->entries[set][way];

        if (is_of(entry->session, session->access_key_id, session->token)) {
            return entry;
        }
        oldest = entry->used < oldest->used ? entry : oldest;
    }
    return oldest;
}

void session_cache_put(session_cache *cache, identity_session *session)
{
    size_t set = set_of(cache, session->access_key_id);
    pthread_mutex_t *lock = &cache->locks[set % LOCKS];

    pthread_mutex_lock(lock);
    entry_t *entry = place_for(cache, set, session);
    identity_session *old = entry->session;
    entry->session = session_ref(session);
    entry->used = ++cache->counts[set];
    pthread_mutex_unlock(lock);
    session_unref(old);
}
