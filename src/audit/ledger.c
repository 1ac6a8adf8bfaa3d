#include "audit/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "audit/segment.h"

#define CHECKPOINT "checkpoint"
#define NOTES_MAX (256u << 20) /* bytes of one file: a day with a checkpoint a second has 40 MB */

static p11kms_err fail_file(const char *name, const char *act)
{
    FAIL(P11KMS_E_AUDIT, "audit: %s: %s: %s", name, act, strerror(errno));
}

/* ---- reading ---- */

static p11kms_err read_text(int folder, const char *name, size_t max, buf_t *ret)
{
    _cleanup_fd_ int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno == ENOENT) {
        return p11kms_fail_plain(P11KMS_E_NOT_FOUND);
    }
    if (fd < 0 || fstat(fd, &st) != 0) {
        return fail_file(name, "open");
    }
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
        FAIL(P11KMS_E_AUDIT, "audit: %s is no file of checkpoints", name);
    }
    uint8_t *into = buf_reserve(ret, (size_t)st.st_size + 1);
    ENSURE(into != NULL, P11KMS_E_NOMEM);
    ssize_t n;
    while ((n = read(fd, into + ret->len, (size_t)st.st_size - ret->len)) > 0) {
        ret->len += (size_t)n;
    }
    if (n < 0) {
        return fail_file(name, "read");
    }
    return P11KMS_OK;
}

static p11kms_err read_note(slice_t whole, noted_t *ret, bool *ret_cosigned)
{
    note_t note;

    TRY(note_parse(whole, &note));
    ret->whole = whole;
    ret->size = note.size;
    memcpy(ret->root.bytes, note.root, sizeof(note.root));
    *ret_cosigned = note.n_signatures > 1;
    return P11KMS_OK;
}

static void chain_note(merkle_hash *chain, slice_t note)
{
    const slice_t parts[] = { SLICE(chain->bytes, sizeof(chain->bytes)), note };

    crypto_sha256_parts(parts, COUNT_OF(parts), chain->bytes);
}

static p11kms_err put_note(slice_t whole, buf_t *list)
{
    noted_t noted;
    bool cosigned;
    const noted_t *last = list->len > 0 ? (const noted_t *)(const void *)(list->data + list->len) - 1 : NULL;

    TRY(read_note(whole, &noted, &cosigned));
    if (last != NULL && last->size > noted.size && cosigned) {
        return P11KMS_OK;
    }
    if (last != NULL && last->size > noted.size) {
        FAIL(P11KMS_E_SYNTAX, "a checkpoint of %" PRIu64 " records stands after one of %" PRIu64, noted.size,
             last->size);
    }
    buf_put(list, &noted, sizeof(noted));
    ENSURE(!buf_failed(list), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err parse_notes(const char *name, ledger_t *notes)
{
    buf_t list = { 0 };
    slice_t rest = buf_slice(&notes->text);
    slice_t whole;

    while (notes_next(&rest, &whole)) {
        p11kms_err err = put_note(whole, &list);
        if (err != P11KMS_OK) {
            buf_free(&list);
            FAIL(P11KMS_E_AUDIT, "audit: %s is damaged at byte %zu: %s", name, notes->whole,
                 p11kms_err_detail(err));
        }
        chain_note(&notes->chain, whole);
        notes->whole = notes->text.len - rest.len;
    }
    notes->count = list.len / sizeof(noted_t);
    notes->notes = (noted_t *)(void *)list.data; /* freed as memory: nothing secret in it */
    return P11KMS_OK;
}

p11kms_err ledger_load(int folder, uint64_t number, ledger_t *ret)
{
    ledger_t notes = { 0 };
    char name[SEGMENT_NAME];

    segment_notes_name(number, name);
    p11kms_err err = read_text(folder, name, NOTES_MAX, &notes.text);
    if (err == P11KMS_OK) {
        err = parse_notes(name, &notes);
    }
    if (err != P11KMS_OK) {
        ledger_free(&notes);
        return err;
    }
    *ret = notes;
    return P11KMS_OK;
}

void ledger_free(ledger_t *notes)
{
    buf_free(&notes->text);
    free(notes->notes);
    *notes = (ledger_t){ 0 };
}

p11kms_err checkpoint_read(int folder, buf_t *ret_text, noted_t *ret)
{
    bool cosigned;

    TRY(read_text(folder, CHECKPOINT, NOTE_MAX, ret_text));
    p11kms_err err = read_note(buf_slice(ret_text), ret, &cosigned);
    if (err != P11KMS_OK) {
        FAIL(P11KMS_E_AUDIT, "audit: %s is damaged: %s", CHECKPOINT, p11kms_err_detail(err));
    }
    return P11KMS_OK;
}

p11kms_err ledger_chain(int folder, uint64_t number, merkle_hash *ret)
{
    _cleanup_ledger_ ledger_t notes = { 0 };

    TRY(ledger_load(folder, number, &notes));
    *ret = notes.chain;
    return P11KMS_OK;
}

/* ---- appending ---- */

static bool cut(const ledger_file *file, int fd)
{
    bool done;

    if (file->append_flag) {
        (void)append_flag_set(fd, false);
    }
    done = ftruncate(fd, (off_t)file->size) == 0;
    if (file->append_flag) {
        (void)append_flag_set(fd, true);
    }
    return done;
}

p11kms_err ledger_open(ledger_file *file, uint64_t number, const ledger_t *there)
{
    char name[SEGMENT_NAME];

    segment_notes_name(number, name);
    _cleanup_fd_ int fd =
        openat(file->folder, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0 || (there == NULL && fchmod(fd, 0640) != 0) || fsync(file->folder) != 0) {
        return fail_file(name, "open");
    }
    file->number = number;
    file->size = there != NULL ? there->whole : 0;
    file->chain = there != NULL ? there->chain : (merkle_hash){ { 0 } };
    if (there != NULL && there->text.len > there->whole && !cut(file, fd)) {
        return fail_file(name, "its torn end cannot be cut");
    }
    if (file->append_flag) {
        (void)append_flag_set(fd, true);
    }
    return P11KMS_OK;
}

p11kms_err ledger_append(ledger_file *file, slice_t note)
{
    _cleanup_buf_ buf_t block = { 0 };
    char name[SEGMENT_NAME];
    struct stat st;

    buf_put_slice(&block, note);
    buf_put_char(&block, '\n');
    ENSURE(!buf_failed(&block), P11KMS_E_NOMEM);
    segment_notes_name(file->number, name);
    _cleanup_fd_ int fd =
        openat(file->folder, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        return fail_file(name, "open");
    }
    if ((uint64_t)st.st_size < file->size || ((uint64_t)st.st_size > file->size && !cut(file, fd))) {
        FAIL(P11KMS_E_AUDIT, "audit: %s has %lld bytes, and %" PRIu64 " were written", name,
             (long long)st.st_size, file->size);
    }
    errno = ENOSPC; /* of a short write */
    if (write(fd, block.data, block.len) != (ssize_t)block.len || fdatasync(fd) != 0) {
        p11kms_err err = fail_file(name, "write");
        (void)cut(file, fd); /* else the next one cuts, or the next start */
        return err;
    }
    file->size += block.len;
    chain_note(&file->chain, note);
    return P11KMS_OK;
}

p11kms_err replace_file(int folder, const char *name, slice_t content)
{
    char draft[SEGMENT_NAME];

    snprintf(draft, sizeof(draft), ".%s", name);
    _cleanup_fd_ int fd = openat(folder, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0 || fchmod(fd, 0640) != 0) {
        return fail_file(name, "write");
    }
    errno = ENOSPC; /* of a short write */
    if (write(fd, content.data, content.len) != (ssize_t)content.len || fsync(fd) != 0 ||
        renameat(folder, draft, folder, name) != 0 || fsync(folder) != 0) {
        return fail_file(name, "write");
    }
    return P11KMS_OK;
}

p11kms_err checkpoint_replace(int folder, slice_t note)
{
    return replace_file(folder, CHECKPOINT, note);
}
