#include "token/host/import.h"

#include "crypto/spki_write.h"
#include "token/host/channel.h"
#include "token/host/pairs.h"
#include "util/secret.h"

/* The OAEP within a mechanism of IMPORT. */
static token_mechanism oaep_of(token_mechanism mechanism)
{
    switch (mechanism) {
    case TOKEN_MECH_RSA_AES_WRAP_SHA1:
        return TOKEN_MECH_OAEP_SHA1;
    case TOKEN_MECH_RSA_AES_WRAP_SHA256:
        return TOKEN_MECH_OAEP_SHA256;
    default:
        return mechanism;
    }
}

static result_t failed(CK_RV rv)
{
    return (result_t){ rv == CKR_OK ? P11KMS_OK : P11KMS_E_TOKEN, rv };
}

/* RFC 8017 5.1.2, step 1: what is public may be judged in any time. */
static bool below_modulus(slice_t in, const host_pair *pair)
{
    slice_t modulus = spki_modulus(SLICE(pair->spki, pair->spki_len));

    return in.len == kinds_of_type(pair->type)->size && (modulus.len == 0 || slice_cmp(in, modulus) < 0);
}

static result_t get_opener(worker_t *worker, const uint8_t *id, private_key *ret, const host_pair **ret_pair)
{
    host_key *key = keys_get(worker->host, id);

    if (key == NULL) {
        return (result_t){ P11KMS_E_TOKEN_NO_KEY, CKR_OK };
    }
    if (!keys_usable(key)) {
        return (result_t){ P11KMS_E_TOKEN, CKR_OK };
    }
    *ret_pair = pairs_get(worker->host, worker->session, key);
    if (*ret_pair == NULL || kinds_of_type((*ret_pair)->type)->family != FAMILY_RSA) {
        return failed(CKR_KEY_TYPE_INCONSISTENT);
    }
    if ((*ret_pair)->use != TOKEN_USE_DECRYPT) {
        return failed(CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
    *ret = (private_key){ worker->host, worker->session, key->object, (*ret_pair)->type };
    return RESULT_OK;
}

result_t import_open(worker_t *worker, const uint8_t *id, token_mechanism mechanism, slice_t in, uint8_t *out,
                     size_t *ret_len)
{
    const host_pair *pair;
    private_key key;
    result_t result = get_opener(worker, id, &key, &pair);

    if (result.err != P11KMS_OK) {
        return result;
    }
    if (!below_modulus(in, pair)) {
        return (result_t){ P11KMS_E_CIPHERTEXT, CKR_OK };
    }
    return private_decrypt(&key, mechanism, in, out, ret_len);
}

/* ---- importing ---- */

static result_t unwrap_two_steps(worker_t *worker, const protocol_op *op, slice_t wrapped, uint8_t *out, size_t *ret_len)
{
    _cleanup_secret_ secret_t *aes_key = NULL;
    const host_pair *pair;
    private_key key;
    size_t rsa, len = 0;
    result_t result = get_opener(worker, op->unwrap_id, &key, &pair);

    if (result.err != P11KMS_OK) {
        return result;
    }
    rsa = kinds_of_type(pair->type)->size;
    if (wrapped.len < rsa) {
        return (result_t){ P11KMS_E_CIPHERTEXT, CKR_OK };
    }
    result.err = secret_new(PRIVATE_OUT_MAX, &aes_key);
    if (result.err == P11KMS_OK) {
        result = import_open(worker, op->unwrap_id, oaep_of(op->mechanism), SLICE(wrapped.data, rsa),
                             secret_data(aes_key), &len);
    }
    if (result.err == P11KMS_OK && len != KWP_KEY) {
        result.err = P11KMS_E_CIPHERTEXT;
    }
    if (result.err == P11KMS_OK) {
        result.err = kwp_unwrap(secret_data(aes_key), SLICE(wrapped.data + rsa, wrapped.len - rsa), out, ret_len);
    }
    return result;
}

static result_t unwrap(worker_t *worker, const protocol_op *op, slice_t wrapped, secret_t **ret)
{
    _cleanup_secret_ secret_t *material = NULL;
    size_t len = 0;
    result_t result = { secret_new(TOKEN_IN_MAX, &material), CKR_OK };

    if (result.err != P11KMS_OK) {
        return result;
    }
    pthread_rwlock_rdlock(&worker->host->objects);
    if (oaep_of(op->mechanism) == op->mechanism) {
        result = import_open(worker, op->unwrap_id, op->mechanism, wrapped, secret_data(material), &len);
    } else {
        result = unwrap_two_steps(worker, op, wrapped, secret_data(material), &len);
    }
    pthread_rwlock_unlock(&worker->host->objects);
    if (result.err == P11KMS_OK) {
        secret_truncate(material, len);
        *ret = STEAL(material);
    }
    return result;
}

/* As in operations.c for DECRYPT; but of a module's errors only this part of the operation's are the ciphertext's. */
static result_t unwrap_twice(worker_t *worker, const protocol_op *op, slice_t wrapped, secret_t **ret)
{
    token_mechanism oaep = oaep_of(op->mechanism);
    result_t result = unwrap(worker, op, wrapped, ret);

    if (result.err != P11KMS_E_TOKEN || !private_means_invalid(worker->host, oaep, result.rv)) {
        return result;
    }
    result = worker_recover(worker, result.rv, op->unwrap_id);
    if (result.err == P11KMS_OK) {
        result = unwrap(worker, op, wrapped, ret);
        result = result.err == P11KMS_E_TOKEN ? worker_give_up(worker, result.rv) : result;
    }
    if (result.err == P11KMS_E_TOKEN && private_means_invalid(worker->host, oaep, result.rv)) {
        return (result_t){ P11KMS_E_CIPHERTEXT, CKR_OK };
    }
    return result;
}

static result_t settle_pair(worker_t *worker, const protocol_op *op, const template_key *key,
                            const secret_t *numbers, slice_t spki)
{
    pair_handles handles = { CK_INVALID_HANDLE, CK_INVALID_HANDLE };
    CK_RV rv = template_create_private(worker->host, worker->session, key,
                                       (const pkcs8_numbers *)(const void *)secret_slice(numbers).data, spki,
                                       &handles.private);

    return rv == CKR_OK ? pairs_settle(worker, key, op->use, &handles, spki) : failed(rv);
}

/* An HMAC under the key on the token is that under the material. */
static bool same_secret(worker_t *worker, const template_key *key, CK_OBJECT_HANDLE object, slice_t material)
{
    static const token_mechanism mechanisms[] = {
        [TOKEN_KEY_PRF] = TOKEN_MECH_HMAC_SHA256,      [TOKEN_KEY_HMAC_224] = TOKEN_MECH_HMAC_SHA224,
        [TOKEN_KEY_HMAC_256] = TOKEN_MECH_HMAC_SHA256, [TOKEN_KEY_HMAC_384] = TOKEN_MECH_HMAC_SHA384,
        [TOKEN_KEY_HMAC_512] = TOKEN_MECH_HMAC_SHA512,
    };
    token_mechanism mechanism = mechanisms[key->type];
    private_key secret = { worker->host, worker->session, object, key->type };
    uint8_t here[CRYPTO_DIGEST_MAX], there[PRIVATE_OUT_MAX];
    size_t len = 0;

    crypto_hmac(private_hash(mechanism), material, SLICE_LIT("imported"), here);
    return private_sign(&secret, mechanism, SLICE_LIT("imported"), there, &len) == CKR_OK &&
           secret_eq(SLICE(there, len), SLICE(here, len));
}

static result_t settle_secret(worker_t *worker, const template_key *key, slice_t material)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_RV rv = template_create_secret(worker->host, worker->session, key, material, &object);

    if (rv != CKR_OK) {
        return failed(rv);
    }
    if (!keys_handle_taken(worker->host, object) && !same_secret(worker, key, object, material)) {
        (void)keys_discard(worker->host, worker->session, object);
        return failed(CKR_FUNCTION_FAILED);
    }
    return keys_settle_secret(worker->host, worker->session, key, object);
}

static result_t settle(worker_t *worker, const protocol_op *op, const template_key *key, const secret_t *material,
                       slice_t spki)
{
    bool taken = false;
    result_t result;

    pthread_rwlock_wrlock(&worker->host->objects);
    channel_exclusive(op->id);
    result = keys_id_taken(worker->host, worker->session, op->key_id, &taken);
    if (taken) {
        result.err = P11KMS_E_EXISTS;
    } else if (result.err == P11KMS_OK) {
        result = kinds_is_pair(op->type) ? settle_pair(worker, op, key, material, spki)
                                         : settle_secret(worker, key, secret_slice(material));
        if (result.err == P11KMS_E_TOKEN) {
            keys_remove_leftovers(worker->host, worker->session, op->key_id);
        }
    }
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

/* ---- on the token ---- */

/* A module that unwraps may ignore what it is asked: what it made is read back like any other key. */
static result_t unwrap_on_token(worker_t *worker, const protocol_op *op, const template_key *key, slice_t wrapped)
{
    host_t *host = worker->host;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    const host_pair *pair;
    private_key opener;
    bool taken = false;
    result_t result = keys_id_taken(host, worker->session, op->key_id, &taken);
    CK_RV rv;

    if (result.err != P11KMS_OK || taken) {
        return taken ? (result_t){ P11KMS_E_EXISTS, CKR_OK } : result;
    }
    result = get_opener(worker, op->unwrap_id, &opener, &pair);
    if (result.err != P11KMS_OK) {
        return result;
    }
    if (!below_modulus(wrapped, pair)) {
        return (result_t){ P11KMS_E_CIPHERTEXT, CKR_OK };
    }
    rv = private_unwrap(&opener, op->mechanism, wrapped, key, &object);
    if (rv == CKR_OK && !keys_handle_taken(host, object) &&
        template_secret_len(host, worker->session, object) != kinds_of_type(op->type)->size) {
        (void)keys_discard(host, worker->session, object);
        rv = CKR_DATA_LEN_RANGE;
    }
    return rv == CKR_OK ? keys_settle_secret(host, worker->session, key, object) : failed(rv);
}

/* Whatever the module has against it, the host tries next, and judges. */
static result_t import_on_token(worker_t *worker, const protocol_op *op, const template_key *key, slice_t wrapped)
{
    result_t result, recovered;

    pthread_rwlock_wrlock(&worker->host->objects);
    channel_exclusive(op->id);
    result = unwrap_on_token(worker, op, key, wrapped);
    pthread_rwlock_unlock(&worker->host->objects);
    if (result.err != P11KMS_E_TOKEN || result.rv == CKR_OK) {
        return result;
    }
    recovered = worker_recover(worker, result.rv, NULL);
    return recovered.err == P11KMS_E_TOKEN_LOST ? recovered : result;
}

/* ---- in the host ---- */

/* What was unwrapped is of the type: the numbers of a pair and its SPKI, or the secret itself. */
static p11kms_err read_material(const protocol_op *op, secret_t **material, buf_t *spki)
{
    secret_t *numbers = NULL;

    if (!kinds_is_pair(op->type)) {
        ENSURE(secret_len(*material) == kinds_of_type(op->type)->size, P11KMS_E_SYNTAX);
        return P11KMS_OK;
    }
    TRY(pkcs8_read(secret_slice(*material), private_asym_type(op->type), &numbers, spki));
    secret_free(*material);
    *material = numbers;
    return P11KMS_OK;
}

result_t import_run(worker_t *worker, const protocol_op *op, buf_t *out)
{
    reader_t reader = reader_over(op->in);
    const template_key key = {
        .type = op->type,
        .uses = 1u << op->use,
        .id = op->key_id,
        .label = reader_take(&reader, reader_u16(&reader)),
    };
    _cleanup_secret_ secret_t *material = NULL;
    result_t result;

    if (reader.fails || key.label.len > TOKEN_LABEL_MAX) {
        return (result_t){ P11KMS_E_RANGE, CKR_OK };
    }
    if (worker->host->unwraps[op->mechanism] && !kinds_is_pair(op->type)) {
        result = import_on_token(worker, op, &key, reader.rest);
        if (result.err != P11KMS_E_TOKEN) {
            return result;
        }
    }
    result = unwrap_twice(worker, op, reader.rest, &material);
    if (result.err == P11KMS_OK) {
        result.err = read_material(op, &material, out);
    }
    return result.err == P11KMS_OK ? settle(worker, op, &key, material, buf_slice(out)) : result;
}
