/* What every operation on a key does first, and how answers begin. */
#include "api/api_internal.h"

#include <string.h>

#include "api/rates.h"

const char *request_alias_said(op_t *op, slice_t name)
{
    size_t colons = slice_has_prefix(name, "arn:") ? 5 : 0;

    while (colons > 0 && name.len > 0) {
        colons -= name.data[0] == ':';
        name = SLICE(name.data + 1, name.len - 1);
    }
    return slice_has_prefix(name, "alias/") ? arena_strndup(op->arena, (const char *)name.data, name.len) : NULL;
}

static p11kms_err crosses(const op_t *op, const char *action, const char *account, const char *said)
{
    if (!op->row->cross_account && strcmp(account, op->account) != 0) {
        FAIL(P11KMS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %s because it belongs to "
             "another account", op->auth.principal->arn, action, said);
    }
    return P11KMS_OK;
}

p11kms_err request_crosses(const op_t *op, const char *action, const kms_key_t *key)
{
    return crosses(op, action, key->account, key->arn);
}

const char *request_foreign_account(op_t *op, slice_t name)
{
    slice_t parts[5];

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        parts[i] = slice_part(&name, ':');
    }
    bool foreign = slice_eq_str(parts[0], "arn") && slice_eq_str(parts[3], op->region) &&
                   !slice_eq_str(parts[4], op->account);
    return foreign ? arena_strndup(op->arena, (const char *)parts[4].data, parts[4].len) : NULL;
}

static bool declares(const op_row_t *row, const char *code)
{
    for (const char *const *error = row->errors; *error; error++) {
        if (strcmp(*error, code) == 0) {
            return true;
        }
    }
    return false;
}

/* Several operations have no InvalidArnException: there a malformed ARN is one more key that does not exist. */
static p11kms_err resolve(op_t *op, slice_t name, kms_name_form form, kms_key_t **ret)
{
    request_t *request = op->act;
    p11kms_err err = kms_resolve(request->kms, op->account, op->region, name, form, op->arena, ret);

    return err == P11KMS_E_ARN && !declares(op->row, "InvalidArnException")
               ? p11kms_fail(P11KMS_E_KEY_NOT_FOUND, "%s", arena_strdup(op->arena, p11kms_err_detail(err)))
               : err;
}

/* @p said: how the caller named a key of another account; else NULL. */
static p11kms_err authorize(op_t *op, const kms_key_t *key, const char *action, const char *said)
{
    request_t *request = op->act;
    const op_resource_t resource = {
        .arn = arena_strdup(op->arena, key->arn),
        .account = arena_strdup(op->arena, key->account),
        .type = "AWS::KMS::Key",
        .key_id = arena_dup(op->arena, SLICE(key->id, KMS_ID)).data,
        .said = said,
    };

    request->asked = key;
    p11kms_err err = op_authorize_as(op, action, &resource, key->policy, true, kms_conditions, op);
    request->asked = NULL;
    return err;
}

p11kms_err request_authorize(op_t *op, const kms_key_t *key, const char *action)
{
    return authorize(op, key, action, NULL);
}

/* Refused as a key is whose policy allows nobody: what another account has is not found out by asking. */
static p11kms_err refuse_unknown(op_t *op, const char *action, const char *account, const char *said)
{
    const op_resource_t resource = { .arn = said, .account = account, .said = said };

    TRY(crosses(op, action, account, said));
    return op_authorize_as(op, action, &resource, NULL, true, kms_conditions, op);
}

p11kms_err request_key_as(op_t *op, slice_t name, kms_name_form form, const char *action, kms_key_t **ret)
{
    request_t *request = op->act;
    _cleanup_(kms_key) kms_key_t *key = NULL;
    const char *foreign = request_foreign_account(op, name);
    const char *said = foreign ? arena_strndup(op->arena, (const char *)name.data, name.len) : NULL;

    /* Of this key and no other: ReEncrypt names two. */
    request->alias = request->name ? NULL : request_alias_said(op, name);
    p11kms_err err = resolve(op, name, form, &key);
    if (err == P11KMS_E_KEY_NOT_FOUND && foreign) {
        TRY(refuse_unknown(op, action, foreign, said));
    }
    TRY(err);
    if (!foreign) {
        TRY(rates_check_key(op, key));
    }
    TRY(crosses(op, action, key->account, said ? said : key->arn));
    TRY(authorize(op, key, action, said));
    if (foreign) { /* not before: that it counts tells that there is one */
        TRY(rates_check_key(op, key));
    }
    *ret = STEAL(key);
    return P11KMS_OK;
}

p11kms_err request_key(op_t *op, const char *member, kms_name_form form, kms_doing doing)
{
    request_t *request = op->act;

    TRY(request_key_as(op, in_string(op, member), form, op->row->action, &request->key));
    return kms_state_check(request->key, doing);
}

p11kms_err request_key_no_alias(op_t *op, kms_doing doing)
{
    if (request_alias_said(op, in_string(op, "KeyId"))) {
        FAIL(P11KMS_E_ARN, "Key Aliases are not supported for this operation.");
    }
    return request_key(op, "KeyId", KMS_NAME_KEY, doing);
}

p11kms_err request_usage(const op_t *op, const kms_key_t *key, kms_usage usage, bool symmetric)
{
    if (key->usage != usage) {
        FAIL(P11KMS_E_KEY_USAGE, "%s key usage is %s which is not valid for %s.", key->arn, kms_usage_name(key->usage),
             op->row->name);
    }
    if (symmetric && key->spec->family != KMS_FAMILY_SYMMETRIC) {
        FAIL(P11KMS_E_KEY_USAGE, "%s key spec is %s which is not valid for %s.", key->arn, key->spec->name,
             op->row->name);
    }
    return P11KMS_OK;
}

p11kms_err request_algorithm(const kms_key_t *key, slice_t name, const kms_algorithm **ret)
{
    *ret = kms_algorithm_named(key->spec, key->usage, name);
    if (!*ret) {
        FAIL(P11KMS_E_KEY_USAGE, "Algorithm %.*s is incompatible with key spec %s.", (int)name.len,
             (const char *)name.data, key->spec->name);
    }
    return P11KMS_OK;
}

p11kms_err request_anything(op_t *op)
{
    const op_resource_t all = { .arn = "*" };

    return op_authorize(op, &all, NULL, false, kms_conditions, op);
}

/* An earlier change may have taken the permission away since the request was authorised. */
static p11kms_err still_allowed(op_t *op, const kms_key_t *key)
{
    const op_resource_t resource = { .arn = key->arn, .account = key->account, .type = "AWS::KMS::Key" };
    request_t *request = op->act;

    request->asked = key;
    bool may = op_would_allow(op, op->row->action, &resource, key->policy, true, kms_conditions, op);
    request->asked = NULL;
    if (!may) {
        FAIL(P11KMS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %s any longer",
             op->auth.principal->arn, op->row->action, key->arn);
    }
    return P11KMS_OK;
}

p11kms_err request_edit_of(op_t *op, kms_change *change, const kms_key_t *seen, kms_doing doing, kms_key_t **ret)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_change_key(change, seen, &key));
    TRY(still_allowed(op, key));
    TRY(kms_state_check(key, doing));
    *ret = STEAL(key);
    return P11KMS_OK;
}

p11kms_err request_edit(op_t *op, kms_change *change, kms_doing doing, kms_key_t **ret)
{
    return request_edit_of(op, change, ((request_t *)op->act)->key, doing, ret);
}

p11kms_err request_tag_count(const op_t *op, const char *member)
{
    if (json_length(json_get(op->input, member)) > KMS_TAGS_MAX) {
        FAIL(P11KMS_E_TAG, "Too many tags");
    }
    return P11KMS_OK;
}

jw_t answer_begin(op_t *op)
{
    jw_t w = jw_on(&op->out);

    jw_object(&w);
    return w;
}

void answer_text(jw_t *w, const char *name, const char *text)
{
    jw_key(w, name);
    jw_string(w, text);
}

void answer_base64(jw_t *w, const char *name, slice_t bytes)
{
    jw_key(w, name);
    jw_base64(w, bytes);
}

void answer_key_arn(jw_t *w, const kms_key_t *key)
{
    answer_text(w, "KeyId", key->arn);
}

void answer_credentials(jw_t *w, const session_spec *spec, const session_credentials *made)
{
    jw_key(w, "Credentials");
    jw_object(w);
    jw_key(w, "AccessKeyId");
    jw_string(w, made->access_key_id);
    jw_key(w, "Expiration");
    jw_epoch(w, spec->expires_ms);
    jw_key(w, "SecretAccessKey");
    jw_string_slice(w, secret_slice(made->secret));
    jw_key(w, "SessionToken");
    jw_string_slice(w, buf_slice(&made->token));
    jw_end(w);
}

void answer_settle(op_t *op, p11kms_err err)
{
    if (err == P11KMS_OK) {
        op_done(op);
    } else {
        op_fail(op, err);
    }
}

void change_or_fail(op_t *op, p11kms_err err, op_change_fn change, op_step then)
{
    if (err == P11KMS_OK) {
        op_change(op, change, then);
    } else {
        op_fail(op, err);
    }
}

p11kms_err page_begin(op_t *op, const char *listing, size_t absent, size_t most, page_t *ret)
{
    ret->limit = (size_t)in_int(op, "Limit", (int64_t)absent);
    /* The model lets 1 to 1000 pass everywhere; the API Reference says less for several listings. */
    if (ret->limit > most) {
        FAIL(P11KMS_E_VALIDATION,
             "1 validation error detected: Value '%zu' at 'limit' failed to satisfy constraint: "
             "Member must have value less than or equal to %zu",
             ret->limit, most);
    }
    ret->listing = listing;
    return page_open(op->arena, listing, in_string(op, "Marker"), &ret->after);
}

void page_end(op_t *op, jw_t *w, const page_t *page, bool more, const char *last)
{
    if (more) {
        jw_key(w, "NextMarker");
        jw_string(w, page_marker(op->arena, page->listing, last));
    }
    jw_key(w, "Truncated");
    jw_bool(w, more);
}
