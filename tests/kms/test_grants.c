/* Grants in memory: what they allow, and how they are found among many. */
#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "kms/grant_set.h"
#include "kms/grants.h"

#define ACCOUNT "123456789012"
#define REGION "eu-central-1"
#define ALICE "arn:aws:iam::123456789012:user/alice"
#define BOB "arn:aws:iam::123456789012:user/bob"

static const uint8_t key_a[KMS_ID] = { 0xaa }, key_b[KMS_ID] = { 0xbb };

typedef struct {
    grants_t *grants;
    arena_t *arena;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    assert_ok(crypto_init());
    assert_ok(grants_new(&f->grants));
    f->arena = arena_new(4096);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    grants_free(f->grants);
    arena_free(f->arena);
    free(f);
    return 0;
}

/* "a=1,b=2" */
static size_t pairs_of(const char *text, context_pair *out)
{
    size_t n = 0;

    while (*text) {
        size_t len = strcspn(text, ","), name = strcspn(text, "=");
        out[n++] = (context_pair){ SLICE(text, name), SLICE(text + name + 1, len - name - 1) };
        text += len + (text[len] == ',');
    }
    return n;
}

/* What tests vary; NULL: none. */
typedef struct {
    const char *grantee;
    const char *retiring;
    const char *name;
    const char *equals;
    const char *subset;
    const uint8_t *key;
    unsigned operations;
} sketch;

static kms_grant_spec spec_of(fixture *f, sketch what)
{
    context_pair *equals = arena_alloc(f->arena, 16 * sizeof(*equals));
    context_pair *subset = arena_alloc(f->arena, 16 * sizeof(*subset));
    uint8_t *id = arena_alloc(f->arena, KMS_GRANT_ID);

    assert_ok(crypto_random(id, KMS_GRANT_ID));
    return (kms_grant_spec){
        .id = id,
        .account = ACCOUNT,
        .region = REGION,
        .key_id = what.key ? what.key : key_a,
        .issuing_account = ACCOUNT,
        .name = SLICE_STR(what.name ? what.name : ""),
        .grantee = SLICE_STR(what.grantee ? what.grantee : ALICE),
        .retiring = SLICE_STR(what.retiring ? what.retiring : ""),
        .operations = what.operations ? what.operations : GRANT_DECRYPT,
        .has_equals = what.equals != NULL,
        .equals = equals,
        .n_equals = what.equals ? pairs_of(what.equals, equals) : 0,
        .subset = subset,
        .n_subset = what.subset ? pairs_of(what.subset, subset) : 0,
        .created = 5,
    };
}

static p11kms_err draw(fixture *f, sketch what, kms_grant_t **ret)
{
    const kms_grant_spec spec = spec_of(f, what);

    return kms_grant_new(&spec, f->arena, ret);
}

static kms_grant_t *add(fixture *f, sketch what)
{
    kms_grant_t *grant;

    assert_ok(draw(f, what, &grant));
    assert_ok(grants_put(f->grants, grant));
    return grant; /* borrowed from the index */
}

static grants_key place(const uint8_t *key)
{
    return (grants_key){ REGION, key };
}

static bool allows(fixture *f, const char *grantee, unsigned op, const char *context)
{
    context_pair pairs[16];
    kms_grant_need need = { .operations = op };

    assert_ok(kms_grant_context_of(pairs, pairs_of(context, pairs), f->arena, &need.context));
    kms_grant_t *found = grants_find(f->grants, place(key_a), SLICE_STR(grantee), &need);
    kms_grant_unref(found);
    return found != NULL;
}

/* ---- what a grant allows ---- */

static void test_a_grant_allows_its_operations_to_its_grantee_on_its_key(void **state)
{
    fixture *f = *state;

    add(f, (sketch){ .operations = GRANT_DECRYPT | GRANT_ENCRYPT });
    add(f, (sketch){ .operations = GRANT_SIGN, .key = key_b });
    assert_true(allows(f, ALICE, GRANT_DECRYPT, ""));
    assert_true(allows(f, ALICE, GRANT_ENCRYPT, "any=thing"));
    assert_false(allows(f, ALICE, GRANT_GENERATE_DATA_KEY, ""));
    assert_false(allows(f, ALICE, GRANT_SIGN, ""));
    assert_false(allows(f, BOB, GRANT_DECRYPT, ""));
}

static void test_constraints_hold_the_context_as_awss_examples_say(void **state)
{
    static const struct {
        const char *equals;
        const char *subset;
        const char *context;
        bool allowed;
    } rows[] = {
        { "Department=IT", NULL, "Department=IT", true },
        { "Department=IT", NULL, "Department=IT,Purpose=Test", false },
        { "Department=IT", NULL, "department=IT", false },
        { "Department=IT", NULL, "", false },
        { "", NULL, "", true },
        { "", NULL, "a=1", false },
        { NULL, "Department=IT", "Department=IT", true },
        { NULL, "Department=IT", "Purpose=Test,Department=IT", true },
        { NULL, "Department=IT", "Department=it", false },
        { NULL, "Department=IT", "", false },
        { NULL, "b=2,a=1", "a=1,b=2,c=3", true },
        { NULL, "b=2,a=1", "a=1,c=3", false },
        { NULL, "ab=c", "a=bc", false },
        { "a=1,b=2", "a=1", "b=2,a=1", true },
        { "a=1,b=2", "c=3", "b=2,a=1", false },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture *f = *state;
        kms_grant_t *grant = add(f, (sketch){ .equals = rows[i].equals, .subset = rows[i].subset });

        if (allows(f, ALICE, GRANT_DECRYPT, rows[i].context) != rows[i].allowed) {
            fail_msg("row %zu", i);
        }
        grants_remove(f->grants, grant);
        assert_false(allows(f, ALICE, GRANT_DECRYPT, rows[i].context));
    }
}

static void test_operations_without_a_context_ignore_constraints(void **state)
{
    fixture *f = *state;
    const kms_grant_need need = { .operations = GRANT_DESCRIBE_KEY, .ignores_constraints = true };

    add(f, (sketch){ .subset = "a=1", .operations = GRANT_DESCRIBE_KEY });
    kms_grant_t *found = grants_find(f->grants, place(key_a), SLICE_LIT(ALICE), &need);
    assert_non_null(found);
    kms_grant_unref(found);
}

static void test_a_child_is_never_wider_than_its_parent(void **state)
{
    static const struct {
        sketch parent;
        sketch child;
        bool may;
    } rows[] = {
#define MAKES GRANT_CREATE_GRANT
        { { .operations = MAKES | GRANT_DECRYPT }, { .operations = GRANT_DECRYPT }, true },
        { { .operations = MAKES | GRANT_DECRYPT }, { .operations = MAKES }, true },
        { { .operations = MAKES | GRANT_DECRYPT }, { .operations = GRANT_DECRYPT | GRANT_ENCRYPT }, false },
        { { .operations = GRANT_DECRYPT }, { .operations = GRANT_DECRYPT }, false },
        { { .subset = "a=1", .operations = MAKES }, { .operations = MAKES }, false },
        { { .subset = "a=1", .operations = MAKES }, { .subset = "a=1,b=2", .operations = MAKES }, true },
        { { .subset = "a=1,b=2", .operations = MAKES }, { .subset = "a=1", .operations = MAKES }, false },
        { { .subset = "a=1", .operations = MAKES }, { .equals = "a=1,b=2", .operations = MAKES }, true },
        { { .subset = "a=1", .operations = MAKES }, { .equals = "b=2", .operations = MAKES }, false },
        { { .equals = "a=1", .operations = MAKES }, { .equals = "a=1", .operations = MAKES }, true },
        { { .equals = "a=1", .operations = MAKES }, { .subset = "a=1", .operations = MAKES }, false },
        { { .equals = "a=1", .operations = MAKES }, { .equals = "a=1,b=2", .operations = MAKES }, false },
        { { .equals = "", .operations = MAKES }, { .operations = MAKES }, false },
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        fixture *f = *state;
        kms_grant_t *parent = add(f, rows[i].parent);
        const kms_grant_spec child = spec_of(f, rows[i].child);
        kms_grant_need need;

        assert_ok(kms_grant_need_of_child(&child, f->arena, &need));
        kms_grant_t *found = grants_find(f->grants, place(key_a), SLICE_LIT(ALICE), &need);
        if ((found != NULL) != rows[i].may) {
            fail_msg("row %zu", i);
        }
        kms_grant_unref(found);
        grants_remove(f->grants, parent);
    }
}

static void test_operations_go_with_the_key(void **state)
{
    static const struct {
        const char *spec;
        kms_usage usage;
        unsigned has, lacks;
    } rows[] = {
        { "SYMMETRIC_DEFAULT", KMS_USAGE_ENCRYPT_DECRYPT, GRANT_GENERATE_DATA_KEY_PAIR | GRANT_DESCRIBE_KEY,
          GRANT_SIGN | GRANT_GET_PUBLIC_KEY },
        { "RSA_2048", KMS_USAGE_ENCRYPT_DECRYPT, GRANT_RE_ENCRYPT_TO | GRANT_GET_PUBLIC_KEY,
          GRANT_GENERATE_DATA_KEY | GRANT_VERIFY },
        { "ECC_NIST_P256", KMS_USAGE_SIGN_VERIFY, GRANT_SIGN | GRANT_VERIFY | GRANT_CREATE_GRANT,
          GRANT_DECRYPT | GRANT_DERIVE_SHARED_SECRET },
        { "ECC_NIST_P256", KMS_USAGE_KEY_AGREEMENT, GRANT_DERIVE_SHARED_SECRET,
          GRANT_SIGN },
        { "HMAC_256", KMS_USAGE_GENERATE_VERIFY_MAC, GRANT_GENERATE_MAC | GRANT_RETIRE_GRANT,
          GRANT_GET_PUBLIC_KEY | GRANT_ENCRYPT },
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        unsigned ops = kms_grant_ops_of(kms_spec_named(SLICE_STR(rows[i].spec)), rows[i].usage);
        assert_int_equal(ops & rows[i].has, rows[i].has);
        assert_int_equal(ops & rows[i].lacks, 0);
    }
}

static void test_constraints_are_bounded(void **state)
{
    fixture *f = *state;
    kms_grant_t *grant = NULL;
    char wide[500] = "k=";

    memset(wide + 2, 'x', 385);
    assert_err(draw(f, (sketch){ .subset = wide }, &grant), P11KMS_E_VALIDATION);
    wide[2 + 384] = '\0';
    assert_ok(draw(f, (sketch){ .subset = wide }, &grant));
    kms_grant_unref(grant);
    assert_err(draw(f, (sketch){ .equals = "1=,2=,3=,4=,5=,6=,7=,8=,9=" }, &grant), P11KMS_E_VALIDATION);
    assert_err(draw(f, (sketch){ .subset = "a=1,a=2" }, &grant), P11KMS_E_VALIDATION);
}

/* ---- among many ---- */

static void test_one_of_many_is_found_by_its_context(void **state)
{
    fixture *f = *state;
    char text[64];

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "app=x,id=%u", i);
        add(f, (sketch){ .subset = i % 2 ? text : NULL, .equals = i % 2 ? NULL : text });
    }
    assert_true(allows(f, ALICE, GRANT_DECRYPT, "app=x,id=700"));
    assert_true(allows(f, ALICE, GRANT_DECRYPT, "app=x,id=701,more=y"));
    assert_false(allows(f, ALICE, GRANT_DECRYPT, "app=x,id=700,more=y"));
    assert_false(allows(f, ALICE, GRANT_DECRYPT, "app=x,id=2000"));
    assert_false(allows(f, ALICE, GRANT_DECRYPT, "app=x"));
    assert_int_equal(grants_count(f->grants, place(key_a)), 2000);
}

static void test_pages_meet_without_gap_or_repeat_while_grants_go(void **state)
{
    fixture *f = *state;
    uint8_t after[KMS_GRANT_ID];
    kms_grant_t *page[7];
    size_t seen = 0, n;

    for (unsigned i = 0; i < 100; i++) {
        add(f, (sketch){ .grantee = i % 3 ? ALICE : BOB, .retiring = BOB });
    }
    n = grants_list(f->grants, place(key_a), SLICE(NULL, 0), NULL, page, 7);
    while (n > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(seen == 0 || memcmp(after, page[i]->id, KMS_GRANT_ID) < 0);
            memcpy(after, page[i]->id, KMS_GRANT_ID);
            grants_remove(f->grants, page[i]);
            kms_grant_unref(page[i]);
            seen++;
        }
        n = grants_list(f->grants, place(key_a), SLICE(NULL, 0), after, page, 7);
    }
    assert_int_equal(seen, 100);
    assert_int_equal(grants_count(f->grants, place(key_a)), 0);
    assert_int_equal(grants_list_retirable(f->grants, REGION, SLICE_LIT(BOB), NULL, page, 7), 0);
}

static void test_listings_are_of_one_grantee_or_one_retiring_principal(void **state)
{
    fixture *f = *state;
    kms_grant_t *page[8];

    add(f, (sketch){ .retiring = BOB });
    add(f, (sketch){ .grantee = BOB });
    add(f, (sketch){ .key = key_b, .retiring = BOB });
    assert_int_equal(grants_list(f->grants, place(key_a), SLICE_LIT(BOB), NULL, page, 8), 1);
    assert_slice_text(page[0]->grantee, BOB);
    kms_grant_unref(page[0]);
    size_t n = grants_list_retirable(f->grants, REGION, SLICE_LIT(BOB), NULL, page, 8);
    assert_int_equal(n, 2);
    kms_grant_unref(page[0]);
    kms_grant_unref(page[1]);
    assert_int_equal(grants_list_retirable(f->grants, "us-east-1", SLICE_LIT(BOB), NULL, page, 8), 0);
}

static void test_a_key_takes_its_grants_along_and_nobody_elses(void **state)
{
    fixture *f = *state;
    kms_grant_t *left[4];

    for (unsigned i = 0; i < 200; i++) {
        add(f, (sketch){ .retiring = BOB, .name = "same", .subset = i % 2 ? "a=1" : NULL });
    }
    add(f, (sketch){ .key = key_b, .retiring = BOB });
    grants_remove_key(f->grants, place(key_a));
    assert_int_equal(grants_count(f->grants, place(key_a)), 0);
    assert_int_equal(grants_list_retirable(f->grants, REGION, SLICE_LIT(BOB), NULL, left, 4), 1);
    kms_grant_unref(left[0]);
    assert_int_equal(grants_count(f->grants, place(key_b)), 1);
}

static void test_a_named_grant_is_known_again_by_all_it_says(void **state)
{
    static const sketch named = {
        .name = "n", .retiring = BOB, .subset = "b=2,a=1", .operations = GRANT_DECRYPT | GRANT_ENCRYPT
    };
    fixture *f = *state;
    sketch others[] = { named, named, named, named, named };
    _cleanup_(kms_grant) kms_grant_t *same = NULL;
    const kms_grant_t *first = add(f, named);

    assert_ok(draw(f, named, &same));
    kms_grant_t *like = grants_like(f->grants, same);
    assert_ptr_equal(like, first);
    kms_grant_unref(like);
    others[0].name = "m";
    others[1].retiring = NULL;
    others[2].subset = "a=1";
    others[3].operations = GRANT_DECRYPT;
    others[4].key = key_b;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        _cleanup_(kms_grant) kms_grant_t *other = NULL;
        assert_ok(draw(f, others[i], &other));
        assert_null(grants_like(f->grants, other));
    }
    grants_remove(f->grants, first);
    assert_null(grants_like(f->grants, same));
}

#define THREADED 400

static void *read_all_the_time(void *arg)
{
    fixture *f = arg;
    const kms_grant_need need = { .operations = GRANT_DECRYPT, .ignores_constraints = true };
    kms_grant_t *page[8];

    for (unsigned i = 0; i < 4 * THREADED; i++) {
        kms_grant_t *found = grants_find(f->grants, place(key_a), SLICE_LIT(ALICE), &need);
        assert_true(!found || found->operations & GRANT_DECRYPT);
        kms_grant_unref(found);
        size_t n = grants_list(f->grants, place(key_a), SLICE(NULL, 0), NULL, page, 8);
        for (size_t k = 0; k < n; k++) {
            kms_grant_unref(page[k]);
        }
    }
    return NULL;
}

static void test_readers_see_whole_grants_while_they_come_and_go(void **state)
{
    fixture *f = *state;
    pthread_t readers[2];

    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, f), 0);
    }
    for (unsigned i = 0; i < THREADED; i++) {
        kms_grant_t *grant = add(f, (sketch){ .retiring = BOB, .subset = i % 2 ? "a=1" : NULL });
        if (i % 3) {
            grants_remove(f->grants, grant);
        }
    }
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        pthread_join(readers[i], NULL);
    }
    assert_int_equal(grants_count(f->grants, place(key_a)), (THREADED + 2) / 3);
}

/* ---- rows ---- */

static void test_a_row_becomes_the_same_grant_again(void **state)
{
    fixture *f = *state;
    _cleanup_(kms_grant) kms_grant_t *grant = NULL;
    _cleanup_(kms_grant) kms_grant_t *again = NULL;
    store_grant row;

    assert_ok(draw(f,
                   (sketch){ .name = "n",
                             .retiring = BOB,
                             .equals = "x=",
                             .subset = "b=2,a=1",
                             .operations = GRANT_DECRYPT | GRANT_DERIVE_SHARED_SECRET },
                   &grant));
    kms_grant_row(grant, f->arena, &row);
    assert_string_equal(row.operations, "Decrypt,DeriveSharedSecret");
    assert_ok(kms_grant_of_row(&row, f->arena, &again));
    assert_memory_equal(grant->likeness, again->likeness, sizeof(again->likeness));
    assert_string_equal(grant->id_text, again->id_text);
    assert_int_equal(again->created, 5);
}

static void test_a_damaged_row_is_no_grant(void **state)
{
    fixture *f = *state;
    _cleanup_(kms_grant) kms_grant_t *grant = NULL;
    kms_grant_t *again = NULL;
    store_grant row;

    assert_ok(draw(f, (sketch){ .subset = "a=1" }, &grant));
    kms_grant_row(grant, f->arena, &row);
    row.operations = "Decrypt,Destroy";
    assert_err(kms_grant_of_row(&row, f->arena, &again), P11KMS_E_STORE);
    kms_grant_row(grant, f->arena, &row);
    row.context_subset.len--;
    assert_err(kms_grant_of_row(&row, f->arena, &again), P11KMS_E_STORE);
    row.context_subset = SLICE_LIT("\0\0\0\1a\0\0\0\0\0\0\0\1a\0\0\0\0");
    assert_err(kms_grant_of_row(&row, f->arena, &again), P11KMS_E_STORE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_grant_allows_its_operations_to_its_grantee_on_its_key),
        TEST(test_constraints_hold_the_context_as_awss_examples_say),
        TEST(test_operations_without_a_context_ignore_constraints),
        TEST(test_a_child_is_never_wider_than_its_parent),
        TEST(test_operations_go_with_the_key),
        TEST(test_constraints_are_bounded),
        TEST(test_one_of_many_is_found_by_its_context),
        TEST(test_pages_meet_without_gap_or_repeat_while_grants_go),
        TEST(test_listings_are_of_one_grantee_or_one_retiring_principal),
        TEST(test_a_key_takes_its_grants_along_and_nobody_elses),
        TEST(test_a_named_grant_is_known_again_by_all_it_says),
        TEST(test_readers_see_whole_grants_while_they_come_and_go),
        TEST(test_a_row_becomes_the_same_grant_again),
        TEST(test_a_damaged_row_is_no_grant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
