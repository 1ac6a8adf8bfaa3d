#include "tests/testing.h"

#include "audit/prove.h"
#include "tests/audit/files.h"
#include "tests/audit/made_log.h"

static made_log made;
static const char *folder;

/* Records 0 to 299 in segment 1, 300 to 1259 in 2; the newest checkpoint covers 1250. */
static int begin(void **state)
{
    (void)state;
    folder = scratch_folder();
    made_begin(&made, folder);
    made_add(&made, 300);
    made_next(&made);
    made_add(&made, 950);
    made_checkpoint(&made);
    made_add(&made, 10);
    return 0;
}

static int end(void **state)
{
    (void)state;
    made_end(&made);
    return 0;
}

static int prepare(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

static p11kms_err prove(uint64_t index, buf_t *out)
{
    return prove_record(folder, SLICE_STR(made_event_id(0, index)), out);
}

static note_verdict signed_by_ours(const note_t *note)
{
    _cleanup_(note_key) note_key_t *key = NULL;
    _cleanup_buf_ buf_t vkey = { 0 };

    made_vkey(1, &vkey);
    assert_ok(note_key_parse(buf_slice(&vkey), &key));
    return note_check(note, key, NULL);
}

static void test_any_covered_record_can_be_proven(void **state)
{
    static const uint64_t some[] = { 0, 1, 255, 256, 299, 300, 301, 767, 1024, 1248, 1249 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(some); i++) {
        _cleanup_buf_ buf_t text = { 0 };
        _cleanup_proven_ proven_t proven = { .index = 0 };
        assert_ok(prove(some[i], &text));
        assert_ok(proven_read(buf_slice(&text), &proven));
        assert_int_equal(proven.index, some[i]);
        assert_int_equal(proven.note.size, 1250);
        assert_buf_text(&proven.record, made_line(0, some[i]));
        assert_true(proven_holds(&proven));
        assert_int_equal(signed_by_ours(&proven.note), NOTE_SIGNED);
    }
}

static void test_a_proof_of_compressed_segments_is_the_same(void **state)
{
    _cleanup_buf_ buf_t before = { 0 };
    _cleanup_buf_ buf_t after = { 0 };
    char command[512];

    (void)state;
    assert_ok(prove(77, &before));
    snprintf(command, sizeof(command), "gzip '%s/audit-0000000001.jsonl'", folder);
    assert_int_equal(system(command), 0);
    assert_ok(prove(77, &after));
    assert_slice_equal(buf_slice(&after), buf_slice(&before));
}

static void test_what_is_not_covered_not_there_or_no_id_has_no_proof(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };

    (void)state;
    assert_err(prove(1255, &out), P11KMS_E_BUSY);
    assert_err(prove(1260, &out), P11KMS_E_NOT_FOUND);
    assert_err(prove_record(folder, SLICE_LIT(""), &out), P11KMS_E_SYNTAX);
    assert_err(prove_record(folder, SLICE_LIT("\"n\":1"), &out), P11KMS_E_SYNTAX);
    assert_err(prove_record("/nonexistent", SLICE_LIT("00"), &out), P11KMS_E_NOT_FOUND);
    assert_int_equal(out.len, 0);
}

static void test_a_changed_record_has_no_proof(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    char command[512];

    (void)state;
    snprintf(command, sizeof(command), "sed -i '42s/Decrypt/Encrypt/' '%s/audit-0000000001.jsonl'", folder);
    assert_int_equal(system(command), 0);
    assert_err(prove(41, &out), P11KMS_E_CONFLICT);
    assert_ok(prove(42, &out));
}

/* Every byte of a proof counts, but for those of signatures, which are others' business. */
static void test_no_byte_of_a_proof_can_change(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };

    (void)state;
    assert_ok(prove(341, &text));
    for (size_t i = 0; i < text.len; i++) {
        proven_t proven = { .index = 0 };
        text.data[i] ^= 1;
        if (proven_read(buf_slice(&text), &proven) == P11KMS_OK) {
            assert_false(proven_holds(&proven) && signed_by_ours(&proven.note) == NOTE_SIGNED);
            proven_free(&proven);
        }
        text.data[i] ^= 1;
    }
}

static void test_texts_that_are_no_proofs_are_refused(void **state)
{
#define CHECKPOINT "o\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n\u2014 o AAAAAAA=\n"
    static const char *const wrong[] = {
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v2\nindex 1\n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nextra !\nindex 1\n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex 01\n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex -1\n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex \n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex 9999999999999999999\n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex 1\n" CHECKPOINT,
        "c2sp.org/tlog-proof@v1\nindex 1\n\n",
    };
    proven_t proven;
    linked_t linked;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_err(proven_read(SLICE_STR(wrong[i]), &proven), P11KMS_E_SYNTAX);
        assert_err(linked_read(SLICE_STR(wrong[i]), &linked), P11KMS_E_SYNTAX);
    }
    assert_ok(proven_read(SLICE_LIT("c2sp.org/tlog-proof@v1\nindex 1\n\n" CHECKPOINT), &proven));
    assert_false(proven_holds(&proven));
    proven_free(&proven);
}

static buf_t text_of(const char *name)
{
    buf_t out = { 0 };

    buf_put_str(&out, file_text(folder, name));
    return out;
}

static void test_two_checkpoints_are_linked_by_a_proof(void **state)
{
    _cleanup_buf_ buf_t early = text_of("checkpoint");
    _cleanup_buf_ buf_t out = { 0 };
    note_t a, b;
    linked_t linked;

    (void)state;
    made_checkpoint(&made);
    _cleanup_buf_ buf_t late = text_of("checkpoint");
    assert_ok(note_parse(buf_slice(&early), &a));
    assert_ok(note_parse(buf_slice(&late), &b));
    assert_ok(prove_consistency(folder, &a, &b, &out));
    assert_ok(linked_read(buf_slice(&out), &linked));
    assert_true(linked_holds(&linked, &a));
    assert_int_equal(linked.note.size, 1260);
    assert_false(linked_holds(&linked, &b));
    assert_err(prove_consistency(folder, &b, &a, &out), P11KMS_E_RANGE);
    a.root[0] ^= 1;
    assert_false(linked_holds(&linked, &a));
    assert_err(prove_consistency(folder, &a, &b, &out), P11KMS_E_CONFLICT);
    a.root[0] ^= 1;
    a.origin.len--;
    assert_false(linked_holds(&linked, &a));
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_any_covered_record_can_be_proven),
        LOG_TEST(test_a_proof_of_compressed_segments_is_the_same),
        LOG_TEST(test_what_is_not_covered_not_there_or_no_id_has_no_proof),
        LOG_TEST(test_a_changed_record_has_no_proof),
        LOG_TEST(test_no_byte_of_a_proof_can_change),
        LOG_TEST(test_texts_that_are_no_proofs_are_refused),
        LOG_TEST(test_two_checkpoints_are_linked_by_a_proof),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
