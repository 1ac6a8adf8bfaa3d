/*
 * What a policy decision costs. Not a test: build with "make tests/bench/bench_policy" and run by hand.
 * Prints nanoseconds a decision: the best of five rounds.
 */
#include <stdio.h>
#include <time.h>

#include "policy/policy.h"

#define ROUNDS 5
#define DECISIONS 200000

#define ACCOUNT "111122223333"
#define KEY "arn:aws:kms:eu-west-1:" ACCOUNT ":key/1234abcd-12ab-34cd-56ef-1234567890ab"

static const char default_key_policy[] =
    "{\"Version\":\"2012-10-17\",\"Id\":\"key-default-1\",\"Statement\":[{\"Sid\":\"Enable IAM User "
    "Permissions\","
    "\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::" ACCOUNT ":root\"},\"Action\":\"kms:*\","
    "\"Resource\":\"*\"}]}";

/* As the console writes one, with what security people add to it. */
static const char ten_statements[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":["
    "{\"Sid\":\"Delegate\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::" ACCOUNT ":root\"},"
    "\"Action\":\"kms:*\",\"Resource\":\"*\"},"
    "{\"Sid\":\"Administrators\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"arn:aws:iam::" ACCOUNT
    ":role/admin\","
    "\"arn:aws:iam::" ACCOUNT
    ":user/carol\"]},\"Action\":[\"kms:Create*\",\"kms:Describe*\",\"kms:Enable*\",\"kms:List*\","
    "\"kms:Put*\",\"kms:Update*\",\"kms:Revoke*\",\"kms:Disable*\",\"kms:Get*\",\"kms:Delete*\",\"kms:"
    "TagResource\","
    "\"kms:UntagResource\",\"kms:ScheduleKeyDeletion\",\"kms:CancelKeyDeletion\"],\"Resource\":\"*\"},"
    "{\"Sid\":\"Backup\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::" ACCOUNT
    ":role/backup\"},"
    "\"Action\":[\"kms:Encrypt\",\"kms:Decrypt\",\"kms:ReEncrypt*\",\"kms:GenerateDataKey*\",\"kms:"
    "DescribeKey\"],"
    "\"Resource\":\"*\"},"
    "{\"Sid\":\"Partner\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"444455556666\",\"777788889999\"]},"
    "\"Action\":[\"kms:Decrypt\",\"kms:DescribeKey\"],\"Resource\":\"*\",\"Condition\":{\"StringEquals\":"
    "{\"kms:EncryptionContext:tenant\":\"partner\"}}},"
    "{\"Sid\":\"Grants\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::" ACCOUNT ":role/app\"},"
    "\"Action\":[\"kms:CreateGrant\",\"kms:ListGrants\",\"kms:RevokeGrant\"],\"Resource\":\"*\","
    "\"Condition\":"
    "{\"Bool\":{\"kms:GrantIsForAWSResource\":\"true\"}}},"
    "{\"Sid\":\"NoPlainHttp\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"kms:*\",\"Resource\":\"*"
    "\","
    "\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}},"
    "{\"Sid\":\"OurNetworks\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"kms:Decrypt\",\"kms:"
    "GenerateDataKey*\"],"
    "\"Resource\":\"*\",\"Condition\":{\"NotIpAddress\":{\"aws:SourceIp\":[\"203.0.113.0/24\",\"2001:db8::/"
    "32\"]}}},"
    "{\"Sid\":\"KeepIt\",\"Effect\":\"Deny\",\"Principal\":{\"AWS\":\"*\"},\"Action\":[\"kms:"
    "ScheduleKeyDeletion\","
    "\"kms:DisableKey\"],\"Resource\":\"*\",\"Condition\":{\"ArnNotLike\":{\"aws:PrincipalArn\":"
    "\"arn:aws:iam::" ACCOUNT ":role/admin\"}}},"
    "{\"Sid\":\"Service\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"secretsmanager.amazonaws.com\"},"
    "\"Action\":[\"kms:Decrypt\",\"kms:GenerateDataKey\"],\"Resource\":\"*\"},"
    "{\"Sid\":\"Application\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:sts::" ACCOUNT
    ":assumed-role/app/"
    "web-1\"},\"Action\":[\"kms:Decrypt\",\"kms:GenerateDataKey\"],\"Resource\":\"*\",\"Condition\":"
    "{\"StringLike\":{\"kms:EncryptionContext:tenant\":\"web-*\"},\"StringEquals\":{\"kms:EncryptionContext:"
    "env\":"
    "[\"prod\",\"stage\"]}}}]}";

static const char identity_policy[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":["
    "{\"Effect\":\"Allow\",\"Action\":[\"secretsmanager:GetSecretValue\",\"secretsmanager:DescribeSecret\"],"
    "\"Resource\":\"arn:aws:secretsmanager:*:" ACCOUNT ":secret:app/*\"},"
    "{\"Effect\":\"Allow\",\"Action\":[\"kms:Decrypt\",\"kms:GenerateDataKey\"],"
    "\"Resource\":\"arn:aws:kms:*:" ACCOUNT ":key/*\"},"
    "{\"Effect\":\"Deny\",\"Action\":\"kms:Schedule*\",\"Resource\":\"*\"}]}";

static const char variables[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"kms:*\",\"Resource\":\"*"
    "\","
    "\"Condition\":{\"StringLike\":{\"kms:EncryptionContext:tenant\":\"${aws:PrincipalTag/team}-*\"}}}]}";

typedef struct {
    const char *key;
    slice_t value;
} key_row;

#define TEXT(lit)                                                                                            \
    {                                                                                                        \
        (const uint8_t *)(lit), sizeof(lit) - 1                                                              \
    }

static const key_row keys[] = {
    { "aws:securetransport", TEXT("true") },
    { "aws:sourceip", TEXT("203.0.113.9") },
    { "aws:principalarn", TEXT("arn:aws:iam::" ACCOUNT ":role/app") },
    { "aws:principaltag/team", TEXT("web") },
    { "kms:encryptioncontext:tenant", TEXT("web-7") },
    { "kms:encryptioncontext:env", TEXT("prod") },
};

static bool look_up(void *arg, slice_t key, slice_t key_as_written, policy_values *ret)
{
    (void)arg;
    (void)key_as_written;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (slice_eq_str(key, keys[i].key)) {
            *ret = (policy_values){ .values = &keys[i].value, .n = 1 };
            return true;
        }
    }
    return false;
}

static policy_t *compile(const char *json, policy_kind kind)
{
    policy_t *policy = NULL;
    p11kms_err err = policy_compile(SLICE_STR(json), kind, "bench", &policy);

    if (err != P11KMS_OK) {
        fprintf(stderr, "bench_policy: %s\n", p11kms_err_detail(err));
        exit(1);
    }
    return policy;
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void measure(const char *what, const policy_request *request, const policy_set *set,
                    decision_kind expected)
{
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double began = now_ns();

        for (int i = 0; i < DECISIONS; i++) {
            if (policy_decide(request, set).kind != expected) {
                fprintf(stderr, "bench_policy: %s: another decision than expected\n", what);
                exit(1);
            }
        }
        began = (now_ns() - began) / DECISIONS;
        best = round == 0 || began < best ? began : best;
    }
    printf("%-58s %7.0f ns\n", what, best);
}

static void measure_compile(void)
{
    double began = now_ns();

    for (int i = 0; i < 1000; i++) {
        policy_unref(compile(ten_statements, POLICY_RESOURCE));
    }
    printf("%-58s %7.0f ns\n", "compile the key policy of ten statements", (now_ns() - began) / 1000);
}

int main(void)
{
    _cleanup_(policy) policy_t *simple = compile(default_key_policy, POLICY_RESOURCE);
    _cleanup_(policy) policy_t *ten = compile(ten_statements, POLICY_RESOURCE);
    _cleanup_(policy) policy_t *identity = compile(identity_policy, POLICY_IDENTITY);
    _cleanup_(policy) policy_t *variable = compile(variables, POLICY_IDENTITY);
    policy_request request = {
        .caller = { .kind = CALLER_ROLE_SESSION,
                    .account = SLICE_LIT(ACCOUNT),
                    .arn = SLICE_LIT("arn:aws:sts::" ACCOUNT ":assumed-role/app/web-1"),
                    .role_arn = SLICE_LIT("arn:aws:iam::" ACCOUNT ":role/app") },
        .action = SLICE_LIT("kms:GenerateDataKey"),
        .resource = SLICE_LIT(KEY),
        .resource_account = SLICE_LIT(ACCOUNT),
        .lookup = look_up,
    };
    policy_set set = { .resource = simple, .resource_decides = true, .trusted = true };

    measure("default key policy, administrator", &request, &set, DECISION_ALLOW);
    set =
        (policy_set){ .identity = &identity, .n_identity = 1, .resource = simple, .resource_decides = true };
    measure("default key policy, identity policy of three statements", &request, &set, DECISION_ALLOW);
    set.resource = ten;
    measure("key policy of ten statements, and that identity policy", &request, &set, DECISION_ALLOW);
    set = (policy_set){ .resource = ten, .resource_decides = true };
    measure("key policy of ten statements", &request, &set, DECISION_ALLOW);
    set =
        (policy_set){ .identity = &variable, .n_identity = 1, .resource = simple, .resource_decides = true };
    measure("default key policy, identity policy with a variable", &request, &set, DECISION_ALLOW);
    measure_compile();
    return 0;
}
