/*
 * New key material in two phases. A crash after the token made the object and
 * before the store knew it would leave an object nobody owns; the intent,
 * committed first, says whose it is.
 */
#include "kms/kms_internal.h"

#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "util/clock.h"

typedef struct {
    token_t *token;
    token_key_type type;
    token_key_use use;
    uint8_t id[KMS_ID];
    char label[64];
    op_step then;
    void (*on_commit)(op_t *op);
    void (*on_abort)(op_t *op);
    bool asked; /* the token: from now on there may be an object */
    p11kms_err failure;
    const char *failure_detail;
} making_t;

static making_t *making_of(op_t *op)
{
    return op->asked;
}

static p11kms_err write_intent(op_t *op, store_t *store)
{
    const making_t *making = making_of(op);
    store_intent row = { .token = token_name(making->token), .created = clock_service_ms() };

    memcpy(row.material_id, making->id, KMS_ID);
    return store_intent_put(store, &row);
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

static void made(op_t *op)
{
    p11kms_err err = op->token_op.err;

    /* No key is unavailable, as none is there yet: the operations that make material know but this fault for it. */
    if (err == P11KMS_E_TOKEN_LOST || err == P11KMS_E_TOKEN_PIN || err == P11KMS_E_BUSY) {
        err = P11KMS_E_TIMEOUT;
    }
    finish(op, err == P11KMS_OK ? err : p11kms_fail_plain(err));
}

static void intent_written(op_t *op)
{
    making_t *making = making_of(op);

    if (op->err != P11KMS_OK) {
        finish(op, p11kms_fail(op->err, "%s", op->err_detail));
        return;
    }
    op->token_op.kind = TOKEN_OP_GENERATE;
    op->token_op.type = making->type;
    op->token_op.use = making->use;
    memcpy(op->token_op.key_id, making->id, KMS_ID);
    op->token_op.in = SLICE_STR(making->label);
    making->asked = true;
    op_token(op, making->token, made);
}

/* A secret key has but one use on the token, whatever it is for. */
static token_key_use use_of(const kms_key_t *key)
{
    return kms_spec_is_pair(key->spec) ? kms_usage_on_token(key->usage) : TOKEN_USE_SIGN;
}

void kms_make_material(op_t *op, const kms_key_t *key, op_step then)
{
    making_t *making = ARENA_NEW(op->arena, making_t);

    making->token = key->token;
    making->type = key->spec->type;
    making->use = use_of(key);
    making->then = then;
    making->on_commit = op->on_commit;
    making->on_abort = op->on_abort;
    op->on_commit = NULL;
    op->on_abort = NULL;
    op->asked = making;
    /* Nothing will be made: without this each refusal of a lost token would leave an intent for start-up. */
    if (token_get_state(key->token) != TOKEN_READY) {
        finish(op, p11kms_fail_plain(P11KMS_E_TIMEOUT));
        return;
    }
    p11kms_err err = crypto_random(making->id, sizeof(making->id));
    if (err != P11KMS_OK) {
        finish(op, err);
        return;
    }
    snprintf(making->label, sizeof(making->label), "material");
    op_prepare(op, write_intent, intent_written);
}

/* ---- keeping it, or not ---- */

static p11kms_err drop_intent(op_t *op, store_t *store)
{
    return store_intent_delete(store, making_of(op)->id);
}

static void undone(op_t *op)
{
    const making_t *making = making_of(op);

    op_fail(op, p11kms_fail(making->failure, "%s", making->failure_detail));
}

static void destroyed(op_t *op)
{
    if (op->token_op.err != P11KMS_OK) {
        undone(op); /* the intent stays: the next start tries again */
        return;
    }
    op_prepare(op, drop_intent, undone);
}

static void undo(op_t *op)
{
    making_t *making = making_of(op);

    making->failure = op->err;
    making->failure_detail = op->err_detail;
    op->on_commit = NULL;
    op->on_abort = NULL;
    op->token_op.kind = TOKEN_OP_DESTROY;
    memcpy(op->token_op.key_id, making->id, KMS_ID);
    op->token_op.in = SLICE(NULL, 0);
    op_token(op, making->token, destroyed);
}

/* A token that is away may have the object all the same, and a store that failed the rows: start-up knows more. */
static bool is_certain(p11kms_err err)
{
    return err != P11KMS_E_TIMEOUT && err != P11KMS_E_SHUTDOWN && err != P11KMS_E_STORE && err != P11KMS_E_NOMEM;
}

static void settle(op_t *op)
{
    if (op->err != P11KMS_OK && making_of(op)->asked && is_certain(op->err)) {
        undo(op);
    } else {
        op_settle(op);
    }
}

void kms_keep_material(op_t *op, op_change_fn change)
{
    if (op->err == P11KMS_OK) {
        op_change(op, change, settle);
    } else {
        settle(op);
    }
}

p11kms_err kms_intent_done(store_t *store, const uint8_t material_id[KMS_ID])
{
    return store_intent_delete(store, material_id);
}
