#include "token/host/worker.h"

#include <poll.h>
#include <sys/resource.h>

#include "token/host/keys.h"
#include "token/host/module.h"
#include "token/host/prf.h"

#define ALONE_TRIES 50
#define ALONE_PAUSE_MS 2
#define STEP_BACK_NICE 10 /* measured: docs/token.md; more would starve who holds host->objects meanwhile */

static result_t lost(CK_RV rv)
{
    return (result_t){ p11kms_fail(P11KMS_E_TOKEN_LOST, "the token is lost: %s", token_ckr_name(rv)), rv };
}

result_t worker_open(worker_t *worker, host_t *host)
{
    CK_RV rv;

    worker->host = host;
    pthread_rwlock_rdlock(&host->objects);
    rv = module_open_session(host, &worker->session);
    pthread_rwlock_unlock(&host->objects);
    return rv == CKR_OK ? RESULT_OK : lost(rv);
}

static result_t replace_session(worker_t *worker)
{
    pthread_rwlock_rdlock(&worker->host->objects);
    (void)worker->host->module->C_CloseSession(worker->session);
    pthread_rwlock_unlock(&worker->host->objects);
    return worker_open(worker, worker->host);
}

/*
 * A writer that waits holds up every reader, and a pair in the making is a reader for seconds: whoever
 * would wait for it does without.
 */
bool worker_take_alone(host_t *host)
{
    for (int i = 0; i < ALONE_TRIES && __atomic_load_n(&host->making, __ATOMIC_SEQ_CST); i++) {
        if (pthread_rwlock_trywrlock(&host->objects) == 0) {
            return true;
        }
        poll(NULL, 0, ALONE_PAUSE_MS);
    }
    if (__atomic_load_n(&host->making, __ATOMIC_SEQ_CST)) {
        return false;
    }
    pthread_rwlock_wrlock(&host->objects);
    return true;
}

static bool still_works(worker_t *worker)
{
    bool works;

    pthread_rwlock_rdlock(&worker->host->objects);
    works = module_logged_in(worker->host) && prf_known_answer(worker->host, worker->session);
    pthread_rwlock_unlock(&worker->host->objects);
    return works;
}

static result_t find_again(worker_t *worker, const uint8_t *key_id, CK_RV rv)
{
    result_t result;

    if (!worker_take_alone(worker->host)) {
        return (result_t){ P11KMS_E_TOKEN, rv };
    }
    result = keys_find_again(worker->host, worker->session, key_id);
    pthread_rwlock_unlock(&worker->host->objects);
    return result;
}

result_t worker_recover(worker_t *worker, CK_RV rv, const uint8_t *key_id)
{
    ckr_class class = ckr_classify(rv);
    result_t result;

    if (class == CKR_CLASS_GONE) {
        return lost(rv);
    }
    result = replace_session(worker);
    if (result.err != P11KMS_OK) {
        return result;
    }
    if (class == CKR_CLASS_REFUSED || class == CKR_CLASS_PIN) {
        return (result_t){ P11KMS_E_TOKEN, rv };
    }
    if (!still_works(worker)) {
        return lost(rv);
    }
    return class == CKR_CLASS_HANDLE && key_id != NULL ? find_again(worker, key_id, rv) : RESULT_OK;
}

result_t worker_give_up(worker_t *worker, CK_RV rv)
{
    result_t result = worker_recover(worker, rv, NULL);

    return result.err == P11KMS_OK ? (result_t){ P11KMS_E_TOKEN, rv } : result;
}

void worker_step_back(void)
{
    (void)setpriority(PRIO_PROCESS, 0, STEP_BACK_NICE); /* on Linux, of the calling thread */
}
