/* What the files of the running service share: service.c starts it, loop.c turns it, reload.c changes it. */
#pragma once

#include <uv.h>

#include "api/api.h"
#include "daemon/monitor.h"
#include "daemon/registry.h"
#include "daemon/service.h"
#include "http/http.h"
#include "kms/checkpoint_key.h"

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
    mailbox_t *stirs; /* the tokens' random bytes come back here: nobody waits for them, and some outlast the core */
    audit_t *audit;
    kms_checkpoint_key checkpoint_key;
    pthread_mutex_t remembering; /* over forgetful, and while the store is asked */
    bool forgetful;              /* the store is going */
    copies_t *copies;
    uint64_t copies_told; /* dropped ones, in the log */
    store_t *store; /* until core takes it */
    token_t **tokens;
    size_t n_tokens;
    api_t *api;
    core_t *core;
    kms_t *kms;
    registry_t *registry;
    oidc_t *oidc;
    http_t *http;
    monitor_t monitor;
    unsigned *ports;
    unsigned monitor_port;
    unsigned ticks;
    bool applying; /* declared keys are being made */
    bool reload_waits; /* a SIGHUP came meanwhile */
    bool http_gone;
    bool stopping;
    uint64_t stop_at; /* on the loop's clock: what is in flight then is given up */
    bool ready;
    p11kms_err failure; /* of the last step of start-up, on the loop */
    char failure_detail[512];
};

/* service.c */
/** Every file of declarations, checked. */
MUST_USE p11kms_err service_read_declared(const service_t *s, const conf_t *conf, buf_t *problems,
                                          conf_declared_t **ret);

/** What configuration allows, from now on. @p rates is api_rates()'s. */
MUST_USE p11kms_err service_set_quotas(service_t *s, const conf_quotas *quotas, const core_rate *rates, size_t n_rates);

/** GET one URL, for key sets of identity providers; from a thread of theirs. */
p11kms_err service_fetch(void *arg, const char *url, const char *ca, buf_t *ret_body);

/* loop.c */
MUST_USE p11kms_err loop_start(service_t *s);
/** Handles that act on the service: signals, the tick, the flush of every pass. Last of the start. */
MUST_USE p11kms_err loop_arm(service_t *s);
void loop_stop(service_t *s);
/** Bytes of every token's generator into ours; they arrive later. Cannot fail: the kernel's are there. */
p11kms_err loop_stir(service_t *s);
/** Stop gracefully; the reason is in s->failure when it is one. */
void loop_end(service_t *s);

/* reload.c */
/** Record the start, make the declared keys, then be ready. */
MUST_USE p11kms_err reload_first(service_t *s);
/** As SIGHUP: everything that can fail comes before anything is swapped. @p service is a service_t. */
p11kms_err reload(void *service);
/** SIGHUP itself, with its record; while declared keys are being made it waits for them. */
void reload_recorded(service_t *s);
/** An act of the daemon's own, to be recorded. */
op_t *reload_own_act(service_t *s, const char *event);
