/* ${key}, ${key, 'default'}, ${*}, ${?} and ${$} in Resource and in conditions. */
#include <stdio.h>

#include "tests/policy/kit.h"

/* Does an Allow with @p elements give the request on @p resource with @p keys? */
static const char *says(const char *elements, const char *resource, const kit_key *keys)
{
    char text[2048];
    policy_request request = kit_request_with(keys);

    snprintf(text, sizeof(text), "'Effect':'Allow','Action':'*',%s", elements);
    _cleanup_(policy) policy_t *policy = kit_statement(POLICY_IDENTITY, text);
    request.resource = SLICE_STR(resource);
    return kit_says(policy, &request);
}

#define BUCKET "arn:aws:s3:::bucket/"

static const struct {
    const char *resource;
    const char *request;
    kit_key keys[3];
    const char *says;
} resources[] = {
    { BUCKET "${aws:username}", BUCKET "alice", { { "aws:username", { "alice" }, false } }, "allow" },
    { BUCKET "${aws:username}", BUCKET "bob", { { "aws:username", { "alice" }, false } }, "none" },
    { BUCKET "${AWS:UserName}/*", BUCKET "alice/x/y", { { "aws:username", { "alice" }, false } }, "allow" },
    { BUCKET "${aws:username}",
      BUCKET "${aws:username}",
      { { "aws:username", { "alice" }, false } },
      "none" },
    { BUCKET "${aws:PrincipalTag/team}-${aws:PrincipalTag/app}-*",
      BUCKET "red-web-1",
      { { "aws:PrincipalTag/team", { "red" }, false }, { "aws:PrincipalTag/app", { "web" }, false } },
      "allow" },
    /* a value is text: its wildcards are not wildcards, its variables not variables */
    { BUCKET "${aws:username}", BUCKET "bob", { { "aws:username", { "*" }, false } }, "none" },
    { BUCKET "${aws:username}", BUCKET "*", { { "aws:username", { "*" }, false } }, "allow" },
    { BUCKET "${aws:username}", BUCKET "bo?", { { "aws:username", { "bo?" }, false } }, "allow" },
    { BUCKET "${aws:username}", BUCKET "bob", { { "aws:username", { "bo?" }, false } }, "none" },
    { BUCKET "${aws:username}",
      BUCKET "${aws:userid}",
      { { "aws:username", { "${aws:userid}" }, false } },
      "allow" },
    /* null matches nothing: absent, empty, of several values */
    { BUCKET "${aws:username}", BUCKET, { { 0 } }, "none" },
    { BUCKET "*${aws:username}*", BUCKET "x", { { 0 } }, "none" },
    { BUCKET "${aws:username}*", BUCKET "x", { { "aws:username", { "" }, false } }, "none" },
    { BUCKET "${aws:TagKeys}", BUCKET "a", { { "aws:TagKeys", { "a" }, true } }, "none" },
    { BUCKET "${aws:TagKeys}", BUCKET "a", { { "aws:TagKeys", { "a", "b" }, true } }, "none" },
    /* defaults */
    { BUCKET "${aws:username, ^anonymous^}", BUCKET "anonymous", { { 0 } }, "allow" },
    { BUCKET "${aws:username, ^anonymous^}",
      BUCKET "anonymous",
      { { "aws:username", { "alice" }, false } },
      "none" },
    { BUCKET "${aws:username, ^anonymous^}",
      BUCKET "alice",
      { { "aws:username", { "alice" }, false } },
      "allow" },
    { BUCKET "${aws:username,^a b^}", BUCKET "a b", { { 0 } }, "allow" },
    { BUCKET "${aws:username, ^*^}", BUCKET "*", { { 0 } }, "allow" },
    { BUCKET "${aws:username, ^*^}", BUCKET "x", { { 0 } }, "none" },
    { BUCKET "${aws:username, ^^}", BUCKET, { { 0 } }, "allow" },
    { BUCKET "${aws:TagKeys, ^none^}", BUCKET "none", { { "aws:TagKeys", { "a" }, true } }, "allow" },
    /* characters that would mean something */
    { BUCKET "a${*}b", BUCKET "a*b", { { 0 } }, "allow" },
    { BUCKET "a${*}b", BUCKET "axb", { { 0 } }, "none" },
    { BUCKET "a${?}b", BUCKET "a?b", { { 0 } }, "allow" },
    { BUCKET "a${?}b", BUCKET "axb", { { 0 } }, "none" },
    { BUCKET "${$}{aws:username}",
      BUCKET "${aws:username}",
      { { "aws:username", { "alice" }, false } },
      "allow" },
    { BUCKET "$${$}", BUCKET "$$", { { 0 } }, "allow" },
    { BUCKET "a$b{c}", BUCKET "a$b{c}", { { 0 } }, "allow" },
    { BUCKET "${*}*", BUCKET "*anything", { { 0 } }, "allow" },
};

static void test_resources_take_variables_behind_the_fifth_colon(void **state)
{
    char elements[512];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        snprintf(elements, sizeof(elements), "'Resource':'%s'", resources[i].resource);
        if (strcmp(says(elements, resources[i].request, resources[i].keys), resources[i].says) != 0) {
            fail_msg("row %zu: %s and %s", i, resources[i].resource, resources[i].request);
        }
    }
}

static const struct {
    const char *condition;
    kit_key keys[4];
    const char *says;
} conditions[] = {
    { "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
      { { "aws:ResourceTag/team", { "red" }, false }, { "aws:PrincipalTag/team", { "red" }, false } },
      "allow" },
    { "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
      { { "aws:ResourceTag/team", { "red" }, false }, { "aws:PrincipalTag/team", { "blue" }, false } },
      "none" },
    { "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
      { { "aws:ResourceTag/team", { "red" }, false } },
      "none" },
    { "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}", { { 0 } }, "none" },
    { "'StringEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}*'}",
      { { "aws:ResourceTag/team", { "red*" }, false }, { "aws:PrincipalTag/team", { "red" }, false } },
      "allow" },
    { "'StringEqualsIgnoreCase':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}-X'}",
      { { "aws:ResourceTag/team", { "RED-x" }, false }, { "aws:PrincipalTag/team", { "red" }, false } },
      "allow" },
    { "'StringLike':{'kms:EncryptionContext:path':'home/${aws:username}/*'}",
      { { "kms:EncryptionContext:path", { "home/alice/key" }, false },
        { "aws:username", { "alice" }, false } },
      "allow" },
    { "'StringLike':{'kms:EncryptionContext:path':'home/${aws:username}/*'}",
      { { "kms:EncryptionContext:path", { "home/bob/key" }, false }, { "aws:username", { "*" }, false } },
      "none" },
    /* "Inverted condition operators do match against a null value" */
    { "'StringNotEquals':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}'}",
      { { "aws:ResourceTag/team", { "red" }, false } },
      "allow" },
    { "'StringNotLike':{'aws:ResourceTag/team':'${aws:PrincipalTag/team}*'}",
      { { "aws:ResourceTag/team", { "red" }, false } },
      "allow" },
    { "'StringNotEquals':{'aws:ResourceTag/team':['${aws:PrincipalTag/team}','red']}",
      { { "aws:ResourceTag/team", { "red" }, false } },
      "none" },
    { "'ArnNotEquals':{'aws:PrincipalArn':'arn:aws:iam::1:user/${aws:username}'}",
      { { "aws:PrincipalArn", { "arn:aws:iam::1:user/a" }, false } },
      "allow" },
    /* ARNs: in any part, and with parts of its own */
    { "'ArnEquals':{'aws:PrincipalArn':'arn:aws:iam::${aws:PrincipalAccount}:user/*'}",
      { { "aws:PrincipalArn", { "arn:aws:iam::111122223333:user/a" }, false },
        { "aws:PrincipalAccount", { "111122223333" }, false } },
      "allow" },
    { "'ArnEquals':{'aws:PrincipalArn':'arn:aws:iam::${aws:PrincipalAccount}:user/*'}",
      { { "aws:PrincipalArn", { "arn:aws:iam::111122223333:user/a" }, false },
        { "aws:PrincipalAccount", { "444455556666" }, false } },
      "none" },
    { "'ArnLike':{'aws:SourceArn':'${aws:PrincipalArn}'}",
      { { "aws:SourceArn", { "arn:aws:iam::1:user/a" }, false },
        { "aws:PrincipalArn", { "arn:aws:iam::1:user/a" }, false } },
      "allow" },
    { "'ArnLike':{'aws:SourceArn':'${aws:PrincipalArn}'}",
      { { "aws:SourceArn", { "alice" }, false }, { "aws:PrincipalArn", { "alice" }, false } },
      "none" },
    { "'Bool':{'aws:SecureTransport':'${aws:PrincipalTag/tls}'}",
      { { "aws:SecureTransport", { "true" }, false }, { "aws:PrincipalTag/tls", { "TRUE" }, false } },
      "allow" },
    { "'Bool':{'aws:SecureTransport':'${aws:PrincipalTag/tls}'}",
      { { "aws:SecureTransport", { "true" }, false }, { "aws:PrincipalTag/tls", { "false" }, false } },
      "none" },
    { "'Bool':{'aws:SecureTransport':'${aws:PrincipalTag/tls}'}",
      { { "aws:SecureTransport", { "yes" }, false }, { "aws:PrincipalTag/tls", { "yes" }, false } },
      "none" },
    /* a variable is asked for while the values of another key are compared */
    { "'ForAllValues:StringLike':{'aws:TagKeys':['${aws:username}','${aws:PrincipalTag/team}']}",
      { { "aws:TagKeys", { "alice", "red", "alice" }, true },
        { "aws:username", { "alice" }, false },
        { "aws:PrincipalTag/team", { "red" }, false } },
      "allow" },
    { "'ForAllValues:StringLike':{'aws:TagKeys':['${aws:username}','${aws:PrincipalTag/team}']}",
      { { "aws:TagKeys", { "alice", "red", "bob" }, true },
        { "aws:username", { "alice" }, false },
        { "aws:PrincipalTag/team", { "red" }, false } },
      "none" },
    { "'StringEquals':{'aws:username':'${*}${?}${$}'}", { { "aws:username", { "*?$" }, false } }, "allow" },
    { "'StringLike':{'aws:username':'${*}?'}", { { "aws:username", { "*x" }, false } }, "allow" },
    { "'StringLike':{'aws:username':'${*}?'}", { { "aws:username", { "xx" }, false } }, "none" },
};

static void test_string_and_arn_conditions_take_variables(void **state)
{
    char elements[1024];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(conditions); i++) {
        snprintf(elements, sizeof(elements), "'Resource':'*','Condition':{%s}", conditions[i].condition);
        if (strcmp(says(elements, KIT_KEY, conditions[i].keys), conditions[i].says) != 0) {
            fail_msg("row %zu: %s", i, conditions[i].condition);
        }
    }
}

static void test_a_variable_without_value_leaves_not_resource_empty(void **state)
{
    static const kit_key none[] = { { 0 } };
    static const kit_key alice[] = { { "aws:username", { "alice" }, false }, { 0 } };
    (void)state;

    assert_string_equal(says("'NotResource':'" BUCKET "${aws:username}'", BUCKET "alice", none), "allow");
    assert_string_equal(says("'NotResource':'" BUCKET "${aws:username}'", BUCKET "alice", alice), "none");
}

static void test_without_version_2012_a_variable_is_text(void **state)
{
    static const char *const versions[] = { "", "'Version':'2008-10-17'," };
    static const kit_key keys[] = { { "aws:username", { "alice" }, false }, { 0 } };
    char text[512];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        policy_request request = kit_request_with(keys);

        snprintf(text, sizeof(text), "{%s'Statement':{'Effect':'Allow','Action':'*','Resource':'%s'}}",
                 versions[i], BUCKET "${aws:username}");
        _cleanup_(policy) policy_t *policy = kit_policy(POLICY_IDENTITY, text);
        request.resource = SLICE_LIT(BUCKET "alice");
        assert_string_equal(kit_says(policy, &request), "none");
        request.resource = SLICE_LIT(BUCKET "${aws:username}");
        assert_string_equal(kit_says(policy, &request), "allow");
    }
}

typedef struct {
    slice_t value;
} one_value;

static bool one_lookup(void *arg, slice_t key, slice_t key_as_written, policy_values *ret)
{
    (void)key;
    (void)key_as_written;
    *ret = (policy_values){ .values = &((one_value *)arg)->value, .n = 1 };
    return true;
}

/* Such values come from clients (a User-Agent): they must neither act as wildcards nor get round a Deny. */
static void test_values_that_do_not_fit_fail_the_decision(void **state)
{
    static char agent[8192];
    one_value values[] = { { SLICE(agent, sizeof(agent)) }, { SLICE_LIT("\xff") }, { SLICE_LIT("a\xfe") } };
    policy_request request = kit_request(kit_alice());
    _cleanup_(policy) policy_t *policy =
        kit_policy(POLICY_IDENTITY,
                   "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'*'},"
                   "{'Effect':'Deny','Action':'*','Resource':'*',"
                   "'Condition':{'StringLike':{'aws:PrincipalTag/agents':'*${aws:UserAgent}*'}}}]}");
    policy_set set = { .identity = &policy, .n_identity = 1, .trusted = true };
    policy_decision decision;
    (void)state;

    memset(agent, 'a', sizeof(agent));
    request.lookup = one_lookup;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        request.lookup_arg = &values[i];
        assert_string_equal(kit_says(policy, &request), "none");
        decision = policy_decide(&request, &set);
        assert_int_equal(decision.kind, DECISION_IMPLICIT_DENY);
        assert_int_equal(decision.basis, BASIS_NONE);
    }
}

static void test_variables_have_a_bound(void **state)
{
    char value[8192] = "";
    char text[16000];
    policy_t *policy = NULL;
    p11kms_err err;
    (void)state;

    for (int i = 0; i < 17; i++) {
        strcat(value, "${aws:username}");
    }
    snprintf(
        text, sizeof(text),
        "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:::%s'}}",
        value);
    err = policy_compile(SLICE_STR(kit_json(text)), POLICY_IDENTITY, "test", &policy);
    assert_err(err, P11KMS_E_POLICY_MALFORMED);
    assert_string_equal(p11kms_err_detail(err), "Statement.Resource: more than 16 policy variables");

    memset(value, 'x', 2049);
    strcpy(value + 2049, "${aws:username}");
    snprintf(
        text, sizeof(text),
        "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:::%s'}}",
        value);
    err = policy_compile(SLICE_STR(kit_json(text)), POLICY_IDENTITY, "test", &policy);
    assert_err(err, P11KMS_E_POLICY_MALFORMED);
    assert_string_equal(p11kms_err_detail(err),
                        "Statement.Resource: more than 2048 bytes around policy variables");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resources_take_variables_behind_the_fifth_colon),
        cmocka_unit_test(test_string_and_arn_conditions_take_variables),
        cmocka_unit_test(test_a_variable_without_value_leaves_not_resource_empty),
        cmocka_unit_test(test_without_version_2012_a_variable_is_text),
        cmocka_unit_test(test_values_that_do_not_fit_fail_the_decision),
        cmocka_unit_test(test_variables_have_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
