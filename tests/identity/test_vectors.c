/* The public vectors of AWS's SigV4 test suite (aws-sig-v4-test-suite, aws-c-auth), through the whole
 * verifier. */
#include "crypto/crypto.h"
#include "identity/identity.h"
#include "tests/identity/request.h"
#include "tests/testing.h"
#include "util/encode.h"

#define HOST "Host: example.amazonaws.com\n"
#define DATE "X-Amz-Date: 20150830T123600Z\n"

static identity_t *build(void)
{
    const conf_user user = { .name = "suite", .path = "/" };
    const conf_account account = { .id = "123456789012", .users = &user, .n_users = 1 };
    const conf_declared_t declared = { .accounts = &account, .n_accounts = 1 };
    const identity_key key = { .id = "AKIDEXAMPLE",
                               .account = "123456789012",
                               .user = "suite",
                               .secret = SLICE_LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                               .active = true };
    _cleanup_buf_ buf_t problems = { 0 };
    identity_t *identity = NULL;

    assert_ok(crypto_init());
    assert_ok(identity_build(&declared, &key, 1, &problems, &identity));
    return identity;
}

static p11kms_err authenticate(identity_t *identity, const char *text, slice_t body)
{
    _cleanup_(arena) arena_t *arena = arena_new(4096);
    identity_check check = { .skew_seconds = 300, .service = "service" };
    identity_auth auth;
    message_t message;

    assert_ok(time_parse_amz(SLICE_LIT("20150830T123600Z"), &check.now_ms));
    request_read(arena, SLICE_STR(text), &message);
    message.body = body;
    return identity_authenticate(identity, &message, &check, &auth);
}

static const struct {
    const char *name;
    const char *request; /* without Host, X-Amz-Date and Authorization */
    const char *body;
    const char *signed_headers;
    const char *signature;
} in_header[] = {
    { "get-vanilla", "GET /\n", "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-header-key-duplicate", "GET /\nMy-Header1:value2\nMy-Header1:value2\nMy-Header1:value1\n", "",
      "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
    { "get-header-value-order",
      "GET /\nMy-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2\n", "",
      "host;my-header1;x-amz-date", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
    { "get-header-value-trim", "GET /\nMy-Header1: value1\nMy-Header2: \"a   b   c\"\n", "",
      "host;my-header1;my-header2;x-amz-date",
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
    { "get-relative", "GET /example/..\n", "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-relative-relative", "GET /example1/example2/../..\n", "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-slash", "GET //\n", "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-slash-dot-slash", "GET /./\n", "", "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
    { "get-slash-pointless-dot", "GET /./example\n", "", "host;x-amz-date",
      "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5" },
    { "get-slashes", "GET //example//\n", "", "host;x-amz-date",
      "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84" },
    { "get-unreserved", "GET /-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n", "",
      "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
    { "get-utf8", "GET /\xe1\x88\xb4\n", "", "host;x-amz-date",
      "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
    { "get-vanilla-empty-query-key", "GET /?Param1=value1\n", "", "host;x-amz-date",
      "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
    { "get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1\n", "", "host;x-amz-date",
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
    { "get-vanilla-query-order-key", "GET /?Param1=value2&Param1=Value1\n", "", "host;x-amz-date",
      "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1" },
    { "get-vanilla-query-order-value", "GET /?Param1=value2&Param1=value1\n", "", "host;x-amz-date",
      "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694" },
    { "get-vanilla-query-order-encoded", "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1\n", "",
      "host;x-amz-date", "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
    { "get-vanilla-query-unreserved",
      "GET /?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz="
      "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n",
      "", "host;x-amz-date", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197" },
    { "get-vanilla-utf8-query", "GET /?\xe1\x88\xb4=bar\n", "", "host;x-amz-date",
      "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
    { "post-vanilla", "POST /\n", "", "host;x-amz-date",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
    { "post-header-key-sort", "POST /\nMY-HEADER1: value1\n", "", "host;my-header1;x-amz-date",
      "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c" },
    { "post-header-value-case", "POST /\nMy-Header1: VALUE1\n", "", "host;my-header1;x-amz-date",
      "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d" },
    { "post-vanilla-query", "POST /?Param1=value1\n", "", "host;x-amz-date",
      "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
    { "post-vanilla-query-nonunreserved",
      "POST /?%40%23%24%25%5E=&%2B=%2F%2C%3F%3E%3C%60%22%3B%3A%5C%7C%5D%5B%7B%7D\n", "", "host;x-amz-date",
      "66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e" },
    { "post-vanilla-query-space", "POST /?p=\n", "", "host;x-amz-date",
      "e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b" },
    { "post-x-www-form-urlencoded", "POST /\nContent-Type: application/x-www-form-urlencoded\n",
      "Param1=value1", "content-type;host;x-amz-date",
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
    { "post-x-www-form-urlencoded-parameters",
      "POST /\nContent-Type: application/x-www-form-urlencoded; charset=utf8\n", "Param1=value1",
      "content-type;host;x-amz-date", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe" },
    { "post-x-www-form-urlencoded-parameters, body hash told",
      "POST /\nContent-Type:application/x-www-form-urlencoded; charset=utf-8\nContent-Length:13\n"
      "x-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e\n",
      "Param1=value1", "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
      "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422" },
};

static void test_vectors_of_the_header_form_verify(void **state)
{
    _cleanup_(identity) identity_t *identity = build();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(in_header); i++) {
        _cleanup_buf_ buf_t text = { 0 };

        buf_printf(&text,
                   "%s" HOST DATE "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
                   "service/aws4_request, SignedHeaders=%s, Signature=%s\n\n",
                   in_header[i].request, in_header[i].signed_headers, in_header[i].signature);
        p11kms_err err = authenticate(identity, buf_str(&text), SLICE_STR(in_header[i].body));
        if (err != P11KMS_OK) {
            fail_msg("%s: %s", in_header[i].name, p11kms_err_detail(err));
        }
    }
}

#define SCOPE                                                                                                \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2Faws4_" \
    "request&X-Amz-Date=20150830T123600Z&"

static const struct {
    const char *name;
    const char *request;
} in_query[] = {
    { "get-vanilla-query-order-key-case",
      "GET /?Param2=value2&Param1=value1&" SCOPE
      "X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature="
      "86012e2c9ad4d77369f5d81c11f75158aae4f895a085212cc6d3f923d300bed5\n" },
    { "get-utf8", "GET /\xe1\x88\xb4?" SCOPE "X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature="
                  "10eae3f14a260bd3911cc6d008d3c576d143b05b62f09782a7a4b37f52178e44\n" },
    { "get-header-key-duplicate",
      "GET /?" SCOPE "X-Amz-SignedHeaders=host%3Bmy-header1&X-Amz-Expires=3600&X-Amz-Signature="
      "3349ee0b81b4b589da0ff28a395c3591e04de515651dd74f298fa992d1507a97\n"
      "My-Header1:value2\nMy-Header1:value2\nMy-Header1:value1\n" },
    { "get-header-value-order",
      "GET /?" SCOPE "X-Amz-SignedHeaders=host%3Bmy-header1&X-Amz-Expires=3600&X-Amz-Signature="
      "313720e71ca6202fdcfa9b20f88de01a4eb0638a83c833b1c184359a4eda864e\n"
      "My-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2\n" },
    { "get-relative-relative",
      "GET /example1/example2/../..?" SCOPE "X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature="
      "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d\n" },
    { "get-vanilla-query-order-encoded",
      "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1&" SCOPE
      "X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature="
      "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787\n" },
    { "get-vanilla-utf8-query",
      "GET /?\xe1\x88\xb4=bar&" SCOPE "X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature="
      "0bdd809b1519ac4f0c1dc3540e2cc46bd0c7f778eda408b2ebf3b913d21ff600\n" },
};

static void test_vectors_of_the_query_form_verify(void **state)
{
    _cleanup_(identity) identity_t *identity = build();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(in_query); i++) {
        _cleanup_buf_ buf_t text = { 0 };

        buf_printf(&text, "%s" HOST "\n", in_query[i].request);
        p11kms_err err = authenticate(identity, buf_str(&text), SLICE_LIT(""));
        if (err != P11KMS_OK) {
            fail_msg("%s: %s", in_query[i].name, p11kms_err_detail(err));
        }
    }
}

/* get-vanilla-with-session-token: its signature is right, but nobody here issued the token. */
static void test_a_session_token_is_not_taken(void **state)
{
    _cleanup_(identity) identity_t *identity = build();
    p11kms_err err = authenticate(
        identity,
        "GET /\n" HOST DATE
        "X-Amz-Security-Token: 6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8\n\n",
        SLICE_LIT(""));

    (void)state;
    assert_err(err, P11KMS_E_AUTH_UNKNOWN_KEY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_of_the_header_form_verify),
        cmocka_unit_test(test_vectors_of_the_query_form_verify),
        cmocka_unit_test(test_a_session_token_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
