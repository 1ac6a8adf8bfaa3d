/* room: cli. A question for policies, from the words of a line. */
#pragma once

#include "cli/policy_case.h"

/* Options that explain and who-can take. */
extern const cli_option policy_option_resource;
extern const cli_option policy_option_context;
extern const cli_option policy_option_set;
extern const cli_option policy_option_source_ip;
extern const cli_option policy_option_at;
extern const cli_option policy_option_region;

#define ASK_GIVEN_MAX (CLI_GIVEN_MAX + 2) /* and the time, in two forms */

/** A condition key that the line gives. */
typedef struct {
    const policy_key *known;
    slice_t rest; /* what goes on behind its name */
    slice_t values[CLI_GIVEN_MAX];
    size_t n;
} ask_given;

/** How it is asked, whoever asks. */
typedef struct {
    const policy_case *all;
    const policy_action *action;
    const char *resource; /* as written; "*" */
    const char *region;
    const char *source_ip; /* NULL: unknown */
    int64_t at_ms;
    context_pair context[CLI_GIVEN_MAX];
    size_t n_context;
    ask_given given[ASK_GIVEN_MAX];
    size_t n_given;
} ask_line;

/** @retval P11KMS_E_SYNTAX  The detail says what is wrong, with the nearest known name. */
MUST_USE p11kms_err ask_parse(const policy_case *all, const cli_line *line, const char *action,
                              ask_line *ret);

/** What is asked for: a key, a role, or what has no policy of its own. */
typedef struct {
    kms_key_t *key; /* a reference */
    const principal_t *role;
    const char *arn;   /* NULL: "*", a key or a role */
    const char *shown; /* its ARN, or "*" */
    const char *alias; /* of a key; or NULL */
} ask_resource;

#define ASK_RESOURCES_MAX 2 /* alias operations ask for the alias and for its key */

/**
 * What the line's resource means to @p account: names of keys are its own; NULL: any account's, if one alone
 * has it.
 *
 * @retval P11KMS_E_NOT_FOUND, P11KMS_E_KEY_NOT_FOUND, P11KMS_E_ARN, P11KMS_E_SYNTAX
 */
MUST_USE p11kms_err ask_find(const ask_line *ask, const char *account, ask_resource ret[ASK_RESOURCES_MAX],
                             size_t *ret_n);
/** "ARN", or "ARN (ALIAS)". */
void ask_put_resource(const ask_resource *resource, buf_t *out);
void ask_resources_clear(ask_resource *resources, size_t n);

/**
 * Who @p arn is when it asks: a user, a session of a role (of one called "any", where the role is named), a
 * web identity of a declared provider. In the arena of the case.
 *
 * @retval P11KMS_E_NOT_FOUND  Not declared.
 */
MUST_USE p11kms_err ask_principal(const ask_line *ask, const char *arn, const principal_t **ret);
/** A declared user, or a session of a declared role. */
const principal_t *ask_caller(const ask_line *ask, const principal_t *declared);

/** One question, and the decision. Points into itself. */
typedef struct {
    const ask_line *ask;
    const principal_t *principal;
    const ask_resource *resource;
    op_question_t put;      /* as a request would put it */
    policy_request request; /* and with what the line gives */
    policy_decision decision;
    const char *refusal; /* it is refused whatever policies say, for this reason; else NULL */
} ask_question;

MUST_USE p11kms_err ask_decide(const ask_line *ask, const principal_t *principal,
                               const ask_resource *resource, ask_question *ret);
bool ask_allows(const ask_question *question);
