/* The separate listener: GET /healthz, /readyz, /metrics. Nothing here needs credentials, so nothing secret is told. */
#pragma once

#include "core/op.h"
#include "http/http.h"
#include "kms/kms.h"

typedef struct {
    core_t *core;
    kms_t *kms;
    http_t *http;
    copies_t *copies; /* of the audit log; may be NULL */
    audit_t *audit;
    unsigned witness_quorum;
} monitor_t;

/** An http_handler; @p arg is a monitor_t. */
void monitor_handle(void *arg, http_exchange_t *exchange, const message_t *message);
