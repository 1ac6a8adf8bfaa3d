#include "core/rates.h"

#include <stdlib.h>

#include "crypto/crypto.h"
#include "util/map.h"

#define SECOND_NS INT64_C(1000000000)
#define SLOTS (2 * RATES_PRINCIPALS) /* a power of two */
#define NONE UINT32_MAX

/* Entries are known by number: their place in the arrays. */
typedef struct {
    uint64_t who; /* a keyed hash, which nobody outside can aim at */
    uint32_t next_in_slot;
    uint32_t newer, older;
} entry_t;

typedef struct {
    int64_t interval_ns; /* between two calls at the full rate; 0: no limit */
    int64_t window_ns;   /* of as many calls as may come at once */
    size_t column;       /* of the buckets */
    uint64_t refused;
} limit_t;

struct rates {
    uint64_t hash_key[2];
    limit_t *limits;
    size_t n_limits;
    size_t n_columns;
    /*
     * A bucket is the time at which it is full again, in ns: the generic cell rate algorithm (ITU-T I.371),
     * which is a token bucket in one number.
     */
    int64_t *buckets; /* of entry e: buckets[e * n_columns ...] */
    uint32_t slots[SLOTS];
    entry_t entries[RATES_PRINCIPALS];
    uint32_t n_entries;
    uint32_t newest, oldest;
};

static p11kms_err rates_fill(rates_t *rates, const unsigned *per_second, size_t n)
{
    TRY(crypto_random((uint8_t *)rates->hash_key, sizeof(rates->hash_key)));
    for (size_t i = 0; i < SLOTS; i++) {
        rates->slots[i] = NONE;
    }
    rates->newest = rates->oldest = NONE;
    rates->n_limits = n;
    rates->limits = calloc(n, sizeof(*rates->limits));
    ENSURE(rates->limits, P11KMS_E_NOMEM);
    for (size_t i = 0; i < n; i++) {
        if (per_second[i]) {
            int64_t interval = SECOND_NS / per_second[i];
            rates->limits[i] = (limit_t){ interval, interval * per_second[i], rates->n_columns++, 0 };
        }
    }
    rates->buckets = calloc(RATES_PRINCIPALS, rates->n_columns * sizeof(*rates->buckets));
    ENSURE(rates->buckets, P11KMS_E_NOMEM);
    return P11KMS_OK;
}

p11kms_err rates_new(const unsigned *per_second, size_t n, rates_t **ret)
{
    size_t some = 0;

    *ret = NULL;
    while (some < n && !per_second[some]) {
        some++;
    }
    if (some == n) {
        return P11KMS_OK;
    }
    rates_t *rates = calloc(1, sizeof(*rates));
    ENSURE(rates, P11KMS_E_NOMEM);
    p11kms_err err = rates_fill(rates, per_second, n);
    if (err != P11KMS_OK) {
        rates_free(rates);
        return err;
    }
    *ret = rates;
    return P11KMS_OK;
}

void rates_free(rates_t *rates)
{
    if (!rates) {
        return;
    }
    free(rates->limits);
    free(rates->buckets);
    free(rates);
}

/* ---- who was seen when ---- */

static void unlink_entry(rates_t *rates, uint32_t e)
{
    entry_t *entry = &rates->entries[e];

    *(entry->newer == NONE ? &rates->newest : &rates->entries[entry->newer].older) = entry->older;
    *(entry->older == NONE ? &rates->oldest : &rates->entries[entry->older].newer) = entry->newer;
}

static void link_newest(rates_t *rates, uint32_t e)
{
    entry_t *entry = &rates->entries[e];

    entry->newer = NONE;
    entry->older = rates->newest;
    *(rates->newest == NONE ? &rates->oldest : &rates->entries[rates->newest].newer) = e;
    rates->newest = e;
}

static uint32_t *slot_of(rates_t *rates, uint64_t who)
{
    return &rates->slots[who % SLOTS];
}

static void leave_slot(rates_t *rates, uint32_t e)
{
    uint32_t *at = slot_of(rates, rates->entries[e].who);

    while (*at != e) {
        at = &rates->entries[*at].next_in_slot;
    }
    *at = rates->entries[e].next_in_slot;
}

/* A place for someone new: one never used, or that of whom was not seen for longest. */
static uint32_t take_place(rates_t *rates)
{
    if (rates->n_entries < RATES_PRINCIPALS) {
        return rates->n_entries++;
    }
    uint32_t e = rates->oldest;
    unlink_entry(rates, e);
    leave_slot(rates, e);
    return e;
}

static uint32_t find_or_add(rates_t *rates, uint64_t who)
{
    uint32_t *slot = slot_of(rates, who);

    for (uint32_t e = *slot; e != NONE; e = rates->entries[e].next_in_slot) {
        if (rates->entries[e].who == who) {
            unlink_entry(rates, e);
            link_newest(rates, e);
            return e;
        }
    }
    uint32_t e = take_place(rates);
    rates->entries[e].who = who;
    rates->entries[e].next_in_slot = *slot;
    *slot = e;
    link_newest(rates, e);
    memset(&rates->buckets[e * rates->n_columns], 0, rates->n_columns * sizeof(*rates->buckets));
    return e;
}

/* ---- taking ---- */

bool rates_take(rates_t *rates, slice_t principal, size_t limit, int64_t now_us)
{
    if (!rates || limit >= rates->n_limits || !rates->limits[limit].interval_ns) {
        return true;
    }
    limit_t *l = &rates->limits[limit];
    uint32_t e = find_or_add(rates, map_siphash(rates->hash_key, principal));
    int64_t *full_at = &rates->buckets[e * rates->n_columns + l->column];
    int64_t now = now_us * 1000;
    int64_t from = *full_at > now ? *full_at : now;

    if (from + l->interval_ns > now + l->window_ns) {
        l->refused++;
        return false;
    }
    *full_at = from + l->interval_ns;
    return true;
}

uint64_t rates_refused(const rates_t *rates, size_t limit)
{
    return rates && limit < rates->n_limits ? rates->limits[limit].refused : 0;
}
