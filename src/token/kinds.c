#include "token/kinds.h"

#define SIGNS (1u << TOKEN_USE_SIGN)
#define DECRYPTS (1u << TOKEN_USE_DECRYPT)
#define AGREES (1u << TOKEN_USE_AGREE)

static const kinds_type types[TOKEN_KEY_COUNT] = {
    [TOKEN_KEY_PRF] = { "PRF", FAMILY_SECRET, 32, SIGNS },
    [TOKEN_KEY_HMAC_224] = { "HMAC_224", FAMILY_SECRET, 28, SIGNS },
    [TOKEN_KEY_HMAC_256] = { "HMAC_256", FAMILY_SECRET, 32, SIGNS },
    [TOKEN_KEY_HMAC_384] = { "HMAC_384", FAMILY_SECRET, 48, SIGNS },
    [TOKEN_KEY_HMAC_512] = { "HMAC_512", FAMILY_SECRET, 64, SIGNS },
    [TOKEN_KEY_RSA_2048] = { "RSA_2048", FAMILY_RSA, 256, SIGNS | DECRYPTS },
    [TOKEN_KEY_RSA_3072] = { "RSA_3072", FAMILY_RSA, 384, SIGNS | DECRYPTS },
    [TOKEN_KEY_RSA_4096] = { "RSA_4096", FAMILY_RSA, 512, SIGNS | DECRYPTS },
    [TOKEN_KEY_P256] = { "P256", FAMILY_EC, 32, SIGNS | AGREES },
    [TOKEN_KEY_P384] = { "P384", FAMILY_EC, 48, SIGNS | AGREES },
    [TOKEN_KEY_P521] = { "P521", FAMILY_EC, 66, SIGNS | AGREES },
    [TOKEN_KEY_SECP256K1] = { "SECP256K1", FAMILY_EC, 32, SIGNS },
    [TOKEN_KEY_ED25519] = { "ED25519", FAMILY_ED, 32, SIGNS },
};

static const kinds_mechanism mechanisms[TOKEN_MECH_COUNT] = {
    [TOKEN_MECH_HMAC_SHA224] = { "HMAC_SHA224", FAMILY_SECRET, SIGNS, 0, TOKEN_IN_MAX, 28 },
    [TOKEN_MECH_HMAC_SHA256] = { "HMAC_SHA256", FAMILY_SECRET, SIGNS, 0, TOKEN_IN_MAX, 32 },
    [TOKEN_MECH_HMAC_SHA384] = { "HMAC_SHA384", FAMILY_SECRET, SIGNS, 0, TOKEN_IN_MAX, 48 },
    [TOKEN_MECH_HMAC_SHA512] = { "HMAC_SHA512", FAMILY_SECRET, SIGNS, 0, TOKEN_IN_MAX, 64 },
    [TOKEN_MECH_PKCS1_SHA256] = { "PKCS1_SHA256", FAMILY_RSA, SIGNS, 32, 32, 32 },
    [TOKEN_MECH_PKCS1_SHA384] = { "PKCS1_SHA384", FAMILY_RSA, SIGNS, 48, 48, 48 },
    [TOKEN_MECH_PKCS1_SHA512] = { "PKCS1_SHA512", FAMILY_RSA, SIGNS, 64, 64, 64 },
    [TOKEN_MECH_PSS_SHA256] = { "PSS_SHA256", FAMILY_RSA, SIGNS, 32, 32, 32 },
    [TOKEN_MECH_PSS_SHA384] = { "PSS_SHA384", FAMILY_RSA, SIGNS, 48, 48, 48 },
    [TOKEN_MECH_PSS_SHA512] = { "PSS_SHA512", FAMILY_RSA, SIGNS, 64, 64, 64 },
    [TOKEN_MECH_ECDSA] = { "ECDSA", FAMILY_EC, SIGNS, 20, 64, 0 },
    [TOKEN_MECH_EDDSA] = { "EDDSA", FAMILY_ED, SIGNS, 0, TOKEN_IN_MAX, 0 },
    [TOKEN_MECH_EDDSA_PH] = { "EDDSA_PH", FAMILY_ED, SIGNS, 64, 64, 64 },
    [TOKEN_MECH_OAEP_SHA1] = { "OAEP_SHA1", FAMILY_RSA, DECRYPTS, 0, 0, 20 },
    [TOKEN_MECH_OAEP_SHA256] = { "OAEP_SHA256", FAMILY_RSA, DECRYPTS, 0, 0, 32 },
    [TOKEN_MECH_RSA_AES_WRAP_SHA1] = { "RSA_AES_WRAP_SHA1", FAMILY_RSA, 0, 0, 0, 20 },
    [TOKEN_MECH_RSA_AES_WRAP_SHA256] = { "RSA_AES_WRAP_SHA256", FAMILY_RSA, 0, 0, 0, 32 },
};

/* Which of an operation's members a kind has. */
enum { HAS_IN = 1, HAS_TYPE = 2, HAS_MECHANISM = 4, HAS_OUT_LEN = 8 };

static const struct {
    uint16_t in_min;
    uint16_t in_max;
    uint16_t out_min;
    uint16_t out_max;
    uint8_t has;
} kinds[TOKEN_OP_COUNT] = {
    [TOKEN_OP_PRF] = { .in_max = TOKEN_IN_MAX, .has = HAS_IN },
    [TOKEN_OP_GENERATE] = { .in_max = TOKEN_LABEL_MAX, .has = HAS_IN | HAS_TYPE },
    [TOKEN_OP_RANDOM] = { .out_min = 1, .out_max = TOKEN_RANDOM_MAX, .has = HAS_OUT_LEN },
    [TOKEN_OP_SIGN] = { .in_max = TOKEN_IN_MAX, .has = HAS_IN | HAS_MECHANISM },
    [TOKEN_OP_DECRYPT] = { .in_max = TOKEN_IN_MAX, .has = HAS_IN | HAS_MECHANISM },
    [TOKEN_OP_AGREE] = { .in_max = TOKEN_IN_MAX, .has = HAS_IN },
    [TOKEN_OP_IMPORT] = { .in_min = 2, .in_max = TOKEN_IN_MAX, .has = HAS_IN | HAS_TYPE | HAS_MECHANISM },
};

const kinds_type *kinds_of_type(unsigned type)
{
    return type < TOKEN_KEY_COUNT ? &types[type] : NULL;
}

const kinds_mechanism *kinds_of_mechanism(unsigned mechanism)
{
    return mechanism != TOKEN_MECH_NONE && mechanism < TOKEN_MECH_COUNT ? &mechanisms[mechanism] : NULL;
}

const char *token_key_type_name(token_key_type type)
{
    return (unsigned)type < TOKEN_KEY_COUNT ? types[type].name : "none";
}

const char *token_mechanism_name(token_mechanism mechanism)
{
    const kinds_mechanism *row = kinds_of_mechanism(mechanism);

    return row != NULL ? row->name : "none";
}

bool kinds_is_pair(token_key_type type)
{
    return types[type].family != FAMILY_SECRET;
}

kinds_bounds kinds_of_op(const token_op_t *op)
{
    unsigned has = (unsigned)op->kind < TOKEN_OP_COUNT ? kinds[op->kind].has : 0;

    return (kinds_bounds){
        .kind = op->kind,
        .type = has & HAS_TYPE ? op->type : 0,
        .use = has & HAS_TYPE ? op->use : 0,
        .mechanism = has & HAS_MECHANISM ? op->mechanism : 0,
        .in_len = has & HAS_IN ? op->in.len : 0,
        .out_len = has & HAS_OUT_LEN ? op->out_len : 0,
    };
}

static bool type_fits(const kinds_bounds *op)
{
    if ((kinds[op->kind].has & HAS_TYPE) == 0) {
        return op->type == 0 && op->use == 0;
    }
    return op->type < TOKEN_KEY_COUNT && op->use < TOKEN_USE_COUNT && TOKEN_CAN(types[op->type].uses, op->use);
}

static bool mechanism_fits(const kinds_bounds *op)
{
    const kinds_mechanism *row = kinds_of_mechanism(op->mechanism);

    if ((kinds[op->kind].has & HAS_MECHANISM) == 0) {
        return op->mechanism == TOKEN_MECH_NONE;
    }
    if (row == NULL) {
        return false;
    }
    switch (op->kind) {
    case TOKEN_OP_SIGN:
        return TOKEN_CAN(row->uses, TOKEN_USE_SIGN) && op->in_len >= row->in_min && op->in_len <= row->in_max;
    case TOKEN_OP_DECRYPT:
        return TOKEN_CAN(row->uses, TOKEN_USE_DECRYPT);
    default:
        return kinds_key_fits(TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT, op->mechanism);
    }
}

bool kinds_op_fits(const kinds_bounds *op)
{
    return op->kind < TOKEN_OP_COUNT && op->in_len >= kinds[op->kind].in_min && op->in_len <= kinds[op->kind].in_max &&
           op->out_len >= kinds[op->kind].out_min && op->out_len <= kinds[op->kind].out_max && type_fits(op) &&
           mechanism_fits(op);
}

bool kinds_key_fits(token_key_type type, token_key_use use, token_mechanism mechanism)
{
    const kinds_mechanism *row = kinds_of_mechanism(mechanism);
    unsigned uses;

    if (row == NULL || row->family != types[type].family) {
        return false;
    }
    uses = row->uses == 0 ? DECRYPTS : row->uses;
    if (row->family == FAMILY_SECRET && types[type].size != row->hash) {
        return false; /* a key of its own for each hash, as KMS has it */
    }
    return TOKEN_CAN(uses, use);
}

static bool is_size_of(kinds_family family, unsigned times, size_t len)
{
    for (size_t i = 0; i < TOKEN_KEY_COUNT; i++) {
        if (types[i].family == family && len == (size_t)times * types[i].size) {
            return true;
        }
    }
    return false;
}

static bool signature_fits(const kinds_mechanism *row, size_t len)
{
    switch (row->family) {
    case FAMILY_SECRET:
        return len == row->hash;
    case FAMILY_RSA:
        return is_size_of(FAMILY_RSA, 1, len);
    case FAMILY_EC:
    case FAMILY_ED:
        return is_size_of(row->family, 2, len);
    }
    return false;
}

static bool is_spki(size_t len)
{
    return len >= KINDS_SPKI_MIN && len <= KINDS_SPKI_MAX;
}

bool kinds_reply_fits(const kinds_bounds *op, size_t len)
{
    const kinds_mechanism *row = kinds_of_mechanism(op->mechanism);

    switch ((token_op_kind)op->kind) {
    case TOKEN_OP_PRF:
        return len == TOKEN_PRF_LEN;
    case TOKEN_OP_RANDOM:
        return len == op->out_len;
    case TOKEN_OP_GENERATE:
    case TOKEN_OP_IMPORT:
        return kinds_is_pair(op->type) ? is_spki(len) : len == 0;
    case TOKEN_OP_PUBLIC:
        return is_spki(len);
    case TOKEN_OP_LIST:
        return len % TOKEN_KEY_ID == 0;
    case TOKEN_OP_SIGN:
        return signature_fits(row, len);
    case TOKEN_OP_DECRYPT: /* RFC 8017 7.1.1 */
        return len <= types[TOKEN_KEY_RSA_4096].size - 2 * row->hash - 2;
    case TOKEN_OP_AGREE:
        return is_size_of(FAMILY_EC, 1, len);
    case TOKEN_OP_DESTROY:
    case TOKEN_OP_PING:
    case TOKEN_OP_COUNT:
        break;
    }
    return len == 0;
}
