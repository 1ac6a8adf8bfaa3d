/* When access keys and KMS keys were last used: noted by the loop, stored by the worker from time to time. */
#pragma once

#include "core/op.h"

typedef struct uses uses_t;

#define USES_ID_MAX 192 /* an access key's id, a KMS key's ARN */

/** Writes one use, in the transaction under way. What is not in the store (any longer) does not matter. */
typedef p11kms_err (*uses_writer)(store_t *store, const char *id, const core_use *use);
p11kms_err uses_write_access_key(store_t *store, const char *id, const core_use *use);
p11kms_err uses_write_kms_key(store_t *store, const char *id, const core_use *use);

MUST_USE p11kms_err uses_new(uses_writer write, uses_t **ret);
void uses_free(uses_t *uses);

/** Cannot fail: without memory the use is forgotten. */
void uses_note(uses_t *uses, const char *id, const core_use *use);
/** What is noted and not stored yet. False: nothing. */
bool uses_get(uses_t *uses, const char *id, core_use *ret);
/** Store what is noted, in the transaction under way; on failure it stays noted. */
MUST_USE p11kms_err uses_store(uses_t *uses, store_t *store);
/** Something was noted, and nothing was stored in the last minute. */
bool uses_due(uses_t *uses, int64_t mono_us);
