/* Copies of the audit log, as the configuration asks for them. */
#pragma once

#include "audit/copies.h"
#include "daemon/service.h"

MUST_USE p11kms_err outlets_start(service_t *s);
void outlets_stop(service_t *s);
/** Once a second: what was dropped is told once in a while. */
void outlets_tick(service_t *s);
/** For /metrics; NULL: there are none. */
void outlets_metrics(copies_t *copies, buf_t *out);
