#include "identity/identity.h"

#include <stdio.h>

#include "identity/snapshot.h"

#define PRINCIPAL_ID_DIGITS 17 /* as AWS's ids: "AIDA" and 17 characters */

/** What is needed while building alone. */
typedef struct {
    identity_t *identity;
    buf_t *problems;
    unsigned n_problems;
    map_t *groups; /* "ACCOUNT/NAME" -> group_t */
    map_t *users;  /* "ACCOUNT/NAME" -> principal_t */
    map_t *off;    /* ids of access keys declared inactive */
} builder_t;

typedef struct {
    policy_t **policies; /* a reference each, until the build is done */
    size_t n;
} group_t;

#define PROBLEM(builder, place, ...)                                                                         \
    do {                                                                                                     \
        if ((builder)->n_problems++ < CONF_PROBLEMS_MAX) {                                                   \
            conf_problem((builder)->problems, (place), __VA_ARGS__);                                         \
        }                                                                                                    \
    } while (0)

/* ---- policies ---- */

/** Compile @p n documents into @p to; malformed ones become problems. */
static p11kms_err compile(builder_t *builder, const char *owner, const conf_policy *policies, size_t n,
                          policy_t **to, size_t *ret_n)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = arena_printf(builder->identity->arena, "%s: %s", owner, policies[i].name);
        p11kms_err err = policy_compile(SLICE_STR(policies[i].json), POLICY_IDENTITY, name, &to[*ret_n]);

        if (err == P11KMS_OK) {
            ++*ret_n;
            continue;
        }
        if (err != P11KMS_E_POLICY_MALFORMED) {
            return err;
        }
        const char *detail = p11kms_err_detail(err);
        PROBLEM(builder, conf_policy_place(&policies[i], detail), "%s: %s", name, detail);
    }
    return P11KMS_OK;
}

static const char *key_of(builder_t *builder, const char *account, const char *name)
{
    return arena_printf(builder->identity->arena, "%s/%s", account, name);
}

static p11kms_err add_group(builder_t *builder, const conf_account *account, const conf_group *declared)
{
    arena_t *arena = builder->identity->arena;
    group_t *group = ARENA_NEW(arena, group_t);

    group->policies = arena_alloc(arena, sizeof(policy_t *) * declared->n_policies);
    TRY(map_put(builder->groups, SLICE_STR(key_of(builder, account->id, declared->name)), group, NULL));
    return compile(builder, arena_printf(arena, "groups/%s", declared->name), declared->policies,
                   declared->n_policies, group->policies, &group->n);
}

/* ---- principals ---- */

/** Stable and unlike any other's: the first 85 bits of the ARN's digest. */
static const char *principal_id(arena_t *arena, const char *arn)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char id[4 + PRINCIPAL_ID_DIGITS + 1] = "AIDA";
    uint8_t digest[SHA256_LEN];
    unsigned bits = 0, n_bits = 0;
    size_t at = 0;

    crypto_sha256(SLICE_STR(arn), digest);
    for (size_t i = 0; i < PRINCIPAL_ID_DIGITS; i++) {
        if (n_bits < 5) {
            bits = bits << 8 | digest[at++];
            n_bits += 8;
        }
        n_bits -= 5;
        id[4 + i] = digits[bits >> n_bits & 31];
    }
    return arena_strdup(arena, id);
}

static const conf_tag *copy_tags(arena_t *arena, const conf_tag *tags, size_t n)
{
    conf_tag *copy = arena_alloc(arena, sizeof(*copy) * n);

    for (size_t i = 0; i < n; i++) {
        copy[i] = (conf_tag){ arena_strdup(arena, tags[i].key), arena_strdup(arena, tags[i].value) };
    }
    return copy;
}

static p11kms_err join_groups(builder_t *builder, const conf_account *account, const conf_user *user,
                              principal_t *principal)
{
    arena_t *arena = builder->identity->arena;
    size_t n = user->n_policies;

    for (size_t i = 0; i < user->n_groups; i++) {
        const group_t *group =
            map_get(builder->groups, SLICE_STR(key_of(builder, account->id, user->groups[i])));

        n += group != NULL ? group->n : 0;
    }
    policy_t **policies = arena_alloc(arena, sizeof(policy_t *) * n);
    principal->policies = policies;
    TRY(compile(builder, arena_printf(arena, "users/%s", user->name), user->policies, user->n_policies,
                policies, &principal->n_policies));
    for (size_t i = 0; i < user->n_groups; i++) {
        const group_t *group =
            map_get(builder->groups, SLICE_STR(key_of(builder, account->id, user->groups[i])));

        if (group == NULL) {
            PROBLEM(builder, user->place, "user '%s': group '%s' of account %s is not declared", user->name,
                    user->groups[i], account->id);
            continue;
        }
        for (size_t k = 0; k < group->n; k++) {
            policies[principal->n_policies++] = policy_ref(group->policies[k]);
        }
    }
    return P11KMS_OK;
}

static p11kms_err add_user(builder_t *builder, const conf_account *account, const conf_user *user)
{
    identity_t *identity = builder->identity;
    arena_t *arena = identity->arena;
    principal_t *principal = &identity->principals[identity->n_principals++];

    principal->kind = PRINCIPAL_USER;
    principal->account = arena_strdup(arena, account->id);
    principal->name = arena_strdup(arena, user->name);
    principal->arn = arena_printf(arena, "arn:aws:iam::%s:user%s%s", account->id, user->path, user->name);
    principal->principal_id = principal_id(arena, principal->arn);
    principal->administrator = user->administrator;
    principal->tags = copy_tags(arena, user->tags, user->n_tags);
    principal->n_tags = user->n_tags;
    TRY(map_put(identity->by_arn, SLICE_STR(principal->arn), principal, NULL));
    TRY(map_put(builder->users, SLICE_STR(key_of(builder, account->id, user->name)), principal, NULL));
    return join_groups(builder, account, user, principal);
}

static p11kms_err add_accounts(builder_t *builder, const conf_declared_t *declared)
{
    identity_t *identity = builder->identity;
    size_t n = 0;

    for (size_t i = 0; i < declared->n_accounts; i++) {
        n += declared->accounts[i].n_users;
    }
    identity->principals = arena_alloc(identity->arena, sizeof(principal_t) * n);
    for (size_t i = 0; i < declared->n_accounts; i++) {
        const conf_account *account = &declared->accounts[i];

        TRY(map_put(identity->accounts, SLICE_STR(account->id), identity, NULL));
        for (size_t k = 0; k < account->n_groups; k++) {
            TRY(add_group(builder, account, &account->groups[k]));
        }
        for (size_t k = 0; k < account->n_users; k++) {
            TRY(add_user(builder, account, &account->users[k]));
        }
    }
    return P11KMS_OK;
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
        map_get(builder->users, SLICE_STR(key_of(builder, given->account, given->user)));
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
    TRY(make_unknown_key(identity));
    TRY(map_new(&builder->groups));
    TRY(map_new(&builder->users));
    return map_new(&builder->off);
}

static p11kms_err fill(builder_t *builder, const conf_declared_t *declared, const identity_key *keys,
                       size_t n_keys)
{
    TRY(prepare(builder));
    TRY(add_accounts(builder, declared));
    TRY(add_keys(builder, declared, keys, n_keys));
    TRY(add_peers(builder, declared));
    if (builder->n_problems > 0) {
        FAIL(P11KMS_E_CONFIG, "%u problem%s in the declarations", builder->n_problems,
             builder->n_problems == 1 ? "" : "s");
    }
    return P11KMS_OK;
}

static void free_group(void *value)
{
    group_t *group = value;

    for (size_t i = 0; i < group->n; i++) {
        policy_unref(group->policies[i]);
    }
}

static void free_key(void *value)
{
    secret_free(((access_key_t *)value)->secret);
}

p11kms_err identity_build(const conf_declared_t *declared, const identity_key *keys, size_t n_keys,
                          buf_t *problems, identity_t **ret)
{
    _cleanup_(identity) identity_t *identity = calloc(1, sizeof(*identity));
    builder_t builder = { .identity = identity, .problems = problems };

    ENSURE(identity != NULL, P11KMS_E_NOMEM);
    atomic_init(&identity->references, 1);
    p11kms_err err = fill(&builder, declared, keys, n_keys);
    map_free(builder.groups, free_group);
    map_free(builder.users, NULL);
    map_free(builder.off, NULL);
    TRY(err);
    *ret = STEAL(identity);
    return P11KMS_OK;
}

identity_t *identity_ref(identity_t *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

void identity_unref(identity_t *identity)
{
    if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < identity->n_principals; i++) {
        for (size_t k = 0; k < identity->principals[i].n_policies; k++) {
            policy_unref(identity->principals[i].policies[k]);
        }
    }
    map_free(identity->keys, free_key);
    map_free(identity->by_arn, NULL);
    map_free(identity->accounts, NULL);
    daykeys_free(identity->daykeys);
    secret_free(identity->unknown.secret);
    arena_free(identity->arena);
    free(identity);
}

size_t identity_count(const identity_t *identity)
{
    return identity->n_principals;
}

const principal_t *identity_find(const identity_t *identity, slice_t arn)
{
    return map_get(identity->by_arn, arn);
}

const principal_t *identity_find_user(const identity_t *identity, slice_t account, slice_t name)
{
    slice_t key;
    void *value;
    size_t pos = 0;

    /* Administration alone asks, so a walk will do. */
    while (map_next(identity->by_arn, &pos, &key, &value)) {
        const principal_t *principal = value;
        if (slice_eq_str(account, principal->account) && slice_eq_str(name, principal->name)) {
            return principal;
        }
    }
    return NULL;
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
