#include "conf/conf.h"
#include "tests/testing.h"

static void test_urls_say_kind_host_port_and_path(void **state)
{
    static const struct {
        const char *url;
        listen_kind kind;
        const char *host;
        unsigned port;
        const char *path;
    } rows[] = {
        { "https://0.0.0.0:8443", LISTEN_HTTPS, "0.0.0.0", 8443, NULL },
        { "https://kms.example", LISTEN_HTTPS, "kms.example", 443, NULL },
        { "https://[::]:8443/", LISTEN_HTTPS, "::", 8443, NULL },
        { "https://[2001:db8::1]", LISTEN_HTTPS, "2001:db8::1", 443, NULL },
        { "http://127.0.0.1:8080", LISTEN_HTTP, "127.0.0.1", 8080, NULL },
        { "http://localhost:0", LISTEN_HTTP, "localhost", 0, NULL },
        { "http://[::1]", LISTEN_HTTP, "::1", 80, NULL },
        { "unix:/run/kms.sock", LISTEN_UNIX, NULL, 0, "/run/kms.sock" },
        { "unix:kms.sock", LISTEN_UNIX, NULL, 0, "kms.sock" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        conf_listen listen;
        char *storage = NULL;

        assert_ok(conf_parse_listen(rows[i].url, true, &listen, &storage));
        assert_int_equal(listen.kind, rows[i].kind);
        assert_int_equal(listen.port, rows[i].port);
        assert_true((listen.host == NULL) == (rows[i].host == NULL));
        assert_true((listen.path == NULL) == (rows[i].path == NULL));
        assert_string_equal(listen.host != NULL ? listen.host : listen.path,
                            rows[i].host != NULL ? rows[i].host : rows[i].path);
        free(storage);
    }
}

static void test_other_urls_are_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "https",
        "https://",
        "https://:443",
        "https:///x",
        "https://h:x",
        "https://h:",
        "https://h:65536",
        "https://h:-1",
        "https://h/path",
        "https://h?q",
        "https://user@h",
        "https://[::1",
        "https://[::1]x",
        "https://[127.0.0.1]",
        "https://[::1]443",
        "https://::1",
        "HTTPS://h",
        "unix:",
        "unix",
        "/run/kms.sock",
        "http://0.0.0.0",
        "http://192.0.2.1:80",
        "http://128.0.0.1",
        "http://[::]:80",
        "http://[::2]",
        "http://example.org",
        ("unix:/"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
         "7890123456789"),
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        conf_listen listen;
        char *storage = NULL;

        assert_err(conf_parse_listen(urls[i], true, &listen, &storage), P11KMS_E_CONFIG);
        assert_null(storage);
    }
}

static void test_plain_http_needs_dev(void **state)
{
    conf_listen listen;
    char *storage = NULL;

    (void)state;
    assert_err(conf_parse_listen("http://127.0.0.1:8080", false, &listen, &storage), P11KMS_E_CONFIG);
    assert_string_equal(p11kms_err_detail(P11KMS_E_CONFIG),
                        "http:// is for --dev alone: use https:// or unix:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_say_kind_host_port_and_path),
        cmocka_unit_test(test_other_urls_are_refused),
        cmocka_unit_test(test_plain_http_needs_dev),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
