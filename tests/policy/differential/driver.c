/*
 * Decides what run.mjs asks: a JSON object a line on standard input, a word a line on
 * standard output ("allow", "implicit", "explicit", or "malformed: ...").
 *
 *     {"caller": {"kind": "user", "account": "...", "arn": "...", "role": "..."},
 *      "action": "kms:Decrypt", "resource": "arn:...", "owner": "111122223333", "decides": true,
 *      "keys": {"aws:username": "alice", "aws:TagKeys": ["a", "b"]},
 *      "identity": [{...}], "boundary": {...}, "session": [{...}], "policy": {...}}
 *
 *     {"compile": {...}, "kind": "identity"}    answers "ok" or "malformed: ..."
 */
#include <stdio.h>
#include <strings.h>

#include "policy/policy.h"
#include "util/json.h"

#define DOCUMENTS_MAX 4
#define VALUES_MAX 8
#define KEYS_MAX 64

static const struct {
    const char *name;
    caller_kind kind;
} callers[] = {
    { "user", CALLER_USER },
    { "session", CALLER_ROLE_SESSION },
    { "service", CALLER_SERVICE },
};

static const struct {
    const char *name;
    policy_kind kind;
} kinds[] = {
    { "identity", POLICY_IDENTITY }, { "resource", POLICY_RESOURCE }, { "trust", POLICY_TRUST },
    { "boundary", POLICY_BOUNDARY }, { "session", POLICY_SESSION },
};

typedef struct {
    policy_t *all[3 * DOCUMENTS_MAX];
    size_t n;
} kept_policies;

static p11kms_err compile(const json_t *json, policy_kind kind, kept_policies *kept, policy_t **ret)
{
    _cleanup_buf_ buf_t text = { 0 };
    jw_t w = jw_on(&text);

    jw_value(&w, json);
    TRY(policy_compile(buf_slice(&text), kind, "differential", ret));
    if (kept->n == COUNT_OF(kept->all)) {
        abort();
    }
    kept->all[kept->n++] = *ret;
    return P11KMS_OK;
}

static p11kms_err compile_list(const json_t *list, policy_kind kind, kept_policies *kept, policy_t **ret,
                               size_t *ret_n)
{
    if (json_length(list) > DOCUMENTS_MAX) {
        abort();
    }
    for (size_t i = 0; i < json_length(list); i++) {
        TRY(compile(json_at(list, i), kind, kept, &ret[i]));
    }
    *ret_n = json_length(list);
    return P11KMS_OK;
}

/* ---- condition keys ---- */

typedef struct {
    slice_t wanted;
    policy_values *ret;
    size_t at; /* the key looked at */
    bool found;
} key_search;

static p11kms_err compare_key(void *arg, slice_t name, json_t *value)
{
    static slice_t all_values[KEYS_MAX][VALUES_MAX];
    key_search *search = arg;
    slice_t *values = all_values[search->at++ % KEYS_MAX];
    bool multi = json_kind_of(value) == JSON_ARRAY;
    size_t n = multi ? json_length(value) : 1;

    if (name.len != search->wanted.len ||
        strncasecmp((const char *)name.data, (const char *)search->wanted.data, name.len) != 0 ||
        n > VALUES_MAX) {
        return P11KMS_OK;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = json_string(multi ? json_at(value, i) : value);
    }
    *search->ret = (policy_values){ .values = values, .n = n, .multi = multi };
    search->found = true;
    return P11KMS_OK;
}

static bool look_up(void *arg, slice_t key, slice_t key_as_written, policy_values *ret)
{
    key_search search = { .wanted = key, .ret = ret };

    (void)key_as_written;
    return json_each(arg, compare_key, &search) == P11KMS_OK && search.found;
}

/* ---- requests ---- */

static caller_kind caller_kind_of(slice_t name)
{
    for (size_t i = 0; i < COUNT_OF(callers); i++) {
        if (slice_eq_str(name, callers[i].name)) {
            return callers[i].kind;
        }
    }
    abort();
}

static p11kms_err decide(const json_t *line, kept_policies *kept, const char **ret)
{
    static const char *const words[] = { [DECISION_ALLOW] = "allow",
                                         [DECISION_IMPLICIT_DENY] = "implicit",
                                         [DECISION_EXPLICIT_DENY] = "explicit" };
    const json_t *caller = json_get(line, "caller");
    policy_t *identity[DOCUMENTS_MAX];
    policy_t *session[DOCUMENTS_MAX];
    policy_set set = { .identity = identity,
                       .session = session,
                       .resource_decides = json_bool(json_get(line, "decides")) };
    policy_request request = {
        .caller = { .kind = caller_kind_of(json_string(json_get(caller, "kind"))),
                    .account = json_string(json_get(caller, "account")),
                    .arn = json_string(json_get(caller, "arn")),
                    .role_arn = json_string(json_get(caller, "role")) },
        .action = json_string(json_get(line, "action")),
        .resource = json_string(json_get(line, "resource")),
        .resource_account = json_string(json_get(line, "owner")),
        .lookup = look_up,
        .lookup_arg = json_get(line, "keys"),
    };

    TRY(compile_list(json_get(line, "identity"), POLICY_IDENTITY, kept, identity, &set.n_identity));
    TRY(compile_list(json_get(line, "session"), POLICY_SESSION, kept, session, &set.n_session));
    if (json_get(line, "boundary") != NULL) {
        TRY(compile(json_get(line, "boundary"), POLICY_BOUNDARY, kept, &set.boundary));
    }
    if (json_get(line, "policy") != NULL) {
        TRY(compile(json_get(line, "policy"), POLICY_RESOURCE, kept, &set.resource));
    }
    *ret = words[policy_decide(&request, &set).kind];
    return P11KMS_OK;
}

static p11kms_err only_compile(const json_t *line, kept_policies *kept, const char **ret)
{
    policy_t *policy;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (slice_eq_str(json_string(json_get(line, "kind")), kinds[i].name)) {
            TRY(compile(json_get(line, "compile"), kinds[i].kind, kept, &policy));
            *ret = "ok";
            return P11KMS_OK;
        }
    }
    abort();
}

static void answer(slice_t text)
{
    _cleanup_json_ json_t *line = NULL;
    kept_policies kept = { 0 };
    const char *word = NULL;
    p11kms_err err = json_parse(text, &line);

    if (err == P11KMS_OK) {
        err = json_get(line, "kind") != NULL ? only_compile(line, &kept, &word) : decide(line, &kept, &word);
    }
    if (err == P11KMS_OK) {
        puts(word);
    } else {
        printf("malformed: %s\n", p11kms_err_detail(err));
    }
    for (size_t i = 0; i < kept.n; i++) {
        policy_unref(kept.all[i]);
    }
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0) {
        answer(SLICE(line, (size_t)len));
    }
    free(line);
    return ferror(stdin) ? 1 : 0;
}
