/* Keys themselves: make, describe, list, enable, disable, delete. */
#include "api/api_internal.h"

#include <string.h>

#include "util/clock.h"

static void answer_metadata(op_t *op, const kms_key_t *key)
{
    jw_t w = answer_begin(op);

    answer_key_metadata(&w, "KeyMetadata", ((request_t *)op->act)->kms, key);
    jw_end(&w);
}

/* ---- CreateKey ---- */

static p11kms_err read_spec(const op_t *op, const kms_spec **ret)
{
    slice_t spec = in_string(op, "KeySpec");
    slice_t old_spec = in_string(op, "CustomerMasterKeySpec");

    if (spec.len && old_spec.len) {
        FAIL(P11KMS_E_VALIDATION,
             "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.");
    }
    spec = old_spec.len ? old_spec : spec;
    *ret = spec.len ? kms_spec_named(spec) : &kms_symmetric_default;
    ENSURE(*ret, P11KMS_E_INTERNAL);
    return P11KMS_OK;
}

static p11kms_err read_spec_and_usage(const op_t *op, kms_create *create)
{
    slice_t usage = in_string(op, "KeyUsage");

    TRY(read_spec(op, &create->spec));
    if (!usage.len && create->spec->family != KMS_FAMILY_SYMMETRIC) {
        FAIL(P11KMS_E_VALIDATION,
             "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.");
    }
    if (usage.len) {
        ENSURE(kms_usage_named(usage, &create->usage), P11KMS_E_INTERNAL);
    }
    if (!(create->spec->usages & (1u << create->usage))) {
        FAIL(P11KMS_E_VALIDATION, "KeyUsage %s is not compatible with KeySpec %s", kms_usage_name(create->usage),
             create->spec->name);
    }
    return P11KMS_OK;
}

/* What would make another kind of key must not be taken for a plain one. */
static p11kms_err read_origin(const op_t *op, kms_create *create)
{
    slice_t origin = in_string(op, "Origin");

    create->multi_region = in_bool(op, "MultiRegion", false);
    if (origin.len) {
        ENSURE(kms_origin_named(origin, &create->origin), P11KMS_E_INTERNAL);
    }
    return P11KMS_OK;
}

p11kms_err read_tags(op_t *op, kms_key_t *key)
{
    const json_t *tags = json_get(op->input, "Tags");

    for (size_t i = 0; i < json_length(tags); i++) {
        slice_t name = json_string(json_get(json_at(tags, i), "TagKey"));

        TRY(kms_check_tag_name(name));
        for (size_t k = 0; k < i; k++) {
            if (slice_eq(name, json_string(json_get(json_at(tags, k), "TagKey")))) {
                FAIL(P11KMS_E_TAG, "Duplicate tag keys");
            }
        }
        TRY(kms_key_set_tag(key, name, json_string(json_get(json_at(tags, i), "TagValue"))));
    }
    if (key->n_tags > KMS_TAGS_MAX) {
        FAIL(P11KMS_E_TAG, "Too many tags");
    }
    return P11KMS_OK;
}

static p11kms_err key_inserted(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = kms_key_ref(request->key);

    TRY(kms_change_create(change, STEAL(request->key), key->origin == KMS_ORIGIN_EXTERNAL ? NULL : &op->token_op));
    answer_metadata(op, key);
    return P11KMS_OK;
}

static void material_made(op_t *op)
{
    kms_keep_material(op, key_inserted);
}

static p11kms_err create_begin(op_t *op, request_t *request)
{
    _cleanup_(kms_custom) kms_custom_t *custom = NULL;
    kms_create create = {
        .account = op->account,
        .region = op->region,
        .description = in_string(op, "Description"),
        .policy = in_string(op, "Policy"),
    };
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(read_spec_and_usage(op, &create));
    TRY(read_origin(op, &create));
    request->making = &create;
    TRY(request_tag_count(op, "Tags"));
    if (create.policy.len > KMS_POLICY_MAX) {
        FAIL(P11KMS_E_LIMIT, "The key policy is longer than %d bytes", KMS_POLICY_MAX);
    }
    TRY(request_anything(op));
    if (json_length(json_get(op->input, "Tags")) > 0) {
        const op_resource_t all = { .arn = "*" };
        TRY(op_authorize_as(op, "kms:TagResource", &all, NULL, false, kms_conditions, op));
    }
    TRY(custom_for_key(op, &create, &custom));
    TRY(kms_create_key(request->kms, &create, &key));
    TRY(read_tags(op, key));
    TRY(check_new_policy(op, key, key->policy));
    op->resources[0] = (op_resource_t){ .arn = arena_strdup(op->arena, key->arn),
                                        .account = op->account,
                                        .type = "AWS::KMS::Key" };
    op->n_resources = 1;
    request->key = STEAL(key);
    return P11KMS_OK;
}

void api_create_key(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = create_begin(op, request);

    request->making = NULL;
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    if (request->key->origin == KMS_ORIGIN_EXTERNAL_KEY_STORE) {
        custom_adopt_key(op, key_inserted);
    } else if (request->key->origin == KMS_ORIGIN_EXTERNAL) {
        op_change(op, key_inserted, op_settle);
    } else {
        kms_make_material(op, request->kms, request->key, material_made);
    }
}

/* ---- DescribeKey, ListKeys ---- */

static p11kms_err describe_key(op_t *op, request_t *request)
{
    TRY(in_refuse_unsupported(op));
    TRY(request_key(op, "KeyId", KMS_NAME_ANY, KMS_DOES_READ));
    answer_metadata(op, request->key);
    return P11KMS_OK;
}

void api_describe_key(op_t *op)
{
    answer_settle(op, describe_key(op, request_begin(op)));
}

static p11kms_err list_keys(op_t *op, request_t *request)
{
    page_t page;

    TRY(request_anything(op));
    TRY(page_begin(op, "ListKeys", 100, 1000, &page));
    kms_key_t **keys = arena_alloc(op->arena, (page.limit + 1) * sizeof(*keys));
    size_t n = catalog_list_keys(kms_catalog(request->kms), op->account, op->region, page.after, keys,
                                 page.limit + 1);
    bool more = n > page.limit;
    size_t shown = more ? page.limit : n;
    jw_t w = answer_begin(op);

    jw_key(&w, "Keys");
    jw_array(&w);
    for (size_t i = 0; i < shown; i++) {
        jw_object(&w);
        answer_text(&w, "KeyArn", keys[i]->arn);
        answer_text(&w, "KeyId", keys[i]->id_text);
        jw_end(&w);
    }
    jw_end(&w);
    page_end(op, &w, &page, more, shown ? keys[shown - 1]->id_text : "");
    jw_end(&w);
    for (size_t i = 0; i < n; i++) {
        kms_key_unref(keys[i]);
    }
    return P11KMS_OK;
}

void api_list_keys(op_t *op)
{
    answer_settle(op, list_keys(op, request_begin(op)));
}

/* ---- edits of one key ---- */

static void edit_key(op_t *op, kms_doing doing, op_change_fn change)
{
    request_begin(op);
    change_or_fail(op, request_key(op, "KeyId", KMS_NAME_KEY, doing), change, op_settle);
}

static p11kms_err set_description(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_EDIT, &key));
    TRY(kms_key_set_description(key, in_string(op, "Description")));
    return kms_change_put(change, STEAL(key));
}

void api_update_key_description(op_t *op)
{
    edit_key(op, KMS_DOES_EDIT, set_description);
}

static p11kms_err set_state(op_t *op, store_t *store, kms_state state)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_ENABLE, &key));
    key->stored = state;
    return kms_change_put(change, STEAL(key));
}

static p11kms_err set_enabled(op_t *op, store_t *store)
{
    return set_state(op, store, KMS_STATE_ENABLED);
}

static p11kms_err set_disabled(op_t *op, store_t *store)
{
    return set_state(op, store, KMS_STATE_DISABLED);
}

void api_enable_key(op_t *op)
{
    edit_key(op, KMS_DOES_ENABLE, set_enabled);
}

void api_disable_key(op_t *op)
{
    edit_key(op, KMS_DOES_ENABLE, set_disabled);
}

/* ---- deletion ---- */

static p11kms_err schedule_deletion(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;
    int64_t days = in_int(op, "PendingWindowInDays", KMS_WINDOW_MAX);

    TRY(request_edit(op, change, KMS_DOES_SCHEDULE, &key));
    bool waits = kms_has_replicas(request->kms, key);
    key->stored = waits ? KMS_STATE_PENDING_REPLICA_DELETION : KMS_STATE_PENDING_DELETION;
    key->deletion_days = waits ? (int)days : 0;
    key->deletion_at = waits ? 0 : clock_service_ms() + days * CLOCK_DAY_MS;
    jw_t w = answer_begin(op);
    if (!waits) {
        jw_key(&w, "DeletionDate");
        jw_epoch(&w, key->deletion_at);
    }
    answer_key_arn(&w, key);
    answer_text(&w, "KeyState", kms_state_name(key->stored));
    jw_key(&w, "PendingWindowInDays");
    jw_int(&w, days);
    jw_end(&w);
    return kms_change_put(change, STEAL(key));
}

/* The model lets 1 to 365 pass; the service does not (Developer Guide, "Deleting AWS KMS keys"). */
static p11kms_err check_window(const op_t *op)
{
    int64_t days = in_int(op, "PendingWindowInDays", KMS_WINDOW_MAX);

    if (days < KMS_WINDOW_MIN || days > KMS_WINDOW_MAX) {
        FAIL(P11KMS_E_VALIDATION, "PendingWindowInDays must be between %d and %d (inclusive)", KMS_WINDOW_MIN,
             KMS_WINDOW_MAX);
    }
    return P11KMS_OK;
}

void api_schedule_key_deletion(op_t *op)
{
    p11kms_err err = check_window(op);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    edit_key(op, KMS_DOES_SCHEDULE, schedule_deletion);
}

static p11kms_err cancel_deletion(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_CANCEL, &key));
    if (key->stored == KMS_STATE_PENDING_DELETION && key->deletion_at <= clock_service_ms()) {
        FAIL(P11KMS_E_KEY_STATE, "%s is being deleted.", key->arn);
    }
    key->stored = kms_key_lacks_material(key, clock_service_ms()) ? KMS_STATE_PENDING_IMPORT : KMS_STATE_DISABLED;
    key->deletion_at = 0;
    key->deletion_days = 0;
    jw_t w = answer_begin(op);
    answer_key_arn(&w, key);
    jw_end(&w);
    return kms_change_put(change, STEAL(key));
}

void api_cancel_key_deletion(op_t *op)
{
    edit_key(op, KMS_DOES_CANCEL, cancel_deletion);
}
