/*
 * KMS keys: what they are called, messages under them, changes to them, and
 * what time does to them. Knows neither JSON nor HTTP nor PKCS#11: operations
 * come as op_t from the frame, the token's part through the token room.
 */
#pragma once

#include "core/op.h"
#include "crypto/asym.h"
#include "kms/catalog.h"
#include "kms/custom.h"
#include "kms/envelope.h"
#include "kms/grants.h"
#include "kms/states.h"

typedef struct kms kms_t;

/* Quotas and bounds: AWS KMS Developer Guide, "Resource quotas", "Deleting AWS KMS keys", "Rotating AWS KMS keys". */
#define KMS_ALIASES_PER_KEY_MAX 1000 /* whatever the quota is set to */
#define KMS_WINDOW_MIN 7
#define KMS_WINDOW_MAX 30
#define KMS_POLICY_MAX 32768

/**
 * @param core           Borrowed; outlives it. NULL for a tool that only loads and plans.
 * @param default_token  Where keys go that name no token; copied.
 */
MUST_USE p11kms_err kms_new(core_t *core, const char *default_token, kms_t **ret);
void kms_free(kms_t *kms);
DEFINE_CLEANUP(kms_t *, kms, kms_free);

/** What there may be at most. The defaults are AWS's; conf/conf.h says what each counts. */
typedef enum {
    KMS_QUOTA_KEYS,
    KMS_QUOTA_ALIASES_PER_KEY,
    KMS_QUOTA_GRANTS_PER_KEY,
    KMS_QUOTA_ON_DEMAND_ROTATIONS,
    KMS_QUOTA_CUSTOM_KEY_STORES,
    KMS_QUOTA_COUNT
} kms_quota_name;
/* Any thread. */
unsigned kms_quota(const kms_t *kms, kms_quota_name name);
void kms_set_quota(kms_t *kms, kms_quota_name name, unsigned most);

/** Since when uses of keys are noted; start-up, through core_store_job(). */
p11kms_err kms_begin_usage(store_t *store, void *kms);
int64_t kms_usage_since(const kms_t *kms);

/** Read every row into the catalog; start-up, through core_store_job(). Damaged rows are an error naming them. */
p11kms_err kms_load(store_t *store, void *kms);
catalog_t *kms_catalog(kms_t *kms);
grants_t *kms_grants(kms_t *kms);

/* ---- names: names.c ---- */

typedef enum { KMS_NAME_KEY, KMS_NAME_ANY } kms_name_form; /* ids and ARNs of keys alone, or aliases too */

/**
 * The key a caller means: id, key ARN, alias name, alias ARN.
 *
 * @param[out] ret  A reference.
 * @retval P11KMS_E_KEY_NOT_FOUND, P11KMS_E_ARN with AWS's sentence.
 */
MUST_USE p11kms_err kms_resolve(kms_t *kms, const char *account, const char *region, slice_t name, kms_name_form form,
                                arena_t *arena, kms_key_t **ret);
/** An alias name as CreateAlias takes it. @retval P11KMS_E_VALIDATION, P11KMS_E_ALIAS_NAME, P11KMS_E_ALIAS_RESERVED */
MUST_USE p11kms_err kms_check_alias_name(slice_t name);

/* ---- messages: message.c ---- */

/** One operation under a key's material besides the PRF of messages: use.c. */
typedef struct {
    const kms_key_t *key;
    const kms_algorithm *algorithm;
    token_op_kind kind; /* SIGN, DECRYPT, AGREE */
    slice_t in;
    op_step then;
} kms_use;

/**
 * Seal or open one message; in op->act or the arena of the operation. The key
 * reference, the slices and the buffers belong to the caller.
 */
typedef struct {
    const kms_key_t *key; /* symmetric, or RSA of usage ENCRYPT_DECRYPT */
    const kms_algorithm *algorithm; /* with RSA */
    slice_t context; /* canonical; not with RSA */
    /* seal */
    slice_t plain;
    buf_t blob;
    /* open */
    envelope_t envelope;
    slice_t sealed; /* with RSA, instead */
    secret_t *opened;
    const kms_material *material; /* the one used; of the key. NULL with RSA */
    uint8_t prf_input[ENVELOPE_PRF_INPUT];
    uint8_t nonce[ENVELOPE_NONCE];
    kms_use use;
    op_step then;
} kms_message;

void kms_message_clear(kms_message *message); /* frees and wipes what seal and open made */

/**
 * message->plain under key's current material -> message->blob; then(op) with op->err set. With RSA on a helper's
 * thread: rsa.c.
 */
void kms_seal(op_t *op, kms_message *message, op_step then);
/** message->envelope (parsed), with RSA message->sealed -> message->opened; then(op) with op->err set. */
void kms_open(op_t *op, kms_message *message, op_step then);

/** From a thread without a loop (start-up): the same, waiting. */
MUST_USE p11kms_err kms_open_now(token_t *token, slice_t blob, slice_t context, secret_t **ret);

/* ---- what else a key's material does on its token: use.c ---- */

/**
 * One operation under the key's material; then(op) with op->err set. The result is op->token_op.out, of out_used
 * bytes; it is wiped with the operation, or when the token is asked for something else.
 */
void kms_use_material(op_t *op, kms_use *use, op_step then);
/** Its public key. @retval P11KMS_E_INTERNAL  The stored one is damaged. */
MUST_USE p11kms_err kms_public_key(const kms_key_t *key, asym_t **ret);
/** The hash of an algorithm that has one. */
crypto_hash kms_algorithm_hash(const kms_algorithm *algorithm);
/** What became of an operation on a key's token, as an error of the key where it is the token's. */
p11kms_err kms_token_outcome(const token_op_t *op);

/* ---- changes: change.c; on the worker, inside an op_change_fn ---- */

/**
 * What one transaction stages: the keys and aliases to publish once it is
 * committed. kms_change_begin() is the first call of an op_change_fn; it hooks
 * publication and disposal into the operation, whose arena it lives in.
 */
#define KMS_STAGED_MAX (KMS_FAMILY_MAX + 2)
typedef struct {
    kms_t *kms;
    store_t *store;
    arena_t *arena; /* the operation's */
    kms_key_t *put_key[KMS_STAGED_MAX];
    size_t n_put_keys;
    kms_alias_t *put_alias;
    kms_custom_t *put_custom;
    kms_custom_t *removed_custom;
    kms_key_t *removed_key;
    kms_alias_t *removed_alias;
    kms_grant_t *put_grant;
    kms_grant_t *removed_grant;
    const struct kms_wrapping *put_wrapping;  /* in the operation's arena */
    const struct kms_wrapping *gone_wrapping;
} kms_change;

kms_change *kms_change_begin(op_t *op, kms_t *kms, store_t *store);

/** The key as it stands now, as a copy to edit; owned by the caller. @retval P11KMS_E_KEY_NOT_FOUND */
MUST_USE p11kms_err kms_change_key(kms_change *change, const kms_key_t *seen, kms_key_t **ret);
/** Write the edited key's row and stage it; takes the reference in all cases. */
MUST_USE p11kms_err kms_change_put(kms_change *change, kms_key_t *key);
/** As above for a key that is new: the rows of its materials and tags too. */
MUST_USE p11kms_err kms_change_insert(kms_change *change, kms_key_t *key);
/** Rows of one material of an edited key: changed, or new. Before kms_change_put(). */
MUST_USE p11kms_err kms_change_material(kms_change *change, const kms_key_t *key, const kms_material *material);
MUST_USE p11kms_err kms_change_add_material(kms_change *change, const kms_key_t *key, const kms_material *material);
/** Tags differ: the rows from @p before to @p key. Before kms_change_put(). */
MUST_USE p11kms_err kms_change_tags(kms_change *change, const kms_key_t *before, const kms_key_t *key);
MUST_USE p11kms_err kms_change_delete(kms_change *change, const kms_key_t *key);
MUST_USE p11kms_err kms_change_alias(kms_change *change, const char *account, const char *region, const char *name,
                                     const kms_key_t *target, bool create);
MUST_USE p11kms_err kms_change_remove_alias(kms_change *change, const char *account, const char *region,
                                            const char *name);
/** Write a new grant and stage it; takes the reference in all cases. @retval P11KMS_E_LIMIT  The key has too many. */
MUST_USE p11kms_err kms_change_grant(kms_change *change, kms_grant_t *grant);
/** @retval P11KMS_E_LIMIT */
MUST_USE p11kms_err kms_check_room_for_grant(const kms_t *kms, const kms_key_t *key);
/** @retval P11KMS_E_KEY_NOT_FOUND  It is gone by now. */
MUST_USE p11kms_err kms_change_remove_grant(kms_change *change, const kms_grant_t *grant);
/** Every tag rule of AWS: at most 50, no duplicate, "aws:" reserved. @retval P11KMS_E_TAG */
MUST_USE p11kms_err kms_check_tag_name(slice_t name);

/* ---- new keys: create.c ---- */

typedef struct {
    const char *account;
    const char *region;
    const char *token; /* configuration name; NULL: the default one */
    const kms_spec *spec; /* NULL: SYMMETRIC_DEFAULT */
    kms_usage usage;
    kms_origin origin;
    bool multi_region; /* a primary of this Region */
    slice_t custom_store; /* CustomKeyStoreId; empty: none */
    const kms_link *link; /* of the custom key store */
    slice_t description;
    slice_t policy; /* JSON; empty: the default policy of the account */
    int rotation_days;
    bool disabled;
} kms_create;

/**
 * A key without material, with a new id; tags are for the caller to set.
 *
 * @retval P11KMS_E_POLICY_MALFORMED, P11KMS_E_OPERATION_UNSUPPORTED (no such token, or it cannot have such keys)
 */
MUST_USE p11kms_err kms_create_key(kms_t *kms, const kms_create *create, kms_key_t **ret);
/**
 * Its first material as @p made it (NULL: it is to be imported), all its rows, and the end of the intent. Takes the key
 * in all cases.
 */
MUST_USE p11kms_err kms_change_create(kms_change *change, kms_key_t *key, const token_op_t *made);
/** The policy of keys made without one: the account's identity policies decide (Developer Guide, "Default key policy"). */
const char *kms_default_policy(arena_t *arena, const char *account);

/* ---- multi-Region keys: family.c ---- */

/** The primary and its replicas, in Region order, a reference each. Of another key: none. */
typedef struct {
    kms_key_t *keys[KMS_FAMILY_MAX];
    size_t n;
} kms_family_t;
void kms_family_of(kms_t *kms, const kms_key_t *key, kms_family_t *ret);
void kms_family_clear(kms_family_t *family);
const kms_key_t *kms_family_in(const kms_family_t *family, const char *region); /* borrowed; NULL: none there */

/** A reference to the key whose rotation this one follows: itself, or its primary. */
kms_key_t *kms_primary_of(kms_t *kms, const kms_key_t *key);
/** A replica without material, in state Creating; tags are for the caller to set. Empty policy: the default one. */
MUST_USE p11kms_err kms_replica_new(const kms_key_t *primary, const char *region, slice_t description, slice_t policy,
                                    kms_key_t **ret);
/**
 * Its rows, with the primary's material as it is now. Takes the replica in all cases.
 * @retval P11KMS_E_ALIAS_EXISTS (there is one in that Region), P11KMS_E_LIMIT, P11KMS_E_OPERATION_UNSUPPORTED
 */
MUST_USE p11kms_err kms_change_replicate(kms_change *change, const kms_key_t *primary, kms_key_t *replica);
/** The current material of an edited primary becomes that of its replicas. */
MUST_USE p11kms_err kms_change_rotate_others(kms_change *change, const kms_key_t *primary);
/** The key in @p region, which exists, becomes the primary and takes the rotation over. Takes the key in all cases. */
MUST_USE p11kms_err kms_change_move_primary(kms_change *change, kms_key_t *primary, const char *region);
bool kms_has_replicas(kms_t *kms, const kms_key_t *key);
/** Another key that is not just being deleted uses the same objects on the token. On the worker. */
bool kms_material_is_shared(kms_t *kms, const kms_key_t *key);
/** A replica is being deleted: if it is the last, a primary that waited for it begins its own waiting period. */
MUST_USE p11kms_err kms_change_replica_gone(kms_change *change, const kms_key_t *replica);

/* ---- custom key stores: custom.c ---- */

/** A reference. @retval P11KMS_E_CUSTOM_NOT_FOUND */
MUST_USE p11kms_err kms_custom_find(kms_t *kms, const char *account, const char *region, slice_t id, kms_custom_t **ret);
kms_custom_t *kms_custom_named(kms_t *kms, const char *account, const char *region, slice_t name); /* or NULL */
/** By id, a reference each, into a new array the caller frees. */
MUST_USE p11kms_err kms_custom_list(kms_t *kms, const char *account, const char *region, kms_custom_t ***ret,
                                    size_t *ret_n);
MUST_USE p11kms_err kms_custom_copy(const kms_custom_t *store, kms_custom_t **ret);
MUST_USE p11kms_err kms_custom_rename(kms_custom_t *store, slice_t name);
MUST_USE p11kms_err kms_custom_detail(kms_custom_t *store, slice_t json);

typedef struct {
    const char *account;
    const char *region;
    const char *name;
    kms_custom_type type;
    const char *token;
    const char *details;
} kms_custom_new;
/**
 * @param[out] ret_id  Lives as long as the change.
 * @retval P11KMS_E_CUSTOM_NAME, P11KMS_E_CLUSTER_IN_USE, P11KMS_E_XKS_URI_IN_USE, P11KMS_E_LIMIT
 */
MUST_USE p11kms_err kms_change_create_custom(kms_change *change, const kms_custom_new *wanted, const char **ret_id);
/** Write an edited copy's row and stage it; takes the reference in all cases. */
MUST_USE p11kms_err kms_change_custom(kms_change *change, kms_custom_t *store);
/** @retval P11KMS_E_CUSTOM_HAS_KEYS */
MUST_USE p11kms_err kms_change_delete_custom(kms_change *change, const kms_custom_t *store);
/** A key to be made goes there; @p create borrows from the store. @retval P11KMS_E_CUSTOM_STATE */
MUST_USE p11kms_err kms_custom_take(const kms_custom_t *store, kms_create *create);
/** An object that is on the token already may become a key's. @retval P11KMS_E_XKS_KEY_IN_USE */
MUST_USE p11kms_err kms_check_adoptable(kms_t *kms, store_t *store, const char *token_name, const uint8_t material_id[KMS_ID]);

/* ---- making material: material.c ---- */

/**
 * Make material for @p key (its spec, usage and token) in two phases: an intent in the store, then the
 * object; then(op) with op->err set. The id is op->token_op.key_id, a pair's public key op->token_op.out.
 * What follows is kms_keep_material(); an object left behind is destroyed by kms_tick() or kms_reconcile().
 */
void kms_make_material(op_t *op, kms_t *kms, const kms_key_t *key, op_step then);
/**
 * The end of the operation: @p change inserts the rows and calls kms_intent_done() in the same
 * transaction. Where it refuses, or the token did, the object is destroyed again.
 */
void kms_keep_material(op_t *op, op_change_fn change);
MUST_USE p11kms_err kms_intent_done(store_t *store, const uint8_t material_id[KMS_ID]);
/** A key's next material number, current from now on, rows written. On the worker. */
MUST_USE p11kms_err kms_change_rotate(kms_change *change, kms_key_t *key, const uint8_t material_id[KMS_ID],
                                      kms_cause cause);

/* ---- wrapping keys for imports: wrapping.c ---- */

#define KMS_WRAPPING_VALID_MS (24 * 60 * 60 * 1000) /* GetParametersForImport: "valid for 24 hours" */
#define KMS_WRAPPINGS_PER_KEY 10 /* more at once: the oldest goes; each is an object on the token */

/** How material comes wrapped. */
typedef struct {
    const char *name; /* "RSAES_OAEP_SHA_256" */
    token_mechanism mechanism;
    bool two_steps; /* under an AES key, which is under the RSA key */
} kms_wrapping_algorithm;

/** An RSA key on the token that unwraps material for one KMS key in one way. */
typedef struct kms_wrapping {
    uint8_t id[KMS_ID];
    uint8_t key_id[KMS_ID];
    char account[13];
    char region[33];
    char token_name[TOKEN_NAME_MAX];
    token_t *token; /* NULL: it is not configured */
    const kms_wrapping_algorithm *algorithm;
    token_key_type type;
    int64_t created;
    int64_t valid_to;
} kms_wrapping;

/**
 * What is to be made for @p key, whose origin is EXTERNAL.
 * @retval P11KMS_E_VALIDATION             Not with this key.
 * @retval P11KMS_E_OPERATION_UNSUPPORTED  Not on its token.
 */
MUST_USE p11kms_err kms_wrapping_for(const kms_key_t *key, slice_t algorithm, slice_t spec, kms_wrapping *ret);
/**
 * Make it, then the rows: @p change calls kms_change_wrapping() and answers. Its public key is op->token_op.out.
 * The end of the operation. @p wrapping lives as long as the operation.
 */
void kms_make_wrapping(op_t *op, kms_t *kms, kms_wrapping *wrapping, op_change_fn change);
/** On the worker: @p wrapping is there from the commit on; the oldest beyond KMS_WRAPPINGS_PER_KEY is not. */
MUST_USE p11kms_err kms_change_wrapping(kms_change *change, op_t *op, kms_wrapping *wrapping);

/** The import token of a wrapping key for the KMS key @p arn. In the arena. */
slice_t kms_import_token(const kms_t *kms, const kms_wrapping *wrapping, const char *arn, arena_t *arena);
/**
 * @retval P11KMS_E_IMPORT_TOKEN    Not of ours, or of another key.
 * @retval P11KMS_E_IMPORT_EXPIRED  Its day is over, or the wrapping key made room for newer ones.
 */
MUST_USE p11kms_err kms_import_token_open(kms_t *kms, const kms_key_t *key, slice_t token, kms_wrapping *ret);

/* ---- imported material: import.c ---- */

#define KMS_IMPORT_DAYS_MAX 365 /* ImportKeyMaterial: "365 days from the request date" */

/** Held while a key's imported materials are about to change; zero: not held. */
typedef struct kms_claim {
    struct kms_claim *next;
    uint8_t key_id[KMS_ID];
    bool held;
} kms_claim;

void kms_release_key(kms_t *kms, kms_claim *claim); /* the loop's */

/** One ImportKeyMaterial. What it points to lives as long as the operation. */
typedef struct {
    kms_t *kms;
    const kms_key_t *key;
    kms_wrapping wrapping;
    slice_t wrapped;
    bool is_new;         /* NEW_KEY_MATERIAL */
    slice_t material;    /* KeyMaterialId; empty: any of the key's */
    int64_t valid_to;    /* 0: never */
    bool describes;
    slice_t description;
    op_change_fn change;
    kms_claim claim; /* kms_release_key() before the operation is freed */
    /* what was found out */
    uint8_t object[KMS_ID]; /* as it was unwrapped first */
    uint8_t id[KMS_ID];     /* of the material it is */
    bool known;             /* the key has that material already */
    bool here;              /* with its object */
    bool present;           /* its object is there, be it for another Region */
    uint8_t check[32];
    slice_t public_key;
} kms_import;

/**
 * Unwrap on the token, see which material it is, and keep it: the end of the operation. @p change edits a
 * copy of the key as it stands now with kms_change_import(), and answers.
 *
 * Refuses with P11KMS_E_CIPHERTEXT, P11KMS_E_KEY_MATERIAL, P11KMS_E_KEY_STATE.
 */
void kms_import_material(op_t *op, kms_import *import, op_change_fn change);
/** Whether there is room for new material. @retval P11KMS_E_KEY_STATE  Some is waiting for rotation already.
 *  @retval P11KMS_E_VALIDATION  It is for the primary to take. */
MUST_USE p11kms_err kms_check_new_material(const kms_key_t *key);
/** On the worker: rows, state, the end of the intent; before kms_change_put(). */
MUST_USE p11kms_err kms_change_import(kms_change *change, kms_key_t *key, const kms_import *import);

/** One DeleteImportedKeyMaterial, or expiry. */
typedef struct {
    kms_t *kms;
    const kms_key_t *key;
    uint8_t id[KMS_ID]; /* of the material */
    kms_claim claim;
} kms_unimport;

/** Rows first (@p change, with kms_change_unimport()), then the object: the end of the operation. */
void kms_unimport_material(op_t *op, kms_unimport *unimport, op_change_fn change);
/**
 * Whether a deletion of @p material does anything: it is there, or it waits for its rotation and the primary key
 * gives it up for all Regions, where it was brought or not.
 */
bool kms_can_unimport(const kms_key_t *key, const kms_material *material);
/** On the worker: the material is absent (one that waits for rotation: gone) and the state follows; before kms_change_put(). */
MUST_USE p11kms_err kms_change_unimport(kms_change *change, kms_key_t *key, const uint8_t id[KMS_ID]);
/** Whether the new material that a primary waits with is in all its replicas. */
bool kms_pending_everywhere(kms_t *kms, const kms_key_t *key);
/** On the worker: material that waits becomes current, in all Regions. @retval P11KMS_E_KEY_STATE  None does. */
MUST_USE p11kms_err kms_change_rotate_imported(kms_change *change, kms_key_t *key);

/* ---- time: schedule.c ---- */

/** Start what is due: rotations, deletions, objects that operations left behind. On the loop, about once a second. */
void kms_tick(kms_t *kms);
/**
 * Sort out what a crash left: objects of intents are destroyed on their token. Objects the store never knew
 * are left alone (the store may be an older copy) and told by `p11kms doctor`. Start-up, through core_store_job().
 */
p11kms_err kms_reconcile(store_t *store, void *kms);
/** Rotations and deletions under way. */
unsigned kms_busy(const kms_t *kms);

/* ---- declared keys: declared.c ---- */

typedef enum { PLAN_CREATE, PLAN_UPDATE, PLAN_BLOCKED } plan_kind;

/** One line of `p11kms plan`: what would be done to bring a key to its declaration. */
typedef struct plan_item {
    struct plan_item *next;
    plan_kind kind;
    const conf_key *declared;
    kms_key_t *key;    /* NULL: to be made */
    char text[512];    /* "alias/app: description: 'a' -> 'b'" */
    bool set_description, set_rotation, set_tags, set_policy, set_enabled;
} plan_item;

/** @param[out] ret  In declaration order; free with kms_plan_free(). Nothing declared differs: NULL. */
MUST_USE p11kms_err kms_plan(kms_t *kms, const conf_key *keys, size_t n_keys, const char *region, plan_item **ret);
void kms_plan_free(plan_item *plan);
/** Carry it out, one item after another, each an audited act of the daemon; then @p done on the loop. Takes the plan. */
void kms_apply(kms_t *kms, plan_item *plan, const char *region, void (*done)(void *arg, unsigned failed), void *arg);
