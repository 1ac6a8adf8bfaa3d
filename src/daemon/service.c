#include "daemon/service.h"

#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "api/api.h"
#include "api/page.h"
#include "crypto/crypto.h"
#include "daemon/monitor.h"
#include "daemon/notify.h"
#include "daemon/registry.h"
#include "http/http.h"
#include "util/clock.h"

#define LOG_ROOM "daemon"
#include "util/log.h"

#define TICK_MS 1000
#define STIR_EVERY_TICKS 3600
#define STIR_BYTES 64

struct service {
    const service_options *options;
    conf_t *conf;
    conf_declared_t *declared; /* until the registry takes it */
    uv_loop_t loop;
    bool loop_made;
    uv_async_t wake;
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_timer_t tick;
    uv_signal_t on_term, on_int, on_hup;
    mailbox_t *mailbox;
    audit_t *audit;
    store_t *store; /* until core takes it */
    token_t **tokens;
    size_t n_tokens;
    api_t *api;
    core_t *core;
    kms_t *kms;
    registry_t *registry;
    http_t *http;
    monitor_t monitor;
    unsigned *ports;
    unsigned monitor_port;
    unsigned ticks;
    bool applying; /* declared keys are being made */
    bool http_gone;
    bool stopping;
    bool ready;
    p11kms_err failure; /* of the last step of start-up, on the loop */
    char failure_detail[512];
};

const conf_t *service_conf(const service_t *s)
{
    return s->conf;
}

unsigned service_port(const service_t *s, size_t i)
{
    return s->ports[i];
}

unsigned service_monitor_port(const service_t *s)
{
    return s->monitor_port;
}

/* ---- the loop ---- */

static void on_wake(uv_async_t *handle)
{
    service_t *s = handle->data;

    mailbox_drain(s->mailbox);
}

static void wake_loop(void *arg)
{
    service_t *s = arg;

    uv_async_send(&s->wake);
}

static void on_before_poll(uv_prepare_t *handle)
{
    service_t *s = handle->data;

    core_flush(s->core);
}

static void on_after_poll(uv_check_t *handle)
{
    service_t *s = handle->data;

    core_flush(s->core);
}

static p11kms_err loop_start(service_t *s)
{
    if (uv_loop_init(&s->loop) != 0) {
        FAIL(P11KMS_E_NOMEM, "cannot make an event loop");
    }
    s->loop_made = true;
    s->wake.data = s->before_poll.data = s->after_poll.data = s->tick.data = s;
    s->on_term.data = s->on_int.data = s->on_hup.data = s;
    uv_async_init(&s->loop, &s->wake, on_wake);
    uv_prepare_init(&s->loop, &s->before_poll);
    uv_check_init(&s->loop, &s->after_poll);
    uv_timer_init(&s->loop, &s->tick);
    uv_signal_init(&s->loop, &s->on_term);
    uv_signal_init(&s->loop, &s->on_int);
    uv_signal_init(&s->loop, &s->on_hup);
    return mailbox_new(wake_loop, s, &s->mailbox);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void loop_stop(service_t *s)
{
    if (s->loop_made) {
        uv_walk(&s->loop, close_handle, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
    }
    mailbox_free(s->mailbox);
}

/* ---- configuration ---- */

static void conf_stop(service_t *s);

static void print_problems(const buf_t *problems)
{
    fputs(buf_str(problems), stderr);
}

static p11kms_err read_declared(const service_t *s, const conf_t *conf, buf_t *problems, conf_declared_t **ret)
{
    const char *paths[2 + 8];
    size_t n = 0;

    if (conf->identities_dir) {
        paths[n++] = conf->identities_dir;
    }
    if (conf->keys_dir) {
        paths[n++] = conf->keys_dir;
    }
    for (size_t i = 0; i < s->options->n_declarations && n < COUNT_OF(paths); i++) {
        paths[n++] = s->options->declarations[i];
    }
    return conf_load_declared(paths, n, s->options->dev, problems, ret);
}

static p11kms_err conf_start(service_t *s)
{
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = conf_load(s->options->conf_file, s->options->dev, &problems, &s->conf);

    if (err == P11KMS_OK) {
        err = read_declared(s, s->conf, &problems, &s->declared);
    }
    print_problems(&problems);
    TRY(err);
    log_level level;
    if (s->conf->log_level && log_level_parse(s->conf->log_level, &level)) {
        log_set_level(level);
    }
    return P11KMS_OK;
}

p11kms_err service_check(const service_options *options)
{
    service_t s = { .options = options };
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_(identity) identity_t *identity = NULL;
    p11kms_err err = conf_start(&s);

    if (err == P11KMS_OK) {
        err = identity_build(s.declared, NULL, 0, &problems, &identity);
        print_problems(&problems);
    }
    conf_stop(&s);
    return err;
}

static void conf_stop(service_t *s)
{
    conf_declared_free(s->declared);
    conf_free(s->conf);
}

/* ---- privileges: dropped before anything from outside is read ---- */

static p11kms_err become_user(service_t *s)
{
    if (!s->conf->user || geteuid() != 0) {
        return P11KMS_OK;
    }
    errno = 0;
    const struct passwd *pw = getpwnam(s->conf->user);
    if (!pw) {
        FAIL(P11KMS_E_CONFIG, "there is no user '%s'", s->conf->user);
    }
    if (initgroups(pw->pw_name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0) {
        FAIL(P11KMS_E_CONFIG, "cannot become the user '%s': %s", s->conf->user, strerror(errno));
    }
    return P11KMS_OK;
}

/* ---- audit, store, tokens ---- */

static p11kms_err audit_start(service_t *s)
{
    const audit_options options = {
        .dir = s->conf->audit_dir,
        .segment_bytes = s->conf->audit_segment_bytes,
        .bound_ms = s->conf->audit_bound_ms,
        .queue_max = s->conf->audit_queue_max,
    };

    return audit_open(&options, &s->audit);
}

static void audit_stop(service_t *s)
{
    audit_close(s->audit);
}

static p11kms_err store_start(service_t *s)
{
    return store_open(s->conf->store, &s->store);
}

static void store_stop(service_t *s)
{
    store_close(s->store);
}

static p11kms_err open_token(service_t *s, const conf_token *conf)
{
    const token_options options = {
        .name = conf->name,
        .uri = conf->uri,
        .module = conf->module,
        .init_args = conf->init_args,
        .pin_source = conf->pin_source,
        .host_path = s->options->host_path,
        .dev = s->options->dev,
        .session_copies = conf->session_copies,
        .sessions = conf->sessions,
        .op_deadline_ms = conf->op_deadline_ms,
        .slow_deadline_ms = conf->slow_deadline_ms,
        .start_deadline_ms = conf->start_deadline_ms,
        .queue_max = conf->queue_max,
    };
    /* The default token holds the service's own key: without it nobody could be told apart. */
    bool needed = strcmp(conf->name, s->conf->default_token) == 0;
    token_t *token = NULL;
    p11kms_err err = token_open(&options, !needed, &token);

    if (token) {
        s->tokens[s->n_tokens++] = token;
    }
    if (err != P11KMS_OK && !needed && token) {
        log_error("token '%s' is not ready, its keys are unavailable until it is: %s", conf->name,
                  p11kms_err_detail(err));
        return P11KMS_OK;
    }
    return err;
}

static p11kms_err tokens_start(service_t *s)
{
    s->tokens = calloc(s->conf->n_tokens + 1, sizeof(*s->tokens));
    ENSURE(s->tokens, P11KMS_E_NOMEM);
    for (size_t i = 0; i < s->conf->n_tokens; i++) {
        TRY(open_token(s, &s->conf->tokens[i]));
    }
    return P11KMS_OK;
}

static void tokens_stop(service_t *s)
{
    for (size_t i = 0; i < s->n_tokens; i++) {
        token_close(s->tokens[i]);
    }
    free(s->tokens);
}

/* ---- core, kms, api ---- */

static void answer(void *exchange, int status, slice_t headers, buf_t *body)
{
    http_answer(exchange, status, headers, body);
}

static p11kms_err reload(void *arg);

static void access_key_changed(void *arg, const identity_key *key, bool removed)
{
    service_t *s = arg;

    registry_change_key(s->registry, key, removed);
}

static p11kms_err api_start(service_t *s)
{
    const api_options options = {
        .answer = answer,
        .reload = reload,
        .access_key = access_key_changed,
        .arg = s,
        .dev = s->options->dev,
    };

    return api_new(&options, &s->api);
}

static void api_stop(service_t *s)
{
    api_free(s->api);
}

static p11kms_err core_start(service_t *s)
{
    const core_options options = {
        .audit = s->audit,
        .store = s->store,
        .tokens = s->tokens,
        .n_tokens = s->n_tokens,
        .mailbox = s->mailbox,
        .edge = api_edge(),
        .region = s->conf->region,
        .skew_seconds = s->conf->skew_seconds,
        .services = s->api,
    };

    TRY(core_new(&options, &s->core));
    s->store = NULL; /* the worker's now */
    return core_replay_outbox(s->core);
}

static void core_stop(service_t *s)
{
    core_free(s->core);
}

static p11kms_err load_marker_key(store_t *store, void *arg)
{
    _cleanup_buf_ buf_t key = { 0 };
    p11kms_err err = store_meta_get(store, "marker-key", &key);

    (void)arg;
    if (err == P11KMS_E_NOT_FOUND) {
        uint8_t *fresh = buf_reserve(&key, 32);
        ENSURE(fresh, P11KMS_E_NOMEM);
        TRY(crypto_random(fresh, 32));
        key.len = 32;
        TRY(store_begin(store));
        err = store_meta_put(store, "marker-key", buf_slice(&key));
        if (err == P11KMS_OK) {
            err = store_commit(store);
        } else {
            store_rollback(store);
        }
    }
    TRY(err);
    ENSURE(key.len == 32, P11KMS_E_STORE);
    page_set_key(key.data);
    return P11KMS_OK;
}

static p11kms_err kms_start(service_t *s)
{
    TRY(kms_new(s->core, s->conf->default_token, &s->kms));
    api_attach(s->api, s->core, s->kms);
    TRY(core_store_job(s->core, load_marker_key, NULL));
    TRY(core_store_job(s->core, kms_open_service_key, s->kms));
    TRY(core_store_job(s->core, kms_load, s->kms));
    p11kms_err err = core_store_job(s->core, kms_reconcile, s->kms);
    if (err != P11KMS_OK) {
        log_warning("objects a crash left on a token stay for now: %s", p11kms_err_detail(err));
    }
    return P11KMS_OK;
}

static void kms_stop(service_t *s)
{
    kms_free(s->kms);
}

static p11kms_err identity_start(service_t *s)
{
    _cleanup_buf_ buf_t problems = { 0 };

    TRY(registry_new(s->core, s->kms, &s->registry));
    TRY(core_store_job(s->core, registry_load, s->registry));
    identity_t *identity = NULL;
    p11kms_err err = registry_build(s->registry, s->declared, &problems, &identity);
    print_problems(&problems);
    TRY(err);
    registry_swap(s->registry, STEAL(s->declared), identity);
    return P11KMS_OK;
}

static void identity_stop(service_t *s)
{
    registry_free(s->registry);
}

/* ---- random bytes from the tokens, beside the kernel's ---- */

static void stirred(completion_t *done)
{
    token_op_t *op = (token_op_t *)(void *)done;

    if (op->err == P11KMS_OK) {
        crypto_random_stir(SLICE(op->out, op->out_used));
    }
    token_op_wipe(op);
    buf_free(&op->out_list);
    free(op);
}

static void stir_from(service_t *s, token_t *token)
{
    token_op_t *op = calloc(1, sizeof(*op));

    if (!op) {
        return; /* the kernel's bytes are there; the token's are for good measure */
    }
    op->kind = TOKEN_OP_RANDOM;
    op->out_len = STIR_BYTES;
    op->done.run = stirred;
    op->mailbox = s->mailbox;
    token_submit(token, op);
}

static p11kms_err stir(service_t *s)
{
    for (size_t i = 0; i < s->n_tokens; i++) {
        if (token_get_state(s->tokens[i]) == TOKEN_READY && token_get_info(s->tokens[i]).can_random) {
            stir_from(s, s->tokens[i]);
        }
    }
    return P11KMS_OK;
}

/* ---- listeners ---- */

static void on_request(void *arg, http_exchange_t *exchange, const message_t *message)
{
    service_t *s = arg;

    api_handle(s->api, message, exchange);
}

static void on_refused(void *arg, const peer_t *peer, const char *request_id, int status, const char *reason)
{
    (void)arg;
    log_set_request(request_id);
    if (status) {
        log_notice("a request from %s was refused with %d: %s", peer->address, status, reason);
    } else {
        log_info("a TLS handshake with %s failed: %s", peer->address, reason);
    }
    log_set_request(NULL);
}

static p11kms_err http_start(service_t *s)
{
    const http_limits limits = {
        .connections_max = s->conf->connections_max,
        .header_timeout_ms = s->conf->header_timeout_ms,
        .body_timeout_ms = s->conf->body_timeout_ms,
        .idle_timeout_ms = s->conf->idle_timeout_ms,
        .answer_timeout_ms = s->conf->body_timeout_ms,
    };

    TRY(http_new(&s->loop, &limits, &s->http));
    s->ports = calloc(s->conf->n_listen + 1, sizeof(*s->ports));
    ENSURE(s->ports, P11KMS_E_NOMEM);
    for (size_t i = 0; i < s->conf->n_listen; i++) {
        TRY(http_listen(s->http, &s->conf->listen[i], on_request, on_refused, s, &s->ports[i]));
    }
    if (s->conf->monitor) {
        s->monitor = (monitor_t){ .core = s->core, .kms = s->kms, .http = s->http };
        TRY(http_listen(s->http, s->conf->monitor, monitor_handle, on_refused, &s->monitor, &s->monitor_port));
    }
    return P11KMS_OK;
}

static void http_stopped(service_t *s)
{
    http_free(s->http);
    free(s->ports);
}

/* ---- what the daemon itself records ---- */

static op_t *own_act(service_t *s, const char *event)
{
    return op_new_internal(s->core, event, "p11kms", "", s->conf->region);
}

static void stop(service_t *s);

static void fail_start(service_t *s, p11kms_err err, const char *detail)
{
    s->failure = err;
    snprintf(s->failure_detail, sizeof(s->failure_detail), "%s", detail ? detail : p11kms_err_text(err));
    stop(s);
}

/* ---- declared keys ---- */

static void now_ready(service_t *s)
{
    if (s->ready) {
        return;
    }
    s->ready = true;
    if (s->options->ready) {
        p11kms_err err = s->options->ready(s, s->options->arg);
        if (err != P11KMS_OK) {
            fail_start(s, err, p11kms_err_detail(err));
            return;
        }
    }
    notify_send("READY=1");
    log_notice("p11kms " PACKAGE_VERSION " serves %zu keys", catalog_size(kms_catalog(s->kms)));
}

static void applied(void *arg, unsigned failed)
{
    service_t *s = arg;

    s->applying = false;
    if (failed) {
        log_error("%u declared keys could not be brought to their declaration", failed);
    }
    now_ready(s);
}

static void apply_declared(service_t *s)
{
    const conf_declared_t *declared = registry_declared(s->registry);
    plan_item *plan = NULL;

    if (s->applying) {
        log_warning("declared keys are still being made; reload again when they are");
        return;
    }
    s->applying = true;
    p11kms_err err = kms_plan(s->kms, declared->keys, declared->n_keys, s->conf->region, &plan);
    if (err != P11KMS_OK) {
        log_error("the declared keys cannot be compared: %s", p11kms_err_detail(err));
        applied(s, 0);
        return;
    }
    kms_apply(s->kms, plan, s->conf->region, applied, s);
}

/* ---- start: the first record, then the declared keys, then ready ---- */

static void start_recorded(op_t *op)
{
    service_t *s = op->act;

    if (op->err != P11KMS_OK) {
        fail_start(s, op->err, op->err_detail);
        return;
    }
    apply_declared(s);
}

static p11kms_err record_start(service_t *s)
{
    op_t *op = own_act(s, "StartService");

    op->event_detail = arena_strdup(op->arena, "{\"version\":\"" PACKAGE_VERSION "\"}");
    op->act = s;
    op->finished = start_recorded;
    op_done(op);
    return P11KMS_OK;
}

/* ---- reload ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void tell_what_needs_restart(const conf_t *old, const conf_t *new)
{
    bool tokens = old->n_tokens != new->n_tokens;

    for (size_t i = 0; !tokens && i < old->n_tokens; i++) {
        tokens = !same_text(old->tokens[i].name, new->tokens[i].name) ||
                 !same_text(old->tokens[i].uri, new->tokens[i].uri) ||
                 !same_text(old->tokens[i].module, new->tokens[i].module) ||
                 !same_text(old->tokens[i].pin_source, new->tokens[i].pin_source);
    }
    if (tokens || old->n_listen != new->n_listen || !same_text(old->store, new->store) ||
        !same_text(old->audit_dir, new->audit_dir)) {
        log_warning("changes to listeners, tokens, store and audit need a restart");
    }
}

/* Everything that can fail comes before anything is swapped. */
static p11kms_err reload_all(service_t *s, buf_t *problems)
{
    _cleanup_(conf) conf_t *conf = NULL;
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_(identity) identity_t *identity = NULL;
    log_level level;

    TRY(conf_load(s->options->conf_file, s->options->dev, problems, &conf));
    TRY(read_declared(s, conf, problems, &declared));
    TRY(registry_build(s->registry, declared, problems, &identity));
    TRY(http_reload_certificates(s->http));
    registry_swap(s->registry, STEAL(declared), STEAL(identity));
    if (conf->log_level && log_level_parse(conf->log_level, &level)) {
        log_set_level(level);
    }
    tell_what_needs_restart(s->conf, conf);
    return P11KMS_OK;
}

static p11kms_err reload(void *arg)
{
    service_t *s = arg;
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = reload_all(s, &problems);

    if (err != P11KMS_OK) {
        const char *why = problems.len ? buf_str(&problems) : p11kms_err_detail(err);
        log_error("nothing was changed by the reload: %s", why);
        return p11kms_fail(P11KMS_E_CONFIG, "%s", why);
    }
    for (size_t i = 0; i < s->n_tokens; i++) {
        if (token_get_state(s->tokens[i]) == TOKEN_PIN_REFUSED) {
            token_retry_login(s->tokens[i]); /* an operator has mended the PIN, or says so */
        }
    }
    apply_declared(s);
    log_notice("reloaded");
    return P11KMS_OK;
}

static void on_hup(uv_signal_t *handle, int signum)
{
    service_t *s = handle->data;
    op_t *op = own_act(s, "Reload");

    (void)signum;
    notify_reloading();
    p11kms_err err = reload(s);
    if (err == P11KMS_OK) {
        op_done(op);
    } else {
        op_fail(op, err);
    }
    notify_send("READY=1");
}

/* ---- the tick ---- */

static void on_tick(uv_timer_t *handle)
{
    service_t *s = handle->data;

    if (s->stopping) {
        return;
    }
    if (++s->ticks % STIR_EVERY_TICKS == 0) {
        (void)stir(s);
    }
    if (!s->applying) {
        kms_tick(s->kms);
    }
}

/* ---- stop ---- */

static void finish_when_idle(service_t *s)
{
    if (s->http_gone && core_active(s->core) == 0) {
        uv_stop(&s->loop);
    }
}

static void on_drained(uv_timer_t *handle)
{
    finish_when_idle(handle->data);
}

static void on_http_gone(void *arg)
{
    service_t *s = arg;

    s->http_gone = true;
    finish_when_idle(s);
}

static void stop(service_t *s)
{
    if (s->stopping) {
        return;
    }
    s->stopping = true;
    notify_send("STOPPING=1");
    log_notice("stopping");
    op_done(own_act(s, "StopService"));
    uv_timer_start(&s->tick, on_drained, 10, 10);
    http_stop(s->http, s->conf->stop_timeout_ms, on_http_gone, s);
}

static void on_stop_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    stop(handle->data);
}

static p11kms_err handles_start(service_t *s)
{
    uv_prepare_start(&s->before_poll, on_before_poll);
    uv_check_start(&s->after_poll, on_after_poll);
    uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_start(&s->on_term, on_stop_signal, SIGTERM);
    uv_signal_start(&s->on_int, on_stop_signal, SIGINT);
    uv_signal_start(&s->on_hup, on_hup, SIGHUP);
    return P11KMS_OK;
}

/* ---- the start/stop table ---- */

static const struct {
    const char *name;
    p11kms_err (*start)(service_t *s);
    void (*stop)(service_t *s); /* also after a failed start of the same row */
} steps[] = {
    { "configuration", conf_start, conf_stop },
    { "privileges", become_user, NULL },
    { "loop", loop_start, loop_stop },
    { "audit log", audit_start, audit_stop },
    { "store", store_start, store_stop },
    { "tokens", tokens_start, tokens_stop },
    { "api", api_start, api_stop },
    { "core", core_start, core_stop },
    { "keys", kms_start, kms_stop },
    { "identities", identity_start, identity_stop },
    { "random", stir, NULL },
    { "listeners", http_start, http_stopped },
    { "handles", handles_start, NULL },
    { "first record", record_start, NULL },
};

p11kms_err service_run(const service_options *options)
{
    service_t *s = calloc(1, sizeof(*s));
    p11kms_err err = P11KMS_OK;
    size_t started = 0;
    char detail[1024] = "";

    ENSURE(s, P11KMS_E_NOMEM);
    s->options = options;
    while (started < COUNT_OF(steps) && err == P11KMS_OK) {
        err = steps[started++].start(s);
    }
    if (err == P11KMS_OK) {
        uv_run(&s->loop, UV_RUN_DEFAULT);
        err = s->failure;
        snprintf(detail, sizeof(detail), "%s", s->failure_detail);
    } else {
        snprintf(detail, sizeof(detail), "%s: %s", steps[started - 1].name, p11kms_err_detail(err));
    }
    while (started-- > 0) {
        if (steps[started].stop) {
            steps[started].stop(s);
        }
    }
    free(s);
    return err == P11KMS_OK ? P11KMS_OK : p11kms_fail(err, "%s", detail);
}
