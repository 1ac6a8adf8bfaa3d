/* room: audit. One request to one witness. */
#pragma once

#include "audit/note.h"
#include "audit/witness.h"

/** What a witness has of this log, as far as we know. */
typedef struct {
    uint64_t size;
} witness_state;

/**
 * Have @p note cosigned by the one at @p at with @p key; at most one request more when the witness has another size
 * than we thought.
 *
 * @param[out] ret_lines  Appended: its signature line, which was verified; of several the first.
 * @retval P11KMS_E_CONFLICT  It has cosigned more records than the note covers, or another tree: it saw a log that is
 *         not this one.
 * @retval P11KMS_E_DENIED    It does not know the log, or its key, or did not cosign.
 * @retval P11KMS_E_IO, P11KMS_E_TIMEOUT and others of calls->post; P11KMS_E_NOT_FOUND, P11KMS_E_AUDIT  of tiles.
 */
MUST_USE p11kms_err witness_ask(int folder, const witness_at *at, const note_key_t *key, const note_t *note,
                                const witness_calls *calls, witness_state *state, buf_t *ret_lines);
