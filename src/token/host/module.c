#include "token/host/module.h"

#include <p11-kit/uri.h>
#include <stdio.h>

#define SLOTS_MAX 256

static _Thread_local CK_RV last_rv;

p11kms_err module_fail(p11kms_err err, CK_RV rv, const char *what)
{
    last_rv = rv;
    return p11kms_fail(err, "%s: %s", what, token_ckr_name(rv));
}

CK_RV module_last_rv(void)
{
    return last_rv;
}

/* ---- load and initialise ---- */

/*
 * NSS declares a longer structure than the standard's and reads the member behind
 * pReserved, which its own declaration calls LibraryParameters.
 */
typedef struct {
    CK_C_INITIALIZE_ARGS standard;
    void *behind;
} initialize_args;

static CK_RV initialize(host_t *host)
{
    initialize_args args = { .standard = { .flags = CKF_OS_LOCKING_OK } };
    const char *init_args = host->start.init_args;

    if (init_args[0] == '\0') {
        return p11_kit_module_initialize(host->module);
    }
    args.standard.pReserved = (void *)(uintptr_t)init_args;
    return host->module->C_Initialize(&args);
}

static p11kms_err load(host_t *host)
{
    CK_RV rv;

    p11_kit_be_quiet();
    host->module = p11_kit_module_load(host->start.module, 0);
    if (host->module == NULL) {
        FAIL(P11KMS_E_CONFIG, "the module '%s' cannot be loaded: %s", host->start.module, p11_kit_message());
    }
    rv = initialize(host);
    if (rv != CKR_OK) {
        FAIL_RV(P11KMS_E_TOKEN_LOST, rv, "C_Initialize");
    }
    return P11KMS_OK;
}

/* ---- the token of the URI ---- */

DEFINE_CLEANUP(P11KitUri *, uri, p11_kit_uri_free);

static p11kms_err parse_uri(const char *text, P11KitUri **ret)
{
    _cleanup_(uri) P11KitUri *uri = p11_kit_uri_new();
    CK_ULONG attributes = 0;
    int code;

    ENSURE(uri != NULL, P11KMS_E_NOMEM);
    code = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);
    if (code != P11_KIT_URI_OK) {
        FAIL(P11KMS_E_CONFIG, "the URI '%s' is wrong: %s", text, p11_kit_uri_message(code));
    }
    p11_kit_uri_get_attributes(uri, &attributes);
    if (p11_kit_uri_any_unrecognized(uri) || attributes > 0) {
        FAIL(P11KMS_E_CONFIG, "the URI '%s' says more than which token", text);
    }
    if (p11_kit_uri_get_pin_value(uri) != NULL || p11_kit_uri_get_pin_source(uri) != NULL) {
        FAIL(P11KMS_E_CONFIG, "a PIN does not belong into the URI: use pin-source");
    }
    *ret = STEAL(uri);
    return P11KMS_OK;
}

static bool slot_matches(host_t *host, P11KitUri *uri, CK_SLOT_ID slot, CK_TOKEN_INFO *ret_info)
{
    CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
    CK_SLOT_INFO slot_info;

    return (wanted == (CK_SLOT_ID)-1 || wanted == slot) &&
           host->module->C_GetSlotInfo(slot, &slot_info) == CKR_OK && p11_kit_uri_match_slot_info(uri, &slot_info) &&
           host->module->C_GetTokenInfo(slot, ret_info) == CKR_OK && (ret_info->flags & CKF_TOKEN_INITIALIZED) != 0 &&
           p11_kit_uri_match_token_info(uri, ret_info);
}

/* PKCS#11 pads with spaces and ends with nothing. */
static void copy_padded(char *out, size_t size, const unsigned char *from, size_t len)
{
    while (len > 0 && from[len - 1] == ' ') {
        len--;
    }
    snprintf(out, size, "%.*s", (int)len, (const char *)from);
}

#define COPY_PADDED(to, from) copy_padded((to), sizeof(to), (from), sizeof(from))

static p11kms_err take_library_info(host_t *host, P11KitUri *uri)
{
    CK_INFO info;
    char description[33];
    CK_RV rv = host->module->C_GetInfo(&info);

    if (rv != CKR_OK) {
        FAIL_RV(P11KMS_E_TOKEN_LOST, rv, "C_GetInfo");
    }
    if (!p11_kit_uri_match_module_info(uri, &info)) {
        FAIL(P11KMS_E_CONFIG, "the URI names another library than '%s'", host->start.module);
    }
    COPY_PADDED(description, info.libraryDescription);
    snprintf(host->info.library, sizeof(host->info.library), "%s %u.%u", description, info.libraryVersion.major,
             info.libraryVersion.minor);
    return P11KMS_OK;
}

static void take_token(host_t *host, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
    host->slot = slot;
    host->token_flags = info->flags;
    COPY_PADDED(host->info.label, info->label);
    COPY_PADDED(host->info.manufacturer, info->manufacturerID);
    COPY_PADDED(host->info.model, info->model);
    COPY_PADDED(host->info.serial, info->serialNumber);
}

static p11kms_err find_token(host_t *host)
{
    _cleanup_(uri) P11KitUri *uri = NULL;
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;
    unsigned found = 0;
    CK_RV rv;

    TRY(parse_uri(host->start.uri, &uri));
    TRY(take_library_info(host, uri));
    rv = host->module->C_GetSlotList(CK_TRUE, slots, &n);
    if (rv != CKR_OK) {
        FAIL_RV(P11KMS_E_TOKEN_LOST, rv, "C_GetSlotList");
    }
    for (CK_ULONG i = 0; i < n && i < SLOTS_MAX; i++) {
        CK_TOKEN_INFO info;

        if (slot_matches(host, uri, slots[i], &info)) {
            take_token(host, slots[i], &info);
            found++;
        }
    }
    if (found != 1) {
        FAIL(P11KMS_E_CONFIG, "the URI '%s' matches %s of the module's tokens", host->start.uri,
             found == 0 ? "none" : "several");
    }
    return P11KMS_OK;
}

p11kms_err module_open(host_t *host)
{
    CK_RV rv;

    TRY(load(host));
    TRY(find_token(host));
    rv = module_open_session(host, &host->anchor);
    if (rv != CKR_OK) {
        FAIL_RV(P11KMS_E_TOKEN_LOST, rv, "C_OpenSession");
    }
    return P11KMS_OK;
}

/* ---- sessions and login ---- */

CK_RV module_open_session(const host_t *host, CK_SESSION_HANDLE *ret)
{
    CK_FLAGS writable = (host->token_flags & CKF_WRITE_PROTECTED) != 0 ? 0 : CKF_RW_SESSION;

    return host->module->C_OpenSession(host->slot, CKF_SERIAL_SESSION | writable, NULL, NULL, ret);
}

bool module_needs_login(const host_t *host)
{
    return (host->token_flags & CKF_LOGIN_REQUIRED) != 0;
}

/* The flags are of C_GetTokenInfo just now. */
p11kms_err module_check_tries(const host_t *host)
{
    if ((host->token_flags & CKF_USER_PIN_LOCKED) != 0) {
        FAIL_RV(P11KMS_E_TOKEN_PIN, CKR_PIN_LOCKED, "not logged in");
    }
    if ((host->token_flags & CKF_USER_PIN_FINAL_TRY) != 0 && host->start.login != LOGIN_ORDERED) {
        FAIL(P11KMS_E_TOKEN_PIN, "the token leaves one last try for the PIN: not logged in unless ordered");
    }
    if ((host->token_flags & CKF_USER_PIN_COUNT_LOW) != 0 && host->start.login == LOGIN_CAREFUL) {
        FAIL(P11KMS_E_TOKEN_PIN, "the last login had no known end and the token counts a wrong PIN: not logged in "
                                 "unless ordered");
    }
    return P11KMS_OK;
}

p11kms_err module_login(host_t *host, slice_t pin)
{
    CK_RV rv;

    rv = host->module->C_Login(host->anchor, CKU_USER, (CK_UTF8CHAR_PTR)(uintptr_t)pin.data, pin.len);
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) {
        return P11KMS_OK;
    }
    FAIL_RV(ckr_classify(rv) == CKR_CLASS_PIN ? P11KMS_E_TOKEN_PIN : P11KMS_E_TOKEN_LOST, rv, "C_Login");
}

bool module_logged_in(const host_t *host)
{
    CK_SESSION_INFO info;

    return host->module->C_GetSessionInfo(host->anchor, &info) == CKR_OK &&
           (!module_needs_login(host) || info.state == CKS_RW_USER_FUNCTIONS || info.state == CKS_RO_USER_FUNCTIONS);
}

void module_close(host_t *host)
{
    p11_kit_module_finalize(host->module);
    p11_kit_module_release(host->module);
}
