#include "kms/checkpoint_key.h"

#include <string.h>

#include "kms/kms_internal.h"
#include "util/clock.h"

/* meta row: version 1 | 1 Ed25519, 2 P-256 | key's CKA_ID 16 | SPKI length u16 | SPKI | token name */
#define META "checkpoint-key"
#define META_VERSION 1
#define LAST_META "checkpoint-last" /* size u64 | root 32 */

/* In the order of preference, and with the number that the store has. */
static const struct {
    uint8_t number;
    token_key_type type;
    token_mechanism mechanism;
} kinds[] = {
    { 1, TOKEN_KEY_ED25519, TOKEN_MECH_EDDSA },
    { 2, TOKEN_KEY_P256, TOKEN_MECH_ECDSA },
};

/* ---- the store ---- */

static void put_meta(const kms_checkpoint_key *key, buf_t *row)
{
    buf_put_u8(row, META_VERSION);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].type == key->type) {
            buf_put_u8(row, kinds[i].number);
        }
    }
    buf_put(row, key->id, KMS_ID);
    buf_put_u16(row, (uint16_t)key->spki_len);
    buf_put(row, key->spki, key->spki_len);
    buf_put_str(row, key->token_name);
}

static p11kms_err read_meta(slice_t row, kms_checkpoint_key *ret)
{
    reader_t r = reader_over(row);
    kms_checkpoint_key key = { .type = TOKEN_KEY_COUNT };

    uint8_t version = reader_u8(&r);
    uint8_t number = reader_u8(&r);
    slice_t id = reader_take(&r, KMS_ID);
    slice_t spki = reader_take(&r, reader_u16(&r));
    slice_t name = r.rest;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        key.type = kinds[i].number == number ? kinds[i].type : key.type;
    }
    if (r.fails || version != META_VERSION || key.type == TOKEN_KEY_COUNT || spki.len > sizeof(key.spki) ||
        name.len == 0 || name.len >= sizeof(key.token_name)) {
        FAIL(P11KMS_E_STORE, "the store's row '%s' is damaged", META);
    }
    memcpy(key.id, id.data, KMS_ID);
    memcpy(key.spki, spki.data, spki.len);
    key.spki_len = spki.len;
    memcpy(key.token_name, name.data, name.len);
    *ret = key;
    return P11KMS_OK;
}

p11kms_err kms_find_checkpoint_key(store_t *store, kms_checkpoint_key *ret)
{
    _cleanup_buf_ buf_t row = { 0 };

    TRY(store_meta_get(store, META, &row));
    return read_meta(buf_slice(&row), ret);
}

static p11kms_err committed(store_t *store, p11kms_err err)
{
    if (err == P11KMS_OK) {
        err = store_commit(store);
    }
    if (err != P11KMS_OK) {
        store_rollback(store);
    }
    return err;
}

static p11kms_err write_intent(store_t *store, const kms_checkpoint_key *key)
{
    store_intent intent = { .token = key->token_name, .created = clock_service_ms() };

    memcpy(intent.material_id, key->id, KMS_ID);
    TRY(store_begin(store));
    return committed(store, store_intent_put(store, &intent));
}

static p11kms_err write_meta(store_t *store, const kms_checkpoint_key *key)
{
    _cleanup_buf_ buf_t row = { 0 };

    put_meta(key, &row);
    ENSURE(!buf_failed(&row), P11KMS_E_NOMEM);
    TRY(store_begin(store));
    p11kms_err err = store_meta_put(store, META, buf_slice(&row));
    if (err == P11KMS_OK) {
        err = store_intent_delete(store, key->id);
    }
    return committed(store, err);
}

p11kms_err kms_remember_checkpoint(store_t *store, uint64_t size, const uint8_t root[SHA256_LEN])
{
    _cleanup_buf_ buf_t row = { 0 };

    buf_put_u64(&row, size);
    buf_put(&row, root, SHA256_LEN);
    ENSURE(!buf_failed(&row), P11KMS_E_NOMEM);
    TRY(store_begin(store));
    return committed(store, store_meta_put(store, LAST_META, buf_slice(&row)));
}

p11kms_err kms_last_checkpoint(store_t *store, uint64_t *ret_size, uint8_t ret_root[SHA256_LEN])
{
    _cleanup_buf_ buf_t row = { 0 };
    p11kms_err err = store_meta_get(store, LAST_META, &row);

    if (err == P11KMS_E_NOT_FOUND) {
        *ret_size = 0;
        return P11KMS_OK;
    }
    TRY(err);
    reader_t r = reader_over(buf_slice(&row));
    uint64_t size = reader_u64(&r);
    slice_t root = reader_take(&r, SHA256_LEN);
    if (r.fails || r.rest.len > 0) {
        FAIL(P11KMS_E_STORE, "the store's row '%s' is damaged", LAST_META);
    }
    *ret_size = size;
    memcpy(ret_root, root.data, SHA256_LEN);
    return P11KMS_OK;
}

/* ---- making it ---- */

static p11kms_err generate(kms_checkpoint_key *key)
{
    token_op_t op = {
        .kind = TOKEN_OP_GENERATE, .type = key->type, .use = TOKEN_USE_SIGN, .in = SLICE_LIT("checkpoints"),
    };

    memcpy(op.key_id, key->id, KMS_ID);
    p11kms_err err = token_call(key->token, &op);
    if (err == P11KMS_OK && op.out_used > sizeof(key->spki)) {
        err = P11KMS_E_TOKEN;
    }
    if (err == P11KMS_OK) {
        memcpy(key->spki, op.out, op.out_used);
        key->spki_len = op.out_used;
    }
    token_op_wipe(&op);
    buf_free(&op.out_list);
    return err;
}

/* Two phases, as all that is made on a token: what a crash leaves between them, kms_reconcile() destroys. */
static p11kms_err make_key(store_t *store, kms_checkpoint_key *key, token_key_type type)
{
    key->type = type;
    TRY(crypto_random(key->id, KMS_ID));
    TRY(write_intent(store, key));
    TRY(generate(key));
    return write_meta(store, key);
}

/* What a token refuses to make, although it made one for its self-test, is as good as unknown to it. */
static p11kms_err make_any(store_t *store, kms_checkpoint_key *key)
{
    token_info info = token_get_info(key->token);

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!TOKEN_CAN(info.key_types, kinds[i].type) || !TOKEN_CAN(info.mechanisms, kinds[i].mechanism)) {
            continue;
        }
        p11kms_err err = make_key(store, key, kinds[i].type);
        if (err != P11KMS_E_UNSUPPORTED && err != P11KMS_E_TOKEN) {
            return err;
        }
    }
    FAIL(P11KMS_E_UNSUPPORTED, "the token '%s' makes keys of neither Ed25519 nor ECDSA on P-256", key->token_name);
}

p11kms_err kms_open_checkpoint_key(store_t *store, kms_t *kms, kms_checkpoint_key *ret)
{
    kms_checkpoint_key key = { 0 };
    p11kms_err err = kms_find_checkpoint_key(store, &key);
    bool found = err == P11KMS_OK;

    if (!found) {
        ENSURE(err == P11KMS_E_NOT_FOUND, err);
        strcpy(key.token_name, kms->default_token);
    }
    key.token = core_token(kms->core, key.token_name);
    if (!key.token) {
        FAIL(P11KMS_E_CONFIG, "checkpoints of the audit log are signed on the token '%s', which is not configured",
             key.token_name);
    }
    if (!found) {
        TRY(make_any(store, &key));
    }
    *ret = key;
    return P11KMS_OK;
}

/* ---- signing ---- */

static void put_signature(const kms_checkpoint_key *key, const token_op_t *op, buf_t *signature)
{
    uint8_t der[ECDSA_P256_DER_MAX];

    if (key->type == TOKEN_KEY_P256 && op->out_used == ECDSA_P256_RAW) {
        buf_put(signature, der, ecdsa_p256_to_der(op->out, der));
    } else {
        buf_put(signature, op->out, op->out_used); /* of a wrong length it does not verify */
    }
}

p11kms_err kms_sign_checkpoint(void *arg, slice_t text, buf_t *signature)
{
    const kms_checkpoint_key *key = arg;
    uint8_t digest[SHA256_LEN];
    token_op_t op = { .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_EDDSA, .in = text };

    if (key->type == TOKEN_KEY_P256) {
        crypto_sha256(text, digest);
        op.mechanism = TOKEN_MECH_ECDSA;
        op.in = SLICE(digest, sizeof(digest));
    }
    memcpy(op.key_id, key->id, KMS_ID);
    p11kms_err err = token_call(key->token, &op);
    if (err == P11KMS_OK) {
        put_signature(key, &op, signature);
    }
    token_op_wipe(&op);
    buf_free(&op.out_list);
    return err;
}
