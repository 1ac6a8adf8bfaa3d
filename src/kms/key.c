#include "kms/key.h"

#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "util/clock.h"

static const char *const cause_names[] = { "CREATE", "AUTOMATIC", "ON_DEMAND" };

const char *kms_cause_name(kms_cause cause)
{
    return cause_names[cause];
}

p11kms_err kms_cause_parse(const char *name, kms_cause *ret)
{
    for (size_t i = 0; i < COUNT_OF(cause_names); i++) {
        if (strcmp(name, cause_names[i]) == 0) {
            *ret = (kms_cause)i;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_SYNTAX, "'%s' is not a cause of a key material", name);
}

kms_key_t *kms_key_ref(const kms_key_t *key)
{
    kms_key_t *mine = (kms_key_t *)(uintptr_t)key;

    __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void kms_key_unref(kms_key_t *key)
{
    if (!key || __atomic_sub_fetch(&key->refs, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    for (size_t i = 0; i < key->n_tags; i++) {
        free(key->tags[i].name);
        free(key->tags[i].value);
    }
    free(key->tags);
    for (size_t i = 0; i < key->n_materials; i++) {
        free(key->materials[i].description);
    }
    free(key->materials);
    free(key->public_key);
    free(key->description);
    free(key->policy_json);
    policy_unref(key->policy);
    free(key);
}

p11kms_err kms_key_new(const uint8_t id[KMS_ID], const char *account, const char *region, kms_key_t **ret)
{
    _cleanup_(kms_key) kms_key_t *key = calloc(1, sizeof(*key));

    ENSURE(key, P11KMS_E_NOMEM);
    key->refs = 1;
    memcpy(key->id, id, KMS_ID);
    key->spec = &kms_symmetric_default;
    key->current = KMS_NO_MATERIAL;
    ENSURE(strlen(account) < sizeof(key->account) && strlen(region) < sizeof(key->region), P11KMS_E_RANGE);
    strcpy(key->account, account);
    strcpy(key->region, region);
    kms_key_set_multi_region(key, false);
    TRY(kms_key_set_description(key, SLICE("", 0)));
    *ret = STEAL(key);
    return P11KMS_OK;
}

void kms_key_set_multi_region(kms_key_t *key, bool multi_region)
{
    key->multi_region = multi_region;
    if (multi_region) {
        memcpy(key->id_text, KMS_MULTI_REGION_PREFIX, strlen(KMS_MULTI_REGION_PREFIX));
        hex_encode(key->id, KMS_ID, key->id_text + strlen(KMS_MULTI_REGION_PREFIX));
    } else {
        uuid_format(key->id, key->id_text);
    }
    snprintf(key->arn, sizeof(key->arn), "arn:aws:kms:%s:%s:key/%s", key->region, key->account, key->id_text);
}

p11kms_err kms_key_set_public_key(kms_key_t *key, slice_t spki)
{
    uint8_t *copy = NULL;

    if (spki.len) {
        copy = malloc(spki.len);
        ENSURE(copy, P11KMS_E_NOMEM);
        memcpy(copy, spki.data, spki.len);
    }
    free(key->public_key);
    key->public_key = copy;
    key->public_key_len = spki.len;
    return P11KMS_OK;
}

static p11kms_err copy_text(slice_t text, char **field)
{
    char *copy = strndup(text.len ? (const char *)text.data : "", text.len);

    ENSURE(copy, P11KMS_E_NOMEM);
    free(*field);
    *field = copy;
    return P11KMS_OK;
}

static p11kms_err copy_materials(kms_key_t *copy, const kms_key_t *key)
{
    if (key->n_materials == 0) {
        return P11KMS_OK;
    }
    copy->materials = calloc(key->n_materials, sizeof(*copy->materials));
    ENSURE(copy->materials, P11KMS_E_NOMEM);
    for (size_t i = 0; i < key->n_materials; i++) {
        copy->materials[i] = key->materials[i];
        copy->materials[i].description = NULL;
        copy->n_materials++;
        if (key->materials[i].description) {
            TRY(kms_material_describe(&copy->materials[i], SLICE_STR(key->materials[i].description)));
        }
    }
    copy->current = key->current;
    return P11KMS_OK;
}

p11kms_err kms_key_copy(const kms_key_t *key, kms_key_t **ret)
{
    _cleanup_(kms_key) kms_key_t *copy = NULL;

    TRY(kms_key_new(key->id, key->account, key->region, &copy));
    kms_key_set_multi_region(copy, key->multi_region);
    memcpy(copy->primary_region, key->primary_region, sizeof(copy->primary_region));
    memcpy(copy->custom_store, key->custom_store, sizeof(copy->custom_store));
    copy->link = key->link;
    copy->spec = key->spec;
    copy->usage = key->usage;
    copy->origin = key->origin;
    TRY(kms_key_set_public_key(copy, SLICE(key->public_key, key->public_key_len)));
    copy->stored = key->stored;
    copy->token = key->token;
    memcpy(copy->token_name, key->token_name, sizeof(copy->token_name));
    copy->created = key->created;
    copy->deletion_days = key->deletion_days;
    copy->deletion_at = key->deletion_at;
    copy->rotation_days = key->rotation_days;
    copy->rotation_next = key->rotation_next;
    TRY(kms_key_set_description(copy, SLICE_STR(key->description)));
    if (key->policy_json) {
        TRY(copy_text(SLICE_STR(key->policy_json), &copy->policy_json));
        copy->policy = policy_ref(key->policy);
    }
    for (size_t i = 0; i < key->n_tags; i++) {
        TRY(kms_key_set_tag(copy, SLICE_STR(key->tags[i].name), SLICE_STR(key->tags[i].value)));
    }
    TRY(copy_materials(copy, key));
    *ret = STEAL(copy);
    return P11KMS_OK;
}

p11kms_err kms_material_describe(kms_material *material, slice_t text)
{
    if (text.len) {
        return copy_text(text, &material->description);
    }
    free(material->description);
    material->description = NULL;
    return P11KMS_OK;
}

p11kms_err kms_key_set_description(kms_key_t *key, slice_t text)
{
    return copy_text(text, &key->description);
}

p11kms_err kms_key_set_policy(kms_key_t *key, slice_t json)
{
    _cleanup_(policy) policy_t *policy = NULL;
    char name[UUID_TEXT + 32];

    snprintf(name, sizeof(name), "key policy of %s", key->id_text);
    TRY(policy_compile(json, POLICY_RESOURCE, name, &policy));
    TRY(copy_text(json, &key->policy_json));
    policy_unref(key->policy);
    key->policy = STEAL(policy);
    return P11KMS_OK;
}

/* A name for the material that tells nothing of CKA_ID, 64 hex as AWS's KeyMaterialId. */
static void name_material(const kms_key_t *key, kms_material *material)
{
    static const char label[] = "p11kms/v1/material";
    const slice_t parts[] = { SLICE(label, sizeof(label)), SLICE(key->id, KMS_ID), SLICE(material->id, KMS_ID) };
    uint8_t digest[SHA256_LEN];

    crypto_sha256_parts(parts, COUNT_OF(parts), digest);
    hex_encode(digest, sizeof(digest), material->id_text);
}

p11kms_err kms_key_add_material(kms_key_t *key, const uint8_t id[KMS_ID], unsigned number, kms_cause cause,
                                int64_t created)
{
    size_t at = key->n_materials;
    kms_material *grown = realloc(key->materials, (at + 1) * sizeof(*grown));

    ENSURE(grown, P11KMS_E_NOMEM);
    key->materials = grown;
    while (at > 0 && grown[at - 1].number > number) {
        at--;
    }
    memmove(&grown[at + 1], &grown[at], (key->n_materials - at) * sizeof(*grown));
    key->n_materials++;
    if (key->current != KMS_NO_MATERIAL && at <= key->current) {
        key->current++;
    }
    grown[at] = (kms_material){ .number = number, .cause = cause, .created = created };
    memcpy(grown[at].id, id, KMS_ID);
    name_material(key, &grown[at]);
    return P11KMS_OK;
}

static size_t tag_place(const kms_key_t *key, slice_t name, bool *found)
{
    size_t low = 0, high = key->n_tags;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = slice_cmp(SLICE_STR(key->tags[mid].name), name);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    *found = false;
    return low;
}

p11kms_err kms_key_set_tag(kms_key_t *key, slice_t name, slice_t value)
{
    bool found;
    size_t at = tag_place(key, name, &found);

    if (found) {
        return copy_text(value, &key->tags[at].value);
    }
    kms_tag *grown = realloc(key->tags, (key->n_tags + 1) * sizeof(*grown));
    ENSURE(grown, P11KMS_E_NOMEM);
    key->tags = grown;
    kms_tag tag = { 0 };
    TRY(copy_text(name, &tag.name));
    p11kms_err err = copy_text(value, &tag.value);
    if (err != P11KMS_OK) {
        free(tag.name);
        return err;
    }
    memmove(&grown[at + 1], &grown[at], (key->n_tags - at) * sizeof(*grown));
    grown[at] = tag;
    key->n_tags++;
    return P11KMS_OK;
}

void kms_key_remove_tag(kms_key_t *key, slice_t name)
{
    bool found;
    size_t at = tag_place(key, name, &found);

    if (!found) {
        return;
    }
    free(key->tags[at].name);
    free(key->tags[at].value);
    memmove(&key->tags[at], &key->tags[at + 1], (key->n_tags - at - 1) * sizeof(*key->tags));
    key->n_tags--;
}

bool kms_key_lacks_material(const kms_key_t *key, int64_t now)
{
    if (key->origin != KMS_ORIGIN_EXTERNAL) {
        return false;
    }
    for (size_t i = 0; i < key->n_materials; i++) {
        const kms_material *material = &key->materials[i];
        bool expired = material->valid_to && material->valid_to <= now;

        if (!material->pending && (material->absent || expired)) {
            return true;
        }
    }
    return !kms_key_current(key);
}

/*
 * Imported material is gone when its time has come, whether or not the schedule has come to it yet.
 *
 * A token that is being started again keeps its keys Enabled: requests wait their
 * deadline and get a retryable fault. One that only an operator can bring back
 * makes them Unavailable. In a custom key store they are Unavailable whenever it is not connected.
 */
kms_state kms_key_state(const kms_key_t *key)
{
    bool usable = key->stored == KMS_STATE_ENABLED || key->stored == KMS_STATE_DISABLED;
    bool gone = !key->token || token_get_state(key->token) == TOKEN_PIN_REFUSED;

    if (usable && kms_key_lacks_material(key, clock_service_ms())) {
        return KMS_STATE_PENDING_IMPORT;
    }
    if (key->link) {
        gone = gone || !__atomic_load_n(&key->link->connected, __ATOMIC_ACQUIRE) ||
               token_get_state(key->token) != TOKEN_READY;
    }
    return gone && key->stored == KMS_STATE_ENABLED ? KMS_STATE_UNAVAILABLE : key->stored;
}

bool kms_key_is_primary(const kms_key_t *key)
{
    return !key->multi_region || strcmp(key->region, key->primary_region) == 0;
}

const kms_material *kms_key_material(const kms_key_t *key, const uint8_t id[KMS_ID])
{
    for (size_t i = key->n_materials; i-- > 0;) {
        if (memcmp(key->materials[i].id, id, KMS_ID) == 0) {
            return &key->materials[i];
        }
    }
    return NULL;
}

const kms_material *kms_key_current(const kms_key_t *key)
{
    return key->current == KMS_NO_MATERIAL ? NULL : &key->materials[key->current];
}

const kms_material *kms_key_pending(const kms_key_t *key)
{
    for (size_t i = 0; i < key->n_materials; i++) {
        if (key->materials[i].pending) {
            return &key->materials[i];
        }
    }
    return NULL;
}

void kms_key_remove_material(kms_key_t *key, const uint8_t id[KMS_ID])
{
    const kms_material *material = kms_key_material(key, id);

    if (!material) {
        return;
    }
    size_t at = (size_t)(material - key->materials);
    free(key->materials[at].description);
    memmove(&key->materials[at], &key->materials[at + 1], (key->n_materials - at - 1) * sizeof(*key->materials));
    key->n_materials--;
    if (key->current != KMS_NO_MATERIAL && at < key->current) {
        key->current--;
    }
}

kms_material *kms_key_edit_material(kms_key_t *key, const uint8_t id[KMS_ID])
{
    return (kms_material *)(uintptr_t)kms_key_material(key, id);
}
