/* Messages: Encrypt, Decrypt, ReEncrypt, GenerateDataKey..., GenerateRandom. */
#include "api/api_internal.h"

#include <string.h>

#include "crypto/crypto.h"

#define DATA_KEY_MAX 1024

static bool is_symmetric(const kms_key_t *key)
{
    return key->spec->family == KMS_FAMILY_SYMMETRIC;
}

/* Which algorithm messages under @p key go by, and whether what was said goes with it. */
static p11kms_err read_algorithm(const op_t *op, const char *member, kms_message *message)
{
    slice_t name = in_string(op, member);

    TRY(request_usage(op, message->key, KMS_USAGE_ENCRYPT_DECRYPT, false));
    TRY(request_algorithm(message->key, name.len ? name : SLICE_LIT("SYMMETRIC_DEFAULT"), &message->algorithm));
    if (message->context.len && !is_symmetric(message->key)) {
        FAIL(P11KMS_E_VALIDATION, "EncryptionContext is not supported when encrypting/decrypting with asymmetric CMKs.");
    }
    return P11KMS_OK;
}

/* What RSA takes at most, RFC 8017 7.1.1. */
static p11kms_err check_fits(const kms_message *message)
{
    const kms_algorithm *algorithm = message->algorithm;

    if (is_symmetric(message->key)) {
        return P11KMS_OK;
    }
    size_t max = message->key->spec->bits / 8 - 2 * (algorithm->digest / 8) - 2;
    if (message->plain.len > max) {
        FAIL(P11KMS_E_VALIDATION, "Algorithm %s and key spec %s cannot encrypt data larger than %zu bytes.",
             algorithm->name, message->key->spec->name, max);
    }
    return P11KMS_OK;
}

static void answer_material(jw_t *w, const char *name, const kms_message *message)
{
    if (is_symmetric(message->key)) {
        answer_text(w, name, message->material->id_text);
    }
}

/* ---- Encrypt ---- */

static void encrypted(op_t *op)
{
    request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_base64(&w, "CiphertextBlob", buf_slice(&request->message.blob));
        answer_key_arn(&w, request->key);
        answer_text(&w, "EncryptionAlgorithm", request->message.algorithm->name);
        jw_end(&w);
    }
    op_settle(op);
}

static p11kms_err encrypt_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(in_context(op, "EncryptionContext", &request->message.context));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_CRYPTO));
    request->message.key = request->key;
    request->message.plain = in_blob(op, "Plaintext");
    TRY(read_algorithm(op, "EncryptionAlgorithm", &request->message));
    TRY(check_fits(&request->message));
    return in_dry_run(op);
}

void api_encrypt(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = encrypt_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_seal(op, &request->message, encrypted);
}

/* ---- Decrypt ---- */

/* Whether the ciphertext is said to be of a symmetric key, or nothing is said of it. */
static bool says_symmetric(const op_t *op, const char *algorithm)
{
    slice_t said = in_string(op, algorithm);

    return !said.len || slice_eq_str(said, "SYMMETRIC_DEFAULT");
}

/* A key ARN of another Region: with AWS no name of a key here, but one that is not the ciphertext's. */
static bool is_elsewhere(op_t *op, slice_t name)
{
    return slice_has_prefix(name, "arn:aws:kms:") &&
           !slice_has_prefix(name, arena_printf(op->arena, "arn:aws:kms:%s:", op->region));
}

static p11kms_err check_named(const kms_key_t *key, const envelope_t *envelope)
{
    ENSURE(key && memcmp(key->id, envelope->key_id, KMS_ID) == 0, P11KMS_E_KEY_INCORRECT);
    return P11KMS_OK;
}

/*
 * The key that the caller names, authorised for @p action. Of a ciphertext that tells its key it must be
 * that one, whatever its kind; one of RSA tells none.
 */
static p11kms_err named_key(op_t *op, kms_message *message, slice_t blob, const char *named, const char *algorithm,
                            const char *action)
{
    request_t *request = op->act;
    slice_t name = in_string(op, named);
    bool symmetric = says_symmetric(op, algorithm);

    if (symmetric && is_elsewhere(op, name)) {
        TRY(envelope_parse(blob, &message->envelope));
        return check_named(NULL, &message->envelope);
    }
    TRY(request_key_as(op, name, KMS_NAME_ANY, action, &request->key));
    if (!symmetric) {
        message->sealed = blob;
        return P11KMS_OK;
    }
    TRY(envelope_parse(blob, &message->envelope));
    return check_named(request->key, &message->envelope);
}

/*
 * The key that the ciphertext names, authorised for @p action.
 *
 * A ciphertext of a key that does not exist here is as invalid as any other: what
 * keys there are is not to be learned by guessing. One of RSA names none.
 */
static p11kms_err key_of_ciphertext(op_t *op, kms_message *message, slice_t blob, const char *named,
                                    const char *algorithm, const char *action)
{
    request_t *request = op->act;

    if (!says_symmetric(op, algorithm)) {
        FAIL(P11KMS_E_VALIDATION, "%s must not be null", named);
    }
    TRY(envelope_parse(blob, &message->envelope));
    _cleanup_(kms_key) kms_key_t *key =
        catalog_key(kms_catalog(request->kms), op->region, message->envelope.key_id);
    if (!key) {
        return p11kms_fail_plain(P11KMS_E_CIPHERTEXT);
    }
    return request_key_as(op, SLICE_STR(key->arn), KMS_NAME_KEY, action, &request->key);
}

static bool ignores_ciphertext(const op_t *op)
{
    return json_length(json_get(op->input, "DryRunModifiers")) > 0;
}

/* A dry run that ignores the ciphertext is about the named key alone. */
static p11kms_err dry_run_by_name(op_t *op, const char *named, const char *action)
{
    request_t *request = op->act;

    if (!in_bool(op, "DryRun", false) || !in_has(op, named)) {
        FAIL(P11KMS_E_VALIDATION, "DryRunModifiers needs DryRun and %s", named);
    }
    return request_key_as(op, in_string(op, named), KMS_NAME_ANY, action, &request->key);
}

/* Find, authorise, check: the source side of Decrypt and ReEncrypt. */
static p11kms_err open_begin(op_t *op, kms_message *message, const char *named, const char *algorithm,
                             const char *action)
{
    request_t *request = op->act;

    if (ignores_ciphertext(op)) {
        TRY(dry_run_by_name(op, named, action));
    } else if (!in_has(op, "CiphertextBlob")) {
        FAIL(P11KMS_E_VALIDATION, "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy "
                                  "constraint: Member must not be null");
    } else if (in_has(op, named)) {
        TRY(named_key(op, message, in_blob(op, "CiphertextBlob"), named, algorithm, action));
    } else {
        TRY(key_of_ciphertext(op, message, in_blob(op, "CiphertextBlob"), named, algorithm, action));
    }
    message->key = request->key;
    TRY(kms_state_check(request->key, KMS_DOES_CRYPTO));
    return read_algorithm(op, algorithm, message);
}

static void decrypted(op_t *op)
{
    request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_text(&w, "EncryptionAlgorithm", request->message.algorithm->name);
        answer_key_arn(&w, request->key);
        answer_material(&w, "KeyMaterialId", &request->message);
        answer_base64(&w, "Plaintext", secret_slice(request->message.opened));
        jw_end(&w);
    }
    op_settle(op);
}

static p11kms_err decrypt_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(in_context(op, "EncryptionContext", &request->message.context));
    TRY(open_begin(op, &request->message, "KeyId", "EncryptionAlgorithm", op->row->action));
    return ignores_ciphertext(op) ? in_dry_run(op) : P11KMS_OK;
}

/* A dry run of a decryption that would fail says so: it is decrypted, and the plaintext dropped. */
static void decrypted_dry(op_t *op)
{
    op_fail(op, op->err == P11KMS_OK ? in_dry_run(op) : p11kms_fail(op->err, "%s", op->err_detail));
}

void api_decrypt(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = decrypt_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_open(op, &request->message, in_bool(op, "DryRun", false) ? decrypted_dry : decrypted);
}

/* ---- ReEncrypt ---- */

static void re_encrypted(op_t *op)
{
    request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_base64(&w, "CiphertextBlob", buf_slice(&request->message.blob));
        answer_text(&w, "DestinationEncryptionAlgorithm", request->message.algorithm->name);
        answer_material(&w, "DestinationKeyMaterialId", &request->message);
        answer_key_arn(&w, request->other);
        answer_text(&w, "SourceEncryptionAlgorithm", request->source.algorithm->name);
        answer_text(&w, "SourceKeyId", request->key->arn);
        answer_material(&w, "SourceKeyMaterialId", &request->source);
        jw_end(&w);
    }
    op_settle(op);
}

static p11kms_err reseal_begin(op_t *op, request_t *request)
{
    request->message.plain = secret_slice(request->source.opened);
    TRY(check_fits(&request->message));
    return in_dry_run(op);
}

static void source_opened(op_t *op)
{
    request_t *request = op->act;

    if (op->err != P11KMS_OK) {
        op_settle(op);
        return;
    }
    p11kms_err err = reseal_begin(op, request);
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_seal(op, &request->message, re_encrypted);
}

/* The key a ReEncrypt is from, where it can be told without asking anyone; a reference or NULL. */
static kms_key_t *source_key(op_t *op, request_t *request)
{
    kms_key_t *key = NULL;
    envelope_t envelope;

    if (in_has(op, "SourceKeyId")) {
        p11kms_err err = kms_resolve(request->kms, op->account, op->region, in_string(op, "SourceKeyId"), KMS_NAME_ANY,
                                     op->arena, &key);
        return err == P11KMS_OK ? key : NULL;
    }
    return envelope_parse(in_blob(op, "CiphertextBlob"), &envelope) == P11KMS_OK
               ? catalog_key(kms_catalog(request->kms), op->region, envelope.key_id)
               : NULL;
}

/* kms:ReEncryptOnSameKey is asked on both sides, so both keys are looked up before either is authorised. */
static void note_same_key(op_t *op, request_t *request)
{
    _cleanup_(kms_key) kms_key_t *source = source_key(op, request);
    _cleanup_(kms_key) kms_key_t *destination = NULL;

    if (source && kms_resolve(request->kms, op->account, op->region, in_string(op, "DestinationKeyId"), KMS_NAME_ANY,
                              op->arena, &destination) == P11KMS_OK) {
        request->same_key = memcmp(destination->id, source->id, KMS_ID) == 0;
    }
}

/* An alias may have moved since: then both sides were decided about for another pair of keys. */
static p11kms_err check_same_key(const request_t *request)
{
    ENSURE((memcmp(request->key->id, request->other->id, KMS_ID) == 0) == request->same_key, P11KMS_E_TIMEOUT);
    return P11KMS_OK;
}

static p11kms_err re_encrypt_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    note_same_key(op, request);
    TRY(in_context(op, "SourceEncryptionContext", &request->source.context));
    TRY(open_begin(op, &request->source, "SourceKeyId", "SourceEncryptionAlgorithm", ACTION_RE_ENCRYPT_FROM));
    TRY(in_context(op, "DestinationEncryptionContext", &request->message.context));
    request->to = true;
    TRY(request_key_as(op, in_string(op, "DestinationKeyId"), KMS_NAME_ANY, ACTION_RE_ENCRYPT_TO, &request->other));
    TRY(check_same_key(request));
    TRY(kms_state_check(request->other, KMS_DOES_CRYPTO));
    request->message.key = request->other;
    TRY(read_algorithm(op, "DestinationEncryptionAlgorithm", &request->message));
    return ignores_ciphertext(op) ? in_dry_run(op) : P11KMS_OK;
}

void api_re_encrypt(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = re_encrypt_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_open(op, &request->source, source_opened);
}

/* ---- GenerateDataKey, with and without plaintext ---- */

static p11kms_err data_key_length(const op_t *op, size_t *ret)
{
    slice_t spec = in_string(op, "KeySpec");

    if ((spec.len > 0) == in_has(op, "NumberOfBytes")) {
        FAIL(P11KMS_E_VALIDATION, "Please specify either number of bytes or key spec.");
    }
    if (slice_eq_str(spec, "AES_128")) {
        *ret = 16;
    } else if (spec.len) {
        *ret = 32;
    } else {
        *ret = (size_t)in_int(op, "NumberOfBytes", 0);
    }
    ENSURE(*ret >= 1 && *ret <= DATA_KEY_MAX, P11KMS_E_VALIDATION);
    return P11KMS_OK;
}

static void answer_data_key(op_t *op, bool with_plaintext)
{
    request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_base64(&w, "CiphertextBlob", buf_slice(&request->message.blob));
        answer_key_arn(&w, request->key);
        answer_text(&w, "KeyMaterialId", request->message.material->id_text);
        if (with_plaintext) {
            answer_base64(&w, "Plaintext", request->message.plain);
        }
        jw_end(&w);
    }
    op_settle(op);
}

static void data_key_made(op_t *op)
{
    answer_data_key(op, true);
}

static void data_key_made_without(op_t *op)
{
    answer_data_key(op, false);
}

static p11kms_err data_key_begin(op_t *op, request_t *request)
{
    size_t len = 0;

    TRY(in_refuse_unsupported(op));
    TRY(data_key_length(op, &len));
    TRY(in_context(op, "EncryptionContext", &request->message.context));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_CRYPTO));
    TRY(request_usage(op, request->key, KMS_USAGE_ENCRYPT_DECRYPT, true));
    TRY(in_dry_run(op));
    uint8_t *plain = arena_alloc(op->arena, len);
    TRY(crypto_random_secret(plain, len));
    request->message.key = request->key;
    request->message.plain = SLICE(plain, len);
    return P11KMS_OK;
}

static void generate_data_key(op_t *op, op_step then)
{
    request_t *request = request_begin(op);
    p11kms_err err = data_key_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_seal(op, &request->message, then);
}

void api_generate_data_key(op_t *op)
{
    generate_data_key(op, data_key_made);
}

void api_generate_data_key_without_plaintext(op_t *op)
{
    generate_data_key(op, data_key_made_without);
}

/* ---- GenerateRandom ---- */

static p11kms_err random_begin(op_t *op, size_t *ret_len)
{
    *ret_len = (size_t)in_int(op, "NumberOfBytes", 0);
    TRY(in_refuse_unsupported(op));
    if (*ret_len == 0) {
        FAIL(P11KMS_E_VALIDATION, "NumberOfBytes is required.");
    }
    return request_anything(op);
}

static p11kms_err answer_random(op_t *op, size_t len)
{
    uint8_t *bytes = arena_alloc(op->arena, len);
    TRY(crypto_random(bytes, len));
    jw_t w = answer_begin(op);
    answer_base64(&w, "Plaintext", SLICE(bytes, len));
    jw_end(&w);
    return P11KMS_OK;
}

void api_generate_random(op_t *op)
{
    size_t len = 0;

    request_begin(op);
    p11kms_err err = random_begin(op, &len);
    if (err != P11KMS_OK) {
        op_fail(op, err);
    } else if (in_has(op, "CustomKeyStoreId")) {
        custom_random(op, len);
    } else {
        answer_settle(op, answer_random(op, len));
    }
}
