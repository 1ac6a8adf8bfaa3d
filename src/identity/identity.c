#include "identity/builder.h"

const char *builder_key(builder_t *builder, const char *account, const char *name)
{
    return arena_printf(builder->identity->arena, "%s/%s", account, name);
}

/* ---- access keys ---- */

static p11kms_err make_key_secret(slice_t secret, secret_t **ret)
{
    secret_t *made = NULL;

    TRY(secret_new(4 + secret.len, &made));
    memcpy(secret_data(made), "AWS4", 4);
    memcpy(secret_data(made) + 4, secret.data, secret.len);
    *ret = made;
    return P11KMS_OK;
}

static p11kms_err add_key(builder_t *builder, const identity_key *given)
{
    identity_t *identity = builder->identity;
    const principal_t *principal =
        map_get(builder->users, SLICE_STR(builder_key(builder, given->account, given->user)));
    _cleanup_secret_ secret_t *secret = NULL;
    void *old = NULL;

    if (principal == NULL) {
        return P11KMS_OK;
    }
    TRY(make_key_secret(given->secret, &secret));
    access_key_t *key = ARENA_NEW(identity->arena, access_key_t);
    key->principal = principal;
    key->active = given->active && map_get(builder->off, SLICE_STR(given->id)) == NULL;
    TRY(map_put(identity->keys, SLICE_STR(given->id), key, &old));
    key->secret = STEAL(secret);
    if (old != NULL) {
        secret_free(((access_key_t *)old)->secret);
    }
    return P11KMS_OK;
}

/** Access keys that are declared inactive, wherever their secrets come from. */
static p11kms_err note_switched_off(builder_t *builder, const conf_user *user)
{
    for (size_t i = 0; i < user->n_access_keys; i++) {
        if (!user->access_keys[i].active) {
            TRY(map_put(builder->off, SLICE_STR(user->access_keys[i].id), builder, NULL));
        }
    }
    return P11KMS_OK;
}

static p11kms_err add_keys(builder_t *builder, const conf_declared_t *declared, const identity_key *keys,
                           size_t n)
{
    for (size_t i = 0; i < declared->n_accounts; i++) {
        const conf_account *account = &declared->accounts[i];

        for (size_t k = 0; k < account->n_users; k++) {
            TRY(note_switched_off(builder, &account->users[k]));
        }
    }
    for (size_t i = 0; i < n; i++) {
        TRY(add_key(builder, &keys[i]));
    }
    return P11KMS_OK;
}

/** An unknown key is checked against a secret nobody knows, so that it costs the same. */
static p11kms_err make_unknown_key(identity_t *identity)
{
    uint8_t random[SHA256_LEN];

    TRY(crypto_random(random, sizeof(random)));
    return make_key_secret(SLICE(random, sizeof(random)), &identity->unknown.secret);
}

/* ---- peers ---- */

static const char *copy_text(arena_t *arena, const char *text)
{
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

static p11kms_err add_peer(builder_t *builder, const conf_peer_rule *rule)
{
    identity_t *identity = builder->identity;
    const principal_t *principal = identity_find(identity, SLICE_STR(rule->principal));
    peer_rule_t peer;
    p11kms_err err = peers_resolve(rule, &peer);

    if (err == P11KMS_E_NOT_FOUND) {
        PROBLEM(builder, rule->place, "peers: %s", p11kms_err_detail(err));
        return P11KMS_OK;
    }
    TRY(err);
    if (principal == NULL) {
        PROBLEM(builder, rule->place, "peers: %s is not declared", rule->principal);
        return P11KMS_OK;
    }
    peer.principal = principal;
    peer.session_name = copy_text(identity->arena, rule->session_name);
    peer.subject = copy_text(identity->arena, rule->subject);
    peer.san = copy_text(identity->arena, rule->san);
    peer.sha256 = copy_text(identity->arena, rule->sha256);
    identity->peers[identity->n_peers++] = peer;
    return P11KMS_OK;
}

static p11kms_err add_peers(builder_t *builder, const conf_declared_t *declared)
{
    builder->identity->peers = arena_alloc(builder->identity->arena, sizeof(peer_rule_t) * declared->n_peers);
    for (size_t i = 0; i < declared->n_peers; i++) {
        TRY(add_peer(builder, &declared->peers[i]));
    }
    return P11KMS_OK;
}

/* ---- the snapshot ---- */

static p11kms_err prepare(builder_t *builder)
{
    identity_t *identity = builder->identity;

    identity->arena = arena_new(16384);
    ENSURE(identity->arena != NULL, P11KMS_E_NOMEM);
    TRY(map_new(&identity->by_arn));
    TRY(map_new(&identity->accounts));
    TRY(map_new(&identity->keys));
    TRY(daykeys_new(&identity->daykeys));
    TRY(session_cache_new(&identity->sessions));
    TRY(make_unknown_key(identity));
    TRY(map_new(&builder->groups));
    TRY(map_new(&builder->users));
    return map_new(&builder->off);
}

static p11kms_err fill(builder_t *builder, const identity_sources *sources)
{
    identity_t *identity = builder->identity;

    TRY(prepare(builder));
    if (sources->session_key.len > 0) {
        TRY(session_keys_derive(sources->session_key, &identity->session_keys));
    }
    TRY(builder_add_accounts(builder, sources->declared));
    TRY(add_keys(builder, sources->declared, sources->keys, sources->n_keys));
    TRY(add_peers(builder, sources->declared));
    for (size_t i = 0; i < sources->n_revocations; i++) {
        identity_revoke_sessions(identity, SLICE_STR(sources->revocations[i].role_arn),
                                 sources->revocations[i].until_ms);
    }
    if (builder->n_problems > 0) {
        FAIL(P11KMS_E_CONFIG, "%u problem%s in the declarations", builder->n_problems,
             builder->n_problems == 1 ? "" : "s");
    }
    return P11KMS_OK;
}

static void free_key(void *value)
{
    secret_free(((access_key_t *)value)->secret);
}

p11kms_err identity_build_from(const identity_sources *sources, buf_t *problems, identity_t **ret)
{
    _cleanup_(identity) identity_t *identity = calloc(1, sizeof(*identity));
    builder_t builder = { .identity = identity, .problems = problems };

    ENSURE(identity != NULL, P11KMS_E_NOMEM);
    atomic_init(&identity->references, 1);
    p11kms_err err = fill(&builder, sources);
    builder_free_groups(&builder);
    map_free(builder.users, NULL);
    map_free(builder.off, NULL);
    TRY(err);
    *ret = STEAL(identity);
    return P11KMS_OK;
}

p11kms_err identity_build(const conf_declared_t *declared, const identity_key *keys, size_t n_keys,
                          buf_t *problems, identity_t **ret)
{
    const identity_sources sources = { .declared = declared, .keys = keys, .n_keys = n_keys };

    return identity_build_from(&sources, problems, ret);
}

identity_t *identity_ref(identity_t *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

static void free_policies(const principal_t *principal)
{
    for (size_t i = 0; i < principal->n_policies; i++) {
        policy_unref(principal->policies[i]);
    }
    policy_unref(principal->boundary);
    policy_unref(principal->trust);
}

void identity_unref(identity_t *identity)
{
    if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    session_cache_free(identity->sessions);
    for (size_t i = 0; i < identity->n_principals; i++) {
        free_policies(&identity->principals[i]);
    }
    map_free(identity->keys, free_key);
    map_free(identity->by_arn, NULL);
    map_free(identity->accounts, NULL);
    daykeys_free(identity->daykeys);
    secret_free(identity->unknown.secret);
    session_keys_clear(&identity->session_keys);
    arena_free(identity->arena);
    free(identity);
}

const principal_t *identity_at(const identity_t *identity, size_t i)
{
    return i < identity->n_principals ? &identity->principals[i] : NULL;
}

size_t identity_count(const identity_t *identity)
{
    return identity->n_principals;
}

const principal_t *identity_find(const identity_t *identity, slice_t arn)
{
    return map_get(identity->by_arn, arn);
}

static const principal_t *find_named(const identity_t *identity, principal_kind kind, slice_t account,
                                     slice_t name)
{
    slice_t key;
    void *value;
    size_t pos = 0;

    /* Administration alone asks, so a walk will do. */
    while (map_next(identity->by_arn, &pos, &key, &value)) {
        const principal_t *principal = value;
        if (principal->kind == kind && slice_eq_str(account, principal->account) &&
            slice_eq_str(name, principal->name)) {
            return principal;
        }
    }
    return NULL;
}

const char *identity_access_key_account(const identity_t *identity, slice_t id)
{
    const access_key_t *key = map_get(identity->keys, id);
    char account[13];

    if (key != NULL) {
        return key->principal->account;
    }
    return session_key_account(id, account) ? map_get(identity->accounts, SLICE_STR(account)) : NULL;
}

const principal_t *identity_find_user(const identity_t *identity, slice_t account, slice_t name)
{
    return find_named(identity, PRINCIPAL_USER, account, name);
}

const principal_t *identity_find_role(const identity_t *identity, slice_t account, slice_t name)
{
    return find_named(identity, PRINCIPAL_ROLE, account, name);
}

const principal_t *identity_find_key_user(const identity_t *identity, slice_t id)
{
    const access_key_t *key = map_get(identity->keys, id);

    return key != NULL ? key->principal : NULL;
}

void identity_end_key(identity_t *identity, slice_t id)
{
    access_key_t *key = map_get(identity->keys, id);

    if (key != NULL) {
        atomic_store(&key->active, false);
    }
}

bool identity_has_account(const identity_t *identity, slice_t account)
{
    return map_get(identity->accounts, account) != NULL;
}
