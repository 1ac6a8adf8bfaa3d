/* Sign and Verify. The token signs; a signature is verified here, with the public key. */
#include "api/api_internal.h"

#include "crypto/ecdsa.h"

/* ---- what is signed ---- */

/* Ed25519 signs messages of any length, Ed25519ph digests, as AWS has it; the others take either. */
static bool takes(const kms_algorithm *algorithm, slice_t type)
{
    if (slice_eq_str(type, "RAW")) {
        return algorithm->mechanism != TOKEN_MECH_EDDSA_PH;
    }
    return slice_eq_str(type, "DIGEST") && algorithm->mechanism != TOKEN_MECH_EDDSA;
}

static slice_t digest_of(op_t *op, const kms_algorithm *algorithm, slice_t message)
{
    crypto_hash hash = kms_algorithm_hash(algorithm);
    uint8_t *digest = arena_alloc(op->arena, crypto_hash_len(hash));

    crypto_digest(hash, message, digest);
    return SLICE(digest, crypto_hash_len(hash));
}

static p11kms_err read_message(op_t *op, request_t *request)
{
    const kms_algorithm *algorithm = request->algorithm;
    slice_t said = in_string(op, "MessageType");
    slice_t type = said.len ? said : SLICE_LIT("RAW");
    slice_t message = in_blob(op, "Message");
    bool raw = slice_eq_str(type, "RAW");

    if (slice_eq_str(type, "EXTERNAL_MU")) {
        FAIL(P11KMS_E_VALIDATION, "Message type EXTERNAL_MU is incompatible with key spec %s.", request->key->spec->name);
    }
    if (!takes(algorithm, type)) {
        FAIL(P11KMS_E_VALIDATION, "Message type %.*s is incompatible with algorithm %s.", (int)type.len,
             (const char *)type.data, algorithm->name);
    }
    if (!raw && message.len != algorithm->digest / 8) {
        FAIL(P11KMS_E_VALIDATION, "Digest is invalid length for algorithm %s.", algorithm->name);
    }
    /* Ed25519ph hashes what it is given, were it a digest. */
    bool as_it_is = algorithm->mechanism == TOKEN_MECH_EDDSA || (!raw && algorithm->mechanism != TOKEN_MECH_EDDSA_PH);
    request->computed_over = as_it_is ? message : digest_of(op, algorithm, message);
    return P11KMS_OK;
}

static p11kms_err signing_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_CRYPTO));
    TRY(request_usage(op, request->key, KMS_USAGE_SIGN_VERIFY, false));
    TRY(request_algorithm(request->key, in_string(op, "SigningAlgorithm"), &request->algorithm));
    return read_message(op, request);
}

/* ---- Sign ---- */

static void answer_signature(op_t *op, const request_t *request, slice_t signature)
{
    jw_t w = answer_begin(op);

    answer_key_arn(&w, request->key);
    answer_base64(&w, "Signature", signature);
    answer_text(&w, "SigningAlgorithm", request->algorithm->name);
    jw_end(&w);
}

/* Tokens give r || s, AWS DER. */
static p11kms_err write_signature(op_t *op, const request_t *request)
{
    slice_t made = SLICE(op->token_op.out, op->token_op.out_used);
    uint8_t der[ECDSA_DER_MAX];
    size_t len = 0;

    if (request->algorithm->mechanism == TOKEN_MECH_ECDSA) {
        if (ecdsa_to_der(made, der, &len) != P11KMS_OK) {
            FAIL(P11KMS_E_INTERNAL, "the token's signature has %zu bytes", made.len);
        }
        made = SLICE(der, len);
    }
    answer_signature(op, request, made);
    return P11KMS_OK;
}

static void is_signed(op_t *op)
{
    if (op->err != P11KMS_OK) {
        op_settle(op);
        return;
    }
    answer_settle(op, write_signature(op, op->act));
}

void api_sign(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = signing_begin(op, request);

    if (err == P11KMS_OK) {
        err = in_dry_run(op);
    }
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    request->use = (kms_use){
        .key = request->key,
        .algorithm = request->algorithm,
        .kind = TOKEN_OP_SIGN,
        .in = request->computed_over,
    };
    kms_use_material(op, &request->use, is_signed);
}

/* ---- Verify ---- */

static asym_scheme scheme_of(token_mechanism mechanism)
{
    switch (mechanism) {
    case TOKEN_MECH_PKCS1_SHA256:
    case TOKEN_MECH_PKCS1_SHA384:
    case TOKEN_MECH_PKCS1_SHA512:
        return ASYM_PKCS1;
    case TOKEN_MECH_PSS_SHA256:
    case TOKEN_MECH_PSS_SHA384:
    case TOKEN_MECH_PSS_SHA512:
        return ASYM_PSS;
    default:
        return ASYM_ECDSA;
    }
}

/* On a helper's thread: a curve's takes up to some milliseconds. */
static p11kms_err verify(op_t *op)
{
    const request_t *request = op->act;
    const kms_algorithm *algorithm = request->algorithm;
    _cleanup_(asym) asym_t *key = NULL;

    TRY(kms_public_key(request->key, &key));
    bool good = algorithm->mechanism == TOKEN_MECH_EDDSA
                    ? asym_verify_message(key, request->computed_over, request->claimed)
                    : asym_verify(key, scheme_of(algorithm->mechanism), kms_algorithm_hash(algorithm),
                                  request->computed_over, request->claimed);
    ENSURE(good, P11KMS_E_SIGNATURE_INVALID);
    return in_dry_run(op);
}

static void verified(op_t *op)
{
    const request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_key_arn(&w, request->key);
        jw_key(&w, "SignatureValid");
        jw_bool(&w, true);
        answer_text(&w, "SigningAlgorithm", request->algorithm->name);
        jw_end(&w);
    }
    op_settle(op);
}

static p11kms_err verify_begin(op_t *op, request_t *request)
{
    TRY(signing_begin(op, request));
    if (request->algorithm->mechanism == TOKEN_MECH_EDDSA_PH) {
        FAIL(P11KMS_E_KEY_USAGE,
             "Algorithm %s is not supported by Verify: the libcrypto in use has no Ed25519ph.", request->algorithm->name);
    }
    request->claimed = in_blob(op, "Signature");
    return P11KMS_OK;
}

void api_verify(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = verify_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op_compute(op, OP_LANE_QUICK, verify, verified);
}
