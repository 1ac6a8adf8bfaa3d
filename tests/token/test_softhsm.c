/* The front, the host and SoftHSM together: what the service does all day. */
#define _GNU_SOURCE /* memmem */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fakes/scratch.h"
#include "tests/token/fixture.h"

static const uint8_t key_a[TOKEN_KEY_ID] = "key-a-----------";
static const uint8_t key_b[TOKEN_KEY_ID] = "key-b-----------";

static void test_the_self_test_finds_what_softhsm_can(void **state)
{
    struct fixture *f = begin_open(state);
    token_info info = token_get_info(f->token);

    assert_string_equal(info.label, "t1");
    assert_string_equal(info.manufacturer, "SoftHSM project");
    assert_true(info.can_prf && info.can_generate && info.can_gcm && info.can_random && info.can_session_copy);
    assert_int_equal(info.keys, 0);
    assert_int_equal(token_get_state(f->token), TOKEN_READY);
    assert_true(token_host_pid(f->token) > 0);
}

static void prf_of(struct fixture *f, const uint8_t *key, uint8_t out[TOKEN_PRF_LEN])
{
    assert_ok(call(f->token, &f->op, TOKEN_OP_PRF, key, SLICE_LIT("a message")));
    assert_int_equal(f->op.out_used, TOKEN_PRF_LEN);
    memcpy(out, f->op.out, TOKEN_PRF_LEN);
}

static void test_a_key_answers_the_same_as_object_as_copy_and_after_a_restart(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t by_object[TOKEN_PRF_LEN], by_copy[TOKEN_PRF_LEN], later[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    prf_of(f, key_a, by_object); /* a copy is made behind this first use */
    prf_of(f, key_a, by_copy);
    assert_memory_equal(by_object, by_copy, TOKEN_PRF_LEN);
    reopen(f);
    assert_int_equal(token_get_info(f->token).keys, 1);
    prf_of(f, key_a, later);
    assert_memory_equal(by_object, later, TOKEN_PRF_LEN);
    f->options.session_copies = false;
    reopen(f);
    assert_false(token_get_info(f->token).can_session_copy);
    prf_of(f, key_a, later);
    assert_memory_equal(by_object, later, TOKEN_PRF_LEN);
}

/* The copy, not the object, answers: that shows when another program deletes the object. */
static void test_copies_are_used_where_they_can_be(void **state)
{
    struct fixture *f = begin_open(state);
    token_t *other = NULL;
    uint8_t before[TOKEN_PRF_LEN], after[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    prf_of(f, key_a, before);
    assert_ok(token_open(&f->options, false, &other));
    assert_ok(call(other, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    token_close(other);
    prf_of(f, key_a, after);
    assert_memory_equal(before, after, TOKEN_PRF_LEN);
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_err(call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
}

static void test_no_message_is_also_a_message(void **state)
{
    struct fixture *f = begin_open(state);

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_PRF, key_a, (slice_t){ 0 }));
    assert_int_equal(f->op.out_used, TOKEN_PRF_LEN);
}

static void test_a_second_key_of_one_id_is_refused(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t before[TOKEN_PRF_LEN], after[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    prf_of(f, key_a, before);
    assert_err(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("b")), P11KMS_E_EXISTS);
    prf_of(f, key_a, after);
    assert_memory_equal(before, after, TOKEN_PRF_LEN);
}

static void test_a_destroyed_key_is_gone_with_its_copy(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t out[TOKEN_PRF_LEN];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_b, SLICE_LIT("b")));
    prf_of(f, key_a, out);
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    assert_err(call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
    assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    prf_of(f, key_b, out);
    reopen(f);
    assert_err(call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
    assert_int_equal(token_get_info(f->token).keys, 1);
}

static void test_listing_names_our_keys(void **state)
{
    struct fixture *f = begin_open(state);

    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_list.len, 0);
    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_slice_equal(buf_slice(&f->op.out_list), SLICE(key_a, TOKEN_KEY_ID));
}

static void test_random_bytes_are_as_many_as_asked(void **state)
{
    struct fixture *f = begin_open(state);
    uint8_t first[TOKEN_RANDOM_MAX];

    f->op.out_len = TOKEN_RANDOM_MAX;
    assert_ok(call(f->token, &f->op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_used, TOKEN_RANDOM_MAX);
    memcpy(first, f->op.out, sizeof(first));
    assert_ok(call(f->token, &f->op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")));
    assert_memory_not_equal(first, f->op.out, sizeof(first));
    f->op.out_len = 1;
    assert_ok(call(f->token, &f->op, TOKEN_OP_RANDOM, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_used, 1);
}

static void test_a_ping_proves_life(void **state)
{
    struct fixture *f = begin_open(state);

    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
}

static void test_a_wrong_pin_is_told_and_not_tried_again(void **state)
{
    struct fixture *f = begin(state);
    char why[256];

    f->options.pin_source = softhsm_pin_source("9999");
    assert_err(token_open(&f->options, false, &f->token), P11KMS_E_TOKEN_PIN);
    assert_null(f->token);
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_PIN);
    assert_non_null(f->token);
    assert_int_equal(token_get_state(f->token), TOKEN_PIN_REFUSED);
    token_problem(f->token, why, sizeof(why));
    assert_string_equal(why, "C_Login: CKR_PIN_INCORRECT");
    assert_null(strstr(why, "9999"));
}

static void test_a_mended_pin_logs_in_when_ordered(void **state)
{
    struct fixture *f = begin(state);
    const char *path;
    FILE *file;

    f->options.pin_source = softhsm_pin_source("9999");
    assert_err(token_open(&f->options, true, &f->token), P11KMS_E_TOKEN_PIN);
    path = strchr(f->options.pin_source, '/');
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, SOFTHSM_PIN);
    fclose(file);
    token_retry_login(f->token);
    for (int i = 0; i < 500 && token_get_state(f->token) != TOKEN_READY; i++) {
        usleep(10000);
    }
    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
}

static void test_a_uri_must_match_exactly_one_token(void **state)
{
    static const struct {
        const char *uri;
        const char *why;
    } wrong[] = {
        { "pkcs11:token=other", "the URI 'pkcs11:token=other' matches none of the module's tokens" },
        { "pkcs11:", "the URI 'pkcs11:' matches several of the module's tokens" },
        { "pkcs11:token=t1;object=x", "the URI 'pkcs11:token=t1;object=x' says more than which token" },
        { "pkcs11:token=t1?pin-value=1234", "a PIN does not belong into the URI: use pin-source" },
        { "http://token", NULL },
        { "pkcs11:nonsense=1", NULL },
    };
    struct fixture *f = begin(state);

    softhsm_add_token("t2");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        f->options.uri = wrong[i].uri;
        assert_err(token_open(&f->options, false, &f->token), P11KMS_E_CONFIG);
        if (wrong[i].why != NULL) {
            assert_string_equal(p11kms_err_detail(P11KMS_E_CONFIG), wrong[i].why);
        }
    }
    f->options.uri = "pkcs11:token=t2;manufacturer=SoftHSM%20project";
    reopen(f);
    assert_string_equal(token_get_info(f->token).label, "t2");
}

static void test_a_module_that_cannot_be_loaded_is_named(void **state)
{
    struct fixture *f = begin(state);

    f->options.module = "/nonexistent/module.so";
    assert_err(token_open(&f->options, false, &f->token), P11KMS_E_CONFIG);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "/nonexistent/module.so"));
    f->options.host_path = "/nonexistent/host";
    assert_err(token_open(&f->options, false, &f->token), P11KMS_E_CONFIG);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "/nonexistent/host"));
}

static void test_a_pin_file_that_others_read_is_refused_unless_dev(void **state)
{
    struct fixture *f = begin(state);

    assert_int_equal(chmod(strchr(f->options.pin_source, '/'), 0640), 0);
    assert_err(token_open(&f->options, false, &f->token), P11KMS_E_CONFIG);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), "mode 0640"));
    f->options.dev = true;
    reopen(f);
}

/* Several threads, each with a mailbox and many operations in flight. */
#define THREADS 4
#define EACH 400
#define AT_ONCE 64

struct load {
    token_t *token;
    uint8_t expected[TOKEN_PRF_LEN];
    unsigned ok, lost, wrong;
};

static void *run_load(void *arg)
{
    struct load *load = arg;
    counted_op *ops = calloc(AT_ONCE, sizeof(*ops));
    mailbox_t *box = NULL;

    assert_ok(mailbox_new(NULL, NULL, &box));
    for (unsigned round = 0; round < EACH / AT_ONCE; round++) {
        unsigned done = 0;

        for (unsigned i = 0; i < AT_ONCE; i++) {
            ops[i].op.kind = TOKEN_OP_PRF;
            ops[i].op.in = SLICE_LIT("a message");
            memcpy(ops[i].op.key_id, key_a, TOKEN_KEY_ID);
            counted_submit(load->token, &ops[i], box, &done);
        }
        token_flush(load->token);
        wait_for(box, &done, AT_ONCE);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            load->lost += ops[i].op.err == P11KMS_E_TOKEN_LOST;
            if (ops[i].op.err == P11KMS_OK) {
                load->ok++;
                load->wrong += memcmp(ops[i].op.out, load->expected, TOKEN_PRF_LEN) != 0;
            }
        }
    }
    mailbox_free(box);
    free(ops);
    return NULL;
}

static void put_under_load(struct fixture *f, struct load loads[THREADS], void (*meanwhile)(struct fixture *f))
{
    pthread_t threads[THREADS];

    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    for (size_t i = 0; i < THREADS; i++) {
        loads[i] = (struct load){ .token = f->token };
        prf_of(f, key_a, loads[i].expected);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_load, &loads[i]), 0);
    }
    if (meanwhile != NULL) {
        meanwhile(f);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(loads[i].wrong, 0);
        assert_int_equal(loads[i].ok + loads[i].lost, EACH / AT_ONCE * AT_ONCE);
    }
}

static void make_and_destroy_keys(struct fixture *f)
{
    for (int i = 0; i < 10; i++) {
        uint8_t id[TOKEN_KEY_ID] = { 0xee, (uint8_t)i };

        assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, id, SLICE_LIT("beside")));
        assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
        assert_ok(call(f->token, &f->op, TOKEN_OP_DESTROY, id, SLICE_LIT("")));
    }
}

static void test_keys_are_made_and_destroyed_beside_a_load_without_an_error(void **state)
{
    struct fixture *f = begin_open(state);
    struct load loads[THREADS];

    put_under_load(f, loads, make_and_destroy_keys);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(loads[i].lost, 0);
    }
    assert_int_equal(token_get_stats(f->token).failures, 0);
}

/* Replies go out in batches: one that waits must not make the next one's notice look out of place. */
static void test_many_keys_asked_for_at_once_are_all_made(void **state)
{
    struct fixture *f = begin(state);
    static counted_op ops[20];
    mailbox_t *box = NULL;
    unsigned done = 0;

    assert_ok(mailbox_new(NULL, NULL, &box));
    reopen(f);
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        ops[i].op.kind = TOKEN_OP_GENERATE;
        ops[i].op.in = SLICE_LIT("one of many");
        ops[i].op.key_id[0] = (uint8_t)i;
        counted_submit(f->token, &ops[i], box, &done);
    }
    token_flush(f->token);
    wait_for(box, &done, COUNT_OF(ops));
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        assert_ok(ops[i].op.err);
    }
    assert_int_equal(token_get_stats(f->token).restarts, 0);
    mailbox_free(box);
}

static void test_several_sessions_serve_beside_key_management(void **state)
{
    struct fixture *f = begin(state);
    struct load loads[THREADS];

    f->options.sessions = 4;
    reopen(f);
    put_under_load(f, loads, make_and_destroy_keys);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(loads[i].lost, 0);
    }
}

static void kill_host_often(struct fixture *f)
{
    for (int i = 0; i < 3; i++) {
        int pid;

        while ((pid = token_host_pid(f->token)) == 0 || token_get_state(f->token) != TOKEN_READY) {
            usleep(1000);
        }
        usleep(3000);
        kill(pid, SIGKILL);
        while (token_get_state(f->token) == TOKEN_READY && token_host_pid(f->token) == pid) {
            usleep(1000);
        }
    }
}

static void test_killing_the_host_under_load_loses_no_answer_and_service_goes_on(void **state)
{
    struct fixture *f = begin_open(state);
    struct load loads[THREADS];
    uint8_t out[TOKEN_PRF_LEN];

    put_under_load(f, loads, kill_host_often);
    for (int i = 0; i < 500 && token_get_state(f->token) != TOKEN_READY; i++) {
        usleep(10000);
    }
    prf_of(f, key_a, out);
    assert_memory_equal(out, loads[0].expected, TOKEN_PRF_LEN);
    assert_int_equal(token_get_stats(f->token).restarts, 3);
}

/* As when another program deletes the object: its file goes, and the host finds out. */
static void test_a_key_deleted_by_another_program_is_missed_not_fatal(void **state)
{
    struct fixture *f = begin(state);
    token_t *other = NULL;
    uint8_t out[TOKEN_PRF_LEN];

    f->options.session_copies = false; /* a copy would live on */
    reopen(f);
    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    assert_ok(call(f->token, &f->op, TOKEN_OP_GENERATE, key_b, SLICE_LIT("b")));
    prf_of(f, key_a, out);
    assert_ok(token_open(&f->options, false, &other));
    assert_ok(call(other, &f->op, TOKEN_OP_DESTROY, key_a, SLICE_LIT("")));
    token_close(other);
    assert_err(call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
    prf_of(f, key_b, out);
    assert_int_equal(token_get_stats(f->token).restarts, 0);
}

static void test_a_key_made_by_another_program_is_seen_after_listing(void **state)
{
    struct fixture *f = begin_open(state);
    token_t *other = NULL;
    uint8_t out[TOKEN_PRF_LEN];

    assert_ok(token_open(&f->options, false, &other));
    assert_ok(call(other, &f->op, TOKEN_OP_GENERATE, key_a, SLICE_LIT("a")));
    token_close(other);
    assert_err(call(f->token, &f->op, TOKEN_OP_PRF, key_a, SLICE_LIT("x")), P11KMS_E_TOKEN_NO_KEY);
    assert_ok(call(f->token, &f->op, TOKEN_OP_LIST, NULL, SLICE_LIT("")));
    assert_int_equal(f->op.out_list.len, TOKEN_KEY_ID);
    prf_of(f, key_a, out);
}

static void test_closing_ends_the_host(void **state)
{
    struct fixture *f = begin_open(state);
    int pid;

    pid = token_host_pid(f->token);
    token_close(f->token);
    f->token = NULL;
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static bool proc_says(int pid, const char *name, const char *line_wanted)
{
    char path[64], line[256];
    bool says = false;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    file = fopen(path, "r");
    assert_non_null(file);
    while (!says && fgets(line, sizeof(line), file) != NULL) {
        says = strncmp(line, line_wanted, strlen(line_wanted)) == 0;
    }
    fclose(file);
    return says;
}

static void test_the_host_is_hardened_and_apart(void **state)
{
    struct fixture *f = begin_open(state);
    int pid;

    pid = token_host_pid(f->token);
    assert_true(proc_says(pid, "status", "NoNewPrivs:\t1"));
    assert_true(proc_says(pid, "limits", "Max core file size        0                    0 "));
    assert_int_not_equal(getpgid(pid), getpgid(0));
    kill(pid, SIGTERM); /* as a service manager sends to all: what is in flight must not be lost */
    kill(pid, SIGINT);
    assert_ok(call(f->token, &f->op, TOKEN_OP_PING, NULL, SLICE_LIT("")));
    assert_int_equal(token_host_pid(f->token), pid);
}

/* Neither its command line nor its environment says more of the PIN than where it is. */
static void test_the_pin_is_not_where_others_look(void **state)
{
    static const char *const names[] = { "cmdline", "environ" };
    struct fixture *f = begin_open(state);
    char path[64], content[8192];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        FILE *file;
        size_t len;

        snprintf(path, sizeof(path), "/proc/%d/%s", token_host_pid(f->token), names[i]);
        file = fopen(path, "r");
        assert_non_null(file);
        len = fread(content, 1, sizeof(content), file);
        fclose(file);
        assert_null(memmem(content, len, "=" SOFTHSM_PIN, strlen("=" SOFTHSM_PIN)));
        assert_null(memmem(content, len, "\0" SOFTHSM_PIN, strlen("=" SOFTHSM_PIN)));
    }
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, softhsm_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROMISE(test_the_self_test_finds_what_softhsm_can),
        PROMISE(test_a_key_answers_the_same_as_object_as_copy_and_after_a_restart),
        PROMISE(test_copies_are_used_where_they_can_be),
        PROMISE(test_no_message_is_also_a_message),
        PROMISE(test_a_second_key_of_one_id_is_refused),
        PROMISE(test_a_destroyed_key_is_gone_with_its_copy),
        PROMISE(test_listing_names_our_keys),
        PROMISE(test_random_bytes_are_as_many_as_asked),
        PROMISE(test_a_ping_proves_life),
        PROMISE(test_a_wrong_pin_is_told_and_not_tried_again),
        PROMISE(test_a_mended_pin_logs_in_when_ordered),
        PROMISE(test_a_uri_must_match_exactly_one_token),
        PROMISE(test_a_module_that_cannot_be_loaded_is_named),
        PROMISE(test_a_pin_file_that_others_read_is_refused_unless_dev),
        PROMISE(test_keys_are_made_and_destroyed_beside_a_load_without_an_error),
        PROMISE(test_many_keys_asked_for_at_once_are_all_made),
        PROMISE(test_several_sessions_serve_beside_key_management),
        PROMISE(test_killing_the_host_under_load_loses_no_answer_and_service_goes_on),
        PROMISE(test_a_key_deleted_by_another_program_is_missed_not_fatal),
        PROMISE(test_a_key_made_by_another_program_is_seen_after_listing),
        PROMISE(test_closing_ends_the_host),
        PROMISE(test_the_host_is_hardened_and_apart),
        PROMISE(test_the_pin_is_not_where_others_look),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
