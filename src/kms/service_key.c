#include "kms/service_key.h"

#include <string.h>

#include "crypto/crypto.h"
#include "kms/kms_internal.h"
#include "util/clock.h"

/* meta row: version 1 | key id 16 | material id 16 | token name */
#define META "service-key"
#define META_VERSION 1

#define IMPORT_LABEL "p11kms/v1/import-token"

static p11kms_err set_service_key(kms_t *kms, const uint8_t id[KMS_ID], const uint8_t material[KMS_ID],
                                  const char *token)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_key_new(id, "000000000000", "local", &key));
    TRY(kms_key_add_material(key, material, 1, KMS_CAUSE_CREATE, 0));
    key->current = 0;
    key->token = core_token(kms->core, token);
    if (!key->token) {
        FAIL(P11KMS_E_CONFIG,
             "the secret access keys of this store are sealed on the token '%s', which is not configured", token);
    }
    kms->service_key = STEAL(key);
    return kms_service_derive(kms, IMPORT_LABEL, &kms->import_key);
}

typedef struct {
    uint8_t id[KMS_ID];
    uint8_t material[KMS_ID];
    char token[TOKEN_NAME_MAX];
} service_row;

static p11kms_err read_meta(slice_t row, service_row *ret)
{
    reader_t r = reader_over(row);
    service_row found = { 0 };

    uint8_t version = reader_u8(&r);
    slice_t id = reader_take(&r, KMS_ID);
    slice_t material = reader_take(&r, KMS_ID);
    slice_t name = r.rest;
    if (r.fails || version != META_VERSION || name.len == 0 || name.len >= sizeof(found.token)) {
        FAIL(P11KMS_E_STORE, "the store's row '%s' is damaged", META);
    }
    memcpy(found.id, id.data, KMS_ID);
    memcpy(found.material, material.data, KMS_ID);
    memcpy(found.token, name.data, name.len);
    *ret = found;
    return P11KMS_OK;
}

static p11kms_err find_meta(store_t *store, service_row *ret)
{
    _cleanup_buf_ buf_t row = { 0 };

    TRY(store_meta_get(store, META, &row));
    return read_meta(buf_slice(&row), ret);
}

p11kms_err kms_find_service_key(store_t *store, uint8_t ret_material[KMS_ID], char ret_token[TOKEN_NAME_MAX])
{
    service_row found;

    TRY(find_meta(store, &found));
    memcpy(ret_material, found.material, KMS_ID);
    memcpy(ret_token, found.token, TOKEN_NAME_MAX);
    return P11KMS_OK;
}

static p11kms_err generate(token_t *token, const uint8_t material[KMS_ID])
{
    token_op_t op = { .kind = TOKEN_OP_GENERATE, .in = SLICE_LIT("service") };

    memcpy(op.key_id, material, KMS_ID);
    p11kms_err err = token_call(token, &op);
    token_op_wipe(&op);
    buf_free(&op.out_list);
    return err;
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

static p11kms_err write_intent(store_t *store, const store_intent *intent)
{
    TRY(store_begin(store));
    return committed(store, store_intent_put(store, intent));
}

static p11kms_err write_meta(store_t *store, slice_t row, const uint8_t material[KMS_ID])
{
    TRY(store_begin(store));
    p11kms_err err = store_meta_put(store, META, row);
    if (err == P11KMS_OK) {
        err = store_intent_delete(store, material);
    }
    return committed(store, err);
}

static p11kms_err check_can_hold_it(const token_t *token)
{
    token_info info = token_get_info(token);

    if (!info.can_generate || !info.can_prf) {
        FAIL(P11KMS_E_UNSUPPORTED, "the default token '%s' %s, so the service's own key cannot be there: make another "
             "token the default", token_name(token), info.can_prf ? "makes no keys" : "does no HMAC-SHA-256");
    }
    return P11KMS_OK;
}

static p11kms_err make_service_key(kms_t *kms, store_t *store)
{
    token_t *token = core_token(kms->core, kms->default_token);
    store_intent intent = { .token = kms->default_token, .created = clock_service_ms() };
    uint8_t id[KMS_ID];
    _cleanup_buf_ buf_t row = { 0 };

    ENSURE(token, P11KMS_E_CONFIG);
    TRY(check_can_hold_it(token));
    uuid_random(id);
    TRY(crypto_random(intent.material_id, KMS_ID));
    buf_put_u8(&row, META_VERSION);
    buf_put(&row, id, KMS_ID);
    buf_put(&row, intent.material_id, KMS_ID);
    buf_put_str(&row, kms->default_token);
    ENSURE(!buf_failed(&row), P11KMS_E_NOMEM);
    TRY(write_intent(store, &intent));
    TRY(generate(token, intent.material_id));
    TRY(write_meta(store, buf_slice(&row), intent.material_id));
    return set_service_key(kms, id, intent.material_id, kms->default_token);
}

p11kms_err kms_open_service_key(store_t *store, void *arg)
{
    kms_t *kms = arg;
    service_row found;
    p11kms_err err = find_meta(store, &found);

    if (err == P11KMS_E_NOT_FOUND) {
        return make_service_key(kms, store);
    }
    TRY(err);
    return set_service_key(kms, found.id, found.material, found.token);
}

const kms_key_t *kms_service_key(const kms_t *kms)
{
    return kms->service_key;
}

p11kms_err kms_service_context(const char *name, arena_t *arena, slice_t *ret)
{
    context_pair pair = { .name = SLICE_LIT("p11kms"), .value = SLICE_STR(name) };

    return context_canonical(&pair, 1, arena, ret);
}

p11kms_err kms_service_open(const kms_t *kms, const char *name, slice_t blob, secret_t **ret)
{
    _cleanup_(arena) arena_t *arena = arena_new(512);
    envelope_t envelope;
    slice_t context;

    ENSURE(arena, P11KMS_E_NOMEM);
    TRY(envelope_parse(blob, &envelope));
    if (memcmp(envelope.key_id, kms->service_key->id, KMS_ID) != 0 ||
        !kms_key_material(kms->service_key, envelope.material_id)) {
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    TRY(kms_service_context(name, arena, &context));
    return kms_open_now(kms->service_key->token, blob, context, ret);
}

/* SP 800-108 as for messages, but for label and context: [1]32 | label | 0 | key id | [256]32. */
static void put_derivation(buf_t *out, const char *label, const uint8_t key_id[KMS_ID])
{
    buf_put_u32(out, 1);
    buf_put_str(out, label);
    buf_put_u8(out, 0);
    buf_put(out, key_id, KMS_ID);
    buf_put_u32(out, 8 * TOKEN_PRF_LEN);
}

p11kms_err kms_service_derive(const kms_t *kms, const char *label, secret_t **ret)
{
    const kms_key_t *key = kms->service_key;
    _cleanup_buf_ buf_t input = { 0 };

    put_derivation(&input, label, key->id);
    ENSURE(!buf_failed(&input), P11KMS_E_NOMEM);
    token_op_t op = { .kind = TOKEN_OP_PRF, .in = buf_slice(&input) };
    memcpy(op.key_id, kms_key_current(key)->id, TOKEN_KEY_ID);
    p11kms_err err = token_call(key->token, &op);
    if (err == P11KMS_OK) {
        err = secret_copy(op.out, TOKEN_PRF_LEN, ret);
    }
    token_op_wipe(&op);
    buf_free(&op.out_list);
    return err;
}
