/* What the token can do, found by doing it: mechanism lists lie. */
#pragma once

#include "token/host/host.h"

/** Set host->info.can_..., host->known and host->template_variant. Nobody else uses the token yet. */
MUST_USE p11kms_err selftest_run(host_t *host);
/** The part of it that is about private keys, HMAC and import. */
MUST_USE p11kms_err selftest_pairs(host_t *host);
