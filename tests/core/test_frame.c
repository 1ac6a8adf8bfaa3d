/* The order that holds everywhere: nothing is released unrecorded, nothing changed is forgotten. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "tests/fakes/house.h"
#include "tests/fakes/scratch.h"

static p11kms_err finished_err;
static char finished_detail[256];

static void note_end(op_t *op)
{
    finished_err = op->err;
    snprintf(finished_detail, sizeof(finished_detail), "%s", op->err_detail ? op->err_detail : "");
}

static op_t *own(house_t *house, const char *event)
{
    op_t *op = op_new_internal(house->core, event, "p11kms", HOUSE_ACCOUNT, HOUSE_REGION);

    op->finished = note_end;
    finished_err = P11KMS_E_INTERNAL;
    return op;
}

static char there[] = "there";

static p11kms_err put_meta(op_t *op, store_t *store)
{
    return store_meta_put(store, (const char *)op->act, SLICE_LIT("1"));
}

static p11kms_err put_meta_and_fail(op_t *op, store_t *store)
{
    TRY(put_meta(op, store));
    FAIL(P11KMS_E_LIMIT, "too many of %s", (const char *)op->act);
}

static p11kms_err has_meta(store_t *store, void *name)
{
    _cleanup_buf_ buf_t value = { 0 };

    return store_meta_get(store, name, &value);
}

static p11kms_err count_outbox(void *arg, const char *event_id, slice_t record)
{
    (void)event_id;
    (void)record;
    ++*(unsigned *)arg;
    return P11KMS_OK;
}

static p11kms_err outbox_rows(store_t *store, void *n)
{
    *(unsigned *)n = 0;
    return store_outbox_each(store, count_outbox, n);
}

static unsigned outbox(house_t *house)
{
    unsigned n = 0;

    assert_ok(core_store_job(house->core, outbox_rows, &n));
    return n;
}

static void test_every_operation_leaves_one_record(void **state)
{
    house_t *house = *state;

    op_done(own(house, "Something"));
    op_fail(own(house, "SomethingElse"), p11kms_fail(P11KMS_E_DENIED, "no"));
    house_run(house);
    assert_int_equal(house_records(house, "\"eventName\":\"Something\""), 1);
    assert_int_equal(house_records(house, "\"eventName\":\"SomethingElse\""), 1);
    assert_int_equal(house_records(house, "\"errorCode\":\"DENIED\",\"errorMessage\":\"no\""), 1);
}

static void test_a_change_is_committed_and_recorded(void **state)
{
    house_t *house = *state;
    op_t *op = own(house, "Change");

    op->act = there;
    op_change(op, put_meta, op_settle);
    house_run(house);
    assert_ok(finished_err);
    assert_ok(core_store_job(house->core, has_meta, there));
    assert_int_equal(house_records(house, "\"eventName\":\"Change\""), 1);
}

static void test_a_refused_change_leaves_nothing_but_its_record(void **state)
{
    house_t *house = *state;
    op_t *op = own(house, "Change");

    op->act = there;
    op_change(op, put_meta_and_fail, op_settle);
    house_run(house);
    assert_err(finished_err, P11KMS_E_LIMIT);
    assert_string_equal(finished_detail, "too many of there");
    assert_err(core_store_job(house->core, has_meta, there), P11KMS_E_NOT_FOUND);
    assert_int_equal(house_records(house, "\"errorMessage\":\"too many of there\""), 1);
    assert_int_equal(outbox(house), 0);
}

/* As a crash between the commit and the append leaves it. */
static p11kms_err forget_append(store_t *store, void *record)
{
    TRY(store_begin(store));
    TRY(store_outbox_put(store, "11111111-2222-4333-8444-555555555555", SLICE_STR((const char *)record)));
    return store_commit(store);
}

static void test_a_record_lost_in_a_crash_is_appended_at_the_next_start_once(void **state)
{
    static char record[] = "{\"eventName\":\"Lost\",\"eventID\":\"11111111-2222-4333-8444-555555555555\"}";
    house_t *house = *state;

    assert_ok(core_store_job(house->core, forget_append, record));
    house_restart(house);
    assert_int_equal(house_records(house, "\"eventName\":\"Lost\""), 1);
    assert_int_equal(outbox(house), 0);
    house_restart(house);
    assert_int_equal(house_records(house, "\"eventName\":\"Lost\""), 1);
}

static void test_confirmed_records_leave_the_outbox(void **state)
{
    house_t *house = *state;

    for (int i = 0; i < 3; i++) {
        op_t *op = own(house, "Change");
        op->act = there;
        op_change(op, put_meta, op_settle);
        house_run(house);
    }
    assert_in_range(outbox(house), 0, 1); /* the last one goes with the next transaction, or within a second */
}

static void test_work_under_way_is_counted_until_released(void **state)
{
    house_t *house = *state;
    op_t *op = own(house, "Slow");

    assert_int_equal(core_active(house->core), 1);
    op_done(op);
    house_run(house);
    assert_int_equal(core_active(house->core), 0);
}

static void test_readiness_follows_the_token(void **state)
{
    house_t *house = *state;
    char why[128];

    assert_true(core_ready(house->core, why, sizeof(why)));
    fake_token_set_state(house->fake, TOKEN_LOST);
    assert_false(core_ready(house->core, why, sizeof(why)));
    fake_token_set_state(house->fake, TOKEN_READY);
}

static void test_metrics_count_by_operation_and_error(void **state)
{
    house_t *house = *state;
    _cleanup_buf_ buf_t text = { 0 };

    op_fail(own(house, "X"), P11KMS_E_DENIED);
    house_run(house);
    core_metrics(house->core, &text);
    assert_non_null(strstr(buf_str(&text), "error=\"DENIED\"} 1\n"));
    assert_non_null(strstr(buf_str(&text), "p11kms_token_ready{token=\"main\"} 1\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_operation_leaves_one_record),
        TEST(test_a_change_is_committed_and_recorded),
        TEST(test_a_refused_change_leaves_nothing_but_its_record),
        TEST(test_a_record_lost_in_a_crash_is_appended_at_the_next_start_once),
        TEST(test_confirmed_records_leave_the_outbox),
        TEST(test_work_under_way_is_counted_until_released),
        TEST(test_readiness_follows_the_token),
        TEST(test_metrics_count_by_operation_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
