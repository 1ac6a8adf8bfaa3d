#include "audit/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define PREFIX "audit-"
#define SUFFIX ".jsonl"
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

/** 0 for every other name. */
static uint64_t number_of(const char *name)
{
    uint64_t number = 0;
    size_t digits;

    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0) {
        return 0;
    }
    name += strlen(PREFIX);
    digits = strspn(name, "0123456789");
    if (digits != DIGITS || strcmp(name + digits, SUFFIX) != 0) {
        return 0;
    }
    for (size_t i = 0; i < digits; i++) {
        number = number * 10 + (uint64_t)(name[i] - '0');
    }
    return number;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

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

p11kms_err segment_list(int folder, uint64_t **ret, size_t *ret_count)
{
    _cleanup_(dir) DIR *dir = NULL;
    _cleanup_buf_ buf_t numbers = { 0 };
    const struct dirent *entry;
    uint64_t *list;
    size_t count;

    TRY(open_listing(folder, &dir));
    while ((entry = readdir(dir)) != NULL) {
        uint64_t number = number_of(entry->d_name);

        if (number != 0) {
            buf_put(&numbers, &number, sizeof(number));
        }
    }
    ENSURE(!buf_failed(&numbers), P11KMS_E_NOMEM);
    count = numbers.len / sizeof(*list);
    list = calloc(count + 1, sizeof(*list));
    ENSURE(list != NULL, P11KMS_E_NOMEM);
    if (count > 0) {
        memcpy(list, numbers.data, numbers.len);
        qsort(list, count, sizeof(*list), by_number);
    }
    *ret = list;
    *ret_count = count;
    return P11KMS_OK;
}

/** Take the newest segment's name out again, where nothing of it is on disk. */
static void drop_empty(segments_t *segments)
{
    char name[SEGMENT_NAME];

    segment_name(segments->number, name);
    if (segments->durable == 0 && unlinkat(segments->folder, name, 0) == 0) {
        segments->number--;
    }
}

static void leave_current(segments_t *segments)
{
    close(segments->fd);
    segments->fd = -1;
}

/*
 * What the kernel holds of this file can no longer be trusted to reach the disk.
 * Cutting may fail as well: start-up cuts what is torn then.
 */
static void abandon_current(segments_t *segments)
{
    (void)segments->io->truncate(segments->fd, (off_t)segments->durable);
    leave_current(segments);
    drop_empty(segments);
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
        leave_current(segments);
        drop_empty(segments);
        return err;
    }
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

p11kms_err segments_append(segments_t *segments, slice_t lines)
{
    p11kms_err err;

    if (segments->fd < 0) {
        TRY(begin_segment(segments));
    }
    if (!write_all(segments, lines)) {
        err = fail(segments, "write");
        if (segments->io->truncate(segments->fd, (off_t)segments->durable) != 0) {
            abandon_current(segments);
        }
        return err;
    }
    if (segments->io->sync(segments->fd) != 0) {
        err = fail(segments, "sync");
        abandon_current(segments);
        return err;
    }
    segments->durable += lines.len;
    if (segments->durable >= segments->limit) {
        leave_current(segments);
    }
    return P11KMS_OK;
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
