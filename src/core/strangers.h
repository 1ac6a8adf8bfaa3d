/*
 * Refusals of those who were not authenticated, which cost nothing to provoke. Each
 * peer gets so many records a second, and none while the log's disk is nearly full;
 * what is refused beyond that is counted here, and summed up in one record. What the
 * HTTP layer refuses is counted with it. The loop's thread alone.
 */
#pragma once

#include "util/json.h"
#include "util/message.h"

typedef struct strangers strangers_t;

typedef enum { STRANGER_RECORDED, STRANGER_THROTTLED, STRANGER_NO_ROOM, STRANGER_VERDICTS } stranger_verdict;

typedef struct {
    unsigned per_peer; /* records a second of one IPv4 address, IPv6 /64 or local user; 0: no limit */
    unsigned in_all;   /* of all peers together; 0: no limit */
    unsigned every_ms; /* a summary */
} strangers_limits;

MUST_USE p11kms_err strangers_new(const strangers_limits *limits, strangers_t **ret);
void strangers_free(strangers_t *strangers); /* NULL is fine */

/** One more refusal: does it get a record? What does not is counted. @p low: the log's disk is nearly full. */
stranger_verdict strangers_judge(strangers_t *strangers, const peer_t *peer, bool low, int64_t now_us);
/** A refusal of the HTTP layer; @p status 0: a handshake that failed. */
void strangers_count(strangers_t *strangers, const peer_t *peer, int status, int64_t now_us);

/** A summary is due: something was counted that long ago, or the disk has room again for what it had none for. */
bool strangers_due(const strangers_t *strangers, bool low, int64_t now_us);
/** Anything was counted since the last summary. */
bool strangers_counted(const strangers_t *strangers);

/** What was counted since the last summary. */
typedef struct strangers_tally strangers_tally_t;
/** Takes it; counting begins anew. NULL: out of memory, nothing is taken. */
strangers_tally_t *strangers_take(strangers_t *strangers);
/** The summary could not be recorded: count it again with the next. Frees it. */
void strangers_give_back(strangers_t *strangers, strangers_tally_t *tally);
void strangers_write(const strangers_tally_t *tally, jw_t *w);

/** For /metrics: since the start. */
uint64_t strangers_unrecorded(const strangers_t *strangers, stranger_verdict verdict);
void strangers_metrics(const strangers_t *strangers, buf_t *out);
