/* Computing beside the loop: in order, bounded, and its end comes back to the loop's thread. */
#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/fakes/house.h"

#define SLOW_MOST 32 /* helpers.c */

/* ---- work that waits until it is let go ---- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool is_open;
static unsigned begun;

static void set_gate(bool open)
{
    pthread_mutex_lock(&gate);
    is_open = open;
    begun = 0;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&gate);
}

static p11kms_err pass_gate(op_t *op)
{
    (void)op;
    pthread_mutex_lock(&gate);
    begun++;
    pthread_cond_broadcast(&opened);
    while (!is_open) {
        pthread_cond_wait(&opened, &gate);
    }
    pthread_mutex_unlock(&gate);
    return P11KMS_OK;
}

static void await_begun(void)
{
    pthread_mutex_lock(&gate);
    while (begun == 0) {
        pthread_cond_wait(&opened, &gate);
    }
    pthread_mutex_unlock(&gate);
}

/* ---- steps ---- */

static pthread_t loop_thread;
static unsigned ended, busy, ended_order[2 * SLOW_MOST];

static void note_end(op_t *op)
{
    assert_true(pthread_equal(pthread_self(), loop_thread));
    busy += op->err == P11KMS_E_BUSY;
    ended_order[ended++] = *(unsigned *)op->act;
    op_settle(op);
}

static op_t *fresh(house_t *house, unsigned number)
{
    op_t *op = op_new_internal(house->core, "Compute", "p11kms", HOUSE_ACCOUNT, HOUSE_REGION);

    op->act = arena_alloc(op->arena, sizeof(number));
    memcpy(op->act, &number, sizeof(number));
    return op;
}

static void begin_test(void)
{
    loop_thread = pthread_self();
    ended = busy = 0;
    set_gate(true);
}

static p11kms_err refuse(op_t *op)
{
    FAIL(P11KMS_E_LIMIT, "number %u is too many", *(unsigned *)op->act);
}

static char refused_with[64];

static void note_refusal(op_t *op)
{
    snprintf(refused_with, sizeof(refused_with), "%s: %s", p11kms_err_name(op->err), op->err_detail);
    op_settle(op);
}

static void test_what_is_computed_comes_back_in_order_to_the_loop(void **state)
{
    house_t *house = *state;

    begin_test();
    for (unsigned i = 0; i < 10; i++) {
        op_compute(fresh(house, i), OP_LANE_QUICK, pass_gate, note_end);
    }
    house_run(house);
    assert_int_equal(ended, 10);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(ended_order[i], i);
    }
    assert_int_equal(house_records(house, "\"eventName\":\"Compute\""), 10);
}

static void test_a_refusal_keeps_its_sentence(void **state)
{
    house_t *house = *state;

    begin_test();
    op_compute(fresh(house, 7), OP_LANE_QUICK, refuse, note_refusal);
    house_run(house);
    assert_string_equal(refused_with, "LIMIT: number 7 is too many");
    assert_int_equal(house_records(house, "number 7 is too many"), 1);
}

static void test_a_full_lane_says_busy_and_leaves_the_other_alone(void **state)
{
    house_t *house = *state;

    begin_test();
    set_gate(false);
    op_compute(fresh(house, 0), OP_LANE_SLOW, pass_gate, note_end);
    await_begun(); /* it waits no more, so the queue is empty again */
    for (unsigned i = 1; i <= SLOW_MOST; i++) {
        op_compute(fresh(house, i), OP_LANE_SLOW, pass_gate, note_end);
    }
    assert_int_equal(busy, 0);
    op_compute(fresh(house, 99), OP_LANE_SLOW, pass_gate, note_end);
    assert_int_equal(busy, 1);
    op_compute(fresh(house, 100), OP_LANE_QUICK, refuse, note_refusal);
    while (core_active(house->core) > 1 + SLOW_MOST) {
        mailbox_wait(house->mailbox, 10);
    }
    assert_string_equal(refused_with, "LIMIT: number 100 is too many");
    set_gate(true);
    house_run(house);
    assert_int_equal(ended, 2 + SLOW_MOST);
    assert_int_equal(busy, 1);
}

static void test_how_many_wait_can_be_read_in_the_metrics(void **state)
{
    house_t *house = *state;
    _cleanup_buf_ buf_t text = { 0 };

    begin_test();
    set_gate(false);
    op_compute(fresh(house, 0), OP_LANE_SLOW, pass_gate, note_end);
    await_begun();
    op_compute(fresh(house, 1), OP_LANE_SLOW, pass_gate, note_end);
    core_metrics(house->core, &text);
    assert_non_null(strstr(buf_str(&text), "p11kms_helpers_waiting{lane=\"quick\"} 0\n"));
    assert_non_null(strstr(buf_str(&text), "p11kms_helpers_waiting{lane=\"slow\"} 1\n"));
    set_gate(true);
    house_run(house);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_computed_comes_back_in_order_to_the_loop),
        TEST(test_a_refusal_keeps_its_sentence),
        TEST(test_a_full_lane_says_busy_and_leaves_the_other_alone),
        TEST(test_how_many_wait_can_be_read_in_the_metrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
