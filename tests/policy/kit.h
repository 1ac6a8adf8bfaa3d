/* What the policy tests share: documents without escaped quotes, and requests from tables. */
#pragma once

#include "policy/policy.h"
#include "tests/testing.h"

#define KIT_ACCOUNT "111122223333"
#define KIT_OTHER "444455556666"
#define KIT_KEY "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
#define KIT_ALICE "arn:aws:iam::111122223333:user/alice"
#define KIT_ROLE "arn:aws:iam::111122223333:role/app"
#define KIT_SESSION "arn:aws:sts::111122223333:assumed-role/app/web-1"

/** @p text with ' for " and ^ for '. Good until the fourth call after. */
const char *kit_json(const char *text);
/** Compile kit_json(text), or fail the test with the reason. */
policy_t *kit_policy(policy_kind kind, const char *text);
/** A document of one statement: kit_statement(POLICY_IDENTITY, "'Effect':'Allow',..."). */
policy_t *kit_statement(policy_kind kind, const char *elements);

#define KIT_VALUES_MAX 4
#define KIT_KEYS_MAX 8

/** A condition key of a request; ends with the first NULL value. */
typedef struct {
    const char *key;
    const char *values[KIT_VALUES_MAX];
    bool multi;
} kit_key;

/** Keys of a request, ended by one without a name. Compares as AWS does: in any case. */
bool kit_lookup(void *keys, slice_t key, slice_t key_as_written, policy_values *ret);

policy_caller kit_alice(void);
policy_caller kit_session(void);
policy_caller kit_root(void);
/** Of @p caller: kms:Decrypt on KIT_KEY, without condition keys. */
policy_request kit_request(policy_caller caller);
/** The request of alice with these keys; the array is used by reference. */
policy_request kit_request_with(const kit_key *keys);

/** "allow", "deny" or "none": what one document says. */
const char *kit_says(const policy_t *policy, const policy_request *request);
