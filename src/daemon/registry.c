#include "daemon/registry.h"

#include <string.h>

#include "kms/service_key.h"

#define LOG_ROOM "daemon"
#include "util/log.h"

#define SESSION_LABEL "p11kms/v1/session" /* what session tokens are sealed under is derived with it */

typedef struct {
    char *id;
    char *account;
    char *user;
    secret_t *secret;
    bool active;
} entry_t;

struct registry {
    core_t *core;
    kms_t *kms;
    conf_declared_t *declared;
    secret_t *session_key;
    entry_t *entries;
    size_t n, cap;
    identity_revocation *revocations; /* one a role; the ARNs are ours */
    size_t n_revocations;
};

p11kms_err registry_new(core_t *core, kms_t *kms, registry_t **ret)
{
    registry_t *registry = calloc(1, sizeof(*registry));

    ENSURE(registry, P11KMS_E_NOMEM);
    registry->core = core;
    registry->kms = kms;
    *ret = registry;
    return P11KMS_OK;
}

static void free_entry(entry_t *entry)
{
    free(entry->id);
    free(entry->account);
    free(entry->user);
    secret_free(entry->secret);
}

void registry_free(registry_t *registry)
{
    if (!registry) {
        return;
    }
    for (size_t i = 0; i < registry->n; i++) {
        free_entry(&registry->entries[i]);
    }
    free(registry->entries);
    for (size_t i = 0; i < registry->n_revocations; i++) {
        free((char *)(uintptr_t)registry->revocations[i].role_arn);
    }
    free(registry->revocations);
    conf_declared_free(registry->declared);
    secret_free(registry->session_key);
    free(registry);
}

/* Takes the secret, also on failure. */
static p11kms_err add_entry(registry_t *registry, const char *id, const char *account, const char *user, bool active,
                            secret_t *secret)
{
    entry_t entry = { strdup(id), strdup(account), strdup(user), secret, active };

    if (registry->n == registry->cap) {
        size_t cap = registry->cap ? 2 * registry->cap : 16;
        entry_t *grown = realloc(registry->entries, cap * sizeof(*grown));
        if (grown) {
            registry->entries = grown;
            registry->cap = cap;
        }
    }
    if (!entry.id || !entry.account || !entry.user || registry->n == registry->cap) {
        free_entry(&entry);
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    registry->entries[registry->n++] = entry;
    return P11KMS_OK;
}

static p11kms_err load_key(void *arg, const store_access_key *row)
{
    registry_t *registry = arg;
    secret_t *secret = NULL;
    p11kms_err err = kms_service_open(registry->kms, row->id, row->sealed, &secret);

    if (err == P11KMS_E_CIPHERTEXT) {
        FAIL(P11KMS_E_STORE, "the access key %s cannot be unsealed: it was damaged, or sealed under another token",
             row->id);
    }
    TRY(err);
    return add_entry(registry, row->id, row->account, row->user, row->active, secret);
}

/* The later of two stays, as in the store: a clock may be set back in between. */
static p11kms_err add_revocation(registry_t *registry, const char *role_arn, int64_t until_ms)
{
    for (size_t i = 0; i < registry->n_revocations; i++) {
        identity_revocation *found = &registry->revocations[i];

        if (strcmp(found->role_arn, role_arn) == 0) {
            found->until_ms = until_ms > found->until_ms ? until_ms : found->until_ms;
            return P11KMS_OK;
        }
    }
    size_t size = (registry->n_revocations + 1) * sizeof(*registry->revocations);
    identity_revocation *grown = realloc(registry->revocations, size);
    char *copy = strdup(role_arn);
    registry->revocations = grown ? grown : registry->revocations;
    if (!grown || !copy) {
        free(copy);
        return p11kms_fail_plain(P11KMS_E_NOMEM);
    }
    grown[registry->n_revocations++] = (identity_revocation){ copy, until_ms };
    return P11KMS_OK;
}

static p11kms_err load_revocation(void *registry, const store_revocation *row)
{
    return add_revocation(registry, row->role, row->until);
}

p11kms_err registry_load(store_t *store, void *arg)
{
    registry_t *registry = arg;

    TRY(kms_service_derive(registry->kms, SESSION_LABEL, &registry->session_key));
    TRY(store_revocation_each(store, load_revocation, registry));
    return store_access_key_each(store, load_key, registry);
}

/* ---- snapshots ---- */

static size_t count_fixed(const conf_declared_t *declared)
{
    size_t n = 0;

    for (size_t a = 0; a < declared->n_accounts; a++) {
        for (size_t u = 0; u < declared->accounts[a].n_users; u++) {
            n += declared->accounts[a].users[u].n_access_keys;
        }
    }
    return n;
}

static size_t add_fixed(const conf_account *account, const conf_user *user, identity_key *keys)
{
    size_t n = 0;

    for (size_t i = 0; i < user->n_access_keys; i++) {
        const conf_access_key *key = &user->access_keys[i];
        if (key->secret) {
            keys[n++] = (identity_key){ .id = key->id,
                                        .account = account->id,
                                        .user = user->name,
                                        .secret = SLICE_STR(key->secret),
                                        .active = key->active };
        }
    }
    return n;
}

static size_t gather(const registry_t *registry, const conf_declared_t *declared, identity_key *keys)
{
    size_t n = 0;

    for (size_t i = 0; i < registry->n; i++) {
        const entry_t *entry = &registry->entries[i];
        keys[n++] = (identity_key){ .id = entry->id,
                                    .account = entry->account,
                                    .user = entry->user,
                                    .secret = secret_slice(entry->secret),
                                    .active = entry->active };
    }
    for (size_t a = 0; a < declared->n_accounts; a++) {
        for (size_t u = 0; u < declared->accounts[a].n_users; u++) {
            n += add_fixed(&declared->accounts[a], &declared->accounts[a].users[u], keys + n);
        }
    }
    return n;
}

p11kms_err registry_build(registry_t *registry, const conf_declared_t *declared, buf_t *problems, identity_t **ret)
{
    identity_key *keys = calloc(registry->n + count_fixed(declared) + 1, sizeof(*keys));

    ENSURE(keys, P11KMS_E_NOMEM);
    const identity_sources sources = {
        .declared = declared,
        .keys = keys,
        .n_keys = gather(registry, declared, keys),
        .revocations = registry->revocations,
        .n_revocations = registry->n_revocations,
        .session_key = secret_slice(registry->session_key),
    };
    p11kms_err err = identity_build_from(&sources, problems, ret);
    free(keys);
    return err;
}

void registry_swap(registry_t *registry, conf_declared_t *declared, identity_t *identity)
{
    core_set_identity(registry->core, identity);
    conf_declared_free(registry->declared);
    registry->declared = declared;
}

const conf_declared_t *registry_declared(const registry_t *registry)
{
    return registry->declared;
}

/* ---- changes ---- */

static entry_t *find_entry(registry_t *registry, const char *id)
{
    for (size_t i = 0; i < registry->n; i++) {
        if (strcmp(registry->entries[i].id, id) == 0) {
            return &registry->entries[i];
        }
    }
    return NULL;
}

static p11kms_err change_entry(registry_t *registry, const identity_key *key, bool removed)
{
    entry_t *entry = find_entry(registry, key->id);

    if (!entry) {
        secret_t *secret;
        TRY(secret_copy(key->secret.data, key->secret.len, &secret));
        return add_entry(registry, key->id, key->account, key->user, key->active, secret);
    }
    entry->active = key->active;
    if (removed) {
        free_entry(entry);
        *entry = registry->entries[--registry->n];
    }
    return P11KMS_OK;
}

void registry_change_key(registry_t *registry, const identity_key *key, bool removed)
{
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    /* What ends a key must not depend on another snapshot: names of its peer rules may have gone meanwhile. */
    if (removed || !key->active) {
        identity_end_key(core_identity(registry->core), SLICE_STR(key->id));
    }
    p11kms_err err = change_entry(registry, key, removed);

    if (err == P11KMS_OK) {
        err = registry_build(registry, registry->declared, &problems, &identity);
    }
    if (err == P11KMS_OK) {
        core_set_identity(registry->core, identity);
    } else {
        /* The store is right; a restart reads it again. */
        log_error("the access key %s is stored but does not count yet: %s; restart the service", key->id,
                  p11kms_err_detail(err));
    }
}

void registry_revoke_sessions(registry_t *registry, const char *role_arn, int64_t until_ms)
{
    identity_revoke_sessions(core_identity(registry->core), SLICE_STR(role_arn), until_ms);
    if (add_revocation(registry, role_arn, until_ms) != P11KMS_OK) {
        log_error("the sessions of %s are revoked until the next reload alone: out of memory; restart the service",
                  role_arn);
    }
}
