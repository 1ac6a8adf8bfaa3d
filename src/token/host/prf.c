#include "token/host/prf.h"

#include "token/host/keys.h"
#include "token/host/template.h"
#include "util/secret.h"

/* RFC 4231, test case 2, whose key HMAC itself pads with zeros: SoftHSM wants 32 bytes. */
static const uint8_t known_key[TOKEN_PRF_LEN] = "Jefe";
#define KNOWN_IN SLICE_LIT("what do ya want for nothing?")
static const uint8_t known_out[TOKEN_PRF_LEN] = {
    0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
    0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
};

CK_RV prf_once(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, slice_t in,
               uint8_t out[TOKEN_PRF_LEN])
{
    static uint8_t nothing;
    CK_MECHANISM mechanism = { .mechanism = CKM_SHA256_HMAC };
    CK_BYTE_PTR data = in.len > 0 ? (CK_BYTE_PTR)(uintptr_t)in.data : &nothing;
    CK_ULONG len = TOKEN_PRF_LEN;
    CK_RV rv = host->module->C_SignInit(session, &mechanism, key);

    if (rv == CKR_OK) {
        rv = host->module->C_Sign(session, data, in.len, out, &len);
    }
    if (rv == CKR_OK && len != TOKEN_PRF_LEN) {
        rv = CKR_FUNCTION_FAILED;
    }
    return rv;
}

/* A key of ours may be destroyed while it serves for this. */
static CK_OBJECT_HANDLE known_handle(const host_t *host)
{
    const host_key *key = host->known.by_ours ? keys_get(host, host->known.ours) : NULL;

    return key != NULL ? key->object : host->known.key;
}

bool prf_known_answer(const host_t *host, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE known = known_handle(host);
    uint8_t out[TOKEN_PRF_LEN];

    if (known == CK_INVALID_HANDLE) {
        return true;
    }
    return prf_once(host, session, known, KNOWN_IN, out) == CKR_OK &&
           secret_eq(SLICE(out, sizeof(out)), SLICE(host->known.expected, sizeof(host->known.expected)));
}

static CK_RV import_known(host_t *host)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &class, sizeof(class) },
        { CKA_KEY_TYPE, &type, sizeof(type) },
        { CKA_TOKEN, &no, sizeof(no) },
        { CKA_SIGN, &yes, sizeof(yes) },
        { CKA_VALUE, (void *)(uintptr_t)known_key, sizeof(known_key) },
    };

    return host->module->C_CreateObject(host->anchor, template, COUNT_OF(template), &host->known.key);
}

static bool is_function(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, uint8_t out[TOKEN_PRF_LEN])
{
    uint8_t again[TOKEN_PRF_LEN], other[TOKEN_PRF_LEN];

    return prf_once(host, session, key, KNOWN_IN, out) == CKR_OK &&
           prf_once(host, session, key, SLICE_LIT("what do ya want?"), other) == CKR_OK &&
           prf_once(host, session, key, KNOWN_IN, again) == CKR_OK &&
           secret_eq(SLICE(out, TOKEN_PRF_LEN), SLICE(again, TOKEN_PRF_LEN)) &&
           !secret_eq(SLICE(out, TOKEN_PRF_LEN), SLICE(other, TOKEN_PRF_LEN));
}

static void drop_known(host_t *host)
{
    CK_OBJECT_HANDLE key = host->known.key;

    host->known.key = CK_INVALID_HANDLE;
    if (key != CK_INVALID_HANDLE) {
        (void)keys_discard(host, host->anchor, key);
    }
}

/* OpenSC takes any secret as a session object, of which its cards know nothing. */
prf_verdict prf_try_imported(host_t *host, CK_SESSION_HANDLE session)
{
    uint8_t out[TOKEN_PRF_LEN];

    if (import_known(host) != CKR_OK) {
        host->known.key = CK_INVALID_HANDLE;
        return PRF_UNTRIED;
    }
    if (prf_once(host, session, host->known.key, KNOWN_IN, out) != CKR_OK) {
        drop_known(host);
        return PRF_UNTRIED;
    }
    memcpy(host->known.expected, known_out, sizeof(known_out));
    if (!secret_eq(SLICE(out, sizeof(out)), SLICE(known_out, sizeof(known_out)))) {
        drop_known(host);
        return PRF_WRONG;
    }
    return PRF_RIGHT;
}

/* Without import the answer cannot be known beforehand. */
prf_verdict prf_try_made(host_t *host, CK_SESSION_HANDLE session)
{
    const template_key key = { .type = TOKEN_KEY_PRF, .uses = 1u << TOKEN_USE_SIGN, .label = SLICE_LIT("known answer") };
    known_answer *known = &host->known;

    if (template_generate(host, host->anchor, host->template_variant, &key, &known->key) != CKR_OK) {
        known->key = CK_INVALID_HANDLE;
        return PRF_UNTRIED;
    }
    if (!is_function(host, session, known->key, known->expected)) {
        drop_known(host);
        return PRF_WRONG;
    }
    return PRF_RIGHT;
}

prf_verdict prf_try_ours(host_t *host, CK_SESSION_HANDLE session, const host_key *key)
{
    if (!is_function(host, session, key->object, host->known.expected)) {
        return PRF_WRONG;
    }
    memcpy(host->known.ours, key->id, TOKEN_KEY_ID);
    host->known.by_ours = true;
    return PRF_RIGHT;
}
