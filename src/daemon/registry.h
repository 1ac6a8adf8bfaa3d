/*
 * Where identity snapshots come from: declarations (files) and access keys
 * (the store, unsealed once at start; fixed ones of --dev). A change to either
 * builds a new snapshot.
 */
#pragma once

#include "core/op.h"
#include "kms/kms.h"

typedef struct registry registry_t;

MUST_USE p11kms_err registry_new(core_t *core, kms_t *kms, registry_t **ret);
void registry_free(registry_t *registry);

/**
 * Derive the key that sessions are sealed under, read revocations and unseal every access key of the store;
 * start-up, through core_store_job(). A key that does not unseal is an error naming it.
 */
p11kms_err registry_load(store_t *store, void *registry);

/** Build a snapshot of @p declared and the keys; nothing changes yet. */
MUST_USE p11kms_err registry_build(registry_t *registry, const conf_declared_t *declared, buf_t *problems,
                                   identity_t **ret);
/** From now on these count. Takes both; the former declarations are freed. */
void registry_swap(registry_t *registry, conf_declared_t *declared, identity_t *identity);
const conf_declared_t *registry_declared(const registry_t *registry);

/** An access key changed (api_options.access_key). */
void registry_change_key(registry_t *registry, const identity_key *key, bool removed);
/** Sessions were revoked (api_options.sessions_revoked). */
void registry_revoke_sessions(registry_t *registry, const char *role_arn, int64_t until_ms);
