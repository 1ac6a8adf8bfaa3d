/* Witnesses of the audit log: the requests to them, and what the monitor tells of them. */
#pragma once

#include "audit/audit.h"
#include "daemon/service.h"

/** Those of the configuration, from now on; audit_finish() ends it. */
MUST_USE p11kms_err cosigners_start(service_t *s);
/** For /metrics. @param quorum  How many make a checkpoint witnessed. */
void cosigners_metrics(const audit_t *audit, unsigned quorum, buf_t *out);
