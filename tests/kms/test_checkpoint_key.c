/* The key that signs checkpoints of the audit log. */
#include "tests/testing.h"

#include "audit/note.h"
#include "kms/checkpoint_key.h"
#include "tests/fakes/house.h"

#define ORIGIN "p11kms/house.example"
#define WITHOUT(mask, bit) ((mask) & ~(1u << (bit)))

static int prepare(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

typedef struct {
    house_t *house;
    kms_checkpoint_key key;
} opening_t;

static p11kms_err open_key(store_t *store, void *arg)
{
    opening_t *opening = arg;

    return kms_open_checkpoint_key(store, opening->house->kms, &opening->key);
}

static p11kms_err try_open(house_t *house, kms_checkpoint_key *ret)
{
    opening_t opening = { .house = house };
    p11kms_err err = core_store_job(house->core, open_key, &opening);

    *ret = opening.key;
    return err;
}

static kms_checkpoint_key opened(house_t *house)
{
    kms_checkpoint_key key;

    assert_ok(try_open(house, &key));
    return key;
}

/** A checkpoint that it signs verifies under its own public key. */
static void assert_signs(kms_checkpoint_key *key, note_kind kind)
{
    static const uint8_t root[NOTE_ROOT] = { 7 };
    _cleanup_(note_key) note_key_t *public = NULL;
    _cleanup_buf_ buf_t note = { 0 };
    _cleanup_buf_ buf_t signature = { 0 };
    note_t parsed;

    assert_ok(note_key_new(SLICE_LIT(ORIGIN), SLICE(key->spki, key->spki_len), &public));
    assert_int_equal(note_key_kind(public), kind);
    for (uint64_t size = 1; size < 20; size++) { /* ECDSA's numbers have not always the same length */
        buf_clear(&note);
        buf_clear(&signature);
        note_put_text(&note, ORIGIN, size, root);
        assert_ok(kms_sign_checkpoint(key, buf_slice(&note), &signature));
        buf_put_char(&note, '\n');
        note_put_signature(&note, public, buf_slice(&signature));
        assert_ok(note_parse(buf_slice(&note), &parsed));
        assert_int_equal(note_check(&parsed, public, NULL), NOTE_SIGNED);
    }
}

static void test_it_is_made_once_and_found_again(void **state)
{
    house_t *house = *state;
    size_t before = fake_token_keys(house->fake);
    kms_checkpoint_key made = opened(house);
    kms_checkpoint_key found;

    assert_int_equal(fake_token_keys(house->fake), before + 1);
    assert_string_equal(fake_token_label(house->fake, made.id), "checkpoints");
    house_restart(house);
    found = opened(house);
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    assert_memory_equal(found.id, made.id, sizeof(made.id));
    assert_int_equal(found.spki_len, made.spki_len);
    assert_memory_equal(found.spki, made.spki, made.spki_len);
    assert_signs(&found, NOTE_ED25519);
}

static void test_it_is_p_256_where_there_is_no_ed25519(void **state)
{
    house_t *house = *state;
    token_info *info = fake_token_info(house->fake);
    kms_checkpoint_key key;

    info->key_types = WITHOUT(info->key_types, TOKEN_KEY_ED25519);
    house_restart(house);
    key = opened(house);
    assert_signs(&key, NOTE_ECDSA);
    house_restart(house);
    key = opened(house);
    assert_signs(&key, NOTE_ECDSA);
}

static void test_a_token_with_neither_is_told_apart_from_one_that_is_away(void **state)
{
    house_t *house = *state;
    token_info *info = fake_token_info(house->fake);
    size_t before = fake_token_keys(house->fake);
    kms_checkpoint_key key;

    info->mechanisms = WITHOUT(WITHOUT(info->mechanisms, TOKEN_MECH_EDDSA), TOKEN_MECH_ECDSA);
    house_restart(house);
    assert_err(try_open(house, &key), P11KMS_E_UNSUPPORTED);
    assert_int_equal(fake_token_keys(house->fake), before);
}

static void test_a_kind_that_the_token_refuses_after_all_is_passed_over(void **state)
{
    house_t *house = *state;
    kms_checkpoint_key key;

    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 0x70, 1);
    key = opened(house);
    assert_signs(&key, NOTE_ECDSA);
    house_restart(house);
    key = opened(house);
    assert_signs(&key, NOTE_ECDSA);
}

static void test_what_a_failure_leaves_behind_is_destroyed_at_the_next_start(void **state)
{
    house_t *house = *state;
    size_t before = fake_token_keys(house->fake);
    kms_checkpoint_key key;

    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN_LOST, 0, 1);
    assert_err(try_open(house, &key), P11KMS_E_TOKEN_LOST);
    house_restart(house);
    key = opened(house);
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    assert_signs(&key, NOTE_ED25519);
}

static void test_a_token_that_is_away_signs_nothing_and_says_so(void **state)
{
    house_t *house = *state;
    kms_checkpoint_key key = opened(house);
    _cleanup_buf_ buf_t signature = { 0 };

    fake_token_fail(house->fake, TOKEN_OP_SIGN, P11KMS_E_TOKEN_LOST, 0, 1);
    assert_err(kms_sign_checkpoint(&key, SLICE_LIT("text\n"), &signature), P11KMS_E_TOKEN_LOST);
    assert_int_equal(signature.len, 0);
    assert_signs(&key, NOTE_ED25519);
}

typedef struct {
    uint64_t size;
    uint8_t root[SHA256_LEN];
} signed_t;

static p11kms_err remember(store_t *store, void *arg)
{
    const signed_t *last = arg;

    return kms_remember_checkpoint(store, last->size, last->root);
}

static p11kms_err recall(store_t *store, void *arg)
{
    signed_t *last = arg;

    return kms_last_checkpoint(store, &last->size, last->root);
}

static p11kms_err damage(store_t *store, void *arg)
{
    (void)arg;
    TRY(store_begin(store));
    TRY(store_meta_put(store, "checkpoint-last", SLICE_LIT("short")));
    return store_commit(store);
}

static void test_what_was_signed_last_is_remembered(void **state)
{
    house_t *house = *state;
    signed_t first = { .size = 7, .root = { 1 } }, last = { .size = UINT64_MAX - 1, .root = { 2 } }, seen = { .size = 1 };

    assert_ok(core_store_job(house->core, recall, &seen));
    assert_int_equal(seen.size, 0);
    assert_ok(core_store_job(house->core, remember, &first));
    assert_ok(core_store_job(house->core, remember, &last));
    assert_ok(core_store_job(house->core, recall, &seen));
    assert_memory_equal(&seen, &last, sizeof(last));
    assert_ok(core_store_job(house->core, damage, NULL));
    assert_err(core_store_job(house->core, recall, &seen), P11KMS_E_STORE);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_it_is_made_once_and_found_again),
        PROMISE(test_it_is_p_256_where_there_is_no_ed25519),
        PROMISE(test_a_token_with_neither_is_told_apart_from_one_that_is_away),
        PROMISE(test_a_kind_that_the_token_refuses_after_all_is_passed_over),
        PROMISE(test_what_a_failure_leaves_behind_is_destroyed_at_the_next_start),
        PROMISE(test_a_token_that_is_away_signs_nothing_and_says_so),
        PROMISE(test_what_was_signed_last_is_remembered),
    };

    return cmocka_run_group_tests(tests, prepare, NULL);
}
