#include "config.h" /* strcasestr() */

#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/clock.h"

#define ANSWER_MAX (4u << 20)
#define READ_STEP 16384
#define EVENTS 64
#define PATIENCE_US 30000000 /* for the answers that are still out at the end */

typedef struct {
    int fd;
    SSL *tls;
    buf_t in;
    int64_t sent_us;
    bool waiting;
} connection_t;

struct load {
    load_target target;
    SSL_CTX *context;
    int epoll;
    unsigned n;
    connection_t *connections;
};

/* ---- where to ---- */

static p11kms_err split_host(const char *text, size_t len, load_target *ret)
{
    const char *end = text + len;
    const char *colon = text[0] == '[' ? strstr(text, "]:") : memchr(text, ':', len);
    size_t host_len;

    if (colon != NULL && text[0] == '[') {
        colon++;
    }
    if (colon != NULL && colon < end) {
        ret->port = (unsigned)strtoul(colon + 1, NULL, 10);
        end = colon;
    }
    snprintf(ret->authority, sizeof(ret->authority), "%.*s", (int)len, text);
    if (text[0] == '[') {
        text++;
        end--;
    }
    host_len = (size_t)(end - text);
    if (host_len == 0 || host_len >= sizeof(ret->host) || ret->port == 0 || ret->port > 65535) {
        FAIL(P11KMS_E_SYNTAX, "the URL names no host and port");
    }
    snprintf(ret->host, sizeof(ret->host), "%.*s", (int)host_len, text);
    return P11KMS_OK;
}

p11kms_err load_parse_url(const char *url, load_target *ret)
{
    *ret = (load_target){ 0 };
    if (strncmp(url, "unix:", 5) == 0) {
        if (strlen(url + 5) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
            FAIL(P11KMS_E_SYNTAX, "'%s' is too long for a socket's path", url + 5);
        }
        snprintf(ret->host, sizeof(ret->host), "%s", url + 5);
        snprintf(ret->authority, sizeof(ret->authority), "localhost");
        return P11KMS_OK;
    }
    ret->tls = strncmp(url, "https://", 8) == 0;
    ret->port = ret->tls ? 443 : 80;
    if (!ret->tls && strncmp(url, "http://", 7) != 0) {
        FAIL(P11KMS_E_SYNTAX, "'%s' is no https:, http: or unix: URL", url);
    }
    url += ret->tls ? 8 : 7;
    return split_host(url, strcspn(url, "/?"), ret);
}

/* ---- connections ---- */

static int connect_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path) + 1); /* measured by load_parse_url() */
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_tcp(const load_target *target)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char port[16];
    int fd = -1, on = 1;

    snprintf(port, sizeof(port), "%u", target->port);
    if (getaddrinfo(target->host, port, &hints, &found) != 0) {
        return -1;
    }
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    return fd;
}

/* An address is checked against the certificate's addresses, a name against its names. */
static void expect_host(SSL *tls, char *host) /* not const: a macro of openssl's casts it away */
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host) != 1) {
        SSL_set_tlsext_host_name(tls, host);
        SSL_set1_host(tls, host);
    }
}

static p11kms_err start_tls(load_t *load, connection_t *connection)
{
    connection->tls = SSL_new(load->context);
    ENSURE(connection->tls != NULL, P11KMS_E_NOMEM);
    SSL_set_fd(connection->tls, connection->fd);
    expect_host(connection->tls, load->target.host);
    if (SSL_connect(connection->tls) != 1) {
        long verified = SSL_get_verify_result(connection->tls);

        ERR_clear_error();
        FAIL(P11KMS_E_IO, "TLS to %s failed: %s", load->target.authority,
             verified != X509_V_OK ? X509_verify_cert_error_string(verified) : "handshake failure");
    }
    return P11KMS_OK;
}

static void drop(connection_t *connection)
{
    if (connection->tls != NULL) {
        SSL_free(connection->tls);
    }
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    connection->tls = NULL;
    connection->fd = -1;
    connection->waiting = false;
    buf_clear(&connection->in);
}

static p11kms_err establish(load_t *load, connection_t *connection)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    const load_target *target = &load->target;

    connection->fd = target->port == 0 ? connect_unix(target->host) : connect_tcp(target);
    if (connection->fd < 0) {
        FAIL(P11KMS_E_IO, "no connection to %s: %s", target->port == 0 ? target->host : target->authority,
             strerror(errno));
    }
    if (target->tls) {
        TRY(start_tls(load, connection));
    }
    fcntl(connection->fd, F_SETFL, fcntl(connection->fd, F_GETFL) | O_NONBLOCK);
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        FAIL(P11KMS_E_IO, "epoll: %s", strerror(errno));
    }
    return P11KMS_OK;
}

static p11kms_err make_context(const char *ca_bundle, SSL_CTX **ret)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    ENSURE(context != NULL, P11KMS_E_NOMEM);
    *ret = context;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (ca_bundle != NULL ? SSL_CTX_load_verify_file(context, ca_bundle) != 1
                          : SSL_CTX_set_default_verify_paths(context) != 1) {
        FAIL(P11KMS_E_CONFIG, "the CA bundle '%s' cannot be read",
             ca_bundle != NULL ? ca_bundle : "of the system");
    }
    return P11KMS_OK;
}

p11kms_err load_open(const load_target *target, const char *ca_bundle, unsigned connections, load_t **ret)
{
    _cleanup_(load) load_t *load = calloc(1, sizeof(*load));

    ENSURE(load != NULL, P11KMS_E_NOMEM);
    load->target = *target;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc(connections, sizeof(*load->connections));
    ENSURE(load->connections != NULL && load->epoll >= 0, P11KMS_E_NOMEM);
    for (load->n = 0; load->n < connections; load->n++) {
        load->connections[load->n].fd = -1;
    }
    if (target->tls) {
        TRY(make_context(ca_bundle, &load->context));
    }
    for (unsigned i = 0; i < connections; i++) {
        TRY(establish(load, &load->connections[i]));
    }
    *ret = STEAL(load);
    return P11KMS_OK;
}

void load_close(load_t *load)
{
    for (unsigned i = 0; i < load->n; i++) {
        drop(&load->connections[i]);
        buf_free(&load->connections[i].in);
    }
    SSL_CTX_free(load->context);
    close(load->epoll);
    free(load->connections);
    free(load);
}

/* ---- one request, one answer ---- */

static bool wait_for(const connection_t *connection, short events)
{
    struct pollfd poller = { .fd = connection->fd, .events = events };

    return poll(&poller, 1, PATIENCE_US / 1000) == 1;
}

static bool send_all(connection_t *connection, slice_t bytes)
{
    while (bytes.len > 0) {
        ssize_t n = connection->tls != NULL ? SSL_write(connection->tls, bytes.data, (int)bytes.len)
                                            : send(connection->fd, bytes.data, bytes.len, MSG_NOSIGNAL);

        if (n > 0) {
            bytes = SLICE(bytes.data + n, bytes.len - (size_t)n);
            continue;
        }
        if (connection->tls != NULL ? SSL_get_error(connection->tls, (int)n) != SSL_ERROR_WANT_WRITE
                                    : errno != EAGAIN) {
            return false;
        }
        if (!wait_for(connection, POLLOUT)) {
            return false;
        }
    }
    return true;
}

typedef enum { READ_SOME, READ_NOTHING, READ_END } read_outcome;

static read_outcome read_some(connection_t *connection)
{
    uint8_t *into = connection->in.len < ANSWER_MAX ? buf_reserve(&connection->in, READ_STEP) : NULL;
    ssize_t n;

    if (into == NULL) {
        return READ_END;
    }
    n = connection->tls != NULL ? SSL_read(connection->tls, into, READ_STEP)
                                : recv(connection->fd, into, READ_STEP, 0);
    if (n > 0) {
        connection->in.len += (size_t)n;
        return READ_SOME;
    }
    if (connection->tls != NULL) {
        return SSL_get_error(connection->tls, (int)n) == SSL_ERROR_WANT_READ ? READ_NOTHING : READ_END;
    }
    return n < 0 && errno == EAGAIN ? READ_NOTHING : READ_END;
}

typedef struct {
    int status;
    size_t head; /* with the empty line; 0: not there yet */
    size_t body;
} framing;

/* A server of ours sends a Content-Length with every answer. */
static framing frame(buf_t *in)
{
    const char *text = buf_str(in), *end = strstr(text, "\r\n\r\n"),
               *length = strcasestr(text, "\r\nContent-Length: ");

    if (end == NULL || in->len < 12) {
        return (framing){ 0 };
    }
    return (framing){ .status = (int)strtol(text + 9, NULL, 10),
                      .head = (size_t)(end - text) + 4,
                      .body = length != NULL && length < end ? strtoul(length + 18, NULL, 10) : 0 };
}

/** Read what is there; true when the answer is whole. @p ret_alive is false when the connection is lost. */
static bool take_answer(connection_t *connection, framing *ret, bool *ret_alive)
{
    read_outcome outcome;

    *ret_alive = true;
    do {
        outcome = read_some(connection);
        *ret = frame(&connection->in);
        if (ret->head > 0 && connection->in.len >= ret->head + ret->body) {
            return true;
        }
    } while (outcome == READ_SOME && connection->tls != NULL && SSL_has_pending(connection->tls));
    *ret_alive = outcome != READ_END;
    return false;
}

p11kms_err load_call(load_t *load, slice_t request, int *ret_status, buf_t *ret_body)
{
    connection_t *connection = &load->connections[0];
    framing answer;
    bool alive = send_all(connection, request);

    while (alive && wait_for(connection, POLLIN)) {
        if (take_answer(connection, &answer, &alive)) {
            *ret_status = answer.status;
            buf_put(ret_body, connection->in.data + answer.head, answer.body);
            buf_clear(&connection->in);
            return P11KMS_OK;
        }
    }
    FAIL(P11KMS_E_IO, "the server does not answer");
}

/* ---- the run ---- */

typedef struct {
    load_t *load;
    const load_source *source;
    load_result *result;
    int64_t end_us;
    unsigned waiting;
} run_t;

static void note_error(run_t *run, const char *what, slice_t body)
{
    if (run->result->errors++ == 0) {
        snprintf(run->result->first_error, sizeof(run->result->first_error), "%s: %.*s", what,
                 (int)(body.len < 200 ? body.len : 200), (const char *)body.data);
    }
}

static void lose(run_t *run, connection_t *connection)
{
    run->waiting -= connection->waiting;
    note_error(run, "a connection was lost", SLICE_LIT(""));
    drop(connection);
}

static void send_next(run_t *run, connection_t *connection)
{
    unsigned index = (unsigned)(connection - run->load->connections);
    int64_t now = clock_mono_us();

    if (now >= run->end_us) {
        return;
    }
    if (connection->fd < 0 && establish(run->load, connection) != P11KMS_OK) {
        drop(connection);
        return;
    }
    connection->sent_us = now;
    connection->waiting = true;
    run->waiting++;
    if (!send_all(connection, run->source->request(run->source->arg, index))) {
        lose(run, connection);
    }
}

static void on_answer(run_t *run, connection_t *connection, framing answer)
{
    unsigned index = (unsigned)(connection - run->load->connections);
    slice_t body = SLICE(connection->in.data + answer.head, answer.body);

    connection->waiting = false;
    run->waiting--;
    histogram_add(&run->result->latency, (uint64_t)(clock_mono_us() - connection->sent_us));
    if (run->source->check(run->source->arg, index, answer.status, body)) {
        run->result->answers++;
    } else {
        note_error(run, "a wrong answer", body);
    }
    connection->in.len =
        0; /* not buf_clear(): wiping a public test's buffers is time taken from the server */
}

static void on_event(run_t *run, connection_t *connection)
{
    framing answer;
    bool alive;

    if (take_answer(connection, &answer, &alive)) {
        on_answer(run, connection, answer);
        send_next(run, connection);
    } else if (!alive) {
        lose(run, connection);
        send_next(run, connection);
    }
}

p11kms_err load_run(load_t *load, const load_source *source, double seconds, load_result *ret)
{
    int64_t start_us = clock_mono_us(), last_us = start_us;
    run_t run = {
        .load = load, .source = source, .result = ret, .end_us = start_us + (int64_t)(seconds * 1e6)
    };
    struct epoll_event events[EVENTS];

    *ret = (load_result){ 0 };
    for (unsigned i = 0; i < load->n; i++) {
        send_next(&run, &load->connections[i]);
    }
    while (run.waiting > 0 && last_us < run.end_us + PATIENCE_US) {
        int n = epoll_wait(load->epoll, events, EVENTS, 1000);

        for (int i = 0; i < n; i++) {
            on_event(&run, events[i].data.ptr);
        }
        last_us = clock_mono_us();
    }
    ret->errors += run.waiting;
    ret->seconds = (double)(last_us - start_us) / 1e6;
    ENSURE(ret->answers > 0 || ret->errors > 0, P11KMS_E_IO);
    return P11KMS_OK;
}
