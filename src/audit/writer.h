/*
 * The queue before the segments: a writer thread that commits everything waiting
 * as one group, and a watchdog that answers for it when the disk does not.
 */
#pragma once

#include "audit/audit.h"
#include "audit/segment.h"

typedef struct writer writer_t;

typedef struct {
    unsigned bound_ms;
    unsigned queue_max;
    copies_t *copies;
} writer_limits;

/** @param segments  Taken on success: closed by writer_stop(). */
MUST_USE p11kms_err writer_start(segments_t *segments, writer_limits limits, writer_t **ret);
/** Writes what waits. Does not wait for a disk that hangs: the writer thread cleans up when it comes back. */
void writer_stop(writer_t *writer);

/** Checks nothing of the line. */
void writer_submit(writer_t *writer, audit_record_t *record);
/** Complete a record that never enters the queue with P11KMS_E_AUDIT. */
void writer_refuse(writer_t *writer, audit_record_t *record);

bool writer_healthy(const writer_t *writer);
void writer_problem(writer_t *writer, char *out, size_t size);
audit_stats writer_stats(writer_t *writer);

/** audit_open() on a disk with faults, for tests. */
MUST_USE p11kms_err audit_open_on(const audit_options *options, const segment_io *io, audit_t **ret);
