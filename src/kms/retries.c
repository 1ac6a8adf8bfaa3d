#include "kms/retries.h"

#include <stdlib.h>
#include <string.h>

#include "util/map.h"

#define TIDIED_AT_ONCE 16

typedef struct {
    int64_t failed_ms;
    int64_t pause_ms;
} pause_t;

struct retries {
    map_t *pauses;
};

p11kms_err retries_new(retries_t **ret)
{
    retries_t *retries = calloc(1, sizeof(*retries));

    ENSURE(retries, P11KMS_E_NOMEM);
    p11kms_err err = map_new(&retries->pauses);
    if (err != P11KMS_OK) {
        free(retries);
        return err;
    }
    *ret = retries;
    return P11KMS_OK;
}

void retries_free(retries_t *retries)
{
    if (retries) {
        map_free(retries->pauses, free);
        free(retries);
    }
}

static p11kms_err add(retries_t *retries, slice_t name, pause_t **ret)
{
    pause_t *pause = calloc(1, sizeof(*pause));

    ENSURE(pause, P11KMS_E_NOMEM);
    p11kms_err err = map_put(retries->pauses, name, pause, NULL);
    if (err != P11KMS_OK) {
        free(pause);
        return err;
    }
    *ret = pause;
    return P11KMS_OK;
}

p11kms_err retries_failed(retries_t *retries, slice_t name, int64_t now)
{
    pause_t *pause = map_get(retries->pauses, name);

    if (!pause) {
        TRY(add(retries, name, &pause));
    }
    int64_t next = pause->pause_ms ? 2 * pause->pause_ms : RETRIES_FIRST_MS;
    pause->pause_ms = next < RETRIES_LONGEST_MS ? next : RETRIES_LONGEST_MS;
    pause->failed_ms = now;
    return P11KMS_OK;
}

void retries_succeeded(retries_t *retries, slice_t name)
{
    free(map_remove(retries->pauses, name));
}

/* A clock that was set back since then does not prolong it. */
bool retries_may(const retries_t *retries, slice_t name, int64_t now, int64_t *ret_turn)
{
    const pause_t *pause = map_get(retries->pauses, name);

    *ret_turn = pause ? pause->failed_ms + pause->pause_ms : 0;
    return now >= *ret_turn || now < pause->failed_ms;
}

static bool is_stale(const pause_t *pause, int64_t now)
{
    return now - pause->failed_ms > pause->pause_ms + RETRIES_LONGEST_MS;
}

static bool find_stale(const retries_t *retries, int64_t now, slice_t *ret)
{
    size_t pos = 0;
    void *value;

    while (map_next(retries->pauses, &pos, ret, &value)) {
        if (is_stale(value, now)) {
            return true;
        }
    }
    return false;
}

void retries_tidy(retries_t *retries, int64_t now)
{
    slice_t name;

    for (int i = 0; i < TIDIED_AT_ONCE && find_stale(retries, now, &name); i++) {
        free(map_remove(retries->pauses, name));
    }
}
