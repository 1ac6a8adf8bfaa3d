#include "kms/grant_set.h"

#include <string.h>

#include "util/map.h"

/*
 * A treap: a search tree by id and a heap by rank, which is a keyed hash of the id,
 * so that it is as balanced as a random tree whatever the ids are.
 */
struct grant_node {
    kms_grant_t *grant;
    uint64_t rank;
    unsigned operations; /* of all grants from here downwards, together */
    grant_node *left, *right;
};

static unsigned operations_of(const grant_node *node)
{
    return node ? node->operations : 0;
}

static void sum_up(grant_node *node)
{
    node->operations = node->grant->operations | operations_of(node->left) | operations_of(node->right);
}

static int order(const grant_node *node, const uint8_t *id)
{
    return memcmp(node->grant->id, id, KMS_GRANT_ID);
}

/* Those before @p id, and the rest. */
static void split(grant_node *node, const uint8_t *id, grant_node **ret_before, grant_node **ret_rest)
{
    if (!node) {
        *ret_before = *ret_rest = NULL;
    } else if (order(node, id) < 0) {
        split(node->right, id, &node->right, ret_rest);
        *ret_before = node;
        sum_up(node);
    } else {
        split(node->left, id, ret_before, &node->left);
        *ret_rest = node;
        sum_up(node);
    }
}

/* All of @p a are before all of @p b. */
static grant_node *join(grant_node *a, grant_node *b)
{
    if (!a || !b) {
        return a ? a : b;
    }
    if (a->rank > b->rank) {
        a->right = join(a->right, b);
        sum_up(a);
        return a;
    }
    b->left = join(a, b->left);
    sum_up(b);
    return b;
}

static uint64_t rank_of(const kms_grant_t *grant)
{
    return map_hash(SLICE(grant->id, KMS_GRANT_ID));
}

p11kms_err grant_set_put(grant_set *set, kms_grant_t *grant)
{
    grant_node *node = calloc(1, sizeof(*node));
    grant_node *before, *rest;

    ENSURE(node, P11KMS_E_NOMEM);
    node->grant = grant;
    node->rank = rank_of(grant);
    sum_up(node);
    split(set->root, grant->id, &before, &rest);
    set->root = join(join(before, node), rest);
    set->n++;
    return P11KMS_OK;
}

static grant_node *without(grant_node *node, const uint8_t *id, grant_node **ret_taken)
{
    if (!node) {
        return NULL;
    }
    int o = order(node, id);
    if (o == 0) {
        *ret_taken = node;
        return join(node->left, node->right);
    }
    grant_node **side = o > 0 ? &node->left : &node->right;
    *side = without(*side, id, ret_taken);
    sum_up(node);
    return node;
}

bool grant_set_remove(grant_set *set, const uint8_t id[KMS_GRANT_ID])
{
    grant_node *taken = NULL;

    set->root = without(set->root, id, &taken);
    set->n -= taken != NULL;
    free(taken);
    return taken != NULL;
}

kms_grant_t *grant_set_get(const grant_set *set, const uint8_t id[KMS_GRANT_ID])
{
    const grant_node *node = set->root;

    while (node) {
        int o = order(node, id);
        if (o == 0) {
            return node->grant;
        }
        node = o > 0 ? node->left : node->right;
    }
    return NULL;
}

static kms_grant_t *find(const grant_node *node, const kms_grant_need *need)
{
    if (!node || (node->operations & need->operations) != need->operations) {
        return NULL;
    }
    if (kms_grant_meets(node->grant, need)) {
        return node->grant;
    }
    kms_grant_t *found = find(node->left, need);
    return found ? found : find(node->right, need);
}

kms_grant_t *grant_set_find(const grant_set *set, const kms_grant_need *need)
{
    return find(set->root, need);
}

static size_t list(const grant_node *node, const uint8_t *after, kms_grant_t **out, size_t max)
{
    size_t n = 0;

    if (!node || max == 0) {
        return 0;
    }
    bool taken = !after || order(node, after) > 0;
    if (taken) {
        n = list(node->left, after, out, max);
        if (n < max) {
            out[n++] = kms_grant_ref(node->grant);
        }
        after = NULL; /* all on the right are behind it */
    }
    return n + list(node->right, after, out + n, max - n);
}

size_t grant_set_list(const grant_set *set, const uint8_t *after, kms_grant_t **out, size_t max)
{
    return list(set->root, after, out, max);
}

static void clear(grant_node *node, void (*each)(kms_grant_t *grant))
{
    if (node) {
        clear(node->left, each);
        clear(node->right, each);
        if (each) {
            each(node->grant);
        }
        free(node);
    }
}

void grant_set_clear(grant_set *set, void (*each)(kms_grant_t *grant))
{
    clear(set->root, each);
    *set = (grant_set){ 0 };
}
