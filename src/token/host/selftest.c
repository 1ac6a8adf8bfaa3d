#include "token/host/selftest.h"

#include "token/host/keys.h"
#include "token/host/module.h"
#include "token/host/prf.h"
#include "token/host/template.h"
#include "util/secret.h"

#define LOG_ROOM "token"
#include "util/log.h"

static const template_key prf_key = {
    .type = TOKEN_KEY_PRF, .uses = 1u << TOKEN_USE_SIGN, .label = { (const uint8_t *)"self-test", 9 }
};

#define GCM_IV 12
#define GCM_TAG 16
#define GCM_PLAIN 32

/* A key of ours that can be used for a PRF; NULL when there is none. */
static host_key *any_key(const host_t *host)
{
    size_t at = 0;
    slice_t id;
    void *value;

    while (map_next(host->keys, &at, &id, &value)) {
        host_key *key = value;

        if (key->class == CKO_SECRET_KEY && keys_usable(key) &&
            (key->secret_len == 0 || key->secret_len == TOKEN_PRF_LEN)) {
            return key;
        }
    }
    return NULL;
}

static bool can_generate(host_t *host, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_RV rv = template_choose(host, session, &object);
    const char *wrong;

    if (rv != CKR_OK) {
        log_notice("keys cannot be made on this token: C_GenerateKey: %s", token_ckr_name(rv));
        return false;
    }
    wrong = template_mismatch(host, session, object, &prf_key);
    if (wrong != NULL) {
        log_error("keys cannot be made on this token: it does not heed %s", wrong);
    }
    (void)keys_discard(host, session, object);
    return wrong == NULL;
}

static prf_verdict try_any_of_ours(host_t *host, CK_SESSION_HANDLE session)
{
    const host_key *key = any_key(host);

    return key != NULL ? prf_try_ours(host, session, key) : PRF_UNTRIED;
}

/* The first that gives a verdict. A session each: after an error one is no good. */
static bool can_prf(host_t *host, CK_SESSION_HANDLE outer)
{
    static prf_verdict (*const tries[])(host_t *host, CK_SESSION_HANDLE session) = { prf_try_imported, prf_try_made,
                                                                                     try_any_of_ours };
    prf_verdict verdict = PRF_UNTRIED;
    CK_SESSION_HANDLE session;
    (void)outer;

    for (size_t i = 0; i < COUNT_OF(tries) && verdict == PRF_UNTRIED; i++) {
        if (module_open_session(host, &session) == CKR_OK) {
            verdict = tries[i](host, session);
            (void)host->module->C_CloseSession(session);
        }
    }
    if (verdict == PRF_WRONG) {
        log_error("the token's HMAC-SHA-256 does not give the right answer");
    } else if (verdict == PRF_UNTRIED) {
        log_notice("no HMAC-SHA-256 on this token: not with a key that is brought, nor made, nor one of ours");
    }
    return verdict == PRF_RIGHT;
}

static bool can_random(host_t *host, CK_SESSION_HANDLE session)
{
    uint8_t one[TOKEN_PRF_LEN] = { 0 };
    uint8_t two[TOKEN_PRF_LEN] = { 0 };
    bool random = host->module->C_GenerateRandom(session, one, sizeof(one)) == CKR_OK &&
                  host->module->C_GenerateRandom(session, two, sizeof(two)) == CKR_OK &&
                  memcmp(one, two, sizeof(one)) != 0;

    secret_wipe(one, sizeof(one));
    secret_wipe(two, sizeof(two));
    return random;
}

static CK_RV generate_aes(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret)
{
    CK_MECHANISM mechanism = { .mechanism = CKM_AES_KEY_GEN };
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG key_bytes = 32;
    CK_ATTRIBUTE template[] = {
        { CKA_TOKEN, &no, sizeof(no) },
        { CKA_ENCRYPT, &yes, sizeof(yes) },
        { CKA_DECRYPT, &yes, sizeof(yes) },
        { CKA_VALUE_LEN, &key_bytes, sizeof(key_bytes) },
    };

    return host->module->C_GenerateKey(session, &mechanism, template, COUNT_OF(template), ret);
}

typedef struct {
    host_t *host;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM mechanism;
} gcm_t;

static CK_RV gcm_decrypt(gcm_t *gcm, uint8_t *sealed, CK_ULONG sealed_len, uint8_t *out, CK_ULONG *out_len)
{
    CK_RV rv = gcm->host->module->C_DecryptInit(gcm->session, &gcm->mechanism, gcm->key);

    return rv == CKR_OK ? gcm->host->module->C_Decrypt(gcm->session, sealed, sealed_len, out, out_len) : rv;
}

/* Lengths are never asked for: modules answer such a query by decrypting, or not at all. */
static bool gcm_works(gcm_t *gcm)
{
    uint8_t plain[GCM_PLAIN] = "thirty-two bytes of known text..";
    uint8_t sealed[GCM_PLAIN + GCM_TAG] = { 0 };
    uint8_t opened[GCM_PLAIN + GCM_TAG] = { 0 };
    CK_ULONG sealed_len = sizeof(sealed);
    CK_ULONG opened_len = sizeof(opened);
    CK_FUNCTION_LIST *module = gcm->host->module;

    if (module->C_EncryptInit(gcm->session, &gcm->mechanism, gcm->key) != CKR_OK ||
        module->C_Encrypt(gcm->session, plain, sizeof(plain), sealed, &sealed_len) != CKR_OK ||
        sealed_len != sizeof(sealed) || memcmp(sealed, plain, sizeof(plain)) == 0) {
        return false;
    }
    if (gcm_decrypt(gcm, sealed, sealed_len, opened, &opened_len) != CKR_OK || opened_len != sizeof(plain) ||
        memcmp(opened, plain, sizeof(plain)) != 0) {
        return false;
    }
    sealed[0] ^= 1;
    opened_len = sizeof(opened);
    return gcm_decrypt(gcm, sealed, sealed_len, opened, &opened_len) != CKR_OK;
}

static bool can_gcm(host_t *host, CK_SESSION_HANDLE session)
{
    uint8_t iv[GCM_IV] = { 1 };
    uint8_t aad[] = "header";
    CK_GCM_PARAMS parameters = { iv, sizeof(iv), 8 * sizeof(iv), aad, sizeof(aad), 8 * GCM_TAG };
    gcm_t gcm = {
        .host = host,
        .session = session,
        .mechanism = { CKM_AES_GCM, &parameters, sizeof(parameters) },
    };

    return generate_aes(host, session, &gcm.key) == CKR_OK && gcm_works(&gcm);
}

static bool can_copy_variant(host_t *host, CK_SESSION_HANDLE session, unsigned variant)
{
    host_key key = { .class = CKO_SECRET_KEY, .copy = CK_INVALID_HANDLE, .public = CK_INVALID_HANDLE };
    bool can;

    if (template_generate(host, session, variant, &prf_key, &key.object) != CKR_OK) {
        return false;
    }
    keys_copy(host, session, &key);
    can = key.copy != CK_INVALID_HANDLE;
    keys_drop_copy(host, &key);
    (void)keys_discard(host, session, key.object);
    return can;
}

/* SoftHSM copies no unmodifiable key: where copies are wanted, new keys are modifiable then. */
static bool can_copy_fresh_key(host_t *host, CK_SESSION_HANDLE session)
{
    if (can_copy_variant(host, session, host->template_variant)) {
        return true;
    }
    if (!host->copies_wanted || !can_copy_variant(host, session, TEMPLATE_PLAIN)) {
        return false;
    }
    host->template_variant = TEMPLATE_PLAIN;
    return true;
}

/* A key of ours that turns out unlike its copy ends the copying; one that cannot be copied does not. */
static bool can_session_copy(host_t *host, CK_SESSION_HANDLE session)
{
    host_key *key = any_key(host);

    if (!host->copies_wanted || !host->info.can_prf || !can_copy_fresh_key(host, session)) {
        return false;
    }
    if (key != NULL) {
        keys_copy(host, session, key);
    }
    return host->copies_wanted;
}

/* In this order: the known answer may be a generated key, and copies are compared by their answers. */
static const struct {
    bool (*run)(host_t *host, CK_SESSION_HANDLE session);
    size_t result; /* in token_info */
} tests[] = {
    { can_generate, offsetof(token_info, can_generate) },
    { can_prf, offsetof(token_info, can_prf) },
    { can_random, offsetof(token_info, can_random) },
    { can_gcm, offsetof(token_info, can_gcm) },
    { can_session_copy, offsetof(token_info, can_session_copy) },
};

/* A session each: after an error one is no good. */
p11kms_err selftest_run(host_t *host)
{
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        CK_SESSION_HANDLE session;
        CK_RV rv = module_open_session(host, &session);

        if (rv != CKR_OK) {
            FAIL_RV(P11KMS_E_TOKEN_LOST, rv, "C_OpenSession");
        }
        *(bool *)((char *)&host->info + tests[i].result) = tests[i].run(host, session);
        (void)host->module->C_CloseSession(session);
    }
    host->info.key_types = host->info.can_generate ? 1u << TOKEN_KEY_PRF : 0;
    return selftest_pairs(host);
}
