/* Imported material: what comes in, comes back, expires and waits; over crashes at each step. */
#include "tests/testing.h"

#include <string.h>

#include "crypto/asym.h"
#include "crypto/crypto.h"
#include "crypto/keypair.h"
#include "kms/kms_internal.h"
#include "kms/service_key.h"
#include "tests/fakes/house.h"
#include "util/clock.h"

static int setup(void **state)
{
    house_setup(state);
    fake_token_reuse_pairs(((house_t *)*state)->fake);
    return 0;
}

/* Making RSA keys takes most of the time: a key's imports share one, as they may for a day. */
static struct {
    kms_wrapping wrapping;
    buf_t public_key;
} shared;

static int teardown(void **state)
{
    buf_free(&shared.public_key);
    memset(&shared, 0, sizeof(shared));
    return house_teardown(state);
}

/* ---- acts, through the steps of the handlers ---- */

typedef struct {
    house_t *house;
    const kms_key_t *seen;
    kms_key_t *making;
    kms_import import;
    kms_unimport unimport;
    buf_t public_key;
    p11kms_err err;
} act_t;

static void act_free(op_t *op)
{
    act_t *act = op->act;

    kms_release_key(act->house->kms, &act->import.claim);
    kms_release_key(act->house->kms, &act->unimport.claim);
}

static void act_finished(op_t *op)
{
    act_t *act = op->act;

    act->err = op->err;
}

static op_t *begin(act_t *act, house_t *house, const char *event)
{
    op_t *op = op_new_internal(house->core, event, "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);

    act->house = house;
    op->act = act;
    op->act_free = act_free;
    op->finished = act_finished;
    return op;
}

static p11kms_err insert_key(op_t *op, store_t *store)
{
    act_t *act = op->act;

    return kms_change_create(kms_change_begin(op, act->house->kms, store), STEAL(act->making), NULL);
}

static kms_key_t *make(house_t *house, const kms_create *create)
{
    act_t act = { 0 };

    assert_ok(kms_create_key(house->kms, create, &act.making));
    kms_key_t *key = kms_key_ref(act.making);
    op_change(begin(&act, house, "CreateKey"), insert_key, op_settle);
    house_run(house);
    assert_ok(act.err);
    return key;
}

static kms_key_t *make_external(house_t *house, const char *spec, kms_usage usage)
{
    const kms_create create = {
        .account = HOUSE_ACCOUNT,
        .region = HOUSE_REGION,
        .spec = kms_spec_named(SLICE_STR(spec)),
        .usage = usage,
        .origin = KMS_ORIGIN_EXTERNAL,
    };

    return make(house, &create);
}

static p11kms_err insert_replica(op_t *op, store_t *store)
{
    act_t *act = op->act;

    return kms_change_replicate(kms_change_begin(op, act->house->kms, store), act->seen, STEAL(act->making));
}

static kms_key_t *replicate(house_t *house, const kms_key_t *like, const char *region)
{
    _cleanup_(kms_key) kms_key_t *primary = house_key(house, like);
    act_t act = { .seen = primary };

    assert_ok(kms_replica_new(primary, region, SLICE(NULL, 0), SLICE(NULL, 0), &act.making));
    kms_key_t *replica = kms_key_ref(act.making);
    op_change(begin(&act, house, "ReplicateKey"), insert_replica, op_settle);
    house_run(house);
    assert_ok(act.err);
    house_tick(house);
    return replica;
}

static kms_key_t *symmetric(house_t *house)
{
    return make_external(house, "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT);
}

static p11kms_err keep_wrapping(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->house->kms, store);

    buf_put(&act->public_key, op->token_op.out, op->token_op.out_used);
    return kms_change_wrapping(change, op, &act->import.wrapping);
}

/* A wrapping key and, for the act, its public half. */
static p11kms_err get_parameters(house_t *house, const kms_key_t *key, act_t *act)
{
    TRY(kms_wrapping_for(key, SLICE_LIT("RSAES_OAEP_SHA_256"), SLICE_LIT("RSA_2048"), &act->import.wrapping));
    kms_make_wrapping(begin(act, house, "GetParameters"), house->kms, &act->import.wrapping, keep_wrapping);
    house_run(house);
    return act->err;
}

static p11kms_err share_parameters(house_t *house, const kms_key_t *key, act_t *act)
{
    if (memcmp(shared.wrapping.key_id, key->id, KMS_ID) != 0 || shared.wrapping.valid_to <= clock_service_ms()) {
        buf_free(&shared.public_key);
        TRY(get_parameters(house, key, act));
        shared.public_key = STEAL(act->public_key);
        shared.wrapping = act->import.wrapping;
    }
    act->import.wrapping = shared.wrapping;
    act->import.wrapping.token = house->token; /* of this start */
    return P11KMS_OK;
}

static p11kms_err import_rows(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->house->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->seen, &key));
    TRY(kms_state_check(key, KMS_DOES_IMPORT));
    TRY(kms_change_import(change, key, &act->import));
    return kms_change_put(change, STEAL(key));
}

static slice_t wrap(const buf_t *public_key, slice_t material, buf_t *wrapped)
{
    _cleanup_(asym) asym_t *rsa = NULL;

    assert_ok(asym_parse(buf_slice(public_key), &rsa));
    assert_ok(asym_oaep_encrypt(rsa, CRYPTO_SHA256, material, wrapped));
    return buf_slice(wrapped);
}

/* How one import differs from the plain one of material that does not expire. */
typedef struct {
    bool is_new;
    int64_t valid_to;
    const char *description;
    const char *material; /* KeyMaterialId */
    void (*run)(house_t *house); /* instead of to its end */
} how_t;

static p11kms_err import_as(house_t *house, const kms_key_t *like, slice_t material, how_t how, act_t *act)
{
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);
    _cleanup_buf_ buf_t wrapped = { 0 };

    TRY(share_parameters(house, key, act));
    act->seen = key;
    act->import.kms = house->kms;
    act->import.key = key;
    act->import.wrapped = wrap(&shared.public_key, material, &wrapped);
    act->import.is_new = how.is_new;
    act->import.valid_to = how.valid_to;
    act->import.describes = how.description != NULL;
    act->import.description = how.description ? SLICE_STR(how.description) : SLICE(NULL, 0);
    act->import.material = how.material ? SLICE_STR(how.material) : SLICE(NULL, 0);
    kms_import_material(begin(act, house, "ImportKeyMaterial"), &act->import, import_rows);
    (how.run ? how.run : house_run)(house);
    return act->err;
}

static p11kms_err import(house_t *house, const kms_key_t *key, slice_t material, how_t how)
{
    act_t act = { 0 };

    return import_as(house, key, material, how, &act);
}

static const uint8_t bytes_a[32] = "the first material of all.";
static const uint8_t bytes_b[32] = "another, not the first one.";
#define MATERIAL_A SLICE(bytes_a, 32)
#define MATERIAL_B SLICE(bytes_b, 32)

static const how_t first = { .is_new = true };
static const how_t again = { 0 };

static p11kms_err delete_rows(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->house->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->seen, &key));
    TRY(kms_change_unimport(change, key, act->unimport.id));
    return kms_change_put(change, STEAL(key));
}

static p11kms_err unimport(house_t *house, const kms_key_t *like, const uint8_t id[KMS_ID])
{
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);
    act_t act = { .seen = key };

    act.unimport.kms = house->kms;
    act.unimport.key = key;
    memcpy(act.unimport.id, id, KMS_ID);
    kms_unimport_material(begin(&act, house, "DeleteImportedKeyMaterial"), &act.unimport, delete_rows);
    house_run(house);
    return act.err;
}

static p11kms_err rotate_rows(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->house->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, act->seen, &key));
    TRY(kms_change_rotate_imported(change, key));
    return kms_change_put(change, STEAL(key));
}

static p11kms_err rotate(house_t *house, const kms_key_t *key)
{
    act_t act = { .seen = key };

    op_change(begin(&act, house, "RotateKeyOnDemand"), rotate_rows, op_settle);
    house_run(house);
    return act.err;
}

/* ---- messages ---- */

typedef struct {
    kms_message message;
    p11kms_err err;
} outcome_t;

static void keep_outcome(op_t *op)
{
    ((outcome_t *)op->act)->err = op->err;
    op_done(op);
}

static op_t *message_op(house_t *house, outcome_t *outcome)
{
    op_t *op = op_new_internal(house->core, "Message", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);

    op->act = outcome;
    return op;
}

static p11kms_err encrypt(house_t *house, const kms_key_t *like, buf_t *blob)
{
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);
    outcome_t outcome = { .message = { .key = key, .plain = SLICE_LIT("hello") } };

    TRY(kms_state_check(key, KMS_DOES_CRYPTO));
    kms_seal(message_op(house, &outcome), &outcome.message, keep_outcome);
    house_run(house);
    *blob = STEAL(outcome.message.blob);
    kms_message_clear(&outcome.message);
    return outcome.err;
}

static p11kms_err decrypt(house_t *house, const kms_key_t *like, const buf_t *blob)
{
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);
    outcome_t outcome = { .message = { .key = key } };

    TRY(kms_state_check(key, KMS_DOES_CRYPTO));
    TRY(envelope_parse(buf_slice(blob), &outcome.message.envelope));
    kms_open(message_op(house, &outcome), &outcome.message, keep_outcome);
    house_run(house);
    kms_message_clear(&outcome.message);
    return outcome.err;
}

static kms_state state_of(house_t *house, const kms_key_t *like)
{
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);

    return kms_key_state(key);
}

static void current_id(house_t *house, const kms_key_t *like, uint8_t out[KMS_ID])
{
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);

    memcpy(out, kms_key_current(key)->id, KMS_ID);
}

/* ---- nothing on the token that the store does not know, and the other way round ---- */

typedef struct {
    size_t wrappings;
    size_t intents;
    size_t on_token; /* wrapping keys there */
    fake_token_t *fake;
} counted_t;

static p11kms_err count_wrapping(void *arg, const store_wrapping *row)
{
    counted_t *counted = arg;

    counted->wrappings++;
    counted->on_token += fake_token_has_key(counted->fake, row->id);
    return P11KMS_OK;
}

static p11kms_err count_intent(void *arg, const store_intent *row)
{
    (void)row;
    ((counted_t *)arg)->intents++;
    return P11KMS_OK;
}

static p11kms_err count(store_t *store, void *counted)
{
    TRY(store_wrapping_each(store, count_wrapping, counted));
    return store_intent_each(store, count_intent, counted);
}

static void assert_in_step(house_t *house, const kms_key_t *like)
{
    counted_t counted = { .fake = house->fake };
    _cleanup_(kms_key) kms_key_t *key = house_key(house, like);
    size_t present = 0;

    assert_ok(core_store_job(house->core, count, &counted));
    assert_int_equal(counted.intents, 0);
    assert_int_equal(counted.on_token, counted.wrappings);
    for (size_t i = 0; key && i < key->n_materials; i++) {
        present += !key->materials[i].absent;
        assert_int_equal(fake_token_has_key(house->fake, key->materials[i].id), !key->materials[i].absent);
    }
    assert_int_equal(fake_token_keys(house->fake), 1 + counted.wrappings + present); /* and the service's own */
}

/* ---- the promises ---- */

static void test_a_new_external_key_has_no_object_and_waits(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_buf_ buf_t blob = { 0 };

    assert_int_equal(fake_token_keys(house->fake), 1);
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_err(encrypt(house, key, &blob), P11KMS_E_KEY_STATE);
    house_restart(house);
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
}

static void test_a_token_that_imports_nothing_gets_no_external_key(void **state)
{
    house_t *house = *state;
    const kms_create create = { .account = HOUSE_ACCOUNT, .region = HOUSE_REGION, .origin = KMS_ORIGIN_EXTERNAL };
    kms_key_t *key;

    fake_token_info(house->fake)->can_import = false;
    assert_err(kms_create_key(house->kms, &create, &key), P11KMS_E_OPERATION_UNSUPPORTED);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_OPERATION_UNSUPPORTED), "'main'"));
}

static void test_the_first_material_makes_the_key_usable(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_buf_ buf_t blob = { 0 };

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
    assert_in_step(house, key);
    assert_ok(encrypt(house, key, &blob));
    house_restart(house);
    assert_ok(decrypt(house, key, &blob));
}

static void test_deleted_material_that_is_imported_again_opens_old_ciphertexts(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_buf_ buf_t blob = { 0 };
    uint8_t before[KMS_ID], after[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_ok(encrypt(house, key, &blob));
    current_id(house, key, before);
    assert_ok(unimport(house, key, before));
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_false(fake_token_has_key(house->fake, before));
    assert_in_step(house, key);
    assert_err(decrypt(house, key, &blob), P11KMS_E_KEY_STATE);
    house_restart(house);
    assert_ok(import(house, key, MATERIAL_A, again));
    current_id(house, key, after);
    assert_memory_equal(before, after, KMS_ID);
    assert_ok(decrypt(house, key, &blob));
    assert_in_step(house, key);
}

static void test_other_material_is_refused_and_leaves_nothing(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_err(import(house, key, MATERIAL_B, again), P11KMS_E_KEY_MATERIAL);
    assert_in_step(house, key);
    current_id(house, key, id);
    assert_ok(unimport(house, key, id));
    assert_err(import(house, key, MATERIAL_B, again), P11KMS_E_KEY_MATERIAL);
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_in_step(house, key);
}

static void test_material_of_another_length_is_not_key_material(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_err(import(house, key, SLICE(bytes_a, 31), first), P11KMS_E_CIPHERTEXT);
    assert_err(import(house, key, SLICE(bytes_a, 16), first), P11KMS_E_CIPHERTEXT);
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_in_step(house, key);
}

static void test_what_does_not_unwrap_is_an_invalid_ciphertext(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    fake_token_fail(house->fake, TOKEN_OP_IMPORT, P11KMS_E_CIPHERTEXT, 0, 1);
    assert_err(import(house, key, MATERIAL_A, first), P11KMS_E_CIPHERTEXT);
    assert_in_step(house, key);
}

static void test_present_material_that_is_imported_again_gets_another_expiry(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    const how_t soon = { .valid_to = clock_service_ms() + 3 * CLOCK_DAY_MS, .description = "in a while" };

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_ok(import(house, key, MATERIAL_A, soon));
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 1);
    assert_int_equal(now->materials[0].valid_to, soon.valid_to);
    assert_string_equal(now->materials[0].description, "in a while");
    assert_in_step(house, key);
    assert_ok(import(house, key, MATERIAL_A, again));
    house_restart(house);
    _cleanup_(kms_key) kms_key_t *then = house_key(house, key);
    assert_int_equal(then->materials[0].valid_to, 0);
    assert_string_equal(then->materials[0].description, "in a while"); /* retained */
}

static void test_expired_material_refuses_before_the_schedule_comes_and_goes_with_it(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_buf_ buf_t blob = { 0 };
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, (how_t){ .is_new = true, .valid_to = clock_service_ms() + CLOCK_DAY_MS }));
    assert_ok(encrypt(house, key, &blob));
    current_id(house, key, id);
    house_pass_days(1);
    assert_err(decrypt(house, key, &blob), P11KMS_E_KEY_STATE);
    assert_true(fake_token_has_key(house->fake, id));
    house_tick(house);
    assert_false(fake_token_has_key(house->fake, id));
    assert_int_equal(house_records(house, "\"eventName\":\"DeleteExpiredKeyMaterial\""), 1);
    assert_int_equal(house_records(house, "\"keyMaterialId\":\""), 1);
    assert_ok(import(house, key, MATERIAL_A, again));
    assert_ok(decrypt(house, key, &blob));
    assert_in_step(house, key);
}

static void test_material_that_expired_while_stopped_goes_at_the_next_start(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, (how_t){ .is_new = true, .valid_to = clock_service_ms() + CLOCK_DAY_MS }));
    house_close(house);
    house_pass_days(30);
    house_restart(house);
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    house_tick(house);
    house_tick(house);
    assert_in_step(house, key); /* the wrapping key's day is over as well */
    assert_int_equal(fake_token_keys(house->fake), 1);
}

static void disable(kms_key_t *key)
{
    key->stored = KMS_STATE_DISABLED;
}

static void test_a_disabled_key_whose_material_goes_waits_for_import(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    house_edit(house, key, disable);
    assert_ok(import(house, key, MATERIAL_A, again));
    assert_int_equal(state_of(house, key), KMS_STATE_DISABLED); /* nothing was missing */
    current_id(house, key, id);
    assert_ok(unimport(house, key, id));
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_ok(import(house, key, MATERIAL_A, again));
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
}

/* ---- new material ---- */

static void test_new_material_waits_for_rotation_and_the_old_one_still_decrypts(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_buf_ buf_t old = { 0 };
    _cleanup_buf_ buf_t meanwhile = { 0 };
    _cleanup_buf_ buf_t new = { 0 };
    uint8_t before[KMS_ID], after[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_ok(encrypt(house, key, &old));
    current_id(house, key, before);
    assert_ok(import(house, key, MATERIAL_B, first));
    current_id(house, key, after);
    assert_memory_equal(before, after, KMS_ID);
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
    assert_ok(encrypt(house, key, &meanwhile));
    house_restart(house);
    assert_ok(rotate(house, key));
    current_id(house, key, after);
    assert_memory_not_equal(before, after, KMS_ID);
    assert_ok(encrypt(house, key, &new));
    house_restart(house);
    assert_ok(decrypt(house, key, &old));
    assert_ok(decrypt(house, key, &meanwhile));
    assert_ok(decrypt(house, key, &new));
    assert_in_step(house, key);
}

static void test_rotation_without_new_material_is_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_err(rotate(house, key), P11KMS_E_KEY_STATE);
}

static void test_a_second_new_material_is_refused_until_the_first_has_rotated(void **state)
{
    house_t *house = *state;
    static const uint8_t bytes_c[32] = "a third";
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_ok(import(house, key, MATERIAL_B, first));
    assert_err(import(house, key, SLICE(bytes_c, 32), first), P11KMS_E_KEY_STATE);
    assert_in_step(house, key);
    assert_ok(rotate(house, key));
    assert_ok(import(house, key, SLICE(bytes_c, 32), first));
}

static void test_material_the_key_has_is_not_new(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_err(import(house, key, MATERIAL_A, first), P11KMS_E_KEY_MATERIAL);
    assert_in_step(house, key);
}

static void test_a_key_of_several_materials_needs_them_all(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t a[KMS_ID], b[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    current_id(house, key, a);
    assert_ok(import(house, key, MATERIAL_B, first));
    assert_ok(rotate(house, key));
    current_id(house, key, b);
    assert_ok(unimport(house, key, a));
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_ok(unimport(house, key, b));
    assert_ok(import(house, key, MATERIAL_B, again));
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_ok(import(house, key, MATERIAL_A, again));
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
    assert_in_step(house, key);
}

static void test_material_that_waits_can_be_deleted_and_replaced(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_ok(import(house, key, MATERIAL_B, first));
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_ok(unimport(house, key, kms_key_pending(now)->id));
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
    assert_in_step(house, key);
    assert_ok(import(house, key, MATERIAL_B, first));
    house_restart(house);
    assert_ok(rotate(house, key));
    assert_in_step(house, key);
}

static void test_the_named_material_must_be_the_one(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, first));
    assert_ok(import(house, key, MATERIAL_B, first));
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    const how_t a = { .material = now->materials[0].id_text };
    assert_ok(import(house, key, MATERIAL_A, a));
    assert_err(import(house, key, MATERIAL_B, a), P11KMS_E_KEY_MATERIAL);
    assert_in_step(house, key);
}

/* ---- pairs and MAC keys ---- */

static void test_a_pair_comes_with_its_public_key_and_comes_back_alone(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = make_external(house, "ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY);
    _cleanup_secret_ secret_t *private = NULL, *other = NULL;
    _cleanup_buf_ buf_t public = { 0 }, ignored = { 0 };
    uint8_t id[KMS_ID];

    assert_ok(keypair_make(KEYPAIR_P256, &private, &public));
    assert_ok(keypair_make(KEYPAIR_P256, &other, &ignored));
    assert_ok(import(house, key, secret_slice(private), first));
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_slice_equal(SLICE(now->public_key, now->public_key_len), buf_slice(&public));
    current_id(house, key, id);
    assert_ok(unimport(house, key, id));
    house_restart(house);
    assert_err(import(house, key, secret_slice(other), again), P11KMS_E_KEY_MATERIAL);
    assert_ok(import(house, key, secret_slice(private), again));
    assert_in_step(house, key);
}

static void test_a_mac_key_comes_back_alone(void **state)
{
    house_t *house = *state;
    static const uint8_t mac[28] = "twenty-eight bytes of a key.", other[28] = "twenty-eight bytes of a kez.";
    _cleanup_(kms_key) kms_key_t *key = make_external(house, "HMAC_224", KMS_USAGE_GENERATE_VERIFY_MAC);
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, SLICE(mac, 28), first));
    current_id(house, key, id);
    assert_ok(unimport(house, key, id));
    assert_err(import(house, key, SLICE(other, 28), again), P11KMS_E_KEY_MATERIAL);
    assert_ok(import(house, key, SLICE(mac, 28), again));
    assert_in_step(house, key);
}

static void test_a_check_value_is_of_one_key(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *one = symmetric(house);
    _cleanup_(kms_key) kms_key_t *two = symmetric(house);

    assert_ok(import(house, one, MATERIAL_A, first));
    assert_ok(import(house, two, MATERIAL_A, first));
    _cleanup_(kms_key) kms_key_t *one_now = house_key(house, one);
    _cleanup_(kms_key) kms_key_t *two_now = house_key(house, two);
    assert_memory_not_equal(one_now->materials[0].check, two_now->materials[0].check, 32);
    assert_memory_not_equal(one_now->materials[0].check, bytes_a, 32);
}

/* ---- wrapping keys and import tokens ---- */

static void test_an_import_token_is_of_its_key_for_a_day(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_(kms_key) kms_key_t *other = symmetric(house);
    _cleanup_(arena) arena_t *arena = arena_new(512);
    act_t act = { 0 };
    kms_wrapping found;

    assert_ok(get_parameters(house, key, &act));
    slice_t token = kms_import_token(house->kms, &act.import.wrapping, key->arn, arena);
    house_restart(house);
    assert_ok(kms_import_token_open(house->kms, key, token, &found));
    assert_memory_equal(found.id, act.import.wrapping.id, KMS_ID);
    assert_err(kms_import_token_open(house->kms, other, token, &found), P11KMS_E_IMPORT_TOKEN);
    for (size_t i = 0; i < token.len; i++) {
        uint8_t *bent = (uint8_t *)(uintptr_t)arena_dup(arena, token).data;

        bent[i] ^= 0x10;
        assert_err(kms_import_token_open(house->kms, key, SLICE(bent, token.len), &found), P11KMS_E_IMPORT_TOKEN);
        assert_err(kms_import_token_open(house->kms, key, SLICE(token.data, i), &found), P11KMS_E_IMPORT_TOKEN);
    }
    house_pass_days(1);
    assert_err(kms_import_token_open(house->kms, key, token, &found), P11KMS_E_IMPORT_EXPIRED);
    buf_free(&act.public_key);
}

static void test_a_new_wrapping_key_leaves_the_older_ones(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_(arena) arena_t *arena = arena_new(512);
    act_t one = { 0 }, two = { 0 };
    kms_wrapping found;

    assert_ok(get_parameters(house, key, &one));
    assert_ok(get_parameters(house, key, &two));
    assert_ok(kms_import_token_open(house->kms, key, kms_import_token(house->kms, &one.import.wrapping, key->arn, arena),
                                    &found));
    buf_free(&one.public_key);
    buf_free(&two.public_key);
}

static void test_the_oldest_wrapping_key_makes_room(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_(arena) arena_t *arena = arena_new(512);
    act_t acts[3] = { { 0 } };
    kms_wrapping found;

    assert_ok(get_parameters(house, key, &acts[0]));
    assert_ok(get_parameters(house, key, &acts[1]));
    for (int i = 2; i <= KMS_WRAPPINGS_PER_KEY; i++) {
        assert_ok(get_parameters(house, key, &acts[2]));
        buf_free(&acts[2].public_key);
    }
    slice_t oldest = kms_import_token(house->kms, &acts[0].import.wrapping, key->arn, arena);
    assert_err(kms_import_token_open(house->kms, key, oldest, &found), P11KMS_E_IMPORT_EXPIRED);
    slice_t next = kms_import_token(house->kms, &acts[1].import.wrapping, key->arn, arena);
    assert_ok(kms_import_token_open(house->kms, key, next, &found));
    assert_in_step(house, key);
    assert_int_equal(fake_token_keys(house->fake), 1 + KMS_WRAPPINGS_PER_KEY);
    buf_free(&acts[0].public_key);
    buf_free(&acts[1].public_key);
}

static void test_a_wrapping_key_goes_when_its_day_is_over(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    act_t act = { 0 };

    assert_ok(get_parameters(house, key, &act));
    house_tick(house);
    assert_int_equal(fake_token_keys(house->fake), 2);
    house_pass_days(1);
    house_tick(house);
    assert_int_equal(fake_token_keys(house->fake), 1);
    assert_int_equal(house_records(house, "\"eventName\":\"DeleteWrappingKey\""), 1);
    house_restart(house);
    assert_in_step(house, key);
    buf_free(&act.public_key);
}

static void delete_at_once(kms_key_t *key)
{
    key->stored = KMS_STATE_PENDING_DELETION;
    key->deletion_at = 1;
}

static void test_a_deleted_key_takes_its_wrapping_keys_along(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);

    assert_ok(import(house, key, MATERIAL_A, first));
    house_edit(house, key, delete_at_once);
    house_tick(house);
    house_tick(house);
    assert_null(house_key(house, key));
    assert_int_equal(fake_token_keys(house->fake), 1);
    assert_in_step(house, key);
}

static void test_which_algorithm_carries_which_material(void **state)
{
    house_t *house = *state;
    static const struct {
        const char *spec;
        kms_usage usage;
        const char *algorithm;
        const char *wrapping;
        bool good;
    } rows[] = {
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, "RSAES_OAEP_SHA_1", "RSA_2048", true },
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, "RSAES_OAEP_SHA_256", "RSA_4096", true },
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, "RSA_AES_KEY_WRAP_SHA_256", "RSA_4096", false },
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, "RSAES_PKCS1_V1_5", "RSA_2048", false },
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, "SM2PKE", "SM2", false },
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, "RSAES_OAEP_SHA_256", "SM2", false },
        { "HMAC_512", KMS_USAGE_GENERATE_VERIFY_MAC, "RSAES_OAEP_SHA_1", "RSA_3072", true },
        { "RSA_2048", KMS_USAGE_SIGN_VERIFY, "RSAES_OAEP_SHA_256", "RSA_4096", false },
        { "RSA_2048", KMS_USAGE_SIGN_VERIFY, "RSA_AES_KEY_WRAP_SHA_1", "RSA_2048", true },
        { "ECC_NIST_P521", KMS_USAGE_SIGN_VERIFY, "RSAES_OAEP_SHA_256", "RSA_2048", false },
        { "ECC_NIST_P521", KMS_USAGE_SIGN_VERIFY, "RSAES_OAEP_SHA_256", "RSA_3072", true },
        { "ECC_NIST_P521", KMS_USAGE_SIGN_VERIFY, "RSA_AES_KEY_WRAP_SHA_256", "RSA_2048", true },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        _cleanup_(kms_key) kms_key_t *key = make_external(house, rows[i].spec, rows[i].usage);
        kms_wrapping made;

        assert_err(kms_wrapping_for(key, SLICE_STR(rows[i].algorithm), SLICE_STR(rows[i].wrapping), &made),
                   rows[i].good ? P11KMS_OK : P11KMS_E_VALIDATION);
    }
}

/* ---- two at once ---- */

static void test_two_imports_of_one_key_do_not_meet(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    _cleanup_buf_ buf_t wrapped_a = { 0 }, wrapped_b = { 0 };
    act_t acts[2] = { { 0 } };

    for (int i = 0; i < 2; i++) {
        assert_ok(get_parameters(house, key, &acts[i]));
        acts[i].seen = key;
        acts[i].import.kms = house->kms;
        acts[i].import.key = key;
        acts[i].import.is_new = true;
    }
    acts[0].import.wrapped = wrap(&acts[0].public_key, MATERIAL_A, &wrapped_a);
    acts[1].import.wrapped = wrap(&acts[1].public_key, MATERIAL_B, &wrapped_b);
    for (int i = 0; i < 2; i++) {
        kms_import_material(begin(&acts[i], house, "ImportKeyMaterial"), &acts[i].import, import_rows);
    }
    house_run(house);
    assert_ok(acts[0].err);
    assert_err(acts[1].err, P11KMS_E_KEY_STATE);
    assert_in_step(house, key);
    buf_free(&acts[0].public_key);
    buf_free(&acts[1].public_key);
}

static void delete_in_a_week(kms_key_t *key)
{
    key->stored = KMS_STATE_PENDING_DELETION;
    key->deletion_at = clock_service_ms() + 7 * CLOCK_DAY_MS;
}

static void tick_and_run(house_t *house)
{
    kms_tick(house->kms);
    house_run(house);
}

/* The last object is one Region's to destroy while another finds that it need not bring one. */
static void test_a_deletion_and_an_import_of_what_they_share_do_not_meet(void **state)
{
    house_t *house = *state;
    const kms_create create = {
        .account = HOUSE_ACCOUNT, .region = HOUSE_REGION, .origin = KMS_ORIGIN_EXTERNAL, .multi_region = true
    };
    _cleanup_(kms_key) kms_key_t *primary = make(house, &create);
    _cleanup_buf_ buf_t blob = { 0 };

    assert_ok(import(house, primary, MATERIAL_A, first));
    assert_ok(encrypt(house, primary, &blob));
    _cleanup_(kms_key) kms_key_t *replica = replicate(house, primary, "eu-west-3");
    assert_ok(import(house, replica, MATERIAL_A, again));
    _cleanup_(kms_key) kms_key_t *now = house_key(house, primary);
    assert_ok(unimport(house, primary, kms_key_current(now)->id));
    house_edit(house, replica, delete_in_a_week);
    house_pass_days(7);
    assert_ok(import(house, primary, MATERIAL_A, (how_t){ .run = tick_and_run }));
    assert_int_equal(state_of(house, primary), KMS_STATE_ENABLED);
    assert_ok(decrypt(house, primary, &blob));
    house_tick(house);
    assert_null(house_key(house, replica));
    assert_ok(decrypt(house, primary, &blob));
}

/* ---- crashes: the token does what it was asked for, or not, and then nothing is heard any more ---- */

static token_op_kind lost_kind;
static unsigned lost_nth;
static bool lost_done; /* after it was done, else before */
static p11kms_err lost_how = P11KMS_E_TOKEN_LOST; /* before it was done */

static void until_lost(house_t *house)
{
    uint64_t base = fake_token_ops(house->fake, lost_kind);
    uint64_t seen = 0;
    unsigned nth = 0;

    fake_token_hold(house->fake);
    if (!lost_done && lost_nth == 0) {
        fake_token_fail(house->fake, lost_kind, lost_how, 0, 1);
    }
    while (core_active(house->core) > 0) {
        core_flush(house->core);
        mailbox_wait(house->mailbox, 1);
        uint64_t now = fake_token_ops(house->fake, lost_kind) - base;
        if (now > seen) {
            seen = now;
            nth++;
            if (lost_done && nth == lost_nth + 1) {
                fake_token_set_state(house->fake, TOKEN_LOST);
                break;
            }
            if (!lost_done && nth == lost_nth) {
                fake_token_fail(house->fake, lost_kind, lost_how, 0, 1);
            }
        }
        fake_token_release(house->fake);
        fake_token_hold(house->fake);
    }
    fake_token_release(house->fake);
    house_run(house);
    fake_token_set_state(house->fake, TOKEN_READY);
}

/* Each operation that the token gets on the way, by kind and how often before. */
static const struct {
    token_op_kind kind;
    unsigned nth;
} import_steps[] = {
    { TOKEN_OP_IMPORT, 0 }, { TOKEN_OP_PRF, 0 },     { TOKEN_OP_DESTROY, 0 },
    { TOKEN_OP_DESTROY, 1 }, { TOKEN_OP_IMPORT, 1 },
};

static void test_an_import_cut_off_anywhere_leaves_nothing_and_can_be_made_again(void **state)
{
    house_t *house = *state;

    for (size_t i = 0; i < 2 * COUNT_OF(import_steps); i++) {
        _cleanup_(kms_key) kms_key_t *key = symmetric(house);
        _cleanup_buf_ buf_t blob = { 0 };
        how_t cut = again;
        uint8_t id[KMS_ID];

        assert_ok(import(house, key, MATERIAL_A, first));
        assert_ok(encrypt(house, key, &blob));
        current_id(house, key, id);
        assert_ok(unimport(house, key, id));
        lost_kind = import_steps[i / 2].kind;
        lost_nth = import_steps[i / 2].nth;
        lost_done = i % 2;
        cut.run = until_lost;
        assert_err(import(house, key, MATERIAL_A, cut), P11KMS_E_TIMEOUT);
        house_restart(house);
        assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
        assert_in_step(house, key);
        assert_ok(import(house, key, MATERIAL_A, again));
        assert_ok(decrypt(house, key, &blob));
        assert_in_step(house, key);
        house_edit(house, key, delete_at_once);
        house_tick(house);
        house_pass_days(2);
        house_tick(house);
        house_tick(house);
        house_tick(house);
    }
}

static void test_an_import_whose_answer_is_lost_can_be_made_again_without_a_restart(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    how_t cut = again;
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    current_id(house, key, id);
    assert_ok(unimport(house, key, id));
    lost_kind = TOKEN_OP_IMPORT;
    lost_nth = 1; /* under its own id */
    lost_done = true;
    cut.run = until_lost;
    assert_err(import(house, key, MATERIAL_A, cut), P11KMS_E_TIMEOUT);
    assert_true(fake_token_has_key(house->fake, id));
    assert_ok(import(house, key, MATERIAL_A, again));
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
    assert_in_step(house, key);
}

static uint8_t swept_id[KMS_ID];

static void unimport_cut_off(house_t *house, const kms_key_t *key, uint8_t id[KMS_ID])
{
    assert_ok(import(house, key, MATERIAL_A, first));
    current_id(house, key, id);
    fake_token_fail(house->fake, TOKEN_OP_DESTROY, P11KMS_E_TOKEN_LOST, 0, 1);
    assert_ok(unimport(house, key, id));
    assert_true(fake_token_has_key(house->fake, id));
}

static void test_a_deletion_cut_off_is_finished_while_running(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t id[KMS_ID];

    unimport_cut_off(house, key, id);
    house_tick(house);
    assert_false(fake_token_has_key(house->fake, id));
    assert_in_step(house, key);
}

static void test_material_that_came_back_is_not_destroyed_as_left_behind(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t id[KMS_ID];

    unimport_cut_off(house, key, id);
    assert_ok(import(house, key, MATERIAL_A, again));
    house_tick(house);
    assert_true(fake_token_has_key(house->fake, id));
    assert_in_step(house, key);
}

static void test_what_an_import_could_not_clear_away_is_destroyed_later(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    how_t cut = again;
    uint8_t id[KMS_ID];

    unimport_cut_off(house, key, id);
    lost_kind = TOKEN_OP_DESTROY;
    lost_nth = 1; /* what the deletion left; before it comes what was imported to be compared */
    lost_done = false;
    lost_how = P11KMS_E_BUSY;
    cut.run = until_lost;
    p11kms_err err = import(house, key, MATERIAL_A, cut);
    lost_how = P11KMS_E_TOKEN_LOST;
    assert_err(err, P11KMS_E_TIMEOUT);
    house_tick(house);
    assert_false(fake_token_has_key(house->fake, id));
    assert_in_step(house, key);
}

/* The import comes to make the object of that id while it is being destroyed. */
static void with_a_sweep_under_way(house_t *house)
{
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_DESTROY);

    fake_token_hold(house->fake);
    kms_tick(house->kms);
    while (fake_token_ops(house->fake, TOKEN_OP_DESTROY) == before) {
        core_flush(house->core);
        mailbox_wait(house->mailbox, 10);
    }
    assert_false(kms_take_over_object(house->kms, swept_id));
    fake_token_release(house->fake);
    house_run(house);
}

static void test_an_import_does_not_meet_the_destruction_of_what_it_makes(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    how_t beside = again;

    beside.run = with_a_sweep_under_way;
    unimport_cut_off(house, key, swept_id);
    p11kms_err err = import(house, key, MATERIAL_A, beside);
    assert_true(err == P11KMS_OK || err == P11KMS_E_TIMEOUT); /* whichever was first; never a key without material */
    assert_ok(import(house, key, MATERIAL_A, again));
    house_tick(house);
    assert_true(fake_token_has_key(house->fake, swept_id));
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
    assert_in_step(house, key);
}

static void test_a_deletion_cut_off_is_finished_by_the_next_start(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    current_id(house, key, id);
    fake_token_fail(house->fake, TOKEN_OP_DESTROY, P11KMS_E_TOKEN_LOST, 0, 1);
    assert_ok(unimport(house, key, id)); /* it is deleted: nothing will use it again */
    assert_int_equal(state_of(house, key), KMS_STATE_PENDING_IMPORT);
    assert_true(fake_token_has_key(house->fake, id));
    house_restart(house);
    assert_false(fake_token_has_key(house->fake, id));
    assert_in_step(house, key);
    assert_int_equal(house_records(house, "\"eventName\":\"DeleteImportedKeyMaterial\""), 1);
}

static void test_nothing_is_deleted_while_the_token_is_away(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    uint8_t id[KMS_ID];

    assert_ok(import(house, key, MATERIAL_A, first));
    current_id(house, key, id);
    fake_token_set_state(house->fake, TOKEN_LOST);
    assert_err(unimport(house, key, id), P11KMS_E_TIMEOUT);
    fake_token_set_state(house->fake, TOKEN_READY);
    assert_int_equal(state_of(house, key), KMS_STATE_ENABLED);
}

static void test_a_wrapping_key_whose_making_is_cut_off_goes_with_the_next_start(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = symmetric(house);
    act_t act = { 0 };

    assert_ok(kms_wrapping_for(key, SLICE_LIT("RSAES_OAEP_SHA_256"), SLICE_LIT("RSA_2048"), &act.import.wrapping));
    lost_kind = TOKEN_OP_GENERATE;
    lost_nth = 0;
    lost_done = true;
    kms_make_wrapping(begin(&act, house, "GetParameters"), house->kms, &act.import.wrapping, keep_wrapping);
    until_lost(house);
    assert_err(act.err, P11KMS_E_TIMEOUT);
    assert_int_equal(fake_token_keys(house->fake), 2);
    house_restart(house);
    assert_int_equal(fake_token_keys(house->fake), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_external_key_has_no_object_and_waits),
        TEST(test_a_token_that_imports_nothing_gets_no_external_key),
        TEST(test_the_first_material_makes_the_key_usable),
        TEST(test_deleted_material_that_is_imported_again_opens_old_ciphertexts),
        TEST(test_other_material_is_refused_and_leaves_nothing),
        TEST(test_material_of_another_length_is_not_key_material),
        TEST(test_what_does_not_unwrap_is_an_invalid_ciphertext),
        TEST(test_present_material_that_is_imported_again_gets_another_expiry),
        TEST(test_expired_material_refuses_before_the_schedule_comes_and_goes_with_it),
        TEST(test_material_that_expired_while_stopped_goes_at_the_next_start),
        TEST(test_a_disabled_key_whose_material_goes_waits_for_import),
        TEST(test_new_material_waits_for_rotation_and_the_old_one_still_decrypts),
        TEST(test_rotation_without_new_material_is_refused),
        TEST(test_a_second_new_material_is_refused_until_the_first_has_rotated),
        TEST(test_material_the_key_has_is_not_new),
        TEST(test_a_key_of_several_materials_needs_them_all),
        TEST(test_material_that_waits_can_be_deleted_and_replaced),
        TEST(test_the_named_material_must_be_the_one),
        TEST(test_a_pair_comes_with_its_public_key_and_comes_back_alone),
        TEST(test_a_mac_key_comes_back_alone),
        TEST(test_a_check_value_is_of_one_key),
        TEST(test_an_import_token_is_of_its_key_for_a_day),
        TEST(test_a_new_wrapping_key_leaves_the_older_ones),
        TEST(test_the_oldest_wrapping_key_makes_room),
        TEST(test_a_wrapping_key_goes_when_its_day_is_over),
        TEST(test_a_deleted_key_takes_its_wrapping_keys_along),
        TEST(test_which_algorithm_carries_which_material),
        TEST(test_two_imports_of_one_key_do_not_meet),
        TEST(test_a_deletion_and_an_import_of_what_they_share_do_not_meet),
        TEST(test_an_import_cut_off_anywhere_leaves_nothing_and_can_be_made_again),
        TEST(test_an_import_whose_answer_is_lost_can_be_made_again_without_a_restart),
        TEST(test_a_deletion_cut_off_is_finished_while_running),
        TEST(test_material_that_came_back_is_not_destroyed_as_left_behind),
        TEST(test_what_an_import_could_not_clear_away_is_destroyed_later),
        TEST(test_an_import_does_not_meet_the_destruction_of_what_it_makes),
        TEST(test_a_deletion_cut_off_is_finished_by_the_next_start),
        TEST(test_nothing_is_deleted_while_the_token_is_away),
        TEST(test_a_wrapping_key_whose_making_is_cut_off_goes_with_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
