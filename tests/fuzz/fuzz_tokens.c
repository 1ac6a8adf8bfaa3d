/*
 * What callers hand back to us: grant tokens, import tokens and markers, of which any bytes are refused, and
 * our own is taken whole and refused with any bit changed; and names of keys, of which no text finds a key
 * but its own names.
 */
#include "api/page.h"
#include "kms/grant_token.h"
#include "kms/kms_internal.h"
#include "tests/fuzz/fuzz.h"
#include "util/encode.h"

#define ACCOUNT "123456789012"
#define REGION "eu-west-1"
#define LISTING "ListKeys"

static const uint8_t key_id[KMS_ID] = { 0x12, 0x34 };

static kms_t *make_kms(void)
{
    static kms_t kms;
    const uint8_t page_key[32] = { 7 };
    kms_key_t *key = NULL;
    kms_alias_t *alias = NULL;

    HOLDS(crypto_init() == P11KMS_OK);
    page_set_key(page_key);
    HOLDS(secret_copy("grant", 5, &kms.grant_token_key) == P11KMS_OK);
    HOLDS(secret_copy("import", 6, &kms.import_key) == P11KMS_OK);
    HOLDS(catalog_new(&kms.catalog) == P11KMS_OK && wrappings_new(&kms.wrappings) == P11KMS_OK);
    HOLDS(kms_key_new(key_id, ACCOUNT, REGION, &key) == P11KMS_OK);
    HOLDS(catalog_put_key(kms.catalog, key) == P11KMS_OK);
    HOLDS(kms_alias_new(ACCOUNT, REGION, "alias/app", key_id, &alias) == P11KMS_OK);
    HOLDS(catalog_put_alias(kms.catalog, alias) == P11KMS_OK);
    return &kms;
}

/* A bit of what is at @p text is changed; @p data says which. */
static slice_t change(slice_t text, const uint8_t *data, size_t len, arena_t *arena)
{
    slice_t copy = arena_dup(arena, text);
    size_t at = len > 1 ? (size_t)data[0] * copy.len / 256 : 0;

    ((uint8_t *)(uintptr_t)copy.data)[at] ^= (uint8_t)(1u << (len > 1 ? data[1] % 7 : 0));
    return copy;
}

static void check_grant_token(const kms_t *kms, const uint8_t *data, size_t len, arena_t *arena)
{
    kms_grant_t grant = { .key_id = { 1 }, .id = { 2 }, .account = ACCOUNT, .region = REGION };
    kms_grant_name name;
    const char *token;

    HOLDS(kms_grant_token_open(kms, SLICE(data, len), &name) == P11KMS_E_GRANT_TOKEN);
    HOLDS(kms_grant_token_make(kms, &grant, arena, &token) == P11KMS_OK);
    HOLDS(kms_grant_token_open(kms, SLICE_STR(token), &name) == P11KMS_OK);
    HOLDS(strcmp(name.account, ACCOUNT) == 0 && strcmp(name.region, REGION) == 0);
    HOLDS(kms_grant_token_open(kms, change(SLICE_STR(token), data, len, arena), &name) ==
          P11KMS_E_GRANT_TOKEN);
}

static void check_import_token(kms_t *kms, const uint8_t *data, size_t len, arena_t *arena)
{
    _cleanup_(kms_key) kms_key_t *key = catalog_key(kms->catalog, REGION, key_id);
    const kms_wrapping wrapping = { .id = { 3 }, .valid_to = INT64_MAX };
    slice_t token = kms_import_token(kms, &wrapping, key->arn, arena);
    kms_wrapping found;

    HOLDS(kms_import_token_open(kms, key, SLICE(data, len), &found) == P11KMS_E_IMPORT_TOKEN);
    /* authentic, but of no wrapping key that there is */
    HOLDS(kms_import_token_open(kms, key, token, &found) == P11KMS_E_IMPORT_EXPIRED);
    HOLDS(kms_import_token_open(kms, key, change(token, data, len, arena), &found) == P11KMS_E_IMPORT_TOKEN);
}

static void check_marker(const uint8_t *data, size_t len, arena_t *arena)
{
    const char *last = arena_strndup(arena, (const char *)data, len < 200 ? len : 200);
    const char *marker = page_marker(arena, LISTING, last), *found = NULL;

    HOLDS(len == 0 || page_open(arena, LISTING, SLICE(data, len), &found) == P11KMS_E_MARKER);
    HOLDS(page_open(arena, LISTING, SLICE_STR(marker), &found) == P11KMS_OK && strcmp(found, last) == 0);
    HOLDS(page_open(arena, "ListAliases", SLICE_STR(marker), &found) == P11KMS_E_MARKER);
    slice_t changed = change(SLICE_STR(marker), data, len, arena);
    /* the hex of a marker has two cases */
    HOLDS(page_open(arena, LISTING, changed, &found) == P11KMS_E_MARKER ||
          (strcmp(found, last) == 0 && strncasecmp((const char *)changed.data, marker, changed.len) == 0));
}

static void check_name(kms_t *kms, slice_t text, arena_t *arena)
{
    static const char *const names[] = {
        "12340000-0000-0000-0000-000000000000",
        "arn:aws:kms:" REGION ":" ACCOUNT ":key/12340000-0000-0000-0000-000000000000",
        "alias/app",
        "arn:aws:kms:" REGION ":" ACCOUNT ":alias/app",
    };

    for (kms_name_form form = KMS_NAME_KEY; form <= KMS_NAME_ANY; form++) {
        _cleanup_(kms_key) kms_key_t *key = NULL;
        size_t i = 0;

        if (kms_resolve(kms, ACCOUNT, REGION, text, form, arena, &key) != P11KMS_OK) {
            HOLDS(key == NULL);
            continue;
        }
        while (i < COUNT_OF(names) && !slice_eq_str(text, names[i])) {
            i++;
        }
        HOLDS(i < (form == KMS_NAME_ANY ? COUNT_OF(names) : 2));
    }
    if (kms_check_alias_name(text) == P11KMS_OK) {
        HOLDS(utf8_valid(text) && slice_has_prefix(text, "alias/") && !slice_has_prefix(text, "alias/aws/"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static kms_t *kms;
    static arena_t *arena;

    if (kms == NULL) {
        kms = make_kms();
        arena = arena_new(65536);
    }
    check_grant_token(kms, data, len, arena);
    check_import_token(kms, data, len, arena);
    check_marker(data, len, arena);
    check_name(kms, SLICE(data, len), arena);
    arena_reset(arena);
    return 0;
}
