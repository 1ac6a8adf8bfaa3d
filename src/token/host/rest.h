/*
 * What a private lane leaves to the others. An operation with a private key computes a hundred times as long as a
 * PRF. A lower priority alone does not help who has to wait for the processor it is on: the kernel lets it go on
 * for a millisecond or more, at each of the hand-overs a request needs (docs/token.md).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Of one thread; zero at first. */
typedef struct {
    unsigned seen;   /* quick operations */
    int64_t owed_us;
} rest_t;

/** Whether so few processors have to be shared. @p threads are those with private keys. */
bool rest_wanted(unsigned processors, unsigned threads);

/**
 * How long to rest after an operation that took @p took_us: a fixed time for each quick operation since the last
 * call, but never longer than it worked, so that a thread works at least half of its time whatever the others do;
 * and without quick operations not at all.
 *
 * @param quick  How many there have been, ever; it may wrap.
 */
int64_t rest_after(rest_t *rest, unsigned quick, int64_t took_us);
