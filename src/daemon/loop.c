/* The loop of the service: wake-ups, the tick, signals, and the way to the end. */
#include "daemon/service_internal.h"

#include <signal.h>

#include "crypto/crypto.h"
#include "daemon/notify.h"
#include "daemon/outlets.h"

#define LOG_ROOM "daemon"
#include "util/log.h"

#define TICK_MS 1000
#define DRAIN_MS 10
#define STIR_EVERY_TICKS 3600
#define STIR_BYTES 64

/* ---- wake-ups ---- */

static void on_wake(uv_async_t *handle)
{
    service_t *s = handle->data;

    mailbox_drain(s->mailbox);
    mailbox_drain(s->stirs);
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

p11kms_err loop_start(service_t *s)
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
    TRY(mailbox_new(wake_loop, s, &s->stirs));
    return mailbox_new(wake_loop, s, &s->mailbox);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void loop_stop(service_t *s)
{
    if (s->loop_made) {
        uv_walk(&s->loop, close_handle, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
    }
    mailbox_free(s->mailbox);
    if (s->stirs) {
        mailbox_drain(s->stirs);
        mailbox_free(s->stirs);
    }
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
    op->mailbox = s->stirs;
    token_submit(token, op);
}

p11kms_err loop_stir(service_t *s)
{
    for (size_t i = 0; i < s->n_tokens; i++) {
        if (token_get_state(s->tokens[i]) == TOKEN_READY && token_get_info(s->tokens[i]).can_random) {
            stir_from(s, s->tokens[i]);
        }
    }
    return P11KMS_OK;
}

/* ---- the tick ---- */

static void on_tick(uv_timer_t *handle)
{
    service_t *s = handle->data;

    if (s->stopping) {
        return;
    }
    if (!audit_healthy(s->audit) && !audit_stopped(s->audit)) {
        /* Nobody may be asking: this record is what finds out that the log is back. */
        op_done(reload_own_act(s, "ResumeAudit"));
    }
    if (++s->ticks % STIR_EVERY_TICKS == 0) {
        loop_stir(s);
    }
    outlets_tick(s);
    core_sum_up(s->core, false);
    if (!s->applying) {
        kms_tick(s->kms);
    }
}

static void on_hup(uv_signal_t *handle, int signum)
{
    (void)signum;
    reload_recorded(handle->data);
}

/* ---- the end ---- */

static void finish_when_idle(service_t *s)
{
    if (s->http_gone && core_active(s->core) == 0) {
        uv_stop(&s->loop);
    }
}

/* A token that hangs has deadlines of its own, but what was promised for the stop is less. */
static void give_up_tokens(service_t *s)
{
    for (size_t i = 0; i < s->n_tokens; i++) {
        int pid = token_host_pid(s->tokens[i]);

        if (pid > 0) {
            log_warning("token '%s' still works at the end of stop-timeout: its host is ended",
                        token_name(s->tokens[i]));
            kill(pid, SIGKILL);
        }
    }
}

static void on_drained(uv_timer_t *handle)
{
    service_t *s = handle->data;

    if (s->stop_at != 0 && uv_now(&s->loop) >= s->stop_at) {
        s->stop_at = 0;
        give_up_tokens(s);
    }
    finish_when_idle(s);
}

static void on_http_gone(void *arg)
{
    service_t *s = arg;

    s->http_gone = true;
    finish_when_idle(s);
}

void loop_end(service_t *s)
{
    if (s->stopping) {
        return;
    }
    s->stopping = true;
    notify_send("STOPPING=1");
    log_notice("stopping");
    core_sum_up(s->core, true);
    op_done(reload_own_act(s, "StopService"));
    s->stop_at = uv_now(&s->loop) + s->conf->stop_timeout_ms;
    uv_timer_start(&s->tick, on_drained, DRAIN_MS, DRAIN_MS);
    http_stop(s->http, s->conf->stop_timeout_ms, on_http_gone, s);
}

static void on_stop_signal(uv_signal_t *handle, int signum)
{
    (void)signum;
    loop_end(handle->data);
}

p11kms_err loop_arm(service_t *s)
{
    uv_prepare_start(&s->before_poll, on_before_poll);
    uv_check_start(&s->after_poll, on_after_poll);
    uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_start(&s->on_term, on_stop_signal, SIGTERM);
    uv_signal_start(&s->on_int, on_stop_signal, SIGINT);
    uv_signal_start(&s->on_hup, on_hup, SIGHUP);
    return P11KMS_OK;
}

