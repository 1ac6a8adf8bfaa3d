/* p11kms audit prove, check-proof and consistency: proofs that need no log to be checked. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/prove.h"
#include "cli/audit_log.h"
#include "cli/commands.h"
#include "crypto/crypto.h"
#include "util/encode.h"
#include "util/shown.h"

/* As of audit verify. */
#define NOT_AS_LOGGED 3
#define NOT_SIGNED 4
#define NOT_CONTINUED 5
#define NOT_WITNESSED 6

static const cli_option option_proof = { "proof", 'p', "FILE", "Check this proof instead of making one." };

static int fail_with(p11kms_err err, int status)
{
    (void)cli_fail(err);
    return status;
}

static int status_of(p11kms_err err, int conflict)
{
    if (err == P11KMS_OK) {
        return EXIT_SUCCESS;
    }
    return fail_with(err, err == P11KMS_E_CONFLICT ? conflict : CLI_FAILED);
}

static p11kms_err print(const buf_t *out)
{
    ENSURE(!buf_failed(out), P11KMS_E_NOMEM);
    fwrite(out->data, 1, out->len, stdout);
    return P11KMS_OK;
}

static p11kms_err prove(const cli_line *line)
{
    _cleanup_free_ char *dir = NULL;
    _cleanup_buf_ buf_t out = { 0 };

    TRY(crypto_init());
    TRY(cli_log_folder(line, 1, &dir));
    TRY(prove_record(dir, SLICE_STR(line->args[0]), &out));
    return print(&out);
}

static int run_prove(const cli_line *line)
{
    return status_of(prove(line), NOT_AS_LOGGED);
}

/* Whether the note counts: signed by a key given, cosigned by as many as demanded. */
static int judge_note(const note_t *note, trust_t *keys, trust_t *witnesses, size_t quorum)
{
    uint64_t time = 0;
    bool forged = false;
    size_t count = witnesses ? trust_witnesses(witnesses, note, &time, &forged) : 0;

    if ((keys && trust_log(keys, note) != NOTE_SIGNED) || forged) {
        (void)p11kms_fail(P11KMS_E_DENIED, "the checkpoint of %" PRIu64 " records is not signed by a key that was given",
                          note->size);
        return fail_with(P11KMS_E_DENIED, NOT_SIGNED);
    }
    if (count < quorum) {
        (void)p11kms_fail(P11KMS_E_DENIED, "%zu of the %zu witnesses that must have cosigned the checkpoint did", count, quorum);
        return fail_with(P11KMS_E_DENIED, NOT_WITNESSED);
    }
    return EXIT_SUCCESS;
}

static p11kms_err tell_proven(const proven_t *proven)
{
    _cleanup_buf_ buf_t out = { 0 };

    buf_printf(&out, "record %" PRIu64 " of the %" PRIu64 " of ", proven->index, proven->note.size);
    shown_put(&out, proven->note.origin);
    buf_put_str(&out, ":\n");
    shown_put(&out, buf_slice(&proven->record));
    buf_put_char(&out, '\n');
    return print(&out);
}

static p11kms_err check_proof(const cli_line *line, int *ret_status)
{
    _cleanup_(trust) trust_t *keys = NULL;
    _cleanup_(trust) trust_t *witnesses = NULL;
    _cleanup_buf_ buf_t text = { 0 };
    _cleanup_proven_ proven_t proven = { .index = 0 };
    size_t quorum;

    TRY(cli_trust(line, &cli_option_key, &keys));
    TRY(cli_quorum(line, &witnesses, &quorum));
    if (!keys) {
        FAIL(P11KMS_E_SYNTAX, "--key gives the key that a proof stands on");
    }
    TRY(cli_read_file(line->args[0], PROVE_TEXT_MAX, &text));
    TRY(proven_read(buf_slice(&text), &proven));
    *ret_status = judge_note(&proven.note, keys, witnesses, quorum);
    if (*ret_status != EXIT_SUCCESS) {
        return P11KMS_OK;
    }
    if (!proven_holds(&proven)) {
        FAIL(P11KMS_E_CONFLICT, "the record is not number %" PRIu64 " under the checkpoint", proven.index);
    }
    return tell_proven(&proven);
}

static int run_check_proof(const cli_line *line)
{
    int status = EXIT_SUCCESS;
    p11kms_err err = check_proof(line, &status);

    return err == P11KMS_OK ? status : status_of(err, NOT_AS_LOGGED);
}

static p11kms_err read_note(const char *path, buf_t *text, note_t *ret)
{
    TRY(cli_read_file(path, NOTE_MAX, text));
    p11kms_err err = note_parse(buf_slice(text), ret);
    if (err != P11KMS_OK) {
        _cleanup_free_ char *why = strdup(p11kms_err_detail(err));
        FAIL(err, "%s: %s", path, why ? why : "");
    }
    return P11KMS_OK;
}

static p11kms_err check_link(const char *path, const note_t *a, const note_t *b)
{
    _cleanup_buf_ buf_t text = { 0 };
    linked_t linked;

    TRY(cli_read_file(path, PROVE_TEXT_MAX, &text));
    TRY(linked_read(buf_slice(&text), &linked));
    if (!slice_eq(linked.note.text, b->text) || !linked_holds(&linked, a)) {
        FAIL(P11KMS_E_CONFLICT, "%s does not prove that the second checkpoint goes on from the first", path);
    }
    printf("%" PRIu64 " records go on from %" PRIu64 "\n", b->size, a->size);
    return P11KMS_OK;
}

static p11kms_err make_link(const cli_line *line, const note_t *a, const note_t *b)
{
    _cleanup_free_ char *dir = NULL;
    _cleanup_buf_ buf_t out = { 0 };

    TRY(cli_log_folder(line, 2, &dir));
    TRY(prove_consistency(dir, a, b, &out));
    return print(&out);
}

static p11kms_err consistency(const cli_line *line, int *ret_status)
{
    _cleanup_(trust) trust_t *keys = NULL;
    _cleanup_buf_ buf_t text_a = { 0 };
    _cleanup_buf_ buf_t text_b = { 0 };
    const char *proof = cli_value(line, &option_proof);
    note_t a, b;

    TRY(cli_trust(line, &cli_option_key, &keys));
    TRY(read_note(line->args[0], &text_a, &a));
    TRY(read_note(line->args[1], &text_b, &b));
    *ret_status = judge_note(&a, keys, NULL, 0);
    *ret_status = *ret_status == EXIT_SUCCESS ? judge_note(&b, keys, NULL, 0) : *ret_status;
    if (*ret_status != EXIT_SUCCESS) {
        return P11KMS_OK;
    }
    return proof ? check_link(proof, &a, &b) : make_link(line, &a, &b);
}

static int run_consistency(const cli_line *line)
{
    int status = EXIT_SUCCESS;
    p11kms_err err = consistency(line, &status);

    return err == P11KMS_OK ? status : status_of(err, NOT_CONTINUED);
}

static const cli_option *const prove_options[] = { &cli_option_config, NULL };
static const cli_option *const check_options[] = { &cli_option_key, &cli_option_witness, &cli_option_witnesses, NULL };
static const cli_option *const consistency_options[] = { &cli_option_config, &cli_option_key, &option_proof, NULL };

const cli_command cli_audit_prove = {
    .name = "audit prove",
    .args = "EVENT-ID [DIR]",
    .min_args = 1,
    .max_args = 2,
    .options = prove_options,
    .about = "Print the proof that the record with an event id is in the audit log.",
    .more = "It is a C2SP tlog-proof with the record as its extra data, under the newest checkpoint; audit check-proof "
            "checks it without the log. Exit status 3: the record or the tiles are not those under the checkpoint.",
    .run = run_prove,
};

const cli_command cli_audit_check_proof = {
    .name = "audit check-proof",
    .args = "FILE",
    .min_args = 1,
    .max_args = 1,
    .options = check_options,
    .about = "Check what audit prove printed, and show the record.",
    .more = "Needs the log's public key alone, which --key gives. FILE may be - for standard input. "
            "Exit status: 0 the record is in the log, 1 FILE cannot be read or is no proof, 3 the proof does not hold, "
            "4 its checkpoint is not signed by a key that was given, 6 not enough witnesses cosigned it.",
    .run = run_check_proof,
};

const cli_command cli_audit_consistency = {
    .name = "audit consistency",
    .args = "A B [DIR]",
    .min_args = 2,
    .max_args = 3,
    .options = consistency_options,
    .about = "Print the proof that the log at checkpoint B is the log at checkpoint A with records added.",
    .more = "A and B are files, as the log's checkpoint is one. The proof is made from the tiles in DIR, or where the "
            "configuration says the log is, and has the form of a C2SP tlog-witness request; --proof checks one without "
            "the log. Exit status 5: B does not go on from A, 4: one of them is not signed by a key that --key gives.",
    .run = run_consistency,
};
