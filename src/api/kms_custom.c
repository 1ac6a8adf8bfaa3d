/* Custom key stores: tokens of the configuration, as callers name them (docs/custom-key-stores.md). */
#include "api/api_internal.h"

#include <string.h>

#include "util/encode.h"

/* ---- CreateCustomKeyStore ---- */

static p11kms_err no_member(const op_t *op, const char *const *members, size_t n, const char *type)
{
    for (size_t i = 0; i < n; i++) {
        if (in_has(op, members[i])) {
            FAIL(P11KMS_E_VALIDATION, "%s does not go with a custom key store of type %s.", members[i], type);
        }
    }
    return P11KMS_OK;
}

static p11kms_err all_members(const op_t *op, const char *const *members, size_t n, const char *type)
{
    for (size_t i = 0; i < n; i++) {
        if (!in_has(op, members[i])) {
            FAIL(P11KMS_E_VALIDATION, "%s is required for a custom key store of type %s.", members[i], type);
        }
    }
    return P11KMS_OK;
}

static const char *const cluster_members[] = { "CloudHsmClusterId", "KeyStorePassword", "TrustAnchorCertificate" };
static const char *const proxy_members[] = { "XksProxyUriEndpoint", "XksProxyUriPath", "XksProxyConnectivity",
                                             "XksProxyAuthenticationCredential", "XksProxyVpcEndpointServiceName",
                                             "XksProxyVpcEndpointServiceOwner" };
#define PROXY_REQUIRED 4

/* A token of the configuration, by its name or by the cluster id that stands for it. */
static const char *token_called(op_t *op, slice_t name)
{
    token_t *const *tokens;
    size_t n = core_tokens(op->core, &tokens);

    for (size_t i = 0; i < n; i++) {
        char cluster[KMS_CLUSTER_ID];

        kms_cluster_id(token_name(tokens[i]), cluster);
        if (slice_eq_str(name, cluster) || slice_eq_str(name, token_name(tokens[i]))) {
            return token_name(tokens[i]);
        }
    }
    return NULL;
}

static p11kms_err cluster_token(op_t *op, const char **ret)
{
    slice_t cluster = in_string(op, "CloudHsmClusterId");

    *ret = token_called(op, cluster);
    if (!*ret) {
        FAIL(P11KMS_E_CLUSTER_NOT_FOUND,
             "No configured token stands for the cluster %.*s. p11kms doctor tells the cluster id of each token.",
             (int)cluster.len, (const char *)cluster.data);
    }
    return P11KMS_OK;
}

/* "/NAME/kms/xks/v1": the shape has checked the form. */
static p11kms_err proxy_token(op_t *op, const char **ret)
{
    slice_t path = in_string(op, "XksProxyUriPath");
    const uint8_t *end = path.len > 1 ? memchr(path.data + 1, '/', path.len - 1) : NULL;

    *ret = end ? token_called(op, SLICE(path.data + 1, (size_t)(end - path.data) - 1)) : NULL;
    if (!*ret) {
        FAIL(P11KMS_E_XKS_URI_UNREACHABLE,
             "No configured token is named by the path %.*s. It begins with the token's name or cluster id: "
             "/NAME/kms/xks/v1.",
             (int)path.len, (const char *)path.data);
    }
    return P11KMS_OK;
}

/* What DescribeCustomKeyStores gives back. The proxy's secret is not kept: there is no proxy. */
static const char *proxy_configuration(op_t *op)
{
    static const struct {
        const char *to, *from;
    } copied[] = {
        { "Connectivity", "XksProxyConnectivity" },
        { "UriEndpoint", "XksProxyUriEndpoint" },
        { "UriPath", "XksProxyUriPath" },
        { "VpcEndpointServiceName", "XksProxyVpcEndpointServiceName" },
        { "VpcEndpointServiceOwner", "XksProxyVpcEndpointServiceOwner" },
    };
    _cleanup_buf_ buf_t json = { 0 };
    jw_t w = jw_on(&json);
    const json_t *credential = json_get(op->input, "XksProxyAuthenticationCredential");

    jw_object(&w);
    jw_key(&w, "AccessKeyId");
    jw_string_slice(&w, json_string(json_get(credential, "AccessKeyId")));
    for (size_t i = 0; i < COUNT_OF(copied); i++) {
        if (in_has(op, copied[i].from)) {
            jw_key(&w, copied[i].to);
            jw_string_slice(&w, in_string(op, copied[i].from));
        }
    }
    jw_end(&w);
    return arena_strndup(op->arena, (const char *)json.data, json.len);
}

static const char *trust_anchor(op_t *op)
{
    _cleanup_buf_ buf_t json = { 0 };
    jw_t w = jw_on(&json);

    if (!in_has(op, "TrustAnchorCertificate")) {
        return "";
    }
    jw_string_slice(&w, in_string(op, "TrustAnchorCertificate"));
    return arena_strndup(op->arena, (const char *)json.data, json.len);
}

static p11kms_err read_cluster(op_t *op, kms_custom_new *wanted)
{
    TRY(no_member(op, proxy_members, COUNT_OF(proxy_members), "AWS_CLOUDHSM"));
    TRY(all_members(op, cluster_members, 1, "AWS_CLOUDHSM"));
    TRY(cluster_token(op, &wanted->token));
    wanted->details = trust_anchor(op);
    return P11KMS_OK;
}

static p11kms_err read_proxy(op_t *op, kms_custom_new *wanted)
{
    TRY(no_member(op, cluster_members, COUNT_OF(cluster_members), "EXTERNAL_KEY_STORE"));
    TRY(all_members(op, proxy_members, PROXY_REQUIRED, "EXTERNAL_KEY_STORE"));
    TRY(proxy_token(op, &wanted->token));
    wanted->details = proxy_configuration(op);
    return P11KMS_OK;
}

static p11kms_err read_wanted(op_t *op, kms_custom_new *wanted)
{
    bool external = slice_eq_str(in_string(op, "CustomKeyStoreType"), "EXTERNAL_KEY_STORE");

    *wanted = (kms_custom_new){
        .account = op->account,
        .region = op->region,
        .name = in_text(op, "CustomKeyStoreName"),
        .type = external ? KMS_CUSTOM_EXTERNAL : KMS_CUSTOM_CLOUDHSM,
    };
    return external ? read_proxy(op, wanted) : read_cluster(op, wanted);
}

static p11kms_err store_created(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    kms_custom_new wanted;
    const char *id;

    TRY(read_wanted(op, &wanted));
    TRY(kms_change_create_custom(change, &wanted, &id));
    jw_t w = answer_begin(op);
    answer_text(&w, "CustomKeyStoreId", id);
    jw_end(&w);
    return P11KMS_OK;
}

static p11kms_err create_begin(op_t *op)
{
    kms_custom_new wanted;

    request_begin(op);
    TRY(request_anything(op));
    return read_wanted(op, &wanted);
}

void api_create_custom_key_store(op_t *op)
{
    change_or_fail(op, create_begin(op), store_created, op_settle);
}

/* ---- DescribeCustomKeyStores ---- */

static void write_store(jw_t *w, const kms_custom_t *store)
{
    static const char *const connections[] = {
        [KMS_STORE_CONNECTED] = "CONNECTED",
        [KMS_STORE_CONNECTING] = "CONNECTING",
        [KMS_STORE_FAILED] = "FAILED",
        [KMS_STORE_DISCONNECTED] = "DISCONNECTED",
    };
    kms_connection connection = kms_custom_connection(store);
    char cluster[KMS_CLUSTER_ID];

    jw_object(w);
    if (store->type == KMS_CUSTOM_CLOUDHSM) {
        kms_cluster_id(store->token_name, cluster);
        answer_text(w, "CloudHsmClusterId", cluster);
    }
    if (connection == KMS_STORE_FAILED) {
        answer_text(w, "ConnectionErrorCode", kms_custom_problem(store));
    }
    answer_text(w, "ConnectionState", connections[connection]);
    jw_key(w, "CreationDate");
    jw_epoch(w, store->created);
    answer_text(w, "CustomKeyStoreId", store->id);
    answer_text(w, "CustomKeyStoreName", store->name);
    answer_text(w, "CustomKeyStoreType", kms_custom_type_name(store->type));
    if (store->details[0]) {
        jw_key(w, store->type == KMS_CUSTOM_CLOUDHSM ? "TrustAnchorCertificate" : "XksProxyConfiguration");
        jw_raw(w, SLICE_STR(store->details));
    }
    jw_end(w);
}

static bool is_wanted(const op_t *op, const kms_custom_t *store, const char *after)
{
    slice_t id = in_string(op, "CustomKeyStoreId"), name = in_string(op, "CustomKeyStoreName");

    return (!id.len || slice_eq_str(id, store->id)) && (!name.len || slice_eq_str(name, store->name)) &&
           strcmp(store->id, after) > 0;
}

static p11kms_err find_one(op_t *op, request_t *request)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;
    slice_t id = in_string(op, "CustomKeyStoreId"), name = in_string(op, "CustomKeyStoreName");

    if (id.len && name.len) {
        FAIL(P11KMS_E_VALIDATION, "You can specify either CustomKeyStoreId or CustomKeyStoreName, not both.");
    }
    if (id.len) {
        TRY(kms_custom_find(request->kms, op->account, op->region, id, &store));
    }
    if (name.len) {
        store = kms_custom_named(request->kms, op->account, op->region, name);
        if (!store) {
            FAIL(P11KMS_E_CUSTOM_NOT_FOUND, "There is no custom key store with the name %.*s.", (int)name.len,
                 (const char *)name.data);
        }
    }
    return P11KMS_OK;
}

static p11kms_err describe_stores(op_t *op, request_t *request)
{
    kms_custom_t **stores;
    page_t page;
    size_t n, shown = 0;
    const char *last = "";
    bool more = false;

    TRY(request_anything(op));
    TRY(find_one(op, request));
    TRY(page_begin(op, "DescribeCustomKeyStores", 1000, 1000, &page));
    TRY(kms_custom_list(request->kms, op->account, op->region, &stores, &n));
    jw_t w = answer_begin(op);
    jw_key(&w, "CustomKeyStores");
    jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        if (is_wanted(op, stores[i], page.after) && !more) {
            more = shown == page.limit;
            if (!more) {
                write_store(&w, stores[i]);
                last = arena_strdup(op->arena, stores[i]->id);
                shown++;
            }
        }
        kms_custom_unref(stores[i]);
    }
    free(stores);
    jw_end(&w);
    page_end(op, &w, &page, more, last);
    jw_end(&w);
    return P11KMS_OK;
}

void api_describe_custom_key_stores(op_t *op)
{
    request_t *request = request_begin(op);

    answer_settle(op, describe_stores(op, request));
}

/* ---- changes of one ---- */

/* As it stands now, on the worker. */
static p11kms_err store_now(op_t *op, kms_custom_t **ret)
{
    const request_t *request = op->act;

    return kms_custom_find(request->kms, op->account, op->region, in_string(op, "CustomKeyStoreId"), ret);
}

static p11kms_err change_begin(op_t *op)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;

    TRY(request_anything(op));
    return store_now(op, &store);
}

static void change_store(op_t *op, op_change_fn change, op_step then)
{
    request_begin(op);
    change_or_fail(op, change_begin(op), change, then);
}

static p11kms_err must_be(const kms_custom_t *store, bool disconnected)
{
    if (disconnected == store->connected) {
        FAIL(P11KMS_E_CUSTOM_STATE, "The custom key store %s is %s.", store->id,
             store->connected ? "connected: disconnect it first" : "disconnected");
    }
    return P11KMS_OK;
}

static p11kms_err rename_store(op_t *op, const kms_custom_t *store, kms_custom_t *copy)
{
    const request_t *request = op->act;
    slice_t name = in_string(op, "NewCustomKeyStoreName");

    if (!name.len || slice_eq_str(name, store->name)) {
        return P11KMS_OK;
    }
    _cleanup_(kms_custom) kms_custom_t *other = kms_custom_named(request->kms, op->account, op->region, name);
    if (other) {
        FAIL(P11KMS_E_CUSTOM_NAME, "The custom key store name %.*s is in use.", (int)name.len, (const char *)name.data);
    }
    return kms_custom_rename(copy, name);
}

/* The token stays: a cluster or proxy that is another token would be another store. */
static p11kms_err update_cluster(op_t *op, const kms_custom_t *store)
{
    const char *token;

    TRY(no_member(op, proxy_members, COUNT_OF(proxy_members), "AWS_CLOUDHSM"));
    if (in_has(op, "CloudHsmClusterId") || in_has(op, "KeyStorePassword")) {
        TRY(must_be(store, true));
    }
    if (in_has(op, "CloudHsmClusterId")) {
        TRY(cluster_token(op, &token));
        if (strcmp(token, store->token_name) != 0) {
            FAIL(P11KMS_E_CLUSTER_NOT_RELATED, "The cluster is the token '%s'; the custom key store %s is the token '%s'.",
                 token, store->id, store->token_name);
        }
    }
    return P11KMS_OK;
}

static p11kms_err update_proxy(op_t *op, const kms_custom_t *store, kms_custom_t *copy)
{
    const char *token;

    TRY(no_member(op, cluster_members, COUNT_OF(cluster_members), "EXTERNAL_KEY_STORE"));
    if (!in_has(op, "XksProxyUriPath") && !in_has(op, "XksProxyUriEndpoint") && !in_has(op, "XksProxyConnectivity") &&
        !in_has(op, "XksProxyAuthenticationCredential")) {
        return P11KMS_OK;
    }
    TRY(all_members(op, proxy_members, PROXY_REQUIRED, "EXTERNAL_KEY_STORE"));
    TRY(proxy_token(op, &token));
    if (strcmp(token, store->token_name) != 0) {
        FAIL(P11KMS_E_XKS_URI_UNREACHABLE, "The path is the token '%s'; the custom key store %s is the token '%s'.",
             token, store->id, store->token_name);
    }
    return kms_custom_detail(copy, SLICE_STR(proxy_configuration(op)));
}

static p11kms_err store_updated(op_t *op, store_t *rows)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, rows);
    _cleanup_(kms_custom) kms_custom_t *store = NULL;
    _cleanup_(kms_custom) kms_custom_t *copy = NULL;

    TRY(store_now(op, &store));
    TRY(kms_custom_copy(store, &copy));
    TRY(rename_store(op, store, copy));
    TRY(store->type == KMS_CUSTOM_CLOUDHSM ? update_cluster(op, store) : update_proxy(op, store, copy));
    return kms_change_custom(change, STEAL(copy));
}

void api_update_custom_key_store(op_t *op)
{
    change_store(op, store_updated, op_settle);
}

static p11kms_err store_deleted(op_t *op, store_t *rows)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, rows);
    _cleanup_(kms_custom) kms_custom_t *store = NULL;

    TRY(store_now(op, &store));
    TRY(must_be(store, true));
    return kms_change_delete_custom(change, store);
}

void api_delete_custom_key_store(op_t *op)
{
    change_store(op, store_deleted, op_settle);
}

static p11kms_err set_connected(op_t *op, store_t *rows, bool connected)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, rows);
    _cleanup_(kms_custom) kms_custom_t *store = NULL;
    _cleanup_(kms_custom) kms_custom_t *copy = NULL;

    TRY(store_now(op, &store));
    /* A store that failed may be connected again: that is an order to log in. */
    if (!connected || kms_custom_connection(store) != KMS_STORE_FAILED) {
        TRY(must_be(store, connected));
    }
    TRY(kms_custom_copy(store, &copy));
    copy->connected = connected;
    return kms_change_custom(change, STEAL(copy));
}

static p11kms_err store_connected(op_t *op, store_t *rows)
{
    return set_connected(op, rows, true);
}

static p11kms_err store_disconnected(op_t *op, store_t *rows)
{
    return set_connected(op, rows, false);
}

static void connected(op_t *op)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;

    if (op->err == P11KMS_OK && store_now(op, &store) == P11KMS_OK && store->token &&
        token_get_state(store->token) == TOKEN_PIN_REFUSED) {
        token_retry_login(store->token);
    }
    op_settle(op);
}

void api_connect_custom_key_store(op_t *op)
{
    change_store(op, store_connected, connected);
}

void api_disconnect_custom_key_store(op_t *op)
{
    change_store(op, store_disconnected, op_settle);
}

/* ---- keys in one ---- */

static const kms_origin origin_of[] = {
    [KMS_CUSTOM_CLOUDHSM] = KMS_ORIGIN_AWS_CLOUDHSM,
    [KMS_CUSTOM_EXTERNAL] = KMS_ORIGIN_EXTERNAL_KEY_STORE,
};

static p11kms_err check_fits(const op_t *op, const kms_create *create, const kms_custom_t *store)
{
    bool external = store->type == KMS_CUSTOM_EXTERNAL;

    if (create->origin != origin_of[store->type]) {
        FAIL(P11KMS_E_VALIDATION, "The Origin of a KMS key in the custom key store %s is %s.", store->id,
             kms_origin_name(origin_of[store->type]));
    }
    if (external != in_has(op, "XksKeyId")) {
        FAIL(P11KMS_E_VALIDATION, external ? "XksKeyId is required for a KMS key in an external key store."
                                           : "XksKeyId goes with an external key store alone.");
    }
    if (external && create->spec->family != KMS_FAMILY_SYMMETRIC) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "An external key store has symmetric encryption KMS keys alone.");
    }
    if (create->multi_region) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "A KMS key in a custom key store cannot be a multi-Region key.");
    }
    return P11KMS_OK;
}

p11kms_err custom_for_key(op_t *op, kms_create *create, kms_custom_t **ret)
{
    const request_t *request = op->act;
    slice_t id = in_string(op, "CustomKeyStoreId");

    if (id.len) {
        TRY(kms_custom_find(request->kms, op->account, op->region, id, ret));
        TRY(check_fits(op, create, *ret));
        return kms_custom_take(*ret, create);
    }
    if (create->origin == KMS_ORIGIN_AWS_CLOUDHSM || create->origin == KMS_ORIGIN_EXTERNAL_KEY_STORE ||
        in_has(op, "XksKeyId")) {
        FAIL(P11KMS_E_VALIDATION, "CustomKeyStoreId is required for a KMS key in a custom key store.");
    }
    return P11KMS_OK;
}

typedef struct {
    op_change_fn change;
    uint8_t id[KMS_ID];
} adopting_t;

static p11kms_err adopted(op_t *op, store_t *store)
{
    const request_t *request = op->act;
    const adopting_t *adopting = op->asked;

    TRY(kms_check_adoptable(request->kms, store, request->key->token_name, adopting->id));
    return adopting->change(op, store);
}

static void external_key_tried(op_t *op)
{
    p11kms_err err = op->token_op.err;

    if (err == P11KMS_E_TOKEN_NO_KEY) {
        err = p11kms_fail(P11KMS_E_XKS_KEY_NOT_FOUND, "The token has no key of p11kms with this CKA_ID.");
    } else if (err == P11KMS_E_TOKEN || err == P11KMS_E_UNSUPPORTED) {
        err = p11kms_fail(P11KMS_E_XKS_KEY_INVALID, "The token does not compute HMAC-SHA-256 under this key.");
    } else if (err != P11KMS_OK) {
        err = p11kms_fail_plain(P11KMS_E_TIMEOUT);
    }
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op_change(op, adopted, op_settle);
}

static p11kms_err read_external_id(const op_t *op, uint8_t id[KMS_ID])
{
    slice_t text = in_string(op, "XksKeyId");

    if (text.len != 2 * KMS_ID || hex_decode(text, id) != P11KMS_OK) {
        FAIL(P11KMS_E_XKS_KEY_INVALID,
             "XksKeyId is the CKA_ID of a key of p11kms on the token: %d bytes in hex (docs/custom-key-stores.md).",
             KMS_ID);
    }
    return P11KMS_OK;
}

/* One PRF tells that the key is there and does what material of KMS keys does. */
void custom_adopt_key(op_t *op, op_change_fn change)
{
    const request_t *request = op->act;
    adopting_t *adopting = ARENA_NEW(op->arena, adopting_t);
    p11kms_err err = read_external_id(op, adopting->id);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    adopting->change = change;
    op->asked = adopting;
    op->token_op.kind = TOKEN_OP_PRF;
    memcpy(op->token_op.key_id, adopting->id, KMS_ID);
    op->token_op.in = SLICE_LIT("p11kms/v1/external");
    op_token(op, request->key->token, external_key_tried);
}

/* ---- random bytes of one ---- */

static void random_made(op_t *op)
{
    if (op->token_op.err != P11KMS_OK) {
        op_fail(op, op->token_op.err == P11KMS_E_UNSUPPORTED
                        ? p11kms_fail(P11KMS_E_OPERATION_UNSUPPORTED, "The custom key store's token gives no random bytes.")
                        : p11kms_fail_plain(P11KMS_E_TIMEOUT));
        return;
    }
    jw_t w = answer_begin(op);
    answer_base64(&w, "Plaintext", SLICE(op->token_op.out, op->token_op.out_used));
    jw_end(&w);
    token_op_wipe(&op->token_op);
    op_done(op);
}

static p11kms_err random_begin(op_t *op, kms_custom_t **ret)
{
    const request_t *request = op->act;

    TRY(kms_custom_find(request->kms, op->account, op->region, in_string(op, "CustomKeyStoreId"), ret));
    if (kms_custom_connection(*ret) != KMS_STORE_CONNECTED) {
        FAIL(P11KMS_E_CUSTOM_STATE, "The custom key store %s is not connected.", (*ret)->id);
    }
    return P11KMS_OK;
}

void custom_random(op_t *op, size_t len)
{
    _cleanup_(kms_custom) kms_custom_t *store = NULL;
    p11kms_err err = random_begin(op, &store);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op->token_op.kind = TOKEN_OP_RANDOM;
    op->token_op.out_len = len;
    op_token(op, store->token, random_made);
}
