/*
 * docs/ciphertext-format.md is what other implementations are written from: every value of
 * its test vectors is what the code makes. tests/kms/test_reference.py is one of the others.
 */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "kms/envelope.h"

#define PAGE "docs/ciphertext-format.md"
#define FIELDS_MAX 32
#define VALUE_MAX 1024

typedef struct {
    char name[32];
    char value[VALUE_MAX];
} field_t;

typedef struct {
    field_t fields[FIELDS_MAX];
    size_t n;
} vector_t;

#define VECTORS 2
static vector_t vectors[VECTORS];
static arena_t *arena;

/* ---- the page ---- */

/* "name = value"; a line that begins with spaces goes on with the value before it. */
static void read_line(vector_t *vector, const char *line)
{
    const char *equals = strstr(line, "= ");
    const char *text = line + strspn(line, " ");
    size_t len;

    if (text == line) {
        field_t *field = &vector->fields[vector->n++];

        assert_true(vector->n <= FIELDS_MAX);
        text = equals != NULL ? equals + 2 : line + strlen(line);
        len = strcspn(line, "=");
        while (len > 0 && line[len - 1] == ' ') {
            len--;
        }
        assert_true(len > 0 && len < sizeof(field->name));
        memcpy(field->name, line, len);
    }
    field_t *field = &vector->fields[vector->n - 1];
    assert_true(strlen(field->value) + strlen(text) < VALUE_MAX);
    strcat(field->value, text);
}

static void read_vector(FILE *page, vector_t *vector)
{
    char line[256];
    bool inside = false;

    while (fgets(line, sizeof(line), page) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "```") == 0) {
            if (inside) {
                return;
            }
            inside = true;
        } else if (inside) {
            read_line(vector, line);
        }
    }
    fail_msg("a vector of " PAGE " does not end");
}

static int read_page(void **state)
{
    const char *top = getenv("P11KMS_SRCDIR");
    char path[4096], line[256];
    size_t n = 0;
    FILE *page;

    (void)state;
    assert_ok(crypto_init());
    arena = arena_new(4096);
    snprintf(path, sizeof(path), "%s/" PAGE, top != NULL ? top : ".");
    page = fopen(path, "re");
    assert_non_null(page);
    while (n < VECTORS && fgets(line, sizeof(line), page) != NULL) {
        if (strncmp(line, "### Vector", 10) == 0) {
            read_vector(page, &vectors[n++]);
        }
    }
    fclose(page);
    assert_int_equal(n, VECTORS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const char *text_of(const vector_t *vector, const char *name)
{
    for (size_t i = 0; i < vector->n; i++) {
        if (strcmp(vector->fields[i].name, name) == 0) {
            return vector->fields[i].value;
        }
    }
    fail_msg("a vector of " PAGE " has no '%s'", name);
    return NULL;
}

static slice_t bytes_of(const vector_t *vector, const char *name)
{
    slice_t hex = SLICE_STR(text_of(vector, name));
    uint8_t *bytes = arena_alloc(arena, hex.len / 2);

    assert_ok(hex_decode(hex, bytes));
    return SLICE(bytes, hex.len / 2);
}

static const uint8_t *field_of(const vector_t *vector, const char *name, size_t len)
{
    slice_t bytes = bytes_of(vector, name);

    assert_int_equal(bytes.len, len);
    return bytes.data;
}

/* ---- what the code makes of it ---- */

static void check_prf(const vector_t *vector)
{
    uint8_t input[ENVELOPE_PRF_INPUT], k0[TOKEN_PRF_LEN], key_id[KMS_ID];

    assert_ok(uuid_parse(SLICE_STR(text_of(vector, "key id")), key_id));
    assert_memory_equal(key_id, field_of(vector, "key id bytes", KMS_ID), KMS_ID);
    envelope_prf_input(key_id, field_of(vector, "N", ENVELOPE_NONCE), input);
    assert_slice_equal(SLICE(input, sizeof(input)), bytes_of(vector, "PRF input"));
    crypto_hmac_sha256(bytes_of(vector, "material"), SLICE(input, sizeof(input)), k0); /* the token's part */
    assert_slice_equal(SLICE(k0, sizeof(k0)), bytes_of(vector, "K0"));
}

static void check_derived(const vector_t *vector, slice_t info, const char *name)
{
    uint8_t out[AEAD_KEY];

    crypto_hkdf_expand(field_of(vector, "K0", TOKEN_PRF_LEN), info, out, sizeof(out));
    assert_slice_equal(SLICE(out, sizeof(out)), bytes_of(vector, name));
}

static void check_sealed(const vector_t *vector)
{
    slice_t plain = SLICE_STR(text_of(vector, "plaintext"));
    slice_t sealed = bytes_of(vector, "ciphertext");
    uint8_t out[VALUE_MAX];

    assert_ok(crypto_aead_seal(field_of(vector, "Km", AEAD_KEY), field_of(vector, "IV", AEAD_IV),
                               bytes_of(vector, "AAD"), plain, out));
    assert_slice_equal(SLICE(out, plain.len), sealed);
    assert_slice_equal(SLICE(out + plain.len, AEAD_TAG), bytes_of(vector, "tag"));
}

static void check_opened(const vector_t *vector)
{
    uint8_t plain[ENVELOPE_PLAIN_MAX];
    envelope_t envelope;
    size_t len = 0;

    assert_ok(envelope_parse(bytes_of(vector, "blob"), &envelope));
    assert_memory_equal(envelope.key_id, field_of(vector, "key id bytes", KMS_ID), KMS_ID);
    assert_memory_equal(envelope.material_id, field_of(vector, "material id", KMS_ID), KMS_ID);
    assert_slice_equal(envelope.header, bytes_of(vector, "header"));
    assert_slice_equal(envelope.commitment, bytes_of(vector, "Kc"));
    assert_ok(envelope_open(&envelope, field_of(vector, "K0", TOKEN_PRF_LEN), bytes_of(vector, "context"), plain, &len));
    assert_slice_text(SLICE(plain, len), text_of(vector, "plaintext"));
}

/* The name a material has outside: KeyMaterialId. */
static void check_material_name(const vector_t *vector)
{
    _cleanup_(kms_key) kms_key_t *key = NULL;

    assert_ok(kms_key_new(field_of(vector, "key id bytes", KMS_ID), "123456789012", "us-east-1", &key));
    assert_ok(kms_key_add_material(key, field_of(vector, "material id", KMS_ID), 1, KMS_CAUSE_CREATE, 0));
    assert_string_equal(key->materials[0].id_text, text_of(vector, "KeyMaterialId"));
}

static void test_every_value_of_the_page_is_what_the_code_makes(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        check_prf(&vectors[i]);
        check_derived(&vectors[i], SLICE_LIT("aead"), "Km");
        check_derived(&vectors[i], SLICE_LIT("commit"), "Kc");
        check_sealed(&vectors[i]);
        check_opened(&vectors[i]);
        check_material_name(&vectors[i]);
    }
}

static void test_the_encryption_context_is_made_canonical_as_the_page_says(void **state)
{
    context_pair pairs[] = { { SLICE_LIT("Project"), SLICE_LIT("Alpha") },
                             { SLICE_LIT("Department"), SLICE_LIT("10103") } };
    slice_t context;

    (void)state;
    assert_string_equal(text_of(&vectors[0], "encryption context"), "{\"Project\":\"Alpha\",\"Department\":\"10103\"}");
    assert_ok(context_canonical(pairs, COUNT_OF(pairs), arena, &context));
    assert_slice_equal(context, bytes_of(&vectors[0], "context"));
    assert_string_equal(text_of(&vectors[1], "encryption context"), "{}");
    assert_ok(context_canonical(NULL, 0, arena, &context));
    assert_slice_equal(context, bytes_of(&vectors[1], "context"));
}

/* Sealing draws its own IV; put the page's in, and the blob would be the page's. */
static void test_a_blob_sealed_here_differs_from_the_page_by_its_iv_alone(void **state)
{
    const vector_t *vector = &vectors[0];
    slice_t page = bytes_of(vector, "blob");
    _cleanup_buf_ buf_t blob = { 0 };
    const size_t iv_at = ENVELOPE_HEADER - ENVELOPE_IV;

    (void)state;
    assert_ok(envelope_seal(field_of(vector, "key id bytes", KMS_ID), field_of(vector, "material id", KMS_ID),
                            field_of(vector, "N", ENVELOPE_NONCE), field_of(vector, "K0", TOKEN_PRF_LEN),
                            bytes_of(vector, "context"), SLICE_STR(text_of(vector, "plaintext")), &blob));
    assert_int_equal(blob.len, page.len);
    assert_memory_equal(blob.data, page.data, iv_at);
    assert_memory_not_equal(blob.data + iv_at, page.data + iv_at, ENVELOPE_IV);
    assert_memory_equal(blob.data + ENVELOPE_HEADER, page.data + ENVELOPE_HEADER, ENVELOPE_COMMITMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_of_the_page_is_what_the_code_makes),
        cmocka_unit_test(test_the_encryption_context_is_made_canonical_as_the_page_says),
        cmocka_unit_test(test_a_blob_sealed_here_differs_from_the_page_by_its_iv_alone),
    };
    return cmocka_run_group_tests(tests, read_page, end);
}
