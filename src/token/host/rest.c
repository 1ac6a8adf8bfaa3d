#include "token/host/rest.h"

#define QUICK_THREADS 4    /* that a quick operation goes through: loop, host, supervisor, audit writer */
#define QUICK_US 100       /* they and the client compute for one, twice over: docs/performance.md */
#define OWED_MAX_US 20000  /* so the longest rest, too */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool rest_wanted(unsigned processors, unsigned threads)
{
    return processors < QUICK_THREADS + threads;
}

int64_t rest_after(rest_t *rest, unsigned quick, int64_t took_us)
{
    int64_t pause_us;

    rest->owed_us = least(rest->owed_us + (int64_t)(quick - rest->seen) * QUICK_US, OWED_MAX_US);
    rest->seen = quick;
    pause_us = least(rest->owed_us, took_us > 0 ? took_us : 0);
    rest->owed_us -= pause_us;
    return pause_us;
}
