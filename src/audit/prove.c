#include "config.h" /* memmem() */

#include "audit/prove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "audit/notes.h"
#include "audit/source.h"
#include "audit/tiles.h"
#include "util/encode.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1\n"
#define EVENT_ID_MAX 64
#define TRIES 3 /* a partial tile may go as its successor comes */

typedef struct {
    int folder;
    buf_t checkpoint;
    note_t note;
    buf_t record;
    uint64_t index;
} proving;

static void proving_end(proving *p)
{
    cleanup_fd(&p->folder);
    buf_free(&p->checkpoint);
    buf_free(&p->record);
}

static p11kms_err open_folder(const char *dir, int *ret)
{
    *ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret < 0) {
        FAIL(errno == ENOENT ? P11KMS_E_NOT_FOUND : P11KMS_E_AUDIT, "%s cannot be opened: %s", dir, strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err make_needle(slice_t event_id, buf_t *out)
{
    bool fine = event_id.len > 0 && event_id.len <= EVENT_ID_MAX;

    for (size_t i = 0; fine && i < event_id.len; i++) {
        fine = event_id.data[i] && strchr("0123456789abcdefABCDEF-", event_id.data[i]);
    }
    if (!fine) {
        FAIL(P11KMS_E_SYNTAX, "an event's id has hexadecimal digits and dashes");
    }
    buf_put_str(out, "\"eventID\":\"");
    buf_put_slice(out, event_id);
    buf_put_char(out, '"');
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/* The number of a segment's first record: the size of the checkpoint that its notes begin with. */
static p11kms_err first_index(const proving *p, uint64_t number, uint64_t *ret)
{
    _cleanup_(notes) notes_t *notes = NULL;
    note_t head;

    if (number == 1) {
        *ret = 0;
        return P11KMS_OK;
    }
    p11kms_err err = notes_open(p->folder, number, &notes);
    if (err == P11KMS_OK) {
        err = notes_read(notes, &head);
    }
    if (err != P11KMS_OK) {
        FAIL(P11KMS_E_CONFLICT, "segment %llu has no checkpoint before it", (unsigned long long)number);
    }
    *ret = head.size;
    return P11KMS_OK;
}

/* @retval P11KMS_E_NOT_FOUND  It is not in this segment. */
static p11kms_err find_in(proving *p, uint64_t number, slice_t needle)
{
    _cleanup_(source) source_t *source = NULL;
    slice_t line;

    TRY(source_open(p->folder, number, &source));
    for (uint64_t i = 0;; i++) {
        TRY(source_line(source, &line));
        if (line.len > 0 && memmem(line.data, line.len, needle.data, needle.len)) {
            uint64_t first = 0;
            TRY(first_index(p, number, &first));
            p->index = first + i;
            buf_put_slice(&p->record, line);
            return buf_failed(&p->record) ? P11KMS_E_NOMEM : P11KMS_OK;
        }
    }
}

/* The newest first: what is asked for is mostly not long ago. */
static p11kms_err find(proving *p, slice_t event_id)
{
    _cleanup_buf_ buf_t needle = { 0 };
    _cleanup_free_ uint64_t *numbers = NULL;
    size_t count;
    p11kms_err err = P11KMS_E_NOT_FOUND;

    TRY(make_needle(event_id, &needle));
    TRY(source_list(p->folder, &numbers, &count));
    while (err == P11KMS_E_NOT_FOUND && count > 0) {
        err = find_in(p, numbers[--count], buf_slice(&needle));
    }
    if (err == P11KMS_E_NOT_FOUND) {
        FAIL(P11KMS_E_NOT_FOUND, "no record has the event id %.*s", (int)event_id.len, event_id.data);
    }
    return err;
}

static void put_proven(const proving *p, const proof_t *proof, buf_t *out)
{
    buf_put_str(out, FIRST_LINE "extra ");
    base64_encode(out, buf_slice(&p->record));
    buf_printf(out, "\nindex %llu\n", (unsigned long long)p->index);
    proof_put(proof, out);
    buf_put_char(out, '\n');
    buf_put_slice(out, p->note.whole);
}

static p11kms_err make_proof(proving *p, buf_t *out)
{
    tile_reader reader = { .folder = p->folder, .size = p->note.size };
    merkle_hash leaf, root;
    proof_t proof;

    TRY(proof_inclusion(tiles_hash, &reader, p->index, p->note.size, &proof));
    merkle_leaf(buf_slice(&p->record), &leaf);
    memcpy(root.bytes, p->note.root, sizeof(root.bytes));
    if (!proof_check_inclusion(&proof, p->index, p->note.size, &leaf, &root)) {
        FAIL(P11KMS_E_CONFLICT, "record %llu, as it stands there, is not in the tree under the newest checkpoint: p11kms "
                                "audit verify tells more",
             (unsigned long long)p->index);
    }
    put_proven(p, &proof, out);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err read_checkpoint(proving *p)
{
    buf_clear(&p->checkpoint);
    TRY(note_from_file(p->folder, "checkpoint", &p->checkpoint, &p->note));
    if (p->index >= p->note.size) {
        FAIL(P11KMS_E_BUSY, "record %llu is not under a checkpoint yet: the newest covers %llu",
             (unsigned long long)p->index, (unsigned long long)p->note.size);
    }
    return P11KMS_OK;
}

static p11kms_err prove_one(proving *p, const char *dir, slice_t event_id, buf_t *out)
{
    TRY(open_folder(dir, &p->folder));
    TRY(find(p, event_id));
    p11kms_err err = P11KMS_E_NOT_FOUND;
    for (int i = 0; err == P11KMS_E_NOT_FOUND && i < TRIES; i++) {
        TRY(read_checkpoint(p));
        err = make_proof(p, out);
    }
    return err;
}

p11kms_err prove_record(const char *dir, slice_t event_id, buf_t *out)
{
    proving p = { .folder = -1 };
    p11kms_err err = prove_one(&p, dir, event_id, out);

    proving_end(&p);
    return err;
}

void linked_put(uint64_t old, const proof_t *proof, slice_t note, buf_t *out)
{
    buf_printf(out, "old %llu\n", (unsigned long long)old);
    proof_put(proof, out);
    buf_put_char(out, '\n');
    buf_put_slice(out, note);
}

p11kms_err prove_consistency(const char *dir, const note_t *earlier, const note_t *later, buf_t *out)
{
    _cleanup_fd_ int folder = -1;
    linked_t linked = { .old = earlier->size, .note = *later };

    if (earlier->size > later->size) {
        FAIL(P11KMS_E_RANGE, "the first checkpoint covers %llu records, the second %llu", (unsigned long long)earlier->size,
             (unsigned long long)later->size);
    }
    TRY(open_folder(dir, &folder));
    tile_reader reader = { .folder = folder, .size = later->size };
    TRY(proof_consistency(tiles_hash, &reader, earlier->size, later->size, &linked.proof));
    if (!linked_holds(&linked, earlier)) {
        FAIL(P11KMS_E_CONFLICT, "the tiles in %s do not link the two: either is of another log, or the tiles are not true",
             dir);
    }
    linked_put(earlier->size, &linked.proof, later->whole, out);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/* "NAME VALUE\n" at the front: its value. */
static bool take_field(slice_t *rest, const char *name, slice_t *ret)
{
    size_t skip = strlen(name);
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;

    if (!end || !slice_has_prefix(*rest, name)) {
        return false;
    }
    *ret = SLICE(rest->data + skip, (size_t)(end - rest->data) - skip);
    *rest = SLICE(end + 1, rest->len - (size_t)(end + 1 - rest->data));
    return true;
}

static p11kms_err take_number(slice_t *rest, const char *name, uint64_t *ret)
{
    slice_t digits;
    uint64_t number = 0;

    if (!take_field(rest, name, &digits) || digits.len == 0 || digits.len > 18 ||
        (digits.len > 1 && digits.data[0] == '0')) {
        FAIL(P11KMS_E_SYNTAX, "a proof has a line '%sNUMBER'", name);
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            FAIL(P11KMS_E_SYNTAX, "a proof has a line '%sNUMBER'", name);
        }
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    *ret = number;
    return P11KMS_OK;
}

static p11kms_err read_proven(slice_t text, proven_t *proven)
{
    slice_t rest = text, extra;

    if (!slice_has_prefix(text, FIRST_LINE)) {
        FAIL(P11KMS_E_SYNTAX, "this is no c2sp.org/tlog-proof@v1");
    }
    rest = SLICE(text.data + sizeof(FIRST_LINE) - 1, text.len - (sizeof(FIRST_LINE) - 1));
    if (take_field(&rest, "extra ", &extra)) {
        TRY(base64_decode(&proven->record, extra));
    }
    TRY(take_number(&rest, "index ", &proven->index));
    TRY(proof_take(&rest, &proven->proof));
    return note_parse(rest, &proven->note);
}

p11kms_err proven_read(slice_t text, proven_t *ret)
{
    proven_t proven = { .index = 0 };
    p11kms_err err = read_proven(text, &proven);

    if (err == P11KMS_OK) {
        *ret = proven;
    } else {
        proven_free(&proven);
    }
    return err;
}

void proven_free(proven_t *proven)
{
    buf_free(&proven->record);
}

bool proven_holds(const proven_t *proven)
{
    merkle_hash leaf, root;

    merkle_leaf(buf_slice(&proven->record), &leaf);
    memcpy(root.bytes, proven->note.root, sizeof(root.bytes));
    return proof_check_inclusion(&proven->proof, proven->index, proven->note.size, &leaf, &root);
}

p11kms_err linked_read(slice_t text, linked_t *ret)
{
    linked_t linked = { .old = 0 };
    slice_t rest = text;

    TRY(take_number(&rest, "old ", &linked.old));
    TRY(proof_take(&rest, &linked.proof));
    TRY(note_parse(rest, &linked.note));
    *ret = linked;
    return P11KMS_OK;
}

bool linked_holds(const linked_t *linked, const note_t *earlier)
{
    merkle_hash old, root;

    memcpy(old.bytes, earlier->root, sizeof(old.bytes));
    memcpy(root.bytes, linked->note.root, sizeof(root.bytes));
    return linked->old == earlier->size && slice_eq(linked->note.origin, earlier->origin) &&
           proof_check_consistency(&linked->proof, earlier->size, linked->note.size, &old, &root);
}
