/*
 * New objects on a token in two phases. A crash after the token made the object and
 * before the store knew it would leave an object nobody owns; the intent,
 * committed first, says whose it is. The other way round an object is destroyed after
 * the rows that named it have gone, with an intent in their transaction.
 */
#include "kms/kms_internal.h"

#include <string.h>

#include "crypto/crypto.h"
#include "util/clock.h"

#define LOG_ROOM "kms"
#include "util/log.h"

typedef struct {
    kms_object object;
    uint8_t id[KMS_ID];
    op_step then;
    op_step kept;
    void (*on_commit)(op_t *op);
    void (*on_abort)(op_t *op);
    bool claimed; /* an intent of an earlier operation is ours to care for */
    bool asked; /* the token: from now on there may be an object */
    bool refused; /* by its queue: there is none */
    p11kms_err failure;
    const char *failure_detail;
} making_t;

static making_t *making_of(op_t *op)
{
    return op->asked;
}

void *kms_object_arg(op_t *op)
{
    return making_of(op)->object.arg;
}

p11kms_err kms_intent(store_t *store, const uint8_t id[KMS_ID], const char *token)
{
    store_intent row = { .token = token, .created = clock_service_ms() };

    memcpy(row.material_id, id, KMS_ID);
    return store_intent_put(store, &row);
}

static p11kms_err write_intent(op_t *op, store_t *store)
{
    const making_t *making = making_of(op);

    return kms_intent(store, making->id, token_name(making->object.token));
}

static void finish(op_t *op, p11kms_err err)
{
    making_t *making = making_of(op);

    op->on_commit = making->on_commit;
    op->on_abort = making->on_abort;
    op->err = err;
    op->err_detail = err == P11KMS_OK ? NULL : arena_strdup(op->arena, p11kms_err_detail(err));
    making->then(op);
}

/* No key is unavailable, as none is there yet: the operations that make objects know but this fault for it. */
p11kms_err kms_token_away(p11kms_err err)
{
    bool away = err == P11KMS_E_TOKEN_LOST || err == P11KMS_E_TOKEN_PIN || err == P11KMS_E_BUSY;

    return away ? P11KMS_E_TIMEOUT : err;
}

static void answered(op_t *op)
{
    p11kms_err err = kms_token_away(op->token_op.err);

    finish(op, err == P11KMS_OK ? err : p11kms_fail_plain(err));
}

static void made(op_t *op)
{
    making_of(op)->refused = op->token_op.err == P11KMS_E_BUSY;
    answered(op);
}

/* IMPORT's input: label length, label, wrapped bytes. */
static slice_t import_input(op_t *op, const kms_object *object)
{
    _cleanup_buf_ buf_t in = { 0 };

    buf_put_u16(&in, (uint16_t)strlen(object->label));
    buf_put_str(&in, object->label);
    buf_put_slice(&in, object->wrapped);
    return buf_failed(&in) ? SLICE(NULL, 0) : arena_dup(op->arena, buf_slice(&in));
}

static void ask(op_t *op)
{
    making_t *making = making_of(op);
    const kms_object *object = &making->object;

    op->token_op.kind = object->kind;
    op->token_op.type = object->type;
    op->token_op.use = object->use;
    memcpy(op->token_op.key_id, making->id, KMS_ID);
    op->token_op.in = SLICE_STR(object->label);
    if (object->kind == TOKEN_OP_IMPORT) {
        op->token_op.mechanism = object->mechanism;
        memcpy(op->token_op.unwrap_id, object->unwrap_id, KMS_ID);
        op->token_op.in = import_input(op, object);
    }
    making->asked = true;
    op_token(op, object->token, made);
}

static void cleared(op_t *op)
{
    if (op->token_op.err != P11KMS_OK) {
        answered(op); /* refused by the queue, too: what was there still is */
        return;
    }
    ask(op);
}

static void intent_written(op_t *op)
{
    making_t *making = making_of(op);

    if (op->err != P11KMS_OK) {
        finish(op, p11kms_fail(op->err, "%s", op->err_detail));
        return;
    }
    if (!making->object.again) {
        ask(op);
        return;
    }
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, making->id, KMS_ID);
    op->token_op.in = SLICE(NULL, 0);
    op_token(op, making->object.token, cleared);
}

static p11kms_err choose_id(making_t *making)
{
    if (making->object.again) {
        memcpy(making->id, making->object.again, KMS_ID);
        return P11KMS_OK;
    }
    return crypto_random(making->id, sizeof(making->id));
}

void kms_make_object(op_t *op, const kms_object *object, op_step then)
{
    making_t *making = ARENA_NEW(op->arena, making_t);

    making->object = *object;
    making->then = then;
    making->on_commit = op->on_commit;
    making->on_abort = op->on_abort;
    op->on_commit = NULL;
    op->on_abort = NULL;
    op->asked = making;
    /* Nothing will be made: without this each refusal of a lost token would leave an intent. */
    if (token_get_state(object->token) != TOKEN_READY) {
        finish(op, p11kms_fail_plain(P11KMS_E_TIMEOUT));
        return;
    }
    p11kms_err err = choose_id(making);
    if (err != P11KMS_OK) {
        finish(op, err);
        return;
    }
    if (making->object.again && !kms_take_over_object(object->kms, making->id)) {
        finish(op, p11kms_fail_plain(P11KMS_E_TIMEOUT));
        return;
    }
    making->claimed = making->object.again != NULL;
    op_prepare(op, write_intent, intent_written);
}

/* A secret key has but one use on the token, whatever it is for. */
token_key_use kms_key_use(const kms_key_t *key)
{
    return kms_spec_is_pair(key->spec) ? kms_usage_on_token(key->usage) : TOKEN_USE_SIGN;
}

void kms_make_material(op_t *op, kms_t *kms, const kms_key_t *key, op_step then)
{
    const kms_object object = {
        .kms = kms,
        .token = key->token,
        .kind = TOKEN_OP_GENERATE,
        .type = key->spec->type,
        .use = kms_key_use(key),
        .label = KMS_LABEL_MATERIAL,
    };

    kms_make_object(op, &object, then);
}

/* ---- keeping it, or not ---- */

static p11kms_err drop_intent(op_t *op, store_t *store)
{
    return store_intent_delete(store, making_of(op)->id);
}

static void leave(const making_t *making)
{
    kms_leave_object(making->object.kms, making->object.token, making->id);
}

static void undone(op_t *op)
{
    const making_t *making = making_of(op);

    if (op->err != P11KMS_OK) {
        leave(making);
    }
    op_fail(op, p11kms_fail(making->failure, "%s", making->failure_detail));
}

static void destroyed(op_t *op)
{
    if (op->token_op.err != P11KMS_OK) {
        op->err = op->token_op.err;
        undone(op);
        return;
    }
    op_prepare(op, drop_intent, undone);
}

static void keep_failure(op_t *op)
{
    making_t *making = making_of(op);

    making->failure = op->err;
    making->failure_detail = op->err_detail;
    op->on_commit = NULL;
    op->on_abort = NULL;
}

static void undo(op_t *op)
{
    const making_t *making = making_of(op);

    keep_failure(op);
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, making->id, KMS_ID);
    op->token_op.in = SLICE(NULL, 0);
    op_token(op, making->object.token, destroyed);
}

/* A token that is away may have the object all the same, and a store that failed the rows: leftovers.c looks later. */
static bool is_certain(p11kms_err err)
{
    return err != P11KMS_E_TIMEOUT && err != P11KMS_E_SHUTDOWN && err != P11KMS_E_STORE && err != P11KMS_E_NOMEM;
}

static void settle(op_t *op)
{
    making_t *making = making_of(op);

    if (op->err == P11KMS_OK) {
        making->kept(op);
    } else if (making->refused) {
        keep_failure(op);
        op_prepare(op, drop_intent, undone);
    } else if (making->asked && is_certain(op->err)) {
        undo(op);
    } else {
        if (making->asked || making->claimed) {
            leave(making);
        }
        op_settle(op);
    }
}

void kms_keep_object(op_t *op, op_change_fn change, op_step kept)
{
    making_of(op)->kept = kept;
    if (op->err == P11KMS_OK) {
        op_change(op, change, settle);
    } else {
        settle(op);
    }
}

void kms_keep_material(op_t *op, op_change_fn change)
{
    kms_keep_object(op, change, op_settle);
}

p11kms_err kms_intent_done(store_t *store, const uint8_t material_id[KMS_ID])
{
    return store_intent_delete(store, material_id);
}

/* ---- objects whose rows are gone ---- */

typedef struct {
    kms_t *kms;
    token_t *token;
    uint8_t id[KMS_ID];
    op_step then;
} unmaking_t;

static p11kms_err drop_doomed(op_t *op, store_t *store)
{
    const unmaking_t *unmaking = op->asked;

    return store_intent_delete(store, unmaking->id);
}

/* What the operation is about is committed: whatever is left to do is done later. */
static void unmade(op_t *op)
{
    const unmaking_t *unmaking = op->asked;

    if (op->err != P11KMS_OK) {
        log_warning("a token object that is no longer needed is left for later: %s",
                    op->err_detail ? op->err_detail : p11kms_err_text(op->err));
        kms_leave_object(unmaking->kms, unmaking->token, unmaking->id);
    }
    op->err = P11KMS_OK;
    op->err_detail = NULL;
    unmaking->then(op);
}

static void doomed_destroyed(op_t *op)
{
    if (op->token_op.err != P11KMS_OK) {
        op->err = op->token_op.err;
        op->err_detail = NULL;
        unmade(op);
        return;
    }
    op_prepare(op, drop_doomed, unmade);
}

void kms_destroy_object(op_t *op, kms_t *kms, token_t *token, const uint8_t id[KMS_ID], op_step then)
{
    unmaking_t *unmaking = ARENA_NEW(op->arena, unmaking_t);

    unmaking->kms = kms;
    unmaking->token = token;
    memcpy(unmaking->id, id, KMS_ID);
    unmaking->then = then;
    op->asked = unmaking;
    op->on_commit = NULL;
    op->on_abort = NULL;
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, id, KMS_ID);
    op->token_op.in = SLICE(NULL, 0);
    op_token(op, token, doomed_destroyed);
}
