#include "token/host/template.h"

#include <stdio.h>

#define KEY_BYTES 32

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

/* Asked for at generation and asserted afterwards: some modules ignore what they are asked. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    bool value;
    const char *name;
} required[] = {
    { CKA_PRIVATE, true, "CKA_PRIVATE" },          { CKA_SENSITIVE, true, "CKA_SENSITIVE" },
    { CKA_EXTRACTABLE, false, "CKA_EXTRACTABLE" }, { CKA_SIGN, true, "CKA_SIGN" },
    { CKA_VERIFY, false, "CKA_VERIFY" },           { CKA_ENCRYPT, false, "CKA_ENCRYPT" },
    { CKA_DECRYPT, false, "CKA_DECRYPT" },         { CKA_WRAP, false, "CKA_WRAP" },
    { CKA_UNWRAP, false, "CKA_UNWRAP" },           { CKA_DERIVE, false, "CKA_DERIVE" },
};

typedef struct {
    CK_ATTRIBUTE attributes[COUNT_OF(required) + 8];
    CK_ULONG n;
} template_t;

static void put(template_t *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    template->attributes[template->n++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)value, len };
}

static void put_bool(template_t *template, CK_ATTRIBUTE_TYPE type, bool value)
{
    put(template, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

CK_RV template_generate(const host_t *host, CK_SESSION_HANDLE session, unsigned variant, const uint8_t *id,
                        slice_t label, CK_OBJECT_HANDLE *ret)
{
    static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    static const CK_ULONG key_bytes = KEY_BYTES;
    CK_MECHANISM mechanism = { .mechanism = CKM_GENERIC_SECRET_KEY_GEN };
    char full_label[sizeof(TOKEN_LABEL_PREFIX) + TOKEN_LABEL_MAX];
    template_t template = { .n = 0 };

    snprintf(full_label, sizeof(full_label), "%s%.*s", id != NULL ? TOKEN_LABEL_PREFIX : "", (int)label.len,
             (const char *)label.data);
    put(&template, CKA_CLASS, &class, sizeof(class));
    put(&template, CKA_KEY_TYPE, &type, sizeof(type));
    put(&template, CKA_VALUE_LEN, &key_bytes, sizeof(key_bytes));
    put(&template, CKA_LABEL, full_label, strlen(full_label));
    put_bool(&template, CKA_TOKEN, id != NULL);
    if (id != NULL) {
        put(&template, CKA_ID, id, TOKEN_KEY_ID);
    }
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        put_bool(&template, required[i].type, required[i].value);
    }
    if (variant == TEMPLATE_FULL) {
        put_bool(&template, CKA_MODIFIABLE, false);
    }
    return host->module->C_GenerateKey(session, &mechanism, template.attributes, template.n, ret);
}

CK_RV template_choose(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret)
{
    CK_RV rv;

    host->template_variant = TEMPLATE_FULL;
    rv = template_generate(host, session, TEMPLATE_FULL, NULL, SLICE_LIT("self-test"), ret);
    if (rv == CKR_OK) {
        return rv;
    }
    host->template_variant = TEMPLATE_PLAIN;
    return template_generate(host, session, TEMPLATE_PLAIN, NULL, SLICE_LIT("self-test"), ret);
}

static bool reads_as(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                     bool value)
{
    CK_BBOOL actual = value ? CK_FALSE : CK_TRUE;
    CK_ATTRIBUTE attribute = { type, &actual, sizeof(actual) };

    return host->module->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK &&
           attribute.ulValueLen == sizeof(actual) && actual == (value ? CK_TRUE : CK_FALSE);
}

const char *template_mismatch(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool on_token)
{
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        if (!reads_as(host, session, object, required[i].type, required[i].value)) {
            return required[i].name;
        }
    }
    return reads_as(host, session, object, CKA_TOKEN, on_token) ? NULL : "CKA_TOKEN";
}
