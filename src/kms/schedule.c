/*
 * What time does to keys. The dates are columns of the key's row, so the
 * schedule survives a stop, and what came due meanwhile is done at the next start.
 */
#include "kms/kms_internal.h"

#include <stdio.h>
#include <string.h>

#include "util/clock.h"

#define LOG_ROOM "kms"
#include "util/log.h"

#define RETRY_MS (60 * 1000)
#define AT_ONCE 8 /* acts on keys in flight: requests come first */

typedef struct {
    kms_t *kms;
    kms_key_t *key;    /* NULL: of a key that is gone */
    const char *about; /* for the log */
    slice_t name;      /* whose turn it is to wait when this fails; in the arena */
    size_t next_material; /* deletion: which object is next */
    kms_claim claim;      /* deletion */
    bool keeps_material;  /* deletion: other Regions use it; imported material goes by the material */
    kms_unimport unimport; /* expiry */
    kms_wrapping wrapping;
} act_t;

static void act_free(op_t *op)
{
    act_t *act = op->act;

    kms_release_key(act->kms, &act->claim);
    kms_release_key(act->kms, &act->unimport.claim);
    kms_key_unref(act->key);
}

/* Where the store or the log fails, nobody else would fare better. */
static bool concerns_all(p11kms_err err)
{
    return err == P11KMS_E_STORE || err == P11KMS_E_AUDIT || err == P11KMS_E_NOMEM;
}

void kms_retry_later(kms_t *kms, slice_t name, p11kms_err err)
{
    int64_t now = clock_service_ms();

    if (concerns_all(err) || retries_failed(kms->retries, name, now) != P11KMS_OK) {
        kms->next_retry_ms = now + RETRY_MS;
    }
}

static void act_finished(op_t *op)
{
    act_t *act = op->act;

    act->kms->busy--;
    if (op->err != P11KMS_OK) {
        kms_retry_later(act->kms, act->name, op->err);
        log_error("%s of %s failed and will be tried again: %s", op->service_event, act->about,
                  op->err_detail ? op->err_detail : p11kms_err_text(op->err));
    } else {
        retries_succeeded(act->kms->retries, act->name);
        log_notice("%s: %s", op->service_event, act->about);
    }
}

static op_t *begin_act(kms_t *kms, const char *event, const char *account, const char *region)
{
    op_t *op = op_new_internal(kms->core, event, "kms.amazonaws.com", account, region);
    act_t *act = ARENA_NEW(op->arena, act_t);

    act->kms = kms;
    op->act = act;
    op->act_free = act_free;
    op->finished = act_finished;
    kms->busy++;
    return op;
}

static void about_key(op_t *op, const kms_key_t *key)
{
    act_t *act = op->act;

    act->key = kms_key_ref(key);
    act->about = act->key->arn;
    op->resources[op->n_resources++] =
        (op_resource_t){ .arn = act->key->arn, .account = act->key->account, .type = "AWS::KMS::Key" };
    op->event_detail = arena_printf(op->arena, "{\"keyId\":\"%s\"}", key->id_text);
}

static slice_t name_of_key(const kms_key_t *key)
{
    return SLICE_STR(key->arn);
}

static op_t *begin(kms_t *kms, const char *event, kms_key_t *key)
{
    op_t *op = begin_act(kms, event, key->account, key->region);
    act_t *act = op->act;

    about_key(op, key);
    act->name = name_of_key(act->key);
    return op;
}

/* ---- rotation ---- */

static bool rotation_due(const kms_key_t *key, int64_t now)
{
    return key->rotation_days > 0 && key->rotation_next <= now && key->stored == KMS_STATE_ENABLED;
}

static p11kms_err rotate_rows(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;
    int64_t now = clock_service_ms();

    TRY(kms_change_key(change, act->key, &key));
    if (!rotation_due(key, now)) {
        FAIL(P11KMS_E_KEY_STATE, "%s was changed while its rotation was under way", key->arn);
    }
    TRY(kms_change_rotate(change, key, op->token_op.key_id, KMS_CAUSE_AUTOMATIC));
    TRY(kms_intent_done(store, op->token_op.key_id));
    /* After a long stop the next date is counted from now: one rotation makes up for all that were missed. */
    key->rotation_next = now + key->rotation_days * CLOCK_DAY_MS;
    return kms_change_put(change, STEAL(key));
}

static void material_made(op_t *op)
{
    kms_keep_material(op, rotate_rows);
}

static void rotate(kms_t *kms, kms_key_t *key)
{
    op_t *op = begin(kms, "RotateKey", key);

    kms_make_material(op, kms, key, material_made);
}

/* ---- deletion ---- */

static bool deletion_due(const kms_key_t *key, int64_t now)
{
    return key->stored == KMS_STATE_PENDING_DELETION && key->deletion_at <= now;
}

static p11kms_err delete_rows(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->key, &key));
    TRY(kms_change_replica_gone(change, key));
    return kms_change_delete(change, key);
}

static void destroy_next(op_t *op);

static void destroyed(op_t *op)
{
    act_t *act = op->act;

    if (op->token_op.err != P11KMS_OK) {
        op_fail(op, p11kms_fail(op->token_op.err, "destroying key material %zu of %zu: %s", act->next_material,
                                act->key->n_materials, p11kms_err_text(op->token_op.err)));
        return;
    }
    destroy_next(op);
}

/*
 * What is about to be destroyed must stay due: a clock set back, before or after a crash, would let
 * CancelKeyDeletion give back a key without its material.
 */
static p11kms_err begin_deletion(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->key, &key));
    if (!deletion_due(key, clock_service_ms())) {
        FAIL(P11KMS_E_KEY_STATE, "%s was changed before its deletion began", key->arn);
    }
    key->deletion_at = KMS_DELETION_BEGUN;
    /* An external key is not ours to destroy. */
    act->keeps_material = key->origin == KMS_ORIGIN_EXTERNAL_KEY_STORE ||
                          (key->origin != KMS_ORIGIN_EXTERNAL && kms_material_is_shared(act->kms, key));
    return kms_change_put(change, STEAL(key));
}

static void deletion_begun(op_t *op)
{
    if (op->err == P11KMS_OK) {
        destroy_next(op);
    } else {
        op_settle(op);
    }
}

static void skip_shared_imports(act_t *act)
{
    const kms_key_t *key = act->key;

    while (key->origin == KMS_ORIGIN_EXTERNAL && act->next_material < key->n_materials &&
           kms_present_elsewhere(act->kms, key, key->materials[act->next_material].id)) {
        act->next_material++;
    }
}

/* Objects first, rows last: a crash in between finds the key due again and goes on. */
static void destroy_next(op_t *op)
{
    act_t *act = op->act;

    skip_shared_imports(act);
    if (act->keeps_material || act->next_material == act->key->n_materials) {
        op_change(op, delete_rows, op_settle);
        return;
    }
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, act->key->materials[act->next_material++].id, KMS_ID);
    op->token_op.in = SLICE(NULL, 0);
    op_token(op, act->key->token, destroyed);
}

static void delete_key(kms_t *kms, kms_key_t *key)
{
    op_t *op = begin(kms, "DeleteKey", key);
    act_t *act = op->act;
    p11kms_err err = kms_claim_key(kms, &act->claim, key);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op_prepare(op, begin_deletion, deletion_begun);
}

/* ---- a replica that was made ---- */

static p11kms_err enable_replica(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->key, &key));
    if (key->stored != KMS_STATE_CREATING) {
        FAIL(P11KMS_E_KEY_STATE, "%s was changed before it was enabled", key->arn);
    }
    key->stored = kms_key_lacks_material(key, clock_service_ms()) ? KMS_STATE_PENDING_IMPORT : KMS_STATE_ENABLED;
    return kms_change_put(change, STEAL(key));
}

static void finish_replica(kms_t *kms, kms_key_t *key)
{
    op_change(begin(kms, "SynchronizeMultiRegionKey", key), enable_replica, op_settle);
}

/* ---- imported material that expires, wrapping keys whose day is over ---- */

static p11kms_err expire_rows(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->key, &key));
    const kms_material *expired = kms_expired_material(key, clock_service_ms());
    if (!expired || memcmp(expired->id, act->unimport.id, KMS_ID) != 0) {
        FAIL(P11KMS_E_KEY_STATE, "%s was changed while its key material expired", key->arn);
    }
    TRY(kms_change_unimport(change, key, act->unimport.id));
    return kms_change_put(change, STEAL(key));
}

static void expire(kms_t *kms, kms_key_t *key, const kms_material *material)
{
    op_t *op = begin(kms, "DeleteExpiredKeyMaterial", key);
    act_t *act = op->act;

    op->event_detail = arena_printf(op->arena, "{\"keyId\":\"%s\",\"keyMaterialId\":\"%s\"}", key->id_text,
                                    material->id_text);
    act->unimport.kms = kms;
    act->unimport.key = act->key;
    memcpy(act->unimport.id, material->id, KMS_ID);
    kms_unimport_material(op, &act->unimport, expire_rows);
}

static p11kms_err wrapping_row(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->kms, store);

    change->gone_wrapping = &act->wrapping;
    return store_wrapping_delete(store, act->wrapping.id);
}

/* The object first: a crash in between finds the row due again. */
static void wrapping_destroyed(op_t *op)
{
    if (op->token_op.err != P11KMS_OK) {
        op_fail(op, p11kms_fail_plain(op->token_op.err));
        return;
    }
    op_change(op, wrapping_row, op_settle);
}

static void about_wrapping(op_t *op, const kms_wrapping *wrapping)
{
    act_t *act = op->act;
    _cleanup_(kms_key) kms_key_t *key = catalog_key(act->kms->catalog, wrapping->region, wrapping->key_id);

    act->wrapping = *wrapping;
    act->name = SLICE(act->wrapping.id, KMS_ID);
    act->about = "a key that is gone";
    if (key) {
        about_key(op, key);
    }
}

static void delete_wrapping(kms_t *kms, const kms_wrapping *wrapping)
{
    op_t *op = begin_act(kms, "DeleteWrappingKey", wrapping->account, wrapping->region);

    about_wrapping(op, wrapping);
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, wrapping->id, KMS_ID);
    op_token(op, wrapping->token, wrapping_destroyed);
}

/* ---- the tick ---- */

static bool token_ready(const kms_key_t *key)
{
    return key->token && token_get_state(key->token) == TOKEN_READY;
}

static bool is_due(const kms_t *kms, const kms_key_t *key, int64_t now)
{
    if (key->stored == KMS_STATE_CREATING) {
        return true;
    }
    return token_ready(key) && !kms_key_is_claimed(kms, key) &&
           (deletion_due(key, now) || kms_expired_material(key, now) || rotation_due(key, now));
}

/* Asked again: what was started a moment ago may have claimed the key. */
static void do_what_is_due(kms_t *kms, kms_key_t *key, int64_t now)
{
    const kms_material *expired = kms_expired_material(key, now);

    if (!is_due(kms, key, now)) {
        return;
    }
    if (key->stored == KMS_STATE_CREATING) {
        finish_replica(kms, key);
    } else if (deletion_due(key, now)) {
        delete_key(kms, key);
    } else if (expired) {
        expire(kms, key, expired);
    } else {
        rotate(kms, key);
    }
}

/* Those whose turn it is; what failed often must not keep others waiting. */
typedef struct {
    struct {
        kms_key_t *key; /* borrowed */
        int64_t turn;
    } next[AT_ONCE]; /* in the order of their turns */
    size_t n;
} turns_t;

static void take_turn(turns_t *turns, kms_key_t *key, int64_t turn)
{
    size_t at = turns->n < AT_ONCE ? turns->n++ : AT_ONCE - 1;

    if (turns->n == AT_ONCE && turns->next[at].key && turns->next[at].turn <= turn) {
        return;
    }
    for (; at > 0 && turns->next[at - 1].turn > turn; at--) {
        turns->next[at] = turns->next[at - 1];
    }
    turns->next[at].key = key;
    turns->next[at].turn = turn;
}

static void work_on_keys(kms_t *kms, kms_key_t **keys, size_t n, int64_t now)
{
    turns_t turns = { 0 };
    int64_t turn;

    for (size_t i = 0; i < n; i++) {
        if (is_due(kms, keys[i], now) && retries_may(kms->retries, name_of_key(keys[i]), now, &turn)) {
            take_turn(&turns, keys[i], turn);
        }
    }
    for (size_t i = 0; i < turns.n; i++) {
        do_what_is_due(kms, turns.next[i].key, now);
    }
}

static void work_on_all(kms_t *kms, int64_t now)
{
    kms_wrapping wrapping;
    kms_key_t **keys;
    size_t n;

    if (catalog_all(kms->catalog, &keys, &n) != P11KMS_OK) {
        return;
    }
    work_on_keys(kms, keys, n, now);
    for (size_t i = 0; i < n; i++) {
        kms_key_unref(keys[i]);
    }
    free(keys);
    if (wrappings_due(kms, now, &wrapping)) {
        delete_wrapping(kms, &wrapping);
    }
}

/* A clock that was set back since then does not prolong it. */
static bool waits_to_retry(const kms_t *kms, int64_t now)
{
    return now < kms->next_retry_ms && kms->next_retry_ms - now <= RETRY_MS;
}

void kms_tick(kms_t *kms)
{
    int64_t now = clock_service_ms();

    if (waits_to_retry(kms, now) || !audit_healthy(core_audit(kms->core))) {
        return;
    }
    retries_tidy(kms->retries, now);
    leftovers_tick(kms, now);
    /* One round at a time: while acts are under way snapshots still show their keys as due. */
    if (!kms->busy) {
        work_on_all(kms, now);
    }
}
