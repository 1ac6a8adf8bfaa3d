#include "core/core.h"

#include <string.h>

#define LOG_ROOM "core"
#include "util/log.h"

#define OP_ARENA 4096
#define SPARE_MAX 256

/* ---- a life's beginning and end ---- */

static void take_stage(op_t *op, op_stage stage)
{
    int64_t now = clock_mono_us();

    op->stage_spent_us[stage] += (uint32_t)(now - op->stage_us);
    op->stage_us = now;
}

static op_t *op_fresh(core_t *core)
{
    op_t *op = core->spare;
    arena_t *arena;

    if (op) {
        core->spare = op->link;
        core->n_spare--;
        arena = op->arena;
    } else {
        op = malloc(sizeof(*op));
        arena = arena_new(OP_ARENA);
        if (!op || !arena) {
            log_error("out of memory");
            abort();
        }
    }
    memset(op, 0, sizeof(*op));
    op->arena = arena;
    op->core = core;
    op->identity = core->identity ? identity_ref(core->identity) : NULL;
    op->region = core->region;
    op->account = "";
    op->started_us = op->stage_us = clock_mono_us();
    uint8_t uuid[16];
    uuid_random(uuid);
    uuid_format(uuid, op->request_id);
    uuid_random(uuid);
    uuid_format(uuid, op->event_id);
    core->active++;
    return op;
}

op_t *op_new(core_t *core, const message_t *message, void *exchange)
{
    op_t *op = op_fresh(core);

    op->message = message;
    op->exchange = exchange;
    return op;
}

op_t *op_new_internal(core_t *core, const char *service_event, const char *event_source, const char *account,
                      const char *region)
{
    op_t *op = op_fresh(core);

    op->service_event = service_event;
    op->event_source = event_source;
    op->account = arena_strdup(op->arena, account);
    op->region = arena_strdup(op->arena, region);
    op->phase = OP_AUTHORISED;
    return op;
}

static void op_free(op_t *op)
{
    core_t *core = op->core;

    if (op->act_free) {
        op->act_free(op);
    }
    token_op_wipe(&op->token_op);
    buf_free(&op->token_op.out_list);
    json_free(op->input);
    buf_free(&op->out);
    buf_free(&op->record.line);
    identity_auth_clear(&op->auth);
    if (op->identity) {
        identity_unref(op->identity);
    }
    core->active--;
    arena_reset(op->arena);
    if (core->n_spare < SPARE_MAX) {
        op->link = core->spare;
        core->spare = op;
        core->n_spare++;
    } else {
        arena_free(op->arena);
        free(op);
    }
}

/* ---- authenticate, authorise ---- */

/* Sessions' keys are not ours to remember. */
static void note_use(const op_t *op)
{
    core_use use = { .at_ms = clock_wall_ms() };

    if (!op->auth.access_key_id[0] || op->auth.session) {
        return;
    }
    memcpy(use.service, op->auth.service, sizeof(use.service));
    memcpy(use.region, op->auth.region, sizeof(use.region));
    uses_note(op->core->uses, op->auth.access_key_id, &use);
}

p11kms_err op_authenticate(op_t *op, const char *service)
{
    const identity_check check = {
        .now_ms = clock_wall_ms(),
        .skew_seconds = op->core->skew_seconds,
        .service = service,
        .service_ms = clock_service_ms(),
    };
    p11kms_err err = identity_authenticate(op->identity, op->message, &check, &op->auth);

    take_stage(op, STAGE_AUTHENTICATE);
    if (err != P11KMS_OK) {
        return err;
    }
    note_use(op);
    op->account = op->auth.principal->account;
    if (op->auth.region[0]) {
        op->region = op->auth.region;
    }
    op->phase = OP_AUTHENTICATED;
    return P11KMS_OK;
}

/* Sessions of one role share its rate: a session costs nothing to make. */
p11kms_err op_throttle(op_t *op, size_t limit)
{
    const principal_t *who = op->auth.principal;

    if (!op->core->rates || !who) {
        return P11KMS_OK;
    }
    slice_t name = SLICE_STR(who->role_arn ? who->role_arn : who->arn);
    return rates_take(op->core->rates, name, limit, clock_mono_us()) ? P11KMS_OK
                                                                     : p11kms_fail_plain(P11KMS_E_THROTTLED);
}

/* "... because no identity-based policy allows the kms:Decrypt action" */
static const char *denial_reason(arena_t *arena, const policy_decision *decision, const char *action, bool foreign)
{
    _cleanup_buf_ buf_t words = { 0 };

    if (foreign && decision->basis == BASIS_RESOURCE) {
        return " because the resource does not exist in this Region, no resource-based policies allow access, or a "
               "resource-based policy explicitly denies access"; /* AWS's sentence, for what is another account's */
    }
    policy_denial_words(decision, SLICE_STR(action), &words);
    return arena_strdup(arena, buf_str(&words));
}

static policy_caller caller_of(const principal_t *principal)
{
    static const caller_kind kinds[] = {
        [PRINCIPAL_USER] = CALLER_USER,
        [PRINCIPAL_ROLE] = CALLER_ROLE_SESSION, /* never a caller; and not the root */
        [PRINCIPAL_ROLE_SESSION] = CALLER_ROLE_SESSION,
        [PRINCIPAL_FEDERATED] = CALLER_FEDERATED,
        [PRINCIPAL_SERVICE] = CALLER_SERVICE,
    };
    return (policy_caller){
        .kind = kinds[principal->kind],
        .account = SLICE_STR(principal->account),
        .arn = SLICE_STR(principal->arn),
        .role_arn = principal->role_arn ? SLICE_STR(principal->role_arn) : SLICE(NULL, 0),
        .federated = principal->kind == PRINCIPAL_FEDERATED ? SLICE_STR(principal->arn) : SLICE(NULL, 0),
    };
}

void op_question(const op_t *op, const char *action, const op_resource_t *resource, policy_t *resource_policy,
                 bool resource_decides, policy_lookup lookup, void *lookup_arg, op_question_t *ret)
{
    const principal_t *principal = op->auth.principal;

    *ret = (op_question_t){
        .request = {
            .caller = caller_of(principal),
            .action = SLICE_STR(action),
            .resource = SLICE_STR(resource->arn),
            .resource_account = resource->account ? SLICE_STR(resource->account) : SLICE(NULL, 0),
            .lookup = attributes_lookup,
            .lookup_arg = ret,
        },
        .set = {
            .identity = principal->policies,
            .n_identity = principal->n_policies,
            .boundary = principal->boundary,
            .session = principal->session_policies,
            .n_session = principal->n_session_policies,
            .resource = resource_policy,
            .resource_decides = resource_decides,
            .trusted = principal->administrator,
        },
        .op = op,
        .service = lookup,
        .service_arg = lookup_arg,
    };
}

static policy_decision decide(op_t *op, const char *action, const op_resource_t *resource, policy_t *resource_policy,
                              bool resource_decides, policy_lookup lookup, void *lookup_arg)
{
    op_question_t question;

    op_question(op, action, resource, resource_policy, resource_decides, lookup, lookup_arg, &question);
    policy_decision decision = policy_decide(&question.request, &question.set);
    if (decision.kind == DECISION_IMPLICIT_DENY && op->granted) {
        question.set.granted = op->granted(op, action);
    }
    if (question.set.granted != NAMES_NOBODY) {
        decision = policy_decide(&question.request, &question.set);
    }
    return decision;
}

bool op_would_allow(op_t *op, const char *action, const op_resource_t *resource, policy_t *resource_policy,
                    bool resource_decides, policy_lookup lookup, void *lookup_arg)
{
    return decide(op, action, resource, resource_policy, resource_decides, lookup, lookup_arg).kind == DECISION_ALLOW;
}

p11kms_err op_authorize_as(op_t *op, const char *action, const op_resource_t *resource, policy_t *resource_policy,
                           bool resource_decides, policy_lookup lookup, void *lookup_arg)
{
    if (op->phase < OP_AUTHENTICATED || !op->auth.principal) {
        FAIL(P11KMS_E_INTERNAL, "authorisation before authentication");
    }
    bool again = op->n_resources && resource->type && strcmp(op->resources[op->n_resources - 1].arn, resource->arn) == 0;

    if (op->n_resources < OP_RESOURCES_MAX && resource->type && !again) {
        op->resources[op->n_resources++] = *resource;
    }
    policy_decision decision =
        decide(op, action, resource, resource_policy, resource_decides, lookup, lookup_arg);

    take_stage(op, STAGE_AUTHORIZE);
    if (decision.kind != DECISION_ALLOW) {
        op->phase = OP_AUTHENTICATED;
        FAIL(P11KMS_E_DENIED, "User: %s is not authorized to perform: %s on resource: %s%s",
             op->auth.principal->arn, action, resource->said ? resource->said : resource->arn,
             denial_reason(op->arena, &decision, action, resource->said != NULL));
    }
    op->phase = OP_AUTHORISED;
    return P11KMS_OK;
}

void op_authorize_everyone(op_t *op)
{
    if (op->phase == OP_AUTHENTICATED) {
        op->phase = OP_AUTHORISED;
    }
}

void op_authenticated_as(op_t *op, const principal_t *principal, const char *method)
{
    op->auth.principal = principal;
    op->auth.method = method;
    op->account = principal->account;
    op->phase = OP_AUTHENTICATED;
}

void *op_services(const op_t *op)
{
    return op->core->services;
}

p11kms_err op_authorize(op_t *op, const op_resource_t *resource, policy_t *resource_policy, bool resource_decides,
                        policy_lookup lookup, void *lookup_arg)
{
    return op_authorize_as(op, op->row->action, resource, resource_policy, resource_decides, lookup, lookup_arg);
}

/* ---- act ---- */

static void require_authorised(const op_t *op)
{
    if (op->phase != OP_AUTHORISED && op->phase != OP_ACTING) {
        log_error("operation %s acts in phase %d", op->row ? op->row->name : op->service_event, (int)op->phase);
        abort(); /* a room skipped the policy: stop rather than serve */
    }
}

static void token_done(completion_t *done)
{
    token_op_t *token_op = (token_op_t *)(void *)done;
    op_t *op = (op_t *)(void *)((char *)token_op - offsetof(op_t, token_op));

    take_stage(op, STAGE_TOKEN);
    op->next(op);
}

void op_token(op_t *op, token_t *token, op_step next)
{
    require_authorised(op);
    take_stage(op, STAGE_DECODE);
    op->phase = OP_ACTING;
    op->next = next;
    op->token_op.done.run = token_done;
    op->token_op.mailbox = op->core->mailbox;
    token_submit(token, &op->token_op);
}

static void change_done(completion_t *done)
{
    op_t *op = (op_t *)(void *)((char *)done - offsetof(op_t, work_done));

    take_stage(op, STAGE_STORE);
    op->next(op);
}

static void submit_change(op_t *op, op_change_fn change, op_step next, bool preparing)
{
    require_authorised(op);
    take_stage(op, STAGE_DECODE);
    op->phase = OP_ACTING;
    op->next = next;
    op->change = change;
    op->preparing = preparing;
    op->work_done.run = change_done;
    worker_submit(op->core->worker, op);
}

void op_change(op_t *op, op_change_fn change, op_step next)
{
    submit_change(op, change, next, false);
}

void op_prepare(op_t *op, op_change_fn change, op_step next)
{
    submit_change(op, change, next, true);
}

static void computed(completion_t *done)
{
    op_t *op = (op_t *)(void *)((char *)done - offsetof(op_t, work_done));

    take_stage(op, STAGE_COMPUTE);
    op->next(op);
}

void op_compute(op_t *op, op_lane lane, op_work_fn work, op_step next)
{
    require_authorised(op);
    take_stage(op, STAGE_DECODE);
    op->phase = OP_ACTING;
    op->next = next;
    op->work = work;
    op->work_done.run = computed;
    p11kms_err err = helpers_submit(op->core->helpers, lane, op);
    if (err != P11KMS_OK) {
        op->err = err;
        op->err_detail = arena_strdup(op->arena, p11kms_err_detail(err));
        next(op);
    }
}

/* ---- record, release ---- */

static void release(op_t *op)
{
    op->stage_spent_us[STAGE_TOTAL] = (uint32_t)(clock_mono_us() - op->started_us);
    metrics_count(&op->core->metrics, op);
    op->phase = OP_RELEASED;
    if (op->message) {
        op->core->edge->release(op);
    } else if (op->finished) {
        op->finished(op);
    }
    op_free(op);
}

/* "arn:aws:kms:REGION:..." */
static void copy_region(const char *arn, char *out, size_t size)
{
    const char *region = arn;

    for (int colons = 0; colons < 3 && region; colons++) {
        region = strchr(region, ':');
        region = region ? region + 1 : NULL;
    }
    size_t len = region ? strcspn(region, ":") : 0;
    if (len < size) {
        memcpy(out, region ? region : "", len);
    }
}

static void copy_text(char *out, size_t size, const char *text)
{
    memcpy(out, text, strnlen(text, size - 1));
}

/* A use is one that succeeded and is recorded. */
static void note_key_uses(const op_t *op)
{
    core_use use = { .at_ms = clock_service_ms() };

    if (op->err != P11KMS_OK || !op->row || !op->row->uses_keys) {
        return;
    }
    copy_text(use.operation, sizeof(use.operation), op->row->name);
    copy_text(use.request_id, sizeof(use.request_id), op->request_id);
    copy_text(use.event_id, sizeof(use.event_id), op->event_id);
    for (size_t i = 0; i < op->n_resources; i++) {
        const op_resource_t *key = &op->resources[i];

        if (key->key_id) {
            copy_region(key->arn, use.region, sizeof(use.region));
            copy_text(use.account, sizeof(use.account), key->account);
            memcpy(use.key_id, key->key_id, sizeof(use.key_id));
            uses_note(op->core->key_uses, key->arn, &use);
        }
    }
}

static void record_done(completion_t *done)
{
    audit_record_t *record = (audit_record_t *)(void *)done;
    op_t *op = (op_t *)(void *)((char *)record - offsetof(op_t, record));

    take_stage(op, STAGE_AUDIT);
    if (record->err == P11KMS_OK) {
        if (op->changed) {
            worker_confirm(op->core->worker, op->event_id);
        }
        note_key_uses(op);
    } else {
        char why[256];

        audit_problem(op->core->audit, why, sizeof(why));
        log_error("%s is not answered, for it cannot be recorded: %s",
                  op->row ? op->row->name : op->service_event ? op->service_event : "a request", why);
        /* Unrecorded, so nothing is released; a change's record waits in the outbox. */
        if (op->changed) {
            worker_owe(op->core->worker, op->event_id);
        }
        buf_clear(&op->out);
        op->err = P11KMS_E_AUDIT;
        op->err_detail = "the audit log cannot be written";
    }
    release(op);
}

static void submit_record(op_t *op)
{
    op->phase = OP_RECORDING;
    if (!op->changed) {
        record_write(op, &op->record.line);
    }
    take_stage(op, STAGE_DECODE);
    op->record.done.run = record_done;
    op->record.mailbox = op->core->mailbox;
    op->record.resumes = op->resumes_audit;
    audit_submit(op->core->audit, &op->record);
}

/*
 * Whoever was not authenticated could fill the log at no cost. An act has its record before its answer leaves;
 * a refusal of nobody in particular may be counted instead.
 */
static bool gets_a_record(op_t *op)
{
    static const p11kms_err answers[STRANGER_VERDICTS] = {
        [STRANGER_THROTTLED] = P11KMS_E_THROTTLED,
        [STRANGER_NO_ROOM] = P11KMS_E_AUDIT_ROOM,
    };
    core_t *core = op->core;
    stranger_verdict verdict = strangers_judge(core->strangers, op->message->peer, audit_get_space(core->audit).low,
                                               clock_mono_us());

    if (verdict != STRANGER_RECORDED) {
        op->err = answers[verdict];
        op->err_detail = NULL;
        op->unrecorded = true;
    }
    return !op->unrecorded;
}

void op_done(op_t *op)
{
    require_authorised(op);
    op->err = P11KMS_OK;
    submit_record(op);
}

void op_fail(op_t *op, p11kms_err err)
{
    op->err_detail = arena_strdup(op->arena, p11kms_err_detail(err));
    op->err = err;
    buf_clear(&op->out);
    if (op->message && op->phase == OP_NEW && !gets_a_record(op)) {
        release(op);
    } else {
        submit_record(op);
    }
}

void core_count_refusal(core_t *core, const peer_t *peer, int status)
{
    strangers_count(core->strangers, peer, status, clock_mono_us());
}

static void summed_up(op_t *op)
{
    strangers_tally_t *tally = STEAL(op->act);

    op->core->summing = false;
    if (op->err != P11KMS_OK) {
        strangers_give_back(op->core->strangers, tally);
    } else {
        free(tally);
    }
}

void core_sum_up(core_t *core, bool now)
{
    _cleanup_buf_ buf_t detail = { 0 };
    jw_t w = jw_on(&detail);
    bool due = now ? strangers_counted(core->strangers)
                   : strangers_due(core->strangers, audit_get_space(core->audit).low, clock_mono_us());

    if (!due || core->summing || !audit_healthy(core->audit)) {
        return;
    }
    strangers_tally_t *tally = strangers_take(core->strangers);
    if (!tally) {
        return; /* the next second tries again */
    }
    strangers_write(tally, &w);
    op_t *op = op_new_internal(core, "RequestsRefused", "p11kms", "", core->region);
    op->event_detail = arena_strdup(op->arena, buf_str(&detail));
    op->act = tally;
    op->finished = summed_up;
    core->summing = true;
    op_done(op);
}

void op_settle(op_t *op)
{
    if (op->err == P11KMS_OK) {
        op_done(op);
    } else {
        op_fail(op, p11kms_fail(op->err, "%s", op->err_detail));
    }
}
