/*
 * The front side of a token: operations go to the token host process and come
 * back as completions. No PKCS#11 module is ever mapped here and no PIN seen.
 *
 * A token is lost when its host died, hung past a deadline, or cannot log in; it
 * is started again by itself (with growing pauses, 0.1 s to 30 s) unless the PIN was
 * refused: then only token_retry_login() tries again, and not what was refused: a wrong
 * PIN tried twice may lock the hardware.
 */
#pragma once

#include "util/mailbox.h"
#include "util/secret.h"

#define TOKEN_KEY_ID 16  /* CKA_ID: random bytes */
#define TOKEN_PRF_LEN 32 /* HMAC-SHA-256 */
#define TOKEN_RANDOM_MAX 1024
#define TOKEN_IN_MAX 8192
#define TOKEN_NAME_MAX 64
#define TOKEN_SESSIONS_MAX 16

/*
 * A secret key is ours when it is a token object, its label starts with this and
 * its CKA_ID has TOKEN_KEY_ID bytes. Others on the same token are never touched.
 */
#define TOKEN_LABEL_PREFIX "p11kms:"
#define TOKEN_LABEL_MAX 64 /* bytes of `in` at GENERATE */

typedef struct token token_t;

typedef struct {
    const char *name;       /* configuration name; the audit and log name */
    const char *uri;        /* RFC 7512, selects exactly one token of the module */
    const char *module;     /* path of the one PKCS#11 module to load */
    const char *init_args;  /* C_Initialize pReserved string, as NSS needs; may be NULL */
    const char *pin_source; /* "file:/path", "credential:NAME" ($CREDENTIALS_DIRECTORY), "prompt" */
    const char *host_path;  /* the p11kms-token program */
    bool dev;               /* --dev: the pin file's owner and mode are not checked */
    bool session_copies;    /* keep session-object copies of materials where the token allows */
    unsigned sessions;      /* crypto worker threads in the host, 1..16; 1 is best for SoftHSM */
    unsigned op_deadline_ms;    /* a PRF, random or sign: default 5000 */
    unsigned slow_deadline_ms;  /* key generation and other object management: default 60000 */
    unsigned start_deadline_ms; /* module load, login, self-test, find: default 60000; a prompt's answer is extra */
    unsigned queue_max;         /* waiting at once before P11KMS_E_BUSY (slow: half; private keys: a quarter); default 4096 */
} token_options;

typedef enum {
    TOKEN_STARTING,
    TOKEN_READY,
    TOKEN_LOST,        /* will be tried again by itself */
    TOKEN_PIN_REFUSED, /* waits for token_retry_login() */
} token_state;

/** What a key on the token is; its bytes or curve, and so the mechanisms it takes. */
typedef enum {
    TOKEN_KEY_PRF,      /* generic secret, 32 bytes, HMAC-SHA-256: symmetric KMS keys */
    TOKEN_KEY_HMAC_224, /* generic secrets, 28, 32, 48 and 64 bytes */
    TOKEN_KEY_HMAC_256,
    TOKEN_KEY_HMAC_384,
    TOKEN_KEY_HMAC_512,
    TOKEN_KEY_RSA_2048,
    TOKEN_KEY_RSA_3072,
    TOKEN_KEY_RSA_4096,
    TOKEN_KEY_P256,
    TOKEN_KEY_P384,
    TOKEN_KEY_P521,
    TOKEN_KEY_SECP256K1,
    TOKEN_KEY_ED25519,
    TOKEN_KEY_COUNT
} token_key_type;

/** The one thing a private key may do (CKA_SIGN; CKA_DECRYPT and CKA_UNWRAP; CKA_DERIVE); secret keys of these types only sign. */
typedef enum { TOKEN_USE_SIGN, TOKEN_USE_DECRYPT, TOKEN_USE_AGREE, TOKEN_USE_COUNT } token_key_use;

/** Algorithms, whatever the module calls them and whatever part of them the token host adds. */
typedef enum {
    TOKEN_MECH_NONE,
    TOKEN_MECH_HMAC_SHA224, /* SIGN: in is the message */
    TOKEN_MECH_HMAC_SHA256,
    TOKEN_MECH_HMAC_SHA384,
    TOKEN_MECH_HMAC_SHA512,
    TOKEN_MECH_PKCS1_SHA256, /* SIGN: in is the digest; RFC 8017 8.2 */
    TOKEN_MECH_PKCS1_SHA384,
    TOKEN_MECH_PKCS1_SHA512,
    TOKEN_MECH_PSS_SHA256, /* SIGN: in is the digest; MGF1 and salt of the same hash; RFC 8017 8.1 */
    TOKEN_MECH_PSS_SHA384,
    TOKEN_MECH_PSS_SHA512,
    TOKEN_MECH_ECDSA,      /* SIGN: in is the digest, 20..64 bytes; out is r || s, each as long as the order */
    TOKEN_MECH_EDDSA,      /* SIGN: in is the message; Ed25519, RFC 8032 */
    TOKEN_MECH_EDDSA_PH,   /* SIGN: in is the 64-byte digest; Ed25519ph */
    TOKEN_MECH_OAEP_SHA1,  /* DECRYPT, IMPORT: MGF1 of the same hash, empty label */
    TOKEN_MECH_OAEP_SHA256,
    TOKEN_MECH_RSA_AES_WRAP_SHA1, /* IMPORT: OAEP-wrapped AES-256 key || RFC 5649 wrapped material */
    TOKEN_MECH_RSA_AES_WRAP_SHA256,
    TOKEN_MECH_COUNT
} token_mechanism;

#define TOKEN_CAN(mask, bit) (((mask) >> (bit)) & 1u)

/** "RSA_2048", "OAEP_SHA256": as the enumerators, for people. */
const char *token_key_type_name(token_key_type type);
const char *token_mechanism_name(token_mechanism mechanism);

/** What the host found at start. Capabilities come from its self-test, not from the mechanism list. */
typedef struct {
    char label[33];
    char manufacturer[33];
    char model[17];
    char serial[17];
    char library[64]; /* description and version of the module */
    bool can_prf;      /* HMAC-SHA-256 under a token key, known answer passed */
    bool can_generate; /* generic secret keys made on the token, attributes read back */
    bool can_gcm;      /* AES-GCM with a host IV, tampering noticed */
    bool can_random;
    bool can_session_copy;
    uint32_t key_types;  /* bit 1 << token_key_type: can be made on the token (PRF: can_generate) */
    uint32_t mechanisms; /* bit 1 << token_mechanism: works, with what the host adds to the token's part */
    bool can_agree;      /* ECDH with the NIST curves among key_types */
    bool can_import;     /* IMPORT works: a private RSA key to unwrap with, and objects made from given bytes */
    unsigned keys; /* objects of ours found */
} token_info;

typedef enum {
    TOKEN_OP_PRF,      /* HMAC-SHA-256(key_id, in) -> out, 32 bytes */
    TOKEN_OP_GENERATE, /* a key of type and use, CKA_ID key_id, CKA_LABEL TOKEN_LABEL_PREFIX + in; a pair: SPKI -> out */
    TOKEN_OP_DESTROY,  /* the object(s) with key_id; none there is success */
    TOKEN_OP_RANDOM,   /* out_len bytes from the token -> out */
    TOKEN_OP_LIST,     /* search the token again: the CKA_IDs of our keys, 16 bytes each -> out_list */
    TOKEN_OP_PING,     /* proves session and login are alive (C_GetSessionInfo and a known-answer PRF) */
    TOKEN_OP_SIGN,     /* mechanism(key_id, in) -> out: a signature or MAC */
    TOKEN_OP_DECRYPT,  /* RSA-OAEP: in -> out; CIPHERTEXT for whatever does not open, in the same time */
    TOKEN_OP_AGREE,    /* ECDH: in is the other's SPKI (DER), checked to be a point of the curve; x coordinate -> out */
    /*
     * Material wrapped for the RSA key unwrap_id (use DECRYPT) by mechanism becomes the key key_id of type
     * and use. `in` is label length u16, label, wrapped bytes. A pair: SPKI -> out. CIPHERTEXT: does not unwrap;
     * SYNTAX: not material of that type.
     */
    TOKEN_OP_IMPORT,
    TOKEN_OP_PUBLIC, /* the SPKI of a private key -> out */
    TOKEN_OP_COUNT
} token_op_kind;

/**
 * One operation. The caller owns it and everything it points to until done.run
 * is called on the mailbox owner's thread; `in` is copied by token_submit().
 */
typedef struct token_op token_op_t;
struct token_op {
    completion_t done; /* first: done.run is set by the caller */
    mailbox_t *mailbox;
    token_op_kind kind;
    uint8_t key_id[TOKEN_KEY_ID];
    uint8_t unwrap_id[TOKEN_KEY_ID]; /* IMPORT */
    token_key_type type;             /* GENERATE, IMPORT */
    token_key_use use;               /* GENERATE, IMPORT */
    token_mechanism mechanism;       /* SIGN, DECRYPT, IMPORT */
    slice_t in;
    size_t out_len; /* RANDOM: wanted */
    /* results */
    /*
     * OK, TOKEN, TOKEN_LOST (retryable), TOKEN_NO_KEY, BUSY, RANGE, SHUTDOWN; TIMEOUT: it waited its
     * whole deadline behind others (retryable); EXISTS: GENERATE of a key_id the token has already;
     * UNSUPPORTED: the token cannot; CIPHERTEXT, SYNTAX: as the kinds say.
     */
    p11kms_err err;
    uint64_t ckr;    /* the CK_RV behind TOKEN, else 0 */
    uint8_t out[TOKEN_RANDOM_MAX]; /* wiped by token_op_wipe() */
    size_t out_used;
    buf_t out_list;
    int64_t started_us; /* clock_mono_us() at submit, for histograms */
    /* private to the room */
    uint64_t id;
    int64_t deadline_us;
    token_op_t *link;
};

void token_op_wipe(token_op_t *op);
/** "CKR_GENERAL_ERROR" for token_op.ckr; "CKR_0x80000001" for one without a name. Good until this thread's next call. */
const char *token_ckr_name(uint64_t ckr);

#define TOKEN_HOST_PATH_MAX 4096
/** The token host: the one beside this program in a build tree, else the installed one. May use @p room. */
const char *token_find_host(char room[TOKEN_HOST_PATH_MAX]);

/**
 * Start the host and wait until it is ready, at most start_deadline_ms.
 *
 * @retval P11KMS_E_TOKEN_LOST, P11KMS_E_TOKEN_PIN, P11KMS_E_CONFIG (PIN source unusable, module
 *         not loadable, URI matching none or several)  Detail says which; *ret is still
 *         set where @p keep_trying, and the token goes on by itself.
 */
MUST_USE p11kms_err token_open(const token_options *options, bool keep_trying, token_t **ret);
/** Ends the host; operations in flight complete with P11KMS_E_SHUTDOWN before this returns. */
void token_close(token_t *token);

const char *token_name(const token_t *token);
token_state token_get_state(const token_t *token);
token_info token_get_info(const token_t *token);
/** Why it is not ready; "" when it is. Copies at most @p size bytes. */
void token_problem(const token_t *token, char *out, size_t size);
/** An order to log in; without effect while the PIN source is the file that the token has refused. */
void token_retry_login(token_t *token);

/** Never blocks. Completes through op->mailbox, also on failure. Thread-safe. */
void token_submit(token_t *token, token_op_t *op);
/** Push what was submitted since the last flush in one write; call once a loop pass. */
void token_flush(token_t *token);
/** Submit and wait: for start-up and worker threads, never for a loop. @return op->err */
p11kms_err token_call(token_t *token, token_op_t *op);

typedef struct {
    uint64_t ops[TOKEN_OP_COUNT];
    uint64_t failures;
    uint64_t restarts;
    uint64_t frames; /* requests frames sent: ops / frames is the batching */
    unsigned waiting;
} token_stats;
token_stats token_get_stats(const token_t *token);
/** The host process, for tests and resource accounting; 0 when there is none. */
int token_host_pid(const token_t *token);

/* ---- behind the same calls: what unit tests of the rooms above put there ---- */

typedef struct token_driver {
    void (*submit)(void *self, token_op_t *op);
    void (*flush)(void *self);
    void (*close)(void *self);
    token_state (*state)(void *self);
    token_info (*info)(void *self);
} token_driver;

/** A token served by @p driver instead of a host process; closes it with token_close(). */
MUST_USE p11kms_err token_open_driver(const char *name, const token_driver *driver, void *self, token_t **ret);

DEFINE_CLEANUP(token_t *, token, token_close);
