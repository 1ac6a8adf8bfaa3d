/*
 * A compiled policy document, as the files of this room see it. All of it
 * stands in one block that policy_unref() frees; nothing in it changes after
 * compiling.
 */
#pragma once

#include <stdatomic.h>

#include "policy/pattern.h"
#include "policy/policy.h"
#include "policy/values.h"

/* ---- Condition ---- */

typedef struct operator_row operator_row_t; /* condition.c's table */

typedef enum { SET_NONE, SET_ALL_VALUES, SET_ANY_VALUE } set_operator;

/** One value of a condition, in the form its operator compares. */
typedef union {
    pattern_t pattern; /* String..., Arn..., Bool */
    double number;
    int64_t date_ms;
    slice_t bytes;
    address_range range;
    bool flag; /* Null */
} operand_t;

typedef struct {
    const operator_row_t *op;
    set_operator set;
    bool if_exists;
    slice_t key; /* lower case */
    slice_t key_as_written;
    const operand_t *operands;
    size_t n_operands;
} condition_t;

/* ---- Principal ---- */

typedef enum {
    PRINCIPAL_ENTRY_ANYONE,    /* "*" */
    PRINCIPAL_ENTRY_ACCOUNT,   /* text is the account id */
    PRINCIPAL_ENTRY_SELF,      /* a user's, session's or federated user's ARN */
    PRINCIPAL_ENTRY_ROLE,      /* a role's ARN */
    PRINCIPAL_ENTRY_SERVICE,   /* "secretsmanager.amazonaws.com" */
    PRINCIPAL_ENTRY_FEDERATED, /* an identity provider's name or ARN */
} principal_entry_kind;

typedef struct {
    principal_entry_kind kind;
    slice_t text;
} principal_entry_t;

/* ---- the document ---- */

typedef struct {
    const char *sid; /* "" where there is none */
    bool deny;
    bool not_action;          /* actions are those of NotAction */
    bool not_resource;        /* likewise */
    bool not_principal;       /* likewise; implies deny */
    const pattern_t *actions; /* lower case */
    size_t n_actions;         /* 0: the statement is inert */
    const pattern_t *resources;
    size_t n_resources; /* 0: the statement is inert, but in a trust policy */
    const principal_entry_t *principals;
    size_t n_principals;
    const condition_t *conditions;
    size_t n_conditions;
} statement_t;

struct policy {
    atomic_uint references;
    policy_kind kind;
    const char *name;
    const statement_t *statements;
    size_t n_statements;
};

/* Resource policies and trust policies say whom they mean; the others are attached to it. */
static inline bool policy_kind_has_principal(policy_kind kind)
{
    return kind == POLICY_RESOURCE || kind == POLICY_TRUST;
}

/* ---- evaluating ---- */

#define ACTION_MAX 128 /* of a request; the longest in AWS's service authorization reference has 64 */

/** What an explanation supposes of a decision. */
typedef struct {
    struct {
        const statement_t *statement;
        naming names; /* how closely it then names the caller; NAMES_NOBODY: it does not apply */
    } statements[POLICY_TURN_MAX];
    size_t n_statements;
    /* Besides what there is: */
    bool identity_allows;
    bool boundary_allows;
    bool session_allows;
    naming resource_names; /* the resource policy allows the caller, named so */
} supposed_t;

/** One decision under way. */
typedef struct {
    const policy_request *request;
    const supposed_t *supposed; /* NULL: nothing */
    slice_t action; /* lower case */
    bool has_boundary;
    match_work work;
    uint8_t action_text[ACTION_MAX];
} evaluation_t;

/** Services and users of an identity provider belong to no account and have no policies of their own. */
static inline bool caller_has_account(const policy_caller *caller)
{
    return caller->kind != CALLER_SERVICE && !(caller->kind == CALLER_FEDERATED && caller->federated.len > 0);
}

void evaluation_begin(evaluation_t *evaluation, const policy_request *request, bool has_boundary);
/** As policy_decide(); @p supposed may be NULL. */
policy_decision decide_supposing(const policy_request *request, const policy_set *set, const supposed_t *supposed);
/** Every part of @p statement that keeps it from applying. *ret_names: how closely it names the caller. */
unsigned statement_misses(evaluation_t *evaluation, const policy_t *policy, const statement_t *statement,
                          naming *ret_names);

/** @p deny: of a statement that denies. */
bool condition_holds(evaluation_t *evaluation, const condition_t *condition, bool deny);
/** "ForAnyValue:StringLikeIfExists", appended. */
void condition_operator(const condition_t *condition, buf_t *out);
/** Does every condition of @p statement hold? */
bool conditions_hold(evaluation_t *evaluation, const statement_t *statement);

/** How closely the statement's Principal or NotPrincipal takes the caller in; NAMES_NOBODY: not at all. */
naming principals_naming(const statement_t *statement, const policy_caller *caller, bool has_boundary);
