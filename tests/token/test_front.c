/* What the front promises whatever the host does: tests/token/fake_host.c plays the host. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/fakes/scratch.h"
#include "tests/token/calls.h"
#include "util/clock.h"

#define DEADLINE_MS 150
#define SLOW_DEADLINE_MS 600

static const uint8_t key[TOKEN_KEY_ID] = "any key---------";

struct fixture {
    token_options options;
    token_t *token;
    token_op_t op;
    char script[4400];
    char host[4200];
    const char *log;
};

static int setup(void **state)
{
    static struct fixture f;
    const char *built = getenv("P11KMS_BUILDDIR");

    f = (struct fixture){ .log = scratch_path(scratch_folder(), "starts") };
    snprintf(f.host, sizeof(f.host), "%s/tests/token/fake_host", built != NULL ? built : ".");
    f.options = (token_options){
        .name = "fake",
        .uri = "pkcs11:",
        .module = "none",
        .init_args = f.script,
        .pin_source = "file:/none",
        .host_path = f.host,
        .op_deadline_ms = DEADLINE_MS,
        .slow_deadline_ms = SLOW_DEADLINE_MS,
        .start_deadline_ms = 2000,
    };
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    token_close(f->token);
    token_op_wipe(&f->op);
    return 0;
}

static p11kms_err try_open(struct fixture *f, const char *manner, bool keep_trying)
{
    snprintf(f->script, sizeof(f->script), "%s %s", f->log, manner);
    return token_open(&f->options, keep_trying, &f->token);
}

static struct fixture *open_right(void **state)
{
    struct fixture *f = *state;

    assert_ok(try_open(f, "right", false));
    return f;
}

static p11kms_err prf(struct fixture *f, const char *in)
{
    return call(f->token, &f->op, TOKEN_OP_PRF, key, SLICE_STR(in));
}

static void wait_ready(struct fixture *f)
{
    for (int i = 0; i < 300 && token_get_state(f->token) != TOKEN_READY; i++) {
        usleep(10000);
    }
    assert_int_equal(token_get_state(f->token), TOKEN_READY);
}

/* Starts so far: their login manners and times. */
static unsigned starts(const struct fixture *f, int logins[], long long times_ms[], unsigned max)
{
    FILE *log = fopen(f->log, "r");
    unsigned n = 0;
    long long ms;
    int login;

    assert_non_null(log);
    while (fscanf(log, "%d %lld\n", &login, &ms) == 2) {
        if (n < max) {
            logins[n] = login;
            times_ms[n] = ms;
        }
        n++;
    }
    fclose(log);
    return n;
}

static unsigned count_starts(const struct fixture *f)
{
    return starts(f, NULL, NULL, 0);
}

static void test_results_come_back_as_the_host_gave_them(void **state)
{
    struct fixture *f = open_right(state);

    assert_ok(prf(f, "a"));
    assert_int_equal(f->op.out_used, TOKEN_PRF_LEN);
    assert_int_equal(f->op.out[0], 'a' ^ 0x5a);
    assert_int_equal(f->op.out[31], 'a' ^ 0x5a);
    f->op.out_len = 7;
    assert_ok(call(f->token, &f->op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_used, 7);
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_list.len, 2 * TOKEN_KEY_ID);
    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key, SLICE_LIT("")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key, SLICE_LIT("")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
    assert_string_equal(token_get_info(f->token).library, "fake host");
    assert_string_equal(token_name(f->token), "fake");
}

static void test_the_tokens_own_refusals_come_back_and_end_nothing(void **state)
{
    struct fixture *f = open_right(state);

    assert_err(prf(f, "refuse"), P11KMS_E_TOKEN);
    assert_string_equal(token_ckr_name(f->op.ckr), "CKR_MECHANISM_INVALID");
    assert_err(prf(f, "no-key"), P11KMS_E_TOKEN_NO_KEY);
    assert_ok(prf(f, "a"));
    assert_int_equal(f->op.ckr, 0);
    assert_int_equal(token_get_stats(f->token).failures, 2);
    assert_int_equal(token_get_stats(f->token).restarts, 0);
}

static void test_a_host_that_hangs_is_killed_at_the_deadline_and_started_again(void **state)
{
    struct fixture *f = open_right(state);
    int pid = token_host_pid(f->token);
    int64_t before_us = clock_mono_us(), took_ms;

    assert_err(prf(f, "hang"), P11KMS_E_TOKEN_LOST);
    took_ms = (clock_mono_us() - before_us) / 1000;
    assert_in_range(took_ms, DEADLINE_MS, DEADLINE_MS + 1000);
    wait_ready(f);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_ok(prf(f, "a"));
    assert_int_equal(token_get_stats(f->token).restarts, 1);
}

static void test_all_in_flight_is_answered_when_the_host_is_lost(void **state)
{
    struct fixture *f = open_right(state);
    static counted_op ops[100];
    mailbox_t *box = NULL;
    unsigned done = 0, lost = 0;

    assert_ok(mailbox_new(NULL, NULL, &box));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].op = (token_op_t){ .kind = TOKEN_OP_PRF, .in = i == 10 ? SLICE_LIT("die") : SLICE_LIT("a") };
        counted_submit(f->token, &ops[i], box, &done);
    }
    token_flush(f->token);
    wait_for(box, &done, COUNT_OF(ops));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_true(ops[i].op.err == P11KMS_OK || ops[i].op.err == P11KMS_E_TOKEN_LOST);
        lost += ops[i].op.err == P11KMS_E_TOKEN_LOST;
    }
    assert_int_equal(lost, 90);
    mailbox_free(box);
    wait_ready(f);
    assert_ok(prf(f, "a"));
}

static const char *const mad[] = {
    "half",       "length-zero", "length-huge",          "bad-type",          "start-back",
    "unknown-id", "short",       "long",                 "bad-status",        "trailing",
    "twice",      "ready-again", "exclusive-of-nothing", "result-with-error", "exclusive-of-crypto",
};

static bool believable_at_first(const char *way)
{
    return strcmp(way, "twice") == 0 || strcmp(way, "trailing") == 0;
}

static void test_what_a_mad_host_says_ends_it_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    token_t *tokens[COUNT_OF(mad)];

    for (size_t i = 0; i < COUNT_OF(mad); i++) { /* one each, as pauses grow */
        assert_ok(try_open(f, "right", false));
        tokens[i] = f->token;
        if (prf(f, mad[i]) != P11KMS_OK || !believable_at_first(mad[i])) {
            assert_err(f->op.err, P11KMS_E_TOKEN_LOST);
        }
    }
    for (size_t i = 0; i < COUNT_OF(mad); i++) {
        f->token = tokens[i];
        for (int wait = 0; wait < 300 && token_get_stats(f->token).restarts == 0; wait++) {
            usleep(10000);
        }
        wait_ready(f);
        assert_ok(prf(f, "a"));
        assert_int_equal(token_get_stats(f->token).restarts, 1);
        token_close(f->token);
        f->token = NULL;
    }
}

static void test_a_list_longer_than_agreed_is_not_believed(void **state)
{
    struct fixture *f = open_right(state);

    assert_err(call(f->token, &f->op, TOKEN_OP_GENERATE, key, SLICE_LIT("big-list")), P11KMS_E_TOKEN_LOST);
    assert_int_equal(f->op.out_list.len, 0);
}

static void test_replies_before_the_login_are_out_of_place(void **state)
{
    struct fixture *f = *state;

    assert_err(try_open(f, "nonsense", false), P11KMS_E_TOKEN_LOST);
    assert_string_equal(p11kms_err_detail(P11KMS_E_TOKEN_LOST), "the token host sent a message out of place");
}

static void test_a_refused_pin_is_not_tried_again_until_ordered(void **state)
{
    struct fixture *f = *state;
    long long times[3];
    int logins[3];

    assert_err(try_open(f, "refused-once", true), P11KMS_E_TOKEN_PIN);
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
    usleep(250000); /* two pauses would have been over */
    assert_int_equal(count_starts(f), 1);
    assert_err(prf(f, "a"), P11KMS_E_TOKEN_LOST);
    token_retry_login(f->token);
    wait_ready(f);
    assert_ok(prf(f, "a"));
    assert_int_equal(starts(f, logins, times, 3), 2);
    assert_int_equal(logins[0], 0);
    assert_int_equal(logins[1], 2); /* LOGIN_ORDERED */
}

static void test_an_order_is_good_for_one_try(void **state)
{
    struct fixture *f = *state;

    assert_err(try_open(f, "refused", true), P11KMS_E_TOKEN_PIN);
    token_retry_login(f->token);
    token_retry_login(f->token);
    usleep(250000);
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
    assert_in_range(count_starts(f), 2, 2);
}

static void test_a_host_that_dies_in_login_is_tried_once_more_with_care(void **state)
{
    struct fixture *f = *state;
    long long times[4];
    int logins[4];

    assert_err(try_open(f, "dies-in-login", true), P11KMS_E_TOKEN_LOST);
    for (int i = 0; i < 200 && token_get_state(f->token) != TOKEN_PIN_REFUSED; i++) {
        usleep(10000);
    }
    usleep(300000);
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
    assert_int_equal(starts(f, logins, times, 4), 2);
    assert_int_equal(logins[1], 1); /* LOGIN_CAREFUL */
}

static void test_pauses_between_starts_grow(void **state)
{
    struct fixture *f = *state;
    long long times[4];
    int logins[4];

    assert_err(try_open(f, "dies-thrice", true), P11KMS_E_TOKEN_LOST);
    wait_ready(f);
    assert_int_equal(starts(f, logins, times, 4), 4);
    assert_in_range(times[1] - times[0], 95, 195);
    assert_in_range(times[2] - times[1], 195, 395);
    assert_in_range(times[3] - times[2], 395, 795);
    assert_ok(prf(f, "a"));
}

static void test_a_start_that_fails_says_why(void **state)
{
    struct fixture *f = *state;
    char why[128];

    assert_err(try_open(f, "misconfigured", false), P11KMS_E_CONFIG);
    assert_string_equal(p11kms_err_detail(P11KMS_E_CONFIG), "the URI matches none");
    assert_null(f->token);
    assert_err(try_open(f, "dies", false), P11KMS_E_TOKEN_LOST);
    assert_string_equal(p11kms_err_detail(P11KMS_E_TOKEN_LOST), "the token host exited with status 7");
    assert_err(try_open(f, "misconfigured", true), P11KMS_E_CONFIG);
    assert_int_equal(token_get_state(f->token), TOKEN_LOST);
    token_problem(f->token, why, sizeof(why));
    assert_string_equal(why, "the URI matches none");
}

static void test_a_start_without_end_is_ended_at_its_deadline(void **state)
{
    struct fixture *f = *state;

    f->options.start_deadline_ms = 200;
    assert_err(try_open(f, "silent", false), P11KMS_E_TOKEN_LOST);
    assert_string_equal(p11kms_err_detail(P11KMS_E_TOKEN_LOST),
                        "the token host was not ready within 200 ms and was ended");
}

static void test_waiting_behind_others_times_out_without_harm_to_the_host(void **state)
{
    struct fixture *f = open_right(state);
    int pid = token_host_pid(f->token);
    static counted_op ops[8]; /* 60 ms each, and 150 ms to wait */
    mailbox_t *box = NULL;
    unsigned done = 0;

    assert_ok(mailbox_new(NULL, NULL, &box));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].op = (token_op_t){ .kind = TOKEN_OP_PRF, .in = SLICE_LIT("slow") };
        counted_submit(f->token, &ops[i], box, &done);
    }
    token_flush(f->token);
    wait_for(box, &done, COUNT_OF(ops));
    assert_int_equal(ops[0].op.err, P11KMS_OK);
    assert_int_equal(ops[7].op.err, P11KMS_E_TIMEOUT);
    assert_true(token_get_stats(f->token).waiting > 0); /* the host still has them */
    f->op.out_len = 1;
    for (int i = 0; i < 100 && token_get_stats(f->token).waiting > 0; i++) {
        usleep(10000);
    }
    assert_ok(prf(f, "a"));
    assert_int_equal(token_host_pid(f->token), pid);
    mailbox_free(box);
}

static void test_crypto_behind_a_long_key_generation_does_not_hang(void **state)
{
    struct fixture *f = open_right(state);
    int pid = token_host_pid(f->token);
    counted_op generate = { .op = { .kind = TOKEN_OP_GENERATE, .in = SLICE_LIT("exclusive") } };
    mailbox_t *box = NULL;
    unsigned done = 0;

    assert_ok(mailbox_new(NULL, NULL, &box));
    counted_submit(f->token, &generate, box, &done);
    token_flush(f->token);
    usleep(20000); /* the notice is there */
    assert_err(prf(f, "a"), P11KMS_E_TIMEOUT);
    wait_for(box, &done, 1);
    assert_int_equal(generate.op.err, P11KMS_OK);
    assert_ok(prf(f, "a"));
    assert_int_equal(token_host_pid(f->token), pid);
    mailbox_free(box);
}

static void test_a_key_generation_that_hangs_is_ended_at_its_own_deadline(void **state)
{
    struct fixture *f = open_right(state);
    int64_t before_us = clock_mono_us(), took_ms;

    assert_err(call(f->token, &f->op, TOKEN_OP_GENERATE, key, SLICE_LIT("hang")), P11KMS_E_TOKEN_LOST);
    took_ms = (clock_mono_us() - before_us) / 1000;
    assert_in_range(took_ms, SLOW_DEADLINE_MS, SLOW_DEADLINE_MS + 1000);
}

/* Too much is as bad as nothing: deadlines hold, and an end comes. */
static void test_a_host_that_never_stops_talking_is_ended(void **state)
{
    struct fixture *f = open_right(state);
    int64_t before_us = clock_mono_us();

    alarm(20);
    assert_err(call(f->token, &f->op, TOKEN_OP_GENERATE, key, SLICE_LIT("exclusive-for-ever")), P11KMS_E_TOKEN_LOST);
    wait_ready(f);
    assert_err(prf(f, "empty-replies-for-ever"), P11KMS_E_TOKEN_LOST);
    alarm(0);
    assert_in_range((clock_mono_us() - before_us) / 1000, 0, 5000);
}

static void test_a_full_queue_answers_busy(void **state)
{
    struct fixture *f = *state;
    static counted_op ops[5];
    mailbox_t *box = NULL;
    unsigned done = 0;

    f->options.queue_max = 4;
    open_right(state);
    assert_ok(mailbox_new(NULL, NULL, &box));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].op = (token_op_t){ .kind = TOKEN_OP_PING };
        counted_submit(f->token, &ops[i], box, &done);
    }
    assert_int_equal(mailbox_drain(box), 1);
    assert_int_equal(ops[4].op.err, P11KMS_E_BUSY);
    token_flush(f->token);
    wait_for(box, &done, COUNT_OF(ops));
    assert_int_equal(ops[3].op.err, P11KMS_OK);
    assert_ok(prf(f, "a"));
    mailbox_free(box);
}

static void test_closing_answers_what_is_in_flight(void **state)
{
    struct fixture *f = open_right(state);
    counted_op hanging = { .op = { .kind = TOKEN_OP_PRF, .in = SLICE_LIT("hang") } };
    mailbox_t *box = NULL;
    unsigned done = 0;
    int pid = token_host_pid(f->token);

    assert_ok(mailbox_new(NULL, NULL, &box));
    counted_submit(f->token, &hanging, box, &done);
    token_flush(f->token);
    usleep(10000);
    kill(pid, SIGSTOP); /* not even then is closing for ever */
    token_close(f->token);
    f->token = NULL;
    assert_int_equal(mailbox_drain(box), 1);
    assert_int_equal(hanging.op.err, P11KMS_E_SHUTDOWN);
    assert_int_equal(kill(pid, 0), -1);
    mailbox_free(box);
}

static void test_a_dead_host_is_noticed_though_its_child_holds_the_socket(void **state)
{
    struct fixture *f = *state;

    assert_ok(try_open(f, "with-child", false));
    kill(token_host_pid(f->token), SIGKILL);
    for (int i = 0; i < 100 && token_get_stats(f->token).restarts == 0; i++) {
        usleep(10000);
    }
    wait_ready(f);
    assert_ok(prf(f, "a"));
}

static void test_why_a_token_is_lost_is_said_at_once(void **state)
{
    struct fixture *f = *state;
    char problem[256] = "";

    assert_ok(try_open(f, "right", false));
    assert_err(prf(f, "leave"), P11KMS_E_TOKEN_LOST);
    token_problem(f->token, problem, sizeof(problem));
    assert_true(problem[0] != '\0' || token_get_state(f->token) == TOKEN_READY);
}

static void test_what_a_dead_host_started_ends_with_it(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    int host;

    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); /* its orphans are ours to wait for */
    assert_ok(try_open(f, "with-child", false));
    host = token_host_pid(f->token);
    assert_err(prf(f, "die"), P11KMS_E_TOKEN_LOST);
    wait_ready(f);
    assert_true(waitpid(-host, &status, 0) > 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_the_host_inherits_nothing_but_its_socket(void **state)
{
    struct fixture *f = *state;
    int pair[2];
    sigset_t blocked;

    assert_int_equal(pipe(pair), 0); /* without O_CLOEXEC */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    if (try_open(f, "checked", false) != P11KMS_OK) {
        fail_msg("%s", p11kms_err_detail(P11KMS_E_CONFIG));
    }
    pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(pair[0]);
    close(pair[1]);
}

static void test_more_than_the_socket_takes_at_once_arrives(void **state)
{
    static counted_op ops[1000];
    static uint8_t big[TOKEN_IN_MAX] = { 9 };
    struct fixture *f = *state;
    mailbox_t *box = NULL;
    unsigned done = 0;

    f->options.op_deadline_ms = 5000;
    open_right(state);
    assert_ok(mailbox_new(NULL, NULL, &box));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].op = (token_op_t){ .kind = TOKEN_OP_PRF, .in = SLICE(big, sizeof(big)) };
        counted_submit(f->token, &ops[i], box, &done);
    }
    token_flush(f->token);
    wait_for(box, &done, COUNT_OF(ops));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_int_equal(ops[i].op.err, P11KMS_OK);
        assert_int_equal(ops[i].op.out[0], 9 ^ 0x5a);
    }
    assert_int_equal(token_get_stats(f->token).frames, (COUNT_OF(ops) + 63) / 64);
    mailbox_free(box);
}

static atomic_uint wakes;

static void count_wake(void *arg)
{
    (void)arg;
    atomic_fetch_add(&wakes, 1);
}

static void test_one_frame_of_answers_wakes_a_mailbox_once(void **state)
{
    struct fixture *f = open_right(state);
    static counted_op ops[64];
    mailbox_t *box = NULL;
    unsigned done = 0;

    assert_ok(mailbox_new(count_wake, NULL, &box));
    atomic_store(&wakes, 0);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].op = (token_op_t){ .kind = TOKEN_OP_PRF, .in = SLICE_LIT("a") };
        counted_submit(f->token, &ops[i], box, &done);
    }
    token_flush(f->token);
    wait_for(box, &done, COUNT_OF(ops));
    assert_int_equal(token_get_stats(f->token).frames, 1);
    token_close(f->token); /* the thread that woke may not have counted yet */
    f->token = NULL;
    assert_in_range(atomic_load(&wakes), 1, 3); /* the fake host's writes may be read in pieces */
    mailbox_free(box);
}

#define THREADS 6
#define ROUNDS 12

struct worker {
    struct fixture *f;
    unsigned answered;
};

/* More mailboxes than are grouped in one pass, faults among the operations. */
static void *work(void *arg)
{
    struct worker *worker = arg;
    counted_op *ops = calloc(50, sizeof(*ops));
    mailbox_t *boxes[2];

    assert_ok(mailbox_new(NULL, NULL, &boxes[0]));
    assert_ok(mailbox_new(NULL, NULL, &boxes[1]));
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned done[2] = { 0 };

        for (unsigned i = 0; i < 50; i++) {
            ops[i].op = (token_op_t){ .kind = i % 10 == 9 ? TOKEN_OP_PING : TOKEN_OP_PRF,
                                      .in = i == 25 && round == 5 ? SLICE_LIT("die") : SLICE_LIT("a") };
            counted_submit(worker->f->token, &ops[i], boxes[i % 2], &done[i % 2]);
        }
        token_flush(worker->f->token);
        wait_for(boxes[0], &done[0], 25);
        wait_for(boxes[1], &done[1], 25);
        worker->answered += done[0] + done[1];
    }
    mailbox_free(boxes[0]);
    mailbox_free(boxes[1]);
    free(ops);
    return NULL;
}

static void test_many_threads_are_answered_while_the_host_dies_under_them(void **state)
{
    struct fixture *f = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];

    f->options.op_deadline_ms = 5000;
    open_right(state);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .f = f };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].answered, ROUNDS * 50);
    }
    wait_ready(f);
    assert_ok(prf(f, "a"));
}

static void test_options_out_of_bounds_are_refused(void **state)
{
    struct fixture *f = *state;

    f->options.sessions = TOKEN_SESSIONS_MAX + 1;
    assert_err(try_open(f, "right", true), P11KMS_E_CONFIG);
    f->options.sessions = 1;
    f->options.queue_max = 65537;
    assert_err(try_open(f, "right", true), P11KMS_E_CONFIG);
    f->options.queue_max = 0;
    f->options.pin_source = NULL;
    assert_err(try_open(f, "right", true), P11KMS_E_CONFIG);
    assert_null(f->token);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_results_come_back_as_the_host_gave_them),
        PROMISE(test_the_tokens_own_refusals_come_back_and_end_nothing),
        PROMISE(test_a_host_that_hangs_is_killed_at_the_deadline_and_started_again),
        PROMISE(test_all_in_flight_is_answered_when_the_host_is_lost),
        PROMISE(test_what_a_mad_host_says_ends_it_and_nothing_else),
        PROMISE(test_a_list_longer_than_agreed_is_not_believed),
        PROMISE(test_replies_before_the_login_are_out_of_place),
        PROMISE(test_a_refused_pin_is_not_tried_again_until_ordered),
        PROMISE(test_an_order_is_good_for_one_try),
        PROMISE(test_a_host_that_dies_in_login_is_tried_once_more_with_care),
        PROMISE(test_pauses_between_starts_grow),
        PROMISE(test_a_start_that_fails_says_why),
        PROMISE(test_a_start_without_end_is_ended_at_its_deadline),
        PROMISE(test_waiting_behind_others_times_out_without_harm_to_the_host),
        PROMISE(test_crypto_behind_a_long_key_generation_does_not_hang),
        PROMISE(test_a_key_generation_that_hangs_is_ended_at_its_own_deadline),
        PROMISE(test_a_host_that_never_stops_talking_is_ended),
        PROMISE(test_a_full_queue_answers_busy),
        PROMISE(test_closing_answers_what_is_in_flight),
        PROMISE(test_a_dead_host_is_noticed_though_its_child_holds_the_socket),
        PROMISE(test_why_a_token_is_lost_is_said_at_once),
        PROMISE(test_what_a_dead_host_started_ends_with_it),
        PROMISE(test_the_host_inherits_nothing_but_its_socket),
        PROMISE(test_more_than_the_socket_takes_at_once_arrives),
        PROMISE(test_one_frame_of_answers_wakes_a_mailbox_once),
        PROMISE(test_many_threads_are_answered_while_the_host_dies_under_them),
        PROMISE(test_options_out_of_bounds_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
