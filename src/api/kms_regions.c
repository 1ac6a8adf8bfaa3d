/* Multi-Region keys: ReplicateKey and UpdatePrimaryRegion. */
#include "api/api_internal.h"

#include <string.h>

static void note_resources(op_t *op, const kms_key_t *first, const kms_key_t *second)
{
    const kms_key_t *keys[] = { first, second };

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        op->resources[i] = (op_resource_t){
            .arn = arena_strdup(op->arena, keys[i]->arn),
            .account = arena_strdup(op->arena, keys[i]->account),
            .type = "AWS::KMS::Key",
        };
    }
    op->n_resources = COUNT_OF(keys);
}

/* ---- ReplicateKey ---- */

static void answer_replica(op_t *op, const kms_key_t *replica)
{
    const request_t *request = op->act;
    jw_t w = answer_begin(op);

    answer_key_metadata(&w, "ReplicaKeyMetadata", request->kms, replica);
    answer_text(&w, "ReplicaPolicy", replica->policy_json);
    answer_tags(&w, "ReplicaTags", replica->tags, replica->n_tags);
    jw_end(&w);
}

static p11kms_err replica_inserted(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *primary = NULL;
    _cleanup_(kms_key) kms_key_t *replica = kms_key_ref(request->other);

    TRY(request_edit(op, change, KMS_DOES_REPLICATE, &primary));
    TRY(kms_change_replicate(change, primary, STEAL(request->other)));
    answer_replica(op, replica);
    return P11KMS_OK;
}

/* In the replica's Region a key is made: that needs what CreateKey needs. */
static p11kms_err authorise_making(op_t *op, const kms_key_t *primary)
{
    const op_resource_t all = { .arn = "*" };
    const kms_create making = {
        .spec = primary->spec, .usage = primary->usage, .origin = primary->origin, .multi_region = true
    };
    request_t *request = op->act;
    const char *here = op->region;

    request->making = &making;
    op->region = in_text(op, "ReplicaRegion"); /* aws:RequestedRegion: who may not call there makes nothing there */
    p11kms_err err = op_authorize_as(op, "kms:CreateKey", &all, NULL, false, kms_conditions, op);
    if (err == P11KMS_OK && json_length(json_get(op->input, "Tags")) > 0) {
        err = op_authorize_as(op, "kms:TagResource", &all, NULL, false, kms_conditions, op);
    }
    request->making = NULL;
    op->region = here;
    return err;
}

static p11kms_err check_shareable(const kms_key_t *primary)
{
    if (primary->custom_store[0]) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED,
             "%s is in a custom key store: its key material stays on that token and is not shared between Regions.",
             primary->arn);
    }
    return P11KMS_OK;
}

static p11kms_err replicate_begin(op_t *op, request_t *request)
{
    const char *region = in_text(op, "ReplicaRegion");
    slice_t policy = in_string(op, "Policy");
    _cleanup_(kms_key) kms_key_t *replica = NULL;

    TRY(request_tag_count(op, "Tags"));
    if (policy.len > KMS_POLICY_MAX) {
        FAIL(P11KMS_E_LIMIT, "The key policy is longer than %d bytes", KMS_POLICY_MAX);
    }
    TRY(request_key_no_alias(op, KMS_DOES_REPLICATE));
    TRY(authorise_making(op, request->key));
    TRY(check_shareable(request->key));
    if (strcmp(region, op->region) == 0) {
        FAIL(P11KMS_E_VALIDATION, "%s cannot have a replica because it contains the primary.", region);
    }
    TRY(kms_replica_new(request->key, region, in_string(op, "Description"), policy, &replica));
    TRY(read_tags(op, replica));
    TRY(check_new_policy(op, replica, replica->policy));
    note_resources(op, request->key, replica);
    request->other = STEAL(replica);
    return P11KMS_OK;
}

/* The replica is enabled at once, and not only at the next tick. */
static void replicated(op_t *op)
{
    kms_t *kms = ((request_t *)op->act)->kms;
    bool made = op->err == P11KMS_OK;

    op_settle(op);
    if (made) {
        kms_tick(kms);
    }
}

void api_replicate_key(op_t *op)
{
    change_or_fail(op, replicate_begin(op, request_begin(op)), replica_inserted, replicated);
}

/* ---- UpdatePrimaryRegion ---- */

static p11kms_err find_in(request_t *request, const kms_key_t *primary, const char *region, kms_key_t **ret)
{
    kms_family_t family;

    kms_family_of(request->kms, primary, &family);
    const kms_key_t *found = kms_family_in(&family, region);
    *ret = found ? kms_key_ref(found) : NULL;
    kms_family_clear(&family);
    if (!*ret) {
        FAIL(P11KMS_E_VALIDATION, "%s does not have a replica key in the specified Region.", primary->id_text);
    }
    return P11KMS_OK;
}

static p11kms_err primary_moved(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;
    _cleanup_(kms_key) kms_key_t *next = NULL;

    TRY(request_edit(op, change, KMS_DOES_MOVE_PRIMARY, &key));
    TRY(request_edit_of(op, change, request->other, KMS_DOES_MOVE_PRIMARY, &next));
    return kms_change_move_primary(change, STEAL(key), next->region);
}

static p11kms_err check_moves(const kms_key_t *key)
{
    if (!key->multi_region) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s is not a multi-region primary key.", key->arn);
    }
    if (!kms_key_is_primary(key)) {
        FAIL(P11KMS_E_KEY_STATE, "%s is not a multi-Region primary key.", key->arn);
    }
    return P11KMS_OK;
}

/* Leaves request->other without a key where the primary is in that Region already. */
static p11kms_err move_begin(op_t *op, request_t *request)
{
    const char *region = in_text(op, "PrimaryRegion");

    TRY(request_key_no_alias(op, KMS_DOES_MOVE_PRIMARY));
    TRY(check_moves(request->key));
    if (strcmp(region, op->region) == 0) {
        return P11KMS_OK;
    }
    TRY(find_in(request, request->key, region, &request->other));
    TRY(request_authorize(op, request->other, op->row->action));
    TRY(kms_state_check(request->other, KMS_DOES_MOVE_PRIMARY));
    note_resources(op, request->key, request->other);
    return P11KMS_OK;
}

void api_update_primary_region(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = move_begin(op, request);

    if (err == P11KMS_OK && !request->other) { /* it is there */
        op_done(op);
        return;
    }
    change_or_fail(op, err, primary_moved, op_settle);
}
