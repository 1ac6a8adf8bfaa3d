/* What the files of this room share. Others include kms/kms.h. */
#pragma once

#include "kms/kms.h"

/** How material of such keys is used, as the store says it. */
const char *kms_scheme(const kms_spec *spec);

struct kms {
    core_t *core;
    catalog_t *catalog;
    grants_t *grants;
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
