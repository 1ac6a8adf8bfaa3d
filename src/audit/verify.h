/*
 * room: audit. Is the log in a folder what was logged? Offline, changing nothing, also while it is being
 * written. Every line is hashed, the tree is built anew from them, and its root
 * at each checkpoint's size must be the signed one: a log where this holds at two
 * sizes is the same log grown, so that no consistency proof is needed.
 */
#pragma once

#include "audit/acts.h"
#include "audit/trust.h"

typedef enum {
    VERIFY_WHOLE,
    VERIFY_RECORDS,    /* records were changed, removed, added or moved */
    VERIFY_CHECKPOINT, /* a checkpoint is not signed by a given key, is none, or there is none */
    VERIFY_SINCE,      /* the log does not go on from the checkpoint that was kept */
    VERIFY_WITNESSES,  /* too few cosigned */
    VERIFY_TILES,      /* records and checkpoints are whole; tiles, from which proofs are made, are not true */
} verify_verdict;

typedef struct {
    const char *dir;
    trust_t *keys;            /* NULL: signatures are not checked */
    trust_t *witnesses;       /* NULL: none are asked for */
    size_t quorum;            /* of the witnesses must have cosigned */
    uint64_t unwitnessed_max; /* checkpointed records behind the newest checkpoint that so many cosigned */
    /* Records behind the newest checkpoint; NULL: what a service leaves that makes checkpoints as the log says. */
    const uint64_t *uncovered_max;
    const char *since;        /* the path of a checkpoint kept earlier, or NULL */
    uint64_t from;            /* segments before this one are taken for away */
    void (*progress)(void *arg, uint64_t done, uint64_t of); /* bytes; now and then; may be NULL */
    void *arg;
} verify_options;

/** A decision to go on after a stop: a record AuditResumed. */
typedef struct {
    uint64_t segment, line, index;
    bool checked; /* false: it stands behind what is bad; the index is not known */
    char event_id[64];
    char because[ACT_TEXT], by[ACT_TEXT];
    uint64_t size; /* of the tree that was gone on from, as it says */
    bool at_start; /* no service ran: whoever had the disk decided, and a start took it over */
    uint64_t signed_size; /* what that start knew to be signed; 0: nothing */
    bool lost;            /* and not all of that was there */
} verify_resumed;
#define VERIFY_RESUMED_MAX 32

#define VERIFY_REASON 512
#define VERIFY_EVENT_ID 64

typedef struct {
    verify_verdict verdict;
    char reason[VERIFY_REASON]; /* a sentence; "" when whole */

    uint64_t first;       /* the number, from 0, of the first record that is here */
    uint64_t records;     /* the number behind the last */
    uint64_t covered;     /* by the newest checkpoint */
    uint64_t checkpoints; /* read and good, copies too */
    uint64_t witnessed;   /* size of the newest checkpoint with a quorum */
    uint64_t witnessed_time; /* seconds since the epoch, the earliest cosigner's */
    uint64_t segments;
    uint64_t without_notes; /* segments whose .notes are not there */
    uint64_t without_tiles; /* level-0 tiles that are not there */
    uint64_t in_forms;      /* segments that are there plain and compressed; they are equal */
    uint64_t torn;          /* bytes behind the last newline of segments: no records */
    merkle_hash root;       /* at covered */
    char origin[NOTE_NAME_MAX + 1]; /* of the newest checkpoint */

    uint64_t n_resumed; /* of all; the first VERIFY_RESUMED_MAX are here */
    verify_resumed resumed[VERIFY_RESUMED_MAX];

    /* VERIFY_RECORDS and VERIFY_SINCE */
    bool named;             /* the first bad record is known, else it is one of good..bad - 1 */
    uint64_t segment, line; /* where it stands, or would stand; where number `good` stands when not named */
    uint64_t index;
    char event_id[VERIFY_EVENT_ID]; /* "" where it is not known */
    uint64_t good; /* size of the last checkpoint that holds */
    uint64_t bad;  /* size of the first that does not */
} verify_report;

/**
 * @retval P11KMS_OK  It was checked; the report says how it stands.
 * @retval P11KMS_E_NOT_FOUND (no such folder), P11KMS_E_AUDIT (a file cannot be read), P11KMS_E_SYNTAX
 *         (options->since is no checkpoint)
 */
MUST_USE p11kms_err verify_log(const verify_options *options, verify_report *ret);
