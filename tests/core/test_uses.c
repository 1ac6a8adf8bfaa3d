/* When access keys were last used. */
#include <stdio.h>

#include "core/core.h"
#include "tests/fakes/house.h"
#include "tests/fakes/scratch.h"
#include "tests/identity/roles.h"

#define MINUTE_US INT64_C(60000000)

static core_use use_at(int64_t at_ms, const char *region)
{
    core_use use = { .at_ms = at_ms, .service = "kms" };

    snprintf(use.region, sizeof(use.region), "%s", region);
    return use;
}

static void test_the_latest_use_of_a_key_is_kept(void **state)
{
    const core_use first = use_at(5, "a"), earlier = use_at(4, "b"), later = use_at(6, "c");
    uses_t *uses;
    core_use got;

    (void)state;
    assert_ok(uses_new(uses_write_access_key, &uses));
    assert_false(uses_get(uses, "AKIA1", &got));
    uses_note(uses, "AKIA1", &first);
    uses_note(uses, "AKIA1", &earlier);
    assert_true(uses_get(uses, "AKIA1", &got));
    assert_string_equal(got.region, "a");
    uses_note(uses, "AKIA1", &later);
    assert_true(uses_get(uses, "AKIA1", &got));
    assert_true(got.at_ms == 6);
    assert_string_equal(got.region, "c");
    assert_false(uses_get(uses, "AKIA2", &got));
    uses_free(uses);
}

static void test_uses_are_due_a_minute_after_the_last_store(void **state)
{
    const core_use use = use_at(5, "a");
    int64_t now = clock_mono_us();
    uses_t *uses;

    (void)state;
    assert_ok(uses_new(uses_write_access_key, &uses));
    assert_false(uses_due(uses, now + 10 * MINUTE_US)); /* nothing is noted */
    uses_note(uses, "AKIA1", &use);
    assert_false(uses_due(uses, now + MINUTE_US - 1000000));
    assert_true(uses_due(uses, now + MINUTE_US + 1000000));
    uses_free(uses);
}

typedef struct {
    int64_t at_ms;
    char region[33];
} stored_t;

static p11kms_err see_key(void *arg, const store_access_key *row)
{
    stored_t *stored = arg;

    stored->at_ms = row->last_used;
    snprintf(stored->region, sizeof(stored->region), "%s", row->last_region);
    return P11KMS_OK;
}

static store_t *open_with_key(void)
{
    const store_access_key key = {
        .id = "AKIA1", .account = ACCOUNT, .user = "app", .sealed = SLICE_LIT("blob"), .active = true
    };
    store_t *store = NULL;

    assert_ok(store_open(scratch_path(scratch_folder(), "store.db"), &store));
    assert_ok(store_access_key_insert(store, &key));
    return store;
}

static void test_what_was_stored_is_noted_no_longer(void **state)
{
    const core_use use = use_at(5, "a");
    store_t *store = open_with_key();
    stored_t stored = { 0 };
    uses_t *uses;
    core_use got;

    (void)state;
    assert_ok(uses_new(uses_write_access_key, &uses));
    uses_note(uses, "AKIA1", &use);
    uses_note(uses, "AKIAGONE", &use); /* deleted meanwhile, or fixed */
    assert_ok(store_begin(store));
    assert_ok(uses_store(uses, store));
    assert_ok(store_commit(store));
    assert_ok(store_access_key_each(store, see_key, &stored));
    assert_true(stored.at_ms == 5);
    assert_string_equal(stored.region, "a");
    assert_false(uses_get(uses, "AKIA1", &got));
    assert_false(uses_due(uses, INT64_MAX));
    uses_free(uses);
    store_close(store);
}

static void test_a_use_that_could_not_be_stored_stays_noted(void **state)
{
    const core_use bad = use_at(5, "\xff"); /* no store takes it */
    store_t *store = open_with_key();
    uses_t *uses;
    core_use got;

    (void)state;
    assert_ok(uses_new(uses_write_access_key, &uses));
    uses_note(uses, "AKIA1", &bad);
    assert_err(uses_store(uses, store), P11KMS_E_RANGE);
    assert_true(uses_get(uses, "AKIA1", &got));
    uses_free(uses);
    store_close(store);
}

/* ---- through core ---- */

static p11kms_err insert_app_key(store_t *store, void *arg)
{
    const store_access_key key = {
        .id = APP_KEY, .account = ACCOUNT, .user = "app", .sealed = SLICE_LIT("blob"), .active = true
    };

    (void)arg;
    TRY(store_begin(store));
    TRY(store_access_key_insert(store, &key));
    return store_commit(store);
}

static p11kms_err see_stored(store_t *store, void *stored)
{
    return store_access_key_each(store, see_key, stored);
}

static void ask_once(house_t *house, const sigv4_credentials *signer)
{
    static const peer_t peer = { .kind = PEER_TCP, .address = "192.0.2.1" };
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    _cleanup_buf_ buf_t text = { 0 };
    message_t message;

    put_request_signed_at(&text, signer, clock_wall_ms());
    request_read(arena, buf_slice(&text), &message);
    message.peer = &peer;
    op_t *op = op_new(house->core, &message, house);
    assert_ok(op_authenticate(op, "kms"));
    op_fail(op, P11KMS_E_DENIED);
    house_run(house);
}

static void test_a_use_outlives_the_stop_and_sessions_leave_none(void **state)
{
    const sigv4_credentials app = credentials_of(APP_KEY);
    session_credentials issued = { 0 };
    stored_t stored = { 0 };
    house_t house;
    core_use use;

    (void)state;
    house_open(&house);
    assert_ok(core_store_job(house.core, insert_app_key, NULL));
    core_set_identity(house.core, build_roles());
    int64_t before = clock_wall_ms();
    ask_once(&house, &app);
    assert_true(core_access_key_use(house.core, APP_KEY, &use));
    assert_true(use.at_ms >= before);
    assert_string_equal(use.service, "kms");
    assert_string_equal(use.region, "eu-central-1");

    session_spec spec = spec_of(core_identity(house.core));
    spec.issued_ms = before;
    spec.expires_ms = before + HOUR_MS;
    assert_ok(session_issue(core_identity(house.core), &spec, &issued));
    const sigv4_credentials session = signer_of(&issued);
    ask_once(&house, &session);
    assert_false(core_access_key_use(house.core, issued.access_key_id, &use));
    session_credentials_clear(&issued);

    house_restart(&house);
    assert_ok(core_store_job(house.core, see_stored, &stored));
    assert_true(stored.at_ms >= before);
    assert_string_equal(stored.region, "eu-central-1");
    house_close(&house);
    fake_token_free(house.fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_latest_use_of_a_key_is_kept),
        cmocka_unit_test(test_uses_are_due_a_minute_after_the_last_store),
        cmocka_unit_test(test_what_was_stored_is_noted_no_longer),
        cmocka_unit_test(test_a_use_that_could_not_be_stored_stays_noted),
        cmocka_unit_test(test_a_use_outlives_the_stop_and_sessions_leave_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
