/* Declared keys: the difference is told first, then closed; nothing is ever deleted. */
#include "tests/testing.h"

#include <string.h>

#include "tests/fakes/house.h"
#include "util/clock.h"

typedef struct {
    house_t house;
    conf_key declared;
    conf_tag tags[2];
    conf_policy policy;
    unsigned failed;
    bool done;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    house_open(&f->house);
    f->tags[0] = (conf_tag){ "team", "blue" };
    f->declared = (conf_key){
        .account = HOUSE_ACCOUNT,
        .alias = "alias/app",
        .spec = "SYMMETRIC_DEFAULT",
        .description = "for the app",
        .enabled = true,
        .rotation_days = 365,
        .tags = f->tags,
        .n_tags = 1,
        .place = { "keys.yaml", 3, 5 },
    };
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    house_close(&f->house);
    fake_token_free(f->house.fake);
    free(f);
    return 0;
}

static plan_item *plan(fixture *f)
{
    plan_item *items = NULL;

    assert_ok(kms_plan(f->house.kms, &f->declared, 1, HOUSE_REGION, &items));
    return items;
}

static void note_done(void *arg, unsigned failed)
{
    fixture *f = arg;

    f->done = true;
    f->failed = failed;
}

static void apply(fixture *f)
{
    f->done = false;
    kms_apply(f->house.kms, plan(f), HOUSE_REGION, note_done, f);
    house_run(&f->house);
    assert_true(f->done);
}

/* The key behind the alias; a reference. */
static kms_key_t *declared_key(fixture *f)
{
    catalog_t *catalog = kms_catalog(f->house.kms);
    _cleanup_(kms_alias) kms_alias_t *alias =
        catalog_alias(catalog, HOUSE_ACCOUNT, HOUSE_REGION, SLICE_STR(f->declared.alias));

    return alias ? catalog_key(catalog, HOUSE_REGION, alias->key_id) : NULL;
}

static void test_a_missing_key_is_planned_then_made(void **state)
{
    fixture *f = *state;
    plan_item *items = plan(f);

    assert_non_null(items);
    assert_int_equal(items->kind, PLAN_CREATE);
    kms_plan_free(items);
    apply(f);
    assert_int_equal(f->failed, 0);
    _cleanup_(kms_key) kms_key_t *key = declared_key(f);
    assert_non_null(key);
    assert_string_equal(key->description, "for the app");
    assert_int_equal(key->rotation_days, 365);
    assert_string_equal(key->tags[0].value, "blue");
    assert_int_equal(house_records(&f->house, "\"eventName\":\"CreateDeclaredKey\""), 1);
}

static void test_what_is_as_declared_is_left_alone(void **state)
{
    fixture *f = *state;

    apply(f);
    assert_null(plan(f));
    house_restart(&f->house);
    assert_null(plan(f));
}

static void test_a_difference_is_told_and_closed(void **state)
{
    fixture *f = *state;

    apply(f);
    f->declared.description = "for another app";
    f->declared.rotation_days = 0;
    f->tags[0].value = "red";
    plan_item *items = plan(f);
    assert_int_equal(items->kind, PLAN_UPDATE);
    assert_non_null(strstr(items->text, "'for the app' -> 'for another app'"));
    assert_non_null(strstr(items->text, "365 -> 0 days"));
    kms_plan_free(items);
    apply(f);
    _cleanup_(kms_key) kms_key_t *key = declared_key(f);
    assert_string_equal(key->description, "for another app");
    assert_int_equal(key->rotation_days, 0);
    assert_string_equal(key->tags[0].value, "red");
    assert_null(plan(f));
    house_restart(&f->house);
    assert_null(plan(f));
}

static void test_a_key_no_longer_declared_stays(void **state)
{
    fixture *f = *state;
    plan_item *items = NULL;

    apply(f);
    assert_ok(kms_plan(f->house.kms, NULL, 0, HOUSE_REGION, &items));
    assert_null(items);
    _cleanup_(kms_key) kms_key_t *key = declared_key(f);
    assert_non_null(key);
}

static void schedule_deletion(kms_key_t *key)
{
    key->stored = KMS_STATE_PENDING_DELETION;
    key->deletion_at = clock_service_ms() + 7 * CLOCK_DAY_MS;
}

static void test_a_key_pending_deletion_is_not_touched_but_told(void **state)
{
    fixture *f = *state;

    apply(f);
    _cleanup_(kms_key) kms_key_t *key = declared_key(f);
    house_edit(&f->house, key, schedule_deletion);
    plan_item *items = plan(f);
    assert_int_equal(items->kind, PLAN_BLOCKED);
    kms_plan_free(items);
    apply(f);
    assert_int_equal(f->failed, 1);
    _cleanup_(kms_key) kms_key_t *now = declared_key(f);
    assert_int_equal(now->stored, KMS_STATE_PENDING_DELETION);
}

static void test_a_key_does_not_move_to_another_token(void **state)
{
    fixture *f = *state;

    apply(f);
    f->declared.token = "other";
    plan_item *items = plan(f);
    assert_int_equal(items->kind, PLAN_BLOCKED);
    assert_non_null(strstr(items->text, "'main'"));
    kms_plan_free(items);
}

static void test_a_declaration_that_fails_does_not_stop_the_others(void **state)
{
    fixture *f = *state;
    conf_key both[2] = { f->declared, f->declared };
    plan_item *items = NULL;

    both[0].alias = "alias/aws/reserved";
    assert_ok(kms_plan(f->house.kms, both, 2, HOUSE_REGION, &items));
    kms_apply(f->house.kms, items, HOUSE_REGION, note_done, f);
    house_run(&f->house);
    assert_int_equal(f->failed, 1);
    _cleanup_(kms_key) kms_key_t *key = declared_key(f);
    assert_non_null(key);
}

static void test_a_declared_policy_is_the_keys_policy(void **state)
{
    fixture *f = *state;

    f->policy.json = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\","
                     "\"Action\":\"kms:Decrypt\",\"Resource\":\"*\"}}";
    f->declared.policy = &f->policy;
    apply(f);
    _cleanup_(kms_key) kms_key_t *key = declared_key(f);
    assert_string_equal(key->policy_json, f->policy.json);
    assert_null(plan(f));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_missing_key_is_planned_then_made),
        TEST(test_what_is_as_declared_is_left_alone),
        TEST(test_a_difference_is_told_and_closed),
        TEST(test_a_key_no_longer_declared_stays),
        TEST(test_a_key_pending_deletion_is_not_touched_but_told),
        TEST(test_a_key_does_not_move_to_another_token),
        TEST(test_a_declaration_that_fails_does_not_stop_the_others),
        TEST(test_a_declared_policy_is_the_keys_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
