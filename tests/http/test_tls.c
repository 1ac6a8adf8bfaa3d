#include "tests/testing.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fakes/scratch.h"
#include "tests/http/certificates.h"
#include "tests/http/client.h"
#include "tests/http/server.h"
#include "util/encode.h"

#define HOST "Host: localhost\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST "\r\n"
#define SANS "DNS:localhost, IP:127.0.0.1"

static certificate_t authority, other_authority, server_certificate;
static const char *folder, *certificate_path, *key_path, *authority_path;
static server_t server;
static client_t client;
static SSL_CTX *context;

static int make_certificates(void **state)
{
    (void)state;
    authority =
        certificate_make(&(certificate_wish){ .name = "authority", .days = 2, .is_authority = true }, NULL);
    other_authority =
        certificate_make(&(certificate_wish){ .name = "other", .days = 2, .is_authority = true }, NULL);
    server_certificate =
        certificate_make(&(certificate_wish){ .name = "server", .sans = SANS, .days = 1 }, &authority);
    folder = scratch_folder();
    certificate_path = scratch_path(folder, "server.pem");
    key_path = scratch_path(folder, "server.key");
    authority_path = scratch_path(folder, "authority.pem");
    certificate_write(&authority, authority_path, NULL);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    certificate_free(&authority);
    certificate_free(&other_authority);
    certificate_free(&server_certificate);
    return 0;
}

static int prepare(void **state)
{
    (void)state;
    certificate_write(&server_certificate, certificate_path, key_path);
    server_init(&server);
    server.listen = (conf_listen){
        .kind = LISTEN_HTTPS, .host = "127.0.0.1", .certificate = certificate_path, .key = key_path
    };
    context = client_context(&authority, NULL);
    client = (client_t){ .fd = -1 };
    return 0;
}

static int finish(void **state)
{
    (void)state;
    client_close(&client);
    SSL_CTX_free(context);
    server_end(&server);
    return 0;
}

static void start(void)
{
    server_start(&server);
    client_connect(&client, server.port);
}

static void ask_once(void)
{
    _cleanup_buf_ buf_t answer = { 0 };

    assert_true(client_send_text(&client, GET));
    assert_true(client_answer(&client, &answer));
    assert_int_equal(client_status(&answer), 200);
    assert_string_equal(client_body(&answer), "GET / ");
}

/* ---- sessions ---- */

static void serve_with(int version, const char *name)
{
    start();
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    assert_true(client_tls(&client, context));
    ask_once();
    ask_once();
    assert_true(server.peer.tls);
    assert_string_equal(server.peer.tls_version, name);
    assert_true(strlen(server.peer.tls_cipher) > 0);
    assert_false(server.peer.has_certificate);
    assert_int_equal(server_stats(&server).handshakes, 1);
    assert_int_equal(server_stats(&server).requests, 2);
}

static void test_requests_are_served_over_tls_1_3(void **state)
{
    (void)state;
    serve_with(TLS1_3_VERSION, "TLSv1.3");
}

static void test_requests_are_served_over_tls_1_2(void **state)
{
    (void)state;
    serve_with(TLS1_2_VERSION, "TLSv1.2");
}

static void refuse_handshake(void)
{
    assert_false(client_tls(&client, context));
    client_close(&client);
    server_wait_open(&server, 0);
    assert_int_equal(server_stats(&server).handshakes, 0);
    assert_int_equal(server_stats(&server).handshakes_failed, 1);
    assert_int_equal(atomic_load(&server.refused), 1);
    assert_int_equal(atomic_load(&server.last_status), 0);
}

static void test_tls_1_1_is_refused(void **state)
{
    (void)state;
    start();
    SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0"); /* else the client itself would not */
    SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
    refuse_handshake();
    assert_string_equal(server.last_reason, "unsupported protocol");
}

static void test_cipher_without_forward_secrecy_is_refused(void **state)
{
    (void)state;
    start();
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256:AES128-SHA");
    refuse_handshake();
}

static void test_client_of_another_protocol_is_refused(void **state)
{
    (void)state;
    start();
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2", 3);
    refuse_handshake();
}

static void test_http_1_1_is_chosen_among_protocols(void **state)
{
    const unsigned char *chosen = NULL;
    unsigned len = 0;

    (void)state;
    start();
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    assert_true(client_tls(&client, context));
    SSL_get0_alpn_selected(client.tls, &chosen, &len);
    assert_slice_text(SLICE(chosen, len), "http/1.1");
    ask_once();
}

static void test_plain_http_on_the_tls_port_is_closed(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    start();
    assert_true(client_send_text(&client, GET));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(client_status(&answer), 0);
    server_wait_open(&server, 0);
    assert_int_equal(atomic_load(&server.handled), 0);
    assert_string_equal(server.last_reason, "http request");
}

static void test_client_that_does_not_finish_its_handshake_is_cut(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    server.limits.header_timeout_ms = 150;
    start();
    assert_true(client_send(&client, SLICE_LIT("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")));
    assert_true(client_until_end(&client, &answer));
    assert_int_equal(answer.len, 0);
}

static SSL_SESSION *session; /* the newest */

static int keep_session(SSL *tls, SSL_SESSION *offered)
{
    (void)tls;
    SSL_SESSION_free(session);
    session = offered;
    return 1; /* taken */
}

static bool resumes(int version, unsigned pause_us)
{
    bool reused;

    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    client_connect(&client, server.port);
    assert_true(client_tls(&client, context));
    ask_once(); /* in TLS 1.3 tickets come behind the handshake */
    client_close(&client);
    assert_non_null(session);
    usleep(pause_us);
    client_connect(&client, server.port);
    client.tls = SSL_new(context);
    SSL_set_fd(client.tls, client.fd);
    SSL_set_session(client.tls, session);
    assert_int_equal(SSL_connect(client.tls), 1);
    ask_once();
    reused = SSL_session_reused(client.tls) == 1;
    client_close(&client);
    SSL_SESSION_free(session);
    session = NULL;
    return reused;
}

static void test_sessions_are_resumed(void **state)
{
    (void)state;
    server_start(&server);
    assert_true(resumes(TLS1_3_VERSION, 0));
    assert_true(resumes(TLS1_2_VERSION, 0));
}

static void test_renegotiation_is_refused(void **state)
{
    (void)state;
    start();
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    assert_true(client_tls(&client, context));
    ask_once();
    assert_int_equal(SSL_renegotiate(client.tls), 1);
    assert_int_not_equal(SSL_do_handshake(client.tls), 1);
}

static bool update_keys(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        if (SSL_key_update(client.tls, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
            SSL_do_handshake(client.tls) != 1) {
            return false;
        }
    }
    return true;
}

/* While its key updates come, and they may come without end, nobody else is served. */
static void test_client_that_does_nothing_but_update_keys_is_cut(void **state)
{
    _cleanup_buf_ buf_t answer = { 0 };

    (void)state;
    start();
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    assert_true(client_tls(&client, context));
    assert_true(update_keys(3));
    ask_once();
    assert_true(!update_keys(1000) || client_until_end(&client, &answer));
    server_wait_open(&server, 0);
}

static void test_large_bodies_pass_through_tls_both_ways(void **state)
{
    _cleanup_buf_ buf_t request = { 0 }, answer = { 0 };

    (void)state;
    start();
    assert_true(client_tls(&client, context));
    buf_printf(&request, "POST / HTTP/1.1\r\n" HOST "Content-Length: %u\r\n\r\n", HTTP_BODY_MAX);
    memset(buf_reserve(&request, HTTP_BODY_MAX), 'z', HTTP_BODY_MAX);
    request.len += HTTP_BODY_MAX;
    assert_true(client_send(&client, buf_slice(&request)));
    assert_true(client_answer(&client, &answer));
    assert_int_equal(strspn(client_body(&answer) + 7, "z"), HTTP_BODY_MAX);
}

static void serve_at_once(unsigned n)
{
    _cleanup_buf_ buf_t requests = { 0 }, answer = { 0 };

    server.keep = true;
    start();
    assert_true(client_tls(&client, context));
    for (unsigned i = 0; i < n; i++) {
        buf_put_str(&requests,
                    "GET / HTTP/1.1\r\n" HOST "X: 345678901234567890123456789012345678901234567890\r\n\r\n");
    }
    assert_true(client_send(&client, buf_slice(&requests)));
    for (unsigned i = 1; i <= n; i++) {
        server_wait_handled(&server, i);
        server_answer_kept(&server);
        assert_true(client_answer(&client, &answer));
        assert_int_equal(client_status(&answer), 200);
    }
}

/* More than one read takes, less than a record holds: the rest waits inside OpenSSL, where no poll sees it.
 */
static void test_requests_in_one_record_are_all_served(void **state)
{
    (void)state;
    serve_at_once(100);
}

static void test_requests_in_several_records_are_all_served(void **state)
{
    (void)state;
    serve_at_once(400);
}

static void test_small_answer_is_one_record(void **state)
{
    char answer[1024];

    (void)state;
    start();
    assert_true(client_tls(&client, context));
    assert_true(client_send_text(&client, GET));
    /* SSL_read() never returns more than one record */
    assert_true(SSL_read(client.tls, answer, sizeof(answer)) > 0);
    assert_non_null(strstr(answer, "\r\n\r\nGET / "));
}

static void test_closing_says_goodbye(void **state)
{
    char byte;

    (void)state;
    start();
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    assert_true(client_tls(&client, context));
    ask_once();
    server_begin_stop(&server, 1000);
    assert_int_equal(SSL_get_error(client.tls, SSL_read(client.tls, &byte, 1)), SSL_ERROR_ZERO_RETURN);
}

/* ---- client certificates ---- */

static void show(const certificate_wish *wish, const certificate_t *issuer)
{
    certificate_t own = certificate_make(wish, issuer);
    unsigned char digest[32];
    char hex[65];
    unsigned len = 0;

    SSL_CTX_free(context);
    context = client_context(&authority, &own);
    X509_digest(own.certificate, EVP_sha256(), digest, &len);
    hex_encode(digest, len, hex);
    server.listen.client_ca = authority_path;
    start();
    server.last_reason[0] = '\0';
    if (client_tls(&client, context) && client_send_text(&client, GET)) {
        _cleanup_buf_ buf_t answer = { 0 };

        if (client_answer(&client, &answer)) {
            assert_string_equal(server.peer.cert_sha256, hex);
        }
    }
    certificate_free(&own);
}

static void test_verified_client_certificate_is_described(void **state)
{
    (void)state;
    show(
        &(certificate_wish){ .name = "db1",
                             .sans =
                                 "DNS:db1.example, URI:spiffe://example/db1, email:a@b.example, IP:192.0.2.1",
                             .days = 1 },
        &authority);
    assert_int_equal(atomic_load(&server.handled), 1);
    assert_true(server.peer.has_certificate);
    assert_string_equal(server.peer.cert_subject, "CN=db1,O=p11kms test");
    assert_string_equal(server.peer.cert_issuer, "CN=authority,O=p11kms test");
    assert_string_equal(server.peer.cert_sans,
                        "DNS:db1.example,URI:spiffe://example/db1,email:a@b.example,IP Address:192.0.2.1");
}

static void expect_refused(const char *reason)
{
    server_wait_open(&server, 0);
    assert_int_equal(atomic_load(&server.handled), 0);
    assert_int_equal(server_stats(&server).handshakes_failed, 1);
    assert_string_equal(server.last_reason, reason);
}

static void test_certificate_of_an_unknown_authority_fails_the_handshake(void **state)
{
    (void)state;
    show(&(certificate_wish){ .name = "db1", .days = 1 }, &other_authority);
    expect_refused("unable to get local issuer certificate");
}

static void test_expired_certificate_fails_the_handshake(void **state)
{
    (void)state;
    show(&(certificate_wish){ .name = "db1", .days = -1 }, &authority);
    expect_refused("certificate has expired");
}

static void test_self_signed_certificate_fails_the_handshake(void **state)
{
    (void)state;
    show(&(certificate_wish){ .name = "authority", .days = 1 }, NULL);
    expect_refused("self-signed certificate");
}

static void test_client_without_a_certificate_is_served_as_nobody(void **state)
{
    (void)state;
    server.listen.client_ca = authority_path;
    start();
    assert_true(client_tls(&client, context));
    ask_once();
    assert_false(server.peer.has_certificate);
    assert_string_equal(server.peer.cert_subject, "");
}

static void test_certificate_is_not_asked_for_without_an_authority(void **state)
{
    certificate_t own = certificate_make(&(certificate_wish){ .name = "db1", .days = 1 }, &authority);

    (void)state;
    SSL_CTX_free(context);
    context = client_context(&authority, &own);
    start();
    assert_true(client_tls(&client, context));
    ask_once();
    assert_false(server.peer.has_certificate);
    certificate_free(&own);
}

static void test_san_that_could_be_taken_for_another_is_left_out(void **state)
{
    (void)state;
    show(&(certificate_wish){ .name = "db1", .sans = "DNS:a b.example, DNS:fine.example", .days = 1 },
         &authority);
    assert_int_equal(atomic_load(&server.handled), 1);
    assert_string_equal(server.peer.cert_sans, "DNS:fine.example");
}

static void test_san_with_a_comma_is_left_out(void **state)
{
    (void)state;
    show(&(certificate_wish){ .name = "db1", .raw_dns = "a.example,URI:spiffe://example/admin", .days = 1 },
         &authority);
    assert_int_equal(atomic_load(&server.handled), 1);
    assert_true(server.peer.has_certificate);
    assert_string_equal(server.peer.cert_sans, "");
}

static void test_name_that_does_not_fit_is_left_out_whole(void **state)
{
    char sans[1400] = "DNS:first.example, URI:";

    (void)state;
    memset(sans + strlen(sans), 'u', 1100);
    strcat(sans, ", DNS:last.example");
    show(&(certificate_wish){ .name = "db1", .sans = sans, .days = 1 }, &authority);
    assert_int_equal(atomic_load(&server.handled), 1);
    assert_string_equal(server.peer.cert_sans, "DNS:first.example,DNS:last.example");
}

static void test_resumed_session_keeps_its_certificate(void **state)
{
    certificate_t own = certificate_make(&(certificate_wish){ .name = "db1", .days = 1 }, &authority);

    (void)state;
    SSL_CTX_free(context);
    context = client_context(&authority, &own);
    server.listen.client_ca = authority_path;
    server_start(&server);
    assert_true(resumes(TLS1_3_VERSION, 0));
    assert_true(server.peer.has_certificate);
    assert_string_equal(server.peer.cert_subject, "CN=db1,O=p11kms test");
    certificate_free(&own);
}

static void test_certificate_that_has_expired_since_is_not_resumed(void **state)
{
    certificate_t own = certificate_make(&(certificate_wish){ .name = "db1", .seconds = 3 }, &authority);

    (void)state;
    SSL_CTX_free(context);
    context = client_context(&authority, &own);
    server.listen.client_ca = authority_path;
    server_start(&server);
    assert_true(resumes(TLS1_3_VERSION, 4100000));
    assert_false(server.peer.has_certificate);
    assert_string_equal(server.peer.cert_subject, "");
    certificate_free(&own);
}

/* ---- loading ---- */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void refuse_files(const char *mentioned)
{
    assert_err(server_try(&server), P11KMS_E_CONFIG);
    assert_non_null(strstr(p11kms_err_detail(P11KMS_E_CONFIG), mentioned));
}

static void test_unusable_files_are_configuration_errors(void **state)
{
    certificate_t stranger = certificate_make(&(certificate_wish){ .name = "x", .days = 1 }, NULL);
    FILE *file;

    (void)state;
    write_text(certificate_path, "no certificate\n");
    refuse_files(certificate_path);
    certificate_write(&server_certificate, certificate_path, NULL);
    write_text(key_path, "no key\n");
    refuse_files(key_path);
    unlink(key_path);
    refuse_files(key_path);
    certificate_write(&stranger, NULL, key_path);
    refuse_files(key_path);
    file = fopen(key_path, "w");
    PEM_write_PrivateKey(file, server_certificate.key, EVP_aes_128_cbc(), (const unsigned char *)"pass", 4,
                         NULL, NULL);
    fclose(file);
    refuse_files(key_path); /* and nobody was asked for a passphrase */
    certificate_write(&server_certificate, NULL, key_path);
    server.listen.client_ca = scratch_path(folder, "absent");
    refuse_files("absent");
    certificate_free(&stranger);
    SSL_CTX_free(context);
}

static void expect_server_name(unsigned port, const char *name)
{
    char found[64] = "";
    X509 *shown;

    client_connect(&client, port);
    assert_true(client_tls(&client, context));
    shown = SSL_get0_peer_certificate(client.tls);
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, found, sizeof(found));
    assert_string_equal(found, name);
    ask_once();
}

static void test_reload_shows_the_new_certificate_and_keeps_old_connections(void **state)
{
    certificate_t renewed =
        certificate_make(&(certificate_wish){ .name = "renewed", .sans = SANS, .days = 1 }, &authority);
    client_t old;

    (void)state;
    server_start(&server);
    expect_server_name(server.port, "server");
    old = client;
    certificate_write(&renewed, certificate_path, key_path);
    assert_ok(server_reload(&server));
    expect_server_name(server.port, "renewed");
    client_close(&client);
    client = old;
    ask_once();
    certificate_free(&renewed);
}

static void test_failed_reload_keeps_the_old_certificate(void **state)
{
    (void)state;
    server_start(&server);
    write_text(certificate_path, "half a certifica");
    assert_err(server_reload(&server), P11KMS_E_CONFIG);
    expect_server_name(server.port, "server");
}

/* Listeners are reloaded together: with one file broken, the others must not change either. */
static void test_failed_reload_changes_no_listener(void **state)
{
    certificate_t renewed =
        certificate_make(&(certificate_wish){ .name = "renewed", .sans = SANS, .days = 1 }, &authority);
    const char *other_certificate = scratch_path(folder, "other.pem"),
               *other_key = scratch_path(folder, "other.key");

    (void)state;
    server.second = (conf_listen){
        .kind = LISTEN_HTTPS, .host = "127.0.0.1", .certificate = other_certificate, .key = other_key
    };
    certificate_write(&server_certificate, other_certificate, other_key);
    server_start(&server);
    for (int broken = 0; broken < 2; broken++) {
        certificate_write(&renewed, broken == 0 ? other_certificate : certificate_path,
                          broken == 0 ? other_key : key_path);
        write_text(broken == 0 ? certificate_path : other_certificate, "half a certifica");
        assert_err(server_reload(&server), P11KMS_E_CONFIG);
        expect_server_name(server.port, "server");
        client_close(&client);
        expect_server_name(server.second_port, "server");
        client_close(&client);
    }
    certificate_free(&renewed);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, prepare, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_requests_are_served_over_tls_1_3),
        TEST(test_requests_are_served_over_tls_1_2),
        TEST(test_tls_1_1_is_refused),
        TEST(test_cipher_without_forward_secrecy_is_refused),
        TEST(test_client_of_another_protocol_is_refused),
        TEST(test_http_1_1_is_chosen_among_protocols),
        TEST(test_plain_http_on_the_tls_port_is_closed),
        TEST(test_client_that_does_not_finish_its_handshake_is_cut),
        TEST(test_sessions_are_resumed),
        TEST(test_renegotiation_is_refused),
        TEST(test_client_that_does_nothing_but_update_keys_is_cut),
        TEST(test_large_bodies_pass_through_tls_both_ways),
        TEST(test_requests_in_one_record_are_all_served),
        TEST(test_requests_in_several_records_are_all_served),
        TEST(test_small_answer_is_one_record),
        TEST(test_closing_says_goodbye),
        TEST(test_verified_client_certificate_is_described),
        TEST(test_certificate_of_an_unknown_authority_fails_the_handshake),
        TEST(test_expired_certificate_fails_the_handshake),
        TEST(test_self_signed_certificate_fails_the_handshake),
        TEST(test_client_without_a_certificate_is_served_as_nobody),
        TEST(test_certificate_is_not_asked_for_without_an_authority),
        TEST(test_san_that_could_be_taken_for_another_is_left_out),
        TEST(test_san_with_a_comma_is_left_out),
        TEST(test_name_that_does_not_fit_is_left_out_whole),
        TEST(test_resumed_session_keeps_its_certificate),
        TEST(test_certificate_that_has_expired_since_is_not_resumed),
        cmocka_unit_test_setup(test_unusable_files_are_configuration_errors, prepare),
        TEST(test_reload_shows_the_new_certificate_and_keeps_old_connections),
        TEST(test_failed_reload_keeps_the_old_certificate),
        TEST(test_failed_reload_changes_no_listener),
    };

    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
