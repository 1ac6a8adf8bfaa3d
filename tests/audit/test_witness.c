#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>

#include "audit/prove.h"
#include "audit/witness_ask.h"
#include "tests/audit/files.h"
#include "tests/audit/made_log.h"
#include "util/clock.h"

#define TIME 1700000000
#define URL "https://witness.example/"
#define WAIT_US 5000000

/* A witness as the specification has it, but for what `moods` say. */
typedef struct {
    uint64_t size; /* cosigned last */
    uint8_t root[NOTE_ROOT];
    unsigned requests;
    int answer;              /* instead of an own one; 0: none */
    const char *text;        /* with it */
    p11kms_err err;          /* of the connection */
    unsigned key;            /* of which witness; 0: of the one that is asked */
    unsigned again;          /* so many more lines of its own */
    bool other_size_always;
    unsigned slow_us;
} fake_witness;

static made_log made;
static const char *folder;
static fake_witness fakes[3];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static buf_t cosigned; /* what came back last */
static unsigned n_cosigned;

static int begin(void **state)
{
    (void)state;
    memset(fakes, 0, sizeof(fakes));
    buf_clear(&cosigned);
    n_cosigned = 0;
    folder = scratch_folder();
    made_begin(&made, folder);
    made_add(&made, 700);
    made_checkpoint(&made);
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
    buf_free(&cosigned);
    return 0;
}

static int conflict(const fake_witness *w, buf_t *answer)
{
    buf_printf(answer, "%llu\n", (unsigned long long)w->size + (w->other_size_always ? w->requests : 0));
    return 409;
}

static int judge(fake_witness *w, unsigned number, slice_t body, buf_t *answer)
{
    linked_t linked;
    note_t earlier;

    if (linked_read(body, &linked) != P11KMS_OK) {
        return 400;
    }
    if (linked.old != w->size || w->other_size_always) {
        return conflict(w, answer);
    }
    if (linked.old == linked.note.size && memcmp(w->root, linked.note.root, NOTE_ROOT) != 0) {
        return conflict(w, answer);
    }
    earlier = linked.note;
    earlier.size = w->size;
    memcpy(earlier.root, w->root, NOTE_ROOT);
    if (w->size == 0 ? linked.proof.n != 0 : !linked_holds(&linked, &earlier)) {
        return 422;
    }
    w->size = linked.note.size;
    memcpy(w->root, linked.note.root, NOTE_ROOT);
    made_cosignature(9, linked.note.text, TIME, answer); /* of another one: to be passed over */
    for (unsigned i = 0; i <= w->again; i++) {
        made_cosignature(w->key ? w->key : number + 1, linked.note.text, TIME + i, answer);
    }
    return 200;
}

static p11kms_err post(const char *url, const char *ca_file, slice_t body, int *ret_status, buf_t *answer)
{
    unsigned number;

    assert_string_equal(ca_file, "ca.pem");
    assert_int_equal(sscanf(url, URL "%u/add-checkpoint", &number), 1);
    fake_witness *w = &fakes[number];
    if (w->slow_us) {
        usleep(w->slow_us);
    }
    pthread_mutex_lock(&lock);
    w->requests++;
    if (w->answer) {
        *ret_status = w->answer;
        buf_put_str(answer, w->text ? w->text : "");
    } else if (w->err == P11KMS_OK) {
        *ret_status = judge(w, number, body, answer);
    }
    pthread_mutex_unlock(&lock);
    return w->err;
}

static void take_cosigned(void *arg, slice_t note)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    buf_clear(&cosigned);
    buf_put_slice(&cosigned, note);
    n_cosigned++;
    pthread_mutex_unlock(&lock);
}

static const witness_calls calls = { .post = post, .cosigned = take_cosigned };

static p11kms_err ask(witness_state *state, buf_t *lines)
{
    _cleanup_(note_key) note_key_t *key = NULL;
    _cleanup_buf_ buf_t vkey = { 0 };
    note_t note;
    const witness_at at = { .url = URL "0/", .ca_file = "ca.pem" };

    made_witness_vkey(1, &vkey);
    assert_ok(note_key_parse(buf_slice(&vkey), &key));
    assert_ok(note_parse(buf_slice(&made.last), &note));
    return witness_ask(made.fd, &at, key, &note, &calls, state, lines);
}

static void test_a_log_that_grows_is_cosigned_again_and_again(void **state)
{
    witness_state known = { 0 };

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        _cleanup_buf_ buf_t lines = { 0 };
        note_t parsed;
        assert_ok(ask(&known, &lines));
        assert_int_equal(known.size, made.tree.edge.size);
        assert_ok(note_parse_signatures(buf_slice(&lines), &parsed));
        assert_int_equal(parsed.n_signatures, 1); /* what others signed is passed over */
        assert_slice_text(parsed.signatures[0].name, "witness.example/1");
        made_add(&made, 37);
        made_checkpoint(&made);
    }
    assert_int_equal(fakes[0].requests, 20);
}

static void test_a_witness_that_knows_the_log_tells_its_size_and_is_asked_once_more(void **state)
{
    _cleanup_buf_ buf_t lines = { 0 };
    witness_state known = { 0 }, after_a_restart = { 0 };

    (void)state;
    assert_ok(ask(&known, &lines));
    made_add(&made, 300);
    made_checkpoint(&made);
    assert_ok(ask(&after_a_restart, &lines));
    assert_int_equal(fakes[0].requests, 3);
    fakes[0].size = 0; /* it forgot */
    assert_ok(ask(&after_a_restart, &lines));
    assert_int_equal(fakes[0].requests, 5);
}

static void test_a_fork_a_rollback_and_another_tree_are_conflicts(void **state)
{
    _cleanup_buf_ buf_t lines = { 0 };
    witness_state known = { 0 }, fresh = { 0 };

    (void)state;
    assert_ok(ask(&known, &lines));
    fakes[0].root[0] ^= 1; /* the same size, another tree */
    assert_err(ask(&known, &lines), P11KMS_E_CONFLICT);
    made_add(&made, 10);
    made_checkpoint(&made);
    assert_err(ask(&known, &lines), P11KMS_E_CONFLICT); /* 422 */
    fakes[0].size = 5000;
    assert_err(ask(&fresh, &lines), P11KMS_E_CONFLICT);
    assert_detail_names(P11KMS_E_CONFLICT, "has cosigned 5000 records");
}

static void test_answers_that_are_no_cosignature_are_refused(void **state)
{
    static const struct {
        int status;
        const char *text;
        p11kms_err err;
    } answers[] = {
        { 200, "", P11KMS_E_DENIED },
        { 200, "thank you\n", P11KMS_E_DENIED },
        { 200, "\u2014 witness.example/1 AAAAAAA=\n", P11KMS_E_DENIED },
        { 404, "", P11KMS_E_DENIED },
        { 403, "", P11KMS_E_DENIED },
        { 400, "", P11KMS_E_DENIED },
        { 422, "", P11KMS_E_CONFLICT },
        { 500, "", P11KMS_E_IO },
        { 301, "", P11KMS_E_IO },
        { 409, "", P11KMS_E_IO },
        { 409, "many\n", P11KMS_E_IO },
        { 409, "7", P11KMS_E_IO },
        { 409, "99999999999999999999999\n", P11KMS_E_IO },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        _cleanup_buf_ buf_t lines = { 0 };
        witness_state known = { 0 };
        fakes[0].answer = answers[i].status;
        fakes[0].text = answers[i].text;
        assert_err(ask(&known, &lines), answers[i].err);
        assert_int_equal(lines.len, 0);
        assert_int_equal(known.size, 0);
    }
}

static void test_a_cosignature_by_another_key_is_refused(void **state)
{
    _cleanup_buf_ buf_t lines = { 0 };
    witness_state known = { 0 };

    (void)state;
    fakes[0].key = 3;
    assert_err(ask(&known, &lines), P11KMS_E_DENIED);
    assert_int_equal(lines.len, 0);
}

static void test_a_witness_that_changes_its_mind_is_not_asked_for_ever(void **state)
{
    _cleanup_buf_ buf_t lines = { 0 };
    witness_state known = { 0 };

    (void)state;
    fakes[0].other_size_always = true;
    assert_err(ask(&known, &lines), P11KMS_E_IO);
    assert_int_equal(fakes[0].requests, 2);
}

/* ---- all of them ---- */

static witnesses_t *start(size_t n)
{
    buf_t vkeys[3] = { { 0 }, { 0 }, { 0 } };
    char urls[3][64];
    witness_at at[3];
    witnesses_t *w = NULL;

    for (unsigned i = 0; i < n; i++) {
        made_witness_vkey(i + 1, &vkeys[i]);
        snprintf(urls[i], sizeof(urls[i]), URL "%u", i);
        at[i] = (witness_at){ urls[i], buf_str(&vkeys[i]), "ca.pem" };
    }
    assert_ok(witnesses_start(made.fd, at, n, &calls, &w));
    for (size_t i = 0; i < 3; i++) {
        buf_free(&vkeys[i]);
    }
    return w;
}

static void wait_until_cosigned(unsigned n)
{
    int64_t deadline = clock_mono_us() + WAIT_US;
    unsigned now;

    do {
        usleep(1000);
        pthread_mutex_lock(&lock);
        now = n_cosigned;
        pthread_mutex_unlock(&lock);
    } while (now < n && clock_mono_us() < deadline);
    assert_true(now >= n);
}

static void wait_until_size(uint64_t size)
{
    int64_t deadline = clock_mono_us() + WAIT_US;
    note_t parsed = { .size = 0 };

    do {
        usleep(1000);
        pthread_mutex_lock(&lock);
        bool fine = cosigned.len == 0 || note_parse(buf_slice(&cosigned), &parsed) == P11KMS_OK;
        pthread_mutex_unlock(&lock);
        assert_true(fine);
    } while (parsed.size < size && clock_mono_us() < deadline);
    assert_int_equal(parsed.size, size);
}

static size_t count_in(const buf_t *note)
{
    note_t parsed;

    assert_ok(note_parse(buf_slice(note), &parsed));
    return parsed.n_signatures;
}

static void test_what_all_witnesses_gave_comes_back_as_one_note(void **state)
{
    witnesses_t *w = start(3);
    witness_stats stats[WITNESSES_MAX];

    (void)state;
    witnesses_offer(w, buf_slice(&made.last));
    wait_until_cosigned(1);
    assert_int_equal(count_in(&cosigned), 4);
    assert_int_equal(witnesses_get_stats(w, stats), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(stats[i].cosigned, 1);
        assert_int_equal(stats[i].size, 700);
    }
    assert_true(witnesses_stop(w, WAIT_US / 1000));
}

static void test_one_that_gives_many_lines_leaves_room_for_the_others(void **state)
{
    witnesses_t *w = start(3);
    (void)state;

    fakes[1].again = NOTE_SIGNATURES_MAX - 2; /* as many as an answer may have */
    witnesses_offer(w, buf_slice(&made.last));
    wait_until_cosigned(1);
    assert_int_equal(count_in(&cosigned), 4);
    assert_true(witnesses_stop(w, WAIT_US / 1000));
}

static void test_one_that_fails_spoils_nothing_and_is_tried_with_the_next_checkpoint(void **state)
{
    witnesses_t *w = start(3);
    witness_stats stats[WITNESSES_MAX];

    (void)state;
    fakes[1].err = P11KMS_E_TIMEOUT;
    witnesses_offer(w, buf_slice(&made.last));
    wait_until_cosigned(1);
    assert_int_equal(count_in(&cosigned), 3);
    fakes[1].err = P11KMS_OK;
    made_add(&made, 50);
    made_checkpoint(&made);
    witnesses_offer(w, buf_slice(&made.last));
    wait_until_cosigned(2);
    assert_int_equal(count_in(&cosigned), 4);
    assert_int_equal(witnesses_get_stats(w, stats), 3);
    assert_int_equal(stats[1].failures, 1);
    assert_int_equal(stats[1].cosigned, 1);
    assert_true(witnesses_stop(w, WAIT_US / 1000));
}

static void test_checkpoints_offered_meanwhile_wait_and_only_the_newest_is_asked_for(void **state)
{
    witnesses_t *w = start(1);

    (void)state;
    fakes[0].slow_us = 50000;
    int64_t began = clock_mono_us();
    for (unsigned i = 0; i < 20; i++) {
        witnesses_offer(w, buf_slice(&made.last));
        made_add(&made, 5);
        made_checkpoint(&made);
    }
    witnesses_offer(w, buf_slice(&made.last));
    assert_true(clock_mono_us() - began < WAIT_US);
    wait_until_size(800);
    assert_true(fakes[0].requests < 20);
    assert_true(witnesses_stop(w, WAIT_US / 1000));
}

static void test_where_nobody_cosigned_nothing_comes_back(void **state)
{
    witnesses_t *w = start(2);
    witness_stats stats[WITNESSES_MAX];
    int64_t deadline = clock_mono_us() + WAIT_US;

    (void)state;
    fakes[0].answer = 404;
    fakes[1].err = P11KMS_E_IO;
    witnesses_offer(w, buf_slice(&made.last));
    do {
        usleep(1000);
        (void)witnesses_get_stats(w, stats);
    } while (stats[0].failures + stats[1].failures < 2 && clock_mono_us() < deadline);
    assert_int_equal(stats[0].failures + stats[1].failures, 2);
    assert_true(witnesses_stop(w, WAIT_US / 1000));
    assert_int_equal(n_cosigned, 0);
}

static void test_keys_that_are_no_cosigners_are_refused_by_their_url(void **state)
{
    _cleanup_buf_ buf_t vkey = { 0 };
    witnesses_t *w = NULL;

    (void)state;
    made_vkey(1, &vkey); /* a log's */
    const witness_at at[] = { { URL, buf_str(&vkey), NULL } };
    assert_err(witnesses_start(made.fd, at, 1, &calls, &w), P11KMS_E_UNSUPPORTED);
    assert_detail_names(P11KMS_E_UNSUPPORTED, URL);
    const witness_at none[] = { { URL, "key", NULL } };
    assert_err(witnesses_start(made.fd, none, 1, &calls, &w), P11KMS_E_SYNTAX);
    assert_err(witnesses_start(made.fd, none, WITNESSES_MAX + 1, &calls, &w), P11KMS_E_LIMIT);
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_a_log_that_grows_is_cosigned_again_and_again),
        LOG_TEST(test_a_witness_that_knows_the_log_tells_its_size_and_is_asked_once_more),
        LOG_TEST(test_a_fork_a_rollback_and_another_tree_are_conflicts),
        LOG_TEST(test_answers_that_are_no_cosignature_are_refused),
        LOG_TEST(test_a_cosignature_by_another_key_is_refused),
        LOG_TEST(test_a_witness_that_changes_its_mind_is_not_asked_for_ever),
        LOG_TEST(test_what_all_witnesses_gave_comes_back_as_one_note),
        LOG_TEST(test_one_that_gives_many_lines_leaves_room_for_the_others),
        LOG_TEST(test_one_that_fails_spoils_nothing_and_is_tried_with_the_next_checkpoint),
        LOG_TEST(test_checkpoints_offered_meanwhile_wait_and_only_the_newest_is_asked_for),
        LOG_TEST(test_where_nobody_cosigned_nothing_comes_back),
        LOG_TEST(test_keys_that_are_no_cosigners_are_refused_by_their_url),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
