#include "tests/token/pairs_suite.h"

#include <openssl/evp.h>

#include "crypto/asym.h"
#include "crypto/ecdsa.h"
#include "crypto/keypair.h"
#include "crypto/pkcs8.h"
#include "token/kinds.h"

#define CKR_KEY_TYPE_INCONSISTENT 0x63
#define CKR_KEY_FUNCTION_NOT_PERMITTED 0x68

typedef struct {
    token_t *token;
    token_op_t op;
    uint8_t id[TOKEN_KEY_ID];
    buf_t spki;
    asym_t *public;
} pair_t;

static const uint8_t digest[64] = "sixty-four bytes that stand for a digest of whatever length....";

static asym_type type_of(token_key_type type)
{
    return (asym_type)(ASYM_RSA_2048 + (type - TOKEN_KEY_RSA_2048));
}

static crypto_hash hash_of(token_mechanism mechanism)
{
    for (crypto_hash hash = CRYPTO_SHA1; hash < CRYPTO_HASHES; hash++) {
        if (crypto_hash_len(hash) == kinds_of_mechanism(mechanism)->hash) {
            return hash;
        }
    }
    return CRYPTO_SHA256;
}

static p11kms_err run(pair_t *pair, token_op_kind kind, slice_t in)
{
    pair->op.kind = kind;
    pair->op.in = in;
    memcpy(pair->op.key_id, pair->id, TOKEN_KEY_ID);
    return token_call(pair->token, &pair->op);
}

static slice_t out_of(const pair_t *pair)
{
    return SLICE(pair->op.out, pair->op.out_used);
}

static void take_public(pair_t *pair, token_key_type type)
{
    buf_put_slice(&pair->spki, out_of(pair));
    assert_ok(asym_parse(buf_slice(&pair->spki), &pair->public));
    assert_int_equal(asym_get_type(pair->public), type_of(type));
}

static pair_t pair_named(token_t *token, const char *name)
{
    pair_t pair = { .token = token };

    memset(pair.id, '-', TOKEN_KEY_ID);
    memcpy(pair.id, name, strlen(name) < TOKEN_KEY_ID ? strlen(name) : TOKEN_KEY_ID);
    return pair;
}

static pair_t make_pair(token_t *token, const char *name, token_key_type type, token_key_use use)
{
    pair_t pair = pair_named(token, name);

    pair.op.type = type;
    pair.op.use = use;
    assert_ok(run(&pair, TOKEN_OP_GENERATE, SLICE_LIT("suite")));
    if (kinds_is_pair(type)) {
        take_public(&pair, type);
    } else {
        assert_int_equal(pair.op.out_used, 0);
    }
    return pair;
}

static void drop_pair(pair_t *pair)
{
    assert_ok(run(pair, TOKEN_OP_DESTROY, SLICE_LIT("")));
    assert_err(run(pair, TOKEN_OP_PUBLIC, SLICE_LIT("")), P11KMS_E_TOKEN_NO_KEY);
    asym_free(pair->public);
    buf_free(&pair->spki);
    token_op_wipe(&pair->op);
}

/* ---- signatures ---- */

static bool verifies(const pair_t *pair, token_mechanism mechanism, slice_t in, slice_t signature)
{
    uint8_t der[ECDSA_DER_MAX];
    size_t der_len;

    switch (mechanism) {
    case TOKEN_MECH_ECDSA:
        return ecdsa_to_der(signature, der, &der_len) == P11KMS_OK &&
               asym_verify(pair->public, ASYM_ECDSA, in.len == 64 ? CRYPTO_SHA512 : CRYPTO_SHA256, in,
                           SLICE(der, der_len));
    case TOKEN_MECH_EDDSA:
        return asym_verify_message(pair->public, in, signature);
    default:
        return asym_verify(pair->public, mechanism >= TOKEN_MECH_PSS_SHA256 ? ASYM_PSS : ASYM_PKCS1, hash_of(mechanism),
                           in, signature);
    }
}

static void sign_and_verify(pair_t *pair, token_mechanism mechanism, slice_t in)
{
    uint8_t other[64] = { 0 };

    pair->op.mechanism = mechanism;
    if (run(pair, TOKEN_OP_SIGN, in) != P11KMS_OK) {
        fail_msg("%s: %s %s", kinds_of_mechanism(mechanism)->name, p11kms_err_name(pair->op.err),
                 token_ckr_name(pair->op.ckr));
    }
    assert_true(verifies(pair, mechanism, in, out_of(pair)));
    if (in.len <= sizeof(other)) {
        assert_false(verifies(pair, mechanism, SLICE(other, in.len), out_of(pair)));
    }
}

static void public_is_told(pair_t *pair)
{
    assert_ok(run(pair, TOKEN_OP_PUBLIC, SLICE_LIT("")));
    assert_slice_equal(out_of(pair), buf_slice(&pair->spki));
}

static void signs(pair_t *pair, token_key_type type)
{
    token_info info = token_get_info(pair->token);

    for (token_mechanism mechanism = 1; mechanism < TOKEN_MECH_COUNT; mechanism++) {
        const kinds_mechanism *row = kinds_of_mechanism(mechanism);

        if (!kinds_key_fits(type, TOKEN_USE_SIGN, mechanism) || !TOKEN_CAN(info.mechanisms, mechanism)) {
            continue;
        }
        sign_and_verify(pair, mechanism, SLICE(digest, row->hash > 0 ? row->hash : 32));
        if (mechanism == TOKEN_MECH_ECDSA) {
            sign_and_verify(pair, mechanism, SLICE(digest, 64)); /* longer than some orders */
        }
    }
}

void suite_every_type_signs(token_t *token)
{
    token_info info = token_get_info(token);

    for (token_key_type type = TOKEN_KEY_RSA_2048; type < TOKEN_KEY_COUNT; type++) {
        pair_t pair;

        if (!TOKEN_CAN(info.key_types, type) || type == TOKEN_KEY_RSA_3072 || type == TOKEN_KEY_RSA_4096) {
            continue; /* those take seconds: suite_longer_rsa_signs() */
        }
        pair = make_pair(token, kinds_of_type(type)->name, type, TOKEN_USE_SIGN);
        public_is_told(&pair);
        signs(&pair, type);
        drop_pair(&pair);
    }
}

/* ---- OAEP ---- */

static void refuses(pair_t *pair, slice_t in)
{
    assert_err(run(pair, TOKEN_OP_DECRYPT, in), P11KMS_E_CIPHERTEXT);
    assert_int_equal(pair->op.out_used, 0);
}

static void opens_and_refuses(pair_t *pair, token_mechanism mechanism)
{
    _cleanup_buf_ buf_t sealed = { 0 };
    size_t max = asym_oaep_max(pair->public, hash_of(mechanism));
    uint8_t plain[512];

    memset(plain, 0x42, sizeof(plain));
    pair->op.mechanism = mechanism;
    for (size_t len = 1; len <= max; len += len == 1 ? 31 : max - len > 0 ? max - len : 1) {
        buf_clear(&sealed);
        assert_ok(asym_oaep_encrypt(pair->public, hash_of(mechanism), SLICE(plain, len), &sealed));
        assert_ok(run(pair, TOKEN_OP_DECRYPT, buf_slice(&sealed)));
        assert_slice_equal(out_of(pair), SLICE(plain, len));
    }
    for (size_t at = 0; at < sealed.len; at += 51) {
        sealed.data[at] ^= 1;
        refuses(pair, buf_slice(&sealed));
        sealed.data[at] ^= 1;
    }
    refuses(pair, SLICE(sealed.data, sealed.len - 1));
    refuses(pair, SLICE_LIT(""));
    memset(plain, 0xff, sizeof(plain)); /* not below the modulus */
    refuses(pair, SLICE(plain, sealed.len));
    memset(plain, 0, sizeof(plain));
    refuses(pair, SLICE(plain, sealed.len));
    assert_ok(run(pair, TOKEN_OP_DECRYPT, buf_slice(&sealed)));
}

void suite_oaep_opens_and_nothing_else_does(token_t *token)
{
    token_info info = token_get_info(token);
    pair_t pair;

    if (!TOKEN_CAN(info.key_types, TOKEN_KEY_RSA_2048)) {
        return;
    }
    pair = make_pair(token, "oaep", TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT);
    for (token_mechanism m = TOKEN_MECH_OAEP_SHA1; m <= TOKEN_MECH_OAEP_SHA256; m++) {
        if (TOKEN_CAN(info.mechanisms, m)) {
            opens_and_refuses(&pair, m);
        }
    }
    public_is_told(&pair);
    drop_pair(&pair);
}

void suite_longer_rsa_signs(token_t *token)
{
    pair_t pair = make_pair(token, "longer", TOKEN_KEY_RSA_3072, TOKEN_USE_SIGN);

    public_is_told(&pair);
    signs(&pair, TOKEN_KEY_RSA_3072);
    drop_pair(&pair);
}

/* ---- agreement ---- */

static void agree(pair_t *a, const pair_t *b, uint8_t out[66], size_t *len)
{
    assert_ok(run(a, TOKEN_OP_AGREE, buf_slice(&b->spki)));
    *len = a->op.out_used;
    memcpy(out, a->op.out, *len);
}

static void agrees_with_software(pair_t *pair, keypair_type type)
{
    _cleanup_secret_ secret_t *other = NULL;
    _cleanup_buf_ buf_t spki = { 0 };
    uint8_t theirs[PKCS8_SHARED_MAX];
    size_t len;

    assert_ok(keypair_make(type, &other, &spki));
    assert_ok(run(pair, TOKEN_OP_AGREE, buf_slice(&spki)));
    assert_ok(pkcs8_agree(secret_slice(other), buf_slice(&pair->spki), theirs, &len));
    assert_slice_equal(out_of(pair), SLICE(theirs, len));
    spki.data[spki.len - 1] ^= 1; /* no longer on the curve */
    assert_err(run(pair, TOKEN_OP_AGREE, buf_slice(&spki)), P11KMS_E_SYNTAX);
    assert_err(run(pair, TOKEN_OP_AGREE, SLICE(spki.data, spki.len - 1)), P11KMS_E_SYNTAX);
    assert_err(run(pair, TOKEN_OP_AGREE, SLICE_LIT("")), P11KMS_E_SYNTAX);
}

void suite_agreement_is_mutual(token_t *token)
{
    token_info info = token_get_info(token);
    uint8_t one[66], two[66];
    size_t one_len, two_len;

    for (token_key_type type = TOKEN_KEY_P256; info.can_agree && type <= TOKEN_KEY_P521; type++) {
        pair_t a = make_pair(token, "agree-a", type, TOKEN_USE_AGREE);
        pair_t b = make_pair(token, "agree-b", type, TOKEN_USE_AGREE);
        pair_t other = make_pair(token, "agree-c", type == TOKEN_KEY_P256 ? TOKEN_KEY_P384 : TOKEN_KEY_P256,
                                 TOKEN_USE_AGREE);

        agree(&a, &b, one, &one_len);
        agree(&b, &a, two, &two_len);
        assert_slice_equal(SLICE(one, one_len), SLICE(two, two_len));
        assert_int_equal(one_len, kinds_of_type(type)->size);
        agrees_with_software(&a, KEYPAIR_P256 + (type - TOKEN_KEY_P256));
        assert_err(run(&a, TOKEN_OP_AGREE, buf_slice(&other.spki)), P11KMS_E_SYNTAX);
        public_is_told(&a);
        drop_pair(&a);
        drop_pair(&b);
        drop_pair(&other);
    }
}

/* ---- HMAC ---- */

void suite_hmac_keys_answer(token_t *token)
{
    token_info info = token_get_info(token);

    for (unsigned i = 0; i < 4; i++) {
        token_key_type type = TOKEN_KEY_HMAC_224 + i;
        uint8_t first[64];
        pair_t key;

        if (!TOKEN_CAN(info.key_types, type)) {
            continue;
        }
        key = make_pair(token, "hmac", type, TOKEN_USE_SIGN);
        key.op.mechanism = TOKEN_MECH_HMAC_SHA224 + i;
        assert_ok(run(&key, TOKEN_OP_SIGN, SLICE_LIT("message")));
        assert_int_equal(key.op.out_used, kinds_of_type(type)->size);
        memcpy(first, key.op.out, key.op.out_used);
        assert_ok(run(&key, TOKEN_OP_SIGN, SLICE_LIT("message")));
        assert_memory_equal(first, key.op.out, key.op.out_used);
        assert_ok(run(&key, TOKEN_OP_SIGN, SLICE_LIT("")));
        assert_memory_not_equal(first, key.op.out, key.op.out_used);
        key.op.mechanism = i == 0 ? TOKEN_MECH_HMAC_SHA512 : TOKEN_MECH_HMAC_SHA224;
        assert_err(run(&key, TOKEN_OP_SIGN, SLICE_LIT("message")), P11KMS_E_TOKEN);
        assert_int_equal(key.op.ckr, CKR_KEY_FUNCTION_NOT_PERMITTED);
        assert_err(run(&key, TOKEN_OP_PUBLIC, SLICE_LIT("")), P11KMS_E_TOKEN);
        drop_pair(&key);
    }
}

/* ---- import ---- */

/* RFC 5649 under a key of our own. */
static void wrap_aes(const uint8_t *aes_key, slice_t material, buf_t *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *at = buf_reserve(out, material.len + 16);
    int len = 0;

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    assert_int_equal(EVP_EncryptInit_ex2(ctx, cipher, aes_key, NULL, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, at, &len, material.data, (int)material.len), 1);
    out->len += (size_t)len;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void wrap_for(const pair_t *unwrapping, token_mechanism mechanism, slice_t material, buf_t *out)
{
    static const uint8_t aes_key[32] = "an AES key of thirty-two bytes..";
    bool two = mechanism >= TOKEN_MECH_RSA_AES_WRAP_SHA1;

    buf_clear(out);
    buf_put_u16(out, 8);
    buf_put_str(out, "imported");
    assert_ok(asym_oaep_encrypt(unwrapping->public, hash_of(mechanism), two ? SLICE(aes_key, 32) : material, out));
    if (two) {
        wrap_aes(aes_key, material, out);
    }
}

static p11kms_err import(pair_t *key, const pair_t *unwrapping, token_mechanism mechanism, token_key_type type,
                         token_key_use use, slice_t in)
{
    memcpy(key->op.unwrap_id, unwrapping->id, TOKEN_KEY_ID);
    key->op.mechanism = mechanism;
    key->op.type = type;
    key->op.use = use;
    return run(key, TOKEN_OP_IMPORT, in);
}

static void import_secret(token_t *token, const pair_t *unwrapping, token_mechanism mechanism, token_key_type type)
{
    pair_t key = pair_named(token, "imported-secret");
    _cleanup_buf_ buf_t in = { 0 };
    uint8_t expected[64];
    size_t size = kinds_of_type(type)->size;

    key.op.mechanism = type == TOKEN_KEY_PRF ? TOKEN_MECH_HMAC_SHA256 : TOKEN_MECH_HMAC_SHA224 + (type - TOKEN_KEY_HMAC_224);
    crypto_hmac(hash_of(key.op.mechanism), SLICE(digest, size), SLICE_LIT("message"), expected);
    wrap_for(unwrapping, mechanism, SLICE(digest, size), &in);
    assert_ok(import(&key, unwrapping, mechanism, type, TOKEN_USE_SIGN, buf_slice(&in)));
    assert_int_equal(key.op.out_used, 0);
    assert_err(import(&key, unwrapping, mechanism, type, TOKEN_USE_SIGN, buf_slice(&in)), P11KMS_E_EXISTS);
    if (type == TOKEN_KEY_PRF) {
        assert_ok(run(&key, TOKEN_OP_PRF, SLICE_LIT("message")));
    } else {
        key.op.mechanism = TOKEN_MECH_HMAC_SHA224 + (type - TOKEN_KEY_HMAC_224);
        assert_ok(run(&key, TOKEN_OP_SIGN, SLICE_LIT("message")));
    }
    assert_slice_equal(out_of(&key), SLICE(expected, size));
    drop_pair(&key);
}

static void import_pair(token_t *token, const pair_t *unwrapping, token_mechanism mechanism, token_key_type type)
{
    pair_t key = pair_named(token, "imported-pair");
    _cleanup_secret_ secret_t *der = NULL;
    _cleanup_buf_ buf_t spki = { 0 };
    _cleanup_buf_ buf_t in = { 0 };

    assert_ok(keypair_make((keypair_type)(KEYPAIR_RSA_2048 + (type - TOKEN_KEY_RSA_2048)), &der, &spki));
    wrap_for(unwrapping, mechanism, secret_slice(der), &in);
    if (import(&key, unwrapping, mechanism, type, TOKEN_USE_SIGN, buf_slice(&in)) != P11KMS_OK) {
        fail_msg("%s: %s %s", kinds_of_type(type)->name, p11kms_err_name(key.op.err), token_ckr_name(key.op.ckr));
    }
    assert_slice_equal(out_of(&key), buf_slice(&spki));
    take_public(&key, type);
    public_is_told(&key);
    signs(&key, type);
    drop_pair(&key);
}

void suite_imports_are_the_same_keys(token_t *token)
{
    token_info info = token_get_info(token);
    pair_t unwrapping;

    if (!info.can_import) {
        return;
    }
    unwrapping = make_pair(token, "unwrap", TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT);
    for (token_mechanism m = TOKEN_MECH_OAEP_SHA1; m <= TOKEN_MECH_RSA_AES_WRAP_SHA256; m++) {
        for (token_key_type type = 0; TOKEN_CAN(info.mechanisms, m) && type <= TOKEN_KEY_HMAC_512; type++) {
            if (TOKEN_CAN(info.key_types, type)) {
                import_secret(token, &unwrapping, m, type);
            }
        }
    }
    for (token_key_type type = TOKEN_KEY_RSA_2048; type < TOKEN_KEY_COUNT; type++) {
        if (TOKEN_CAN(info.key_types, type) && type != TOKEN_KEY_RSA_3072 && type != TOKEN_KEY_RSA_4096) {
            import_pair(token, &unwrapping, TOKEN_MECH_RSA_AES_WRAP_SHA256, type);
        }
    }
    drop_pair(&unwrapping);
}

void suite_secret_imports_by_sha1(token_t *token)
{
    pair_t unwrapping = make_pair(token, "unwrap", TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT);

    import_secret(token, &unwrapping, TOKEN_MECH_OAEP_SHA1, TOKEN_KEY_PRF);
    drop_pair(&unwrapping);
}

void suite_imports_refuse_what_they_must(token_t *token)
{
    static const token_mechanism oaep = TOKEN_MECH_OAEP_SHA256, two_steps = TOKEN_MECH_RSA_AES_WRAP_SHA256;
    _cleanup_secret_ secret_t *der = NULL;
    _cleanup_buf_ buf_t spki = { 0 };
    _cleanup_buf_ buf_t in = { 0 };
    pair_t unwrapping, key = pair_named(token, "refused"), nobody = pair_named(token, "nobody");

    if (!token_get_info(token).can_import) {
        return;
    }
    unwrapping = make_pair(token, "unwrap", TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT);
    wrap_for(&unwrapping, oaep, SLICE(digest, 32), &in);
    assert_err(import(&key, &nobody, oaep, TOKEN_KEY_PRF, 0, buf_slice(&in)), P11KMS_E_TOKEN_NO_KEY);
    assert_err(import(&key, &unwrapping, oaep, TOKEN_KEY_HMAC_512, 0, buf_slice(&in)), P11KMS_E_SYNTAX);
    assert_err(import(&key, &unwrapping, oaep, TOKEN_KEY_P256, 0, buf_slice(&in)), P11KMS_E_SYNTAX);
    assert_err(import(&key, &unwrapping, TOKEN_MECH_OAEP_SHA1, TOKEN_KEY_PRF, 0, buf_slice(&in)), P11KMS_E_CIPHERTEXT);
    assert_err(import(&key, &unwrapping, two_steps, TOKEN_KEY_PRF, 0, buf_slice(&in)), P11KMS_E_CIPHERTEXT);
    in.data[in.len - 1] ^= 1;
    assert_err(import(&key, &unwrapping, oaep, TOKEN_KEY_PRF, 0, buf_slice(&in)), P11KMS_E_CIPHERTEXT);
    in.data[1] = 255; /* the label's length */
    assert_err(import(&key, &unwrapping, oaep, TOKEN_KEY_PRF, 0, buf_slice(&in)), P11KMS_E_RANGE);

    assert_ok(keypair_make(KEYPAIR_P256, &der, &spki));
    wrap_for(&unwrapping, two_steps, secret_slice(der), &in);
    assert_err(import(&key, &unwrapping, two_steps, TOKEN_KEY_P384, 0, buf_slice(&in)), P11KMS_E_SYNTAX);
    assert_err(import(&key, &unwrapping, two_steps, TOKEN_KEY_RSA_2048, 0, buf_slice(&in)), P11KMS_E_SYNTAX);
    in.data[in.len - 1] ^= 1;
    assert_err(import(&key, &unwrapping, two_steps, TOKEN_KEY_P256, 0, buf_slice(&in)), P11KMS_E_CIPHERTEXT);
    assert_err(run(&key, TOKEN_OP_PUBLIC, SLICE_LIT("")), P11KMS_E_TOKEN_NO_KEY);
    drop_pair(&unwrapping);
}

/* ---- one use a key ---- */

static void refused_with(pair_t *pair, token_op_kind kind, token_mechanism mechanism, slice_t in, uint64_t ckr)
{
    pair->op.mechanism = mechanism;
    assert_err(run(pair, kind, in), P11KMS_E_TOKEN);
    assert_int_equal(pair->op.ckr, ckr);
}

void suite_keys_do_one_thing(token_t *token)
{
    pair_t signing = make_pair(token, "signing", TOKEN_KEY_P256, TOKEN_USE_SIGN);
    pair_t agreeing = make_pair(token, "agreeing", TOKEN_KEY_P256, TOKEN_USE_AGREE);
    pair_t decrypting = make_pair(token, "decrypting", TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT);

    refused_with(&signing, TOKEN_OP_AGREE, 0, buf_slice(&agreeing.spki), CKR_KEY_FUNCTION_NOT_PERMITTED);
    refused_with(&agreeing, TOKEN_OP_SIGN, TOKEN_MECH_ECDSA, SLICE(digest, 32), CKR_KEY_FUNCTION_NOT_PERMITTED);
    refused_with(&decrypting, TOKEN_OP_SIGN, TOKEN_MECH_PKCS1_SHA256, SLICE(digest, 32), CKR_KEY_FUNCTION_NOT_PERMITTED);
    refused_with(&decrypting, TOKEN_OP_SIGN, TOKEN_MECH_ECDSA, SLICE(digest, 32), CKR_KEY_TYPE_INCONSISTENT);
    refused_with(&signing, TOKEN_OP_DECRYPT, TOKEN_MECH_OAEP_SHA1, SLICE(digest, 64), CKR_KEY_TYPE_INCONSISTENT);
    assert_err(run(&signing, TOKEN_OP_GENERATE, SLICE_LIT("again")), P11KMS_E_EXISTS);
    signing.op.type = TOKEN_KEY_PRF;
    signing.op.use = 0;
    assert_err(run(&signing, TOKEN_OP_GENERATE, SLICE_LIT("again")), P11KMS_E_EXISTS);
    drop_pair(&signing);
    drop_pair(&agreeing);
    drop_pair(&decrypting);
}

/* ---- after a restart ---- */

void suite_make_lasting(token_t *token, suite_lasting *lasting)
{
    static const struct {
        token_key_type type;
        token_key_use use;
    } wanted[SUITE_LASTING] = {
        { TOKEN_KEY_P256, TOKEN_USE_SIGN },     { TOKEN_KEY_P521, TOKEN_USE_AGREE },
        { TOKEN_KEY_SECP256K1, TOKEN_USE_SIGN }, { TOKEN_KEY_ED25519, TOKEN_USE_SIGN },
        { TOKEN_KEY_RSA_2048, TOKEN_USE_SIGN }, { TOKEN_KEY_RSA_2048, TOKEN_USE_DECRYPT },
        { TOKEN_KEY_HMAC_384, TOKEN_USE_SIGN },
    };
    token_info info = token_get_info(token);

    *lasting = (suite_lasting){ 0 };
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        char name[] = "lasting-0";
        size_t n = lasting->n;
        pair_t pair;

        if (!TOKEN_CAN(info.key_types, wanted[i].type)) {
            continue;
        }
        name[8] = (char)('0' + i);
        pair = make_pair(token, name, wanted[i].type, wanted[i].use);
        memcpy(lasting->ids[n], pair.id, TOKEN_KEY_ID);
        lasting->types[n] = wanted[i].type;
        lasting->uses[n] = wanted[i].use;
        lasting->spkis[n] = pair.spki;
        lasting->n++;
        asym_free(pair.public);
        token_op_wipe(&pair.op);
    }
}

void suite_check_lasting(token_t *token, suite_lasting *lasting)
{
    assert_int_equal(token_get_info(token).keys, lasting->n);
    for (size_t i = 0; i < lasting->n; i++) {
        pair_t pair = { .token = token, .spki = lasting->spkis[i] };

        memcpy(pair.id, lasting->ids[i], TOKEN_KEY_ID);
        if (kinds_is_pair(lasting->types[i])) {
            public_is_told(&pair);
            assert_ok(asym_parse(buf_slice(&pair.spki), &pair.public));
        }
        if (kinds_is_pair(lasting->types[i]) && lasting->uses[i] == TOKEN_USE_SIGN) {
            signs(&pair, lasting->types[i]);
        }
        drop_pair(&pair);
    }
    lasting->n = 0;
}
