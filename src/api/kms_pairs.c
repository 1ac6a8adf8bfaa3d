/* GenerateDataKeyPair, with and without plaintext: made on a helper's thread, the private half sealed like a data key. */
#include "api/api_internal.h"

#include "crypto/keypair.h"

static const struct {
    const char *spec;
    keypair_type type;
    op_lane lane;
} pairs[] = {
    { "RSA_2048", KEYPAIR_RSA_2048, OP_LANE_SLOW },
    { "RSA_3072", KEYPAIR_RSA_3072, OP_LANE_SLOW },
    { "RSA_4096", KEYPAIR_RSA_4096, OP_LANE_SLOW },
    { "ECC_NIST_P256", KEYPAIR_P256, OP_LANE_QUICK },
    { "ECC_NIST_P384", KEYPAIR_P384, OP_LANE_QUICK },
    { "ECC_NIST_P521", KEYPAIR_P521, OP_LANE_QUICK },
    { "ECC_SECG_P256K1", KEYPAIR_SECP256K1, OP_LANE_QUICK },
    { "ECC_NIST_EDWARDS25519", KEYPAIR_ED25519, OP_LANE_QUICK },
    { "SM2", KEYPAIR_SM2, OP_LANE_QUICK },
};

static size_t pair_asked(const op_t *op)
{
    slice_t spec = in_string(op, "KeyPairSpec");
    size_t i = 0;

    while (i < COUNT_OF(pairs) && !slice_eq_str(spec, pairs[i].spec)) {
        i++;
    }
    return i;
}

static void answer_pair(op_t *op, bool with_plaintext)
{
    request_t *request = op->act;

    if (op->err == P11KMS_OK) {
        jw_t w = answer_begin(op);
        answer_key_arn(&w, request->key);
        answer_text(&w, "KeyMaterialId", request->message.material->id_text);
        answer_text(&w, "KeyPairSpec", pairs[pair_asked(op)].spec);
        answer_base64(&w, "PrivateKeyCiphertextBlob", buf_slice(&request->message.blob));
        if (with_plaintext) {
            answer_base64(&w, "PrivateKeyPlaintext", secret_slice(request->private_key));
        }
        answer_base64(&w, "PublicKey", buf_slice(&request->public_key));
        jw_end(&w);
    }
    op_settle(op);
}

static void answer_both(op_t *op)
{
    answer_pair(op, true);
}

static void answer_without(op_t *op)
{
    answer_pair(op, false);
}

static p11kms_err make_pair(op_t *op)
{
    request_t *request = op->act;

    return keypair_make(pairs[pair_asked(op)].type, &request->private_key, &request->public_key);
}

static void seal_private(op_t *op, op_step then)
{
    request_t *request = op->act;

    if (op->err != P11KMS_OK) {
        op_settle(op);
        return;
    }
    request->message.key = request->key;
    request->message.plain = secret_slice(request->private_key);
    kms_seal(op, &request->message, then);
}

static void pair_made(op_t *op)
{
    seal_private(op, answer_both);
}

static void pair_made_without(op_t *op)
{
    seal_private(op, answer_without);
}

static p11kms_err pair_begin(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(in_context(op, "EncryptionContext", &request->message.context));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_CRYPTO));
    TRY(request_usage(op, request->key, KMS_USAGE_ENCRYPT_DECRYPT, true));
    size_t asked = pair_asked(op);
    ENSURE(asked < COUNT_OF(pairs), P11KMS_E_INTERNAL);
    if (!keypair_is_offered(pairs[asked].type)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "KeyPairSpec %s is not supported: the libcrypto in use makes no such keys.",
             pairs[asked].spec);
    }
    return in_dry_run(op);
}

static void generate_pair(op_t *op, op_step then)
{
    request_t *request = request_begin(op);
    p11kms_err err = pair_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op_compute(op, pairs[pair_asked(op)].lane, make_pair, then);
}

void api_generate_data_key_pair(op_t *op)
{
    generate_pair(op, pair_made);
}

void api_generate_data_key_pair_without_plaintext(op_t *op)
{
    generate_pair(op, pair_made_without);
}
