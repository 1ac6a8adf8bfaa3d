#include "token/host/template.h"

#include <stdio.h>

#include "crypto/spki_write.h"

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

#define USE(use) (1u << (use))

/* Asked for when a key is made and asserted afterwards: some modules ignore what they are asked. */
static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    bool of_secrets;
    bool of_pairs;
    bool always;
    uint8_t uses; /* true for a key with one of these uses */
} rows[] = {
    { CKA_PRIVATE, "CKA_PRIVATE", true, true, true, 0 },
    { CKA_SENSITIVE, "CKA_SENSITIVE", true, true, true, 0 },
    { CKA_EXTRACTABLE, "CKA_EXTRACTABLE", true, true, false, 0 },
    { CKA_SIGN, "CKA_SIGN", true, true, false, USE(TOKEN_USE_SIGN) },
    { CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", false, true, false, 0 },
    { CKA_VERIFY, "CKA_VERIFY", true, false, false, 0 },
    { CKA_ENCRYPT, "CKA_ENCRYPT", true, false, false, 0 },
    { CKA_DECRYPT, "CKA_DECRYPT", true, true, false, USE(TOKEN_USE_DECRYPT) },
    { CKA_WRAP, "CKA_WRAP", true, false, false, 0 },
    { CKA_UNWRAP, "CKA_UNWRAP", true, true, false, USE(TOKEN_USE_DECRYPT) }, /* decrypting, but within the token */
    { CKA_DERIVE, "CKA_DERIVE", true, true, false, USE(TOKEN_USE_AGREE) },
};

typedef struct {
    CK_ATTRIBUTE attributes[COUNT_OF(rows) + 20];
    CK_ULONG n;
    char label[sizeof(TOKEN_LABEL_PREFIX) + TOKEN_LABEL_MAX];
} template_t;

static void put(template_t *template, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    template->attributes[template->n++] = (CK_ATTRIBUTE){ type, (void *)(uintptr_t)value, len };
}

static void put_bool(template_t *template, CK_ATTRIBUTE_TYPE type, bool value)
{
    put(template, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

static void put_slice(template_t *template, CK_ATTRIBUTE_TYPE type, slice_t value)
{
    put(template, type, value.data, value.len);
}

static bool row_applies(size_t i, const template_key *key)
{
    return kinds_is_pair(key->type) ? rows[i].of_pairs : rows[i].of_secrets;
}

static bool row_value(size_t i, const template_key *key)
{
    return rows[i].always || (rows[i].uses & key->uses) != 0;
}

/* ---- asking ---- */

static void put_name(template_t *template, const template_key *key, bool on_token)
{
    snprintf(template->label, sizeof(template->label), "%s%.*s", on_token ? TOKEN_LABEL_PREFIX : "",
             (int)key->label.len, (const char *)key->label.data);
    put(template, CKA_LABEL, template->label, strlen(template->label));
    put_bool(template, CKA_TOKEN, on_token);
    if (on_token) {
        put(template, CKA_ID, key->id, TOKEN_KEY_ID);
    }
}

static void put_uses(template_t *template, const template_key *key, unsigned variant)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool needed = row_value(i, key) || rows[i].type == CKA_EXTRACTABLE || !kinds_is_pair(key->type);

        if (row_applies(i, key) && (needed || variant == TEMPLATE_FULL)) {
            put_bool(template, rows[i].type, row_value(i, key));
        }
    }
}

static void put_class(template_t *template, const CK_OBJECT_CLASS *class, const template_key *key)
{
    static const CK_KEY_TYPE types[] = {
        [FAMILY_SECRET] = CKK_GENERIC_SECRET,
        [FAMILY_RSA] = CKK_RSA,
        [FAMILY_EC] = CKK_EC,
        [FAMILY_ED] = CKK_EC_EDWARDS,
    };

    put(template, CKA_CLASS, class, sizeof(*class));
    put(template, CKA_KEY_TYPE, &types[kinds_of_type(key->type)->family], sizeof(types[0]));
}

static const CK_OBJECT_CLASS class_secret = CKO_SECRET_KEY;
static const CK_OBJECT_CLASS class_private = CKO_PRIVATE_KEY;
static const CK_OBJECT_CLASS class_public = CKO_PUBLIC_KEY;

CK_RV template_generate(const host_t *host, CK_SESSION_HANDLE session, unsigned variant, const template_key *key,
                        CK_OBJECT_HANDLE *ret)
{
    const CK_ULONG key_bytes = kinds_of_type(key->type)->size;
    CK_MECHANISM mechanism = { .mechanism = CKM_GENERIC_SECRET_KEY_GEN };
    template_t template = { .n = 0 };

    put_class(&template, &class_secret, key);
    put(&template, CKA_VALUE_LEN, &key_bytes, sizeof(key_bytes));
    put_name(&template, key, key->id != NULL);
    put_uses(&template, key, variant);
    if (variant == TEMPLATE_FULL) {
        put_bool(&template, CKA_MODIFIABLE, false);
    }
    return host->module->C_GenerateKey(session, &mechanism, template.attributes, template.n, ret);
}

CK_RV template_choose(host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *ret)
{
    const template_key key = { .type = TOKEN_KEY_PRF, .uses = USE(TOKEN_USE_SIGN), .label = SLICE_LIT("self-test") };
    CK_RV rv;

    host->template_variant = TEMPLATE_FULL;
    rv = template_generate(host, session, TEMPLATE_FULL, &key, ret);
    if (rv == CKR_OK) {
        return rv;
    }
    host->template_variant = TEMPLATE_PLAIN;
    return template_generate(host, session, TEMPLATE_PLAIN, &key, ret);
}

/* ---- pairs ---- */

static const struct {
    token_key_type type;
    slice_t params;
} curves[] = {
    { TOKEN_KEY_P256, { (const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10 } }, /* RFC 5480 2.1.1.1 */
    { TOKEN_KEY_P384, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x22", 7 } },
    { TOKEN_KEY_P521, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x23", 7 } },
    { TOKEN_KEY_SECP256K1, { (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x0a", 7 } },
    { TOKEN_KEY_ED25519, { (const uint8_t *)"\x06\x03\x2b\x65\x70", 5 } }, /* RFC 8410 */
    { TOKEN_KEY_ED25519, { (const uint8_t *)"\x13\x0c" "edwards25519", 14 } }, /* PKCS#11 v3.0, 2.3.10 */
};

/* Those of Ed25519 have two forms, see host->ed25519_by_name. */
static slice_t params_of(const host_t *host, token_key_type type)
{
    if (type == TOKEN_KEY_ED25519 && host->ed25519_by_name) {
        return curves[COUNT_OF(curves) - 1].params;
    }
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (curves[i].type == type) {
            return curves[i].params;
        }
    }
    return (slice_t){ 0 };
}

token_key_type template_curve_of(slice_t ec_params)
{
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (slice_eq(curves[i].params, ec_params)) {
            return curves[i].type;
        }
    }
    return TOKEN_KEY_COUNT;
}

static const uint8_t exponent[] = { 0x01, 0x00, 0x01 };

static void put_public_uses(template_t *template, const template_key *key)
{
    if ((key->uses & USE(TOKEN_USE_SIGN)) != 0) {
        put_bool(template, CKA_VERIFY, true);
    }
    if ((key->uses & USE(TOKEN_USE_DECRYPT)) != 0) {
        put_bool(template, CKA_ENCRYPT, true);
    }
}

CK_RV template_generate_pair(const host_t *host, CK_SESSION_HANDLE session, unsigned variant, const template_key *key,
                             bool public_on_token, CK_OBJECT_HANDLE *ret_public, CK_OBJECT_HANDLE *ret_private)
{
    static const CK_MECHANISM_TYPE mechanisms[] = {
        [FAMILY_RSA] = CKM_RSA_PKCS_KEY_PAIR_GEN,
        [FAMILY_EC] = CKM_EC_KEY_PAIR_GEN,
        [FAMILY_ED] = CKM_EC_EDWARDS_KEY_PAIR_GEN,
    };
    const kinds_type *row = kinds_of_type(key->type);
    const CK_ULONG bits = 8 * row->size;
    CK_MECHANISM mechanism = { .mechanism = mechanisms[row->family] };
    template_t public = { .n = 0 }, private = { .n = 0 };

    put_name(&public, key, public_on_token);
    put_public_uses(&public, key);
    if (row->family == FAMILY_RSA) {
        put(&public, CKA_MODULUS_BITS, &bits, sizeof(bits));
        put(&public, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
    } else {
        put_slice(&public, CKA_EC_PARAMS, params_of(host, key->type));
    }
    put_name(&private, key, key->id != NULL);
    put_uses(&private, key, variant);
    return host->module->C_GenerateKeyPair(session, &mechanism, public.attributes, public.n, private.attributes,
                                           private.n, ret_public, ret_private);
}

CK_RV template_copy_to_token(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE from,
                             const template_key *key, slice_t spki, CK_OBJECT_HANDLE *ret)
{
    template_t template = { .n = 0 };
    CK_ULONG shortest;
    CK_RV rv = CKR_OK;

    put_name(&template, key, true);
    shortest = template.n;
    put_slice(&template, CKA_PUBLIC_KEY_INFO, spki);
    put_bool(&template, CKA_MODIFIABLE, false);
    for (CK_ULONG n = template.n; n >= shortest; n--) {
        rv = host->module->C_CopyObject(session, from, template.attributes, n, ret);
        if (rv == CKR_OK || !template_worth_another_try(rv)) {
            break;
        }
    }
    return rv;
}

CK_RV template_create_public(const host_t *host, CK_SESSION_HANDLE session, const template_key *key, slice_t spki,
                             CK_OBJECT_HANDLE *ret)
{
    slice_t point = spki_point((asym_type)(key->type - TOKEN_KEY_RSA_2048), spki);
    uint8_t octets[3 + 133] = { 0x04, (uint8_t)point.len, 0 }; /* an OCTET STRING in DER */
    size_t head = 2;
    template_t template = { .n = 0 };

    if (point.len > 127) {
        octets[1] = 0x81;
        octets[2] = (uint8_t)point.len;
        head = 3;
    }
    memcpy(octets + head, point.data, point.len);
    put_class(&template, &class_public, key);
    put_name(&template, key, true);
    put_public_uses(&template, key);
    put_slice(&template, CKA_EC_PARAMS, params_of(host, key->type));
    put(&template, CKA_EC_POINT, octets, head + point.len);
    return host->module->C_CreateObject(session, template.attributes, template.n, ret);
}

/* ---- from given bytes ---- */

static CK_RV create(const host_t *host, CK_SESSION_HANDLE session, const template_key *key, template_t *template,
                    CK_OBJECT_HANDLE *ret)
{
    CK_ULONG material = template->n;
    CK_RV rv = CKR_OK;

    for (unsigned variant = TEMPLATE_FULL; variant <= TEMPLATE_PLAIN; variant++) {
        template->n = material;
        put_name(template, key, key->id != NULL);
        put_uses(template, key, variant);
        rv = host->module->C_CreateObject(session, template->attributes, template->n, ret);
        if (rv == CKR_OK || !template_worth_another_try(rv)) {
            break;
        }
    }
    return rv;
}

CK_RV template_create_secret(const host_t *host, CK_SESSION_HANDLE session, const template_key *key, slice_t secret,
                             CK_OBJECT_HANDLE *ret)
{
    template_t template = { .n = 0 };

    put_class(&template, &class_secret, key);
    put_slice(&template, CKA_VALUE, secret);
    return create(host, session, key, &template, ret);
}

CK_RV template_unwrap_secret(const host_t *host, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                             CK_OBJECT_HANDLE unwrapping, slice_t wrapped, const template_key *key,
                             CK_OBJECT_HANDLE *ret)
{
    template_t template = { .n = 0 };

    put_class(&template, &class_secret, key);
    put_name(&template, key, key->id != NULL);
    put_uses(&template, key, TEMPLATE_FULL);
    return host->module->C_UnwrapKey(session, mechanism, unwrapping, (CK_BYTE_PTR)(uintptr_t)wrapped.data, wrapped.len,
                                     template.attributes, template.n, ret);
}

CK_RV template_create_private(const host_t *host, CK_SESSION_HANDLE session, const template_key *key,
                              const pkcs8_numbers *numbers, slice_t spki, CK_OBJECT_HANDLE *ret)
{
    static const CK_ATTRIBUTE_TYPE rsa[PKCS8_NUMBERS] = {
        [PKCS8_D] = CKA_PRIVATE_EXPONENT, [PKCS8_N] = CKA_MODULUS,     [PKCS8_E] = CKA_PUBLIC_EXPONENT,
        [PKCS8_P] = CKA_PRIME_1,          [PKCS8_Q] = CKA_PRIME_2,     [PKCS8_DP] = CKA_EXPONENT_1,
        [PKCS8_DQ] = CKA_EXPONENT_2,      [PKCS8_QI] = CKA_COEFFICIENT,
    };
    template_t template = { .n = 0 };
    CK_ULONG without_spki;
    CK_RV rv;

    put_class(&template, &class_private, key);
    if (kinds_of_type(key->type)->family == FAMILY_RSA) {
        for (size_t i = 0; i < PKCS8_NUMBERS; i++) {
            put(&template, rsa[i], numbers->data[i], numbers->len[i]);
        }
        return create(host, session, key, &template, ret);
    }
    put_slice(&template, CKA_EC_PARAMS, params_of(host, key->type));
    put(&template, CKA_VALUE, numbers->data[PKCS8_D], numbers->len[PKCS8_D]);
    without_spki = template.n;
    put_slice(&template, CKA_PUBLIC_KEY_INFO, spki);
    rv = create(host, session, key, &template, ret);
    if (rv != CKR_OK && template_worth_another_try(rv)) {
        template.n = without_spki;
        rv = create(host, session, key, &template, ret);
    }
    return rv;
}

/* ---- reading back ---- */

static CK_RV read_bool(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                       CK_BBOOL *ret)
{
    CK_ATTRIBUTE attribute = { type, ret, sizeof(*ret) };
    CK_RV rv = host->module->C_GetAttributeValue(session, object, &attribute, 1);

    return rv == CKR_OK && attribute.ulValueLen != sizeof(*ret) ? CKR_ATTRIBUTE_VALUE_INVALID : rv;
}

/* A private key need not have an attribute that it should have as false. */
static bool reads_as(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                     bool value, bool may_lack)
{
    CK_BBOOL actual = value ? CK_FALSE : CK_TRUE;
    CK_RV rv = read_bool(host, session, object, type, &actual);

    if (rv == CKR_ATTRIBUTE_TYPE_INVALID && may_lack) {
        return !value;
    }
    return rv == CKR_OK && actual == (value ? CK_TRUE : CK_FALSE);
}

CK_ULONG template_secret_len(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_ULONG len = 0;
    CK_ATTRIBUTE attribute = { CKA_VALUE_LEN, &len, sizeof(len) };

    return host->module->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK ? len : 0;
}

static bool has_size(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, const template_key *key)
{
    CK_ULONG len = template_secret_len(host, session, object);

    return len == 0 || len == kinds_of_type(key->type)->size;
}

const char *template_mismatch(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                              const template_key *key)
{
    bool pair = kinds_is_pair(key->type);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (row_applies(i, key) && !reads_as(host, session, object, rows[i].type, row_value(i, key),
                                             pair && rows[i].type != CKA_EXTRACTABLE)) {
            return rows[i].name;
        }
    }
    if (!pair && !has_size(host, session, object, key)) {
        return "CKA_VALUE_LEN";
    }
    return reads_as(host, session, object, CKA_TOKEN, key->id != NULL, false) ? NULL : "CKA_TOKEN";
}

bool template_stays_inside(const host_t *host, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    return reads_as(host, session, object, CKA_SENSITIVE, true, false) &&
           reads_as(host, session, object, CKA_EXTRACTABLE, false, false);
}

bool template_worth_another_try(CK_RV rv)
{
    static const CK_RV errors[] = {
        CKR_GENERAL_ERROR,           CKR_FUNCTION_FAILED,       CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID,
        CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT,
    };

    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (rv == errors[i]) {
            return true;
        }
    }
    return false;
}
