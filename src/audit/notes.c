#include "audit/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define PIECE (2 * (size_t)NOTE_MAX)
#define NAME_MAX_LEN 40

struct notes {
    int fd;
    char name[NAME_MAX_LEN];
    uint64_t left; /* of the file, not read yet */
    uint64_t count;
    size_t begin, end; /* in data, not given out yet */
    uint8_t data[PIECE];
};

static p11kms_err open_file(int folder, const char *path, int *ret_fd, uint64_t *ret_size)
{
    struct stat st;

    _cleanup_fd_ int fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        FAIL(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "%s cannot be opened: %s", path, strerror(errno));
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        FAIL(P11KMS_E_AUDIT, "%s is not a file", path);
    }
    *ret_fd = fd;
    *ret_size = (uint64_t)st.st_size;
    fd = -1;
    return P11KMS_OK;
}

p11kms_err notes_open(int folder, uint64_t number, notes_t **ret)
{
    _cleanup_(notes) notes_t *notes = calloc(1, sizeof(*notes));

    ENSURE(notes, P11KMS_E_NOMEM);
    notes->fd = -1;
    snprintf(notes->name, sizeof(notes->name), "audit-%010llu.notes", (unsigned long long)number);
    TRY(open_file(folder, notes->name, &notes->fd, &notes->left));
    *ret = STEAL(notes);
    return P11KMS_OK;
}

void notes_close(notes_t *notes)
{
    if (notes) {
        cleanup_fd(&notes->fd);
        free(notes);
    }
}

const char *notes_name(const notes_t *notes)
{
    return notes->name;
}

uint64_t notes_count(const notes_t *notes)
{
    return notes->count;
}

size_t notes_torn(const notes_t *notes)
{
    return notes->end - notes->begin;
}

static p11kms_err read_some(int fd, const char *name, uint8_t *out, size_t len, size_t *ret_len)
{
    ssize_t n;

    do {
        n = read(fd, out, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        FAIL(P11KMS_E_AUDIT, "%s cannot be read: %s", name, strerror(errno));
    }
    *ret_len = (size_t)n;
    return P11KMS_OK;
}

static p11kms_err fill(notes_t *notes)
{
    size_t have = notes->end - notes->begin;
    size_t want = PIECE - have < notes->left ? PIECE - have : (size_t)notes->left;
    size_t n = 0;

    memmove(notes->data, notes->data + notes->begin, have);
    notes->begin = 0;
    notes->end = have;
    if (want > 0) {
        TRY(read_some(notes->fd, notes->name, notes->data + have, want, &n));
    }
    notes->left = n == 0 ? 0 : notes->left - n;
    notes->end += n;
    return P11KMS_OK;
}

p11kms_err notes_read(notes_t *notes, note_t *ret)
{
    slice_t note;

    for (;;) {
        slice_t rest = SLICE(notes->data + notes->begin, notes->end - notes->begin);
        if (notes_next(&rest, &note)) {
            notes->begin = notes->end - rest.len;
            notes->count++;
            return note_parse(note, ret);
        }
        if (rest.len > NOTE_MAX) {
            notes->count++;
            FAIL(P11KMS_E_SYNTAX, "a note is at most %u bytes", NOTE_MAX);
        }
        if (notes->left == 0) {
            return P11KMS_E_NOT_FOUND;
        }
        TRY(fill(notes));
    }
}

p11kms_err note_from_file(int folder, const char *path, buf_t *into, note_t *ret)
{
    _cleanup_fd_ int fd = -1;
    uint64_t size;
    size_t n;

    TRY(open_file(folder, path, &fd, &size));
    uint8_t *out = buf_reserve(into, NOTE_MAX);
    ENSURE(out, P11KMS_E_NOMEM);
    TRY(read_some(fd, path, out, NOTE_MAX, &n));
    into->len += n;
    return note_parse(buf_slice(into), ret);
}
