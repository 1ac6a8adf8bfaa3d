/*
 * room: audit. Copies of every record that is on disk, for the journal and for
 * syslog. Best effort: a copy never delays a record. Each receiver has a thread
 * and a bounded queue; what does not fit any more is dropped and counted, while a
 * receiver that is away for a moment gets what it missed.
 */
#pragma once

#include "util/bytes.h"

typedef struct copies copies_t;

typedef enum { COPY_JOURNALD, COPY_SYSLOG, COPY_KINDS } copy_kind;
/** "journald", "syslog", NULL. */
extern const char *const copy_names[COPY_KINDS + 1];

typedef struct {
    copy_kind kind;
    const char *path; /* of the datagram socket; NULL: the usual one */
} copy_target;

#define COPIES_MAX 8
#define COPIES_WAITING_MAX (4u << 20) /* bytes, of each target; some thousand records */

/** @param n  At most COPIES_MAX. @retval P11KMS_E_CONFIG  A path is too long for a socket. */
MUST_USE p11kms_err copies_start(const copy_target *targets, size_t n, copies_t **ret);
/** Gives what waits a second to leave. NULL is fine. */
void copies_stop(copies_t *copies);
DEFINE_CLEANUP(copies_t *, copies, copies_stop);

/** Whole lines, each with its newline. Never waits for a receiver. Thread-safe. NULL is fine. */
void copies_offer(copies_t *copies, slice_t lines);

typedef struct {
    const char *name; /* of the kind */
    uint64_t sent;
    uint64_t dropped;
    size_t waiting;   /* bytes */
    char problem[160]; /* of the last try; "" when it went well */
} copy_stats;
/** @return how many of @p out are set: one a target. */
size_t copies_get_stats(copies_t *copies, copy_stats out[COPIES_MAX]);
