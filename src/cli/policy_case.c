#include "cli/policy_case.h"

#include <stdio.h>
#include <string.h>

/* ---- what is known ---- */

const char *case_issuer(const conf_oidc_provider *provider)
{
    const char *scheme = "https://";
    size_t len = strlen(scheme);

    return strncmp(provider->issuer, scheme, len) == 0 ? provider->issuer + len : provider->issuer;
}

void case_vocabulary(arena_t *arena, const conf_declared_t *declared, policy_vocabulary *ret)
{
    size_t n = 0;

    api_vocabulary(arena, ret);
    for (size_t i = 0; i < declared->n_accounts; i++) {
        n += declared->accounts[i].n_oidc_providers;
    }
    policy_key *keys = arena_alloc(arena, (ret->n_keys + n) * sizeof(*keys));
    memcpy(keys, ret->keys, ret->n_keys * sizeof(*keys));
    for (size_t i = 0; i < declared->n_accounts; i++) {
        const conf_account *account = &declared->accounts[i];

        for (size_t k = 0; k < account->n_oidc_providers; k++) {
            const char *issuer = case_issuer(&account->oidc_providers[k]);

            keys[ret->n_keys++] = (policy_key){ arena_printf(arena, "%s:", issuer), .of = KEY_OF_CALLER };
        }
    }
    ret->keys = keys;
}

/* ---- where documents came from ---- */

static p11kms_err note(policy_case *all, const policy_t *policy, const conf_policy *declared,
                       const char *json, const char *title)
{
    case_policy *noted = ARENA_NEW(all->arena, case_policy);

    *noted = (case_policy){ .title = title, .json = json, .declared = declared };
    return map_put(all->policies, SLICE(&policy, sizeof(policy)), noted, NULL);
}

/* "policy NAME of user app"; @p what is "policy" or "permissions boundary". */
static p11kms_err note_declared(policy_case *all, const policy_t *policy, const conf_policy *declared,
                                const char *what, const char *kind, const char *owner)
{
    return policy ? note(all, policy, declared, declared->json,
                         arena_printf(all->arena, "%s %s of %s %s", what, declared->name, kind, owner))
                  : P11KMS_OK;
}

static p11kms_err note_list(policy_case *all, policy_t *const *policies, const conf_policy *declared,
                            size_t n, const char *kind, const char *owner)
{
    for (size_t i = 0; i < n; i++) {
        TRY(note_declared(all, policies[i], &declared[i], "policy", kind, owner));
    }
    return P11KMS_OK;
}

static const conf_group *find_group(const conf_account *account, const char *name)
{
    for (size_t i = 0; i < account->n_groups; i++) {
        if (strcmp(account->groups[i].name, name) == 0) {
            return &account->groups[i];
        }
    }
    return NULL;
}

static p11kms_err note_user(policy_case *all, const conf_account *account, const conf_user *user)
{
    const principal_t *principal =
        identity_find_user(all->identity, SLICE_STR(account->id), SLICE_STR(user->name));
    policy_t *const *next = principal->policies + user->n_policies;

    TRY(note_list(all, principal->policies, user->policies, user->n_policies, "user", user->name));
    TRY(note_declared(all, principal->boundary, user->boundary, "permissions boundary", "user", user->name));
    for (size_t i = 0; i < user->n_groups; i++) {
        const conf_group *group = find_group(account, user->groups[i]);

        TRY(note_list(all, next, group->policies, group->n_policies, "group", group->name));
        next += group->n_policies;
    }
    return P11KMS_OK;
}

static p11kms_err note_role(policy_case *all, const conf_account *account, const conf_role *role)
{
    const principal_t *principal =
        identity_find_role(all->identity, SLICE_STR(account->id), SLICE_STR(role->name));

    TRY(note_list(all, principal->policies, role->policies, role->n_policies, "role", role->name));
    TRY(note_declared(all, principal->boundary, role->boundary, "permissions boundary", "role", role->name));
    return principal->trust ? note(all, principal->trust, role->trust, role->trust->json,
                                   arena_printf(all->arena, "trust policy of role %s", role->name))
                            : P11KMS_OK;
}

static p11kms_err note_identities(policy_case *all)
{
    for (size_t i = 0; i < all->declared->n_accounts; i++) {
        const conf_account *account = &all->declared->accounts[i];

        for (size_t k = 0; k < account->n_users; k++) {
            TRY(note_user(all, account, &account->users[k]));
        }
        for (size_t k = 0; k < account->n_roles; k++) {
            TRY(note_role(all, account, &account->roles[k]));
        }
    }
    return P11KMS_OK;
}

const char *case_alias(const policy_case *all, const kms_key_t *key)
{
    kms_alias_t *alias = NULL;

    if (catalog_list_aliases(kms_catalog(all->kms), key->account, key->region, "", key->id, &alias, 1) == 0) {
        return NULL;
    }
    const char *name = arena_strdup(all->arena, alias->name);
    kms_alias_unref(alias);
    return name;
}

static p11kms_err note_declared_keys(policy_case *all)
{
    for (size_t i = 0; i < all->declared->n_keys; i++) {
        const conf_key *declared = &all->declared->keys[i];
        const char *region = declared->region ? declared->region : all->conf->region;
        _cleanup_(kms_alias) kms_alias_t *alias =
            catalog_alias(kms_catalog(all->kms), declared->account, region, SLICE_STR(declared->alias));
        _cleanup_(kms_key) kms_key_t *key =
            alias ? catalog_key(kms_catalog(all->kms), region, alias->key_id) : NULL;

        if (key) {
            TRY(map_put(all->declared_keys, SLICE_STR(key->arn), (void *)(uintptr_t)declared, NULL));
        }
    }
    return P11KMS_OK;
}

const conf_key *case_declared_key(const policy_case *all, const kms_key_t *key)
{
    const conf_key *declared = map_get(all->declared_keys, SLICE_STR(key->arn));

    return declared && declared->policy && strcmp(declared->policy->json, key->policy_json) == 0 ? declared
                                                                                                 : NULL;
}

static p11kms_err note_key(policy_case *all, const kms_key_t *key)
{
    const conf_key *declared = case_declared_key(all, key);
    const char *alias = case_alias(all, key);
    const char *made = key->n_materials ? arena_printf(all->arena, "key %s", key->id_text) : "yet to be made";
    const char *title = alias ? arena_printf(all->arena, "key policy of %s, %s", alias, made)
                              : arena_printf(all->arena, "key policy of %s", made);

    return note(all, key->policy, declared ? declared->policy : NULL,
                arena_strdup(all->arena, key->policy_json), title);
}

static p11kms_err note_keys(policy_case *all)
{
    kms_key_t **keys = NULL;
    size_t n = 0;
    p11kms_err err = P11KMS_OK;

    TRY(catalog_all(kms_catalog(all->kms), &keys, &n));
    for (size_t i = 0; i < n; i++) {
        err = err == P11KMS_OK ? note_key(all, keys[i]) : err;
        kms_key_unref(keys[i]);
    }
    free(keys);
    return err;
}

case_policy *case_policy_of(const policy_case *all, const policy_t *policy)
{
    return map_get(all->policies, SLICE(&policy, sizeof(policy)));
}

const json_t *case_document(case_policy *of)
{
    if (!of->document && json_parse(SLICE_STR(of->json), &of->document) != P11KMS_OK) {
        return NULL; /* it compiled */
    }
    return of->document;
}

conf_place case_place(const case_policy *of, const char *path)
{
    return of->declared ? conf_policy_place(of->declared, path) : (conf_place){ 0 };
}

/* ---- keys as they are declared ---- */

static p11kms_err judge_policy(const conf_key *declared, p11kms_err err)
{
    _cleanup_buf_ buf_t problem = { 0 };

    if (err == P11KMS_E_POLICY_MALFORMED && declared->policy) {
        const char *detail = p11kms_err_detail(err);

        conf_problem(&problem, conf_policy_place(declared->policy, detail), "policy of %s: %s",
                     declared->alias, detail);
        fputs(buf_str(&problem), stderr);
        FAIL(P11KMS_E_CONFIG, "the policy of %s is malformed", declared->alias);
    }
    return err;
}

static p11kms_err set_tags(kms_key_t *key, const conf_key *declared)
{
    while (key->n_tags > 0) {
        kms_key_remove_tag(key, SLICE_STR(key->tags[0].name));
    }
    for (size_t i = 0; i < declared->n_tags; i++) {
        TRY(kms_key_set_tag(key, SLICE_STR(declared->tags[i].key), SLICE_STR(declared->tags[i].value)));
    }
    return P11KMS_OK;
}

/* A key that is yet to be made has a number in place of an id. */
static p11kms_err make_key(policy_case *all, const conf_key *declared, unsigned number)
{
    const char *region = declared->region ? declared->region : all->conf->region;
    const char *json =
        declared->policy ? declared->policy->json : kms_default_policy(all->arena, declared->account);
    const uint8_t id[KMS_ID] = { [KMS_ID - 2] = (uint8_t)(number >> 8), [KMS_ID - 1] = (uint8_t)number };
    _cleanup_(kms_key) kms_key_t *key = NULL;
    _cleanup_(kms_alias) kms_alias_t *alias = NULL;

    TRY(kms_key_new(id, declared->account, region, &key));
    TRY(judge_policy(declared, kms_key_set_policy(key, SLICE_STR(json))));
    TRY(set_tags(key, declared));
    TRY(kms_alias_new(declared->account, region, declared->alias, id, &alias));
    TRY(catalog_put_key(kms_catalog(all->kms), STEAL(key)));
    return catalog_put_alias(kms_catalog(all->kms), STEAL(alias));
}

static p11kms_err change_key(policy_case *all, const plan_item *item)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(kms_key_copy(item->key, &key));
    if (item->set_policy) {
        TRY(judge_policy(item->declared, kms_key_set_policy(key, SLICE_STR(item->declared->policy->json))));
    }
    if (item->set_tags) {
        TRY(set_tags(key, item->declared));
    }
    return catalog_put_key(kms_catalog(all->kms), STEAL(key));
}

static p11kms_err follow(policy_case *all, const plan_item *plan)
{
    unsigned made = 0;

    for (; plan; plan = plan->next) {
        if (plan->kind == PLAN_CREATE) {
            TRY(make_key(all, plan->declared, ++made));
        } else if (plan->kind == PLAN_UPDATE) {
            TRY(change_key(all, plan));
        }
    }
    return P11KMS_OK;
}

static p11kms_err load_keys(policy_case *all)
{
    _cleanup_(store) store_t *store = NULL;
    plan_item *plan = NULL;
    p11kms_err err = store_open_readonly(all->conf->store, &store);

    if (err == P11KMS_OK) {
        err = kms_load(store, all->kms);
    } else if (err == P11KMS_E_NOT_FOUND) {
        err = P11KMS_OK; /* a store that is not there yet is an empty one */
    }
    TRY(err);
    TRY(kms_plan(all->kms, all->declared->keys, all->declared->n_keys, all->conf->region, &plan));
    err = follow(all, plan);
    kms_plan_free(plan);
    return err;
}

/* ---- all of it ---- */

static p11kms_err load_identities(policy_case *all)
{
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = identity_build(all->declared, NULL, 0, &problems, &all->identity);

    fputs(buf_str(&problems), stderr);
    return err;
}

static p11kms_err load(const cli_line *line, policy_case *all)
{
    all->arena = arena_new(16384);
    ENSURE(all->arena, P11KMS_E_NOMEM);
    TRY(map_new(&all->policies));
    TRY(map_new(&all->declared_keys));
    TRY(cli_load_config(line, &all->conf));
    TRY(cli_load_declared(all->conf, &all->declared));
    TRY(load_identities(all));
    TRY(kms_new(NULL, all->conf->default_token, &all->kms));
    TRY(load_keys(all));
    TRY(note_identities(all));
    TRY(note_declared_keys(all));
    TRY(note_keys(all));
    case_vocabulary(all->arena, all->declared, &all->known);
    return P11KMS_OK;
}

p11kms_err case_load(const cli_line *line, policy_case *ret)
{
    policy_case all = { 0 };
    p11kms_err err = load(line, &all);

    if (err != P11KMS_OK) {
        case_clear(&all);
        return err;
    }
    *ret = all;
    return P11KMS_OK;
}

static void free_policy(void *value)
{
    json_free(((case_policy *)value)->document);
}

void case_clear(policy_case *all)
{
    map_free(all->policies, free_policy);
    map_free(all->declared_keys, NULL);
    kms_free(all->kms);
    identity_unref(all->identity);
    conf_declared_free(all->declared);
    conf_free(all->conf);
    arena_free(all->arena);
    *all = (policy_case){ 0 };
}

int case_fail(p11kms_err err)
{
    cli_fail(err);
    return POLICY_ERROR;
}
