#include "tests/testing.h"

#include "client/url.h"

static void assert_url(const char *text, bool tls, const char *host, const char *port, const char *authority)
{
    client_url url;

    assert_ok(client_url_parse(text, &url));
    assert_int_equal(url.tls, tls);
    assert_string_equal(url.host, host);
    assert_string_equal(url.port, port);
    assert_string_equal(url.authority, authority);
}

static void assert_refused(const char *text)
{
    client_url url;

    assert_err(client_url_parse(text, &url), P11KMS_E_CONFIG);
}

static void test_names_and_addresses_are_taken(void **state)
{
    (void)state;
    assert_url("https://kms.example", true, "kms.example", "443", "kms.example");
    assert_url("https://kms.example/", true, "kms.example", "443", "kms.example");
    assert_url("https://kms.example:8443", true, "kms.example", "8443", "kms.example:8443");
    assert_url("http://127.0.0.1:80", false, "127.0.0.1", "80", "127.0.0.1");
    assert_url("http://[::1]:8080/", false, "::1", "8080", "[::1]:8080");
    assert_url("https://[fe80::1]", true, "fe80::1", "443", "[fe80::1]");
}

static void test_the_default_port_of_the_other_scheme_is_told(void **state)
{
    (void)state;
    assert_url("https://h:80", true, "h", "80", "h:80");
    assert_url("http://h:443", false, "h", "443", "h:443");
}

static void test_what_is_no_plain_url_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "https://", "https:///", "ftp://h", "h:8443", "https://h:", "https://h:0x1", "https://h:65536",
        "https://h:123456", "https://h/path", "https://h?query", "https://user@h", "https://[::1", "https://[]",
        "https://[::1]x", "https://h\r\nX: y", "https://h h", "HTTPS://h",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_refused(wrong[i]);
    }
}

static void test_a_host_that_is_too_long_is_refused(void **state)
{
    char text[600] = "https://";

    (void)state;
    memset(text + 8, 'a', 500);
    assert_refused(text);
    text[8 + 250] = '\0';
    assert_refused(text);
    text[8 + 200] = '\0';
    client_url url;
    assert_ok(client_url_parse(text, &url));
    assert_int_equal(strlen(url.host), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_addresses_are_taken),
        cmocka_unit_test(test_the_default_port_of_the_other_scheme_is_told),
        cmocka_unit_test(test_what_is_no_plain_url_is_refused),
        cmocka_unit_test(test_a_host_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
