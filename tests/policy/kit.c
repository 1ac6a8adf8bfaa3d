#include "tests/policy/kit.h"

#include <stdio.h>
#include <strings.h>

const char *kit_json(const char *text)
{
    static char buffers[4][16384];
    static size_t turn;
    char *out = buffers[turn++ % COUNT_OF(buffers)];
    size_t len = strlen(text);

    assert_true(len < sizeof(buffers[0]));
    for (size_t i = 0; i <= len; i++) {
        out[i] = text[i] == '\'' ? '"' : text[i] == '^' ? '\'' : text[i];
    }
    return out;
}

policy_t *kit_policy(policy_kind kind, const char *text)
{
    policy_t *policy = NULL;
    p11kms_err err = policy_compile(SLICE_STR(kit_json(text)), kind, "test", &policy);

    if (err != P11KMS_OK) {
        fail_msg("%s\nin %s", p11kms_err_detail(err), text);
    }
    return policy;
}

policy_t *kit_statement(policy_kind kind, const char *elements)
{
    char text[8192];

    snprintf(text, sizeof(text), "{'Version':'2012-10-17','Statement':{%s}}", elements);
    return kit_policy(kind, text);
}

bool kit_lookup(void *keys, slice_t key, slice_t key_as_written, policy_values *ret)
{
    static slice_t all_values[KIT_KEYS_MAX][KIT_VALUES_MAX];

    assert_int_equal(key.len, key_as_written.len);
    for (const kit_key *row = keys; row->key != NULL; row++) {
        slice_t *values = all_values[row - (const kit_key *)keys];

        assert_true(row - (const kit_key *)keys < KIT_KEYS_MAX);
        if (strlen(row->key) != key.len || strncasecmp(row->key, (const char *)key.data, key.len) != 0) {
            continue;
        }
        *ret = (policy_values){ .values = values, .multi = row->multi };
        while (ret->n < KIT_VALUES_MAX && row->values[ret->n] != NULL) {
            values[ret->n] = SLICE_STR(row->values[ret->n]);
            ret->n++;
        }
        return true;
    }
    return false;
}

policy_caller kit_alice(void)
{
    return (
        policy_caller){ .kind = CALLER_USER, .account = SLICE_LIT(KIT_ACCOUNT), .arn = SLICE_LIT(KIT_ALICE) };
}

policy_caller kit_session(void)
{
    return (policy_caller){ .kind = CALLER_ROLE_SESSION,
                            .account = SLICE_LIT(KIT_ACCOUNT),
                            .arn = SLICE_LIT(KIT_SESSION),
                            .role_arn = SLICE_LIT(KIT_ROLE) };
}

policy_caller kit_root(void)
{
    return (policy_caller){ .kind = CALLER_ROOT,
                            .account = SLICE_LIT(KIT_ACCOUNT),
                            .arn = SLICE_LIT("arn:aws:iam::" KIT_ACCOUNT ":root") };
}

policy_request kit_request(policy_caller caller)
{
    return (policy_request){ .caller = caller,
                             .action = SLICE_LIT("kms:Decrypt"),
                             .resource = SLICE_LIT(KIT_KEY),
                             .resource_account = SLICE_LIT(KIT_ACCOUNT) };
}

policy_request kit_request_with(const kit_key *keys)
{
    policy_request request = kit_request(kit_alice());

    request.lookup = kit_lookup;
    request.lookup_arg = (void *)(uintptr_t)keys;
    return request;
}

const char *kit_says(const policy_t *policy, const policy_request *request)
{
    switch (policy_decide_one(policy, request).kind) {
    case DECISION_ALLOW:
        return "allow";
    case DECISION_EXPLICIT_DENY:
        return "deny";
    default:
        return "none";
    }
}
