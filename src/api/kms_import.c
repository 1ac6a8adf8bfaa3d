/* Bring your own key: wrapping keys and import tokens, material in, material out. */
#include "api/api_internal.h"

#include <string.h>

#include "util/clock.h"

/* The others have one material for ever, so that nothing is told of it. */
static bool tells_materials(const kms_key_t *key)
{
    return key->spec->family == KMS_FAMILY_SYMMETRIC;
}

/* ---- GetParametersForImport ---- */

static p11kms_err parameters_kept(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;
    slice_t public_key = arena_dup(op->arena, SLICE(op->token_op.out, op->token_op.out_used));

    TRY(request_edit(op, change, KMS_DOES_GET_PARAMETERS, &key));
    TRY(kms_change_wrapping(change, op, &request->import.wrapping));
    jw_t w = answer_begin(op);
    answer_base64(&w, "ImportToken", kms_import_token(request->kms, &request->import.wrapping, key->arn, op->arena));
    answer_key_arn(&w, key);
    jw_key(&w, "ParametersValidTo");
    jw_epoch(&w, request->import.wrapping.valid_to);
    answer_base64(&w, "PublicKey", public_key);
    jw_end(&w);
    return P11KMS_OK;
}

void api_get_parameters_for_import(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_GET_PARAMETERS);

    if (err == P11KMS_OK) {
        err = kms_wrapping_for(request->key, in_string(op, "WrappingAlgorithm"), in_string(op, "WrappingKeySpec"),
                               &request->import.wrapping);
    }
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_make_wrapping(op, request->kms, &request->import.wrapping, parameters_kept);
}

/* ---- ImportKeyMaterial ---- */

static p11kms_err check_expiry(int64_t valid_to)
{
    int64_t now = clock_service_ms();

    if (valid_to <= now) {
        FAIL(P11KMS_E_VALIDATION, "ValidTo must be in the future");
    }
    if (valid_to > now + KMS_IMPORT_DAYS_MAX * CLOCK_DAY_MS) {
        FAIL(P11KMS_E_VALIDATION, "ValidTo must be less than %d days in the future", KMS_IMPORT_DAYS_MAX);
    }
    return P11KMS_OK;
}

static p11kms_err read_expiry(const op_t *op, int64_t *ret)
{
    slice_t model = in_string(op, "ExpirationModel");
    bool expires = !model.len || slice_eq_str(model, "KEY_MATERIAL_EXPIRES");

    *ret = 0;
    if (expires && !in_has(op, "ValidTo")) {
        FAIL(P11KMS_E_VALIDATION, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES");
    }
    if (!expires && in_has(op, "ValidTo")) {
        FAIL(P11KMS_E_VALIDATION, "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE");
    }
    if (!expires) {
        return P11KMS_OK;
    }
    *ret = in_time(op, "ValidTo");
    return check_expiry(*ret);
}

static p11kms_err check_choosing(const op_t *op, const kms_key_t *key)
{
    static const char *const members[][2] = {
        { "ImportType", "importType" },
        { "KeyMaterialDescription", "keyMaterialDescription" },
        { "KeyMaterialId", "keyMaterialId" },
    };

    for (size_t i = 0; i < COUNT_OF(members) && !tells_materials(key); i++) {
        if (in_has(op, members[i][0])) {
            FAIL(P11KMS_E_VALIDATION, "Input parameter %s cannot be used with %s imported keys.", members[i][1],
                 key->spec->name);
        }
    }
    return P11KMS_OK;
}

static bool has_material(const kms_key_t *key, slice_t id_text)
{
    for (size_t i = 0; i < key->n_materials; i++) {
        if (slice_eq_str(id_text, key->materials[i].id_text)) {
            return true;
        }
    }
    return false;
}

static p11kms_err read_choice(const op_t *op, const kms_key_t *key, kms_import *import)
{
    slice_t type = in_string(op, "ImportType");

    TRY(check_choosing(op, key));
    import->is_new = type.len ? slice_eq_str(type, "NEW_KEY_MATERIAL") : !key->n_materials;
    import->material = in_string(op, "KeyMaterialId");
    if (import->is_new && import->material.len) {
        FAIL(P11KMS_E_VALIDATION, "Input parameter keyMaterialId cannot be used with NEW_KEY_MATERIAL importType.");
    }
    if (import->material.len && !has_material(key, import->material)) {
        FAIL(P11KMS_E_KEY_MATERIAL, "Imported key material does not have the expected identifier (%.*s).",
             (int)import->material.len, (const char *)import->material.data);
    }
    if (in_has(op, "KeyMaterialDescription") && !kms_key_is_primary(key)) {
        FAIL(P11KMS_E_VALIDATION, "Key material description can only be specified on primary Multi-Region keys");
    }
    return import->is_new ? kms_check_new_material(key) : P11KMS_OK;
}

static p11kms_err imported(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_IMPORT, &key));
    TRY(kms_change_import(change, key, &request->import));
    jw_t w = answer_begin(op);
    answer_key_arn(&w, key);
    if (tells_materials(key)) {
        answer_text(&w, "KeyMaterialId", kms_key_material(key, request->import.id)->id_text);
    }
    jw_end(&w);
    return kms_change_put(change, STEAL(key));
}

static p11kms_err import_begin(op_t *op, request_t *request)
{
    kms_import *import = &request->import;

    TRY(request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_IMPORT));
    TRY(read_expiry(op, &import->valid_to));
    TRY(kms_import_token_open(request->kms, request->key, in_blob(op, "ImportToken"), &import->wrapping));
    TRY(read_choice(op, request->key, import));
    import->kms = request->kms;
    import->key = request->key;
    import->wrapped = in_blob(op, "EncryptedKeyMaterial");
    import->describes = in_has(op, "KeyMaterialDescription");
    import->description = in_string(op, "KeyMaterialDescription");
    return P11KMS_OK;
}

void api_import_key_material(op_t *op)
{
    request_t *request = request_begin(op);
    p11kms_err err = import_begin(op, request);

    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    kms_import_material(op, &request->import, imported);
}

/* ---- DeleteImportedKeyMaterial ---- */

static void write_deleted(op_t *op, const kms_key_t *key, const kms_material *material)
{
    jw_t w = answer_begin(op);

    answer_key_arn(&w, key);
    if (material && tells_materials(key)) {
        answer_text(&w, "KeyMaterialId", material->id_text);
    }
    jw_end(&w);
}

static p11kms_err deleted(op_t *op, store_t *store)
{
    request_t *request = op->act;
    kms_change *change = kms_change_begin(op, request->kms, store);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    TRY(request_edit(op, change, KMS_DOES_DELETE_IMPORT, &key));
    TRY(kms_change_unimport(change, key, request->unimport.id));
    write_deleted(op, key, kms_key_material(request->key, request->unimport.id));
    return kms_change_put(change, STEAL(key));
}

/* The one asked for, else the current one; NULL: nothing was ever imported. */
static p11kms_err find_material(const op_t *op, const kms_key_t *key, const kms_material **ret)
{
    slice_t id = in_string(op, "KeyMaterialId");

    *ret = id.len ? NULL : kms_key_current(key);
    for (size_t i = 0; i < key->n_materials && id.len; i++) {
        if (slice_eq_str(id, key->materials[i].id_text)) {
            *ret = &key->materials[i];
        }
    }
    if (id.len && !*ret) {
        FAIL(P11KMS_E_VALIDATION, "Key material (id: %.*s) has never been imported into KMS key %s.", (int)id.len,
             (const char *)id.data, key->arn);
    }
    return P11KMS_OK;
}

void api_delete_imported_key_material(op_t *op)
{
    request_t *request = request_begin(op);
    const kms_material *material = NULL;
    p11kms_err err = request_key(op, "KeyId", KMS_NAME_KEY, KMS_DOES_DELETE_IMPORT);

    if (err == P11KMS_OK) {
        err = find_material(op, request->key, &material);
    }
    if (err != P11KMS_OK) {
        op_fail(op, err);
        return;
    }
    if (!material || !kms_can_unimport(request->key, material)) { /* "no effect" */
        write_deleted(op, request->key, material);
        op_done(op);
        return;
    }
    request->unimport.kms = request->kms;
    request->unimport.key = request->key;
    memcpy(request->unimport.id, material->id, KMS_ID);
    kms_unimport_material(op, &request->unimport, deleted);
}
