#include "audit/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "util/clock.h"

#define LOG_ROOM "audit"
#include "util/log.h"

#define PREFIX "audit-"
#define SUFFIX ".jsonl"
#define NOTES_SUFFIX ".notes"
#define DIGITS 10

const segment_io segment_io_system = {
    .write = write, .sync = fdatasync, .truncate = ftruncate, .space = fstatvfs
};

static p11kms_err fail(const segments_t *segments, const char *act)
{
    int cause = errno;
    char name[SEGMENT_NAME];

    segment_name(segments->number, name);
    FAIL(P11KMS_E_AUDIT, "audit: %s: %s: %s", name, act, strerror(cause));
}

void segment_name(uint64_t number, char out[SEGMENT_NAME])
{
    snprintf(out, SEGMENT_NAME, PREFIX "%0*" PRIu64 SUFFIX, DIGITS, number % UINT64_C(10000000000));
}

void segment_notes_name(uint64_t number, char out[SEGMENT_NAME])
{
    snprintf(out, SEGMENT_NAME, PREFIX "%0*" PRIu64 NOTES_SUFFIX, DIGITS, number % UINT64_C(10000000000));
}

/** @p ret is one name's part; number 0: another name. */
static void read_name(const char *name, segment_entry *ret)
{
    size_t digits;

    *ret = (segment_entry){ 0 };
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) {
        return;
    }
    name += strlen(PREFIX);
    digits = strspn(name, "0123456789");
    ret->plain = strcmp(name + digits, SUFFIX) == 0;
    ret->packed = strcmp(name + digits, SUFFIX ".gz") == 0 || strcmp(name + digits, SUFFIX ".zst") == 0;
    ret->notes = strcmp(name + digits, NOTES_SUFFIX) == 0;
    if (digits == DIGITS && (ret->plain || ret->packed || ret->notes)) {
        ret->number = strtoull(name, NULL, 10);
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = ((const segment_entry *)a)->number;
    uint64_t right = ((const segment_entry *)b)->number;

    return (left > right) - (left < right);
}

static void close_dir(DIR *dir)
{
    closedir(dir);
}

DEFINE_CLEANUP(DIR *, dir, close_dir);

static p11kms_err open_listing(int folder, DIR **ret)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* a position of its own */
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (dir == NULL) {
        int cause = errno;

        if (fd >= 0) {
            close(fd);
        }
        FAIL(P11KMS_E_AUDIT, "audit: the folder cannot be listed: %s", strerror(cause));
    }
    *ret = dir;
    return P11KMS_OK;
}

/** Several entries of one number become one; @return how many are left. */
static size_t join_entries(segment_entry *entries, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && entries[kept - 1].number == entries[i].number) {
            entries[kept - 1].plain |= entries[i].plain;
            entries[kept - 1].packed |= entries[i].packed;
            entries[kept - 1].notes |= entries[i].notes;
        } else {
            entries[kept++] = entries[i];
        }
    }
    return kept;
}

p11kms_err segment_scan(int folder, segment_entry **ret, size_t *ret_count)
{
    _cleanup_(dir) DIR *dir = NULL;
    _cleanup_buf_ buf_t found = { 0 };
    const struct dirent *entry;
    segment_entry *list;
    size_t count;

    TRY(open_listing(folder, &dir));
    while ((entry = readdir(dir)) != NULL) {
        segment_entry one;

        read_name(entry->d_name, &one);
        if (one.number != 0) {
            buf_put(&found, &one, sizeof(one));
        }
    }
    ENSURE(!buf_failed(&found), P11KMS_E_NOMEM);
    count = found.len / sizeof(*list);
    list = calloc(count + 1, sizeof(*list));
    ENSURE(list != NULL, P11KMS_E_NOMEM);
    if (count > 0) {
        memcpy(list, found.data, found.len);
        qsort(list, count, sizeof(*list), by_number);
    }
    *ret_count = join_entries(list, count);
    *ret = list;
    return P11KMS_OK;
}

p11kms_err segment_list(int folder, uint64_t **ret, size_t *ret_count)
{
    _cleanup_free_ segment_entry *entries = NULL;
    uint64_t *list;
    size_t count;
    size_t plain = 0;

    TRY(segment_scan(folder, &entries, &count));
    list = calloc(count + 1, sizeof(*list));
    ENSURE(list != NULL, P11KMS_E_NOMEM);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].plain) {
            list[plain++] = entries[i].number;
        }
    }
    *ret = list;
    *ret_count = plain;
    return P11KMS_OK;
}

/* ---- append-only by the kernel ---- */

bool append_flag_set(int fd, bool on)
{
    int flags = 0;

    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) {
        return false;
    }
    if (((flags & FS_APPEND_FL) != 0) == on) {
        return true;
    }
    flags = on ? flags | FS_APPEND_FL : flags & ~FS_APPEND_FL;
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

static bool has_append_flag(int fd)
{
    int flags = 0;

    return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_APPEND_FL) != 0;
}

/* The mode of what is append-only cannot be changed. */
void segment_seal(int fd)
{
    bool flagged = has_append_flag(fd) && append_flag_set(fd, false);

    (void)fchmod(fd, 0440);
    if (flagged) {
        (void)append_flag_set(fd, true);
    }
}

/* Once: what the first file cannot have, none will. */
void segments_protect(segments_t *segments)
{
    if (segments->append_flag && segments->fd >= 0 && !append_flag_set(segments->fd, true)) {
        segments->append_flag = false;
        log_notice("the log's files are not append-only for the kernel (FS_APPEND_FL): %s", strerror(errno));
    }
}

/** Cut the current segment back to what is durable, past the flag that forbids just that. */
static bool cut_back(segments_t *segments)
{
    bool done;

    if (segments->append_flag) {
        (void)append_flag_set(segments->fd, false);
    }
    done = segments->io->truncate(segments->fd, (off_t)segments->durable) == 0;
    if (segments->append_flag) {
        int cause = errno;

        (void)append_flag_set(segments->fd, true);
        errno = cause;
    }
    return done;
}

/** Take the newest segment's name out again, where nothing of it is on disk. */
static void drop_empty(segments_t *segments)
{
    char name[SEGMENT_NAME];

    segment_name(segments->number, name);
    if (segments->durable != 0) {
        return;
    }
    if (segments->append_flag) {
        (void)append_flag_set(segments->fd, false);
    }
    if (unlinkat(segments->folder, name, 0) == 0) {
        segments->number--;
    }
}

static void leave_current(segments_t *segments)
{
    close(segments->fd);
    segments->fd = -1;
}

void segments_leave(segments_t *segments)
{
    if (segments->fd >= 0) {
        segment_seal(segments->fd);
        leave_current(segments);
    }
}

/*
 * What the kernel holds of this file can no longer be trusted to reach the disk.
 * Cutting may fail as well: start-up cuts what is torn then.
 */
static void abandon_current(segments_t *segments)
{
    if (cut_back(segments)) {
        segment_seal(segments->fd); /* what is still writable, start-up looks at again */
    }
    drop_empty(segments);
    leave_current(segments);
}

static p11kms_err begin_segment(segments_t *segments)
{
    char name[SEGMENT_NAME];
    p11kms_err err;

    segments->number++;
    segments->durable = 0;
    segment_name(segments->number, name);
    segments->fd =
        openat(segments->folder, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (segments->fd < 0) {
        err = fail(segments, "create");
        segments->number--;
        return err;
    }
    /* The mode as promised, whatever the umask; the name on disk before anything rests on it. */
    if (fchmod(segments->fd, 0640) != 0 || fsync(segments->folder) != 0) {
        err = fail(segments, "create");
        drop_empty(segments);
        leave_current(segments);
        return err;
    }
    segments->day = clock_wall_ms() / CLOCK_DAY_MS;
    segments_protect(segments);
    return P11KMS_OK;
}

static bool write_all(const segments_t *segments, slice_t lines)
{
    while (lines.len > 0) {
        ssize_t n = segments->io->write(segments->fd, lines.data, lines.len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return false;
        }
        lines = SLICE(lines.data + n, lines.len - (size_t)n);
    }
    return true;
}

/* A clock that was set back closes nothing: the segment goes on until a later day than its own. */
static void leave_yesterday(segments_t *segments)
{
    if (segments->by_day && segments->fd >= 0 && segments->durable > 0 &&
        clock_wall_ms() / CLOCK_DAY_MS > segments->day) {
        segments_leave(segments);
    }
}

/* A sync may take long, and under load nearly always one is under way. */
static bool same_since(int fd, const struct stat *written)
{
    struct stat st;

    return fstat(fd, &st) == 0 && st.st_size == written->st_size && st.st_mtim.tv_sec == written->st_mtim.tv_sec &&
           st.st_mtim.tv_nsec == written->st_mtim.tv_nsec && st.st_ctim.tv_sec == written->st_ctim.tv_sec &&
           st.st_ctim.tv_nsec == written->st_ctim.tv_nsec;
}

p11kms_err segments_append(segments_t *segments, slice_t lines)
{
    struct stat written = { 0 };
    p11kms_err err;

    leave_yesterday(segments);
    if (segments->fd < 0) {
        TRY(begin_segment(segments));
    }
    if (!write_all(segments, lines)) {
        err = fail(segments, "write");
        if (!cut_back(segments)) {
            abandon_current(segments);
        }
        return err;
    }
    (void)fstat(segments->fd, &written);
    if (segments->io->sync(segments->fd) != 0) {
        err = fail(segments, "sync");
        abandon_current(segments);
        return err;
    }
    segments->durable += lines.len;
    segments->touched = !same_since(segments->fd, &written);
    if (segments->durable >= segments->limit) {
        segments_leave(segments);
    }
    return P11KMS_OK;
}

bool segments_stat(const segments_t *segments, struct stat *ret)
{
    char name[SEGMENT_NAME];

    if (segments->fd >= 0) {
        return fstat(segments->fd, ret) == 0;
    }
    segment_name(segments->number, name);
    return segments->number != 0 && fstatat(segments->folder, name, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

static void close_if_open(int *fd)
{
    cleanup_fd(fd);
    *fd = -1;
}

void segments_close(segments_t *segments)
{
    close_if_open(&segments->fd);
    close_if_open(&segments->lock);
    close_if_open(&segments->folder);
}
