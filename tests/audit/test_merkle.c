/* The tree, against known answers and against the definition. */
#include "tests/testing.h"

#include <stdio.h>

#include "audit/tiles.h"
#include "tests/audit/files.h"
#include "util/encode.h"

#define LEAVES 70000 /* three levels of tiles */

static merkle_hash leaves[LEAVES];

static int make_leaves(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    for (uint32_t i = 0; i < LEAVES; i++) {
        merkle_leaf(SLICE(&i, sizeof(i)), &leaves[i]);
    }
    return 0;
}

/* RFC 6962 section 2.1, word by word. */
static merkle_hash defined_root(uint64_t first, uint64_t count)
{
    uint64_t split = 1;
    merkle_hash left;
    merkle_hash right;
    merkle_hash root;

    if (count == 0) {
        crypto_sha256(SLICE(NULL, 0), root.bytes);
        return root;
    }
    if (count == 1) {
        return leaves[first];
    }
    while (split * 2 < count) {
        split *= 2;
    }
    left = defined_root(first, split);
    right = defined_root(first + split, count - split);
    merkle_node(&left, &right, &root);
    return root;
}

static void assert_hash(const merkle_hash *hash, const char *hex)
{
    char text[2 * SHA256_LEN + 1];

    for (size_t i = 0; i < SHA256_LEN; i++) {
        snprintf(text + 2 * i, 3, "%02x", hash->bytes[i]);
    }
    assert_string_equal(text, hex);
}

static void assert_root(const merkle_edge *edge, uint64_t size)
{
    merkle_hash want = defined_root(0, size);
    merkle_hash have;

    assert_int_equal(edge->size, size);
    merkle_root(edge, &have);
    assert_memory_equal(&have, &want, sizeof(want));
}

static merkle_tree *new_tree(void)
{
    merkle_tree *tree = malloc(sizeof(*tree));

    assert_non_null(tree);
    merkle_init(tree);
    return tree;
}

static void test_the_roots_of_certificate_transparencys_test_leaves(void **state)
{
    /* The eight inputs and roots that the implementations of RFC 6962 share as their test vectors. */
    static const slice_t inputs[] = {
        { (const uint8_t *)"", 0 },
        { (const uint8_t *)"\x00", 1 },
        { (const uint8_t *)"\x10", 1 },
        { (const uint8_t *)"\x20\x21", 2 },
        { (const uint8_t *)"\x30\x31", 2 },
        { (const uint8_t *)"\x40\x41\x42\x43", 4 },
        { (const uint8_t *)"\x50\x51\x52\x53\x54\x55\x56\x57", 8 },
        { (const uint8_t *)"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16 },
    };
    static const char *const roots[] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    _cleanup_free_ merkle_tree *tree = new_tree();
    merkle_hash hash;
    (void)state;

    merkle_root(&tree->edge, &hash);
    assert_hash(&hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        merkle_leaf(inputs[i], &hash);
        merkle_append(tree, &hash);
        merkle_root(&tree->edge, &hash);
        assert_hash(&hash, roots[i]);
    }
}

static void test_the_edge_has_the_root_of_the_definition_at_every_size(void **state)
{
    _cleanup_free_ merkle_tree *tree = new_tree();
    (void)state;

    assert_root(&tree->edge, 0);
    for (uint64_t size = 1; size <= LEAVES; size++) {
        merkle_append(tree, &leaves[size - 1]);
        if (size < 600 || size % 9973 == 0 || size == 65535 || size == 65536 || size == 65537) {
            assert_root(&tree->edge, size);
        }
    }
}

static void test_tiles_fill_from_the_leaves_up(void **state)
{
    _cleanup_free_ merkle_tree *tree = new_tree();
    (void)state;

    for (uint64_t i = 0; i < LEAVES; i++) {
        unsigned full = merkle_append(tree, &leaves[i]);

        assert_int_equal(full, (i + 1) % 65536 == 0 ? 2 : (i + 1) % 256 == 0 ? 1 : 0);
        for (unsigned level = 0; level < full; level++) {
            uint64_t span = UINT64_C(1) << (8 * level);
            const merkle_tile *tile = &tree->tile[level];

            assert_int_equal(tile->width, TILE_WIDTH);
            assert_int_equal(tile->index, i / 256 / span);
            for (unsigned at = 0; at < TILE_WIDTH; at += 51) {
                merkle_hash want = defined_root((tile->index * 256 + at) * span, span);

                assert_memory_equal(&tile->entry[at], &want, sizeof(want));
            }
        }
    }
}

static void test_paths_are_those_of_the_specification(void **state)
{
    static const struct {
        unsigned level;
        uint64_t index;
        unsigned width;
        const char *path;
    } paths[] = {
        { 0, 0, 256, "tile/0/000" },
        { 0, 0, 1, "tile/0/000.p/1" },
        { 3, 999, 255, "tile/3/999.p/255" },
        { 0, 1000, 256, "tile/0/x001/000" },
        { 0, 1234067, 256, "tile/0/x001/x234/067" },
        { 7, 1234067, 8, "tile/7/x001/x234/067.p/8" },
        { 0, UINT64_MAX, 255, "tile/0/x018/x446/x744/x073/x709/x551/615.p/255" },
    };
    char path[TILE_PATH];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        tile_path(paths[i].level, paths[i].index, paths[i].width, path);
        assert_string_equal(path, paths[i].path);
    }
}

/* ---- on disk ---- */

/** A folder with the tiles of @p size leaves, as the log leaves them at a checkpoint. */
static int write_tree(const char *folder, uint64_t size)
{
    _cleanup_free_ merkle_tree *tree = new_tree();
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (uint64_t i = 0; i < size; i++) {
        unsigned full = merkle_append(tree, &leaves[i]);

        for (unsigned level = 0; level < full; level++) {
            assert_ok(tile_write(fd, &tree->tile[level]));
        }
    }
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        if (tree->tile[level].width % TILE_WIDTH != 0) {
            assert_ok(tile_write(fd, &tree->tile[level]));
        }
    }
    return fd;
}

static void test_a_tree_comes_back_from_its_tiles_at_any_size_it_has_had(void **state)
{
    static const uint64_t sizes[] = { 0,    1,     2,     255,   256,   257,   511,  512,
                                      4097, 65535, 65536, 65537, 65793, 69999, 70000 };
    _cleanup_free_ merkle_tree *tree = new_tree();
    _cleanup_fd_ int folder = write_tree(scratch_folder(), LEAVES);
    (void)state;

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        assert_ok(tiles_load(folder, sizes[i], tree));
        assert_root(&tree->edge, sizes[i]);
        for (uint64_t at = sizes[i]; at < sizes[i] + 300 && at < LEAVES; at++) { /* and it grows as it did */
            merkle_append(tree, &leaves[at]);
            assert_int_equal(tree->tile[0].index, at / 256);
        }
        assert_root(&tree->edge, sizes[i] + 300 < LEAVES ? sizes[i] + 300 : LEAVES);
    }
}

static void test_a_growing_tree_can_be_taken_back(void **state)
{
    _cleanup_free_ merkle_tree *tree = new_tree();
    (void)state;

    for (uint64_t i = 0; i < 1000; i++) {
        merkle_append(tree, &leaves[i]);
    }
    merkle_rewind(tree, 900); /* within the tiles it holds */
    assert_root(&tree->edge, 900);
    merkle_append(tree, &leaves[900]);
    assert_root(&tree->edge, 901);
}

static void test_every_subtree_is_read_from_the_tiles(void **state)
{
    _cleanup_fd_ int folder = write_tree(scratch_folder(), LEAVES);
    tile_reader reader = { .folder = folder, .size = LEAVES };
    merkle_hash hash;
    (void)state;

    for (unsigned level = 0; level < 17; level++) {
        uint64_t count = (uint64_t)LEAVES >> level;

        for (uint64_t index = 0; index < count; index += 1 + count / 13) {
            merkle_hash want = defined_root(index << level, UINT64_C(1) << level);

            assert_ok(tiles_hash(&reader, level, index, &hash));
            assert_memory_equal(&hash, &want, sizeof(want));
        }
        assert_err(tiles_hash(&reader, level, count, &hash), P11KMS_E_RANGE);
    }
    assert_err(tiles_hash(&reader, 17, 0, &hash), P11KMS_E_RANGE);
    assert_err(tiles_hash(&reader, 64, 0, &hash), P11KMS_E_RANGE);
}

static void test_a_partial_tile_serves_those_who_want_less(void **state)
{
    _cleanup_fd_ int folder = write_tree(scratch_folder(), 100);
    merkle_tile tile;
    (void)state;

    assert_ok(tile_read(folder, 0, 0, 7, &tile));
    assert_int_equal(tile.width, 7);
    assert_memory_equal(tile.entry, leaves, 7 * sizeof(*leaves));
    assert_err(tile_read(folder, 0, 0, 101, &tile), P11KMS_E_NOT_FOUND);
    assert_err(tile_read(folder, 0, 0, 256, &tile), P11KMS_E_NOT_FOUND);
    assert_err(tile_read(folder, 0, 1, 1, &tile), P11KMS_E_NOT_FOUND);
}

static void test_older_partial_tiles_go(void **state)
{
    const char *path = scratch_folder();
    _cleanup_fd_ int folder = write_tree(path, 100);
    merkle_tile tile;
    (void)state;

    assert_ok(tile_read(folder, 0, 0, 100, &tile));
    tile.width = 60;
    assert_ok(tile_write(folder, &tile));
    write_file(path, "tile/0/000.p/other", SLICE_LIT("nobody's"));
    tile_drop_partial(folder, 0, 0, 100, 99);
    assert_string_equal(file_text(path, "tile/0/000.p/60"), "absent");
    assert_int_equal(file_size(path, "tile/0/000.p/100"), 3200);
    assert_string_equal(file_text(path, "tile/0/000.p/other"), "nobody's");
    assert_int_equal(unlink(scratch_path(path, "tile/0/000.p/other")), 0);
    tile_drop_partial(folder, 0, 0, 0, 0);
    assert_int_equal(file_size(path, "tile/0/000.p"), -1);
    tile_drop_partial(folder, 0, 5, 0, 0); /* nothing there: no harm */
}

static void test_what_is_not_a_tile_is_refused(void **state)
{
    const char *path = scratch_folder();
    _cleanup_fd_ int folder = write_tree(path, 512);
    merkle_tile tile;
    (void)state;

    write_file(path, "tile/0/000", SLICE_LIT("short"));
    assert_err(tile_read(folder, 0, 0, 1, &tile), P11KMS_E_AUDIT);
    assert_detail_names(P11KMS_E_AUDIT, "tile/0/000");
    assert_int_equal(unlink(scratch_path(path, "tile/0/001")), 0);
    assert_int_equal(symlink("000", scratch_path(path, "tile/0/001")), 0);
    assert_err(tile_read(folder, 0, 1, 1, &tile), P11KMS_E_AUDIT);
    assert_int_equal(mkfifo(scratch_path(path, "tile/0/002"), 0600), 0);
    assert_err(tile_read(folder, 0, 2, 1, &tile), P11KMS_E_AUDIT);
}

static void test_a_tile_is_replaced_and_synced(void **state)
{
    const char *path = scratch_folder();
    _cleanup_fd_ int folder = write_tree(path, 300);
    merkle_tile tile;
    (void)state;

    write_file(path, "tile/0/000", SLICE_LIT("torn"));
    memcpy(tile.entry, leaves, sizeof(tile.entry));
    tile.level = 0;
    tile.index = 0;
    tile.width = TILE_WIDTH;
    assert_ok(tile_write(folder, &tile));
    assert_ok(tile_sync(folder, 0, 0, TILE_WIDTH));
    assert_int_equal(file_size(path, "tile/0/000"), 8192);
    assert_err(tile_sync(folder, 0, 9, TILE_WIDTH), P11KMS_E_AUDIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_roots_of_certificate_transparencys_test_leaves),
        cmocka_unit_test(test_the_edge_has_the_root_of_the_definition_at_every_size),
        cmocka_unit_test(test_tiles_fill_from_the_leaves_up),
        cmocka_unit_test(test_paths_are_those_of_the_specification),
        cmocka_unit_test(test_a_tree_comes_back_from_its_tiles_at_any_size_it_has_had),
        cmocka_unit_test(test_a_growing_tree_can_be_taken_back),
        cmocka_unit_test(test_every_subtree_is_read_from_the_tiles),
        cmocka_unit_test(test_a_partial_tile_serves_those_who_want_less),
        cmocka_unit_test(test_older_partial_tiles_go),
        cmocka_unit_test(test_what_is_not_a_tile_is_refused),
        cmocka_unit_test(test_a_tile_is_replaced_and_synced),
    };

    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
