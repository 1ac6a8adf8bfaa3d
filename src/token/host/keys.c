#include "token/host/keys.h"

#include "token/host/prf.h"
#include "token/host/template.h"
#include "util/secret.h"

#define LOG_ROOM "token"
#include "util/log.h"

#define FIND_BATCH 64
#define LABEL_MAX (sizeof(TOKEN_LABEL_PREFIX) + 255) /* longer labels are not ours */

static slice_t id_slice(const uint8_t *id)
{
    return SLICE(id, TOKEN_KEY_ID);
}

static result_t failed(CK_RV rv)
{
    return (result_t){ P11KMS_E_TOKEN, rv };
}

static result_t lost(CK_RV rv, const char *why)
{
    return (result_t){ p11kms_fail(P11KMS_E_TOKEN_LOST, "%s", why), rv };
}

host_key *keys_get(const host_t *host, const uint8_t *id)
{
    return map_get(host->keys, id_slice(id));
}

CK_OBJECT_HANDLE keys_handle(const host_key *key)
{
    return key->copy != CK_INVALID_HANDLE ? key->copy : key->object;
}

/* ---- searching ---- */

typedef struct {
    CK_OBJECT_HANDLE *handles; /* free() */
    size_t n;
} found_t;

static CK_RV find_batches(host_t *host, CK_SESSION_HANDLE session, found_t *found)
{
    CK_ULONG got = 0;
    CK_RV rv;

    do {
        CK_OBJECT_HANDLE *more = realloc(found->handles, (found->n + FIND_BATCH) * sizeof(*more));

        if (more == NULL) {
            return CKR_HOST_MEMORY;
        }
        found->handles = more;
        rv = host->module->C_FindObjects(session, more + found->n, FIND_BATCH, &got);
        if (rv != CKR_OK || got > FIND_BATCH) {
            return rv != CKR_OK ? rv : CKR_FUNCTION_FAILED;
        }
        found->n += got;
    } while (got > 0 && found->n <= PROTOCOL_LIST_MAX);
    return CKR_OK;
}

/* Token objects that match, secret keys alone unless @p any_class. */
static CK_RV find(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, bool any_class, found_t *found)
{
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE template[3] = { { CKA_TOKEN, &yes, sizeof(yes) } };
    CK_ULONG n = 1;
    CK_RV rv;

    if (id != NULL) {
        template[n++] = (CK_ATTRIBUTE){ CKA_ID, (void *)(uintptr_t)id, TOKEN_KEY_ID };
    }
    if (!any_class) {
        template[n++] = (CK_ATTRIBUTE){ CKA_CLASS, &class, sizeof(class) };
    }
    *found = (found_t){ 0 };
    rv = host->module->C_FindObjectsInit(session, template, n);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = find_batches(host, session, found);
    (void)host->module->C_FindObjectsFinal(session);
    return rv;
}

/*
 * Ours by its label and the length of its CKA_ID, which is copied out. An object that has other
 * attributes than ours have is not ours; one that cannot be read may be.
 */
static CK_RV is_ours(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, uint8_t id[TOKEN_KEY_ID],
                     bool *ret_ours)
{
    char label[LABEL_MAX];
    CK_ATTRIBUTE attributes[] = { { CKA_ID, id, TOKEN_KEY_ID }, { CKA_LABEL, label, sizeof(label) } };
    CK_RV rv = host->module->C_GetAttributeValue(session, object, attributes, COUNT_OF(attributes));

    *ret_ours = rv == CKR_OK && attributes[0].ulValueLen == TOKEN_KEY_ID &&
                attributes[1].ulValueLen <= sizeof(label) &&
                slice_has_prefix(SLICE(label, attributes[1].ulValueLen), TOKEN_LABEL_PREFIX);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL) {
        return CKR_OK;
    }
    return rv;
}

/* ---- the cache ---- */

void keys_drop_copy(host_t *host, host_key *key)
{
    if (key->copy != CK_INVALID_HANDLE) {
        (void)host->module->C_DestroyObject(host->anchor, key->copy);
        key->copy = CK_INVALID_HANDLE;
        host->copies--;
    }
    key->copy_tried = false;
}

static void forget(host_t *host, host_key *key)
{
    keys_drop_copy(host, key);
    (void)map_remove(host->keys, id_slice(key->id));
    free(key);
}

static host_key *new_key(host_t *host, const uint8_t *id, CK_OBJECT_HANDLE object)
{
    host_key *key = calloc(1, sizeof(*key));

    if (key == NULL) {
        return NULL;
    }
    memcpy(key->id, id, TOKEN_KEY_ID);
    key->object = object;
    key->copy = CK_INVALID_HANDLE;
    key->seen = true;
    if (map_put(host->keys, id_slice(id), key, NULL) != P11KMS_OK) {
        free(key);
        return NULL;
    }
    return key;
}

static result_t note_found(host_t *host, const uint8_t *id, CK_OBJECT_HANDLE object)
{
    host_key *key = keys_get(host, id);

    if (key == NULL) {
        return new_key(host, id, object) != NULL ? RESULT_OK : (result_t){ P11KMS_E_NOMEM, CKR_HOST_MEMORY };
    }
    if (key->seen) {
        key->ambiguous = true;
        log_error("two keys on the token have one CKA_ID: neither is used");
        return RESULT_OK;
    }
    if (key->object != object) {
        keys_drop_copy(host, key);
    }
    key->object = object;
    key->ambiguous = false;
    key->seen = true;
    return RESULT_OK;
}

/* Every key; free() the array. NULL when memory is out. */
static host_key **all_keys(const host_t *host, size_t *ret_n)
{
    host_key **keys = calloc(map_size(host->keys) + 1, sizeof(*keys));
    size_t at = 0, n = 0;
    slice_t id;
    void *value;

    while (keys != NULL && map_next(host->keys, &at, &id, &value)) {
        keys[n++] = value;
    }
    *ret_n = n;
    return keys;
}

static int compare_handles(const void *a, const void *b)
{
    CK_OBJECT_HANDLE x = *(const CK_OBJECT_HANDLE *)a;
    CK_OBJECT_HANDLE y = *(const CK_OBJECT_HANDLE *)b;

    return (x > y) - (x < y);
}

/* Every handle that is used: keys, copies, the known answer's key. NULL when memory is out. */
static CK_OBJECT_HANDLE *all_handles(const host_t *host, size_t *ret_n)
{
    CK_OBJECT_HANDLE *handles = calloc(2 * map_size(host->keys) + 1, sizeof(*handles));
    size_t at = 0, n = 0;
    slice_t id;
    void *value;

    while (handles != NULL && map_next(host->keys, &at, &id, &value)) {
        const host_key *key = value;

        handles[n++] = key->object;
        if (key->copy != CK_INVALID_HANDLE) {
            handles[n++] = key->copy;
        }
    }
    if (handles != NULL && host->known.key != CK_INVALID_HANDLE) {
        handles[n++] = host->known.key;
    }
    *ret_n = n;
    return handles;
}

/* A module that gives two objects one handle would use one key for the other. */
static bool handles_collide(const host_t *host)
{
    size_t n;
    _cleanup_free_ CK_OBJECT_HANDLE *handles = all_handles(host, &n);

    if (handles == NULL) {
        return true;
    }
    qsort(handles, n, sizeof(*handles), compare_handles);
    for (size_t i = 1; i < n; i++) {
        if (handles[i - 1] == handles[i]) {
            return true;
        }
    }
    return false;
}

bool keys_handle_taken(const host_t *host, CK_OBJECT_HANDLE handle)
{
    size_t at = 0;
    slice_t id;
    void *value;

    while (map_next(host->keys, &at, &id, &value)) {
        const host_key *key = value;

        if (key->object == handle || key->copy == handle) {
            return true;
        }
    }
    return host->known.key == handle;
}

CK_RV keys_discard(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    if (keys_handle_taken(host, object)) {
        log_error("the module gave a new object the handle of another: nothing is destroyed");
        return CKR_OBJECT_HANDLE_INVALID;
    }
    return host->module->C_DestroyObject(session, object);
}

static void mark_unseen(host_t *host)
{
    size_t at = 0;
    slice_t id;
    void *value;

    while (map_next(host->keys, &at, &id, &value)) {
        ((host_key *)value)->seen = false;
    }
}

static void forget_unseen(host_t *host)
{
    size_t n;
    _cleanup_free_ host_key **keys = all_keys(host, &n);

    for (size_t i = 0; i < n; i++) {
        if (!keys[i]->seen) {
            forget(host, keys[i]);
        }
    }
}

/* One object that cannot be read, which may be another's, does not make the others unusable. */
static result_t note_all(host_t *host, CK_SESSION_HANDLE session, const found_t *found)
{
    bool all_read = true;

    mark_unseen(host);
    for (size_t i = 0; i < found->n; i++) {
        uint8_t id[TOKEN_KEY_ID];
        bool ours;
        CK_RV rv = is_ours(host, session, found->handles[i], id, &ours);
        result_t result = ours ? note_found(host, id, found->handles[i]) : RESULT_OK;

        if (result.err != P11KMS_OK) {
            return result;
        }
        if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID) { /* the latter was destroyed meanwhile */
            log_warning("a key on the token cannot be read: C_GetAttributeValue: %s", token_ckr_name(rv));
            all_read = false;
        }
    }
    if (all_read) {
        forget_unseen(host);
    }
    if (handles_collide(host)) {
        return lost(CKR_OBJECT_HANDLE_INVALID, "the module gave two keys one handle");
    }
    return RESULT_OK;
}

result_t keys_find_all(host_t *host, CK_SESSION_HANDLE session)
{
    result_t result;
    found_t found;
    CK_RV rv = find(host, session, NULL, false, &found);

    if (rv != CKR_OK) {
        result = failed(rv);
    } else if (found.n > PROTOCOL_LIST_MAX) {
        log_error("the token holds more than %d keys", PROTOCOL_LIST_MAX);
        result = failed(CKR_DEVICE_MEMORY);
    } else {
        result = note_all(host, session, &found);
    }
    free(found.handles);
    return result;
}

/* The objects of ours with this id: all of them, or an error. */
static CK_RV find_ours(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, found_t *found)
{
    CK_RV rv = find(host, session, id, false, found);
    size_t n = 0;

    for (size_t i = 0; rv == CKR_OK && i < found->n; i++) {
        uint8_t read_id[TOKEN_KEY_ID];
        bool ours;

        rv = is_ours(host, session, found->handles[i], read_id, &ours);
        if (ours && memcmp(id, read_id, TOKEN_KEY_ID) == 0) {
            found->handles[n++] = found->handles[i];
        }
    }
    found->n = n;
    return rv;
}

result_t keys_find_again(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id)
{
    host_key *key = keys_get(host, id);
    result_t result = RESULT_OK;
    found_t found;
    CK_RV rv = find_ours(host, session, id, &found);

    if (rv != CKR_OK) {
        result = failed(rv);
    } else {
        if (key != NULL) {
            forget(host, key);
        }
        if (found.n == 0) {
            result = (result_t){ P11KMS_E_TOKEN_NO_KEY, CKR_OK };
        } else {
            result = keys_add(host, id, found.handles[0]);
            key = keys_get(host, id);
            if (key != NULL) {
                key->ambiguous = found.n > 1;
            }
        }
    }
    free(found.handles);
    return result;
}

result_t keys_id_taken(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, bool *ret_taken)
{
    found_t found;
    CK_RV rv = find(host, session, id, true, &found);

    free(found.handles);
    if (rv != CKR_OK) {
        return failed(rv);
    }
    *ret_taken = found.n > 0 || keys_get(host, id) != NULL;
    return RESULT_OK;
}

/* tpm2-pkcs11 gives a new object the handle of another when one was destroyed before. */
result_t keys_add(host_t *host, const uint8_t *id, CK_OBJECT_HANDLE object)
{
    if (keys_handle_taken(host, object)) {
        return lost(CKR_OBJECT_HANDLE_INVALID, "the module gave a new key the handle of another");
    }
    return new_key(host, id, object) != NULL ? RESULT_OK : (result_t){ P11KMS_E_NOMEM, CKR_HOST_MEMORY };
}

result_t keys_destroy(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id)
{
    host_key *key = keys_get(host, id);
    found_t found;
    CK_RV rv = find_ours(host, session, id, &found);

    for (size_t i = 0; rv == CKR_OK && i < found.n; i++) {
        rv = host->module->C_DestroyObject(session, found.handles[i]);
    }
    free(found.handles);
    if (rv != CKR_OK) {
        return failed(rv);
    }
    if (key != NULL) {
        forget(host, key);
    }
    return RESULT_OK;
}

void keys_list(const host_t *host, buf_t *out)
{
    size_t at = 0;
    slice_t id;
    void *value;

    while (map_next(host->keys, &at, &id, &value)) {
        buf_put_slice(out, id);
    }
}

/* ---- session copies ---- */

bool keys_wants_copy(const host_t *host, const host_key *key)
{
    return host->copies_wanted && !key->copy_tried && !key->ambiguous && host->copies < KEYS_COPIES_MAX;
}

static const char *copy_problem(host_t *host, CK_SESSION_HANDLE session, const host_key *key, CK_OBJECT_HANDLE copy)
{
    uint8_t of_key[TOKEN_PRF_LEN], of_copy[TOKEN_PRF_LEN];
    const char *wrong = keys_handle_taken(host, copy) ? "its handle, which is another's"
                                                 : template_mismatch(host, session, copy, false);
    bool same;

    if (wrong != NULL) {
        return wrong;
    }
    same = prf_once(host, session, key->object, SLICE_LIT("copy"), of_key) == CKR_OK &&
           prf_once(host, session, copy, SLICE_LIT("copy"), of_copy) == CKR_OK &&
           secret_eq(SLICE(of_key, sizeof(of_key)), SLICE(of_copy, sizeof(of_copy)));
    return same ? NULL : "its answer";
}

/*
 * With a label of its own where the module lets a copy have one: should it make a token object
 * after all, and the host die before that is destroyed, it is not taken for a key of ours.
 */
static CK_RV copy_object(host_t *host, const host_key *key, CK_OBJECT_HANDLE *ret)
{
    CK_BBOOL no = CK_FALSE;
    char label[] = "session copy";
    CK_ATTRIBUTE template[] = { { CKA_TOKEN, &no, sizeof(no) }, { CKA_LABEL, label, sizeof(label) - 1 } };
    CK_RV rv = host->module->C_CopyObject(host->anchor, key->object, template, COUNT_OF(template), ret);

    return rv == CKR_OK ? rv : host->module->C_CopyObject(host->anchor, key->object, template, 1, ret);
}

void keys_copy(host_t *host, CK_SESSION_HANDLE session, host_key *key)
{
    CK_OBJECT_HANDLE copy = CK_INVALID_HANDLE;
    CK_RV rv = copy_object(host, key, &copy);
    const char *problem;

    key->copy_tried = true;
    if (rv != CKR_OK) {
        log_info("a key is used without session copy: C_CopyObject: %s", token_ckr_name(rv));
        return;
    }
    problem = copy_problem(host, session, key, copy);
    if (problem != NULL) {
        log_warning("a session copy differs from its key in %s: keys are used without", problem);
        (void)keys_discard(host, host->anchor, copy);
        host->copies_wanted = false;
        return;
    }
    key->copy = copy;
    host->copies++;
}
