#include "tests/testing.h"

#include "audit/proof.h"
#include "util/encode.h"

#define LEAVES 300
static merkle_hash leaves[LEAVES];
static merkle_hash roots[LEAVES + 1];

/* RFC 9162 2.1.1 word for word. */
static merkle_hash naive_root(const merkle_hash *leaf, size_t n)
{
    merkle_hash ret;
    size_t k = 1;

    if (n == 0) {
        crypto_sha256(SLICE(NULL, 0), ret.bytes);
        return ret;
    }
    if (n == 1) {
        return leaf[0];
    }
    while (2 * k < n) {
        k *= 2;
    }
    merkle_hash left = naive_root(leaf, k), right = naive_root(leaf + k, n - k);
    merkle_node(&left, &right, &ret);
    return ret;
}

/* 2.1.3.1 word for word. */
static void naive_path(size_t m, const merkle_hash *leaf, size_t n, proof_t *out)
{
    size_t k = 1;

    if (n == 1) {
        return;
    }
    while (2 * k < n) {
        k *= 2;
    }
    naive_path(m < k ? m : m - k, m < k ? leaf : leaf + k, m < k ? k : n - k, out);
    out->hash[out->n++] = m < k ? naive_root(leaf + k, n - k) : naive_root(leaf, k);
}

/* 2.1.4.1 word for word. */
static void naive_subproof(size_t m, const merkle_hash *leaf, size_t n, bool b, proof_t *out)
{
    size_t k = 1;

    if (m == n) {
        if (!b) {
            out->hash[out->n++] = naive_root(leaf, n);
        }
        return;
    }
    while (2 * k < n) {
        k *= 2;
    }
    if (m <= k) {
        naive_subproof(m, leaf, k, b, out);
        out->hash[out->n++] = naive_root(leaf + k, n - k);
    } else {
        naive_subproof(m - k, leaf + k, n - k, false, out);
        out->hash[out->n++] = naive_root(leaf, k);
    }
}

static p11kms_err subtree(void *arg, unsigned level, uint64_t index, merkle_hash *ret)
{
    uint64_t size = *(uint64_t *)arg;

    assert_true((index + 1) << level <= size); /* perfect ones alone are asked for */
    *ret = naive_root(leaves + (index << level), (size_t)1 << level);
    return P11KMS_OK;
}

static int prepare(void **state)
{
    (void)state;
    if (crypto_init() != P11KMS_OK) {
        return -1;
    }
    for (size_t i = 0; i < LEAVES; i++) {
        merkle_leaf(SLICE(&i, sizeof(i)), &leaves[i]);
    }
    for (size_t n = 0; n <= LEAVES; n++) {
        roots[n] = naive_root(leaves, n);
    }
    return 0;
}

static void assert_same(const proof_t *a, const proof_t *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->hash, b->hash, a->n * sizeof(a->hash[0]));
}

/* Sizes up to here are done whole; above, at strides without a pattern. */
#define ALL 70

static void test_inclusion_proofs_are_the_rfcs_and_verify_for_every_leaf(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size += size < ALL ? 1 : 23) {
        for (uint64_t i = 0; i < size; i += size < ALL ? 1 : 7) {
            proof_t proof, naive = { .n = 0 };
            assert_ok(proof_inclusion(subtree, &size, i, size, &proof));
            naive_path(i, leaves, size, &naive);
            assert_same(&proof, &naive);
            assert_true(proof_check_inclusion(&proof, i, size, &leaves[i], &roots[size]));
        }
    }
}

static void test_consistency_proofs_are_the_rfcs_and_verify_for_every_pair(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size += size < ALL ? 1 : 23) {
        for (uint64_t old = 1; old <= size; old += size < ALL ? 1 : 7) {
            proof_t proof, naive = { .n = 0 };
            assert_ok(proof_consistency(subtree, &size, old, size, &proof));
            naive_subproof(old, leaves, size, true, &naive);
            assert_same(&proof, &naive);
            assert_true(proof_check_consistency(&proof, old, size, &roots[old], &roots[size]));
        }
    }
}

static void test_a_proof_holds_for_its_leaf_its_place_and_its_tree_alone(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 33; size++) {
        for (uint64_t i = 0; i < size; i++) {
            proof_t proof;
            assert_ok(proof_inclusion(subtree, &size, i, size, &proof));
            for (uint64_t other = 0; other <= size + 1; other++) {
                assert_int_equal(proof_check_inclusion(&proof, other, size, &leaves[i], &roots[size]), other == i);
                assert_int_equal(proof_check_inclusion(&proof, i, size, &leaves[other], &roots[size]), other == i);
                if (other != size) {
                    assert_false(proof_check_inclusion(&proof, i, size, &leaves[i], &roots[other]));
                }
            }
        }
    }
}

static void test_a_changed_shortened_or_lengthened_proof_is_refused(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 40; size++) {
        for (uint64_t i = 1; i < size; i++) {
            proof_t path, link;
            assert_ok(proof_inclusion(subtree, &size, i, size, &path));
            assert_ok(proof_consistency(subtree, &size, i, size, &link));
            for (size_t h = 0; h < path.n; h++) {
                proof_t bad = path;
                bad.hash[h].bytes[h] ^= 1;
                assert_false(proof_check_inclusion(&bad, i, size, &leaves[i], &roots[size]));
            }
            for (size_t h = 0; h < link.n; h++) {
                proof_t bad = link;
                bad.hash[h].bytes[h] ^= 1;
                assert_false(proof_check_consistency(&bad, i, size, &roots[i], &roots[size]));
            }
            path.n--;
            assert_false(proof_check_inclusion(&path, i, size, &leaves[i], &roots[size]));
            path.n += 2;
            assert_false(proof_check_inclusion(&path, i, size, &leaves[i], &roots[size]));
            link.n--;
            assert_false(proof_check_consistency(&link, i, size, &roots[i], &roots[size]));
            link.n += 2;
            assert_false(proof_check_consistency(&link, i, size, &roots[i], &roots[size]));
        }
    }
}

static void test_a_tree_that_forked_is_not_consistent(void **state)
{
    (void)state;
    for (uint64_t size = 2; size <= 40; size++) {
        for (uint64_t old = 1; old < size; old++) {
            proof_t link;
            assert_ok(proof_consistency(subtree, &size, old, size, &link));
            assert_false(proof_check_consistency(&link, old, size, &roots[old + 1], &roots[size]));
            assert_false(proof_check_consistency(&link, old, size, &roots[old], &roots[size - 1]));
            assert_false(proof_check_consistency(&link, size, old, &roots[size], &roots[old]));
        }
    }
}

static void test_the_empty_tree_and_the_same_tree_need_no_hashes(void **state)
{
    uint64_t size = 9;
    proof_t proof;

    (void)state;
    assert_ok(proof_consistency(subtree, &size, 0, size, &proof));
    assert_int_equal(proof.n, 0);
    assert_true(proof_check_consistency(&proof, 0, size, &roots[0], &roots[size]));
    assert_false(proof_check_consistency(&proof, 0, size, &roots[1], &roots[size]));
    assert_ok(proof_consistency(subtree, &size, size, size, &proof));
    assert_int_equal(proof.n, 0);
    assert_true(proof_check_consistency(&proof, size, size, &roots[size], &roots[size]));
    assert_false(proof_check_consistency(&proof, size, size, &roots[8], &roots[size]));
}

static void test_what_is_not_in_the_tree_has_no_proof(void **state)
{
    uint64_t size = 9;
    proof_t proof;

    (void)state;
    assert_err(proof_inclusion(subtree, &size, 9, 9, &proof), P11KMS_E_RANGE);
    assert_err(proof_inclusion(subtree, &size, 0, 0, &proof), P11KMS_E_RANGE);
    assert_err(proof_consistency(subtree, &size, 10, 9, &proof), P11KMS_E_RANGE);
}

/* The vectors of the certificate-transparency project's own tests of RFC 6962. */
static const char *const ct_leaves[] = { "",         "00",       "10",
                                         "2021",     "3031",     "40414243",
                                         "5051525354555657", "606162636465666768696a6b6c6d6e6f" };
static const char *const ct_roots[] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};
#define A "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
#define B "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
#define C "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
#define D "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
#define E "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
#define F "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
#define G "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
#define H "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
#define Z "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"

static merkle_hash hash_of(const char *hex)
{
    merkle_hash ret;

    assert_ok(hex_decode(SLICE_STR(hex), ret.bytes));
    return ret;
}

static proof_t proof_of(const char *const hex[3])
{
    proof_t proof = { .n = 0 };

    while (proof.n < 3 && hex[proof.n]) {
        proof.hash[proof.n] = hash_of(hex[proof.n]);
        proof.n++;
    }
    return proof;
}

static void test_certificate_transparencys_vectors_verify(void **state)
{
    static const struct {
        uint64_t index, size;
        const char *hash[3];
    } paths[] = { { 0, 1, { NULL } },    { 0, 8, { A, B, C } },  { 5, 8, { D, E, F } },
                  { 2, 3, { G, NULL } }, { 1, 5, { Z, B, D } } },
      links[] = { { 1, 1, { NULL } }, { 1, 8, { A, B, C } }, { 6, 8, { H, E, F } }, { 2, 5, { B, D } } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        uint8_t data[16];
        merkle_hash leaf, root = hash_of(ct_roots[paths[i].size - 1]);
        const char *text = ct_leaves[paths[i].index];
        assert_ok(hex_decode(SLICE_STR(text), data));
        merkle_leaf(SLICE(data, strlen(text) / 2), &leaf);
        proof_t proof = proof_of(paths[i].hash);
        assert_true(proof_check_inclusion(&proof, paths[i].index, paths[i].size, &leaf, &root));
    }
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        merkle_hash old = hash_of(ct_roots[links[i].index - 1]), root = hash_of(ct_roots[links[i].size - 1]);
        proof_t proof = proof_of(links[i].hash);
        assert_true(proof_check_consistency(&proof, links[i].index, links[i].size, &old, &root));
    }
}

static void test_a_proof_becomes_lines_and_comes_back(void **state)
{
    _cleanup_buf_ buf_t text = { 0 };
    uint64_t size = 200;
    proof_t proof, back;

    (void)state;
    assert_ok(proof_inclusion(subtree, &size, 77, size, &proof));
    proof_put(&proof, &text);
    buf_put_str(&text, "\nwhat follows");
    slice_t rest = buf_slice(&text);
    assert_ok(proof_take(&rest, &back));
    assert_same(&back, &proof);
    assert_slice_text(rest, "what follows");
}

static void test_lines_that_are_no_hashes_and_too_many_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==\n\n",
        " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n\r\n",
    };
    _cleanup_buf_ buf_t many = { 0 };
    proof_t proof;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        slice_t rest = SLICE_STR(wrong[i]);
        assert_err(proof_take(&rest, &proof), P11KMS_E_SYNTAX);
        assert_int_equal(rest.len, strlen(wrong[i]));
    }
    for (size_t i = 0; i <= PROOF_MAX; i++) {
        buf_put_str(&many, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    }
    buf_put_char(&many, '\n');
    slice_t rest = buf_slice(&many);
    assert_err(proof_take(&rest, &proof), P11KMS_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inclusion_proofs_are_the_rfcs_and_verify_for_every_leaf),
        cmocka_unit_test(test_consistency_proofs_are_the_rfcs_and_verify_for_every_pair),
        cmocka_unit_test(test_a_proof_holds_for_its_leaf_its_place_and_its_tree_alone),
        cmocka_unit_test(test_a_changed_shortened_or_lengthened_proof_is_refused),
        cmocka_unit_test(test_a_tree_that_forked_is_not_consistent),
        cmocka_unit_test(test_the_empty_tree_and_the_same_tree_need_no_hashes),
        cmocka_unit_test(test_what_is_not_in_the_tree_has_no_proof),
        cmocka_unit_test(test_certificate_transparencys_vectors_verify),
        cmocka_unit_test(test_a_proof_becomes_lines_and_comes_back),
        cmocka_unit_test(test_lines_that_are_no_hashes_and_too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
