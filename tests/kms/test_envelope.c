/* The ciphertext format: what it is byte by byte, and that nothing but its own key and context opens it. */
#include "tests/testing.h"

#include <string.h>

#include "crypto/crypto.h"
#include "kms/envelope.h"

static const uint8_t key_id[KMS_ID] = { 0xa1, 2, 3 };
static const uint8_t material_id[KMS_ID] = { 0xb1, 2, 3 };
static const uint8_t nonce[ENVELOPE_NONCE] = { 0xc1, 2, 3 };
static const uint8_t k0[TOKEN_PRF_LEN] = { 0xd1, 2, 3 };

typedef struct {
    arena_t *arena;
    buf_t blob;
    slice_t context;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    context_pair pairs[] = { { SLICE_LIT("app"), SLICE_LIT("payments") } };

    assert_ok(crypto_init());
    f->arena = arena_new(1024);
    assert_ok(context_canonical(pairs, 1, f->arena, &f->context));
    assert_ok(envelope_seal(key_id, material_id, nonce, k0, f->context, SLICE_LIT("hello"), &f->blob));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    buf_free(&f->blob);
    arena_free(f->arena);
    free(f);
    return 0;
}

static p11kms_err try_open(slice_t blob, const uint8_t *with, slice_t context)
{
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    envelope_t envelope;
    size_t len;

    TRY(envelope_parse(blob, &envelope));
    TRY(envelope_open(&envelope, with, context, plain, &len));
    assert_slice_text(SLICE(plain, len), "hello");
    return P11KMS_OK;
}

static void test_fields_stand_where_the_document_says(void **state)
{
    fixture *f = *state;

    assert_int_equal(f->blob.len, 1 + 1 + 16 + 16 + 16 + 12 + 32 + 5 + 16);
    assert_int_equal(f->blob.data[0], 1);
    assert_int_equal(f->blob.data[1], 1);
    assert_memory_equal(f->blob.data + 2, key_id, 16);
    assert_memory_equal(f->blob.data + 18, material_id, 16);
    assert_memory_equal(f->blob.data + 34, nonce, 16);
}

/* docs/ciphertext-format.md gives these bytes to whoever writes another implementation. */
static void test_prf_input_is_sp800_108_counter_mode(void **state)
{
    uint8_t input[ENVELOPE_PRF_INPUT];
    static const uint8_t length[] = { 0, 0, 1, 0 }; /* 256 bits */
    (void)state;

    envelope_prf_input(key_id, nonce, input);
    assert_int_equal(sizeof(input), 4 + 17 + 1 + 16 + 16 + 4);
    assert_memory_equal(input, "\0\0\0\1p11kms/v1/message\0", 22);
    assert_memory_equal(input + 22, key_id, 16);
    assert_memory_equal(input + 38, nonce, 16);
    assert_memory_equal(input + 54, length, 4);
}

static void test_what_was_sealed_opens(void **state)
{
    fixture *f = *state;

    assert_ok(try_open(buf_slice(&f->blob), k0, f->context));
}

static void test_every_flipped_bit_is_refused(void **state)
{
    fixture *f = *state;

    for (size_t bit = 0; bit < 8 * f->blob.len; bit++) {
        f->blob.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_err(try_open(buf_slice(&f->blob), k0, f->context), P11KMS_E_CIPHERTEXT);
        f->blob.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}

static void test_every_truncation_is_refused(void **state)
{
    fixture *f = *state;

    for (size_t len = 0; len < f->blob.len; len++) {
        assert_err(try_open(SLICE(f->blob.data, len), k0, f->context), P11KMS_E_CIPHERTEXT);
    }
}

static void test_appended_bytes_are_refused(void **state)
{
    fixture *f = *state;

    buf_put_u8(&f->blob, 0);
    assert_err(try_open(buf_slice(&f->blob), k0, f->context), P11KMS_E_CIPHERTEXT);
}

static void test_another_context_is_refused(void **state)
{
    fixture *f = *state;
    context_pair other[] = { { SLICE_LIT("app"), SLICE_LIT("Payments") } };
    slice_t context;

    assert_ok(context_canonical(other, 1, f->arena, &context));
    assert_err(try_open(buf_slice(&f->blob), k0, context), P11KMS_E_CIPHERTEXT);
    assert_err(try_open(buf_slice(&f->blob), k0, SLICE(NULL, 0)), P11KMS_E_CIPHERTEXT);
}

static void test_another_key_is_refused_by_the_commitment(void **state)
{
    fixture *f = *state;
    uint8_t other[TOKEN_PRF_LEN] = { 0xd1, 2, 4 };

    assert_err(try_open(buf_slice(&f->blob), other, f->context), P11KMS_E_CIPHERTEXT);
}

static void test_a_failed_opening_leaves_no_plaintext(void **state)
{
    fixture *f = *state;
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    static const uint8_t nothing[5];
    envelope_t envelope;
    size_t len = 0;

    memset(plain, 0xff, sizeof(plain));
    f->blob.data[f->blob.len - 1] ^= 1;
    assert_ok(envelope_parse(buf_slice(&f->blob), &envelope));
    assert_err(envelope_open(&envelope, k0, f->context, plain, &len), P11KMS_E_CIPHERTEXT);
    assert_memory_equal(plain, nothing, sizeof(nothing));
    assert_int_equal(len, 0);
}

static void test_largest_plaintext_fits_and_one_more_does_not(void **state)
{
    static uint8_t plain[ENVELOPE_PLAIN_MAX + 1];
    fixture *f = *state;
    _cleanup_buf_ buf_t blob = { 0 };
    envelope_t envelope;

    assert_ok(envelope_seal(key_id, material_id, nonce, k0, f->context, SLICE(plain, ENVELOPE_PLAIN_MAX), &blob));
    assert_ok(envelope_parse(buf_slice(&blob), &envelope));
    assert_err(envelope_seal(key_id, material_id, nonce, k0, f->context, SLICE(plain, sizeof(plain)), &blob),
               P11KMS_E_RANGE);
}

static void test_context_order_does_not_matter(void **state)
{
    fixture *f = *state;
    context_pair one[] = { { SLICE_LIT("a"), SLICE_LIT("1") }, { SLICE_LIT("b"), SLICE_LIT("2") } };
    context_pair two[] = { { SLICE_LIT("b"), SLICE_LIT("2") }, { SLICE_LIT("a"), SLICE_LIT("1") } };
    slice_t first, second;

    assert_ok(context_canonical(one, 2, f->arena, &first));
    assert_ok(context_canonical(two, 2, f->arena, &second));
    assert_slice_equal(first, second);
}

static void test_context_pairs_cannot_run_into_each_other(void **state)
{
    fixture *f = *state;
    context_pair one[] = { { SLICE_LIT("ab"), SLICE_LIT("c") } };
    context_pair two[] = { { SLICE_LIT("a"), SLICE_LIT("bc") } };
    slice_t first, second;

    assert_ok(context_canonical(one, 1, f->arena, &first));
    assert_ok(context_canonical(two, 1, f->arena, &second));
    assert_false(slice_eq(first, second));
}

static void test_empty_context_equals_none(void **state)
{
    fixture *f = *state;
    slice_t context;

    assert_ok(context_canonical(NULL, 0, f->arena, &context));
    assert_int_equal(context.len, 0);
}

static void test_context_is_bounded(void **state)
{
    fixture *f = *state;
    static char value[ENVELOPE_CONTEXT_MAX];
    context_pair pairs[] = { { SLICE_LIT("a"), SLICE(value, sizeof(value)) } };
    slice_t context;

    assert_err(context_canonical(pairs, 1, f->arena, &context), P11KMS_E_VALIDATION);
}

static void test_context_names_are_unique(void **state)
{
    fixture *f = *state;
    context_pair pairs[] = { { SLICE_LIT("a"), SLICE_LIT("1") }, { SLICE_LIT("a"), SLICE_LIT("1") } };
    slice_t context;

    assert_err(context_canonical(pairs, 2, f->arena, &context), P11KMS_E_VALIDATION);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fields_stand_where_the_document_says),
        TEST(test_prf_input_is_sp800_108_counter_mode),
        TEST(test_what_was_sealed_opens),
        TEST(test_every_flipped_bit_is_refused),
        TEST(test_every_truncation_is_refused),
        TEST(test_appended_bytes_are_refused),
        TEST(test_another_context_is_refused),
        TEST(test_another_key_is_refused_by_the_commitment),
        TEST(test_a_failed_opening_leaves_no_plaintext),
        TEST(test_largest_plaintext_fits_and_one_more_does_not),
        TEST(test_context_order_does_not_matter),
        TEST(test_context_pairs_cannot_run_into_each_other),
        TEST(test_empty_context_equals_none),
        TEST(test_context_is_bounded),
        TEST(test_context_names_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
