/*
 * Grants in the order of their ids. A change is O(log n) and so is finding one that
 * allows an operation: every subtree knows what its grants allow together.
 */
#pragma once

#include "kms/grant.h"

typedef struct grant_node grant_node;

typedef struct {
    grant_node *root;
    size_t n;
} grant_set;

/** Borrows @p grant, which is not in it yet. */
MUST_USE p11kms_err grant_set_put(grant_set *set, kms_grant_t *grant);
/** @return whether it was there */
bool grant_set_remove(grant_set *set, const uint8_t id[KMS_GRANT_ID]);
kms_grant_t *grant_set_get(const grant_set *set, const uint8_t id[KMS_GRANT_ID]);
/** The first that kms_grant_meets() @p need, or NULL. */
kms_grant_t *grant_set_find(const grant_set *set, const kms_grant_need *need);
/** References to those behind @p after (NULL: the start). @return how many */
size_t grant_set_list(const grant_set *set, const uint8_t *after, kms_grant_t **out, size_t max);
/** Empties it, calling @p each (may be NULL) with every grant. */
void grant_set_clear(grant_set *set, void (*each)(kms_grant_t *grant));
