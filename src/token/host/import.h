/* RSA-OAEP for DECRYPT, and what IMPORT does with it. */
#pragma once

#include "token/host/worker.h"

/**
 * Open @p in with the RSA key @p id; shared. Every ciphertext that does not open yields CIPHERTEXT, or an error
 * for private_means_invalid().
 *
 * @param[out] out  PRIVATE_OUT_MAX bytes of room.
 */
MUST_USE result_t import_open(worker_t *worker, const uint8_t *id, token_mechanism mechanism, slice_t in, uint8_t *out,
                              size_t *ret_len);
/** TOKEN_OP_IMPORT; @p out gets the SPKI of a pair. The caller holds no lock. */
MUST_USE result_t import_run(worker_t *worker, const protocol_op *op, buf_t *out);
