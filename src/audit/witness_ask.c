/* One add-checkpoint request: c2sp.org/tlog-witness. */
#include "audit/witness_ask.h"

#include <stdio.h>

#include "audit/prove.h"
#include "audit/tiles.h"

#define PATH "/add-checkpoint"
#define SIZE_DIGITS 18
#define REQUESTS_MAX 2 /* the second after a 409, which told what the witness has */

static p11kms_err make_body(int folder, const note_t *note, uint64_t old, buf_t *out)
{
    tile_reader reader = { .folder = folder, .size = note->size };
    proof_t proof;

    TRY(proof_consistency(tiles_hash, &reader, old, note->size, &proof));
    linked_put(old, &proof, note->whole, out);
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

/* The answer to a size that is not the witness's: its own, on a line. */
static bool read_size(const buf_t *answer, uint64_t *ret)
{
    uint64_t size = 0;

    if (answer->len < 2 || answer->len > SIZE_DIGITS + 1 || answer->data[answer->len - 1] != '\n') {
        return false;
    }
    for (size_t i = 0; i + 1 < answer->len; i++) {
        if (answer->data[i] < '0' || answer->data[i] > '9') {
            return false;
        }
        size = size * 10 + (uint64_t)(answer->data[i] - '0');
    }
    *ret = size;
    return true;
}

/* One line a witness: with all that one may give, there would be no room in the note for those of the others. */
static slice_t line_of(const note_key_t *key, const note_t *lines)
{
    for (size_t i = 0; i < lines->n_signatures; i++) {
        const note_signature *line = &lines->signatures[i];
        if (line->id == note_key_id(key) && slice_eq_str(line->name, note_key_name(key))) {
            return line->line;
        }
    }
    return SLICE(NULL, 0);
}

static p11kms_err take_line(const note_key_t *key, const note_t *note, const buf_t *answer, buf_t *ret_lines)
{
    note_t lines;

    if (note_parse_signatures(buf_slice(answer), &lines) != P11KMS_OK) {
        FAIL(P11KMS_E_DENIED, "it answered with something that is no cosignature");
    }
    lines.text = note->text;
    if (note_check(&lines, key, NULL) != NOTE_SIGNED) {
        FAIL(P11KMS_E_DENIED, "its cosignature is not by the key that is configured, or is not good");
    }
    buf_put_slice(ret_lines, line_of(key, &lines));
    ENSURE(!buf_failed(ret_lines), P11KMS_E_NOMEM);
    return P11KMS_OK;
}

static p11kms_err refused(int status)
{
    static const struct {
        int status;
        p11kms_err err;
        const char *why;
    } known[] = {
        { 400, P11KMS_E_DENIED, "it did not understand the request" },
        { 403, P11KMS_E_DENIED, "it does not know the key of this log" },
        { 404, P11KMS_E_DENIED, "it does not know this log" },
        { 422, P11KMS_E_CONFLICT, "it says that the log does not go on from what it cosigned" },
    };

    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i].status == status) {
            FAIL(known[i].err, "%s (%d)", known[i].why, status);
        }
    }
    FAIL(P11KMS_E_IO, "it answered %d", status);
}

/* @param[out] ret_again  Worth another request: the witness has another size, which is in @p state now. */
static p11kms_err conflict(const note_t *note, const buf_t *answer, witness_state *state, bool *ret_again)
{
    uint64_t size;

    if (!read_size(answer, &size)) {
        FAIL(P11KMS_E_IO, "it answered 409 without a size");
    }
    if (size > note->size) {
        FAIL(P11KMS_E_CONFLICT, "it has cosigned %llu records of this log, the checkpoint covers %llu: somebody showed it "
                                "a log that is not this one, or this one was put back to an older copy",
             (unsigned long long)size, (unsigned long long)note->size);
    }
    if (size == state->size) {
        FAIL(P11KMS_E_CONFLICT, "it has cosigned another tree of %llu records", (unsigned long long)size);
    }
    state->size = size;
    *ret_again = true;
    return P11KMS_OK;
}

static p11kms_err ask_once(int folder, const char *url, const char *ca_file, const note_key_t *key, const note_t *note,
                           const witness_calls *calls, witness_state *state, buf_t *ret_lines, bool *ret_again)
{
    _cleanup_buf_ buf_t body = { 0 };
    _cleanup_buf_ buf_t answer = { 0 };
    int status = 0;

    if (state->size > note->size) {
        FAIL(P11KMS_E_CONFLICT, "it has cosigned more records than the checkpoint covers");
    }
    TRY(make_body(folder, note, state->size, &body));
    TRY(calls->post(url, ca_file, buf_slice(&body), &status, &answer));
    if (status == 409) {
        return conflict(note, &answer, state, ret_again);
    }
    if (status != 200) {
        return refused(status);
    }
    TRY(take_line(key, note, &answer, ret_lines));
    state->size = note->size;
    return P11KMS_OK;
}

p11kms_err witness_ask(int folder, const witness_at *at, const note_key_t *key, const note_t *note,
                       const witness_calls *calls, witness_state *state, buf_t *ret_lines)
{
    const char *url = at->url;
    size_t len = strlen(url);
    bool again = true;
    char full[1024];

    int n = snprintf(full, sizeof(full), "%.*s" PATH, (int)(len > 0 && url[len - 1] == '/' ? len - 1 : len), url);
    ENSURE(n > 0 && (size_t)n < sizeof(full), P11KMS_E_RANGE);
    for (int i = 0; again && i < REQUESTS_MAX; i++) {
        again = false;
        TRY(ask_once(folder, full, at->ca_file, key, note, calls, state, ret_lines, &again));
    }
    if (again) {
        FAIL(P11KMS_E_IO, "it has another size at every request");
    }
    return P11KMS_OK;
}
