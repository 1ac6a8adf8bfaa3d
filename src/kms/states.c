#include "kms/states.h"

#include <string.h>

static const char *const state_names[KMS_STATE_COUNT] = {
    [KMS_STATE_ENABLED] = "Enabled",
    [KMS_STATE_DISABLED] = "Disabled",
    [KMS_STATE_PENDING_DELETION] = "PendingDeletion",
    [KMS_STATE_PENDING_REPLICA_DELETION] = "PendingReplicaDeletion",
    [KMS_STATE_PENDING_IMPORT] = "PendingImport",
    [KMS_STATE_UNAVAILABLE] = "Unavailable",
    [KMS_STATE_CREATING] = "Creating",
    [KMS_STATE_UPDATING] = "Updating",
};

const char *kms_state_name(kms_state state)
{
    return state_names[state];
}

p11kms_err kms_state_parse(const char *name, kms_state *ret)
{
    for (size_t i = 0; i < KMS_STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *ret = (kms_state)i;
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_SYNTAX, "'%s' is not a key state", name);
}

/* The outcomes AWS numbers in its table; the sentence follows the key's ARN. */
typedef enum { OK, DISABLED, DELETED, REPLICAS, NOT_DELETED, IMPORT, EXTERNAL, GONE, CREATING, UPDATING, OUTCOMES } outcome;

static const struct {
    p11kms_err err;
    const char *sentence;
} outcomes[OUTCOMES] = {
    [DISABLED] = { P11KMS_E_KEY_DISABLED, "is disabled." },
    [DELETED] = { P11KMS_E_KEY_STATE, "is pending deletion." },
    [REPLICAS] = { P11KMS_E_KEY_STATE, "is pending replica deletion." },
    [NOT_DELETED] = { P11KMS_E_KEY_STATE, "is not pending deletion." },
    [IMPORT] = { P11KMS_E_KEY_STATE, "is pending import." },
    [EXTERNAL] = { P11KMS_E_OPERATION_UNSUPPORTED, "origin is EXTERNAL which is not valid for this operation." },
    [GONE] = { P11KMS_E_KEY_STATE, "is unavailable." },
    [CREATING] = { P11KMS_E_KEY_STATE, "is creating." },
    [UPDATING] = { P11KMS_E_KEY_STATE, "is updating." },
};

/*
 * In the order of kms_state. Where the table says "unsupported" for Unavailable it
 * means keys of custom key stores; a token that went away is "unavailable" here.
 */
static const outcome table[KMS_DOES_COUNT][KMS_STATE_COUNT] = {
    /*                            Enabled      Disabled     PendingDel.  Pend.Replica PendingImp.  Unavailable  Creating  Updating */
    [KMS_DOES_CRYPTO] =         { OK,          DISABLED,    DELETED,     REPLICAS,    IMPORT,      GONE,        CREATING, OK },
    [KMS_DOES_GET_PUBLIC_KEY] = { OK,          OK,          DELETED,     REPLICAS,    IMPORT,      GONE,        CREATING, OK },
    [KMS_DOES_GRANT] =          { OK,          DISABLED,    DELETED,     REPLICAS,    IMPORT,      OK,          CREATING, OK },
    [KMS_DOES_ENABLE] =         { OK,          OK,          DELETED,     REPLICAS,    IMPORT,      OK,          CREATING, UPDATING },
    [KMS_DOES_SET_ROTATION] =   { OK,          DISABLED,    DELETED,     REPLICAS,    EXTERNAL,    OK,          CREATING, OK },
    [KMS_DOES_ROTATE] =         { OK,          DISABLED,    DELETED,     REPLICAS,    IMPORT,      GONE,        CREATING, UPDATING },
    [KMS_DOES_GET_ROTATION] =   { OK,          OK,          OK,          OK,          OK,          OK,          OK,       OK },
    [KMS_DOES_EDIT] =           { OK,          OK,          DELETED,     REPLICAS,    OK,          OK,          OK,       OK },
    [KMS_DOES_SCHEDULE] =       { OK,          OK,          DELETED,     REPLICAS,    OK,          OK,          OK,       UPDATING },
    [KMS_DOES_CANCEL] =         { NOT_DELETED, NOT_DELETED, OK,          OK,          NOT_DELETED, NOT_DELETED, NOT_DELETED, NOT_DELETED },
    [KMS_DOES_GET_PARAMETERS] = { OK,          OK,          DELETED,     REPLICAS,    OK,          GONE,        CREATING, UPDATING },
    [KMS_DOES_IMPORT] =         { OK,          OK,          DELETED,     REPLICAS,    OK,          GONE,        CREATING, OK },
    [KMS_DOES_DELETE_IMPORT] =  { OK,          OK,          OK,          OK,          OK,          GONE,        CREATING, UPDATING },
    [KMS_DOES_REPLICATE] =      { OK,          DISABLED,    DELETED,     REPLICAS,    IMPORT,      GONE,        CREATING, UPDATING },
    [KMS_DOES_MOVE_PRIMARY] =   { OK,          DISABLED,    DELETED,     REPLICAS,    IMPORT,      GONE,        CREATING, OK },
    [KMS_DOES_READ] =           { OK,          OK,          OK,          OK,          OK,          OK,          OK,       OK },
};

/* What goes with one kind of origin alone, whatever the state: notes 6, 7 and 9 of AWS's table. */
static bool origin_fits(kms_origin origin, kms_doing doing)
{
    switch (doing) {
    case KMS_DOES_GET_PARAMETERS:
    case KMS_DOES_IMPORT:
    case KMS_DOES_DELETE_IMPORT:
        return origin == KMS_ORIGIN_EXTERNAL;
    case KMS_DOES_SET_ROTATION:
        return origin == KMS_ORIGIN_AWS_KMS;
    case KMS_DOES_GET_ROTATION:
        return origin == KMS_ORIGIN_AWS_KMS || origin == KMS_ORIGIN_EXTERNAL;
    default:
        return true;
    }
}

p11kms_err kms_state_check(const kms_key_t *key, kms_doing doing)
{
    if (!origin_fits(key->origin, doing)) {
        FAIL(P11KMS_E_OPERATION_UNSUPPORTED, "%s origin is %s which is not valid for this operation.", key->arn,
             kms_origin_name(key->origin));
    }
    outcome o = table[doing][kms_key_state(key)];

    if (o == OK) {
        return P11KMS_OK;
    }
    FAIL(outcomes[o].err, "%s %s", key->arn, outcomes[o].sentence);
}
