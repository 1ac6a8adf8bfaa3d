#include "token/pin_mark.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *after(const char *source, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(source, prefix, len) == 0 ? source + len : NULL;
}

static bool find_file(const char *source, struct stat *ret)
{
    const char *path = after(source, "file:");
    const char *name = after(source, "credential:");
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char joined[PATH_MAX];

    if (name != NULL && folder != NULL) {
        path = (size_t)snprintf(joined, sizeof(joined), "%s/%s", folder, name) < sizeof(joined) ? joined : NULL;
    }
    return path != NULL && stat(path, ret) == 0 && S_ISREG(ret->st_mode);
}

pin_mark pin_mark_of(const char *source)
{
    struct stat st;

    if (!find_file(source, &st)) {
        return (pin_mark){ .known = false };
    }
    return (pin_mark){
        .known = true,
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = st.st_size,
        .written = st.st_mtim,
        .changed = st.st_ctim,
    };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool pin_mark_same(const pin_mark *a, const pin_mark *b)
{
    return a->known && b->known && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(&a->written, &b->written) && same_time(&a->changed, &b->changed);
}
