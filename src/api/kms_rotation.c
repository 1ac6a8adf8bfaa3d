/* Rotation: a new key material becomes current, the old ones decrypt for ever. */
#include "api/api_internal.h"

#include <string.h>

#include "util/clock.h"

/* ---- automatic rotation: on, off, status ---- */

static p11kms_err check_place(const kms_key_t *key)
{
    if (key->custom_store[0]) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s origin is %s which is not valid for this operation.", key->arn,
             kms_origin_name(key->origin));
    }
    return P11KMS_OK;
}

/* AWS says no more than that; only symmetric encryption keys rotate. */
static p11kms_err check_rotates(const kms_key_t *key)
{
    if (key->spec->family != KMS_FAMILY_SYMMETRIC) {
        return p11kms_fail_plain(P11KMS_E_NO_ROTATION);
    }
    return check_place(key);
}

static p11kms_err check_primary(const op_t *op, const kms_key_t *key)
{
    if (!kms_key_is_primary(key)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s is a multi-region replica key which is not valid for %s.", key->arn,
             op->row->name);
    }
    return P11KMS_OK;
}

/* Counted from now, but where it is the period already: asking again does not put the rotation off. */
static void set_period(kms_key_t *key, int days)
{
    if (days != key->rotation_days) {
        key->rotation_days = days;
        key->rotation_next = days ? clock_service_ms() + days * CLOCK_DAY_MS : 0;
    }
}

static p11kms_err set_rotation(op_t *op, store_t *store, bool on)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_SET_ROTATION, &key));
    TRY(check_primary(op, key));
    int64_t kept = key->rotation_days ? key->rotation_days : KMS_ROTATION_DAYS_DEFAULT;
    set_period(key, on ? (int)in_int(op, "RotationPeriodInDays", kept) : 0);
    return kms_change_put(change, STEAL(key));
}

static p11kms_err rotation_on(op_t *op, store_t *store)
{
    return set_rotation(op, store, true);
}

static p11kms_err rotation_off(op_t *op, store_t *store)
{
    return set_rotation(op, store, false);
}

/* What does not rotate can be told not to, as with AWS: @p check is about that. */
static p11kms_err change_begin(op_t *op, request_t *request, p11kms_err (*check)(const kms_key_t *key))
{
    TRY(request_key_no_alias(op, KMS_DOES_SET_ROTATION));
    return check(request->key);
}

void api_enable_key_rotation(op_t *op)
{
    change_or_fail(op, change_begin(op, request_begin(op), check_rotates), rotation_on, op_settle);
}

void api_disable_key_rotation(op_t *op)
{
    change_or_fail(op, change_begin(op, request_begin(op), check_place), rotation_off, op_settle);
}

/* While its deletion is pending a key's rotation reads as off; of a primary that waits for its replicas it does not. */
static bool rotates(const kms_key_t *key, const kms_key_t *primary)
{
    return primary->rotation_days > 0 && key->stored != KMS_STATE_PENDING_DELETION;
}

/* Of asymmetric, HMAC and imported keys it "is always false" (API Reference); Terraform asks for it of every key. */
static p11kms_err rotation_status(op_t *op, request_t *request)
{
    TRY(request_key_no_alias(op, KMS_DOES_GET_ROTATION));
    TRY(check_place(request->key));
    _cleanup_(kms_key) kms_key_t *primary = kms_primary_of(request->kms, request->key);
    jw_t w = answer_begin(op);
    answer_key_arn(&w, request->key);
    jw_key(&w, "KeyRotationEnabled");
    jw_bool(&w, rotates(request->key, primary));
    if (rotates(request->key, primary)) {
        jw_key(&w, "NextRotationDate");
        jw_epoch(&w, primary->rotation_next);
        jw_key(&w, "RotationPeriodInDays");
        jw_int(&w, primary->rotation_days);
    }
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_key_rotation_status(op_t *op)
{
    answer_settle(op, rotation_status(op, request_begin(op)));
}

/* ---- on demand ---- */

static size_t on_demand_rotations(const kms_key_t *key)
{
    size_t n = 0;

    for (size_t i = 0; i < key->n_materials; i++) {
        n += key->materials[i].cause == KMS_CAUSE_ON_DEMAND;
    }
    return n;
}

static p11kms_err check_quota(const kms_t *kms, const kms_key_t *key)
{
    if (on_demand_rotations(key) >= kms_quota(kms, KMS_QUOTA_ON_DEMAND_ROTATIONS)) {
        FAIL(P11KMS_E_LIMIT, "The on-demand rotations limit has been reached for the given keyId. "
                             "No more on-demand rotations can be performed for this key: %s",
             key->arn);
    }
    return P11KMS_OK;
}

static p11kms_err rotated(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_ROTATE, &key));
    TRY(check_primary(op, key));
    TRY(check_quota(request->kms, key));
    if (key->origin == KMS_ORIGIN_EXTERNAL) {
        TRY(kms_change_rotate_imported(change, key));
    } else {
        TRY(kms_change_rotate(change, key, op->token_op.key_id, KMS_CAUSE_ON_DEMAND));
        TRY(kms_intent_done(store, op->token_op.key_id));
    }
    jw_t w = answer_begin(op);
    answer_key_arn(&w, key);
    jw_end(&w);
    return kms_change_put(change, STEAL(key));
}

static void material_made(op_t *op)
{
    kms_keep_material(op, rotated);
}

static p11kms_err rotate_begin(op_t *op, request_t *request)
{
    TRY(request_key_no_alias(op, KMS_DOES_ROTATE));
    TRY(check_rotates(request->key));
    TRY(check_primary(op, request->key));
    return check_quota(request->kms, request->key);
}

void api_rotate_key_on_demand(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = rotate_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    if (request->key->origin == KMS_ORIGIN_EXTERNAL) {
        op_change(op, rotated, op_settle);
    } else {
        kms_make_material(op, request->kms, request->key, material_made);
    }
}

/* ---- ListKeyRotations ---- */

static const char *material_state(kms_t *kms, const kms_key_t *key, const kms_material *material)
{
    if (material->pending) {
        return kms_pending_everywhere(kms, key) ? "PENDING_ROTATION" : "PENDING_MULTI_REGION_IMPORT_AND_ROTATION";
    }
    return material == kms_key_current(key) ? "CURRENT" : "NON_CURRENT";
}

/* Whether it is there, and until when; symmetric encryption keys alone have these. */
static void write_import(jw_t *w, const kms_material *material)
{
    bool expired = material->valid_to && material->valid_to <= clock_service_ms();
    bool there = !material->absent && !expired;

    if (there) {
        answer_text(w, "ExpirationModel", material->valid_to ? "KEY_MATERIAL_EXPIRES" : "KEY_MATERIAL_DOES_NOT_EXPIRE");
    }
    answer_text(w, "ImportState", there ? "IMPORTED" : "PENDING_IMPORT");
    if (material->description) {
        answer_text(w, "KeyMaterialDescription", material->description);
    }
    if (there && material->valid_to) {
        jw_key(w, "ValidTo");
        jw_epoch(w, material->valid_to);
    }
}

static void write_rotation(jw_t *w, kms_t *kms, const kms_key_t *key, const kms_material *material)
{
    jw_object(w);
    answer_key_arn(w, key);
    jw_key(w, "KeyMaterialId");
    jw_string(w, material->id_text);
    answer_text(w, "KeyMaterialState", material_state(kms, key, material));
    if (key->origin == KMS_ORIGIN_EXTERNAL) {
        write_import(w, material);
    }
    if (material->cause != KMS_CAUSE_CREATE) {
        jw_key(w, "RotationDate");
        jw_epoch(w, material->created);
        jw_key(w, "RotationType");
        jw_string(w, kms_cause_name(material->cause));
    }
    jw_end(w);
}

/* Keys that do not rotate have an empty list, and no materials to tell of. */
static p11kms_err check_lists(const op_t *op, const kms_key_t *key)
{
    if (key->spec->family != KMS_FAMILY_SYMMETRIC && in_has(op, "IncludeKeyMaterial")) {
        FAIL(P11KMS_E_VALIDATION, "Input parameter includeKeyMaterial can only be used with symmetric keys.");
    }
    return check_place(key);
}

/* A marker names the number of the last material given out. */
static p11kms_err list_rotations(op_t *op, request_t *request)
{
    bool all = slice_eq_str(in_string(op, "IncludeKeyMaterial"), "ALL_KEY_MATERIAL");
    page_t page;

    TRY(request_key_no_alias(op, KMS_DOES_READ));
    const kms_key_t *key = request->key;
    TRY(check_lists(op, key));
    TRY(page_begin(op, arena_printf(op->arena, "ListKeyRotations:%s:%d", key->id_text, all), 100, 1000,
                   &page));
    unsigned long after = strtoul(page.after, NULL, 10);
    unsigned last = 0;
    size_t shown = 0;
    bool more = false;
    jw_t w = answer_begin(op);

    jw_key(&w, "Rotations");
    jw_array(&w);
    for (size_t i = 0; i < key->n_materials && !more; i++) {
        const kms_material *material = &key->materials[i];
        if (material->number <= after || (!all && material->cause == KMS_CAUSE_CREATE)) {
            continue;
        }
        more = shown == page.limit;
        if (!more) {
            write_rotation(&w, request->kms, key, material);
            last = material->number;
            shown++;
        }
    }
    jw_end(&w);
    page_end(op, &w, &page, more, arena_printf(op->arena, "%u", last));
    jw_end(&w);
    return P11KMS_OK;
}

void api_list_key_rotations(op_t *op)
{
    answer_settle(op, list_rotations(op, request_begin(op)));
}
