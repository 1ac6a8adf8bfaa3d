/* room: audit. The service's own records that tell of the log itself: written here, and read by starts and verifiers. */
#pragma once

#include "audit/merkle.h"

typedef enum {
    ACT_NONE,
    ACT_START,     /* StartService */
    ACT_WRITABLE,  /* ResumeAudit: the disk takes records again */
    ACT_RESUMED,   /* AuditResumed: an operator's decision to go on after a stop */
    ACT_CONTINUED, /* AuditContinued: a start took such a decision over, and what had been signed before it */
} act_kind;

#define ACT_TEXT 256
typedef struct {
    act_kind kind;
    char event_id[64];
    char because[ACT_TEXT], by[ACT_TEXT]; /* ACT_RESUMED; cut where they are longer */
    bool placed;                          /* it says where the tree stood: the next two */
    uint64_t size;
    merkle_hash root;
    uint64_t signed_size; /* ACT_CONTINUED: what was signed last; 0: nothing is remembered */
    bool kept;            /* and whether all of that is in the tree that is gone on from */
    uint64_t records, seconds; /* ACT_START: when checkpoints are made; 0: it does not say */
} act_t;

/** Whether the line can be one of the service's own, by its beginning. */
bool act_looks_own(slice_t line);
/** False where the line is none of these. Names and words of clients stand elsewhere in a record. */
bool act_read(slice_t line, act_t *ret);
/** The record's own "eventTime", none within it, in seconds since the epoch; false where there is none. */
bool act_time(slice_t line, int64_t *ret);

/** Appends such a record with @p details, as core writes them: for where core is not there. */
void act_put(const char *event, const char *region, slice_t details, buf_t *line);
