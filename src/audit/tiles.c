#include "audit/tiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define GROUPS_MAX 7 /* of three digits: more than 2^64 has */
#define NEW_NAME 32

/** "x001/x234/067" */
static void put_index(uint64_t index, char *out, size_t size)
{
    unsigned groups[GROUPS_MAX];
    unsigned count = 0;
    size_t len = 0;

    do {
        groups[count++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    out[0] = '\0';
    while (count-- > 0) {
        len += (size_t)snprintf(out + len, size - len, count > 0 ? "x%03u/" : "%03u", groups[count]);
    }
}

void tile_path(unsigned level, uint64_t index, unsigned width, char out[TILE_PATH])
{
    char name[TILE_PATH - 16];

    put_index(index, name, sizeof(name));
    if (width == TILE_WIDTH) {
        snprintf(out, TILE_PATH, "tile/%u/%s", level % TILE_LEVELS, name);
    } else {
        snprintf(out, TILE_PATH, "tile/%u/%s.p/%u", level % TILE_LEVELS, name, width % TILE_WIDTH);
    }
}

static void folder_path(unsigned level, uint64_t index, char out[TILE_PATH])
{
    tile_path(level, index, 1, out);
    *strrchr(out, '/') = '\0';
}

/* ---- reading ---- */

static p11kms_err fail_tile(const char *path, const char *act)
{
    FAIL(P11KMS_E_AUDIT, "audit: %s: %s: %s", path, act, strerror(errno));
}

/** @p has entries are in the file, the first @p width are wanted. */
static p11kms_err read_entries(int folder, const char *path, unsigned has, unsigned width, merkle_tile *tile)
{
    _cleanup_fd_ int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    size_t len = width * sizeof(merkle_hash);
    struct stat st;

    if (fd < 0 && errno == ENOENT) {
        return p11kms_fail_plain(P11KMS_E_NOT_FOUND);
    }
    if (fd < 0 || fstat(fd, &st) != 0) {
        return fail_tile(path, "open");
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != has * sizeof(merkle_hash)) {
        FAIL(P11KMS_E_AUDIT, "audit: %s is not a tile of %u hashes", path, has);
    }
    errno = EIO;
    if (pread(fd, tile->entry, len, 0) != (ssize_t)len) {
        return fail_tile(path, "read");
    }
    return P11KMS_OK;
}

static void close_dir(DIR *dir)
{
    closedir(dir);
}

DEFINE_CLEANUP(DIR *, dir, close_dir);

static DIR *open_partials(int folder, unsigned level, uint64_t index)
{
    char path[TILE_PATH];
    int fd;
    DIR *dir;

    folder_path(level, index, path);
    fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL && fd >= 0) {
        close(fd);
    }
    return dir;
}

/** "1" to "255"; 0 for every other name. */
static unsigned width_of(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    unsigned long width = digits > 0 && digits < 4 && name[0] != '0' ? strtoul(name, NULL, 10) : 0;

    return name[digits] == '\0' && width < TILE_WIDTH ? (unsigned)width : 0;
}

static unsigned widest_partial(int folder, unsigned level, uint64_t index)
{
    _cleanup_(dir) DIR *dir = open_partials(folder, level, index);
    const struct dirent *entry;
    unsigned widest = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unsigned width = width_of(entry->d_name);

        widest = width > widest ? width : widest;
    }
    return widest;
}

static p11kms_err read_width(int folder, unsigned level, uint64_t index, unsigned has, unsigned width,
                             merkle_tile *tile)
{
    char path[TILE_PATH];

    tile_path(level, index, has, path);
    return read_entries(folder, path, has, width, tile);
}

/* The very width first: it alone is known to be on disk after a power cut (notary.c). */
static p11kms_err read_any(int folder, unsigned level, uint64_t index, unsigned width, merkle_tile *ret)
{
    p11kms_err err = read_width(folder, level, index, width, width, ret);

    if (err == P11KMS_E_NOT_FOUND && width < TILE_WIDTH) {
        err = read_width(folder, level, index, TILE_WIDTH, width, ret);
    }
    if (err == P11KMS_E_NOT_FOUND && width < TILE_WIDTH) {
        unsigned has = widest_partial(folder, level, index);

        /* A wider one may come, and this one go, while we look: the next look finds it. */
        err = has >= width ? read_width(folder, level, index, has, width, ret) : err;
    }
    return err;
}

p11kms_err tile_read(int folder, unsigned level, uint64_t index, unsigned width, merkle_tile *ret)
{
    p11kms_err err = read_any(folder, level, index, width, ret);

    if (err == P11KMS_E_NOT_FOUND) {
        char path[TILE_PATH];

        tile_path(level, index, width, path);
        FAIL(P11KMS_E_NOT_FOUND, "audit: %s is missing", path);
    }
    TRY(err);
    ret->level = (uint8_t)level;
    ret->index = index;
    ret->width = width;
    return P11KMS_OK;
}

p11kms_err tiles_load(int folder, uint64_t size, merkle_tree *ret)
{
    merkle_init(ret);
    for (unsigned level = 0; level < TILE_LEVELS; level++) {
        uint64_t index;
        unsigned width;

        merkle_tile_at(size, level, &index, &width);
        if (width == 0) {
            break;
        }
        TRY(tile_read(folder, level, index, width, &ret->tile[level]));
    }
    merkle_rewind(ret, size);
    return P11KMS_OK;
}

p11kms_err tiles_hash(void *reader, unsigned level, uint64_t index, merkle_hash *ret)
{
    tile_reader *from = reader;
    unsigned height = level % TILE_HEIGHT;
    unsigned row = level / TILE_HEIGHT;
    uint64_t last = ((index + 1) << height) - 1;
    uint64_t tile = last / TILE_WIDTH;
    unsigned width = (unsigned)(last % TILE_WIDTH) + 1;

    ENSURE(level < MERKLE_LEVELS && index < from->size >> level, P11KMS_E_RANGE);
    if (from->kept.width < width || from->kept.level != row || from->kept.index != tile) {
        uint64_t rightmost;
        unsigned has;

        merkle_tile_at(from->size, row, &rightmost, &has);
        from->kept.width = 0;
        TRY(tile_read(from->folder, row, tile, tile == rightmost ? has : TILE_WIDTH, &from->kept));
    }
    merkle_tile_hash(&from->kept, width - (1u << height), height, ret);
    return P11KMS_OK;
}

/* ---- writing ---- */

/** Every folder of @p path but the last name. */
static bool make_folders(int folder, char *path)
{
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        bool made;

        *slash = '\0';
        made = mkdirat(folder, path, 0750) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made) {
            return false;
        }
    }
    return true;
}

static bool write_entries(int folder, const char *name, const merkle_tile *tile)
{
    _cleanup_fd_ int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    size_t len = tile->width * sizeof(merkle_hash);
    ssize_t n = fd < 0 ? -1 : write(fd, tile->entry, len);

    if (n >= 0 && (size_t)n < len) {
        errno = ENOSPC; /* a short write to a file: the next would have said so */
    }
    return n == (ssize_t)len;
}

/* A name for every level: full and partial tiles are written by threads of their own. */
p11kms_err tile_write(int folder, const merkle_tile *tile)
{
    char path[TILE_PATH];
    char draft[NEW_NAME];

    tile_path(tile->level, tile->index, tile->width, path);
    snprintf(draft, sizeof(draft), "tile/%s", tile->width == TILE_WIDTH ? ".full" : ".partial");
    if (!write_entries(folder, draft, tile)) {
        if (errno != ENOENT || !make_folders(folder, draft) || !write_entries(folder, draft, tile)) {
            return fail_tile(path, "write");
        }
    }
    if (renameat(folder, draft, folder, path) == 0) {
        return P11KMS_OK;
    }
    if (errno != ENOENT || !make_folders(folder, path) || renameat(folder, draft, folder, path) != 0) {
        return fail_tile(path, "write");
    }
    return P11KMS_OK;
}

static bool sync_path(int folder, const char *path)
{
    _cleanup_fd_ int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0;
}

p11kms_err tile_sync(int folder, unsigned level, uint64_t index, unsigned width)
{
    char path[TILE_PATH];

    tile_path(level, index, width, path);
    if (!sync_path(folder, path)) {
        return fail_tile(path, "sync");
    }
    *strrchr(path, '/') = '\0';
    if (!sync_path(folder, path)) {
        return fail_tile(path, "sync");
    }
    return P11KMS_OK;
}

void tile_drop_partial(int folder, unsigned level, uint64_t index, unsigned keep, unsigned keep_too)
{
    _cleanup_(dir) DIR *dir = open_partials(folder, level, index);
    const struct dirent *entry;
    char path[TILE_PATH];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unsigned width = width_of(entry->d_name);

        if (width != 0 && width != keep && width != keep_too) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL && keep == 0 && keep_too == 0) {
        folder_path(level, index, path);
        (void)unlinkat(folder, path, AT_REMOVEDIR);
    }
}
