/*
 * One operation, from request to release, always in this order:
 *
 *     authenticate -> authorise -> act -> record -> release
 *
 * core owns the order and refuses a step out of turn: op_token() and op_change()
 * abort the process when the operation has not been authorised, and no answer
 * leaves before its audit record is durable. What an operation does is a row of
 * a table (op_row) whose steps are continuations on the loop:
 *
 *     start(op) -> op_authorize() -> op_token(op, ..., next) | op_change(op, ..., next) -> op_done(op)
 *
 * Every step ends by handing the operation on, op_done() or op_fail(); after
 * that the step must not touch it.
 */
#pragma once

#include "audit/audit.h"
#include "identity/identity.h"
#include "policy/policy.h"
#include "store/store.h"
#include "token/token.h"
#include "util/arena.h"
#include "util/encode.h"
#include "util/json.h"
#include "util/message.h"

typedef struct core core_t;
typedef struct op op_t;

typedef void (*op_step)(op_t *op);

/**
 * A change, on the worker thread inside a store transaction. On P11KMS_OK the
 * answer (op->out) is complete, the frame writes the record into the outbox and commits, then
 * calls op->on_commit; on an error or a failed commit it rolls back and calls op->on_abort.
 */
typedef p11kms_err (*op_change_fn)(op_t *op, store_t *store);

/** Computing alone, on a helper's thread: the arena and what op->act holds, nothing of the store, tokens or the loop. */
typedef p11kms_err (*op_work_fn)(op_t *op);
/** A few milliseconds at most (signatures of others, encryption with public keys); key pairs. */
typedef enum { OP_LANE_QUICK, OP_LANE_SLOW, OP_LANES } op_lane;

/** What kind of operation this is; one row each, in src/api/operations.c. */
typedef struct op_row {
    const char *name;         /* "GenerateDataKey" */
    const char *service;      /* "kms" */
    const char *event_source; /* "kms.amazonaws.com" */
    const char *action;       /* "kms:GenerateDataKey" */
    bool read_only;           /* CloudTrail's readOnly: true for cryptographic calls too */
    bool records_response;    /* responseElements although read-only (STS) */
    bool cross_account;       /* callers of another account may be let in by the key's policy */
    bool uses_keys;           /* GetKeyLastUsage tells of it */
    op_step start;            /* NULL: known to AWS, not to this version */
    unsigned about;             /* api's: the kinds of resources that policies are asked for */
    unsigned rate;              /* api's: which rate of cryptographic operations it shares */
    const struct shape *input;  /* api's */
    const struct shape *output;
    const char *const *errors;  /* api's: the codes that AWS declares, NULL-terminated */
} op_row_t;

/** Stages, for the latency histograms. */
typedef enum { STAGE_AUTHENTICATE, STAGE_DECODE, STAGE_AUTHORIZE, STAGE_TOKEN, STAGE_COMPUTE, STAGE_STORE, STAGE_AUDIT, STAGE_TOTAL, STAGE_COUNT } op_stage;

typedef enum { OP_NEW, OP_AUTHENTICATED, OP_AUTHORISED, OP_ACTING, OP_RECORDING, OP_RELEASED } op_phase;

#define OP_RESOURCES_MAX 2

typedef struct {
    const char *arn;
    const char *account;
    const char *type; /* "AWS::KMS::Key" */
    const uint8_t *key_id; /* of a KMS key, STORE_ID bytes in the arena; NULL: its uses are not noted */
    const char *said; /* another account's, as the caller named it: a refusal tells no more; NULL: the caller's own */
} op_resource_t;

struct op {
    core_t *core;
    arena_t *arena; /* lives and is wiped with the operation */
    op_phase phase;

    /* the request; NULL in the daemon's own acts */
    const message_t *message;
    void *exchange; /* the edge's: whom to answer */
    char request_id[UUID_TEXT];
    char event_id[UUID_TEXT];
    const op_row_t *row; /* NULL until the target is known */
    const char *service; /* of the request's target; NULL until it is known */
    bool query;          /* the edge's: asked, and to be answered, over the query protocol */
    json_t *input;       /* validated body; freed (wiped) with the operation */

    /* who */
    identity_t *identity; /* the snapshot auth points into; a reference */
    identity_auth auth;
    const char *region;  /* resources are looked up here */
    const char *account; /* the caller's */

    /**
     * The service's: how closely a grant names the caller, for @p action on what is being authorised. Asked
     * where policies leave it at an implicit deny, by whichever thread authorises; NULL: there are no grants.
     */
    naming (*granted)(const op_t *op, const char *action);

    /* on what, for the record */
    op_resource_t resources[OP_RESOURCES_MAX];
    size_t n_resources;
    const char *further_name; /* one more member of additionalEventData, or NULL */
    const char *further_value;
    const char *event_source;  /* of the daemon's own acts */
    const char *service_event; /* the daemon's own acts: "RotateKey", "DeleteKey", "Start" ... */
    const char *event_detail;  /* their serviceEventDetails as JSON text in the arena, or NULL */

    /* the answer: a JSON body, wiped once sent */
    buf_t out;
    p11kms_err err;
    const char *err_detail; /* arena */

    /* what is under way */
    op_step next;
    token_op_t token_op;
    op_change_fn change;
    op_work_fn work;
    void (*on_commit)(op_t *op); /* worker thread, after the commit: publish snapshots */
    void (*on_abort)(op_t *op);  /* worker thread, after the rollback: drop what was staged */
    void *act;                   /* the acting room's state, usually in the arena */
    void *staged;                /* what a change publishes once committed: kms */
    void *asked;                 /* what the token was asked for: kms */
    void (*act_free)(op_t *op);  /* called before the operation is freed; may be NULL */
    bool preparing;              /* op_prepare(): no record yet */
    bool changed;                /* an outbox row holds the record */
    bool unrecorded;             /* a refusal that is counted alone: strangers.h */
    bool resumes_audit;          /* the daemon's own acts: its record ends a stop of the audit log */
    void (*finished)(op_t *op);  /* the daemon's own acts: told instead of edge->release; may be NULL */

    /* private to core */
    completion_t work_done;
    audit_record_t record;
    op_t *link;
    int64_t started_us;
    int64_t stage_us;
    uint32_t stage_spent_us[STAGE_COUNT];
};

/* ---- the steps, all on the loop's thread ---- */

/**
 * Does the policy let this caller do row->action on @p resource?
 *
 * @param resource         Its ARN ("*" where the operation has none) and owner; kept for the record.
 * @param resource_policy  The key's or secret's policy, or NULL.
 * @param resource_decides policy.h: true for KMS keys.
 * @param lookup           Condition keys of the service; those of the frame (aws:...) are added here.
 * @retval P11KMS_E_DENIED  AWS's sentence is the detail.
 */
MUST_USE p11kms_err op_authorize(op_t *op, const op_resource_t *resource, policy_t *resource_policy, bool resource_decides,
                                 policy_lookup lookup, void *lookup_arg);
/** As above for another action than the row's (ReEncryptTo, CreateAlias on the alias). */
MUST_USE p11kms_err op_authorize_as(op_t *op, const char *action, const op_resource_t *resource,
                                    policy_t *resource_policy, bool resource_decides, policy_lookup lookup,
                                    void *lookup_arg);

/** What policies are asked: everything that policy_decide() needs for one action of an operation. */
typedef struct {
    policy_request request;
    policy_set set;
    const char *grant; /* the one behind set.granted where that is told, by its id; else NULL */
    const op_t *op; /* the rest is what request.lookup goes by */
    policy_lookup service;
    void *service_arg;
} op_question_t;

/** As op_authorize_as() asks it; op->auth.principal is known. @p ret is pointed into: it stays where it is. */
void op_question(const op_t *op, const char *action, const op_resource_t *resource, policy_t *resource_policy,
                 bool resource_decides, policy_lookup lookup, void *lookup_arg, op_question_t *ret);

/** Would this caller's request for @p action be allowed under @p resource_policy? Changes and records nothing. */
bool op_would_allow(op_t *op, const char *action, const op_resource_t *resource, policy_t *resource_policy,
                    bool resource_decides, policy_lookup lookup, void *lookup_arg);

/** The condition keys that every request carries (aws:...), one after another; NULL behind the last. */
const policy_key *op_condition_key(size_t i);

/** For what AWS lets every authenticated caller do, whatever policies say (sts:GetCallerIdentity). */
void op_authorize_everyone(op_t *op);
/** The caller was made known by the request itself (a web identity), not by a signature. Lives in the arena. */
void op_authenticated_as(op_t *op, const principal_t *principal, const char *method);

/** Run op->token_op (kind, key_id, in set by the caller) on @p token, then next(op); read op->token_op.err there. */
void op_token(op_t *op, token_t *token, op_step next);

/** Run @p change on the worker, then next(op) with op->err set; op_settle() is the usual last step. */
void op_change(op_t *op, op_change_fn change, op_step next);
/** As op_change(), for a transaction that is not the operation itself (an intent), before or after it: without its record. */
void op_prepare(op_t *op, op_change_fn change, op_step next);

/**
 * Compute @p work on another thread, then next(op) with op->err set: P11KMS_E_BUSY when too much waits there. What
 * it says with FAIL() is left in op->err_detail.
 */
void op_compute(op_t *op, op_lane lane, op_work_fn work, op_step next);

/** A last step: op_done() when op->err is P11KMS_OK, else the refusal with the detail the worker left. */
void op_settle(op_t *op);

/** Record success, then release op->out. */
void op_done(op_t *op);
/** Record the refusal, then release a fault. Takes the detail of @p err from this thread. */
void op_fail(op_t *op, p11kms_err err);

/* ---- the frame ---- */

/** What the edge (api) lends to core. */
typedef struct {
    /** CloudTrail's requestParameters and responseElements as JSON values ("null" included); nothing sensitive. */
    void (*write_parameters)(const op_t *op, jw_t *w);
    void (*write_response)(const op_t *op, jw_t *w);
    /** "AccessDenied", "NotFoundException": the record's errorCode. */
    const char *(*error_code)(const op_t *op);
    /** The record is durable (or the fault must leave without one): answer op->exchange. The op is freed after. */
    void (*release)(op_t *op);
} core_edge;

typedef struct {
    audit_t *audit;
    store_t *store; /* handed to the worker thread; closed by core_free() */
    token_t *const *tokens;
    size_t n_tokens;
    mailbox_t *mailbox; /* the loop's */
    const core_edge *edge;
    const char *region;
    unsigned skew_seconds;
    unsigned strangers_per_peer; /* records a second of refusals that were not authenticated; 0: no limit */
    unsigned strangers_in_all;
    unsigned strangers_every_ms; /* what had no record is summed up; default 60000 */
    void *services; /* handed back by op_services(): the edge's */
} core_options;

MUST_USE p11kms_err core_new(const core_options *options, core_t **ret);
/** Waits for the worker; every op must have been released. */
void core_free(core_t *core);
DEFINE_CLEANUP(core_t *, core, core_free);

/** A fresh operation for one message. @p exchange is handed back through edge->release. */
op_t *op_new(core_t *core, const message_t *message, void *exchange);
/** An act of the daemon itself (start, rotation, deletion); authorised by nature. */
op_t *op_new_internal(core_t *core, const char *service_event, const char *event_source, const char *account,
                      const char *region);
/** What core_options.services was. */
void *op_services(const op_t *op);
/** Who sent it. @retval as identity_authenticate(). */
MUST_USE p11kms_err op_authenticate(op_t *op, const char *service);
/** One more call that counts by @p limit. @retval P11KMS_E_THROTTLED  Too many of this principal, or its role. */
MUST_USE p11kms_err op_throttle(op_t *op, size_t limit);

/** Push what the last loop pass collected to tokens; call once a pass. */
void core_flush(core_t *core);
/** How often one principal may call. */
typedef struct {
    const char *name;    /* for metrics; a literal */
    unsigned per_second; /* 0: no limit */
} core_rate;
/** What op_throttle() goes by from now on, by number; all buckets are full. On failure what was stays. */
MUST_USE p11kms_err core_set_rates(core_t *core, const core_rate *rates, size_t n);
/** Swap in another identity snapshot (takes the reference). Loop thread. */
void core_set_identity(core_t *core, identity_t *identity);
identity_t *core_identity(core_t *core); /* borrowed */
/** By configuration name; NULL when unknown, and always without a core (tools that only read). */
token_t *core_token(core_t *core, const char *name);
size_t core_tokens(core_t *core, token_t *const **ret);
audit_t *core_audit(core_t *core);
const char *core_region(const core_t *core); /* the daemon's own */
/** When an access key signed a request last, or a KMS key was used. */
typedef struct {
    int64_t at_ms;
    char region[33];
    /* access keys */
    char service[33];
    /* KMS keys */
    char account[13];
    uint8_t key_id[STORE_ID];
    char operation[48];
    char request_id[UUID_TEXT];
    char event_id[UUID_TEXT];
} core_use;
/* The last use, where it is later than what the store knows: that learns of it once a minute and at the stop. */
bool core_access_key_use(core_t *core, const char *id, core_use *ret);
bool core_kms_key_use(core_t *core, const char *arn, core_use *ret);
/** The HTTP layer refused a request with @p status; 0: a handshake that failed. */
void core_count_refusal(core_t *core, const peer_t *peer, int status);
/** Once a second: record a summary ("RequestsRefused") of refusals that had no record, when it is due, or @p now. */
void core_sum_up(core_t *core, bool now);
/** Operations not yet released. */
unsigned core_active(const core_t *core);

/** Re-append what the outbox holds and the log lacks; start-up, before the first request. */
MUST_USE p11kms_err core_replay_outbox(core_t *core);
/** Run @p job on the worker's thread and wait: for start-up, reload and what happens now and then. Thread-safe. */
MUST_USE p11kms_err core_store_job(core_t *core, p11kms_err (*job)(store_t *store, void *arg), void *arg);

/** The store and the audit log can be written and every token is ready; else the reason in @p why. For /readyz. */
bool core_ready(core_t *core, char *why, size_t size);

/** Prometheus text: requests by operation and error, stage histograms, queues. */
void core_metrics(core_t *core, buf_t *out);
