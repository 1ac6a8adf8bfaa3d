/* What others' public keys and ours are for: GetPublicKey, DeriveSharedSecret. */
#include "api/api_internal.h"

/* ---- GetPublicKey ---- */

static p11kms_err get_public_key(op_t *op, request_t *request)
{
    static const char *const members[KMS_USAGE_COUNT] = {
        [KMS_USAGE_ENCRYPT_DECRYPT] = "EncryptionAlgorithms",
        [KMS_USAGE_SIGN_VERIFY] = "SigningAlgorithms",
        [KMS_USAGE_KEY_AGREEMENT] = "KeyAgreementAlgorithms",
    };
    const kms_key_t *key;

    TRY(in_refuse_unsupported(op));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_GET_PUBLIC_KEY));
    key = request->key;
    if (!kms_spec_is_pair(key->spec)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s key spec is %s which is not valid for %s.", key->arn, key->spec->name,
             op->row->name);
    }
    jw_t w = answer_begin(op);
    answer_text(&w, "CustomerMasterKeySpec", key->spec->name);
    jw_key(&w, members[key->usage]);
    answer_algorithms(&w, key);
    answer_key_arn(&w, key);
    answer_text(&w, "KeySpec", key->spec->name);
    answer_text(&w, "KeyUsage", kms_usage_name(key->usage));
    answer_base64(&w, "PublicKey", SLICE(key->public_key, key->public_key_len));
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_public_key(op_t *op)
{
    answer_settle(op, get_public_key(op, request_begin(op)));
}

/* ---- DeriveSharedSecret ---- */

static void derived(op_t *op)
{
    const request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_text(&w, "KeyAgreementAlgorithm", request->algorithm->name);
        answer_key_arn(&w, request->key);
        answer_text(&w, "KeyOrigin", kms_origin_name(request->key->origin));
        answer_base64(&w, "SharedSecret", SLICE(op->token_op.out, op->token_op.out_used));
        jw_end(&w);
    }
    op_settle(op);
}

/* A point of the key's own curve, before the token hears of it: invalid ones have drawn keys out of others. */
static p11kms_err check_other(const kms_key_t *key, slice_t spki)
{
    _cleanup_(asym) asym_t *own = NULL;
    _cleanup_(asym) asym_t *other = NULL;

    TRY(kms_public_key(key, &own));
    if (asym_parse(spki, &other) != P11KMS_OK) {
        FAIL(P11KMS_E_VALIDATION, "PublicKey is not a DER-encoded SubjectPublicKeyInfo of a supported key.");
    }
    if (asym_get_type(own) != asym_get_type(other)) {
        FAIL(P11KMS_E_VALIDATION, "PublicKey is not of key spec %s, which the KMS key has.", key->spec->name);
    }
    return P11KMS_OK;
}

static p11kms_err derive_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_CRYPTO));
    TRY(request_usage(op, request->key, KMS_USAGE_KEY_AGREEMENT, false));
    TRY(request_algorithm(request->key, in_string(op, "KeyAgreementAlgorithm"), &request->algorithm));
    request->use = (kms_use){
        .key = request->key,
        .algorithm = request->algorithm,
        .kind = TOKEN_OP_AGREE,
        .in = in_blob(op, "PublicKey"),
    };
    TRY(check_other(request->key, request->use.in));
    return in_dry_run(op);
}

void api_derive_shared_secret(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = derive_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_use_material(op, &request->use, derived);
}
