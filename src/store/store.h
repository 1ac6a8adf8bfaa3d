/*
 * The store: rows in, rows out. One SQL dialect, all statements in one table,
 * a driver beneath (SQLite: WAL, synchronous=FULL). Knows no policy, no token
 * and no plaintext.
 *
 * One writer: a store_t is used by one thread at a time (the core's worker, or a
 * tool). Crypto requests never come here; they read the snapshots of kms.
 *
 * Times are ms since the epoch. Text pointers in rows handed to a callback are
 * valid during the callback only; it may delete the row it is given, and may not
 * call the ..._each it is called from (P11KMS_E_INTERNAL). Resources are keyed by
 * account and region.
 *
 * Any write may answer P11KMS_E_RANGE (a member is out of its bounds, src/store/statements.c,
 * or NULL), P11KMS_E_NOT_FOUND (the key that the row belongs to does not exist) and
 * P11KMS_E_STORE; any read P11KMS_E_STORE, naming table and key of a damaged row.
 */
#pragma once

#include "util/bytes.h"

typedef struct store store_t;

#define STORE_ID 16

/**
 * Open or make the database; runs the numbered migrations that are missing.
 *
 * @retval P11KMS_E_STORE_NEWER  Detail names both versions and what to do.
 * @retval P11KMS_E_STORE        Not a database, damaged (quick_check), not ours (application_id), locked.
 */
MUST_USE p11kms_err store_open(const char *path, store_t **ret);
/** As above, but changes nothing and never creates. @retval P11KMS_E_NOT_FOUND when there is none. */
MUST_USE p11kms_err store_open_readonly(const char *path, store_t **ret);
void store_close(store_t *store);
DEFINE_CLEANUP(store_t *, store, store_close);

/** The schema version this program writes. */
unsigned store_schema_version(void);

/** Writes are possible (a transaction that changes nothing else commits a row of ours). For /readyz and doctor. */
MUST_USE p11kms_err store_check(store_t *store);
/** A consistent copy into a new file, while others go on writing. @retval P11KMS_E_EXISTS */
MUST_USE p11kms_err store_backup(store_t *store, const char *to_path);

/* Transactions do not nest. commit returns once it is on disk. */
MUST_USE p11kms_err store_begin(store_t *store);
MUST_USE p11kms_err store_commit(store_t *store);
void store_rollback(store_t *store);

/* ---- meta: small named values ---- */
MUST_USE p11kms_err store_meta_get(store_t *store, const char *name, buf_t *ret); /* NOT_FOUND */
MUST_USE p11kms_err store_meta_put(store_t *store, const char *name, slice_t value);

/* ---- KMS keys ---- */
typedef struct {
    uint8_t id[STORE_ID]; /* the UUID; multi-Region keys will share it between regions */
    const char *account;  /* 12 digits */
    const char *region;
    const char *spec;   /* "SYMMETRIC_DEFAULT" */
    const char *usage;  /* "ENCRYPT_DECRYPT" */
    const char *origin; /* "AWS_KMS" */
    const char *state;  /* "Enabled", "Disabled", "PendingDeletion" */
    const char *token;  /* configuration name of the token it lives on */
    const char *description;
    const char *policy; /* JSON text */
    int64_t created;
    int64_t deletion_at; /* 0: none scheduled */
    int deletion_days;   /* the window of a primary that waits for its replicas, else 0 */
    int rotation_days;   /* 0: automatic rotation is off */
    int64_t rotation_next; /* 0: off */
    uint8_t current_material[STORE_ID]; /* zeros: none yet (PendingImport) */
    const char *custom_store; /* "cks-..."; "": the configured default */
    bool multi_region;
    const char *primary_region; /* of a multi-Region key; "": of none */
} store_key;

MUST_USE p11kms_err store_key_insert(store_t *store, const store_key *row); /* EXISTS */
MUST_USE p11kms_err store_key_update(store_t *store, const store_key *row); /* every column but id, account, region, created; NOT_FOUND */
MUST_USE p11kms_err store_key_delete(store_t *store, const store_key *row); /* with its materials, aliases, tags, grants; NOT_FOUND */
MUST_USE p11kms_err store_key_each(store_t *store, p11kms_err (*each)(void *arg, const store_key *row), void *arg);

/* ---- key materials: the versions of a key ---- */
typedef struct {
    uint8_t id[STORE_ID]; /* the token object's CKA_ID */
    uint8_t key_id[STORE_ID];
    const char *account;
    const char *region;
    unsigned number; /* 1 is the first; rises with every rotation */
    const char *token;
    const char *scheme; /* "PRF-HMAC-SHA256": how messages are made under it */
    slice_t public_key; /* DER SubjectPublicKeyInfo of a pair; empty for secrets */
    bool imported;
    /* what an update changes */
    slice_t check_value; /* tells the same material from another; empty: none kept */
    bool present;        /* false: imported and deleted or expired since; no object is on the token */
    bool pending;        /* imported, and waits for RotateKeyOnDemand */
    int64_t valid_to;    /* when imported material expires; 0: never */
    const char *description; /* of an import; "": none */
    const char *cause;  /* "CREATE", "AUTOMATIC", "ON_DEMAND" */
    int64_t created;    /* when it became, or was to become, current */
} store_material;

MUST_USE p11kms_err store_material_insert(store_t *store, const store_material *row); /* EXISTS: its id or number */
MUST_USE p11kms_err store_material_update(store_t *store, const store_material *row); /* NOT_FOUND */
MUST_USE p11kms_err store_material_delete(store_t *store, const store_material *row); /* NOT_FOUND */
MUST_USE p11kms_err store_material_each(store_t *store, p11kms_err (*each)(void *arg, const store_material *row), void *arg);

/*
 * Intents: a token object is about to be made or destroyed. Written and committed
 * before the token is asked, removed with the rows that make it real; what start-up
 * finds here is half done, and safe to destroy.
 */
typedef struct {
    uint8_t material_id[STORE_ID];
    const char *token;
    int64_t created;
} store_intent;
MUST_USE p11kms_err store_intent_put(store_t *store, const store_intent *row); /* inserts or replaces */
MUST_USE p11kms_err store_intent_delete(store_t *store, const uint8_t material_id[STORE_ID]); /* none there is success */
MUST_USE p11kms_err store_intent_each(store_t *store, p11kms_err (*each)(void *arg, const store_intent *row), void *arg);

/* ---- custom key stores: tokens under names that callers give them ---- */
typedef struct {
    const char *account;
    const char *region;
    const char *id;    /* "cks-" and hex */
    const char *name;
    const char *type;  /* "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE" */
    const char *token; /* configuration name */
    const char *details; /* JSON: what the type has beside */
    bool connected;      /* as ordered */
    int64_t created;
} store_custom;
MUST_USE p11kms_err store_custom_insert(store_t *store, const store_custom *row); /* EXISTS: its id or name */
MUST_USE p11kms_err store_custom_update(store_t *store, const store_custom *row); /* name, details, connected; NOT_FOUND, EXISTS */
MUST_USE p11kms_err store_custom_delete(store_t *store, const store_custom *row); /* NOT_FOUND */
MUST_USE p11kms_err store_custom_each(store_t *store, p11kms_err (*each)(void *arg, const store_custom *row), void *arg);

/* ---- wrapping keys: what GetParametersForImport made; their objects outlive the key they are for until destroyed ---- */
typedef struct {
    uint8_t id[STORE_ID]; /* the token object's CKA_ID */
    uint8_t key_id[STORE_ID];
    const char *account;
    const char *region;
    const char *token;
    const char *algorithm; /* "RSAES_OAEP_SHA_256" */
    const char *spec;      /* "RSA_4096" */
    int64_t created;
    int64_t valid_to;
} store_wrapping;

MUST_USE p11kms_err store_wrapping_insert(store_t *store, const store_wrapping *row); /* EXISTS */
MUST_USE p11kms_err store_wrapping_delete(store_t *store, const uint8_t id[STORE_ID]); /* none there is success */
MUST_USE p11kms_err store_wrapping_each(store_t *store, p11kms_err (*each)(void *arg, const store_wrapping *row), void *arg);

/* ---- aliases ---- */
typedef struct {
    const char *account;
    const char *region;
    const char *name; /* with "alias/" */
    uint8_t key_id[STORE_ID];
    int64_t created;
    int64_t updated;
} store_alias;
MUST_USE p11kms_err store_alias_insert(store_t *store, const store_alias *row); /* EXISTS */
MUST_USE p11kms_err store_alias_update(store_t *store, const store_alias *row); /* NOT_FOUND */
MUST_USE p11kms_err store_alias_delete(store_t *store, const char *account, const char *region, const char *name); /* NOT_FOUND */
MUST_USE p11kms_err store_alias_each(store_t *store, p11kms_err (*each)(void *arg, const store_alias *row), void *arg);

/* ---- tags of keys ---- */
typedef struct {
    const char *account;
    const char *region;
    uint8_t key_id[STORE_ID];
    const char *name;
    const char *value;
} store_tag;
MUST_USE p11kms_err store_tag_put(store_t *store, const store_tag *row); /* inserts or replaces */
MUST_USE p11kms_err store_tag_delete(store_t *store, const store_tag *row); /* none there is success */
MUST_USE p11kms_err store_tag_each(store_t *store, p11kms_err (*each)(void *arg, const store_tag *row), void *arg);

/* ---- when keys were last used; GetKeyLastUsage ---- */
typedef struct {
    const char *account;
    const char *region;
    uint8_t key_id[STORE_ID];
    int64_t used;
    const char *operation;
    const char *request_id;
    const char *event_id;
} store_key_usage;
MUST_USE p11kms_err store_key_usage_put(store_t *store, const store_key_usage *row); /* the later of two stays; no such key is success */
/** @p row says which key; @p see is called once. @retval P11KMS_E_NOT_FOUND  The key has not been used. */
MUST_USE p11kms_err store_key_usage_get(store_t *store, const store_key_usage *row,
                                        p11kms_err (*see)(void *arg, const store_key_usage *row), void *arg);

/* ---- grants ---- */
#define STORE_GRANT_ID 32
typedef struct {
    const char *account; /* with region and key_id: the key it is on */
    const char *region;
    uint8_t key_id[STORE_ID];
    slice_t id;          /* STORE_GRANT_ID bytes */
    const char *name;    /* "": none */
    const char *grantee; /* an ARN */
    const char *retiring; /* an ARN; "": none */
    const char *issuing_account;
    const char *operations;  /* "Decrypt,Encrypt" */
    bool has_equals;         /* EncryptionContextEquals, maybe of nothing */
    slice_t context_equals;  /* canonical (kms/envelope.h) */
    slice_t context_subset;  /* canonical; empty: no EncryptionContextSubset */
    int64_t created;
} store_grant;
MUST_USE p11kms_err store_grant_insert(store_t *store, const store_grant *row); /* EXISTS */
MUST_USE p11kms_err store_grant_delete(store_t *store, const store_grant *row); /* by key and id; NOT_FOUND */
MUST_USE p11kms_err store_grant_each(store_t *store, p11kms_err (*each)(void *arg, const store_grant *row), void *arg);

/* ---- access keys; the secret is sealed before it comes here ---- */
typedef struct {
    const char *id; /* "AKIA..." */
    const char *account;
    const char *user;
    slice_t sealed; /* an envelope blob; context is {"p11kms": id} */
    bool active;
    int64_t created;
    /* its last use; at insert they do not matter */
    int64_t last_used; /* 0: never */
    const char *last_service;
    const char *last_region;
} store_access_key;
MUST_USE p11kms_err store_access_key_insert(store_t *store, const store_access_key *row); /* EXISTS */
MUST_USE p11kms_err store_access_key_set_active(store_t *store, const char *id, bool active); /* NOT_FOUND */
MUST_USE p11kms_err store_access_key_used(store_t *store, const store_access_key *row); /* id and last use; NOT_FOUND */
MUST_USE p11kms_err store_access_key_delete(store_t *store, const char *id); /* NOT_FOUND */
MUST_USE p11kms_err store_access_key_each(store_t *store, p11kms_err (*each)(void *arg, const store_access_key *row), void *arg);

/* ---- revocations: sessions of a role that were issued until then count no more ---- */
typedef struct {
    const char *account;
    const char *role; /* its ARN */
    int64_t until;
} store_revocation;
MUST_USE p11kms_err store_revocation_put(store_t *store, const store_revocation *row); /* the later of two stays */
MUST_USE p11kms_err store_revocation_each(store_t *store, p11kms_err (*each)(void *arg, const store_revocation *row), void *arg);

/*
 * The audit outbox: the record of a change is written in the change's own
 * transaction, and removed once the audit log holds it, so that a crash between
 * the two leaves no change without its record. Read in the order they were put.
 */
MUST_USE p11kms_err store_outbox_put(store_t *store, const char *event_id, slice_t record); /* EXISTS */
MUST_USE p11kms_err store_outbox_delete(store_t *store, const char *event_id); /* none there is success */
MUST_USE p11kms_err store_outbox_each(store_t *store, p11kms_err (*each)(void *arg, const char *event_id, slice_t record), void *arg);
