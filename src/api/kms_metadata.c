/* What a key is, as DescribeKey, CreateKey and ReplicateKey tell it. */
#include "api/api_internal.h"

#include <stdio.h>
#include <string.h>

/* What the key can be used with; an algorithm its token lacks is not promised. */
void answer_algorithms(jw_t *w, const kms_key_t *key)
{
    const token_info info = key->token ? token_get_info(key->token) : (token_info){ 0 };
    bool known = key->token && token_get_state(key->token) == TOKEN_READY;
    const kms_algorithm *algorithm;

    jw_array(w);
    for (size_t i = 0; (algorithm = kms_algorithm_of(key->spec, key->usage, i)) != NULL; i++) {
        if (!known || kms_algorithm_on_token(algorithm, &info)) {
            jw_string(w, algorithm->name);
        }
    }
    jw_end(w);
}

static void write_algorithms(jw_t *w, const kms_key_t *key)
{
    static const char *const members[KMS_USAGE_COUNT] = {
        [KMS_USAGE_ENCRYPT_DECRYPT] = "EncryptionAlgorithms",
        [KMS_USAGE_SIGN_VERIFY] = "SigningAlgorithms",
        [KMS_USAGE_GENERATE_VERIFY_MAC] = "MacAlgorithms",
        [KMS_USAGE_KEY_AGREEMENT] = "KeyAgreementAlgorithms",
    };

    jw_key(w, members[key->usage]);
    answer_algorithms(w, key);
}

static void write_place(jw_t *w, const char *member, const kms_key_t *key, const char *region)
{
    char arn[KMS_ARN_MAX];

    snprintf(arn, sizeof(arn), "arn:aws:kms:%s:%s:key/%s", region, key->account, key->id_text);
    if (member) {
        jw_key(w, member);
    }
    jw_object(w);
    answer_text(w, "Arn", arn);
    answer_text(w, "Region", region);
    jw_end(w);
}

/* A replica that is just being made is not yet of the family that requests see. */
static void write_regions(jw_t *w, kms_t *kms, const kms_key_t *key)
{
    kms_family_t family;

    kms_family_of(kms, key, &family);
    jw_key(w, "MultiRegionConfiguration");
    jw_object(w);
    answer_text(w, "MultiRegionKeyType", kms_key_is_primary(key) ? "PRIMARY" : "REPLICA");
    write_place(w, "PrimaryKey", key, key->primary_region);
    jw_key(w, "ReplicaKeys");
    jw_array(w);
    for (size_t i = 0; i < family.n; i++) {
        if (strcmp(family.keys[i]->region, key->primary_region) != 0) {
            write_place(w, NULL, key, family.keys[i]->region);
        }
    }
    if (!kms_key_is_primary(key) && !kms_family_in(&family, key->region)) {
        write_place(w, NULL, key, key->region);
    }
    jw_end(w);
    jw_end(w);
    kms_family_clear(&family);
}

static void write_custom_store(jw_t *w, const kms_key_t *key)
{
    char text[2 * KMS_ID + 1];

    answer_text(w, "CustomKeyStoreId", key->custom_store);
    if (key->origin == KMS_ORIGIN_EXTERNAL_KEY_STORE && kms_key_current(key)) {
        hex_encode(kms_key_current(key)->id, KMS_ID, text);
        jw_key(w, "XksKeyConfiguration");
        jw_object(w);
        answer_text(w, "Id", text);
        jw_end(w);
    }
}

/* Which of its materials is current: of keys that can have several, once there is one. */
static bool tells_material(const kms_key_t *key, kms_state state)
{
    return kms_key_current(key) && key->spec->family == KMS_FAMILY_SYMMETRIC && !key->custom_store[0] &&
           state != KMS_STATE_CREATING;
}

/* The earliest that any material bound to the key expires; 0: none does. */
static int64_t first_expiry(const kms_key_t *key)
{
    int64_t first = 0;

    for (size_t i = 0; i < key->n_materials; i++) {
        int64_t valid_to = key->materials[i].pending ? 0 : key->materials[i].valid_to;

        if (valid_to && (!first || valid_to < first)) {
            first = valid_to;
        }
    }
    return first;
}

static void write_expiry(jw_t *w, const kms_key_t *key, kms_state state)
{
    int64_t first = first_expiry(key);

    if (key->origin != KMS_ORIGIN_EXTERNAL || state == KMS_STATE_PENDING_IMPORT || !kms_key_current(key)) {
        return;
    }
    answer_text(w, "ExpirationModel", first ? "KEY_MATERIAL_EXPIRES" : "KEY_MATERIAL_DOES_NOT_EXPIRE");
    if (first) {
        jw_key(w, "ValidTo");
        jw_epoch(w, first);
    }
}

void answer_key_metadata(jw_t *w, const char *member, kms_t *kms, const kms_key_t *key)
{
    kms_state state = kms_key_state(key);

    jw_key(w, member);
    jw_object(w);
    answer_text(w, "AWSAccountId", key->account);
    answer_text(w, "Arn", key->arn);
    jw_key(w, "CreationDate");
    jw_epoch(w, key->created);
    if (key->origin == KMS_ORIGIN_AWS_CLOUDHSM) {
        char cluster[KMS_CLUSTER_ID];

        kms_cluster_id(key->token_name, cluster);
        answer_text(w, "CloudHsmClusterId", cluster);
    }
    if (tells_material(key, state)) {
        answer_text(w, "CurrentKeyMaterialId", kms_key_current(key)->id_text);
    }
    answer_text(w, "CustomerMasterKeySpec", key->spec->name);
    if (key->deletion_at > KMS_DELETION_BEGUN) {
        jw_key(w, "DeletionDate");
        jw_epoch(w, key->deletion_at);
    }
    answer_text(w, "Description", key->description);
    jw_key(w, "Enabled");
    jw_bool(w, state == KMS_STATE_ENABLED);
    write_algorithms(w, key);
    answer_text(w, "KeyId", key->id_text);
    answer_text(w, "KeyManager", "CUSTOMER");
    answer_text(w, "KeySpec", key->spec->name);
    answer_text(w, "KeyState", kms_state_name(state));
    answer_text(w, "KeyUsage", kms_usage_name(key->usage));
    jw_key(w, "MultiRegion");
    jw_bool(w, key->multi_region);
    if (key->multi_region) {
        write_regions(w, kms, key);
    }
    if (key->custom_store[0]) {
        write_custom_store(w, key);
    }
    if (key->stored == KMS_STATE_PENDING_REPLICA_DELETION) {
        jw_key(w, "PendingDeletionWindowInDays");
        jw_int(w, key->deletion_days);
    }
    answer_text(w, "Origin", kms_origin_name(key->origin));
    write_expiry(w, key, state);
    jw_end(w);
}
