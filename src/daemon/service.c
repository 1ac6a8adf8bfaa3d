#include "daemon/service_internal.h"

#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/page.h"
#include "audit/note.h"
#include "client/client.h"
#include "crypto/crypto.h"
#include "daemon/cosigners.h"
#include "daemon/outlets.h"
#include "kms/grant_token.h"
#include "util/user.h"

#define FETCH_TIMEOUT_MS 5000
#define LAST_CHECKPOINT_MS 2000

#define LOG_ROOM "daemon"
#include "util/log.h"

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

/* ---- configuration ---- */

static void conf_stop(service_t *s);

static void print_problems(const buf_t *problems)
{
    fputs(buf_str(problems), stderr);
}

p11kms_err service_read_declared(const service_t *s, const conf_t *conf, buf_t *problems, conf_declared_t **ret)
{
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
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
    TRY(conf_load_declared(paths, n, s->options->dev, problems, &declared));
    TRY(conf_check_key_tokens(conf, declared, problems));
    *ret = STEAL(declared);
    return P11KMS_OK;
}

static p11kms_err conf_start(service_t *s)
{
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = conf_load(s->options->conf_file, s->options->dev, &problems, &s->conf);

    if (err == P11KMS_OK) {
        err = service_read_declared(s, s->conf, &problems, &s->declared);
    }
    print_problems(&problems);
    TRY(err);
    log_level level;
    if (s->conf->log_level && log_level_parse(s->conf->log_level, &level)) {
        log_set_level(level);
    }
    return P11KMS_OK;
}

static p11kms_err read_rates(const conf_t *conf, core_rate **ret, size_t *ret_n)
{
    _cleanup_buf_ buf_t problems = { 0 };
    p11kms_err err = api_rates(&conf->quotas, &problems, ret, ret_n);

    print_problems(&problems);
    return err;
}

static p11kms_err check_rates(const conf_t *conf)
{
    _cleanup_free_ core_rate *rates = NULL;
    size_t n;

    return read_rates(conf, &rates, &n);
}

p11kms_err service_check(const service_options *options)
{
    service_t s = { .options = options };
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_(identity) identity_t *identity = NULL;
    p11kms_err err = conf_start(&s);

    if (err == P11KMS_OK) {
        err = check_rates(s.conf);
    }
    if (err == P11KMS_OK) {
        err = identity_build(s.declared, NULL, 0, &problems, &identity);
        if (err == P11KMS_OK) {
            err = identity_check_keys(identity, s.declared, &problems);
        }
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
    return user_become(s->conf->user);
}

/* ---- audit, store, tokens ---- */

static p11kms_err audit_start(service_t *s)
{
    const audit_options options = {
        .dir = s->conf->audit_dir,
        .segment_bytes = s->conf->audit_segment_bytes,
        .bound_ms = s->conf->audit_bound_ms,
        .queue_max = s->conf->audit_queue_max,
        .reserve = s->conf->audit_reserve,
        .copies = s->copies,
        .segment_day = s->conf->audit_segment_day,
        .append_flag = s->conf->audit_append_flag,
        .checkpoint_records = s->conf->audit_checkpoint_records,
        .checkpoint_seconds = s->conf->audit_checkpoint_seconds,
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

static void access_key_changed(void *arg, const identity_key *key, bool removed)
{
    service_t *s = arg;

    registry_change_key(s->registry, key, removed);
}

static oidc_t *current_oidc(void *arg)
{
    return ((service_t *)arg)->oidc;
}

static void sessions_revoked(void *arg, const char *role_arn, int64_t until_ms)
{
    service_t *s = arg;

    registry_revoke_sessions(s->registry, role_arn, until_ms);
}

static p11kms_err api_start(service_t *s)
{
    const api_options options = {
        .answer = answer,
        .reload = reload,
        .access_key = access_key_changed,
        .sessions_revoked = sessions_revoked,
        .oidc = current_oidc,
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
        .strangers_per_peer = s->conf->audit_strangers_per_peer,
        .strangers_in_all = s->conf->audit_strangers_in_all,
        .strangers_every_ms = s->conf->audit_summary_ms,
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
    TRY(core_store_job(s->core, kms_open_grant_tokens, s->kms));
    TRY(core_store_job(s->core, kms_load, s->kms));
    TRY(core_store_job(s->core, kms_begin_usage, s->kms));
    p11kms_err err = core_store_job(s->core, kms_reconcile, s->kms);
    if (err != P11KMS_OK) {
        log_warning("objects a crash left on a token stay for now: %s", p11kms_err_detail(err));
    }
    return P11KMS_OK;
}

p11kms_err service_set_quotas(service_t *s, const conf_quotas *quotas, const core_rate *rates, size_t n_rates)
{
    TRY(core_set_rates(s->core, rates, n_rates));
    kms_set_quota(s->kms, KMS_QUOTA_KEYS, quotas->keys);
    kms_set_quota(s->kms, KMS_QUOTA_ALIASES_PER_KEY, quotas->aliases_per_key);
    kms_set_quota(s->kms, KMS_QUOTA_GRANTS_PER_KEY, quotas->grants_per_key);
    kms_set_quota(s->kms, KMS_QUOTA_ON_DEMAND_ROTATIONS, quotas->on_demand_rotations);
    kms_set_quota(s->kms, KMS_QUOTA_CUSTOM_KEY_STORES, quotas->custom_key_stores);
    return P11KMS_OK;
}

static p11kms_err quotas_start(service_t *s)
{
    _cleanup_free_ core_rate *rates = NULL;
    size_t n;

    TRY(read_rates(s->conf, &rates, &n));
    return service_set_quotas(s, &s->conf->quotas, rates, n);
}

static void kms_stop(service_t *s)
{
    kms_free(s->kms);
}

/* ---- checkpoints of the audit log ---- */

static p11kms_err open_checkpoint_key(store_t *store, void *arg)
{
    service_t *s = arg;

    return kms_open_checkpoint_key(store, s->kms, &s->checkpoint_key);
}

static p11kms_err origin_of(const conf_t *conf, char out[NOTE_NAME_MAX + 1])
{
    char host[HOST_NAME_MAX + 1] = "";

    if (conf->audit_origin) {
        snprintf(out, NOTE_NAME_MAX + 1, "%s", conf->audit_origin);
        return P11KMS_OK;
    }
    if (gethostname(host, sizeof(host) - 1) != 0 || !host[0]) {
        FAIL(P11KMS_E_CONFIG, "this machine has no name: set audit.origin");
    }
    snprintf(out, NOTE_NAME_MAX + 1, "p11kms/%s", host);
    return P11KMS_OK;
}

static p11kms_err sign_checkpoint(void *arg, slice_t text, buf_t *signature)
{
    service_t *s = arg;

    return kms_sign_checkpoint(&s->checkpoint_key, text, signature);
}

typedef struct {
    uint64_t size;
    uint8_t root[SHA256_LEN];
} signed_t;

static p11kms_err store_signed(store_t *store, void *arg)
{
    const signed_t *last = arg;

    return kms_remember_checkpoint(store, last->size, last->root);
}

static p11kms_err load_signed(store_t *store, void *arg)
{
    signed_t *last = arg;

    return kms_last_checkpoint(store, &last->size, last->root);
}

/* A store that cannot be written says so itself: the next start asks for what it remembered before. */
static void remember_checkpoint(void *arg, uint64_t size, const uint8_t root[SHA256_LEN])
{
    service_t *s = arg;
    signed_t last = { .size = size };

    memcpy(last.root, root, sizeof(last.root));
    pthread_mutex_lock(&s->remembering);
    if (!s->forgetful) {
        (void)(core_store_job(s->core, store_signed, &last) == P11KMS_OK);
    }
    pthread_mutex_unlock(&s->remembering);
}

static p11kms_err checkpoints_start(service_t *s)
{
    signed_t last = { .size = 0 };
    char origin[NOTE_NAME_MAX + 1];

    pthread_mutex_init(&s->remembering, NULL);
    p11kms_err err = core_store_job(s->core, open_checkpoint_key, s);

    if (err == P11KMS_E_UNSUPPORTED) {
        log_warning("the audit log is without checkpoints: %s", p11kms_err_detail(err));
        return P11KMS_OK;
    }
    TRY(err);
    TRY(origin_of(s->conf, origin));
    TRY(core_store_job(s->core, load_signed, &last));
    audit_signer signer = {
        .origin = origin,
        .spki = SLICE(s->checkpoint_key.spki, s->checkpoint_key.spki_len),
        .sign = sign_checkpoint,
        .remember = remember_checkpoint,
        .region = s->conf->region,
        .signed_size = last.size,
        .arg = s,
    };
    memcpy(signer.signed_root, last.root, sizeof(last.root));
    TRY(audit_sign_with(s->audit, &signer));
    return cosigners_start(s);
}

/* While the token is there still. */
static void checkpoints_stop(service_t *s)
{
    audit_finish(s->audit, LAST_CHECKPOINT_MS);
    pthread_mutex_lock(&s->remembering);
    s->forgetful = true;
    pthread_mutex_unlock(&s->remembering);
}

/* "https://HOST[:PORT]/PATH" as the client room takes it: where to, and what there. */
p11kms_err service_fetch(void *arg, const char *url, const char *ca, buf_t *ret_body)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    client_answer answer = { 0 };

    (void)arg;
    ENSURE(host, P11KMS_E_CONFIG);
    _cleanup_free_ char *base = path ? strndup(url, (size_t)(path - url)) : strdup(url);
    ENSURE(base, P11KMS_E_NOMEM);
    const client_target target = { .url = base, .ca_file = ca, .timeout_ms = FETCH_TIMEOUT_MS };
    const client_request request = {
        .method = "GET",
        .path = path ? path : "/",
        .headers = SLICE_LIT("Accept: application/json\r\n"),
    };
    TRY(client_call(&target, &request, &answer));
    if (answer.status != 200 || answer.body.len > OIDC_JWKS_MAX) {
        buf_free(&answer.body);
        FAIL(P11KMS_E_IO, "%s answered %d, or more than %u bytes", url, answer.status, OIDC_JWKS_MAX);
    }
    *ret_body = STEAL(answer.body);
    return P11KMS_OK;
}

static p11kms_err read_identities(service_t *s, buf_t *problems, identity_t **ret)
{
    _cleanup_(identity) identity_t *identity = NULL;

    TRY(registry_build(s->registry, s->declared, problems, &identity));
    TRY(identity_check_keys(identity, s->declared, problems));
    TRY(oidc_open(s->declared, service_fetch, NULL, problems, &s->oidc));
    *ret = STEAL(identity);
    return P11KMS_OK;
}

static p11kms_err identity_start(service_t *s)
{
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity;

    TRY(registry_new(s->core, s->kms, &s->registry));
    TRY(core_store_job(s->core, registry_load, s->registry));
    p11kms_err err = read_identities(s, &problems, &identity);
    print_problems(&problems);
    TRY(err);
    registry_swap(s->registry, STEAL(s->declared), identity);
    return P11KMS_OK;
}

static void identity_stop(service_t *s)
{
    oidc_close(s->oidc);
    registry_free(s->registry);
}

/* ---- listeners ---- */

static void on_request(void *arg, http_exchange_t *exchange, const message_t *message)
{
    service_t *s = arg;

    api_handle(s->api, message, exchange);
}

static void log_refusal(void *arg, const peer_t *peer, const char *request_id, int status, const char *reason)
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

static void on_refused(void *arg, const peer_t *peer, const char *request_id, int status, const char *reason)
{
    service_t *s = arg;

    core_count_refusal(s->core, peer, status);
    log_refusal(NULL, peer, request_id, status, reason);
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
        s->monitor = (monitor_t){ .core = s->core, .copies = s->copies, .kms = s->kms, .http = s->http,
                                   .audit = s->audit, .witness_quorum = s->conf->audit_witness_quorum };
        TRY(http_listen(s->http, s->conf->monitor, monitor_handle, log_refusal, &s->monitor, &s->monitor_port));
    }
    return P11KMS_OK;
}

static void http_stopped(service_t *s)
{
    http_free(s->http);
    free(s->ports);
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
    { "copies of the audit log", outlets_start, outlets_stop },
    { "audit log", audit_start, audit_stop },
    { "store", store_start, store_stop },
    { "tokens", tokens_start, tokens_stop },
    { "api", api_start, api_stop },
    { "core", core_start, core_stop },
    { "keys", kms_start, kms_stop },
    { "checkpoints of the audit log", checkpoints_start, checkpoints_stop },
    { "quotas", quotas_start, NULL },
    { "identities", identity_start, identity_stop },
    { "random", loop_stir, NULL },
    { "listeners", http_start, http_stopped },
    { "handles", loop_arm, NULL },
    { "first record", reload_first, NULL },
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
