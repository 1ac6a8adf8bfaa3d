#include "config.h" /* memmem() */

#include "tests/testing.h"

#include <stdio.h>
#include <sys/wait.h>

#include "audit/verify.h"
#include "tests/audit/files.h"
#include "tests/audit/made_log.h"
#include "util/encode.h"

/*
 * The log of every test: records 0 to 299 in segment 1, 300 to 999 in 2, 1000 to 1259 in 3; checkpoints at
 * 100, 300, 500, 1000, 1100 and 1250.
 */
#define SEGMENT_1 "audit-0000000001.jsonl"
#define SEGMENT_2 "audit-0000000002.jsonl"
#define SEGMENT_3 "audit-0000000003.jsonl"
#define RECORDS 1260
#define COVERED 1250

static made_log made;
static const char *folder;
static buf_t vkey;
static verify_report report;

static void make_log(made_log *log, const char *where, uint64_t seed, uint8_t key)
{
    made_begin(log, where);
    log->seed = seed;
    log->key = key;
    made_add(log, 100);
    made_checkpoint(log);
    made_add(log, 200);
    made_next(log);
    made_add(log, 200);
    made_checkpoint(log);
    made_add(log, 500);
    made_next(log);
    made_add(log, 100);
    made_checkpoint(log);
    made_add(log, 150);
    made_checkpoint(log);
    made_add(log, 10);
}

static int begin(void **state)
{
    (void)state;
    folder = scratch_folder();
    make_log(&made, folder, 0, 1);
    buf_clear(&vkey);
    made_vkey(1, &vkey);
    return 0;
}

static int end(void **state)
{
    (void)state;
    made_end(&made);
    return 0;
}

static int prepare(void **state)
{
    (void)state;
    return crypto_init() == P11KMS_OK ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    buf_free(&vkey);
    return 0;
}

static verify_verdict verify_with(verify_options options)
{
    _cleanup_(trust) trust_t *keys = NULL;

    assert_ok(trust_new(&keys));
    assert_ok(trust_add(keys, buf_slice(&vkey)));
    options.dir = folder;
    options.keys = keys;
    assert_ok(verify_log(&options, &report));
    return report.verdict;
}

static verify_verdict verify(void)
{
    return verify_with((verify_options){ .since = NULL });
}

static void assert_reason(const char *part)
{
    if (strstr(report.reason, part) == NULL) {
        fail_msg("'%s' does not say '%s'", report.reason, part);
    }
}

static void assert_named(uint64_t segment, uint64_t line, uint64_t index, const char *event_id)
{
    assert_true(report.named);
    assert_int_equal(report.segment, segment);
    assert_int_equal(report.line, line);
    assert_int_equal(report.index, index);
    assert_string_equal(report.event_id, event_id);
}

/* A file's bytes; the caller's. */
static buf_t content(const char *name)
{
    buf_t out = { 0 };
    FILE *file = fopen(scratch_path(folder, name), "rb");

    assert_non_null(file);
    size_t n = fread(buf_reserve(&out, 1 << 20), 1, 1 << 20, file);
    out.len = n;
    fclose(file);
    return out;
}

/* Where line @p n (from 1) begins. */
static size_t line_at(const buf_t *text, size_t n)
{
    const uint8_t *at = text->data;

    while (--n > 0) {
        at = (const uint8_t *)memchr(at, '\n', text->len - (size_t)(at - text->data)) + 1;
    }
    return (size_t)(at - text->data);
}

/* Lines from..to - 1 of a segment give way to @p with. */
static void replace(const char *name, size_t from, size_t to, const char *with)
{
    _cleanup_buf_ buf_t old = content(name);
    _cleanup_buf_ buf_t new = { 0 };
    size_t begin_at = line_at(&old, from), end_at = line_at(&old, to);

    buf_put(&new, old.data, begin_at);
    buf_put_str(&new, with);
    buf_put(&new, old.data + end_at, old.len - end_at);
    write_file(folder, name, buf_slice(&new));
}

static void change_byte(const char *name, const char *where)
{
    _cleanup_buf_ buf_t text = content(name);
    char *at = memmem(text.data, text.len, where, strlen(where));

    assert_non_null(at);
    at[0] ^= 1;
    write_file(folder, name, buf_slice(&text));
}

static void run(const char *command)
{
    char line[1024];

    snprintf(line, sizeof(line), "cd '%s' && %s", folder, command);
    int status = system(line);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_a_whole_log_is_whole(void **state)
{
    (void)state;
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_string_equal(report.reason, "");
    assert_int_equal(report.first, 0);
    assert_int_equal(report.records, RECORDS);
    assert_int_equal(report.covered, COVERED);
    assert_int_equal(report.segments, 3);
    assert_int_equal(report.without_notes + report.without_tiles + report.torn, 0);
    assert_string_equal(report.origin, MADE_ORIGIN);
}

static void test_a_changed_byte_is_named_by_segment_line_and_event(void **state)
{
    (void)state;
    change_byte(SEGMENT_2, made_event_id(0, 300 + 41));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_true(report.named);
    assert_int_equal(report.segment, 2);
    assert_int_equal(report.line, 42);
    assert_int_equal(report.index, 341);
    assert_reason("it was changed");
    assert_int_equal(report.good, 300);
    assert_int_equal(report.bad, 500);
}

static void test_the_first_and_the_last_covered_record_count_too(void **state)
{
    static const struct {
        const char *segment;
        uint64_t index, line;
    } ends[] = { { SEGMENT_1, 0, 1 }, { SEGMENT_1, 299, 300 }, { SEGMENT_2, 300, 1 }, { SEGMENT_3, 1249, 250 } };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char end_of_line[32];
        snprintf(end_of_line, sizeof(end_of_line), "\"n\":%u}", (unsigned)ends[i].index);
        change_byte(ends[i].segment, end_of_line);
        assert_int_equal(verify(), VERIFY_RECORDS);
        assert_named(report.segment, ends[i].line, ends[i].index, made_event_id(0, ends[i].index));
        end_of_line[0] ^= 1;
        _cleanup_buf_ buf_t text = content(ends[i].segment);
        char *at = memmem(text.data, text.len, end_of_line, strlen(end_of_line));
        assert_non_null(at);
        at[0] ^= 1;
        write_file(folder, ends[i].segment, buf_slice(&text));
    }
    assert_int_equal(verify(), VERIFY_WHOLE);
}

static void test_a_removed_line_is_named(void **state)
{
    (void)state;
    replace(SEGMENT_2, 10, 11, "");
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(2, 10, 309, made_event_id(0, 310)); /* what stands there now */
    assert_reason("that one was removed");
}

static void test_an_inserted_line_is_named(void **state)
{
    (void)state;
    replace(SEGMENT_2, 10, 10, "{\"eventID\":\"00000000-aaaa\"}\n");
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(2, 10, 309, "00000000-aaaa");
    assert_reason("it was put in");
}

static void test_swapped_lines_are_named(void **state)
{
    char swapped[512];

    (void)state;
    int len = snprintf(swapped, sizeof(swapped), "%s\n", made_line(0, 310));
    snprintf(swapped + len, sizeof(swapped) - (size_t)len, "%s\n", made_line(0, 309));
    replace(SEGMENT_2, 10, 12, swapped);
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(2, 10, 309, made_event_id(0, 310));
    assert_reason("changed places");
}

static void test_a_truncated_log_is_named_at_its_end(void **state)
{
    (void)state;
    replace(SEGMENT_3, 201, 261, "");
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(3, 201, 1200, "");
    assert_reason("covers 1250 records");
}

static void test_a_line_gone_at_a_segments_end_is_not_made_good_by_the_next(void **state)
{
    (void)state;
    replace(SEGMENT_2, 700, 701, "");
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(2, 700, 999, "");
}

static void test_a_missing_segment_is_told(void **state)
{
    (void)state;
    run("rm " SEGMENT_2);
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_reason("segment 2 is missing");
}

static void test_the_newest_segment_put_back_to_an_older_copy_is_told(void **state)
{
    (void)state;
    replace(SEGMENT_3, 101, 261, "");
    assert_int_equal(verify(), VERIFY_RECORDS);
    run("rm audit-0000000003.notes"); /* and so it is by the newest checkpoint alone */
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_reason("checkpoint covers 1250");
}

static void test_where_tiles_were_edited_too_the_checkpoints_around_are_told(void **state)
{
    _cleanup_buf_ buf_t tile = { 0 };

    (void)state;
    change_byte(SEGMENT_2, made_event_id(0, 600));
    tile = content("tile/0/002");
    tile.data[(600 - 512) * 32] ^= 1;
    write_file(folder, "tile/0/002", buf_slice(&tile));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_false(report.named);
    assert_int_equal(report.good, 500);
    assert_int_equal(report.bad, 1000);
    assert_int_equal(report.segment, 2);
    assert_int_equal(report.line, 201);
    assert_reason("records 500 to 999");
}

static void test_without_tiles_the_checkpoints_around_are_told(void **state)
{
    (void)state;
    run("rm -r tile");
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.without_tiles, 5);
    change_byte(SEGMENT_1, made_event_id(0, 150));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_false(report.named);
    assert_int_equal(report.good, 100);
    assert_int_equal(report.bad, 300);
}

static void test_tiles_that_are_not_true_are_told_when_the_records_are(void **state)
{
    static const char *const tiles[] = { "tile/0/000", "tile/0/003", "tile/0/004.p/226", "tile/1/000.p/4" };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tiles); i++) {
        _cleanup_buf_ buf_t tile = content(tiles[i]);
        tile.data[40] ^= 1;
        write_file(folder, tiles[i], buf_slice(&tile));
        assert_int_equal(verify(), VERIFY_TILES);
        assert_reason("is not true");
        tile.data[40] ^= 1;
        write_file(folder, tiles[i], buf_slice(&tile));
    }
    assert_int_equal(verify(), VERIFY_WHOLE);
    run("truncate -s 100 tile/0/001");
    assert_int_equal(verify(), VERIFY_TILES);
}

static void test_records_behind_the_newest_checkpoint_are_counted_as_not_covered(void **state)
{
    (void)state;
    replace(SEGMENT_3, 255, 261, "");
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.records, 1254);
    assert_int_equal(report.covered, COVERED);
}

static void test_a_checkpoint_by_another_key_is_refused(void **state)
{
    static const char *const copies[] = { "audit-0000000001.notes", "audit-0000000003.notes", "checkpoint" };
    const char *ours = folder;
    made_log theirs;

    (void)state;
    folder = scratch_folder();
    made_begin(&theirs, folder);
    theirs.key = 2;
    made_add(&theirs, 100);
    made_checkpoint(&theirs);
    _cleanup_buf_ buf_t forged = content("checkpoint"); /* even of the same root */
    folder = ours;
    for (size_t i = 0; i < COUNT_OF(copies); i++) {
        _cleanup_buf_ buf_t there = content(copies[i]);
        _cleanup_buf_ buf_t with = { 0 };
        buf_put_slice(&with, buf_slice(&forged));
        if (i < 2) {
            buf_put_char(&with, '\n');
        }
        write_file(folder, copies[i], buf_slice(&with));
        assert_int_equal(verify(), VERIFY_CHECKPOINT);
        assert_reason("no key that was given signed it");
        write_file(folder, copies[i], buf_slice(&there));
    }
    made_end(&theirs);
}

static void test_hashes_all_rewritten_without_the_key_are_refused(void **state)
{
    const char *ours = folder;
    char command[600];

    (void)state;
    made_end(&made);
    folder = scratch_folder();
    make_log(&made, folder, 7, 2); /* other records, and all of it signed by another key */
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    snprintf(command, sizeof(command), "cp '%s'/*.notes '%s'/checkpoint .", ours, ours);
    run(command); /* and with the true checkpoints */
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_int_equal(report.good, 0);
    assert_int_equal(report.bad, 100);
    assert_false(report.named);
}

static void test_a_checkpoint_with_a_changed_signature_is_refused(void **state)
{
    _cleanup_buf_ buf_t text = content("checkpoint");

    (void)state;
    text.data[text.len - 10] = text.data[text.len - 10] == 'A' ? 'B' : 'A';
    write_file(folder, "checkpoint", buf_slice(&text));
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("its signature is not good");
}

static void test_notes_that_are_no_notes_are_told_by_file_and_number(void **state)
{
    (void)state;
    change_byte("audit-0000000002.notes", "500\n");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    change_byte("audit-0000000002.notes", "400\n"); /* '5' ^ 1 was '4' */
    change_byte("audit-0000000002.notes", "\n500\n");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("checkpoint 2 of audit-0000000002.notes");
}

static void test_a_log_without_any_checkpoint_proves_nothing(void **state)
{
    (void)state;
    run("rm audit-*.notes checkpoint");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("nothing is proven");
    run("rm -r ./*");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
}

static void test_missing_notes_are_counted_and_later_checkpoints_stand_for_them(void **state)
{
    (void)state;
    run("rm audit-0000000002.notes");
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.without_notes, 1);
    change_byte(SEGMENT_2, made_event_id(0, 700));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(2, 401, 700, report.event_id);
}

static void keep_checkpoint(void)
{
    run("cp checkpoint ../kept-since");
}

static verify_verdict verify_since(void)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/../kept-since", folder);
    return verify_with((verify_options){ .since = path });
}

static void test_a_log_that_goes_on_from_a_kept_checkpoint_is_whole(void **state)
{
    (void)state;
    keep_checkpoint();
    assert_int_equal(verify_since(), VERIFY_WHOLE);
    made_add(&made, 77);
    made_next(&made);
    made_add(&made, 5);
    made_checkpoint(&made);
    assert_int_equal(verify_since(), VERIFY_WHOLE);
}

static void test_a_log_rewritten_with_the_key_does_not_go_on_from_a_kept_checkpoint(void **state)
{
    (void)state;
    keep_checkpoint();
    made_end(&made);
    folder = scratch_folder();
    make_log(&made, folder, 7, 1);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(verify_since(), VERIFY_SINCE);
}

static void test_a_log_rolled_back_whole_does_not_go_on_from_a_kept_checkpoint(void **state)
{
    (void)state;
    run("cp -r . ../rolled-back");
    made_add(&made, 77);
    made_checkpoint(&made);
    keep_checkpoint();
    run("rm -r ./* && cp -r ../rolled-back/. . && rm -r ../rolled-back");
    assert_int_equal(verify(), VERIFY_WHOLE); /* nobody can tell from the log alone */
    assert_int_equal(verify_since(), VERIFY_SINCE);
    assert_reason("gone");
}

static void test_a_kept_checkpoint_must_be_signed_too(void **state)
{
    (void)state;
    keep_checkpoint();
    run("sed -i 's/1250/1249/' ../kept-since");
    assert_int_equal(verify_since(), VERIFY_SINCE);
}

static void test_old_segments_may_be_moved_away(void **state)
{
    (void)state;
    run("cp audit-0000000001.notes kept.notes");
    run("rm audit-0000000001.*");
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.first, 300);
    run("rm audit-0000000002.*");
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.first, 1000);
    assert_int_equal(report.records, RECORDS);
    change_byte(SEGMENT_3, made_event_id(0, 1111));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(3, 112, 1111, report.event_id);
}

static void test_what_follows_a_bad_segment_can_be_verified_by_itself(void **state)
{
    (void)state;
    change_byte(SEGMENT_1, made_event_id(0, 150));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_int_equal(verify_with((verify_options){ .from = 2 }), VERIFY_WHOLE);
    assert_int_equal(report.first, 300);
    assert_int_equal(verify_with((verify_options){ .from = 1 }), VERIFY_RECORDS);
}

static void test_a_checkpoint_kept_before_segments_were_moved_away_is_linked_by_the_tiles(void **state)
{
    (void)state;
    keep_checkpoint();
    made_next(&made);
    made_add(&made, 100);
    made_checkpoint(&made);
    run("rm audit-000000000[123].*");
    assert_int_equal(verify_since(), VERIFY_WHOLE);
    assert_int_equal(report.first, RECORDS);
    made_end(&made);
    const char *ours = folder;
    folder = scratch_folder();
    make_log(&made, folder, 7, 1);
    keep_checkpoint();
    folder = ours;
    assert_int_equal(verify_since(), VERIFY_SINCE);
}

static void test_segments_moved_away_without_their_tiles_or_head_are_told(void **state)
{
    (void)state;
    run("rm audit-0000000001.* && mv tile elsewhere");
    assert_int_equal(verify(), VERIFY_TILES);
    run("mv elsewhere tile");
    _cleanup_buf_ buf_t tile = content("tile/1/000.p/4");
    tile.data[0] ^= 1;
    write_file(folder, "tile/1/000.p/4", buf_slice(&tile));
    assert_int_equal(verify(), VERIFY_TILES);
    tile.data[0] ^= 1;
    write_file(folder, "tile/1/000.p/4", buf_slice(&tile));
    assert_int_equal(verify(), VERIFY_WHOLE);
    run("rm audit-0000000002.notes");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("does not begin with the checkpoint before the segment");
}

static void test_compressed_segments_verify_and_their_records_are_named(void **state)
{
    (void)state;
    run("gzip " SEGMENT_1 " && zstd -q --rm " SEGMENT_2);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.records, RECORDS);
    run("zstd -q -d --rm " SEGMENT_2 ".zst");
    change_byte(SEGMENT_2, made_event_id(0, 341));
    run("split -l 350 " SEGMENT_2 " piece. && gzip piece.* && cat piece.* >" SEGMENT_2 ".gz && rm piece.* " SEGMENT_2);
    assert_int_equal(verify(), VERIFY_RECORDS); /* also of several gzip members */
    assert_true(report.named);
    assert_int_equal(report.line, 42);
}

static void test_a_damaged_or_cut_compressed_segment_is_an_error(void **state)
{
    static const char *const ruins[] = { "truncate -s -9 " SEGMENT_2 ".zst", "truncate -s 1000 " SEGMENT_2 ".zst",
                                         "printf xxxx >>" SEGMENT_2 ".zst",
                                         "mv " SEGMENT_2 ".zst " SEGMENT_2 ".gz" };

    (void)state;
    run("zstd -q --rm " SEGMENT_2 " && cp " SEGMENT_2 ".zst whole");
    for (size_t i = 0; i < COUNT_OF(ruins); i++) {
        verify_options options = { .dir = folder };
        run("cp whole " SEGMENT_2 ".zst");
        run(ruins[i]);
        assert_err(verify_log(&options, &report), P11KMS_E_AUDIT);
    }
}

static void test_two_forms_of_a_segment_are_told_and_must_be_equal(void **state)
{
    (void)state;
    run("gzip -k " SEGMENT_1);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.in_forms, 1);
    run("zstd -q -k " SEGMENT_1 " && zstd -q -k --rm " SEGMENT_2);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.in_forms, 1);
    assert_int_equal(report.segments, 3);
    run("sed 7s/Decrypt/Encrypt/ " SEGMENT_1 " | gzip >" SEGMENT_1 ".gz");
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_reason(SEGMENT_1 ".gz stands beside " SEGMENT_1 ", and holds something else from line 7 on");
    assert_int_equal(report.segment, 1);
    assert_int_equal(report.line, 7);
}

static void test_another_form_that_is_longer_shorter_or_damaged_is_told(void **state)
{
    static const char *const others[] = {
        "(cat " SEGMENT_1 "; echo more) | gzip", "head -n 299 " SEGMENT_1 " | gzip", "(cat " SEGMENT_1 "; printf torn) | gzip",
        "gzip <" SEGMENT_1 " | head -c 900", "echo no gzip", "mkfifo " SEGMENT_1 ".zst; gzip <" SEGMENT_1,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        char command[256];

        snprintf(command, sizeof(command), "(%s) >other; mv other " SEGMENT_1 ".gz", others[i]);
        run(command);
        assert_int_equal(verify(), VERIFY_RECORDS);
        assert_reason(i < 5 ? SEGMENT_1 ".gz stands beside " SEGMENT_1 ", and " : SEGMENT_1 ".zst is not a file");
    }
}

static void test_a_torn_end_is_no_record(void **state)
{
    _cleanup_buf_ buf_t text = content(SEGMENT_3);

    (void)state;
    buf_put_str(&text, "{\"eventID\":\"half");
    write_file(folder, SEGMENT_3, buf_slice(&text));
    _cleanup_buf_ buf_t notes = content("audit-0000000003.notes");
    buf_put_str(&notes, MADE_ORIGIN "\n12");
    write_file(folder, "audit-0000000003.notes", buf_slice(&notes));
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.records, RECORDS);
    assert_int_equal(report.torn, 16);
}

static void test_a_line_longer_than_any_record_is_named(void **state)
{
    _cleanup_buf_ buf_t text = content(SEGMENT_2);

    (void)state;
    for (unsigned i = 0; i < 300 * 1024; i++) {
        buf_put_char(&text, 'x');
    }
    buf_put_char(&text, '\n');
    write_file(folder, SEGMENT_2, buf_slice(&text));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_true(report.named);
    assert_int_equal(report.line, 701);
}

static verify_verdict verify_witnessed(unsigned n, size_t quorum, uint64_t unwitnessed_max)
{
    _cleanup_(trust) trust_t *witnesses = NULL;

    assert_ok(trust_new(&witnesses));
    for (unsigned i = 1; i <= n; i++) {
        _cleanup_buf_ buf_t text = { 0 };
        made_witness_vkey(i, &text);
        assert_ok(trust_add(witnesses, buf_slice(&text)));
    }
    return verify_with(
        (verify_options){ .witnesses = witnesses, .quorum = quorum, .unwitnessed_max = unwitnessed_max });
}

static void test_as_many_witnesses_as_demanded_must_have_cosigned(void **state)
{
    (void)state;
    assert_int_equal(verify_witnessed(3, 1, UINT64_MAX), VERIFY_WITNESSES);
    made_cosign(&made, 2, 1700000000);
    assert_int_equal(verify_witnessed(3, 2, 0), VERIFY_WHOLE);
    assert_int_equal(report.witnessed, COVERED);
    assert_int_equal(report.witnessed_time, 1700000000);
    assert_int_equal(verify_witnessed(3, 3, UINT64_MAX), VERIFY_WITNESSES);
    made_add(&made, 40);
    made_checkpoint(&made);
    assert_int_equal(verify_witnessed(3, 2, UINT64_MAX), VERIFY_WHOLE);
    assert_int_equal(verify_witnessed(3, 2, 50), VERIFY_WHOLE);
    assert_int_equal(verify_witnessed(3, 2, 49), VERIFY_WITNESSES);
}

static void test_a_cosigned_copy_may_come_after_later_checkpoints(void **state)
{
    _cleanup_buf_ buf_t copy = { 0 };

    (void)state;
    made_cosign(&made, 2, 1700000000);
    buf_put_slice(&copy, buf_slice(&made.last));
    buf_put_char(&copy, '\n');
    made_add(&made, 40);
    made_checkpoint(&made);
    _cleanup_buf_ buf_t notes = content("audit-0000000003.notes");
    buf_put_slice(&notes, buf_slice(&copy));
    write_file(folder, "audit-0000000003.notes", buf_slice(&notes));
    assert_int_equal(verify_witnessed(2, 2, 50), VERIFY_WHOLE);
    assert_int_equal(report.witnessed, COVERED);
    assert_int_equal(report.covered, 1300);
}

static void test_a_forged_cosignature_spoils_its_checkpoint(void **state)
{
    (void)state;
    made_cosign(&made, 1, 1700000000);
    _cleanup_buf_ buf_t text = content("checkpoint");
    text.data[text.len - 10] = text.data[text.len - 10] == 'A' ? 'B' : 'A';
    write_file(folder, "checkpoint", buf_slice(&text));
    assert_int_equal(verify_witnessed(2, 1, UINT64_MAX), VERIFY_CHECKPOINT);
    assert_int_equal(verify(), VERIFY_WHOLE); /* who does not know the witness ignores it */
}

static void test_a_p256_key_given_as_pem_verifies_its_log(void **state)
{
    made_log log;

    (void)state;
    folder = scratch_folder();
    made_begin(&log, folder);
    log.p256 = true;
    made_add(&log, 30);
    made_next(&log);
    made_add(&log, 30);
    made_checkpoint(&log);
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    buf_clear(&vkey);
    made_pem(&log, &vkey);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.covered, 60);
    made_end(&log);
}

static void test_a_log_of_no_records_with_a_checkpoint_is_whole(void **state)
{
    made_log log;

    (void)state;
    folder = scratch_folder();
    made_begin(&log, folder);
    made_checkpoint(&log);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.records, 0);
    made_end(&log);
}

static void test_what_cannot_be_checked_is_an_error_not_a_verdict(void **state)
{
    verify_options options = { .dir = "/nonexistent" };

    (void)state;
    assert_err(verify_log(&options, &report), P11KMS_E_NOT_FOUND);
    options.dir = folder;
    options.since = "/nonexistent";
    assert_err(verify_log(&options, &report), P11KMS_E_NOT_FOUND);
}

/* ---- what the service's own records say of the log ---- */

#define OWN_EVENT(name, time, details)                                                                                    \
    "{\"eventVersion\":\"1.11\",\"userIdentity\":{\"type\":\"AWSService\",\"invokedBy\":\"p11kms\"},\"eventTime\":\"" time     \
    "\",\"eventName\":\"" name "\",\"serviceEventDetails\":" details ",\"eventID\":\"" EVENT_ID "\"}"
#define EVENT_ID "0b5a6c2e-0000-4000-8000-000000000001"
#define SETTINGS "{\"version\":\"1\",\"checkpointRecords\":20,\"checkpointInterval\":10}"

/* AuditResumed about the tree as it is; or with another size, or root. */
static void put_decision(made_log *log, uint64_t size, bool another_root)
{
    _cleanup_buf_ buf_t line = { 0 };
    merkle_hash root;

    merkle_root(&log->tree.edge, &root);
    root.bytes[0] ^= another_root;
    buf_printf(&line, "{\"eventName\":\"AuditResumed\",\"serviceEventDetails\":{\"because\":\"a test\",\"by\":\"uid 7\","
                      "\"treeSize\":%llu,\"rootHash\":\"", (unsigned long long)size);
    base64_encode(&line, SLICE(root.bytes, sizeof(root.bytes)));
    buf_put_str(&line, "\"},\"eventID\":\"" EVENT_ID "\"}");
    made_put(log, buf_str(&line));
}

static void test_every_decision_to_go_on_is_told(void **state)
{
    (void)state;
    made_next(&made);
    put_decision(&made, RECORDS, false);
    made_add(&made, 3);
    made_next(&made);
    put_decision(&made, RECORDS + 4, false);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.n_resumed, 2);
    for (uint64_t i = 0; i < 2; i++) {
        const verify_resumed *resumed = &report.resumed[i];
        assert_int_equal(resumed->segment, 4 + i);
        assert_int_equal(resumed->line, 1);
        assert_int_equal(resumed->index, RECORDS + 4 * i);
        assert_string_equal(resumed->event_id, EVENT_ID);
        assert_string_equal(resumed->because, "a test");
        assert_string_equal(resumed->by, "uid 7");
        assert_false(resumed->at_start);
    }
}

static void test_decisions_behind_a_bad_record_are_told_too(void **state)
{
    (void)state;
    made_next(&made);
    put_decision(&made, RECORDS, false);
    made_checkpoint(&made);
    change_byte(SEGMENT_2, made_event_id(0, 700));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_int_equal(report.n_resumed, 1);
    assert_int_equal(report.resumed[0].segment, 4);
    assert_string_equal(report.resumed[0].by, "uid 7");
    assert_false(report.resumed[0].checked);
}

/* As by a service that saw the change: what it had in memory is signed in the notes of the next segment alone. */
static void test_the_decision_at_which_a_bad_record_shows_is_told_too(void **state)
{
    _cleanup_buf_ buf_t notes = content("audit-0000000003.notes");

    (void)state;
    made_next(&made);
    write_file(folder, "audit-0000000003.notes", buf_slice(&notes));
    put_decision(&made, RECORDS, false);
    made_checkpoint(&made);
    change_byte(SEGMENT_3, made_event_id(0, COVERED + 5));
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_int_equal(report.n_resumed, 1);
    assert_int_equal(report.resumed[0].segment, 4);
    assert_false(report.resumed[0].checked);
}

static void test_a_decision_that_the_service_would_not_have_written_is_named(void **state)
{
    (void)state;
    made_next(&made);
    put_decision(&made, RECORDS - 1, false);
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(4, 1, RECORDS, EVENT_ID);
    made_checkpoint(&made); /* signed or not */
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(4, 1, RECORDS, EVENT_ID);
}

static void test_a_decision_about_another_tree_is_named(void **state)
{
    (void)state;
    made_next(&made);
    put_decision(&made, RECORDS, true);
    made_checkpoint(&made);
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(4, 1, RECORDS, EVENT_ID);
}

static void test_a_decision_within_a_segment_is_named(void **state)
{
    (void)state;
    made_next(&made);
    made_add(&made, 1);
    made_put(&made, OWN_EVENT("AuditResumed", "2026-11-22T05:55:59Z", "{\"treeSize\":1261}"));
    made_checkpoint(&made);
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_named(4, 2, RECORDS + 1, EVENT_ID);
}

static void test_a_clients_words_are_no_decision(void **state)
{
    (void)state;
    made_next(&made);
    made_put(&made, "{\"eventName\":\"Encrypt\",\"requestParameters\":{\"encryptionContext\":{\"eventName\":\"AuditResumed\"}}}");
    made_checkpoint(&made);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(report.n_resumed, 0);
}

static void test_what_a_start_knew_to_be_signed_and_did_not_find_is_told(void **state)
{
    (void)state;
    made_next(&made);
    put_decision(&made, RECORDS, false);
    made_put(&made, OWN_EVENT("AuditContinued", "2026-11-22T05:55:59Z", 
                              "{\"treeSize\":1260,\"rootHash\":\"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\",\"signedSize\":1900,"
                              "\"kept\":false}"));
    made_add(&made, 10);
    made_checkpoint(&made);
    assert_int_equal(verify(), VERIFY_RECORDS);
    assert_reason("1900 had been, when the log was gone on with from 1260");
    assert_int_equal(report.segment, 4);
    assert_int_equal(report.covered, report.records);
    assert_true(report.resumed[0].lost);
    assert_int_equal(verify_with((verify_options){ .from = 4 }), VERIFY_WHOLE); /* what comes after, by itself */
    assert_int_equal(verify_with((verify_options){ .from = 3 }), VERIFY_RECORDS);
}

/* ---- how much may be under no checkpoint ---- */

static void put_at(made_log *log, unsigned n, const char *time)
{
    char line[256];

    while (n-- > 0) {
        snprintf(line, sizeof(line), "{\"eventTime\":\"2026-11-22T%sZ\",\"eventName\":\"Decrypt\"}", time);
        made_put(log, line);
    }
}

/* A checkpoint every 20 records and every 10 seconds, by what the log says. */
static void begin_told(void)
{
    made_next(&made);
    made_put(&made, OWN_EVENT("StartService", "2026-11-22T10:00:00Z", SETTINGS));
    made_checkpoint(&made);
}

static void test_what_a_killed_service_leaves_under_no_checkpoint_verifies(void **state)
{
    (void)state;
    begin_told();
    put_at(&made, 1, "12:00:00"); /* the first for long */
    put_at(&made, 18, "12:00:09");
    put_at(&made, 2000, "12:00:20"); /* a burst that the disk held up */
    assert_int_equal(verify(), VERIFY_WHOLE);
    made_put(&made, OWN_EVENT("StartService", "2026-11-22T18:00:00Z", SETTINGS)); /* killed again at once */
    put_at(&made, 3, "18:00:01");
    made_put(&made, OWN_EVENT("StartService", "2026-11-23T09:00:00Z", SETTINGS));
    assert_int_equal(verify(), VERIFY_WHOLE);
    put_at(&made, 3, "03:00:00"); /* a clock that was set back */
    assert_int_equal(verify(), VERIFY_WHOLE);
}

static void test_what_a_start_records_before_it_serves_is_not_of_the_run_before(void **state)
{
    (void)state;
    begin_told();
    put_at(&made, 1, "12:00:00");
    made_put(&made, OWN_EVENT("AuditContinued", "2026-11-22T14:00:00Z", "{\"kept\":true}"));
    assert_int_equal(verify(), VERIFY_WHOLE);
}

/* Each start makes a checkpoint at once: who writes starts instead of them gains no time. */
static void test_starts_do_not_stand_for_checkpoints(void **state)
{
    (void)state;
    begin_told();
    put_at(&made, 1, "12:00:00");
    put_at(&made, 1, "12:00:40");
    made_put(&made, OWN_EVENT("StartService", "2026-11-22T12:01:00Z", SETTINGS));
    put_at(&made, 1, "12:01:30"); /* forty seconds and thirty */
    made_put(&made, OWN_EVENT("StartService", "2026-11-22T12:02:00Z", SETTINGS));
    assert_int_equal(verify(), VERIFY_WHOLE);
    put_at(&made, 1, "12:02:01");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("before record 1266 one was due");
}

static void test_records_that_stood_without_a_checkpoint_for_long_are_not_proven(void **state)
{
    uint64_t all = 3, fewer = 2;

    (void)state;
    begin_told();
    put_at(&made, 1, "12:00:00");
    put_at(&made, 1, "12:01:10"); /* the tenth second, and a minute's grace */
    assert_int_equal(verify(), VERIFY_WHOLE);
    put_at(&made, 1, "12:01:11");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("records from 1261 on are under no checkpoint, and before record 1263 one was due");
    assert_int_equal(verify_with((verify_options){ .uncovered_max = &all }), VERIFY_WHOLE);
    assert_int_equal(verify_with((verify_options){ .uncovered_max = &fewer }), VERIFY_CHECKPOINT);
    made_checkpoint(&made);
    assert_int_equal(verify(), VERIFY_WHOLE);
}

static void test_more_records_than_are_left_without_a_checkpoint_are_not_proven(void **state)
{
    (void)state;
    begin_told();
    made_put(&made, OWN_EVENT("StartService", "2026-11-22T11:00:00Z", "{\"checkpointRecords\":20,\"checkpointInterval\":3600}"));
    made_checkpoint(&made);
    put_at(&made, 20, "12:00:00");
    put_at(&made, 1, "12:01:00");
    assert_int_equal(verify(), VERIFY_WHOLE);
    put_at(&made, 1, "12:01:01");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("before record 1283 one was due");
}

static void test_settings_that_stand_under_no_checkpoint_count_for_nothing(void **state)
{
    (void)state;
    begin_told();
    put_at(&made, 1, "12:00:00");
    made_put(&made, OWN_EVENT("StartService", "2026-11-22T12:00:01Z", "{\"checkpointRecords\":1000000,\"checkpointInterval\":86400}"));
    put_at(&made, 1, "14:00:00");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
}

static void test_records_without_a_time_are_not_what_a_service_leaves(void **state)
{
    (void)state;
    begin_told();
    made_add(&made, 1);
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("1 of them have no time");
}

/* Whoever reads them sees hours, where something that looks for the first time in a line sees none. */
static void test_a_time_within_a_record_is_not_the_records(void **state)
{
    (void)state;
    begin_told();
    put_at(&made, 1, "12:00:00");
    made_put(&made, "{\"userIdentity\":{\"eventTime\":\"2026-11-22T12:00:00Z\"},\"eventTime\":\"2026-11-22T15:00:00Z\"}");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("before record 1262 one was due");
}

static void test_a_time_that_is_there_twice_is_none(void **state)
{
    (void)state;
    begin_told();
    made_put(&made, "{\"eventTime\":\"2026-11-22T12:00:00Z\",\"eventTime\":\"2026-11-22T15:00:00Z\"}");
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("1 of them have no time");
}

/* All checkpoints of the newest segments are taken away, and the rest of the folder made to fit. */
static void test_stripped_checkpoints_are_found_out_by_the_times_of_records(void **state)
{
    _cleanup_buf_ buf_t older = { 0 };
    char time[16];

    (void)state;
    begin_told();
    older = content("checkpoint");
    made_next(&made);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(time, sizeof(time), "12:%02u:00", i);
        put_at(&made, 2, time);
        made_checkpoint(&made);
    }
    assert_int_equal(verify(), VERIFY_WHOLE);
    run("rm audit-0000000005.notes");
    write_file(folder, "checkpoint", buf_slice(&older));
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("checkpoints were taken away, or could not be made");
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void test_checkpoints_taken_away_do_not_leave_a_whole_log(void **state)
{
    _cleanup_free_ char *dir = strdup(scratch_path(folder, "other"));
    made_log other;
    char older[4096];
    char name[32];
    uint64_t none = 0, all = 60;

    (void)state;
    assert_int_equal(mkdir(dir, 0750), 0);
    made_begin(&other, dir);
    other.key = 1;
    folder = dir;
    for (int segment = 1; segment < 4; segment++) {
        made_add(&other, 20);
        made_checkpoint(&other);
        if (segment == 1) {
            snprintf(older, sizeof(older), "%.*s", (int)sizeof(older) - 1, file_text(folder, "checkpoint"));
        }
        made_add(&other, 20);
        if (segment < 3) {
            made_next(&other);
        }
    }
    made_end(&other);
    assert_int_equal(verify(), VERIFY_WHOLE);
    assert_int_equal(verify_with((verify_options){ .uncovered_max = &none }), VERIFY_CHECKPOINT); /* as it is written */
    for (int segment = 1; segment < 4; segment++) {
        snprintf(name, sizeof(name), "audit-%010d.notes", segment);
        assert_int_equal(unlink(scratch_path(folder, name)), 0);
    }
    write_file(folder, "checkpoint", SLICE_STR(older));
    assert_int_equal(verify(), VERIFY_CHECKPOINT);
    assert_reason("records from 20 on are under no checkpoint");
    assert_int_equal(unlink(scratch_path(folder, "audit-0000000003.jsonl")), 0);
    assert_int_equal(verify(), VERIFY_WHOLE); /* a service whose token is away for a while leaves this */
    assert_int_equal(verify_with((verify_options){ .uncovered_max = &all }), VERIFY_WHOLE);
    all--;
    assert_int_equal(verify_with((verify_options){ .uncovered_max = &all }), VERIFY_CHECKPOINT);
    assert_reason("60 records are under no checkpoint");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_a_whole_log_is_whole),
        LOG_TEST(test_a_changed_byte_is_named_by_segment_line_and_event),
        LOG_TEST(test_the_first_and_the_last_covered_record_count_too),
        LOG_TEST(test_a_removed_line_is_named),
        LOG_TEST(test_an_inserted_line_is_named),
        LOG_TEST(test_swapped_lines_are_named),
        LOG_TEST(test_a_truncated_log_is_named_at_its_end),
        LOG_TEST(test_a_line_gone_at_a_segments_end_is_not_made_good_by_the_next),
        LOG_TEST(test_a_missing_segment_is_told),
        LOG_TEST(test_the_newest_segment_put_back_to_an_older_copy_is_told),
        LOG_TEST(test_where_tiles_were_edited_too_the_checkpoints_around_are_told),
        LOG_TEST(test_without_tiles_the_checkpoints_around_are_told),
        LOG_TEST(test_tiles_that_are_not_true_are_told_when_the_records_are),
        LOG_TEST(test_records_behind_the_newest_checkpoint_are_counted_as_not_covered),
        LOG_TEST(test_a_checkpoint_by_another_key_is_refused),
        LOG_TEST(test_hashes_all_rewritten_without_the_key_are_refused),
        LOG_TEST(test_a_checkpoint_with_a_changed_signature_is_refused),
        LOG_TEST(test_notes_that_are_no_notes_are_told_by_file_and_number),
        LOG_TEST(test_a_log_without_any_checkpoint_proves_nothing),
        LOG_TEST(test_missing_notes_are_counted_and_later_checkpoints_stand_for_them),
        LOG_TEST(test_a_log_that_goes_on_from_a_kept_checkpoint_is_whole),
        LOG_TEST(test_a_log_rewritten_with_the_key_does_not_go_on_from_a_kept_checkpoint),
        LOG_TEST(test_a_log_rolled_back_whole_does_not_go_on_from_a_kept_checkpoint),
        LOG_TEST(test_a_kept_checkpoint_must_be_signed_too),
        LOG_TEST(test_old_segments_may_be_moved_away),
        LOG_TEST(test_what_follows_a_bad_segment_can_be_verified_by_itself),
        LOG_TEST(test_a_checkpoint_kept_before_segments_were_moved_away_is_linked_by_the_tiles),
        LOG_TEST(test_segments_moved_away_without_their_tiles_or_head_are_told),
        LOG_TEST(test_compressed_segments_verify_and_their_records_are_named),
        LOG_TEST(test_a_damaged_or_cut_compressed_segment_is_an_error),
        LOG_TEST(test_two_forms_of_a_segment_are_told_and_must_be_equal),
        LOG_TEST(test_another_form_that_is_longer_shorter_or_damaged_is_told),
        LOG_TEST(test_a_torn_end_is_no_record),
        LOG_TEST(test_a_line_longer_than_any_record_is_named),
        LOG_TEST(test_as_many_witnesses_as_demanded_must_have_cosigned),
        LOG_TEST(test_a_cosigned_copy_may_come_after_later_checkpoints),
        LOG_TEST(test_a_forged_cosignature_spoils_its_checkpoint),
        LOG_TEST(test_a_p256_key_given_as_pem_verifies_its_log),
        LOG_TEST(test_a_log_of_no_records_with_a_checkpoint_is_whole),
        LOG_TEST(test_what_cannot_be_checked_is_an_error_not_a_verdict),
        LOG_TEST(test_checkpoints_taken_away_do_not_leave_a_whole_log),
        LOG_TEST(test_every_decision_to_go_on_is_told),
        LOG_TEST(test_decisions_behind_a_bad_record_are_told_too),
        LOG_TEST(test_the_decision_at_which_a_bad_record_shows_is_told_too),
        LOG_TEST(test_a_decision_that_the_service_would_not_have_written_is_named),
        LOG_TEST(test_a_decision_about_another_tree_is_named),
        LOG_TEST(test_a_decision_within_a_segment_is_named),
        LOG_TEST(test_a_clients_words_are_no_decision),
        LOG_TEST(test_what_a_start_knew_to_be_signed_and_did_not_find_is_told),
        LOG_TEST(test_what_a_killed_service_leaves_under_no_checkpoint_verifies),
        LOG_TEST(test_what_a_start_records_before_it_serves_is_not_of_the_run_before),
        LOG_TEST(test_starts_do_not_stand_for_checkpoints),
        LOG_TEST(test_records_that_stood_without_a_checkpoint_for_long_are_not_proven),
        LOG_TEST(test_more_records_than_are_left_without_a_checkpoint_are_not_proven),
        LOG_TEST(test_settings_that_stand_under_no_checkpoint_count_for_nothing),
        LOG_TEST(test_records_without_a_time_are_not_what_a_service_leaves),
        LOG_TEST(test_a_time_within_a_record_is_not_the_records),
        LOG_TEST(test_a_time_that_is_there_twice_is_none),
        LOG_TEST(test_stripped_checkpoints_are_found_out_by_the_times_of_records),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
