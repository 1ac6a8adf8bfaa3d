/* The inside of core: what its files share. Others include core/op.h. */
#pragma once

#include <pthread.h>

#include "core/helpers.h"
#include "core/metrics.h"
#include "core/op.h"
#include "core/rates.h"
#include "core/strangers.h"
#include "core/uses.h"
#include "util/clock.h"
#include "util/encode.h"

typedef struct worker worker_t;

struct core {
    audit_t *audit;
    mailbox_t *mailbox;
    const core_edge *edge;
    token_t **tokens;
    size_t n_tokens;
    char *region;
    unsigned skew_seconds;
    void *services;
    identity_t *identity;
    worker_t *worker;
    helpers_t *helpers;
    uses_t *uses;     /* of access keys */
    uses_t *key_uses; /* of KMS keys */
    rates_t *rates; /* NULL: no limits */
    const char **rate_names; /* by limit; the strings are the edge's */
    size_t n_rates;
    strangers_t *strangers;
    bool summing; /* a summary of theirs is being recorded */
    metrics_t metrics;
    unsigned active;
    op_t *spare; /* released operations, their first arena block kept */
    unsigned n_spare;
};

/** Events by id, newest first. */
typedef struct event_list {
    struct event_list *next;
    char event_id[UUID_TEXT];
} event_list_t;

/* outbox.c */
/** Give the log the outbox's rows it lacks, and drop them. @p only may be NULL: all rows. */
MUST_USE p11kms_err outbox_replay(audit_t *audit, store_t *store, const event_list_t *only);
MUST_USE p11kms_err outbox_replay_all(store_t *store, void *core);

/* worker.c: the one thread that writes to the store */
MUST_USE p11kms_err worker_start(core_t *core, store_t *store, worker_t **ret);
void worker_stop(worker_t *worker); /* finishes what is queued; closes the store */
void worker_submit(worker_t *worker, op_t *op);
/** The record of a change is in the log: drop its outbox row with the next transaction. */
void worker_confirm(worker_t *worker, const char *event_id);
/** The log refused the record of a committed change: append it when the log is back. */
void worker_owe(worker_t *worker, const char *event_id);
/** Records are owed to the log. */
bool worker_owes(worker_t *worker);
/** Run @p job on the worker thread and wait; nothing else runs meanwhile. */
p11kms_err worker_run(worker_t *worker, p11kms_err (*job)(store_t *store, void *arg), void *arg);
unsigned worker_waiting(worker_t *worker);
/** The last transaction did not fail for the store's own sake; an unhealthy store is tried once a second. */
bool worker_healthy(worker_t *worker);

/* record.c: the CloudTrail-shaped line */
void record_write(op_t *op, buf_t *line);
/** Who vouched for a session that began with a web identity, as trust policies name it. */
const char *record_provider_arn(arena_t *arena, const principal_t *principal);

/* attributes.c: the condition keys of the frame; @p question is an op_question_t */
bool attributes_lookup(void *question, slice_t key, slice_t as_written, policy_values *ret);
