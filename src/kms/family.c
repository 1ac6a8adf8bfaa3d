/*
 * Multi-Region keys ("Multi-Region keys in AWS KMS"): one id and one material in
 * several Regions, everything else each Region's own. All of them are this
 * daemon's, on one token, so that what changes for all changes in one transaction.
 */
#include "kms/kms_internal.h"

#include <string.h>

#include "util/clock.h"

void kms_family_of(kms_t *kms, const kms_key_t *key, kms_family_t *ret)
{
    ret->n = key->multi_region ? catalog_family(kms->catalog, key->id, ret->keys) : 0;
}

void kms_family_clear(kms_family_t *family)
{
    for (size_t i = 0; i < family->n; i++) {
        kms_key_unref(family->keys[i]);
    }
    family->n = 0;
}

const kms_key_t *kms_family_in(const kms_family_t *family, const char *region)
{
    for (size_t i = 0; i < family->n; i++) {
        if (strcmp(family->keys[i]->region, region) == 0) {
            return family->keys[i];
        }
    }
    return NULL;
}

kms_key_t *kms_primary_of(kms_t *kms, const kms_key_t *key)
{
    kms_key_t *primary = kms_key_is_primary(key) ? NULL : catalog_key(kms->catalog, key->primary_region, key->id);

    return primary ? primary : kms_key_ref(key);
}

/* ---- a replica ---- */

static p11kms_err check_replicable(const kms_key_t *primary)
{
    if (!primary->multi_region || !kms_key_is_primary(primary)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s is not a multi-region primary key.", primary->arn);
    }
    return P11KMS_OK;
}

p11kms_err kms_replica_new(const kms_key_t *primary, const char *region, slice_t description, slice_t policy,
                           kms_key_t **ret)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(check_replicable(primary));
    TRY(kms_key_new(primary->id, primary->account, region, &key));
    kms_key_set_multi_region(key, true);
    strcpy(key->primary_region, primary->region);
    key->spec = primary->spec;
    key->usage = primary->usage;
    key->origin = primary->origin;
    key->token = primary->token;
    strcpy(key->token_name, primary->token_name);
    key->stored = KMS_STATE_CREATING;
    key->created = clock_service_ms();
    TRY(kms_key_set_description(key, description));
    TRY(kms_set_policy(key, policy));
    *ret = STEAL(key);
    return P11KMS_OK;
}

/* Imported material is each Region's to import; what it must be is known, though. */
static p11kms_err take_import(kms_material *copy, const kms_material *material)
{
    copy->imported = true;
    copy->absent = true;
    copy->pending = material->pending;
    copy->has_check = material->has_check;
    memcpy(copy->check, material->check, sizeof(copy->check));
    return kms_material_describe(copy, material->description ? SLICE_STR(material->description) : SLICE(NULL, 0));
}

static p11kms_err take_material(kms_key_t *key, const kms_material *material)
{
    TRY(kms_key_add_material(key, material->id, material->number, material->cause, material->created));
    return material->imported ? take_import(kms_key_edit_material(key, material->id), material) : P11KMS_OK;
}

static p11kms_err take_materials(kms_key_t *key, const kms_key_t *from)
{
    for (size_t i = 0; i < from->n_materials; i++) {
        TRY(take_material(key, &from->materials[i]));
    }
    key->current = from->current;
    return kms_key_set_public_key(key, SLICE(from->public_key, from->public_key_len));
}

static p11kms_err check_family(kms_change *change, const kms_key_t *primary, const kms_key_t *replica)
{
    kms_family_t family;
    p11kms_err err = P11KMS_OK;

    kms_family_of(change->kms, primary, &family);
    if (kms_family_in(&family, replica->region)) {
        err = p11kms_fail(P11KMS_E_ALIAS_EXISTS,
                          "You can create only one replica of each primary key in each AWS Region.");
    } else if (family.n == KMS_FAMILY_MAX) {
        err = p11kms_fail(P11KMS_E_LIMIT, "%s has the maximum number of replicas, %d", primary->arn,
                          KMS_FAMILY_MAX - 1);
    }
    kms_family_clear(&family);
    return err;
}

p11kms_err kms_change_replicate(kms_change *change, const kms_key_t *primary, kms_key_t *replica)
{
    _cleanup_(kms_key) kms_key_t *mine = replica;

    TRY(check_replicable(primary));
    TRY(kms_check_room(change->kms, mine->account, mine->region));
    TRY(check_family(change, primary, mine));
    TRY(take_materials(mine, primary));
    return kms_change_insert(change, STEAL(mine));
}

/* ---- what reaches all ---- */

typedef p11kms_err (*each_fn)(kms_change *change, kms_key_t *member, const kms_key_t *primary);

/* Every other member of the primary's family, as a copy that @p each edits. */
static p11kms_err edit_others(kms_change *change, const kms_key_t *primary, each_fn each)
{
    kms_family_t family;
    p11kms_err err = P11KMS_OK;

    kms_family_of(change->kms, primary, &family);
    for (size_t i = 0; i < family.n && err == P11KMS_OK; i++) {
        _cleanup_(kms_key) kms_key_t *member = NULL;

        if (strcmp(family.keys[i]->region, primary->region) == 0) {
            continue;
        }
        err = kms_key_copy(family.keys[i], &member);
        if (err == P11KMS_OK) {
            err = each(change, member, primary);
        }
        if (err == P11KMS_OK) {
            err = kms_change_put(change, STEAL(member));
        }
    }
    kms_family_clear(&family);
    return err;
}

static p11kms_err follow_rotation(kms_change *change, kms_key_t *member, const kms_key_t *primary)
{
    TRY(take_material(member, kms_key_current(primary)));
    member->current = member->n_materials - 1;
    return kms_change_add_material(change, member, kms_key_current(member));
}

p11kms_err kms_change_rotate_others(kms_change *change, const kms_key_t *primary)
{
    return edit_others(change, primary, follow_rotation);
}

/* The newest, which waits for its rotation here as well. */
static p11kms_err follow_import(kms_change *change, kms_key_t *member, const kms_key_t *primary)
{
    const kms_material *newest = &primary->materials[primary->n_materials - 1];

    TRY(take_material(member, newest));
    return kms_change_add_material(change, member, kms_key_material(member, newest->id));
}

p11kms_err kms_change_import_others(kms_change *change, const kms_key_t *primary)
{
    return edit_others(change, primary, follow_import);
}

static p11kms_err follow_unimport(kms_change *change, kms_key_t *member, const kms_key_t *primary)
{
    (void)primary;
    const kms_material *pending = kms_key_pending(member);

    if (pending) {
        TRY(kms_change_remove_material(change, member, pending));
        kms_key_remove_material(member, pending->id);
    }
    return P11KMS_OK;
}

p11kms_err kms_change_unimport_others(kms_change *change, const kms_key_t *primary)
{
    return edit_others(change, primary, follow_unimport);
}

static p11kms_err follow_imported_rotation(kms_change *change, kms_key_t *member, const kms_key_t *primary)
{
    (void)primary;
    return kms_change_make_current(change, member);
}

p11kms_err kms_change_rotate_imported_others(kms_change *change, const kms_key_t *primary)
{
    return edit_others(change, primary, follow_imported_rotation);
}

bool kms_present_elsewhere(kms_t *kms, const kms_key_t *key, const uint8_t id[KMS_ID])
{
    kms_family_t family;
    bool present = false;

    kms_family_of(kms, key, &family);
    for (size_t i = 0; i < family.n; i++) {
        const kms_material *material = kms_key_material(family.keys[i], id);

        present = present || (strcmp(family.keys[i]->region, key->region) != 0 && material && !material->absent &&
                              family.keys[i]->deletion_at != KMS_DELETION_BEGUN);
    }
    kms_family_clear(&family);
    return present;
}

bool kms_pending_everywhere(kms_t *kms, const kms_key_t *key)
{
    kms_family_t family;
    bool everywhere = true;

    kms_family_of(kms, key, &family);
    for (size_t i = 0; i < family.n; i++) {
        const kms_material *pending = kms_key_pending(family.keys[i]);

        everywhere = everywhere && pending && !pending->absent;
    }
    kms_family_clear(&family);
    return everywhere;
}

static p11kms_err follow_primary(kms_change *change, kms_key_t *member, const kms_key_t *primary)
{
    (void)change;
    strcpy(member->primary_region, primary->primary_region);
    member->rotation_days = 0;
    member->rotation_next = 0;
    if (strcmp(member->region, primary->primary_region) == 0) {
        member->rotation_days = primary->rotation_days;
        member->rotation_next = primary->rotation_next;
    }
    return P11KMS_OK;
}

p11kms_err kms_change_move_primary(kms_change *change, kms_key_t *primary, const char *region)
{
    _cleanup_(kms_key) kms_key_t *mine = primary;

    TRY(check_replicable(mine));
    strcpy(mine->primary_region, region);
    TRY(edit_others(change, mine, follow_primary));
    mine->rotation_days = 0;
    mine->rotation_next = 0;
    return kms_change_put(change, STEAL(mine));
}

/* ---- deletion ---- */

bool kms_has_replicas(kms_t *kms, const kms_key_t *key)
{
    kms_family_t family;

    kms_family_of(kms, key, &family);
    bool has = family.n > 1 && kms_key_is_primary(key);
    kms_family_clear(&family);
    return has;
}

bool kms_material_is_shared(kms_t *kms, const kms_key_t *key)
{
    kms_family_t family;
    bool shared = false;

    kms_family_of(kms, key, &family);
    for (size_t i = 0; i < family.n; i++) {
        shared = shared || (strcmp(family.keys[i]->region, key->region) != 0 &&
                            family.keys[i]->deletion_at != KMS_DELETION_BEGUN);
    }
    kms_family_clear(&family);
    return shared;
}

/* Its own waiting period begins when the last replica is gone. */
static p11kms_err begin_wait(kms_change *change, const kms_key_t *primary)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_key_copy(primary, &key));
    key->stored = KMS_STATE_PENDING_DELETION;
    key->deletion_at = clock_service_ms() + key->deletion_days * CLOCK_DAY_MS;
    return kms_change_put(change, STEAL(key));
}

p11kms_err kms_change_replica_gone(kms_change *change, const kms_key_t *replica)
{
    kms_family_t family;
    p11kms_err err = P11KMS_OK;

    kms_family_of(change->kms, replica, &family);
    const kms_key_t *primary = kms_family_in(&family, replica->primary_region);
    if (family.n == 2 && primary && primary->stored == KMS_STATE_PENDING_REPLICA_DELETION) {
        err = begin_wait(change, primary);
    }
    kms_family_clear(&family);
    return err;
}
