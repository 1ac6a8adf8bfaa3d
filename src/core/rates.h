/*
 * How often each principal may call: a bucket a limit, which holds one second's worth and is
 * full for whoever comes anew. The table is bounded: it knows the principals seen most recently.
 * The loop's thread alone; nothing is allocated after rates_new().
 */
#pragma once

#include "util/bytes.h"

typedef struct rates rates_t;

#define RATES_PRINCIPALS 4096

/**
 * @param per_second  Of each of @p n limits, by which number they are known from here on; 0: no limit.
 * @param[out] ret    NULL where there is no limit at all.
 */
MUST_USE p11kms_err rates_new(const unsigned *per_second, size_t n, rates_t **ret);
void rates_free(rates_t *rates); /* NULL is fine */

/** May @p principal call once more at @p now_us (clock_mono_us())? Counts the call when it may. NULL: always. */
bool rates_take(rates_t *rates, slice_t principal, size_t limit, int64_t now_us);
/** How often rates_take() refused by this limit. */
uint64_t rates_refused(const rates_t *rates, size_t limit);
