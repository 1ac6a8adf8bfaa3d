/*
 * One key, many misuses: whatever is done to a ciphertext, however old it is, it is told as invalid, after the
 * same work. That is one operation on the token and one opening, so no clock is needed to see that it costs the same.
 */
#include "tests/testing.h"

#include <string.h>

#include "tests/fakes/house.h"

#define PLAIN "hello"
#define KEY_AT 2
#define MATERIAL_AT (KEY_AT + KMS_ID)
#define NONCE_AT (MATERIAL_AT + KMS_ID)
#define BATCH 256

typedef struct {
    kms_message message;
    p11kms_err err;
} outcome_t;

static void keep_outcome(op_t *op)
{
    outcome_t *outcome = op->act;

    outcome->err = op->err;
    op_done(op);
}

static op_t *message_op(house_t *house, outcome_t *outcome)
{
    op_t *op = op_new_internal(house->core, "Message", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);

    op->act = outcome;
    return op;
}

static buf_t encrypt(house_t *house, const kms_key_t *key, slice_t context)
{
    outcome_t outcome = { .message = { .key = key, .plain = SLICE_LIT(PLAIN), .context = context } };

    kms_seal(message_op(house, &outcome), &outcome.message, keep_outcome);
    house_run(house);
    assert_ok(outcome.err);
    buf_t blob = STEAL(outcome.message.blob);
    kms_message_clear(&outcome.message);
    return blob;
}

/* ---- many openings at once: one ciphertext each, changed by change(i) ---- */

typedef struct {
    house_t *house;
    const kms_key_t *key;
    slice_t blob;
    slice_t context;
} attempt_t;

typedef size_t (*changing)(uint8_t *blob, size_t len, size_t i); /* the new length */

static uint8_t blobs[BATCH][512];
static outcome_t outcomes[BATCH];

/* Of @p n, those that parse reach the token, once each; and all are refused in one word. */
static void refused_batch(const attempt_t *a, changing change, size_t first, size_t n)
{
    uint64_t before = fake_token_ops(a->house->fake, TOKEN_OP_PRF), parsed = 0;

    for (size_t i = 0; i < n; i++) {
        outcome_t *outcome = &outcomes[i];

        memcpy(blobs[i], a->blob.data, a->blob.len);
        slice_t changed = SLICE(blobs[i], change(blobs[i], a->blob.len, first + i));
        *outcome = (outcome_t){ .message = { .key = a->key, .context = a->context } };
        outcome->err = envelope_parse(changed, &outcome->message.envelope);
        if (outcome->err == P11KMS_OK) {
            parsed++;
            kms_open(message_op(a->house, outcome), &outcome->message, keep_outcome);
        }
    }
    house_run(a->house);
    for (size_t i = 0; i < n; i++) {
        assert_err(outcomes[i].err, P11KMS_E_CIPHERTEXT);
        assert_null(outcomes[i].message.opened);
        kms_message_clear(&outcomes[i].message);
    }
    assert_int_equal(fake_token_ops(a->house->fake, TOKEN_OP_PRF) - before, parsed);
}

static void all_refused(const attempt_t *a, changing change, size_t n)
{
    for (size_t first = 0; first < n; first += BATCH) {
        refused_batch(a, change, first, n - first < BATCH ? n - first : BATCH);
    }
}

static void one_refused(const attempt_t *a, changing change)
{
    all_refused(a, change, 1);
}

static void opens(const attempt_t *a)
{
    outcome_t outcome = { .message = { .key = a->key, .context = a->context } };

    assert_ok(envelope_parse(a->blob, &outcome.message.envelope));
    kms_open(message_op(a->house, &outcome), &outcome.message, keep_outcome);
    house_run(a->house);
    assert_ok(outcome.err);
    assert_slice_text(secret_slice(outcome.message.opened), PLAIN);
    kms_message_clear(&outcome.message);
}

/* ---- changes ---- */

static size_t as_it_is(uint8_t *blob, size_t len, size_t i)
{
    (void)blob;
    (void)i;
    return len;
}

static size_t flip_bit(uint8_t *blob, size_t len, size_t i)
{
    blob[i / 8] ^= (uint8_t)(1u << (i % 8));
    return len;
}

static size_t truncate_to(uint8_t *blob, size_t len, size_t i)
{
    (void)blob;
    (void)len;
    return i;
}

static size_t grow_by(uint8_t *blob, size_t len, size_t i)
{
    memset(blob + len, (int)i, i + 1);
    return len + i + 1;
}

static size_t fill_with(uint8_t *blob, size_t len, size_t i)
{
    memset(blob + KEY_AT, (int)i, len - KEY_AT);
    return len;
}

static slice_t donor; /* what parts are taken from */

static size_t take_key(uint8_t *blob, size_t len, size_t i)
{
    (void)i;
    memcpy(blob + KEY_AT, donor.data + KEY_AT, KMS_ID);
    return len;
}

static size_t take_material(uint8_t *blob, size_t len, size_t i)
{
    (void)i;
    memcpy(blob + MATERIAL_AT, donor.data + MATERIAL_AT, KMS_ID);
    return len;
}

static size_t take_nonce(uint8_t *blob, size_t len, size_t i)
{
    (void)i;
    memcpy(blob + NONCE_AT, donor.data + NONCE_AT, ENVELOPE_NONCE);
    return len;
}

static size_t take_header(uint8_t *blob, size_t len, size_t i)
{
    (void)i;
    memcpy(blob, donor.data, ENVELOPE_HEADER);
    return len;
}

static size_t take_commitment(uint8_t *blob, size_t len, size_t i)
{
    (void)i;
    memcpy(blob + ENVELOPE_HEADER, donor.data + ENVELOPE_HEADER, ENVELOPE_COMMITMENT);
    return len;
}

static size_t take_body(uint8_t *blob, size_t len, size_t i)
{
    size_t at = ENVELOPE_HEADER + ENVELOPE_COMMITMENT;

    (void)i;
    memcpy(blob + at, donor.data + at, len - at);
    return len;
}

/* ---- a second material ---- */

static p11kms_err insert_rotation(op_t *op, store_t *store)
{
    void **act = op->act;
    kms_change *change = kms_change_begin(op, ((house_t *)act[0])->kms, store);
    kms_key_t *key;

    TRY(kms_change_key(change, act[1], &key));
    TRY(kms_change_rotate(change, key, op->token_op.key_id, KMS_CAUSE_ON_DEMAND));
    TRY(kms_intent_done(store, op->token_op.key_id));
    return kms_change_put(change, key);
}

static void material_made(op_t *op)
{
    kms_keep_material(op, insert_rotation);
}

static kms_key_t *rotate(house_t *house, const kms_key_t *key)
{
    op_t *op = op_new_internal(house->core, "RotateKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    void *act[2] = { house, (void *)(uintptr_t)key };

    op->act = act;
    kms_make_material(op, house->kms, key, material_made);
    house_run(house);
    kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, key->n_materials + 1);
    return now;
}

/* ---- the promises ---- */

static void check_damage(const attempt_t *a)
{
    opens(a);
    all_refused(a, flip_bit, 8 * a->blob.len);
    all_refused(a, truncate_to, a->blob.len);
    all_refused(a, grow_by, 64);
    all_refused(a, fill_with, 256);
    opens(a); /* as before: nothing of all that is remembered */
}

static void test_every_flip_truncation_and_growth_is_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t blob = encrypt(house, key, SLICE_LIT("context"));

    check_damage(&(attempt_t){ house, key, buf_slice(&blob), SLICE_LIT("context") });
}

static void test_so_it_is_with_a_ciphertext_of_an_old_material(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *first = house_make_key(house);
    _cleanup_buf_ buf_t blob = encrypt(house, first, SLICE(NULL, 0));
    _cleanup_(kms_key) kms_key_t *second = rotate(house, first);
    _cleanup_(kms_key) kms_key_t *third = rotate(house, second);

    check_damage(&(attempt_t){ house, third, buf_slice(&blob), SLICE(NULL, 0) });
}

static void test_another_context_is_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t blob = encrypt(house, key, SLICE_LIT("context"));
    const slice_t others[] = { SLICE_LIT("Context"), SLICE_LIT("contex"), SLICE_LIT("contextx"), SLICE(NULL, 0) };

    for (size_t i = 0; i < COUNT_OF(others); i++) {
        one_refused(&(attempt_t){ house, key, buf_slice(&blob), others[i] }, as_it_is);
    }
}

static void test_a_ciphertext_under_another_keys_header_is_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_key) kms_key_t *other = house_make_key(house);
    _cleanup_buf_ buf_t blob = encrypt(house, key, SLICE(NULL, 0));
    _cleanup_buf_ buf_t foreign = encrypt(house, other, SLICE(NULL, 0));
    const attempt_t under_other = { house, other, buf_slice(&blob), SLICE(NULL, 0) };

    donor = buf_slice(&foreign);
    one_refused(&under_other, as_it_is);
    one_refused(&under_other, take_key);
    one_refused(&under_other, take_header);
    one_refused(&(attempt_t){ house, key, donor, SLICE(NULL, 0) }, as_it_is);
}

static void test_swapped_materials_are_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *first = house_make_key(house);
    _cleanup_buf_ buf_t old = encrypt(house, first, SLICE(NULL, 0));
    _cleanup_(kms_key) kms_key_t *key = rotate(house, first);
    _cleanup_buf_ buf_t new = encrypt(house, key, SLICE(NULL, 0));
    const attempt_t of_old = { house, key, buf_slice(&old), SLICE(NULL, 0) };
    const attempt_t of_new = { house, key, buf_slice(&new), SLICE(NULL, 0) };

    opens(&of_old);
    opens(&of_new);
    donor = buf_slice(&new);
    one_refused(&of_old, take_material);
    donor = buf_slice(&old);
    one_refused(&of_new, take_material);
}

static void test_parts_of_two_ciphertexts_of_one_key_do_not_mix(void **state)
{
    static const changing parts[] = { take_nonce, take_header, take_commitment, take_body };
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t one = encrypt(house, key, SLICE(NULL, 0));
    _cleanup_buf_ buf_t two = encrypt(house, key, SLICE(NULL, 0));
    const attempt_t a = { house, key, buf_slice(&one), SLICE(NULL, 0) };

    donor = buf_slice(&two);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        one_refused(&a, parts[i]);
    }
    opens(&a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_flip_truncation_and_growth_is_refused),
        TEST(test_so_it_is_with_a_ciphertext_of_an_old_material),
        TEST(test_another_context_is_refused),
        TEST(test_a_ciphertext_under_another_keys_header_is_refused),
        TEST(test_swapped_materials_are_refused),
        TEST(test_parts_of_two_ciphertexts_of_one_key_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
