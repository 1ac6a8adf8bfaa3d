/* base64_decode: one text for each byte string, and no other is taken. */
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

static void check_text(slice_t text)
{
    _cleanup_buf_ buf_t bytes = { 0 };
    _cleanup_buf_ buf_t again = { 0 };

    if (base64_decode(&bytes, text) != P11KMS_OK) {
        HOLDS(bytes.len == 0);
        return;
    }
    HOLDS(bytes.len == base64_decoded_len(text));
    base64_encode(&again, buf_slice(&bytes));
    HOLDS(slice_eq(buf_slice(&again), text));
}

static void check_bytes(slice_t bytes)
{
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_buf_ buf_t again = { 0 };

    base64_encode(&text, bytes);
    HOLDS(base64_decode(&again, buf_slice(&text)) == P11KMS_OK);
    HOLDS(slice_eq(buf_slice(&again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_text(SLICE(data, len));
    check_bytes(SLICE(data, len));
    return 0;
}
