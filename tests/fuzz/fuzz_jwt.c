/*
 * Web identities. Key sets: what is taken checks signatures and is found again by its id. Tokens: of any
 * bytes none is believed; claims that our own key signed are believed only where they say so themselves, and
 * say the same then.
 *
 * Input: 'k' and a key set, 't' and a token, or 'c' and claims.
 */
#include "tests/fuzz/fuzz.h"

#include <openssl/evp.h>

#include "identity/jwks.h"
#include "identity/oidc.h"
#include "util/encode.h"

#define NOW_MS INT64_C(1767322800000)
#define ISSUER "https://id.example"
#define AUDIENCE "p11kms"
#define ACCOUNT "123456789012"
#define KEY_SET "/tmp/p11kms-fuzz-jwks-XXXXXX"

static EVP_PKEY *signer;

/* RFC 7515 appendix C */
static void put_url(buf_t *out, slice_t bytes)
{
    _cleanup_buf_ buf_t text = { 0 };

    base64_encode(&text, bytes);
    for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
        char c = (char)text.data[i];

        buf_put_char(out, c == '+' ? '-' : c == '/' ? '_' : c);
    }
}

static void put_key_set(buf_t *out)
{
    uint8_t public[32];
    size_t len = sizeof(public);

    HOLDS(EVP_PKEY_get_raw_public_key(signer, public, &len) == 1);
    buf_put_str(out, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"");
    put_url(out, SLICE(public, len));
    buf_put_str(out, "\"}]}");
}

static oidc_t *open_provider(void)
{
    static const char *const audiences[] = { AUDIENCE };
    char path[] = KEY_SET, place[sizeof(path) + 5];
    conf_oidc_provider provider = {
        .issuer = ISSUER, .jwks = place, .audiences = audiences, .n_audiences = 1
    };
    const conf_account account = { .id = ACCOUNT, .oidc_providers = &provider, .n_oidc_providers = 1 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    _cleanup_buf_ buf_t problems = { 0 }, keys = { 0 };
    const uint8_t seed[32] = { 1 };
    oidc_t *oidc = NULL;
    int fd;

    HOLDS(crypto_init() == P11KMS_OK);
    signer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    put_key_set(&keys);
    fd = mkstemp(path);
    HOLDS(fd >= 0 && write(fd, keys.data, keys.len) == (ssize_t)keys.len);
    close(fd);
    snprintf(place, sizeof(place), "file:%s", path);
    HOLDS(oidc_open(&declared, NULL, NULL, &problems, &oidc) == P11KMS_OK);
    unlink(path);
    return oidc;
}

/* ---- key sets ---- */

static void check_key_set(slice_t text)
{
    jwks_t set;

    if (jwks_parse(text, &set) != P11KMS_OK) {
        HOLDS(set.n == 0 && set.keys == NULL);
        return;
    }
    HOLDS(set.n > 0 && set.n <= OIDC_KEYS_MAX);
    for (size_t i = 0; i < set.n; i++) {
        const jwks_key *found = jwks_find(&set, SLICE_STR(set.keys[i].kid), pubkey_get_kind(set.keys[i].key));

        HOLDS(found != NULL && found <= &set.keys[i] && strlen(found->kid) < sizeof(found->kid));
        HOLDS(!pubkey_verify(set.keys[i].key, text, text));
    }
    jwks_free(&set);
}

/* ---- tokens ---- */

static bool is_refusal(p11kms_err err)
{
    return err == P11KMS_E_WEB_TOKEN || err == P11KMS_E_WEB_EXPIRED;
}

static void check_token(oidc_t *oidc, slice_t token, arena_t *arena)
{
    oidc_identity web;
    jwt_t jwt;

    HOLDS(is_refusal(oidc_verify(oidc, SLICE_LIT(ACCOUNT), token, NOW_MS, arena, &web)) &&
          web.claims == NULL);
    if (jwt_parse(token, arena, &jwt) == P11KMS_OK) {
        HOLDS(jwt.signed_part.data == token.data && jwt.signed_part.len + 1 < token.len);
        HOLDS(json_kind_of(jwt.header) == JSON_OBJECT && json_kind_of(jwt.claims) == JSON_OBJECT);
        HOLDS(jwt.signature.len > 0 && jwt.signature.len <= token.len);
        jwt_free(&jwt);
    }
}

static void sign(slice_t claims, buf_t *token)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t signature[64];
    size_t len = sizeof(signature);

    put_url(token, SLICE_LIT("{\"alg\":\"EdDSA\",\"kid\":\"k\"}"));
    buf_put_char(token, '.');
    put_url(token, claims);
    HOLDS(EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer) == 1);
    HOLDS(EVP_DigestSign(ctx, signature, &len, token->data, token->len) == 1);
    buf_put_char(token, '.');
    put_url(token, SLICE(signature, len));
    EVP_MD_CTX_free(ctx);
}

static bool says(const json_t *value, const char *text)
{
    for (size_t i = 0; i < json_length(value); i++) {
        if (slice_eq_str(json_string(json_at(value, i)), text)) {
            return true;
        }
    }
    return slice_eq_str(json_string(value), text);
}

static void check_claims(oidc_t *oidc, slice_t text, arena_t *arena)
{
    _cleanup_buf_ buf_t token = { 0 };
    _cleanup_json_ json_t *claims = NULL;
    oidc_identity web;

    sign(text, &token);
    p11kms_err err = oidc_verify(oidc, SLICE_LIT(ACCOUNT), buf_slice(&token), NOW_MS, arena, &web);
    if (err != P11KMS_OK) {
        HOLDS(is_refusal(err) && web.claims == NULL);
        return;
    }
    HOLDS(json_parse(text, &claims) == P11KMS_OK);
    HOLDS(says(json_get(claims, "iss"), ISSUER) && says(json_get(claims, "aud"), AUDIENCE));
    HOLDS(slice_eq_str(json_string(json_get(claims, "sub")), web.subject) && web.subject[0] != '\0');
    HOLDS(json_double(json_get(claims, "exp")) > (double)NOW_MS / 1000);
    json_free(web.claims);
    /* Nothing of it can be another's. */
    HOLDS(oidc_verify(oidc, SLICE_LIT("000000000000"), buf_slice(&token), NOW_MS, arena, &web) != P11KMS_OK);
    token.data[token.len / 2] ^= 1;
    HOLDS(oidc_verify(oidc, SLICE_LIT(ACCOUNT), buf_slice(&token), NOW_MS, arena, &web) != P11KMS_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static oidc_t *oidc;
    static arena_t *arena;
    slice_t rest = SLICE(data + 1, len - 1);

    if (oidc == NULL) {
        oidc = open_provider();
        arena = arena_new(65536);
    }
    if (len > 0 && data[0] == 'k') {
        check_key_set(rest);
    } else if (len > 0 && data[0] == 't') {
        check_token(oidc, rest, arena);
    } else if (len > 0 && data[0] == 'c') {
        check_claims(oidc, rest, arena);
    }
    arena_reset(arena);
    return 0;
}
