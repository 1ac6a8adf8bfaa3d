/* GenerateMac and VerifyMac: the token computes both, and they are compared here. */
#include "api/api_internal.h"

static p11kms_err mac_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_CRYPTO));
    TRY(request_usage(op, request->key, KMS_USAGE_GENERATE_VERIFY_MAC, false));
    TRY(request_algorithm(request->key, in_string(op, "MacAlgorithm"), &request->algorithm));
    request->use = (kms_use){
        .key = request->key,
        .algorithm = request->algorithm,
        .kind = TOKEN_OP_SIGN,
        .in = in_blob(op, "Message"),
    };
    return P11KMS_OK;
}

static slice_t made_mac(const op_t *op)
{
    return SLICE(op->token_op.out, op->token_op.out_used);
}

/* ---- GenerateMac ---- */

static void generated(op_t *op)
{
    const request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_key_arn(&w, request->key);
        answer_base64(&w, "Mac", made_mac(op));
        answer_text(&w, "MacAlgorithm", request->algorithm->name);
        jw_end(&w);
    }
    op_settle(op);
}

void api_generate_mac(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = mac_begin(op, request);

    if (err == P11KMS_OK) {
        err = in_dry_run(op);
    }
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_use_material(op, &request->use, generated);
}

/* ---- VerifyMac ---- */

static p11kms_err compare(op_t *op, const request_t *request)
{
    ENSURE(secret_eq(made_mac(op), request->claimed), P11KMS_E_MAC_INVALID);
    TRY(in_dry_run(op));
    jw_t w = answer_begin(op);
    answer_key_arn(&w, request->key);
    answer_text(&w, "MacAlgorithm", request->algorithm->name);
    jw_key(&w, "MacValid");
    jw_bool(&w, true);
    jw_end(&w);
    return P11KMS_OK;
}

static void computed_again(op_t *op)
{
    if (op->err != P11KMS_OK) {
        op_settle(op);
        return;
    }
    answer_settle(op, compare(op, op->act));
}

void api_verify_mac(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = mac_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    request->claimed = in_blob(op, "Mac");
    kms_use_material(op, &request->use, computed_again);
}
