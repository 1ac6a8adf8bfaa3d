#include "store/migrations.h"

/*
 * Times are ms since the epoch. Ids are 16 bytes. Rows that belong to a key go
 * with it. outbox.place keeps the order in which records were put there.
 */
static const char version_1[] =
    "CREATE TABLE meta ("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  value BLOB NOT NULL);"

    "CREATE TABLE kms_key ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  id BLOB NOT NULL,"
    "  spec TEXT NOT NULL,"
    "  key_usage TEXT NOT NULL,"
    "  origin TEXT NOT NULL,"
    "  state TEXT NOT NULL,"
    "  token TEXT NOT NULL,"
    "  description TEXT NOT NULL,"
    "  policy TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  deletion_at INTEGER NOT NULL,"
    "  rotation_days INTEGER NOT NULL,"
    "  rotation_next INTEGER NOT NULL,"
    "  current_material BLOB NOT NULL,"
    "  PRIMARY KEY (account, region, id));"

    "CREATE TABLE key_material ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  id BLOB NOT NULL,"
    "  key_id BLOB NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  token TEXT NOT NULL,"
    "  scheme TEXT NOT NULL,"
    "  cause TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  PRIMARY KEY (account, region, id),"
    "  UNIQUE (account, region, key_id, version),"
    "  FOREIGN KEY (account, region, key_id) REFERENCES kms_key (account, region, id) ON DELETE CASCADE);"

    "CREATE TABLE intent ("
    "  material_id BLOB NOT NULL PRIMARY KEY,"
    "  token TEXT NOT NULL,"
    "  created INTEGER NOT NULL);"

    "CREATE TABLE alias ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  key_id BLOB NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  updated INTEGER NOT NULL,"
    "  PRIMARY KEY (account, region, name),"
    "  FOREIGN KEY (account, region, key_id) REFERENCES kms_key (account, region, id) ON DELETE CASCADE);"
    "CREATE INDEX alias_by_key ON alias (account, region, key_id);"

    "CREATE TABLE key_tag ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  key_id BLOB NOT NULL,"
    "  name TEXT NOT NULL,"
    "  value TEXT NOT NULL,"
    "  PRIMARY KEY (account, region, key_id, name),"
    "  FOREIGN KEY (account, region, key_id) REFERENCES kms_key (account, region, id) ON DELETE CASCADE);"

    "CREATE TABLE access_key ("
    "  id TEXT NOT NULL PRIMARY KEY,"
    "  account TEXT NOT NULL,"
    "  user_name TEXT NOT NULL,"
    "  sealed BLOB NOT NULL,"
    "  active INTEGER NOT NULL,"
    "  created INTEGER NOT NULL);"

    "CREATE TABLE outbox ("
    "  event_id TEXT NOT NULL PRIMARY KEY,"
    "  place INTEGER NOT NULL UNIQUE,"
    "  record BLOB NOT NULL);";

static const char version_2[] =
    "CREATE TABLE revocation ("
    "  account TEXT NOT NULL,"
    "  role TEXT NOT NULL,"
    "  revoked_until INTEGER NOT NULL,"
    "  PRIMARY KEY (account, role));"

    "ALTER TABLE access_key ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE access_key ADD COLUMN last_service TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE access_key ADD COLUMN last_region TEXT NOT NULL DEFAULT '';";

/* Keys of every spec: what goes with a pair, with material that was imported, and with several Regions. */
static const char version_3[] =
    "ALTER TABLE kms_key ADD COLUMN custom_store TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE kms_key ADD COLUMN multi_region INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE kms_key ADD COLUMN primary_region TEXT NOT NULL DEFAULT '';"

    "ALTER TABLE key_material ADD COLUMN public_key BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE key_material ADD COLUMN check_value BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE key_material ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE key_material ADD COLUMN present INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE key_material ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE key_material ADD COLUMN valid_to INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE key_material ADD COLUMN description TEXT NOT NULL DEFAULT '';";

static const char version_4[] =
    "CREATE TABLE key_usage ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  key_id BLOB NOT NULL,"
    "  used INTEGER NOT NULL,"
    "  operation TEXT NOT NULL,"
    "  request_id TEXT NOT NULL,"
    "  event_id TEXT NOT NULL,"
    "  PRIMARY KEY (account, region, key_id),"
    "  FOREIGN KEY (account, region, key_id) REFERENCES kms_key (account, region, id) ON DELETE CASCADE);";

static const char version_5[] =
    "CREATE TABLE kms_grant ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  key_id BLOB NOT NULL,"
    "  id BLOB NOT NULL,"
    "  name TEXT NOT NULL,"
    "  grantee TEXT NOT NULL,"
    "  retiring TEXT NOT NULL,"
    "  issuing_account TEXT NOT NULL,"
    "  operations TEXT NOT NULL,"
    "  has_equals INTEGER NOT NULL,"
    "  context_equals BLOB NOT NULL,"
    "  context_subset BLOB NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  PRIMARY KEY (account, region, key_id, id),"
    "  FOREIGN KEY (account, region, key_id) REFERENCES kms_key (account, region, id) ON DELETE CASCADE);";

/* Keys in several Regions, and tokens as custom key stores. */
static const char version_6[] =
    "ALTER TABLE kms_key ADD COLUMN deletion_days INTEGER NOT NULL DEFAULT 0;"

    "CREATE TABLE custom_store ("
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  type TEXT NOT NULL,"
    "  token TEXT NOT NULL,"
    "  details TEXT NOT NULL,"
    "  connected INTEGER NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  PRIMARY KEY (account, region, id),"
    "  UNIQUE (account, region, name));";

/* No foreign key: an object on the token is destroyed after the key that it was made for is gone. */
static const char version_7[] =
    "CREATE TABLE import_wrapping ("
    "  id BLOB NOT NULL PRIMARY KEY,"
    "  key_id BLOB NOT NULL,"
    "  account TEXT NOT NULL,"
    "  region TEXT NOT NULL,"
    "  token TEXT NOT NULL,"
    "  algorithm TEXT NOT NULL,"
    "  spec TEXT NOT NULL,"
    "  created INTEGER NOT NULL,"
    "  valid_to INTEGER NOT NULL);";

static const char *const steps[] = {
    version_1,
    version_2,
    version_3,
    version_4,
    version_5,
    version_6,
    version_7,
};

const migrations_t migrations = { steps, COUNT_OF(steps) };

static p11kms_err version_of(const driver_t *driver, db_t *db, const migrations_t *list, unsigned *ret)
{
    unsigned version = 0;

    TRY(driver->version(db, &version));
    if (version > list->count) {
        FAIL(P11KMS_E_STORE_NEWER,
             "the store has schema version %u, this program knows versions up to %u: start the newer program "
             "that "
             "wrote it, or restore a backup made by this one",
             version, list->count);
    }
    *ret = version;
    return P11KMS_OK;
}

p11kms_err migrations_check(const driver_t *driver, db_t *db, const migrations_t *list)
{
    unsigned version = 0;

    TRY(version_of(driver, db, list, &version));
    if (version < list->count) {
        FAIL(P11KMS_E_STORE,
             "the store has schema version %u, this program reads version %u: start p11kmsd on it once",
             version, list->count);
    }
    return P11KMS_OK;
}

/** The next step, if any is left: the version is read again where no other writer can move it. */
static p11kms_err next_step(const driver_t *driver, db_t *db, const migrations_t *list, unsigned *version)
{
    TRY(version_of(driver, db, list, version));
    if (*version == list->count) {
        return P11KMS_OK;
    }
    TRY(driver->script(db, list->steps[*version]));
    *version += 1;
    return driver->set_version(db, *version);
}

p11kms_err migrations_run(const driver_t *driver, db_t *db, const migrations_t *list)
{
    unsigned version = 0;

    TRY(version_of(driver, db, list, &version));
    while (version < list->count) {
        p11kms_err err;

        TRY(driver->begin(db));
        err = next_step(driver, db, list, &version);
        if (err != P11KMS_OK) {
            driver->rollback(db);
            return err;
        }
        TRY(driver->commit(db));
    }
    return P11KMS_OK;
}
