/* One operation of a private key or an HMAC key: the token computes, nothing of the key leaves it. */
#include "kms/kms_internal.h"

#include <string.h>

p11kms_err kms_token_outcome(const token_op_t *op)
{
    switch (op->err) {
    case P11KMS_E_TOKEN_LOST:
    case P11KMS_E_TIMEOUT:
    case P11KMS_E_BUSY:
    case P11KMS_E_SHUTDOWN:
    case P11KMS_E_TOKEN_NO_KEY:
        return P11KMS_E_KEY_UNAVAILABLE;
    default:
        return op->err;
    }
}

static void finish(op_t *op, p11kms_err err)
{
    kms_use *use = op->asked;

    op->err = err;
    op->err_detail = err == P11KMS_OK ? NULL : arena_strdup(op->arena, p11kms_err_detail(err));
    use->then(op);
}

static void used(op_t *op)
{
    const kms_use *use = op->asked;
    p11kms_err err = kms_token_outcome(&op->token_op);

    if (err == P11KMS_E_UNSUPPORTED) {
        err = p11kms_fail(P11KMS_E_KEY_USAGE, "Algorithm %s is not supported: the token '%s' does not do it.",
                          use->algorithm->name, token_name(use->key->token));
    } else if (err != P11KMS_OK) {
        err = p11kms_fail_plain(err);
    }
    finish(op, err);
}

void kms_use_material(op_t *op, kms_use *use, op_step then)
{
    const kms_material *material = kms_key_current(use->key);

    use->then = then;
    op->asked = use;
    if (!material) { /* taken away since the key's state was checked */
        finish(op, p11kms_fail_plain(P11KMS_E_KEY_UNAVAILABLE));
        return;
    }
    token_op_wipe(&op->token_op);
    op->token_op.kind = use->kind;
    op->token_op.mechanism = use->algorithm->mechanism;
    memcpy(op->token_op.key_id, material->id, KMS_ID);
    op->token_op.in = use->in;
    op_token(op, use->key->token, used);
}

p11kms_err kms_public_key(const kms_key_t *key, asym_t **ret)
{
    if (asym_parse(SLICE(key->public_key, key->public_key_len), ret) != P11KMS_OK) {
        FAIL(P11KMS_E_INTERNAL, "the stored public key of %s is damaged", key->arn);
    }
    return P11KMS_OK;
}

crypto_hash kms_algorithm_hash(const kms_algorithm *algorithm)
{
    switch (algorithm->digest) {
    case 160:
        return CRYPTO_SHA1;
    case 224:
        return CRYPTO_SHA224;
    case 256:
        return CRYPTO_SHA256;
    case 384:
        return CRYPTO_SHA384;
    default:
        return CRYPTO_SHA512;
    }
}
