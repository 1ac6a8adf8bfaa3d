/* STS: who am I, and temporary credentials for roles, users and web identities. */
#include "api/api_internal.h"

#include <string.h>
#include <strings.h>

#include "identity/oidc.h"
#include "identity/session.h"
#include "util/clock.h"

#define ROLE_DEFAULT_S 3600
#define USER_DEFAULT_S 43200

typedef struct {
    api_t *api;
    const principal_t *role;
    oidc_identity web; /* issuer is NULL unless a web identity asks */
    conf_tag *tags;    /* of the session to be: inherited and asked for */
    size_t n_tags;
    const char **transitive;
    size_t n_transitive;
    session_spec spec;
    session_credentials credentials;
} sts_t;

static void sts_free(op_t *op)
{
    sts_t *sts = op->act;

    session_credentials_clear(&sts->credentials);
    json_free(sts->web.claims);
}

static sts_t *sts_begin(op_t *op)
{
    sts_t *sts = ARENA_NEW(op->arena, sts_t);

    sts->api = op_services(op);
    op->act = sts;
    op->act_free = sts_free;
    return sts;
}

static void put(jw_t *w, const char *name, const char *value)
{
    jw_key(w, name);
    jw_string(w, value);
}

/* ---- GetCallerIdentity, GetAccessKeyInfo ---- */

void api_get_caller_identity(op_t *op)
{
    const principal_t *caller = op->auth.principal;
    jw_t w = answer_begin(op);

    op_authorize_everyone(op);
    put(&w, "UserId", caller->principal_id);
    put(&w, "Account", caller->account);
    put(&w, "Arn", caller->arn);
    jw_end(&w);
    op_done(op);
}

static p11kms_err access_key_info(op_t *op)
{
    const op_resource_t all = { .arn = "*" };
    slice_t id = in_string(op, "AccessKeyId");

    TRY(op_authorize(op, &all, NULL, false, NULL, NULL));
    const char *account = identity_access_key_account(op->identity, id);
    if (!account) {
        FAIL(P11KMS_E_VALIDATION, "Access key %s is not known here", in_text(op, "AccessKeyId"));
    }
    jw_t w = answer_begin(op);
    put(&w, "Account", account);
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_access_key_info(op_t *op)
{
    sts_begin(op);
    answer_settle(op, access_key_info(op));
}

/* ---- condition keys of STS ---- */

static bool one(const op_t *op, slice_t value, policy_values *ret)
{
    slice_t *values = ARENA_NEW(op->arena, slice_t);

    *values = value;
    *ret = (policy_values){ .values = values, .n = 1 };
    return true;
}

static bool member(const op_t *op, const char *name, policy_values *ret)
{
    return in_has(op, name) && one(op, in_string(op, name), ret);
}

static bool asked_tag(const op_t *op, slice_t name, policy_values *ret)
{
    const json_t *tags = json_get(op->input, "Tags");

    for (size_t i = 0; i < json_length(tags); i++) {
        slice_t key = json_string(json_get(json_at(tags, i), "Key"));

        /* In any case: no two of them differ in case alone, add_tag() sees to that. */
        if (key.len == name.len && strncasecmp((const char *)key.data, (const char *)name.data, name.len) == 0) {
            return one(op, json_string(json_get(json_at(tags, i), "Value")), ret);
        }
    }
    return false;
}

/* @p key of each element, or the elements themselves where it is NULL. */
static bool many(const op_t *op, const char *list, const char *key, policy_values *ret)
{
    const json_t *items = json_get(op->input, list);
    size_t n = json_length(items);
    slice_t *values = arena_alloc(op->arena, (n + 1) * sizeof(*values));

    for (size_t i = 0; i < n; i++) {
        values[i] = json_string(key ? json_get(json_at(items, i), key) : json_at(items, i));
    }
    *ret = (policy_values){ .values = values, .n = n, .multi = true };
    return n > 0;
}

static bool claim_value(const op_t *op, const json_t *claim, policy_values *ret)
{
    size_t n = json_length(claim);

    switch (json_kind_of(claim)) {
    case JSON_STRING:
        return one(op, json_string(claim), ret);
    case JSON_BOOL:
        return one(op, SLICE_STR(json_bool(claim) ? "true" : "false"), ret);
    case JSON_INT:
        return one(op, SLICE_STR(arena_printf(op->arena, "%lld", (long long)json_int(claim))), ret);
    case JSON_ARRAY: {
        slice_t *values = arena_alloc(op->arena, (n + 1) * sizeof(*values));
        for (size_t i = 0; i < n; i++) {
            values[i] = json_string(json_at(claim, i));
        }
        *ret = (policy_values){ .values = values, .n = n, .multi = true };
        return n > 0;
    }
    default:
        return false;
    }
}

/* "token.actions.example:sub": the provider's name, then the claim as written. */
static bool web_condition(const op_t *op, const oidc_identity *web, slice_t key, slice_t as_written,
                          policy_values *ret)
{
    size_t len = strlen(web->issuer);

    if (as_written.len <= len + 1 || as_written.data[len] != ':' ||
        strncasecmp((const char *)key.data, web->issuer, len) != 0) {
        return false;
    }
    const char *name =
        arena_strndup(op->arena, (const char *)as_written.data + len + 1, as_written.len - len - 1);
    if (strcmp(name, "aud") == 0) {
        return one(op, SLICE_STR(web->audience), ret); /* of several, the one that was accepted */
    }
    return claim_value(op, json_get(web->claims, name), ret);
}

static bool external_id(const op_t *op, slice_t rest, policy_values *ret)
{
    (void)rest;
    return member(op, "ExternalId", ret);
}

static bool role_session_name(const op_t *op, slice_t rest, policy_values *ret)
{
    (void)rest;
    return member(op, "RoleSessionName", ret);
}

static bool asked_source_identity(const op_t *op, slice_t rest, policy_values *ret)
{
    (void)rest;
    return member(op, "SourceIdentity", ret);
}

static bool duration(const op_t *op, slice_t rest, policy_values *ret)
{
    (void)rest;
    return in_has(op, "DurationSeconds") &&
           one(op, SLICE_STR(arena_printf(op->arena, "%lld", (long long)in_int(op, "DurationSeconds", 0))), ret);
}

static bool tag_keys(const op_t *op, slice_t rest, policy_values *ret)
{
    (void)rest;
    return many(op, "Tags", "Key", ret);
}

static bool transitive_keys(const op_t *op, slice_t rest, policy_values *ret)
{
    (void)rest;
    return many(op, "TransitiveTagKeys", NULL, ret);
}

static const struct {
    policy_key key;
    bool (*get)(const op_t *op, slice_t rest, policy_values *ret);
} conditions[] = {
    { { "sts:ExternalId" }, external_id },
    { { "sts:RoleSessionName" }, role_session_name },
    { { "sts:SourceIdentity" }, asked_source_identity },
    { { "sts:DurationSeconds" }, duration },
    { { "sts:TransitiveTagKeys", .multi = true }, transitive_keys },
    { { "aws:TagKeys", .multi = true }, tag_keys },
    { { "aws:RequestTag/" }, asked_tag },
};

static bool sts_conditions(void *arg, slice_t key, slice_t as_written, policy_values *ret)
{
    op_t *op = arg;
    const sts_t *sts = op->act;
    size_t rest;

    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        if (policy_key_is(&conditions[i].key, key, &rest)) {
            return conditions[i].get(op, SLICE(as_written.data + rest, as_written.len - rest), ret);
        }
    }
    return sts->web.issuer && web_condition(op, &sts->web, key, as_written, ret);
}

const policy_key *sts_condition_key(size_t i)
{
    return i < COUNT_OF(conditions) ? &conditions[i].key : NULL;
}

/* ---- sessions of roles ---- */

static p11kms_err refuse_unsupported(const op_t *op)
{
    static const char *const members[] = { "PolicyArns", "ProvidedContexts", "SerialNumber", "TokenCode",
                                           "ProviderId" };

    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (in_has(op, members[i])) {
            FAIL(P11KMS_E_VALIDATION, "%s is not supported by p11kms", members[i]);
        }
    }
    return P11KMS_OK;
}

/* A role that does not exist and one that may not be assumed are refused in the same words. */
static p11kms_err refuse_role(op_t *op, const char *action)
{
    const char *who = op->auth.principal->kind == PRINCIPAL_FEDERATED ? op->auth.principal->principal_id
                                                                      : op->auth.principal->arn;

    FAIL(P11KMS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %s", who, action,
         in_text(op, "RoleArn"));
}

static p11kms_err find_role(op_t *op, sts_t *sts)
{
    const principal_t *role = identity_find(op->identity, in_string(op, "RoleArn"));

    if (!role || role->kind != PRINCIPAL_ROLE) {
        return refuse_role(op, op->row->action);
    }
    sts->role = role;
    return P11KMS_OK;
}

static p11kms_err authorize_role(op_t *op, const sts_t *sts, const char *action)
{
    const op_resource_t resource = { .arn = sts->role->arn, .account = sts->role->account, .type = "AWS::IAM::Role" };
    p11kms_err err = op_authorize_as(op, action, &resource, sts->role->trust, true, sts_conditions, op);

    return err == P11KMS_E_DENIED ? refuse_role(op, action) : err;
}

static p11kms_err role_duration(const op_t *op, const sts_t *sts, int64_t *ret_s)
{
    bool chained = op->auth.principal->kind == PRINCIPAL_ROLE_SESSION;

    *ret_s = in_int(op, "DurationSeconds", ROLE_DEFAULT_S);
    if (*ret_s > sts->role->max_session_s) {
        FAIL(P11KMS_E_VALIDATION,
             "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    if (chained && *ret_s > SESSION_CHAINED_MAX_S) {
        FAIL(P11KMS_E_VALIDATION,
             "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
    }
    return P11KMS_OK;
}

static bool is_transitive(const principal_t *caller, const char *key)
{
    for (const char *const *t = caller->transitive; t && *t; t++) {
        if (strcmp(*t, key) == 0) {
            return true;
        }
    }
    return false;
}

static p11kms_err add_tag(sts_t *sts, const char *key, const char *value)
{
    if (strncasecmp(key, "aws:", 4) == 0) {
        FAIL(P11KMS_E_VALIDATION, "Tags beginning with aws: are reserved");
    }
    for (size_t i = 0; i < sts->n_tags; i++) {
        if (strcasecmp(sts->tags[i].key, key) == 0) {
            FAIL(P11KMS_E_VALIDATION, "Duplicate tag keys found, or a tag key that was passed on by role chaining: %s",
                 key);
        }
    }
    if (sts->n_tags == SESSION_TAGS_MAX) {
        FAIL(P11KMS_E_VALIDATION, "There are more than %d session tags", SESSION_TAGS_MAX);
    }
    sts->tags[sts->n_tags++] = (conf_tag){ key, value };
    return P11KMS_OK;
}

/* What the caller's own session passes on, then what is asked for. */
static p11kms_err session_tags(op_t *op, sts_t *sts)
{
    const principal_t *caller = op->auth.principal;
    const json_t *tags = json_get(op->input, "Tags");
    const json_t *transitive = json_get(op->input, "TransitiveTagKeys");

    sts->tags = arena_alloc(op->arena, SESSION_TAGS_MAX * sizeof(*sts->tags));
    sts->transitive = arena_alloc(op->arena, (2 * SESSION_TAGS_MAX + 1) * sizeof(*sts->transitive));
    for (size_t i = 0; i < caller->n_tags && caller->kind == PRINCIPAL_ROLE_SESSION; i++) {
        if (is_transitive(caller, caller->tags[i].key)) {
            TRY(add_tag(sts, caller->tags[i].key, caller->tags[i].value));
            sts->transitive[sts->n_transitive++] = caller->tags[i].key;
        }
    }
    for (size_t i = 0; i < json_length(tags); i++) {
        slice_t key = json_string(json_get(json_at(tags, i), "Key"));
        slice_t value = json_string(json_get(json_at(tags, i), "Value"));
        TRY(add_tag(sts, arena_strndup(op->arena, (const char *)key.data, key.len),
                    arena_strndup(op->arena, (const char *)value.data, value.len)));
    }
    for (size_t i = 0; i < json_length(transitive) && i < SESSION_TAGS_MAX; i++) {
        slice_t key = json_string(json_at(transitive, i));
        sts->transitive[sts->n_transitive++] = arena_strndup(op->arena, (const char *)key.data, key.len);
    }
    return P11KMS_OK;
}

static p11kms_err authorize_extras(op_t *op, const sts_t *sts)
{
    if (sts->n_tags) { /* those passed on by role chaining too: they stand in place of the role's own */
        TRY(authorize_role(op, sts, ACTION_TAG_SESSION));
    }
    if (in_has(op, "SourceIdentity")) {
        TRY(authorize_role(op, sts, ACTION_SET_SOURCE_IDENTITY));
    }
    return P11KMS_OK;
}

/* Once set, a source identity stays through every further role. */
static p11kms_err source_identity(op_t *op, const char **ret)
{
    const char *asked = in_text(op, "SourceIdentity");
    const char *inherited = op->auth.principal->source_identity;

    if (asked && inherited && strcmp(asked, inherited) != 0) {
        FAIL(P11KMS_E_VALIDATION, "The source identity cannot be changed");
    }
    *ret = asked ? asked : inherited;
    return P11KMS_OK;
}

static void answer_role(op_t *op, const sts_t *sts)
{
    const session_spec *spec = &sts->spec;
    jw_t w = answer_begin(op);

    answer_credentials(&w, &sts->spec, &sts->credentials);
    jw_key(&w, "AssumedRoleUser");
    jw_object(&w);
    put(&w, "AssumedRoleId", arena_printf(op->arena, "%s:%s", spec->of->principal_id, spec->session_name));
    put(&w, "Arn",
        arena_printf(op->arena, "arn:aws:sts::%s:assumed-role/%s/%s", spec->of->account, spec->of->name,
                     spec->session_name));
    jw_end(&w);
    if (spec->policy.len || spec->n_tags) {
        jw_key(&w, "PackedPolicySize");
        jw_int(&w, (int64_t)(100 * sts->credentials.token.len / SESSION_TOKEN_MAX));
    }
    if (spec->source_identity) {
        put(&w, "SourceIdentity", spec->source_identity);
    }
    if (sts->web.issuer) {
        put(&w, "SubjectFromWebIdentityToken", sts->web.subject);
        put(&w, "Provider", sts->web.issuer);
        put(&w, "Audience", sts->web.audience);
    }
    jw_end(&w);
}

static p11kms_err issue(op_t *op, sts_t *sts, const principal_t *of, int64_t seconds)
{
    sts->spec.of = of;
    sts->spec.issued_ms = clock_service_ms();
    sts->spec.expires_ms = sts->spec.issued_ms + seconds * 1000;
    return session_issue(op->identity, &sts->spec, &sts->credentials);
}

static p11kms_err issue_role(op_t *op, sts_t *sts)
{
    int64_t seconds;

    TRY(role_duration(op, sts, &seconds));
    TRY(source_identity(op, &sts->spec.source_identity));
    sts->spec.session_name = in_text(op, "RoleSessionName");
    sts->spec.policy = in_string(op, "Policy");
    sts->spec.tags = sts->tags;
    sts->spec.n_tags = sts->n_tags;
    sts->spec.transitive = sts->transitive;
    TRY(issue(op, sts, sts->role, seconds));
    answer_role(op, sts);
    return P11KMS_OK;
}

static p11kms_err assume_role(op_t *op, sts_t *sts)
{
    TRY(refuse_unsupported(op));
    TRY(find_role(op, sts));
    TRY(session_tags(op, sts));
    TRY(authorize_role(op, sts, op->row->action));
    TRY(authorize_extras(op, sts));
    return issue_role(op, sts);
}

void api_assume_role(op_t *op)
{
    answer_settle(op, assume_role(op, sts_begin(op)));
}

/* ---- web identities ---- */

/* The account of a role's ARN: whose providers may vouch. */
static slice_t account_of(slice_t arn)
{
    size_t colons = 0, start = 0;

    for (size_t i = 0; i < arn.len; i++) {
        if (arn.data[i] == ':' && ++colons == 4) {
            start = i + 1;
        } else if (arn.data[i] == ':' && colons == 5) {
            return SLICE(arn.data + start, i - start);
        }
    }
    return SLICE(NULL, 0);
}

static const principal_t *web_principal(op_t *op, const oidc_identity *web)
{
    principal_t *principal = ARENA_NEW(op->arena, principal_t);

    principal->kind = PRINCIPAL_FEDERATED;
    principal->account = arena_strdup(op->arena, web->account);
    principal->arn = arena_strdup(op->arena, web->provider_arn);
    principal->name = web->subject;
    principal->federated = web->issuer;
    principal->principal_id =
        arena_printf(op->arena, "%s:%s:%s", web->issuer, web->audience, web->subject);
    return principal;
}

static p11kms_err assume_with_web_identity(op_t *op, sts_t *sts)
{
    slice_t account = account_of(in_string(op, "RoleArn"));

    TRY(refuse_unsupported(op));
    TRY(oidc_verify(sts->api->options.oidc(sts->api->options.arg), account, in_string(op, "WebIdentityToken"),
                    clock_wall_ms(), op->arena, &sts->web));
    op_authenticated_as(op, web_principal(op, &sts->web), "WebIdentity");
    TRY(find_role(op, sts));
    TRY(session_tags(op, sts));
    TRY(authorize_role(op, sts, op->row->action));
    sts->spec.federated = sts->web.issuer;
    return issue_role(op, sts);
}

void api_assume_role_with_web_identity(op_t *op)
{
    answer_settle(op, assume_with_web_identity(op, sts_begin(op)));
}

/* ---- sessions of users ---- */

static p11kms_err get_session_token(op_t *op, sts_t *sts)
{
    const principal_t *caller = op->auth.principal;

    TRY(refuse_unsupported(op));
    if (caller->kind != PRINCIPAL_USER || caller->issued_ms) {
        FAIL(P11KMS_E_DENIED, "Cannot call GetSessionToken with session credentials");
    }
    op_authorize_everyone(op);
    TRY(issue(op, sts, caller, in_int(op, "DurationSeconds", USER_DEFAULT_S)));
    jw_t w = answer_begin(op);
    answer_credentials(&w, &sts->spec, &sts->credentials);
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_session_token(op_t *op)
{
    answer_settle(op, get_session_token(op, sts_begin(op)));
}
