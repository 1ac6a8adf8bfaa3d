/* json_parse, and the emitter: what was read is written so that it reads the same again. */
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"
#include "util/json.h"

static void check_printable(slice_t text)
{
    HOLDS(utf8_valid(text));
    for (size_t i = 0; i < text.len; i++) {
        HOLDS(text.data[i] >= 0x20 && text.data[i] != 0x7f);
    }
}

static void write_value(buf_t *out, const json_t *doc)
{
    jw_t w = jw_on(out);

    jw_value(&w, doc);
    HOLDS(!buf_failed(out));
    check_printable(buf_slice(out));
}

static void check_document(slice_t text)
{
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_json_ json_t *again = NULL;
    _cleanup_buf_ buf_t written = { 0 };
    _cleanup_buf_ buf_t rewritten = { 0 };

    if (json_parse(text, &doc) != P11KMS_OK) {
        HOLDS(doc == NULL);
        return;
    }
    write_value(&written, doc);
    HOLDS(json_parse(buf_slice(&written), &again) == P11KMS_OK);
    write_value(&rewritten, again);
    HOLDS(slice_eq(buf_slice(&written), buf_slice(&rewritten)));
}

/* Any bytes at all, as a string to be written. */
static void check_string(slice_t bytes)
{
    _cleanup_json_ json_t *doc = NULL;
    _cleanup_buf_ buf_t written = { 0 };
    jw_t w = jw_on(&written);

    jw_string_slice(&w, bytes);
    check_printable(buf_slice(&written));
    HOLDS(json_parse(buf_slice(&written), &doc) == P11KMS_OK);
    HOLDS(!utf8_valid(bytes) || slice_eq(json_string(doc), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_document(SLICE(data, len));
    check_string(SLICE(data, len));
    return 0;
}
