#include "tests/http/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"

#define WAIT_US 5000000

static void must(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "test server: %s: %s\n", what, p11kms_err_detail(P11KMS_E_INTERNAL));
        abort();
    }
}

void server_init(server_t *server)
{
    *server = (server_t){
        .limits = { .connections_max = 256,
                    .header_timeout_ms = 5000,
                    .body_timeout_ms = 5000,
                    .idle_timeout_ms = 5000,
                    .answer_timeout_ms = 5000 },
        .listen = { .kind = LISTEN_HTTP, .host = "127.0.0.1" },
    };
}

static void answer(server_t *server, http_exchange_t *exchange, const message_t *message)
{
    buf_t body = { 0 };

    if (server->big > 0) {
        memset(buf_reserve(&body, server->big), 'x', server->big);
        body.len = server->big;
    } else {
        buf_put_slice(&body, message->method);
        buf_put_char(&body, ' ');
        buf_put_slice(&body, message->path);
        buf_put_char(&body, ' ');
        buf_put_slice(&body, message->body);
    }
    http_answer(exchange, 200, server->answer_headers, &body);
    must(body.data == NULL, "the body was not taken");
}

static void on_request(void *arg, http_exchange_t *exchange, const message_t *message)
{
    server_t *server = arg;

    server->peer = *message->peer;
    snprintf(server->last_path, sizeof(server->last_path), "%.*s", (int)message->path.len,
             (const char *)message->path.data);
    if (server->keep) {
        must(server->n_kept < KEPT_MAX, "too many kept");
        server->kept[server->n_kept] = exchange;
        server->kept_messages[server->n_kept++] = message;
    }
    atomic_fetch_add(&server->handled, 1); /* before the client can know */
    if (!server->keep) {
        answer(server, exchange, message);
    }
}

static void on_refused(void *arg, const peer_t *peer, const char *request_id, int status, const char *reason)
{
    server_t *server = arg;

    must((request_id != NULL) == (status != 0), "a refusal that was answered has its request id");
    must(peer->address[0] != '\0', "a refusal names its peer");
    snprintf(server->last_reason, sizeof(server->last_reason), "%s", reason);
    atomic_store(&server->last_status, status);
    atomic_fetch_add(&server->refused, 1);
}

static void on_async(uv_async_t *async)
{
    server_t *server = async->data;

    if (server->last_call) {
        uv_close((uv_handle_t *)async, NULL);
    }
    if (server->call != NULL) {
        server->call(server->call_arg);
        server->call = NULL;
        sem_post(&server->done);
    }
}

static void *run(void *arg)
{
    server_t *server = arg;

    uv_run(&server->loop, UV_RUN_DEFAULT);
    return NULL;
}

p11kms_err server_try(server_t *server)
{
    p11kms_err err;

    uv_loop_init(&server->loop);
    must(http_new(&server->loop, &server->limits, &server->http) == P11KMS_OK, "http_new");
    err = http_listen(server->http, &server->listen, on_request, on_refused, server, &server->port);
    if (err == P11KMS_OK && server->second.host != NULL) {
        err =
            http_listen(server->http, &server->second, on_request, on_refused, server, &server->second_port);
    }
    if (err != P11KMS_OK) {
        http_free(server->http);
        uv_run(&server->loop, UV_RUN_DEFAULT);
        must(uv_loop_close(&server->loop) == 0, "a handle was left open");
    }
    return err;
}

void server_start(server_t *server)
{
    must(server_try(server) == P11KMS_OK, "http_listen");
    sem_init(&server->done, 0, 0);
    uv_async_init(&server->loop, &server->async, on_async);
    server->async.data = server;
    must(pthread_create(&server->thread, NULL, run, server) == 0, "pthread_create");
}

void server_call(server_t *server, void (*call)(void *arg), void *arg)
{
    server->call_arg = arg;
    server->call = call;
    uv_async_send(&server->async);
    sem_wait(&server->done);
}

static void on_stopped(void *arg)
{
    atomic_store(&((server_t *)arg)->stopped, true);
}

typedef struct {
    server_t *server;
    unsigned timeout_ms;
    p11kms_err err;
    http_stats stats;
} call_args;

static void begin_stop(void *arg)
{
    call_args *args = arg;

    http_stop(args->server->http, args->timeout_ms, on_stopped, args->server);
}

void server_begin_stop(server_t *server, unsigned timeout_ms)
{
    call_args args = { .server = server, .timeout_ms = timeout_ms };

    server_call(server, begin_stop, &args);
}

static void reload(void *arg)
{
    call_args *args = arg;

    args->err = http_reload_certificates(args->server->http);
}

p11kms_err server_reload(server_t *server)
{
    call_args args = { .server = server };

    server_call(server, reload, &args);
    return args.err;
}

static void take_stats(void *arg)
{
    call_args *args = arg;

    args->stats = http_get_stats(args->server->http);
}

http_stats server_stats(server_t *server)
{
    call_args args = { .server = server };

    server_call(server, take_stats, &args);
    return args.stats;
}

static void answer_kept(void *arg)
{
    server_t *server = arg;
    unsigned n = server->n_kept;

    server->n_kept = 0;
    for (unsigned i = 0; i < n; i++) {
        answer(server, server->kept[i], server->kept_messages[i]);
    }
}

void server_answer_kept(server_t *server)
{
    server_call(server, answer_kept, server);
}

static void nothing(void *arg)
{
    (void)arg;
}

slice_t server_kept_body(server_t *server)
{
    server_call(server, nothing, NULL);
    return server->kept_messages[0]->body;
}

void server_wait_handled(server_t *server, unsigned n)
{
    int64_t end = clock_mono_us() + WAIT_US;

    while (atomic_load(&server->handled) < n && clock_mono_us() < end) {
        usleep(1000);
    }
    must(atomic_load(&server->handled) >= n, "the request was not handled");
}

void server_wait_open(server_t *server, unsigned n)
{
    int64_t end = clock_mono_us() + WAIT_US;

    while (server_stats(server).open != n && clock_mono_us() < end) {
        usleep(1000);
    }
    must(server_stats(server).open == n, "the number of open connections is wrong");
}

static void end(void *arg)
{
    server_t *server = arg;

    server->last_call = true;
    uv_close((uv_handle_t *)&server->async, NULL);
    answer_kept(server);
    http_free(server->http);
}

void server_end(server_t *server)
{
    server_call(server, end, server);
    pthread_join(server->thread, NULL);
    must(uv_loop_close(&server->loop) == 0, "a handle was left open");
    sem_destroy(&server->done);
}
