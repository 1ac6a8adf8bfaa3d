/* p11kms policy lint: what reviewers look for, in the declared documents or in given files. */
#include <stdio.h>
#include <strings.h>

#include "cli/commands.h"
#include "cli/policy_case.h"
#include "policy/lint.h"
#include "util/clock.h"

#define KEEPER "kms:PutKeyPolicy"
#define ANY_KEY "arn:aws:kms:*:*:key/*"
#define ANY_ROLE "arn:aws:iam::*:role/*"

/* ---- findings ---- */

typedef struct {
    arena_t *arena;
    const conf_declared_t *declared; /* NULL: who there is is not known */
    policy_vocabulary known;
    bool json;
    buf_t out;
    jw_t w;
    size_t documents;
    size_t findings;
    /* the document under way */
    const char *title;
    const conf_policy *source; /* NULL: it stands in no file */
} lint_run;

static void tell_json(lint_run *run, const policy_finding *finding, conf_place place)
{
    jw_t *w = &run->w;

    jw_object(w);
    jw_key(w, "rule");
    jw_string(w, finding->rule);
    jw_key(w, "document");
    jw_string(w, run->title);
    if (place.file) {
        jw_key(w, "file");
        jw_string(w, place.file);
        jw_key(w, "line");
        jw_int(w, place.line);
        jw_key(w, "column");
        jw_int(w, place.column);
    }
    jw_key(w, "path");
    jw_string(w, finding->path);
    jw_key(w, "text");
    jw_string(w, finding->text);
    jw_end(w);
}

/*
 * "FILE:LINE:COLUMN: policy ops of user app: Statement[0].Action: rule: sentence"
 * @p where is a path in the document.
 */
static void tell_at(lint_run *run, const policy_finding *finding, const char *where)
{
    conf_place place = run->source ? conf_policy_place(run->source, where) : (conf_place){ 0 };

    run->findings++;
    if (run->json) {
        tell_json(run, finding, place);
        return;
    }
    if (place.file) {
        printf("%s:%u:%u: ", place.file, place.line, place.column);
    }
    printf("%s: %s%s%s: %s\n", run->title, finding->path, finding->path[0] ? ": " : "", finding->rule,
           finding->text);
}

static void tell(void *arg, const policy_finding *finding)
{
    tell_at(arg, finding, finding->path);
}

/* ---- one document ---- */

typedef struct {
    policy_kind kind;
    const char *attached;
    const char *account;
} lint_as;

static bool is_named(const char *account, const char *kind, const char *path, const char *name, slice_t arn)
{
    char own[1024];

    snprintf(own, sizeof(own), "arn:aws:iam::%s:%s%s%s", account, kind, path, name);
    return slice_eq_str(arn, own);
}

static bool account_has(const conf_account *account, slice_t arn)
{
    for (size_t i = 0; i < account->n_users; i++) {
        if (is_named(account->id, "user", account->users[i].path, account->users[i].name, arn)) {
            return true;
        }
    }
    for (size_t i = 0; i < account->n_roles; i++) {
        if (is_named(account->id, "role", account->roles[i].path, account->roles[i].name, arn)) {
            return true;
        }
    }
    return false;
}

/* Of accounts that are not declared, and of sessions, nothing is known. */
static bool has_principal(void *arg, slice_t arn)
{
    const lint_run *run = arg;

    for (size_t i = 0; i < run->declared->n_accounts; i++) {
        const conf_account *account = &run->declared->accounts[i];
        char prefix[32];

        snprintf(prefix, sizeof(prefix), "arn:aws:iam::%s:", account->id);
        if (slice_has_prefix(arn, prefix)) {
            return account_has(account, arn);
        }
    }
    return true;
}

static p11kms_err lint_one(lint_run *run, const char *json, lint_as as)
{
    const policy_lint_spec spec = {
        .known = &run->known,
        .now_ms = clock_wall_ms(),
        .attached = as.attached,
        .account = as.account,
        .keeper = as.kind == POLICY_RESOURCE ? KEEPER : NULL,
        .has_principal = run->declared ? has_principal : NULL,
        .tell = tell,
        .arg = run,
    };
    size_t n;
    p11kms_err err = policy_lint(SLICE_STR(json), as.kind, &spec, &n);

    run->documents++;
    if (err == P11KMS_E_POLICY_MALFORMED) {
        const char *detail = arena_strdup(run->arena, p11kms_err_detail(err));

        tell_at(run, &(policy_finding){ .rule = "malformed", .path = "", .text = detail }, detail);
        return P11KMS_OK;
    }
    return err;
}

static p11kms_err lint_declared(lint_run *run, const conf_policy *policy, const char *title, lint_as as)
{
    if (!policy) {
        return P11KMS_OK;
    }
    run->title = title;
    run->source = policy;
    return lint_one(run, policy->json, as);
}

/* ---- declarations ---- */

static p11kms_err lint_policies(lint_run *run, const conf_policy *policies, size_t n, const char *kind,
                                const char *owner)
{
    for (size_t i = 0; i < n; i++) {
        const char *title = arena_printf(run->arena, "policy %s of %s %s", policies[i].name, kind, owner);
        TRY(lint_declared(run, &policies[i], title, (lint_as){ POLICY_IDENTITY, NULL, NULL }));
    }
    return P11KMS_OK;
}

static p11kms_err lint_boundary(lint_run *run, const conf_policy *boundary, const char *kind,
                                const char *owner)
{
    const char *title =
        boundary ? arena_printf(run->arena, "permissions boundary %s of %s %s", boundary->name, kind, owner)
                 : NULL;

    return lint_declared(run, boundary, title, (lint_as){ POLICY_BOUNDARY, NULL, NULL });
}

static p11kms_err lint_role(lint_run *run, const conf_account *account, const conf_role *role)
{
    const char *arn =
        arena_printf(run->arena, "arn:aws:iam::%s:role%s%s", account->id, role->path, role->name);

    TRY(lint_declared(run, role->trust, arena_printf(run->arena, "trust policy of role %s", role->name),
                      (lint_as){ POLICY_TRUST, arn, account->id }));
    TRY(lint_policies(run, role->policies, role->n_policies, "role", role->name));
    return lint_boundary(run, role->boundary, "role", role->name);
}

static p11kms_err lint_account(lint_run *run, const conf_account *account)
{
    for (size_t i = 0; i < account->n_users; i++) {
        const conf_user *user = &account->users[i];
        TRY(lint_policies(run, user->policies, user->n_policies, "user", user->name));
        TRY(lint_boundary(run, user->boundary, "user", user->name));
    }
    for (size_t i = 0; i < account->n_groups; i++) {
        const conf_group *group = &account->groups[i];
        TRY(lint_policies(run, group->policies, group->n_policies, "group", group->name));
    }
    for (size_t i = 0; i < account->n_roles; i++) {
        TRY(lint_role(run, account, &account->roles[i]));
    }
    return P11KMS_OK;
}

/* @p arn of the key where it is known. */
static p11kms_err lint_declared_key(lint_run *run, const conf_key *key, const char *arn)
{
    const char *title = arena_printf(run->arena, "key policy of %s", key->alias);
    const char *any =
        arena_printf(run->arena, "arn:aws:kms:%s:%s:key/*", key->region ? key->region : "*", key->account);

    return lint_declared(run, key->policy, title,
                         (lint_as){ POLICY_RESOURCE, arn ? arn : any, key->account });
}

static p11kms_err lint_declarations(lint_run *run)
{
    for (size_t i = 0; i < run->declared->n_accounts; i++) {
        TRY(lint_account(run, &run->declared->accounts[i]));
    }
    return P11KMS_OK;
}

/* ---- files ---- */

/* A word of each statement's element, whatever its form. */
static bool has_element(const json_t *document, const char *element)
{
    const json_t *statements = json_get(document, "Statement");
    size_t n = json_kind_of(statements) == JSON_ARRAY ? json_length(statements) : 1;

    for (size_t i = 0; i < n; i++) {
        if (json_get(policy_source_statement(document, i), element)) {
            return true;
        }
    }
    return false;
}

/* What lists a trust policy has name actions of sts alone. */
static bool is_of_sts(const json_t *statement)
{
    const json_t *action = json_get(statement, "Action");
    slice_t first = json_string(json_kind_of(action) == JSON_ARRAY ? json_at(action, 0) : action);

    return first.len > 4 && strncasecmp((const char *)first.data, "sts:", 4) == 0;
}

static lint_as guess(const json_t *document)
{
    if (!has_element(document, "Principal") && !has_element(document, "NotPrincipal")) {
        return (lint_as){ POLICY_IDENTITY, NULL, NULL };
    }
    if (is_of_sts(policy_source_statement(document, 0)) && !has_element(document, "Resource")) {
        return (lint_as){ POLICY_TRUST, ANY_ROLE, NULL };
    }
    return (lint_as){ POLICY_RESOURCE, ANY_KEY, NULL };
}

static const cli_option option_kind = {
    "kind", '\0', "KIND",
    "What files of one document are: identity, key, trust, boundary or session; else it is guessed."
};

static const struct {
    const char *name;
    lint_as as;
} kinds[] = {
    { "identity", { POLICY_IDENTITY, NULL, NULL } }, { "key", { POLICY_RESOURCE, ANY_KEY, NULL } },
    { "trust", { POLICY_TRUST, ANY_ROLE, NULL } },   { "boundary", { POLICY_BOUNDARY, NULL, NULL } },
    { "session", { POLICY_SESSION, NULL, NULL } },
};

static p11kms_err kind_of(const cli_line *line, const json_t *document, lint_as *ret)
{
    const char *given = cli_value(line, &option_kind);

    if (!given) {
        *ret = guess(document);
        return P11KMS_OK;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(given, kinds[i].name) == 0) {
            *ret = kinds[i].as;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_SYNTAX, "--kind takes identity, key, trust, boundary or session, not '%s'", given);
}

/* Whether @p file is one document or declarations, which come together later. */
static p11kms_err lint_file(lint_run *run, const cli_line *line, const char *file, bool *ret_declarations)
{
    _cleanup_(conf_document) conf_document *loaded = NULL;
    _cleanup_json_ json_t *document = NULL;
    _cleanup_buf_ buf_t problems = { 0 };
    lint_as as;
    p11kms_err err = conf_load_document(file, &problems, &loaded);

    fputs(buf_str(&problems), stderr);
    TRY(err);
    TRY(json_parse(SLICE_STR(loaded->policy.json), &document));
    *ret_declarations =
        json_get(document, "accounts") || json_get(document, "keys") || json_get(document, "peers");
    if (*ret_declarations) {
        return P11KMS_OK;
    }
    TRY(kind_of(line, document, &as));
    return lint_declared(run, &loaded->policy, "policy", as);
}

static p11kms_err lint_declaration_files(lint_run *run, const char *const *files, size_t n)
{
    _cleanup_(conf_declared) conf_declared_t *declared = NULL;
    _cleanup_buf_ buf_t problems = { 0 };

    if (n == 0) {
        return P11KMS_OK;
    }
    p11kms_err err = conf_load_declared(files, n, false, &problems, &declared);
    fputs(buf_str(&problems), stderr);
    TRY(err);
    run->declared = declared;
    case_vocabulary(run->arena, declared, &run->known);
    err = lint_declarations(run);
    for (size_t i = 0; i < declared->n_keys && err == P11KMS_OK; i++) {
        err = lint_declared_key(run, &declared->keys[i], NULL);
    }
    run->declared = NULL;
    return err;
}

static p11kms_err lint_files(lint_run *run, const cli_line *line)
{
    static const conf_declared_t nothing;
    const char *declarations[CLI_GIVEN_MAX];
    size_t n = 0;

    case_vocabulary(run->arena, &nothing, &run->known);
    for (size_t i = 0; i < line->n_args; i++) {
        bool is_declaration = false;

        TRY(lint_file(run, line, line->args[i], &is_declaration));
        if (is_declaration) {
            declarations[n++] = line->args[i];
        }
    }
    return lint_declaration_files(run, declarations, n);
}

/* ---- the service's ---- */

static p11kms_err lint_key(lint_run *run, const policy_case *all, const kms_key_t *key)
{
    const conf_key *declared = case_declared_key(all, key);

    if (declared) {
        return lint_declared_key(run, declared, key->arn);
    }
    run->title = case_policy_of(all, key->policy)->title;
    run->source = NULL;
    return lint_one(run, key->policy_json, (lint_as){ POLICY_RESOURCE, key->arn, key->account });
}

static p11kms_err lint_keys(lint_run *run, const policy_case *all)
{
    kms_key_t **keys = NULL;
    size_t n = 0;
    p11kms_err err = P11KMS_OK;

    TRY(catalog_all(kms_catalog(all->kms), &keys, &n));
    for (size_t i = 0; i < n; i++) {
        err = err == P11KMS_OK ? lint_key(run, all, keys[i]) : err;
        kms_key_unref(keys[i]);
    }
    free(keys);
    return err;
}

static p11kms_err lint_service(lint_run *run, const cli_line *line)
{
    _cleanup_case_ policy_case all = { 0 };

    TRY(case_load(line, &all));
    run->declared = all.declared;
    run->known = all.known;
    TRY(lint_declarations(run));
    return lint_keys(run, &all);
}

/* ---- the command ---- */

static p11kms_err run_rules(lint_run *run, const cli_line *line)
{
    run->arena = arena_new(16384);
    ENSURE(run->arena, P11KMS_E_NOMEM);
    run->w = jw_on(&run->out);
    jw_object(&run->w);
    jw_key(&run->w, "findings");
    jw_array(&run->w);
    TRY(line->n_args ? lint_files(run, line) : lint_service(run, line));
    jw_end(&run->w);
    jw_key(&run->w, "documents");
    jw_int(&run->w, (int64_t)run->documents);
    jw_end(&run->w);
    return P11KMS_OK;
}

static int run_lint(const cli_line *line)
{
    lint_run run = { .json = cli_has(line, &cli_option_json) };
    p11kms_err err = run_rules(&run, line);
    int status = err != P11KMS_OK ? case_fail(err) : run.findings ? POLICY_DENIED : EXIT_SUCCESS;

    if (err == P11KMS_OK && run.json) {
        puts(buf_str(&run.out));
    }
    buf_free(&run.out);
    arena_free(run.arena);
    return status;
}

static const cli_option *const lint_options[] = { &option_kind, &cli_option_config, &cli_option_json, NULL };

const cli_command cli_policy_lint = {
    .name = "policy lint",
    .args = "[FILE]...",
    .max_args = CLI_GIVEN_MAX,
    .options = lint_options,
    .about = "Tell what a reviewer of policies would: what reaches too far, and what does nothing.",
    .more = "Without files every declared document and every key policy in the store is looked at; a file "
            "holds one "
            "policy, as YAML or JSON, or declarations. A line each: the place, the document, the part of it, "
            "the rule "
            "and what is the matter. The rules are told in docs/policy.md. "
            "Exit status 0: nothing was found; 1: something was; 2: it could not be looked at.",
    .run = run_lint,
};
