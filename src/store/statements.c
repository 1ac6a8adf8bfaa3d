#include "store/statements.h"

/*
 * Bounds, in bytes. AWS counts characters, of up to four bytes each in UTF-8
 * (kms.json: DescriptionType 8192, PolicyType 131072, AliasNameType 256,
 * TagKeyType 128, TagValueType 256; IAM user names 64, access key ids 128).
 */
#define WORD_MAX 64 /* specs, states, regions: names from our own tables */
#define TOKEN_MAX 255
#define DESCRIPTION_MAX (4 * 8192)
#define POLICY_MAX (4 * 131072)
#define ALIAS_MAX (4 * 256)
#define TAG_NAME_MAX (4 * 128)
#define TAG_VALUE_MAX (4 * 256)
#define USER_MAX (4 * 64)
#define ACCESS_KEY_ID_MAX 128
#define ARN_MAX 1024 /* of a role: path 512, name 64 */
#define SEALED_MAX 8192         /* a secret access key of 128 characters in an envelope takes under 400 */
#define RECORD_MAX (256 * 1024) /* the audit log's own bound */
#define META_MAX (1 << 20)
#define SPKI_MAX 1024    /* RSA-4096 takes 550 */
#define CHECK_MAX 32
#define IMPORT_TEXT_MAX (4 * 256) /* kms.json: KeyMaterialDescriptionType */
#define GRANT_NAME_MAX 256       /* kms.json: GrantNameType, ASCII alone */
#define GRANT_OPERATIONS_MAX 512 /* all 17 names together take under 300 */
#define CONTEXT_MAX 8192         /* kms/envelope.h: ENVELOPE_CONTEXT_MAX */
#define DAYS_MAX 2560 /* kms.json: RotationPeriodInDays */

#define TEXT(type, member, column, min, max)                                                                 \
    {                                                                                                        \
        column, COLUMN_TEXT, offsetof(type, member), min, max                                                \
    }
#define WORD(type, member, column) TEXT(type, member, column, 1, WORD_MAX)
#define ACCOUNT(type) TEXT(type, account, "account", 12, 12)
#define BYTES(type, member, column, min, max)                                                                \
    {                                                                                                        \
        column, COLUMN_BYTES, offsetof(type, member), min, max                                               \
    }
#define ID(type, member, column)                                                                             \
    {                                                                                                        \
        column, COLUMN_ID, offsetof(type, member), STORE_ID, STORE_ID                                        \
    }
#define TIME(type, member, column)                                                                           \
    {                                                                                                        \
        column, COLUMN_INT64, offsetof(type, member), 0, INT64_MAX                                           \
    }

static const column_t meta_columns[] = {
    BYTES(meta_row, value, "value", 0, META_MAX),
    WORD(meta_row, name, "name"),
};
static const shape_t meta = { "meta", meta_columns, 1, 1, 0 };

static const column_t key_columns[] = {
    WORD(store_key, spec, "spec"),
    WORD(store_key, usage, "key_usage"),
    WORD(store_key, origin, "origin"),
    WORD(store_key, state, "state"),
    TEXT(store_key, token, "token", 1, TOKEN_MAX),
    TEXT(store_key, description, "description", 0, DESCRIPTION_MAX),
    TEXT(store_key, policy, "policy", 0, POLICY_MAX),
    TIME(store_key, deletion_at, "deletion_at"),
    { "deletion_days", COLUMN_INT, offsetof(store_key, deletion_days), 0, DAYS_MAX },
    { "rotation_days", COLUMN_INT, offsetof(store_key, rotation_days), 0, DAYS_MAX },
    TIME(store_key, rotation_next, "rotation_next"),
    ID(store_key, current_material, "current_material"),
    TEXT(store_key, custom_store, "custom_store", 0, WORD_MAX),
    { "multi_region", COLUMN_BOOL, offsetof(store_key, multi_region), 0, 1 },
    TEXT(store_key, primary_region, "primary_region", 0, WORD_MAX),
    /* key */
    ACCOUNT(store_key),
    WORD(store_key, region, "region"),
    ID(store_key, id, "id"),
    /* fixed */
    TIME(store_key, created, "created"),
};
static const shape_t key = { "kms_key", key_columns, 15, 3, 1 };

static const column_t material_columns[] = {
    BYTES(store_material, check_value, "check_value", 0, CHECK_MAX),
    { "present", COLUMN_BOOL, offsetof(store_material, present), 0, 1 },
    { "pending", COLUMN_BOOL, offsetof(store_material, pending), 0, 1 },
    TIME(store_material, valid_to, "valid_to"),
    TEXT(store_material, description, "description", 0, IMPORT_TEXT_MAX),
    WORD(store_material, cause, "cause"),
    TIME(store_material, created, "created"),
    /* key */
    ACCOUNT(store_material),
    WORD(store_material, region, "region"),
    ID(store_material, id, "id"),
    /* fixed */
    ID(store_material, key_id, "key_id"),
    { "version", COLUMN_UNSIGNED, offsetof(store_material, number), 1, INT32_MAX },
    TEXT(store_material, token, "token", 1, TOKEN_MAX),
    WORD(store_material, scheme, "scheme"),
    BYTES(store_material, public_key, "public_key", 0, SPKI_MAX),
    { "imported", COLUMN_BOOL, offsetof(store_material, imported), 0, 1 },
};
static const shape_t material = { "key_material", material_columns, 7, 3, 6 };

static const column_t custom_columns[] = {
    TEXT(store_custom, name, "name", 1, ALIAS_MAX),
    TEXT(store_custom, details, "details", 0, DESCRIPTION_MAX),
    { "connected", COLUMN_BOOL, offsetof(store_custom, connected), 0, 1 },
    /* key */
    ACCOUNT(store_custom),
    WORD(store_custom, region, "region"),
    WORD(store_custom, id, "id"),
    /* fixed */
    WORD(store_custom, type, "type"),
    TEXT(store_custom, token, "token", 1, TOKEN_MAX),
    TIME(store_custom, created, "created"),
};
static const shape_t custom = { "custom_store", custom_columns, 3, 3, 3 };

static const column_t intent_columns[] = {
    TEXT(store_intent, token, "token", 1, TOKEN_MAX),
    TIME(store_intent, created, "created"),
    /* key */
    ID(store_intent, material_id, "material_id"),
};
static const shape_t intent = { "intent", intent_columns, 2, 1, 0 };

static const column_t wrapping_columns[] = {
    ID(store_wrapping, id, "id"),
    /* fixed */
    ID(store_wrapping, key_id, "key_id"),
    ACCOUNT(store_wrapping),
    WORD(store_wrapping, region, "region"),
    TEXT(store_wrapping, token, "token", 1, TOKEN_MAX),
    WORD(store_wrapping, algorithm, "algorithm"),
    WORD(store_wrapping, spec, "spec"),
    TIME(store_wrapping, created, "created"),
    TIME(store_wrapping, valid_to, "valid_to"),
};
static const shape_t wrapping = { "import_wrapping", wrapping_columns, 0, 1, 8 };

static const column_t alias_columns[] = {
    ID(store_alias, key_id, "key_id"),
    TIME(store_alias, updated, "updated"),
    /* key */
    ACCOUNT(store_alias),
    WORD(store_alias, region, "region"),
    TEXT(store_alias, name, "name", 1, ALIAS_MAX),
    /* fixed */
    TIME(store_alias, created, "created"),
};
static const shape_t alias = { "alias", alias_columns, 2, 3, 1 };

static const column_t tag_columns[] = {
    TEXT(store_tag, value, "value", 0, TAG_VALUE_MAX),
    /* key */
    ACCOUNT(store_tag),
    WORD(store_tag, region, "region"),
    ID(store_tag, key_id, "key_id"),
    TEXT(store_tag, name, "name", 1, TAG_NAME_MAX),
};
static const shape_t tag = { "key_tag", tag_columns, 1, 4, 0 };

static const column_t key_usage_columns[] = {
    TIME(store_key_usage, used, "used"),
    WORD(store_key_usage, operation, "operation"),
    WORD(store_key_usage, request_id, "request_id"),
    WORD(store_key_usage, event_id, "event_id"),
    /* key */
    ACCOUNT(store_key_usage),
    WORD(store_key_usage, region, "region"),
    ID(store_key_usage, key_id, "key_id"),
};
static const shape_t key_usage = { "key_usage", key_usage_columns, 4, 3, 0 };

static const column_t grant_columns[] = {
    ACCOUNT(store_grant),
    WORD(store_grant, region, "region"),
    ID(store_grant, key_id, "key_id"),
    BYTES(store_grant, id, "id", STORE_GRANT_ID, STORE_GRANT_ID),
    /* fixed */
    TEXT(store_grant, name, "name", 0, GRANT_NAME_MAX),
    TEXT(store_grant, grantee, "grantee", 1, ARN_MAX),
    TEXT(store_grant, retiring, "retiring", 0, ARN_MAX),
    TEXT(store_grant, issuing_account, "issuing_account", 12, 12),
    TEXT(store_grant, operations, "operations", 1, GRANT_OPERATIONS_MAX),
    { "has_equals", COLUMN_BOOL, offsetof(store_grant, has_equals), 0, 1 },
    BYTES(store_grant, context_equals, "context_equals", 0, CONTEXT_MAX),
    BYTES(store_grant, context_subset, "context_subset", 0, CONTEXT_MAX),
    TIME(store_grant, created, "created"),
};
static const shape_t grant = { "kms_grant", grant_columns, 0, 4, 9 };

static const column_t access_key_columns[] = {
    { "active", COLUMN_BOOL, offsetof(store_access_key, active), 0, 1 },
    /* key */
    TEXT(store_access_key, id, "id", 1, ACCESS_KEY_ID_MAX),
    /* fixed */
    ACCOUNT(store_access_key),
    TEXT(store_access_key, user, "user_name", 1, USER_MAX),
    BYTES(store_access_key, sealed, "sealed", 1, SEALED_MAX),
    TIME(store_access_key, created, "created"),
};
static const shape_t access_key = { "access_key", access_key_columns, 1, 1, 4 };

/* The same rows with their last use, which has an update of its own. */
static const column_t used_key_columns[] = {
    TIME(store_access_key, last_used, "last_used"),
    TEXT(store_access_key, last_service, "last_service", 0, WORD_MAX),
    TEXT(store_access_key, last_region, "last_region", 0, WORD_MAX),
    /* key */
    TEXT(store_access_key, id, "id", 1, ACCESS_KEY_ID_MAX),
    /* fixed */
    { "active", COLUMN_BOOL, offsetof(store_access_key, active), 0, 1 },
    ACCOUNT(store_access_key),
    TEXT(store_access_key, user, "user_name", 1, USER_MAX),
    BYTES(store_access_key, sealed, "sealed", 1, SEALED_MAX),
    TIME(store_access_key, created, "created"),
};
static const shape_t used_key = { "access_key", used_key_columns, 3, 1, 5 };

static const column_t revocation_columns[] = {
    TIME(store_revocation, until, "revoked_until"),
    /* key */
    ACCOUNT(store_revocation),
    TEXT(store_revocation, role, "role", 1, ARN_MAX),
};
static const shape_t revocation = { "revocation", revocation_columns, 1, 2, 0 };

static const column_t outbox_columns[] = {
    WORD(outbox_row, event_id, "event_id"),
    /* fixed */
    BYTES(outbox_row, record, "record", 1, RECORD_MAX),
};
static const shape_t outbox = { "outbox", outbox_columns, 0, 1, 1 };

#define KEY_COLUMNS                                                                                          \
    "spec, key_usage, origin, state, token, description, policy, deletion_at, deletion_days,"           \
    " rotation_days, rotation_next,"                                                                            \
    " current_material, custom_store, multi_region, primary_region, account, region, id, created"
#define MATERIAL_COLUMNS                                                                                     \
    "check_value, present, pending, valid_to, description, cause, created, account, region, id, key_id,"     \
    " version, token, scheme, public_key, imported"
#define CUSTOM_COLUMNS "name, details, connected, account, region, id, type, token, created"
#define WRAPPING_COLUMNS "id, key_id, account, region, token, algorithm, spec, created, valid_to"
#define ALIAS_COLUMNS "key_id, updated, account, region, name, created"
#define TAG_COLUMNS "value, account, region, key_id, name"
#define KEY_USAGE_COLUMNS "used, operation, request_id, event_id, account, region, key_id"
#define GRANT_COLUMNS                                                                                        \
    "account, region, key_id, id, name, grantee, retiring, issuing_account, operations, has_equals,"         \
    " context_equals, context_subset, created"
#define ACCESS_KEY_COLUMNS "active, id, account, user_name, sealed, created"
#define USED_KEY_COLUMNS                                                                                     \
    "last_used, last_service, last_region, id, active, account, user_name, sealed, created"

const statement_t statements[STATEMENT_COUNT] = {
    [META_GET] = { "SELECT value, name FROM meta WHERE name = ?", &meta, BINDS_KEY },
    [META_PUT] = { "INSERT INTO meta (value, name) VALUES (?, ?)"
                   " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   &meta, BINDS_ALL },

    [KEY_INSERT] = { "INSERT INTO kms_key (" KEY_COLUMNS ")"
                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     &key, BINDS_ALL },
    [KEY_UPDATE] = { "UPDATE kms_key SET spec = ?, key_usage = ?, origin = ?, state = ?, token = ?,"
                     " description = ?, policy = ?, deletion_at = ?, deletion_days = ?, rotation_days = ?, rotation_next = ?,"
                     " current_material = ?, custom_store = ?, multi_region = ?, primary_region = ? WHERE account = ? AND region = ? AND id = ?",
                     &key, BINDS_CHANGE },
    [KEY_DELETE] = { "DELETE FROM kms_key WHERE account = ? AND region = ? AND id = ?", &key, BINDS_KEY },
    [KEY_ALL] = { "SELECT " KEY_COLUMNS " FROM kms_key ORDER BY account, region, id", &key, BINDS_NOTHING },

    [MATERIAL_INSERT] = { "INSERT INTO key_material (" MATERIAL_COLUMNS
                          ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          &material, BINDS_ALL },
    [MATERIAL_UPDATE] = { "UPDATE key_material SET check_value = ?, present = ?, pending = ?, valid_to = ?,"
                          " description = ?, cause = ?, created = ? WHERE account = ? AND region = ? AND id = ?",
                          &material, BINDS_CHANGE },
    [MATERIAL_DELETE] = { "DELETE FROM key_material WHERE account = ? AND region = ? AND id = ?", &material, BINDS_KEY },
    [MATERIAL_ALL] = { "SELECT " MATERIAL_COLUMNS
                       " FROM key_material ORDER BY account, region, key_id, version",
                       &material, BINDS_NOTHING },

    [CUSTOM_INSERT] = { "INSERT INTO custom_store (" CUSTOM_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        &custom, BINDS_ALL },
    [CUSTOM_UPDATE] = { "UPDATE custom_store SET name = ?, details = ?, connected = ?"
                        " WHERE account = ? AND region = ? AND id = ?",
                        &custom, BINDS_CHANGE },
    [CUSTOM_DELETE] = { "DELETE FROM custom_store WHERE account = ? AND region = ? AND id = ?", &custom,
                        BINDS_KEY },
    [CUSTOM_ALL] = { "SELECT " CUSTOM_COLUMNS " FROM custom_store ORDER BY account, region, id", &custom,
                     BINDS_NOTHING },

    [INTENT_PUT] = { "INSERT INTO intent (token, created, material_id) VALUES (?, ?, ?)"
                     " ON CONFLICT (material_id) DO UPDATE"
                     " SET token = excluded.token, created = excluded.created",
                     &intent, BINDS_ALL },
    [INTENT_DELETE] = { "DELETE FROM intent WHERE material_id = ?", &intent, BINDS_KEY },
    [INTENT_ALL] = { "SELECT token, created, material_id FROM intent ORDER BY created, material_id", &intent,
                     BINDS_NOTHING },

    [WRAPPING_INSERT] = { "INSERT INTO import_wrapping (" WRAPPING_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", &wrapping,
                          BINDS_ALL },
    [WRAPPING_DELETE] = { "DELETE FROM import_wrapping WHERE id = ?", &wrapping, BINDS_KEY },
    [WRAPPING_ALL] = { "SELECT " WRAPPING_COLUMNS " FROM import_wrapping ORDER BY created, id", &wrapping, BINDS_NOTHING },

    [ALIAS_INSERT] = { "INSERT INTO alias (" ALIAS_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)", &alias, BINDS_ALL },
    [ALIAS_UPDATE] = { "UPDATE alias SET key_id = ?, updated = ? WHERE account = ? AND region = ? AND name = "
                       "?",
                       &alias, BINDS_CHANGE },
    [ALIAS_DELETE] = { "DELETE FROM alias WHERE account = ? AND region = ? AND name = ?", &alias, BINDS_KEY },
    [ALIAS_ALL] = { "SELECT " ALIAS_COLUMNS " FROM alias ORDER BY account, region, name", &alias,
                    BINDS_NOTHING },

    [TAG_PUT] = { "INSERT INTO key_tag (" TAG_COLUMNS ") VALUES (?, ?, ?, ?, ?)"
                  " ON CONFLICT (account, region, key_id, name) DO UPDATE SET value = excluded.value",
                  &tag, BINDS_ALL },
    [TAG_DELETE] = { "DELETE FROM key_tag WHERE account = ? AND region = ? AND key_id = ? AND name = ?", &tag,
                     BINDS_KEY },
    [TAG_ALL] = { "SELECT " TAG_COLUMNS " FROM key_tag ORDER BY account, region, key_id, name", &tag,
                  BINDS_NOTHING },

    /* A key that is gone by now selects nothing. */
    [KEY_USAGE_PUT] = { "INSERT INTO key_usage (" KEY_USAGE_COLUMNS ")"
                        " SELECT ?, ?, ?, ?, account, region, id FROM kms_key"
                        " WHERE account = ? AND region = ? AND id = ?"
                        " ON CONFLICT (account, region, key_id) DO UPDATE SET used = excluded.used,"
                        " operation = excluded.operation, request_id = excluded.request_id,"
                        " event_id = excluded.event_id WHERE excluded.used >= key_usage.used",
                        &key_usage, BINDS_ALL },
    [KEY_USAGE_GET] = { "SELECT " KEY_USAGE_COLUMNS " FROM key_usage"
                        " WHERE account = ? AND region = ? AND key_id = ?",
                        &key_usage, BINDS_KEY },

    [GRANT_INSERT] = { "INSERT INTO kms_grant (" GRANT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       &grant, BINDS_ALL },
    [GRANT_DELETE] = { "DELETE FROM kms_grant WHERE account = ? AND region = ? AND key_id = ? AND id = ?", &grant,
                       BINDS_KEY },
    [GRANT_ALL] = { "SELECT " GRANT_COLUMNS " FROM kms_grant ORDER BY account, region, key_id, id", &grant,
                    BINDS_NOTHING },

    [ACCESS_KEY_INSERT] = { "INSERT INTO access_key (" ACCESS_KEY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)",
                            &access_key, BINDS_ALL },
    [ACCESS_KEY_SET_ACTIVE] = { "UPDATE access_key SET active = ? WHERE id = ?", &access_key, BINDS_CHANGE },
    [ACCESS_KEY_DELETE] = { "DELETE FROM access_key WHERE id = ?", &access_key, BINDS_KEY },
    [ACCESS_KEY_USED] = { "UPDATE access_key SET last_used = ?, last_service = ?, last_region = ? WHERE id = ?",
                          &used_key, BINDS_CHANGE },
    [ACCESS_KEY_ALL] = { "SELECT " USED_KEY_COLUMNS " FROM access_key ORDER BY account, user_name, id",
                         &used_key, BINDS_NOTHING },

    [REVOCATION_PUT] = { "INSERT INTO revocation (revoked_until, account, role) VALUES (?, ?, ?)"
                         " ON CONFLICT (account, role) DO UPDATE SET revoked_until = excluded.revoked_until"
                         " WHERE excluded.revoked_until > revocation.revoked_until",
                         &revocation, BINDS_ALL },
    [REVOCATION_ALL] = { "SELECT revoked_until, account, role FROM revocation ORDER BY account, role",
                         &revocation, BINDS_NOTHING },

    [OUTBOX_PUT] = { "INSERT INTO outbox (place, event_id, record)"
                     " SELECT COALESCE(MAX(place), 0) + 1, ?, ? FROM outbox",
                     &outbox, BINDS_ALL },
    [OUTBOX_DELETE] = { "DELETE FROM outbox WHERE event_id = ?", &outbox, BINDS_KEY },
    [OUTBOX_ALL] = { "SELECT event_id, record FROM outbox ORDER BY place", &outbox, BINDS_NOTHING },
};
