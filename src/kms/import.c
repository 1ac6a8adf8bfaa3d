/*
 * Imported material. It is unwrapped on the token, where a check value computed under it
 * tells the same material from another without its bytes leaving. Material that is
 * new stays as it was unwrapped. Material that comes back gets its old id again, which is in
 * the header of the ciphertexts: what was unwrapped is destroyed, and unwrapped once more.
 */
#include "kms/kms_internal.h"

#include <string.h>

#include "crypto/crypto.h"
#include "util/clock.h"

/* ---- one change of a key's materials at a time ---- */

bool kms_key_is_claimed(const kms_t *kms, const kms_key_t *key)
{
    for (const kms_claim *other = kms->claims; other; other = other->next) {
        if (memcmp(other->key_id, key->id, KMS_ID) == 0) {
            return true;
        }
    }
    return false;
}

void kms_release_key(kms_t *kms, kms_claim *claim)
{
    kms_claim **at = &kms->claims;

    if (!claim->held) {
        return;
    }
    while (*at != claim) {
        at = &(*at)->next;
    }
    *at = claim->next;
    claim->held = false;
}

p11kms_err kms_claim_key(kms_t *kms, kms_claim *claim, const kms_key_t *key)
{
    if (kms_key_is_claimed(kms, key)) {
        FAIL(P11KMS_E_KEY_STATE, "%s has another change of its imported key material under way.", key->arn);
    }
    memcpy(claim->key_id, key->id, KMS_ID);
    claim->held = true;
    claim->next = kms->claims;
    kms->claims = claim;
    return P11KMS_OK;
}

/* ---- check values ---- */

#define CHECK_LABEL "p11kms/v1/imported"

/* Of one key: that two keys have the same material is not to be seen in the store. */
static slice_t check_input(const kms_key_t *key, arena_t *arena)
{
    uint8_t *in = arena_alloc(arena, sizeof(CHECK_LABEL) + KMS_ID);

    memcpy(in, CHECK_LABEL, sizeof(CHECK_LABEL));
    memcpy(in + sizeof(CHECK_LABEL), key->id, KMS_ID);
    return SLICE(in, sizeof(CHECK_LABEL) + KMS_ID);
}

/* Of a MAC under the material, or of the public key. The hash, since the MAC could be one that a key's user may not have. */
static void note_check(op_t *op, kms_import *import, slice_t of)
{
    const slice_t parts[] = { check_input(import->key, op->arena), of };

    crypto_sha256_parts(parts, COUNT_OF(parts), import->check);
}

static const kms_material *material_like(const kms_key_t *key, const uint8_t check[32])
{
    for (size_t i = 0; i < key->n_materials; i++) {
        const kms_material *material = &key->materials[i];

        if (material->has_check && memcmp(material->check, check, sizeof(material->check)) == 0) {
            return material;
        }
    }
    return NULL;
}

/* ---- what was unwrapped, and what becomes of it ---- */

static kms_import *import_of(op_t *op)
{
    return kms_object_arg(op);
}

static void refuse(op_t *op, p11kms_err err)
{
    op->err = err;
    op->err_detail = arena_strdup(op->arena, p11kms_err_detail(err));
    kms_keep_material(op, import_of(op)->change);
}

/* The one that was asked for, or else the current one; a key to which nothing was imported has none. */
static slice_t expected_id(const kms_import *import)
{
    const kms_material *current = kms_key_current(import->key);

    return import->material.len ? import->material : current ? SLICE_STR(current->id_text) : SLICE(NULL, 0);
}

static p11kms_err check_choice(const kms_import *import, const kms_material *same)
{
    slice_t expected = expected_id(import);
    bool other = same && import->material.len && !slice_eq_str(import->material, same->id_text);

    if (import->is_new && same) {
        FAIL(P11KMS_E_KEY_MATERIAL,
             "Key material (id: %s) being imported as NEW_KEY_MATERIAL is already associated with KMS key %s.",
             same->id_text, import->key->arn);
    }
    if (other || (!import->is_new && !same)) {
        FAIL(P11KMS_E_KEY_MATERIAL, "Imported key material does not have the expected identifier (%.*s).",
             (int)expected.len, (const char *)expected.data);
    }
    return P11KMS_OK;
}

static void restored(op_t *op)
{
    kms_keep_material(op, import_of(op)->change);
}

static void unwrap(op_t *op, kms_import *import, const uint8_t *again, op_step then)
{
    const kms_object object = {
        .kms = import->kms,
        .token = import->wrapping.token,
        .kind = TOKEN_OP_IMPORT,
        .type = import->key->spec->type,
        .use = kms_key_use(import->key),
        .label = KMS_LABEL_MATERIAL,
        .again = again,
        .unwrap_id = import->wrapping.id,
        .mechanism = import->wrapping.algorithm->mechanism,
        .wrapped = import->wrapped,
        .arg = import,
    };

    kms_make_object(op, &object, then);
}

static p11kms_err drop_first(op_t *op, store_t *store)
{
    return kms_intent_done(store, import_of(op)->object);
}

static void leave_first(const kms_import *import)
{
    kms_leave_object(import->kms, import->wrapping.token, import->object);
}

static void first_dropped(op_t *op)
{
    kms_import *import = import_of(op);

    if (op->err != P11KMS_OK) {
        leave_first(import);
        op_settle(op);
    } else {
        unwrap(op, import, import->id, restored);
    }
}

static void present_kept(op_t *op)
{
    if (op->err != P11KMS_OK) {
        leave_first(import_of(op));
    }
    op_settle(op);
}

static void first_destroyed(op_t *op)
{
    const kms_import *import = import_of(op);
    p11kms_err err = kms_token_away(op->token_op.err);

    if (err != P11KMS_OK) {
        leave_first(import);
        op_fail(op, p11kms_fail_plain(err));
    } else if (import->present) {
        op_change(op, import->change, present_kept);
    } else {
        op_prepare(op, drop_first, first_dropped);
    }
}

static void destroy_first(op_t *op, const kms_import *import)
{
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, import->object, KMS_ID);
    op->token_op.in = SLICE(NULL, 0);
    op_token(op, import->wrapping.token, first_destroyed);
}

static void judge(op_t *op)
{
    kms_import *import = import_of(op);
    const kms_material *same = material_like(import->key, import->check);
    p11kms_err err = check_choice(import, same);

    if (err != P11KMS_OK) {
        refuse(op, err);
        return;
    }
    import->known = same != NULL;
    import->here = same && !same->absent;
    import->present = import->here || (same && kms_present_elsewhere(import->kms, import->key, same->id));
    memcpy(import->id, same ? same->id : import->object, KMS_ID);
    if (import->known) {
        destroy_first(op, import);
    } else {
        kms_keep_material(op, import->change);
    }
}

static void checked(op_t *op)
{
    p11kms_err err = kms_token_away(op->token_op.err);

    if (err != P11KMS_OK) {
        refuse(op, p11kms_fail_plain(err));
        return;
    }
    note_check(op, import_of(op), SLICE(op->token_op.out, op->token_op.out_used));
    judge(op);
}

static void ask_check(op_t *op, const kms_import *import)
{
    const kms_key_t *key = import->key;
    const kms_algorithm *mac = kms_algorithm_of(key->spec, key->usage, 0);

    op->token_op.kind = key->spec->family == KMS_FAMILY_SYMMETRIC ? TOKEN_OP_PRF : TOKEN_OP_SIGN;
    op->token_op.mechanism = mac->mechanism;
    op->token_op.in = check_input(key, op->arena);
    op_token(op, import->wrapping.token, checked);
}

/* The words of a token for what a client did wrong. */
static p11kms_err outcome_of(op_t *op)
{
    switch (op->err) {
    case P11KMS_E_SYNTAX: /* unwrapped, but not the material of such a key: AWS makes no difference */
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    case P11KMS_E_UNSUPPORTED:
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "The token '%s' does not take such key material.",
             token_name(import_of(op)->wrapping.token));
    case P11KMS_E_TOKEN_NO_KEY: /* the wrapping key, removed by others */
        FAIL(P11KMS_E_IMPORT_EXPIRED, "The import token has expired. Use GetParametersForImport to get a new one.");
    default:
        return p11kms_fail(op->err, "%s", op->err_detail);
    }
}

static void unwrapped(op_t *op)
{
    kms_import *import = import_of(op);

    if (op->err != P11KMS_OK) {
        refuse(op, outcome_of(op));
        return;
    }
    memcpy(import->object, op->token_op.key_id, KMS_ID);
    if (kms_spec_is_pair(import->key->spec)) {
        import->public_key = arena_dup(op->arena, SLICE(op->token_op.out, op->token_op.out_used));
        note_check(op, import, import->public_key);
        judge(op);
    } else {
        ask_check(op, import);
    }
}

void kms_import_material(op_t *op, kms_import *import, op_change_fn change)
{
    p11kms_err err = kms_claim_key(import->kms, &import->claim, import->key);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    import->change = change;
    unwrap(op, import, NULL, unwrapped);
}

/* ---- rows ---- */

/* Where it was the last that lacked, the key can be used again; a disabled key stays disabled. */
static void follow_materials(kms_key_t *key)
{
    bool lacks = kms_key_lacks_material(key, clock_service_ms());
    bool usable = key->stored == KMS_STATE_ENABLED || key->stored == KMS_STATE_DISABLED;

    if (lacks && usable) {
        key->stored = KMS_STATE_PENDING_IMPORT;
    } else if (!lacks && key->stored == KMS_STATE_PENDING_IMPORT) {
        key->stored = KMS_STATE_ENABLED;
    }
}

static unsigned next_number(const kms_key_t *key)
{
    return key->n_materials ? key->materials[key->n_materials - 1].number + 1 : 1;
}

p11kms_err kms_check_new_material(const kms_key_t *key)
{
    if (!kms_key_is_primary(key)) {
        FAIL(P11KMS_E_VALIDATION,
             "Input parameter ImportType NEW_KEY_MATERIAL cannot be used on replica Multi-Region keys");
    }
    if (kms_key_pending(key)) {
        FAIL(P11KMS_E_KEY_STATE, "%s already has key material that is pending rotation.", key->arn);
    }
    return P11KMS_OK;
}

static p11kms_err add_material(kms_key_t *key, const kms_import *import)
{
    TRY(kms_check_new_material(key));
    TRY(kms_key_add_material(key, import->id, next_number(key), KMS_CAUSE_CREATE, clock_service_ms()));
    kms_material *material = kms_key_edit_material(key, import->id);
    material->imported = true;
    material->pending = kms_key_current(key) != NULL;
    memcpy(material->check, import->check, sizeof(material->check));
    material->has_check = true;
    if (!material->pending) {
        key->current = key->n_materials - 1;
    }
    return import->public_key.len ? kms_key_set_public_key(key, import->public_key) : P11KMS_OK;
}

static p11kms_err edit_material(kms_key_t *key, const kms_import *import)
{
    const kms_material *found = kms_key_material(key, import->id);

    if (import->known ? !found || found->absent == import->here : material_like(key, import->check) != NULL) {
        FAIL(P11KMS_E_KEY_STATE, "%s was changed while its key material was imported.", key->arn);
    }
    if (!import->known) {
        TRY(add_material(key, import));
    }
    kms_material *material = kms_key_edit_material(key, import->id);
    material->absent = false;
    material->valid_to = import->valid_to;
    return import->describes ? kms_material_describe(material, import->description) : P11KMS_OK;
}

p11kms_err kms_change_import(kms_change *change, kms_key_t *key, const kms_import *import)
{
    TRY(edit_material(key, import));
    const kms_material *material = kms_key_material(key, import->id);
    if (import->known) {
        TRY(kms_change_material(change, key, material));
    } else {
        TRY(kms_change_add_material(change, key, material));
        TRY(kms_change_import_others(change, key));
    }
    follow_materials(key);
    TRY(kms_intent_done(change->store, import->object));
    return kms_intent_done(change->store, import->id);
}

/* ---- deletion and expiry ---- */

const kms_material *kms_expired_material(const kms_key_t *key, int64_t now)
{
    for (size_t i = 0; i < key->n_materials; i++) {
        const kms_material *material = &key->materials[i];

        if (material->imported && !material->absent && material->valid_to && material->valid_to <= now) {
            return material;
        }
    }
    return NULL;
}

bool kms_can_unimport(const kms_key_t *key, const kms_material *material)
{
    return material->imported && (!material->absent || (material->pending && kms_key_is_primary(key)));
}

p11kms_err kms_change_unimport(kms_change *change, kms_key_t *key, const uint8_t id[KMS_ID])
{
    kms_material *material = kms_key_edit_material(key, id);

    if (!material || !kms_can_unimport(key, material)) {
        FAIL(P11KMS_E_KEY_STATE, "%s was changed while its key material was deleted.", key->arn);
    }
    material->absent = true;
    material->valid_to = 0;
    if (material->pending && kms_key_is_primary(key)) { /* never used, and not bound to the key yet */
        TRY(kms_change_remove_material(change, key, material));
        kms_key_remove_material(key, id);
        TRY(kms_change_unimport_others(change, key));
    } else {
        TRY(kms_change_material(change, key, material));
        if (kms_present_elsewhere(change->kms, key, id)) {
            follow_materials(key);
            return P11KMS_OK;
        }
    }
    follow_materials(key);
    return kms_intent(change->store, id, key->token_name);
}

static void rows_gone(op_t *op)
{
    const kms_unimport *unimport = op->asked;

    if (op->err != P11KMS_OK || kms_present_elsewhere(unimport->kms, unimport->key, unimport->id)) {
        op_settle(op);
    } else {
        kms_destroy_object(op, unimport->kms, unimport->key->token, unimport->id, op_settle);
    }
}

void kms_unimport_material(op_t *op, kms_unimport *unimport, op_change_fn change)
{
    const kms_key_t *key = unimport->key;
    p11kms_err err = kms_claim_key(unimport->kms, &unimport->claim, key);

    if (err == P11KMS_OK && (!key->token || token_get_state(key->token) != TOKEN_READY)) {
        err = p11kms_fail_plain(P11KMS_E_TIMEOUT);
    }
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op->asked = unimport;
    op_change(op, change, rows_gone);
}

/* ---- rotation ---- */

p11kms_err kms_change_make_current(kms_change *change, kms_key_t *key)
{
    const kms_material *pending = kms_key_pending(key);

    ENSURE(pending, P11KMS_E_INTERNAL);
    kms_material *material = kms_key_edit_material(key, pending->id);
    material->pending = false;
    material->cause = KMS_CAUSE_ON_DEMAND;
    material->created = clock_service_ms();
    key->current = (size_t)(material - key->materials);
    return kms_change_material(change, key, material);
}

p11kms_err kms_change_rotate_imported(kms_change *change, kms_key_t *key)
{
    const kms_material *pending = kms_key_pending(key);

    if (!pending || pending->absent || (pending->valid_to && pending->valid_to <= clock_service_ms())) {
        FAIL(P11KMS_E_KEY_STATE, "No available key material pending rotation for the key: %s.", key->arn);
    }
    if (!kms_pending_everywhere(change->kms, key)) {
        FAIL(P11KMS_E_KEY_STATE, "Cannot perform key material rotation: Key material has not been imported for replicas of "
                                 "the Multi-Region key.");
    }
    TRY(kms_change_make_current(change, key));
    return kms_change_rotate_imported_others(change, key);
}
