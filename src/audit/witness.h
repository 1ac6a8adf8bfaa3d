/*
 * room: audit. Asking C2SP witnesses (c2sp.org/tlog-witness) to cosign checkpoints, so that the log cannot show
 * two histories. Rounds: the newest checkpoint goes to all of them at once, a thread
 * each, and what they gave comes back as one note; the next round has the checkpoint
 * that is the newest then. Nothing waits for it.
 */
#pragma once

#include "util/bytes.h"

#define WITNESSES_MAX 16
#define WITNESS_ANSWER_MAX (16u * 1024)

typedef struct witnesses witnesses_t;

typedef struct {
    const char *url;     /* the submission prefix */
    const char *vkey;    /* of type 4 */
    const char *ca_file; /* as post takes it; may be NULL */
} witness_at;

/**
 * POST @p body to @p url, which @p ca_file vouches for; on a thread of a witness, perhaps still after
 * witnesses_stop(). Bounded in time and in what it takes.
 *
 * @param[out] ret_answer  Appended.
 */
typedef p11kms_err (*witness_post)(const char *url, const char *ca_file, slice_t body, int *ret_status,
                                   buf_t *ret_answer);

typedef struct {
    witness_post post;
    /** A note with the cosignatures of a round behind its own signatures; on a thread of a witness, not for long. */
    void (*cosigned)(void *arg, slice_t note);
    void *arg;
} witness_calls;

/**
 * @param folder  Of the log, whose tiles the proofs are made of; borrowed.
 * @retval P11KMS_E_SYNTAX, P11KMS_E_UNSUPPORTED, P11KMS_E_CRYPTO  A key is none of a witness; detail says which.
 * @retval P11KMS_E_LIMIT  More than WITNESSES_MAX.
 */
MUST_USE p11kms_err witnesses_start(int folder, const witness_at *at, size_t n, const witness_calls *calls,
                                    witnesses_t **ret);
/**
 * What was offered is still asked for, but not for longer than @p wait_ms. NULL is fine.
 *
 * @return false when requests are still under way: they are left to themselves, and nothing comes back of them.
 */
bool witnesses_stop(witnesses_t *witnesses, unsigned wait_ms);

/** The newest checkpoint. Its tiles are on disk. Never blocks. */
void witnesses_offer(witnesses_t *witnesses, slice_t note);

typedef struct {
    const char *name; /* of the key; as long as witnesses_t */
    uint64_t cosigned;
    uint64_t failures;
    uint64_t size; /* of the checkpoint cosigned last */
} witness_stats;
/** @return how many */
size_t witnesses_get_stats(witnesses_t *witnesses, witness_stats ret[WITNESSES_MAX]);
