#include "token/host/keys.h"

#include "token/host/prf.h"
#include "token/host/search.h"
#include "token/host/template.h"
#include "util/secret.h"

#define LOG_ROOM "token"
#include "util/log.h"

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

/* ---- the cache ---- */

bool keys_usable(const host_key *key)
{
    return !key->ambiguous && !key->unsafe;
}

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
    free(key->pair);
    free(key);
}

static host_key *new_key(host_t *host, const uint8_t *id, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE object)
{
    host_key *key = calloc(1, sizeof(*key));

    if (key == NULL) {
        return NULL;
    }
    memcpy(key->id, id, TOKEN_KEY_ID);
    key->class = class;
    key->object = object;
    key->copy = CK_INVALID_HANDLE;
    key->public = CK_INVALID_HANDLE;
    key->seen = true;
    if (map_put(host->keys, id_slice(id), key, NULL) != P11KMS_OK) {
        free(key);
        return NULL;
    }
    return key;
}

/* Whoever made it so, it was not us, or the module changed it since. */
static bool is_unsafe(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    bool unsafe = !template_stays_inside(host, session, object);

    if (unsafe) {
        log_error("a key on the token is extractable or not sensitive: it is not used");
    }
    return unsafe;
}

static void forget_pair(host_key *key)
{
    free(key->pair);
    key->pair = NULL;
    key->public = CK_INVALID_HANDLE;
}

static result_t note_found(host_t *host, CK_SESSION_HANDLE session, const search_ours *found, CK_OBJECT_HANDLE object)
{
    host_key *key = keys_get(host, found->id);

    if (key != NULL && key->seen) {
        key->ambiguous = true;
        log_error("two keys on the token have one CKA_ID: neither is used");
        return RESULT_OK;
    }
    if (key == NULL) {
        key = new_key(host, found->id, found->class, object);
    }
    if (key == NULL) {
        return (result_t){ P11KMS_E_NOMEM, CKR_HOST_MEMORY };
    }
    if (key->object != object || key->class != found->class) {
        keys_drop_copy(host, key);
        forget_pair(key);
    }
    key->class = found->class;
    key->object = object;
    key->ambiguous = false;
    key->unsafe = is_unsafe(host, session, object);
    key->secret_len = found->class == CKO_SECRET_KEY ? template_secret_len(host, session, object) : 0;
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

/* Every handle that is used: keys, copies, public halves, the known answer's key. NULL when memory is out. */
static CK_OBJECT_HANDLE *all_handles(const host_t *host, size_t *ret_n)
{
    CK_OBJECT_HANDLE *handles = calloc(3 * map_size(host->keys) + 1, sizeof(*handles));
    size_t at = 0, n = 0;
    slice_t id;
    void *value;

    while (handles != NULL && map_next(host->keys, &at, &id, &value)) {
        const host_key *key = value;

        handles[n++] = key->object;
        if (key->copy != CK_INVALID_HANDLE) {
            handles[n++] = key->copy;
        }
        if (key->public != CK_INVALID_HANDLE) {
            handles[n++] = key->public;
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

        if (key->object == handle || key->copy == handle || key->public == handle) {
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

/* A public key that our module needs beside a private one: see pairs.c. */
static result_t note_public(host_t *host, CK_SESSION_HANDLE session, const search_ours *found, CK_OBJECT_HANDLE object)
{
    host_key *key = keys_get(host, found->id);
    (void)session;

    if (key != NULL && key->class == CKO_PRIVATE_KEY) {
        key->public = object;
    }
    return RESULT_OK;
}

/* One object that cannot be read, which may be another's, does not make the others unusable. */
static result_t note_each(host_t *host, CK_SESSION_HANDLE session, const search_found *found, bool *all_read)
{
    for (size_t i = 0; i < found->n; i++) {
        search_ours object;
        bool ours;
        CK_RV rv = search_is_ours(host, session, found->handles[i], &object, &ours);
        result_t result = RESULT_OK;

        if (ours) {
            result = (object.class == CKO_PUBLIC_KEY ? note_public : note_found)(host, session, &object,
                                                                                 found->handles[i]);
        }
        if (result.err != P11KMS_OK) {
            return result;
        }
        if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID) { /* the latter was destroyed meanwhile */
            log_warning("a key on the token cannot be read: C_GetAttributeValue: %s", token_ckr_name(rv));
            *all_read = false;
        }
    }
    return RESULT_OK;
}

static result_t note_all(host_t *host, CK_SESSION_HANDLE session, const search_found *found)
{
    bool all_read = true;
    result_t result;

    mark_unseen(host);
    result = note_each(host, session, found, &all_read);
    if (result.err != P11KMS_OK) {
        return result;
    }
    if (all_read) {
        forget_unseen(host);
    }
    if (handles_collide(host)) {
        return lost(CKR_OBJECT_HANDLE_INVALID, "the module gave two keys one handle");
    }
    return RESULT_OK;
}

/* Public keys last: they belong to private ones. */
static CK_RV search_classes(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, search_found *found)
{
    static const CK_OBJECT_CLASS classes[] = { CKO_SECRET_KEY, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
    CK_RV rv = CKR_OK;

    for (size_t i = 0; rv == CKR_OK && i < COUNT_OF(classes); i++) {
        rv = id == NULL ? search_objects(host, session, NULL, classes[i], found)
                        : search_id(host, session, id, classes[i], found);
    }
    return rv;
}

result_t keys_find_all(host_t *host, CK_SESSION_HANDLE session)
{
    result_t result;
    search_found found = { 0 };
    CK_RV rv = search_classes(host, session, NULL, &found);

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

static bool any_taken(const host_t *host, const search_found *found)
{
    for (size_t i = 0; i < found->n; i++) {
        if (keys_handle_taken(host, found->handles[i])) {
            return true;
        }
    }
    return false;
}

result_t keys_find_again(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id)
{
    host_key *key = keys_get(host, id);
    search_found found = { 0 };
    bool all_read = true;
    result_t result;
    CK_RV rv = search_classes(host, session, id, &found);

    if (rv == CKR_OK && key != NULL) {
        forget(host, key);
    }
    if (rv != CKR_OK) {
        result = failed(rv);
    } else if (any_taken(host, &found)) {
        result = lost(CKR_OBJECT_HANDLE_INVALID, "the module gave a key the handle of another");
    } else {
        result = note_each(host, session, &found, &all_read);
    }
    if (result.err == P11KMS_OK && keys_get(host, id) == NULL) {
        result = (result_t){ P11KMS_E_TOKEN_NO_KEY, CKR_OK };
    }
    free(found.handles);
    return result;
}

result_t keys_id_taken(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, bool *ret_taken)
{
    search_found found = { 0 };
    CK_RV rv = search_objects(host, session, id, SEARCH_ANY_CLASS, &found);

    free(found.handles);
    if (rv != CKR_OK) {
        return failed(rv);
    }
    *ret_taken = found.n > 0 || keys_get(host, id) != NULL;
    return RESULT_OK;
}

/* tpm2-pkcs11 gives a new object the handle of another when one was destroyed before. */
result_t keys_add(host_t *host, const uint8_t *id, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE object)
{
    if (keys_handle_taken(host, object)) {
        return lost(CKR_OBJECT_HANDLE_INVALID, "the module gave a new key the handle of another");
    }
    return new_key(host, id, class, object) != NULL ? RESULT_OK : (result_t){ P11KMS_E_NOMEM, CKR_HOST_MEMORY };
}

result_t keys_settle_secret(host_t *host, CK_SESSION_HANDLE session, const template_key *key,
                            CK_OBJECT_HANDLE object)
{
    const char *wrong;
    result_t result;
    CK_RV rv;

    if (keys_handle_taken(host, object)) {
        return keys_add(host, key->id, CKO_SECRET_KEY, object); /* which says what is wrong with it */
    }
    wrong = template_mismatch(host, session, object, key);
    if (wrong != NULL) {
        log_error("the token made a key whose %s is not as asked: it is destroyed again", wrong);
        rv = host->module->C_DestroyObject(session, object);
        if (rv != CKR_OK) {
            log_error("a key that is not as asked stays on the token: C_DestroyObject: %s", token_ckr_name(rv));
        }
        return failed(CKR_TEMPLATE_INCONSISTENT);
    }
    result = keys_add(host, key->id, CKO_SECRET_KEY, object);
    if (result.err == P11KMS_OK) {
        keys_get(host, key->id)->secret_len = kinds_of_type(key->type)->size;
    }
    return result;
}

result_t keys_destroy(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id)
{
    host_key *key = keys_get(host, id);
    search_found found = { 0 };
    CK_RV rv = search_id(host, session, id, SEARCH_ANY_CLASS, &found);

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

void keys_remove_leftovers(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id)
{
    result_t result = keys_destroy(host, session, id);

    if (result.err != P11KMS_OK) {
        log_warning("what a failed making of a key left cannot be removed: %s", token_ckr_name(result.rv));
    }
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
    return host->copies_wanted && key->class == CKO_SECRET_KEY && !key->copy_tried && keys_usable(key) &&
           host->copies < KEYS_COPIES_MAX;
}

static const char *copy_problem(host_t *host, CK_SESSION_HANDLE session, const host_key *key, CK_OBJECT_HANDLE copy)
{
    uint8_t of_key[TOKEN_PRF_LEN], of_copy[TOKEN_PRF_LEN];
    const template_key session_key = { .type = TOKEN_KEY_PRF, .uses = 1u << TOKEN_USE_SIGN };
    const char *wrong = keys_handle_taken(host, copy) ? "its handle, which is another's"
                                                      : template_mismatch(host, session, copy, &session_key);
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
