/*
 * An http_t on a thread of its own, with a handler that echoes, keeps requests
 * for later, or answers at length. Tests talk to it over real sockets.
 */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <uv.h>

#include "http/http.h"

#define KEPT_MAX 64

typedef struct {
    http_limits limits;
    conf_listen listen; /* LISTEN_HTTP at 127.0.0.1 unless set */
    conf_listen second; /* another one; host NULL: none */
    atomic_bool keep;   /* do not answer: server_answer_kept() does */
    size_t big;         /* answer with so many bytes */

    unsigned port;
    unsigned second_port;
    atomic_uint handled;
    atomic_uint refused;
    atomic_int last_status; /* of a refusal */
    char last_reason[128];
    char last_path[128];
    peer_t peer; /* of the last request */
    slice_t answer_headers;
    atomic_bool stopped; /* http_stop() is done */

    http_t *http;
    uv_loop_t loop;
    uv_async_t async;
    pthread_t thread;
    sem_t done;
    void (*call)(void *arg);
    void *call_arg;
    bool last_call;
    http_exchange_t *kept[KEPT_MAX];
    const message_t *kept_messages[KEPT_MAX];
    unsigned n_kept;
} server_t;

/** Generous limits, plain HTTP, echo: change what the test is about, then start. */
void server_init(server_t *server);
void server_start(server_t *server);
/** http_listen()'s result, and no thread: for listeners that must be refused. */
p11kms_err server_try(server_t *server);
/** Cut what is open, wait until everything is closed, free. */
void server_end(server_t *server);

/** Run @p call on the server's thread and wait for it. */
void server_call(server_t *server, void (*call)(void *arg), void *arg);
void server_begin_stop(server_t *server, unsigned timeout_ms);
p11kms_err server_reload(server_t *server);
http_stats server_stats(server_t *server);
/** Wait until @p n requests have been handled (5 s). */
void server_wait_handled(server_t *server, unsigned n);
/** Wait until @p n connections are open (5 s). */
void server_wait_open(server_t *server, unsigned n);
void server_answer_kept(server_t *server);
/** The body of the oldest request kept, as the handler would still read it. */
slice_t server_kept_body(server_t *server);
