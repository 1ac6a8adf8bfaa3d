#include "config.h" /* renameat2() */

#include "cli/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define ENTRIES_MAX 16

typedef struct {
    const char *name;
    mode_t mode;
    bool is_folder;
    bool placed; /* by us, so to be taken away again */
} entry_t;

struct stage {
    char *dir;
    char *beside; /* the folder of what is not in its place yet */
    gid_t group;
    bool made_dir;
    bool committed;
    entry_t entries[ENTRIES_MAX];
    size_t n;
};

static p11kms_err failed(const char *act, const char *path)
{
    p11kms_err err = errno == EEXIST ? P11KMS_E_EXISTS : P11KMS_E_IO;

    if (err == P11KMS_E_EXISTS) {
        FAIL(err, "%s is there already, and nothing is overwritten", path);
    }
    FAIL(err, "cannot %s %s: %s", act, path, strerror(errno));
}

static p11kms_err join(const char *dir, const char *name, char out[PATH_MAX])
{
    if ((size_t)snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX) {
        FAIL(P11KMS_E_RANGE, "the path %s/%s is too long", dir, name);
    }
    return P11KMS_OK;
}

p11kms_err stage_begin(const char *dir, gid_t group, stage_t **ret)
{
    _cleanup_(stage) stage_t *stage = calloc(1, sizeof(*stage));

    ENSURE(stage, P11KMS_E_NOMEM);
    stage->group = group;
    stage->made_dir = mkdir(dir, 0755) == 0;
    if ((!stage->made_dir && errno != EEXIST) || (stage->made_dir && chmod(dir, 0755) != 0)) {
        return failed("make", dir);
    }
    stage->dir = realpath(dir, NULL);
    if (!stage->dir || asprintf(&stage->beside, "%s/.init-XXXXXX", stage->dir) < 0) {
        stage->beside = NULL;
        return failed("use", dir);
    }
    if (!mkdtemp(stage->beside)) {
        p11kms_err err = failed("write in", dir);
        free(STEAL(stage->beside));
        return err;
    }
    *ret = STEAL(stage);
    return P11KMS_OK;
}

/* From the last to the first, so that folders are empty when their turn comes. */
static void remove_entries(const stage_t *stage, const char *from, bool placed_alone)
{
    char path[PATH_MAX];

    for (size_t i = stage->n; i-- > 0;) {
        const entry_t *entry = &stage->entries[i];
        if ((!placed_alone || entry->placed) && join(from, entry->name, path) == P11KMS_OK) {
            (void)(entry->is_folder ? rmdir(path) : unlink(path));
        }
    }
}

void stage_end(stage_t *stage)
{
    if (!stage) {
        return;
    }
    if (stage->beside) {
        remove_entries(stage, stage->beside, false);
        rmdir(stage->beside);
        if (!stage->committed) {
            remove_entries(stage, stage->dir, true);
        }
    }
    if (stage->made_dir && !stage->committed && stage->dir) {
        rmdir(stage->dir);
    }
    free(stage->dir);
    free(stage->beside);
    free(stage);
}

const char *stage_dir(const stage_t *stage)
{
    return stage->beside;
}

static entry_t *new_entry(stage_t *stage, const char *name, mode_t mode, bool is_folder)
{
    entry_t *entry = &stage->entries[stage->n++];

    *entry = (entry_t){ .name = name, .mode = mode, .is_folder = is_folder };
    return entry;
}

/* Whatever the umask says. */
static p11kms_err make_folder(const stage_t *stage, const entry_t *entry, const char *path)
{
    if (mkdir(path, 0700) != 0 || chown(path, (uid_t)-1, stage->group) != 0 || chmod(path, entry->mode) != 0) {
        return failed("make", path);
    }
    return P11KMS_OK;
}

p11kms_err stage_folder(stage_t *stage, const char *name, mode_t mode)
{
    char path[PATH_MAX];

    ENSURE(stage->n < ENTRIES_MAX, P11KMS_E_RANGE);
    TRY(join(stage->beside, name, path));
    return make_folder(stage, new_entry(stage, name, mode, true), path);
}

static p11kms_err write_whole(int fd, const buf_t *content)
{
    for (size_t done = 0; done < content->len;) {
        ssize_t n = write(fd, content->data + done, content->len - done);
        ENSURE(n > 0, P11KMS_E_IO);
        done += (size_t)n;
    }
    return P11KMS_OK;
}

p11kms_err stage_file(stage_t *stage, const char *name, mode_t mode, const buf_t *content)
{
    char path[PATH_MAX];
    struct stat st;

    ENSURE(stage->n < ENTRIES_MAX && !buf_failed(content), P11KMS_E_NOMEM);
    TRY(join(stage->dir, name, path));
    if (lstat(path, &st) == 0) {
        errno = EEXIST;
        return failed("make", path);
    }
    TRY(join(stage->beside, name, path));
    new_entry(stage, name, mode, false);
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || fchown(fd, (uid_t)-1, stage->group) != 0 || fchmod(fd, mode) != 0 ||
        write_whole(fd, content) != P11KMS_OK || fsync(fd) != 0) {
        return failed("write", path);
    }
    return P11KMS_OK;
}

static p11kms_err place(const stage_t *stage, entry_t *entry)
{
    char from[PATH_MAX], to[PATH_MAX];
    struct stat st;

    TRY(join(stage->beside, entry->name, from));
    TRY(join(stage->dir, entry->name, to));
    if (entry->is_folder) {
        if (stat(to, &st) == 0 && S_ISDIR(st.st_mode)) {
            return P11KMS_OK;
        }
        TRY(make_folder(stage, entry, to));
    } else if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
        return failed("make", to);
    }
    entry->placed = true;
    return P11KMS_OK;
}

p11kms_err stage_commit(stage_t *stage)
{
    for (size_t i = 0; i < stage->n; i++) {
        TRY(place(stage, &stage->entries[i]));
    }
    _cleanup_fd_ int fd = open(stage->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return failed("sync", stage->dir);
    }
    stage->committed = true;
    return P11KMS_OK;
}
