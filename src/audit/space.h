/*
 * room: audit. How much is free where the log is, looked at by a thread of its own:
 * a file system that hangs must not keep who asks.
 */
#pragma once

#include "audit/audit.h"
#include "audit/segment.h"

typedef struct space space_t;

/**
 * Looks once before it returns.
 *
 * @param folder   Duplicated.
 * @param reserve  As audit_options.reserve.
 */
MUST_USE p11kms_err space_start(int folder, const segment_io *io, uint64_t reserve, space_t **ret);
/** Does not wait for a look that hangs. NULL is fine. */
void space_stop(space_t *space);

/** As it was when last looked at; what is older than a second is looked at anew, for the next who asks. */
audit_space space_seen(space_t *space);
