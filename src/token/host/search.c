#include "token/host/search.h"

#define FIND_BATCH 64
#define LABEL_MAX (sizeof(TOKEN_LABEL_PREFIX) + 255) /* longer labels are not ours */

static CK_RV find_batches(host_t *host, CK_SESSION_HANDLE session, search_found *found)
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

CK_RV search_objects(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, CK_OBJECT_CLASS class,
                     search_found *found)
{
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE template[3] = { { CKA_TOKEN, &yes, sizeof(yes) } };
    CK_ULONG n = 1;
    CK_RV rv;

    if (id != NULL) {
        template[n++] = (CK_ATTRIBUTE){ CKA_ID, (void *)(uintptr_t)id, TOKEN_KEY_ID };
    }
    if (class != SEARCH_ANY_CLASS) {
        template[n++] = (CK_ATTRIBUTE){ CKA_CLASS, &class, sizeof(class) };
    }
    rv = host->module->C_FindObjectsInit(session, template, n);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = find_batches(host, session, found);
    (void)host->module->C_FindObjectsFinal(session);
    return rv;
}

static bool is_key_class(CK_OBJECT_CLASS class)
{
    return class == CKO_SECRET_KEY || class == CKO_PRIVATE_KEY || class == CKO_PUBLIC_KEY;
}

CK_RV search_is_ours(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, search_ours *ret,
                     bool *ret_ours)
{
    char label[LABEL_MAX];
    CK_ATTRIBUTE attributes[] = {
        { CKA_ID, ret->id, TOKEN_KEY_ID },
        { CKA_LABEL, label, sizeof(label) },
        { CKA_CLASS, &ret->class, sizeof(ret->class) },
    };
    CK_RV rv = host->module->C_GetAttributeValue(session, object, attributes, COUNT_OF(attributes));

    *ret_ours = rv == CKR_OK && attributes[0].ulValueLen == TOKEN_KEY_ID &&
                attributes[1].ulValueLen <= sizeof(label) && is_key_class(ret->class) &&
                slice_has_prefix(SLICE(label, attributes[1].ulValueLen), TOKEN_LABEL_PREFIX);
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL) {
        return CKR_OK;
    }
    return rv;
}

CK_RV search_id(host_t *host, CK_SESSION_HANDLE session, const uint8_t *id, CK_OBJECT_CLASS class, search_found *found)
{
    size_t n = found->n;
    CK_RV rv = search_objects(host, session, id, class, found);

    for (size_t i = n; rv == CKR_OK && i < found->n; i++) {
        search_ours object;
        bool ours;

        rv = search_is_ours(host, session, found->handles[i], &object, &ours);
        if (ours && memcmp(id, object.id, TOKEN_KEY_ID) == 0) {
            found->handles[n++] = found->handles[i];
        }
    }
    found->n = n;
    return rv;
}
