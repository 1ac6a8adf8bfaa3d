/*
 * Wrapping keys: RSA keys on the token that unwrap material on its way in, for a
 * day each, and the tokens that bind them to a KMS key. A private half never leaves
 * the token; an import token is no secret, only authentic.
 */
#include "kms/kms_internal.h"

#include <pthread.h>
#include <string.h>

#include "crypto/crypto.h"
#include "util/clock.h"

/* ---- all there are ---- */

struct wrappings {
    pthread_mutex_t lock;
    kms_wrapping *rows; /* oldest first */
    size_t n, cap;
};

p11kms_err wrappings_new(wrappings_t **ret)
{
    wrappings_t *all = calloc(1, sizeof(*all));

    ENSURE(all, P11KMS_E_NOMEM);
    pthread_mutex_init(&all->lock, NULL);
    *ret = all;
    return P11KMS_OK;
}

void wrappings_free(wrappings_t *all)
{
    if (all) {
        pthread_mutex_destroy(&all->lock);
        free(all->rows);
        free(all);
    }
}

static p11kms_err grow(wrappings_t *all)
{
    if (all->n < all->cap) {
        return P11KMS_OK;
    }
    size_t cap = all->cap ? 2 * all->cap : 16;
    kms_wrapping *rows = realloc(all->rows, cap * sizeof(*rows));
    ENSURE(rows, P11KMS_E_NOMEM);
    all->rows = rows;
    all->cap = cap;
    return P11KMS_OK;
}

p11kms_err wrappings_put(wrappings_t *all, const kms_wrapping *wrapping)
{
    pthread_mutex_lock(&all->lock);
    p11kms_err err = grow(all);
    if (err == P11KMS_OK) {
        all->rows[all->n++] = *wrapping;
    }
    pthread_mutex_unlock(&all->lock);
    return err;
}

static kms_wrapping *find(const wrappings_t *all, const uint8_t id[KMS_ID])
{
    for (size_t i = 0; i < all->n; i++) {
        if (memcmp(all->rows[i].id, id, KMS_ID) == 0) {
            return &all->rows[i];
        }
    }
    return NULL;
}

void wrappings_remove(wrappings_t *all, const uint8_t id[KMS_ID])
{
    pthread_mutex_lock(&all->lock);
    kms_wrapping *row = find(all, id);
    if (row) {
        all->n--;
        memmove(row, row + 1, (size_t)(all->rows + all->n - row) * sizeof(*row));
    }
    pthread_mutex_unlock(&all->lock);
}

static bool get(wrappings_t *all, const uint8_t id[KMS_ID], kms_wrapping *ret)
{
    pthread_mutex_lock(&all->lock);
    const kms_wrapping *row = find(all, id);
    if (row) {
        *ret = *row;
    }
    pthread_mutex_unlock(&all->lock);
    return row != NULL;
}

/* How many @p key has, and the oldest of them. */
static size_t of_key(wrappings_t *all, const kms_wrapping *like, kms_wrapping *ret_oldest)
{
    size_t n = 0;

    pthread_mutex_lock(&all->lock);
    for (size_t i = all->n; i-- > 0;) {
        const kms_wrapping *row = &all->rows[i];

        if (memcmp(row->key_id, like->key_id, KMS_ID) == 0 && strcmp(row->region, like->region) == 0) {
            *ret_oldest = *row;
            n++;
        }
    }
    pthread_mutex_unlock(&all->lock);
    return n;
}

static bool is_due(kms_t *kms, const kms_wrapping *row, int64_t now)
{
    _cleanup_(kms_key) kms_key_t *key = catalog_key(kms->catalog, row->region, row->key_id);

    return !key || row->valid_to <= now;
}

bool wrappings_due(kms_t *kms, int64_t now, kms_wrapping *ret)
{
    wrappings_t *all = kms->wrappings;
    int64_t first = INT64_MAX, turn;

    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->n; i++) {
        const kms_wrapping *row = &all->rows[i];

        if (row->token && token_get_state(row->token) == TOKEN_READY && is_due(kms, row, now) &&
            retries_may(kms->retries, SLICE(row->id, KMS_ID), now, &turn) && turn < first) {
            first = turn;
            *ret = *row;
        }
    }
    pthread_mutex_unlock(&all->lock);
    return first != INT64_MAX;
}

/* ---- kinds ---- */

/* RSAES_PKCS1_V1_5 is AWS's no longer; SM2PKE is China's alone. */
static const kms_wrapping_algorithm algorithms[] = {
    { "RSAES_OAEP_SHA_1", TOKEN_MECH_OAEP_SHA1, false },
    { "RSAES_OAEP_SHA_256", TOKEN_MECH_OAEP_SHA256, false },
    { "RSA_AES_KEY_WRAP_SHA_1", TOKEN_MECH_RSA_AES_WRAP_SHA1, true },
    { "RSA_AES_KEY_WRAP_SHA_256", TOKEN_MECH_RSA_AES_WRAP_SHA256, true },
};

static const kms_wrapping_algorithm *algorithm_named(slice_t name)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        if (slice_eq_str(name, algorithms[i].name)) {
            return &algorithms[i];
        }
    }
    return NULL;
}

/* SM2 is the one wrapping key spec that is no RSA key. */
static const kms_spec *spec_named(slice_t name)
{
    const kms_spec *spec = kms_spec_named(name);

    return spec && spec->family == KMS_FAMILY_RSA ? spec : NULL;
}

static const char *spec_name(token_key_type type)
{
    static const char *const names[] = { "RSA_2048", "RSA_3072", "RSA_4096" };

    return names[type - TOKEN_KEY_RSA_2048];
}

/* Two steps carry private keys alone, and RSA private keys come in no other way ("Select a wrapping algorithm"). */
static bool algorithm_carries(const kms_wrapping_algorithm *algorithm, const kms_spec *wrapping, const kms_spec *spec)
{
    if (algorithm->two_steps) {
        return kms_spec_is_pair(spec);
    }
    return spec->family != KMS_FAMILY_RSA && !(spec->type == TOKEN_KEY_P521 && wrapping->type == TOKEN_KEY_RSA_2048);
}

p11kms_err kms_check_imports(const token_t *token)
{
    if (!token_get_info(token).can_import) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "Key material cannot be imported: the token '%s' does not unwrap keys.",
             token_name(token));
    }
    return P11KMS_OK;
}

static p11kms_err check_on_token(const token_t *token, const kms_wrapping *wrapping)
{
    const token_info info = token_get_info(token);

    TRY(kms_check_imports(token));
    if (!TOKEN_CAN(info.key_types, wrapping->type)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "WrappingKeySpec %s is not supported: the token '%s' cannot make such keys.",
             spec_name(wrapping->type), token_name(token));
    }
    if (!TOKEN_CAN(info.mechanisms, wrapping->algorithm->mechanism)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "WrappingAlgorithm %s is not supported: the token '%s' does not do it.",
             wrapping->algorithm->name, token_name(token));
    }
    return P11KMS_OK;
}

p11kms_err kms_wrapping_for(const kms_key_t *key, slice_t algorithm, slice_t spec, kms_wrapping *ret)
{
    const kms_spec *rsa = spec_named(spec);
    kms_wrapping made = { .algorithm = algorithm_named(algorithm), .token = key->token };

    if (!made.algorithm || !rsa || !algorithm_carries(made.algorithm, rsa, key->spec)) {
        FAIL(P11KMS_E_VALIDATION, "Wrapping algorithm %.*s and wrapping key spec %.*s cannot be used to import a %s key.",
             (int)algorithm.len, (const char *)algorithm.data, (int)spec.len, (const char *)spec.data, key->spec->name);
    }
    ENSURE(key->token && token_get_state(key->token) == TOKEN_READY, P11KMS_E_TIMEOUT);
    made.type = rsa->type;
    TRY(check_on_token(key->token, &made));
    memcpy(made.key_id, key->id, KMS_ID);
    memcpy(made.account, key->account, sizeof(made.account));
    memcpy(made.region, key->region, sizeof(made.region));
    memcpy(made.token_name, key->token_name, sizeof(made.token_name));
    *ret = made;
    return P11KMS_OK;
}

/* ---- rows ---- */

static p11kms_err load(void *arg, const store_wrapping *row)
{
    kms_t *kms = arg;
    const kms_spec *spec = spec_named(SLICE_STR(row->spec));
    kms_wrapping wrapping = {
        .algorithm = algorithm_named(SLICE_STR(row->algorithm)),
        .token = core_token(kms->core, row->token),
        .created = row->created,
        .valid_to = row->valid_to,
    };

    if (!spec || !wrapping.algorithm) {
        FAIL(P11KMS_E_STORE, "a wrapping key is %s for %s, which this version does not know", row->spec, row->algorithm);
    }
    ENSURE(strlen(row->account) < sizeof(wrapping.account) && strlen(row->region) < sizeof(wrapping.region) &&
               strlen(row->token) < sizeof(wrapping.token_name),
           P11KMS_E_STORE);
    wrapping.type = spec->type;
    memcpy(wrapping.id, row->id, KMS_ID);
    memcpy(wrapping.key_id, row->key_id, KMS_ID);
    strcpy(wrapping.account, row->account);
    strcpy(wrapping.region, row->region);
    strcpy(wrapping.token_name, row->token);
    return wrappings_put(kms->wrappings, &wrapping);
}

p11kms_err wrappings_load(store_t *store, kms_t *kms)
{
    return store_wrapping_each(store, load, kms);
}

static p11kms_err insert(store_t *store, const kms_wrapping *wrapping)
{
    store_wrapping row = {
        .account = wrapping->account,
        .region = wrapping->region,
        .token = wrapping->token_name,
        .algorithm = wrapping->algorithm->name,
        .spec = spec_name(wrapping->type),
        .created = wrapping->created,
        .valid_to = wrapping->valid_to,
    };

    memcpy(row.id, wrapping->id, KMS_ID);
    memcpy(row.key_id, wrapping->key_id, KMS_ID);
    return store_wrapping_insert(store, &row);
}

/* An intent takes the row's place: whatever happens, the object goes. */
static p11kms_err make_room(kms_change *change, op_t *op, const kms_wrapping *wrapping)
{
    kms_wrapping *oldest = ARENA_NEW(op->arena, kms_wrapping);

    if (of_key(change->kms->wrappings, wrapping, oldest) < KMS_WRAPPINGS_PER_KEY) {
        return P11KMS_OK;
    }
    change->gone_wrapping = oldest;
    TRY(store_wrapping_delete(change->store, oldest->id));
    return kms_intent(change->store, oldest->id, oldest->token_name);
}

p11kms_err kms_change_wrapping(kms_change *change, op_t *op, kms_wrapping *wrapping)
{
    memcpy(wrapping->id, op->token_op.key_id, KMS_ID);
    wrapping->created = clock_service_ms();
    wrapping->valid_to = wrapping->created + KMS_WRAPPING_VALID_MS;
    TRY(make_room(change, op, wrapping));
    TRY(insert(change->store, wrapping));
    change->put_wrapping = wrapping;
    return kms_intent_done(change->store, wrapping->id);
}

/* ---- making one ---- */

typedef struct {
    kms_t *kms;
    op_change_fn change;
} making_wrapping;

static void kept(op_t *op)
{
    const kms_change *change = op->staged;
    const kms_wrapping *gone = change->gone_wrapping;

    if (gone && gone->token) {
        kms_destroy_object(op, change->kms, gone->token, gone->id, op_settle);
    } else {
        op_settle(op);
    }
}

static void generated(op_t *op)
{
    const making_wrapping *making = kms_object_arg(op);

    kms_keep_object(op, making->change, kept);
}

void kms_make_wrapping(op_t *op, kms_t *kms, kms_wrapping *wrapping, op_change_fn change)
{
    making_wrapping *making = ARENA_NEW(op->arena, making_wrapping);
    const kms_object object = {
        .kms = kms,
        .token = wrapping->token,
        .kind = TOKEN_OP_GENERATE,
        .type = wrapping->type,
        .use = TOKEN_USE_DECRYPT,
        .label = KMS_LABEL_WRAPPING,
        .arg = making,
    };

    making->kms = kms;
    making->change = change;
    kms_make_object(op, &object, generated);
}

/* ---- import tokens: version | wrapping key's id | valid to, ms | HMAC over these and the key's ARN ---- */

#define TOKEN_VERSION 1
#define TOKEN_SIGNED (1 + KMS_ID + 8)
#define TOKEN_LEN (TOKEN_SIGNED + SHA256_LEN)

static void authenticate(const kms_t *kms, slice_t said, const char *arn, uint8_t out[SHA256_LEN])
{
    uint8_t bytes[TOKEN_SIGNED + KMS_ARN_MAX];

    memcpy(bytes, said.data, TOKEN_SIGNED);
    memcpy(bytes + TOKEN_SIGNED, arn, strlen(arn));
    crypto_hmac_sha256(secret_slice(kms->import_key), SLICE(bytes, TOKEN_SIGNED + strlen(arn)), out);
}

slice_t kms_import_token(const kms_t *kms, const kms_wrapping *wrapping, const char *arn, arena_t *arena)
{
    uint8_t *bytes = arena_alloc(arena, TOKEN_LEN);
    uint64_t valid_to = (uint64_t)wrapping->valid_to;

    bytes[0] = TOKEN_VERSION;
    memcpy(bytes + 1, wrapping->id, KMS_ID);
    for (size_t i = 0; i < 8; i++) {
        bytes[1 + KMS_ID + i] = (uint8_t)(valid_to >> (56 - 8 * i));
    }
    authenticate(kms, SLICE(bytes, TOKEN_SIGNED), arn, bytes + TOKEN_SIGNED);
    return SLICE(bytes, TOKEN_LEN);
}

static bool is_authentic(const kms_t *kms, const kms_key_t *key, slice_t token)
{
    uint8_t mac[SHA256_LEN];

    if (token.len != TOKEN_LEN || token.data[0] != TOKEN_VERSION) {
        return false;
    }
    authenticate(kms, token, key->arn, mac);
    return secret_eq(SLICE(mac, SHA256_LEN), SLICE(token.data + TOKEN_SIGNED, SHA256_LEN));
}

p11kms_err kms_import_token_open(kms_t *kms, const kms_key_t *key, slice_t token, kms_wrapping *ret)
{
    if (!is_authentic(kms, key, token)) {
        FAIL(P11KMS_E_IMPORT_TOKEN, "The import token is not valid, or it belongs to another key than %s.", key->arn);
    }
    reader_t reader = reader_over(SLICE(token.data + 1 + KMS_ID, 8));
    kms_wrapping found;
    bool expired = (int64_t)reader_u64(&reader) <= clock_service_ms();

    if (expired || !get(kms->wrappings, token.data + 1, &found)) {
        FAIL(P11KMS_E_IMPORT_EXPIRED, "The import token has expired. Use GetParametersForImport to get a new one.");
    }
    ENSURE(found.token, P11KMS_E_TIMEOUT);
    *ret = found;
    return P11KMS_OK;
}
