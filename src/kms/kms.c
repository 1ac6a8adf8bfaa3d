#include "kms/kms_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/clock.h"

#define LOG_ROOM "kms"
#include "util/log.h"

/* AWS KMS Developer Guide, "Resource quotas". */
static const unsigned default_quotas[KMS_QUOTA_COUNT] = {
    [KMS_QUOTA_KEYS] = 100000,
    [KMS_QUOTA_ALIASES_PER_KEY] = 50,
    [KMS_QUOTA_GRANTS_PER_KEY] = 50000,
    [KMS_QUOTA_ON_DEMAND_ROTATIONS] = 25,
    [KMS_QUOTA_CUSTOM_KEY_STORES] = 10,
};

unsigned kms_quota(const kms_t *kms, kms_quota_name name)
{
    return __atomic_load_n(&kms->quotas[name], __ATOMIC_RELAXED);
}

void kms_set_quota(kms_t *kms, kms_quota_name name, unsigned most)
{
    __atomic_store_n(&kms->quotas[name], most, __ATOMIC_RELAXED);
}

const char *kms_scheme(const kms_spec *spec)
{
    return spec->family == KMS_FAMILY_SYMMETRIC ? "PRF-HMAC-SHA256" : "DIRECT";
}

p11kms_err kms_new(core_t *core, const char *default_token, kms_t **ret)
{
    _cleanup_(kms) kms_t *kms = calloc(1, sizeof(*kms));

    ENSURE(kms, P11KMS_E_NOMEM);
    kms->core = core;
    memcpy(kms->quotas, default_quotas, sizeof(kms->quotas));
    ENSURE(strlen(default_token) < sizeof(kms->default_token), P11KMS_E_RANGE);
    strcpy(kms->default_token, default_token);
    TRY(catalog_new(&kms->catalog));
    TRY(grants_new(&kms->grants));
    TRY(kms_customs_new(&kms->customs));
    TRY(wrappings_new(&kms->wrappings));
    TRY(retries_new(&kms->retries));
    TRY(leftovers_new(&kms->leftovers));
    *ret = STEAL(kms);
    return P11KMS_OK;
}

void kms_free(kms_t *kms)
{
    if (kms) {
        kms_key_unref(kms->service_key);
        secret_free(kms->grant_token_key);
        grants_free(kms->grants);
        secret_free(kms->import_key);
        wrappings_free(kms->wrappings);
        retries_free(kms->retries);
        leftovers_free(kms->leftovers);
        catalog_free(kms->catalog);
        kms_customs_free(kms->customs);
        free(kms);
    }
}

/* ---- uses of keys ---- */

static p11kms_err put_usage_since(store_t *store, int64_t since)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRId64, since);

    TRY(store_begin(store));
    p11kms_err err = store_meta_put(store, "key-usage-since", SLICE(text, (size_t)n));
    if (err == P11KMS_OK) {
        err = store_commit(store);
    }
    if (err != P11KMS_OK) {
        store_rollback(store);
    }
    return err;
}

p11kms_err kms_begin_usage(store_t *store, void *arg)
{
    kms_t *kms = arg;
    _cleanup_buf_ buf_t since = { 0 };
    p11kms_err err = store_meta_get(store, "key-usage-since", &since);

    kms->usage_since = err == P11KMS_OK ? strtoll(buf_str(&since), NULL, 10) : clock_service_ms();
    return err == P11KMS_E_NOT_FOUND ? put_usage_since(store, kms->usage_since) : err;
}

int64_t kms_usage_since(const kms_t *kms)
{
    return kms->usage_since;
}

catalog_t *kms_catalog(kms_t *kms)
{
    return kms->catalog;
}

grants_t *kms_grants(kms_t *kms)
{
    return kms->grants;
}

unsigned kms_busy(const kms_t *kms)
{
    return kms->busy + leftovers_busy(kms);
}

/* ---- loading ---- */

/* Keys while their rows come in: not yet published, hence still writable. */
typedef struct {
    kms_t *kms;
    kms_key_t **keys;
    uint8_t (*current)[KMS_ID]; /* the material each row calls current */
    size_t n, cap;
    arena_t *arena;
} loading_t;

static p11kms_err grow(loading_t *loading)
{
    if (loading->n < loading->cap) {
        return P11KMS_OK;
    }
    size_t cap = loading->cap ? 2 * loading->cap : 64;
    kms_key_t **keys = realloc(loading->keys, cap * sizeof(*keys));
    ENSURE(keys, P11KMS_E_NOMEM);
    loading->keys = keys;
    void *current = realloc(loading->current, cap * sizeof(*loading->current));
    ENSURE(current, P11KMS_E_NOMEM);
    loading->current = current;
    loading->cap = cap;
    return P11KMS_OK;
}

static p11kms_err join_custom(kms_t *kms, kms_key_t *key)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;

    if (!key->custom_store[0]) {
        return P11KMS_OK;
    }
    if (kms_custom_find(kms, key->account, key->region, SLICE_STR(key->custom_store), &store) != P11KMS_OK) {
        FAIL(P11KMS_E_STORE, "key %s is in the custom key store %s, which the store lacks", key->id_text,
             key->custom_store);
    }
    key->link = store->link;
    return P11KMS_OK;
}

static p11kms_err fill_kind(kms_t *kms, kms_key_t *key, const store_key *row)
{
    key->spec = kms_spec_named(SLICE_STR(row->spec));
    if (!key->spec) {
        FAIL(P11KMS_E_STORE, "key %s has the spec '%s', which this version does not know", key->id_text, row->spec);
    }
    if (!kms_usage_named(SLICE_STR(row->usage), &key->usage) ||
        !kms_origin_named(SLICE_STR(row->origin), &key->origin)) {
        FAIL(P11KMS_E_STORE, "key %s has the usage '%s' and the origin '%s', which this version does not know",
             key->id_text, row->usage, row->origin);
    }
    ENSURE(strlen(row->primary_region) < sizeof(key->primary_region), P11KMS_E_STORE);
    strcpy(key->primary_region, row->primary_region);
    ENSURE(strlen(row->custom_store) < sizeof(key->custom_store), P11KMS_E_STORE);
    strcpy(key->custom_store, row->custom_store);
    kms_key_set_multi_region(key, row->multi_region);
    return join_custom(kms, key);
}

static p11kms_err fill_key(kms_t *kms, kms_key_t *key, const store_key *row)
{
    TRY(fill_kind(kms, key, row));
    TRY(kms_state_parse(row->state, &key->stored));
    ENSURE(strlen(row->token) < sizeof(key->token_name), P11KMS_E_STORE);
    strcpy(key->token_name, row->token);
    key->token = core_token(kms->core, row->token);
    key->created = row->created;
    key->deletion_days = row->deletion_days;
    key->deletion_at = row->deletion_at;
    key->rotation_days = row->rotation_days;
    key->rotation_next = row->rotation_next;
    TRY(kms_key_set_description(key, SLICE_STR(row->description)));
    return kms_key_set_policy(key, SLICE_STR(row->policy));
}

static p11kms_err load_key(void *arg, const store_key *row)
{
    loading_t *loading = arg;
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(grow(loading));
    TRY(kms_key_new(row->id, row->account, row->region, &key));
    TRY(fill_key(loading->kms, key, row));
    if (!key->token) {
        log_warning("key %s lives on the token '%s', which is not configured", key->id_text, key->token_name);
    }
    memcpy(loading->current[loading->n], row->current_material, KMS_ID);
    loading->keys[loading->n++] = kms_key_ref(key);
    return catalog_put_key(loading->kms->catalog, STEAL(key));
}

/* Before the service starts nobody else holds the snapshots, so they may still be filled. */
static kms_key_t *loading_key(kms_t *kms, const char *region, const uint8_t id[KMS_ID])
{
    kms_key_t *key = catalog_key(kms->catalog, region, id);

    kms_key_unref(key);
    return key;
}

static p11kms_err fill_material(kms_key_t *key, const store_material *row)
{
    kms_material *material = kms_key_edit_material(key, row->id);

    material->imported = row->imported;
    material->absent = !row->present;
    material->pending = row->pending;
    material->valid_to = row->valid_to;
    material->has_check = row->check_value.len == sizeof(material->check);
    if (material->has_check) {
        memcpy(material->check, row->check_value.data, sizeof(material->check));
    }
    if (row->public_key.len) {
        TRY(kms_key_set_public_key(key, row->public_key));
    }
    return kms_material_describe(material, SLICE_STR(row->description));
}

static p11kms_err load_material(void *arg, const store_material *row)
{
    loading_t *loading = arg;
    kms_key_t *key = loading_key(loading->kms, row->region, row->key_id);
    kms_cause cause;

    if (!key) {
        FAIL(P11KMS_E_STORE, "a key material belongs to no key");
    }
    if (strcmp(row->scheme, kms_scheme(key->spec)) != 0) {
        FAIL(P11KMS_E_STORE, "a material of key %s has the scheme '%s', which this version does not know", key->id_text,
             row->scheme);
    }
    TRY(kms_cause_parse(row->cause, &cause));
    TRY(kms_key_add_material(key, row->id, row->number, cause, row->created));
    return fill_material(key, row);
}

static p11kms_err load_tag(void *arg, const store_tag *row)
{
    loading_t *loading = arg;
    kms_key_t *key = loading_key(loading->kms, row->region, row->key_id);

    if (!key) {
        FAIL(P11KMS_E_STORE, "a tag belongs to no key");
    }
    return kms_key_set_tag(key, SLICE_STR(row->name), SLICE_STR(row->value));
}

static p11kms_err load_alias(void *arg, const store_alias *row)
{
    loading_t *loading = arg;
    kms_alias_t *alias;

    TRY(kms_alias_new(row->account, row->region, row->name, row->key_id, &alias));
    alias->created = row->created;
    alias->updated = row->updated;
    return catalog_put_alias(loading->kms->catalog, alias);
}

static p11kms_err load_grant(void *arg, const store_grant *row)
{
    loading_t *loading = arg;
    kms_grant_t *grant;

    arena_reset(loading->arena);
    TRY(kms_grant_of_row(row, loading->arena, &grant));
    return grants_put(loading->kms->grants, grant);
}

static p11kms_err settle_current(const loading_t *loading)
{
    for (size_t i = 0; i < loading->n; i++) {
        kms_key_t *key = loading->keys[i];
        const kms_material *material = kms_key_material(key, loading->current[i]);
        if (!material && key->origin == KMS_ORIGIN_EXTERNAL) {
            continue; /* nothing was imported yet */
        }
        if (!material) {
            FAIL(P11KMS_E_STORE, "key %s has no current key material", key->id_text);
        }
        key->current = (size_t)(material - key->materials);
    }
    return P11KMS_OK;
}

static p11kms_err load_all(store_t *store, loading_t *loading)
{
    TRY(store_custom_each(store, kms_load_custom, loading->kms));
    TRY(store_key_each(store, load_key, loading));
    TRY(store_material_each(store, load_material, loading));
    TRY(store_tag_each(store, load_tag, loading));
    TRY(store_alias_each(store, load_alias, loading));
    TRY(store_grant_each(store, load_grant, loading));
    TRY(wrappings_load(store, loading->kms));
    return settle_current(loading);
}

p11kms_err kms_load(store_t *store, void *kms)
{
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    loading_t loading = { .kms = kms, .arena = arena };

    ENSURE(arena, P11KMS_E_NOMEM);
    p11kms_err err = load_all(store, &loading);

    for (size_t i = 0; i < loading.n; i++) {
        kms_key_unref(loading.keys[i]);
    }
    free(loading.keys);
    free(loading.current);
    return err;
}
