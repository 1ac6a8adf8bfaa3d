#include "daemon/cosigners.h"

#include <stdlib.h>
#include <string.h>

#include "client/client.h"
#include "daemon/service_internal.h"

#define TIMEOUT_MS 5000

static p11kms_err post(const char *url, const char *ca_file, slice_t body, int *ret_status, buf_t *ret_answer)
{
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    client_answer answer = { 0 };

    ENSURE(path, P11KMS_E_CONFIG);
    _cleanup_free_ char *base = strndup(url, (size_t)(path - url));
    ENSURE(base, P11KMS_E_NOMEM);
    const client_target target = { .url = base, .ca_file = ca_file, .timeout_ms = TIMEOUT_MS };
    const client_request request = {
        .method = "POST",
        .path = path,
        .headers = SLICE_LIT("Content-Type: text/plain; charset=utf-8\r\n"),
        .body = body,
    };
    TRY(client_call(&target, &request, &answer));
    if (answer.body.len > WITNESS_ANSWER_MAX) {
        buf_free(&answer.body);
        FAIL(P11KMS_E_IO, "it answered with more than %u bytes", WITNESS_ANSWER_MAX);
    }
    *ret_status = answer.status;
    buf_put_slice(ret_answer, buf_slice(&answer.body));
    buf_free(&answer.body);
    return P11KMS_OK;
}

p11kms_err cosigners_start(service_t *s)
{
    witness_at at[CONF_WITNESSES_MAX];
    size_t n = s->conf->n_audit_witnesses;

    for (size_t i = 0; i < n; i++) {
        const conf_witness *conf = &s->conf->audit_witnesses[i];
        at[i] = (witness_at){ .url = conf->url, .vkey = conf->key, .ca_file = conf->ca_file };
    }
    return n > 0 ? audit_witness_with(s->audit, at, n, post) : P11KMS_OK;
}

static void put_family(const witness_stats *stats, size_t n, const char *name, const char *type,
                       uint64_t (*of)(const witness_stats *stats), buf_t *out)
{
    buf_printf(out, "# TYPE %s %s\n", name, type);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s{witness=\"", name);
        for (const char *c = stats[i].name; *c; c++) {
            buf_printf(out, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
        }
        buf_printf(out, "\"} %llu\n", (unsigned long long)of(&stats[i]));
    }
}

static uint64_t cosigned_of(const witness_stats *stats)
{
    return stats->cosigned;
}

static uint64_t failures_of(const witness_stats *stats)
{
    return stats->failures;
}

static uint64_t size_of(const witness_stats *stats)
{
    return stats->size;
}

static int by_size_falling(const void *a, const void *b)
{
    uint64_t left = ((const witness_stats *)a)->size, right = ((const witness_stats *)b)->size;

    return (left < right) - (left > right);
}

void cosigners_metrics(const audit_t *audit, unsigned quorum, buf_t *out)
{
    witness_stats stats[WITNESSES_MAX];
    size_t n = audit_get_witnesses(audit, stats);

    if (n == 0) {
        return;
    }
    put_family(stats, n, "p11kms_audit_cosignatures_total", "counter", cosigned_of, out);
    put_family(stats, n, "p11kms_audit_cosignature_failures_total", "counter", failures_of, out);
    put_family(stats, n, "p11kms_audit_cosigned_records", "gauge", size_of, out);
    qsort(stats, n, sizeof(stats[0]), by_size_falling);
    buf_printf(out, "# TYPE p11kms_audit_witnessed_records gauge\np11kms_audit_witnessed_records %llu\n",
               (unsigned long long)(quorum <= n ? stats[quorum - 1].size : 0));
}
