#include "util/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t service_offset_ms;

int64_t clock_wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_service_ms(void)
{
    return clock_wall_ms() + clock_service_offset_ms();
}

int64_t clock_mono_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_set_service_offset_ms(int64_t offset)
{
    atomic_store_explicit(&service_offset_ms, offset, memory_order_relaxed);
}

int64_t clock_service_offset_ms(void)
{
    return atomic_load_explicit(&service_offset_ms, memory_order_relaxed);
}
