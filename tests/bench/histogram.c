#include "tests/bench/histogram.h"

/* Values below 2 * HALF have a bucket each; from there on every power of two is cut into HALF buckets. */
static unsigned bucket_of(uint64_t us)
{
    unsigned shift, bucket;

    if (us < 2 * HISTOGRAM_HALF) {
        return (unsigned)us;
    }
    shift = 63u - (unsigned)__builtin_clzll(us) - 6u;
    bucket = HISTOGRAM_HALF * shift + (unsigned)(us >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static uint64_t upper_end(unsigned bucket)
{
    unsigned shift;

    if (bucket < 2 * HISTOGRAM_HALF) {
        return bucket;
    }
    shift = bucket / HISTOGRAM_HALF - 1;
    return ((uint64_t)(bucket - HISTOGRAM_HALF * shift + 1) << shift) - 1;
}

void histogram_add(histogram_t *histogram, uint64_t us)
{
    histogram->counts[bucket_of(us)]++;
    histogram->total++;
}

uint64_t histogram_quantile(const histogram_t *histogram, double share)
{
    uint64_t wanted = (uint64_t)((double)histogram->total * share), seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > wanted || (seen == histogram->total && seen > 0)) {
            return upper_end(i);
        }
    }
    return 0;
}
