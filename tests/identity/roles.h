/* People of people.h with roles beside them, and sessions of theirs. */
#pragma once

#include "identity/session.h"
#include "tests/identity/people.h"

#define ROLE_ARN "arn:aws:iam::" ACCOUNT ":role/team/deploy"
#define SESSION_ARN "arn:aws:sts::" ACCOUNT ":assumed-role/deploy/build-7"
#define HOUR_MS INT64_C(3600000)
#define SESSION_KEY SLICE_LIT("0123456789abcdef0123456789abcdef")
#define POLICY(statement) "{\"Version\":\"2012-10-17\",\"Statement\":" statement "}"
#define ALLOW(action) POLICY("{\"Effect\":\"Allow\",\"Action\":\"" action "\",\"Resource\":\"*\"}")

static const conf_policy deploy_trust = {
    .name = "trust",
    .json = POLICY("{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":\"" APP_ARN
                   "\"}}"),
};
static const conf_policy deploy_boundary = { .name = "edge", .json = ALLOW("kms:*") };
static const conf_policy deploy_policies[] = { { .name = "use", .json = ALLOW("kms:Decrypt") },
                                               { .name = "look", .json = ALLOW("kms:List*") } };
static const conf_tag deploy_tags[] = { { "team", "blue" }, { "tier", "gold" } };
static const conf_role deploy_role = {
    .name = "deploy",
    .path = "/team/",
    .trust = &deploy_trust,
    .policies = deploy_policies,
    .n_policies = 2,
    .boundary = &deploy_boundary,
    .tags = deploy_tags,
    .n_tags = 2,
    .max_session_s = 7200,
};
static const conf_role bare_role = {
    .name = "app", .path = "/", .trust = &deploy_trust, .max_session_s = 3600
};

typedef struct {
    const conf_role *roles;
    size_t n_roles;
    const conf_peer_rule *peers;
    size_t n_peers;
    const identity_revocation *revocations;
    size_t n_revocations;
    bool without_key;
} roles_options;

static inline identity_t *build_roles_with(const roles_options *options)
{
    const conf_user users[] = {
        { .name = "app", .path = "/", .tags = deploy_tags, .n_tags = 1, .boundary = &deploy_boundary },
        { .name = "admin", .path = "/", .administrator = true },
    };
    const conf_account account = {
        .id = ACCOUNT, .users = users, .n_users = 2, .roles = options->roles, .n_roles = options->n_roles
    };
    const conf_declared_t declared = {
        .accounts = &account, .n_accounts = 1, .peers = options->peers, .n_peers = options->n_peers
    };
    const identity_key key = {
        .id = APP_KEY, .account = ACCOUNT, .user = "app", .secret = SLICE_LIT(APP_SECRET), .active = true
    };
    const identity_sources sources = {
        .declared = &declared,
        .keys = &key,
        .n_keys = 1,
        .revocations = options->revocations,
        .n_revocations = options->n_revocations,
        .session_key = options->without_key ? SLICE(NULL, 0) : SESSION_KEY,
    };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    assert_ok(crypto_init());
    p11kms_err err = identity_build_from(&sources, &problems, &identity);
    assert_buf_text(&problems, "");
    assert_ok(err);
    return identity;
}

static inline identity_t *build_roles(void)
{
    const conf_role roles[] = { deploy_role, bare_role };
    const roles_options options = { .roles = roles, .n_roles = 2 };

    return build_roles_with(&options);
}

/** A session of the role "deploy", an hour from NOW. */
static inline session_spec spec_of(const identity_t *identity)
{
    return (session_spec){ .of = identity_find(identity, SLICE_LIT(ROLE_ARN)),
                           .session_name = "build-7",
                           .issued_ms = at_time(NOW),
                           .expires_ms = at_time(NOW) + HOUR_MS };
}

/** The signer of issued credentials; borrows from them. */
static inline sigv4_credentials signer_of(const session_credentials *issued)
{
    return (sigv4_credentials){ .access_key_id = issued->access_key_id,
                                .secret = secret_slice(issued->secret),
                                .session_token = buf_str(&issued->token),
                                .region = "eu-central-1",
                                .service = "kms" };
}

/** A request at NOW by @p credentials, judged as if it were @p later_ms then by the service's clock. */
static inline p11kms_err ask_as(identity_t *identity, const sigv4_credentials *credentials, int64_t later_ms,
                                identity_auth *ret)
{
    const identity_check check = {
        .now_ms = at_time(NOW), .skew_seconds = 300, .service = "kms", .service_ms = at_time(NOW) + later_ms
    };
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    _cleanup_buf_ buf_t text = { 0 };
    message_t message;

    put_signed_request(&text, credentials);
    request_read(arena, buf_slice(&text), &message);
    return identity_authenticate(identity, &message, &check, ret);
}
