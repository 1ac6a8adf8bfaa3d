#include "tests/fakes/fake_token.h"

#include <pthread.h>
#include <stdio.h>

#include "crypto/crypto.h"
#include "tests/fakes/fake_keys.h"

#define FAKE_KEYS_MAX 1024
#define CKR_KEY_TYPE_INCONSISTENT 0x63
#define CKR_KEY_FUNCTION_NOT_PERMITTED 0x68

struct fake_token {
    pthread_mutex_t lock;
    token_info info;
    token_state state;
    fake_key keys[FAKE_KEYS_MAX];
    size_t n_keys;
    uint64_t made; /* a key made again under the same id is another key */
    bool reuses_pairs;
    bool holding;
    token_op_t *held_first;
    token_op_t *held_last;
    struct {
        p11kms_err err;
        uint64_t ckr;
        unsigned times;
    } fail[TOKEN_OP_COUNT + 1];
    uint64_t ops[TOKEN_OP_COUNT];
};

static fake_key *find_key(fake_token_t *fake, const uint8_t *id)
{
    for (size_t i = 0; i < fake->n_keys; i++) {
        if (memcmp(fake->keys[i].id, id, TOKEN_KEY_ID) == 0) {
            return &fake->keys[i];
        }
    }
    return NULL;
}

static p11kms_err check_new(fake_token_t *fake, const uint8_t *id)
{
    if (find_key(fake, id) != NULL) {
        return P11KMS_E_EXISTS;
    }
    return fake->n_keys == FAKE_KEYS_MAX ? P11KMS_E_TOKEN : P11KMS_OK;
}

static void keep_key(fake_token_t *fake, const fake_key *key)
{
    fake->keys[fake->n_keys++] = *key;
}

static fake_key new_key(const token_op_t *op, slice_t label)
{
    fake_key key = { .type = op->type, .use = op->use };

    memcpy(key.id, op->key_id, TOKEN_KEY_ID);
    snprintf(key.label, sizeof(key.label), "%.*s", (int)label.len, (const char *)label.data);
    return key;
}

static void make_secret(fake_token_t *fake, fake_key *key)
{
    slice_t seed[2];
    uint8_t more[SHA256_LEN];

    fake->made++;
    seed[0] = SLICE(&fake->made, sizeof(fake->made));
    seed[1] = SLICE(key->id, TOKEN_KEY_ID);
    crypto_sha256_parts(seed, COUNT_OF(seed), key->material);
    crypto_sha256(SLICE(key->material, SHA256_LEN), more);
    memcpy(key->material + SHA256_LEN, more, SHA256_LEN);
}

static p11kms_err make_key(fake_token_t *fake, const token_op_t *op)
{
    fake_key key = new_key(op, op->in);

    TRY(check_new(fake, op->key_id));
    if (kinds_is_pair(op->type)) {
        TRY(fake->reuses_pairs ? fake_key_regenerate(&key) : fake_key_generate(&key));
    } else {
        make_secret(fake, &key);
    }
    keep_key(fake, &key);
    return P11KMS_OK;
}

static void drop_key(fake_token_t *fake, const uint8_t *id)
{
    fake_key *key = find_key(fake, id);

    if (key != NULL) {
        fake_key_free(key);
        *key = fake->keys[--fake->n_keys];
    }
}

static p11kms_err do_prf(fake_token_t *fake, token_op_t *op)
{
    const fake_key *key = find_key(fake, op->key_id);

    if (key == NULL) {
        return P11KMS_E_TOKEN_NO_KEY;
    }
    crypto_hmac_sha256(SLICE(key->material, sizeof(key->material)), op->in, op->out);
    op->out_used = TOKEN_PRF_LEN;
    return P11KMS_OK;
}

static p11kms_err tell_public(const fake_key *key, token_op_t *op)
{
    return fake_key_public(key, op->out, &op->out_used);
}

static p11kms_err do_generate(fake_token_t *fake, token_op_t *op)
{
    ENSURE(TOKEN_CAN(fake->info.key_types, op->type), P11KMS_E_UNSUPPORTED);
    TRY(make_key(fake, op));
    return kinds_is_pair(op->type) ? tell_public(find_key(fake, op->key_id), op) : P11KMS_OK;
}

static p11kms_err do_destroy(fake_token_t *fake, token_op_t *op)
{
    drop_key(fake, op->key_id);
    return P11KMS_OK;
}

static p11kms_err do_random(fake_token_t *fake, token_op_t *op)
{
    (void)fake;
    op->out_used = op->out_len;
    return crypto_random(op->out, op->out_len);
}

static p11kms_err do_list(fake_token_t *fake, token_op_t *op)
{
    buf_clear(&op->out_list);
    for (size_t i = 0; i < fake->n_keys; i++) {
        buf_put(&op->out_list, fake->keys[i].id, TOKEN_KEY_ID);
    }
    return buf_failed(&op->out_list) ? P11KMS_E_NOMEM : P11KMS_OK;
}

static p11kms_err do_ping(fake_token_t *fake, token_op_t *op)
{
    (void)fake;
    (void)op;
    return P11KMS_OK;
}

/* The key for a mechanism, with the errors that a module has for one that does not fit. */
static p11kms_err key_for(fake_token_t *fake, token_op_t *op, const uint8_t *id, const fake_key **ret)
{
    const fake_key *key = find_key(fake, id);

    if (!TOKEN_CAN(fake->info.mechanisms, op->mechanism)) {
        return P11KMS_E_UNSUPPORTED;
    }
    if (key == NULL) {
        return P11KMS_E_TOKEN_NO_KEY;
    }
    if (!kinds_key_fits(key->type, key->use, op->mechanism)) {
        op->ckr = kinds_of_type(key->type)->family == kinds_of_mechanism(op->mechanism)->family
                      ? CKR_KEY_FUNCTION_NOT_PERMITTED
                      : CKR_KEY_TYPE_INCONSISTENT;
        return P11KMS_E_TOKEN;
    }
    *ret = key;
    return P11KMS_OK;
}

static p11kms_err do_sign(fake_token_t *fake, token_op_t *op)
{
    const fake_key *key = NULL;

    TRY(key_for(fake, op, op->key_id, &key));
    return fake_key_sign(key, op->mechanism, op->in, op->out, &op->out_used);
}

static p11kms_err do_decrypt(fake_token_t *fake, token_op_t *op)
{
    const fake_key *key = NULL;

    TRY(key_for(fake, op, op->key_id, &key));
    return fake_key_decrypt(key, op->mechanism, op->in, op->out, &op->out_used);
}

static p11kms_err do_agree(fake_token_t *fake, token_op_t *op)
{
    const fake_key *key = find_key(fake, op->key_id);

    if (!fake->info.can_agree) {
        return P11KMS_E_UNSUPPORTED;
    }
    if (key == NULL) {
        return P11KMS_E_TOKEN_NO_KEY;
    }
    if (key->use != TOKEN_USE_AGREE) {
        op->ckr = CKR_KEY_FUNCTION_NOT_PERMITTED;
        return P11KMS_E_TOKEN;
    }
    return fake_key_agree(key, op->in, op->out, &op->out_used);
}

static p11kms_err do_import(fake_token_t *fake, token_op_t *op)
{
    reader_t reader = reader_over(op->in);
    slice_t label = reader_take(&reader, reader_u16(&reader));
    const fake_key *unwrapping = NULL;
    fake_key key = new_key(op, label);
    p11kms_err err;

    ENSURE(!reader.fails && label.len <= TOKEN_LABEL_MAX, P11KMS_E_RANGE);
    ENSURE(fake->info.can_import, P11KMS_E_UNSUPPORTED);
    TRY(check_new(fake, op->key_id));
    TRY(key_for(fake, op, op->unwrap_id, &unwrapping));
    err = fake_key_import(unwrapping, op->mechanism, reader.rest, &key);
    if (err != P11KMS_OK) {
        fake_key_free(&key);
        return err;
    }
    keep_key(fake, &key);
    return kinds_is_pair(key.type) ? tell_public(&key, op) : P11KMS_OK;
}

static p11kms_err do_public(fake_token_t *fake, token_op_t *op)
{
    const fake_key *key = find_key(fake, op->key_id);

    if (key == NULL) {
        return P11KMS_E_TOKEN_NO_KEY;
    }
    if (!kinds_is_pair(key->type)) {
        op->ckr = CKR_KEY_TYPE_INCONSISTENT;
        return P11KMS_E_TOKEN;
    }
    return tell_public(key, op);
}

static p11kms_err (*const executors[TOKEN_OP_COUNT])(fake_token_t *, token_op_t *) = {
    [TOKEN_OP_PRF] = do_prf,       [TOKEN_OP_GENERATE] = do_generate, [TOKEN_OP_DESTROY] = do_destroy,
    [TOKEN_OP_RANDOM] = do_random, [TOKEN_OP_LIST] = do_list,         [TOKEN_OP_PING] = do_ping,
    [TOKEN_OP_SIGN] = do_sign,     [TOKEN_OP_DECRYPT] = do_decrypt,   [TOKEN_OP_AGREE] = do_agree,
    [TOKEN_OP_IMPORT] = do_import, [TOKEN_OP_PUBLIC] = do_public,
};

static bool fails_on_purpose(fake_token_t *fake, size_t which, token_op_t *op)
{
    if (fake->fail[which].times == 0) {
        return false;
    }
    fake->fail[which].times--;
    op->err = fake->fail[which].err;
    op->ckr = fake->fail[which].ckr;
    return true;
}

static void execute(fake_token_t *fake, token_op_t *op)
{
    if (fake->state != TOKEN_READY) {
        op->err = P11KMS_E_TOKEN_LOST;
    } else if (!fails_on_purpose(fake, op->kind, op) && !fails_on_purpose(fake, TOKEN_OP_COUNT, op)) {
        op->err = executors[op->kind](fake, op);
    }
    if (op->err != P11KMS_OK) {
        op->out_used = 0;
    }
}

static void fake_submit(void *self, token_op_t *op)
{
    fake_token_t *fake = self;
    bool hold;

    pthread_mutex_lock(&fake->lock);
    fake->ops[op->kind]++;
    execute(fake, op);
    hold = fake->holding;
    if (hold) {
        op->link = NULL;
        *(fake->held_first == NULL ? &fake->held_first : &fake->held_last->link) = op;
        fake->held_last = op;
    }
    pthread_mutex_unlock(&fake->lock);
    if (!hold) {
        mailbox_post(op->mailbox, &op->done, &op->done);
    }
}

static void fake_flush(void *self)
{
    fake_token_t *fake = self;

    pthread_mutex_lock(&fake->lock);
    pthread_mutex_unlock(&fake->lock);
}

static size_t post_held(fake_token_t *fake, p11kms_err instead)
{
    token_op_t *op;
    size_t n = 0;

    pthread_mutex_lock(&fake->lock);
    op = fake->held_first;
    fake->held_first = fake->held_last = NULL;
    fake->holding = false;
    pthread_mutex_unlock(&fake->lock);
    while (op != NULL) {
        token_op_t *next = op->link;

        if (instead != P11KMS_OK) {
            op->err = instead;
        }
        mailbox_post(op->mailbox, &op->done, &op->done);
        op = next;
        n++;
    }
    return n;
}

static void fake_close(void *self)
{
    post_held(self, P11KMS_E_SHUTDOWN);
}

static token_state fake_state(void *self)
{
    fake_token_t *fake = self;
    token_state state;

    pthread_mutex_lock(&fake->lock);
    state = fake->state;
    pthread_mutex_unlock(&fake->lock);
    return state;
}

static token_info fake_info(void *self)
{
    fake_token_t *fake = self;
    token_info info;

    pthread_mutex_lock(&fake->lock);
    info = fake->info;
    info.keys = (unsigned)fake->n_keys;
    pthread_mutex_unlock(&fake->lock);
    return info;
}

static const token_driver fake_driver = {
    .submit = fake_submit, .flush = fake_flush, .close = fake_close, .state = fake_state, .info = fake_info,
};

fake_token_t *fake_token_new(void)
{
    fake_token_t *fake = calloc(1, sizeof(*fake));

    if (fake == NULL) {
        abort();
    }
    pthread_mutex_init(&fake->lock, NULL);
    fake->state = TOKEN_READY;
    fake->info = (token_info){
        .label = "fake",
        .manufacturer = "p11kms",
        .model = "in memory",
        .serial = "0",
        .library = "fake 1.0",
        .can_prf = true,
        .can_generate = true,
        .can_gcm = true,
        .can_random = true,
        .can_session_copy = true,
        .key_types = (1u << TOKEN_KEY_COUNT) - 1,
        .mechanisms = ((1u << TOKEN_MECH_COUNT) - 1) & ~(1u << TOKEN_MECH_NONE) & ~(1u << TOKEN_MECH_EDDSA_PH),
        .can_agree = true,
        .can_import = true,
    };
    return fake;
}

void fake_token_free(fake_token_t *fake)
{
    for (size_t i = 0; i < fake->n_keys; i++) {
        fake_key_free(&fake->keys[i]);
    }
    pthread_mutex_destroy(&fake->lock);
    free(fake);
}

token_t *fake_token_open(fake_token_t *fake, const char *name)
{
    token_t *token = NULL;

    if (token_open_driver(name, &fake_driver, fake, &token) != P11KMS_OK) {
        abort();
    }
    return token;
}

void fake_token_fail(fake_token_t *fake, token_op_kind kind, p11kms_err err, uint64_t ckr, unsigned times)
{
    pthread_mutex_lock(&fake->lock);
    fake->fail[kind].err = err;
    fake->fail[kind].ckr = ckr;
    fake->fail[kind].times = times;
    pthread_mutex_unlock(&fake->lock);
}

void fake_token_set_state(fake_token_t *fake, token_state state)
{
    pthread_mutex_lock(&fake->lock);
    fake->state = state;
    pthread_mutex_unlock(&fake->lock);
    if (state != TOKEN_READY) {
        post_held(fake, P11KMS_E_TOKEN_LOST);
    }
}

void fake_token_hold(fake_token_t *fake)
{
    pthread_mutex_lock(&fake->lock);
    fake->holding = true;
    pthread_mutex_unlock(&fake->lock);
}

size_t fake_token_release(fake_token_t *fake)
{
    return post_held(fake, P11KMS_OK);
}

void fake_token_reuse_pairs(fake_token_t *fake)
{
    pthread_mutex_lock(&fake->lock);
    fake->reuses_pairs = true;
    pthread_mutex_unlock(&fake->lock);
}

bool fake_token_has_key(fake_token_t *fake, const uint8_t key_id[TOKEN_KEY_ID])
{
    bool has;

    pthread_mutex_lock(&fake->lock);
    has = find_key(fake, key_id) != NULL;
    pthread_mutex_unlock(&fake->lock);
    return has;
}

void fake_token_add_key(fake_token_t *fake, const uint8_t key_id[TOKEN_KEY_ID])
{
    token_op_t op = { .kind = TOKEN_OP_GENERATE };

    memcpy(op.key_id, key_id, TOKEN_KEY_ID);
    pthread_mutex_lock(&fake->lock);
    (void)make_key(fake, &op);
    pthread_mutex_unlock(&fake->lock);
}

size_t fake_token_keys(fake_token_t *fake)
{
    size_t n;

    pthread_mutex_lock(&fake->lock);
    n = fake->n_keys;
    pthread_mutex_unlock(&fake->lock);
    return n;
}

const char *fake_token_label(fake_token_t *fake, const uint8_t key_id[TOKEN_KEY_ID])
{
    const fake_key *key;

    pthread_mutex_lock(&fake->lock);
    key = find_key(fake, key_id);
    pthread_mutex_unlock(&fake->lock);
    return key == NULL ? "" : key->label;
}

uint64_t fake_token_ops(fake_token_t *fake, token_op_kind kind)
{
    uint64_t n;

    pthread_mutex_lock(&fake->lock);
    n = fake->ops[kind];
    pthread_mutex_unlock(&fake->lock);
    return n;
}

token_info *fake_token_info(fake_token_t *fake)
{
    return &fake->info;
}
