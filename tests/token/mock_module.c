/*
 * A PKCS#11 module that misbehaves on order, to prove the token host's defences. It holds one
 * token, "mock", PIN 1234, whose keys and counted PIN attempts live in $MOCK_DIR, so that they
 * outlast a host. $MOCK_FAULTS names faults that hold from the start; the text given to C_Sign
 * names one that begins there.
 *
 * It aborts the host where that breaks a rule: a session used after an error in it, object
 * management beside anything else, C_Logout.
 */
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"

#define PIN "1234"
#define PIN_TRIES 3
#define OBJECTS 256
#define SESSIONS 64
#define SLOT 7
#define LABEL 128
#define VALUE 32

typedef struct {
    bool taken;
    CK_OBJECT_HANDLE handle;
    CK_KEY_TYPE type;
    CK_BBOOL token, private, sensitive, extractable, sign, modifiable;
    bool imported;
    CK_BBOOL other_uses; /* verify, encrypt, decrypt, wrap, unwrap, derive: whichever was asked for */
    uint8_t id[16];
    CK_ULONG id_len;
    char label[LABEL];
    CK_ULONG label_len;
    uint8_t value[VALUE];
} object_t;

typedef struct {
    bool open;
    bool poisoned; /* an error happened in it */
    CK_OBJECT_HANDLE key;
    bool active;
    CK_GCM_PARAMS gcm;
    size_t found[OBJECTS];
    CK_ULONG n_found, next_found;
} session_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static object_t objects[OBJECTS];
static session_t sessions[SESSIONS];
static CK_OBJECT_HANDLE next_handle = 100;
static bool logged_in, removed, broken;
static unsigned generate_errors;
static atomic_int managing, using;

/* ---- faults, rules, files ---- */

static bool fault(const char *name)
{
    const char *faults = getenv("MOCK_FAULTS");
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

static void rule_broken(const char *what)
{
    fprintf(stderr, "mock module: %s\n", what);
    abort();
}

_Noreturn static void hang(void)
{
    for (;;) {
        pause();
    }
}

static const char *file(const char *name)
{
    static _Thread_local char path[4096];
    const char *folder = getenv("MOCK_DIR");

    snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : ".", name);
    return path;
}

static void save(void)
{
    FILE *out = fopen(file("keys"), "w");

    for (size_t i = 0; out != NULL && i < OBJECTS; i++) {
        if (objects[i].taken && objects[i].token) {
            fwrite(&objects[i], sizeof(objects[i]), 1, out);
        }
    }
    if (out != NULL) {
        fclose(out);
    }
}

static void load(void)
{
    FILE *in = fopen(file("keys"), "r");

    for (size_t i = 0; in != NULL && i < OBJECTS && fread(&objects[i], sizeof(objects[i]), 1, in) == 1; i++) {
        objects[i].handle = next_handle++;
    }
    if (in != NULL) {
        fclose(in);
    }
}

static unsigned read_count(const char *name)
{
    FILE *in = fopen(file(name), "r");
    unsigned n = 0;

    if (in != NULL) {
        if (fscanf(in, "%u", &n) != 1) {
            n = 0;
        }
        fclose(in);
    }
    return n;
}

static void write_count(const char *name, unsigned n)
{
    FILE *out = fopen(file(name), "w");

    if (out != NULL) {
        fprintf(out, "%u", n);
        fclose(out);
    }
}

/* Object management must have the module alone. */
static void begin_managing(void)
{
    if (atomic_fetch_add(&managing, 1) != 0 || atomic_load(&using) != 0) {
        rule_broken("object management beside another call");
    }
}

static void end_managing(void)
{
    atomic_fetch_sub(&managing, 1);
}

static void begin_using(void)
{
    atomic_fetch_add(&using, 1);
    if (atomic_load(&managing) != 0) {
        rule_broken("a call beside object management");
    }
}

static void end_using(void)
{
    atomic_fetch_sub(&using, 1);
}

/* ---- objects ---- */

static object_t *find_object(CK_OBJECT_HANDLE handle)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i].taken && objects[i].handle == handle) {
            return &objects[i];
        }
    }
    return NULL;
}

static object_t *new_object(void)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (!objects[i].taken) {
            objects[i] = (object_t){ .taken = true, .handle = next_handle++, .type = CKK_GENERIC_SECRET };
            objects[i].private = objects[i].modifiable = objects[i].extractable = CK_TRUE;
            return &objects[i];
        }
    }
    return NULL;
}

static const struct {
    CK_ATTRIBUTE_TYPE type;
    size_t at;
} flags[] = {
    { CKA_TOKEN, offsetof(object_t, token) },           { CKA_PRIVATE, offsetof(object_t, private) },
    { CKA_SENSITIVE, offsetof(object_t, sensitive) },   { CKA_EXTRACTABLE, offsetof(object_t, extractable) },
    { CKA_SIGN, offsetof(object_t, sign) },             { CKA_MODIFIABLE, offsetof(object_t, modifiable) },
    { CKA_VERIFY, offsetof(object_t, other_uses) },     { CKA_ENCRYPT, offsetof(object_t, other_uses) },
    { CKA_DECRYPT, offsetof(object_t, other_uses) },    { CKA_WRAP, offsetof(object_t, other_uses) },
    { CKA_UNWRAP, offsetof(object_t, other_uses) },     { CKA_DERIVE, offsetof(object_t, other_uses) },
};

static CK_BBOOL *flag_of(object_t *object, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        if (flags[i].type == type) {
            return (CK_BBOOL *)((char *)object + flags[i].at);
        }
    }
    return NULL;
}

static void apply(object_t *object, const CK_ATTRIBUTE *attribute)
{
    CK_BBOOL *flag = flag_of(object, attribute->type);

    if (flag != NULL) {
        *flag = *flag || *(CK_BBOOL *)attribute->pValue;
        if (!*(CK_BBOOL *)attribute->pValue && attribute->type != CKA_ENCRYPT) {
            *flag = CK_FALSE;
        }
    } else if (attribute->type == CKA_ID && attribute->ulValueLen <= sizeof(object->id)) {
        memcpy(object->id, attribute->pValue, attribute->ulValueLen);
        object->id_len = attribute->ulValueLen;
    } else if (attribute->type == CKA_LABEL && attribute->ulValueLen <= LABEL) {
        memcpy(object->label, attribute->pValue, attribute->ulValueLen);
        object->label_len = attribute->ulValueLen;
    } else if (attribute->type == CKA_VALUE && attribute->ulValueLen <= VALUE) {
        memcpy(object->value, attribute->pValue, attribute->ulValueLen);
    }
}

static void apply_all(object_t *object, const CK_ATTRIBUTE *template, CK_ULONG n)
{
    for (CK_ULONG i = 0; i < n; i++) {
        apply(object, &template[i]);
    }
}

/* ---- sessions ---- */

static session_t *find_session(CK_SESSION_HANDLE handle)
{
    if (handle < 1 || handle > SESSIONS || !sessions[handle - 1].open) {
        return NULL;
    }
    return &sessions[handle - 1];
}

static session_t *find_healthy(CK_SESSION_HANDLE handle)
{
    session_t *session = find_session(handle);

    if (session != NULL && session->poisoned) {
        rule_broken("a session used after an error in it");
    }
    return session;
}

static CK_RV poison(session_t *session, CK_RV rv)
{
    if (rv != CKR_OK) {
        session->poisoned = true;
    }
    return rv;
}

/* ---- the module ---- */

static CK_RV mock_Initialize(void *args)
{
    (void)args;
    if (fault("hang-initialize")) {
        hang();
    }
    if (fault("crash-initialize")) {
        raise(SIGSEGV);
    }
    if (fault("fail-initialize")) {
        return CKR_DEVICE_ERROR;
    }
    if (crypto_init() != P11KMS_OK) {
        return CKR_GENERAL_ERROR;
    }
    load();
    return CKR_OK;
}

static CK_RV mock_Finalize(void *reserved)
{
    (void)reserved;
    if (fault("hang-finalize")) {
        hang();
    }
    return CKR_OK;
}

static void pad(unsigned char *out, size_t size, const char *text)
{
    memset(out, ' ', size);
    memcpy(out, text, strlen(text));
}

static CK_RV mock_GetInfo(CK_INFO *info)
{
    *info = (CK_INFO){ .cryptokiVersion = { 2, 40 }, .libraryVersion = { 1, 0 } };
    pad(info->manufacturerID, sizeof(info->manufacturerID), "p11kms");
    pad(info->libraryDescription, sizeof(info->libraryDescription), "mock");
    return CKR_OK;
}

static CK_RV mock_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
    (void)present;
    if (list != NULL && *n >= 1) {
        list[0] = SLOT;
    }
    *n = 1;
    return CKR_OK;
}

static CK_RV mock_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    if (slot != SLOT) {
        return CKR_SLOT_ID_INVALID;
    }
    *info = (CK_SLOT_INFO){ .flags = CKF_TOKEN_PRESENT };
    pad(info->slotDescription, sizeof(info->slotDescription), "mock");
    pad(info->manufacturerID, sizeof(info->manufacturerID), "p11kms");
    return CKR_OK;
}

static CK_FLAGS pin_flags(void)
{
    unsigned wrong = read_count("wrong-pins");
    CK_FLAGS pin = wrong > 0 ? CKF_USER_PIN_COUNT_LOW : 0;

    if (wrong >= PIN_TRIES) {
        return pin | CKF_USER_PIN_LOCKED;
    }
    return wrong == PIN_TRIES - 1 ? pin | CKF_USER_PIN_FINAL_TRY : pin;
}

static CK_RV mock_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    if (slot != SLOT) {
        return CKR_SLOT_ID_INVALID;
    }
    *info = (CK_TOKEN_INFO){
        .flags = CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | pin_flags(),
    };
    pad(info->label, sizeof(info->label), "mock");
    pad(info->manufacturerID, sizeof(info->manufacturerID), "p11kms");
    pad(info->model, sizeof(info->model), "mock");
    pad(info->serialNumber, sizeof(info->serialNumber), "1");
    return CKR_OK;
}

static CK_RV mock_OpenSession(CK_SLOT_ID slot, CK_FLAGS wanted, void *application, CK_NOTIFY notify,
                           CK_SESSION_HANDLE *ret)
{
    CK_RV rv = CKR_SESSION_COUNT;
    (void)slot;
    (void)wanted;
    (void)application;
    (void)notify;

    if (removed) {
        return CKR_DEVICE_REMOVED;
    }
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SESSIONS; i++) {
        if (!sessions[i].open) {
            sessions[i] = (session_t){ .open = true };
            *ret = i + 1;
            rv = CKR_OK;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return rv;
}

static CK_RV mock_CloseSession(CK_SESSION_HANDLE handle)
{
    session_t *session = find_session(handle);

    if (session == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    session->open = false;
    return CKR_OK;
}

static CK_RV mock_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    if (find_session(handle) == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    *info = (CK_SESSION_INFO){ SLOT, logged_in ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION, CKF_RW_SESSION, 0 };
    return CKR_OK;
}

static CK_RV mock_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
    unsigned wrong = read_count("wrong-pins");
    (void)user;

    write_count("attempts", read_count("attempts") + 1);
    if (fault("hang-login")) {
        hang();
    }
    if (find_healthy(handle) == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    if (wrong >= PIN_TRIES) {
        return CKR_PIN_LOCKED;
    }
    if (len != strlen(PIN) || memcmp(pin, PIN, len) != 0) {
        write_count("wrong-pins", wrong + 1);
        if (fault("crash-on-wrong-pin")) {
            raise(SIGSEGV);
        }
        return CKR_PIN_INCORRECT;
    }
    if (fault("pin-expired")) {
        return CKR_PIN_EXPIRED;
    }
    if (fault("fail-login")) {
        return CKR_DEVICE_ERROR;
    }
    write_count("wrong-pins", 0);
    logged_in = true;
    return CKR_OK;
}

static CK_RV mock_Logout(CK_SESSION_HANDLE handle)
{
    (void)handle;
    rule_broken("C_Logout");
    return CKR_OK;
}

/* ---- object management ---- */

static CK_RV mock_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
    object_t *object;

    if (find_healthy(handle) == NULL || fault("no-import")) {
        return CKR_FUNCTION_NOT_SUPPORTED;
    }
    begin_managing();
    object = new_object();
    object->imported = true;
    apply_all(object, template, n);
    *ret = object->handle;
    end_managing();
    return CKR_OK;
}

static void disobey(object_t *object)
{
    if (fault("ignore-sensitive")) {
        object->sensitive = CK_FALSE;
    }
    if (fault("ignore-extractable")) {
        object->extractable = CK_TRUE;
    }
    if (fault("ignore-private")) {
        object->private = CK_FALSE;
    }
    if (fault("ignore-uses")) {
        object->other_uses = CK_TRUE;
    }
    if (fault("disobey-on-token") && object->token) {
        object->extractable = CK_TRUE;
    }
}

static bool is_on_token(const object_t *object)
{
    return object->token;
}

static bool is_copy(const object_t *object)
{
    return object->label_len == strlen("session copy") && memcmp(object->label, "session copy", object->label_len) == 0;
}

static void take_handle_of(object_t *object, bool (*other)(const object_t *object))
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i].taken && &objects[i] != object && other(&objects[i])) {
            object->handle = objects[i].handle;
        }
    }
}

static CK_RV mock_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template, CK_ULONG n,
                           CK_OBJECT_HANDLE *ret)
{
    object_t *object;
    CK_RV rv = CKR_OK;

    if (find_healthy(handle) == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    if (fault("no-generate")) {
        return CKR_FUNCTION_NOT_SUPPORTED;
    }
    begin_managing();
    usleep(2000); /* long enough to be met by another call */
    object = new_object();
    apply_all(object, template, n);
    (void)!getentropy(object->value, VALUE);
    object->type = mechanism->mechanism == CKM_AES_KEY_GEN ? CKK_AES : CKK_GENERIC_SECRET;
    disobey(object);
    if (fault("same-handle") && object->token) {
        take_handle_of(object, is_on_token);
    }
    if (fault("handle-of-copy") && object->token) {
        take_handle_of(object, is_copy);
    }
    if (object->token && (fault("generate-errs") || fault("generate-never")) &&
        (generate_errors++ < 2 || fault("generate-never"))) {
        rv = CKR_GENERAL_ERROR; /* and the object stays */
    }
    *ret = object->handle;
    save();
    end_managing();
    return rv;
}

static CK_RV mock_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public, CK_ULONG n_public,
                                  CK_ATTRIBUTE *private, CK_ULONG n_private, CK_OBJECT_HANDLE *ret_public,
                                  CK_OBJECT_HANDLE *ret_private)
{
    (void)handle, (void)mechanism, (void)public, (void)n_public, (void)private, (void)n_private, (void)ret_public;
    (void)ret_private;
    return CKR_FUNCTION_NOT_SUPPORTED;
}

static CK_RV mock_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE from, CK_ATTRIBUTE *template, CK_ULONG n,
                          CK_OBJECT_HANDLE *ret)
{
    object_t *object, *original;

    if (find_healthy(handle) == NULL || fault("no-copy")) {
        return CKR_FUNCTION_NOT_SUPPORTED;
    }
    begin_managing();
    original = find_object(from);
    object = new_object();
    *object = (object_t){ .handle = object->handle };
    memcpy(object, original, sizeof(*object));
    object->handle = next_handle++;
    if (!fault("copy-stays-on-token")) {
        apply_all(object, template, n);
    }
    if (fault("copy-extractable")) {
        object->extractable = CK_TRUE;
    }
    if (fault("copy-differs")) {
        object->value[0] ^= 1;
    }
    if (fault("copy-handle-of-key")) {
        take_handle_of(object, is_on_token);
    }
    *ret = object->handle;
    save();
    end_managing();
    return CKR_OK;
}

static CK_RV mock_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE which)
{
    object_t *object;

    if (find_healthy(handle) == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    begin_managing();
    object = find_object(which);
    if (object != NULL) {
        object->taken = false;
        save();
    }
    end_managing();
    return object != NULL ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

static CK_RV get_attribute(object_t *object, CK_ATTRIBUTE *attribute)
{
    static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    const CK_BBOOL *flag = flag_of(object, attribute->type);
    const void *from = flag;
    CK_ULONG len = sizeof(*flag);

    if (attribute->type == CKA_CLASS) {
        from = &class;
        len = sizeof(class);
    } else if (attribute->type == CKA_ID) {
        from = object->id;
        len = object->id_len;
    } else if (attribute->type == CKA_LABEL) {
        from = object->label;
        len = object->label_len;
    }
    if (from == NULL || len > attribute->ulValueLen) {
        attribute->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return from == NULL ? CKR_ATTRIBUTE_TYPE_INVALID : CKR_BUFFER_TOO_SMALL;
    }
    memcpy(attribute->pValue, from, len);
    attribute->ulValueLen = len;
    return CKR_OK;
}

static CK_RV mock_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE which, CK_ATTRIBUTE *template, CK_ULONG n)
{
    object_t *object = find_object(which);
    CK_RV rv = CKR_OK;

    if (find_healthy(handle) == NULL || object == NULL) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    if (read_count("unreadable") > 0) {
        return CKR_FUNCTION_FAILED;
    }
    for (CK_ULONG i = 0; i < n; i++) {
        CK_RV one = get_attribute(object, &template[i]);

        rv = one != CKR_OK ? one : rv;
    }
    return rv;
}

static bool object_matches(object_t *object, const CK_ATTRIBUTE *template, CK_ULONG n)
{
    for (CK_ULONG i = 0; i < n; i++) {
        if (template[i].type == CKA_TOKEN && object->token != *(CK_BBOOL *)template[i].pValue) {
            return false;
        }
        if (template[i].type == CKA_CLASS && *(CK_OBJECT_CLASS *)template[i].pValue != CKO_SECRET_KEY) {
            return false;
        }
        if (template[i].type == CKA_ID && (object->id_len != template[i].ulValueLen ||
                                           memcmp(object->id, template[i].pValue, object->id_len) != 0)) {
            return false;
        }
    }
    return true;
}

static CK_RV mock_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG n)
{
    session_t *session = find_healthy(handle);

    if (session == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    begin_managing();
    session->n_found = session->next_found = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i].taken && object_matches(&objects[i], template, n)) {
            session->found[session->n_found++] = i;
        }
    }
    end_managing();
    return fault("fail-find") ? CKR_DEVICE_ERROR : CKR_OK;
}

static CK_RV mock_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *out, CK_ULONG max, CK_ULONG *n)
{
    session_t *session = find_healthy(handle);

    for (*n = 0; *n < max && session->next_found < session->n_found; (*n)++) {
        out[*n] = objects[session->found[session->next_found++]].handle;
    }
    return CKR_OK;
}

static CK_RV mock_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
    (void)handle;
    return CKR_OK;
}

/* ---- crypto ---- */

static CK_RV use_check(session_t *session, const object_t *key)
{
    if (session == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    if (removed) {
        return CKR_DEVICE_REMOVED;
    }
    if (!logged_in) {
        return CKR_USER_NOT_LOGGED_IN;
    }
    if (key != NULL && key->imported && fault("import-useless")) {
        return CKR_KEY_TYPE_INCONSISTENT;
    }
    return key == NULL ? CKR_KEY_HANDLE_INVALID : CKR_OK;
}

static CK_RV mock_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    session_t *session = find_healthy(handle);
    CK_RV rv = use_check(session, find_object(key));

    if (rv != CKR_OK || mechanism->mechanism != CKM_SHA256_HMAC) {
        return session == NULL ? rv : poison(session, rv != CKR_OK ? rv : CKR_MECHANISM_INVALID);
    }
    session->key = key;
    session->active = true;
    return CKR_OK;
}

static void renumber_keys(void)
{
    for (size_t i = 0; i < OBJECTS; i++) {
        if (objects[i].token) {
            objects[i].handle = next_handle++;
        }
    }
}

static bool once(const char *name)
{
    unsigned before = read_count(name);

    write_count(name, before + 1);
    return before == 0;
}

static CK_RV sign_hang(void)
{
    hang();
}

static CK_RV sign_crash(void)
{
    raise(SIGSEGV);
    return CKR_OK;
}

static CK_RV sign_general_error_once(void)
{
    return once("general-error-once") ? CKR_GENERAL_ERROR : CKR_OK;
}

static CK_RV sign_general_error(void)
{
    return CKR_GENERAL_ERROR;
}

static CK_RV sign_break(void)
{
    broken = true;
    return CKR_GENERAL_ERROR;
}

static CK_RV sign_session_lost_once(void)
{
    return once("session-lost") ? CKR_SESSION_HANDLE_INVALID : CKR_OK;
}

static CK_RV sign_renumber_once(void)
{
    if (!once("renumber")) {
        return CKR_OK;
    }
    renumber_keys();
    return CKR_KEY_HANDLE_INVALID;
}

static CK_RV sign_log_out(void)
{
    logged_in = false;
    return CKR_USER_NOT_LOGGED_IN;
}

static CK_RV sign_remove(void)
{
    removed = true;
    return CKR_DEVICE_REMOVED;
}

static CK_RV sign_refuse(void)
{
    return CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static CK_RV sign_vendor(void)
{
    return CKR_VENDOR_DEFINED + 42;
}

static const struct {
    const char *text;
    CK_RV (*go)(void);
} orders[] = {
    { "hang", sign_hang },
    { "crash", sign_crash },
    { "general-error-once", sign_general_error_once },
    { "general-error", sign_general_error },
    { "break", sign_break },
    { "session-lost-once", sign_session_lost_once },
    { "renumber-once", sign_renumber_once },
    { "log-out", sign_log_out },
    { "remove", sign_remove },
    { "refuse", sign_refuse },
    { "vendor", sign_vendor },
};

static CK_RV obey(const CK_BYTE *data, CK_ULONG len)
{
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        if (strlen(orders[i].text) == len && memcmp(orders[i].text, data, len) == 0) {
            return orders[i].go();
        }
    }
    return broken ? CKR_GENERAL_ERROR : CKR_OK;
}

static CK_RV mock_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    session_t *session = find_healthy(handle);
    const object_t *key = session == NULL ? NULL : find_object(session->key);
    CK_RV rv = use_check(session, key);

    if (rv == CKR_OK) {
        begin_using();
        rv = obey(data, len);
        end_using();
    }
    if (rv != CKR_OK) {
        return session == NULL ? rv : poison(session, rv);
    }
    crypto_hmac_sha256(SLICE(key->value, VALUE), SLICE(data, len), out);
    if (fault("wrong-hmac")) {
        out[5] ^= 1;
    }
    if (fault("random-hmac")) {
        (void)!getentropy(out, VALUE);
    }
    *out_len = fault("short-hmac") ? 20 : SHA256_LEN;
    return CKR_OK;
}

static CK_RV gcm_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    session_t *session = find_healthy(handle);

    if (session == NULL || fault("no-gcm")) {
        return CKR_MECHANISM_INVALID;
    }
    session->key = key;
    session->gcm = *(CK_GCM_PARAMS *)mechanism->pParameter;
    return CKR_OK;
}

static CK_RV mock_Encrypt(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    session_t *session = find_healthy(handle);
    const object_t *key = find_object(session->key);

    *out_len = len + AEAD_TAG;
    return crypto_aead_seal(key->value, session->gcm.pIv, SLICE(session->gcm.pAAD, session->gcm.ulAADLen),
                            SLICE(data, len), out) == P11KMS_OK
               ? CKR_OK
               : CKR_GENERAL_ERROR;
}

static CK_RV mock_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
    session_t *session = find_healthy(handle);
    const object_t *key = find_object(session->key);
    p11kms_err err = crypto_aead_open(key->value, session->gcm.pIv, SLICE(session->gcm.pAAD, session->gcm.ulAADLen),
                                      SLICE(data, len), out);

    *out_len = len - AEAD_TAG;
    if (fault("gcm-takes-anything")) {
        return CKR_OK;
    }
    return poison(session, err == P11KMS_OK ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
}

static CK_RV mock_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG len)
{
    if (find_healthy(handle) == NULL) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    if (fault("no-random")) {
        return CKR_RANDOM_NO_RNG;
    }
    if (fault("hang-random") && len > 32) { /* the self-test draws 32 */
        hang();
    }
    begin_using();
    memset(out, 0, len);
    if (!fault("constant-random")) {
        (void)!getentropy(out, len < 256 ? len : 256);
    }
    end_using();
    return CKR_OK;
}

static CK_FUNCTION_LIST functions = {
    .version = { 2, 40 },
    .C_Initialize = mock_Initialize,
    .C_Finalize = mock_Finalize,
    .C_GetInfo = mock_GetInfo,
    .C_GetSlotList = mock_GetSlotList,
    .C_GetSlotInfo = mock_GetSlotInfo,
    .C_GetTokenInfo = mock_GetTokenInfo,
    .C_OpenSession = mock_OpenSession,
    .C_CloseSession = mock_CloseSession,
    .C_GetSessionInfo = mock_GetSessionInfo,
    .C_Login = mock_Login,
    .C_Logout = mock_Logout,
    .C_CreateObject = mock_CreateObject,
    .C_CopyObject = mock_CopyObject,
    .C_DestroyObject = mock_DestroyObject,
    .C_GetAttributeValue = mock_GetAttributeValue,
    .C_FindObjectsInit = mock_FindObjectsInit,
    .C_FindObjects = mock_FindObjects,
    .C_FindObjectsFinal = mock_FindObjectsFinal,
    .C_EncryptInit = gcm_init,
    .C_Encrypt = mock_Encrypt,
    .C_DecryptInit = gcm_init,
    .C_Decrypt = mock_Decrypt,
    .C_SignInit = mock_SignInit,
    .C_Sign = mock_Sign,
    .C_GenerateKey = mock_GenerateKey,
    .C_GenerateKeyPair = mock_GenerateKeyPair,
    .C_GenerateRandom = mock_GenerateRandom,
};

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    functions.C_GetFunctionList = C_GetFunctionList;
    *ret = &functions;
    return CKR_OK;
}
