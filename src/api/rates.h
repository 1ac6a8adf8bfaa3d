/*
 * Which limits a request counts by: that of all requests, one of its operation, and one it shares
 * with other cryptographic operations on keys of its kind (AWS KMS Developer Guide, "Request quotas").
 */
#pragma once

#include "conf/conf.h"
#include "core/op.h"
#include "kms/key.h"

/** The kind of cryptographic operation a row is, for op_row_t.rate. */
unsigned rates_kind(const op_row_t *row);

/** Right after authentication. @retval P11KMS_E_THROTTLED */
MUST_USE p11kms_err rates_check(op_t *op);
/** Once the key of a cryptographic operation is known, where its kind of key decides. @retval P11KMS_E_THROTTLED */
MUST_USE p11kms_err rates_check_key(op_t *op, const kms_key_t *key);
