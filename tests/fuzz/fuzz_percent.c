/* percent_decode: what it takes, percent_encode says again; what was encoded comes back. */
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

static void check_bytes(slice_t bytes, bool keep_slash)
{
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_buf_ buf_t again = { 0 };

    percent_encode(&text, bytes, keep_slash);
    HOLDS(percent_decode(&again, buf_slice(&text)) == P11KMS_OK);
    HOLDS(slice_eq(buf_slice(&again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    if (percent_decode(&bytes, SLICE(data, len)) == P11KMS_OK) {
        check_bytes(buf_slice(&bytes), true);
    } else {
        HOLDS(bytes.len == 0);
    }
    check_bytes(SLICE(data, len), false);
    return 0;
}
