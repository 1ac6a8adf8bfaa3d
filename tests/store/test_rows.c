/* What each row type promises: what goes in comes out, and who belongs to whom. */
#include "tests/testing.h"

#include <sqlite3.h>
#include <stdio.h>

#include "store/store.h"
#include "tests/fakes/scratch.h"

#define ACCOUNT "123456789012"
#define REGION "eu-central-1"

typedef struct {
    store_t *store;
    const char *path;
} fixture;

static const store_key key_a = {
    .id = { 0xaa },
    .account = ACCOUNT,
    .region = REGION,
    .spec = "SYMMETRIC_DEFAULT",
    .usage = "ENCRYPT_DECRYPT",
    .origin = "AWS_KMS",
    .state = "Enabled",
    .token = "main",
    .description = "für alle",
    .policy = "{}",
    .created = 1700000000000,
    .rotation_days = 365,
    .rotation_next = 1731536000000,
    .current_material = { 0x01 },
    .custom_store = "cks-0123",
    .multi_region = true,
    .primary_region = "eu-west-1",
};
static const store_material material_a = {
    .id = { 0x01 },
    .key_id = { 0xaa },
    .account = ACCOUNT,
    .region = REGION,
    .number = 1,
    .token = "main",
    .scheme = "PRF-HMAC-SHA256",
    .cause = "CREATE",
    .created = 1700000000000,
    .present = true,
    .description = "",
};
static const store_alias alias_a = {
    .account = ACCOUNT, .region = REGION, .name = "alias/a", .key_id = { 0xaa }, .created = 1, .updated = 2
};
static const store_tag tag_a = {
    .account = ACCOUNT, .region = REGION, .key_id = { 0xaa }, .name = "team", .value = "blue"
};
static const store_access_key access_a = {
    .id = "AKIAEXAMPLE", .account = ACCOUNT, .user = "alice", .active = true
};

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    f->path = scratch_path(scratch_folder(), "store.db");
    assert_ok(store_open(f->path, &f->store));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    store_close(f->store);
    free(f);
    return 0;
}

/* Callbacks copy what they see; text lives only during the call. */

typedef struct {
    unsigned count;
    store_key key;
    char description[64];
    char state[64];
} seen_keys;

static p11kms_err see_key(void *arg, const store_key *row)
{
    seen_keys *seen = arg;

    seen->count++;
    seen->key = *row;
    snprintf(seen->description, sizeof(seen->description), "%s", row->description);
    snprintf(seen->state, sizeof(seen->state), "%s", row->state);
    assert_string_equal(row->account, ACCOUNT);
    assert_string_equal(row->spec, "SYMMETRIC_DEFAULT");
    assert_string_equal(row->usage, "ENCRYPT_DECRYPT");
    assert_string_equal(row->origin, "AWS_KMS");
    assert_string_equal(row->token, "main");
    return P11KMS_OK;
}

typedef struct {
    unsigned count;
    char text[1024]; /* what each row says, ";" behind each */
} seen_rows;

static void see(seen_rows *seen, const char *what)
{
    size_t used = strlen(seen->text);

    seen->count++;
    snprintf(seen->text + used, sizeof(seen->text) - used, "%s;", what);
}

static p11kms_err see_material(void *arg, const store_material *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%02x of %02x: %u %s %s %s %lld", row->id[0], row->key_id[0], row->number,
             row->token, row->scheme, row->cause, (long long)row->created);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_intent(void *arg, const store_intent *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%02x %s %lld", row->material_id[0], row->token, (long long)row->created);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_wrapping(void *arg, const store_wrapping *row)
{
    char what[160];

    snprintf(what, sizeof(what), "%02x for %02x in %s on %s: %s %s %lld..%lld", row->id[0], row->key_id[0], row->region,
             row->token, row->spec, row->algorithm, (long long)row->created, (long long)row->valid_to);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_alias(void *arg, const store_alias *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%s %02x %lld %lld", row->name, row->key_id[0], (long long)row->created,
             (long long)row->updated);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_tag(void *arg, const store_tag *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%02x %s=%s", row->key_id[0], row->name, row->value);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_grant(void *arg, const store_grant *row)
{
    char what[256];

    snprintf(what, sizeof(what), "%02x of %02x: '%s' %s '%s' %s %s %d '%.*s' '%.*s' %lld", row->id.data[0],
             row->key_id[0], row->name, row->grantee, row->retiring, row->issuing_account, row->operations,
             row->has_equals, (int)row->context_equals.len, (const char *)row->context_equals.data,
             (int)row->context_subset.len, (const char *)row->context_subset.data, (long long)row->created);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_access_key(void *arg, const store_access_key *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%s %s %.*s %s", row->id, row->user, (int)row->sealed.len,
             (const char *)row->sealed.data, row->active ? "active" : "inactive");
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_use(void *arg, const store_access_key *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%s %lld '%s' '%s'", row->id, (long long)row->last_used, row->last_service,
             row->last_region);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_revocation(void *arg, const store_revocation *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%s %s %lld", row->account, row->role, (long long)row->until);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_usage(void *arg, const store_key_usage *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%02x %lld %s %s %s", row->key_id[0], (long long)row->used, row->operation,
             row->request_id, row->event_id);
    see(arg, what);
    return P11KMS_OK;
}

static p11kms_err see_record(void *arg, const char *event_id, slice_t record)
{
    char what[128];

    snprintf(what, sizeof(what), "%s:%.*s", event_id, (int)record.len, (const char *)record.data);
    see(arg, what);
    return P11KMS_OK;
}

static void insert_family(store_t *store)
{
    assert_ok(store_key_insert(store, &key_a));
    assert_ok(store_material_insert(store, &material_a));
    assert_ok(store_alias_insert(store, &alias_a));
    assert_ok(store_tag_put(store, &tag_a));
}

/* ---- meta ---- */

static void test_a_named_value_comes_back_and_is_replaced(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t value = { 0 };

    assert_err(store_meta_get(f->store, "colour", &value), P11KMS_E_NOT_FOUND);
    assert_ok(store_meta_put(f->store, "colour", SLICE_LIT("red")));
    assert_ok(store_meta_put(f->store, "colour", SLICE_LIT("green\0and")));
    assert_ok(store_meta_get(f->store, "colour", &value));
    assert_slice_equal(buf_slice(&value), SLICE_LIT("green\0and"));
    assert_ok(store_meta_put(f->store, "colour", SLICE(NULL, 0)));
    assert_ok(store_meta_get(f->store, "colour", &value));
    assert_int_equal(value.len, 0);
}

/* ---- keys ---- */

static void test_a_key_comes_back_as_it_was_put(void **state)
{
    fixture *f = *state;
    seen_keys seen = { 0 };

    assert_ok(store_key_insert(f->store, &key_a));
    assert_ok(store_key_each(f->store, see_key, &seen));
    assert_int_equal(seen.count, 1);
    assert_memory_equal(seen.key.id, key_a.id, STORE_ID);
    assert_memory_equal(seen.key.current_material, key_a.current_material, STORE_ID);
    assert_string_equal(seen.description, "für alle");
    assert_int_equal(seen.key.created, key_a.created);
    assert_int_equal(seen.key.deletion_at, 0);
    assert_true(seen.key.multi_region);
    assert_int_equal(seen.key.rotation_days, 365);
    assert_int_equal(seen.key.rotation_next, key_a.rotation_next);
}

static void test_a_second_key_of_one_id_is_refused_but_not_in_another_region(void **state)
{
    fixture *f = *state;
    store_key replica = key_a;
    seen_keys seen = { 0 };

    replica.region = "us-east-1";
    assert_ok(store_key_insert(f->store, &key_a));
    assert_err(store_key_insert(f->store, &key_a), P11KMS_E_EXISTS);
    assert_ok(store_key_insert(f->store, &replica));
    assert_ok(store_key_each(f->store, see_key, &seen));
    assert_int_equal(seen.count, 2);
}

static void test_an_update_changes_all_but_identity_and_creation(void **state)
{
    fixture *f = *state;
    store_key changed = key_a;
    seen_keys seen = { 0 };

    assert_ok(store_key_insert(f->store, &key_a));
    changed.state = "PendingDeletion";
    changed.deletion_at = 1800000000000;
    changed.rotation_days = 0;
    changed.rotation_next = 0;
    changed.current_material[0] = 0x02;
    changed.created = 5;
    assert_ok(store_key_update(f->store, &changed));
    assert_ok(store_key_each(f->store, see_key, &seen));
    assert_string_equal(seen.state, "PendingDeletion");
    assert_int_equal(seen.key.deletion_at, 1800000000000);
    assert_int_equal(seen.key.rotation_days, 0);
    assert_int_equal(seen.key.current_material[0], 0x02);
    assert_int_equal(seen.key.created, key_a.created);
}

static void test_updating_or_deleting_a_key_that_is_not_there_is_told(void **state)
{
    fixture *f = *state;
    store_key elsewhere = key_a;

    elsewhere.region = "us-east-1";
    assert_ok(store_key_insert(f->store, &key_a));
    assert_err(store_key_update(f->store, &elsewhere), P11KMS_E_NOT_FOUND);
    assert_err(store_key_delete(f->store, &elsewhere), P11KMS_E_NOT_FOUND);
}

static void test_a_deleted_key_takes_its_family_along_and_nobody_elses(void **state)
{
    fixture *f = *state;
    store_key other = key_a;
    store_alias others_alias = alias_a;
    seen_rows materials = { 0 };
    seen_rows aliases = { 0 };
    seen_rows tags = { 0 };

    insert_family(f->store);
    other.id[0] = 0xbb;
    others_alias.key_id[0] = 0xbb;
    others_alias.name = "alias/b";
    assert_ok(store_key_insert(f->store, &other));
    assert_ok(store_alias_insert(f->store, &others_alias));

    assert_ok(store_key_delete(f->store, &key_a));
    assert_ok(store_material_each(f->store, see_material, &materials));
    assert_ok(store_alias_each(f->store, see_alias, &aliases));
    assert_ok(store_tag_each(f->store, see_tag, &tags));
    assert_string_equal(materials.text, "");
    assert_string_equal(aliases.text, "alias/b bb 1 2;");
    assert_string_equal(tags.text, "");
}

static void test_text_out_of_bounds_is_refused_before_it_is_stored(void **state)
{
    fixture *f = *state;
    char long_word[100];
    store_key row = key_a;
    seen_keys seen = { 0 };

    memset(long_word, 'w', sizeof(long_word));
    long_word[sizeof(long_word) - 1] = '\0';
    row.spec = long_word;
    assert_err(store_key_insert(f->store, &row), P11KMS_E_RANGE);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_RANGE), "kms_key.spec"));
    row = key_a;
    row.account = "12345";
    assert_err(store_key_insert(f->store, &row), P11KMS_E_RANGE);
    row = key_a;
    row.policy = NULL;
    assert_err(store_key_insert(f->store, &row), P11KMS_E_RANGE);
    row = key_a;
    row.description = "\xff\xfe";
    assert_err(store_key_insert(f->store, &row), P11KMS_E_RANGE);
    row = key_a;
    row.rotation_days = -1;
    assert_err(store_key_insert(f->store, &row), P11KMS_E_RANGE);
    assert_ok(store_key_each(f->store, see_key, &seen));
    assert_int_equal(seen.count, 0);
}

/* ---- materials ---- */

static void test_materials_come_back_in_the_order_of_rotation(void **state)
{
    fixture *f = *state;
    store_material second = material_a;
    seen_rows seen = { 0 };

    insert_family(f->store);
    second.id[0] = 0x00;
    second.number = 2;
    second.cause = "ON_DEMAND";
    assert_ok(store_material_insert(f->store, &second));
    assert_ok(store_material_each(f->store, see_material, &seen));
    assert_string_equal(seen.text, "01 of aa: 1 main PRF-HMAC-SHA256 CREATE 1700000000000;"
                                   "00 of aa: 2 main PRF-HMAC-SHA256 ON_DEMAND 1700000000000;");
}

static p11kms_err see_import(void *arg, const store_material *row)
{
    char what[128];

    snprintf(what, sizeof(what), "%s %s %s %lld '%s' %.*s/%.*s %s %lld", row->imported ? "imported" : "made",
             row->present ? "present" : "absent", row->pending ? "pending" : "settled", (long long)row->valid_to,
             row->description, (int)row->check_value.len, (const char *)row->check_value.data,
             (int)row->public_key.len, (const char *)row->public_key.data, row->cause, (long long)row->created);
    see(arg, what);
    return P11KMS_OK;
}

static void test_an_imported_material_changes_all_but_what_it_is(void **state)
{
    fixture *f = *state;
    store_material imported = material_a;
    seen_rows before = { 0 };
    seen_rows after = { 0 };

    assert_ok(store_key_insert(f->store, &key_a));
    imported.imported = true;
    imported.pending = true;
    imported.public_key = SLICE_LIT("spki");
    imported.check_value = SLICE_LIT("check");
    imported.valid_to = 1800000000000;
    imported.description = "vault 7";
    assert_ok(store_material_insert(f->store, &imported));
    assert_ok(store_material_each(f->store, see_import, &before));
    assert_string_equal(before.text,
                        "imported present pending 1800000000000 'vault 7' check/spki CREATE 1700000000000;");

    imported.present = false;
    imported.pending = false;
    imported.valid_to = 0;
    imported.description = "";
    imported.check_value = SLICE_LIT("other");
    imported.cause = "ON_DEMAND";
    imported.created = 1700000000001;
    imported.public_key = SLICE_LIT("another");
    assert_ok(store_material_update(f->store, &imported));
    assert_ok(store_material_each(f->store, see_import, &after));
    assert_string_equal(after.text, "imported absent settled 0 '' other/spki ON_DEMAND 1700000000001;");

    imported.id[0] = 0x77;
    assert_err(store_material_update(f->store, &imported), P11KMS_E_NOT_FOUND);
}

static void test_a_material_needs_its_key_and_a_number_of_its_own(void **state)
{
    fixture *f = *state;
    store_material twin = material_a;

    assert_err(store_material_insert(f->store, &material_a), P11KMS_E_NOT_FOUND);
    insert_family(f->store);
    assert_err(store_material_insert(f->store, &material_a), P11KMS_E_EXISTS);
    twin.id[0] = 0x07;
    assert_err(store_material_insert(f->store, &twin), P11KMS_E_EXISTS);
    twin.number = 0;
    assert_err(store_material_insert(f->store, &twin), P11KMS_E_RANGE);
}

static void test_a_material_can_be_removed_alone(void **state)
{
    fixture *f = *state;
    store_material second = material_a;
    seen_rows seen = { 0 };

    assert_ok(store_key_insert(f->store, &key_a));
    assert_ok(store_material_insert(f->store, &material_a));
    second.id[0] = 0x02;
    second.number = 2;
    assert_ok(store_material_insert(f->store, &second));
    assert_ok(store_material_delete(f->store, &second));
    assert_err(store_material_delete(f->store, &second), P11KMS_E_NOT_FOUND);
    assert_ok(store_material_each(f->store, see_material, &seen));
    assert_string_equal(seen.text, "01 of aa: 1 main PRF-HMAC-SHA256 CREATE 1700000000000;");
    assert_ok(store_material_insert(f->store, &second)); /* its number is free again */
}

/* ---- wrapping keys ---- */

static void test_a_wrapping_key_outlasts_the_key_it_is_for(void **state)
{
    fixture *f = *state;
    store_wrapping row = {
        .id = { 0x77 }, .key_id = { 0xaa }, .account = ACCOUNT, .region = REGION, .token = "main",
        .algorithm = "RSAES_OAEP_SHA_256", .spec = "RSA_4096", .created = 10, .valid_to = 20,
    };
    seen_rows before = { 0 };
    seen_rows after = { 0 };

    assert_ok(store_key_insert(f->store, &key_a));
    assert_ok(store_wrapping_insert(f->store, &row));
    assert_err(store_wrapping_insert(f->store, &row), P11KMS_E_EXISTS);
    assert_ok(store_key_delete(f->store, &key_a));
    assert_ok(store_wrapping_each(f->store, see_wrapping, &before));
    assert_string_equal(before.text, "77 for aa in eu-central-1 on main: RSA_4096 RSAES_OAEP_SHA_256 10..20;");
    assert_ok(store_wrapping_delete(f->store, row.id));
    assert_ok(store_wrapping_delete(f->store, row.id)); /* gone is gone */
    assert_ok(store_wrapping_each(f->store, see_wrapping, &after));
    assert_string_equal(after.text, "");
}

/* ---- intents ---- */

static void test_an_intent_stays_until_it_is_deleted(void **state)
{
    fixture *f = *state;
    store_intent row = { .material_id = { 0x05 }, .token = "main", .created = 10 };
    seen_rows before = { 0 };
    seen_rows after = { 0 };

    assert_ok(store_intent_put(f->store, &row));
    row.created = 11;
    assert_ok(store_intent_put(f->store, &row));
    row.material_id[0] = 0x04;
    row.created = 12;
    assert_ok(store_intent_put(f->store, &row));
    assert_ok(store_intent_each(f->store, see_intent, &before));
    assert_string_equal(before.text, "05 main 11;04 main 12;");

    assert_ok(store_intent_delete(f->store, row.material_id));
    assert_ok(store_intent_delete(f->store, row.material_id)); /* gone is gone */
    assert_ok(store_intent_each(f->store, see_intent, &after));
    assert_string_equal(after.text, "05 main 11;");
}

/* ---- aliases ---- */

static void test_an_alias_is_one_name_in_account_and_region(void **state)
{
    fixture *f = *state;
    store_key other = key_a;
    store_alias moved = alias_a;
    seen_rows seen = { 0 };

    insert_family(f->store);
    other.id[0] = 0xbb;
    assert_ok(store_key_insert(f->store, &other));
    moved.key_id[0] = 0xbb;
    moved.updated = 9;
    moved.created = 9;
    assert_err(store_alias_insert(f->store, &moved), P11KMS_E_EXISTS);
    assert_ok(store_alias_update(f->store, &moved));
    assert_ok(store_alias_each(f->store, see_alias, &seen));
    assert_string_equal(seen.text, "alias/a bb 1 9;");
}

static void test_an_alias_that_is_not_there_is_told(void **state)
{
    fixture *f = *state;

    assert_err(store_alias_update(f->store, &alias_a), P11KMS_E_NOT_FOUND);
    assert_err(store_alias_delete(f->store, ACCOUNT, REGION, "alias/a"), P11KMS_E_NOT_FOUND);
    insert_family(f->store);
    assert_ok(store_alias_delete(f->store, ACCOUNT, REGION, "alias/a"));
    assert_err(store_alias_delete(f->store, ACCOUNT, REGION, "alias/a"), P11KMS_E_NOT_FOUND);
}

static void test_an_alias_to_no_key_is_refused(void **state)
{
    fixture *f = *state;
    store_alias astray = alias_a;

    assert_err(store_alias_insert(f->store, &alias_a), P11KMS_E_NOT_FOUND);
    insert_family(f->store);
    astray.key_id[0] = 0xcc;
    assert_err(store_alias_update(f->store, &astray), P11KMS_E_NOT_FOUND);
}

/* ---- tags ---- */

static void test_a_tag_is_replaced_and_its_removal_is_idempotent(void **state)
{
    fixture *f = *state;
    store_tag changed = tag_a;
    seen_rows before = { 0 };
    seen_rows after = { 0 };

    insert_family(f->store);
    changed.value = "";
    assert_ok(store_tag_put(f->store, &changed));
    assert_ok(store_tag_each(f->store, see_tag, &before));
    assert_string_equal(before.text, "aa team=;");
    assert_ok(store_tag_delete(f->store, &tag_a));
    assert_ok(store_tag_delete(f->store, &tag_a));
    assert_ok(store_tag_each(f->store, see_tag, &after));
    assert_int_equal(after.count, 0);
}

/* ---- access keys ---- */

static const store_grant grant_a = {
    .account = ACCOUNT,
    .region = REGION,
    .key_id = { 0xaa },
    .id = { (const uint8_t *)"0123456789abcdef0123456789abcdef", 32 },
    .name = "",
    .grantee = "arn:a",
    .retiring = "arn:b",
    .issuing_account = "999999999999",
    .operations = "Decrypt,Encrypt",
    .has_equals = true,
    .context_equals = { (const uint8_t *)"eq", 2 },
    .context_subset = { (const uint8_t *)"sub", 3 },
    .created = 7,
};

static void test_a_grant_comes_back_until_it_or_its_key_is_deleted(void **state)
{
    fixture *f = *state;
    seen_rows seen = { 0 };
    store_grant other = grant_a;

    other.id = SLICE_LIT("1123456789abcdef0123456789abcdef");
    assert_err(store_grant_insert(f->store, &grant_a), P11KMS_E_NOT_FOUND);
    assert_ok(store_key_insert(f->store, &key_a));
    assert_ok(store_grant_insert(f->store, &grant_a));
    assert_ok(store_grant_insert(f->store, &other));
    assert_err(store_grant_insert(f->store, &grant_a), P11KMS_E_EXISTS);
    assert_ok(store_grant_delete(f->store, &other));
    assert_err(store_grant_delete(f->store, &other), P11KMS_E_NOT_FOUND);
    assert_ok(store_grant_each(f->store, see_grant, &seen));
    assert_string_equal(seen.text,
                        "30 of aa: '' arn:a 'arn:b' 999999999999 Decrypt,Encrypt 1 'eq' 'sub' 7;");
    assert_ok(store_key_delete(f->store, &key_a));
    seen = (seen_rows){ 0 };
    assert_ok(store_grant_each(f->store, see_grant, &seen));
    assert_int_equal(seen.count, 0);
}

static void test_a_grants_id_has_its_length(void **state)
{
    fixture *f = *state;
    store_grant row = grant_a;

    assert_ok(store_key_insert(f->store, &key_a));
    row.id.len = 31;
    assert_err(store_grant_insert(f->store, &row), P11KMS_E_RANGE);
}

static void test_an_access_key_is_switched_off_on_and_deleted(void **state)
{
    fixture *f = *state;
    store_access_key row = access_a;
    seen_rows off = { 0 };
    seen_rows gone = { 0 };

    row.sealed = SLICE_LIT("blob");
    assert_ok(store_access_key_insert(f->store, &row));
    assert_err(store_access_key_insert(f->store, &row), P11KMS_E_EXISTS);
    assert_ok(store_access_key_set_active(f->store, "AKIAEXAMPLE", false));
    assert_ok(store_access_key_each(f->store, see_access_key, &off));
    assert_string_equal(off.text, "AKIAEXAMPLE alice blob inactive;");
    assert_ok(store_access_key_delete(f->store, "AKIAEXAMPLE"));
    assert_err(store_access_key_delete(f->store, "AKIAEXAMPLE"), P11KMS_E_NOT_FOUND);
    assert_err(store_access_key_set_active(f->store, "AKIAEXAMPLE", true), P11KMS_E_NOT_FOUND);
    assert_ok(store_access_key_each(f->store, see_access_key, &gone));
    assert_int_equal(gone.count, 0);
}

static void test_an_access_key_remembers_its_last_use(void **state)
{
    fixture *f = *state;
    const store_access_key use = {
        .id = "AKIAEXAMPLE", .last_used = 1700000000123, .last_service = "kms", .last_region = "eu-central-1"
    };
    store_access_key row = access_a;
    seen_rows never = { 0 };
    seen_rows once = { 0 };

    row.sealed = SLICE_LIT("blob");
    assert_err(store_access_key_used(f->store, &use), P11KMS_E_NOT_FOUND);
    assert_ok(store_access_key_insert(f->store, &row));
    assert_ok(store_access_key_each(f->store, see_use, &never));
    assert_string_equal(never.text, "AKIAEXAMPLE 0 '' '';");
    assert_ok(store_access_key_used(f->store, &use));
    assert_ok(store_access_key_each(f->store, see_use, &once));
    assert_string_equal(once.text, "AKIAEXAMPLE 1700000000123 'kms' 'eu-central-1';");
}

/* ---- uses of keys ---- */

static const store_key_usage usage_a = {
    .account = ACCOUNT, .region = REGION, .key_id = { 0xaa }, .used = 5, .operation = "Encrypt",
    .request_id = "r5", .event_id = "e5",
};

static void test_of_two_uses_of_a_key_the_later_stays(void **state)
{
    fixture *f = *state;
    store_key_usage use = usage_a;
    seen_rows seen = { 0 };

    insert_family(f->store);
    assert_err(store_key_usage_get(f->store, &usage_a, see_usage, &seen), P11KMS_E_NOT_FOUND);
    assert_ok(store_key_usage_put(f->store, &use));
    use.used = 7;
    use.operation = "Decrypt";
    use.event_id = "e7";
    assert_ok(store_key_usage_put(f->store, &use));
    use.used = 6;
    use.operation = "ReEncrypt";
    assert_ok(store_key_usage_put(f->store, &use));
    assert_ok(store_key_usage_get(f->store, &usage_a, see_usage, &seen));
    assert_string_equal(seen.text, "aa 7 Decrypt r5 e7;");
}

static void test_a_use_goes_with_its_key_and_leaves_no_row_without_it(void **state)
{
    fixture *f = *state;
    seen_rows seen = { 0 };

    assert_ok(store_key_usage_put(f->store, &usage_a));
    assert_err(store_key_usage_get(f->store, &usage_a, see_usage, &seen), P11KMS_E_NOT_FOUND);
    insert_family(f->store);
    assert_ok(store_key_usage_put(f->store, &usage_a));
    assert_ok(store_key_delete(f->store, &key_a));
    assert_err(store_key_usage_get(f->store, &usage_a, see_usage, &seen), P11KMS_E_NOT_FOUND);
    assert_int_equal(seen.count, 0);
}

/* ---- revocations ---- */

static void test_of_two_revocations_the_later_stays(void **state)
{
    fixture *f = *state;
    store_revocation a = { .account = ACCOUNT, .role = "arn:a", .until = 5 };
    const store_revocation b = { .account = ACCOUNT, .role = "arn:b", .until = 1 };
    seen_rows seen = { 0 };

    assert_ok(store_revocation_put(f->store, &a));
    assert_ok(store_revocation_put(f->store, &b));
    a.until = 7;
    assert_ok(store_revocation_put(f->store, &a));
    a.until = 6;
    assert_ok(store_revocation_put(f->store, &a));
    assert_ok(store_revocation_each(f->store, see_revocation, &seen));
    assert_string_equal(seen.text, ACCOUNT " arn:a 7;" ACCOUNT " arn:b 1;");
}

/* ---- the outbox ---- */

static p11kms_err see_and_delete(void *arg, const char *event_id, slice_t record)
{
    fixture *f = arg;

    (void)record;
    return store_outbox_delete(f->store, event_id);
}

static void test_the_outbox_keeps_the_order_of_its_records(void **state)
{
    fixture *f = *state;
    seen_rows seen = { 0 };

    assert_ok(store_outbox_put(f->store, "z", SLICE_LIT("1")));
    assert_ok(store_outbox_put(f->store, "a", SLICE_LIT("2")));
    assert_err(store_outbox_put(f->store, "a", SLICE_LIT("other")), P11KMS_E_EXISTS);
    assert_ok(store_outbox_delete(f->store, "z"));
    assert_ok(store_outbox_delete(f->store, "z"));
    assert_ok(store_outbox_put(f->store, "m", SLICE_LIT("3")));
    assert_ok(store_outbox_each(f->store, see_record, &seen));
    assert_string_equal(seen.text, "a:2;m:3;");
}

static void test_a_callback_may_delete_the_row_it_is_given(void **state)
{
    fixture *f = *state;
    seen_rows seen = { 0 };

    assert_ok(store_outbox_put(f->store, "a", SLICE_LIT("1")));
    assert_ok(store_outbox_put(f->store, "b", SLICE_LIT("2")));
    assert_ok(store_outbox_put(f->store, "c", SLICE_LIT("3")));
    assert_ok(store_outbox_each(f->store, see_and_delete, f));
    assert_ok(store_outbox_each(f->store, see_record, &seen));
    assert_int_equal(seen.count, 0);
}

/* ---- callbacks and stored rows ---- */

static p11kms_err refuse_key(void *arg, const store_key *row)
{
    unsigned *calls = arg;

    (void)row;
    ++*calls;
    return P11KMS_E_SHUTDOWN;
}

static void test_a_callbacks_error_ends_the_reading_and_is_returned(void **state)
{
    fixture *f = *state;
    store_key other = key_a;
    unsigned calls = 0;
    seen_keys seen = { 0 };

    other.id[0] = 0xbb;
    assert_ok(store_key_insert(f->store, &key_a));
    assert_ok(store_key_insert(f->store, &other));
    assert_err(store_key_each(f->store, refuse_key, &calls), P11KMS_E_SHUTDOWN);
    assert_int_equal(calls, 1);
    assert_ok(store_key_each(f->store, see_key, &seen)); /* the statement came back */
    assert_int_equal(seen.count, 2);
}

static p11kms_err read_again(void *arg, const store_key *row)
{
    fixture *f = arg;

    (void)row;
    return store_key_each(f->store, read_again, f);
}

static void test_reading_the_rows_one_is_called_from_is_refused(void **state)
{
    fixture *f = *state;

    assert_ok(store_key_insert(f->store, &key_a));
    assert_err(store_key_each(f->store, read_again, f), P11KMS_E_INTERNAL);
}

/** Change what is stored behind the store's back. */
static void damage(const fixture *f, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void assert_damaged(const char *column, const char *row)
{
    const char *detail = p11kms_err_detail(P11KMS_E_STORE);

    if (strstr(detail, column) == NULL || strstr(detail, row) == NULL) {
        fail_msg("'%s' names not both '%s' and '%s'", detail, column, row);
    }
}

static void test_a_damaged_row_is_refused_by_table_and_key(void **state)
{
    static const struct {
        const char *sql;
        const char *column;
    } cases[] = {
        { "UPDATE kms_key SET spec = x'00'", "column spec" },
        { "UPDATE kms_key SET state = ''", "column state" },
        { "UPDATE kms_key SET state = CAST(x'41ff' AS TEXT)", "column state" },
        { "UPDATE kms_key SET state = CAST(x'410042' AS TEXT)", "column state" },
        { "UPDATE kms_key SET policy = CAST(zeroblob(600000) AS TEXT)", "column policy" },
        { "UPDATE kms_key SET rotation_days = 'often'", "column rotation_days" },
        { "UPDATE kms_key SET rotation_days = 4294967297", "column rotation_days" },
        { "UPDATE kms_key SET rotation_next = -1", "column rotation_next" },
        { "UPDATE kms_key SET rotation_next = 1.5", "column rotation_next" },
        { "UPDATE kms_key SET current_material = x'01'", "column current_material" },
        { "UPDATE kms_key SET account = '1'", "column account" },
    };
    fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        seen_keys seen = { 0 };

        assert_ok(store_key_insert(f->store, &key_a));
        damage(f, cases[i].sql);
        assert_err(store_key_each(f->store, see_key, &seen), P11KMS_E_STORE);
        assert_int_equal(seen.count, 0);
        assert_damaged(cases[i].column, "kms_key: account=1");
        damage(f, "DELETE FROM kms_key");
    }
}

static void test_a_key_column_that_is_damaged_itself_is_shown_safely(void **state)
{
    fixture *f = *state;
    seen_rows seen = { 0 };

    assert_ok(store_outbox_put(f->store, "a", SLICE_LIT("1")));
    damage(f, "UPDATE outbox SET event_id = CAST(x'1b5b324a' || zeroblob(3000000) AS TEXT)");
    assert_err(store_outbox_each(f->store, see_record, &seen), P11KMS_E_STORE);
    assert_damaged("column event_id", "outbox: event_id=?[2J?");
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_a_named_value_comes_back_and_is_replaced),
        PROMISE(test_a_key_comes_back_as_it_was_put),
        PROMISE(test_a_second_key_of_one_id_is_refused_but_not_in_another_region),
        PROMISE(test_an_update_changes_all_but_identity_and_creation),
        PROMISE(test_updating_or_deleting_a_key_that_is_not_there_is_told),
        PROMISE(test_a_deleted_key_takes_its_family_along_and_nobody_elses),
        PROMISE(test_text_out_of_bounds_is_refused_before_it_is_stored),
        PROMISE(test_materials_come_back_in_the_order_of_rotation),
        PROMISE(test_an_imported_material_changes_all_but_what_it_is),
        PROMISE(test_a_material_needs_its_key_and_a_number_of_its_own),
        PROMISE(test_a_material_can_be_removed_alone),
        PROMISE(test_a_wrapping_key_outlasts_the_key_it_is_for),
        PROMISE(test_an_intent_stays_until_it_is_deleted),
        PROMISE(test_an_alias_is_one_name_in_account_and_region),
        PROMISE(test_an_alias_that_is_not_there_is_told),
        PROMISE(test_an_alias_to_no_key_is_refused),
        PROMISE(test_a_tag_is_replaced_and_its_removal_is_idempotent),
        PROMISE(test_a_grant_comes_back_until_it_or_its_key_is_deleted),
        PROMISE(test_a_grants_id_has_its_length),
        PROMISE(test_an_access_key_is_switched_off_on_and_deleted),
        PROMISE(test_an_access_key_remembers_its_last_use),
        PROMISE(test_of_two_uses_of_a_key_the_later_stays),
        PROMISE(test_a_use_goes_with_its_key_and_leaves_no_row_without_it),
        PROMISE(test_of_two_revocations_the_later_stays),
        PROMISE(test_the_outbox_keeps_the_order_of_its_records),
        PROMISE(test_a_callback_may_delete_the_row_it_is_given),
        PROMISE(test_a_callbacks_error_ends_the_reading_and_is_returned),
        PROMISE(test_reading_the_rows_one_is_called_from_is_refused),
        PROMISE(test_a_damaged_row_is_refused_by_table_and_key),
        PROMISE(test_a_key_column_that_is_damaged_itself_is_shown_safely),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
