/*
 * The thread that makes checkpoints: of what the tree has, so often that few
 * records are without one, and at each segment's end. It waits for the signer,
 * the tree and the writer never for it.
 */
#pragma once

#include "audit/audit.h"
#include "audit/guard.h"
#include "audit/history.h"

typedef struct notary notary_t;

typedef struct {
    uint64_t records; /* a checkpoint is made when so many are without one */
    unsigned seconds; /* and after this time when there is any */
    bool append_flag;
} notary_limits;

/** Where to go on: after a start; zero where no checkpoint was ever made. */
typedef struct {
    const noted_t *last;   /* the newest one */
    const ledger_t *notes; /* of the file that is carried on; NULL: a new one is begun */
    uint64_t number;       /* its segment */
} notary_history;

/** @param tree, guard  Borrowed; the guard is told of the notes' file. */
MUST_USE p11kms_err notary_start(int folder, log_tree_t *tree, guard_t *guard, const notary_history *history,
                                 notary_limits limits, notary_t **ret);
/** From now on checkpoints are signed. @retval P11KMS_E_NOMEM, those of note_key_new() */
MUST_USE p11kms_err notary_sign_with(notary_t *notary, const audit_signer *signer);
/** Each checkpoint that is new in `checkpoint`, on the notary's thread and under its lock. NULL: no more. */
void notary_tell(notary_t *notary, void (*made)(void *arg, slice_t note), void *arg);
/** Keep a checkpoint's note with cosignatures beside it; copied. More than a few that wait are dropped. */
void notary_cosigned(notary_t *notary, slice_t note);
/** The tree has grown, or a segment has ended. Costs two loads. */
void notary_look(notary_t *notary);
/** One more checkpoint where it has something to say; then no more. Waits at most @p wait_ms for the signer.
 */
void notary_finish(notary_t *notary, unsigned wait_ms);
/** While the log is stopped nothing is written. */
void notary_pause(notary_t *notary);
/** It goes on with segment @p number; what is owed to those before it is forgotten. */
void notary_resume(notary_t *notary, uint64_t number);
/** Does not wait for a signer that hangs: the thread cleans up when it comes back. @return whether it has
 * ended. */
bool notary_stop(notary_t *notary);
void notary_count(notary_t *notary, audit_stats *ret);
