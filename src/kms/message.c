/*
 * One message under a symmetric key: the token computes one PRF over a fresh nonce, the
 * host does the rest with keys used once.
 */
#include "kms/kms_internal.h"

#include <string.h>

#include "crypto/crypto.h"

void kms_message_clear(kms_message *message)
{
    buf_free(&message->blob);
    secret_free(message->opened);
    message->opened = NULL;
}

static kms_message *message_of(op_t *op)
{
    return op->asked;
}

static void finish(op_t *op, p11kms_err err)
{
    kms_message *message = message_of(op);

    token_op_wipe(&op->token_op);
    op->err = err;
    op->err_detail = err == P11KMS_OK ? NULL : arena_strdup(op->arena, p11kms_err_detail(err));
    message->then(op);
}

static void ask_prf(op_t *op, kms_message *message, const uint8_t material_id[KMS_ID],
                    const uint8_t nonce[ENVELOPE_NONCE], op_step then, op_step next)
{
    message->then = then;
    op->asked = message;
    envelope_prf_input(message->key->id, nonce, message->prf_input);
    op->token_op.kind = TOKEN_OP_PRF;
    memcpy(op->token_op.key_id, material_id, KMS_ID);
    op->token_op.in = SLICE(message->prf_input, ENVELOPE_PRF_INPUT);
    op_token(op, message->key->token, next);
}

static void sealed(op_t *op)
{
    kms_message *m = message_of(op);
    p11kms_err err = kms_token_outcome(&op->token_op);

    if (err == P11KMS_OK) {
        err = envelope_seal(m->key->id, m->material->id, m->nonce, op->token_op.out, m->context, m->plain, &m->blob);
    } else {
        err = p11kms_fail_plain(err);
    }
    finish(op, err);
}

void kms_seal(op_t *op, kms_message *message, op_step then)
{
    if (message->key->spec->family == KMS_FAMILY_RSA) {
        rsa_seal(op, message, then);
        return;
    }
    message->material = kms_key_current(message->key);
    p11kms_err err = crypto_random(message->nonce, sizeof(message->nonce));
    if (err != P11KMS_OK) {
        message->then = then;
        op->asked = message;
        finish(op, err);
        return;
    }
    ask_prf(op, message, message->material->id, message->nonce, then, sealed);
}

static p11kms_err open_with(kms_message *m, const uint8_t k0[TOKEN_PRF_LEN])
{
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    size_t len = 0;

    TRY(envelope_open(&m->envelope, k0, m->context, plain, &len));
    p11kms_err err = secret_copy(plain, len ? len : 1, &m->opened);
    secret_wipe(plain, len);
    if (err == P11KMS_OK) {
        secret_truncate(m->opened, len);
    }
    return err;
}

static void opened(op_t *op)
{
    kms_message *m = message_of(op);
    p11kms_err err = kms_token_outcome(&op->token_op);

    err = err == P11KMS_OK ? open_with(m, op->token_op.out) : p11kms_fail_plain(err);
    if (err == P11KMS_OK && !m->material) {
        err = p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    finish(op, err);
}

/*
 * A ciphertext that names a material the key never had still asks the token (under the
 * current material, whose key opens nothing of it), so that it costs what others cost.
 */
void kms_open(op_t *op, kms_message *message, op_step then)
{
    if (message->key->spec->family == KMS_FAMILY_RSA) {
        rsa_open(op, message, then);
        return;
    }
    message->material = kms_key_material(message->key, message->envelope.material_id);
    const kms_material *asked = message->material ? message->material : kms_key_current(message->key);

    ask_prf(op, message, asked->id, message->envelope.nonce, then, opened);
}

/* ---- without a loop ---- */

static p11kms_err prf_now(token_t *token, const uint8_t key_id[KMS_ID], const uint8_t material_id[KMS_ID],
                          const uint8_t nonce[ENVELOPE_NONCE], uint8_t k0[TOKEN_PRF_LEN])
{
    uint8_t input[ENVELOPE_PRF_INPUT];
    token_op_t op = { .kind = TOKEN_OP_PRF, .in = SLICE(input, sizeof(input)) };

    envelope_prf_input(key_id, nonce, input);
    memcpy(op.key_id, material_id, KMS_ID);
    p11kms_err err = token_call(token, &op);
    if (err == P11KMS_OK) {
        memcpy(k0, op.out, TOKEN_PRF_LEN);
    }
    token_op_wipe(&op);
    buf_free(&op.out_list);
    return err;
}

p11kms_err kms_open_now(token_t *token, slice_t blob, slice_t context, secret_t **ret)
{
    kms_message message = { .context = context };
    uint8_t k0[TOKEN_PRF_LEN];

    TRY(envelope_parse(blob, &message.envelope));
    TRY(prf_now(token, message.envelope.key_id, message.envelope.material_id, message.envelope.nonce, k0));
    p11kms_err err = open_with(&message, k0);
    secret_wipe(k0, sizeof(k0));
    if (err == P11KMS_OK) {
        *ret = STEAL(message.opened);
    }
    return err;
}
