/* A look at a log from outside, changing nothing. */
#include "audit/audit.h"
#include "audit/guard.h"
#include "audit/ledger.h"
#include "audit/resumed.h"
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

static void look_at_checkpoint(int folder, audit_look *look)
{
    _cleanup_buf_ buf_t text = { 0 };
    noted_t newest;
    uint64_t size;

    look->checkpoint = checkpoint_read(folder, &text, &newest) == P11KMS_OK;
    look->records = look->checkpoint ? newest.size : 0;
    if (stopped_read(folder, look->stopped, &size) != P11KMS_OK) {
        look->stopped[0] = '\0';
    }
}

static p11kms_err look_at_entry(int folder, const segment_entry *entry, bool newest, audit_look *look)
{
    if (!entry->plain && !entry->packed) {
        return P11KMS_OK;
    }
    if (look->last != 0 && look->missing == 0 && entry->number != look->last + 1 &&
        !resumed_begins(folder, entry, NULL)) {
        look->missing = look->last + 1;
    }
    look->first = look->first != 0 ? look->first : entry->number;
    look->last = entry->number;
    return entry->plain ? look_at_segment(folder, entry->number, newest, look) : P11KMS_OK;
}

p11kms_err audit_inspect(const char *dir, audit_look *ret)
{
    _cleanup_free_ segment_entry *entries = NULL;
    audit_look look = { 0 };
    size_t count;

    _cleanup_fd_ int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        FAIL(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "audit: %s cannot be opened: %s", dir,
             strerror(errno));
    }
    look.in_use = is_locked(folder);
    TRY(segment_scan(folder, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        /* Behind the newest segment there may be notes alone, of the next. */
        bool newest = i + 1 == count || (i + 2 == count && !entries[i + 1].plain && !entries[i + 1].packed);

        TRY(look_at_entry(folder, &entries[i], newest, &look));
    }
    look_at_checkpoint(folder, &look);
    *ret = look;
    return P11KMS_OK;
}
