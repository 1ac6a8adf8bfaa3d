/* The log as the rooms above use it. */
#include "tests/testing.h"

#include <pthread.h>
#include <stdatomic.h>

#include "audit/writer.h"
#include "tests/audit/files.h"
#include "tests/fakes/fake_disk.h"
#include "util/clock.h"

#define ONE "audit-0000000001.jsonl"
#define BOUND_MS 2000

typedef struct {
    const char *folder;
    audit_t *audit;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    audit_options options = { .bound_ms = BOUND_MS };

    fake_disk_reset();
    f->folder = scratch_folder();
    options.dir = f->folder;
    assert_ok(audit_open_on(&options, &fake_disk_io, &f->audit));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    fake_disk_release_sync();
    audit_close(f->audit);
    free(f);
    return 0;
}

/* A record that notes its own completion. */
typedef struct {
    audit_record_t record; /* first */
    unsigned completed;
    unsigned place; /* in the order of completions */
} noted_record;

static unsigned completions;

static void note(completion_t *done)
{
    noted_record *noted = (noted_record *)done;

    noted->completed++;
    noted->place = ++completions;
}

static void prepare(noted_record *noted, mailbox_t *mailbox, slice_t line)
{
    *noted = (noted_record){ .record = { .done = { .run = note }, .mailbox = mailbox } };
    buf_put_slice(&noted->record.line, line);
}

static void await(mailbox_t *mailbox, size_t count)
{
    while (count > 0) {
        size_t ran = mailbox_wait(mailbox, 5000);

        assert_true(ran > 0 && ran <= count);
        count -= ran;
    }
}

static mailbox_t *new_mailbox(void)
{
    mailbox_t *mailbox = NULL;

    assert_ok(mailbox_new(NULL, NULL, &mailbox));
    return mailbox;
}

static void test_a_record_is_a_line_on_disk_when_it_completes(void **state)
{
    fixture *f = *state;

    assert_ok(audit_append(f->audit, SLICE_LIT("{\"eventID\":\"1\"}")));
    assert_string_equal(file_text(f->folder, ONE), "{\"eventID\":\"1\"}\n");
    assert_ok(audit_append(f->audit, SLICE_LIT("{\"eventID\":\"2\"}")));
    assert_string_equal(file_text(f->folder, ONE), "{\"eventID\":\"1\"}\n{\"eventID\":\"2\"}\n");
    assert_int_equal(fake_disk_syncs(), 2);
}

static void test_what_waits_during_a_sync_becomes_one_group_in_order(void **state)
{
    fixture *f = *state;
    mailbox_t *mailbox = new_mailbox();
    noted_record records[5];
    audit_stats stats;

    completions = 0;
    fake_disk_hold_sync();
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        prepare(&records[i], mailbox, SLICE(&"abcde"[i], 1));
        audit_submit(f->audit, &records[i].record);
        if (i == 0) {
            fake_disk_await_held(); /* the first is a group of its own */
        }
    }
    assert_int_equal(mailbox_drain(mailbox), 0); /* nothing completes before its sync */
    assert_int_equal(audit_get_stats(f->audit).waiting, 5);
    fake_disk_release_sync();
    await(mailbox, COUNT_OF(records));
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        assert_int_equal(records[i].completed, 1);
        assert_int_equal(records[i].place, i + 1);
        assert_int_equal(records[i].record.err, P11KMS_OK);
        buf_free(&records[i].record.line);
    }
    assert_string_equal(file_text(f->folder, ONE), "a\nb\nc\nd\ne\n");
    assert_int_equal(fake_disk_writes(), 2);
    assert_int_equal(fake_disk_syncs(), 2);
    stats = audit_get_stats(f->audit);
    assert_int_equal(stats.records, 5);
    assert_int_equal(stats.commits, 2);
    assert_int_equal(stats.bytes, 10);
    assert_int_equal(stats.failures, 0);
    assert_int_equal(stats.waiting, 0);
    mailbox_free(mailbox);
}

static void count_wake(void *arg)
{
    atomic_uint *wakes = arg;

    atomic_fetch_add(wakes, 1);
}

static void test_a_group_wakes_each_mailbox_once(void **state)
{
    fixture *f = *state;
    atomic_uint wakes[2] = { 0, 0 };
    mailbox_t *mailboxes[2];
    noted_record records[9];

    for (size_t i = 0; i < COUNT_OF(mailboxes); i++) {
        assert_ok(mailbox_new(count_wake, &wakes[i], &mailboxes[i]));
    }
    fake_disk_hold_sync();
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        prepare(&records[i], mailboxes[i % 2], SLICE_LIT("x"));
        audit_submit(f->audit, &records[i].record);
        if (i == 0) {
            fake_disk_await_held();
        }
    }
    fake_disk_release_sync();
    await(mailboxes[0], 5);
    await(mailboxes[1], 4);
    assert_true(atomic_load(&wakes[0]) <= 2); /* the first record's group, and the other eight's */
    assert_int_equal(atomic_load(&wakes[1]), 1);
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        buf_free(&records[i].record.line);
    }
    mailbox_free(mailboxes[0]);
    mailbox_free(mailboxes[1]);
}

static void test_what_is_not_one_line_is_refused(void **state)
{
    static const slice_t lines[] = {
        { (const uint8_t *)"", 0 },          { (const uint8_t *)"a\nb", 3 },
        { (const uint8_t *)"a\n", 2 },       { (const uint8_t *)"a\0b", 3 },
        { (const uint8_t *)"a\rb", 3 },      { (const uint8_t *)"\x1b[2J", 4 },
        { (const uint8_t *)"tab\there", 8 }, { (const uint8_t *)"\x7f", 1 },
    };
    fixture *f = *state;
    mailbox_t *mailbox = new_mailbox();

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        noted_record noted;

        prepare(&noted, mailbox, lines[i]);
        audit_submit(f->audit, &noted.record);
        await(mailbox, 1);
        assert_int_equal(noted.record.err, P11KMS_E_AUDIT);
        assert_err(audit_append(f->audit, lines[i]), P11KMS_E_AUDIT);
        buf_free(&noted.record.line);
    }
    assert_string_equal(file_text(f->folder, ONE), "absent");
    assert_true(audit_healthy(f->audit)); /* the log itself is well */
    mailbox_free(mailbox);
}

static void test_a_control_is_seen_wherever_it_stands_in_a_long_line(void **state)
{
    static const uint8_t controls[] = { 0, '\n', 0x1f, 0x7f };
    fixture *f = *state;
    uint8_t line[200];

    for (size_t at = 0; at < sizeof(line); at++) {
        memset(line, 'a', sizeof(line));
        line[at] = controls[at % COUNT_OF(controls)];
        assert_err(audit_append(f->audit, SLICE(line, sizeof(line))), P11KMS_E_AUDIT);
    }
    assert_string_equal(file_text(f->folder, ONE), "absent");
}

static void test_a_record_of_the_largest_size_goes_in_and_one_larger_does_not(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t line = { 0 };

    memset(buf_reserve(&line, AUDIT_RECORD_MAX + 1), 'x', AUDIT_RECORD_MAX + 1);
    line.len = AUDIT_RECORD_MAX + 1;
    assert_err(audit_append(f->audit, buf_slice(&line)), P11KMS_E_AUDIT);
    line.len = AUDIT_RECORD_MAX;
    assert_ok(audit_append(f->audit, buf_slice(&line)));
    assert_int_equal(file_size(f->folder, ONE), AUDIT_RECORD_MAX + 1);
}

static void test_closing_writes_what_waits(void **state)
{
    fixture *f = *state;
    mailbox_t *mailbox = new_mailbox();
    noted_record records[3];

    for (size_t i = 0; i < COUNT_OF(records); i++) {
        prepare(&records[i], mailbox, SLICE(&"abc"[i], 1));
        audit_submit(f->audit, &records[i].record);
    }
    audit_close(STEAL(f->audit));
    assert_int_equal(mailbox_drain(mailbox), 3);
    assert_string_equal(file_text(f->folder, ONE), "a\nb\nc\n");
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        assert_int_equal(records[i].record.err, P11KMS_OK);
        buf_free(&records[i].record.line);
    }
    mailbox_free(mailbox);
}

static void test_a_second_log_in_the_folder_is_refused(void **state)
{
    fixture *f = *state;
    const audit_options options = { .dir = f->folder };
    audit_t *second = NULL;

    assert_err(audit_open(&options, &second), P11KMS_E_AUDIT);
    assert_null(second);
}

static void *append_some(void *arg)
{
    audit_t *audit = arg;

    for (int i = 0; i < 50; i++) {
        if (audit_append(audit, SLICE_LIT("{\"from\":\"a thread\"}")) != P11KMS_OK) {
            break; /* the count tells; an assertion belongs to the main thread */
        }
    }
    return NULL;
}

static void test_many_threads_append_at_once(void **state)
{
    fixture *f = *state;
    pthread_t threads[4];
    audit_stats stats;

    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_some, f->audit), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    stats = audit_get_stats(f->audit);
    assert_int_equal(stats.records, 200);
    assert_true(stats.commits <= 200);
    assert_int_equal(stats.bytes, 200 * strlen("{\"from\":\"a thread\"}\n"));
    assert_int_equal(file_size(f->folder, ONE), stats.bytes);
}

/* ---- looking for a record ---- */

static bool contains(audit_t *audit, const char *event_id, uint64_t max_bytes)
{
    bool found = false;

    assert_ok(audit_contains(audit, event_id, max_bytes, &found));
    return found;
}

static void test_a_record_is_found_by_its_whole_event_id(void **state)
{
    fixture *f = *state;

    assert_false(contains(f->audit, "abc", 1000));
    assert_ok(audit_append(f->audit, SLICE_LIT("{\"eventID\":\"abc\",\"readOnly\":true}")));
    assert_ok(audit_append(f->audit, SLICE_LIT("{\"userAgent\":\"\\\"eventID\\\":\\\"forged\\\"\"}")));
    assert_true(contains(f->audit, "abc", 1000));
    assert_false(contains(f->audit, "ab", 1000));
    assert_false(contains(f->audit, "bc", 1000));
    assert_false(contains(f->audit, "forged", 1000));
}

static void test_the_search_goes_back_as_far_as_asked_and_no_further(void **state)
{
    static const char old[] = "{\"eventID\":\"old\"}";
    static const char new[] = "{\"eventID\":\"new\"}";
    fixture *f = *state;

    assert_ok(audit_append(f->audit, SLICE_STR(old)));
    assert_ok(audit_append(f->audit, SLICE_STR(new)));
    assert_true(contains(f->audit, "new", sizeof(new)));
    assert_false(contains(f->audit, "old", sizeof(new)));
    assert_true(contains(f->audit, "old", sizeof(old) + sizeof(new)));
    assert_false(contains(f->audit, "new", 0));
}

static void test_the_search_crosses_chunks_and_segments(void **state)
{
    const char *folder = scratch_folder();
    const audit_options options = { .dir = folder, .segment_bytes = 700000 };
    _cleanup_(audit) audit_t *audit = NULL;
    _cleanup_buf_ buf_t filler = { 0 };
    char line[64];
    (void)state;

    memset(buf_reserve(&filler, 100000), 'x', 100000);
    filler.len = 100000;
    assert_ok(audit_open(&options, &audit));
    for (int i = 0; i < 20; i++) { /* at 20 places of the chunks, in three segments */
        snprintf(line, sizeof(line), "{\"eventID\":\"%04d\"}", i);
        assert_ok(audit_append(audit, SLICE_STR(line)));
        filler.len -= 1237;
        assert_ok(audit_append(audit, buf_slice(&filler)));
    }
    assert_true(file_size(folder, "audit-0000000003.jsonl") > 0);
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof(line), "%04d", i);
        assert_true(contains(audit, line, UINT64_MAX));
    }
    assert_false(contains(audit, "0020", UINT64_MAX));
}

static void test_an_event_id_across_the_edge_of_two_chunks_is_found(void **state)
{
    static const char line[] = "{\"eventID\":\"edge\"}";
    fixture *f = *state;
    _cleanup_buf_ buf_t filler = { 0 };

    /* Chunks are counted from the end: move the id across the first edge byte by byte. */
    memset(buf_reserve(&filler, 262144), 'x', 262144);
    for (size_t before = 0; before < sizeof(line) + 4; before += 3) {
        assert_ok(audit_append(f->audit, SLICE_STR(line)));
        filler.len = 262144 - 2 - before;
        assert_ok(audit_append(f->audit, buf_slice(&filler)));
        assert_true(contains(f->audit, "edge", 262144 + sizeof(line)));
    }
}

static void test_an_event_id_out_of_bounds_is_refused(void **state)
{
    fixture *f = *state;
    char long_id[100];
    bool found;

    memset(long_id, 'a', sizeof(long_id));
    long_id[sizeof(long_id) - 1] = '\0';
    assert_err(audit_contains(f->audit, "", 1000, &found), P11KMS_E_RANGE);
    assert_err(audit_contains(f->audit, long_id, 1000, &found), P11KMS_E_RANGE);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_a_record_is_a_line_on_disk_when_it_completes),
        PROMISE(test_what_waits_during_a_sync_becomes_one_group_in_order),
        PROMISE(test_a_group_wakes_each_mailbox_once),
        PROMISE(test_what_is_not_one_line_is_refused),
        PROMISE(test_a_control_is_seen_wherever_it_stands_in_a_long_line),
        PROMISE(test_a_record_of_the_largest_size_goes_in_and_one_larger_does_not),
        PROMISE(test_closing_writes_what_waits),
        PROMISE(test_a_second_log_in_the_folder_is_refused),
        PROMISE(test_many_threads_append_at_once),
        PROMISE(test_a_record_is_found_by_its_whole_event_id),
        PROMISE(test_the_search_goes_back_as_far_as_asked_and_no_further),
        PROMISE(test_the_search_crosses_chunks_and_segments),
        PROMISE(test_an_event_id_across_the_edge_of_two_chunks_is_found),
        PROMISE(test_an_event_id_out_of_bounds_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
