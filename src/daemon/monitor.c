#include "daemon/monitor.h"

#include "config.h"

#include "daemon/cosigners.h"
#include "daemon/outlets.h"

#include <string.h>

static void answer(http_exchange_t *exchange, int status, const char *type, buf_t *body)
{
    buf_t headers = { 0 };

    buf_printf(&headers, "Content-Type: %s\r\nCache-Control: no-store\r\n", type);
    http_answer(exchange, status, buf_slice(&headers), body);
    buf_free(&headers);
}

static void answer_text(http_exchange_t *exchange, int status, const char *text)
{
    buf_t body = { 0 };

    buf_put_str(&body, text);
    buf_put_char(&body, '\n');
    answer(exchange, status, "text/plain; charset=utf-8", &body);
    buf_free(&body);
}

static void healthz(monitor_t *monitor, http_exchange_t *exchange)
{
    (void)monitor;
    answer_text(exchange, 200, "ok");
}

static void readyz(monitor_t *monitor, http_exchange_t *exchange)
{
    char why[512];

    if (core_ready(monitor->core, why, sizeof(why))) {
        answer_text(exchange, 200, "ready");
    } else {
        answer_text(exchange, 503, why);
    }
}

static void metrics(monitor_t *monitor, http_exchange_t *exchange)
{
    http_stats http = http_get_stats(monitor->http);
    buf_t body = { 0 };

    core_metrics(monitor->core, &body);
    outlets_metrics(monitor->copies, &body);
    cosigners_metrics(monitor->audit, monitor->witness_quorum, &body);
    buf_printf(&body,
               "# TYPE p11kms_build_info gauge\np11kms_build_info{version=\"" PACKAGE_VERSION "\"} 1\n"
               "# TYPE p11kms_keys gauge\np11kms_keys %zu\n"
               "# TYPE p11kms_connections_open gauge\np11kms_connections_open %u\n"
               "# TYPE p11kms_connections_accepted_total counter\np11kms_connections_accepted_total %llu\n"
               "# TYPE p11kms_connections_refused_total counter\np11kms_connections_refused_total %llu\n"
               "# TYPE p11kms_http_bad_requests_total counter\np11kms_http_bad_requests_total %llu\n"
               "# TYPE p11kms_tls_handshakes_total counter\np11kms_tls_handshakes_total %llu\n"
               "# TYPE p11kms_tls_handshakes_failed_total counter\np11kms_tls_handshakes_failed_total %llu\n",
               catalog_size(kms_catalog(monitor->kms)), http.open, (unsigned long long)http.accepted,
               (unsigned long long)http.refused_connections, (unsigned long long)http.bad_requests,
               (unsigned long long)http.handshakes, (unsigned long long)http.handshakes_failed);
    answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
    buf_free(&body);
}

static const struct {
    const char *path;
    void (*handle)(monitor_t *monitor, http_exchange_t *exchange);
} pages[] = {
    { "/healthz", healthz },
    { "/readyz", readyz },
    { "/metrics", metrics },
};

void monitor_handle(void *arg, http_exchange_t *exchange, const message_t *message)
{
    if (!slice_eq_str(message->method, "GET")) {
        answer_text(exchange, 405, "only GET");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (slice_eq_str(message->path, pages[i].path)) {
            pages[i].handle(arg, exchange);
            return;
        }
    }
    answer_text(exchange, 404, "there are /healthz, /readyz and /metrics");
}
