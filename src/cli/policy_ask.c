#include "cli/policy_ask.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "identity/session.h"
#include "policy/lint.h"
#include "policy/values.h"
#include "util/clock.h"

#define ANY_SESSION "any"

const cli_option policy_option_resource = {
    "resource", '\0', "RESOURCE",
    "A key by its id, ARN or alias, or the ARN of a role or user; * unless given."
};
const cli_option policy_option_context = { "context", '\0', "NAME=VALUE",
                                           "A pair of the encryption context; may be given several times." };
const cli_option policy_option_set = {
    "set", '\0', "KEY=VALUE", "A condition key, as aws:UserAgent=curl; given again it has several values."
};
const cli_option policy_option_source_ip = { "source-ip", '\0', "ADDRESS",
                                             "Where it comes from; unknown unless given." };
const cli_option policy_option_at = { "at", '\0', "TIME",
                                      "When, as 2026-01-02T03:04:05Z; now unless given." };
const cli_option policy_option_region = { "region", '\0', "REGION", "The configuration's unless given." };

/* ---- names ---- */

static const policy_action *find_action(const policy_vocabulary *known, const char *name)
{
    for (size_t i = 0; i < known->n_actions; i++) {
        if (strcasecmp(known->actions[i].name, name) == 0) {
            return &known->actions[i];
        }
    }
    return NULL;
}

static p11kms_err parse_action(const policy_case *all, const char *name, ask_line *ask)
{
    const char *nearest;

    ask->action = find_action(&all->known, name);
    if (ask->action) {
        return P11KMS_OK;
    }
    nearest = policy_nearest_action(&all->known, SLICE_STR(name));
    FAIL(P11KMS_E_SYNTAX, "there is no action '%s'%s%s%s", name, nearest ? "; did you mean " : "",
         nearest ? nearest : "", nearest ? "?" : "");
}

/* ---- condition keys ---- */

/* Tags are the same in either case; names in an encryption context are not. */
static bool is_same_rest(const policy_key *known, slice_t a, slice_t b)
{
    bool folds = known->name[strlen(known->name) - 1] == '/';

    return a.len == b.len &&
           (folds ? strncasecmp((const char *)a.data, (const char *)b.data, a.len) == 0 : slice_eq(a, b));
}

static ask_given *find_given(ask_line *ask, const policy_key *known, slice_t rest)
{
    for (size_t i = 0; i < ask->n_given; i++) {
        if (ask->given[i].known == known && is_same_rest(known, ask->given[i].rest, rest)) {
            return &ask->given[i];
        }
    }
    return NULL;
}

static p11kms_err give(ask_line *ask, slice_t key, slice_t value)
{
    size_t at;
    const policy_key *known = policy_find_key(&ask->all->known, key, &at);
    char nearest[POLICY_NAME_SHOWN];

    if (!known) {
        bool near = policy_nearest_key(&ask->all->known, key, nearest);
        FAIL(P11KMS_E_SYNTAX, "no request carries the key '%.*s'%s%s%s", (int)key.len, (const char *)key.data,
             near ? "; did you mean " : "", near ? nearest : "", near ? "?" : "");
    }
    slice_t rest = SLICE(key.data + at, key.len - at);
    ask_given *given = find_given(ask, known, rest);
    if (!given) {
        given = &ask->given[ask->n_given++];
        *given = (ask_given){ .known = known, .rest = rest };
    }
    given->values[given->n++] = value;
    return P11KMS_OK;
}

/* "NAME=VALUE" */
static p11kms_err split(const cli_option *option, const char *text, slice_t *ret_name, slice_t *ret_value)
{
    size_t len = strcspn(text, "=");

    if (len == 0 || text[len] != '=') {
        FAIL(P11KMS_E_SYNTAX, "--%s takes %s, not '%s'", option->name, option->value, text);
    }
    *ret_name = SLICE(text, len);
    *ret_value = SLICE_STR(text + len + 1);
    return P11KMS_OK;
}

static p11kms_err parse_context(const cli_line *line, ask_line *ask)
{
    const char *words[CLI_GIVEN_MAX];
    size_t n = cli_values(line, &policy_option_context, words, CLI_GIVEN_MAX);

    for (size_t i = 0; i < n; i++) {
        context_pair *pair = &ask->context[ask->n_context++];
        TRY(split(&policy_option_context, words[i], &pair->name, &pair->value));
    }
    return P11KMS_OK;
}

static p11kms_err parse_set(const cli_line *line, ask_line *ask)
{
    const char *words[CLI_GIVEN_MAX];
    size_t n = cli_values(line, &policy_option_set, words, CLI_GIVEN_MAX);

    for (size_t i = 0; i < n; i++) {
        slice_t key, value;
        TRY(split(&policy_option_set, words[i], &key, &value));
        TRY(give(ask, key, value));
    }
    return P11KMS_OK;
}

static p11kms_err parse_time(const cli_line *line, ask_line *ask)
{
    const char *at = cli_value(line, &policy_option_at);
    char *iso = arena_alloc(ask->all->arena, TIME_TEXT);

    ask->at_ms = clock_wall_ms();
    if (!at) {
        return P11KMS_OK;
    }
    if (!value_date(SLICE_STR(at), &ask->at_ms)) {
        FAIL(P11KMS_E_SYNTAX, "--at takes a time as 2026-01-02T03:04:05Z, not '%s'", at);
    }
    time_format_iso(ask->at_ms, iso);
    TRY(give(ask, SLICE_LIT("aws:CurrentTime"), SLICE_STR(iso)));
    return give(ask, SLICE_LIT("aws:EpochTime"),
                SLICE_STR(arena_printf(ask->all->arena, "%lld", (long long)(ask->at_ms / 1000))));
}

static p11kms_err parse_source(const cli_line *line, ask_line *ask)
{
    uint8_t address[16];

    ask->source_ip = cli_value(line, &policy_option_source_ip);
    if (ask->source_ip && !value_address(SLICE_STR(ask->source_ip), address)) {
        FAIL(P11KMS_E_SYNTAX, "--source-ip takes an address, not '%s'", ask->source_ip);
    }
    return P11KMS_OK;
}

p11kms_err ask_parse(const policy_case *all, const cli_line *line, const char *action, ask_line *ret)
{
    const char *resource = cli_value(line, &policy_option_resource);
    const char *region = cli_value(line, &policy_option_region);

    memset(ret, 0, sizeof(*ret));
    ret->all = all;
    ret->resource = resource ? resource : "*";
    ret->region = region ? region : all->conf->region;
    TRY(parse_action(all, action, ret));
    TRY(parse_context(line, ret));
    TRY(parse_time(line, ret));
    TRY(parse_source(line, ret));
    return parse_set(line, ret);
}

/* ---- what is asked for ---- */

static bool is_about(const ask_line *ask, size_t kind)
{
    return (ask->action->about >> kind & 1) != 0;
}

static bool stands_alone(const ask_line *ask)
{
    const policy_vocabulary *known = &ask->all->known;

    for (size_t i = 0; i < known->n_kinds; i++) {
        if (is_about(ask, i) && strcmp(known->kinds[i].pattern, "*") == 0) {
            return true;
        }
    }
    return false;
}

static bool takes(const ask_line *ask, const char *arn)
{
    const policy_vocabulary *known = &ask->all->known;

    for (size_t i = 0; i < known->n_kinds; i++) {
        const char *pattern = known->kinds[i].pattern;

        if (is_about(ask, i) && strcmp(pattern, "*") != 0 &&
            policy_glob(SLICE_STR(pattern), SLICE_STR(arn))) {
            return true;
        }
    }
    return false;
}

static const char *kinds_of(const ask_line *ask)
{
    const policy_vocabulary *known = &ask->all->known;
    const char *text = "";

    for (size_t i = 0; i < known->n_kinds; i++) {
        if (is_about(ask, i)) {
            text = arena_printf(ask->all->arena, "%s%s%s", text, text[0] ? " or " : "", known->kinds[i].name);
        }
    }
    return text;
}

static p11kms_err misfit(const ask_line *ask)
{
    FAIL(P11KMS_E_SYNTAX, "%s is about %s, not '%s'", ask->action->name, kinds_of(ask), ask->resource);
}

static ask_resource of_key(const ask_line *ask, kms_key_t *key)
{
    return (ask_resource){ .key = key, .shown = key->arn, .alias = case_alias(ask->all, key) };
}

/* A name without its account, for whoever asks: the one account's that has it. */
static p11kms_err find_anywhere(const ask_line *ask, kms_key_t **ret)
{
    const conf_declared_t *declared = ask->all->declared;
    _cleanup_(kms_key) kms_key_t *found = NULL;

    for (size_t i = 0; i < declared->n_accounts; i++) {
        _cleanup_(kms_key) kms_key_t *key = NULL;
        p11kms_err err = kms_resolve(ask->all->kms, declared->accounts[i].id, ask->region,
                                     SLICE_STR(ask->resource), KMS_NAME_ANY, ask->all->arena, &key);

        if (err == P11KMS_OK && found && found != key) {
            FAIL(P11KMS_E_SYNTAX, "several accounts have %s: give its ARN", ask->resource);
        }
        if (err == P11KMS_OK && !found) {
            found = STEAL(key);
        }
    }
    if (!found) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "there is no key %s in region %s", ask->resource, ask->region);
    }
    *ret = STEAL(found);
    return P11KMS_OK;
}

static p11kms_err find_key(const ask_line *ask, const char *account, kms_key_t **ret)
{
    if (!account) {
        return find_anywhere(ask, ret);
    }
    return kms_resolve(ask->all->kms, account, ask->region, SLICE_STR(ask->resource), KMS_NAME_ANY,
                       ask->all->arena, ret);
}

/* The alias's ARN where the resource is one, else NULL. */
static const char *alias_arn(const ask_line *ask, const char *account, const kms_key_t *key)
{
    if (strncmp(ask->resource, "alias/", 6) == 0 && (account || key)) {
        return arena_printf(ask->all->arena, "arn:aws:kms:%s:%s:%s", ask->region,
                            account ? account : key->account, ask->resource);
    }
    return strncmp(ask->resource, "arn:", 4) == 0 && strstr(ask->resource, ":alias/") ? ask->resource : NULL;
}

/* An alias that is yet to be made has no key. */
static p11kms_err find_alias_and_key(const ask_line *ask, const char *account, ask_resource *ret,
                                     size_t *ret_n)
{
    kms_key_t *key = NULL;
    p11kms_err err = find_key(ask, account, &key);
    const char *arn = alias_arn(ask, account, key);

    if (!arn) {
        TRY(err);
    }
    if (arn) {
        ret[(*ret_n)++] = (ask_resource){ .arn = arn, .shown = arn };
    }
    if (err == P11KMS_OK) {
        ret[(*ret_n)++] = of_key(ask, key);
    }
    return P11KMS_OK;
}

static p11kms_err find_principal_of_iam(const ask_line *ask, const char *account, ask_resource *ret,
                                        size_t *ret_n)
{
    const principal_t *found = identity_find(ask->all->identity, SLICE_STR(ask->resource));

    if (!takes(ask, ask->resource)) {
        return misfit(ask);
    }
    if (!found) {
        FAIL(P11KMS_E_NOT_FOUND, "%s is not declared", ask->resource);
    }
    if (found->kind == PRINCIPAL_USER && account && strcmp(found->account, account) != 0) {
        FAIL(P11KMS_E_NOT_FOUND, "%s is not of account %s", ask->resource, account);
    }
    ret[(*ret_n)++] = (ask_resource){ .role = found->kind == PRINCIPAL_ROLE ? found : NULL,
                                      .arn = found->arn,
                                      .shown = found->arn };
    return P11KMS_OK;
}

p11kms_err ask_find(const ask_line *ask, const char *account, ask_resource ret[ASK_RESOURCES_MAX],
                    size_t *ret_n)
{
    kms_key_t *key = NULL;

    *ret_n = 0;
    if (strcmp(ask->resource, "*") == 0) {
        if (!stands_alone(ask)) {
            FAIL(P11KMS_E_SYNTAX, "%s is about %s: --resource says which", ask->action->name, kinds_of(ask));
        }
        ret[(*ret_n)++] = (ask_resource){ .shown = "*" };
        return P11KMS_OK;
    }
    if (strncmp(ask->resource, "arn:aws:iam:", 12) == 0) {
        return find_principal_of_iam(ask, account, ret, ret_n);
    }
    if (!takes(ask, "arn:aws:kms:::key/")) {
        return misfit(ask);
    }
    if (takes(ask, "arn:aws:kms:::alias/")) {
        return find_alias_and_key(ask, account, ret, ret_n);
    }
    TRY(find_key(ask, account, &key));
    ret[(*ret_n)++] = of_key(ask, key);
    return P11KMS_OK;
}

void ask_put_resource(const ask_resource *resource, buf_t *out)
{
    buf_put_str(out, resource->shown);
    if (resource->alias) {
        buf_printf(out, " (%s)", resource->alias);
    }
}

void ask_resources_clear(ask_resource *resources, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        kms_key_unref(resources[i].key);
    }
}

/* ---- who asks ---- */

static const principal_t *session_of(const ask_line *ask, const principal_t *role, const char *name)
{
    principal_t *session = ARENA_NEW(ask->all->arena, principal_t);

    session_of_role(ask->all->arena, role, name, session);
    session->issued_ms = ask->at_ms;
    return session;
}

const principal_t *ask_caller(const ask_line *ask, const principal_t *declared)
{
    return declared->kind == PRINCIPAL_ROLE ? session_of(ask, declared, ANY_SESSION) : declared;
}

/* "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION" */
static const principal_t *find_session(const ask_line *ask, const char *arn)
{
    arena_t *arena = ask->all->arena;
    char account[13], role[65], name[65];
    int end = 0;

    if (sscanf(arn, "arn:aws:sts::%12[0-9]:assumed-role/%64[^/]/%64[^/]%n", account, role, name, &end) != 3 ||
        arn[end] != '\0') {
        return NULL;
    }
    const principal_t *found = identity_find_role(ask->all->identity, SLICE_STR(account), SLICE_STR(role));
    return found ? session_of(ask, found, arena_strdup(arena, name)) : NULL;
}

static const principal_t *web_identity(arena_t *arena, const char *account, const char *arn,
                                       const char *issuer)
{
    principal_t *principal = ARENA_NEW(arena, principal_t);

    *principal = (principal_t){ .kind = PRINCIPAL_FEDERATED,
                                .account = account,
                                .arn = arn,
                                .name = "",
                                .principal_id = "",
                                .federated = issuer };
    return principal;
}

/* "arn:aws:iam::ACCOUNT:oidc-provider/ISSUER" */
static const principal_t *find_provider(const ask_line *ask, const char *arn)
{
    const conf_declared_t *declared = ask->all->declared;
    arena_t *arena = ask->all->arena;

    for (size_t i = 0; i < declared->n_accounts; i++) {
        const conf_account *account = &declared->accounts[i];

        for (size_t k = 0; k < account->n_oidc_providers; k++) {
            const char *issuer = case_issuer(&account->oidc_providers[k]);
            const char *own = arena_printf(arena, "arn:aws:iam::%s:oidc-provider/%s", account->id, issuer);

            if (strcmp(arn, own) == 0) {
                return web_identity(arena, account->id, own, issuer);
            }
        }
    }
    return NULL;
}

p11kms_err ask_principal(const ask_line *ask, const char *arn, const principal_t **ret)
{
    const principal_t *found = identity_find(ask->all->identity, SLICE_STR(arn));

    found = found ? ask_caller(ask, found) : find_session(ask, arn);
    found = found ? found : find_provider(ask, arn);
    if (!found) {
        FAIL(P11KMS_E_NOT_FOUND, "%s is not declared", arn);
    }
    *ret = found;
    return P11KMS_OK;
}

/* ---- the question ---- */

/* What the line gives goes before what a request would carry. */
static bool look_up(void *arg, slice_t key, slice_t as_written, policy_values *ret)
{
    const ask_question *question = arg;
    const ask_line *ask = question->ask;

    for (size_t i = 0; i < ask->n_given; i++) {
        const ask_given *given = &ask->given[i];
        size_t rest;

        if (policy_key_is(given->known, key, &rest) &&
            is_same_rest(given->known, given->rest, SLICE(as_written.data + rest, as_written.len - rest))) {
            *ret = (policy_values){ .values = given->values,
                                    .n = given->n,
                                    .multi = given->known->multi || given->n > 1 };
            return true;
        }
    }
    return question->put.request.lookup(question->put.request.lookup_arg, key, as_written, ret);
}

p11kms_err ask_decide(const ask_line *ask, const principal_t *principal, const ask_resource *resource,
                      ask_question *ret)
{
    const api_rehearsal rehearsal = {
        .principal = principal,
        .action = ask->action->name,
        .region = ask->region,
        .source_ip = ask->source_ip,
        .key = resource->key,
        .role = resource->role,
        .arn = resource->arn,
        .kms = ask->all->kms,
        .name = SLICE_STR(ask->resource),
        .context = ask->context,
        .n_context = ask->n_context,
    };

    *ret = (ask_question){ .ask = ask, .principal = principal, .resource = resource };
    p11kms_err err = api_rehearse(&rehearsal, ask->all->arena, &ret->put);
    if (err == P11KMS_E_DENIED) {
        ret->refusal = arena_strdup(ask->all->arena, p11kms_err_detail(err));
        ret->decision.kind = DECISION_IMPLICIT_DENY;
        return P11KMS_OK;
    }
    TRY(err);
    ret->request = ret->put.request;
    ret->request.lookup = look_up;
    ret->request.lookup_arg = ret;
    ret->decision = policy_decide(&ret->request, &ret->put.set);
    return P11KMS_OK;
}

bool ask_allows(const ask_question *question)
{
    return question->decision.kind == DECISION_ALLOW;
}
