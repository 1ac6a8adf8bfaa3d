/*
 * YAML to checked, immutable configuration. Every message is
 * "FILE:LINE:COLUMN: path: what is wrong", one a line, as many as are found
 * (at most 20), so that a file is mended in one round. Unknown names are errors,
 * with the nearest known one. Nothing a configuration names is opened here.
 *
 * Pointers in these structs live as long as the struct they came with.
 */
#pragma once

#include "util/bytes.h"

/** Where a value stands, for messages about it that are found later. */
typedef struct {
    const char *file;
    unsigned line;
    unsigned column;
} conf_place;

/** Append "FILE:LINE:COLUMN: ..." and a newline, for what is found wrong later than here. */
void conf_problem(buf_t *problems, conf_place place, const char *fmt, ...) PRINTF(3, 4);

#define CONF_PROBLEMS_MAX 20 /* that a run tells */

/* ---- p11kmsd.yaml ---- */

typedef enum { LISTEN_HTTPS, LISTEN_HTTP, LISTEN_UNIX } listen_kind;

typedef struct {
    listen_kind kind;
    const char *host; /* "0.0.0.0", "::", a name; NULL for UNIX */
    unsigned port;    /* 0: the kernel chooses */
    const char *path; /* UNIX */
    unsigned mode;    /* UNIX: file mode, default 0666: peers are told apart by uid */
    const char *certificate; /* HTTPS: PEM files */
    const char *key;
    const char *client_ca;   /* PEM bundle; NULL: client certificates are not asked for */
    conf_place place;
} conf_listen;

typedef struct {
    const char *name;
    const char *uri;
    const char *module;
    const char *init_args;
    const char *pin_source;
    bool session_copies;
    unsigned sessions;
    unsigned op_deadline_ms;
    unsigned slow_deadline_ms;
    unsigned start_deadline_ms;
    unsigned queue_max;
    conf_place place;
} conf_token;

/** Who gets a copy of every audit record. */
typedef struct {
    const char *to;   /* "journald" or "syslog" */
    const char *path; /* of the datagram socket; NULL: the usual one */
    conf_place place;
} conf_copy;

#define CONF_COPIES_MAX 8

/** Who cosigns checkpoints of the audit log. */
typedef struct {
    const char *url;     /* the submission prefix */
    const char *key;     /* a vkey; whether it is one is not known here */
    const char *ca_file; /* NULL: the system's */
    conf_place place;
} conf_witness;

#define CONF_WITNESSES_MAX 16

/** How often one principal may call one operation. */
typedef struct {
    const char *operation; /* "CreateKey"; whether it exists is not known here */
    unsigned per_second;
    conf_place place;
} conf_rate;

/** AWS's "Quotas" of KMS. Rates are calls a second of one principal; 0: no limit. */
typedef struct {
    unsigned keys; /* of an account in a region */
    unsigned aliases_per_key;
    unsigned grants_per_key;
    unsigned on_demand_rotations; /* of a key */
    unsigned custom_key_stores;   /* of an account in a region */
    unsigned requests; /* of any kind */
    unsigned symmetric; /* cryptographic operations of the kinds of keys */
    unsigned rsa;
    unsigned ecc;
    unsigned ml_dsa;
    const conf_rate *operations; /* of one operation each, beside the above */
    size_t n_operations;
} conf_quotas;

#define CONF_RATE_MAX 1000000
#define CONF_ALIASES_PER_KEY_MAX 1000

typedef struct conf {
    const char *file;
    const conf_listen *listen;
    size_t n_listen;
    const conf_listen *monitor; /* health and metrics; NULL: none */
    const conf_token *tokens;
    size_t n_tokens;
    const char *default_token; /* for keys that name none: the first token unless set */
    const char *region;        /* of declared keys and unsigned callers; default "us-east-1" */
    const char *store;
    const char *audit_dir;
    uint64_t audit_segment_bytes;
    unsigned audit_bound_ms;
    unsigned audit_queue_max;
    uint64_t audit_reserve;
    unsigned audit_strangers_per_peer; /* 0: no limit */
    unsigned audit_strangers_in_all;   /* 0: no limit */
    unsigned audit_summary_ms;
    bool audit_segment_day;
    bool audit_append_flag;
    unsigned audit_checkpoint_records;
    unsigned audit_checkpoint_seconds;
    const char *audit_origin; /* NULL: "p11kms/" and the host's name */
    const conf_copy *audit_copies;
    size_t n_audit_copies;
    const conf_witness *audit_witnesses;
    size_t n_audit_witnesses;
    unsigned audit_witness_quorum;
    const char *identities_dir; /* NULL: none */
    const char *keys_dir;       /* NULL: none */
    const char *log_level;
    unsigned connections_max;
    unsigned header_timeout_ms;
    unsigned body_timeout_ms;
    unsigned idle_timeout_ms;
    unsigned stop_timeout_ms; /* graceful stop */
    unsigned skew_seconds;    /* SigV4; default and maximum 300 */
    conf_quotas quotas;
    const char *user;         /* drop to; NULL: stay */
} conf_t;

/**
 * @param dev  Plain http:// is allowed, on loopback addresses.
 * @param[out] problems  Appended messages.
 * @retval P11KMS_E_CONFIG  Something is wrong; @p problems says what.
 * @retval P11KMS_E_IO      The file cannot be read.
 */
MUST_USE p11kms_err conf_load(const char *file, bool dev, buf_t *problems, conf_t **ret);
void conf_free(conf_t *conf);
DEFINE_CLEANUP(conf_t *, conf, conf_free);

/** "https://host:port", "http://127.0.0.1:8080", "unix:/path" as --listen takes it. */
MUST_USE p11kms_err conf_parse_listen(const char *url, bool dev, conf_listen *ret, char **ret_storage);

/* ---- declarations: identities.d and keys.d (*.yaml, in name order), and --seed ---- */

typedef struct {
    const char *name;
    const char *json; /* the document as JSON text, whichever of YAML or JSON it was written in */
    conf_place place; /* of the document */
    const struct conf_node *document; /* private: conf_policy_place() */
} conf_policy;

/**
 * Where in its file a part of a document stands, so that what policy_compile() says of it
 * gets a place: @p path is "Statement[2].Condition.StringLike", and text may follow it.
 * The innermost part that exists; the document itself where it was written as a string of JSON.
 */
conf_place conf_policy_place(const conf_policy *policy, const char *path);

typedef struct {
    const char *key;
    const char *value;
} conf_tag;

typedef struct {
    const char *id;
    const char *secret; /* fixed keys: --dev alone */
    bool active;
    conf_place place;
} conf_access_key;

typedef struct {
    const char *name;
    const char *path;    /* "/" unless set */
    bool administrator;  /* may do everything in its account that no policy denies, and p11kms: administration */
    const conf_access_key *access_keys;
    size_t n_access_keys;
    const conf_policy *policies;
    size_t n_policies;
    const char *const *groups;
    size_t n_groups;
    const conf_tag *tags;
    size_t n_tags;
    const conf_policy *boundary; /* permissions boundary, or NULL */
    conf_place place;
} conf_user;

typedef struct {
    const char *name;
    const char *path; /* "/" unless set */
    const conf_policy *trust; /* who may assume it */
    const conf_policy *policies;
    size_t n_policies;
    const conf_policy *boundary; /* or NULL */
    const conf_tag *tags;
    size_t n_tags;
    unsigned max_session_s; /* 3600..43200, default 3600 */
    conf_place place;
} conf_role;

/** Who may vouch for web identities in an account. */
typedef struct {
    const char *issuer; /* "https://token.actions.example", exactly as tokens say it */
    const char *jwks;   /* "file:/path" or an https:// URL; NULL: found through the issuer's /.well-known/openid-configuration */
    const char *ca;     /* PEM bundle for the URL; NULL: the system's */
    const char *const *audiences;
    size_t n_audiences; /* at least one */
    unsigned refresh_s; /* default 3600 */
    unsigned max_age_s; /* default 86400 */
    conf_place place;
} conf_oidc_provider;

typedef struct {
    const char *name;
    const conf_policy *policies;
    size_t n_policies;
    conf_place place;
} conf_group;

typedef struct {
    const char *id;
    const conf_user *users;
    size_t n_users;
    const conf_group *groups;
    size_t n_groups;
    const conf_role *roles;
    size_t n_roles;
    const conf_oidc_provider *oidc_providers;
    size_t n_oidc_providers;
    conf_place place;
} conf_account;

/** A transport identity that needs no signature. Every field given must match; at least one is. */
typedef struct {
    bool is_unix;        /* else a client certificate */
    const char *uid;     /* a number or a user name; NULL: any */
    const char *gid;     /* a number or a group name */
    const char *subject; /* exact RFC 2253 text */
    const char *san;     /* one SAN, "DNS:db1.example" or "URI:spiffe://..." */
    const char *sha256;  /* fingerprint, lower-case hex without colons */
    const char *principal; /* arn:aws:iam::ACCOUNT:user/NAME, or :role/NAME: a session of the role */
    const char *session_name; /* of a role's session; NULL: "uid-N" or the certificate's CN */
    conf_place place;
} conf_peer_rule;

typedef struct {
    const char *account;
    const char *region; /* NULL: the configuration's */
    const char *alias;  /* "alias/app": a declared key is known by it */
    const char *spec;   /* "SYMMETRIC_DEFAULT" */
    const char *description;
    const char *token;   /* NULL: the default one */
    bool enabled;
    int rotation_days;   /* 0: off. "rotation: true" is 365 */
    const conf_tag *tags;
    size_t n_tags;
    const conf_policy *policy; /* NULL: the default key policy */
    conf_place place;
} conf_key;

typedef struct conf_declared {
    const conf_account *accounts;
    size_t n_accounts;
    const conf_peer_rule *peers;
    size_t n_peers;
    const conf_key *keys;
    size_t n_keys;
} conf_declared_t;

/**
 * Read declarations from a folder (or one file). Sections accounts, peers and keys
 * may stand in any file. References across files (groups, principals, accounts of
 * keys, aliases declared twice) are checked over all @p n_paths together.
 *
 * @param dev  Fixed access key secrets are allowed.
 */
MUST_USE p11kms_err conf_load_declared(const char *const *paths, size_t n_paths, bool dev, buf_t *problems,
                                       conf_declared_t **ret);
/** The token a declared key names must be one of @p conf's. @retval P11KMS_E_CONFIG  @p problems says which are not. */
MUST_USE p11kms_err conf_check_key_tokens(const conf_t *conf, const conf_declared_t *declared, buf_t *problems);
void conf_declared_free(conf_declared_t *declared);
DEFINE_CLEANUP(conf_declared_t *, conf_declared, conf_declared_free);

/** A file that holds one policy document, YAML or JSON. */
typedef struct {
    conf_policy policy; /* its name is the file's */
} conf_document;

/** As conf_load_declared(). That it is a policy is for policy_compile() to say. */
MUST_USE p11kms_err conf_load_document(const char *file, buf_t *problems, conf_document **ret);
void conf_document_free(conf_document *document);
DEFINE_CLEANUP(conf_document *, conf_document, conf_document_free);
