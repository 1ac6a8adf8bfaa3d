#define _GNU_SOURCE /* memrchr */
#include "audit/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/segment.h"
#include "audit/source.h"

#define CHUNK ((size_t)64 * 1024)

struct follow {
    int folder;
    int fd;          /* -1: no segment was there yet */
    uint64_t number; /* of the segment open */
    uint64_t at;     /* where its bytes behind `in` begin */
    buf_t in;        /* read, from `taken` on not given out */
    size_t taken;
    size_t looked; /* in `in`: no newline before it */
    bool skipping; /* the rest of a line that was too long */
    source_t *packed; /* a compressed segment instead, which does not grow */
    slice_t held;     /* a line of it that was looked at and not given out */
    bool has_held;
};

static p11kms_err fail(uint64_t number, const char *what)
{
    char name[SEGMENT_NAME];

    segment_name(number, name);
    FAIL(P11KMS_E_AUDIT, "audit: %s: %s", name, what);
}

static p11kms_err open_segment(const follow_t *follow, uint64_t number, int *ret_fd, uint64_t *ret_size)
{
    char name[SEGMENT_NAME];
    struct stat st;

    segment_name(number, name);
    int fd = openat(follow->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return p11kms_fail_plain(P11KMS_E_NOT_FOUND); /* compressed, perhaps */
    }
    if (fd < 0 || fstat(fd, &st) != 0) {
        p11kms_err err = fail(number, strerror(errno));
        cleanup_fd(&fd);
        return err;
    }
    *ret_fd = fd;
    *ret_size = (uint64_t)st.st_size;
    return P11KMS_OK;
}

static p11kms_err read_at(uint64_t number, int fd, uint64_t at, uint8_t *out, size_t len, size_t *ret_len)
{
    ssize_t n;

    do {
        n = pread(fd, out, len, (off_t)at);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return fail(number, strerror(errno));
    }
    *ret_len = (size_t)n;
    return P11KMS_OK;
}

/** What is not there in any form went away a moment ago. */
static p11kms_err open_packed(const follow_t *follow, uint64_t number, source_t **ret)
{
    p11kms_err err = source_open(follow->folder, number, ret);

    return err == P11KMS_E_NOT_FOUND ? fail(number, "it is gone") : err;
}

/** A line that is too long, too, is no end of the log, nor a wrong command. */
static p11kms_err packed_line(source_t *source, slice_t *ret)
{
    p11kms_err err = source_line(source, ret);

    if (err == P11KMS_E_SYNTAX) {
        char why[160];

        snprintf(why, sizeof(why), "%s", p11kms_err_detail(err));
        FAIL(P11KMS_E_AUDIT, "audit: %s", why);
    }
    return err;
}

/** Go on at @p at of the segment that @p fd is, which is taken. */
static void stand(follow_t *follow, uint64_t number, int fd, uint64_t at)
{
    source_close(STEAL(follow->packed));
    follow->has_held = false;
    if (fd != follow->fd) {
        cleanup_fd(&follow->fd);
    }
    follow->number = number;
    follow->fd = fd;
    follow->at = at;
    buf_clear(&follow->in);
    follow->taken = follow->looked = 0;
    follow->skipping = false;
}

static p11kms_err stand_in_packed(follow_t *follow, uint64_t number, bool at_end)
{
    source_t *source;

    TRY(open_packed(follow, number, &source));
    stand(follow, number, -1, 0);
    if (at_end) {
        source_close(source);
    } else {
        follow->packed = source;
    }
    return P11KMS_OK;
}

static p11kms_err stand_in(follow_t *follow, uint64_t number, bool at_end)
{
    uint64_t size;
    int fd;

    p11kms_err err = open_segment(follow, number, &fd, &size);
    if (err == P11KMS_E_NOT_FOUND) {
        return stand_in_packed(follow, number, at_end);
    }
    TRY(err);
    stand(follow, number, fd, at_end ? size : 0);
    return P11KMS_OK;
}

p11kms_err follow_open(const char *dir, follow_t **ret)
{
    _cleanup_(follow) follow_t *follow = calloc(1, sizeof(*follow));
    _cleanup_free_ uint64_t *numbers = NULL;
    size_t count;

    ENSURE(follow, P11KMS_E_NOMEM);
    follow->fd = -1;
    follow->folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (follow->folder < 0) {
        FAIL(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "audit: %s cannot be opened: %s", dir,
             strerror(errno));
    }
    TRY(source_list(follow->folder, &numbers, &count));
    if (count > 0) {
        TRY(stand_in(follow, numbers[0], false));
    }
    *ret = STEAL(follow);
    return P11KMS_OK;
}

void follow_close(follow_t *follow)
{
    if (follow != NULL) {
        source_close(follow->packed);
        cleanup_fd(&follow->fd);
        cleanup_fd(&follow->folder);
        buf_free(&follow->in);
        free(follow);
    }
}

/* ---- from the end ---- */

typedef struct {
    uint64_t number;
    int fd;
    uint64_t base; /* of `held` in the file */
    buf_t held;    /* ends behind a newline, once `whole` */
    bool whole;
    uint64_t left; /* records still wanted */
    bool (*wanted)(void *arg, slice_t line);
    void *arg;
} backwards_t;

/** The chunk before what is held. */
static p11kms_err hold_more(backwards_t *back)
{
    size_t len = back->base < CHUNK ? (size_t)back->base : CHUNK;
    size_t have;

    ENSURE(buf_reserve(&back->held, len) != NULL, P11KMS_E_NOMEM);
    memmove(back->held.data + len, back->held.data, back->held.len);
    back->held.len += len;
    back->base -= len;
    TRY(read_at(back->number, back->fd, back->base, back->held.data, len, &have));
    return have == len ? P11KMS_OK : fail(back->number, "it became shorter");
}

/** Cut what stands behind the last newline: at first a torn line, later the line that was judged. */
static bool drop_line(backwards_t *back)
{
    slice_t held = buf_slice(&back->held);
    size_t end = held.len - (back->whole && held.len > 0 ? 1 : 0);
    const uint8_t *newline = end > 0 ? memrchr(held.data, '\n', end) : NULL;
    size_t start = newline ? (size_t)(newline - held.data) + 1 : 0;

    if (newline == NULL && back->base > 0 && held.len <= AUDIT_RECORD_MAX) {
        return false; /* its beginning was not read yet */
    }
    if (back->whole && held.len > start && back->wanted(back->arg, SLICE(held.data + start, end - start))) {
        back->left--;
    }
    back->held.len = start;
    back->whole = back->whole || newline != NULL;
    return true;
}

static p11kms_err search_segment(backwards_t *back)
{
    while (back->left > 0 && (back->held.len > 0 || back->base > 0)) {
        if (back->held.len == 0 || !drop_line(back)) {
            TRY(hold_more(back));
        }
    }
    return P11KMS_OK;
}

static p11kms_err count_wanted(const backwards_t *back, source_t *source, uint64_t *ret)
{
    slice_t line;
    p11kms_err err;

    for (*ret = 0; (err = packed_line(source, &line)) == P11KMS_OK;) {
        *ret += back->wanted(back->arg, line);
    }
    return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err;
}

/** Stand before the wanted line behind @p skip others. */
static p11kms_err skip_wanted(follow_t *follow, const backwards_t *back, uint64_t skip)
{
    slice_t line;

    for (;;) {
        p11kms_err err = packed_line(follow->packed, &line);
        if (err != P11KMS_OK) {
            return err == P11KMS_E_NOT_FOUND ? P11KMS_OK : err; /* it cannot have fewer than a moment ago */
        }
        if (back->wanted(back->arg, line) && skip-- == 0) {
            follow->held = line;
            follow->has_held = true;
            return P11KMS_OK;
        }
    }
}

static p11kms_err search_packed(follow_t *follow, backwards_t *back)
{
    _cleanup_(source) source_t *source = NULL;
    uint64_t wanted;

    TRY(open_packed(follow, back->number, &source));
    TRY(count_wanted(back, source, &wanted));
    TRY(stand_in_packed(follow, back->number, false));
    if (wanted >= back->left) {
        TRY(skip_wanted(follow, back, wanted - back->left));
        wanted = back->left;
    }
    back->left -= wanted;
    return P11KMS_OK;
}

static p11kms_err search_plain(follow_t *follow, backwards_t *back)
{
    p11kms_err err = search_segment(back);

    stand(follow, back->number, back->fd, back->base + back->held.len);
    back->held.len = 0;
    return err;
}

p11kms_err follow_last(follow_t *follow, uint64_t n, bool (*wanted)(void *arg, slice_t line), void *arg)
{
    _cleanup_free_ uint64_t *numbers = NULL;
    backwards_t back = { .left = n, .wanted = wanted, .arg = arg };
    size_t count;
    p11kms_err err = P11KMS_OK;

    TRY(source_list(follow->folder, &numbers, &count));
    if (n == 0 && count > 0) {
        return stand_in(follow, numbers[count - 1], true);
    }
    while (count > 0 && back.left > 0 && err == P11KMS_OK) {
        back.number = numbers[--count];
        err = open_segment(follow, back.number, &back.fd, &back.base);
        back.whole = false;
        if (err == P11KMS_OK) {
            err = search_plain(follow, &back);
        } else if (err == P11KMS_E_NOT_FOUND) {
            err = search_packed(follow, &back);
        }
    }
    buf_free(&back.held);
    return err;
}

/* ---- forward ---- */

/** The next whole line that is held. */
static bool take_line(follow_t *follow, slice_t *ret)
{
    if (follow->in.len == follow->looked) {
        return false;
    }
    const uint8_t *start = follow->in.data + follow->taken;
    size_t held = follow->in.len - follow->taken;
    const uint8_t *newline = memchr(follow->in.data + follow->looked, '\n', follow->in.len - follow->looked);

    if (newline == NULL && held <= AUDIT_RECORD_MAX) {
        follow->looked = follow->in.len;
        return false;
    }
    size_t len = newline ? (size_t)(newline - start) : held;
    bool rest = follow->skipping;

    follow->skipping = newline == NULL;
    follow->taken = follow->looked = follow->taken + len + (newline ? 1 : 0);
    *ret = SLICE(start, len < AUDIT_RECORD_MAX ? len : AUDIT_RECORD_MAX);
    return rest ? take_line(follow, ret) : true;
}

static p11kms_err read_more(follow_t *follow, size_t *ret_len)
{
    struct stat st;

    *ret_len = 0;
    if (follow->fd < 0) {
        return P11KMS_OK;
    }
    if (fstat(follow->fd, &st) == 0 && (uint64_t)st.st_size < follow->at) {
        stand(follow, follow->number, follow->fd, (uint64_t)st.st_size);
        return fail(follow->number, "it became shorter: what was shown last may have been taken back");
    }
    buf_consume(&follow->in, follow->taken);
    follow->looked -= follow->taken;
    follow->taken = 0;
    uint8_t *room = buf_reserve(&follow->in, CHUNK);
    ENSURE(room != NULL, P11KMS_E_NOMEM);
    TRY(read_at(follow->number, follow->fd, follow->at, room, CHUNK, ret_len));
    follow->in.len += *ret_len;
    follow->at += *ret_len;
    return P11KMS_OK;
}

/** The lowest number past the current one; 0: there is none. */
static p11kms_err find_next(const follow_t *follow, uint64_t *ret)
{
    _cleanup_free_ uint64_t *numbers = NULL;
    size_t count, i = 0;

    TRY(source_list(follow->folder, &numbers, &count));
    while (i < count && numbers[i] <= follow->number) {
        i++;
    }
    *ret = i < count ? numbers[i] : 0;
    return P11KMS_OK;
}

static p11kms_err next_packed(follow_t *follow, slice_t *ret)
{
    if (follow->has_held) {
        follow->has_held = false;
        *ret = follow->held;
        return P11KMS_OK;
    }
    p11kms_err err = packed_line(follow->packed, ret);
    if (err != P11KMS_OK) {
        source_close(STEAL(follow->packed)); /* what comes next stands in the next segment */
    }
    return err;
}

p11kms_err follow_next(follow_t *follow, slice_t *ret)
{
    uint64_t next = 0;

    for (;;) {
        size_t len;

        if (follow->packed) {
            p11kms_err err = next_packed(follow, ret);
            if (err != P11KMS_E_NOT_FOUND) {
                return err;
            }
        }
        if (take_line(follow, ret)) {
            return P11KMS_OK;
        }
        TRY(read_more(follow, &len));
        if (len > 0) {
            continue;
        }
        if (next != 0) {
            /* The end again, after the next segment was seen: nothing more comes here, and what is torn stays so. */
            TRY(stand_in(follow, next, false));
            next = 0;
            continue;
        }
        TRY(find_next(follow, &next));
        if (next == 0) {
            return p11kms_fail_plain(P11KMS_E_NOT_FOUND);
        }
    }
}
