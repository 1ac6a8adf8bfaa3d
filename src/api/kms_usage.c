/* GetKeyLastUsage: what is noted in memory and not stored yet, else what the store knows. */
#include "api/api_internal.h"

#include <string.h>

#include "util/clock.h"

static p11kms_err see_usage(void *arg, const store_key_usage *row)
{
    core_use *use = arg;

    use->at_ms = row->used;
    strncpy(use->operation, row->operation, sizeof(use->operation) - 1);
    strncpy(use->request_id, row->request_id, sizeof(use->request_id) - 1);
    strncpy(use->event_id, row->event_id, sizeof(use->event_id) - 1);
    return P11KMS_OK;
}

static p11kms_err last_use(core_t *core, store_t *store, const kms_key_t *key, core_use *ret)
{
    store_key_usage row = { .account = key->account, .region = key->region };

    if (core_kms_key_use(core, key->arn, ret)) {
        return P11KMS_OK;
    }
    memcpy(row.key_id, key->id, KMS_ID);
    p11kms_err err = store_key_usage_get(store, &row, see_usage, ret);
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

static void answer_use(jw_t *w, const core_use *use)
{
    jw_key(w, "KeyLastUsage");
    jw_object(w);
    jw_key(w, "CloudTrailEventId");
    jw_string(w, use->event_id);
    jw_key(w, "KmsRequestId");
    jw_string(w, use->request_id);
    jw_key(w, "Operation");
    jw_string(w, use->operation);
    jw_key(w, "Timestamp");
    jw_epoch(w, use->at_ms);
    jw_end(w);
}

static p11kms_err answer_usage(op_t *op, store_t *store)
{
    const request_t *request = op->act;
    const kms_key_t *key = request->key;
    int64_t since = kms_usage_since(request->kms);
    core_use use = { 0 };

    TRY(last_use(op->core, store, key, &use));
    jw_t w = answer_begin(op);
    jw_key(&w, "KeyCreationDate");
    jw_epoch(&w, key->created);
    answer_key_arn(&w, key);
    if (use.at_ms) {
        answer_use(&w, &use);
    }
    jw_key(&w, "TrackingStartDate");
    jw_epoch(&w, key->created > since ? key->created : since);
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_key_last_usage(op_t *op)
{
    request_begin(op);
    p11kms_err err = request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_READ);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    op_prepare(op, answer_usage, op_settle); /* reads; the worker has the store */
}
