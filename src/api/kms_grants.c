/* CreateGrant, ListGrants, ListRetirableGrants. */
#include "api/api_internal.h"

#include <string.h>

#include "crypto/crypto.h"
#include "util/clock.h"

/* ---- CreateGrant ---- */

typedef struct {
    context_pair *pairs;
    size_t n;
} taken_t;

static p11kms_err take_pair(void *arg, slice_t name, json_t *value)
{
    taken_t *taken = arg;

    taken->pairs[taken->n++] = (context_pair){ .name = name, .value = json_string(value) };
    return P11KMS_OK;
}

static p11kms_err take_constraint(op_t *op, const char *type, context_pair **ret, size_t *ret_n)
{
    const json_t *map = json_get(json_get(op->input, "Constraints"), type);
    taken_t taken = { .pairs = arena_alloc(op->arena, (json_length(map) + 1) * sizeof(context_pair)) };

    TRY(json_each(map, take_pair, &taken));
    *ret = taken.pairs;
    *ret_n = taken.n;
    return P11KMS_OK;
}

static bool has_pair(const context_pair *pairs, size_t n, const context_pair *pair)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(pairs[i].name, pair->name) && slice_eq(pairs[i].value, pair->value)) {
            return true;
        }
    }
    return false;
}

/* For conditions the encryption context of CreateGrant is what its constraints ask for. */
static void note_context(op_t *op, request_t *request, const kms_grant_spec *spec)
{
    context_pair *pairs = arena_alloc(op->arena, (spec->n_equals + spec->n_subset + 1) * sizeof(*pairs));
    size_t n = 0;

    for (size_t i = 0; i < spec->n_equals; i++) {
        pairs[n++] = spec->equals[i];
    }
    for (size_t i = 0; i < spec->n_subset; i++) {
        if (!has_pair(pairs, spec->n_equals, &spec->subset[i])) {
            pairs[n++] = spec->subset[i];
        }
    }
    request->context = pairs;
    request->n_context = n;
}

static unsigned take_operations(const op_t *op)
{
    const json_t *list = json_get(op->input, "Operations");
    unsigned operations = 0;

    for (size_t i = 0; i < json_length(list); i++) {
        operations |= kms_grant_op_named(json_string(json_at(list, i)));
    }
    return operations;
}

/* What the request says of the grant; which key it is on comes later. */
static p11kms_err take_spec(op_t *op, kms_grant_spec *ret)
{
    *ret = (kms_grant_spec){
        .issuing_account = op->account,
        .name = in_string(op, "Name"),
        .grantee = in_string(op, "GranteePrincipal"),
        .retiring = in_string(op, "RetiringPrincipal"),
        .operations = take_operations(op),
        .has_equals = json_get(json_get(op->input, "Constraints"), "EncryptionContextEquals") != NULL,
    };
    if (!ret->operations) {
        FAIL(P11KMS_E_VALIDATION, "1 validation error detected: Value '[]' at 'operations' failed to satisfy "
                                  "constraint: Member must have length greater than or equal to 1");
    }
    TRY(take_constraint(op, "EncryptionContextEquals", &ret->equals, &ret->n_equals));
    return take_constraint(op, "EncryptionContextSubset", &ret->subset, &ret->n_subset);
}

static p11kms_err check_principal(const op_t *op, slice_t arn)
{
    if (!identity_knows(op->identity, arn)) {
        FAIL(P11KMS_E_ARN, "ARN does not refer to a valid principal: %.*s", (int)arn.len, (const char *)arn.data);
    }
    return P11KMS_OK;
}

static p11kms_err check_operations(const kms_key_t *key, unsigned operations)
{
    unsigned strange = operations & ~kms_grant_ops_of(key->spec, key->usage);

    for (size_t i = 0; strange && kms_grant_op_name(i); i++) {
        if (strange >> i & 1) {
            FAIL(P11KMS_E_VALIDATION, "The operation %s is not valid for a grant on %s, whose key spec is %s and key "
                 "usage %s.", kms_grant_op_name(i), key->arn, key->spec->name, kms_usage_name(key->usage));
        }
    }
    return P11KMS_OK;
}

static p11kms_err check_spec(const op_t *op, const kms_key_t *key, const kms_grant_spec *spec)
{
    TRY(check_principal(op, spec->grantee));
    if (spec->retiring.len) {
        TRY(check_principal(op, spec->retiring));
    }
    TRY(check_operations(key, spec->operations));
    if ((spec->has_equals || spec->n_subset) && key->spec->family != KMS_FAMILY_SYMMETRIC) {
        FAIL(P11KMS_E_VALIDATION, "EncryptionContext is supported only when creating a grant for a symmetric encryption KMS key.");
    }
    return P11KMS_OK;
}

static p11kms_err new_grant(op_t *op, const kms_key_t *key, kms_grant_spec *spec, kms_grant_t **ret)
{
    uint8_t id[KMS_GRANT_ID];

    TRY(crypto_random(id, sizeof(id)));
    spec->id = id;
    spec->account = key->account;
    spec->region = key->region;
    spec->key_id = key->id;
    spec->created = clock_service_ms();
    return kms_grant_new(spec, op->arena, ret);
}

static p11kms_err answer_grant(op_t *op, const request_t *request, const kms_grant_t *grant)
{
    const char *token;

    TRY(kms_grant_token_make(request->kms, grant, op->arena, &token));
    jw_t w = answer_begin(op);
    answer_text(&w, "GrantId", grant->id_text);
    answer_text(&w, "GrantToken", token);
    jw_end(&w);
    return P11KMS_OK;
}

/* A request that comes again, name and all, gets the grant it has made before, and another token of it. */
static p11kms_err insert_grant(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_GRANT, &key));
    _cleanup_(kms_grant) kms_grant_t *like = grants_like(kms_grants(request->kms), request->grant);
    if (!like) {
        TRY(kms_change_grant(change, kms_grant_ref(request->grant)));
    }
    return answer_grant(op, request, like ? like : request->grant);
}

static p11kms_err check_room(request_t *request)
{
    _cleanup_(kms_grant) kms_grant_t *like = grants_like(kms_grants(request->kms), request->grant);

    return like ? P11KMS_OK : kms_check_room_for_grant(request->kms, request->key);
}

static p11kms_err create_grant(op_t *op, request_t *request)
{
    kms_grant_need *child = ARENA_NEW(op->arena, kms_grant_need);
    kms_grant_spec spec;

    TRY(in_refuse_unsupported(op));
    TRY(take_spec(op, &spec));
    note_context(op, request, &spec);
    TRY(kms_grant_need_of_child(&spec, op->arena, child));
    request->child = child;
    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_GRANT));
    TRY(check_spec(op, request->key, &spec));
    TRY(new_grant(op, request->key, &spec, &request->grant));
    TRY(check_room(request));
    return in_dry_run(op);
}

void api_create_grant(op_t *op)
{
    change_or_fail(op, create_grant(op, request_begin(op)), insert_grant, op_settle);
}

/* ---- listings ---- */

static void write_context(jw_t *w, const char *type, const kms_grant_context *context)
{
    jw_key(w, type);
    jw_object(w);
    for (size_t i = 0; i < context->n; i++) {
        jw_key_slice(w, context->pairs[i].name);
        jw_string_slice(w, context->pairs[i].value);
    }
    jw_end(w);
}

static void write_constraints(jw_t *w, const kms_grant_t *grant)
{
    if (!grant->has_equals && !grant->subset.n) {
        return;
    }
    jw_key(w, "Constraints");
    jw_object(w);
    if (grant->has_equals) {
        write_context(w, "EncryptionContextEquals", &grant->equals);
    }
    if (grant->subset.n) {
        write_context(w, "EncryptionContextSubset", &grant->subset);
    }
    jw_end(w);
}

static void write_operations(jw_t *w, unsigned operations)
{
    jw_key(w, "Operations");
    jw_array(w);
    for (size_t i = 0; kms_grant_op_name(i); i++) {
        if (operations >> i & 1) {
            jw_string(w, kms_grant_op_name(i));
        }
    }
    jw_end(w);
}

static void write_text(jw_t *w, const char *name, slice_t text)
{
    if (text.len) {
        jw_key(w, name);
        jw_string_slice(w, text);
    }
}

static void write_grant(op_t *op, jw_t *w, const kms_grant_t *grant, const char *key_arn)
{
    jw_object(w);
    write_constraints(w, grant);
    jw_key(w, "CreationDate");
    jw_epoch(w, grant->created);
    answer_text(w, "GrantId", grant->id_text);
    write_text(w, "GranteePrincipal", grant->grantee);
    answer_text(w, "IssuingAccount", arena_printf(op->arena, "arn:aws:iam::%s:root", grant->issuing_account));
    answer_text(w, "KeyId", key_arn);
    write_text(w, "Name", grant->name);
    write_operations(w, grant->operations);
    write_text(w, "RetiringPrincipal", grant->retiring);
    jw_end(w);
}

/* What a page shows; a reference each. */
typedef struct {
    kms_grant_t **grants;
    size_t n;
    uint8_t after[KMS_GRANT_ID];
} found_t;

/* Markers are ours alone, so that the id in one is one. */
static p11kms_err begin_listing(op_t *op, const char *listing, page_t *page, found_t *ret, const uint8_t **ret_after)
{
    TRY(page_begin(op, listing, 50, 100, page));
    *ret = (found_t){ .grants = arena_alloc(op->arena, (page->limit + 1) * sizeof(*ret->grants)) };
    *ret_after = NULL;
    if (page->after[0]) {
        ENSURE(strlen(page->after) == 2 * KMS_GRANT_ID && hex_decode(SLICE_STR(page->after), ret->after) == P11KMS_OK,
               P11KMS_E_MARKER);
        *ret_after = ret->after;
    }
    return P11KMS_OK;
}

static void answer_listing(op_t *op, const page_t *page, const found_t *found)
{
    const request_t *request = op->act;
    bool more = found->n > page->limit;
    size_t shown = more ? page->limit : found->n;
    jw_t w = answer_begin(op);

    jw_key(&w, "Grants");
    jw_array(&w);
    for (size_t i = 0; i < shown; i++) {
        const kms_grant_t *grant = found->grants[i];
        _cleanup_(kms_key) kms_key_t *key = catalog_key(kms_catalog(request->kms), grant->region, grant->key_id);
        if (key) { /* else it was deleted just now */
            write_grant(op, &w, grant, key->arn);
        }
    }
    jw_end(&w);
    page_end(op, &w, page, more, shown ? found->grants[shown - 1]->id_text : "");
    jw_end(&w);
    for (size_t i = 0; i < found->n; i++) {
        kms_grant_unref(found->grants[i]);
    }
}

/* One grant is asked for by its id: it is there and the grantee's, or the list is empty. */
static p11kms_err find_one(op_t *op, grants_key key, slice_t grantee, const uint8_t *after, found_t *found)
{
    const request_t *request = op->act;
    uint8_t id[KMS_GRANT_ID];

    TRY(in_grant_id(op, id));
    _cleanup_(kms_grant) kms_grant_t *grant = grants_get(kms_grants(request->kms), key, id);
    if (grant && !after && (!grantee.len || slice_eq(grantee, grant->grantee))) {
        found->grants[found->n++] = STEAL(grant);
    }
    return P11KMS_OK;
}

static p11kms_err list_grants(op_t *op, request_t *request)
{
    slice_t grantee = in_string(op, "GranteePrincipal");
    const uint8_t *after;
    found_t found;
    page_t page;

    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ));
    const grants_key key = { request->key->region, request->key->id };
    TRY(begin_listing(op,
                      arena_printf(op->arena, "ListGrants:%s:%.*s", request->key->arn, (int)grantee.len,
                                   grantee.len ? (const char *)grantee.data : ""),
                      &page, &found, &after));
    if (in_has(op, "GrantId")) {
        TRY(find_one(op, key, grantee, after, &found));
    } else {
        found.n = grants_list(kms_grants(request->kms), key, grantee, after, found.grants, page.limit + 1);
    }
    answer_listing(op, &page, &found);
    return P11KMS_OK;
}

void api_list_grants(op_t *op)
{
    answer_settle(op, list_grants(op, request_begin(op)));
}

static p11kms_err list_retirable(op_t *op, request_t *request)
{
    slice_t retiring = in_string(op, "RetiringPrincipal");
    const uint8_t *after;
    slice_t account;
    found_t found;
    page_t page;

    TRY(request_anything(op));
    if (!policy_is_principal(retiring, &account)) {
        FAIL(P11KMS_E_ARN, "ARN does not refer to a valid principal: %.*s", (int)retiring.len,
             (const char *)retiring.data);
    }
    if (!slice_eq_str(account, op->account)) {
        FAIL(P11KMS_E_DENIED, "User: %s is not authorized to perform: kms:ListRetirableGrants for a principal of "
             "another account", op->auth.principal->arn);
    }
    TRY(begin_listing(op,
                      arena_printf(op->arena, "ListRetirableGrants:%s:%.*s", op->region, (int)retiring.len,
                                   (const char *)retiring.data),
                      &page, &found, &after));
    found.n = grants_list_retirable(kms_grants(request->kms), op->region, retiring, after, found.grants, page.limit + 1);
    answer_listing(op, &page, &found);
    return P11KMS_OK;
}

void api_list_retirable_grants(op_t *op)
{
    answer_settle(op, list_retirable(op, request_begin(op)));
}
