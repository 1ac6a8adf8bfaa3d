/*
 * Every key and alias in memory, for requests to read without SQL. Readers are
 * any thread; only the worker publishes, after its commit. What a reader gets
 * is a reference to an immutable snapshot.
 */
#pragma once

#include "kms/key.h"

typedef struct catalog catalog_t;

/** An alias as it stood; immutable and reference-counted like keys. */
typedef struct {
    int refs;
    char account[13];
    char region[33];
    char name[257]; /* with "alias/" */
    char arn[KMS_ARN_MAX + 256];
    uint8_t key_id[KMS_ID];
    int64_t created;
    int64_t updated;
} kms_alias_t;

kms_alias_t *kms_alias_ref(const kms_alias_t *alias);
void kms_alias_unref(kms_alias_t *alias);
DEFINE_CLEANUP(kms_alias_t *, kms_alias, kms_alias_unref);
MUST_USE p11kms_err kms_alias_new(const char *account, const char *region, const char *name,
                                  const uint8_t key_id[KMS_ID], kms_alias_t **ret);

MUST_USE p11kms_err catalog_new(catalog_t **ret);
void catalog_free(catalog_t *catalog);
DEFINE_CLEANUP(catalog_t *, catalog, catalog_free);

/* Lookups return a reference, or NULL. */
kms_key_t *catalog_key(catalog_t *catalog, const char *region, const uint8_t id[KMS_ID]);
kms_alias_t *catalog_alias(catalog_t *catalog, const char *account, const char *region, slice_t name);

/** References to the keys of an account and region, by id, after @p after ("" for the start). @return how many */
size_t catalog_list_keys(catalog_t *catalog, const char *account, const char *region, const char *after,
                         kms_key_t **out, size_t max);
/** By name; @p of may be NULL, else aliases of that key alone. */
size_t catalog_list_aliases(catalog_t *catalog, const char *account, const char *region, const char *after,
                            const uint8_t *of, kms_alias_t **out, size_t max);
size_t catalog_count_aliases(catalog_t *catalog, const kms_key_t *key);
/** Of an account in a region. */
size_t catalog_count_keys(catalog_t *catalog, const char *account, const char *region);
size_t catalog_size(catalog_t *catalog);
/** Of all: how many @p is() says yes to, which must not come back to the catalog. */
size_t catalog_count(catalog_t *catalog, bool (*is)(const kms_key_t *key, const void *arg), const void *arg);
/** References to the multi-Region keys of this id, in Region order; @p out has KMS_FAMILY_MAX places. @return how many */
size_t catalog_family(catalog_t *catalog, const uint8_t id[KMS_ID], kms_key_t **out);
/** Every key, a reference each, into a new array the caller frees; for the schedule and reconciliation. */
MUST_USE p11kms_err catalog_all(catalog_t *catalog, kms_key_t ***ret, size_t *ret_n);

/* Publishing takes over the reference (also on failure) and replaces what had its identity. */
MUST_USE p11kms_err catalog_put_key(catalog_t *catalog, kms_key_t *key);
void catalog_remove_key(catalog_t *catalog, const char *account, const char *region, const uint8_t id[KMS_ID]);
MUST_USE p11kms_err catalog_put_alias(catalog_t *catalog, kms_alias_t *alias);
void catalog_remove_alias(catalog_t *catalog, const char *account, const char *region, const char *name);
