/* Who waits, who hangs, who is given up. Times are in microseconds, limits 100 and 1000. */
#include "tests/testing.h"
#include "token/inflight.h"

#define CRYPTO_LIMIT 100
#define SLOW_LIMIT 1000

static inflight_t table;

static int setup(void **state)
{
    (void)state;
    table = (inflight_t){ 0 };
    assert_ok(inflight_init(&table, 4, CRYPTO_LIMIT, SLOW_LIMIT));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    inflight_free(&table);
    return 0;
}

static token_op_t prf(void)
{
    return (token_op_t){ .kind = TOKEN_OP_PRF };
}

static token_op_t generate(void)
{
    return (token_op_t){ .kind = TOKEN_OP_GENERATE };
}

static token_op_t rsa(void)
{
    return (token_op_t){ .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_PKCS1_SHA256 };
}

static void answer(token_op_t *op, int64_t now)
{
    inflight_slot *slot = inflight_find(&table, op->id);

    assert_non_null(slot);
    inflight_remove(&table, slot, now);
}

static void test_an_id_is_good_once(void **state)
{
    token_op_t a = prf(), b = prf();
    uint64_t id;
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    id = a.id;
    answer(&a, 1);
    assert_null(inflight_find(&table, id));
    assert_true(inflight_add(&table, &b, 2)); /* the same slot */
    assert_int_not_equal(b.id, id);
    assert_null(inflight_find(&table, id));
    assert_null(inflight_find(&table, b.id ^ 1));
    assert_null(inflight_find(&table, 0));
    assert_null(inflight_find(&table, UINT64_MAX));
}

static void test_it_is_full_when_it_is_full(void **state)
{
    token_op_t ops[5];
    (void)state;

    for (size_t i = 0; i < 5; i++) {
        ops[i] = prf();
        assert_int_equal(inflight_add(&table, &ops[i], 0), i < 4);
    }
    answer(&ops[2], 0);
    assert_true(inflight_add(&table, &ops[4], 0));
}

static void test_private_keys_leave_room_for_all_others(void **state)
{
    token_op_t one = rsa(), two = rsa(), mac = { .kind = TOKEN_OP_SIGN, .mechanism = TOKEN_MECH_HMAC_SHA256 };
    token_op_t slow = generate(), crypto = prf();
    (void)state;

    assert_true(inflight_add(&table, &one, 0));
    assert_false(inflight_add(&table, &two, 0)); /* a quarter of four */
    assert_true(inflight_add(&table, &mac, 0));  /* as quick as a PRF, and in its lane */
    assert_true(inflight_add(&table, &slow, 0));
    assert_true(inflight_add(&table, &crypto, 0));
}

static void test_a_private_key_that_hangs_is_noticed_and_crypto_goes_on_till_then(void **state)
{
    token_op_t stuck = rsa(), crypto = prf();
    (void)state;

    assert_true(inflight_add(&table, &stuck, 0));
    for (int64_t now = 0; now < CRYPTO_LIMIT; now += 10) {
        assert_true(inflight_add(&table, &crypto, now));
        assert_false(inflight_hangs(&table, now));
        answer(&crypto, now);
    }
    assert_true(inflight_hangs(&table, CRYPTO_LIMIT));
}

static void test_slow_operations_leave_room_for_crypto(void **state)
{
    token_op_t slow[3], crypto[2];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(slow); i++) {
        slow[i] = generate();
        assert_int_equal(inflight_add(&table, &slow[i], 0), i < 2);
    }
    for (size_t i = 0; i < COUNT_OF(crypto); i++) {
        crypto[i] = prf();
        assert_true(inflight_add(&table, &crypto[i], 0));
    }
    answer(&slow[0], 1);
    assert_true(inflight_add(&table, &slow[2], 2));
    assert_non_null(inflight_take_all(&table));
    assert_true(inflight_add(&table, &slow[0], 3));
    assert_true(inflight_add(&table, &slow[1], 3));
}

/* Whoever asked and went away again has left work behind, too. */
static void test_few_pairs_are_made_at_once_and_other_material_beside_them(void **state)
{
    inflight_t large = { 0 };
    token_op_t pairs[INFLIGHT_PAIRS_MAX + 1], other = generate();
    (void)state;

    assert_ok(inflight_init(&large, 4096, CRYPTO_LIMIT, SLOW_LIMIT));
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        pairs[i] = (token_op_t){ .kind = TOKEN_OP_GENERATE, .type = TOKEN_KEY_RSA_4096, .use = TOKEN_USE_SIGN };
        assert_int_equal(inflight_add(&large, &pairs[i], 0), i < INFLIGHT_PAIRS_MAX);
    }
    assert_true(inflight_add(&large, &other, 0));
    assert_non_null(inflight_give_up(&large, SLOW_LIMIT));
    assert_false(inflight_add(&large, &pairs[INFLIGHT_PAIRS_MAX], SLOW_LIMIT));
    inflight_remove(&large, inflight_find(&large, pairs[0].id), SLOW_LIMIT);
    assert_true(inflight_add(&large, &pairs[INFLIGHT_PAIRS_MAX], SLOW_LIMIT));
    (void)inflight_take_all(&large);
    assert_true(inflight_add(&large, &pairs[0], SLOW_LIMIT));
    inflight_free(&large);
}

static void test_nothing_in_flight_never_hangs(void **state)
{
    token_op_t a = prf();
    (void)state;

    assert_false(inflight_hangs(&table, INT64_MAX - 1));
    assert_int_equal(inflight_next_us(&table), INT64_MAX);
    assert_true(inflight_add(&table, &a, 5));
    assert_int_equal(inflight_next_us(&table), 105);
    answer(&a, 6);
    assert_false(inflight_hangs(&table, INT64_MAX - 1));
}

static void test_the_oldest_without_an_answer_hangs(void **state)
{
    token_op_t a = prf();
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_false(inflight_hangs(&table, CRYPTO_LIMIT - 1));
    assert_true(inflight_hangs(&table, CRYPTO_LIMIT));
}

static void test_progress_is_no_hanging_but_waiting_ends(void **state)
{
    token_op_t a = prf(), b = prf(), c = prf();
    token_op_t *given_up;
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_true(inflight_add(&table, &b, 0));
    assert_true(inflight_add(&table, &c, 50));
    answer(&a, 90);
    assert_false(inflight_hangs(&table, 189)); /* b is worked on since 90 */
    assert_null(inflight_give_up(&table, 99));
    given_up = inflight_give_up(&table, 100);
    assert_ptr_equal(given_up, &b);
    assert_null(given_up->link);
    assert_null(inflight_give_up(&table, 149));
    assert_ptr_equal(inflight_give_up(&table, 150), &c);
    assert_true(inflight_hangs(&table, 190)); /* though nobody waits for b any more */
    answer(&b, 189);
    assert_false(inflight_hangs(&table, 190));
}

static void test_what_was_answered_early_does_not_excuse_the_oldest(void **state)
{
    token_op_t a = prf(), b = prf();
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_true(inflight_add(&table, &b, 0));
    answer(&b, 90); /* by another thread of the host */
    assert_true(inflight_hangs(&table, CRYPTO_LIMIT));
}

static void test_lanes_are_judged_apart(void **state)
{
    token_op_t a = generate(), b = prf();
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_false(inflight_hangs(&table, SLOW_LIMIT - 1));
    assert_true(inflight_hangs(&table, SLOW_LIMIT));
    assert_true(inflight_add(&table, &b, 10));
    assert_true(inflight_hangs(&table, 110));
}

static void test_crypto_is_excused_while_a_slow_operation_has_the_token_alone(void **state)
{
    token_op_t a = generate(), b = prf();
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_true(inflight_add(&table, &b, 0));
    assert_false(inflight_set_exclusive(&table, inflight_find(&table, b.id)));
    assert_true(inflight_set_exclusive(&table, inflight_find(&table, a.id)));
    assert_false(inflight_hangs(&table, SLOW_LIMIT - 1));
    assert_true(inflight_hangs(&table, SLOW_LIMIT)); /* the slow one itself */
    answer(&a, 500);
    assert_false(inflight_hangs(&table, 500 + CRYPTO_LIMIT - 1));
    assert_true(inflight_hangs(&table, 500 + CRYPTO_LIMIT));
}

static void test_only_one_has_the_token_alone(void **state)
{
    token_op_t a = generate(), b = generate();
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_true(inflight_add(&table, &b, 0));
    assert_true(inflight_set_exclusive(&table, inflight_find(&table, a.id)));
    assert_true(inflight_set_exclusive(&table, inflight_find(&table, a.id))); /* its second try */
    assert_false(inflight_set_exclusive(&table, inflight_find(&table, b.id)));
}

static void test_taking_all_yields_each_waiting_operation_once(void **state)
{
    token_op_t a = prf(), b = generate(), c = prf();
    token_op_t *all;
    (void)state;

    assert_true(inflight_add(&table, &a, 0));
    assert_true(inflight_add(&table, &b, 0));
    assert_true(inflight_add(&table, &c, 60));
    assert_ptr_equal(inflight_give_up(&table, 100), &a);
    all = inflight_take_all(&table);
    assert_ptr_equal(all, &c);
    assert_ptr_equal(all->link, &b);
    assert_null(all->link->link);
    assert_null(inflight_take_all(&table));
    assert_null(inflight_find(&table, c.id));
    assert_int_equal(table.count, 0);
}

static void test_capacity_has_bounds(void **state)
{
    inflight_t other = { 0 };
    (void)state;

    assert_err(inflight_init(&other, 0, 1, 1), P11KMS_E_RANGE);
    assert_err(inflight_init(&other, 65537, 1, 1), P11KMS_E_RANGE);
    assert_ok(inflight_init(&other, 65536, 1, 1));
    inflight_free(&other);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_an_id_is_good_once),
        PROMISE(test_it_is_full_when_it_is_full),
        PROMISE(test_slow_operations_leave_room_for_crypto),
        PROMISE(test_private_keys_leave_room_for_all_others),
        PROMISE(test_a_private_key_that_hangs_is_noticed_and_crypto_goes_on_till_then),
        PROMISE(test_few_pairs_are_made_at_once_and_other_material_beside_them),
        PROMISE(test_nothing_in_flight_never_hangs),
        PROMISE(test_the_oldest_without_an_answer_hangs),
        PROMISE(test_progress_is_no_hanging_but_waiting_ends),
        PROMISE(test_what_was_answered_early_does_not_excuse_the_oldest),
        PROMISE(test_lanes_are_judged_apart),
        PROMISE(test_crypto_is_excused_while_a_slow_operation_has_the_token_alone),
        PROMISE(test_only_one_has_the_token_alone),
        PROMISE(test_taking_all_yields_each_waiting_operation_once),
        PROMISE(test_capacity_has_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
