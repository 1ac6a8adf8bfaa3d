#include "cli/policy_explain.h"

#include <stdio.h>

#include "cli/policy_words.h"
#include "policy/lint.h"

static void put_text(jw_t *w, const char *name, const char *value)
{
    jw_key(w, name);
    jw_string(w, value);
}

static void put_place(jw_t *w, const case_policy *of, const char *path)
{
    conf_place place = case_place(of, path);

    if (place.file) {
        put_text(w, "file", place.file);
        jw_key(w, "line");
        jw_int(w, place.line);
        jw_key(w, "column");
        jw_int(w, place.column);
    }
}

/* Members of an object that is open. */
static void put_statement_name(jw_t *w, const case_policy *of, const policy_t *policy, size_t i)
{
    char path[32];

    snprintf(path, sizeof(path), "Statement[%zu]", i);
    jw_key(w, "index");
    jw_int(w, (int64_t)i);
    if (policy_sid(policy, i)[0]) {
        put_text(w, "sid", policy_sid(policy, i));
    }
    put_place(w, of, path);
}

static void put_misses(jw_t *w, unsigned misses)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        { MISSES_INERT, "inert" },       { MISSES_ACTION, "action" },       { MISSES_PRINCIPAL, "principal" },
        { MISSES_RESOURCE, "resource" }, { MISSES_CONDITION, "condition" },
    };

    jw_key(w, "misses");
    jw_array(w);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (misses & names[i].bit) {
            jw_string(w, names[i].name);
        }
    }
    jw_end(w);
}

static void put_condition(jw_t *w, const json_t *source, size_t i, const policy_condition_view *view)
{
    const json_t *wanted;
    slice_t op, key;

    policy_source_condition(source, i, &op, &key, &wanted);
    jw_object(w);
    put_text(w, "operator", view->op);
    jw_key(w, "key");
    jw_string_slice(w, view->key);
    jw_key(w, "wants");
    jw_value(w, wanted);
    jw_key(w, "has");
    jw_array(w);
    for (size_t k = 0; k < view->values.n; k++) {
        jw_string_slice(w, view->values.values[k]);
    }
    jw_end(w);
    jw_key(w, "holds");
    jw_bool(w, view->holds);
    jw_end(w);
}

static void put_statement(jw_t *w, const ask_question *question, const policy_t *policy, size_t i)
{
    case_policy *of = case_policy_of(question->ask->all, policy);
    const json_t *source = policy_source_statement(case_document(of), i);
    policy_statement_view view;

    policy_examine(policy, i, &question->request, question->put.set.boundary != NULL, &view);
    jw_object(w);
    put_statement_name(w, of, policy, i);
    put_text(w, "effect", view.deny ? "Deny" : "Allow");
    jw_key(w, "applies");
    jw_bool(w, view.misses == 0);
    put_misses(w, view.misses);
    jw_key(w, "conditions");
    jw_array(w);
    for (size_t k = 0; k < view.n_conditions; k++) {
        policy_condition_view condition;

        policy_examine_condition(policy, i, k, &question->request, &condition);
        put_condition(w, source, k, &condition);
    }
    jw_end(w);
    jw_end(w);
}

static void put_documents(jw_t *w, const ask_question *question)
{
    size_t n;
    const explain_document *documents = explain_documents(question, &n);

    jw_key(w, "consulted");
    jw_array(w);
    for (size_t i = 0; i < n; i++) {
        const policy_t *policy = documents[i].policy;
        const case_policy *of = case_policy_of(question->ask->all, policy);

        jw_object(w);
        put_text(w, "policy", of->title);
        put_text(w, "kind", documents[i].kind);
        put_place(w, of, "");
        put_text(w, "says", explain_says(question, policy));
        jw_key(w, "statements");
        jw_array(w);
        for (size_t k = 0; k < policy_statements(policy); k++) {
            put_statement(w, question, policy, k);
        }
        jw_end(w);
        jw_end(w);
    }
    jw_end(w);
}

typedef struct {
    const ask_question *question;
    jw_t *w;
} turns_writer;

static void put_change(jw_t *w, const ask_question *question, const policy_change *change)
{
    static const char *const kinds[] = {
        [CHANGE_STATEMENT] = "statement",      [CHANGE_IDENTITY] = "identity-allows",
        [CHANGE_BOUNDARY] = "boundary-allows", [CHANGE_SESSION] = "session-allows",
        [CHANGE_RESOURCE] = "resource-allows", [CHANGE_DELEGATE] = "resource-delegates",
        [CHANGE_TRUST] = "no-administrator",   [CHANGE_GRANT] = "no-grant",
    };
    _cleanup_buf_ buf_t text = { 0 };

    words_change(question, change, &text);
    jw_object(w);
    put_text(w, "change",
             change->kind != CHANGE_STATEMENT ? kinds[change->kind]
             : change->applies                ? "statement-applies"
                                              : "statement-gone");
    if (change->kind == CHANGE_STATEMENT) {
        const case_policy *of = case_policy_of(question->ask->all, change->policy);

        put_text(w, "policy", of->title);
        put_statement_name(w, of, change->policy, change->statement);
    }
    put_text(w, "text", buf_str(&text));
    jw_end(w);
}

static void put_turn(void *arg, const policy_change *changes, size_t n)
{
    turns_writer *writer = arg;

    jw_array(writer->w);
    for (size_t i = 0; i < n; i++) {
        put_change(writer->w, writer->question, &changes[i]);
    }
    jw_end(writer->w);
}

static void put_turns(jw_t *w, const ask_question *question)
{
    turns_writer writer = { .question = question, .w = w };
    const policy_turns_spec spec = { .tell = put_turn, .arg = &writer };

    jw_key(w, "turns");
    jw_array(w);
    if (!question->refusal) {
        policy_turns(&question->request, &question->put.set, &spec);
    }
    jw_end(w);
}

static void put_decision(jw_t *w, const ask_question *question)
{
    static const char *const kinds[] = { [DECISION_ALLOW] = "allow",
                                         [DECISION_IMPLICIT_DENY] = "implicit-deny",
                                         [DECISION_EXPLICIT_DENY] = "explicit-deny" };
    static const char *const bases[] = {
        [BASIS_NONE] = "none",         [BASIS_IDENTITY] = "identity", [BASIS_RESOURCE] = "resource",
        [BASIS_BOUNDARY] = "boundary", [BASIS_SESSION] = "session",   [BASIS_GRANT] = "grant"
    };
    const policy_decision *decision = &question->decision;
    _cleanup_buf_ buf_t reason = { 0 };

    words_reason(question, &reason);
    put_text(w, "decision", kinds[decision->kind]);
    put_text(w, "basis", bases[decision->basis]);
    put_text(w, "reason", buf_str(&reason));
    if (decision->basis == BASIS_GRANT) {
        put_text(w, "grant", question->put.grant);
    }
    if (decision->policy) {
        const case_policy *of = case_policy_of(question->ask->all, decision->policy);

        jw_key(w, "statement");
        jw_object(w);
        put_text(w, "policy", of->title);
        put_statement_name(w, of, decision->policy, decision->statement);
        jw_end(w);
    }
}

void explain_json(const ask_line *ask, const principal_t *principal, const ask_question *questions, size_t n)
{
    _cleanup_buf_ buf_t out = { 0 };
    jw_t w = jw_on(&out);
    bool allowed = true;

    for (size_t i = 0; i < n; i++) {
        allowed = allowed && ask_allows(&questions[i]);
    }
    jw_object(&w);
    jw_key(&w, "allowed");
    jw_bool(&w, allowed);
    put_text(&w, "principal", principal->arn);
    put_text(&w, "action", ask->action->name);
    jw_key(&w, "decisions");
    jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        jw_object(&w);
        put_text(&w, "resource", questions[i].resource->shown);
        if (questions[i].resource->alias) {
            put_text(&w, "alias", questions[i].resource->alias);
        }
        put_decision(&w, &questions[i]);
        put_documents(&w, &questions[i]);
        put_turns(&w, &questions[i]);
        jw_end(&w);
    }
    jw_end(&w);
    jw_end(&w);
    puts(buf_str(&out));
}
