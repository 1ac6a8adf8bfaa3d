#include "core/core.h"

#include <stdio.h>
#include <string.h>

#define STRANGERS_EVERY_MS 60000

#define LOG_ROOM "core"
#include "util/log.h"

p11kms_err core_new(const core_options *options, core_t **ret)
{
    core_t *core = calloc(1, sizeof(*core));

    ENSURE(core, P11KMS_E_NOMEM);
    core->audit = options->audit;
    core->mailbox = options->mailbox;
    core->edge = options->edge;
    core->skew_seconds = options->skew_seconds;
    core->services = options->services;
    core->region = strdup(options->region);
    core->tokens = calloc(options->n_tokens + 1, sizeof(*core->tokens));
    if (!core->region || !core->tokens) {
        core_free(core);
        return P11KMS_E_NOMEM;
    }
    for (size_t i = 0; i < options->n_tokens; i++) {
        core->tokens[core->n_tokens++] = options->tokens[i];
    }
    const strangers_limits strangers = {
        .per_peer = options->strangers_per_peer,
        .in_all = options->strangers_in_all,
        .every_ms = options->strangers_every_ms ? options->strangers_every_ms : STRANGERS_EVERY_MS,
    };
    p11kms_err err = strangers_new(&strangers, &core->strangers);
    if (err == P11KMS_OK) {
        err = uses_new(uses_write_access_key, &core->uses);
    }
    if (err == P11KMS_OK) {
        err = uses_new(uses_write_kms_key, &core->key_uses);
    }
    if (err == P11KMS_OK) {
        err = worker_start(core, options->store, &core->worker);
    }
    if (err == P11KMS_OK) {
        err = helpers_start(core->mailbox, &core->helpers);
    }
    if (err != P11KMS_OK) {
        core_free(core);
        return err;
    }
    *ret = core;
    return P11KMS_OK;
}

void core_free(core_t *core)
{
    if (!core) {
        return;
    }
    helpers_stop(core->helpers);
    worker_stop(core->worker);
    while (core->spare) {
        op_t *op = core->spare;
        core->spare = op->link;
        arena_free(op->arena);
        free(op);
    }
    if (core->identity) {
        identity_unref(core->identity);
    }
    uses_free(core->uses);
    strangers_free(core->strangers);
    uses_free(core->key_uses);
    rates_free(core->rates);
    free(core->rate_names);
    free(core->tokens);
    free(core->region);
    free(core);
}

void core_flush(core_t *core)
{
    for (size_t i = 0; i < core->n_tokens; i++) {
        token_flush(core->tokens[i]);
    }
}

p11kms_err core_set_rates(core_t *core, const core_rate *rates, size_t n)
{
    _cleanup_free_ unsigned *per_second = calloc(n + 1, sizeof(*per_second));
    _cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));
    rates_t *fresh = NULL;

    ENSURE(per_second && names, P11KMS_E_NOMEM);
    for (size_t i = 0; i < n; i++) {
        per_second[i] = rates[i].per_second;
        names[i] = rates[i].name;
    }
    TRY(rates_new(per_second, n, &fresh));
    rates_free(core->rates);
    free(core->rate_names);
    core->rates = fresh;
    core->rate_names = STEAL(names);
    core->n_rates = n;
    return P11KMS_OK;
}

void core_set_identity(core_t *core, identity_t *identity)
{
    if (core->identity) {
        identity_unref(core->identity);
    }
    core->identity = identity;
}

const char *core_region(const core_t *core)
{
    return core->region;
}

identity_t *core_identity(core_t *core)
{
    return core->identity;
}

token_t *core_token(core_t *core, const char *name)
{
    for (size_t i = 0; core && i < core->n_tokens; i++) {
        if (strcmp(token_name(core->tokens[i]), name) == 0) {
            return core->tokens[i];
        }
    }
    return NULL;
}

size_t core_tokens(core_t *core, token_t *const **ret)
{
    *ret = core->tokens;
    return core->n_tokens;
}

audit_t *core_audit(core_t *core)
{
    return core->audit;
}

bool core_access_key_use(core_t *core, const char *id, core_use *ret)
{
    return uses_get(core->uses, id, ret);
}

bool core_kms_key_use(core_t *core, const char *arn, core_use *ret)
{
    return uses_get(core->key_uses, arn, ret);
}

unsigned core_active(const core_t *core)
{
    return core->active;
}

p11kms_err core_store_job(core_t *core, p11kms_err (*job)(store_t *store, void *arg), void *arg)
{
    return worker_run(core->worker, job, arg);
}

p11kms_err core_replay_outbox(core_t *core)
{
    return worker_run(core->worker, outbox_replay_all, core);
}

/* ---- health and metrics ---- */

bool core_ready(core_t *core, char *why, size_t size)
{
    why[0] = '\0';
    if (!audit_healthy(core->audit)) {
        audit_problem(core->audit, why, size);
        return false;
    }
    if (worker_owes(core->worker)) {
        snprintf(why, size, "records of changes are still owed to the audit log");
        return false;
    }
    if (!worker_healthy(core->worker)) {
        snprintf(why, size, "the store cannot be written");
        return false;
    }
    for (size_t i = 0; i < core->n_tokens; i++) {
        if (token_get_state(core->tokens[i]) != TOKEN_READY) {
            int n = snprintf(why, size, "token '%s': ", token_name(core->tokens[i]));
            token_problem(core->tokens[i], why + n, (size_t)n < size ? size - (size_t)n : 0);
            return false;
        }
    }
    return true;
}

static uint64_t failures_of(const token_t *token)
{
    return token_get_stats(token).failures;
}

static uint64_t restarts_of(const token_t *token)
{
    return token_get_stats(token).restarts;
}

static uint64_t frames_of(const token_t *token)
{
    return token_get_stats(token).frames;
}

static uint64_t waiting_of(const token_t *token)
{
    return token_get_stats(token).waiting;
}

static uint64_t ready_of(const token_t *token)
{
    return token_get_state(token) == TOKEN_READY;
}

static const struct {
    const char *name;
    const char *type;
    uint64_t (*of)(const token_t *token);
} token_families[] = {
    { "p11kms_token_failures_total", "counter", failures_of },
    { "p11kms_token_restarts_total", "counter", restarts_of },
    { "p11kms_token_frames_total", "counter", frames_of },
    { "p11kms_token_waiting", "gauge", waiting_of },
    { "p11kms_token_ready", "gauge", ready_of },
};

static void write_token_operations(const core_t *core, buf_t *out)
{
    static const char *const op_names[TOKEN_OP_COUNT] = { "prf",  "generate", "destroy", "random", "list",  "ping",
                                                          "sign", "decrypt",  "agree",   "import", "public" };

    buf_put_str(out, "# HELP p11kms_token_operations_total Operations sent to a token.\n"
                     "# TYPE p11kms_token_operations_total counter\n");
    for (size_t i = 0; i < core->n_tokens; i++) {
        token_stats stats = token_get_stats(core->tokens[i]);
        for (size_t k = 0; k < TOKEN_OP_COUNT; k++) {
            buf_printf(out, "p11kms_token_operations_total{token=\"%s\",operation=\"%s\"} %llu\n",
                       token_name(core->tokens[i]), op_names[k], (unsigned long long)stats.ops[k]);
        }
    }
}

/* A family's lines stand together, as the format demands. */
static void write_tokens(const core_t *core, buf_t *out)
{
    write_token_operations(core, out);
    for (size_t f = 0; f < COUNT_OF(token_families); f++) {
        buf_printf(out, "# TYPE %s %s\n", token_families[f].name, token_families[f].type);
        for (size_t i = 0; i < core->n_tokens; i++) {
            buf_printf(out, "%s{token=\"%s\"} %llu\n", token_families[f].name, token_name(core->tokens[i]),
                       (unsigned long long)token_families[f].of(core->tokens[i]));
        }
    }
}

static void write_throttled(const core_t *core, buf_t *out)
{
    buf_put_str(out, "# HELP p11kms_throttled_total Requests refused for coming too often, by limit.\n"
                     "# TYPE p11kms_throttled_total counter\n");
    for (size_t i = 0; i < core->n_rates; i++) {
        uint64_t refused = rates_refused(core->rates, i);

        if (refused) {
            buf_printf(out, "p11kms_throttled_total{limit=\"%s\"} %llu\n", core->rate_names[i],
                       (unsigned long long)refused);
        }
    }
}

/* No age where there never was a checkpoint: a gauge that says 0 would say all is well. */
static void write_checkpoints(const audit_stats *audit, buf_t *out)
{
    buf_printf(out,
               "# TYPE p11kms_audit_tree_size gauge\np11kms_audit_tree_size %llu\n"
               "# TYPE p11kms_audit_records_since_checkpoint gauge\np11kms_audit_records_since_checkpoint %llu\n"
               "# TYPE p11kms_audit_checkpoints_total counter\np11kms_audit_checkpoints_total %llu\n"
               "# TYPE p11kms_audit_checkpoint_failures_total counter\np11kms_audit_checkpoint_failures_total %llu\n",
               (unsigned long long)audit->tree_size, (unsigned long long)audit->unsigned_records,
               (unsigned long long)audit->checkpoints, (unsigned long long)audit->checkpoint_failures);
    if (audit->checkpoint_age_us >= 0) {
        buf_printf(out, "# TYPE p11kms_audit_checkpoint_age_seconds gauge\np11kms_audit_checkpoint_age_seconds %.3f\n",
                   (double)audit->checkpoint_age_us / 1e6);
    }
}

void core_metrics(core_t *core, buf_t *out)
{
    audit_stats audit = audit_get_stats(core->audit);
    audit_space space = audit_get_space(core->audit);

    metrics_write(&core->metrics, out);
    write_throttled(core, out);
    strangers_metrics(core->strangers, out);
    write_tokens(core, out);
    write_checkpoints(&audit, out);
    buf_printf(out,
               "# TYPE p11kms_audit_records_total counter\np11kms_audit_records_total %llu\n"
               "# TYPE p11kms_audit_commits_total counter\np11kms_audit_commits_total %llu\n"
               "# TYPE p11kms_audit_commit_seconds_total counter\np11kms_audit_commit_seconds_total %.6f\n"
               "# TYPE p11kms_audit_failures_total counter\np11kms_audit_failures_total %llu\n"
               "# TYPE p11kms_audit_bytes_total counter\np11kms_audit_bytes_total %llu\n"
               "# TYPE p11kms_audit_waiting gauge\np11kms_audit_waiting %u\n"
               "# TYPE p11kms_audit_healthy gauge\np11kms_audit_healthy %d\n"
               "# TYPE p11kms_audit_free_bytes gauge\np11kms_audit_free_bytes %llu\n"
               "# TYPE p11kms_audit_reserve_bytes gauge\np11kms_audit_reserve_bytes %llu\n"
               "# TYPE p11kms_store_waiting gauge\np11kms_store_waiting %u\n"
               "# TYPE p11kms_helpers_waiting gauge\np11kms_helpers_waiting{lane=\"quick\"} %u\n"
               "p11kms_helpers_waiting{lane=\"slow\"} %u\n"
               "# TYPE p11kms_operations_active gauge\np11kms_operations_active %u\n",
               (unsigned long long)audit.records, (unsigned long long)audit.commits,
               (double)audit.commit_us_total / 1e6, (unsigned long long)audit.failures,
               (unsigned long long)audit.bytes, audit.waiting, audit_healthy(core->audit),
               (unsigned long long)space.free_bytes, (unsigned long long)space.reserve_bytes,
               worker_waiting(core->worker), helpers_waiting(core->helpers, OP_LANE_QUICK),
               helpers_waiting(core->helpers, OP_LANE_SLOW), core->active);
}
