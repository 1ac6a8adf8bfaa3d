/* Grants through the frame: stored with their record, there after a restart, gone with their key; and their tokens. */
#include "tests/testing.h"

#include <string.h>

#include "crypto/crypto.h"
#include "kms/grant_token.h"
#include "tests/fakes/house.h"
#include "util/clock.h"

#define ALICE "arn:aws:iam::123456789012:user/alice"

typedef struct {
    house_t *house;
    kms_grant_t *grant;
    bool remove;
    bool fail;
    p11kms_err err;
} act_t;

static p11kms_err write_it(op_t *op, store_t *store)
{
    act_t *act = op->act;
    kms_change *change = kms_change_begin(op, act->house->kms, store);

    if (act->remove) {
        TRY(kms_change_remove_grant(change, act->grant));
    } else {
        TRY(kms_change_grant(change, kms_grant_ref(act->grant)));
    }
    return act->fail ? p11kms_fail_plain(P11KMS_E_INTERNAL) : P11KMS_OK;
}

static void note(op_t *op)
{
    ((act_t *)op->act)->err = op->err;
    op_settle(op);
}

static p11kms_err carry_out(act_t act)
{
    op_t *op = op_new_internal(act.house->core, "Grant", "kms.amazonaws.com", HOUSE_ACCOUNT, HOUSE_REGION);

    op->act = &act;
    op_change(op, write_it, note);
    house_run(act.house);
    return act.err;
}

static kms_grant_t *new_grant(const kms_key_t *key)
{
    _cleanup_(arena) arena_t *arena = arena_new(1024);
    context_pair subset[] = { { SLICE_LIT("app"), SLICE_LIT("x") } };
    uint8_t id[KMS_GRANT_ID];
    kms_grant_t *grant = NULL;

    assert_ok(crypto_random(id, sizeof(id)));
    const kms_grant_spec spec = {
        .id = id,
        .account = key->account,
        .region = key->region,
        .key_id = key->id,
        .issuing_account = HOUSE_ACCOUNT,
        .name = SLICE_LIT("name"),
        .grantee = SLICE_LIT(ALICE),
        .operations = GRANT_DECRYPT,
        .subset = subset,
        .n_subset = 1,
    };
    assert_ok(kms_grant_new(&spec, arena, &grant));
    return grant;
}

static kms_grant_t *make(house_t *house, const kms_key_t *key)
{
    kms_grant_t *grant = new_grant(key);

    assert_ok(carry_out((act_t){ .house = house, .grant = grant }));
    return grant;
}

static kms_grant_t *find(house_t *house, const kms_grant_t *grant)
{
    kms_grant_t *found =
        grants_get(kms_grants(house->kms), (grants_key){ grant->region, grant->key_id }, grant->id);

    kms_grant_unref(found);
    return found;
}

static void test_a_grant_is_there_after_a_restart_with_all_it_says(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *grant = make(house, key);

    house_restart(house);
    const kms_grant_t *again = find(house, grant);
    assert_non_null(again);
    assert_memory_equal(again->likeness, grant->likeness, sizeof(grant->likeness));
}

static void test_a_removed_grant_stays_removed(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *grant = make(house, key);

    assert_ok(carry_out((act_t){ .house = house, .grant = grant, .remove = true }));
    assert_null(find(house, grant));
    assert_err(carry_out((act_t){ .house = house, .grant = grant, .remove = true }), P11KMS_E_KEY_NOT_FOUND);
    house_restart(house);
    assert_null(find(house, grant));
}

static void test_a_change_that_is_rolled_back_changes_nothing(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *kept = make(house, key);
    _cleanup_(kms_grant) kms_grant_t *grant = new_grant(key);

    assert_err(carry_out((act_t){ .house = house, .grant = grant, .fail = true }), P11KMS_E_INTERNAL);
    assert_err(carry_out((act_t){ .house = house, .grant = kept, .remove = true, .fail = true }), P11KMS_E_INTERNAL);
    assert_null(find(house, grant));
    assert_non_null(find(house, kept));
}

static void test_a_deleted_key_takes_its_grants_along(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *grant = make(house, key);
    kms_key_t *edited;

    assert_ok(kms_key_copy(key, &edited));
    edited->stored = KMS_STATE_PENDING_DELETION;
    edited->deletion_at = clock_service_ms();
    assert_ok(catalog_put_key(kms_catalog(house->kms), edited));
    clock_set_service_offset_ms(CLOCK_DAY_MS);
    do {
        kms_tick(house->kms);
        house_run(house);
    } while (kms_busy(house->kms));
    assert_null(house_key(house, key));
    assert_null(find(house, grant));
    house_restart(house);
    assert_null(find(house, grant));
}

static void test_a_key_has_no_more_grants_than_its_quota(void **state)
{
    house_t *house = *state;
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *first = NULL, *second = NULL;

    kms_set_quota(house->kms, KMS_QUOTA_GRANTS_PER_KEY, 1);
    first = make(house, key);
    second = new_grant(key);
    assert_err(carry_out((act_t){ .house = house, .grant = second }), P11KMS_E_LIMIT);
    assert_null(find(house, second));
}

/* ---- tokens ---- */

static void test_a_token_tells_its_grant_also_after_a_restart(void **state)
{
    house_t *house = *state;
    _cleanup_(arena) arena_t *arena = arena_new(1024);
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *grant = new_grant(key);
    const char *token, *other;
    kms_grant_name name;

    assert_ok(kms_grant_token_make(house->kms, grant, arena, &token));
    assert_ok(kms_grant_token_make(house->kms, grant, arena, &other));
    assert_string_not_equal(token, other);
    house_restart(house);
    assert_ok(kms_grant_token_open(house->kms, SLICE_STR(token), &name));
    assert_memory_equal(name.id, grant->id, KMS_GRANT_ID);
    assert_memory_equal(name.key_id, key->id, KMS_ID);
    assert_string_equal(name.account, HOUSE_ACCOUNT);
    assert_string_equal(name.region, HOUSE_REGION);
}

static void test_a_token_changed_in_any_place_is_refused(void **state)
{
    house_t *house = *state;
    _cleanup_(arena) arena_t *arena = arena_new(1024);
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *grant = new_grant(key);
    const char *token;
    kms_grant_name name;

    assert_ok(kms_grant_token_make(house->kms, grant, arena, &token));
    for (size_t i = 0; token[i]; i++) {
        char *bad = arena_strdup(arena, token);
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        assert_err(kms_grant_token_open(house->kms, SLICE_STR(bad), &name), P11KMS_E_GRANT_TOKEN);
        assert_err(kms_grant_token_open(house->kms, SLICE(token, i), &name), P11KMS_E_GRANT_TOKEN);
    }
    assert_err(kms_grant_token_open(house->kms, SLICE_LIT("not a token"), &name), P11KMS_E_GRANT_TOKEN);
}

static void test_a_token_of_another_service_is_refused(void **state)
{
    house_t *house = *state;
    house_t *elsewhere = NULL;
    _cleanup_(arena) arena_t *arena = arena_new(1024);
    _cleanup_(kms_key) kms_key_t *key = house_make_key(house);
    _cleanup_(kms_grant) kms_grant_t *grant = new_grant(key);
    const char *token;
    kms_grant_name name;

    assert_ok(kms_grant_token_make(house->kms, grant, arena, &token));
    house_setup((void **)&elsewhere);
    assert_err(kms_grant_token_open(elsewhere->kms, SLICE_STR(token), &name), P11KMS_E_GRANT_TOKEN);
    house_teardown((void **)&elsewhere);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_grant_is_there_after_a_restart_with_all_it_says),
        TEST(test_a_removed_grant_stays_removed),
        TEST(test_a_change_that_is_rolled_back_changes_nothing),
        TEST(test_a_deleted_key_takes_its_grants_along),
        TEST(test_a_key_has_no_more_grants_than_its_quota),
        TEST(test_a_token_tells_its_grant_also_after_a_restart),
        TEST(test_a_token_changed_in_any_place_is_refused),
        TEST(test_a_token_of_another_service_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
