/* The record AuditResumed: an operator's decision to go on after a stop, and from where. */
#pragma once

#include "audit/merkle.h"
#include "audit/segment.h"

/* What every one of them has. */
#define AUDIT_RESUMED "\"eventName\":\"AuditResumed\""

/**
 * Does the segment begin with such a record?
 *
 * @param[out] ret_size, ret_root  The tree before it, as it says; may be NULL.
 */
bool resumed_begins(int folder, const segment_entry *entry, uint64_t *ret_size, merkle_hash *ret_root);
