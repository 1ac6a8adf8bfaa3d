/*
 * Condition keys of the frame ("AWS global condition context keys"). What the
 * frame does not know is asked of the service.
 */
#include "core/core.h"

typedef bool (*attribute_fn)(const op_question_t *at, slice_t rest, slice_t *ret);

static bool text(const char *value, slice_t *ret)
{
    *ret = SLICE_STR(value);
    return value[0] != '\0';
}

static bool principal_arn(const op_question_t *at, slice_t rest, slice_t *ret)
{
    const principal_t *principal = at->op->auth.principal;

    (void)rest;
    return text(principal->role_arn ? principal->role_arn : principal->arn, ret);
}

static bool principal_account(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return text(at->op->auth.principal->account, ret);
}

static bool principal_type(const op_question_t *at, slice_t rest, slice_t *ret)
{
    static const char *const types[] = {
        [PRINCIPAL_USER] = "User",
        [PRINCIPAL_ROLE] = "AssumedRole",
        [PRINCIPAL_ROLE_SESSION] = "AssumedRole",
        [PRINCIPAL_FEDERATED] = "FederatedUser",
        [PRINCIPAL_SERVICE] = "",
    };

    (void)rest;
    return text(types[at->op->auth.principal->kind], ret);
}

static bool is_service(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return text(at->op->auth.principal->kind == PRINCIPAL_SERVICE ? "true" : "false", ret);
}

static bool user_id(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return text(at->op->auth.principal->principal_id, ret);
}

static bool user_name(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return at->op->auth.principal->kind == PRINCIPAL_USER && text(at->op->auth.principal->name, ret);
}

static bool source_ip(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return at->op->message && at->op->message->peer->kind == PEER_TCP && text(at->op->message->peer->address, ret);
}

static bool secure_transport(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return at->op->message && text(at->op->message->peer->tls ? "true" : "false", ret);
}

static bool current_time(const op_question_t *at, slice_t rest, slice_t *ret)
{
    char *out = arena_alloc(at->op->arena, TIME_TEXT);

    (void)rest;
    time_format_iso(clock_wall_ms(), out);
    return text(out, ret);
}

static bool epoch_time(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return text(arena_printf(at->op->arena, "%lld", (long long)(clock_wall_ms() / 1000)), ret);
}

static bool user_agent(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    *ret = at->op->message ? message_header(at->op->message, "user-agent") : SLICE(NULL, 0);
    return ret->data != NULL;
}

static bool requested_region(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return text(at->op->region, ret);
}

/* Of what this decision is about: a ReEncrypt has a second key, which may be another account's. */
static bool resource_account(const op_question_t *at, slice_t rest, slice_t *ret)
{
    const op_t *op = at->op;

    (void)rest;
    *ret = at->request.resource_account;
    if (ret->len == 0 && op->n_resources && op->resources[0].account) { /* a retired grant's key is everybody's */
        *ret = SLICE_STR(op->resources[0].account);
    }
    return ret->len > 0;
}

static bool via_service(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)at;
    (void)rest;
    return text("false", ret);
}

/* Temporary credentials alone have these. No session here was made with a second factor. */
static bool token_issue_time(const op_question_t *at, slice_t rest, slice_t *ret)
{
    char *out = arena_alloc(at->op->arena, TIME_TEXT);

    (void)rest;
    time_format_iso(at->op->auth.principal->issued_ms, out);
    return at->op->auth.principal->issued_ms != 0 && text(out, ret);
}

static bool multi_factor(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return at->op->auth.principal->issued_ms != 0 && text("false", ret);
}

static bool source_identity(const op_question_t *at, slice_t rest, slice_t *ret)
{
    (void)rest;
    return at->op->auth.principal->source_identity && text(at->op->auth.principal->source_identity, ret);
}

static bool federated_provider(const op_question_t *at, slice_t rest, slice_t *ret)
{
    const principal_t *principal = at->op->auth.principal;

    (void)rest;
    return principal->kind == PRINCIPAL_ROLE_SESSION && principal->federated &&
           text(record_provider_arn(at->op->arena, principal), ret);
}

/* IAM User Guide, "Rules for tagging in IAM and AWS STS": a key is the same in either case. */
static bool principal_tag(const op_question_t *at, slice_t rest, slice_t *ret)
{
    const principal_t *principal = at->op->auth.principal;

    for (size_t i = 0; i < principal->n_tags; i++) {
        const char *key = principal->tags[i].key;

        if (strlen(key) == rest.len && strncasecmp(key, (const char *)rest.data, rest.len) == 0) {
            *ret = SLICE_STR(principal->tags[i].value);
            return true;
        }
    }
    return false;
}

static const struct {
    policy_key key;
    attribute_fn get;
} attributes[] = {
    { { "aws:PrincipalArn", .of = KEY_OF_CALLER }, principal_arn },
    { { "aws:PrincipalAccount", .of = KEY_OF_CALLER }, principal_account },
    { { "aws:PrincipalType", .of = KEY_OF_CALLER }, principal_type },
    { { "aws:PrincipalIsAWSService", .of = KEY_OF_CALLER }, is_service },
    { { "aws:userid", .of = KEY_OF_CALLER }, user_id },
    { { "aws:username", .of = KEY_OF_CALLER }, user_name },
    { { "aws:SourceIp" }, source_ip },
    { { "aws:SecureTransport" }, secure_transport },
    { { "aws:CurrentTime", .now = true }, current_time },
    { { "aws:EpochTime", .now = true }, epoch_time },
    { { "aws:UserAgent" }, user_agent },
    { { "aws:RequestedRegion", .of = KEY_OF_RESOURCE }, requested_region },
    { { "aws:ResourceAccount", .of = KEY_OF_RESOURCE }, resource_account },
    { { "aws:ViaAWSService" }, via_service },
    { { "aws:TokenIssueTime" }, token_issue_time },
    { { "aws:MultiFactorAuthPresent" }, multi_factor },
    { { "aws:SourceIdentity" }, source_identity },
    { { "aws:FederatedProvider" }, federated_provider },
    { { "aws:PrincipalTag/", .of = KEY_OF_CALLER }, principal_tag },
};

bool attributes_lookup(void *question, slice_t key, slice_t as_written, policy_values *ret)
{
    const op_question_t *at = question;
    size_t rest;

    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        if (policy_key_is(&attributes[i].key, key, &rest)) {
            slice_t *value = ARENA_NEW(at->op->arena, slice_t);

            *ret = (policy_values){ .values = value, .n = 1 };
            return attributes[i].get(at, SLICE(as_written.data + rest, as_written.len - rest), value);
        }
    }
    return at->service && at->service(at->service_arg, key, as_written, ret);
}

const policy_key *op_condition_key(size_t i)
{
    return i < COUNT_OF(attributes) ? &attributes[i].key : NULL;
}
