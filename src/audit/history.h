/*
 * The tree at a start: from the tiles up to where the newest segment with
 * checkpoints begins, and from its records on. Every checkpoint on the way must
 * agree; what does not is a reason to refuse the start, told exactly.
 */
#pragma once

#include "audit/ledger.h"
#include "audit/segment.h"
#include "audit/tree.h"

#define AUDIT_RESUME_HINT                                                                                    \
    "; bring the files back from a copy, or go on without them: p11kms audit resume --because \"...\""

typedef struct {
    segment_entry *entries;
    size_t count;
    size_t base;    /* the newest entry that has notes */
    ledger_t notes; /* its own; none where only `resumed` tells anything */
    size_t
        resumed;   /* a newer one, without notes, that begins with an operator's decision; count: none does */
    noted_t stood; /* the tree before that, as the decision says */
} history_t;

/**
 * What the folder tells.
 *
 * @param[out] ret  Free with history_free().
 * @retval P11KMS_E_NOT_FOUND  No checkpoint was ever written.
 * @retval P11KMS_E_AUDIT      Files contradict each other, or cannot be read.
 */
MUST_USE p11kms_err history_read(int folder, history_t *ret);
void history_free(history_t *history);
#define _cleanup_history_ __attribute__((cleanup(history_free)))
/** NULL: no checkpoint can be read, but an operator has decided. */
const noted_t *history_newest(const history_t *history);

/**
 * Bring @p tree up to the end of the segments, checking each checkpoint on the way.
 *
 * @param limit  Leaves behind this many are left out.
 */
MUST_USE p11kms_err history_replay(int folder, const history_t *history, uint64_t limit, log_tree_t *tree);
/** What @p note says, by the tiles alone: for a log whose segments do not say it any more. */
MUST_USE p11kms_err history_trust(int folder, const noted_t *note, log_tree_t *tree);
/** A log from before there were checkpoints: all segments from the first one that is here. */
MUST_USE p11kms_err history_begin(int folder, log_tree_t *tree);
