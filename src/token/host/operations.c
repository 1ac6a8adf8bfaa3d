#include "token/host/operations.h"

#include <poll.h>

#include "token/host/channel.h"
#include "token/host/keys.h"
#include "token/host/module.h"
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

/* ---- crypto: shared ---- */

static void make_copy(worker_t *worker, const uint8_t *key_id)
{
    host_t *host = worker->host;
    host_key *key;

    pthread_rwlock_wrlock(&host->objects);
    key = keys_get(host, key_id);
    if (key != NULL && keys_wants_copy(host, key)) {
        keys_copy(host, worker->session, key);
    }
    pthread_rwlock_unlock(&host->objects);
}

static result_t try_prf(worker_t *worker, const protocol_op *op, uint8_t *out, bool *ret_wants_copy)
{
    const host_key *key = keys_get(worker->host, op->key_id);

    if (key == NULL) {
        return (result_t){ P11KMS_E_TOKEN_NO_KEY, CKR_OK };
    }
    if (key->ambiguous) {
        return (result_t){ P11KMS_E_TOKEN, CKR_OK };
    }
    *ret_wants_copy = keys_wants_copy(worker->host, key);
    return failed(prf_once(worker->host, worker->session, keys_handle(key), op->in, out));
}

static result_t attempt_prf(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    bool wants_copy = false;
    result_t result;

    pthread_rwlock_rdlock(&worker->host->objects);
    result = try_prf(worker, op, out, &wants_copy);
    pthread_rwlock_unlock(&worker->host->objects);
    if (result.err == P11KMS_OK && wants_copy) {
        make_copy(worker, op->key_id);
    }
    return result;
}

static result_t attempt_random(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    CK_RV rv;

    pthread_rwlock_rdlock(&worker->host->objects);
    rv = worker->host->module->C_GenerateRandom(worker->session, out, op->out_len);
    pthread_rwlock_unlock(&worker->host->objects);
    return failed(rv);
}

static result_t attempt_ping(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    bool alive;
    (void)op;
    (void)out;

    pthread_rwlock_rdlock(&worker->host->objects);
    alive = module_logged_in(worker->host) && prf_known_answer(worker->host, worker->session);
    pthread_rwlock_unlock(&worker->host->objects);
    return alive ? RESULT_OK : failed(CKR_GENERAL_ERROR);
}

/* ---- object management: alone ---- */

static void remove_leftovers(worker_t *worker, const uint8_t *id)
{
    result_t result = keys_destroy(worker->host, worker->session, id);

    if (result.err != P11KMS_OK) {
        log_warning("what a failed key generation left cannot be removed: %s", token_ckr_name(result.rv));
    }
}

/* Errors that pass, or that another template may pass: modules answer with anything to what they do not know. */
static bool worth_another_try(CK_RV rv)
{
    static const CK_RV errors[] = {
        CKR_GENERAL_ERROR,           CKR_FUNCTION_FAILED,         CKR_ATTRIBUTE_READ_ONLY,   CKR_ATTRIBUTE_TYPE_INVALID,
        CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT,
    };

    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (rv == errors[i]) {
            return true;
        }
    }
    return false;
}

/* The self-test chose the template with a session object; a token object may yet be another matter. */
static CK_RV generate(worker_t *worker, const protocol_op *op, CK_OBJECT_HANDLE *ret)
{
    unsigned variant = worker->host->template_variant;
    CK_RV rv = CKR_GENERAL_ERROR;

    for (int i = 0; i < GENERATE_TRIES && worth_another_try(rv); i++) {
        if (i > 0) {
            remove_leftovers(worker, op->key_id);
            poll(NULL, 0, GENERATE_PAUSE_MS);
        }
        if (i == GENERATE_TRIES - 1) {
            variant = TEMPLATE_PLAIN;
        }
        rv = template_generate(worker->host, worker->session, variant, op->key_id, op->in, ret);
    }
    if (rv != CKR_OK) {
        remove_leftovers(worker, op->key_id);
    } else {
        worker->host->template_variant = variant;
    }
    return rv;
}

static result_t attempt_generate(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    bool taken = false;
    const char *wrong;
    result_t result = keys_id_taken(worker->host, worker->session, op->key_id, &taken);
    CK_RV rv;
    (void)out;

    if (result.err != P11KMS_OK || taken) {
        return taken ? (result_t){ P11KMS_E_EXISTS, CKR_OK } : result;
    }
    rv = generate(worker, op, &object);
    if (rv != CKR_OK) {
        return failed(rv);
    }
    if (keys_handle_taken(worker->host, object)) {
        return keys_add(worker->host, op->key_id, object); /* which says what is wrong with it */
    }
    wrong = template_mismatch(worker->host, worker->session, object, true);
    if (wrong != NULL) {
        log_error("the token made a key whose %s is not as asked: it is destroyed again", wrong);
        rv = worker->host->module->C_DestroyObject(worker->session, object);
        if (rv != CKR_OK) {
            log_error("a key that is not as asked stays on the token: C_DestroyObject: %s", token_ckr_name(rv));
        }
        return failed(CKR_TEMPLATE_INCONSISTENT);
    }
    return keys_add(worker->host, op->key_id, object);
}

static result_t attempt_destroy(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    (void)out;
    return keys_destroy(worker->host, worker->session, op->key_id);
}

static result_t attempt_list(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    (void)op;
    (void)out;
    return keys_find_all(worker->host, worker->session);
}

/* ---- the table ---- */

static const struct {
    result_t (*attempt)(worker_t *worker, const protocol_op *op, uint8_t *out);
    bool alone;
    bool names_key; /* whose handle may have gone stale */
} operations[TOKEN_OP_COUNT] = {
    [TOKEN_OP_PRF] = { attempt_prf, .names_key = true },
    [TOKEN_OP_GENERATE] = { attempt_generate, .alone = true },
    [TOKEN_OP_DESTROY] = { attempt_destroy, .alone = true },
    [TOKEN_OP_RANDOM] = { attempt_random },
    [TOKEN_OP_LIST] = { attempt_list, .alone = true },
    [TOKEN_OP_PING] = { attempt_ping },
};

bool operations_alone(token_op_kind kind)
{
    return operations[kind].alone;
}

static result_t attempt(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    result_t result;

    if (!operations[op->kind].alone) {
        return operations[op->kind].attempt(worker, op, out);
    }
    pthread_rwlock_wrlock(&worker->host->objects);
    channel_exclusive(op->id);
    result = operations[op->kind].attempt(worker, op, out);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

/* One attempt, and one more where the first error was not the token's last word. */
static result_t attempt_twice(worker_t *worker, const protocol_op *op, uint8_t *out)
{
    result_t result = attempt(worker, op, out);

    if (result.err != P11KMS_E_TOKEN || result.rv == CKR_OK) {
        return result;
    }
    result = worker_recover(worker, result.rv, operations[op->kind].names_key ? op->key_id : NULL);
    if (result.err != P11KMS_OK) {
        return result;
    }
    result = attempt(worker, op, out);
    return result.err == P11KMS_E_TOKEN ? worker_give_up(worker, result.rv) : result;
}

static size_t out_len(const protocol_op *op)
{
    if (op->kind == TOKEN_OP_RANDOM) {
        return op->out_len;
    }
    return op->kind == TOKEN_OP_PRF ? TOKEN_PRF_LEN : 0;
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
    default:
        return operations[op->kind].attempt != NULL;
    }
}

result_t operations_run(worker_t *worker, const protocol_op *op, buf_t *out)
{
    uint8_t bytes[TOKEN_RANDOM_MAX];
    result_t result;

    if (!can(worker->host, op)) {
        return (result_t){ P11KMS_E_UNSUPPORTED, CKR_OK };
    }
    result = attempt_twice(worker, op, bytes);
    if (result.err == P11KMS_OK && op->kind == TOKEN_OP_LIST) {
        pthread_rwlock_rdlock(&worker->host->objects);
        keys_list(worker->host, out);
        pthread_rwlock_unlock(&worker->host->objects);
    } else if (result.err == P11KMS_OK) {
        buf_put(out, bytes, out_len(op));
    }
    secret_wipe(bytes, out_len(op));
    return result;
}
