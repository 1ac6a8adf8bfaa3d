/*
 * What a reviewer of policies looks for. Pure, as the whole room: what requests
 * know, the time and who is declared are handed in.
 */
#pragma once

#include "policy/policy.h"
#include "util/json.h"

typedef struct {
    const char *rule; /* "any-resource": docs/policy.md has them all */
    const char *path; /* "Statement[2].Action[1]"; "" is the document */
    const char *text; /* a sentence without its end */
} policy_finding;

typedef struct {
    const policy_vocabulary *known;
    int64_t now_ms;
    /* Of a resource policy, and attached of a trust policy: */
    const char
        *attached;       /* the ARN it is attached to, or a pattern of it as policies write them; else NULL */
    const char *account; /* that owns the resource; NULL: unknown */
    const char *keeper; /* the action that changes it: "kms:PutKeyPolicy"; NULL: lock-out is not looked for */
    /** Is there this user or role? NULL: who there is is not known. */
    bool (*has_principal)(void *arg, slice_t arn);
    void (*tell)(void *arg, const policy_finding *finding);
    void *arg;
} policy_lint_spec;

/**
 * Tell what is suspicious in a document, statement by statement.
 *
 * @param[out] ret_findings  How many were told.
 * @retval P11KMS_E_POLICY_MALFORMED  As policy_compile().
 */
MUST_USE p11kms_err policy_lint(slice_t json, policy_kind kind, const policy_lint_spec *spec,
                                size_t *ret_findings);

/* ---- names ---- */

#define POLICY_NAME_SHOWN 160

/** The known action nearest to @p name, wildcards apart; NULL where none is near. */
const char *policy_nearest_action(const policy_vocabulary *known, slice_t name);
/** The known condition key nearest to @p key ("aws:PrincipalTag/team"); false where none is near. */
bool policy_nearest_key(const policy_vocabulary *known, slice_t key, char out[POLICY_NAME_SHOWN]);
/** NULL when no request carries it. @p ret_rest as policy_key_is(). */
const policy_key *policy_find_key(const policy_vocabulary *known, slice_t key, size_t *ret_rest);

/* ---- a document as it is written ---- */

/** Statement @p i of a document that compiles. */
const json_t *policy_source_statement(const json_t *document, size_t i);
/** Condition @p i of a statement, counted as policy_examine_condition() does. */
void policy_source_condition(const json_t *statement, size_t i, slice_t *ret_op, slice_t *ret_key,
                             const json_t **ret_values);
