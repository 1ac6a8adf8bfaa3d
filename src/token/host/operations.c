#include "token/host/operations.h"

#include <poll.h>

#include "crypto/spki_write.h"
#include "token/host/channel.h"
#include "token/host/import.h"
#include "token/host/keys.h"
#include "token/host/module.h"
#include "token/host/pairs.h"
#include "token/host/private.h"
#include "token/host/prf.h"
#include "token/host/template.h"
#include "token/host/worker.h"
#include "util/secret.h"

#define LOG_ROOM "token"
#include "util/log.h"

#define GENERATE_TRIES 4 /* SoftHSM: 1-5 % of generations beside readers fail with CKR_GENERAL_ERROR */
#define GENERATE_PAUSE_MS 10

static result_t failed(CK_RV rv)
{
    return (result_t){ rv == CKR_OK ? P11KMS_OK : P11KMS_E_TOKEN, rv };
}

/* What an operation yields; empty unless its attempt says otherwise. */
typedef struct {
    uint8_t data[TOKEN_RANDOM_MAX];
    size_t len;
} result_bytes;

/* ---- crypto: shared ---- */

static void make_copy(worker_t *worker, const uint8_t *key_id)
{
    host_t *host = worker->host;
    host_key *key;

    if (!worker_take_alone(host)) {
        return;
    }
    key = keys_get(host, key_id);
    if (key != NULL && keys_wants_copy(host, key)) {
        keys_copy(host, worker->session, key);
    }
    pthread_rwlock_unlock(&host->objects);
}

/* A key to be used, or why not. Shared. */
static result_t get_key(const host_t *host, const uint8_t *id, CK_OBJECT_CLASS class, host_key **ret)
{
    host_key *key = keys_get(host, id);

    if (key == NULL) {
        return (result_t){ P11KMS_E_TOKEN_NO_KEY, CKR_OK };
    }
    if (!keys_usable(key)) {
        return (result_t){ P11KMS_E_TOKEN, CKR_OK };
    }
    if (key->class != class) {
        return failed(CKR_KEY_TYPE_INCONSISTENT);
    }
    *ret = key;
    return RESULT_OK;
}

static result_t try_prf(worker_t *worker, const protocol_op *op, uint8_t *out, bool *ret_wants_copy)
{
    host_key *key = NULL;
    result_t result = get_key(worker->host, op->key_id, CKO_SECRET_KEY, &key);

    if (result.err != P11KMS_OK) {
        return result;
    }
    *ret_wants_copy = keys_wants_copy(worker->host, key);
    return failed(prf_once(worker->host, worker->session, keys_handle(key), op->in, out));
}

static result_t attempt_prf(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    bool wants_copy = false;
    result_t result;

    pthread_rwlock_rdlock(&worker->host->objects);
    result = try_prf(worker, op, out->data, &wants_copy);
    pthread_rwlock_unlock(&worker->host->objects);
    out->len = TOKEN_PRF_LEN;
    if (result.err == P11KMS_OK && wants_copy) {
        make_copy(worker, op->key_id);
    }
    return result;
}

static result_t attempt_random(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    CK_RV rv;

    pthread_rwlock_rdlock(&worker->host->objects);
    rv = worker->host->module->C_GenerateRandom(worker->session, out->data, op->out_len);
    out->len = op->out_len;
    pthread_rwlock_unlock(&worker->host->objects);
    return failed(rv);
}

static result_t attempt_ping(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    bool alive;
    (void)op;
    (void)out;

    pthread_rwlock_rdlock(&worker->host->objects);
    alive = module_logged_in(worker->host) && prf_known_answer(worker->host, worker->session);
    pthread_rwlock_unlock(&worker->host->objects);
    return alive ? RESULT_OK : failed(CKR_GENERAL_ERROR);
}

/* ---- private keys, and HMAC: shared ---- */

static void take_result(result_bytes *out, slice_t bytes)
{
    if (bytes.len <= sizeof(out->data)) {
        memcpy(out->data, bytes.len > 0 ? bytes.data : out->data, bytes.len);
        out->len = bytes.len;
    }
}

/* The mechanism is not one for this key: the errors are those that a module has for it. */
static CK_RV check_mechanism(token_key_type type, token_key_use use, token_mechanism mechanism)
{
    if (kinds_key_fits(type, use, mechanism)) {
        return CKR_OK;
    }
    return kinds_of_type(type)->family == kinds_of_mechanism(mechanism)->family ? CKR_KEY_FUNCTION_NOT_PERMITTED
                                                                               : CKR_KEY_TYPE_INCONSISTENT;
}

static result_t get_private(worker_t *worker, const uint8_t *id, private_key *ret, const host_pair **ret_pair)
{
    host_key *key = NULL;
    result_t result = get_key(worker->host, id, CKO_PRIVATE_KEY, &key);

    if (result.err != P11KMS_OK) {
        return result;
    }
    *ret_pair = pairs_get(worker->host, worker->session, key);
    if (*ret_pair == NULL) {
        return failed(CKR_KEY_TYPE_INCONSISTENT);
    }
    *ret = (private_key){ worker->host, worker->session, key->object, (*ret_pair)->type };
    return RESULT_OK;
}

static result_t sign_hmac(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    host_key *key = NULL;
    private_key secret;
    result_t result = get_key(worker->host, op->key_id, CKO_SECRET_KEY, &key);

    if (result.err != P11KMS_OK) {
        return result;
    }
    if (key->secret_len != 0 && key->secret_len != kinds_of_mechanism(op->mechanism)->hash) {
        return failed(CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
    secret = (private_key){ worker->host, worker->session, keys_handle(key), TOKEN_KEY_PRF };
    return failed(private_sign(&secret, op->mechanism, op->in, out->data, &out->len));
}

static result_t sign_private(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    const host_pair *pair;
    private_key key;
    result_t result = get_private(worker, op->key_id, &key, &pair);

    if (result.err == P11KMS_OK) {
        result = failed(check_mechanism(pair->type, pair->use, op->mechanism));
    }
    if (result.err != P11KMS_OK) {
        return result;
    }
    return failed(private_sign(&key, op->mechanism, op->in, out->data, &out->len));
}

static result_t attempt_sign(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    bool secret = kinds_of_mechanism(op->mechanism)->family == FAMILY_SECRET;
    result_t result;

    pthread_rwlock_rdlock(&worker->host->objects);
    result = (secret ? sign_hmac : sign_private)(worker, op, out);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

static result_t attempt_decrypt(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    result_t result;

    pthread_rwlock_rdlock(&worker->host->objects);
    result = import_open(worker, op->key_id, op->mechanism, op->in, out->data, &out->len);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

static result_t agree(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    _cleanup_(asym) asym_t *peer = NULL;
    const host_pair *pair;
    private_key key;
    result_t result = get_private(worker, op->key_id, &key, &pair);

    if (result.err != P11KMS_OK) {
        return result;
    }
    if (pair->use != TOKEN_USE_AGREE) {
        return failed(CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
    if (asym_parse(op->in, &peer) != P11KMS_OK || asym_get_type(peer) != private_asym_type(pair->type)) {
        return (result_t){ P11KMS_E_SYNTAX, CKR_OK };
    }
    return failed(private_agree(&key, spki_point(private_asym_type(pair->type), op->in), out->data, &out->len));
}

static result_t attempt_agree(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    result_t result;

    pthread_rwlock_rdlock(&worker->host->objects);
    result = agree(worker, op, out);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

static result_t attempt_public(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    const host_pair *pair = NULL;
    private_key key;
    result_t result;

    pthread_rwlock_rdlock(&worker->host->objects);
    result = get_private(worker, op->key_id, &key, &pair);
    if (result.err == P11KMS_OK) {
        take_result(out, SLICE(pair->spki, pair->spki_len));
        result.err = pair->spki_len > 0 ? P11KMS_OK : P11KMS_E_UNSUPPORTED;
    }
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

/* ---- object management: alone ---- */

/* The self-test chose the template with a session object; a token object may yet be another matter. */
static CK_RV generate(worker_t *worker, const template_key *key, CK_OBJECT_HANDLE *ret)
{
    unsigned variant = worker->host->template_variant;
    CK_RV rv = CKR_GENERAL_ERROR;

    for (int i = 0; i < GENERATE_TRIES && template_worth_another_try(rv); i++) {
        if (i > 0) {
            keys_remove_leftovers(worker->host, worker->session, key->id);
            poll(NULL, 0, GENERATE_PAUSE_MS);
        }
        if (i == GENERATE_TRIES - 1) {
            variant = TEMPLATE_PLAIN;
        }
        rv = template_generate(worker->host, worker->session, variant, key, ret);
    }
    if (rv != CKR_OK) {
        keys_remove_leftovers(worker->host, worker->session, key->id);
    } else {
        worker->host->template_variant = variant;
    }
    return rv;
}

static result_t generate_secret(worker_t *worker, const protocol_op *op)
{
    const template_key key = {
        .type = op->type, .uses = 1u << TOKEN_USE_SIGN, .id = op->key_id, .label = op->in
    };
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    bool taken = false;
    result_t result = keys_id_taken(worker->host, worker->session, op->key_id, &taken);
    CK_RV rv;

    if (result.err != P11KMS_OK || taken) {
        return taken ? (result_t){ P11KMS_E_EXISTS, CKR_OK } : result;
    }
    rv = generate(worker, &key, &object);
    return rv == CKR_OK ? keys_settle_secret(worker->host, worker->session, &key, object) : failed(rv);
}

/*
 * A daemon that died meanwhile knows nothing of the key, and the next one may have looked already for what was
 * half made: it is for this host to take away.
 */
static result_t take_back_unless_wanted(worker_t *worker, const protocol_op *op, result_t result)
{
    if (result.err != P11KMS_OK || !channel_closed()) {
        return result;
    }
    pthread_rwlock_wrlock(&worker->host->objects);
    keys_remove_leftovers(worker->host, worker->session, op->key_id);
    pthread_rwlock_unlock(&worker->host->objects);
    return (result_t){ P11KMS_E_TOKEN_LOST, CKR_OK };
}

static result_t generate_alone(worker_t *worker, const protocol_op *op)
{
    result_t result;

    pthread_rwlock_wrlock(&worker->host->objects);
    channel_exclusive(op->id);
    result = generate_secret(worker, op);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

static result_t attempt_generate(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    _cleanup_buf_ buf_t spki = { 0 };
    result_t result = kinds_is_pair(op->type) ? pairs_generate(worker, op, &spki) : generate_alone(worker, op);

    take_result(out, buf_slice(&spki));
    return take_back_unless_wanted(worker, op, result);
}

static result_t attempt_import(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    _cleanup_buf_ buf_t spki = { 0 };
    result_t result = import_run(worker, op, &spki);

    take_result(out, buf_slice(&spki));
    return take_back_unless_wanted(worker, op, result);
}

static result_t attempt_destroy(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    (void)out;
    return keys_destroy(worker->host, worker->session, op->key_id);
}

static result_t attempt_list(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    (void)op;
    (void)out;
    return keys_find_all(worker->host, worker->session);
}

/* ---- the table ---- */

static const struct {
    result_t (*attempt)(worker_t *worker, const protocol_op *op, result_bytes *out);
    bool manages; /* may hold the token alone */
    bool alone;   /* for the whole attempt: it need not see to that itself */
    bool names_key; /* whose handle may have gone stale */
} operations[TOKEN_OP_COUNT] = {
    [TOKEN_OP_PRF] = { attempt_prf, .names_key = true },
    [TOKEN_OP_GENERATE] = { attempt_generate, .manages = true },
    [TOKEN_OP_DESTROY] = { attempt_destroy, .manages = true, .alone = true },
    [TOKEN_OP_RANDOM] = { attempt_random },
    [TOKEN_OP_LIST] = { attempt_list, .manages = true, .alone = true },
    [TOKEN_OP_PING] = { attempt_ping },
    [TOKEN_OP_SIGN] = { attempt_sign, .names_key = true },
    [TOKEN_OP_DECRYPT] = { attempt_decrypt, .names_key = true },
    [TOKEN_OP_AGREE] = { attempt_agree, .names_key = true },
    [TOKEN_OP_IMPORT] = { attempt_import, .manages = true, .names_key = true },
    [TOKEN_OP_PUBLIC] = { attempt_public, .names_key = true },
};

bool operations_alone(token_op_kind kind)
{
    return operations[kind].manages;
}

static result_t attempt(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    result_t result;

    out->len = 0;
    if (!operations[op->kind].alone) {
        return operations[op->kind].attempt(worker, op, out);
    }
    pthread_rwlock_wrlock(&worker->host->objects);
    channel_exclusive(op->id);
    result = operations[op->kind].attempt(worker, op, out);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

/* Of the key in use. */
static const uint8_t *used_id(const protocol_op *op)
{
    if (!operations[op->kind].names_key) {
        return NULL;
    }
    return op->kind == TOKEN_OP_IMPORT ? op->unwrap_id : op->key_id;
}

/* One attempt, and one more where the first error was not the token's last word. */
static result_t attempt_twice(worker_t *worker, const protocol_op *op, result_bytes *out)
{
    result_t result = attempt(worker, op, out);

    if (result.err != P11KMS_E_TOKEN || result.rv == CKR_OK) {
        return result;
    }
    result = worker_recover(worker, result.rv, used_id(op));
    if (result.err != P11KMS_OK) {
        return result;
    }
    result = attempt(worker, op, out);
    return result.err == P11KMS_E_TOKEN ? worker_give_up(worker, result.rv) : result;
}

/* A module's own word for a wrong padding, which passing errors share: hence only after the second attempt. */
static result_t judge(const host_t *host, const protocol_op *op, result_t result)
{
    if (op->kind == TOKEN_OP_DECRYPT && result.err == P11KMS_E_TOKEN &&
        private_means_invalid(host, op->mechanism, result.rv)) {
        return (result_t){ P11KMS_E_CIPHERTEXT, CKR_OK };
    }
    return result;
}

static bool can(const host_t *host, const protocol_op *op)
{
    switch ((token_op_kind)op->kind) {
    case TOKEN_OP_PRF:
        return host->info.can_prf;
    case TOKEN_OP_GENERATE:
        return TOKEN_CAN(host->info.key_types, op->type);
    case TOKEN_OP_RANDOM:
        return host->info.can_random;
    case TOKEN_OP_SIGN:
    case TOKEN_OP_DECRYPT:
        return TOKEN_CAN(host->info.mechanisms, op->mechanism);
    case TOKEN_OP_IMPORT:
        return host->info.can_import && TOKEN_CAN(host->info.mechanisms, op->mechanism);
    case TOKEN_OP_AGREE:
        return host->info.can_agree;
    default:
        return true;
    }
}

result_t operations_run(worker_t *worker, const protocol_op *op, buf_t *out)
{
    result_bytes bytes;
    result_t result;

    if (!can(worker->host, op)) {
        return (result_t){ P11KMS_E_UNSUPPORTED, CKR_OK };
    }
    bytes.len = 0;
    result = judge(worker->host, op, attempt_twice(worker, op, &bytes));
    if (result.err == P11KMS_OK && op->kind == TOKEN_OP_LIST) {
        pthread_rwlock_rdlock(&worker->host->objects);
        keys_list(worker->host, out);
        pthread_rwlock_unlock(&worker->host->objects);
    } else if (result.err == P11KMS_OK) {
        buf_put(out, bytes.data, bytes.len);
    }
    secret_wipe(bytes.data, bytes.len);
    return result;
}
