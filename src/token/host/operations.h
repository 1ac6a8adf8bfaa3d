/* What each operation of the protocol does on the token. */
#pragma once

#include "token/host/host.h"

/**
 * Carry one out, with host->objects held as it needs: shared for crypto, alone for others.
 *
 * @param out  Appended to on success alone.
 */
MUST_USE result_t operations_run(worker_t *worker, const protocol_op *op, buf_t *out);
/** Whether the operation must have the token alone. */
bool operations_alone(token_op_kind kind);
