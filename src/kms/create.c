#include "kms/kms_internal.h"

#include <string.h>

#include "util/clock.h"

const char *kms_default_policy(arena_t *arena, const char *account)
{
    return arena_printf(arena,
                        "{\"Version\":\"2012-10-17\",\"Id\":\"key-default-1\",\"Statement\":[{"
                        "\"Sid\":\"Enable IAM User Permissions\",\"Effect\":\"Allow\","
                        "\"Principal\":{\"AWS\":\"arn:aws:iam::%s:root\"},\"Action\":\"kms:*\","
                        "\"Resource\":\"*\"}]}",
                        account);
}

p11kms_err kms_set_policy(kms_key_t *key, slice_t policy)
{
    if (policy.len) {
        return kms_key_set_policy(key, policy);
    }
    arena_t *arena = arena_new(1024);
    ENSURE(arena, P11KMS_E_NOMEM);
    p11kms_err err = kms_key_set_policy(key, SLICE_STR(kms_default_policy(arena, key->account)));
    arena_free(arena);
    return err;
}

p11kms_err kms_check_room(const kms_t *kms, const char *account, const char *region)
{
    unsigned most = kms_quota(kms, KMS_QUOTA_KEYS);

    if (catalog_count_keys(kms->catalog, account, region) >= most) {
        FAIL(P11KMS_E_LIMIT, "Account %s has the maximum number of KMS keys in %s, %u", account, region, most);
    }
    return P11KMS_OK;
}

static p11kms_err set_kind(kms_key_t *key, const kms_create *create)
{
    key->spec = create->spec ? create->spec : &kms_symmetric_default;
    key->usage = create->usage;
    key->origin = create->origin;
    kms_key_set_multi_region(key, create->multi_region);
    if (create->multi_region) {
        strcpy(key->primary_region, key->region);
    }
    ENSURE(create->custom_store.len < sizeof(key->custom_store), P11KMS_E_RANGE);
    key->link = create->link;
    if (create->custom_store.len) {
        memcpy(key->custom_store, create->custom_store.data, create->custom_store.len);
    }
    return P11KMS_OK;
}

p11kms_err kms_create_key(kms_t *kms, const kms_create *create, kms_key_t **ret)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;
    const char *token = create->token ? create->token : kms->default_token;
    uint8_t id[KMS_ID];

    TRY(kms_check_room(kms, create->account, create->region));
    uuid_random(id);
    TRY(kms_key_new(id, create->account, create->region, &key));
    key->token = core_token(kms->core, token);
    if (!key->token || strlen(token) >= sizeof(key->token_name)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "no token is configured under the name '%s'", token);
    }
    strcpy(key->token_name, token);
    TRY(set_kind(key, create));
    bool is_there = create->origin == KMS_ORIGIN_EXTERNAL_KEY_STORE;
    TRY((is_there ? kms_spec_used_on_token : kms_spec_on_token)(key->spec, key->usage, key->token));
    key->stored = create->disabled ? KMS_STATE_DISABLED : KMS_STATE_ENABLED;
    if (create->origin == KMS_ORIGIN_EXTERNAL) {
        TRY(kms_check_imports(key->token));
        key->stored = KMS_STATE_PENDING_IMPORT;
    }
    key->created = clock_service_ms();
    key->rotation_days = create->rotation_days;
    key->rotation_next = create->rotation_days ? key->created + create->rotation_days * CLOCK_DAY_MS : 0;
    TRY(kms_key_set_description(key, create->description));
    TRY(kms_set_policy(key, create->policy));
    *ret = STEAL(key);
    return P11KMS_OK;
}

static p11kms_err first_material(kms_change *change, kms_key_t *key, const token_op_t *made)
{
    if (kms_spec_is_pair(key->spec)) {
        TRY(kms_key_set_public_key(key, SLICE(made->out, made->out_used)));
    }
    TRY(kms_key_add_material(key, made->key_id, 1, KMS_CAUSE_CREATE, key->created));
    key->current = 0;
    return kms_intent_done(change->store, made->key_id);
}

/* It may have been deleted while the material was made; no start takes a key in a store that there is not. */
static p11kms_err check_store(kms_t *kms, const kms_key_t *key)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;

    if (!key->custom_store[0]) {
        return P11KMS_OK;
    }
    return kms_custom_find(kms, key->account, key->region, SLICE_STR(key->custom_store), &store);
}

p11kms_err kms_change_create(kms_change *change, kms_key_t *key, const token_op_t *made)
{
    _cleanup_(kms_key) kms_key_t *mine = key;

    TRY(kms_check_room(change->kms, mine->account, mine->region)); /* others were made meanwhile */
    TRY(check_store(change->kms, mine));
    if (made) {
        TRY(first_material(change, mine, made));
    }
    return kms_change_insert(change, STEAL(mine));
}
