#include "identity/daykeys.h"

#include <pthread.h>

#include "util/map.h"

#define WAYS 4
#define SETS 256 /* 1024 keys: as many callers a day, at 32 locked bytes each */
#define LOCKS 16
#define TAG_MAX (4 + SIGV4_ACCESS_KEY_MAX + SIGV4_DATE_LEN + 2 * SIGV4_NAME_MAX)

/** What a key is for: its names, each with its length before it. */
typedef struct {
    uint8_t data[TAG_MAX];
    size_t len;
} tag_t;

typedef struct {
    uint64_t used; /* by its set's count; 0: empty */
    tag_t tag;
} entry_t;

struct daykeys {
    pthread_mutex_t locks[LOCKS];
    uint64_t hash_key[2];
    uint64_t counts[SETS];
    secret_t *keys; /* SHA256_LEN bytes an entry */
    entry_t entries[SETS][WAYS];
};

p11kms_err daykeys_new(daykeys_t **ret)
{
    uint64_t hash_key[2];
    secret_t *keys = NULL;

    TRY(crypto_random(hash_key, sizeof(hash_key)));
    TRY(secret_new(SETS * WAYS * SHA256_LEN, &keys));
    daykeys_t *daykeys = calloc(1, sizeof(*daykeys));
    if (daykeys == NULL) {
        secret_free(keys);
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    daykeys->keys = keys;
    memcpy(daykeys->hash_key, hash_key, sizeof(hash_key));
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&daykeys->locks[i], NULL);
    }
    *ret = daykeys;
    return P11KMS_OK;
}

void daykeys_free(daykeys_t *daykeys)
{
    if (daykeys == NULL) {
        return;
    }
    for (size_t i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&daykeys->locks[i]);
    }
    secret_free(daykeys->keys);
    free(daykeys);
}

static bool make_tag(const slice_t *names, const size_t *bounds, size_t n, tag_t *tag)
{
    tag->len = 0;
    for (size_t i = 0; i < n; i++) {
        if (names[i].len > bounds[i]) {
            return false;
        }
        tag->data[tag->len++] = (uint8_t)names[i].len;
        memcpy(tag->data + tag->len, names[i].data, names[i].len);
        tag->len += names[i].len;
    }
    return true;
}

static bool same_tag(const tag_t *a, const tag_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static uint8_t *key_of(daykeys_t *daykeys, size_t set, size_t way)
{
    return secret_data(daykeys->keys) + (set * WAYS + way) * SHA256_LEN;
}

static bool take(daykeys_t *daykeys, size_t set, const tag_t *tag, uint8_t out[SHA256_LEN])
{
    pthread_mutex_t *lock = &daykeys->locks[set % LOCKS];
    bool found = false;

    pthread_mutex_lock(lock);
    for (size_t way = 0; way < WAYS && !found; way++) {
        entry_t *entry = &daykeys->entries[set][way];

        if (entry->used != 0 && same_tag(&entry->tag, tag)) {
            entry->used = ++daykeys->counts[set];
            memcpy(out, key_of(daykeys, set, way), SHA256_LEN);
            found = true;
        }
    }
    pthread_mutex_unlock(lock);
    return found;
}

static void keep(daykeys_t *daykeys, size_t set, const tag_t *tag, const uint8_t key[SHA256_LEN])
{
    pthread_mutex_t *lock = &daykeys->locks[set % LOCKS];
    size_t oldest = 0;

    pthread_mutex_lock(lock);
    for (size_t way = 1; way < WAYS; way++) {
        if (daykeys->entries[set][way].used < daykeys->entries[set][oldest].used) {
            oldest = way;
        }
    }
    memcpy(&daykeys->entries[set][oldest].tag, tag, sizeof(*tag));
    memcpy(key_of(daykeys, set, oldest), key, SHA256_LEN);
    daykeys->entries[set][oldest].used = ++daykeys->counts[set];
    pthread_mutex_unlock(lock);
}

void daykeys_get(daykeys_t *daykeys, slice_t access_key_id, slice_t secret, slice_t date, slice_t region,
                 slice_t service, uint8_t out[SHA256_LEN])
{
    static const size_t bounds[] = { SIGV4_ACCESS_KEY_MAX, SIGV4_DATE_LEN, SIGV4_NAME_MAX, SIGV4_NAME_MAX };
    const slice_t names[] = { access_key_id, date, region, service };
    tag_t tag;

    if (!make_tag(names, bounds, COUNT_OF(names), &tag)) {
        sigv4_signing_key(secret, date, region, service, out);
        return;
    }
    size_t set = map_siphash(daykeys->hash_key, SLICE(tag.data, tag.len)) % SETS;
    if (!take(daykeys, set, &tag, out)) {
        sigv4_signing_key(secret, date, region, service, out);
        keep(daykeys, set, &tag, out);
    }
}
