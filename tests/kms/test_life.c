/* The life of a key: made, rotated, deleted; over crashes, lost tokens and long stops. */
#include "tests/testing.h"

#include <string.h>

#include "kms/kms_internal.h"
#include "kms/service_key.h"
#include "tests/fakes/house.h"
#include "util/clock.h"

static void pass_minutes(int minutes)
{
    clock_set_service_offset_ms(clock_service_offset_ms() + minutes * INT64_C(60000));
}

/* ---- keys derived from the service's own ---- */

static void derive(house_t *house, const char *label, uint8_t out[TOKEN_PRF_LEN])
{
    secret_t *key = NULL;

    assert_ok(kms_service_derive(house->kms, label, &key));
    assert_int_equal(secret_len(key), TOKEN_PRF_LEN);
    memcpy(out, secret_data(key), TOKEN_PRF_LEN);
    secret_free(key);
}

static void test_a_derived_key_is_the_same_at_every_start_and_one_for_each_purpose(void **state)
{
    house_t *house = *state;
    uint8_t first[TOKEN_PRF_LEN], again[TOKEN_PRF_LEN], other[TOKEN_PRF_LEN];

    derive(house, "p11kms/v1/session", first);
    derive(house, "p11kms/v1/sessiom", other);
    assert_memory_not_equal(first, other, TOKEN_PRF_LEN);
    house_restart(house);
    derive(house, "p11kms/v1/session", again);
    assert_memory_equal(first, again, TOKEN_PRF_LEN);
}

/* ---- messages through the frame ---- */

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

static p11kms_err encrypt(house_t *house, const kms_key_t *key, buf_t *blob)
{
    outcome_t outcome = { .message = { .key = key, .plain = SLICE_LIT("hello") } };

    kms_seal(message_op(house, &outcome), &outcome.message, keep_outcome);
    house_run(house);
    *blob = STEAL(outcome.message.blob);
    kms_message_clear(&outcome.message);
    return outcome.err;
}

static p11kms_err decrypt(house_t *house, const kms_key_t *key, const buf_t *blob)
{
    outcome_t outcome = { .message = { .key = key } };

    TRY(envelope_parse(buf_slice(blob), &outcome.message.envelope));
    kms_open(message_op(house, &outcome), &outcome.message, keep_outcome);
    house_run(house);
    if (outcome.err == P11KMS_OK) {
        assert_slice_text(secret_slice(outcome.message.opened), "hello");
    }
    kms_message_clear(&outcome.message);
    return outcome.err;
}

/* ---- the promises ---- */

static void test_a_new_key_is_there_after_a_restart(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t blob = { 0 };

    assert_ok(encrypt(house, key, &blob));
    house_restart(house);
    _cleanup_(kms_key) kms_key_t *again = house_key(house, key);
    assert_non_null(again);
    assert_string_equal(again->arn, key->arn);
    assert_ok(decrypt(house, again, &blob));
}

static void test_a_token_that_fails_leaves_no_key(void **state)
{
    house_t *house = *state;

    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 5, 1);
    assert_null(house_make_key(house));
    assert_int_equal(catalog_size(kms_catalog(house->kms)), 0);
}

static p11kms_err refuse(op_t *op, store_t *store)
{
    (void)op;
    (void)store;
    FAIL(P11KMS_E_LIMIT, "no more");
}

static void keep_what_is_refused(op_t *op)
{
    kms_keep_material(op, refuse);
}

static void make_material(house_t *house, op_t *op, op_step then)
{
    const kms_create create = { .account = HOUSE_ACCOUNT, .region = HOUSE_REGION };
    _cleanup_(kms_key) kms_key_t *key = NULL;

    assert_ok(kms_create_key(house->kms, &create, &key));
    kms_make_material(op, house->kms, key, then);
}

static p11kms_err count_intent(void *n, const store_intent *row)
{
    (void)row;
    ++*(size_t *)n;
    return P11KMS_OK;
}

static p11kms_err count_intents(store_t *store, void *n)
{
    *(size_t *)n = 0;
    return store_intent_each(store, count_intent, n);
}

static void test_an_object_whose_key_was_refused_is_destroyed_at_once(void **state)
{
    house_t *house = *state;
    op_t *op = op_new_internal(house->core, "CreateKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    size_t before = fake_token_keys(house->fake), intents;

    make_material(house, op, keep_what_is_refused);
    house_run(house);
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_GENERATE), 1 + before);
    assert_int_equal(fake_token_keys(house->fake), before);
    assert_ok(core_store_job(house->core, count_intents, &intents));
    assert_int_equal(intents, 0);
    assert_int_equal(house_records(house, "\"errorMessage\":\"no more\""), 1);
}

static void test_an_object_that_cannot_be_destroyed_at_once_is_at_the_next_start(void **state)
{
    house_t *house = *state;
    op_t *op = op_new_internal(house->core, "CreateKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    size_t before = fake_token_keys(house->fake);

    fake_token_fail(house->fake, TOKEN_OP_DESTROY, P11KMS_E_TOKEN_LOST, 0, 1);
    make_material(house, op, keep_what_is_refused);
    house_run(house);
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    assert_int_equal(house_records(house, "\"errorMessage\":\"no more\""), 1);
    house_restart(house);
    assert_int_equal(fake_token_keys(house->fake), before);
}

static void test_a_token_that_is_away_is_not_asked_to_destroy(void **state)
{
    house_t *house = *state;
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_DESTROY);

    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN_LOST, 0, 1);
    assert_null(house_make_key(house));
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_DESTROY), before);
}

static void test_refusals_of_a_full_queue_leave_nothing_for_the_next_start(void **state)
{
    house_t *house = *state;
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_DESTROY);
    size_t intents;

    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_BUSY, 0, 3);
    for (int i = 0; i < 3; i++) {
        assert_null(house_make_key(house));
    }
    assert_ok(core_store_job(house->core, count_intents, &intents));
    assert_int_equal(intents, 0);
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_DESTROY), before);
}

static void test_refusals_of_a_token_that_is_away_leave_nothing_for_the_next_start(void **state)
{
    house_t *house = *state;
    size_t intents;

    fake_token_set_state(house->fake, TOKEN_LOST);
    for (int i = 0; i < 10; i++) {
        assert_null(house_make_key(house));
    }
    assert_ok(core_store_job(house->core, count_intents, &intents));
    assert_int_equal(intents, 0);
    fake_token_set_state(house->fake, TOKEN_READY);
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    assert_non_null(key);
}

static void test_an_object_without_a_key_is_destroyed_at_the_next_start(void **state)
{
    house_t *house = *state;
    op_t *op = op_new_internal(house->core, "CreateKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    size_t before = fake_token_keys(house->fake);

    make_material(house, op, op_settle); /* and then the crash: no key is ever inserted */
    house_run(house);
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    house_restart(house);
    assert_int_equal(fake_token_keys(house->fake), before);
}

static p11kms_err put_intent(store_t *store, void *id)
{
    store_intent row = { .token = "main", .created = 1 };

    memcpy(row.material_id, id, KMS_ID);
    TRY(store_begin(store));
    TRY(store_intent_put(store, &row));
    return store_commit(store);
}

static void test_material_that_a_key_has_outlasts_an_intent(void **state)
{
    house_t *house = *state;
    kms_key_t *key = house_make_key(house);
    kms_key_t *service = (kms_key_t *)(uintptr_t)kms_service_key(house->kms);
    uint8_t material[KMS_ID], of_service[KMS_ID];
    size_t intents;

    memcpy(material, kms_key_current(key)->id, KMS_ID);
    memcpy(of_service, kms_key_current(service)->id, KMS_ID);
    kms_key_unref(key);
    assert_ok(core_store_job(house->core, put_intent, material));
    assert_ok(core_store_job(house->core, put_intent, of_service));
    house_restart(house);
    assert_true(fake_token_has_key(house->fake, material));
    assert_true(fake_token_has_key(house->fake, of_service));
    assert_ok(core_store_job(house->core, count_intents, &intents));
    assert_int_equal(intents, 0);
}

static void assert_nothing_half_made(house_t *house, size_t keys)
{
    size_t intents;

    assert_int_equal(fake_token_keys(house->fake), keys);
    assert_ok(core_store_job(house->core, count_intents, &intents));
    assert_int_equal(intents, 0);
}

static void keep_nothing(op_t *op)
{
    kms_keep_material(op, refuse); /* which is not asked: the token's answer never came */
}

/* The token makes the object, and its answer is lost with it. */
static void lose_an_object(house_t *house)
{
    op_t *op = op_new_internal(house->core, "CreateKey", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_GENERATE);

    fake_token_hold(house->fake);
    make_material(house, op, keep_nothing);
    while (fake_token_ops(house->fake, TOKEN_OP_GENERATE) == before) {
        core_flush(house->core);
        mailbox_wait(house->mailbox, 10);
    }
    fake_token_set_state(house->fake, TOKEN_LOST);
    fake_token_release(house->fake);
    house_run(house);
}

static void test_an_object_whose_making_was_cut_off_goes_when_the_token_is_back(void **state)
{
    house_t *house = *state;
    size_t before = fake_token_keys(house->fake);

    lose_an_object(house);
    house_tick(house);
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    fake_token_set_state(house->fake, TOKEN_READY);
    house_tick(house);
    assert_nothing_half_made(house, before);
    assert_int_equal(house_records(house, "\"eventName\":\"DeleteUnfinishedObjects\""), 1);
    assert_int_equal(house_records(house, "{\"objects\":1}"), 1);
}

static void test_an_object_that_cannot_be_destroyed_is_tried_again_while_running(void **state)
{
    house_t *house = *state;
    size_t before = fake_token_keys(house->fake);

    lose_an_object(house);
    fake_token_set_state(house->fake, TOKEN_READY);
    fake_token_fail(house->fake, TOKEN_OP_DESTROY, P11KMS_E_TOKEN, 5, 1);
    house_tick(house);
    house_tick(house); /* too soon */
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    pass_minutes(1);
    house_tick(house);
    assert_nothing_half_made(house, before);
}

static void test_orphans_of_a_token_away_at_the_start_go_when_it_is_back(void **state)
{
    house_t *house = *state;
    size_t before = fake_token_keys(house->fake);

    lose_an_object(house);
    fake_token_fail(house->fake, TOKEN_OP_DESTROY, P11KMS_E_TOKEN_LOST, 0, 1);
    fake_token_set_state(house->fake, TOKEN_READY);
    house_restart(house);
    assert_int_equal(fake_token_keys(house->fake), before + 1);
    house_tick(house);
    assert_nothing_half_made(house, before);
}

static void test_what_a_row_names_is_never_destroyed_as_left_behind(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    const uint8_t *ids[] = { kms_key_current(key)->id, kms_key_current(kms_service_key(house->kms))->id };
    size_t before = fake_token_keys(house->fake);

    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        assert_ok(core_store_job(house->core, put_intent, (void *)(uintptr_t)ids[i]));
        kms_leave_object(house->kms, house->token, ids[i]);
    }
    house_tick(house);
    assert_nothing_half_made(house, before);
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_DESTROY), 0);
}

typedef struct {
    kms_t *kms;
    uint8_t id[KMS_ID];
} adopting_t;

static p11kms_err adopt(store_t *store, void *arg)
{
    const adopting_t *adopting = arg;

    return kms_check_adoptable(adopting->kms, store, "main", adopting->id);
}

static void test_an_object_left_behind_becomes_no_key_while_it_is_being_destroyed(void **state)
{
    house_t *house = *state;
    adopting_t adopting = { .kms = house->kms, .id = { 7 } };

    fake_token_add_key(house->fake, adopting.id);
    assert_ok(core_store_job(house->core, adopt, &adopting));
    assert_ok(core_store_job(house->core, put_intent, adopting.id));
    assert_err(core_store_job(house->core, adopt, &adopting), P11KMS_E_XKS_KEY_IN_USE);
}

static void test_more_objects_than_are_destroyed_at_once_all_go(void **state)
{
    house_t *house = *state;
    uint8_t id[KMS_ID] = { 7 };
    size_t before = fake_token_keys(house->fake);

    for (uint8_t i = 0; i < 100; i++) {
        id[1] = i;
        fake_token_add_key(house->fake, id);
        assert_ok(core_store_job(house->core, put_intent, id));
        kms_leave_object(house->kms, house->token, id);
        kms_leave_object(house->kms, house->token, id);
    }
    for (int i = 0; i < 4; i++) {
        house_tick(house);
    }
    assert_nothing_half_made(house, before);
}

static void test_an_object_the_store_never_knew_is_left_alone(void **state)
{
    house_t *house = *state;
    static const uint8_t stranger[TOKEN_KEY_ID] = { 9, 9, 9 };

    fake_token_add_key(house->fake, stranger);
    house_restart(house);
    assert_true(fake_token_has_key(house->fake, stranger));
}

static void rotate_yearly(kms_key_t *key)
{
    key->rotation_days = 365;
    key->rotation_next = clock_service_ms() + 365 * CLOCK_DAY_MS;
}

static void test_rotation_waits_for_its_day(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, rotate_yearly);
    house_pass_days(364);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 1);
}

static void test_rotation_happens_on_its_day_and_old_ciphertexts_open(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t old = { 0 };

    assert_ok(encrypt(house, key, &old));
    house_edit(house, key, rotate_yearly);
    house_pass_days(366);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 2);
    assert_int_equal(kms_key_current(now)->cause, KMS_CAUSE_AUTOMATIC);
    assert_true(now->rotation_next > clock_service_ms() + 364 * CLOCK_DAY_MS);
    assert_ok(decrypt(house, now, &old));
    assert_int_equal(house_records(house, "\"eventName\":\"RotateKey\""), 1);
}

static void test_rotation_missed_while_stopped_is_made_up_once(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, rotate_yearly);
    house_close(house);
    house_pass_days(3 * 365 + 10);
    house_restart(house);
    house_tick(house);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 2);
}

static void disable(kms_key_t *key)
{
    rotate_yearly(key);
    key->stored = KMS_STATE_DISABLED;
}

static void test_a_disabled_key_does_not_rotate(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, disable);
    house_pass_days(400);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 1);
}

static void test_a_rotation_that_fails_is_tried_again_later(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, rotate_yearly);
    house_pass_days(366);
    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 5, 1);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *failed = house_key(house, key);
    assert_int_equal(failed->n_materials, 1);
    house_tick(house); /* too soon: nothing is hammered */
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_GENERATE), 3); /* service key, key, failed rotation */
    house_pass_days(1);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 2);
}

static void test_a_clock_set_back_after_a_failure_does_not_stop_the_schedule(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, rotate_yearly);
    house_pass_days(400);
    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 5, 1);
    house_tick(house);
    house_pass_days(-20);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 2);
}

static void delete_in_a_week(kms_key_t *key)
{
    key->stored = KMS_STATE_PENDING_DELETION;
    key->deletion_at = clock_service_ms() + 7 * CLOCK_DAY_MS;
}

static void delete_now(kms_key_t *key)
{
    key->stored = KMS_STATE_PENDING_DELETION;
    key->deletion_at = clock_service_ms();
}

#define FAILING 20 /* more than are worked on at once */

static void test_keys_whose_acts_always_fail_hold_up_no_other(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *good = house_make_key(house);

    for (int i = 0; i < FAILING; i++) {
        _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
        house_edit(house, key, rotate_yearly);
    }
    house_edit(house, good, delete_in_a_week);
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_GENERATE);
    house_pass_days(366);
    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 5, 1000000);
    for (int i = 0; i < FAILING; i++) {
        house_tick(house);
    }
    assert_null(house_key(house, good));
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_GENERATE) - before, FAILING); /* and each had its turn */
}

static void test_a_key_that_comes_due_goes_before_those_that_failed(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *good = house_make_key(house);

    for (int i = 0; i < FAILING; i++) {
        _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
        house_edit(house, key, rotate_yearly);
    }
    house_pass_days(366);
    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 5, 1000000);
    for (int i = 0; i < FAILING; i++) {
        house_tick(house);
    }
    pass_minutes(60); /* the pauses of all the others are over, too */
    house_edit(house, good, delete_now);
    kms_tick(house->kms); /* one round */
    house_run(house);
    assert_null(house_key(house, good));
}

static void test_what_keeps_failing_is_tried_ever_less_but_at_least_hourly(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_GENERATE);

    house_edit(house, key, rotate_yearly);
    house_pass_days(366);
    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_E_TOKEN, 5, 1000000);
    for (int minute = 0; minute < 300; minute++) {
        house_tick(house);
        pass_minutes(1);
    }
    uint64_t tries = fake_token_ops(house->fake, TOKEN_OP_GENERATE) - before;
    assert_in_range(tries, 9, 10); /* at 0, 1, 3, 7, 15, 31, 63 minutes, and then each hour */
    fake_token_fail(house->fake, TOKEN_OP_GENERATE, P11KMS_OK, 0, 0);
    pass_minutes(60);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *now = house_key(house, key);
    assert_int_equal(now->n_materials, 2);
}

static void test_deletion_destroys_the_objects_when_due(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, delete_in_a_week);
    house_pass_days(6);
    house_tick(house);
    assert_true(fake_token_has_key(house->fake, key->materials[0].id));
    house_pass_days(1);
    house_tick(house);
    assert_false(fake_token_has_key(house->fake, key->materials[0].id));
    assert_null(house_key(house, key));
    assert_int_equal(house_records(house, "\"eventName\":\"DeleteKey\""), 1);
    house_restart(house);
    assert_null(house_key(house, key));
}

static void test_a_deletion_that_has_begun_stays_due_when_the_clock_is_set_back(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, delete_in_a_week);
    house_pass_days(7);
    fake_token_hold(house->fake);
    kms_tick(house->kms);
    while (fake_token_ops(house->fake, TOKEN_OP_DESTROY) == 0) {
        core_flush(house->core);
        mailbox_wait(house->mailbox, 10);
    }
    house_pass_days(-7);
    _cleanup_(kms_key) kms_key_t *meanwhile = house_key(house, key);
    assert_int_equal(meanwhile->stored, KMS_STATE_PENDING_DELETION);
    assert_true(meanwhile->deletion_at <= clock_service_ms()); /* so that CancelKeyDeletion refuses */
    fake_token_release(house->fake);
    house_run(house);
    assert_null(house_key(house, key));
    assert_false(fake_token_has_key(house->fake, key->materials[0].id));
}

static void test_deletion_due_while_stopped_is_done_at_the_next_start(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, delete_in_a_week);
    house_close(house);
    house_pass_days(60);
    house_restart(house);
    house_tick(house);
    assert_null(house_key(house, key));
    assert_false(fake_token_has_key(house->fake, key->materials[0].id));
}

static void test_deletion_waits_for_a_token_that_is_away(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    house_edit(house, key, delete_in_a_week);
    house_pass_days(8);
    fake_token_set_state(house->fake, TOKEN_LOST);
    house_tick(house);
    _cleanup_(kms_key) kms_key_t *waiting = house_key(house, key);
    assert_non_null(waiting);
    fake_token_set_state(house->fake, TOKEN_READY);
    house_tick(house);
    assert_null(house_key(house, key));
}

static void test_a_lost_token_is_a_key_unavailable(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t blob = { 0 };

    fake_token_set_state(house->fake, TOKEN_LOST);
    assert_err(encrypt(house, key, &blob), P11KMS_E_KEY_UNAVAILABLE);
    assert_int_equal(kms_key_state(key), KMS_STATE_ENABLED);
}

static void test_a_token_that_refused_the_pin_makes_keys_unavailable(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);

    fake_token_set_state(house->fake, TOKEN_PIN_REFUSED);
    assert_int_equal(kms_key_state(key), KMS_STATE_UNAVAILABLE);
    assert_err(kms_state_check(key, KMS_DOES_CRYPTO), P11KMS_E_KEY_STATE);
}

static void test_a_ciphertext_that_names_a_foreign_material_is_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t blob = { 0 };

    assert_ok(encrypt(house, key, &blob));
    blob.data[18] ^= 1; /* the material id */
    uint64_t before = fake_token_ops(house->fake, TOKEN_OP_PRF);
    assert_err(decrypt(house, key, &blob), P11KMS_E_CIPHERTEXT);
    assert_int_equal(fake_token_ops(house->fake, TOKEN_OP_PRF), before + 1); /* it costs what others cost */
}

static void test_two_encryptions_differ(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_buf_ buf_t one = { 0 };
    _cleanup_buf_ buf_t two = { 0 };

    assert_ok(encrypt(house, key, &one));
    assert_ok(encrypt(house, key, &two));
    assert_false(slice_eq(buf_slice(&one), buf_slice(&two)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_derived_key_is_the_same_at_every_start_and_one_for_each_purpose),
        TEST(test_a_new_key_is_there_after_a_restart),
        TEST(test_a_token_that_fails_leaves_no_key),
        TEST(test_an_object_whose_key_was_refused_is_destroyed_at_once),
        TEST(test_an_object_that_cannot_be_destroyed_at_once_is_at_the_next_start),
        TEST(test_a_token_that_is_away_is_not_asked_to_destroy),
        TEST(test_refusals_of_a_full_queue_leave_nothing_for_the_next_start),
        TEST(test_refusals_of_a_token_that_is_away_leave_nothing_for_the_next_start),
        TEST(test_an_object_without_a_key_is_destroyed_at_the_next_start),
        TEST(test_material_that_a_key_has_outlasts_an_intent),
        TEST(test_an_object_whose_making_was_cut_off_goes_when_the_token_is_back),
        TEST(test_an_object_that_cannot_be_destroyed_is_tried_again_while_running),
        TEST(test_orphans_of_a_token_away_at_the_start_go_when_it_is_back),
        TEST(test_what_a_row_names_is_never_destroyed_as_left_behind),
        TEST(test_an_object_left_behind_becomes_no_key_while_it_is_being_destroyed),
        TEST(test_more_objects_than_are_destroyed_at_once_all_go),
        TEST(test_an_object_the_store_never_knew_is_left_alone),
        TEST(test_rotation_waits_for_its_day),
        TEST(test_rotation_happens_on_its_day_and_old_ciphertexts_open),
        TEST(test_rotation_missed_while_stopped_is_made_up_once),
        TEST(test_a_disabled_key_does_not_rotate),
        TEST(test_a_rotation_that_fails_is_tried_again_later),
        TEST(test_keys_whose_acts_always_fail_hold_up_no_other),
        TEST(test_a_key_that_comes_due_goes_before_those_that_failed),
        TEST(test_what_keeps_failing_is_tried_ever_less_but_at_least_hourly),
        TEST(test_a_clock_set_back_after_a_failure_does_not_stop_the_schedule),
        TEST(test_deletion_destroys_the_objects_when_due),
        TEST(test_a_deletion_that_has_begun_stays_due_when_the_clock_is_set_back),
        TEST(test_deletion_due_while_stopped_is_done_at_the_next_start),
        TEST(test_deletion_waits_for_a_token_that_is_away),
        TEST(test_a_lost_token_is_a_key_unavailable),
        TEST(test_a_token_that_refused_the_pin_makes_keys_unavailable),
        TEST(test_a_ciphertext_that_names_a_foreign_material_is_refused),
        TEST(test_two_encryptions_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
