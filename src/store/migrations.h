/* The schema, as the numbered steps that lead to it. */
#pragma once

#include "store/driver.h"
#include "store/store.h"

/** Step i (from 0) makes version i + 1 out of version i. A step that was released never changes. */
typedef struct {
    const char *const *steps;
    unsigned count;
} migrations_t;

extern const migrations_t migrations;

/**
 * Bring @p db to the last version, each step in a transaction of its own, so that
 * a crash leaves one version or the next.
 *
 * @retval P11KMS_E_STORE_NEWER  The database is past the last step.
 */
MUST_USE p11kms_err migrations_run(const driver_t *driver, db_t *db, const migrations_t *list);
/** The database is at the last version already. @retval P11KMS_E_STORE_NEWER, P11KMS_E_STORE (older) */
MUST_USE p11kms_err migrations_check(const driver_t *driver, db_t *db, const migrations_t *list);

/** store_open() and store_open_readonly() with other steps, for their tests. */
MUST_USE p11kms_err store_open_with(const char *path, db_mode mode, const migrations_t *list, store_t **ret);
