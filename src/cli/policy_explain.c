/* p11kms policy explain: a decision, what made it, and what would turn it. */
#include "cli/policy_explain.h"

#include <stdio.h>

#include "cli/commands.h"
#include "cli/policy_words.h"
#include "policy/lint.h"

/* ---- the documents ---- */

static void add_document(explain_document *out, size_t *n, const policy_t *policy, const char *kind)
{
    if (policy) {
        out[(*n)++] = (explain_document){ policy, kind };
    }
}

const explain_document *explain_documents(const ask_question *question, size_t *ret_n)
{
    const policy_set *set = &question->put.set;
    explain_document *out =
        arena_alloc(question->ask->all->arena, sizeof(*out) * (2 + set->n_identity + set->n_session));

    *ret_n = 0;
    if (question->refusal) {
        return out; /* nobody asked them */
    }
    add_document(out, ret_n, set->resource, "resource");
    for (size_t i = 0; i < set->n_identity; i++) {
        add_document(out, ret_n, set->identity[i], "identity");
    }
    add_document(out, ret_n, set->boundary, "boundary");
    for (size_t i = 0; i < set->n_session; i++) {
        add_document(out, ret_n, set->session[i], "session");
    }
    return out;
}

static void examine(const ask_question *question, const policy_t *policy, size_t i,
                    policy_statement_view *ret)
{
    policy_examine(policy, i, &question->request, question->put.set.boundary != NULL, ret);
}

const char *explain_says(const ask_question *question, const policy_t *policy)
{
    naming names = NAMES_NOBODY;
    policy_statement_view view;

    for (size_t i = 0; i < policy_statements(policy); i++) {
        examine(question, policy, i, &view);
        if (view.misses == 0 && view.deny) {
            return "denies";
        }
        names = view.misses == 0 && view.names > names ? view.names : names;
    }
    return names == NAMES_NOBODY ? "nothing" : names == NAMES_ACCOUNT ? "delegates" : "allows";
}

/* ---- text ---- */

static void put_conditions(const ask_question *question, const policy_t *policy, size_t statement, size_t n,
                           buf_t *out)
{
    case_policy *of = case_policy_of(question->ask->all, policy);
    const json_t *source = policy_source_statement(case_document(of), statement);

    for (size_t i = 0; i < n; i++) {
        policy_condition_view view;

        policy_examine_condition(policy, statement, i, &question->request, &view);
        if (!view.holds) {
            buf_put_str(out, "        ");
            words_condition(source, i, &view, out);
            buf_put_char(out, '\n');
        }
    }
}

static void put_statement(const ask_question *question, const policy_t *policy, size_t i, buf_t *out)
{
    const case_policy *of = case_policy_of(question->ask->all, policy);
    policy_statement_view view;
    char path[32];

    examine(question, policy, i, &view);
    snprintf(path, sizeof(path), "Statement[%zu]", i);
    buf_put_str(out, "      ");
    words_statement(policy, i, out);
    if (view.misses == 0) {
        buf_printf(out, " %s it", view.deny ? "denies" : view.names == NAMES_ACCOUNT ? "leaves" : "allows");
        buf_put_str(out, !view.deny && view.names == NAMES_ACCOUNT ? " to the account" : "");
    } else {
        buf_printf(out, " does not %s it (", view.deny ? "deny" : "allow");
        words_misses(view.misses, out);
        buf_put_char(out, ')');
    }
    if (of->declared) {
        buf_put_str(out, "  ");
        words_place(of, path, out);
    }
    buf_put_char(out, '\n');
    if (view.misses == MISSES_CONDITION) {
        put_conditions(question, policy, i, view.n_conditions, out);
    }
}

static void put_document(const ask_question *question, const explain_document *document, buf_t *out)
{
    static const struct {
        const char *says;
        const char *text;
    } words[] = {
        { "denies", "denies it" },
        { "allows", "allows it" },
        { "delegates", "leaves it to the identity policies of the account" },
        { "nothing", "does not speak of it" },
    };
    const char *says = explain_says(question, document->policy);

    buf_printf(out, "    %s: ", case_policy_of(question->ask->all, document->policy)->title);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        buf_put_str(out, strcmp(words[i].says, says) == 0 ? words[i].text : "");
    }
    buf_put_char(out, '\n');
    for (size_t i = 0; i < policy_statements(document->policy); i++) {
        put_statement(question, document->policy, i, out);
    }
}

static void put_documents(const ask_question *question, buf_t *out)
{
    size_t n;
    const explain_document *documents = explain_documents(question, &n);

    if (question->refusal) {
        return;
    }
    buf_put_str(out, n ? "  consulted:\n" : "  no policy applies\n");
    for (size_t i = 0; i < n; i++) {
        put_document(question, &documents[i], out);
    }
}

typedef struct {
    const ask_question *question;
    buf_t *out;
} turns_writer;

static void put_turn(void *arg, const policy_change *changes, size_t n)
{
    turns_writer *writer = arg;

    for (size_t i = 0; i < n; i++) {
        buf_put_str(writer->out, i == 0 ? "    - " : "\n      and ");
        words_change(writer->question, &changes[i], writer->out);
    }
    buf_put_char(writer->out, '\n');
}

static void put_turns(const ask_question *question, buf_t *out)
{
    turns_writer writer = { .question = question, .out = out };
    const policy_turns_spec spec = { .tell = put_turn, .arg = &writer };
    bool allowed = ask_allows(question);

    if (question->refusal) {
        return;
    }
    buf_printf(out, "  it would be %s if\n", allowed ? "denied" : "allowed");
    if (policy_turns(&question->request, &question->put.set, &spec) == 0 && !allowed) {
        buf_printf(out, "    - more than %d of these things changed together\n", POLICY_TURN_MAX);
    }
    if (allowed) {
        buf_put_str(out, "    - any of these policies denied it\n");
    }
}

static void put_question(const ask_question *question, buf_t *out)
{
    const ask_line *ask = question->ask;

    buf_printf(out, "%s: %s on ", ask_allows(question) ? "ALLOWED" : "DENIED", ask->action->name);
    ask_put_resource(question->resource, out);
    buf_printf(out, "\n  to %s\n  since ", question->principal->arn);
    words_reason(question, out);
    buf_put_char(out, '\n');
    put_documents(question, out);
    put_turns(question, out);
}

static void print_text(const ask_question *questions, size_t n)
{
    _cleanup_buf_ buf_t out = { 0 };

    for (size_t i = 0; i < n; i++) {
        buf_put_str(&out, i > 0 ? "\n" : "");
        put_question(&questions[i], &out);
    }
    fputs(buf_str(&out), stdout);
}

/* ---- the command ---- */

static const cli_option option_principal = {
    "principal", '\0', "ARN", "Who asks: a user, a role or a session of it, or an identity provider."
};
static const cli_option option_action = { "action", '\0', "ACTION", "What for, as kms:Decrypt." };

static bool all_allowed(const ask_question *questions, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!ask_allows(&questions[i])) {
            return false;
        }
    }
    return true;
}

static p11kms_err answer(const cli_line *line, const ask_line *ask, const principal_t *principal,
                         const ask_resource *resources, size_t n, bool *ret_allowed)
{
    ask_question questions[ASK_RESOURCES_MAX];

    for (size_t i = 0; i < n; i++) {
        TRY(ask_decide(ask, principal, &resources[i], &questions[i]));
    }
    *ret_allowed = all_allowed(questions, n);
    if (cli_has(line, &cli_option_json)) {
        explain_json(ask, principal, questions, n);
    } else {
        print_text(questions, n);
    }
    return P11KMS_OK;
}

static p11kms_err explain(const cli_line *line, policy_case *all, bool *ret_allowed)
{
    const char *principal_arn = cli_value(line, &option_principal);
    const char *action = cli_value(line, &option_action);
    ask_line *ask = ARENA_NEW(all->arena, ask_line);
    ask_resource resources[ASK_RESOURCES_MAX];
    const principal_t *principal;
    size_t n;

    TRY(ask_parse(all, line, action, ask));
    TRY(ask_principal(ask, principal_arn, &principal));
    TRY(ask_find(ask, principal->account, resources, &n));
    p11kms_err err = answer(line, ask, principal, resources, n, ret_allowed);
    ask_resources_clear(resources, n);
    return err;
}

static int run_explain(const cli_line *line)
{
    _cleanup_case_ policy_case all = { 0 };
    bool allowed = false;

    if (!cli_value(line, &option_principal) || !cli_value(line, &option_action)) {
        return case_fail(
            p11kms_fail(P11KMS_E_SYNTAX, "policy explain needs --principal ARN and --action ACTION"));
    }
    p11kms_err err = case_load(line, &all);
    if (err == P11KMS_OK) {
        err = explain(line, &all, &allowed);
    }
    if (err != P11KMS_OK) {
        return case_fail(err);
    }
    return allowed ? EXIT_SUCCESS : POLICY_DENIED;
}

static const cli_option *const explain_options[] = {
    &option_principal,
    &option_action,
    &policy_option_resource,
    &policy_option_context,
    &policy_option_source_ip,
    &policy_option_at,
    &policy_option_set,
    &policy_option_region,
    &cli_option_config,
    &cli_option_json,
    NULL,
};

const cli_command cli_policy_explain = {
    .name = "policy explain",
    .args = "",
    .options = explain_options,
    .about = "Explain a decision: what made it, what every policy said, what would turn it.",
    .more = "The question is put as the service would put it, to the declarations as the next start or "
            "reload will "
            "have them and to the keys in the store; no running service is needed. A request is taken to "
            "come over TLS. "
            "A role asks as a session called any; name a session as "
            "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION. "
            "Condition keys that the line does not give are absent unless who asks, for what and when "
            "settles them. "
            "Exit status 0: allowed; 1: denied; 2: the question could not be put.",
    .run = run_explain,
};
