#include "tests/testing.h"

#include <stdio.h>

#include "audit/trust.h"
#include "util/encode.h"

/* A tree head of Go's checksum database, and the key the go command has built in. */
#define SUMDB_KEY "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
#define SUMDB_TEXT "go.sum database tree\n65209736\n5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=\n"
#define SUMDB_LINE                                                                                                     \
    "\u2014 sum.golang.org "                                                                                           \
    "Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8=\n"
#define SUMDB SUMDB_TEXT "\n" SUMDB_LINE

/* Made with python3-cryptography after the specifications. */
#define TEXT "example.org/log\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define ECDSA_KEY                                                                                                      \
    "example.org/log+6dc1ba2a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABL4uYiJMNfwaL3ZHcBAlq1auOxKcntbqzSY8PD4J6dQlai0fJ7"  \
    "K9367nUx37nFGUiNkyh1NMGYi5kBod702evy8="
#define ECDSA_LINE                                                                                                     \
    "\u2014 example.org/log "                                                                                          \
    "bcG6KjBGAiEAsaShBOwZ12URFNGdLPuz7KI3Qk2JQHsMYyluFMqoRBwCIQDmQQn5iriJHU4T7ShXcJSt/dPx1RGSMDIXAfpLgBdM/w==\n"
#define WITNESS_KEY "witness.example/w1+aa4a09d1+BOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
#define WITNESS_LINE                                                                                                   \
    "\u2014 witness.example/w1 "                                                                                       \
    "qkoJ0QAAAABkGFDLEDQX5YnDkcNqCF/bKbd+UZOh4K+G1dCcIh1PiXgXQYX7PPbzjN+paoq/A7AzBU/yQn9T3+xN1KzEgPA303swCA==\n"
#define WITNESS_TIME 1679315147

static int prepare(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

static note_key_t *key_of(const char *vkey)
{
    note_key_t *key = NULL;

    assert_ok(note_key_parse(SLICE_STR(vkey), &key));
    return key;
}

static note_verdict verdict(const char *text, const char *vkey, uint64_t *ret_time)
{
    _cleanup_(note_key) note_key_t *key = key_of(vkey);
    note_t note;

    assert_ok(note_parse(SLICE_STR(text), &note));
    return note_check(&note, key, ret_time);
}

static void test_another_implementations_checkpoint_is_read_and_verified(void **state)
{
    _cleanup_(note_key) note_key_t *key = key_of(SUMDB_KEY);
    note_t note;

    (void)state;
    assert_ok(note_parse(SLICE_LIT(SUMDB), &note));
    assert_slice_text(note.origin, "go.sum database tree");
    assert_int_equal(note.size, 65209736);
    assert_slice_text(note.text, SUMDB_TEXT);
    assert_int_equal(note.n_signatures, 1);
    assert_slice_text(note.signatures[0].line, SUMDB_LINE);
    assert_int_equal(note_check(&note, key, NULL), NOTE_SIGNED);
}

static void test_ecdsa_signatures_and_cosignatures_are_verified(void **state)
{
    uint64_t time = 0;

    (void)state;
    assert_int_equal(verdict(TEXT "\n" ECDSA_LINE WITNESS_LINE, ECDSA_KEY, NULL), NOTE_SIGNED);
    assert_int_equal(verdict(TEXT "\n" ECDSA_LINE WITNESS_LINE, WITNESS_KEY, &time), NOTE_SIGNED);
    assert_int_equal(time, WITNESS_TIME);
}

static void test_a_key_that_did_not_sign_says_so(void **state)
{
    (void)state;
    assert_int_equal(verdict(TEXT "\n" ECDSA_LINE, WITNESS_KEY, NULL), NOTE_UNSIGNED);
    assert_int_equal(verdict(TEXT "\n" ECDSA_LINE, SUMDB_KEY, NULL), NOTE_UNSIGNED);
}

/* One changed character of the text at a time; where it still parses the signature must not hold. */
static void test_no_character_of_the_text_can_change(void **state)
{
    _cleanup_(note_key) note_key_t *key = key_of(SUMDB_KEY);
    note_t note;

    (void)state;
    for (size_t i = 0; i < sizeof(SUMDB_TEXT) - 1; i++) {
        char changed[] = SUMDB;
        changed[i] ^= 1;
        if (note_parse(SLICE_STR(changed), &note) == P11KMS_OK) {
            assert_int_not_equal(note_check(&note, key, NULL), NOTE_SIGNED);
        }
    }
}

static void test_a_bad_line_of_a_known_key_spoils_the_note(void **state)
{
    (void)state;
    assert_int_equal(verdict("example.org/log\n8\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n" ECDSA_LINE, ECDSA_KEY,
                             NULL),
                     NOTE_FORGED);
    assert_int_equal(verdict(SUMDB_TEXT "\n" SUMDB_LINE "\u2014 sum.golang.org Az3grgAA\n", SUMDB_KEY, NULL), NOTE_FORGED);
    assert_int_equal(verdict(TEXT "\n\u2014 witness.example/w1 qkoJ0QAAAABkGFDL\n", WITNESS_KEY, NULL), NOTE_FORGED);
}

static void test_a_cosignatures_time_is_signed(void **state)
{
    (void)state;
    assert_int_equal(verdict(TEXT "\n\u2014 witness.example/w1 qkoJ0QAAAABkGFDMEDQX5YnDkcNqCF/bKbd+UZOh4K+G1dCcIh1PiXgXQYX7"
                                  "PPbzjN+paoq/A7AzBU/yQn9T3+xN1KzEgPA303swCA==\n",
                             WITNESS_KEY, NULL),
                     NOTE_FORGED);
}

static void test_keys_become_text_and_come_back(void **state)
{
    static const char *const vkeys[] = { SUMDB_KEY, ECDSA_KEY, WITNESS_KEY };
    static const note_kind kinds[] = { NOTE_ED25519, NOTE_ECDSA, NOTE_COSIGNATURE };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(vkeys); i++) {
        _cleanup_(note_key) note_key_t *key = key_of(vkeys[i]);
        _cleanup_buf_ buf_t text = { 0 };
        assert_int_equal(note_key_kind(key), kinds[i]);
        note_key_vkey(key, &text);
        assert_buf_text(&text, vkeys[i]);
    }
}

static void test_a_key_is_made_from_its_spki_and_name(void **state)
{
    _cleanup_(note_key) note_key_t *key = NULL;
    _cleanup_buf_ buf_t material = { 0 };
    _cleanup_buf_ buf_t text = { 0 };

    (void)state;
    assert_ok(base64_decode(&material, SLICE_STR(strrchr(ECDSA_KEY, '+') + 1)));
    assert_ok(note_key_new(SLICE_LIT("example.org/log"), SLICE(material.data + 1, material.len - 1), &key));
    note_key_vkey(key, &text);
    assert_buf_text(&text, ECDSA_KEY);
}

static void test_keys_that_are_not_what_they_say_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "sum.golang.org",
        "sum.golang.org+033de0ae",
        "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.com+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn",
        "sum.golang.org+033de0ae+",
        "sum.golang.org+33de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    };
    note_key_t *key = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_err(note_key_parse(SLICE_STR(wrong[i]), &key), P11KMS_E_SYNTAX);
    }
    assert_err(note_key_parse(SLICE_LIT("sum.golang.org+033de0ae+Bs4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"), &key),
               P11KMS_E_UNSUPPORTED);
}

static void test_names_have_no_spaces_of_any_alphabet(void **state)
{
    static const char *const wrong[] = { "",       "a b",    "a+b",        "a\tb",       "a\nb",
                                         "a\x7f",  "a\xff",  "a\u00a0b",   "a\u2003",    "\u3000a",
                                         "a\xc2\x85" };
    char longest[NOTE_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(note_name_valid(SLICE_STR(wrong[i])));
    }
    assert_true(note_name_valid(SLICE_LIT("p11kms/h\u00f4te.example")));
    memset(longest, 'a', sizeof(longest));
    assert_true(note_name_valid(SLICE(longest, NOTE_NAME_MAX)));
    assert_false(note_name_valid(SLICE(longest, NOTE_NAME_MAX + 1)));
}

#define ROOT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

static void test_what_is_no_checkpoint_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "\n\n",
        TEXT,
        TEXT "\n",
        TEXT "\n\n" ECDSA_LINE,
        TEXT ECDSA_LINE,
        "\n7\n" ROOT "\n" ECDSA_LINE,
        "o\n\n" ROOT "\n" ECDSA_LINE,
        "o\n07\n" ROOT "\n" ECDSA_LINE,
        "o\n+7\n" ROOT "\n" ECDSA_LINE,
        "o\n7 \n" ROOT "\n" ECDSA_LINE,
        "o\n9223372036854775808\n" ROOT "\n" ECDSA_LINE,
        "o\n99999999999999999999\n" ROOT "\n" ECDSA_LINE,
        "o\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n\n" ECDSA_LINE,
        "o\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\n\n" ECDSA_LINE,
        "o\n7\n\n" ECDSA_LINE,
        "o\r\n7\n" ROOT "\n" ECDSA_LINE,
        "o\t\n7\n" ROOT "\n" ECDSA_LINE,
        "o\xff\n7\n" ROOT "\n" ECDSA_LINE,
        TEXT "\n" ECDSA_LINE "more",
        TEXT "\n" ECDSA_LINE "\n",
        TEXT "\n- example.org/log AAAAAAA=\n",
        TEXT "\n\u2014 example.org/log\n",
        TEXT "\n\u2014 example.org/log AAAAAA==\n",
        TEXT "\n\u2014 example.org/log AAAAAAA\n",
        TEXT "\n\u2014  AAAAAAA=\n",
        TEXT "\n\u2014 a b AAAAAAA=\n",
    };
    note_t note;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_err(note_parse(SLICE_STR(wrong[i]), &note), P11KMS_E_SYNTAX);
    }
}

static void test_as_many_signatures_as_allowed_and_no_more(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    note_t note;

    (void)state;
    buf_put_str(&text, TEXT "\n");
    for (size_t i = 0; i < NOTE_SIGNATURES_MAX; i++) {
        buf_put_str(&text, WITNESS_LINE);
    }
    assert_ok(note_parse(buf_slice(&text), &note));
    assert_int_equal(note.n_signatures, NOTE_SIGNATURES_MAX);
    buf_put_str(&text, WITNESS_LINE);
    assert_err(note_parse(buf_slice(&text), &note), P11KMS_E_SYNTAX);
}

static void test_further_lines_of_a_checkpoint_are_taken(void **state)
{
    note_t note;

    (void)state;
    assert_ok(note_parse(SLICE_LIT(TEXT "more\nand more\n\n" ECDSA_LINE), &note));
    assert_slice_text(note.text, TEXT "more\nand more\n");
}

static void test_what_is_written_is_what_is_read(void **state)
{
    _cleanup_(note_key) note_key_t *key = key_of(ECDSA_KEY);
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_buf_ buf_t signature = { 0 };
    uint8_t root[NOTE_ROOT];

    (void)state;
    for (size_t i = 0; i < sizeof(root); i++) {
        root[i] = (uint8_t)i;
    }
    note_put_text(&text, "example.org/log", 7, root);
    assert_buf_text(&text, TEXT);
    assert_ok(base64_decode(&signature, SLICE(strchr(ECDSA_LINE, 'b'), strlen(strchr(ECDSA_LINE, 'b')) - 1)));
    note_put_signature(&text, key, SLICE(signature.data + 4, signature.len - 4));
    assert_buf_text(&text, TEXT ECDSA_LINE);
}

static void test_a_witness_answers_with_signature_lines_alone(void **state)
{
    note_t note;

    (void)state;
    assert_ok(note_parse_signatures(SLICE_LIT(WITNESS_LINE ECDSA_LINE), &note));
    assert_int_equal(note.n_signatures, 2);
    assert_int_equal(note.signatures[0].id, 0xaa4a09d1);
    assert_err(note_parse_signatures(SLICE_LIT(""), &note), P11KMS_E_SYNTAX);
    assert_err(note_parse_signatures(SLICE_LIT("\n" WITNESS_LINE), &note), P11KMS_E_SYNTAX);
    assert_err(note_parse_signatures(SLICE_LIT("not found\n"), &note), P11KMS_E_SYNTAX);
}

static void test_notes_are_read_one_after_another_and_a_torn_one_is_left(void **state)
{
    slice_t rest = SLICE_LIT(SUMDB "\n" TEXT "\n" ECDSA_LINE WITNESS_LINE "\n" TEXT "\n\u2014 exam");
    slice_t note;

    (void)state;
    assert_true(notes_next(&rest, &note));
    assert_slice_text(note, SUMDB);
    assert_true(notes_next(&rest, &note));
    assert_slice_text(note, TEXT "\n" ECDSA_LINE WITNESS_LINE);
    assert_false(notes_next(&rest, &note));
    assert_slice_text(rest, TEXT "\n\u2014 exam");
    rest = SLICE(NULL, 0);
    assert_false(notes_next(&rest, &note));
}

/* ---- trust ---- */

static p11kms_err check_witnesses(const char *const *vkeys, size_t n)
{
    _cleanup_(trust) trust_t *trust = NULL;

    assert_ok(trust_new(&trust));
    for (size_t i = 0; i < n; i++) {
        assert_ok(trust_add(trust, SLICE_STR(vkeys[i])));
    }
    return trust_check_witnesses(trust);
}

static void test_a_witness_under_two_names_is_not_two_witnesses(void **state)
{
    char other[NOTE_VKEY_MAX];
    const char *both[] = { WITNESS_KEY, other };
    uint8_t hash[SHA256_LEN];
    _cleanup_buf_ buf_t material = { 0 };
    _cleanup_buf_ buf_t hashed = { 0 };

    (void)state;
    assert_ok(base64_decode(&material, SLICE_STR(strrchr(WITNESS_KEY, '+') + 1)));
    buf_put_str(&hashed, "witness.example/w2\n");
    buf_put_slice(&hashed, buf_slice(&material));
    crypto_sha256(buf_slice(&hashed), hash);
    snprintf(other, sizeof(other), "witness.example/w2+%02x%02x%02x%02x+%s", hash[0], hash[1], hash[2], hash[3],
             strrchr(WITNESS_KEY, '+') + 1);
    assert_ok(check_witnesses(both, 1));
    assert_err(check_witnesses(both, 2), P11KMS_E_EXISTS);
}

static void test_a_key_that_signs_logs_is_no_witness(void **state)
{
    const char *log_keys[] = { SUMDB_KEY, ECDSA_KEY };

    (void)state;
    assert_err(check_witnesses(log_keys, 1), P11KMS_E_UNSUPPORTED);
    assert_err(check_witnesses(log_keys + 1, 1), P11KMS_E_UNSUPPORTED);
}

static void test_a_cosignature_is_no_logs_signature(void **state)
{
    /* a cosigner whose name is the log's */
    static const char text[] = "witness.example/w1\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n" WITNESS_LINE;
    _cleanup_(trust) trust_t *trust = NULL;
    note_t note;

    (void)state;
    assert_ok(trust_new(&trust));
    assert_ok(trust_add(trust, SLICE_STR(WITNESS_KEY)));
    assert_ok(note_parse(SLICE_STR(text), &note));
    assert_int_equal(trust_log(trust, &note), NOTE_UNSIGNED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_implementations_checkpoint_is_read_and_verified),
        cmocka_unit_test(test_ecdsa_signatures_and_cosignatures_are_verified),
        cmocka_unit_test(test_a_key_that_did_not_sign_says_so),
        cmocka_unit_test(test_no_character_of_the_text_can_change),
        cmocka_unit_test(test_a_bad_line_of_a_known_key_spoils_the_note),
        cmocka_unit_test(test_a_cosignatures_time_is_signed),
        cmocka_unit_test(test_keys_become_text_and_come_back),
        cmocka_unit_test(test_a_key_is_made_from_its_spki_and_name),
        cmocka_unit_test(test_keys_that_are_not_what_they_say_are_refused),
        cmocka_unit_test(test_names_have_no_spaces_of_any_alphabet),
        cmocka_unit_test(test_what_is_no_checkpoint_is_refused),
        cmocka_unit_test(test_as_many_signatures_as_allowed_and_no_more),
        cmocka_unit_test(test_further_lines_of_a_checkpoint_are_taken),
        cmocka_unit_test(test_what_is_written_is_what_is_read),
        cmocka_unit_test(test_a_witness_answers_with_signature_lines_alone),
        cmocka_unit_test(test_notes_are_read_one_after_another_and_a_torn_one_is_left),
        cmocka_unit_test(test_a_witness_under_two_names_is_not_two_witnesses),
        cmocka_unit_test(test_a_key_that_signs_logs_is_no_witness),
        cmocka_unit_test(test_a_cosignature_is_no_logs_signature),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
