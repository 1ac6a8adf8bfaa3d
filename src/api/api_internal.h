/* What the handlers share: the request's inputs, its key, its condition keys. */
#pragma once

#include "api/api.h"
#include "api/page.h"
#include "api/shape.h"
#include "identity/session.h"
#include "kms/grant_token.h"

struct api {
    api_options options;
    core_t *core;
    kms_t *kms;
};

/* Kinds of resources that policies are asked for: op_row_t.about. */
#define ABOUT_ALL 0x01u /* "*" */
#define ABOUT_KEY 0x02u
#define ABOUT_ALIAS 0x04u
#define ABOUT_USER 0x08u
#define ABOUT_ROLE 0x10u

/* Actions that are no operation's name. */
#define ACTION_RE_ENCRYPT_FROM "kms:ReEncryptFrom"
#define ACTION_RE_ENCRYPT_TO "kms:ReEncryptTo"
#define ACTION_TAG_SESSION "sts:TagSession"
#define ACTION_SET_SOURCE_IDENTITY "sts:SetSourceIdentity"

/* operations.c */
MUST_USE p11kms_err operations_init(void);
/** The row of an X-Amz-Target, or NULL; *ret_service is the target's service, or NULL when its prefix is unknown. */
const op_row_t *operations_find(slice_t target, const char **ret_service);
const op_row_t *operations_named(const char *service, slice_t name); /* NULL when unknown */

/** One request about keys; op->act. */
typedef struct {
    api_t *api;
    kms_t *kms;
    kms_key_t *key;        /* the one asked for */
    const kms_create *making; /* CreateKey: what kind of key, for conditions */
    kms_key_t *other;      /* ReEncrypt's destination, UpdateAlias' new target */
    const kms_key_t *asked; /* the one conditions are about: being authorised */
    const char *alias;     /* of the key being authorised, where it was named by an alias: kms:RequestAlias */
    const char *name;      /* the alias an alias operation is about */
    context_pair *context; /* the encryption context, for conditions */
    size_t n_context;
    bool same_key; /* kms:ReEncryptOnSameKey */
    bool to;       /* ReEncrypt: the destination is being authorised */
    const kms_grant_need *child; /* CreateGrant: the grant it is made through must be this wide */
    naming retires;              /* RetireGrant: how closely the grant names the caller as one who may */
    kms_grant_t *grant;          /* the one to make, retire or revoke */
    kms_message message;
    kms_message source; /* ReEncrypt */
    const kms_algorithm *algorithm; /* Sign, Verify, the MACs, DeriveSharedSecret */
    kms_use use;
    slice_t computed_over; /* Sign, Verify: the digest, or the message where the algorithm takes that */
    slice_t claimed;       /* Verify: the signature; VerifyMac: the MAC */
    secret_t *private_key; /* GenerateDataKeyPair */
    buf_t public_key;
    kms_import import;
    kms_unimport unimport;
} request_t;

/** Make op->act. */
request_t *request_begin(op_t *op);

/* ---- inputs: input.c. op->input has passed its shape. ---- */

slice_t in_string(const op_t *op, const char *member); /* empty when absent; NUL-terminated in the arena */
const char *in_text(op_t *op, const char *member);     /* arena copy; NULL when absent */
bool in_has(const op_t *op, const char *member);
int64_t in_int(const op_t *op, const char *member, int64_t absent);
bool in_bool(const op_t *op, const char *member, bool absent);
/** A timestamp, ms since the epoch; 0 when absent. */
int64_t in_time(const op_t *op, const char *member);
/** Decoded base64 in the arena; empty when absent. */
slice_t in_blob(op_t *op, const char *member);
/** The encryption context in canonical form; remembers the pairs for conditions. */
MUST_USE p11kms_err in_context(op_t *op, const char *member, slice_t *ret);
/** GrantId. @retval P11KMS_E_GRANT_ID */
MUST_USE p11kms_err in_grant_id(const op_t *op, uint8_t ret[KMS_GRANT_ID]);
/** What cannot be honoured must not be ignored: forged grant tokens, attestation documents. */
MUST_USE p11kms_err in_refuse_unsupported(const op_t *op);
/** The last check before an operation acts. @retval P11KMS_E_DRY_RUN  It was to be no more than a check. */
MUST_USE p11kms_err in_dry_run(const op_t *op);

/* ---- keys: keys.c ---- */

/**
 * Resolve @p member, authorise the row's action on the key, check its state.
 * On P11KMS_OK request->key is set.
 */
MUST_USE p11kms_err request_key(op_t *op, const char *member, kms_name_form form, kms_doing doing);
/** As above with another action and slot, without state check (ReEncrypt, aliases). */
MUST_USE p11kms_err request_key_as(op_t *op, slice_t name, kms_name_form form, const char *action, kms_key_t **ret);
/** Of a key that was not named by the caller. */
MUST_USE p11kms_err request_authorize(op_t *op, const kms_key_t *key, const char *action);
/** How @p name, a key's, says an alias: by its name or in an ARN; else NULL. In the arena. */
const char *request_alias_said(op_t *op, slice_t name);

/** As request_key() by id or ARN, for the operations of rotation and of multi-Region keys: AWS refuses an alias in other
 *  words there. @retval P11KMS_E_ARN */
MUST_USE p11kms_err request_key_no_alias(op_t *op, kms_doing doing);
/** The account in the ARN of a key or alias in this Region; NULL where it is the caller's, and for other names. */
const char *request_foreign_account(op_t *op, slice_t name);
/** Keys of other accounts are there for a few operations alone. @retval P11KMS_E_DENIED with a sentence */
MUST_USE p11kms_err request_crosses(const op_t *op, const char *action, const kms_key_t *key);
/**
 * The key is for @p usage, and a symmetric one where @p symmetric.
 * @retval P11KMS_E_KEY_USAGE with AWS's sentence
 */
MUST_USE p11kms_err request_usage(const op_t *op, const kms_key_t *key, kms_usage usage, bool symmetric);
/**
 * The algorithm of that name, which goes with the key.
 * @retval P11KMS_E_KEY_USAGE with AWS's sentence
 */
MUST_USE p11kms_err request_algorithm(const kms_key_t *key, slice_t name, const kms_algorithm **ret);
/** For operations that have no key: "*". */
MUST_USE p11kms_err request_anything(op_t *op);
/** For op->granted: what grants say of the key that is being authorised. */
naming request_granted(const op_t *op, const char *action);
/** As above; a reference to the grant, or NULL. */
kms_grant_t *request_grant(const op_t *op, const char *action, naming *ret);
/** How closely @p principal, an ARN, names the caller. */
naming request_names(const op_t *op, slice_t principal);
/** RetireGrant: the grant of @p key that names the caller closest as one who may; a reference, NULL: none does more than any. */
kms_grant_t *request_retirable(const op_t *op, const kms_key_t *key, naming *ret);
/** RetireGrant: the key policy where it denies that, else NULL. */
policy_t *request_retire_policy(op_t *op, const kms_key_t *key);
/** The condition keys of KMS; @p arg is the op. */
bool kms_conditions(void *arg, slice_t key, slice_t as_written, policy_values *ret);
/** As op_condition_key(), for those of a service. */
const policy_key *kms_condition_key(size_t i);
const policy_key *sts_condition_key(size_t i);

/** The worker's side: a copy of request->key as it stands now, permission and state checked again. */
MUST_USE p11kms_err request_edit(op_t *op, kms_change *change, kms_doing doing, kms_key_t **ret);
/** As above for another key (aliases). */
MUST_USE p11kms_err request_edit_of(op_t *op, kms_change *change, const kms_key_t *seen, kms_doing doing,
                                    kms_key_t **ret);

/**
 * CreateKey: the custom key store that is asked for, if any, and what goes with it. @p create borrows from *ret.
 * @retval P11KMS_E_CUSTOM_NOT_FOUND, P11KMS_E_CUSTOM_STATE, P11KMS_E_VALIDATION, P11KMS_E_OPERATION_UNSUPPORTED
 */
MUST_USE p11kms_err custom_for_key(op_t *op, kms_create *create, kms_custom_t **ret);
/** The key on the token that XksKeyId names becomes request->key's material; @p change ends the operation. */
void custom_adopt_key(op_t *op, op_change_fn change);

/** GenerateRandom: bytes of the token that CustomKeyStoreId names; ends the operation. */
void custom_random(op_t *op, size_t len);

/** More tags than a key can have are refused before anything looks at each: conditions do. */
MUST_USE p11kms_err request_tag_count(const op_t *op, const char *member);

/** Opens the answer's object; the caller ends it. */
jw_t answer_begin(op_t *op);
void answer_text(jw_t *w, const char *name, const char *text);
void answer_base64(jw_t *w, const char *name, slice_t bytes);
void answer_key_arn(jw_t *w, const kms_key_t *key);
/** KeyMetadata, as @p member of the answer. */
void answer_key_metadata(jw_t *w, const char *member, kms_t *kms, const kms_key_t *key);
void answer_tags(jw_t *w, const char *member, const kms_tag *tags, size_t n);
/** The array of algorithms that go with the key. */
void answer_algorithms(jw_t *w, const kms_key_t *key);
/** "Credentials": what a client needs of a session just made. */
void answer_credentials(jw_t *w, const session_spec *spec, const session_credentials *made);
/** The end of an operation that is answered on the loop at once: op_done(), or op_fail() with @p err. */
void answer_settle(op_t *op, p11kms_err err);
/** The end of what a handler checks on the loop: op_change(), or op_fail() with @p err. */
void change_or_fail(op_t *op, p11kms_err err, op_change_fn change, op_step then);

/* ---- pages ---- */
typedef struct {
    size_t limit;
    const char *after;
    const char *listing;
} page_t;
/** Limit and Marker of a request: @p absent elements unless said, at most @p most. */
MUST_USE p11kms_err page_begin(op_t *op, const char *listing, size_t absent, size_t most, page_t *ret);
/** "Truncated" and, when there is more, "NextMarker". */
void page_end(op_t *op, jw_t *w, const page_t *page, bool more, const char *last);

/* ---- the handlers ---- */
#define API_HANDLER(name) void name(op_t *op)
API_HANDLER(api_encrypt);
API_HANDLER(api_decrypt);
API_HANDLER(api_re_encrypt);
API_HANDLER(api_generate_data_key);
API_HANDLER(api_generate_data_key_without_plaintext);
API_HANDLER(api_generate_data_key_pair);
API_HANDLER(api_generate_data_key_pair_without_plaintext);
API_HANDLER(api_generate_random);
API_HANDLER(api_sign);
API_HANDLER(api_verify);
API_HANDLER(api_generate_mac);
API_HANDLER(api_verify_mac);
API_HANDLER(api_get_public_key);
API_HANDLER(api_derive_shared_secret);
API_HANDLER(api_create_key);
API_HANDLER(api_describe_key);
API_HANDLER(api_list_keys);
API_HANDLER(api_update_key_description);
API_HANDLER(api_enable_key);
API_HANDLER(api_disable_key);
API_HANDLER(api_schedule_key_deletion);
API_HANDLER(api_cancel_key_deletion);
API_HANDLER(api_create_grant);
API_HANDLER(api_list_grants);
API_HANDLER(api_list_retirable_grants);
API_HANDLER(api_retire_grant);
API_HANDLER(api_revoke_grant);
API_HANDLER(api_create_alias);
API_HANDLER(api_update_alias);
API_HANDLER(api_delete_alias);
API_HANDLER(api_list_aliases);
API_HANDLER(api_tag_resource);
API_HANDLER(api_untag_resource);
API_HANDLER(api_list_resource_tags);
API_HANDLER(api_get_key_policy);
API_HANDLER(api_put_key_policy);
API_HANDLER(api_get_key_last_usage);
API_HANDLER(api_list_key_policies);
API_HANDLER(api_enable_key_rotation);
API_HANDLER(api_disable_key_rotation);
API_HANDLER(api_get_key_rotation_status);
API_HANDLER(api_rotate_key_on_demand);
API_HANDLER(api_get_parameters_for_import);
API_HANDLER(api_import_key_material);
API_HANDLER(api_delete_imported_key_material);
API_HANDLER(api_list_key_rotations);
API_HANDLER(api_replicate_key);
API_HANDLER(api_update_primary_region);
API_HANDLER(api_create_custom_key_store);
API_HANDLER(api_describe_custom_key_stores);
API_HANDLER(api_update_custom_key_store);
API_HANDLER(api_delete_custom_key_store);
API_HANDLER(api_connect_custom_key_store);
API_HANDLER(api_disconnect_custom_key_store);
API_HANDLER(api_create_access_key);
API_HANDLER(api_list_access_keys);
API_HANDLER(api_update_access_key);
API_HANDLER(api_delete_access_key);
API_HANDLER(api_get_credentials);
API_HANDLER(api_revoke_sessions);
API_HANDLER(api_assume_role);
API_HANDLER(api_assume_role_with_web_identity);
API_HANDLER(api_get_access_key_info);
API_HANDLER(api_get_caller_identity);
API_HANDLER(api_get_session_token);
API_HANDLER(api_reload);
API_HANDLER(api_resume_audit);
API_HANDLER(api_set_clock);

/**
 * Whom it names must exist, and the caller be able to change it again, unless the request says otherwise.
 * @retval P11KMS_E_POLICY_MALFORMED
 */
MUST_USE p11kms_err check_new_policy(op_t *op, const kms_key_t *key, policy_t *policy);
MUST_USE p11kms_err read_tags(op_t *op, kms_key_t *key);
