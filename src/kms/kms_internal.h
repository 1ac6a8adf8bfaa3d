/* What the files of this room share. Others include kms/kms.h. */
#pragma once

#include "kms/kms.h"
#include "kms/retries.h"

/** How material of such keys is used, as the store says it. */
const char *kms_scheme(const kms_spec *spec);

/** An empty policy is the account's default one. */
MUST_USE p11kms_err kms_set_policy(kms_key_t *key, slice_t policy);
/** @retval P11KMS_E_LIMIT  The account has as many keys in the Region as it may have. */
MUST_USE p11kms_err kms_check_room(const kms_t *kms, const char *account, const char *region);

typedef struct kms_customs kms_customs_t;
MUST_USE p11kms_err kms_customs_new(kms_customs_t **ret);
void kms_customs_free(kms_customs_t *customs);
/** Publish; takes the reference in all cases. */
MUST_USE p11kms_err kms_customs_put(kms_customs_t *customs, kms_custom_t *store);
void kms_customs_remove(kms_customs_t *customs, const kms_custom_t *store);
/** A row at start-up; @p kms is the service. */
p11kms_err kms_load_custom(void *kms, const store_custom *row);

/* ---- material.c ---- */

#define KMS_LABEL_MATERIAL "material"
#define KMS_LABEL_WRAPPING "wrapping"

/** An object to be made on a token. */
typedef struct {
    kms_t *kms;
    token_t *token;
    token_op_kind kind; /* GENERATE or IMPORT */
    token_key_type type;
    token_key_use use;
    const char *label; /* a literal */
    const uint8_t *again; /* that of a material whose object is gone; NULL: a new id */
    /* IMPORT */
    const uint8_t *unwrap_id;
    token_mechanism mechanism;
    slice_t wrapped;
    void *arg;
} kms_object;

/** As kms_make_material(). With `again`, whatever the token has under that id goes first. */
void kms_make_object(op_t *op, const kms_object *object, op_step then);
/** kms_object.arg, in the steps after kms_make_object(). */
void *kms_object_arg(op_t *op);
/** As kms_keep_material(), but kept(op) instead of the end where @p change was committed. */
void kms_keep_object(op_t *op, op_change_fn change, op_step kept);
/** An object is about to be made or destroyed; on the worker. */
MUST_USE p11kms_err kms_intent(store_t *store, const uint8_t id[KMS_ID], const char *token);
/** What a change, now committed, put an intent for; then(op) with op->err P11KMS_OK, whatever the token says. */
void kms_destroy_object(op_t *op, kms_t *kms, token_t *token, const uint8_t id[KMS_ID], op_step then);
token_key_use kms_key_use(const kms_key_t *key);
/** The token's error as operations answer it that make or destroy objects. */
p11kms_err kms_token_away(p11kms_err err);

/* ---- leftovers.c: objects that an intent names, and nobody works on; the loop's, as the start is ---- */

typedef struct leftovers leftovers_t;

MUST_USE p11kms_err leftovers_new(leftovers_t **ret);
void leftovers_free(leftovers_t *left);
/** An operation ends here that has, or may have, an object of this id on the token, with its intent in the store. */
void kms_leave_object(kms_t *kms, token_t *token, const uint8_t id[KMS_ID]);
/** Someone makes an object of this id again. @return false  It is being destroyed at this moment */
bool kms_take_over_object(kms_t *kms, const uint8_t id[KMS_ID]);
/** Destroy those whose token is ready. */
void leftovers_tick(kms_t *kms, int64_t now);
bool leftovers_busy(const kms_t *kms);

/* ---- schedule.c ---- */

/** What @p name is about failed with @p err. */
void kms_retry_later(kms_t *kms, slice_t name, p11kms_err err);

/* ---- wrapping.c: the wrapping keys there are, for any thread ---- */

typedef struct wrappings wrappings_t;

MUST_USE p11kms_err wrappings_new(wrappings_t **ret);
void wrappings_free(wrappings_t *all);
MUST_USE p11kms_err wrappings_put(wrappings_t *all, const kms_wrapping *wrapping);
void wrappings_remove(wrappings_t *all, const uint8_t id[KMS_ID]);
/** Of those due (expired, or without their key) the one whose turn is first. The loop's. */
bool wrappings_due(kms_t *kms, int64_t now, kms_wrapping *ret);
/** @retval P11KMS_E_OPERATION_UNSUPPORTED  The token cannot. */
MUST_USE p11kms_err kms_check_imports(const token_t *token);
/** Start-up: the rows. */
MUST_USE p11kms_err wrappings_load(store_t *store, kms_t *kms);

/* ---- import.c ---- */

/** On the worker: a material's row is gone for good; before kms_change_put(). */
MUST_USE p11kms_err kms_change_remove_material(kms_change *change, const kms_key_t *key, const kms_material *material);

/** The material that waits becomes current, rows written. */
MUST_USE p11kms_err kms_change_make_current(kms_change *change, kms_key_t *key);
/* The other Regions' rows follow the primary's, of which each is a change; family.c. */
MUST_USE p11kms_err kms_change_import_others(kms_change *change, const kms_key_t *primary);
MUST_USE p11kms_err kms_change_unimport_others(kms_change *change, const kms_key_t *primary);
MUST_USE p11kms_err kms_change_rotate_imported_others(kms_change *change, const kms_key_t *primary);
/** Whether another Region of the key has this imported material: they share its object. */
bool kms_present_elsewhere(kms_t *kms, const kms_key_t *key, const uint8_t id[KMS_ID]);

/** An imported material that is there and has expired; NULL: none. */
const kms_material *kms_expired_material(const kms_key_t *key, int64_t now);
/*
 * One import, deletion or expiry of a key's materials at a time, or the deletion of one Region's key, whatever Regions
 * it is in: they share objects on the token. The loop's.
 */
bool kms_key_is_claimed(const kms_t *kms, const kms_key_t *key);
/** @retval P11KMS_E_KEY_STATE  It is claimed. */
MUST_USE p11kms_err kms_claim_key(kms_t *kms, kms_claim *claim, const kms_key_t *key);

struct kms {
    core_t *core;
    catalog_t *catalog;
    grants_t *grants;
    kms_customs_t *customs;
    char default_token[TOKEN_NAME_MAX];
    unsigned quotas[KMS_QUOTA_COUNT]; /* atomic */
    int64_t usage_since;
    kms_key_t *service_key; /* service_key.c */
    secret_t *grant_token_key; /* grant_token.c */
    secret_t *import_key;   /* authenticates import tokens */
    wrappings_t *wrappings;
    kms_claim *claims;      /* the loop's */
    unsigned busy;        /* internal acts under way; the loop's */
    leftovers_t *leftovers;
    retries_t *retries;   /* of internal acts; the loop's */
    int64_t next_retry_ms; /* after the store or the log failed: no act before this service time */
};

/* rsa.c: kms_seal() and kms_open() under RSA keys */
void rsa_seal(op_t *op, kms_message *message, op_step then);
void rsa_open(op_t *op, kms_message *message, op_step then);
