#include "audit/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/inflate.h"

#define PIECE ((size_t)1 << 20)       /* read at once */
#define PACKED_PIECE ((size_t)1 << 17) /* of a compressed file */
#define NAME_MAX_LEN 48

/* In the order they are looked for. */
static const struct {
    const char *suffix;
    bool packed;
    inflate_kind kind;
} forms[] = { { "", false, 0 }, { ".zst", true, INFLATE_ZSTD }, { ".gz", true, INFLATE_GZIP } };

struct source {
    int fd;
    char name[NAME_MAX_LEN];
    uint64_t position;
    inflate_t *inflate; /* NULL: plain */
    uint8_t *packed;
    slice_t in; /* of packed, not yet made plain */
    uint8_t *data;
    size_t begin, end; /* lines not given out yet */
    size_t searched;   /* from begin on: no newline so far */
    bool ended;
};

static void name_of(uint64_t number, const char *suffix, char out[NAME_MAX_LEN])
{
    snprintf(out, NAME_MAX_LEN, "audit-%010llu.jsonl%s", (unsigned long long)number, suffix);
}

/* The number in a segment's name of any form; 0: it is none. */
static uint64_t number_of(const char *file)
{
    char name[NAME_MAX_LEN];
    char *end;

    if (strncmp(file, "audit-", 6) != 0 || file[6] < '0' || file[6] > '9') {
        return 0;
    }
    uint64_t number = strtoull(file + 6, &end, 10);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        name_of(number, forms[i].suffix, name);
        if (strcmp(name, file) == 0) {
            return number;
        }
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static size_t each_once(uint64_t *numbers, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || numbers[i] != numbers[kept - 1]) {
            numbers[kept++] = numbers[i];
        }
    }
    return kept;
}

static void close_listing(DIR *dir)
{
    closedir(dir);
}
DEFINE_CLEANUP(DIR *, listing, close_listing);

p11kms_err source_list(int folder, uint64_t **ret, size_t *ret_count)
{
    _cleanup_buf_ buf_t found = { 0 };
    struct dirent *entry;

    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_(listing) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        cleanup_fd(&fd);
        FAIL(P11KMS_E_AUDIT, "the log's folder cannot be listed: %s", strerror(errno));
    }
    while ((errno = 0, entry = readdir(dir)) != NULL) {
        uint64_t number = number_of(entry->d_name);
        if (number > 0) {
            buf_put(&found, &number, sizeof(number));
        }
    }
    if (errno != 0) {
        FAIL(P11KMS_E_AUDIT, "the log's folder cannot be listed: %s", strerror(errno));
    }
    uint64_t *numbers = malloc(found.len + sizeof(uint64_t));
    if (!numbers || buf_failed(&found)) {
        free(numbers);
        return P11KMS_E_NOMEM;
    }
    if (found.len > 0) {
        memcpy(numbers, found.data, found.len);
    }
    qsort(numbers, found.len / sizeof(uint64_t), sizeof(uint64_t), by_number);
    *ret_count = each_once(numbers, found.len / sizeof(uint64_t));
    *ret = numbers;
    return P11KMS_OK;
}

uint64_t source_bytes(int folder, const uint64_t *numbers, size_t count)
{
    uint64_t bytes = 0;
    char name[NAME_MAX_LEN];
    struct stat st;

    for (size_t i = 0; i < count; i++) {
        for (size_t f = 0; f < COUNT_OF(forms); f++) {
            name_of(numbers[i], forms[f].suffix, name);
            if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                bytes += (uint64_t)st.st_size;
                break;
            }
        }
    }
    return bytes;
}

static p11kms_err open_form(int folder, size_t form, source_t *source)
{
    struct stat st;

    source->fd = openat(folder, source->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (source->fd < 0) {
        FAIL(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "%s cannot be opened: %s", source->name,
             strerror(errno));
    }
    if (fstat(source->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        FAIL(P11KMS_E_AUDIT, "%s is not a file", source->name);
    }
    (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    if (forms[form].packed) {
        source->packed = malloc(PACKED_PIECE);
        ENSURE(source->packed, P11KMS_E_NOMEM);
        TRY(inflate_new(forms[form].kind, &source->inflate));
    }
    return P11KMS_OK;
}

static p11kms_err source_new(int folder, uint64_t number, size_t form, source_t **ret)
{
    _cleanup_(source) source_t *source = calloc(1, sizeof(*source));

    ENSURE(source, P11KMS_E_NOMEM);
    source->fd = -1;
    source->data = malloc(PIECE + AUDIT_RECORD_MAX);
    ENSURE(source->data, P11KMS_E_NOMEM);
    name_of(number, forms[form].suffix, source->name);
    TRY(open_form(folder, form, source));
    *ret = STEAL(source);
    return P11KMS_OK;
}

p11kms_err source_open(int folder, uint64_t number, source_t **ret)
{
    p11kms_err err = P11KMS_E_NOT_FOUND;

    for (size_t f = 0; err == P11KMS_E_NOT_FOUND && f < COUNT_OF(forms); f++) {
        err = source_new(folder, number, f, ret);
    }
    return err;
}

/* ---- several forms of one segment ---- */

static bool has_form(int folder, uint64_t number, size_t form)
{
    char name[NAME_MAX_LEN];
    struct stat st;

    name_of(number, forms[form].suffix, name);
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

unsigned source_forms(int folder, uint64_t number)
{
    unsigned count = 0;

    for (size_t f = 0; f < COUNT_OF(forms); f++) {
        count += has_form(folder, number, f);
    }
    return count;
}

/* What stands behind the last newline counts as well: it would be cut off one form and not the other. */
static bool same_rest(const source_t *a, const source_t *b)
{
    size_t len = source_torn(a);

    return len == source_torn(b) && (len == 0 || memcmp(a->data + a->begin, b->data + b->begin, len) == 0);
}

static p11kms_err compare_two(source_t *first, source_t *other, uint64_t *ret_line)
{
    slice_t line, same;

    for (*ret_line = 1;; ++*ret_line) {
        p11kms_err err = source_line(first, &line);
        if (err != P11KMS_OK && err != P11KMS_E_NOT_FOUND) {
            return err; /* the reader of this form finds that as well */
        }
        p11kms_err other_err = source_line(other, &same);
        if (other_err != P11KMS_OK && other_err != P11KMS_E_NOT_FOUND) {
            char why[160];
            snprintf(why, sizeof(why), "%s", p11kms_err_detail(other_err));
            FAIL(P11KMS_E_CONFLICT, "%s stands beside %s, and cannot be read (is it being written?): %s", other->name, first->name, why);
        }
        bool ended = err == P11KMS_E_NOT_FOUND;
        if (ended != (other_err == P11KMS_E_NOT_FOUND) || !(ended ? same_rest(first, other) : slice_eq(line, same))) {
            FAIL(P11KMS_E_CONFLICT, "%s stands beside %s, and holds something else from line %llu on", other->name, first->name,
                 (unsigned long long)*ret_line);
        }
        if (ended) {
            return P11KMS_OK;
        }
    }
}

p11kms_err source_compare(int folder, uint64_t number, uint64_t *ret_line)
{
    size_t f = 0;

    while (f < COUNT_OF(forms) && !has_form(folder, number, f)) {
        f++;
    }
    for (size_t other = f + 1; other < COUNT_OF(forms); other++) {
        _cleanup_(source) source_t *first = NULL;
        _cleanup_(source) source_t *second = NULL;
        if (!has_form(folder, number, other)) {
            continue;
        }
        TRY(source_new(folder, number, f, &first));
        p11kms_err err = source_new(folder, number, other, &second);
        if (err == P11KMS_E_AUDIT) {
            char why[160];
            snprintf(why, sizeof(why), "%s", p11kms_err_detail(err));
            *ret_line = 1;
            FAIL(P11KMS_E_CONFLICT, "%s", why);
        }
        TRY(err);
        TRY(compare_two(first, second, ret_line));
    }
    return P11KMS_OK;
}

void source_close(source_t *source)
{
    if (source) {
        cleanup_fd(&source->fd);
        inflate_free(source->inflate);
        free(source->packed);
        free(source->data);
        free(source);
    }
}

const char *source_name(const source_t *source)
{
    return source->name;
}

uint64_t source_position(const source_t *source)
{
    return source->position;
}

static p11kms_err read_file(source_t *source, uint8_t *out, size_t len, size_t *ret_len)
{
    ssize_t n;

    do {
        n = read(source->fd, out, len);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        FAIL(P11KMS_E_AUDIT, "%s cannot be read: %s", source->name, strerror(errno));
    }
    source->position += (uint64_t)n;
    *ret_len = (size_t)n;
    return P11KMS_OK;
}

static p11kms_err read_packed(source_t *source, uint8_t *out, size_t len, size_t *ret_len)
{
    for (*ret_len = 0; *ret_len == 0;) {
        bool at_end = false;
        if (source->in.len == 0) {
            size_t n;
            TRY(read_file(source, source->packed, PACKED_PIECE, &n));
            source->in = SLICE(source->packed, n);
            at_end = n == 0;
        }
        if (inflate_some(source->inflate, &source->in, out, len, ret_len) != P11KMS_OK) {
            char why[128];
            snprintf(why, sizeof(why), "%s", p11kms_err_detail(P11KMS_E_SYNTAX));
            FAIL(P11KMS_E_AUDIT, "%s: %s", source->name, why);
        }
        if (at_end && *ret_len == 0) {
            if (!inflate_complete(source->inflate)) {
                FAIL(P11KMS_E_AUDIT, "%s is cut off", source->name);
            }
            return P11KMS_OK;
        }
    }
    return P11KMS_OK;
}

/* More bytes behind those there are, which move to the front. */
static p11kms_err fill(source_t *source)
{
    size_t left = source->end - source->begin;
    size_t n;

    memmove(source->data, source->data + source->begin, left);
    source->begin = 0;
    source->end = left;
    TRY((source->inflate ? read_packed : read_file)(source, source->data + left, PIECE, &n));
    source->end += n;
    source->ended = n == 0;
    return P11KMS_OK;
}

p11kms_err source_line(source_t *source, slice_t *ret)
{
    for (;;) {
        const uint8_t *front = source->data + source->begin;
        size_t have = source->end - source->begin;
        const uint8_t *newline =
            have > source->searched ? memchr(front + source->searched, '\n', have - source->searched) : NULL;
        if ((newline ? (size_t)(newline - front) : have) > AUDIT_RECORD_MAX) {
            FAIL(P11KMS_E_SYNTAX, "%s has a line of more than %u bytes", source->name, AUDIT_RECORD_MAX);
        }
        if (newline) {
            *ret = SLICE(front, (size_t)(newline - front));
            source->begin += ret->len + 1;
            source->searched = 0;
            return P11KMS_OK;
        }
        source->searched = have;
        TRY(fill(source));
        if (source->ended) {
            return P11KMS_E_NOT_FOUND;
        }
    }
}

size_t source_torn(const source_t *source)
{
    return source->end - source->begin;
}
