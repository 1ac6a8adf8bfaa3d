#include "identity/jwks.h"

#include <string.h>

#include "util/encode.h"

#define NUMBER_MAX 2048 /* bytes of one number of a key */
#define KEYS_MAX 64

/* RFC 7515 appendix C: base64url without padding. Appends. */
static p11kms_err decode_url(slice_t text, buf_t *out)
{
    buf_t standard = { 0 };

    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.data[i];
        if (c == '+' || c == '/' || c == '=') {
            buf_free(&standard);
            return p11kms_fail_plain(P11KMS_E_SYNTAX);
        }
        buf_put_char(&standard, c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (standard.len % 4) {
        buf_put_char(&standard, '=');
    }
    p11kms_err err = base64_decode(out, buf_slice(&standard));
    buf_free(&standard);
    return err;
}

/* ---- key sets ---- */

static const struct {
    const char *alg;
    pubkey_kind kind;
} algorithms[] = {
    { "RS256", PUBKEY_RS256 },
    { "ES256", PUBKEY_ES256 },
    { "EdDSA", PUBKEY_EDDSA },
};

static bool algorithm_kind(slice_t alg, pubkey_kind *ret)
{
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        if (slice_eq_str(alg, algorithms[i].alg)) {
            *ret = algorithms[i].kind;
            return true;
        }
    }
    return false;
}

static p11kms_err number(const json_t *jwk, const char *name, buf_t *out)
{
    TRY(decode_url(json_string(json_get(jwk, name)), out));
    ENSURE(out->len > 0 && out->len <= NUMBER_MAX, P11KMS_E_SYNTAX);
    return P11KMS_OK;
}

static p11kms_err read_rsa(const json_t *jwk, pubkey_t **ret)
{
    _cleanup_buf_ buf_t n = { 0 };
    _cleanup_buf_ buf_t e = { 0 };

    TRY(number(jwk, "n", &n));
    TRY(number(jwk, "e", &e));
    return pubkey_rsa(buf_slice(&n), buf_slice(&e), ret);
}

static p11kms_err read_p256(const json_t *jwk, pubkey_t **ret)
{
    _cleanup_buf_ buf_t x = { 0 };
    _cleanup_buf_ buf_t y = { 0 };

    TRY(number(jwk, "x", &x));
    TRY(number(jwk, "y", &y));
    return pubkey_p256(buf_slice(&x), buf_slice(&y), ret);
}

static p11kms_err read_ed25519(const json_t *jwk, pubkey_t **ret)
{
    _cleanup_buf_ buf_t x = { 0 };

    TRY(number(jwk, "x", &x));
    return pubkey_ed25519(buf_slice(&x), ret);
}

static const struct {
    const char *kty;
    const char *crv; /* NULL: has none */
    pubkey_kind kind;
    p11kms_err (*read)(const json_t *jwk, pubkey_t **ret);
} kinds[] = {
    { "RSA", NULL, PUBKEY_RS256, read_rsa },
    { "EC", "P-256", PUBKEY_ES256, read_p256 },
    { "OKP", "Ed25519", PUBKEY_EDDSA, read_ed25519 },
};

/* A key meant for something else is no fault of the set; *ret_key stays NULL. */
static p11kms_err read_key(const json_t *jwk, pubkey_t **ret_key)
{
    slice_t use = json_string(json_get(jwk, "use"));
    slice_t alg = json_string(json_get(jwk, "alg"));
    pubkey_kind kind;

    *ret_key = NULL;
    if (use.len && !slice_eq_str(use, "sig")) {
        return P11KMS_OK;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        bool curve = !kinds[i].crv || slice_eq_str(json_string(json_get(jwk, "crv")), kinds[i].crv);
        if (!curve || !slice_eq_str(json_string(json_get(jwk, "kty")), kinds[i].kty)) {
            continue;
        }
        if (alg.len && (!algorithm_kind(alg, &kind) || kind != kinds[i].kind)) {
            return P11KMS_OK;
        }
        return kinds[i].read(jwk, ret_key);
    }
    return P11KMS_OK;
}

static p11kms_err add_key(jwks_t *set, const json_t *jwk)
{
    slice_t kid = json_string(json_get(jwk, "kid"));
    jwks_key *at = &set->keys[set->n];

    if (kid.len >= sizeof(at->kid)) {
        return P11KMS_OK;
    }
    TRY(read_key(jwk, &at->key));
    if (at->key) {
        memcpy(at->kid, kid.len ? (const char *)kid.data : "", kid.len);
        set->n++;
    }
    return P11KMS_OK;
}

static p11kms_err add_keys(jwks_t *set, const json_t *list)
{
    for (size_t i = 0; i < json_length(list); i++) {
        p11kms_err err = add_key(set, json_at(list, i));
        if (err != P11KMS_OK) {
            FAIL(P11KMS_E_SYNTAX, "key %zu of the set is damaged: %s", i, p11kms_err_detail(err));
        }
    }
    if (set->n == 0) {
        FAIL(P11KMS_E_SYNTAX, "the set has no RSA, P-256 or Ed25519 key for signatures");
    }
    return P11KMS_OK;
}

p11kms_err jwks_parse(slice_t text, jwks_t *ret)
{
    _cleanup_json_ json_t *doc = NULL;

    *ret = (jwks_t){ 0 };
    TRY(json_parse(text, &doc));
    const json_t *list = json_get(doc, "keys");
    if (json_kind_of(list) != JSON_ARRAY || json_length(list) > KEYS_MAX) {
        FAIL(P11KMS_E_SYNTAX, "not a key set of at most %d keys", KEYS_MAX);
    }
    ret->keys = calloc(json_length(list) + 1, sizeof(*ret->keys));
    ENSURE(ret->keys, P11KMS_E_NOMEM);
    p11kms_err err = add_keys(ret, list);
    if (err != P11KMS_OK) {
        jwks_free(ret);
    }
    return err;
}

void jwks_free(jwks_t *set)
{
    for (size_t i = 0; i < set->n; i++) {
        pubkey_free(set->keys[i].key);
    }
    free(set->keys);
    *set = (jwks_t){ 0 };
}

const jwks_key *jwks_find(const jwks_t *set, slice_t kid, pubkey_kind kind)
{
    for (size_t i = 0; i < set->n; i++) {
        if (slice_eq_str(kid, set->keys[i].kid) && pubkey_get_kind(set->keys[i].key) == kind) {
            return &set->keys[i];
        }
    }
    return NULL;
}

/* ---- tokens ---- */

static p11kms_err decode_json(slice_t part, json_t **ret)
{
    _cleanup_buf_ buf_t text = { 0 };

    TRY(decode_url(part, &text));
    TRY(json_parse(buf_slice(&text), ret));
    ENSURE(json_kind_of(*ret) == JSON_OBJECT, P11KMS_E_SYNTAX);
    return P11KMS_OK;
}

static p11kms_err read_header(jwt_t *jwt)
{
    const json_t *header = jwt->header;

    if (!algorithm_kind(json_string(json_get(header, "alg")), &jwt->kind)) {
        FAIL(P11KMS_E_SYNTAX, "its algorithm is not RS256, ES256 or EdDSA");
    }
    if (json_get(header, "crit")) {
        FAIL(P11KMS_E_SYNTAX, "it has critical extensions");
    }
    jwt->kid = json_string(json_get(header, "kid"));
    return P11KMS_OK;
}

static p11kms_err split(slice_t token, slice_t part[3])
{
    size_t n = 0, start = 0;

    for (size_t i = 0; i <= token.len; i++) {
        if (i == token.len || token.data[i] == '.') {
            ENSURE(n < 3, P11KMS_E_SYNTAX);
            part[n++] = SLICE(token.data + start, i - start);
            start = i + 1;
        }
    }
    ENSURE(n == 3 && part[2].len > 0, P11KMS_E_SYNTAX);
    return P11KMS_OK;
}

static p11kms_err parse(slice_t token, arena_t *arena, jwt_t *jwt)
{
    _cleanup_buf_ buf_t signature = { 0 };
    slice_t part[3];

    TRY(split(token, part));
    jwt->signed_part = SLICE(token.data, part[0].len + 1 + part[1].len);
    TRY(decode_json(part[0], &jwt->header));
    TRY(read_header(jwt));
    TRY(decode_json(part[1], &jwt->claims));
    TRY(decode_url(part[2], &signature));
    jwt->signature = arena_dup(arena, buf_slice(&signature));
    return P11KMS_OK;
}

p11kms_err jwt_parse(slice_t token, arena_t *arena, jwt_t *ret)
{
    *ret = (jwt_t){ 0 };
    p11kms_err err = parse(token, arena, ret);
    if (err != P11KMS_OK) {
        jwt_free(ret);
    }
    return err;
}

void jwt_free(jwt_t *jwt)
{
    json_free(jwt->header);
    json_free(jwt->claims);
    jwt->header = NULL;
    jwt->claims = NULL;
}
