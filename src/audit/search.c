#define _GNU_SOURCE /* memmem */
#include "audit/search.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "audit/segment.h"

#define CHUNK ((size_t)256 * 1024)

typedef struct {
    slice_t needle;
    uint64_t left; /* bytes still to be looked at */
    bool found;
    uint8_t *chunk; /* CHUNK bytes and a needle's length */
} search_t;

/** Up to @p len bytes at @p at; fewer at the end of the file, SIZE_MAX on an error. */
static size_t read_some(int fd, uint8_t *out, size_t len, uint64_t at)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(fd, out + have, len - have, (off_t)(at + have));

        if (n < 0 && errno != EINTR) {
            return SIZE_MAX;
        }
        if (n == 0) {
            break;
        }
        have += n > 0 ? (size_t)n : 0;
    }
    return have;
}

/** From the end of the file to its start; each chunk reaches a needle's length into the one read before it.
 */
static bool search_file(search_t *search, int fd, uint64_t size)
{
    uint64_t end = size;

    while (end > 0 && search->left > 0 && !search->found) {
        uint64_t span = end < CHUNK ? end : CHUNK;
        size_t have;

        if (span > search->left) {
            span = search->left;
        }
        end -= span;
        search->left -= span;
        have = read_some(fd, search->chunk, (size_t)span + search->needle.len - 1, end);
        if (have == SIZE_MAX) {
            return false;
        }
        search->found = memmem(search->chunk, have, search->needle.data, search->needle.len) != NULL;
    }
    return true;
}

static p11kms_err search_segment(search_t *search, int folder, uint64_t number)
{
    char name[SEGMENT_NAME];
    _cleanup_fd_ int fd = -1;
    struct stat st;

    segment_name(number, name);
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !search_file(search, fd, (uint64_t)st.st_size)) {
        FAIL(P11KMS_E_AUDIT, "audit: %s: read: %s", name, strerror(errno));
    }
    return P11KMS_OK;
}

p11kms_err search_newest(int folder, slice_t needle, uint64_t max_bytes, bool *ret)
{
    _cleanup_free_ uint64_t *numbers = NULL;
    _cleanup_free_ uint8_t *chunk = malloc(CHUNK + needle.len);
    search_t search = { .needle = needle, .left = max_bytes, .chunk = chunk };
    size_t count;

    ENSURE(chunk != NULL, P11KMS_E_NOMEM);
    TRY(segment_list(folder, &numbers, &count));
    while (count > 0 && search.left > 0 && !search.found) {
        TRY(search_segment(&search, folder, numbers[--count]));
    }
    *ret = search.found;
    return P11KMS_OK;
}
