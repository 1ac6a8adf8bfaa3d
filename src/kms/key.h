/*
 * A KMS key as requests see it: an immutable, reference-counted snapshot. A
 * change copies it, edits the copy on the worker, writes its row and publishes
 * it after the commit.
 */
#pragma once

#include "kms/spec.h"
#include "policy/policy.h"
#include "store/store.h"
#include "token/token.h"
#include "util/encode.h"

#define KMS_ID STORE_ID
#define KMS_ARN_MAX 160         /* arn:aws:kms:REGION(32):ACCOUNT(12):key/UUID(36) */
#define KMS_MATERIAL_TEXT 65    /* KeyMaterialId: 64 hex and NUL */
#define KMS_TAGS_MAX 50         /* Developer Guide, "Resource quotas" */
#define KMS_ROTATION_DAYS_DEFAULT 365
#define KMS_DELETION_BEGUN 1 /* as a date: due whatever the clock says */

typedef enum {
    KMS_STATE_ENABLED,
    KMS_STATE_DISABLED,
    KMS_STATE_PENDING_DELETION,
    KMS_STATE_PENDING_REPLICA_DELETION, /* a primary that waits for its replicas to be deleted */
    KMS_STATE_PENDING_IMPORT,
    KMS_STATE_UNAVAILABLE,
    KMS_STATE_CREATING,
    KMS_STATE_UPDATING,
    KMS_STATE_COUNT
} kms_state;

/** "PendingDeletion"; as DescribeKey shows it and the store keeps it. */
const char *kms_state_name(kms_state state);
/** @retval P11KMS_E_SYNTAX */
MUST_USE p11kms_err kms_state_parse(const char *name, kms_state *ret);

typedef enum { KMS_CAUSE_CREATE, KMS_CAUSE_AUTOMATIC, KMS_CAUSE_ON_DEMAND } kms_cause;
const char *kms_cause_name(kms_cause cause);
MUST_USE p11kms_err kms_cause_parse(const char *name, kms_cause *ret);

/** One version of a key: an object on the token. */
typedef struct {
    uint8_t id[KMS_ID];
    char id_text[KMS_MATERIAL_TEXT]; /* SHA-256 of the key's and the material's id: no token internals leave */
    unsigned number;
    kms_cause cause;
    int64_t created;
    bool imported;
    bool absent;      /* imported, and deleted or expired since: no object on the token */
    bool pending;     /* imported, and waits for RotateKeyOnDemand */
    int64_t valid_to; /* when imported material expires; 0: never */
    char *description; /* of an import; NULL: none */
    uint8_t check[32]; /* tells the same material from another; valid where has_check */
    bool has_check;
} kms_material;

typedef struct {
    char *name;
    char *value;
} kms_tag;

#define KMS_FAMILY_MAX 32 /* a primary and its replicas: more Regions than AWS has in a partition */
#define KMS_NO_MATERIAL SIZE_MAX
#define KMS_MULTI_REGION_PREFIX "mrk-" /* before 32 hex digits: as long as a UUID */

#define KMS_CUSTOM_ID 22 /* "cks-", 17 hex digits and NUL */

/** What the keys of one custom key store share; lives as long as the service. */
typedef struct kms_link {
    struct kms_link *next;
    bool connected; /* atomic: as ordered */
} kms_link;

typedef struct kms_key {
    int refs; /* atomic */
    uint8_t id[KMS_ID];
    char id_text[UUID_TEXT];
    char account[13];
    char region[33];
    char arn[KMS_ARN_MAX];
    const kms_spec *spec;
    kms_usage usage;
    kms_origin origin;
    bool multi_region;
    char primary_region[33]; /* of a multi-Region key; its own: it is the primary */
    char custom_store[KMS_CUSTOM_ID]; /* CustomKeyStoreId; "": none */
    const kms_link *link;    /* of the custom key store, else NULL */
    uint8_t *public_key;     /* DER SubjectPublicKeyInfo of a pair, else NULL */
    size_t public_key_len;
    kms_state stored; /* what the store says; kms_key_state() adds what the token says */
    token_t *token;   /* NULL: its token is not configured */
    char token_name[TOKEN_NAME_MAX];
    char *description;
    char *policy_json;
    policy_t *policy;
    kms_tag *tags; /* in name order */
    size_t n_tags;
    kms_material *materials; /* by number, oldest first */
    size_t n_materials;
    size_t current; /* index in materials; KMS_NO_MATERIAL while an import is pending */
    int64_t created;
    int deletion_days; /* the window of a primary that waits for its replicas */
    int64_t deletion_at; /* 0: none is scheduled; KMS_DELETION_BEGUN: it is being carried out */
    int rotation_days; /* 0: automatic rotation is off */
    int64_t rotation_next;
} kms_key_t;

kms_key_t *kms_key_ref(const kms_key_t *key);
void kms_key_unref(kms_key_t *key); /* NULL is fine */
DEFINE_CLEANUP(kms_key_t *, kms_key, kms_key_unref);

/** A new key with one reference, SYMMETRIC_DEFAULT, to be filled before anyone else sees it. */
MUST_USE p11kms_err kms_key_new(const uint8_t id[KMS_ID], const char *account, const char *region, kms_key_t **ret);
/** A copy to edit, with one reference. */
MUST_USE p11kms_err kms_key_copy(const kms_key_t *key, kms_key_t **ret);

/* Edits of a copy. Strings are copied. */
MUST_USE p11kms_err kms_key_set_description(kms_key_t *key, slice_t text);
/** Compiles it. @retval P11KMS_E_POLICY_MALFORMED */
MUST_USE p11kms_err kms_key_set_policy(kms_key_t *key, slice_t json);
/** The key is, or is not, a multi-Region key: its id's text and ARN are named so ("mrk-..."). */
void kms_key_set_multi_region(kms_key_t *key, bool multi_region);
MUST_USE p11kms_err kms_key_set_public_key(kms_key_t *key, slice_t spki);
/** Of a material of this key. Empty text: none. */
MUST_USE p11kms_err kms_material_describe(kms_material *material, slice_t text);
MUST_USE p11kms_err kms_key_add_material(kms_key_t *key, const uint8_t id[KMS_ID], unsigned number, kms_cause cause,
                                         int64_t created);
MUST_USE p11kms_err kms_key_set_tag(kms_key_t *key, slice_t name, slice_t value);
void kms_key_remove_tag(kms_key_t *key, slice_t name);

/** The state a request meets now: Unavailable when the token is missing or waits for an operator. */
kms_state kms_key_state(const kms_key_t *key);
/** Of a multi-Region key: the others share its material and follow its rotation. True for every other key. */
bool kms_key_is_primary(const kms_key_t *key);
/** Whether it is to be imported before the key can be used: some of what it needs was never there, deleted, or expired. */
bool kms_key_lacks_material(const kms_key_t *key, int64_t now);
/** By id; NULL when the key has no such material. */
const kms_material *kms_key_material(const kms_key_t *key, const uint8_t id[KMS_ID]);
/** NULL while an import is pending. */
const kms_material *kms_key_current(const kms_key_t *key);
/** Imported, and waiting for RotateKeyOnDemand; NULL: none. */
const kms_material *kms_key_pending(const kms_key_t *key);
/** Remove a material, which is not the current one. */
void kms_key_remove_material(kms_key_t *key, const uint8_t id[KMS_ID]);
/** To edit, of a copy. */
kms_material *kms_key_edit_material(kms_key_t *key, const uint8_t id[KMS_ID]);
