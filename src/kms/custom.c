#include "kms/custom.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "kms/kms_internal.h"
#include "util/clock.h"

static const char *const type_names[] = {
    [KMS_CUSTOM_CLOUDHSM] = "AWS_CLOUDHSM",
    [KMS_CUSTOM_EXTERNAL] = "EXTERNAL_KEY_STORE",
};

const char *kms_custom_type_name(kms_custom_type type)
{
    return type_names[type];
}

kms_custom_t *kms_custom_ref(const kms_custom_t *store)
{
    kms_custom_t *mine = (kms_custom_t *)(uintptr_t)store;

    __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void kms_custom_unref(kms_custom_t *store)
{
    if (store && __atomic_sub_fetch(&store->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        free(store->name);
        free(store->details);
        free(store);
    }
}

void kms_cluster_id(const char *token_name, char out[KMS_CLUSTER_ID])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t digest[SHA256_LEN];
    char *at = out + sprintf(out, "cluster-");

    crypto_sha256(SLICE_STR(token_name), digest);
    for (unsigned bit = 0; bit < 80; bit += 5) {
        unsigned pair = ((unsigned)digest[bit / 8] << 8) | digest[bit / 8 + 1];
        *at++ = digits[(pair >> (11 - bit % 8)) & 31];
    }
    *at = '\0';
}

kms_connection kms_custom_connection(const kms_custom_t *store)
{
    if (!store->connected) {
        return KMS_STORE_DISCONNECTED;
    }
    if (!store->token) {
        return KMS_STORE_FAILED;
    }
    switch (token_get_state(store->token)) {
    case TOKEN_READY:
        return KMS_STORE_CONNECTED;
    case TOKEN_STARTING:
        return KMS_STORE_CONNECTING;
    default:
        return KMS_STORE_FAILED;
    }
}

const char *kms_custom_problem(const kms_custom_t *store)
{
    bool cluster = store->type == KMS_CUSTOM_CLOUDHSM;

    if (!store->token) {
        return cluster ? "CLUSTER_NOT_FOUND" : "XKS_PROXY_NOT_REACHABLE";
    }
    if (token_get_state(store->token) == TOKEN_PIN_REFUSED) {
        return cluster ? "INVALID_CREDENTIALS" : "XKS_PROXY_ACCESS_DENIED";
    }
    return cluster ? "NETWORK_ERRORS" : "XKS_PROXY_NOT_REACHABLE";
}

/* ---- the stores of the service ---- */

/*
 * Few (AWS: 10 an account and Region), so a list does. Readers are the loop and the
 * worker; the worker publishes. A link outlives its store: keys that were just removed may still name it.
 */
struct kms_customs {
    pthread_mutex_t lock;
    kms_custom_t **stores;
    size_t n;
    kms_link *links; /* all there ever were */
};

p11kms_err kms_customs_new(kms_customs_t **ret)
{
    kms_customs_t *customs = calloc(1, sizeof(*customs));

    ENSURE(customs, P11KMS_E_NOMEM);
    pthread_mutex_init(&customs->lock, NULL);
    *ret = customs;
    return P11KMS_OK;
}

void kms_customs_free(kms_customs_t *customs)
{
    if (!customs) {
        return;
    }
    for (size_t i = 0; i < customs->n; i++) {
        kms_custom_unref(customs->stores[i]);
    }
    for (kms_link *link = customs->links, *next; link; link = next) {
        next = link->next;
        free(link);
    }
    free(customs->stores);
    pthread_mutex_destroy(&customs->lock);
    free(customs);
}

static bool is_of(const kms_custom_t *store, const char *account, const char *region)
{
    return strcmp(store->account, account) == 0 && strcmp(store->region, region) == 0;
}

static kms_custom_t *find_by(kms_t *kms, const char *account, const char *region, slice_t text,
                             bool (*matches)(const kms_custom_t *store, slice_t text))
{
    kms_customs_t *customs = kms->customs;
    kms_custom_t *found = NULL;

    pthread_mutex_lock(&customs->lock);
    for (size_t i = 0; i < customs->n && !found; i++) {
        if (is_of(customs->stores[i], account, region) && matches(customs->stores[i], text)) {
            found = kms_custom_ref(customs->stores[i]);
        }
    }
    pthread_mutex_unlock(&customs->lock);
    return found;
}

static bool has_id(const kms_custom_t *store, slice_t id)
{
    return slice_eq_str(id, store->id);
}

static bool has_name(const kms_custom_t *store, slice_t name)
{
    return slice_eq_str(name, store->name);
}

static bool has_token(const kms_custom_t *store, slice_t name)
{
    return slice_eq_str(name, store->token_name);
}

kms_custom_t *kms_custom_named(kms_t *kms, const char *account, const char *region, slice_t name)
{
    return find_by(kms, account, region, name, has_name);
}

p11kms_err kms_custom_find(kms_t *kms, const char *account, const char *region, slice_t id, kms_custom_t **ret)
{
    *ret = find_by(kms, account, region, id, has_id);
    if (!*ret) {
        FAIL(P11KMS_E_CUSTOM_NOT_FOUND, "There is no custom key store with the ID %.*s.", (int)id.len,
             (const char *)id.data);
    }
    return P11KMS_OK;
}

static int by_id(const void *a, const void *b)
{
    const kms_custom_t *x = *(kms_custom_t *const *)a, *y = *(kms_custom_t *const *)b;

    return strcmp(x->id, y->id);
}

p11kms_err kms_custom_list(kms_t *kms, const char *account, const char *region, kms_custom_t ***ret, size_t *ret_n)
{
    kms_customs_t *customs = kms->customs;
    size_t n = 0;

    pthread_mutex_lock(&customs->lock);
    kms_custom_t **list = malloc((customs->n + 1) * sizeof(*list));
    for (size_t i = 0; list && i < customs->n; i++) {
        if (is_of(customs->stores[i], account, region)) {
            list[n++] = kms_custom_ref(customs->stores[i]);
        }
    }
    pthread_mutex_unlock(&customs->lock);
    ENSURE(list, P11KMS_E_NOMEM);
    qsort(list, n, sizeof(*list), by_id);
    *ret = list;
    *ret_n = n;
    return P11KMS_OK;
}

static size_t place_of(const kms_customs_t *customs, const kms_custom_t *store)
{
    size_t at = 0;

    while (at < customs->n &&
           !(is_of(customs->stores[at], store->account, store->region) && strcmp(customs->stores[at]->id, store->id) == 0)) {
        at++;
    }
    return at;
}

p11kms_err kms_customs_put(kms_customs_t *customs, kms_custom_t *store)
{
    pthread_mutex_lock(&customs->lock);
    size_t at = place_of(customs, store);
    kms_custom_t **grown = customs->stores;
    kms_custom_t *old = NULL;

    if (at == customs->n) {
        grown = realloc(customs->stores, (customs->n + 1) * sizeof(*grown));
    } else {
        old = customs->stores[at];
    }
    if (grown) {
        customs->stores = grown;
        customs->n += at == customs->n;
        grown[at] = store;
        __atomic_store_n(&store->link->connected, store->connected, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&customs->lock);
    kms_custom_unref(grown ? old : store);
    return grown ? P11KMS_OK : p11kms_fail_plain(P11KMS_E_NOMEM);
}

void kms_customs_remove(kms_customs_t *customs, const kms_custom_t *store)
{
    kms_custom_t *old = NULL;

    pthread_mutex_lock(&customs->lock);
    size_t at = place_of(customs, store);
    if (at < customs->n) {
        old = customs->stores[at];
        __atomic_store_n(&old->link->connected, false, __ATOMIC_RELEASE);
        customs->stores[at] = customs->stores[--customs->n];
    }
    pthread_mutex_unlock(&customs->lock);
    kms_custom_unref(old);
}

static p11kms_err new_link(kms_customs_t *customs, kms_link **ret)
{
    kms_link *link = calloc(1, sizeof(*link));

    ENSURE(link, P11KMS_E_NOMEM);
    pthread_mutex_lock(&customs->lock);
    link->next = customs->links;
    customs->links = link;
    pthread_mutex_unlock(&customs->lock);
    *ret = link;
    return P11KMS_OK;
}

/* ---- making and editing one ---- */

static p11kms_err set_text(char **field, slice_t text)
{
    char *copy = strndup(text.len ? (const char *)text.data : "", text.len);

    ENSURE(copy, P11KMS_E_NOMEM);
    free(*field);
    *field = copy;
    return P11KMS_OK;
}

p11kms_err kms_custom_rename(kms_custom_t *store, slice_t name)
{
    return set_text(&store->name, name);
}

p11kms_err kms_custom_detail(kms_custom_t *store, slice_t json)
{
    return set_text(&store->details, json);
}

/* Field by field: others take and drop references of @p store meanwhile. */
p11kms_err kms_custom_copy(const kms_custom_t *store, kms_custom_t **ret)
{
    _cleanup_(kms_custom) kms_custom_t *copy = calloc(1, sizeof(*copy));

    ENSURE(copy, P11KMS_E_NOMEM);
    copy->refs = 1;
    memcpy(copy->account, store->account, sizeof(copy->account));
    memcpy(copy->region, store->region, sizeof(copy->region));
    memcpy(copy->id, store->id, sizeof(copy->id));
    memcpy(copy->token_name, store->token_name, sizeof(copy->token_name));
    copy->type = store->type;
    copy->token = store->token;
    copy->connected = store->connected;
    copy->created = store->created;
    copy->link = store->link;
    TRY(set_text(&copy->name, SLICE_STR(store->name)));
    TRY(set_text(&copy->details, SLICE_STR(store->details)));
    *ret = STEAL(copy);
    return P11KMS_OK;
}

static p11kms_err fill(kms_t *kms, const store_custom *row, kms_custom_t *store)
{
    ENSURE(strlen(row->account) < sizeof(store->account) && strlen(row->region) < sizeof(store->region) &&
               strlen(row->id) < sizeof(store->id) && strlen(row->token) < sizeof(store->token_name),
           P11KMS_E_RANGE);
    strcpy(store->account, row->account);
    strcpy(store->region, row->region);
    strcpy(store->id, row->id);
    strcpy(store->token_name, row->token);
    store->type = strcmp(row->type, type_names[KMS_CUSTOM_CLOUDHSM]) == 0 ? KMS_CUSTOM_CLOUDHSM : KMS_CUSTOM_EXTERNAL;
    store->token = core_token(kms->core, row->token);
    store->connected = row->connected;
    store->created = row->created;
    TRY(set_text(&store->name, SLICE_STR(row->name)));
    TRY(set_text(&store->details, SLICE_STR(row->details)));
    return new_link(kms->customs, &store->link);
}

static p11kms_err from_row(kms_t *kms, const store_custom *row, kms_custom_t **ret)
{
    _cleanup_(kms_custom) kms_custom_t *store = calloc(1, sizeof(*store));

    ENSURE(store, P11KMS_E_NOMEM);
    store->refs = 1;
    TRY(fill(kms, row, store));
    *ret = STEAL(store);
    return P11KMS_OK;
}

p11kms_err kms_load_custom(void *kms, const store_custom *row)
{
    kms_custom_t *store = NULL;

    TRY(from_row(kms, row, &store));
    return kms_customs_put(((kms_t *)kms)->customs, store);
}

static store_custom row_of(const kms_custom_t *store)
{
    return (store_custom){
        .account = store->account,
        .region = store->region,
        .id = store->id,
        .name = store->name,
        .type = kms_custom_type_name(store->type),
        .token = store->token_name,
        .details = store->details,
        .connected = store->connected,
        .created = store->created,
    };
}

/* Others were made meanwhile. */
static p11kms_err check_free(kms_t *kms, const store_custom *row, kms_custom_type type)
{
    _cleanup_(kms_custom) kms_custom_t *named = kms_custom_named(kms, row->account, row->region, SLICE_STR(row->name));
    _cleanup_(kms_custom) kms_custom_t *over = find_by(kms, row->account, row->region, SLICE_STR(row->token), has_token);
    unsigned most = kms_quota(kms, KMS_QUOTA_CUSTOM_KEY_STORES);
    kms_custom_t **list;
    size_t n;

    if (named) {
        FAIL(P11KMS_E_CUSTOM_NAME, "The custom key store name %s is in use.", row->name);
    }
    if (over) {
        FAIL(type == KMS_CUSTOM_CLOUDHSM ? P11KMS_E_CLUSTER_IN_USE : P11KMS_E_XKS_URI_IN_USE,
             "The token '%s' is the custom key store %s already.", row->token, over->id);
    }
    TRY(kms_custom_list(kms, row->account, row->region, &list, &n));
    for (size_t i = 0; i < n; i++) {
        kms_custom_unref(list[i]);
    }
    free(list);
    if (n >= most) {
        FAIL(P11KMS_E_LIMIT, "Account %s has the maximum number of custom key stores in %s, %u", row->account,
             row->region, most);
    }
    return P11KMS_OK;
}

p11kms_err kms_change_create_custom(kms_change *change, const kms_custom_new *wanted, const char **ret_id)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;
    uint8_t random[9];
    char digits[2 * sizeof(random) + 1];
    char id[KMS_CUSTOM_ID];
    store_custom row = {
        .account = wanted->account,
        .region = wanted->region,
        .id = id,
        .name = wanted->name,
        .type = kms_custom_type_name(wanted->type),
        .token = wanted->token,
        .details = wanted->details,
        .created = clock_service_ms(),
    };

    TRY(crypto_random(random, sizeof(random)));
    hex_encode(random, sizeof(random), digits);
    snprintf(id, sizeof(id), "cks-%.17s", digits);
    TRY(check_free(change->kms, &row, wanted->type));
    TRY(from_row(change->kms, &row, &store));
    TRY(store_custom_insert(change->store, &row));
    *ret_id = store->id;
    change->put_custom = STEAL(store);
    return P11KMS_OK;
}

p11kms_err kms_change_custom(kms_change *change, kms_custom_t *store)
{
    _cleanup_(kms_custom) kms_custom_t *mine = store;
    const store_custom row = row_of(mine);

    TRY(store_custom_update(change->store, &row));
    change->put_custom = STEAL(mine);
    return P11KMS_OK;
}

static bool is_linked(const kms_key_t *key, const void *link)
{
    return key->link == link;
}

static p11kms_err check_empty(kms_t *kms, const kms_custom_t *store)
{
    size_t in_it = catalog_count(kms->catalog, is_linked, store->link);

    if (in_it > 0) {
        FAIL(P11KMS_E_CUSTOM_HAS_KEYS, "The custom key store %s has %zu KMS keys: schedule their deletion first.",
             store->id, in_it);
    }
    return P11KMS_OK;
}

p11kms_err kms_change_delete_custom(kms_change *change, const kms_custom_t *store)
{
    const store_custom row = row_of(store);

    TRY(check_empty(change->kms, store));
    TRY(store_custom_delete(change->store, &row));
    change->removed_custom = kms_custom_ref(store);
    return P11KMS_OK;
}

/* ---- keys in one ---- */

p11kms_err kms_custom_take(const kms_custom_t *store, kms_create *create)
{
    if (kms_custom_connection(store) != KMS_STORE_CONNECTED) {
        FAIL(P11KMS_E_CUSTOM_STATE, "The custom key store %s is not connected.", store->id);
    }
    create->token = store->token_name;
    create->custom_store = SLICE_STR(store->id);
    create->link = store->link;
    return P11KMS_OK;
}

typedef struct {
    const char *token_name;
    const uint8_t *id;
} token_object_t;

static bool is_material_of(const kms_key_t *key, const void *arg)
{
    const token_object_t *object = arg;

    return strcmp(key->token_name, object->token_name) == 0 && kms_key_material(key, object->id);
}

static p11kms_err note_intent(void *arg, const store_intent *row)
{
    const token_object_t *object = arg;

    if (memcmp(row->material_id, object->id, KMS_ID) == 0 && strcmp(row->token, object->token_name) == 0) {
        FAIL(P11KMS_E_XKS_KEY_IN_USE, "The key on the token is being made or destroyed.");
    }
    return P11KMS_OK;
}

p11kms_err kms_check_adoptable(kms_t *kms, store_t *store, const char *token_name, const uint8_t material_id[KMS_ID])
{
    token_object_t object = { .token_name = token_name, .id = material_id };
    bool used = kms_key_material(kms->service_key, material_id) ||
                catalog_count(kms->catalog, is_material_of, &object) > 0;

    if (used) {
        FAIL(P11KMS_E_XKS_KEY_IN_USE, "The key on the token belongs to another KMS key already.");
    }
    return store_intent_each(store, note_intent, &object);
}
