#include "identity/session.h"

#include <strings.h>

#include "crypto/crypto.h"
#include "identity/snapshot.h"

#define SESSION_ARENA 2048 /* holds one with a token of the usual length */

/* ---- the principal of a session ---- */

static const char *text_or_null(arena_t *arena, slice_t text)
{
    return text.len > 0 ? arena_strndup(arena, (const char *)text.data, text.len) : NULL;
}

static bool replaced(const session_content *content, const conf_tag *tag)
{
    size_t len = strlen(tag->key);

    for (size_t i = 0; i < content->n_tags; i++) {
        slice_t key = content->tags[i].key;

        /* IAM User Guide, "Rules for tagging in IAM and AWS STS": keys are the same in either case */
        if (key.len == len && strncasecmp((const char *)key.data, tag->key, len) == 0) {
            return true;
        }
    }
    return false;
}

static void overlay_tags(arena_t *arena, const principal_t *of, const session_content *content,
                         principal_t *principal)
{
    conf_tag *tags = arena_alloc(arena, sizeof(*tags) * (of->n_tags + content->n_tags));
    const char **transitive = arena_alloc(arena, sizeof(*transitive) * (content->n_tags + 1));
    size_t n = 0, n_transitive = 0;

    for (size_t i = 0; i < of->n_tags; i++) {
        if (!replaced(content, &of->tags[i])) {
            tags[n++] = of->tags[i];
        }
    }
    for (size_t i = 0; i < content->n_tags; i++) {
        const session_tag *tag = &content->tags[i];
        const char *key = arena_strndup(arena, (const char *)tag->key.data, tag->key.len);

        tags[n++] = (conf_tag){ key, arena_strndup(arena, (const char *)tag->value.data, tag->value.len) };
        if (tag->transitive) {
            transitive[n_transitive++] = key;
        }
    }
    principal->tags = tags;
    principal->n_tags = n;
    principal->transitive = transitive;
}

void session_of_role(arena_t *arena, const principal_t *role, const char *name, principal_t *principal)
{
    *principal = *role;
    principal->kind = PRINCIPAL_ROLE_SESSION;
    principal->arn =
        arena_printf(arena, "arn:aws:sts::%s:assumed-role/%s/%s", role->account, role->name, name);
    principal->principal_id = arena_printf(arena, "%s:%s", role->principal_id, name);
    principal->trust = NULL;
    principal->role_arn = role->arn;
    principal->session_name = name;
}

static void fill_principal(identity_session *session, const principal_t *of, const session_content *content)
{
    principal_t *principal = &session->principal;
    arena_t *arena = session->arena;

    if (content->of_user) {
        *principal = *of;
    } else {
        session_of_role(arena, of, text_or_null(arena, content->session_name), principal);
    }
    overlay_tags(arena, of, content, principal);
    principal->session_policies = &session->policy;
    principal->n_session_policies = session->policy != NULL;
    principal->source_identity = text_or_null(arena, content->source_identity);
    principal->federated = text_or_null(arena, content->federated);
    principal->issued_ms = content->issued_ms;
    principal->expires_ms = content->expires_ms;
}

p11kms_err session_make(const principal_t *of, const session_content *content, identity_session **ret)
{
    arena_t *arena = arena_new(SESSION_ARENA);

    ENSURE(arena != NULL, P11KMS_E_NOMEM);
    identity_session *session = ARENA_NEW(arena, identity_session);
    atomic_init(&session->references, 1);
    session->arena = arena;
    session->of = of;
    if (content->policy.len > 0) {
        p11kms_err err = policy_compile(content->policy, POLICY_SESSION, "session policy", &session->policy);

        if (err != P11KMS_OK) {
            arena_free(arena);
            return err;
        }
    }
    fill_principal(session, of, content);
    *ret = session;
    return P11KMS_OK;
}

identity_session *session_ref(identity_session *session)
{
    atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
    return session;
}

void session_unref(identity_session *session)
{
    if (session != NULL && atomic_fetch_sub_explicit(&session->references, 1, memory_order_acq_rel) == 1) {
        policy_unref(session->policy);
        secret_free(session->secret);
        arena_free(session->arena);
    }
}

/* ---- a token's session ---- */

static p11kms_err make_secret(const identity_t *identity, identity_session *session)
{
    TRY(secret_new(4 + SESSION_SECRET, &session->secret));
    uint8_t *secret = secret_data(session->secret);
    memcpy(secret, "AWS4", 4);
    return session_secret(&identity->session_keys, session->salt, session->access_key_id, secret + 4);
}

static p11kms_err open_token(identity_t *identity, slice_t access_key_id, slice_t token,
                             identity_session **ret)
{
    _cleanup_buf_ buf_t plain = { 0 };
    _cleanup_(session) identity_session *session = NULL;
    session_content content = { 0 };
    uint8_t salt[TOKEN_SALT];

    TRY(session_token_open(&identity->session_keys, token, salt, &plain, &content));
    const principal_t *of = identity_find(identity, content.principal);
    principal_kind kind = content.of_user ? PRINCIPAL_USER : PRINCIPAL_ROLE;
    ENSURE(of != NULL && of->kind == kind && slice_eq(content.access_key_id, access_key_id),
           P11KMS_E_AUTH_UNKNOWN_KEY);
    TRY(session_make(of, &content, &session));
    session->access_key_id = arena_dup(session->arena, access_key_id);
    session->token = arena_dup(session->arena, token);
    memcpy(session->salt, salt, TOKEN_SALT);
    TRY(make_secret(identity, session));
    session_cache_put(identity->sessions, session);
    *ret = STEAL(session);
    return P11KMS_OK;
}

static bool is_revoked(const identity_t *identity, const identity_session *session)
{
    const atomic_llong *until = &identity->revoked_ms[session->of - identity->principals];

    return session->principal.issued_ms <= atomic_load_explicit(until, memory_order_relaxed);
}

p11kms_err session_find(identity_t *identity, slice_t access_key_id, slice_t token, int64_t now_ms,
                        identity_session **ret)
{
    _cleanup_(session) identity_session *session = NULL;

    ENSURE(identity->session_keys.keys != NULL, P11KMS_E_AUTH_UNKNOWN_KEY);
    session = session_cache_get(identity->sessions, access_key_id, token);
    if (session == NULL) {
        p11kms_err err = open_token(identity, access_key_id, token, &session);

        ENSURE(err == P11KMS_OK || err == P11KMS_E_NOMEM, P11KMS_E_AUTH_UNKNOWN_KEY);
        TRY(err);
    }
    ENSURE(!is_revoked(identity, session), P11KMS_E_AUTH_UNKNOWN_KEY);
    ENSURE(now_ms < session->principal.expires_ms, P11KMS_E_AUTH_EXPIRED);
    *ret = STEAL(session);
    return P11KMS_OK;
}

void identity_revoke_sessions(identity_t *identity, slice_t role_arn, int64_t until_ms)
{
    const principal_t *role = identity_find(identity, role_arn);

    if (role == NULL) {
        return;
    }
    atomic_llong *until = &identity->revoked_ms[role - identity->principals];
    long long old = atomic_load(until);
    while (old < until_ms && !atomic_compare_exchange_weak(until, &old, until_ms)) {
    }
}

/* ---- issuing ---- */

void session_credentials_clear(session_credentials *credentials)
{
    secret_free(credentials->secret);
    buf_free(&credentials->token);
    *credentials = (session_credentials){ 0 };
}

static slice_t slice_or_empty(const char *text)
{
    return text != NULL ? SLICE_STR(text) : SLICE(NULL, 0);
}

static bool is_listed(const char *const *keys, const char *key)
{
    for (; keys != NULL && *keys != NULL; keys++) {
        if (strcasecmp(*keys, key) == 0) {
            return true;
        }
    }
    return false;
}

static p11kms_err content_of(const session_spec *spec, session_content *content)
{
    bool of_user = spec->of->kind == PRINCIPAL_USER;

    ENSURE((spec->session_name == NULL) == of_user && spec->expires_ms > spec->issued_ms, P11KMS_E_RANGE);
    if (spec->n_tags > SESSION_TAGS_MAX) {
        FAIL(P11KMS_E_LIMIT, "Session tags: more than %d.", SESSION_TAGS_MAX);
    }
    *content = (session_content){
        .of_user = of_user,
        .principal = SLICE_STR(spec->of->arn),
        .session_name = slice_or_empty(spec->session_name),
        .source_identity = slice_or_empty(spec->source_identity),
        .federated = slice_or_empty(spec->federated),
        .policy = spec->policy,
        .n_tags = spec->n_tags,
        .issued_ms = spec->issued_ms,
        .expires_ms = spec->expires_ms,
    };
    for (size_t i = 0; i < spec->n_tags; i++) {
        content->tags[i] = (session_tag){ SLICE_STR(spec->tags[i].key), SLICE_STR(spec->tags[i].value),
                                          is_listed(spec->transitive, spec->tags[i].key) };
    }
    return P11KMS_OK;
}

static p11kms_err check_policy(slice_t policy)
{
    _cleanup_(policy) policy_t *compiled = NULL;

    return policy.len > 0 ? policy_compile(policy, POLICY_SESSION, "session policy", &compiled) : P11KMS_OK;
}

static p11kms_err seal_credentials(const identity_t *identity, session_content *content, const char *account,
                                   session_credentials *made)
{
    uint8_t salt[TOKEN_SALT];

    TRY(crypto_random(salt, sizeof(salt)));
    TRY(session_id_make(account, made->access_key_id));
    content->access_key_id = SLICE(made->access_key_id, SESSION_KEY_ID);
    TRY(session_token_seal(&identity->session_keys, salt, content, &made->token));
    TRY(secret_new(SESSION_SECRET, &made->secret));
    return session_secret(&identity->session_keys, salt, content->access_key_id, secret_data(made->secret));
}

p11kms_err session_issue(const identity_t *identity, const session_spec *spec, session_credentials *ret)
{
    session_credentials made = { 0 };
    session_content content;

    if (identity->session_keys.keys == NULL) {
        FAIL(P11KMS_E_INTERNAL, "there is no session key");
    }
    TRY(content_of(spec, &content));
    TRY(check_policy(spec->policy));
    p11kms_err err = seal_credentials(identity, &content, spec->of->account, &made);
    if (err != P11KMS_OK) {
        session_credentials_clear(&made);
        return err;
    }
    *ret = made;
    return P11KMS_OK;
}
