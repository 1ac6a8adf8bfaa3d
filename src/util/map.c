#include "util/map.h"

#include <sys/random.h>

#include <pthread.h>

/*
 * Open addressing with linear probing, at most three quarters full. A removal
 * moves later entries of the run back, so there are no tombstones.
 */
#define SLOTS_FIRST 16

typedef struct {
    uint64_t hash;
    uint8_t *key; /* NULL: the slot is free */
    size_t key_len;
    void *value;
} slot_t;

struct map {
    slot_t *slots;
    size_t n_slots; /* a power of two */
    size_t size;
};

static uint64_t sip_key[2];
static pthread_once_t sip_key_once = PTHREAD_ONCE_INIT;

static void sip_key_fetch(void)
{
    if (getrandom(sip_key, sizeof(sip_key), 0) != (ssize_t)sizeof(sip_key)) {
        abort(); /* this little is never cut short */
    }
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

uint64_t map_siphash(const uint64_t key[2], slice_t data)
{
    /* "somepseudorandomlygeneratedbytes": Aumasson and Bernstein, SipHash, section 2.1 */
    uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                      key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
    size_t whole = data.len / 8 * 8;
    uint64_t last = (uint64_t)data.len << 56;

    for (size_t at = 0; at < whole; at += 8) {
        uint64_t word = 0;

        for (size_t i = 0; i < 8; i++) {
            word |= (uint64_t)data.data[at + i] << 8 * i;
        }
        sip_word(v, word);
    }
    for (size_t i = 0; whole + i < data.len; i++) {
        last |= (uint64_t)data.data[whole + i] << 8 * i;
    }
    sip_word(v, last);
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t map_hash(slice_t data)
{
    pthread_once(&sip_key_once, sip_key_fetch);
    return map_siphash(sip_key, data);
}

p11kms_err map_new(map_t **ret)
{
    map_t *map = calloc(1, sizeof(*map));

    ENSURE(map != NULL, P11KMS_E_NOMEM);
    pthread_once(&sip_key_once, sip_key_fetch);
    *ret = map;
    return P11KMS_OK;
}

void map_free(map_t *map, void (*free_value)(void *))
{
    if (map == NULL) {
        return;
    }
    for (size_t i = 0; i < map->n_slots; i++) {
        if (map->slots[i].key != NULL && free_value != NULL) {
            free_value(map->slots[i].value);
        }
        free(map->slots[i].key);
    }
    free(map->slots);
    free(map);
}

size_t map_size(const map_t *map)
{
    return map->size;
}

/* The slot that holds @p key, or the free one where it belongs. */
static slot_t *slot_for(const map_t *map, uint64_t hash, slice_t key)
{
    size_t i = hash & (map->n_slots - 1);

    while (map->slots[i].key != NULL &&
           !(map->slots[i].hash == hash && slice_eq(SLICE(map->slots[i].key, map->slots[i].key_len), key))) {
        i = (i + 1) & (map->n_slots - 1);
    }
    return &map->slots[i];
}

static slot_t *slot_find(const map_t *map, slice_t key)
{
    slot_t *slot = map->n_slots == 0 ? NULL : slot_for(map, map_siphash(sip_key, key), key);

    return slot != NULL && slot->key != NULL ? slot : NULL;
}

void *map_get(const map_t *map, slice_t key)
{
    slot_t *slot = slot_find(map, key);

    return slot != NULL ? slot->value : NULL;
}

static p11kms_err map_grow(map_t *map)
{
    map_t bigger = { .n_slots = map->n_slots == 0 ? SLOTS_FIRST : map->n_slots * 2, .size = map->size };

    bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
    ENSURE(bigger.slots != NULL, P11KMS_E_NOMEM);
    for (size_t i = 0; i < map->n_slots; i++) {
        slot_t *slot = &map->slots[i];

        if (slot->key != NULL) {
            *slot_for(&bigger, slot->hash, SLICE(slot->key, slot->key_len)) = *slot;
        }
    }
    free(map->slots);
    *map = bigger;
    return P11KMS_OK;
}

static p11kms_err map_insert(map_t *map, slice_t key, void *value)
{
    uint64_t hash = map_siphash(sip_key, key);
    uint8_t *copy;

    if (map->size >= map->n_slots / 4 * 3) {
        TRY(map_grow(map));
    }
    copy = malloc(key.len + 1);
    ENSURE(copy != NULL, P11KMS_E_NOMEM);
    if (key.len > 0) {
        memcpy(copy, key.data, key.len);
    }
    copy[key.len] = '\0';
    *slot_for(map, hash, key) = (slot_t){ .hash = hash, .key = copy, .key_len = key.len, .value = value };
    map->size++;
    return P11KMS_OK;
}

p11kms_err map_put(map_t *map, slice_t key, void *value, void **ret_old)
{
    slot_t *slot = slot_find(map, key);
    void *old = NULL;

    if (slot != NULL) {
        old = slot->value;
        slot->value = value;
    } else {
        TRY(map_insert(map, key, value));
    }
    if (ret_old != NULL) {
        *ret_old = old;
    }
    return P11KMS_OK;
}

/* Close the gap: an entry whose home is not between the gap and itself moves into it. */
static void close_gap(map_t *map, size_t gap)
{
    size_t mask = map->n_slots - 1;

    for (size_t i = (gap + 1) & mask; map->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;

        if (((i - home) & mask) >= ((i - gap) & mask)) {
            map->slots[gap] = map->slots[i];
            gap = i;
        }
    }
    map->slots[gap] = (slot_t){ 0 };
}

void *map_remove(map_t *map, slice_t key)
{
    slot_t *slot = slot_find(map, key);
    void *value;

    if (slot == NULL) {
        return NULL;
    }
    value = slot->value;
    free(slot->key);
    close_gap(map, (size_t)(slot - map->slots));
    map->size--;
    return value;
}

bool map_next(const map_t *map, size_t *pos, slice_t *ret_key, void **ret_value)
{
    for (; *pos < map->n_slots; (*pos)++) {
        const slot_t *slot = &map->slots[*pos];

        if (slot->key != NULL) {
            *ret_key = SLICE(slot->key, slot->key_len);
            *ret_value = slot->value;
            (*pos)++;
            return true;
        }
    }
    return false;
}
