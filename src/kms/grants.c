#include "kms/grants.h"

#include <pthread.h>
#include <string.h>

#include "kms/grant_set.h"
#include "util/map.h"

/*
 * The grants of one grantee on one key, and once more by what a request must bring for
 * them to apply. A grant stands in one place alone: under its EncryptionContextEquals,
 * else under one pair of its EncryptionContextSubset, else among the free ones.
 */
typedef struct {
    grant_set all;
    grant_set free;
    map_t *equals; /* canonical context -> grant_set; NULL: none yet */
    map_t *pairs;  /* canonical pair -> grant_set; NULL: none yet */
} grantee_t;

typedef struct {
    grant_set all;    /* holds the references */
    map_t *grantees; /* ARN -> grantee_t */
} of_key_t;

struct grants {
    pthread_rwlock_t lock;
    map_t *keys;      /* id 16 | region -> of_key_t */
    map_t *named;     /* likeness -> kms_grant_t, of those with a name */
    map_t *retirable; /* region | NUL | ARN -> grant_set */
};

/* ---- names ---- */

#define KEY_NAME (KMS_ID + 33)
#define RETIRING_NAME 1100 /* an ARN of the store's bound and a region */

static slice_t key_name(uint8_t out[KEY_NAME], grants_key key)
{
    size_t len = strnlen(key.region, KEY_NAME - KMS_ID);

    memcpy(out, key.key_id, KMS_ID);
    memcpy(out + KMS_ID, key.region, len);
    return SLICE(out, KMS_ID + len);
}

static slice_t retiring_name(uint8_t out[RETIRING_NAME], const char *region, slice_t retiring)
{
    size_t len = strnlen(region, 32);
    size_t rest = retiring.len < RETIRING_NAME - len - 1 ? retiring.len : RETIRING_NAME - len - 1;

    memcpy(out, region, len);
    out[len] = '\0';
    if (rest) {
        memcpy(out + len + 1, retiring.data, rest);
    }
    return SLICE(out, len + 1 + rest);
}

/* A pair's own bytes of the canonical form: the value follows the name. */
static slice_t pair_name(const context_pair *pair)
{
    return SLICE(pair->name.data - 4, 4 + pair->name.len + 4 + pair->value.len);
}

static grants_key key_of(const kms_grant_t *grant)
{
    return (grants_key){ grant->region, grant->key_id };
}

/* ---- sets under names ---- */

static void free_set(void *arg)
{
    grant_set_clear(arg, NULL);
    free(arg);
}

static grant_set *find_set(map_t *map, slice_t name)
{
    return map ? map_get(map, name) : NULL;
}

static p11kms_err put_under(map_t **map, slice_t name, kms_grant_t *grant)
{
    if (!*map) {
        TRY(map_new(map));
    }
    grant_set *set = map_get(*map, name);
    if (set) {
        return grant_set_put(set, grant);
    }
    set = calloc(1, sizeof(*set));
    ENSURE(set, P11KMS_E_NOMEM);
    p11kms_err err = grant_set_put(set, grant);
    if (err == P11KMS_OK) {
        err = map_put(*map, name, set, NULL);
    }
    if (err != P11KMS_OK) {
        free_set(set);
    }
    return err;
}

static bool remove_under(map_t *map, slice_t name, const kms_grant_t *grant)
{
    grant_set *set = find_set(map, name);
    bool removed = set && grant_set_remove(set, grant->id);

    if (removed && set->n == 0) {
        map_remove(map, name);
        free_set(set);
    }
    return removed;
}

/* ---- one grantee ---- */

static void free_grantee(void *arg)
{
    grantee_t *grantee = arg;

    grant_set_clear(&grantee->all, NULL);
    grant_set_clear(&grantee->free, NULL);
    if (grantee->equals) {
        map_free(grantee->equals, free_set);
    }
    if (grantee->pairs) {
        map_free(grantee->pairs, free_set);
    }
    free(grantee);
}

/* The pair that the fewest grants stand under: what tells this one from the others. */
static slice_t rarest_pair(const grantee_t *grantee, const kms_grant_context *subset)
{
    size_t best = SIZE_MAX, at = 0;

    for (size_t i = 0; i < subset->n; i++) {
        const grant_set *set = find_set(grantee->pairs, pair_name(&subset->pairs[i]));
        size_t n = set ? set->n : 0;
        if (n < best) {
            best = n;
            at = i;
        }
    }
    return pair_name(&subset->pairs[at]);
}

static p11kms_err put_by_context(grantee_t *grantee, kms_grant_t *grant)
{
    if (grant->has_equals) {
        return put_under(&grantee->equals, grant->equals.canonical, grant);
    }
    if (grant->subset.n) {
        return put_under(&grantee->pairs, rarest_pair(grantee, &grant->subset), grant);
    }
    return grant_set_put(&grantee->free, grant);
}

static void remove_by_context(grantee_t *grantee, const kms_grant_t *grant)
{
    if (grant->has_equals) {
        remove_under(grantee->equals, grant->equals.canonical, grant);
        return;
    }
    for (size_t i = 0; i < grant->subset.n; i++) {
        if (remove_under(grantee->pairs, pair_name(&grant->subset.pairs[i]), grant)) {
            return;
        }
    }
    grant_set_remove(&grantee->free, grant->id);
}

static kms_grant_t *find_by_context(const grantee_t *grantee, const kms_grant_need *need)
{
    const kms_grant_context *context = &need->context;
    kms_grant_t *found = grant_set_find(&grantee->free, need);
    const grant_set *set = !found && !need->open ? find_set(grantee->equals, context->canonical) : NULL;

    if (set) {
        found = grant_set_find(set, need);
    }
    for (size_t i = 0; !found && i < context->n; i++) {
        set = find_set(grantee->pairs, pair_name(&context->pairs[i]));
        found = set ? grant_set_find(set, need) : NULL;
    }
    return found;
}

/* ---- one key ---- */

static void free_of_key(void *arg)
{
    of_key_t *of = arg;

    grant_set_clear(&of->all, kms_grant_unref);
    if (of->grantees) {
        map_free(of->grantees, free_grantee);
    }
    free(of);
}

static of_key_t *find_key(const grants_t *grants, grants_key key)
{
    uint8_t name[KEY_NAME];

    return map_get(grants->keys, key_name(name, key));
}

static p11kms_err make_key(grants_t *grants, grants_key key, of_key_t **ret)
{
    uint8_t name[KEY_NAME];

    *ret = find_key(grants, key);
    if (*ret) {
        return P11KMS_OK;
    }
    of_key_t *of = calloc(1, sizeof(*of));
    ENSURE(of, P11KMS_E_NOMEM);
    p11kms_err err = map_new(&of->grantees);
    if (err == P11KMS_OK) {
        err = map_put(grants->keys, key_name(name, key), of, NULL);
    }
    if (err != P11KMS_OK) {
        free_of_key(of);
        return err;
    }
    *ret = of;
    return P11KMS_OK;
}

static p11kms_err make_grantee(of_key_t *of, slice_t arn, grantee_t **ret)
{
    *ret = map_get(of->grantees, arn);
    if (*ret) {
        return P11KMS_OK;
    }
    grantee_t *grantee = calloc(1, sizeof(*grantee));
    ENSURE(grantee, P11KMS_E_NOMEM);
    p11kms_err err = map_put(of->grantees, arn, grantee, NULL);
    if (err != P11KMS_OK) {
        free(grantee);
        return err;
    }
    *ret = grantee;
    return P11KMS_OK;
}

static void remove_from_key(grants_t *grants, of_key_t *of, const kms_grant_t *grant)
{
    uint8_t name[KEY_NAME];
    grantee_t *grantee = map_get(of->grantees, grant->grantee);

    if (grantee) {
        grant_set_remove(&grantee->all, grant->id);
        remove_by_context(grantee, grant);
        if (grantee->all.n == 0) {
            map_remove(of->grantees, grant->grantee);
            free_grantee(grantee);
        }
    }
    grant_set_remove(&of->all, grant->id);
    if (of->all.n == 0) {
        map_remove(grants->keys, key_name(name, key_of(grant)));
        free_of_key(of);
    }
}

/* ---- all of them ---- */

p11kms_err grants_new(grants_t **ret)
{
    _cleanup_(grants) grants_t *grants = calloc(1, sizeof(*grants));

    ENSURE(grants, P11KMS_E_NOMEM);
    pthread_rwlock_init(&grants->lock, NULL);
    TRY(map_new(&grants->keys));
    TRY(map_new(&grants->named));
    TRY(map_new(&grants->retirable));
    *ret = STEAL(grants);
    return P11KMS_OK;
}

void grants_free(grants_t *grants)
{
    if (!grants) {
        return;
    }
    if (grants->retirable) {
        map_free(grants->retirable, free_set);
    }
    if (grants->named) {
        map_free(grants->named, NULL);
    }
    if (grants->keys) {
        map_free(grants->keys, free_of_key);
    }
    pthread_rwlock_destroy(&grants->lock);
    free(grants);
}

static kms_grant_t *referenced(const kms_grant_t *grant)
{
    return grant ? kms_grant_ref(grant) : NULL;
}

kms_grant_t *grants_get(grants_t *grants, grants_key key, const uint8_t id[KMS_GRANT_ID])
{
    pthread_rwlock_rdlock(&grants->lock);
    const of_key_t *of = find_key(grants, key);
    kms_grant_t *grant = referenced(of ? grant_set_get(&of->all, id) : NULL);
    pthread_rwlock_unlock(&grants->lock);
    return grant;
}

kms_grant_t *grants_like(grants_t *grants, const kms_grant_t *grant)
{
    pthread_rwlock_rdlock(&grants->lock);
    kms_grant_t *like = referenced(map_get(grants->named, SLICE(grant->likeness, sizeof(grant->likeness))));
    pthread_rwlock_unlock(&grants->lock);
    return like;
}

kms_grant_t *grants_find(grants_t *grants, grants_key key, slice_t grantee, const kms_grant_need *need)
{
    kms_grant_t *found = NULL;

    pthread_rwlock_rdlock(&grants->lock);
    const of_key_t *of = find_key(grants, key);
    const grantee_t *who = of ? map_get(of->grantees, grantee) : NULL;
    if (who) {
        found = referenced(need->ignores_constraints ? grant_set_find(&who->all, need) : find_by_context(who, need));
    }
    pthread_rwlock_unlock(&grants->lock);
    return found;
}

size_t grants_count(grants_t *grants, grants_key key)
{
    pthread_rwlock_rdlock(&grants->lock);
    const of_key_t *of = find_key(grants, key);
    size_t n = of ? of->all.n : 0;
    pthread_rwlock_unlock(&grants->lock);
    return n;
}

static const grant_set *set_of(const of_key_t *of, slice_t grantee)
{
    if (grantee.len == 0) {
        return &of->all;
    }
    const grantee_t *who = map_get(of->grantees, grantee);
    return who ? &who->all : NULL;
}

size_t grants_list(grants_t *grants, grants_key key, slice_t grantee, const uint8_t *after, kms_grant_t **out,
                   size_t max)
{
    pthread_rwlock_rdlock(&grants->lock);
    const of_key_t *of = find_key(grants, key);
    const grant_set *set = of ? set_of(of, grantee) : NULL;
    size_t n = set ? grant_set_list(set, after, out, max) : 0;
    pthread_rwlock_unlock(&grants->lock);
    return n;
}

size_t grants_list_retirable(grants_t *grants, const char *region, slice_t retiring, const uint8_t *after,
                             kms_grant_t **out, size_t max)
{
    uint8_t name[RETIRING_NAME];

    pthread_rwlock_rdlock(&grants->lock);
    const grant_set *set = find_set(grants->retirable, retiring_name(name, region, retiring));
    size_t n = set ? grant_set_list(set, after, out, max) : 0;
    pthread_rwlock_unlock(&grants->lock);
    return n;
}

/* ---- publishing ---- */

static void forget_further(grants_t *grants, const kms_grant_t *grant)
{
    uint8_t name[RETIRING_NAME];
    slice_t likeness = SLICE(grant->likeness, sizeof(grant->likeness));

    if (grant->name.len && map_get(grants->named, likeness) == grant) {
        map_remove(grants->named, likeness);
    }
    if (grant->retiring.len) {
        remove_under(grants->retirable, retiring_name(name, grant->region, grant->retiring), grant);
    }
}

static p11kms_err note_further(grants_t *grants, kms_grant_t *grant)
{
    uint8_t name[RETIRING_NAME];

    if (grant->name.len) {
        TRY(map_put(grants->named, SLICE(grant->likeness, sizeof(grant->likeness)), grant, NULL));
    }
    if (grant->retiring.len) {
        TRY(put_under(&grants->retirable, retiring_name(name, grant->region, grant->retiring), grant));
    }
    return P11KMS_OK;
}

static p11kms_err put_everywhere(grants_t *grants, of_key_t *of, kms_grant_t *grant)
{
    grantee_t *grantee;

    TRY(make_grantee(of, grant->grantee, &grantee));
    TRY(grant_set_put(&grantee->all, grant));
    TRY(put_by_context(grantee, grant));
    return note_further(grants, grant);
}

p11kms_err grants_put(grants_t *grants, kms_grant_t *grant)
{
    of_key_t *of;

    pthread_rwlock_wrlock(&grants->lock);
    p11kms_err err = make_key(grants, key_of(grant), &of);
    if (err == P11KMS_OK) {
        err = grant_set_put(&of->all, grant);
    }
    if (err == P11KMS_OK) {
        err = put_everywhere(grants, of, grant);
        if (err != P11KMS_OK) {
            forget_further(grants, grant);
            remove_from_key(grants, of, grant);
        }
    }
    pthread_rwlock_unlock(&grants->lock);
    if (err != P11KMS_OK) {
        kms_grant_unref(grant);
    }
    return err;
}

void grants_remove(grants_t *grants, const kms_grant_t *grant)
{
    pthread_rwlock_wrlock(&grants->lock);
    of_key_t *of = find_key(grants, key_of(grant));
    kms_grant_t *held = of ? grant_set_get(&of->all, grant->id) : NULL;
    if (held) {
        forget_further(grants, held);
        remove_from_key(grants, of, held);
    }
    pthread_rwlock_unlock(&grants->lock);
    kms_grant_unref(held);
}

#define REMOVED_AT_ONCE 64

void grants_remove_key(grants_t *grants, grants_key key)
{
    kms_grant_t *some[REMOVED_AT_ONCE];
    size_t n;

    do {
        n = grants_list(grants, key, SLICE(NULL, 0), NULL, some, REMOVED_AT_ONCE);
        for (size_t i = 0; i < n; i++) {
            grants_remove(grants, some[i]);
            kms_grant_unref(some[i]);
        }
    } while (n == REMOVED_AT_ONCE);
}
