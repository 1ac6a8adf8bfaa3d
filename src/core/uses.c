#include "core/uses.h"

#include <pthread.h>
#include <string.h>

#include "util/clock.h"
#include "util/map.h"

#define STORE_EVERY_US INT64_C(60000000)

typedef struct {
    char id[USES_ID_MAX];
    core_use use;
} noted_t;

struct uses {
    pthread_mutex_t lock;
    uses_writer write;
    map_t *noted; /* id -> noted_t; of what exists, so it is bounded as that is */
    int64_t stored_us;
};

p11kms_err uses_new(uses_writer write, uses_t **ret)
{
    uses_t *uses = calloc(1, sizeof(*uses));

    ENSURE(uses, P11KMS_E_NOMEM);
    p11kms_err err = map_new(&uses->noted);
    if (err != P11KMS_OK) {
        free(uses);
        return err;
    }
    pthread_mutex_init(&uses->lock, NULL);
    uses->write = write;
    uses->stored_us = clock_mono_us();
    *ret = uses;
    return P11KMS_OK;
}

void uses_free(uses_t *uses)
{
    if (!uses) {
        return;
    }
    map_free(uses->noted, free);
    pthread_mutex_destroy(&uses->lock);
    free(uses);
}

static noted_t *note_new(uses_t *uses, const char *id)
{
    noted_t *noted = calloc(1, sizeof(*noted));

    if (noted) {
        memcpy(noted->id, id, strnlen(id, sizeof(noted->id) - 1));
        if (map_put(uses->noted, SLICE_STR(id), noted, NULL) != P11KMS_OK) {
            free(noted);
            noted = NULL;
        }
    }
    return noted;
}

/* The lock is held. An older use leaves a newer one alone. */
static void note(uses_t *uses, const char *id, const core_use *use)
{
    noted_t *noted = map_get(uses->noted, SLICE_STR(id));

    noted = noted ? noted : note_new(uses, id);
    if (noted && use->at_ms >= noted->use.at_ms) {
        noted->use = *use;
    }
}

void uses_note(uses_t *uses, const char *id, const core_use *use)
{
    pthread_mutex_lock(&uses->lock);
    note(uses, id, use);
    pthread_mutex_unlock(&uses->lock);
}

bool uses_get(uses_t *uses, const char *id, core_use *ret)
{
    pthread_mutex_lock(&uses->lock);
    const noted_t *noted = map_get(uses->noted, SLICE_STR(id));
    if (noted) {
        *ret = noted->use;
    }
    pthread_mutex_unlock(&uses->lock);
    return noted != NULL;
}

p11kms_err uses_write_access_key(store_t *store, const char *id, const core_use *use)
{
    const store_access_key row = {
        .id = id, .last_used = use->at_ms, .last_service = use->service, .last_region = use->region
    };
    p11kms_err err = store_access_key_used(store, &row);

    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

p11kms_err uses_write_kms_key(store_t *store, const char *id, const core_use *use)
{
    store_key_usage row = {
        .account = use->account,
        .region = use->region,
        .used = use->at_ms,
        .operation = use->operation,
        .request_id = use->request_id,
        .event_id = use->event_id,
    };

    (void)id;
    memcpy(row.key_id, use->key_id, sizeof(row.key_id));
    return store_key_usage_put(store, &row);
}

static p11kms_err store_all(const uses_t *uses, const map_t *noted, store_t *store)
{
    size_t pos = 0;
    slice_t id;
    void *value;

    while (map_next(noted, &pos, &id, &value)) {
        const noted_t *one = value;

        TRY(uses->write(store, one->id, &one->use));
    }
    return P11KMS_OK;
}

static void note_again(uses_t *uses, const map_t *noted)
{
    size_t pos = 0;
    slice_t id;
    void *value;

    pthread_mutex_lock(&uses->lock);
    while (map_next(noted, &pos, &id, &value)) {
        note(uses, ((noted_t *)value)->id, &((noted_t *)value)->use);
    }
    pthread_mutex_unlock(&uses->lock);
}

p11kms_err uses_store(uses_t *uses, store_t *store)
{
    map_t *fresh = NULL;

    TRY(map_new(&fresh));
    pthread_mutex_lock(&uses->lock);
    map_t *noted = uses->noted;
    uses->noted = fresh;
    uses->stored_us = clock_mono_us();
    pthread_mutex_unlock(&uses->lock);
    p11kms_err err = store_all(uses, noted, store);
    if (err != P11KMS_OK) {
        note_again(uses, noted);
    }
    map_free(noted, free);
    return err;
}

bool uses_due(uses_t *uses, int64_t mono_us)
{
    pthread_mutex_lock(&uses->lock);
    bool due = map_size(uses->noted) > 0 && mono_us - uses->stored_us >= STORE_EVERY_US;
    pthread_mutex_unlock(&uses->lock);
    return due;
}
