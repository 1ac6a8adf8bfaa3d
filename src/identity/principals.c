/* Users, groups and roles, from what is declared. */
#include "identity/builder.h"

#define PRINCIPAL_ID_DIGITS 17 /* as AWS's ids: "AIDA" and 17 characters */

typedef struct {
    policy_t **policies; /* a reference each, until the build is done */
    size_t n;
} group_t;

/* ---- policies ---- */

/** Compile a document; one that is malformed becomes a problem, and *ret stays. @p policy may be NULL. */
static p11kms_err compile_one(builder_t *builder, const char *owner, const conf_policy *policy,
                              policy_kind kind, policy_t **ret)
{
    if (policy == NULL) {
        return P11KMS_OK;
    }
    const char *name = arena_printf(builder->identity->arena, "%s: %s", owner, policy->name);
    p11kms_err err = policy_compile(SLICE_STR(policy->json), kind, name, ret);
    if (err != P11KMS_E_POLICY_MALFORMED) {
        return err;
    }
    const char *detail = p11kms_err_detail(err);
    PROBLEM(builder, conf_policy_place(policy, detail), "%s: %s", name, detail);
    return P11KMS_OK;
}

/** Compile @p n documents behind those in @p to. */
static p11kms_err compile(builder_t *builder, const char *owner, const conf_policy *policies, size_t n,
                          policy_t **to, size_t *ret_n)
{
    for (size_t i = 0; i < n; i++) {
        TRY(compile_one(builder, owner, &policies[i], POLICY_IDENTITY, &to[*ret_n]));
        *ret_n += to[*ret_n] != NULL;
    }
    return P11KMS_OK;
}

static p11kms_err add_group(builder_t *builder, const conf_account *account, const conf_group *declared)
{
    arena_t *arena = builder->identity->arena;
    group_t *group = ARENA_NEW(arena, group_t);

    group->policies = arena_alloc(arena, sizeof(policy_t *) * declared->n_policies);
    TRY(map_put(builder->groups, SLICE_STR(builder_key(builder, account->id, declared->name)), group, NULL));
    return compile(builder, arena_printf(arena, "groups/%s", declared->name), declared->policies,
                   declared->n_policies, group->policies, &group->n);
}

/* ---- principals ---- */

/** Stable and unlike any other's: the first 85 bits of the ARN's digest. @p prefix has 4 characters. */
static const char *principal_id(arena_t *arena, const char *prefix, const char *arn)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char id[4 + PRINCIPAL_ID_DIGITS + 1] = { 0 };
    uint8_t digest[SHA256_LEN];
    unsigned bits = 0, n_bits = 0;
    size_t at = 0;

    memcpy(id, prefix, 4);
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
            map_get(builder->groups, SLICE_STR(builder_key(builder, account->id, user->groups[i])));

        n += group != NULL ? group->n : 0;
    }
    policy_t **policies = arena_alloc(arena, sizeof(policy_t *) * n);
    principal->policies = policies;
    TRY(compile(builder, arena_printf(arena, "users/%s", user->name), user->policies, user->n_policies,
                policies, &principal->n_policies));
    for (size_t i = 0; i < user->n_groups; i++) {
        const group_t *group =
            map_get(builder->groups, SLICE_STR(builder_key(builder, account->id, user->groups[i])));

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

/** What users and roles have in common; @p kind is "user" or "role". */
static p11kms_err begin_principal(builder_t *builder, const conf_account *account, const char *kind,
                                  const char *path, const char *name, principal_t **ret)
{
    identity_t *identity = builder->identity;
    arena_t *arena = identity->arena;
    principal_t *principal = &identity->principals[identity->n_principals++];

    principal->account = arena_strdup(arena, account->id);
    principal->name = arena_strdup(arena, name);
    principal->arn = arena_printf(arena, "arn:aws:iam::%s:%s%s%s", account->id, kind, path, name);
    *ret = principal;
    return map_put(identity->by_arn, SLICE_STR(principal->arn), principal, NULL);
}

static p11kms_err add_user(builder_t *builder, const conf_account *account, const conf_user *user)
{
    arena_t *arena = builder->identity->arena;
    principal_t *principal;

    TRY(begin_principal(builder, account, "user", user->path, user->name, &principal));
    principal->kind = PRINCIPAL_USER;
    principal->principal_id = principal_id(arena, "AIDA", principal->arn);
    principal->administrator = user->administrator;
    principal->tags = copy_tags(arena, user->tags, user->n_tags);
    principal->n_tags = user->n_tags;
    TRY(map_put(builder->users, SLICE_STR(builder_key(builder, account->id, user->name)), principal, NULL));
    TRY(compile_one(builder, arena_printf(arena, "users/%s", user->name), user->boundary, POLICY_BOUNDARY,
                    &principal->boundary));
    return join_groups(builder, account, user, principal);
}

static p11kms_err add_role(builder_t *builder, const conf_account *account, const conf_role *role)
{
    arena_t *arena = builder->identity->arena;
    const char *owner = arena_printf(arena, "roles/%s", role->name);
    policy_t **policies = arena_alloc(arena, sizeof(policy_t *) * role->n_policies);
    principal_t *principal;

    TRY(begin_principal(builder, account, "role", role->path, role->name, &principal));
    principal->kind = PRINCIPAL_ROLE;
    principal->principal_id = principal_id(arena, "AROA", principal->arn);
    principal->tags = copy_tags(arena, role->tags, role->n_tags);
    principal->n_tags = role->n_tags;
    principal->max_session_s = role->max_session_s;
    principal->policies = policies;
    TRY(compile_one(builder, owner, role->trust, POLICY_TRUST, &principal->trust));
    TRY(compile_one(builder, owner, role->boundary, POLICY_BOUNDARY, &principal->boundary));
    return compile(builder, owner, role->policies, role->n_policies, policies, &principal->n_policies);
}

static p11kms_err add_account(builder_t *builder, const conf_account *account)
{
    identity_t *identity = builder->identity;

    TRY(map_put(identity->accounts, SLICE_STR(account->id), arena_strdup(identity->arena, account->id),
                NULL));
    for (size_t i = 0; i < account->n_groups; i++) {
        TRY(add_group(builder, account, &account->groups[i]));
    }
    for (size_t i = 0; i < account->n_users; i++) {
        TRY(add_user(builder, account, &account->users[i]));
    }
    for (size_t i = 0; i < account->n_roles; i++) {
        TRY(add_role(builder, account, &account->roles[i]));
    }
    return P11KMS_OK;
}

p11kms_err builder_add_accounts(builder_t *builder, const conf_declared_t *declared)
{
    identity_t *identity = builder->identity;
    size_t n = 0;

    for (size_t i = 0; i < declared->n_accounts; i++) {
        n += declared->accounts[i].n_users + declared->accounts[i].n_roles;
    }
    identity->principals = arena_alloc(identity->arena, sizeof(principal_t) * n);
    identity->revoked_ms = arena_alloc(identity->arena, sizeof(*identity->revoked_ms) * n);
    for (size_t i = 0; i < n; i++) {
        atomic_init(&identity->revoked_ms[i], INT64_MIN);
    }
    for (size_t i = 0; i < declared->n_accounts; i++) {
        TRY(add_account(builder, &declared->accounts[i]));
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

void builder_free_groups(builder_t *builder)
{
    map_free(builder->groups, free_group);
}
