#include "conf/gather.h"

#include "util/map.h"

/** An account while its parts are put together. */
typedef struct {
    conf_account *account;
    conf_user *users;
    conf_group *groups;
    conf_role *roles;
    conf_oidc_provider *providers;
} growing_t;

typedef struct {
    arena_t *arena;
    problems_t *problems;
    map_t *growing; /* account id -> growing_t */
    map_t *known;   /* "group 'ops' of account 123456789012" -> the conf_place it was declared at */
} gather_t;

#define PUT(gather, place, ...)                                                                              \
    problem_put((gather)->problems, (place)->file, (place)->line, (place)->column, __VA_ARGS__)

/* ---- parts of several files into one ---- */

typedef struct {
    conf_account *accounts;
    conf_peer_rule *peers;
    conf_key *keys;
} parts_t;

static void count_parts(const fragment_t *fragment, conf_declared_t *total)
{
    for (; fragment != NULL; fragment = fragment->next) {
        total->n_accounts += fragment->declared.n_accounts;
        total->n_peers += fragment->declared.n_peers;
        total->n_keys += fragment->declared.n_keys;
    }
}

/** The account as it grows; what it holds is counted first and copied later. */
static p11kms_err meet_account(gather_t *gather, const conf_account *part, conf_account *accounts, size_t *n)
{
    growing_t *growing = map_get(gather->growing, SLICE_STR(part->id));

    if (growing == NULL) {
        growing = ARENA_NEW(gather->arena, growing_t);
        growing->account = &accounts[(*n)++];
        growing->account->id = part->id;
        growing->account->place = part->place;
        TRY(map_put(gather->growing, SLICE_STR(part->id), growing, NULL));
    }
    growing->account->n_users += part->n_users;
    growing->account->n_groups += part->n_groups;
    growing->account->n_roles += part->n_roles;
    growing->account->n_oidc_providers += part->n_oidc_providers;
    return P11KMS_OK;
}

static void make_room(gather_t *gather)
{
    size_t pos = 0;
    slice_t id;
    void *value;

    while (map_next(gather->growing, &pos, &id, &value)) {
        growing_t *growing = value;
        conf_account *account = growing->account;

        account->users = growing->users = arena_alloc(gather->arena, sizeof(conf_user) * account->n_users);
        account->groups = growing->groups =
            arena_alloc(gather->arena, sizeof(conf_group) * account->n_groups);
        account->roles = growing->roles = arena_alloc(gather->arena, sizeof(conf_role) * account->n_roles);
        account->oidc_providers = growing->providers =
            arena_alloc(gather->arena, sizeof(conf_oidc_provider) * account->n_oidc_providers);
    }
}

/** Copy @p n elements to where @p to points and move it behind them. */
#define COPY_BEHIND(to, from, n)                                                                             \
    do {                                                                                                     \
        if ((n) > 0) {                                                                                       \
            memcpy((to), (from), sizeof(*(from)) * (n));                                                     \
        }                                                                                                    \
        (to) += (n);                                                                                         \
    } while (0)

static void copy_parts(gather_t *gather, const fragment_t *fragment, parts_t to)
{
    for (; fragment != NULL; fragment = fragment->next) {
        const conf_declared_t *from = &fragment->declared;

        for (size_t i = 0; i < from->n_accounts; i++) {
            const conf_account *account = &from->accounts[i];
            growing_t *growing = map_get(gather->growing, SLICE_STR(account->id));

            COPY_BEHIND(growing->users, account->users, account->n_users);
            COPY_BEHIND(growing->groups, account->groups, account->n_groups);
            COPY_BEHIND(growing->roles, account->roles, account->n_roles);
            COPY_BEHIND(growing->providers, account->oidc_providers, account->n_oidc_providers);
        }
        COPY_BEHIND(to.peers, from->peers, from->n_peers);
        COPY_BEHIND(to.keys, from->keys, from->n_keys);
    }
}

static p11kms_err join(gather_t *gather, const fragment_t *fragments, conf_declared_t *ret,
                       conf_key **ret_keys)
{
    conf_declared_t total = { 0 };
    parts_t parts;

    count_parts(fragments, &total);
    parts.accounts = arena_alloc(gather->arena, sizeof(*parts.accounts) * total.n_accounts);
    parts.peers = arena_alloc(gather->arena, sizeof(*parts.peers) * total.n_peers);
    parts.keys = arena_alloc(gather->arena, sizeof(*parts.keys) * total.n_keys);
    total.n_accounts = 0;
    for (const fragment_t *fragment = fragments; fragment != NULL; fragment = fragment->next) {
        for (size_t i = 0; i < fragment->declared.n_accounts; i++) {
            TRY(meet_account(gather, &fragment->declared.accounts[i], parts.accounts, &total.n_accounts));
        }
    }
    make_room(gather);
    copy_parts(gather, fragments, parts);
    total.accounts = parts.accounts;
    total.peers = parts.peers;
    total.keys = parts.keys;
    *ret = total;
    *ret_keys = parts.keys;
    return P11KMS_OK;
}

/* ---- what they say of each other ---- */

/** Note that @p what was declared; a second time is a problem. */
static p11kms_err declare(gather_t *gather, const conf_place *place, const char *what)
{
    const conf_place *first = map_get(gather->known, SLICE_STR(what));

    if (first != NULL) {
        PUT(gather, place, "%s is declared twice; first at %s:%u:%u", what, first->file, first->line,
            first->column);
        return P11KMS_OK;
    }
    return map_put(gather->known, SLICE_STR(what), (void *)(uintptr_t)place, NULL);
}

static void refer(gather_t *gather, const conf_place *place, const char *from, const char *what)
{
    if (map_get(gather->known, SLICE_STR(what)) == NULL) {
        PUT(gather, place, "%s: %s is not declared", from, what);
    }
}

static const char *group_text(gather_t *gather, const char *group, const char *account)
{
    return arena_printf(gather->arena, "group '%s' of account %s", group, account);
}

/** A user or role; IAM: a name is unique in its account whatever its path. */
static p11kms_err declare_principal(gather_t *gather, const conf_account *account, const char *kind,
                                    const char *path, const char *name, const conf_place *place)
{
    arena_t *arena = gather->arena;
    const char *arn = arena_printf(arena, "arn:aws:iam::%s:%s%s%s", account->id, kind, path, name);

    TRY(declare(gather, place, arena_printf(arena, "%s '%s' of account %s", kind, name, account->id)));
    return map_put(gather->known, SLICE_STR(arn), (void *)(uintptr_t)place, NULL);
}

static p11kms_err declare_user(gather_t *gather, const conf_account *account, const conf_user *user)
{
    TRY(declare_principal(gather, account, "user", user->path, user->name, &user->place));
    for (size_t i = 0; i < user->n_access_keys; i++) {
        const conf_access_key *key = &user->access_keys[i];

        TRY(declare(gather, &key->place, arena_printf(gather->arena, "access key '%s'", key->id)));
    }
    return P11KMS_OK;
}

static p11kms_err declare_account(gather_t *gather, const conf_account *account)
{
    arena_t *arena = gather->arena;

    TRY(declare(gather, &account->place, arena_printf(arena, "account %s", account->id)));
    for (size_t i = 0; i < account->n_groups; i++) {
        const conf_group *group = &account->groups[i];

        TRY(declare(gather, &group->place, group_text(gather, group->name, account->id)));
    }
    for (size_t i = 0; i < account->n_users; i++) {
        TRY(declare_user(gather, account, &account->users[i]));
    }
    for (size_t i = 0; i < account->n_roles; i++) {
        const conf_role *role = &account->roles[i];

        TRY(declare_principal(gather, account, "role", role->path, role->name, &role->place));
    }
    for (size_t i = 0; i < account->n_oidc_providers; i++) {
        const conf_oidc_provider *provider = &account->oidc_providers[i];

        TRY(declare(gather, &provider->place,
                    arena_printf(arena, "OIDC provider '%s' of account %s", provider->issuer, account->id)));
    }
    return P11KMS_OK;
}

static void check_memberships(gather_t *gather, const conf_account *account)
{
    for (size_t i = 0; i < account->n_users; i++) {
        const conf_user *user = &account->users[i];

        for (size_t k = 0; k < user->n_groups; k++) {
            refer(gather, &user->place, arena_printf(gather->arena, "user '%s'", user->name),
                  group_text(gather, user->groups[k], account->id));
        }
    }
}

static p11kms_err declare_key(gather_t *gather, const conf_declared_t *all, conf_key *key)
{
    arena_t *arena = gather->arena;

    if (key->account == NULL && all->n_accounts != 1) {
        PUT(gather, &key->place, "key '%s': 'account' is missing (%zu accounts are declared)", key->alias,
            all->n_accounts);
        return P11KMS_OK;
    }
    key->account = key->account != NULL ? key->account : all->accounts[0].id;
    refer(gather, &key->place, arena_printf(arena, "key '%s'", key->alias),
          arena_printf(arena, "account %s", key->account));
    return declare(gather, &key->place,
                   arena_printf(arena, "key '%s' of account %s in %s", key->alias, key->account,
                                key->region != NULL ? key->region : "the default region"));
}

static p11kms_err check_all(gather_t *gather, const conf_declared_t *all, conf_key *keys)
{
    for (size_t i = 0; i < all->n_accounts; i++) {
        TRY(declare_account(gather, &all->accounts[i]));
    }
    for (size_t i = 0; i < all->n_accounts; i++) {
        check_memberships(gather, &all->accounts[i]);
    }
    for (size_t i = 0; i < all->n_peers; i++) {
        refer(gather, &all->peers[i].place, "peers", all->peers[i].principal);
    }
    for (size_t i = 0; i < all->n_keys; i++) {
        TRY(declare_key(gather, all, &keys[i]));
    }
    return P11KMS_OK;
}

static p11kms_err gather_with_maps(gather_t *gather, const fragment_t *fragments, conf_declared_t *ret)
{
    conf_key *keys;

    TRY(map_new(&gather->growing));
    TRY(map_new(&gather->known));
    TRY(join(gather, fragments, ret, &keys));
    return check_all(gather, ret, keys);
}

p11kms_err gather(arena_t *arena, problems_t *problems, const fragment_t *fragments, conf_declared_t *ret)
{
    gather_t gather = { .arena = arena, .problems = problems };
    p11kms_err err = gather_with_maps(&gather, fragments, ret);

    map_free(gather.growing, NULL);
    map_free(gather.known, NULL);
    return err;
}
