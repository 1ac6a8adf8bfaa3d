#include "token/host/pairs.h"

#include <poll.h>

#include "crypto/keypair.h"
#include "crypto/spki_write.h"
#include "token/host/channel.h"
#include "util/secret.h"

#define LOG_ROOM "token"
#include "util/log.h"

#define GENERATE_TRIES 4 /* as in operations.c */
#define GENERATE_PAUSE_MS 10
#define EC_PARAMS_MAX 64
#define EC_POINT_MAX 160

#define USE(use) (1u << (use))

static result_t token_result(CK_RV rv)
{
    return (result_t){ rv == CKR_OK ? P11KMS_OK : P11KMS_E_TOKEN, rv };
}

/* ---- public keys ---- */

static CK_RV read_bytes(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                        uint8_t *out, size_t size, slice_t *ret)
{
    CK_ATTRIBUTE attribute = { type, out, size };
    CK_RV rv = host->module->C_GetAttributeValue(session, object, &attribute, 1);

    if (rv == CKR_OK && attribute.ulValueLen > size) {
        rv = CKR_FUNCTION_FAILED;
    }
    *ret = SLICE(out, rv == CKR_OK ? attribute.ulValueLen : 0);
    return rv;
}

static CK_RV read_rsa(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, buf_t *ret_spki)
{
    uint8_t n[PRIVATE_OUT_MAX + 1], e[16];
    slice_t modulus, exponent;
    CK_RV rv = read_bytes(host, session, object, CKA_MODULUS, n, sizeof(n), &modulus);

    if (rv == CKR_OK) {
        rv = read_bytes(host, session, object, CKA_PUBLIC_EXPONENT, e, sizeof(e), &exponent);
    }
    if (rv != CKR_OK) {
        return rv;
    }
    return spki_write_rsa(modulus, exponent, ret_spki) == P11KMS_OK ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* CKA_EC_POINT is the point in an OCTET STRING, by the standard; some modules leave the latter out. */
static CK_RV read_point(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, token_key_type type,
                        buf_t *ret_spki)
{
    asym_type asym = private_asym_type(type);
    uint8_t bytes[EC_POINT_MAX];
    slice_t value;
    CK_RV rv = read_bytes(host, session, object, CKA_EC_POINT, bytes, sizeof(bytes), &value);

    if (rv != CKR_OK) {
        return rv;
    }
    for (size_t head = 0; head <= 3 && head < value.len; head++) {
        bool wrapped = head == 0 || (head > 1 && value.data[0] == 0x04);

        if (wrapped && spki_write_point(asym, SLICE(value.data + head, value.len - head), ret_spki) == P11KMS_OK) {
            return CKR_OK;
        }
    }
    return CKR_FUNCTION_FAILED;
}

CK_RV pairs_read_public(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, token_key_type type,
                        buf_t *ret_spki)
{
    _cleanup_(asym) asym_t *parsed = NULL;
    CK_RV rv;

    buf_clear(ret_spki);
    rv = kinds_of_type(type)->family == FAMILY_RSA ? read_rsa(host, session, object, ret_spki)
                                                   : read_point(host, session, object, type, ret_spki);
    if (rv != CKR_OK) {
        return rv;
    }
    if (asym_parse(buf_slice(ret_spki), &parsed) != P11KMS_OK || asym_get_type(parsed) != private_asym_type(type)) {
        return CKR_FUNCTION_FAILED;
    }
    return CKR_OK;
}

static CK_RV read_public_info(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                              token_key_type type, buf_t *ret_spki)
{
    _cleanup_(asym) asym_t *parsed = NULL;
    uint8_t bytes[ASYM_MAX];
    slice_t spki;
    CK_RV rv = read_bytes(host, session, object, CKA_PUBLIC_KEY_INFO, bytes, sizeof(bytes), &spki);

    if (rv != CKR_OK || asym_parse(spki, &parsed) != P11KMS_OK || asym_get_type(parsed) != private_asym_type(type)) {
        return rv != CKR_OK ? rv : CKR_FUNCTION_FAILED;
    }
    buf_clear(ret_spki);
    buf_put_slice(ret_spki, spki);
    return buf_failed(ret_spki) ? CKR_HOST_MEMORY : CKR_OK;
}

/* ---- whether they belong together ---- */

static bool signs_for(const private_key *key, slice_t spki)
{
    static const token_mechanism candidates[] = {
        TOKEN_MECH_PKCS1_SHA256, TOKEN_MECH_PSS_SHA256, TOKEN_MECH_ECDSA, TOKEN_MECH_EDDSA,
    };
    static const uint8_t digest[SHA256_LEN] = "a digest that nobody else signs.";
    uint8_t signature[PRIVATE_OUT_MAX];
    size_t len;

    for (size_t i = 0; i < COUNT_OF(candidates); i++) {
        if (key->host->ways[candidates[i]] != WAY_NONE &&
            kinds_of_mechanism(candidates[i])->family == kinds_of_type(key->type)->family) {
            return private_sign(key, candidates[i], SLICE(digest, sizeof(digest)), signature, &len) == CKR_OK &&
                   private_verify(candidates[i], spki, SLICE(digest, sizeof(digest)), SLICE(signature, len));
        }
    }
    return false;
}

bool pairs_opens(const private_key *key, token_mechanism mechanism, slice_t spki)
{
    _cleanup_(asym) asym_t *public = NULL;
    _cleanup_buf_ buf_t sealed = { 0 };
    uint8_t out[PRIVATE_OUT_MAX];
    size_t len = 0;

    return asym_parse(spki, &public) == P11KMS_OK && asym_is_rsa(public) &&
           asym_oaep_encrypt(public, private_hash(mechanism), SLICE_LIT("for this key alone"), &sealed) == P11KMS_OK &&
           private_decrypt(key, mechanism, buf_slice(&sealed), out, &len).err == P11KMS_OK &&
           slice_eq_str(SLICE(out, len), "for this key alone");
}

static bool decrypts_for(const private_key *key, slice_t spki)
{
    token_mechanism mechanism =
        key->host->ways[TOKEN_MECH_OAEP_SHA256] != WAY_NONE ? TOKEN_MECH_OAEP_SHA256 : TOKEN_MECH_OAEP_SHA1;

    return key->host->ways[mechanism] != WAY_NONE && pairs_opens(key, mechanism, spki);
}

static keypair_type keypair_of(token_key_type type)
{
    return type == TOKEN_KEY_P256 ? KEYPAIR_P256 : type == TOKEN_KEY_P384 ? KEYPAIR_P384 : KEYPAIR_P521;
}

static bool agrees_for(const private_key *key, slice_t spki)
{
    _cleanup_secret_ secret_t *other = NULL;
    _cleanup_buf_ buf_t other_spki = { 0 };
    uint8_t ours[PRIVATE_OUT_MAX], theirs[PKCS8_SHARED_MAX];
    size_t ours_len = 0, theirs_len = 0;

    return keypair_make(keypair_of(key->type), &other, &other_spki) == P11KMS_OK &&
           pkcs8_agree(secret_slice(other), spki, theirs, &theirs_len) == P11KMS_OK &&
           private_agree(key, spki_point(private_asym_type(key->type), buf_slice(&other_spki)), ours, &ours_len) ==
               CKR_OK &&
           secret_eq(SLICE(ours, ours_len), SLICE(theirs, theirs_len));
}

bool pairs_belong(const private_key *key, token_key_use use, slice_t spki)
{
    static bool (*const tests[TOKEN_USE_COUNT])(const private_key *key, slice_t spki) = {
        [TOKEN_USE_SIGN] = signs_for,
        [TOKEN_USE_DECRYPT] = decrypts_for,
        [TOKEN_USE_AGREE] = agrees_for,
    };

    return tests[use](key, spki);
}

/* ---- keys found ---- */

static bool has_use(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = { type, &value, sizeof(value) };

    return host->module->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK && value == CK_TRUE;
}

/* One use, or it is not a key that we made. */
static bool find_use(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, token_key_use *ret)
{
    static const CK_ATTRIBUTE_TYPE attributes[TOKEN_USE_COUNT] = {
        [TOKEN_USE_SIGN] = CKA_SIGN,
        [TOKEN_USE_DECRYPT] = CKA_DECRYPT,
        [TOKEN_USE_AGREE] = CKA_DERIVE,
    };
    unsigned found = 0;

    for (unsigned use = 0; use < TOKEN_USE_COUNT; use++) {
        if (has_use(host, session, object, attributes[use])) {
            *ret = use;
            found++;
        }
    }
    return found == 1;
}

static bool find_type(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, token_key_type *ret)
{
    uint8_t bytes[PRIVATE_OUT_MAX + 1];
    CK_KEY_TYPE type = CKK_RSA;
    CK_ATTRIBUTE attribute = { CKA_KEY_TYPE, &type, sizeof(type) };
    slice_t value = { 0 };

    if (host->module->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK) {
        return false;
    }
    if (type != CKK_RSA) {
        *ret = read_bytes(host, session, object, CKA_EC_PARAMS, bytes, EC_PARAMS_MAX, &value) == CKR_OK
                   ? template_curve_of(value)
                   : TOKEN_KEY_COUNT;
        return *ret != TOKEN_KEY_COUNT;
    }
    if (read_bytes(host, session, object, CKA_MODULUS, bytes, sizeof(bytes), &value) != CKR_OK) {
        return false;
    }
    for (unsigned i = TOKEN_KEY_RSA_2048; i <= TOKEN_KEY_RSA_4096; i++) {
        size_t size = kinds_of_type(i)->size;

        if (value.len == size || (value.len == size + 1 && value.data[0] == 0)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* Wherever this module keeps the public half. */
static void find_public(const host_t *host, CK_SESSION_HANDLE session, const host_key *key, host_pair *pair)
{
    private_key private = { host, session, key->object, pair->type };
    _cleanup_buf_ buf_t spki = { 0 };
    CK_RV rv = pairs_read_public(host, session, key->object, pair->type, &spki);

    if (rv != CKR_OK) {
        rv = read_public_info(host, session, key->object, pair->type, &spki);
    }
    if (rv != CKR_OK && key->public != CK_INVALID_HANDLE) {
        rv = pairs_read_public(host, session, key->public, pair->type, &spki);
    }
    if (rv != CKR_OK) {
        return;
    }
    if (!pairs_belong(&private, pair->use, buf_slice(&spki))) {
        log_error("a public key on the token does not belong to its private key: it is not used");
        return;
    }
    memcpy(pair->spki, spki.data, spki.len);
    pair->spki_len = spki.len;
}

const host_pair *pairs_get(const host_t *host, CK_SESSION_HANDLE session, host_key *key)
{
    host_pair *known = __atomic_load_n(&key->pair, __ATOMIC_ACQUIRE);
    host_pair *none = NULL;

    if (known != NULL || key->class != CKO_PRIVATE_KEY) {
        return known;
    }
    known = calloc(1, sizeof(*known));
    if (known == NULL || !find_type(host, session, key->object, &known->type) ||
        !find_use(host, session, key->object, &known->use)) {
        free(known);
        return NULL;
    }
    find_public(host, session, key, known);
    if (!__atomic_compare_exchange_n(&key->pair, &none, known, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        free(known); /* another thread was quicker */
        known = none;
    }
    return known;
}

/* ---- making ---- */

static result_t remove_again(worker_t *worker, CK_OBJECT_HANDLE object)
{
    CK_RV rv = keys_discard(worker->host, worker->session, object);

    if (rv != CKR_OK) {
        log_error("a key that is not as asked stays on the token: C_DestroyObject: %s", token_ckr_name(rv));
    }
    return token_result(CKR_TEMPLATE_INCONSISTENT);
}

static host_pair *new_pair(const template_key *key, token_key_use use, slice_t spki)
{
    host_pair *pair = calloc(1, sizeof(*pair));

    if (pair != NULL) {
        pair->type = key->type;
        pair->use = use;
        pair->spki_len = spki.len;
        memcpy(pair->spki, spki.data, spki.len);
    }
    return pair;
}

/* Where neither kind of attribute tells the public key after a restart, an object of its own does. */
static void keep_public(worker_t *worker, const template_key *key, host_key *added, slice_t spki)
{
    const host_t *host = worker->host;
    _cleanup_buf_ buf_t told = { 0 };
    CK_OBJECT_HANDLE public = CK_INVALID_HANDLE;
    CK_RV rv;

    if (added->public != CK_INVALID_HANDLE ||
        pairs_read_public(host, worker->session, added->object, key->type, &told) == CKR_OK ||
        read_public_info(host, worker->session, added->object, key->type, &told) == CKR_OK) {
        return;
    }
    rv = template_create_public(host, worker->session, key, spki, &public);
    if (rv != CKR_OK || keys_handle_taken(host, public)) {
        log_notice("the token keeps no public key: C_CreateObject: %s", token_ckr_name(rv));
        return;
    }
    added->public = public;
}

result_t pairs_settle(worker_t *worker, const template_key *key, token_key_use use, const pair_handles *handles,
                      slice_t spki)
{
    host_t *host = worker->host;
    private_key private = { host, worker->session, handles->private, key->type };
    const char *wrong;
    host_key *added;
    result_t result;

    if (keys_handle_taken(host, handles->private)) {
        return keys_add(host, key->id, CKO_PRIVATE_KEY, handles->private); /* which says what is wrong with it */
    }
    wrong = template_mismatch(host, worker->session, handles->private, key);
    if (wrong == NULL && !pairs_belong(&private, use, spki)) {
        wrong = "public key";
    }
    if (wrong != NULL) {
        log_error("the token made a private key whose %s is not as asked: it is destroyed again", wrong);
        return remove_again(worker, handles->private);
    }
    result = keys_add(host, key->id, CKO_PRIVATE_KEY, handles->private);
    added = keys_get(host, key->id);
    if (result.err == P11KMS_OK && added != NULL) {
        added->public = handles->public;
        added->pair = new_pair(key, use, spki);
        keep_public(worker, key, added, spki);
    }
    return result;
}

/* ---- first as a session object, which may take seconds, then copied to the token, which is quick ---- */

static CK_RV generate_somehow(worker_t *worker, const template_key *key, bool public_on_token, pair_handles *ret)
{
    CK_RV rv = CKR_GENERAL_ERROR;

    for (int i = 0; i < GENERATE_TRIES && template_worth_another_try(rv); i++) {
        unsigned variant = i == GENERATE_TRIES - 1 ? TEMPLATE_PLAIN : TEMPLATE_FULL;

        if (i > 0) {
            poll(NULL, 0, GENERATE_PAUSE_MS);
        }
        rv = template_generate_pair(worker->host, worker->session, variant, key, public_on_token, &ret->public,
                                    &ret->private);
    }
    return rv;
}

static void discard(worker_t *worker, CK_OBJECT_HANDLE object)
{
    if (object != CK_INVALID_HANDLE) {
        (void)keys_discard(worker->host, worker->session, object);
    }
}

typedef struct {
    worker_t *worker;
    const template_key *key;
    pair_handles *handles;
    CK_RV rv;
} making_t;

static void *make_stepped_back(void *arg)
{
    making_t *making = arg;

    worker_step_back();
    making->rv = generate_somehow(making->worker, making->key, false, making->handles);
    return NULL;
}

/* In a thread that has stepped back, which a thread does for good: the seconds an RSA key takes are nobody else's. */
static CK_RV generate_patiently(worker_t *worker, const template_key *key, pair_handles *ret)
{
    making_t making = { worker, key, ret, CKR_HOST_MEMORY };
    pthread_t thread;

    if (pthread_create(&thread, NULL, make_stepped_back, &making) == 0) {
        (void)pthread_join(thread, NULL);
    }
    return making.rv;
}

static CK_RV make_in_session(worker_t *worker, const template_key *key, pair_handles *ret, buf_t *spki)
{
    template_key in_session = *key;
    CK_RV rv;

    in_session.id = NULL;
    __atomic_store_n(&worker->host->making, true, __ATOMIC_SEQ_CST);
    pthread_rwlock_rdlock(&worker->host->objects);
    rv = generate_patiently(worker, &in_session, ret);
    if (rv == CKR_OK) {
        rv = pairs_read_public(worker->host, worker->session, ret->public, key->type, spki);
        discard(worker, ret->public);
        ret->public = CK_INVALID_HANDLE;
    }
    pthread_rwlock_unlock(&worker->host->objects);
    __atomic_store_n(&worker->host->making, false, __ATOMIC_SEQ_CST);
    return rv;
}

static result_t copy_to_token(worker_t *worker, const template_key *key, token_key_use use, CK_OBJECT_HANDLE private,
                              slice_t spki)
{
    pair_handles copy = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
    CK_RV rv = template_copy_to_token(worker->host, worker->session, private, key, spki, &copy.private);

    if (rv != CKR_OK) {
        log_notice("pairs are made on the token at once, which holds it up: C_CopyObject: %s", token_ckr_name(rv));
        worker->host->pairs_direct = true;
        return token_result(rv);
    }
    return pairs_settle(worker, key, use, &copy, spki);
}

static result_t id_is_free(worker_t *worker, const uint8_t *id)
{
    bool taken = false;
    result_t result = keys_id_taken(worker->host, worker->session, id, &taken);

    return taken ? (result_t){ P11KMS_E_EXISTS, CKR_OK } : result;
}

static result_t check_id(worker_t *worker, const uint8_t *id)
{
    result_t result;

    pthread_rwlock_wrlock(&worker->host->objects);
    result = id_is_free(worker, id);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

static result_t generate_by_copy(worker_t *worker, const protocol_op *op, const template_key *key, buf_t *spki)
{
    pair_handles handles = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
    result_t result = token_result(make_in_session(worker, key, &handles, spki));

    if (result.err == P11KMS_OK) {
        pthread_rwlock_wrlock(&worker->host->objects);
        channel_exclusive(op->id);
        result = id_is_free(worker, op->key_id);
        if (result.err == P11KMS_OK) {
            result = copy_to_token(worker, key, op->use, handles.private, buf_slice(spki));
        }
        discard(worker, handles.private);
        pthread_rwlock_unlock(&worker->host->objects);
    }
    return result;
}

/* ---- or on the token at once; some modules want both halves there ---- */

static CK_RV make_on_token(worker_t *worker, const template_key *key, pair_handles *ret, buf_t *spki)
{
    bool public_too = false;
    CK_RV rv = generate_somehow(worker, key, public_too, ret);

    if (rv != CKR_OK && template_worth_another_try(rv)) {
        public_too = true;
        rv = generate_somehow(worker, key, public_too, ret);
    }
    if (rv == CKR_OK) {
        rv = pairs_read_public(worker->host, worker->session, ret->public, key->type, spki);
        if (!public_too) {
            discard(worker, ret->public);
            ret->public = CK_INVALID_HANDLE;
        }
    }
    return rv;
}

static result_t generate_directly(worker_t *worker, const protocol_op *op, const template_key *key, buf_t *spki)
{
    pair_handles handles = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
    result_t result;

    pthread_rwlock_wrlock(&worker->host->objects);
    channel_exclusive(op->id);
    result = id_is_free(worker, op->key_id);
    if (result.err == P11KMS_OK) {
        result = token_result(make_on_token(worker, key, &handles, spki));
        if (result.err == P11KMS_OK) {
            result = pairs_settle(worker, key, op->use, &handles, buf_slice(spki));
        }
        if (result.err != P11KMS_OK) {
            keys_remove_leftovers(worker->host, worker->session, op->key_id);
        }
    }
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

result_t pairs_generate(worker_t *worker, const protocol_op *op, buf_t *out)
{
    const template_key key = { .type = op->type, .uses = USE(op->use), .id = op->key_id, .label = op->in };
    result_t result = check_id(worker, op->key_id);

    if (result.err != P11KMS_OK) {
        return result;
    }
    if (!worker->host->pairs_direct) {
        result = generate_by_copy(worker, op, &key, out);
    }
    return worker->host->pairs_direct ? generate_directly(worker, op, &key, out) : result;
}
