/* Checkpoints, keys and several notes in a row: any text is refused or is what it says, and nobody signed it. */
#include "audit/trust.h"
#include "tests/fuzz/fuzz.h"

static note_key_t *key_of(const char *vkey)
{
    note_key_t *key = NULL;

    HOLDS(crypto_init() == P11KMS_OK);
    HOLDS(note_key_parse(SLICE_STR(vkey), &key) == P11KMS_OK);
    return key;
}

static void check_parts(slice_t text, const note_t *note)
{
    size_t lines = 0;

    for (size_t i = 0; i < note->n_signatures; i++) {
        HOLDS(note_name_valid(note->signatures[i].name));
        lines += note->signatures[i].line.len;
    }
    HOLDS(note->n_signatures >= 1 && note->n_signatures <= NOTE_SIGNATURES_MAX);
    HOLDS(note->text.len + 1 + lines == text.len);
    HOLDS(note->origin.len > 0 && note->size <= NOTE_SIZE_MAX);
}

/* What was read, written again, stands at the front of the text. */
static void check_text(const note_t *note)
{
    _cleanup_buf_ buf_t origin = { 0 }, again = { 0 };

    buf_put_slice(&origin, note->origin);
    note_put_text(&again, buf_str(&origin), note->size, note->root);
    if (memchr(note->origin.data, 0, note->origin.len) == NULL) {
        HOLDS(again.len <= note->text.len && memcmp(again.data, note->text.data, again.len) == 0);
    }
}

static void check_keys(slice_t text)
{
    note_key_t *key = NULL;
    trust_t *trust = NULL;

    if (note_key_parse(text, &key) == P11KMS_OK) {
        _cleanup_buf_ buf_t again = { 0 };
        note_key_vkey(key, &again);
        HOLDS(again.len == text.len);
        note_key_free(key);
    }
    HOLDS(trust_new(&trust) == P11KMS_OK);
    HOLDS((trust_add(trust, text) == P11KMS_OK) == (trust_count(trust) == 1));
    trust_free(trust);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static note_key_t *log, *witness;
    slice_t rest = SLICE(data, len), one;
    uint64_t time = 0;
    note_t note;

    if (!log) {
        log = key_of("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
        witness = key_of("witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs");
    }
    if (note_parse(rest, &note) == P11KMS_OK) {
        check_parts(rest, &note);
        check_text(&note);
        (void)note_check(&note, log, NULL);
        (void)note_check(&note, witness, &time);
    }
    if (note_parse_signatures(rest, &note) == P11KMS_OK) {
        HOLDS(note.n_signatures >= 1);
    }
    while (notes_next(&rest, &one)) {
        HOLDS(one.len + 1 + rest.len <= len && one.len > 2);
        HOLDS(note_parse(one, &note) != P11KMS_OK || note.whole.len == one.len);
    }
    check_keys(SLICE(data, len));
    return 0;
}
