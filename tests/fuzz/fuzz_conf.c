/* Any text as a YAML tree, as p11kmsd.yaml and as declarations; places in its policy documents. */
#include "conf/conf.h"
#include "conf/tables.h"
#include "tests/fuzz/fuzz.h"
#include "util/json.h"

#define PROBLEMS_BYTES_MAX (CONF_PROBLEMS_MAX * 2048)

/** Every document is JSON, and places of its parts are found in it. */
static void check_policies(const conf_policy *policies, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        _cleanup_json_ json_t *document = NULL;
        conf_place place = conf_policy_place(&policies[i], "Statement[0].Action[1].a: x");

        HOLDS(json_parse(SLICE_STR(policies[i].json), &document) == P11KMS_OK);
        HOLDS(json_kind_of(document) == JSON_OBJECT);
        HOLDS(place.line >= policies[i].place.line && place.column > 0);
    }
}

static void check_declared(const conf_declared_t *declared)
{
    for (size_t i = 0; i < declared->n_accounts; i++) {
        HOLDS(strlen(declared->accounts[i].id) == 12);
        for (size_t k = 0; k < declared->accounts[i].n_users; k++) {
            const conf_user *user = &declared->accounts[i].users[k];

            HOLDS(user->name[0] != '\0' && user->path[0] == '/');
            check_policies(user->policies, user->n_policies);
            check_policies(user->boundary, user->boundary != NULL);
        }
        for (size_t k = 0; k < declared->accounts[i].n_roles; k++) {
            const conf_role *role = &declared->accounts[i].roles[k];

            HOLDS(role->max_session_s >= 3600 && role->max_session_s <= 43200);
            check_policies(role->trust, 1);
            check_policies(role->boundary, role->boundary != NULL);
            check_policies(role->policies, role->n_policies);
        }
    }
    for (size_t i = 0; i < declared->n_keys; i++) {
        HOLDS(declared->keys[i].alias != NULL && declared->keys[i].spec != NULL);
        check_policies(declared->keys[i].policy, declared->keys[i].policy != NULL);
    }
}

static void check_text(slice_t text, bool dev)
{
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    _cleanup_buf_ buf_t messages = { 0 };
    problems_t problems = { .out = &messages };
    const load_t begin = { .arena = arena, .problems = &problems, .file = "f", .dir = "/", .dev = dev };
    load_t load = begin;
    conf_declared_t declared = { 0 };
    conf_t conf = { 0 };
    const node_t *root;

    HOLDS(tree_parse(&load, text, &root) == P11KMS_OK);
    HOLDS((root == NULL) == (problems.n > 0));
    if (root != NULL) {
        read_section(&load, &conf_file_section, root, NULL, &conf);
        problems.n = 0;
        buf_clear(&messages);
        read_section(&load, &conf_declared_section, root, NULL, &declared);
    }
    if (problems.n == 0) {
        check_declared(&declared);
    }
    HOLDS((problems.n > 0) == (messages.len > 0) && messages.len < PROBLEMS_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    check_text(SLICE(data, len), false);
    check_text(SLICE(data, len), true);
    return 0;
}
