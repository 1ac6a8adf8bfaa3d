#include "audit/proof.h"

#include "util/encode.h"

/* The greatest power of two below n, which is 2 or more: where RFC 9162 2.1.1 splits n leaves. */
static uint64_t split(uint64_t n)
{
    return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

typedef struct {
    proof_subtree subtree;
    void *arg;
    proof_t proof;
} making;

/* The root over leaves from..to - 1, a subtree of a tree that ends at @p to or is perfect there. */
static p11kms_err range_root(const making *m, uint64_t from, uint64_t to, merkle_hash *ret)
{
    merkle_hash parts[MERKLE_LEVELS];
    size_t n = 0;

    for (uint64_t at = from; at < to; n++) {
        unsigned level = 63 - (unsigned)__builtin_clzll(to - at);
        TRY(m->subtree(m->arg, level, at >> level, &parts[n]));
        at += (uint64_t)1 << level;
    }
    while (n > 1) {
        merkle_node(&parts[n - 2], &parts[n - 1], &parts[n - 2]);
        n--;
    }
    *ret = parts[0];
    return P11KMS_OK;
}

static p11kms_err add_range(making *m, uint64_t from, uint64_t to)
{
    ENSURE(m->proof.n < PROOF_MAX, P11KMS_E_RANGE);
    TRY(range_root(m, from, to, &m->proof.hash[m->proof.n]));
    m->proof.n++;
    return P11KMS_OK;
}

/* Hashes are collected from the root down and stand in a proof from the leaf up. */
static void finish(const making *m, proof_t *ret)
{
    ret->n = m->proof.n;
    for (size_t i = 0; i < m->proof.n; i++) {
        ret->hash[i] = m->proof.hash[m->proof.n - 1 - i];
    }
}

/* 2.1.3.1 */
p11kms_err proof_inclusion(proof_subtree subtree, void *arg, uint64_t index, uint64_t size, proof_t *ret)
{
    making m = { .subtree = subtree, .arg = arg };
    uint64_t from = 0, to = size;

    ENSURE(index < size && size <= INT64_MAX, P11KMS_E_RANGE);
    while (to - from > 1) {
        uint64_t middle = from + split(to - from);
        if (index < middle) {
            TRY(add_range(&m, middle, to));
            to = middle;
        } else {
            TRY(add_range(&m, from, middle));
            from = middle;
        }
    }
    finish(&m, ret);
    return P11KMS_OK;
}

/* 2.1.4.1: SUBPROOF's b is whether @p from is still 0. */
p11kms_err proof_consistency(proof_subtree subtree, void *arg, uint64_t old, uint64_t size, proof_t *ret)
{
    making m = { .subtree = subtree, .arg = arg };
    uint64_t from = 0, to = size;

    ENSURE(old <= size && size <= INT64_MAX, P11KMS_E_RANGE);
    while (old > 0 && old < to) {
        uint64_t middle = from + split(to - from);
        if (old <= middle) {
            TRY(add_range(&m, middle, to));
            to = middle;
        } else {
            TRY(add_range(&m, from, middle));
            from = middle;
        }
    }
    if (from > 0) {
        TRY(add_range(&m, from, to));
    }
    finish(&m, ret);
    return P11KMS_OK;
}

/* 2.1.3.2 */
bool proof_check_inclusion(const proof_t *proof, uint64_t index, uint64_t size, const merkle_hash *leaf,
                           const merkle_hash *root)
{
    uint64_t fn = index, sn = size - 1;
    merkle_hash r = *leaf;

    if (index >= size) {
        return false;
    }
    for (size_t i = 0; i < proof->n; i++) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) == 1 || fn == sn) {
            merkle_node(&proof->hash[i], &r, &r);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node(&r, &proof->hash[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_eq(&r, root);
}

/* 2.1.4.2, steps 4 to 7, for hashes from @p at on. */
static bool check_path(const proof_t *proof, size_t at, uint64_t fn, uint64_t sn, merkle_hash seed,
                       const merkle_hash *old_root, const merkle_hash *root)
{
    merkle_hash fr = seed, sr = seed;

    while ((fn & 1) == 1) {
        fn >>= 1;
        sn >>= 1;
    }
    for (; at < proof->n; at++) {
        const merkle_hash *c = &proof->hash[at];
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) == 1 || fn == sn) {
            merkle_node(c, &fr, &fr);
            merkle_node(c, &sr, &sr);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node(&sr, c, &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_eq(&fr, old_root) && merkle_eq(&sr, root);
}

bool proof_check_consistency(const proof_t *proof, uint64_t old, uint64_t size, const merkle_hash *old_root,
                             const merkle_hash *root)
{
    merkle_hash none;
    merkle_edge empty = { .size = 0 };

    if (old > size) {
        return false;
    }
    if (old == size) {
        return proof->n == 0 && merkle_eq(old_root, root);
    }
    if (old == 0) {
        merkle_root(&empty, &none);
        return proof->n == 0 && merkle_eq(old_root, &none);
    }
    if ((old & (old - 1)) == 0) { /* step 2: the old root, which is a whole subtree, begins the path */
        return check_path(proof, 0, old - 1, size - 1, *old_root, old_root, root);
    }
    return proof->n > 0 && check_path(proof, 1, old - 1, size - 1, proof->hash[0], old_root, root);
}

void proof_put(const proof_t *proof, buf_t *out)
{
    for (size_t i = 0; i < proof->n; i++) {
        base64_encode(out, SLICE(proof->hash[i].bytes, SHA256_LEN));
        buf_put_char(out, '\n');
    }
}

static p11kms_err take_hash(slice_t base64, merkle_hash *ret)
{
    _cleanup_buf_ buf_t bytes = { 0 };

    if (base64_decoded_len(base64) != SHA256_LEN || base64_decode(&bytes, base64) != P11KMS_OK) {
        FAIL(P11KMS_E_SYNTAX, "a proof's line is not a hash in base64");
    }
    memcpy(ret->bytes, bytes.data, SHA256_LEN);
    return P11KMS_OK;
}

p11kms_err proof_take(slice_t *rest, proof_t *ret)
{
    proof_t proof = { .n = 0 };
    slice_t left = *rest;

    for (;;) {
        slice_t line;
        if (!slice_cut(&left, '\n', &line)) {
            FAIL(P11KMS_E_SYNTAX, "a proof ends with an empty line");
        }
        if (line.len == 0) {
            break;
        }
        if (proof.n == PROOF_MAX) {
            FAIL(P11KMS_E_SYNTAX, "a proof has at most %d hashes", PROOF_MAX);
        }
        TRY(take_hash(line, &proof.hash[proof.n]));
        proof.n++;
    }
    *ret = proof;
    *rest = left;
    return P11KMS_OK;
}
