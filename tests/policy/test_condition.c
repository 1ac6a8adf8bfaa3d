/* Every operator, alone and with IfExists, ForAllValues and ForAnyValue. */
#include <stdio.h>

#include "tests/policy/kit.h"

/* Does "Effect": @p effect with this condition take effect on a request with @p keys? */
static bool holds(const char *effect, const char *condition, const kit_key *keys)
{
    char elements[2048];
    policy_request request = kit_request_with(keys);

    snprintf(elements, sizeof(elements), "'Effect':'%s','Action':'*','Resource':'*','Condition':{%s}", effect,
             condition);
    _cleanup_(policy) policy_t *policy = kit_statement(POLICY_IDENTITY, elements);
    return policy_decide_one(policy, &request).kind != DECISION_IMPLICIT_DENY;
}

/* ---- the forms of every operator ---- */

typedef struct {
    const char *name;
    const char *values; /* of the policy */
    const char *meets;  /* a request's value that meets the operator */
    const char *fails;
    bool negated;
} operator_case;

#define ARN "arn:aws:iam::111122223333:role/"

static const operator_case operators[] = {
    { "StringEquals", "['red','blue']", "blue", "Blue", false },
    { "StringNotEquals", "['red','blue']", "Blue", "blue", true },
    { "StringEqualsIgnoreCase", "['red','blue']", "BLUE", "green", false },
    { "StringNotEqualsIgnoreCase", "['red','blue']", "green", "BLUE", true },
    { "StringLike", "['r*d','b?ue']", "blue", "bllue", false },
    { "StringNotLike", "['r*d','b?ue']", "bllue", "blue", true },
    { "NumericEquals", "[10,'20.5']", "20.50", "21", false },
    { "NumericNotEquals", "[10,'20.5']", "21", "10.0", true },
    { "NumericLessThan", "10", "9.9", "10", false },
    { "NumericLessThanEquals", "10", "10", "10.1", false },
    { "NumericGreaterThan", "10", "11", "10", false },
    { "NumericGreaterThanEquals", "10", "10", "9", false },
    { "DateEquals", "['2026-01-02T03:04:05Z','2027-01-01']", "2026-01-02T04:04:05+01:00", "2026-01-02",
      false },
    { "DateNotEquals", "'2026-01-02T03:04:05Z'", "1767323046", "1767323045", true },
    { "DateLessThan", "'2026-01-02T03:04:05Z'", "2026-01-02T03:04:04Z", "2026-01-02T03:04:05Z", false },
    { "DateLessThanEquals", "'2026-01-02T03:04:05Z'", "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z", false },
    { "DateGreaterThan", "1767323045", "2026-01-02T03:04:06Z", "2026-01-02T03:04:05Z", false },
    { "DateGreaterThanEquals", "1767323045", "2026-01-02T03:04:05Z", "2026-01-02T03:04:04Z", false },
    { "Bool", "true", "TRUE", "false", false },
    { "BinaryEquals", "['QQ==','QmluYXJ5']", "Binary", "QmluYXJ5", false },
    { "IpAddress", "['203.0.113.0/24','2001:DB8::/32']", "2001:db8::1", "198.51.100.1", false },
    { "NotIpAddress", "['203.0.113.0/24','2001:DB8::/32']", "198.51.100.1", "203.0.113.1", true },
    { "ArnEquals", "['" ARN "app','" ARN "db-*']", ARN "db-1", ARN "web", false },
    { "ArnNotEquals", "['" ARN "app','" ARN "db-*']", ARN "web", ARN "app", true },
    { "ArnLike", "['" ARN "app','" ARN "db-*']", ARN "app", ARN "App", false },
    { "ArnNotLike", "['" ARN "app','" ARN "db-*']", ARN "App", ARN "db-", true },
};

/*
 * What a request carries: M a value that meets the operator, F one that fails, "-" no key, "0" a key of no
 * values.
 */
static const char *const carried[] = { "-", "M", "F", "MM", "MF", "FF", "0" };

typedef struct {
    const char *effect;
    const char *prefix;
    const char *suffix;
    const char *expected;     /* a digit a column of carried */
    const char *when_negated; /* where it differs, else NULL */
} form_case;

/*
 * The columns of carried are - M F MM MF FF 0.
 * Several values need a set operator: without one an Allow never holds, a Deny does for one of them.
 */
static const form_case forms[] = {
    { "Allow", "", "", "0100000", "1100001" },
    { "Deny", "", "", "0101100", "1101101" },
    { "Allow", "", "IfExists", "1100001", NULL },
    { "Deny", "", "IfExists", "1101101", NULL },
    { "Allow", "ForAllValues:", "", "1101001", NULL },
    { "Deny", "ForAllValues:", "", "1101001", NULL },
    { "Allow", "ForAnyValue:", "", "0101100", NULL },
    { "Deny", "ForAnyValue:", "", "0101100", NULL },
    { "Allow", "ForAllValues:", "IfExists", "1101001", NULL },
    { "Allow", "ForAnyValue:", "IfExists", "1101101", NULL },
};

static void carry(const operator_case *op, const char *what, kit_key keys[2])
{
    memset(keys, 0, 2 * sizeof(keys[0]));
    if (what[0] == '-') {
        return;
    }
    keys[0].key = "aws:key";
    keys[0].multi = what[0] == '0' || what[1] != '\0';
    for (size_t i = 0; what[0] != '0' && what[i] != '\0'; i++) {
        keys[0].values[i] = what[i] == 'M' ? op->meets : op->fails;
    }
}

static void check_form(const operator_case *op, const form_case *form)
{
    const char *expected = op->negated && form->when_negated != NULL ? form->when_negated : form->expected;
    char condition[1024];
    kit_key keys[2];

    snprintf(condition, sizeof(condition), "'%s%s%s':{'aws:key':%s}", form->prefix, op->name, form->suffix,
             op->values);
    for (size_t i = 0; i < COUNT_OF(carried); i++) {
        carry(op, carried[i], keys);
        if (holds(form->effect, condition, keys) != (expected[i] == '1')) {
            fail_msg("%s %s with '%s' should %shold", form->effect, condition, carried[i],
                     expected[i] == '1' ? "" : "not ");
        }
    }
}

static void test_every_operator_in_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        for (size_t j = 0; j < COUNT_OF(forms); j++) {
            check_form(&operators[i], &forms[j]);
        }
    }
}

/* ---- what single operators make of values ---- */

typedef struct {
    const char *condition;
    const char *value; /* of aws:key; NULL: absent */
    bool holds;
} value_case;

static const value_case values[] = {
    { "'StringEquals':{'aws:key':'a*'}", "a*", true },
    { "'StringEquals':{'aws:key':'a*'}", "ab", false },
    { "'StringEquals':{'aws:key':''}", "", true },
    { "'StringEquals':{'aws:key':7}", "7", true },
    { "'StringEquals':{'aws:key':true}", "true", true },
    { "'StringEquals':{'aws:key':'\xc3\xa9'}", "\xc3\xa9", true },
    { "'StringEquals':{'aws:key':'\\u00e9'}", "\xc3\xa9", true },
    { "'StringLike':{'aws:key':''}", "", true },
    { "'StringLike':{'aws:key':'*'}", "", true },
    { "'StringLike':{'aws:key':'[a]'}", "a", false },
    { "'StringLike':{'aws:key':'a?c'}",
      "a\xc3\xa9"
      "c",
      true },
    { "'StringLike':{'aws:key':'line*'}", "line\nnext", true },
    { "'StringNotLike':{'aws:key':'*'}", "", false },
    { "'NumericEquals':{'aws:key':'0.1'}", "0.10", true },
    { "'NumericEquals':{'aws:key':0.1}", "0.1", true },
    { "'NumericEquals':{'aws:key':'-5'}", "-5", true },
    { "'NumericLessThan':{'aws:key':'5'}", "-6", true },
    { "'NumericLessThan':{'aws:key':'5'}", "four", false },
    { "'NumericLessThan':{'aws:key':'5'}", "", false },
    { "'NumericNotEquals':{'aws:key':'5'}", "five", true },
    { "'NumericGreaterThan':{'aws:key':[5,100]}", "6", true },
    { "'DateLessThan':{'aws:key':'2026-01-02'}", "never", false },
    { "'DateNotEquals':{'aws:key':'2026-01-02'}", "never", true },
    { "'DateGreaterThan':{'aws:key':'2026-01'}", "1767225601", true },
    { "'DateEquals':{'aws:key':'2026-01-02T03:04:05.500Z'}", "2026-01-02T03:04:05.5Z", true },
    { "'Bool':{'aws:key':'True'}", "true", true },
    { "'Bool':{'aws:key':'true'}", "1", false },
    { "'Bool':{'aws:key':'false'}", "", false },
    { "'Bool':{'aws:key':['true','false']}", "false", true },
    { "'BinaryEquals':{'aws:key':''}", "", true },
    { "'IpAddress':{'aws:key':'203.0.113.7'}", "203.0.113.7", true },
    { "'IpAddress':{'aws:key':'203.0.113.7'}", "203.0.113.8", false },
    { "'IpAddress':{'aws:key':'203.0.113.0/24'}", "203.0.113.0/24", false },
    { "'IpAddress':{'aws:key':'0.0.0.0/0'}", "unix", false },
    { "'NotIpAddress':{'aws:key':'203.0.113.0/24'}", "unix", true },
    { "'ArnLike':{'aws:key':'arn:aws:iam::*:role/*'}", "arn:aws:iam::1:role/a:b", true },
    { "'ArnLike':{'aws:key':'arn:aws:iam::*:role/*'}", "arn:aws:iam::1:user/a", false },
    { "'ArnNotLike':{'aws:key':'arn:aws:iam::*:role/*'}", "alice", true },
    { "'Null':{'aws:key':'true'}", NULL, true },
    { "'Null':{'aws:key':'true'}", "x", false },
    { "'Null':{'aws:key':'true'}", "", false },
    { "'Null':{'aws:key':false}", NULL, false },
    { "'Null':{'aws:key':false}", "x", true },
    { "'Null':{'aws:key':['true','false']}", "x", true },
    /* operators and keys are joined by AND */
    { "'StringLike':{'aws:key':'a*'},'StringNotEquals':{'aws:key':'ab'}", "ac", true },
    { "'StringLike':{'aws:key':'a*'},'StringNotEquals':{'aws:key':'ab'}", "ab", false },
    { "'StringEquals':{'aws:key':'a','aws:other':'b'}", "a", false },
    { "'StringEqualsIfExists':{'aws:key':'a','aws:other':'b'}", "a", true },
    { "'StringEquals':{}", "a", true },
    /* names of operators and keys are equal in any case */
    { "'stringequals':{'AWS:KEY':'a'}", "a", true },
    { "'FORANYVALUE:STRINGEQUALSIFEXISTS':{'Aws:Key':'a'}", "b", false },
};

static void test_operators_compare_values_as_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        kit_key keys[] = { { "aws:key", { values[i].value }, false }, { 0 } };

        if (holds("Allow", values[i].condition, values[i].value != NULL ? keys : keys + 1) !=
            values[i].holds) {
            fail_msg("%s with '%s'", values[i].condition, values[i].value);
        }
    }
}

/* ---- keys of several values ---- */

static const struct {
    const char *condition;
    kit_key keys[2];
    bool holds;
} several[] = {
    /* from the IAM User Guide, "Single-valued vs. multivalued context keys" */
    { "'ForAllValues:StringEquals':{'aws:TagKeys':['environment','cost-center']},'Null':{'aws:TagKeys':'"
      "false'}",
      { { "aws:TagKeys", { "environment" }, true } },
      true },
    { "'ForAllValues:StringEquals':{'aws:TagKeys':['environment','cost-center']},'Null':{'aws:TagKeys':'"
      "false'}",
      { { "aws:TagKeys", { "environment", "cost-center" }, true } },
      true },
    { "'ForAllValues:StringEquals':{'aws:TagKeys':['environment','cost-center']},'Null':{'aws:TagKeys':'"
      "false'}",
      { { "aws:TagKeys", { "environment", "dept" }, true } },
      false },
    { "'ForAllValues:StringEquals':{'aws:TagKeys':['environment','cost-center']},'Null':{'aws:TagKeys':'"
      "false'}",
      { { 0 } },
      false },
    { "'ForAnyValue:StringEquals':{'aws:TagKeys':['environment','cost-center']}",
      { { "aws:TagKeys", { "environment", "dept" }, true } },
      true },
    { "'ForAnyValue:StringEquals':{'aws:TagKeys':['environment','cost-center']}",
      { { "aws:TagKeys", { "dept" }, true } },
      false },
    { "'ForAnyValue:StringEquals':{'aws:TagKeys':['environment','cost-center']}", { { 0 } }, false },
    /* a set operator on a key of one value sees a set of one */
    { "'ForAnyValue:StringEquals':{'aws:PrincipalTag/team':'red'}",
      { { "aws:PrincipalTag/team", { "red" }, false } },
      true },
    { "'ForAllValues:StringEquals':{'aws:PrincipalTag/team':'red'}",
      { { "aws:PrincipalTag/team", { "blue" }, false } },
      false },
    /* a set of nothing, or of an empty string, is null */
    { "'Null':{'aws:TagKeys':'true'}", { { "aws:TagKeys", { NULL }, true } }, true },
    { "'Null':{'aws:TagKeys':'true'}", { { "aws:TagKeys", { "" }, true } }, true },
    { "'Null':{'aws:TagKeys':'true'}", { { "aws:TagKeys", { "", "a" }, true } }, false },
    { "'ForAllValues:StringEquals':{'aws:TagKeys':'a'}", { { "aws:TagKeys", { "" }, true } }, true },
    { "'ForAnyValue:StringEquals':{'aws:TagKeys':''}", { { "aws:TagKeys", { "" }, true } }, false },
    { "'ForAllValues:NumericLessThan':{'kms:n':10}", { { "kms:n", { "1", "9" }, true } }, true },
    { "'ForAllValues:NumericLessThan':{'kms:n':10}", { { "kms:n", { "1", "10" }, true } }, false },
    { "'ForAnyValue:IpAddress':{'kms:n':'203.0.113.0/24'}",
      { { "kms:n", { "::1", "203.0.113.9" }, true } },
      true },
    { "'ForAllValues:Bool':{'kms:n':'true'}", { { "kms:n", { "true", "false" }, true } }, false },
};

static void test_keys_of_several_values_as_in_the_user_guide(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(several); i++) {
        if (holds("Allow", several[i].condition, several[i].keys) != several[i].holds) {
            fail_msg("row %zu: %s", i, several[i].condition);
        }
    }
}

static bool exact_lookup(void *arg, slice_t key, slice_t key_as_written, policy_values *ret)
{
    static const slice_t value = { (const uint8_t *)"App", 3 };
    unsigned *asked = arg;

    ++*asked;
    assert_slice_text(key, "kms:encryptioncontext:app:name");
    assert_slice_text(key_as_written, "KMS:EncryptionContext:App:Name");
    *ret = (policy_values){ .values = &value, .n = 1 };
    return true;
}

static void test_a_key_is_looked_up_in_lower_case_and_as_written(void **state)
{
    unsigned asked = 0;
    policy_request request = kit_request(kit_alice());
    _cleanup_(policy) policy_t *policy = kit_statement(
        POLICY_IDENTITY, "'Effect':'Allow','Action':'*','Resource':'*',"
                         "'Condition':{'StringEquals':{'KMS:EncryptionContext:App:Name':'App'}}");
    (void)state;

    request.lookup = exact_lookup;
    request.lookup_arg = &asked;
    assert_string_equal(kit_says(policy, &request), "allow");
    assert_int_equal(asked, 1);
}

static void test_a_request_without_keys_has_none(void **state)
{
    policy_request request = kit_request(kit_alice());
    _cleanup_(policy) policy_t *needs =
        kit_statement(POLICY_IDENTITY, "'Effect':'Allow','Action':'*','Resource':'*',"
                                       "'Condition':{'StringLike':{'aws:username':'*'}}");
    _cleanup_(policy) policy_t *spares =
        kit_statement(POLICY_IDENTITY, "'Effect':'Allow','Action':'*','Resource':'*',"
                                       "'Condition':{'Null':{'aws:username':'true'}}");
    (void)state;

    assert_string_equal(kit_says(needs, &request), "none");
    assert_string_equal(kit_says(spares, &request), "allow");
}

/* Conditions are asked only where action, principal and resource already apply. */
static void test_conditions_are_asked_last(void **state)
{
    unsigned asked = 0;
    policy_request request = kit_request(kit_alice());
    _cleanup_(policy) policy_t *policy = kit_policy(
        POLICY_RESOURCE,
        "{'Statement':[{'Effect':'Deny','Principal':'*','Action':'kms:Encrypt','Resource':'*',"
        "'Condition':{'StringEquals':{'kms:encryptioncontext:app:name':'x'}}},"
        "{'Effect':'Deny','Principal':{'AWS':'444455556666'},'Action':'kms:Decrypt','Resource':'*',"
        "'Condition':{'StringEquals':{'kms:encryptioncontext:app:name':'x'}}},"
        "{'Effect':'Deny','Principal':'*','Action':'kms:Decrypt','Resource':'arn:aws:kms:*:*:alias/*',"
        "'Condition':{'StringEquals':{'kms:encryptioncontext:app:name':'x'}}}]}");
    (void)state;

    request.lookup = exact_lookup;
    request.lookup_arg = &asked;
    assert_string_equal(kit_says(policy, &request), "none");
    assert_int_equal(asked, 0);
}

#define MANY 3000    /* values of the request, */
#define OPERANDS 400 /* and of the policy */

static bool many_values(void *arg, slice_t key, slice_t key_as_written, policy_values *ret)
{
    static slice_t all[MANY];

    (void)key;
    (void)key_as_written;
    for (size_t i = 0; i < MANY; i++) {
        all[i] = SLICE_LIT("none of them");
    }
    ++*(unsigned *)arg;
    *ret = (policy_values){ all, MANY, true };
    return true;
}

/* Whoever may write a key's policy and send a context of many names must not keep the service busy. */
static void test_many_values_against_many_fail_instead(void **state)
{
    static const struct {
        const char *operator;
        const char *operand;
    } costly[] = {
        { "StringEquals", "'1'" },
        { "StringLike", "'*1'" },
        { "NumericEquals", "'1'" },
        { "StringEquals", "'${aws:username}'" },
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(costly); i++) {
        _cleanup_buf_ buf_t text = { 0 };
        unsigned asked = 0;
        policy_request request = kit_request(kit_alice());

        request.lookup = many_values;
        request.lookup_arg = &asked;
        buf_printf(
            &text,
            "{'Version':'2012-10-17','Statement':[{'Effect':'Allow','Action':'*','Resource':'*','Condition':"
            "{'ForAnyValue:%s':{'aws:TagKeys':[",
            costly[i].operator);
        for (size_t n = 0; n < OPERANDS; n++) {
            buf_printf(&text, "%s%s", n > 0 ? "," : "", costly[i].operand);
        }
        /* What comes behind would allow: the decision as a whole fails. */
        buf_put_str(&text, "]}}},{'Effect':'Allow','Action':'*','Resource':'*'}]}");
        _cleanup_(policy) policy_t *policy = kit_policy(POLICY_IDENTITY, buf_str(&text));

        assert_string_equal(kit_says(policy, &request), "none");
        assert_true(asked < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operator_in_every_form),
        cmocka_unit_test(test_operators_compare_values_as_documented),
        cmocka_unit_test(test_keys_of_several_values_as_in_the_user_guide),
        cmocka_unit_test(test_a_key_is_looked_up_in_lower_case_and_as_written),
        cmocka_unit_test(test_a_request_without_keys_has_none),
        cmocka_unit_test(test_conditions_are_asked_last),
        cmocka_unit_test(test_many_values_against_many_fail_instead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
