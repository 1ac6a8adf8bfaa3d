#include "tests/testing.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/client.h"
#include "tests/fakes/scratch.h"
#include "tests/http/certificates.h"
#include "tests/http/server.h"

#define SHORT_MS 200

static server_t server;
static char url[64];
static const char *authority_path, *other_path, *certificate_path, *key_path;
static const char *client_path, *client_key_path, *both_path; /* both: certificate and key in one file */

static const client_request question = {
    .method = "POST", .path = "/", .headers = { (const uint8_t *)"X-Test: 1\r\n", 11 },
    .body = { (const uint8_t *)"question", 8 },
};

static void append_file(const char *path, FILE *to)
{
    FILE *from = fopen(path, "r");
    int c;

    assert_non_null(from);
    while ((c = fgetc(from)) != EOF) {
        fputc(c, to);
    }
    fclose(from);
}

static void join_files(const char *a, const char *b, const char *to_path)
{
    FILE *to = fopen(to_path, "w");

    assert_non_null(to);
    append_file(a, to);
    append_file(b, to);
    assert_int_equal(fclose(to), 0);
}

static int make_certificates(void **state)
{
    const certificate_wish wish = { .name = "authority", .days = 2, .is_authority = true };
    const certificate_wish server_wish = { .name = "server", .sans = "DNS:localhost", .days = 1 };
    certificate_t authority = certificate_make(&wish, NULL), other = certificate_make(&wish, NULL);
    const certificate_wish client_wish = { .name = "client", .sans = "DNS:client.example", .days = 1 };
    certificate_t certificate = certificate_make(&server_wish, &authority);
    certificate_t client = certificate_make(&client_wish, &authority);
    const char *folder = scratch_folder();

    (void)state;
    authority_path = scratch_path(folder, "authority.pem");
    other_path = scratch_path(folder, "other.pem");
    certificate_path = scratch_path(folder, "server.pem");
    key_path = scratch_path(folder, "server.key");
    certificate_write(&authority, authority_path, NULL);
    certificate_write(&other, other_path, NULL);
    certificate_write(&certificate, certificate_path, key_path);
    client_path = scratch_path(folder, "client.pem");
    client_key_path = scratch_path(folder, "client.key");
    both_path = scratch_path(folder, "both.pem");
    certificate_write(&client, client_path, client_key_path);
    join_files(client_path, client_key_path, both_path);
    certificate_free(&authority);
    certificate_free(&other);
    certificate_free(&certificate);
    certificate_free(&client);
    return 0;
}

static void serve(const char *scheme, const char *host)
{
    server_init(&server);
    if (strcmp(scheme, "https") == 0) {
        server.listen = (conf_listen){
            .kind = LISTEN_HTTPS, .host = "127.0.0.1", .certificate = certificate_path, .key = key_path
        };
    }
    server_start(&server);
    snprintf(url, sizeof(url), "%s://%s:%u", scheme, host, server.port);
}

static p11kms_err ask(const client_target *target, client_answer *answer)
{
    *answer = (client_answer){ 0 };
    return client_call(target, &question, answer);
}

static void assert_answered(const client_target *target)
{
    client_answer answer;

    assert_ok(ask(target, &answer));
    assert_int_equal(answer.status, 200);
    assert_buf_text(&answer.body, "POST / question");
    buf_free(&answer.body);
}

static void assert_fails(const client_target *target, p11kms_err expected, const char *says)
{
    client_answer answer;

    assert_err(ask(target, &answer), expected);
    if (!strstr(p11kms_err_detail(expected), says)) {
        fail_msg("'%s' does not say '%s'", p11kms_err_detail(expected), says);
    }
    assert_null(answer.body.data);
}

/* ---- a service that speaks HTTP ---- */

static void test_a_question_in_clear_is_answered(void **state)
{
    (void)state;
    serve("http", "127.0.0.1");
    assert_answered(&(client_target){ .url = url });
    server_end(&server);
}

static void test_a_question_over_tls_is_answered(void **state)
{
    (void)state;
    serve("https", "localhost");
    assert_answered(&(client_target){ .url = url, .ca_file = authority_path });
    server_end(&server);
}

static void test_a_certificate_of_another_authority_is_refused(void **state)
{
    (void)state;
    serve("https", "localhost");
    assert_fails(&(client_target){ .url = url, .ca_file = other_path }, P11KMS_E_IO, "certificate");
    assert_fails(&(client_target){ .url = url }, P11KMS_E_IO, "certificate");
    server_end(&server);
}

static void test_a_certificate_for_another_name_is_refused(void **state)
{
    (void)state;
    serve("https", "127.0.0.1");
    assert_fails(&(client_target){ .url = url, .ca_file = authority_path }, P11KMS_E_IO, "mismatch");
    server_end(&server);
}

static void test_roots_that_cannot_be_read_are_told(void **state)
{
    (void)state;
    serve("https", "localhost");
    assert_fails(&(client_target){ .url = url, .ca_file = "/nonexistent" }, P11KMS_E_CONFIG, "/nonexistent");
    server_end(&server);
}

/** The service asks for a client's certificate. */
static void serve_clients(void)
{
    server_init(&server);
    server.listen = (conf_listen){ .kind = LISTEN_HTTPS, .host = "127.0.0.1", .certificate = certificate_path,
                                   .key = key_path, .client_ca = authority_path };
    server_start(&server);
    snprintf(url, sizeof(url), "https://localhost:%u", server.port);
}

static void test_our_certificate_is_shown_where_one_is_given(void **state)
{
    const client_target targets[] = {
        { .url = url, .ca_file = authority_path, .certificate_file = client_path, .key_file = client_key_path },
        { .url = url, .ca_file = authority_path, .certificate_file = both_path },
        { .url = url, .ca_file = authority_path },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        serve_clients();
        assert_answered(&targets[i]);
        assert_int_equal(server.peer.has_certificate, targets[i].certificate_file != NULL);
        assert_string_equal(server.peer.cert_sans, targets[i].certificate_file ? "DNS:client.example" : "");
        server_end(&server);
    }
}

static void test_a_certificate_or_key_of_ours_that_cannot_be_used_is_told(void **state)
{
    (void)state;
    serve_clients();
    assert_fails(&(client_target){ .url = url, .ca_file = authority_path, .certificate_file = "/nonexistent" },
                 P11KMS_E_CONFIG, "no certificate can be read from /nonexistent");
    assert_fails(&(client_target){ .url = url, .ca_file = authority_path, .certificate_file = client_path },
                 P11KMS_E_CONFIG, "the key of");
    assert_fails(&(client_target){ .url = url, .ca_file = authority_path, .certificate_file = client_path,
                                   .key_file = key_path }, /* another's */
                 P11KMS_E_CONFIG, key_path);
    server_end(&server);
}

static void test_a_long_answer_arrives_whole(void **state)
{
    client_answer answer;

    (void)state;
    server_init(&server);
    server.big = 3u << 20;
    server_start(&server);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
    assert_ok(ask(&(client_target){ .url = url }, &answer));
    assert_int_equal(answer.body.len, 3u << 20);
    buf_free(&answer.body);
    server_end(&server);
}

static void test_no_answer_in_time_is_a_timeout(void **state)
{
    (void)state;
    server_init(&server);
    server.keep = true;
    server_start(&server);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", server.port);
    assert_fails(&(client_target){ .url = url, .timeout_ms = SHORT_MS }, P11KMS_E_TIMEOUT, "in time");
    server_answer_kept(&server);
    server_end(&server);
}

static void test_nobody_there_is_told(void **state)
{
    (void)state;
    assert_fails(&(client_target){ .socket = "/nonexistent/socket" }, P11KMS_E_IO, "/nonexistent/socket");
    assert_fails(&(client_target){ .url = "http://127.0.0.1:1" }, P11KMS_E_IO, "127.0.0.1:1");
    assert_fails(&(client_target){ .url = "nothing" }, P11KMS_E_CONFIG, "nothing");
    assert_fails(&(client_target){ 0 }, P11KMS_E_CONFIG, "neither");
}

static void test_a_host_header_is_known_before_asking(void **state)
{
    char host[CLIENT_HOST_MAX];

    (void)state;
    assert_ok(client_host(&(client_target){ .url = "https://kms.example:8443" }, host));
    assert_string_equal(host, "kms.example:8443");
    assert_ok(client_host(&(client_target){ .socket = "/run/s" }, host));
    assert_string_equal(host, "localhost");
}

/* ---- one that does not ---- */

typedef struct {
    int fd;
    const char *says;
    char path[108];
    pthread_t thread;
} oddity_t;

static void *say(void *arg)
{
    oddity_t *oddity = arg;
    char request[4096];
    int fd = accept(oddity->fd, NULL, NULL);

    assert_true(fd >= 0 && read(fd, request, sizeof(request)) > 0);
    assert_int_equal(write(fd, oddity->says, strlen(oddity->says)), strlen(oddity->says));
    close(fd);
    return NULL;
}

static void assert_oddity_fails(const char *says, p11kms_err expected, const char *detail)
{
    oddity_t oddity = { .says = says };
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(oddity.path, sizeof(oddity.path), "%s", scratch_path(scratch_folder(), "socket"));
    memcpy(address.sun_path, oddity.path, sizeof(oddity.path));
    oddity.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(oddity.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(oddity.fd, 1), 0);
    assert_int_equal(pthread_create(&oddity.thread, NULL, say, &oddity), 0);
    assert_fails(&(client_target){ .socket = oddity.path, .timeout_ms = 5000 }, expected, detail);
    pthread_join(oddity.thread, NULL);
    close(oddity.fd);
}

static void test_an_answer_cut_short_is_told(void **state)
{
    (void)state;
    assert_oddity_fails("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", P11KMS_E_IO, "closed");
    assert_oddity_fails("HTTP/1.1 200 OK\r\nContent-", P11KMS_E_IO, "closed");
}

static void test_an_answer_longer_than_it_says_is_refused(void **state)
{
    (void)state;
    assert_oddity_fails("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nlong", P11KMS_E_SYNTAX, "longer");
}

static void test_another_protocol_is_refused(void **state)
{
    (void)state;
    assert_oddity_fails("220 mail.example ESMTP\r\n\r\n", P11KMS_E_SYNTAX, "not HTTP");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_question_in_clear_is_answered),
        cmocka_unit_test(test_a_question_over_tls_is_answered),
        cmocka_unit_test(test_a_certificate_of_another_authority_is_refused),
        cmocka_unit_test(test_a_certificate_for_another_name_is_refused),
        cmocka_unit_test(test_roots_that_cannot_be_read_are_told),
        cmocka_unit_test(test_our_certificate_is_shown_where_one_is_given),
        cmocka_unit_test(test_a_certificate_or_key_of_ours_that_cannot_be_used_is_told),
        cmocka_unit_test(test_a_long_answer_arrives_whole),
        cmocka_unit_test(test_no_answer_in_time_is_a_timeout),
        cmocka_unit_test(test_nobody_there_is_told),
        cmocka_unit_test(test_a_host_header_is_known_before_asking),
        cmocka_unit_test(test_an_answer_cut_short_is_told),
        cmocka_unit_test(test_an_answer_longer_than_it_says_is_refused),
        cmocka_unit_test(test_another_protocol_is_refused),
    };

    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
