/* Documents that are refused, each with its exact sentence; and such as look odd and are accepted. */
#include "policy/policy.h"

#include <stdio.h>

#include "tests/policy/kit.h"

typedef struct {
    policy_kind kind;
    const char *json;
    const char *sentence;
} refusal_row;

#define ALLOW "'Effect':'Allow','Action':'kms:*','Resource':'*'"
#define KEY "'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'"
#define DENY_KEY "'Effect':'Deny','Action':'kms:*','Resource':'*'"
#define TRUST "'Effect':'Allow','Action':'sts:AssumeRole'"

static const refusal_row refusals[] = {
    /* the document */
    { POLICY_IDENTITY, "[]", "a policy must be a JSON object" },
    { POLICY_IDENTITY, "'x'", "a policy must be a JSON object" },
    { POLICY_IDENTITY, "null", "a policy must be a JSON object" },
    { POLICY_IDENTITY, "{}", "Statement is missing" },
    { POLICY_IDENTITY, "{'Version':'2012-10-17'}", "Statement is missing" },
    { POLICY_IDENTITY, "{'Statement':{" ALLOW "},'Comment':'x'}", "Comment: not an element of a policy" },
    { POLICY_IDENTITY, "{'statement':{" ALLOW "}}", "statement: not an element of a policy" },
    { POLICY_IDENTITY, "{'Version':'2012-10-18','Statement':{" ALLOW "}}",
      "Version: must be \"2012-10-17\" or \"2008-10-17\"" },
    { POLICY_IDENTITY, "{'Version':20121017,'Statement':{" ALLOW "}}",
      "Version: must be \"2012-10-17\" or \"2008-10-17\"" },
    { POLICY_IDENTITY, "{'Version':null,'Statement':{" ALLOW "}}", "Version: is null" },
    { POLICY_RESOURCE, "{'Id':7,'Statement':{" KEY "}}", "Id: must be a string" },
    { POLICY_IDENTITY, "{'Statement':null}", "Statement: is null" },
    { POLICY_IDENTITY, "{'Statement':[]}", "Statement: is empty" },
    { POLICY_IDENTITY, "{'Statement':'x'}", "Statement: must be an object" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW "},'x']}", "Statement[1]: must be an object" },
    { POLICY_IDENTITY, "{'Statement':[[{" ALLOW "}]]}", "Statement[0]: must be an object" },

    /* its statements */
    { POLICY_IDENTITY, "{'Statement':{}}", "Statement: Effect is missing" },
    { POLICY_IDENTITY, "{'Statement':[{}]}", "Statement[0]: Effect is missing" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Ressource':'*'}]}",
      "Statement[0].Ressource: not an element of a statement" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'allow','Action':'*','Resource':'*'}]}",
      "Statement[0].Effect: must be \"Allow\" or \"Deny\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':['Allow'],'Action':'*','Resource':'*'}]}",
      "Statement[0].Effect: must be \"Allow\" or \"Deny\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':null,'Action':'*','Resource':'*'}]}",
      "Statement[0].Effect: must be \"Allow\" or \"Deny\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Sid':'my key'," ALLOW "}]}",
      "Statement[0].Sid: may have only letters and digits" },
    { POLICY_SESSION, "{'Statement':[{'Sid':'a-b'," ALLOW "}]}",
      "Statement[0].Sid: may have only letters and digits" },
    { POLICY_RESOURCE, "{'Statement':[{'Sid':'a\\u0000b'," KEY "}]}", "Statement[0].Sid: must be printable" },
    { POLICY_RESOURCE, "{'Statement':[{'Sid':'a\\nb'," KEY "}]}", "Statement[0].Sid: must be printable" },
    { POLICY_IDENTITY, "{'Statement':[{'Sid':1," ALLOW "}]}", "Statement[0].Sid: must be a string" },
    { POLICY_IDENTITY, "{'Statement':[{'Sid':'a'," ALLOW "},{" ALLOW "},{'Sid':'a'," ALLOW "}]}",
      "Statement[2]: the Sid \"a\" stands twice" },
    { POLICY_RESOURCE, "{'Statement':[{'Sid':'a'," KEY "},{'Sid':'a'," KEY "}]}",
      "Statement[1]: the Sid \"a\" stands twice" },

    /* which elements a kind has */
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Principal':'*'}]}",
      "Statement[0].Principal: not allowed in an identity policy" },
    { POLICY_BOUNDARY, "{'Statement':[{" ALLOW ",'NotPrincipal':{'AWS':'111122223333'}}]}",
      "Statement[0].NotPrincipal: not allowed in a permissions boundary" },
    { POLICY_SESSION, "{'Statement':[{" ALLOW ",'Principal':'*'}]}",
      "Statement[0].Principal: not allowed in a session policy" },
    { POLICY_TRUST, "{'Statement':[{" TRUST ",'Principal':'*','Resource':'*'}]}",
      "Statement[0].Resource: not allowed in a trust policy" },
    { POLICY_TRUST, "{'Statement':[{" TRUST ",'Principal':'*','NotResource':'*'}]}",
      "Statement[0].NotResource: not allowed in a trust policy" },
    { POLICY_TRUST,
      "{'Statement':[{'Effect':'Deny','Action':'sts:AssumeRole','NotPrincipal':{'AWS':'111122223333'}}]}",
      "Statement[0].NotPrincipal: not allowed in a trust policy" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW "}]}", "Statement[0]: Principal is missing" },
    { POLICY_TRUST, "{'Statement':[{" TRUST "}]}", "Statement[0]: Principal is missing" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Resource':'*'}]}",
      "Statement[0]: Action is missing" },
    { POLICY_TRUST, "{'Statement':[{'Effect':'Allow','Principal':'*'}]}", "Statement[0]: Action is missing" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'kms:*'}]}",
      "Statement[0]: Resource is missing" },
    { POLICY_BOUNDARY, "{'Statement':[{'Effect':'Allow','NotAction':'kms:*'}]}",
      "Statement[0]: Resource is missing" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'NotAction':'kms:*'}]}",
      "Statement[0].NotAction: cannot stand beside Action" },
    { POLICY_IDENTITY, "{'Statement':[{'NotResource':'*'," ALLOW "}]}",
      "Statement[0].Resource: cannot stand beside NotResource" },
    { POLICY_RESOURCE, "{'Statement':[{" KEY ",'NotPrincipal':{'AWS':'111122223333'}}]}",
      "Statement[0].NotPrincipal: cannot stand beside Principal" },

    /* Action */
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':[],'Resource':'*'}]}",
      "Statement[0].Action: is empty" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':null,'Resource':'*'}]}",
      "Statement[0].Action: must be a string" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':['kms:*',7],'Resource':'*'}]}",
      "Statement[0].Action[1]: must be a string" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':{'a':'b'},'Resource':'*'}]}",
      "Statement[0].Action: must be a string" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'Decrypt','Resource':'*'}]}",
      "Statement[0].Action: \"Decrypt\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'kms:','Resource':'*'}]}",
      "Statement[0].Action: \"kms:\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':':Decrypt','Resource':'*'}]}",
      "Statement[0].Action: \":Decrypt\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'k*:Decrypt','Resource':'*'}]}",
      "Statement[0].Action: \"k*:Decrypt\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'kms:De crypt','Resource':'*'}]}",
      "Statement[0].Action: \"kms:De crypt\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','NotAction':'kms:a:b','Resource':'*'}]}",
      "Statement[0].NotAction: \"kms:a:b\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or \"*\"" },
    { POLICY_IDENTITY,
      "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'kms:${aws:username}','Resource':'*'}]"
      "}",
      "Statement[0].Action: \"kms:${aws:username}\" is not an action as in \"kms:Decrypt\", \"kms:Get*\" or "
      "\"*\"" },
    { POLICY_TRUST, "{'Statement':[{'Effect':'Allow','Action':'kms:*','Principal':'*'}]}",
      "Statement[0].Action: a trust policy has actions of sts alone" },
    { POLICY_TRUST, "{'Statement':[{'Effect':'Allow','Action':'*','Principal':'*'}]}",
      "Statement[0].Action: a trust policy has actions of sts alone" },

    /* Resource */
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*','Resource':[]}]}",
      "Statement[0].Resource: is empty" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*','Resource':['*',true]}]}",
      "Statement[0].Resource[1]: must be a string" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'alias/app'}]}",
      "Statement[0].Resource: \"alias/app\" is neither an ARN nor \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*','Resource':''}]}",
      "Statement[0].Resource: \"\" is neither an ARN nor \"*\"" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'arn:aws:kms:key/1'}]}",
      "Statement[0].Resource: \"arn:aws:kms:key/1\" has fewer than the six parts of an ARN" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*','Resource':'arn:aws:kms:*a:key/1'}]}",
      "Statement[0].Resource: \"arn:aws:kms:*a:key/1\" has fewer than the six parts of an ARN" },
    { POLICY_IDENTITY,
      "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'arn:aws:kms:${aws:"
      "RequestedRegion}:1:key/*'}]}",
      "Statement[0].Resource: policy variables may stand only behind the fifth colon of an ARN" },
    { POLICY_IDENTITY,
      "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'arn:aws:kms:*:*:key/"
      "${}'}]}",
      "Statement[0].Resource: a policy variable is empty" },
    { POLICY_IDENTITY,
      "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','NotResource':'arn:aws:kms:*:*:${"
      "aws:username'}]}",
      "Statement[0].NotResource: a policy variable has no closing brace" },

    /* Principal */
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':'111122223333'}]}",
      "Statement[0].Principal: must be \"*\" or an object as {\"AWS\": \"arn:...\"}" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':['*']}]}",
      "Statement[0].Principal: must be \"*\" or an object as {\"AWS\": \"arn:...\"}" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{}}]}",
      "Statement[0].Principal: must be \"*\" or an object as {\"AWS\": \"arn:...\"}" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'AWS':[]}}]}",
      "Statement[0].Principal.AWS: is empty" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'AWS':['*',7]}}]}",
      "Statement[0].Principal.AWS[1]: must be a string: an account id stands in quotes" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'AWS':['*',true]}}]}",
      "Statement[0].Principal.AWS[1]: must be a string" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'aws':'*'}}]}",
      "Statement[0].Principal.aws: not a kind of principal; there are AWS, Service and Federated" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'CanonicalUser':'79a5'}}]}",
      "Statement[0].Principal.CanonicalUser: not a kind of principal; there are AWS, Service and Federated" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'Federated':'accounts.google.com'}}]}",
      "Statement[0].Principal.Federated: allowed only in a trust policy" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'Service':'*'}}]}",
      "Statement[0].Principal.Service: \"*\" is not a service as in \"secretsmanager.amazonaws.com\"" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'Principal':{'Service':'kms'}}]}",
      "Statement[0].Principal.Service: \"kms\" is not a service as in \"secretsmanager.amazonaws.com\"" },
    { POLICY_TRUST, "{'Statement':[{" TRUST ",'Principal':{'Federated':'*'}}]}",
      "Statement[0].Principal.Federated: \"*\" is not an identity provider" },
    { POLICY_RESOURCE, "{'Statement':[{" DENY_KEY ",'NotPrincipal':'*'}]}",
      "Statement[0].NotPrincipal: \"*\" leaves nobody to deny" },
    { POLICY_RESOURCE, "{'Statement':[{" DENY_KEY ",'NotPrincipal':{'AWS':'*'}}]}",
      "Statement[0].NotPrincipal: \"*\" leaves nobody to deny" },
    { POLICY_RESOURCE, "{'Statement':[{" ALLOW ",'NotPrincipal':{'AWS':'111122223333'}}]}",
      "Statement[0]: NotPrincipal goes with Effect Deny alone" },

    /* Condition */
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':[]}]}",
      "Statement[0].Condition: must be an object" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':null}]}",
      "Statement[0].Condition: must be an object" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLike':'x'}}]}",
      "Statement[0].Condition.StringLike: must be an object" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringMatches':{'aws:a':'b'}}}]}",
      "Statement[0].Condition.StringMatches: not a condition operator" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'ForSomeValues:StringLike':{'aws:a':'b'}}}]}",
      "Statement[0].Condition.ForSomeValues:StringLike: not a condition operator" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'IfExists':{'aws:a':'b'}}}]}",
      "Statement[0].Condition.IfExists: not a condition operator" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLikeIfExistsIfExists':{'aws:a':'b'}}}]}",
      "Statement[0].Condition.StringLikeIfExistsIfExists: not a condition operator" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'NullIfExists':{'aws:a':'true'}}}]}",
      "Statement[0].Condition.NullIfExists: Null stands alone, without a set operator or IfExists" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'ForAllValues:Null':{'aws:a':'true'}}}]}",
      "Statement[0].Condition.ForAllValues:Null: Null stands alone, without a set operator or IfExists" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLike':{'username':'b'}}}]}",
      "Statement[0].Condition.StringLike.username: a condition key is of the form service:key" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLike':{'aws:':'b'}}}]}",
      "Statement[0].Condition.StringLike.aws:: a condition key is of the form service:key" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLike':{'aws:a':'b','AWS:A':'b'}}}]}",
      "Statement[0].Condition.StringLike.AWS:A: stands twice, in different case" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLike':{'aws:a':[]}}}]}",
      "Statement[0].Condition.StringLike.aws:a: is empty" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringLike':{'aws:a':null}}}]}",
      "Statement[0].Condition.StringLike.aws:a: must be a string, an integer or a boolean" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringEquals':{'aws:a':['x',1.5]}}}]}",
      "Statement[0].Condition.StringEquals.aws:a[1]: must be a string, an integer or a boolean" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'StringEquals':{'aws:a':{'b':'c'}}}}]}",
      "Statement[0].Condition.StringEquals.aws:a: must be a string, an integer or a boolean" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'NumericLessThan':{'aws:a':'ten'}}}]}",
      "Statement[0].Condition.NumericLessThan.aws:a: \"ten\" is not a number" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'NumericLessThan':{'aws:a':true}}}]}",
      "Statement[0].Condition.NumericLessThan.aws:a: must be a number" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'DateLessThan':{'aws:CurrentTime':'tomorrow'}}}]}",
      "Statement[0].Condition.DateLessThan.aws:CurrentTime: \"tomorrow\" is not a date: write "
      "2026-01-02T03:04:05Z or epoch seconds" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'DateLessThan':{'aws:CurrentTime':2026}}}]}",
      "Statement[0].Condition.DateLessThan.aws:CurrentTime: \"2026\" is not a date: write "
      "2026-01-02T03:04:05Z or epoch seconds" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'Bool':{'aws:SecureTransport':'yes'}}}]}",
      "Statement[0].Condition.Bool.aws:SecureTransport: must be \"true\" or \"false\"" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'Null':{'aws:a':'0'}}}]}",
      "Statement[0].Condition.Null.aws:a: must be \"true\" or \"false\"" },
    { POLICY_IDENTITY,
      "{'Version':'2012-10-17','Statement':[{" ALLOW ",'Condition':{'Null':{'aws:a':'${aws:b}'}}}]}",
      "Statement[0].Condition.Null.aws:a: must be \"true\" or \"false\"" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'BinaryEquals':{'aws:a':'QQ'}}}]}",
      "Statement[0].Condition.BinaryEquals.aws:a: is not base64" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'BinaryEquals':{'aws:a':1}}}]}",
      "Statement[0].Condition.BinaryEquals.aws:a: must be a string" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'IpAddress':{'aws:SourceIp':'203.0.113.0/33'}}}]}",
      "Statement[0].Condition.IpAddress.aws:SourceIp: \"203.0.113.0/33\" is not an IP address or a network "
      "in CIDR form" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'NotIpAddress':{'aws:SourceIp':['::1','*']}}}]}",
      "Statement[0].Condition.NotIpAddress.aws:SourceIp[1]: \"*\" is not an IP address or a network in CIDR "
      "form" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'ArnLike':{'aws:PrincipalArn':'*'}}}]}",
      "Statement[0].Condition.ArnLike.aws:PrincipalArn: \"*\" is not an ARN of six parts" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'ArnLike':{'aws:PrincipalArn':'arn:aws:iam::*'}}}]}",
      "Statement[0].Condition.ArnLike.aws:PrincipalArn: \"arn:aws:iam::*\" is not an ARN of six parts" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{'ArnEquals':{'aws:PrincipalArn':5}}}]}",
      "Statement[0].Condition.ArnEquals.aws:PrincipalArn: must be a string" },
};

static void check_refusal(const refusal_row *row)
{
    policy_t *policy = (policy_t *)(uintptr_t)16;
    const char *json = kit_json(row->json);
    p11kms_err err = policy_compile(SLICE_STR(json), row->kind, "test", &policy);

    if (err != P11KMS_E_POLICY_MALFORMED || strcmp(p11kms_err_detail(err), row->sentence) != 0) {
        fail_msg("%s\ngave    %s: %s\nand not %s", json, p11kms_err_name(err), p11kms_err_detail(err),
                 row->sentence);
    }
    assert_ptr_equal(policy, (void *)(uintptr_t)16);
}

static void test_malformed_documents_are_refused_with_the_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        check_refusal(&refusals[i]);
    }
}

static void test_what_is_not_json_is_refused_with_the_parsers_words(void **state)
{
    static const char *const broken[] = { "", "{'Statement':[", "{'Statement':1,'Statement':2}", "{} {}",
                                          "\xff" };
    policy_t *policy = NULL;
    (void)state;

    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        p11kms_err err = policy_compile(SLICE_STR(kit_json(broken[i])), POLICY_IDENTITY, "test", &policy);

        assert_err(err, P11KMS_E_POLICY_MALFORMED);
        assert_non_null(strstr(p11kms_err_detail(err), "JSON: "));
    }
}

static const char *const not_principals[] = {
    "",
    "11112222333",
    "1111222233334",
    "11112222333x",
    "alice",
    "arn:aws:iam::111122223333:group/ops",
    "arn:aws:iam::111122223333:user/",
    "arn:aws:iam::111122223333:user",
    "arn:aws:iam::11112222333:root",
    "arn:aws:iam::111122223333:root/",
    "arn:aws:iam:eu-west-1:111122223333:root",
    "arn:gcp:iam::111122223333:root",
    "arn:aws:sts::111122223333:assumed-role/app",
    "arn:aws:sts::111122223333:assumed-role/app/a/b",
    "arn:aws:sts::111122223333:role/app",
    "arn:aws:iam::111122223333:assumed-role/app/s",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "arn:aws:iam::111122223333:user/a b",
    "AIDACKCEVSQ6C2EXAMPLE",
    "arn:aws:kms:eu-west-1:111122223333:key/1",
    "secretsmanager.amazonaws.com",
    "arn:aws:iam::111122223333",
};

static void test_principals_that_name_nobody_are_refused(void **state)
{
    char json[512];
    char sentence[512];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(not_principals); i++) {
        snprintf(json, sizeof(json),
                 "{'Version':'2012-10-17','Statement':[{" ALLOW ",'Principal':{'AWS':'%s'}}]}",
                 not_principals[i]);
        snprintf(sentence, sizeof(sentence),
                 "Statement[0].Principal.AWS: \"%s\" is not \"*\", a 12-digit account id or the ARN of an "
                 "account, "
                 "user, role or session",
                 not_principals[i]);
        check_refusal(&(refusal_row){ POLICY_RESOURCE, json, sentence });
    }
}

static void test_wildcards_in_a_principal_are_refused(void **state)
{
    static const char *const wild[] = { "arn:aws:iam::111122223333:user/*", "arn:aws:iam::*:root",
                                        "arn:aws:sts::111122223333:assumed-role/app/*", "1111222233?3" };
    char json[512];
    char sentence[512];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(wild); i++) {
        snprintf(json, sizeof(json), "{'Statement':[{" ALLOW ",'Principal':{'AWS':['111122223333','%s']}}]}",
                 wild[i]);
        snprintf(sentence, sizeof(sentence),
                 "Statement[0].Principal.AWS[1]: \"%s\": a wildcard cannot match a part of a principal",
                 wild[i]);
        check_refusal(&(refusal_row){ POLICY_RESOURCE, json, sentence });
    }
}

typedef struct {
    const char *variable;
    const char *sentence;
} variable_row;

static void test_malformed_variables_are_refused(void **state)
{
    static const variable_row rows[] = {
        { "${", "a policy variable has no closing brace" },
        { "${aws:username", "a policy variable has no closing brace" },
        { "${}", "a policy variable is empty" },
        { "${, ^x^}", "a policy variable is empty" },
        { "${username}", "the policy variable \"username\" is not of the form service:key" },
        { "${aws:}", "the policy variable \"aws:\" is not of the form service:key" },
        { "${aws:user name}", "a space stands in the policy variable \"aws:user name\"" },
        { "${aws:username, x}",
          "the default of a policy variable stands in single quotes: ${key, 'default'}" },
        { "${aws:username, ^x}",
          "the default of a policy variable stands in single quotes: ${key, 'default'}" },
        { "${aws:username, ^x^y}",
          "the default of a policy variable stands in single quotes: ${key, 'default'}" },
        { "${aws:username,}", "the default of a policy variable stands in single quotes: ${key, 'default'}" },
        { "${*, ^x^}", "the policy variable \"*\" is not of the form service:key" },
        { "${**}", "the policy variable \"**\" is not of the form service:key" },
        { "ok ${aws:username} ${aws:x", "a policy variable has no closing brace" },
    };
    char json[512];
    char sentence[512];
    (void)state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        snprintf(json, sizeof(json),
                 "{'Version':'2012-10-17','Statement':[{" ALLOW
                 ",'Condition':{'StringLike':{'aws:a':['b','%s']}}}]}",
                 rows[i].variable);
        snprintf(sentence, sizeof(sentence), "Statement[0].Condition.StringLike.aws:a[1]: %s",
                 rows[i].sentence);
        check_refusal(&(refusal_row){ POLICY_IDENTITY, json, sentence });
    }
}

/* The same text says something else, or nothing, where variables are not known. */
static void test_documents_of_2008_know_no_variables(void **state)
{
    _cleanup_(policy) policy_t *policy =
        kit_policy(POLICY_IDENTITY, "{'Version':'2008-10-17','Statement':[{" ALLOW
                                    ",'Condition':{'StringEquals':{'aws:a':'${'}}}]}");
    (void)state;

    assert_int_equal(policy_statements(policy), 1);
}

static const struct {
    policy_kind kind;
    const char *json;
} accepted[] = {
    { POLICY_IDENTITY, "{'Statement':{" ALLOW "}}" },
    { POLICY_IDENTITY, "{'Id':'x','Version':'2008-10-17','Statement':[{" ALLOW "}]}" },
    { POLICY_IDENTITY, "{'Statement':[{'Sid':''," ALLOW "},{'Sid':''," ALLOW "}]}" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW ",'Condition':{}}]}" },
    { POLICY_IDENTITY,
      "{'Statement':[{'Effect':'Deny','NotAction':['kms:*','sts:*'],'NotResource':['arn:aws:kms:*']}]}" },
    { POLICY_IDENTITY, "{'Statement':[{'Effect':'Allow','Action':'*:*','Resource':'arn:aws:kms:*:*:*'}]}" },
    { POLICY_IDENTITY,
      "{'Statement':[{'Effect':'Allow','Action':'KMS:decrypt','Resource':'arn:aws:kms:*'}]}" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'foranyvalue:stringlikeifexists':{'aws:a':['b',1,true]}}}]}" },
    { POLICY_IDENTITY, "{'Statement':[{" ALLOW
                       ",'Condition':{'NumericEquals':{'aws:a':[1,'2',2.5,-3]},'Bool':{'aws:b':false}}}]}" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'DateLessThan':{'aws:CurrentTime':1767323045}}}]}" },
    { POLICY_IDENTITY,
      "{'Statement':[{" ALLOW ",'Condition':{'StringEquals':{'aws:a':'b'},'StringLike':{'AWS:A':'b'}}}]}" },
    { POLICY_BOUNDARY, "{'Statement':[{" ALLOW "}]}" },
    { POLICY_SESSION, "{'Statement':[{" ALLOW "}]}" },
    { POLICY_RESOURCE, "{'Statement':[{'Sid':'Enable IAM User Permissions \xc3\xa9'," KEY "}]}" },
    { POLICY_RESOURCE,
      "{'Statement':[{'Effect':'Allow','Principal':{'AWS':['*','111122223333',"
      "'arn:aws:iam::111122223333:root','arn:aws:iam::111122223333:user/a/b/c',"
      "'arn:aws:iam::111122223333:role/p/app','arn:aws:sts::111122223333:assumed-role/app/s=1',"
      "'arn:aws:sts::111122223333:federated-user/bob','arn:aws-us-gov:iam::111122223333:root'],"
      "'Service':['secretsmanager.amazonaws.com','s3.ap-east-1.amazonaws.com']},"
      "'Action':'kms:*','Resource':'*'}]}" },
    { POLICY_RESOURCE, "{'Statement':[{'Effect':'Allow','Principal':'*'}]}" },
    { POLICY_RESOURCE, "{'Statement':[{'Effect':'Deny','NotPrincipal':{'AWS':'111122223333'}}]}" },
    { POLICY_TRUST,
      "{'Statement':[{'Effect':'Allow','Principal':{'Federated':['accounts.google.com',"
      "'arn:aws:iam::111122223333:oidc-provider/ci.example']},'Action':'sts:AssumeRoleWithWebIdentity'}]}" },
    { POLICY_TRUST,
      "{'Statement':[{'Effect':'Allow','Principal':{'AWS':'*'},'NotAction':'sts:TagSession'}]}" },
};

static void test_every_form_that_aws_takes_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(accepted); i++) {
        _cleanup_(policy) policy_t *policy = kit_policy(accepted[i].kind, accepted[i].json);

        assert_non_null(policy);
    }
}

static void fill_statements(buf_t *out, size_t n)
{
    buf_put_str(out, "{\"Statement\":[");
    for (size_t i = 0; i < n; i++) {
        buf_put_str(out, i > 0 ? "," : "");
        buf_put_str(out, kit_json("{" ALLOW "}"));
    }
    buf_put_str(out, "]}");
}

static void test_documents_have_a_bound(void **state)
{
    _cleanup_buf_ buf_t out = { 0 };
    _cleanup_(policy) policy_t *policy = NULL;
    p11kms_err err;
    (void)state;

    fill_statements(&out, POLICY_STATEMENTS_MAX);
    assert_ok(policy_compile(buf_slice(&out), POLICY_IDENTITY, "many", &policy));
    assert_int_equal(policy_statements(policy), POLICY_STATEMENTS_MAX);

    buf_clear(&out);
    fill_statements(&out, POLICY_STATEMENTS_MAX + 1);
    err = policy_compile(buf_slice(&out), POLICY_IDENTITY, "many", &policy);
    assert_err(err, P11KMS_E_POLICY_MALFORMED);
    assert_string_equal(p11kms_err_detail(err), "Statement: more than 512 statements");

    buf_clear(&out);
    while (out.len <= POLICY_SIZE_MAX) {
        buf_put_str(&out, "                                                                ");
    }
    err = policy_compile(buf_slice(&out), POLICY_IDENTITY, "large", &policy);
    assert_err(err, P11KMS_E_POLICY_MALFORMED);
    assert_string_equal(p11kms_err_detail(err), "the document is larger than 131072 bytes");
}

static void test_long_values_are_cut_in_the_sentence(void **state)
{
    char value[1200];
    char json[2048];
    policy_t *policy = NULL;
    p11kms_err err;
    (void)state;

    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    snprintf(json, sizeof(json), "{'Statement':[{'Effect':'Allow','Action':'%s','Resource':'*'}]}", value);
    err = policy_compile(SLICE_STR(kit_json(json)), POLICY_IDENTITY, "test", &policy);
    assert_err(err, P11KMS_E_POLICY_MALFORMED);
    assert_true(strlen(p11kms_err_detail(err)) < 300);
    snprintf(json, sizeof(json), "{'Statement':[{" ALLOW ",'Condition':{'%.900s':{'%.900s':7}}}]}", value,
             value);
    assert_err(policy_compile(SLICE_STR(kit_json(json)), POLICY_IDENTITY, "test", &policy),
               P11KMS_E_POLICY_MALFORMED);
}

static void test_a_document_keeps_its_name_and_sids(void **state)
{
    _cleanup_(policy) policy_t *policy = NULL;
    char name[] = "key policy of alias/app";
    (void)state;

    assert_ok(policy_compile(SLICE_STR(kit_json("{'Statement':[{'Sid':'first'," ALLOW "},{" ALLOW "}]}")),
                             POLICY_IDENTITY, name, &policy));
    memset(name, 'x', sizeof(name) - 1);
    assert_string_equal(policy_name(policy), "key policy of alias/app");
    assert_int_equal(policy_statements(policy), 2);
    assert_string_equal(policy_sid(policy, 0), "first");
    assert_string_equal(policy_sid(policy, 1), "");
    assert_string_equal(policy_sid(policy, 2), "");
}

static void test_references_keep_a_document(void **state)
{
    policy_t *policy = kit_policy(POLICY_IDENTITY, "{'Statement':[{" ALLOW "}]}");
    (void)state;

    assert_ptr_equal(policy_ref(policy), policy);
    policy_unref(policy);
    assert_int_equal(policy_statements(policy), 1);
    policy_unref(policy);
    policy_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_malformed_documents_are_refused_with_the_place),
        cmocka_unit_test(test_what_is_not_json_is_refused_with_the_parsers_words),
        cmocka_unit_test(test_principals_that_name_nobody_are_refused),
        cmocka_unit_test(test_wildcards_in_a_principal_are_refused),
        cmocka_unit_test(test_malformed_variables_are_refused),
        cmocka_unit_test(test_documents_of_2008_know_no_variables),
        cmocka_unit_test(test_every_form_that_aws_takes_is_accepted),
        cmocka_unit_test(test_documents_have_a_bound),
        cmocka_unit_test(test_long_values_are_cut_in_the_sentence),
        cmocka_unit_test(test_a_document_keeps_its_name_and_sids),
        cmocka_unit_test(test_references_keep_a_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
