/*
 * Custom key stores: tokens of the configuration under names that callers give
 * them (docs/custom-key-stores.md has the mapping). A store is an immutable
 * snapshot, as keys are; what is shared by its keys and may change under them,
 * whether it is connected, is a link.
 */
#pragma once

#include "kms/key.h"

#define KMS_CLUSTER_ID 25       /* "cluster-", 16 characters and NUL; kms.json: CloudHsmClusterIdType */

typedef enum { KMS_CUSTOM_CLOUDHSM, KMS_CUSTOM_EXTERNAL } kms_custom_type;

typedef struct {
    int refs;
    char account[13];
    char region[33];
    char id[KMS_CUSTOM_ID];
    char *name;
    kms_custom_type type;
    token_t *token; /* NULL: not configured */
    char token_name[TOKEN_NAME_MAX];
    char *details; /* JSON value: the trust anchor's certificate, or the proxy configuration; "" for none */
    bool connected; /* as ordered */
    kms_link *link;
    int64_t created;
} kms_custom_t;

typedef enum { KMS_STORE_CONNECTED, KMS_STORE_CONNECTING, KMS_STORE_FAILED, KMS_STORE_DISCONNECTED } kms_connection;

kms_custom_t *kms_custom_ref(const kms_custom_t *store);
void kms_custom_unref(kms_custom_t *store); /* NULL is fine */
DEFINE_CLEANUP(kms_custom_t *, kms_custom, kms_custom_unref);

/** "AWS_CLOUDHSM" */
const char *kms_custom_type_name(kms_custom_type type);
kms_connection kms_custom_connection(const kms_custom_t *store);
/** Why it FAILED, as ConnectionErrorCode says it. */
const char *kms_custom_problem(const kms_custom_t *store);
/** The CloudHsmClusterId that stands for a token: "cluster-" and 80 bits of SHA-256 of its name in base32. */
void kms_cluster_id(const char *token_name, char out[KMS_CLUSTER_ID]);
