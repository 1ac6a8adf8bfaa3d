/*
 * The audit log: append-only lines, on disk before anyone is told, and a
 * transparency log over them: docs/audit-log.md.
 *
 * A folder of segments "audit-NNNNNNNNNN.jsonl" (numbered from 1). One
 * writer thread takes everything that waits, appends it with one write, makes it durable
 * with one fdatasync, and posts all completions at once: groups form by themselves.
 *
 * When an append fails (disk full, I/O error) its records fail, the torn tail is cut
 * off, and the next records are tried afresh: service comes back when the log does. After a failed
 * fdatasync the segment is closed and a new one begun, because what the kernel
 * holds of the old one can no longer be trusted to reach the disk.
 */
#pragma once

#include "audit/copies.h"
#include "audit/witness.h"
#include "crypto/crypto.h"
#include "util/mailbox.h"
#include "util/bytes.h"

typedef struct audit audit_t;

#define AUDIT_RECORD_MAX (256u * 1024)

typedef struct {
    const char *dir;          /* made when absent, 0750; files 0640 */
    uint64_t segment_bytes;   /* a segment is closed past this; default 64 MiB */
    unsigned bound_ms;        /* a record not durable by then fails; default 2000 */
    unsigned queue_max;       /* records waiting before P11KMS_E_AUDIT; default 16384 */
    uint64_t reserve;         /* audit_get_space() */
    copies_t *copies;         /* offered what is on disk; borrowed until audit_close() returned; may be NULL */
    bool segment_day;         /* a segment is also closed with the first record of another UTC day */
    bool append_flag;         /* files get FS_APPEND_FL where file system and privileges allow */
    unsigned checkpoint_records; /* a checkpoint is made when so many records have none; default 1000 */
    unsigned checkpoint_seconds; /* and so long after the last one when any has none; default 10 */
    bool resume; /* for one record, AuditResumed: the log may be stopped, or not what its checkpoints say */
} audit_options;

typedef struct audit_record audit_record_t;
struct audit_record {
    completion_t done; /* first; run is set by the caller */
    mailbox_t *mailbox;
    buf_t line;     /* one JSON object, no newline or control character; the caller's, left alone until completion */
    p11kms_err err; /* OK: durable. AUDIT: not in the log, or not known to be: do not release. */
    int64_t submitted_us;
    bool resumes;         /* the record of an operator's decision: it ends a stop, in a new segment */
    audit_record_t *link; /* private */
};

/**
 * Takes the folder's lock. A torn last line (no newline) left by a crash is cut off
 * and kept beside the log in "torn-NNNN". Old segments may have been moved away.
 *
 * Where there are checkpoints, the segments are held against them from the beginning of the newest on.
 *
 * @retval P11KMS_E_AUDIT     Not writable, locked by another process, a segment missing in the middle, stopped,
 *         or not what a checkpoint says; detail says what to do.
 * @retval P11KMS_E_CONFLICT  To be resumed, and there is nothing wrong.
 */
MUST_USE p11kms_err audit_open(const audit_options *options, audit_t **ret);
/** Writes what waits, then closes. Returns within bound_ms and a second even when the disk hangs. */
void audit_close(audit_t *audit);
DEFINE_CLEANUP(audit_t *, audit, audit_close);

/**
 * Never blocks. Completes through record->mailbox within bound_ms even when the
 * disk hangs: the caller gets P11KMS_E_AUDIT then, and the log holds nothing of the
 * record any more (its line is copied here). Thread-safe.
 */
void audit_submit(audit_t *audit, audit_record_t *record);
/** Submit and wait; for start-up and worker threads. */
MUST_USE p11kms_err audit_append(audit_t *audit, slice_t line);
/** The same with a record that resumes: for a log opened to be resumed. */
MUST_USE p11kms_err audit_append_resumed(audit_t *audit, slice_t line);

/** What signs checkpoints. */
typedef struct {
    const char *origin; /* the log's name, and the key's: note.h; copied */
    slice_t spki;       /* the public key, DER: Ed25519 or P-256 */
    /** Ed25519: 64 bytes over @p text; P-256: ECDSA with SHA-256, DER. May block: it is called on a thread of its own. */
    p11kms_err (*sign)(void *arg, slice_t text, buf_t *signature);
    void *arg;
    const char *region; /* of a record that is made here; NULL: none */
    /** Remember what was signed, before it is anywhere in the folder; may block as well; NULL: nobody does. */
    void (*remember)(void *arg, uint64_t size, const uint8_t root[SHA256_LEN]);
    /** What was remembered last, outside the log's folder; size 0: nothing. */
    uint64_t signed_size;
    uint8_t signed_root[SHA256_LEN];
} audit_signer;
/**
 * From now on there are checkpoints; the tree of a log that never had one is made here, from all its segments.
 * Where the log goes on from a decision that no checkpoint covers yet (AuditResumed: whoever has the disk can write
 * one), the record AuditContinued comes first: what had been signed before, and whether all of it is still there.
 *
 * @retval P11KMS_E_AUDIT  Also: the log does not go on from what was signed last, and no operator has decided so; it
 *                         is stopped then.
 * @retval P11KMS_E_AUDIT, P11KMS_E_SYNTAX (origin), P11KMS_E_UNSUPPORTED (key)
 */
MUST_USE p11kms_err audit_sign_with(audit_t *audit, const audit_signer *signer);
/**
 * From now on checkpoints go to witnesses, and what they cosign is kept with them. After audit_sign_with().
 *
 * @param post  As of witness_calls. @retval those of witnesses_start()
 */
MUST_USE p11kms_err audit_witness_with(audit_t *audit, const witness_at *at, size_t n, witness_post post);
/** @return how many witnesses there are */
size_t audit_get_witnesses(const audit_t *audit, witness_stats ret[WITNESSES_MAX]);
/** The last checkpoint, before the signer goes; waits for it as long at most, and for witnesses as long again. */
void audit_finish(audit_t *audit, unsigned wait_ms);

/** Its files were tampered with while it was written: no record is taken until one that resumes. */
bool audit_stopped(const audit_t *audit);
/**
 * serviceEventDetails of the record AuditResumed: who decided what because of what, and the tree that it goes
 * on from, which a start without newer checkpoints reads there. Appends a JSON object.
 */
void audit_resume_details(const audit_t *audit, const char *because, const char *by, buf_t *out);

/** The last append succeeded, or none has failed yet, and the log is not stopped. */
bool audit_healthy(const audit_t *audit);
/** Why not; "" when healthy. */
void audit_problem(const audit_t *audit, char *out, size_t size);

/**
 * Whether the newest @p max_bytes of the log hold a record whose line contains
 * `"eventID":"ID"`; for the outbox after a crash.
 */
MUST_USE p11kms_err audit_contains(audit_t *audit, const char *event_id, uint64_t max_bytes, bool *ret);

typedef struct {
    uint64_t records;
    uint64_t commits; /* records / commits is the group size */
    uint64_t failures;
    uint64_t bytes;
    unsigned waiting;
    uint64_t commit_us_total;
    uint64_t tree_size;        /* leaves */
    uint64_t unsigned_records; /* since the last checkpoint */
    uint64_t checkpoints;      /* made by this process */
    uint64_t checkpoint_failures;
    int64_t checkpoint_age_us; /* of the last one; -1: there is none */
} audit_stats;
audit_stats audit_get_stats(const audit_t *audit);

typedef struct {
    uint64_t free_bytes; /* where the log is, for this process */
    uint64_t reserve_bytes; /* audit_options.reserve, or 5 % of the file system where that is less */
    bool low;            /* less is free */
} audit_space;
/** As it was when last looked at, a second ago or when last asked for. Never blocks. */
audit_space audit_get_space(const audit_t *audit);

#define AUDIT_REASON 512
/** A log from outside, where another process may be writing it. */
typedef struct {
    uint64_t first, last; /* numbers of the oldest and the newest segment; 0: there is none */
    uint64_t missing;     /* the lowest number missing between them, which no operator has decided to do without */
    uint64_t bytes;
    uint64_t records;     /* under the newest checkpoint */
    bool checkpoint;      /* there is one */
    char stopped[AUDIT_REASON]; /* why the log is; "": it is not */
    bool in_use; /* another process writes it */
    bool torn;   /* the newest ends within a line, which the next start will cut off; not told while in use */
} audit_look;
/** Changes nothing. @retval P11KMS_E_NOT_FOUND (there is no such folder), P11KMS_E_AUDIT */
MUST_USE p11kms_err audit_inspect(const char *dir, audit_look *ret);
