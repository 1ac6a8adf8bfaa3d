#include "kms/catalog.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "util/map.h"

/* A sorted array of pointers: lookups and pages by binary search, changes by memmove. */
typedef struct {
    void **items;
    size_t n, cap;
} sorted_t;

typedef const char *(*name_of)(const void *item);

typedef struct {
    sorted_t keys;    /* kms_key_t, by id_text; each holds a reference */
    sorted_t aliases; /* kms_alias_t, by name */
} scope_t;            /* one account in one region */

typedef struct {
    kms_key_t *keys[KMS_FAMILY_MAX]; /* in Region order; borrowed from the scopes */
    size_t n;
} family_t;

struct catalog {
    pthread_rwlock_t lock;
    map_t *scopes; /* "ACCOUNT/REGION" -> scope_t */
    map_t *by_id;  /* id 16 | region -> kms_key_t, borrowed from the scope */
    map_t *families; /* id 16 -> family_t: the multi-Region keys that share material */
    size_t n_keys;
};

/* ---- aliases ---- */

kms_alias_t *kms_alias_ref(const kms_alias_t *alias)
{
    kms_alias_t *mine = (kms_alias_t *)(uintptr_t)alias;

    __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void kms_alias_unref(kms_alias_t *alias)
{
    if (alias && __atomic_sub_fetch(&alias->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        free(alias);
    }
}

p11kms_err kms_alias_new(const char *account, const char *region, const char *name, const uint8_t key_id[KMS_ID],
                         kms_alias_t **ret)
{
    kms_alias_t *alias = calloc(1, sizeof(*alias));

    ENSURE(alias, P11KMS_E_NOMEM);
    alias->refs = 1;
    if (strlen(account) >= sizeof(alias->account) || strlen(region) >= sizeof(alias->region) ||
        strlen(name) >= sizeof(alias->name)) {
        free(alias);
        FAIL(P11KMS_E_RANGE, "an alias, account or region is too long");
    }
    strcpy(alias->account, account);
    strcpy(alias->region, region);
    strcpy(alias->name, name);
    snprintf(alias->arn, sizeof(alias->arn), "arn:aws:kms:%s:%s:%s", region, account, name);
    memcpy(alias->key_id, key_id, KMS_ID);
    *ret = alias;
    return P11KMS_OK;
}

/* ---- sorted arrays ---- */

static const char *key_name(const void *item)
{
    return ((const kms_key_t *)item)->id_text;
}

static const char *alias_name(const void *item)
{
    return ((const kms_alias_t *)item)->name;
}

/* The first place whose name is not below @p name. */
static size_t lower_bound(const sorted_t *s, name_of of, slice_t name)
{
    size_t low = 0, high = s->n;

    while (low < high) {
        size_t mid = (low + high) / 2;
        if (slice_cmp(SLICE_STR(of(s->items[mid])), name) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool stands_at(const sorted_t *s, name_of of, size_t at, slice_t name)
{
    return at < s->n && slice_eq(SLICE_STR(of(s->items[at])), name);
}

static size_t first_after(const sorted_t *s, name_of of, const char *after)
{
    size_t at = lower_bound(s, of, SLICE_STR(after));

    return stands_at(s, of, at, SLICE_STR(after)) ? at + 1 : at;
}

/* Yields what stood there before, or NULL. */
static p11kms_err sorted_put(sorted_t *s, name_of of, void *item, void **ret_old)
{
    slice_t name = SLICE_STR(of(item));
    size_t at = lower_bound(s, of, name);

    *ret_old = NULL;
    if (stands_at(s, of, at, name)) {
        *ret_old = s->items[at];
        s->items[at] = item;
        return P11KMS_OK;
    }
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 8;
        void **grown = realloc(s->items, cap * sizeof(*grown));
        ENSURE(grown, P11KMS_E_NOMEM);
        s->items = grown;
        s->cap = cap;
    }
    memmove(&s->items[at + 1], &s->items[at], (s->n - at) * sizeof(*s->items));
    s->items[at] = item;
    s->n++;
    return P11KMS_OK;
}

static void *sorted_remove(sorted_t *s, name_of of, slice_t name)
{
    size_t at = lower_bound(s, of, name);

    if (!stands_at(s, of, at, name)) {
        return NULL;
    }
    void *item = s->items[at];
    memmove(&s->items[at], &s->items[at + 1], (s->n - at - 1) * sizeof(*s->items));
    s->n--;
    return item;
}

/* ---- scopes ---- */

#define SCOPE_NAME 64

static slice_t scope_name(char out[SCOPE_NAME], const char *account, const char *region)
{
    int n = snprintf(out, SCOPE_NAME, "%s/%s", account, region);

    return SLICE(out, (size_t)n < SCOPE_NAME ? (size_t)n : SCOPE_NAME - 1);
}

static scope_t *find_scope(const catalog_t *catalog, const char *account, const char *region)
{
    char name[SCOPE_NAME];

    return map_get(catalog->scopes, scope_name(name, account, region));
}

static p11kms_err make_scope(catalog_t *catalog, const char *account, const char *region, scope_t **ret)
{
    char name[SCOPE_NAME];

    *ret = find_scope(catalog, account, region);
    if (*ret) {
        return P11KMS_OK;
    }
    scope_t *scope = calloc(1, sizeof(*scope));
    ENSURE(scope, P11KMS_E_NOMEM);
    p11kms_err err = map_put(catalog->scopes, scope_name(name, account, region), scope, NULL);
    if (err != P11KMS_OK) {
        free(scope);
        return err;
    }
    *ret = scope;
    return P11KMS_OK;
}

static void free_scope(void *arg)
{
    scope_t *scope = arg;

    for (size_t i = 0; i < scope->keys.n; i++) {
        kms_key_unref(scope->keys.items[i]);
    }
    for (size_t i = 0; i < scope->aliases.n; i++) {
        kms_alias_unref(scope->aliases.items[i]);
    }
    free(scope->keys.items);
    free(scope->aliases.items);
    free(scope);
}

#define ID_NAME (KMS_ID + 33)

static slice_t id_name(uint8_t out[ID_NAME], const char *region, const uint8_t id[KMS_ID])
{
    size_t len = strnlen(region, ID_NAME - KMS_ID);

    memcpy(out, id, KMS_ID);
    memcpy(out + KMS_ID, region, len);
    return SLICE(out, KMS_ID + len);
}

/* ---- the catalog ---- */

p11kms_err catalog_new(catalog_t **ret)
{
    _cleanup_(catalog) catalog_t *catalog = calloc(1, sizeof(*catalog));

    ENSURE(catalog, P11KMS_E_NOMEM);
    pthread_rwlock_init(&catalog->lock, NULL);
    TRY(map_new(&catalog->scopes));
    TRY(map_new(&catalog->by_id));
    TRY(map_new(&catalog->families));
    *ret = STEAL(catalog);
    return P11KMS_OK;
}

void catalog_free(catalog_t *catalog)
{
    if (!catalog) {
        return;
    }
    if (catalog->families) {
        map_free(catalog->families, free);
    }
    if (catalog->by_id) {
        map_free(catalog->by_id, NULL);
    }
    if (catalog->scopes) {
        map_free(catalog->scopes, free_scope);
    }
    pthread_rwlock_destroy(&catalog->lock);
    free(catalog);
}

kms_key_t *catalog_key(catalog_t *catalog, const char *region, const uint8_t id[KMS_ID])
{
    uint8_t name[ID_NAME];

    pthread_rwlock_rdlock(&catalog->lock);
    kms_key_t *key = map_get(catalog->by_id, id_name(name, region, id));
    if (key) {
        kms_key_ref(key);
    }
    pthread_rwlock_unlock(&catalog->lock);
    return key;
}

kms_alias_t *catalog_alias(catalog_t *catalog, const char *account, const char *region, slice_t name)
{
    kms_alias_t *alias = NULL;

    pthread_rwlock_rdlock(&catalog->lock);
    scope_t *scope = find_scope(catalog, account, region);
    if (scope) {
        size_t at = lower_bound(&scope->aliases, alias_name, name);
        if (stands_at(&scope->aliases, alias_name, at, name)) {
            alias = kms_alias_ref(scope->aliases.items[at]);
        }
    }
    pthread_rwlock_unlock(&catalog->lock);
    return alias;
}

size_t catalog_list_keys(catalog_t *catalog, const char *account, const char *region, const char *after,
                         kms_key_t **out, size_t max)
{
    size_t n = 0;

    pthread_rwlock_rdlock(&catalog->lock);
    scope_t *scope = find_scope(catalog, account, region);
    if (scope) {
        for (size_t i = first_after(&scope->keys, key_name, after); i < scope->keys.n && n < max; i++) {
            out[n++] = kms_key_ref(scope->keys.items[i]);
        }
    }
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

size_t catalog_list_aliases(catalog_t *catalog, const char *account, const char *region, const char *after,
                            const uint8_t *of, kms_alias_t **out, size_t max)
{
    size_t n = 0;

    pthread_rwlock_rdlock(&catalog->lock);
    scope_t *scope = find_scope(catalog, account, region);
    if (scope) {
        for (size_t i = first_after(&scope->aliases, alias_name, after); i < scope->aliases.n && n < max; i++) {
            kms_alias_t *alias = scope->aliases.items[i];
            if (!of || memcmp(alias->key_id, of, KMS_ID) == 0) {
                out[n++] = kms_alias_ref(alias);
            }
        }
    }
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

size_t catalog_count_aliases(catalog_t *catalog, const kms_key_t *key)
{
    size_t n = 0;

    pthread_rwlock_rdlock(&catalog->lock);
    scope_t *scope = find_scope(catalog, key->account, key->region);
    for (size_t i = 0; scope && i < scope->aliases.n; i++) {
        n += memcmp(((kms_alias_t *)scope->aliases.items[i])->key_id, key->id, KMS_ID) == 0;
    }
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

size_t catalog_count_keys(catalog_t *catalog, const char *account, const char *region)
{
    pthread_rwlock_rdlock(&catalog->lock);
    const scope_t *scope = find_scope(catalog, account, region);
    size_t n = scope ? scope->keys.n : 0;
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

size_t catalog_size(catalog_t *catalog)
{
    pthread_rwlock_rdlock(&catalog->lock);
    size_t n = catalog->n_keys;
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

size_t catalog_count(catalog_t *catalog, bool (*is)(const kms_key_t *key, const void *arg), const void *arg)
{
    size_t n = 0, pos = 0;
    slice_t name;
    void *key;

    pthread_rwlock_rdlock(&catalog->lock);
    while (map_next(catalog->by_id, &pos, &name, &key)) {
        n += is(key, arg);
    }
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

p11kms_err catalog_all(catalog_t *catalog, kms_key_t ***ret, size_t *ret_n)
{
    size_t n = 0, pos = 0;
    slice_t name;
    void *key;

    pthread_rwlock_rdlock(&catalog->lock);
    kms_key_t **all = malloc((catalog->n_keys + 1) * sizeof(*all));
    while (all && map_next(catalog->by_id, &pos, &name, &key)) {
        all[n++] = kms_key_ref(key);
    }
    pthread_rwlock_unlock(&catalog->lock);
    ENSURE(all, P11KMS_E_NOMEM);
    *ret = all;
    *ret_n = n;
    return P11KMS_OK;
}

/* ---- families: multi-Region keys of one id ---- */

static size_t place_in_family(const family_t *family, const char *region)
{
    size_t at = 0;

    while (at < family->n && strcmp(family->keys[at]->region, region) < 0) {
        at++;
    }
    return at;
}

static p11kms_err join_family(catalog_t *catalog, kms_key_t *key)
{
    slice_t id = SLICE(key->id, KMS_ID);
    family_t *family = map_get(catalog->families, id);

    if (!family) {
        family = calloc(1, sizeof(*family));
        ENSURE(family, P11KMS_E_NOMEM);
        p11kms_err err = map_put(catalog->families, id, family, NULL);
        if (err != P11KMS_OK) {
            free(family);
            return err;
        }
    }
    size_t at = place_in_family(family, key->region);
    if (at < family->n && strcmp(family->keys[at]->region, key->region) == 0) {
        family->keys[at] = key;
        return P11KMS_OK;
    }
    ENSURE(family->n < KMS_FAMILY_MAX, P11KMS_E_RANGE);
    memmove(&family->keys[at + 1], &family->keys[at], (family->n - at) * sizeof(family->keys[0]));
    family->keys[at] = key;
    family->n++;
    return P11KMS_OK;
}

static void leave_family(catalog_t *catalog, const char *region, const uint8_t id[KMS_ID])
{
    family_t *family = map_get(catalog->families, SLICE(id, KMS_ID));
    size_t at = family ? place_in_family(family, region) : 0;

    if (!family || at == family->n || strcmp(family->keys[at]->region, region) != 0) {
        return;
    }
    memmove(&family->keys[at], &family->keys[at + 1], (family->n - at - 1) * sizeof(family->keys[0]));
    if (--family->n == 0) {
        map_remove(catalog->families, SLICE(id, KMS_ID));
        free(family);
    }
}

size_t catalog_family(catalog_t *catalog, const uint8_t id[KMS_ID], kms_key_t **out)
{
    size_t n = 0;

    pthread_rwlock_rdlock(&catalog->lock);
    const family_t *family = map_get(catalog->families, SLICE(id, KMS_ID));
    for (; family && n < family->n; n++) {
        out[n] = kms_key_ref(family->keys[n]);
    }
    pthread_rwlock_unlock(&catalog->lock);
    return n;
}

/* ---- publishing ---- */

static p11kms_err put_key_locked(catalog_t *catalog, kms_key_t *key, kms_key_t **ret_old)
{
    uint8_t name[ID_NAME];
    scope_t *scope;
    void *old;

    TRY(make_scope(catalog, key->account, key->region, &scope));
    if (key->multi_region) {
        TRY(join_family(catalog, key));
    }
    TRY(map_put(catalog->by_id, id_name(name, key->region, key->id), key, NULL));
    p11kms_err err = sorted_put(&scope->keys, key_name, key, &old);
    if (err != P11KMS_OK) {
        map_remove(catalog->by_id, id_name(name, key->region, key->id));
        return err;
    }
    catalog->n_keys += old == NULL;
    *ret_old = old;
    return P11KMS_OK;
}

p11kms_err catalog_put_key(catalog_t *catalog, kms_key_t *key)
{
    kms_key_t *old = NULL;

    pthread_rwlock_wrlock(&catalog->lock);
    p11kms_err err = put_key_locked(catalog, key, &old);
    pthread_rwlock_unlock(&catalog->lock);
    kms_key_unref(err == P11KMS_OK ? old : key);
    return err;
}

static void remove_aliases_of(scope_t *scope, const uint8_t id[KMS_ID])
{
    size_t kept = 0;

    for (size_t i = 0; i < scope->aliases.n; i++) {
        kms_alias_t *alias = scope->aliases.items[i];
        if (memcmp(alias->key_id, id, KMS_ID) == 0) {
            kms_alias_unref(alias);
        } else {
            scope->aliases.items[kept++] = alias;
        }
    }
    scope->aliases.n = kept;
}

void catalog_remove_key(catalog_t *catalog, const char *account, const char *region, const uint8_t id[KMS_ID])
{
    uint8_t name[ID_NAME];
    kms_key_t *old = NULL;

    pthread_rwlock_wrlock(&catalog->lock);
    scope_t *scope = find_scope(catalog, account, region);
    if (scope) {
        old = map_remove(catalog->by_id, id_name(name, region, id));
        leave_family(catalog, region, id);
        if (old) {
            sorted_remove(&scope->keys, key_name, SLICE_STR(old->id_text));
            catalog->n_keys--;
        }
        remove_aliases_of(scope, id);
    }
    pthread_rwlock_unlock(&catalog->lock);
    kms_key_unref(old);
}

p11kms_err catalog_put_alias(catalog_t *catalog, kms_alias_t *alias)
{
    scope_t *scope;
    void *old = NULL;

    pthread_rwlock_wrlock(&catalog->lock);
    p11kms_err err = make_scope(catalog, alias->account, alias->region, &scope);
    if (err == P11KMS_OK) {
        err = sorted_put(&scope->aliases, alias_name, alias, &old);
    }
    pthread_rwlock_unlock(&catalog->lock);
    kms_alias_unref(err == P11KMS_OK ? old : alias);
    return err;
}

void catalog_remove_alias(catalog_t *catalog, const char *account, const char *region, const char *name)
{
    kms_alias_t *old = NULL;

    pthread_rwlock_wrlock(&catalog->lock);
    scope_t *scope = find_scope(catalog, account, region);
    if (scope) {
        old = sorted_remove(&scope->aliases, alias_name, SLICE_STR(name));
    }
    pthread_rwlock_unlock(&catalog->lock);
    kms_alias_unref(old);
}
