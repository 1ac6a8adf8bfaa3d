/*
 * What the http room costs by itself: a server whose handler does nothing, in
 * a child process, and the load generator against it.
 *
 *     bench_http [CONNECTIONS [SECONDS]]   CPU a request over TLS 1.3
 *     bench_http --idle CONNECTIONS        resident memory of an idle TLS connection
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "crypto/crypto.h"
#include "http/http.h"
#include "tests/bench/cpu.h"
#include "tests/bench/load.h"

#define REQUEST_BODY 300
#define ANSWER_BODY 400

static int fail(const char *what, p11kms_err err)
{
    fprintf(stderr, "bench_http: %s: %s\n", what, p11kms_err_detail(err));
    return 1;
}

static void on_request(void *arg, http_exchange_t *exchange, const message_t *message)
{
    buf_t body = { 0 };

    (void)arg;
    (void)message;
    memset(buf_reserve(&body, ANSWER_BODY), 'a', ANSWER_BODY);
    body.len = ANSWER_BODY;
    http_answer(exchange, 200,
                SLICE_LIT("x-amzn-RequestId: 0f3c1f0e-0000-4000-8000-000000000000\r\n"
                          "Content-Type: application/x-amz-json-1.1\r\n"),
                &body);
}

static p11kms_err write_file(const char *path, const buf_t *text)
{
    FILE *file = fopen(path, "we");

    ENSURE(file != NULL, P11KMS_E_IO);
    fwrite(text->data, 1, text->len, file);
    fclose(file);
    return P11KMS_OK;
}

static p11kms_err make_certificate(const char *certificate, const char *key)
{
    static const char *const names[] = { "localhost", "127.0.0.1" };
    _cleanup_buf_ buf_t certificate_pem = { 0 }, key_pem = { 0 };

    TRY(crypto_make_certificate(names, COUNT_OF(names), 1, &certificate_pem, &key_pem));
    TRY(write_file(certificate, &certificate_pem));
    return write_file(key, &key_pem);
}

/* The child: tells its port through @p tell and serves until it is killed. */
static int serve(const conf_listen *listen, int tell)
{
    static const http_limits limits = { 20000, 60000, 60000, 600000, 60000 };
    uv_loop_t loop;
    http_t *http = NULL;
    unsigned port = 0;
    p11kms_err err;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    uv_loop_init(&loop);
    err = http_new(&loop, &limits, &http);
    err = err == P11KMS_OK ? http_listen(http, listen, on_request, NULL, NULL, &port) : err;
    if (err != P11KMS_OK || write(tell, &port, sizeof(port)) != sizeof(port)) {
        return fail("the server does not start", err);
    }
    return uv_run(&loop, UV_RUN_DEFAULT);
}

static slice_t the_request(void *arg, unsigned connection)
{
    (void)connection;
    return buf_slice(arg);
}

static bool is_right(void *arg, unsigned connection, int status, slice_t body)
{
    (void)arg;
    (void)connection;
    return status == 200 && body.len == ANSWER_BODY;
}

static int measure_requests(load_t *load, pid_t server, unsigned connections, double seconds)
{
    _cleanup_buf_ buf_t request = { 0 };
    load_source source = { the_request, is_right, &request };
    static load_result result;
    int64_t before;
    p11kms_err err;

    buf_printf(&request,
               "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n"
               "X-Amz-Target: TrentService.GenerateDataKey\r\nContent-Length: %d\r\n\r\n",
               REQUEST_BODY);
    memset(buf_reserve(&request, REQUEST_BODY), 'r', REQUEST_BODY);
    request.len += REQUEST_BODY;
    err = load_run(load, &source, 0.5, &result); /* warm */
    before = cpu_used_us(server);
    err = err == P11KMS_OK ? load_run(load, &source, seconds, &result) : err;
    if (err != P11KMS_OK || result.errors > 0) {
        return fail(result.first_error, err);
    }
    printf("%u connections: %.0f requests/s, p50 %.2f ms, p99 %.2f ms, server %.1f us CPU a request\n",
           connections, (double)result.answers / result.seconds,
           (double)histogram_quantile(&result.latency, 0.5) / 1000,
           (double)histogram_quantile(&result.latency, 0.99) / 1000,
           (double)(cpu_used_us(server) - before) / (double)result.answers);
    return 0;
}

static void print_idle(pid_t server, unsigned connections, long before_kb, const char *when)
{
    printf("%u idle connections: %.1f KB each after %s\n", connections,
           (double)(cpu_resident_kb(server) - before_kb) / connections, when);
}

static int measure_idle(load_t *load, pid_t server, unsigned connections, long before_kb)
{
    int status;

    print_idle(server, connections, before_kb, "the handshake");
    status = measure_requests(load, server, connections, 0.5);
    usleep(300000);
    print_idle(server, connections, before_kb, "requests");
    return status;
}

static int run_client(const load_target *target, const char *certificate, pid_t server, int argc, char **argv)
{
    bool idle = argc > 2 && strcmp(argv[1], "--idle") == 0;
    unsigned connections = idle ? (unsigned)atoi(argv[2]) : argc > 1 ? (unsigned)atoi(argv[1]) : 64;
    long before_kb = cpu_resident_kb(server);
    _cleanup_(load) load_t *load = NULL;
    p11kms_err err = load_open(target, certificate, connections, &load);

    if (err != P11KMS_OK) {
        return fail("no connections", err);
    }
    return idle ? measure_idle(load, server, connections, before_kb)
                : measure_requests(load, server, connections, argc > 2 ? atof(argv[2]) : 3);
}

int main(int argc, char **argv)
{
    char folder[] = "/tmp/bench_http.XXXXXX", certificate[64], key[64];
    conf_listen listen = {
        .kind = LISTEN_HTTPS, .host = "127.0.0.1", .certificate = certificate, .key = key
    };
    load_target target = { .host = "127.0.0.1", .authority = "127.0.0.1", .tls = true };
    int tell[2], status = 1;
    p11kms_err err;
    pid_t server;

    if (mkdtemp(folder) == NULL || pipe(tell) != 0) {
        return fail("no folder", P11KMS_E_IO);
    }
    snprintf(certificate, sizeof(certificate), "%s/certificate.pem", folder);
    snprintf(key, sizeof(key), "%s/key.pem", folder);
    err = crypto_init();
    err = err == P11KMS_OK ? make_certificate(certificate, key) : err;
    server = err == P11KMS_OK ? fork() : -1;
    if (server == 0) {
        _exit(serve(&listen, tell[1]));
    }
    close(tell[1]);
    if (server > 0 && read(tell[0], &target.port, sizeof(target.port)) == sizeof(target.port)) {
        status = run_client(&target, certificate, server, argc, argv);
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    unlink(certificate);
    unlink(key);
    rmdir(folder);
    return status;
}
