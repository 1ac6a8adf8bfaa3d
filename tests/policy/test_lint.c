/* What lint finds in documents, and what it leaves alone: rows of a document and its findings. */
#include "policy/lint.h"

#include <stdio.h>

#include "tests/policy/kit.h"

#define ALL 0x01u
#define KEY 0x02u
#define ALIAS 0x04u
#define ROLE 0x08u

static const policy_resource_kind kinds[] = {
    { "no resource of its own", "*" },
    { "keys", "arn:*:kms:*:*:key/*" },
    { "aliases", "arn:*:kms:*:*:alias/*" },
    { "roles", "arn:*:iam::*:role/*" },
};

static const policy_action actions[] = {
    { "kms:CreateAlias", KEY | ALIAS },
    { "kms:CreateKey", ALL },
    { "kms:Decrypt", KEY },
    { "kms:DescribeKey", KEY },
    { "kms:Encrypt", KEY },
    { "kms:GenerateDataKey", KEY },
    { "kms:ListKeys", ALL },
    { "kms:PutKeyPolicy", KEY },
    { "kms:ReEncryptFrom", KEY },
    { "kms:ReEncryptTo", KEY },
    { "kms:ScheduleKeyDeletion", KEY },
    { "kms:TagResource", KEY | ALL },
    { "sts:AssumeRole", ROLE },
    { "sts:GetCallerIdentity", ALL },
};

static const policy_key keys[] = {
    { "aws:PrincipalArn", .of = KEY_OF_CALLER },
    { "aws:PrincipalTag/", .of = KEY_OF_CALLER },
    { "aws:username", .of = KEY_OF_CALLER },
    { "aws:SourceIp" },
    { "aws:CurrentTime", .now = true },
    { "aws:EpochTime", .now = true },
    { "aws:TokenIssueTime" },
    { "aws:TagKeys", .multi = true },
    { "aws:ResourceTag/", .of = KEY_OF_RESOURCE },
    { "kms:EncryptionContext:" },
    { "kms:ResourceAliases", .of = KEY_OF_RESOURCE, .multi = true },
    { "kms:ViaService" },
};

static const policy_vocabulary vocabulary = { actions, COUNT_OF(actions), kinds, COUNT_OF(kinds),
                                              keys,    COUNT_OF(keys) };

#define NOW INT64_C(1767225600000) /* 2026-01-01 */

static bool is_alice_or_app(void *arg, slice_t arn)
{
    (void)arg;
    return slice_eq_str(arn, KIT_ALICE) || slice_eq_str(arn, KIT_ROLE);
}

typedef struct {
    buf_t rules; /* "rule path" a line */
    buf_t texts; /* sentences, a line each */
} told_t;

static void tell(void *arg, const policy_finding *finding)
{
    told_t *told = arg;

    buf_printf(&told->rules, "%s%s%s%s", told->rules.len > 0 ? "; " : "", finding->rule,
               finding->path[0] ? " " : "", finding->path);
    buf_printf(&told->texts, "%s\n", finding->text);
}

static policy_lint_spec spec_of(policy_kind kind, told_t *told)
{
    return (policy_lint_spec){
        .known = &vocabulary,
        .now_ms = NOW,
        .attached = kind == POLICY_RESOURCE ? KIT_KEY
                    : kind == POLICY_TRUST  ? KIT_ROLE
                                            : NULL,
        .account = KIT_ACCOUNT,
        .keeper = kind == POLICY_RESOURCE ? "kms:PutKeyPolicy" : NULL,
        .has_principal = is_alice_or_app,
        .tell = tell,
        .arg = told,
    };
}

typedef struct {
    policy_kind kind;
    const char *statements;
    const char *findings;
} lint_row;

static void check_row(const lint_row *row)
{
    told_t told = { 0 };
    policy_lint_spec spec = spec_of(row->kind, &told);
    char text[8192];
    size_t n = SIZE_MAX;

    print_message("%s\n", row->statements);
    snprintf(text, sizeof(text), "{'Version':'2012-10-17','Statement':[%s]}", row->statements);
    p11kms_err err = policy_lint(SLICE_STR(kit_json(text)), row->kind, &spec, &n);
    if (err != P11KMS_OK) {
        fail_msg("%s", p11kms_err_detail(err));
    }
    assert_buf_text(&told.rules, row->findings);
    assert_int_equal(n == 0, told.rules.len == 0);
    buf_free(&told.rules);
    buf_free(&told.texts);
}

static void check_rows(const lint_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        check_row(&rows[i]);
    }
}
#define CHECK(rows) check_rows((rows), COUNT_OF(rows))

#define A(action, resource) "'Effect':'Allow','Action':" action ",'Resource':" resource
#define D(action, resource) "'Effect':'Deny','Action':" action ",'Resource':" resource
#define S(elements) "{" elements "}"
#define TO(principal) ",'Principal':" principal
#define ALICE "{'AWS':'" KIT_ALICE "'}"
#define ROOT "{'AWS':'" KIT_ACCOUNT "'}"
#define IF(conditions) ",'Condition':{" conditions "}"
#define HOME "'IpAddress':{'aws:SourceIp':'10.0.0.0/8'}"
#define K "'" KIT_KEY "'"
#define KEEPS S(A("'kms:*'", "'*'") TO(ROOT)) /* a key policy that can be changed */

static void test_a_plain_policy_is_clean(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K)), "" },
        { POLICY_IDENTITY, S(A("['kms:Decrypt','kms:GenerateDataKey*']", K) IF(HOME)), "" },
        { POLICY_IDENTITY, S(D("'*'", "'*'") IF("'Bool':{'aws:SourceIp':'false'}")), "" },
        { POLICY_RESOURCE, KEEPS, "" },
        { POLICY_RESOURCE, KEEPS "," S(A("'kms:Decrypt'", "'*'") TO(ALICE)), "" },
        { POLICY_BOUNDARY, S(A("'kms:*'", "'*'")), "" },
        { POLICY_SESSION, S(A("'kms:Decrypt'", "'*'")), "" },
        { POLICY_TRUST, S("'Effect':'Allow','Action':'sts:AssumeRole'" TO(ALICE)), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_a_star_for_resource_is_told_where_resources_could_be_named(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'*'")), "any-resource Statement[0].Resource" },
        { POLICY_IDENTITY, S(A("'kms:*'", "[" K ",'*']")), "any-resource Statement[0].Resource[1]" },
        { POLICY_IDENTITY, S(A("'kms:ListKeys'", "'*'")), "" },
        { POLICY_IDENTITY, S(A("['kms:CreateKey','kms:ListKeys']", "'*'")), "" },
        { POLICY_IDENTITY, S(D("'kms:Decrypt'", "'*'")), "" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'*'") IF("'StringEquals':{'aws:ResourceTag/stage':'test'}")),
          "" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'*'") IF(HOME)), "any-resource Statement[0].Resource" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:*'")), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_what_is_given_to_everyone_is_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO("'*'")),
          "everything-to-everyone Statement[0].Principal" },
        { POLICY_RESOURCE, S(A("'*'", "'*'") TO("{'AWS':'*'}")),
          "everything-to-everyone Statement[0].Principal" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO("'*'") IF(HOME)),
          "everything-to-everyone Statement[0].Principal" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO(ROOT)) "," S(A("'kms:Decrypt'", "'*'") TO("'*'")),
          "everyone Statement[1].Principal" },
        { POLICY_RESOURCE, KEEPS "," S(A("'kms:Decrypt'", "'*'") TO("'*'") IF(HOME)), "" },
        { POLICY_RESOURCE, KEEPS "," S(D("'kms:Decrypt'", "'*'") TO("'*'") IF(HOME)), "" },
        { POLICY_TRUST, S("'Effect':'Allow','Action':'sts:AssumeRole'" TO("'*'")),
          "everyone Statement[0].Principal" },
    };

    (void)state;
    CHECK(rows);
}

static void test_everything_but_is_told_of_what_allows(void **state)
{
    static const lint_row rows[] = {
        { POLICY_BOUNDARY, S("'Effect':'Allow','NotAction':'kms:PutKeyPolicy','Resource':'*'"),
          "not-action-allow Statement[0].NotAction" },
        { POLICY_IDENTITY, S("'Effect':'Allow','Action':'kms:Decrypt','NotResource':" K),
          "not-resource-allow Statement[0].NotResource" },
        { POLICY_IDENTITY, S("'Effect':'Deny','NotAction':'kms:Decrypt','NotResource':" K), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_unknown_actions_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("['kms:Decrypt','kms:Decyrpt']", K)),
          "unknown-action Statement[0].Action[1]" },
        { POLICY_IDENTITY, S(A("'KMS:decrypt'", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:De*'", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:Dx*'", K)), "unknown-action Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'kms:ReEncrypt*'", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:ReEncrypt'", K)), "unknown-action Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'s3:GetObject'", "'arn:aws:s3:::b/*'")),
          "unknown-action Statement[0].Action" },
        { POLICY_IDENTITY, S("'Effect':'Deny','NotAction':'kms:Decrpt','Resource':'*'"),
          "unknown-action Statement[0].NotAction" },
        { POLICY_IDENTITY, S(A("['*']", K)), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_unknown_condition_keys_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'StringEquals':{'aws:PrincipleTag/team':'x'}")),
          "unknown-key Statement[0].Condition.StringEquals.aws:PrincipleTag/team" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'StringEquals':{'AWS:principaltag/team':'x'}")), "" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'StringEquals':{'kms:EncryptionContext':'x'}")),
          "unknown-key Statement[0].Condition.StringEquals.kms:EncryptionContext" },
        { POLICY_IDENTITY,
          S(A("'kms:Decrypt'", K) IF(HOME ",'StringLike':{'kms:ViaService':'s*','aws:SourceVpc':'vpc-1'}")),
          "unknown-key Statement[0].Condition.StringLike.aws:SourceVpc" },
    };

    (void)state;
    CHECK(rows);
}

static void test_unknown_variables_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/${aws:username}'")), "" },
        { POLICY_IDENTITY, S(A("'kms:CreateAlias'", "[" K ",'arn:aws:kms:*:*:alias/${aws:usrname}']")),
          "unknown-variable Statement[0].Resource[1]" },
        { POLICY_IDENTITY, S(A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/${aws:TagKeys}'")),
          "unknown-variable Statement[0].Resource" },
        { POLICY_IDENTITY,
          S(A("'kms:Decrypt'", K) IF("'StringEquals':{'kms:EncryptionContext:u':['x','${aws:user}']}")),
          "unknown-variable Statement[0].Condition.StringEquals.kms:EncryptionContext:u" },
        { POLICY_IDENTITY, S(A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/${*}'")), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_a_variable_is_text_before_its_version(void **state)
{
    told_t told = { 0 };
    policy_lint_spec spec = spec_of(POLICY_IDENTITY, &told);
    size_t n;

    (void)state;
    assert_ok(policy_lint(SLICE_STR(kit_json("{'Statement':" S(
                              A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/${aws:username}'")) "}")),
                          POLICY_IDENTITY, &spec, &n));
    assert_buf_text(&told.rules, "never-applies Statement[0].Action; variable-is-text Statement[0].Resource");
    buf_free(&told.rules);
    buf_free(&told.texts);
}

static void test_actions_that_no_resource_fits_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("'kms:ListKeys'", K)), "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S(A("['kms:Decrypt','kms:CreateKey']", "'arn:aws:kms:*:*:key/*'")),
          "never-applies Statement[0].Action[1]" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:*:*:alias/app'")),
          "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/app'")), "" },
        { POLICY_IDENTITY, S(A("'kms:TagResource'", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", "'arn:aws:iam::1:role/x'")), "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:eu-*'")), "" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:*/*'")), "" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:*:alias/app'")),
          "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:*:*:key/a:b'")),
          "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'sts:AssumeRole'", K)), "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", "'arn:aws:kms:*:*:${aws:username}'")), "" },
        { POLICY_RESOURCE, KEEPS "," S(A("['kms:Decrypt','kms:CreateKey','sts:*']", "'*'") TO(ALICE)),
          "never-applies Statement[1].Action[1]; never-applies Statement[1].Action[2]" },
        { POLICY_RESOURCE,
          KEEPS "," S(A("'kms:Decrypt'", "'arn:aws:kms:eu-west-1:111122223333:key/other'") TO(ALICE)),
          "never-applies Statement[1].Resource" },
        { POLICY_RESOURCE, KEEPS "," S(A("'kms:Decrypt'", K) TO(ALICE)), "" },
        { POLICY_TRUST, S("'Effect':'Allow','Action':'sts:GetCallerIdentity'" TO(ALICE)),
          "never-applies Statement[0].Action" },
        { POLICY_IDENTITY, S("'Effect':'Deny','NotAction':'kms:ListKeys','Resource':" K), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_dates_of_the_past_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY,
          S(A("'kms:Decrypt'", K) IF("'DateLessThan':{'aws:CurrentTime':'2025-12-31T23:59:59Z'}")),
          "date-past Statement[0].Condition.DateLessThan.aws:CurrentTime" },
        { POLICY_IDENTITY,
          S(A("'kms:Decrypt'", K) IF("'DateLessThan':{'aws:CurrentTime':'2026-01-01T00:00:01Z'}")), "" },
        { POLICY_IDENTITY,
          S(A("'kms:Decrypt'", K) IF("'DateGreaterThan':{'aws:CurrentTime':'2025-01-01T00:00:00Z'}")),
          "date-past Statement[0].Condition.DateGreaterThan.aws:CurrentTime" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'NumericLessThan':{'aws:EpochTime':'1700000000'}")),
          "date-past Statement[0].Condition.NumericLessThan.aws:EpochTime" },
        { POLICY_IDENTITY,
          S(A("'kms:Decrypt'", K) IF("'DateLessThan':{'aws:CurrentTime':['2020-01-01','2030-01-01']}")), "" },
        { POLICY_IDENTITY,
          S(D("'*'", "'*'") IF("'DateLessThan':{'aws:TokenIssueTime':'2020-01-01T00:00:00Z'}")), "" },
    };

    (void)state;
    CHECK(rows);
}

static void test_statements_that_another_covers_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_IDENTITY, S(A("'kms:*'", K)) "," S(A("'kms:Decrypt'", K)), "unreachable Statement[1]" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K)) "," S(A("'kms:*'", K)), "unreachable Statement[0]" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K)) "," S(A("'kms:decrypt'", K)),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY,
          S(A("'kms:De*'", "'arn:aws:kms:*:*:key/*'")) "," S(A("['kms:Decrypt','kms:Des*']", K)),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY, S(A("'kms:De*'", K)) "," S(A("['kms:Decrypt','kms:Encrypt']", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", K)) "," S(A("'kms:Decrypt'", "'arn:aws:kms:*:*:key/*'")), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", K) IF(HOME)) "," S(A("'kms:Decrypt'", K)), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", K)) "," S(A("'kms:Decrypt'", K) IF(HOME)),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY, S(A("'kms:*'", K) IF(HOME)) "," S(A("'kms:Decrypt'", K) IF(HOME)),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K)) "," S(D("'kms:*'", "'*'")), "unreachable Statement[0]" },
        { POLICY_IDENTITY, S(A("'kms:Decrypt'", K)) "," S(D("'kms:*'", "'*'") IF(HOME)), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", K)) "," S(D("'kms:Decrypt'", "'*'")), "" },
        { POLICY_IDENTITY, S(D("'kms:*'", "'*'")) "," S(D("'kms:Decrypt'", K)), "unreachable Statement[1]" },
        { POLICY_IDENTITY,
          S(D("'kms:Decrypt'", K)) "," S("'Effect':'Deny','NotAction':'kms:List*','Resource':'*'"),
          "unreachable Statement[0]" },
        { POLICY_IDENTITY,
          S(D("'kms:ListKeys'", "'*'")) "," S("'Effect':'Deny','NotAction':'kms:List*','Resource':'*'"), "" },
        { POLICY_IDENTITY,
          S("'Effect':'Deny','NotAction':'kms:L*','Resource':'*'") "," S(
              "'Effect':'Deny','NotAction':['kms:L*','kms:D*'],'Resource':'*'"),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY, S(A("'kms:D?crypt'", "'arn:aws:kms:*'")) "," S(A("'kms:Decrypt'", K)),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY, S(A("'kms:D?crypt'", "'arn:aws:kms:*'")) "," S(A("'kms:D*crypt'", K)), "" },
        /* the narrow star may take a colon, the wide one of a last part before the sixth may not */
        { POLICY_IDENTITY, S(A("'kms:*'", "'arn:*:key/*d'")) "," S(A("'kms:Decrypt'", "'arn:aws:kms:*:*:key/*d'")), "" },
        { POLICY_IDENTITY, S(A("'kms:*'", "'arn:aws:kms:*:*:k*d'")) "," S(A("'kms:Decrypt'", "'arn:aws:kms:*:*:key/*d'")),
          "unreachable Statement[1]" },
        { POLICY_IDENTITY,
          S(A("'kms:De*'", "'arn:aws:kms:*:*:key/?*'")) "," S(A("'kms:De*'", "'arn:aws:kms:*:*:key/*'")),
          "unreachable Statement[0]" },
        { POLICY_RESOURCE, KEEPS "," S(A("'kms:Decrypt'", "'*'") TO(ROOT)), "unreachable Statement[1]" },
        { POLICY_RESOURCE,
          KEEPS "," S(A("'kms:Decrypt'", "'*'") TO("'*'") IF(HOME)) "," S(A("'kms:*'", "'*'") TO(ALICE)),
          "" },
        { POLICY_RESOURCE,
          KEEPS "," S(D("'kms:Decrypt'", "'*'") TO(ROOT)) "," S(A("'kms:Decrypt'", "'*'") TO(ALICE)),
          "unreachable Statement[2]" },
        { POLICY_RESOURCE, KEEPS "," S("'Effect':'Allow','Action':'kms:Decrypt'" TO(ALICE)),
          "unreachable Statement[1]" },
        { POLICY_TRUST,
          S("'Effect':'Allow','Action':'sts:*'" TO(ALICE)) "," S(
              "'Effect':'Allow','Action':'sts:AssumeRole'" TO(ALICE)),
          "unreachable Statement[1]" },
    };

    (void)state;
    CHECK(rows);
}

static void test_a_key_policy_that_nobody_can_change_is_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_RESOURCE, S(A("'kms:Decrypt'", "'*'") TO(ROOT)), "lock-out" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO(ALICE)), "" },
        { POLICY_RESOURCE, S(A("'kms:Put*'", K) TO("{'AWS':'" KIT_ROLE "'}")), "" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO("{'AWS':'arn:aws:iam::111122223333:user/bob'}")),
          "unknown-principal Statement[0].Principal; lock-out" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO("{'AWS':'" KIT_OTHER "'}")), "lock-out" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO(ALICE) IF(HOME)), "" },
        { POLICY_RESOURCE, KEEPS "," S(D("'kms:PutKeyPolicy'", "'*'") TO("'*'")), "lock-out Statement[1]" },
        { POLICY_RESOURCE, KEEPS "," S(D("'kms:Put*'", "'*'") TO("'*'") IF(HOME)), "" },
        { POLICY_RESOURCE,
          S(A("'kms:*'", "'*'") TO(ALICE)) "," S(
              "'Effect':'Deny','Action':'kms:P*','Resource':'*','NotPrincipal':{'AWS':['" KIT_ALICE
              "','" KIT_ACCOUNT "']}"),
          "" },
        { POLICY_RESOURCE,
          S(A("'kms:*'", "'*'") TO(ALICE)) "," S(
              "'Effect':'Deny','Action':'kms:P*','Resource':'*','NotPrincipal':{'AWS':'" KIT_ROLE "'}"),
          "lock-out Statement[1]" },
        { POLICY_RESOURCE, S(A("'kms:*'", "'*'") TO("{'Service':'s.amazonaws.com'}")), "lock-out" },
    };

    (void)state;
    CHECK(rows);
}

static void test_principals_that_are_not_declared_are_told(void **state)
{
    static const lint_row rows[] = {
        { POLICY_RESOURCE,
          KEEPS
          "," S(D("'kms:Decrypt'", "'*'") TO("{'AWS':['" KIT_ALICE "','arn:aws:iam::111122223333:role/x']}")),
          "unknown-principal Statement[1].Principal" },
        { POLICY_TRUST,
          S("'Effect':'Allow','Action':'sts:AssumeRole'" TO("{'AWS':'arn:aws:iam::111122223333:user/bob'}")),
          "unknown-principal Statement[0].Principal" },
    };

    (void)state;
    CHECK(rows);
}

/* ---- the sentences ---- */

static void check_text(policy_kind kind, const char *statements, const char *text)
{
    told_t told = { 0 };
    policy_lint_spec spec = spec_of(kind, &told);
    char json[4096];
    size_t n;

    snprintf(json, sizeof(json), "{'Version':'2012-10-17','Statement':[%s]}", statements);
    assert_ok(policy_lint(SLICE_STR(kit_json(json)), kind, &spec, &n));
    assert_int_equal(n, 1);
    assert_buf_text(&told.texts, text);
    buf_free(&told.rules);
    buf_free(&told.texts);
}

static void test_the_nearest_known_name_is_told(void **state)
{
    (void)state;
    check_text(POLICY_IDENTITY, S(A("'kms:Decyrpt'", K)),
               "there is no action kms:Decyrpt; did you mean kms:Decrypt?\n");
    check_text(POLICY_IDENTITY, S(A("'kms:GenerateDatakeys*'", K)),
               "there is no action kms:GenerateDatakeys*; did you mean kms:GenerateDataKey?\n");
    check_text(POLICY_IDENTITY, S(A("'kms:Frobnicate'", K)), "there is no action kms:Frobnicate\n");
    check_text(POLICY_IDENTITY, S(A("'s3:GetObject'", K)),
               "there is no action s3:GetObject: no service here goes by that name\n");
    check_text(POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'StringEquals':{'aws:PrincipleTag/team':'x'}")),
               "no request here carries aws:PrincipleTag/team, so this condition never holds; did you mean "
               "aws:PrincipalTag/team?\n");
    check_text(POLICY_IDENTITY,
               S(A("'kms:Decrypt'", K) IF("'StringNotEquals':{'kms:EncryptionContext':'x'}")),
               "no request here carries kms:EncryptionContext, so this condition always holds; did you mean "
               "kms:EncryptionContext:NAME?\n");
    check_text(POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'StringEqualsIfExists':{'aws:SourceVpc':'x'}")),
               "no request here carries aws:SourceVpc, so this condition always holds; did you mean "
               "aws:SourceIp?\n");
    check_text(
        POLICY_IDENTITY, S(A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/${aws:usrname}'")),
        "no request here carries ${aws:usrname}, so this matches nothing; did you mean aws:username?\n");
    check_text(POLICY_IDENTITY, S(A("'kms:CreateAlias'", "'arn:aws:kms:*:*:alias/${aws:x-y-z, ^d^}'")),
               "no request here carries ${aws:x-y-z}, so its default always stands\n");
}

static void test_what_is_wrong_is_told_in_a_sentence(void **state)
{
    (void)state;
    check_text(POLICY_IDENTITY, S(A("['kms:Decrypt','sts:AssumeRole']", "'*'")),
               "\"*\" takes in all keys and roles: name those that are meant\n");
    check_text(POLICY_IDENTITY, S(A("'kms:ListKeys'", K)),
               "kms:ListKeys is about no resource of its own: no Resource of this statement takes that in\n");
    check_text(POLICY_RESOURCE, KEEPS "," S(A("'kms:CreateKey'", "'*'") TO(ALICE)),
               "kms:CreateKey is about no resource of its own: this policy has no say in it\n");
    check_text(POLICY_IDENTITY, S("'Sid':'Wide'," A("'kms:*'", K)) "," S(A("'kms:Decrypt'", K)),
               "Statement[0] \"Wide\" already allows all of this\n");
    check_text(POLICY_IDENTITY, S(A("'kms:Decrypt'", K)) "," S(D("'kms:*'", "'*'")),
               "Statement[1] denies all that this allows\n");
    check_text(POLICY_IDENTITY,
               S(A("'kms:Decrypt'", K) IF("'DateGreaterThan':{'aws:CurrentTime':'2025-01-01'}")),
               "the date is past: this condition holds from now on\n");
    check_text(POLICY_IDENTITY, S(A("'kms:Decrypt'", K) IF("'DateEquals':{'aws:CurrentTime':'2025-01-01'}")),
               "the date is past: this condition never holds again\n");
    check_text(POLICY_RESOURCE, S(A("'kms:Decrypt'", "'*'") TO(ROOT)),
               "nobody can change this policy: it allows kms:PutKeyPolicy neither to its account nor to a "
               "user or role of it\n");
}

static void test_a_malformed_document_is_refused(void **state)
{
    told_t told = { 0 };
    policy_lint_spec spec = spec_of(POLICY_IDENTITY, &told);
    size_t n = 7;

    (void)state;
    assert_err(policy_lint(SLICE_LIT("{}"), POLICY_IDENTITY, &spec, &n), P11KMS_E_POLICY_MALFORMED);
    assert_int_equal(n, 7);
    assert_int_equal(told.rules.len, 0);
}

static void test_without_an_account_any_owner_of_the_key_may_keep_it(void **state)
{
    told_t told = { 0 };
    policy_lint_spec spec = spec_of(POLICY_RESOURCE, &told);
    size_t n;

    (void)state;
    spec.account = NULL;
    spec.attached = "arn:*:kms:*:*:key/*";
    spec.has_principal = NULL;
    assert_ok(
        policy_lint(SLICE_STR(kit_json("{'Statement':" S(A("'kms:*'", K) TO("{'AWS':'" KIT_OTHER "'}")) "}")),
                    POLICY_RESOURCE, &spec, &n));
    assert_int_equal(n, 0);
}

static void test_keys_are_known_in_any_case_up_to_what_users_choose(void **state)
{
    size_t rest;

    (void)state;
    assert_string_equal(policy_find_key(&vocabulary, SLICE_LIT("AWS:sourceip"), &rest)->name, "aws:SourceIp");
    assert_int_equal(rest, strlen("aws:SourceIp"));
    assert_string_equal(policy_find_key(&vocabulary, SLICE_LIT("aws:principaltag/Team"), &rest)->name,
                        "aws:PrincipalTag/");
    assert_int_equal(rest, strlen("aws:PrincipalTag/"));
    assert_null(policy_find_key(&vocabulary, SLICE_LIT("aws:PrincipalTag/"), &rest));
    assert_null(policy_find_key(&vocabulary, SLICE_LIT("aws:PrincipalTag"), &rest));
    assert_null(policy_find_key(&vocabulary, SLICE_LIT("aws:SourceIpx"), &rest));
    assert_null(policy_find_key(&vocabulary, SLICE_LIT(""), &rest));
}

static void test_a_document_as_it_is_written_is_found_again(void **state)
{
    _cleanup_json_ json_t *document = NULL;
    const json_t *values;
    slice_t op, key;

    (void)state;
    assert_ok(
        json_parse(SLICE_STR(kit_json("{'Statement':{'Condition':{'stringlike':{'A:b':'1','c:D':['2','3']},"
                                      "'Null':{},'Bool':{'e:f':true}}}}")),
                   &document));
    const json_t *statement = policy_source_statement(document, 0);
    assert_non_null(statement);
    policy_source_condition(statement, 1, &op, &key, &values);
    assert_slice_text(op, "stringlike");
    assert_slice_text(key, "c:D");
    assert_int_equal(json_length(values), 2);
    policy_source_condition(statement, 2, &op, &key, &values);
    assert_slice_text(op, "Bool");
    assert_slice_text(key, "e:f");
    policy_source_condition(statement, 3, &op, &key, &values);
    assert_null(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_policy_is_clean),
        cmocka_unit_test(test_a_star_for_resource_is_told_where_resources_could_be_named),
        cmocka_unit_test(test_what_is_given_to_everyone_is_told),
        cmocka_unit_test(test_everything_but_is_told_of_what_allows),
        cmocka_unit_test(test_unknown_actions_are_told),
        cmocka_unit_test(test_unknown_condition_keys_are_told),
        cmocka_unit_test(test_unknown_variables_are_told),
        cmocka_unit_test(test_a_variable_is_text_before_its_version),
        cmocka_unit_test(test_actions_that_no_resource_fits_are_told),
        cmocka_unit_test(test_dates_of_the_past_are_told),
        cmocka_unit_test(test_statements_that_another_covers_are_told),
        cmocka_unit_test(test_a_key_policy_that_nobody_can_change_is_told),
        cmocka_unit_test(test_principals_that_are_not_declared_are_told),
        cmocka_unit_test(test_the_nearest_known_name_is_told),
        cmocka_unit_test(test_what_is_wrong_is_told_in_a_sentence),
        cmocka_unit_test(test_a_malformed_document_is_refused),
        cmocka_unit_test(test_without_an_account_any_owner_of_the_key_may_keep_it),
        cmocka_unit_test(test_keys_are_known_in_any_case_up_to_what_users_choose),
        cmocka_unit_test(test_a_document_as_it_is_written_is_found_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
