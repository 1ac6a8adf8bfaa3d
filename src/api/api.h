/*
 * The wire protocol: from an HTTP message to an operation and back. The daemon
 * gives it messages and takes answers; it knows neither sockets nor SQL.
 */
#pragma once

#include "kms/kms.h"
#include "identity/oidc.h"
#include "kms/service_key.h"

typedef struct api api_t;

typedef struct {
    /** Answer the exchange an operation came with; headers are "Name: value\r\n" lines. Takes body's bytes. */
    void (*answer)(void *exchange, int status, slice_t headers, buf_t *body);
    /** Build and swap configuration, as SIGHUP does; for p11kms:Reload. */
    p11kms_err (*reload)(void *arg);
    /**
     * An access key was made, changed or removed, and is committed: let it count at once. Loop thread.
     * @p secret is empty but for a new key; @p removed ends it.
     */
    void (*access_key)(void *arg, const identity_key *key, bool removed);
    /** Sessions of a role that were issued until then count no more; it is committed. Loop thread. */
    void (*sessions_revoked)(void *arg, const char *role_arn, int64_t until_ms);
    /** Whose web identities are believed; borrowed until the next call. */
    oidc_t *(*oidc)(void *arg);
    void *arg;
    bool dev; /* --dev: p11kms:SetClock is offered */
} api_options;

/** Also checks that every row of the operation table has its shapes. */
MUST_USE p11kms_err api_new(const api_options *options, api_t **ret);
void api_free(api_t *api);
/** Core and kms are made after the edge that core answers through. */
void api_attach(api_t *api, core_t *core, kms_t *kms);
/** What core needs of the edge. */
const core_edge *api_edge(void);

/** One whole message; answered through api_options.answer, now or later. */
void api_handle(api_t *api, const message_t *message, void *exchange);

/** The limits that requests count by, from the configuration; for core_set_rates(). The caller frees them. */
MUST_USE p11kms_err api_rates(const conf_quotas *quotas, buf_t *problems, core_rate **ret, size_t *ret_n);

/** The operation table, for documents and tests; ends with name == NULL. */
const op_row_t *api_operations(void);

/* ---- questions that nobody sent: for explanations and lint ---- */

/** Actions, kinds of resources and condition keys, from the tables that requests go by. */
void api_vocabulary(arena_t *arena, policy_vocabulary *ret);

/** What a request would ask policies for. */
typedef struct {
    const principal_t *principal; /* a user, a session of a role, a web identity */
    const char *action;           /* as the vocabulary has it */
    const char *region;
    const char *source_ip; /* NULL: unknown. It comes over TLS. */
    /* of what, one of these; else "*" */
    const kms_key_t *key;
    const principal_t *role;
    const char *arn; /* of the caller's account, without a policy of its own */
    /* of a key */
    kms_t *kms;
    slice_t name; /* by which it is asked for */
    const context_pair *context;
    size_t n_context;
} api_rehearsal;

/**
 * The question of that request, put by the same code. Keys that its body would carry are absent.
 *
 * @param[out] ret  Points into itself, the arena and what @p rehearsal points to.
 * @retval P11KMS_E_DENIED     Refused whatever policies say; the detail says why.
 * @retval P11KMS_E_NOT_FOUND  There is no such action.
 */
MUST_USE p11kms_err api_rehearse(const api_rehearsal *rehearsal, arena_t *arena, op_question_t *ret);
