/*
 * Nothing that a client sent over TLS goes back to the allocator: neither in our buffers nor in
 * OpenSSL's, which are given back between requests. This program's own free(), which OpenSSL calls
 * too, looks before it lets go; the client has a thread of its own, and is not looked at.
 */
#include "config.h"

#include "tests/testing.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>

#include "tests/fakes/scratch.h"
#include "tests/http/certificates.h"
#include "tests/http/client.h"
#include "tests/http/server.h"

#define MARK "SECRETSECRETSECRET"
#define OVERRIDES __attribute__((visibility("default")))
#define RECORD_BUFFER 16384 /* at least as large are those of TLS */

void __libc_free(void *ptr);

static _Thread_local bool not_watched;
static atomic_uint large_frees;
static atomic_uint frees_with_mark;

#ifndef WITH_SANITIZER
OVERRIDES void free(void *ptr)
{
    if (ptr != NULL && !not_watched) {
        large_frees += malloc_usable_size(ptr) >= RECORD_BUFFER;
        frees_with_mark += memmem(ptr, malloc_usable_size(ptr), MARK, sizeof(MARK) - 1) != NULL;
    }
    __libc_free(ptr);
}
#endif

static atomic_uint asked_within_a_record;

/* In place of that of libssl: versions before 3.0.14 must not be asked within a record. */
OVERRIDES int SSL_free_buffers(SSL *tls)
{
    int (*original)(SSL *tls);

    *(void **)&original = dlsym(RTLD_NEXT, "SSL_free_buffers");
    asked_within_a_record += strcmp(SSL_rstate_string(tls), "RH") != 0;
    return original(tls);
}

static certificate_t authority, certificate;
static server_t server;
static client_t client;

static int prepare(void **state)
{
    const char *folder = scratch_folder();

    (void)state;
    not_watched = true;
    authority = certificate_make(&(certificate_wish){ .name = "authority", .days = 2, .is_authority = true }, NULL);
    certificate = certificate_make(&(certificate_wish){ .name = "server", .sans = "IP:127.0.0.1", .days = 1 }, &authority);
    server_init(&server);
    server.listen = (conf_listen){ .kind = LISTEN_HTTPS,
                                   .host = "127.0.0.1",
                                   .certificate = scratch_path(folder, "server.pem"),
                                   .key = scratch_path(folder, "server.key") };
    certificate_write(&certificate, server.listen.certificate, server.listen.key);
    large_frees = frees_with_mark = 0;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    certificate_free(&authority);
    certificate_free(&certificate);
    return 0;
}

static void put_marked_request(buf_t *out, size_t length)
{
    buf_printf(out, "POST / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\nContent-Length: %zu\r\n\r\n", MARK, length);
    for (size_t i = 0; i < length; i++) {
        buf_put_char(out, MARK[i % (sizeof(MARK) - 1)]);
    }
}

/** A request of each length, in one go, so that records hold parts of several. */
static void ask(SSL_CTX *context, const size_t *lengths, size_t n)
{
    _cleanup_buf_ buf_t requests = { 0 }, answer = { 0 };

    server_start(&server);
    client_connect(&client, server.port);
    assert_true(client_tls(&client, context));
    for (size_t i = 0; i < n; i++) {
        put_marked_request(&requests, lengths[i]);
    }
    assert_true(client_send(&client, buf_slice(&requests)));
    for (size_t i = 0; i < n; i++) {
        assert_true(client_answer(&client, &answer));
        assert_int_equal(client_status(&answer), 200);
    }
    client_close(&client);
    server_end(&server);
}

static void assert_clean(void)
{
#ifdef WITH_SANITIZER
    skip(); /* free() is the sanitizer's */
#else
    assert_true(large_frees > 0);
    assert_int_equal(frees_with_mark, 0);
#endif
}

static void serve(int version, const size_t *lengths, size_t n)
{
    SSL_CTX *context = client_context(&authority, NULL);

    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    ask(context, lengths, n);
    SSL_CTX_free(context);
    assert_clean();
}

static void test_what_came_in_one_record_is_wiped_before_its_buffer_is_given_back(void **state)
{
    static const size_t lengths[] = { 300 };

    (void)state;
    serve(TLS1_3_VERSION, lengths, COUNT_OF(lengths));
}

static void test_records_that_are_taken_piece_by_piece_are_wiped(void **state)
{
    static const size_t lengths[] = { 300, 20000, 5000, 1, 40000, 300 };

    (void)state;
    serve(TLS1_3_VERSION, lengths, COUNT_OF(lengths));
}

static void test_so_are_those_of_tls_1_2(void **state)
{
    static const size_t lengths[] = { 300, 20000, 5000, 1, 40000, 300 };

    (void)state;
    serve(TLS1_2_VERSION, lengths, COUNT_OF(lengths));
}

static void test_buffers_are_kept_while_a_record_is_under_way(void **state)
{
    static const uint8_t header[] = { 0x16, 0x03, 0x01, 0x00, 0x40 };

    (void)state;
    asked_within_a_record = 0;
    server_start(&server);
    client_connect(&client, server.port);
    assert_true(client_send(&client, SLICE(header, sizeof(header))));
    usleep(100000); /* were it longer until it is read, this would see nothing, and not fail */
    client_close(&client);
    server_end(&server);
    assert_int_equal(asked_within_a_record, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, prepare, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_came_in_one_record_is_wiped_before_its_buffer_is_given_back),
        TEST(test_records_that_are_taken_piece_by_piece_are_wiped),
        TEST(test_so_are_those_of_tls_1_2),
        TEST(test_buffers_are_kept_while_a_record_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
