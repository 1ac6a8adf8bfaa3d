/* Counters and latency histograms; written and read on the loop's thread alone. */
#pragma once

#include "core/op.h"

/* With bounds; one more is +Inf. */
#define METRICS_BUCKETS 14

typedef struct {
    uint64_t bucket[METRICS_BUCKETS + 1];
    uint64_t count;
    uint64_t sum_us;
} histogram_t;

#define METRICS_SERIES 512

/** One operation with one outcome; the set is bounded by the tables, so a linear probe table suffices. */
typedef struct {
    const op_row_t *row; /* NULL: the target was not known */
    p11kms_err err;
    uint64_t count;
} metrics_series;

typedef struct {
    metrics_series series[METRICS_SERIES];
    histogram_t stages[STAGE_COUNT];
} metrics_t;

void metrics_count(metrics_t *metrics, const op_t *op);
void metrics_write(const metrics_t *metrics, buf_t *out);
