#include "config.h" /* memmem() */

#include "audit/note.h"

#include "util/encode.h"

#define ID_LEN 4
#define DASH "\u2014 " /* an em dash and a space begin a signature line */
#define SIZE_DIGITS 19 /* of NOTE_SIZE_MAX */

void note_put_text(buf_t *out, const char *origin, uint64_t size, const uint8_t root[NOTE_ROOT])
{
    buf_printf(out, "%s\n%llu\n", origin, (unsigned long long)size);
    base64_encode(out, SLICE(root, NOTE_ROOT));
    buf_put_char(out, '\n');
}

void note_put_signature(buf_t *out, const note_key_t *key, slice_t signature)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    buf_put_u32(&bytes, note_key_id(key));
    buf_put_slice(&bytes, signature);
    buf_printf(out, DASH "%s ", note_key_name(key));
    base64_encode(out, buf_slice(&bytes));
    buf_put_char(out, '\n');
    out->failed = out->failed || buf_failed(&bytes);
}

static p11kms_err read_size(slice_t digits, uint64_t *ret)
{
    uint64_t size = 0;

    if (digits.len == 0 || digits.len > SIZE_DIGITS || (digits.len > 1 && digits.data[0] == '0')) {
        FAIL(P11KMS_E_SYNTAX, "the checkpoint's size is no number");
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            FAIL(P11KMS_E_SYNTAX, "the checkpoint's size is no number");
        }
        size = size * 10 + (uint64_t)(digits.data[i] - '0'); /* 19 digits are below 2^64 */
    }
    ENSURE(size <= NOTE_SIZE_MAX, P11KMS_E_SYNTAX);
    *ret = size;
    return P11KMS_OK;
}

static p11kms_err read_root(slice_t base64, uint8_t out[NOTE_ROOT])
{
    _cleanup_buf_ buf_t root = { 0 };

    if (base64_decoded_len(base64) != NOTE_ROOT || base64_decode(&root, base64) != P11KMS_OK) {
        FAIL(P11KMS_E_SYNTAX, "the checkpoint's root is not %d bytes in base64", NOTE_ROOT);
    }
    memcpy(out, root.data, NOTE_ROOT);
    return P11KMS_OK;
}

static p11kms_err read_text(note_t *note)
{
    slice_t rest = note->text, size, root, extension;

    if (!slice_cut(&rest, '\n', &note->origin) || note->origin.len == 0 || !slice_cut(&rest, '\n', &size) ||
        !slice_cut(&rest, '\n', &root)) {
        FAIL(P11KMS_E_SYNTAX, "a checkpoint has three lines: origin, size and root");
    }
    TRY(read_size(size, &note->size));
    TRY(read_root(root, note->root));
    while (slice_cut(&rest, '\n', &extension)) {
        if (extension.len == 0) {
            FAIL(P11KMS_E_SYNTAX, "a checkpoint has no empty line within");
        }
    }
    return P11KMS_OK;
}

static p11kms_err read_signature(slice_t line, note_signature *ret)
{
    _cleanup_buf_ buf_t bytes = { 0 };
    slice_t rest = line;

    if (!slice_has_prefix(rest, DASH)) {
        FAIL(P11KMS_E_SYNTAX, "a signature line begins with a dash (U+2014) and a space");
    }
    rest = SLICE(rest.data + sizeof(DASH) - 1, rest.len - (sizeof(DASH) - 1));
    if (!slice_cut(&rest, ' ', &ret->name) || !note_name_valid(ret->name)) {
        FAIL(P11KMS_E_SYNTAX, "a signature line has a key's name and a signature");
    }
    ret->base64 = rest;
    if (base64_decode(&bytes, ret->base64) != P11KMS_OK || bytes.len <= ID_LEN) {
        FAIL(P11KMS_E_SYNTAX, "a signature is a key's id and more, in base64");
    }
    reader_t reader = reader_over(buf_slice(&bytes));
    ret->id = reader_u32(&reader);
    ret->line = SLICE(line.data, line.len + 1);
    return P11KMS_OK;
}

static p11kms_err read_signatures(slice_t lines, note_t *note)
{
    slice_t line;

    while (slice_cut(&lines, '\n', &line)) {
        if (note->n_signatures == NOTE_SIGNATURES_MAX) {
            FAIL(P11KMS_E_SYNTAX, "more than %d signatures", NOTE_SIGNATURES_MAX);
        }
        TRY(read_signature(line, &note->signatures[note->n_signatures]));
        note->n_signatures++;
    }
    if (note->n_signatures == 0 || lines.len > 0) {
        FAIL(P11KMS_E_SYNTAX, "a note ends with signature lines");
    }
    return P11KMS_OK;
}

/* signed-note, "Format": valid UTF-8 and no control character but newline. */
static p11kms_err check_bytes(slice_t text)
{
    bool clean = text.len <= NOTE_MAX && utf8_valid(text);

    for (size_t i = 0; clean && i < text.len; i++) {
        clean = text.data[i] >= ' ' || text.data[i] == '\n';
    }
    if (!clean) {
        FAIL(P11KMS_E_SYNTAX, "a note is at most %u bytes of UTF-8 without control characters", NOTE_MAX);
    }
    return P11KMS_OK;
}

/* The last empty line parts text and signatures; a checkpoint has none before it. */
p11kms_err note_parse(slice_t text, note_t *ret)
{
    note_t note = { .whole = text };

    TRY(check_bytes(text));
    const uint8_t *empty = text.len > 0 ? memmem(text.data, text.len, "\n\n", 2) : NULL;
    if (!empty) {
        FAIL(P11KMS_E_SYNTAX, "a note has an empty line before its signatures");
    }
    note.text = SLICE(text.data, (size_t)(empty + 1 - text.data));
    TRY(read_text(&note));
    TRY(read_signatures(SLICE(empty + 2, text.len - note.text.len - 1), &note));
    *ret = note;
    return P11KMS_OK;
}

p11kms_err note_parse_signatures(slice_t text, note_t *ret)
{
    note_t note = { .whole = text };

    TRY(check_bytes(text));
    TRY(read_signatures(text, &note));
    *ret = note;
    return P11KMS_OK;
}

bool notes_next(slice_t *rest, slice_t *ret)
{
    const uint8_t *front = rest->data;
    const uint8_t *text = rest->len > 0 ? memmem(front, rest->len, "\n\n", 2) : NULL;
    const uint8_t *end = text ? memmem(text + 2, rest->len - (size_t)(text + 2 - front), "\n\n", 2) : NULL;

    if (!end) {
        return false;
    }
    *ret = SLICE(front, (size_t)(end + 1 - front));
    *rest = SLICE(end + 2, rest->len - ret->len - 1);
    return true;
}
