/* p11kms policy who-can: which users and roles may do something, and why. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/policy_words.h"
#include "policy/lint.h"

/* ---- one principal ---- */

typedef enum { MAY, MAY_IF, MAY_NOT } answer_kind;

typedef struct {
    const principal_t *declared;
    answer_kind kind;
    buf_t lines; /* why it may, or what must be so that it may; a line each */
} answer_t;

typedef struct {
    const ask_question *question;
    buf_t *lines;
} turns_writer;

/* Who it is and what it asks for stay as they are. */
static bool may_vary(void *arg, slice_t key)
{
    const turns_writer *writer = arg;
    size_t rest;
    const policy_key *known = policy_find_key(&writer->question->ask->all->known, key, &rest);

    return known && known->of == KEY_OF_REQUEST;
}

static void put_turn(void *arg, const policy_change *changes, size_t n)
{
    turns_writer *writer = arg;

    for (size_t i = 0; i < n; i++) {
        buf_put_str(writer->lines, i == 0 ? "" : " and ");
        words_change(writer->question, &changes[i], writer->lines);
    }
    buf_put_char(writer->lines, '\n');
}

static answer_kind judge(const ask_question *question, buf_t *lines)
{
    turns_writer writer = { .question = question, .lines = lines };
    const policy_turns_spec spec = { .tell = put_turn, .may_vary = may_vary, .arg = &writer };

    if (ask_allows(question)) {
        return MAY;
    }
    if (question->refusal || policy_turns(&question->request, &question->put.set, &spec) == 0) {
        return MAY_NOT;
    }
    return MAY_IF;
}

/* One that is the same for both resources is told once. */
static void add_reason(const ask_question *question, buf_t *reasons)
{
    _cleanup_buf_ buf_t line = { 0 };

    words_reason(question, &line);
    buf_put_char(&line, '\n');
    if (!slice_eq(buf_slice(reasons), buf_slice(&line))) {
        buf_put_slice(reasons, buf_slice(&line));
    }
}

/* Of an operation that asks for two resources both must be allowed; told is what is lacking, else why. */
static p11kms_err ask_one(const ask_line *ask, const principal_t *declared, const ask_resource *resources,
                          size_t n, answer_t *ret)
{
    const principal_t *caller = ask_caller(ask, declared);
    _cleanup_buf_ buf_t reasons = { 0 };

    *ret = (answer_t){ .declared = declared, .kind = MAY };
    for (size_t i = 0; i < n; i++) {
        ask_question question;
        TRY(ask_decide(ask, caller, &resources[i], &question));
        answer_kind kind = judge(&question, &ret->lines);

        ret->kind = kind > ret->kind ? kind : ret->kind;
        add_reason(&question, &reasons);
    }
    if (ret->kind == MAY) {
        buf_put_slice(&ret->lines, buf_slice(&reasons));
    }
    return P11KMS_OK;
}

/* ---- everyone ---- */

typedef struct {
    const ask_line *ask;
    const ask_resource *resources;
    size_t n_resources;
    answer_t *answers;
    size_t n;
} answers_t;

static p11kms_err ask_everyone(answers_t *all)
{
    const identity_t *identity = all->ask->all->identity;

    all->answers = calloc(identity_count(identity) + 1, sizeof(*all->answers));
    ENSURE(all->answers, P11KMS_E_NOMEM);
    for (size_t i = 0; identity_at(identity, i); i++) {
        answer_t *answer = &all->answers[all->n++];
        TRY(ask_one(all->ask, identity_at(identity, i), all->resources, all->n_resources, answer));
    }
    return P11KMS_OK;
}

static size_t count(const answers_t *all, answer_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++) {
        n += all->answers[i].kind == kind;
    }
    return n;
}

/* ---- telling ---- */

/* Each line of @p lines, with @p lead before it. */
static void print_lines(const buf_t *lines, const char *lead)
{
    for (const char *at = buf_str(lines); *at;) {
        size_t len = strcspn(at, "\n");

        printf("%s%.*s\n", lead, (int)len, at);
        at += len + (at[len] == '\n');
    }
}

static void print_kind(const answers_t *all, answer_kind kind, const char *heading, const char *lead)
{
    if (count(all, kind) == 0) {
        return;
    }
    puts(heading);
    for (size_t i = 0; i < all->n; i++) {
        if (all->answers[i].kind == kind) {
            printf("    %s\n", all->answers[i].declared->arn);
            print_lines(&all->answers[i].lines, lead);
        }
    }
}

static void print_text(const answers_t *all)
{
    for (size_t i = 0; i < all->n_resources; i++) {
        _cleanup_buf_ buf_t resource = { 0 };
        ask_put_resource(&all->resources[i], &resource);
        printf("%s on %s\n", all->ask->action->name, buf_str(&resource));
    }
    if (count(all, MAY) + count(all, MAY_IF) == 0) {
        puts("  nobody");
    }
    print_kind(all, MAY, "  allowed", "        ");
    print_kind(all, MAY_IF, "  allowed if", "      - ");
}

static void put_lines(jw_t *w, const buf_t *lines)
{
    jw_array(w);
    for (const char *at = buf_str(lines); *at;) {
        size_t len = strcspn(at, "\n");

        jw_string_slice(w, SLICE(at, len));
        at += len + (at[len] == '\n');
    }
    jw_end(w);
}

static void put_kind(jw_t *w, const answers_t *all, answer_kind kind, const char *name, const char *lines)
{
    jw_key(w, name);
    jw_array(w);
    for (size_t i = 0; i < all->n; i++) {
        if (all->answers[i].kind == kind) {
            jw_object(w);
            jw_key(w, "principal");
            jw_string(w, all->answers[i].declared->arn);
            jw_key(w, lines);
            put_lines(w, &all->answers[i].lines);
            jw_end(w);
        }
    }
    jw_end(w);
}

static void print_json(const answers_t *all)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);

    jw_object(&w);
    jw_key(&w, "action");
    jw_string(&w, all->ask->action->name);
    jw_key(&w, "resources");
    jw_array(&w);
    for (size_t i = 0; i < all->n_resources; i++) {
        jw_string(&w, all->resources[i].shown);
    }
    jw_end(&w);
    put_kind(&w, all, MAY, "allowed", "reasons");
    put_kind(&w, all, MAY_IF, "allowedIf", "conditions");
    jw_end(&w);
    puts(buf_str(&out));
}

/* ---- the command ---- */

static void free_answers(answers_t *all)
{
    for (size_t i = 0; i < all->n; i++) {
        buf_free(&all->answers[i].lines);
    }
    free(all->answers);
}

static p11kms_err tell(const cli_line *line, answers_t *all, bool *ret_somebody)
{
    TRY(ask_everyone(all));
    *ret_somebody = count(all, MAY) > 0;
    if (cli_has(line, &cli_option_json)) {
        print_json(all);
    } else {
        print_text(all);
    }
    return P11KMS_OK;
}

static p11kms_err who(const cli_line *line, policy_case *all, bool *ret_somebody)
{
    ask_line *ask = ARENA_NEW(all->arena, ask_line);
    ask_resource resources[ASK_RESOURCES_MAX];
    answers_t answers = { .ask = ask, .resources = resources };

    TRY(ask_parse(all, line, line->args[0], ask));
    TRY(ask_find(ask, NULL, resources, &answers.n_resources));
    p11kms_err err = tell(line, &answers, ret_somebody);
    free_answers(&answers);
    ask_resources_clear(resources, answers.n_resources);
    return err;
}

static int run_who(const cli_line *line)
{
    _cleanup_case_ policy_case all = { 0 };
    bool somebody = false;
    p11kms_err err = case_load(line, &all);

    if (err == P11KMS_OK) {
        err = who(line, &all, &somebody);
    }
    if (err != P11KMS_OK) {
        return case_fail(err);
    }
    return somebody ? EXIT_SUCCESS : POLICY_DENIED;
}

static const cli_option *const who_options[] = {
    &policy_option_resource, &policy_option_context, &policy_option_source_ip,
    &policy_option_at,       &policy_option_set,     &policy_option_region,
    &cli_option_config,      &cli_option_json,       NULL,
};

const cli_command cli_policy_who_can = {
    .name = "policy who-can",
    .args = "ACTION",
    .min_args = 1,
    .max_args = 1,
    .options = who_options,
    .about = "List the users and roles that may do something, and why.",
    .more = "Every declared user and role is asked about as policy explain does. Those that conditions of "
            "policies keep "
            "from it, over what a request itself may bring (its encryption context, address, time), are "
            "listed apart "
            "with those conditions. An alias or key id is looked for in every account. "
            "Exit status 0: somebody may; 1: nobody; 2: the question could not be put.",
    .run = run_who,
};
