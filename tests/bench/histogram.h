/* Latencies in microseconds, in log-linear buckets: at most 1/64 too high anywhere. */
#pragma once

#include <stdint.h>

#define HISTOGRAM_HALF 64 /* buckets a power of two */
#define HISTOGRAM_BUCKETS (HISTOGRAM_HALF * 36)

typedef struct {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
} histogram_t;

void histogram_add(histogram_t *histogram, uint64_t us);
/** The upper end of the bucket below which @p share (0..1) of all values lie; 0 when there are none. */
uint64_t histogram_quantile(const histogram_t *histogram, double share);
