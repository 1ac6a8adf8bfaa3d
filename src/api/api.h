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

/** The operation table, for documents and tests; ends with name == NULL. */
const op_row_t *api_operations(void);
