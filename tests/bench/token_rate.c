#include "config.h" /* asprintf() */

#include "tests/bench/token_rate.h"

#include <stdio.h>

#include "conf/conf.h"
#include "tests/bench/cpu.h"
#include "token/token.h"
#include "util/clock.h"

/* As long as what a message's key is derived from: counter, label, a zero, key id, N, length. */
#define PRF_INPUT 58

/* ---- what the running server uses ---- */

typedef struct {
    char *config;
    char *host_path;
    bool dev;
    conf_t *conf;
} found_t;

static void found_free(found_t *found)
{
    free(found->config);
    free(found->host_path);
    if (found->conf != NULL) {
        conf_free(found->conf);
    }
}

/** The words of /proc/PID/NAME, each ended by a NUL. */
static p11kms_err read_words(pid_t pid, const char *name, buf_t *ret)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    file = fopen(path, "re");
    if (file == NULL) {
        FAIL(P11KMS_E_CONFIG, "%s cannot be read", path);
    }
    ret->len = fread(buf_reserve(ret, 65536), 1, 65536, file);
    fclose(file);
    return P11KMS_OK;
}

static const char *next_word(const buf_t *words, const char *word)
{
    const char *end = buf_str(words) + words->len;

    word = word == NULL ? buf_str(words) : word + strlen(word) + 1;
    return word < end ? word : NULL;
}

/** "--option VALUE" and "--option=VALUE". */
static const char *value_of(const buf_t *words, const char *word, const char *option)
{
    size_t len = strlen(option);

    if (strcmp(word, option) == 0) {
        return next_word(words, word);
    }
    return strncmp(word, option, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

/* A relative path is relative to the server. */
static char *path_from(pid_t server, const char *path, const char *file)
{
    char *whole = NULL;
    int len = path[0] == '/' ? asprintf(&whole, "%s%s", path, file)
                             : asprintf(&whole, "/proc/%d/cwd/%s%s", (int)server, path, file);

    return len > 0 ? whole : NULL;
}

static p11kms_err find_config(pid_t server, found_t *found)
{
    static const struct {
        const char *option, *file;
    } named[] = { { "-c", "" }, { "--config", "" }, { "--dir", "/p11kmsd.yaml" } };
    _cleanup_buf_ buf_t words = { 0 };

    TRY(read_words(server, "cmdline", &words));
    for (const char *word = next_word(&words, NULL); word != NULL; word = next_word(&words, word)) {
        found->dev |= strcmp(word, "--dev") == 0;
        for (size_t i = 0; i < COUNT_OF(named); i++) {
            const char *value = value_of(&words, word, named[i].option);

            if (value != NULL && found->config == NULL) {
                found->config = path_from(server, value, named[i].file);
            }
        }
    }
    return P11KMS_OK;
}

/* The host's own environment says where its module looks for tokens. */
static p11kms_err find_host(pid_t server, found_t *found)
{
    pid_t host = cpu_find_child(server, "p11kms-token");
    _cleanup_buf_ buf_t words = { 0 };
    char link[64];

    if (host == 0) {
        FAIL(P11KMS_E_CONFIG, "process %d has no p11kms-token", (int)server);
    }
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)host);
    found->host_path = realpath(link, NULL);
    ENSURE(found->host_path != NULL, P11KMS_E_CONFIG);
    TRY(read_words(host, "environ", &words));
    for (const char *word = next_word(&words, NULL); word != NULL; word = next_word(&words, word)) {
        const char *softhsm = value_of(&words, word, "SOFTHSM2_CONF");

        if (softhsm != NULL) {
            setenv("SOFTHSM2_CONF", softhsm, 1);
        }
    }
    return P11KMS_OK;
}

static p11kms_err open_token(const found_t *found, token_t **ret)
{
    const conf_token *token = &found->conf->tokens[0];
    token_options options;

    for (size_t i = 0; i < found->conf->n_tokens; i++) {
        if (found->conf->default_token != NULL &&
            strcmp(found->conf->tokens[i].name, found->conf->default_token) == 0) {
            token = &found->conf->tokens[i];
        }
    }
    options = (token_options){ .name = token->name,
                               .uri = token->uri,
                               .module = token->module,
                               .init_args = token->init_args,
                               .pin_source = token->pin_source,
                               .host_path = found->host_path,
                               .dev = found->dev,
                               .session_copies = token->session_copies,
                               .sessions = token->sessions,
                               .op_deadline_ms = token->op_deadline_ms,
                               .slow_deadline_ms = token->slow_deadline_ms,
                               .start_deadline_ms = token->start_deadline_ms,
                               .queue_max = token->queue_max };
    return token_open(&options, false, ret);
}

/* ---- measuring ---- */

typedef struct {
    token_t *token;
    mailbox_t *mailbox;
    int64_t end_us;
    uint64_t done;
    uint64_t failed;
    unsigned out;
} running_t;

typedef struct {
    token_op_t op; /* first: its completion comes back */
    running_t *running;
} slot_t;

static void on_done(completion_t *completion)
{
    slot_t *slot = (slot_t *)completion;
    running_t *running = slot->running;

    running->out--;
    running->done += slot->op.err == P11KMS_OK;
    running->failed += slot->op.err != P11KMS_OK;
    if (clock_mono_us() < running->end_us && running->failed == 0) {
        running->out++;
        token_submit(running->token, &slot->op);
    }
}

static p11kms_err find_key(token_t *token, uint8_t ret[TOKEN_KEY_ID])
{
    token_op_t list = { .kind = TOKEN_OP_LIST };
    p11kms_err err = token_call(token, &list);

    if (err == P11KMS_OK && list.out_list.len < TOKEN_KEY_ID) {
        err = p11kms_fail(P11KMS_E_TOKEN_NO_KEY, "the token holds no key");
    }
    if (err == P11KMS_OK) {
        memcpy(ret, list.out_list.data, TOKEN_KEY_ID);
    }
    buf_free(&list.out_list);
    return err;
}

static p11kms_err run(running_t *running, slot_t *slots, unsigned n, double seconds, double *ret)
{
    static const uint8_t input[PRF_INPUT] = "p11kms-bench";
    uint8_t key_id[TOKEN_KEY_ID];
    int64_t start_us;

    TRY(find_key(running->token, key_id));
    start_us = clock_mono_us();
    running->end_us = start_us + (int64_t)(seconds * 1e6);
    for (unsigned i = 0; i < n; i++) {
        slots[i].running = running;
        slots[i].op = (token_op_t){ .done = { .run = on_done },
                                    .mailbox = running->mailbox,
                                    .kind = TOKEN_OP_PRF,
                                    .in = SLICE(input, sizeof(input)) };
        memcpy(slots[i].op.key_id, key_id, sizeof(key_id));
        running->out++;
        token_submit(running->token, &slots[i].op);
    }
    while (running->out > 0) {
        token_flush(running->token);
        mailbox_wait(running->mailbox, 1000);
    }
    if (running->failed > 0) {
        FAIL(P11KMS_E_TOKEN, "the token refused the operation");
    }
    *ret = (double)running->done / ((double)(clock_mono_us() - start_us) / 1e6);
    return P11KMS_OK;
}

static p11kms_err measure(const found_t *found, unsigned in_flight, double seconds, double *ret)
{
    running_t running = { 0 };
    slot_t *slots = calloc(in_flight, sizeof(*slots));
    p11kms_err err = slots != NULL ? mailbox_new(NULL, NULL, &running.mailbox) : P11KMS_E_NOMEM;

    if (err == P11KMS_OK) {
        err = open_token(found, &running.token);
    }
    if (err == P11KMS_OK) {
        err = run(&running, slots, in_flight, seconds, ret);
    }
    if (running.token != NULL) {
        token_close(running.token);
    }
    if (running.mailbox != NULL) {
        mailbox_free(running.mailbox);
    }
    free(slots);
    return err;
}

static p11kms_err find_and_measure(pid_t server, found_t *found, unsigned in_flight, double seconds,
                                   double *ret)
{
    _cleanup_buf_ buf_t problems = { 0 };

    TRY(find_config(server, found));
    TRY(find_host(server, found));
    if (found->config == NULL) {
        FAIL(P11KMS_E_CONFIG, "the server's command line names no configuration: name it with --config");
    }
    if (conf_load(found->config, found->dev, &problems, &found->conf) != P11KMS_OK) {
        FAIL(P11KMS_E_CONFIG, "%s: %.300s", found->config, buf_str(&problems));
    }
    return measure(found, in_flight, seconds, ret);
}

p11kms_err token_rate_measure(pid_t server, const char *config, unsigned in_flight, double seconds,
                              double *ret_per_second)
{
    found_t found = { .config = config != NULL ? strdup(config) : NULL };
    p11kms_err err = find_and_measure(server, &found, in_flight, seconds, ret_per_second);

    found_free(&found);
    return err;
}
