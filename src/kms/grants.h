/*
 * Every grant in memory, beside the catalog of keys. Readers are any thread; only
 * the worker publishes, after its commit. However many grants a key has, a decision
 * looks at those of its caller that fit the request's encryption context.
 */
#pragma once

#include "kms/grant.h"

typedef struct grants grants_t;

MUST_USE p11kms_err grants_new(grants_t **ret);
void grants_free(grants_t *grants);
DEFINE_CLEANUP(grants_t *, grants, grants_free);

/** Which key is meant: multi-Region keys share their id. */
typedef struct {
    const char *region;
    const uint8_t *key_id;
} grants_key;

/* Lookups return a reference, or NULL. */
kms_grant_t *grants_get(grants_t *grants, grants_key key, const uint8_t id[KMS_GRANT_ID]);
/** One with a name that is like @p grant in everything but id and time. */
kms_grant_t *grants_like(grants_t *grants, const kms_grant_t *grant);
/** One of the key's for @p grantee that kms_grant_meets() @p need. */
kms_grant_t *grants_find(grants_t *grants, grants_key key, slice_t grantee, const kms_grant_need *need);
size_t grants_count(grants_t *grants, grants_key key);

/** References, by id, behind @p after (NULL: the start); @p grantee empty: whoever's. @return how many */
size_t grants_list(grants_t *grants, grants_key key, slice_t grantee, const uint8_t *after, kms_grant_t **out,
                   size_t max);
/** Likewise those in a region that name @p retiring, whatever key they are on. */
size_t grants_list_retirable(grants_t *grants, const char *region, slice_t retiring, const uint8_t *after,
                             kms_grant_t **out, size_t max);

/** Takes over the reference, also on failure. */
MUST_USE p11kms_err grants_put(grants_t *grants, kms_grant_t *grant);
void grants_remove(grants_t *grants, const kms_grant_t *grant);
/** All of a key. */
void grants_remove_key(grants_t *grants, grants_key key);
