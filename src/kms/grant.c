#include "kms/grant.h"

#include <string.h>

#include "crypto/crypto.h"

/* ---- operations ---- */

/* In the order of the bits, which is kms.json's. */
static const char *const op_names[] = {
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "GetPublicKey",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
};

#define ANY_KEY (GRANT_CREATE_GRANT | GRANT_RETIRE_GRANT | GRANT_DESCRIBE_KEY)
#define CIPHER (GRANT_DECRYPT | GRANT_ENCRYPT | GRANT_RE_ENCRYPT_FROM | GRANT_RE_ENCRYPT_TO)
#define DATA_KEYS                                                                                            \
    (GRANT_GENERATE_DATA_KEY | GRANT_GENERATE_DATA_KEY_WITHOUT_PLAINTEXT | GRANT_GENERATE_DATA_KEY_PAIR |     \
     GRANT_GENERATE_DATA_KEY_PAIR_WITHOUT_PLAINTEXT)

static const unsigned ops_of_usage[KMS_USAGE_COUNT] = {
    [KMS_USAGE_ENCRYPT_DECRYPT] = CIPHER,
    [KMS_USAGE_SIGN_VERIFY] = GRANT_SIGN | GRANT_VERIFY,
    [KMS_USAGE_GENERATE_VERIFY_MAC] = GRANT_GENERATE_MAC | GRANT_VERIFY_MAC,
    [KMS_USAGE_KEY_AGREEMENT] = GRANT_DERIVE_SHARED_SECRET,
};

unsigned kms_grant_op_named(slice_t name)
{
    for (size_t i = 0; i < COUNT_OF(op_names); i++) {
        if (slice_eq_str(name, op_names[i])) {
            return 1u << i;
        }
    }
    return 0;
}

const char *kms_grant_op_name(size_t i)
{
    return i < COUNT_OF(op_names) ? op_names[i] : NULL;
}

unsigned kms_grant_ops_of(const kms_spec *spec, kms_usage usage)
{
    return ANY_KEY | ops_of_usage[usage] | (kms_spec_is_pair(spec) ? GRANT_GET_PUBLIC_KEY : 0) |
           (spec->family == KMS_FAMILY_SYMMETRIC ? DATA_KEYS : 0);
}

/* ---- making one ---- */

kms_grant_t *kms_grant_ref(const kms_grant_t *grant)
{
    kms_grant_t *mine = (kms_grant_t *)(uintptr_t)grant;

    __atomic_add_fetch(&mine->refs, 1, __ATOMIC_RELAXED);
    return mine;
}

void kms_grant_unref(kms_grant_t *grant)
{
    if (grant && __atomic_sub_fetch(&grant->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        free(grant);
    }
}

static p11kms_err check_length(slice_t text)
{
    if (utf8_length(text) > KMS_GRANT_PAIR_TEXT_MAX) {
        FAIL(P11KMS_E_VALIDATION, "A key or value of a grant constraint is longer than %d characters",
             KMS_GRANT_PAIR_TEXT_MAX);
    }
    return P11KMS_OK;
}

static p11kms_err canonical_constraint(context_pair *pairs, size_t n, arena_t *arena, slice_t *ret)
{
    if (n > KMS_GRANT_PAIRS_MAX) {
        FAIL(P11KMS_E_VALIDATION, "A grant constraint has more than %d encryption context pairs",
             KMS_GRANT_PAIRS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        TRY(check_length(pairs[i].name));
        TRY(check_length(pairs[i].value));
    }
    return context_canonical(pairs, n, arena, ret);
}

/* The grant is one block: the struct, the pairs, then bytes. */
typedef struct {
    context_pair *pairs;
    uint8_t *bytes;
} space_t;

static slice_t place(space_t *space, slice_t bytes)
{
    slice_t placed = SLICE(space->bytes, bytes.len);

    if (bytes.len) {
        memcpy(space->bytes, bytes.data, bytes.len);
    }
    space->bytes += bytes.len;
    return placed;
}

static slice_t place_text(space_t *space, slice_t text)
{
    slice_t placed = place(space, text);

    *space->bytes++ = '\0';
    return placed;
}

/* Pairs view into their canonical form. */
static kms_grant_context place_context(space_t *space, slice_t canonical, size_t n)
{
    kms_grant_context context = { .pairs = space->pairs, .n = n, .canonical = place(space, canonical) };
    reader_t r = reader_over(context.canonical);

    for (size_t i = 0; i < n; i++) {
        slice_t name = reader_take(&r, reader_u32(&r));
        slice_t value = reader_take(&r, reader_u32(&r));
        *space->pairs++ = (context_pair){ .name = name, .value = value };
    }
    return context;
}

p11kms_err kms_grant_context_of(context_pair *pairs, size_t n, arena_t *arena, kms_grant_context *ret)
{
    slice_t canonical;

    TRY(context_canonical(pairs, n, arena, &canonical));
    space_t space = { .pairs = arena_alloc(arena, (n + 1) * sizeof(*pairs)),
                      .bytes = arena_alloc(arena, canonical.len + 1) };
    *ret = place_context(&space, canonical, n);
    return P11KMS_OK;
}

static slice_t measured(uint8_t out[4], size_t len)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(len >> 8 * (3 - i));
    }
    return SLICE(out, 4);
}

/* Everything but id and time, each part behind its length. */
static void note_likeness(kms_grant_t *grant)
{
    const uint8_t operations[] = { (uint8_t)(grant->operations >> 16), (uint8_t)(grant->operations >> 8),
                                   (uint8_t)grant->operations, grant->has_equals };
    const slice_t parts[] = {
        SLICE_STR(grant->account), SLICE_STR(grant->region),   SLICE(grant->key_id, KMS_ID),
        SLICE_STR(grant->issuing_account),                     grant->name,
        grant->grantee,            grant->retiring,            SLICE(operations, sizeof(operations)),
        grant->equals.canonical,   grant->subset.canonical,
    };
    uint8_t lengths[COUNT_OF(parts)][4];
    slice_t all[2 * COUNT_OF(parts)];

    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        all[2 * i] = measured(lengths[i], parts[i].len);
        all[2 * i + 1] = parts[i];
    }
    crypto_sha256_parts(all, COUNT_OF(all), grant->likeness);
}

static p11kms_err check_spec(const kms_grant_spec *spec)
{
    ENSURE(strlen(spec->account) == 12 && strlen(spec->issuing_account) == 12, P11KMS_E_RANGE);
    ENSURE(strlen(spec->region) < sizeof(((kms_grant_t *)0)->region), P11KMS_E_RANGE);
    return P11KMS_OK;
}

p11kms_err kms_grant_new(const kms_grant_spec *spec, arena_t *arena, kms_grant_t **ret)
{
    slice_t equals, subset;

    TRY(check_spec(spec));
    TRY(canonical_constraint(spec->equals, spec->has_equals ? spec->n_equals : 0, arena, &equals));
    TRY(canonical_constraint(spec->subset, spec->n_subset, arena, &subset));
    size_t n_equals = spec->has_equals ? spec->n_equals : 0;
    size_t n_pairs = n_equals + spec->n_subset;
    size_t n_bytes = spec->name.len + spec->grantee.len + spec->retiring.len + 3 + equals.len + subset.len;
    kms_grant_t *grant = calloc(1, sizeof(*grant) + n_pairs * sizeof(context_pair) + n_bytes);
    ENSURE(grant, P11KMS_E_NOMEM);
    space_t space = { .pairs = (context_pair *)(void *)(grant + 1) };
    space.bytes = (uint8_t *)(space.pairs + n_pairs);
    grant->refs = 1;
    memcpy(grant->id, spec->id, KMS_GRANT_ID);
    hex_encode(grant->id, KMS_GRANT_ID, grant->id_text);
    strcpy(grant->account, spec->account);
    strcpy(grant->region, spec->region);
    memcpy(grant->key_id, spec->key_id, KMS_ID);
    strcpy(grant->issuing_account, spec->issuing_account);
    grant->name = place_text(&space, spec->name);
    grant->grantee = place_text(&space, spec->grantee);
    grant->retiring = place_text(&space, spec->retiring);
    grant->operations = spec->operations;
    grant->has_equals = spec->has_equals;
    grant->equals = place_context(&space, equals, n_equals);
    grant->subset = place_context(&space, subset, spec->n_subset);
    grant->created = spec->created;
    note_likeness(grant);
    *ret = grant;
    return P11KMS_OK;
}

/* ---- rows ---- */

static const char *operations_text(unsigned operations, arena_t *arena)
{
    const char *text = "";

    for (size_t i = 0; i < COUNT_OF(op_names); i++) {
        if (operations >> i & 1) {
            text = arena_printf(arena, "%s%s%s", text, text[0] ? "," : "", op_names[i]);
        }
    }
    return text;
}

void kms_grant_row(const kms_grant_t *grant, arena_t *arena, store_grant *ret)
{
    *ret = (store_grant){
        .account = grant->account,
        .region = grant->region,
        .id = SLICE(grant->id, KMS_GRANT_ID),
        .name = (const char *)grant->name.data,
        .grantee = (const char *)grant->grantee.data,
        .retiring = (const char *)grant->retiring.data,
        .issuing_account = grant->issuing_account,
        .operations = operations_text(grant->operations, arena),
        .has_equals = grant->has_equals,
        .context_equals = grant->equals.canonical,
        .context_subset = grant->subset.canonical,
        .created = grant->created,
    };
    memcpy(ret->key_id, grant->key_id, KMS_ID);
}

static p11kms_err parse_operations(const char *text, unsigned *ret)
{
    *ret = 0;
    for (const char *at = text; *at;) {
        size_t len = strcspn(at, ",");
        unsigned op = kms_grant_op_named(SLICE(at, len));
        if (!op) {
            FAIL(P11KMS_E_STORE, "a grant allows '%.*s', which this version does not know", (int)len, at);
        }
        *ret |= op;
        at += len + (at[len] == ',');
    }
    return P11KMS_OK;
}

static p11kms_err parse_context(slice_t canonical, arena_t *arena, context_pair **ret, size_t *ret_n)
{
    reader_t r = reader_over(canonical);

    *ret = arena_alloc(arena, KMS_GRANT_PAIRS_MAX * sizeof(**ret));
    *ret_n = 0;
    while (!r.fails && r.rest.len && *ret_n < KMS_GRANT_PAIRS_MAX) {
        slice_t name = reader_take(&r, reader_u32(&r));
        slice_t value = reader_take(&r, reader_u32(&r));
        (*ret)[(*ret_n)++] = (context_pair){ .name = name, .value = value };
    }
    if (!reader_done(&r)) {
        FAIL(P11KMS_E_STORE, "a constraint of a grant is damaged");
    }
    return P11KMS_OK;
}

p11kms_err kms_grant_of_row(const store_grant *row, arena_t *arena, kms_grant_t **ret)
{
    kms_grant_spec spec = {
        .id = row->id.data,
        .account = row->account,
        .region = row->region,
        .key_id = row->key_id,
        .issuing_account = row->issuing_account,
        .name = SLICE_STR(row->name),
        .grantee = SLICE_STR(row->grantee),
        .retiring = SLICE_STR(row->retiring),
        .has_equals = row->has_equals,
        .created = row->created,
    };

    TRY(parse_operations(row->operations, &spec.operations));
    TRY(parse_context(row->context_equals, arena, &spec.equals, &spec.n_equals));
    TRY(parse_context(row->context_subset, arena, &spec.subset, &spec.n_subset));
    p11kms_err err = kms_grant_new(&spec, arena, ret);
    if (err == P11KMS_E_VALIDATION) {
        FAIL(P11KMS_E_STORE, "a grant in the store is damaged: %s", p11kms_err_detail(err));
    }
    return err;
}

/* ---- decisions ---- */

/* Both are in the order of names. */
static bool contains(const kms_grant_context *context, const kms_grant_context *subset)
{
    size_t at = 0;

    for (size_t i = 0; i < subset->n; i++) {
        while (at < context->n && slice_cmp(context->pairs[at].name, subset->pairs[i].name) < 0) {
            at++;
        }
        if (at == context->n || !slice_eq(context->pairs[at].name, subset->pairs[i].name) ||
            !slice_eq(context->pairs[at].value, subset->pairs[i].value)) {
            return false;
        }
    }
    return true;
}

bool kms_grant_meets(const kms_grant_t *grant, const kms_grant_need *need)
{
    if ((grant->operations & need->operations) != need->operations) {
        return false;
    }
    if (need->ignores_constraints) {
        return true;
    }
    if (grant->has_equals && (need->open || !slice_eq(grant->equals.canonical, need->context.canonical))) {
        return false;
    }
    return contains(&need->context, &grant->subset);
}

/* Equal or stricter: "can add pairs to an EncryptionContextSubset constraint, but it cannot remove them". */
p11kms_err kms_grant_need_of_child(const kms_grant_spec *child, arena_t *arena, kms_grant_need *ret)
{
    *ret = (kms_grant_need){ .operations = child->operations | GRANT_CREATE_GRANT, .open = !child->has_equals };
    return child->has_equals ? kms_grant_context_of(child->equals, child->n_equals, arena, &ret->context)
                             : kms_grant_context_of(child->subset, child->n_subset, arena, &ret->context);
}
