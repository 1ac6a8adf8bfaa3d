/* One thread's session, and how it comes back after an error. */
#pragma once

#include "token/host/host.h"

MUST_USE result_t worker_open(worker_t *worker, host_t *host);
/**
 * After any error the session is replaced. Then, by what the error says, the token is
 * called lost, or the operation's own, or is worth one more try.
 *
 * @param key_id  The key used, or NULL; its handle is searched again where it went stale.
 * @return P11KMS_OK: try once more; P11KMS_E_TOKEN: the error stands; P11KMS_E_TOKEN_NO_KEY;
 *         P11KMS_E_TOKEN_LOST, with a detail.
 * The caller holds no lock.
 */
MUST_USE result_t worker_recover(worker_t *worker, CK_RV rv, const uint8_t *key_id);
/** As worker_recover(), but there will be no further try: a token that still works keeps the error. */
MUST_USE result_t worker_give_up(worker_t *worker, CK_RV rv);
/** Take host->objects for writing; false, soon, while a pair is being made. Not for the thread that makes pairs. */
MUST_USE bool worker_take_alone(host_t *host);
/** This thread gets a tenth of a processor that others want: private keys cost a hundred times a PRF. For good. */
void worker_step_back(void);
