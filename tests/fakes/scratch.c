#define _GNU_SOURCE /* nftw, unshare */
#include "tests/fakes/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define KEPT 32
#define DISKS 8

static char root[PATH_MAX - 256];
static pid_t owner;
static char disks[DISKS][PATH_MAX];
static size_t n_disks;
static bool own_namespace;

static void die(const char *what)
{
    fprintf(stderr, "scratch: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    remove(path);
    return 0;
}

static void remove_root(void)
{
    if (getpid() != owner) {
        return;
    }
    for (size_t i = 0; i < n_disks; i++) {
        umount2(disks[i], MNT_DETACH);
    }
    nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void make_root(void)
{
    const char *tmp = getenv("TMPDIR");

    if (root[0] != '\0') {
        return;
    }
    snprintf(root, sizeof(root), "%s/p11kms-test-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    if (mkdtemp(root) == NULL) {
        die(root);
    }
    owner = getpid();
    atexit(remove_root);
}

const char *scratch_path(const char *folder, const char *name)
{
    static char kept[KEPT][PATH_MAX];
    static size_t next;
    char *path = kept[next++ % KEPT];

    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        die(name);
    }
    return path;
}

const char *scratch_folder(void)
{
    static unsigned count;
    char name[16];
    const char *path;

    make_root();
    snprintf(name, sizeof(name), "%u", ++count);
    path = scratch_path(root, name);
    if (mkdir(path, 0700) != 0) {
        die(path);
    }
    return path;
}

const char *scratch_small_disk(size_t bytes)
{
    const char *path = scratch_folder();
    char options[64];

    /* In a mount namespace of our own, so that nothing stays mounted whatever happens to us. */
    if (!own_namespace) {
        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
            return NULL;
        }
        own_namespace = true;
    }
    snprintf(options, sizeof(options), "size=%zu,mode=0700", bytes);
    if (n_disks == DISKS || mount("tmpfs", path, "tmpfs", 0, options) != 0) {
        return NULL;
    }
    snprintf(disks[n_disks++], PATH_MAX, "%s", path);
    return path;
}

void scratch_fill_disk(const char *path)
{
    static const char zeros[65536];
    size_t chunk = sizeof(zeros);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0) {
        die(path);
    }
    while (chunk > 0) {
        if (write(fd, zeros, chunk) <= 0) {
            chunk /= 2;
        }
    }
    close(fd);
}
