/* Web identities: whose tokens are believed, and that no trick makes another's count. */
#include "tests/testing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "identity/jwks.h"
#include "identity/oidc.h"
#include "tests/fakes/scratch.h"
#include "tests/identity/issuer.h"
#include "util/clock.h"

#define NOW_S INT64_C(1800000000)
#define ACCOUNT "123456789012"
#define CLAIMS                                                                                               \
    "{\"iss\":\"https://ci.example\",\"aud\":\"sts\",\"sub\":\"repo:acme/app\",\"iat\":1799999990,"          \
    "\"nbf\":1799999990,\"exp\":1800000600,\"ref\":\"refs/heads/main\"}"

static issuer_t *issuer; /* key generation is slow: one for all */

typedef struct {
    oidc_t *oidc;
    arena_t *arena;
    const char *file;
    conf_oidc_provider provider;
    conf_account account;
    conf_declared_t declared;
    oidc_identity found;
} fixture;

static void write_keys(const char *path, slice_t text)
{
    FILE *f = fopen(path, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(text.data, 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
}

static void declare(fixture *f, const char *jwks)
{
    static const char *const audiences[] = { "sts", "other" };

    f->provider = (conf_oidc_provider){
        .issuer = "https://ci.example",
        .jwks = jwks,
        .audiences = audiences,
        .n_audiences = 2,
        .refresh_s = 3600,
        .max_age_s = 86400,
        .place = { "identities.yaml", 7, 3 },
    };
    f->account = (conf_account){ .id = ACCOUNT, .oidc_providers = &f->provider, .n_oidc_providers = 1 };
    f->declared = (conf_declared_t){ .accounts = &f->account, .n_accounts = 1 };
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    _cleanup_buf_ buf_t keys = { 0 };
    _cleanup_buf_ buf_t problems = { 0 };
    char source[4096];

    f->arena = arena_new(4096);
    f->file = scratch_path(scratch_folder(), "jwks.json");
    issuer_jwks(issuer, &keys);
    write_keys(f->file, buf_slice(&keys));
    snprintf(source, sizeof(source), "file:%s", f->file);
    declare(f, source);
    assert_ok(oidc_open(&f->declared, NULL, NULL, &problems, &f->oidc));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    json_free(f->found.claims);
    oidc_close(f->oidc);
    arena_free(f->arena);
    free(f);
    return 0;
}

static p11kms_err verify(fixture *f, const buf_t *token)
{
    json_free(f->found.claims);
    return oidc_verify(f->oidc, SLICE_STR(ACCOUNT), buf_slice(token), NOW_S * 1000, f->arena, &f->found);
}

static p11kms_err verify_claims(fixture *f, const char *claims)
{
    _cleanup_buf_ buf_t token = { 0 };

    issuer_token(issuer, ISSUER_ES256, claims, &token);
    return verify(f, &token);
}

static p11kms_err verify_raw(fixture *f, issuer_kind kind, const slice_t *secret, const char *header)
{
    _cleanup_buf_ buf_t token = { 0 };

    issuer_token_raw(issuer, kind, secret, header, CLAIMS, &token);
    return verify(f, &token);
}

static void test_a_good_token_of_each_algorithm_tells_who_it_is(void **state)
{
    fixture *f = *state;

    for (int kind = 0; kind < ISSUER_KINDS; kind++) {
        _cleanup_buf_ buf_t token = { 0 };
        issuer_token(issuer, (issuer_kind)kind, CLAIMS, &token);
        assert_ok(verify(f, &token));
        assert_string_equal(f->found.subject, "repo:acme/app");
        assert_string_equal(f->found.audience, "sts");
        assert_string_equal(f->found.issuer, "ci.example");
        assert_string_equal(f->found.provider_arn, "arn:aws:iam::" ACCOUNT ":oidc-provider/ci.example");
        assert_slice_text(json_string(json_get(f->found.claims, "ref")), "refs/heads/main");
    }
}

static void test_no_algorithm_is_no_algorithm(void **state)
{
    static const char *const headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"None\",\"kid\":\"rsa\"}",
                                           "{\"alg\":\"\"}", "{}", "{\"alg\":null,\"kid\":\"ec\"}" };
    fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        assert_err(verify_raw(f, ISSUER_KINDS, NULL, headers[i]), P11KMS_E_WEB_TOKEN);
    }
    _cleanup_buf_ buf_t unsigned_token = { 0 };
    issuer_token_raw(issuer, ISSUER_KINDS, NULL, "{\"alg\":\"none\"}", CLAIMS, &unsigned_token);
    unsigned_token.len -= strlen("eA"); /* and with nothing behind the last dot */
    assert_err(verify(f, &unsigned_token), P11KMS_E_WEB_TOKEN);
}

static void test_an_rsa_key_is_not_an_hmac_secret(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t pem = { 0 };

    issuer_rsa_pem(issuer, &pem);
    const slice_t secret = buf_slice(&pem);
    assert_err(verify_raw(f, ISSUER_KINDS, &secret, "{\"alg\":\"HS256\",\"kid\":\"rsa\"}"), P11KMS_E_WEB_TOKEN);
    assert_err(verify_raw(f, ISSUER_KINDS, &secret, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}"), P11KMS_E_WEB_TOKEN);
}

static void test_a_symmetric_key_of_the_set_is_never_used(void **state)
{
    fixture *f = *state;
    const slice_t secret = SLICE_LIT("secret");

    assert_err(verify_raw(f, ISSUER_KINDS, &secret, "{\"alg\":\"HS256\",\"kid\":\"shared\"}"), P11KMS_E_WEB_TOKEN);
}

static void test_a_key_counts_under_its_own_algorithm_alone(void **state)
{
    fixture *f = *state;

    assert_err(verify_raw(f, ISSUER_ES256, NULL, "{\"alg\":\"RS256\",\"kid\":\"ec\"}"), P11KMS_E_WEB_TOKEN);
    assert_err(verify_raw(f, ISSUER_RS256, NULL, "{\"alg\":\"ES256\",\"kid\":\"rsa\"}"), P11KMS_E_WEB_TOKEN);
    assert_err(verify_raw(f, ISSUER_RS256, NULL, "{\"alg\":\"RS512\",\"kid\":\"rsa\"}"), P11KMS_E_WEB_TOKEN);
}

static void test_an_unknown_key_is_refused(void **state)
{
    fixture *f = *state;

    assert_err(verify_raw(f, ISSUER_ES256, NULL, "{\"alg\":\"ES256\",\"kid\":\"ec2\"}"), P11KMS_E_WEB_TOKEN);
    assert_err(verify_raw(f, ISSUER_ES256, NULL, "{\"alg\":\"ES256\"}"), P11KMS_E_WEB_TOKEN);
}

static void test_another_issuers_key_is_refused(void **state)
{
    fixture *f = *state;
    issuer_t *other = issuer_new();
    _cleanup_buf_ buf_t token = { 0 };

    issuer_token(other, ISSUER_EDDSA, CLAIMS, &token);
    assert_err(verify(f, &token), P11KMS_E_WEB_TOKEN);
    issuer_free(other);
}

static void test_critical_extensions_are_refused(void **state)
{
    fixture *f = *state;

    assert_err(verify_raw(f, ISSUER_ES256, NULL, "{\"alg\":\"ES256\",\"kid\":\"ec\",\"crit\":[\"b64\"]}"),
               P11KMS_E_WEB_TOKEN);
}

static void test_every_changed_character_is_refused(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t token = { 0 };

    issuer_token(issuer, ISSUER_EDDSA, CLAIMS, &token);
    for (size_t i = 0; i < token.len; i++) {
        uint8_t was = token.data[i];
        token.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(f, &token), P11KMS_OK);
        token.data[i] = was;
    }
    assert_ok(verify(f, &token));
}

static void test_every_truncation_is_refused(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t token = { 0 };

    issuer_token(issuer, ISSUER_EDDSA, CLAIMS, &token);
    for (size_t len = token.len; len-- > 0;) {
        token.len = len;
        assert_err(verify(f, &token), P11KMS_E_WEB_TOKEN);
    }
}

static void test_claims_decide(void **state)
{
#define CLAIM(iss, aud, sub, times)                                                                          \
    "{\"iss\":\"" iss "\",\"aud\":" aud ",\"sub\":\"" sub "\"," times "}"
#define ISS "https://ci.example"
    static const struct {
        const char *claims;
        p11kms_err err;
    } rows[] = {
        { CLAIM(ISS, "[\"x\",\"other\"]", "s", "\"exp\":1800000001"), P11KMS_OK },
        { CLAIM(ISS, "\"elsewhere\"", "s", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "[]", "s", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "null", "s", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "\"sts\"", "", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "\"sts\"", "admin\\u0000s", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM("https://evil.example", "\"sts\"", "s", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM("https://ci.example/", "\"sts\"", "s", "\"exp\":1800000001"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "\"sts\"", "s", "\"exp\":1800000000"), P11KMS_E_WEB_EXPIRED },
        { CLAIM(ISS, "\"sts\"", "s", "\"exp\":\"1800000001\""), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "\"sts\"", "s", "\"iat\":1"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "\"sts\"", "s", "\"exp\":1900000000,\"nbf\":1800000060"), P11KMS_OK },
        { CLAIM(ISS, "\"sts\"", "s", "\"exp\":1900000000,\"nbf\":1800000061"), P11KMS_E_WEB_TOKEN },
        { CLAIM(ISS, "\"sts\"", "s", "\"exp\":1900000000,\"iat\":1800000061"), P11KMS_E_WEB_TOKEN },
    };
    fixture *f = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_err(verify_claims(f, rows[i].claims), rows[i].err);
    }
}

static void test_a_provider_vouches_in_its_own_account_alone(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t token = { 0 };

    issuer_token(issuer, ISSUER_ES256, CLAIMS, &token);
    assert_err(oidc_verify(f->oidc, SLICE_LIT("999999999999"), buf_slice(&token), NOW_S * 1000, f->arena, &f->found),
               P11KMS_E_WEB_TOKEN);
}

static void test_an_unusable_key_set_is_a_problem_with_its_place(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t problems = { 0 };
    char source[4096];
    oidc_t *oidc = NULL;

    write_keys(f->file, SLICE_LIT("{\"keys\":[]}"));
    snprintf(source, sizeof(source), "file:%s", f->file);
    declare(f, source);
    assert_err(oidc_open(&f->declared, NULL, NULL, &problems, &oidc), P11KMS_E_CONFIG);
    assert_null(oidc);
    assert_non_null(strstr(buf_str(&problems), "identities.yaml:7:3: "));
}

/* ---- key sets by URL ---- */

typedef struct {
    const char *folder; /* what is to be had is the file there called "keys"; without it fetching fails */
    int fetches;        /* atomic */
    bool wrong_issuer;
} web_t;

static p11kms_err fetch(void *arg, const char *url, const char *ca, buf_t *ret_body)
{
    web_t *web = arg;

    (void)ca;
    __atomic_add_fetch(&web->fetches, 1, __ATOMIC_RELAXED);
    if (strstr(url, "/.well-known/openid-configuration")) {
        buf_printf(ret_body, "{\"issuer\":\"%s\",\"jwks_uri\":\"https://ci.example/keys\"}",
                   web->wrong_issuer ? "https://evil.example" : "https://ci.example");
        return P11KMS_OK;
    }
    if (access(scratch_path(web->folder, "keys"), F_OK) != 0) {
        FAIL(P11KMS_E_IO, "nobody answers");
    }
    issuer_jwks(issuer, ret_body);
    return P11KMS_OK;
}

static p11kms_err verify_soon(fixture *f, oidc_t *oidc)
{
    _cleanup_buf_ buf_t token = { 0 };
    p11kms_err err = P11KMS_E_WEB_PROVIDER;

    issuer_token(issuer, ISSUER_ES256, CLAIMS, &token);
    for (int i = 0; i < 300 && err == P11KMS_E_WEB_PROVIDER; i++) {
        usleep(10000);
        json_free(f->found.claims);
        f->found.claims = NULL;
        err = oidc_verify(oidc, SLICE_STR(ACCOUNT), buf_slice(&token), NOW_S * 1000, f->arena, &f->found);
    }
    return err;
}

static void test_keys_are_found_through_the_issuers_configuration(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t problems = { 0 };
    web_t web = { .folder = scratch_folder() };
    oidc_t *oidc;

    write_keys(scratch_path(web.folder, "keys"), SLICE_LIT(""));
    declare(f, NULL);
    assert_ok(oidc_open(&f->declared, fetch, &web, &problems, &oidc));
    assert_ok(verify_soon(f, oidc));
    assert_int_equal(__atomic_load_n(&web.fetches, __ATOMIC_RELAXED), 2);
    oidc_close(oidc);
}

static void test_keys_that_cannot_be_had_are_the_providers_fault(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_buf_ buf_t token = { 0 };
    web_t web = { .folder = scratch_folder() };
    oidc_t *oidc;

    declare(f, "https://ci.example/keys");
    assert_ok(oidc_open(&f->declared, fetch, &web, &problems, &oidc));
    while (__atomic_load_n(&web.fetches, __ATOMIC_RELAXED) == 0) {
        usleep(1000);
    }
    issuer_token(issuer, ISSUER_ES256, CLAIMS, &token);
    assert_err(oidc_verify(oidc, SLICE_STR(ACCOUNT), buf_slice(&token), NOW_S * 1000, f->arena, &f->found),
               P11KMS_E_WEB_PROVIDER);
    oidc_close(oidc);
}

static void test_keys_past_their_age_are_not_used(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_buf_ buf_t token = { 0 };
    web_t web = { .folder = scratch_folder() };
    const char *keys = scratch_path(web.folder, "keys");
    oidc_t *oidc;

    write_keys(keys, SLICE_LIT(""));
    declare(f, "https://ci.example/keys");
    f->provider.max_age_s = 1;
    assert_ok(oidc_open(&f->declared, fetch, &web, &problems, &oidc));
    assert_ok(verify_soon(f, oidc));
    assert_int_equal(unlink(keys), 0);
    usleep(1100000);
    issuer_token(issuer, ISSUER_ES256, CLAIMS, &token);
    json_free(f->found.claims);
    assert_err(oidc_verify(oidc, SLICE_STR(ACCOUNT), buf_slice(&token), NOW_S * 1000, f->arena, &f->found),
               P11KMS_E_WEB_PROVIDER);
    oidc_close(oidc);
}

static void test_a_configuration_of_another_issuer_is_not_believed(void **state)
{
    fixture *f = *state;
    _cleanup_buf_ buf_t problems = { 0 };
    _cleanup_buf_ buf_t token = { 0 };
    web_t web = { .folder = scratch_folder(), .wrong_issuer = true };
    oidc_t *oidc;

    write_keys(scratch_path(web.folder, "keys"), SLICE_LIT(""));
    declare(f, NULL);
    assert_ok(oidc_open(&f->declared, fetch, &web, &problems, &oidc));
    while (__atomic_load_n(&web.fetches, __ATOMIC_RELAXED) == 0) {
        usleep(1000);
    }
    issuer_token(issuer, ISSUER_ES256, CLAIMS, &token);
    assert_err(oidc_verify(oidc, SLICE_STR(ACCOUNT), buf_slice(&token), NOW_S * 1000, f->arena, &f->found),
               P11KMS_E_WEB_PROVIDER);
    oidc_close(oidc);
}

/* ---- key sets as such ---- */

static void test_damaged_key_sets_are_refused(void **state)
{
    static const char *const sets[] = {
        "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", /* too short */
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"AQ\"}]}",
        /* not on the curve */
        ("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}"),
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AQ\",\"y\":\"AQ\"}]}", /* none that is known */
    };
    (void)state;

    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        jwks_t set;
        assert_int_not_equal(jwks_parse(SLICE_STR(sets[i]), &set), P11KMS_OK);
    }
}

static int group_setup(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    issuer = issuer_new();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    issuer_free(issuer);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_good_token_of_each_algorithm_tells_who_it_is),
        TEST(test_no_algorithm_is_no_algorithm),
        TEST(test_an_rsa_key_is_not_an_hmac_secret),
        TEST(test_a_symmetric_key_of_the_set_is_never_used),
        TEST(test_a_key_counts_under_its_own_algorithm_alone),
        TEST(test_an_unknown_key_is_refused),
        TEST(test_another_issuers_key_is_refused),
        TEST(test_critical_extensions_are_refused),
        TEST(test_every_changed_character_is_refused),
        TEST(test_every_truncation_is_refused),
        TEST(test_claims_decide),
        TEST(test_a_provider_vouches_in_its_own_account_alone),
        TEST(test_an_unusable_key_set_is_a_problem_with_its_place),
        TEST(test_keys_are_found_through_the_issuers_configuration),
        TEST(test_keys_that_cannot_be_had_are_the_providers_fault),
        TEST(test_keys_past_their_age_are_not_used),
        TEST(test_a_configuration_of_another_issuer_is_not_believed),
        TEST(test_damaged_key_sets_are_refused),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
