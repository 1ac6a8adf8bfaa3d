/* A look at a log from outside, changing nothing. */
#include "audit/audit.h"
#include "audit/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Taken for a moment, and in the shared way, so that it is given up at once when nobody has it. */
static bool is_locked(int folder)
{
    _cleanup_fd_ int fd = openat(folder, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static p11kms_err look_at_segment(int folder, uint64_t number, bool newest, audit_look *look)
{
    char name[SEGMENT_NAME];
    char last = '\n';
    struct stat st;

    segment_name(number, name);
    _cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || (newest && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)) {
        FAIL(P11KMS_E_AUDIT, "audit: %s cannot be read: %s", name, strerror(errno));
    }
    look->bytes += (uint64_t)st.st_size;
    look->torn = look->torn || (last != '\n' && !look->in_use);
    return P11KMS_OK;
}

p11kms_err audit_inspect(const char *dir, audit_look *ret)
{
    _cleanup_free_ uint64_t *numbers = NULL;
    audit_look look = { 0 };
    size_t count;

    _cleanup_fd_ int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        FAIL(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "audit: %s cannot be opened: %s", dir,
             strerror(errno));
    }
    look.in_use = is_locked(folder);
    TRY(segment_list(folder, &numbers, &count));
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && look.missing == 0 && numbers[i] != numbers[i - 1] + 1) {
            look.missing = numbers[i - 1] + 1;
        }
        TRY(look_at_segment(folder, numbers[i], i + 1 == count, &look));
    }
    look.first = count ? numbers[0] : 0;
    look.last = count ? numbers[count - 1] : 0;
    *ret = look;
    return P11KMS_OK;
}
