/*
 * Ciphertexts: any bytes are refused, or are the one ciphertext that this key and context made; what was sealed
 * opens, and changed anywhere it does not.
 *
 * Input: how long the context is (1 byte), the context, then a ciphertext, or a message and what is done to its own.
 */
#include "crypto/crypto.h"
#include "kms/envelope.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t key_id[KMS_ID] = { 1 }, material_id[KMS_ID] = { 2 }, nonce[ENVELOPE_NONCE] = { 3 };
static const uint8_t k0[TOKEN_PRF_LEN] = { 4 };

static p11kms_err open_blob(slice_t blob, slice_t context, uint8_t plain[ENVELOPE_PLAIN_MAX], size_t *ret_len)
{
    envelope_t envelope;

    TRY(envelope_parse(blob, &envelope));
    HOLDS(envelope.header.len + envelope.commitment.len + envelope.sealed.len == blob.len);
    return envelope_open(&envelope, k0, context, plain, ret_len);
}

/* Of bytes from outside nothing opens: nobody but us makes a commitment. */
static void check_foreign(slice_t blob, slice_t context)
{
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    size_t len = 0;

    HOLDS(open_blob(blob, context, plain, &len) == P11KMS_E_CIPHERTEXT);
    HOLDS(len == 0);
}

static void check_own(slice_t message, slice_t context)
{
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    _cleanup_buf_ buf_t blob = { 0 };
    size_t len = 0;
    p11kms_err err = envelope_seal(key_id, material_id, nonce, k0, context, message, &blob);

    HOLDS(err == (message.len <= ENVELOPE_PLAIN_MAX ? P11KMS_OK : P11KMS_E_RANGE));
    if (err != P11KMS_OK) {
        return;
    }
    HOLDS(open_blob(buf_slice(&blob), context, plain, &len) == P11KMS_OK);
    HOLDS(slice_eq(SLICE(plain, len), message));
    /* The message's own bytes say where the ciphertext is changed, and how. */
    for (size_t i = 0; i + 1 < message.len && i < 16; i += 2) {
        size_t at = (message.data[i] * blob.len) / 256;
        uint8_t change = message.data[i + 1] ? message.data[i + 1] : 1;

        blob.data[at] ^= change;
        HOLDS(open_blob(buf_slice(&blob), context, plain, &len) == P11KMS_E_CIPHERTEXT);
        blob.data[at] ^= change;
        HOLDS(open_blob(SLICE(blob.data, at), context, plain, &len) == P11KMS_E_CIPHERTEXT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;

    if (!ready) {
        HOLDS(crypto_init() == P11KMS_OK);
        ready = true;
    }
    if (len == 0 || data[0] >= len) {
        return 0;
    }
    slice_t context = SLICE(data + 1, data[0]);
    slice_t rest = SLICE(data + 1 + data[0], len - 1 - data[0]);
    check_foreign(rest, context);
    check_own(rest, context);
    return 0;
}
