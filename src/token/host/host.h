/* The token host: what its files share. Only this folder includes PKCS#11 headers. */
#pragma once

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>

#include "token/ckr.h"
#include "token/protocol.h"
#include "util/map.h"

/** What came of an operation: err, and the CK_RV behind P11KMS_E_TOKEN and P11KMS_E_TOKEN_LOST. */
typedef struct {
    p11kms_err err;
    CK_RV rv;
} result_t;

#define RESULT_OK ((result_t){ P11KMS_OK, CKR_OK })

/* A key whose answer is known, in the anchor session: tells a working token from a lost one. */
typedef struct {
    CK_OBJECT_HANDLE key; /* CK_INVALID_HANDLE where the token allows none */
    uint8_t expected[TOKEN_PRF_LEN];
} known_answer;

/* One key of ours. */
typedef struct {
    uint8_t id[TOKEN_KEY_ID];
    CK_OBJECT_HANDLE object;
    CK_OBJECT_HANDLE copy; /* a session object of the anchor session, or CK_INVALID_HANDLE */
    bool copy_tried;
    bool ambiguous; /* several objects have this id: which is meant? */
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
