#include "core/metrics.h"

static const uint32_t bounds_us[METRICS_BUCKETS] = { 10,   25,   50,    100,   250,    500,    1000,
                                                     2500, 5000, 10000, 25000, 100000, 500000, 2000000 };

static const char *const stage_names[STAGE_COUNT] = { "authenticate", "decode", "authorize", "token",
                                                      "compute",      "store",  "audit",     "total" };

static void observe(histogram_t *h, uint32_t us)
{
    size_t i = 0;

    while (i < METRICS_BUCKETS && us > bounds_us[i]) {
        i++;
    }
    h->bucket[i]++;
    h->count++;
    h->sum_us += us;
}

/* A full table folds what is new into its last slot rather than lose the count. */
static metrics_series *series_of(metrics_t *metrics, const op_row_t *row, p11kms_err err)
{
    size_t start = ((uintptr_t)row / sizeof(*row) * 31 + (size_t)err) % METRICS_SERIES;

    for (size_t i = 0; i < METRICS_SERIES; i++) {
        metrics_series *s = &metrics->series[(start + i) % METRICS_SERIES];
        if (s->count == 0) {
            s->row = row;
            s->err = err;
        }
        if (s->row == row && s->err == err) {
            return s;
        }
    }
    return &metrics->series[METRICS_SERIES - 1];
}

void metrics_count(metrics_t *metrics, const op_t *op)
{
    series_of(metrics, op->row, op->err)->count++;
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        if (op->stage_spent_us[i] != 0 || i == STAGE_TOTAL) {
            observe(&metrics->stages[i], op->stage_spent_us[i]);
        }
    }
}

static void write_histogram(const histogram_t *h, const char *stage, buf_t *out)
{
    uint64_t below = 0;

    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        below += h->bucket[i];
        buf_printf(out, "p11kms_stage_seconds_bucket{stage=\"%s\",le=\"%.6g\"} %llu\n", stage,
                   bounds_us[i] / 1e6, (unsigned long long)below);
    }
    buf_printf(out, "p11kms_stage_seconds_bucket{stage=\"%s\",le=\"+Inf\"} %llu\n", stage,
               (unsigned long long)h->count);
    buf_printf(out, "p11kms_stage_seconds_sum{stage=\"%s\"} %.6f\n", stage, (double)h->sum_us / 1e6);
    buf_printf(out, "p11kms_stage_seconds_count{stage=\"%s\"} %llu\n", stage, (unsigned long long)h->count);
}

void metrics_write(const metrics_t *metrics, buf_t *out)
{
    buf_put_str(out, "# HELP p11kms_requests_total Requests answered, by operation and error.\n"
                     "# TYPE p11kms_requests_total counter\n");
    for (size_t i = 0; i < METRICS_SERIES; i++) {
        const metrics_series *s = &metrics->series[i];
        if (s->count) {
            buf_printf(out, "p11kms_requests_total{service=\"%s\",operation=\"%s\",error=\"%s\"} %llu\n",
                       s->row ? s->row->service : "", s->row ? s->row->name : "",
                       s->err == P11KMS_OK ? "" : p11kms_err_name(s->err), (unsigned long long)s->count);
        }
    }
    buf_put_str(out, "# HELP p11kms_stage_seconds Time of a request by stage.\n"
                     "# TYPE p11kms_stage_seconds histogram\n");
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        write_histogram(&metrics->stages[i], stage_names[i], out);
    }
}
