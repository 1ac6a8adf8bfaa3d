/* When access keys were last used: noted by the loop, stored by the worker from time to time. */
#pragma once

#include "core/op.h"

typedef struct uses uses_t;

MUST_USE p11kms_err uses_new(uses_t **ret);
void uses_free(uses_t *uses);

/** Cannot fail: without memory the use is forgotten. */
void uses_note(uses_t *uses, const char *key_id, const core_use *use);
/** What is noted and not stored yet. False: nothing. */
bool uses_get(uses_t *uses, const char *key_id, core_use *ret);
/** Store what is noted, in the transaction under way; on failure it stays noted. Keys not in the store: no matter. */
MUST_USE p11kms_err uses_store(uses_t *uses, store_t *store);
/** Something was noted, and nothing was stored in the last minute. */
bool uses_due(uses_t *uses, int64_t mono_us);
