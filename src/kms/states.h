/*
 * What a key's state lets one do: AWS's key-state table ("Key states of AWS KMS
 * keys" in the Developer Guide) as data, but for what AWS does otherwise by now.
 */
#pragma once

#include "kms/key.h"

typedef enum {
    KMS_DOES_CRYPTO,        /* all cryptographic operations */
    KMS_DOES_GET_PUBLIC_KEY, /* GetPublicKey */
    KMS_DOES_GRANT,         /* CreateGrant */
    KMS_DOES_ENABLE,        /* EnableKey, DisableKey */
    KMS_DOES_SET_ROTATION,  /* Enable-, DisableKeyRotation */
    KMS_DOES_ROTATE,        /* RotateKeyOnDemand */
    KMS_DOES_GET_ROTATION,  /* GetKeyRotationStatus */
    KMS_DOES_EDIT,          /* CreateAlias, tags, description; UpdateAlias' new target */
    KMS_DOES_SCHEDULE,      /* ScheduleKeyDeletion */
    KMS_DOES_CANCEL,        /* CancelKeyDeletion */
    KMS_DOES_GET_PARAMETERS, /* GetParametersForImport */
    KMS_DOES_IMPORT,        /* ImportKeyMaterial */
    KMS_DOES_DELETE_IMPORT, /* DeleteImportedKeyMaterial */
    KMS_DOES_REPLICATE,     /* ReplicateKey */
    KMS_DOES_MOVE_PRIMARY,  /* UpdatePrimaryRegion */
    KMS_DOES_READ,          /* Describe..., List..., Get/PutKeyPolicy, DeleteAlias */
    KMS_DOES_COUNT
} kms_doing;

/** @retval P11KMS_E_KEY_DISABLED, P11KMS_E_KEY_STATE, P11KMS_E_OPERATION_UNSUPPORTED with AWS's sentence. */
MUST_USE p11kms_err kms_state_check(const kms_key_t *key, kms_doing doing);
