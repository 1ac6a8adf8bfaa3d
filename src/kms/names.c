/* From what a caller wrote to the key meant; the sentences are AWS's. */
#include "kms/kms_internal.h"

#include <string.h>

#define ARN_PARTS 6 /* arn:partition:service:region:account:resource */

typedef struct {
    slice_t part[ARN_PARTS];
} arn_t;

/* The resource keeps its colons and slashes. */
static bool split_arn(slice_t text, arn_t *ret)
{
    size_t start = 0, n = 0;

    for (size_t i = 0; i <= text.len && n < ARN_PARTS; i++) {
        bool last = n == ARN_PARTS - 1;
        if (i == text.len || (text.data[i] == ':' && !last)) {
            ret->part[n++] = SLICE(text.data + start, i - start);
            start = i + 1;
        }
    }
    return n == ARN_PARTS;
}

static const char *text_of(arena_t *arena, slice_t s)
{
    return arena_strndup(arena, (const char *)s.data, s.len);
}

static p11kms_err not_found(arena_t *arena, slice_t name)
{
    FAIL(P11KMS_E_KEY_NOT_FOUND, "Invalid keyId '%s'", text_of(arena, name));
}

static p11kms_err parse_id(slice_t text, uint8_t ret[KMS_ID])
{
    size_t prefix = strlen(KMS_MULTI_REGION_PREFIX);

    if (!slice_has_prefix(text, KMS_MULTI_REGION_PREFIX)) {
        return uuid_parse(text, ret);
    }
    ENSURE(text.len == prefix + 2 * KMS_ID, P11KMS_E_SYNTAX);
    return hex_decode(SLICE(text.data + prefix, text.len - prefix), ret);
}

static p11kms_err by_id(kms_t *kms, const char *account, const char *region, slice_t id, arena_t *arena,
                        kms_key_t **ret)
{
    uint8_t bytes[KMS_ID];

    if (parse_id(id, bytes) != P11KMS_OK) {
        return not_found(arena, id);
    }
    _cleanup_(kms_key) kms_key_t *key = catalog_key(kms->catalog, region, bytes);
    if (!key || strcmp(key->account, account) != 0 || !slice_eq_str(id, key->id_text)) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Key 'arn:aws:kms:%s:%s:key/%s' does not exist", region, account,
             text_of(arena, id));
    }
    *ret = STEAL(key);
    return P11KMS_OK;
}

static p11kms_err by_alias(kms_t *kms, const char *account, const char *region, slice_t name, arena_t *arena,
                           kms_key_t **ret)
{
    _cleanup_(kms_alias) kms_alias_t *alias = catalog_alias(kms->catalog, account, region, name);
    _cleanup_(kms_key) kms_key_t *key = NULL;

    if (alias) {
        key = catalog_key(kms->catalog, region, alias->key_id);
    }
    if (!key) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Alias arn:aws:kms:%s:%s:%s is not found.", region, account,
             text_of(arena, name));
    }
    *ret = STEAL(key);
    return P11KMS_OK;
}

static p11kms_err by_arn(kms_t *kms, const char *region, slice_t text, kms_name_form form, arena_t *arena,
                         kms_key_t **ret)
{
    arn_t arn;

    if (!split_arn(text, &arn) || !slice_eq_str(arn.part[0], "arn") || !slice_eq_str(arn.part[1], "aws") ||
        !slice_eq_str(arn.part[2], "kms")) {
        FAIL(P11KMS_E_ARN, "Invalid arn '%s'", text_of(arena, text));
    }
    if (!slice_eq_str(arn.part[3], region)) {
        FAIL(P11KMS_E_KEY_NOT_FOUND, "Invalid arn %s", text_of(arena, arn.part[3]));
    }
    if (memchr(arn.part[4].data, '\0', arn.part[4].len) != NULL) { /* what stands before it may be an account */
        FAIL(P11KMS_E_ARN, "Invalid arn '%s'", text_of(arena, text));
    }
    const char *account = text_of(arena, arn.part[4]);
    slice_t resource = arn.part[5];

    if (slice_has_prefix(resource, "key/")) {
        return by_id(kms, account, region, SLICE(resource.data + 4, resource.len - 4), arena, ret);
    }
    if (slice_has_prefix(resource, "alias/") && form == KMS_NAME_ANY) {
        return by_alias(kms, account, region, resource, arena, ret);
    }
    FAIL(P11KMS_E_KEY_NOT_FOUND, "Invalid keyId %s", text_of(arena, resource));
}

p11kms_err kms_resolve(kms_t *kms, const char *account, const char *region, slice_t name, kms_name_form form,
                       arena_t *arena, kms_key_t **ret)
{
    if (slice_has_prefix(name, "arn:")) {
        return by_arn(kms, region, name, form, arena, ret);
    }
    if (slice_has_prefix(name, "alias/")) {
        if (form != KMS_NAME_ANY) {
            FAIL(P11KMS_E_KEY_NOT_FOUND, "Invalid keyId %s", text_of(arena, name));
        }
        return by_alias(kms, account, region, name, arena, ret);
    }
    return by_id(kms, account, region, name, arena, ret);
}

static bool alias_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '-';
}

p11kms_err kms_check_alias_name(slice_t name)
{
    if (!slice_has_prefix(name, "alias/")) {
        FAIL(P11KMS_E_VALIDATION, "Alias must start with the prefix \"alias/\". Please see "
                                  "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
    }
    if (slice_has_prefix(name, "alias/aws/")) {
        return p11kms_fail_plain(P11KMS_E_ALIAS_RESERVED);
    }
    if (name.len == strlen("alias/")) {
        FAIL(P11KMS_E_ALIAS_NAME, "Alias must not be empty after the prefix \"alias/\"");
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!alias_char(name.data[i])) {
            FAIL(P11KMS_E_ALIAS_NAME, "Alias contains invalid characters for an alias");
        }
    }
    return P11KMS_OK;
}
