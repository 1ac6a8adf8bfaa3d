/*
 * The queue before the segments: a writer thread that commits everything waiting
 * as one group, and a watchdog that answers for it when the disk does not.
 */
#pragma once

#include "audit/audit.h"
#include "audit/guard.h"
#include "audit/notary.h"
#include "audit/segment.h"

typedef struct writer writer_t;

typedef struct {
    unsigned bound_ms;
    unsigned queue_max;
    copies_t *copies;
} writer_limits;

/** What else is told of records; all borrowed. */
typedef struct {
    log_tree_t *tree;
    notary_t *notary;
    guard_t *guard;
    void (*left)(void *arg); /* the writer thread came back from a disk that hung, long after writer_stop() */
    void *arg;
} writer_company;

/**
 * @param segments  Taken on success: closed by writer_stop().
 * @param company   Not looked at before the first record; @p company itself is kept.
 */
MUST_USE p11kms_err writer_start(segments_t *segments, writer_limits limits, const writer_company *company,
                                 writer_t **ret);
/**
 * Writes what waits. Does not wait for a disk that hangs: the writer thread cleans up when it comes back.
 *
 * @return false in that case: it needs its company until it calls company->left().
 */
bool writer_stop(writer_t *writer);

/** The log was tampered with: what waits is given back, and all that comes, until a record that resumes. */
void writer_halt(writer_t *writer, const char *reason);
bool writer_halted(const writer_t *writer);
/** Nothing is being appended, or not yet in the tree, until writer_release(). */
segments_t *writer_hold(writer_t *writer);
/** Wait until no group is being appended, but not for a disk that hangs. */
void writer_settle(writer_t *writer, unsigned wait_ms);
void writer_release(writer_t *writer);

/** Checks nothing of the line. */
void writer_submit(writer_t *writer, audit_record_t *record);
/** Complete a record that never enters the queue with P11KMS_E_AUDIT. */
void writer_refuse(writer_t *writer, audit_record_t *record);

bool writer_healthy(const writer_t *writer);
void writer_problem(writer_t *writer, char *out, size_t size);
audit_stats writer_stats(writer_t *writer);

/** audit_open() on a disk with faults, for tests. */
MUST_USE p11kms_err audit_open_on(const audit_options *options, const segment_io *io, audit_t **ret);
