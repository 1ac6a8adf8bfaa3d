/*
 * Policy documents and decisions. Pure: time, addresses and every other
 * attribute are handed in; nothing is read here but memory.
 *
 * A document is compiled once into an immutable policy_t; a decision allocates
 * nothing and takes about a microsecond for a key policy of ten statements.
 * The language is AWS's (IAM User Guide, "IAM JSON policy elements reference" and
 * "Policy evaluation logic"); docs/policy.md tells it to users.
 */
#pragma once

#include "util/bytes.h"

typedef struct policy policy_t; /* immutable, reference-counted, thread-safe */

typedef enum {
    POLICY_IDENTITY, /* of a user, group or role; no Principal allowed */
    POLICY_RESOURCE, /* a key's or secret's; Principal required */
    POLICY_TRUST,    /* a role's; Principal required, no Resource */
    POLICY_BOUNDARY, /* as POLICY_IDENTITY */
    POLICY_SESSION,  /* as POLICY_IDENTITY */
} policy_kind;

#define POLICY_SIZE_MAX 131072 /* kms.json, PolicyType; users meet 32 KiB through the operation's own check */
#define POLICY_STATEMENTS_MAX 512

/**
 * @param json  One document. A statement that lacks Action or Resource in a resource policy is kept and inert.
 * @param name  What to call it in explanations ("key policy of alias/app", "users/alice: ops"); copied.
 * @retval P11KMS_E_POLICY_MALFORMED  Detail says what and where: "Statement[2].Condition.StringLike: ...".
 *         Elements, operators and value types the language does not know are refused, never skipped.
 */
MUST_USE p11kms_err policy_compile(slice_t json, policy_kind kind, const char *name, policy_t **ret);
policy_t *policy_ref(policy_t *policy);
void policy_unref(policy_t *policy); /* NULL is fine */
DEFINE_CLEANUP(policy_t *, policy, policy_unref);
const char *policy_name(const policy_t *policy);
size_t policy_statements(const policy_t *policy);
/** The Sid of statement @p i, or "". */
const char *policy_sid(const policy_t *policy, size_t i);

typedef enum { CALLER_ROOT, CALLER_USER, CALLER_ROLE_SESSION, CALLER_FEDERATED, CALLER_SERVICE } caller_kind;

/** Who asks, as policies see it. Views are borrowed for the call. */
typedef struct {
    caller_kind kind;
    slice_t account;   /* 12 digits */
    slice_t arn;       /* arn:aws:iam::A:user/N; arn:aws:sts::A:assumed-role/R/S; service: "secretsmanager.amazonaws.com" */
    slice_t role_arn;  /* arn:aws:iam::A:role/R of a role session, else empty */
    slice_t federated; /* identity provider of a federated caller, else empty */
} policy_caller;

/**
 * Is @p text the ARN of an account, user, role, role session or federated user, as principals of "AWS" are named?
 * @param[out] ret_account  Of @p text; may be NULL.
 */
bool policy_is_principal(slice_t text, slice_t *ret_account);

/** One whom a statement names in Principal, or spares in NotPrincipal. */
typedef struct {
    slice_t arn;
    size_t statement;
    bool spared;
} policy_named;

/** The first user, role, session or federated user that a document names and @p known does not know; false: none. */
bool policy_find_stranger(const policy_t *policy, bool (*known)(void *arg, slice_t arn), void *arg, policy_named *ret);

/** Values of one condition key. @p multi: the key is multi-valued by nature (aws:TagKeys), even with one value. */
typedef struct {
    const slice_t *values;
    size_t n;
    bool multi;
} policy_values;

/**
 * @param key  The condition key in lower case, as "kms:encryptioncontext:app" or "aws:sourceip".
 *             (The part after the second colon or the slash keeps its case in @p key_as_written.)
 * @param ret  Its values must stay readable until the decision is made: a policy variable asks for another
 *             key while these are compared. A binary value is the bytes, not base64.
 * @return false when the request carries no such key.
 */
typedef bool (*policy_lookup)(void *arg, slice_t key, slice_t key_as_written, policy_values *ret);

/** What settles the value of a condition key: how it is asked, who asks, or what is asked for. */
typedef enum { KEY_OF_REQUEST, KEY_OF_CALLER, KEY_OF_RESOURCE } policy_key_source;

/** A condition key that requests here can carry; tables of them are what lookups go by and what lint knows. */
typedef struct {
    const char *name; /* "aws:PrincipalArn"; one that ends in '/' or ':' goes on with a name of the user's */
    policy_key_source of;
    bool multi; /* multi-valued by nature */
    bool now;   /* the time it is asked at */
} policy_key;

/**
 * Is @p key one of @p known, in any case?
 * @param[out] ret_rest  Where what goes on behind '/' or ':' begins; the key's length where nothing does.
 */
bool policy_key_is(const policy_key *known, slice_t key, size_t *ret_rest);

typedef struct {
    policy_caller caller;
    slice_t action;           /* "kms:Decrypt" */
    slice_t resource;         /* its ARN; "*" for operations without one */
    slice_t resource_account; /* the account that owns it; empty: the caller's */
    policy_lookup lookup;     /* may be NULL: no keys */
    void *lookup_arg;
} policy_request;

/** How closely a statement or a grant names the caller. An account's name leaves it to identity policies. */
typedef enum { NAMES_NOBODY, NAMES_ACCOUNT, NAMES_ROLE, NAMES_CALLER } naming;

/** Everything that applies to one request. Absent parts are NULL or 0. */
typedef struct {
    policy_t *const *identity; /* of the user and its groups, or of the role */
    size_t n_identity;
    policy_t *boundary;
    policy_t *const *session; /* of the session itself: what one of them allows, the session may */
    size_t n_session;
    policy_t *resource;
    /**
     * KMS rule: without an Allow in the resource policy (for the caller, or for the account,
     * which delegates to identity policies) identity policies allow nothing.
     * Others (secrets): either side suffices within an account.
     */
    bool resource_decides;
    /**
     * An administrator or the root: counts as an identity policy that allows everything. A deny still wins,
     * a boundary and session policies still limit.
     */
    bool trusted;
    /**
     * A grant allows this, to whom it names: counts as an Allow of the resource side. A role session that is
     * named itself has it through its role, so that its boundary and its session policies still limit it.
     */
    naming granted;
} policy_set;

typedef enum { DECISION_ALLOW, DECISION_IMPLICIT_DENY, DECISION_EXPLICIT_DENY } decision_kind;

/** Which kind of policy decided: the words of AWS's AccessDenied messages. */
typedef enum { BASIS_NONE, BASIS_IDENTITY, BASIS_RESOURCE, BASIS_BOUNDARY, BASIS_SESSION, BASIS_GRANT } decision_basis;

typedef struct {
    decision_kind kind;
    /* DENY: the kind that lacked an Allow, or held the Deny. ALLOW: the one that gave it. */
    decision_basis basis;
    const policy_t *policy; /* the document, NULL where none matched; borrowed from the set */
    size_t statement;       /* its index in it */
} policy_decision;

policy_decision policy_decide(const policy_request *request, const policy_set *set);

/** Is there a Deny for this request, or can that not be told as it costs too much to find out? */
bool policy_denies(const policy_request *request, const policy_set *set);

/** One document alone: does it allow or deny this request (Principal included where the kind has one)? */
policy_decision policy_decide_one(const policy_t *policy, const policy_request *request);

/**
 * How AWS's AccessDenied sentence goes on behind "... on resource: ARN": " because no identity-based policy
 * allows the kms:Decrypt action", " with an explicit deny in a resource-based policy". Appends nothing for
 * BASIS_NONE and for an ALLOW.
 */
void policy_denial_words(const policy_decision *decision, slice_t action, buf_t *out);

/** "*" and "?" as policies use them; case-sensitive. Linear in both lengths but for the number of stars. */
bool policy_glob(slice_t pattern, slice_t text);

/* ---- explanations: what is told is found by the evaluation that decides ---- */

/** What keeps a statement from applying to a request. */
#define MISSES_ACTION 0x01u
#define MISSES_PRINCIPAL 0x02u
#define MISSES_RESOURCE 0x04u
#define MISSES_CONDITION 0x08u
#define MISSES_INERT 0x10u /* it lacks Action or Resource and never applies */

typedef struct {
    const char *sid; /* "" where there is none */
    bool deny;
    unsigned misses; /* every part that does; 0: it applies */
    naming names;    /* NAMES_CALLER in documents without Principal */
    size_t n_conditions;
} policy_statement_view;

/** @param has_boundary  The caller has a permissions boundary, which NotPrincipal looks at. */
void policy_examine(const policy_t *policy, size_t statement, const policy_request *request, bool has_boundary,
                    policy_statement_view *ret);

#define POLICY_OPERATOR_TEXT 64

typedef struct {
    char op[POLICY_OPERATOR_TEXT]; /* "ForAnyValue:StringLikeIfExists" */
    slice_t key;                   /* as written */
    bool holds;
    policy_values values; /* what the request says; n is 0 where it says nothing */
} policy_condition_view;

/** Condition @p i of a statement, in the order they are written. */
void policy_examine_condition(const policy_t *policy, size_t statement, size_t i, const policy_request *request,
                              policy_condition_view *ret);

typedef enum {
    CHANGE_STATEMENT, /* a statement would apply, or no longer */
    CHANGE_IDENTITY,  /* an identity policy would allow it */
    CHANGE_BOUNDARY,  /* the permissions boundary would */
    CHANGE_SESSION,   /* the session policy would */
    CHANGE_RESOURCE,  /* the resource policy would, and name the caller (a role session by its role) */
    CHANGE_DELEGATE,  /* the resource policy would leave it to the identity policies of the caller's account */
    CHANGE_TRUST,     /* the caller would be no administrator */
    CHANGE_GRANT,     /* there would be no grant */
} policy_change_kind;

typedef struct {
    policy_change_kind kind;
    const policy_t *policy; /* CHANGE_STATEMENT */
    size_t statement;
    bool applies; /* it would; else it would no longer */
} policy_change;

#define POLICY_TURN_MAX 3

typedef struct {
    /** Changes that turn the decision when they come together; none of them can be left out. */
    void (*tell)(void *arg, const policy_change *changes, size_t n);
    /** Not NULL: only conditions may come out otherwise, over keys that this says may vary. */
    bool (*may_vary)(void *arg, slice_t key_as_written);
    void *arg;
} policy_turns_spec;

/**
 * What would turn the decision. Tells sets of at most POLICY_TURN_MAX changes, smaller ones first, each found by
 * deciding again. What any decision is turned by is not told: a further Deny.
 * @return how many were told
 */
size_t policy_turns(const policy_request *request, const policy_set *set, const policy_turns_spec *spec);

/* ---- what is known of requests: for lint ---- */

typedef struct {
    const char *name;    /* "KMS keys" */
    const char *pattern; /* of their ARNs; "*": no resource, which Resource "*" alone takes in */
} policy_resource_kind;

typedef struct {
    const char *name; /* "kms:Decrypt" */
    unsigned about;   /* bit i: resources of kinds[i] */
} policy_action;

typedef struct {
    const policy_action *actions;
    size_t n_actions;
    const policy_resource_kind *kinds;
    size_t n_kinds;
    const policy_key *keys;
    size_t n_keys;
} policy_vocabulary;
