/*
 * Objects on tokens that were half made, or not quite destroyed: an intent in the store names them,
 * and nobody is working on them any more. What a crash left is sorted out at the start; what an
 * operation leaves behind (its token was away, or too slow, or the store failed), once the token is
 * ready. Only who ends an operation on the loop leaves its object here, so none is under way.
 */
#include "kms/kms_internal.h"

#include <stdlib.h>
#include <string.h>

#include "kms/checkpoint_key.h"

#define LOG_ROOM "kms"
#include "util/log.h"

#define LEFT_MAX 4096 /* the rest waits for another start */
#define AT_ONCE 32

typedef struct {
    uint8_t id[KMS_ID];
    token_t *token;
    bool taken; /* about to be destroyed: nobody may make an object of this id now */
} leftover_t;

struct leftovers {
    leftover_t *rows;
    size_t n, cap;
    bool sweeping; /* one operation at a time */
};

p11kms_err leftovers_new(leftovers_t **ret)
{
    *ret = calloc(1, sizeof(**ret));
    ENSURE(*ret, P11KMS_E_NOMEM);
    return P11KMS_OK;
}

void leftovers_free(leftovers_t *left)
{
    if (left) {
        free(left->rows);
        free(left);
    }
}

static leftover_t *find(const leftovers_t *left, const uint8_t id[KMS_ID])
{
    for (size_t i = 0; i < left->n; i++) {
        if (memcmp(left->rows[i].id, id, KMS_ID) == 0) {
            return &left->rows[i];
        }
    }
    return NULL;
}

static void forget(leftovers_t *left, leftover_t *row)
{
    *row = left->rows[--left->n];
}

static bool grow(leftovers_t *left)
{
    if (left->n < left->cap) {
        return true;
    }
    size_t cap = left->cap ? 2 * left->cap : 16;
    leftover_t *rows = cap <= LEFT_MAX ? realloc(left->rows, cap * sizeof(*rows)) : NULL;
    if (!rows) {
        return false;
    }
    left->rows = rows;
    left->cap = cap;
    return true;
}

void kms_leave_object(kms_t *kms, token_t *token, const uint8_t id[KMS_ID])
{
    leftovers_t *left = kms->leftovers;

    if (find(left, id)) {
        return;
    }
    if (!grow(left)) {
        log_warning("an object on the token '%s' that no key has is left for the next start", token_name(token));
        return;
    }
    leftover_t *row = &left->rows[left->n++];
    memcpy(row->id, id, KMS_ID);
    row->token = token;
    row->taken = false;
}

bool kms_take_over_object(kms_t *kms, const uint8_t id[KMS_ID])
{
    leftover_t *row = find(kms->leftovers, id);

    if (row && row->taken) {
        return false;
    }
    if (row) {
        forget(kms->leftovers, row);
    }
    return true;
}

/* ---- what must not be destroyed, whatever an intent says ---- */

typedef struct {
    uint8_t id[KMS_ID];
    token_t *token;
    bool in_use;
    p11kms_err err;
} orphan_t;

typedef struct {
    kms_t *kms;
    orphan_t *orphans;
    size_t n;
} orphans_t;

static void mark(orphans_t *found, const uint8_t id[KMS_ID])
{
    for (size_t i = 0; i < found->n; i++) {
        if (memcmp(found->orphans[i].id, id, KMS_ID) == 0) {
            found->orphans[i].in_use = true;
        }
    }
}

static p11kms_err mark_material(void *found, const store_material *row)
{
    if (row->present) {
        mark(found, row->id);
    }
    return P11KMS_OK;
}

static p11kms_err mark_wrapping(void *found, const store_wrapping *row)
{
    mark(found, row->id);
    return P11KMS_OK;
}

static p11kms_err mark_checkpoint_key(store_t *store, orphans_t *found)
{
    kms_checkpoint_key key;
    p11kms_err err = kms_find_checkpoint_key(store, &key);

    if (err == P11KMS_OK) {
        mark(found, key.id);
    }
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

static p11kms_err mark_all(store_t *store, orphans_t *found)
{
    const kms_key_t *service = found->kms->service_key;

    for (size_t i = 0; i < service->n_materials; i++) {
        mark(found, service->materials[i].id);
    }
    TRY(mark_checkpoint_key(store, found));
    TRY(store_wrapping_each(store, mark_wrapping, found));
    return store_material_each(store, mark_material, found);
}

static void tell_kept(const orphan_t *orphan)
{
    log_error("the store holds a key's object on the token '%s' for one half made: it is kept",
              token_name(orphan->token));
}

/* ---- while the service runs ---- */

typedef struct {
    orphans_t found;
    size_t next;
    size_t n_destroyed;
} sweep_t;

/* A key's rows outweigh an intent that should have gone with their making: destroying cannot be undone. */
static p11kms_err look_up_uses(op_t *op, store_t *store)
{
    sweep_t *sweep = op->act;

    TRY(mark_all(store, &sweep->found));
    for (size_t i = 0; i < sweep->found.n; i++) {
        const orphan_t *orphan = &sweep->found.orphans[i];

        if (orphan->in_use) {
            tell_kept(orphan);
            TRY(store_intent_delete(store, orphan->id));
        }
    }
    return P11KMS_OK;
}

static p11kms_err drop_intents(op_t *op, store_t *store)
{
    const sweep_t *sweep = op->act;

    for (size_t i = 0; i < sweep->found.n; i++) {
        if (sweep->found.orphans[i].err == P11KMS_OK) {
            TRY(store_intent_delete(store, sweep->found.orphans[i].id));
        }
    }
    return P11KMS_OK;
}

static void destroy_next(op_t *op);

static void destroyed(op_t *op)
{
    sweep_t *sweep = op->act;

    sweep->found.orphans[sweep->next++].err = op->token_op.err;
    sweep->n_destroyed += op->token_op.err == P11KMS_OK;
    destroy_next(op);
}

static p11kms_err first_failure(const orphans_t *found)
{
    for (size_t i = 0; i < found->n; i++) {
        if (found->orphans[i].err != P11KMS_OK) {
            return p11kms_fail_plain(found->orphans[i].err);
        }
    }
    return P11KMS_OK;
}

static void destroy_next(op_t *op)
{
    sweep_t *sweep = op->act;
    const orphans_t *found = &sweep->found;

    while (sweep->next < found->n && found->orphans[sweep->next].in_use) {
        sweep->next++;
    }
    if (sweep->next < found->n) {
        op->token_op.kind = TOKEN_OP_DESTROY;
        memcpy(op->token_op.key_id, found->orphans[sweep->next].id, KMS_ID);
        op->token_op.in = SLICE(NULL, 0);
        op_token(op, found->orphans[sweep->next].token, destroyed);
        return;
    }
    p11kms_err err = first_failure(found);
    if (err != P11KMS_OK && sweep->n_destroyed == 0) {
        op_fail(op, err);
        return;
    }
    op->event_detail = arena_printf(op->arena, "{\"objects\":%zu}", sweep->n_destroyed);
    op_change(op, drop_intents, op_settle);
}

static void looked_up(op_t *op)
{
    if (op->err != P11KMS_OK) {
        op_settle(op);
    } else {
        destroy_next(op);
    }
}

static void settle_each(const op_t *op)
{
    const sweep_t *sweep = op->act;
    kms_t *kms = sweep->found.kms;

    for (size_t i = 0; i < sweep->found.n; i++) {
        const orphan_t *orphan = &sweep->found.orphans[i];
        leftover_t *row = find(kms->leftovers, orphan->id);
        p11kms_err err = op->err != P11KMS_OK ? op->err : orphan->err;

        row->taken = false;
        if (err == P11KMS_OK) {
            forget(kms->leftovers, row);
            retries_succeeded(kms->retries, SLICE(orphan->id, KMS_ID));
        } else {
            kms_retry_later(kms, SLICE(orphan->id, KMS_ID), err);
        }
    }
}

static void swept(op_t *op)
{
    const sweep_t *sweep = op->act;

    sweep->found.kms->leftovers->sweeping = false;
    settle_each(op);
    if (op->err != P11KMS_OK) {
        log_error("%zu token objects that no key has are left, and will be tried again: %s", sweep->found.n,
                  op->err_detail ? op->err_detail : p11kms_err_text(op->err));
    } else {
        log_notice("%zu token objects that no key has were destroyed", sweep->n_destroyed);
    }
}

static size_t choose(kms_t *kms, int64_t now, orphan_t *orphans)
{
    leftovers_t *left = kms->leftovers;
    size_t n = 0;
    int64_t turn;

    for (size_t i = 0; i < left->n && n < AT_ONCE; i++) {
        leftover_t *row = &left->rows[i];

        if (token_get_state(row->token) == TOKEN_READY &&
            retries_may(kms->retries, SLICE(row->id, KMS_ID), now, &turn)) {
            row->taken = true;
            memcpy(orphans[n].id, row->id, KMS_ID);
            orphans[n++].token = row->token;
        }
    }
    return n;
}

void leftovers_tick(kms_t *kms, int64_t now)
{
    orphan_t orphans[AT_ONCE] = { 0 };
    size_t n = kms->leftovers->sweeping ? 0 : choose(kms, now, orphans);

    if (n == 0) {
        return;
    }
    op_t *op = op_new_internal(kms->core, "DeleteUnfinishedObjects", "kms.amazonaws.com", "", core_region(kms->core));
    sweep_t *sweep = ARENA_NEW(op->arena, sweep_t);
    sweep->found.kms = kms;
    sweep->found.n = n;
    sweep->found.orphans = arena_alloc(op->arena, n * sizeof(*orphans));
    memcpy(sweep->found.orphans, orphans, n * sizeof(*orphans));
    op->act = sweep;
    op->finished = swept;
    kms->leftovers->sweeping = true;
    op_prepare(op, look_up_uses, looked_up);
}

bool leftovers_busy(const kms_t *kms)
{
    return kms->leftovers->sweeping;
}

/* ---- at the start ---- */

static p11kms_err collect_orphan(void *arg, const store_intent *row)
{
    orphans_t *found = arg;
    token_t *token = core_token(found->kms->core, row->token);

    if (token && found->n < LEFT_MAX) {
        orphan_t *orphan = &found->orphans[found->n++];

        memcpy(orphan->id, row->material_id, KMS_ID);
        orphan->token = token;
    }
    return P11KMS_OK;
}

static p11kms_err destroy_orphan(const orphan_t *orphan)
{
    token_op_t op = { .kind = TOKEN_OP_DESTROY };

    if (orphan->in_use) {
        tell_kept(orphan);
        return P11KMS_OK;
    }
    memcpy(op.key_id, orphan->id, KMS_ID);
    p11kms_err err = token_call(orphan->token, &op);
    token_op_wipe(&op);
    buf_free(&op.out_list);
    return err;
}

/* A token that is away keeps its orphans until it is back, and the others' go. */
static p11kms_err destroy_each(store_t *store, const orphans_t *found)
{
    p11kms_err first = P11KMS_OK;

    for (size_t i = 0; i < found->n; i++) {
        p11kms_err err = destroy_orphan(&found->orphans[i]);

        if (err == P11KMS_OK) {
            TRY(store_intent_delete(store, found->orphans[i].id));
        } else {
            kms_leave_object(found->kms, found->orphans[i].token, found->orphans[i].id);
            first = first == P11KMS_OK ? err : first;
        }
    }
    TRY(store_commit(store));
    return first;
}

static p11kms_err destroy_orphans(store_t *store, orphans_t *found)
{
    TRY(store_intent_each(store, collect_orphan, found));
    if (found->n == 0) {
        return P11KMS_OK;
    }
    TRY(mark_all(store, found));
    TRY(store_begin(store));
    p11kms_err err = destroy_each(store, found);
    store_rollback(store);
    return err;
}

p11kms_err kms_reconcile(store_t *store, void *kms)
{
    orphans_t found = { .kms = kms };

    found.orphans = calloc(LEFT_MAX, sizeof(*found.orphans));
    ENSURE(found.orphans, P11KMS_E_NOMEM);
    p11kms_err err = destroy_orphans(store, &found);
    free(found.orphans);
    if (err == P11KMS_OK && found.n) {
        log_notice("%zu token objects left half made by the last stop were destroyed", found.n);
    }
    return err;
}
