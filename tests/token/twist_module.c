/*
 * SoftHSM, twisted: a PKCS#11 module that passes everything on to $TWIST_MODULE but what the faults named
 * in $TWIST_FAULTS say otherwise. For private keys, which are too much to play from nothing.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 256
#define SLOW_US 150000

static CK_FUNCTION_LIST functions, *real;
static CK_MECHANISM_TYPE in_use[SESSIONS]; /* by session: what its last C_...Init was for */

static bool fault(const char *name)
{
    const char *faults = getenv("TWIST_FAULTS");
    size_t len = strlen(name);

    while (faults != NULL && *faults != '\0') {
        if (strncmp(faults, name, len) == 0 && (faults[len] == ',' || faults[len] == '\0')) {
            return true;
        }
        faults = strchr(faults, ',');
        faults = faults == NULL ? NULL : faults + 1;
    }
    return false;
}

static CK_MECHANISM_TYPE *use_of(CK_SESSION_HANDLE session)
{
    return &in_use[session % SESSIONS];
}

static bool is_rsa(CK_MECHANISM_TYPE mechanism)
{
    return mechanism == CKM_RSA_PKCS || mechanism == CKM_RSA_PKCS_PSS || mechanism == CKM_RSA_X_509;
}

/* ---- attributes ---- */

static void lie_about(CK_ATTRIBUTE *attribute, bool on_token)
{
    bool lies = (attribute->type == CKA_EXTRACTABLE && fault("extractable")) ||
                (attribute->type == CKA_EXTRACTABLE && fault("extractable-on-token") && on_token) ||
                (attribute->type == CKA_DECRYPT && fault("every-use") && on_token);

    if (lies) {
        *(CK_BBOOL *)attribute->pValue = CK_TRUE;
    }
    if (attribute->type == CKA_MODULUS && fault("other-modulus")) {
        ((CK_BYTE *)attribute->pValue)[attribute->ulValueLen - 1] ^= 2;
    }
}

static void read_kind(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_OBJECT_CLASS *class, CK_BBOOL *on_token)
{
    CK_ATTRIBUTE kind[] = { { CKA_CLASS, class, sizeof(*class) }, { CKA_TOKEN, on_token, sizeof(*on_token) } };

    if (real->C_GetAttributeValue(session, object, kind, 2) != CKR_OK) {
        *class = CKO_DATA;
    }
}

static CK_RV twist_GetAttributeValue(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
                                     CK_ULONG n)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL on_token = CK_FALSE;
    CK_RV rv = real->C_GetAttributeValue(session, object, template, n);

    if (rv == CKR_OK) {
        read_kind(session, object, &class, &on_token);
    }
    /* SoftHSM gives a secret that it has unwrapped a length of 0, for which nothing is unwrapped on it. */
    if (rv == CKR_OK && n == 1 && template->type == CKA_VALUE_LEN && fault("tells-length")) {
        *(CK_ULONG *)template->pValue = 32;
    }
    for (CK_ULONG i = 0; i < n && class != CKO_DATA && class != CKO_SECRET_KEY; i++) {
        lie_about(&template[i], on_token);
    }
    return rv;
}

/* ---- making ---- */

static bool asks_for_token(const CK_ATTRIBUTE *template, CK_ULONG n)
{
    for (CK_ULONG i = 0; i < n; i++) {
        if (template[i].type == CKA_TOKEN) {
            return *(CK_BBOOL *)template[i].pValue == CK_TRUE;
        }
    }
    return false;
}

static CK_RV twist_CopyObject(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *template, CK_ULONG n,
                              CK_OBJECT_HANDLE *ret)
{
    if (fault("no-copy") && asks_for_token(template, n)) {
        return CKR_TEMPLATE_INCONSISTENT;
    }
    return real->C_CopyObject(session, from, template, n, ret);
}

static CK_RV twist_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
                                   CK_ULONG n_public, CK_ATTRIBUTE *private, CK_ULONG n_private,
                                   CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
    if (fault("both-halves") && asks_for_token(public, n_public) != asks_for_token(private, n_private)) {
        return CKR_TEMPLATE_INCONSISTENT;
    }
    if (fault("slow-generate")) {
        usleep(10 * SLOW_US);
    }
    return real->C_GenerateKeyPair(session, mechanism, public, n_public, private, n_private, ret_public, ret_private);
}

/* ---- crypto ---- */

static CK_RV twist_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM pkcs1 = { .mechanism = CKM_RSA_PKCS };

    if (mechanism->mechanism == CKM_RSA_PKCS_PSS && fault("no-pss")) {
        return CKR_MECHANISM_INVALID;
    }
    *use_of(session) = mechanism->mechanism;
    return real->C_SignInit(session, mechanism->mechanism == CKM_RSA_PKCS_PSS && fault("pss-is-pkcs1") ? &pkcs1 : mechanism,
                            key);
}

static CK_RV twist_Sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CK_RV rv;

    if (is_rsa(*use_of(session)) && fault("slow-rsa")) {
        usleep(SLOW_US);
    }
    rv = real->C_Sign(session, data, len, out, out_len);
    if (rv == CKR_OK && *use_of(session) == CKM_ECDSA && fault("short-ecdsa")) {
        *out_len -= 1;
    }
    if (rv == CKR_OK && *use_of(session) == CKM_EDDSA && fault("wrong-eddsa")) {
        out[0] ^= 1;
    }
    return rv;
}

static CK_RV twist_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    *use_of(session) = mechanism->mechanism;
    return real->C_DecryptInit(session, mechanism, key);
}

static CK_RV twist_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    CK_RV rv = real->C_Decrypt(session, data, len, out, out_len);

    if (*use_of(session) == CKM_RSA_PKCS_OAEP && fault("oaep-wrong") && rv == CKR_OK) {
        out[0] ^= 1;
    }
    if (*use_of(session) == CKM_RSA_PKCS_OAEP && fault("oaep-takes-anything") && rv != CKR_OK) {
        *out_len = 0;
        return CKR_OK;
    }
    if (*use_of(session) == CKM_RSA_X_509 && fault("strips-zeros") && rv == CKR_OK && out[0] == 0) {
        memmove(out, out + 1, --*out_len);
    }
    return rv;
}

static CK_RV twist_DeriveKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                             CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
    CK_RV rv = real->C_DeriveKey(session, mechanism, key, template, n, ret);

    if (rv == CKR_OK && fault("derived-is-the-key")) {
        *ret = key;
    }
    return rv;
}

static CK_RV twist_UnwrapKey(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
                             CK_BYTE *wrapped, CK_ULONG len, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
    CK_BBOOL yes = CK_TRUE;

    for (CK_ULONG i = 0; i < n && fault("unwraps-extractable") && asks_for_token(template, n); i++) {
        if (template[i].type == CKA_EXTRACTABLE) {
            template[i].pValue = &yes;
        }
    }
    if (fault("no-unwrap")) {
        return CKR_MECHANISM_INVALID;
    }
    return real->C_UnwrapKey(session, mechanism, unwrapping, wrapped, len, template, n, ret);
}

/* It lists what it cannot do, and has no idea of sizes. */
static CK_RV twist_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    CK_RV rv = real->C_GetMechanismInfo(slot, type, info);

    if (fault("list-lies")) {
        *info = (CK_MECHANISM_INFO){ 1, 1u << 20, CKF_HW };
        return CKR_OK;
    }
    return rv;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    const char *path = getenv("TWIST_MODULE");
    void *module = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    CK_C_GetFunctionList get = NULL;

    if (module == NULL) {
        return CKR_GENERAL_ERROR;
    }
    *(void **)&get = dlsym(module, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK) {
        return CKR_GENERAL_ERROR;
    }
    functions = *real;
    functions.C_GetFunctionList = C_GetFunctionList;
    functions.C_GetAttributeValue = twist_GetAttributeValue;
    functions.C_CopyObject = twist_CopyObject;
    functions.C_GenerateKeyPair = twist_GenerateKeyPair;
    functions.C_SignInit = twist_SignInit;
    functions.C_Sign = twist_Sign;
    functions.C_DecryptInit = twist_DecryptInit;
    functions.C_Decrypt = twist_Decrypt;
    functions.C_DeriveKey = twist_DeriveKey;
    functions.C_UnwrapKey = twist_UnwrapKey;
    functions.C_GetMechanismInfo = twist_GetMechanismInfo;
    *ret = &functions;
    return CKR_OK;
}
