/* Private keys of ours: made on the token, known by their attributes, and with a public key that is theirs. */
#pragma once

#include "token/host/keys.h"
#include "token/host/private.h"
#include "token/host/template.h"
#include "token/host/worker.h"

/** What the key is; read from the token at its first use. Shared. NULL: no private key of ours that can be used. */
const host_pair *pairs_get(const host_t *host, CK_SESSION_HANDLE session, host_key *key);
/** The SPKI of a public key object just made. */
MUST_USE CK_RV pairs_read_public(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                 token_key_type type, buf_t *ret_spki);
/** The private key does what it is for, and its result fits the public one. */
bool pairs_belong(const private_key *key, token_key_use use, slice_t spki);
/** What is sealed for the public key with OAEP opens. */
bool pairs_opens(const private_key *key, token_mechanism mechanism, slice_t spki);
/** A pair just made; public is CK_INVALID_HANDLE where it is no token object. */
typedef struct {
    CK_OBJECT_HANDLE public;
    CK_OBJECT_HANDLE private;
} pair_handles;

/**
 * A private key just made on the token becomes one of ours: attributes, public key and handle are checked,
 * and it is destroyed where they are wrong. Alone.
 */
MUST_USE result_t pairs_settle(worker_t *worker, const template_key *key, token_key_use use,
                               const pair_handles *handles, slice_t spki);
/** TOKEN_OP_GENERATE of a pair; @p out gets the SPKI. The caller holds no lock. */
MUST_USE result_t pairs_generate(worker_t *worker, const protocol_op *op, buf_t *out);
