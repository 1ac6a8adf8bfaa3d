/*
 * One message under an RSA key: sealed on the host with the public key, opened by the token. Such a ciphertext
 * says nothing of its key; AWS KMS's do not either.
 */
#include "kms/kms_internal.h"

static p11kms_err encrypt(op_t *op)
{
    kms_message *m = op->asked;
    _cleanup_(asym) asym_t *key = NULL;

    TRY(kms_public_key(m->key, &key));
    return asym_oaep_encrypt(key, kms_algorithm_hash(m->algorithm), m->plain, &m->blob);
}

void rsa_seal(op_t *op, kms_message *message, op_step then)
{
    op->asked = message;
    op_compute(op, OP_LANE_QUICK, encrypt, then);
}

static p11kms_err keep_plaintext(op_t *op, kms_message *m)
{
    size_t len = op->token_op.out_used;

    TRY(secret_copy(op->token_op.out, len ? len : 1, &m->opened));
    secret_truncate(m->opened, len);
    return P11KMS_OK;
}

static void finish(op_t *op, kms_message *m, p11kms_err err)
{
    token_op_wipe(&op->token_op);
    op->err = err;
    op->err_detail = err == P11KMS_OK ? NULL : arena_strdup(op->arena, p11kms_err_detail(err));
    m->then(op);
}

static void opened(op_t *op)
{
    char *use = op->asked;
    kms_message *m = (kms_message *)(void *)(use - offsetof(kms_message, use));

    if (op->err != P11KMS_OK) {
        token_op_wipe(&op->token_op);
        m->then(op);
        return;
    }
    finish(op, m, keep_plaintext(op, m));
}

void rsa_open(op_t *op, kms_message *message, op_step then)
{
    message->then = then;
    if (message->sealed.len != message->key->spec->bits / 8) {
        finish(op, message, p11kms_fail_plain(P11KMS_E_CIPHERTEXT));
        return;
    }
    message->use = (kms_use){
        .key = message->key,
        .algorithm = message->algorithm,
        .kind = TOKEN_OP_DECRYPT,
        .in = message->sealed,
    };
    kms_use_material(op, &message->use, opened);
}
