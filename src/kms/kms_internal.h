/* What the files of this room share. Others include kms/kms.h. */
#pragma once

#include "kms/kms.h"

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
    unsigned busy;        /* internal acts under way; the loop's */
    int64_t next_retry_ms; /* after a failed rotation or deletion: not before this service time */
};

/* rsa.c: kms_seal() and kms_open() under RSA keys */
void rsa_seal(op_t *op, kms_message *message, op_step then);
void rsa_open(op_t *op, kms_message *message, op_step then);
