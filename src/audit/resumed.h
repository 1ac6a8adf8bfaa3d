/* The record AuditResumed: an operator's decision to go on after a stop, and from where. */
#pragma once

#include "audit/acts.h"
#include "audit/segment.h"

/** Does the segment begin with such a record? @param[out] ret  What it says; may be NULL. */
bool resumed_begins(int folder, const segment_entry *entry, act_t *ret);
