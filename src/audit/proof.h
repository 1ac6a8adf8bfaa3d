/*
 * Proofs over the tree, RFC 9162 2.1.3 and 2.1.4 (RFC 6962 2.1.1 and 2.1.2 the same): that a
 * record is in it, and that one tree begins with another. Made from hashes of
 * perfect subtrees, checked with roots alone.
 */
#pragma once

#include "audit/merkle.h"

#define PROOF_MAX 64 /* a tree of 2^63 leaves: 63 of a record, 64 between two trees */

typedef struct {
    merkle_hash hash[PROOF_MAX];
    size_t n;
} proof_t;

/** The root over leaves index * 2^level to (index + 1) * 2^level - 1; tiles_hash() is one. */
typedef p11kms_err (*proof_subtree)(void *arg, unsigned level, uint64_t index, merkle_hash *ret);

/** @retval P11KMS_E_RANGE  @p index is not below @p size; and what @p subtree returns. */
MUST_USE p11kms_err proof_inclusion(proof_subtree subtree, void *arg, uint64_t index, uint64_t size, proof_t *ret);
/** Of none and of the same tree the proof is empty. @retval P11KMS_E_RANGE  @p old is above @p size. */
MUST_USE p11kms_err proof_consistency(proof_subtree subtree, void *arg, uint64_t old, uint64_t size, proof_t *ret);

/** Whether @p leaf is number @p index of the tree of @p size with @p root. */
bool proof_check_inclusion(const proof_t *proof, uint64_t index, uint64_t size, const merkle_hash *leaf,
                           const merkle_hash *root);
/** Whether the tree of @p size with @p root begins with that of @p old leaves and @p old_root. */
bool proof_check_consistency(const proof_t *proof, uint64_t old, uint64_t size, const merkle_hash *old_root,
                             const merkle_hash *root);

/** A line of base64 for each hash, appended. */
void proof_put(const proof_t *proof, buf_t *out);
/** Such lines up to an empty one, which is taken too. @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err proof_take(slice_t *rest, proof_t *ret);
