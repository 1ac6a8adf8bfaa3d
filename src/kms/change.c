/*
 * Changes: rows are written in the worker's transaction, snapshots published
 * after its commit, so that readers never see what might be rolled back.
 */
#include "kms/kms_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/clock.h"

#define LOG_ROOM "kms"
#include "util/log.h"

static void drop_staged(kms_change *change)
{
    for (size_t i = 0; i < change->n_put_keys; i++) {
        kms_key_unref(change->put_key[i]);
    }
    change->n_put_keys = 0;
    kms_alias_unref(change->put_alias);
    kms_custom_unref(change->put_custom);
    kms_custom_unref(change->removed_custom);
    change->put_custom = NULL;
    change->removed_custom = NULL;
    kms_key_unref(change->removed_key);
    kms_alias_unref(change->removed_alias);
    kms_grant_unref(change->put_grant);
    kms_grant_unref(change->removed_grant);
    change->put_alias = NULL;
    change->removed_key = NULL;
    change->removed_alias = NULL;
    change->put_grant = NULL;
    change->removed_grant = NULL;
}

static void out_of_step(p11kms_err err)
{
    if (err != P11KMS_OK) {
        /* The store has it; only memory lacks it. A restart reads it again. */
        log_error("a committed change could not be published: %s; restart the service", p11kms_err_detail(err));
    }
}

static void publish(op_t *op)
{
    kms_change *change = op->staged;
    catalog_t *catalog = change->kms->catalog;

    for (size_t i = 0; i < change->n_put_keys; i++) {
        out_of_step(catalog_put_key(catalog, STEAL(change->put_key[i])));
    }
    change->n_put_keys = 0;
    if (change->put_alias) {
        out_of_step(catalog_put_alias(catalog, STEAL(change->put_alias)));
    }
    if (change->put_custom) {
        out_of_step(kms_customs_put(change->kms->customs, STEAL(change->put_custom)));
    }
    if (change->removed_custom) {
        kms_customs_remove(change->kms->customs, change->removed_custom);
    }
    if (change->put_wrapping) {
        out_of_step(wrappings_put(change->kms->wrappings, change->put_wrapping));
    }
    if (change->gone_wrapping) {
        wrappings_remove(change->kms->wrappings, change->gone_wrapping->id);
    }
    if (change->removed_alias) {
        catalog_remove_alias(catalog, change->removed_alias->account, change->removed_alias->region,
                             change->removed_alias->name);
    }
    if (change->removed_key) {
        catalog_remove_key(catalog, change->removed_key->account, change->removed_key->region,
                           change->removed_key->id);
        grants_remove_key(change->kms->grants,
                          (grants_key){ change->removed_key->region, change->removed_key->id });
    }
    if (change->put_grant) {
        out_of_step(grants_put(change->kms->grants, STEAL(change->put_grant)));
    }
    if (change->removed_grant) {
        grants_remove(change->kms->grants, change->removed_grant);
    }
    drop_staged(change);
}

static void abandon(op_t *op)
{
    drop_staged(op->staged);
}

kms_change *kms_change_begin(op_t *op, kms_t *kms, store_t *store)
{
    kms_change *change = ARENA_NEW(op->arena, kms_change);

    change->kms = kms;
    change->store = store;
    change->arena = op->arena;
    op->staged = change;
    op->on_commit = publish;
    op->on_abort = abandon;
    return change;
}

p11kms_err kms_change_key(kms_change *change, const kms_key_t *seen, kms_key_t **ret)
{
    _cleanup_(kms_key) kms_key_t *now = catalog_key(change->kms->catalog, seen->region, seen->id);

    if (!now) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Key '%s' does not exist", seen->arn);
    }
    return kms_key_copy(now, ret);
}

static store_key row_of(const kms_key_t *key)
{
    store_key row = {
        .account = key->account,
        .region = key->region,
        .spec = key->spec->name,
        .usage = kms_usage_name(key->usage),
        .origin = kms_origin_name(key->origin),
        .state = kms_state_name(key->stored),
        .token = key->token_name,
        .description = key->description,
        .policy = key->policy_json,
        .created = key->created,
        .deletion_days = key->deletion_days,
        .deletion_at = key->deletion_at,
        .rotation_days = key->rotation_days,
        .rotation_next = key->rotation_next,
        .custom_store = key->custom_store,
        .multi_region = key->multi_region,
        .primary_region = key->primary_region,
    };
    memcpy(row.id, key->id, KMS_ID);
    if (kms_key_current(key)) {
        memcpy(row.current_material, kms_key_current(key)->id, KMS_ID);
    }
    return row;
}

static store_material material_row(const kms_key_t *key, const kms_material *material)
{
    store_material row = {
        .account = key->account,
        .region = key->region,
        .number = material->number,
        .token = key->token_name,
        .scheme = kms_scheme(key->spec),
        .public_key = SLICE(key->public_key, key->public_key_len),
        .imported = material->imported,
        .check_value = SLICE(material->check, material->has_check ? sizeof(material->check) : 0),
        .present = !material->absent,
        .pending = material->pending,
        .valid_to = material->valid_to,
        .description = material->description ? material->description : "",
        .cause = kms_cause_name(material->cause),
        .created = material->created,
    };
    memcpy(row.id, material->id, KMS_ID);
    memcpy(row.key_id, key->id, KMS_ID);
    return row;
}

p11kms_err kms_change_material(kms_change *change, const kms_key_t *key, const kms_material *material)
{
    const store_material row = material_row(key, material);

    return store_material_update(change->store, &row);
}

p11kms_err kms_change_remove_material(kms_change *change, const kms_key_t *key, const kms_material *material)
{
    const store_material row = material_row(key, material);

    return store_material_delete(change->store, &row);
}

p11kms_err kms_change_add_material(kms_change *change, const kms_key_t *key, const kms_material *material)
{
    const store_material row = material_row(key, material);

    return store_material_insert(change->store, &row);
}

/* A key edited twice in one transaction is published once, as last written. */
static p11kms_err stage(kms_change *change, kms_key_t *key)
{
    for (size_t i = 0; i < change->n_put_keys; i++) {
        kms_key_t *staged = change->put_key[i];
        if (memcmp(staged->id, key->id, KMS_ID) == 0 && strcmp(staged->region, key->region) == 0) {
            kms_key_unref(staged);
            change->put_key[i] = key;
            return P11KMS_OK;
        }
    }
    if (change->n_put_keys == KMS_STAGED_MAX) {
        kms_key_unref(key);
        FAIL(P11KMS_E_INTERNAL, "one change touches more than %d keys", KMS_STAGED_MAX);
    }
    change->put_key[change->n_put_keys++] = key;
    return P11KMS_OK;
}

p11kms_err kms_change_put(kms_change *change, kms_key_t *key)
{
    const store_key row = row_of(key);
    p11kms_err err = store_key_update(change->store, &row);

    if (err != P11KMS_OK) {
        kms_key_unref(key);
        return err;
    }
    return stage(change, key);
}

static store_tag tag_row(const kms_key_t *key, const kms_tag *tag)
{
    store_tag row = { .account = key->account, .region = key->region, .name = tag->name, .value = tag->value };

    memcpy(row.key_id, key->id, KMS_ID);
    return row;
}

static p11kms_err put_tags(kms_change *change, const kms_key_t *key)
{
    for (size_t i = 0; i < key->n_tags; i++) {
        const store_tag row = tag_row(key, &key->tags[i]);
        TRY(store_tag_put(change->store, &row));
    }
    return P11KMS_OK;
}

static p11kms_err insert_rows(kms_change *change, const kms_key_t *key)
{
    const store_key row = row_of(key);

    TRY(store_key_insert(change->store, &row));
    for (size_t i = 0; i < key->n_materials; i++) {
        const store_material material = material_row(key, &key->materials[i]);
        TRY(store_material_insert(change->store, &material));
    }
    return put_tags(change, key);
}

p11kms_err kms_change_insert(kms_change *change, kms_key_t *key)
{
    p11kms_err err = insert_rows(change, key);

    if (err != P11KMS_OK) {
        kms_key_unref(key);
        return err;
    }
    return stage(change, key);
}

static bool has_tag(const kms_key_t *key, const char *name)
{
    for (size_t i = 0; i < key->n_tags; i++) {
        if (strcmp(key->tags[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

p11kms_err kms_change_tags(kms_change *change, const kms_key_t *before, const kms_key_t *key)
{
    if (key->n_tags > KMS_TAGS_MAX) {
        FAIL(P11KMS_E_TAG, "Too many tags");
    }
    for (size_t i = 0; i < before->n_tags; i++) {
        if (!has_tag(key, before->tags[i].name)) {
            const store_tag row = tag_row(before, &before->tags[i]);
            TRY(store_tag_delete(change->store, &row));
        }
    }
    return put_tags(change, key);
}

p11kms_err kms_check_tag_name(slice_t name)
{
    if (name.len >= 4 && strncasecmp((const char *)name.data, "aws:", 4) == 0) {
        FAIL(P11KMS_E_TAG, "Tags beginning with aws: are reserved");
    }
    return P11KMS_OK;
}

p11kms_err kms_change_delete(kms_change *change, const kms_key_t *key)
{
    const store_key row = row_of(key);

    TRY(store_key_delete(change->store, &row));
    change->removed_key = kms_key_ref(key);
    return P11KMS_OK;
}

static p11kms_err check_room_for_alias(kms_change *change, const kms_key_t *target)
{
    unsigned most = kms_quota(change->kms, KMS_QUOTA_ALIASES_PER_KEY);

    if (catalog_count_aliases(change->kms->catalog, target) >= most) {
        FAIL(P11KMS_E_LIMIT, "The key %s has the maximum number of aliases, %u", target->arn, most);
    }
    return P11KMS_OK;
}

static p11kms_err write_alias(kms_change *change, const kms_alias_t *alias, bool create)
{
    store_alias row = {
        .account = alias->account,
        .region = alias->region,
        .name = alias->name,
        .created = alias->created,
        .updated = alias->updated,
    };
    memcpy(row.key_id, alias->key_id, KMS_ID);
    return create ? store_alias_insert(change->store, &row) : store_alias_update(change->store, &row);
}

p11kms_err kms_change_alias(kms_change *change, const char *account, const char *region, const char *name,
                            const kms_key_t *target, bool create)
{
    _cleanup_(kms_alias) kms_alias_t *alias = NULL;
    _cleanup_(kms_alias) kms_alias_t *before =
        catalog_alias(change->kms->catalog, account, region, SLICE_STR(name));

    TRY(kms_alias_new(account, region, name, target->id, &alias));
    if (create && before) {
        FAIL(P11KMS_E_ALIAS_EXISTS, "An alias with the name %s already exists", alias->arn);
    }
    if (!create && !before) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Alias %s is not found.", alias->arn);
    }
    if (create || memcmp(before->key_id, target->id, KMS_ID) != 0) {
        TRY(check_room_for_alias(change, target));
    }
    alias->updated = clock_service_ms();
    alias->created = create ? alias->updated : before->created;
    TRY(write_alias(change, alias, create));
    change->put_alias = STEAL(alias);
    return P11KMS_OK;
}

p11kms_err kms_change_remove_alias(kms_change *change, const char *account, const char *region, const char *name)
{
    _cleanup_(kms_alias) kms_alias_t *alias = catalog_alias(change->kms->catalog, account, region, SLICE_STR(name));

    if (!alias) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Alias arn:aws:kms:%s:%s:%s is not found.", region, account, name);
    }
    TRY(store_alias_delete(change->store, account, region, name));
    change->removed_alias = STEAL(alias);
    return P11KMS_OK;
}

p11kms_err kms_change_rotate(kms_change *change, kms_key_t *key, const uint8_t material_id[KMS_ID], kms_cause cause)
{
    unsigned number = key->materials[key->n_materials - 1].number + 1;

    TRY(kms_key_add_material(key, material_id, number, cause, clock_service_ms()));
    key->current = key->n_materials - 1;
    TRY(kms_change_add_material(change, key, kms_key_current(key)));
    return kms_change_rotate_others(change, key);
}

/* ---- grants ---- */

static p11kms_err check_room(const kms_t *kms, grants_key key)
{
    unsigned most = kms_quota(kms, KMS_QUOTA_GRANTS_PER_KEY);

    if (grants_count(kms->grants, key) >= most) {
        FAIL(P11KMS_E_LIMIT, "The key has the maximum number of grants, %u", most);
    }
    return P11KMS_OK;
}

p11kms_err kms_check_room_for_grant(const kms_t *kms, const kms_key_t *key)
{
    return check_room(kms, (grants_key){ key->region, key->id });
}

static p11kms_err insert_grant(kms_change *change, const kms_grant_t *grant)
{
    store_grant row;

    TRY(check_room(change->kms, (grants_key){ grant->region, grant->key_id }));
    kms_grant_row(grant, change->arena, &row);
    return store_grant_insert(change->store, &row);
}

p11kms_err kms_change_grant(kms_change *change, kms_grant_t *grant)
{
    p11kms_err err = insert_grant(change, grant);

    if (err != P11KMS_OK) {
        kms_grant_unref(grant);
        return err;
    }
    change->put_grant = grant;
    return P11KMS_OK;
}

p11kms_err kms_change_remove_grant(kms_change *change, const kms_grant_t *grant)
{
    store_grant row;

    kms_grant_row(grant, change->arena, &row);
    p11kms_err err = store_grant_delete(change->store, &row);
    if (err == P11KMS_E_NOT_FOUND) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Grant ID %s is not found", grant->id_text);
    }
    TRY(err);
    change->removed_grant = kms_grant_ref(grant);
    return P11KMS_OK;
}
