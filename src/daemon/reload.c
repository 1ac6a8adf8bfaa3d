/* What changes while the service runs: declarations, certificates, declared keys; and the records of its own acts. */
#include "daemon/service_internal.h"

#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/notify.h"

#define LOG_ROOM "daemon"
#include "util/log.h"

op_t *reload_own_act(service_t *s, const char *event)
{
    return op_new_internal(s->core, event, "p11kms", "", s->conf->region);
}

static void fail_start(service_t *s, p11kms_err err, const char *detail)
{
    s->failure = err;
    snprintf(s->failure_detail, sizeof(s->failure_detail), "%s", detail ? detail : p11kms_err_text(err));
    loop_end(s);
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
    if (s->reload_waits && !s->stopping) {
        s->reload_waits = false;
        reload_recorded(s);
    }
}

static void apply_declared(service_t *s)
{
    const conf_declared_t *declared = registry_declared(s->registry);
    plan_item *plan = NULL;

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

p11kms_err reload_first(service_t *s)
{
    op_t *op = reload_own_act(s, "StartService");

    /* Verifiers hold what is under no checkpoint against when there would be one. */
    op->event_detail = arena_printf(op->arena,
                                    "{\"version\":\"" PACKAGE_VERSION "\",\"checkpointRecords\":%u,"
                                    "\"checkpointInterval\":%u}",
                                    s->conf->audit_checkpoint_records, s->conf->audit_checkpoint_seconds);
    op->act = s;
    op->finished = start_recorded;
    s->applying = true; /* already: a reload before then would make the declared keys twice at once */
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
    _cleanup_(oidc) oidc_t *oidc = NULL;
    _cleanup_free_ core_rate *rates = NULL;
    size_t n_rates;
    log_level level;

    TRY(conf_load(s->options->conf_file, s->options->dev, problems, &conf));
    TRY(service_read_declared(s, conf, problems, &declared));
    TRY(registry_build(s->registry, declared, problems, &identity));
    TRY(identity_check_keys(identity, declared, problems));
    TRY(oidc_open(declared, service_fetch, NULL, problems, &oidc));
    TRY(api_rates(&conf->quotas, problems, &rates, &n_rates));
    TRY(http_reload_certificates(s->http));
    TRY(service_set_quotas(s, &conf->quotas, rates, n_rates));
    registry_swap(s->registry, STEAL(declared), STEAL(identity));
    oidc_close(s->oidc);
    s->oidc = STEAL(oidc);
    if (conf->log_level && log_level_parse(conf->log_level, &level)) {
        log_set_level(level);
    }
    tell_what_needs_restart(s->conf, conf);
    return P11KMS_OK;
}

p11kms_err reload(void *service)
{
    service_t *s = service;
    _cleanup_buf_ buf_t problems = { 0 };

    if (s->applying) {
        /* The acts under way point into the declarations that would be replaced. */
        log_warning("nothing was changed by the reload: declared keys are still being made");
        FAIL(P11KMS_E_CONFLICT, "Declared keys are still being made; reload again when they are.");
    }
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

void reload_recorded(service_t *s)
{
    if (s->applying) {
        log_notice("the reload waits until the declared keys are made");
        s->reload_waits = true;
        return;
    }
    op_t *op = reload_own_act(s, "Reload");

    notify_reloading();
    p11kms_err err = reload(s);
    if (err == P11KMS_OK) {
        op_done(op);
    } else {
        op_fail(op, err);
    }
    notify_send("READY=1");
}
