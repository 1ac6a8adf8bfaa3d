/* Aliases: permission is needed on the alias (identity policies) and on the key (its policy). */
#include "api/api_internal.h"

#include <string.h>

static p11kms_err authorize_alias(op_t *op, const char *name)
{
    const op_resource_t alias = {
        .arn = arena_printf(op->arena, "arn:aws:kms:%s:%s:%s", op->region, op->account, name),
        .account = op->account,
        .type = "AWS::KMS::Alias",
    };

    return op_authorize(op, &alias, NULL, false, kms_conditions, op);
}

static p11kms_err alias_name(op_t *op, const char **ret)
{
    *ret = in_text(op, "AliasName");
    return kms_check_alias_name(in_string(op, "AliasName"));
}

/* Refuses what would otherwise read "Invalid keyId": AWS has a sentence of its own for an alias as target. */
static p11kms_err target_key(op_t *op, kms_key_t **ret)
{
    slice_t target = in_string(op, "TargetKeyId");

    if (slice_has_prefix(target, "alias/")) {
        FAIL(P11KMS_E_VALIDATION, "Aliases must refer to keys. Not aliases");
    }
    return request_key_as(op, target, KMS_NAME_KEY, op->row->action, ret);
}

/* ---- CreateAlias ---- */

static p11kms_err insert_alias(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_EDIT, &key));
    return kms_change_alias(change, op->account, op->region, request->name, key, true);
}

static p11kms_err create_alias(op_t *op, request_t *request)
{
    TRY(alias_name(op, &request->name));
    TRY(authorize_alias(op, request->name));
    TRY(target_key(op, &request->key));
    return kms_state_check(request->key, KMS_DOES_EDIT);
}

void api_create_alias(op_t *op)
{
    change_or_fail(op, create_alias(op, request_begin(op)), insert_alias, op_settle);
}

/* ---- UpdateAlias ---- */

/* The key the alias is taken from: it may be another by now than the one the request was authorised on. */
static p11kms_err left_key(op_t *op, kms_change *change, kms_key_t **ret)
{
    const request_t *request = op->act;
    _cleanup_(kms_key) kms_key_t *seen = NULL;

    TRY(kms_resolve(request->kms, op->account, op->region, SLICE_STR(request->name), KMS_NAME_ANY, op->arena, &seen));
    return request_edit_of(op, change, seen, KMS_DOES_READ, ret);
}

/* So that code which goes by the alias does not come upon a key of another kind ("UpdateAlias", API Reference). */
static p11kms_err check_same_kind(const kms_key_t *from, const kms_key_t *to)
{
    if (from->usage != to->usage || kms_spec_is_pair(from->spec) != kms_spec_is_pair(to->spec)) {
        FAIL(P11KMS_E_VALIDATION,
             "The current and the new KMS key of an alias must be of the same type (symmetric, asymmetric or HMAC) and "
             "have the same key usage.");
    }
    return P11KMS_OK;
}

static p11kms_err move_alias(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *left = NULL;
    _cleanup_(kms_key) kms_key_t *target = NULL;

    TRY(left_key(op, change, &left));
    TRY(request_edit_of(op, change, request->other, KMS_DOES_EDIT, &target));
    TRY(check_same_kind(left, target));
    return kms_change_alias(change, op->account, op->region, request->name, target, false);
}

static p11kms_err update_alias(op_t *op, request_t *request)
{
    TRY(alias_name(op, &request->name));
    TRY(authorize_alias(op, request->name));
    TRY(request_key_as(op, SLICE_STR(request->name), KMS_NAME_ANY, op->row->action, &request->key));
    TRY(target_key(op, &request->other));
    TRY(check_same_kind(request->key, request->other));
    return kms_state_check(request->other, KMS_DOES_EDIT);
}

void api_update_alias(op_t *op)
{
    change_or_fail(op, update_alias(op, request_begin(op)), move_alias, op_settle);
}

/* ---- DeleteAlias ---- */

static p11kms_err remove_alias(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *left = NULL;

    TRY(left_key(op, change, &left));
    return kms_change_remove_alias(change, op->account, op->region, request->name);
}

static p11kms_err delete_alias(op_t *op, request_t *request)
{
    TRY(alias_name(op, &request->name));
    TRY(authorize_alias(op, request->name));
    return request_key_as(op, SLICE_STR(request->name), KMS_NAME_ANY, op->row->action, &request->key);
}

void api_delete_alias(op_t *op)
{
    change_or_fail(op, delete_alias(op, request_begin(op)), remove_alias, op_settle);
}

/* ---- ListAliases ---- */

static void write_alias(jw_t *w, const kms_alias_t *alias)
{
    char key_id[UUID_TEXT];

    uuid_format(alias->key_id, key_id);
    jw_object(w);
    jw_key(w, "AliasArn");
    jw_string(w, alias->arn);
    jw_key(w, "AliasName");
    jw_string(w, alias->name);
    jw_key(w, "CreationDate");
    jw_epoch(w, alias->created);
    jw_key(w, "LastUpdatedDate");
    jw_epoch(w, alias->updated);
    jw_key(w, "TargetKeyId");
    jw_string(w, key_id);
    jw_end(w);
}

/* Permission is for the listing as a whole; naming a key does not ask for more. */
static p11kms_err list_aliases(op_t *op, request_t *request)
{
    _cleanup_(kms_key) kms_key_t *of = NULL;
    const char *listing = "ListAliases";
    page_t page;

    TRY(request_anything(op));
    if (in_has(op, "KeyId")) {
        TRY(kms_resolve(request->kms, op->account, op->region, in_string(op, "KeyId"), KMS_NAME_KEY, op->arena, &of));
        if (strcmp(of->account, op->account) != 0) {
            FAIL(P11KMS_E_KEY_NOT_FOUND, "Key '%s' does not exist", of->arn);
        }
        listing = arena_printf(op->arena, "ListAliases:%s", of->id_text);
    }
    TRY(page_begin(op, listing, 50, 100, &page));
    kms_alias_t **aliases = arena_alloc(op->arena, (page.limit + 1) * sizeof(*aliases));
    size_t n = catalog_list_aliases(kms_catalog(request->kms), op->account, op->region, page.after,
                                    of ? of->id : NULL, aliases, page.limit + 1);
    bool more = n > page.limit;
    size_t shown = more ? page.limit : n;
    jw_t w = answer_begin(op);

    jw_key(&w, "Aliases");
    jw_array(&w);
    for (size_t i = 0; i < shown; i++) {
        write_alias(&w, aliases[i]);
    }
    jw_end(&w);
    page_end(op, &w, &page, more, shown ? aliases[shown - 1]->name : "");
    jw_end(&w);
    for (size_t i = 0; i < n; i++) {
        kms_alias_unref(aliases[i]);
    }
    return P11KMS_OK;
}

void api_list_aliases(op_t *op)
{
    answer_settle(op, list_aliases(op, request_begin(op)));
}
