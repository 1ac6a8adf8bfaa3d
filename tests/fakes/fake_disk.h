/*
 * The audit log's disk with faults on purpose: hand fake_disk_io to
 * audit_open_on() or segments_open(). What is not made to fail is done for real.
 * All of it may be set while the log is in use.
 */
#pragma once

#include "audit/segment.h"

extern const segment_io fake_disk_io;

/** No faults, counters at zero. */
void fake_disk_reset(void);

/** After @p bytes more, writes fail with @p error (part of a write may still be done); -1: never. */
void fake_disk_room(long bytes, int error);
/** No write takes more than @p bytes at once; 0: as many as asked. */
void fake_disk_short_writes(size_t bytes);
/** The next @p times calls fail with @p error. */
void fake_disk_fail_sync(unsigned times, int error);
void fake_disk_fail_truncate(unsigned times, int error);
/** So much seems free of FAKE_DISK_SIZE bytes; -1: what is. */
#define FAKE_DISK_SIZE (2000L << 20)
void fake_disk_free(long bytes);
/** Syncs hang from now on, until they are released. */
void fake_disk_hold_sync(void);
void fake_disk_release_sync(void);
/** Syncs do nothing: for tests of many records, which no power cut threatens. */
void fake_disk_skip_syncs(void);
/** Wait until a sync hangs. */
void fake_disk_await_held(void);

unsigned fake_disk_writes(void);
unsigned fake_disk_syncs(void);
