/* The token host: what its files share. Only this folder includes PKCS#11 headers. */
#pragma once

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>

#include "crypto/asym.h"
#include "token/ckr.h"
#include "token/protocol.h"
#include "util/map.h"

/** What came of an operation: err, and the CK_RV behind P11KMS_E_TOKEN and P11KMS_E_TOKEN_LOST. */
typedef struct {
    p11kms_err err;
    CK_RV rv;
} result_t;

#define RESULT_OK ((result_t){ P11KMS_OK, CKR_OK })

/* A key whose answer is known: tells a working token from a lost one. */
typedef struct {
    CK_OBJECT_HANDLE key; /* in the anchor session; CK_INVALID_HANDLE where the token allows none */
    bool by_ours;         /* then one of ours, where there is one, found to be a function at the start */
    uint8_t ours[TOKEN_KEY_ID];
    uint8_t expected[TOKEN_PRF_LEN];
} known_answer;

/* How a mechanism is carried out. */
typedef enum {
    WAY_NONE,
    WAY_NATIVE, /* by the module */
    WAY_RAW,    /* by the module's bare RSA, with the padding done here */
} host_way;

/* What a private key is. */
typedef struct {
    token_key_type type;
    token_key_use use;
    size_t spki_len; /* 0: the token does not tell */
    uint8_t spki[ASYM_MAX];
} host_pair;

/* One key of ours. */
typedef struct {
    uint8_t id[TOKEN_KEY_ID];
    CK_OBJECT_CLASS class; /* CKO_SECRET_KEY or CKO_PRIVATE_KEY */
    CK_ULONG secret_len; /* bytes of a secret; 0: the token does not tell */
    CK_OBJECT_HANDLE object;
    host_pair *pair; /* of a private key: set once, by pairs_get(), and good as long as the key */
    CK_OBJECT_HANDLE public; /* the object of its public half, where there is one, or CK_INVALID_HANDLE */
    CK_OBJECT_HANDLE copy; /* a session object of the anchor session, or CK_INVALID_HANDLE */
    bool copy_tried;
    bool ambiguous; /* several objects have this id: which is meant? */
    bool unsafe;    /* extractable, or not sensitive: not used */
    bool seen;      /* while the token is searched again */
} host_key;

typedef struct {
    protocol_start start; /* strings live as long as the process */
    CK_FUNCTION_LIST *module;
    CK_SLOT_ID slot;
    CK_FLAGS token_flags;
    CK_SESSION_HANDLE anchor; /* open until the end: its closing would renumber handles and log out */
    token_info info;
    known_answer known;
    unsigned template_variant; /* of template.h */
    uint8_t ways[TOKEN_MECH_COUNT]; /* host_way */
    bool unwraps[TOKEN_MECH_COUNT]; /* OAEP_...: C_UnwrapKey makes secrets as asked */
    bool ed25519_by_name; /* as PKCS#11 v3.0 first had it, or by its OID */
    bool pairs_direct;    /* private session keys cannot be copied to the token */
    bool making;          /* atomic: a pair is being made, for seconds, under the shared lock */
    unsigned quick;       /* atomic: operations of the crypto lane that were carried out */
    /*
     * Crypto shares the token, object management has it alone: modules crash or err
     * when they create beside finding. The lock also guards the keys.
     */
    pthread_rwlock_t objects;
    map_t *keys; /* CKA_ID to host_key */
    unsigned copies;
    bool copies_wanted;
} host_t;

/* One thread's way to the token. */
typedef struct {
    host_t *host;
    CK_SESSION_HANDLE session;
} worker_t;
