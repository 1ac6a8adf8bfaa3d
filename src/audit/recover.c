#define _GNU_SOURCE /* memrchr */
#include "audit/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/file.h>
#include "audit/resumed.h"
#include "util/clock.h"

#define LOCK_NAME "lock"
#define TORN_MAX 9999
#define CHUNK (64 * 1024)

static p11kms_err sync_parent(const char *dir)
{
    _cleanup_free_ char *copy = strdup(dir);
    _cleanup_fd_ int fd = -1;

    ENSURE(copy != NULL, P11KMS_E_NOMEM);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        FAIL(P11KMS_E_AUDIT, "audit: the folder above %s cannot be synced: %s", dir, strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err open_folder(const char *dir, int *ret)
{
    if (mkdir(dir, 0750) == 0) {
        TRY(sync_parent(dir));
    } else if (errno != EEXIST) {
        FAIL(P11KMS_E_AUDIT, "audit: %s cannot be made: %s", dir, strerror(errno));
    }
    *ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret < 0) {
        FAIL(P11KMS_E_AUDIT, "audit: %s cannot be opened: %s", dir, strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err take_lock(const char *dir, int folder, int *ret)
{
    *ret = openat(folder, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (*ret < 0) {
        FAIL(P11KMS_E_AUDIT, "audit: %s is not writable: %s: %s", dir, LOCK_NAME, strerror(errno));
    }
    if (flock(*ret, LOCK_EX | LOCK_NB) == 0) {
        return P11KMS_OK;
    }
    if (errno == EWOULDBLOCK) {
        FAIL(P11KMS_E_AUDIT,
             "audit: another process writes the log in %s: stop it, or give this one its own folder", dir);
    }
    FAIL(P11KMS_E_AUDIT, "audit: %s cannot be locked: %s", dir, strerror(errno));
}

static p11kms_err fail_segment(const char *name, const char *act)
{
    FAIL(P11KMS_E_AUDIT, "audit: %s: %s: %s", name, act, strerror(errno));
}

p11kms_err recover_open_segment(int folder, uint64_t number, int flags, int *ret, struct stat *ret_stat)
{
    char name[SEGMENT_NAME];

    segment_name(number, name);
    _cleanup_fd_ int fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, ret_stat) != 0) {
        return fail_segment(name, "open");
    }
    if (!S_ISREG(ret_stat->st_mode)) {
        FAIL(P11KMS_E_AUDIT, "audit: %s is not a file", name);
    }
    *ret = fd;
    fd = -1;
    return P11KMS_OK;
}

static bool read_at(int fd, uint8_t *out, size_t len, uint64_t at)
{
    while (len > 0) {
        ssize_t n = pread(fd, out, len, (off_t)at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            errno = n == 0 ? EIO : errno; /* shorter than it was a moment ago */
            return false;
        }
        out += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

/** Where the last whole line ends: behind the last newline, or 0. */
static bool find_line_end(int fd, uint64_t size, uint64_t *ret)
{
    uint8_t chunk[CHUNK];
    uint64_t end = size;

    while (end > 0) {
        size_t len = end < CHUNK ? (size_t)end : CHUNK;
        const uint8_t *newline;

        /* The very last byte decides nearly always. */
        if (end == size) {
            len = 1;
        }
        if (!read_at(fd, chunk, len, end - len)) {
            return false;
        }
        newline = memrchr(chunk, '\n', len);
        if (newline != NULL) {
            *ret = end - len + (uint64_t)(newline - chunk) + 1;
            return true;
        }
        end -= len;
    }
    *ret = 0;
    return true;
}

static p11kms_err create_torn(int folder, int *ret)
{
    char name[16];

    for (unsigned i = 1; i <= TORN_MAX; i++) {
        snprintf(name, sizeof(name), "torn-%04u", i);
        *ret = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (*ret >= 0) {
            return P11KMS_OK;
        }
        if (errno != EEXIST) {
            return fail_segment(name, "create");
        }
    }
    FAIL(P11KMS_E_AUDIT, "audit: %u torn tails are kept in the folder already: move them away", TORN_MAX);
}

static bool copy_tail(int from, uint64_t at, uint64_t end, int to)
{
    uint8_t chunk[CHUNK];

    while (at < end) {
        size_t len = end - at < CHUNK ? (size_t)(end - at) : CHUNK;

        if (!read_at(from, chunk, len, at) || write(to, chunk, len) != (ssize_t)len) {
            return false;
        }
        at += len;
    }
    return fsync(to) == 0;
}

static bool cut_at(int fd, uint64_t len)
{
    (void)append_flag_set(fd, false); /* set again when it is carried on */
    return ftruncate(fd, (off_t)len) == 0 && fsync(fd) == 0;
}

/** First the copy is on disk, then the original is cut. */
p11kms_err recover_cut_tail(int folder, uint64_t number, uint64_t line_end)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_fd_ int torn = -1;
    char name[SEGMENT_NAME];
    struct stat st;

    segment_name(number, name);
    TRY(recover_open_segment(folder, number, O_RDWR | O_APPEND, &fd, &st));
    TRY(create_torn(folder, &torn));
    if (!copy_tail(fd, line_end, (uint64_t)st.st_size, torn) || fsync(folder) != 0) {
        return fail_segment(name, "its torn tail cannot be kept");
    }
    if (!cut_at(fd, line_end)) {
        FAIL(P11KMS_E_AUDIT,
             "audit: %s: its torn tail cannot be cut: %s: if lsattr shows it append-only (a), "
             "run chattr -a on it as root and start again",
             name, strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err mend_segment(int folder, uint64_t number)
{
    _cleanup_fd_ int fd = -1;
    struct stat st;
    uint64_t line_end;

    TRY(recover_open_segment(folder, number, O_RDONLY, &fd, &st));
    if (!find_line_end(fd, (uint64_t)st.st_size, &line_end)) {
        char name[SEGMENT_NAME];

        segment_name(number, name);
        return fail_segment(name, "read");
    }
    return line_end == (uint64_t)st.st_size ? P11KMS_OK : recover_cut_tail(folder, number, line_end);
}

/* ---- what is there, and what is not ---- */

/** Old segments may have been moved away; between two that are here none may be missing. */
static p11kms_err check_numbers(const char *dir, int folder, const segment_entry *entries, size_t count)
{
    uint64_t before = 0;

    for (size_t i = 0; i < count; i++) {
        if (!entries[i].plain && !entries[i].packed) {
            continue;
        }
        /* What an operator has decided to go on without, the first record behind the gap says. */
        if (before != 0 && entries[i].number != before + 1 &&
            !resumed_begins(folder, &entries[i], NULL)) {
            FAIL(P11KMS_E_AUDIT,
                 "audit: %s: segments %" PRIu64 " to %" PRIu64
                 " are missing: bring them back, or move all segments before them away",
                 dir, before + 1, entries[i].number - 1);
        }
        before = entries[i].number;
    }
    return P11KMS_OK;
}

/** What an earlier process wrote and did not sync is made durable, so that `durable` is the truth. */
static p11kms_err carry_on(segments_t *segments)
{
    char name[SEGMENT_NAME];
    struct stat st;

    segment_name(segments->number, name);
    TRY(recover_open_segment(segments->folder, segments->number, O_WRONLY | O_APPEND, &segments->fd, &st));
    segments->durable = (uint64_t)st.st_size;
    segments->day = st.st_mtime / (CLOCK_DAY_MS / 1000);
    if (segments->io->sync(segments->fd) != 0) {
        return fail_segment(name, "sync");
    }
    if (segments->durable >= segments->limit) {
        segments_leave(segments);
    }
    return P11KMS_OK;
}

static bool is_closed(int folder, uint64_t number)
{
    char name[SEGMENT_NAME];
    struct stat st;

    segment_name(number, name);
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (st.st_mode & 0222) == 0;
}

static p11kms_err recover(const char *dir, segments_t *segments)
{
    _cleanup_free_ segment_entry *entries = NULL;
    const segment_entry *newest = NULL;
    size_t count;

    TRY(open_folder(dir, &segments->folder));
    TRY(take_lock(dir, segments->folder, &segments->lock));
    TRY(segment_scan(segments->folder, &entries, &count));
    TRY(check_numbers(dir, segments->folder, entries, count));
    /* The last by a crash; one before it when it was left after a failure and could not be cut. */
    for (size_t i = 0; i < count; i++) {
        if (entries[i].plain) {
            TRY(mend_segment(segments->folder, entries[i].number));
        }
        newest = entries[i].plain || entries[i].packed ? &entries[i] : newest;
    }
    if (count > 0 && !entries[count - 1].plain && !entries[count - 1].packed) {
        segments->number = entries[count - 1].number - 1; /* closed; the next one's notes are there already */
        return P11KMS_OK;
    }
    if (newest == NULL) {
        return P11KMS_OK;
    }
    segments->number = newest->number;
    /* One whose successor has checkpoints, or that is read-only, is closed. */
    if (!newest->plain || newest != &entries[count - 1] || is_closed(segments->folder, newest->number)) {
        return P11KMS_OK;
    }
    return carry_on(segments);
}

p11kms_err segments_open(const char *dir, uint64_t limit, const segment_io *io, segments_t *ret)
{
    segments_t segments = { .io = io, .folder = -1, .lock = -1, .fd = -1, .limit = limit };
    p11kms_err err = recover(dir, &segments);

    if (err != P11KMS_OK) {
        segments_close(&segments);
        return err;
    }
    *ret = segments;
    return P11KMS_OK;
}
