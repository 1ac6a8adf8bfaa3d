/* Keys and aliases: how they are found, listed and refused. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "kms/kms_internal.h"

#define ACCOUNT "123456789012"
#define REGION "eu-central-1"
#define ID "01000000-0000-4000-8000-000000000001"

typedef struct {
    kms_t *kms;
    arena_t *arena;
} fixture;

static void add_key(fixture *f, const char *account, const char *region, const char *id_text)
{
    uint8_t id[KMS_ID];
    kms_key_t *key;

    assert_ok(uuid_parse(SLICE_STR(id_text), id));
    assert_ok(kms_key_new(id, account, region, &key));
    assert_ok(catalog_put_key(f->kms->catalog, key));
}

static void add_alias(fixture *f, const char *name, const char *id_text)
{
    uint8_t id[KMS_ID];
    kms_alias_t *alias;

    assert_ok(uuid_parse(SLICE_STR(id_text), id));
    assert_ok(kms_alias_new(ACCOUNT, REGION, name, id, &alias));
    assert_ok(catalog_put_alias(f->kms->catalog, alias));
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    assert_ok(kms_new(NULL, "main", &f->kms));
    f->arena = arena_new(1024);
    add_key(f, ACCOUNT, REGION, ID);
    add_alias(f, "alias/app", ID);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    kms_free(f->kms);
    arena_free(f->arena);
    free(f);
    return 0;
}

static const char *resolve(fixture *f, const char *name, kms_name_form form)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;
    p11kms_err err = kms_resolve(f->kms, ACCOUNT, REGION, SLICE_STR(name), form, f->arena, &key);

    return err == P11KMS_OK ? arena_strdup(f->arena, key->id_text)
                            : arena_printf(f->arena, "%s: %s", p11kms_err_name(err), p11kms_err_detail(err));
}

static void test_a_key_is_found_by_every_form_of_its_name(void **state)
{
    fixture *f = *state;

    assert_string_equal(resolve(f, ID, KMS_NAME_KEY), ID);
    assert_string_equal(resolve(f, "arn:aws:kms:" REGION ":" ACCOUNT ":key/" ID, KMS_NAME_KEY), ID);
    assert_string_equal(resolve(f, "alias/app", KMS_NAME_ANY), ID);
    assert_string_equal(resolve(f, "arn:aws:kms:" REGION ":" ACCOUNT ":alias/app", KMS_NAME_ANY), ID);
}

/* Sentences recorded from AWS. */
static void test_what_is_not_found_is_refused_in_awss_words(void **state)
{
    static const struct {
        const char *name;
        kms_name_form form;
        const char *answer;
    } rows[] = {
        { "fake", KMS_NAME_KEY, "KEY_NOT_FOUND: Invalid keyId 'fake'" },
        { "01000000-0000-4000-8000-000000000002", KMS_NAME_ANY,
          "KEY_NOT_FOUND: Key 'arn:aws:kms:" REGION ":" ACCOUNT
          ":key/01000000-0000-4000-8000-000000000002' does not exist" },
        { "alias/app", KMS_NAME_KEY, "KEY_NOT_FOUND: Invalid keyId alias/app" },
        { "alias/none", KMS_NAME_ANY,
          "KEY_NOT_FOUND: Alias arn:aws:kms:" REGION ":" ACCOUNT ":alias/none is not found." },
        { "arn:aws:kms:us-west-2:" ACCOUNT ":key/" ID, KMS_NAME_ANY, "KEY_NOT_FOUND: Invalid arn us-west-2" },
        { "arn:aws:kms:" REGION ":" ACCOUNT ":alias/app", KMS_NAME_KEY, "KEY_NOT_FOUND: Invalid keyId alias/app" },
        { "arn:aws:s3:::bucket", KMS_NAME_ANY, "ARN: Invalid arn 'arn:aws:s3:::bucket'" },
        { "arn:aws:kms", KMS_NAME_ANY, "ARN: Invalid arn 'arn:aws:kms'" },
    };
    fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(resolve(f, rows[i].name, rows[i].form), rows[i].answer);
    }
}

static void test_another_accounts_key_is_found_by_arn_alone(void **state)
{
    fixture *f = *state;
    const char *id = "02000000-0000-4000-8000-000000000001";

    add_key(f, "999999999999", REGION, id);
    assert_non_null(strstr(resolve(f, id, KMS_NAME_ANY), "does not exist"));
    assert_string_equal(
        resolve(f, "arn:aws:kms:" REGION ":999999999999:key/02000000-0000-4000-8000-000000000001", KMS_NAME_ANY), id);
}

/* JSON's strings may hold a NUL, where C's end. */
static void test_an_account_that_goes_on_behind_a_nul_is_none(void **state)
{
    static const char *const resources[] = { ":key/" ID, ":alias/app" };
    fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        _cleanup_(kms_key) kms_key_t *key = NULL;
        _cleanup_buf_ buf_t arn = { 0 };

        buf_put_str(&arn, "arn:aws:kms:" REGION ":" ACCOUNT);
        buf_put_u8(&arn, 0);
        buf_put_str(&arn, resources[i]);
        assert_err(kms_resolve(f->kms, ACCOUNT, REGION, buf_slice(&arn), KMS_NAME_ANY, f->arena, &key), P11KMS_E_ARN);
        assert_null(key);
    }
}

static void test_a_key_of_one_region_is_not_of_another(void **state)
{
    fixture *f = *state;
    uint8_t id[KMS_ID];

    assert_ok(uuid_parse(SLICE_STR(ID), id));
    assert_null(catalog_key(f->kms->catalog, "us-west-2", id));
}

static void test_alias_names_follow_awss_rules(void **state)
{
    static const struct {
        const char *name;
        p11kms_err err;
    } rows[] = {
        { "alias/app", P11KMS_OK },
        { "alias/a/b_c-D9", P11KMS_OK },
        { "app", P11KMS_E_VALIDATION },
        { "alias/", P11KMS_E_ALIAS_NAME },
        { "alias/aws/s3", P11KMS_E_ALIAS_RESERVED },
        { "alias/a:b", P11KMS_E_ALIAS_NAME },
        { "alias/a b", P11KMS_E_ALIAS_NAME },
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_err(kms_check_alias_name(SLICE_STR(rows[i].name)), rows[i].err);
    }
}

static void test_pages_meet_without_gap_or_repeat(void **state)
{
    fixture *f = *state;
    kms_key_t *page[3];
    char after[UUID_TEXT] = "", id[UUID_TEXT];
    size_t seen = 0, n;

    for (int i = 2; i <= 10; i++) {
        snprintf(id, sizeof(id), "01000000-0000-4000-8000-0000000000%02d", i);
        add_key(f, ACCOUNT, REGION, id);
    }
    while ((n = catalog_list_keys(f->kms->catalog, ACCOUNT, REGION, after, page, 3)) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(strcmp(after, page[i]->id_text) < 0);
            strcpy(after, page[i]->id_text);
            kms_key_unref(page[i]);
            seen++;
        }
    }
    assert_int_equal(seen, 10);
}

static void test_a_page_goes_on_where_its_last_key_was_deleted(void **state)
{
    fixture *f = *state;
    kms_key_t *page[1];

    add_key(f, ACCOUNT, REGION, "01000000-0000-4000-8000-000000000002");
    add_key(f, ACCOUNT, REGION, "01000000-0000-4000-8000-000000000003");
    uint8_t id[KMS_ID];
    assert_ok(uuid_parse(SLICE_STR("01000000-0000-4000-8000-000000000002"), id));
    catalog_remove_key(f->kms->catalog, ACCOUNT, REGION, id);
    assert_int_equal(catalog_list_keys(f->kms->catalog, ACCOUNT, REGION, "01000000-0000-4000-8000-000000000002",
                                       page, 1),
                     1);
    assert_string_equal(page[0]->id_text, "01000000-0000-4000-8000-000000000003");
    kms_key_unref(page[0]);
}

static void test_aliases_go_with_their_key(void **state)
{
    fixture *f = *state;
    uint8_t id[KMS_ID];

    assert_ok(uuid_parse(SLICE_STR(ID), id));
    catalog_remove_key(f->kms->catalog, ACCOUNT, REGION, id);
    assert_null(catalog_alias(f->kms->catalog, ACCOUNT, REGION, SLICE_LIT("alias/app")));
}

static void test_aliases_are_listed_for_one_key(void **state)
{
    fixture *f = *state;
    kms_alias_t *aliases[4];
    uint8_t id[KMS_ID];

    add_key(f, ACCOUNT, REGION, "01000000-0000-4000-8000-000000000002");
    add_alias(f, "alias/a", "01000000-0000-4000-8000-000000000002");
    add_alias(f, "alias/z", ID);
    assert_ok(uuid_parse(SLICE_STR(ID), id));
    assert_int_equal(catalog_list_aliases(f->kms->catalog, ACCOUNT, REGION, "", id, aliases, 4), 2);
    assert_string_equal(aliases[0]->name, "alias/app");
    assert_string_equal(aliases[1]->name, "alias/z");
    kms_alias_unref(aliases[0]);
    kms_alias_unref(aliases[1]);
}

static void test_tags_stay_sorted_and_unique(void **state)
{
    static const uint8_t id[KMS_ID] = { 1 };
    _cleanup_(kms_key) kms_key_t *key = NULL;
    (void)state;

    assert_ok(kms_key_new(id, ACCOUNT, REGION, &key));
    assert_ok(kms_key_set_tag(key, SLICE_LIT("b"), SLICE_LIT("1")));
    assert_ok(kms_key_set_tag(key, SLICE_LIT("a"), SLICE_LIT("2")));
    assert_ok(kms_key_set_tag(key, SLICE_LIT("b"), SLICE_LIT("3")));
    assert_int_equal(key->n_tags, 2);
    assert_string_equal(key->tags[0].name, "a");
    assert_string_equal(key->tags[1].value, "3");
    kms_key_remove_tag(key, SLICE_LIT("a"));
    kms_key_remove_tag(key, SLICE_LIT("none"));
    assert_int_equal(key->n_tags, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_key_is_found_by_every_form_of_its_name),
        TEST(test_what_is_not_found_is_refused_in_awss_words),
        TEST(test_another_accounts_key_is_found_by_arn_alone),
        TEST(test_an_account_that_goes_on_behind_a_nul_is_none),
        TEST(test_a_key_of_one_region_is_not_of_another),
        TEST(test_alias_names_follow_awss_rules),
        TEST(test_pages_meet_without_gap_or_repeat),
        TEST(test_a_page_goes_on_where_its_last_key_was_deleted),
        TEST(test_aliases_go_with_their_key),
        TEST(test_aliases_are_listed_for_one_key),
        TEST(test_tags_stay_sorted_and_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
