/*
 * Three clocks. Wall time is the machine's and dates records and signatures.
 * Service time is what keys live by (rotation, deletion, creation dates): wall
 * time plus an offset that --dev lets a test move. Monotonic time measures.
 */
#pragma once

#include "util/cleanup.h"

#define CLOCK_DAY_MS INT64_C(86400000)

int64_t clock_wall_ms(void);    /* since the epoch */
int64_t clock_service_ms(void); /* since the epoch */
int64_t clock_mono_us(void);
/** Move service time; only --dev and tests call it. Atomic. */
void clock_set_service_offset_ms(int64_t offset);
int64_t clock_service_offset_ms(void);
