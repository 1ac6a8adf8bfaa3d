/*
 * A grant: what one principal may do with one key, without a policy saying so
 * (Developer Guide, "Grants in AWS KMS"). Immutable and reference-counted like
 * keys; kms/grants.h is where they are kept.
 */
#pragma once

#include "kms/envelope.h"

#define KMS_GRANT_ID STORE_GRANT_ID
#define KMS_GRANT_TEXT 65             /* GrantId: 64 hex and NUL */
#define KMS_GRANT_PAIRS_MAX 8         /* of a constraint; Developer Guide, "Using grant constraints" */
#define KMS_GRANT_PAIR_TEXT_MAX 384   /* characters of a name and of a value; the same */

/** Grant operations (kms.json, GrantOperation) as bits. */
typedef enum {
    GRANT_DECRYPT = 1u << 0,
    GRANT_ENCRYPT = 1u << 1,
    GRANT_GENERATE_DATA_KEY = 1u << 2,
    GRANT_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT = 1u << 3,
    GRANT_RE_ENCRYPT_FROM = 1u << 4,
    GRANT_RE_ENCRYPT_TO = 1u << 5,
    GRANT_SIGN = 1u << 6,
    GRANT_VERIFY = 1u << 7,
    GRANT_GET_PUBLIC_KEY = 1u << 8,
    GRANT_CREATE_GRANT = 1u << 9,
    GRANT_RETIRE_GRANT = 1u << 10,
    GRANT_DESCRIBE_KEY = 1u << 11,
    GRANT_GENERATE_DATA_KEY_PAIR = 1u << 12,
    GRANT_GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT = 1u << 13,
    GRANT_GENERATE_MAC = 1u << 14,
    GRANT_VERIFY_MAC = 1u << 15,
    GRANT_DERIVE_SHARED_SECRET = 1u << 16,
} kms_grant_op;

/** The bit of "Decrypt"; 0 when no grant can allow it. */
unsigned kms_grant_op_named(slice_t name);
/** The name of bit @p i; NULL behind the last. */
const char *kms_grant_op_name(size_t i);
/** The operations that a grant on such a key can allow. */
unsigned kms_grant_ops_of(const kms_spec *spec, kms_usage usage);

/** One of the two constraints, or the encryption context of a request. */
typedef struct {
    const context_pair *pairs; /* by name; views into the canonical form */
    size_t n;
    slice_t canonical;
} kms_grant_context;

typedef struct kms_grant {
    int refs; /* atomic */
    uint8_t id[KMS_GRANT_ID];
    char id_text[KMS_GRANT_TEXT];
    char account[13]; /* the key's */
    char region[33];
    uint8_t key_id[KMS_ID];
    char issuing_account[13];
    slice_t name; /* empty: none. Texts are NUL-terminated */
    slice_t grantee;
    slice_t retiring; /* empty: none */
    unsigned operations;
    bool has_equals;
    kms_grant_context equals;
    kms_grant_context subset; /* of nothing: no constraint */
    int64_t created;
    uint8_t likeness[32]; /* equal where everything but id and time is */
} kms_grant_t;

/** What a new grant is made of; copied. */
typedef struct {
    const uint8_t *id; /* KMS_GRANT_ID bytes */
    const char *account;
    const char *region;
    const uint8_t *key_id;
    const char *issuing_account;
    slice_t name;
    slice_t grantee;
    slice_t retiring;
    unsigned operations;
    bool has_equals;
    context_pair *equals; /* sorted in place */
    size_t n_equals;
    context_pair *subset; /* likewise */
    size_t n_subset;
    int64_t created;
} kms_grant_spec;

/**
 * @param arena  For what is needed on the way.
 * @retval P11KMS_E_VALIDATION  A constraint has too many pairs, a name twice, or a name or value that is too long.
 */
MUST_USE p11kms_err kms_grant_new(const kms_grant_spec *spec, arena_t *arena, kms_grant_t **ret);
kms_grant_t *kms_grant_ref(const kms_grant_t *grant);
void kms_grant_unref(kms_grant_t *grant); /* NULL is fine */
DEFINE_CLEANUP(kms_grant_t *, kms_grant, kms_grant_unref);

/** A grant as the store keeps it, and back. */
void kms_grant_row(const kms_grant_t *grant, arena_t *arena, store_grant *ret);
/** @retval P11KMS_E_STORE  Not what kms_grant_row() makes. */
MUST_USE p11kms_err kms_grant_of_row(const store_grant *row, arena_t *arena, kms_grant_t **ret);

/** What is asked of a grant. */
typedef struct {
    unsigned operations;       /* it must have them all */
    bool ignores_constraints;  /* DescribeKey, RetireGrant: they have no encryption context */
    kms_grant_context context; /* of the request */
    /**
     * A new grant rather than a request, context being its constraint: the grant must be no narrower.
     * Where this is set the constraint leaves the context open: it is no EncryptionContextEquals.
     */
    bool open;
} kms_grant_need;

/** The context of a request, in the arena; @p pairs are sorted in place. @retval as context_canonical() */
MUST_USE p11kms_err kms_grant_context_of(context_pair *pairs, size_t n, arena_t *arena, kms_grant_context *ret);
bool kms_grant_meets(const kms_grant_t *grant, const kms_grant_need *need);
/**
 * What a grant must be for its grantee to make @p child of it; the context is in the arena.
 * @retval as context_canonical()
 */
MUST_USE p11kms_err kms_grant_need_of_child(const kms_grant_spec *child, arena_t *arena, kms_grant_need *ret);
